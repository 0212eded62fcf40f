/* SPDX-License-Identifier: BSD-3-Clause */
/* Domains: which stage and which tables, what an unmap sends to which unit, who fits whom (3.4, 4.4, 5.2). */
#include <errno.h>
#include <stdlib.h>

#include "arm_domain.h"
#include "drivers.h"
#include "fake_unit.h"
#include "suite.h"

#define IOVA UINT64_C(0x40005000)
#define PA UINT64_C(0x12345000)

/* A unit with one paging domain under tag 9, in the list that the core would publish. */
struct setup {
	struct fake fake;
	struct piommu_domain *domain;
	struct piommu_domain_units *units;
};

static struct piommu_domain_units *units_of(struct piommu_unit *unit, uint32_t tag)
{
	struct piommu_domain_units *units = calloc(1, sizeof(*units) + sizeof(units->at[0]));

	units->n = 1;
	units->at[0] = (struct piommu_domain_unit){ unit, tag, 1, NULL };
	return units;
}

static void start(struct setup *setup, const struct fake_ids *ids)
{
	fake_start(&setup->fake, ids);
	CHECK_EQ(smmuv3_driver.domain_create(&setup->fake.unit, PIOMMU_DOMAIN_PAGING, 0, &setup->domain), 0);
	setup->units = units_of(&setup->fake.unit, 9);
	setup->domain->units = setup->units;
}

static void finish(struct setup *setup)
{
	setup->domain->ops->destroy(setup->domain);
	free(setup->units);
	fake_fini(&setup->fake);
}

static const struct fake_ids stage2_ids = { FAKE_IDR0 & ~2u, FAKE_IDR1, FAKE_IDR3, FAKE_IDR5 };

/* AP read-write and unprivileged, nG, AF, inner shareable, attributes of index 0, no execution (Arm ARM, D8.3). */
static void a_map_writes_memory_and_no_register(void)
{
	struct setup s;
	struct piommu_pt_leaf leaf;

	start(&s, &fake_usual);
	CHECK_EQ(s.domain->ops->map(s.domain, IOVA, PA, 0x1000, PIOMMU_RW), 0);
	CHECK_EQ(s.fake.nwrites, 0);
	CHECK_EQ(s.domain->ops->lookup(s.domain, IOVA + 8, &leaf), 0);
	CHECK_HEX(leaf.pa, PA + 8);
	CHECK_HEX(leaf.entry, PA | UINT64_C(0x0060000000000f43));
	finish(&s);
}

static void a_strict_unmap_invalidates_its_page_before_it_returns(void)
{
	static const struct smmuv3_cmd stage1[] = { { UINT64_C(0x0009000000000012), IOVA | 0x701 }, { 0x46, 0 } };
	static const struct smmuv3_cmd stage2[] = { { UINT64_C(0x000000090000002a), IOVA | 0x701 }, { 0x46, 0 } };
	struct setup s;
	size_t unmapped;

	for (unsigned i = 0; i < 2; i++) {
		start(&s, i ? &stage2_ids : &fake_usual);
		CHECK_EQ(s.domain->ops->map(s.domain, IOVA, PA, 0x1000, PIOMMU_RW), 0);
		CHECK_EQ(s.domain->ops->unmap(s.domain, IOVA, 0x1000, NULL, &unmapped), 0);
		CHECK_EQ(unmapped, 0x1000);
		fake_expect_commands(&s.fake, 0, i ? stage2 : stage1, 2);
		finish(&s);
	}
}

static void a_gather_sends_nothing_until_its_flush_and_then_one_range(void)
{
	static const struct smmuv3_cmd expected[] = { { UINT64_C(0x0009000000003012), IOVA | 0x701 }, { 0x46, 0 } };
	struct setup s;
	struct piommu_gather gather;

	start(&s, &fake_usual);
	piommu_gather_init(&gather);
	CHECK_EQ(s.domain->ops->map(s.domain, IOVA, PA, 0x4000, PIOMMU_RW), 0);
	for (unsigned i = 0; i < 4; i++)
		CHECK_EQ(s.domain->ops->unmap(s.domain, IOVA + i * 0x1000, 0x1000, &gather, NULL), 0);
	CHECK_EQ(s.fake.nwrites, 0);
	CHECK_EQ(s.domain->ops->flush(s.domain, &gather), 0);
	CHECK_EQ(s.fake.nwrites, 1); /* one doorbell */
	fake_expect_commands(&s.fake, 0, expected, 2);
	CU_ASSERT(piommu_gather_empty(&gather));
	finish(&s);
}

