/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reset fences: from begin to end of a reset the device reaches nothing, its group is not attached anywhere, and teardown
 * still works. Counted per device, so that resets nest and members of one group are reset side by side.
 * Slow path, under the group's mutex.
 */
#include <errno.h>

#include "core.h"

static int begin(struct piommu_group *group, struct core_device *device) REQUIRES(group->mutex)
{
	int err = 0;

	mutex_assert_held(&group->mutex);
	if (!atomic_load_explicit(&group->claimed, memory_order_relaxed))
		return -EINVAL;
	/* What a PASID reaches is memory, too. */
	if (!device->resets)
		err = core_pasids_suspend(group, device);
	if (err)
		return err;
	/*
	 * A device with reserved ranges is never blocked: firmware may use it even now. One whose attach is deferred is not ours yet:
	 * not one register is written for it.
	 */
	if (!device->resets && !device->nreserved && !atomic_load_explicit(&device->deferred, memory_order_relaxed))
		err = core_device_move(group, device, (struct core_place){ CORE_TO_BLOCKING, NULL });
	if (err) {
		core_pasids_join(group, device);
		return err;
	}
	if (!device->resets++)
		group->nresets++;
	return 0;
}

/* The reset is over whatever becomes of the move: a device that cannot go back stays where it reaches nothing. */
static int end(struct piommu_group *group, struct core_device *device) REQUIRES(group->mutex)
{
	int err = 0;

	mutex_assert_held(&group->mutex);
	if (!device->resets)
		return -EINVAL;
	if (--device->resets)
		return 0;
	group->nresets--;
	if (!atomic_load_explicit(&device->deferred, memory_order_relaxed))
		err = core_device_move(group, device, core_group_place(group));
	/* All of it or nothing: a device that has not got its PASIDs back reaches nothing either. */
	if (!err) {
		err = core_pasids_join(group, device);
		if (err && !device->nreserved)
			core_device_move(group, device, (struct core_place){ CORE_TO_BLOCKING, NULL });
	}
	if (err)
		log_err(&group->p->log,
			"%s: cannot go back to its domain after a reset (%d): it stays blocked; detach and attach its group",
			device->dev.name, err);
	return err;
}

static int bracket(struct piommu *p, struct piommu_sbdf sbdf, int (*fn)(struct piommu_group *group, struct core_device *device))
{
	struct core_device *device;
	struct piommu_group *group;
	bool online;
	int err = -ENOENT;

	if (p->inspect)
		return -EPERM;
	device = core_device_get(p, core_sbdf_key(sbdf));
	group = device ? core_device_group_get(device) : NULL;
	if (group) {
		online = core_slow_enter();
		mutex_lock(&group->mutex);
		/* It may have gone between the lookup and the mutex. */
		if (atomic_load_explicit(&device->group, memory_order_relaxed) == group)
			err = fn(group, device);
		mutex_unlock(&group->mutex);
		core_slow_exit(online);
	}
	piommu_group_put(group);
	core_device_put(device);
	return err;
}

int piommu_reset_begin(struct piommu *p, struct piommu_sbdf sbdf)
{
	return bracket(p, sbdf, begin);
}

int piommu_reset_end(struct piommu *p, struct piommu_sbdf sbdf)
{
	return bracket(p, sbdf, end);
}
