/* SPDX-License-Identifier: BSD-3-Clause */
/* Looking at a manager: units, scopes, reserved ranges, groups, walks. Read-only; works on an inspecting manager too. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core.h"

unsigned piommu_unit_count(const struct piommu *p)
{
	struct core_unit *cu;
	unsigned n = 0;

	for (; (cu = core_unit_at(p, n)); n++)
		core_unit_put(cu);
	return n;
}

/* Inspection reads a unit through a window of its own, opened for the moment. */
static bool peek_open(const struct core_unit *cu, struct piommu_window *window)
{
	struct piommu_platform *plat = cu->unit.plat;

	if (cu->by_hand && !cu->unit.fw->len)
		return false;
	return plat->ops->window_map && !plat->ops->window_map(plat, cu->unit.fw, PIOMMU_WINDOW_INSPECT, window);
}

static void peek_close(const struct core_unit *cu, struct piommu_window *window)
{
	cu->unit.plat->ops->window_unmap(cu->unit.plat, window);
}

static void unit_version(const struct core_unit *cu, char *text, size_t len)
{
	const struct piommu_driver *driver = core_unit_driver(cu);
	struct piommu_window window;
	bool peeked;

	if (!driver || !driver->version)
		return;
	peeked = peek_open(cu, &window);
	if (peeked || cu->facts.caps_known)
		driver->version(&cu->facts, peeked ? &window : NULL, text, len);
	if (peeked)
		peek_close(cu, &window);
}

int piommu_unit_info(const struct piommu *p, unsigned unit, struct piommu_unit_info *out)
{
	struct core_unit *cu = core_unit_at(p, unit);

	if (!cu)
		return -ENOENT;
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
		.path = cu->unit.fw->path,
		.model = piommu_fw_model_name(cu->unit.fw->model),
	};
	snprintf(out->route, sizeof(out->route), "%s", cu->facts.route);
	if (atomic_load_explicit(&cu->enabled, memory_order_acquire)) {
		out->iova_bits = cu->unit.caps.iova_bits;
		out->page_sizes = cu->unit.caps.page_sizes;
		out->passthrough = cu->unit.caps.passthrough;
		out->coherent = cu->unit.caps.coherent;
		out->queued = cu->unit.caps.queued;
		out->caches_not_present = cu->unit.caps.caches_not_present;
	}
	unit_version(cu, out->version, sizeof(out->version));
	core_unit_put(cu);
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

/* What a scope leads to changes when devices come and go. */
static int scope_info_locked(const struct piommu *cp, const struct piommu_fw_scopes *scopes, unsigned n,
			     struct piommu_scope_info *out)
{
	struct piommu *p = core_mutable(cp);
	bool online = core_slow_enter();
	int err;

	core_probe_lock(p);
	err = scope_info(scopes, n, out);
	core_probe_unlock(p);
	core_slow_exit(online);
	return err;
}

int piommu_unit_scope(const struct piommu *p, unsigned unit, unsigned scope, struct piommu_scope_info *out)
{
	struct core_unit *cu = core_unit_at(p, unit);
	int err;

	if (!cu)
		return -ENOENT;
	err = scope_info_locked(p, &cu->unit.fw->scopes, scope, out);
	core_unit_put(cu);
	return err;
}

/* The nth range that leads to unit `index`, over all sources. */
static int source_info(const struct piommu *p, uint32_t index, unsigned n, struct piommu_source_info *out)
{
	for (unsigned i = 0; i < p->fw.nsources; i++) {
		const struct piommu_fw_source *source = &p->fw.sources[i];

		for (unsigned m = 0; m < source->to_units.n; m++) {
			const struct piommu_fw_id_map *map = &source->to_units.at[m];

			if (map->target != index || n--)
				continue;
			*out = (struct piommu_source_info){ source->name, source->is_pci, source->segment, map->first,
							    map->last,    map->to,        map->mask };
			return 0;
		}
	}
	return -ENOENT;
}

int piommu_unit_source(const struct piommu *p, unsigned unit, unsigned n, struct piommu_source_info *out)
{
	struct core_unit *cu = core_unit_at(p, unit);
	int err = -ENOENT;

	if (!cu)
		return err;
	if (!cu->by_hand)
		err = source_info(p, (uint32_t)(cu->unit.fw - p->fw.units), n, out);
	core_unit_put(cu);
	return err;
}

