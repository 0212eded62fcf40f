/* SPDX-License-Identifier: BSD-3-Clause */
/* Walks over translation tables written by hand, of every granule (Arm ARM, D8.2 and D8.3). */
#include <stdio.h>
#include <string.h>

#include "arm_walk.h"
#include "suite.h"

#define ROOT UINT64_C(0x100000)
#define TABLE UINT64_C(0x110000)
#define MAX_STEPS 8u

/* Two tables of 64 KiB, the root and the one that it leads to. */
static uint64_t memory[2][8192];
static struct piommu_walk_step steps[MAX_STEPS];

static void *mem_at(struct piommu_platform *plat, uint64_t pa, size_t len)
{
	(void)plat, (void)len;
	return pa >= ROOT && pa < ROOT + sizeof(memory) ? (char *)memory + (pa - ROOT) : NULL;
}

static void say_fault(enum arm_fault fault, char *text, size_t len)
{
	static const char *const names[] = { "translation", "access flag", "address size", "permission" };

	snprintf(text, len, "%s", names[fault]);
}

static const char *walk(const struct arm_walk *how, uint64_t iova)
{
	static const struct piommu_platform_ops ops = { .mem_at = mem_at };
	struct piommu_platform plat = { .ops = &ops };
	struct piommu_steps all = { .plat = &plat, .at = steps, .max = MAX_STEPS };

	arm_walk_pages(&all, how, iova);
	CU_ASSERT_FATAL(all.n > 0);
	return steps[all.n - 1].text;
}

/* From level 2 of 4 KiB: one table of pages, or blocks of 2 MiB. */
static struct arm_walk of_4k(bool stage2)
{
	memset(memory, 0, sizeof(memory));
	return (struct arm_walk){ .root_pa = ROOT,
				  .granule_lg2 = 12,
				  .bits = 30,
				  .start = 2,
				  .pa_bits = 40,
				  .stage2 = stage2,
				  .say_fault = say_fault };
}

static void a_page_is_two_bits_and_at_the_last_level_nothing_else_is(void)
{
	struct arm_walk how = of_4k(false);

	memory[0][1] = TABLE | 3;
	memory[1][5] = UINT64_C(0x12345000) | 0x403;
	CHECK_HAS(walk(&how, 0x205678), "reads and writes reach 0x12345678");
	memory[1][5] = UINT64_C(0x12345000) | 0x401; /* reserved */
	CHECK_HAS(walk(&how, 0x205678), "translation");
	memory[1][5] = UINT64_C(0x12345000) | 0x402;
	CHECK_HAS(walk(&how, 0x205678), "translation");
}

static void a_block_is_where_the_granule_has_one(void)
{
	struct arm_walk how = of_4k(false);

	memory[0][1] = UINT64_C(0x12200000) | 0x401;
	CHECK_HAS(walk(&how, 0x205678), "reach 0x12205678");
	how.start = 1;
	how.bits = 39;
	memory[0][0] = UINT64_C(0x40000000) | 0x401;
	CHECK_HAS(walk(&how, 0x205678), "reach 0x40205678");
	how.start = 0;
	how.bits = 48;
	CHECK_HAS(walk(&how, 0x205678), "translation"); /* 512 GiB: with LPA2 alone */
	how.granule_lg2 = 14;
	how.start = 1;
	how.bits = 47;
	CHECK_HAS(walk(&how, 0x205678), "translation");
}

static void what_a_table_above_forbids_is_forbidden_in_stage_1(void)
{
	struct arm_walk how = of_4k(false);

	memory[0][1] = TABLE | 3 | UINT64_C(1) << 62;
	memory[1][5] = UINT64_C(0x12345000) | 0x403;
	CHECK_HAS(walk(&how, 0x205000), "reads reach 0x12345000; writes are blocked, permission");
	how.stage2 = true; /* bit 62 means nothing there */
	memory[1][5] |= 0xc0;
	CHECK_HAS(walk(&how, 0x205000), "reads and writes reach 0x12345000");
}

static void permissions_are_each_stages_own(void)
{
	static const struct {
		uint64_t bits;
		const char *s1, *s2;
	} cases[] = {
		{ 0x00, "reads and writes reach", "blocked, permission" },
		{ 0x40, "reads and writes reach", "reads reach" },
		{ 0x80, "reads reach", "writes reach" },
		{ 0xc0, "reads reach", "reads and writes reach" },
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arm_walk how = of_4k(false);

		memory[0][0] = UINT64_C(0x12200000) | 0x401 | cases[i].bits;
		CHECK_HAS(walk(&how, 0x1000), cases[i].s1);
		how.stage2 = true;
		CHECK_HAS(walk(&how, 0x1000), cases[i].s2);
	}
}

static void an_address_beyond_the_tables_is_not_looked_up(void)
{
	struct arm_walk how = of_4k(false);

	memory[0][0] = memory[0][512] = UINT64_C(0x12200000) | 0x401;
	CHECK_HAS(walk(&how, UINT64_C(1) << 30), "translation");
	CHECK_HAS(walk(&how, (UINT64_C(1) << 30) - 1), "translation"); /* the last entry, which is not valid */
	CHECK_HAS(walk(&how, 0), "reach");
}

static void of_tables_side_by_side_all_are_the_root(void)
{
	struct arm_walk how = of_4k(true);

	how.bits = 32;
	memory[0][1024] = UINT64_C(0x12200000) | 0x4c1;
	CHECK_HAS(walk(&how, UINT64_C(0x80001000)), "reach 0x12201000");
	CHECK_HAS(walk(&how, 0x1000), "translation");
}

static void flag_and_size_come_before_permission(void)
{
	struct arm_walk how = of_4k(true);

	memory[0][0] = UINT64_C(0x12200000) | 0x1;
	CHECK_HAS(walk(&how, 0x1000), "access flag");
	memory[0][0] = (UINT64_C(1) << 40) | 0x401;
	CHECK_HAS(walk(&how, 0x1000), "address size");
	memory[0][0] = (UINT64_C(1) << 39) | 0x401;
	CHECK_HAS(walk(&how, 0x1000), "permission");
}

static void pages_of_64k_have_52_bits_of_address(void)
{
	struct arm_walk how = of_4k(false);

	how.granule_lg2 = 16;
	how.bits = 42;
	how.pa_bits = 52;
	memory[0][0] = TABLE | 3;
	memory[1][2] = UINT64_C(0x345600000000) | 0xa403;
	CHECK_HAS(walk(&how, 0x21234), "reach 0xa345600001234");
	how.granule_lg2 = 12; /* where bits 15 to 12 are the page's */
	how.bits = 30;
	memory[1][0x21] = UINT64_C(0x345600000000) | 0xa403;
	CHECK_HAS(walk(&how, 0x21234), "reach 0x34560000a234");
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(a_page_is_two_bits_and_at_the_last_level_nothing_else_is),
		SUITE_TEST(a_block_is_where_the_granule_has_one),
		SUITE_TEST(what_a_table_above_forbids_is_forbidden_in_stage_1),
		SUITE_TEST(permissions_are_each_stages_own),
		SUITE_TEST(an_address_beyond_the_tables_is_not_looked_up),
		SUITE_TEST(of_tables_side_by_side_all_are_the_root),
		SUITE_TEST(flag_and_size_come_before_permission),
		SUITE_TEST(pages_of_64k_have_52_bits_of_address),
	};

	return suite_run(argc, argv, "arm_walk", tests, sizeof(tests) / sizeof(tests[0]));
}
