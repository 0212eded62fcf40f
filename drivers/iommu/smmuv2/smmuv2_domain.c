/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Domains, and the context banks that walk their page tables. A paging domain is a stage-1 table where the unit has stage 1, and may be used
 * on several units; identity and blocking domains are a choice of S2CR and hold nothing. Map, unmap, flush and lookup are the fast path
 * (piommu_paging.h): any registered thread, no lock. Banks are the slow path.
 * Specification: 2.3 (translation context banks), 2.4 (translation), 10.2 (CBAR, CBA2R), 16.5 (SCTLR, TCR, TTBR0).
 */
#include "arm_domain.h"
#include "smmuv2.h"

ARM_DOMAIN_FORMATS(formats, smmuv2_inv_gather, smmuv2_inv_submit);

static struct arm_shape shape_of(const struct piommu_unit *unit)
{
	const struct smmuv2 *smmu = smmuv2_of(unit);

	return (struct arm_shape){ formats, smmu->granule_lg2, smmu->stage2 };
}

int smmuv2_domain_create(struct piommu_unit *unit, enum piommu_domain_type type, unsigned iova_bits, struct piommu_domain **out)
{
	const struct arm_shape shape = shape_of(unit);

	return arm_domain_create(unit, &shape, type, iova_bits, out);
}

int smmuv2_domain_fits(const struct piommu_domain *base, struct piommu_unit *unit)
{
	const struct arm_shape shape = shape_of(unit);

	return arm_domain_fits(base, unit, &shape);
}

/* ---- Context banks --------------------------------------------------------------------------------------------------------------------- */

static void write_bank(const struct smmuv2 *smmu, unsigned bank, unsigned off, uint32_t value)
{
	piommu_write32(smmu->window, smmuv2_cb(smmu, bank, off), value);
}

/* Version 1 has neither CBA2R nor TCR2. */
void smmuv2_bank_start(struct smmuv2 *smmu, unsigned bank, struct piommu_domain *base)
{
	const struct piommu_pt *pt = &arm_domain_of(base)->paging.pt;
	const struct smmuv2_table table = {
		.root_pa = pt->root_pa,
		.iova_bits = pt->iova_bits,
		.levels = pt->levels,
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
