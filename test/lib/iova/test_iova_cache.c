/* SPDX-License-Identifier: BSD-3-Clause */
/* Arenas of caches: the rules one by one, the edges of apertures, what comes back when. */
#include <errno.h>
#include <stdlib.h>

#include "cache_words.h"

#define MIB (UINT64_C(1) << 20)
#define ARENA (2 * MIB)

/* ---- Rules ---- */

static void blocks_are_aligned_to_the_next_power_of_two(void)
{
	struct iova_space *space = space_of(1, 512 * 512);
	struct iova_cache *cache = cache_of(space);

	for (unsigned n = 1, align = 1; n <= 512; n++) {
		uint64_t iova;

		while (align < n)
			align *= 2;
		iova = alloc(cache, n);
		CHECK_EQ(iova / PAGE % align, 0);
		CHECK_EQ(iova / ARENA, (iova + n * PAGE - 1) / ARENA);
	}
	iova_cache_destroy(cache);
	iova_space_destroy(space);
}

static void sizes_outside_1_to_512_are_refused(void)
{
	struct iova_space *space = space_of(1, 65536);
	struct iova_cache *cache = cache_of(space);

	CHECK_EQ(try_alloc(cache, 0), -EINVAL);
	CHECK_EQ(try_alloc(cache, 513), -EINVAL);
	CHECK_EQ(try_alloc(cache, 1), 0);
	CHECK_EQ(try_alloc(cache, 0), -EINVAL);
	iova_cache_destroy(cache);
	iova_cache_destroy(NULL);
	iova_space_destroy(space);
}

static void only_the_pages_asked_for_are_taken(void)
{
	struct iova_space *space = space_of(512, 512);
	struct iova_cache *cache = cache_of(space);

	CHECK_HEX(alloc(cache, 257), ARENA);
	for (unsigned i = 257; i < 512; i++)
		CHECK_HEX(alloc(cache, 1), ARENA + i * PAGE);
	CHECK_EQ(try_alloc(cache, 1), -ENOSPC);
	iova_cache_destroy(cache);
	iova_space_destroy(space);
}

static void any_part_of_a_block_can_be_freed_and_is_used_again(void)
{
	struct iova_space *space = space_of(512, 512);
	struct iova_cache *cache = cache_of(space);
	uint64_t iova = alloc(cache, 512);

	CHECK_EQ(iova_cache_free(cache, iova + 60 * PAGE, 140), 0);
	CHECK_EQ(try_alloc(cache, 128), -ENOSPC);
	CHECK_HEX(alloc(cache, 64), iova + 64 * PAGE);
	CHECK_HEX(alloc(cache, 64), iova + 128 * PAGE);
	CHECK_HEX(alloc(cache, 8), iova + 192 * PAGE);
	CHECK_HEX(alloc(cache, 4), iova + 60 * PAGE);
	CHECK_EQ(try_alloc(cache, 1), -ENOSPC);
	iova_cache_destroy(cache);
	iova_space_destroy(space);
}

/* The largest block that a free makes lies inside what is freed, or sticks out to the left, or to the right. */
static void what_is_freed_joins_what_was_free_around_it(void)
{
	static const struct {
		unsigned first, n, then, nthen, block, at;
	} cases[] = {
		{ 100, 60, 1, 1, 32, 128 },  { 0, 100, 100, 28, 128, 0 },     { 200, 56, 128, 72, 128, 128 },
		{ 64, 63, 127, 1, 64, 64 },  { 300, 212, 257, 43, 128, 384 }, { 257, 255, 256, 1, 256, 256 },
		{ 1, 1, 0, 1, 2, 0 },        { 0, 256, 256, 256, 512, 0 },    { 5, 9, 300, 3, 4, 8 },
		{ 0, 100, 100, 40, 128, 0 }, { 130, 126, 100, 30, 128, 128 },
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct iova_space *space = space_of(512, 512);
		struct iova_cache *cache = cache_of(space);
		uint64_t iova = alloc(cache, 512);

		CHECK_EQ(try_alloc(cache, 1), -ENOSPC);
		CHECK_EQ(iova_cache_free(cache, iova + cases[i].first * PAGE, cases[i].n), 0);
		CHECK_EQ(iova_cache_free(cache, iova + cases[i].then * PAGE, cases[i].nthen), 0);
		CHECK_EQ(try_alloc(cache, cases[i].block * 2), cases[i].block == 512 ? -EINVAL : -ENOSPC);
		CHECK_HEX(alloc(cache, cases[i].block), iova + cases[i].at * PAGE);
		iova_cache_destroy(cache);
		iova_space_destroy(space);
	}
}

