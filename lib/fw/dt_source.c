/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is in front of the device tree's SMMUs: PCI hosts and devices, and the ids that they carry there. Pure; any thread.
 * Bindings: iommu/iommu.txt, pci/pci-iommu.txt, iommu/arm,smmu.yaml; the older one with mmu-masters: iommu/arm,smmu.txt.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dt.h"

/* Ids at an SMMUv1 or v2, extended ones included, and of PCI requesters. */
#define ID16_LAST 0xffffu
#define ENTRY_CELLS 4u /* of iommu-map: first id, phandle, id at the target, length */
#define SPECIFIER_MAX 8u
#define SOURCES_MAX 8192u /* the most that real trees have is some hundred */

/* ---- Sources ------------------------------------------------------------------------------------------------------------- */

static bool is_pci(const struct dt *dt, uint32_t node)
{
	const char *type = node == DT_NO_NODE ? NULL : dt_string(dt, node, "device_type", 0);

	return type && strcmp(type, "pci") == 0;
}

static bool is_host(const struct dt *dt, uint32_t node)
{
	return is_pci(dt, node) && !is_pci(dt, dt->nodes[node].parent);
}

/* Coherence is inherited from the buses above, until one says otherwise. */
static struct piommu_fw_source *add_source(struct dt *dt, uint32_t node)
{
	struct piommu_fw_source *source = fw_append(dt->fw, FW_SOURCES);
	uint32_t pasid_bits = dt_u32(dt, node, "pasid-num-bits", 0);

	if (!source)
		return NULL;
	source->name = dt_path_alloc(dt, node);
	if (!source->name)
		return NULL;
	source->id_mask = UINT32_MAX;
	source->pasid_bits = pasid_bits <= 20 ? pasid_bits : 0;
	source->flags = (dt_is_coherent(dt, node) ? PIOMMU_FW_SOURCE_COHERENT : 0) |
			(dt_has(dt, node, "dma-can-stall") ? PIOMMU_FW_SOURCE_STALL : 0) |
			(dt_has(dt, node, "ats-supported") ? PIOMMU_FW_SOURCE_ATS : 0);
	return source;
}

/* The source of a device, made when it is asked for first. */
static struct piommu_fw_source *device_source(struct dt *dt, uint32_t node)
{
	struct piommu_fw_source *source;

	if (dt->nodes[node].source != PIOMMU_FW_NONE)
		return &dt->fw->sources[dt->nodes[node].source];
	source = add_source(dt, node);
	if (source)
		dt->nodes[node].source = dt->fw->nsources - 1;
	return source;
}

/* ---- Ids ----------------------------------------------------------------------------------------------------------------- */

/* `what` names the property that has them. A target with ids of 16 bits cannot have others; mask bits beyond do no harm. */
static int add_map(struct dt *dt, uint32_t node, const char *what, uint32_t target, struct piommu_fw_id_map *map,
		   struct piommu_fw_id_maps *maps)
{
	const struct piommu_fw_unit *unit = &dt->fw->units[dt->nodes[target].unit - dt->first_unit];
	uint64_t end = (uint64_t)map->to + (map->last - map->first);
	char path[DT_PATH_LEN];

	map->target = dt->nodes[target].unit;
	if (unit->family == PIOMMU_FAMILY_SMMUV3)
		map->mask = 0;
	else
		map->mask &= ID16_LAST;
	if (end <= (unit->family == PIOMMU_FAMILY_SMMUV3 ? UINT32_MAX : ID16_LAST))
		return fw_append_map(maps, map);
	return fw_refuse(
		dt->err,
		"device tree: %s: %s has ids 0x%x to 0x%llx at unit %s, more bits than such a unit has: whose DMA it is "
		"could not be told; mend the tree",
		dt_path(dt, node, path), what, map->to, (unsigned long long)end, unit->name);
}

/* @return the node that an entry's phandle means; DT_NO_NODE: refused */
static uint32_t find_target(struct dt *dt, uint32_t node, const char *what, uint32_t phandle, uint32_t *width)
{
	uint32_t target = dt_by_phandle(dt, phandle);
	char path[DT_PATH_LEN], other[DT_PATH_LEN];

	if (target == DT_NO_NODE) {
		fw_refuse(dt->err,
			  "device tree: %s: %s names phandle 0x%x, which no node has: the tree is damaged, or a bad overlay",
			  dt_path(dt, node, path), what, phandle);
		return DT_NO_NODE;
	}
	*width = dt_u32(dt, target, "#iommu-cells", UINT32_MAX);
	if (*width <= SPECIFIER_MAX)
		return target;
	fw_refuse(dt->err, "device tree: %.70s: %s names %.70s, which has no #iommu-cells: it is no IOMMU; mend the tree",
		  dt_path(dt, node, path), what, dt_path(dt, target, other));
	return DT_NO_NODE;
}

