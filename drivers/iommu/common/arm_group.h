/* SPDX-License-Identifier: BSD-3-Clause */
/* Groups of devices behind Arm units: who shares a stream id cannot be told apart. */
#ifndef ARM_GROUP_H
#define ARM_GROUP_H

#include "piommu_driver.h"

/*
 * A driver's device_group: the group of those that share a stream id with the device, or whose masks overlap its own, whatever the
 * topology says; else what the topology says. @return 0; -EXDEV: it shares ids with two groups (said); -ENOMEM
 */
int arm_device_group(struct piommu_device *device, struct piommu_group **out);

#endif
