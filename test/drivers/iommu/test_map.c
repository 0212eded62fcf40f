/* SPDX-License-Identifier: BSD-3-Clause */
/* Maps of every size and at both ends of the address space: the device reaches what was mapped, and lookup agrees. */
#include "driver_tests.h"
#include "rig.h"

static void check_leaf(struct piommu_domain *domain, uint64_t iova, uint64_t want_pa, size_t want_size)
{
	uint64_t pa = 0;
	unsigned prot = 0;
	size_t size = 0;

	CHECK_EQ(piommu_lookup(domain, iova, &pa, &prot, &size), 0);
	CHECK_HEX(pa, want_pa);
	CHECK_EQ(prot, PIOMMU_RW);
	CHECK_HEX(size, want_size);
}

/* The largest leaf not above `want` that the unit has. */
static size_t leaf_size(const struct rig *r, size_t want)
{
	while (!(r->page_sizes & want))
		want >>= 9;
	return want;
}

static void page_of_4k_reaches_its_memory(void)
{
	struct rig_owned o;

	rig_open_owned(&o, 0, RIG_PAGE, 0);
	rig_map(&o.r, o.domain, 0x5000, o.mem.pa, RIG_PAGE, PIOMMU_RW);
	check_leaf(o.domain, 0x5008, o.mem.pa + 8, RIG_PAGE);
	rig_check_reaches(&o.r, o.device, 0x5000, o.mem.va, RIG_PAGE);
	rig_check_reaches(&o.r, o.device, 0x5ff8, (char *)o.mem.va + 0xff8, 8);
	rig_check_blocked(&o.r, o.device, 0x4ffc, false);
	rig_check_blocked(&o.r, o.device, 0x6000, true);
	rig_close(&o.r);
}

static void page_of_2m_reaches_its_memory(void)
{
	const uint64_t iova = 7 * RIG_2M;
	struct rig_owned o;

	rig_open_owned(&o, 0, RIG_2M, RIG_2M);
	rig_map(&o.r, o.domain, iova, o.mem.pa, RIG_2M, PIOMMU_RW);
	check_leaf(o.domain, iova + 0x123450, o.mem.pa + 0x123450, leaf_size(&o.r, RIG_2M));
	rig_check_reaches(&o.r, o.device, iova, o.mem.va, 64);
	rig_check_reaches(&o.r, o.device, iova + RIG_2M - 64, (char *)o.mem.va + RIG_2M - 64, 64);
	rig_unmap(&o.r, o.domain, iova, RIG_2M);
	rig_check_blocked(&o.r, o.device, iova, false);
	rig_close(&o.r);
}

/* No machine here has an aligned gigabyte of memory to give: the page around a buffer is mapped, most of it is nothing. */
static void page_of_1g_reaches_its_memory(void)
{
	const uint64_t iova = 5 * RIG_1G;
	struct rig_owned o;
	uint64_t off;

	rig_open_owned(&o, 0, RIG_PAGE, 0);
	off = o.mem.pa & (RIG_1G - 1);
	rig_map(&o.r, o.domain, iova, o.mem.pa - off, RIG_1G, PIOMMU_RW);
	check_leaf(o.domain, iova + off, o.mem.pa, leaf_size(&o.r, RIG_1G));
	rig_check_reaches(&o.r, o.device, iova + off, o.mem.va, 256);
	rig_unmap(&o.r, o.domain, iova, RIG_1G);
	rig_check_blocked(&o.r, o.device, iova + off, false);
	rig_close(&o.r);
}

