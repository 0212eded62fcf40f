/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A request through the SMMUv3 model: stream tables, STEs and CDs that are valid or not, both stages and nested ones, and the event
 * that each failure is recorded as (specification 3.3, 5, 7.3). The walk itself: test_lpae_walk.c.
 */
#include <errno.h>
#include <string.h>

#include "rig.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define SID(sid) ((uint64_t)(sid) << 32)
#define RNW (UINT64_C(1) << 35)
#define S2 (UINT64_C(1) << 39)
#define CLASS_TT (UINT64_C(1) << 40)
#define CLASS_IN (UINT64_C(2) << 40)

static void set(struct rig *rig)
{
	rig_open(rig, &rig_default);
	rig_enable(rig);
}

static void abort_and_bypass(void)
{
	struct rig rig;

	set(&rig);
	CHECK_EQ(rig_write(&rig, 1, rig.msi), -EFAULT);
	CHECK_EQ(rig_counts(&rig).faults, 0); /* an STE that says abort: no event */
	rig_put(&rig, rig_ste(&rig, 2), 0, 0x9);
	CHECK_EQ(rig_lands(&rig, 2, rig.msi + 4, rig.msi + 4), true);
	CHECK_EQ(rig_write(&rig, 2, UINT64_C(1) << 44), -EFAULT);
	rig_check_event(&rig, 0x11 | SID(2), CLASS_IN, UINT64_C(1) << 44, 0);
	rig_check_clean(&rig);
	rig_close(&rig);
}

static void unknown_streams(void)
{
	struct rig rig;

	set(&rig);
	CHECK_EQ(rig_write(&rig, 32, 0x5000), -EFAULT);
	rig_check_event(&rig, 0x02 | SID(32), 0, 0, 0);
	CHECK_EQ(rig_write(&rig, 0x12345678, 0x5000), -EFAULT);
	rig_check_event(&rig, 0x02 | SID(0x12345678), 0, 0, 0);
	w32(&rig, 0x20, 0xc);
	w32(&rig, 0x2c, 0); /* CR2.RECINVSID */
	w32(&rig, 0x20, 0xd);
	CHECK_EQ(rig_write(&rig, 32, 0x5000), -EFAULT);
	CHECK_HEX(r32(&rig, 0x100a8), 2);
	rig_close(&rig);

	rig_open(&rig, &rig_default);
	rig.strtab = UINT64_C(0x8000000000);
	rig_enable(&rig);
	CHECK_EQ(rig_write(&rig, 3, 0x5000), -EFAULT);
	rig_check_event(&rig, 0x03 | SID(3), 0, 0, UINT64_C(0x80000000c0));
	rig_close(&rig);
}

/* SPLIT 6: a level-1 descriptor for 64 streams. The second one has 8 STEs, the third none, the fourth is too large. */
static void two_level_stream_table(void)
{
	struct rig rig;
	uint64_t l1, l2;

	rig_open(&rig, &rig_default);
	l1 = rig_pages(&rig, 4096);
	l2 = rig_pages(&rig, 4096);
	rig.strtab = l1;
	rig.strtab_lg2 = 0x10000 | 6 << 6 | 8;
	rig_put(&rig, l1, 1, l2 | 4);
	rig_put(&rig, l1, 3, l2 | 8);
	rig_put(&rig, l2 + 64 * 7, 0, 0x9);
	rig_enable(&rig);
	CHECK_EQ(rig_write(&rig, 64 + 7, rig.msi), 0);
	CHECK_EQ(rig_write(&rig, 64 + 8, rig.msi), -EFAULT);
	rig_check_event(&rig, 0x02 | SID(72), 0, 0, 0);
	CHECK_EQ(rig_write(&rig, 128, rig.msi), -EFAULT);
	rig_check_event(&rig, 0x02 | SID(128), 0, 0, 0);
	CHECK_EQ(rig_write(&rig, 192, rig.msi), -EFAULT);
	rig_check_event(&rig, 0x02 | SID(192), 0, 0, 0);
	CHECK_EQ(rig_write(&rig, 64 + 6, rig.msi), -EFAULT);
	rig_check_event(&rig, 0x04 | SID(70), 0, 0, 0);
	rig_check_clean(&rig);
	rig_put(&rig, l1, 0, (l2 + 64) | 3); /* four STEs, not aligned to them */
	CHECK_EQ(rig_write(&rig, 1, rig.msi), -EFAULT);
	CHECK_EQ(rig_counts(&rig).reserved_errors, 1);
	CHECK_HAS(rig_complaint(&rig), "level 1");
	rig_close(&rig);
}

