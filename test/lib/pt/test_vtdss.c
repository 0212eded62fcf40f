/* SPDX-License-Identifier: BSD-3-Clause */
/* What is VT-d's own in its second-stage tables: words and widths, from the specification, and what an init refuses. */
#include <errno.h>

#include "pt_fixture.h"
#include "suite.h"

#define RW PIOMMU_RW
#define GIB (1024 * MIB)
#define SIZES_4K (UINT64_C(1) << 12)
#define SIZES_2M (SIZES_4K | UINT64_C(1) << 21)
#define SIZES_1G (SIZES_2M | UINT64_C(1) << 30)

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
	struct piommu_pt_config config = {
		.iova_bits = 48,
		.leaf_sizes = SIZES_1G,
		.pa_bits = 46,
		.leaf_bits = UINT64_C(1) << 11,
	};

	fixture_init(&f, pt_super_pages(), 4 * MIB, false);
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

	fixture_init(&f, pt_super_pages(), 4 * MIB, false);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct piommu_pt_config config = bad[i];

		config.pool = f.pool;
		CHECK_EQ(piommu_pt_vtdss_init(&pt, &config), -EINVAL);
	}
	CHECK_EQ(fixture_tables(&f), 0);
	fixture_fini(&f);
}

static const struct suite_test tests[] = {
	SUITE_TEST(entries_are_as_the_specification_draws_them),
	SUITE_TEST(a_walk_shows_every_table_entry),
	SUITE_TEST(leaf_bits_go_into_leaves_only),
	SUITE_TEST(init_refuses_what_the_format_has_not),
};

int main(int argc, char **argv)
{
	return suite_run(argc, argv, "pt_vtdss", tests, sizeof(tests) / sizeof(tests[0]));
}
