/* SPDX-License-Identifier: BSD-3-Clause */
/* Domains: what a map or an unmap sends to which unit, who fits whom, and the identity table (3.7, 6.1, 9.8). */
#include <errno.h>
#include <stdlib.h>

#include "drivers.h"
#include "fake_unit.h"
#include "suite.h"

#define IOVA UINT64_C(0x40005000)
#define PA UINT64_C(0x12345000)

/* A unit with one paging domain under tag 9. */
static void start(struct fake *fake, uint64_t cap, uint64_t ecap)
{
	fake_start(fake, cap, ecap);
	fake_domain(fake, 9);
}

static void a_map_writes_memory_and_no_register(void)
{
	struct fake fake;
	struct piommu_pt_leaf leaf;

	start(&fake, FAKE_CAP, FAKE_ECAP_REGISTERS);
	CHECK_EQ(fake.domain->ops->map(fake.domain, IOVA, PA, 0x1000, PIOMMU_RW), 0);
	CHECK_EQ(fake.nwrites, 0);
	CHECK_EQ(fake.domain->ops->lookup(fake.domain, IOVA + 8, &leaf), 0);
	CHECK_HEX(leaf.pa, PA + 8);
	CHECK_HEX(leaf.entry, PA | 3);
	fake_fini(&fake);
}

static void a_strict_unmap_invalidates_its_page_before_it_returns(void)
{
	struct fake fake;
	size_t unmapped;

	start(&fake, FAKE_CAP, FAKE_ECAP_REGISTERS);
	CHECK_EQ(fake.domain->ops->map(fake.domain, IOVA, PA, 0x1000, PIOMMU_RW), 0);
	CHECK_EQ(fake.domain->ops->unmap(fake.domain, IOVA, 0x1000, NULL, &unmapped), 0);
	CHECK_EQ(unmapped, 0x1000);

	const struct fake_write expected[] = {
		{ FAKE_IVA, 8, IOVA | 0x40 },
		{ FAKE_IOTLB, 8, UINT64_C(0xb003000900000000) },
	};

	fake_expect(&fake, 0, expected, 2);
	fake_fini(&fake);
}

static void a_gather_sends_nothing_until_its_flush(void)
{
	struct fake fake;
	struct piommu_gather gather;

	start(&fake, FAKE_CAP, FAKE_ECAP_REGISTERS);
	piommu_gather_init(&gather);
	CHECK_EQ(fake.domain->ops->map(fake.domain, IOVA, PA, 0x4000, PIOMMU_RW), 0);
	for (unsigned i = 0; i < 4; i++)
		CHECK_EQ(fake.domain->ops->unmap(fake.domain, IOVA + i * 0x1000, 0x1000, &gather, NULL), 0);
	CHECK_EQ(fake.nwrites, 0);
	CHECK_EQ(fake.domain->ops->flush(fake.domain, &gather), 0);
	CHECK_EQ(fake.nwrites, 4); /* four pages from 0x...5: two blocks of four, IVA and IOTLB each */
	CU_ASSERT(piommu_gather_empty(&gather));
	CHECK_EQ(fake.domain->ops->flush(fake.domain, &gather), 0);
	CHECK_EQ(fake.nwrites, 4);
	fake_fini(&fake);
}

static void a_dropped_flush_sends_nothing(void)
{
	struct fake fake;
	struct piommu_gather gather;

	start(&fake, FAKE_CAP, FAKE_ECAP_REGISTERS);
	piommu_gather_init(&gather);
	gather.test_drop = true;
	CHECK_EQ(fake.domain->ops->map(fake.domain, IOVA, PA, 0x1000, PIOMMU_RW), 0);
	CHECK_EQ(fake.domain->ops->unmap(fake.domain, IOVA, 0x1000, &gather, NULL), 0);
	CHECK_EQ(fake.domain->ops->flush(fake.domain, &gather), 0);
	CHECK_EQ(fake.nwrites, 0);
	CU_ASSERT(piommu_gather_empty(&gather));
	fake_fini(&fake);
}

/* Entries of a run are looked at as they are stored, so that some were there for a moment. */
static void a_run_that_is_refused_is_invalidated_and_gone(void)
{
	struct fake fake;
	struct piommu_pt_leaf leaf;
	const uint64_t run =
		0x40010000; /* 16 pages: two lines of entries, of which the first is stored before the second is looked at */

	start(&fake, FAKE_CAP, FAKE_ECAP_REGISTERS);
	CHECK_EQ(fake.domain->ops->map(fake.domain, run + 0xc000, PA, 0x1000, PIOMMU_READ), 0);
	CHECK_EQ(fake.nwrites, 0);
	CHECK_EQ(fake.domain->ops->map(fake.domain, run, PA, 0x10000, PIOMMU_RW), -EEXIST);
	CHECK_EQ(fake.nwrites, 2);
	for (uint64_t off = 0; off < 0x10000; off += 0x1000)
		CHECK_EQ(fake.domain->ops->lookup(fake.domain, run + off, &leaf), off == 0xc000 ? 0 : -ENOENT);
	CHECK_EQ(fake.domain->ops->lookup(fake.domain, run + 0xc000, &leaf), 0);
	CHECK_HEX(leaf.entry, PA | 1);
	fake_fini(&fake);
}

