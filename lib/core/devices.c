/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Looking devices up. A lookup is an RCU read section, and only a reference leaves it (rule R3): a device whose last reference has
 * gone is not found. Slow path, any thread.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"

static void device_free(struct rcu_deferral *deferral)
{
	struct core_device *cd = (struct core_device *)(void *)((char *)deferral - offsetof(struct core_device, deferral));
	struct piommu *p = cd->p;
	struct core_device **at;

	mutex_lock(&p->objects_lock);
	for (at = &p->all_devices; *at != cd; at = &(*at)->next)
		;
	*at = cd->next;
	mutex_unlock(&p->objects_lock);
	free(cd->reserved);
	free(cd->carveouts);
	free(cd);
}

/* No other thread is in the library, and what was let go of is gone: what is left are references that users kept. */
void core_objects_free(struct piommu *p)
{
	mutex_assert_unshared(&p->objects_lock);
	while (p->all_devices)
		device_free(&p->all_devices->deferral);
	while (p->all_groups)
		core_group_free(p->all_groups); /* a domain that one keeps is in the list of domains */
}

void core_device_put(struct core_device *cd)
{
	if (!cd || !rcu_ref_put(&cd->ref))
		return;
	assert(!cd->dev.unit);
	assert(!atomic_load_explicit(&cd->group, memory_order_relaxed));
	/* Readers that have just found it in the table look at its count. */
	rcu_defer(&cd->deferral, device_free);
}

struct core_device *core_device_get(struct piommu *p, uint64_t key)
{
	struct core_read was = core_read_enter();
	struct core_device *cd = rcu_table_find(&p->devices, key);

	PIOMMU_YIELD("device found, reference not taken");
	if (cd && !rcu_ref_get_unless_zero(&cd->ref))
		cd = NULL;
	core_read_exit(was);
	return cd;
}

struct core_device *core_device_next(struct piommu *p, struct core_device *prev)
{
	struct core_read was = core_read_enter();
	const struct rcu_snapshot *all = rcu_table_read(&p->devices);
	struct core_device *found = NULL;

	for (size_t i = 0; i < all->n && !found; i++) {
		struct core_device *cd = prev && all->entry[i].key <= prev->key ? NULL : rcu_entry_value(&all->entry[i]);

		if (cd && rcu_ref_get_unless_zero(&cd->ref))
			found = cd;
	}
	core_read_exit(was);
	core_device_put(prev);
	return found;
}

struct core_device *core_device_get_node(struct piommu *p, const char *name)
{
	struct core_read was = core_read_enter();
	const struct rcu_snapshot *all = rcu_table_read(&p->devices);
	struct core_device *found = NULL;

	for (size_t i = all->n; i-- > 0 && !found && all->entry[i].key & CORE_NODE_KEY;) {
		struct core_device *cd = rcu_entry_value(&all->entry[i]);

		if (cd && !strcmp(cd->dev.name, name) && rcu_ref_get_unless_zero(&cd->ref))
			found = cd;
	}
	core_read_exit(was);
	return found;
}

bool core_device_carries(const struct core_device *cd, struct piommu_id id)
{
	for (unsigned i = 0; i < cd->nids; i++)
		if (piommu_ids_overlap(cd->ids[i], id))
			return true;
	return false;
}

struct piommu_group *core_device_group_get(struct core_device *cd)
{
	struct core_read was = core_read_enter();
	struct piommu_group *group = atomic_load_explicit(&cd->group, memory_order_acquire);

	PIOMMU_YIELD("group read, reference not taken");
	if (group && !rcu_ref_get_unless_zero(&group->ref))
		group = NULL;
	core_read_exit(was);
	return group;
}

static int find(struct core_device *cd, struct piommu_device **out)
{
	struct piommu_group *group = cd ? core_device_group_get(cd) : NULL;

	if (!cd)
		return -ENOENT;
	if (!group) {
		core_device_put(cd);
		return -EAGAIN;
	}
	piommu_group_put(group);
	*out = &cd->dev;
	return 0;
}

int piommu_device_find(struct piommu *p, struct piommu_sbdf sbdf, struct piommu_device **out)
{
	return find(core_device_get(p, core_sbdf_key(sbdf)), out);
}

int piommu_device_find_node(struct piommu *p, const char *name, struct piommu_device **out)
{
	return find(core_device_get_node(p, name), out);
}

void piommu_device_put(struct piommu_device *device)
{
	if (device)
		core_device_put(core_device_of(device));
}

static int find_group(struct core_device *cd, struct piommu_group **out)
{
	struct piommu_group *group = cd ? core_device_group_get(cd) : NULL;

	if (!cd)
		return -ENOENT;
	core_device_put(cd);
	if (!group)
		return -EAGAIN;
	*out = group;
	return 0;
}

int piommu_group_find(struct piommu *p, struct piommu_sbdf sbdf, struct piommu_group **out)
{
	return find_group(core_device_get(p, core_sbdf_key(sbdf)), out);
}

int piommu_group_find_node(struct piommu *p, const char *name, struct piommu_group **out)
{
	return find_group(core_device_get_node(p, name), out);
}

void piommu_device_stats(const struct piommu_device *device, struct piommu_device_stats *out)
{
	const struct core_device *cd = (const struct core_device *)(const void *)device;

	*out = (struct piommu_device_stats){
		.faults = atomic_load_explicit(&cd->nfaults, memory_order_relaxed),
		.attaches = atomic_load_explicit(&cd->nattaches, memory_order_relaxed),
		.deferred_lost = atomic_load_explicit(&cd->ndeferred_lost, memory_order_relaxed),
		.deferred = atomic_load_explicit(&cd->deferred, memory_order_relaxed),
	};
}
