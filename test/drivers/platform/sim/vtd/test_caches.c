/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The model's caches forget nothing until told to, and then exactly what the command names (specification 6.2, 6.5). Each test
 * changes memory, sees the stale answer, invalidates beside the target, sees it again, invalidates the target.
 */
#include <errno.h>

#include "rig.h"

/* Two devices in two domains, each with page iova 0x5000 on page[0], and a queue. */
struct scene {
	struct rig rig;
	uint64_t table[2], leaf[2], page[2];
};

#define QI_CONTEXT(gran, did, sid, fm) \
	(1 | (uint64_t)(gran) << 4 | (uint64_t)(did) << 16 | (uint64_t)(sid) << 32 | (uint64_t)(fm) << 48)
#define QI_IOTLB(gran, did) (2 | (uint64_t)(gran) << 4 | (uint64_t)(did) << 16)

static void set(struct scene *s, const char *args)
{
	rig_open(&s->rig, args);
	for (unsigned i = 0; i < 2; i++) {
		s->table[i] = rig_page(&s->rig);
		s->page[i] = rig_page(&s->rig);
		s->leaf[i] = rig_map(&s->rig, s->table[i], 0x5000, s->page[i], 3);
		rig_context(&s->rig, 0x18 + 8 * i, s->table[i], 5 + i);
	}
	rig_enable(&s->rig);
	rig_queue_on(&s->rig);
}

static void strike(struct scene *s)
{
	CHECK_EQ(rig_counts(&s->rig).width_errors, 0);
	CHECK_EQ(rig_counts(&s->rig).misuse, 0);
	rig_close(&s->rig);
}

/* Whether the device's write to iova still lands. */
static bool lands(struct scene *s, unsigned dev, uint64_t iova)
{
	uint64_t record[2];
	bool good = !rig_write(&s->rig, dev ? DEV_04 : DEV_03, iova, 1);

	rig_take_fault(&s->rig, record);
	return good;
}

static void order(struct scene *s, uint64_t lo, uint64_t hi)
{
	static _Thread_local uint32_t sequence;

	rig_submit(&s->rig, lo, hi);
	CHECK_EQ(rig_wait(&s->rig, ++sequence), true);
}

static void cleared_leaf_is_served_until_its_page_is_invalidated(void)
{
	struct scene s;

	set(&s, "vtd");
	CHECK_EQ(lands(&s, 0, 0x5000), true);
	rig_put(&s.rig, s.leaf[0], 0, 0);
	CHECK_EQ(rig_counts(&s.rig).stale_hits, 0);
	CHECK_EQ(lands(&s, 0, 0x5000), true);
	CHECK_EQ(rig_counts(&s.rig).stale_hits, 1);
	order(&s, QI_IOTLB(3, 5), 0x5000);
	CHECK_EQ(lands(&s, 0, 0x5000), false);
	CHECK_EQ(rig_counts(&s.rig).stale_hits, 1);
	strike(&s);
}

static void page_selective_spares_neighbours_and_other_domains(void)
{
	struct scene s;

	set(&s, "vtd");
	rig_map(&s.rig, s.table[0], 0x4000, s.page[0], 3);
	rig_map(&s.rig, s.table[0], 0x6000, s.page[0], 3);
	for (uint64_t iova = 0x4000; iova <= 0x6000; iova += 0x1000)
		CHECK_EQ(lands(&s, 0, iova), true);
	CHECK_EQ(lands(&s, 1, 0x5000), true);
	for (unsigned i = 4; i <= 6; i++)
		rig_put(&s.rig, s.leaf[0] & ~UINT64_C(0xfff), i, 0);
	rig_put(&s.rig, s.leaf[1], 0, 0);
	order(&s, QI_IOTLB(3, 5), 0x5000);
	CHECK_EQ(lands(&s, 0, 0x4000), true);
	CHECK_EQ(lands(&s, 0, 0x5000), false);
	CHECK_EQ(lands(&s, 0, 0x6000), true);
	CHECK_EQ(lands(&s, 1, 0x5000), true);
	strike(&s);
}

