/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From a stream id to how its requests are translated: stream table, STE, CD, out of memory or out of what the SMMUv3 model
 * cached. SMMUv3 specification 3.3.2 (stream table lookup), 5.1 (level 1 descriptor), 3.21.3 (fetches), 7.3 (events). The lock is held;
 * memory is read with atomic loads, since drivers change entries under a fetch.
 */
#include <string.h>

#include "smmuv3_model_priv.h"

typedef unsigned long long ull;

/* Software's own bits of a translation table entry, which it may set there for a moment. */
#define TABLE_SOFTWARE GENMASK64(58, 55)

bool s3m_load(struct smmuv3_model *m, enum s3m_view view, uint64_t pa, bool is_table, uint64_t *word)
{
	if (view == S3M_TRUTH)
		return sim_mem_load(m->mem, pa, word);
	return sim_model_load(&m->model, m->mem, pa, is_table ? TABLE_SOFTWARE : 0, word);
}

/* Word by word, which hardware may do in any order: now from one end, now from the other. */
bool s3m_entry_load(struct smmuv3_model *m, enum s3m_view view, uint64_t pa, uint64_t words[ENTRY_WORDS])
{
	bool backwards = view == S3M_HARDWARE && m->fetches++ & 1;

	for (unsigned n = 0; n < ENTRY_WORDS; n++) {
		unsigned i = backwards ? ENTRY_WORDS - 1 - n : n;

		if (!s3m_load(m, view, pa + 8 * i, false, &words[i]))
			return false;
	}
	return true;
}

/* ---- Stream table ---- */

/* Beyond SPLIT + 1 the second table would be larger than its level-1 descriptor covers. */
static void check_l1(struct smmuv3_model *m, enum s3m_view view, uint64_t desc, unsigned span)
{
	uint64_t align = span ? UINT64_C(64) << (span - 1) : 64;
	uint64_t bits = desc & (GENMASK64(63, 52) | BIT64(5) | ((align - 1) & L1STD_L2PTR));

	if (bits && view == S3M_HARDWARE)
		sim_model_reserved(&m->model, "level 1 stream table descriptor 0x%llx has reserved bits 0x%llx set", (ull)desc,
				   (ull)bits);
}

/* An absent second table is not remembered, a present one is, until it is told to be forgotten. */
static unsigned l1_load(struct smmuv3_model *m, enum s3m_view view, uint64_t pa, uint32_t index, uint64_t *desc, bool *cached)
{
	const uint64_t *found = view == S3M_HARDWARE ? sim_cache_find(&m->l1, index) : NULL;

	if (found) {
		*desc = found[0];
		*cached = true;
		return 0;
	}
	if (!s3m_load(m, view, pa, false, desc))
		return F_STE_FETCH;
	if (view == S3M_HARDWARE && *desc & L1STD_SPAN)
		sim_cache_put(&m->l1, index, *desc, 0);
	return 0;
}

static unsigned split_of(const struct smmuv3_model *m)
{
	unsigned split = field_get32(STRTAB_SPLIT, s3m_get32(m, R_STRTAB_BASE_CFG));

	return split == 8 || split == 10 ? split : 6;
}

static unsigned table_lg2(const struct smmuv3_model *m)
{
	unsigned lg2 = field_get32(STRTAB_LOG2SIZE, s3m_get32(m, R_STRTAB_BASE_CFG));

	return lg2 < m->cfg.sid_bits ? lg2 : m->cfg.sid_bits;
}

static bool is_two_level(const struct smmuv3_model *m)
{
	return m->cfg.two_level && field_get32(STRTAB_FMT, s3m_get32(m, R_STRTAB_BASE_CFG)) == 1;
}

uint64_t s3m_strtab_align(const struct smmuv3_model *m)
{
	unsigned lg2 = table_lg2(m), split = split_of(m);

	if (!is_two_level(m))
		return UINT64_C(64) << lg2;
	return UINT64_C(8) << (lg2 > split + 3 ? lg2 - split : 3);
}

static unsigned two_level_find(struct smmuv3_model *m, enum s3m_view view, uint32_t sid, uint64_t base, uint64_t *pa,
			       bool *cached)
{
	unsigned split = split_of(m), span, event;
	uint64_t desc;

	*pa = base + 8 * (uint64_t)(sid >> split);
	event = l1_load(m, view, *pa, sid >> split, &desc, cached);
	if (event)
		return event;
	span = (unsigned)field_get(L1STD_SPAN, desc);
	if (!span || span > split + 1 || (sid & (BIT32(split) - 1)) >> (span - 1))
		return C_BAD_STREAMID;
	check_l1(m, view, desc, span);
	*pa = align_down(desc & L1STD_L2PTR, UINT64_C(64) << (span - 1)) + 64 * (uint64_t)(sid & (BIT32(split) - 1));
	return 0;
}

