/* SPDX-License-Identifier: BSD-3-Clause */
/* Domains: what a map or an unmap writes, their widths, and who fits whom (2.3, 2.4). */
#include <errno.h>

#include "arm_domain.h"
#include "drivers.h"
#include "fake_unit.h"
#include "suite.h"

#define IOVA UINT64_C(0x40005000)
#define PA UINT64_C(0x12345000)

/* A unit with one paging domain under tag 3. */
static void start(struct fake *fake)
{
	fake_start(fake);
	fake_domain(fake, 3);
	smmuv2_bank_start(smmuv2_of(&fake->unit), 3, fake->domain);
	fake->nwrites = 0;
}

static void a_map_writes_memory_and_no_register(void)
{
	struct fake fake;
	struct piommu_pt_leaf leaf;

	fake_init(&fake);
	start(&fake);
	CHECK_EQ(fake.domain->ops->map(fake.domain, IOVA, PA, 0x1000, PIOMMU_RW), 0);
	CHECK_EQ(fake.nwrites, 0);
	CHECK_EQ(fake.domain->ops->lookup(fake.domain, IOVA + 8, &leaf), 0);
	CHECK_HEX(leaf.pa, PA + 8);
	fake_fini(&fake);
}

static void a_strict_unmap_invalidates_its_page_before_it_returns(void)
{
	static const struct fake_write expected[] = {
		{ FAKE_CB(3) + 0x620, 8, UINT64_C(0x0003000000040005) },
		{ FAKE_CB(3) + 0x7f0, 4, 0 },
	};
	struct fake fake;
	size_t unmapped;

	fake_init(&fake);
	start(&fake);
	CHECK_EQ(fake.domain->ops->map(fake.domain, IOVA, PA, 0x1000, PIOMMU_RW), 0);
	CHECK_EQ(fake.domain->ops->unmap(fake.domain, IOVA, 0x1000, NULL, &unmapped), 0);
	CHECK_EQ(unmapped, 0x1000);
	fake_expect(&fake, 0, expected, 2);
	fake_fini(&fake);
}

static void a_burst_of_unmaps_is_one_sync(void)
{
	struct fake fake;
	struct piommu_gather gather;
	struct piommu_fence fence;
	unsigned syncs = 0;

	fake_init(&fake);
	start(&fake);
	piommu_gather_init(&gather);
	CHECK_EQ(fake.domain->ops->map(fake.domain, IOVA, PA, 0x8000, PIOMMU_RW), 0);
	for (unsigned i = 0; i < 8; i += 2)
		CHECK_EQ(fake.domain->ops->unmap(fake.domain, IOVA + i * 0x1000, 0x1000, &gather, NULL), 0);
	CHECK_EQ(fake.nwrites, 0);
	CHECK_EQ(fake.domain->ops->submit(fake.domain, &gather, &fence), 0);
	CHECK_EQ(fence.n, 0);
	for (unsigned i = 0; i < fake.nwrites; i++)
		syncs += fake.writes[i].off == FAKE_CB(3) + 0x7f0;
	CHECK_EQ(syncs, 1);
	CHECK_EQ(fake.nwrites, 5);
	fake_fini(&fake);
}

static void an_unmap_that_is_not_known_to_be_complete_says_so(void)
{
	struct fake fake;

	fake_init(&fake);
	start(&fake);
	CHECK_EQ(fake.domain->ops->map(fake.domain, IOVA, PA, 0x1000, PIOMMU_RW), 0);
	fake.syncs_stuck = true;
	CHECK_EQ(fake.domain->ops->unmap(fake.domain, IOVA, 0x1000, NULL, NULL), -ETIMEDOUT);
	fake.syncs_stuck = false;
	fake_fini(&fake);
}