/* AM = 1 at 0x5000 masks the lowest page bit: pages 4 and 5. */
static void address_mask_names_an_aligned_block(void)
{
	struct scene s;

	set(&s, "vtd");
	for (uint64_t iova = 0x3000; iova <= 0x6000; iova += 0x1000) {
		rig_map(&s.rig, s.table[0], iova, s.page[0], 3);
		CHECK_EQ(lands(&s, 0, iova), true);
	}
	for (unsigned i = 3; i <= 6; i++)
		rig_put(&s.rig, s.leaf[0] & ~UINT64_C(0xfff), i, 0);
	order(&s, QI_IOTLB(3, 5), 0x5000 | 1);
	CHECK_EQ(lands(&s, 0, 0x3000), true);
	CHECK_EQ(lands(&s, 0, 0x4000), false);
	CHECK_EQ(lands(&s, 0, 0x5000), false);
	CHECK_EQ(lands(&s, 0, 0x6000), true);
	strike(&s);
}

static void large_leaf_is_cached_in_pieces(void)
{
	struct scene s;
	uint64_t level3, level2, block, within;

	set(&s, "vtd");
	level3 = rig_get(&s.rig, s.table[0], 0) & ~UINT64_C(0xfff);
	level2 = rig_get(&s.rig, level3, 0) & ~UINT64_C(0xfff);
	block = s.rig.mem.pa & ~UINT64_C(0x1fffff);
	within = 0x600000 + (s.page[0] - block);
	rig_put(&s.rig, level2, 3, block | 0x83);
	CHECK_EQ(lands(&s, 0, within), true);
	CHECK_EQ(lands(&s, 0, within + 0x1000), true);
	rig_put(&s.rig, level2, 3, 0);
	order(&s, QI_IOTLB(3, 5), within);
	CHECK_EQ(lands(&s, 0, within), false);
	CHECK_EQ(lands(&s, 0, within + 0x1000), true);
	order(&s, QI_IOTLB(3, 5), 0x600000 | 9);
	CHECK_EQ(lands(&s, 0, within + 0x1000), false);
	strike(&s);
}

static void domain_selective_spares_other_domains(void)
{
	struct scene s;

	set(&s, "vtd");
	CHECK_EQ(lands(&s, 0, 0x5000) && lands(&s, 1, 0x5000), true);
	rig_put(&s.rig, s.leaf[0], 0, 0);
	rig_put(&s.rig, s.leaf[1], 0, 0);
	order(&s, QI_IOTLB(2, 5), 0);
	CHECK_EQ(lands(&s, 0, 0x5000), false);
	CHECK_EQ(lands(&s, 1, 0x5000), true);
	order(&s, QI_IOTLB(1, 0), 0);
	CHECK_EQ(lands(&s, 1, 0x5000), false);
	strike(&s);
}

/* A new table behind an old path: with IH = 1 the paging-structure caches still lead to the old one. */
static void invalidation_hint_keeps_paging_structure_caches(void)
{
	struct scene s;
	uint64_t level3, level2, other;

	set(&s, "vtd");
	CHECK_EQ(lands(&s, 0, 0x5000), true);
	level3 = rig_get(&s.rig, s.table[0], 0) & ~UINT64_C(0xfff);
	level2 = rig_get(&s.rig, level3, 0) & ~UINT64_C(0xfff);
	other = rig_page(&s.rig);
	rig_put(&s.rig, level2, 0, other | 3);
	order(&s, QI_IOTLB(3, 5), 0x5000 | 1 << 6);
	CHECK_EQ(lands(&s, 0, 0x5000), true);
	CHECK_EQ(rig_counts(&s.rig).stale_hits, 1);
	order(&s, QI_IOTLB(3, 5), 0x5000);
	CHECK_EQ(lands(&s, 0, 0x5000), false);
	strike(&s);
}

