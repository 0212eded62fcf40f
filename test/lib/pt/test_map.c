/* SPDX-License-Identifier: BSD-3-Clause */
/* Tables of any format on a coherent unit: page sizes, ends of the address space, refusals, holes. "[FORMAT]" on the command line. */
#include <errno.h>

#include "pt_fixture.h"
#include "suite.h"

#define RW PIOMMU_RW

/* Runs `body` on a fresh table of every width and set of leaf sizes. */
static void for_each_case(void (*body)(struct fixture *f))
{
	for (unsigned i = 0; i < pt_ncases(); i++) {
		struct fixture f;

		fixture_init(&f, pt_case(i), 8 * MIB, false);
		body(&f);
		fixture_fini(&f);
	}
}

static bool has_size(const struct fixture *f, uint64_t size)
{
	return (f->pt.leaf_sizes & size) != 0;
}

/* ---- Page sizes ---------------------------------------------------------------------------------------------------- */

/* The largest of page, block and huge page, up to `size`, that the table may use. */
static uint64_t capped(const struct fixture *f, uint64_t size)
{
	if (size == HUGE && !has_size(f, HUGE))
		size = BLOCK;
	if (size == BLOCK && !has_size(f, BLOCK))
		size = PAGE;
	return size;
}

/* What was mapped, and is still. */
struct mapping {
	uint64_t iova, pa, len;
};

/* `at` is in a leaf of `size`, or where there are groups, in the largest that the mapping has room for. */
static void check_size(struct fixture *f, const struct mapping *m, uint64_t at, uint64_t size)
{
	struct piommu_pt_leaf leaf = { 0 };

	CHECK_EQ(pt_kind->lookup(&f->pt, at, &leaf), 0);
	CHECK_HEX(leaf.pa, m->pa + (at - m->iova));
	CHECK_HEX(leaf.size, f->pt.groups ? fixture_best(f, at, m->iova, m->pa, m->len) : capped(f, size));
}

static void sizes_body(struct fixture *f)
{
	const struct mapping m = { HUGE - BLOCK - PAGE, 5 * HUGE - BLOCK - PAGE, HUGE + 2 * BLOCK + 2 * PAGE };
	size_t unmapped = 0;

	/* A page, a block, a huge page, a block, a page. */
	CHECK_EQ(fixture_map(f, m.iova, m.pa, m.len, RW), 0);
	check_size(f, &m, m.iova, PAGE);
	check_size(f, &m, HUGE - 1, BLOCK);
	check_size(f, &m, HUGE, HUGE);
	check_size(f, &m, 2 * HUGE - 1, HUGE);
	check_size(f, &m, 2 * HUGE, BLOCK);
	check_size(f, &m, 2 * HUGE + BLOCK + PAGE - 1, PAGE);
	CHECK_EQ(fixture_unmap(f, m.iova, m.len, &unmapped), 0);
	CHECK_HEX(unmapped, m.len);
	CU_ASSERT(fixture_gathered(f, m.iova, m.len));
	CHECK_EQ(f->gather.n, 1);
}

static void the_largest_leaf_that_fits_is_used(void)
{
	for_each_case(sizes_body);
}

static void misaligned_body(struct fixture *f)
{
	const struct mapping pages = { BLOCK, PAGE, BLOCK };
	const struct mapping short_one = { 4 * BLOCK, 4 * BLOCK, BLOCK - PAGE };
	const struct mapping blocks = { 2 * HUGE, 4 * HUGE + BLOCK, HUGE };

	CHECK_EQ(fixture_map(f, pages.iova, pages.pa, pages.len, RW), 0);
	check_size(f, &pages, pages.iova + 5 * PAGE, PAGE);
	CHECK_EQ(fixture_map(f, short_one.iova, short_one.pa, short_one.len, RW), 0);
	check_size(f, &short_one, short_one.iova, PAGE);
	CHECK_EQ(fixture_map(f, blocks.iova, blocks.pa, blocks.len, RW), 0);
	check_size(f, &blocks, blocks.iova, BLOCK);
}

