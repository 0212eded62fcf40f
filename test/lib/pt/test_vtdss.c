/* SPDX-License-Identifier: BSD-3-Clause */
/* VT-d second-stage tables on a coherent unit: words, page sizes, refusals, holes, tables that come and go. */
#include <errno.h>

#include "pt_fixture.h"
#include "suite.h"

#define RW PIOMMU_RW

/* Runs `body` on a fresh table of every width and set of leaf sizes. */
static void for_each_case(void (*body)(struct fixture *f))
{
	for (unsigned i = 0; i < PT_NCASES; i++) {
		struct fixture f;

		fixture_init(&f, pt_cases[i], 8 * MIB, false);
		body(&f);
		fixture_fini(&f);
	}
}

static bool has_size(const struct fixture *f, uint64_t size)
{
	return (f->pt.leaf_sizes & size) != 0;
}

/* ---- Words, from figures 9-5 and following of the specification ---------------------------------------------------- */

static void words_body(struct fixture *f)
{
	unsigned level;

	CHECK_EQ(f->pt.levels, f->pt.iova_bits == 39 ? 3 : f->pt.iova_bits == 48 ? 4 : 5);
	CHECK_EQ(fixture_map(f, 0x1000, 0x123456000, 0x1000, PIOMMU_READ), 0);
	CHECK_EQ(fixture_map(f, 0x2000, 0x123457000, 0x1000, PIOMMU_WRITE), 0);
	CHECK_EQ(fixture_map(f, 0x3000, 0x3ffffffff000, 0x1000, RW), 0);
	CHECK_HEX(fixture_entry(f, 0x0000, &level, false), 0);
	CHECK_EQ(level, 1);
	CHECK_HEX(fixture_entry(f, 0x1000, &level, false), 0x123456001);
	CHECK_HEX(fixture_entry(f, 0x2000, &level, false), 0x123457002);
	CHECK_HEX(fixture_entry(f, 0x3000, &level, false), 0x3ffffffff003);
	CHECK_HEX(fixture_entry(f, 0x4000, &level, false), 0);
	if (has_size(f, 2 * MIB)) {
		CHECK_EQ(fixture_map(f, 0x200000, 0x40000000, 2 * MIB, PIOMMU_READ), 0);
		CHECK_HEX(fixture_entry(f, 0x200000, &level, false), 0x40000081);
		CHECK_EQ(level, 2);
	}
	if (has_size(f, GIB)) {
		CHECK_EQ(fixture_map(f, 0x40000000, 0x80000000, GIB, RW), 0);
		CHECK_HEX(fixture_entry(f, 0x7fffffff, &level, false), 0x80000083);
		CHECK_EQ(level, 3);
	}
}

static void entries_are_as_the_specification_draws_them(void)
{
	for_each_case(words_body);
}

static void table_words_body(struct fixture *f)
{
	unsigned n, max = f->pt.levels;
	struct piommu_pt_step steps[5];

	CHECK_EQ(fixture_map(f, 0x8081001000, 0x5000, 0x1000, RW), f->pt.iova_bits == 39 ? -ERANGE : 0);
	CHECK_EQ(fixture_map(f, 0x0081001000, 0x5000, 0x1000, RW), 0);
	n = piommu_pt_vtdss_walk(&f->pt, 0x0081001000, steps, 5);
	CHECK_EQ(n, max);
	CHECK_HEX(steps[0].table_pa, f->pt.root_pa);
	for (unsigned i = 0; i + 1 < n; i++) {
		CHECK_EQ(steps[i].level, max - i);
		CHECK_HEX(steps[i].entry, steps[i + 1].table_pa | 3);
		CU_ASSERT(steps[i].present && !steps[i].leaf);
	}
	/* 0x81001000: index 2 of 1 GiB, 8 of 2 MiB, 1 of 4 KiB. */
	CHECK_EQ(steps[n - 3].index, 2);
	CHECK_EQ(steps[n - 2].index, 8);
	CHECK_EQ(steps[n - 1].index, 1);
	CHECK_HEX(steps[n - 1].entry, 0x5003);
	CU_ASSERT(steps[n - 1].present && steps[n - 1].leaf);
	CHECK_EQ(piommu_pt_vtdss_walk(&f->pt, 0x0081001000, steps, 2), 2);
	n = piommu_pt_vtdss_walk(&f->pt, 0x0100000000, steps, 5);
	CHECK_EQ(n, max - 2);
	CU_ASSERT(!steps[n - 1].present && !steps[n - 1].leaf);
	CHECK_EQ(piommu_pt_vtdss_walk(&f->pt, f->top, steps, 5), 0);
}