static void paging_structures_of_other_addresses_survive(void)
{
	struct scene s;
	uint64_t level3;

	set(&s, "vtd");
	rig_map(&s.rig, s.table[0], 0x40005000, s.page[0], 3);
	CHECK_EQ(lands(&s, 0, 0x40005000), true);
	level3 = rig_get(&s.rig, s.table[0], 0) & ~UINT64_C(0xfff);
	rig_put(&s.rig, level3, 1, 0);
	order(&s, QI_IOTLB(3, 5), 0x5000);
	order(&s, QI_IOTLB(3, 5), 0x40005000 | 1 << 6);
	CHECK_EQ(lands(&s, 0, 0x40005000), true);
	order(&s, QI_IOTLB(3, 5), 0x40005000);
	CHECK_EQ(lands(&s, 0, 0x40005000), false);
	strike(&s);
}

static void context_entry_is_cached_until_invalidated(void)
{
	struct scene s;

	set(&s, "vtd");
	CHECK_EQ(lands(&s, 0, 0x5000), true);
	rig_put(&s.rig, s.rig.ctx, 2 * 0x18, 0);
	order(&s, QI_IOTLB(1, 0), 0);
	CHECK_EQ(lands(&s, 0, 0x5000), true);
	CHECK_EQ(rig_counts(&s.rig).stale_hits, 1);
	order(&s, QI_CONTEXT(3, 5, 0x20, 0), 0); /* another device */
	order(&s, QI_CONTEXT(3, 6, 0x18, 0), 0); /* another domain */
	order(&s, QI_CONTEXT(2, 6, 0, 0), 0);
	CHECK_EQ(lands(&s, 0, 0x5000), true);
	order(&s, QI_CONTEXT(3, 5, 0x18, 0), 0);
	CHECK_EQ(lands(&s, 0, 0x5000), false);
	strike(&s);
}

static void context_invalidation_leaves_the_iotlb(void)
{
	struct scene s;

	set(&s, "vtd");
	CHECK_EQ(lands(&s, 0, 0x5000), true);
	rig_put(&s.rig, s.rig.ctx, 2 * 0x18, s.table[1] | 1);
	rig_put(&s.rig, s.leaf[0], 0, 0);
	order(&s, QI_CONTEXT(1, 0, 0, 0), 0);
	CHECK_EQ(lands(&s, 0, 0x5000), true);
	CHECK_EQ((uint32_t)rig_get(&s.rig, s.page[1], 0), 0);
	order(&s, QI_IOTLB(2, 5), 0);
	CHECK_EQ(lands(&s, 0, 0x5000), true);
	CHECK_EQ((uint32_t)rig_get(&s.rig, s.page[1], 0), 1);
	strike(&s);
}

static void domain_and_global_context_invalidations(void)
{
	struct scene s;

	set(&s, "vtd");
	CHECK_EQ(lands(&s, 0, 0x5000) && lands(&s, 1, 0x5000), true);
	rig_put(&s.rig, s.rig.ctx, 2 * 0x18, 0);
	rig_put(&s.rig, s.rig.ctx, 2 * 0x20, 0);
	order(&s, QI_CONTEXT(2, 5, 0, 0), 0);
	CHECK_EQ(lands(&s, 0, 0x5000), false);
	CHECK_EQ(lands(&s, 1, 0x5000), true);
	order(&s, QI_CONTEXT(1, 0, 0, 0), 0);
	CHECK_EQ(lands(&s, 1, 0x5000), false);
	strike(&s);
}

