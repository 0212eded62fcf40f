/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The VT-d model's state as text, for comparing: what software wrote and what the unit would do with each source of requests.
 * Left out is what two states may differ in that do the same: where tables and queues are, how far the queue has come, the
 * last invalidation command, leaf sizes, and the root table of a unit that does not translate. VT-d specification, chapters 9 and 11.
 * The lock is held, nothing is changed.
 */
#include <inttypes.h>

#include "sim_summary.h"
#include "vtd_model_priv.h"

#define NSOURCES 0x10000u

/* ---- Registers ---- */

static const struct {
	unsigned off, len;
	const char *name;
} held[] = {
	{ R_FECTL, 4, "FECTL" },       { 0x3c, 4, "FEDATA" },       { 0x40, 4, "FEADDR" },         { 0x44, 4, "FEUADDR" },
	{ R_ICS, 4, "ICS" },           { R_IECTL, 4, "IECTL" },     { 0xa4, 4, "IEDATA" },         { 0xa8, 4, "IEADDR" },
	{ 0xac, 4, "IEUADDR" },        { 0xb8, 8, "IRTA" },         { R_PMEN, 4, "PMEN" },         { R_PLMBASE, 4, "PLMBASE" },
	{ R_PLMLIMIT, 4, "PLMLIMIT" }, { R_PHMBASE, 8, "PHMBASE" }, { R_PHMLIMIT, 8, "PHMLIMIT" },
};

static void dump_queue(const struct vtd_model *m, FILE *out)
{
	uint64_t iqa = vtdm_get64(m, R_IQA);
	bool is_empty = m->head == field_get(IQT_QT, vtdm_get64(m, R_IQT));

	fprintf(out, "  queue of %u, %s\n", 256u << field_get(IQA_QS, iqa), is_empty ? "empty" : "not empty");
}

static void dump_registers(const struct vtd_model *m, FILE *out)
{
	uint32_t gsts = vtdm_get32(m, R_GSTS);

	/* RTPS stays once a root table was set, and says nothing while translation is off. */
	fprintf(out, "  GSTS 0x%" PRIx32 "\n", gsts & G_TE ? gsts : gsts & ~G_SRTP);
	if (m->pending)
		fprintf(out, "  GCMD 0x%" PRIx32 " is not acknowledged\n", m->pending);
	if (vtdm_get64(m, R_CCMD) & CCMD_ICC || vtdm_get64(m, R_IOTLB) & IOTLB_IVT)
		fputs("  an invalidation command is not acknowledged\n", out);
	if (gsts & G_QIE)
		dump_queue(m, out);
	for (unsigned i = 0; i < sizeof(held) / sizeof(held[0]); i++) {
		uint64_t value = held[i].len == 8 ? vtdm_get64(m, held[i].off) : vtdm_get32(m, held[i].off);

		if (m->reg_of[held[i].off / 4])
			fprintf(out, "  %s 0x%" PRIx64 "\n", held[i].name, value);
	}
}

static void put_source(FILE *out, unsigned sid)
{
	fprintf(out, "%02x:%02x.%u", sid >> 8, sid >> 3 & 0x1f, sid & 7);
}

/* Oldest first. Which record holds it is chance. */
static void dump_faults(const struct vtd_model *m, FILE *out)
{
	fprintf(out, "  FSTS 0x%" PRIx32 "\n", vtdm_fsts(m) & ~FSTS_FRI);
	for (unsigned i = 0; i < m->cfg.nfr; i++) {
		unsigned at = R_FRCD + 16 * ((m->fault_next + i) % m->cfg.nfr);
		uint64_t hi = vtdm_get64(m, at + 8);

		if (!(hi & FRCD_F))
			continue;
		fputs("  fault ", out);
		put_source(out, (unsigned)field_get(FRCD_SID, hi));
		fprintf(out, " %s 0x%" PRIx64 " reason 0x%x\n", hi & FRCD_T1_READ ? "read" : "write", vtdm_get64(m, at),
			(unsigned)field_get(FRCD_FR, hi));
	}
}

/* ---- Page tables ---- */

struct summary {
	uint64_t root; /* of which table, with its width in bits 2:0 */
	struct sim_summary ranges;
	bool whole;
};

static bool add_leaf(void *arg, uint64_t iova, uint64_t len, const struct vtdm_leaf *leaf)
{
	sim_summary_add(arg, iova, len, leaf->pa, leaf->prot | leaf->reason << 8);
	return true;
}

static void summarise(struct vtd_model *m, const struct vtdm_context *ctx, struct summary *sum)
{
	uint64_t root = (ctx->lo & ENTRY_ADDR) | field_get(CTX_AW, ctx->hi);

	if (sum->root == root && sum->ranges.hash)
		return;
	sum->root = root;
	sim_summary_init(&sum->ranges);
	sum->whole = vtdm_table_each(m, ctx, add_leaf, &sum->ranges);
	sim_summary_end(&sum->ranges);
}

