/* SPDX-License-Identifier: BSD-3-Clause */
/* What the driver makes of identification registers, whom it refuses, and what is left of firmware's state (2.1, 9.2, 9.6). */
#include <errno.h>

#include "drivers.h"
#include "fake_unit.h"
#include "suite.h"

#define CLIENTPD 0x1u
#define GFIE 0x4u
#define EXIDENABLE 0x8u
#define GCFGFIE 0x20u
#define USFCFG 0x400u
#define SMCFCFG 0x200000u
#define OURS (SMCFCFG | 0x1800u | 0x12u) /* PTM VMIDPNE, GCFGFRE GFRE */

static int probe(struct fake *fake)
{
	return smmuv2_driver.probe(&fake->unit, &fake->window);
}

/* ---- Probe ---- */

static void a_probe_reads_what_there_is_and_writes_nothing(void)
{
	struct fake fake;
	const struct piommu_unit_caps *caps = &fake.unit.caps;

	fake_init(&fake);
	CHECK_EQ(probe(&fake), 0);
	CHECK_EQ(caps->iova_bits, 48);
	CHECK_EQ(caps->pa_bits, 48);
	CHECK_HEX(caps->page_sizes, 0x40201000);
	CHECK_EQ(caps->first_tag, 2); /* the first two banks are for stage 2 alone */
	CHECK_EQ(caps->ntags, 8);
	CU_ASSERT(caps->passthrough && !caps->queued && caps->coherent && !caps->caches_not_present);
	CU_ASSERT(caps->hole.start > caps->hole.last);
	CHECK_EQ(fake.nwrites, 0);
	fake_fini(&fake);
}

static void what_firmware_says_of_coherence_counts(void)
{
	struct fake fake;

	fake_init(&fake);
	fake_ids(&fake, FAKE_IDR0 | 0x4000, FAKE_IDR1, FAKE_IDR2); /* CTTW */
	fake.fw.flags = 0;
	CHECK_EQ(probe(&fake), 0);
	CU_ASSERT_FALSE(fake.unit.caps.coherent);
	fake_fini(&fake);
}

static void formats_widths_and_banks_follow_the_registers(void)
{
	static const struct {
		uint32_t idr0, idr2;
		unsigned version, iova_bits, pa_bits, first_tag;
		uint64_t page_sizes;
	} cases[] = {
		{ FAKE_IDR0, 0x1222, 2, 40, 40, 2, 0x40201000 },
		{ FAKE_IDR0, 0x1525, 2, 48, 40, 2, 0x40201000 }, /* the output is the narrower */
		{ FAKE_IDR0, 0x1552, 2, 48, 40, 2, 0x40201000 }, /* and past stage 1 the intermediate address */
		{ FAKE_IDR0, 0x2555, 2, 48, 48, 2, 0x02004000 }, /* 16 KiB */
		{ FAKE_IDR0, 0x4555, 2, 48, 48, 2, 0x20010000 }, /* 64 KiB */
		{ FAKE_IDR0, 0x7555, 2, 48, 48, 2, 0x40201000 }, /* all: the smallest */
		{ FAKE_IDR0_STAGE2, 0x1552, 2, 40, 48, 0, 0x40201000 },
		{ FAKE_IDR0, 0x0022, 1, 40, 40, 0, 0x40201000 },                /* version 1: stage 2, for its width */
		{ FAKE_IDR0 & ~0x20000000u, 0x0022, 1, 32, 40, 2, 0x40201000 }, /* stage 1 alone */
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fake fake;
		const struct piommu_unit_caps *caps = &fake.unit.caps;

		fake_init(&fake);
		fake_ids(&fake, cases[i].idr0, FAKE_IDR1, cases[i].idr2);
		fake_model(&fake, PIOMMU_FW_MODEL_GENERIC, cases[i].version);
		CHECK_EQ(probe(&fake), 0);
		CHECK_EQ(caps->iova_bits, cases[i].iova_bits);
		CHECK_EQ(caps->pa_bits, cases[i].pa_bits);
		CHECK_EQ(caps->first_tag, cases[i].first_tag);
		CHECK_HEX(caps->page_sizes, cases[i].page_sizes);
		fake_fini(&fake);
	}
}