/* 00:05.0 and 00:05.1 differ in the lowest function bit, which only FM = 3 masks. */
static void function_mask_covers_what_it_says(void)
{
	const struct piommu_sbdf functions[] = { { 0, 0, 0x28 }, { 0, 0, 0x29 } };
	struct scene s;

	set(&s, "vtd,nfr=8");
	for (unsigned i = 0; i < 2; i++) {
		rig_context(&s.rig, functions[i].devfn, s.table[0], 7);
		CHECK_EQ(rig_write(&s.rig, functions[i], 0x5000, 1), 0);
		rig_put(&s.rig, s.rig.ctx, 2 * functions[i].devfn, 0);
	}
	order(&s, QI_CONTEXT(3, 7, 0x28, 2), 0);
	CHECK_EQ(rig_write(&s.rig, functions[0], 0x5000, 1), -EFAULT);
	CHECK_EQ(rig_write(&s.rig, functions[1], 0x5000, 1), 0);
	order(&s, QI_CONTEXT(3, 7, 0x28, 3), 0);
	CHECK_EQ(rig_write(&s.rig, functions[1], 0x5000, 1), -EFAULT);
	strike(&s);
}

/* Another context table for the bus, in which the device is on another domain. */
static uint64_t move_root_entry(struct scene *s)
{
	uint64_t other = rig_page(&s->rig);

	rig_put(&s->rig, other, 2 * 0x18 + 1, 2 | 6 << 8);
	rig_put(&s->rig, other, 2 * 0x18, s->table[1] | 1);
	rig_put(&s->rig, s->rig.root, 0, other | 1);
	return other;
}

/* The root entry has no domain id and is no one device's: only a global invalidation is sure to drop it (6.5.3). */
static void root_entry_is_cached_until_a_global_invalidation(void)
{
	struct scene s;

	set(&s, "vtd");
	CHECK_EQ(lands(&s, 0, 0x5000), true);
	move_root_entry(&s);
	order(&s, QI_CONTEXT(3, 5, 0x18, 0), 0);
	order(&s, QI_CONTEXT(2, 5, 0, 0), 0);
	order(&s, QI_CONTEXT(2, 0, 0, 0), 0);
	order(&s, QI_IOTLB(1, 0), 0);
	CHECK_EQ(lands(&s, 0, 0x5000), true);
	CHECK_EQ((uint32_t)rig_get(&s.rig, s.page[0], 0), 1);
	CHECK_EQ((uint32_t)rig_get(&s.rig, s.page[1], 0), 0);
	CHECK_EQ(rig_counts(&s.rig).stale_hits, 1);
	order(&s, QI_CONTEXT(1, 0, 0, 0), 0);
	CHECK_EQ(lands(&s, 0, 0x5000), true);
	CHECK_EQ((uint32_t)rig_get(&s.rig, s.page[1], 0), 1);
	CHECK_EQ(rig_counts(&s.rig).stale_hits, 1);
	strike(&s);
}

/* A device that was never seen before is looked up where the bus's table was, not where it is. */
static void cached_root_entry_serves_the_whole_bus(void)
{
	const struct piommu_sbdf other = { 0, 0, 0x28 };
	struct scene s;

	set(&s, "vtd");
	CHECK_EQ(lands(&s, 0, 0x5000), true);
	move_root_entry(&s);
	rig_context(&s.rig, other.devfn, s.table[0], 7); /* in the old table */
	CHECK_EQ(rig_write(&s.rig, other, 0x5000, 1), 0);
	CHECK_EQ(rig_counts(&s.rig).stale_hits, 1);
	order(&s, QI_CONTEXT(1, 0, 0, 0), 0);
	CHECK_EQ(rig_write(&s.rig, other, 0x5000, 1), -EFAULT);
	strike(&s);
}

static void absent_root_entry_is_not_cached_without_caching_mode(void)
{
	const struct piommu_sbdf device = { 0, 1, 0 };
	struct scene s;

	set(&s, "vtd,nfr=8");
	CHECK_EQ(rig_write(&s.rig, device, 0x5000, 1), -EFAULT);
	rig_context(&s.rig, 0, s.table[0], 7);
	rig_put(&s.rig, s.rig.root, 2, s.rig.ctx | 1);
	CHECK_EQ(rig_write(&s.rig, device, 0x5000, 1), 0);
	strike(&s);
}

