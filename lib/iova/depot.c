/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Arenas that no cache owns: empty ones, and those that a cache left behind with pages allocated. A cache gets the roomiest. When there
 * is none, a lot is cut out of the free extents; when those have no aligned 2 MiB left, what is free of some 2 MiB makes an arena with
 * fewer pages. Empty arenas go back to the extents when somebody asks the space for more than it has.
 *
 * The memory of an arena is found again when its 2 MiB are: so the directory only grows, and who reads it needs no lock. Any thread,
 * with the space's lock.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "space.h"

#define LOT_MAX 32u      /* arenas, and */
#define LOT_PART 16u     /* no more than this part of what is free */
#define SLAB_ARENAS 128u /* large enough for memory that the kernel zeroes when it is touched */
#define TRIES 64u        /* blocks looked at that have an arena already */

struct slab {
	struct slab *next;
	unsigned used;
	struct arena *at;
	struct arena_rest *rest;
	char memory[];
};

static uint64_t block_of(const struct iova_space *space, uint64_t page)
{
	return (page >> ARENA_ORDER) - (space->directory.start >> ARENA_LG2);
}

int depot_open(struct iova_space *space)
{
	struct directory made = { .start = space->first >> ARENA_ORDER << ARENA_LG2 };
	uint64_t last = (space->last >> ARENA_ORDER) - (space->first >> ARENA_ORDER);
	int err = 0;

	/* Half of the number in each of the two levels: memory that nobody touches costs nothing. */
	made.lg2 = last ? (ilog2_u64(last) + 2) / 2 : 0;
	made.n = (last >> made.lg2) + 1;
	mutex_lock(&space->lock);
	if (!space->directory.chunks) {
		made.chunks = calloc(made.n, sizeof(*made.chunks));
		if (made.chunks)
			space->directory = made;
		else
			err = -ENOMEM;
	}
	mutex_unlock(&space->lock);
	return err;
}

void depot_close(struct iova_space *space)
{
	struct slab *slab, *next;

	for (uint64_t i = 0; space->directory.chunks && i < space->directory.n; i++)
		free(atomic_load_explicit(&space->directory.chunks[i], memory_order_relaxed));
	free(space->directory.chunks);
	for (slab = space->slabs; slab; slab = next) {
		next = slab->next;
		free(slab);
	}
}

/* An arena without pages. */
static struct arena *make_arena(struct iova_space *space, uint64_t start) REQUIRES(space->lock)
{
	struct slab *slab = space->slabs;
	struct arena *arena;

	if (!slab || slab->used == SLAB_ARENAS) {
		slab = calloc(1, sizeof(*slab) + SLAB_ARENAS * (sizeof(struct arena) + sizeof(struct arena_rest)) +
					 alignof(struct arena) - 1);
		if (!slab)
			return NULL;
		slab->at = (struct arena *)(void *)align_up((uintptr_t)slab->memory, alignof(struct arena));
		slab->rest = (struct arena_rest *)(void *)&slab->at[SLAB_ARENAS];
		slab->next = space->slabs;
		space->slabs = slab;
	}
	arena = &slab->at[slab->used];
	arena->block.mapped = slab->rest[slab->used++].mapped;
	arena->start = start;
	atomic_init(&arena->lacks, true);
	return arena;
}

/* The arena of the 2 MiB that `page` is in, made when there never was one. NULL: no memory. */
static struct arena *arena_at(struct iova_space *space, uint64_t page) REQUIRES(space->lock)
{
	struct directory *directory = &space->directory;
	uint64_t block = block_of(space, page);
	struct directory_slot *chunk;
	struct arena *arena;

	chunk = atomic_load_explicit(&directory->chunks[block >> directory->lg2], memory_order_relaxed);
	if (!chunk) {
		chunk = calloc(BIT64(directory->lg2), sizeof(*chunk));
		if (!chunk)
			return NULL;
		atomic_store_explicit(&directory->chunks[block >> directory->lg2], chunk, memory_order_release);
	}
	block &= BIT64(directory->lg2) - 1;
	arena = atomic_load_explicit(&chunk[block].arena, memory_order_relaxed);
	if (arena)
		return arena;
	arena = make_arena(space, page >> ARENA_ORDER << ARENA_LG2);
	if (arena)
		atomic_store_explicit(&chunk[block].arena, arena, memory_order_release);
	return arena;
}

static bool has_pages(const struct arena *arena)
{
	unsigned first, end;

	return arena_run(arena, 0, &first, &end);
}

/* An arena of what is free of some 2 MiB that have none, and there is room for `shelf`. */
static int cut_part(struct iova_space *space, unsigned shelf) REQUIRES(space->lock)
{
	uint64_t n = BIT64(shelf - 1), from = space->first, at, last;
	struct arena *arena = NULL;
	struct extent *gap;

	for (unsigned i = 0;; i++) {
		if (i == TRIES || !extent_find_fit_from(&space->free, from, n, n, &at))
			return -ENOSPC;
		arena = arena_at(space, at);
		if (!arena)
			return -ENOMEM;
		if (!has_pages(arena))
			break;
		from = ((at >> ARENA_ORDER) + 1) << ARENA_ORDER;
	}
	at = at >> ARENA_ORDER << ARENA_ORDER;
	last = at + IOVA_ARENA_PAGES - 1;
	while ((gap = extent_at_or_after(space->free, at)) && gap->first <= last) {
		uint64_t first = gap->first > at ? gap->first : at;
		uint64_t end = gap->last < last ? gap->last : last;

		/* Else all of the 2 MiB were free, and a lot. */
		assert(!space_splits(gap, first, end));
		space_carve(space, gap, first, end, NULL);
		space->nfree -= end - first + 1;
		arena_add_pages(arena, (unsigned)(first - at), (unsigned)(end - at) + 1);
	}
	arena_measure(arena);
	shelf_add(&space->depot, arena, arena_room(arena));
	return 0;
}

