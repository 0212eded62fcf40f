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
	int (*map_slow)(struct piommu_pt *pt, const struct piommu_mapping *mapping, struct piommu_gather *gather);
	int (*unmap_slow)(struct piommu_pt *pt, const struct piommu_range *range, struct piommu_gather *gather,
			  size_t *unmapped);
	/* pt_map_run() or pt_map_list(), and pt_unmap_run() */
	int (*map_run)(const struct piommu_pt *pt, uint64_t *entry, const struct piommu_mapping *mapping);
	bool (*unmap_run)(uint64_t *entry, size_t len);
};

PT_INLINE struct pt_burst pt_burst_begin(const struct pt_format *f, const struct piommu_pt *pt)
{
	return (struct pt_burst){
		.block = PT_NO_BLOCK,
		.beyond = ~(pt->pa_mask | (pt_page_size(f) - 1)),
		.leaf_bits = pt->leaf_bits,
	};
}

PT_INLINE void pt_burst_end(const struct piommu_pt *pt, struct pt_burst *burst, bool straight)
{
	if (straight)
		return;
	pt_dirty_flush(pt, &burst->dirty);
	pt_writeback_wait(pt);
}

/* No leaf table of theirs is ever remembered: each range goes the slow way, which knows what groups are. */
PT_INLINE bool pt_has_groups(const struct pt_format *f, const struct piommu_pt *pt)
{
	return f->group && pt->groups;
}

/* The leaf table of a range that lies within one block; NULL: there is none. */
PT_INLINE uint64_t *pt_burst_table(const struct pt_format *f, const struct piommu_pt *pt, struct pt_burst *burst, uint64_t iova,
				   size_t len, void **leaf)
{
	/* Two channels may unmap in one block: whoever is first leaves the same pointer. Partner: pt_remember(). */
	uint64_t *table = leaf ? (uint64_t *)__atomic_load_n(leaf, __ATOMIC_ACQUIRE) : NULL;
	uint64_t *entry;

	if (__builtin_expect(table != NULL, 1))
		return table;
	if (burst->block == iova >> pt_shift(f, 2))
		return burst->table;
	entry = pt_in_width(pt, iova, len) ? pt_find_page(f, pt, iova) : NULL;
	if (__builtin_expect(!entry, 0))
		return NULL;
	burst->table = entry - pt_index(f, iova, 1);
	burst->block = iova >> pt_shift(f, 2);
	return burst->table;
}

/* After success alone: a failure says that somebody else may be in the block. */
PT_INLINE void pt_remember(void **leaf, uint64_t *table)
{
	if (leaf && __atomic_load_n(leaf, __ATOMIC_RELAXED) != table)
		__atomic_store_n(leaf, (void *)table, __ATOMIC_RELEASE);
}

/* After the slow way. */
PT_INLINE void pt_burst_find(const struct pt_format *f, const struct piommu_pt *pt, struct pt_burst *burst, uint64_t iova,
			     size_t len, void **leaf)
{
	uint64_t *table;

	burst->block = PT_NO_BLOCK;
	if (!leaf || !pt_one_leaf_table(f, iova, len) || pt_has_groups(f, pt))
		return;
	table = pt_burst_table(f, pt, burst, iova, len, leaf);
	if (table)
		pt_remember(leaf, table);
}

/* ---- One page ----------------------------------------------------------------------------------------------------- */

/*
 * A burst of one page is the commonest of all, and what a loop has to set up would be half its cost. Where its entry is at hand on a unit
 * that snoops; NULL: it is not, or it is no single page, and the loop sees to it.
 */
PT_INLINE uint64_t *pt_page_entry(const struct pt_format *f, const struct piommu_pt *pt, uint64_t iova, size_t len, void **leaf)
{
	uint64_t *table;
	uint64_t *entry;

	if (__builtin_expect(len != pt_page_size(f) || !pt->straight_levels, 0))
		return NULL;
	if (!leaf)
		return pt_straight(f, pt, iova, &entry) ? entry : NULL;
	table = (uint64_t *)__atomic_load_n(leaf, __ATOMIC_ACQUIRE);
	return table ? &table[pt_index(f, iova, 1)] : NULL;
}

/* Whether it is mapped now. */
PT_INLINE bool pt_map_page(const struct pt_format *f, const struct piommu_pt *pt, const struct piommu_mapping *mapping)
{
	uint64_t *entry = mapping->pages ? NULL : pt_page_entry(f, pt, mapping->iova, mapping->len, mapping->leaf);

	if (__builtin_expect(!entry, 0) || (mapping->pa & ~pt->pa_mask) || entry_load(entry))
		return false;
	entry_store(entry, f->make_leaf(mapping->pa, 1, mapping->prot) | pt->leaf_bits);
	io_wmb(); /* before the doorbell of whoever uses the mapping */
	return true;
}

