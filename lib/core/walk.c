/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Walks over all devices: the first one, when a manager starts; those that a new unit or driver asks for, at once or, from a driver's
 * callback, when the probe lock is let go; and the last one. In two passes: all members are in their groups before the first
 * group's default is decided. The probe lock is held for one device at a time (rule R1).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"

static const char *node_unit_of(const struct core_device *cd, const struct core_found *all, size_t n)
{
	for (size_t i = 0; i < n && !cd->dev.is_pci; i++)
		if (!all[i].is_pci && !strcmp(all[i].node.name, cd->dev.name))
			return all[i].node.unit;
	return cd->dev.is_pci ? NULL : "";
}

static int bind_all(struct piommu *p, const struct core_found *all, size_t n)
{
	struct core_device *cd = NULL;
	int err = 0;

	while (!err && (cd = core_device_next(p, cd))) {
		core_probe_lock(p);
		if (!cd->going && !__atomic_load_n(&cd->dev.unit, __ATOMIC_RELAXED) &&
		    atomic_load_explicit(&cd->group, memory_order_relaxed))
			err = core_device_bind(p, cd, node_unit_of(cd, all, n));
		if (err && err != -ENOMEM) {
			log_err(&p->log, "%s: cannot be put behind its unit (%s): it stays behind none", cd->dev.name,
				strerror(-err));
			err = 0;
		}
		core_probe_unlock(p);
	}
	if (err)
		core_device_put(cd);
	return err;
}

static int settle_all(struct piommu *p)
{
	struct core_device *cd = NULL;
	int err = 0;

	while (!err && (cd = core_device_next(p, cd))) {
		struct piommu_group *group = core_device_group_get(cd);

		if (group)
			err = core_group_settle(group);
		if (err == -EPERM)
			err = 0; /* refused, and said */
		piommu_group_put(group);
	}
	if (err)
		core_device_put(cd);
	return err;
}

int core_walk(struct piommu *p)
{
	struct core_found *all = NULL;
	size_t n = 0;
	int err = core_find_all(p, &all, &n);

	if (!err)
		err = bind_all(p, all, n);
	PIOMMU_YIELD("bound, not yet settled");
	if (!err)
		err = settle_all(p);
	free(all);
	return err;
}

/* One device that its driver cannot take on is no reason to have no manager: it is left out. */
static int init_one(struct piommu *p, const struct core_found *found) REQUIRES(p->probe_lock)
{
	struct core_device *cd;
	char at[PIOMMU_SBDF_STRLEN];
	int err = core_device_init(p, found, &cd);

	if (!err || err == -ENOMEM)
		return err;
	log_err(&p->log,
		"%s: its driver cannot take it on (%s): it is left out, as if it were not there; piommu_device_add() tries "
		"again",
		found->is_pci ? piommu_sbdf_format(found->fn.sbdf, at) : found->node.name, strerror(-err));
	return 0;
}

static int init_all(struct piommu *p) REQUIRES(p->probe_lock)
{
	struct piommu_node *nodes = NULL;
	size_t n = 0;
	int err = core_find_nodes(p, &nodes, &n);

	for (unsigned i = 0; !err && i < p->topo->nnodes; i++)
		err = init_one(p, &(struct core_found){ .is_pci = true, .fn = p->topo->nodes[i].fn });
	for (size_t i = 0; !err && i < n; i++)
		err = init_one(p, &(struct core_found){ .node = nodes[i] });
	free(nodes);
	return err;
}

int core_walk_first(struct piommu *p)
{
	int err;

	core_probe_lock(p);
	err = init_all(p);
	core_probe_unlock(p);
	return err || p->inspect ? err : settle_all(p);
}

/* Which units wait for a walk that begins now. */
static bool take_pending(struct piommu *p, uint64_t *walk)
{
	struct core_unit *cu = NULL;
	bool pending;

	core_probe_lock(p);
	pending = p->walk_pending;
	p->walk_pending = false;
	/* What a walk that failed has left for the next one is not taken where there is none. */
	if (pending) {
		*walk = ++p->last_walk;
		while ((cu = core_unit_next(p, cu))) {
			if (!cu->needs_walk)
				continue;
			cu->needs_walk = false;
			cu->walk = p->last_walk;
		}
	}
	core_probe_unlock(p);
	return pending;
}

/* Ready, if it was done; else they wait for the next one. */
static void end_walk(struct piommu *p, uint64_t walk, bool done)
{
	struct core_unit *cu = NULL;

	core_probe_lock(p);
	while ((cu = core_unit_next(p, cu))) {
		if (cu->walk == walk && done)
			core_unit_set_ready(p, cu);
		else if (cu->walk == walk)
			cu->needs_walk = p->walk_failed = true;
	}
	core_probe_unlock(p);
}

void core_walk_pending(struct piommu *p)
{
	uint64_t walk;

	while (take_pending(p, &walk)) {
		int err = core_walk(p);

		end_walk(p, walk, !err);
		if (err)
			log_err(&p->log, "a walk over the devices failed (%s): piommu_rescan() tries it again", strerror(-err));
	}
}

/* ---- The end ---------------------------------------------------------------------------------------------------------------------------- */

/* The units are off, and no other thread is in the library. */
void core_devices_free(struct piommu *p)
{
	const struct rcu_snapshot *all = rcu_table_read(&p->devices);

	for (size_t i = all->n; i-- > 0;) {
		struct core_device *cd = rcu_entry_value(&all->entry[i]);
		struct piommu_group *group;

		if (!cd)
			continue;
		group = atomic_load_explicit(&cd->group, memory_order_relaxed);
		mutex_lock(&group->mutex);
		core_device_fini(group, cd, CORE_RELEASE_UNIT);
		mutex_unlock(&group->mutex);
		piommu_group_put(group);
		core_device_put(cd);
	}
	rcu_drain();
	rcu_table_fini(&p->devices);
	rcu_table_fini(&p->groups);
	core_objects_free(p);
}