static void a_misaligned_or_short_range_gets_smaller_leaves(void)
{
	for_each_case(misaligned_body);
}

/* T30 of doc/locking.md. */
static void top_body(struct fixture *f)
{
	uint64_t pa_top = UINT64_C(1) << PT_PA_BITS, last_page = UINT64_MAX - PAGE + 1;
	const struct mapping one = { f->top - PAGE, pa_top - PAGE, PAGE };
	const struct mapping short_one = { f->top - HUGE, pa_top - HUGE, HUGE - PAGE };
	const struct mapping whole = { f->top - HUGE, pa_top - HUGE, HUGE };
	size_t unmapped = 0;

	CHECK_EQ(fixture_map(f, f->top - PAGE, pa_top - PAGE, PAGE, RW), 0);
	check_size(f, &one, f->top - 1, PAGE);
	CHECK_EQ(fixture_map(f, f->top - 2 * HUGE, pa_top - 2 * HUGE, 2 * HUGE, RW), -EEXIST);
	CHECK_EQ(fixture_unmap(f, f->top - PAGE, PAGE, &unmapped), 0);
	CHECK_EQ(fixture_map(f, f->top - HUGE, pa_top - HUGE, HUGE - PAGE, RW), 0);
	check_size(f, &short_one, f->top - HUGE, BLOCK);
	check_size(f, &short_one, f->top - BLOCK, PAGE);
	CHECK_EQ(fixture_unmap(f, f->top - HUGE, HUGE - PAGE, &unmapped), 0);
	CHECK_EQ(fixture_map(f, f->top - HUGE, pa_top - HUGE, HUGE, RW), 0);
	check_size(f, &whole, f->top - 1, HUGE);
	CHECK_EQ(fixture_map(f, f->top - PAGE, 0, 2 * PAGE, RW), -ERANGE);
	CHECK_EQ(fixture_map(f, f->top, 0, PAGE, RW), -ERANGE);
	CHECK_EQ(fixture_map(f, last_page, 0, PAGE, RW), -ERANGE);
	CHECK_EQ(fixture_map(f, PAGE, 0, last_page, RW), -ERANGE);
	CHECK_EQ(fixture_map(f, 2 * PAGE, 0, last_page, RW), -ERANGE);
	CHECK_EQ(fixture_map(f, 0, pa_top - PAGE, 2 * PAGE, RW), -ERANGE);
	CHECK_EQ(fixture_map(f, 0, pa_top, PAGE, RW), -ERANGE);
	CHECK_EQ(fixture_map(f, 0, last_page, PAGE, RW), -ERANGE);
	CHECK_EQ(fixture_map(f, 0, last_page, 2 * PAGE, RW), -ERANGE);
	CHECK_EQ(pt_kind->map_page(&f->pt, f->top, 0, RW), -ERANGE);
	CHECK_EQ(pt_kind->map_page(&f->pt, last_page, 0, RW), -ERANGE);
	CHECK_EQ(pt_kind->map_page(&f->pt, 0, pa_top, RW), -ERANGE);
	CHECK_EQ(pt_kind->map_page(&f->pt, 0, last_page, RW), -ERANGE);
	CHECK_EQ(pt_kind->unmap_page(&f->pt, f->top, &f->gather, NULL), -ERANGE);
	CHECK_EQ(fixture_unmap(f, f->top - PAGE, 2 * PAGE, &unmapped), -ERANGE);
	CHECK_EQ(fixture_unmap(f, 2 * PAGE, last_page, &unmapped), -ERANGE);
	CHECK_EQ(fixture_unmap(f, f->top - HUGE, HUGE, &unmapped), 0);
	CHECK_HEX(unmapped, HUGE);
}

static void t30_the_end_of_the_address_space_is_usable_and_is_the_end(void)
{
	for_each_case(top_body);
}

/*
 * Beyond the root comes the first table, in which a walk that went on there would find its way: down to a page that a device owns, taken
 * for the last table.
 */
