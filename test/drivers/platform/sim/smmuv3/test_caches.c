/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The SMMUv3 model's caches forget nothing until told to, and then exactly what the command names (specification 4.3, 4.4). Each test
 * changes memory, sees the stale answer, invalidates beside the target, sees it again, invalidates the target.
 */
#include <errno.h>

#include "rig.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define SID(sid) ((uint64_t)(sid) << 32)
#define VMID(vmid) ((uint64_t)(vmid) << 32)
#define ASID(asid) ((uint64_t)(asid) << 48)
#define NH_ALL UINT64_C(0x10)
#define NH_ASID UINT64_C(0x11)
#define NH_VA UINT64_C(0x12)
#define NH_VAA UINT64_C(0x13)
#define S12_VMALL UINT64_C(0x28)
#define S2_IPA UINT64_C(0x2a)
#define NSNH_ALL UINT64_C(0x30)

/* Streams 1 and 2 in stage 1 (ASIDs 5 and 6), 3 in stage 2 (VMID 7); each maps iova 0x5000 to the page. */
struct scene {
	struct rig rig;
	uint64_t page, table[4], leaf[4], cd[4];
};

static void set(struct scene *s, const struct smmuv3_model_config *config)
{
	rig_open(&s->rig, config);
	rig_enable(&s->rig);
	s->page = rig_pages(&s->rig, 4096);
	for (unsigned i = 1; i <= 3; i++) {
		s->table[i] = rig_pages(&s->rig, 4096);
		s->leaf[i] = rig_map(&s->rig, s->table[i], 0x5000, s->page | (i == 3 ? RIG_S2_RW : RIG_S1_RW));
	}
	s->cd[1] = rig_stage1(&s->rig, 1, s->table[1], 5);
	s->cd[2] = rig_stage1(&s->rig, 2, s->table[2], 6);
	rig_stage2(&s->rig, 3, s->table[3], 7);
}

static void strike(struct scene *s)
{
	rig_check_clean(&s->rig);
	rig_close(&s->rig);
}

static bool lands(struct scene *s, unsigned sid, uint64_t iova)
{
	uint64_t record[4];
	bool good = rig_lands(&s->rig, sid, iova, s->page + (iova & 0xfff));

	rig_take_event(&s->rig, record);
	return good;
}

/* All three streams go through once, then nothing maps 0x5000 any more. */
static void fill_and_clear(struct scene *s)
{
	for (unsigned i = 1; i <= 3; i++)
		CHECK_EQ(lands(s, i, 0x5000), true);
	for (unsigned i = 1; i <= 3; i++)
		rig_put(&s->rig, s->leaf[i], 0, 0);
}

/* Which of streams 1 (bit 0), 2 and 3 still go through. */
static unsigned alive(struct scene *s)
{
	return (unsigned)lands(s, 1, 0x5000) | (unsigned)lands(s, 2, 0x5000) << 1 | (unsigned)lands(s, 3, 0x5000) << 2;
}

static void cleared_leaf_is_served_until_it_is_invalidated(void)
{
	struct scene s;

	set(&s, &rig_default);
	CHECK_EQ(lands(&s, 1, 0x5000), true);
	rig_put(&s.rig, s.leaf[1], 0, 0);
	CHECK_EQ(rig_counts(&s.rig).stale_hits, 0);
	CHECK_EQ(lands(&s, 1, 0x5000), true);
	CHECK_EQ(rig_counts(&s.rig).stale_hits, 1);
	CHECK_EQ(rig_counts(&s.rig).tlb_hits, 1);
	CHECK_EQ(rig_counts(&s.rig).tlb_misses, 1);
	rig_order(&s.rig, NH_VA | ASID(5), 0x5001);
	CHECK_EQ(lands(&s, 1, 0x5000), false);
	CHECK_EQ(rig_counts(&s.rig).stale_hits, 1);
	CHECK_EQ(rig_counts(&s.rig).tlb_invalidations, 1);
	strike(&s);
}

