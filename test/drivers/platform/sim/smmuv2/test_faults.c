/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Context faults: which, how they are recorded, what the device sees, terminate and stall. IHI 0062, SMMU_CBn_FSR, _FSYNR0, _FAR,
 * _IPAFAR, _SCTLR, _RESUME and SMMU_CBFRSYNRAn; Arm Architecture Reference Manual D8.4 (permissions), D8.5 (access flag).
 */
#include <errno.h>
#include <string.h>

#include "rig.h"

#define SID 0x21u
#define PRIVILEGED 0x03000000u

/* Stream SID by bank 3, stage 1; its table, and a page to map. */
struct scene {
	struct rig rig;
	uint64_t root, page;
};

static void set(struct scene *s)
{
	struct smmuv2_model_config cfg = rig_config();

	rig_open(&s->rig, &cfg);
	s->root = rig_pages(&s->rig, 4096);
	s->page = rig_pages(&s->rig, 4096);
	rig_bank_s1(&s->rig, 3, s->root, 5);
	rig_stream(&s->rig, 0, SID, 3);
	rig_enable(&s->rig);
}

static void permissions_of_stage_1(void)
{
	struct scene s;
	uint32_t value;

	set(&s);
	rig_map(&s.rig, s.root, 1, 12, 0x1000, s.page | S1_RO);
	rig_map(&s.rig, s.root, 1, 12, 0x2000, s.page | (S1_RW & ~UINT64_C(0x40))); /* AP[1] = 0: privileged only */
	CHECK_EQ(rig_read(&s.rig, SID, 0x1000, &value), 0);
	CHECK_EQ(rig_write(&s.rig, SID, 0x1004, 1), -EFAULT);
	rig_check_fault(&s.rig, 3, 0x408, 0x13, SID, 0x1004); /* PF; WNR, level 3 */
	CHECK_EQ(rig_read(&s.rig, SID, 0x2000, &value), -EFAULT);
	rig_check_fault(&s.rig, 3, 0x408, 0x03, SID, 0x2000);
	w32(&s.rig, 0xc00, PRIVILEGED | 3);
	CHECK_EQ(rig_write(&s.rig, SID, 0x2000, 1), 0);
	CHECK_EQ(rig_write(&s.rig, SID, 0x1000, 1), -EFAULT);
	rig_check_fault(&s.rig, 3, 0x408, 0x33, SID, 0x1000); /* and PNU */
	rig_close(&s.rig);
}

/* APTable of a table above takes away: bit 62 writes, bit 61 unprivileged accesses. Remembered with the table, too. */
static void permissions_of_the_tables_above(void)
{
	struct scene s;
	uint64_t level2;
	uint32_t value;

	set(&s);
	rig_map(&s.rig, s.root, 1, 12, 0x1000, s.page | S1_RW);
	rig_map(&s.rig, s.root, 1, 12, 0x2000, s.page | S1_RW);
	level2 = rig_get(&s.rig, s.root, 0);
	rig_put(&s.rig, s.root, 0, level2 | UINT64_C(1) << 62);
	CHECK_EQ(rig_read(&s.rig, SID, 0x1000, &value), 0);
	CHECK_EQ(rig_write(&s.rig, SID, 0x2000, 1), -EFAULT);
	rig_check_fault(&s.rig, 3, 0x408, 0x13, SID, 0x2000);
	rig_close(&s.rig);
}

/* S2AP: 01 read, 10 write. */
static void permissions_of_stage_2(void)
{
	struct smmuv2_model_config cfg = rig_config();
	uint64_t root, page;
	uint32_t value;
	struct rig rig;

	rig_open(&rig, &cfg);
	root = rig_pages(&rig, 4096);
	page = rig_pages(&rig, 4096);
	rig_map(&rig, root, 1, 12, 0x1000, page | S2_RO);
	rig_map(&rig, root, 1, 12, 0x2000, page | (S2_RW & ~UINT64_C(0x40)));
	rig_bank_s2(&rig, 1, root, 9);
	rig_stream(&rig, 0, SID, 1);
	rig_enable(&rig);
	CHECK_EQ(rig_read(&rig, SID, 0x1000, &value), 0);
	CHECK_EQ(rig_write(&rig, SID, 0x1124, 1), -EFAULT);
	CHECK_HEX(r64(&rig, cb(&rig, 1, 0x70)), 0x1000); /* IPAFAR */
	rig_check_fault(&rig, 1, 0x408, 0x13, SID, 0x1124);
	CHECK_EQ(rig_write(&rig, SID, 0x2000, 1), 0);
	CHECK_EQ(rig_read(&rig, SID, 0x2000, &value), -EFAULT);
	rig_check_fault(&rig, 1, 0x408, 0x03, SID, 0x2000);
	rig_close(&rig);
}

