/* SPDX-License-Identifier: BSD-3-Clause */
/* Bursts: how many descriptors, waits and doorbells they take, what a fence says and when, and what is undone. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "drivers.h"
#include "fake_unit.h"
#include "suite.h"

#define PAGE UINT64_C(0x1000)
#define BASE UINT64_C(0x40000000)
#define MANY 10u /* units: more than a fence has room for */

/* Units with one domain that all of them use, under tags 9, 10 and so on. */
struct setup {
	struct fake fakes[MANY];
	unsigned n;
	struct piommu_domain *domain;
	struct piommu_gather gather;
	struct piommu_fence fence;
	struct piommu_mapping mappings[PIOMMU_GATHER_RANGES];
	struct piommu_range ranges[PIOMMU_GATHER_RANGES]; /* the same */
	struct piommu_ring_stats before;
	struct piommu_domain_units *later;
};

static struct setup *start(unsigned n, uint64_t cap, uint64_t ecap)
{
	struct setup *s = calloc(1, sizeof(*s));
	struct piommu_domain_units *units = calloc(1, sizeof(*units) + n * sizeof(units->at[0]));

	CU_ASSERT_FATAL(s && units);
	units->n = s->n = n;
	for (unsigned i = 0; i < n; i++) {
		fake_start(&s->fakes[i], cap, ecap);
		s->fakes[i].unit.epoch = 100 + i;
		units->at[i] = (struct piommu_domain_unit){ &s->fakes[i].unit, 9 + i, 1, NULL };
	}
	CHECK_EQ(vtd_driver.domain_create(&s->fakes[0].unit, PIOMMU_DOMAIN_PAGING, 0, &s->domain), 0);
	s->domain->units = units;
	piommu_gather_init(&s->gather);
	return s;
}

static void finish(struct setup *s)
{
	free(s->domain->units);
	s->domain->ops->destroy(s->domain);
	for (unsigned i = 0; i < s->n; i++)
		fake_fini(&s->fakes[i]);
	free(s);
}

static void set_range(struct setup *s, unsigned i, uint64_t iova, uint64_t pa, size_t len)
{
	s->mappings[i] = (struct piommu_mapping){ .iova = iova, .len = len, .pa = pa, .prot = PIOMMU_RW };
	s->ranges[i] = (struct piommu_range){ .iova = iova, .len = len };
}

/* `n` pages, `step` pages apart, at `at`. */
static void make_pages(struct setup *s, uint64_t at, unsigned n, unsigned step)
{
	for (unsigned i = 0; i < n; i++)
		set_range(s, i, at + i * step * PAGE, i * PAGE, PAGE);
}

static int map(struct setup *s, unsigned n)
{
	return s->domain->ops->map_burst(s->domain, s->mappings, n);
}

static void map_and_unmap(struct setup *s, unsigned n)
{
	size_t unmapped = 0;

	CHECK_EQ(map(s, n), 0);
	CHECK_EQ(s->domain->ops->unmap_burst(s->domain, s->ranges, n, &s->gather, &unmapped), 0);
	CHECK_HEX(unmapped, n * PAGE);
}

static int submit(struct setup *s)
{
	return s->domain->ops->submit(s->domain, &s->gather, &s->fence);
}

static struct piommu_ring_stats stats_of(const struct setup *s, unsigned unit)
{
	struct piommu_ring_stats stats;

	vtd_driver.inv_stats(&s->fakes[unit].unit, &stats);
	return stats;
}

static void expect_counts(const struct setup *s, unsigned unit, unsigned descriptors, unsigned waits)
{
	struct piommu_ring_stats now = stats_of(s, unit);

	CHECK_EQ(now.descriptors - s->before.descriptors, descriptors);
	CHECK_EQ(now.waits - s->before.waits, waits);
	CHECK_EQ(now.doorbells - s->before.doorbells, waits);
}

static int fence_done(const struct setup *s, unsigned unit)
{
	return vtd_driver.fence_done(&s->fakes[unit].unit, s->fence.at[unit].ticket);
}

static int fence_wait(const struct setup *s, unsigned unit)
{
	return vtd_driver.fence_wait(&s->fakes[unit].unit, s->fence.at[unit].ticket);
}

