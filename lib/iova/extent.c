/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The treap of extent.h, by split and merge. Its expected depth is about 2 log2(n); recursion goes no deeper. The caller
 * holds the space's lock.
 */
#include <stdbool.h>
#include <stdlib.h>

#include "extent.h"
#include "piommu_bits.h"

#define LOOKS 256u

/* The finalizer of a 64-bit mix: neighbours in address get unrelated priorities. */
static uint32_t priority_of(uint64_t page)
{
	page = (page ^ page >> 32) * UINT64_C(0x9e3779b97f4a7c15);
	page = (page ^ page >> 29) * UINT64_C(0xbf58476d1ce4e5b9);
	return (uint32_t)(page >> 32);
}

/* log2 of the largest power of two that fits in the extent at a multiple of itself. */
static unsigned own_order(const struct extent *extent)
{
	uint64_t n = extent->last - extent->first + 1;
	unsigned order = ilog2_u64(n);
	uint64_t block = BIT64(order);
	uint64_t at = align_up(extent->first, block);

	/* Half of it always fits: two of them do, and at most one half is lost to alignment. */
	return at + block - 1 <= extent->last || !order ? order : order - 1;
}

static void update(struct extent *extent)
{
	const struct extent *below[2] = { extent->left, extent->right };

	extent->order = own_order(extent);
	for (unsigned i = 0; i < EXTENT_ALIGNS; i++) {
		uint64_t at = align_up(extent->first, BIT64(i));

		extent->room[i] = at <= extent->last ? extent->last - at + 1 : 0;
	}
	for (unsigned k = 0; k < 2; k++) {
		if (!below[k])
			continue;
		if (below[k]->order > extent->order)
			extent->order = below[k]->order;
		for (unsigned i = 0; i < EXTENT_ALIGNS; i++)
			extent->room[i] = below[k]->room[i] > extent->room[i] ? below[k]->room[i] : extent->room[i];
	}
}

struct extent *extent_make(uint64_t first, uint64_t last)
{
	struct extent *extent = malloc(sizeof(*extent));

	if (extent)
		*extent = (struct extent){ .first = first, .last = last, .priority = priority_of(first) };
	return extent;
}

void extent_free_all(struct extent *root)
{
	if (!root)
		return;
	extent_free_all(root->left);
	extent_free_all(root->right);
	free(root);
}

/* Into those that start before `page`, and the others. */
static void split(struct extent *root, uint64_t page, struct extent **low, struct extent **high)
{
	if (!root) {
		*low = NULL;
		*high = NULL;
	} else if (root->first < page) {
		split(root->right, page, &root->right, high);
		*low = root;
		update(root);
	} else {
		split(root->left, page, low, &root->left);
		*high = root;
		update(root);
	}
}

/* All of `low` lie before all of `high`. */
static struct extent *merge(struct extent *low, struct extent *high)
{
	if (!low || !high)
		return low ? low : high;
	if (low->priority >= high->priority) {
		low->right = merge(low->right, high);
		update(low);
		return low;
	}
	high->left = merge(low, high->left);
	update(high);
	return high;
}

void extent_insert(struct extent **root, struct extent *extent)
{
	struct extent *low, *high;

	extent->left = NULL;
	extent->right = NULL;
	update(extent);
	split(*root, extent->first, &low, &high);
	*root = merge(merge(low, extent), high);
}

struct extent *extent_remove(struct extent **root, uint64_t first)
{
	struct extent *low, *it, *high;

	split(*root, first, &low, &high);
	split(high, first + 1, &it, &high);
	*root = merge(low, high);
	return it;
}

struct extent *extent_at_or_after(struct extent *root, uint64_t page)
{
	struct extent *found = NULL;

	while (root) {
		if (root->last >= page) {
			found = root;
			root = root->left;
		} else {
			root = root->right;
		}
	}
	return found;
}

static bool fits(const struct extent *extent, uint64_t n, uint64_t align, uint64_t *at)
{
	*at = align_up(extent->first, align);
	return *at <= extent->last && extent->last - *at >= n - 1;
}

/* Some extent below surely fits. Exact up to 2 MiB, sufficient beyond. */
static bool promises(const struct extent *root, uint64_t n, uint64_t align)
{
	uint64_t block = n > align ? n : align;

	if (!root)
		return false;
	if (align < BIT64(EXTENT_ALIGNS))
		return root->room[ilog2_u64(align)] >= n;
	return root->order >= ilog2_u64(block) + !is_pow2(block);
}

static struct extent *find_promised(struct extent *root, uint64_t n, uint64_t align, uint64_t *at)
{
	while (root) {
		if (promises(root->left, n, align))
			root = root->left;
		else if (fits(root, n, align, at))
			return root;
		else
			root = promises(root->right, n, align) ? root->right : NULL;
	}
	return NULL;
}

/* Looks at extents that are long enough at 2 MiB. */
static struct extent *find_among(struct extent *root, uint64_t n, uint64_t align, uint64_t *at, unsigned *looks)
{
	struct extent *found;

	if (!root || !*looks || root->room[EXTENT_ALIGNS - 1] < n)
		return NULL;
	--*looks;
	found = find_among(root->left, n, align, at, looks);
	if (found)
		return found;
	return fits(root, n, align, at) ? root : find_among(root->right, n, align, at, looks);
}

struct extent *extent_find_fit(struct extent *root, uint64_t n, uint64_t align, uint64_t *at)
{
	struct extent *found = find_promised(root, n, align, at);
	unsigned looks = LOOKS;

	/* Rare: a large alignment when no aligned block of that size is left whole anywhere. */
	return found || align < BIT64(EXTENT_ALIGNS) ? found : find_among(root, n, align, at, &looks);
}

struct extent *extent_find_fit_from(struct extent **root, uint64_t from, uint64_t n, uint64_t align, uint64_t *at)
{
	struct extent *found = extent_at_or_after(*root, from), *low, *high;

	if (found && found->first < from) {
		*at = align_up(from, align);
		if (*at <= found->last && found->last - *at >= n - 1)
			return found;
	}
	split(*root, from, &low, &high);
	found = extent_find_fit(high, n, align, at);
	*root = merge(low, high);
	return found;
}
