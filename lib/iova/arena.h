/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One arena: the 512 pages of a block of 2 MiB, a bit each. What is here knows one arena and no other; who may call is said at the
 * fields. Arenas stay where they are until their space is destroyed, and stay at their block: a reader that was told of one may look
 * at it for ever.
 *
 * A page is allocated when the arena has it and it is neither in `free` nor in `remote`, nor in its owner's hand (iova_cache.c).
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

/* What an owner that takes and puts pages does not touch. Zero in the beginning. */
struct arena_rest {
	uint16_t mapped[IOVA_ARENA_PAGES]; /* first: see arena_rest() */

	/* Given back by others than the owner, and not yet collected by it. Set by anyone, cleared by the keeper. */
	alignas(64) _Atomic uint64_t remote[ARENA_WORDS];
	/* Which pages it has, where it `lacks` some. Under the space's lock while nobody owns it; else constant. */
	alignas(64) _Atomic uint64_t has[ARENA_WORDS];
	struct arena *mail_next;
};

/* Two lines, side by side with those of other arenas: that is all that an allocation or a free touches. */
struct arena {
	/* Written by its keeper: the owner's thread, or who holds the space's lock where there is none. Read by all. */
	alignas(64) _Atomic uint64_t free[ARENA_WORDS];

	/* Changes under the space's lock; from and to a cache on no thread but that cache's, or while it is destroyed. */
	alignas(64) _Atomic(struct iova_cache *) owner; /* NULL: the space */
	uint64_t start;                                 /* address of the first page; stays */
	struct arena *next, *prev;                      /* on the keeper's shelf */
	/*
	 * Keeper: byte i has as many ones, from its lowest bit on, as the largest aligned block that is free in word i has sizes
	 * (1 page: 1, a whole word: 7), or more where bit i of `stale` is set. It is 0 just where the word is.
	 */
	uint64_t rooms;
	uint8_t stale;
	uint8_t shelf;      /* which: see shelf.h */
	atomic_bool mailed; /* on its way to its owner, or in the owner's inbox */
	atomic_bool lacks;  /* not all of the 512 pages are its: `has` */
	struct iova_block block;
};

static inline struct arena *arena_of_block(struct iova_block *block)
{
	return (struct arena *)(void *)((char *)block - offsetof(struct arena, block));
}

static inline struct arena_rest *arena_rest(const struct arena *arena)
{
	return (struct arena_rest *)(void *)arena->block.mapped;
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

/* ---- Rooms ---- */

#define ARENA_ROOM_WHOLE 0x7fu /* of a word */

static inline void arena_set_room(struct arena *arena, unsigned i, uint64_t ones)
{
	arena->rooms = (arena->rooms & ~(UINT64_C(0xff) << i * 8)) | ones << i * 8;
	arena->stale &= (uint8_t) ~(1u << i);
}

/** Word `i` may be whole: its keeper looks when it wants to know. */
static inline void arena_guess_room(struct arena *arena, unsigned i)
{
	arena->rooms |= (uint64_t)ARENA_ROOM_WHOLE << i * 8;
	arena->stale |= (uint8_t)(1u << i);
}

static inline bool arena_may_be_whole(const struct arena *arena, unsigned i)
{
	return arena->rooms >> (i * 8 + 6) & 1;
}

/* Where aligned blocks of 1 << i pages begin in a word. */
static const uint64_t arena_starts[7] = {
	~UINT64_C(0),
	UINT64_C(0x5555555555555555),
	UINT64_C(0x1111111111111111),
	UINT64_C(0x0101010101010101),
	UINT64_C(0x0001000100010001),
	UINT64_C(0x0000000100000001),
	1,
};

/** Bit i is set where the aligned block of 1 << `order` pages at i is all ones. `order` <= 6. */
static inline uint64_t arena_blocks_of(uint64_t word, unsigned order)
{
	for (unsigned i = 0; i < order; i++)
		word &= word >> (1u << i);
	return word & arena_starts[order];
}

/** Looks at a word. Keeper. @return whether it has more room than was known */
bool arena_measure_word(struct arena *arena, unsigned i);
/** Looks at the words whose room was guessed. Keeper. */
void arena_measure(struct arena *arena);
/** 1 + log2 of the largest aligned block that is free; 0: none is. Nothing of it is stale. Keeper. */
unsigned arena_room(const struct arena *arena);
/** Nothing of it is allocated, as far as its keeper knows. Keeper. */
bool arena_is_empty(const struct arena *arena);

/* ---- Pages it has. Under the space's lock ---- */

/** Pages [first, end) of its block become the arena's, and are free: all, or some of one that has none or some. */
void arena_add_pages(struct arena *arena, unsigned first, unsigned end);
/** It no longer has them: they are free. */
void arena_drop_pages(struct arena *arena, unsigned first, unsigned end);
/** A run of pages that it has, the first one from page `from` on. False: none. */
bool arena_run(const struct arena *arena, unsigned from, unsigned *first, unsigned *end);

/* ---- Allocation and free ---- */

/* `left` of word `i`. */
static inline void arena_set_left(struct arena *arena, unsigned i, uint64_t left)
{
	arena_set_free(arena, i, left);
	if (left)
		arena->stale |= (uint8_t)(1u << i);
	else
		arena_set_room(arena, i, 0);
}

/** Where 1 << `order` pages, at most 64, may be free: a bit in the byte of each such word. */
static inline uint64_t arena_try(const struct arena *arena, unsigned order)
{
	return arena->rooms & UINT64_C(0x0101010101010101) << order;
}

/** `n` free pages of word `i` are taken. Keeper. @return the first one */
static inline unsigned arena_take_at(struct arena *arena, unsigned i, unsigned bit, unsigned n)
{
	arena_set_left(arena, i, arena_word(arena->free, i) & ~(arena_ones(n) << bit));
	return i * 64 + bit;
}

/** Takes `n` pages at the lowest multiple of 1 << `order` (>= n) where a whole such block is free. Keeper. @return first page; -1: none */
int arena_take(struct arena *arena, unsigned n, unsigned order);
/** All of these pages are allocated, unless they are in a hand. Any thread that knows of an allocation there. */
bool arena_is_taken(const struct arena *arena, unsigned page, unsigned n);
/** They are. What room they make is measured, or guessed. Keeper. @return whether some word has more room than before */
bool arena_put(struct arena *arena, unsigned page, unsigned n, bool guess);

/** As arena_put(), by anyone. The keeper must be told. */
void arena_put_remote(struct arena *arena, unsigned page, unsigned n);
/** Makes free what others put. Keeper. */
void arena_collect(struct arena *arena);

#endif
