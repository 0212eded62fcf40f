/* SPDX-License-Identifier: BSD-3-Clause */
/* See arm_domain.h. Slow path, one thread at a time for a unit. The tables are the Arm ARM's (DDI 0487, D8). */
#include <errno.h>
#include <stdlib.h>

#include "arm_domain.h"

#define NARROWEST 32u /* tables; a domain may use less of one */

void arm_domain_free(struct piommu_domain *base)
{
	struct arm_domain *domain = arm_domain_of(base);
	struct piommu_unit *unit = domain->unit;

	if (domain->root.va && !unit->keep_memory)
		unit->plat->ops->mem_free(unit->plat, &domain->root);
	free(domain);
}

/* Stage 2 begins with up to 16 tables side by side, where that saves a level. */
static int table_init(struct arm_domain *domain, const struct arm_format *format, unsigned bits)
{
	struct piommu_unit *unit = domain->unit;
	struct piommu_pt_config config = piommu_paging_config(unit, bits);
	size_t len = format->root_len(bits);
	int err;

	if (len > piommu_pool_page_size(unit->pool)) {
		err = unit->plat->ops->mem_alloc(unit->plat, len, len, unit->fw->numa_node, &domain->root);
		if (err)
			return err;
		config.root = domain->root.va;
	}
	return format->init(&domain->paging.pt, &config);
}

static int paging_create(struct piommu_unit *unit, const struct arm_shape *shape, unsigned iova_bits,
			 struct piommu_domain **out)
{
	const struct arm_format *format = &shape->formats[shape->stage2][(shape->granule_lg2 - 12) / 2];
	unsigned widest = unit->caps.iova_bits;
	unsigned bits = iova_bits ? iova_bits : widest;
	struct arm_domain *domain;
	int err;

	if (bits > widest) {
		log_err(unit->log, "%s: has no tables for %u address bits; at most %u", unit->name, iova_bits, widest);
		return -EINVAL;
	}
	domain = calloc(1, sizeof(*domain));
	if (!domain)
		return -ENOMEM;
	domain->paging.base = piommu_domain_base(unit, format->ops, PIOMMU_DOMAIN_PAGING, bits);
	domain->unit = unit;
	domain->granule_lg2 = shape->granule_lg2;
	domain->stage2 = shape->stage2;
	err = table_init(domain, format, bits < NARROWEST ? NARROWEST : bits);
	if (err) {
		arm_domain_free(&domain->paging.base);
		return err;
	}
	*out = &domain->paging.base;
	return 0;
}

int arm_domain_create(struct piommu_unit *unit, const struct arm_shape *shape, enum piommu_domain_type type, unsigned iova_bits,
		      struct piommu_domain **out)
{
	return type == PIOMMU_DOMAIN_PAGING ? paging_create(unit, shape, iova_bits, out)
					    : piommu_fixed_domain_create(unit, type, out);
}

int arm_domain_fits(const struct piommu_domain *base, struct piommu_unit *unit, const struct arm_shape *shape)
{
	const struct arm_domain *domain = (const struct arm_domain *)(const void *)base;
	const char *why = NULL;

	if (base->type != PIOMMU_DOMAIN_PAGING)
		return 0;
	if (domain->stage2 != shape->stage2)
		why = shape->stage2 ? "it is a stage 1 table, and the unit has stage 2 alone"
				    : "it is a stage 2 table, and domains of the unit are of stage 1";
	else if (domain->granule_lg2 != shape->granule_lg2)
		why = "its tables have another page size";
	return piommu_paging_fits(&domain->paging, unit, why);
}
