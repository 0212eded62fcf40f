/* SPDX-License-Identifier: BSD-3-Clause */
/* Which commands a gather becomes (4.4), and what happens to a queue that stops (7.1). */
#include <errno.h>

#include "drivers.h"
#include "fake_unit.h"
#include "suite.h"

static const struct smmuv3_inv with_ranges = { .granule_lg2 = 12, .max_burst = 256, .max_cmds = 32, .ranges = true };
static const struct smmuv3_inv page_by_page = { .granule_lg2 = 12, .max_burst = 256, .max_cmds = 32 };

/* ---- Commands ---- */

static void a_page_is_one_leaf_command_of_the_last_level(void)
{
	struct piommu_gather gather = fake_gather(0x5000, 0x5fff);
	struct smmuv3_cmd cmd[SMMUV3_BURST];

	CHECK_EQ(smmuv3_inv_build(&with_ranges, 9, &gather, cmd), 1);
	CHECK_HEX(cmd[0].lo, UINT64_C(0x0009000000000012));
	CHECK_HEX(cmd[0].hi, 0x5701); /* TG 4K, TTL 3, leaf */
	CHECK_EQ(smmuv3_inv_build(&page_by_page, 9, &gather, cmd), 1);
	CHECK_HEX(cmd[0].hi, 0x5001); /* TG and TTL are reserved there */
}

static void granules_have_numbers_of_their_own(void)
{
	struct smmuv3_inv inv = with_ranges;
	struct piommu_gather gather = fake_gather(0x10000, 0x1ffff);
	struct smmuv3_cmd cmd[SMMUV3_BURST];

	inv.granule_lg2 = 16;
	CHECK_EQ(smmuv3_inv_build(&inv, 9, &gather, cmd), 1);
	CHECK_HEX(cmd[0].hi, 0x10f01);
	inv.granule_lg2 = 14;
	CHECK_EQ(smmuv3_inv_build(&inv, 9, &gather, cmd), 1);
	CHECK_HEX(cmd[0].lo, UINT64_C(0x0009000000003012)); /* four of 16 KiB */
	CHECK_HEX(cmd[0].hi, 0x10b01);
}

static void a_block_is_one_range_without_a_level(void)
{
	struct piommu_gather gather = fake_gather(0x40000000, 0x401fffff);
	struct smmuv3_cmd cmd[SMMUV3_BURST];

	CHECK_EQ(smmuv3_inv_build(&with_ranges, 9, &gather, cmd), 1);
	CHECK_HEX(cmd[0].lo, UINT64_C(0x000900000050f012)); /* 16 << 5 granules */
	CHECK_HEX(cmd[0].hi, 0x40000401);
}

/* Which leaf covers an address is known where no block fits the range: super pages are never split. */
static void a_level_is_said_only_where_no_block_fits(void)
{
	static const struct {
		uint64_t start, last;
		bool level;
	} cases[] = {
		{ 0x1ff000, 0x3fefff, true },
		{ 0x1ff000, 0x3fffff, false },
		{ 0x200000, 0x3fefff, true },
		{ 0x200000, 0x3fffff, false },
		{ 0, 0x1fffff, false },
		{ UINT64_C(0xffffffe00000), UINT64_C(0xffffffffffff), false },
		{ UINT64_C(0xffffffe01000), UINT64_C(0xffffffffffff), true },
	};
	struct smmuv3_cmd cmd[SMMUV3_BURST];

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct piommu_gather gather = fake_gather(cases[i].start, cases[i].last);
		unsigned n = smmuv3_inv_build(&with_ranges, 9, &gather, cmd);

		for (unsigned c = 0; c < n; c++)
			CHECK_EQ((cmd[c].hi >> 8 & 3) == 3, cases[i].level);
	}
}

static void an_unlinked_table_takes_the_walk_caches_along(void)
{
	struct piommu_gather gather = fake_gather(0x200000, 0x5fffff);
	struct smmuv3_cmd cmd[SMMUV3_BURST];

	gather.nonleaf = true;
	CHECK_EQ(smmuv3_inv_build(&with_ranges, 9, &gather, cmd), 1);
	CHECK_HEX(cmd[0].hi, 0x200400); /* a range, neither leaf nor level */
	gather = fake_gather(0x5000, 0x5fff);
	gather.nonleaf = true;
	CHECK_EQ(smmuv3_inv_build(&with_ranges, 9, &gather, cmd), 1);
	CHECK_HEX(cmd[0].hi, 0x5000); /* one granule without a level: only without TG, 4.4.1.1 */
}

