/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The SMMUv3 model's state as text, for comparing: what software wrote and what the unit would do with each stream. Left out is what
 * two states may differ in that do the same: where tables and queues are, how far the queues have come, leaf sizes, the stream
 * table of a unit that is off. The lock is held, nothing is changed. SMMUv3 specification, chapters 5 to 7.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "sim_summary.h"
#include "smmuv3_model_priv.h"

/* Streams beyond are not shown: no machine here has them. */
#define MAX_STREAMS_LG2 16u

/* ---- Registers and events ---- */

static void dump_registers(const struct smmuv3_model *m, FILE *out)
{
	uint32_t cr0 = s3m_get32(m, R_CR0ACK);

	fprintf(out, "  CR0ACK 0x%" PRIx32 "\n", cr0);
	if (s3m_get32(m, R_CR0) != cr0)
		fprintf(out, "  CR0 0x%" PRIx32 " is not acknowledged\n", s3m_get32(m, R_CR0));
	fprintf(out, "  GBPA 0x%" PRIx32 "%s\n", m->gbpa,
		s3m_get32(m, R_GBPA) == m->gbpa ? "" : ", an update is not acknowledged");
	fprintf(out, "  CR1 0x%" PRIx32 "\n  CR2 0x%" PRIx32 "\n  IRQ_CTRL 0x%" PRIx32 "\n", s3m_get32(m, R_CR1),
		s3m_get32(m, R_CR2), s3m_get32(m, R_IRQ_CTRLACK));
	fprintf(out, "  global errors 0x%" PRIx32 "\n", s3m_get32(m, R_GERROR) ^ s3m_get32(m, R_GERRORN));
	if (cr0 & CR0_CMDQEN) {
		unsigned lg2 = s3m_queue_lg2(s3m_get64(m, R_CMDQ_BASE), m->cfg.cmdq_lg2);
		uint32_t left = (s3m_get32(m, R_CMDQ_PROD) - s3m_get32(m, R_CMDQ_CONS)) & GENMASK32(lg2, 0);

		fprintf(out, "  queue of %u commands, %s\n", 1u << lg2, left ? "not empty" : "empty");
	}
}

/* Oldest first. */
static void dump_events(const struct smmuv3_model *m, FILE *out)
{
	uint64_t base = s3m_get64(m, R_EVENTQ_BASE), word, where;
	unsigned lg2 = s3m_queue_lg2(base, m->cfg.eventq_lg2);
	uint32_t prod = s3m_get32(m, R_EVENTQ_PROD), cons = s3m_get32(m, R_EVENTQ_CONS), mask = GENMASK32(lg2, 0);

	if (!(s3m_get32(m, R_CR0ACK) & CR0_EVENTQEN))
		return;
	fprintf(out, "  queue of %u events%s\n", 1u << lg2, (prod ^ cons) & EVENTQ_OVERFLOW ? ", overflown" : "");
	base = align_down(base & BASE_ADDR, UINT64_C(32) << lg2);
	for (uint32_t left = (prod - cons) & mask; left && left <= 1u << lg2; left--, cons++) {
		uint64_t at = base + 32 * (uint64_t)(cons & (mask >> 1));

		if (sim_mem_load(m->mem, at, &word) && sim_mem_load(m->mem, at + 16, &where))
			fprintf(out, "  event 0x%02x of stream 0x%x at 0x%" PRIx64 "\n", (unsigned)word & 0xff,
				(unsigned)(word >> 32), where);
	}
}

/* ---- Streams ---- */

static bool add_leaf(void *ctx, uint64_t iova, uint64_t len, const struct lpae_walk *walk)
{
	sim_summary_add(ctx, iova, len, walk->pa, walk->user | walk->priv << 4 | (uint32_t)walk->fault << 8);
	return true;
}

static bool load_stage1(void *ctx, uint64_t pa, unsigned level, uint64_t *entry)
{
	struct s3m_walker *w = ctx;

	(void)level;
	if (w->stream.s2 && !s3m_stage2(w, pa, CLASS_TT, false, &pa))
		return false;
	return s3m_load(w->m, S3M_TRUTH, pa, true, entry);
}

static bool load_stage2(void *ctx, uint64_t pa, unsigned level, uint64_t *entry)
{
	struct s3m_walker *w = ctx;

	(void)level;
	return s3m_load(w->m, S3M_TRUTH, pa, true, entry);
}

struct text {
	char at[SIM_TEXT_LEN];
	size_t len;
};

__attribute__((format(printf, 2, 3))) static void put(struct text *text, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	text->len += (size_t)vsnprintf(text->at + text->len, sizeof(text->at) - text->len, format, ap);
	va_end(ap);
}

static void put_table(struct s3m_walker *w, const struct lpae_config *c, struct text *text)
{
	const struct lpae_reader reader = { c->stage == 1 ? load_stage1 : load_stage2, w };
	struct sim_summary sum;
	bool whole;

	sim_summary_init(&sum);
	whole = lpae_each(c, &reader, add_leaf, &sum);
	sim_summary_end(&sum);
	put(text, " bits=%u ranges=%" PRIu64 " bytes=0x%" PRIx64 " hash=%016" PRIx64 "%s", c->in_bits, sum.nranges, sum.len,
	    sum.hash, whole ? "" : " (not all)");
}

