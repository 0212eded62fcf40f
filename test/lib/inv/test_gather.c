/* SPDX-License-Identifier: BSD-3-Clause */
/* What an unmap burst collects. */
#include "piommu_gather.h"
#include "suite.h"

#define PAGE UINT64_C(4096)

static void add_page(struct piommu_gather *gather, uint64_t page)
{
	piommu_gather_add(gather, page * PAGE, page * PAGE + PAGE - 1);
}

static void a_new_gather_is_empty(void)
{
	struct piommu_gather gather;

	piommu_gather_init(&gather);
	CU_ASSERT_TRUE(piommu_gather_empty(&gather));
	add_page(&gather, 0);
	CU_ASSERT_FALSE(piommu_gather_empty(&gather));
	CU_ASSERT_FALSE(gather.nonleaf);
}

static void neighbours_join_in_both_directions(void)
{
	struct piommu_gather gather;

	piommu_gather_init(&gather);
	add_page(&gather, 10);
	add_page(&gather, 11);
	add_page(&gather, 9);
	CHECK_EQ(gather.n, 1);
	CHECK_HEX(gather.range[0].start, 9 * PAGE);
	CHECK_HEX(gather.range[0].last, 12 * PAGE - 1);
	add_page(&gather, 20);
	CHECK_EQ(gather.n, 2);
}

static void the_ends_of_the_address_space_do_not_join(void)
{
	struct piommu_gather gather;

	piommu_gather_init(&gather);
	piommu_gather_add(&gather, UINT64_MAX - PAGE + 1, UINT64_MAX);
	add_page(&gather, 0);
	CHECK_EQ(gather.n, 2);
	piommu_gather_init(&gather);
	add_page(&gather, 0);
	piommu_gather_add(&gather, UINT64_MAX - PAGE + 1, UINT64_MAX);
	CHECK_EQ(gather.n, 2);
}

static void one_range_too_many_means_the_whole_domain(void)
{
	struct piommu_gather gather;

	piommu_gather_init(&gather);
	for (uint64_t i = 0; i < PIOMMU_GATHER_RANGES; i++)
		add_page(&gather, 2 * i);
	CU_ASSERT_FALSE(gather.whole);
	add_page(&gather, 2 * PIOMMU_GATHER_RANGES);
	CU_ASSERT_TRUE(gather.whole);
	CU_ASSERT_FALSE(piommu_gather_empty(&gather));
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(a_new_gather_is_empty),
		SUITE_TEST(neighbours_join_in_both_directions),
		SUITE_TEST(the_ends_of_the_address_space_do_not_join),
		SUITE_TEST(one_range_too_many_means_the_whole_domain),
	};

	return suite_run(argc, argv, "inv_gather", tests, sizeof(tests) / sizeof(tests[0]));
}
