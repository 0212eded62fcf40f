/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Domains, and the context banks that walk their page tables. A paging domain is a stage-1 table where the unit has stage 1, and may be used
 * on several units; identity and blocking domains are a choice of S2CR and hold nothing. Map, unmap, flush and lookup are the fast path
 * (piommu_paging.h): any registered thread, no lock. Banks are the slow path.
 * Specification: 2.3 (translation context banks), 2.4 (translation), 10.2 (CBAR, CBA2R), 16.5 (SCTLR, TCR, TTBR0).
 */
#include <errno.h>
#include <stdlib.h>

#include "piommu_paging.h"
#include "smmuv2.h"

struct smmuv2_domain {
	struct piommu_paging paging; /* first: the ops are handed this */
	struct piommu_platform *plat;
	struct piommu_mem root; /* of several tables side by side; va NULL: a page of the pool */
	unsigned granule_lg2;
	bool stage2;
	bool aarch64;
};

static struct smmuv2_domain *domain_of(struct piommu_domain *base)
{
	return (struct smmuv2_domain *)(void *)base;
}

static void domain_free(struct piommu_domain *base)
{
	struct smmuv2_domain *domain = domain_of(base);

	if (domain->root.va)
		domain->plat->ops->mem_free(domain->plat, &domain->root);
	free(domain);
}

/* ---- Formats ------------------------------------------------------------------------------------------------------------------------- */

#define KIND(format, page) \
	static const struct piommu_paging_kind format = { \
		PIOMMU_PAGING_FORMAT(format, page), \
		.invalidate = smmuv2_inv_gather, \
		.submit = smmuv2_inv_submit, \
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
	size_t (*root_len)(unsigned iova_bits);
	int (*init)(struct piommu_pt *pt, const struct piommu_pt_config *config);
};

static const struct format *format_of(const struct smmuv2 *smmu)
{
	static const struct format formats[2][3] = {
		{ { &arms1_4k_ops, piommu_pt_arms1_4k_root_len, piommu_pt_arms1_4k_init },
		  { &arms1_16k_ops, piommu_pt_arms1_16k_root_len, piommu_pt_arms1_16k_init },
		  { &arms1_64k_ops, piommu_pt_arms1_64k_root_len, piommu_pt_arms1_64k_init } },
		{ { &arms2_4k_ops, piommu_pt_arms2_4k_root_len, piommu_pt_arms2_4k_init },
		  { &arms2_16k_ops, piommu_pt_arms2_16k_root_len, piommu_pt_arms2_16k_init },
		  { &arms2_64k_ops, piommu_pt_arms2_64k_root_len, piommu_pt_arms2_64k_init } },
	};

	return &formats[smmu->stage2][(smmu->granule_lg2 - 12) / 2];
}

/* ---- Creation ------------------------------------------------------------------------------------------------------------------------ */

/* Stage 2 may begin with several tables side by side. */
static int table_init(struct smmuv2_domain *domain, const struct smmuv2 *smmu)
{
	const struct piommu_unit *unit = smmu->unit;
	const struct format *format = format_of(smmu);
	struct piommu_pt_config config = piommu_paging_config(unit, domain->paging.base.iova_bits);
	size_t root_len = format->root_len(config.iova_bits);
	int err;

	if (root_len > BIT64(smmu->granule_lg2)) {
		err = unit->plat->ops->mem_alloc(unit->plat, root_len, root_len, unit->fw->numa_node, &domain->root);
		if (err)
			return err;
		config.root = domain->root.va;
	}
	err = format->init(&domain->paging.pt, &config);
	if (err && domain->root.va)
		unit->plat->ops->mem_free(unit->plat, &domain->root);
	return err;
}

#define NARROWEST 32u /* that the formats have */

static int paging_create(struct piommu_unit *unit, unsigned iova_bits, struct piommu_domain **out)
{
	const struct smmuv2 *smmu = smmuv2_of(unit);
	unsigned widest = unit->caps.iova_bits;
	struct smmuv2_domain *domain;
	int err;

	if (iova_bits > widest || (iova_bits && iova_bits < NARROWEST)) {
		log_err(unit->log, "%s: has no tables for %u address bits; at least %u, at most %u", unit->name, iova_bits,
			NARROWEST, widest);
		return -EINVAL;
	}
	domain = calloc(1, sizeof(*domain));
	if (!domain)
		return -ENOMEM;
	domain->paging.base = (struct piommu_domain){
		.ops = format_of(smmu)->ops,
		.type = PIOMMU_DOMAIN_PAGING,
		.iova_bits = iova_bits ? iova_bits : widest,
		.page_sizes = unit->caps.page_sizes,
		.pool = unit->pool,
	};
	domain->plat = unit->plat;
	domain->granule_lg2 = smmu->granule_lg2;
	domain->stage2 = smmu->stage2;
	domain->aarch64 = smmu->aarch64;
	err = table_init(domain, smmu);
	if (err) {
		free(domain);
		return err;
	}
	*out = &domain->paging.base;
	return 0;
}

