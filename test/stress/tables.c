/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tables that are taken out while a device and another thread walk them: they go back to the pool after the invalidation and a
 * grace period (doc/locking.md), and with -Dyield_points=true the pool fills what comes back with what no walker takes for a table.
 * One span is mapped in small pages and in a large one in turn, so that each turn takes a table out; a device writes there, or a
 * thread looks addresses up, all the time. Without yield points no more is seen than that what was unmapped is not reached. Usage: tables [TURNS [VARIANT [FILTER]]]
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "piommu.h"
#include "piommu_sim.h"
#include "stress.h"
#include "suite.h"

#define PAGE UINT64_C(4096)
#define SPAN (UINT64_C(2) << 20) /* a leaf table of its own, or one large page */
#define SPAN_IOVA (UINT64_C(3) << 30)
#define PATIENCE 1000u

static struct {
	uint64_t turns;
	const char *variant;
} arguments = { 20000, "vtd,thread=1" };

static const struct piommu_sbdf device = { 0, 0, 0x10 };

struct world {
	struct stress_verdict verdict;
	struct piommu *p;
	struct piommu_platform *plat;
	struct piommu_group *group;
	struct piommu_domain *domain;
	struct piommu_mem mem;
	atomic_bool met; /* the walker came while something was mapped */
	atomic_bool done;
};

static bool goes_on(struct world *w)
{
	return !atomic_load_explicit(&w->done, memory_order_relaxed) && !stress_failed(&w->verdict);
}

static uint64_t any_page(struct stress_rng *rng)
{
	return SPAN_IOVA + stress_below(rng, SPAN / PAGE) * PAGE;
}

/* Hardware's walks, from what it has cached. */
static void *write_there(void *arg)
{
	struct stress_rng rng = stress_rng(1, 1);
	struct world *w = arg;
	uint32_t word = 1;

	while (goes_on(w)) {
		for (unsigned i = 0; i < 16; i++)
			if (!piommu_sim_dma(w->plat, device, any_page(&rng), &word, sizeof(word), true))
				atomic_store_explicit(&w->met, true, memory_order_relaxed);
		sched_yield();
	}
	return NULL;
}

static void look(struct world *w, uint64_t iova)
{
	uint64_t pa = 0;
	unsigned prot = 0;
	int err = piommu_lookup(w->domain, iova, &pa, &prot, NULL);

	if (!err)
		atomic_store_explicit(&w->met, true, memory_order_relaxed);
	if (err != -ENOENT && (err || pa < w->mem.pa || pa - w->mem.pa >= w->mem.len || prot != PIOMMU_RW))
		stress_fail(&w->verdict, "lookup of 0x%llx: %d, pa 0x%llx, prot %u", (unsigned long long)iova, err,
			    (unsigned long long)pa, prot);
}

/* Ours. */
static void *look_there(void *arg)
{
	struct stress_rng rng = stress_rng(1, 2);
	struct world *w = arg;

	stress_thread_start(&rng);
	while (goes_on(w)) {
		for (unsigned i = 0; i < 64; i++)
			look(w, any_page(&rng));
		piommu_poll(w->p);
		sched_yield();
	}
	stress_thread_end();
	return NULL;
}

/* Small pages lie one further on in memory, so that no large one fits. @return tables in use meanwhile */
static size_t turn(struct world *w, struct stress_rng *rng, uint64_t off)
{
	struct piommu_stats stats;
	int err = piommu_map(w->domain, SPAN_IOVA, w->mem.pa + off, SPAN, PIOMMU_RW);

	sched_yield(); /* on few processors nobody would see it */
	piommu_stats(w->p, &stats);
	if (!err)
		err = piommu_unmap(w->domain, SPAN_IOVA, SPAN, NULL);
	if (err)
		stress_fail(&w->verdict, "map or unmap: %d", err);
	else if (!piommu_sim_dma(w->plat, device, any_page(rng), &(uint32_t){ 0 }, sizeof(uint32_t), false))
		stress_fail(&w->verdict, "a page is reached that was unmapped");
	return stats.table_pages;
}