static void split_of_8_and_its_widest_span(void)
{
	struct rig rig;
	uint64_t l1, l2;

	rig_open(&rig, &rig_default);
	l1 = rig_pages(&rig, 4096);
	l2 = rig_pages(&rig, 16384);
	rig.strtab = l1;
	rig.strtab_lg2 = 0x10000 | 8 << 6 | 16;
	rig_put(&rig, l1, 0x12, l2 | 9);
	rig_put(&rig, l2 + 64 * 0xff, 0, 0x9);
	rig_enable(&rig);
	CHECK_EQ(rig_write(&rig, 0x12ff, rig.msi), 0);
	rig_check_clean(&rig);
	rig_close(&rig);
}

/* Word 0, 1, 2, 3 of an STE that is otherwise good, with some bits changed. */
struct change {
	unsigned word;
	uint64_t clear, set;
	const char *says; /* part of the complaint; NULL: none */
};

static void check_bad(const struct change *change, bool is_stage2, bool in_cd, unsigned event)
{
	struct rig rig;
	uint64_t table, at;

	rig_open(&rig, &rig_default);
	rig_enable(&rig);
	table = rig_pages(&rig, 4096);
	rig_map(&rig, table, 0x5000, rig.msi | (is_stage2 ? RIG_S2_RW : RIG_S1_RW));
	if (is_stage2) {
		rig_stage2(&rig, 3, table, 1);
		at = rig_ste(&rig, 3);
	} else {
		at = rig_stage1(&rig, 3, table, 1);
		at = in_cd ? at : rig_ste(&rig, 3);
	}
	rig_put(&rig, at, change->word, (rig_get(&rig, at, change->word) & ~change->clear) | change->set);
	CHECK_EQ(rig_write(&rig, 3, 0x5000), event ? -EFAULT : 0);
	if (event)
		rig_check_event(&rig, event | SID(3), 0, 0, 0);
	if (change->says)
		CHECK_HAS(rig_complaint(&rig), change->says);
	else
		CHECK_EQ(strcmp(rig_complaint(&rig), ""), 0);
	CHECK_EQ(rig_counts(&rig).reserved_errors, change->says && !event && !strstr(change->says, "past") ? 1 : 0);
	rig_close(&rig);
}

static void illegal_stage_1_stes(void)
{
	static const struct change changes[] = {
		{ 0, 1, 0, NULL },
		{ 0, 0, UINT64_C(1) << 59, "S1CDMax" },
		{ 1, 0, UINT64_C(2) << 30, "STRW" },
		{ 0, 0, UINT64_C(1) << 45, "S1ContextPtr" },
	};

	for (unsigned i = 0; i < COUNT(changes); i++)
		check_bad(&changes[i], false, false, 0x04);
}

static void illegal_stage_2_stes(void)
{
	static const struct change changes[] = {
		{ 2, UINT64_C(1) << 51, 0, "S2AA64" },
		{ 2, 0, UINT64_C(1) << 52, "S2ENDI" },
		{ 2, 0, UINT64_C(1) << 57, "S2S" },
		{ 2, 0, UINT64_C(3) << 46, "S2TG" },
		{ 2, UINT64_C(0x3f) << 32, UINT64_C(40) << 32, "S2T0SZ is out" }, /* 24 bits */
		{ 2, UINT64_C(0x3f) << 32, UINT64_C(19) << 32, "S2T0SZ is out" }, /* 45 bits on 44 */
		{ 2, UINT64_C(3) << 38, 0, "S2SL0" },                             /* 39 bits from level 2 */
		{ 2, UINT64_C(0x3f) << 32, UINT64_C(34) << 32, "S2SL0" },         /* 30 bits from level 1 */
		{ 3, 0, UINT64_C(1) << 44, "S2TTB" },
	};

	for (unsigned i = 0; i < COUNT(changes); i++)
		check_bad(&changes[i], true, false, 0x04);
}

