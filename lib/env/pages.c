/* SPDX-License-Identifier: BSD-3-Clause */
/* The page map of pages.h: a bitmap, scanned a word at a time where a word is full. Slow path, one thread at a time. */
#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "pages.h"
#include "piommu_bits.h"

static bool is_used(const struct env_pages *map, size_t page)
{
	return map->used[page / 64] >> (page % 64) & 1;
}

static void mark(struct env_pages *map, size_t first, size_t n, bool used)
{
	for (size_t page = first; page < first + n; page++) {
		assert(is_used(map, page) != used);
		(void)used; /* for assert alone */
		map->used[page / 64] ^= BIT64(page % 64);
	}
}

static size_t next_free(const struct env_pages *map, size_t page)
{
	while (page < map->npages && is_used(map, page))
		page = page % 64 == 0 && map->used[page / 64] == UINT64_MAX ? page + 64 : page + 1;
	return page;
}

/* The first used page of [first, end), or `end`. */
static size_t next_used(const struct env_pages *map, size_t first, size_t end)
{
	while (first < end && !is_used(map, first))
		first = first % 64 == 0 && map->used[first / 64] == 0 ? first + 64 : first + 1;
	return first < end ? first : end;
}

int env_pages_init(struct env_pages *map, size_t npages)
{
	uint64_t *used = calloc(npages / 64 + 1, sizeof(*used));

	if (!used)
		return -ENOMEM;
	*map = (struct env_pages){ .used = used, .npages = npages };
	return 0;
}

void env_pages_fini(struct env_pages *map)
{
	free(map->used);
	map->used = NULL;
}

size_t env_pages_alloc(struct env_pages *map, size_t n, size_t align)
{
	size_t first;

	map->hint = next_free(map, map->hint);
	first = align_up(map->hint, align);
	while (first < map->npages && n <= map->npages - first) {
		size_t blocked = next_used(map, first, first + n);

		if (blocked == first + n) {
			mark(map, first, n, true);
			return first;
		}
		first = align_up(next_free(map, blocked), align);
	}
	return ENV_PAGES_NONE;
}

void env_pages_free(struct env_pages *map, size_t first, size_t n)
{
	assert(first < map->npages && n <= map->npages - first);
	mark(map, first, n, false);
	if (first < map->hint)
		map->hint = first;
}
