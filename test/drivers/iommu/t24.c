/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * T24 of doc/locking.md on the simulated machine, whose queue runs beside us: several threads unmap strictly, and now and then
 * the unit aborts one of their waits (ITE). Each abort fails exactly one unmap; what returned 0 was invalidated; nobody polls
 * until the end, and then there is an event for each. Where there is no queue the threads take turns at registers; a command is
 * refused, or never ends (a sync of an SMMUv2), and all failures are one event. Usage: t24 FAMILY VARIANT [FILTER], keys in the
 * words of piommu_sim.h.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "rig.h"

#define THREADS 4u
#define ABORTS 8u /* as many as a unit has events for without a poll */
#define LOST 3u
#define ENOUGH 1000000u /* unmaps of a thread; a hundred would do */

/* How the hardware goes wrong, and what is seen of it. */
struct failure {
	enum piommu_sim_switch which;
	unsigned times;
	int err;
	unsigned nevents;
};

struct world {
	struct rig r;
	struct failure failure;
	struct piommu_domain *domain;
	struct piommu_mem mem;
	atomic_uint nfailed;
	atomic_uint nrunning;
	atomic_bool stop;
};

struct waiter {
	struct world *w;
	uint64_t iova;
	_Atomic uint64_t n;
	unsigned stale; /* translated after unmap had returned 0 */
	int odd;        /* an answer that is none of the two */
};

/* What is mapped is in the unit's caches when it is unmapped. */
static int use(struct waiter *waiter)
{
	struct rig *r = &waiter->w->r;
	uint32_t word;
	int err = piommu_map(waiter->w->domain, waiter->iova, waiter->w->mem.pa, RIG_PAGE, PIOMMU_RW);

	return err ? err : piommu_sim_dma(r->m->plat, r->m->plain[0], waiter->iova, &word, sizeof(word), false);
}

static void *unmap_again_and_again(void *arg)
{
	struct waiter *waiter = arg;
	struct rig *r = &waiter->w->r;
	uint32_t word;

#ifdef PIOMMU_YIELD_POINTS
	piommu_yield_seed(waiter->iova);
#endif
	piommu_thread_register();
	while (!atomic_load(&waiter->w->stop) && waiter->n++ < ENOUGH && !waiter->odd) {
		int err = use(waiter);

		if (!err)
			err = piommu_unmap(waiter->w->domain, waiter->iova, RIG_PAGE, NULL);
		if (!err)
			waiter->stale += !piommu_sim_dma(r->m->plat, r->m->plain[0], waiter->iova, &word, sizeof(word), false);
		else if (err == waiter->w->failure.err)
			atomic_fetch_add(&waiter->w->nfailed, 1);
		else
			waiter->odd = err;
		if (err)
			waiter->iova += THREADS * RIG_PAGE; /* its old place may be cached until somebody polls */
	}
	piommu_thread_unregister();
	atomic_fetch_sub(&waiter->w->nrunning, 1);
	return NULL;
}

static bool goes_on(struct world *w)
{
	return atomic_load(&w->nrunning) == THREADS;
}

/* Who waits for a turn through two syncs that are lost has waited too long. */
static void let_all_have_a_turn(struct world *w, struct waiter *waiters)
{
	for (unsigned i = 0; i < THREADS; i++) {
		uint64_t n = atomic_load(&waiters[i].n);

		while (atomic_load(&waiters[i].n) < n + 2 && goes_on(w))
			sched_yield();
	}
}

/* One abort after the other, each when the one before has failed somebody. */
static void abort_some(struct world *w, struct waiter *waiters)
{
	for (unsigned i = 0; i < w->failure.times; i++) {
		CHECK_EQ(piommu_sim_set(w->r.m->plat, 0, w->failure.which, 3 + i), 0);
		while (atomic_load(&w->nfailed) <= i && goes_on(w))
			sched_yield();
		let_all_have_a_turn(w, waiters);
	}
}

static void check_world(struct world *w, const struct waiter *waiters)
{
	struct piommu_stats stats;

	CHECK_EQ(atomic_load(&w->nfailed), w->failure.times);
	for (unsigned i = 0; i < THREADS; i++) {
		CHECK_EQ(waiters[i].odd, 0);
		CHECK_EQ(waiters[i].stale, 0);
	}
	while (piommu_poll(w->r.p))
		;
	piommu_stats(w->r.p, &stats);
	CHECK_EQ(stats.inv_errors, w->failure.nevents);
	/* And the unit works on. */
	rig_map(&w->r, w->domain, 0x5000, w->mem.pa, RIG_PAGE, PIOMMU_RW);
	rig_unmap(&w->r, w->domain, 0x5000, RIG_PAGE);
}

/* Each sync that is lost costs the patience of who waits for it: a few do. */
static void open_world(struct world *w)
{
	bool loses_syncs = !strcmp(rig_target()->family, "smmuv2");
	struct piommu_unit_info info;

	if (loses_syncs)
		rig_open_impatient(&w->r);
	else
		rig_open(&w->r);
	w->r.expect_stale = w->r.expect_no_finish = false; /* it gets well */
	CHECK_EQ(piommu_unit_info(w->r.p, 0, &info), 0);
	w->failure = loses_syncs ? (struct failure){ PIOMMU_SIM_FAIL_HANDSHAKES, LOST, -ETIMEDOUT, 1 }
				 : (struct failure){ PIOMMU_SIM_FAIL_INVALIDATIONS, ABORTS, -EIO, info.queued ? ABORTS : 1 };
}

static void t24_each_abort_fails_one_unmap_and_no_other(void)
{
	static struct world w;
	struct waiter waiter[THREADS];
	pthread_t thread[THREADS];

	open_world(&w);
	w.domain = rig_own(&w.r, w.r.m->plain[0]);
	w.mem = rig_mem(&w.r, RIG_PAGE, 0);
	atomic_store(&w.nrunning, THREADS);
	for (unsigned i = 0; i < THREADS; i++) {
		waiter[i] = (struct waiter){ .w = &w, .iova = 0x100000 + i * RIG_PAGE };
		CU_ASSERT_EQUAL_FATAL(pthread_create(&thread[i], NULL, unmap_again_and_again, &waiter[i]), 0);
	}
	abort_some(&w, waiter);
	atomic_store(&w.stop, true);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	check_world(&w, waiter);
	rig_close(&w.r);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = { SUITE_TEST(t24_each_abort_fails_one_unmap_and_no_other) };
	struct rig_target target = { .kind = "sim",
				     .family = argc > 1 ? argv[1] : "vtd",
				     .variant = argc > 2 ? argv[2] : "thread=1" };
	char *args[] = { argv[0], argc > 3 ? argv[3] : NULL, NULL };

	rig_set_target(&target);
	return suite_run(argc > 3 ? 2 : 1, args, "t24", tests, sizeof(tests) / sizeof(tests[0]));
}
