/* SPDX-License-Identifier: BSD-3-Clause */
/* See chan.h. */
#include <sched.h>
#include <stdio.h>

#include "chan.h"

#define UNITS 8u

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

	memset(c, 0, sizeof(*c));
	start_rig(c, config);
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

bool chan_has_queue(struct chan *c)
{
	struct piommu_unit_info info;

	return !piommu_unit_info(c->r.p, 0, &info) && info.queued;
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
	}
	since = (struct chan_counts){ now.descriptors - last->descriptors, now.waits - last->waits,
				      now.doorbells - last->doorbells };
	*last = now;
	return since;
}

int chan_main(int argc, char **argv, const char *name, const struct suite_test *tests, unsigned n)
{
	const struct rig_target target = { .kind = "sim", .family = "vtd", .variant = argc > 1 ? argv[1] : "" };
	char *args[] = { argv[0], argc > 2 ? argv[2] : NULL, NULL };

	rig_set_target(&target);
	return suite_run(argc > 2 ? 2 : 1, args, name, tests, n);
}
