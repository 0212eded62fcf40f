/* SPDX-License-Identifier: BSD-3-Clause */
/* Bursts of ranges: with and without a remembered leaf table, holes, failures undone, write-backs counted. */
#include <errno.h>

#include "pt_fixture.h"
#include "suite.h"

#define RW PIOMMU_RW
#define FAR (UINT64_C(1) << PT_PA_BITS) /* where the unit's addresses of memory end */

static struct piommu_mapping page(uint64_t iova, uint64_t pa, void **leaf)
{
	return (struct piommu_mapping){ .iova = iova, .pa = pa, .len = PAGE, .prot = RW, .leaf = leaf };
}

/* Each as a driver does: a fresh gather, its tables back at once. */
static int map_burst(struct fixture *f, const struct piommu_mapping *ranges, unsigned n)
{
	int err;

	piommu_gather_init(&f->gather);
	err = pt_kind->map_burst(&f->pt, ranges, n, &f->gather);
	fixture_retire(f);
	return err;
}

static int unmap_burst(struct fixture *f, const struct piommu_mapping *ranges, unsigned n, size_t *unmapped)
{
	struct piommu_range out[PIOMMU_GATHER_RANGES];
	int err;

	piommu_gather_init(&f->gather);
	for (unsigned i = 0; i < n; i++)
		out[i] = (struct piommu_range){ ranges[i].iova, ranges[i].len, ranges[i].leaf };
	err = pt_kind->unmap_burst(&f->pt, out, n, &f->gather, unmapped);
	fixture_retire(f);
	return err;
}

static void check_mapped(const struct fixture *f, const struct piommu_mapping *range)
{
	for (uint64_t off = 0; off < range->len; off += PAGE) {
		uint64_t pa = 0;

		CU_ASSERT(fixture_translate(f, range->iova + off, &pa, f->shadow != NULL));
		CHECK_HEX(pa, range->pa + off);
	}
}

static void check_empty(const struct fixture *f, const struct piommu_mapping *range)
{
	uint64_t pa;

	for (uint64_t off = 0; off < range->len; off += PAGE)
		CU_ASSERT(!fixture_translate(f, range->iova + off, &pa, f->shadow != NULL));
}

static const uint64_t *table_of(const struct fixture *f, uint64_t iova)
{
	struct piommu_pt_step steps[5];
	unsigned n = pt_kind->walk(&f->pt, iova, steps, 5);

	CU_ASSERT_FATAL(n && steps[n - 1].level == 1);
	return (const uint64_t *)(uintptr_t)(steps[n - 1].table_pa + f->pt.va_off);
}

/* ---- What a burst does ------------------------------------------------------------------------------------------------------ */

static void ranges_of_every_kind(struct fixture *f, void **leaf)
{
	const struct piommu_mapping ranges[] = {
		page(3 * BLOCK + 5 * PAGE, 0x12345 * PAGE, leaf),
		{ .iova = 3 * BLOCK + 8 * PAGE, .pa = 7 * PAGE, .len = 40 * PAGE, .prot = RW, .leaf = leaf },
		page(3 * BLOCK, FAR - PAGE, leaf),
		{ .iova = 9 * HALF + PAGE, .pa = 9 * HALF, .len = 2 * BLOCK, .prot = RW }, /* over three blocks */
		page(32 * BLOCK, PAGE, NULL),
		{ .iova = 8 * BLOCK, .pa = 16 * BLOCK, .len = BLOCK, .prot = RW }, /* a super page where there are any */
	};
	const unsigned n = sizeof(ranges) / sizeof(ranges[0]);
	size_t unmapped = 0, total = 0;

	for (unsigned i = 0; i < n; i++)
		total += ranges[i].len;
	for (unsigned round = 0; round < 2; round++) {
		CHECK_EQ(map_burst(f, ranges, n), 0);
		CU_ASSERT(piommu_gather_empty(&f->gather));
		for (unsigned i = 0; i < n; i++)
			check_mapped(f, &ranges[i]);
		CHECK_EQ(unmap_burst(f, ranges, n, &unmapped), 0);
		CHECK_HEX(unmapped, total);
		for (unsigned i = 0; i < n; i++) {
			check_empty(f, &ranges[i]);
			CU_ASSERT(fixture_gathered(f, ranges[i].iova, ranges[i].len));
		}
	}
	for (unsigned i = 0; i < 2 * n; i++) {
		const struct piommu_mapping *one = &ranges[i % n];

		CHECK_EQ(map_burst(f, one, 1), 0);
		check_mapped(f, one);
		CHECK_EQ(map_burst(f, one, 1), -EEXIST);
		check_mapped(f, one);
		CHECK_EQ(unmap_burst(f, one, 1, &unmapped), 0);
		CHECK_HEX(unmapped, one->len);
		check_empty(f, one);
		CU_ASSERT(fixture_gathered(f, one->iova, one->len));
		CHECK_EQ(unmap_burst(f, one, 1, &unmapped), -ENOENT);
		CHECK_EQ(unmapped, 0);
	}
}

