/* SPDX-License-Identifier: BSD-3-Clause */
/* Which commands a gather becomes (6.5.2.3), and what happens to a queue that stops (6.5.2.10). */
#include <errno.h>

#include "drivers.h"
#include "fake_unit.h"
#include "suite.h"

static const struct vtd_inv usual = { .psi = true, .max_am = 18, .max_desc = 32 };

static void a_page_is_one_leaf_command(void)
{
	struct piommu_gather gather = fake_gather(0x5000, 0x5fff);
	struct vtd_pair desc[VTD_BURST];

	CHECK_EQ(vtd_inv_build(&usual, 9, &gather, desc), 1);
	CHECK_HEX(desc[0].lo, 0x90032);
	CHECK_HEX(desc[0].hi, 0x5040);
}

static void an_aligned_range_is_one_command_of_its_size(void)
{
	struct piommu_gather gather = fake_gather(0x40000000, 0x401fffff);
	struct vtd_pair desc[VTD_BURST];

	CHECK_EQ(vtd_inv_build(&usual, 9, &gather, desc), 1);
	CHECK_HEX(desc[0].hi, 0x40000049);
}

static void an_unaligned_range_is_covered_by_two(void)
{
	struct piommu_gather gather = fake_gather(0x7000, 0x9fff);
	struct vtd_pair desc[VTD_BURST];

	CHECK_EQ(vtd_inv_build(&usual, 9, &gather, desc), 2);
	CHECK_HEX(desc[0].hi, 0x4042); /* four pages from 0x4000, four from 0x8000 */
	CHECK_HEX(desc[1].hi, 0x8042);
}

/* Whatever the range: nothing of it is left out, and the blocks are aligned to their size. */
static void every_page_of_a_range_is_covered(void)
{
	struct vtd_pair desc[VTD_BURST];

	for (unsigned start = 0; start < 40; start++) {
		for (unsigned len = 1; len < 40; len++) {
			struct piommu_gather gather = fake_gather(start * 0x1000ull, (start + len) * 0x1000ull - 1);
			unsigned n = vtd_inv_build(&usual, 9, &gather, desc);
			uint64_t at = start;

			CU_ASSERT(n <= 2);
			for (unsigned i = 0; i < n; i++) {
				uint64_t first = desc[i].hi >> 12;
				uint64_t pages = UINT64_C(1) << (desc[i].hi & 0x3f);

				CHECK_EQ(first % pages, 0);
				CU_ASSERT(first <= at);
				at = first + pages > at ? first + pages : at;
			}
			CU_ASSERT(at >= start + len);
		}
	}
}

static void the_last_page_of_the_address_space_does_not_wrap(void)
{
	struct piommu_gather gather = fake_gather(0xfffffffff000, 0xffffffffffff);
	struct vtd_pair desc[VTD_BURST];

	CHECK_EQ(vtd_inv_build(&usual, 9, &gather, desc), 1);
	CHECK_HEX(desc[0].hi, 0xfffffffff040);
}

static void an_unlinked_table_takes_the_paging_caches_along(void)
{
	struct piommu_gather gather = fake_gather(0x200000, 0x3fffff);
	struct vtd_pair desc[VTD_BURST];

	gather.nonleaf = true;
	CHECK_EQ(vtd_inv_build(&usual, 9, &gather, desc), 1);
	CHECK_HEX(desc[0].hi, 0x200009);
}

static void a_small_address_mask_makes_more_commands_or_one_for_the_domain(void)
{
	struct vtd_inv inv = { .psi = true, .max_am = 4, .max_desc = 32 };
	struct piommu_gather some = fake_gather(0, 64 * 0x1000 - 1);
	struct piommu_gather many = fake_gather(0, 4096 * 0x1000 - 1);
	struct vtd_pair desc[VTD_BURST];

	CHECK_EQ(vtd_inv_build(&inv, 9, &some, desc), 4);
	CHECK_HEX(desc[3].hi, 0x30044);
	CHECK_EQ(vtd_inv_build(&inv, 9, &many, desc), 1);
	CHECK_HEX(desc[0].lo, 0x90022);
}

