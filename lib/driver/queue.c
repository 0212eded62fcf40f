/* SPDX-License-Identifier: BSD-3-Clause */
/* A unit's invalidation ring on its platform: the clock it goes by, and what a wait does meanwhile. Slow path. */
#include "piommu_queue.h"

static uint64_t now(void *clock_ctx)
{
	return piommu_plat_now_ns(clock_ctx);
}

static void relax(void *clock_ctx)
{
	piommu_plat_relax(clock_ctx);
}

struct piommu_ring_config piommu_queue_config(const struct piommu_unit *unit)
{
	return (struct piommu_ring_config){
		.now_ns = now,
		.relax = unit->plat->ops->relax ? relax : NULL,
		.clock_ctx = unit->plat,
		.timeout_ns = unit->timeout_ns,
	};
}
