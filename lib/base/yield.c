/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The schedule fuzzer behind PIOMMU_YIELD(), and the failures of PIOMMU_FAULT(), in builds with -Dyield_points=true alone. Any
 * thread. What a thread does at its yield points follows from its seed, but for what the scheduler makes of it. A seed favours
 * some points over others, so that among many seeds every window is held open while the rest of the program runs at full speed.
 */
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "piommu_mmio.h"
#include "piommu_yield.h"

/* A thread's own sequence, not a manager's: the points have no object at hand that belongs to the thread. */
static _Thread_local struct {
	uint64_t seed; /* 0: takes no part */
	uint64_t state;
} sequence;

void piommu_yield_seed(uint64_t seed)
{
	sequence.seed = seed;
	sequence.state = seed;
}

static _Thread_local void (*call)(const char *where);

void piommu_yield_call(void (*fn)(const char *where))
{
	call = fn;
}

/* A thread's, too: a test fails what it tries itself, not what other threads do meanwhile. */
static _Thread_local bool (*ask_fault)(const char *where);

void piommu_fault_ask(bool (*fn)(const char *where))
{
	ask_fault = fn;
}

bool piommu_fault(const char *where)
{
	return ask_fault && ask_fault(where);
}

/* A finaliser of good mixing (splitmix64's constants): every bit of `x` reaches every bit of the result. */
static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/* How often a point acts under this seed: once in 2^0 to 2^7 visits. */
static unsigned rarity_lg2(const char *where)
{
	uint64_t name = sequence.seed;

	for (; *where; where++)
		name = mix(name ^ (unsigned char)*where);
	return (unsigned)(name & 7);
}

void piommu_yield(const char *where)
{
	static const struct timespec moment = { 0, 1000 };
	uint64_t x;

	if (call)
		call(where);
	if (call || !sequence.seed)
		return;
	sequence.state += UINT64_C(0x9e3779b97f4a7c15);
	x = mix(sequence.state);
	if (x >> 32 & ((1u << rarity_lg2(where)) - 1))
		return;
	if ((x & 15) == 0)
		nanosleep(&moment, NULL);
	else if (x & 1)
		sched_yield();
	else
		for (unsigned n = (unsigned)(x >> 4 & 255); n; n--)
			cpu_relax();
}

static _Thread_local bool uncovered; /* entries were cleared, and no full barrier came after */

void piommu_order_cleared(void)
{
	uncovered = true;
}

void piommu_order_fenced(void)
{
	uncovered = false;
}

void piommu_order_listing(void)
{
	if (!uncovered)
		return;
	fputs("piommu: a list of units is read without a full barrier after entries were cleared\n", stderr);
	abort();
}