static void pages_that_are_not_allocated_cannot_be_freed(void)
{
	struct iova_space *space = space_of(512, 65536);
	struct iova_cache *cache = cache_of(space), *other = cache_of(space);
	struct iova_cache *caches[2] = { cache, other };
	uint64_t iova = alloc(cache, 4);

	for (unsigned i = 0; i < 2; i++) {
		CHECK_EQ(iova_cache_free(caches[i], iova, 5), -ENOENT);
		CHECK_EQ(iova_cache_free(caches[i], iova + PAGE, 4), -ENOENT);
		CHECK_EQ(iova_cache_free(caches[i], iova + 8, 1), -ENOENT);
		CHECK_EQ(iova_cache_free(caches[i], iova, 0), -ENOENT);
		CHECK_EQ(iova_cache_free(caches[i], iova, 513), -ENOENT);
		CHECK_EQ(iova_cache_free(caches[i], iova, UINT32_MAX), -ENOENT);
		CHECK_EQ(iova_cache_free(caches[i], 0, 1), -ENOENT);
		CHECK_EQ(iova_cache_free(caches[i], UINT64_MAX - PAGE + 1, 1), -ENOENT);
		CHECK_EQ(iova_cache_free(caches[i], iova + 300 * ARENA, 1), -ENOENT);
	}
	CHECK_EQ(iova_cache_free(cache, iova, 4), 0);
	CHECK_EQ(iova_cache_free(cache, iova, 4), -ENOENT);
	CHECK_EQ(iova_cache_free(other, iova, 1), -ENOENT);
	iova_cache_destroy(cache);
	CHECK_EQ(iova_cache_free(other, iova, 1), -ENOENT);
	iova_cache_destroy(other);
	iova_space_destroy(space);
}

static void what_another_cache_freed_cannot_be_freed_again(void)
{
	struct iova_space *space = space_of(512, 65536);
	struct iova_cache *cache = cache_of(space), *other = cache_of(space);
	uint64_t iova = alloc(cache, 128);

	CHECK_EQ(iova_cache_free(other, iova + 60 * PAGE, 8), 0);
	CHECK_EQ(iova_cache_free(other, iova + 67 * PAGE, 2), -ENOENT);
	CHECK_EQ(iova_cache_free(cache, iova + 59 * PAGE, 2), -ENOENT);
	CHECK_EQ(iova_cache_free(cache, iova, 60), 0);
	CHECK_EQ(iova_cache_free(other, iova + 68 * PAGE, 60), 0);
	CHECK_EQ(iova_cache_free(cache, iova, 128), -ENOENT);
	iova_cache_destroy(cache);
	iova_cache_destroy(other);
	CHECK_EQ(free_pages(space), 65536);
	iova_space_destroy(space);
}

