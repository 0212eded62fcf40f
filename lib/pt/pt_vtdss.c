/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * VT-d second-stage page tables (specification 9.8; paging in 3.7): the format, and its entry points with the walkers
 * folded in. Called from the fast path of an IOMMU driver's domain; any registered thread.
 */
#include <assert.h>

#include "piommu_bits.h"
#include "piommu_pt.h"
#include "pt_burst.h"
#include "pt_map.h"
#include "pt_walk.h"

#define SS_READ BIT64(0)
#define SS_WRITE BIT64(1)
#define SS_PAGE_SIZE BIT64(7)          /* in levels 2 and 3: a leaf */
#define SS_SNOOP BIT64(11)             /* in leaves */
#define SS_ADDRESS GENMASK64(51, 12)   /* bits above the host address width are zero: pt_map_check() */
#define SS_IGNORED_IN_TABLES BIT64(52) /* 61:52 */

static_assert(PIOMMU_READ == SS_READ && PIOMMU_WRITE == SS_WRITE, "permissions are an entry's bits as they are");

static unsigned ss_levels(unsigned iova_bits)
{
	switch (iova_bits) {
	case 39:
		return 3;
	case 48:
		return 4;
	case 57:
		return 5;
	default:
		return 0;
	}
}

static uint64_t ss_make_table(uint64_t pa)
{
	return pa | SS_READ | SS_WRITE;
}

static uint64_t ss_make_leaf(uint64_t pa, unsigned level, unsigned prot)
{
	uint64_t entry = pa | (prot & (PIOMMU_READ | PIOMMU_WRITE));

	return level > 1 ? entry | SS_PAGE_SIZE : entry;
}

static bool ss_is_leaf(uint64_t entry, unsigned level)
{
	return level == 1 || (entry & SS_PAGE_SIZE);
}

static uint64_t ss_table_pa(uint64_t entry)
{
	return entry & SS_ADDRESS;
}

static uint64_t ss_leaf_pa(uint64_t entry, unsigned level)
{
	return align_down(entry & SS_ADDRESS, pt_span(level));
}

static unsigned ss_prot_of(uint64_t entry)
{
	return (entry & SS_READ ? PIOMMU_READ : 0u) | (entry & SS_WRITE ? PIOMMU_WRITE : 0u);
}

static const struct pt_format vtdss = {
	.leaf_sizes = BIT64(12) | BIT64(21) | BIT64(30),
	.leaf_bits = SS_SNOOP,
	.pending = SS_IGNORED_IN_TABLES,
	.present = SS_READ | SS_WRITE,
	.levels = ss_levels,
	.make_table = ss_make_table,
	.make_leaf = ss_make_leaf,
	.is_leaf = ss_is_leaf,
	.table_pa = ss_table_pa,
	.leaf_pa = ss_leaf_pa,
	.prot_of = ss_prot_of,
};

int piommu_pt_vtdss_init(struct piommu_pt *pt, const struct piommu_pt_config *config)
{
	return pt_init(&vtdss, pt, config);
}

void piommu_pt_vtdss_fini(struct piommu_pt *pt)
{
	pt_fini(&vtdss, pt);
}

int piommu_pt_vtdss_map(struct piommu_pt *pt, uint64_t iova, uint64_t pa, size_t len, unsigned prot,
			struct piommu_gather *gather)
{
	struct pt_mapping mapping = { iova, pa, iova + len, prot, gather };

	return pt_map_slow(&vtdss, pt, &mapping);
}

int piommu_pt_vtdss_unmap(struct piommu_pt *pt, uint64_t iova, size_t len, struct piommu_gather *gather, size_t *unmapped)
{
	return pt_unmap_slow(&vtdss, pt, iova, len, gather, unmapped);
}

/* ---- One page ------------------------------------------------------------------------------------------------------- */

static __attribute__((noinline)) int map_page_slow(struct piommu_pt *pt, uint64_t iova, uint64_t pa, unsigned prot)
{
	return piommu_pt_vtdss_map(pt, iova, pa, pt_span(1), prot, NULL);
}

