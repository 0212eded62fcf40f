/* SPDX-License-Identifier: BSD-3-Clause */
/* See arm_group.h. Under the manager's probe lock. */
#include <errno.h>

#include "arm_group.h"

static int refused(const struct piommu_device *device, int err)
{
	if (err == -EXDEV)
		log_err(device->unit->log,
			"%s: %s: its stream ids are shared with devices of two groups, which are both in use: unplug it, or "
			"give all of both to one owner, since its DMA goes where theirs goes",
			device->unit->name, device->name);
	return err;
}

int arm_device_group(struct piommu_device *device, struct piommu_group **out)
{
	struct piommu_group *found = NULL;

	for (unsigned i = 0; i < device->nids; i++) {
		struct piommu_group *group;
		int err = piommu_group_of_id(device, device->ids[i], &group);

		if (err == -ENOENT)
			continue;
		piommu_group_put(found); /* one reference is enough; of none it is nothing */
		if (!err && found && group != found) {
			piommu_group_put(group);
			err = -EXDEV;
		}
		if (err)
			return refused(device, err);
		found = group;
	}
	if (!found)
		return piommu_group_by_topology(device, out);
	*out = found;
	return 0;
}
