/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The walkers that only look, over any format: places in the tree, lookup, walk. Included by each format's file, where
 * everything folds into straight code. Any thread, inside an RCU read section.
 *
 * A lookup sees a table's zeroes before the pointer to it (release and acquire), and a table that was taken out stays
 * readable until the grace period after the gather's flush.
 */
#ifndef PT_WALK_H
#define PT_WALK_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "piommu_bits.h"
#include "piommu_mmio.h"
#include "piommu_pt.h"
#include "piommu_yield.h"
#include "pt_format.h"
#include "pt_run.h"

/* Pages from iova's on, to the end of its table or of the range. */
PT_INLINE unsigned pt_run_length(const struct pt_format *f, uint64_t iova, uint64_t end)
{
	uint64_t wanted = (end - iova) >> f->page_lg2;
	unsigned left = (1u << f->index_lg2) - pt_index(f, iova, 1);

	return wanted < left ? (unsigned)wanted : left;
}

/* Where to go on after an entry of `level` at iova, or, at level 1, after the rest of its table: runs are dealt with whole. */
PT_INLINE uint64_t pt_next(const struct pt_format *f, uint64_t iova, uint64_t end, unsigned level)
{
	uint64_t next = (iova | (pt_span(f, level > 1 ? level : 2) - 1)) + 1;

	return next < end ? next : end;
}

PT_INLINE bool pt_in_width(const struct piommu_pt *pt, uint64_t iova, size_t len)
{
	uint64_t last = pt->iova_last;

	return iova <= last && len - 1 <= last - iova;
}

/* Acquire: pairs with the compare-and-swap in pt_install(), for the zeroes of the table behind the entry. */
PT_INLINE uint64_t pt_load(const uint64_t *entry)
{
	return __atomic_load_n(entry, __ATOMIC_ACQUIRE);
}

PT_INLINE bool pt_is_table(const struct pt_format *f, uint64_t entry, unsigned level)
{
	return pt_is_present(f, entry) && !f->is_leaf(entry, level);
}

PT_INLINE uint64_t *pt_table_at(const struct pt_format *f, const struct piommu_pt *pt, uint64_t entry)
{
	return (uint64_t *)(uintptr_t)(f->address(entry) + pt->va_off);
}

PT_INLINE uint64_t *pt_root_entry(const struct pt_format *f, const struct piommu_pt *pt, uint64_t iova)
{
	return &pt->root[iova >> pt_shift(f, pt->levels)];
}

/* What a leaf maps, or the group that it is in. */
PT_INLINE uint64_t pt_leaf_span(const struct pt_format *f, uint64_t entry, unsigned level)
{
	return f->group && (entry & f->group) ? pt_span(f, level) << f->group_lg2[level] : pt_span(f, level);
}

/* An entry and what it held when it was looked at. */
struct pt_spot {
	uint64_t *entry;
	uint64_t value;
	unsigned level;
};

/* The entry for iova at `level`, or above it where the way down ends at a hole or a leaf. */
PT_INLINE struct pt_spot pt_find(const struct pt_format *f, const struct piommu_pt *pt, uint64_t iova, unsigned level)
{
	struct pt_spot spot = { pt_root_entry(f, pt, iova), 0, pt->levels };

	for (;;) {
		spot.value = pt_load(spot.entry);
		if (spot.level == level || !pt_is_table(f, spot.value, spot.level))
			return spot;
		PIOMMU_YIELD("descent"); /* the table may be unlinked meanwhile; a grace period keeps it */
		spot.entry = pt_table_at(f, pt, spot.value) + pt_index(f, iova, --spot.level);
	}
}

/* The table behind an entry, `off` from the entry's value. Says whether it is one: see pt_straight(). */
PT_INLINE bool pt_straight_step(const struct pt_format *f, const uint64_t *entry, uintptr_t off, uint64_t **table)
{
	uintptr_t va = pt_load(entry) + off;

	*table = (uint64_t *)va;
	return __builtin_expect(is_aligned(va, pt_page_size(f)), 1);
}

/* The table of level usual_levels - 2 for iova, in a tree of one level less or more than is usual. */
PT_INLINE bool pt_straight_top(const struct pt_format *f, const struct piommu_pt *pt, uint64_t iova, uintptr_t off,
			       uint64_t **table)
{
	const unsigned l = f->usual_levels;
	uint64_t *entry = *table; /* the root */

	if (pt->straight_levels == l - 1)
		return pt_straight_step(f, &entry[iova >> pt_shift(f, l - 1)], off, table);
	return pt->straight_levels == l + 1 && pt_straight_step(f, &entry[iova >> pt_shift(f, l + 1)], off, table) &&
	       pt_straight_step(f, &(*table)[pt_index(f, iova, l)], off, table) &&
	       pt_straight_step(f, &(*table)[pt_index(f, iova, l - 1)], off, table);
}