static void scattered_pages_stay_page_selective_until_the_domain_is_cheaper(void)
{
	struct piommu_gather gather;
	struct vtd_pair desc[VTD_BURST];

	piommu_gather_init(&gather);
	for (unsigned i = 0; i < 32; i++)
		piommu_gather_add(&gather, i * 0x10000ull, i * 0x10000ull + 0xfff);
	CHECK_EQ(vtd_inv_build(&usual, 9, &gather, desc), 32);
	piommu_gather_add(&gather, 0x10000000, 0x10000fff);
	CHECK_EQ(vtd_inv_build(&usual, 9, &gather, desc), 1);
	CHECK_HEX(desc[0].lo, 0x90022);
}

static void without_page_selection_it_is_the_domain(void)
{
	struct vtd_inv inv = { .psi = false, .drain = VTD_DESC_DR | VTD_DESC_DW };
	struct piommu_gather gather = fake_gather(0x5000, 0x5fff);
	struct vtd_pair desc[VTD_BURST];

	CHECK_EQ(vtd_inv_build(&inv, 9, &gather, desc), 1);
	CHECK_HEX(desc[0].lo, 0x900e2);
}

static void a_tag_is_flushed_whole(void)
{
	struct fake fake;
	unsigned slot;

	fake_start(&fake, FAKE_CAP, FAKE_ECAP);
	slot = (unsigned)(fake_reg(&fake, 0x88, 8) >> 4);
	CHECK_EQ(vtd_driver.flush_tag(&fake.unit, 0x123), 0);
	CHECK_HEX(fake_descriptor(&fake, slot).lo, 0x12300e2);
	fake_fini(&fake);
}

/* A waiter repairs, so that nobody depends on a poll; the poll tells of it. */
static void t24_a_refused_descriptor_fails_its_burst_and_no_other(void)
{
	struct fake fake;

	fake_start(&fake, FAKE_CAP, FAKE_ECAP);
	fake.fail_descriptor = 1;
	CHECK_EQ(vtd_driver.flush_tag(&fake.unit, 5), -EIO);
	CHECK_HEX(fake_reg(&fake, 0x34, 4), 0);
	CHECK_EQ(vtd_driver.flush_tag(&fake.unit, 6), 0);
	CHECK_EQ(fake_poll(&fake), 1);
	CHECK_EQ(fake.events[0].type, PIOMMU_EVENT_INV_ERROR);
	CHECK_HEX(fake.events[0].reason, 0x10);
	CHECK_HEX(fake.events[0].raw[0], 0x500e2);
	CHECK_HAS(fake.events[0].reason_text, "IQE");
	CHECK_EQ(fake_poll(&fake), 0);
	fake_fini(&fake);
}

/* In its place, and again with what a poll sends: whatever it was for is not in a cache. */
static void t24_what_a_refused_descriptor_was_for_is_dropped(void)
{
	struct fake fake;
	unsigned slot;

	fake_start(&fake, FAKE_CAP, FAKE_ECAP);
	slot = (unsigned)(fake_reg(&fake, 0x88, 8) >> 4);
	fake.fail_descriptor = 1;
	CHECK_EQ(vtd_driver.flush_tag(&fake.unit, 5), -EIO);
	CHECK_HEX(fake_descriptor(&fake, slot).lo, 0xd2); /* IOTLB, global, with drains (6.5.2.3) */
	CHECK_HEX(fake_descriptor(&fake, slot).hi, 0);
	CHECK_EQ(fake_poll(&fake), 1);
	CHECK_HEX(fake_descriptor(&fake, slot + 2).lo, 0x11); /* context cache, global (6.5.2.1) */
	CHECK_HEX(fake_descriptor(&fake, slot + 4).lo, 0xd2);
	fake_fini(&fake);
}