static void units_that_cannot_be_driven_are_refused_with_the_reason(void)
{
	static const struct {
		uint32_t idr0, idr1, idr2;
		unsigned version, nmirrors;
		enum piommu_fw_model model;
		const char *why;
	} cases[] = {
		{ FAKE_IDR0 & ~0xffu, FAKE_IDR1, FAKE_IDR2, 2, 0, PIOMMU_FW_MODEL_GENERIC, "maps no streams" },
		{ FAKE_IDR0 & ~0x60000000u, FAKE_IDR1, FAKE_IDR2, 2, 0, PIOMMU_FW_MODEL_GENERIC, "neither stage" },
		{ (FAKE_IDR0 & ~0x03000000u) | 0x02000000u, FAKE_IDR1, 0x555, 2, 0, PIOMMU_FW_MODEL_GENERIC, "long format" },
		{ FAKE_IDR0, 0x20080008, FAKE_IDR2, 2, 0, PIOMMU_FW_MODEL_GENERIC, "no context bank" },
		{ FAKE_IDR0, 0x20020009, FAKE_IDR2, 2, 0, PIOMMU_FW_MODEL_GENERIC, "0x11000" },
		{ FAKE_IDR0, FAKE_IDR1, FAKE_IDR2, 2, 1, PIOMMU_FW_MODEL_NVIDIA_500, "alike" },
		{ FAKE_IDR0, FAKE_IDR1, FAKE_IDR2, 2, 0, PIOMMU_FW_MODEL_CAVIUM_V2, "27704" },
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fake fake;

		fake_init(&fake);
		fake_ids(&fake, cases[i].idr0, cases[i].idr1, cases[i].idr2);
		fake_model(&fake, cases[i].model, cases[i].version);
		fake.fw.nmirrors = cases[i].nmirrors;
		CHECK_EQ(probe(&fake), -ENOTSUP);
		CHECK_HAS(fake.said, "smmu0");
		CHECK_HAS(fake.said, cases[i].why);
		CHECK_EQ(fake.nwrites, 0);
		fake_fini(&fake);
	}
}

static void a_dead_unit_is_no_device(void)
{
	struct fake fake;

	fake_init(&fake);
	fake.dead = true;
	CHECK_EQ(probe(&fake), -ENODEV);
	CHECK_HAS(fake.said, "all ones");
	fake_fini(&fake);
}

/* Fault interrupts are what an operating system wants: firmware that left a display running has none. */
static void a_unit_that_the_kernel_drives_is_refused_and_firmwares_is_not(void)
{
	static const struct {
		uint32_t scr0;
		int err;
	} cases[] = {
		{ GFIE, -EBUSY }, { GCFGFIE | USFCFG, -EBUSY }, { USFCFG, 0 }, { 0, 0 }, { CLIENTPD | GFIE, 0 },
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fake fake;

		fake_init(&fake);
		fake_set(&fake, 0, 4, cases[i].scr0);
		CHECK_EQ(probe(&fake), cases[i].err);
		CHECK_EQ(fake.nwrites, 0);
		if (cases[i].err)
			CHECK_HAS(fake.said, "initcall_blacklist=arm_smmu_driver_init");
		fake_fini(&fake);
	}
}

/* ---- What it finds out by trying ---- */

static void widths_of_mappings_are_found_on_one_that_is_free(void)
{
	struct fake fake;

	fake_init(&fake);
	fake.smr_bits = 0x80ff07ff;
	fake_set(&fake, 0, 4, 0);
	fake_stream(&fake, 7, 0x80000042, 0x10000); /* in use: the last one that is free is 6 */
	fake_start(&fake);
	CHECK_HEX(smmuv2_of(&fake.unit)->id_bits, 0x7ff);
	CHECK_HEX(smmuv2_of(&fake.unit)->mask_bits, 0xff);
	CHECK_HEX(fake_reg(&fake, 0x800 + 4 * 7, 4), 0x80000042);
	fake_fini(&fake);
}