/* Fills the depot. */
static int cut_lot(struct iova_space *space, unsigned shelf) REQUIRES(space->lock)
{
	uint64_t share = space->nfree / IOVA_ARENA_PAGES / LOT_PART;
	unsigned n = share >= LOT_MAX ? LOT_MAX : share ? 1u << ilog2_u64(share) : 1;
	struct extent *gap = NULL, *spare = NULL;
	uint64_t at;

	for (; n; n /= 2) {
		gap = extent_find_fit(space->free, n * IOVA_ARENA_PAGES, IOVA_ARENA_PAGES, &at);
		if (gap)
			break;
	}
	if (!gap)
		return cut_part(space, shelf);
	for (unsigned i = 0; i < n; i++) {
		if (!arena_at(space, at + i * IOVA_ARENA_PAGES))
			return -ENOMEM;
	}
	if (space_splits(gap, at, at + n * IOVA_ARENA_PAGES - 1)) {
		spare = extent_make(at + n * IOVA_ARENA_PAGES, gap->last);
		if (!spare)
			return -ENOMEM;
	}
	space_carve(space, gap, at, at + n * IOVA_ARENA_PAGES - 1, spare);
	space->nfree -= n * IOVA_ARENA_PAGES;
	for (unsigned i = 0; i < n; i++) {
		struct arena *arena = arena_at(space, at + i * IOVA_ARENA_PAGES);

		arena_add_pages(arena, 0, IOVA_ARENA_PAGES);
		shelf_add(&space->depot, arena, SHELF_WHOLE);
	}
	return 0;
}

static void change_owner(struct arena *arena, struct iova_cache *owner)
{
	/* Whoever still has pages there may set it at the same time. */
	__atomic_store_n(&arena->block.leaf, NULL, __ATOMIC_RELAXED);
	/* seq_cst: see mail() in iova_cache.c. */
	atomic_store_explicit(&arena->owner, owner, memory_order_seq_cst);
}

int depot_get(struct iova_space *space, unsigned shelf, struct iova_cache *owner, struct arena **out)
{
	struct arena *arena;

	if (!(space->depot.filled >> shelf)) {
		int err = cut_lot(space, shelf);

		if (err)
			return err;
	}
	arena = space->depot.first[ilog2_u64(space->depot.filled)];
	shelf_remove(&space->depot, arena);
	change_owner(arena, owner);
	*out = arena;
	return 0;
}

bool depot_get_this(struct iova_space *space, struct arena *arena, struct iova_cache *owner)
{
	if (atomic_load_explicit(&arena->owner, memory_order_relaxed) || !has_pages(arena))
		return false;
	shelf_remove(&space->depot, arena);
	change_owner(arena, owner);
	return true;
}

/* An empty arena's pages go back to the free extents. False: some did not, for lack of memory. */
static bool dissolve(struct iova_space *space, struct arena *arena) REQUIRES(space->lock)
{
	uint64_t page = arena->start >> ARENA_PAGE_LG2;
	unsigned first, end = 0;

	while (arena_run(arena, end, &first, &end)) {
		struct extent *extent = extent_make(page + first, page + end - 1);

		if (!extent)
			return false;
		arena_drop_pages(arena, first, end);
		space->nfree += end - first;
		space_give(space, extent);
	}
	return true;
}

/* On no shelf yet. Fewer than 512 pages are of use to the extents alone, once they are free. */
static void shelve(struct iova_space *space, struct arena *arena) REQUIRES(space->lock)
{
	arena_measure(arena);
	if (arena_room(arena) < SHELF_WHOLE && arena_is_empty(arena) && dissolve(space, arena))
		return;
	shelf_add(&space->depot, arena, arena_room(arena));
}

void depot_put(struct iova_space *space, struct arena *arena)
{
	change_owner(arena, NULL);
	shelve(space, arena);
}

void depot_settle(struct iova_space *space, struct arena *arena)
{
	arena_collect(arena);
	if (!has_pages(arena))
		return;
	shelf_remove(&space->depot, arena);
	shelve(space, arena);
}

bool depot_shrink(struct iova_space *space, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct arena *arena = space->depot.first[SHELF_WHOLE];

		if (!arena)
			return false;
		shelf_remove(&space->depot, arena);
		if (!dissolve(space, arena)) {
			shelf_add(&space->depot, arena, SHELF_WHOLE);
			return false;
		}
	}
	return true;
}

bool depot_overlaps(struct iova_space *space, uint64_t first, uint64_t last)
{
	for (const struct slab *slab = space->slabs; slab; slab = slab->next) {
		for (unsigned i = 0; i < slab->used; i++) {
			const struct arena *arena = &slab->at[i];
			uint64_t page = arena->start >> ARENA_PAGE_LG2;
			unsigned from, end;

			if (page > last || page + IOVA_ARENA_PAGES - 1 < first)
				continue;
			if (arena_run(arena, first > page ? (unsigned)(first - page) : 0, &from, &end) && page + from <= last)
				return true;
		}
	}
	return false;
}
