/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DMA calls: I/O addresses of the channel's, whole pages around the buffers. A mapping is noted at its first page, in the arena that it is
 * in (struct iova_block): what is unmapped must be noted there, so an address in limbo, or one that was never mapped, is refused
 * before anything is done. Fast path.
 */
#include <assert.h>
#include <errno.h>

#include "channel.h"

#define PAGE_MASK ((uint64_t)PIOMMU_PAGE_SIZE - 1)
#define PAGE_LG2 12
#define MOST_BYTES (IOVA_ARENA_PAGES * (size_t)PIOMMU_PAGE_SIZE) /* of a buffer, or of an arena */
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

static unsigned pages_of(uint64_t at, size_t len)
{
	return (unsigned)(((at & PAGE_MASK) + len + PAGE_MASK) >> PAGE_LG2);
}

static bool is_sane(uint64_t pa, size_t len)
{
	return len - 1 < MOST_BYTES && pages_of(pa, len) <= IOVA_ARENA_PAGES && pa + (len - 1) >= pa;
}

static_assert(PIOMMU_DMA_TO_DEVICE + 1 == PIOMMU_READ && PIOMMU_DMA_FROM_DEVICE + 1 == PIOMMU_WRITE &&
		      PIOMMU_DMA_BOTH + 1 == PIOMMU_RW,
	      "a direction is a permission, counted from 0");

/* 0: none of them. */
static inline unsigned prot_of(enum piommu_dma_dir dir)
{
	unsigned prot = (unsigned)dir + 1;

	return prot <= PIOMMU_RW ? prot : 0;
}

static inline uint16_t *mark_of(struct iova_block *block, uint64_t iova)
{
	return &block->mapped[(iova >> PAGE_LG2) & (IOVA_ARENA_PAGES - 1)];
}

static inline bool is_static(const struct piommu_channel *ch)
{
	const struct core_domain *cd = core_domain_of(ch->domain);

	return atomic_load_explicit(&cd->mode_kind, memory_order_relaxed) == PIOMMU_MODE_STATIC;
}

/* Addresses; those in limbo are asked for when there are no others. */
static inline int take(struct piommu_channel *ch, unsigned npages, uint64_t *iova, struct iova_block **block)
{
	int err = iova_cache_alloc(ch->cache, npages, iova, block);

	if (likely(err != -ENOSPC))
		return err;
	return piommu_channel_poll(ch, 0) ? iova_cache_alloc(ch->cache, npages, iova, block) : err;
}

/* ---- Map ---------------------------------------------------------------------------------------------------------------------- */

/* Not in the pool that was right last, or not to be: in another one, or why it is in none. */
static __attribute__((noinline)) int map_static_slow(struct piommu_channel *ch, const struct core_pools *pools,
						     struct piommu_dma *item)
{
	const struct core_pool *pool;
	unsigned prot = prot_of(item->dir);

	if (!is_sane(item->pa, item->len) || !prot)
		return -EINVAL;
	pool = pools ? core_pool_search(ch, pools, item->pa, item->len, false) : NULL;
	if (!pool)
		return -EFAULT;
	if (prot & ~pool->prot)
		return -EACCES;
	item->iova = pool->iova + (item->pa - pool->pa);
	return 0;
}

/* Nearly every buffer is: in that pool, of a direction that it allows, and not so long that it must be looked at twice. */
static inline bool is_in_pool(const struct core_pool *pool, uint64_t pa, size_t len, enum piommu_dma_dir dir)
{
	return core_is_in(pa, len, pool->pa, pool->len) && len <= MOST_BYTES - PIOMMU_PAGE_SIZE &&
	       (unsigned)dir <= PIOMMU_DMA_BOTH && pool->dirs >> dir & 1;
}

