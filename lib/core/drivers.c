/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The drivers of a manager, and which unit a device is behind (rule R12): a firmware description first; else each driver that can
 * go without one is asked once. Under the probe lock, so that a driver is not taken out while it is being asked.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"

static int add(struct piommu *p, const struct piommu_driver *driver) REQUIRES(p->probe_lock)
{
	struct core_driver **at = &p->drivers;
	struct core_driver *added;

	for (; *at; at = &(*at)->next)
		if ((*at)->driver == driver)
			return -EEXIST;
	added = calloc(1, sizeof(*added));
	if (!added)
		return -ENOMEM;
	added->driver = driver;
	*at = added;
	return 0;
}

static void take_out(struct piommu *p, const struct piommu_driver *driver) REQUIRES(p->probe_lock)
{
	for (struct core_driver **at = &p->drivers; *at; at = &(*at)->next) {
		struct core_driver *gone = *at;

		if (gone->driver != driver)
			continue;
		*at = gone->next;
		free(gone);
		return;
	}
}

int core_drivers_add_all(struct piommu *p, const struct piommu_driver *const *drivers)
{
	int err = 0;

	for (unsigned i = 0; drivers && drivers[i] && (!err || err == -EEXIST); i++)
		err = add(p, drivers[i]);
	return err == -EEXIST ? 0 : err;
}

void core_drivers_free(struct piommu *p)
{
	mutex_assert_unshared(&p->probe_lock);
	while (p->drivers) {
		struct core_driver *driver = p->drivers;

		p->drivers = driver->next;
		free(driver);
	}
}

const struct piommu_driver *core_driver_for(struct piommu *p, const struct piommu_fw_unit *fw)
{
	for (const struct core_driver *d = p->drivers; d; d = d->next)
		if (d->driver->match && d->driver->match(fw))
			return d->driver;
	return NULL;
}

/* ---- Choosing a unit ------------------------------------------------------------------------------------------------------- */

static bool takes_devices(const struct core_unit *cu)
{
	return atomic_load_explicit(&cu->enabled, memory_order_acquire) &&
	       atomic_load_explicit(&cu->state, memory_order_relaxed) != CORE_UNIT_GOING;
}

static bool is_itself(const struct core_unit *cu, const struct piommu_device *dev)
{
	const struct piommu_fw_unit *fw = cu->unit.fw;

	return fw->has_self && dev->is_pci && !piommu_sbdf_compare(fw->self, dev->sbdf);
}

static void put_units(struct core_unit **units, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		core_unit_put(units[i]);
	free(units);
}

/* The units of a driver that a device may be behind, with references. */
static int units_of(struct piommu *p, const struct piommu_driver *driver, const struct piommu_device *dev,
		    struct core_unit ***out, unsigned *n) REQUIRES(p->probe_lock)
{
	struct core_unit **units = NULL;
	struct core_unit *cu = NULL;

	*n = 0;
	while ((cu = core_unit_next(p, cu))) {
		struct core_unit **more;

		if (core_unit_driver(cu) != driver || !takes_devices(cu) || is_itself(cu, dev))
			continue;
		more = realloc(units, (*n + 1) * sizeof(struct core_unit *));
		if (!more) {
			core_unit_put(cu);
			put_units(units, *n);
			return -ENOMEM;
		}
		units = more;
		units[(*n)++] = cu;
		core_unit_get(cu);
	}
	*out = units;
	return 0;
}

/* @return 0, `*out` with a reference; -ENODEV: not its device; else what it said */
static int ask(struct piommu *p, const struct piommu_driver *driver, struct core_device *cd, struct core_unit **out)
	REQUIRES(p->probe_lock)
{
	struct piommu_unit **seen;
	struct piommu_unit *chosen = NULL;
	struct core_unit **units;
	unsigned n;
	int err = units_of(p, driver, &cd->dev, &units, &n);

	if (err || !n)
		return err ? err : -ENODEV;
	seen = calloc(n, sizeof(struct piommu_unit *));
	if (!seen) {
		put_units(units, n);
		return -ENOMEM;
	}
	for (unsigned i = 0; i < n; i++)
		seen[i] = &units[i]->unit;
	err = driver->find_unit(seen, n, &cd->dev, &chosen);
	if (!err) {
		err = -EBADMSG; /* an answer that is none of its units */
		for (unsigned i = 0; i < n; i++)
			if (chosen == seen[i])
				err = 0;
	}
	if (!err) {
		*out = core_unit_of(chosen);
		core_unit_get(*out);
	}
	free(seen);
	put_units(units, n);
	return err;
}

