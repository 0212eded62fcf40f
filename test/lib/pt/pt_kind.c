/* SPDX-License-Identifier: BSD-3-Clause */
/* See pt_kind.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pt_kind.h"
#include "suite.h"

#define CALLS(format) \
	.name = #format, .root_len = piommu_pt_##format##_root_len, .init = piommu_pt_##format##_init, \
	.fini = piommu_pt_##format##_fini, .map = piommu_pt_##format##_map, .unmap = piommu_pt_##format##_unmap, \
	.map_page = piommu_pt_##format##_map_page, .unmap_page = piommu_pt_##format##_unmap_page, \
	.map_run = piommu_pt_##format##_map_run, .unmap_run = piommu_pt_##format##_unmap_run, \
	.map_burst = piommu_pt_##format##_map_burst, .unmap_burst = piommu_pt_##format##_unmap_burst, \
	.lookup = piommu_pt_##format##_lookup, .walk = piommu_pt_##format##_walk

#define BIT(n) (UINT64_C(1) << (n))

/* UXN and PXN, nG, AF, inner shareable, AP[2:1], attributes 0, page or block, valid. */
#define STAGE1 \
	.stage = 1, .page = { 0x0060000000000fc3, 0x0060000000000f43, 0x0060000000000f43 }, \
	.block = { 0x0060000000000fc1, 0x0060000000000f41, 0x0060000000000f41 }, .mark = BIT(55)
/* XN, AF, inner shareable, S2AP, write-back, page or block, valid. */
#define STAGE2 \
	.stage = 2, .write_only = true, .page = { 0x004000000000077f, 0x00400000000007bf, 0x00400000000007ff }, \
	.block = { 0x004000000000077d, 0x00400000000007bd, 0x00400000000007fd }, .mark = BIT(55)
#define GRANULE_4K .page_lg2 = 12, .index_lg2 = 9, .pa_bits = 48, .super_pages = BIT(21) | BIT(30), .groups = BIT(16) | BIT(25)
#define GRANULE_16K .page_lg2 = 14, .index_lg2 = 11, .pa_bits = 48, .super_pages = BIT(25), .groups = BIT(21) | BIT(30)
#define GRANULE_64K .page_lg2 = 16, .index_lg2 = 13, .pa_bits = 52, .super_pages = BIT(29), .groups = BIT(21) | BIT(34)

static const struct pt_kind kinds[] = {
	{
		CALLS(vtdss),
		.page_lg2 = 12,
		.index_lg2 = 9,
		.write_only = true,
		.pa_bits = 52,
		.super_pages = BIT(21) | BIT(30),
		.widths = { 48, 39, 57 },
		.page = { 1, 2, 3 },
		.block = { 0x81, 0x82, 0x83 },
		.mark = BIT(52),
	},
	{ CALLS(arms1_4k), GRANULE_4K, STAGE1, .widths = { 48, 39, 42 } },
	{ CALLS(arms2_4k), GRANULE_4K, STAGE2, .widths = { 48, 40, 43 } },
	{ CALLS(arms1_16k), GRANULE_16K, STAGE1, .widths = { 47, 40, 48 } },
	{ CALLS(arms2_16k), GRANULE_16K, STAGE2, .widths = { 48, 40, 42 } },
	{ CALLS(arms1_64k), GRANULE_64K, STAGE1, .widths = { 48, 45, 52 } },
	{ CALLS(arms2_64k), GRANULE_64K, STAGE2, .widths = { 48, 46, 52 } },
};

const struct pt_kind *pt_kind = &kinds[0];

static const struct pt_kind *find(const char *name)
{
	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(kinds[i].name, name))
			return &kinds[i];
	return NULL;
}

const struct pt_kind *pt_kind_named(const char *name)
{
	const struct pt_kind *kind = find(name);

	if (!kind)
		abort();
	return kind;
}

void pt_kind_choose(int *argc, char **argv)
{
	const struct pt_kind *kind = *argc > 1 ? find(argv[1]) : NULL;

	if (!kind)
		return;
	pt_kind = kind;
	for (int i = 1; i + 1 < *argc; i++)
		argv[i] = argv[i + 1];
	--*argc;
}

/* ---- Hardware's walk --------------------------------------------------------------------------------------------------- */

/*
 * The widest address that so many levels reach: VT-d 3.7; Arm ARM D8.2, tables "IA bits resolved at each level", and for stage 2 with
 * the 16 tables side by side that the initial level may have. With 4 KiB three levels are the fewest here.
 */