int smmuv2_domain_create(struct piommu_unit *unit, enum piommu_domain_type type, unsigned iova_bits, struct piommu_domain **out)
{
	return type == PIOMMU_DOMAIN_PAGING ? paging_create(unit, iova_bits, out) : piommu_fixed_domain_create(unit, type, out);
}

int smmuv2_domain_fits(const struct piommu_domain *base, struct piommu_unit *unit)
{
	const struct smmuv2_domain *domain = (const struct smmuv2_domain *)(const void *)base;
	const struct smmuv2 *smmu = smmuv2_of(unit);
	const char *why = NULL;

	if (base->type != PIOMMU_DOMAIN_PAGING)
		return 0;
	if (domain->stage2 != smmu->stage2)
		why = domain->stage2 ? "its tables are of stage 2, and the unit's domains are of stage 1"
				     : "its tables are of stage 1, which the unit does not have";
	else if (domain->granule_lg2 != smmu->granule_lg2)
		why = "its pages are of another size than the unit's";
	else
		why = piommu_paging_misfit(&domain->paging, unit);
	if (!why)
		return 0;
	log_err(unit->log, "%s: cannot use this domain: %s; make one for a group behind %s", unit->name, why, unit->name);
	return -EINVAL;
}

/* ---- Context banks --------------------------------------------------------------------------------------------------------------------- */

static void write_bank(const struct smmuv2 *smmu, unsigned bank, unsigned off, uint32_t value)
{
	piommu_write32(smmu->window, smmuv2_cb(smmu, bank, off), value);
}

/* Version 1 has neither CBA2R nor TCR2. */
void smmuv2_bank_start(struct smmuv2 *smmu, unsigned bank, struct piommu_domain *base)
{
	const struct smmuv2_domain *domain = domain_of(base);
	const struct smmuv2_table table = {
		.root_pa = domain->paging.pt.root_pa,
		.iova_bits = domain->paging.pt.iova_bits,
		.levels = domain->paging.pt.levels,
		.granule_lg2 = smmu->granule_lg2,
		.pa_bits = smmu->unit->caps.pa_bits,
		.mair = PIOMMU_PT_ARM_MAIR,
		.aarch64 = smmu->aarch64,
		.coherent = smmu->unit->caps.coherent,
		.stage2 = smmu->stage2,
		.wide_tags = smmu->wide_tags,
		.vmid = smmuv2_vmid(smmu, bank),
		.asid = smmuv2_asid(smmu, bank),
	};
	const struct smmuv2_context context = smmuv2_context_make(&table);

	write_bank(smmu, bank, SMMUV2_CB_SCTLR, 0);
	if (!smmu->version1)
		piommu_write32(smmu->window, smmuv2_gr1(smmu, SMMUV2_CBA2R(bank)), context.cba2r);
	piommu_write32(smmu->window, smmuv2_gr1(smmu, SMMUV2_CBAR(bank)), context.cbar);
	if (!smmu->version1 && !smmu->stage2)
		write_bank(smmu, bank, SMMUV2_CB_TCR2, context.tcr2);
	write_bank(smmu, bank, SMMUV2_CB_TCR, context.tcr);
	smmuv2_write_wide(smmu, smmuv2_cb(smmu, bank, SMMUV2_CB_TTBR0), context.ttbr0);
	if (!smmu->stage2) {
		write_bank(smmu, bank, SMMUV2_CB_MAIR0, context.mair[0]);
		write_bank(smmu, bank, SMMUV2_CB_MAIR1, context.mair[1]);
	}
	write_bank(smmu, bank, SMMUV2_CB_FSR, SMMUV2_FSR_FAULTS | SMMUV2_FSR_MULTI);
	write_bank(smmu, bank, SMMUV2_CB_SCTLR, context.sctlr); /* last: from here on it walks */
	atomic_fetch_or_explicit(&smmu->on[bank / 64], BIT64(bank % 64), memory_order_release);
}

/* As a bank of stage 1, or of stage 2 where there is no other: with M clear both pass what is mapped to them. */
void smmuv2_bank_stop(struct smmuv2 *smmu, unsigned bank)
{
	uint32_t type = smmu->idr[0] & SMMUV2_IDR0_S1TS ? SMMUV2_STAGE1_BYPASS : SMMUV2_STAGE2;

	atomic_fetch_and_explicit(&smmu->on[bank / 64], ~BIT64(bank % 64), memory_order_relaxed);
	write_bank(smmu, bank, SMMUV2_CB_SCTLR, 0);
	write_bank(smmu, bank, SMMUV2_CB_FSR, SMMUV2_FSR_FAULTS | SMMUV2_FSR_MULTI);
	if (bank == smmu->bypass_bank)
		piommu_write32(smmu->window, smmuv2_gr1(smmu, SMMUV2_CBAR(bank)), field_prep32(SMMUV2_CBAR_TYPE, type));
}
