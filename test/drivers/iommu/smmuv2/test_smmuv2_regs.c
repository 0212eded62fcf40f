/* SPDX-License-Identifier: BSD-3-Clause */
/* Encoders against words worked out from the specification's figures (9.6, 10.2, 16.5; TCR: Arm ARM, TCR_EL1 and VTCR_EL2). */
#include "smmuv2_regs.h"
#include "suite.h"

static void a_stream_mapping_holds_type_and_bank(void)
{
	CHECK_HEX(smmuv2_s2cr_translate(5), 0x5);
	CHECK_HEX(smmuv2_s2cr_translate(127), 0x7f);
	CHECK_HEX(smmuv2_s2cr_bypass(), 0x10000);
	CHECK_HEX(smmuv2_s2cr_fault(), 0x20000);
}

static void a_match_is_valid_in_smr_or_with_extended_ids_in_s2cr(void)
{
	CHECK_HEX(smmuv2_smr(false, 0x1234, 0xf), 0x800f1234);
	CHECK_HEX(smmuv2_smr(true, 0x9234, 0x800f), 0x800f9234);
	CU_ASSERT(smmuv2_smr_valid(false, 0x80000000, 0) && !smmuv2_smr_valid(false, 0x7fff0000, 0x400));
	CU_ASSERT(smmuv2_smr_valid(true, 0, 0x400) && !smmuv2_smr_valid(true, 0x80000000, 0));
	CHECK_HEX(smmuv2_smr_mask(false, 0x800f1234), 0xf);
	CHECK_HEX(smmuv2_smr_mask(true, 0x800f1234), 0x800f);
	CHECK_HEX(smmuv2_smr_id(false, 0x800f9234), 0x1234);
}

static void address_widths_are_codes(void)
{
	static const unsigned bits[] = { 32, 36, 40, 42, 44, 48 };

	for (unsigned code = 0; code < 6; code++) {
		CHECK_EQ(smmuv2_address_bits(code), bits[code]);
		CHECK_EQ(smmuv2_address_code(bits[code]), code);
	}
	CHECK_EQ(smmuv2_address_bits(0xf), 48);
	CHECK_EQ(smmuv2_address_code(39), 2); /* no code: the next wider */
}

static struct smmuv2_context make(struct smmuv2_table table)
{
	return smmuv2_context_make(&table);
}

static void stage_1_of_aarch64(void)
{
	struct smmuv2_context c = make((struct smmuv2_table){ .root_pa = 0x80001000,
							      .iova_bits = 48,
							      .levels = 4,
							      .granule_lg2 = 12,
							      .pa_bits = 44,
							      .mair = 0x44ff,
							      .aarch64 = true,
							      .coherent = true,
							      .asid = 5 });

	CHECK_HEX(c.cbar, 0x1f300); /* stage 1 with stage 2 bypass, weakest attributes */
	CHECK_HEX(c.cba2r, 1);      /* VA64 */
	CHECK_HEX(c.tcr, 0x803510); /* T0SZ 16, write-back, inner shareable, 4K, EPD1 */
	CHECK_HEX(c.tcr2, 0x38004); /* 44 bits, sign upstream */
	CHECK_HEX(c.ttbr0, UINT64_C(0x0005000080001000));
	CHECK_HEX(c.mair[0], 0x44ff);
	CHECK_HEX(c.mair[1], 0);
	CHECK_HEX(c.sctlr, 0x1127); /* M TRE AFE CFRE HUPCF ASIDPNE */
}

static void a_walker_that_does_not_snoop_reads_memory(void)
{
	struct smmuv2_context c =
		make((struct smmuv2_table){ .iova_bits = 39, .levels = 3, .granule_lg2 = 12, .pa_bits = 40, .aarch64 = true });

	CHECK_HEX(c.tcr, 0x802019); /* T0SZ 25, outer shareable, not cached */
}

static void granules_have_codes_of_their_own(void)
{
	struct smmuv2_table table = { .iova_bits = 48, .levels = 4, .granule_lg2 = 14, .pa_bits = 48, .aarch64 = true };

	CHECK_HEX(make(table).tcr >> 14 & 3, 2);
	table.granule_lg2 = 16;
	CHECK_HEX(make(table).tcr >> 14 & 3, 1);
}

