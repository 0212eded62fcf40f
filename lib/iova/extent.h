/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Extents of pages in a treap, ordered by address; every node knows, for each alignment up to 2 MiB, the most pages from a multiple of
 * it on that an extent below has, and the largest block of a power of two, aligned to itself, that fits in one. Priorities are a hash of the address a node was made for: the same
 * calls make the same tree. Not locked.
 */
#ifndef IOVA_EXTENT_H
#define IOVA_EXTENT_H

#include <stdint.h>

#define EXTENT_ALIGNS 10u /* 1 to 512 pages */

struct extent {
	uint64_t first; /* page numbers */
	uint64_t last;
	uint64_t room[EXTENT_ALIGNS]; /* pages from the first multiple of 1 << i on, of this extent and all below: the most */
	unsigned order;               /* log2 of the largest aligned block, likewise */
	uint32_t priority;
	struct extent *left, *right;
};

/** NULL when there is no memory. */
struct extent *extent_make(uint64_t first, uint64_t last);
void extent_free_all(struct extent *root);

/** Extents of one tree do not overlap. */
void extent_insert(struct extent **root, struct extent *extent);
/** Takes out the extent that starts at `first`, or returns NULL. */
struct extent *extent_remove(struct extent **root, uint64_t first);

/** The first extent that ends at `page` or later, or NULL. */
struct extent *extent_at_or_after(struct extent *root, uint64_t page);
/**
 * The lowest extent that holds `n` pages at a multiple of `align` (a power of two); `*at` is where. NULL: none does. Of alignments above
 * 2 MiB it prefers extents with an aligned block as large, and of the others it looks at 256: NULL may be wrong there.
 */
struct extent *extent_find_fit(struct extent *root, uint64_t n, uint64_t align, uint64_t *at);
/** The same from page `from` on. The tree is as before. */
struct extent *extent_find_fit_from(struct extent **root, uint64_t from, uint64_t n, uint64_t align, uint64_t *at);

#endif
