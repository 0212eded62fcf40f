/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One arena: the 512 pages of a block of 2 MiB, a bit each. What is here knows one arena and no other; who may call is said at the
 * fields. Arenas stay where they are until their space is destroyed, and stay at their block: a reader that was told of one may look
 * at it for ever.
 *
 * A page is allocated when it is neither in `free` nor in `remote`. Pages that the arena lacks (reserved, outside the aperture, of
 * another allocation) are always in `remote`.
 */
#ifndef IOVA_ARENA_H
#define IOVA_ARENA_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stddef.h>

#include "iova_cache.h"
#include "piommu_bits.h"

#define ARENA_WORDS (IOVA_ARENA_PAGES / 64)
#define ARENA_ORDER 9u /* log2 of its pages */
#define ARENA_LG2 21u  /* of its bytes */
#define ARENA_PAGE_LG2 12u

struct arena {
	/* Written by its keeper: the owner's thread, or who holds the space's lock where there is none. Read by all. */
	alignas(64) _Atomic uint64_t free[ARENA_WORDS];

	/* Changes under the space's lock; from and to a cache on no thread but that cache's, or while it is destroyed. */
	alignas(64) _Atomic(struct iova_cache *) owner; /* NULL: the space */
	uint64_t start;                                 /* address of the first page; stays */
	struct arena *next, *prev;                      /* on the keeper's shelf */
	uint8_t shelf;                                  /* which: see shelf.h */
	uint8_t words;                                  /* keeper: which words of `free` are not 0 */
	atomic_bool mailed;                             /* on its way to its owner, or in the owner's inbox */
	struct arena *mail_next;

	/* Given back by others than the owner, and not yet collected by it. Set by anyone, cleared by the keeper. */
	alignas(64) _Atomic uint64_t remote[ARENA_WORDS];

	alignas(64) uint64_t has[ARENA_WORDS]; /* under the space's lock while nobody owns it; else constant */

	alignas(64) struct iova_block block;
};

static inline struct arena *arena_of_block(struct iova_block *block)
{
	return (struct arena *)(void *)((char *)block - offsetof(struct arena, block));
}

/** Where to look, of an address: number of the page in its arena. */
static inline unsigned arena_page_of(uint64_t iova)
{
	return (unsigned)(iova >> ARENA_PAGE_LG2) & (IOVA_ARENA_PAGES - 1);
}

/** `n` ones, 1 to 64. */
static inline uint64_t arena_ones(unsigned n)
{
	return ~UINT64_C(0) >> (64 - n);
}

static inline uint64_t arena_word(const _Atomic uint64_t *words, unsigned i)
{
	return atomic_load_explicit(&words[i], memory_order_relaxed);
}

/* One thread writes `free`: a plain store, that others may read at any time. */
static inline void arena_set_free(struct arena *arena, unsigned i, uint64_t word)
{
	atomic_store_explicit(&arena->free[i], word, memory_order_relaxed);
}

/** The part of pages [page, page + n) that lies in word `i`. */
static inline uint64_t arena_part(unsigned page, unsigned n, unsigned i)
{
	unsigned from = page > i * 64 ? page - i * 64 : 0;
	unsigned end = page + n - i * 64;

	return arena_ones(end < 64 ? end : 64) & ~UINT64_C(0) << from;
}

/** The aligned block of 1 << `order` pages that has `page` is free. */
static inline bool arena_block_free(const struct arena *arena, unsigned page, unsigned order)
{
	unsigned first = page & ~((1u << order) - 1);
	uint64_t part;

	if (order <= 6) {
		part = arena_ones(1u << order) << first % 64;
		return (arena_word(arena->free, first / 64) & part) == part;
	}
	for (unsigned i = first / 64; i < (first + (1u << order)) / 64; i++) {
		if (~arena_word(arena->free, i))
			return false;
	}
	return true;
}

/** Pages [first, end) of its block become the arena's, and are free. Under the space's lock, as the next two. */
void arena_add_pages(struct arena *arena, unsigned first, unsigned end);
/** It no longer does: they are free. */
void arena_drop_pages(struct arena *arena, unsigned first, unsigned end);
/** A run of pages that it has, the first one from page `from` on. False: none. */
bool arena_run(const struct arena *arena, unsigned from, unsigned *first, unsigned *end);

/** 1 + log2 of the largest aligned block that is free; 0: none is. Keeper. */
unsigned arena_room(const struct arena *arena);
/** Nothing of it is allocated, as far as its keeper knows. Keeper. */
bool arena_is_empty(const struct arena *arena);

/** Takes `n` pages at the lowest multiple of 1 << `order` (>= n) where a whole such block is free. Keeper. @return first page; -1: none */
int arena_take(struct arena *arena, unsigned n, unsigned order);
/** All of these pages are allocated. Any thread that knows of an allocation there. */
bool arena_is_taken(const struct arena *arena, unsigned page, unsigned n);
/** They are. Keeper. */
void arena_put(struct arena *arena, unsigned page, unsigned n);
/** What room `n` pages that were just put make, where there was `room` before. Keeper. */
unsigned arena_room_with(const struct arena *arena, unsigned room, unsigned page, unsigned n);

/** As arena_put(), by anyone. The keeper must be told. */
void arena_put_remote(struct arena *arena, unsigned page, unsigned n);
/** Makes free what others put. Keeper. */
void arena_collect(struct arena *arena);

#endif
