/* SPDX-License-Identifier: BSD-3-Clause */
/* Table pages: when they come, when they go, who gets them, and what happens when there are no more. */
#include <errno.h>

#include "pt_fixture.h"
#include "suite.h"

#define RW PIOMMU_RW

/* Maps without returning the gather's tables: f->gather holds them. */
static int map_gather(struct fixture *f, uint64_t iova, uint64_t pa, size_t len)
{
	piommu_gather_init(&f->gather);
	return piommu_pt_vtdss_map(&f->pt, iova, pa, len, RW, &f->gather);
}

static int unmap_gather(struct fixture *f, uint64_t iova, size_t len, size_t *unmapped)
{
	piommu_gather_init(&f->gather);
	return piommu_pt_vtdss_unmap(&f->pt, iova, len, &f->gather, unmapped);
}

static void a_steady_state_frees_no_table(void)
{
	for (unsigned i = 0; i < PT_NCASES; i++) {
		struct fixture f;
		size_t tables, unmapped = 0;

		fixture_init(&f, pt_cases[i], 4 * MIB, false);
		CHECK_EQ(fixture_map(&f, 0, 0x1000, 2 * MIB, RW), 0); /* misaligned: 512 pages */
		tables = fixture_tables(&f);
		CHECK_EQ(tables, f.pt.levels - 1);
		CHECK_EQ(unmap_gather(&f, 0, 2 * MIB, &unmapped), 0);
		CHECK_EQ(f.gather.pages.n, 0);
		CU_ASSERT(!f.gather.nonleaf);
		CHECK_EQ(f.gather.n, 1);
		CHECK_HEX(f.gather.range[0].last, 2 * MIB - 1);
		CHECK_EQ(fixture_map(&f, MIB, 0x1000, 2 * MIB, RW), 0);
		CHECK_EQ(unmap_gather(&f, MIB, 2 * MIB, &unmapped), 0);
		CHECK_EQ(f.gather.pages.n, 0);
		CHECK_EQ(fixture_tables(&f), tables + 1);
		fixture_fini(&f);
	}
}

static void a_range_of_several_tables_unlinks_them(void)
{
	for (unsigned i = 0; i < PT_NCASES; i++) {
		struct fixture f;
		size_t tables, unmapped = 0;

		fixture_init(&f, pt_cases[i], 16 * MIB, false);
		CHECK_EQ(fixture_map(&f, MIB, 0x1000, 4 * MIB, RW), 0); /* half a table, a whole one, half a table */
		tables = fixture_tables(&f);
		CHECK_EQ(unmap_gather(&f, MIB, 4 * MIB, &unmapped), 0);
		CHECK_EQ(f.gather.pages.n, 0);
		CHECK_EQ(fixture_map(&f, MIB, 0x1000, 6 * MIB, RW), 0); /* half, two whole, half */
		CHECK_EQ(fixture_tables(&f), tables + 1);
		CHECK_EQ(unmap_gather(&f, MIB, 6 * MIB, &unmapped), 0);
		CHECK_HEX(unmapped, 6 * MIB);
		CHECK_EQ(f.gather.pages.n, 2);
		CU_ASSERT(f.gather.nonleaf);
		CHECK_EQ(f.gather.n, 1);
		CHECK_EQ(piommu_pool_used(f.pool), tables + 2); /* the gather's are still out: hardware may walk them */
		fixture_retire(&f);
		CHECK_EQ(fixture_tables(&f), tables - 1);
		fixture_fini(&f);
	}
}

