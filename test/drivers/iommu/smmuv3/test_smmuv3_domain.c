/* SPDX-License-Identifier: BSD-3-Clause */
/* Domains: which stage and which tables, what an unmap sends to which unit, who fits whom (3.4, 4.4, 5.2). */
#include <errno.h>

#include "arm_domain.h"
#include "drivers.h"
#include "fake_unit.h"
#include "suite.h"

#define IOVA UINT64_C(0x40005000)
#define PA UINT64_C(0x12345000)

/* A unit with one paging domain under tag 9. */
static void start(struct fake *fake, const struct fake_ids *ids)
{
	fake_start(fake, ids);
	fake_domain(fake, 9);
}

static const struct fake_ids stage2_ids = { FAKE_IDR0 & ~2u, FAKE_IDR1, FAKE_IDR3, FAKE_IDR5 };

/* AP read-write and unprivileged, nG, AF, inner shareable, attributes of index 0, no execution (Arm ARM, D8.3). */
static void a_map_writes_memory_and_no_register(void)
{
	struct fake fake;
	struct piommu_pt_leaf leaf;

	start(&fake, &fake_usual);
	CHECK_EQ(fake.domain->ops->map(fake.domain, IOVA, PA, 0x1000, PIOMMU_RW), 0);
	CHECK_EQ(fake.nwrites, 0);
	CHECK_EQ(fake.domain->ops->lookup(fake.domain, IOVA + 8, &leaf), 0);
	CHECK_HEX(leaf.pa, PA + 8);
	CHECK_HEX(leaf.entry, PA | UINT64_C(0x0060000000000f43));
	fake_fini(&fake);
}

static void a_strict_unmap_invalidates_its_page_before_it_returns(void)
{
	static const struct smmuv3_cmd stage1[] = { { UINT64_C(0x0009000000000012), IOVA | 0x701 }, { 0x46, 0 } };
	static const struct smmuv3_cmd stage2[] = { { UINT64_C(0x000000090000002a), IOVA | 0x701 }, { 0x46, 0 } };
	struct fake fake;
	size_t unmapped;

	for (unsigned i = 0; i < 2; i++) {
		start(&fake, i ? &stage2_ids : &fake_usual);
		CHECK_EQ(fake.domain->ops->map(fake.domain, IOVA, PA, 0x1000, PIOMMU_RW), 0);
		CHECK_EQ(fake.domain->ops->unmap(fake.domain, IOVA, 0x1000, NULL, &unmapped), 0);
		CHECK_EQ(unmapped, 0x1000);
		fake_expect_commands(&fake, 0, i ? stage2 : stage1, 2);
		fake_fini(&fake);
	}
}

static void a_gather_sends_nothing_until_its_flush_and_then_one_range(void)
{
	static const struct smmuv3_cmd expected[] = { { UINT64_C(0x0009000000003012), IOVA | 0x701 }, { 0x46, 0 } };
	struct fake fake;
	struct piommu_gather gather;

	start(&fake, &fake_usual);
	piommu_gather_init(&gather);
	CHECK_EQ(fake.domain->ops->map(fake.domain, IOVA, PA, 0x4000, PIOMMU_RW), 0);
	for (unsigned i = 0; i < 4; i++)
		CHECK_EQ(fake.domain->ops->unmap(fake.domain, IOVA + i * 0x1000, 0x1000, &gather, NULL), 0);
	CHECK_EQ(fake.nwrites, 0);
	CHECK_EQ(fake.domain->ops->flush(fake.domain, &gather), 0);
	CHECK_EQ(fake.nwrites, 1); /* one doorbell */
	fake_expect_commands(&fake, 0, expected, 2);
	CU_ASSERT(piommu_gather_empty(&gather));
	fake_fini(&fake);
}

