/* SPDX-License-Identifier: BSD-3-Clause */
/* Stream mappings: a device's own, firmware's, how they move, and what is written when (2.1, 9.6, 10.1). */
#include <errno.h>

#include "streams.h"

/* ---- One device ---- */

static void a_bank_is_whole_before_a_stream_is_mapped_to_it(void)
{
	struct setup s;
	uint64_t root;

	fake_init(&s.fake);
	start(&s);
	CHECK_EQ(attach(&s, 0, s.a), 0);
	root = fake_reg(&s.fake, FAKE_CB(2) + 0x20, 8) & UINT64_C(0xffffffffffff);

	const struct fake_write expected[] = {
		{ FAKE_CB(2), 4, 0 },
		{ FAKE_GR1 + 0x808, 4, 1 },         /* CBA2R: AArch64 */
		{ FAKE_GR1 + 0x8, 4, 0x1f300 },     /* CBAR: stage 1 */
		{ FAKE_CB(2) + 0x10, 4, 0x38005 },  /* TCR2 */
		{ FAKE_CB(2) + 0x30, 4, 0x803510 }, /* TCR */
		{ FAKE_CB(2) + 0x20, 8, root | UINT64_C(2) << 48 },
		{ FAKE_CB(2) + 0x38, 4, 0xff }, /* MAIR0 */
		{ FAKE_CB(2) + 0x3c, 4, 0 },
		{ FAKE_CB(2) + 0x58, 4, 0x800001fe }, /* FSR */
		{ FAKE_CB(2), 4, 0x1127 },            /* SCTLR, the last */
		{ S2CR(0), 4, 2 },
		{ SMR(0), 4, 0x80000100 },
		{ 0x6c, 4, 0 }, /* what the TLB knew of the stream */
		{ 0x68, 4, 0 },
		{ 0x70, 4, 0 },
	};

	fake_expect(&s.fake, 0, expected, sizeof(expected) / sizeof(expected[0]));
	check_fate(&s, 0x100, FAKE_BANK + 2);
	check_fate(&s, 0x101, FAKE_PASS);
	finish(&s);
}

static void a_stage_2_bank_has_a_vmid(void)
{
	struct setup s;

	fake_init(&s.fake);
	fake_ids(&s.fake, FAKE_IDR0_STAGE2, FAKE_IDR1, 0x1552); /* 40 bits: two tables side by side */
	start(&s);
	CHECK_EQ(attach(&s, 0, s.a), 0);
	CHECK_HEX(fake_reg(&s.fake, FAKE_GR1 + 8, 4), 3);
	CHECK_HEX(fake_reg(&s.fake, FAKE_CB(2) + 0x30, 4), 0x80053558);
	CHECK_HEX(fake_reg(&s.fake, FAKE_CB(2) + 0x20, 8) & 0x1fff, 0);
	finish(&s);
}

static void version_1_has_no_registers_that_came_later(void)
{
	struct setup s;

	fake_init(&s.fake);
	fake_ids(&s.fake, FAKE_IDR0, FAKE_IDR1, 0x22);
	fake_model(&s.fake, PIOMMU_FW_MODEL_MMU_401, 1);
	s.fake.narrow = true;
	start(&s);
	CHECK_EQ(attach(&s, 0, s.a), 0);
	for (unsigned i = 0; i < s.fake.nwrites; i++)
		CU_ASSERT(s.fake.writes[i].off != FAKE_GR1 + 0x808 && s.fake.writes[i].off != FAKE_CB(2) + 0x10);
	CHECK_HEX(fake_reg(&s.fake, FAKE_CB(2) + 0x30, 4), 0x80003558);
	check_fate(&s, 0x100, FAKE_BANK + 2);
	finish(&s);
}

static void a_move_is_one_store_and_the_stream_sees_old_or_new(void)
{
	struct setup s;
	unsigned stores = 0;

	fake_init(&s.fake);
	start(&s);
	CHECK_EQ(attach(&s, 0, s.a), 0);
	fake_watch(&s.fake, 0x100);
	s.fake.nwrites = 0;
	CHECK_EQ(attach(&s, 0, s.b), 0);
	for (unsigned i = 0; i < s.fake.nwrites; i++)
		stores += s.fake.writes[i].off >= 0x800 && s.fake.writes[i].off < 0x1000;
	CHECK_EQ(stores, 1);
	CHECK_HEX(s.fake.seen[0], BIT64(8 + 2) | BIT64(8 + 3));
	s.fake.seen[0] = 0;
	CHECK_EQ(attach(&s, 0, s.blocking), 0);
	CHECK_HEX(s.fake.seen[0], 2); /* from the first write on: that is the move */
	s.fake.seen[0] = 0;
	CHECK_EQ(attach(&s, 0, s.identity), 0);
	CHECK_HEX(s.fake.seen[0], 1);
	finish(&s);
}

