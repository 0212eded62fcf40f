/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Translation tables of VMSAv8-64, walked as the hardware does it. Arm Architecture Reference Manual D8.2 (which bits of the
 * address each level takes, concatenation), D8.3 (descriptors), D8.4 (permissions), D8.7 (contiguous bit). No state, no lock.
 */
#include <stddef.h>

#include "lpae_walk.h"
#include "piommu_driver.h"

/* ---- Descriptors (D8.3) ---- */
#define E_VALID BIT64(0)
#define E_TABLE BIT64(1)              /* a table above level 3, a page at level 3; without it a block */
#define E_ADDR_HIGH GENMASK64(15, 12) /* bits 51:48 of a wide address */
#define T_APTABLE_NO_USER BIT64(61)
#define T_APTABLE_NO_WRITE BIT64(62)
#define L_AP_USER BIT64(6)
#define L_AP_READ_ONLY BIT64(7)
#define L_S2AP_READ BIT64(6)
#define L_S2AP_WRITE BIT64(7)
#define L_SH GENMASK64(9, 8)
#define L_AF BIT64(10)
#define L_NG BIT64(11)
#define L_CONTIGUOUS BIT64(52)
#define L_SOFTWARE GENMASK64(58, 55)
#define L_S2_MEMATTR GENMASK64(5, 2)

#define LAST_LEVEL 3u

static unsigned stride(unsigned granule_lg2)
{
	return granule_lg2 - 3;
}

/* Of what one entry of the level covers. */
static unsigned span_lg2(const struct lpae_config *c, unsigned level)
{
	return c->granule_lg2 + (LAST_LEVEL - level) * stride(c->granule_lg2);
}

static uint64_t index_of(const struct lpae_config *c, unsigned level, uint64_t iova)
{
	unsigned bits = level == c->start_level ? 63 : stride(c->granule_lg2); /* the first level takes all that is left */

	return iova >> span_lg2(c, level) & GENMASK64(bits - 1, 0);
}

unsigned lpae_start_level(unsigned granule_lg2, unsigned in_bits)
{
	unsigned s = stride(granule_lg2);

	return LAST_LEVEL + 1 - (in_bits - granule_lg2 + s - 1) / s;
}

/* D8.2: the largest tables are for units with a physical address space that is worth it. */
int lpae_sl0_level(unsigned granule_lg2, unsigned sl0, unsigned in_bits, unsigned pa_bits)
{
	unsigned level = granule_lg2 == 12 ? 2 - sl0 : LAST_LEVEL - sl0;
	unsigned below = granule_lg2 + (LAST_LEVEL - level) * stride(granule_lg2);

	if (sl0 > 2)
		return -1;
	if (sl0 == 2 && pa_bits < (granule_lg2 == 14 ? 42u : 44u))
		return -1;
	if (in_bits <= below || in_bits > below + stride(granule_lg2) + 4)
		return -1;
	return (int)level;
}

uint64_t lpae_root_align(const struct lpae_config *c)
{
	uint64_t bytes = UINT64_C(8) << (c->in_bits - span_lg2(c, c->start_level));

	return bytes < 64 ? 64 : bytes;
}

unsigned lpae_size_bits(unsigned encoding)
{
	static const unsigned bits[] = { 32, 36, 40, 42, 44, 48, 52 };

	return encoding < sizeof(bits) / sizeof(bits[0]) ? bits[encoding] : 0;
}

/* ---- One entry ---- */

static bool can_be_block(const struct lpae_config *c, unsigned level)
{
	if (c->granule_lg2 == 12)
		return level == 1 || level == 2;
	return level == 2 || (level == 1 && c->granule_lg2 == 16 && c->wide);
}

enum kind {
	ABSENT,
	TABLE,
	LEAF
};

/* A value that the level does not have is as absent (D8.3.1). */
static enum kind kind_of(const struct lpae_config *c, unsigned level, uint64_t entry)
{
	if (!(entry & E_VALID))
		return ABSENT;
	if (level == LAST_LEVEL)
		return entry & E_TABLE ? LEAF : ABSENT;
	if (entry & E_TABLE)
		return TABLE;
	return can_be_block(c, level) ? LEAF : ABSENT;
}

