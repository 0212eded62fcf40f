/* SPDX-License-Identifier: BSD-3-Clause */
/* Table pages: when they come, when they go, who gets them, and what happens when there are no more. */
#include <errno.h>

#include "pt_fixture.h"
#include "suite.h"

#define RW PIOMMU_RW
#define HAS_HUGE (pt_kind->super_pages & HUGE)

/* Maps without returning the gather's tables: f->gather holds them. */
static int map_gather(struct fixture *f, uint64_t iova, uint64_t pa, size_t len)
{
	piommu_gather_init(&f->gather);
	return pt_kind->map(&f->pt, iova, pa, len, RW, &f->gather);
}

static int unmap_gather(struct fixture *f, uint64_t iova, size_t len, size_t *unmapped)
{
	piommu_gather_init(&f->gather);
	return pt_kind->unmap(&f->pt, iova, len, &f->gather, unmapped);
}

static void a_steady_state_frees_no_table(void)
{
	for (unsigned i = 0; i < pt_ncases(); i++) {
		struct fixture f;
		size_t tables, unmapped = 0;

		fixture_init(&f, pt_case(i), 4 * MIB, false);
		CHECK_EQ(fixture_map(&f, 0, PAGE, BLOCK, RW), 0); /* misaligned: pages */
		tables = fixture_tables(&f);
		CHECK_EQ(tables, f.pt.levels - 1);
		CHECK_EQ(unmap_gather(&f, 0, BLOCK, &unmapped), 0);
		CHECK_EQ(f.gather.pages.n, 0);
		CU_ASSERT(!f.gather.nonleaf);
		CHECK_EQ(f.gather.n, 1);
		CHECK_HEX(f.gather.range[0].last, BLOCK - 1);
		CHECK_EQ(fixture_map(&f, HALF, PAGE, BLOCK, RW), 0);
		CHECK_EQ(unmap_gather(&f, HALF, BLOCK, &unmapped), 0);
		CHECK_EQ(f.gather.pages.n, 0);
		CHECK_EQ(fixture_tables(&f), tables + 1);
		fixture_fini(&f);
	}
}

static void a_range_of_several_tables_unlinks_them(void)
{
	for (unsigned i = 0; i < pt_ncases(); i++) {
		struct fixture f;
		size_t tables, unmapped = 0;

		fixture_init(&f, pt_case(i), 16 * MIB, false);
		CHECK_EQ(fixture_map(&f, HALF, PAGE, 2 * BLOCK, RW), 0); /* half a table, a whole one, half a table */
		tables = fixture_tables(&f);
		CHECK_EQ(unmap_gather(&f, HALF, 2 * BLOCK, &unmapped), 0);
		CHECK_EQ(f.gather.pages.n, 0);
		CHECK_EQ(fixture_map(&f, HALF, PAGE, 3 * BLOCK, RW), 0); /* half, two whole, half */
		CHECK_EQ(fixture_tables(&f), tables + 1);
		CHECK_EQ(unmap_gather(&f, HALF, 3 * BLOCK, &unmapped), 0);
		CHECK_HEX(unmapped, 3 * BLOCK);
		CHECK_EQ(f.gather.pages.n, 2);
		CU_ASSERT(f.gather.nonleaf);
		CHECK_EQ(f.gather.n, 1);
		CHECK_EQ(fixture_tables(&f), tables + 1); /* the gather's are still out: hardware may walk them */
		fixture_retire(&f);
		CHECK_EQ(fixture_tables(&f), tables - 1);
		fixture_fini(&f);
	}
}

static void unmapping_everything_leaves_the_root(void)
{
	for (unsigned i = 0; i < pt_ncases(); i++) {
		struct fixture f;
		size_t unmapped = 0;

		fixture_init(&f, pt_case(i), 16 * MIB, false);
		CHECK_EQ(fixture_map(&f, SPAN3 - 8 * BLOCK, PAGE, 16 * BLOCK, RW), 0);
		CHECK_EQ(fixture_map(&f, f.top - 2 * HUGE, PAGE, PAGE, RW), 0);
		CHECK_EQ(unmap_gather(&f, 0, f.top, &unmapped), 0);
		CHECK_HEX(unmapped, 16 * BLOCK + PAGE);
		fixture_retire(&f);
		CHECK_EQ(fixture_tables(&f), 0);
		fixture_fini(&f);
	}
}

/* The tables' own entries may be in paging-structure caches for addresses that had no leaf. */
static void an_unlinked_empty_table_is_invalidated_whole(void)
{
	struct fixture f;
	size_t unmapped = 0;

	fixture_init(&f, pt_blocks(), 4 * MIB, false);
	CHECK_EQ(fixture_map(&f, BLOCK, PAGE, PAGE, RW), 0);
	CHECK_EQ(fixture_unmap(&f, BLOCK, PAGE, &unmapped), 0);
	CHECK_EQ(fixture_map(&f, 2 * BLOCK, PAGE, PAGE, RW), 0);
	CHECK_EQ(unmap_gather(&f, BLOCK, 2 * BLOCK, &unmapped), 0);
	CHECK_HEX(unmapped, PAGE);
	CHECK_EQ(f.gather.pages.n, 2);
	CU_ASSERT(fixture_gathered(&f, BLOCK, BLOCK) || fixture_gathered(&f, BLOCK, 2 * BLOCK));
	CU_ASSERT(fixture_gathered(&f, 2 * BLOCK, BLOCK) || fixture_gathered(&f, BLOCK, 2 * BLOCK));
	fixture_retire(&f);
	fixture_fini(&f);
}