static void each_command_drops_what_it_names(void)
{
	static const struct {
		uint64_t lo, hi;
		unsigned alive;
	} commands[] = {
		{ NH_VA | ASID(5), 0x4001, 7 },
		{ NH_VA | ASID(5), 0x6001, 7 },
		{ NH_VA | ASID(9), 0x5001, 7 },
		{ NH_VA | ASID(5) | VMID(7), 0x5001, 7 },
		{ NH_VA | ASID(5), 0x5001, 6 },
		{ NH_VA | ASID(5), 0x5000, 6 },
		{ NH_VAA, 0x6001, 7 },
		{ NH_VAA | VMID(7), 0x5001, 7 },
		{ NH_VAA, 0x5001, 4 },
		{ NH_ASID | ASID(6), 0, 5 },
		{ NH_ASID | ASID(6) | VMID(7), 0, 7 },
		{ NH_ALL, 0, 4 },
		{ NH_ALL | VMID(7), 0, 7 },
		{ S2_IPA | VMID(7), 0x5001, 3 },
		{ S2_IPA | VMID(8), 0x5001, 7 },
		{ S2_IPA | VMID(7), 0x6001, 7 },
		{ S12_VMALL | VMID(7), 0, 3 },
		{ S12_VMALL, 0, 4 },
		{ NSNH_ALL, 0, 0 },
		{ 0x3 | SID(1), 1, 7 },
	};

	for (unsigned i = 0; i < COUNT(commands); i++) {
		struct scene s;

		set(&s, &rig_default);
		fill_and_clear(&s);
		CHECK_EQ(alive(&s), 7);
		rig_order(&s.rig, commands[i].lo, commands[i].hi);
		CHECK_EQ(alive(&s), commands[i].alive);
		strike(&s);
	}
}

/* nG = 0: of all ASIDs, so an ASID's invalidation spares it and any ASID's address hits it. */
static void global_entries(void)
{
	struct scene s;

	set(&s, &rig_default);
	rig_put(&s.rig, s.leaf[1], 0, s.page | (RIG_S1_RW & ~UINT64_C(0x800)));
	CHECK_EQ(lands(&s, 1, 0x5000), true);
	rig_put(&s.rig, s.leaf[1], 0, 0);
	rig_put(&s.rig, s.leaf[2], 0, 0);
	CHECK_EQ(lands(&s, 2, 0x5000), true); /* found under another ASID */
	rig_order(&s.rig, NH_ASID | ASID(5), 0);
	CHECK_EQ(lands(&s, 1, 0x5000), true);
	rig_order(&s.rig, NH_VA | ASID(99), 0x5001);
	CHECK_EQ(lands(&s, 1, 0x5000), false);
	strike(&s);
}

/* Leaf only: tables are remembered. The page moves to another table; with Leaf = 1 the old one is still read. */
static void leaf_only_spares_the_tables(void)
{
	for (unsigned i = 1; i <= 3; i += 2) {
		const uint64_t command = i == 1 ? NH_VA | ASID(5) : S2_IPA | VMID(7);
		struct scene s;
		uint64_t level2, other;

		set(&s, &rig_default);
		CHECK_EQ(lands(&s, i, 0x5000), true);
		level2 = rig_get(&s.rig, s.table[i], 0) & UINT64_C(0xfffffffff000);
		other = rig_pages(&s.rig, 4096);
		rig_put(&s.rig, level2, 0, other | 3);
		rig_order(&s.rig, command, 0x5001);
		CHECK_EQ(lands(&s, i, 0x5000), true);
		CHECK_EQ(rig_counts(&s.rig).stale_hits, 1);
		rig_order(&s.rig, command, 0x200001);
		rig_order(&s.rig, command, 0x200000); /* the neighbour's tables, and level 1's */
		CHECK_EQ(lands(&s, i, 0x5000), true);
		rig_order(&s.rig, command, 0x5000);
		CHECK_EQ(lands(&s, i, 0x5000), false);
		strike(&s);
	}
}

