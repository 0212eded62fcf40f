/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Taking pages from a thread's arenas, and putting them back: plain stores, no lock, no locked instruction, but for pages of another
 * thread's arenas. Single pages come from the hand; more than one from the arena on the lowest shelf that has room for them.
 */
#include <errno.h>

#include "cache.h"
#include "piommu_yield.h"

#define WORD_LG2 (ARENA_PAGE_LG2 + 6u) /* bytes of address behind a word of an arena */
#define HAND_LEN BIT64(WORD_LG2)

/* ---- The hand ---- */

/*
 * Others look whether a page is in the hand or in its arena: on its way from the arena it is in both, and on its way back, which is
 * seldom, too; who did not see it here, nor there, nor here again, looks at `lowered`. `raised` tells them whether what they read of the
 * hand is of one time. Hence the releases.
 */
static void raise_hand(struct iova_cache *cache, struct arena *arena)
{
	unsigned i = ctz_u64(arena->rooms) / 8;

	atomic_store_explicit(&cache->raised, atomic_load_explicit(&cache->raised, memory_order_relaxed) + 1,
			      memory_order_release);
	atomic_store_explicit(&cache->hand_iova, arena->start + i * HAND_LEN, memory_order_release);
	atomic_store_explicit(&cache->hand, arena_word(arena->free, i), memory_order_release);
	atomic_store_explicit(&arena->free[i], 0, memory_order_release);
	arena_set_room(arena, i, 0);
	cache_remember(cache, arena);
}

/*
 * Some of the pages, all of one arena, are in it. Where another hand was raised meanwhile, all pages of the one before were allocated: those
 * that are asked for are not in it, whatever address it is read with.
 */
static bool in_hand(const struct iova_cache *cache, uint64_t iova, unsigned n)
{
	uint64_t raised = atomic_load_explicit(&cache->raised, memory_order_acquire);
	uint64_t hand = atomic_load_explicit(&cache->hand, memory_order_acquire);
	unsigned page = arena_page_of(iova), at;
	uint64_t start;

	PIOMMU_YIELD("the hand is read, its address is not");
	start = atomic_load_explicit(&cache->hand_iova, memory_order_acquire);
	at = arena_page_of(start);
	if ((iova ^ start) >> ARENA_LG2 || page >= at + 64 || at >= page + n)
		return false;
	return hand & arena_part(page, n, at / 64) && atomic_load_explicit(&cache->raised, memory_order_relaxed) == raised;
}

/* ---- Allocation ---- */

/* The hand is empty: takes another word, of another arena when the current one has none. */
static int raise_new_hand(struct iova_cache *cache)
{
	struct shelves *shelves = &cache->shelves;

	for (;;) {
		struct arena *arena = cache->current;
		int err;

		if (arena && arena->rooms) {
			raise_hand(cache, arena);
			return 0;
		}
		if (shelves->filled) {
			if (arena)
				shelf_add(shelves, arena, 0);
			arena = shelves->first[ctz_u64(shelves->filled)];
			shelf_remove(shelves, arena);
			arena->shelf = SHELF_HAND;
			cache->current = arena;
			continue;
		}
		err = cache_refill(cache, 1);
		if (err)
			return err;
	}
}

static inline void take_from_hand(struct iova_cache *cache, uint64_t hand, uint64_t *iova, struct iova_block **block)
{
	atomic_store_explicit(&cache->hand, hand & (hand - 1), memory_order_release);
	*iova = atomic_load_explicit(&cache->hand_iova, memory_order_relaxed) + (ctz_u64(hand) << ARENA_PAGE_LG2);
	*block = &cache->current->block;
}

static inline void hand_out(struct iova_cache *cache, struct arena *arena, unsigned page, uint64_t *iova,
			    struct iova_block **block)
{
	cache_remember(cache, arena);
	*iova = arena->start + ((uint64_t)page << ARENA_PAGE_LG2);
	*block = &arena->block;
}

static bool take(struct iova_cache *cache, struct arena *arena, unsigned n, unsigned order, uint64_t *iova,
		 struct iova_block **block)
{
	int page = arena_take(arena, n, order);

	if (page < 0)
		return false;
	hand_out(cache, arena, (unsigned)page, iova, block);
	return true;
}

/* Where no other arena has room. */
static bool take_current(struct iova_cache *cache, unsigned n, unsigned order, uint64_t *iova, struct iova_block **block)
{
	if (!cache->current)
		return false;
	cache_lower_hand(cache);
	return take(cache, cache->current, n, order, iova, block);
}

