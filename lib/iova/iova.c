/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * I/O addresses of one domain: free extents in one treap, allocated ones in another. What is allocated brought its node
 * along, so a free needs no memory and cannot fail for lack of it. What arenas have (depot.c) is in neither. Any thread; the lock is
 * a leaf.
 *
 * Page 0 is held apart from the free extents and joins them only for an allocation that would fail otherwise: a driver that
 * takes address 0 for "none" is a common bug.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "space.h"

#define PAGE UINT64_C(4096)

int iova_space_create(struct piommu_span aperture, struct iova_space **out)
{
	uint64_t first = aperture.start / PAGE;
	uint64_t last = aperture.last / PAGE;
	struct iova_space *space;
	struct extent *all = NULL;

	if (aperture.start > aperture.last || aperture.start % PAGE || aperture.last % PAGE != PAGE - 1)
		return -EINVAL;
	space = calloc(1, sizeof(*space));
	if (!space)
		return -ENOMEM;
	mutex_init(&space->lock, LOCK_LEAF);
	mutex_assert_unshared(&space->lock);
	if (last > 0) {
		all = extent_make(first ? first : 1, last);
		if (!all) {
			iova_space_destroy(space);
			return -ENOMEM;
		}
		extent_insert(&space->free, all);
	}
	space->first = first;
	space->last = last;
	space->nfree = last - first + 1;
	space->zero_free = first == 0;
	*out = space;
	return 0;
}

void iova_space_destroy(struct iova_space *space)
{
	if (!space)
		return;
	mutex_assert_unshared(&space->lock);
	depot_close(space);
	iova_cache_free_spares(space->spare);
	extent_free_all(space->free);
	extent_free_all(space->used);
	mutex_fini(&space->lock);
	free(space);
}

void space_give(struct iova_space *space, struct extent *extent)
{
	struct extent *before = extent->first ? extent_at_or_after(space->free, extent->first - 1) : NULL;
	struct extent *after;

	if (before && before->last + 1 == extent->first) {
		extent_remove(&space->free, before->first);
		extent->first = before->first;
		free(before);
	}
	after = extent_at_or_after(space->free, extent->last);
	if (after && after->first == extent->last + 1) {
		extent_remove(&space->free, after->first);
		extent->last = after->last;
		free(after);
	}
	extent_insert(&space->free, extent);
}

bool space_splits(const struct extent *gap, uint64_t first, uint64_t last)
{
	return gap->first < first && last < gap->last;
}

void space_carve(struct iova_space *space, struct extent *gap, uint64_t first, uint64_t last, struct extent *spare)
{
	extent_remove(&space->free, gap->first);
	if (space_splits(gap, first, last)) {
		spare->first = last + 1;
		spare->last = gap->last;
		extent_insert(&space->free, spare);
	}
	if (gap->first < first)
		gap->last = first - 1;
	else if (last < gap->last)
		gap->first = last + 1;
	else {
		free(gap);
		return;
	}
	extent_insert(&space->free, gap);
}

static bool overlaps(struct extent *root, uint64_t first, uint64_t last)
{
	const struct extent *extent = extent_at_or_after(root, first);

	return extent && extent->first <= last;
}

/* Arenas that nobody uses any more are given back first. */
static bool in_use(struct iova_space *space, uint64_t first, uint64_t last) REQUIRES(space->lock)
{
	if (overlaps(space->used, first, last))
		return true;
	depot_shrink(space, UINT_MAX);
	return depot_overlaps(space, first, last);
}

/* `first` and `last` lie inside the aperture. */
static int reserve(struct iova_space *space, uint64_t first, uint64_t last) REQUIRES(space->lock)
{
	struct extent *spare, *gap;

	if (in_use(space, first, last))
		return -EBUSY;
	spare = extent_make(0, 0);
	if (!spare)
		return -ENOMEM;
	if (space->zero_free && first == 0) {
		space->zero_free = false;
		space->nfree--;
	}
	while ((gap = extent_at_or_after(space->free, first)) && gap->first <= last) {
		uint64_t from = gap->first > first ? gap->first : first;
		uint64_t to = gap->last < last ? gap->last : last;

		space->nfree -= to - from + 1;
		if (space_splits(gap, from, to)) { /* then it is the only one */
			space_carve(space, gap, from, to, spare);
			return 0;
		}
		space_carve(space, gap, from, to, NULL);
	}
	free(spare);
	return 0;
}

