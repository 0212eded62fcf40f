/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Map and unmap of many ranges in one call, over any format. A range within one leaf table costs no walk where its owner remembers
 * that table (struct piommu_range says why that is sound), or where the range before it in the burst was in the same one. All other
 * ranges go the slow way of pt_map.h, one by one. On a unit that does not snoop, lines are written back as they are left, and one wait
 * at the end is for all of them.
 *
 * Threads: as pt_map.h.
 */
#ifndef PT_BURST_H
#define PT_BURST_H

#include "pt_map.h"

/* How far a burst has come. */
struct pt_burst {
	/*
	 * The leaf table of the last range, or NULL, and its block. It stays linked during the call: the range is the caller's, so
	 * nobody else unmaps the block; the slow way, which might, forgets it.
	 */
	uint64_t *table;
	uint64_t block;
	struct pt_dirty dirty;
};

/* One range the slow way. Of the format's file, so that its code is there once. */
typedef int pt_range_fn(struct piommu_pt *pt, const struct piommu_range *range, struct piommu_gather *gather, size_t *unmapped);

/* The entry of a range that lies within one leaf table that is there; NULL: it does not. */
PT_INLINE uint64_t *pt_burst_entry(const struct pt_format *f, const struct piommu_pt *pt, struct pt_burst *burst,
				   const struct piommu_range *range)
{
	uint64_t block = range->iova >> pt_shift(2);
	/* Two channels may unmap in one block: whoever is first leaves the same pointer. Partner: pt_remember(). */
	uint64_t *table = range->leaf ? (uint64_t *)__atomic_load_n(range->leaf, __ATOMIC_ACQUIRE) : NULL;

	if (__builtin_expect(!pt_one_leaf_table(range->iova, range->len), 0))
		return NULL;
	if (!table && burst->table && burst->block == block)
		table = burst->table;
	if (!table) {
		uint64_t *entry = pt_in_width(pt, range->iova, range->len) ? pt_find_page(f, pt, range->iova) : NULL;

		if (!entry)
			return NULL;
		table = entry - pt_index(range->iova, 1);
	}
	burst->table = table;
	burst->block = block;
	return &table[pt_index(range->iova, 1)];
}

/* After success alone: a failure says that somebody else may be in the block. */
PT_INLINE void pt_remember(const struct piommu_range *range, uint64_t *table)
{
	if (range->leaf && __atomic_load_n(range->leaf, __ATOMIC_RELAXED) != table)
		__atomic_store_n(range->leaf, (void *)table, __ATOMIC_RELEASE);
}

/* After the slow way. */
PT_INLINE void pt_burst_find(const struct pt_format *f, const struct piommu_pt *pt, struct pt_burst *burst,
			     const struct piommu_range *range)
{
	burst->table = NULL;
	if (range->leaf && pt_burst_entry(f, pt, burst, range))
		pt_remember(range, burst->table);
}

PT_INLINE void pt_burst_end(const struct piommu_pt *pt, struct pt_burst *burst)
{
	pt_dirty_flush(pt, &burst->dirty);
	pt_writeback_wait(pt);
}

/* ---- Map ---------------------------------------------------------------------------------------------------------- */

/* A range with `leaf` displaces no table: that might be the remembered one. */
PT_INLINE int pt_map_range_slow(const struct pt_format *f, struct piommu_pt *pt, const struct piommu_range *range,
				struct piommu_gather *gather)
{
	struct pt_mapping mapping = {
		range->iova, range->pa, range->iova + range->len, range->prot, range->leaf ? NULL : gather,
	};
	int err = pt_map_check(pt, range->iova, range->pa, range->len);

	return err ? err : pt_map_slow(f, pt, &mapping);
}

