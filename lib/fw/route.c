/* SPDX-License-Identifier: BSD-3-Clause */
/* Reading the description: where DMA goes, and what things are called. Pure; any thread. */
#include <errno.h>

#include "piommu_fw.h"

const struct piommu_fw_source *piommu_fw_source_of_pci(const struct piommu_fw *fw, struct piommu_sbdf sbdf)
{
	for (unsigned i = 0; i < fw->nsources; i++) {
		const struct piommu_fw_source *source = &fw->sources[i];

		if (source->is_pci && source->segment == sbdf.segment && sbdf.bus >= source->start_bus &&
		    sbdf.bus <= source->last_bus)
			return source;
	}
	return NULL;
}

int piommu_fw_source_route(const struct piommu_fw_source *source, uint32_t id, struct piommu_fw_route *out)
{
	id &= source->id_mask;
	for (unsigned i = 0; i < source->to_units.n; i++) {
		const struct piommu_fw_id_map *map = &source->to_units.at[i];

		if (id < map->first || id > map->last)
			continue;
		*out = (struct piommu_fw_route){ map->target, map->to + (id - map->first), map->mask };
		return 0;
	}
	return -ENOENT;
}

/* Masks exist only where ids have 16 bits (the parser sees to it): that bounds the search. */
static bool map_has(const struct piommu_fw_id_map *map, const struct piommu_fw_route *route)
{
	uint32_t count = ~(map->mask | route->mask); /* two masked ids meet where they differ in no bit that counts for both */

	if (map->target != route->unit)
		return false;
	if (count == UINT32_MAX)
		return route->id >= map->to && route->id - map->to <= map->last - map->first;
	for (uint64_t id = map->to; id <= (uint64_t)map->to + (map->last - map->first); id++) {
		if (!((id ^ route->id) & count))
			return true;
	}
	return false;
}

bool piommu_fw_ids_have(const struct piommu_fw_id_maps *ids, const struct piommu_fw_route *route)
{
	for (unsigned i = 0; i < ids->n; i++) {
		if (map_has(&ids->at[i], route))
			return true;
	}
	return false;
}

const char *piommu_fw_family_name(enum piommu_family family)
{
	switch (family) {
	case PIOMMU_FAMILY_VTD:
		return "vtd";
	case PIOMMU_FAMILY_AMDVI:
		return "amdvi";
	case PIOMMU_FAMILY_SMMUV2:
		return "smmuv2";
	case PIOMMU_FAMILY_SMMUV3:
		return "smmuv3";
	case PIOMMU_FAMILY_VIRTIO:
		return "virtio";
	default:
		return "unknown";
	}
}

const char *piommu_fw_reserved_name(enum piommu_fw_reserved_kind kind)
{
	switch (kind) {
	case PIOMMU_FW_RESERVED_RMRR:
		return "rmrr";
	case PIOMMU_FW_RESERVED_RMR:
		return "rmr";
	case PIOMMU_FW_RESERVED_HOLE:
		return "hole";
	default:
		return "unknown";
	}
}

const char *piommu_fw_model_name(enum piommu_fw_model model)
{
	static const char *const names[] = {
		[PIOMMU_FW_MODEL_GENERIC] = "generic",         [PIOMMU_FW_MODEL_MMU_400] = "mmu-400",
		[PIOMMU_FW_MODEL_MMU_401] = "mmu-401",         [PIOMMU_FW_MODEL_MMU_500] = "mmu-500",
		[PIOMMU_FW_MODEL_CAVIUM_V2] = "cavium-v2",     [PIOMMU_FW_MODEL_CAVIUM_CN99XX] = "cavium-cn99xx",
		[PIOMMU_FW_MODEL_HISI_HI161X] = "hisi-hi161x", [PIOMMU_FW_MODEL_MARVELL_500] = "marvell-500",
		[PIOMMU_FW_MODEL_NVIDIA_500] = "nvidia-500",   [PIOMMU_FW_MODEL_QCOM_V2] = "qcom-v2",
		[PIOMMU_FW_MODEL_QCOM_500] = "qcom-500",
	};

	return (unsigned)model < sizeof(names) / sizeof(names[0]) ? names[model] : "unknown";
}

const char *piommu_fw_irq_name(enum piommu_fw_irq_kind kind)
{
	static const char *const names[] = {
		[PIOMMU_FW_IRQ_EVENT] = "event",   [PIOMMU_FW_IRQ_PRI] = "pri",           [PIOMMU_FW_IRQ_ERROR] = "error",
		[PIOMMU_FW_IRQ_SYNC] = "sync",     [PIOMMU_FW_IRQ_COMBINED] = "combined", [PIOMMU_FW_IRQ_GLOBAL] = "global",
		[PIOMMU_FW_IRQ_CONFIG] = "config", [PIOMMU_FW_IRQ_CONTEXT] = "context",   [PIOMMU_FW_IRQ_PMU] = "pmu",
	};

	return (unsigned)kind < sizeof(names) / sizeof(names[0]) ? names[kind] : "unknown";
}
