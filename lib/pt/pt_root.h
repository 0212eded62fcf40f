/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Beginning and end of a tree, over any format: which widths there are, how many levels and how large a root they take, whose memory
 * that is. Slow path, one thread.
 */
#ifndef PT_ROOT_H
#define PT_ROOT_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "piommu_pool.h"
#include "pt_map.h"

/* 0: the format has no such width. */
PT_INLINE unsigned pt_levels_of(const struct pt_format *f, unsigned iova_bits)
{
	unsigned levels = f->usual_levels - 1;

	if (iova_bits < f->iova_bits_min || iova_bits > f->iova_bits_max)
		return 0;
	if (!f->any_width && (iova_bits - f->page_lg2) % f->index_lg2)
		return 0;
	while (pt_shift(f, levels + 1) + f->root_tables_lg2 < iova_bits)
		levels++;
	return levels;
}

/* Bytes; at least the 64 to which hardware wants a root aligned. 0: the format has no such width. */
PT_INLINE size_t pt_root_len(const struct pt_format *f, unsigned iova_bits)
{
	unsigned levels = pt_levels_of(f, iova_bits);
	unsigned index_lg2 = levels ? iova_bits - pt_shift(f, levels) : 0;

	return levels ? sizeof(uint64_t) << (index_lg2 > 3 ? index_lg2 : 3) : 0;
}

/* The root's memory: the caller's, or a page of the pool. */
PT_INLINE int pt_root_init(const struct pt_format *f, const struct piommu_pt_config *config, uint64_t **root)
{
	size_t len = pt_root_len(f, config->iova_bits);

	if (!config->root) {
		if (len > pt_page_size(f))
			return -EINVAL;
		*root = (uint64_t *)piommu_pool_get(config->pool);
		return *root ? 0 : -ENOMEM;
	}
	if (!is_aligned((uintptr_t)config->root - piommu_pool_va_off(config->pool), len))
		return -EINVAL;
	*root = config->root;
	memset(*root, 0, len);
	return 0;
}

PT_INLINE bool pt_config_is_good(const struct pt_format *f, const struct piommu_pt_config *config)
{
	return pt_levels_of(f, config->iova_bits) && (config->leaf_sizes & pt_page_size(f)) &&
	       !(config->leaf_sizes & ~f->leaf_sizes) && config->pa_bits > f->page_lg2 && config->pa_bits <= f->pa_bits_max &&
	       !(config->leaf_bits & ~f->leaf_bits) && piommu_pool_page_size(config->pool) == pt_page_size(f);
}

PT_INLINE bool pt_wants_groups(const struct pt_format *f, uint64_t leaf_sizes)
{
	return f->group && (leaf_sizes & (pt_span(f, 1) << f->group_lg2[1] | pt_span(f, 2) << f->group_lg2[2]));
}

PT_INLINE int pt_init(const struct pt_format *f, struct piommu_pt *pt, const struct piommu_pt_config *config)
{
	unsigned levels = pt_levels_of(f, config->iova_bits);
	bool groups = pt_wants_groups(f, config->leaf_sizes);
	uint64_t *root;
	int err;

	if (!pt_config_is_good(f, config))
		return -EINVAL;
	err = pt_root_init(f, config, &root);
	if (err)
		return err;
	*pt = (struct piommu_pt){
		.root = root,
		.va_off = piommu_pool_va_off(config->pool),
		.levels = levels,
		.straight_levels = config->writeback || groups || config->pa_bits > f->straight_bits ? 0 : levels,
		.groups = groups,
		.lent_root = config->root != NULL,
		.iova_bits = config->iova_bits,
		.iova_last = BIT64(config->iova_bits) - 1,
		.leaf_sizes = config->leaf_sizes,
		.pa_mask = GENMASK64(config->pa_bits - 1, f->page_lg2),
		.leaf_bits = config->leaf_bits,
		.wide = pt_run_can_be_wide(),
		.pool = config->pool,
		.writeback = config->writeback,
		.writeback_wait = config->writeback_wait,
		.writeback_ctx = config->writeback_ctx,
	};
	pt->root_pa = (uintptr_t)root - pt->va_off;
	pt_writeback(pt, root, pt_root_len(f, config->iova_bits));
	pt_writeback_wait(pt);
	return 0;
}

PT_INLINE void pt_fini(const struct pt_format *f, struct piommu_pt *pt)
{
	struct piommu_gather gather;

	if (!pt->root)
		return;
	pt->writeback = NULL; /* hardware no longer walks it */
	piommu_gather_init(&gather);
	for (unsigned level = 1; level < pt->levels; level++)
		pt_unlink_tables(f, pt, 0, pt->iova_last + 1, level, &gather);
	piommu_pool_put_list(pt->pool, &gather.pages);
	if (!pt->lent_root)
		piommu_pool_put(pt->pool, pt->root);
	pt->root = NULL;
}

#endif