/* Two streams of one ASID share what is remembered: the second one's first request is stale. */
static void tables_are_shared_by_tag(void)
{
	struct scene s;
	uint64_t level2;

	set(&s, &rig_default);
	CHECK_EQ(lands(&s, 1, 0x5000), true);
	level2 = rig_get(&s.rig, s.table[1], 0) & UINT64_C(0xfffffffff000);
	rig_map(&s.rig, s.table[1], 0x6000, s.page | RIG_S1_RW);
	rig_put(&s.rig, level2, 0, rig_pages(&s.rig, 4096) | 3);
	rig_stage1(&s.rig, 4, s.table[1], 5);
	CHECK_EQ(lands(&s, 4, 0x6000), true);
	CHECK_EQ(rig_counts(&s.rig).stale_hits, 1);
	strike(&s);
}

static void tables_go_with_their_tag(void)
{
	static const uint64_t commands[] = { NH_ASID | ASID(5), NH_ALL, NSNH_ALL, S12_VMALL };

	for (unsigned i = 0; i < COUNT(commands); i++) {
		struct scene s;
		uint64_t level2;

		set(&s, &rig_default);
		CHECK_EQ(lands(&s, 1, 0x5000), true);
		level2 = rig_get(&s.rig, s.table[1], 0) & UINT64_C(0xfffffffff000);
		rig_put(&s.rig, level2, 0, rig_pages(&s.rig, 4096) | 3);
		rig_order(&s.rig, commands[i], 0);
		CHECK_EQ(lands(&s, 1, 0x5000), false);
		strike(&s);
	}
}

/* Any address of a block names it; so a block goes with one command. */
static void block_goes_with_any_of_its_addresses(void)
{
	struct scene s;
	uint64_t level2, block;

	set(&s, &rig_default);
	level2 = rig_get(&s.rig, s.table[1], 0) & UINT64_C(0xfffffffff000);
	block = s.page & ~UINT64_C(0x1fffff);
	rig_put(&s.rig, level2, 3, block | 0xf41);
	CHECK_EQ(lands(&s, 1, 0x600000 + (s.page - block)), true);
	rig_put(&s.rig, level2, 3, 0);
	rig_order(&s.rig, NH_VA | ASID(5), 0x5ff001);
	CHECK_EQ(lands(&s, 1, 0x600000 + (s.page - block)), true);
	rig_order(&s.rig, NH_VA | ASID(5), 0x7ff001);
	CHECK_EQ(lands(&s, 1, 0x600000 + (s.page - block)), false);
	strike(&s);
}

/* A group is remembered whole and dropped piece by piece (Arm ARM D8.7). */
static void contiguous_group_is_remembered_whole(void)
{
	struct scene s;
	uint64_t group;

	set(&s, &rig_default);
	group = rig_pages(&s.rig, 0x10000);
	for (uint64_t i = 0; i < 16; i++)
		rig_map(&s.rig, s.table[1], 0x10000 + i * 0x1000, (group + i * 0x1000) | RIG_S1_RW | UINT64_C(1) << 52);
	CHECK_EQ(rig_lands(&s.rig, 1, 0x13000, group + 0x3000), true);
	for (uint64_t i = 0; i < 16; i++)
		rig_map(&s.rig, s.table[1], 0x10000 + i * 0x1000, 0);
	CHECK_EQ(rig_lands(&s.rig, 1, 0x1f000, group + 0xf000), true);
	rig_order(&s.rig, NH_VA | ASID(5), 0x1f001);
	CHECK_EQ(rig_lands(&s.rig, 1, 0x1f000, group + 0xf000), false);
	CHECK_EQ(rig_lands(&s.rig, 1, 0x10000, group), true);
	rig_order(&s.rig, NH_VA | ASID(5) | 15 << 12, 0x10701); /* 16 pages of 4K, level 3 */
	CHECK_EQ(rig_lands(&s.rig, 1, 0x10000, group), false);
	strike(&s);
}

