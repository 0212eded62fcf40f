/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Devices that come and go, and the walk over all of them that a new unit or driver asks for. Adding, removing and assigning one device
 * exclude one another whatever way it arrives (rule R13): adding under the probe lock, removing by a mark under it, assigning by
 * the group's mutex. The platform is asked without a lock, so what was true before is looked at again after (R10).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"

/* ---- What the platform says ------------------------------------------------------------------------------------------------------ */

/* All PCI functions and nodes there are now, in the order of discovery; malloc'ed. */
static int find_all(struct piommu *p, struct core_found **out, size_t *n)
{
	const struct piommu_platform_ops *ops = p->plat->ops;
	struct piommu_pci_function *fns = NULL;
	struct piommu_node *nodes = NULL;
	size_t nfns = 0, nnodes = 0;
	struct core_found *all = NULL;
	int err = ops->pci_functions ? ops->pci_functions(p->plat, &fns, &nfns) : 0;

	if (err == -ENOENT)
		err = 0;
	if (!err && ops->nodes)
		err = ops->nodes(p->plat, &nodes, &nnodes);
	if (!err) {
		all = calloc(nfns + nnodes + 1, sizeof(*all));
		err = all ? 0 : -ENOMEM;
	}
	for (size_t i = 0; !err && i < nfns; i++)
		all[i] = (struct core_found){ .is_pci = true, .fn = fns[i] };
	for (size_t i = 0; !err && i < nnodes; i++)
		all[nfns + i].node = nodes[i];
	free(fns);
	free(nodes);
	*out = all;
	*n = nfns + nnodes;
	return err;
}

static bool same(const struct core_found *found, const struct core_found *other)
{
	if (found->is_pci != other->is_pci)
		return false;
	return found->is_pci ? !piommu_sbdf_compare(found->fn.sbdf, other->fn.sbdf)
			     : !strcmp(found->node.name, other->node.name);
}

/* Completes `found`, of which the address or name is given. @return 0; -ENODEV: the machine has no such device */
static int find_one(struct piommu *p, struct core_found *found)
{
	struct core_found *all;
	size_t n;
	int err = find_all(p, &all, &n);

	if (err)
		return err;
	err = -ENODEV;
	for (size_t i = 0; i < n && err; i++) {
		if (!same(&all[i], found))
			continue;
		*found = all[i];
		err = 0;
	}
	free(all);
	return err;
}

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

/* Its unit may have come since; but not under the feet of who has claimed it (case T7). */
static int bind_again(struct piommu *p, struct core_device *cd, const char *node_unit) REQUIRES(p->probe_lock)
{
	struct piommu_group *group = atomic_load_explicit(&cd->group, memory_order_relaxed);
	struct core_unit *cu;
	bool claimed;
	int err;

	mutex_lock(&group->mutex);
	claimed = atomic_load_explicit(&group->claimed, memory_order_relaxed);
	mutex_unlock(&group->mutex);
	if (!claimed)
		return core_device_bind(p, cd, node_unit);
	err = core_choose_unit(p, cd, node_unit, &cu);
	if (err || !cu)
		return err;
	log_warn(&p->log,
		 "%s: unit %s came after its group %u was claimed: it stays as it is, uncontained; release it, and claim it "
		 "again",
		 cd->dev.name, cu->unit.name, group->id);
	core_unit_put(cu);
	return 0;
}

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
	if (*fresh) {
		err = add_new(p, found, out);
		if (!err)
			rcu_ref_get(&(*out)->ref);
	} else if (!(*out)->dev.unit) {
		err = bind_again(p, *out, found->is_pci ? NULL : found->node.unit);
	}
	if (err && !*fresh)
		core_device_put(*out);
	core_probe_unlock(p);
	return err;
}

static int remove_known(struct piommu *p, struct core_device *cd, enum core_release release);

