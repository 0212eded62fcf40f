/* SPDX-License-Identifier: BSD-3-Clause */
/* Which commands a gather becomes, and that a burst has one sync (5.6, 16.5). */
#include <errno.h>

#include "drivers.h"
#include "fake_unit.h"
#include "suite.h"

/* A unit, with a domain under tag 3. */
struct setup {
	struct fake fake;
	struct piommu_gather gather;
};

static void start(struct setup *s)
{
	fake_start(&s->fake);
	fake_domain(&s->fake, 3);
	atomic_store(&smmuv2_of(&s->fake.unit)->on[0], BIT64(3)); /* as if a device were attached */
	piommu_gather_init(&s->gather);
}

static void finish(struct setup *s)
{
	fake_fini(&s->fake);
}

static int flush(struct setup *s)
{
	s->fake.nwrites = 0;
	return smmuv2_inv_gather(s->fake.units, &s->gather);
}

static void expect(struct setup *s, const struct fake_write *expected, unsigned n)
{
	CHECK_EQ(flush(s), 0);
	fake_expect(&s->fake, 0, expected, n);
}

static void a_page_is_a_leaf_command_and_one_sync(void)
{
	static const struct fake_write expected[] = {
		{ FAKE_CB(3) + 0x620, 8, UINT64_C(0x0003000000040005) },
		{ FAKE_CB(3) + 0x7f0, 4, 0 },
	};
	struct setup s;

	fake_init(&s.fake);
	start(&s);
	piommu_gather_add(&s.gather, 0x40005000, 0x40005fff);
	expect(&s, expected, 2);
	finish(&s);
}

static void a_burst_of_pages_has_one_sync(void)
{
	static const struct fake_write expected[] = {
		{ FAKE_CB(3) + 0x620, 8, UINT64_C(0x0003000000000010) },
		{ FAKE_CB(3) + 0x620, 8, UINT64_C(0x0003000000000020) },
		{ FAKE_CB(3) + 0x620, 8, UINT64_C(0x0003000000000021) },
		{ FAKE_CB(3) + 0x7f0, 4, 0 },
	};
	struct piommu_ring_stats before, after;
	struct setup s;

	fake_init(&s.fake);
	start(&s);
	smmuv2_driver.inv_stats(&s.fake.unit, &before);
	piommu_gather_add(&s.gather, 0x10000, 0x10fff);
	piommu_gather_add(&s.gather, 0x20000, 0x21fff);
	expect(&s, expected, 4);
	smmuv2_driver.inv_stats(&s.fake.unit, &after);
	CHECK_EQ(after.descriptors - before.descriptors, 3);
	CHECK_EQ(after.waits - before.waits, 1);
	finish(&s);
}

static void an_unlinked_table_takes_what_is_above_along(void)
{
	static const struct fake_write expected[] = {
		{ FAKE_CB(3) + 0x600, 8, UINT64_C(0x0003000000000010) },
		{ FAKE_CB(3) + 0x7f0, 4, 0 },
	};
	struct setup s;

	fake_init(&s.fake);
	start(&s);
	piommu_gather_add(&s.gather, 0x10000, 0x10fff);
	s.gather.nonleaf = true;
	expect(&s, expected, 2);
	finish(&s);
}

static void what_costs_more_than_the_domain_is_the_domain(void)
{
	static const struct fake_write expected[] = {
		{ FAKE_CB(3) + 0x610, 4, 3 },
		{ FAKE_CB(3) + 0x7f0, 4, 0 },
	};
	struct setup s;

	fake_init(&s.fake);
	start(&s);
	piommu_gather_add(&s.gather, 0x40000000, 0x401fffff);
	expect(&s, expected, 2);
	s.gather.whole = true;
	s.gather.n = 0;
	expect(&s, expected, 2);
	finish(&s);
}

static void each_page_of_an_unaligned_range_is_named(void)
{
	struct setup s;

	fake_init(&s.fake);
	start(&s);
	piommu_gather_add(&s.gather, 0x10800, 0x12fff);
	CHECK_EQ(smmuv2_inv_npages(smmuv2_of(&s.fake.unit), &s.gather), 3);
	CHECK_EQ(flush(&s), 0);
	CHECK_HEX(s.fake.writes[0].value & 0xffff, 0x10);
	CHECK_HEX(s.fake.writes[2].value & 0xffff, 0x12);
	piommu_gather_init(&s.gather);
	piommu_gather_add(&s.gather, 0x10800, 0x117ff); /* as long as a page, and in two */
	CHECK_EQ(flush(&s), 0);
	CHECK_EQ(s.fake.nwrites, 3);
	piommu_gather_init(&s.gather);
	piommu_gather_add(&s.gather, UINT64_C(0xfffffffff000), UINT64_C(0xffffffffffff));
	CHECK_EQ(flush(&s), 0);
	CHECK_EQ(s.fake.nwrites, 2);
	finish(&s);
}