static const struct {
	unsigned stage, page_lg2, two, three, four, five;
} reach[] = {
	{ 0, 12, 0, 39, 48, 57 }, { 1, 12, 0, 39, 48, 0 }, { 2, 12, 0, 43, 48, 0 }, { 1, 14, 36, 47, 48, 0 },
	{ 2, 14, 40, 48, 0, 0 },  { 1, 16, 42, 52, 0, 0 }, { 2, 16, 46, 52, 0, 0 },
};

unsigned pt_kind_levels(const struct pt_kind *kind, unsigned iova_bits)
{
	for (unsigned i = 0; i < sizeof(reach) / sizeof(reach[0]); i++)
		if (reach[i].stage == kind->stage && reach[i].page_lg2 == kind->page_lg2)
			return iova_bits <= reach[i].two     ? 2
			       : iova_bits <= reach[i].three ? 3
			       : iova_bits <= reach[i].four  ? 4
							     : 5;
	abort();
}

static unsigned shift_of(const struct pt_kind *kind, unsigned level)
{
	return kind->page_lg2 + kind->index_lg2 * (level - 1);
}

static uint64_t address_in(const struct pt_kind *kind, uint64_t word)
{
	uint64_t page_mask = (UINT64_C(1) << kind->page_lg2) - 1;

	if (kind->stage == 0)
		return word & UINT64_C(0xffffffffff000);
	if (kind->page_lg2 == 16)
		return (word & UINT64_C(0xffffffff0000)) | (word >> 12 & 15) << 48;
	return word & UINT64_C(0xffffffffffff) & ~page_mask;
}

static bool is_present(const struct pt_kind *kind, uint64_t word)
{
	return kind->stage ? word & 1 : (word & 3) != 0;
}

/* Of a present word. Blocks are at level 2, and with 4 KiB at level 3. */
static bool is_leaf(const struct pt_kind *kind, uint64_t word, unsigned level)
{
	bool leaf = level == 1 || (kind->stage ? !(word & 2) : word & 0x80);

	CU_ASSERT_FATAL(!leaf || level <= 2 || (level == 3 && kind->page_lg2 == 12));
	CU_ASSERT_FATAL(leaf || (word & 3) == 3);
	CU_ASSERT_FATAL(!kind->stage || level > 1 || (word & 2));
	return leaf;
}

static unsigned in_group(const struct pt_kind *kind, unsigned level)
{
	static const unsigned pages[] = { 16, 128, 32 }, blocks[] = { 16, 32, 32 };

	return (level == 1 ? pages : blocks)[(kind->page_lg2 - 12) / 2];
}

static void check_group(const struct pt_memory *m, uint64_t word_pa, uint64_t word, unsigned level)
{
	unsigned n = in_group(m->kind, level), mine = (unsigned)(word_pa / 8) % n;
	uint64_t step = UINT64_C(1) << shift_of(m->kind, level), pa = address_in(m->kind, word);
	uint64_t other;

	for (unsigned i = 0; i < n; i++) {
		other = m->at(m->ctx, word_pa + 8 * ((uint64_t)i - mine));
		CU_ASSERT_FATAL(address_in(m->kind, other) == pa + (i - (uint64_t)mine) * step);
		CU_ASSERT_FATAL((other ^ word) >> 52 == 0 && ((other ^ word) & 0xfff) == 0);
	}
	CU_ASSERT_FATAL((pa - mine * step) % (n * step) == 0);
}

uint64_t pt_memory_entry(const struct pt_memory *m, uint64_t iova, unsigned *level)
{
	uint64_t table = m->root, index_mask = UINT64_MAX;

	for (unsigned l = pt_kind_levels(m->kind, m->iova_bits);; l--) {
		uint64_t word_pa = table + (iova >> shift_of(m->kind, l) & index_mask) * 8;
		uint64_t word = m->at(m->ctx, word_pa);

		if (!is_present(m->kind, word) || is_leaf(m->kind, word, l)) {
			if (m->kind->stage && (word & 1) && (word >> 52 & 1))
				check_group(m, word_pa, word, l);
			*level = l;
			return word;
		}
		table = address_in(m->kind, word);
		index_mask = (1u << m->kind->index_lg2) - 1;
	}
}

bool pt_memory_translate(const struct pt_memory *m, uint64_t iova, uint64_t *pa)
{
	unsigned level;
	uint64_t word = pt_memory_entry(m, iova, &level);
	uint64_t inside = (UINT64_C(1) << shift_of(m->kind, level)) - 1;

	*pa = (address_in(m->kind, word) & ~inside) + (iova & inside);
	return is_present(m->kind, word);
}
