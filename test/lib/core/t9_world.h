/* SPDX-License-Identifier: BSD-3-Clause */
/* What the tests of case T9 on the machine of faulty.h share: a manager on it and what they hold of it. */
#ifndef T9_WORLD_H
#define T9_WORLD_H

#include "faulty.h"
#include "t9.h"

struct world {
	struct faulty m;
	struct piommu *p;
	struct piommu_group *group; /* with a reference */
	struct piommu_domain *domain, *other;
	struct piommu_device *device; /* with a reference */
	struct piommu_unit *bare;
	const char *name; /* of the device that the call is about */
};

/* Of struct t9; `ctx` is a world. */
#define T9_WORLD(w) .ctx = (w), .manager = world_manager, .hardware = world_hardware

void world_begin(struct world *w);
void world_end(void *world);
struct piommu *world_manager(void *world);
char *world_hardware(void *world, enum dump_how how);

/* Takes the group of a device; ends the test where that fails. */
void world_claim(struct world *w, const char *name);
struct piommu_domain *world_domain(struct world *w);
void world_register_bare(struct world *w);

#endif
