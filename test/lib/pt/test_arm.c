/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is Arm's own in its tables: words, widths, roots of several tables, addresses of 52 bits, contiguous groups. Expected words and
 * numbers are from the Arm ARM (DDI 0487, D8.2, D8.3 and D8.6), by hand.
 */
#include <errno.h>

#include "pt_fixture.h"
#include "suite.h"

#define RW PIOMMU_RW
#define GIB (1024 * MIB)
#define BIT(n) (UINT64_C(1) << (n))

static const char *const formats[] = { "arms1_4k", "arms1_16k", "arms1_64k", "arms2_4k", "arms2_16k", "arms2_64k" };

static void for_each_format(void (*body)(void))
{
	for (unsigned i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		pt_kind = pt_kind_named(formats[i]);
		body();
	}
}

static void choose(const char *format)
{
	pt_kind = pt_kind_named(format);
}

static uint64_t word_at(const struct fixture *f, uint64_t iova, unsigned level)
{
	struct piommu_pt_step steps[5];
	unsigned n = pt_kind->walk(&f->pt, iova, steps, 5);

	CU_ASSERT_FATAL(n && steps[n - 1].level == level);
	return steps[n - 1].entry;
}

/* ---- Words ------------------------------------------------------------------------------------------------------------- */

/* A leaf of each level and permission, and a table. */
static const struct golden {
	const char *format;
	uint64_t size; /* of the leaf */
	unsigned level;
	uint64_t pa;
	unsigned prot;
	uint64_t word;
} golden[] = {
	{ "arms1_4k", 4096, 1, 0x123456789000, RW, 0x0060123456789f43 },
	{ "arms1_4k", 4096, 1, 0x123456789000, PIOMMU_READ, 0x0060123456789fc3 },
	{ "arms1_4k", 4096, 1, 0x123456789000, PIOMMU_WRITE, 0x0060123456789f43 }, /* no such thing: read-write */
	{ "arms1_4k", 2 * MIB, 2, 0x40000000, RW, 0x0060000040000f41 },
	{ "arms1_4k", GIB, 3, 0x80000000, PIOMMU_READ, 0x0060000080000fc1 },
	{ "arms1_16k", 16384, 1, 0xffffffffc000, RW, 0x0060ffffffffcf43 },
	{ "arms1_16k", 32 * MIB, 2, 0x42000000, PIOMMU_READ, 0x0060000042000fc1 },
	{ "arms1_64k", 65536, 1, 0x7fffffff0000, RW, 0x00607fffffff0f43 },
	{ "arms1_64k", 65536, 1, 0xa234567890000, PIOMMU_READ, 0x006023456789afc3 },
	{ "arms1_64k", 65536, 1, 0xfffffffff0000, RW, 0x0060ffffffffff43 },
	{ "arms1_64k", 512 * MIB, 2, 0x3000020000000, RW, 0x0060000020003f41 },
	{ "arms2_4k", 4096, 1, 0x123456789000, RW, 0x00401234567897ff },
	{ "arms2_4k", 4096, 1, 0x123456789000, PIOMMU_READ, 0x004012345678977f },
	{ "arms2_4k", 4096, 1, 0x123456789000, PIOMMU_WRITE, 0x00401234567897bf },
	{ "arms2_4k", 2 * MIB, 2, 0x40000000, RW, 0x00400000400007fd },
	{ "arms2_4k", GIB, 3, 0x80000000, PIOMMU_WRITE, 0x00400000800007bd },
	{ "arms2_16k", 16384, 1, 0xffffffffc000, RW, 0x0040ffffffffc7ff },
	{ "arms2_16k", 32 * MIB, 2, 0x42000000, PIOMMU_READ, 0x004000004200077d },
	{ "arms2_64k", 65536, 1, 0x7fffffff0000, PIOMMU_READ, 0x00407fffffff077f },
	{ "arms2_64k", 65536, 1, 0xa234567890000, RW, 0x004023456789a7ff },
	{ "arms2_64k", 512 * MIB, 2, 0x3000020000000, RW, 0x00400000200037fd },
};

