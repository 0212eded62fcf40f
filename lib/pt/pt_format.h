/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What tells one page-table format from another: a few constants and pure functions of one entry. A format is the
 * `static const` object `format` in a file of its own, which then includes pt_entry_points.h, so that everything here folds into
 * the walkers; an `extern` one would bring indirect calls back (test/style disassembles the objects).
 *
 * What the walkers rely on in every format:
 * - entries are 8 bytes, tables are pages, an entry of zero is not present and nothing else is;
 * - in the bits below a page's address, no entry above level 1 but a table's equals make_table(0); and where units snoop and
 *   addresses end at straight_bits, a table's entry is its address and make_table(0), not a bit more;
 * - the leaf of the next page is the leaf of this one plus the page size, up to the next multiple of 1 << straight_bits;
 * - I/O addresses have at most 57 bits, so that the end of a range always fits 64.
 */
#ifndef PT_FORMAT_H
#define PT_FORMAT_H

#include <stdbool.h>
#include <stdint.h>

#include "piommu_bits.h"

struct pt_format {
	unsigned page_lg2;  /* of a leaf of level 1, and of a table */
	unsigned index_lg2; /* of the entries of a table */
	/* Widths of I/O addresses: from, to, and whether also those whose root is not exactly one full table. */
	unsigned iova_bits_min;
	unsigned iova_bits_max;
	bool any_width;
	unsigned root_tables_lg2; /* so many tables may stand side by side as the root, where that saves a level */
	/*
	 * What most trees have, and for which the straight way is straightest. Others have one level less, which is the least there
	 * is, or one more.
	 */
	unsigned usual_levels;
	unsigned pa_bits_max;
	unsigned straight_bits; /* physical addresses of so many bits lie in an entry as they are */

	uint64_t leaf_sizes; /* bit n: leaves of 1 << n bytes exist */
	/*
	 * Groups: so many (log2) leaves side by side in a table of level 1 or 2, aligned and contiguous, may be marked with the bits
	 * `group`, and hardware then caches them as one leaf. They are one here too. 0: no such thing.
	 */
	uint64_t group;
	unsigned group_lg2[3]; /* by level; that of level 0 is not used */
	uint64_t leaf_bits;    /* bits that piommu_pt.leaf_bits may set */
	/*
	 * A bit of a table entry that hardware ignores: set while the entry may not have been written back to memory. Used
	 * for walkers that do not snoop, and there only until the table is installed.
	 */
	uint64_t pending;
	uint64_t present; /* an entry is present that has one of these bits */

	uint64_t (*make_table)(uint64_t pa);
	uint64_t (*make_leaf)(uint64_t pa, unsigned level, unsigned prot);
	bool (*is_leaf)(uint64_t entry, unsigned level); /* of a present entry */
	uint64_t (*address)(uint64_t entry);             /* of a table or a leaf, whose other bits may be in its low ones */
	unsigned (*prot_of)(uint64_t entry);
};

#define PT_INLINE static inline __attribute__((always_inline))

/* Of entries that were and-ed: all of them are, if the result is. */
PT_INLINE bool pt_is_present(const struct pt_format *f, uint64_t entry)
{
	return (entry & f->present) != 0;
}

/* Log2 of what one entry of a table of `level` covers. */
PT_INLINE unsigned pt_shift(const struct pt_format *f, unsigned level)
{
	return f->page_lg2 + f->index_lg2 * (level - 1);
}

PT_INLINE uint64_t pt_span(const struct pt_format *f, unsigned level)
{
	return BIT64(pt_shift(f, level));
}

PT_INLINE uint64_t pt_page_size(const struct pt_format *f)
{
	return BIT64(f->page_lg2);
}

/* Not of the root's level: its table may have fewer or more entries. There every bit above the shift counts. */
PT_INLINE unsigned pt_index(const struct pt_format *f, uint64_t iova, unsigned level)
{
	return (unsigned)(iova >> pt_shift(f, level)) & ((1u << f->index_lg2) - 1);
}

#endif
