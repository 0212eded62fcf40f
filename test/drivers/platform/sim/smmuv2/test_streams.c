/* SPDX-License-Identifier: BSD-3-Clause */
/* Where a stream goes: IHI 0062, stream mapping, SMMU_sCR0, SMMU_SMRn, SMMU_S2CRn, SMMU_sGFSR; what firmware leaves. */
#include <errno.h>
#include <string.h>

#include "rig.h"

#define TO_BANK(n) (n)
#define BYPASS 0x10000u
#define FAULT 0x20000u

static void unit_at_reset_lets_everything_through(void)
{
	struct smmuv2_model_config cfg = rig_config();
	struct rig rig;

	rig_open(&rig, &cfg);
	CHECK_HEX(r32(&rig, 0), 1); /* CLIENTPD */
	CHECK_EQ(rig_lands(&rig, 5, rig.mem.ram_base, rig.mem.ram_base), true);
	rig_stream(&rig, 0, 5, FAULT);
	CHECK_EQ(rig_lands(&rig, 5, rig.mem.ram_base, rig.mem.ram_base), true);
	w32(&rig, 0, 0x13);
	CHECK_EQ(rig_lands(&rig, 5, rig.mem.ram_base, rig.mem.ram_base), true);
	rig_close(&rig);
}

static void unmatched_stream_is_bypassed_or_blocked(void)
{
	struct smmuv2_model_config cfg = rig_config();
	struct rig rig;

	rig_open(&rig, &cfg);
	w32(&rig, 0, 0x12); /* GCFGFRE, GFRE */
	CHECK_EQ(rig_lands(&rig, 0x123, rig.mem.ram_base, rig.mem.ram_base), true);
	CHECK_HEX(r32(&rig, 0x48), 0);
	rig_enable(&rig); /* USFCFG */
	CHECK_EQ(rig_write(&rig, 0x123, 0x12345678, 1), -EFAULT);
	rig_check_global_fault(&rig, 0x2, 0x2, 0x123, 0x12345678);
	CHECK_EQ(rig_counts(&rig).dma_blocked, 1);
	rig_close(&rig);
}

static void types_of_a_group(void)
{
	struct smmuv2_model_config cfg = rig_config();
	uint32_t value;
	struct rig rig;

	rig_open(&rig, &cfg);
	rig_enable(&rig);
	rig_stream(&rig, 3, 7, BYPASS);
	CHECK_EQ(rig_lands(&rig, 7, rig.mem.ram_base, rig.mem.ram_base), true);
	rig_stream(&rig, 3, 7, FAULT);
	CHECK_EQ(rig_read(&rig, 7, 0x4000, &value), -EFAULT);
	rig_check_global_fault(&rig, 0x1, 0x0, 7, 0x4000);
	rig_stream(&rig, 3, 7, TO_BANK(4)); /* which is off: SCTLR.M = 0 does no translation */
	CHECK_EQ(rig_lands(&rig, 7, rig.mem.ram_base, rig.mem.ram_base), true);
	rig_stream(&rig, 3, 7, TO_BANK(8)); /* which there is not */
	CHECK_EQ(rig_write(&rig, 7, 0x4000, 1), -EFAULT);
	rig_check_global_fault(&rig, 0x8, 0x2, 7, 0x4000);
	w32(&rig, gr1(&rig, 20), 0x20000); /* stage 1 whose stage 2 is "fault" */
	rig_stream(&rig, 3, 7, TO_BANK(5));
	CHECK_EQ(rig_write(&rig, 7, 0x4000, 1), -EFAULT);
	rig_check_global_fault(&rig, 0x1, 0x2, 7, 0x4000);
	w32(&rig, 0x80c, 7); /* not valid */
	CHECK_EQ(rig_write(&rig, 7, 0x4000, 1), -EFAULT);
	rig_check_global_fault(&rig, 0x2, 0x2, 7, 0x4000);
	rig_close(&rig);
}