static void leaves_are_as_the_specification_draws_them(void)
{
	for (unsigned i = 0; i < sizeof(golden) / sizeof(golden[0]); i++) {
		const struct golden *g = &golden[i];
		struct piommu_pt_leaf leaf = { 0 };
		struct fixture f;

		choose(g->format);
		fixture_init_at(&f, pt_super_pages(), 4 * MIB, false, 4 * GIB, pt_kind->pa_bits);
		CHECK_EQ(fixture_map(&f, 3 * g->size, g->pa, g->size, g->prot), 0);
		CHECK_HEX(word_at(&f, 3 * g->size, g->level), g->word);
		CHECK_EQ(pt_kind->lookup(&f.pt, 3 * g->size + 0x123, &leaf), 0);
		CHECK_HEX(leaf.pa, g->pa + 0x123);
		CHECK_HEX(leaf.size, g->size);
		CHECK_EQ(leaf.prot, pt_kind->stage == 1 && g->prot == PIOMMU_WRITE ? RW : g->prot);
		fixture_fini(&f);
	}
}

static void table_words_body(void)
{
	struct piommu_pt_step steps[5];
	struct fixture f;
	unsigned n;

	fixture_init(&f, pt_super_pages(), 4 * MIB, false);
	CHECK_EQ(fixture_map(&f, SPAN3 + 2 * BLOCK + 5 * PAGE, 7 * PAGE, PAGE, RW), 0);
	n = pt_kind->walk(&f.pt, SPAN3 + 2 * BLOCK + 5 * PAGE, steps, 5);
	CHECK_EQ(n, f.pt.levels);
	CHECK_HEX(steps[0].table_pa, f.pt.root_pa);
	for (unsigned i = 0; i + 1 < n; i++) {
		CHECK_HEX(steps[i].entry, steps[i + 1].table_pa | 3);
		CHECK_EQ(steps[i].level, n - i);
		CHECK_HEX(steps[i].table_pa % (i ? PAGE : 64), 0);
		CU_ASSERT(steps[i].present && !steps[i].leaf);
	}
	CHECK_EQ(steps[n - 3].index, 1);
	CHECK_EQ(steps[n - 2].index, 2);
	CHECK_EQ(steps[n - 1].index, 5);
	fixture_fini(&f);
}

static void a_walk_shows_every_table_entry(void)
{
	for_each_format(table_words_body);
}

/* ---- Widths and roots ---------------------------------------------------------------------------------------------------- */

static const struct width {
	const char *format;
	unsigned bits, levels;
	size_t root_len;
} widths[] = {
	{ "arms1_4k", 32, 3, 64 },         { "arms1_4k", 39, 3, 4096 },        { "arms1_4k", 40, 4, 64 },
	{ "arms1_4k", 47, 4, 2048 },       { "arms1_4k", 48, 4, 4096 },        { "arms1_16k", 32, 2, 1024 },
	{ "arms1_16k", 36, 2, 16384 },     { "arms1_16k", 37, 3, 64 },         { "arms1_16k", 47, 3, 16384 },
	{ "arms1_16k", 48, 4, 64 },        { "arms1_64k", 32, 2, 64 },         { "arms1_64k", 42, 2, 65536 },
	{ "arms1_64k", 43, 3, 64 },        { "arms1_64k", 48, 3, 512 },        { "arms1_64k", 52, 3, 8192 },
	{ "arms2_4k", 32, 3, 64 },         { "arms2_4k", 39, 3, 4096 },        { "arms2_4k", 40, 3, 2 * 4096 },
	{ "arms2_4k", 42, 3, 8 * 4096 },   { "arms2_4k", 43, 3, 16 * 4096 },   { "arms2_4k", 44, 4, 256 },
	{ "arms2_4k", 48, 4, 4096 },       { "arms2_16k", 36, 2, 16384 },      { "arms2_16k", 40, 2, 16 * 16384 },
	{ "arms2_16k", 41, 3, 256 },       { "arms2_16k", 48, 3, 2 * 16384 },  { "arms2_64k", 42, 2, 65536 },
	{ "arms2_64k", 44, 2, 4 * 65536 }, { "arms2_64k", 46, 2, 16 * 65536 }, { "arms2_64k", 47, 3, 256 },
	{ "arms2_64k", 52, 3, 8192 },
};