/* Its owner has them ready for when it is asked for single pages again. */
static void pages_beside_a_single_one_are_not_allocated(void)
{
	static const struct {
		unsigned at, n;
	} cases[] = { { 1, 1 }, { 0, 2 }, { 63, 1 }, { 63, 3 }, { 60, 200 }, { 0, 512 } };
	struct iova_space *space = space_of(512, 65536);
	struct iova_cache *cache = cache_of(space), *other = cache_of(space);
	uint64_t iova = alloc(cache, 1);

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CHECK_EQ(iova_cache_free(cache, iova + cases[i].at * PAGE, cases[i].n), -ENOENT);
		CHECK_EQ(iova_cache_free(other, iova + cases[i].at * PAGE, cases[i].n), -ENOENT);
	}
	CHECK_HEX(alloc(cache, 1), iova + PAGE);
	CHECK_EQ(iova_cache_free(other, iova + PAGE, 2), -ENOENT);
	CHECK_EQ(iova_cache_free(other, iova + PAGE, 1), 0);
	CHECK_EQ(iova_cache_free(other, iova + PAGE, 1), -ENOENT);
	CHECK_EQ(iova_cache_free(cache, iova + PAGE, 1), -ENOENT);
	iova_cache_destroy(cache);
	CHECK_EQ(iova_cache_free(other, iova + 2 * PAGE, 1), -ENOENT);
	CHECK_EQ(iova_cache_free(other, iova, 1), 0);
	iova_cache_destroy(other);
	CHECK_EQ(free_pages(space), 65536);
	iova_space_destroy(space);
}

static void many_pages_are_found_where_single_ones_come_from(void)
{
	struct iova_space *space = space_of(512, 512);
	struct iova_cache *cache = cache_of(space);
	uint64_t iova = alloc(cache, 1);

	CHECK_EQ(try_alloc(cache, 512), -ENOSPC);
	CHECK_EQ(iova_cache_free(cache, iova, 1), 0);
	CHECK_HEX(alloc(cache, 512), iova);
	CHECK_EQ(iova_cache_free(cache, iova, 512), 0);
	CHECK_HEX(alloc(cache, 1), iova);
	CHECK_HEX(alloc(cache, 256), iova + 256 * PAGE);
	CHECK_HEX(alloc(cache, 63), iova + 64 * PAGE);
	CHECK_HEX(alloc(cache, 1), iova + PAGE);
	CHECK_HEX(alloc(cache, 2), iova + 2 * PAGE);
	iova_cache_destroy(cache);
	iova_space_destroy(space);
}

static void a_range_over_two_arenas_is_not_one_allocation(void)
{
	struct iova_space *space = space_of(512, 65536);
	struct iova_cache *cache = cache_of(space);
	uint64_t a = alloc(cache, 512), b = alloc(cache, 512);

	CHECK_HEX(b, a + ARENA);
	CHECK_EQ(iova_cache_free(cache, a + 511 * PAGE, 2), -ENOENT);
	CHECK_EQ(iova_cache_free(cache, a + 511 * PAGE, 1), 0);
	CHECK_EQ(iova_cache_free(cache, b, 512), 0);
	iova_cache_destroy(cache);
	iova_space_destroy(space);
}

static void two_caches_never_share_an_arena(void)
{
	struct iova_space *space = space_of(512, 65536);
	struct iova_cache *a = cache_of(space), *b = cache_of(space);

	CU_ASSERT_NOT_EQUAL(alloc(a, 1) / ARENA, alloc(b, 1) / ARENA);
	iova_cache_destroy(a);
	iova_cache_destroy(b);
	iova_space_destroy(space);
}

static void no_more_than_an_arena_is_used_for_what_another_cache_frees(void)
{
	struct iova_space *space = space_of(512, 65536);
	struct iova_cache *cache = cache_of(space), *other = cache_of(space);
	uint64_t arena = alloc(cache, 1) / ARENA;

	for (unsigned i = 0; i < 5000; i++) {
		uint64_t iova = alloc(cache, 1);

		CHECK_EQ(iova / ARENA, arena);
		CHECK_EQ(iova_cache_free(other, iova, 1), 0);
	}
	iova_cache_destroy(cache);
	iova_cache_destroy(other);
	iova_space_destroy(space);
}

/* ---- The block's words ---- */