static void a_burst_is_sent_with_one_doorbell_and_not_waited_for(void)
{
	struct fake fake;
	struct piommu_gather gather;
	struct piommu_fence fence;

	start(&fake, &fake_usual);
	piommu_gather_init(&gather);
	for (unsigned i = 0; i < 8; i++)
		CHECK_EQ(fake.domain->ops->map(fake.domain, IOVA + i * 0x10000, PA, 0x1000, PIOMMU_RW), 0);
	for (unsigned i = 0; i < 8; i++)
		CHECK_EQ(fake.domain->ops->unmap(fake.domain, IOVA + i * 0x10000, 0x1000, &gather, NULL), 0);
	fake.commands_stuck = true;
	CHECK_EQ(fake.domain->ops->submit(fake.domain, &gather, &fence), 0);
	CHECK_EQ(fake.nwrites, 1);
	CHECK_HEX(fake.writes[0].off, 0x98);
	CHECK_EQ(fence.n, 1);
	CHECK_EQ(smmuv3_driver.fence_done(&fake.unit, fence.at[0].ticket), -EINPROGRESS);
	fake.commands_stuck = false;
	fake_set(&fake, 0x64, 4, 0);
	piommu_write32(&fake.window, 0x64, 0); /* the unit looks at its queue again */
	CHECK_EQ(smmuv3_driver.fence_done(&fake.unit, fence.at[0].ticket), 0);
	CHECK_EQ(smmuv3_driver.fence_wait(&fake.unit, fence.at[0].ticket), 0);
	CHECK_EQ(fake.ncommands, 9);
	fake_fini(&fake);
}

static void an_unmap_that_is_not_known_to_be_complete_says_so(void)
{
	struct fake fake;
	size_t unmapped = 0;

	start(&fake, &fake_usual);
	CHECK_EQ(fake.domain->ops->map(fake.domain, IOVA, PA, 0x1000, PIOMMU_RW), 0);
	fake.commands_stuck = true;
	CHECK_EQ(fake.domain->ops->unmap(fake.domain, IOVA, 0x1000, NULL, &unmapped), -ETIMEDOUT);
	CHECK_EQ(unmapped, 0x1000);
	fake.commands_stuck = false;
	fake_fini(&fake);
}

static void every_unit_of_the_list_is_told_under_its_own_tag(void)
{
	struct fake fake, other;

	start(&fake, &fake_usual);
	fake_start(&other, &(struct fake_ids){ FAKE_IDR0 & ~0x2000u, FAKE_IDR1, 0, FAKE_IDR5 }); /* no MSIs, no ranges */
	fake_domain_on(&fake, &other, 33);
	CHECK_EQ(fake.domain->ops->map(fake.domain, IOVA, PA, 0x1000, PIOMMU_RW), 0);
	CHECK_EQ(fake.domain->ops->unmap(fake.domain, IOVA, 0x1000, NULL, NULL), 0);
	CHECK_HEX(fake.commands[0].lo, UINT64_C(0x0009000000000012));
	CHECK_HEX(other.commands[0].lo, UINT64_C(0x0021000000000012));
	CHECK_HEX(other.commands[0].hi, IOVA | 1);
	fake.commands_stuck = true; /* one that fails does not keep the others from theirs */
	other.ncommands = 0;
	CHECK_EQ(fake.domain->ops->map(fake.domain, IOVA, PA, 0x1000, PIOMMU_RW), 0);
	CHECK_EQ(fake.domain->ops->unmap(fake.domain, IOVA, 0x1000, NULL, NULL), -ETIMEDOUT);
	CHECK_EQ(other.ncommands, 2);
	fake.commands_stuck = false;
	fake_fini(&other);
	fake_fini(&fake);
}

/* ---- Stages, widths and fits ---- */

static void tables_are_of_the_units_stage_granule_and_width(void)
{
	static const struct {
		struct fake_ids ids;
		unsigned iova_bits, bits, levels;
		size_t root_len; /* more than a page: tables side by side */
	} cases[] = {
		{ { FAKE_IDR0, FAKE_IDR1, 0, 0x74 }, 0, 48, 4, 0 },
		{ { FAKE_IDR0, FAKE_IDR1, 0, 0x74 }, 39, 39, 3, 0 },
		{ { FAKE_IDR0, FAKE_IDR1, 0, 0x74 }, 20, 32, 3, 0 },
		{ { FAKE_IDR0, FAKE_IDR1, 0, 0x64 }, 0, 48, 4, 0 },
		{ { FAKE_IDR0, FAKE_IDR1, 0, 0x446 }, 0, 52, 3, 0 },
		{ { FAKE_IDR0 & ~2u, FAKE_IDR1, 0, 0x74 }, 0, 44, 4, 0 },
		{ { FAKE_IDR0 & ~2u, FAKE_IDR1, 0, 0x72 }, 0, 40, 3, 0x2000 },
		{ { FAKE_IDR0 & ~2u, FAKE_IDR1, 0, 0x65 }, 0, 48, 3, 0x8000 },
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fake fake;
		struct piommu_domain *domain;
		const struct arm_domain *own;

		fake_start(&fake, &cases[i].ids);
		CHECK_EQ(smmuv3_driver.domain_create(&fake.unit, PIOMMU_DOMAIN_PAGING, cases[i].iova_bits, &domain), 0);
		own = arm_domain_of(domain);
		CHECK_EQ(domain->iova_bits, cases[i].iova_bits ? cases[i].iova_bits : cases[i].bits);
		CHECK_EQ(own->paging.pt.iova_bits, cases[i].bits);
		CHECK_EQ(own->paging.pt.levels, cases[i].levels);
		CHECK_EQ(own->root.len, cases[i].root_len);
		CHECK_EQ(domain->ops->map(domain, 0x10000, 0x20000, 0x10000, PIOMMU_RW), 0);
		CHECK_EQ(domain->ops->unmap(domain, 0x10000, 0x10000, NULL, NULL), 0);
		domain->ops->destroy(domain);
		fake_fini(&fake);
	}
}