static void attaching_where_it_is_already_does_nothing(void)
{
	struct setup s;

	fake_init(&s.fake);
	start(&s);
	CHECK_EQ(attach(&s, 0, s.a), 0);
	s.fake.nwrites = 0;
	CHECK_EQ(attach(&s, 0, s.a), 0);
	CHECK_EQ(s.fake.nwrites, 0);
	finish(&s);
}

static void a_device_that_passes_needs_no_mapping(void)
{
	struct setup s;

	fake_init(&s.fake);
	start(&s);
	CHECK_EQ(attach(&s, 0, s.identity), 0);
	CHECK_EQ(s.fake.nwrites, 0);
	finish(&s);
}

static void a_bank_stops_when_its_tag_is_flushed_and_not_before(void)
{
	struct setup s;

	fake_init(&s.fake);
	start(&s);
	CHECK_EQ(attach(&s, 0, s.a), 0);
	CHECK_EQ(smmuv2_driver.flush_tag(&s.fake.unit, 2), 0);
	CHECK_HEX(fake_reg(&s.fake, FAKE_CB(2), 4) & 1, 1); /* a stream is mapped to it */
	CHECK_EQ(attach(&s, 0, s.b), 0);
	CHECK_HEX(fake_reg(&s.fake, FAKE_CB(2), 4) & 1, 1);
	s.fake.nwrites = 0;
	CHECK_EQ(smmuv2_driver.flush_tag(&s.fake.unit, 2), 0);
	CHECK_HEX(s.fake.writes[0].off, FAKE_CB(2) + 0x610); /* TLBIASID */
	CHECK_HEX(s.fake.writes[0].value, 2);
	CHECK_HEX(s.fake.writes[1].off, FAKE_CB(2) + 0x7f0); /* TLBSYNC */
	CHECK_HEX(fake_reg(&s.fake, FAKE_CB(2), 4) & 1, 0);
	CHECK_HEX(fake_reg(&s.fake, FAKE_CB(3), 4) & 1, 1);
	finish(&s);
}

static void every_id_moves_masks_and_all(void)
{
	struct setup s;

	fake_init(&s.fake);
	start(&s);
	add_device(&s, 1, 0x200, 0xf);
	s.device[1].ids[1] = (struct piommu_id){ 0x300, 0 };
	s.device[1].nids = 2;
	CHECK_EQ(attach(&s, 1, s.a), 0);
	check_fate(&s, 0x200, FAKE_BANK + 2);
	check_fate(&s, 0x20f, FAKE_BANK + 2);
	check_fate(&s, 0x300, FAKE_BANK + 2);
	check_fate(&s, 0x210, FAKE_PASS);
	CHECK_HEX(fake_reg(&s.fake, SMR(0), 4), 0x800f0200);
	finish(&s);
}

static void extended_ids_count_from_their_s2cr_on(void)
{
	struct setup s;

	fake_init(&s.fake);
	fake_ids(&s.fake, FAKE_IDR0_EXTENDED, FAKE_IDR1, FAKE_IDR2);
	start(&s);
	add_device(&s, 1, 0x9200, 0x8);
	fake_watch(&s.fake, 0x9208);
	fake_watch(&s.fake, 0); /* what a mapping without ids would match */
	CHECK_EQ(attach(&s, 1, s.a), 0);
	CHECK_HEX(fake_reg(&s.fake, SMR(0), 4), 0x00089200);
	CHECK_HEX(fake_reg(&s.fake, S2CR(0), 4), 0x402);
	CHECK_HEX(s.fake.seen[0], 1 | BIT64(8 + 2));
	check_fate(&s, 0x1200, FAKE_PASS);
	smmuv2_driver.release_device(&s.device[1]);
	add_device(&s, 1, 0x9200, 0); /* the mapping gives way to another */
	CHECK_EQ(attach(&s, 1, s.b), 0);
	check_fate(&s, 0x9200, FAKE_BANK + 3);
	CHECK_HEX(s.fake.seen[1], 1);
	finish(&s);
}