int piommu_unit_describe(const struct piommu *p, unsigned unit, void (*fn)(void *ctx, const char *name, const char *text),
			 void *ctx)
{
	struct core_unit *cu = core_unit_at(p, unit);
	const struct piommu_driver *driver;
	struct piommu_window window;
	bool peeked;
	int err = 0;

	if (!cu)
		return -ENOENT;
	driver = core_unit_driver(cu);
	if (!driver || !driver->describe) {
		core_unit_put(cu);
		return -ENOTSUP;
	}
	peeked = peek_open(cu, &window);
	if (peeked || cu->facts.caps_known)
		driver->describe(&cu->facts, peeked ? &window : NULL, fn, ctx);
	else
		err = -EACCES;
	if (peeked)
		peek_close(cu, &window);
	core_unit_put(cu);
	return err;
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
	return reserved < p->fw.nreserved ? scope_info_locked(p, &p->fw.reserved[reserved].scopes, scope, out) : -ENOENT;
}

int piommu_reserved_ids(const struct piommu *p, unsigned reserved, unsigned n, struct piommu_reserved_ids *out)
{
	const struct piommu_fw_id_map *map;

	if (reserved >= p->fw.nreserved || n >= p->fw.reserved[reserved].ids.n)
		return -ENOENT;
	map = &p->fw.reserved[reserved].ids.at[n];
	*out = (struct piommu_reserved_ids){ p->fw.units[map->target].name, map->to, map->to + (map->last - map->first),
					     map->mask };
	return 0;
}

/* More may come when devices do; none goes. */
const char *piommu_warning(const struct piommu *cp, unsigned n)
{
	struct piommu *p = core_mutable(cp);
	bool online = core_slow_enter();
	const char *text;

	core_probe_lock(p);
	text = n < p->fw.nwarnings ? p->fw.warnings[n] : NULL;
	core_probe_unlock(p);
	core_slow_exit(online);
	return text;
}

/* ---- Groups ---------------------------------------------------------------------------------------------------------------- */

unsigned piommu_group_count(const struct piommu *cp)
{
	struct piommu *p = core_mutable(cp);
	const struct rcu_snapshot *all;
	unsigned n = 0;

	mutex_lock(&p->groups_lock);
	all = rcu_table_read(&p->groups); /* its writers hold the lock */
	for (size_t i = 0; i < all->n; i++)
		n += rcu_entry_value(&all->entry[i]) != NULL;
	mutex_unlock(&p->groups_lock);
	return n;
}

struct piommu_group *piommu_group_at(struct piommu *p, unsigned n)
{
	struct piommu_group *found = NULL;
	const struct rcu_snapshot *all;

	mutex_lock(&p->groups_lock);
	all = rcu_table_read(&p->groups);
	for (size_t i = 0; i < all->n && !found; i++) {
		struct piommu_group *group = rcu_entry_value(&all->entry[i]);

		if (group && n-- == 0)
			found = group; /* it has a member, which has a reference */
	}
	if (found)
		rcu_ref_get(&found->ref);
	mutex_unlock(&p->groups_lock);
	return found;
}

static struct piommu_group *mutable(const struct piommu_group *group)
{
	return (struct piommu_group *)(uintptr_t)group;
}

void piommu_group_info(const struct piommu_group *cgroup, struct piommu_group_info *out)
{
	struct piommu_group *group = mutable(cgroup);
	bool online = core_slow_enter();

	mutex_lock(&group->mutex);
	*out = (struct piommu_group_info){
		.id = group->id,
		.ndevices = group->nmembers,
		.nreasons = group->nreasons,
		.has_reserved = group->has_reserved,
		.claimed = atomic_load_explicit(&group->claimed, memory_order_relaxed),
	};
	if (core_group_unit(group))
		out->unit = core_group_unit(group)->name;
	mutex_unlock(&group->mutex);
	core_slow_exit(online);
}

static void device_info(const struct core_device *cd, struct piommu_device_info *out)
{
	const struct piommu_pci_function *fn = &cd->fn;

	*out = (struct piommu_device_info){
		.is_pci = cd->dev.is_pci,
		.sbdf = fn->sbdf,
		.vendor = fn->vendor,
		.device = fn->device,
		.class_code = fn->class_code,
		.is_bridge = fn->header_type == 1,
		.nids = cd->dev.nids,
	};
	memcpy(out->name, cd->dev.name, sizeof(out->name));
	memcpy(out->ids, cd->dev.ids, sizeof(out->ids));
	snprintf(out->driver, sizeof(out->driver), "%s", fn->driver);
	snprintf(out->model, sizeof(out->model), "%s", fn->name);
}

