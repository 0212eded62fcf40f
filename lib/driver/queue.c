/* SPDX-License-Identifier: BSD-3-Clause */
/* A unit's invalidation ring on its platform: its memory, the clock it goes by, and what a wait does meanwhile. Slow path. */
#include "piommu_queue.h"

static uint64_t now(void *clock_ctx)
{
	return piommu_plat_now_ns(clock_ctx);
}

static void relax(void *clock_ctx)
{
	piommu_plat_relax(clock_ctx);
}

int piommu_queue_create(const struct piommu_unit *unit, struct piommu_ring_config config, struct piommu_mem *mem,
			struct piommu_ring **out)
{
	struct piommu_platform *plat = unit->plat;
	size_t slots = (size_t)config.slot_size << config.nslots_lg2;
	size_t len = slots < PIOMMU_PAGE_SIZE ? PIOMMU_PAGE_SIZE : slots;
	int err = plat->ops->mem_alloc(plat, len + PIOMMU_PAGE_SIZE, len, unit->fw->numa_node, mem);

	if (err)
		return err;
	config.slots = mem->va;
	config.status = config.ops->consumed ? NULL : (uint32_t *)(void *)((char *)mem->va + len);
	config.status_pa = mem->pa + len;
	config.now_ns = now;
	config.relax = plat->ops->relax ? relax : NULL;
	config.clock_ctx = plat;
	config.timeout_ns = unit->timeout_ns;
	err = piommu_ring_create(&config, out);
	if (err)
		plat->ops->mem_free(plat, mem);
	return err;
}

void piommu_queue_destroy(const struct piommu_unit *unit, struct piommu_mem *mem, struct piommu_ring **ring)
{
	if (!*ring)
		return;
	piommu_ring_destroy(*ring);
	if (!unit->keep_memory)
		unit->plat->ops->mem_free(unit->plat, mem);
	*ring = NULL;
}