/* The last stream that was described, so that those that are the same are not described again. */
struct fate {
	struct s3m_stream stream;
	unsigned event;
	bool found;
	struct text text;
};

static void describe(struct s3m_walker *w, bool found, struct text *text)
{
	const struct s3m_stream *s = &w->stream;

	text->len = 0;
	text->at[0] = 0;
	if (!found && w->fault.event) {
		if (w->fault.event == C_BAD_STREAMID)
			put(text, "no entry");
		else
			put(text, "in error, event 0x%02x", w->fault.event);
		return;
	}
	if (!found || (!s->s1 && !s->s2)) {
		put(text, "%s", found ? "bypass" : "abort");
		return;
	}
	if (s->s1) {
		put(text, "stage 1 asid=%u", s->asid);
		if (!s->epd0)
			put_table(w, &s->t1, text);
	}
	if (s->s2) {
		put(text, "%sstage 2 vmid=%u", s->s1 ? ", " : "", s->vmid);
		put_table(w, &s->t2, text);
	}
}

static bool same_stream(const struct s3m_stream *a, const struct s3m_stream *b)
{
	return a->blocked == b->blocked && a->s1 == b->s1 && a->s2 == b->s2 && a->vmid == b->vmid && a->asid == b->asid &&
	       a->epd0 == b->epd0 && a->t1.root == b->t1.root && a->t1.in_bits == b->t1.in_bits &&
	       a->t1.granule_lg2 == b->t1.granule_lg2 && a->t2.root == b->t2.root && a->t2.in_bits == b->t2.in_bits &&
	       a->t2.granule_lg2 == b->t2.granule_lg2 && a->t2.start_level == b->t2.start_level;
}

static void next_fate(struct smmuv3_model *m, uint32_t sid, struct fate *fate)
{
	struct s3m_walker w = { .m = m, .view = S3M_TRUTH, .sid = sid };
	bool found = s3m_stream_get(&w);

	if (fate->text.len && found == fate->found && w.fault.event == fate->event && same_stream(&w.stream, &fate->stream))
		return;
	fate->stream = w.stream;
	fate->event = w.fault.event;
	fate->found = found;
	describe(&w, found, &fate->text);
}

static void put_run(FILE *out, uint32_t first, uint32_t last, const char *text)
{
	if (last > first)
		fprintf(out, "  streams 0x%x-0x%x %s\n", first, last, text);
	else
		fprintf(out, "  stream 0x%x %s\n", first, text);
}

static void dump_streams(struct smmuv3_model *m, FILE *out)
{
	unsigned lg2 = field_get32(STRTAB_LOG2SIZE, s3m_get32(m, R_STRTAB_BASE_CFG));
	unsigned shown_lg2 = lg2 < m->cfg.sid_bits ? lg2 : m->cfg.sid_bits;
	uint32_t n = shown_lg2 < MAX_STREAMS_LG2 ? BIT32(shown_lg2) : BIT32(MAX_STREAMS_LG2);
	struct sim_runs runs = { .out = out, .put = put_run };
	struct fate fate = { .event = 0 };

	for (uint32_t sid = 0; sid < n; sid++) {
		next_fate(m, sid, &fate);
		sim_runs_add(&runs, sid, fate.text.at);
	}
	sim_runs_end(&runs);
}

static bool is_stale(struct smmuv3_model *m, uint32_t sid, const struct s3m_known *known)
{
	uint64_t words[ENTRY_WORDS], pa = 0;
	bool cached = false;

	if (!known->ste.cached)
		return false;
	if (s3m_ste_find(m, S3M_TRUTH, sid, &pa, &cached) || !s3m_entry_load(m, S3M_TRUTH, pa, words))
		return true;
	if (memcmp(words, known->ste.words, sizeof(words)) != 0)
		return true;
	return known->cd.cached &&
	       (!s3m_entry_load(m, S3M_TRUTH, known->cd_pa, words) || memcmp(words, known->cd.words, sizeof(words)) != 0);
}

/* Entries that the unit remembers and that memory no longer holds: software owes an invalidation. */
static void dump_stale(struct smmuv3_model *m, FILE *out)
{
	for (uint32_t sid = 0; sid < BIT32(MAX_STREAMS_LG2); sid++) {
		struct s3m_known *known = s3m_known(m, sid, false);

		if (known && is_stale(m, sid, known))
			fprintf(out, "  stale entries of stream 0x%x\n", sid);
	}
}

void s3m_dump_state(const struct sim_model *model, FILE *out)
{
	const struct smmuv3_model *m = (const struct smmuv3_model *)(const void *)model;

	dump_registers(m, out);
	dump_events(m, out);
}

void s3m_dump_streams(struct sim_model *model, FILE *out)
{
	struct smmuv3_model *m = s3m_of(model);

	if (!(s3m_get32(m, R_CR0ACK) & CR0_SMMUEN))
		return;
	dump_streams(m, out);
	dump_stale(m, out);
}
