/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The VT-d model's walks: root and context entry, second-level tables, as the hardware does them, out of memory. VT-d
 * specification 3.4 (device to domain), 3.7 (second level), 9.1, 9.3, 9.8 (entries, reserved bits), 7.1.3 (reasons). The
 * lock is held; memory is read with atomic loads, since drivers change tables under a walk.
 */
#include <assert.h>

#include "vtd_model_priv.h"

static_assert((unsigned)PIOMMU_READ == SL_R && (unsigned)PIOMMU_WRITE == SL_W, "permissions are the entry's two bits");

typedef unsigned long long ull;

/* A word as the walker sees it: not before its write-back (ECAP.C = 0), nor before a write-buffer flush (CAP.RWBF). */
static bool load(struct vtd_model *m, enum vtdm_view view, uint64_t pa, uint64_t *word)
{
	const uint64_t *held;
	uint64_t truth;

	if (!sim_mem_load(m->mem, pa, &truth))
		return false;
	*word = truth;
	if (view == VTDM_TRUTH)
		return true;
	if (!m->mem->coherent)
		sim_mem_load_written(m->mem, pa, word);
	if (m->cfg.rwbf) {
		held = sim_cache_find(&m->held, pa / 8);
		if (held)
			*word = held[0];
		else
			sim_cache_put(&m->held, pa / 8, *word, 0);
	}
	/* Hardware ignores bits 61:52 of a paging entry, and so may software that marks an entry there for a moment (9.8). */
	if ((*word ^ truth) & ~GENMASK64(61, 52))
		sim_model_unflushed(&m->model, m->mem->coherent ? "write-buffer flush" : "write-back", pa, *word, truth);
	return true;
}

/* Two words as one: hardware fetches entries of 128 bits whole. */
static bool load_pair(struct vtd_model *m, enum vtdm_view view, uint64_t pa, struct vtdm_context *pair)
{
	uint64_t again = 0;

	for (unsigned tries = 0; tries < 8; tries++) {
		if (!load(m, view, pa, &pair->lo) || !load(m, view, pa + 8, &pair->hi) || !load(m, view, pa, &again))
			return false;
		if (again == pair->lo)
			break;
	}
	return true;
}

static uint64_t beyond_haw(const struct vtd_model *m, unsigned top)
{
	return m->cfg.haw > top ? 0 : GENMASK64(top, m->cfg.haw);
}

static unsigned reserved(struct vtd_model *m, enum vtdm_view view, unsigned reason, const char *what, uint64_t bits)
{
	if (view == VTDM_HARDWARE) {
		sim_model_reserved(&m->model, "%s has reserved bits 0x%llx set", what, (ull)bits);
	}
	return reason;
}

static unsigned context_check(struct vtd_model *m, enum vtdm_view view, const struct vtdm_context *ctx)
{
	unsigned tt = (unsigned)field_get(CTX_TT, ctx->lo), aw = (unsigned)field_get(CTX_AW, ctx->hi);
	uint64_t sagaw = field_get(CAP_SAGAW, m->cap);
	uint64_t lo = ctx->lo & (GENMASK64(11, 4) | (tt == TT_PASS_THROUGH ? 0 : beyond_haw(m, 63)));
	uint64_t hi = ctx->hi & (GENMASK64(63, 24) | BIT64(7));

	if (lo || hi)
		return reserved(m, view, FR_CTX_RESERVED, "context entry", lo ? lo : hi);
	if (tt != TT_SECOND_LEVEL && (tt != TT_PASS_THROUGH || !m->cfg.pt))
		return FR_CTX_INVALID;
	if (aw > 4 || !(sagaw >> aw & 1))
		return FR_CTX_INVALID;
	if (tt == TT_PASS_THROUGH && aw != ilog2_u64(sagaw))
		return FR_CTX_INVALID; /* must be the largest width (9.3, AW) */
	if (m->cfg.cm && view == VTDM_HARDWARE && !field_get(CTX_DID, ctx->hi)) {
		sim_model_reserved(&m->model, "context entry with domain id 0, which caching mode reserves");
	}
	return 0;
}