static void by_index_only_s2cr_is_written(void)
{
	struct setup s;

	fake_init(&s.fake);
	fake_ids(&s.fake, FAKE_IDR0_INDEX, FAKE_IDR1, FAKE_IDR2);
	start(&s);
	add_device(&s, 1, 5, 0);
	CHECK_EQ(attach(&s, 1, s.a), 0);
	for (unsigned i = 0; i < s.fake.nwrites; i++)
		CU_ASSERT(s.fake.writes[i].off < 0x800 || s.fake.writes[i].off >= 0xa00);
	check_fate(&s, 5, FAKE_BANK + 2);
	check_fate(&s, 4, FAKE_PASS);
	CHECK_EQ(attach(&s, 0, s.a), -EINVAL); /* 0x100 is no index of eight */
	CHECK_HAS(s.fake.said, "0x100");
	finish(&s);
}

static void where_bypass_is_trapped_identity_is_the_bank_set_aside(void)
{
	struct setup s;

	fake_init(&s.fake);
	fake_model(&s.fake, PIOMMU_FW_MODEL_QCOM_V2, 2);
	s.fake.traps_bypass = true;
	fake_stream(&s.fake, 7, 0, 0x20000); /* says fault before anybody asked it to */
	start(&s);
	CHECK_EQ(attach(&s, 0, s.a), 0);
	fake_watch(&s.fake, 0x100);
	CHECK_EQ(attach(&s, 0, s.identity), 0);
	CHECK_HEX(fake_reg(&s.fake, S2CR(0), 4), 7);
	CHECK_HEX(s.fake.seen[0], 1);
	CHECK_EQ(attach(&s, 0, s.blocking), 0); /* which is to be had by asking for bypass */
	check_fate(&s, 0x100, FAKE_BLOCKED);
	finish(&s);
}

static void an_id_that_a_mapping_does_not_hold_is_refused(void)
{
	struct setup s;

	fake_init(&s.fake);
	s.fake.smr_bits = 0x800f00ff;
	start(&s);
	CHECK_EQ(attach(&s, 0, s.a), -EINVAL);
	CHECK_HAS(s.fake.said, "/soc/dma0");
	add_device(&s, 1, 0x20, 0x1f);
	CHECK_EQ(attach(&s, 1, s.a), -EINVAL);
	CHECK_HAS(s.fake.said, "mask 0x1f");
	check_fate(&s, 0x20, FAKE_PASS);
	finish(&s);
}

/* ---- Firmware's ---- */

static void what_a_device_left_gives_way_before_what_firmware_mapped(void)
{
	struct setup s;

	fake_init(&s.fake);
	fake_set(&s.fake, 0, 4, 0);
	fake_stream(&s.fake, 0, 0x80000300, 0x10000);
	start(&s);
	CHECK_EQ(attach(&s, 0, s.blocking), 0);
	smmuv2_driver.release_device(&s.device[0]);
	add_device(&s, 1, 0x200, 0);
	for (unsigned i = 0; i < 6; i++)
		s.device[1].ids[i] = (struct piommu_id){ 0x200 + i, 0 };
	s.device[1].nids = 6;
	CHECK_EQ(attach(&s, 1, s.a), 0);
	add_device(&s, 2, 0x400, 0);
	CHECK_EQ(attach(&s, 2, s.a), 0);
	CHECK_HEX(fake_reg(&s.fake, SMR(0), 4), 0x80000300);
	CHECK_HEX(fake_reg(&s.fake, SMR(1), 4), 0x80000400);
	finish(&s);
}

static void what_firmware_blocks_stays_blocked_though_there_is_no_room(void)
{
	struct setup s;

	fake_init(&s.fake);
	fake_set(&s.fake, 0, 4, 0);
	for (unsigned i = 0; i < 8; i++)
		fake_stream(&s.fake, i, 0x80000200 + i, 0x20000);
	start(&s);
	CHECK_EQ(attach(&s, 0, s.a), -ENOSPC);
	for (unsigned i = 0; i < 8; i++)
		check_fate(&s, 0x200 + i, FAKE_BLOCKED);
	finish(&s);
}

static void a_stream_that_was_kept_is_its_devices_without_a_gap(void)
{
	struct setup s;

	fake_init(&s.fake);
	fake_set(&s.fake, 0, 4, 0);
	fake_stream(&s.fake, 4, 0x80000100, 0x10000);
	start(&s);
	fake_watch(&s.fake, 0x100);
	CHECK_EQ(attach(&s, 0, s.a), 0);
	CHECK_HEX(s.fake.seen[0], 1 | BIT64(8 + 2));
	CHECK_HEX(fake_reg(&s.fake, S2CR(4), 4), 2); /* the same mapping */
	CHECK_HEX(fake_reg(&s.fake, SMR(0), 4), 0);
	finish(&s);
}