/* Two pages and more, from an arena on a shelf, or where there is none from the current one. */
static __attribute__((noinline)) int alloc_slow(struct iova_cache *cache, unsigned n, uint64_t *iova, struct iova_block **block)
{
	unsigned order = 1 + ilog2_u64(n - 1), shelf = 1 + order;
	struct shelves *shelves = &cache->shelves;

	for (;;) {
		unsigned filled = shelves->filled >> shelf << shelf;
		struct arena *arena;

		if (!filled) {
			int err;

			if (take_current(cache, n, order, iova, block))
				return 0;
			err = cache_refill(cache, shelf);
			if (err)
				return err;
			continue;
		}
		arena = shelves->first[ctz_u64(filled)];
		if (take(cache, arena, n, order, iova, block))
			return 0;
		cache_settle(cache, arena);
	}
}

/* The first word that is looked at nearly always has them. */
static __attribute__((noinline)) int alloc_some(struct iova_cache *cache, unsigned n, uint64_t *iova, struct iova_block **block)
{
	unsigned order, filled;

	if (n - 2 > 62)
		return n - 1 < IOVA_ARENA_PAGES ? alloc_slow(cache, n, iova, block) : -EINVAL;
	order = 1 + ilog2_u64(n - 1);
	filled = cache->shelves.filled >> order & ~1u;
	if (filled) {
		struct arena *arena = cache->shelves.first[(unsigned)__builtin_ctz(filled) + order];
		uint64_t left = arena_try(arena, order);

		if (left) {
			unsigned i = (unsigned)__builtin_ctzll(left) / 8;
			uint64_t blocks = arena_blocks_of(arena_word(arena->free, i), order);

			if (blocks) {
				hand_out(cache, arena, arena_take_at(arena, i, ctz_u64(blocks), n), iova, block);
				return 0;
			}
		}
	}
	return alloc_slow(cache, n, iova, block);
}

/* The hand is empty. */
static __attribute__((noinline)) int alloc_one(struct iova_cache *cache, uint64_t *iova, struct iova_block **block)
{
	int err = raise_new_hand(cache);

	if (!err)
		take_from_hand(cache, atomic_load_explicit(&cache->hand, memory_order_relaxed), iova, block);
	return err;
}

int iova_cache_alloc(struct iova_cache *cache, unsigned npages, uint64_t *iova, struct iova_block **block)
{
	uint64_t hand = atomic_load_explicit(&cache->hand, memory_order_relaxed);

	if (npages != 1)
		return alloc_some(cache, npages, iova, block);
	if (__builtin_expect(!hand, 0))
		return alloc_one(cache, iova, block);
	take_from_hand(cache, hand, iova, block);
	return 0;
}

struct iova_block *iova_cache_block(struct iova_cache *cache, uint64_t iova)
{
	struct arena *arena = directory_find(&cache->directory, iova);

	return arena ? &arena->block : NULL;
}

/* ---- Free ---- */

static void settle_and_trim(struct iova_cache *cache, struct arena *arena)
{
	cache_settle(cache, arena);
	if (cache->shelves.nwhole > cache->keep + 1)
		cache_trim(cache);
}

/* Pages of word `i` were put: a larger block may be whole again. */
static __attribute__((noinline)) void put_measured(struct iova_cache *cache, struct arena *arena, unsigned i)
{
	if (arena_measure_word(arena, i))
		settle_and_trim(cache, arena);
}

static void put_own(struct iova_cache *cache, struct arena *arena, unsigned page, unsigned n)
{
	/* The first arena of the last shelf, or the current one, need not say what they have until something is not found there. */
	bool guess = arena->shelf >= SHELF_WHOLE;

	if (arena_put(arena, page, n, guess) && !guess)
		settle_and_trim(cache, arena);
}

/* Allocated pages of one arena, whoever owns it. */
static __attribute__((noinline)) void put(struct iova_cache *cache, struct arena *arena, unsigned page, unsigned n)
{
	struct iova_cache *owner = atomic_load_explicit(&arena->owner, memory_order_relaxed);

	if (owner == cache || (!owner && cache_adopt(cache, arena)))
		put_own(cache, arena, page, n);
	else
		cache_put_remote(cache->space, arena, page, n);
}

static bool seems_taken(struct arena *arena, const struct iova_cache *owner, uint64_t iova, unsigned n)
{
	if (owner && in_hand(owner, iova, n))
		return false;
	PIOMMU_YIELD("not in the hand");
	if (!arena_is_taken(arena, arena_page_of(iova), n))
		return false;
	PIOMMU_YIELD("not in the arena");
	return !owner || !in_hand(owner, iova, n);
}

