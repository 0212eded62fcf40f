/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The walker of the Arm models, over words written by hand after the Arm Architecture Reference Manual, chapter D8: which bits of
 * an address each level takes, and what each descriptor means.
 */
#include <string.h>

#include "lpae_walk.h"
#include "piommu_bits.h"
#include "suite.h"

/* Memory: a few words, zero elsewhere, nothing at all from 1 << 47 on. */
struct word {
	uint64_t pa, value;
};
struct memory {
	const struct word *words;
	unsigned n, nloads;
};

static bool load(void *ctx, uint64_t pa, unsigned level, uint64_t *entry)
{
	struct memory *memory = ctx;

	(void)level;
	memory->nloads++;
	if (pa >= BIT64(47))
		return false;
	*entry = 0;
	for (unsigned i = 0; i < memory->n; i++)
		if (memory->words[i].pa == pa)
			*entry = memory->words[i].value;
	return true;
}

static struct lpae_walk walk_words(const struct lpae_config *config, const struct word *words, unsigned n, uint64_t iova)
{
	struct memory memory = { words, n, 0 };
	const struct lpae_reader reader = { load, &memory };
	struct lpae_walk walk;

	lpae_walk(config, &reader, NULL, iova, &walk);
	return walk;
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define S1(granule, in, out, level) \
	{ \
		1, granule, in, out, level, 0x100000, false, false, false \
	}
#define S2(granule, in, out, level) \
	{ \
		2, granule, in, out, level, 0x100000, false, false, false \
	}
#define S1_WIDE \
	{ \
		1, 16, 52, 52, 1, 0x100000, true, false, false \
	}
#define PAGE_RW UINT64_C(0x443) /* AF, AP user, page */
#define BLOCK_RW UINT64_C(0x441)

/* One address each: 0x...123 of the deepest table is taken at every level. */
static const struct {
	struct lpae_config config;
	uint64_t iova;
	struct word words[4];
	unsigned level, leaf_lg2;
	uint64_t pa;
} leaves[] = {
	/* 4K: 9 bits a level from bit 39 on. Indexes 1, 2, 3, 4. */
	{ S1(12, 48, 48, 0),
	  0x8080604000,
	  { { 0x100008, 0x200003 }, { 0x200010, 0x300003 }, { 0x300018, 0x400003 }, { 0x400020, 0x5000 | PAGE_RW } },
	  3,
	  12,
	  0x5000 },
	{ S1(12, 48, 48, 0),
	  0x8080604000,
	  { { 0x100008, 0x200003 }, { 0x200010, 0x300003 }, { 0x300018, 0xc00000 | BLOCK_RW } },
	  2,
	  21,
	  0xc00000 },
	{ S1(12, 48, 48, 0), 0x8080604000, { { 0x100008, 0x200003 }, { 0x200010, 0x80000000 | BLOCK_RW } }, 1, 30, 0x80000000 },
	/* 39 bits begin at level 1. */
	{ S1(12, 39, 48, 1),
	  0x80604000,
	  { { 0x100010, 0x300003 }, { 0x300018, 0x400003 }, { 0x400020, 0x5000 | PAGE_RW } },
	  3,
	  12,
	  0x5000 },
	/* 16K: 11 bits a level from bits 47, 36, 25, 14. Indexes 1, 2, 3, 4. */
	{ S1(14, 48, 48, 0),
	  0x802006010000,
	  { { 0x100008, 0x200003 }, { 0x200010, 0x300003 }, { 0x300018, 0x400003 }, { 0x400020, 0x8000 | PAGE_RW } },
	  3,
	  14,
	  0x8000 },
	{ S1(14, 47, 48, 1), 0x2006010000, { { 0x100010, 0x300003 }, { 0x300018, 0x2000000 | BLOCK_RW } }, 2, 25, 0x2000000 },
	/* 64K: 13 bits a level from bits 42, 29, 16. Indexes 1, 2, 3. */
	{ S1(16, 48, 48, 1),
	  0x40040030000,
	  { { 0x100008, 0x200003 }, { 0x200010, 0x300003 }, { 0x300018, 0x50000 | PAGE_RW } },
	  3,
	  16,
	  0x50000 },
	{ S1(16, 42, 48, 2), 0x40030000, { { 0x100010, 0x40000000 | BLOCK_RW } }, 2, 29, 0x40000000 },
	/* 52 bits: 10 index bits at level 1; bits 51:48 of addresses in bits 15:12 of entries. */
	{ S1_WIDE,
	  UINT64_C(0x8000040030000),
	  { { 0x101000, 0x200003 }, { 0x200010, 0x300003 }, { 0x300018, 0x5a000 | PAGE_RW } },
	  3,
	  16,
	  UINT64_C(0xa000000050000) },
	{ S1_WIDE,
	  UINT64_C(0x40040030000),
	  { { 0x100008, UINT64_C(0x80000001000) | BLOCK_RW } },
	  1,
	  42,
	  UINT64_C(0x1080000000000) },
	/* Stage 2, 40 bits from level 1: two tables side by side; this is the second one's first entry. */
	{ S2(12, 40, 40, 1),
	  0x8000604000,
	  { { 0x101000, 0x300003 }, { 0x300018, 0x400003 }, { 0x400020, 0x54fd | 2 } },
	  3,
	  12,
	  0x5000 },
};

static void each_granule_and_leaf_size(void)
{
	for (unsigned i = 0; i < COUNT(leaves); i++) {
		struct lpae_walk walk = walk_words(&leaves[i].config, leaves[i].words, 4, leaves[i].iova);

		CHECK_EQ(walk.fault, LPAE_NO_FAULT);
		CHECK_EQ(walk.level, leaves[i].level);
		CHECK_EQ(walk.leaf_lg2, leaves[i].leaf_lg2);
		CHECK_EQ(walk.group_lg2, leaves[i].leaf_lg2);
		CHECK_HEX(walk.pa, leaves[i].pa);
		CHECK_EQ(walk.user, 3);
		CHECK_EQ(walk.priv, 3);
		CHECK_HEX(walk.reserved, 0);
		CHECK_EQ(walk.npassed, walk.level - leaves[i].config.start_level);
		if (walk.npassed)
			CHECK_HEX(walk.passed[walk.npassed - 1].pa, align_down(walk.entry_pa, 0x1000));
	}
}

static void faults_and_their_levels(void)
{
	static const struct {
		struct lpae_config config;
		uint64_t iova;
		struct word words[2];
		enum lpae_fault fault;
		unsigned level;
	} cases[] = {
		{ S1(12, 39, 40, 1), 0, { { 0, 0 } }, LPAE_TRANSLATION, 1 },
		{ S1(12, 39, 40, 1), BIT64(39), { { 0x101000, BLOCK_RW } }, LPAE_TRANSLATION, 1 },
		{ S1(12, 39, 40, 1), 0, { { 0x100000, 0x200003 } }, LPAE_TRANSLATION, 2 },
		{ S1(12, 39, 40, 1), 0, { { 0x100000, 0x200002 } }, LPAE_TRANSLATION, 1 },
		{ S1(12, 30, 40, 2),
		  0,
		  { { 0x100000, 0x200003 }, { 0x200000, 0x5441 } },
		  LPAE_TRANSLATION,
		  3 }, /* a block of 4K */
		{ S1(12, 48, 48, 0), 0, { { 0x100000, BLOCK_RW } }, LPAE_TRANSLATION, 0 },
		{ S1(14, 47, 48, 1), 0, { { 0x100000, BLOCK_RW } }, LPAE_TRANSLATION, 1 },
		{ S1(16, 48, 48, 1), 0, { { 0x100000, BLOCK_RW } }, LPAE_TRANSLATION, 1 }, /* only with 52 bits */
		{ S1(12, 39, 40, 1), 0, { { 0x100000, BIT64(40) | BLOCK_RW } }, LPAE_ADDR_SIZE, 1 },
		{ S1(12, 39, 40, 1), 0, { { 0x100000, BIT64(41) | 3 } }, LPAE_ADDR_SIZE, 1 },
		{ S1(12, 39, 40, 1), 0, { { 0x100000, BIT64(40) | 0x41 } }, LPAE_ADDR_SIZE, 1 }, /* before the access flag */
		{ S1(12, 39, 40, 1), 0, { { 0x100000, 0x41 } }, LPAE_ACCESS_FLAG, 1 },
		{ S1(12, 39, 48, 1), 0, { { 0x100000, BIT64(47) | 3 } }, LPAE_EXTERNAL, 2 },
		{ S2(12, 40, 40, 1), BIT64(40), { { 0, 0 } }, LPAE_TRANSLATION, 1 },
	};

	for (unsigned i = 0; i < COUNT(cases); i++) {
		struct lpae_walk walk = walk_words(&cases[i].config, cases[i].words, 2, cases[i].iova);

		CHECK_EQ(walk.fault, cases[i].fault);
		CHECK_EQ(walk.level, cases[i].level);
	}
}

static void access_flag_can_be_ignored(void)
{
	static const struct lpae_config config = { 1, 12, 39, 40, 1, 0x100000, false, true, false };
	static const struct word words[] = { { 0x100000, 0x41 } };

	CHECK_EQ(walk_words(&config, words, 1, 0).fault, LPAE_NO_FAULT);
}

/* AP[2:1] of stage 1, under APTable[1:0] of the level above; S2AP of stage 2. */
static void permissions_of_leaf_and_tables(void)
{
	static const struct {
		unsigned stage;
		bool flat;
		uint64_t table, leaf;
		unsigned user, priv;
	} cases[] = {
		{ 1, false, 0, 0x00, 0, 3 },
		{ 1, false, 0, 0x40, 3, 3 },
		{ 1, false, 0, 0x80, 0, 1 },
		{ 1, false, 0, 0xc0, 1, 1 },
		{ 1, false, BIT64(61), 0x40, 0, 3 },
		{ 1, false, BIT64(62), 0x40, 1, 1 },
		{ 1, false, BIT64(61) | BIT64(62), 0x40, 0, 1 },
		{ 1, true, BIT64(61) | BIT64(62), 0x40, 3, 3 },
		{ 2, false, 0, 0x00, 0, 0 },
		{ 2, false, 0, 0x40, 1, 1 },
		{ 2, false, 0, 0x80, 2, 2 },
		{ 2, false, 0, 0xc0, 3, 3 },
	};

	for (unsigned i = 0; i < COUNT(cases); i++) {
		const struct lpae_config config = { cases[i].stage, 12, 39, 40, 1, 0x100000, false, false, cases[i].flat };
		const struct word words[] = { { 0x100000, 0x200003 | cases[i].table }, { 0x200000, 0x401 | cases[i].leaf } };
		struct lpae_walk walk = walk_words(&config, words, 2, 0);

		CHECK_EQ(walk.fault, LPAE_NO_FAULT);
		CHECK_EQ(walk.user, cases[i].user);
		CHECK_EQ(walk.priv, cases[i].priv);
	}
}

static void global_is_the_absence_of_ng(void)
{
	static const struct lpae_config config = S1(12, 39, 40, 1);
	static const struct word global[] = { { 0x100000, BLOCK_RW } }, local[] = { { 0x100000, BLOCK_RW | 0x800 } };

	CHECK_EQ(walk_words(&config, global, 1, 0).global, true);
	CHECK_EQ(walk_words(&config, local, 1, 0).global, false);
}

static void reserved_bits_are_named(void)
{
	static const struct {
		struct lpae_config config;
		struct word words[2];
		uint64_t reserved;
	} cases[] = {
		{ S1(12, 39, 40, 1), { { 0x100000, BLOCK_RW | 0x1000 } }, 0x1000 },
		{ S1(12, 39, 40, 1), { { 0x100000, BLOCK_RW | BIT64(50) } }, BIT64(50) },
		{ S1(12, 39, 40, 1), { { 0x100000, BLOCK_RW | 0x100 } }, 0x300 }, /* SH = 1: the field */
		{ S1(12, 39, 40, 1), { { 0x100000, 0x200003 | BIT64(48) }, { 0x200000, BLOCK_RW } }, BIT64(48) },
		{ S1(14, 36, 40, 2), { { 0x100000, BLOCK_RW | 0x1000000 } }, 0x1000000 },
		{ S1(16, 42, 40, 2), { { 0x100000, 0x201003 }, { 0x200000, PAGE_RW } }, 0x1000 },
		{ S1_WIDE, { { 0x100000, BLOCK_RW | 0x1000 } }, 0 },
		{ S2(12, 39, 40, 1), { { 0x100000, 0x4fd | 0x800 } }, 0x800 },
		{ S2(12, 39, 40, 1), { { 0x100000, 0x4c1 | 0x10 } }, 0x3c }, /* MemAttr 0b0100 */
		{ S2(12, 39, 40, 1), { { 0x100000, 0x200003 | BIT64(61) }, { 0x200000, 0x4fd } }, BIT64(61) },
		{ S1(12, 39, 40, 1), { { 0x100000, BLOCK_RW | BIT64(54) | BIT64(53) | BIT64(55) | 0x81c } }, 0 },
	};

	for (unsigned i = 0; i < COUNT(cases); i++) {
		struct lpae_walk walk = walk_words(&cases[i].config, cases[i].words, 2, 0);

		CHECK_EQ(walk.fault, LPAE_NO_FAULT);
		CHECK_HEX(walk.reserved, cases[i].reserved);
	}
}

static void walk_goes_on_from_a_table(void)
{
	static const struct lpae_config config = S1(12, 48, 48, 0);
	static const struct word words[] = { { 0x400020, 0x5443 } };
	const struct lpae_table from = { 0x400000, 3, LPAE_NO_WRITE };
	struct memory memory = { words, 1, 0 };
	const struct lpae_reader reader = { load, &memory };
	struct lpae_walk walk;

	lpae_walk(&config, &reader, &from, 0x8080604000, &walk);
	CHECK_EQ(memory.nloads, 1);
	CHECK_HEX(walk.pa, 0x5000);
	CHECK_EQ(walk.user, 1);
	CHECK_EQ(walk.npassed, 0);
}

/* 16 entries of 4K, 128 and 32 of 16K, 32 of 64K. */
static void contiguous_groups_and_their_sizes(void)
{
	static const struct {
		struct lpae_config config;
		uint64_t entry;
		unsigned group_lg2;
	} cases[] = {
		{ S1(12, 21, 48, 3), PAGE_RW, 16 },  { S1(12, 30, 48, 2), BLOCK_RW, 25 }, { S1(12, 39, 48, 1), BLOCK_RW, 34 },
		{ S1(14, 25, 48, 3), PAGE_RW, 21 },  { S1(14, 36, 48, 2), BLOCK_RW, 30 }, { S1(16, 29, 48, 3), PAGE_RW, 21 },
		{ S1(16, 42, 48, 2), BLOCK_RW, 34 },
	};

	for (unsigned i = 0; i < COUNT(cases); i++) {
		const struct word words[] = { { 0x100000, cases[i].entry | BIT64(52) } };

		CHECK_EQ(walk_words(&cases[i].config, words, 1, 0).group_lg2, cases[i].group_lg2);
	}
}

static void group_must_agree(void)
{
	static const struct lpae_config config = S1(12, 21, 48, 3);
	static const struct {
		uint64_t second;
		bool good;
	} cases[] = {
		{ 0, true }, /* not there */
		{ BIT64(52) | 0x11000 | PAGE_RW, true },
		{ BIT64(52) | BIT64(55) | 0x11000 | PAGE_RW, true }, /* a software bit */
		{ 0x11000 | PAGE_RW, false },
		{ BIT64(52) | 0x12000 | PAGE_RW, false },
		{ BIT64(52) | 0x11000 | PAGE_RW | 0x80, false },
	};

	for (unsigned i = 0; i < COUNT(cases); i++) {
		const struct word words[] = { { 0x100000, BIT64(52) | 0x10000 | PAGE_RW }, { 0x100008, cases[i].second } };
		struct memory memory = { words, 2, 0 };
		const struct lpae_reader reader = { load, &memory };
		struct lpae_walk walk = walk_words(&config, words, 2, 0);

		CHECK_EQ(lpae_group_agrees(&config, &reader, &walk), cases[i].good);
	}
}

static void start_levels_of_stage_1(void)
{
	static const unsigned golden[][3] = { { 12, 25, 2 }, { 12, 30, 2 }, { 12, 31, 1 }, { 12, 39, 1 }, { 12, 40, 0 },
					      { 12, 48, 0 }, { 14, 25, 3 }, { 14, 26, 2 }, { 14, 36, 2 }, { 14, 37, 1 },
					      { 14, 47, 1 }, { 14, 48, 0 }, { 16, 29, 3 }, { 16, 30, 2 }, { 16, 42, 2 },
					      { 16, 43, 1 }, { 16, 52, 1 } };

	for (unsigned i = 0; i < COUNT(golden); i++)
		CHECK_EQ(lpae_start_level(golden[i][0], golden[i][1]), golden[i][2]);
}

/* SL0 0, 1, 2 begin at 2, 1, 0 with 4K and at 3, 2, 1 otherwise; up to 16 tables side by side. */
static void start_levels_of_stage_2(void)
{
	static const struct {
		unsigned granule_lg2, sl0, in_bits, pa_bits;
		int level;
	} golden[] = {
		{ 12, 0, 34, 48, 2 },  { 12, 0, 35, 48, -1 }, { 12, 0, 21, 48, -1 }, { 12, 1, 31, 48, 1 },
		{ 12, 1, 43, 48, 1 },  { 12, 1, 44, 48, -1 }, { 12, 1, 30, 48, -1 }, { 12, 2, 40, 48, 0 },
		{ 12, 2, 48, 48, 0 },  { 12, 2, 40, 42, -1 }, { 12, 3, 40, 48, -1 }, { 14, 0, 29, 48, 3 },
		{ 14, 0, 30, 48, -1 }, { 14, 1, 40, 40, 2 },  { 14, 1, 41, 48, -1 }, { 14, 2, 41, 42, 1 },
		{ 14, 2, 41, 40, -1 }, { 16, 0, 33, 48, 3 },  { 16, 1, 46, 48, 2 },  { 16, 1, 47, 48, -1 },
		{ 16, 2, 43, 44, 1 },  { 16, 2, 52, 52, 1 },  { 16, 2, 43, 42, -1 }, { 16, 2, 42, 48, -1 },
	};

	for (unsigned i = 0; i < COUNT(golden); i++)
		CHECK_EQ(lpae_sl0_level(golden[i].granule_lg2, golden[i].sl0, golden[i].in_bits, golden[i].pa_bits),
			 golden[i].level);
}

static void root_alignment_is_its_size(void)
{
	static const struct lpae_config configs[] = { S1(12, 39, 48, 1), S1(12, 48, 48, 0),
						      S1(12, 32, 48, 1), S2(12, 40, 40, 1),
						      S2(12, 43, 48, 1), S1(14, 48, 48, 0),
						      S1(16, 48, 48, 1), S1_WIDE };
	static const uint64_t golden[] = { 0x1000, 0x1000, 64, 0x2000, 0x10000, 64, 0x200, 0x2000 };

	for (unsigned i = 0; i < COUNT(configs); i++)
		CHECK_HEX(lpae_root_align(&configs[i]), golden[i]);
}

static void sizes_of_the_encodings(void)
{
	static const unsigned golden[] = { 32, 36, 40, 42, 44, 48, 52, 0 };

	for (unsigned i = 0; i < 8; i++)
		CHECK_EQ(lpae_size_bits(i), golden[i]);
}

struct seen {
	uint64_t iova[4], len[4], pa[4];
	enum lpae_fault fault[4];
	unsigned n, stop_at;
};

static bool see(void *ctx, uint64_t iova, uint64_t len, const struct lpae_walk *walk)
{
	struct seen *seen = ctx;

	if (seen->n < 4) {
		seen->iova[seen->n] = iova;
		seen->len[seen->n] = len;
		seen->pa[seen->n] = walk->pa;
		seen->fault[seen->n] = walk->fault;
	}
	return ++seen->n != seen->stop_at;
}

static void each_visits_leaves_in_order(void)
{
	static const struct lpae_config config = S1(12, 39, 40, 1);
	static const struct word words[] = {
		{ 0x100008, 0x200003 }, { 0x200000, 0x300003 },          { 0x200008, 0x600000 | BLOCK_RW },
		{ 0x300028, 0x7443 },   { 0x100010, BIT64(41) | 0x403 }, /* too high */
	};
	struct memory memory = { words, COUNT(words), 0 };
	const struct lpae_reader reader = { load, &memory };
	struct seen seen = { .n = 0 };

	CHECK_EQ(lpae_each(&config, &reader, see, &seen), true);
	CHECK_EQ(seen.n, 3);
	CHECK_HEX(seen.iova[0], 0x40005000);
	CHECK_HEX(seen.len[0], 0x1000);
	CHECK_HEX(seen.pa[0], 0x7000);
	CHECK_HEX(seen.iova[1], 0x40200000);
	CHECK_HEX(seen.len[1], 0x200000);
	CHECK_HEX(seen.pa[1], 0x600000);
	CHECK_HEX(seen.iova[2], 0x80000000);
	CHECK_EQ(seen.fault[2], LPAE_ADDR_SIZE);
	seen = (struct seen){ .stop_at = 2 };
	CHECK_EQ(lpae_each(&config, &reader, see, &seen), false);
	CHECK_EQ(seen.n, 2);
}

static void each_ends_in_a_table_that_leads_to_itself(void)
{
	static const struct lpae_config config = S1(12, 48, 48, 0);
	struct word words[512];
	struct memory memory = { words, 512, 0 };
	const struct lpae_reader reader = { load, &memory };
	struct seen seen = { .n = 0 };

	for (unsigned i = 0; i < 512; i++)
		words[i] = (struct word){ 0x100000 + 8 * i, 0x100003 };
	CHECK_EQ(lpae_each(&config, &reader, see, &seen), false);
}

static const struct suite_test tests[] = {
	SUITE_TEST(each_granule_and_leaf_size),
	SUITE_TEST(faults_and_their_levels),
	SUITE_TEST(access_flag_can_be_ignored),
	SUITE_TEST(permissions_of_leaf_and_tables),
	SUITE_TEST(global_is_the_absence_of_ng),
	SUITE_TEST(reserved_bits_are_named),
	SUITE_TEST(walk_goes_on_from_a_table),
	SUITE_TEST(contiguous_groups_and_their_sizes),
	SUITE_TEST(group_must_agree),
	SUITE_TEST(start_levels_of_stage_1),
	SUITE_TEST(start_levels_of_stage_2),
	SUITE_TEST(root_alignment_is_its_size),
	SUITE_TEST(sizes_of_the_encodings),
	SUITE_TEST(each_visits_leaves_in_order),
	SUITE_TEST(each_ends_in_a_table_that_leads_to_itself),
};

int main(int argc, char **argv)
{
	return suite_run(argc, argv, "sim_lpae_walk", tests, COUNT(tests));
}
