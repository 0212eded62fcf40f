/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The gather: what one burst of unmaps must invalidate, and the table pages it unlinked. The page-table walkers fill it, an
 * IOMMU driver turns it into invalidation commands, and only after their completion (and a grace period) are its pages
 * returned. Lives on the caller's stack; one thread at a time.
 */
#ifndef PIOMMU_GATHER_H
#define PIOMMU_GATHER_H

#include "piommu_pool.h"
#include "piommu_types.h"
#include "piommu_yield.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/**
 * Ranges kept apart: those of the largest burst. One more than this and the gather asks for the whole domain instead. Where fewer
 * are dearer than the whole domain is for the driver to say, which knows what its commands cost.
 */
#define PIOMMU_GATHER_RANGES 256u

struct piommu_gather {
	unsigned n;     /**< ranges used */
	bool whole;     /**< invalidate the whole domain; the ranges no longer count */
	bool nonleaf;   /**< a table was unlinked: paging-structure caches must go too */
	bool test_drop; /**< for tests alone: the flush sends no invalidation, so that stale translations must show */
	struct piommu_page_list pages;                  /**< unlinked tables */
	struct piommu_span range[PIOMMU_GATHER_RANGES]; /**< last: only what is used is ever touched */
};

static inline void piommu_gather_init(struct piommu_gather *gather)
{
	gather->n = 0;
	gather->whole = false;
	gather->nonleaf = false;
	gather->test_drop = false;
	gather->pages.first = 0;
	gather->pages.last = 0;
	gather->pages.n = 0;
}

static inline bool piommu_gather_empty(const struct piommu_gather *gather)
{
	return !gather->n && !gather->whole;
}

/** Adds [start, last]; joins it to the last range when it continues that one in either direction. */
static inline void piommu_gather_add(struct piommu_gather *gather, uint64_t start, uint64_t last)
{
	struct piommu_span *prev = gather->n ? &gather->range[gather->n - 1] : 0;

	PIOMMU_ORDER(cleared);
	if (prev && start == prev->last + 1 && start != 0) {
		prev->last = last;
		return;
	}
	if (prev && last + 1 == prev->start && prev->start != 0) {
		prev->start = start;
		return;
	}
	if (gather->n == PIOMMU_GATHER_RANGES) {
		gather->whole = true;
		return;
	}
	gather->range[gather->n].start = start;
	gather->range[gather->n].last = last;
	gather->n++;
}

/** Adds an unlinked table page; the range it served must have been added too. */
static inline void piommu_gather_add_table(struct piommu_gather *gather, void *page)
{
	gather->nonleaf = true;
	piommu_page_list_add(&gather->pages, page);
}

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