static void unmapping_everything_leaves_the_root(void)
{
	for (unsigned i = 0; i < PT_NCASES; i++) {
		struct fixture f;
		size_t unmapped = 0;

		fixture_init(&f, pt_cases[i], 16 * MIB, false);
		CHECK_EQ(fixture_map(&f, 0, 0x1000, 2 * GIB, RW), 0);
		CHECK_EQ(fixture_map(&f, f.top - 2 * GIB, 0x1000, 0x1000, RW), 0);
		CHECK_EQ(unmap_gather(&f, 0, f.top, &unmapped), 0);
		CHECK_HEX(unmapped, 2 * GIB + 0x1000);
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

	fixture_init(&f, pt_cases[4], 4 * MIB, false);
	CHECK_EQ(fixture_map(&f, 2 * MIB, 0x1000, 0x1000, RW), 0);
	CHECK_EQ(fixture_unmap(&f, 2 * MIB, 0x1000, &unmapped), 0);
	CHECK_EQ(fixture_map(&f, 4 * MIB, 0x1000, 0x1000, RW), 0);
	CHECK_EQ(unmap_gather(&f, 2 * MIB, 4 * MIB, &unmapped), 0);
	CHECK_HEX(unmapped, 0x1000);
	CHECK_EQ(f.gather.pages.n, 2);
	CU_ASSERT(fixture_gathered(&f, 2 * MIB, 2 * MIB) || fixture_gathered(&f, 2 * MIB, 4 * MIB));
	CU_ASSERT(fixture_gathered(&f, 4 * MIB, 2 * MIB) || fixture_gathered(&f, 2 * MIB, 4 * MIB));
	fixture_retire(&f);
	fixture_fini(&f);
}

static void a_super_page_displaces_empty_tables_into_the_gather(void)
{
	struct fixture f;
	size_t unmapped = 0;
	unsigned level;

	fixture_init(&f, pt_cases[5], 8 * MIB, false);
	CHECK_EQ(fixture_map(&f, GIB + 2 * MIB, 0x1000, 0x1000, RW), 0);
	CHECK_EQ(fixture_map(&f, GIB + 6 * MIB, 0x1000, 0x1000, RW), 0);
	CHECK_EQ(map_gather(&f, GIB + 2 * MIB, 2 * GIB, 2 * MIB), -EEXIST); /* not empty */
	CHECK_EQ(map_gather(&f, GIB, 2 * GIB, GIB), -EEXIST);
	CU_ASSERT(piommu_gather_empty(&f.gather) && !f.gather.pages.n);
	CHECK_EQ(fixture_unmap(&f, GIB + 2 * MIB, 0x1000, &unmapped), 0);
	CHECK_EQ(map_gather(&f, GIB + 2 * MIB, 2 * GIB, 2 * MIB), 0);
	CHECK_EQ(f.gather.pages.n, 1);
	CU_ASSERT(f.gather.nonleaf && fixture_gathered(&f, GIB + 2 * MIB, 2 * MIB));
	CHECK_HEX(fixture_entry(&f, GIB + 2 * MIB, &level, false), 0x80000083);
	CHECK_EQ(level, 2);
	fixture_retire(&f);
	CHECK_EQ(fixture_unmap(&f, GIB, GIB, &unmapped), 0);
	CHECK_HEX(unmapped, 2 * MIB + 0x1000);
	CHECK_EQ(map_gather(&f, GIB, 2 * GIB, GIB), 0);
	CHECK_EQ(f.gather.pages.n, 1); /* the level-2 table; the unmap took the others */
	CU_ASSERT(f.gather.nonleaf && fixture_gathered(&f, GIB, GIB));
	CHECK_HEX(fixture_entry(&f, GIB, &level, false), 0x80000083);
	CHECK_EQ(level, 3);
	fixture_retire(&f);
	fixture_fini(&f);
}

static void a_gigabyte_displaces_tables_of_two_levels(void)
{
	struct fixture f;
	size_t unmapped = 0;

	fixture_init(&f, pt_cases[2], 8 * MIB, false);
	for (uint64_t iova = GIB; iova < GIB + 8 * MIB; iova += 4 * MIB) {
		CHECK_EQ(fixture_map(&f, iova, 0x1000, 0x1000, RW), 0);
		CHECK_EQ(fixture_unmap(&f, iova, 0x1000, &unmapped), 0);
	}
	CHECK_EQ(fixture_tables(&f), 3);
	CHECK_EQ(map_gather(&f, GIB, 2 * GIB, GIB), 0);
	CHECK_EQ(f.gather.pages.n, 3);
	CHECK_EQ(f.gather.n, 1);
	CU_ASSERT(f.gather.nonleaf && fixture_gathered(&f, GIB, GIB));
	fixture_retire(&f);
	CHECK_EQ(fixture_tables(&f), 0);
	fixture_fini(&f);
}

static void without_a_gather_the_tables_stay_and_leaves_are_smaller(void)
{
	struct fixture f;
	struct piommu_pt_leaf leaf;
	size_t unmapped = 0;

	fixture_init(&f, pt_cases[5], 8 * MIB, false);
	CHECK_EQ(fixture_map(&f, GIB + 2 * MIB, 0, 0x1000, RW), 0);
	CHECK_EQ(piommu_pt_vtdss_map(&f.pt, GIB, 2 * GIB, GIB, RW, NULL), -EEXIST);
	CHECK_EQ(fixture_unmap(&f, GIB + 2 * MIB, 0x1000, &unmapped), 0);
	CHECK_EQ(piommu_pt_vtdss_map(&f.pt, GIB, 2 * GIB, GIB, RW, NULL), 0);
	CHECK_EQ(fixture_tables(&f), 3);
	for (uint64_t iova = GIB; iova < 2 * GIB; iova += 2 * MIB) {
		CHECK_EQ(piommu_pt_vtdss_lookup(&f.pt, iova, &leaf), 0);
		CHECK_HEX(leaf.pa, iova + GIB);
		CHECK_HEX(leaf.size, iova == GIB + 2 * MIB ? 4 * KIB : 2 * MIB);
	}
	CHECK_EQ(fixture_unmap(&f, GIB, GIB, &unmapped), 0);
	CHECK_HEX(unmapped, GIB);
	fixture_fini(&f);
}

static void more_holes_than_ranges_ask_for_the_whole_domain(void)
{
	struct fixture f;
	size_t unmapped = 0;

	fixture_init(&f, pt_cases[3], 4 * MIB, false);
	for (uint64_t n = 0; n <= PIOMMU_GATHER_RANGES; n++)
		CHECK_EQ(fixture_map(&f, n * 0x2000, 0, 0x1000, RW), 0);
	CHECK_EQ(fixture_unmap(&f, 0, 4 * MIB, &unmapped), 0);
	CHECK_HEX(unmapped, (PIOMMU_GATHER_RANGES + 1) * 0x1000);
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
	int err = fixture_map(f, iova, 0x1000, len, RW);

	refill(f, taken, ntaken);
	if (!err)
		return true;
	CHECK_EQ(err, -ENOMEM);
	CHECK_EQ(fixture_tables(f), left); /* at most empty tables are left */
	for (uint64_t at = iova; at < iova + len; at += 0x1000)
		CU_ASSERT(!fixture_translate(f, at, &pa, false));
	CHECK_EQ(fixture_map(f, iova, 0x1000, len, RW), 0);
	return false;
}

static void no_memory_maps_nothing_whichever_page_is_missing(void)
{
	for (unsigned i = 0; i < PT_NCASES; i++) {
		bool done = false;
		unsigned left = 0;

		for (; !done; left++) {
			struct fixture f;
			size_t unmapped = 0;

			fixture_init(&f, pt_cases[i], 2 * MIB, false);
			/* Across a gigabyte's end, so that two tables of level 2 are needed, and five of level 1. */
			done = map_with_pages(&f, left, GIB - 5 * MIB, 8 * MIB);
			CHECK_EQ(fixture_unmap(&f, 0, f.top, &unmapped), 0);
			CHECK_HEX(unmapped, 8 * MIB);
			CHECK_EQ(fixture_tables(&f), 0);
			fixture_fini(&f);
		}
		CHECK_EQ(left - 1, (pt_cases[i].iova_bits - 12) / 9 - 3 + 2 + 5);
	}
}

static void init_without_memory_is_refused(void)
{
	struct fixture f;
	struct piommu_pt pt;
	struct piommu_pt_config config = { .iova_bits = 48, .leaf_sizes = SIZES_4K, .pa_bits = 46 };
	void *taken[512];
	unsigned n;

	fixture_init(&f, pt_cases[3], 2 * MIB, false);
	config.pool = f.pool;
	n = drain(&f, 0, taken);
	CHECK_EQ(piommu_pt_vtdss_init(&pt, &config), -ENOMEM);
	refill(&f, taken, n);
	fixture_fini(&f);
}

static const struct suite_test tests[] = {
	SUITE_TEST(a_steady_state_frees_no_table),
	SUITE_TEST(a_range_of_several_tables_unlinks_them),
	SUITE_TEST(unmapping_everything_leaves_the_root),
	SUITE_TEST(an_unlinked_empty_table_is_invalidated_whole),
	SUITE_TEST(a_super_page_displaces_empty_tables_into_the_gather),
	SUITE_TEST(a_gigabyte_displaces_tables_of_two_levels),
	SUITE_TEST(without_a_gather_the_tables_stay_and_leaves_are_smaller),
	SUITE_TEST(more_holes_than_ranges_ask_for_the_whole_domain),
	SUITE_TEST(no_memory_maps_nothing_whichever_page_is_missing),
	SUITE_TEST(init_without_memory_is_refused),
};

int main(int argc, char **argv)
{
	return suite_run(argc, argv, "pt_tables", tests, sizeof(tests) / sizeof(tests[0]));
}