/* The hardware looks at its queue again. */
static void let_go(struct fake *fake)
{
	fake->invalidations_stuck = false;
	piommu_write32(&fake->window, 0x34, 0);
}

/* ---- Counts ------------------------------------------------------------------------------------------------------------------------- */

static void check_burst(unsigned n, unsigned step, uint64_t at, unsigned descriptors)
{
	struct setup *s = start(1, FAKE_CAP, FAKE_ECAP_COHERENT);

	s->before = stats_of(s, 0);
	make_pages(s, at, n, step);
	map_and_unmap(s, n);
	expect_counts(s, 0, 0, 0);
	CHECK_EQ(submit(s), 0);
	expect_counts(s, 0, descriptors, 1);
	CHECK_EQ(s->fakes[0].nwrites, 1);
	CHECK_HEX(s->fakes[0].writes[0].off, 0x88); /* IQT */
	CU_ASSERT(piommu_gather_empty(&s->gather));
	CHECK_EQ(s->fence.n, 1);
	CHECK_EQ(s->fence.at[0].epoch, 100);
	CHECK_EQ(fence_done(s, 0), 0);
	finish(s);
}

static void a_scattered_burst_is_a_descriptor_a_page_one_wait_and_one_doorbell(void)
{
	check_burst(1, 2, BASE, 1);
	check_burst(32, 2, BASE, 32);
	check_burst(32, 512, BASE, 32);
	check_burst(256, 3, BASE, 256);
}

static void a_contiguous_burst_is_one_descriptor(void)
{
	check_burst(32, 1, BASE, 1);
	check_burst(256, 1, BASE, 1);
	check_burst(32, 1, BASE + 5 * PAGE, 2); /* not aligned: two blocks of 32 cover it */
}

static void nothing_unmapped_is_nothing_to_send(void)
{
	struct setup *s = start(1, FAKE_CAP, FAKE_ECAP);

	s->fence.n = 3;
	CHECK_EQ(submit(s), 0);
	CHECK_EQ(s->fence.n, 0);
	CHECK_EQ(s->fakes[0].nwrites, 0);
	finish(s);
}

/* 6.5.2.3: for each page IOTLB, page-selective, leaf alone; the wait writes its status. */
static void descriptors_are_as_the_specification_draws_them(void)
{
	struct setup *s = start(1, FAKE_CAP, FAKE_ECAP);
	unsigned slot = (unsigned)(fake_reg(&s->fakes[0], 0x88, 8) >> 4);

	make_pages(s, BASE, 2, 16);
	map_and_unmap(s, 2);
	CHECK_EQ(submit(s), 0);
	CHECK_HEX(fake_descriptor(&s->fakes[0], slot).lo, 0x900f2);
	CHECK_HEX(fake_descriptor(&s->fakes[0], slot).hi, 0x40000040);
	CHECK_HEX(fake_descriptor(&s->fakes[0], slot + 1).hi, 0x40010040);
	CHECK_HEX(fake_descriptor(&s->fakes[0], slot + 2).lo & 0xff, 0x25);
	finish(s);
}

/* ---- Costs -------------------------------------------------------------------------------------------------------------------------- */

static void the_threshold_follows_from_the_costs(void)
{
	struct vtd_costs costs = { .page = 100, .domain = 200, .refill = 50, .live = 64 };

	CHECK_EQ(vtd_inv_max_desc(&costs), 34); /* (200 + 64 * 50) / 100 */
	costs.page = 5000;
	CHECK_EQ(vtd_inv_max_desc(&costs), 1);
	costs.page = 1;
	CHECK_EQ(vtd_inv_max_desc(&costs), 256);
}

