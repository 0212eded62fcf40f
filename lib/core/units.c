/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The table of units: who looks at one has a reference, and taking one out waits for those (rule R12); the last one frees it.
 * "Registered" is not "ready" (R9): ready is a unit whose first walk over the devices is done. The table's lock is a leaf, never held
 * over a callback.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"

/* ---- The table and its references -------------------------------------------------------------------------------------------- */

struct core_unit *core_unit_at(const struct piommu *cp, unsigned n)
{
	struct piommu *p = core_mutable(cp);
	const struct rcu_snapshot *all;
	struct core_unit *found = NULL;

	mutex_lock(&p->units_lock);
	all = rcu_table_read(&p->units); /* its writers hold the lock */
	for (size_t i = 0; i < all->n && !found; i++) {
		struct core_unit *cu = rcu_entry_value(&all->entry[i]);

		if (cu && n-- == 0)
			found = cu;
	}
	if (found)
		found->refs++;
	mutex_unlock(&p->units_lock);
	return found;
}

struct core_unit *core_unit_next(const struct piommu *cp, struct core_unit *prev)
{
	struct piommu *p = core_mutable(cp);
	const struct rcu_snapshot *all;
	struct core_unit *found = NULL;

	mutex_lock(&p->units_lock);
	all = rcu_table_read(&p->units);
	for (size_t i = 0; i < all->n && !found; i++)
		if (!prev || all->entry[i].key > prev->serial)
			found = rcu_entry_value(&all->entry[i]);
	if (found)
		found->refs++;
	mutex_unlock(&p->units_lock);
	if (prev)
		core_unit_put(prev);
	return found;
}

void core_unit_get(struct core_unit *cu)
{
	mutex_lock(&cu->p->units_lock);
	cu->refs++;
	mutex_unlock(&cu->p->units_lock);
}

void core_unit_put(struct core_unit *cu)
{
	struct piommu *p = cu->p;
	bool last;

	mutex_lock(&p->units_lock);
	last = --cu->refs == 0;
	cond_broadcast(&p->units_cond);
	mutex_unlock(&p->units_lock);
	if (last)
		core_unit_free(cu);
}

/* Until the table and the caller alone know it. Those who look at it hold it for a bounded time. */
static void wait_for_others(struct core_unit *cu)
{
	struct piommu *p = cu->p;

	mutex_lock(&p->units_lock);
	while (cu->refs > 2)
		cond_wait(&p->units_cond, &p->units_lock);
	mutex_unlock(&p->units_lock);
}

/* The caller's reference becomes the table's. */
static int list_unit(struct piommu *p, struct core_unit *cu)
{
	const struct rcu_snapshot *all;
	int err = 0;

	mutex_lock(&p->units_lock);
	all = rcu_table_read(&p->units);
	for (size_t i = 0; i < all->n && !err; i++) {
		const struct core_unit *other = rcu_entry_value(&all->entry[i]);

		if (other && !strcmp(other->unit.name, cu->unit.name))
			err = -EEXIST;
	}
	if (!err) {
		cu->serial = p->next_unit++;
		err = rcu_table_insert(&p->units, cu->serial, cu);
	}
	mutex_unlock(&p->units_lock);
	return err;
}

static void unlist_unit(struct piommu *p, struct core_unit *cu)
{
	mutex_lock(&p->units_lock);
	rcu_table_remove(&p->units, cu->serial);
	mutex_unlock(&p->units_lock);
	rcu_wait(); /* pollers */
	core_unit_put(cu);
}

/* ---- Those of firmware, all or none -------------------------------------------------------------------------------------------- */

int core_units_list_firmware(struct piommu *p)
{
	for (unsigned i = 0; i < p->fw.nunits; i++) {
		struct core_unit *cu = core_unit_new(p, &p->fw.units[i], false);
		int err = cu ? list_unit(p, cu) : -ENOMEM;

		if (!err && !cu->unit.driver && p->fw.units[i].flags & PIOMMU_FW_UNIT_GPU)
			log_info(&p->log, "%s: belongs to a GPU that switches its own contexts: left to the GPU's driver",
				 cu->unit.name);
		if (!err)
			continue;
		core_unit_free(cu);
		return err;
	}
	return 0;
}

