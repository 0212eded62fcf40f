/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The bitmap of one arena, by words. Entered by the keeper of the arena (see arena.h), but for what others put. No call looks at more
 * than its 8 words.
 */
#include "arena.h"

void arena_add_pages(struct arena *arena, unsigned first, unsigned end)
{
	for (unsigned i = first / 64; i <= (end - 1) / 64; i++) {
		uint64_t part = arena_part(first, end - first, i);

		arena->has[i] |= part;
		arena_set_free(arena, i, arena_word(arena->free, i) | part);
		atomic_fetch_and_explicit(&arena->remote[i], ~part, memory_order_release);
		arena->words |= (uint8_t)(1u << i);
	}
}

void arena_drop_pages(struct arena *arena, unsigned first, unsigned end)
{
	for (unsigned i = first / 64; i <= (end - 1) / 64; i++) {
		uint64_t part = arena_part(first, end - first, i);

		arena->has[i] &= ~part;
		/* In this order: a page is never seen as allocated. */
		atomic_fetch_or_explicit(&arena->remote[i], part, memory_order_relaxed);
		atomic_store_explicit(&arena->free[i], arena_word(arena->free, i) & ~part, memory_order_release);
		if (!arena_word(arena->free, i))
			arena->words &= (uint8_t) ~(1u << i);
	}
}

bool arena_run(const struct arena *arena, unsigned from, unsigned *first, unsigned *end)
{
	while (from < IOVA_ARENA_PAGES && !(arena->has[from / 64] >> from % 64 & 1))
		from++;
	*first = from;
	while (from < IOVA_ARENA_PAGES && (arena->has[from / 64] >> from % 64 & 1))
		from++;
	*end = from;
	return *first < *end;
}

/* Bit i is set where the aligned block of 1 << `order` pages at i is all ones. `order` <= 6. */
static uint64_t blocks_of(uint64_t word, unsigned order)
{
	static const uint64_t starts[7] = {
		~UINT64_C(0),
		UINT64_C(0x5555555555555555),
		UINT64_C(0x1111111111111111),
		UINT64_C(0x0101010101010101),
		UINT64_C(0x0001000100010001),
		UINT64_C(0x0000000100000001),
		1,
	};

	for (unsigned i = 0; i < order; i++)
		word &= word >> (1u << i);
	return word & starts[order];
}

/* Bit i is set where word i is all ones. */
static unsigned whole_words(const struct arena *arena)
{
	unsigned whole = 0;

	for (unsigned i = 0; i < ARENA_WORDS; i++)
		whole |= (unsigned)!~arena_word(arena->free, i) << i;
	return whole;
}

unsigned arena_room(const struct arena *arena)
{
	unsigned whole = whole_words(arena), room = 0;

	if (whole) {
		for (room = 7; room <= ARENA_ORDER; room++) {
			if (!blocks_of(whole, room - 6))
				break;
		}
		return room;
	}
	for (unsigned left = arena->words; left; left &= left - 1) {
		uint64_t word = arena_word(arena->free, ctz_u64(left));

		/* Only a word with more room than those before counts. */
		while (blocks_of(word, room))
			room++;
	}
	return room;
}

bool arena_is_empty(const struct arena *arena)
{
	for (unsigned i = 0; i < ARENA_WORDS; i++) {
		if (arena_word(arena->free, i) != arena->has[i])
			return false;
	}
	return true;
}

static void take(struct arena *arena, unsigned page, unsigned n)
{
	for (unsigned i = page / 64; i <= (page + n - 1) / 64; i++) {
		uint64_t left = arena_word(arena->free, i) & ~arena_part(page, n, i);

		arena_set_free(arena, i, left);
		if (!left)
			arena->words &= (uint8_t) ~(1u << i);
	}
}

int arena_take(struct arena *arena, unsigned n, unsigned order)
{
	unsigned page;

	if (order > 6) {
		uint64_t blocks = blocks_of(whole_words(arena), order - 6);

		if (!blocks)
			return -1;
		page = ctz_u64(blocks) * 64;
		take(arena, page, n);
		return (int)page;
	}
	for (unsigned left = arena->words; left; left &= left - 1) {
		unsigned i = ctz_u64(left);
		uint64_t blocks = blocks_of(arena_word(arena->free, i), order);

		if (!blocks)
			continue;
		page = i * 64 + ctz_u64(blocks);
		take(arena, page, n);
		return (int)page;
	}
	return -1;
}

bool arena_is_taken(const struct arena *arena, unsigned page, unsigned n)
{
	for (unsigned i = page / 64; i <= (page + n - 1) / 64; i++) {
		/* In this order, against arena_collect(): a page on its way from one to the other is seen in one at least. */
		uint64_t remote = atomic_load_explicit(&arena->remote[i], memory_order_acquire);

		if ((remote | arena_word(arena->free, i)) & arena_part(page, n, i))
			return false;
	}
	return true;
}

void arena_put(struct arena *arena, unsigned page, unsigned n)
{
	for (unsigned i = page / 64; i <= (page + n - 1) / 64; i++) {
		arena_set_free(arena, i, arena_word(arena->free, i) | arena_part(page, n, i));
		arena->words |= (uint8_t)(1u << i);
	}
}

/* log2 of the largest aligned block in [page, page + n). */
static unsigned order_inside(unsigned page, unsigned n)
{
	unsigned order = ilog2_u64(n);
	unsigned at = (page + (1u << order) - 1) & ~((1u << order) - 1);

	return at + (1u << order) <= page + n || !order ? order : order - 1;
}

unsigned arena_room_with(const struct arena *arena, unsigned room, unsigned page, unsigned n)
{
	unsigned inside = 1 + order_inside(page, n);

	/* A larger block sticks out of the pages, over the first or the last one. */
	if (room < inside)
		room = inside;
	while (room <= ARENA_ORDER && arena_block_free(arena, page, room))
		room++;
	while (room <= ARENA_ORDER && arena_block_free(arena, page + n - 1, room))
		room++;
	return room;
}

void arena_put_remote(struct arena *arena, unsigned page, unsigned n)
{
	/* seq_cst, before `mailed` is read: the partner is arena_collect(). */
	for (unsigned i = page / 64; i <= (page + n - 1) / 64; i++)
		atomic_fetch_or_explicit(&arena->remote[i], arena_part(page, n, i), memory_order_seq_cst);
}

void arena_collect(struct arena *arena)
{
	/*
	 * seq_cst, before `remote` is read: who puts pages sees that it is not mailed and mails it, or its pages are seen here
	 * (store buffering between two fields).
	 */
	atomic_store_explicit(&arena->mailed, false, memory_order_seq_cst);
	for (unsigned i = 0; i < ARENA_WORDS; i++) {
		uint64_t put = atomic_load_explicit(&arena->remote[i], memory_order_seq_cst) & arena->has[i];

		if (!put)
			continue;
		arena_set_free(arena, i, arena_word(arena->free, i) | put);
		arena->words |= (uint8_t)(1u << i);
		atomic_fetch_and_explicit(&arena->remote[i], ~put, memory_order_release);
	}
}