/* Software looks through all it has for each page, and registers are a round trip each: there the domain is cheaper sooner. */
static void a_unit_whose_commands_are_dear_is_sent_the_domain_sooner(void)
{
	static const struct {
		uint64_t cap, ecap;
		unsigned most;
	} units[] = {
		{ FAKE_CAP, FAKE_ECAP, 256 },
		{ FAKE_CAP | 0x80, FAKE_ECAP, 65 },
		{ FAKE_CAP, FAKE_ECAP_REGISTERS, 10 },
	};

	for (unsigned i = 0; i < 3; i++) {
		struct setup *s = start(1, units[i].cap, units[i].ecap);

		for (unsigned more = 0; more < 2 && units[i].most + more <= 256; more++) {
			make_pages(s, BASE, units[i].most + more, 3);
			CHECK_EQ(map(s, units[i].most + more), 0);
			s->before = stats_of(s, 0);
			CHECK_EQ(s->domain->ops->unmap_burst(s->domain, s->ranges, units[i].most + more, &s->gather, NULL), 0);
			CHECK_EQ(submit(s), 0);
			CHECK_EQ(stats_of(s, 0).descriptors - s->before.descriptors, more ? 1 : units[i].most);
		}
		finish(s);
	}
}

/* ---- Fences ------------------------------------------------------------------------------------------------------------------------- */

static void a_fence_is_done_when_the_hardware_has_answered(void)
{
	struct setup *s = start(1, FAKE_CAP, FAKE_ECAP);

	make_pages(s, BASE, 32, 2);
	s->fakes[0].invalidations_stuck = true;
	map_and_unmap(s, 32);
	CHECK_EQ(submit(s), 0);
	CHECK_EQ(fence_done(s, 0), -EINPROGRESS);
	CHECK_EQ(fence_done(s, 0), -EINPROGRESS);
	let_go(&s->fakes[0]);
	CHECK_EQ(fence_done(s, 0), 0);
	CHECK_EQ(fence_wait(s, 0), 0);
	CHECK_EQ(fake_poll(&s->fakes[0]), 0);
	finish(s);
}

static void a_wait_that_ends_without_an_answer_is_an_event(void)
{
	struct setup *s = start(1, FAKE_CAP, FAKE_ECAP);

	make_pages(s, BASE, 2, 2);
	s->fakes[0].invalidations_stuck = true;
	map_and_unmap(s, 2);
	CHECK_EQ(submit(s), 0);
	CHECK_EQ(fence_wait(s, 0), -ETIMEDOUT);
	CHECK_EQ(fence_done(s, 0), -EINPROGRESS); /* it may still come */
	let_go(&s->fakes[0]);
	CHECK_EQ(fence_done(s, 0), 0);
	CHECK_EQ(fake_poll(&s->fakes[0]), 1);
	CHECK_EQ(s->fakes[0].events[0].type, PIOMMU_EVENT_INV_ERROR);
	CHECK_HAS(s->fakes[0].events[0].reason_name, "not acknowledged");
	finish(s);
}

/* Nobody waits, so a poll repairs; the bursts in front of the error and behind it are not touched by it. */
static void t24_an_error_fails_the_burst_that_it_took_and_no_other(void)
{
	struct setup *s = start(1, FAKE_CAP, FAKE_ECAP);
	piommu_ticket tickets[3];

	s->fakes[0].invalidations_stuck = true;
	for (unsigned i = 0; i < 3; i++) {
		make_pages(s, BASE, 4, 2);
		map_and_unmap(s, 4);
		CHECK_EQ(submit(s), 0);
		tickets[i] = s->fence.at[0].ticket;
	}
	s->fakes[0].fail_descriptor = 7; /* four and a wait, then the second of the next four */
	let_go(&s->fakes[0]);
	CHECK_EQ(vtd_driver.fence_done(&s->fakes[0].unit, tickets[0]), 0);
	CHECK_EQ(vtd_driver.fence_done(&s->fakes[0].unit, tickets[1]), -EINPROGRESS);
	CHECK_EQ(vtd_driver.fence_done(&s->fakes[0].unit, tickets[2]), -EINPROGRESS);
	CHECK_EQ(fake_poll(&s->fakes[0]), 1);
	CHECK_EQ(s->fakes[0].events[0].type, PIOMMU_EVENT_INV_ERROR);
	CHECK_EQ(vtd_driver.fence_done(&s->fakes[0].unit, tickets[1]), -EIO);
	CHECK_EQ(vtd_driver.fence_wait(&s->fakes[0].unit, tickets[1]), -EIO);
	CHECK_EQ(vtd_driver.fence_done(&s->fakes[0].unit, tickets[2]), 0);
	finish(s);
}