static uint64_t address(const struct lpae_config *c, uint64_t entry, unsigned low)
{
	uint64_t pa = entry & GENMASK64(47, low);

	return c->wide ? pa | field_get(E_ADDR_HIGH, entry) << 48 : pa;
}

static uint64_t below_address(const struct lpae_config *c, unsigned low)
{
	uint64_t bits = low > 12 ? GENMASK64(low - 1, 12) : 0;

	return c->wide ? bits & ~E_ADDR_HIGH : bits;
}

static uint64_t table_reserved(const struct lpae_config *c, uint64_t entry)
{
	uint64_t mask = GENMASK64(50, 48) | below_address(c, c->granule_lg2);

	return entry & (c->stage == 2 ? mask | GENMASK64(62, 59) : mask);
}

/* SH = 0b01 is reserved in both stages; of stage 2's MemAttr, Normal memory with no inner attribute. */
static uint64_t leaf_reserved(const struct lpae_config *c, uint64_t entry, unsigned level)
{
	uint64_t bad = entry & (GENMASK64(50, 48) | below_address(c, span_lg2(c, level)));
	unsigned memattr = (unsigned)field_get(L_S2_MEMATTR, entry);

	if (field_get(L_SH, entry) == 1)
		bad |= L_SH;
	if (c->stage != 2)
		return bad;
	if (memattr >= 4 && !(memattr & 3))
		bad |= L_S2_MEMATTR;
	return bad | (entry & L_NG);
}

static unsigned group_lg2(const struct lpae_config *c, unsigned level)
{
	unsigned entries_lg2 = 4;

	if (c->granule_lg2 == 14)
		entries_lg2 = level == LAST_LEVEL ? 7 : 5;
	else if (c->granule_lg2 == 16)
		entries_lg2 = 5;
	return span_lg2(c, level) + entries_lg2;
}

static bool too_wide(const struct lpae_config *c, uint64_t pa)
{
	return c->out_bits < 64 && pa >> c->out_bits;
}

static void permissions(const struct lpae_config *c, unsigned limits, struct lpae_walk *out)
{
	uint64_t entry = out->entry;

	if (c->stage == 2) {
		out->user = (entry & L_S2AP_READ ? PIOMMU_READ : 0u) | (entry & L_S2AP_WRITE ? PIOMMU_WRITE : 0u);
		out->priv = out->user;
		return;
	}
	out->priv = PIOMMU_READ;
	if (!(entry & L_AP_READ_ONLY) && !(limits & LPAE_NO_WRITE))
		out->priv |= PIOMMU_WRITE;
	out->user = entry & L_AP_USER && !(limits & LPAE_NO_USER) ? out->priv : 0;
	out->global = !(entry & L_NG);
}

/* Faults by priority: the address's size, then the access flag (D8.13); permission is for who asks. */
static void take_leaf(const struct lpae_config *c, unsigned limits, struct lpae_walk *out)
{
	unsigned level = out->level;

	if (!out->reserved)
		out->reserved = leaf_reserved(c, out->entry, level);
	out->pa = address(c, out->entry, span_lg2(c, level));
	out->leaf_lg2 = span_lg2(c, level);
	out->group_lg2 = out->entry & L_CONTIGUOUS ? group_lg2(c, level) : out->leaf_lg2;
	permissions(c, limits, out);
	if (too_wide(c, out->pa))
		out->fault = LPAE_ADDR_SIZE;
	else if (!(out->entry & L_AF) && !c->ignore_af)
		out->fault = LPAE_ACCESS_FLAG;
}

static struct lpae_table next_table(const struct lpae_config *c, const struct lpae_table *table, struct lpae_walk *out)
{
	struct lpae_table next = { address(c, out->entry, c->granule_lg2), table->level + 1, table->limits };

	if (!out->reserved)
		out->reserved = table_reserved(c, out->entry);
	if (c->stage == 1 && !c->flat)
		next.limits |= (out->entry & T_APTABLE_NO_WRITE ? LPAE_NO_WRITE : 0u) |
			       (out->entry & T_APTABLE_NO_USER ? LPAE_NO_USER : 0u);
	if (too_wide(c, next.pa))
		out->fault = LPAE_ADDR_SIZE;
	return next;
}

/* ---- Walks ---- */

void lpae_walk(const struct lpae_config *c, const struct lpae_reader *reader, const struct lpae_table *from, uint64_t iova,
	       struct lpae_walk *out)
{
	struct lpae_table table = from ? *from : (struct lpae_table){ c->root, c->start_level, 0 };
	enum kind kind;