static void illegal_cds(void)
{
	static const struct change changes[] = {
		{ 0, UINT64_C(1) << 31, 0, NULL },
		{ 0, UINT64_C(1) << 41, 0, "AA64" },
		{ 0, 0, UINT64_C(1) << 44, "S on a unit" },
		{ 0, UINT64_C(1) << 46, 0, "A is 0" },
		{ 0, UINT64_C(1) << 30, 0, "EPD1" },
		{ 0, 0, UINT64_C(1) << 15, "ENDI" },
		{ 0, 0, UINT64_C(3) << 6, "TG0" },
		{ 0, 0x3f, 40, "T0SZ" },
		{ 0, 0x3f, 15, "T0SZ" },
		{ 1, 0, UINT64_C(1) << 44, "TTB0" },
	};

	for (unsigned i = 0; i < COUNT(changes); i++)
		check_bad(&changes[i], false, true, 0x0a);
}

/* They do no harm on this hardware, and are counted. */
static void reserved_bits_of_entries(void)
{
	static const struct change ste[] = { { 0, 0, UINT64_C(1) << 52, "word 0" },
					     { 1, 0, UINT64_C(1) << 13, "word 1" },
					     { 1, 0, UINT64_C(1) << 28, "word 1" },
					     { 4, 0, 1, "word 4" },
					     { 7, 0, UINT64_C(1) << 63, "word 7" } };
	static const struct change s2[] = { { 2, 0, UINT64_C(1) << 55, "word 2" },
					    { 2, UINT64_C(2) << 44, 0, "word 2" },
					    { 3, 0, UINT64_C(1) << 52, "word 3" },
					    { 3, 0, 0x10, "word 3" } };
	static const struct change cd[] = { { 0, 0, UINT64_C(1) << 43, "word 0" },
					    { 1, 0, UINT64_C(1) << 60, "word 1" },
					    { 1, 0, 0x800, "word 1" },
					    { 5, 0, 1, "word 5" } };

	for (unsigned i = 0; i < COUNT(ste); i++)
		check_bad(&ste[i], false, false, 0);
	for (unsigned i = 0; i < COUNT(s2); i++)
		check_bad(&s2[i], true, false, 0);
	for (unsigned i = 0; i < COUNT(cd); i++)
		check_bad(&cd[i], false, true, 0);
}

static void unit_that_snoops_reads_through_the_caches(void)
{
	static const struct change ste = { 1, 0xff, 0, "past the caches" }, cd = { 0, 0x300, 0, "past the caches" },
				   s2 = { 2, UINT64_C(3) << 44, 0, "past the caches" };

	check_bad(&ste, false, false, 0);
	check_bad(&cd, false, true, 0);
	check_bad(&s2, true, false, 0);
}

static void stages_that_the_unit_does_not_have(void)
{
	struct smmuv3_model_config config = rig_default;
	struct rig rig;

	config.s2 = false;
	rig_open(&rig, &config);
	rig_enable(&rig);
	rig_stage2(&rig, 1, rig_pages(&rig, 4096), 0);
	CHECK_EQ(rig_write(&rig, 1, 0x5000), -EFAULT);
	rig_check_event(&rig, 0x04 | SID(1), 0, 0, 0);
	rig_close(&rig);
	config.s1 = false;
	config.s2 = true;
	rig_open(&rig, &config);
	rig_enable(&rig);
	rig_stage1(&rig, 1, rig_pages(&rig, 4096), 0);
	CHECK_EQ(rig_write(&rig, 1, 0x5000), -EFAULT);
	rig_check_event(&rig, 0x04 | SID(1), 0, 0, 0);
	rig_close(&rig);
}

static void cd_in_no_memory(void)
{
	struct rig rig;

	set(&rig);
	rig_put(&rig, rig_ste(&rig, 3), 1, 0xd4);
	rig_put(&rig, rig_ste(&rig, 3), 0, UINT64_C(0x8000000040) | 0xb);
	CHECK_EQ(rig_write(&rig, 3, 0x5000), -EFAULT);
	rig_check_event(&rig, 0x09 | SID(3), 0, 0, UINT64_C(0x8000000040));
	rig_close(&rig);
}

