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

/*
 * Two threads at one place: the first is held in a callback, where it stands in the middle of something; the second does its part
 * meanwhile. If it does not return, because it waits for the first, both go on after a while.
 */
struct play_gate {
	const char *at; /* the line of the fake's log, or its beginning, at which the first is held, once */
	int (*first)(struct play *play);
	int (*second)(struct play *play);
	int results[2]; /* what they returned */
	bool waited;    /* the second did not return before the first went on */
	struct play *play;
	atomic_uint reached, over;
};
void play_gate(struct play *play, struct play_gate *gate);

void play_function_comes(struct play *play, const char *bdf, bool multifunction);
void play_function_goes(struct play *play, const char *bdf);
void play_node_comes(struct play *play, const char *name, uint32_t stream);
void play_node_goes(struct play *play, const char *name);

#endif