static void a_leaf_is_forgotten_with_the_owner_and_mappings_are_not(void)
{
	struct iova_space *space = space_of(512, 512);
	struct iova_cache *cache = cache_of(space), *other;
	struct iova_block *block;
	uint64_t iova, again;
	int table;

	CHECK_EQ(iova_cache_alloc(cache, 3, &iova, &block), 0);
	CU_ASSERT_PTR_NULL(block->leaf);
	block->leaf = &table;
	block->mapped[0] = 3;
	iova_cache_destroy(cache);
	other = cache_of(space);
	CU_ASSERT_PTR_NULL(iova_cache_block(other, iova)->leaf);
	CHECK_EQ(iova_cache_alloc(other, 1, &again, &block), 0);
	CHECK_EQ(again / ARENA, iova / ARENA);
	CU_ASSERT_PTR_NULL(block->leaf);
	CHECK_EQ(block->mapped[0], 3);
	iova_cache_destroy(other);
	iova_space_destroy(space);
}

static void addresses_that_no_cache_ever_had_have_no_block(void)
{
	struct iova_space *space = space_of(1024, 65536);
	struct iova_cache *cache = cache_of(space);

	CU_ASSERT_PTR_NULL(iova_cache_block(cache, 0));
	CU_ASSERT_PTR_NULL(iova_cache_block(cache, 1024 * PAGE));
	CU_ASSERT_PTR_NULL(iova_cache_block(cache, UINT64_MAX));
	alloc(cache, 1);
	CU_ASSERT_PTR_NULL(iova_cache_block(cache, 1023 * PAGE));
	CU_ASSERT_PTR_NULL(iova_cache_block(cache, UINT64_MAX));
	iova_cache_destroy(cache);
	iova_space_destroy(space);
}

/* ---- Apertures ---- */

/* Every page of [first, first + n) is handed out once, but for address 0 and the reserved ones, and nothing else. */
static void check_all_pages(uint64_t first, uint64_t n, uint64_t reserved, uint64_t nreserved)
{
	struct iova_space *space = space_of(first, n);
	struct iova_cache *cache = cache_of(space);
	uint64_t want = n - nreserved - (first == 0), got = 0;
	unsigned char *seen = calloc(n, 1);

	if (nreserved)
		CHECK_EQ(iova_space_reserve(space, (struct piommu_span){ reserved * PAGE, (reserved + nreserved) * PAGE - 1 }),
			 0);
	for (;; got++) {
		struct iova_block *block;
		uint64_t iova, page;

		if (iova_cache_alloc(cache, 1, &iova, &block))
			break;
		page = iova / PAGE;
		CU_ASSERT_FATAL(page >= first && page < first + n && page != 0);
		CU_ASSERT(page < reserved || page >= reserved + nreserved);
		CHECK_EQ(seen[page - first]++, 0);
	}
	CHECK_EQ(got, want);
	CHECK_EQ(try_alloc(cache, 1), -ENOSPC);
	for (uint64_t i = 0; i < n; i++)
		CHECK_EQ(iova_cache_free(cache, (first + i) * PAGE, 1), seen[i] ? 0 : -ENOENT);
	iova_cache_destroy(cache);
	CHECK_EQ(free_pages(space), n - nreserved);
	free(seen);
	iova_space_destroy(space);
}

static void small_and_ragged_apertures_can_be_used_up(void)
{
	check_all_pages(1, 1, 0, 0);
	check_all_pages(0, 2, 0, 0);
	check_all_pages(3, 7, 5, 2);
	check_all_pages(0, 256, 100, 1);
	check_all_pages(700, 256, 701, 254);
	check_all_pages(511, 2, 0, 0);
	check_all_pages(500, 1600, 1000, 100);
	check_all_pages(0, 4096, 1024, 512);
}