static void stage_1_and_its_faults(void)
{
	struct rig rig;
	uint64_t table, page;

	set(&rig);
	table = rig_pages(&rig, 4096);
	page = rig_pages(&rig, 4096);
	rig_map(&rig, table, 0x5000, page | RIG_S1_RW);
	rig_map(&rig, table, 0x6000, page | (RIG_S1_RW & ~UINT64_C(0x400))); /* AF */
	rig_map(&rig, table, 0x7000, page | RIG_S1_RW | 0x80);               /* read-only */
	rig_map(&rig, table, 0x8000, page | (RIG_S1_RW & ~UINT64_C(0x40)));  /* privileged only */
	rig_map(&rig, table, 0x9000, (UINT64_C(1) << 44) | RIG_S1_RW);       /* too high */
	rig_put(&rig, table, 0x100, UINT64_C(0x8000000003));                 /* a table where no memory is */
	rig_stage1(&rig, 3, table, 9);
	CHECK_EQ(rig_lands(&rig, 3, 0x5128, page + 0x128), true);
	CHECK_EQ(rig_read(&rig, 3, 0x5000), 0);
	CHECK_EQ(rig_write(&rig, 3, 0xa123), -EFAULT);
	rig_check_event(&rig, 0x10 | SID(3), CLASS_IN, 0xa123, 0);
	CHECK_EQ(rig_read(&rig, 3, UINT64_C(1) << 39), -EFAULT);
	rig_check_event(&rig, 0x10 | SID(3), CLASS_IN | RNW, UINT64_C(1) << 39, 0);
	CHECK_EQ(rig_write(&rig, 3, 0x6000), -EFAULT);
	rig_check_event(&rig, 0x12 | SID(3), CLASS_IN, 0x6000, 0);
	CHECK_EQ(rig_read(&rig, 3, 0x7000), 0);
	CHECK_EQ(rig_write(&rig, 3, 0x7000), -EFAULT);
	rig_check_event(&rig, 0x13 | SID(3), CLASS_IN, 0x7000, 0);
	CHECK_EQ(rig_read(&rig, 3, 0x8000), -EFAULT);
	rig_check_event(&rig, 0x13 | SID(3), CLASS_IN | RNW, 0x8000, 0);
	CHECK_EQ(rig_write(&rig, 3, 0x9000), -EFAULT);
	rig_check_event(&rig, 0x11 | SID(3), CLASS_IN, 0x9000, 0);
	CHECK_EQ(rig_write(&rig, 3, UINT64_C(0x4000005000)), -EFAULT);
	rig_check_event(&rig, 0x0b | SID(3), CLASS_TT, UINT64_C(0x4000005000), UINT64_C(0x8000000000));
	rig_check_clean(&rig);
	CHECK_EQ(rig_counts(&rig).stale_hits, 0);
	rig_close(&rig);
}

static void cd_says_what_is_recorded_and_looked_at(void)
{
	struct rig rig;
	uint64_t table, cd, page;

	set(&rig);
	table = rig_pages(&rig, 4096);
	page = rig_pages(&rig, 4096);
	rig_map(&rig, table, 0x5000, page | (RIG_S1_RW & ~UINT64_C(0x440)));
	cd = rig_stage1(&rig, 3, table, 9);
	rig_put(&rig, cd, 0, (rig_get(&rig, cd, 0) & ~(UINT64_C(1) << 45)) | UINT64_C(1) << 35);    /* R off, AFFD on */
	rig_put(&rig, rig_ste(&rig, 3), 1, rig_get(&rig, rig_ste(&rig, 3), 1) | UINT64_C(3) << 48); /* privileged */
	CHECK_EQ(rig_write(&rig, 3, 0x5000), 0);
	CHECK_EQ(rig_write(&rig, 3, 0x6000), -EFAULT);
	CHECK_HEX(r32(&rig, 0x100a8), 0);
	CHECK_EQ(rig_write(&rig, 3, UINT64_C(0xab00000000005000)), -EFAULT);

	cd = rig_stage1(&rig, 4, table, 9);
	rig_put(&rig, cd, 0, rig_get(&rig, cd, 0) | UINT64_C(1) << 38 | UINT64_C(1) << 35); /* TBI0 */
	rig_put(&rig, rig_ste(&rig, 4), 1, rig_get(&rig, rig_ste(&rig, 4), 1) | UINT64_C(3) << 48);
	CHECK_EQ(rig_lands(&rig, 4, UINT64_C(0xab00000000005008), page + 8), true);

	cd = rig_stage1(&rig, 5, table, 9);
	rig_put(&rig, cd, 0, rig_get(&rig, cd, 0) | 0x4000); /* EPD0 */
	CHECK_EQ(rig_write(&rig, 5, 0x5000), -EFAULT);
	rig_check_event(&rig, 0x10 | SID(5), CLASS_IN, 0x5000, 0);
	rig_check_clean(&rig);
	rig_close(&rig);
}

