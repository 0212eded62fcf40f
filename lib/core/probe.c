/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Making a device's state and tying it to a unit and a group (rule R4): allocate, read what firmware says, pick the unit (with a
 * reference), probe_device, set the unit pointer, device_group, join the group, the deferred flag; a failure unwinds in the reverse
 * order. Under the probe lock. Where the device then goes is its group's matter (defaults.c), under the group's mutex.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"

/* Requester ids of a function, its own and its aliases, or what firmware says that they become on their way. */
static void take_ids(struct piommu *p, struct core_device *cd, const struct core_found *found) REQUIRES(p->probe_lock)
{
	const struct piommu_topo *topo = p->topo;
	int node = found->is_pci ? piommu_topo_find(topo, found->fn.sbdf) : -1;

	if (!found->is_pci) {
		memcpy(cd->dev.ids, found->node.ids, sizeof(cd->dev.ids));
		cd->dev.nids = found->node.nids;
		return;
	}
	for (unsigned i = 0; node >= 0 && i < topo->nodes[node].nrids; i++)
		cd->dev.ids[cd->dev.nids++] = (struct piommu_id){ .id = topo->nodes[node].rids[i] };
	core_source_ids(p, cd);
}

static struct core_device *device_new(struct piommu *p, const struct core_found *found) REQUIRES(p->probe_lock)
{
	struct core_device *cd = calloc(1, sizeof(*cd));

	if (!cd)
		return NULL;
	cd->p = p;
	mutex_lock(&p->objects_lock);
	cd->next = p->all_devices;
	p->all_devices = cd;
	mutex_unlock(&p->objects_lock);
	rcu_ref_init(&cd->ref);
	cd->dev.is_pci = found->is_pci;
	if (found->is_pci) {
		cd->fn = found->fn;
		cd->dev.sbdf = found->fn.sbdf;
		cd->key = core_sbdf_key(found->fn.sbdf);
		piommu_sbdf_format(found->fn.sbdf, cd->dev.name);
	} else {
		cd->key = CORE_NODE_KEY | p->next_node++;
		snprintf(cd->dev.name, sizeof(cd->dev.name), "%s", found->node.name);
	}
	take_ids(p, cd, found);
	memcpy(cd->ids, cd->dev.ids, sizeof(cd->ids));
	cd->nids = cd->dev.nids;
	if (p->wish_fn)
		cd->wish = p->wish_fn(p->wish_ctx, cd->dev.name);
	return cd;
}

/*
 * The unit pointer of a device that is in a group already is read under that group's mutex.
 * @return false: meanwhile somebody claimed the group as one behind no unit (R10, case T7)
 */
static bool set_unit(struct core_device *cd, struct piommu_unit *unit)
{
	struct piommu_group *group = atomic_load_explicit(&cd->group, memory_order_relaxed);
	bool mine;

	if (!group) {
		__atomic_store_n(&cd->dev.unit, unit, __ATOMIC_RELAXED);
		return true;
	}
	mutex_lock(&group->mutex);
	mine = !unit || !atomic_load_explicit(&group->claimed, memory_order_relaxed);
	if (mine) {
		__atomic_store_n(&cd->dev.unit, unit, __ATOMIC_RELAXED);
		cd->placed = false;
		cd->binding = unit; /* it is not placed before it is in the group where it belongs */
	}
	mutex_unlock(&group->mutex);
	return mine;
}

static void warn_claimed(const struct core_device *cd, const struct core_unit *cu)
{
	const struct piommu_group *group = atomic_load_explicit(&cd->group, memory_order_relaxed);

	log_warn(&cd->p->log,
		 "%s: unit %s came after its group %u was claimed: it stays as it is, uncontained; release it, and claim it "
		 "again",
		 cd->dev.name, cu->unit.name, group->id);
}

static int choose_group(struct core_device *cd, struct piommu_group **out)
{
	const struct piommu_unit *unit = cd->dev.unit;
	struct piommu_group *group;
	int err;

	if (!unit || cd->p->inspect || !unit->driver->device_group)
		return piommu_group_by_topology(&cd->dev, out);
	err = unit->driver->device_group(&cd->dev, &group);
	if (err)
		return err;
	err = core_group_has_mates(cd, group);
	if (err)
		piommu_group_put(group);
	else
		*out = group;
	return err;
}

