/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What tells one page-table format from another: a few constants and pure functions of one entry. A format is a
 * `static const` object in the file of its entry points, so that everything here folds into the walkers; an `extern` one
 * would bring indirect calls back (test/style disassembles the objects).
 *
 * What the walkers rely on in every format:
 * - entries are 8 bytes, tables are pages of 512, an entry of zero is not present and nothing else is;
 * - in the low 12 bits, no entry above level 1 but a table's equals make_table(0);
 * - the leaf of the next page is the leaf of this one plus the page size;
 * - I/O addresses have at most 57 bits, so that the end of a range always fits 64.
 */
#ifndef PT_FORMAT_H
#define PT_FORMAT_H

#include <stdbool.h>
#include <stdint.h>

#define PT_PAGE_LG2 12u
#define PT_INDEX_LG2 9u
#define PT_ENTRIES (1u << PT_INDEX_LG2)
#define PT_PA_BITS_MAX 52u

struct pt_format {
	uint64_t leaf_sizes; /* bit n: leaves of 1 << n bytes exist */
	uint64_t leaf_bits;  /* bits that piommu_pt.leaf_bits may set */
	/*
	 * A bit of a table entry that hardware ignores: set while the entry may not have been written back to memory. Used
	 * for walkers that do not snoop, and there only until the table is installed.
	 */
	uint64_t pending;
	uint64_t present; /* an entry is present that has one of these bits */

	unsigned (*levels)(unsigned iova_bits); /* 0: no such width */
	uint64_t (*make_table)(uint64_t pa);
	uint64_t (*make_leaf)(uint64_t pa, unsigned level, unsigned prot);
	bool (*is_leaf)(uint64_t entry, unsigned level); /* of a present entry */
	uint64_t (*table_pa)(uint64_t entry);
	uint64_t (*leaf_pa)(uint64_t entry, unsigned level);
	unsigned (*prot_of)(uint64_t entry);
};

/* Of entries that were and-ed: all of them are, if the result is. */
static inline __attribute__((always_inline)) bool pt_is_present(const struct pt_format *f, uint64_t entry)
{
	return (entry & f->present) != 0;
}

#endif