static void behind_root_body(struct fixture *f)
{
	uint64_t *page;
	size_t unmapped;

	CHECK_EQ(fixture_map(f, PAGE, 0, PAGE, RW), 0); /* the tables: the pool's next pages */
	page = piommu_pool_get(f->pool);
	CU_ASSERT_PTR_NOT_NULL_FATAL(page);
	CHECK_EQ(fixture_map(f, 0, (uintptr_t)page - f->pt.va_off, PAGE, RW), 0);
	for (unsigned i = 0; i < 2; i++) {
		uint64_t iova = f->top << i;

		CHECK_EQ(pt_kind->map_page(&f->pt, iova, PAGE, RW), -ERANGE);
		CHECK_EQ(fixture_map_run(f, iova, PAGE, 2 * PAGE, RW), -ERANGE);
		page[0] = UINT64_MAX;
		CHECK_EQ(fixture_unmap_page(f, iova, &unmapped), -ERANGE);
		CHECK_EQ(fixture_unmap_run(f, iova, PAGE, &unmapped), -ERANGE);
		CHECK_HEX(page[0], UINT64_MAX);
		page[0] = 0;
	}
	piommu_pool_put(f->pool, page);
}

static void t30_what_lies_behind_the_root_is_no_table(void)
{
	for_each_case(behind_root_body);
}

static void page_body(struct fixture *f)
{
	uint64_t iova = f->top - PAGE, pa = (UINT64_C(1) << PT_PA_BITS) - PAGE;
	size_t unmapped = 7;
	unsigned level;

	/* The first time tables are missing. */
	for (unsigned round = 0; round < 2; round++) {
		CHECK_EQ(fixture_unmap_page(f, iova, &unmapped), -ENOENT);
		CHECK_EQ(unmapped, 0);
		CU_ASSERT(piommu_gather_empty(&f->gather));
		CHECK_EQ(pt_kind->map_page(&f->pt, iova, pa, PIOMMU_READ), 0);
		CHECK_HEX(fixture_entry(f, iova, &level, f->shadow != NULL), pa | pt_kind->page.read);
		CHECK_EQ(pt_kind->map_page(&f->pt, iova, 0, RW), -EEXIST);
		CHECK_HEX(fixture_entry(f, iova, &level, f->shadow != NULL), pa | pt_kind->page.read);
		CHECK_EQ(fixture_unmap_page(f, iova, round ? &unmapped : NULL), 0);
		CHECK_HEX(unmapped, round ? PAGE : 0);
		CHECK_HEX(fixture_entry(f, iova, &level, f->shadow != NULL), 0);
		CU_ASSERT(f->gather.n == 1 && fixture_gathered(f, iova, PAGE));
	}
	if (!has_size(f, BLOCK))
		return;
	CHECK_EQ(fixture_map(f, BLOCK, 0, BLOCK, RW), 0);
	CHECK_EQ(pt_kind->map_page(&f->pt, BLOCK, 0, RW), -EEXIST);
	CHECK_EQ(fixture_unmap_page(f, BLOCK, &unmapped), -EXDEV);
	CHECK_EQ(fixture_unmap_page(f, 2 * BLOCK - PAGE, NULL), -EXDEV);
	CHECK_HEX(fixture_entry(f, BLOCK, &level, f->shadow != NULL), pt_kind->block.both);
}

static void one_page_is_a_range_like_others(void)
{
	for_each_case(page_body);
	for (unsigned i = 0; i < pt_ncases(); i++) {
		struct fixture f;

		fixture_init(&f, pt_case(i), 8 * MIB, true);
		page_body(&f);
		fixture_fini(&f);
	}
}

/* ---- Refusals change nothing ----------------------------------------------------------------------------------------- */

