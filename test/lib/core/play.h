/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Threads that bring devices in and take them out of one fake machine, while others do something else with it. Each has devices of
 * its own, so it knows what must be found. Bounded by count: PLAY_ROUNDS.
 */
#ifndef PLAY_H
#define PLAY_H

#include "fake.h"
#include "threads.h"

#if defined(UNDER_TSAN) || defined(__SANITIZE_ADDRESS__)
#define PLAY_ROUNDS 400u
#else
#define PLAY_ROUNDS 4000u
#endif

/* What threads share. CUnit's assertions are for the main thread: the others leave the first thing that was wrong. */
struct play {
	struct fake fake;
	struct piommu *p;
	unsigned ngroups; /* at the beginning */
	pthread_mutex_t lock;
	char wrong[128];
	atomic_uint busy; /* of those whose rounds bound the play: the others look at it, and stop */
	pthread_barrier_t barrier;
};

/* `busy`: how many threads bound it. `meeting`: how many meet. */
void play_open(struct play *play, unsigned busy, unsigned meeting);
/* What came has gone again, and the machine is what it was. */
void play_close(struct play *play);

void play_wrong(struct play *play, const char *what, long long got);
#define PLAY_EXPECT(play, what, good) \
	do { \
		long long got = (what); \
		if (!(good)) \
			play_wrong(play, #what, got); \
	} while (0)

/* All threads that meet are here before one goes on. */
void play_meet(struct play *play);

void play_function_comes(struct play *play, const char *bdf, bool multifunction);
void play_function_goes(struct play *play, const char *bdf);
void play_node_comes(struct play *play, const char *name, uint32_t stream);
void play_node_goes(struct play *play, const char *name);

#endif