static void stage_2_and_its_faults(void)
{
	struct rig rig;
	uint64_t table, page;

	set(&rig);
	table = rig_pages(&rig, 4096);
	page = rig_pages(&rig, 4096);
	rig_map(&rig, table, 0x5000, page | RIG_S2_RW);
	rig_map(&rig, table, 0x6000, page | (RIG_S2_RW & ~UINT64_C(0x40))); /* write-only */
	rig_stage2(&rig, 3, table, 9);
	CHECK_EQ(rig_lands(&rig, 3, 0x5128, page + 0x128), true);
	CHECK_EQ(rig_write(&rig, 3, 0x6000), 0);
	CHECK_EQ(rig_read(&rig, 3, 0x6008), -EFAULT);
	rig_check_event(&rig, 0x13 | SID(3), CLASS_IN | RNW | S2, 0x6008, 0x6000);
	CHECK_EQ(rig_write(&rig, 3, 0x7008), -EFAULT);
	rig_check_event(&rig, 0x10 | SID(3), CLASS_IN | S2, 0x7008, 0x7000);
	CHECK_EQ(rig_write(&rig, 3, UINT64_C(1) << 39), -EFAULT);
	rig_check_event(&rig, 0x10 | SID(3), CLASS_IN | S2, UINT64_C(1) << 39, UINT64_C(1) << 39);
	CHECK_EQ(rig_write(&rig, 3, UINT64_C(1) << 44), -EFAULT);
	rig_check_event(&rig, 0x11 | SID(3), CLASS_IN, UINT64_C(1) << 44, 0);
	rig_check_clean(&rig);
	rig_close(&rig);
}

/* Stage 1's tables and the CD are at their address + 0x40000000 for the unit. */
static void nested_stages(void)
{
	const uint64_t off = 0x40000000;
	struct rig rig;
	uint64_t s1, s2, page, cd, ste;

	set(&rig);
	ste = rig_ste(&rig, 3);
	s1 = rig_pages(&rig, 4096);
	s2 = rig_pages(&rig, 4096);
	page = rig_pages(&rig, 4096);
	rig_map(&rig, s1, 0x5000, 0x9000 | RIG_S1_RW);
	rig_map(&rig, s1, 0x6000, 0xa000 | RIG_S1_RW);
	for (uint64_t at = rig.mem.ram_base; at < rig.mem.ram_base + 0x40000; at += 4096)
		rig_map(&rig, s2, at + off, at | RIG_S2_RW);
	rig_map(&rig, s2, 0x9000, page | RIG_S2_RW);
	/* Tables point at intermediate addresses. */
	for (uint64_t table = s1, i = 0; i < 2; i++) {
		uint64_t next = rig_get(&rig, table, 0) & UINT64_C(0xfffffffff000);

		rig_put(&rig, table, 0, (next + off) | 3);
		table = next;
	}
	cd = rig_stage1(&rig, 3, s1 + off, 9);
	rig_stage2(&rig, 3, s2, 7);
	rig_put(&rig, ste, 1, UINT64_C(0x1000000000d4));
	rig_put(&rig, ste, 0, (cd + off) | 0xf);
	CHECK_EQ(rig_lands(&rig, 3, 0x5128, page + 0x128), true);
	CHECK_EQ(rig_write(&rig, 3, 0x6010), -EFAULT);
	rig_check_event(&rig, 0x10 | SID(3), CLASS_IN | S2, 0x6010, 0xa000);
	CHECK_EQ(rig_write(&rig, 3, 0x7010), -EFAULT);
	rig_check_event(&rig, 0x10 | SID(3), CLASS_IN, 0x7010, 0);
	rig_put(&rig, s1, 1, 0xb003); /* a table that stage 2 does not map */
	CHECK_EQ(rig_write(&rig, 3, off), -EFAULT);
	rig_check_event(&rig, 0x10 | SID(3), CLASS_TT | S2, off, 0xb000);
	rig_put(&rig, ste, 0, UINT64_C(0xc040) | 0xf);
	rig_order(&rig, 0x3 | SID(3), 1);
	CHECK_EQ(rig_read(&rig, 3, 0x5000), -EFAULT);
	rig_check_event(&rig, 0x10 | SID(3), S2 | RNW, 0x5000, 0xc000); /* class 0: the CD */
	CHECK_EQ(rig_counts(&rig).stale_hits, 0);
	rig_check_clean(&rig);
	rig_close(&rig);
}

