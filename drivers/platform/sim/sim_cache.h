/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A cache that forgets nothing until told to: an unbounded map from a 63-bit key to two words. Keys are packed so that
 * what one invalidation command drops is one span of keys.
 */
#ifndef SIM_CACHE_H
#define SIM_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sim_cache_entry {
	uint64_t mark; /* key with the top bit set; 0: free */
	uint64_t value[2];
};

/* All zero is an empty cache. Guarded by whoever owns it. */
struct sim_cache {
	struct sim_cache_entry *at;
	size_t size; /* a power of two, or 0 */
	size_t used;
};

void sim_cache_fini(struct sim_cache *cache);
/* The two words of `key`, or NULL. Valid until the next change of the cache. */
const uint64_t *sim_cache_find(const struct sim_cache *cache, uint64_t key);
/* Replaces an older value. Without memory for it the entry is not kept: a cache may do that. */
void sim_cache_put(struct sim_cache *cache, uint64_t key, uint64_t value0, uint64_t value1);
bool sim_cache_remove(struct sim_cache *cache, uint64_t key);
/* Drops the keys of [first, last]. */
void sim_cache_drop(struct sim_cache *cache, uint64_t first, uint64_t last);
typedef bool (*sim_cache_match_fn)(const void *ctx, uint64_t key, const uint64_t value[2]);
void sim_cache_drop_if(struct sim_cache *cache, sim_cache_match_fn match, const void *ctx);
void sim_cache_clear(struct sim_cache *cache);

#endif