/* Whether it was mapped, and is not any longer. */
PT_INLINE bool pt_unmap_page(const struct pt_format *f, const struct piommu_pt *pt, const struct piommu_range *range,
			     struct piommu_gather *gather)
{
	uint64_t *entry = pt_page_entry(f, pt, range->iova, range->len, range->leaf);

	if (__builtin_expect(!entry, 0) || !pt_is_present(f, entry_load(entry)))
		return false;
	entry_store(entry, 0);
	piommu_gather_add(gather, range->iova, range->iova + (pt_page_size(f) - 1));
	return true;
}

/* ---- Map ---------------------------------------------------------------------------------------------------------- */

/* Maps pages that lie anywhere, side by side from `entry` on, within one leaf table. */
PT_INLINE int pt_map_list(const struct pt_format *f, const struct piommu_pt *pt, uint64_t *entry, const uint64_t *pages,
			  unsigned n, unsigned prot)
{
	uint64_t leaf_bits = pt->leaf_bits;
	uint64_t any = 0;

	for (unsigned i = 0; i < n; i++)
		any |= pages[i];
	if (__builtin_expect((any & ~(pt->pa_mask | (pt_page_size(f) - 1))) != 0, 0))
		return -ERANGE;
	if (__builtin_expect(pt_run_fold(entry, n, pt->wide).any != 0, 0))
		return -EEXIST;
	for (unsigned i = 0; i < n; i++)
		entry_store(&entry[i], f->make_leaf(pages[i], 1, prot) | leaf_bits);
	return 0;
}

PT_INLINE int pt_map_list_slow(const struct pt_format *f, const struct piommu_pt *pt, const struct piommu_mapping *mapping)
{
	unsigned n = (unsigned)(mapping->len >> f->page_lg2);
	struct pt_spot spot;
	int err;

	if (!pt_in_width(pt, mapping->iova, mapping->len))
		return -ERANGE;
	spot = pt_place(f, pt, mapping->iova, 1, false);
	if (spot.level > 1)
		return spot.value ? -EEXIST : -ENOMEM;
	err = pt_map_list(f, pt, spot.entry, mapping->pages, n, mapping->prot);
	if (err)
		return err;
	pt_writeback(pt, spot.entry, n * sizeof(*spot.entry));
	pt_writeback_wait(pt);
	return 0;
}

/* A range with `leaf` displaces no table: that might be the remembered one. */
PT_INLINE int pt_map_range_slow(const struct pt_format *f, struct piommu_pt *pt, const struct piommu_mapping *mapping,
				struct piommu_gather *gather)
{
	struct pt_mapping one = {
		mapping->iova, mapping->pa, mapping->iova + mapping->len, mapping->prot, mapping->leaf ? NULL : gather,
	};
	int err;

	if (mapping->pages)
		return pt_map_list_slow(f, pt, mapping);
	err = pt_map_check(f, pt, mapping->iova, mapping->pa, mapping->len);
	return err ? err : pt_map_slow(f, pt, &one);
}

/* Whether it is within one leaf table, and in reach of the unit. */
PT_INLINE bool pt_suits_burst(const struct pt_format *f, const struct piommu_pt *pt, const struct pt_burst *burst,
			      const struct piommu_mapping *mapping)
{
	if (mapping->pages)
		return true;
	return !((mapping->pa | (mapping->pa + (mapping->len - 1))) & burst->beyond) &&
	       (mapping->len == pt_page_size(f) || (pt_one_leaf_table(f, mapping->iova, mapping->len) &&
						    (mapping->leaf || !pt_wants_super_page(f, pt, mapping->pa, mapping->len))));
}

PT_INLINE int pt_map_range(const struct pt_format *f, const struct piommu_pt *pt, struct pt_burst *burst,
			   const struct piommu_mapping *mapping, const struct pt_calls *calls, bool straight)
{
	uint64_t *table;
	uint64_t *entry;

	if (__builtin_expect((!straight && pt_has_groups(f, pt)) || !pt_suits_burst(f, pt, burst, mapping), 0))
		return PT_SLOW;
	table = pt_burst_table(f, pt, burst, mapping->iova, mapping->len, mapping->leaf);
	if (__builtin_expect(!table, 0))
		return PT_SLOW;
	entry = &table[pt_index(f, mapping->iova, 1)];
	if (mapping->len == pt_page_size(f) && !mapping->pages) {
		if (__builtin_expect(entry_load(entry) != 0, 0))
			return -EEXIST;
		entry_store(entry, f->make_leaf(mapping->pa, 1, mapping->prot) | burst->leaf_bits);
	} else {
		int err = calls->map_run(pt, entry, mapping);

		if (err)
			return err;
	}
	if (!straight)
		pt_dirty_add(pt, &burst->dirty, entry, (unsigned)(mapping->len >> f->page_lg2));
	pt_remember(mapping->leaf, table);
	return 0;
}