static void a_burst_is_sent_with_one_doorbell_and_not_waited_for(void)
{
	struct setup s;
	struct piommu_gather gather;
	struct piommu_fence fence;

	start(&s, &fake_usual);
	piommu_gather_init(&gather);
	for (unsigned i = 0; i < 8; i++)
		CHECK_EQ(s.domain->ops->map(s.domain, IOVA + i * 0x10000, PA, 0x1000, PIOMMU_RW), 0);
	for (unsigned i = 0; i < 8; i++)
		CHECK_EQ(s.domain->ops->unmap(s.domain, IOVA + i * 0x10000, 0x1000, &gather, NULL), 0);
	s.fake.commands_stuck = true;
	CHECK_EQ(s.domain->ops->submit(s.domain, &gather, &fence), 0);
	CHECK_EQ(s.fake.nwrites, 1);
	CHECK_HEX(s.fake.writes[0].off, 0x98);
	CHECK_EQ(fence.n, 1);
	CHECK_EQ(smmuv3_driver.fence_done(&s.fake.unit, fence.at[0].ticket), -EINPROGRESS);
	s.fake.commands_stuck = false;
	fake_set(&s.fake, 0x64, 4, 0);
	piommu_write32(&s.fake.window, 0x64, 0); /* the unit looks at its queue again */
	CHECK_EQ(smmuv3_driver.fence_done(&s.fake.unit, fence.at[0].ticket), 0);
	CHECK_EQ(smmuv3_driver.fence_wait(&s.fake.unit, fence.at[0].ticket), 0);
	CHECK_EQ(s.fake.ncommands, 9);
	finish(&s);
}

static void an_unmap_that_is_not_known_to_be_complete_says_so(void)
{
	struct setup s;
	size_t unmapped = 0;

	start(&s, &fake_usual);
	CHECK_EQ(s.domain->ops->map(s.domain, IOVA, PA, 0x1000, PIOMMU_RW), 0);
	s.fake.commands_stuck = true;
	CHECK_EQ(s.domain->ops->unmap(s.domain, IOVA, 0x1000, NULL, &unmapped), -ETIMEDOUT);
	CHECK_EQ(unmapped, 0x1000);
	s.fake.commands_stuck = false;
	finish(&s);
}

static void every_unit_of_the_list_is_told_under_its_own_tag(void)
{
	struct setup s;
	struct fake other;
	struct piommu_domain_units *units;

	start(&s, &fake_usual);
	fake_start(&other, &(struct fake_ids){ FAKE_IDR0 & ~0x2000u, FAKE_IDR1, 0, FAKE_IDR5 }); /* no MSIs, no ranges */
	units = calloc(1, sizeof(*units) + 2 * sizeof(units->at[0]));
	units->n = 2;
	units->at[0] = (struct piommu_domain_unit){ &s.fake.unit, 9, 1, NULL };
	units->at[1] = (struct piommu_domain_unit){ &other.unit, 33, 1, NULL };
	s.domain->units = units;
	CHECK_EQ(s.domain->ops->map(s.domain, IOVA, PA, 0x1000, PIOMMU_RW), 0);
	CHECK_EQ(s.domain->ops->unmap(s.domain, IOVA, 0x1000, NULL, NULL), 0);
	CHECK_HEX(s.fake.commands[0].lo, UINT64_C(0x0009000000000012));
	CHECK_HEX(other.commands[0].lo, UINT64_C(0x0021000000000012));
	CHECK_HEX(other.commands[0].hi, IOVA | 1);
	s.fake.commands_stuck = true; /* one that fails does not keep the others from theirs */
	other.ncommands = 0;
	CHECK_EQ(s.domain->ops->map(s.domain, IOVA, PA, 0x1000, PIOMMU_RW), 0);
	CHECK_EQ(s.domain->ops->unmap(s.domain, IOVA, 0x1000, NULL, NULL), -ETIMEDOUT);
	CHECK_EQ(other.ncommands, 2);
	s.fake.commands_stuck = false;
	free(units);
	fake_fini(&other);
	finish(&s);
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
		{ { FAKE_IDR0, FAKE_IDR1, 0, 0x74 }, { FAKE_IDR0, FAKE_IDR1, 0, 0x64 }, "page size" },
		{ { FAKE_IDR0, FAKE_IDR1, 0, 0x75 }, { FAKE_IDR0, FAKE_IDR1, 0, 0x74 }, "addresses" },
		{ { FAKE_IDR0, FAKE_IDR1, 0, 0x445 }, { FAKE_IDR0, FAKE_IDR1, 0, 0x45 }, "wider" },
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fake one, other;
		struct piommu_domain *domain;

		fake_start(&one, &cases[i].one);
		fake_start(&other, &cases[i].other);
		CHECK_EQ(smmuv3_driver.domain_create(&one.unit, PIOMMU_DOMAIN_PAGING, 0, &domain), 0);
		CHECK_EQ(smmuv3_driver.domain_fits(domain, &other.unit), cases[i].why ? -EINVAL : 0);
		if (cases[i].why)
			CHECK_HAS(other.said, cases[i].why);
		domain->ops->destroy(domain);
		fake_fini(&other);
		fake_fini(&one);
	}
}

static void identity_and_blocking_have_nothing_to_map_and_fit_everywhere(void)
{
	static const enum piommu_domain_type types[] = { PIOMMU_DOMAIN_IDENTITY, PIOMMU_DOMAIN_BLOCKING };
	struct fake fake;

	fake_start(&fake, &fake_usual);
	for (unsigned i = 0; i < 2; i++) {
		struct piommu_domain *domain;

		CHECK_EQ(smmuv3_driver.domain_create(&fake.unit, types[i], 0, &domain), 0);
		CHECK_EQ(domain->ops->map(domain, IOVA, PA, 0x1000, PIOMMU_RW), -EINVAL);
		CHECK_EQ(smmuv3_driver.domain_fits(domain, &fake.unit), 0);
		domain->ops->destroy(domain);
	}
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
