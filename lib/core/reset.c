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

	if (!group->claimed)
		return -EINVAL;
	/* A device with reserved ranges is never blocked: firmware may use it even now. */
	if (!device->resets && !device->nreserved)
		err = core_device_move(group, device, CORE_TO_BLOCKING, NULL);
	if (err)
		return err;
	if (!device->resets++)
		group->nresets++;
	return 0;
}

/* The reset is over whatever becomes of the move: a device that cannot go back stays where it reaches nothing. */
static int end(struct piommu_group *group, struct core_device *device) REQUIRES(group->mutex)
{
	char text[PIOMMU_SBDF_STRLEN];
	int err;

	if (!device->resets)
		return -EINVAL;
	if (--device->resets)
		return 0;
	group->nresets--;
	err = core_device_move(group, device, group->domain ? CORE_TO_DOMAIN : core_group_rest(group), group->domain);
	if (err)
		log_err(&group->p->log,
			"%s: cannot go back to its domain after a reset (%d): it stays blocked; detach and attach its group",
			piommu_sbdf_format(device->dev.sbdf, text), err);
	return err;
}

static int bracket(struct piommu *p, struct piommu_sbdf sbdf, int (*fn)(struct piommu_group *group, struct core_device *device))
{
	struct core_device *device = rcu_table_find(&p->devices, core_sbdf_key(sbdf));
	struct piommu_group *group;
	bool online;
	int err;

	if (p->inspect)
		return -EPERM;
	if (!device)
		return -ENOENT;
	online = core_slow_enter();
	group = device->group;
	mutex_lock(&group->mutex);
	err = fn(group, device);
	mutex_unlock(&group->mutex);
	core_slow_exit(online);
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