/* `iommus`: phandles, each with as many cells as its target wants; other IOMMUs than ours are passed over. */
static int read_iommus(struct dt *dt, uint32_t node)
{
	struct dt_cells cells;
	uint32_t at = 0;
	int rc = dt_cells(dt, node, "iommus", &cells);

	for (uint32_t n = 0; rc == 0 && at < cells.n; n++) {
		struct piommu_fw_id_map map = { .first = n, .last = n };
		struct piommu_fw_source *source;
		char path[DT_PATH_LEN];
		uint32_t width = 0;
		uint32_t target = find_target(dt, node, "iommus", dt_cell(&cells, at), &width);

		if (target == DT_NO_NODE)
			return -EINVAL;
		if (width > cells.n - at - 1)
			return fw_refuse(dt->err, "device tree: %s: iommus ends amid an entry: the tree is damaged",
					 dt_path(dt, node, path));
		map.to = width ? dt_cell(&cells, at + 1) : 0;
		map.mask = width > 1 ? dt_cell(&cells, at + 2) : dt->nodes[target].match_mask;
		at += 1 + width;
		if (dt->nodes[target].unit == PIOMMU_FW_NONE)
			continue;
		source = device_source(dt, node);
		rc = source ? add_map(dt, node, "iommus", target, &map, &source->to_units) : -ENOMEM;
	}
	return rc;
}

/* ---- iommu-map ----------------------------------------------------------------------------------------------------------- */

/*
 * Entries have as many cells as their target's ids want, 3 more; but most trees were written for readers that took 4 whatever the
 * target says. The latter it is where every fourth cell is the same phandle (as operating systems decide), or nothing else fits.
 * @return whether all of it is such entries
 */
static bool map_fits(const struct dt *dt, const struct dt_cells *cells, bool of_four)
{
	uint32_t at = 0;

	while (at < cells->n) {
		uint32_t target = cells->n - at < ENTRY_CELLS ? DT_NO_NODE : dt_by_phandle(dt, dt_cell(cells, at + 1));
		uint32_t width = target == DT_NO_NODE ? UINT32_MAX : dt_u32(dt, target, "#iommu-cells", UINT32_MAX);

		if (!width || width > SPECIFIER_MAX)
			return false;
		at += of_four ? ENTRY_CELLS : 3 + width;
	}
	return at == cells->n;
}

static bool one_phandle(const struct dt_cells *cells)
{
	for (uint32_t at = 1; at < cells->n; at += ENTRY_CELLS) {
		if (dt_cell(cells, at) != dt_cell(cells, 1))
			return false;
	}
	return cells->n % ENTRY_CELLS == 0;
}

static int read_entry(struct dt *dt, uint32_t node, const struct dt_cells *cells, uint32_t at, uint32_t width,
		      struct piommu_fw_id_maps *maps)
{
	uint32_t target = dt_by_phandle(dt, dt_cell(cells, at + 1));
	uint32_t len = dt_cell(cells, at + 2 + width);
	struct piommu_fw_id_map map = {
		.first = dt_cell(cells, at),
		.to = dt_cell(cells, at + 2),
		.mask = width > 1 ? dt_cell(cells, at + 3) : dt->nodes[target].match_mask,
	};
	char path[DT_PATH_LEN];

	if (!len || dt->nodes[target].unit == PIOMMU_FW_NONE)
		return 0;
	if (len - 1 > UINT32_MAX - map.first)
		return fw_refuse(dt->err,
				 "device tree: %s: iommu-map has 0x%x ids from 0x%x on, which runs past 32 bits: mend the tree",
				 dt_path(dt, node, path), len, map.first);
	map.last = map.first + (len - 1);
	return add_map(dt, node, "iommu-map", target, &map, maps);
}

static int read_map(struct dt *dt, uint32_t node, const struct dt_cells *cells, struct piommu_fw_id_maps *maps)
{
	bool of_four = one_phandle(cells) && map_fits(dt, cells, true);
	char path[DT_PATH_LEN];
	int rc = 0;

	if (!of_four && !map_fits(dt, cells, false)) {
		of_four = true;
		if (!map_fits(dt, cells, true))
			return fw_refuse(dt->err,
					 "device tree: %s: the %u cells of iommu-map are no whole entries, or name what is no "
					 "IOMMU: mend the tree",
					 dt_path(dt, node, path), cells->n);
	}
	for (uint32_t at = 0; rc == 0 && at < cells->n;) {
		uint32_t target = dt_by_phandle(dt, dt_cell(cells, at + 1));
		uint32_t width = of_four ? 1 : dt_u32(dt, target, "#iommu-cells", 1);

		rc = read_entry(dt, node, cells, at, width, maps);
		at += 3 + width;
	}
	return rc;
}