/* A unit that firmware describes and that nobody will drive, and yet no error. */
static bool is_left_alone(const struct core_unit *cu)
{
	return !cu->unit.driver && (cu->p->late_drivers || cu->unit.fw->flags & PIOMMU_FW_UNIT_GPU);
}

static int for_each_unit(struct piommu *p, int (*fn)(struct core_unit *cu))
{
	struct core_unit *cu = NULL;
	int err = 0;

	while (!err && (cu = core_unit_next(p, cu)))
		if (!is_left_alone(cu))
			err = fn(cu);
	if (err)
		core_unit_put(cu);
	return err;
}

static int enable(struct core_unit *cu)
{
	return atomic_load_explicit(&cu->enabled, memory_order_relaxed) ? 0 : core_unit_enable(cu);
}

int core_units_start(struct piommu *p)
{
	int err = 0;

	if (!p->fw.nunits && !p->late_drivers) {
		log_err(&p->log, "no IOMMU: firmware describes none. Enable it in the firmware's setup, where it has the "
				 "processor vendor's name for it");
		return -ENOENT;
	}
	/* Who is refused a unit has not taken the machine's hugepages first. */
	err = for_each_unit(p, core_unit_map);
	if (!err && p->plat->ops->mem_start)
		err = p->plat->ops->mem_start(p->plat);
	mutex_assert_unshared(&p->probe_lock); /* it is being made */
	p->mem_started = !err;
	if (!err)
		err = for_each_unit(p, core_unit_probe);
	if (!err)
		err = for_each_unit(p, enable);
	return err;
}

/* The last one first. */
int core_units_disable(struct piommu *p)
{
	unsigned n = 0;
	int worst = 0;

	for (struct core_unit *cu; (cu = core_unit_at(p, n)); n++)
		core_unit_put(cu);
	while (n-- > 0) {
		struct core_unit *cu = core_unit_at(p, n);
		int err = cu->stuck ? -EIO : core_unit_disable(cu);

		worst = err ? err : worst;
		core_unit_put(cu);
	}
	return worst;
}

/* Nobody else is in the library. A unit that is stuck keeps what it has. */
void core_units_free(struct piommu *p)
{
	const struct rcu_snapshot *all = rcu_table_read(&p->units);

	for (size_t i = all->n; i-- > 0;) {
		struct core_unit *cu = rcu_entry_value(&all->entry[i]);

		if (!cu || cu->stuck)
			continue;
		core_unit_drop(cu);
		assert(cu->refs == 1);
		core_unit_free(cu);
	}
	rcu_table_fini(&p->units);
}

bool core_units_starting(struct piommu *p)
{
	struct core_unit *cu = NULL;
	bool found = false;

	while ((cu = core_unit_next(p, cu)))
		found |= atomic_load_explicit(&cu->enabled, memory_order_relaxed) &&
			 atomic_load_explicit(&cu->state, memory_order_acquire) == CORE_UNIT_STARTING;
	return found;
}

void core_unit_set_ready(struct piommu *p, struct core_unit *cu)
{
	(void)p; /* whose probe lock is held */
	if (atomic_load_explicit(&cu->state, memory_order_relaxed) == CORE_UNIT_STARTING)
		atomic_store_explicit(&cu->state, CORE_UNIT_READY, memory_order_release);
}

void core_units_set_ready(struct piommu *p)
{
	struct core_unit *cu = NULL;

	while ((cu = core_unit_next(p, cu)))
		if (atomic_load_explicit(&cu->enabled, memory_order_relaxed))
			core_unit_set_ready(p, cu);
}

/* ---- Registering one by hand ----------------------------------------------------------------------------------------------------- */

/* From inside a callback the walk comes later (core_probe_unlock()), and so does its error, which is said then. */
static int walk_for(struct piommu *p, struct core_unit *cu)
{
	int err;

	if (core_probe_is_mine(p)) {
		core_probe_lock(p);
		cu->needs_walk = true;
		p->walk_pending = true;
		core_probe_unlock(p);
		return 0;
	}
	err = core_walk(p);
	if (!err) {
		core_probe_lock(p);
		core_unit_set_ready(p, cu);
		core_probe_unlock(p);
	}
	return err;
}

/*
 * Its walk failed: out again, and freed, unless somebody is attached behind it by now (a device that was plugged in meanwhile joined a
 * group that is claimed). Then it stays, not ready until a rescan has walked for it. @return 0: it stays
 */
