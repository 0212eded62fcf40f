/* SPDX-License-Identifier: BSD-3-Clause */
/* Units whose smallest page has more than 4 KiB: what a domain there takes and refuses, and the pages that its tables are made of. */
#include <errno.h>
#include <string.h>

#include "fake.h"
#include "piommu_dma.h"
#include "suite.h"

static struct fake fake;
static struct piommu *p;
static struct piommu_group *group;
static struct piommu_domain *domain;

static void open_domain(uint64_t page_sizes)
{
	fake_init(&fake);
	fake.page_sizes = page_sizes;
	p = fake_start(&fake);
	group = fake_group(p, "00:04.0");
	domain = fake_domain_for(group);
}

static void close_domain(void)
{
	CHECK_EQ(piommu_domain_destroy(domain), 0);
	piommu_group_put(group);
	fake_stop(&fake, p);
}

static void tables_are_of_pages_of_the_smallest_leaf(void)
{
	static const uint64_t sizes[] = { BIT64(12) | BIT64(21), BIT64(14) | BIT64(25), BIT64(16) | BIT64(29) };

	for (unsigned i = 0; i < 3; i++) {
		open_domain(sizes[i]);
		CHECK_HEX(piommu_pool_page_size(domain->pool), UINT64_C(4096) << 2 * i);
		CHECK_HEX(domain->page_mask + 1, UINT64_C(4096) << 2 * i);
		close_domain();
	}
}

/* Which of the three is no multiple of the page. */
static void check_refused(uint64_t iova, uint64_t pa, size_t len, const char *why)
{
	char text[256];

	CHECK_EQ(piommu_map(domain, iova, pa, len, PIOMMU_RW), -EINVAL);
	CHECK_EQ(piommu_map_explain(domain, iova, pa, len, PIOMMU_RW, text, sizeof(text)), -EINVAL);
	CHECK_HAS(text, why);
}

static void what_is_no_multiple_of_the_page_is_refused(void)
{
	size_t unmapped = 1;
	char text[256];

	open_domain(BIT64(16));
	check_refused(0x11000, 0x20000, 0x10000, "iova 0x11000 is not a multiple of 65536");
	check_refused(0x10000, 0x24000, 0x10000, "pa 0x24000 is not a multiple of 65536");
	check_refused(0x10000, 0x20000, 0x18000, "length 0x18000 is not a multiple of 65536");
	CHECK_EQ(piommu_map(domain, 0x10000, 0x20000, 0x10000, PIOMMU_RW), 0);
	CHECK_EQ(piommu_unmap(domain, 0x10000, 0x1000, &unmapped), -EINVAL);
	CHECK_EQ(unmapped, 0);
	CHECK_EQ(piommu_unmap_explain(domain, 0x10000, 0x1000, text, sizeof(text)), -EINVAL);
	CHECK_HAS(text, "length 0x1000 is not a multiple of 65536");
	CHECK_EQ(piommu_unmap(domain, 0x10000, 0x10000, &unmapped), 0);
	close_domain();
}

static void addresses_are_whole_pages(void)
{
	uint64_t iova;

	open_domain(BIT64(14));
	CHECK_EQ(piommu_iova_alloc(domain, 0x1000, 0x4000, &iova), -EINVAL);
	CHECK_EQ(piommu_iova_alloc(domain, 0x4000, 0x1000, &iova), -EINVAL);
	CHECK_EQ(piommu_iova_alloc(domain, 0x4000, 0x4000, &iova), 0);
	CHECK_HEX(iova & 0x3fff, 0);
	CHECK_EQ(piommu_iova_free(domain, iova, 0x4000), 0);
	close_domain();
}

static void an_aperture_is_of_whole_pages(void)
{
	struct piommu_domain_attr attr = { .aperture = { 0x8000, 0xfffff } };
	struct piommu_domain *other = NULL;

	open_domain(BIT64(16));
	CHECK_EQ(piommu_domain_create(group, &attr, &other), -EINVAL);
	CHECK_HAS(fake.messages, "whole pages of 65536 bytes");
	attr.aperture = (struct piommu_span){ 0x10000, 0xf7fff };
	CHECK_EQ(piommu_domain_create(group, &attr, &other), -EINVAL);
	attr.aperture = (struct piommu_span){ 0x10000, UINT64_C(0x1ffffffffffff) };
	CHECK_EQ(piommu_domain_create(group, &attr, &other), -EINVAL); /* the unit has 48 bits */
	attr.aperture = (struct piommu_span){ 0x10000, 0xfffff };
	CHECK_EQ(piommu_domain_create(group, &attr, &other), 0);
	CHECK_EQ(piommu_domain_destroy(other), 0);
	close_domain();
}

static void channels_are_refused_in_one_line(void)
{
	struct piommu_channel *ch = NULL;

	open_domain(BIT64(14));
	CHECK_EQ(piommu_channel_create(domain, NULL, &ch), -ENOTSUP);
	CHECK_HAS(fake.messages, "channels need pages of 4096 bytes, the smallest here are of 16384");
	close_domain();
}

static void a_pool_is_of_whole_pages(void)
{
	uint64_t before, after;

	open_domain(BIT64(16));
	CHECK_EQ(piommu_dma_pool_register(domain, 0x101000, 0x10000, PIOMMU_RW), -EINVAL);
	CHECK_EQ(piommu_dma_pool_register(domain, 0x100000, 0x1000, PIOMMU_RW), -EINVAL);
	CHECK_EQ(piommu_iova_alloc(domain, 0x10000, 0x10000, &before), 0);
	CHECK_EQ(piommu_dma_pool_register(domain, 0x100000, 0x10000, PIOMMU_RW), 0);
	CHECK_EQ(piommu_dma_pool_register(domain, 0x110000, 0x10000, PIOMMU_RW), 0);
	CHECK_EQ(piommu_iova_alloc(domain, 0x10000, 0x10000, &after), 0);
	CHECK_HEX(after - before, 0x30000); /* the two are between them, a page each */
	CHECK_EQ(piommu_dma_pool_unregister(domain, 0x100000), 0);
	CHECK_EQ(piommu_dma_pool_unregister(domain, 0x110000), 0);
	close_domain();
}

static void memory_is_whole_pages_of_every_unit(void)
{
	struct piommu_mem mem;

	open_domain(BIT64(16));
	CHECK_EQ(piommu_mem_alloc(p, 100, 0, &mem), 0);
	CHECK_HEX(mem.pa & 0xffff, 0);
	CU_ASSERT(mem.len >= 0x10000);
	CHECK_EQ(piommu_map(domain, 0x10000, mem.pa, mem.len, PIOMMU_RW), 0);
	CHECK_EQ(piommu_unmap(domain, 0x10000, mem.len, NULL), 0);
	piommu_mem_free(p, &mem);
	close_domain();
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(tables_are_of_pages_of_the_smallest_leaf),
		SUITE_TEST(what_is_no_multiple_of_the_page_is_refused),
		SUITE_TEST(addresses_are_whole_pages),
		SUITE_TEST(an_aperture_is_of_whole_pages),
		SUITE_TEST(channels_are_refused_in_one_line),
		SUITE_TEST(a_pool_is_of_whole_pages),
		SUITE_TEST(memory_is_whole_pages_of_every_unit),
	};

	return suite_run(argc, argv, "core-pages", tests, sizeof(tests) / sizeof(tests[0]));
}