static void a_64_bit_aperture_is_used_at_both_ends(void)
{
	struct iova_space *space = NULL;
	struct iova_cache *cache;
	uint64_t iova;

	CHECK_EQ(iova_space_create((struct piommu_span){ 0, UINT64_MAX }, &space), 0);
	CHECK_EQ(iova_alloc(space, (UINT64_C(1) << 63) - ARENA, ARENA, &iova), 0);
	CHECK_EQ(iova_alloc(space, (UINT64_C(1) << 63) - ARENA, ARENA, &iova), 0);
	cache = cache_of(space);
	CHECK_HEX(alloc(cache, 512), UINT64_MAX - ARENA + 1);
	CHECK_HEX(alloc(cache, 512 - 256), ARENA / 2);
	iova_cache_destroy(cache);
	iova_space_destroy(space);
	CHECK_EQ(iova_space_create((struct piommu_span){ UINT64_MAX - 4 * PAGE + 1, UINT64_MAX }, &space), 0);
	cache = cache_of(space);
	CHECK_HEX(alloc(cache, 4), UINT64_MAX - 4 * PAGE + 1);
	CHECK_EQ(try_alloc(cache, 1), -ENOSPC);
	CHECK_EQ(iova_cache_free(cache, UINT64_MAX - PAGE + 1, 1), 0);
	CHECK_HEX(alloc(cache, 1), UINT64_MAX - PAGE + 1);
	iova_cache_destroy(cache);
	iova_space_destroy(space);
}

static void what_an_arena_has_cannot_be_reserved_while_a_cache_owns_it(void)
{
	struct iova_space *space = space_of(512, 65536);
	struct iova_cache *cache = cache_of(space);
	uint64_t iova = alloc(cache, 1);
	struct piommu_span inside = { iova + 100 * PAGE, iova + 101 * PAGE - 1 };

	CHECK_EQ(iova_space_reserve(space, inside), -EBUSY);
	CHECK_EQ(iova_space_reserve(space, (struct piommu_span){ 60000 * PAGE, 61000 * PAGE - 1 }), 0);
	iova_cache_free(cache, iova, 1);
	iova_cache_destroy(cache);
	CHECK_EQ(iova_space_reserve(space, inside), 0);
	CHECK_EQ(free_pages(space), 65536 - 1000 - 1);
	iova_space_destroy(space);
}

static void an_arena_is_no_allocation_of_the_spaces(void)
{
	struct iova_space *space = space_of(512, 512);
	struct iova_cache *cache = cache_of(space);
	uint64_t iova = alloc(cache, 512);

	CHECK_EQ(iova_free(space, iova, ARENA), -ENOENT);
	iova_cache_destroy(cache);
	iova_space_destroy(space);
}

/* ---- What comes back ---- */

static void a_full_space_says_so_and_recovers(void)
{
	struct iova_space *space = space_of(512, 2048);
	struct iova_cache *cache = cache_of(space), *other = cache_of(space);
	uint64_t iova[4];

	for (unsigned i = 0; i < 4; i++)
		iova[i] = alloc(i % 2 ? cache : other, 512);
	CHECK_EQ(try_alloc(cache, 1), -ENOSPC);
	CHECK_EQ(try_alloc(other, 512), -ENOSPC);
	CHECK_EQ(iova_cache_free(other, iova[1] + 7 * PAGE, 1), 0); /* of `cache` */
	CHECK_HEX(alloc(cache, 1), iova[1] + 7 * PAGE);
	CHECK_EQ(try_alloc(cache, 1), -ENOSPC);
	CHECK_EQ(iova_cache_free(cache, iova[3], 512), 0);
	CHECK_HEX(alloc(cache, 512), iova[3]);
	iova_cache_destroy(cache);
	iova_cache_destroy(other);
	iova_space_destroy(space);
}