static void partial_body(struct fixture *f)
{
	const struct {
		uint64_t iova, len;
	} cut[] = {
		{ BLOCK, PAGE },
		{ 2 * BLOCK - PAGE, PAGE },
		{ BLOCK + 5 * PAGE, 3 * PAGE },
		{ BLOCK - PAGE, 2 * PAGE },
		{ 2 * BLOCK - PAGE, 2 * PAGE },
		{ 0, 2 * BLOCK - PAGE },
		{ BLOCK + PAGE, 4 * HUGE },
		{ BLOCK + PAGE, BLOCK },
	};
	uint64_t group = pt_kind->groups & -pt_kind->groups, edge = f->pt.groups ? group : 2 * PAGE;
	size_t unmapped = 7;
	uint64_t pa;

	if (!has_size(f, BLOCK))
		return;
	CHECK_EQ(fixture_map(f, HALF, HUGE + HALF, 2 * BLOCK, RW), 0);
	for (unsigned i = 0; i < sizeof(cut) / sizeof(cut[0]); i++) {
		CHECK_EQ(fixture_unmap(f, cut[i].iova, cut[i].len, &unmapped), -EXDEV);
		CHECK_EQ(unmapped, 7);
		CU_ASSERT(piommu_gather_empty(&f->gather));
		for (uint64_t iova = HALF; iova < 5 * HALF; iova += PAGE)
			CU_ASSERT(fixture_translate(f, iova, &pa, false) && pa == HUGE + iova);
	}
	CHECK_EQ(fixture_unmap(f, BLOCK - edge, BLOCK + 2 * edge, &unmapped), 0);
	CHECK_HEX(unmapped, BLOCK + 2 * edge);
}

static void a_part_of_a_super_page_is_refused_and_stays(void)
{
	for_each_case(partial_body);
}

static void overlap_body(struct fixture *f)
{
	uint64_t pa;

	CHECK_EQ(fixture_map(f, 2 * BLOCK, 0, BLOCK, RW), 0);
	CHECK_EQ(fixture_map(f, 9 * HALF, PAGE, 3 * PAGE, RW), 0);
	CHECK_EQ(fixture_map(f, 2 * BLOCK, 0, PAGE, RW), -EEXIST);
	CHECK_EQ(fixture_map(f, 3 * BLOCK - PAGE, 0, 3 * PAGE, RW), -EEXIST);
	CHECK_EQ(fixture_map(f, 9 * HALF - PAGE, 0, 2 * PAGE, RW), -EEXIST);
	CHECK_EQ(fixture_map(f, 9 * HALF + 2 * PAGE, 0, PAGE, RW), -EEXIST);
	CHECK_EQ(fixture_map(f, 4 * BLOCK, BLOCK, BLOCK, RW), -EEXIST);
	CHECK_EQ(fixture_map(f, 0, 0, HUGE, RW), -EEXIST);
	CHECK_EQ(fixture_map(f, BLOCK, BLOCK, 2 * BLOCK, RW), -EEXIST);
	for (uint64_t iova = 0; iova < 6 * BLOCK; iova += PAGE) {
		bool first = iova >= 2 * BLOCK && iova < 3 * BLOCK;
		bool second = iova >= 9 * HALF && iova < 9 * HALF + 3 * PAGE;

		CHECK_EQ(fixture_translate(f, iova, &pa, false), first || second);
		if (first || second)
			CHECK_HEX(pa, first ? iova - 2 * BLOCK : iova - 9 * HALF + PAGE);
	}
}

static void an_overlap_is_refused_and_nothing_is_mapped(void)
{
	for_each_case(overlap_body);
}

