/* SPDX-License-Identifier: BSD-3-Clause */
/* Looking at a manager: units, scopes, reserved ranges, groups, walks. Read-only; works on an inspecting manager too. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core.h"

unsigned piommu_unit_count(const struct piommu *p)
{
	return p->nunits;
}

/* Inspection reads a unit through a window of its own, opened for the moment. */
static bool peek_open(const struct core_unit *cu, struct piommu_window *window)
{
	struct piommu_platform *plat = cu->unit.plat;

	return plat->ops->window_map && !plat->ops->window_map(plat, cu->unit.fw, PIOMMU_WINDOW_INSPECT, window);
}

static void peek_close(const struct core_unit *cu, struct piommu_window *window)
{
	cu->unit.plat->ops->window_unmap(cu->unit.plat, window);
}

int piommu_unit_info(const struct piommu *p, unsigned unit, struct piommu_unit_info *out)
{
	const struct core_unit *cu;
	struct piommu_window window;
	bool peeked;

	if (unit >= p->nunits)
		return -ENOENT;
	cu = &p->units[unit];
	*out = (struct piommu_unit_info){
		.name = cu->unit.name,
		.family = piommu_fw_family_name(cu->unit.fw->family),
		.base = cu->unit.fw->base,
		.len = cu->unit.fw->len,
		.segment = cu->unit.fw->segment,
		.include_all = cu->unit.fw->include_all,
		.numa_node = cu->unit.fw->numa_node,
		.nscopes = cu->unit.fw->scopes.n,
		.kernel_driven = cu->facts.kernel_driven,
	};
	snprintf(out->route, sizeof(out->route), "%s", cu->facts.route);
	if (cu->probed) {
		out->iova_bits = cu->unit.caps.iova_bits;
		out->page_sizes = cu->unit.caps.page_sizes;
		out->passthrough = cu->unit.caps.passthrough;
		out->coherent = cu->unit.caps.coherent;
		out->queued = cu->unit.caps.queued;
		out->caches_not_present = cu->unit.caps.caches_not_present;
	}
	if (!cu->unit.driver)
		return 0;
	peeked = peek_open(cu, &window);
	if (peeked || cu->facts.caps_known)
		cu->unit.driver->version(&cu->facts, peeked ? &window : NULL, out->version, sizeof(out->version));
	if (peeked)
		peek_close(cu, &window);
	return 0;
}

static int scope_info(const struct piommu_fw_scopes *scopes, unsigned n, struct piommu_scope_info *out)
{
	const struct piommu_fw_scope *scope;

	if (n >= scopes->n)
		return -ENOENT;
	scope = &scopes->at[n];
	*out = (struct piommu_scope_info){
		.type = piommu_fw_scope_type_name(scope->type),
		.id = scope->id,
		.start_bus = scope->start_bus,
		.npath = scope->npath,
		.known = scope->resolved,
		.sbdf = scope->sbdf,
	};
	for (unsigned i = 0; i < scope->npath && i < sizeof(out->path) / sizeof(out->path[0]); i++) {
		out->path[i][0] = scope->path[i].device;
		out->path[i][1] = scope->path[i].function;
	}
	return 0;
}

int piommu_unit_scope(const struct piommu *p, unsigned unit, unsigned scope, struct piommu_scope_info *out)
{
	return unit < p->nunits ? scope_info(&p->fw.units[unit].scopes, scope, out) : -ENOENT;
}

int piommu_unit_describe(const struct piommu *p, unsigned unit, void (*fn)(void *ctx, const char *name, const char *text),
			 void *ctx)
{
	const struct core_unit *cu;
	struct piommu_window window;
	bool peeked;

	if (unit >= p->nunits)
		return -ENOENT;
	cu = &p->units[unit];
	if (!cu->unit.driver)
		return -ENOTSUP;
	peeked = peek_open(cu, &window);
	if (!peeked && !cu->facts.caps_known)
		return -EACCES;
	cu->unit.driver->describe(&cu->facts, peeked ? &window : NULL, fn, ctx);
	if (peeked)
		peek_close(cu, &window);
	return 0;
}

unsigned piommu_reserved_count(const struct piommu *p)
{
	return p->fw.nreserved;
}