static void a_wider_one_gives_way_and_its_other_streams_pass(void)
{
	struct setup s;

	fake_init(&s.fake);
	fake_set(&s.fake, 0, 4, 0);
	fake_stream(&s.fake, 0, 0x800f0100, 0x10000);
	start(&s);
	fake_watch(&s.fake, 0x100);
	fake_watch(&s.fake, 0x104);
	CHECK_EQ(attach(&s, 0, s.a), 0);
	CHECK_HEX(s.fake.seen[0], 1 | BIT64(8 + 2));
	CHECK_HEX(s.fake.seen[1], 1);
	check_fate(&s, 0x100, FAKE_BANK + 2);
	finish(&s);
}

static void a_device_that_firmware_blocks_is_blocked_while_nobody_claims_it(void)
{
	struct setup s;

	fake_init(&s.fake);
	fake_set(&s.fake, 0, 4, 0);
	fake_stream(&s.fake, 3, 0x80000100, 0x20000);
	fake_stream(&s.fake, 4, 0x80000200, 0x10000);
	start(&s);
	add_device(&s, 1, 0x200, 0);
	add_device(&s, 2, 0x300, 0);
	CHECK_EQ(smmuv2_driver.default_domain(&s.device[0]), PIOMMU_DEFAULT_BLOCKING);
	CHECK_EQ(smmuv2_driver.default_domain(&s.device[1]), PIOMMU_DEFAULT_ANY);
	CHECK_EQ(smmuv2_driver.default_domain(&s.device[2]), PIOMMU_DEFAULT_ANY);
	s.fake.nwrites = 0;
	CHECK_EQ(attach(&s, 0, s.blocking), 0);
	CHECK_EQ(s.fake.nwrites, 0);
	CHECK_EQ(attach(&s, 0, s.a), 0);
	check_fate(&s, 0x100, FAKE_BANK + 2);
	CHECK_EQ(smmuv2_driver.default_domain(&s.device[0]), PIOMMU_DEFAULT_BLOCKING);
	finish(&s);
}

static void where_firmware_blocks_more_than_a_device_that_is_refused(void)
{
	struct setup s;

	fake_init(&s.fake);
	fake_set(&s.fake, 0, 4, 0);
	fake_stream(&s.fake, 3, 0x800f0100, 0x20000);
	start(&s);
	s.fake.nwrites = 0;
	CHECK_EQ(attach(&s, 0, s.blocking), 0); /* as it is */
	CHECK_EQ(attach(&s, 0, s.a), -EBUSY);
	CHECK_HAS(s.fake.said, "firmware blocks by mapping 3 (id 0x100, mask 0xf)");
	CHECK_EQ(s.fake.nwrites, 0);
	check_fate(&s, 0x100, FAKE_BLOCKED);
	/* All of them are a device's own. */
	add_device(&s, 1, 0x100, 0xff);
	fake_watch(&s.fake, 0x104);
	CHECK_EQ(attach(&s, 1, s.a), 0);
	CHECK_HEX(s.fake.seen[0], 2 | BIT64(8 + 2));
	finish(&s);
}

static void what_firmware_let_pass_is_not_its_block_when_a_device_left_it_blocked(void)
{
	struct setup s;

	fake_init(&s.fake);
	fake_set(&s.fake, 0, 4, 0);
	fake_stream(&s.fake, 3, 0x800f0100, 0x10000);
	start(&s);
	add_device(&s, 1, 0x100, 0xf);
	CHECK_EQ(attach(&s, 1, s.blocking), 0);
	smmuv2_driver.release_device(&s.device[1]);
	CHECK_EQ(attach(&s, 0, s.a), 0);
	check_fate(&s, 0x100, FAKE_BANK + 2);
	finish(&s);
}

static void a_stream_that_is_blocked_does_not_pass_while_its_mapping_is_replaced(void)
{
	struct setup s;

	fake_init(&s.fake);
	start(&s);
	add_device(&s, 1, 0x200, 0xf);
	CHECK_EQ(attach(&s, 1, s.blocking), 0);
	smmuv2_driver.release_device(&s.device[1]);
	add_device(&s, 1, 0x204, 0);
	fake_watch(&s.fake, 0x204);
	CHECK_EQ(attach(&s, 1, s.a), 0);
	CHECK_HEX(s.fake.seen[0], 2 | BIT64(8 + 2));
	finish(&s);
}

