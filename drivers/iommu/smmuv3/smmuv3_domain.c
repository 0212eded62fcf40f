/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Domains. A paging domain is a stage 1 page table, or a stage 2 one where the unit has no stage 1, of the unit's granule; it may be used on
 * several units. Identity and blocking domains are a choice of stream table entry and hold nothing. Map, unmap, flush and lookup are
 * the fast path: any registered thread, no lock. Specification: 3.4 (address sizes), 5.2, 5.4; the tables are the Arm ARM's (D8).
 */
#include "arm_domain.h"
#include "smmuv3.h"

ARM_DOMAIN_FORMATS(formats, smmuv3_inv_gather, smmuv3_inv_submit);

static struct arm_shape shape_of(const struct piommu_unit *unit)
{
	const struct smmuv3 *smmu = smmuv3_of(unit);

	return (struct arm_shape){ formats, smmu->granule_lg2, smmu->stage2 };
}

/* 52 bits of either stage are 64 KiB tables' alone; stage 2 translates addresses of the machine's width (3.4.1). */
unsigned smmuv3_iova_bits(const struct smmuv3 *smmu)
{
	bool wide = smmu->granule_lg2 == 16 && field_get32(SMMUV3_IDR5_VAX, smmu->idr5) == 1;

	if (smmu->stage2)
		return smmuv3_address_bits(smmu->oas);
	return wide ? 52 : 48;
}

int smmuv3_domain_create(struct piommu_unit *unit, enum piommu_domain_type type, unsigned iova_bits, struct piommu_domain **out)
{
	const struct arm_shape shape = shape_of(unit);

	return arm_domain_create(unit, &shape, type, iova_bits, out);
}

int smmuv3_domain_fits(const struct piommu_domain *base, struct piommu_unit *unit)
{
	const struct arm_shape shape = shape_of(unit);

	return arm_domain_fits(base, unit, &shape);
}