static void unmapping_a_hole_says_how_much_was_there(void)
{
	struct fake fake;
	size_t unmapped = 1;

	start(&fake, FAKE_CAP, FAKE_ECAP_REGISTERS);
	CHECK_EQ(fake.domain->ops->unmap(fake.domain, IOVA, 0x1000, NULL, &unmapped), -ENOENT);
	CHECK_EQ(unmapped, 0);
	CHECK_EQ(fake.nwrites, 0);
	CHECK_EQ(fake.domain->ops->map(fake.domain, IOVA, PA, 0x1000, PIOMMU_RW), 0);
	CHECK_EQ(fake.domain->ops->unmap(fake.domain, IOVA, 0x2000, NULL, &unmapped), -ENOENT);
	CHECK_EQ(unmapped, 0x1000);
	CHECK_EQ(fake.nwrites, 2);
	fake_fini(&fake);
}

static void an_unmap_that_is_not_known_to_be_complete_says_so(void)
{
	struct fake fake;
	size_t unmapped = 0;

	start(&fake, FAKE_CAP, FAKE_ECAP);
	CHECK_EQ(fake.domain->ops->map(fake.domain, IOVA, PA, 0x1000, PIOMMU_RW), 0);
	fake.invalidations_stuck = true;
	CHECK_EQ(fake.domain->ops->unmap(fake.domain, IOVA, 0x1000, NULL, &unmapped), -ETIMEDOUT);
	CHECK_EQ(unmapped, 0x1000);
	fake.invalidations_stuck = false;
	fake_fini(&fake);
}

/* Unlinking a whole table frees it; while the invalidation is not known to be complete, its page must not be reused. */
static void tables_of_a_failed_unmap_are_not_given_back(void)
{
	struct fake fake;
	size_t used;

	start(&fake, FAKE_CAP & ~(UINT64_C(3) << 34), FAKE_ECAP);
	CHECK_EQ(fake.domain->ops->map(fake.domain, 0x40000000, PA, 0x600000, PIOMMU_RW), 0);
	used = piommu_pool_used(fake.pool);
	fake.invalidations_stuck = true;
	CHECK_EQ(fake.domain->ops->unmap(fake.domain, 0x40000000, 0x600000, NULL, NULL), -ETIMEDOUT);
	CHECK_EQ(piommu_pool_used(fake.pool), used);
	fake.invalidations_stuck = false;
	fake_domain_end(&fake);
	CHECK_EQ(piommu_pool_used(fake.pool), 2); /* root and shared context table */
	fake_fini(&fake);
}

static void caching_mode_is_told_of_new_entries_of_every_level(void)
{
	struct fake fake;

	start(&fake, FAKE_CAP | 0x80, FAKE_ECAP_REGISTERS);
	CHECK_EQ(fake.domain->ops->map(fake.domain, IOVA, PA, 0x1000, PIOMMU_RW), 0);

	const struct fake_write expected[] = {
		{ FAKE_IVA, 8, IOVA },
		{ FAKE_IOTLB, 8, UINT64_C(0xb003000900000000) },
	};

	fake_expect(&fake, 0, expected, 2);
	fake_fini(&fake);
}

static void a_map_that_cannot_be_announced_is_taken_back(void)
{
	struct fake fake;
	struct piommu_pt_leaf leaf;

	start(&fake, FAKE_CAP | 0x80, FAKE_ECAP_REGISTERS);
	fake.invalidations_stuck = true;
	CHECK_EQ(fake.domain->ops->map(fake.domain, IOVA, PA, 0x1000, PIOMMU_RW), -ETIMEDOUT);
	CHECK_EQ(fake.domain->ops->lookup(fake.domain, IOVA, &leaf), -ENOENT);
	fake.invalidations_stuck = false;
	fake_fini(&fake);
}

static void write_buffers_are_flushed_after_a_map(void)
{
	struct fake fake;

	start(&fake, FAKE_CAP | 0x10, FAKE_ECAP_REGISTERS);
	CHECK_EQ(fake.domain->ops->map(fake.domain, IOVA, PA, 0x1000, PIOMMU_RW), 0);
	CHECK_EQ(fake.nwrites, 1);
	CHECK_HEX(fake.writes[0].off, 0x18);
	CHECK_HEX(fake.writes[0].value, 0x88000000); /* WBF on top of TE */
	fake_fini(&fake);
}