/* The lowest and the highest page, and those on both sides of where each of the root's tables ends. */
static void check_width(const struct width *w)
{
	struct pt_case c = { w->bits, PAGE };
	size_t unmapped;
	struct fixture f;

	fixture_init(&f, c, 8 * MIB, false);
	CHECK_EQ(f.pt.levels, w->levels);
	CHECK_EQ(f.pt.iova_bits, w->bits);
	CHECK_HEX(f.pt.root_pa % w->root_len, 0);
	for (unsigned i = 0; i < 16; i++) {
		uint64_t iova[2] = { f.top / 16 * i, f.top / 16 * (i + 1) - PAGE };

		for (unsigned k = 0; k < 2; k++) {
			uint64_t pa = (2 * i + k + 1) * PAGE, found = 0;

			CHECK_EQ(k ? pt_kind->map_page(&f.pt, iova[k], pa, RW) : fixture_map(&f, iova[k], pa, PAGE, RW), 0);
			CU_ASSERT(fixture_translate(&f, iova[k], &found, false));
			CHECK_HEX(found, pa);
		}
	}
	for (unsigned i = 0; i < 32; i++) /* none was mapped over another */
		CHECK_EQ(fixture_unmap_page(&f, f.top / 16 * (i / 2) + (i & 1 ? f.top / 16 - PAGE : 0), &unmapped), 0);
	CHECK_EQ(pt_kind->map_page(&f.pt, f.top, 0, RW), -ERANGE);
	CHECK_EQ(fixture_map(&f, f.top, 0, PAGE, RW), -ERANGE);
	CHECK_EQ(fixture_map_run(&f, f.top, 0, 4 * PAGE, RW), -ERANGE);
	CHECK_EQ(fixture_unmap_page(&f, f.top, NULL), -ERANGE);
	CHECK_EQ(fixture_unmap(&f, 0, f.top, &unmapped), 0);
	CHECK_EQ(fixture_tables(&f), 0);
	fixture_fini(&f);
}

static void levels_and_roots_are_as_the_specification_says(void)
{
	for (unsigned i = 0; i < sizeof(widths) / sizeof(widths[0]); i++) {
		choose(widths[i].format);
		CHECK_EQ(pt_kind->root_len(widths[i].bits), widths[i].root_len);
		check_width(&widths[i]);
	}
}

static void every_width_is_one(void)
{
	for (unsigned i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		choose(formats[i]);
		CHECK_EQ(pt_kind->root_len(31), 0);
		CHECK_EQ(pt_kind->root_len(pt_kind->pa_bits + 1), 0);
		for (unsigned bits = 32; bits <= pt_kind->pa_bits; bits++) {
			struct width w = { formats[i], bits, pt_kind_levels(pt_kind, bits), pt_kind->root_len(bits) };

			CU_ASSERT_FATAL(w.root_len >= 64 && w.root_len <= 16 * PAGE);
			check_width(&w);
		}
	}
}

static void refuse_body(void)
{
	struct fixture f;
	struct piommu_pt pt;
	const struct piommu_pt_config bad[] = {
		{ .iova_bits = 31, .leaf_sizes = PAGE, .pa_bits = 40 },
		{ .iova_bits = pt_kind->pa_bits + 1, .leaf_sizes = PAGE, .pa_bits = 40 },
		{ .iova_bits = 39, .leaf_sizes = BLOCK, .pa_bits = 40 },
		{ .iova_bits = 39, .leaf_sizes = PAGE | 2 * BLOCK, .pa_bits = 40 },
		{ .iova_bits = 39, .leaf_sizes = PAGE, .pa_bits = pt_kind->page_lg2 },
		{ .iova_bits = 39, .leaf_sizes = PAGE, .pa_bits = pt_kind->pa_bits + 1 },
		{ .iova_bits = 39, .leaf_sizes = PAGE, .pa_bits = 40, .leaf_bits = 1 },
	};

	fixture_init(&f, pt_pages(), 4 * MIB, false);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct piommu_pt_config config = bad[i];

		config.pool = f.pool;
		CHECK_EQ(pt_kind->init(&pt, &config), -EINVAL);
	}
	CHECK_EQ(fixture_tables(&f), 0);
	fixture_fini(&f);
}

static void init_refuses_what_the_format_has_not(void)
{
	for_each_format(refuse_body);
}

static void a_pool_of_other_pages_is_refused(void)
{
	struct fixture f;
	struct piommu_pt pt;
	struct piommu_pt_config config = { .iova_bits = 48, .leaf_sizes = BIT(14), .pa_bits = 40 };

	choose("arms1_4k");
	fixture_init(&f, pt_pages(), 4 * MIB, false);
	config.pool = f.pool;
	CHECK_EQ(pt_kind_named("arms1_16k")->init(&pt, &config), -EINVAL);
	fixture_fini(&f);
}

