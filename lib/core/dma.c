/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DMA calls: I/O addresses of the channel's, whole pages around the buffers. A mapping is noted at its first page, in the arena that it is
 * in (struct iova_block): what is unmapped must be noted there, so an address in limbo, or one that was never mapped, is refused
 * before anything is done. Fast path.
 */
#include <errno.h>
#include <string.h>

#include "channel.h"

#define PAGE_MASK ((uint64_t)PIOMMU_PAGE_SIZE - 1)
#define PAGE_LG2 12
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

static unsigned pages_of(uint64_t at, size_t len)
{
	return (unsigned)(((at & PAGE_MASK) + len + PAGE_MASK) >> PAGE_LG2);
}

static bool is_sane(uint64_t pa, size_t len)
{
	return len && len <= IOVA_ARENA_PAGES * (size_t)PIOMMU_PAGE_SIZE && pages_of(pa, len) <= IOVA_ARENA_PAGES &&
	       pa + (len - 1) >= pa;
}

/* 0: none of them. */
static unsigned prot_of(enum piommu_dma_dir dir)
{
	switch (dir) {
	case PIOMMU_DMA_TO_DEVICE:
		return PIOMMU_READ;
	case PIOMMU_DMA_FROM_DEVICE:
		return PIOMMU_WRITE;
	case PIOMMU_DMA_BOTH:
		return PIOMMU_RW;
	}
	return 0;
}

static uint16_t *mark_of(struct iova_block *block, uint64_t iova)
{
	return &block->mapped[(iova >> PAGE_LG2) & (IOVA_ARENA_PAGES - 1)];
}

static bool is_static(const struct piommu_channel *ch)
{
	const struct core_domain *cd = core_domain_of(ch->domain);

	return atomic_load_explicit(&cd->mode_kind, memory_order_relaxed) == PIOMMU_MODE_STATIC;
}

/* Addresses; those in limbo are asked for when there are no others. */
static int take(struct piommu_channel *ch, unsigned npages, uint64_t *iova, struct iova_block **block)
{
	int err = iova_cache_alloc(ch->cache, npages, iova, block);

	if (likely(err != -ENOSPC))
		return err;
	return piommu_channel_poll(ch, 0) ? iova_cache_alloc(ch->cache, npages, iova, block) : err;
}

/* ---- Map ---------------------------------------------------------------------------------------------------------------------- */

static int map_static(struct piommu_channel *ch, struct piommu_dma *item)
{
	const struct core_pool *pool = core_pool_by_pa(ch, item->pa, item->len);
	unsigned prot = prot_of(item->dir);

	if (unlikely(!pool))
		return -EFAULT;
	if (unlikely(!prot || prot & ~pool->prot))
		return prot ? -EACCES : -EINVAL;
	item->iova = pool->iova + (item->pa - pool->pa);
	return 0;
}

static struct piommu_range range_at(uint64_t iova, uint64_t pa, unsigned npages, unsigned prot, struct iova_block *block)
{
	return (struct piommu_range){ iova, pa & ~PAGE_MASK, (size_t)npages << PAGE_LG2, prot, &block->leaf };
}

int piommu_dma_map(struct piommu_channel *ch, uint64_t pa, size_t len, enum piommu_dma_dir dir, uint64_t *iova)
{
	unsigned npages = pages_of(pa, len);
	unsigned prot = prot_of(dir);
	struct iova_block *block;
	struct piommu_range range;
	uint64_t at;
	int err;

	if (unlikely(!is_sane(pa, len) || !prot))
		return -EINVAL;
	if (is_static(ch)) {
		struct piommu_dma item = { .pa = pa, .len = len, .dir = dir };

		err = map_static(ch, &item);
		*iova = err ? *iova : item.iova;
		return err;
	}
	err = take(ch, npages, &at, &block);
	if (unlikely(err))
		return err;
	range = range_at(at, pa, npages, prot, block);
	err = core_map_ranges(ch->domain, &range, 1);
	if (unlikely(err)) {
		iova_cache_free(ch->cache, at, npages);
		return err;
	}
	*mark_of(block, at) = (uint16_t)npages;
	*iova = at | (pa & PAGE_MASK);
	return 0;
}

static void give_back(struct piommu_channel *ch, const struct piommu_range *ranges, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		iova_cache_free(ch->cache, ranges[i].iova, (unsigned)(ranges[i].len >> PAGE_LG2));
}

/* All that a range is but for its addresses. @return the pages of all, 0: one of them is not sane */
static unsigned measure(const struct piommu_dma *items, unsigned n, struct piommu_range *ranges)
{
	unsigned total = 0;

	for (unsigned i = 0; i < n; i++) {
		unsigned npages = pages_of(items[i].pa, items[i].len);
		unsigned prot = prot_of(items[i].dir);

		if (unlikely(!is_sane(items[i].pa, items[i].len) || !prot))
			return 0;
		ranges[i].pa = items[i].pa & ~PAGE_MASK;
		ranges[i].len = (size_t)npages << PAGE_LG2;
		ranges[i].prot = prot;
		total += npages;
	}
	return total;
}