static int map_static_burst(struct piommu_channel *ch, struct piommu_dma *items, unsigned n)
{
	const struct core_pools *pools = core_pools_of(ch);
	struct core_pool pool = { 0 };

	if (likely(pools))
		pool = *core_pool_last(ch, pools);
	for (unsigned i = 0; i < n; i++) {
		if (likely(is_in_pool(&pool, items[i].pa, items[i].len, items[i].dir))) {
			items[i].iova = pool.iova + (items[i].pa - pool.pa);
		} else {
			int err = map_static_slow(ch, pools, &items[i]);

			if (err)
				return err;
			pool = *core_pool_last(ch, pools);
		}
	}
	return 0;
}

static __attribute__((noinline)) int map_static_one_slow(struct piommu_channel *ch, const struct core_pools *pools, uint64_t pa,
							 size_t len, enum piommu_dma_dir dir, uint64_t *iova)
{
	struct piommu_dma item = { .pa = pa, .len = len, .dir = dir };
	int err = map_static_slow(ch, pools, &item);

	if (!err)
		*iova = item.iova;
	return err;
}

static inline int map_static(struct piommu_channel *ch, uint64_t pa, size_t len, enum piommu_dma_dir dir, uint64_t *iova)
{
	const struct core_pools *pools = core_pools_of(ch);
	const struct core_pool *pool = pools ? core_pool_last(ch, pools) : NULL;

	if (unlikely(!pool || !is_in_pool(pool, pa, len, dir)))
		return map_static_one_slow(ch, pools, pa, len, dir, iova);
	*iova = pool->iova + (pa - pool->pa);
	return 0;
}

static __attribute__((noinline)) int map_one(struct piommu_channel *ch, uint64_t pa, size_t len, enum piommu_dma_dir dir,
					     uint64_t *iova)
{
	unsigned npages = pages_of(pa, len);
	struct piommu_mapping mapping;
	struct iova_block *block;
	int err;

	if (unlikely(!is_sane(pa, len) || !prot_of(dir)))
		return -EINVAL;
	err = take(ch, npages, &mapping.iova, &block);
	if (unlikely(err))
		return err;
	mapping.len = (size_t)npages << PAGE_LG2;
	mapping.leaf = &block->leaf;
	mapping.pa = pa & ~PAGE_MASK;
	mapping.pages = NULL;
	mapping.prot = prot_of(dir);
	err = core_map_ranges(ch->domain, &mapping, 1);
	if (unlikely(err)) {
		iova_cache_free(ch->cache, mapping.iova, npages);
		return err;
	}
	*mark_of(block, mapping.iova) = (uint16_t)npages;
	*iova = mapping.iova | (pa & PAGE_MASK);
	return 0;
}

int piommu_dma_map(struct piommu_channel *ch, uint64_t pa, size_t len, enum piommu_dma_dir dir, uint64_t *iova)
{
	return is_static(ch) ? map_static(ch, pa, len, dir, iova) : map_one(ch, pa, len, dir, iova);
}

/* ---- Map: a burst of pages ------------------------------------------------------------------------------------------------------- */

/* Buffers of one page each, all of one direction: what most bursts are. Fills `pages` with where they are. */
static inline bool is_pages(const struct piommu_dma *items, unsigned n, uint64_t *pages)
{
	enum piommu_dma_dir dir = items[0].dir;

	for (unsigned i = 0; i < n; i++) {
		uint64_t off = items[i].pa & PAGE_MASK;

		if (unlikely(items[i].len - 1 >= PIOMMU_PAGE_SIZE - off || items[i].dir != dir))
			return false;
		pages[i] = items[i].pa - off;
	}
	return prot_of(dir) != 0;
}

/* Side by side. */
static int map_pages(struct piommu_channel *ch, struct piommu_dma *items, unsigned n, const uint64_t *pages)
{
	struct piommu_mapping mapping = { .len = (size_t)n << PAGE_LG2, .pages = pages, .prot = prot_of(items[0].dir) };
	struct iova_block *block;
	uint16_t *mark;
	int err = take(ch, n, &mapping.iova, &block);

	if (unlikely(err))
		return err;
	mapping.leaf = &block->leaf;
	err = core_map_ranges(ch->domain, &mapping, 1);
	if (unlikely(err)) {
		iova_cache_free(ch->cache, mapping.iova, n);
		return err;
	}
	mark = mark_of(block, mapping.iova);
	for (unsigned i = 0; i < n; i++) {
		mark[i] = 1;
		items[i].iova = (mapping.iova + ((uint64_t)i << PAGE_LG2)) | (items[i].pa & PAGE_MASK);
	}
	return 0;
}

