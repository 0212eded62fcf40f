/* SPDX-License-Identifier: BSD-3-Clause */
/* Encoders against words worked out from the specification's figures (4, 5.1, 5.2, 5.4, 6.3). */
#include "smmuv3_regs.h"
#include "suite.h"

static const struct smmuv3_table usual = {
	.root_pa = 0x123456000,
	.granule_lg2 = 12,
	.iova_bits = 48,
	.levels = 4,
	.oas = 5,
	.mair = 0xff,
	.coherent = true,
};

static void check_words(const uint64_t *words, const uint64_t *expected, unsigned n)
{
	for (unsigned i = 0; i < 8; i++)
		CHECK_HEX(words[i], i < n ? expected[i] : 0);
}

static void check_cmd(struct smmuv3_cmd cmd, uint64_t lo, uint64_t hi)
{
	CHECK_HEX(cmd.lo, lo);
	CHECK_HEX(cmd.hi, hi);
}

static void attributes_of_accesses_are_write_back_where_the_unit_snoops(void)
{
	CHECK_HEX(smmuv3_cr1(true), 0xd75);
	CHECK_HEX(smmuv3_cr1(false), 0x820);
}

static void a_first_level_descriptor_is_the_table_and_its_span(void)
{
	CHECK_HEX(smmuv3_l1_desc(0x7fff8000, 8), 0x7fff8009);
	CHECK_HEX(smmuv3_l1_desc(0x7fff8000, 6), 0x7fff8007);
}

static void abort_and_bypass_name_no_table(void)
{
	struct smmuv3_ste abort = smmuv3_ste_abort();
	struct smmuv3_ste bypass = smmuv3_ste_bypass();

	check_words(abort.w, (const uint64_t[]){ 0x1 }, 1);
	check_words(bypass.w, (const uint64_t[]){ 0x9, UINT64_C(0x100000000000) }, 2);
}

static void a_stage_1_entry_names_one_context_descriptor(void)
{
	struct smmuv3_ste ste = smmuv3_ste_stage1(0x7ffff040, true);

	check_words(ste.w, (const uint64_t[]){ 0x7ffff04b, UINT64_C(0x1000000000d4) }, 2);
	ste = smmuv3_ste_stage1(0x7ffff040, false);
	check_words(ste.w, (const uint64_t[]){ 0x7ffff04b, UINT64_C(0x100000000080) }, 2);
}

static void a_context_descriptor_holds_table_width_and_asid(void)
{
	struct smmuv3_table table = usual;
	struct smmuv3_cd cd = smmuv3_cd_make(&table, 0x5a5a);

	check_words(cd.w, (const uint64_t[]){ UINT64_C(0x5a5ae205c0003510), 0x123456000, 0, 0xff }, 4);
	table.granule_lg2 = 16;
	table.iova_bits = 52;
	table.oas = 6;
	table.coherent = false;
	cd = smmuv3_cd_make(&table, 1);
	CHECK_HEX(cd.w[0], UINT64_C(0x0001e206c000204c));
	table.granule_lg2 = 14;
	table.iova_bits = 39;
	cd = smmuv3_cd_make(&table, 1);
	CHECK_HEX(cd.w[0] & 0xff, 0x99); /* TG0 2, T0SZ 25 */
}

static void a_stage_2_entry_holds_table_width_first_level_and_vmid(void)
{
	struct smmuv3_table table = usual;
	struct smmuv3_ste ste;

	table.iova_bits = 44;
	table.oas = 4;
	ste = smmuv3_ste_stage2(&table, 9);
	check_words(ste.w, (const uint64_t[]){ 0xd, UINT64_C(0x100000000000), UINT64_C(0x040c359400000009), 0x123456000 }, 4);
}

/* 5.2, S2SL0: which level each value stands for depends on the granule. */
static void the_first_level_of_stage_2_counts_by_granule(void)
{
	CHECK_EQ(smmuv3_s2_sl0(12, 4), 2);
	CHECK_EQ(smmuv3_s2_sl0(12, 3), 1);
	CHECK_EQ(smmuv3_s2_sl0(12, 2), 0);
	CHECK_EQ(smmuv3_s2_sl0(14, 3), 2);
	CHECK_EQ(smmuv3_s2_sl0(14, 2), 1);
	CHECK_EQ(smmuv3_s2_sl0(16, 3), 2);
	CHECK_EQ(smmuv3_s2_sl0(16, 2), 1);
}

static void configuration_commands(void)
{
	check_cmd(smmuv3_cmd_cfgi_ste(0x12340820), UINT64_C(0x1234082000000003), 1);
	check_cmd(smmuv3_cmd_cfgi_all(), 0x4, 0x1f);
}

static void tlb_commands(void)
{
	check_cmd(smmuv3_cmd_tlbi_nsnh_all(), 0x30, 0);
	check_cmd(smmuv3_cmd_tlbi_el2_all(), 0x20, 0);
	check_cmd(smmuv3_cmd_tlbi_tag(false, 0xabcd), UINT64_C(0xabcd000000000011), 0);
	check_cmd(smmuv3_cmd_tlbi_tag(true, 0xabcd), UINT64_C(0x0000abcd00000028), 0);
	check_cmd(smmuv3_cmd_tlbi_page(false, 7, 0x123456789000, true), UINT64_C(0x0007000000000012), UINT64_C(0x123456789001));
	check_cmd(smmuv3_cmd_tlbi_page(true, 7, 0x123456789000, false), UINT64_C(0x000000070000002a), UINT64_C(0x123456789000));
}

static void a_sync_completes_by_index_or_by_a_write(void)
{
	check_cmd(smmuv3_cmd_sync(), 0x46, 0);
	check_cmd(smmuv3_cmd_sync_write(0x7ffff000, 0xcafe0001), UINT64_C(0xcafe00010fc01046), 0x7ffff000);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(attributes_of_accesses_are_write_back_where_the_unit_snoops),
		SUITE_TEST(a_first_level_descriptor_is_the_table_and_its_span),
		SUITE_TEST(abort_and_bypass_name_no_table),
		SUITE_TEST(a_stage_1_entry_names_one_context_descriptor),
		SUITE_TEST(a_context_descriptor_holds_table_width_and_asid),
		SUITE_TEST(a_stage_2_entry_holds_table_width_first_level_and_vmid),
		SUITE_TEST(the_first_level_of_stage_2_counts_by_granule),
		SUITE_TEST(configuration_commands),
		SUITE_TEST(tlb_commands),
		SUITE_TEST(a_sync_completes_by_index_or_by_a_write),
	};

	return suite_run(argc, argv, "smmuv3_regs", tests, sizeof(tests) / sizeof(tests[0]));
}