static void a_burst_maps_and_unmaps_each_of_its_ranges(void)
{
	for (unsigned i = 0; i < 4 * pt_ncases(); i++) {
		struct fixture f;
		void *leaf = NULL;

		fixture_init(&f, pt_case(i / 4), 8 * MIB, i & 2);
		ranges_of_every_kind(&f, i & 1 ? &leaf : NULL);
		if (i & 1)
			CU_ASSERT_PTR_EQUAL(leaf, f.pt.groups ? NULL : table_of(&f, 3 * BLOCK));
		fixture_fini(&f);
	}
}

static void an_empty_burst_does_nothing(void)
{
	struct fixture f;
	size_t unmapped = 1;

	fixture_init(&f, pt_super_pages(), 4 * MIB, true);
	f.writebacks = 0;
	CHECK_EQ(map_burst(&f, NULL, 0), 0);
	CHECK_EQ(unmap_burst(&f, NULL, 0, &unmapped), 0);
	CHECK_EQ(unmapped, 0);
	CHECK_EQ(f.writebacks, 0);
	fixture_fini(&f);
}

/* Side by side and ascending: one range to invalidate, so that one command does. */
static void neighbours_are_gathered_as_one_range(void)
{
	struct fixture f;
	struct piommu_mapping ranges[32];
	size_t unmapped;

	fixture_init(&f, pt_blocks(), 4 * MIB, false);
	for (unsigned i = 0; i < 32; i++)
		ranges[i] = page(2 * BLOCK + i * PAGE, i * PAGE, NULL);
	CHECK_EQ(map_burst(&f, ranges, 32), 0);
	CHECK_EQ(unmap_burst(&f, ranges, 32, &unmapped), 0);
	CHECK_EQ(f.gather.n, 1);
	CHECK_HEX(f.gather.range[0].start, 2 * BLOCK);
	CHECK_HEX(f.gather.range[0].last, 2 * BLOCK + 32 * PAGE - 1);
	fixture_fini(&f);
}

static void the_largest_burst_is_gathered_page_by_page(void)
{
	static struct piommu_mapping ranges[PIOMMU_GATHER_RANGES];
	struct fixture f;
	size_t unmapped;

	fixture_init(&f, pt_blocks(), 8 * MIB, false);
	for (unsigned i = 0; i < PIOMMU_GATHER_RANGES; i++)
		ranges[i] = page(i * 3 * PAGE, 0, NULL);
	CHECK_EQ(map_burst(&f, ranges, PIOMMU_GATHER_RANGES), 0);
	CHECK_EQ(unmap_burst(&f, ranges, PIOMMU_GATHER_RANGES, &unmapped), 0);
	CHECK_EQ(f.gather.n, PIOMMU_GATHER_RANGES);
	CU_ASSERT(!f.gather.whole);
	fixture_fini(&f);
}

/* ---- Refusals ------------------------------------------------------------------------------------------------------------------ */

static void refuse(struct fixture *f, struct piommu_mapping bad, int why)
{
	void *leaf = NULL;
	const struct piommu_mapping ranges[] = {
		page(BLOCK, PAGE, &leaf),
		{ .iova = 4 * BLOCK, .pa = 4 * BLOCK, .len = 3 * HALF, .prot = RW },
		page(BLOCK + 3 * PAGE, 2 * PAGE, &leaf),
		bad,
		page(10 * BLOCK, 3 * PAGE, NULL),
	};
	uint64_t pa = 0;

	CHECK_EQ(map_burst(f, ranges, 5), why);
	for (unsigned i = 0; i < 5; i++) {
		if (i == 3)
			continue;
		check_empty(f, &ranges[i]);
		CHECK_EQ(fixture_gathered(f, ranges[i].iova, ranges[i].len), i < 3);
	}
	CU_ASSERT(fixture_translate(f, 15 * BLOCK, &pa, f->shadow != NULL) && pa == 5 * PAGE);
}

