/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The bitmap of one arena, by words. Entered by the keeper of the arena (see arena.h), but for what others put. No call looks at more
 * than its 8 words.
 */
#include "arena.h"

#define EACH_BYTE UINT64_C(0x0101010101010101)

/* ---- Pages it has ---- */

static uint64_t has(const struct arena *arena, unsigned i)
{
	if (!atomic_load_explicit(&arena->lacks, memory_order_acquire))
		return ~UINT64_C(0);
	return atomic_load_explicit(&arena_rest(arena)->has[i], memory_order_acquire);
}

void arena_add_pages(struct arena *arena, unsigned first, unsigned end)
{
	_Atomic uint64_t *words = arena_rest(arena)->has;

	/* Free, then its own: a page is never seen as allocated. */
	for (unsigned i = first / 64; i <= (end - 1) / 64; i++) {
		arena_set_free(arena, i, arena_word(arena->free, i) | arena_part(first, end - first, i));
		arena_guess_room(arena, i);
	}
	if (end - first == IOVA_ARENA_PAGES) {
		atomic_store_explicit(&arena->lacks, false, memory_order_release);
		return;
	}
	for (unsigned i = first / 64; i <= (end - 1) / 64; i++)
		atomic_store_explicit(&words[i], arena_word(words, i) | arena_part(first, end - first, i),
				      memory_order_release);
}

void arena_drop_pages(struct arena *arena, unsigned first, unsigned end)
{
	_Atomic uint64_t *words = arena_rest(arena)->has;

	for (unsigned i = 0; i < ARENA_WORDS && !atomic_load_explicit(&arena->lacks, memory_order_relaxed); i++)
		atomic_store_explicit(&words[i], ~UINT64_C(0), memory_order_relaxed);
	atomic_store_explicit(&arena->lacks, true, memory_order_release);
	for (unsigned i = first / 64; i <= (end - 1) / 64; i++) {
		uint64_t part = arena_part(first, end - first, i);
		uint64_t left = arena_word(arena->free, i) & ~part;

		/* In this order: a page is never seen as allocated. */
		atomic_store_explicit(&words[i], arena_word(words, i) & ~part, memory_order_relaxed);
		atomic_store_explicit(&arena->free[i], left, memory_order_release);
		if (left)
			arena_guess_room(arena, i);
		else
			arena_set_room(arena, i, 0);
	}
}

bool arena_run(const struct arena *arena, unsigned from, unsigned *first, unsigned *end)
{
	while (from < IOVA_ARENA_PAGES && !(has(arena, from / 64) >> from % 64 & 1))
		from++;
	*first = from;
	while (from < IOVA_ARENA_PAGES && (has(arena, from / 64) >> from % 64 & 1))
		from++;
	*end = from;
	return *first < *end;
}

/* ---- Rooms ---- */

/* Without branches, which nobody could predict. */
static uint64_t room_of(uint64_t word)
{
	uint64_t ones = word != 0;

	for (unsigned i = 0; i < 6; i++) {
		word &= word >> (1u << i) & arena_starts[i + 1];
		ones |= (uint64_t)(word != 0) << (i + 1);
	}
	return ones;
}

bool arena_measure_word(struct arena *arena, unsigned i)
{
	uint64_t before = arena->rooms;

	arena_set_room(arena, i, room_of(arena_word(arena->free, i)));
	return arena->rooms > before;
}

void arena_measure(struct arena *arena)
{
	for (unsigned left = arena->stale; left; left &= left - 1)
		arena_measure_word(arena, ctz_u64(left));
}

/* Bit i is set where word i may be whole. */
static unsigned whole_words(const struct arena *arena)
{
	return (unsigned)((arena->rooms >> 6 & EACH_BYTE) * UINT64_C(0x0102040810204080) >> 56);
}

unsigned arena_room(const struct arena *arena)
{
	uint64_t all = arena->rooms;
	unsigned room, whole;

	if (!all)
		return 0;
	all |= all >> 32;
	all |= all >> 16;
	all |= all >> 8;
	room = 1 + ilog2_u64(all & 0xff);
	if (room < 7)
		return room;
	whole = whole_words(arena);
	while (room <= ARENA_ORDER && arena_blocks_of(whole, room - 6))
		room++;
	return room;
}

bool arena_is_empty(const struct arena *arena)
{
	for (unsigned i = 0; i < ARENA_WORDS; i++) {
		if (arena_word(arena->free, i) != has(arena, i))
			return false;
	}
	return true;
}

/* ---- Allocation ---- */

