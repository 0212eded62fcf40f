/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The part of a walk that all Arm units have: from the root of a VMSAv8-64 table (Arm ARM, DDI 0487, D8.3) to the page, as steps. Levels are
 * counted as there: 3 is that of pages. Slow path, any thread; reads memory, writes nothing.
 */
#ifndef ARM_WALK_H
#define ARM_WALK_H

#include "piommu_steps.h"

enum arm_fault {
	ARM_TRANSLATION,
	ARM_ACCESS_FLAG,
	ARM_ADDRESS_SIZE,
	ARM_PERMISSION,
};

struct arm_walk {
	uint64_t root_pa;
	unsigned granule_lg2; /* 12, 14 or 16 */
	unsigned bits;        /* of I/O addresses */
	unsigned start;       /* level of the root */
	unsigned pa_bits;     /* an address of more bits is an address size fault */
	bool stage2;
	/* What the unit calls a fault: "event 0x10: F_TRANSLATION". */
	void (*say_fault)(enum arm_fault fault, char *text, size_t len);
};

/* The level of a stage 1 root: as many tables as the width takes, of granule_lg2 - 3 bits each above the page's. */
static inline unsigned arm_walk_start(unsigned bits, unsigned granule_lg2)
{
	return 4 - (bits - 4) / (granule_lg2 - 3);
}

void arm_walk_pages(struct piommu_steps *steps, const struct arm_walk *walk, uint64_t iova);

#endif