static void a_burst_that_fails_leaves_nothing_mapped(void)
{
	for (unsigned i = 0; i < 2 * pt_ncases(); i++) {
		struct fixture f;

		fixture_init(&f, pt_case(i / 2), 8 * MIB, i & 1);
		CHECK_EQ(fixture_map(&f, 15 * BLOCK, 5 * PAGE, PAGE, RW), 0);
		refuse(&f, page(15 * BLOCK, 4 * PAGE, NULL), -EEXIST);
		refuse(&f, page(BLOCK, 4 * PAGE, NULL), -EEXIST); /* what this very burst has mapped */
		refuse(&f, page(f.top, 4 * PAGE, NULL), -ERANGE);
		refuse(&f, page(31 * HALF, FAR, NULL), -ERANGE);
		refuse(&f, page(31 * HALF, UINT64_MAX - PAGE + 1, NULL), -ERANGE);
		fixture_fini(&f);
	}
}

/* Who is refused is not the block's only owner: a table that he remembered might be taken out. */
static void a_range_that_is_refused_remembers_nothing(void)
{
	struct fixture f;
	void *leaf = NULL;
	struct piommu_mapping range = page(BLOCK, PAGE, &leaf);

	fixture_init(&f, pt_blocks(), 4 * MIB, false);
	CHECK_EQ(fixture_map(&f, BLOCK, 5 * PAGE, PAGE, RW), 0);
	CHECK_EQ(map_burst(&f, &range, 1), -EEXIST);
	CU_ASSERT_PTR_NULL(leaf);
	fixture_fini(&f);
}

static void an_unmap_goes_on_after_an_error(void)
{
	for (unsigned i = 0; i < 2; i++) {
		struct fixture f;
		void *leaf = NULL;
		const struct piommu_mapping mapped[] = {
			page(0, PAGE, &leaf),
			page(2 * PAGE, 2 * PAGE, &leaf),
			{ .iova = 2 * BLOCK, .pa = 2 * BLOCK, .len = BLOCK, .prot = RW },
			page(10 * BLOCK, 3 * PAGE, NULL),
		};
		const struct piommu_mapping ranges[] = {
			{ .iova = 0, .len = 4 * PAGE, .leaf = &leaf }, /* two pages and two holes */
			page(2 * BLOCK, 0, NULL),                      /* part of a super page */
			page(UINT64_C(1) << pt_kind->widths[0], 0, NULL),
			page(10 * BLOCK, 0, NULL),
		};
		size_t unmapped = 0;
		uint64_t pa;

		fixture_init(&f, pt_blocks(), 4 * MIB, i);
		CHECK_EQ(map_burst(&f, mapped, 4), 0);
		CHECK_EQ(unmap_burst(&f, ranges, 4, &unmapped), -ENOENT);
		CHECK_HEX(unmapped, 3 * PAGE);
		check_empty(&f, &mapped[0]);
		check_empty(&f, &mapped[1]);
		check_empty(&f, &mapped[3]);
		CU_ASSERT(fixture_translate(&f, 2 * BLOCK, &pa, i));
		CU_ASSERT(fixture_gathered(&f, 0, PAGE) && fixture_gathered(&f, 2 * PAGE, PAGE));
		CU_ASSERT(fixture_gathered(&f, 10 * BLOCK, PAGE) && !fixture_gathered(&f, 2 * BLOCK, PAGE));
		CHECK_EQ(unmap_burst(&f, ranges + 1, 3, &unmapped), -EXDEV);
		CHECK_EQ(unmap_burst(&f, ranges + 2, 2, &unmapped), -ERANGE);
		CHECK_EQ(unmapped, 0);
		fixture_fini(&f);
	}
}

/* ---- The remembered table --------------------------------------------------------------------------------------------------------- */

/* A table of the test's own in its place takes the entries: nobody walks. */
static void what_is_remembered_is_used_instead_of_a_walk(void)
{
	static _Alignas(65536) uint64_t other[8192];
	struct fixture f;
	void *leaf = other;
	struct piommu_mapping range = page(BLOCK + 7 * PAGE, 9 * PAGE, &leaf);
	size_t unmapped;

	fixture_init(&f, pt_blocks(), 4 * MIB, false);
	CHECK_EQ(map_burst(&f, &range, 1), 0);
	CHECK_HEX(other[7], 9 * PAGE + pt_kind->page.both);
	check_empty(&f, &range);
	CHECK_EQ(unmap_burst(&f, &range, 1, &unmapped), 0);
	CHECK_HEX(other[7], 0);
	CHECK_EQ(fixture_tables(&f), 0);
	fixture_fini(&f);
}

