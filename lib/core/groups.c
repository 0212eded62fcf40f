/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Groups: objects with references, a list of members, and the reasons for what they are. Which group a device belongs to is the
 * topology's to say, or a driver's that knows better (device_group); those services are here, too. A group is in the table of groups
 * as long as it has a member, and is freed after its last reference and a grace period.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"

/* ---- References ---------------------------------------------------------------------------------------------------------- */

void core_group_free(struct piommu_group *group)
{
	struct piommu *p = group->p;
	struct piommu_group **at;

	mutex_lock(&p->objects_lock);
	for (at = &p->all_groups; *at != group; at = &(*at)->next)
		;
	*at = group->next;
	mutex_unlock(&p->objects_lock);
	/* Rule R14. */
	mutex_assert_unshared(&group->mutex);
	assert(!group->nmembers && !group->domain && !group->default_domain && !group->npasids);
	mutex_fini(&group->mutex);
	free(group->members);
	free(group->pasids);
	free(group->reasons);
	free(group);
}

static void free_deferred(struct rcu_deferral *deferral)
{
	core_group_free((struct piommu_group *)(void *)deferral); /* first member */
}

void piommu_group_put(struct piommu_group *group)
{
	if (group && rcu_ref_put(&group->ref))
		rcu_defer(&group->deferral, free_deferred);
}

struct piommu_group *core_group_get_unless_zero(struct piommu_group *group)
{
	return group && rcu_ref_get_unless_zero(&group->ref) ? group : NULL;
}

/* ---- Members --------------------------------------------------------------------------------------------------------------- */

static void recount(struct piommu_group *group) REQUIRES(group->mutex)
{
	group->has_reserved = false;
	for (unsigned d = 0; d < group->nmembers; d++)
		group->has_reserved |= group->members[d]->nreserved > 0;
}

static int enlist(struct piommu_group *group)
{
	int err;

	mutex_lock(&group->p->groups_lock);
	err = rcu_table_insert(&group->p->groups, group->id, group);
	mutex_unlock(&group->p->groups_lock);
	return err;
}

int core_group_join(struct piommu_group *group, struct core_device *cd)
{
	unsigned at = group->nmembers;
	int err;

	if (group->nmembers == group->room) {
		unsigned room = group->room ? 2 * group->room : 1;
		struct core_device **more = realloc(group->members, room * sizeof(struct core_device *));

		if (!more)
			return -ENOMEM;
		group->members = more;
		group->room = room;
	}
	if (!group->nmembers) {
		err = enlist(group);
		if (err)
			return err;
	}
	for (; at && group->members[at - 1]->key > cd->key; at--)
		group->members[at] = group->members[at - 1];
	group->members[at] = cd;
	group->nmembers++;
	recount(group);
	rcu_ref_get(&group->ref);
	atomic_store_explicit(&cd->group, group, memory_order_release);
	return 0;
}

/* The caller drops the device's reference to the group when it has let go of the mutex. */
void core_group_leave(struct piommu_group *group, struct core_device *cd)
{
	unsigned at = 0;

	while (group->members[at] != cd)
		at++;
	group->nmembers--;
	memmove(&group->members[at], &group->members[at + 1], (group->nmembers - at) * sizeof(struct core_device *));
	recount(group);
	if (cd->resets)
		group->nresets--;
	if (group->nmembers)
		return;
	mutex_lock(&group->p->groups_lock);
	rcu_table_remove(&group->p->groups, group->id);
	mutex_unlock(&group->p->groups_lock);
}

struct piommu_unit *core_group_unit(const struct piommu_group *group)
{
	for (unsigned d = 0; d < group->nmembers; d++)
		if (group->members[d]->dev.unit)
			return group->members[d]->dev.unit;
	return NULL;
}

int core_group_usable(const struct piommu_group *group)
{
	if (group->refused)
		return -EPERM;
	if (!group->ready)
		return -EAGAIN;
	for (unsigned d = 0; d < group->nmembers; d++) {
		const struct core_device *cd = group->members[d];

		if (!cd->dev.unit)
			continue;
		if (!cd->placed ||
		    atomic_load_explicit(&core_unit_of(cd->dev.unit)->state, memory_order_acquire) != CORE_UNIT_READY)
			return -EAGAIN;
	}
	return 0;
}

/* What the topology says now; as it was, where memory is short. */
void core_group_refresh_reasons(struct piommu *p, struct piommu_group *group)
{
	const struct piommu_topo *topo = p->topo;
	const struct piommu_topo_group *tg;
	struct piommu_topo_reason *copy;
	int node = -1;

	for (unsigned d = 0; d < group->nmembers && node < 0; d++)
		if (group->members[d]->dev.is_pci)
			node = piommu_topo_find(topo, group->members[d]->dev.sbdf);
	if (node < 0)
		return;
	tg = &topo->groups[topo->nodes[node].group];
	copy = calloc(tg->nreasons ? tg->nreasons : 1, sizeof(*copy));
	if (!copy)
		return;
	memcpy(copy, tg->reasons, tg->nreasons * sizeof(*copy));
	free(group->reasons);
	group->reasons = copy;
	group->nreasons = tg->nreasons;
}