/* A bit that is 1 in MASK is not compared. */
static void mask_covers_what_it_says(void)
{
	struct smmuv2_model_config cfg = rig_config();
	struct rig rig;

	rig_open(&rig, &cfg);
	rig_enable(&rig);
	w32(&rig, 0xc00, BYPASS);
	w32(&rig, 0x800, 0x80000000 | 0x0103 << 16 | 0x0400);
	for (unsigned sid = 0x300; sid < 0x600; sid++)
		CHECK_EQ(!rig_write(&rig, sid, rig.mem.ram_base, 1), (sid & ~0x103u) == 0x400);
	rig_close(&rig);
}

static void two_matches_are_a_conflict(void)
{
	struct smmuv2_model_config cfg = rig_config();
	struct rig rig;

	rig_open(&rig, &cfg);
	rig_enable(&rig);
	rig_stream(&rig, 0, 0x400, BYPASS);
	w32(&rig, 0xc04, BYPASS);
	w32(&rig, 0x804, 0x80000000 | 0xf << 16 | 0x400);
	CHECK_EQ(rig_write(&rig, 0x401, rig.mem.ram_base, 1), 0);
	CHECK_EQ(rig_counts(&rig).misuse, 0);
	CHECK_EQ(rig_write(&rig, 0x400, rig.mem.ram_base, 1), -EFAULT);
	rig_check_global_fault(&rig, 0x4, 0x2, 0x400, rig.mem.ram_base);
	CHECK_EQ(rig_counts(&rig).misuse, 1);
	rig_check_blamed(&rig, "more than one stream mapping group");
	w32(&rig, 0, 0x412); /* without SMCFCFG it is bypassed, and as wrong */
	CHECK_EQ(rig_lands(&rig, 0x400, rig.mem.ram_base, rig.mem.ram_base), true);
	CHECK_HEX(r32(&rig, 0x48), 0);
	CHECK_EQ(rig_counts(&rig).misuse, 2);
	rig_close_blamed(&rig);
}

static void second_global_fault_sets_multi_and_keeps_the_first(void)
{
	struct smmuv2_model_config cfg = rig_config();
	struct rig rig;

	rig_open(&rig, &cfg);
	rig_enable(&rig);
	CHECK_EQ(rig_write(&rig, 1, 0x1000, 1), -EFAULT);
	CHECK_EQ(rig_write(&rig, 2, 0x2000, 1), -EFAULT);
	CHECK_EQ(rig_counts(&rig).faults, 2);
	CHECK_EQ(rig_counts(&rig).faults_lost, 1);
	rig_check_global_fault(&rig, 0x80000002, 0x2, 1, 0x1000);
	w32(&rig, 0x4c, 0x80000002); /* sGFSRRESTORE */
	CHECK_HEX(r32(&rig, 0x48), 0x80000002);
	w32(&rig, 0x48, 0x80000000);
	CHECK_HEX(r32(&rig, 0x48), 0x2);
	rig_close(&rig);
}

/* Without GCFGFRE a device is told nothing: zeroes are read, writes go nowhere. */
static void configuration_fault_can_be_silent(void)
{
	struct smmuv2_model_config cfg = rig_config();
	uint32_t value = 5;
	struct rig rig;

	rig_open(&rig, &cfg);
	w32(&rig, 0, 0x402); /* USFCFG, GFRE */
	rig_put(&rig, rig.mem.ram_base, 0, 0x77);
	CHECK_EQ(rig_read(&rig, 1, rig.mem.ram_base, &value), 0);
	CHECK_EQ(value, 0);
	CHECK_EQ(rig_write(&rig, 1, rig.mem.ram_base, 1), 0);
	CHECK_HEX(rig_get(&rig, rig.mem.ram_base, 0), 0x77);
	CHECK_EQ(rig_counts(&rig).dma_blocked, 2);
	CHECK_EQ(rig_counts(&rig).dma_ok, 0);
	CHECK_HEX(r32(&rig, 0x48), 0x80000002);
	rig_close(&rig);
}

