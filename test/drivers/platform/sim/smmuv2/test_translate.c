/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Translation through a context bank: formats, granules, both tables of stage 1, and configurations that do not work. Arm
 * Architecture Reference Manual D8 (VMSAv8-64), G5 (AArch32 long descriptors); IHI 0062, SMMU_CBn_TCR, SMMU_CBn_TCR2.
 */
#include <errno.h>
#include <string.h>

#include "rig.h"

#define SID 0x21u

static void set(struct rig *rig, const struct smmuv2_model_config *cfg)
{
	rig_open(rig, cfg);
	rig_enable(rig);
}

static void stage_1_pages_of_4k(void)
{
	struct smmuv2_model_config cfg = rig_config();
	uint64_t root, page;
	uint32_t value;
	struct rig rig;

	set(&rig, &cfg);
	root = rig_pages(&rig, 4096);
	page = rig_pages(&rig, 4096);
	rig_map(&rig, root, 1, 12, 0x7fffffe000, page | S1_RW);
	rig_bank_s1(&rig, 3, root, 5);
	rig_stream(&rig, 0, SID, 3);
	CHECK_EQ(rig_lands(&rig, SID, 0x7fffffe124, page + 0x124), true);
	CHECK_EQ(rig_read(&rig, SID, 0x7fffffe124, &value), 0);
	CHECK_EQ(rig_write(&rig, SID, 0x7fffffd000, 1), -EFAULT);
	rig_check_fault(&rig, 3, 0x402, 0x13, SID, 0x7fffffd000); /* AArch64, TF, level 3 */
	CHECK_EQ(rig_write(&rig, SID, 0x8000000000, 1), -EFAULT); /* a 40th bit */
	rig_check_fault(&rig, 3, 0x402, 0x10, SID, 0x8000000000);
	rig_close(&rig);
}

static void blocks_and_granules_of_stage_1(void)
{
	static const struct {
		unsigned granule_lg2, level, tsz, tg0, block_level, block_lg2;
	} cases[] = {
		{ 12, 0, 16, 0, 1, 30 }, { 12, 1, 25, 0, 2, 21 }, { 14, 1, 17, 2, 2, 25 },
		{ 16, 1, 16, 1, 2, 29 }, { 16, 2, 22, 1, 2, 29 },
	};
	struct smmuv2_model_config cfg = rig_config();

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsigned granule_lg2 = cases[i].granule_lg2;
		uint64_t root, table, page, block, iova = UINT64_C(1) << (63 - cases[i].tsz), base = 0;
		struct rig rig;

		set(&rig, &cfg);
		root = rig_pages(&rig, 0x10000);
		page = rig_pages(&rig, 0x10000);
		rig_map(&rig, root, cases[i].level, granule_lg2, iova, page | S1_RW);
		/* And a block in the second entry of its level's table on that way, from a multiple of its size on. */
		table = root;
		if (cases[i].block_level > cases[i].level) {
			table = rig_get(&rig, root, (unsigned)(iova >> (cases[i].block_lg2 + granule_lg2 - 3))) &
				UINT64_C(0xfffffffff000);
			base = iova;
		}
		block = align_down(page, UINT64_C(1) << cases[i].block_lg2);
		rig_put(&rig, table, 1, block | BLOCK(S1_RW));
		rig_bank(&rig, 2, 0x10000, root, 0x00803500 | cases[i].tg0 << 14 | cases[i].tsz);
		rig_stream(&rig, 0, SID, 2);
		CHECK_EQ(rig_lands(&rig, SID, iova + 0xabc, page + 0xabc), true);
		base += (UINT64_C(1) << cases[i].block_lg2) + (page - block);
		CHECK_EQ(rig_lands(&rig, SID, base + 8, page + 8), true);
		rig_close(&rig);
	}
}