static void a_mapping_is_never_tried_so_that_it_counts(void)
{
	struct fake fake;

	fake_init(&fake);
	fake_set(&fake, 0, 4, USFCFG);
	CHECK_EQ(probe(&fake), 0);
	CHECK_EQ(smmuv2_driver.enable(&fake.unit), 0);
	for (unsigned i = 0; i < fake.nwrites; i++)
		CU_ASSERT(fake.writes[i].off < 0x800 || fake.writes[i].off >= 0xa00 || !(fake.writes[i].value & 0x80000000));
	fake_fini(&fake);
}

static void extended_ids_are_found_with_16_bits(void)
{
	struct fake fake;

	fake_init(&fake);
	fake_ids(&fake, FAKE_IDR0_EXTENDED, FAKE_IDR1, FAKE_IDR2);
	fake_start(&fake);
	CHECK_HEX(smmuv2_of(&fake.unit)->id_bits, 0xffff);
	CHECK_HEX(smmuv2_of(&fake.unit)->mask_bits, 0xffff);
	CHECK_HEX(fake_reg(&fake, 0, 4), OURS | EXIDENABLE);
	fake_fini(&fake);
}

static void mappings_that_keep_nothing_are_somebody_elses(void)
{
	struct fake fake;

	fake_init(&fake);
	fake.smr_bits = 0;
	CHECK_EQ(probe(&fake), 0);
	CHECK_EQ(smmuv2_driver.enable(&fake.unit), -ENOTSUP);
	CHECK_HEX(fake_reg(&fake, 0, 4), 1); /* as it was */
	fake_fini(&fake);
}

/* ---- Bring-up over firmware's state ---- */

static void after_bring_up_unknown_streams_pass_and_double_ones_fault(void)
{
	struct fake fake;

	fake_init(&fake);
	fake_set(&fake, 0, 4, CLIENTPD | USFCFG | 0xf0000); /* MemAttr is firmware's to choose */
	fake_start(&fake);
	CHECK_HEX(fake_reg(&fake, 0, 4), OURS | 0xf0000);
	CHECK_EQ(fake_fate(&fake, 0x123), FAKE_PASS);
	fake_fini(&fake);
}

/* A display that scans out by bank 3, a controller that passes, and one that firmware blocks. */
static void hand_over(struct fake *fake, uint32_t scr0)
{
	fake_init(fake);
	fake_set(fake, 0, 4, scr0);
	fake_stream(fake, 0, 0x80030100, 3);
	fake_stream(fake, 1, 0x80000200, 0x10000);
	fake_stream(fake, 2, 0x80000300, 0x20000);
	fake_set(fake, FAKE_CB(3), 4, 1);
	fake_watch(fake, 0x102);
	fake_watch(fake, 0x200);
	fake_watch(fake, 0x300);
	fake_watch(fake, 0x777); /* nobody's */
}

static void streams_that_firmware_left_running_are_never_blocked(void)
{
	struct fake fake;

	hand_over(&fake, USFCFG);
	fake_start(&fake);
	CHECK_HEX(fake.seen[0], 1 | BIT64(8 + 3)); /* translated, then passing: nothing else */
	CHECK_HEX(fake.seen[1], 1);
	CHECK_HEX(fake.seen[2], 2); /* what is blocked stays blocked */
	CHECK_HEX(fake.seen[3], 1);
	CHECK_HEX(fake_reg(&fake, FAKE_CB(3), 4), 0);
	CHECK_HEX(fake_reg(&fake, 0xc00, 4), 0x10000);
	CHECK_HEX(fake_reg(&fake, 0x800, 4), 0x80030100);
	fake_fini(&fake);
}

/* Index of the first write of `value` there; the number of writes where there is none. */
static unsigned first_write(const struct fake *fake, unsigned off, uint64_t value)
{
	unsigned i = 0;

	while (i < fake->nwrites && (fake->writes[i].off != off || fake->writes[i].value != value))
		i++;
	return i;
}

