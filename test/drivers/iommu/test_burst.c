/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bursts as the driver has them, below channels: a device reaches what a burst mapped, and once a burst's fence is done it reaches
 * nothing of it. Counts are exact where nobody else uses the queue.
 */
#include "driver_tests.h"
#include "piommu_driver.h"
#include "rig.h"

#define BASE UINT64_C(0x40000000)
#define BURST 32u

struct burst {
	struct rig_owned o;
	struct piommu_mapping mappings[BURST];
	struct piommu_range ranges[BURST]; /* the same */
	struct piommu_gather gather;
	struct piommu_fence fence;
	void *leaf;
};

/* A burst of single pages, `step` pages apart, mapped; the device has all of them in its cache. */
static void begin(struct burst *b, unsigned step)
{
	rig_open_owned(&b->o, 0, BURST * RIG_PAGE, 0);
	b->leaf = NULL;
	piommu_gather_init(&b->gather);
	for (unsigned i = 0; i < BURST; i++) {
		uint64_t off = i * step * RIG_PAGE;

		b->ranges[i] = (struct piommu_range){ BASE + off, RIG_PAGE, off < RIG_2M ? &b->leaf : NULL };
		b->mappings[i] = (struct piommu_mapping){ b->ranges[i].iova,          RIG_PAGE, b->ranges[i].leaf,
							  b->o.mem.pa + i * RIG_PAGE, NULL,     PIOMMU_RW };
	}
	CHECK_EQ(b->o.domain->ops->map_burst(b->o.domain, b->mappings, BURST), 0);
	for (unsigned i = 0; i < BURST; i++)
		rig_check_reaches(&b->o.r, b->o.device, b->ranges[i].iova, (char *)b->o.mem.va + i * RIG_PAGE, 64);
}

static void unmap(struct burst *b)
{
	size_t unmapped = 0;

	CHECK_EQ(b->o.domain->ops->unmap_burst(b->o.domain, b->ranges, BURST, &b->gather, &unmapped), 0);
	CHECK_EQ(unmapped, BURST * RIG_PAGE);
	b->gather.test_drop = rig_target()->drop;
}

/* The unit that the domain is on; bursts go through its queue. */
static const struct piommu_unit *unit_of(const struct burst *b)
{
	return piommu_domain_units(b->o.domain)->at[0].unit;
}

static int done(const struct burst *b)
{
	return b->fence.n ? unit_of(b)->driver->fence_done(unit_of(b), b->fence.at[0].ticket) : 0;
}

static int wait(const struct burst *b)
{
	return b->fence.n ? unit_of(b)->driver->fence_wait(unit_of(b), b->fence.at[0].ticket) : 0;
}

static void check_gone(struct burst *b)
{
	for (unsigned i = 0; i < BURST; i += 7)
		rig_check_blocked(&b->o.r, b->o.device, b->ranges[i].iova, i & 1);
}

/* `descriptors` at least; BURST at most. */
static void check_burst(unsigned step, unsigned descriptors)
{
	struct piommu_ring_stats before, after;
	struct burst b;

	begin(&b, step);
	full_mb(); /* as before every reading of the list; nothing was cleared yet */
	unit_of(&b)->driver->inv_stats(unit_of(&b), &before);
	unmap(&b);
	CHECK_EQ(b.o.domain->ops->submit(b.o.domain, &b.gather, &b.fence), 0);
	CHECK_EQ(wait(&b), 0);
	CHECK_EQ(done(&b), 0);
	unit_of(&b)->driver->inv_stats(unit_of(&b), &after);
	check_gone(&b);
	if (unit_of(&b)->caps.queued && !b.gather.test_drop) {
		CHECK_EQ(b.fence.n, 1);
		CU_ASSERT_TRUE(after.descriptors - before.descriptors >= descriptors);
		CU_ASSERT_TRUE(after.descriptors - before.descriptors <= (b.o.r.m->has_ranges ? descriptors : BURST));
		CHECK_EQ(after.waits - before.waits, 1);
		CHECK_EQ(after.doorbells - before.doorbells, 1);
	}
	rig_close(&b.o.r);
}

static void scattered_burst_is_gone_when_its_fence_is_done(void)
{
	check_burst(3, BURST);
	check_burst(512, BURST);
}

static void contiguous_burst_is_gone_with_one_descriptor(void)
{
	check_burst(1, 1);
}

static void fence_is_not_done_before_the_hardware_answers(void)
{
	struct burst b;

	begin(&b, 3);
	unmap(&b);
	full_mb();
	if (b.o.r.m->is_sim && unit_of(&b)->caps.queued) {
		CHECK_EQ(piommu_sim_set(b.o.r.m->plat, 0, PIOMMU_SIM_QUEUE_STUCK, 1), 0);
		CHECK_EQ(b.o.domain->ops->submit(b.o.domain, &b.gather, &b.fence), 0);
		for (unsigned i = 0; i < 100; i++)
			CHECK_EQ(done(&b), -EINPROGRESS);
		CHECK_EQ(piommu_sim_set(b.o.r.m->plat, 0, PIOMMU_SIM_QUEUE_STUCK, 0), 0);
		CHECK_EQ(wait(&b), 0);
	} else {
		CHECK_EQ(b.o.domain->ops->flush(b.o.domain, &b.gather), 0);
	}
	check_gone(&b);
	rig_close(&b.o.r);
}

const struct suite_test burst_tests[] = {
	SUITE_TEST(scattered_burst_is_gone_when_its_fence_is_done),
	SUITE_TEST(contiguous_burst_is_gone_with_one_descriptor),
	SUITE_TEST(fence_is_not_done_before_the_hardware_answers),
};
const unsigned burst_ntests = sizeof(burst_tests) / sizeof(burst_tests[0]);
