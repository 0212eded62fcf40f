/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Arenas of one keeper (a cache, or the space), by the room they have: on shelf s > 0 the largest free block has 1 << (s - 1) pages,
 * on shelf 0 nothing is free. Pages are taken from the first arena of a shelf alone, and that does not move it: the first one may have
 * less room than its shelf says, the others do not. So whoever looks for room re-shelves one arena a shelf at most. Not locked.
 */
#ifndef IOVA_SHELF_H
#define IOVA_SHELF_H

#include "arena.h"

#define SHELVES (ARENA_ORDER + 2)
#define SHELF_WHOLE (ARENA_ORDER + 1)
#define SHELF_HAND (SHELF_WHOLE + 1) /* on none: a cache takes single pages from it */

struct shelves {
	unsigned filled;              /* shelf s > 0 is not empty: bit s */
	unsigned nwhole;              /* arenas on SHELF_WHOLE */
	struct arena *first[SHELVES]; /* rings; NULL: empty */
};

/* Last of its shelf. */
static inline void shelf_add(struct shelves *shelves, struct arena *arena, unsigned shelf)
{
	struct arena *first = shelves->first[shelf];

	arena->shelf = (uint8_t)shelf;
	shelves->nwhole += shelf == SHELF_WHOLE;
	if (first) {
		arena->next = first;
		arena->prev = first->prev;
		first->prev->next = arena;
		first->prev = arena;
		return;
	}
	arena->next = arena;
	arena->prev = arena;
	shelves->first[shelf] = arena;
	shelves->filled |= 1u << shelf & ~1u;
}

static inline void shelf_remove(struct shelves *shelves, struct arena *arena)
{
	unsigned shelf = arena->shelf;

	shelves->nwhole -= shelf == SHELF_WHOLE;
	if (arena->next == arena) {
		shelves->first[shelf] = NULL;
		shelves->filled &= ~(1u << shelf);
		return;
	}
	arena->next->prev = arena->prev;
	arena->prev->next = arena->next;
	if (shelves->first[shelf] == arena)
		shelves->first[shelf] = arena->next;
}

static inline void shelf_move(struct shelves *shelves, struct arena *arena, unsigned shelf)
{
	shelf_remove(shelves, arena);
	shelf_add(shelves, arena, shelf);
}

#endif