/* Segments are numbered by linux,pci-domain; without it, systems count hosts in the order in which they find them. */
static int number_host(struct dt *dt, uint32_t node, struct piommu_fw_source *source)
{
	struct dt_cells buses;
	int rc = dt_cells(dt, node, "bus-range", &buses);

	source->is_pci = true;
	source->last_bus = 0xff;
	source->segment = dt_u32(dt, node, "linux,pci-domain", UINT32_MAX);
	if (source->segment == UINT32_MAX)
		source->segment = dt->nodes[node].host;
	if (rc == 0 && buses.n == 2 && dt_cell(&buses, 0) <= dt_cell(&buses, 1) && dt_cell(&buses, 1) <= 0xff) {
		source->start_bus = (uint8_t)dt_cell(&buses, 0);
		source->last_bus = (uint8_t)dt_cell(&buses, 1);
	}
	return rc;
}

static int read_iommu_map(struct dt *dt, uint32_t node)
{
	struct piommu_fw_id_maps maps = { NULL, 0 };
	struct piommu_fw_source *source;
	struct dt_cells cells;
	int rc = dt_cells(dt, node, "iommu-map", &cells);

	if (rc == 0 && cells.n)
		rc = read_map(dt, node, &cells, &maps);
	if (rc < 0 || !maps.n) {
		free(maps.at);
		return rc;
	}
	source = add_source(dt, node);
	if (!source) {
		free(maps.at);
		return -ENOMEM;
	}
	source->to_units = maps;
	source->id_mask = dt_u32(dt, node, "iommu-map-mask", UINT32_MAX);
	return is_host(dt, node) ? number_host(dt, node, source) : 0;
}

/* ---- mmu-masters --------------------------------------------------------------------------------------------------------- */

/* The unit names its masters, each with the ids that it has. Of a PCI host they are passed over: an id is the requester's there. */
static int read_master(struct dt *dt, uint32_t unit, uint32_t master, const struct dt_cells *ids, uint32_t at, uint32_t n)
{
	struct piommu_fw_source *source;
	int rc = 0;

	if (is_host(dt, master)) {
		struct piommu_fw_id_map map = { .last = ID16_LAST };

		source = add_source(dt, master);
		if (!source)
			return -ENOMEM;
		rc = number_host(dt, master, source);
		return rc < 0 ? rc : add_map(dt, unit, "mmu-masters", unit, &map, &source->to_units);
	}
	source = device_source(dt, master);
	if (!source)
		return -ENOMEM;
	for (uint32_t i = 0; i < n && rc == 0; i++) {
		uint32_t first = source->to_units.n;
		struct piommu_fw_id_map map = { .first = first, .last = first, .to = dt_cell(ids, at + i) };

		rc = add_map(dt, unit, "mmu-masters", unit, &map, &source->to_units);
	}
	return rc;
}

static int read_masters(struct dt *dt, uint32_t unit)
{
	char path[DT_PATH_LEN], other[DT_PATH_LEN];
	struct dt_cells cells;
	uint32_t at = 0;
	int rc = dt_cells(dt, unit, "mmu-masters", &cells);

	while (rc == 0 && at < cells.n) {
		uint32_t master = dt_by_phandle(dt, dt_cell(&cells, at));
		uint32_t n = master == DT_NO_NODE ? UINT32_MAX : dt_u32(dt, master, "#stream-id-cells", UINT32_MAX);

		if (n > cells.n - at - 1)
			return fw_refuse(dt->err,
					 "device tree: %.70s: mmu-masters: %.70s has no #stream-id-cells, or more than follow: "
					 "the tree is damaged",
					 dt_path(dt, unit, path),
					 master == DT_NO_NODE ? "a phandle of no node" : dt_path(dt, master, other));
		if (dt->nodes[master].available)
			rc = read_master(dt, unit, master, &cells, at + 1, n);
		at += 1 + n;
	}
	return rc;
}

/* ---- All ----------------------------------------------------------------------------------------------------------------- */

static int warn_hosts(struct dt *dt)
{
	return dt->nhosts < 2 ? 0
			      : fw_warn(dt->fw,
					"device tree: %u PCI hosts have no linux,pci-domain: their segments are numbered in "
					"the tree's order, which need not be the system's; compare them before you rely on it",
					dt->nhosts);
}

static int check_sources(struct dt *dt)
{
	return dt->fw->nsources <= SOURCES_MAX
		       ? 0
		       : fw_refuse(dt->err, "device tree: more than %u devices behind SMMUs are beyond belief: it is damaged",
				   SOURCES_MAX);
}

int dt_read_sources(struct dt *dt)
{
	int rc = 0;

	for (uint32_t node = 0; node < dt->nnodes && rc == 0; node++) {
		if (!dt->nodes[node].available)
			continue;
		if (is_host(dt, node) && !dt_has(dt, node, "linux,pci-domain"))
			dt->nodes[node].host = dt->nhosts++;
		rc = read_iommus(dt, node);
		if (rc == 0)
			rc = read_iommu_map(dt, node);
		if (rc == 0)
			rc = check_sources(dt);
	}
	for (uint32_t node = 0; node < dt->nnodes && rc == 0; node++) {
		if (dt->nodes[node].unit != PIOMMU_FW_NONE && !dt_has(dt, node, "#iommu-cells"))
			rc = read_masters(dt, node);
	}
	return rc < 0 ? rc : warn_hosts(dt);
}
