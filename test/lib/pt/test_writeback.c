/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Walkers that do not snoop: a second memory holds only what was written back, and must at every return of map and unmap
 * translate as the first.
 */
#include <string.h>

#include "pt_fixture.h"
#include "suite.h"

#define RW PIOMMU_RW

static void check_same(const struct fixture *f, uint64_t iova, size_t len)
{
	for (uint64_t at = iova; at < iova + len; at += PAGE) {
		unsigned level, level_back;

		CHECK_HEX(fixture_entry(f, at, &level_back, true), fixture_entry(f, at, &level, false));
		CHECK_EQ(level_back, level);
	}
}

static void every_change_is_written_back_before_the_call_returns(void)
{
	for (unsigned i = 0; i < pt_ncases(); i++) {
		struct fixture f;
		size_t unmapped = 0;

		fixture_init(&f, pt_case(i), 16 * MIB, true);
		check_same(&f, 0, PAGE);
		CHECK_EQ(fixture_map(&f, 3 * HALF, PAGE, PAGE, RW), 0);
		check_same(&f, BLOCK, BLOCK);
		CHECK_EQ(fixture_map(&f, 5 * HALF, 7 * HALF, 4 * BLOCK, RW), 0);
		check_same(&f, BLOCK, 6 * BLOCK);
		CHECK_EQ(fixture_unmap(&f, 3 * HALF, PAGE, &unmapped), 0);
		check_same(&f, BLOCK, BLOCK);
		CHECK_EQ(fixture_map(&f, BLOCK, BLOCK, BLOCK, RW), 0); /* displaces a table */
		check_same(&f, BLOCK, BLOCK);
		CHECK_EQ(fixture_unmap(&f, BLOCK, 11 * HALF, &unmapped), 0); /* unlinks tables */
		CHECK_HEX(unmapped, 5 * BLOCK);
		check_same(&f, 0, 8 * BLOCK);
		CHECK_EQ(fixture_unmap(&f, 0, f.top, &unmapped), 0);
		check_same(&f, 0, 8 * BLOCK);
		fixture_fini(&f);
	}
}

/* At each write-back: a pointer that memory now holds leads to a table that memory holds, too. */
static void check_child(struct fixture *f, const void *va, size_t len)
{
	static const uint64_t zeroes[8192];
	uint64_t word = *(const uint64_t *)va;

	if (len != 8 || (word & 0xfff) != 3) /* a leaf of this test is read-only */
		return;
	CHECK_EQ(memcmp(&f->shadow[((word & 0x3ffffffff000) - f->base_pa) / 8], zeroes, PAGE), 0);
}

static void a_table_is_in_memory_before_the_pointer_to_it(void)
{
	for (unsigned i = 0; i < pt_ncases(); i++) {
		struct fixture f;

		fixture_init(&f, pt_case(i), 16 * MIB, true);
		f.on_writeback = check_child;
		CHECK_EQ(fixture_map(&f, HUGE - BLOCK, PAGE, 2 * BLOCK, PIOMMU_READ), 0);
		fixture_fini(&f);
	}
}

static void a_run_is_written_back_in_one_call(void)
{
	struct fixture f;
	size_t unmapped = 0;
	unsigned before;

	fixture_init(&f, pt_blocks(), 16 * MIB, true);
	CHECK_EQ(fixture_map(&f, 0, PAGE, PAGE, RW), 0);
	before = f.writebacks;
	CHECK_EQ(fixture_map(&f, PAGE, PAGE, 256 * PAGE, RW), 0);
	CHECK_EQ(f.writebacks - before, 1);
	CHECK_EQ(fixture_unmap(&f, PAGE, 256 * PAGE, &unmapped), 0);
	CHECK_EQ(f.writebacks - before, 2);
	CHECK_EQ(fixture_map(&f, BLOCK, BLOCK, 32 * BLOCK, RW), 0); /* 32 super pages side by side */
	CHECK_EQ(f.writebacks - before, 3);
	CHECK_EQ(fixture_unmap(&f, BLOCK, 32 * BLOCK, &unmapped), 0);
	CHECK_EQ(f.writebacks - before, 4);
	CHECK_EQ(fixture_unmap(&f, BLOCK, 32 * BLOCK, &unmapped), 0); /* nothing there */
	CHECK_EQ(f.writebacks - before, 4);
	fixture_fini(&f);
}