/* TG 1 is 4K. (NUM + 1) << SCALE pages from the address on; TTL is the level that leaves are of. */
static void ranges_name_pages(void)
{
	static const struct {
		uint64_t lo, hi;
		bool hit;
	} ranges[] = {
		{ 0, 0x5000 | 1 << 10 | 3 << 8, true },
		{ 0, 0x5000 | 1 << 10 | 2 << 8, false }, /* blocks of 2M only */
		{ 0, 0x5000 | 3 << 10 | 3 << 8, false }, /* 64K pages only */
		{ 3 << 12, 0x1000 | 1 << 10, false },    /* 1 to 4 */
		{ 4 << 12, 0x1000 | 1 << 10, true },     /* 1 to 5 */
		{ 1 << 20, 0x4000 | 1 << 10, true },     /* 4, 5 */
		{ 1 << 20, 0x3000 | 1 << 10, false },
		{ 4 << 20 | 31 << 12, 0x6000 | 1 << 10, false },
		{ UINT64_C(31) << 20 | 31 << 12, 1 << 10, true },
	};

	for (unsigned i = 0; i < COUNT(ranges); i++) {
		struct scene s;

		set(&s, &rig_default);
		fill_and_clear(&s);
		rig_order(&s.rig, NH_VA | ASID(5) | ranges[i].lo, ranges[i].hi | 1);
		CHECK_EQ(alive(&s), ranges[i].hit ? 6 : 7);
		rig_order(&s.rig, S2_IPA | VMID(7) | ranges[i].lo, ranges[i].hi | 1);
		CHECK_EQ(alive(&s), ranges[i].hit ? 2 : 7);
		strike(&s);
	}
}

static void faults_are_not_remembered(void)
{
	struct scene s;

	set(&s, &rig_default);
	CHECK_EQ(lands(&s, 1, 0x6000), false);
	rig_map(&s.rig, s.table[1], 0x6000, s.page | RIG_S1_RW);
	CHECK_EQ(lands(&s, 1, 0x6000), true);
	rig_map(&s.rig, s.table[1], UINT64_C(0x4000006000), s.page | RIG_S1_RW); /* tables, too */
	CHECK_EQ(lands(&s, 1, UINT64_C(0x4000006000)), true);
	CHECK_EQ(rig_counts(&s.rig).stale_hits, 0);
	strike(&s);
}

/* V = 0 included. */
static void ste_is_remembered_until_invalidated(void)
{
	static const struct {
		uint64_t lo, hi;
		bool hit;
	} commands[] = {
		{ 0x3 | SID(2), 1, false }, { 0x3 | SID(1), 1, true },  { 0x3 | SID(1), 0, true }, { 0x4 | SID(2), 0, false },
		{ 0x4 | SID(0), 0, true },  { 0x4 | SID(8), 2, false }, { 0x4 | SID(4), 2, true }, { 0x4 | SID(9), 31, true },
		{ 0x5 | SID(1), 1, false }, { NSNH_ALL, 0, false },
	};

	for (unsigned i = 0; i < COUNT(commands); i++) {
		struct scene s;

		set(&s, &rig_default);
		CHECK_EQ(lands(&s, 1, 0x5000), true);
		rig_put(&s.rig, rig_ste(&s.rig, 1), 0, 1);
		CHECK_EQ(lands(&s, 1, 0x5000), true);
		CHECK_EQ(rig_counts(&s.rig).stale_hits, 1);
		rig_order(&s.rig, commands[i].lo, commands[i].hi);
		CHECK_EQ(lands(&s, 1, 0x5000), !commands[i].hit);
		rig_put(&s.rig, rig_ste(&s.rig, 4), 0, 0);
		CHECK_EQ(rig_write(&s.rig, 4, s.page), -EFAULT);
		rig_put(&s.rig, rig_ste(&s.rig, 4), 0, 9);
		CHECK_EQ(rig_write(&s.rig, 4, s.page), -EFAULT);
		rig_order(&s.rig, 0x3 | SID(4), 1);
		CHECK_EQ(rig_write(&s.rig, 4, s.page), 0);
		strike(&s);
	}
}

