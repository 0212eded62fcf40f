/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The walkers that change a tree, over any format: map, unmap, and the coming and going of tables. Included by each
 * format's file, where everything folds into straight code.
 *
 * Two ways through every operation. The fast one serves a range within one existing leaf table of a coherent unit: one
 * walk, one look at the run, one store of it; where anything else shows it has changed nothing and says PT_SLOW. The slow
 * one takes any range: a first pass checks and installs tables, a second one stores and cannot fail.
 *
 * Threads: the caller of a range owns it, so nobody else changes an entry that only its range uses. An entry for a table
 * that reaches beyond the range is only ever installed, by compare-and-swap, and taken out by nobody meanwhile.
 */
#ifndef PT_MAP_H
#define PT_MAP_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "piommu_gather.h"
#include "piommu_pool.h"
#include "pt_walk.h"

/* Not an errno: the fast way declined. */
#define PT_SLOW 1

/* ---- Write-back for walkers that do not snoop -------------------------------------------------------------------- */

/* Changed entries whose write-back was not begun yet: one span within one table. */
struct pt_dirty {
	const uint64_t *first;
	const uint64_t *end;
};

/* Out of line, so that they are the only functions of a format's object with an indirect call (test/style). */
static __attribute__((noinline, cold)) void pt_writeback_call(const struct piommu_pt *pt, const void *va, size_t len)
{
	pt->writeback(pt->writeback_ctx, va, len);
}

static __attribute__((noinline, cold)) void pt_writeback_wait_call(const struct piommu_pt *pt)
{
	pt->writeback_wait(pt->writeback_ctx);
}

PT_INLINE void pt_writeback(const struct piommu_pt *pt, const void *va, size_t len)
{
	if (pt->writeback)
		pt_writeback_call(pt, va, len);
}

/* Before an operation returns: all that it changed is in memory. */
PT_INLINE void pt_writeback_wait(const struct piommu_pt *pt)
{
	if (pt->writeback && pt->writeback_wait)
		pt_writeback_wait_call(pt);
}

PT_INLINE void pt_dirty_flush(const struct piommu_pt *pt, struct pt_dirty *dirty)
{
	if (dirty->first != dirty->end)
		pt_writeback(pt, dirty->first, (size_t)(dirty->end - dirty->first) * sizeof(*dirty->first));
	dirty->first = dirty->end = NULL;
}

PT_INLINE void pt_dirty_add(const struct piommu_pt *pt, struct pt_dirty *dirty, const uint64_t *entry, unsigned n)
{
	if (!pt->writeback)
		return;
	/* What begins in a line that is written back anyway goes along with it. */
	if (entry < dirty->first || (uintptr_t)entry > align_up((uintptr_t)dirty->end, PT_LINE)) {
		pt_dirty_flush(pt, dirty);
		dirty->first = entry;
	}
	if (dirty->end < entry + n)
		dirty->end = entry + n;
}

/* ---- Tables coming and going ------------------------------------------------------------------------------------- */

/*
 * Installs a new table under an empty entry. Returns what the entry holds then, by our doing or another thread's; 0: no
 * memory.
 *
 * Where the walker does not snoop, others may use the table as soon as they see it, but their mappings must not be
 * reported before the pointer has reached memory. So it is first stored marked pending, and whoever meets the mark writes
 * the pointer back himself.
 */
PT_INLINE uint64_t pt_install(const struct pt_format *f, const struct piommu_pt *pt, uint64_t *entry)
{
	uint64_t *table = piommu_pool_get(pt->pool);
	uint64_t found = 0;
	uint64_t value;

	if (!table)
		return 0;
	pt_writeback(pt, table, pt_page_size(f));
	pt_writeback_wait(pt);
	value = f->make_table((uintptr_t)table - pt->va_off);
	/* Release: the table's zeroes before the pointer. Partner: pt_load(). */
	if (!__atomic_compare_exchange_n(entry, &found, pt->writeback ? value | f->pending : value, false, __ATOMIC_RELEASE,
					 __ATOMIC_ACQUIRE)) {
		piommu_pool_put(pt->pool, table); /* nobody has ever seen it */
		return found;
	}
	if (pt->writeback) {
		pt_writeback(pt, entry, sizeof(*entry));
		pt_writeback_wait(pt);
		entry_publish(entry, value);
		pt_writeback(pt, entry, sizeof(*entry));
	}
	return value;
}

/*
 * As pt_find(), for map: installs what is missing down to `level`; passes through tables there unless told to stop. Where it
 * stops above `level` a leaf is in the way, or `value` is 0: no memory.
 */