static void a_walk_shows_every_table_entry(void)
{
	for_each_case(table_words_body);
}

static void leaf_bits_go_into_leaves_only(void)
{
	struct fixture f;
	struct piommu_pt snoop;
	struct piommu_pt_step steps[4];
	struct piommu_pt_config config = { 48, SIZES_1G, 46, UINT64_C(1) << 11, NULL, NULL, NULL, NULL };

	fixture_init(&f, pt_cases[5], 4 * MIB, false);
	config.pool = f.pool;
	CHECK_EQ(piommu_pt_vtdss_init(&snoop, &config), 0);
	CHECK_EQ(piommu_pt_vtdss_map(&snoop, 0x1000, 0x7000, 0x2000, RW, NULL), 0);
	CHECK_EQ(piommu_pt_vtdss_map(&snoop, GIB, 2 * GIB, GIB, PIOMMU_READ, NULL), 0);
	CHECK_EQ(piommu_pt_vtdss_walk(&snoop, 0x2000, steps, 4), 4);
	CHECK_HEX(steps[3].entry, 0x8803);
	CHECK_HEX(steps[2].entry, steps[3].table_pa | 3);
	CHECK_EQ(piommu_pt_vtdss_walk(&snoop, GIB, steps, 4), 2);
	CHECK_HEX(steps[1].entry, 0x80000881);
	piommu_pt_vtdss_fini(&snoop);
	fixture_fini(&f);
}

static void init_refuses_what_the_format_has_not(void)
{
	struct fixture f;
	struct piommu_pt pt;
	static const struct piommu_pt_config bad[] = {
		{ .iova_bits = 30, .leaf_sizes = SIZES_4K, .pa_bits = 46 },
		{ .iova_bits = 64, .leaf_sizes = SIZES_4K, .pa_bits = 46 },
		{ .iova_bits = 48, .leaf_sizes = SIZES_1G & ~SIZES_4K, .pa_bits = 46 },
		{ .iova_bits = 48, .leaf_sizes = SIZES_4K | UINT64_C(1) << 39, .pa_bits = 46 },
		{ .iova_bits = 48, .leaf_sizes = SIZES_4K, .pa_bits = 12 },
		{ .iova_bits = 48, .leaf_sizes = SIZES_4K, .pa_bits = 53 },
		{ .iova_bits = 48, .leaf_sizes = SIZES_4K, .pa_bits = 46, .leaf_bits = 1 << 7 },
	};

	fixture_init(&f, pt_cases[5], 4 * MIB, false);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct piommu_pt_config config = bad[i];

		config.pool = f.pool;
		CHECK_EQ(piommu_pt_vtdss_init(&pt, &config), -EINVAL);
	}
	CHECK_EQ(fixture_tables(&f), 0);
	fixture_fini(&f);
}

/* ---- Page sizes ---------------------------------------------------------------------------------------------------- */

static uint64_t size_at(struct fixture *f, uint64_t iova, uint64_t pa)
{
	struct piommu_pt_leaf leaf = { 0 };

	CHECK_EQ(piommu_pt_vtdss_lookup(&f->pt, iova, &leaf), 0);
	CHECK_HEX(leaf.pa, pa);
	return leaf.size;
}

/* The largest of the two sizes that the table may use. */
static uint64_t capped(const struct fixture *f, uint64_t size)
{
	if (size == GIB && !has_size(f, GIB))
		size = 2 * MIB;
	if (size == 2 * MIB && !has_size(f, 2 * MIB))
		size = 4 * KIB;
	return size;
}

