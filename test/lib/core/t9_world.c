/* SPDX-License-Identifier: BSD-3-Clause */
/* See t9_world.h. */
#include "suite.h"
#include "t9_world.h"

void world_begin(struct world *w)
{
	const char *name = w->name;

	*w = (struct world){ .name = name };
	w->p = faulty_start(&w->m);
}

void world_end(void *world)
{
	struct world *w = world;

	piommu_group_put(w->group);
	piommu_device_put(w->device);
	faulty_stop(&w->m, w->p);
}

struct piommu *world_manager(void *world)
{
	return ((struct world *)world)->p;
}

char *world_hardware(void *world, enum dump_how how)
{
	return faulty_dump(&((struct world *)world)->m, how);
}

void world_claim(struct world *w, const char *name)
{
	w->group = faulty_group(w->p, name);
	CU_ASSERT_FATAL(!piommu_claim(w->group));
}

struct piommu_domain *world_domain(struct world *w)
{
	struct piommu_domain *domain = NULL;

	CU_ASSERT_FATAL(!piommu_domain_create(w->group, NULL, &domain));
	return domain;
}

void world_register_bare(struct world *w)
{
	const struct piommu_fw_unit desc = faulty_bare();

	CU_ASSERT_FATAL(!piommu_unit_register(w->p, &w->m.bare, &desc, &w->bare));
}