static void access_flag(void)
{
	struct scene s;

	set(&s);
	rig_map(&s.rig, s.root, 1, 12, 0x1000, s.page | (S1_RW & ~UINT64_C(0x400)));
	CHECK_EQ(rig_write(&s.rig, SID, 0x1000, 1), -EFAULT);
	rig_check_fault(&s.rig, 3, 0x404, 0x13, SID, 0x1000);
	w32(&s.rig, cb(&s.rig, 3, 0), 0x129); /* AFFD */
	CHECK_EQ(rig_write(&s.rig, SID, 0x1000, 1), 0);
	rig_close(&s.rig);
}

/* PASize 40: a leaf, or a table, with bit 40 in its address. */
static void address_size(void)
{
	struct smmuv2_model_config cfg = rig_config();
	struct rig rig;
	uint64_t root;

	rig_open(&rig, &cfg);
	root = rig_pages(&rig, 4096);
	rig_map(&rig, root, 1, 12, 0x1000, (UINT64_C(1) << 40) | S2_RW);
	rig_put(&rig, root, 1, (UINT64_C(1) << 40) | 3);
	rig_bank_s2(&rig, 1, root, 9);
	rig_stream(&rig, 0, SID, 1);
	rig_enable(&rig);
	CHECK_EQ(rig_write(&rig, SID, 0x1000, 1), -EFAULT);
	rig_check_fault(&rig, 1, 0x480, 0x13, SID, 0x1000);
	CHECK_EQ(rig_write(&rig, SID, 0x40000000, 1), -EFAULT);
	rig_check_fault(&rig, 1, 0x480, 0x11, SID, 0x40000000);
	rig_close(&rig);
}

/* A table where there is no memory: EF, and PTWF says that it was the walk. */
static void external_abort_of_a_walk(void)
{
	struct scene s;

	set(&s);
	rig_put(&s.rig, s.root, 0, 0x3000 | 3);
	CHECK_EQ(rig_write(&s.rig, SID, 0x1000, 1), -EFAULT);
	rig_check_fault(&s.rig, 3, 0x410, 0x412, SID, 0x1000);
	rig_map(&s.rig, s.root, 1, 12, 0x40000000, 0x5000 | S1_RW); /* a leaf, however, is the memory system's business */
	CHECK_EQ(rig_write(&s.rig, SID, 0x40000000, 1), -EIO);
	CHECK_HEX(r32(&s.rig, cb(&s.rig, 3, 0x58)), 0);
	rig_close(&s.rig);
}

static void reserved_bits_of_a_descriptor_are_counted(void)
{
	struct scene s;

	set(&s);
	rig_map(&s.rig, s.root, 1, 12, 0x1000, s.page | (S1_RW & ~UINT64_C(0x200))); /* SH 01 */
	CHECK_EQ(rig_write(&s.rig, SID, 0x1000, 1), 0);
	CHECK_EQ(rig_counts(&s.rig).reserved_errors, 1);
	rig_check_blamed(&s.rig, "reserved bits 0x300");
	rig_close_blamed(&s.rig);
}