/*
 * Of an arena that may be another cache's. Whoever knows of an allocation sees its pages in none of the places, at any time. A free one may
 * be missed as often as its owner takes it into the hand and puts it back: not with the lock, without which it is not put back, and the
 * arena does not change its owner.
 */
static bool is_taken(struct iova_space *space, struct arena *arena, uint64_t iova, unsigned n)
{
	struct iova_cache *owner = atomic_load_explicit(&arena->owner, memory_order_acquire);
	uint64_t lowered = owner ? atomic_load_explicit(&owner->lowered, memory_order_acquire) : 0;
	bool taken = seems_taken(arena, owner, iova, n);

	if (!taken || (atomic_load_explicit(&arena->owner, memory_order_acquire) == owner &&
		       (!owner || atomic_load_explicit(&owner->lowered, memory_order_relaxed) == lowered)))
		return taken;
	mutex_lock(&space->lock);
	taken = seems_taken(arena, atomic_load_explicit(&arena->owner, memory_order_relaxed), iova, n);
	mutex_unlock(&space->lock);
	return taken;
}

/* Not of an own arena, or of several words, or perhaps not allocated. */
static __attribute__((noinline)) int check_and_put(struct iova_cache *cache, struct arena *arena, uint64_t iova,
						   unsigned npages)
{
	unsigned page = arena_page_of(iova);

	if (!arena || iova % BIT64(ARENA_PAGE_LG2) || npages - 1 >= IOVA_ARENA_PAGES - page ||
	    !is_taken(cache->space, arena, iova, npages))
		return -ENOENT;
	put(cache, arena, page, npages);
	return 0;
}

/* Pages of a word of an own arena are put. */
static inline void put_part(struct iova_cache *cache, struct arena *arena, unsigned i, uint64_t part)
{
	arena_set_free(arena, i, arena_word(arena->free, i) | part);
	if (__builtin_expect(arena_may_be_whole(arena, i), 1))
		return;
	if (arena->shelf >= SHELF_WHOLE)
		arena_guess_room(arena, i);
	else
		put_measured(cache, arena, i);
}

/* Nothing is in `remote`: else the arena would be mailed. */
static inline bool is_plain(const struct arena *arena)
{
	return !atomic_load_explicit(&arena->mailed, memory_order_relaxed) &&
	       !atomic_load_explicit(&arena->lacks, memory_order_relaxed);
}

/* Of a word of an own arena that is plain. */
static inline int free_part(struct iova_cache *cache, struct arena *arena, uint64_t iova, unsigned npages)
{
	unsigned i = arena_page_of(iova) / 64, bit = arena_page_of(iova) % 64;
	uint64_t free = arena_word(arena->free, i);

	if (iova - atomic_load_explicit(&cache->hand_iova, memory_order_relaxed) < HAND_LEN)
		free |= atomic_load_explicit(&cache->hand, memory_order_relaxed);
	if (free >> bit & arena_ones(npages))
		return -ENOENT;
	put_part(cache, arena, i, arena_ones(npages) << bit);
	return 0;
}

/* Not of the last arena, or of several words. */
static __attribute__((noinline)) int find_and_free(struct iova_cache *cache, uint64_t iova, unsigned npages)
{
	struct arena *arena = directory_find(&cache->directory, iova);

	if (!arena || iova % BIT64(ARENA_PAGE_LG2) || npages - 1 >= 64 - arena_page_of(iova) % 64 ||
	    atomic_load_explicit(&arena->owner, memory_order_relaxed) != cache || !is_plain(arena))
		return check_and_put(cache, arena, iova, npages);
	return free_part(cache, arena, iova, npages);
}

int iova_cache_free(struct iova_cache *cache, uint64_t iova, unsigned npages)
{
	struct arena *arena = cache->last;

	if (!arena || (iova - cache->last_start) & ~GENMASK64(ARENA_LG2 - 1, ARENA_PAGE_LG2) ||
	    npages - 1 >= 64 - arena_page_of(iova) % 64 || !is_plain(arena))
		return find_and_free(cache, iova, npages);
	return free_part(cache, arena, iova, npages);
}

void iova_cache_put(struct iova_cache *cache, struct iova_block *block, uint64_t iova, unsigned npages)
{
	struct arena *arena = arena_of_block(block);
	unsigned page = arena_page_of(iova), i = page / 64, bit = page % 64;

	if (npages > 64 - bit || atomic_load_explicit(&arena->owner, memory_order_relaxed) != cache)
		put(cache, arena, page, npages);
	else
		put_part(cache, arena, i, npages == 1 ? BIT64(bit) : arena_ones(npages) << bit);
}