static void a_full_queue_leaves_the_gather_as_it_was(void)
{
	struct setup *s = start(1, FAKE_CAP, FAKE_ECAP);
	struct piommu_gather was;
	unsigned bursts = 0;
	int err;

	s->fakes[0].invalidations_stuck = true;
	make_pages(s, BASE, 256, 2);
	do {
		map_and_unmap(s, 256);
		memcpy(&was, &s->gather, sizeof(was));
		err = submit(s);
	} while (!err && ++bursts < 100);
	CHECK_EQ(err, -EAGAIN);
	CHECK_EQ(bursts, 4095 / 257);
	CHECK_EQ(s->fence.n, 0);
	CHECK_EQ(s->gather.n, 256);
	CHECK_EQ(memcmp(&was, &s->gather, sizeof(was)), 0);
	let_go(&s->fakes[0]);
	CHECK_EQ(submit(s), 0);
	CHECK_EQ(fence_done(s, 0), 0);
	finish(s);
}

static void a_queue_that_was_given_up_takes_nothing(void)
{
	struct setup *s = start(1, FAKE_CAP, FAKE_ECAP);
	piommu_ticket ticket;

	make_pages(s, BASE, 2, 2);
	s->fakes[0].invalidations_stuck = true;
	map_and_unmap(s, 2);
	CHECK_EQ(submit(s), 0);
	ticket = s->fence.at[0].ticket;
	s->fakes[0].refuse_all = true;
	let_go(&s->fakes[0]);
	CHECK_EQ(vtd_driver.fence_wait(&s->fakes[0].unit, ticket), -EIO);
	CHECK_EQ(vtd_driver.flush_tag(&s->fakes[0].unit, 5), -EIO);
	map_and_unmap(s, 2);
	CHECK_EQ(submit(s), -EIO);
	CU_ASSERT(piommu_gather_empty(&s->gather));
	CHECK_EQ(s->fence.n, 0);
	CHECK_EQ(vtd_driver.fence_done(&s->fakes[0].unit, ticket), -EIO);
	s->fakes[0].refuse_all = false;
	finish(s);
}

/* Its pages are the caller's until the fence is done; where that fails, a flush of the whole domain settles it. */
static void unlinked_tables_stay_in_the_gather(void)
{
	struct setup *s = start(1, FAKE_CAP & ~(UINT64_C(3) << 34), FAKE_ECAP);
	size_t used;

	set_range(s, 0, BASE, 0, 0x600000);
	CHECK_EQ(map(s, 1), 0);
	used = piommu_pool_used(s->fakes[0].pool);
	CHECK_EQ(s->domain->ops->unmap_burst(s->domain, s->ranges, 1, &s->gather, NULL), 0);
	CHECK_EQ(s->gather.pages.n, 3);
	CHECK_EQ(submit(s), 0);
	CHECK_EQ(s->gather.pages.n, 3);
	CHECK_EQ(piommu_pool_used(s->fakes[0].pool), used);
	s->gather.whole = true;
	s->fakes[0].invalidations_stuck = true;
	CHECK_EQ(s->domain->ops->flush(s->domain, &s->gather), -ETIMEDOUT);
	CHECK_EQ(s->gather.pages.n, 0);
	CHECK_EQ(piommu_pool_used(s->fakes[0].pool), used);
	s->fakes[0].invalidations_stuck = false;
	finish(s);
}

static void a_dropped_burst_sends_nothing(void)
{
	struct setup *s = start(1, FAKE_CAP, FAKE_ECAP);

	make_pages(s, BASE, 2, 2);
	map_and_unmap(s, 2);
	s->gather.test_drop = true;
	CHECK_EQ(submit(s), 0);
	CHECK_EQ(s->fence.n, 0);
	CHECK_EQ(s->fakes[0].nwrites, 0);
	CU_ASSERT(piommu_gather_empty(&s->gather));
	finish(s);
}

/* ---- Several units, and other kinds ------------------------------------------------------------------------------------------------ */

