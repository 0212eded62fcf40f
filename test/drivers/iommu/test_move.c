/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rule R7 on a machine: a device does DMA all the time, on a thread of its own, while it is moved from one domain to the other. Every access
 * gets through, and finds the page of one of the two. On our models alone: QEMU's devices wait for each other with the test.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "driver_tests.h"
#include "rig.h"

#define MOVES 300u
#define IOVA UINT64_C(0x5000)

static const uint32_t marks[2] = { 0xaaaaaaaa, 0xbbbbbbbb };

struct busy {
	struct rig *r;
	struct piommu_sbdf device;
	uint64_t iova;
	atomic_bool stop;
	_Atomic uint32_t accesses;
	unsigned blocked, strange; /* read after the thread has ended */
	unsigned seen[2];
};

static void *keep_reading(void *arg)
{
	struct busy *busy = arg;

	while (!atomic_load_explicit(&busy->stop, memory_order_acquire)) {
		uint32_t word = 0;

		if (piommu_sim_dma(busy->r->m->plat, busy->device, busy->iova, &word, sizeof(word), false))
			busy->blocked++;
		else if (word == marks[0] || word == marks[1])
			busy->seen[word == marks[1]]++;
		else
			busy->strange++;
		atomic_fetch_add_explicit(&busy->accesses, 1, memory_order_release);
	}
	return NULL;
}

/* Accesses that began before are done then, and one more. */
static void wait_for_accesses(struct busy *busy)
{
	uint32_t now = atomic_load_explicit(&busy->accesses, memory_order_acquire);

	while (atomic_load_explicit(&busy->accesses, memory_order_acquire) - now < 2)
		sched_yield();
}

/* From one stage 2 domain to another, in a stream table of one level: doc/smmuv3.md. */
static bool has_a_moment_of_abort(void)
{
	return !strcmp(rig_target()->family, "smmuv3") && strstr(rig_target()->variant, "stage=2") &&
	       strstr(rig_target()->variant, "two_level=0");
}

static void device_that_moves_sees_one_domain_or_the_other(void)
{
	struct piommu_domain *domains[2];
	struct piommu_sim_counts counts;
	struct piommu_mem mem[2];
	struct rig r;
	struct busy busy = { .r = &r, .iova = IOVA };
	pthread_t thread;
	unsigned nothing_new = 0;
	uint32_t word;

	rig_open(&r);
	r.expect_race = true; /* until each move is told: after it the test looks itself */
	busy.device = r.m->plain[1];
	for (unsigned i = 0; i < 2; i++) {
		if (i == 0)
			rig_claim(&r, busy.device);
		domains[i] = rig_domain(&r, busy.device);
		mem[i] = rig_mem(&r, RIG_PAGE, 0);
		memcpy(mem[i].va, &marks[i], sizeof(marks[i]));
		rig_map(&r, domains[i], IOVA, mem[i].pa, RIG_PAGE, PIOMMU_RW);
	}
	rig_attach(&r, domains[0], busy.device);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, keep_reading, &busy), 0);
	for (unsigned i = 1; i <= MOVES; i++) {
		wait_for_accesses(&busy);
		rig_attach(&r, domains[i & 1], busy.device);
		nothing_new += rig_read(&r, busy.device, IOVA, &word, sizeof(word)) || word != marks[i & 1];
	}
	atomic_store_explicit(&busy.stop, true, memory_order_release);
	pthread_join(thread, NULL);
	CHECK_EQ(nothing_new, 0);
	if (!has_a_moment_of_abort())
		CHECK_EQ(busy.blocked, 0);
	CHECK_EQ(busy.strange, 0);
	CU_ASSERT(busy.seen[0] && busy.seen[1]);
	CHECK_EQ(rig_events(&r, NULL), 0);
	for (unsigned unit = 0; !piommu_sim_counts(r.m->plat, unit, &counts); unit++)
		CHECK_EQ(counts.misuse, 0);
	rig_close(&r);
}

/* T20: mapped before the switch, and neither blocking nor an empty domain in between. */
static void device_reads_its_reserved_range_while_it_is_claimed_moved_and_released(void)
{
	struct piommu_domain *domain;
	struct piommu_span span;
	struct rig r;
	struct busy busy = { .r = &r };
	pthread_t thread;
	void *va;

	rig_open_reserved(&r, &span, &va);
	r.expect_race = true; /* as above */
	busy.device = r.m->reserved;
	busy.iova = span.start;
	memcpy(va, &marks[0], sizeof(marks[0]));
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, keep_reading, &busy), 0);
	for (unsigned i = 0; i < MOVES / 4; i++) {
		wait_for_accesses(&busy);
		rig_claim(&r, busy.device);
		wait_for_accesses(&busy);
		domain = rig_domain(&r, busy.device);
		rig_attach(&r, domain, busy.device);
		wait_for_accesses(&busy);
		rig_disown(&r, domain, busy.device);
	}
	atomic_store_explicit(&busy.stop, true, memory_order_release);
	pthread_join(thread, NULL);
	CHECK_EQ(busy.blocked, 0);
	CHECK_EQ(busy.strange, 0);
	CU_ASSERT(busy.seen[0] > 0);
	CHECK_EQ(rig_events(&r, NULL), 0);
	rig_close(&r);
}

const struct suite_test move_tests[] = {
	SUITE_TEST(device_that_moves_sees_one_domain_or_the_other),
	SUITE_TEST(device_reads_its_reserved_range_while_it_is_claimed_moved_and_released),
};
const unsigned move_ntests = sizeof(move_tests) / sizeof(move_tests[0]);