static void firmwares_bank_stops_when_nothing_is_under_way_through_it(void)
{
	struct fake fake;
	unsigned moved, synced, stopped;

	hand_over(&fake, 0);
	CHECK_EQ(probe(&fake), 0);
	CHECK_EQ(smmuv2_driver.enable(&fake.unit), 0);
	moved = first_write(&fake, 0xc00, 0x10000);
	synced = first_write(&fake, 0x70, 0);
	stopped = first_write(&fake, FAKE_CB(3), 0);
	CU_ASSERT(moved < synced && synced < stopped && stopped < fake.nwrites);
	fake_fini(&fake);
}

static void the_same_where_the_meaning_of_mappings_changes(void)
{
	struct fake fake;

	hand_over(&fake, USFCFG);
	fake_ids(&fake, FAKE_IDR0_EXTENDED, FAKE_IDR1, FAKE_IDR2);
	fake_start(&fake);
	CHECK_HEX(fake.seen[0], 1); /* all passes meanwhile, from the first write on */
	CHECK_HEX(fake.seen[1], 1);
	CHECK_HEX(fake_reg(&fake, 0x800, 4), 0x00030100);
	CHECK_HEX(fake_reg(&fake, 0xc00, 4), 0x10400); /* EXIDVALID */
	CHECK_EQ(fake_fate(&fake, 0x300), FAKE_BLOCKED);
	fake_fini(&fake);
}

static void mappings_of_a_unit_that_was_off_mean_nothing(void)
{
	struct fake fake;

	hand_over(&fake, CLIENTPD);
	fake_start(&fake);
	for (unsigned i = 0; i < 4; i++)
		CHECK_HEX(fake.seen[i], 1);
	for (unsigned n = 0; n < 8; n++)
		CHECK_HEX(fake_reg(&fake, 0x800 + 4 * n, 4), 0);
	fake_fini(&fake);
}

static void of_two_mappings_that_overlap_one_is_kept(void)
{
	struct fake fake;

	hand_over(&fake, 0);
	fake_stream(&fake, 3, 0x80000102, 0x10000); /* within the display's */
	fake_start(&fake);
	CHECK_HEX(fake_reg(&fake, 0x80c, 4), 0);
	CHECK_EQ(fake_fate(&fake, 0x102), FAKE_PASS);
	fake_fini(&fake);
}

static void by_index_each_stream_goes_on_as_it_was(void)
{
	struct fake fake;

	fake_init(&fake);
	fake_ids(&fake, FAKE_IDR0_INDEX, FAKE_IDR1, FAKE_IDR2);
	fake_set(&fake, 0, 4, 0);
	for (unsigned n = 0; n < 8; n++)
		fake_set(&fake, 0xc00 + 4 * n, 4, n == 1 ? 3 : n == 2 ? 0x20000 : 0x10000);
	fake_start(&fake);
	for (unsigned n = 0; n < 8; n++)
		CHECK_EQ(fake_fate(&fake, n), n == 2 ? FAKE_BLOCKED : FAKE_PASS);
	fake_fini(&fake);
}

/* ---- Qualcomm ---- */

static void a_trapped_bypass_becomes_a_bank_that_does_not_translate(void)
{
	struct fake fake;

	hand_over(&fake, 0);
	fake_model(&fake, PIOMMU_FW_MODEL_QCOM_500, 2);
	fake.traps_bypass = true;
	fake_start(&fake);
	CHECK_EQ(fake.unit.caps.ntags, 7); /* the last bank is set aside */
	CHECK_HEX(fake.seen[0], 1 | BIT64(8 + 3));
	CHECK_HEX(fake_reg(&fake, 0xc00, 4), 7);
	CHECK_HEX(fake_reg(&fake, 0xc04, 4), 7);
	CHECK_HEX(fake_reg(&fake, 0xc08, 4), 7); /* its own bypass reads as fault */
	CHECK_HEX(fake_reg(&fake, FAKE_CB(7), 4), 0);
	CHECK_HEX(fake_reg(&fake, FAKE_GR1 + 4 * 7, 4) >> 16 & 3, 1);
	CHECK_EQ(smmuv2_driver.shutdown(&fake.unit), 0);
	CHECK_EQ(fake_fate(&fake, 0x102), FAKE_PASS);
	fake_fini(&fake);
}