static void new_root_is_latched_by_srtp_and_caches_survive_it(void)
{
	struct scene s;
	uint64_t root = 0;

	set(&s, "vtd");
	CHECK_EQ(lands(&s, 0, 0x5000), true);
	root = rig_page(&s.rig);
	piommu_write64(&s.rig.regs, 0x20, root);
	order(&s, QI_CONTEXT(1, 0, 0, 0), 0);
	CHECK_EQ(lands(&s, 0, 0x5000), true);
	piommu_write32(&s.rig.regs, 0x18, 0xc4000000);
	CHECK_EQ(lands(&s, 0, 0x5000), true);
	order(&s, QI_CONTEXT(1, 0, 0, 0), 0);
	CHECK_EQ(lands(&s, 0, 0x5000), false);
	strike(&s);
}

static void not_present_is_not_cached_without_caching_mode(void)
{
	struct scene s;

	set(&s, "vtd");
	CHECK_EQ(lands(&s, 0, 0x40000000), false);
	rig_map(&s.rig, s.table[0], 0x40000000, s.page[0], 3);
	CHECK_EQ(lands(&s, 0, 0x40000000), true);
	strike(&s);
}

static void caching_mode_caches_absent_pages(void)
{
	struct scene s;

	set(&s, "vtd,cm=1");
	CHECK_EQ(lands(&s, 0, 0x6000), false);
	rig_map(&s.rig, s.table[0], 0x6000, s.page[0], 3);
	CHECK_EQ(lands(&s, 0, 0x6000), false);
	order(&s, QI_IOTLB(3, 5), 0x6000 | 1 << 6);
	CHECK_EQ(lands(&s, 0, 0x6000), true);
	CHECK_EQ(rig_counts(&s.rig).stale_hits, 0);
	strike(&s);
}

static void caching_mode_caches_absent_tables(void)
{
	struct scene s;

	set(&s, "vtd,cm=1");
	CHECK_EQ(lands(&s, 0, 0x40000000), false);
	rig_map(&s.rig, s.table[0], 0x40000000, s.page[0], 3);
	order(&s, QI_IOTLB(3, 5), 0x40000000 | 1 << 6);
	CHECK_EQ(lands(&s, 0, 0x40000000), false);
	order(&s, QI_IOTLB(3, 5), 0x40000000);
	CHECK_EQ(lands(&s, 0, 0x40000000), true);
	strike(&s);
}

/* They are tagged with domain id 0 (6.1), whatever id the new entry gets. */
static void caching_mode_caches_absent_context_entries(void)
{
	const struct piommu_sbdf device = { 0, 0, 0x28 };
	struct scene s;

	set(&s, "vtd,cm=1,nfr=8");
	CHECK_EQ(rig_write(&s.rig, device, 0x5000, 1), -EFAULT);
	rig_context(&s.rig, device.devfn, s.table[0], 9);
	CHECK_EQ(rig_write(&s.rig, device, 0x5000, 1), -EFAULT);
	order(&s, QI_CONTEXT(3, 9, 0x28, 0), 0);
	CHECK_EQ(rig_write(&s.rig, device, 0x5000, 1), -EFAULT);
	order(&s, QI_CONTEXT(3, 0, 0x28, 0), 0);
	CHECK_EQ(rig_write(&s.rig, device, 0x5000, 1), 0);
	strike(&s);
}

static void caching_mode_reserves_domain_0(void)
{
	struct scene s;

	set(&s, "vtd,cm=1");
	rig_context(&s.rig, 0x28, s.table[0], 0);
	CHECK_EQ(rig_write(&s.rig, (struct piommu_sbdf){ 0, 0, 0x28 }, 0x5000, 1), 0);
	CHECK_EQ(rig_counts(&s.rig).reserved_errors, 1);
	CHECK_HAS(rig_complaint(&s.rig), "domain id 0");
	strike(&s);
}

