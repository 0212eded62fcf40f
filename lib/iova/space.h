/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What iova.c (extents), depot.c (arenas that no cache owns) and iova_cache.c (those that one does) know of a space. The lock is a leaf
 * and guards all that has no word of its own; it is held for one arena, or a few, at a time.
 */
#ifndef IOVA_SPACE_H
#define IOVA_SPACE_H

#include "extent.h"
#include "lock.h"
#include "shelf.h"

struct directory_slot {
	_Atomic(struct arena *) arena;
};

/** From an address to its arena. Entries are set once, and published: read without a lock. */
struct directory {
	uint64_t start;                           /* address of block 0 */
	uint64_t n;                               /* chunks */
	unsigned lg2;                             /* of the blocks of a chunk */
	_Atomic(struct directory_slot *) *chunks; /* NULL: nobody has made a cache */
};

struct slab;

struct iova_space {
	struct mutex lock RANKED(LOCK_LEAF);
	uint64_t first; /* aperture, in pages; stays */
	uint64_t last;
	uint64_t nfree GUARDED_BY(lock);
	bool zero_free GUARDED_BY(lock); /* page 0 is free, and not in `free` */
	struct extent *free GUARDED_BY(lock);
	struct extent *used GUARDED_BY(lock);

	struct directory directory; /* stays, once made */
	struct shelves depot GUARDED_BY(lock);
	struct slab *slabs GUARDED_BY(lock);       /* memory of arenas */
	struct iova_cache *spare GUARDED_BY(lock); /* caches that were destroyed: a mailbox outlives its cache */
};

/** The arena at an address, or NULL. */
static inline struct arena *directory_find(const struct directory *directory, uint64_t iova)
{
	uint64_t block = (iova - directory->start) >> ARENA_LG2;
	struct directory_slot *chunk;

	if (block >> directory->lg2 >= directory->n)
		return NULL;
	chunk = atomic_load_explicit(&directory->chunks[block >> directory->lg2], memory_order_acquire);
	return chunk ? atomic_load_explicit(&chunk[block & (BIT64(directory->lg2) - 1)].arena, memory_order_acquire) : NULL;
}

/* ---- The calls of iova.h and iova_cache.h, to whom a space is opaque: again, for the analysis of those who see its lock ---- */

int iova_space_reserve(struct iova_space *space, struct piommu_span span) EXCLUDES(space->lock);
bool iova_space_in_use(struct iova_space *space, struct piommu_span span) EXCLUDES(space->lock);
int iova_alloc(struct iova_space *space, uint64_t len, uint64_t align, uint64_t *iova) EXCLUDES(space->lock);
int iova_free(struct iova_space *space, uint64_t iova, uint64_t len) EXCLUDES(space->lock);
void iova_space_usage(struct iova_space *space, uint64_t *free_bytes, uint64_t *longest) EXCLUDES(space->lock);
int iova_cache_create(struct iova_space *space, struct iova_cache **out) EXCLUDES(space->lock);

/* ---- Extents, in pages (iova.c) ---- */

/** Adds a free extent, joined with its neighbours. */
void space_give(struct iova_space *space, struct extent *extent) REQUIRES(space->lock);
/** Without [first, last], two extents are left of `gap`. */
bool space_splits(const struct extent *gap, uint64_t first, uint64_t last);
/** Takes [first, last] out of the free extent that covers it. `spare` is used where space_splits(). */
void space_carve(struct iova_space *space, struct extent *gap, uint64_t first, uint64_t last, struct extent *spare)
	REQUIRES(space->lock);

/* ---- The depot: arenas without an owner (depot.c) ---- */

/** Makes the directory. @return 0 or -ENOMEM */
int depot_open(struct iova_space *space) EXCLUDES(space->lock);
/** Nobody uses the space. */
void depot_close(struct iova_space *space) REQUIRES(space->lock);
/** An arena with room for `shelf` changes its owner. From the space's free extents where the depot has none. @return 0; -ENOSPC; -ENOMEM */
int depot_get(struct iova_space *space, unsigned shelf, struct iova_cache *owner, struct arena **out) REQUIRES(space->lock);
/** A given one does. False: it has an owner, or no page. */
bool depot_get_this(struct iova_space *space, struct arena *arena, struct iova_cache *owner) REQUIRES(space->lock);
/** From its owner, that has it on no shelf any more. */
void depot_put(struct iova_space *space, struct arena *arena) REQUIRES(space->lock);
/** Collects what was put into an arena without an owner. */
void depot_settle(struct iova_space *space, struct arena *arena) REQUIRES(space->lock);
/** Gives up to `n` empty arenas back to the free extents. @return whether it gave so many */
bool depot_shrink(struct iova_space *space, unsigned n) REQUIRES(space->lock);
/** Some page of [first, last] is an arena's. Looks at all arenas. */
bool depot_overlaps(struct iova_space *space, uint64_t first, uint64_t last) REQUIRES(space->lock);

/* ---- Caches (iova_cache.c) ---- */

void iova_cache_free_spares(struct iova_cache *spare);

#endif
