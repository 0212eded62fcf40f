/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Paging domains of Arm units: one kind for each stage and granule, a root that may be several tables side by side, and which units can share
 * one. A driver gives its two ways to invalidate (ARM_DOMAIN_FORMATS) and says of which shape its unit's tables are. Creation is slow
 * path; the ops are the fast path of piommu_paging.h.
 */
#ifndef ARM_DOMAIN_H
#define ARM_DOMAIN_H

#include "piommu_paging.h"

struct arm_domain {
	struct piommu_paging paging; /* first: the ops are handed its base */
	struct piommu_unit *unit;    /* that it was made for */
	struct piommu_mem root;      /* va NULL: a page of the pool */
	unsigned granule_lg2;
	bool stage2;
};

static inline struct arm_domain *arm_domain_of(struct piommu_domain *base)
{
	return (struct arm_domain *)(void *)base;
}

struct arm_format {
	const struct piommu_domain_ops *ops;
	int (*init)(struct piommu_pt *pt, const struct piommu_pt_config *config);
	size_t (*root_len)(unsigned iova_bits);
};

/* Of the tables of a unit, once it is probed. `formats` is what ARM_DOMAIN_FORMATS() made. */
struct arm_shape {
	const struct arm_format (*formats)[3];
	unsigned granule_lg2; /* 12, 14 or 16 */
	bool stage2;
};

#define ARM_DOMAIN_KIND(FORMAT, PAGE, INVALIDATE, SUBMIT) \
	static const struct piommu_paging_kind FORMAT = { \
		PIOMMU_PAGING_FORMAT(FORMAT, PAGE), \
		.invalidate = (INVALIDATE), \
		.submit = (SUBMIT), \
	}; \
	PIOMMU_PAGING_OPS(FORMAT##_ops, FORMAT, arm_domain_free)

#define ARM_DOMAIN_FORMAT(FORMAT) \
	{ \
		&FORMAT##_ops, piommu_pt_##FORMAT##_init, piommu_pt_##FORMAT##_root_len \
	}

/* `static const struct arm_format NAME[2][3]`: by stage, then by granule. */
#define ARM_DOMAIN_FORMATS(NAME, INVALIDATE, SUBMIT) \
	ARM_DOMAIN_KIND(arms1_4k, 0x1000, INVALIDATE, SUBMIT); \
	ARM_DOMAIN_KIND(arms1_16k, 0x4000, INVALIDATE, SUBMIT); \
	ARM_DOMAIN_KIND(arms1_64k, 0x10000, INVALIDATE, SUBMIT); \
	ARM_DOMAIN_KIND(arms2_4k, 0x1000, INVALIDATE, SUBMIT); \
	ARM_DOMAIN_KIND(arms2_16k, 0x4000, INVALIDATE, SUBMIT); \
	ARM_DOMAIN_KIND(arms2_64k, 0x10000, INVALIDATE, SUBMIT); \
	static const struct arm_format NAME[2][3] = { \
		{ ARM_DOMAIN_FORMAT(arms1_4k), ARM_DOMAIN_FORMAT(arms1_16k), ARM_DOMAIN_FORMAT(arms1_64k) }, \
		{ ARM_DOMAIN_FORMAT(arms2_4k), ARM_DOMAIN_FORMAT(arms2_16k), ARM_DOMAIN_FORMAT(arms2_64k) }, \
	}

/* What a driver's domain_create does. */
int arm_domain_create(struct piommu_unit *unit, const struct arm_shape *shape, enum piommu_domain_type type, unsigned iova_bits,
		      struct piommu_domain **out);
/* And its domain_fits. */
int arm_domain_fits(const struct piommu_domain *base, struct piommu_unit *unit, const struct arm_shape *shape);
/* For the ops. */
void arm_domain_free(struct piommu_domain *base);

#endif
