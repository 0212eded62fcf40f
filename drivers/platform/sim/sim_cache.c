/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The map under every cache of the models: open addressing, linear probing, at most half full. A removal moves the
 * entries behind it up, so that no probe sequence has a hole and nothing is left behind to slow later ones down.
 */
#include <stdlib.h>
#include <string.h>

#include "sim_cache.h"

#define MARK (UINT64_C(1) << 63)
#define FIRST_SIZE 256u

static size_t home(const struct sim_cache *cache, uint64_t mark)
{
	uint64_t h = mark * UINT64_C(0x9e3779b97f4a7c15);

	return (size_t)(h ^ (h >> 32)) & (cache->size - 1);
}

/* Where `mark` is, or the free slot where it would go. */
static size_t probe(const struct sim_cache *cache, uint64_t mark)
{
	size_t i = home(cache, mark);

	while (cache->at[i].mark && cache->at[i].mark != mark)
		i = (i + 1) & (cache->size - 1);
	return i;
}

static bool grow(struct sim_cache *cache)
{
	struct sim_cache bigger = { .size = cache->size ? cache->size * 2 : FIRST_SIZE, .used = cache->used };

	bigger.at = calloc(bigger.size, sizeof(*bigger.at));
	if (!bigger.at)
		return false;
	for (size_t i = 0; i < cache->size; i++)
		if (cache->at[i].mark)
			bigger.at[probe(&bigger, cache->at[i].mark)] = cache->at[i];
	free(cache->at);
	*cache = bigger;
	return true;
}

void sim_cache_fini(struct sim_cache *cache)
{
	free(cache->at);
	*cache = (struct sim_cache){ 0 };
}

const uint64_t *sim_cache_find(const struct sim_cache *cache, uint64_t key)
{
	size_t i;

	if (!cache->used)
		return NULL;
	i = probe(cache, key | MARK);
	return cache->at[i].mark ? cache->at[i].value : NULL;
}

void sim_cache_put(struct sim_cache *cache, uint64_t key, uint64_t value0, uint64_t value1)
{
	size_t i;

	if (2 * (cache->used + 1) > cache->size && !grow(cache))
		return;
	i = probe(cache, key | MARK);
	cache->used += !cache->at[i].mark;
	cache->at[i] = (struct sim_cache_entry){ key | MARK, { value0, value1 } };
}

static void remove_at(struct sim_cache *cache, size_t hole)
{
	size_t mask = cache->size - 1;

	for (size_t i = (hole + 1) & mask; cache->at[i].mark; i = (i + 1) & mask) {
		size_t from_home = (i - home(cache, cache->at[i].mark)) & mask;

		if (from_home >= ((i - hole) & mask)) { /* its home is at or before the hole */
			cache->at[hole] = cache->at[i];
			hole = i;
		}
	}
	cache->at[hole].mark = 0;
	cache->used--;
}

bool sim_cache_remove(struct sim_cache *cache, uint64_t key)
{
	size_t i;

	if (!cache->used)
		return false;
	i = probe(cache, key | MARK);
	if (!cache->at[i].mark)
		return false;
	remove_at(cache, i);
	return true;
}

void sim_cache_drop_if(struct sim_cache *cache, sim_cache_match_fn match, const void *ctx)
{
	for (size_t i = 0; i < cache->size;) {
		const struct sim_cache_entry *entry = &cache->at[i];

		if (entry->mark && match(ctx, entry->mark & ~MARK, entry->value))
			remove_at(cache, i); /* another entry may have moved to i: look again */
		else
			i++;
	}
}

struct span {
	uint64_t first, last;
};

static bool in_span(const void *ctx, uint64_t key, const uint64_t value[2])
{
	const struct span *span = ctx;

	(void)value;
	return key >= span->first && key <= span->last;
}

void sim_cache_drop(struct sim_cache *cache, uint64_t first, uint64_t last)
{
	const struct span span = { first, last };

	if (last - first >= cache->size) {
		sim_cache_drop_if(cache, in_span, &span);
		return;
	}
	for (uint64_t n = last - first + 1, key = first; n; n--, key++)
		sim_cache_remove(cache, key);
}

void sim_cache_clear(struct sim_cache *cache)
{
	if (cache->used)
		memset(cache->at, 0, cache->size * sizeof(*cache->at));
	cache->used = 0;
}
