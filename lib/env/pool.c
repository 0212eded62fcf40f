/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Table pages. A chunk of 2 MiB begins with the words that its pages need (chain link, deferral words), so that a page
 * finds them by clearing its low address bits, and never holds them itself: hardware may still walk a page that is on its
 * way out.
 *
 * Free pages are a stack, linked by page number. Its head is one 64-bit word: number of the top page in the low half, a
 * tag in the high half that changes with every push and pop, so that a pop that slept cannot install an outdated link
 * (ABA). A pop reads the link of a page that another thread may have taken meanwhile: the words stay where they are until
 * the pool is destroyed, and the compare-and-swap then fails.
 *
 * Every thread enters; `lock` is only for growing.
 */
#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "lock.h"
#include "piommu_bits.h"
#include "piommu_pool.h"

#define CHUNK_LG2 21u
#define CHUNK_SIZE ((size_t)1 << CHUNK_LG2)
#define MAX_CHUNKS 16384u /* 32 GiB of tables, enough for 16 TiB in 4 KiB leaves */

struct page_words {
	_Atomic uint64_t link; /* on the stack: number of the page below, 0: none; on a page list: the next page's address */
	uint64_t defer[8];
};

struct chunk {
	struct piommu_pool *pool;
	uint32_t first; /* number of its page 0; page 0 and perhaps a few more hold this structure and are never handed out */
	uint32_t page_lg2;
	struct piommu_mem mem;
	struct page_words words[]; /* one for each page */
};

struct piommu_pool {
	uintptr_t va_off; /* first: piommu_pool_va_off() */
	struct piommu_pool_source source;
	struct mutex lock RANKED(LOCK_POOL); /* one thread grows the pool */
	_Atomic uint32_t nchunks;
	_Atomic uint64_t head;
	_Atomic size_t used;
	uint32_t page_lg2;
	struct chunk *_Atomic chunk[MAX_CHUNKS];
};

static struct chunk *chunk_of(const void *page)
{
	return (struct chunk *)((uintptr_t)page & ~(uintptr_t)(CHUNK_SIZE - 1));
}

/* Which page of its chunk. */
static uint32_t index_of(const void *page)
{
	return (uint32_t)((uintptr_t)page % CHUNK_SIZE) >> chunk_of(page)->page_lg2;
}

static struct page_words *words_of(const void *page)
{
	return &chunk_of(page)->words[index_of(page)];
}

/* Never 0: the first pages of a chunk are not handed out. */
static uint32_t number_of(const void *page)
{
	return chunk_of(page)->first + index_of(page);
}

static void *page_at(struct piommu_pool *pool, uint32_t number)
{
	uint64_t offset = (uint64_t)number << pool->page_lg2; /* as if all chunks lay in a row */
	/* Acquire: the chunk's first words, partner of the release in grow(). */
	struct chunk *chunk = atomic_load_explicit(&pool->chunk[offset >> CHUNK_LG2], memory_order_acquire);

	return (char *)chunk + offset % CHUNK_SIZE;
}

static void *list_next(const void *page)
{
	return (void *)(uintptr_t)atomic_load_explicit(&words_of(page)->link, memory_order_relaxed);
}

static void set_link(void *page, uint64_t link)
{
	atomic_store_explicit(&words_of(page)->link, link, memory_order_relaxed);
}

/* The head that replaces `head` when page `number` (0: none) comes to the top. */
static uint64_t next_head(uint64_t head, uint32_t number)
{
	return ((head >> 32) + 1) << 32 | number;
}

static void *pop(struct piommu_pool *pool)
{
	uint64_t head = atomic_load_explicit(&pool->head, memory_order_acquire);

	while ((uint32_t)head) {
		void *page = page_at(pool, (uint32_t)head);
		uint32_t below = (uint32_t)atomic_load_explicit(&words_of(page)->link, memory_order_relaxed);

		/* Acquire: its last owner was done with the page before we clear it; partner of push(). */
		if (atomic_compare_exchange_weak_explicit(&pool->head, &head, next_head(head, below), memory_order_acquire,
							  memory_order_acquire))
			return page;
	}
	return NULL;
}

/* `first` is linked down to `last` by numbers already. Release: what owners did to the pages comes before their reuse. */
static void push(struct piommu_pool *pool, uint32_t first, void *last)
{
	uint64_t head = atomic_load_explicit(&pool->head, memory_order_relaxed);

	do
		set_link(last, (uint32_t)head);
	while (!atomic_compare_exchange_weak_explicit(&pool->head, &head, next_head(head, first), memory_order_release,
						      memory_order_relaxed));
}

/*
 * Builds with yield points alone: a page that came back is filled with what every format takes for a present entry with reserved
 * bits and a wild address, so that a walker, in hardware or ours, that still uses it is seen at once.
 */
#define POISON 0xdf

static void poison(void *page)
{
#ifdef PIOMMU_YIELD_POINTS
	memset(page, POISON, (size_t)1 << chunk_of(page)->page_lg2);
#else
	(void)page;
#endif
}

/* Takes a chunk from the source. */
static int chunk_create(struct piommu_pool *pool, struct chunk **out)
{
	struct piommu_mem mem;
	struct chunk *chunk;
	int err;

	err = pool->source.alloc(pool->source.ctx, CHUNK_SIZE, CHUNK_SIZE, pool->source.node, &mem);
	if (err)
		return err;
	if (!is_aligned((uintptr_t)mem.va, CHUNK_SIZE) || !is_aligned(mem.pa, BIT64(pool->page_lg2)) ||
	    (uintptr_t)mem.va - (uintptr_t)mem.pa != pool->va_off) {
		pool->source.free(pool->source.ctx, &mem);
		return -EINVAL;
	}
	chunk = mem.va;
	chunk->pool = pool;
	chunk->page_lg2 = pool->page_lg2;
	chunk->mem = mem;
	*out = chunk;
	return 0;
}