static void t24_a_refused_wait_is_made_anew(void)
{
	struct fake fake;

	fake_start(&fake, FAKE_CAP, FAKE_ECAP);
	fake.fail_descriptor = 2;
	CHECK_EQ(vtd_driver.flush_tag(&fake.unit, 5), -EIO);
	CHECK_EQ(vtd_driver.flush_tag(&fake.unit, 6), 0);
	CHECK_EQ(fake_poll(&fake), 1);
	CHECK_HEX(fake.events[0].raw[0] & 0xf, 5);
	fake_fini(&fake);
}

/* More than there is room for in between: the last ones share an event, none is left out. */
static void t24_errors_of_a_long_time_without_a_poll_are_told(void)
{
	struct fake fake;

	fake_start(&fake, FAKE_CAP, FAKE_ECAP);
	for (unsigned i = 0; i < PIOMMU_REPORTS + 3; i++) {
		fake.fail_descriptor = 1;
		CHECK_EQ(vtd_driver.flush_tag(&fake.unit, 5 + i), -EIO);
	}
	CHECK_EQ(fake_poll(&fake), PIOMMU_REPORTS);
	for (unsigned i = 0; i < PIOMMU_REPORTS; i++)
		CHECK_HEX(fake.events[i].raw[0], 0x500e2 + 0x10000 * i);
	CHECK_EQ(fake_poll(&fake), 0);
	CHECK_EQ(vtd_driver.flush_tag(&fake.unit, 6), 0);
	fake_fini(&fake);
}

/* The error bits are for who repairs: another's error must not be cleared with them. */
static void t24_one_repairs_and_the_others_wait(void)
{
	struct fake fake;
	struct vtd *vtd;

	fake_start(&fake, FAKE_CAP, FAKE_ECAP);
	vtd = vtd_of(&fake.unit);
	CU_ASSERT(piommu_repair_begin(&vtd->inv.repair));
	fake.fail_descriptor = 1;
	CHECK_EQ(vtd_driver.flush_tag(&fake.unit, 5), -ETIMEDOUT);
	CHECK_HEX(fake_reg(&fake, 0x34, 4), 0x10);
	piommu_repair_end(&vtd->inv.repair);
	CHECK_EQ(vtd_driver.flush_tag(&fake.unit, 6), 0);
	CHECK_HEX(fake_reg(&fake, 0x34, 4), 0);
	vtd_inv_repair(vtd);           /* who comes too late finds nothing to do */
	CHECK_EQ(fake_poll(&fake), 2); /* the one refused, and the one late */
	fake_fini(&fake);
}

static void t24_a_unit_that_refuses_everything_is_given_up(void)
{
	struct fake fake;

	fake_start(&fake, FAKE_CAP, FAKE_ECAP);
	fake.refuse_all = true;
	CHECK_EQ(vtd_driver.flush_tag(&fake.unit, 5), -EIO);
	CHECK_EQ(vtd_driver.flush_tag(&fake.unit, 6), -EIO);
	CHECK_HAS(fake.said, "did not recover");
	fake.said[0] = 0;
	CU_ASSERT(fake_poll(&fake) > 0);
	CHECK_EQ(fake_poll(&fake), 0);
	CHECK_EQ(vtd_driver.flush_tag(&fake.unit, 7), -EIO);
	CHECK_EQ(fake.said[0], 0);
	fake.refuse_all = false;
	fake_fini(&fake);
}

static void a_queue_that_does_not_recover_is_reported_once(void)
{
	struct fake fake;

	fake_start(&fake, FAKE_CAP, FAKE_ECAP);
	fake.fail_descriptor = 1;
	CHECK_EQ(vtd_driver.flush_tag(&fake.unit, 5), -EIO);
	fake.invalidations_stuck = true;
	CHECK_EQ(fake_poll(&fake), 2);
	CHECK_HAS(fake.said, "did not recover");
	fake_set(&fake, 0x34, 4, 0x10);
	CHECK_EQ(fake_poll(&fake), 0);
	CHECK_EQ(vtd_driver.flush_tag(&fake.unit, 6), -EIO);
	fake_fini(&fake);
}