/* From the group that it is in, if any, to `group`. */
static int enter_group(struct piommu *p, struct core_device *cd, struct piommu_group *group) REQUIRES(p->probe_lock)
{
	struct piommu_group *old = atomic_load_explicit(&cd->group, memory_order_relaxed);
	int err = 0;

	if (old != group) {
		mutex_lock(&group->mutex);
		err = core_group_join(group, cd);
		mutex_unlock(&group->mutex);
	}
	if (!err && old && old != group) {
		mutex_lock(&old->mutex);
		core_group_leave(old, cd);
		if (!old->nmembers)
			core_group_end(old);
		mutex_unlock(&old->mutex);
		piommu_group_put(old);
	}
	if (err)
		return err;
	mutex_lock(&group->mutex);
	cd->binding = false;
	core_group_refresh_reasons(p, group);
	mutex_unlock(&group->mutex);
	return 0;
}

static void set_deferred(struct core_device *cd)
{
	const struct piommu_unit *unit = cd->dev.unit;
	bool deferred = unit && unit->driver->is_attach_deferred && unit->driver->is_attach_deferred(&cd->dev);

	atomic_store_explicit(&cd->deferred, deferred, memory_order_relaxed);
}

static void let_go(struct core_device *cd, struct core_unit *cu)
{
	if (cd->probed && cu->unit.driver->release_device) {
		__atomic_store_n(&cd->dev.unit, &cu->unit, __ATOMIC_RELAXED);
		cu->unit.driver->release_device(&cd->dev);
	}
	atomic_store_explicit(&cd->deferred, false, memory_order_relaxed);
	cd->probed = cd->placed = cd->binding = false;
	__atomic_store_n(&cd->dev.unit, NULL, __ATOMIC_RELAXED);
}

/* Undo of probe_device. The driver may rely on the unit pointer; nobody sees it while the group's mutex is held. */
static void unprobe(struct core_device *cd, struct core_unit *cu)
{
	struct piommu_group *group = atomic_load_explicit(&cd->group, memory_order_relaxed);

	if (!group) {
		let_go(cd, cu);
		return;
	}
	mutex_lock(&group->mutex);
	let_go(cd, cu);
	mutex_unlock(&group->mutex);
}

int core_device_bind(struct piommu *p, struct core_device *cd, const char *node_unit)
{
	struct piommu_group *group, *old;
	struct core_unit *cu;
	int err = core_choose_unit(p, cd, node_unit, &cu);

	if (err)
		return err;
	old = atomic_load_explicit(&cd->group, memory_order_relaxed);
	if (!cu && old)
		return 0; /* behind no unit, as before */
	if (old && atomic_load_explicit(&old->claimed, memory_order_relaxed)) {
		warn_claimed(cd, cu);
		core_unit_put(cu);
		return 0;
	}
	if (cu && !p->inspect && cu->unit.driver->probe_device) {
		err = cu->unit.driver->probe_device(&cu->unit, &cd->dev);
		if (err)
			goto out_unit;
	}
	cd->probed = cu && !p->inspect;
	PIOMMU_YIELD("probed, unit not set");
	if (cu && !set_unit(cd, &cu->unit)) {
		warn_claimed(cd, cu);
		goto out_probed;
	}
	err = choose_group(cd, &group);
	if (err)
		goto out_probed;
	if (cd->probed)
		set_deferred(cd);
	err = enter_group(p, cd, group);
	piommu_group_put(group);
	if (err)
		goto out_probed;
	return 0;

out_probed:
	unprobe(cd, cu);
out_unit:
	core_device_forget_driver(cd);
	if (cu)
		core_unit_put(cu);
	return err;
}

int core_device_init(struct piommu *p, const struct core_found *found, struct core_device **out)
{
	struct piommu_group *group;
	struct core_device *cd = device_new(p, found);
	int err;

	if (!cd)
		return -ENOMEM;
	err = core_firmware_reserved(p, cd);
	if (!err)
		err = core_device_bind(p, cd, found->is_pci ? NULL : found->node.unit);
	if (err)
		goto out_put;
	cd->born = atomic_fetch_add_explicit(&p->changes, 1, memory_order_relaxed) + 1;
	err = rcu_table_insert(&p->devices, cd->key, cd);
	if (err)
		goto out_bound;
	*out = cd;
	return 0;

out_bound:
	group = atomic_load_explicit(&cd->group, memory_order_relaxed);
	mutex_lock(&group->mutex);
	atomic_store_explicit(&cd->deferred, true, memory_order_relaxed); /* it was not placed: nothing is written */
	core_device_fini(group, cd, CORE_RELEASE_GONE);
	mutex_unlock(&group->mutex);
	piommu_group_put(group);
out_put:
	core_device_put(cd);
	return err;
}