static void all_mail_is_looked_at_before_a_space_is_full(void)
{
	struct iova_space *space = space_of(512, 40 * 512);
	struct iova_cache *cache = cache_of(space), *other = cache_of(space);
	uint64_t iova[40];

	for (unsigned i = 0; i < 40; i++)
		iova[i] = alloc(cache, 512);
	CHECK_EQ(iova_cache_free(other, iova[0], 512), 0);
	for (unsigned i = 1; i < 40; i++)
		CHECK_EQ(iova_cache_free(other, iova[i], 1), 0);
	CHECK_HEX(alloc(cache, 512), iova[0]);
	for (unsigned i = 1; i < 40; i++)
		alloc(cache, 1);
	CHECK_EQ(try_alloc(cache, 1), -ENOSPC);
	iova_cache_destroy(cache);
	iova_cache_destroy(other);
	iova_space_destroy(space);
}

static void pages_freed_beside_an_arena_of_another_cache_are_not_its(void)
{
	struct iova_space *space = space_of(512, 512);
	struct iova_cache *cache = cache_of(space), *other = cache_of(space);
	uint64_t iova, again;

	CHECK_EQ(iova_alloc(space, PAGE, PAGE, &iova), 0);
	alloc(cache, 1);
	CHECK_EQ(iova_free(space, iova, PAGE), 0);
	CHECK_EQ(try_alloc(other, 1), -ENOSPC);
	CHECK_EQ(iova_alloc(space, PAGE, PAGE, &again), 0);
	CHECK_HEX(again, iova);
	iova_cache_destroy(cache);
	iova_cache_destroy(other);
	iova_space_destroy(space);
}

static void the_space_gets_back_what_the_depot_holds(void)
{
	struct iova_space *space = space_of(512, 64 * 512);
	struct iova_cache *cache = cache_of(space);
	uint64_t mine = alloc(cache, 1), iova;

	/* A lot was cut for one page. */
	CHECK_EQ(iova_alloc(space, 63 * ARENA, ARENA, &iova), 0);
	CHECK_EQ(iova_alloc(space, PAGE, PAGE, &iova), -ENOSPC);
	CHECK_EQ(iova_cache_free(cache, mine, 1), 0);
	iova_cache_destroy(cache);
	CHECK_EQ(iova_alloc(space, ARENA, ARENA, &iova), 0);
	iova_space_destroy(space);
}

static void a_cache_keeps_few_empty_arenas(void)
{
	struct iova_space *space = space_of(512, 2048 * 512);
	struct iova_cache *cache = cache_of(space);
	uint64_t *iova = calloc(1000, sizeof(*iova));
	uint64_t big;

	for (unsigned i = 0; i < 1000; i++)
		iova[i] = alloc(cache, 512);
	for (unsigned i = 0; i < 1000; i++)
		CHECK_EQ(iova_cache_free(cache, iova[i], 512), 0);
	/* The depot gives back all it has. */
	CHECK_EQ(iova_alloc(space, 2048 * ARENA, ARENA, &big), -ENOSPC);
	CU_ASSERT(free_pages(space) >= (2048 - 17) * 512);
	iova_cache_destroy(cache);
	CHECK_EQ(iova_alloc(space, 2048 * ARENA, ARENA, &big), 0);
	free(iova);
	iova_space_destroy(space);
}

static void pages_outlive_their_cache_and_are_freed_through_another(void)
{
	struct iova_space *space = space_of(512, 65536);
	struct iova_cache *cache = cache_of(space), *other = cache_of(space);
	uint64_t iova[300];

	for (unsigned i = 0; i < 300; i++)
		iova[i] = alloc(cache, 1 + i % 100);
	/* Some are on their way to the owner when it goes. */
	for (unsigned i = 0; i < 100; i++)
		CHECK_EQ(iova_cache_free(other, iova[i], 1 + i % 100), 0);
	iova_cache_destroy(cache);
	for (unsigned i = 100; i < 300; i++) {
		CHECK_EQ(iova_cache_free(other, iova[i], 1 + i % 100), 0);
		CHECK_EQ(iova_cache_free(other, iova[i], 1), -ENOENT);
	}
	iova_cache_destroy(other);
	CHECK_EQ(free_pages(space), 65536);
	iova_space_destroy(space);
}

