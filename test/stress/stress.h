/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What stress tests share: random numbers that follow from one seed, and a place where any thread leaves the first failure.
 * CUnit's assertions are for one thread.
 */
#ifndef STRESS_H
#define STRESS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct stress_rng {
	uint64_t state;
};

/* The sequence of one thread in one round: `seed` is the run's, `stream` tells threads and rounds apart. */
struct stress_rng stress_rng(uint64_t seed, uint64_t stream);
uint64_t stress_random(struct stress_rng *rng);
/* 0 .. n - 1 */
unsigned stress_below(struct stress_rng *rng, unsigned n);

struct stress_verdict {
	pthread_mutex_t lock;
	atomic_bool failed; /* look at it often, and stop */
	char why[256];      /* of the first failure */
};
#define STRESS_VERDICT_INIT \
	{ \
		.lock = PTHREAD_MUTEX_INITIALIZER \
	}
void stress_fail(struct stress_verdict *verdict, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static inline bool stress_failed(struct stress_verdict *verdict)
{
	return atomic_load_explicit(&verdict->failed, memory_order_relaxed);
}

/* A thread of a stress test begins: it may use the fast path, and takes part in the schedule fuzzing of builds that have it. */
void stress_thread_start(struct stress_rng *rng);
void stress_thread_end(void);

#endif