/* Another granule in each stage, blocks, concatenated tables of stage 2. */
static void other_granules(void)
{
	struct rig rig;
	uint64_t table, block, cd;

	set(&rig);
	block = align_up(rig.mem.ram_base, 0x200000);
	table = rig_pages(&rig, 0x10000);
	cd = rig_stage1(&rig, 3, table, 1);
	rig_put(&rig, cd, 0, (rig_get(&rig, cd, 0) & ~UINT64_C(0xff)) | 22 | 1 << 6); /* 64K, 42 bits */
	rig_put(&rig, table, 1, align_down(rig.mem.ram_base, UINT64_C(1) << 29) + 0xf41);
	CHECK_EQ(rig_lands(&rig, 3, 0x20000000 + (rig.msi - rig.mem.ram_base), rig.msi), true);

	cd = rig_stage1(&rig, 4, table, 2);
	rig_put(&rig, cd, 0, (rig_get(&rig, cd, 0) & ~UINT64_C(0xff)) | 28 | 2 << 6); /* 16K, 36 bits */
	rig_put(&rig, table, 2, align_down(rig.mem.ram_base, UINT64_C(1) << 25) + 0xf41);
	CHECK_EQ(rig_lands(&rig, 4, 0x4000000 + (rig.msi - rig.mem.ram_base), rig.msi), true);

	table = rig_pages(&rig, 0x4000); /* 41 bits from level 1: four tables */
	rig_stage2(&rig, 5, table, 3);
	rig_put(&rig, rig_ste(&rig, 5), 2, (rig_get(&rig, rig_ste(&rig, 5), 2) & ~(UINT64_C(0x3f) << 32)) | UINT64_C(23) << 32);
	rig_put(&rig, table, 0x7ff, align_down(block, UINT64_C(1) << 30) | 0x7fd);
	CHECK_EQ(rig_lands(&rig, 5, UINT64_C(0x1ffc0000000) + (rig.msi & 0x3fffffff), rig.msi), true);
	rig_check_clean(&rig);
	rig_close(&rig);
}

static void granules_that_the_unit_does_not_have(void)
{
	struct smmuv3_model_config config = rig_default;
	struct rig rig;

	config.granule_4k = false;
	rig_open(&rig, &config);
	rig_enable(&rig);
	rig_stage1(&rig, 3, rig_pages(&rig, 4096), 1);
	rig_stage2(&rig, 4, rig_pages(&rig, 4096), 1);
	CHECK_EQ(rig_write(&rig, 3, 0x5000), -EFAULT);
	rig_check_event(&rig, 0x0a | SID(3), 0, 0, 0);
	CHECK_EQ(rig_write(&rig, 4, 0x5000), -EFAULT);
	rig_check_event(&rig, 0x04 | SID(4), 0, 0, 0);
	rig_close(&rig);
}

/* 52 bits in, 52 out: 64K granule, level 1 has 1024 entries. */
static void addresses_of_52_bits(void)
{
	struct smmuv3_model_config config = rig_default;
	struct rig rig;
	uint64_t table, cd;

	config.oas = 52;
	config.vax = true;
	rig_open(&rig, &config);
	rig_enable(&rig);
	table = rig_pages(&rig, 0x2000);
	cd = rig_stage1(&rig, 3, table, 1);
	rig_put(&rig, cd, 0, (rig_get(&rig, cd, 0) & ~UINT64_C(0x7000000ff)) | 12 | 1 << 6 | UINT64_C(6) << 32);
	rig_put(&rig, table, 0x3ff, 0xf41); /* 4 TiB from 0 */
	rig_put(&rig, table, 0x3fe, UINT64_C(0xff41));
	CHECK_EQ(rig_lands(&rig, 3, UINT64_C(0xffc0000000000) + rig.msi, rig.msi), true);
	CHECK_EQ(rig_write(&rig, 3, UINT64_C(0xff80000000000)), -EIO); /* at 0xf << 48 */
	rig_check_clean(&rig);
	rig_close(&rig);
}