/* Sixteen pages of 4 KiB that say they are one range (bit 52); of sixteen others one is elsewhere. */
static void contiguous_group_must_agree(void)
{
	const uint64_t hint = UINT64_C(1) << 52;
	struct scene s;
	uint64_t pages;

	set(&s);
	pages = rig_pages(&s.rig, 0x10000);
	for (unsigned i = 0; i < 32; i++)
		rig_map(&s.rig, s.root, 1, 12, 0x10000 + 0x1000 * i, (pages + 0x1000 * (i % 16)) | S1_RW | hint);
	rig_map(&s.rig, s.root, 1, 12, 0x2f000, s.page | S1_RW | hint);
	CHECK_EQ(rig_lands(&s.rig, SID, 0x13000, pages + 0x3000), true);
	CHECK_EQ(rig_counts(&s.rig).reserved_errors, 0);
	CHECK_EQ(rig_lands(&s.rig, SID, 0x24000, pages + 0x4000), true);
	CHECK_EQ(rig_counts(&s.rig).reserved_errors, 1);
	rig_check_blamed(&s.rig, "contiguous");
	rig_close_blamed(&s.rig);
}

static void second_fault_sets_multi_and_keeps_the_first(void)
{
	struct scene s;
	uint32_t value;

	set(&s);
	CHECK_EQ(rig_write(&s.rig, SID, 0x1000, 1), -EFAULT);
	CHECK_EQ(rig_read(&s.rig, SID, 0x2000, &value), -EFAULT);
	CHECK_EQ(rig_counts(&s.rig).faults, 2);
	CHECK_EQ(rig_counts(&s.rig).faults_lost, 1);
	rig_check_fault(&s.rig, 3, 0x80000402, 0x11, SID, 0x1000);
	CHECK_EQ(rig_read(&s.rig, SID, 0x2000, &value), -EFAULT);
	rig_check_fault(&s.rig, 3, 0x402, 0x01, SID, 0x2000);
	w32(&s.rig, cb(&s.rig, 3, 0x5c), 0x80000402); /* FSRRESTORE */
	CHECK_HEX(r32(&s.rig, cb(&s.rig, 3, 0x58)), 0x80000402);
	w32(&s.rig, cb(&s.rig, 3, 0x58), 0x80000000);
	CHECK_HEX(r32(&s.rig, cb(&s.rig, 3, 0x58)), 0x402);
	rig_close(&s.rig);
}

/* HUPCF 0: what comes after a fault is terminated, unseen, until the fault is cleared. */
static void earlier_fault_holds_up_the_bank(void)
{
	struct scene s;

	set(&s);
	rig_map(&s.rig, s.root, 1, 12, 0x1000, s.page | S1_RW);
	w32(&s.rig, cb(&s.rig, 3, 0), 0x21);
	CHECK_EQ(rig_write(&s.rig, SID, 0x1000, 1), 0);
	CHECK_EQ(rig_write(&s.rig, SID, 0x2000, 1), -EFAULT);
	CHECK_EQ(rig_write(&s.rig, SID, 0x1000, 1), -EFAULT);
	CHECK_EQ(rig_counts(&s.rig).faults, 1);
	rig_check_fault(&s.rig, 3, 0x402, 0x13, SID, 0x2000);
	CHECK_EQ(rig_write(&s.rig, SID, 0x1000, 1), 0);
	rig_close(&s.rig);
}

/* CFRE 0: reads are zero, writes go nowhere, the record is made all the same. */
static void context_fault_can_be_silent(void)
{
	struct scene s;
	uint32_t value = 5;

	set(&s);
	w32(&s.rig, cb(&s.rig, 3, 0), 0x101);
	CHECK_EQ(rig_read(&s.rig, SID, 0x2000, &value), 0);
	CHECK_EQ(value, 0);
	CHECK_EQ(rig_counts(&s.rig).dma_blocked, 1);
	CHECK_EQ(rig_counts(&s.rig).dma_ok, 0);
	rig_check_fault(&s.rig, 3, 0x402, 0x01, SID, 0x2000);
	rig_close(&s.rig);
}