static void shutdown_puts_back_a_mapping_that_was_taken_over(void)
{
	struct setup s;

	fake_init(&s.fake);
	fake_set(&s.fake, 0, 4, 0);
	fake_stream(&s.fake, 0, 0x800f0100, 3);
	start(&s);
	CHECK_EQ(attach(&s, 0, s.a), 0);
	fake_watch(&s.fake, 0x100);
	CHECK_EQ(smmuv2_driver.shutdown(&s.fake.unit), 0);
	CHECK_HEX(fake_reg(&s.fake, SMR(0), 4), 0x800f0100);
	CHECK_HEX(fake_reg(&s.fake, S2CR(0), 4), 0x10000);
	CHECK_HEX(fake_reg(&s.fake, FAKE_CB(2), 4) & 1, 0);
	CHECK_HEX(s.fake.seen[0] & 2, 0);
	finish(&s);
}

/* ---- Failures ---- */

static void a_move_that_is_not_acknowledged_is_taken_back(void)
{
	struct setup s;

	fake_init(&s.fake);
	start(&s);
	add_device(&s, 1, 0x200, 0);
	CHECK_EQ(attach(&s, 0, s.a), 0);
	s.fake.syncs_stuck = true;
	CHECK_EQ(attach(&s, 0, s.b), -ETIMEDOUT);
	CHECK_EQ(attach(&s, 1, s.b), -ETIMEDOUT);
	check_fate(&s, 0x100, FAKE_BANK + 2);
	check_fate(&s, 0x200, FAKE_PASS);
	CHECK_HEX(fake_reg(&s.fake, SMR(1), 4), 0);
	CHECK_EQ(smmuv2_driver.flush_tag(&s.fake.unit, 3), -ETIMEDOUT);
	CHECK_HEX(fake_reg(&s.fake, FAKE_CB(3), 4) & 1, 1); /* hardware may use it: it goes on translating */
	s.fake.syncs_stuck = false;
	s.fake.nwrites = 0;
	CHECK_EQ(smmuv2_driver.flush_tag(&s.fake.unit, 3), 0);
	CHECK_HEX(s.fake.writes[1].off, 0x68); /* of everything: a mapping may have been kept */
	CHECK_HEX(fake_reg(&s.fake, FAKE_CB(3), 4) & 1, 0);
	finish(&s);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(a_bank_is_whole_before_a_stream_is_mapped_to_it),
		SUITE_TEST(a_stage_2_bank_has_a_vmid),
		SUITE_TEST(version_1_has_no_registers_that_came_later),
		SUITE_TEST(a_move_is_one_store_and_the_stream_sees_old_or_new),
		SUITE_TEST(attaching_where_it_is_already_does_nothing),
		SUITE_TEST(a_device_that_passes_needs_no_mapping),
		SUITE_TEST(a_bank_stops_when_its_tag_is_flushed_and_not_before),
		SUITE_TEST(every_id_moves_masks_and_all),
		SUITE_TEST(extended_ids_count_from_their_s2cr_on),
		SUITE_TEST(by_index_only_s2cr_is_written),
		SUITE_TEST(where_bypass_is_trapped_identity_is_the_bank_set_aside),
		SUITE_TEST(an_id_that_a_mapping_does_not_hold_is_refused),
		SUITE_TEST(a_stream_that_was_kept_is_its_devices_without_a_gap),
		SUITE_TEST(a_wider_one_gives_way_and_its_other_streams_pass),
		SUITE_TEST(a_device_that_firmware_blocks_is_blocked_while_nobody_claims_it),
		SUITE_TEST(where_firmware_blocks_more_than_a_device_that_is_refused),
		SUITE_TEST(what_firmware_let_pass_is_not_its_block_when_a_device_left_it_blocked),
		SUITE_TEST(a_stream_that_is_blocked_does_not_pass_while_its_mapping_is_replaced),
		SUITE_TEST(what_a_device_left_gives_way_before_what_firmware_mapped),
		SUITE_TEST(what_firmware_blocks_stays_blocked_though_there_is_no_room),
		SUITE_TEST(shutdown_puts_back_a_mapping_that_was_taken_over),
		SUITE_TEST(a_move_that_is_not_acknowledged_is_taken_back),
	};

	return suite_run(argc, argv, "smmuv2_entry", tests, sizeof(tests) / sizeof(tests[0]));
}