static void stage_1_of_aarch32_is_the_long_format(void)
{
	struct smmuv2_context c = make((struct smmuv2_table){ .root_pa = 0x1000,
							      .iova_bits = 32,
							      .levels = 3,
							      .granule_lg2 = 12,
							      .pa_bits = 40,
							      .coherent = true,
							      .asid = 0x42 });

	CHECK_HEX(c.cba2r, 0);
	CHECK_HEX(c.tcr, 0x80803500); /* EAE, EPD1, T0SZ 0 */
	CHECK_HEX(c.ttbr0, UINT64_C(0x0042000000001000));
}

static void stage_2_has_a_vmid_and_no_attributes_of_its_own(void)
{
	struct smmuv2_context c = make((struct smmuv2_table){ .root_pa = 0x4000,
							      .iova_bits = 40,
							      .levels = 3,
							      .granule_lg2 = 12,
							      .pa_bits = 48,
							      .aarch64 = true,
							      .coherent = true,
							      .stage2 = true,
							      .vmid = 9 });

	CHECK_HEX(c.cbar, 0x9);
	CHECK_HEX(c.tcr, 0x80053558); /* RES1, 48 bits, T0SZ 24, SL0 1: three levels */
	CHECK_HEX(c.ttbr0, 0x4000);
	CHECK_HEX(c.sctlr, 0x121);
}

static void stage_2_of_aarch32_has_a_signed_size(void)
{
	struct smmuv2_table table = {
		.iova_bits = 40, .levels = 3, .granule_lg2 = 12, .pa_bits = 40, .coherent = true, .stage2 = true
	};

	CHECK_HEX(make(table).tcr, 0x80003558); /* S, T0SZ 8: 32 + 8 */
	table.iova_bits = 32;
	CHECK_HEX(make(table).tcr & 0x1f, 0);
}

static void stage_2_starts_where_its_levels_do(void)
{
	struct smmuv2_table table = {
		.iova_bits = 48, .levels = 4, .granule_lg2 = 12, .pa_bits = 48, .aarch64 = true, .stage2 = true
	};

	CHECK_HEX(make(table).tcr >> 6 & 3, 2); /* 4 KiB: level 0 */
	table.levels = 2;
	table.iova_bits = 34;
	CHECK_HEX(make(table).tcr >> 6 & 3, 0); /* level 2 */
	table.granule_lg2 = 16;
	table.levels = 3;
	table.iova_bits = 48;
	CHECK_HEX(make(table).tcr >> 6 & 3, 2); /* 64 KiB: level 1 */
}

static void tags_of_16_bits_are_elsewhere(void)
{
	struct smmuv2_table table = { .iova_bits = 40,
				      .levels = 3,
				      .granule_lg2 = 12,
				      .pa_bits = 48,
				      .aarch64 = true,
				      .stage2 = true,
				      .wide_tags = true,
				      .vmid = 0x123 };

	CHECK_HEX(make(table).cbar, 0);
	CHECK_HEX(make(table).cba2r, 0x01230001);
	table.stage2 = false;
	CHECK_HEX(make(table).tcr2, 0x38015); /* AS */
}

static void an_invalidation_by_address_holds_page_and_asid(void)
{
	CHECK_HEX(smmuv2_tlbiva(UINT64_C(0xffff12345000), 0x42), UINT64_C(0x0042000ffff12345));
	CHECK_HEX(smmuv2_tlbiva32(0x12345000, 0x42), 0x12345042);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(a_stream_mapping_holds_type_and_bank),
		SUITE_TEST(a_match_is_valid_in_smr_or_with_extended_ids_in_s2cr),
		SUITE_TEST(address_widths_are_codes),
		SUITE_TEST(stage_1_of_aarch64),
		SUITE_TEST(a_walker_that_does_not_snoop_reads_memory),
		SUITE_TEST(granules_have_codes_of_their_own),
		SUITE_TEST(stage_1_of_aarch32_is_the_long_format),
		SUITE_TEST(stage_2_has_a_vmid_and_no_attributes_of_its_own),
		SUITE_TEST(stage_2_of_aarch32_has_a_signed_size),
		SUITE_TEST(stage_2_starts_where_its_levels_do),
		SUITE_TEST(tags_of_16_bits_are_elsewhere),
		SUITE_TEST(an_invalidation_by_address_holds_page_and_asid),
	};

	return suite_run(argc, argv, "smmuv2_regs", tests, sizeof(tests) / sizeof(tests[0]));
}