/* CFCFG: the access waits, FSR.SS says so, RESUME 0 makes it again and RESUME 1 ends it. */
static void stalled_write_is_made_when_resumed(void)
{
	struct scene s;

	set(&s);
	w32(&s.rig, cb(&s.rig, 3, 0), 0xa1);
	rig_put(&s.rig, s.page, 0, 0x77);
	CHECK_EQ(rig_write(&s.rig, SID, 0x1000, 0x1234), -EFAULT);
	CHECK_HEX(r32(&s.rig, cb(&s.rig, 3, 0x58)), 0x40000402);
	rig_map(&s.rig, s.root, 1, 12, 0x1000, s.page | S1_RW);
	CHECK_EQ(rig_write(&s.rig, SID, 0x1000, 0x99), -EFAULT); /* held up */
	w32(&s.rig, cb(&s.rig, 3, 0x58), 0x2);
	CHECK_HEX(r32(&s.rig, cb(&s.rig, 3, 0x58)), 0x40000000); /* SS is not software's to clear */
	CHECK_HEX(rig_get(&s.rig, s.page, 0), 0x77);
	w32(&s.rig, cb(&s.rig, 3, 0x08), 0);
	CHECK_HEX(rig_get(&s.rig, s.page, 0), 0x1234);
	CHECK_HEX(r32(&s.rig, cb(&s.rig, 3, 0x58)), 0);
	CHECK_EQ(rig_write(&s.rig, SID, 0x1000, 0x55), 0);
	rig_close(&s.rig);
}

static void stalled_write_can_be_ended_or_stall_again(void)
{
	struct scene s;

	set(&s);
	w32(&s.rig, cb(&s.rig, 3, 0), 0xa1);
	rig_put(&s.rig, s.page, 0, 0x77);
	CHECK_EQ(rig_write(&s.rig, SID, 0x1000, 0x1234), -EFAULT);
	w32(&s.rig, cb(&s.rig, 3, 0x58), 0x2);
	w32(&s.rig, cb(&s.rig, 3, 0x08), 0); /* nothing was done about it */
	CHECK_HEX(r32(&s.rig, cb(&s.rig, 3, 0x58)), 0x40000402);
	rig_map(&s.rig, s.root, 1, 12, 0x1000, s.page | S1_RW);
	w32(&s.rig, cb(&s.rig, 3, 0x58), 0x2);
	w32(&s.rig, cb(&s.rig, 3, 0x08), 1);
	CHECK_HEX(rig_get(&s.rig, s.page, 0), 0x77);
	CHECK_HEX(r32(&s.rig, cb(&s.rig, 3, 0x58)), 0);
	CHECK_EQ(rig_counts(&s.rig).misuse, 0);
	w32(&s.rig, cb(&s.rig, 3, 0x08), 1);
	rig_check_blamed(&s.rig, "nothing stalls");
	rig_close_blamed(&s.rig);
}

/* sCR0.STALLD: no bank stalls. */
static void stalling_can_be_disabled_for_all(void)
{
	struct scene s;

	set(&s);
	w32(&s.rig, 0, 0x512);
	w32(&s.rig, cb(&s.rig, 3, 0), 0xa1);
	CHECK_EQ(rig_write(&s.rig, SID, 0x1000, 1), -EFAULT);
	rig_check_fault(&s.rig, 3, 0x402, 0x11, SID, 0x1000);
	rig_close(&s.rig);
}

static const struct suite_test tests[] = {
	SUITE_TEST(permissions_of_stage_1),
	SUITE_TEST(permissions_of_the_tables_above),
	SUITE_TEST(permissions_of_stage_2),
	SUITE_TEST(access_flag),
	SUITE_TEST(address_size),
	SUITE_TEST(external_abort_of_a_walk),
	SUITE_TEST(reserved_bits_of_a_descriptor_are_counted),
	SUITE_TEST(contiguous_group_must_agree),
	SUITE_TEST(second_fault_sets_multi_and_keeps_the_first),
	SUITE_TEST(earlier_fault_holds_up_the_bank),
	SUITE_TEST(context_fault_can_be_silent),
	SUITE_TEST(stalled_write_is_made_when_resumed),
	SUITE_TEST(stalled_write_can_be_ended_or_stall_again),
	SUITE_TEST(stalling_can_be_disabled_for_all),
};

int main(int argc, char **argv)
{
	return suite_run(argc, argv, "sim_smmuv2_faults", tests, sizeof(tests) / sizeof(tests[0]));
}