int piommu_pt_vtdss_map_page(struct piommu_pt *pt, uint64_t iova, uint64_t pa, unsigned prot)
{
	uint64_t *entry;

	if (__builtin_expect(!pt_straight(&vtdss, pt, iova, &entry) || (pa & ~pt->pa_mask), 0))
		return map_page_slow(pt, iova, pa, prot);
	return pt_map_entry(&vtdss, pt, entry, pa, prot);
}

static __attribute__((noinline)) int unmap_slow(struct piommu_pt *pt, uint64_t iova, size_t len, struct piommu_gather *gather,
						size_t *unmapped)
{
	size_t done = 0;
	int err = pt_unmap_slow(&vtdss, pt, iova, len, gather, &done);

	if (unmapped)
		*unmapped = done;
	return err || done == len ? err : -ENOENT;
}

int piommu_pt_vtdss_unmap_page(struct piommu_pt *pt, uint64_t iova, struct piommu_gather *gather, size_t *unmapped)
{
	uint64_t *entry;

	if (__builtin_expect(!pt_straight(&vtdss, pt, iova, &entry) || !pt_is_present(&vtdss, entry_load(entry)), 0))
		return unmap_slow(pt, iova, pt_span(1), gather, unmapped);
	entry_store(entry, 0);
	piommu_gather_add(gather, iova, iova + (pt_span(1) - 1));
	if (unmapped)
		*unmapped = pt_span(1);
	return 0;
}

/* ---- Runs ----------------------------------------------------------------------------------------------------------- */

static __attribute__((noinline, cold)) int map_run_undo(const struct piommu_pt *pt, uint64_t *entry, unsigned done)
{
	return pt_map_run_undo(pt, entry, done);
}

int piommu_pt_vtdss_map_run(struct piommu_pt *pt, uint64_t iova, uint64_t pa, size_t len, unsigned prot)
{
	unsigned n = (unsigned)(len >> PT_PAGE_LG2);
	uint64_t *entry;
	unsigned done;

	if (__builtin_expect(!pt_is_run(pt, iova, pa, len) || !pt_straight(&vtdss, pt, iova, &entry), 0))
		return -EAGAIN;
	done = pt_run_fill(entry, n, ss_make_leaf(pa, 1, prot) | pt->leaf_bits, pt_span(1), pt->wide);
	io_wmb(); /* before the doorbell of whoever uses the mappings */
	return __builtin_expect(done == n, 1) ? 0 : map_run_undo(pt, entry, done);
}

static __attribute__((noinline, cold)) unsigned clear_rest(uint64_t *entry, unsigned n, unsigned done, uint64_t iova,
							   struct piommu_gather *gather)
{
	return pt_clear_rest(entry, n, done, iova, gather);
}

/* A range within a leaf table cuts no super page, and takes out no table. */
int piommu_pt_vtdss_unmap_run(struct piommu_pt *pt, uint64_t iova, size_t len, struct piommu_gather *gather, size_t *unmapped)
{
	unsigned n = (unsigned)(len >> PT_PAGE_LG2);
	uint64_t *entry;
	unsigned done;

	if (__builtin_expect(!pt_one_leaf_table(iova, len) || !pt_straight(&vtdss, pt, iova, &entry), 0))
		return unmap_slow(pt, iova, len, gather, unmapped);
	done = pt_run_clear(entry, n, vtdss.present, pt->wide);
	if (__builtin_expect(done != n, 0))
		done = clear_rest(entry, n, done, iova, gather);
	else
		piommu_gather_add(gather, iova, iova + (len - 1));
	if (unmapped)
		*unmapped = done * pt_span(1);
	return done == n ? 0 : -ENOENT;
}

/* ---- Bursts --------------------------------------------------------------------------------------------------------- */

static __attribute__((noinline)) int map_range_slow(struct piommu_pt *pt, const struct piommu_mapping *mapping,
						    struct piommu_gather *gather)
{
	return pt_map_range_slow(&vtdss, pt, mapping, gather);
}

static __attribute__((noinline)) int unmap_range_slow(struct piommu_pt *pt, const struct piommu_range *range,
						      struct piommu_gather *gather, size_t *unmapped)
{
	return pt_unmap_range_slow(&vtdss, pt, range, gather, unmapped);
}