static void larger_granules_are_fewer_commands(void)
{
	static const struct fake_write expected[] = {
		{ FAKE_CB(3) + 0x620, 8, UINT64_C(0x0003000000000010) },
		{ FAKE_CB(3) + 0x620, 8, UINT64_C(0x0003000000000020) },
		{ FAKE_CB(3) + 0x7f0, 4, 0 },
	};
	struct setup s;

	fake_init(&s.fake);
	fake_ids(&s.fake, FAKE_IDR0, FAKE_IDR1, 0x4555);
	start(&s);
	piommu_gather_add(&s.gather, 0x10000, 0x2ffff);
	expect(&s, expected, 3);
	finish(&s);
}

static void stage_2_goes_by_intermediate_address_and_as_a_whole_by_vmid(void)
{
	static const struct fake_write page[] = {
		{ FAKE_CB(3) + 0x638, 8, 0x40005 },
		{ FAKE_CB(3) + 0x7f0, 4, 0 },
	};
	static const struct fake_write whole[] = { { 0x64, 4, 4 }, { 0x70, 4, 0 } };
	struct setup s;

	fake_init(&s.fake);
	fake_ids(&s.fake, FAKE_IDR0_STAGE2, FAKE_IDR1, FAKE_IDR2);
	start(&s);
	piommu_gather_add(&s.gather, 0x40005000, 0x40005fff);
	expect(&s, page, 2);
	s.gather.whole = true;
	expect(&s, whole, 2);
	finish(&s);
}

/* Erratum 27704: 128 tags for each unit, by the number in its name. */
static void units_that_share_a_tlb_have_tags_of_their_own(void)
{
	static const struct fake_write page[] = {
		{ FAKE_CB(3) + 0x620, 8, UINT64_C(0x0103000000040005) },
		{ FAKE_CB(3) + 0x7f0, 4, 0 },
	};
	static const struct fake_write whole[] = { { FAKE_CB(3) + 0x610, 4, 0x103 }, { FAKE_CB(3) + 0x7f0, 4, 0 } };
	struct setup s;

	fake_init(&s.fake);
	fake_ids(&s.fake, FAKE_IDR0, FAKE_IDR1, FAKE_IDR2 | 0x8000);
	fake_model(&s.fake, PIOMMU_FW_MODEL_CAVIUM_V2, 2);
	s.fake.unit.name = "smmu2";
	start(&s);
	piommu_gather_add(&s.gather, 0x40005000, 0x40005fff);
	expect(&s, page, 2);
	s.gather.whole = true;
	expect(&s, whole, 2);
	finish(&s);
}

static void stage_2_of_version_1_knows_only_the_whole(void)
{
	static const struct fake_write whole[] = { { 0x64, 4, 4 }, { 0x70, 4, 0 } };
	struct setup s;

	fake_init(&s.fake);
	fake_ids(&s.fake, FAKE_IDR0, FAKE_IDR1, 0x22);
	fake_model(&s.fake, PIOMMU_FW_MODEL_MMU_400, 1);
	s.fake.narrow = true;
	start(&s);
	piommu_gather_add(&s.gather, 0x40005000, 0x40005fff);
	expect(&s, whole, 2);
	finish(&s);
}

static void stage_1_of_version_1_goes_by_32_bits(void)
{
	static const struct fake_write page[] = {
		{ FAKE_CB(3) + 0x600, 4, 0x40005003 }, /* it has none for leaves alone */
		{ FAKE_CB(3) + 0x7f0, 4, 0 },
	};
	struct setup s;

	fake_init(&s.fake);
	fake_ids(&s.fake, FAKE_IDR0 & ~0x20000000u, FAKE_IDR1, 0x22);
	fake_model(&s.fake, PIOMMU_FW_MODEL_MMU_401, 1);
	s.fake.narrow = true;
	start(&s);
	piommu_gather_add(&s.gather, 0x40005000, 0x40005fff);
	expect(&s, page, 2);
	finish(&s);
}