/* Two streams with one CD: each has a copy of its own. Its V goes, then its ASID. */
static void cd_is_remembered_by_stream(void)
{
	static const struct {
		uint64_t lo, hi;
		bool hit;
	} commands[] = {
		{ 0x5 | SID(1), 1, true }, { 0x5 | SID(1), 0, true },  { 0x6 | SID(1), 0, true },
		{ 0x3 | SID(1), 1, true }, { 0x5 | SID(2), 1, false }, { 0x6 | SID(2), 0, false },
	};

	for (unsigned i = 0; i < COUNT(commands); i++) {
		struct scene s;

		set(&s, &rig_default);
		rig_put(&s.rig, rig_ste(&s.rig, 2), 0, s.cd[1] | 0xb);
		CHECK_EQ(lands(&s, 1, 0x5000) && lands(&s, 2, 0x5000), true);
		rig_put(&s.rig, s.cd[1], 0, rig_get(&s.rig, s.cd[1], 0) & ~UINT64_C(0x80000000));
		CHECK_EQ(lands(&s, 1, 0x5000) && lands(&s, 2, 0x5000), true);
		rig_order(&s.rig, commands[i].lo, commands[i].hi);
		CHECK_EQ(lands(&s, 1, 0x5000), !commands[i].hit);
		CHECK_EQ(lands(&s, 2, 0x5000), commands[i].hit);
		strike(&s);
	}
}

static void level_1_descriptor_is_remembered_unless_leaf_only(void)
{
	struct rig rig;
	uint64_t l1, l2, other;

	rig_open(&rig, &rig_default);
	l1 = rig_pages(&rig, 4096);
	l2 = rig_pages(&rig, 4096);
	other = rig_pages(&rig, 4096);
	rig.strtab = l1;
	rig.strtab_lg2 = 0x10000 | 6 << 6 | 8;
	rig_put(&rig, l1, 1, l2 | 4);
	rig_put(&rig, l2 + 64 * 7, 0, 0x9);
	rig_enable(&rig);
	CHECK_EQ(rig_write(&rig, 71, rig.msi), 0);
	rig_put(&rig, l1, 1, other | 4);
	rig_order(&rig, 0x3 | SID(71), 1);
	CHECK_EQ(rig_write(&rig, 71, rig.msi), 0);
	CHECK_EQ(rig_counts(&rig).stale_hits, 1);
	rig_order(&rig, 0x3 | SID(60), 0);
	rig_order(&rig, 0x3 | SID(130), 0);
	rig_order(&rig, 0x3 | SID(71), 1);
	CHECK_EQ(rig_write(&rig, 71, rig.msi), 0);
	rig_order(&rig, 0x3 | SID(71), 0);
	CHECK_EQ(rig_write(&rig, 71, rig.msi), -EFAULT);
	rig_put(&rig, l1, 2, 0); /* an absent one is not remembered */
	CHECK_EQ(rig_write(&rig, 128, rig.msi), -EFAULT);
	rig_put(&rig, other, 0, 9);
	rig_put(&rig, l1, 2, other | 4);
	rig_order(&rig, 0x3 | SID(128), 1);
	CHECK_EQ(rig_write(&rig, 128, rig.msi), 0);
	rig_check_clean(&rig);
	rig_close(&rig);
}

/* A table becomes a block, and only a page that was not cached is invalidated: the block lies over an entry of the other page. */
static void two_entries_for_one_address_are_a_conflict(void)
{
	uint64_t l2, block;
	struct scene s;

	set(&s, &rig_default);
	block = rig_pages(&s.rig, 2u << 20);
	CHECK_EQ(lands(&s, 1, 0x5000), true);
	l2 = rig_get(&s.rig, s.table[1], 0) & UINT64_C(0xfffffffff000);
	rig_put(&s.rig, l2, 0, block | (RIG_S1_RW & ~UINT64_C(2)));
	rig_order(&s.rig, NH_VA | ASID(5), 0x6000);
	CHECK_EQ(rig_lands(&s.rig, 1, 0x6000, block + 0x6000), true);
	CHECK_EQ(rig_write(&s.rig, 1, 0x5008), -EFAULT);
	rig_check_event(&s.rig, UINT64_C(0x100000020), UINT64_C(2) << 40, 0x5008, 0);
	CHECK_HAS(rig_complaint(&s.rig), "2 TLB entries");
	CHECK_EQ(rig_counts(&s.rig).misuse, 1);
	rig_order(&s.rig, NH_ASID | ASID(5), 0);
	CHECK_EQ(rig_lands(&s.rig, 1, 0x5000, block + 0x5000), true);
	rig_close(&s.rig);
}

static void nothing_is_forgotten_while_the_unit_is_off(void)
{
	struct scene s;

	set(&s, &rig_default);
	fill_and_clear(&s);
	w32(&s.rig, 0x20, 0xc);
	rig_put(&s.rig, rig_ste(&s.rig, 1), 0, 1);
	w32(&s.rig, 0x20, 0xd);
	CHECK_EQ(alive(&s), 7);
	strike(&s);
}