static void holes_body(struct fixture *f)
{
	size_t unmapped = 7;

	CHECK_EQ(fixture_unmap(f, PAGE, PAGE, &unmapped), 0);
	CHECK_EQ(unmapped, 0);
	CU_ASSERT(piommu_gather_empty(&f->gather));
	CHECK_EQ(fixture_map(f, PAGE, 0, PAGE, PIOMMU_READ), 0);
	CHECK_EQ(fixture_map(f, 3 * PAGE, 0, 2 * PAGE, PIOMMU_WRITE), 0);
	CHECK_EQ(fixture_map(f, 3 * BLOCK, 0, BLOCK, RW), 0);
	CHECK_EQ(fixture_unmap(f, 0, 6 * PAGE, &unmapped), 0);
	CHECK_HEX(unmapped, 3 * PAGE);
	CHECK_EQ(f->gather.n, 2);
	CHECK_HEX(f->gather.range[0].start, PAGE);
	CHECK_HEX(f->gather.range[0].last, 2 * PAGE - 1);
	CHECK_HEX(f->gather.range[1].start, 3 * PAGE);
	CHECK_HEX(f->gather.range[1].last, 5 * PAGE - 1);
	CHECK_EQ(fixture_unmap(f, 0, f->top, &unmapped), 0);
	CHECK_HEX(unmapped, BLOCK);
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

	fixture_init(&f, pt_pages(), 4 * MIB, false);
	CHECK_EQ(fixture_map(&f, 0x0000, 0, 8 * PAGE, PIOMMU_READ), 0);
	CHECK_EQ(fixture_map(&f, 8 * PAGE, 0, 8 * PAGE, PIOMMU_WRITE), 0);
	CHECK_EQ(fixture_unmap(&f, 0, 16 * PAGE, &unmapped), 0);
	CHECK_HEX(unmapped, 16 * PAGE);
	CHECK_EQ(f.gather.n, 1);
	CHECK_HEX(f.gather.range[0].last, 16 * PAGE - 1);
	fixture_fini(&f);
}

static void lookup_tells_all(void)
{
	struct fixture f;
	struct piommu_pt_leaf leaf = { 0 };

	fixture_init(&f, pt_super_pages(), 4 * MIB, false);
	CHECK_EQ(pt_kind->lookup(&f.pt, 0, &leaf), -ENOENT);
	CHECK_EQ(pt_kind->lookup(&f.pt, f.top, &leaf), -ERANGE);
	CHECK_EQ(fixture_map(&f, 0, 0, PAGE, PIOMMU_WRITE), 0); /* T25: address 0 is an address */
	CHECK_EQ(fixture_map(&f, HUGE, 3 * HUGE, HUGE, PIOMMU_READ), 0);
	CHECK_EQ(pt_kind->lookup(&f.pt, 0x123, &leaf), 0);
	CHECK_HEX(leaf.pa, 0x123);
	CHECK_HEX(leaf.entry, pt_kind->page.write);
	CHECK_EQ(leaf.prot, pt_kind->write_only ? PIOMMU_WRITE : PIOMMU_RW);
	CHECK_EQ(pt_kind->lookup(&f.pt, HUGE + 0x12345, &leaf), 0);
	CHECK_HEX(leaf.pa, 3 * HUGE + 0x12345);
	CHECK_EQ(leaf.prot, PIOMMU_READ);
	CHECK_EQ(pt_kind->lookup(&f.pt, PAGE, &leaf), -ENOENT);
	CHECK_EQ(pt_kind->lookup(&f.pt, 2 * HUGE, &leaf), -ENOENT);
	fixture_fini(&f);
}

static const struct suite_test tests[] = {
	SUITE_TEST(the_largest_leaf_that_fits_is_used),
	SUITE_TEST(a_misaligned_or_short_range_gets_smaller_leaves),
	SUITE_TEST(t30_the_end_of_the_address_space_is_usable_and_is_the_end),
	SUITE_TEST(t30_what_lies_behind_the_root_is_no_table),
	SUITE_TEST(one_page_is_a_range_like_others),
	SUITE_TEST(a_part_of_a_super_page_is_refused_and_stays),
	SUITE_TEST(an_overlap_is_refused_and_nothing_is_mapped),
	SUITE_TEST(holes_are_passed_over_and_not_counted),
	SUITE_TEST(mixed_permissions_unmap_as_one_run),
	SUITE_TEST(lookup_tells_all),
};

int main(int argc, char **argv)
{
	pt_kind_choose(&argc, argv);
	return suite_run(argc, argv, "pt_map", tests, sizeof(tests) / sizeof(tests[0]));
}
