/* SPDX-License-Identifier: BSD-3-Clause */
/* See stress.h. Any thread. */
#include <stdarg.h>
#include <stdio.h>

#include "piommu.h"
#include "piommu_yield.h"
#include "stress.h"

uint64_t stress_random(struct stress_rng *rng)
{
	uint64_t x = rng->state += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

struct stress_rng stress_rng(uint64_t seed, uint64_t stream)
{
	struct stress_rng rng = { seed };

	rng.state = stress_random(&rng) ^ stream;
	rng.state = stress_random(&rng);
	return rng;
}

unsigned stress_below(struct stress_rng *rng, unsigned n)
{
	return (unsigned)((stress_random(rng) >> 32) * n >> 32);
}

void stress_fail(struct stress_verdict *verdict, const char *fmt, ...)
{
	va_list args;

	pthread_mutex_lock(&verdict->lock);
	if (!stress_failed(verdict)) {
		va_start(args, fmt);
		vsnprintf(verdict->why, sizeof(verdict->why), fmt, args);
		va_end(args);
	}
	atomic_store_explicit(&verdict->failed, true, memory_order_relaxed);
	pthread_mutex_unlock(&verdict->lock);
}

void stress_thread_start(struct stress_rng *rng)
{
#ifdef PIOMMU_YIELD_POINTS
	piommu_yield_seed(stress_random(rng));
#else
	stress_random(rng); /* the same sequence in every build */
#endif
	piommu_thread_register();
}

void stress_thread_end(void)
{
	piommu_thread_unregister();
#ifdef PIOMMU_YIELD_POINTS
	piommu_yield_seed(0);
#endif
}