static void a_super_page_displaces_empty_tables_into_the_gather(void)
{
	struct fixture f;
	size_t unmapped = 0;
	unsigned level;

	fixture_init(&f, pt_super_pages(), 8 * MIB, false);
	CHECK_EQ(fixture_map(&f, HUGE + BLOCK, PAGE, PAGE, RW), 0);
	CHECK_EQ(fixture_map(&f, HUGE + 3 * BLOCK, PAGE, PAGE, RW), 0);
	CHECK_EQ(map_gather(&f, HUGE + BLOCK, 2 * HUGE, BLOCK), -EEXIST); /* not empty */
	CHECK_EQ(map_gather(&f, HUGE, 2 * HUGE, HUGE), -EEXIST);
	CU_ASSERT(piommu_gather_empty(&f.gather) && !f.gather.pages.n);
	CHECK_EQ(fixture_unmap(&f, HUGE + BLOCK, PAGE, &unmapped), 0);
	CHECK_EQ(map_gather(&f, HUGE + BLOCK, 2 * HUGE, BLOCK), 0);
	CHECK_EQ(f.gather.pages.n, 1);
	CU_ASSERT(f.gather.nonleaf && fixture_gathered(&f, HUGE + BLOCK, BLOCK));
	CHECK_HEX(fixture_entry(&f, HUGE + BLOCK, &level, false), 2 * HUGE + pt_kind->block.both);
	CHECK_EQ(level, 2);
	fixture_retire(&f);
	CHECK_EQ(fixture_unmap(&f, HUGE, HUGE, &unmapped), 0);
	CHECK_HEX(unmapped, BLOCK + PAGE);
	CHECK_EQ(map_gather(&f, HUGE, 2 * HUGE, HUGE), 0);
	CHECK_EQ(f.gather.pages.n, HAS_HUGE ? 1 : 0); /* the level-2 table; the unmap took the others */
	CU_ASSERT(!HAS_HUGE || (f.gather.nonleaf && fixture_gathered(&f, HUGE, HUGE)));
	CHECK_HEX(fixture_entry(&f, HUGE, &level, false), 2 * HUGE + pt_kind->block.both);
	CHECK_EQ(level, HAS_HUGE ? 3 : 2);
	fixture_retire(&f);
	fixture_fini(&f);
}

static void a_huge_page_displaces_tables_of_two_levels(void)
{
	struct fixture f;
	struct pt_case three_levels = { pt_kind->widths[1], pt_super_pages().leaf_sizes };
	size_t unmapped = 0;

	if (!HAS_HUGE)
		return;
	fixture_init(&f, three_levels, 8 * MIB, false);
	for (uint64_t iova = HUGE; iova < HUGE + 4 * BLOCK; iova += 2 * BLOCK) {
		CHECK_EQ(fixture_map(&f, iova, PAGE, PAGE, RW), 0);
		CHECK_EQ(fixture_unmap(&f, iova, PAGE, &unmapped), 0);
	}
	CHECK_EQ(fixture_tables(&f), 3);
	CHECK_EQ(map_gather(&f, HUGE, 2 * HUGE, HUGE), 0);
	CHECK_EQ(f.gather.pages.n, 3);
	CHECK_EQ(f.gather.n, 1);
	CU_ASSERT(f.gather.nonleaf && fixture_gathered(&f, HUGE, HUGE));
	fixture_retire(&f);
	CHECK_EQ(fixture_tables(&f), 0);
	fixture_fini(&f);
}

static void without_a_gather_the_tables_stay_and_leaves_are_smaller(void)
{
	struct fixture f;
	struct piommu_pt_leaf leaf;
	size_t unmapped = 0;

	fixture_init(&f, pt_super_pages(), 8 * MIB, false);
	CHECK_EQ(fixture_map(&f, HUGE + BLOCK, 0, PAGE, RW), 0);
	CHECK_EQ(pt_kind->map(&f.pt, HUGE, 2 * HUGE, HUGE, RW, NULL), -EEXIST);
	CHECK_EQ(fixture_unmap(&f, HUGE + BLOCK, PAGE, &unmapped), 0);
	CHECK_EQ(pt_kind->map(&f.pt, HUGE, 2 * HUGE, HUGE, RW, NULL), 0);
	CHECK_EQ(fixture_tables(&f), f.pt.levels - 1);
	for (uint64_t iova = HUGE; iova < 2 * HUGE; iova += BLOCK) {
		CHECK_EQ(pt_kind->lookup(&f.pt, iova, &leaf), 0);
		CHECK_HEX(leaf.pa, iova + HUGE);
		CHECK_HEX(leaf.size, iova == HUGE + BLOCK ? PAGE : BLOCK);
	}
	CHECK_EQ(fixture_unmap(&f, HUGE, HUGE, &unmapped), 0);
	CHECK_HEX(unmapped, HUGE);
	fixture_fini(&f);
}