/* ---- Which group ----------------------------------------------------------------------------------------------------------- */

int piommu_group_new(struct piommu_device *device, struct piommu_group **out)
{
	struct piommu *p = core_device_of(device)->p;
	struct piommu_group *group = calloc(1, sizeof(*group));

	if (!group)
		return -ENOMEM;
	mutex_assert_held(&p->probe_lock);
	group->p = p;
	group->id = p->next_group++;
	rcu_ref_init(&group->ref);
	mutex_init(&group->mutex, LOCK_GROUP);
	mutex_lock(&p->objects_lock);
	group->next = p->all_groups;
	p->all_groups = group;
	mutex_unlock(&p->objects_lock);
	*out = group;
	return 0;
}

/* The group of the device at a node of the topology, with a reference; NULL: it is not found yet, or going. */
static struct piommu_group *group_at_node(struct piommu *p, unsigned node) REQUIRES(p->probe_lock)
{
	struct core_device *cd = core_device_get(p, core_sbdf_key(p->topo->nodes[node].fn.sbdf));
	struct piommu_group *group = NULL;

	if (cd && !cd->going)
		group = core_device_group_get(cd);
	core_device_put(cd);
	return group;
}

/* The one group of those that cannot be told apart from it. */
static int group_of_mates(struct core_device *cd, const struct piommu_topo_group *tg, struct piommu_group **out)
{
	struct piommu *p = cd->p;
	struct piommu_group *found = atomic_load_explicit(&cd->group, memory_order_relaxed);

	mutex_assert_held(&p->probe_lock);
	if (found)
		rcu_ref_get(&found->ref);
	for (unsigned i = 0; i < tg->nnodes; i++) {
		struct piommu_group *group = group_at_node(p, tg->nodes[i]);

		if (!group)
			continue;
		if (!found) {
			found = group;
			continue;
		}
		piommu_group_put(group);
		if (group == found)
			continue;
		log_err(&p->log,
			"%s: would make groups %u and %u one, which are both in use: unplug it, or give all of it to one "
			"owner and start again",
			cd->dev.name, found->id, group->id);
		piommu_group_put(found);
		return -EXDEV;
	}
	*out = found;
	return 0;
}

int core_group_has_mates(const struct core_device *cd, const struct piommu_group *group)
{
	struct piommu *p = cd->p;
	const struct piommu_topo_group *tg;
	int node;

	mutex_assert_held(&p->probe_lock);
	node = cd->dev.is_pci ? piommu_topo_find(p->topo, cd->dev.sbdf) : -1;
	if (node < 0)
		return 0;
	tg = &p->topo->groups[p->topo->nodes[node].group];
	for (unsigned i = 0; i < tg->nnodes; i++) {
		struct piommu_group *mates = tg->nodes[i] == (unsigned)node ? NULL : group_at_node(p, tg->nodes[i]);

		piommu_group_put(mates); /* its members keep it */
		if (!mates || mates == group)
			continue;
		log_err(&p->log,
			"%s: shares an id with group %u, and cannot be told apart from group %u: two groups are not made one; "
			"leave it alone, or give all of both to one owner, since they reach each other through it",
			cd->dev.name, group->id, mates->id);
		return -EXDEV;
	}
	return 0;
}

int piommu_group_by_topology(struct piommu_device *device, struct piommu_group **out)
{
	struct core_device *cd = core_device_of(device);
	struct piommu_group *found = NULL;
	const struct piommu_topo *topo;
	int node, err = 0;

	mutex_assert_held(&cd->p->probe_lock);
	topo = cd->p->topo;
	node = device->is_pci ? piommu_topo_find(topo, device->sbdf) : -1;
	if (node >= 0)
		err = group_of_mates(cd, &topo->groups[topo->nodes[node].group], &found);
	else if (atomic_load_explicit(&cd->group, memory_order_relaxed))
		found = core_device_group_get(cd);
	if (err)
		return err;
	if (!found)
		return piommu_group_new(device, out);
	*out = found;
	return 0;
}

int piommu_group_of_id(const struct piommu_device *device, struct piommu_id id, struct piommu_group **out)
{
	const struct piommu_unit *unit = device->unit;
	struct piommu *p = unit->manager;
	struct core_read was = core_read_enter();
	const struct rcu_snapshot *all = rcu_table_read(&p->devices);
	struct piommu_group *found = NULL;
	bool several = false;

	for (size_t i = 0; i < all->n && !several; i++) {
		struct core_device *cd = rcu_entry_value(&all->entry[i]);
		struct piommu_group *group;

		/* The unit of a listed device changes under the probe lock, which the caller has, or to NULL when it goes. */
		if (!cd || &cd->dev == device || cd->going || __atomic_load_n(&cd->dev.unit, __ATOMIC_RELAXED) != unit)
			continue;
		if (!core_device_carries(cd, id))
			continue;
		group = atomic_load_explicit(&cd->group, memory_order_acquire);
		if (!found)
			found = core_group_get_unless_zero(group);
		else
			several = group && group != found;
	}
	core_read_exit(was);
	if (several) {
		piommu_group_put(found);
		return -EXDEV;
	}
	if (!found)
		return -ENOENT;
	*out = found;
	return 0;
}