/* ---- Sources ---- */

/* Equal words: the same becomes of two sources' requests. The opposite is not so, therefore runs are told apart by their text. */
struct fate {
	uint64_t lo, hi;
	unsigned reason;
	char text[SIM_TEXT_LEN];
};

static bool same_words(const struct fate *a, const struct fate *b)
{
	return a->lo == b->lo && a->hi == b->hi && a->reason == b->reason;
}

static void describe(struct vtd_model *m, struct fate *fate, struct summary *sum)
{
	const struct vtdm_context ctx = { fate->lo, fate->hi };
	bool is_pass_through = field_get(CTX_TT, fate->lo) == TT_PASS_THROUGH;
	const char *fpd = fate->lo & CTX_FPD ? " fpd" : "";
	int len;

	if (fate->reason == FR_ROOT_P || fate->reason == FR_CTX_P) {
		snprintf(fate->text, sizeof(fate->text), "absent%s", fpd);
		return;
	}
	if (fate->reason) {
		snprintf(fate->text, sizeof(fate->text), "in error, reason 0x%x, 0x%" PRIx64 " 0x%" PRIx64, fate->reason,
			 fate->lo, fate->hi);
		return;
	}
	len = snprintf(fate->text, sizeof(fate->text), "%s aw=%u did=%u%s", is_pass_through ? "pass-through" : "paging",
		       (unsigned)field_get(CTX_AW, fate->hi), (unsigned)field_get(CTX_DID, fate->hi), fpd);
	if (is_pass_through)
		return;
	summarise(m, &ctx, sum);
	snprintf(fate->text + len, sizeof(fate->text) - (size_t)len,
		 " ranges=%" PRIu64 " bytes=0x%" PRIx64 " hash=%016" PRIx64 "%s", sum->ranges.nranges, sum->ranges.len,
		 sum->ranges.hash, sum->whole ? "" : " (not all)");
}

/* `fate` is another source's at first, and stays so where both have the same. */
static void next_fate(struct vtd_model *m, uint16_t sid, struct fate *fate, struct summary *sum)
{
	struct vtdm_context ctx;
	struct fate next;
	bool cached;

	next.reason = vtdm_context_walk(m, VTDM_TRUTH, sid, &ctx, &cached);
	next.lo = next.reason == FR_CTX_P ? ctx.lo & CTX_FPD : ctx.lo; /* of an absent entry nothing else counts */
	next.hi = next.reason == FR_CTX_P ? 0 : ctx.hi;
	if (fate->text[0] && same_words(fate, &next))
		return;
	describe(m, &next, sum);
	*fate = next;
}

static void put_run(FILE *out, uint32_t first, uint32_t last, const char *text)
{
	fputs("  ", out);
	put_source(out, first);
	if (last > first) {
		fputs("-", out);
		put_source(out, last);
	}
	fprintf(out, " %s\n", text);
}

static void dump_sources(struct vtd_model *m, FILE *out)
{
	struct sim_runs runs = { .out = out, .put = put_run };
	struct summary sum = { .root = 0 };
	struct fate fate = { 0 };

	for (unsigned sid = 0; sid < NSOURCES; sid++) {
		next_fate(m, (uint16_t)sid, &fate, &sum);
		sim_runs_add(&runs, sid, fate.text);
	}
	sim_runs_end(&runs);
}

/* Context entries that the unit remembers and that memory no longer holds: software owes an invalidation. */
static void dump_stale(struct vtd_model *m, FILE *out)
{
	for (unsigned sid = 0; sid < NSOURCES; sid++) {
		const uint64_t *found = sim_cache_find(&m->context, sid);
		struct vtdm_context ctx;
		unsigned reason;
		bool cached;

		if (!found)
			continue;
		reason = vtdm_context_walk(m, VTDM_TRUTH, (uint16_t)sid, &ctx, &cached);
		if (found[0] & CTX_P ? !reason && found[0] == ctx.lo && found[1] == ctx.hi : reason != 0)
			continue;
		fputs("  stale context entry of ", out);
		put_source(out, sid);
		fputs("\n", out);
	}
}

void vtdm_dump_state(const struct sim_model *model, FILE *out)
{
	const struct vtd_model *m = (const struct vtd_model *)(const void *)model;

	dump_registers(m, out);
	dump_faults(m, out);
}

void vtdm_dump_streams(struct sim_model *model, FILE *out)
{
	struct vtd_model *m = vtdm_of(model);

	if (!(vtdm_get32(m, R_GSTS) & G_TE))
		return;
	dump_sources(m, out);
	dump_stale(m, out);
}
