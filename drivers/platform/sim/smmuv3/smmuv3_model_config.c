/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The SMMUv3 model's caches of STEs and CDs, what CMD_CFGI_* drops of them, and entries that hardware could see half-changed.
 * SMMUv3 specification 3.21.3 (fetches, and how to change an entry), 4.3 (commands). The lock is held.
 *
 * Torn entries. Hardware reads the eight words of an entry one by one, when it likes, between two invalidations of it; a driver may
 * change any of them meanwhile. So every mixture of the words at the last invalidation (the mark) and of those at this one is
 * something that the unit may have used. Each must mean what the old or the new entry means, in the bits that the hardware looks
 * at, or block where one of the two blocks. All mixtures are tried, whether or not a device asked; one that fails is misuse.
 * A word is never torn. An entry whose table was replaced (its level 1 descriptor leads elsewhere) may be read in either table until
 * the descriptor is dropped: what holds for the words of the old one until then holds there. Beside this, fetches read an entry from alternating ends, for tests that watch from a second thread.
 */
#include <stdlib.h>
#include <string.h>

#include "smmuv3_model_priv.h"

struct s3m_known *s3m_known(struct smmuv3_model *m, uint32_t sid, bool make)
{
	const uint64_t *found = sim_cache_find(&m->streams, sid);
	struct s3m_known *known;

	if (found)
		return (struct s3m_known *)(uintptr_t)found[0];
	known = make ? calloc(1, sizeof(*known)) : NULL;
	if (!known)
		return NULL;
	sim_cache_put(&m->streams, sid, (uintptr_t)known, 0);
	if (sim_cache_find(&m->streams, sid))
		return known;
	free(known);
	return NULL;
}

/* ---- Mixtures ---- */

struct kind {
	const char *name;
	void (*used)(const uint64_t words[ENTRY_WORDS], uint64_t used[ENTRY_WORDS]);
	bool (*blocks)(const struct smmuv3_model *m, const uint64_t words[ENTRY_WORDS]);
};

static bool ste_blocks(const struct smmuv3_model *m, const uint64_t words[ENTRY_WORDS])
{
	struct s3m_stream stream;

	return s3m_ste_decode(m, words, &stream).event || stream.blocked;
}

static bool cd_blocks(const struct smmuv3_model *m, const uint64_t words[ENTRY_WORDS])
{
	struct s3m_stream stream = { 0 };

	return s3m_cd_decode(m, words, &stream).event || stream.epd0;
}

static const struct kind ste_kind = { "STE", s3m_ste_used, ste_blocks };
static const struct kind cd_kind = { "CD", s3m_cd_used, cd_blocks };

static bool means_same(const struct kind *kind, const uint64_t mixture[ENTRY_WORDS], const uint64_t entry[ENTRY_WORDS])
{
	uint64_t used[ENTRY_WORDS], differ = 0;

	kind->used(entry, used);
	for (unsigned i = 0; i < ENTRY_WORDS; i++)
		differ |= (mixture[i] ^ entry[i]) & used[i];
	return !differ;
}

static void check_torn(struct smmuv3_model *m, const struct kind *kind, uint32_t sid, const uint64_t old[ENTRY_WORDS],
		       const uint64_t now[ENTRY_WORDS])
{
	bool may_block = kind->blocks(m, old) || kind->blocks(m, now);
	unsigned changed = 0;

	for (unsigned i = 0; i < ENTRY_WORDS; i++)
		changed |= (unsigned)(old[i] != now[i]) << i;
	for (unsigned from_now = changed; from_now; from_now = (from_now - 1) & changed) {
		uint64_t mixture[ENTRY_WORDS];

		for (unsigned i = 0; i < ENTRY_WORDS; i++)
			mixture[i] = from_now >> i & 1 ? now[i] : old[i];
		if (means_same(kind, mixture, old) || means_same(kind, mixture, now))
			continue;
		if (may_block && kind->blocks(m, mixture))
			continue;
		sim_model_misuse(
			&m->model,
			"%s of stream 0x%x changed in words 0x%x between two invalidations: with 0x%x of them it is neither",
			kind->name, sid, changed, from_now);
		return;
	}
}