static void sizes_body(struct fixture *f)
{
	uint64_t iova = GIB - 2 * MIB - 0x1000;
	uint64_t pa = 5 * GIB - 2 * MIB - 0x1000;
	size_t unmapped = 0;

	/* A page, a super page, a gigabyte, a super page, a page. */
	CHECK_EQ(fixture_map(f, iova, pa, 0x1000 + 2 * MIB + GIB + 2 * MIB + 0x1000, RW), 0);
	CHECK_HEX(size_at(f, iova, pa), 0x1000);
	CHECK_HEX(size_at(f, GIB - 1, 5 * GIB - 1), capped(f, 2 * MIB));
	CHECK_HEX(size_at(f, GIB, 5 * GIB), capped(f, GIB));
	CHECK_HEX(size_at(f, 2 * GIB - 1, 6 * GIB - 1), capped(f, GIB));
	CHECK_HEX(size_at(f, 2 * GIB, 6 * GIB), capped(f, 2 * MIB));
	CHECK_HEX(size_at(f, 2 * GIB + 2 * MIB + 0xfff, 6 * GIB + 2 * MIB + 0xfff), 0x1000);
	CHECK_EQ(fixture_unmap(f, iova, GIB + 4 * MIB + 0x2000, &unmapped), 0);
	CHECK_HEX(unmapped, GIB + 4 * MIB + 0x2000);
	CU_ASSERT(fixture_gathered(f, iova, GIB + 4 * MIB + 0x2000));
	CHECK_EQ(f->gather.n, 1);
}

static void the_largest_leaf_that_fits_is_used(void)
{
	for_each_case(sizes_body);
}

static void misaligned_body(struct fixture *f)
{
	CHECK_EQ(fixture_map(f, 2 * MIB, 0x1000, 2 * MIB, RW), 0);
	CHECK_HEX(size_at(f, 2 * MIB + 0x5000, 0x6000), 0x1000);
	CHECK_EQ(fixture_map(f, 8 * MIB, 8 * MIB, 2 * MIB - 0x1000, RW), 0);
	CHECK_HEX(size_at(f, 8 * MIB, 8 * MIB), 0x1000);
	CHECK_EQ(fixture_map(f, GIB, 4 * GIB + 2 * MIB, GIB, RW), 0);
	CHECK_HEX(size_at(f, GIB, 4 * GIB + 2 * MIB), capped(f, 2 * MIB));
}

static void a_misaligned_or_short_range_gets_smaller_leaves(void)
{
	for_each_case(misaligned_body);
}

/* T30 of doc/locking.md. */
static void top_body(struct fixture *f)
{
	uint64_t pa_top = UINT64_C(1) << 46;
	size_t unmapped = 0;

	CHECK_EQ(fixture_map(f, f->top - 0x1000, pa_top - 0x1000, 0x1000, RW), 0);
	CHECK_HEX(size_at(f, f->top - 1, pa_top - 1), 0x1000);
	CHECK_EQ(fixture_map(f, f->top - 2 * GIB, pa_top - 2 * GIB, 2 * GIB, RW), -EEXIST);
	CHECK_EQ(fixture_unmap(f, f->top - 0x1000, 0x1000, &unmapped), 0);
	CHECK_EQ(fixture_map(f, f->top - GIB, pa_top - GIB, GIB - 0x1000, RW), 0);
	CHECK_HEX(size_at(f, f->top - GIB, pa_top - GIB), capped(f, 2 * MIB));
	CHECK_HEX(size_at(f, f->top - 2 * MIB, pa_top - 2 * MIB), 0x1000);
	CHECK_EQ(fixture_unmap(f, f->top - GIB, GIB - 0x1000, &unmapped), 0);
	CHECK_EQ(fixture_map(f, f->top - GIB, pa_top - GIB, GIB, RW), 0);
	CHECK_HEX(size_at(f, f->top - 1, pa_top - 1), capped(f, GIB));
	CHECK_EQ(fixture_map(f, f->top - 0x1000, 0, 0x2000, RW), -ERANGE);
	CHECK_EQ(fixture_map(f, f->top, 0, 0x1000, RW), -ERANGE);
	CHECK_EQ(fixture_map(f, UINT64_MAX - 0xfff, 0, 0x1000, RW), -ERANGE);
	CHECK_EQ(fixture_map(f, 0x1000, 0, SIZE_MAX - 0xfff, RW), -ERANGE);
	CHECK_EQ(fixture_map(f, 0x2000, 0, SIZE_MAX - 0xfff, RW), -ERANGE);
	CHECK_EQ(fixture_map(f, 0, pa_top - 0x1000, 0x2000, RW), -ERANGE);
	CHECK_EQ(fixture_map(f, 0, pa_top, 0x1000, RW), -ERANGE);
	CHECK_EQ(fixture_map(f, 0, UINT64_MAX - 0xfff, 0x1000, RW), -ERANGE);
	CHECK_EQ(fixture_map(f, 0, UINT64_MAX - 0xfff, 0x2000, RW), -ERANGE);
	CHECK_EQ(piommu_pt_vtdss_map_page(&f->pt, f->top, 0, RW), -ERANGE);
	CHECK_EQ(piommu_pt_vtdss_map_page(&f->pt, UINT64_MAX - 0xfff, 0, RW), -ERANGE);
	CHECK_EQ(piommu_pt_vtdss_map_page(&f->pt, 0, pa_top, RW), -ERANGE);
	CHECK_EQ(piommu_pt_vtdss_map_page(&f->pt, 0, UINT64_MAX - 0xfff, RW), -ERANGE);
	CHECK_EQ(piommu_pt_vtdss_unmap_page(&f->pt, f->top, &f->gather, NULL), -ERANGE);
	CHECK_EQ(fixture_unmap(f, f->top - 0x1000, 0x2000, &unmapped), -ERANGE);
	CHECK_EQ(fixture_unmap(f, 0x2000, SIZE_MAX - 0xfff, &unmapped), -ERANGE);
	CHECK_EQ(fixture_unmap(f, f->top - GIB, GIB, &unmapped), 0);
	CHECK_HEX(unmapped, GIB);
}

