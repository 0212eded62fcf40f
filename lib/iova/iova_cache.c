/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A thread's arenas. Its own thread takes pages from them and puts them back with plain stores: no lock, no locked instruction. Other
 * threads put pages into an arena's `remote` words and mail the arena to its owner, once, until the owner has collected it: when its
 * own arenas have no room for what it wants. Only then does it ask the depot, with the space's lock.
 *
 * An arena that loses its owner is the space's until another cache gets it, or puts pages back into it. Mail may reach a cache that
 * does not own the arena any more, or is destroyed: who sends it looks again afterwards, and who finds it passes it on.
 */
#include <errno.h>
#include <stdlib.h>

#include "space.h"

#define KEEP_MAX 16u  /* empty arenas */
#define KEEP_PART 64u /* and no more than this part of the aperture */
#define BATCH 4u      /* empty arenas got at once */
#define COLLECT 8u    /* arenas looked at in the inbox before the depot is asked */
#define ORPHANS 32u   /* arenas given up without letting go of the lock */

#define WORD_LG2 (ARENA_PAGE_LG2 + 6u) /* bytes of address behind a word of an arena */

struct iova_cache {
	struct shelves shelves;
	struct directory directory; /* the space's */
	struct iova_space *space;
	unsigned keep;
	/*
	 * The word where pages were last taken or put, of an arena of its own. What is freed there need not wait until the directory
	 * has said where that is: half of the time that a page taken and put takes.
	 */
	struct {
		uint64_t start;      /* address of its first page; NOWHERE: none */
		struct arena *arena; /* NULL: none */
		unsigned word;
	} last;
	struct arena *inbox; /* mail taken out of the box, and not yet looked at */
	struct iova_cache *next_spare;

	alignas(64) _Atomic(struct arena *) mailbox; /* anyone pushes; all of it is taken at once */
};

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
	}
	/* Of one that was destroyed, the mailbox may still be used. */
	cache->shelves = (struct shelves){ 0 };
	cache->directory = space->directory;
	cache->space = space;
	cache->keep = keep > KEEP_MAX ? KEEP_MAX : (unsigned)keep + !keep;
	cache->inbox = NULL;
	cache->last.arena = NULL;
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

static inline void remember(struct iova_cache *cache, struct arena *arena, unsigned word)
{
	cache->last.start = arena->start + ((uint64_t)word << WORD_LG2);
	cache->last.arena = arena;
	cache->last.word = word;
}

/* ---- Mail ---- */

static void push(struct iova_cache *cache, struct arena *arena)
{
	struct arena *first = atomic_load_explicit(&cache->mailbox, memory_order_relaxed);

	do {
		arena->mail_next = first;
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

		list = arena->mail_next;
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
		arena->mail_next = NULL;
		pass_on(space, arena);
	}
	mutex_unlock(&space->lock);
}

static void put_remote(struct iova_space *space, struct arena *arena, unsigned page, unsigned n)
{
	arena_put_remote(arena, page, n);
	/* Nearly always it is mailed already: looked at without a locked instruction. */
	if (!atomic_load_explicit(&arena->mailed, memory_order_seq_cst) &&
	    !atomic_exchange_explicit(&arena->mailed, true, memory_order_seq_cst))
		mail(space, arena);
}

/* Collects at most `n` arenas, until one has room for `shelf`. */
static bool collect(struct iova_cache *cache, unsigned shelf, unsigned n)
{
	while (n-- && !(cache->shelves.filled >> shelf)) {
		struct arena *arena;

		if (!cache->inbox)
			cache->inbox = take_mail(cache);
		arena = cache->inbox;
		if (!arena)
			break;
		cache->inbox = arena->mail_next;
		if (atomic_load_explicit(&arena->owner, memory_order_relaxed) == cache) {
			arena_collect(arena);
			shelf_move(&cache->shelves, arena, arena_room(arena));
		} else {
			arena->mail_next = NULL;
			mutex_lock(&cache->space->lock);
			pass_on(cache->space, arena);
			mutex_unlock(&cache->space->lock);
		}
	}
	return cache->shelves.filled >> shelf;
}

/* ---- To and from the space ---- */