/* `straight` is constant: whether the straight way applies, so that the walker snoops. @return 0 or the first error: then `*done` ranges are mapped */
PT_INLINE int pt_map_burst(const struct pt_format *f, struct piommu_pt *pt, const struct piommu_mapping *mappings, unsigned n,
			   struct piommu_gather *gather, const struct pt_calls *calls, bool straight, unsigned *done)
{
	struct pt_burst burst = pt_burst_begin(f, pt);
	const struct piommu_mapping *mapping = mappings;
	int err = 0;

	for (; mapping != mappings + n; mapping++) {
		err = pt_map_range(f, pt, &burst, mapping, calls, straight);
		if (__builtin_expect(!err, 1))
			continue;
		if (err == PT_SLOW)
			err = calls->map_slow(pt, mapping, gather);
		if (err)
			break;
		pt_burst_find(f, pt, &burst, mapping->iova, mapping->len, mapping->leaf);
	}
	pt_burst_end(pt, &burst, straight);
	io_wmb(); /* before the doorbell of whoever uses the mappings */
	*done = (unsigned)(mapping - mappings);
	return err;
}

/* ---- Unmap -------------------------------------------------------------------------------------------------------- */

/*
 * Single pages whose tables are remembered, on a unit that snoops: what most of all ranges are, in a loop that does nothing else.
 * @return how many of the first ranges were that, and are cleared
 */
PT_INLINE unsigned pt_unmap_pages(const struct pt_format *f, const struct piommu_range *ranges, unsigned n,
				  struct piommu_gather *gather)
{
	struct piommu_span *span = &gather->range[gather->n];
	uint64_t next = gather->n ? span[-1].last + 1 : 0;
	unsigned i = 0;

	if (n > PIOMMU_GATHER_RANGES - gather->n)
		return 0;
	for (; i < n; i++) {
		uint64_t iova = ranges[i].iova;
		void **leaf = ranges[i].leaf;
		uint64_t *table;
		uint64_t *entry;

		if (__builtin_expect(ranges[i].len != pt_page_size(f) || !leaf, 0))
			break;
		table = (uint64_t *)__atomic_load_n(leaf, __ATOMIC_ACQUIRE);
		if (__builtin_expect(!table, 0))
			break;
		entry = (uint64_t *)((uintptr_t)table | pt_index(f, iova, 1) * sizeof(*entry));
		if (__builtin_expect(!pt_is_present(f, entry_load(entry)), 0))
			break;
		entry_store(entry, 0);
		PIOMMU_ORDER(cleared);
		if (iova != next || !iova) {
			span->start = iova;
			span++;
		}
		next = iova + pt_page_size(f);
		span[-1].last = next - 1;
	}
	gather->n = (unsigned)(span - gather->range);
	return i;
}

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
			      const struct piommu_range *range, const struct pt_calls *calls, bool straight)
{
	bool is_page = __builtin_expect(range->len == pt_page_size(f), 1);
	size_t len = range->len;
	uint64_t *table;
	uint64_t *entry;

	if ((!straight && pt_has_groups(f, pt)) || (!is_page && !pt_one_leaf_table(f, range->iova, len)))
		return false;
	table = pt_burst_table(f, pt, burst, range->iova, len, range->leaf);
	if (__builtin_expect(!table, 0))
		return false;
	entry = &table[pt_index(f, range->iova, 1)];
	if (is_page) {
		if (__builtin_expect(!pt_is_present(f, entry_load(entry)), 0))
			return false;
		entry_store(entry, 0);
	} else if (!calls->unmap_run(entry, len)) {
		return false;
	}
	if (!straight)
		pt_dirty_add(pt, &burst->dirty, entry, (unsigned)(len >> f->page_lg2));
	pt_remember(range->leaf, table);
	return true;
}

/* `straight` as in pt_map_burst(). */
PT_INLINE int pt_unmap_burst(const struct pt_format *f, struct piommu_pt *pt, const struct piommu_range *ranges, unsigned n,
			     struct piommu_gather *gather, const struct pt_calls *calls, bool straight, size_t *unmapped)
{
	struct pt_burst burst = pt_burst_begin(f, pt);
	unsigned pages = straight ? pt_unmap_pages(f, ranges, n, gather) : 0;
	size_t total = pages * pt_page_size(f);
	int first = 0;

	for (const struct piommu_range *range = ranges + pages; range != ranges + n; range++) {
		size_t part;
		int err;

		if (__builtin_expect(pt_unmap_range(f, pt, &burst, range, calls, straight), 1)) {
			piommu_gather_add(gather, range->iova, range->iova + (range->len - 1));
			total += range->len;
			continue;
		}
		err = calls->unmap_slow(pt, range, gather, &part);
		total += part;
		burst.block = PT_NO_BLOCK;
		if (!err)
			pt_burst_find(f, pt, &burst, range->iova, range->len, range->leaf);
		first = first ? first : err;
	}
	pt_burst_end(pt, &burst, straight);
	*unmapped = total;
	return first;
}

#endif