static void the_room_that_a_destroyed_cache_left_is_used(void)
{
	struct iova_space *space = space_of(512, 1024);
	struct iova_cache *cache = cache_of(space), *other;

	alloc(cache, 300);
	alloc(cache, 300);
	iova_cache_destroy(cache);
	other = cache_of(space);
	for (unsigned i = 0; i < 1024 - 600; i++)
		alloc(other, 1);
	CHECK_EQ(try_alloc(other, 1), -ENOSPC);
	iova_cache_destroy(other);
	iova_space_destroy(space);
}

/* Small blocks all over, every other one freed, many times: then the whole is there again. */
static void a_fragmenting_pattern_leaves_nothing_behind(void)
{
	enum {
		N = 4000
	};
	struct iova_space *space = space_of(512, 256 * 512);
	struct iova_cache *cache = cache_of(space);
	static uint64_t iova[N];
	static unsigned n[N];
	uint64_t seed = 1;

	for (unsigned i = 0; i < 40 * N; i++) {
		unsigned at = (unsigned)((seed = seed * UINT64_C(6364136223846793005) + 1) >> 33) % N;

		if (n[at])
			CHECK_EQ(iova_cache_free(cache, iova[at], n[at]), 0);
		n[at] = n[at] ? 0 : 1u << (seed >> 50) % 6;
		if (n[at])
			iova[at] = alloc(cache, n[at]);
	}
	for (unsigned i = 0; i < N; i++) {
		if (n[i])
			CHECK_EQ(iova_cache_free(cache, iova[i], n[i]), 0);
	}
	for (unsigned i = 0; i < 256; i++)
		alloc(cache, 512);
	CHECK_EQ(try_alloc(cache, 1), -ENOSPC);
	iova_cache_destroy(cache);
	iova_space_destroy(space);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(blocks_are_aligned_to_the_next_power_of_two),
		SUITE_TEST(sizes_outside_1_to_512_are_refused),
		SUITE_TEST(only_the_pages_asked_for_are_taken),
		SUITE_TEST(any_part_of_a_block_can_be_freed_and_is_used_again),
		SUITE_TEST(what_is_freed_joins_what_was_free_around_it),
		SUITE_TEST(pages_that_are_not_allocated_cannot_be_freed),
		SUITE_TEST(what_another_cache_freed_cannot_be_freed_again),
		SUITE_TEST(pages_beside_a_single_one_are_not_allocated),
		SUITE_TEST(many_pages_are_found_where_single_ones_come_from),
		SUITE_TEST(a_range_over_two_arenas_is_not_one_allocation),
		SUITE_TEST(two_caches_never_share_an_arena),
		SUITE_TEST(no_more_than_an_arena_is_used_for_what_another_cache_frees),
		SUITE_TEST(a_leaf_is_forgotten_with_the_owner_and_mappings_are_not),
		SUITE_TEST(addresses_that_no_cache_ever_had_have_no_block),
		SUITE_TEST(small_and_ragged_apertures_can_be_used_up),
		SUITE_TEST(a_64_bit_aperture_is_used_at_both_ends),
		SUITE_TEST(what_an_arena_has_cannot_be_reserved_while_a_cache_owns_it),
		SUITE_TEST(an_arena_is_no_allocation_of_the_spaces),
		SUITE_TEST(a_full_space_says_so_and_recovers),
		SUITE_TEST(all_mail_is_looked_at_before_a_space_is_full),
		SUITE_TEST(pages_freed_beside_an_arena_of_another_cache_are_not_its),
		SUITE_TEST(the_space_gets_back_what_the_depot_holds),
		SUITE_TEST(a_cache_keeps_few_empty_arenas),
		SUITE_TEST(pages_outlive_their_cache_and_are_freed_through_another),
		SUITE_TEST(the_room_that_a_destroyed_cache_left_is_used),
		SUITE_TEST(a_fragmenting_pattern_leaves_nothing_behind),
	};

	return suite_run(argc, argv, "iova_cache", tests, sizeof(tests) / sizeof(tests[0]));
}