/* Blocks around it come and go whole, by unmaps that unlink every table they cover. */
static void a_remembered_table_outlives_those_of_other_blocks(void)
{
	for (unsigned i = 0; i < pt_ncases(); i++) {
		struct fixture f;
		void *leaf = NULL;
		struct piommu_mapping mine = page(8 * BLOCK + 9 * PAGE, 9 * PAGE, &leaf);
		size_t unmapped;

		fixture_init(&f, pt_case(i), 16 * MIB, false);
		CHECK_EQ(map_burst(&f, &mine, 1), 0);
		CHECK_EQ(unmap_burst(&f, &mine, 1, &unmapped), 0);
		for (unsigned round = 0; round < 2; round++) {
			CHECK_EQ(fixture_map(&f, BLOCK + PAGE, PAGE, 7 * BLOCK - PAGE, RW), 0);
			CHECK_EQ(fixture_map(&f, 9 * BLOCK, PAGE, 7 * BLOCK, RW), 0);
			CHECK_EQ(map_burst(&f, &mine, 1), 0);
			CHECK_EQ(fixture_unmap(&f, BLOCK, 7 * BLOCK, &unmapped), 0);
			CHECK_EQ(fixture_unmap(&f, 9 * BLOCK, 7 * BLOCK, &unmapped), 0);
			CU_ASSERT_PTR_EQUAL(leaf, f.pt.groups ? NULL : table_of(&f, 8 * BLOCK));
			check_mapped(&f, &mine);
			CHECK_EQ(unmap_burst(&f, &mine, 1, &unmapped), 0);
			check_empty(&f, &mine);
		}
		fixture_fini(&f);
	}
}

/* A whole block with a table of its own is filled page by page: a super page would take the table out. */
static void a_whole_block_does_not_displace_the_remembered_table(void)
{
	struct fixture f;
	void *leaf = NULL;
	struct piommu_mapping small = page(2 * BLOCK, 9 * PAGE, &leaf);
	struct piommu_mapping whole = { .iova = 2 * BLOCK, .pa = 4 * BLOCK, .len = BLOCK, .prot = RW, .leaf = &leaf };
	struct piommu_mapping forgotten = { .iova = 2 * BLOCK, .pa = 4 * BLOCK, .len = BLOCK, .prot = RW };
	unsigned level;
	size_t unmapped;

	fixture_init(&f, pt_blocks(), 4 * MIB, false);
	CHECK_EQ(map_burst(&f, &whole, 1), 0); /* no table yet */
	fixture_entry(&f, 2 * BLOCK, &level, false);
	CHECK_EQ(level, 2);
	CU_ASSERT_PTR_NULL(leaf);
	CHECK_EQ(unmap_burst(&f, &whole, 1, &unmapped), 0);
	CHECK_EQ(map_burst(&f, &small, 1), 0);
	CHECK_EQ(unmap_burst(&f, &small, 1, &unmapped), 0);
	for (unsigned round = 0; round < 2; round++) {
		CHECK_EQ(map_burst(&f, &whole, 1), 0);
		fixture_entry(&f, 2 * BLOCK, &level, false);
		CHECK_EQ(level, 1);
		CU_ASSERT_PTR_EQUAL(leaf, table_of(&f, 2 * BLOCK));
		check_mapped(&f, &whole);
		CHECK_EQ(unmap_burst(&f, &whole, 1, &unmapped), 0);
		CHECK_HEX(unmapped, BLOCK);
		check_empty(&f, &whole);
		leaf = NULL; /* forgotten: found again by a walk, and still not displaced */
	}
	CHECK_EQ(map_burst(&f, &forgotten, 1), 0);
	CHECK_EQ(f.gather.nonleaf, true);
	fixture_entry(&f, 2 * BLOCK, &level, false);
	CHECK_EQ(level, 2);
	CHECK_EQ(unmap_burst(&f, &forgotten, 1, &unmapped), 0);
	fixture_fini(&f);
}

/* The last table is used again within a burst; here its second range takes that out. */
static void a_burst_that_takes_its_own_table_out_goes_on(void)
{
	struct fixture f;
	const struct piommu_mapping fill[] = { page(0, PAGE, NULL), page(BLOCK, 2 * PAGE, NULL) };
	const struct piommu_range out[] = { { 0, PAGE, NULL }, { 0, 2 * BLOCK, NULL }, { 0, PAGE, NULL } };
	const struct piommu_mapping again[] = { page(PAGE, 3 * PAGE, NULL) };
	size_t unmapped;

	fixture_init(&f, pt_pages(), 4 * MIB, false);
	CHECK_EQ(map_burst(&f, fill, 2), 0);
	piommu_gather_init(&f.gather);
	CHECK_EQ(pt_kind->unmap_burst(&f.pt, out, 3, &f.gather, &unmapped), -ENOENT);
	CHECK_HEX(unmapped, 2 * PAGE);
	CHECK_EQ(f.gather.pages.n, 2);
	fixture_retire(&f);
	CHECK_EQ(map_burst(&f, again, 1), 0);
	check_mapped(&f, &again[0]);
	fixture_fini(&f);
}