/* The context table of a bus: what the walker remembers of a present root entry, or the entry itself. */
static unsigned root_walk(struct vtd_model *m, enum vtdm_view view, uint8_t bus, uint64_t *table, bool *cached)
{
	const uint64_t *found = view == VTDM_HARDWARE ? sim_cache_find(&m->roots, bus) : NULL;
	struct vtdm_context root = { 0, 0 };
	uint64_t bad;

	if (found) {
		*table = found[0];
		*cached = true;
		return 0;
	}
	if (!load_pair(m, view, m->root + bus * 16u, &root))
		return FR_ROOT_ACCESS;
	if (!(root.lo & ROOT_P))
		return FR_ROOT_P;
	bad = root.lo & (GENMASK64(11, 1) | beyond_haw(m, 63));
	if (bad || root.hi)
		return reserved(m, view, FR_ROOT_RESERVED, "root entry", bad ? bad : root.hi);
	*table = root.lo & ENTRY_ADDR;
	if (view == VTDM_HARDWARE)
		sim_cache_put(&m->roots, bus, *table, 0);
	return 0;
}

unsigned vtdm_context_walk(struct vtd_model *m, enum vtdm_view view, uint16_t sid, struct vtdm_context *ctx, bool *cached)
{
	uint64_t table = 0;
	unsigned reason = root_walk(m, view, (uint8_t)(sid >> 8), &table, cached);

	*ctx = (struct vtdm_context){ 0, 0 };
	if (reason)
		return reason;
	if (!load_pair(m, view, table + (sid & 0xff) * 16u, ctx))
		return FR_CTX_ACCESS;
	return ctx->lo & CTX_P ? context_check(m, view, ctx) : FR_CTX_P;
}

uint64_t vtdm_width_last(const struct vtd_model *m, const struct vtdm_context *ctx)
{
	unsigned agaw = 30 + 9 * (unsigned)field_get(CTX_AW, ctx->hi);
	unsigned mgaw = 1 + (unsigned)field_get(CAP_MGAW, m->cap);

	return GENMASK64((agaw < mgaw ? agaw : mgaw) - 1, 0);
}

static unsigned span_lg2(unsigned level)
{
	return 12 + 9 * (level - 1);
}

static bool can_be_leaf(const struct vtd_model *m, unsigned level)
{
	return level == 1 || (level <= 3 && m->cfg.leaf_lg2 >= span_lg2(level));
}

/* Bits 61:52 and 63, and 10:8, 6:2 are software's; 62 (TM) and 11 (SNP) are reserved without device TLBs and snoop control. */
static uint64_t entry_reserved(const struct vtd_model *m, uint64_t entry, unsigned level)
{
	uint64_t mask = BIT64(62) | beyond_haw(m, 51) | BIT64(11);

	if (level > 1 && !can_be_leaf(m, level))
		mask |= SL_PS;
	else if (level > 1 && entry & SL_PS)
		mask |= GENMASK64(span_lg2(level) - 1, 12);
	return entry & mask;
}

#define TABLES_ABSENT BIT64(2) /* in the value of a paging-structure cache: an entry that is not present (CM) */

/* The deepest entry that is cached decides where a walk starts. @return whether there was one; an absent one ends it */
static bool start_from_cache(struct vtd_model *m, uint16_t did, uint64_t iova, unsigned *level, uint64_t *table,
			     struct vtdm_leaf *leaf)
{
	for (unsigned at = 2; at <= *level; at++) {
		const uint64_t *found = sim_cache_find(&m->tables, vtdm_table_key(did, at, iova));

		if (!found)
			continue;
		*level = at - 1;
		*table = found[0] & ENTRY_ADDR;
		leaf->prot = found[0] & TABLES_ABSENT ? 0 : (unsigned)(found[0] & (SL_R | SL_W));
		leaf->cached = true;
		return true;
	}
	return false;
}

