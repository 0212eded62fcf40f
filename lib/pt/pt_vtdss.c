/* SPDX-License-Identifier: BSD-3-Clause */
/* VT-d second-stage page tables (specification 9.8; paging in 3.7): the format, of which pt_entry_points.h makes the calls. */
#include <assert.h>

#include "piommu_bits.h"
#include "piommu_types.h"
#include "pt_format.h"

#define PT_NAME vtdss

#define SS_READ BIT64(0)
#define SS_WRITE BIT64(1)
#define SS_PAGE_SIZE BIT64(7)          /* in levels 2 and 3: a leaf */
#define SS_SNOOP BIT64(11)             /* in leaves */
#define SS_ADDRESS GENMASK64(51, 12)   /* bits above the host address width are zero: pt_map_check() */
#define SS_IGNORED_IN_TABLES BIT64(52) /* 61:52 */

static_assert(PIOMMU_READ == SS_READ && PIOMMU_WRITE == SS_WRITE, "permissions are an entry's bits as they are");

static uint64_t ss_make_table(uint64_t pa)
{
	return pa | SS_READ | SS_WRITE;
}

static uint64_t ss_make_leaf(uint64_t pa, unsigned level, unsigned prot)
{
	uint64_t entry = pa | (prot & (PIOMMU_READ | PIOMMU_WRITE));

	return level > 1 ? entry | SS_PAGE_SIZE : entry;
}

static bool ss_is_leaf(uint64_t entry, unsigned level)
{
	return level == 1 || (entry & SS_PAGE_SIZE);
}

static uint64_t ss_address(uint64_t entry)
{
	return entry & SS_ADDRESS;
}

static unsigned ss_prot_of(uint64_t entry)
{
	return (entry & SS_READ ? PIOMMU_READ : 0u) | (entry & SS_WRITE ? PIOMMU_WRITE : 0u);
}

static const struct pt_format format = {
	.page_lg2 = 12,
	.index_lg2 = 9,
	.iova_bits_min = 39,
	.iova_bits_max = 57,
	.usual_levels = 4,
	.pa_bits_max = 52,
	.straight_bits = 52,
	.leaf_sizes = BIT64(12) | BIT64(21) | BIT64(30),
	.leaf_bits = SS_SNOOP,
	.pending = SS_IGNORED_IN_TABLES,
	.present = SS_READ | SS_WRITE,
	.make_table = ss_make_table,
	.make_leaf = ss_make_leaf,
	.is_leaf = ss_is_leaf,
	.address = ss_address,
	.prot_of = ss_prot_of,
};

#include "pt_entry_points.h"