static void every_unit_of_the_list_is_told(void)
{
	struct fake fake, other;

	start(&fake, FAKE_CAP, FAKE_ECAP);
	fake_start(&other, FAKE_CAP, FAKE_ECAP_REGISTERS);
	fake_domain_on(&fake, &other, 33);
	CHECK_EQ(fake.domain->ops->map(fake.domain, IOVA, PA, 0x1000, PIOMMU_RW), 0);
	CHECK_EQ(fake.domain->ops->unmap(fake.domain, IOVA, 0x1000, NULL, NULL), 0);
	CHECK_EQ(fake.nwrites, 1); /* a doorbell */
	CHECK_HEX(other.writes[1].value, UINT64_C(0xb003002100000000));
	fake.invalidations_stuck = true; /* one that fails does not keep the others from theirs */
	other.nwrites = 0;
	CHECK_EQ(fake.domain->ops->map(fake.domain, IOVA, PA, 0x1000, PIOMMU_RW), 0);
	CHECK_EQ(fake.domain->ops->unmap(fake.domain, IOVA, 0x1000, NULL, NULL), -ETIMEDOUT);
	CHECK_EQ(other.nwrites, 2);
	fake.invalidations_stuck = false;
	fake_fini(&other);
	fake_fini(&fake);
}

/* ---- Widths and fits ---- */

static void a_domain_has_a_width_of_its_unit(void)
{
	struct fake fake;
	struct piommu_domain *domain;

	fake_start(&fake, FAKE_CAP, FAKE_ECAP);
	CHECK_EQ(vtd_driver.domain_create(&fake.unit, PIOMMU_DOMAIN_PAGING, 0, &domain), 0);
	CHECK_EQ(domain->iova_bits, 48);
	domain->ops->destroy(domain);
	CHECK_EQ(vtd_driver.domain_create(&fake.unit, PIOMMU_DOMAIN_PAGING, 39, &domain), 0);
	CHECK_EQ(domain->iova_bits, 39);
	CHECK_EQ(vtd_domain_of(domain)->paging.pt.levels, 3);
	domain->ops->destroy(domain);
	CHECK_EQ(vtd_driver.domain_create(&fake.unit, PIOMMU_DOMAIN_PAGING, 57, &domain), -EINVAL);
	CHECK_HAS(fake.said, "57");
	fake_fini(&fake);
}

static void a_domain_fits_units_that_can_do_all_it_does(void)
{
	static const struct {
		uint64_t cap, ecap, other_cap, other_ecap;
		const char *why; /* NULL: fits */
	} cases[] = {
		{ FAKE_CAP, FAKE_ECAP, FAKE_CAP, FAKE_ECAP, NULL },
		{ FAKE_CAP, FAKE_ECAP, FAKE_CAP, FAKE_ECAP_COHERENT, NULL }, /* written back for nothing */
		{ FAKE_CAP, FAKE_ECAP_COHERENT, FAKE_CAP, FAKE_ECAP, "snoop" },
		{ FAKE_CAP, FAKE_ECAP, UINT64_C(0x00d2008c22260206), FAKE_ECAP, "levels" },
		{ FAKE_CAP, FAKE_ECAP, FAKE_CAP & ~(UINT64_C(2) << 34), FAKE_ECAP, "page sizes" },
		{ FAKE_CAP, FAKE_ECAP, FAKE_CAP | 0x80, FAKE_ECAP, "new mappings" },
		{ FAKE_CAP | 0x80, FAKE_ECAP, FAKE_CAP, FAKE_ECAP, NULL },
		{ FAKE_CAP | 0x80, FAKE_ECAP, FAKE_CAP | 0x10, FAKE_ECAP, "new mappings" },
		{ FAKE_CAP, FAKE_ECAP, FAKE_CAP & ~UINT64_C(0x00020000), FAKE_ECAP, "wider" },
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fake one, other;

		fake_start(&one, cases[i].cap, cases[i].ecap);
		fake_start(&other, cases[i].other_cap, cases[i].other_ecap);
		fake_domain_fits(&one, &other, cases[i].why);
		fake_fini(&other);
		fake_fini(&one);
	}
}

static void identity_and_blocking_have_nothing_to_map(void)
{
	struct fake fake;

	fake_start(&fake, FAKE_CAP, FAKE_ECAP);
	fake_domains_without_tables(&fake);
	fake_fini(&fake);
}

/* ---- Identity without pass-through ---- */

static struct piommu_span machine[] = { { 0x100000, 0xfeffffff }, { 0, 0x9ffff }, { 0x100000000, 0x10fffffff } };

static int phys_spans(struct piommu_platform *plat, struct piommu_span **out, size_t *n)
{
	(void)plat;
	*out = malloc(sizeof(machine));
	for (unsigned i = 0; i < 3; i++)
		(*out)[i] = machine[i];
	*n = 3;
	return 0;
}