static void stage_2_of_40_bits_has_a_root_of_two_tables(void)
{
	struct fake fake;
	struct piommu_pt_leaf leaf;

	fake_init(&fake);
	fake_ids(&fake, FAKE_IDR0_STAGE2, FAKE_IDR1, 0x1552);
	start(&fake);
	CHECK_EQ(fake.domain->iova_bits, 40);
	CHECK_EQ(fake.domain->ops->map(fake.domain, UINT64_C(0xfffffff000), PA, 0x1000, PIOMMU_WRITE), 0);
	CHECK_EQ(fake.domain->ops->lookup(fake.domain, UINT64_C(0xfffffff000), &leaf), 0);
	CHECK_EQ(leaf.prot, PIOMMU_WRITE); /* which stage 1 cannot say */
	fake_fini(&fake);
}

static void a_domain_has_a_width_of_its_unit(void)
{
	struct piommu_domain *domain;
	struct fake fake;

	fake_init(&fake);
	fake_start(&fake);
	CHECK_EQ(smmuv2_driver.domain_create(&fake.unit, PIOMMU_DOMAIN_PAGING, 39, &domain), 0);
	CHECK_EQ(domain->iova_bits, 39);
	domain->ops->destroy(domain);
	CHECK_EQ(smmuv2_driver.domain_create(&fake.unit, PIOMMU_DOMAIN_PAGING, 49, &domain), -EINVAL);
	CHECK_HAS(fake.said, "49");
	CHECK_EQ(smmuv2_driver.domain_create(&fake.unit, PIOMMU_DOMAIN_PAGING, 20, &domain), 0);
	CHECK_EQ(domain->iova_bits, 20); /* of a table that has more */
	CHECK_EQ(arm_domain_of(domain)->paging.pt.iova_bits, 32);
	domain->ops->destroy(domain);
	fake_fini(&fake);
}

static void a_domain_fits_units_that_walk_its_tables(void)
{
	static const struct {
		uint32_t idr0, idr2, flags;
		const char *why; /* NULL: fits */
	} cases[] = {
		{ FAKE_IDR0, FAKE_IDR2, PIOMMU_FW_UNIT_COHERENT, NULL },
		{ FAKE_IDR0 & ~0x20000000u, FAKE_IDR2, PIOMMU_FW_UNIT_COHERENT, NULL },
		{ FAKE_IDR0_STAGE2, FAKE_IDR2, PIOMMU_FW_UNIT_COHERENT, "stage 1" },
		{ FAKE_IDR0, 0x4555, PIOMMU_FW_UNIT_COHERENT, "page size" },
		{ FAKE_IDR0, 0x1222, PIOMMU_FW_UNIT_COHERENT, "wider" },
		{ FAKE_IDR0, FAKE_IDR2, 0, "snoop" },
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fake one, other;

		fake_init(&one);
		fake_start(&one);
		fake_init(&other);
		fake_ids(&other, cases[i].idr0, FAKE_IDR1, cases[i].idr2);
		other.fw.flags = cases[i].flags;
		fake_start(&other);
		fake_domain_fits(&one, &other, cases[i].why);
		fake_fini(&other);
		fake_fini(&one);
	}
}

static void identity_and_blocking_have_nothing_to_map(void)
{
	struct fake fake;

	fake_init(&fake);
	fake_start(&fake);
	fake_domains_without_tables(&fake);
	fake_fini(&fake);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(a_map_writes_memory_and_no_register),
		SUITE_TEST(a_strict_unmap_invalidates_its_page_before_it_returns),
		SUITE_TEST(a_burst_of_unmaps_is_one_sync),
		SUITE_TEST(an_unmap_that_is_not_known_to_be_complete_says_so),
		SUITE_TEST(stage_2_of_40_bits_has_a_root_of_two_tables),
		SUITE_TEST(a_domain_has_a_width_of_its_unit),
		SUITE_TEST(a_domain_fits_units_that_walk_its_tables),
		SUITE_TEST(identity_and_blocking_have_nothing_to_map),
	};

	return suite_run(argc, argv, "smmuv2_domain", tests, sizeof(tests) / sizeof(tests[0]));
}