PT_INLINE struct pt_spot pt_place(const struct pt_format *f, const struct piommu_pt *pt, uint64_t iova, unsigned level,
				  bool stop_at_table)
{
	struct pt_spot spot = { pt_root_entry(f, pt, iova), 0, pt->levels };

	for (;;) {
		spot.value = pt_load(spot.entry);
		if (spot.level <= level && (spot.level == 1 || stop_at_table || !pt_is_table(f, spot.value, spot.level)))
			return spot;
		if (!spot.value)
			spot.value = pt_install(f, pt, spot.entry);
		if (!pt_is_table(f, spot.value, spot.level))
			return spot;
		if (spot.value & f->pending)
			pt_writeback(pt, spot.entry, sizeof(*spot.entry));
		spot.entry = pt_table_at(f, pt, spot.value) + pt_index(f, iova, --spot.level);
	}
}

/* The range an unlinked table served must be invalidated too: unless the last range has it already. */
PT_INLINE void pt_gather_span(struct piommu_gather *gather, uint64_t start, uint64_t last)
{
	const struct piommu_span *prev = gather->n ? &gather->range[gather->n - 1] : NULL;

	if (!prev || start < prev->start || last > prev->last)
		piommu_gather_add(gather, start, last);
}

/* Takes out the (empty) tables of one level that serve [at, end), whole multiples of what such a table serves. */
PT_INLINE void pt_unlink_tables(const struct pt_format *f, const struct piommu_pt *pt, uint64_t at, uint64_t end,
				unsigned level, struct piommu_gather *gather)
{
	struct pt_dirty dirty = { NULL, NULL };

	for (struct pt_spot spot; at != end; at = pt_next(f, at, end, spot.level)) {
		spot = pt_find(f, pt, at, level + 1);
		if (!pt_is_table(f, spot.value, spot.level))
			continue;
		entry_store(spot.entry, 0);
		pt_dirty_add(pt, &dirty, spot.entry, 1);
		pt_gather_span(gather, at, at + pt_span(f, spot.level) - 1);
		piommu_gather_add_table(gather, pt_table_at(f, pt, spot.value));
	}
	pt_dirty_flush(pt, &dirty);
}

/* ---- Map ---------------------------------------------------------------------------------------------------------- */

/* What one call maps. */
struct pt_mapping {
	uint64_t iova;
	uint64_t pa;
	uint64_t end; /* of the I/O addresses */
	unsigned prot;
	struct piommu_gather *gather;
};

/* The level of the largest leaf that fits at `at`: aligned on both sides, within what is left, and allowed. */
PT_INLINE unsigned pt_leaf_level(const struct pt_format *f, const struct piommu_pt *pt, const struct pt_mapping *m, uint64_t at)
{
	unsigned level = 1;

	for (unsigned l = 2; l <= pt->levels; l++)
		if ((pt->leaf_sizes & pt_span(f, l)) && is_aligned(at | (m->pa + (at - m->iova)), pt_span(f, l)) &&
		    m->end - at >= pt_span(f, l))
			level = l;
	return level;
}

/* First pass: -EEXIST, -ENOMEM, or every table is there and every entry to be stored is free. */
PT_INLINE int pt_map_prepare(const struct pt_format *f, const struct piommu_pt *pt, const struct pt_mapping *m)
{
	struct pt_spot spot;

	for (uint64_t at = m->iova; at != m->end; at = pt_next(f, at, m->end, spot.level)) {
		unsigned level = pt_leaf_level(f, pt, m, at);

		spot = pt_place(f, pt, at, level, m->gather != NULL);
		if (spot.level > level)
			return spot.value ? -EEXIST : -ENOMEM;
		if (spot.level == 1) {
			if (pt_run_fold(spot.entry, pt_run_length(f, at, m->end), pt->wide).any)
				return -EEXIST;
		} else if (spot.value &&
			   (f->is_leaf(spot.value, spot.level) || !pt_range_empty(f, pt, at, at + pt_span(f, spot.level)))) {
			return -EEXIST;
		}
	}
	return 0;
}

/*
 * Hands the empty tables under a super page's entry to the gather; the entry itself is overwritten by the caller. Nothing was translated
 * through them, so hardware holds at most the pointers to them, which go with the gather before the map is reported: Arm's "break before
 * make" asks for no more.
 */
PT_INLINE void pt_displace(const struct pt_format *f, const struct piommu_pt *pt, const struct pt_mapping *m, uint64_t at,
			   const struct pt_spot *spot)
{
	uint64_t end = at + pt_span(f, spot->level);

	pt_gather_span(m->gather, at, end - 1);
	for (unsigned level = 1; level + 1 < spot->level; level++)
		pt_unlink_tables(f, pt, at, end, level, m->gather);
	piommu_gather_add_table(m->gather, pt_table_at(f, pt, spot->value));
}

