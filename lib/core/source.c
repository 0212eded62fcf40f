/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What firmware says of devices by the ids that their DMA carries, not by their place: the unit, the ids there, memory reserved
 * for them, and which devices there are that are no PCI functions. Under the probe lock, but for the list of devices.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"

/* Every id of a device that is no PCI function: all that its ranges lead to. @return how many; no more than PIOMMU_IDS_MAX are stored */
static size_t node_routes(const struct piommu_fw_source *source, struct piommu_fw_route routes[PIOMMU_IDS_MAX])
{
	size_t n = 0;

	for (unsigned i = 0; i < source->to_units.n; i++) {
		const struct piommu_fw_id_map *map = &source->to_units.at[i];
		size_t len = (size_t)(map->last - map->first) + 1;

		for (size_t at = 0; at < len && n + at < PIOMMU_IDS_MAX; at++)
			routes[n + at] = (struct piommu_fw_route){ map->target, map->to + (uint32_t)at, map->mask };
		n += len;
	}
	return n;
}

static const struct piommu_fw_source *source_named(const struct piommu *p, const char *name)
{
	for (unsigned i = 0; i < p->fw.nsources; i++) {
		if (!p->fw.sources[i].is_pci && !strcmp(p->fw.sources[i].name, name))
			return &p->fw.sources[i];
	}
	return NULL;
}

/* Where what `cd` sends goes; its own id first. `*known`: firmware describes it by ids. */
static size_t routes_of(struct piommu *p, const struct core_device *cd, struct piommu_fw_route routes[PIOMMU_IDS_MAX],
			bool *known) REQUIRES(p->probe_lock)
{
	int node = cd->dev.is_pci ? piommu_topo_find(p->topo, cd->dev.sbdf) : -1;
	const struct piommu_fw_source *source =
		cd->dev.is_pci ? piommu_fw_source_of_pci(&p->fw, cd->dev.sbdf) : source_named(p, cd->dev.name);
	size_t n = 0;

	*known = source && (node >= 0 || !cd->dev.is_pci);
	if (!*known)
		return 0;
	if (!cd->dev.is_pci)
		return node_routes(source, routes);
	for (unsigned i = 0; i < p->topo->nodes[node].nrids && n < PIOMMU_IDS_MAX; i++)
		n += !piommu_fw_source_route(source, p->topo->nodes[node].rids[i], &routes[n]);
	return n;
}

bool core_source_unit(struct piommu *p, const struct core_device *cd, struct core_unit **out)
{
	struct piommu_fw_route routes[PIOMMU_IDS_MAX];
	struct core_unit *cu = NULL;
	bool known;
	size_t n = routes_of(p, cd, routes, &known);

	*out = NULL;
	if (!known)
		return false;
	while (n && routes[0].unit < p->fw.nunits && (cu = core_unit_next(p, cu))) {
		if (cu->unit.fw != &p->fw.units[routes[0].unit])
			continue;
		*out = cu;
		break;
	}
	return true;
}

/* What goes elsewhere than the first, or past every unit, is none of its unit's ids. */
void core_source_ids(struct piommu *p, struct core_device *cd)
{
	struct piommu_fw_route routes[PIOMMU_IDS_MAX];
	bool known;
	size_t n = cd->dev.is_pci ? routes_of(p, cd, routes, &known) : 0;

	if (!n || routes[0].unit == PIOMMU_FW_NONE)
		return;
	cd->dev.nids = 0;
	for (size_t i = 0; i < n; i++) {
		if (routes[i].unit == routes[0].unit)
			cd->dev.ids[cd->dev.nids++] = (struct piommu_id){ routes[i].id, routes[i].mask };
	}
}

bool core_source_has(struct piommu *p, const struct core_device *cd, const struct piommu_fw_id_maps *ids)
{
	struct piommu_fw_route routes[PIOMMU_IDS_MAX];
	bool known;
	size_t n = ids->n ? routes_of(p, cd, routes, &known) : 0;

	for (size_t i = 0; i < n && i < PIOMMU_IDS_MAX; i++) {
		if (piommu_fw_ids_have(ids, &routes[i]))
			return true;
	}
	return false;
}

/* Whoever only looks has seen it among its units' sources. */
static void tell_left_out(const struct piommu *p, const struct piommu_fw_source *source, const char *why)
{
	if (p->inspect)
		log_info(&p->log, "%s: %s: it is left out", source->name, why);
	else
		log_warn(&p->log, "%s: %s: it is left out", source->name, why);
}

/* NULL: it can be driven as a whole. What goes past every unit needs no driving. */
static const char *why_not(const struct piommu *p, const struct piommu_fw_source *source, const struct piommu_fw_route *routes,
			   size_t n)
{
	if (n > PIOMMU_IDS_MAX)
		return "it has more ids than are handled";
	if (strlen(source->name) >= PIOMMU_NAME_LEN)
		return "its name is longer than is handled";
	for (size_t i = 1; i < n; i++)
		if (routes[i].unit != routes[0].unit && routes[i].unit < p->fw.nunits)
			return "its DMA goes through more than one unit";
	return NULL;
}

/* One source as a node. @return false: it is none, or one that cannot be driven as a whole (said) */
static bool make_node(const struct piommu *p, const struct piommu_fw_source *source, struct piommu_node *node)
{
	struct piommu_fw_route routes[PIOMMU_IDS_MAX];
	size_t n = source->is_pci ? 0 : node_routes(source, routes);
	const char *why;

	if (!n || routes[0].unit >= p->fw.nunits)
		return false;
	why = why_not(p, source, routes, n);
	if (why) {
		tell_left_out(p, source, why);
		return false;
	}
	*node = (struct piommu_node){ 0 };
	snprintf(node->name, sizeof(node->name), "%s", source->name);
	snprintf(node->unit, sizeof(node->unit), "%s", p->fw.units[routes[0].unit].name);
	for (size_t i = 0; i < n; i++)
		if (routes[i].unit == routes[0].unit)
			node->ids[node->nids++] = (struct piommu_id){ routes[i].id, routes[i].mask };
	return true;
}

int core_source_nodes(const struct piommu *p, struct piommu_node **out, size_t *n)
{
	*n = 0;
	*out = calloc(p->fw.nsources + 1u, sizeof(**out));
	if (!*out)
		return -ENOMEM;
	for (unsigned i = 0; i < p->fw.nsources; i++)
		*n += make_node(p, &p->fw.sources[i], &(*out)[*n]);
	return 0;
}