static void a_trapped_bypass_without_a_bank_to_spare_is_refused(void)
{
	struct fake fake;

	fake_init(&fake);
	fake.traps_bypass = true; /* and nobody said Qualcomm */
	CHECK_EQ(probe(&fake), 0);
	CHECK_EQ(smmuv2_driver.enable(&fake.unit), -ENOTSUP);
	fake_fini(&fake);
}

/* ---- MMU-500 ---- */

static void the_prefetcher_of_an_mmu_500_is_off_and_its_lock_was_opened_first(void)
{
	struct fake fake;

	fake_init(&fake);
	fake_model(&fake, PIOMMU_FW_MODEL_MMU_500, 2);
	fake_set(&fake, 0x3c, 4, 0x24); /* r2p4 */
	fake_set(&fake, 0x10, 4, 0x04000000);
	fake.locked = true;
	for (unsigned n = 0; n < 8; n++)
		fake_set(&fake, FAKE_CB(n) + 4, 4, 3);
	fake_start(&fake);
	for (unsigned n = 0; n < 8; n++)
		CHECK_HEX(fake_reg(&fake, FAKE_CB(n) + 4, 4), 1);
	CHECK_HEX(fake_reg(&fake, 0x10, 4), 0x500);
	CHECK_EQ(smmuv2_driver.shutdown(&fake.unit), 0);
	CHECK_HEX(fake_reg(&fake, 0x10, 4), 0x04000000);
	fake_fini(&fake);
}

static void sacr_of_others_is_not_touched(void)
{
	struct fake fake;

	fake_init(&fake);
	CHECK_EQ(probe(&fake), 0);
	CHECK_EQ(smmuv2_driver.enable(&fake.unit), 0);
	for (unsigned i = 0; i < fake.nwrites; i++)
		CU_ASSERT(fake.writes[i].off != 0x10);
	fake_fini(&fake);
}

/* ---- Shutdown ---- */

static void shutdown_gives_back_what_was_there_and_nothing_translates(void)
{
	struct fake fake;

	hand_over(&fake, USFCFG);
	fake_start(&fake);
	CHECK_EQ(smmuv2_driver.shutdown(&fake.unit), 0);
	CHECK_HEX(fake_reg(&fake, 0, 4), USFCFG);
	CHECK_HEX(fake_reg(&fake, 0x800, 4), 0x80030100);
	CHECK_HEX(fake_reg(&fake, 0xc00, 4), 0x10000); /* its bank's tables may be anybody's memory by now */
	CHECK_HEX(fake_reg(&fake, 0xc08, 4), 0x20000);
	for (unsigned n = 0; n < 8; n++)
		CHECK_HEX(fake_reg(&fake, FAKE_CB(n), 4) & 1, 0);
	CHECK_HEX(fake.seen[0] & 2, 0);
	CHECK_HEX(fake.seen[1] & 2, 0);
	fake.nwrites = 0;
	CHECK_EQ(smmuv2_driver.shutdown(&fake.unit), 0); /* a second time: nothing to do */
	CHECK_EQ(fake.nwrites, 0);
	fake_fini(&fake);
}

static void a_unit_that_was_off_is_off_again(void)
{
	struct fake fake;

	fake_init(&fake);
	fake_set(&fake, 0, 4, CLIENTPD | USFCFG);
	fake_start(&fake);
	CHECK_EQ(smmuv2_driver.shutdown(&fake.unit), 0);
	CHECK_HEX(fake_reg(&fake, 0, 4), CLIENTPD | USFCFG);
	fake_fini(&fake);
}

