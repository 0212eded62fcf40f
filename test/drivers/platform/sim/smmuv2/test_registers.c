/* SPDX-License-Identifier: BSD-3-Clause */
/* The register file: which there are, how wide, what of them stays; IHI 0062, register summaries and SMMU_IDRn. */
#include <errno.h>
#include <string.h>

#include "rig.h"

static void identification_words(void)
{
	struct smmuv2_model_config cfg = rig_config();
	struct piommu_unit_facts facts = { 0 };
	struct rig rig;

	rig_open(&rig, &cfg);
	CHECK_HEX(r32(&rig, 0x20), 0x6d005e10); /* S1TS S2TS SMS ATOSNS, no short descriptors, CTTW, 15 bits, 16 groups */
	CHECK_HEX(r32(&rig, 0x24), 0x30028008); /* 16 pages of 4 KiB, 2 banks for stage 2, SMCD, 8 banks */
	CHECK_HEX(r32(&rig, 0x28), 0x7555);     /* 64, 16, 4 KiB; UBS 49, OAS 48, IAS 48 */
	CHECK_HEX(r32(&rig, 0x3c), 0);
	CHECK_EQ(rig.unit->window_len, 0x20000);
	rig.unit->ops->facts(rig.unit, &facts);
	CHECK_EQ(facts.caps_known, true);
	CHECK_HEX(facts.cap[0], UINT64_C(0x300280086d005e10));
	CHECK_HEX(facts.cap[1], 0x7555);
	CHECK_EQ(facts.version, 0);
	rig_close(&rig);
}

static void identification_words_of_other_units(void)
{
	struct smmuv2_model_config cfg = rig_config();
	struct piommu_unit_facts facts = { 0 };
	struct rig rig;

	cfg.version = SMMUV2_MODEL_V1;
	cfg.s1 = false;
	cfg.ns2cb = 8;
	cfg.ias = 40;
	cfg.oas = 40;
	rig_open_noncoherent(&rig, &cfg);
	CHECK_HEX(r32(&rig, 0x20), 0x2c081e10); /* S2TS SMS ATOSNS, 8 interrupts */
	CHECK_HEX(r32(&rig, 0x24), 0x30088008);
	CHECK_HEX(r32(&rig, 0x28), 0x22);
	rig_close(&rig);

	cfg = rig_config();
	cfg.version = SMMUV2_MODEL_MMU500;
	cfg.exids = true;
	cfg.sid_bits = 16;
	cfg.vmid16 = true;
	cfg.page_lg2 = 16;
	cfg.npages_lg2 = 3;
	cfg.gran16k = false;
	cfg.s2 = false;
	cfg.ns2cb = 0;
	cfg.ias = 44;
	rig_open(&rig, &cfg);
	CHECK_HEX(r32(&rig, 0x20), 0x4d005f10);
	CHECK_HEX(r32(&rig, 0x24), 0xa0008008);
	CHECK_HEX(r32(&rig, 0x28), 0xd454);
	CHECK_HEX(r32(&rig, 0x3c), 0x24);
	rig.unit->ops->facts(rig.unit, &facts);
	CHECK_HEX(facts.cap[1], UINT64_C(0x240000d454));
	CHECK_EQ(facts.version, 0x24);
	CHECK_EQ(rig.unit->window_len, 0x100000);
	rig_close(&rig);
}

static void units_that_cannot_be_are_refused(void)
{
	struct smmuv2_model_config cfg = rig_config();
	struct sim_model *model = NULL;
	struct sim_mem mem = { .coherent = true };

	cfg.ncb = 17; /* more banks than pages for them */
	CHECK_EQ(smmuv2_model_create(&cfg, &mem, &model), -EINVAL);
	cfg = rig_config();
	cfg.nsmr = 0;
	cfg.sid_bits = 8; /* 256 S2CRs */
	CHECK_EQ(smmuv2_model_create(&cfg, &mem, &model), -EINVAL);
	cfg = rig_config();
	cfg.oas = 39;
	CHECK_EQ(smmuv2_model_create(&cfg, &mem, &model), -EINVAL);
	cfg = rig_config();
	cfg.version = SMMUV2_MODEL_V1;
	cfg.vmid16 = true;
	CHECK_EQ(smmuv2_model_create(&cfg, &mem, &model), -EINVAL);
	CHECK_EQ(model == NULL, true);
}