static void a_domain_wider_than_the_unit_is_refused(void)
{
	struct fake fake;
	struct piommu_domain *domain;

	fake_start(&fake, &fake_usual);
	CHECK_EQ(smmuv3_driver.domain_create(&fake.unit, PIOMMU_DOMAIN_PAGING, 52, &domain), -EINVAL);
	CHECK_HAS(fake.said, "52");
	fake_fini(&fake);
}

static void a_domain_fits_units_that_can_do_all_it_does(void)
{
	static const struct {
		struct fake_ids one, other;
		const char *why; /* NULL: fits */
	} cases[] = {
		{ { FAKE_IDR0, FAKE_IDR1, 0, 0x74 }, { FAKE_IDR0, FAKE_IDR1, 0, 0x75 }, NULL },
		{ { FAKE_IDR0 & ~0x10u, FAKE_IDR1, 0, 0x74 }, { FAKE_IDR0, FAKE_IDR1, 0, 0x74 }, NULL },
		{ { FAKE_IDR0, FAKE_IDR1, 0, 0x74 }, { FAKE_IDR0 & ~0x10u, FAKE_IDR1, 0, 0x74 }, "snoop" },
		{ { FAKE_IDR0, FAKE_IDR1, 0, 0x74 }, { FAKE_IDR0 & ~2u, FAKE_IDR1, 0, 0x75 }, "stage 1 table" },
		{ { FAKE_IDR0 & ~2u, FAKE_IDR1, 0, 0x74 }, { FAKE_IDR0, FAKE_IDR1, 0, 0x74 }, "stage 2 table" },
		{ { FAKE_IDR0, FAKE_IDR1, 0, 0x74 }, { FAKE_IDR0, FAKE_IDR1, 0, 0x64 }, "another page size" },
		{ { FAKE_IDR0, FAKE_IDR1, 0, 0x75 }, { FAKE_IDR0, FAKE_IDR1, 0, 0x74 }, "addresses" },
		{ { FAKE_IDR0, FAKE_IDR1, 0, 0x445 }, { FAKE_IDR0, FAKE_IDR1, 0, 0x45 }, "wider" },
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fake one, other;

		fake_start(&one, &cases[i].one);
		fake_start(&other, &cases[i].other);
		fake_domain_fits(&one, &other, cases[i].why);
		fake_fini(&other);
		fake_fini(&one);
	}
}

static void identity_and_blocking_have_nothing_to_map_and_fit_everywhere(void)
{
	struct fake fake;

	fake_start(&fake, &fake_usual);
	fake_domains_without_tables(&fake);
	fake_fini(&fake);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(a_map_writes_memory_and_no_register),
		SUITE_TEST(a_strict_unmap_invalidates_its_page_before_it_returns),
		SUITE_TEST(a_gather_sends_nothing_until_its_flush_and_then_one_range),
		SUITE_TEST(a_burst_is_sent_with_one_doorbell_and_not_waited_for),
		SUITE_TEST(an_unmap_that_is_not_known_to_be_complete_says_so),
		SUITE_TEST(every_unit_of_the_list_is_told_under_its_own_tag),
		SUITE_TEST(tables_are_of_the_units_stage_granule_and_width),
		SUITE_TEST(a_domain_wider_than_the_unit_is_refused),
		SUITE_TEST(a_domain_fits_units_that_can_do_all_it_does),
		SUITE_TEST(identity_and_blocking_have_nothing_to_map_and_fit_everywhere),
	};

	return suite_run(argc, argv, "smmuv3_domain", tests, sizeof(tests) / sizeof(tests[0]));
}