/* Software's mark on a pointer that is on its way to memory does not outlive the call that installed it. */
static void finished_pointers_carry_no_mark(void)
{
	struct fixture f;
	struct piommu_pt_step steps[5];
	unsigned n;

	fixture_init(&f, pt_case(pt_ncases() - 1), 4 * MIB, true);
	CHECK_EQ(fixture_map(&f, PAGE, PAGE, PAGE, RW), 0);
	n = pt_kind->walk(&f.pt, PAGE, steps, 5);
	CHECK_EQ(n, f.pt.levels);
	for (unsigned i = 0; i + 1 < n; i++)
		CHECK_HEX(steps[i].entry, steps[i + 1].table_pa | 3);
	fixture_fini(&f);
}

/* Another thread has installed a table and not yet written its pointer back: who maps below it does that himself. */
static void a_pointer_on_its_way_to_memory_is_written_back_by_whoever_meets_it(void)
{
	struct fixture f;
	uint64_t pa;

	fixture_init(&f, pt_pages(), 4 * MIB, true);
	CHECK_EQ(fixture_map(&f, PAGE, PAGE, PAGE, RW), 0);
	f.pt.root[0] |= pt_kind->mark;
	f.shadow[(f.pt.root_pa - f.base_pa) / 8] = 0;
	CU_ASSERT(!fixture_translate(&f, PAGE, &pa, true));
	CHECK_EQ(fixture_map(&f, 2 * PAGE, 2 * PAGE, PAGE, RW), 0);
	CU_ASSERT(fixture_translate(&f, 2 * PAGE, &pa, true) && pa == 2 * PAGE);
	fixture_fini(&f);
}

/* A new table's first write-back falls between its making and its installation: another thread wins there. */
static void win_the_race(struct fixture *f, const void *va, size_t len)
{
	(void)va;
	if (len != PAGE)
		return;
	f->on_writeback = NULL;
	CHECK_EQ(pt_kind->map(&f->pt, PAGE, PAGE, PAGE, RW, NULL), 0);
}

static void the_loser_of_an_installation_uses_the_winners_table(void)
{
	struct fixture f;
	uint64_t pa;

	fixture_init(&f, pt_pages(), 4 * MIB, true);
	f.on_writeback = win_the_race;
	CHECK_EQ(fixture_map(&f, 2 * PAGE, 2 * PAGE, PAGE, RW), 0);
	CHECK_EQ(fixture_tables(&f), f.pt.levels - 1);
	for (uint64_t iova = PAGE; iova < 3 * PAGE; iova += PAGE)
		CU_ASSERT(fixture_translate(&f, iova, &pa, true) && pa == iova);
	fixture_fini(&f);
}

static const struct suite_test tests[] = {
	SUITE_TEST(every_change_is_written_back_before_the_call_returns),
	SUITE_TEST(a_table_is_in_memory_before_the_pointer_to_it),
	SUITE_TEST(a_run_is_written_back_in_one_call),
	SUITE_TEST(finished_pointers_carry_no_mark),
	SUITE_TEST(a_pointer_on_its_way_to_memory_is_written_back_by_whoever_meets_it),
	SUITE_TEST(the_loser_of_an_installation_uses_the_winners_table),
};

int main(int argc, char **argv)
{
	pt_kind_choose(&argc, argv);
	return suite_run(argc, argv, "pt_writeback", tests, sizeof(tests) / sizeof(tests[0]));
}