static void t30_the_end_of_the_address_space_is_usable_and_is_the_end(void)
{
	for_each_case(top_body);
}

static void page_body(struct fixture *f)
{
	uint64_t iova = f->top - 0x1000, pa = (UINT64_C(1) << 46) - 0x1000;
	size_t unmapped = 7;
	unsigned level;

	/* The first time tables are missing. */
	for (unsigned round = 0; round < 2; round++) {
		CHECK_EQ(fixture_unmap_page(f, iova, &unmapped), -ENOENT);
		CHECK_EQ(unmapped, 0);
		CU_ASSERT(piommu_gather_empty(&f->gather));
		CHECK_EQ(piommu_pt_vtdss_map_page(&f->pt, iova, pa, PIOMMU_READ), 0);
		CHECK_HEX(fixture_entry(f, iova, &level, f->shadow != NULL), pa | 1);
		CHECK_EQ(piommu_pt_vtdss_map_page(&f->pt, iova, 0, RW), -EEXIST);
		CHECK_HEX(fixture_entry(f, iova, &level, f->shadow != NULL), pa | 1);
		CHECK_EQ(fixture_unmap_page(f, iova, round ? &unmapped : NULL), 0);
		CHECK_HEX(unmapped, round ? 0x1000 : 0);
		CHECK_HEX(fixture_entry(f, iova, &level, f->shadow != NULL), 0);
		CU_ASSERT(f->gather.n == 1 && fixture_gathered(f, iova, 0x1000));
	}
	if (!has_size(f, 2 * MIB))
		return;
	CHECK_EQ(fixture_map(f, 2 * MIB, 0, 2 * MIB, RW), 0);
	CHECK_EQ(piommu_pt_vtdss_map_page(&f->pt, 2 * MIB, 0, RW), -EEXIST);
	CHECK_EQ(fixture_unmap_page(f, 2 * MIB, &unmapped), -EXDEV);
	CHECK_EQ(fixture_unmap_page(f, 4 * MIB - 0x1000, NULL), -EXDEV);
	CHECK_HEX(fixture_entry(f, 2 * MIB, &level, f->shadow != NULL), 0x83);
}

static void one_page_is_a_range_like_others(void)
{
	for_each_case(page_body);
	for (unsigned i = 0; i < PT_NCASES; i++) {
		struct fixture f;

		fixture_init(&f, pt_cases[i], 8 * MIB, true);
		page_body(&f);
		fixture_fini(&f);
	}
}

/* ---- Refusals change nothing ----------------------------------------------------------------------------------------- */