/* What a command covers (4.4.1.1), in granules. */
static uint64_t granules_of(const struct smmuv3_cmd *cmd)
{
	if (!(cmd->hi >> 10 & 3))
		return 1;
	/* Reserved: a range of one granule whose level is not said. */
	CU_ASSERT((cmd->lo & 0x1f1f000) != 0 || (cmd->hi & 0x300) != 0);
	return ((cmd->lo >> 12 & 0x1f) + 1) << (cmd->lo >> 20 & 0x1f);
}

static void check_cover(const struct smmuv3_inv *inv, uint64_t start, uint64_t pages, unsigned most)
{
	struct smmuv3_cmd cmd[SMMUV3_BURST];
	uint64_t page = UINT64_C(1) << inv->granule_lg2;
	struct piommu_gather gather = fake_gather(start, start + (pages * page - 1));
	unsigned n = smmuv3_inv_build(inv, 9, &gather, cmd);
	uint64_t at = start;

	CU_ASSERT(n >= 1 && n <= most);
	for (unsigned i = 0; i < n; i++) {
		CHECK_HEX(cmd[i].lo & 0xff, 0x12);
		CHECK_HEX(cmd[i].hi & ~UINT64_C(0xfff), at);
		at += granules_of(&cmd[i]) * page;
	}
	CHECK_HEX(at, start + pages * page);
}

static void ranges_are_covered_exactly(void)
{
	struct smmuv3_inv inv = with_ranges;

	for (uint64_t pages = 1; pages < 5000; pages++)
		check_cover(&inv, 0x7000, pages, 3);
	for (unsigned bits = 0; bits <= 36; bits++) {
		check_cover(&inv, 0, UINT64_C(1) << bits, 2);
		check_cover(&inv, 0, (UINT64_C(2) << bits) - 1 < UINT64_C(1) << 36 ? (UINT64_C(2) << bits) - 1 : 1, 8);
	}
	inv.granule_lg2 = 16;
	check_cover(&inv, 0, UINT64_C(1) << 36, 1); /* all of 52 bits */
	for (uint64_t pages = 1; pages <= 32; pages++)
		check_cover(&page_by_page, 0x7000, pages, 32);
}

static void the_last_page_of_the_address_space_does_not_wrap(void)
{
	struct piommu_gather gather = fake_gather(UINT64_C(0xfffffffff000), UINT64_C(0xffffffffffff));
	struct smmuv3_cmd cmd[SMMUV3_BURST];

	CHECK_EQ(smmuv3_inv_build(&with_ranges, 9, &gather, cmd), 1);
	CHECK_HEX(cmd[0].hi, UINT64_C(0xfffffffff701));
}

static void what_takes_too_many_commands_takes_the_whole_tag(void)
{
	struct smmuv3_inv inv = page_by_page;
	struct piommu_gather gather = fake_gather(0, 33 * 0x1000 - 1);
	struct smmuv3_cmd cmd[SMMUV3_BURST];

	CHECK_EQ(smmuv3_inv_build(&inv, 9, &gather, cmd), 1);
	CHECK_HEX(cmd[0].lo, UINT64_C(0x0009000000000011));
	inv.stage2 = true;
	CHECK_EQ(smmuv3_inv_build(&inv, 9, &gather, cmd), 1);
	CHECK_HEX(cmd[0].lo, UINT64_C(0x0000000900000028));
	piommu_gather_init(&gather);
	for (unsigned i = 0; i < 32; i++)
		piommu_gather_add(&gather, i * 0x10000ull, i * 0x10000ull + 0xfff);
	CHECK_EQ(smmuv3_inv_build(&inv, 9, &gather, cmd), 32);
	piommu_gather_add(&gather, 0x10000000, 0x10000fff);
	CHECK_EQ(smmuv3_inv_build(&inv, 9, &gather, cmd), 1);
	gather.whole = true;
	gather.n = 0;
	CHECK_EQ(smmuv3_inv_build(&inv, 9, &gather, cmd), 1);
}

