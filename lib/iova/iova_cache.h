/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A thread's own I/O addresses: arenas of 2 MiB, each behind one leaf table, so that a table has one writer. An arena is 512 pages in a
 * bitmap: a block of n pages is taken at a multiple of n rounded up to a power of two, and any part of it may be given back. Arenas
 * come from the space in lots and go back when they are empty; how many a cache has is not bounded. No operation searches.
 */
#ifndef IOVA_CACHE_H
#define IOVA_CACHE_H

#include "iova.h"

#define IOVA_ARENA_PAGES 512u

struct iova_cache;

/** Of an arena, for whoever maps there; the cache itself looks at neither. Zero when an arena is made. */
struct iova_block {
	/** Where its table is remembered: dies with the arena's owner. */
	void *leaf;
	/** IOVA_ARENA_PAGES of them, at the first page of a mapping: how many pages it has. The caller zeroes it before it frees them. */
	uint16_t *mapped;
};

/** Any number of caches on a space. @return 0 or -ENOMEM */
int iova_cache_create(struct iova_space *space, struct iova_cache **out);
/** Empty arenas go back to the space; the others stay with it, until all of them is given back through other caches. */
void iova_cache_destroy(struct iova_cache *cache);

/** `npages` 1 to 512, side by side in one arena. The cache's thread. @return 0; -EINVAL; -ENOSPC; -ENOMEM */
int iova_cache_alloc(struct iova_cache *cache, unsigned npages, uint64_t *iova, struct iova_block **block);
/** The arena that an address is in, of any cache of the space, now or before; NULL: in none. Any thread. */
struct iova_block *iova_cache_block(struct iova_cache *cache, uint64_t iova);
/**
 * Pages that a cache of the space allocated, all of them in one arena. A cache may come to own what others left behind, and sees pages that
 * others give back there when it wants more than it has: one that frees alone may keep them from the rest. The cache's thread.
 * @return 0; -ENOENT: some are not allocated
 */
int iova_cache_free(struct iova_cache *cache, uint64_t iova, unsigned npages);
/**
 * Pages of one arena that the caller knows to be allocated (its note of the mapping says so): nothing is checked. `block` is theirs, as
 * iova_cache_alloc() or iova_cache_block() gave it. The cache's thread.
 */
void iova_cache_put(struct iova_cache *cache, struct iova_block *block, uint64_t iova, unsigned npages);

#endif
