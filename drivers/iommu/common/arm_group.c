/* SPDX-License-Identifier: BSD-3-Clause */
/* See arm_group.h. Under the manager's probe lock. */
#include <errno.h>

#include "arm_group.h"

static int refuse_merge(const struct piommu_device *device, struct piommu_group *a, struct piommu_group *b)
{
	log_err(device->unit->log, "%s: %s: its stream ids are shared with devices of two groups, which are both in use",
		device->unit->name, device->name);
	piommu_group_put(a);
	piommu_group_put(b);
	return -EXDEV;
}

int arm_device_group(struct piommu_device *device, struct piommu_group **out)
{
	struct piommu_group *found = NULL;

	for (unsigned i = 0; i < device->nids; i++) {
		struct piommu_group *group;
		int err = piommu_group_of_id(device->unit, device->ids[i], &group);

		if (err == -ENOENT)
			continue;
		if (err) {
			piommu_group_put(found);
			return err;
		}
		if (found && group != found)
			return refuse_merge(device, found, group);
		piommu_group_put(found); /* one reference is enough; of none it is nothing */
		found = group;
	}
	if (!found)
		return piommu_group_by_topology(device, out);
	*out = found;
	return 0;
}