/* Several tables do not fit a page, and lie side by side where hardware wants them: at a multiple of all of them. */
static void a_root_of_several_tables_needs_aligned_memory_of_the_callers(void)
{
	struct fixture f;
	struct piommu_pt pt;
	struct piommu_pt_config config = { .iova_bits = 42, .leaf_sizes = 4096, .pa_bits = 40 };
	struct piommu_mem mem;

	choose("arms2_4k");
	fixture_init(&f, pt_pages(), 4 * MIB, false);
	config.pool = f.pool;
	CHECK_EQ(pt_kind->init(&pt, &config), -EINVAL);
	CHECK_EQ(piommu_env_mem_alloc(f.mem, 65536, 65536, -1, &mem), 0);
	config.root = (uint64_t *)mem.va + 512;
	CHECK_EQ(pt_kind->init(&pt, &config), -EINVAL);
	config.root = (uint64_t *)mem.va + 8 * 512;
	CHECK_EQ(pt_kind->init(&pt, &config), 0);
	CHECK_HEX(pt.root_pa, mem.pa + 32768);
	CHECK_EQ(fixture_tables(&f), 0);
	pt_kind->fini(&pt);
	piommu_env_mem_free(f.mem, &mem);
	fixture_fini(&f);
}

/* ---- Addresses of 52 bits --------------------------------------------------------------------------------------------------- */

/* Tables and pages above 1 << 48, also a run that lies across 48 bits' end: by every way there is. */
static void far_body(struct fixture *f)
{
	const uint64_t pa = BIT(48) - 3 * PAGE, len = 8 * PAGE;
	struct piommu_mapping ranges[2] = { { .iova = 64 * PAGE, .len = len, .pa = pa, .prot = RW },
					    { .iova = 128 * PAGE, .len = PAGE, .pa = BIT(52) - PAGE, .prot = RW } };
	void *leaf = NULL;
	uint64_t found;

	CHECK_EQ(fixture_map(f, 16 * PAGE, pa, len, RW), 0);
	CHECK_EQ(fixture_map_run(f, 32 * PAGE, pa, len, RW), 0);
	for (unsigned round = 0; round < 2; round++) {
		piommu_gather_init(&f->gather);
		CHECK_EQ(pt_kind->map_burst(&f->pt, ranges, 2, &f->gather), 0);
		for (uint64_t off = 0; off < len; off += PAGE)
			for (unsigned k = 1; k <= 4; k += k)
				CU_ASSERT(fixture_translate(f, k * 16 * PAGE + off, &found, f->shadow != NULL) &&
					  found == pa + off);
		CU_ASSERT(fixture_translate(f, 128 * PAGE, &found, f->shadow != NULL) && found == BIT(52) - PAGE);
		for (unsigned i = 0; i < 2; i++) {
			struct piommu_range range = { ranges[i].iova, ranges[i].len, ranges[i].leaf };
			size_t unmapped = 0;

			CHECK_EQ(pt_kind->unmap_burst(&f->pt, &range, 1, &f->gather, &unmapped), 0);
			CHECK_HEX(unmapped, ranges[i].len);
		}
		ranges[0].leaf = ranges[1].leaf = &leaf;
	}
	CU_ASSERT_PTR_NOT_NULL(leaf);
	CHECK_EQ(fixture_map(f, BLOCK, BIT(52) - BLOCK, BLOCK, PIOMMU_READ), 0);
	CU_ASSERT(fixture_translate(f, 2 * BLOCK - 1, &found, f->shadow != NULL) && found == BIT(52) - 1);
	CHECK_EQ(fixture_map(f, 4 * BLOCK, BIT(52), PAGE, RW), -ERANGE);
}

static void addresses_have_52_bits_with_64k(void)
{
	static const char *const far_formats[] = { "arms1_64k", "arms2_64k" };

	for (unsigned i = 0; i < 4; i++) {
		struct fixture f;

		choose(far_formats[i / 2]);
		fixture_init_at(&f, pt_blocks(), 4 * MIB, i & 1, 0x9000000000000, 52);
		far_body(&f);
		fixture_fini(&f);
	}
}

/* ---- Contiguous groups ---------------------------------------------------------------------------------------------------- */

static uint64_t page_group(void)
{
	return pt_kind->groups & -pt_kind->groups;
}

static uint64_t block_group(void)
{
	return pt_kind->groups ^ page_group();
}