	*out = (struct lpae_walk){ .level = c->start_level };
	if (c->in_bits < 64 && iova >> c->in_bits) {
		out->fault = LPAE_TRANSLATION;
		return;
	}
	for (;;) {
		out->level = table.level;
		out->entry_pa = table.pa + 8 * index_of(c, table.level, iova);
		out->entry = 0;
		if (!reader->load(reader->ctx, out->entry_pa, table.level, &out->entry)) {
			out->fault = LPAE_EXTERNAL;
			return;
		}
		kind = kind_of(c, table.level, out->entry);
		if (kind == ABSENT) {
			out->fault = LPAE_TRANSLATION;
			return;
		}
		if (kind == LEAF) {
			take_leaf(c, table.limits, out);
			return;
		}
		table = next_table(c, &table, out);
		if (out->fault)
			return;
		out->passed[out->npassed++] = table;
	}
}

bool lpae_group_agrees(const struct lpae_config *c, const struct lpae_reader *reader, const struct lpae_walk *leaf)
{
	unsigned n = 1u << (leaf->group_lg2 - leaf->leaf_lg2);
	uint64_t first_pa = align_down(leaf->entry_pa, 8 * n), entry;
	uint64_t base = align_down(leaf->pa, UINT64_C(1) << leaf->group_lg2);
	uint64_t may_differ = L_SOFTWARE | GENMASK64(47, c->wide ? 12 : leaf->leaf_lg2);

	if (n == 1)
		return true;
	for (unsigned i = 0; i < n; i++) {
		if (!reader->load(reader->ctx, first_pa + 8 * i, leaf->level, &entry))
			return false;
		if (kind_of(c, leaf->level, entry) != LEAF)
			continue;
		if ((entry ^ leaf->entry) & ~may_differ)
			return false;
		if (address(c, entry, leaf->leaf_lg2) != base + ((uint64_t)i << leaf->leaf_lg2))
			return false;
	}
	return true;
}

/* A table that leads back into itself would take for ever. */
#define EACH_MAX_TABLES (1u << 14)

struct each {
	const struct lpae_config *config;
	const struct lpae_reader *reader;
	lpae_leaf_fn fn;
	void *ctx;
	unsigned tables_left;
};

static bool each_table(struct each *each, const struct lpae_table *table, uint64_t base);

static bool each_entry(struct each *each, const struct lpae_table *table, uint64_t entry_pa, uint64_t iova)
{
	const struct lpae_config *c = each->config;
	uint64_t len = UINT64_C(1) << span_lg2(c, table->level);
	struct lpae_walk walk = { .level = table->level, .entry_pa = entry_pa };
	struct lpae_table next;

	if (!each->reader->load(each->reader->ctx, entry_pa, table->level, &walk.entry)) {
		walk.fault = LPAE_EXTERNAL;
		return each->fn(each->ctx, iova, len, &walk);
	}
	switch (kind_of(c, table->level, walk.entry)) {
	case ABSENT:
		return true;
	case LEAF:
		take_leaf(c, table->limits, &walk);
		return each->fn(each->ctx, iova, len, &walk);
	default:
		next = next_table(c, table, &walk);
		return walk.fault ? each->fn(each->ctx, iova, len, &walk) : each_table(each, &next, iova);
	}
}

/* Depth is bounded by the levels. */
static bool each_table(struct each *each, const struct lpae_table *table, uint64_t base)
{
	const struct lpae_config *c = each->config;
	unsigned span = span_lg2(c, table->level);
	uint64_t n = UINT64_C(1) << (table->level == c->start_level ? c->in_bits - span : stride(c->granule_lg2));

	if (!each->tables_left--)
		return false;
	for (uint64_t i = 0; i < n; i++)
		if (!each_entry(each, table, table->pa + 8 * i, base + (i << span)))
			return false;
	return true;
}

bool lpae_each(const struct lpae_config *config, const struct lpae_reader *reader, lpae_leaf_fn fn, void *ctx)
{
	struct each each = { config, reader, fn, ctx, EACH_MAX_TABLES };
	struct lpae_table root = { config->root, config->start_level, 0 };

	return each_table(&each, &root, 0);
}