/* CCMD and IOTLB registers do what the descriptors do, and say which granularity they did. */
static void register_based_invalidation(void)
{
	struct scene s;

	set(&s, "vtd");
	piommu_write32(&s.rig.regs, 0x18, 0x80000000); /* the queue off */
	CHECK_EQ(lands(&s, 0, 0x5000), true);
	rig_put(&s.rig, s.leaf[0], 0, 0);
	piommu_write64(&s.rig.regs, 0xf0, 0x5000);
	piommu_write64(&s.rig.regs, 0xf8, UINT64_C(0xb003000500000000));
	CHECK_HEX(piommu_read64(&s.rig.regs, 0xf8), UINT64_C(0x3603000500000000));
	CHECK_EQ(lands(&s, 0, 0x5000), false);
	CHECK_EQ(lands(&s, 1, 0x5000), true);
	rig_put(&s.rig, s.rig.ctx, 2 * 0x20, 0);
	piommu_write32(&s.rig.regs, 0x28, 0x00200006); /* two halves, the upper one starts it */
	piommu_write32(&s.rig.regs, 0x2c, 0xe0000000);
	CHECK_HEX(piommu_read64(&s.rig.regs, 0x28), UINT64_C(0x7800000000200006));
	CHECK_EQ(lands(&s, 1, 0x5000), false);
	strike(&s);
}

/* pages=2m has MAMV 9. The register says "ignored" by an actual granularity of 0, the queue stops. */
static void address_mask_beyond_mamv_is_refused(void)
{
	struct scene s;

	set(&s, "vtd,pages=2m");
	rig_submit(&s.rig, QI_IOTLB(3, 5), 10);
	CHECK_HEX(piommu_read32(&s.rig.regs, 0x34), 0x10);
	rig_close(&s.rig);

	set(&s, "vtd,pages=2m");
	piommu_write32(&s.rig.regs, 0x18, 0x80000000);
	piommu_write64(&s.rig.regs, 0xf0, 10);
	piommu_write64(&s.rig.regs, 0xf8, UINT64_C(0xb000000500000000));
	CHECK_HEX(piommu_read64(&s.rig.regs, 0xf8), UINT64_C(0x3000000500000000));
	strike(&s);
}

static const struct suite_test tests[] = {
	SUITE_TEST(cleared_leaf_is_served_until_its_page_is_invalidated),
	SUITE_TEST(page_selective_spares_neighbours_and_other_domains),
	SUITE_TEST(address_mask_names_an_aligned_block),
	SUITE_TEST(large_leaf_is_cached_in_pieces),
	SUITE_TEST(domain_selective_spares_other_domains),
	SUITE_TEST(invalidation_hint_keeps_paging_structure_caches),
	SUITE_TEST(paging_structures_of_other_addresses_survive),
	SUITE_TEST(context_entry_is_cached_until_invalidated),
	SUITE_TEST(context_invalidation_leaves_the_iotlb),
	SUITE_TEST(domain_and_global_context_invalidations),
	SUITE_TEST(function_mask_covers_what_it_says),
	SUITE_TEST(root_entry_is_cached_until_a_global_invalidation),
	SUITE_TEST(cached_root_entry_serves_the_whole_bus),
	SUITE_TEST(absent_root_entry_is_not_cached_without_caching_mode),
	SUITE_TEST(new_root_is_latched_by_srtp_and_caches_survive_it),
	SUITE_TEST(not_present_is_not_cached_without_caching_mode),
	SUITE_TEST(caching_mode_caches_absent_pages),
	SUITE_TEST(caching_mode_caches_absent_tables),
	SUITE_TEST(caching_mode_caches_absent_context_entries),
	SUITE_TEST(caching_mode_reserves_domain_0),
	SUITE_TEST(register_based_invalidation),
	SUITE_TEST(address_mask_beyond_mamv_is_refused),
};

int main(int argc, char **argv)
{
	return suite_run(argc, argv, "sim_vtd_caches", tests, sizeof(tests) / sizeof(tests[0]));
}