/* T0SZ 24 with SL0 1: 40 bits from level 1, two tables side by side. */
static void stage_2_concatenates_tables(void)
{
	struct smmuv2_model_config cfg = rig_config();
	uint64_t root, page;
	struct rig rig;

	set(&rig, &cfg);
	root = rig_pages(&rig, 8192);
	page = rig_pages(&rig, 4096);
	rig_map(&rig, root + 4096, 1, 12, 0x5000, page | S2_RW); /* 0x80_0000_5000 */
	rig_bank(&rig, 0, 9, root, 0x80023558);
	rig_stream(&rig, 0, SID, 0);
	CHECK_EQ(rig_lands(&rig, SID, 0x8000005000, page), true);
	CHECK_EQ(rig_write(&rig, SID, 0x5000, 1), -EFAULT);
	rig_check_fault(&rig, 0, 0x402, 0x11, SID, 0x5000);
	CHECK_EQ(rig_write(&rig, SID, 0x10000005000, 1), -EFAULT);
	rig_check_fault(&rig, 0, 0x402, 0x10, SID, 0x10000005000);
	CHECK_HEX(r64(&rig, cb(&rig, 0, 0x70)), 0x10000005000); /* IPAFAR */
	rig_close(&rig);
}

/* AArch32 long descriptors. Stage 1: T0SZ 0, 4 GiB from level 1; stage 2: T0SZ -8, 40 bits from level 1. */
static void version_1_has_the_tables_of_aarch32(void)
{
	struct smmuv2_model_config cfg = rig_config();
	uint64_t root, page;
	struct rig rig;

	cfg.version = SMMUV2_MODEL_V1;
	cfg.ias = 40;
	cfg.oas = 40;
	set(&rig, &cfg);
	root = rig_pages(&rig, 8192);
	page = rig_pages(&rig, 4096);
	rig_map(&rig, root, 1, 12, 0xfffff000, page | S1_RW);
	rig_bank_32(&rig, 3, 0x10000, root | UINT64_C(5) << 48, 0x80803500); /* EAE, EPD1 */
	rig_stream(&rig, 0, SID, 3);
	CHECK_EQ(rig_lands(&rig, SID, 0xfffff00c, page + 0xc), true);
	CHECK_EQ(rig_write(&rig, SID, 0x1fffff000, 1), -EFAULT);
	rig_check_fault(&rig, 3, 0x202, 0x11, SID, 0x1fffff000); /* AArch32 long */

	rig_stream(&rig, 0, SID, 0);
	rig_map(&rig, root + 4096, 1, 12, 0x7000, page | S2_RW);
	rig_bank_32(&rig, 0, 0, root, 0x80003558); /* SL0 1, S, T0SZ -8 */
	CHECK_EQ(rig_lands(&rig, SID, 0x8000007008, page + 8), true);
	rig_close(&rig);
}

/* MMU-401: version 1 with the 64 KiB granule. */
static void mmu401_has_tables_of_64k(void)
{
	struct smmuv2_model_config cfg = rig_config();
	uint64_t root, page;
	struct rig rig;

	cfg.version = SMMUV2_MODEL_MMU401;
	cfg.s1 = false;
	cfg.ias = 40;
	cfg.oas = 40;
	set(&rig, &cfg);
	root = rig_pages(&rig, 0x10000);
	page = rig_pages(&rig, 0x10000);
	rig_map(&rig, root, 2, 16, 0x40000, page | S2_RW);
	rig_bank(&rig, 0, 0, root, 0x8002755a); /* TG0 64 KiB, SL0 1: level 2, T0SZ 26: 38 bits */
	rig_stream(&rig, 0, SID, 0);
	CHECK_EQ(rig_lands(&rig, SID, 0x4f000, page + 0xf000), true);
	rig_close(&rig);

	set(&rig, &cfg);
	rig_bank(&rig, 0, 0, rig_pages(&rig, 4096), 0x80023559);
	rig_check_blamed(&rig, "granule");
	rig_close_blamed(&rig);
}

/* TTBR1: addresses whose upper bits are all ones, after extension from TCR2.SEP; here bit 48, the top of the bus. */
static void upper_table_of_stage_1(void)
{
	struct smmuv2_model_config cfg = rig_config();
	uint64_t root, page;
	struct rig rig;

	set(&rig, &cfg);
	root = rig_pages(&rig, 4096);
	page = rig_pages(&rig, 4096);
	rig_map(&rig, root, 1, 12, 0x5000, page | S1_RW);
	w32(&rig, gr1(&rig, 12), 0x10000);
	w64(&rig, cb(&rig, 3, 0x28), root);
	rig_bank(&rig, 3, 0x10000, rig_pages(&rig, 4096), 0xb5193519); /* TG1 4 KiB, SH1, ORGN1, IRGN1, T1SZ 25 */
	rig_stream(&rig, 0, SID, 3);
	CHECK_EQ(rig_lands(&rig, SID, 0xffffff8000005000, page), true);
	CHECK_EQ(rig_lands(&rig, SID, 0x1ff8000005000, page), true); /* as the bus carries it */
	CHECK_EQ(rig_write(&rig, SID, 0xff8000005000, 1), -EFAULT);  /* without the sign */
	rig_check_fault(&rig, 3, 0x402, 0x10, SID, 0xff8000005000);
	CHECK_EQ(rig_write(&rig, SID, 0x5000, 1), -EFAULT);
	rig_check_fault(&rig, 3, 0x402, 0x11, SID, 0x5000);
	rig_close(&rig);
}