static void what_is_not_acknowledged_is_an_event(void)
{
	static const uint64_t ecaps[] = { FAKE_ECAP, FAKE_ECAP_REGISTERS };

	for (unsigned i = 0; i < 2; i++) {
		struct fake fake;

		fake_start(&fake, FAKE_CAP, ecaps[i]);
		fake.invalidations_stuck = true;
		CHECK_EQ(vtd_driver.flush_tag(&fake.unit, 5), -ETIMEDOUT);
		CHECK_EQ(fake_poll(&fake), 1);
		CHECK_EQ(fake.events[0].type, PIOMMU_EVENT_INV_ERROR);
		CHECK_HAS(fake.events[0].reason_name, "not acknowledged");
		CHECK_EQ(fake_poll(&fake), 0);
		fake_fini(&fake);
	}
}

static void a_register_that_stays_busy_times_out(void)
{
	struct fake fake;

	fake_start(&fake, FAKE_CAP, FAKE_ECAP_REGISTERS);
	fake.invalidations_stuck = true;
	CHECK_EQ(vtd_driver.flush_tag(&fake.unit, 5), -ETIMEDOUT);
	CHECK_EQ(fake.nwrites, 1);
	fake.invalidations_stuck = false;
	CHECK_EQ(vtd_driver.flush_tag(&fake.unit, 6), -ETIMEDOUT); /* the first is still under way: not on top of it */
	CHECK_EQ(fake.nwrites, 1);
	fake_set(&fake, FAKE_IOTLB, 8, 0);
	CHECK_EQ(vtd_driver.flush_tag(&fake.unit, 7), 0);
	fake_fini(&fake);
}

static void counts_add_up_with_and_without_a_queue(void)
{
	static const uint64_t ecaps[] = { FAKE_ECAP, FAKE_ECAP_REGISTERS };

	for (unsigned i = 0; i < 2; i++) {
		struct fake fake;
		struct piommu_ring_stats before, after;

		fake_start(&fake, FAKE_CAP, ecaps[i]);
		vtd_driver.inv_stats(&fake.unit, &before);
		CHECK_EQ(vtd_driver.flush_tag(&fake.unit, 5), 0);
		vtd_driver.inv_stats(&fake.unit, &after);
		CHECK_EQ(after.descriptors - before.descriptors, 1);
		CHECK_EQ(after.waits - before.waits, i == 0);
		fake_fini(&fake);
	}
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(a_page_is_one_leaf_command),
		SUITE_TEST(an_aligned_range_is_one_command_of_its_size),
		SUITE_TEST(an_unaligned_range_is_covered_by_two),
		SUITE_TEST(every_page_of_a_range_is_covered),
		SUITE_TEST(the_last_page_of_the_address_space_does_not_wrap),
		SUITE_TEST(an_unlinked_table_takes_the_paging_caches_along),
		SUITE_TEST(a_small_address_mask_makes_more_commands_or_one_for_the_domain),
		SUITE_TEST(scattered_pages_stay_page_selective_until_the_domain_is_cheaper),
		SUITE_TEST(without_page_selection_it_is_the_domain),
		SUITE_TEST(a_tag_is_flushed_whole),
		SUITE_TEST(t24_a_refused_descriptor_fails_its_burst_and_no_other),
		SUITE_TEST(t24_what_a_refused_descriptor_was_for_is_dropped),
		SUITE_TEST(t24_a_refused_wait_is_made_anew),
		SUITE_TEST(t24_errors_of_a_long_time_without_a_poll_are_told),
		SUITE_TEST(t24_one_repairs_and_the_others_wait),
		SUITE_TEST(t24_a_unit_that_refuses_everything_is_given_up),
		SUITE_TEST(a_queue_that_does_not_recover_is_reported_once),
		SUITE_TEST(what_is_not_acknowledged_is_an_event),
		SUITE_TEST(a_register_that_stays_busy_times_out),
		SUITE_TEST(counts_add_up_with_and_without_a_queue),
	};

	return suite_run(argc, argv, "vtd_inv", tests, sizeof(tests) / sizeof(tests[0]));
}
