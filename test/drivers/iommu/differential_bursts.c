/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * differential_bursts [SEED [STEPS [both|sim|qemu [FAMILY [VARIANT]]]]]: random steps through channels, in modes that are switched live, on our model,
 * on QEMU's, and on a plain list of mappings; all must agree after every step. The same seed gives the same steps, for as long as this
 * program does not change.
 */
#include <stdio.h>
#include <stdlib.h>

#include "diff_burst.h"

static struct {
	uint64_t seed;
	unsigned steps;
	struct rig_target targets[MACHINES];
	unsigned ntargets;
} plan;

void diff_burst_expect(struct diff_burst *run, unsigned machine, const char *what, long long got, long long want)
{
	diff_want(&run->log, run->machine[machine].rig.m->kind, what, got, want);
}

struct slot *diff_burst_find(struct diff_burst *run, unsigned machine, unsigned domain, uint64_t iova, unsigned *page)
{
	struct slot *limbo = NULL;

	for (unsigned i = 0; i < SLOTS; i++) {
		struct slot *slot = &run->slot[i];
		uint64_t off = iova - (slot->iova[machine] & ~(RIG_PAGE - 1));

		if (slot->state == SLOT_FREE || slot->domain != domain || slot->pooled || off >= slot->npages * RIG_PAGE)
			continue;
		if (slot->state == SLOT_LIMBO && slot->done[machine])
			continue;
		*page = (unsigned)(off / RIG_PAGE);
		if (slot->state == SLOT_MAPPED)
			return slot;
		limbo = slot;
	}
	return limbo;
}

/* ---- Modes, pools, channels and devices ----------------------------------------------------------------------------------- */

static void set_mode(struct diff_burst *run, unsigned domain, enum piommu_mode_kind kind)
{
	struct piommu_mode *mode = &run->mode[domain];

	*mode = (struct piommu_mode){ .kind = kind };
	if (kind == PIOMMU_MODE_BOUNDED) {
		mode->max_us = diff_random(&run->log, 2) ? 1000000000 : 1;
		mode->max_bytes = (1 + diff_random(&run->log, 2000)) * RIG_PAGE;
	}
	for (unsigned m = 0; m < run->nmachines; m++)
		diff_burst_expect(run, m, "mode", piommu_domain_set_mode(run->machine[m].domain[domain], mode), 0);
	for (unsigned i = 0; i < SLOTS && kind == PIOMMU_MODE_STRICT; i++)
		if (run->slot[i].domain == domain)
			run->slot[i].stale = false;
	run->nswitches++;
}

static void step_mode(struct diff_burst *run)
{
	unsigned domain = diff_random(&run->log, DOMAINS);
	enum piommu_mode_kind kind = (enum piommu_mode_kind)diff_random(&run->log, 3);

	diff_note(&run->log, "domain %u from mode %u to %u", domain, run->mode[domain].kind, kind);
	set_mode(run, domain, kind);
}

/* Their memory lies apart: pool i of a domain has a part of the arena's i-th half. */
static void register_pool(struct diff_burst *run, unsigned domain, unsigned index)
{
	static const unsigned prots[] = { PIOMMU_RW, PIOMMU_RW, PIOMMU_READ };
	struct slot *pool = &run->slot[domain * POOLS + index];
	unsigned first = index * (ARENA_PAGES / POOLS) + diff_random(&run->log, 400);

	*pool = (struct slot){
		.state = SLOT_MAPPED, .domain = domain, .prot = prots[diff_random(&run->log, 3)], .npages = MOST
	};
	for (unsigned i = 0; i < MOST; i++)
		pool->page[i] = (uint16_t)(first + i);
	for (unsigned m = 0; m < run->nmachines; m++) {
		uint64_t pa = run->machine[m].arena.pa + first * RIG_PAGE;

		diff_burst_expect(run, m, "pool",
				  piommu_dma_pool_register(run->machine[m].domain[domain], pa, MOST * RIG_PAGE, pool->prot), 0);
		/* Where it is, static mode says. */
		diff_burst_expect(
			run, m, "pool's address",
			piommu_dma_map(run->machine[m].channel[domain][0], pa, 1, PIOMMU_DMA_TO_DEVICE, &pool->iova[m]), 0);
	}
}

