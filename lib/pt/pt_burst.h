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

/*
 * How far a burst has come. Also what it reads of the table at each range: kept apart from it, since a compiler must take every store of
 * an entry for one that may change the table's description.
 */
struct pt_burst {
	/*
	 * The leaf table last walked to, and its block. It stays linked during the call: its range is the caller's, so nobody else unmaps
	 * the block; the slow way, which might, forgets it.
	 */
	uint64_t *table;
	uint64_t block;
	uint64_t beyond; /* bits that no physical address has */
	uint64_t leaf_bits;
	struct pt_dirty dirty;
};

#define PT_NO_BLOCK UINT64_MAX

/* What is rare enough, or long enough, to be there once for a format, and called. */
struct pt_calls {
	int (*map_slow)(struct piommu_pt *pt, const struct piommu_range *range, struct piommu_gather *gather);
	int (*unmap_slow)(struct piommu_pt *pt, const struct piommu_range *range, struct piommu_gather *gather,
			  size_t *unmapped);
	/* pt_map_run() and pt_unmap_run() */
	int (*map_run)(const struct piommu_pt *pt, uint64_t *entry, const struct piommu_range *range);
	bool (*unmap_run)(uint64_t *entry, size_t len);
};

PT_INLINE struct pt_burst pt_burst_begin(const struct piommu_pt *pt)
{
	return (struct pt_burst){
		.block = PT_NO_BLOCK,
		.beyond = ~(pt->pa_mask | (pt_span(1) - 1)),
		.leaf_bits = pt->leaf_bits,
	};
}

PT_INLINE void pt_burst_end(const struct piommu_pt *pt, struct pt_burst *burst, bool coherent)
{
	if (coherent)
		return;
	pt_dirty_flush(pt, &burst->dirty);
	pt_writeback_wait(pt);
}

/* The leaf table of a range that lies within one block; NULL: there is none. */
PT_INLINE uint64_t *pt_burst_table(const struct pt_format *f, const struct piommu_pt *pt, struct pt_burst *burst,
				   const struct piommu_range *range)
{
	/* Two channels may unmap in one block: whoever is first leaves the same pointer. Partner: pt_remember(). */
	uint64_t *table = range->leaf ? (uint64_t *)__atomic_load_n(range->leaf, __ATOMIC_ACQUIRE) : NULL;
	uint64_t *entry;

	if (__builtin_expect(table != NULL, 1))
		return table;
	if (burst->block == range->iova >> pt_shift(2))
		return burst->table;
	entry = pt_in_width(pt, range->iova, range->len) ? pt_find_page(f, pt, range->iova) : NULL;
	if (__builtin_expect(!entry, 0))
		return NULL;
	burst->table = entry - pt_index(range->iova, 1);
	burst->block = range->iova >> pt_shift(2);
	return burst->table;
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
	uint64_t *table;

	burst->block = PT_NO_BLOCK;
	if (!range->leaf || !pt_one_leaf_table(range->iova, range->len))
		return;
	table = pt_burst_table(f, pt, burst, range);
	if (table)
		pt_remember(range, table);
}

/* ---- One page ----------------------------------------------------------------------------------------------------- */

/*
 * A burst of one page is the commonest of all, and what a loop has to set up would be half its cost. Where its entry is at hand on a unit
 * that snoops; NULL: it is not, or it is no single page, and the loop sees to it.
 */
PT_INLINE uint64_t *pt_page_entry(const struct pt_format *f, const struct piommu_pt *pt, const struct piommu_range *range)
{
	uint64_t *table;

	if (__builtin_expect(range->len != pt_span(1) || pt->writeback, 0))
		return NULL;
	if (!range->leaf)
		return pt_in_width(pt, range->iova, pt_span(1)) ? pt_find_page(f, pt, range->iova) : NULL;
	table = (uint64_t *)__atomic_load_n(range->leaf, __ATOMIC_ACQUIRE);
	return table ? &table[pt_index(range->iova, 1)] : NULL;
}

/* Whether it is mapped now. */
PT_INLINE bool pt_map_page(const struct pt_format *f, const struct piommu_pt *pt, const struct piommu_range *range)
{
	uint64_t *entry = pt_page_entry(f, pt, range);

	if (__builtin_expect(!entry, 0) || (range->pa & ~pt->pa_mask) || entry_load(entry))
		return false;
	entry_store(entry, f->make_leaf(range->pa, 1, range->prot) | pt->leaf_bits);
	io_wmb(); /* before the doorbell of whoever uses the mapping */
	return true;
}

/* Whether it was mapped, and is not any longer. */
PT_INLINE bool pt_unmap_page(const struct pt_format *f, const struct piommu_pt *pt, const struct piommu_range *range,
			     struct piommu_gather *gather)
{
	uint64_t *entry = pt_page_entry(f, pt, range);

