/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Pages of the size that a unit has, whatever it is: the other tests are written for 4 KiB, and a unit may have 16 or 64 KiB and no
 * smaller ones. On a unit with several sizes the smallest is used.
 */
#include "driver_tests.h"
#include "rig.h"

static uint64_t page_of(const struct rig *r)
{
	return r->page_sizes & -r->page_sizes;
}

static void smallest_page_reaches_its_memory_and_no_more(void)
{
	struct rig_owned o;
	uint64_t page;

	rig_open_owned(&o, 0, 1u << 17, 1u << 17);
	page = page_of(&o.r);
	rig_map(&o.r, o.domain, 5 * page, o.mem.pa + page, page, PIOMMU_RW);
	rig_check_reaches(&o.r, o.device, 5 * page, (char *)o.mem.va + page, 64);
	rig_check_reaches(&o.r, o.device, 6 * page - 64, (char *)o.mem.va + 2 * page - 64, 64);
	rig_check_fault(&o.r, o.device, 5 * page - 4, false, MACHINE_UNMAPPED);
	rig_check_fault(&o.r, o.device, 6 * page, true, MACHINE_UNMAPPED);
	rig_unmap(&o.r, o.domain, 5 * page, page);
	rig_check_fault(&o.r, o.device, 5 * page, true, MACHINE_UNMAPPED);
	rig_check_fault(&o.r, o.device, 6 * page - 64, false, MACHINE_UNMAPPED);
	rig_close(&o.r);
}

static void less_than_a_page_is_refused(void)
{
	struct rig_owned o;
	uint64_t page;

	rig_open_owned(&o, 0, 1u << 17, 1u << 17);
	page = page_of(&o.r);
	CHECK_EQ(piommu_map(o.domain, page, o.mem.pa, page / 2, PIOMMU_RW), -EINVAL);
	CHECK_EQ(piommu_map(o.domain, page + page / 2, o.mem.pa, page, PIOMMU_RW), -EINVAL);
	CHECK_EQ(piommu_map(o.domain, page, o.mem.pa + page / 2, page, PIOMMU_RW), -EINVAL);
	rig_map(&o.r, o.domain, page, o.mem.pa, page, PIOMMU_RW);
	CHECK_EQ(piommu_unmap(o.domain, page, page / 2, NULL), -EINVAL);
	rig_check_reaches(&o.r, o.device, page, o.mem.va, 64);
	rig_close(&o.r);
}

/* Each size alone, around the same memory: most of a large page is nothing. */
static void page_of_every_size_reaches_its_memory(void)
{
	struct rig_owned o;
	uint64_t last;

	rig_open_owned(&o, 0, 1u << 17, 1u << 17);
	last = (UINT64_C(1) << o.r.iova_bits) - 1;
	for (uint64_t sizes = o.r.page_sizes; sizes; sizes &= sizes - 1) {
		uint64_t size = sizes & -sizes, iova = 9 * size, off = o.mem.pa & (size - 1), found = 0;

		if (iova + size - 1 > last)
			continue;
		rig_map(&o.r, o.domain, iova, o.mem.pa - off, size, PIOMMU_RW);
		CHECK_EQ(piommu_lookup(o.domain, iova + off, &found, NULL, NULL), 0);
		CHECK_HEX(found, o.mem.pa);
		rig_check_reaches(&o.r, o.device, iova + off, o.mem.va, 64);
		rig_unmap(&o.r, o.domain, iova, size);
		rig_check_fault(&o.r, o.device, iova + off, false, MACHINE_UNMAPPED);
	}
	rig_close(&o.r);
}

static void range_of_many_pages_is_gone_after_one_unmap(void)
{
	enum {
		N = 40
	};
	struct rig_owned o;
	uint64_t page;

	rig_open_owned(&o, 0, N << 16, 1u << 16);
	page = page_of(&o.r);
	rig_map(&o.r, o.domain, 7 * page, o.mem.pa, N * page, PIOMMU_RW);
	for (unsigned i = 0; i < N; i++)
		rig_check_reaches(&o.r, o.device, (7 + i) * page, (char *)o.mem.va + i * page, 64);
	rig_unmap(&o.r, o.domain, 7 * page, N * page);
	for (unsigned i = 0; i < N; i++)
		rig_check_fault(&o.r, o.device, (7 + i) * page, i & 1, MACHINE_UNMAPPED);
	rig_close(&o.r);
}

const struct suite_test granule_tests[] = {
	SUITE_TEST(smallest_page_reaches_its_memory_and_no_more),
	SUITE_TEST(less_than_a_page_is_refused),
	SUITE_TEST(page_of_every_size_reaches_its_memory),
	SUITE_TEST(range_of_many_pages_is_gone_after_one_unmap),
};
const unsigned granule_ntests = sizeof(granule_tests) / sizeof(granule_tests[0]);
