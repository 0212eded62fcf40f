/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A cache from inside: what iova_cache.c, which takes pages and puts them, and refill.c, by which arenas come and go, know of it. Its own
 * thread's, but for what is said to be read or written by others.
 */
#ifndef IOVA_CACHE_INSIDE_H
#define IOVA_CACHE_INSIDE_H

#include "space.h"

struct iova_cache {
	/*
	 * The hand: pages of one word, all that were free there, taken out of its arena. Single pages come from it alone: what is put
	 * back meanwhile goes to the arena, so that taking a page and putting one do not wait for each other's stores. Read by others.
	 */
	_Atomic uint64_t hand;
	_Atomic uint64_t hand_iova; /* of bit 0 */
	struct arena *current;      /* that it is of; on no shelf. NULL: none */
	_Atomic uint64_t raised;    /* how often it was filled; counted before */
	_Atomic uint64_t lowered;   /* how often pages went from the hand back to the arena; under the space's lock */

	/* An arena of its own where pages were last taken or put: the directory need not say so. */
	uint64_t last_start; /* of no meaning where there is no last one */
	struct arena *last;  /* NULL: none */

	struct shelves shelves;
	struct directory directory; /* the space's */
	struct iova_space *space;
	unsigned keep;
	struct arena *inbox; /* mail taken out of the box, and not yet looked at */
	struct iova_cache *next_spare;

	alignas(64) _Atomic(struct arena *) mailbox; /* anyone pushes; all of it is taken at once */
};

static inline void cache_remember(struct iova_cache *cache, struct arena *arena)
{
	cache->last_start = arena->start;
	cache->last = arena;
}

/** Puts what is left in the hand back. */
void cache_lower_hand(struct iova_cache *cache) EXCLUDES(cache->space->lock);
/** Moves an arena to the shelf where it belongs. */
void cache_settle(struct iova_cache *cache, struct arena *arena);

/** Makes room for `shelf`, on the shelves or in the current arena. @return 0; -ENOSPC; -ENOMEM */
int cache_refill(struct iova_cache *cache, unsigned shelf) EXCLUDES(cache->space->lock);
/** Gives half of the empty arenas up. */
void cache_trim(struct iova_cache *cache) EXCLUDES(cache->space->lock);
/** An arena without an owner becomes the cache's. False: it has one. */
bool cache_adopt(struct iova_cache *cache, struct arena *arena) EXCLUDES(cache->space->lock);
/** As iova_cache.h has it, for the analysis. */
void iova_cache_destroy(struct iova_cache *cache) EXCLUDES(cache->space->lock);
/** Puts pages into an arena that is another cache's, or nobody's. */
void cache_put_remote(struct iova_space *space, struct arena *arena, unsigned page, unsigned n) EXCLUDES(space->lock);

#endif