static void reserved_bits_of_table_entries_are_counted(void)
{
	struct rig rig;
	uint64_t table;

	set(&rig);
	table = rig_pages(&rig, 4096);
	rig_map(&rig, table, 0x5000, rig.msi | RIG_S1_RW | UINT64_C(1) << 50);
	rig_stage1(&rig, 3, table, 1);
	CHECK_EQ(rig_write(&rig, 3, 0x5000), 0);
	CHECK_EQ(rig_counts(&rig).reserved_errors, 1);
	CHECK_HAS(rig_complaint(&rig), "0x4000000000000");
	rig_close(&rig);
}

static void contiguous_group_that_does_not_agree_is_counted(void)
{
	struct rig rig;
	uint64_t table, group;

	set(&rig);
	table = rig_pages(&rig, 4096);
	group = rig_pages(&rig, 0x10000);
	for (uint64_t i = 0; i < 16; i++)
		rig_map(&rig, table, 0x10000 + i * 0x1000, (group + i * 0x1000) | RIG_S1_RW | UINT64_C(1) << 52);
	rig_stage1(&rig, 3, table, 1);
	CHECK_EQ(rig_lands(&rig, 3, 0x13000, group + 0x3000), true);
	rig_check_clean(&rig);
	rig_map(&rig, table, 0x17000, (group + 0x7000) | RIG_S1_RW);
	rig_order(&rig, 0x30, 0);
	CHECK_EQ(rig_write(&rig, 3, 0x13000), 0);
	CHECK_EQ(rig_counts(&rig).reserved_errors, 1);
	CHECK_HAS(rig_complaint(&rig), "does not agree");
	rig_close(&rig);
}

static void structures_before_their_write_back_are_counted(void)
{
	struct rig rig;
	uint64_t table, leaf;

	rig_open_noncoherent(&rig, &rig_default);
	rig_enable(&rig);
	table = rig_pages(&rig, 4096);
	leaf = rig_map(&rig, table, 0x5000, 0);
	rig_stage1(&rig, 3, table, 1);
	rig_put_dirty(&rig, leaf, 0, rig.msi | RIG_S1_RW);
	CHECK_EQ(rig_write(&rig, 3, 0x5000), -EFAULT);
	CHECK_EQ(rig_counts(&rig).unflushed, 1);
	CHECK_HAS(rig_complaint(&rig), "before its write-back");
	rig_put(&rig, leaf, 0, rig.msi | RIG_S1_RW);
	rig_put_dirty(&rig, leaf, 0, rig.msi | RIG_S1_RW | UINT64_C(1) << 55); /* a mark of software's own */
	CHECK_EQ(rig_write(&rig, 3, 0x5000), 0);
	CHECK_EQ(rig_counts(&rig).unflushed, 1);
	rig_put_dirty(&rig, rig_ste(&rig, 4), 0, 0x9);
	CHECK_EQ(rig_write(&rig, 4, rig.msi), -EFAULT);
	CHECK_EQ(rig_counts(&rig).unflushed, 2);
	rig_close(&rig);
}

static const struct suite_test tests[] = {
	SUITE_TEST(abort_and_bypass),
	SUITE_TEST(unknown_streams),
	SUITE_TEST(two_level_stream_table),
	SUITE_TEST(split_of_8_and_its_widest_span),
	SUITE_TEST(illegal_stage_1_stes),
	SUITE_TEST(illegal_stage_2_stes),
	SUITE_TEST(illegal_cds),
	SUITE_TEST(reserved_bits_of_entries),
	SUITE_TEST(unit_that_snoops_reads_through_the_caches),
	SUITE_TEST(stages_that_the_unit_does_not_have),
	SUITE_TEST(cd_in_no_memory),
	SUITE_TEST(stage_1_and_its_faults),
	SUITE_TEST(cd_says_what_is_recorded_and_looked_at),
	SUITE_TEST(stage_2_and_its_faults),
	SUITE_TEST(nested_stages),
	SUITE_TEST(other_granules),
	SUITE_TEST(granules_that_the_unit_does_not_have),
	SUITE_TEST(addresses_of_52_bits),
	SUITE_TEST(reserved_bits_of_table_entries_are_counted),
	SUITE_TEST(contiguous_group_that_does_not_agree_is_counted),
	SUITE_TEST(structures_before_their_write_back_are_counted),
};

int main(int argc, char **argv)
{
	return suite_run(argc, argv, "sim_smmuv3_translate", tests, COUNT(tests));
}