/* Where the unit would look for the CD now. */
static bool cd_place(struct smmuv3_model *m, const uint64_t ste[ENTRY_WORDS], uint64_t *pa)
{
	struct s3m_walker w = { .m = m, .view = S3M_TRUTH };

	if (s3m_ste_decode(m, ste, &w.stream).event || w.stream.blocked || !w.stream.s1)
		return false;
	*pa = w.stream.cd_pa;
	return !w.stream.s2 || s3m_stage2(&w, w.stream.cd_pa, CLASS_CD, false, pa);
}

static void mark(struct s3m_copy *copy, const uint64_t words[ENTRY_WORDS])
{
	memcpy(copy->mark, words, sizeof(copy->mark));
	copy->marked = true;
}

/* The CD that the unit could reach since the last mark. */
static void settle_cd(struct smmuv3_model *m, uint32_t sid, struct s3m_known *known)
{
	uint64_t now[ENTRY_WORDS], pa;

	if (!known->cd.marked || !known->ste.marked || !cd_place(m, known->ste.mark, &pa) || pa != known->cd_pa)
		return;
	if (!s3m_entry_load(m, S3M_TRUTH, pa, now))
		return;
	check_torn(m, &cd_kind, sid, known->cd.mark, now);
	mark(&known->cd, now);
}

static void settle_ste(struct smmuv3_model *m, uint32_t sid, struct s3m_known *known, bool leaf_only)
{
	uint64_t now[ENTRY_WORDS], words[ENTRY_WORDS], pa = 0;
	bool cached = false;

	/* A unit that is off fetches nothing. */
	if (!(s3m_get32(m, R_CR0ACK) & CR0_SMMUEN) || s3m_ste_find(m, S3M_TRUTH, sid, &pa, &cached) ||
	    !s3m_entry_load(m, S3M_TRUTH, pa, now)) {
		known->ste.marked = known->cd.marked = false;
		return;
	}
	if (known->ste.marked && s3m_entry_load(m, S3M_TRUTH, known->ste_pa, words)) {
		check_torn(m, &ste_kind, sid, known->ste.mark, words);
		/* The descriptor that leads to the old table is not dropped: there the unit reads on. */
		if (leaf_only && known->ste_pa != pa) {
			memcpy(now, words, sizeof(now));
			pa = known->ste_pa;
		}
	}
	settle_cd(m, sid, known);
	mark(&known->ste, now);
	known->ste_pa = pa;
	known->cd.marked = cd_place(m, now, &pa) && s3m_entry_load(m, S3M_TRUTH, pa, words);
	if (!known->cd.marked)
		return;
	mark(&known->cd, words);
	known->cd_pa = pa;
}

/* ---- Commands ---- */

static void drop(struct smmuv3_model *m, uint32_t sid, struct s3m_known *known, bool leaf_only)
{
	settle_ste(m, sid, known, leaf_only);
	known->ste.cached = known->cd.cached = false;
}

struct range {
	uint32_t first, last;
	unsigned split;
};

static bool covers_l1(const void *ctx, uint64_t index, const uint64_t value[2])
{
	const struct range *range = ctx;

	(void)value;
	return index >= range->first >> range->split && index <= range->last >> range->split;
}

/* What is cached of a stream's CD goes with its STE (4.3.1). */
void s3m_cfgi_ste(struct smmuv3_model *m, uint32_t first, uint32_t last, bool leaf_only)
{
	unsigned split = field_get32(STRTAB_SPLIT, s3m_get32(m, R_STRTAB_BASE_CFG));
	const struct range range = { first, last, split == 8 || split == 10 ? split : 6 };

	m->model.counts.context_invalidations++;
	if (!leaf_only)
		sim_cache_drop_if(&m->l1, covers_l1, &range);
	if (first == last) {
		struct s3m_known *known = s3m_known(m, first, true);

		if (known)
			drop(m, first, known, leaf_only);
		return;
	}
	for (size_t i = 0; i < m->streams.size; i++) {
		const struct sim_cache_entry *entry = &m->streams.at[i];
		uint32_t sid = (uint32_t)entry->mark;

		if (entry->mark && sid >= first && sid <= last)
			drop(m, sid, (struct s3m_known *)(uintptr_t)entry->value[0], leaf_only);
	}
}

void s3m_cfgi_cd(struct smmuv3_model *m, uint32_t sid)
{
	struct s3m_known *known = s3m_known(m, sid, false);

	m->model.counts.context_invalidations++;
	if (!known)
		return;
	settle_cd(m, sid, known);
	known->cd.cached = false;
}