/* Nobody uses what is in it any more; each such slot is free. */
static void unregister_pool(struct diff_burst *run, unsigned domain, unsigned index)
{
	struct slot *pool = &run->slot[domain * POOLS + index];

	for (unsigned i = POOLS * DOMAINS; i < SLOTS; i++) {
		struct slot *slot = &run->slot[i];

		if (slot->state == SLOT_MAPPED && slot->pooled && slot->domain == domain &&
		    slot->iova[0] - pool->iova[0] < MOST * RIG_PAGE)
			slot->state = SLOT_FREE;
	}
	for (unsigned m = 0; m < run->nmachines; m++)
		diff_burst_expect(run, m, "end of a pool",
				  piommu_dma_pool_unregister(run->machine[m].domain[domain],
							     run->machine[m].arena.pa + pool->page[0] * RIG_PAGE),
				  0);
	pool->state = SLOT_FREE;
}

static void step_pool(struct diff_burst *run)
{
	unsigned domain = diff_random(&run->log, DOMAINS), index = diff_random(&run->log, POOLS);
	bool there = run->slot[domain * POOLS + index].state == SLOT_MAPPED;

	diff_note(&run->log, "pool %u of domain %u %s", index, domain, there ? "goes" : "comes, in static mode");
	if (there) {
		unregister_pool(run, domain, index);
		return;
	}
	set_mode(run, domain, PIOMMU_MODE_STATIC);
	register_pool(run, domain, index);
}

/* Looks, waits, or a channel that ends and another one in its place. */
static void step_poll(struct diff_burst *run)
{
	unsigned domain = diff_random(&run->log, DOMAINS), channel = diff_random(&run->log, CHANNELS);
	unsigned what = diff_random(&run->log, 8), budget = diff_random(&run->log, 4);
	static const unsigned inflight[] = { 0, 1, 2, 64 };
	const struct piommu_channel_attr attr = { .inflight = inflight[diff_random(&run->log, 4)] };

	diff_note(&run->log, "channel %u of domain %u %s", channel, domain, what ? "is polled" : "ends");
	for (unsigned m = 0; m < run->nmachines; m++) {
		struct piommu_channel **ch = &run->machine[m].channel[domain][channel];

		if (what)
			piommu_channel_poll(*ch, budget);
		else
			diff_burst_expect(run, m, "end of a channel", piommu_channel_destroy(*ch), 0);
		if (!what)
			diff_burst_expect(run, m, "channel", piommu_channel_create(run->machine[m].domain[domain], &attr, ch),
					  0);
	}
	for (unsigned i = 0; i < SLOTS && !what; i++)
		if (run->slot[i].state == SLOT_LIMBO && run->slot[i].domain == domain && run->slot[i].channel == channel)
			run->slot[i].state = SLOT_FREE;
	diff_burst_retire(run);
}

static void step_move(struct diff_burst *run)
{
	unsigned device = diff_random(&run->log, DEVICES), domain = diff_random(&run->log, DOMAINS);
	bool detach = run->on[device] >= 0 && diff_random(&run->log, 3) == 0;

	diff_note(&run->log, "device %u: from %d %s %u", device, run->on[device], detach ? "away, not to" : "to", domain);
	for (unsigned m = 0; m < run->nmachines; m++) {
		struct diff_burst_machine *dm = &run->machine[m];

		if (detach)
			rig_detach(&dm->rig, dm->domain[run->on[device]], dm->device[device]);
		else
			rig_attach(&dm->rig, dm->domain[domain], dm->device[device]);
	}
	run->on[device] = detach ? -1 : (int)domain;
}

static void step(struct diff_burst *run)
{
	unsigned dice = diff_random(&run->log, 100);

	if (dice < 50)
		diff_burst_step_dma(run);
	else if (dice < 63)
		diff_burst_step_map(run);
	else if (dice < 77)
		diff_burst_step_unmap(run);
	else if (dice < 83)
		diff_burst_step_refused(run);
	else if (dice < 91)
		step_poll(run);
	else if (dice < 95)
		step_mode(run);
	else if (dice < 97)
		step_pool(run);
	else
		step_move(run);
	if (run->log.step % 512 == 511)
		diff_burst_check_memory(run);
}

/* ---- Beginning and end ------------------------------------------------------------------------------------------------------- */

