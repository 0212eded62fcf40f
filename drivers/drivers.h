/* SPDX-License-Identifier: BSD-3-Clause */
/* The drivers and platforms of this tree, each defined in its own directory and listed once, in drivers.c. */
#ifndef DRIVERS_H
#define DRIVERS_H

#include "piommu_driver.h"

extern const struct piommu_driver smmuv2_driver;
extern const struct piommu_driver smmuv3_driver;
extern const struct piommu_driver vtd_driver;

extern const struct piommu_platform_driver dump_platform;
extern const struct piommu_platform_driver linux_platform;
extern const struct piommu_platform_driver sim_platform;

#endif