static __attribute__((noinline)) int map_run(const struct piommu_pt *pt, uint64_t *entry, const struct piommu_mapping *mapping)
{
	if (mapping->pages)
		return pt_map_list(&vtdss, pt, entry, mapping->pages, (unsigned)(mapping->len >> PT_PAGE_LG2), mapping->prot);
	return pt_map_run(&vtdss, pt, entry, mapping->pa, mapping->len, mapping->prot);
}

static __attribute__((noinline)) bool unmap_run(uint64_t *entry, size_t len)
{
	return pt_unmap_run(&vtdss, entry, len);
}

static const struct pt_calls calls = { map_range_slow, unmap_range_slow, map_run, unmap_run };

static __attribute__((noinline)) int unmap_burst_back(struct piommu_pt *pt, const struct piommu_range *ranges, unsigned n,
						      struct piommu_gather *gather, size_t *unmapped)
{
	return pt_unmap_burst(&vtdss, pt, ranges, n, gather, &calls, false, unmapped);
}

static __attribute__((noinline)) int unmap_burst(struct piommu_pt *pt, const struct piommu_range *ranges, unsigned n,
						 struct piommu_gather *gather, size_t *unmapped)
{
	if (__builtin_expect(pt->writeback != NULL, 0))
		return unmap_burst_back(pt, ranges, n, gather, unmapped);
	return pt_unmap_burst(&vtdss, pt, ranges, n, gather, &calls, true, unmapped);
}

int piommu_pt_vtdss_unmap_burst(struct piommu_pt *pt, const struct piommu_range *ranges, unsigned n,
				struct piommu_gather *gather, size_t *unmapped)
{
	if (n != 1 || !pt_unmap_page(&vtdss, pt, ranges, gather))
		return unmap_burst(pt, ranges, n, gather, unmapped);
	*unmapped = ranges->len;
	return 0;
}

static __attribute__((noinline)) int map_burst_back(struct piommu_pt *pt, const struct piommu_mapping *mappings, unsigned n,
						    struct piommu_gather *gather, unsigned *done)
{
	return pt_map_burst(&vtdss, pt, mappings, n, gather, &calls, false, done);
}

/* All or nothing. */
static __attribute__((noinline, cold)) int undo(struct piommu_pt *pt, const struct piommu_mapping *mappings, unsigned done,
						struct piommu_gather *gather, int err)
{
	for (unsigned i = 0; i < done; i++) {
		const struct piommu_range range = { mappings[i].iova, mappings[i].len, mappings[i].leaf };
		size_t unmapped;

		unmap_burst(pt, &range, 1, gather, &unmapped);
	}
	return err;
}

static __attribute__((noinline)) int map_burst(struct piommu_pt *pt, const struct piommu_mapping *mappings, unsigned n,
					       struct piommu_gather *gather)
{
	unsigned done;
	int err;

	if (__builtin_expect(pt->writeback != NULL, 0))
		err = map_burst_back(pt, mappings, n, gather, &done);
	else
		err = pt_map_burst(&vtdss, pt, mappings, n, gather, &calls, true, &done);
	return __builtin_expect(err, 0) ? undo(pt, mappings, done, gather, err) : 0;
}

int piommu_pt_vtdss_map_burst(struct piommu_pt *pt, const struct piommu_mapping *mappings, unsigned n,
			      struct piommu_gather *gather)
{
	return n == 1 && pt_map_page(&vtdss, pt, mappings) ? 0 : map_burst(pt, mappings, n, gather);
}

/* ---- For readers ---------------------------------------------------------------------------------------------------- */

int piommu_pt_vtdss_lookup(const struct piommu_pt *pt, uint64_t iova, struct piommu_pt_leaf *leaf)
{
	return pt_lookup(&vtdss, pt, iova, leaf);
}

unsigned piommu_pt_vtdss_walk(const struct piommu_pt *pt, uint64_t iova, struct piommu_pt_step *steps, unsigned max)
{
	return pt_walk(&vtdss, pt, iova, steps, max);
}
