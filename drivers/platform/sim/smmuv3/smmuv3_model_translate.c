/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A translation in the SMMUv3 model, once the stream's entries are known: TLB, tables that are remembered, walk, permission, for
 * each stage; stage 1's tables lie behind stage 2 where a stream has both. SMMUv3 specification 3.3 and 3.4, chapter 15 (the order of
 * checks), 7.3 (events). The lock is held.
 */
#include "smmuv3_model_priv.h"

typedef unsigned long long ull;

/* Who reads a stage's tables. */
struct reading {
	struct s3m_walker *w;
	enum s3m_view view;
	bool behind_s2;
};

static bool load_entry(void *ctx, uint64_t pa, unsigned level, uint64_t *entry)
{
	struct reading *reading = ctx;

	(void)level;
	if (reading->behind_s2 && !s3m_stage2(reading->w, pa, CLASS_TT, false, &pa))
		return false;
	return s3m_load(reading->w->m, reading->view, pa, true, entry);
}

static unsigned event_of(enum lpae_fault fault)
{
	switch (fault) {
	case LPAE_TRANSLATION:
		return F_TRANSLATION;
	case LPAE_ADDR_SIZE:
		return F_ADDR_SIZE;
	case LPAE_ACCESS_FLAG:
		return F_ACCESS;
	default:
		return F_WALK_EABT;
	}
}

static void check_leaf(struct s3m_walker *w, const struct lpae_config *c, const struct lpae_reader *reader,
		       const struct lpae_walk *walk)
{
	struct reading *reading = reader->ctx;

	if (walk->reserved)
		sim_model_reserved(&w->m->model, "stage %u entry at 0x%llx of stream 0x%x has reserved bits 0x%llx set",
				   c->stage, (ull)walk->entry_pa, w->sid, (ull)walk->reserved);
	if (walk->fault || walk->group_lg2 == walk->leaf_lg2)
		return;
	reading->view = S3M_TRUTH; /* the others of the group are not what was asked for */
	if (!lpae_group_agrees(c, reader, walk))
		sim_model_reserved(&w->m->model,
				   "stage %u entry at 0x%llx of stream 0x%x is contiguous, and its group does not agree",
				   c->stage, (ull)walk->entry_pa, w->sid);
	reading->view = S3M_HARDWARE;
}

/* A contiguous group is remembered whole, in its pieces: each is invalidated by itself (Arm ARM D8.7). */
static void fill(struct s3m_walker *w, struct s3m_tag tag, const struct lpae_config *c, const struct lpae_walk *walk,
		 uint64_t iova)
{
	uint64_t piece = UINT64_C(1) << walk->leaf_lg2, group = UINT64_C(1) << walk->group_lg2;
	uint64_t first = align_down(iova, group),
		 pa = walk->group_lg2 == walk->leaf_lg2 ? walk->pa : align_down(walk->pa, group);

	for (unsigned i = 0; i < walk->npassed; i++)
		s3m_table_put(w->m, tag, c, iova, &walk->passed[i]);
	if (walk->fault)
		return;
	if (walk->global)
		tag.kind = S3M_S1_GLOBAL;
	for (uint64_t at = 0; at < group; at += piece) {
		const struct s3m_leaf leaf = { pa + at, walk->leaf_lg2, walk->level, walk->user, walk->priv };

		s3m_leaf_put(w->m, tag, first + at, &leaf);
	}
}

/* How many entries have the address: one at most, unless software put one over another without an invalidation between. */
static unsigned find(struct s3m_walker *w, struct s3m_tag tag, uint64_t iova, struct s3m_leaf *leaf)
{
	const struct s3m_tag global = { S3M_S1_GLOBAL, tag.vmid, 0 };
	unsigned found = s3m_leaf_find(w->m, tag, iova, leaf);

	if (tag.kind == S3M_S1)
		found += s3m_leaf_find(w->m, global, iova, leaf);
	w->m->model.counts.tlb_misses += !found;
	w->m->model.counts.tlb_hits += found > 0;
	w->cached |= found > 0;
	if (found > 1)
		sim_model_misuse(&w->m->model, "0x%llx has %u TLB entries: a leaf was replaced without an invalidation",
				 (ull)iova, found);
	return found;
}