int piommu_group_device(const struct piommu_group *cgroup, unsigned n, struct piommu_device_info *out)
{
	struct piommu_group *group = mutable(cgroup);
	bool online = core_slow_enter();
	int err = -ENOENT;

	mutex_lock(&group->mutex);
	if (n < group->nmembers) {
		device_info(group->members[n], out);
		err = 0;
	}
	mutex_unlock(&group->mutex);
	core_slow_exit(online);
	return err;
}

int piommu_group_reason(const struct piommu_group *cgroup, unsigned n, const char **fact, char *text, size_t len)
{
	struct piommu_group *group = mutable(cgroup);
	bool online = core_slow_enter();
	int err = -ENOENT;

	mutex_lock(&group->mutex);
	if (n < group->nreasons) {
		*fact = piommu_topo_fact_name(group->reasons[n].fact);
		piommu_topo_reason_text(&group->reasons[n], text, len);
		err = 0;
	}
	mutex_unlock(&group->mutex);
	core_slow_exit(online);
	return err;
}

/* ---- Walking --------------------------------------------------------------------------------------------------------------- */

/*
 * The unit of a device, with a reference, and the id that its DMA carries last on its way up: behind a bridge that is the alias. Gives the
 * device's reference back.
 */
static struct core_unit *unit_of(struct core_device *cd, uint32_t *id)
{
	struct piommu_group *group = cd ? core_device_group_get(cd) : NULL;
	struct core_unit *cu = NULL;

	if (group) {
		mutex_lock(&group->mutex);
		if (cd->dev.unit && cd->dev.nids) {
			cu = core_unit_of(cd->dev.unit);
			core_unit_get(cu);
			*id = cd->dev.ids[cd->dev.nids - 1].id;
		}
		mutex_unlock(&group->mutex);
	}
	piommu_group_put(group);
	core_device_put(cd);
	return cu;
}

static int walk(struct piommu *p, struct core_unit *cu, uint32_t id, uint64_t iova, struct piommu_walk_step *steps,
		unsigned max)
{
	const struct piommu_driver *driver = core_unit_driver(cu);
	struct piommu_window window;
	int n;

	if (!driver || !driver->walk)
		return -ENOTSUP;
	if (!peek_open(cu, &window))
		return -EACCES;
	n = (int)driver->walk(p->plat, &window, id, iova, steps, max);
	peek_close(cu, &window);
	return n;
}

/* Gives the unit's reference back. */
static int walk_behind(struct piommu *p, struct core_unit *cu, uint32_t id, uint64_t iova, struct piommu_walk_step *steps,
		       unsigned max)
{
	struct core_read was;
	int n;

	if (!cu)
		return -ENOENT;
	was = core_read_enter(); /* of tables that others may unlink */
	n = walk(p, cu, id, iova, steps, max);
	core_read_exit(was);
	core_unit_put(cu);
	return n;
}

static int walk_device(struct piommu *p, struct core_device *cd, uint64_t iova, struct piommu_walk_step *steps, unsigned max)
{
	bool online = core_slow_enter();
	uint32_t id = 0;
	struct core_unit *cu = unit_of(cd, &id);

	core_slow_exit(online);
	return walk_behind(p, cu, id, iova, steps, max);
}

int piommu_walk(struct piommu *p, struct piommu_sbdf sbdf, uint64_t iova, struct piommu_walk_step *steps, unsigned max)
{
	return walk_device(p, core_device_get(p, core_sbdf_key(sbdf)), iova, steps, max);
}

int piommu_walk_node(struct piommu *p, const char *name, uint64_t iova, struct piommu_walk_step *steps, unsigned max)
{
	return walk_device(p, core_device_get_node(p, name), iova, steps, max);
}

int piommu_walk_id(struct piommu *p, const char *unit, uint32_t id, uint64_t iova, struct piommu_walk_step *steps, unsigned max)
{
	struct core_unit *cu = NULL;

	while ((cu = core_unit_next(p, cu)) && strcmp(cu->unit.name, unit))
		;
	return walk_behind(p, cu, id, iova, steps, max);
}
