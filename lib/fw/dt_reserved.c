/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory that devices in front of SMMUs need, or addresses that they must not be given: nodes of /reserved-memory with
 * iommu-addresses. Pure; any thread. Binding: reserved-memory/reserved-memory.yaml.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libfdt.h>

#include "dt.h"

/* Id maps copied; real trees have some ten. Bounds memory on a hostile one. */
#define COPIED_MAX 65536u

/* One device's addresses in a region. */
struct use {
	uint32_t region;
	uint32_t device;
	struct piommu_span iova;
};

/* Where the region itself is. @return whether it states that: without, only addresses are kept free */
static bool region_span(const struct dt *dt, uint32_t region, struct piommu_span *out)
{
	uint32_t na, ns;
	struct dt_cells reg;
	uint64_t len;

	if (dt_cells(dt, region, "reg", &reg) < 0 || dt_sizes(dt, region, &na, &ns) < 0 || reg.n < na + ns || na > 2 || ns > 2)
		return false;
	out->start = dt_number(&reg, 0, na);
	len = dt_number(&reg, na, ns);
	if (!len || dt_translate(dt, region, &out->start) < 0)
		return false;
	out->last = out->start + (len - 1);
	return out->last >= out->start;
}

static int copy_ids(struct dt *dt, const struct piommu_fw_id_maps *from, struct piommu_fw_id_maps *to)
{
	int rc = 0;

	dt->ncopied += from->n;
	if (dt->ncopied > COPIED_MAX)
		return fw_refuse(dt->err,
				 "device tree: more than %u ids in reserved memory: beyond belief; the tree is damaged",
				 COPIED_MAX);
	for (unsigned i = 0; i < from->n && rc == 0; i++)
		rc = fw_append_map(to, &from->at[i]);
	return rc;
}

/* Mapped one to one where the device's addresses are those of the memory; else nothing may be mapped there. */
static int add_use(struct dt *dt, const struct use *use)
{
	uint32_t source = dt->nodes[use->device].source;
	struct piommu_span memory;
	bool has_memory = region_span(dt, use->region, &memory);
	bool direct = has_memory && memory.start == use->iova.start && memory.last == use->iova.last;
	struct piommu_fw_reserved *reserved;
	char path[DT_PATH_LEN], other[DT_PATH_LEN];
	int rc = 0;

	if (source == PIOMMU_FW_NONE) /* behind no unit of ours */
		return 0;
	if (has_memory && !direct)
		rc = fw_warn(
			dt->fw,
			"device tree: %s: %s uses its memory at other addresses: they are kept free, the mapping is not made",
			dt_path(dt, use->region, path), dt_path(dt, use->device, other));
	if (rc < 0)
		return rc;
	reserved = fw_append(dt->fw, direct ? FW_RESERVED : FW_CARVEOUTS);
	if (!reserved)
		return -ENOMEM;
	reserved->kind = direct ? PIOMMU_FW_RESERVED_RMR : PIOMMU_FW_RESERVED_HOLE;
	reserved->span = use->iova;
	return copy_ids(dt, &dt->fw->sources[source].to_units, &reserved->ids);
}

/* Each: a device, then an address and a length of as many cells as its bus has. */
static int read_region(struct dt *dt, uint32_t region)
{
	char path[DT_PATH_LEN];
	struct dt_cells cells;
	uint32_t at = 0;
	int rc = dt_cells(dt, region, "iommu-addresses", &cells);

	while (rc == 0 && at < cells.n) {
		struct use use = { .region = region, .device = dt_by_phandle(dt, dt_cell(&cells, at)) };
		uint32_t na, ns;
		uint64_t len;

		if (use.device == DT_NO_NODE || dt_sizes(dt, use.device, &na, &ns) < 0 || na > 2 || !ns || ns > 2 ||
		    na + ns > cells.n - at - 1)
			return fw_refuse(
				dt->err,
				"device tree: %s: iommu-addresses is no list of devices with addresses: what they need is not "
				"known; the tree is damaged",
				dt_path(dt, region, path));
		use.iova.start = dt_number(&cells, at + 1, na);
		len = dt_number(&cells, at + 1 + na, ns);
		at += 1 + na + ns;
		if (!len || len - 1 > UINT64_MAX - use.iova.start)
			return fw_refuse(
				dt->err,
				"device tree: %s: iommu-addresses of 0x%llx bytes at 0x%llx run past the address space, or are "
				"none: what its device needs is not known; the tree is damaged",
				dt_path(dt, region, path), (unsigned long long)len, (unsigned long long)use.iova.start);
		use.iova.last = use.iova.start + (len - 1);
		rc = add_use(dt, &use);
	}
	return rc;
}

static bool is_region(const struct dt *dt, uint32_t node)
{
	uint32_t parent = dt->nodes[node].parent;
	const char *name;

	if (parent == DT_NO_NODE || dt->nodes[parent].parent != 0) /* the root's index */
		return false;
	name = fdt_get_name(dt->blob, dt->nodes[parent].off, NULL);
	return name && strcmp(name, "reserved-memory") == 0;
}

int dt_read_reserved(struct dt *dt)
{
	int rc = 0;

	for (uint32_t node = 0; node < dt->nnodes && rc == 0; node++) {
		if (dt->nodes[node].available && is_region(dt, node))
			rc = read_region(dt, node);
	}
	return rc;
}
