/* SPDX-License-Identifier: BSD-3-Clause */
/* See threads.h. */
#include <pthread.h>
#include <sched.h>
#include <time.h>

#include "piommu.h"
#include "piommu_yield.h"
#include "suite.h"
#include "threads.h"

#define STUCK_S 60

struct one {
	void (*fn)(void *ctx, unsigned i);
	void *ctx;
	unsigned i;
};

static void *run_one(void *arg)
{
	const struct one *one = arg;

	piommu_thread_register();
#ifdef PIOMMU_YIELD_POINTS
	piommu_yield_seed(one->i + 1);
#endif
	one->fn(one->ctx, one->i);
	piommu_thread_unregister();
	return NULL;
}

void threads_run(unsigned n, void (*fn)(void *ctx, unsigned i), void *ctx)
{
	pthread_t threads[16];
	struct one ones[16];

	CU_ASSERT_FATAL(n <= 16);
	piommu_thread_offline(); /* a sleeper must not hold up their grace periods */
	for (unsigned i = 0; i < n; i++) {
		ones[i] = (struct one){ fn, ctx, i };
		CU_ASSERT_FATAL(!pthread_create(&threads[i], NULL, run_one, &ones[i]));
	}
	for (unsigned i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	piommu_thread_online();
}

bool threads_wait_for(const atomic_uint *counter, unsigned n)
{
	time_t end = time(NULL) + STUCK_S;

	while (atomic_load(counter) < n) {
		if (time(NULL) > end)
			return false;
		sched_yield();
	}
	return true;
}