/* EXIDENABLE: 16 bits each of ID and MASK in SMR, valid in S2CR. */
static void extended_stream_ids(void)
{
	struct smmuv2_model_config cfg = rig_config();
	struct rig rig;

	cfg.exids = true;
	cfg.sid_bits = 16;
	cfg.smr_id_bits = 0xffff;
	cfg.smr_mask_bits = 0xffff;
	rig_open(&rig, &cfg);
	w32(&rig, 0, 0x41b); /* and CLIENTPD */
	w32(&rig, 0x800, 0x0001fffe);
	w32(&rig, 0xc00, BYPASS);
	w32(&rig, 0x0, 0x41a);
	CHECK_EQ(rig_write(&rig, 0xffff, rig.mem.ram_base, 1), -EFAULT);
	w32(&rig, 0xc00, BYPASS | 0x400);
	CHECK_EQ(rig_write(&rig, 0xffff, rig.mem.ram_base, 1), 0);
	CHECK_EQ(rig_write(&rig, 0xfffe, rig.mem.ram_base, 1), 0);
	CHECK_EQ(rig_write(&rig, 0x7fff, rig.mem.ram_base, 1), -EFAULT);
	CHECK_HEX(r32(&rig, 0x800), 0x0001fffe);
	CHECK_EQ(rig_counts(&rig).misuse, 0);
	w32(&rig, 0x0, 0x412);
	rig_check_blamed(&rig, "EXIDENABLE");
	rig_close_blamed(&rig);
}

/* IDR0.SMS = 0: a stream id is the number of its S2CR, there are no SMRs. */
static void stream_indexing(void)
{
	struct smmuv2_model_config cfg = rig_config();
	struct rig rig;

	cfg.nsmr = 0;
	cfg.sid_bits = 5;
	rig_open(&rig, &cfg);
	CHECK_HEX(r32(&rig, 0x20) & 0x08001eff, 0x00000a20);
	for (unsigned i = 0; i < 32; i++)
		w32(&rig, 0xc00 + 4 * i, FAULT);
	w32(&rig, 0xc00 + 4 * 9, BYPASS);
	rig_enable(&rig);
	CHECK_EQ(rig_write(&rig, 9, rig.mem.ram_base, 1), 0);
	CHECK_EQ(rig_write(&rig, 10, rig.mem.ram_base, 1), -EFAULT);
	rig_check_global_fault(&rig, 0x1, 0x2, 10, rig.mem.ram_base);
	w32(&rig, 0x800, 1);
	CHECK_EQ(rig_counts(&rig).width_errors, 1);
	rig_close_blamed(&rig);
}

/* A version 1 bank names one of NUMIRPT interrupts; another one is a fault of its own (UCIF). */
static void context_interrupt_that_is_not_there(void)
{
	struct smmuv2_model_config cfg = rig_config();
	struct rig rig;

	cfg.version = SMMUV2_MODEL_V1;
	rig_open(&rig, &cfg);
	rig_enable(&rig);
	rig_stream(&rig, 0, 1, TO_BANK(2));
	CHECK_EQ(rig_write(&rig, 1, rig.mem.ram_base, 1), 0);
	rig_stream(&rig, 0, 1, FAULT);
	w32(&rig, gr1(&rig, 8), 0x08000000);
	rig_stream(&rig, 0, 1, TO_BANK(2));
	CHECK_EQ(rig_write(&rig, 1, rig.mem.ram_base, 1), -EFAULT);
	rig_check_global_fault(&rig, 0x10, 0x2, 1, rig.mem.ram_base);
	rig_close(&rig);
}

/* The Qualcomm hypervisor: "bypass" becomes "fault", "fault" is not taken; a bank that is off is how to bypass. */
static void qualcomm_firmware_traps_bypass(void)
{
	struct smmuv2_model_config cfg = rig_config();
	struct rig rig;

	cfg.qcom = true;
	rig_open(&rig, &cfg);
	w32(&rig, 0xc3c, BYPASS | 0xff);
	CHECK_HEX(r32(&rig, 0xc3c), FAULT | 0xff);
	w32(&rig, 0xc3c, TO_BANK(7));
	CHECK_HEX(r32(&rig, 0xc3c), 7);
	w32(&rig, 0xc3c, FAULT);
	CHECK_HEX(r32(&rig, 0xc3c), 7);
	rig_enable(&rig);
	w32(&rig, 0x83c, 0x80000003);
	CHECK_EQ(rig_lands(&rig, 3, rig.mem.ram_base, rig.mem.ram_base), true);
	w32(&rig, 0xc3c, BYPASS);
	CHECK_EQ(rig_write(&rig, 3, rig.mem.ram_base, 1), -EFAULT);
	rig_check_global_fault(&rig, 0x1, 0x2, 3, rig.mem.ram_base);
	rig_close(&rig);
}

