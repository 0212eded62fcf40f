/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a device may still use after an unmap, and from when on it may not: the promise of strict mode. Both machines cache
 * translations for real. With the program's `drop`, the flush of a gather sends nothing, and every test here that asks for a
 * flush must fail.
 */
#include "driver_tests.h"
#include "rig.h"

struct stale {
	struct rig_owned o;
	struct piommu_gather *gather;
};

/* A device with `len` bytes at `iova`, both ends of it in its cache, unmapped into a gather. */
static void begin(struct stale *s, uint64_t iova, size_t len, size_t align)
{
	size_t unmapped = 0;

	rig_open_owned(&s->o, 0, len, align);
	s->o.r.expect_stale = true;
	rig_map(&s->o.r, s->o.domain, iova, s->o.mem.pa, len, PIOMMU_RW);
	rig_check_reaches(&s->o.r, s->o.device, iova, s->o.mem.va, 64);
	rig_check_reaches(&s->o.r, s->o.device, iova + len - 64, (char *)s->o.mem.va + len - 64, 64);
	CU_ASSERT_EQUAL_FATAL(piommu_gather_create(&s->gather), 0);
	s->gather->test_drop = rig_target()->drop;
	CHECK_EQ(piommu_unmap_gather(s->o.domain, iova, len, s->gather, &unmapped), 0);
	CHECK_EQ(unmapped, len);
}

static void finish(struct stale *s)
{
	CHECK_EQ(piommu_gather_destroy(s->gather), 0);
	rig_close(&s->o.r);
}

static void flush_ends_the_old_translation_of_a_page(void)
{
	struct stale s;

	begin(&s, 0x5000, RIG_PAGE, 0);
	rig_check_reaches(&s.o.r, s.o.device, 0x5000, s.o.mem.va, 64); /* stale, as the gather says */
	CHECK_EQ(piommu_lookup(s.o.domain, 0x5000, &(uint64_t){ 0 }, NULL, NULL), -ENOENT);
	CHECK_EQ(piommu_gather_flush(s.o.domain, s.gather), 0);
	rig_check_fault(&s.o.r, s.o.device, 0x5000, true, MACHINE_UNMAPPED);
	finish(&s);
}

static void flush_ends_the_old_translation_of_a_large_page(void)
{
	struct stale s;

	begin(&s, 9 * RIG_2M, RIG_2M, RIG_2M);
	rig_check_reaches(&s.o.r, s.o.device, 9 * RIG_2M + 0x100, (char *)s.o.mem.va + 0x100, 64);
	CHECK_EQ(piommu_gather_flush(s.o.domain, s.gather), 0);
	rig_check_fault(&s.o.r, s.o.device, 9 * RIG_2M, false, MACHINE_UNMAPPED);
	rig_check_fault(&s.o.r, s.o.device, 10 * RIG_2M - 64, false, MACHINE_UNMAPPED);
	finish(&s);
}

/* An unaligned range of many pages: what the invalidation's address mask covers is at least all of it. */
static void flush_covers_both_ends_of_a_range(void)
{
	struct stale s;

	begin(&s, 0x7f3000, 37 * RIG_PAGE, 0);
	CHECK_EQ(piommu_gather_flush(s.o.domain, s.gather), 0);
	rig_check_blocked(&s.o.r, s.o.device, 0x7f3000, false);
	rig_check_blocked(&s.o.r, s.o.device, 0x7f3000 + 37 * RIG_PAGE - 64, false);
	finish(&s);
}

/* Three times what one page-selective invalidation can name (CAP.MAMV is 18 at most: 1 GiB). */
static void flush_of_gigabytes_covers_all_of_them(void)
{
	const uint64_t iova = 8 * RIG_1G;
	struct rig_owned o;
	uint64_t off;

	rig_open_owned(&o, 0, RIG_PAGE, 0);
	o.r.expect_stale = rig_target()->drop;
	off = o.mem.pa & (RIG_1G - 1);
	for (unsigned i = 0; i < 3; i++) {
		rig_map(&o.r, o.domain, iova + i * RIG_1G, o.mem.pa - off, RIG_1G, PIOMMU_RW);
		rig_check_reaches(&o.r, o.device, iova + i * RIG_1G + off, o.mem.va, 64);
	}
	rig_unmap(&o.r, o.domain, iova, 3 * RIG_1G);
	for (unsigned i = 0; i < 3; i++)
		rig_check_blocked(&o.r, o.device, iova + i * RIG_1G + off, false);
	rig_close(&o.r);
}