static void range_of_mixed_sizes_is_one_map_and_one_unmap(void)
{
	const uint64_t iova = 3 * RIG_2M - 3 * RIG_PAGE, len = 3 * RIG_PAGE + RIG_2M + 5 * RIG_PAGE;
	struct rig_owned o;
	uint64_t pa;

	rig_open_owned(&o, 0, 3 * RIG_2M, RIG_2M);
	pa = o.mem.pa + RIG_2M - 3 * RIG_PAGE; /* iova and pa meet 2 MiB boundaries together */
	rig_map(&o.r, o.domain, iova, pa, len, PIOMMU_RW);
	check_leaf(o.domain, iova, pa, RIG_PAGE);
	check_leaf(o.domain, 3 * RIG_2M, o.mem.pa + RIG_2M, leaf_size(&o.r, RIG_2M));
	check_leaf(o.domain, 4 * RIG_2M, o.mem.pa + 2 * RIG_2M, RIG_PAGE);
	rig_check_reaches(&o.r, o.device, iova, (char *)o.mem.va + RIG_2M - 3 * RIG_PAGE, 128);
	rig_check_reaches(&o.r, o.device, 4 * RIG_2M - 64, (char *)o.mem.va + 2 * RIG_2M - 64, 128);
	rig_unmap(&o.r, o.domain, iova, len);
	rig_check_blocked(&o.r, o.device, iova, false);
	rig_check_blocked(&o.r, o.device, 3 * RIG_2M, false);
	rig_check_blocked(&o.r, o.device, iova + len - 4, false);
	rig_close(&o.r);
}

static void dma_crosses_pages_that_are_apart_in_memory(void)
{
	struct rig_owned o;
	uint8_t buf[3000];

	rig_open_owned(&o, 1, 4 * RIG_PAGE, 0);
	rig_fill(o.mem.va, o.mem.len, 9);
	rig_map(&o.r, o.domain, 0x10000, o.mem.pa + 3 * RIG_PAGE, RIG_PAGE, PIOMMU_RW);
	rig_map(&o.r, o.domain, 0x11000, o.mem.pa, RIG_PAGE, PIOMMU_RW);
	CHECK_EQ(rig_read(&o.r, o.device, 0x10a00, buf, sizeof(buf)), 0);
	CHECK_EQ(memcmp(buf, (char *)o.mem.va + 3 * RIG_PAGE + 0xa00, 0x600), 0);
	CHECK_EQ(memcmp(buf + 0x600, o.mem.va, sizeof(buf) - 0x600), 0);
	rig_fill(buf, sizeof(buf), 10);
	CHECK_EQ(rig_write(&o.r, o.device, 0x10a00, buf, sizeof(buf)), 0);
	CHECK_EQ(memcmp(buf, (char *)o.mem.va + 3 * RIG_PAGE + 0xa00, 0x600), 0);
	CHECK_EQ(memcmp(buf + 0x600, o.mem.va, sizeof(buf) - 0x600), 0);
	rig_close(&o.r);
}

static void t25_iova_zero_is_an_address_like_others(void)
{
	struct rig_owned o;
	uint64_t pa = 0;

	rig_open_owned(&o, 0, RIG_PAGE, 0);
	rig_check_blocked(&o.r, o.device, 0, false);
	CHECK_EQ(piommu_lookup(o.domain, 0, &pa, NULL, NULL), -ENOENT);
	rig_map(&o.r, o.domain, 0, o.mem.pa, RIG_PAGE, PIOMMU_RW);
	rig_check_reaches(&o.r, o.device, 0, o.mem.va, 64);
	CHECK_EQ(piommu_lookup(o.domain, 0, &pa, NULL, NULL), 0);
	CHECK_HEX(pa, o.mem.pa);
	rig_unmap(&o.r, o.domain, 0, RIG_PAGE);
	rig_check_blocked(&o.r, o.device, 0, true);
	CHECK_EQ(piommu_lookup(o.domain, 0, &pa, NULL, NULL), -ENOENT);
	rig_close(&o.r);
}