static int add(struct piommu *p, const struct core_found *found)
{
	struct core_device *cd;
	struct piommu_group *group;
	bool fresh;
	int err = init_or_bind(p, found, &cd, &fresh);

	if (err)
		return err;
	PIOMMU_YIELD("in its group, not yet placed");
	group = core_device_group_get(cd);
	err = group ? core_group_settle(group) : 0;
	piommu_group_put(group);
	if (err && fresh)
		remove_known(p, cd, CORE_RELEASE_GONE);
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
	err = find_one(p, &found);
	if (!err)
		err = add(p, &found);
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

/* Nobody adds it again before this is done, and one thread removes it. */
static bool mark_going(struct piommu *p, struct core_device *cd)
{
	bool mine;

	core_probe_lock(p);
	mine = !cd->going;
	cd->going = true;
	core_probe_unlock(p);
	return mine;
}

static void forget(struct piommu *p, struct core_device *cd)
{
	core_probe_lock(p);
	rcu_table_remove(&p->devices, cd->key);
	if (cd->dev.is_pci && topo_change(p, cd->dev.sbdf, NULL))
		log_warn(&p->log, "%s: no memory to take it out of the topology; groups are made as if it were there",
			 cd->dev.name);
	cond_broadcast(&p->probe_cond);
	core_probe_unlock(p);
	core_device_put(cd); /* the table's */
}

/* With a reference of the caller's. @return 0; -ENOENT: another thread removes it; -EIO */
static int remove_known(struct piommu *p, struct core_device *cd, enum core_release release)
{
	struct piommu_group *group;
	int err;

	if (!mark_going(p, cd))
		return -ENOENT;
	group = atomic_load_explicit(&cd->group, memory_order_relaxed); /* ours to clear: nobody else does while it is going */
	mutex_lock(&group->mutex);
	err = core_device_fini(group, cd, release);
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
	cd = get_known(p, found);
	err = cd ? remove_known(p, cd, CORE_RELEASE_GONE) : -ENOENT;
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

/* Keys of the devices known now; the caller frees. */
static int known_keys(struct piommu *p, uint64_t **keys, size_t *n)
{
	int err;

	core_probe_lock(p);
	err = core_device_keys(p, keys, n);
	core_probe_unlock(p);
	return err;
}

static bool is_among(const struct core_device *cd, const struct core_found *all, size_t n)
{
	struct core_found it = { .is_pci = cd->dev.is_pci, .fn.sbdf = cd->dev.sbdf };

	if (!cd->dev.is_pci)
		it = node_named(cd->dev.name);
	for (size_t i = 0; i < n; i++)
		if (same(&all[i], &it))
			return true;
	return false;
}

/* @return how many, or -errno */
static int remove_gone(struct piommu *p, const struct core_found *all, size_t n)
{
	uint64_t *keys;
	size_t nkeys;
	int count = 0;
	int worst = known_keys(p, &keys, &nkeys);

	for (size_t i = 0; !worst && i < nkeys; i++) {
		struct core_device *cd = core_device_get(p, keys[i]);
		int err = cd && !is_among(cd, all, n) ? remove_known(p, cd, CORE_RELEASE_GONE) : -ENOENT;

		core_device_put(cd);
		count += !err;
		worst = err && err != -ENOENT ? err : 0;
	}
	free(keys);
	return worst ? worst : count;
}

static int add_found(struct piommu *p, const struct core_found *all, size_t n)
{
	int count = 0;
	int worst = 0;

	for (size_t i = 0; i < n; i++) {
		struct core_device *known = get_known(p, &all[i]);
		int err = known ? 0 : add(p, &all[i]);

		count += !known && !err;
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
	bool online;
	size_t n;
	int err;

	if (p->inspect)
		return -EPERM;
	online = core_slow_enter();
	retry_walk(p);
	err = find_all(p, &all, &n);
	if (!err) {
		gone = remove_gone(p, all, n);
		come = add_found(p, all, n);
		err = gone < 0 ? gone : come < 0 ? come : gone + come;
		free(all);
	}
	core_slow_exit(online);
	return err;
}

/* ---- The walk ------------------------------------------------------------------------------------------------------------------------- */

static const char *node_unit_of(const struct core_device *cd, const struct core_found *all, size_t n)
{
	for (size_t i = 0; i < n && !cd->dev.is_pci; i++)
		if (!all[i].is_pci && !strcmp(all[i].node.name, cd->dev.name))
			return all[i].node.unit;
	return cd->dev.is_pci ? NULL : "";
}

/* Two passes: all members are in their groups before the first group's default is decided. */
static int bind_all(struct piommu *p, const uint64_t *keys, size_t nkeys, const struct core_found *all, size_t n)
{
	int err = 0;

	for (size_t i = 0; i < nkeys && !err; i++) {
		struct core_device *cd = core_device_get(p, keys[i]);

		if (!cd)
			continue;
		core_probe_lock(p);
		if (!cd->going && !cd->dev.unit && atomic_load_explicit(&cd->group, memory_order_relaxed))
			err = bind_again(p, cd, node_unit_of(cd, all, n));
		core_probe_unlock(p);
		core_device_put(cd);
	}
	return err;
}

static int settle_all(struct piommu *p, const uint64_t *keys, size_t nkeys)
{
	int err = 0;

	for (size_t i = 0; i < nkeys && !err; i++) {
		struct core_device *cd = core_device_get(p, keys[i]);
		struct piommu_group *group = cd ? core_device_group_get(cd) : NULL;

		if (group)
			err = core_group_settle(group);
		if (err == -EPERM)
			err = 0; /* refused, and said */
		piommu_group_put(group);
		core_device_put(cd);
	}
	return err;
}

int core_walk(struct piommu *p)
{
	struct core_found *all = NULL;
	uint64_t *keys = NULL;
	size_t nkeys = 0, n = 0;
	int err = find_all(p, &all, &n);

	if (!err)
		err = known_keys(p, &keys, &nkeys);
	if (!err)
		err = bind_all(p, keys, nkeys, all, n);
	PIOMMU_YIELD("bound, not yet settled");
	if (!err)
		err = settle_all(p, keys, nkeys);
	free(keys);
	free(all);
	return err;
}

static int init_all(struct piommu *p) REQUIRES(p->probe_lock)
{
	const struct piommu_platform_ops *ops = p->plat->ops;
	struct piommu_node *nodes = NULL;
	struct core_device *cd;
	size_t n = 0;
	int err = ops->nodes ? ops->nodes(p->plat, &nodes, &n) : 0;

	for (unsigned i = 0; !err && i < p->topo->nnodes; i++)
		err = core_device_init(p, &(struct core_found){ .is_pci = true, .fn = p->topo->nodes[i].fn }, &cd);
	for (size_t i = 0; !err && i < n; i++)
		err = core_device_init(p, &(struct core_found){ .node = nodes[i] }, &cd);
	free(nodes);
	return err;
}

int core_walk_first(struct piommu *p)
{
	uint64_t *keys = NULL;
	size_t n = 0;
	int err;

	core_probe_lock(p);
	err = init_all(p);
	core_probe_unlock(p);
	if (err || p->inspect)
		return err;
	err = known_keys(p, &keys, &n);
	if (!err)
		err = settle_all(p, keys, n);
	free(keys);
	return err;
}

/* Which units wait for a walk that begins now. */
static bool take_pending(struct piommu *p, uint64_t *walk)
{
	struct core_unit *cu;
	bool pending;

	core_probe_lock(p);
	pending = p->walk_pending;
	p->walk_pending = false;
	*walk = ++p->last_walk;
	for (unsigned i = 0; (cu = core_unit_at(p, i)); i++) {
		if (cu->needs_walk) {
			cu->needs_walk = false;
			cu->walk = *walk;
		}
		core_unit_put(cu);
	}
	core_probe_unlock(p);
	return pending;
}

/* Ready, if it was done; else they wait for the next one. */
static void end_walk(struct piommu *p, uint64_t walk, bool done)
{
	struct core_unit *cu;

	core_probe_lock(p);
	for (unsigned i = 0; (cu = core_unit_at(p, i)); i++) {
		if (cu->walk == walk && done)
			core_unit_set_ready(p, cu);
		else if (cu->walk == walk)
			cu->needs_walk = p->walk_failed = true;
		core_unit_put(cu);
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
