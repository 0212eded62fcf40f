/* SPDX-License-Identifier: BSD-3-Clause */
/* The map under the models' caches, against a plain array: growth, removal in probe sequences, spans, predicates. */
#include <string.h>

#include "sim_cache.h"
#include "suite.h"

#define NKEYS 5000u

static uint64_t values[NKEYS]; /* 0: absent */

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

/* Keys spread out as packed ones are: few low bits, the rest high up. */
static uint64_t key_of(unsigned n)
{
	return (uint64_t)(n / 100) << 45 | n % 100;
}

static void check_all(const struct sim_cache *cache)
{
	size_t present = 0;

	for (unsigned n = 0; n < NKEYS; n++) {
		const uint64_t *found = sim_cache_find(cache, key_of(n));

		present += values[n] != 0;
		if (found ? found[0] != values[n] || found[1] != n : values[n] != 0) {
			CHECK_HEX(found ? found[0] : 0, values[n]);
			return;
		}
	}
	CHECK_EQ(cache->used, present);
}

static bool is_odd(const void *ctx, uint64_t key, const uint64_t value[2])
{
	(void)ctx;
	(void)key;
	return value[0] & 1;
}

static void random_operations_agree_with_an_array(void)
{
	struct sim_cache cache = { 0 };
	uint32_t random = 1;

	memset(values, 0, sizeof(values));
	for (unsigned step = 0; step < 300000; step++) {
		unsigned n = next_random(&random) % NKEYS, what = next_random(&random) % 1000, end;

		if (what < 600) {
			values[n] = next_random(&random) + 1u;
			sim_cache_put(&cache, key_of(n), values[n], n);
		} else if (what < 990) {
			CHECK_EQ(sim_cache_remove(&cache, key_of(n)), values[n] != 0);
			values[n] = 0;
		} else if (what < 998) { /* a span within one high part */
			end = n / 100 * 100 + next_random(&random) % 100;
			if (end < n)
				continue;
			sim_cache_drop(&cache, key_of(n), key_of(end));
			memset(values + n, 0, (end - n + 1) * sizeof(values[0]));
		} else if (what < 999) { /* all of one high part, longer than the table */
			n -= n % 100;
			sim_cache_drop(&cache, key_of(n), key_of(n) | ((UINT64_C(1) << 45) - 1));
			memset(values + n, 0, 100 * sizeof(values[0]));
		} else {
			sim_cache_drop_if(&cache, is_odd, NULL);
			for (unsigned i = 0; i < NKEYS; i++)
				values[i] = values[i] & 1 ? 0 : values[i];
		}
		if (step % 5000 == 0)
			check_all(&cache);
	}
	check_all(&cache);
	sim_cache_clear(&cache);
	memset(values, 0, sizeof(values));
	check_all(&cache);
	sim_cache_fini(&cache);
}

static void empty_cache_finds_and_drops_nothing(void)
{
	struct sim_cache cache = { 0 };

	CHECK_EQ(sim_cache_find(&cache, 0) == NULL, true);
	CHECK_EQ(sim_cache_remove(&cache, 0), false);
	sim_cache_drop(&cache, 0, UINT64_MAX >> 1);
	sim_cache_put(&cache, 0, 7, 8);
	CHECK_EQ(sim_cache_find(&cache, 0)[1], 8);
	sim_cache_fini(&cache);
}

static const struct suite_test tests[] = {
	SUITE_TEST(random_operations_agree_with_an_array),
	SUITE_TEST(empty_cache_finds_and_drops_nothing),
};

int main(int argc, char **argv)
{
	return suite_run(argc, argv, "sim_cache", tests, sizeof(tests) / sizeof(tests[0]));
}
