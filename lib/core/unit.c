/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Taking units over, all or none, and giving them back. Slow path, from piommu_create() and
 * piommu_destroy().
 */
#include <errno.h>
#include <stdlib.h>

#include "core.h"

static int pool_alloc(void *ctx, size_t len, size_t align, int node, struct piommu_mem *out)
{
	struct piommu_platform *plat = ctx;

	return plat->ops->mem_alloc(plat, len, align, node, out);
}

static void pool_free(void *ctx, struct piommu_mem *mem)
{
	struct piommu_platform *plat = ctx;

	plat->ops->mem_free(plat, mem);
}

static int make_pool(struct core_unit *cu)
{
	struct piommu_platform *plat = cu->unit.plat;
	int node = cu->unit.fw->numa_node;
	const struct piommu_pool_source source = {
		.alloc = pool_alloc,
		.free = pool_free,
		.ctx = plat,
		.va_off = plat->va_off,
		.node = node <= piommu_env_numa_max_node() ? node : -1,
	};

	return piommu_pool_create(&source, &cu->unit.pool);
}

static void unit_drop(struct core_unit *cu)
{
	struct piommu_platform *plat = cu->unit.plat;

	core_domain_free(cu->blocking);
	core_domain_free(cu->identity);
	cu->blocking = cu->identity = NULL;
	if (cu->probed)
		cu->unit.driver->remove(&cu->unit);
	cu->probed = false;
	rcu_drain(); /* retired tables and tags are back */
	free(cu->tags);
	cu->tags = NULL;
	piommu_pool_destroy(cu->unit.pool);
	cu->unit.pool = NULL;
	if (cu->mapped)
		plat->ops->window_unmap(plat, &cu->window);
	cu->mapped = false;
}

/* Its registers become ours, or the reason why not is said. */
static int unit_map(struct core_unit *cu)
{
	struct piommu_platform *plat = cu->unit.plat;
	const struct piommu_fw_unit *fw = cu->unit.fw;
	int err;

	if (!cu->unit.driver) {
		log_err(cu->unit.log, "%s: no driver for a %s unit in this build", fw->name, piommu_fw_family_name(fw->family));
		return -ENOTSUP;
	}
	if (!fw->base) {
		log_err(cu->unit.log, "%s: firmware gives its registers address 0; update the firmware", fw->name);
		return -EBADMSG;
	}
	if (!plat->ops->window_map) {
		log_err(cu->unit.log,
			"%s: platform \"%s\" has no registers: it can only be looked at; use linux or sim to drive units",
			fw->name, plat->ops->name);
		return -ENOTSUP;
	}
	err = plat->ops->window_map(plat, fw, PIOMMU_WINDOW_CONTROL, &cu->window);
	cu->mapped = !err;
	return err;
}

static int unit_probe(struct core_unit *cu)
{
	int err = make_pool(cu);

	if (err)
		return err;
	err = cu->unit.driver->probe(&cu->unit, &cu->window);
	if (err)
		return err;
	cu->probed = true;
	err = core_tags_init(cu);
	if (!err)
		err = core_domain_new(cu, PIOMMU_DOMAIN_IDENTITY, NULL, &cu->identity);
	if (!err)
		err = core_domain_new(cu, PIOMMU_DOMAIN_BLOCKING, NULL, &cu->blocking);
	return err;
}

/* Every device behind the units starts on its unit's identity domain: the state that enable() makes. */
static int place_devices(struct piommu *p)
{
	for (unsigned g = 0; g < p->ngroups; g++) {
		struct piommu_group *group = &p->groups[g];

		for (unsigned d = 0; d < group->ndevices; d++) {
			struct piommu_device *dev = &group->devices[d].dev;
			uint32_t tag;
			int err;

			if (!dev->unit)
				continue;
			dev->domain = core_unit_of(dev->unit)->identity;
			err = core_domain_unit_get(dev->domain, core_unit_of(dev->unit), &tag);
			if (err)
				return err;
		}
	}
	return 0;
}

static int units_disable(struct piommu *p)
{
	int worst = 0;

	for (unsigned i = p->nunits; i-- > 0;) {
		struct core_unit *cu = &p->units[i];
		int err = 0;

		if (cu->enabled)
			err = cu->unit.driver->shutdown(&cu->unit);
		if (err) {
			/* The hardware may still walk its tables: nothing of this unit is ever freed. */
			log_err(cu->unit.log, "%s: does not turn off (%d); its tables stay allocated. Reset the machine",
				cu->unit.name, err);
			worst = -EIO;
			continue;
		}
		cu->enabled = false;
	}
	return worst;
}

static void units_drop(struct piommu *p)
{
	for (unsigned i = p->nunits; i-- > 0;)
		if (!p->units[i].enabled)
			unit_drop(&p->units[i]);
}

int core_units_start(struct piommu *p)
{
	int err = 0;

	if (!p->nunits) {
		log_err(&p->log, "no IOMMU: firmware describes none. Enable it in the firmware's setup (VT-d, AMD-Vi, SMMU)");
		return -ENOENT;
	}
	/* Who is refused a unit has not taken the machine's hugepages first. */
	for (unsigned i = 0; i < p->nunits && !err; i++)
		err = unit_map(&p->units[i]);
	if (!err && p->plat->ops->mem_start)
		err = p->plat->ops->mem_start(p->plat);
	for (unsigned i = 0; i < p->nunits && !err; i++)
		err = unit_probe(&p->units[i]);
	if (!err)
		err = place_devices(p);
	for (unsigned i = 0; i < p->nunits && !err; i++) {
		struct core_unit *cu = &p->units[i];

		err = cu->unit.driver->enable(&cu->unit);
		cu->enabled = !err;
	}
	if (err) {
		units_disable(p);
		units_drop(p);
	}
	return err;
}

int core_units_stop(struct piommu *p)
{
	int err;

	if (p->inspect)
		return 0;
	err = units_disable(p);
	if (err)
		return err;
	core_domains_free(p);
	units_drop(p);
	return 0;
}
