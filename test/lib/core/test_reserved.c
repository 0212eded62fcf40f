/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What firmware says of a device's addresses: memory that it uses stays 1:1, addresses that are taken out are left alone. Neither is handed
 * out, from a domain's creation on for the group that it is made for.
 */
#include <errno.h>
#include <string.h>

#include "fake.h"
#include "fdt_make.h"
#include "suite.h"

#define PAGE 0x1000u

static struct fake fake;
static struct fdt_make tree;
static struct piommu *p;

/* Two displays; the first one scans out of 0x20000 to 0x21fff, and is given nothing at 0x30000 to 0x30fff. */
static void start_with_pages(uint64_t page_sizes)
{
	fdt_make_start(&tree, 1);
	fdt_make_begin(&tree, "smmu@50000");
	fdt_make_text(&tree, "compatible", "arm,mmu-500");
	FDT_CELLS(&tree, "reg", 0x50000, 0x10000);
	FDT_CELLS(&tree, "phandle", 1);
	FDT_CELLS(&tree, "#iommu-cells", 1);
	fdt_make_end(&tree);
	fdt_make_begin(&tree, "display@0");
	FDT_CELLS(&tree, "phandle", 2);
	FDT_CELLS(&tree, "iommus", 1, 0x880);
	fdt_make_end(&tree);
	fdt_make_begin(&tree, "display@1");
	FDT_CELLS(&tree, "iommus", 1, 0x881);
	fdt_make_end(&tree);
	fdt_make_begin(&tree, "reserved-memory");
	FDT_CELLS(&tree, "#address-cells", 1);
	FDT_CELLS(&tree, "#size-cells", 1);
	FDT_FLAG(&tree, "ranges");
	fdt_make_begin(&tree, "splash@20000");
	FDT_CELLS(&tree, "reg", 0x20000, 0x2000);
	FDT_CELLS(&tree, "iommu-addresses", 2, 0x20000, 0x2000);
	fdt_make_end(&tree);
	fdt_make_begin(&tree, "hole");
	FDT_CELLS(&tree, "iommu-addresses", 2, 0x30000, 0x1000);
	fdt_make_end(&tree);
	fdt_make_end(&tree);
	fdt_make_finish(&tree);
	fake_init(&fake);
	fake.tree = tree.bytes;
	fake.tree_len = tree.len;
	fake.page_sizes = page_sizes;
	p = fake_start(&fake);
}

static void start(void)
{
	start_with_pages(PAGE);
}

static struct piommu_group *group_of(const char *name)
{
	struct piommu_group *group = NULL;

	CU_ASSERT_EQUAL_FATAL(piommu_group_find_node(p, name, &group), 0);
	CHECK_EQ(piommu_claim(group), 0);
	return group;
}

static struct piommu_domain *domain_of(struct piommu_group *group, uint64_t first, uint64_t last)
{
	const struct piommu_domain_attr attr = { .aperture = { first, last } };
	struct piommu_domain *domain = NULL;

	CU_ASSERT_EQUAL_FATAL(piommu_domain_create(group, &attr, &domain), 0);
	return domain;
}

static unsigned alloc_all(struct piommu_domain *domain, uint64_t *addresses, unsigned max)
{
	unsigned n = 0;

	while (n < max && !piommu_iova_alloc(domain, PAGE, PAGE, &addresses[n]))
		n++;
	return n;
}

static void end(struct piommu_domain *domain, struct piommu_group *a, struct piommu_group *b)
{
	CHECK_EQ(piommu_domain_destroy(domain), 0);
	CHECK_EQ(piommu_release(a), 0);
	piommu_group_put(a);
	if (b) {
		CHECK_EQ(piommu_release(b), 0);
		piommu_group_put(b);
	}
	fake_stop(&fake, p);
}

static void a_new_domain_hands_out_neither_of_its_groups_ranges(void)
{
	struct piommu_group *group;
	struct piommu_domain *domain;
	uint64_t at[32];
	unsigned n;

	start();
	group = group_of("/display@0");
	domain = domain_of(group, 0x1f000, 0x22fff);
	n = alloc_all(domain, at, 32);
	CHECK_EQ(n, 2); /* of four pages */
	for (unsigned i = 0; i < n; i++)
		CU_ASSERT(at[i] == 0x1f000 || at[i] == 0x22000);
	CHECK_EQ(piommu_domain_destroy(domain), 0);
	domain = domain_of(group, 0x2f000, 0x31fff);
	n = alloc_all(domain, at, 32);
	CHECK_EQ(n, 2); /* of three */
	for (unsigned i = 0; i < n; i++)
		CU_ASSERT(at[i] != 0x30000);
	end(domain, group, NULL);
}

static void memory_is_mapped_1_1_and_a_carve_out_is_not(void)
{
	struct piommu_group *group;
	struct piommu_domain *domain;
	uint64_t pa = 0;

	start();
	group = group_of("/display@0");
	domain = domain_of(group, 0x10000, 0x4ffff);
	CHECK_EQ(piommu_attach(domain, group), 0);
	CHECK_EQ(piommu_lookup(domain, 0x21000, &pa, NULL, NULL), 0);
	CHECK_HEX(pa, 0x21000);
	CHECK_EQ(piommu_lookup(domain, 0x30000, &pa, NULL, NULL), -ENOENT);
	CHECK_EQ(piommu_detach(domain, group), 0);
	end(domain, group, NULL);
}

/* A domain of another group's making. */
static void memory_of_a_group_that_joins_is_not_handed_out_from_then_on(void)
{
	struct piommu_group *first, *second;
	struct piommu_domain *domain;
	uint64_t at[32];

	start();
	first = group_of("/display@0");
	second = group_of("/display@1");
	domain = domain_of(second, 0x1f000, 0x22fff);
	CHECK_EQ(piommu_attach(domain, first), 0);
	CHECK_EQ(alloc_all(domain, at, 32), 2); /* of four pages */
	CHECK_EQ(piommu_detach(domain, first), 0);
	end(domain, first, second);
}