static void more_holes_than_ranges_ask_for_the_whole_domain(void)
{
	struct fixture f;
	size_t unmapped = 0;

	fixture_init(&f, pt_pages(), 4 * MIB, false);
	for (uint64_t n = 0; n <= PIOMMU_GATHER_RANGES; n++)
		CHECK_EQ(fixture_map(&f, n * 2 * PAGE, 0, PAGE, RW), 0);
	CHECK_EQ(fixture_unmap(&f, 0, 2 * BLOCK, &unmapped), 0);
	CHECK_HEX(unmapped, (PIOMMU_GATHER_RANGES + 1) * PAGE);
	CU_ASSERT(f.gather.whole);
	fixture_fini(&f);
}

/* Takes all pages of a pool of one chunk but `left`; returns how many it took. */
static unsigned drain(struct fixture *f, unsigned left, void *taken[512])
{
	unsigned n = 0;

	while ((taken[n] = piommu_pool_get(f->pool)))
		n++;
	for (; left; left--)
		piommu_pool_put(f->pool, taken[--n]);
	return n;
}

static void refill(struct fixture *f, void *const *taken, unsigned n)
{
	while (n)
		piommu_pool_put(f->pool, taken[--n]);
}

/* With `left` pages to be had, a map that needs more fails whole, and works once there are pages again. */
static bool map_with_pages(struct fixture *f, unsigned left, uint64_t iova, size_t len)
{
	void *taken[512];
	unsigned ntaken = drain(f, left, taken);
	uint64_t pa;
	int err = fixture_map(f, iova, PAGE, len, RW);

	refill(f, taken, ntaken);
	if (!err)
		return true;
	CHECK_EQ(err, -ENOMEM);
	CHECK_EQ(fixture_tables(f), left); /* at most empty tables are left */
	for (uint64_t at = iova; at < iova + len; at += PAGE)
		CU_ASSERT(!fixture_translate(f, at, &pa, false));
	CHECK_EQ(fixture_map(f, iova, PAGE, len, RW), 0);
	return false;
}

static void no_memory_maps_nothing_whichever_page_is_missing(void)
{
	for (unsigned i = 0; i < pt_ncases(); i++) {
		bool done = false;
		unsigned left = 0, levels;

		for (; !done; left++) {
			struct fixture f;
			size_t unmapped = 0;

			fixture_init(&f, pt_case(i), 2 * MIB, false);
			/* Two tables of level 2 are needed (but where it is the root), and five of level 1. */
			done = map_with_pages(&f, left, SPAN3 - 5 * HALF, 4 * BLOCK);
			CHECK_EQ(fixture_unmap(&f, 0, f.top, &unmapped), 0);
			CHECK_HEX(unmapped, 4 * BLOCK);
			CHECK_EQ(fixture_tables(&f), 0);
			fixture_fini(&f);
		}
		levels = pt_kind_levels(pt_kind, pt_case(i).iova_bits);
		CHECK_EQ(left - 1, (levels > 2 ? levels - 3 + 2 : 0) + 5);
	}
}

static void init_without_memory_is_refused(void)
{
	struct fixture f;
	struct piommu_pt pt;
	struct piommu_pt_config config = { .leaf_sizes = PAGE, .pa_bits = PT_PA_BITS };
	void *taken[512];
	unsigned n;

	for (unsigned i = 0; !config.iova_bits || pt_kind->root_len(config.iova_bits) > PAGE; i++)
		config.iova_bits = pt_kind->widths[i];
	fixture_init(&f, pt_pages(), 2 * MIB, false);
	config.pool = f.pool;
	n = drain(&f, 0, taken);
	CHECK_EQ(pt_kind->init(&pt, &config), -ENOMEM);
	refill(&f, taken, n);
	fixture_fini(&f);
}

static const struct suite_test tests[] = {
	SUITE_TEST(a_steady_state_frees_no_table),
	SUITE_TEST(a_range_of_several_tables_unlinks_them),
	SUITE_TEST(unmapping_everything_leaves_the_root),
	SUITE_TEST(an_unlinked_empty_table_is_invalidated_whole),
	SUITE_TEST(a_super_page_displaces_empty_tables_into_the_gather),
	SUITE_TEST(a_huge_page_displaces_tables_of_two_levels),
	SUITE_TEST(without_a_gather_the_tables_stay_and_leaves_are_smaller),
	SUITE_TEST(more_holes_than_ranges_ask_for_the_whole_domain),
	SUITE_TEST(no_memory_maps_nothing_whichever_page_is_missing),
	SUITE_TEST(init_without_memory_is_refused),
};

int main(int argc, char **argv)
{
	pt_kind_choose(&argc, argv);
	return suite_run(argc, argv, "pt_tables", tests, sizeof(tests) / sizeof(tests[0]));
}