/*
 * Stores a run of leaves of level 1. Addresses of more than straight_bits go on at another place in the entry: a run that reaches
 * over there is two.
 */
PT_INLINE void pt_store_run(const struct pt_format *f, const struct piommu_pt *pt, uint64_t *entry, unsigned n, uint64_t pa,
			    unsigned prot, uint64_t bits)
{
	uint64_t leaf = f->make_leaf(pa, 1, prot) | bits;

	if (f->pa_bits_max > f->straight_bits) {
		uint64_t left = (BIT64(f->straight_bits) - (pa & (BIT64(f->straight_bits) - 1))) >> f->page_lg2;

		if (__builtin_expect(left < n, 0)) {
			pt_run_store(entry, (unsigned)left, leaf, pt_page_size(f), pt->wide);
			entry += left;
			n -= (unsigned)left;
			leaf = f->make_leaf(pa + (left << f->page_lg2), 1, prot) | bits;
		}
	}
	pt_run_store(entry, n, leaf, pt_page_size(f), pt->wide);
}

/* Where the group of leaves of `level` that `at` would be in begins, and its bytes; 0 bytes: these tables have no such groups. */
PT_INLINE uint64_t pt_group(const struct pt_format *f, const struct piommu_pt *pt, uint64_t at, unsigned level, uint64_t *start)
{
	uint64_t len = pt_span(f, level) << f->group_lg2[level];

	*start = align_down(at, len);
	return pt->leaf_sizes & len;
}

/* Stores a run of leaves of level 1 whose place is theirs: in front of the first whole group, those groups, and what is behind. */
PT_INLINE void pt_store_groups(const struct pt_format *f, const struct piommu_pt *pt, const struct pt_mapping *m, uint64_t at,
			       uint64_t *entry, unsigned n)
{
	uint64_t pa = m->pa + (at - m->iova);
	uint64_t start;
	uint64_t len = pt_group(f, pt, at, 1, &start);
	unsigned head = n, grouped = 0;

	if (len && is_aligned(at ^ pa, len)) {
		unsigned in_group = 1u << f->group_lg2[1];
		unsigned to_next = (unsigned)((start - at) >> f->page_lg2) & (in_group - 1);

		head = to_next < n ? to_next : n;
		grouped = (n - head) & ~(in_group - 1);
	}
	pt_store_run(f, pt, entry, head, pa, m->prot, pt->leaf_bits);
	pt_store_run(f, pt, entry + head, grouped, pa + ((uint64_t)head << f->page_lg2), m->prot, pt->leaf_bits | f->group);
	pt_store_run(f, pt, entry + head + grouped, n - head - grouped, pa + ((uint64_t)(head + grouped) << f->page_lg2),
		     m->prot, pt->leaf_bits);
}

/*
 * The group's bits, if the super page at `at` belongs to a group that this mapping fills. Where it displaces no tables, a table
 * among the group's entries says that it does not.
 */
PT_INLINE uint64_t pt_group_bits(const struct pt_format *f, const struct piommu_pt *pt, const struct pt_mapping *m, uint64_t at,
				 const struct pt_spot *spot)
{
	const unsigned in_group = 1u << f->group_lg2[2];
	const uint64_t *first = spot->entry - (pt_index(f, at, 2) & (in_group - 1));
	uint64_t start;
	uint64_t len = pt_group(f, pt, at, 2, &start);

	if (!len || spot->level != 2 || start < m->iova || m->end - start < len || !is_aligned(m->pa + (start - m->iova), len))
		return 0;
	for (unsigned i = 0; !m->gather && i < in_group; i++)
		if (pt_is_table(f, pt_load(&first[i]), 2))
			return 0;
	return f->group;
}