/* ---- Map: a burst of any buffers --------------------------------------------------------------------------------------------------- */

static void give_back(struct piommu_channel *ch, const struct piommu_mapping *mappings, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		iova_cache_free(ch->cache, mappings[i].iova, (unsigned)(mappings[i].len >> PAGE_LG2));
}

/* All that a mapping is but for its addresses. @return the pages of all, 0: one of them is not sane */
static unsigned measure(const struct piommu_dma *items, unsigned n, struct piommu_mapping *mappings)
{
	unsigned total = 0;

	for (unsigned i = 0; i < n; i++) {
		unsigned npages = pages_of(items[i].pa, items[i].len);
		unsigned prot = prot_of(items[i].dir);

		if (unlikely(!is_sane(items[i].pa, items[i].len) || !prot))
			return 0;
		mappings[i].pa = items[i].pa & ~PAGE_MASK;
		mappings[i].pages = NULL;
		mappings[i].len = (size_t)npages << PAGE_LG2;
		mappings[i].prot = prot;
		total += npages;
	}
	return total;
}

/* One block for all of them. */
static int place_together(struct piommu_channel *ch, struct piommu_mapping *mappings, unsigned n, unsigned total)
{
	struct iova_block *block;
	uint64_t at;
	int err = take(ch, total, &at, &block);

	if (unlikely(err))
		return err;
	for (unsigned i = 0; i < n; i++) {
		mappings[i].iova = at;
		mappings[i].leaf = &block->leaf;
		at += mappings[i].len;
	}
	return 0;
}

static int place_each(struct piommu_channel *ch, struct piommu_mapping *mappings, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct iova_block *block;
		int err = take(ch, (unsigned)(mappings[i].len >> PAGE_LG2), &mappings[i].iova, &block);

		if (err) {
			give_back(ch, mappings, i);
			return err;
		}
		mappings[i].leaf = &block->leaf;
	}
	return 0;
}

static int place(struct piommu_channel *ch, struct piommu_mapping *mappings, unsigned n, unsigned total)
{
	int err = likely(total <= IOVA_ARENA_PAGES) ? place_together(ch, mappings, n, total) : -ENOSPC;

	return err == -ENOSPC ? place_each(ch, mappings, n) : err;
}

static __attribute__((noinline)) int map_any(struct piommu_channel *ch, struct piommu_dma *items, unsigned n)
{
	struct piommu_mapping mappings[PIOMMU_BURST_MAX];
	unsigned total = measure(items, n, mappings);
	int err;

	if (unlikely(!total))
		return -EINVAL;
	err = place(ch, mappings, n, total);
	if (unlikely(err))
		return err;
	err = core_map_ranges(ch->domain, mappings, n);
	if (unlikely(err)) {
		give_back(ch, mappings, n);
		return err;
	}
	for (unsigned i = 0; i < n; i++) {
		*mark_of(channel_block_of_leaf(mappings[i].leaf), mappings[i].iova) = (uint16_t)(mappings[i].len >> PAGE_LG2);
		items[i].iova = mappings[i].iova | (items[i].pa & PAGE_MASK);
	}
	return 0;
}

int piommu_dma_map_burst(struct piommu_channel *ch, struct piommu_dma *items, unsigned n)
{
	uint64_t pages[PIOMMU_BURST_MAX];
	int err;

	if (unlikely(n > PIOMMU_BURST_MAX))
		return -EINVAL;
	if (unlikely(!n))
		return 0;
	if (is_static(ch))
		return map_static_burst(ch, items, n);
	if (!is_pages(items, n, pages))
		return map_any(ch, items, n);
	err = map_pages(ch, items, n, pages);
	return unlikely(err == -ENOSPC) && n > 1 ? map_any(ch, items, n) : err;
}