/* Adds a chunk's pages, all but one, which it returns. NULL where the source has no more. */
static void *grow(struct piommu_pool *pool) REQUIRES(pool->lock)
{
	uint32_t n = atomic_load_explicit(&pool->nchunks, memory_order_relaxed);
	uint32_t npages = (uint32_t)(CHUNK_SIZE >> pool->page_lg2);
	struct chunk *chunk;
	uint32_t own; /* pages that hold the structure */
	char *pages;

	if (n == MAX_CHUNKS || chunk_create(pool, &chunk))
		return NULL;
	own = (uint32_t)(align_up(sizeof(*chunk) + npages * sizeof(chunk->words[0]), BIT64(pool->page_lg2)) >> pool->page_lg2);
	chunk->first = n * npages;
	pages = (char *)chunk;
	for (uint32_t i = own + 1; i < npages - 1; i++)
		set_link(pages + ((size_t)i << pool->page_lg2), chunk->first + i + 1);
	atomic_store_explicit(&pool->chunk[n], chunk, memory_order_release);
	atomic_store_explicit(&pool->nchunks, n + 1, memory_order_relaxed);
	push(pool, chunk->first + own + 1, pages + ((size_t)(npages - 1) << pool->page_lg2));
	return pages + ((size_t)own << pool->page_lg2);
}

void *piommu_pool_get(struct piommu_pool *pool)
{
	void *page = pop(pool);

	if (!page) {
		mutex_lock(&pool->lock);
		page = pop(pool); /* another thread may have grown it meanwhile */
		if (!page)
			page = grow(pool);
		mutex_unlock(&pool->lock);
	}
	if (!page)
		return NULL;
	atomic_fetch_add_explicit(&pool->used, 1, memory_order_relaxed);
	memset(page, 0, (size_t)1 << pool->page_lg2);
	return page;
}

void piommu_pool_put(struct piommu_pool *pool, void *page)
{
	if (!page)
		return;
	assert(chunk_of(page)->pool == pool);
	atomic_fetch_sub_explicit(&pool->used, 1, memory_order_relaxed);
	poison(page);
	push(pool, number_of(page), page);
}

void piommu_pool_put_list(struct piommu_pool *pool, struct piommu_page_list *list)
{
	if (!list->n)
		return;
	for (void *page = list->first, *next; page != list->last; page = next) {
		assert(chunk_of(page)->pool == pool);
		next = list_next(page);
		set_link(page, number_of(next));
		poison(page);
	}
	poison(list->last);
	atomic_fetch_sub_explicit(&pool->used, list->n, memory_order_relaxed);
	push(pool, number_of(list->first), list->last);
	*list = (struct piommu_page_list){ 0 };
}

void piommu_page_list_add(struct piommu_page_list *list, void *page)
{
	set_link(page, 0);
	if (list->n)
		set_link(list->last, (uintptr_t)page);
	else
		list->first = page;
	list->last = page;
	list->n++;
}

void piommu_page_list_splice(struct piommu_page_list *to, struct piommu_page_list *from)
{
	if (!from->n)
		return;
	if (to->n)
		set_link(to->last, (uintptr_t)from->first);
	else
		to->first = from->first;
	to->last = from->last;
	to->n += from->n;
	*from = (struct piommu_page_list){ 0 };
}

void *piommu_page_list_defer_words(struct piommu_page_list *list)
{
	return list->n ? words_of(list->first)->defer : NULL;
}

size_t piommu_pool_used(const struct piommu_pool *pool)
{
	return atomic_load_explicit(&pool->used, memory_order_relaxed);
}

size_t piommu_pool_bytes(const struct piommu_pool *pool)
{
	return atomic_load_explicit(&pool->nchunks, memory_order_relaxed) * CHUNK_SIZE;
}

size_t piommu_pool_page_size(const struct piommu_pool *pool)
{
	return (size_t)1 << pool->page_lg2;
}

int piommu_pool_create(const struct piommu_pool_source *source, struct piommu_pool **out)
{
	size_t page_size = source->page_size ? source->page_size : PIOMMU_PAGE_SIZE;
	struct piommu_pool *pool;

	if (!source->alloc || !source->free || (page_size != 4096 && page_size != 16384 && page_size != 65536))
		return -EINVAL;
	pool = calloc(1, sizeof(*pool));
	if (!pool)
		return -ENOMEM;
	pool->va_off = source->va_off;
	pool->source = *source;
	pool->page_lg2 = ctz_u64(page_size);
	mutex_init(&pool->lock, LOCK_POOL);
	*out = pool;
	return 0;
}

void piommu_pool_abandon(struct piommu_pool *pool)
{
	mutex_fini(&pool->lock);
	free(pool);
}

size_t piommu_pool_destroy(struct piommu_pool *pool)
{
	size_t leaked;

	if (!pool)
		return 0;
	leaked = piommu_pool_used(pool);
	for (uint32_t i = 0; i < atomic_load_explicit(&pool->nchunks, memory_order_relaxed); i++) {
		struct chunk *chunk = atomic_load_explicit(&pool->chunk[i], memory_order_relaxed);
		struct piommu_mem mem = chunk->mem; /* it lies in the memory that goes */

		pool->source.free(pool->source.ctx, &mem);
	}
	piommu_pool_abandon(pool);
	return leaked;
}
