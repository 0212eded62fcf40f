/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Devices and groups out of the topology, each device with the unit that its DMA goes through and the reserved ranges that
 * firmware ties to it. Built once in piommu_create().
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"

/* The function itself, or (bridge scopes) anything below it. */
static bool scope_covers(const struct piommu_topo *topo, const struct piommu_fw_scope *scope, unsigned node)
{
	if (!scope->resolved)
		return false;
	if (scope->type != PIOMMU_FW_SCOPE_PCI_ENDPOINT && scope->type != PIOMMU_FW_SCOPE_PCI_BRIDGE)
		return false;
	for (int at = (int)node; at >= 0; at = topo->nodes[at].parent) {
		if (!piommu_sbdf_compare(topo->nodes[at].fn.sbdf, scope->sbdf))
			return true;
		if (scope->type == PIOMMU_FW_SCOPE_PCI_ENDPOINT)
			return false;
	}
	return false;
}

static bool scopes_cover(const struct piommu_topo *topo, const struct piommu_fw_scopes *scopes, unsigned node)
{
	for (unsigned i = 0; i < scopes->n; i++)
		if (scope_covers(topo, &scopes->at[i], node))
			return true;
	return false;
}

/* Virtual functions are in no scope: their DMA goes where their physical function's does. */
static unsigned firmware_node(const struct piommu_topo *topo, unsigned node)
{
	const struct piommu_pci_function *fn = &topo->nodes[node].fn;
	int pf = fn->is_virtfn ? piommu_topo_find(topo, fn->physfn) : -1;

	return pf >= 0 ? (unsigned)pf : node;
}

static struct piommu_unit *unit_for(struct piommu *p, unsigned node)
{
	uint32_t segment = p->topo->nodes[node].fn.sbdf.segment;
	struct piommu_unit *all = NULL;

	node = firmware_node(p->topo, node);
	for (unsigned i = 0; i < p->nunits; i++) {
		const struct piommu_fw_unit *fw = p->units[i].unit.fw;

		if (fw->segment != segment)
			continue;
		if (scopes_cover(p->topo, &fw->scopes, node))
			return &p->units[i].unit;
		if (fw->include_all && !all)
			all = &p->units[i].unit;
	}
	return all;
}

static int find_reserved(struct piommu *p, struct core_device *device)
{
	unsigned node = firmware_node(p->topo, device->node);

	for (unsigned r = 0; r < p->fw.nreserved; r++) {
		const struct piommu_fw_reserved *reserved = &p->fw.reserved[r];
		unsigned *more;

		if (reserved->segment != device->dev.sbdf.segment || !scopes_cover(p->topo, &reserved->scopes, node))
			continue;
		more = realloc(device->reserved, (device->nreserved + 1) * sizeof(*more));
		if (!more)
			return -ENOMEM;
		device->reserved = more;
		device->reserved[device->nreserved++] = r;
	}
	return 0;
}

static int make_device(struct piommu *p, struct piommu_group *group, unsigned node)
{
	const struct piommu_topo_node *tn = &p->topo->nodes[node];
	struct core_device *device = &group->devices[group->ndevices];
	int err;

	device->node = node;
	device->group = group;
	device->dev.sbdf = tn->fn.sbdf;
	device->dev.is_pci = true;
	piommu_sbdf_format(tn->fn.sbdf, device->dev.name);
	device->dev.unit = unit_for(p, node);
	for (device->dev.nids = 0; device->dev.nids < tn->nrids; device->dev.nids++)
		device->dev.ids[device->dev.nids] = tn->rids[device->dev.nids];
	group->ndevices++;
	err = find_reserved(p, device);
	if (err)
		return err;
	group->has_reserved |= device->nreserved > 0;
	return rcu_table_insert(&p->devices, core_sbdf_key(device->dev.sbdf), device);
}

static int make_group(struct piommu *p, unsigned id)
{
	const struct piommu_topo_group *tg = &p->topo->groups[id];
	struct piommu_group *group = &p->groups[id];

	group->devices = calloc(tg->nnodes, sizeof(*group->devices));
	if (!group->devices)
		return -ENOMEM;
	for (unsigned i = 0; i < tg->nnodes; i++) {
		int err = make_device(p, group, tg->nodes[i]);

		if (err)
			return err;
	}
	return 0;
}

struct piommu_unit *core_group_unit(const struct piommu_group *group)
{
	for (unsigned d = 0; d < group->ndevices; d++)
		if (group->devices[d].dev.unit)
			return group->devices[d].dev.unit;
	return NULL;
}

int core_groups_build(struct piommu *p)
{
	int err = 0;

	p->groups = calloc(p->topo->ngroups ? p->topo->ngroups : 1, sizeof(*p->groups));
	if (!p->groups)
		return -ENOMEM;
	p->ngroups = p->topo->ngroups;
	for (unsigned id = 0; id < p->ngroups; id++) {
		p->groups[id].p = p;
		p->groups[id].id = id;
		mutex_init(&p->groups[id].mutex, LOCK_GROUP);
	}
	for (unsigned id = 0; id < p->ngroups && !err; id++)
		err = make_group(p, id);
	if (err)
		core_groups_free(p);
	return err;
}

void core_groups_free(struct piommu *p)
{
	for (unsigned id = 0; id < p->ngroups; id++) {
		struct piommu_group *group = &p->groups[id];

		for (unsigned d = 0; d < group->ndevices; d++)
			free(group->devices[d].reserved);
		free(group->devices);
		mutex_fini(&group->mutex);
	}
	free(p->groups);
	p->groups = NULL;
	p->ngroups = 0;
	rcu_table_fini(&p->devices);
}