/*
 * Puts the entry of level 1 for iova in `*entry` where the straight way applies and reaches so far, and says whether it did. It is for
 * units that snoop: there a table's entry is its address and f->make_table(0), not a bit more, so that one sum makes it a pointer; what
 * else an entry may be, also 0, leaves a rest in the low bits of that.
 */
PT_INLINE bool pt_straight(const struct pt_format *f, const struct piommu_pt *pt, uint64_t iova, uint64_t **entry)
{
	const uintptr_t off = pt->va_off - (uintptr_t)f->make_table(0);
	const unsigned l = f->usual_levels;
	uint64_t *table = pt->root;

	if (__builtin_expect(iova > pt->iova_last, 0))
		return false;
	if (__builtin_expect(pt->straight_levels == l, 1)) {
		if (!pt_straight_step(f, &table[iova >> pt_shift(f, l)], off, &table) ||
		    !pt_straight_step(f, &table[pt_index(f, iova, l - 1)], off, &table))
			return false;
	} else if (!pt_straight_top(f, pt, iova, off, &table)) {
		return false;
	}
	if (l == 4 && !pt_straight_step(f, &table[pt_index(f, iova, 2)], off, &table))
		return false;
	*entry = &table[pt_index(f, iova, 1)];
	return true;
}

/* The entry of level 1 for iova, or NULL where no table reaches so far. */
PT_INLINE uint64_t *pt_find_page(const struct pt_format *f, const struct piommu_pt *pt, uint64_t iova)
{
	uint64_t *entry;

	if (__builtin_expect(pt_straight(f, pt, iova, &entry), 1))
		return entry;
	entry = pt_root_entry(f, pt, iova);
	for (unsigned l = pt->levels; l > 1; l--) {
		uint64_t value = pt_load(entry);

		if (__builtin_expect(!pt_is_table(f, value, l), 0))
			return NULL;
		entry = pt_table_at(f, pt, value) + pt_index(f, iova, l - 1);
	}
	return entry;
}

PT_INLINE bool pt_range_empty(const struct pt_format *f, const struct piommu_pt *pt, uint64_t at, uint64_t end)
{
	for (struct pt_spot spot; at != end; at = pt_next(f, at, end, spot.level)) {
		spot = pt_find(f, pt, at, 1);

		if (pt_is_present(f, spot.value))
			return false;
		if (spot.level == 1) {
			if (pt_run_fold(spot.entry, pt_run_length(f, at, end), pt->wide).any)
				return false;
		}
	}
	return true;
}

/* Whether a leaf lies across iova. */
PT_INLINE bool pt_cuts_leaf(const struct pt_format *f, const struct piommu_pt *pt, uint64_t iova)
{
	struct pt_spot spot;

	if (iova > pt->iova_last)
		return false;
	spot = pt_find(f, pt, iova, 1);
	return pt_is_present(f, spot.value) && !is_aligned(iova, pt_leaf_span(f, spot.value, spot.level));
}

/* ---- For readers -------------------------------------------------------------------------------------------------- */

PT_INLINE int pt_lookup(const struct pt_format *f, const struct piommu_pt *pt, uint64_t iova, struct piommu_pt_leaf *leaf)
{
	struct pt_spot spot;
	uint64_t inside; /* of what the entry maps */

	if (iova > pt->iova_last)
		return -ERANGE;
	spot = pt_find(f, pt, iova, 1);
	if (!pt_is_present(f, spot.value))
		return -ENOENT;
	inside = pt_span(f, spot.level) - 1;
	leaf->size = pt_leaf_span(f, spot.value, spot.level);
	leaf->pa = (f->address(spot.value) & ~inside) | (iova & inside);
	leaf->entry = spot.value;
	leaf->prot = f->prot_of(spot.value);
	return 0;
}

PT_INLINE unsigned pt_walk(const struct pt_format *f, const struct piommu_pt *pt, uint64_t iova, struct piommu_pt_step *steps,
			   unsigned max)
{
	const uint64_t *table = pt->root;
	unsigned n = 0;

	if (iova > pt->iova_last)
		return 0;
	for (unsigned level = pt->levels; level && n < max; level--) {
		struct piommu_pt_step *step = &steps[n++];

		step->level = level;
		step->index = level == pt->levels ? (unsigned)(iova >> pt_shift(f, level)) : pt_index(f, iova, level);
		step->table_pa = (uintptr_t)table - pt->va_off;
		step->entry = pt_load(&table[step->index]);
		step->present = pt_is_present(f, step->entry);
		step->leaf = step->present && f->is_leaf(step->entry, level);
		if (!step->present || step->leaf)
			break;
		table = pt_table_at(f, pt, step->entry);
	}
	return n;
}

#endif
