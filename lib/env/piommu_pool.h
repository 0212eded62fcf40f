/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Pages for I/O page tables and the other in-memory structures of an IOMMU: of 4, 16 or 64 KiB, one size a pool. Carved out of
 * 2 MiB chunks, because a general allocator takes microseconds for an aligned page. Allocation and free are lock-free (a tagged
 * index stack); only growing takes a lock. A page keeps its chain link and its deferral words beside the page and never in it: a
 * page that was unlinked from a table may still be walked by hardware until its invalidation completed.
 */
#ifndef PIOMMU_POOL_H
#define PIOMMU_POOL_H

#include "piommu_types.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

#define PIOMMU_PAGE_SIZE 4096u /* the smallest */

struct piommu_pool;

/** Where the pool gets its chunks, and gives them back when it is destroyed. */
struct piommu_pool_source {
	int (*alloc)(void *ctx, size_t len, size_t align, int node, struct piommu_mem *out);
	void (*free)(void *ctx, struct piommu_mem *mem);
	void *ctx;
	uintptr_t va_off; /**< va - pa of everything it hands out */
	int node;         /**< NUMA node wanted, -1: any */
	size_t page_size; /**< of the pool's pages: 4, 16 or 64 KiB; 0: PIOMMU_PAGE_SIZE */
};

/** Pages on their way out, chained outside themselves. All zero is an empty list. */
struct piommu_page_list {
	void *first;
	void *last;
	uint32_t n;
};

/** An empty pool: it takes its first chunk when the first page is asked for. @return 0; -EINVAL; -ENOMEM */
int piommu_pool_create(const struct piommu_pool_source *source, struct piommu_pool **out);
/** All pages must be back; pages that are not are counted in the return value (a leak), and freed all the same. */
size_t piommu_pool_destroy(struct piommu_pool *pool);
/** Ends the pool without its memory, which is never given back: hardware that does not follow may go on reading it. */
void piommu_pool_abandon(struct piommu_pool *pool);

/** A zeroed page, or NULL when the source has no more. Any thread, lock-free but for growing. */
void *piommu_pool_get(struct piommu_pool *pool);
/** The page is reused at once: only for pages that neither hardware nor another thread may still walk. */
void piommu_pool_put(struct piommu_pool *pool, void *page);
void piommu_pool_put_list(struct piommu_pool *pool, struct piommu_page_list *list);

/** Adds a page of a pool at the end. */
void piommu_page_list_add(struct piommu_page_list *list, void *page);
/** Moves all of `from` to the end of `to`. */
void piommu_page_list_splice(struct piommu_page_list *to, struct piommu_page_list *from);
/** 64 bytes beside the first page of a list, for whoever defers its return (an rcu_head lives there). */
void *piommu_page_list_defer_words(struct piommu_page_list *list);

static inline uintptr_t piommu_pool_va_off(const struct piommu_pool *pool)
{
	return *(const uintptr_t *)(const void *)pool; /* the first member, see pool.c */
}

/** Bytes of each of its pages. Pages are aligned to that, also their bus addresses. */
size_t piommu_pool_page_size(const struct piommu_pool *pool);
/** Pages handed out now / bytes taken from the source. */
size_t piommu_pool_used(const struct piommu_pool *pool);
size_t piommu_pool_bytes(const struct piommu_pool *pool);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