static struct smmuv2_model_config kept_config(void)
{
	struct smmuv2_model_config cfg = rig_config();

	cfg.nkept = 2;
	cfg.kept[0] = (struct smmuv2_model_kept){ .id = 0x40, .mask = 0x3 };
	cfg.kept[1] = (struct smmuv2_model_kept){ .id = 0x80, .translates = true };
	return cfg;
}

static void check_kept(struct rig *rig, bool has_alias)
{
	uint64_t pa = SIM_LOW_BASE + 0x5000, alias = UINT64_C(256) << 30;

	CHECK_HEX(r32(rig, 0) & 1, 0);
	CHECK_HEX(r32(rig, 0x800), 0x80030040);
	CHECK_HEX(r32(rig, 0xc00) & 0x30000, 0x10000);
	CHECK_HEX(r32(rig, 0x804), 0x80000080);
	CHECK_HEX(r32(rig, 0xc04), rig->cfg.ncb - 1);
	CHECK_EQ(rig_lands(rig, 0x42, pa, pa), true);
	CHECK_EQ(rig_lands(rig, 0x80, pa, pa), true);
	CHECK_EQ(rig_lands(rig, 0x80, pa + alias, pa), has_alias);
	CHECK_EQ(rig_lands(rig, 0x100, pa, pa), true);
}

static void firmwares_streams_are_live_at_power_on(void)
{
	struct smmuv2_model_config cfg = kept_config();
	struct rig rig;

	rig_open(&rig, &cfg); /* stage 1, AArch64 */
	check_kept(&rig, true);
	rig_close(&rig);

	cfg.s1 = false;
	rig_open_noncoherent(&rig, &cfg); /* stage 2, AArch64 */
	check_kept(&rig, true);
	rig_close(&rig);

	cfg.version = SMMUV2_MODEL_V1;
	rig_open(&rig, &cfg); /* stage 2, AArch32: 39 bits too */
	check_kept(&rig, true);
	rig_close(&rig);

	cfg.s1 = true;
	rig_open(&rig, &cfg); /* stage 1, AArch32: 4 GiB */
	check_kept(&rig, false);
	rig_close(&rig);
}

static void kernel_leaves_clients_enabled(void)
{
	struct smmuv2_model_config cfg = rig_config();
	struct rig rig;

	cfg.kernel_on = true;
	rig_open(&rig, &cfg);
	CHECK_HEX(r32(&rig, 0), 0x36); /* GFRE, GFIE, GCFGFRE, GCFGFIE */
	CHECK_EQ(rig_lands(&rig, 1, rig.mem.ram_base, rig.mem.ram_base), true);
	rig_close(&rig);
}

static const struct suite_test tests[] = {
	SUITE_TEST(unit_at_reset_lets_everything_through),
	SUITE_TEST(unmatched_stream_is_bypassed_or_blocked),
	SUITE_TEST(types_of_a_group),
	SUITE_TEST(mask_covers_what_it_says),
	SUITE_TEST(two_matches_are_a_conflict),
	SUITE_TEST(second_global_fault_sets_multi_and_keeps_the_first),
	SUITE_TEST(configuration_fault_can_be_silent),
	SUITE_TEST(extended_stream_ids),
	SUITE_TEST(stream_indexing),
	SUITE_TEST(context_interrupt_that_is_not_there),
	SUITE_TEST(qualcomm_firmware_traps_bypass),
	SUITE_TEST(firmwares_streams_are_live_at_power_on),
	SUITE_TEST(kernel_leaves_clients_enabled),
};

int main(int argc, char **argv)
{
	return suite_run(argc, argv, "sim_smmuv2_streams", tests, sizeof(tests) / sizeof(tests[0]));
}