static uint64_t size_at(const struct fixture *f, uint64_t iova)
{
	struct piommu_pt_leaf leaf = { 0 };

	CHECK_EQ(pt_kind->lookup(&f->pt, iova, &leaf), 0);
	return leaf.size;
}

/* Bit 52 in each entry of a group and in no other. */
static void group_words_body(void)
{
	const uint64_t g = page_group(), b = block_group();
	struct fixture f;

	fixture_init(&f, pt_groups(), 16 * MIB, false);
	CHECK_EQ(fixture_map(&f, g - PAGE, 3 * g - PAGE, g + 2 * PAGE, RW), 0);
	for (uint64_t iova = g - PAGE; iova <= 2 * g; iova += PAGE) {
		bool in = iova >= g && iova < 2 * g;

		CHECK_HEX(word_at(&f, iova, 1), (iova + 2 * g) | pt_kind->page.both | (in ? BIT(52) : 0));
		CHECK_HEX(size_at(&f, iova), in ? g : PAGE);
	}
	CHECK_EQ(fixture_map(&f, b - BLOCK, 3 * b - BLOCK, b + 2 * BLOCK, PIOMMU_READ), 0);
	for (uint64_t iova = b - BLOCK; iova <= 2 * b; iova += BLOCK) {
		bool in = iova >= b && iova < 2 * b;

		CHECK_HEX(word_at(&f, iova, 2), (iova + 2 * b) | pt_kind->block.read | (in ? BIT(52) : 0));
		CHECK_HEX(size_at(&f, iova + 5 * PAGE), in ? b : BLOCK);
	}
	CHECK_EQ(size_at(&f, 2 * b - 1), b);
	fixture_fini(&f);
}

static void groups_are_marked_and_nothing_else(void)
{
	for_each_format(group_words_body);
}

/* Sizes of the set that are not allowed are not used; and what fits neither side's alignment is no group. */
static void allowed_body(void)
{
	const uint64_t g = page_group(), b = block_group();
	struct pt_case c = pt_super_pages();
	struct fixture f;

	for (unsigned i = 0; i < 4; i++) {
		c.leaf_sizes = PAGE | BLOCK | (i & 1 ? g : 0) | (i & 2 ? b : 0);
		fixture_init(&f, c, 16 * MIB, false);
		CHECK_EQ(f.pt.straight_levels, i ? 0 : f.pt.levels);
		CHECK_EQ(fixture_map(&f, g, 2 * g, g, RW), 0);
		CHECK_EQ(size_at(&f, g), i & 1 ? g : PAGE);
		CHECK_EQ(fixture_map(&f, 3 * g, 2 * g + PAGE, 3 * g, RW), 0);
		CHECK_EQ(size_at(&f, 4 * g), PAGE);
		CHECK_EQ(fixture_map(&f, b, 2 * b, b, RW), 0);
		CHECK_EQ(size_at(&f, b), i & 2 ? b : BLOCK);
		CHECK_EQ(fixture_map(&f, 3 * b, 2 * b + BLOCK, 2 * b, RW), 0);
		CHECK_EQ(size_at(&f, 4 * b), BLOCK);
		fixture_fini(&f);
	}
}

static void only_allowed_groups_are_made(void)
{
	for_each_format(allowed_body);
}

static void check_refused(struct fixture *f, uint64_t iova, uint64_t len)
{
	struct piommu_range range = { iova, len, NULL };
	size_t unmapped = 7;

	CHECK_EQ(fixture_unmap(f, iova, len, &unmapped), -EXDEV);
	CHECK_EQ(unmapped, 7);
	CU_ASSERT(piommu_gather_empty(&f->gather));
	CHECK_EQ(pt_kind->unmap_burst(&f->pt, &range, 1, &f->gather, &unmapped), -EXDEV);
	CHECK_EQ(unmapped, 0);
	CHECK_EQ(fixture_unmap_run(f, iova, len, &unmapped), -EXDEV);
	if (len == PAGE)
		CHECK_EQ(fixture_unmap_page(f, iova, &unmapped), -EXDEV);
	CU_ASSERT(piommu_gather_empty(&f->gather));
}