static int give_up(struct piommu *p, struct core_unit *cu, int why)
{
	if (core_units_unregister(p, NULL, cu) != -EBUSY)
		return why;
	log_err(&p->log, "%s: the walk over the devices failed (%s): piommu_rescan() tries it again", cu->unit.name,
		strerror(-why));
	core_probe_lock(p);
	cu->needs_walk = true;
	p->walk_failed = true;
	core_probe_unlock(p);
	return 0;
}

int piommu_unit_register(struct piommu *p, const struct piommu_driver *driver, const struct piommu_fw_unit *desc,
			 struct piommu_unit **out)
{
	struct core_unit *cu;
	bool online;
	int err;

	if (p->inspect)
		return -EPERM;
	online = core_slow_enter();
	core_probe_lock(p);
	cu = core_unit_new(p, desc, true);
	core_probe_unlock(p);
	if (!cu) {
		core_slow_exit(online);
		return -ENOMEM;
	}
	cu->unit.driver = driver;
	err = list_unit(p, cu); /* its name is taken; nobody is put behind it, or polls it, before it is enabled */
	if (err == -EEXIST)
		log_err(&p->log, "unit %s: there is one of that name already", cu->unit.name);
	if (err)
		goto out_put;
	err = core_unit_start(cu);
	if (err)
		goto out_unlist;
	err = walk_for(p, cu);
	if (err)
		err = give_up(p, cu, err);
	if (!err)
		*out = &cu->unit;
	core_slow_exit(online);
	return err;

out_unlist:
	unlist_unit(p, cu);
	core_slow_exit(online);
	return err;

out_put:
	core_unit_put(cu);
	core_slow_exit(online);
	return err;
}

/* ---- Taking units out ------------------------------------------------------------------------------------------------------------ */

static bool concerns(const struct core_unit *cu, const struct piommu_driver *driver, const struct core_unit *only)
{
	return only ? cu == only : core_unit_driver(cu) == driver;
}

static bool any_going(struct piommu *p, const struct piommu_driver *driver, const struct core_unit *only)
	REQUIRES(p->probe_lock)
{
	struct core_unit *cu = NULL;
	bool found = false;

	while ((cu = core_unit_next(p, cu)))
		found |= concerns(cu, driver, only) &&
			 atomic_load_explicit(&cu->state, memory_order_relaxed) == CORE_UNIT_GOING && !cu->stuck &&
			 !cu->unflushed;
	return found;
}

static void set_state(struct core_unit *cu, unsigned state)
{
	mutex_lock(&cu->p->domains_mutex); /* partner: list_domain() */
	atomic_store_explicit(&cu->state, state, memory_order_release);
	mutex_unlock(&cu->p->domains_mutex);
}

/* @return 0; -EBUSY: another thread takes one of them out */
static int set_going(struct piommu *p, const struct piommu_driver *driver, const struct core_unit *only) REQUIRES(p->probe_lock)
{
	struct core_unit *cu = NULL;

	if (any_going(p, driver, only))
		return -EBUSY;
	while ((cu = core_unit_next(p, cu))) {
		if (!concerns(cu, driver, only) || !atomic_load_explicit(&cu->enabled, memory_order_relaxed))
			continue;
		if (!cu->stuck && !cu->unflushed)
			cu->state_before = atomic_load_explicit(&cu->state, memory_order_relaxed);
		set_state(cu, CORE_UNIT_GOING);
	}
	return 0;
}

static void set_staying(struct piommu *p, const struct piommu_driver *driver, const struct core_unit *only)
	REQUIRES(p->probe_lock)
{
	struct core_unit *cu = NULL;

	while ((cu = core_unit_next(p, cu)))
		if (concerns(cu, driver, only) && !cu->stuck && !cu->unflushed &&
		    atomic_load_explicit(&cu->state, memory_order_relaxed) == CORE_UNIT_GOING)
			set_state(cu, cu->state_before);
}