/* Words [i, end) become all `ones`, or zero. */
static inline void fill_words(struct arena *arena, unsigned i, unsigned end, uint64_t ones)
{
	uint64_t bytes;

	if (i >= end)
		return;
	bytes = arena_ones((end - i) * 8) << i * 8;
	arena->rooms = (arena->rooms & ~bytes) | (ones & EACH_BYTE * ARENA_ROOM_WHOLE & bytes);
	arena->stale &= (uint8_t) ~((1u << end) - (1u << i));
	for (; i < end; i++)
		arena_set_free(arena, i, ones);
}

/* More than a word. */
static int take_words(struct arena *arena, unsigned n, unsigned order)
{
	uint64_t blocks;
	unsigned first;

	for (unsigned left = whole_words(arena) & arena->stale; left; left &= left - 1) {
		unsigned i = ctz_u64(left);

		if (~arena_word(arena->free, i))
			arena_measure_word(arena, i);
	}
	blocks = arena_blocks_of(whole_words(arena), order - 6);
	if (!blocks)
		return -1;
	first = ctz_u64(blocks);
	fill_words(arena, first, first + n / 64, 0);
	if (n % 64)
		arena_set_left(arena, first + n / 64, ~UINT64_C(0) << n % 64);
	return (int)(first * 64);
}

int arena_take(struct arena *arena, unsigned n, unsigned order)
{
	if (order > 6)
		return take_words(arena, n, order);
	for (uint64_t left = arena_try(arena, order); left; left = arena_try(arena, order)) {
		unsigned i = ctz_u64(left) / 8;
		uint64_t blocks = arena_blocks_of(arena_word(arena->free, i), order);

		if (blocks)
			return (int)arena_take_at(arena, i, ctz_u64(blocks), n);
		arena_measure_word(arena, i);
	}
	return -1;
}

bool arena_is_taken(const struct arena *arena, unsigned page, unsigned n)
{
	for (unsigned i = page / 64; i <= (page + n - 1) / 64; i++) {
		/*
		 * In this order: against arena_collect(), a page on its way from one to the other is seen in one at least; and pages
		 * that the arena gets are free before it has them, those that it gives up are until it no longer has them.
		 */
		uint64_t away = atomic_load_explicit(&arena_rest(arena)->remote[i], memory_order_acquire) | ~has(arena, i);

		away |= atomic_load_explicit(&arena->free[i], memory_order_acquire);
		if ((away | ~has(arena, i)) & arena_part(page, n, i))
			return false;
	}
	return true;
}

/* ---- Free ---- */

static bool put_word(struct arena *arena, unsigned i, uint64_t part, bool guess)
{
	arena_set_free(arena, i, arena_word(arena->free, i) | part);
	if (arena_may_be_whole(arena, i))
		return false;
	if (!guess)
		return arena_measure_word(arena, i);
	arena_guess_room(arena, i);
	return true;
}

bool arena_put(struct arena *arena, unsigned page, unsigned n, bool guess)
{
	unsigned i = page / 64, bit = page % 64, end = (page + n) / 64;
	bool more = false;

	if (n <= 64 - bit)
		return put_word(arena, i, arena_ones(n) << bit, guess);
	if (bit)
		more = put_word(arena, i++, ~UINT64_C(0) << bit, guess);
	fill_words(arena, i, end, ~UINT64_C(0));
	if ((page + n) % 64)
		more |= put_word(arena, end, arena_ones((page + n) % 64), guess);
	return more || i < end;
}

void arena_put_remote(struct arena *arena, unsigned page, unsigned n)
{
	/* seq_cst, before `mailed` is read: the partner is arena_collect(). */
	for (unsigned i = page / 64; i <= (page + n - 1) / 64; i++)
		atomic_fetch_or_explicit(&arena_rest(arena)->remote[i], arena_part(page, n, i), memory_order_seq_cst);
}

void arena_collect(struct arena *arena)
{
	_Atomic uint64_t *remote = arena_rest(arena)->remote;

	/*
	 * seq_cst, before `remote` is read: who puts pages sees that it is not mailed and mails it, or its pages are seen here
	 * (store buffering between two fields).
	 */
	atomic_store_explicit(&arena->mailed, false, memory_order_seq_cst);
	for (unsigned i = 0; i < ARENA_WORDS; i++) {
		uint64_t put = atomic_load_explicit(&remote[i], memory_order_seq_cst);

		if (!put)
			continue;
		put_word(arena, i, put, true);
		atomic_fetch_and_explicit(&remote[i], ~put, memory_order_release);
	}
}