static void the_identity_table_covers_memory_and_reserved_spans_but_no_interrupts(void)
{
	static const struct piommu_span reserved[] = { { 0x9f800, 0xa0fff },
						       { 0x7b800000, 0x7fffffff },
						       { 0x200000000, 0x2000000ff } };
	static const uint64_t reached[] = { 0,          0x9f000,    0xa0000,     0x100000,   0x7b800000,
					    0xfedff000, 0xfef00000, 0x10ffff000, 0x200000000 };
	static const uint64_t missed[] = { 0xa1000, 0xff000, 0xfee00000, 0xfeeff000, 0xff000000, 0x110000000, 0x200001000 };
	struct piommu_platform_ops ops;
	struct fake fake;
	struct piommu_pt_leaf leaf;

	fake_init(&fake, FAKE_CAP, FAKE_ECAP_COHERENT & ~UINT64_C(0x40));
	ops = *fake.plat.ops;
	ops.phys_spans = phys_spans;
	fake.plat.ops = &ops;
	fake.unit.reserved = reserved;
	fake.unit.nreserved = 3;
	CHECK_EQ(vtd_driver.probe(&fake.unit, &fake.window), 0);
	CU_ASSERT_FALSE(fake.unit.caps.passthrough);
	CHECK_EQ(vtd_driver.enable(&fake.unit), 0);

	const struct piommu_pt *pt = &vtd_of(&fake.unit)->identity;

	CHECK_HEX(fake_context(&fake, 0x0820)->lo, pt->root_pa | 1);
	for (unsigned i = 0; i < sizeof(reached) / sizeof(reached[0]); i++) {
		CHECK_EQ(piommu_pt_vtdss_lookup(pt, reached[i], &leaf), 0);
		CHECK_HEX(leaf.pa, reached[i]);
	}
	for (unsigned i = 0; i < sizeof(missed) / sizeof(missed[0]); i++)
		CHECK_EQ(piommu_pt_vtdss_lookup(pt, missed[i], &leaf), -ENOENT);
	CHECK_EQ(vtd_driver.shutdown(&fake.unit), 0);
	CHECK_EQ(piommu_pool_used(fake.pool), 0);
	fake_fini(&fake);
}

static void the_identity_table_covers_all_where_the_machine_cannot_tell(void)
{
	struct fake fake;
	struct piommu_pt_leaf leaf;

	fake_init(&fake, FAKE_CAP, FAKE_ECAP_COHERENT & ~UINT64_C(0x40));
	fake.unit.host_address_width = 39;
	CHECK_EQ(vtd_driver.probe(&fake.unit, &fake.window), 0);
	CHECK_EQ(vtd_driver.enable(&fake.unit), 0);
	CHECK_EQ(piommu_pt_vtdss_lookup(&vtd_of(&fake.unit)->identity, 0x7fffffffff, &leaf), 0);
	CHECK_HEX(leaf.pa, 0x7fffffffff);
	CHECK_HEX(leaf.size, 0x40000000);
	CHECK_EQ(piommu_pt_vtdss_lookup(&vtd_of(&fake.unit)->identity, 0xfee00000, &leaf), -ENOENT);
	fake_fini(&fake);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(a_map_writes_memory_and_no_register),
		SUITE_TEST(a_strict_unmap_invalidates_its_page_before_it_returns),
		SUITE_TEST(a_gather_sends_nothing_until_its_flush),
		SUITE_TEST(a_dropped_flush_sends_nothing),
		SUITE_TEST(a_run_that_is_refused_is_invalidated_and_gone),
		SUITE_TEST(unmapping_a_hole_says_how_much_was_there),
		SUITE_TEST(an_unmap_that_is_not_known_to_be_complete_says_so),
		SUITE_TEST(tables_of_a_failed_unmap_are_not_given_back),
		SUITE_TEST(caching_mode_is_told_of_new_entries_of_every_level),
		SUITE_TEST(a_map_that_cannot_be_announced_is_taken_back),
		SUITE_TEST(write_buffers_are_flushed_after_a_map),
		SUITE_TEST(every_unit_of_the_list_is_told),
		SUITE_TEST(a_domain_has_a_width_of_its_unit),
		SUITE_TEST(a_domain_fits_units_that_can_do_all_it_does),
		SUITE_TEST(identity_and_blocking_have_nothing_to_map),
		SUITE_TEST(the_identity_table_covers_memory_and_reserved_spans_but_no_interrupts),
		SUITE_TEST(the_identity_table_covers_all_where_the_machine_cannot_tell),
	};

	return suite_run(argc, argv, "vtd_domain", tests, sizeof(tests) / sizeof(tests[0]));
}
