/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Domains. A paging domain is a stage 1 page table, or a stage 2 one where the unit has no stage 1, of the unit's granule; it may be used on
 * several units. Identity and blocking domains are a choice of stream table entry and hold nothing. Map, unmap, flush and lookup are
 * the fast path: any registered thread, no lock. Specification: 3.4 (address sizes), 5.2, 5.4; the tables are the Arm ARM's (D8).
 */
#include <errno.h>
#include <stdlib.h>

#include "smmuv3.h"

static void domain_free(struct piommu_domain *base)
{
	struct smmuv3_domain *domain = smmuv3_domain_of(base);
	struct piommu_unit *unit = domain->unit;

	if (domain->root.va && !unit->keep_memory)
		unit->plat->ops->mem_free(unit->plat, &domain->root);
	free(domain);
}

/* ---- One kind of domain for each format --------------------------------------------------------------------------------------- */

#define KIND(format, page) \
	static const struct piommu_paging_kind format = { \
		PIOMMU_PAGING_FORMAT(format, page), \
		.invalidate = smmuv3_inv_gather, \
		.submit = smmuv3_inv_submit, \
	}; \
	PIOMMU_PAGING_OPS(format##_ops, format, domain_free)

KIND(arms1_4k, 0x1000);
KIND(arms1_16k, 0x4000);
KIND(arms1_64k, 0x10000);
KIND(arms2_4k, 0x1000);
KIND(arms2_16k, 0x4000);
KIND(arms2_64k, 0x10000);

struct format {
	const struct piommu_domain_ops *ops;
	int (*init)(struct piommu_pt *pt, const struct piommu_pt_config *config);
	size_t (*root_len)(unsigned iova_bits);
};

#define FORMAT(name) \
	{ \
		&name##_ops, piommu_pt_##name##_init, piommu_pt_##name##_root_len \
	}

static const struct format formats[2][3] = {
	{ FORMAT(arms1_4k), FORMAT(arms1_16k), FORMAT(arms1_64k) },
	{ FORMAT(arms2_4k), FORMAT(arms2_16k), FORMAT(arms2_64k) },
};

static const struct format *format_of(const struct smmuv3 *smmuv3)
{
	return &formats[smmuv3->stage2][(smmuv3->granule_lg2 - 12) / 2];
}

/* ---- Creation ------------------------------------------------------------------------------------------------------------------------ */

#define NARROWEST 32u /* tables; a domain may use less of one */

/* 52 bits of either stage are 64 KiB tables' alone; stage 2 translates addresses of the machine's width (3.4.1). */
unsigned smmuv3_iova_bits(const struct smmuv3 *smmuv3)
{
	bool wide = smmuv3->granule_lg2 == 16 && field_get32(SMMUV3_IDR5_VAX, smmuv3->idr5) == 1;

	if (smmuv3->stage2)
		return smmuv3_address_bits(smmuv3->oas);
	return wide ? 52 : 48;
}

static int table_init(const struct smmuv3 *smmuv3, unsigned bits, struct smmuv3_domain *domain)
{
	const struct format *format = format_of(smmuv3);
	struct piommu_unit *unit = smmuv3->unit;
	struct piommu_pt_config config = piommu_paging_config(unit, bits);
	size_t len = format->root_len(bits);
	int err;

	/* Stage 2 begins with up to 16 tables side by side, where that saves a level. */
	if (len > piommu_pool_page_size(unit->pool)) {
		err = unit->plat->ops->mem_alloc(unit->plat, len, len, unit->fw->numa_node, &domain->root);
		if (err)
			return err;
		config.root = domain->root.va;
	}
	return format->init(&domain->paging.pt, &config);
}

static int paging_create(const struct smmuv3 *smmuv3, unsigned iova_bits, struct piommu_domain **out)
{
	struct piommu_unit *unit = smmuv3->unit;
	unsigned widest = unit->caps.iova_bits;
	unsigned bits = iova_bits ? iova_bits : widest;
	struct smmuv3_domain *domain;
	int err;

	if (bits > widest) {
		log_err(unit->log, "%s: has no tables for %u address bits; at most %u", unit->name, iova_bits, widest);
		return -EINVAL;
	}
	domain = calloc(1, sizeof(*domain));
	if (!domain)
		return -ENOMEM;
	domain->paging.base = (struct piommu_domain){
		.ops = format_of(smmuv3)->ops,
		.type = PIOMMU_DOMAIN_PAGING,
		.iova_bits = bits,
		.page_sizes = unit->caps.page_sizes,
		.pool = unit->pool,
	};
	domain->unit = unit;
	domain->granule_lg2 = smmuv3->granule_lg2;
	domain->stage2 = smmuv3->stage2;
	err = table_init(smmuv3, bits < NARROWEST ? NARROWEST : bits, domain);
	if (err) {
		domain_free(&domain->paging.base);
		return err;
	}
	*out = &domain->paging.base;
	return 0;
}

int smmuv3_domain_create(struct piommu_unit *unit, enum piommu_domain_type type, unsigned iova_bits, struct piommu_domain **out)
{
	return type == PIOMMU_DOMAIN_PAGING ? paging_create(smmuv3_of(unit), iova_bits, out)
					    : piommu_fixed_domain_create(unit, type, out);
}

int smmuv3_domain_fits(const struct piommu_domain *base, struct piommu_unit *unit)
{
	const struct smmuv3_domain *domain = (const struct smmuv3_domain *)(const void *)base;
	const struct smmuv3 *smmuv3 = smmuv3_of(unit);
	const char *why = NULL;

	if (base->type != PIOMMU_DOMAIN_PAGING)
		return 0;
	if (domain->stage2 != smmuv3->stage2)
		why = smmuv3->stage2 ? "it is a stage 1 table, and the unit has stage 2 alone"
				     : "it is a stage 2 table, and domains of the unit are of stage 1";
	else if (domain->granule_lg2 != smmuv3->granule_lg2)
		why = "its tables have another page size";
	else
		why = piommu_paging_misfit(&domain->paging, unit);
	if (!why)
		return 0;
	log_err(unit->log, "%s: cannot use this domain: %s; make one for a group behind %s", unit->name, why, unit->name);
	return -EINVAL;
}