static void wrong_widths_and_places_are_counted(void)
{
	static const struct rig_access accesses[] = {
		{ 0x00000, 8, false, "sCR0" },        { 0x00042, 4, false, "sGFAR" },
		{ 0x00044, 8, false, "sGFAR" },       { 0x00020, 4, true, "read-only" },
		{ 0x00074, 4, true, "read-only" },    { 0x00004, 4, false, "no register" },
		{ 0x00840, 4, true, "no register" },  { 0x00c40, 4, true, "no register" },
		{ 0x01020, 4, false, "no register" }, { 0x02000, 4, false, "no register" },
		{ 0x10000, 8, true, "SCTLR" },        { 0x10070, 4, false, "" },
		{ 0x10014, 4, false, "no register" }, { 0x18000, 4, false, "no register" },
		{ 0x10001, 2, false, "SCTLR" },       { 0x10804, 4, false, "no register" },
		{ 0x20000, 4, false, "no register" },
	};
	struct smmuv2_model_config cfg = rig_config();
	struct rig rig;

	rig_open(&rig, &cfg);
	rig_check_accesses(&rig, accesses, sizeof(accesses) / sizeof(accesses[0]));
	CHECK_EQ(rig_counts(&rig).misuse, 0);
	rig_close_blamed(&rig);
}

static void wide_registers_can_be_accessed_in_halves(void)
{
	struct smmuv2_model_config cfg = rig_config();
	struct rig rig;

	rig_open(&rig, &cfg);
	w32(&rig, cb(&rig, 3, 0x20), 0x12345000);
	w32(&rig, cb(&rig, 3, 0x24), 0x00050001);
	CHECK_HEX(r64(&rig, cb(&rig, 3, 0x20)), UINT64_C(0x0005000112345000));
	w64(&rig, 0x40, UINT64_C(0x1122334455667788));
	CHECK_HEX(r32(&rig, 0x40), 0x55667788);
	CHECK_HEX(r32(&rig, 0x44), 0x11223344);
	rig_close(&rig);
}

/* A bank's maintenance by address has 64 bits with AArch64 tables and 32 without (SMMU_CBn_TLBIVA). */
static void format_decides_the_width_of_an_invalidation(void)
{
	struct smmuv2_model_config cfg = rig_config();
	struct rig rig;

	rig_open(&rig, &cfg);
	w32(&rig, gr1(&rig, 4 * 3), 0x10000);
	w32(&rig, cb(&rig, 3, 0x600), 0x5000 | 7);
	CHECK_EQ(rig_counts(&rig).width_errors, 0);
	w64(&rig, cb(&rig, 3, 0x600), 5);
	CHECK_EQ(rig_counts(&rig).width_errors, 1);
	w32(&rig, cb(&rig, 3, 0x604), 5);
	CHECK_EQ(rig_counts(&rig).width_errors, 2);
	w32(&rig, gr1(&rig, 0x800 + 4 * 3), 1);
	w64(&rig, cb(&rig, 3, 0x600), 5);
	CHECK_EQ(rig_counts(&rig).width_errors, 2);
	CHECK_EQ(rig_counts(&rig).descriptors, 2);
	w32(&rig, cb(&rig, 3, 0x604), 0x00070000); /* the upper half alone does nothing */
	CHECK_EQ(rig_counts(&rig).descriptors, 2);
	w32(&rig, cb(&rig, 3, 0x600), 5);
	CHECK_EQ(rig_counts(&rig).descriptors, 3);
	CHECK_EQ(rig_counts(&rig).misuse, 0);
	rig_close_blamed(&rig);
}

static unsigned refused(struct rig *rig, const unsigned *offs, unsigned n, unsigned bank)
{
	uint64_t before = rig_counts(rig).width_errors;

	for (unsigned i = 0; i < n; i++)
		w32(rig, cb(rig, bank, offs[i]), 0);
	return (unsigned)(rig_counts(rig).width_errors - before);
}

static void stage_decides_which_registers_a_bank_has(void)
{
	static const unsigned first[] = { 0x10, 0x28, 0x34, 0x38, 0x3c, 0x600, 0x608, 0x610, 0x618, 0x620, 0x628 };
	static const unsigned second[] = { 0x70, 0x630, 0x638 }, both[] = { 0x0, 0x4, 0x20, 0x30, 0x58, 0x60, 0x68, 0x7f0 };
	struct smmuv2_model_config cfg = rig_config();
	struct rig rig;

	rig_open(&rig, &cfg);
	w32(&rig, gr1(&rig, 4 * 3), 0x10000); /* stage 1 */
	CHECK_EQ(refused(&rig, first, 11, 3), 0);
	CHECK_EQ(refused(&rig, second, 3, 3), 3);
	CHECK_EQ(refused(&rig, both, 8, 3), 0);
	w32(&rig, gr1(&rig, 4 * 3), 0x00000); /* stage 2 */
	CHECK_EQ(refused(&rig, first, 11, 3), 11);
	CHECK_EQ(refused(&rig, second, 3, 3), 0);
	CHECK_EQ(refused(&rig, both, 8, 3), 0);
	CHECK_EQ(refused(&rig, first, 11, 0), 11); /* for stage 2 only */
	rig_close_blamed(&rig);
}