/* ---- Map: scattered memory as one range -------------------------------------------------------------------------------------------- */

/* Elements side by side in memory become one range. @return how many ranges, or -EINVAL */
static int mappings_of_sg(const struct piommu_sg *sg, unsigned n, unsigned prot, struct piommu_mapping *mappings,
			  unsigned *total)
{
	unsigned used = 0;

	*total = 0;
	for (unsigned i = 0; i < n; i++) {
		unsigned npages = pages_of(sg[i].pa, sg[i].len);
		struct piommu_mapping *last = used ? &mappings[used - 1] : NULL;

		if (!is_sane(sg[i].pa, sg[i].len) || (i && sg[i].pa & PAGE_MASK) ||
		    (i + 1 < n && (sg[i].pa + sg[i].len) & PAGE_MASK) || *total + npages > IOVA_ARENA_PAGES)
			return -EINVAL;
		*total += npages;
		if (last && last->pa + last->len == sg[i].pa)
			last->len += (size_t)npages << PAGE_LG2;
		else if (used == PIOMMU_BURST_MAX)
			return -EINVAL;
		else
			mappings[used++] = (struct piommu_mapping){ .pa = sg[i].pa & ~PAGE_MASK,
								    .len = (size_t)npages << PAGE_LG2,
								    .prot = prot };
	}
	return (int)used;
}

int piommu_dma_map_sg(struct piommu_channel *ch, const struct piommu_sg *sg, unsigned n, enum piommu_dma_dir dir,
		      uint64_t *iova)
{
	struct piommu_mapping mappings[PIOMMU_BURST_MAX];
	unsigned prot = prot_of(dir);
	struct iova_block *block;
	uint64_t at, next;
	unsigned total;
	int used, err;

	if (!n || !prot)
		return -EINVAL;
	used = mappings_of_sg(sg, n, prot, mappings, &total);
	if (used < 0)
		return used;
	if (is_static(ch) && used == 1)
		return piommu_dma_map(ch, sg[0].pa, mappings[0].len - (sg[0].pa & PAGE_MASK), dir, iova);
	err = take(ch, total, &at, &block);
	if (err)
		return err;
	next = at;
	for (int i = 0; i < used; i++) {
		mappings[i].iova = next;
		mappings[i].leaf = &block->leaf;
		next += mappings[i].len;
	}
	err = core_map_ranges(ch->domain, mappings, (unsigned)used);
	if (err) {
		iova_cache_free(ch->cache, at, total);
		return err;
	}
	*mark_of(block, at) = (uint16_t)total;
	*iova = at | (sg[0].pa & PAGE_MASK);
	return 0;
}

/* ---- Unmap -------------------------------------------------------------------------------------------------------------------- */

static void mark_again(struct piommu_channel *ch, const struct piommu_dma *items, unsigned n, const struct core_pools *pools)
{
	for (unsigned i = 0; i < n; i++) {
		if (pools && core_pool_by_iova(ch, pools, items[i].iova, items[i].len))
			continue;
		*mark_of(iova_cache_block(ch->cache, items[i].iova), items[i].iova) =
			(uint16_t)pages_of(items[i].iova, items[i].len);
	}
}

/* Ranges as they go to limbo: neighbours in one arena, in either direction, are one. */
struct sweep {
	struct piommu_range *next; /* where the next one goes */
	struct iova_block *block;  /* of the one that grows; NULL: none yet */
	uint64_t start, end;
};

static inline void sweep_end(struct sweep *sweep)
{
	if (!sweep->block)
		return;
	sweep->next->iova = sweep->start;
	sweep->next->len = sweep->end - sweep->start;
	sweep->next->leaf = &sweep->block->leaf;
	sweep->next++;
}

static inline void sweep_add(struct sweep *sweep, struct iova_block *block, uint64_t iova, size_t len)
{
	if (block == sweep->block && iova == sweep->end) {
		sweep->end += len;
		return;
	}
	if (block == sweep->block && iova + len == sweep->start) {
		sweep->start = iova;
		return;
	}
	sweep_end(sweep);
	sweep->block = block;
	sweep->start = iova;
	sweep->end = iova + len;
}