static void open_domain(struct diff_burst_machine *dm, unsigned d)
{
	const struct piommu_domain_attr attr = { .aperture = { CHANNEL_IOVA, CHANNEL_IOVA + CHANNEL_IOVA_LEN - 1 } };
	struct piommu_group *group = rig_group(&dm->rig, dm->device[0]);

	CU_ASSERT_EQUAL_FATAL(piommu_domain_create(group, &attr, &dm->domain[d]), 0);
	if (dm->rig.m->mailbox.va)
		rig_map(&dm->rig, dm->domain[d], RIG_MAILBOX, dm->rig.m->mailbox.pa, RIG_PAGE, PIOMMU_RW);
	for (unsigned c = 0; c < CHANNELS; c++)
		CU_ASSERT_EQUAL_FATAL(piommu_channel_create(dm->domain[d], NULL, &dm->channel[d][c]), 0);
}

static void open_machine(struct diff_burst *run, struct diff_burst_machine *dm, const struct rig_target *target)
{
	rig_set_target(target);
	rig_open(&dm->rig);
	dm->rig.expect_stale = true;
	dm->device[0] = dm->rig.m->plain[0];
	dm->device[1] = dm->rig.m->plain[1];
	dm->device[2] = dm->rig.m->ported;
	for (unsigned i = 0; i < DEVICES; i++)
		rig_claim(&dm->rig, dm->device[i]);
	dm->arena = rig_mem(&dm->rig, ARENA_BYTES, RIG_2M);
	memcpy(dm->arena.va, run->mem, ARENA_BYTES);
	for (unsigned d = 0; d < DOMAINS; d++)
		open_domain(dm, d);
	for (unsigned i = 0; i < DEVICES; i++)
		rig_attach(&dm->rig, dm->domain[i % DOMAINS], dm->device[i]);
}

static void close_machine(struct diff_burst_machine *dm)
{
	for (unsigned d = 0; d < DOMAINS; d++)
		for (unsigned c = 0; c < CHANNELS; c++)
			CHECK_EQ(piommu_channel_destroy(dm->channel[d][c]), 0);
	rig_close(&dm->rig);
}

static void machines_and_list_agree(void)
{
	struct diff_burst *run = calloc(1, sizeof(*run));

	CU_ASSERT_PTR_NOT_NULL_FATAL(run);
	run->log.random = plan.seed * 2 + 1; /* never 0 */
	run->nmachines = plan.ntargets;
	rig_fill(run->mem, ARENA_BYTES, 1);
	for (unsigned i = 0; i < DEVICES; i++)
		run->on[i] = (int)(i % DOMAINS);
	for (unsigned m = 0; m < run->nmachines; m++)
		open_machine(run, &run->machine[m], &plan.targets[m]);
	for (; run->log.step < plan.steps && !run->log.failed; run->log.step++)
		step(run);
	if (!run->log.failed)
		diff_burst_check_memory(run);
	printf("     seed %llu: %u steps: %u DMAs (of addresses on machines, %u nobody's, %u in limbo), %u maps, %u unmaps, %u "
	       "refused bursts, "
	       "%u switches, %u times full\n",
	       (unsigned long long)plan.seed, run->log.step, run->ndma, run->nblocked, run->nlimbo, run->nmaps, run->nunmaps,
	       run->nrefused, run->nswitches, run->nfull);
	CU_ASSERT(run->log.failed || (run->nblocked && run->nlimbo && run->nmaps && run->nunmaps && run->nswitches));
	for (unsigned m = 0; m < run->nmachines; m++)
		close_machine(&run->machine[m]);
	free(run);
}

static const struct suite_test tests[] = {
	SUITE_TEST(machines_and_list_agree),
};

int main(int argc, char **argv)
{
	const char *which = argc > 3 ? argv[3] : "both";
	const char *family = argc > 4 ? argv[4] : "vtd", *variant = argc > 5 ? argv[5] : "";

	plan.seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
	plan.steps = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 0) : 10000;
	if (strcmp(which, "qemu"))
		plan.targets[plan.ntargets++] = (struct rig_target){ "sim", family, variant, false };
	if (strcmp(which, "sim"))
		plan.targets[plan.ntargets++] = (struct rig_target){ "qemu", family, variant, false };
	return suite_run(1, argv, "differential_bursts", tests, 1);
}