static void a_unit_that_does_not_follow_keeps_its_tables(void)
{
	struct fake fake;

	fake_init(&fake);
	fake_start(&fake);
	fake.syncs_stuck = true;
	CHECK_EQ(smmuv2_driver.shutdown(&fake.unit), -EIO);
	CU_ASSERT(fake.unit.keep_memory);
	CHECK_HAS(fake.said, "stay allocated");
	CHECK_EQ(smmuv2_driver.shutdown(&fake.unit), -EIO); /* still */
	fake_fini(&fake);
}

static void a_bring_up_that_fails_leaves_streams_passing(void)
{
	struct fake fake;

	hand_over(&fake, 0);
	CHECK_EQ(probe(&fake), 0);
	fake.syncs_stuck = true;
	CHECK_EQ(smmuv2_driver.enable(&fake.unit), -ETIMEDOUT);
	CU_ASSERT(fake.unit.keep_memory); /* nothing of ours is used, but who knows */
	CHECK_HEX(fake.seen[0] & 2, 0);
	CHECK_HEX(fake.seen[1] & 2, 0);
	fake_fini(&fake);
}

static void secure_accesses_go_through_the_aliases(void)
{
	struct fake fake;

	fake_init(&fake);
	fake.fw.flags |= PIOMMU_FW_UNIT_SECURE_ACCESS;
	fake_set(&fake, 0, 4, 0x77); /* the secure side's, which is none of ours */
	fake_set(&fake, 0x400, 4, 1);
	CHECK_EQ(probe(&fake), 0);
	CHECK_EQ(smmuv2_driver.enable(&fake.unit), 0);
	CHECK_HEX(fake_reg(&fake, 0, 4), 0x77);
	CHECK_HEX(fake_reg(&fake, 0x400, 4), OURS);
	fake_fini(&fake);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(a_probe_reads_what_there_is_and_writes_nothing),
		SUITE_TEST(what_firmware_says_of_coherence_counts),
		SUITE_TEST(formats_widths_and_banks_follow_the_registers),
		SUITE_TEST(units_that_cannot_be_driven_are_refused_with_the_reason),
		SUITE_TEST(a_dead_unit_is_no_device),
		SUITE_TEST(a_unit_that_the_kernel_drives_is_refused_and_firmwares_is_not),
		SUITE_TEST(widths_of_mappings_are_found_on_one_that_is_free),
		SUITE_TEST(a_mapping_is_never_tried_so_that_it_counts),
		SUITE_TEST(extended_ids_are_found_with_16_bits),
		SUITE_TEST(mappings_that_keep_nothing_are_somebody_elses),
		SUITE_TEST(after_bring_up_unknown_streams_pass_and_double_ones_fault),
		SUITE_TEST(streams_that_firmware_left_running_are_never_blocked),
		SUITE_TEST(firmwares_bank_stops_when_nothing_is_under_way_through_it),
		SUITE_TEST(the_same_where_the_meaning_of_mappings_changes),
		SUITE_TEST(mappings_of_a_unit_that_was_off_mean_nothing),
		SUITE_TEST(of_two_mappings_that_overlap_one_is_kept),
		SUITE_TEST(by_index_each_stream_goes_on_as_it_was),
		SUITE_TEST(a_trapped_bypass_becomes_a_bank_that_does_not_translate),
		SUITE_TEST(a_trapped_bypass_without_a_bank_to_spare_is_refused),
		SUITE_TEST(the_prefetcher_of_an_mmu_500_is_off_and_its_lock_was_opened_first),
		SUITE_TEST(sacr_of_others_is_not_touched),
		SUITE_TEST(shutdown_gives_back_what_was_there_and_nothing_translates),
		SUITE_TEST(a_unit_that_was_off_is_off_again),
		SUITE_TEST(a_unit_that_does_not_follow_keeps_its_tables),
		SUITE_TEST(a_bring_up_that_fails_leaves_streams_passing),
		SUITE_TEST(secure_accesses_go_through_the_aliases),
	};

	return suite_run(argc, argv, "smmuv2_probe", tests, sizeof(tests) / sizeof(tests[0]));
}
