/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Arm VMSAv8-64 page tables (Arm ARM, DDI 0487, D8.3 "Translation table descriptor formats"), as SMMUs walk them: stage 1 or 2, with a
 * granule of 4, 16 or 64 KiB. Included by each format's file, which says which of them it is: PT_NAME, ARM_STAGE and ARM_PAGE_LG2.
 *
 * Levels are counted from the leaves up, as everywhere here: level 1 is what the Arm ARM calls level 3. LPA2 (52 bits with granules of
 * 4 and 16 KiB) is another layout of the same words, and not built.
 */
#ifdef PT_NAME

#include "piommu_bits.h"
#include "piommu_types.h"
#include "pt_format.h"

#define ARM_VALID BIT64(0)
#define ARM_TABLE BIT64(1)               /* above level 1: it is a table; at level 1 every page has it */
#define ARM_S2_NORMAL_WB GENMASK64(5, 2) /* MemAttr. In stage 1 AttrIndx 0 is bits 4:2 clear: PIOMMU_PT_ARM_MAIR */
#define ARM_S1_UNPRIVILEGED BIT64(6)     /* AP[1] */
#define ARM_S1_READ_ONLY BIT64(7)        /* AP[2] */
#define ARM_S2_READ BIT64(6)             /* S2AP */
#define ARM_S2_WRITE BIT64(7)
#define ARM_INNER_SHAREABLE GENMASK64(9, 8)
#define ARM_ACCESSED BIT64(10)
#define ARM_S1_NOT_GLOBAL BIT64(11)
#define ARM_HIGH_ADDRESS GENMASK64(15, 12) /* with 64 KiB: address bits 51:48 */
#define ARM_CONTIGUOUS BIT64(52)
#define ARM_S1_NO_EXECUTE GENMASK64(54, 53) /* UXN and PXN: devices do not */
#define ARM_S2_NO_EXECUTE BIT64(54)         /* XN[1:0] = 0b10 */
#define ARM_IGNORED_IN_TABLES BIT64(55)     /* 58:51 */

#define ARM_IS_4K (ARM_PAGE_LG2 == 12)
#define ARM_IS_16K (ARM_PAGE_LG2 == 14)
#define ARM_IS_64K (ARM_PAGE_LG2 == 16)
#define ARM_INDEX_LG2 (ARM_PAGE_LG2 - 3)
#define ARM_BLOCK_LG2 (ARM_PAGE_LG2 + ARM_INDEX_LG2)
/* D8.6.1, "The Contiguous bit": entries of a group, log2. */
#define ARM_PAGE_GROUP_LG2 (ARM_IS_4K ? 4 : ARM_IS_16K ? 7 : 5)
#define ARM_BLOCK_GROUP_LG2 (ARM_IS_4K ? 4 : 5)

static uint64_t arm_put_address(uint64_t pa)
{
	return ARM_IS_64K ? (pa & GENMASK64(47, ARM_PAGE_LG2)) | field_prep(ARM_HIGH_ADDRESS, pa >> 48) : pa;
}

static uint64_t arm_get_address(uint64_t entry)
{
	uint64_t low = entry & GENMASK64(47, ARM_PAGE_LG2);

	return ARM_IS_64K ? low | field_get(ARM_HIGH_ADDRESS, entry) << 48 : low;
}

static uint64_t arm_make_table(uint64_t pa)
{
	return arm_put_address(pa) | ARM_TABLE | ARM_VALID;
}

#if ARM_STAGE == 1
/* Write-only is not to be had: it is read-write. */
static uint64_t arm_attributes(unsigned prot)
{
	return (prot & PIOMMU_WRITE ? 0 : ARM_S1_READ_ONLY) | ARM_S1_UNPRIVILEGED | ARM_S1_NOT_GLOBAL | ARM_S1_NO_EXECUTE;
}

static unsigned arm_prot_of(uint64_t entry)
{
	return entry & ARM_S1_READ_ONLY ? PIOMMU_READ : PIOMMU_RW;
}
#else
static uint64_t arm_attributes(unsigned prot)
{
	return (prot & PIOMMU_READ ? ARM_S2_READ : 0) | (prot & PIOMMU_WRITE ? ARM_S2_WRITE : 0) | ARM_S2_NORMAL_WB |
	       ARM_S2_NO_EXECUTE;
}

static unsigned arm_prot_of(uint64_t entry)
{
	return (entry & ARM_S2_READ ? PIOMMU_READ : 0u) | (entry & ARM_S2_WRITE ? PIOMMU_WRITE : 0u);
}
#endif

static uint64_t arm_make_leaf(uint64_t pa, unsigned level, unsigned prot)
{
	return arm_put_address(pa) | arm_attributes(prot) | ARM_ACCESSED | ARM_INNER_SHAREABLE | ARM_VALID |
	       (level == 1 ? ARM_TABLE : 0);
}

static bool arm_is_leaf(uint64_t entry, unsigned level)
{
	return level == 1 || !(entry & ARM_TABLE);
}

/* D8.2: what is resolved at each level, which levels have blocks; stage 2 may begin with up to 16 tables side by side. */
static const struct pt_format format = {
	.page_lg2 = ARM_PAGE_LG2,
	.index_lg2 = ARM_INDEX_LG2,
	.iova_bits_min = 32,
	.iova_bits_max = ARM_IS_64K ? 52 : 48,
	.any_width = true,
	.root_tables_lg2 = ARM_STAGE == 2 ? 4 : 0,
	.usual_levels = ARM_IS_4K ? 4 : 3,
	.pa_bits_max = ARM_IS_64K ? 52 : 48,
	.straight_bits = 48,
	.leaf_sizes = BIT64(ARM_PAGE_LG2) | BIT64(ARM_PAGE_LG2 + ARM_PAGE_GROUP_LG2) | BIT64(ARM_BLOCK_LG2) |
		      BIT64(ARM_BLOCK_LG2 + ARM_BLOCK_GROUP_LG2) | (ARM_IS_4K ? BIT64(30) : 0),
	.group = ARM_CONTIGUOUS,
	.group_lg2 = { 0, ARM_PAGE_GROUP_LG2, ARM_BLOCK_GROUP_LG2 },
	.pending = ARM_IGNORED_IN_TABLES,
	.present = ARM_VALID,
	.make_table = arm_make_table,
	.make_leaf = arm_make_leaf,
	.is_leaf = arm_is_leaf,
	.address = arm_get_address,
	.prot_of = arm_prot_of,
};

#endif