/* Second pass: takes the same decisions as the first, since nobody else changes these entries. */
PT_INLINE void pt_map_store(const struct pt_format *f, const struct piommu_pt *pt, const struct pt_mapping *m)
{
	struct pt_dirty dirty = { NULL, NULL };
	struct pt_spot spot;

	for (uint64_t at = m->iova; at != m->end; at = pt_next(f, at, m->end, spot.level)) {
		uint64_t pa = m->pa + (at - m->iova);
		unsigned n = 1;

		spot = pt_place(f, pt, at, pt_leaf_level(f, pt, m, at), m->gather != NULL);
		if (spot.level == 1) {
			n = pt_run_length(f, at, m->end);
			if (f->group && pt->groups)
				pt_store_groups(f, pt, m, at, spot.entry, n);
			else
				pt_store_run(f, pt, spot.entry, n, pa, m->prot, pt->leaf_bits);
		} else {
			uint64_t bits = pt->leaf_bits;

			if (f->group && pt->groups)
				bits |= pt_group_bits(f, pt, m, at, &spot);
			if (spot.value)
				pt_displace(f, pt, m, at, &spot);
			entry_store(spot.entry, f->make_leaf(pa, spot.level, m->prot) | bits);
		}
		pt_dirty_add(pt, &dirty, spot.entry, n);
	}
	pt_dirty_flush(pt, &dirty);
}

/* A range of exactly one super page whose entry is free needs no second look. Says whether it was one. */
PT_INLINE bool pt_map_super_page(const struct pt_format *f, const struct piommu_pt *pt, const struct pt_mapping *m)
{
	unsigned level = pt_leaf_level(f, pt, m, m->iova);
	struct pt_spot spot;

	if (pt->writeback || level == 1 || m->end - m->iova != pt_span(f, level))
		return false;
	spot = pt_find(f, pt, m->iova, level);
	if (spot.level != level || spot.value)
		return false;
	entry_store(spot.entry, f->make_leaf(m->pa, level, m->prot) | pt->leaf_bits);
	return true;
}

PT_INLINE int pt_map_check(const struct pt_format *f, const struct piommu_pt *pt, uint64_t iova, uint64_t pa, size_t len)
{
	uint64_t last = pt->pa_mask | (pt_page_size(f) - 1);

	return pt_in_width(pt, iova, len) && pa <= last && len - 1 <= last - pa ? 0 : -ERANGE;
}

PT_INLINE int pt_map_slow(const struct pt_format *f, struct piommu_pt *pt, const struct pt_mapping *m)
{
	int err = pt_map_check(f, pt, m->iova, m->pa, m->end - m->iova);

	if (err)
		return err;
	if (!pt_map_super_page(f, pt, m)) {
		err = pt_map_prepare(f, pt, m);
		if (err)
			return err;
		pt_map_store(f, pt, m);
	}
	pt_writeback_wait(pt);
	io_wmb();
	return 0;
}

PT_INLINE bool pt_one_leaf_table(const struct pt_format *f, uint64_t iova, size_t len)
{
	return ((iova ^ (iova + (len - 1))) >> pt_shift(f, 2)) == 0;
}

/* Of a range within one block of that size. */
PT_INLINE bool pt_wants_super_page(const struct pt_format *f, const struct piommu_pt *pt, uint64_t pa, size_t len)
{
	return len == pt_span(f, 2) && (pt->leaf_sizes & pt_span(f, 2)) && is_aligned(pa, pt_span(f, 2));
}

/* Takes out the part of a run that was stored before an entry was found in the way. A device may have seen it. */
PT_INLINE int pt_map_run_undo(const struct piommu_pt *pt, uint64_t *entry, unsigned done)
{
	PIOMMU_YIELD("part of a run is mapped");
	pt_run_store(entry, done, 0, 0, pt->wide);
	return -EEXIST;
}

/* Maps one page, whose entry is at hand, of a coherent unit. */
PT_INLINE int pt_map_entry(const struct pt_format *f, const struct piommu_pt *pt, uint64_t *entry, uint64_t pa, unsigned prot)
{
	if (__builtin_expect(entry_load(entry) != 0, 0))
		return -EEXIST;
	entry_store(entry, f->make_leaf(pa, 1, prot) | pt->leaf_bits);
	io_wmb(); /* before the doorbell of whoever uses the mapping */
	return 0;
}

/* Maps a run within one leaf table, from `entry` on. A failure has changed nothing. */
PT_INLINE int pt_map_run(const struct pt_format *f, const struct piommu_pt *pt, uint64_t *entry, uint64_t pa, size_t len,
			 unsigned prot)
{
	unsigned n = (unsigned)(len >> f->page_lg2);

	if (pt_run_fold(entry, n, pt->wide).any)
		return -EEXIST;
	pt_store_run(f, pt, entry, n, pa, prot, pt->leaf_bits);
	return 0;
}

/* Whether a range that the straight way reaches is a run in one leaf table; and the last word on its physical addresses. */
PT_INLINE bool pt_is_run(const struct pt_format *f, const struct piommu_pt *pt, uint64_t iova, uint64_t pa, size_t len)
{
	return pt_one_leaf_table(f, iova, len) && !((pa | (pa + (len - pt_page_size(f)))) & ~pt->pa_mask) &&
	       !pt_wants_super_page(f, pt, pa, len);
}

