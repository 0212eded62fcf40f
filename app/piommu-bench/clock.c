/* SPDX-License-Identifier: BSD-3-Clause */
/* Clocks and processors. */
#include <sched.h>
#include <time.h>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

#include "bench.h"

void cpus_find(struct cpus *out)
{
	cpu_set_t set;

	*out = (struct cpus){ .n = 0 };
	if (!sched_getaffinity(0, sizeof(set), &set)) {
		for (size_t cpu = 0; cpu < CPU_SETSIZE && out->n < MAX_THREADS; cpu++)
			if (CPU_ISSET(cpu, &set))
				out->at[out->n++] = (int)cpu;
	}
	if (!out->n) /* no such call, or more processors than it can say: stay where we are */
		*out = (struct cpus){ .n = 1, .at = { -1 } };
}

void cpus_pin(const struct cpus *cpus, unsigned n)
{
	int cpu = cpus->at[n % cpus->n];
	cpu_set_t set;

	if (cpu < 0)
		return;
	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

double now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

uint64_t now_ticks(void)
{
#if defined(__x86_64__)
	uint64_t now;

	_mm_lfence(); /* what is timed does not drift across */
	now = __rdtsc();
	_mm_lfence();
	return now;
#else
	return (uint64_t)now_ns();
#endif
}

double ns_per_tick(void)
{
	double start = now_ns();
	uint64_t from = now_ticks();
	double ns;

	do
		ns = now_ns() - start;
	while (ns < 20e6);
	return ns / (double)(now_ticks() - from);
}

uint64_t clock_cost(void)
{
	uint64_t least = UINT64_MAX;

	for (unsigned i = 0; i < 1000; i++) {
		uint64_t from = now_ticks();
		uint64_t cost = now_ticks() - from;

		least = cost < least ? cost : least;
	}
	return least;
}