/* SEP 0 takes bit 31 for the sign: 2 GiB and above are the upper table's, which is disabled. */
static void sign_extension_from_a_lower_bit(void)
{
	struct smmuv2_model_config cfg = rig_config();
	uint64_t root, page;
	struct rig rig;

	set(&rig, &cfg);
	root = rig_pages(&rig, 4096);
	page = rig_pages(&rig, 4096);
	rig_map(&rig, root, 1, 12, 0x7ffff000, page | S1_RW);
	rig_map(&rig, root, 1, 12, 0x80000000, page | S1_RW);
	rig_bank_s1(&rig, 3, root, 5);
	w32(&rig, cb(&rig, 3, 0x00), 0);
	w32(&rig, cb(&rig, 3, 0x10), 0x15);
	w32(&rig, cb(&rig, 3, 0x00), 0x121);
	rig_stream(&rig, 0, SID, 3);
	CHECK_EQ(rig_lands(&rig, SID, 0x7ffff000, page), true);
	CHECK_EQ(rig_write(&rig, SID, 0x80000000, 1), -EFAULT);
	rig_check_fault(&rig, 3, 0x402, 0x10, SID, 0x80000000);
	rig_close(&rig);
}

/* The same with the upper table: what a device of 32 address bits is for. Other bits above the sign are no table's. */
static void sign_extension_leads_to_the_upper_table(void)
{
	struct smmuv2_model_config cfg = rig_config();
	uint64_t root, page;
	struct rig rig;

	set(&rig, &cfg);
	root = rig_pages(&rig, 4096);
	page = rig_pages(&rig, 4096);
	rig_map(&rig, root, 1, 12, 0x7f80000000, page | S1_RW);
	rig_map(&rig, root, 1, 12, 0x7f00000000, page | S1_RW);
	w32(&rig, gr1(&rig, 12), 0x10000);
	w32(&rig, gr1(&rig, 0x80c), 1);
	w64(&rig, cb(&rig, 3, 0x20), root);
	w64(&rig, cb(&rig, 3, 0x28), root);
	w32(&rig, cb(&rig, 3, 0x10), 0x15);
	w32(&rig, cb(&rig, 3, 0x30), 0xb5193519);
	w32(&rig, cb(&rig, 3, 0x00), 0x121);
	rig_stream(&rig, 0, SID, 3);
	CHECK_EQ(rig_lands(&rig, SID, 0x80000000, page), true);
	CHECK_EQ(rig_lands(&rig, SID, 0xffffffff80000000, page), true);
	CHECK_EQ(rig_write(&rig, SID, 0x180000000, 1), -EFAULT);
	CHECK_EQ(rig_write(&rig, SID, 0x7f00000000, 1), -EFAULT);
	CHECK_EQ(rig_counts(&rig).faults, 2);
	rig_close(&rig);
}