int piommu_reserved_info(const struct piommu *p, unsigned reserved, struct piommu_reserved_info *out)
{
	const struct piommu_fw_reserved *r;

	if (reserved >= p->fw.nreserved)
		return -ENOENT;
	r = &p->fw.reserved[reserved];
	*out = (struct piommu_reserved_info){ piommu_fw_reserved_name(r->kind), r->span, r->scopes.n };
	return 0;
}

int piommu_reserved_scope(const struct piommu *p, unsigned reserved, unsigned scope, struct piommu_scope_info *out)
{
	return reserved < p->fw.nreserved ? scope_info(&p->fw.reserved[reserved].scopes, scope, out) : -ENOENT;
}

const char *piommu_warning(const struct piommu *p, unsigned n)
{
	return n < p->fw.nwarnings ? p->fw.warnings[n] : NULL;
}

unsigned piommu_group_count(const struct piommu *p)
{
	return p->ngroups;
}

struct piommu_group *piommu_group_at(struct piommu *p, unsigned n)
{
	return n < p->ngroups ? &p->groups[n] : NULL;
}

int piommu_group_find(struct piommu *p, struct piommu_sbdf sbdf, struct piommu_group **out)
{
	const struct core_device *device = rcu_table_find(&p->devices, core_sbdf_key(sbdf));

	if (!device)
		return -ENOENT;
	*out = device->group;
	return 0;
}

void piommu_group_info(const struct piommu_group *group, struct piommu_group_info *out)
{
	*out = (struct piommu_group_info){
		.id = group->id,
		.ndevices = group->ndevices,
		.nreasons = group->p->topo->groups[group->id].nreasons,
		.has_reserved = group->has_reserved,
	};
	if (core_group_unit(group))
		out->unit = core_group_unit(group)->name;
	out->claimed = atomic_load_explicit(&group->claimed, memory_order_relaxed);
}

int piommu_group_device(const struct piommu_group *group, unsigned n, struct piommu_device_info *out)
{
	const struct core_device *device;
	const struct piommu_pci_function *fn;

	if (n >= group->ndevices)
		return -ENOENT;
	device = &group->devices[n];
	fn = &group->p->topo->nodes[device->node].fn;
	*out = (struct piommu_device_info){
		.name = device->dev.name,
		.is_pci = device->dev.is_pci,
		.sbdf = fn->sbdf,
		.vendor = fn->vendor,
		.device = fn->device,
		.class_code = fn->class_code,
		.is_bridge = fn->header_type == 1,
		.nids = device->dev.nids,
	};
	memcpy(out->ids, device->dev.ids, sizeof(out->ids));
	snprintf(out->driver, sizeof(out->driver), "%s", fn->driver);
	snprintf(out->model, sizeof(out->model), "%s", fn->name);
	return 0;
}

int piommu_group_reason(const struct piommu_group *group, unsigned n, const char **fact, char *text, size_t len)
{
	const struct piommu_topo_group *tg = &group->p->topo->groups[group->id];

	if (n >= tg->nreasons)
		return -ENOENT;
	*fact = piommu_topo_fact_name(tg->reasons[n].fact);
	piommu_topo_reason_text(&tg->reasons[n], text, len);
	return 0;
}

int piommu_walk(struct piommu *p, struct piommu_sbdf sbdf, uint64_t iova, struct piommu_walk_step *steps, unsigned max)
{
	const struct core_device *device = rcu_table_find(&p->devices, core_sbdf_key(sbdf));
	struct piommu_window window;
	struct core_unit *cu;
	int n;

	if (!device || !device->dev.unit)
		return -ENOENT;
	cu = core_unit_of(device->dev.unit);
	if (!cu->unit.driver || !cu->unit.driver->walk)
		return -ENOTSUP;
	if (!peek_open(cu, &window))
		return -EACCES;
	/* The id that the device's DMA carries last on its way up: behind a bridge that is the alias. */
	n = (int)cu->unit.driver->walk(p->plat, &window, (uint16_t)device->dev.ids[device->dev.nids - 1], iova, steps, max);
	peek_close(cu, &window);
	return n;
}