/* The pages of it that are in the aperture. */
static bool clip(const struct iova_space *space, struct piommu_span span, uint64_t *first, uint64_t *last)
{
	*first = span.start / PAGE;
	*last = span.last / PAGE;
	if (*first < space->first)
		*first = space->first;
	if (*last > space->last)
		*last = space->last;
	return *first <= *last;
}

int iova_space_reserve(struct iova_space *space, struct piommu_span span)
{
	uint64_t first, last;
	int err;

	if (!clip(space, span, &first, &last))
		return 0;
	mutex_lock(&space->lock);
	err = reserve(space, first, last);
	mutex_unlock(&space->lock);
	return err;
}

bool iova_space_in_use(struct iova_space *space, struct piommu_span span)
{
	uint64_t first, last;
	bool is;

	if (!clip(space, span, &first, &last))
		return false;
	mutex_lock(&space->lock);
	is = in_use(space, first, last);
	mutex_unlock(&space->lock);
	return is;
}

/* Moves `n` pages from the free extents to the used ones. */
static int take(struct iova_space *space, uint64_t n, uint64_t align, uint64_t *at) REQUIRES(space->lock)
{
	struct extent *gap = extent_find_fit(space->free, n, align, at);
	struct extent *mine, *spare = NULL;
	bool two;

	if (!gap)
		return -ENOSPC;
	two = space_splits(gap, *at, *at + n - 1);
	mine = extent_make(*at, *at + n - 1);
	if (two)
		spare = extent_make(*at + n, gap->last);
	if (!mine || (two && !spare)) {
		free(mine);
		free(spare);
		return -ENOMEM;
	}
	space_carve(space, gap, *at, *at + n - 1, spare);
	extent_insert(&space->used, mine);
	space->nfree -= n;
	return 0;
}

/* As take(), with page 0 among the free extents. All other places were tried: a success includes page 0. */
static int take_with_zero(struct iova_space *space, uint64_t n, uint64_t align, uint64_t *at) REQUIRES(space->lock)
{
	struct extent *zero = extent_make(0, 0);
	int err;

	if (!zero)
		return -ENOMEM;
	space_give(space, zero);
	space->zero_free = false;
	err = take(space, n, align, at);
	if (err) {
		space_carve(space, extent_at_or_after(space->free, 0), 0, 0, NULL);
		space->zero_free = true;
	}
	return err;
}

int iova_alloc(struct iova_space *space, uint64_t len, uint64_t align, uint64_t *iova)
{
	uint64_t page;
	int err;

	if (!len || len % PAGE || align < PAGE || !is_pow2(align))
		return -EINVAL;
	mutex_lock(&space->lock);
	err = take(space, len / PAGE, align / PAGE, &page);
	if (err == -ENOSPC && space->depot.nwhole) {
		depot_shrink(space, UINT_MAX);
		err = take(space, len / PAGE, align / PAGE, &page);
	}
	if (err == -ENOSPC && space->zero_free)
		err = take_with_zero(space, len / PAGE, align / PAGE, &page);
	mutex_unlock(&space->lock);
	if (!err)
		*iova = page * PAGE;
	return err;
}

/* Gives an extent that was in use back to the free ones. */
static void put(struct iova_space *space, struct extent *extent) REQUIRES(space->lock)
{
	space->nfree += extent->last - extent->first + 1;
	if (extent->first == 0) {
		space->zero_free = true;
		extent->first = 1;
	}
	if (extent->first > extent->last)
		free(extent);
	else
		space_give(space, extent);
}

int iova_free(struct iova_space *space, uint64_t iova, uint64_t len)
{
	struct extent *extent;
	int err = -ENOENT;

	if (iova % PAGE || !len || len % PAGE)
		return -ENOENT;
	mutex_lock(&space->lock);
	extent = extent_remove(&space->used, iova / PAGE);
	if (extent && extent->last - extent->first + 1 == len / PAGE) {
		put(space, extent);
		err = 0;
	} else if (extent) {
		extent_insert(&space->used, extent);
	}
	mutex_unlock(&space->lock);
	return err;
}

void iova_space_usage(struct iova_space *space, uint64_t *free_bytes, uint64_t *longest)
{
	mutex_lock(&space->lock);
	*free_bytes = space->nfree * PAGE;
	*longest = (space->free ? space->free->room[0] : space->zero_free) * PAGE;
	mutex_unlock(&space->lock);
}