static uint64_t most_turns(struct world *w, uint64_t i)
{
	if (i < arguments.turns || atomic_load_explicit(&w->met, memory_order_relaxed))
		return arguments.turns;
	return PATIENCE * arguments.turns;
}

static void turn_and_turn_about(struct world *w)
{
	struct stress_rng rng = stress_rng(1, 3);
	size_t least = SIZE_MAX, most = 0;

	stress_thread_start(&rng);
	/* On a busy machine the walker may not have run yet when the turns are over. */
	for (uint64_t i = 0; i < most_turns(w, i) && !stress_failed(&w->verdict); i++) {
		size_t tables = turn(w, &rng, i % 2 ? PAGE : 0);

		least = tables < least ? tables : least;
		most = tables > most ? tables : most;
		piommu_poll(w->p);
	}
	if (!atomic_load_explicit(&w->met, memory_order_relaxed) && !stress_failed(&w->verdict))
		stress_fail(&w->verdict, "nothing was mapped when the walker looked: a test of nothing");
	if (most <= least && !stress_failed(&w->verdict))
		stress_fail(&w->verdict, "no table was taken out: a test of nothing");
	stress_thread_end();
}

static int world_init(struct world *w)
{
	struct piommu_config config = PIOMMU_CONFIG_INIT;
	char platform[128];
	int err;

	snprintf(platform, sizeof(platform), "sim:%s,mem=64m", arguments.variant);
	config.platform = platform;
	config.timeout_ms = 20000;
	if ((err = piommu_create(&config, &w->p)))
		return err;
	w->plat = piommu_platform(w->p);
	if ((err = piommu_group_find(w->p, device, &w->group)) || (err = piommu_claim(w->group)) ||
	    (err = piommu_domain_create(w->group, NULL, &w->domain)) || (err = piommu_attach(w->domain, w->group)))
		return err;
	return piommu_mem_alloc(w->p, SPAN + PAGE, SPAN, &w->mem);
}

static void check_unit(struct world *w)
{
	struct piommu_sim_counts counts;
	char complaint[200] = "";

	CHECK_EQ(piommu_sim_counts(w->plat, 0, &counts), 0);
	piommu_sim_complaint(w->plat, 0, complaint, sizeof(complaint));
	if (counts.reserved_errors)
		stress_fail(&w->verdict, "%s", complaint);
}

static void play(void *(*walker)(void *))
{
	struct world w = { .verdict = STRESS_VERDICT_INIT };
	pthread_t thread;

	CU_ASSERT_EQUAL_FATAL(world_init(&w), 0);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, walker, &w), 0);
	turn_and_turn_about(&w);
	atomic_store_explicit(&w.done, true, memory_order_relaxed);
	pthread_join(thread, NULL);
	check_unit(&w);
	if (stress_failed(&w.verdict))
		printf("     %s\n", w.verdict.why);
	CU_ASSERT_FALSE_FATAL(stress_failed(&w.verdict)); /* and nothing can be relied on any more */
	piommu_mem_free(w.p, &w.mem);
	CHECK_EQ(piommu_detach(w.domain, w.group), 0);
	CHECK_EQ(piommu_domain_destroy(w.domain), 0);
	CHECK_EQ(piommu_destroy(w.p), 0);
}

static void tables_that_a_device_may_walk_are_not_used_again(void)
{
	play(write_there);
}

static void tables_that_a_lookup_may_walk_are_not_used_again(void)
{
	play(look_there);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(tables_that_a_device_may_walk_are_not_used_again),
		SUITE_TEST(tables_that_a_lookup_may_walk_are_not_used_again),
	};

	if (argc > 1)
		arguments.turns = strtoull(argv[1], NULL, 0);
	if (argc > 2)
		arguments.variant = argv[2];
	return suite_run(argc > 3 ? 2 : 1, (char *[]){ argv[0], argc > 3 ? argv[3] : NULL, NULL }, "tables", tests,
			 sizeof(tests) / sizeof(tests[0]));
}