static void a_gather_never_asks_for_more_than_a_small_queue_holds(void)
{
	for (unsigned lg2 = 2; lg2 <= 9; lg2++) {
		struct fake fake;
		const struct smmuv3_inv *inv;

		fake_start(&fake, &(struct fake_ids){ FAKE_IDR0, (FAKE_IDR1 & ~0x3e00000u) | lg2 << 21, FAKE_IDR3, FAKE_IDR5 });
		inv = &smmuv3_of(&fake.unit)->inv;
		CU_ASSERT(inv->max_cmds <= (1u << lg2) - 2);
		CU_ASSERT(inv->max_cmds >= 2);
		for (unsigned i = 0; i < 20; i++) /* around its end, with the wrap bit */
			CHECK_EQ(smmuv3_driver.flush_tag(&fake.unit, 5), 0);
		fake_fini(&fake);
	}
}

static void more_commands_than_fit_go_in_parts(void)
{
	struct smmuv3_cmd cmd[100];
	struct fake fake;
	unsigned n = 0;

	fake_start(&fake, &(struct fake_ids){ FAKE_IDR0, (FAKE_IDR1 & ~0x3e00000u) | 4 << 21, FAKE_IDR3, FAKE_IDR5 });
	for (unsigned i = 0; i < 100; i++)
		cmd[i] = smmuv3_cmd_cfgi_ste(i);
	CHECK_EQ(smmuv3_inv_sync(smmuv3_of(&fake.unit), cmd, 100), 0);
	for (unsigned i = 0; i < fake.ncommands; i++) {
		if ((fake.commands[i].lo & 0xff) == 3)
			CHECK_EQ(fake.commands[i].lo >> 32, n++);
	}
	CHECK_EQ(n, 100);
	fake_fini(&fake);
}

static void completion_is_a_write_where_the_unit_can_and_snoops(void)
{
	static const struct {
		uint32_t idr0;
		bool writes;
	} cases[] = { { FAKE_IDR0, true }, { FAKE_IDR0 & ~0x2000u, false }, { FAKE_IDR0 & ~0x10u, false } };

	for (unsigned i = 0; i < 3; i++) {
		struct fake fake;

		fake_start(&fake, &(struct fake_ids){ cases[i].idr0, FAKE_IDR1, FAKE_IDR3, FAKE_IDR5 });
		CHECK_EQ(smmuv3_driver.flush_tag(&fake.unit, 5), 0);
		CHECK_HEX(fake.commands[1].lo & 0xff, 0x46);
		CHECK_HEX(fake.commands[1].lo >> 12 & 3, cases[i].writes);
		CHECK_EQ(fake.commands[1].hi != 0, cases[i].writes);
		fake_fini(&fake);
	}
}

/* ---- A queue that stops ---- */

static void check_refused(uint32_t idr0, unsigned cerror, const char *text)
{
	struct fake fake;

	fake_start(&fake, &(struct fake_ids){ idr0, FAKE_IDR1, FAKE_IDR3, FAKE_IDR5 });
	fake.fail_command = 1;
	fake.fail_with = cerror;
	CHECK_EQ(smmuv3_driver.flush_tag(&fake.unit, 5), -EIO);
	CHECK_HEX(fake_reg(&fake, 0x64, 4), 1); /* acknowledged */
	CHECK_HEX(fake.commands[0].lo, 0x30);   /* in its place: more than any could have dropped */
	CHECK_EQ(smmuv3_driver.flush_tag(&fake.unit, 6), 0);
	CHECK_EQ(fake_poll(&fake), 1);
	CHECK_EQ(fake.events[0].type, PIOMMU_EVENT_INV_ERROR);
	CHECK_HAS(fake.events[0].reason_text, text);
	CHECK_HEX(fake.events[0].raw[0], UINT64_C(0x0005000000000011));
	CHECK_HEX(fake.events[0].raw[2], cerror);
	/* And all is invalidated, because nobody knows what the refused one left behind. */
	CHECK_HEX(fake.commands[fake.ncommands - 2].lo, 0x30);
	CHECK_EQ(fake_poll(&fake), 0);
	fake_fini(&fake);
}

