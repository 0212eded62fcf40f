/* SPDX-License-Identifier: BSD-3-Clause */
/* See chan.h. */
#include <sched.h>
#include <stdio.h>

#include "chan.h"

#define UNITS 8u
#define TESTS 32u

/* ---- What a test needs ------------------------------------------------------------------------------------------------------- */

static bool has_queue(const struct rig_target *target)
{
	return strcmp(target->family, "smmuv2") != 0 && !strstr(target->variant, "qi=0");
}

static bool has_registers(const struct rig_target *target)
{
	return !has_queue(target);
}

static bool has_syncs(const struct rig_target *target)
{
	return !strcmp(target->family, "smmuv2");
}

static bool has_failures(const struct rig_target *target)
{
	return has_queue(target) || has_syncs(target);
}

static bool has_caching_mode(const struct rig_target *target)
{
	return !strcmp(target->family, "vtd");
}

const struct chan_need chan_queue = { has_queue, "without a queue the unmap has waited: nothing is on its way" };
const struct chan_need chan_registers = { has_registers, "with a queue the unmap does not wait" };
const struct chan_need chan_failures = { has_failures, "registers of the simulated VT-d unit do not fail" };
const struct chan_need chan_syncs = { has_syncs, "of registers whose sync gets stuck: SMMUv2's alone" };
const struct chan_need chan_caching_mode = { has_caching_mode, "no unit of this family remembers what is not mapped" };

/* ---- A machine with a channel ------------------------------------------------------------------------------------------------ */

static struct piommu_domain *make_domain(struct chan *c, struct piommu_span aperture)
{
	const struct piommu_domain_attr attr = { .aperture = aperture };
	struct piommu_domain *domain = NULL;

	rig_claim(&c->r, c->device);
	CU_ASSERT_EQUAL_FATAL(piommu_domain_create(rig_group(&c->r, c->device), &attr, &domain), 0);
	rig_attach(&c->r, domain, c->device);
	return domain;
}

static void start_rig(struct chan *c, const struct chan_config *config)
{
	int err = 0;

	if (config->impatient)
		rig_open_impatient(&c->r);
	else
		err = rig_try_open(&c->r, config->keys);
	if (err)
		printf("     %s\n", c->r.last);
	CU_ASSERT_EQUAL_FATAL(err, 0);
}

void chan_open(struct chan *c, const struct chan_config *config)
{
	struct piommu_channel_attr attr = { .inflight = config->inflight };
	size_t len = config->mem ? config->mem : 16 * PAGE;
	struct piommu_unit_info unit = { 0 };

	memset(c, 0, sizeof(*c));
	start_rig(c, config);
	CHECK_EQ(piommu_unit_info(c->r.p, 0, &unit), 0);
	CHECK_EQ(unit.queued, chan_has_queue());
	c->device = c->r.m->plain[0];
	c->domain = make_domain(c, config->aperture);
	c->mem = rig_mem(&c->r, len, RIG_2M);
	rig_fill(c->mem.va, len, 3);
	if (config->poller) {
		CU_ASSERT_EQUAL_FATAL(piommu_poller_create(c->r.p, config->poller), 0);
		attr.poller = *config->poller;
	}
	CU_ASSERT_EQUAL_FATAL(piommu_channel_create(c->domain, &attr, &c->ch), 0);
}

void chan_close(struct chan *c)
{
	CHECK_EQ(piommu_channel_destroy(c->ch), 0);
	piommu_mem_free(c->r.p, &c->mem);
	rig_close(&c->r);
}

bool chan_meets(const struct chan_need *need)
{
	return need->is_met(rig_target());
}

bool chan_has_queue(void)
{
	return chan_meets(&chan_queue);
}

static void set_stuck(struct chan *c, uint64_t stuck)
{
	for (unsigned unit = 0; unit < piommu_unit_count(c->r.p); unit++)
		CHECK_EQ(piommu_sim_set(c->r.m->plat, unit, PIOMMU_SIM_QUEUE_STUCK, stuck), 0);
}

void chan_hold(struct chan *c)
{
	c->r.expect_stale = true;
	set_stuck(c, 1);
}

void chan_go(struct chan *c)
{
	set_stuck(c, 0);
}

void chan_fail(struct chan *c, unsigned unit, uint64_t n)
{
	CHECK_EQ(piommu_sim_set(c->r.m->plat, unit, PIOMMU_SIM_FAIL_INVALIDATIONS, n), 0);
}

uint64_t chan_waits(struct chan *c, unsigned unit)
{
	struct piommu_sim_counts counts = { 0 };

	CHECK_EQ(piommu_sim_counts(c->r.m->plat, unit, &counts), 0);
	return counts.waits;
}