static void prefetch_reads_entries_early(void)
{
	struct scene s;

	set(&s, &rig_default);
	rig_order(&s.rig, 0x1 | SID(4), 0);
	rig_put(&s.rig, rig_ste(&s.rig, 4), 0, 9);
	CHECK_EQ(rig_write(&s.rig, 4, s.page), -EFAULT);
	rig_order(&s.rig, 0x3 | SID(4), 1);
	CHECK_EQ(rig_write(&s.rig, 4, s.page), 0);
	rig_order(&s.rig, 0x2 | SID(4), 0x5000);
	CHECK_EQ(rig_counts(&s.rig).faults, 0);
	strike(&s);
}

/* Stage 1's entries have the VMID of a stream with both; stage 2's are by themselves. */
static void nested_streams_have_two_tags(void)
{
	struct scene s;
	uint64_t leaf1, leaf2, identity;

	set(&s, &rig_default);
	identity = rig_pages(&s.rig, 4096);
	rig_put(&s.rig, identity, 4, s.rig.mem.ram_base | 0x7fd); /* a block of 1G, over all memory */
	leaf1 = rig_map(&s.rig, s.table[1], 0x8000, 0x9000 | RIG_S1_RW);
	leaf2 = rig_map(&s.rig, identity, 0x9000, s.page | RIG_S2_RW);
	rig_stage2(&s.rig, 4, identity, 7);
	rig_put(&s.rig, rig_ste(&s.rig, 4), 1, UINT64_C(0x1000000000d4));
	rig_put(&s.rig, rig_ste(&s.rig, 4), 0, s.cd[1] | 0xf);
	CHECK_EQ(lands(&s, 4, 0x8000), true);
	rig_put(&s.rig, leaf1, 0, 0);
	rig_order(&s.rig, NH_VA | ASID(5), 0x8001);
	CHECK_EQ(lands(&s, 4, 0x8000), true);
	rig_order(&s.rig, S2_IPA | VMID(7), 0x8001);
	CHECK_EQ(lands(&s, 4, 0x8000), true);
	rig_order(&s.rig, NH_VA | ASID(5) | VMID(7), 0x8001);
	CHECK_EQ(lands(&s, 4, 0x8000), false);
	rig_put(&s.rig, leaf1, 0, 0x9000 | RIG_S1_RW);
	CHECK_EQ(lands(&s, 4, 0x8000), true);
	rig_put(&s.rig, leaf2, 0, 0);
	CHECK_EQ(lands(&s, 4, 0x8000), true);
	rig_order(&s.rig, S2_IPA | VMID(7), 0x9001);
	CHECK_EQ(lands(&s, 4, 0x8000), false);
	strike(&s);
}

static const struct suite_test tests[] = {
	SUITE_TEST(cleared_leaf_is_served_until_it_is_invalidated),
	SUITE_TEST(each_command_drops_what_it_names),
	SUITE_TEST(global_entries),
	SUITE_TEST(leaf_only_spares_the_tables),
	SUITE_TEST(tables_are_shared_by_tag),
	SUITE_TEST(tables_go_with_their_tag),
	SUITE_TEST(block_goes_with_any_of_its_addresses),
	SUITE_TEST(contiguous_group_is_remembered_whole),
	SUITE_TEST(ranges_name_pages),
	SUITE_TEST(faults_are_not_remembered),
	SUITE_TEST(ste_is_remembered_until_invalidated),
	SUITE_TEST(cd_is_remembered_by_stream),
	SUITE_TEST(level_1_descriptor_is_remembered_unless_leaf_only),
	SUITE_TEST(nothing_is_forgotten_while_the_unit_is_off),
	SUITE_TEST(prefetch_reads_entries_early),
	SUITE_TEST(nested_streams_have_two_tags),
	SUITE_TEST(two_entries_for_one_address_are_a_conflict),
};

int main(int argc, char **argv)
{
	return suite_run(argc, argv, "sim_smmuv3_caches", tests, COUNT(tests));
}