static struct vtdm_leaf no_leaf(struct vtdm_leaf leaf, unsigned reason)
{
	leaf.prot = 0;
	leaf.reason = reason;
	return leaf;
}

struct vtdm_leaf vtdm_table_walk(struct vtd_model *m, enum vtdm_view view, const struct vtdm_context *ctx, uint64_t iova)
{
	uint16_t did = (uint16_t)field_get(CTX_DID, ctx->hi);
	unsigned level = 2 + (unsigned)field_get(CTX_AW, ctx->hi);
	uint64_t table = ctx->lo & ENTRY_ADDR, entry = 0, bad;
	struct vtdm_leaf leaf = { .prot = PIOMMU_RW };
	bool fill = view == VTDM_HARDWARE;

	if (fill && start_from_cache(m, did, iova, &level, &table, &leaf) && !leaf.prot)
		return leaf;
	for (;; level--) {
		if (!load(m, view, table + (iova >> span_lg2(level) & 0x1ff) * 8, &entry))
			return no_leaf(leaf, FR_TABLE_ACCESS);
		if (!(entry & (SL_R | SL_W))) {
			if (fill && m->cfg.cm && level > 1)
				sim_cache_put(&m->tables, vtdm_table_key(did, level, iova), TABLES_ABSENT, 0);
			return no_leaf(leaf, 0);
		}
		bad = entry_reserved(m, entry, level);
		if (bad)
			return no_leaf(leaf, reserved(m, view, FR_SL_RESERVED, "page-table entry", bad));
		leaf.prot &= (unsigned)(entry & (SL_R | SL_W));
		if (level == 1 || entry & SL_PS)
			break;
		table = entry & GENMASK64(51, 12);
		if (fill)
			sim_cache_put(&m->tables, vtdm_table_key(did, level, iova), table | leaf.prot, 0);
	}
	leaf.pa = (entry & GENMASK64(51, span_lg2(level))) | (iova & GENMASK64(span_lg2(level) - 1, 0) & ENTRY_ADDR);
	return leaf;
}

/* A table that leads back into itself would take for ever. This many hold 32 GiB in the smallest pages. */
#define EACH_MAX_TABLES (1u << 14)

struct each {
	struct vtd_model *m;
	vtdm_leaf_fn fn;
	void *arg;
	unsigned tables_left;
};

/* Depth is bounded by the context entry's width. */
static bool each_leaf(struct each *each, uint64_t table, unsigned level, uint64_t base, unsigned prot)
{
	const struct vtdm_leaf no_table = { .reason = FR_TABLE_ACCESS };
	uint64_t len = UINT64_C(1) << span_lg2(level), entry = 0;

	if (!each->tables_left--)
		return false;
	for (unsigned i = 0; i < 512; i++) {
		struct vtdm_leaf leaf = { .prot = prot };
		uint64_t iova = base + i * len;

		if (!load(each->m, VTDM_TRUTH, table + i * 8, &entry))
			return each->fn(each->arg, base, 512 * len, &no_table);
		leaf.prot &= (unsigned)(entry & (SL_R | SL_W));
		if (!leaf.prot)
			continue;
		if (entry_reserved(each->m, entry, level)) {
			leaf = (struct vtdm_leaf){ .reason = FR_SL_RESERVED };
		} else if (level > 1 && !(entry & SL_PS)) {
			if (!each_leaf(each, entry & GENMASK64(51, 12), level - 1, iova, leaf.prot))
				return false;
			continue;
		} else {
			leaf.pa = entry & GENMASK64(51, span_lg2(level));
		}
		if (!each->fn(each->arg, iova, len, &leaf))
			return false;
	}
	return true;
}

bool vtdm_table_each(struct vtd_model *m, const struct vtdm_context *ctx, vtdm_leaf_fn fn, void *arg)
{
	struct each each = { m, fn, arg, EACH_MAX_TABLES };

	return each_leaf(&each, ctx->lo & ENTRY_ADDR, 2 + (unsigned)field_get(CTX_AW, ctx->hi), 0, PIOMMU_RW);
}