static void a_refused_command_fails_its_own_burst_alone(void)
{
	check_refused(FAKE_IDR0, 1, "CERROR_ILL");
	check_refused(FAKE_IDR0, 2, "CERROR_ABT");
	check_refused(FAKE_IDR0 & ~0x2000u, 1, "CERROR_ILL"); /* by index */
	check_refused(FAKE_IDR0 & ~0x10u, 1, "CERROR_ILL");   /* and with write-back */
}

static void a_sync_that_fails_is_tried_again(void)
{
	struct fake fake;

	fake_start(&fake, &fake_usual);
	fake.fail_command = 2;
	fake.fail_with = 3;
	CHECK_EQ(smmuv3_driver.flush_tag(&fake.unit, 5), -EIO);
	CHECK_HEX(fake.commands[1].lo & 0xff, 0x46);
	CHECK_EQ(fake_poll(&fake), 1);
	CHECK_HAS(fake.events[0].reason_text, "CERROR_ATC_INV_SYNC");
	CHECK_EQ(smmuv3_driver.flush_tag(&fake.unit, 6), 0);
	fake_fini(&fake);
}

static void a_queue_that_refuses_everything_is_given_up(void)
{
	struct fake fake;

	fake_start(&fake, &fake_usual);
	fake.refuse_all = true;
	for (unsigned i = 0; i < 20; i++)
		CHECK_EQ(smmuv3_driver.flush_tag(&fake.unit, 5), -EIO);
	CHECK_HAS(fake.said, "did not recover");
	fake.refuse_all = false;
	CHECK_EQ(smmuv3_driver.flush_tag(&fake.unit, 5), -EIO);
	CU_ASSERT(fake_poll(&fake) >= 1);
	CHECK_EQ(smmuv3_driver.shutdown(&fake.unit), 0);
	fake_fini(&fake);
}

static void an_invalidation_that_is_late_is_an_event(void)
{
	struct fake fake;

	fake_start(&fake, &fake_usual);
	fake.commands_stuck = true;
	CHECK_EQ(smmuv3_driver.flush_tag(&fake.unit, 5), -ETIMEDOUT);
	CHECK_EQ(fake_poll(&fake), 1);
	CHECK_EQ(fake.events[0].type, PIOMMU_EVENT_INV_ERROR);
	CHECK_HAS(fake.events[0].reason_name, "not acknowledged");
	CHECK_EQ(fake_poll(&fake), 0);
	fake_fini(&fake);
}

static void a_unit_that_is_gone_answers_at_once(void)
{
	struct fake fake;

	fake_start(&fake, &fake_usual);
	fake.dead = true;
	CHECK_EQ(smmuv3_driver.flush_tag(&fake.unit, 5), -EIO);
	fake_fini(&fake);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(a_page_is_one_leaf_command_of_the_last_level),
		SUITE_TEST(granules_have_numbers_of_their_own),
		SUITE_TEST(a_block_is_one_range_without_a_level),
		SUITE_TEST(a_level_is_said_only_where_no_block_fits),
		SUITE_TEST(an_unlinked_table_takes_the_walk_caches_along),
		SUITE_TEST(ranges_are_covered_exactly),
		SUITE_TEST(the_last_page_of_the_address_space_does_not_wrap),
		SUITE_TEST(what_takes_too_many_commands_takes_the_whole_tag),
		SUITE_TEST(a_gather_never_asks_for_more_than_a_small_queue_holds),
		SUITE_TEST(more_commands_than_fit_go_in_parts),
		SUITE_TEST(completion_is_a_write_where_the_unit_can_and_snoops),
		SUITE_TEST(a_refused_command_fails_its_own_burst_alone),
		SUITE_TEST(a_sync_that_fails_is_tried_again),
		SUITE_TEST(a_queue_that_refuses_everything_is_given_up),
		SUITE_TEST(an_invalidation_that_is_late_is_an_event),
		SUITE_TEST(a_unit_that_is_gone_answers_at_once),
	};

	return suite_run(argc, argv, "smmuv3_inv", tests, sizeof(tests) / sizeof(tests[0]));
}