/*
 * Takes the notes of mappings away. `ranges` gets what is to be cleared; those of pools are left alone.
 * @return how many ranges; -ENOENT: one is not mapped so, and nothing was changed
 */
static inline int collect(struct piommu_channel *ch, const struct piommu_dma *items, unsigned n, const struct core_pools *pools,
			  struct piommu_range *ranges)
{
	struct sweep sweep = { .next = ranges };
	struct iova_block *block = NULL;
	uint64_t block_iova = 0;

	for (unsigned i = 0; i < n; i++) {
		uint64_t iova = items[i].iova;
		size_t len = items[i].len;
		unsigned npages = pages_of(iova, len);
		uint16_t *mark;

		if (pools && core_pool_by_iova(ch, pools, iova, len))
			continue;
		if (unlikely(iova - block_iova >= MOST_BYTES || !block)) {
			block = iova_cache_block(ch->cache, iova);
			block_iova = iova & ~(uint64_t)(MOST_BYTES - 1);
		}
		mark = block ? mark_of(block, iova) : NULL;
		if (unlikely(!mark || *mark != npages || len - 1 >= MOST_BYTES)) {
			mark_again(ch, items, i, pools);
			return -ENOENT;
		}
		*mark = 0;
		sweep_add(&sweep, block, iova & ~PAGE_MASK, (size_t)npages << PAGE_LG2);
	}
	sweep_end(&sweep);
	return (int)(sweep.next - ranges);
}

static __attribute__((noinline)) int collect_some(struct piommu_channel *ch, const struct piommu_dma *items, unsigned n,
						  const struct core_pools *pools, struct piommu_range *ranges)
{
	return collect(ch, items, n, pools, ranges);
}

static int unmap_swept(struct piommu_channel *ch, const struct piommu_range *ranges, unsigned n, piommu_ticket *ticket)
{
	size_t bytes = 0;
	int err = core_unmap_ranges(ch->domain, ranges, n, &ch->gather, &bytes);

	channel_add_limbo(ch, n);
	*ticket = channel_close(ch, bytes);
	return err;
}

int piommu_dma_unmap_burst(struct piommu_channel *ch, const struct piommu_dma *items, unsigned n, piommu_ticket *ticket)
{
	const struct core_pools *pools;
	struct piommu_range *ranges;
	piommu_ticket own = 0;
	int used, err = 0;

	if (unlikely(n > PIOMMU_BURST_MAX))
		return -EINVAL;
	if (unlikely(!n)) {
		if (ticket)
			*ticket = 0;
		return 0;
	}
	if (unlikely(ch->due || !channel_has_room(ch, n)) && !channel_make_room(ch, n))
		return -EAGAIN;
	ranges = channel_limbo_end(ch, n);
	pools = core_pools_of(ch);
	used = likely(!pools) ? collect(ch, items, n, NULL, ranges) : collect_some(ch, items, n, pools, ranges);
	if (unlikely(used < 0))
		return used;
	if (used)
		err = unmap_swept(ch, ranges, (unsigned)used, &own);
	if (ticket)
		*ticket = own;
	else if (own && !err)
		err = piommu_channel_wait(ch, own);
	return err;
}

/* Not in the pool that was right last: a burst of one looks for the others. */
static __attribute__((noinline)) int unmap_one(struct piommu_channel *ch, uint64_t iova, size_t len, piommu_ticket *ticket)
{
	const struct piommu_dma item = { .iova = iova, .len = len };

	return piommu_dma_unmap_burst(ch, &item, 1, ticket);
}

int piommu_dma_unmap(struct piommu_channel *ch, uint64_t iova, size_t len, piommu_ticket *ticket)
{
	const struct core_pools *pools = core_pools_of(ch);

	const struct core_pool *last = pools ? core_pool_last(ch, pools) : NULL;

	if (!last || !core_is_in(iova, len, last->iova, last->len) || !ticket)
		return unmap_one(ch, iova, len, ticket);
	*ticket = 0;
	return 0;
}
