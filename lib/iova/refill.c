/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How the arenas of a cache come and go. Other threads put pages into an arena's `remote` words and mail the arena to its owner, once,
 * until the owner has collected it: when its own arenas have no room for what it wants. Only then does it ask the depot, with the
 * space's lock.
 *
 * An arena that loses its owner is the space's until another cache gets it, or puts pages back into it. Mail may reach a cache that
 * does not own the arena any more, or is destroyed: who sends it looks again afterwards, and who finds it passes it on.
 */
#include <errno.h>
#include <stdlib.h>

#include "cache.h"

#define KEEP_MAX 16u  /* empty arenas */
#define KEEP_PART 64u /* and no more than this part of the aperture */
#define BATCH 4u      /* empty arenas got at once */
#define COLLECT 8u    /* arenas looked at in the inbox before the depot is asked */
#define ORPHANS 32u   /* arenas given up without letting go of the lock */

int iova_cache_create(struct iova_space *space, struct iova_cache **out)
{
	uint64_t keep = (space->last - space->first) / IOVA_ARENA_PAGES / KEEP_PART;
	struct iova_cache *cache;
	int err = depot_open(space);

	if (err)
		return err;
	mutex_lock(&space->lock);
	cache = space->spare;
	if (cache)
		space->spare = cache->next_spare;
	mutex_unlock(&space->lock);
	if (!cache) {
		cache = aligned_alloc(alignof(struct iova_cache), sizeof(*cache));
		if (!cache)
			return -ENOMEM;
		atomic_init(&cache->mailbox, NULL);
		atomic_init(&cache->hand, 0);
		atomic_init(&cache->hand_iova, 0);
		atomic_init(&cache->raised, 0);
		atomic_init(&cache->lowered, 0);
	}
	/* Of one that was destroyed, the mailbox may still be used, and the hand be looked at. It is empty. */
	cache->shelves = (struct shelves){ 0 };
	cache->directory = space->directory;
	cache->space = space;
	cache->keep = keep > KEEP_MAX ? KEEP_MAX : (unsigned)keep + !keep;
	cache->inbox = NULL;
	cache->current = NULL;
	cache->last = NULL;
	*out = cache;
	return 0;
}

void iova_cache_free_spares(struct iova_cache *spare)
{
	while (spare) {
		struct iova_cache *next = spare->next_spare;

		free(spare);
		spare = next;
	}
}

void cache_lower_hand(struct iova_cache *cache)
{
	uint64_t hand = atomic_load_explicit(&cache->hand, memory_order_relaxed);
	uint64_t iova = atomic_load_explicit(&cache->hand_iova, memory_order_relaxed);
	unsigned i = arena_page_of(iova) / 64;

	if (!hand)
		return;
	mutex_lock(&cache->space->lock); /* partner: is_taken() */
	arena_set_free(cache->current, i, arena_word(cache->current->free, i) | hand);
	arena_guess_room(cache->current, i);
	atomic_store_explicit(&cache->lowered, atomic_load_explicit(&cache->lowered, memory_order_relaxed) + 1,
			      memory_order_release);
	atomic_store_explicit(&cache->hand, 0, memory_order_release);
	mutex_unlock(&cache->space->lock);
}

void cache_settle(struct iova_cache *cache, struct arena *arena)
{
	unsigned room;

	arena_measure(arena);
	room = arena_room(arena);
	if (room != arena->shelf)
		shelf_move(&cache->shelves, arena, room);
}

/* ---- Mail ---- */

static void push(struct iova_cache *cache, struct arena *arena)
{
	struct arena *first = atomic_load_explicit(&cache->mailbox, memory_order_relaxed);

	do {
		arena_rest(arena)->mail_next = first;
	} while (!atomic_compare_exchange_weak_explicit(&cache->mailbox, &first, arena, memory_order_seq_cst,
							memory_order_relaxed));
}

static struct arena *take_mail(struct iova_cache *cache)
{
	return atomic_exchange_explicit(&cache->mailbox, NULL, memory_order_seq_cst);
}

/* Mail goes to the owners, which cannot change meanwhile, or is dealt with. */
static void pass_on(struct iova_space *space, struct arena *list) REQUIRES(space->lock)
{
	while (list) {
		struct arena *arena = list;
		struct iova_cache *owner = atomic_load_explicit(&arena->owner, memory_order_relaxed);

		list = arena_rest(arena)->mail_next;
		if (owner)
			push(owner, arena);
		else
			depot_settle(space, arena);
	}
}

