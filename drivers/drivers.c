/* SPDX-License-Identifier: BSD-3-Clause */
/* The drivers and platforms of this build: data, given to the core in its config. No constructors, no registration. */
#include <stddef.h>

#include "drivers.h"
#include "piommu.h"

const struct piommu_driver *const piommu_drivers[] = {
	&vtd_driver,
	&smmuv3_driver,
	&smmuv2_driver,
	NULL,
};

const struct piommu_platform_driver *const piommu_platforms[] = {
	&linux_platform,
	&dump_platform,
	&sim_platform,
	NULL,
};