/* Gives half of the empty arenas up. Only the first one may not be what its shelf says, and that one stays. */
static void trim(struct iova_cache *cache)
{
	struct shelves *shelves = &cache->shelves;

	mutex_lock(&cache->space->lock);
	while (shelves->nwhole > cache->keep / 2 + 1) {
		struct arena *last = shelves->first[SHELF_WHOLE]->prev;

		if (cache->last.arena == last)
			cache->last.arena = NULL;
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

/* Makes room for `shelf`. */
static int refill(struct iova_cache *cache, unsigned shelf)
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

/* ---- Allocation ---- */

static inline void hand_out(struct iova_cache *cache, struct arena *arena, unsigned page, uint64_t *iova,
			    struct iova_block **block)
{
	remember(cache, arena, page / 64);
	*iova = arena->start + ((uint64_t)page << ARENA_PAGE_LG2);
	*block = &arena->block;
}

static int alloc(struct iova_cache *cache, unsigned n, unsigned shelf, uint64_t *iova, struct iova_block **block)
{
	struct shelves *shelves = &cache->shelves;

	for (;;) {
		unsigned filled = shelves->filled >> shelf << shelf;
		struct arena *arena;
		int page;

		if (!filled) {
			int err = refill(cache, shelf);

			if (err)
				return err;
			continue;
		}
		arena = shelves->first[ctz_u64(filled)];
		page = arena_take(arena, n, shelf - 1);
		if (page >= 0) {
			hand_out(cache, arena, (unsigned)page, iova, block);
			return 0;
		}
		shelf_move(shelves, arena, arena_room(arena));
	}
}

int iova_cache_alloc(struct iova_cache *cache, unsigned npages, uint64_t *iova, struct iova_block **block)
{
	if (npages == 1 && cache->shelves.filled) {
		struct arena *arena = cache->shelves.first[__builtin_ctz(cache->shelves.filled)];

		if (arena->words) {
			unsigned i = (unsigned)__builtin_ctz(arena->words);
			uint64_t word = arena_word(arena->free, i);

			arena_set_free(arena, i, word & (word - 1));
			if (!(word & (word - 1)))
				arena->words &= (uint8_t)(arena->words - 1);
			hand_out(cache, arena, i * 64 + ctz_u64(word), iova, block);
			return 0;
		}
	}
	if (npages - 1 >= IOVA_ARENA_PAGES)
		return -EINVAL;
	return alloc(cache, npages, 1 + ilog2_u64(npages) + !is_pow2(npages), iova, block);
}

struct iova_block *iova_cache_block(struct iova_cache *cache, uint64_t iova)
{
	struct arena *arena = directory_find(&cache->directory, iova);

	return arena ? &arena->block : NULL;
}

/* ---- Free ---- */

static bool adopt(struct iova_cache *cache, struct arena *arena)
{
	bool mine;

	mutex_lock(&cache->space->lock);
	mine = depot_get_this(cache->space, arena, cache);
	if (mine)
		shelf_add(&cache->shelves, arena, arena->shelf);
	mutex_unlock(&cache->space->lock);
	return mine;
}

/* Pages of its own were put: a larger block may be whole again. */
static void rise(struct iova_cache *cache, struct arena *arena, unsigned page, unsigned n)
{
	unsigned room = arena_room_with(arena, arena->shelf, page, n);

	if (room == arena->shelf)
		return;
	shelf_move(&cache->shelves, arena, room);
	if (cache->shelves.nwhole > cache->keep + 1)
		trim(cache);
}

/* Allocated pages of one arena, whoever owns it. */
static __attribute__((noinline)) void put(struct iova_cache *cache, struct arena *arena, unsigned page, unsigned npages)
{
	struct iova_cache *owner = atomic_load_explicit(&arena->owner, memory_order_relaxed);

	if (owner != cache && (owner || !adopt(cache, arena))) {
		put_remote(cache->space, arena, page, npages);
		return;
	}
	arena_put(arena, page, npages);
	if (arena->shelf < SHELF_WHOLE)
		rise(cache, arena, page, npages);
}

/* Not of the last arena, or of several words, or not of its own, or not allocated. */
static __attribute__((noinline)) int find_and_put(struct iova_cache *cache, uint64_t iova, unsigned npages)
{
	struct arena *arena = directory_find(&cache->directory, iova);
	unsigned page = arena_page_of(iova);

	if (!arena || iova % BIT64(ARENA_PAGE_LG2) || npages - 1 >= IOVA_ARENA_PAGES - page ||
	    !arena_is_taken(arena, page, npages))
		return -ENOENT;
	put(cache, arena, page, npages);
	if (atomic_load_explicit(&arena->owner, memory_order_relaxed) == cache)
		remember(cache, arena, page / 64);
	return 0;
}

int iova_cache_free(struct iova_cache *cache, uint64_t iova, unsigned npages)
{
	unsigned bit = arena_page_of(iova) % 64, i = cache->last.word;
	struct arena *arena = cache->last.arena;
	uint64_t part, word;

	/* Beyond the word, or not at a page. */
	if (!arena || (iova - cache->last.start) & ~GENMASK64(WORD_LG2 - 1, ARENA_PAGE_LG2) || npages - 1 >= 64 - bit)
		return find_and_put(cache, iova, npages);
	part = arena_ones(npages) << bit;
	word = arena_word(arena->free, i);
	if ((word | arena_word(arena->remote, i)) & part)
		return -ENOENT;
	arena_set_free(arena, i, word | part);
	/* Seldom: without a store, the next allocation does not wait for this call. */
	if (!(arena->words >> i & 1))
		arena->words |= (uint8_t)(1u << i);
	if (arena->shelf < SHELF_WHOLE)
		rise(cache, arena, i * 64 + bit, npages);
	return 0;
}

void iova_cache_put(struct iova_cache *cache, struct iova_block *block, uint64_t iova, unsigned npages)
{
	struct arena *arena = arena_of_block(block);
	unsigned page = arena_page_of(iova), i = page / 64;

	if (npages > 1 || atomic_load_explicit(&arena->owner, memory_order_relaxed) != cache) {
		put(cache, arena, page, npages);
		return;
	}
	arena_set_free(arena, i, arena_word(arena->free, i) | BIT64(page % 64));
	if (!(arena->words >> i & 1))
		arena->words |= (uint8_t)(1u << i);
	if (arena->shelf < SHELF_WHOLE && arena_block_free(arena, page, arena->shelf))
		rise(cache, arena, page, 1);
}