int core_choose_unit(struct piommu *p, struct core_device *cd, const char *node_unit, struct core_unit **out)
{
	struct core_unit *cu = core_firmware_unit(p, cd, node_unit);

	*out = NULL;
	cd->dev.from_firmware = cu != NULL;
	if (cu) {
		if ((p->inspect || takes_devices(cu)) && !is_itself(cu, &cd->dev)) {
			*out = cu;
		} else {
			core_unit_put(cu);
		}
		return 0;
	}
	for (const struct core_driver *d = p->drivers; d && !p->inspect; d = d->next) {
		int err;

		if (d->driver->needs_firmware || !d->driver->find_unit)
			continue;
		err = ask(p, d->driver, cd, out);
		if (err == -ENODEV)
			continue;
		if (err == -ENOMEM)
			return err;
		if (err && err != -EAGAIN)
			log_err(&p->log,
				"%s: driver %s says that it is behind its unit, but broken (%s): it stays behind no unit",
				cd->dev.name, d->driver->name, strerror(-err));
		return 0;
	}
	return 0;
}

/* ---- Registering ------------------------------------------------------------------------------------------------------------ */

/* Starts what firmware describes for this driver. On failure none of them is. */
static int start_units(struct piommu *p, const struct piommu_driver *driver) REQUIRES(p->probe_lock)
{
	struct core_unit *cu = NULL;
	int err = 0;

	while (!err && (cu = core_unit_next(p, cu))) {
		if (cu->unit.driver || !driver->match || !driver->match(cu->unit.fw))
			continue;
		core_unit_set_driver(cu, driver);
		err = core_unit_start(cu);
		cu->needs_walk = !err;
		if (err)
			core_unit_set_driver(cu, NULL);
	}
	if (err)
		core_unit_put(cu);
	return err;
}

/* Undo of start_units(): nothing is behind them yet. */
static void stop_units(struct piommu *p, const struct piommu_driver *driver) REQUIRES(p->probe_lock)
{
	struct core_unit *cu = NULL;

	while ((cu = core_unit_next(p, cu))) {
		if (cu->unit.driver != driver || !cu->needs_walk || core_unit_disable(cu))
			continue;
		core_unit_drop(cu);
		core_unit_set_driver(cu, NULL);
		cu->needs_walk = false;
	}
}

int piommu_driver_register(struct piommu *p, const struct piommu_driver *driver)
{
	bool online;
	int err;

	if (p->inspect)
		return -EPERM;
	online = core_slow_enter();
	core_probe_lock(p);
	err = add(p, driver);
	if (!err) {
		err = start_units(p, driver);
		if (err) {
			stop_units(p, driver);
			take_out(p, driver);
		}
		/* Runs when the lock is let go: here, or at the end of the callback that we are called from. */
		p->walk_pending |= !err;
	}
	core_probe_unlock(p);
	core_slow_exit(online);
	return err;
}

/* From here to its end one thread takes it out: another's would take out what a third has registered again meanwhile. */
static int mark_going(struct piommu *p, const struct piommu_driver *driver)
{
	struct core_driver *d;
	int err = -ENOENT;

	core_probe_lock(p);
	for (d = p->drivers; d && d->driver != driver; d = d->next)
		;
	if (d) {
		err = d->going ? -EBUSY : 0;
		d->going = true;
	}
	core_probe_unlock(p);
	return err;
}

static void end_going(struct piommu *p, const struct piommu_driver *driver, bool stays)
{
	core_probe_lock(p);
	for (struct core_driver *d = p->drivers; d; d = d->next)
		if (d->driver == driver)
			d->going = false;
	if (!stays)
		take_out(p, driver);
	core_probe_unlock(p);
}

int piommu_driver_unregister(struct piommu *p, const struct piommu_driver *driver)
{
	bool online;
	int err;

	if (core_probe_is_mine(p))
		return -EBUSY;
	online = core_slow_enter();
	err = mark_going(p, driver);
	if (!err) {
		err = core_units_unregister(p, driver, NULL);
		end_going(p, driver, err && err != -EIO);
	}
	core_slow_exit(online);
	return err;
}