static void split_body(void)
{
	const uint64_t g = page_group(), b = block_group();
	struct fixture f;
	size_t unmapped = 0;
	void *leaf = NULL;
	struct piommu_range range = { 2 * g, g, &leaf };

	for (unsigned back = 0; back < 2; back++) {
		fixture_init(&f, pt_groups(), 16 * MIB, back);
		CHECK_EQ(fixture_map(&f, 2 * g, 0, g, RW), 0);
		CHECK_EQ(fixture_map(&f, 2 * b, 0, b, RW), 0);
		check_refused(&f, 2 * g, PAGE);
		check_refused(&f, 3 * g - PAGE, PAGE);
		check_refused(&f, 2 * g - PAGE, 2 * PAGE);
		check_refused(&f, 3 * g - PAGE, 2 * PAGE);
		check_refused(&f, 2 * g + PAGE, g - PAGE);
		check_refused(&f, 2 * b, BLOCK);
		check_refused(&f, 3 * b - BLOCK, BLOCK);
		check_refused(&f, 2 * b + 5 * BLOCK, 2 * b);
		check_refused(&f, 2 * b, PAGE);
		CHECK_EQ(size_at(&f, 2 * g), g);
		CHECK_EQ(size_at(&f, 3 * b - 1), b);
		piommu_gather_init(&f.gather);
		CHECK_EQ(pt_kind->unmap_burst(&f.pt, &range, 1, &f.gather, &unmapped), 0);
		CHECK_HEX(unmapped, g);
		CU_ASSERT(fixture_gathered(&f, 2 * g, g));
		CU_ASSERT_PTR_NULL(leaf); /* a remembered table knows of no groups */
		CHECK_EQ(fixture_unmap(&f, 2 * b, b, &unmapped), 0);
		CHECK_HEX(unmapped, b);
		CU_ASSERT(fixture_gathered(&f, 2 * b, b));
		CHECK_EQ(fixture_unmap(&f, 0, f.top, &unmapped), 0);
		CHECK_EQ(unmapped, 0);
		fixture_fini(&f);
	}
}

static void a_part_of_a_group_is_refused_and_stays(void)
{
	for_each_format(split_body);
}

/* A table in the place of one block of a group, and nothing to put it into: that block is of pages, and the others are no group. */
static void a_table_that_stays_keeps_a_group_apart(void)
{
	const char *const *format = formats;

	for (; format != formats + 6; format++) {
		uint64_t b;
		struct fixture f;
		size_t unmapped;

		choose(*format);
		b = block_group();
		fixture_init(&f, pt_groups(), 16 * MIB, false);
		CHECK_EQ(fixture_map(&f, b + 7 * BLOCK, 0, PAGE, RW), 0);
		CHECK_EQ(fixture_unmap(&f, b + 7 * BLOCK, PAGE, &unmapped), 0);
		CHECK_EQ(pt_kind->map(&f.pt, b, 2 * b, 2 * b, RW, NULL), 0);
		CHECK_EQ(size_at(&f, b), BLOCK);
		CHECK_EQ(size_at(&f, b + 7 * BLOCK), page_group());
		CHECK_EQ(size_at(&f, 2 * b - 1), BLOCK);
		CHECK_EQ(size_at(&f, 2 * b), b);
		CHECK_EQ(fixture_unmap(&f, b, 2 * b, &unmapped), 0);
		CHECK_EQ(fixture_map(&f, b, 2 * b, 2 * b, RW), 0); /* with a gather it goes */
		CHECK_EQ(size_at(&f, b + 7 * BLOCK), b);
		fixture_fini(&f);
	}
}

static const struct suite_test tests[] = {
	SUITE_TEST(leaves_are_as_the_specification_draws_them),
	SUITE_TEST(a_walk_shows_every_table_entry),
	SUITE_TEST(levels_and_roots_are_as_the_specification_says),
	SUITE_TEST(every_width_is_one),
	SUITE_TEST(init_refuses_what_the_format_has_not),
	SUITE_TEST(a_pool_of_other_pages_is_refused),
	SUITE_TEST(a_root_of_several_tables_needs_aligned_memory_of_the_callers),
	SUITE_TEST(addresses_have_52_bits_with_64k),
	SUITE_TEST(groups_are_marked_and_nothing_else),
	SUITE_TEST(only_allowed_groups_are_made),
	SUITE_TEST(a_part_of_a_group_is_refused_and_stays),
	SUITE_TEST(a_table_that_stays_keeps_a_group_apart),
};

int main(int argc, char **argv)
{
	return suite_run(argc, argv, "pt_arm", tests, sizeof(tests) / sizeof(tests[0]));
}
