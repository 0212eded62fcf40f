/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The last leg of an unlinked page table: its invalidation has completed, so no hardware walks it; another thread's
 * lookup still may, so it goes back to its pool after a grace period. The deferral lives beside the first page, so that
 * retiring allocates nothing and cannot fail.
 */
#include <assert.h>

#include "piommu_driver.h"
#include "rcu.h"

struct retired {
	struct rcu_deferral deferral; /* first: the callback gets this address */
	struct piommu_pool *pool;
	struct piommu_page_list pages;
};
static_assert(sizeof(struct retired) <= 64, "fits piommu_page_list_defer_words()");

static void give_back(struct rcu_deferral *deferral)
{
	struct retired *retired = (struct retired *)(void *)deferral;
	struct piommu_page_list pages = retired->pages;

	piommu_pool_put_list(retired->pool, &pages);
}

void piommu_domain_retire(struct piommu_domain *domain, struct piommu_gather *gather)
{
	struct retired *retired;

	if (!gather->pages.n)
		return;
	retired = piommu_page_list_defer_words(&gather->pages);
	retired->pool = domain->pool;
	retired->pages = gather->pages;
	gather->pages = (struct piommu_page_list){ 0 };
	rcu_defer(&retired->deferral, give_back);
}