unsigned s3m_ste_find(struct smmuv3_model *m, enum s3m_view view, uint32_t sid, uint64_t *pa, bool *cached)
{
	uint64_t base = align_down(s3m_get64(m, R_STRTAB_BASE) & STRTAB_ADDR, s3m_strtab_align(m));
	unsigned lg2 = table_lg2(m);

	if (lg2 < 32 && sid >> lg2)
		return C_BAD_STREAMID;
	if (is_two_level(m))
		return two_level_find(m, view, sid, base, pa, cached);
	*pa = base + 64 * (uint64_t)sid;
	return 0;
}

/* ---- Entries ---- */

static bool fail(struct s3m_walker *w, unsigned event, uint64_t fetch)
{
	w->fault = (struct s3m_fault){ .event = event, .fetch = fetch };
	return false;
}

static void judge(struct s3m_walker *w, const char *what, const struct s3m_verdict *v)
{
	if (v->reserved)
		sim_model_reserved(&w->m->model, "%s of stream 0x%x has reserved bits 0x%llx set in word %u", what, w->sid,
				   (ull)v->reserved, v->word);
	if (v->why)
		sim_model_complain(&w->m->model, "%s of stream 0x%x is illegal: %s", what, w->sid, v->why);
	if (v->uncached)
		sim_model_misuse(&w->m->model, "%s of stream 0x%x: a unit that snoops is told to read tables past the caches",
				 what, w->sid);
}

static void remember(struct s3m_copy *copy, const uint64_t words[ENTRY_WORDS])
{
	memcpy(copy->words, words, sizeof(copy->words));
	copy->cached = true;
	if (copy->marked)
		return;
	memcpy(copy->mark, words, sizeof(copy->mark));
	copy->marked = true;
}

static bool ste_get(struct s3m_walker *w, struct s3m_known *known, uint64_t ste[ENTRY_WORDS])
{
	uint64_t pa = 0;
	unsigned event;

	if (known && known->ste.cached) {
		memcpy(ste, known->ste.words, sizeof(known->ste.words));
		w->cached = true;
		return true;
	}
	event = s3m_ste_find(w->m, w->view, w->sid, &pa, &w->cached);
	if (!event && !s3m_entry_load(w->m, w->view, pa, ste))
		event = F_STE_FETCH;
	if (event)
		return fail(w, event, pa);
	if (!known)
		return true;
	if (!known->ste.marked)
		known->ste_pa = pa;
	remember(&known->ste, ste);
	return true;
}

static bool cd_get(struct s3m_walker *w, struct s3m_known *known, uint64_t cd[ENTRY_WORDS])
{
	uint64_t pa = w->stream.cd_pa;

	if (known && known->cd.cached) {
		memcpy(cd, known->cd.words, sizeof(known->cd.words));
		w->cached = true;
		return true;
	}
	if (w->stream.s2 && !s3m_stage2(w, w->stream.cd_pa, CLASS_CD, false, &pa))
		return false;
	if (!s3m_entry_load(w->m, w->view, pa, cd))
		return fail(w, F_CD_FETCH, pa);
	if (!known)
		return true;
	if (known->cd_pa != pa)
		known->cd.marked = false;
	known->cd_pa = pa;
	remember(&known->cd, cd);
	return true;
}

bool s3m_stream_get(struct s3m_walker *w)
{
	struct s3m_known *known = w->view == S3M_HARDWARE ? s3m_known(w->m, w->sid, true) : NULL;
	uint64_t words[ENTRY_WORDS];
	struct s3m_verdict verdict;
	bool fresh = !known || !known->ste.cached;

	if (!ste_get(w, known, words))
		return false;
	verdict = s3m_ste_decode(w->m, words, &w->stream);
	if (fresh && w->view == S3M_HARDWARE)
		judge(w, "STE", &verdict);
	if (verdict.event)
		return fail(w, verdict.event, 0);
	if (w->stream.blocked)
		return false;
	if (!w->stream.s1)
		return true;
	fresh = !known || !known->cd.cached;
	if (!cd_get(w, known, words))
		return false;
	verdict = s3m_cd_decode(w->m, words, &w->stream);
	if (fresh && w->view == S3M_HARDWARE)
		judge(w, "CD", &verdict);
	return verdict.event ? fail(w, verdict.event, 0) : true;
}
