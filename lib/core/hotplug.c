/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Devices that come and go. Adding, removing and assigning one device exclude one another whatever way it arrives (rule R13): adding
 * under the probe lock, removing by a mark under it, assigning by the group's mutex. The platform is asked without a lock, so what it
 * said is looked at again after (R10).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"

#define EVER UINT64_MAX /* whenever it came */

static struct core_device *get_known(struct piommu *p, const struct core_found *found)
{
	return found->is_pci ? core_device_get(p, core_sbdf_key(found->fn.sbdf)) : core_device_get_node(p, found->node.name);
}

/* ---- The topology follows ---------------------------------------------------------------------------------------------------------- */

/* The functions that the topology has but for the one at `sbdf`, and `added`, if any; malloc'ed. */
static struct piommu_pci_function *functions_but(const struct piommu *p, struct piommu_sbdf sbdf,
						 const struct piommu_pci_function *added, size_t *n) REQUIRES(p->probe_lock)
{
	const struct piommu_topo *topo = p->topo;
	struct piommu_pci_function *fns = calloc(topo->nnodes + 1, sizeof(*fns));

	*n = 0;
	for (unsigned i = 0; fns && i < topo->nnodes; i++)
		if (piommu_sbdf_compare(topo->nodes[i].fn.sbdf, sbdf))
			fns[(*n)++] = topo->nodes[i].fn;
	if (fns && added)
		fns[(*n)++] = *added;
	return fns;
}

static int topo_change(struct piommu *p, struct piommu_sbdf sbdf, const struct piommu_pci_function *added)
	REQUIRES(p->probe_lock)
{
	size_t n;
	struct piommu_pci_function *fns = functions_but(p, sbdf, added, &n);
	int err = fns ? core_topo_replace(p, fns, n) : -ENOMEM;

	free(fns);
	return err;
}

/* ---- Adding ------------------------------------------------------------------------------------------------------------------------ */

/* A new device: the topology first, for its ids and its mates. */
static int add_new(struct piommu *p, const struct core_found *found, struct core_device **out) REQUIRES(p->probe_lock)
{
	int err = found->is_pci ? topo_change(p, found->fn.sbdf, &found->fn) : 0;

	if (err)
		return err;
	err = core_device_init(p, found, out);
	if (err && found->is_pci && topo_change(p, found->fn.sbdf, NULL))
		log_warn(&p->log, "no memory to take a device out of the topology again");
	return err;
}

/* The device known under this name when nobody is removing it. */
static struct core_device *settle_known(struct piommu *p, const struct core_found *found) REQUIRES(p->probe_lock)
{
	struct core_device *cd;

	while ((cd = get_known(p, found)) && cd->going) {
		core_device_put(cd);
		core_probe_wait(p);
	}
	return cd;
}

/* `*fresh` says that this call made it. `*out` with a reference. */
static int init_or_bind(struct piommu *p, const struct core_found *found, struct core_device **out, bool *fresh)
{
	int err = 0;

	core_probe_lock(p);
	*out = settle_known(p, found);
	*fresh = !*out;
	if (*fresh && p->last_removal > found->when) {
		err = -ESTALE; /* what the platform said may be of a time before that */
	} else if (*fresh) {
		err = add_new(p, found, out);
		if (!err)
			rcu_ref_get(&(*out)->ref);
	} else {
		(*out)->born = atomic_fetch_add_explicit(&p->changes, 1, memory_order_relaxed) +
			       1; /* a list from before does not count */
	}
	if (!*fresh && !__atomic_load_n(&(*out)->dev.unit, __ATOMIC_RELAXED)) {
		err = core_device_bind(p, *out, found->is_pci ? NULL : found->node.unit);
	}
	if (err && !*fresh)
		core_device_put(*out);
	core_probe_unlock(p);
	return err;
}

static int remove_known(struct piommu *p, struct core_device *cd, uint64_t when);

static int add(struct piommu *p, struct core_found found)
{
	struct core_device *cd;
	struct piommu_group *group;
	bool fresh;
	int err;

	while ((err = init_or_bind(p, &found, &cd, &fresh)) == -ESTALE) {
		err = core_find_one(p, &found);
		if (err)
			return err;
	}
	if (err)
		return err;
	PIOMMU_YIELD("in its group, not yet placed");
	group = core_device_group_get(cd);
	err = group ? core_group_settle(group) : 0;
	piommu_group_put(group);
	if (err && fresh)
		remove_known(p, cd, EVER);
	core_device_put(cd);
	return err;
}

static int add_by_name(struct piommu *p, struct core_found found)
{
	bool online;
	int err;

	if (p->inspect)
		return -EPERM;
	online = core_slow_enter();
	err = core_find_one(p, &found);
	if (!err)
		err = add(p, found);
	core_slow_exit(online);
	return err;
}

int piommu_device_add(struct piommu *p, struct piommu_sbdf sbdf)
{
	return add_by_name(p, (struct core_found){ .is_pci = true, .fn.sbdf = sbdf });
}

static struct core_found node_named(const char *name)
{
	struct core_found found = { 0 };

	snprintf(found.node.name, sizeof(found.node.name), "%s", name);
	return found;
}

int piommu_node_add(struct piommu *p, const char *name)
{
	return add_by_name(p, node_named(name));
}

/* ---- Removing ----------------------------------------------------------------------------------------------------------------------- */