/* Version 1 has no last-level variants, and a bank of stage 2 has no maintenance of its own. */
static void version_1_has_less_maintenance(void)
{
	static const unsigned second[] = { 0x630, 0x638, 0x7f0 }, first[] = { 0x620, 0x628 };
	struct smmuv2_model_config cfg = rig_config();
	struct rig rig;

	cfg.version = SMMUV2_MODEL_V1;
	rig_open(&rig, &cfg);
	CHECK_EQ(refused(&rig, second, 3, 0), 3);
	w32(&rig, gr1(&rig, 4 * 3), 0x10000);
	CHECK_EQ(refused(&rig, first, 2, 3), 2);
	CHECK_EQ(rig_counts(&rig).width_errors, 5);
	w32(&rig, gr1(&rig, 0x80c), 1); /* CBA2R */
	CHECK_EQ(rig_counts(&rig).width_errors, 6);
	w32(&rig, 0xb8, 1); /* TLBIVMIDS1 */
	CHECK_EQ(rig_counts(&rig).width_errors, 7);
	rig_close_blamed(&rig);
}

static void reserved_bits_are_misuse(void)
{
	static const struct {
		unsigned off;
		uint32_t value;
		const char *says;
	} writes[] = {
		{ 0x00000, 0x80000001, "sCR0" }, /* VMID16EN without VMID16S */
		{ 0x00000, 0x00000009, "sCR0" }, /* EXIDENABLE without EXIDS */
		{ 0x00000, 0x10000001, "sCR0" }, /* NSCFG is for the secure side */
		{ 0x00c00, 0x000c0000, "S2CR" }, /* NSCFG */
		{ 0x00c00, 0x00030000, "type 3" }, { 0x00c00, 0x00000400, "EXIDVALID" },
		{ 0x01000, 0x01000000, "CBAR" }, /* IRPTNDX is version 1's */
		{ 0x01000, 0x00000100, "CBAR" },   { 0x01800, 0x00010000, "VMID16" },
		{ 0x10000, 0x80000000, "SCTLR" },  { 0x00064, 0x00000100, "8 bits" }, /* TLBIVMID */
		{ 0x00048, 0x00000200, "sGFSR" },  { 0x10058, 0x00000800, "FSR" },
	};
	struct smmuv2_model_config cfg = rig_config();
	struct rig rig;

	rig_open(&rig, &cfg);
	for (unsigned i = 0; i < sizeof(writes) / sizeof(writes[0]); i++) {
		w32(&rig, writes[i].off, writes[i].value);
		CHECK_EQ(rig_counts(&rig).misuse, i + 1);
		CHECK_HAS(rig_complaint(&rig), writes[i].says);
	}
	CHECK_EQ(rig_counts(&rig).width_errors, 0);
	CHECK_HEX(r32(&rig, 0), 1);
	rig_close_blamed(&rig);
}

/* GSE stalls every context at any fault of one; VMID16EN changes what the TLB's tags are. */
static void control_bits_that_no_driver_here_may_touch(void)
{
	struct smmuv2_model_config cfg = rig_config();
	struct rig rig;

	cfg.vmid16 = true;
	rig_open(&rig, &cfg);
	w32(&rig, 0, 0x80000001);
	w32(&rig, 0, 0x00000001);
	CHECK_EQ(rig_counts(&rig).misuse, 0);
	w32(&rig, 0, 0x201);
	rig_check_blamed(&rig, "GSE");
	rig_bank_s2(&rig, 0, rig_pages(&rig, 4096), 1);
	w32(&rig, 0, 0x80000001);
	rig_check_blamed(&rig, "VMID16EN");
	CHECK_EQ(rig_counts(&rig).misuse, 2);
	rig_close_blamed(&rig);
}

static void write_only_registers_cannot_be_read(void)
{
	struct smmuv2_model_config cfg = rig_config();
	struct rig rig;

	rig_open(&rig, &cfg);
	CHECK_HEX(r32(&rig, 0x68), 0);
	CHECK_EQ(rig_counts(&rig).misuse, 1);
	CHECK_HAS(rig_complaint(&rig), "TLBIALLNSNH: it can only be written");
	rig_close_blamed(&rig);
}

/* How a driver finds the width of masks and ids: it writes ones and reads back. */
static void absent_bits_of_a_stream_match_read_as_zero(void)
{
	struct smmuv2_model_config cfg = rig_config();
	struct rig rig;

	cfg.smr_id_bits = 0x1fff;
	cfg.smr_mask_bits = 0x07ff;
	rig_open(&rig, &cfg);
	w32(&rig, 0x83c, 0x00007fff);
	CHECK_HEX(r32(&rig, 0x83c), 0x00001fff);
	w32(&rig, 0x83c, 0x7fff0000);
	CHECK_HEX(r32(&rig, 0x83c), 0x07ff0000);
	w32(&rig, 0x83c, 0xffffffff);
	CHECK_HEX(r32(&rig, 0x83c), 0x87ff1fff);
	rig_close(&rig);
}

