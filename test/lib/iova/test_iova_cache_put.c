/* SPDX-License-Identifier: BSD-3-Clause */
/* Pages that go back unchecked: what that leaves is what a checked free leaves, whosever arena it is. */
#include <errno.h>

#include "cache_words.h"

#define ARENA (512 * PAGE)

static void put(struct iova_cache *cache, uint64_t iova, unsigned npages)
{
	iova_cache_put(cache, iova_cache_block(cache, iova), iova, npages);
}

/* All of [iova, iova + npages) is free, and nothing else of the arena is: only a single arena, all taken before. */
static void check_free(struct iova_cache *cache, uint64_t iova, unsigned npages)
{
	for (unsigned i = 0; i < npages; i++)
		CHECK_HEX(alloc(cache, 1), iova + i * PAGE);
	CHECK_EQ(try_alloc(cache, 1), -ENOSPC);
}

static void pages_of_an_own_arena_are_free_again(void)
{
	static const struct {
		unsigned first, n;
	} cases[] = { { 0, 1 },  { 63, 1 },  { 64, 1 },   { 511, 1 },   { 0, 64 },  { 5, 50 },
		      { 63, 2 }, { 10, 64 }, { 60, 140 }, { 100, 412 }, { 0, 512 }, { 447, 65 } };
	struct iova_space *space = space_of(512, 512);
	struct iova_cache *cache = cache_of(space);
	uint64_t iova = alloc(cache, 512);

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t at = iova + cases[i].first * PAGE;

		put(cache, at, cases[i].n);
		CHECK_EQ(iova_cache_free(cache, at, cases[i].n), -ENOENT);
		CHECK_EQ(iova_cache_free(cache, at + (cases[i].n - 1) * PAGE, 1), -ENOENT);
		check_free(cache, at, cases[i].n);
	}
	iova_cache_destroy(cache);
	iova_space_destroy(space);
}

/* Single pages, in an order that leaves holes first: each size of block is there as soon as its pages are. */
static void single_pages_join_into_blocks(void)
{
	for (unsigned order = 1; order <= 9; order++) {
		struct iova_space *space = space_of(512, 512);
		struct iova_cache *cache = cache_of(space);
		uint64_t iova = alloc(cache, 512);
		unsigned n = 1u << order, at = 512 - n;

		for (unsigned i = 0; i < n; i += 2)
			put(cache, iova + (at + i) * PAGE, 1);
		CHECK_EQ(try_alloc(cache, 2), -ENOSPC);
		for (unsigned i = 1; i < n; i += 2) {
			CHECK_EQ(try_alloc(cache, n), -ENOSPC);
			put(cache, iova + (at + n - i) * PAGE, 1);
		}
		CHECK_HEX(alloc(cache, n), iova + at * PAGE);
		iova_cache_destroy(cache);
		iova_space_destroy(space);
	}
}

static void pages_of_another_caches_arena_go_to_it(void)
{
	static const unsigned sizes[] = { 1, 3, 64, 65, 300 };
	struct iova_space *space = space_of(512, 512);
	struct iova_cache *cache = cache_of(space), *other = cache_of(space);
	uint64_t iova = alloc(cache, 512);

	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		put(other, iova + 70 * PAGE, sizes[i]);
		CHECK_EQ(iova_cache_free(cache, iova + 70 * PAGE, 1), -ENOENT);
		CHECK_EQ(iova_cache_free(other, iova + (69 + sizes[i]) * PAGE, 1), -ENOENT);
		CHECK_EQ(try_alloc(other, 1), -ENOSPC);
		check_free(cache, iova + 70 * PAGE, sizes[i]);
	}
	iova_cache_destroy(cache);
	iova_cache_destroy(other);
	iova_space_destroy(space);
}

static void who_puts_pages_of_an_orphaned_arena_adopts_it(void)
{
	static const unsigned sizes[] = { 1, 2, 100 };

	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct iova_space *space = space_of(512, 512);
		struct iova_cache *cache = cache_of(space), *other = cache_of(space);
		struct iova_block *block = iova_cache_block(cache, alloc(cache, 512));
		int table;

		__atomic_store_n(&block->leaf, &table, __ATOMIC_RELAXED);
		iova_cache_destroy(cache);
		iova_cache_put(other, block, ARENA + 60 * PAGE, sizes[i]);
		CU_ASSERT_PTR_NULL(block->leaf);
		check_free(other, ARENA + 60 * PAGE, sizes[i]);
		iova_cache_put(other, block, ARENA, 512);
		iova_cache_destroy(other);
		CHECK_EQ(free_pages(space), 512);
		iova_space_destroy(space);
	}
}

/* By single pages, which are spread over all of them until the last one of each. */
static void arenas_that_are_whole_again_are_given_up(void)
{
	enum {
		N = 200
	};
	struct iova_space *space = space_of(512, 2048 * 512);
	struct iova_cache *cache = cache_of(space);
	uint64_t iova[N], big;

	for (unsigned i = 0; i < N; i++)
		iova[i] = alloc(cache, 512);
	for (unsigned page = 0; page < 512; page++) {
		for (unsigned i = 0; i < N; i++)
			put(cache, iova[i] + page * PAGE, 1);
	}
	/* The depot gives back all it has. */
	CHECK_EQ(iova_alloc(space, 2048 * ARENA, ARENA, &big), -ENOSPC);
	CU_ASSERT(free_pages(space) >= (2048 - 40) * 512);
	iova_cache_destroy(cache);
	CHECK_EQ(iova_alloc(space, 2048 * ARENA, ARENA, &big), 0);
	iova_space_destroy(space);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(pages_of_an_own_arena_are_free_again),     SUITE_TEST(single_pages_join_into_blocks),
		SUITE_TEST(pages_of_another_caches_arena_go_to_it),   SUITE_TEST(who_puts_pages_of_an_orphaned_arena_adopts_it),
		SUITE_TEST(arenas_that_are_whole_again_are_given_up),
	};

	return suite_run(argc, argv, "iova_cache_put", tests, sizeof(tests) / sizeof(tests[0]));
}