PT_INLINE int pt_map_range(const struct pt_format *f, const struct piommu_pt *pt, struct pt_burst *burst,
			   const struct piommu_range *range)
{
	uint64_t beyond = ~(pt->pa_mask | (pt_span(1) - 1));
	uint64_t *entry;
	int err;

	if (__builtin_expect(((range->pa | (range->pa + (range->len - 1))) & beyond) != 0, 0))
		return PT_SLOW;
	if (!range->leaf && pt_wants_super_page(pt, range->pa, range->len))
		return PT_SLOW;
	entry = pt_burst_entry(f, pt, burst, range);
	if (__builtin_expect(!entry, 0))
		return PT_SLOW;
	err = pt_map_run(f, pt, entry, range->pa, range->len, range->prot);
	if (__builtin_expect(err, 0))
		return err;
	pt_dirty_add(pt, &burst->dirty, entry, (unsigned)(range->len >> PT_PAGE_LG2));
	pt_remember(range, burst->table);
	return 0;
}

/* Where it fails, `*done` ranges are mapped. */
PT_INLINE int pt_map_burst(const struct pt_format *f, struct piommu_pt *pt, const struct piommu_range *ranges, unsigned n,
			   struct piommu_gather *gather, pt_range_fn *slow, unsigned *done)
{
	struct pt_burst burst = { NULL, 0, { NULL, NULL } };
	int err = 0;

	for (*done = 0; *done < n; ++*done) {
		const struct piommu_range *range = &ranges[*done];

		err = pt_map_range(f, pt, &burst, range);
		if (__builtin_expect(err == PT_SLOW, 0)) {
			err = slow(pt, range, gather, NULL);
			if (!err)
				pt_burst_find(f, pt, &burst, range);
		}
		if (__builtin_expect(err, 0))
			break;
	}
	pt_burst_end(pt, &burst);
	io_wmb(); /* before the doorbell of whoever uses the mappings */
	return err;
}

/* ---- Unmap -------------------------------------------------------------------------------------------------------- */

PT_INLINE int pt_unmap_range_slow(const struct pt_format *f, struct piommu_pt *pt, const struct piommu_range *range,
				  struct piommu_gather *gather, size_t *unmapped)
{
	size_t len = 0;
	int err;

	if (!pt_in_width(pt, range->iova, range->len))
		return -ERANGE;
	err = pt_unmap_slow(f, pt, range->iova, range->len, gather, &len);
	*unmapped = len;
	return err || len == range->len ? err : -ENOENT;
}

PT_INLINE bool pt_unmap_range(const struct pt_format *f, const struct piommu_pt *pt, struct pt_burst *burst,
			      const struct piommu_range *range, struct piommu_gather *gather)
{
	uint64_t *entry = pt_burst_entry(f, pt, burst, range);

	if (__builtin_expect(!entry, 0) || !pt_unmap_run(f, entry, range->len))
		return false;
	pt_dirty_add(pt, &burst->dirty, entry, (unsigned)(range->len >> PT_PAGE_LG2));
	pt_remember(range, burst->table);
	piommu_gather_add(gather, range->iova, range->iova + (range->len - 1));
	return true;
}

PT_INLINE int pt_unmap_burst(const struct pt_format *f, struct piommu_pt *pt, const struct piommu_range *ranges, unsigned n,
			     struct piommu_gather *gather, pt_range_fn *slow, size_t *unmapped)
{
	struct pt_burst burst = { NULL, 0, { NULL, NULL } };
	size_t total = 0;
	int first = 0;

	for (unsigned i = 0; i < n; i++) {
		size_t part = 0;
		int err;

		if (__builtin_expect(pt_unmap_range(f, pt, &burst, &ranges[i], gather), 1)) {
			total += ranges[i].len;
			continue;
		}
		err = slow(pt, &ranges[i], gather, &part);
		total += part;
		if (!err)
			pt_burst_find(f, pt, &burst, &ranges[i]);
		else
			burst.table = NULL;
		first = first ? first : err;
	}
	pt_burst_end(pt, &burst);
	*unmapped = total;
	return first;
}

#endif