/* Calls fn for each device behind the units, with its group's mutex held, until one says no. */
static int for_each_device(struct piommu *p, const struct piommu_driver *driver, const struct core_unit *only,
			   int (*fn)(struct piommu_group *group, struct core_device *cd))
{
	struct core_device *cd = NULL;
	int err = 0;

	/* Needs no memory: giving up a unit is the way out of a registration for which there was none. */
	while (!err && (cd = core_device_next(p, cd))) {
		struct piommu_group *group = core_device_group_get(cd);

		if (group) {
			mutex_lock(&group->mutex);
			if (cd->dev.unit && concerns(core_unit_of(cd->dev.unit), driver, only))
				err = fn(group, cd);
			mutex_unlock(&group->mutex);
		}
		piommu_group_put(group);
	}
	core_device_put(cd);
	return err;
}

static int refuse_claimed(struct piommu_group *group, struct core_device *cd) REQUIRES(group->mutex)
{
	mutex_assert_held(&group->mutex);
	if (!atomic_load_explicit(&group->claimed, memory_order_relaxed))
		return 0;
	log_err(&group->p->log, "%s: group %u behind it is claimed: release it first", cd->dev.unit->name, group->id);
	return -EBUSY;
}

static int strip(struct piommu_group *group, struct core_device *cd) REQUIRES(group->mutex)
{
	mutex_assert_held(&group->mutex);
	core_device_strip(group, cd, CORE_RELEASE_UNIT); /* what did not follow is said there; the unit goes off next */
	return 0;
}

/* No device is behind it, no domain is made for it, nobody finds it. */
static int retire(struct piommu *p, struct core_unit *cu)
{
	int err;

	wait_for_others(cu);
	/* What read a list with it before the last one went is waited for before it goes off. */
	cu->unflushed = atomic_load_explicit(&cu->nlists, memory_order_acquire) != 0;
	if (cu->unflushed) {
		log_err(&p->log,
			"%s: a domain made for another unit still lists it, since it did not answer when its tag was flushed: "
			"destroy that domain, then give the unit up again",
			cu->unit.name);
		return -EIO;
	}
	err = core_unit_disable(cu);
	if (!err)
		err = core_orphans_free(p, cu);
	if (err)
		return err;
	core_unit_drop(cu);
	if (cu->by_hand) {
		unlist_unit(p, cu);
		return 0;
	}
	/* Firmware still describes it: a driver that comes later may take it. */
	core_unit_set_driver(cu, NULL);
	atomic_store_explicit(&cu->state, CORE_UNIT_STARTING, memory_order_release);
	return 0;
}

static bool have_domains(struct piommu *p, const struct piommu_driver *driver, const struct core_unit *only)
{
	struct core_unit *cu = NULL;
	bool found = false;

	while ((cu = core_unit_next(p, cu))) {
		if (!concerns(cu, driver, only) || !core_domains_have_home(p, cu))
			continue;
		log_err(&p->log, "%s: a domain that was made for it exists: destroy it first", cu->unit.name);
		found = true;
	}
	return found;
}

int core_units_unregister(struct piommu *p, const struct piommu_driver *driver, struct core_unit *only)
{
	struct core_unit *cu = NULL;
	int worst = 0;
	int err;

	/* In one piece: a device that comes while it is found out that they stay would be put behind no unit, and remain there. */
	core_probe_lock(p);
	err = set_going(p, driver, only); /* nobody new comes from here on */
	if (err) {
		core_probe_unlock(p);
		return err;
	}
	/* In this order: the last device of a claimed group that leaves in between leaves a domain that is found then. */
	err = for_each_device(p, driver, only, refuse_claimed);
	if (!err && have_domains(p, driver, only))
		err = -EBUSY;
	if (err)
		set_staying(p, driver, only);
	core_probe_unlock(p);
	if (err)
		return err;
	for_each_device(p, driver, only, strip);
	while ((cu = core_unit_next(p, cu))) {
		/* One that has come since, or is just coming, is not part of this. */
		if (!concerns(cu, driver, only) || atomic_load_explicit(&cu->state, memory_order_relaxed) != CORE_UNIT_GOING)
			continue;
		err = cu->stuck ? -EIO : retire(p, cu); /* stuck: still, and again */
		worst = err ? err : worst;
	}
	return worst;
}

int piommu_unit_unregister(struct piommu_unit *unit)
{
	struct core_unit *cu = core_unit_of(unit);
	struct piommu *p = cu->p;
	bool online;
	int err;

	if (core_probe_is_mine(p))
		return -EBUSY;
	online = core_slow_enter();
	err = core_units_unregister(p, NULL, cu);
	core_slow_exit(online);
	return err;
}