static void pages_of_64k_move_everything_but_offsets_within(void)
{
	struct smmuv2_model_config cfg = rig_config();
	struct rig rig;

	cfg.page_lg2 = 16;
	rig_open(&rig, &cfg);
	CHECK_EQ(rig.unit->window_len, 0x200000);
	w32(&rig, 0x10000 + 4 * 3, 0x10000);
	w32(&rig, 0x100000 + 0x30000 + 0x38, 0xff);
	CHECK_HEX(r32(&rig, 0x130038), 0xff);
	w32(&rig, 0x80c, 0x80000003);
	CHECK_HEX(r32(&rig, 0x80c), 0x80000003);
	rig_close(&rig);
}

/* MMU-500 manual, SMMU_ACR.CACHE_LOCK and SMMU_CBn_ACTLR. */
static void mmu500_locks_its_auxiliary_control(void)
{
	struct smmuv2_model_config cfg = rig_config();
	struct rig rig;

	cfg.version = SMMUV2_MODEL_MMU500;
	rig_open(&rig, &cfg);
	CHECK_HEX(r32(&rig, 0x10) & 0x04000000, 0x04000000);
	CHECK_HEX(r32(&rig, cb(&rig, 4, 4)), 3);
	w32(&rig, cb(&rig, 4, 4), 1);
	CHECK_HEX(r32(&rig, cb(&rig, 4, 4)), 3);
	w32(&rig, 0x10, r32(&rig, 0x10) & ~0x04000000u);
	w32(&rig, cb(&rig, 4, 4), 1);
	CHECK_HEX(r32(&rig, cb(&rig, 4, 4)), 1);
	rig_close(&rig);
}

static void dead_unit_reads_all_ones(void)
{
	struct smmuv2_model_config cfg = rig_config();
	struct rig rig;

	rig_open(&rig, &cfg);
	CHECK_EQ(rig_write(&rig, 1, rig.mem.ram_base, 1), 0);
	sim_model_set(rig.unit, PIOMMU_SIM_DEAD, 1);
	CHECK_HEX(r32(&rig, 0x20), 0xffffffff);
	CHECK_HEX(r64(&rig, 0x40), UINT64_MAX);
	w32(&rig, 0x0, 0x412);
	CHECK_EQ(rig_write(&rig, 1, rig.mem.ram_base, 1), -EFAULT);
	sim_model_set(rig.unit, PIOMMU_SIM_DEAD, 0);
	CHECK_HEX(r32(&rig, 0x0), 1);
	CHECK_EQ(sim_model_set(rig.unit, (enum piommu_sim_switch)99, 1), -EINVAL);
	rig_close(&rig);
}

static void window_to_inspect_cannot_write(void)
{
	struct smmuv2_model_config cfg = rig_config();
	struct rig rig;

	rig_open(&rig, &cfg);
	sim_model_write_inspected(rig.unit, 0x800);
	CHECK_EQ(rig_counts(&rig).misuse, 1);
	CHECK_HAS(rig_complaint(&rig), "inspect");
	rig_close_blamed(&rig);
}

static const struct suite_test tests[] = {
	SUITE_TEST(identification_words),
	SUITE_TEST(identification_words_of_other_units),
	SUITE_TEST(units_that_cannot_be_are_refused),
	SUITE_TEST(wrong_widths_and_places_are_counted),
	SUITE_TEST(wide_registers_can_be_accessed_in_halves),
	SUITE_TEST(format_decides_the_width_of_an_invalidation),
	SUITE_TEST(stage_decides_which_registers_a_bank_has),
	SUITE_TEST(version_1_has_less_maintenance),
	SUITE_TEST(reserved_bits_are_misuse),
	SUITE_TEST(control_bits_that_no_driver_here_may_touch),
	SUITE_TEST(write_only_registers_cannot_be_read),
	SUITE_TEST(absent_bits_of_a_stream_match_read_as_zero),
	SUITE_TEST(pages_of_64k_move_everything_but_offsets_within),
	SUITE_TEST(mmu500_locks_its_auxiliary_control),
	SUITE_TEST(dead_unit_reads_all_ones),
	SUITE_TEST(window_to_inspect_cannot_write),
};

int main(int argc, char **argv)
{
	return suite_run(argc, argv, "sim_smmuv2_registers", tests, sizeof(tests) / sizeof(tests[0]));
}
