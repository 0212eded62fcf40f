/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The parts of a domain that every family has and that are not on the fast path: how its tables are made, whether another unit can use
 * them, tables that must wait for the domain's end, and domains without tables. Slow path, any thread; quarantine: any registered thread.
 */
#include <stdlib.h>

#include "piommu_paging.h"

struct piommu_domain piommu_domain_base(const struct piommu_unit *unit, const struct piommu_domain_ops *ops,
					enum piommu_domain_type type, unsigned iova_bits)
{
	return (struct piommu_domain){
		.ops = ops,
		.type = type,
		.iova_bits = iova_bits,
		.page_sizes = unit->caps.page_sizes,
		.pool = unit->pool,
	};
}

/* ---- Tables ---------------------------------------------------------------------------------------------------------------- */

static void writeback(void *ctx, const void *va, size_t len)
{
	piommu_plat_writeback_begin(ctx, va, len);
}

static void writeback_wait(void *ctx)
{
	piommu_plat_writeback_wait(ctx);
}

struct piommu_pt_config piommu_paging_config(const struct piommu_unit *unit, unsigned iova_bits)
{
	return (struct piommu_pt_config){
		.iova_bits = iova_bits,
		.leaf_sizes = unit->caps.page_sizes,
		.pa_bits = unit->caps.pa_bits,
		.pool = unit->pool,
		.writeback = unit->caps.coherent ? NULL : writeback,
		.writeback_wait = writeback_wait,
		.writeback_ctx = unit->plat,
	};
}

static const char *misfit(const struct piommu_paging *paging, const struct piommu_unit *unit)
{
	if (paging->base.iova_bits > unit->caps.iova_bits)
		return "its addresses are wider than the unit's";
	if (paging->base.page_sizes & ~unit->caps.page_sizes)
		return "it uses page sizes that the unit does not have";
	if (!paging->pt.writeback && !unit->caps.coherent)
		return "its tables are not written back, and the unit does not snoop";
	if (unit->caps.caches_not_present && !paging->tells)
		return "it does not tell of new mappings, which the unit needs";
	if (paging->pt.pa_mask >> unit->caps.pa_bits)
		return "it may hold addresses that the unit does not have";
	return NULL;
}

int piommu_paging_fits(const struct piommu_paging *paging, const struct piommu_unit *unit, const char *why)
{
	if (!why)
		why = misfit(paging, unit);
	if (!why)
		return 0;
	log_err(unit->log, "%s: cannot use this domain: %s; make one for a group behind %s", unit->name, why, unit->name);
	return -EINVAL;
}

void piommu_paging_quarantine(struct piommu_paging *paging, struct piommu_gather *gather)
{
	if (!gather->pages.n)
		return;
	while (__atomic_exchange_n(&paging->quarantine_busy, true, __ATOMIC_ACQUIRE))
		cpu_relax();
	piommu_page_list_splice(&paging->quarantine, &gather->pages);
	__atomic_store_n(&paging->quarantine_busy, false, __ATOMIC_RELEASE);
}

void piommu_paging_release(struct piommu_paging *paging)
{
	piommu_pool_put_list(paging->base.pool, &paging->quarantine);
}

/* ---- Identity and blocking: nothing to map ---------------------------------------------------------------------------------- */

static int fixed_map(struct piommu_domain *base, uint64_t iova, uint64_t pa, size_t len, unsigned prot)
{
	(void)base, (void)iova, (void)pa, (void)len, (void)prot;
	return -EINVAL;
}

static int fixed_unmap(struct piommu_domain *base, uint64_t iova, size_t len, struct piommu_gather *gather, size_t *unmapped)
{
	(void)base, (void)iova, (void)len, (void)gather;
	if (unmapped)
		*unmapped = 0;
	return -EINVAL;
}

static int fixed_flush(struct piommu_domain *base, struct piommu_gather *gather)
{
	(void)base, (void)gather;
	return 0;
}

static int fixed_lookup(struct piommu_domain *base, uint64_t iova, struct piommu_pt_leaf *leaf)
{
	if (base->type == PIOMMU_DOMAIN_BLOCKING)
		return -ENOENT;
	*leaf = (struct piommu_pt_leaf){
		.pa = iova, .entry = 0, .size = base->page_sizes & (0 - base->page_sizes), .prot = PIOMMU_RW
	};
	return 0;
}

static void fixed_destroy(struct piommu_domain *base)
{
	free(base);
}

static const struct piommu_domain_ops fixed_ops = {
	.map = fixed_map,
	.unmap = fixed_unmap,
	.flush = fixed_flush,
	.lookup = fixed_lookup,
	.destroy = fixed_destroy,
};

int piommu_fixed_domain_create(struct piommu_unit *unit, enum piommu_domain_type type, struct piommu_domain **out)
{
	struct piommu_domain *domain = calloc(1, sizeof(*domain));

	if (!domain)
		return -ENOMEM;
	*domain = piommu_domain_base(unit, &fixed_ops, type, unit->caps.iova_bits);
	*out = domain;
	return 0;
}