/* One stage's leaf for an address. @return 0, or the event, with where a table could not be read in `*fetch` */
static unsigned lookup(struct s3m_walker *w, struct s3m_tag tag, const struct lpae_config *c, uint64_t iova,
		       struct s3m_leaf *leaf, uint64_t *fetch)
{
	bool is_hardware = w->view == S3M_HARDWARE, has_from;
	struct reading reading = { w, w->view, c->stage == 1 && w->stream.s2 };
	const struct lpae_reader reader = { load_entry, &reading };
	unsigned found = is_hardware ? find(w, tag, iova, leaf) : 0;
	struct lpae_table from;
	struct lpae_walk walk;

	if (found)
		return found > 1 ? F_TLB_CONFLICT : 0;
	has_from = is_hardware && s3m_table_find(w->m, tag, c, iova, &from);
	w->cached |= has_from;
	lpae_walk(c, &reader, has_from ? &from : NULL, iova, &walk);
	if (is_hardware) {
		check_leaf(w, c, &reader, &walk);
		fill(w, tag, c, &walk, iova);
	}
	*leaf = (struct s3m_leaf){ walk.pa, walk.leaf_lg2, walk.level, walk.user, walk.priv };
	*fetch = walk.entry_pa;
	return walk.fault ? event_of(walk.fault) : 0;
}

static bool is_allowed(unsigned prot, bool is_write)
{
	return prot & (is_write ? PIOMMU_WRITE : PIOMMU_READ);
}

/* What the leaf makes of `in`, unless there is a fault. A table that cannot be read is always told of. */
static bool finish(struct s3m_walker *w, struct s3m_fault *fault, const struct s3m_leaf *leaf, uint64_t in, uint64_t *out)
{
	if (fault->event == F_WALK_EABT) {
		fault->class = CLASS_TT;
		fault->silent = false;
	}
	if (fault->event) {
		w->fault = *fault;
		return false;
	}
	*out = leaf->pa + (in & GENMASK64(leaf->lg2 - 1, 0));
	return true;
}

bool s3m_stage2(struct s3m_walker *w, uint64_t ipa, unsigned class, bool is_write, uint64_t *pa)
{
	const struct s3m_tag tag = { S3M_S2, w->stream.vmid, 0 };
	struct s3m_fault fault = { .s2 = true, .class = class, .ipa = ipa, .silent = w->stream.silent2 };
	struct s3m_leaf leaf;

	fault.event = lookup(w, tag, &w->stream.t2, ipa, &leaf, &fault.fetch);
	if (!fault.event && !is_allowed(leaf.user, is_write))
		fault.event = F_PERMISSION;
	return finish(w, &fault, &leaf, ipa, pa);
}

static bool stage1(struct s3m_walker *w, uint64_t iova, uint64_t *ipa)
{
	const struct s3m_tag tag = { S3M_S1, w->stream.vmid, w->stream.asid };
	struct s3m_fault fault = { .class = CLASS_IN, .silent = w->stream.silent1 };
	struct s3m_leaf leaf;
	uint64_t va = w->stream.tbi0 ? iova & GENMASK64(55, 0) : iova;

	fault.event = w->stream.epd0 ? F_TRANSLATION : lookup(w, tag, &w->stream.t1, va, &leaf, &fault.fetch);
	if (w->fault.event)
		return false; /* stage 2's, on the way to a table */
	if (!fault.event && !is_allowed(w->stream.priv ? leaf.priv : leaf.user, w->is_write))
		fault.event = F_PERMISSION;
	return finish(w, &fault, &leaf, va, ipa);
}

bool s3m_translate(struct s3m_walker *w, uint64_t iova, uint64_t *pa)
{
	uint64_t ipa = iova;

	if (w->stream.s1) {
		if (!stage1(w, iova, &ipa))
			return false;
	} else if (iova >> w->m->cfg.oas) {
		/* Where stage 1 is bypassed the input is as wide as an IPA is (3.4). */
		w->fault = (struct s3m_fault){ .event = F_ADDR_SIZE, .class = CLASS_IN };
		return false;
	}
	*pa = ipa;
	return !w->stream.s2 || s3m_stage2(w, ipa, CLASS_IN, w->is_write, pa);
}
