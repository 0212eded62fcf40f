/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The way back of probe.c and defaults.c (rule R5), all under the group's mutex: the device goes to its release domain, its PASIDs
 * to nothing, the driver lets go of it; the last member ends what the group was on; the group pointer is cleared; the
 * unit's reference is dropped. The caller drops the group's when it has let go of the mutex.
 */
#include <errno.h>
#include <string.h>

#include "core.h"

/* Ids that another member's DMA carries, too, stay where that member is. */
static void keep_own_ids(const struct piommu_group *group, struct core_device *cd) REQUIRES(group->mutex)
{
	unsigned n = 0;

	for (unsigned i = 0; i < cd->dev.nids; i++) {
		bool shared = false;

		for (unsigned d = 0; d < group->nmembers; d++)
			shared |= group->members[d] != cd && core_device_carries(group->members[d], cd->dev.ids[i]);
		if (!shared)
			cd->dev.ids[n++] = cd->dev.ids[i];
	}
	cd->dev.nids = n;
}

static int to_release_domain(struct piommu_group *group, struct core_device *cd, enum core_release release)
	REQUIRES(group->mutex)
{
	bool blocked = release == CORE_RELEASE_GONE && !cd->nreserved;
	int err;

	if (release == CORE_RELEASE_GONE)
		keep_own_ids(group, cd);
	err = core_device_move(group, cd, (struct core_place){ blocked ? CORE_TO_BLOCKING : CORE_TO_IDENTITY, NULL });
	if (err)
		log_err(&group->p->log,
			"%s: does not leave its domain (%s): its hardware may still use it, so the domain's tables stay. "
			"Reset the device, then the machine",
			cd->dev.name, strerror(-err));
	return err ? -EIO : 0;
}

void core_device_forget_driver(struct core_device *cd)
{
	cd->dev.priv = NULL;
	cd->dev.pasid_bits = 0;
	cd->dev.ats = false;
}

int core_device_strip(struct piommu_group *group, struct core_device *cd, enum core_release release)
{
	struct piommu_unit *unit = cd->dev.unit;
	struct core_unit *cu;
	int err = 0;
	bool on;

	if (!unit)
		return 0;
	cu = core_unit_of(unit);
	/* A unit that is off translates nothing: piommu_destroy(). A deferred device was never ours: not one register is written. */
	on = cu->probed && atomic_load_explicit(&cu->enabled, memory_order_relaxed);
	if (on)
		err = core_pasids_leave(group, cd);
	if (on && !atomic_load_explicit(&cd->deferred, memory_order_relaxed)) {
		if (to_release_domain(group, cd, release))
			err = -EIO;
		else
			core_domain_unit_put(cd->dev.domain, cu, &cd->dev);
	}
	if (cd->probed && unit->driver->release_device)
		unit->driver->release_device(&cd->dev);
	cd->probed = cd->placed = cd->pasids_in = false;
	cd->dev.domain = NULL;
	core_device_forget_driver(cd);
	atomic_store_explicit(&cd->deferred, false, memory_order_relaxed);
	atomic_store_explicit(&cd->goal, NULL, memory_order_relaxed);
	__atomic_store_n(&cd->dev.unit, NULL, __ATOMIC_RELAXED);
	if (!core_group_unit(group))
		core_group_end(group); /* before the unit, whose pool its domains' tables are from */
	else
		core_group_left_unit(group, cu);
	core_unit_put(cu);
	return err;
}

int core_device_fini(struct piommu_group *group, struct core_device *cd, enum core_release release)
{
	struct piommu_unit *unit = cd->dev.unit;
	int err;

	if (unit)
		core_unit_get(core_unit_of(unit));
	err = core_device_strip(group, cd, release);
	core_group_leave(group, cd);
	if (!group->nmembers)
		core_group_end(group);
	atomic_store_explicit(&cd->group, NULL, memory_order_release);
	if (unit)
		core_unit_put(core_unit_of(unit));
	return err;
}