static void each_unit_has_its_own_ticket_and_tag(void)
{
	struct setup *s = start(2, FAKE_CAP, FAKE_ECAP);
	unsigned slot = (unsigned)(fake_reg(&s->fakes[1], 0x88, 8) >> 4);

	make_pages(s, BASE, 8, 2);
	s->fakes[1].invalidations_stuck = true;
	map_and_unmap(s, 8);
	CHECK_EQ(submit(s), 0);
	CHECK_EQ(s->fence.n, 2);
	CHECK_EQ(s->fence.at[1].epoch, 101);
	CHECK_HEX(fake_descriptor(&s->fakes[1], slot).lo, 0xa00f2);
	CHECK_EQ(fence_done(s, 0), 0);
	CHECK_EQ(fence_done(s, 1), -EINPROGRESS);
	let_go(&s->fakes[1]);
	CHECK_EQ(fence_done(s, 1), 0);
	finish(s);
}

static void units_that_a_fence_has_no_room_for_are_waited_for(void)
{
	struct setup *s = start(MANY, FAKE_CAP, FAKE_ECAP);

	make_pages(s, BASE, 2, 2);
	s->before = stats_of(s, 0);
	map_and_unmap(s, 2);
	CHECK_EQ(submit(s), 0);
	CHECK_EQ(s->fence.n, PIOMMU_FENCE_UNITS);
	for (unsigned i = 0; i < MANY; i++)
		expect_counts(s, i, 2, 1);
	s->fakes[MANY - 1].invalidations_stuck = true;
	map_and_unmap(s, 2);
	CHECK_EQ(submit(s), -ETIMEDOUT);
	CHECK_EQ(s->fence.n, PIOMMU_FENCE_UNITS); /* the others were sent all the same */
	CU_ASSERT(piommu_gather_empty(&s->gather));
	s->fakes[MANY - 1].invalidations_stuck = false;
	finish(s);
}

static void a_unit_without_a_queue_is_done_when_submit_returns(void)
{
	struct setup *s = start(1, FAKE_CAP, FAKE_ECAP_REGISTERS);

	make_pages(s, BASE, 4, 2);
	map_and_unmap(s, 4);
	CHECK_EQ(submit(s), 0);
	CHECK_EQ(s->fence.n, 0);
	CHECK_EQ(s->fakes[0].nwrites, 8); /* IVA and IOTLB each */
	map_and_unmap(s, 4);
	s->fakes[0].invalidations_stuck = true;
	CHECK_EQ(submit(s), -ETIMEDOUT);
	CHECK_EQ(fake_poll(&s->fakes[0]), 1);
	s->fakes[0].invalidations_stuck = false;
	finish(s);
}

static void caching_mode_is_told_of_a_burst_once(void)
{
	struct setup *s = start(1, FAKE_CAP | 0x80, FAKE_ECAP);
	unsigned slot = (unsigned)(fake_reg(&s->fakes[0], 0x88, 8) >> 4);
	struct piommu_pt_leaf leaf;

	s->before = stats_of(s, 0);
	make_pages(s, BASE, 32, 2);
	CHECK_EQ(map(s, 32), 0);
	expect_counts(s, 0, 32, 1);
	CHECK_HEX(fake_descriptor(&s->fakes[0], slot).hi, 0x40000000); /* not the leaf alone (6.1) */
	make_pages(s, BASE + 0x200000, 32, 2);
	s->fakes[0].invalidations_stuck = true;
	CHECK_EQ(map(s, 32), -ETIMEDOUT);
	for (unsigned i = 0; i < 32; i++)
		CHECK_EQ(s->domain->ops->lookup(s->domain, s->ranges[i].iova, &leaf), -ENOENT);
	s->fakes[0].invalidations_stuck = false;
	finish(s);
}

static void write_buffers_are_flushed_once_for_a_burst(void)
{
	struct setup *s = start(1, FAKE_CAP | 0x10, FAKE_ECAP);

	make_pages(s, BASE, 32, 2);
	CHECK_EQ(map(s, 32), 0);
	CHECK_EQ(s->fakes[0].nwrites, 1);
	CHECK_HEX(s->fakes[0].writes[0].off, 0x18);
	CHECK_HEX(s->fakes[0].writes[0].value, 0x8c000000); /* WBF on top of TE and QIE */
	finish(s);
}