/* Pages were put, and nobody else has mailed the arena. */
static void mail(struct iova_space *space, struct arena *arena)
{
	struct iova_cache *owner = atomic_load_explicit(&arena->owner, memory_order_relaxed);

	if (owner) {
		push(owner, arena);
		/*
		 * seq_cst, after the push: an owner that gives the arena up, to be destroyed, says so before it empties its
		 * mailbox for the last time. It is seen here, or the mail is seen there.
		 */
		if (atomic_load_explicit(&arena->owner, memory_order_seq_cst) == owner)
			return;
	}
	mutex_lock(&space->lock);
	if (owner) {
		pass_on(space, take_mail(owner));
	} else {
		arena_rest(arena)->mail_next = NULL;
		pass_on(space, arena);
	}
	mutex_unlock(&space->lock);
}

void cache_put_remote(struct iova_space *space, struct arena *arena, unsigned page, unsigned n)
{
	arena_put_remote(arena, page, n);
	/* Nearly always it is mailed already: looked at without a locked instruction. */
	if (!atomic_load_explicit(&arena->mailed, memory_order_seq_cst) &&
	    !atomic_exchange_explicit(&arena->mailed, true, memory_order_seq_cst))
		mail(space, arena);
}

/* Collects at most `n` arenas, until one has room for `shelf`, or the current one has more than before. */
static bool collect(struct iova_cache *cache, unsigned shelf, unsigned n)
{
	while (n-- && !(cache->shelves.filled >> shelf)) {
		struct arena *arena;

		if (!cache->inbox)
			cache->inbox = take_mail(cache);
		arena = cache->inbox;
		if (!arena)
			break;
		cache->inbox = arena_rest(arena)->mail_next;
		if (arena == cache->current) {
			arena_collect(arena);
			return true;
		}
		if (atomic_load_explicit(&arena->owner, memory_order_relaxed) == cache) {
			arena_collect(arena);
			cache_settle(cache, arena);
		} else {
			arena_rest(arena)->mail_next = NULL;
			mutex_lock(&cache->space->lock);
			pass_on(cache->space, arena);
			mutex_unlock(&cache->space->lock);
		}
	}
	return cache->shelves.filled >> shelf;
}

/* ---- To and from the space ---- */

/* Only the first one may not be what its shelf says, and that one stays. */
void cache_trim(struct iova_cache *cache)
{
	struct shelves *shelves = &cache->shelves;

	mutex_lock(&cache->space->lock);
	while (shelves->nwhole > cache->keep / 2 + 1) {
		struct arena *last = shelves->first[SHELF_WHOLE]->prev;

		if (cache->last == last)
			cache->last = NULL;
		shelf_remove(shelves, last);
		depot_put(cache->space, last);
	}
	mutex_unlock(&cache->space->lock);
}

static int get_arenas(struct iova_cache *cache, unsigned shelf)
{
	unsigned n = cache->keep < BATCH ? 1 : BATCH;
	struct arena *arena;
	int err = 0;

	mutex_lock(&cache->space->lock);
	for (unsigned i = 0; i < n && !err; i++) {
		if (i && !cache->space->depot.nwhole)
			break;
		err = depot_get(cache->space, shelf, cache, &arena);
		if (!err)
			shelf_add(&cache->shelves, arena, arena->shelf);
	}
	mutex_unlock(&cache->space->lock);
	return err;
}

int cache_refill(struct iova_cache *cache, unsigned shelf)
{
	int err;

	if (collect(cache, shelf, COLLECT))
		return 0;
	err = get_arenas(cache, shelf);
	return err && collect(cache, shelf, UINT32_MAX) ? 0 : err;
}

void iova_cache_destroy(struct iova_cache *cache)
{
	struct iova_space *space;
	bool more = true;

	if (!cache)
		return;
	space = cache->space;
	if (cache->current) {
		cache_lower_hand(cache);
		shelf_add(&cache->shelves, cache->current, 0); /* the depot will look */
		cache->current = NULL;
	}
	for (unsigned shelf = 0; shelf < SHELVES;) {
		mutex_lock(&space->lock);
		for (unsigned i = 0; i < ORPHANS && cache->shelves.first[shelf]; i++) {
			struct arena *arena = cache->shelves.first[shelf];

			shelf_remove(&cache->shelves, arena);
			depot_put(space, arena);
		}
		mutex_unlock(&space->lock);
		shelf += !cache->shelves.first[shelf];
	}
	mutex_lock(&space->lock);
	pass_on(space, cache->inbox);
	pass_on(space, take_mail(cache));
	mutex_unlock(&space->lock);
	while (more) {
		mutex_lock(&space->lock);
		more = depot_shrink(space, ORPHANS);
		mutex_unlock(&space->lock);
	}
	mutex_lock(&space->lock);
	cache->next_spare = space->spare;
	space->spare = cache;
	mutex_unlock(&space->lock);
}

bool cache_adopt(struct iova_cache *cache, struct arena *arena)
{
	bool mine;

	mutex_lock(&cache->space->lock);
	mine = depot_get_this(cache->space, arena, cache);
	if (mine)
		shelf_add(&cache->shelves, arena, arena->shelf);
	mutex_unlock(&cache->space->lock);
	return mine;
}