/* Who asked the platform before this asks it again. */
static void note_removal(struct piommu *p) REQUIRES(p->probe_lock)
{
	p->last_removal = atomic_fetch_add_explicit(&p->changes, 1, memory_order_release) + 1;
}

static bool is_listed(struct piommu *p, const struct core_device *cd) REQUIRES(p->probe_lock)
{
	struct core_device *now = core_device_get(p, cd->key);

	core_device_put(now);
	return now == cd;
}

/* Nobody adds it again before this is done, and one thread removes it. */
static bool mark_going(struct piommu *p, struct core_device *cd, uint64_t when)
{
	bool mine = false;

	core_probe_lock(p);
	/* One that was added after the platform was asked is not among what it said, and there. */
	if (cd->born <= when) {
		mine = !cd->going;
		cd->going = true;
		/* Who comes second does not say that it is gone before it is. */
		while (!mine && is_listed(p, cd))
			core_probe_wait(p);
	}
	core_probe_unlock(p);
	return mine;
}

static void forget(struct piommu *p, struct core_device *cd)
{
	core_probe_lock(p);
	rcu_table_remove(&p->devices, cd->key);
	note_removal(p);
	if (cd->dev.is_pci && topo_change(p, cd->dev.sbdf, NULL))
		log_warn(&p->log, "%s: no memory to take it out of the topology; groups are made as if it were there",
			 cd->dev.name);
	cond_broadcast(&p->probe_cond);
	core_probe_unlock(p);
	core_device_put(cd); /* the table's */
}

/* With a reference of the caller's. @return 0; -ENOENT: another thread removed it, or it came since `when`; -EIO */
static int remove_known(struct piommu *p, struct core_device *cd, uint64_t when)
{
	struct piommu_group *group;
	int err;

	if (!mark_going(p, cd, when))
		return -ENOENT;
	group = atomic_load_explicit(&cd->group, memory_order_relaxed); /* ours to clear: nobody else does while it is going */
	mutex_lock(&group->mutex);
	err = core_device_fini(group, cd, CORE_RELEASE_GONE);
	mutex_unlock(&group->mutex);
	PIOMMU_YIELD("out of its group, still in the table");
	piommu_group_put(group);
	forget(p, cd);
	return err;
}

static int remove_by_name(struct piommu *p, const struct core_found *found)
{
	struct core_device *cd;
	bool online;
	int err;

	if (p->inspect)
		return -EPERM;
	online = core_slow_enter();
	core_probe_lock(p); /* one that is being added is waited for */
	cd = get_known(p, found);
	if (!cd)
		note_removal(p);
	core_probe_unlock(p);
	err = cd ? remove_known(p, cd, EVER) : -ENOENT;
	core_device_put(cd);
	core_slow_exit(online);
	return err;
}

int piommu_device_remove(struct piommu *p, struct piommu_sbdf sbdf)
{
	const struct core_found found = { .is_pci = true, .fn.sbdf = sbdf };

	return remove_by_name(p, &found);
}

int piommu_node_remove(struct piommu *p, const char *name)
{
	const struct core_found found = node_named(name);

	return remove_by_name(p, &found);
}

/* ---- All at once --------------------------------------------------------------------------------------------------------------------- */

static bool is_among(const struct core_device *cd, const struct core_found *all, size_t n)
{
	struct core_found it = { .is_pci = cd->dev.is_pci, .fn.sbdf = cd->dev.sbdf };

	if (!cd->dev.is_pci)
		it = node_named(cd->dev.name);
	for (size_t i = 0; i < n; i++)
		if (core_found_same(&all[i], &it))
			return true;
	return false;
}

/* @return how many, or the first error, the rest done */
static int remove_gone(struct piommu *p, const struct core_found *all, size_t n, uint64_t when)
{
	struct core_device *cd = NULL;
	int count = 0;
	int worst = 0;

	while ((cd = core_device_next(p, cd))) {
		int err = is_among(cd, all, n) ? -ENOENT : remove_known(p, cd, when);

		count += !err;
		if (err != -ENOENT)
			worst = err && !worst ? err : worst;
	}
	return worst ? worst : count;
}

static int add_found(struct piommu *p, const struct core_found *all, size_t n)
{
	int count = 0;
	int worst = 0;

	for (size_t i = 0; i < n; i++) {
		struct core_device *known = get_known(p, &all[i]);
		int err = known ? 0 : add(p, all[i]);

		count += !known && !err;
		if (err == -ENODEV)
			err = 0; /* it has gone again */
		worst = err && !worst ? err : worst;
		core_device_put(known);
	}
	return worst ? worst : count;
}

/* One that failed runs when the lock is let go. */
static void retry_walk(struct piommu *p)
{
	core_probe_lock(p);
	p->walk_pending |= p->walk_failed;
	p->walk_failed = false;
	core_probe_unlock(p);
}

int piommu_rescan(struct piommu *p)
{
	struct core_found *all;
	int gone, come;
	uint64_t when;
	bool online;
	size_t n;
	int err;

	if (p->inspect)
		return -EPERM;
	online = core_slow_enter();
	retry_walk(p);
	when = atomic_load_explicit(&p->changes, memory_order_acquire);
	err = core_find_all(p, &all, &n);
	if (!err) {
		gone = remove_gone(p, all, n, when);
		come = add_found(p, all, n);
		err = gone < 0 ? gone : come < 0 ? come : gone + come;
		free(all);
	}
	core_slow_exit(online);
	return err;
}