/* More ranges than the gather keeps apart: all of them go at once. */
static void flush_of_many_ranges_covers_each(void)
{
	const unsigned n = 3 * PIOMMU_GATHER_RANGES;
	struct stale s;

	begin(&s, 0x100000, RIG_PAGE, 0);
	for (unsigned i = 1; i <= n; i++) {
		rig_map(&s.o.r, s.o.domain, 0x100000 + 2 * i * RIG_PAGE, s.o.mem.pa, RIG_PAGE, PIOMMU_RW);
		rig_write(&s.o.r, s.o.device, 0x100000 + 2 * i * RIG_PAGE, &(uint32_t){ i }, 4);
		CHECK_HEX(*(uint32_t *)s.o.mem.va, i);
	}
	for (unsigned i = 1; i <= n; i++)
		CHECK_EQ(piommu_unmap_gather(s.o.domain, 0x100000 + 2 * i * RIG_PAGE, RIG_PAGE, s.gather, NULL), 0);
	CHECK_EQ(piommu_gather_flush(s.o.domain, s.gather), 0);
	for (unsigned i = 0; i <= n; i++)
		rig_check_blocked(&s.o.r, s.o.device, 0x100000 + 2 * i * RIG_PAGE, false);
	finish(&s);
}

/* The old page must not show through a new mapping of the same address. */
static void flush_before_a_remap_leads_to_the_new_memory(void)
{
	struct stale s;
	struct piommu_mem other;

	begin(&s, 0x5000, RIG_PAGE, 0);
	CHECK_EQ(piommu_gather_flush(s.o.domain, s.gather), 0);
	other = rig_mem(&s.o.r, RIG_PAGE, 0);
	rig_map(&s.o.r, s.o.domain, 0x5000, other.pa, RIG_PAGE, PIOMMU_RW);
	rig_check_reaches(&s.o.r, s.o.device, 0x5000, other.va, 64);
	finish(&s);
}

/* Tables are unlinked when much is unmapped at once; a walk through a cached pointer to one of them would still end somewhere. */
static void unmap_of_everything_leaves_no_way_in(void)
{
	struct stale s;
	struct piommu_mem other;

	begin(&s, RIG_2M - 4 * RIG_PAGE, 2 * RIG_2M + 8 * RIG_PAGE, 0);
	CHECK_EQ(piommu_gather_flush(s.o.domain, s.gather), 0);
	other = rig_mem(&s.o.r, 4 * RIG_PAGE, 0);
	rig_map(&s.o.r, s.o.domain, RIG_2M, other.pa, 4 * RIG_PAGE, PIOMMU_RW);
	rig_check_reaches(&s.o.r, s.o.device, RIG_2M + RIG_PAGE, (char *)other.va + RIG_PAGE, 64);
	rig_check_blocked(&s.o.r, s.o.device, RIG_2M - 4 * RIG_PAGE, false);
	rig_check_blocked(&s.o.r, s.o.device, 2 * RIG_2M, true);
	finish(&s);
}

/* Strict means: no gather, no second call. */
static void strict_unmap_needs_no_flush(void)
{
	struct rig_owned o;

	rig_open_owned(&o, 0, RIG_PAGE, 0);
	o.r.expect_stale = rig_target()->drop;
	rig_map(&o.r, o.domain, 0x5000, o.mem.pa, RIG_PAGE, PIOMMU_RW);
	rig_check_reaches(&o.r, o.device, 0x5000, o.mem.va, 64);
	rig_unmap(&o.r, o.domain, 0x5000, RIG_PAGE);
	rig_check_blocked(&o.r, o.device, 0x5000, false);
	rig_close(&o.r);
}

/* A translation cached for one domain must not serve a device after it moved to another. */
static void attach_elsewhere_forgets_the_old_domain(void)
{
	struct rig_owned o;
	struct piommu_domain *other;

	rig_open_owned(&o, 0, 2 * RIG_PAGE, 0);
	other = rig_domain(&o.r, o.device);
	rig_map(&o.r, o.domain, 0x5000, o.mem.pa, RIG_PAGE, PIOMMU_RW);
	rig_map(&o.r, other, 0x5000, o.mem.pa + RIG_PAGE, RIG_PAGE, PIOMMU_RW);
	for (unsigned i = 0; i < 3; i++) {
		rig_check_reaches(&o.r, o.device, 0x5000, o.mem.va, 64);
		rig_attach(&o.r, other, o.device);
		rig_check_reaches(&o.r, o.device, 0x5000, (char *)o.mem.va + RIG_PAGE, 64);
		rig_attach(&o.r, o.domain, o.device);
	}
	rig_close(&o.r);
}

const struct suite_test stale_tests[] = {
	SUITE_TEST(flush_ends_the_old_translation_of_a_page), SUITE_TEST(flush_ends_the_old_translation_of_a_large_page),
	SUITE_TEST(flush_covers_both_ends_of_a_range),        SUITE_TEST(flush_of_gigabytes_covers_all_of_them),
	SUITE_TEST(flush_of_many_ranges_covers_each),         SUITE_TEST(flush_before_a_remap_leads_to_the_new_memory),
	SUITE_TEST(unmap_of_everything_leaves_no_way_in),     SUITE_TEST(strict_unmap_needs_no_flush),
	SUITE_TEST(attach_elsewhere_forgets_the_old_domain),
};
const unsigned stale_ntests = sizeof(stale_tests) / sizeof(stale_tests[0]);