static void last_page_of_the_address_space_maps(void)
{
	struct rig_owned o;
	uint64_t last;

	rig_open_owned(&o, 0, RIG_PAGE, 0);
	last = (UINT64_C(1) << o.r.iova_bits) - RIG_PAGE;
	rig_map(&o.r, o.domain, last, o.mem.pa, RIG_PAGE, PIOMMU_RW);
	rig_check_reaches(&o.r, o.device, last, o.mem.va, RIG_PAGE);
	CHECK_EQ(piommu_map(o.domain, last + RIG_PAGE, o.mem.pa, RIG_PAGE, PIOMMU_RW), -ERANGE);
	rig_unmap(&o.r, o.domain, last, RIG_PAGE);
	rig_check_blocked(&o.r, o.device, last, false);
	rig_close(&o.r);
}

static void access_beyond_the_width_is_blocked(void)
{
	struct rig r;

	rig_open(&r);
	rig_own(&r, r.m->plain[0]);
	if (r.iova_bits < 64)
		rig_check_fault(&r, r.m->plain[0], UINT64_C(1) << r.iova_bits, false, MACHINE_BEYOND);
	rig_close(&r);
}

/* The unmap of small pages leaves their empty table behind; a large page then takes its place. */
static void large_page_displaces_an_empty_table(void)
{
	struct rig_owned o;

	rig_open_owned(&o, 0, RIG_2M, RIG_2M);
	rig_map(&o.r, o.domain, RIG_2M + 5 * RIG_PAGE, o.mem.pa, RIG_PAGE, PIOMMU_RW);
	rig_check_reaches(&o.r, o.device, RIG_2M + 5 * RIG_PAGE, o.mem.va, 16);
	rig_unmap(&o.r, o.domain, RIG_2M + 5 * RIG_PAGE, RIG_PAGE);
	rig_map(&o.r, o.domain, RIG_2M, o.mem.pa, RIG_2M, PIOMMU_RW);
	rig_check_reaches(&o.r, o.device, RIG_2M + 5 * RIG_PAGE, (char *)o.mem.va + 5 * RIG_PAGE, 16);
	rig_check_reaches(&o.r, o.device, RIG_2M + 6 * RIG_PAGE, (char *)o.mem.va + 6 * RIG_PAGE, 16);
	rig_unmap(&o.r, o.domain, RIG_2M, RIG_2M);
	rig_map(&o.r, o.domain, RIG_2M + 5 * RIG_PAGE, o.mem.pa, RIG_PAGE, PIOMMU_RW);
	rig_check_reaches(&o.r, o.device, RIG_2M + 5 * RIG_PAGE, o.mem.va, 16);
	rig_check_blocked(&o.r, o.device, RIG_2M + 6 * RIG_PAGE, false);
	rig_close(&o.r);
}

static void remap_leads_to_the_new_memory(void)
{
	struct rig_owned o;

	rig_open_owned(&o, 0, 8 * RIG_PAGE, 0);
	for (unsigned i = 0; i < 8; i++) {
		rig_map(&o.r, o.domain, 0x9000, o.mem.pa + i * RIG_PAGE, RIG_PAGE, PIOMMU_RW);
		rig_check_reaches(&o.r, o.device, 0x9000, (char *)o.mem.va + i * RIG_PAGE, 32);
		rig_unmap(&o.r, o.domain, 0x9000, RIG_PAGE);
	}
	rig_close(&o.r);
}

const struct suite_test map_tests[] = {
	SUITE_TEST(page_of_4k_reaches_its_memory),
	SUITE_TEST(page_of_2m_reaches_its_memory),
	SUITE_TEST(page_of_1g_reaches_its_memory),
	SUITE_TEST(range_of_mixed_sizes_is_one_map_and_one_unmap),
	SUITE_TEST(dma_crosses_pages_that_are_apart_in_memory),
	SUITE_TEST(t25_iova_zero_is_an_address_like_others),
	SUITE_TEST(last_page_of_the_address_space_maps),
	SUITE_TEST(access_beyond_the_width_is_blocked),
	SUITE_TEST(large_page_displaces_an_empty_table),
	SUITE_TEST(remap_leads_to_the_new_memory),
};
const unsigned map_ntests = sizeof(map_tests) / sizeof(map_tests[0]);