static void every_unit_is_told_before_one_is_waited_for(void)
{
	struct setup s;
	struct fake other;

	fake_init(&s.fake);
	start(&s);
	fake_init(&other);
	fake_start(&other);
	atomic_store(&smmuv2_of(&other.unit)->on[0], BIT64(5));
	fake_domain_on(&s.fake, &other, 5);
	piommu_gather_add(&s.gather, 0x10000, 0x10fff);
	s.fake.syncs_stuck = true; /* one that fails does not keep the others from theirs */
	CHECK_EQ(flush(&s), -ETIMEDOUT);
	CHECK_EQ(other.nwrites, 2);
	CHECK_HEX(other.writes[0].off, FAKE_CB(5) + 0x620);
	CHECK_HEX(other.writes[1].off, FAKE_CB(5) + 0x7f0);
	s.fake.syncs_stuck = false;
	fake_set(&s.fake, FAKE_CB(3) + 0x7f4, 4, 0);
	fake_fini(&other);
	finish(&s);
}

static void a_bank_that_does_not_translate_yet_is_not_told(void)
{
	struct setup s;

	fake_init(&s.fake);
	start(&s);
	atomic_store(&smmuv2_of(&s.fake.unit)->on[0], 0);
	piommu_gather_add(&s.gather, 0x10000, 0x10fff);
	CHECK_EQ(flush(&s), 0);
	CHECK_EQ(s.fake.nwrites, 0);
	finish(&s);
}

static void a_submission_waits_and_leaves_no_ticket(void)
{
	struct piommu_fence fence = { .n = 0 };
	struct setup s;

	fake_init(&s.fake);
	start(&s);
	piommu_gather_add(&s.gather, 0x10000, 0x10fff);
	s.fake.nwrites = 0;
	CHECK_EQ(smmuv2_inv_submit(s.fake.units, &s.gather, &fence), 0);
	CHECK_EQ(fence.n, 0);
	CHECK_EQ(s.fake.nwrites, 2);
	finish(&s);
}

static void what_is_not_acknowledged_is_an_event(void)
{
	struct setup s;

	fake_init(&s.fake);
	start(&s);
	piommu_gather_add(&s.gather, 0x10000, 0x10fff);
	s.fake.syncs_stuck = true;
	CHECK_EQ(flush(&s), -ETIMEDOUT);
	CHECK_EQ(fake_poll(&s.fake), 1);
	CHECK_EQ(s.fake.events[0].type, PIOMMU_EVENT_INV_ERROR);
	CHECK_HAS(s.fake.events[0].reason_name, "not acknowledged");
	CHECK_EQ(fake_poll(&s.fake), 0);
	s.fake.syncs_stuck = false;
	finish(&s);
}

static void a_unit_that_is_gone_is_no_time_out(void)
{
	struct setup s;

	fake_init(&s.fake);
	start(&s);
	piommu_gather_add(&s.gather, 0x10000, 0x10fff);
	s.fake.dead = true;
	CHECK_EQ(flush(&s), -EIO);
	CHECK_EQ(fake_poll(&s.fake), 1);
	CHECK_EQ(s.fake.events[0].type, PIOMMU_EVENT_UNIT_LOST);
	s.fake.dead = false;
	CHECK_EQ(fake_poll(&s.fake), 0); /* nor was an invalidation late */
	finish(&s);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(a_page_is_a_leaf_command_and_one_sync),
		SUITE_TEST(a_burst_of_pages_has_one_sync),
		SUITE_TEST(an_unlinked_table_takes_what_is_above_along),
		SUITE_TEST(what_costs_more_than_the_domain_is_the_domain),
		SUITE_TEST(each_page_of_an_unaligned_range_is_named),
		SUITE_TEST(larger_granules_are_fewer_commands),
		SUITE_TEST(stage_2_goes_by_intermediate_address_and_as_a_whole_by_vmid),
		SUITE_TEST(units_that_share_a_tlb_have_tags_of_their_own),
		SUITE_TEST(stage_2_of_version_1_knows_only_the_whole),
		SUITE_TEST(stage_1_of_version_1_goes_by_32_bits),
		SUITE_TEST(every_unit_is_told_before_one_is_waited_for),
		SUITE_TEST(a_bank_that_does_not_translate_yet_is_not_told),
		SUITE_TEST(a_submission_waits_and_leaves_no_ticket),
		SUITE_TEST(what_is_not_acknowledged_is_an_event),
		SUITE_TEST(a_unit_that_is_gone_is_no_time_out),
	};

	return suite_run(argc, argv, "smmuv2_inv", tests, sizeof(tests) / sizeof(tests[0]));
}