static void of_larger_pages_whole_ones_are_reserved(void)
{
	struct piommu_group *group;
	struct piommu_domain *domain;
	uint64_t at[2] = { 0 }, pa = 0;

	start_with_pages(0x10000);
	group = group_of("/display@0");
	domain = domain_of(group, 0x10000, 0x4ffff);
	CHECK_EQ(piommu_iova_alloc(domain, 0x10000, 0x10000, &at[0]), 0);
	CHECK_EQ(piommu_iova_alloc(domain, 0x10000, 0x10000, &at[1]), 0);
	CHECK_HEX(at[0] ^ at[1], 0x10000 ^ 0x40000);
	CU_ASSERT_NOT_EQUAL(piommu_iova_alloc(domain, 0x10000, 0x10000, &at[0]), 0);
	CHECK_EQ(piommu_attach(domain, group), 0);
	CHECK_EQ(piommu_lookup(domain, 0x2f000, &pa, NULL, NULL), 0);
	CHECK_HEX(pa, 0x2f000);
	CHECK_EQ(piommu_detach(domain, group), 0);
	end(domain, group, NULL);
}

static void what_is_mapped_there_otherwise_is_not_reserved_memory(void)
{
	static const struct {
		uint64_t pa;
		unsigned prot;
	} cases[] = { { 0x21000, PIOMMU_READ }, { 0x21000, PIOMMU_WRITE }, { 0x5000, PIOMMU_RW } };
	struct piommu_group *group;
	struct piommu_domain *domain;
	uint64_t pa;

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		start();
		group = group_of("/display@0");
		domain = domain_of(group, 0x10000, 0x4ffff);
		CHECK_EQ(piommu_map(domain, 0x21000, cases[i].pa, PAGE, cases[i].prot), 0);
		CHECK_EQ(piommu_attach(domain, group), -EADDRINUSE);
		CHECK_HAS(fake.messages, "/display@0: its reserved range 0x20000-0x21fff");
		CHECK_EQ(piommu_lookup(domain, 0x20000, &pa, NULL, NULL), -ENOENT);
		end(domain, group, NULL);
	}
}

static void a_domain_too_narrow_for_reserved_memory_is_refused(void)
{
	const struct piommu_domain_attr attr = { .iova_bits = 17 };
	struct piommu_group *group;
	struct piommu_domain *domain = NULL;

	start();
	group = group_of("/display@0");
	CU_ASSERT_EQUAL_FATAL(piommu_domain_create(group, &attr, &domain), 0);
	CHECK_EQ(piommu_attach(domain, group), -ERANGE);
	CHECK_HAS(fake.messages, "0x20000-0x21fff");
	end(domain, group, NULL);
}

/* Of another group's making, and addresses of it are in use where the first display must be given nothing. */
static void a_group_does_not_join_where_its_carve_out_is_in_use(void)
{
	struct piommu_group *first, *second;
	struct piommu_domain *domain;
	uint64_t at[32];

	start();
	first = group_of("/display@0");
	second = group_of("/display@1");
	domain = domain_of(second, 0x30000, 0x30fff);
	CHECK_EQ(alloc_all(domain, at, 32), 1); /* its own group may have it */
	CHECK_EQ(piommu_attach(domain, first), -EADDRINUSE);
	CHECK_HAS(fake.messages, "/display@0: firmware allows it nothing at 0x30000-0x30fff");
	CHECK_EQ(piommu_iova_free(domain, at[0], PAGE), 0);
	CHECK_EQ(piommu_attach(domain, first), 0);
	CHECK_EQ(alloc_all(domain, at, 32), 0); /* from now on nobody */
	CHECK_EQ(piommu_detach(domain, first), 0);
	end(domain, first, second);
}

/* What is in the way is the memory that it scans out of. */
static void a_refused_attach_takes_no_addresses_out_of_the_domain(void)
{
	struct piommu_group *first, *second;
	struct piommu_domain *domain;
	uint64_t at[32];
	unsigned n = 0;

	start();
	first = group_of("/display@0");
	second = group_of("/display@1");
	domain = domain_of(second, 0x10000, 0x4ffff);
	CHECK_EQ(piommu_map(domain, 0x20000, 0x5000, PAGE, PIOMMU_RW), 0);
	CHECK_EQ(piommu_attach(domain, first), -EADDRINUSE);
	while (n < 32 && !piommu_iova_alloc(domain, 0x8000, PAGE, &at[n]))
		n++;
	CHECK_EQ(n, 8); /* all that there is */
	while (n-- > 0)
		CHECK_EQ(piommu_iova_free(domain, at[n], 0x8000), 0);
	end(domain, first, second);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(a_new_domain_hands_out_neither_of_its_groups_ranges),
		SUITE_TEST(memory_is_mapped_1_1_and_a_carve_out_is_not),
		SUITE_TEST(memory_of_a_group_that_joins_is_not_handed_out_from_then_on),
		SUITE_TEST(of_larger_pages_whole_ones_are_reserved),
		SUITE_TEST(what_is_mapped_there_otherwise_is_not_reserved_memory),
		SUITE_TEST(a_domain_too_narrow_for_reserved_memory_is_refused),
		SUITE_TEST(a_group_does_not_join_where_its_carve_out_is_in_use),
		SUITE_TEST(a_refused_attach_takes_no_addresses_out_of_the_domain),
	};

	return suite_run(argc, argv, "core-reserved", tests, sizeof(tests) / sizeof(tests[0]));
}
