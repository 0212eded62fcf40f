/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two threads map and unmap disjoint ranges that share tables, from an empty tree on, while a third looks up: tables are
 * installed once, nobody's mapping is lost, lookups see a mapping or none. Meant for ThreadSanitizer, too.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "pt_fixture.h"
#include "suite.h"

#define ROUNDS 300u
#define BURSTS 64u
#define BURST_PAGES 24u /* lines of eight entries, and entries of a line shared with the other thread */

/* Bursts of both threads take turns; the next sixteen are in the next table of level 2. */
static uint64_t burst_iova(unsigned thread, unsigned burst)
{
	return burst / 16 * SPAN3 + ((uint64_t)burst % 16 * 2 + thread) * (BURST_PAGES + 1) * PAGE;
}

static uint64_t pa_of(uint64_t iova)
{
	return iova ^ 0x2a5a0000000;
}

struct shared {
	struct fixture *f;
	pthread_barrier_t start;
	bool stop;
	unsigned errors;
	unsigned installed; /* table pages after both have mapped */
};

struct worker {
	struct shared *shared;
	unsigned thread;
};

static void complain(struct shared *s)
{
	__atomic_fetch_add(&s->errors, 1, __ATOMIC_RELAXED);
}

/* CUnit's assertions are for one thread: workers count. */
static void check_burst(struct shared *s, uint64_t iova, bool mapped)
{
	for (unsigned i = 0; i < BURST_PAGES; i++) {
		uint64_t at = iova + i * PAGE, pa;

		if (fixture_translate(s->f, at, &pa, s->f->shadow != NULL) != mapped ||
		    (mapped && pa != pa_of(iova) + at - iova))
			complain(s);
	}
}

static void *map_and_unmap(void *arg)
{
	struct worker *w = arg;
	struct shared *s = w->shared;
	struct piommu_gather gather;
	size_t unmapped = 0;

	pthread_barrier_wait(&s->start);
	for (unsigned b = 0; b < BURSTS; b++) {
		uint64_t iova = burst_iova(w->thread, b);

		if (pt_kind->map(&s->f->pt, iova, pa_of(iova), BURST_PAGES * PAGE, PIOMMU_RW, NULL))
			complain(s);
		check_burst(s, iova, true);
	}
	pthread_barrier_wait(&s->start);
	if (w->thread == 0)
		s->installed = (unsigned)fixture_tables(s->f);
	pthread_barrier_wait(&s->start);
	for (unsigned b = 0; b < BURSTS; b++) {
		uint64_t iova = burst_iova(w->thread, b);

		piommu_gather_init(&gather);
		if (pt_kind->unmap(&s->f->pt, iova, BURST_PAGES * PAGE, &gather, &unmapped) || unmapped != BURST_PAGES * PAGE ||
		    gather.pages.n)
			complain(s);
		check_burst(s, iova, false);
	}
	return NULL;
}

static void *look_up(void *arg)
{
	struct shared *s = arg;

	for (unsigned n = 0; !__atomic_load_n(&s->stop, __ATOMIC_RELAXED); n++) {
		uint64_t start = burst_iova(n & 1, n / 2 % BURSTS);
		unsigned page = n % (BURST_PAGES + 1); /* the last is between bursts and never mapped: only zeroed */
		uint64_t iova = start + page * PAGE;
		struct piommu_pt_leaf leaf;
		int err = pt_kind->lookup(&s->f->pt, iova, &leaf);

		if (err ? err != -ENOENT : page == BURST_PAGES || leaf.pa != pa_of(start) + iova - start)
			complain(s);
	}
	return NULL;
}

static void round_of(struct fixture *f)
{
	struct shared s = { .f = f };
	struct worker workers[2] = { { &s, 0 }, { &s, 1 } };
	unsigned leaf_tables = (unsigned)((burst_iova(1, 15) + BURST_PAGES * PAGE - 1) / BLOCK) + 1;
	pthread_t thread[3];

	pthread_barrier_init(&s.start, NULL, 2);
	CHECK_EQ(pthread_create(&thread[2], NULL, look_up, &s), 0);
	for (unsigned i = 0; i < 2; i++)
		CHECK_EQ(pthread_create(&thread[i], NULL, map_and_unmap, &workers[i]), 0);
	for (unsigned i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	__atomic_store_n(&s.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread[2], NULL);
	pthread_barrier_destroy(&s.start);
	CHECK_EQ(s.errors, 0);
	/* Four tables of level 2, in each the first leaf tables; the losers of races gave theirs back. */
	CHECK_EQ(s.installed, pt_kind_levels(pt_kind, f->pt.iova_bits) - 3 + 4 + 4 * leaf_tables);
}

static void rounds(bool noncoherent)
{
	for (unsigned i = 0; i < (PAGE > 4096 ? ROUNDS / 10 : ROUNDS); i++) { /* memory for large tables takes long */
		struct fixture f;

		fixture_init(&f, pt_super_pages(), 4 * MIB, noncoherent);
		round_of(&f);
		fixture_fini(&f);
	}
}

static void threads_share_tables(void)
{
	rounds(false);
}

static void threads_share_tables_of_a_walker_that_does_not_snoop(void)
{
	rounds(true);
}

static const struct suite_test tests[] = {
	SUITE_TEST(threads_share_tables),
	SUITE_TEST(threads_share_tables_of_a_walker_that_does_not_snoop),
};

int main(int argc, char **argv)
{
	pt_kind_choose(&argc, argv);
	return suite_run(argc, argv, "pt_threads", tests, sizeof(tests) / sizeof(tests[0]));
}