piommu_ticket chan_unmap_failing(struct chan *c, unsigned unit, uint64_t iova)
{
	uint64_t before = chan_waits(c, unit);
	piommu_ticket ticket;

	if (chan_has_queue())
		chan_hold(c);
	chan_fail(c, unit, 1);
	ticket = chan_unmap(c, iova, PAGE);
	if (chan_has_queue())
		chan_go(c);
	else
		CU_ASSERT_FATAL(chan_waits(c, unit) > before);
	while (chan_waits(c, unit) == before)
		;
	return ticket;
}

/* An SMMUv3 executes the CMD_SYNC that failed once more. */
void chan_fail_again(struct chan *c, unsigned unit)
{
	chan_fail(c, unit, strcmp(rig_target()->family, "smmuv3") ? 1 : 2);
}

/* A sync that fails is one that does not end. */
int chan_failure(void)
{
	return chan_has_queue() ? -EIO : -ETIMEDOUT;
}

uint64_t chan_pa(const struct chan *c, unsigned page)
{
	return c->mem.pa + page * PAGE;
}

uint32_t *chan_va(const struct chan *c, unsigned page)
{
	return (uint32_t *)(void *)((char *)c->mem.va + page * PAGE);
}

uint64_t chan_map(struct chan *c, unsigned page, unsigned npages)
{
	uint64_t iova = 0;

	CU_ASSERT_EQUAL_FATAL(piommu_dma_map(c->ch, chan_pa(c, page), npages * PAGE, PIOMMU_DMA_BOTH, &iova), 0);
	return iova;
}

piommu_ticket chan_unmap(struct chan *c, uint64_t iova, size_t len)
{
	piommu_ticket ticket = 0;

	CU_ASSERT_EQUAL_FATAL(piommu_dma_unmap(c->ch, iova, len, &ticket), 0);
	return ticket;
}

piommu_ticket chan_unmap_patiently(struct chan *c, uint64_t iova, size_t len)
{
	piommu_ticket ticket = 0;
	int err;

	while ((err = piommu_dma_unmap(c->ch, iova, len, &ticket)) == -EAGAIN) {
		piommu_channel_poll(c->ch, 0);
		sched_yield();
	}
	CU_ASSERT_EQUAL_FATAL(err, 0);
	return ticket;
}

void chan_check_reaches(struct chan *c, uint64_t iova, unsigned page)
{
	uint32_t word = 0;

	CHECK_EQ(rig_read(&c->r, c->device, iova, &word, sizeof(word)), 0);
	CHECK_HEX(word, *chan_va(c, page));
}

bool chan_is_reached(struct chan *c, uint64_t iova)
{
	uint32_t word;
	bool reached = !rig_read(&c->r, c->device, iova, &word, sizeof(word));

	rig_events(&c->r, NULL); /* of an access that was blocked */
	return reached;
}

void chan_check_blocked(struct chan *c, uint64_t iova)
{
	rig_check_blocked(&c->r, c->device, iova, false);
	rig_check_blocked(&c->r, c->device, iova, true);
}

struct chan_counts chan_counts(struct chan *c, struct chan_counts *last)
{
	struct chan_counts now = { 0 }, since;
	struct piommu_sim_counts counts;

	for (unsigned unit = 0; unit < UNITS && !piommu_sim_counts(c->r.m->plat, unit, &counts); unit++) {
		now.descriptors += counts.descriptors;
		now.waits += counts.waits;
		now.doorbells += counts.doorbells;
		now.done += counts.tlb_invalidations;
	}
	since = (struct chan_counts){ now.descriptors - last->descriptors, now.waits - last->waits,
				      now.doorbells - last->doorbells, now.done - last->done };
	*last = now;
	return since;
}

int chan_main(int argc, char **argv, const char *name, const struct chan_test *tests, unsigned n)
{
	const struct rig_target target = { .kind = "sim",
					   .family = argc > 1 ? argv[1] : "",
					   .variant = argc > 2 ? argv[2] : "" };
	char *args[] = { argv[0], argc > 3 ? argv[3] : NULL, NULL };
	struct suite_test here[TESTS];
	unsigned nhere = 0;

	if (n > TESTS || !machine_family(target.family)) {
		fprintf(stderr, "usage: %s vtd|smmuv3|smmuv2 VARIANT [FILTER]\n", argv[0]);
		return 2;
	}
	rig_set_target(&target);
	for (unsigned i = 0; i < n; i++) {
		if (!tests[i].need || chan_meets(tests[i].need))
			here[nhere++] = (struct suite_test){ tests[i].name, tests[i].fn };
		else
			printf("left out %s: %s\n", tests[i].name, tests[i].need->why);
	}
	return suite_run(argc > 3 ? 2 : 1, args, name, here, nhere);
}