/* A device may have used what was mapped for a moment. */
static void a_map_that_fails_midway_invalidates_what_it_undoes(void)
{
	struct setup *s = start(1, FAKE_CAP, FAKE_ECAP);
	struct piommu_pt_leaf leaf;

	make_pages(s, BASE, 4, 2);
	s->mappings[3].iova = BASE;
	s->before = stats_of(s, 0);
	CHECK_EQ(map(s, 4), -EEXIST);
	expect_counts(s, 0, 3, 1);
	for (unsigned i = 0; i < 4; i++)
		CHECK_EQ(s->domain->ops->lookup(s->domain, s->ranges[i].iova, &leaf), -ENOENT);
	finish(s);
}

/* ---- A list of units that changes meanwhile ------------------------------------------------------------------------------------------ */

#define IQT 0x88u

/* Another unit joins the domain while the first one's doorbell is rung. */
static void join(struct fake *fake, unsigned off)
{
	struct setup *s = fake->on_write_ctx;

	if (off != IQT || s->domain->units->n == 2)
		return;
	s->domain->units = s->later;
}

static void a_unit_that_joins_while_a_burst_is_sent_gets_it_too(void)
{
	struct setup *s = start(2, FAKE_CAP, FAKE_ECAP);
	struct piommu_domain_units *first = calloc(1, sizeof(*first) + sizeof(first->at[0]));

	CU_ASSERT_FATAL(first != NULL);
	first->n = 1;
	first->at[0] = s->domain->units->at[0];
	s->later = s->domain->units;
	s->domain->units = first;
	make_pages(s, BASE, 3, 2);
	map_and_unmap(s, 3);
	s->fakes[0].on_write = join;
	s->fakes[0].on_write_ctx = s;
	s->before = stats_of(s, 1);
	CHECK_EQ(submit(s), 0);
	expect_counts(s, 1, 3, 1);
	CHECK_EQ(s->fence.n, 2);
	CHECK_EQ(fence_done(s, 0), 0);
	CHECK_EQ(fence_done(s, 1), 0);
	free(first);
	finish(s);
}

static void a_burst_of_a_domain_without_units_is_done(void)
{
	struct setup *s = start(1, FAKE_CAP, FAKE_ECAP);

	make_pages(s, BASE, 2, 2);
	map_and_unmap(s, 2);
	s->domain->units->n = 0;
	s->before = stats_of(s, 0);
	CHECK_EQ(submit(s), 0);
	CHECK_EQ(s->fence.n, 0);
	CU_ASSERT(piommu_gather_empty(&s->gather));
	expect_counts(s, 0, 0, 0);
	finish(s);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(a_scattered_burst_is_a_descriptor_a_page_one_wait_and_one_doorbell),
		SUITE_TEST(a_contiguous_burst_is_one_descriptor),
		SUITE_TEST(nothing_unmapped_is_nothing_to_send),
		SUITE_TEST(descriptors_are_as_the_specification_draws_them),
		SUITE_TEST(the_threshold_follows_from_the_costs),
		SUITE_TEST(a_unit_whose_commands_are_dear_is_sent_the_domain_sooner),
		SUITE_TEST(a_fence_is_done_when_the_hardware_has_answered),
		SUITE_TEST(a_wait_that_ends_without_an_answer_is_an_event),
		SUITE_TEST(t24_an_error_fails_the_burst_that_it_took_and_no_other),
		SUITE_TEST(a_full_queue_leaves_the_gather_as_it_was),
		SUITE_TEST(a_queue_that_was_given_up_takes_nothing),
		SUITE_TEST(unlinked_tables_stay_in_the_gather),
		SUITE_TEST(a_dropped_burst_sends_nothing),
		SUITE_TEST(each_unit_has_its_own_ticket_and_tag),
		SUITE_TEST(units_that_a_fence_has_no_room_for_are_waited_for),
		SUITE_TEST(a_unit_without_a_queue_is_done_when_submit_returns),
		SUITE_TEST(caching_mode_is_told_of_a_burst_once),
		SUITE_TEST(write_buffers_are_flushed_once_for_a_burst),
		SUITE_TEST(a_map_that_fails_midway_invalidates_what_it_undoes),
		SUITE_TEST(a_unit_that_joins_while_a_burst_is_sent_gets_it_too),
		SUITE_TEST(a_burst_of_a_domain_without_units_is_done),
	};

	return suite_run(argc, argv, "vtd_burst", tests, sizeof(tests) / sizeof(tests[0]));
}