static void configurations_that_do_not_work_are_misuse(void)
{
	static const struct {
		uint32_t cbar, tcr, tcr2;
		uint64_t ttbr_bits;
		uint32_t sctlr;
		const char *says;
	} cases[] = {
		{ 0x10000, 0x00803519, 0x38015, 0x000, 0x121, "" },
		{ 0x30000, 0x00803519, 0x38015, 0x000, 0x121, "nested" },
		{ 0x10000, 0x0080350f, 0x38015, 0x000, 0x121, "TSZ" },
		{ 0x10000, 0x00803528, 0x38015, 0x000, 0x121, "TSZ" },
		{ 0x10000, 0x0080b519, 0x38015, 0x000, 0x121, "granule" }, /* 16 KiB: not this unit's */
		{ 0x10000, 0x0080f519, 0x38015, 0x000, 0x121, "granule" },
		{ 0x10000, 0x00803519, 0x38017, 0x000, 0x121, "PASize" },
		{ 0x10000, 0x00803519, 0x30015, 0x000, 0x121, "SEP" },
		{ 0x10000, 0x00803519, 0x38015, 0x800, 0x121, "aligned" },
		{ 0x10000, 0x00803519, 0x38015, UINT64_C(0xffff) << 48, 0x121, "" }, /* an ASID, which stage 2 has not */
		{ 0x00009, 0x80023559, 0x00000, UINT64_C(1) << 48, 0x121, "reserved" },
		{ 0x10000, 0x00800519, 0x38015, 0x000, 0x121, "snoop" },
		{ 0x10000, 0x00803019, 0x38015, 0x000, 0x121, "snoop" },
		{ 0x10000, 0x00803559, 0x38015, 0x000, 0x121, "reserved bit 6" },
		{ 0x10000, 0x00003519, 0x38015, 0x000, 0x121, "TCR.TG" }, /* TTBR1 not disabled, TG1 reserved */
		{ 0x10000, 0x00803519, 0x38015, 0x000, 0x131, "big-endian" },
		{ 0x00009, 0x80023559, 0x00000, 0x000, 0x121, "" },
		{ 0x00009, 0x00023559, 0x00000, 0x000, 0x121, "bit 31" },
		{ 0x00009, 0x80023519, 0x00000, 0x000, 0x121, "SL0" }, /* level 2: 39 bits need 2^18 entries of it */
		{ 0x00009, 0x80023550, 0x00000, 0x000, 0x121, "SL0" }, /* level 1 for 48 bits: 512 tables */
		{ 0x00009, 0x8002354f, 0x00000, 0x000, 0x121, "T0SZ" },
		{ 0x00009, 0x80063559, 0x00000, 0x000, 0x121, "PASize" },
	};
	struct smmuv2_model_config cfg = rig_config();

	cfg.gran16k = false;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rig rig;

		rig_open(&rig, &cfg);
		w32(&rig, gr1(&rig, 12), cases[i].cbar);
		w32(&rig, gr1(&rig, 0x80c), 1);
		w64(&rig, cb(&rig, 3, 0x20), rig_pages(&rig, 4096) | cases[i].ttbr_bits);
		if (cases[i].tcr2)
			w32(&rig, cb(&rig, 3, 0x10), cases[i].tcr2);
		w32(&rig, cb(&rig, 3, 0x30), cases[i].tcr);
		w32(&rig, cb(&rig, 3, 0x00), cases[i].sctlr);
		CHECK_EQ(rig_counts(&rig).misuse, cases[i].says[0] != 0);
		CHECK_HAS(rig_complaint(&rig), cases[i].says);
		rig_close_blamed(&rig);
	}
}

/* TTBR of AArch32: bits 47:40 and 63:56 are reserved, ASIDs of 8 bits between them in stage 1. */
static void tables_of_aarch32_lie_below_40_bits(void)
{
	static const struct {
		unsigned bank;
		uint32_t tcr;
		uint64_t bits;
		bool is_good;
	} cases[] = {
		{ 3, 0x80803500, UINT64_C(0xff) << 48, true }, { 3, 0x80803500, UINT64_C(1) << 40, false },
		{ 3, 0x80803500, UINT64_C(1) << 56, false },   { 0, 0x80003558, 0, true },
		{ 0, 0x80003558, UINT64_C(1) << 48, false },   { 0, 0x80003558, UINT64_C(1) << 63, false },
	};
	struct smmuv2_model_config cfg = rig_config();

	cfg.version = SMMUV2_MODEL_V1;
	cfg.ias = 40;
	cfg.oas = 40;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rig rig;

		rig_open(&rig, &cfg);
		rig_bank_32(&rig, cases[i].bank, cases[i].bank ? 0x10000 : 0, rig_pages(&rig, 8192) | cases[i].bits,
			    cases[i].tcr);
		CHECK_EQ(rig_counts(&rig).misuse, !cases[i].is_good);
		rig_close_blamed(&rig);
	}
}

