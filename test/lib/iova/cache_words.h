/* SPDX-License-Identifier: BSD-3-Clause */
/* Words for tests of caches: what goes wrong in one is a failure of the test. */
#ifndef CACHE_WORDS_H
#define CACHE_WORDS_H

#include "iova_cache.h"
#include "suite.h"

#define PAGE UINT64_C(4096)

static inline struct iova_space *space_of(uint64_t first_page, uint64_t npages)
{
	struct iova_space *space = NULL;

	CHECK_EQ(iova_space_create((struct piommu_span){ first_page * PAGE, (first_page + npages) * PAGE - 1 }, &space), 0);
	return space;
}

static inline struct iova_cache *cache_of(struct iova_space *space)
{
	struct iova_cache *cache = NULL;

	CHECK_EQ(iova_cache_create(space, &cache), 0);
	return cache;
}

static inline uint64_t alloc(struct iova_cache *cache, unsigned npages)
{
	struct iova_block *block = NULL;
	uint64_t iova = UINT64_MAX;

	CHECK_EQ(iova_cache_alloc(cache, npages, &iova, &block), 0);
	CU_ASSERT_PTR_NOT_NULL(block);
	CU_ASSERT_PTR_EQUAL(iova_cache_block(cache, iova), block);
	return iova;
}

static inline int try_alloc(struct iova_cache *cache, unsigned npages)
{
	struct iova_block *block;
	uint64_t iova;

	return iova_cache_alloc(cache, npages, &iova, &block);
}

static inline uint64_t free_pages(struct iova_space *space)
{
	uint64_t free_bytes, longest;

	iova_space_usage(space, &free_bytes, &longest);
	return free_bytes / PAGE;
}

#endif