	if (__builtin_expect(!entry, 0) || !f->is_present(entry_load(entry)))
		return false;
	entry_store(entry, 0);
	piommu_gather_add(gather, range->iova, range->iova + (pt_span(1) - 1));
	return true;
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
			   const struct piommu_range *range, const struct pt_calls *calls, bool coherent)
{
	bool is_page = __builtin_expect(range->len == pt_span(1), 1);
	size_t len = is_page ? pt_span(1) : range->len;
	uint64_t *table;
	uint64_t *entry;

	if (__builtin_expect(((range->pa | (range->pa + (len - 1))) & burst->beyond) != 0, 0))
		return PT_SLOW;
	if (!is_page && (!pt_one_leaf_table(range->iova, len) || (!range->leaf && pt_wants_super_page(pt, range->pa, len))))
		return PT_SLOW;
	table = pt_burst_table(f, pt, burst, range);
	if (__builtin_expect(!table, 0))
		return PT_SLOW;
	entry = &table[pt_index(range->iova, 1)];
	if (is_page) {
		if (__builtin_expect(entry_load(entry) != 0, 0))
			return -EEXIST;
		entry_store(entry, f->make_leaf(range->pa, 1, range->prot) | burst->leaf_bits);
	} else {
		int err = calls->map_run(pt, entry, range);

		if (err)
			return err;
	}
	if (!coherent)
		pt_dirty_add(pt, &burst->dirty, entry, (unsigned)(len >> PT_PAGE_LG2));
	pt_remember(range, table);
	return 0;
}

/* `coherent` is constant: whether the walker snoops. @return 0 or the first error: then `*done` ranges are mapped */
PT_INLINE int pt_map_burst(const struct pt_format *f, struct piommu_pt *pt, const struct piommu_range *ranges, unsigned n,
			   struct piommu_gather *gather, const struct pt_calls *calls, bool coherent, unsigned *done)
{
	struct pt_burst burst = pt_burst_begin(pt);
	const struct piommu_range *range = ranges;
	int err = 0;

	for (; range != ranges + n; range++) {
		err = pt_map_range(f, pt, &burst, range, calls, coherent);
		if (__builtin_expect(!err, 1))
			continue;
		if (err == PT_SLOW)
			err = calls->map_slow(pt, range, gather);
		if (err)
			break;
		pt_burst_find(f, pt, &burst, range);
	}
	pt_burst_end(pt, &burst, coherent);
	io_wmb(); /* before the doorbell of whoever uses the mappings */
	*done = (unsigned)(range - ranges);
	return err;
}

/* ---- Unmap -------------------------------------------------------------------------------------------------------- */

PT_INLINE int pt_unmap_range_slow(const struct pt_format *f, struct piommu_pt *pt, const struct piommu_range *range,
				  struct piommu_gather *gather, size_t *unmapped)
{
	size_t len = 0;
	int err;

	*unmapped = 0;
	if (!pt_in_width(pt, range->iova, range->len))
		return -ERANGE;
	err = pt_unmap_slow(f, pt, range->iova, range->len, gather, &len);
	*unmapped = len;
	return err || len == range->len ? err : -ENOENT;
}

PT_INLINE bool pt_unmap_range(const struct pt_format *f, const struct piommu_pt *pt, struct pt_burst *burst,
			      const struct piommu_range *range, const struct pt_calls *calls, bool coherent)
{
	bool is_page = __builtin_expect(range->len == pt_span(1), 1);
	size_t len = range->len;
	uint64_t *table;
	uint64_t *entry;

	if (!is_page && !pt_one_leaf_table(range->iova, len))
		return false;
	table = pt_burst_table(f, pt, burst, range);
	if (__builtin_expect(!table, 0))
		return false;
	entry = &table[pt_index(range->iova, 1)];
	if (is_page) {
		if (__builtin_expect(!f->is_present(entry_load(entry)), 0))
			return false;
		entry_store(entry, 0);
	} else if (!calls->unmap_run(entry, len)) {
		return false;
	}
	if (!coherent)
		pt_dirty_add(pt, &burst->dirty, entry, (unsigned)(len >> PT_PAGE_LG2));
	pt_remember(range, table);
	return true;
}

/* `coherent` as in pt_map_burst(). */
PT_INLINE int pt_unmap_burst(const struct pt_format *f, struct piommu_pt *pt, const struct piommu_range *ranges, unsigned n,
			     struct piommu_gather *gather, const struct pt_calls *calls, bool coherent, size_t *unmapped)
{
	struct pt_burst burst = pt_burst_begin(pt);
	size_t total = 0;
	int first = 0;

	for (const struct piommu_range *range = ranges; range != ranges + n; range++) {
		size_t part;
		int err;

		if (__builtin_expect(pt_unmap_range(f, pt, &burst, range, calls, coherent), 1)) {
			piommu_gather_add(gather, range->iova, range->iova + (range->len - 1));
			total += range->len;
			continue;
		}
		err = calls->unmap_slow(pt, range, gather, &part);
		total += part;
		burst.block = PT_NO_BLOCK;
		if (!err)
			pt_burst_find(f, pt, &burst, range);
		first = first ? first : err;
	}
	pt_burst_end(pt, &burst, coherent);
	*unmapped = total;
	return first;
}

#endif