/* The first banks are for stage 2 only (IDR1.NUMS2CB). */
static void stage_1_in_a_bank_for_stage_2(void)
{
	struct smmuv2_model_config cfg = rig_config();
	struct rig rig;

	rig_open(&rig, &cfg);
	w32(&rig, gr1(&rig, 0), 0x10000);
	w32(&rig, cb(&rig, 0, 0), 0x121);
	rig_check_blamed(&rig, "stage 2 only");
	rig_close_blamed(&rig);
}

static void what_an_enabled_bank_uses_must_not_change(void)
{
	struct smmuv2_model_config cfg = rig_config();
	uint64_t root;
	struct rig rig;

	set(&rig, &cfg);
	root = rig_pages(&rig, 4096);
	rig_bank_s1(&rig, 3, root, 5);
	rig_stream(&rig, 0, SID, 3);
	w32(&rig, cb(&rig, 3, 0x30), 0x00803519);
	w32(&rig, gr1(&rig, 12), 0x10000);
	w64(&rig, cb(&rig, 3, 0x20), rig_pages(&rig, 4096) | UINT64_C(6) << 48);
	CHECK_EQ(rig_counts(&rig).misuse, 0); /* nothing new, or a new table under a new ASID */
	w32(&rig, cb(&rig, 3, 0x30), 0x00803518);
	rig_check_blamed(&rig, "register 0x30 of context bank 3 changed");
	w32(&rig, cb(&rig, 3, 0x38), 0x44);
	rig_check_blamed(&rig, "register 0x38");
	w32(&rig, cb(&rig, 3, 0x20), (uint32_t)root);
	rig_check_blamed(&rig, "in halves");
	w32(&rig, gr1(&rig, 12), 0x10001);
	rig_check_blamed(&rig, "CBAR3 changed");
	w32(&rig, gr1(&rig, 0x80c), 0);
	rig_check_blamed(&rig, "CBA2R3 changed");
	w32(&rig, cb(&rig, 3, 0x00), 0x120);
	rig_check_blamed(&rig, "switched off while a stream");
	CHECK_EQ(rig_counts(&rig).misuse, 6);
	rig_close_blamed(&rig);
}

/* A stream by a bank that is off is enough; a bank that is on is enough; with clients disabled neither a stream nor a change matters. */
static void attributes_of_a_bank_in_use_must_not_change(void)
{
	struct smmuv2_model_config cfg = rig_config();
	struct rig rig;

	rig_open(&rig, &cfg);
	rig_stream(&rig, 0, SID, 4);
	w32(&rig, gr1(&rig, 16), 0x10000);
	CHECK_EQ(rig_counts(&rig).misuse, 0);
	rig_enable(&rig);
	w32(&rig, gr1(&rig, 16), 0x10001);
	rig_check_blamed(&rig, "while a stream is translated");
	rig_bank_s1(&rig, 3, rig_pages(&rig, 4096), 5);
	CHECK_EQ(rig_counts(&rig).misuse, 1);
	w32(&rig, gr1(&rig, 12), 0x10001);
	rig_check_blamed(&rig, "while its bank is enabled");
	CHECK_EQ(rig_counts(&rig).misuse, 2);
	rig_close_blamed(&rig);
}

static const struct suite_test tests[] = {
	SUITE_TEST(stage_1_pages_of_4k),
	SUITE_TEST(blocks_and_granules_of_stage_1),
	SUITE_TEST(stage_2_concatenates_tables),
	SUITE_TEST(version_1_has_the_tables_of_aarch32),
	SUITE_TEST(mmu401_has_tables_of_64k),
	SUITE_TEST(upper_table_of_stage_1),
	SUITE_TEST(sign_extension_from_a_lower_bit),
	SUITE_TEST(sign_extension_leads_to_the_upper_table),
	SUITE_TEST(configurations_that_do_not_work_are_misuse),
	SUITE_TEST(stage_1_in_a_bank_for_stage_2),
	SUITE_TEST(what_an_enabled_bank_uses_must_not_change),
	SUITE_TEST(attributes_of_a_bank_in_use_must_not_change),
	SUITE_TEST(tables_of_aarch32_lie_below_40_bits),
};

int main(int argc, char **argv)
{
	return suite_run(argc, argv, "sim_smmuv2_translate", tests, sizeof(tests) / sizeof(tests[0]));
}