static void partial_body(struct fixture *f)
{
	static const struct {
		uint64_t iova, len;
	} cut[] = {
		{ 2 * MIB, 0x1000 },           { 4 * MIB - 0x1000, 0x1000 },  { 2 * MIB + 0x5000, 0x3000 },
		{ 2 * MIB - 0x1000, 0x2000 },  { 4 * MIB - 0x1000, 0x2000 },  { 0, 4 * MIB - 0x1000 },
		{ 2 * MIB + 0x1000, 4 * GIB }, { 2 * MIB + 0x1000, 2 * MIB },
	};
	size_t unmapped = 7;
	uint64_t pa;

	if (!has_size(f, 2 * MIB))
		return;
	CHECK_EQ(fixture_map(f, MIB, GIB + MIB, 4 * MIB, RW), 0);
	for (unsigned i = 0; i < sizeof(cut) / sizeof(cut[0]); i++) {
		CHECK_EQ(fixture_unmap(f, cut[i].iova, cut[i].len, &unmapped), -EXDEV);
		CHECK_EQ(unmapped, 7);
		CU_ASSERT(piommu_gather_empty(&f->gather));
		for (uint64_t iova = MIB; iova < 5 * MIB; iova += 0x1000)
			CU_ASSERT(fixture_translate(f, iova, &pa, false) && pa == GIB + iova);
	}
	CHECK_EQ(fixture_unmap(f, 2 * MIB - 0x2000, 2 * MIB + 0x4000, &unmapped), 0);
	CHECK_HEX(unmapped, 2 * MIB + 0x4000);
}

static void a_part_of_a_super_page_is_refused_and_stays(void)
{
	for_each_case(partial_body);
}

static void overlap_body(struct fixture *f)
{
	uint64_t pa;

	CHECK_EQ(fixture_map(f, 4 * MIB, 0, 2 * MIB, RW), 0);
	CHECK_EQ(fixture_map(f, 9 * MIB, 0x1000, 0x3000, RW), 0);
	CHECK_EQ(fixture_map(f, 4 * MIB, 0, 0x1000, RW), -EEXIST);
	CHECK_EQ(fixture_map(f, 6 * MIB - 0x1000, 0, 0x3000, RW), -EEXIST);
	CHECK_EQ(fixture_map(f, 9 * MIB - 0x1000, 0, 0x2000, RW), -EEXIST);
	CHECK_EQ(fixture_map(f, 9 * MIB + 0x2000, 0, 0x1000, RW), -EEXIST);
	CHECK_EQ(fixture_map(f, 8 * MIB, 2 * MIB, 2 * MIB, RW), -EEXIST);
	CHECK_EQ(fixture_map(f, 0, 0, GIB, RW), -EEXIST);
	CHECK_EQ(fixture_map(f, 2 * MIB, 2 * MIB, 4 * MIB, RW), -EEXIST);
	for (uint64_t iova = 0; iova < 12 * MIB; iova += 0x1000) {
		bool first = iova >= 4 * MIB && iova < 6 * MIB;
		bool second = iova >= 9 * MIB && iova < 9 * MIB + 0x3000;

		CHECK_EQ(fixture_translate(f, iova, &pa, false), first || second);
		if (first || second)
			CHECK_HEX(pa, first ? iova - 4 * MIB : iova - 9 * MIB + 0x1000);
	}
}

static void an_overlap_is_refused_and_nothing_is_mapped(void)
{
	for_each_case(overlap_body);
}

static void holes_body(struct fixture *f)
{
	size_t unmapped = 7;

	CHECK_EQ(fixture_unmap(f, 0x1000, 0x1000, &unmapped), 0);
	CHECK_EQ(unmapped, 0);
	CU_ASSERT(piommu_gather_empty(&f->gather));
	CHECK_EQ(fixture_map(f, 0x1000, 0, 0x1000, PIOMMU_READ), 0);
	CHECK_EQ(fixture_map(f, 0x3000, 0, 0x2000, PIOMMU_WRITE), 0);
	CHECK_EQ(fixture_map(f, 6 * MIB, 0, 2 * MIB, RW), 0);
	CHECK_EQ(fixture_unmap(f, 0, 0x6000, &unmapped), 0);
	CHECK_HEX(unmapped, 0x3000);
	CHECK_EQ(f->gather.n, 2);
	CHECK_HEX(f->gather.range[0].start, 0x1000);
	CHECK_HEX(f->gather.range[0].last, 0x1fff);
	CHECK_HEX(f->gather.range[1].start, 0x3000);
	CHECK_HEX(f->gather.range[1].last, 0x4fff);
	CHECK_EQ(fixture_unmap(f, 0, f->top, &unmapped), 0);
	CHECK_HEX(unmapped, 2 * MIB);
}