/* One block for all of them. */
static int place_together(struct piommu_channel *ch, struct piommu_range *ranges, unsigned n, unsigned total)
{
	struct iova_block *block;
	uint64_t at;
	int err = take(ch, total, &at, &block);

	if (unlikely(err))
		return err;
	for (unsigned i = 0; i < n; i++) {
		ranges[i].iova = at;
		ranges[i].leaf = &block->leaf;
		at += ranges[i].len;
	}
	return 0;
}

static int place_each(struct piommu_channel *ch, struct piommu_range *ranges, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct iova_block *block;
		int err = take(ch, (unsigned)(ranges[i].len >> PAGE_LG2), &ranges[i].iova, &block);

		if (err) {
			give_back(ch, ranges, i);
			return err;
		}
		ranges[i].leaf = &block->leaf;
	}
	return 0;
}

static int place(struct piommu_channel *ch, struct piommu_range *ranges, unsigned n, unsigned total)
{
	int err = likely(total <= IOVA_ARENA_PAGES) ? place_together(ch, ranges, n, total) : -ENOSPC;

	return err == -ENOSPC ? place_each(ch, ranges, n) : err;
}

static int map_static_burst(struct piommu_channel *ch, struct piommu_dma *items, unsigned n)
{
	int err = 0;

	for (unsigned i = 0; i < n && !err; i++)
		err = map_static(ch, &items[i]);
	return err;
}

int piommu_dma_map_burst(struct piommu_channel *ch, struct piommu_dma *items, unsigned n)
{
	struct piommu_range ranges[PIOMMU_BURST_MAX];
	unsigned total;
	int err;

	if (unlikely(n > PIOMMU_BURST_MAX))
		return -EINVAL;
	if (unlikely(!n))
		return 0;
	total = measure(items, n, ranges);
	if (unlikely(!total))
		return -EINVAL;
	if (is_static(ch))
		return map_static_burst(ch, items, n);
	err = place(ch, ranges, n, total);
	if (unlikely(err))
		return err;
	err = core_map_ranges(ch->domain, ranges, n);
	if (unlikely(err)) {
		give_back(ch, ranges, n);
		return err;
	}
	for (unsigned i = 0; i < n; i++) {
		*mark_of(channel_block_of_leaf(ranges[i].leaf), ranges[i].iova) = (uint16_t)(ranges[i].len >> PAGE_LG2);
		items[i].iova = ranges[i].iova | (items[i].pa & PAGE_MASK);
	}
	return 0;
}

/* Elements side by side in memory become one range. @return how many ranges, or -EINVAL */
static int ranges_of_sg(const struct piommu_sg *sg, unsigned n, unsigned prot, struct piommu_range *ranges, unsigned *total)
{
	unsigned used = 0;

	*total = 0;
	for (unsigned i = 0; i < n; i++) {
		unsigned npages = pages_of(sg[i].pa, sg[i].len);
		struct piommu_range *last = used ? &ranges[used - 1] : NULL;

		if (!is_sane(sg[i].pa, sg[i].len) || (i && sg[i].pa & PAGE_MASK) ||
		    (i + 1 < n && (sg[i].pa + sg[i].len) & PAGE_MASK) || *total + npages > IOVA_ARENA_PAGES)
			return -EINVAL;
		*total += npages;
		if (last && last->pa + last->len == sg[i].pa)
			last->len += (size_t)npages << PAGE_LG2;
		else if (used == PIOMMU_BURST_MAX)
			return -EINVAL;
		else
			ranges[used++] = (struct piommu_range){ .pa = sg[i].pa & ~PAGE_MASK,
								.len = (size_t)npages << PAGE_LG2,
								.prot = prot };
	}
	return (int)used;
}

int piommu_dma_map_sg(struct piommu_channel *ch, const struct piommu_sg *sg, unsigned n, enum piommu_dma_dir dir,
		      uint64_t *iova)
{
	struct piommu_range ranges[PIOMMU_BURST_MAX];
	unsigned prot = prot_of(dir);
	struct iova_block *block;
	uint64_t at, next;
	unsigned total;
	int used, err;

	if (!n || !prot)
		return -EINVAL;
	used = ranges_of_sg(sg, n, prot, ranges, &total);
	if (used < 0)
		return used;
	if (is_static(ch) && used == 1)
		return piommu_dma_map(ch, sg[0].pa, ranges[0].len - (sg[0].pa & PAGE_MASK), dir, iova);
	err = take(ch, total, &at, &block);
	if (err)
		return err;
	next = at;
	for (int i = 0; i < used; i++) {
		ranges[i].iova = next;
		ranges[i].leaf = &block->leaf;
		next += ranges[i].len;
	}
	err = core_map_ranges(ch->domain, ranges, (unsigned)used);
	if (err) {
		iova_cache_free(ch->cache, at, total);
		return err;
	}
	*mark_of(block, at) = (uint16_t)total;
	*iova = at | (sg[0].pa & PAGE_MASK);
	return 0;
}

