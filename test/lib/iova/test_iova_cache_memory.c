/* SPDX-License-Identifier: BSD-3-Clause */
/* Caches when memory runs out: the n-th call from now on fails, once. */
#include <errno.h>

#include "cache_words.h"

static unsigned fail_at;

static bool fails(void)
{
	return fail_at && !--fail_at;
}

void *__real_malloc(size_t len);
void *__real_calloc(size_t n, size_t len);
void *__real_aligned_alloc(size_t align, size_t len);
void *__wrap_malloc(size_t len);
void *__wrap_calloc(size_t n, size_t len);
void *__wrap_aligned_alloc(size_t align, size_t len);

void *__wrap_malloc(size_t len)
{
	return fails() ? NULL : __real_malloc(len);
}

void *__wrap_calloc(size_t n, size_t len)
{
	return fails() ? NULL : __real_calloc(n, len);
}

void *__wrap_aligned_alloc(size_t align, size_t len)
{
	return fails() ? NULL : __real_aligned_alloc(align, len);
}

static void when_memory_runs_out_nothing_has_changed(void)
{
	bool done = false;

	for (unsigned nth = 1; !done; nth++) {
		struct iova_space *space = space_of(0, 5 * 512 + 20);
		struct iova_cache *cache = NULL;
		unsigned failed = 0, got = 0;
		uint64_t iova;
		int err;

		CHECK_EQ(iova_space_reserve(space, (struct piommu_span){ 700 * PAGE, 800 * PAGE - 1 }), 0);
		fail_at = nth;
		while ((err = iova_cache_create(space, &cache)) == -ENOMEM)
			failed++;
		CHECK_EQ(err, 0);
		while (err != -ENOSPC) {
			uint64_t before = free_pages(space);

			err = try_alloc(cache, 1);
			got += !err;
			if (err == -ENOMEM)
				CHECK_EQ(free_pages(space), before);
			failed += err == -ENOMEM;
		}
		done = fail_at != 0;
		fail_at = 0;
		CHECK_EQ(failed, !done);
		CHECK_EQ(got, 5 * 512 + 20 - 1 - 100);
		for (uint64_t page = 1; page < 5 * 512 + 20; page++)
			CHECK_EQ(iova_cache_free(cache, page * PAGE, 1), page < 700 || page >= 800 ? 0 : -ENOENT);
		iova_cache_destroy(cache);
		CHECK_EQ(iova_alloc(space, PAGE, PAGE, &iova), 0);
		iova_space_destroy(space);
	}
}

static void what_cannot_go_back_for_lack_of_memory_goes_back_later(void)
{
	for (unsigned nth = 1; nth < 12; nth++) {
		struct iova_space *space = space_of(1, 7 * 512);
		struct iova_cache *cache = cache_of(space);
		uint64_t iova[12];

		for (unsigned i = 0; i < 12; i++)
			iova[i] = alloc(cache, 250);
		for (unsigned i = 0; i < 12; i++)
			CHECK_EQ(iova_cache_free(cache, iova[i], 250), 0);
		fail_at = nth;
		iova_cache_destroy(cache);
		fail_at = 0;
		cache = cache_of(space);
		for (unsigned i = 0; i < 7 * 512; i++)
			alloc(cache, 1);
		CHECK_EQ(try_alloc(cache, 1), -ENOSPC);
		for (uint64_t i = 0; i < 7 * 512; i++)
			CHECK_EQ(iova_cache_free(cache, (1 + i) * PAGE, 1), 0);
		iova_cache_destroy(cache);
		CHECK_EQ(free_pages(space), 7 * 512);
		iova_space_destroy(space);
	}
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(when_memory_runs_out_nothing_has_changed),
		SUITE_TEST(what_cannot_go_back_for_lack_of_memory_goes_back_later),
	};

	return suite_run(argc, argv, "iova_cache_memory", tests, sizeof(tests) / sizeof(tests[0]));
}