/* ---- Walkers that do not snoop ------------------------------------------------------------------------------------------------------ */

struct spans {
	unsigned waits;
	unsigned lines;
};

static struct spans spans; /* of the test that runs: write-back has no other way to it */

static void count_lines(struct fixture *f, const void *va, size_t len)
{
	uintptr_t first = (uintptr_t)va / 64, last = ((uintptr_t)va + len - 1) / 64;

	(void)f;
	spans.lines += (unsigned)(last - first + 1);
}

static void count_waits(void *ctx)
{
	(void)ctx;
	spans.waits++;
}

static void check_burst_of(struct fixture *f, const struct piommu_mapping *ranges, unsigned n, unsigned lines)
{
	size_t unmapped;

	spans = (struct spans){ 0, 0 };
	CHECK_EQ(map_burst(f, ranges, n), 0);
	CHECK_EQ(spans.lines, lines);
	CHECK_EQ(spans.waits, 1);
	for (unsigned i = 0; i < n; i++)
		check_mapped(f, &ranges[i]);
	CHECK_EQ(unmap_burst(f, ranges, n, &unmapped), 0);
	CHECK_EQ(spans.lines, 2 * lines);
	CHECK_EQ(spans.waits, 2);
	for (unsigned i = 0; i < n; i++)
		check_empty(f, &ranges[i]);
}

static void lines_are_written_back_once_and_waited_for_once_a_burst(void)
{
	struct fixture f;
	struct piommu_mapping ranges[32];
	void *leaf = NULL;

	fixture_init(&f, pt_blocks(), 4 * MIB, true);
	f.pt.writeback_wait = count_waits;
	CHECK_EQ(fixture_map(&f, 100 * PAGE, PAGE, PAGE, RW), 0);
	f.on_writeback = count_lines;
	for (unsigned i = 0; i < 32; i++) /* 32 entries from the start of a line on: four lines */
		ranges[i] = page(i * PAGE, PAGE, &leaf);
	check_burst_of(&f, ranges, 32, 4);
	for (unsigned i = 0; i < 32; i++) /* every second entry: eight lines, each once */
		ranges[i] = page(2 * i * PAGE, PAGE, &leaf);
	check_burst_of(&f, ranges, 32, 8);
	for (unsigned i = 0; i < 32; i++) /* a line each */
		ranges[i] = page((128 + 8 * i) * PAGE, PAGE, i & 1 ? &leaf : NULL);
	check_burst_of(&f, ranges, 32, 32);
	fixture_fini(&f);
}

/* A pointer to a new table is not let go of its mark before memory has it, and the burst still waits at its end. */
static void a_new_table_is_waited_for_before_its_pointer(void)
{
	struct fixture f;
	struct piommu_mapping range = page(BLOCK, PAGE, NULL);

	fixture_init(&f, pt_pages(), 4 * MIB, true);
	f.pt.writeback_wait = count_waits;
	spans.waits = 0;
	CHECK_EQ(map_burst(&f, &range, 1), 0);
	CU_ASSERT(spans.waits >= (f.pt.levels - 1) * 2 + 1); /* for each table: contents, pointer */
	check_mapped(&f, &range);
	fixture_fini(&f);
}

static const struct suite_test tests[] = {
	SUITE_TEST(a_burst_maps_and_unmaps_each_of_its_ranges),
	SUITE_TEST(an_empty_burst_does_nothing),
	SUITE_TEST(neighbours_are_gathered_as_one_range),
	SUITE_TEST(the_largest_burst_is_gathered_page_by_page),
	SUITE_TEST(a_burst_that_fails_leaves_nothing_mapped),
	SUITE_TEST(a_range_that_is_refused_remembers_nothing),
	SUITE_TEST(an_unmap_goes_on_after_an_error),
	SUITE_TEST(what_is_remembered_is_used_instead_of_a_walk),
	SUITE_TEST(a_remembered_table_outlives_those_of_other_blocks),
	SUITE_TEST(a_whole_block_does_not_displace_the_remembered_table),
	SUITE_TEST(a_burst_that_takes_its_own_table_out_goes_on),
	SUITE_TEST(lines_are_written_back_once_and_waited_for_once_a_burst),
	SUITE_TEST(a_new_table_is_waited_for_before_its_pointer),
};

int main(int argc, char **argv)
{
	pt_kind_choose(&argc, argv);
	return suite_run(argc, argv, "pt_burst", tests, sizeof(tests) / sizeof(tests[0]));
}