/* ---- Unmap -------------------------------------------------------------------------------------------------------------------- */

/* What is to be cleared. Neighbours in one arena are one range. */
struct sweep {
	struct iova_block *block; /* of the last address */
	uint64_t block_iova;
	unsigned n;
	struct piommu_range ranges[PIOMMU_BURST_MAX];
};

static inline struct iova_block *block_of(struct piommu_channel *ch, struct sweep *sweep, uint64_t iova)
{
	uint64_t at = iova & ~(IOVA_ARENA_PAGES * (uint64_t)PIOMMU_PAGE_SIZE - 1);

	if (at != sweep->block_iova || !sweep->block) {
		sweep->block = iova_cache_block(ch->cache, iova);
		sweep->block_iova = at;
	}
	return sweep->block;
}

static inline void sweep_add(struct sweep *sweep, uint64_t iova, size_t len)
{
	struct piommu_range *last = sweep->n ? &sweep->ranges[sweep->n - 1] : NULL;

	if (last && last->iova + last->len == iova && last->leaf == &sweep->block->leaf)
		last->len += len;
	else
		sweep->ranges[sweep->n++] = (struct piommu_range){ .iova = iova, .len = len, .leaf = &sweep->block->leaf };
}

/* Takes the note of a mapping away. @return whether there was this one */
static inline bool unmark(struct piommu_channel *ch, struct sweep *sweep, uint64_t iova, size_t len)
{
	struct iova_block *block = block_of(ch, sweep, iova);
	uint16_t *mark;

	if (unlikely(!block || !is_sane(iova, len)))
		return false;
	mark = mark_of(block, iova);
	if (unlikely(*mark != pages_of(iova, len)))
		return false;
	*mark = 0;
	return true;
}

static void mark_again(struct piommu_channel *ch, const struct piommu_dma *items, unsigned n, bool pools)
{
	for (unsigned i = 0; i < n; i++) {
		if (pools && core_pool_by_iova(ch, items[i].iova, items[i].len))
			continue;
		*mark_of(iova_cache_block(ch->cache, items[i].iova), items[i].iova) =
			(uint16_t)pages_of(items[i].iova, items[i].len);
	}
}

static int collect(struct piommu_channel *ch, const struct piommu_dma *items, unsigned n, struct sweep *sweep)
{
	bool pools = core_has_pools(ch);

	sweep->block = NULL;
	sweep->block_iova = 0;
	sweep->n = 0;
	for (unsigned i = 0; i < n; i++) {
		if (unlikely(pools) && core_pool_by_iova(ch, items[i].iova, items[i].len))
			continue;
		if (unlikely(!unmark(ch, sweep, items[i].iova, items[i].len))) {
			mark_again(ch, items, i, pools);
			return -ENOENT;
		}
		sweep_add(sweep, items[i].iova & ~PAGE_MASK, (size_t)pages_of(items[i].iova, items[i].len) << PAGE_LG2);
	}
	return 0;
}

static int unmap_swept(struct piommu_channel *ch, const struct sweep *sweep, piommu_ticket *ticket)
{
	size_t bytes = 0;
	int err = core_unmap_ranges(ch->domain, sweep->ranges, sweep->n, &ch->gather, &bytes);

	for (unsigned i = 0; i < sweep->n; i++)
		channel_add_limbo(ch, sweep->ranges[i].iova, (unsigned)(sweep->ranges[i].len >> PAGE_LG2));
	*ticket = channel_close(ch, bytes);
	return err;
}

int piommu_dma_unmap_burst(struct piommu_channel *ch, const struct piommu_dma *items, unsigned n, piommu_ticket *ticket)
{
	struct sweep sweep;
	piommu_ticket own = 0;
	int err;

	if (unlikely(n > PIOMMU_BURST_MAX))
		return -EINVAL;
	if (unlikely(ch->due || !channel_has_room(ch, n)) && !channel_make_room(ch, n))
		return -EAGAIN;
	err = collect(ch, items, n, &sweep);
	if (unlikely(err))
		return err;
	if (sweep.n)
		err = unmap_swept(ch, &sweep, &own);
	if (ticket)
		*ticket = own;
	else if (own && !err)
		err = piommu_channel_wait(ch, own);
	return err;
}

int piommu_dma_unmap(struct piommu_channel *ch, uint64_t iova, size_t len, piommu_ticket *ticket)
{
	const struct piommu_dma item = { .iova = iova, .len = len };

	return piommu_dma_unmap_burst(ch, &item, 1, ticket);
}