static void holes_are_passed_over_and_not_counted(void)
{
	for_each_case(holes_body);
}

/* One of them readable only, the next writable only: no bit is common to all. */
static void mixed_permissions_unmap_as_one_run(void)
{
	struct fixture f;
	size_t unmapped = 0;

	fixture_init(&f, pt_cases[3], 4 * MIB, false);
	CHECK_EQ(fixture_map(&f, 0x0000, 0, 0x8000, PIOMMU_READ), 0);
	CHECK_EQ(fixture_map(&f, 0x8000, 0, 0x8000, PIOMMU_WRITE), 0);
	CHECK_EQ(fixture_unmap(&f, 0, 0x10000, &unmapped), 0);
	CHECK_HEX(unmapped, 0x10000);
	CHECK_EQ(f.gather.n, 1);
	CHECK_HEX(f.gather.range[0].last, 0xffff);
	fixture_fini(&f);
}

static void lookup_tells_all(void)
{
	struct fixture f;
	struct piommu_pt_leaf leaf = { 0 };

	fixture_init(&f, pt_cases[5], 4 * MIB, false);
	CHECK_EQ(piommu_pt_vtdss_lookup(&f.pt, 0, &leaf), -ENOENT);
	CHECK_EQ(piommu_pt_vtdss_lookup(&f.pt, f.top, &leaf), -ERANGE);
	CHECK_EQ(fixture_map(&f, 0, 0, 0x1000, PIOMMU_WRITE), 0); /* T25: address 0 is an address */
	CHECK_EQ(fixture_map(&f, GIB, 3 * GIB, GIB, PIOMMU_READ), 0);
	CHECK_EQ(piommu_pt_vtdss_lookup(&f.pt, 0x123, &leaf), 0);
	CHECK_HEX(leaf.pa, 0x123);
	CHECK_HEX(leaf.entry, 0x2);
	CHECK_EQ(leaf.prot, PIOMMU_WRITE);
	CHECK_EQ(piommu_pt_vtdss_lookup(&f.pt, GIB + 0x12345, &leaf), 0);
	CHECK_HEX(leaf.pa, 3 * GIB + 0x12345);
	CHECK_EQ(leaf.prot, PIOMMU_READ);
	CHECK_EQ(piommu_pt_vtdss_lookup(&f.pt, 0x1000, &leaf), -ENOENT);
	CHECK_EQ(piommu_pt_vtdss_lookup(&f.pt, 2 * GIB, &leaf), -ENOENT);
	fixture_fini(&f);
}

static const struct suite_test tests[] = {
	SUITE_TEST(entries_are_as_the_specification_draws_them),
	SUITE_TEST(a_walk_shows_every_table_entry),
	SUITE_TEST(leaf_bits_go_into_leaves_only),
	SUITE_TEST(init_refuses_what_the_format_has_not),
	SUITE_TEST(the_largest_leaf_that_fits_is_used),
	SUITE_TEST(a_misaligned_or_short_range_gets_smaller_leaves),
	SUITE_TEST(t30_the_end_of_the_address_space_is_usable_and_is_the_end),
	SUITE_TEST(one_page_is_a_range_like_others),
	SUITE_TEST(a_part_of_a_super_page_is_refused_and_stays),
	SUITE_TEST(an_overlap_is_refused_and_nothing_is_mapped),
	SUITE_TEST(holes_are_passed_over_and_not_counted),
	SUITE_TEST(mixed_permissions_unmap_as_one_run),
	SUITE_TEST(lookup_tells_all),
};

int main(int argc, char **argv)
{
	return suite_run(argc, argv, "pt_vtdss", tests, sizeof(tests) / sizeof(tests[0]));
}