/* ---- Unmap -------------------------------------------------------------------------------------------------------- */

/* Of n entries of level 1 at iova the first `done` are cleared and not gathered yet; the others follow. Returns how many were present. */
PT_INLINE unsigned pt_clear_rest(const struct pt_format *f, uint64_t *entry, unsigned n, unsigned done, uint64_t iova,
				 struct piommu_gather *gather)
{
	unsigned cleared = done;

	if (done)
		piommu_gather_add(gather, iova, iova + done * pt_page_size(f) - 1);
	for (unsigned i = done; i < n; i++) {
		if (!entry_load(&entry[i]))
			continue;
		entry_store(&entry[i], 0);
		piommu_gather_add(gather, iova + i * pt_page_size(f), iova + (i + 1) * pt_page_size(f) - 1);
		cleared++;
	}
	return cleared;
}

/* Clears every leaf of a range that cuts none; returns the bytes that were mapped. */
PT_INLINE size_t pt_clear_range(const struct pt_format *f, const struct piommu_pt *pt, uint64_t at, uint64_t end,
				struct piommu_gather *gather)
{
	struct pt_dirty dirty = { NULL, NULL };
	size_t total = 0;

	for (struct pt_spot spot; at != end; at = pt_next(f, at, end, spot.level)) {
		unsigned cleared = 0;
		unsigned n = 1;

		spot = pt_find(f, pt, at, 1);
		if (spot.level == 1) {
			n = pt_run_length(f, at, end);
			cleared =
				pt_clear_rest(f, spot.entry, n, pt_run_clear(spot.entry, n, f->present, pt->wide), at, gather);
		} else if (pt_is_present(f, spot.value)) {
			entry_store(spot.entry, 0);
			piommu_gather_add(gather, at, at + pt_span(f, spot.level) - 1);
			cleared = 1;
		}
		if (cleared)
			pt_dirty_add(pt, &dirty, spot.entry, n);
		total += cleared * pt_span(f, spot.level);
	}
	pt_dirty_flush(pt, &dirty);
	return total;
}

/* Takes out the tables of a cleared range, level by level from the leaves up, where it holds two or more of a level. */
PT_INLINE void pt_unlink_range(const struct pt_format *f, const struct piommu_pt *pt, uint64_t start, uint64_t end,
			       struct piommu_gather *gather)
{
	for (unsigned level = 1; level < pt->levels; level++) {
		uint64_t span = pt_span(f, level + 1);
		uint64_t first = align_up(start, span);
		uint64_t stop = align_down(end, span);

		if (stop <= first || stop - first < 2 * span)
			return;
		pt_unlink_tables(f, pt, first, stop, level, gather);
	}
}

/* A range of exactly the super page that is there. Says whether it was one, and then it is cleared. */
PT_INLINE bool pt_unmap_super_page(const struct pt_format *f, const struct piommu_pt *pt, uint64_t iova, size_t len,
				   struct piommu_gather *gather)
{
	struct pt_spot spot = pt_find(f, pt, iova, 1);

	if (pt->writeback || !pt_is_present(f, spot.value) || (spot.value & f->group) || len != pt_span(f, spot.level) ||
	    !is_aligned(iova, len))
		return false;
	entry_store(spot.entry, 0);
	piommu_gather_add(gather, iova, iova + (len - 1));
	return true;
}

PT_INLINE int pt_unmap_slow(const struct pt_format *f, struct piommu_pt *pt, uint64_t iova, size_t len,
			    struct piommu_gather *gather, size_t *unmapped)
{
	uint64_t end = iova + len;

	if (!pt_in_width(pt, iova, len))
		return -ERANGE;
	if (pt_unmap_super_page(f, pt, iova, len, gather)) {
		*unmapped = len;
		return 0;
	}
	if (pt_cuts_leaf(f, pt, iova) || pt_cuts_leaf(f, pt, end))
		return -EXDEV;
	*unmapped = pt_clear_range(f, pt, iova, end, gather);
	pt_unlink_range(f, pt, iova, end, gather);
	pt_writeback_wait(pt);
	return 0;
}

/* Clears a run within one leaf table, if all of it is mapped. */
PT_INLINE bool pt_unmap_run(const struct pt_format *f, uint64_t *entry, size_t len)
{
	unsigned n = (unsigned)(len >> f->page_lg2);

	if (!pt_is_present(f, pt_run_fold(entry, n, false).all))
		return false;
	pt_run_store(entry, n, 0, 0, false);
	return true;
}

#endif
