/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The TLB of the SMMUv2 model and its maintenance. It has no limit and forgets nothing until it is told to, and then exactly what was
 * named. An invalidation is only asked for when its register is written; it takes effect when a synchronisation that was
 * started after it is over: of its context bank, or the global one. IHI 0062, TLB maintenance; SMMU_CBn_TLBSYNC waits for what was
 * written to that bank, SMMU_sTLBGSYNC for everything. Arm Architecture Reference Manual D8.14 (TLB maintenance: one
 * invalidation by address drops the whole leaf that translated it, global entries too). The lock is held.
 *
 * Keys.   tlb: tag, level of the leaf, first page of what it maps. tables: tag, level of the table, first page of what it maps.
 * A tag is a number for kind, VMID, ASID, whether global, and granule; a table has the tag of its context, never a global one.
 */
#include <stdlib.h>

#include "smmuv2_model_priv.h"

#define PAGE_BITS 40 /* addresses of 52 bits, in pages of 4 KiB */
#define LEVEL_SHIFT PAGE_BITS
#define TAG_SHIFT 42
#define TAGS_MAX (1u << 21)

uint64_t smmuv2m_leaf_key(int tag, unsigned leaf_lg2, unsigned level, uint64_t va)
{
	uint64_t first = align_down(va & GENMASK64(PAGE_BITS + 11, 0), UINT64_C(1) << leaf_lg2);

	return (uint64_t)tag << TAG_SHIFT | (uint64_t)level << LEVEL_SHIFT | first >> 12;
}

static uint64_t tag_key(const struct smmuv2m_tag *tag)
{
	return (uint64_t)tag->kind << 40 | (uint64_t)tag->granule_lg2 << 33 | (uint64_t)tag->global << 32 |
	       (uint64_t)tag->asid << 16 | tag->vmid;
}

/* Room for twice as many. NULL without memory: what was there stays. */
static void *grown(void *at, unsigned *room, size_t size)
{
	unsigned more = *room ? *room * 2 : 16;
	void *bigger = realloc(at, more * size);

	if (bigger)
		*room = more;
	return bigger;
}

int smmuv2m_tag_index(struct smmuv2_model *m, const struct smmuv2m_tag *tag)
{
	const uint64_t *found = sim_cache_find(&m->tag_of, tag_key(tag));
	struct smmuv2m_tag *tags = m->tags;

	if (found)
		return (int)found[0];
	if (m->ntags == m->tags_room)
		tags = m->ntags < TAGS_MAX ? grown(tags, &m->tags_room, sizeof(*tags)) : NULL;
	if (!tags)
		return -1;
	m->tags = tags;
	sim_cache_put(&m->tag_of, tag_key(tag), m->ntags, 0);
	m->tags[m->ntags] = *tag;
	return (int)m->ntags++;
}

/* ---- What an invalidation drops ---- */

static bool whose(const struct smmuv2m_tag *tag, const struct smmuv2m_drop *drop)
{
	switch (drop->what) {
	case DROP_ASID:
		return tag->kind == TAG_S1 && tag->vmid == drop->vmid && tag->asid == drop->asid && !tag->global;
	case DROP_VMID:
		return tag->kind != TAG_HYP && tag->vmid == drop->vmid;
	case DROP_VMID_S1:
		return tag->kind == TAG_S1 && tag->vmid == drop->vmid;
	case DROP_NOT_HYP:
		return tag->kind != TAG_HYP;
	case DROP_HYP:
		return tag->kind == TAG_HYP;
	default:
		return tag->kind == drop->kind && tag->vmid == drop->vmid &&
		       (drop->any_asid || tag->global || tag->asid == drop->asid);
	}
}

static void drop_address(struct smmuv2_model *m, int index, const struct smmuv2m_drop *drop)
{
	unsigned granule_lg2 = m->tags[index].granule_lg2, stride = granule_lg2 - 3;

	for (unsigned level = 0; level <= 3; level++) {
		unsigned span = granule_lg2 + (3 - level) * stride;

		sim_cache_remove(&m->tlb, smmuv2m_leaf_key(index, span, level, drop->va));
		if (level && !drop->leaf_only)
			sim_cache_remove(&m->tables, smmuv2m_leaf_key(index, span + stride, level, drop->va));
	}
}

struct victims {
	const struct smmuv2m_tag *tags;
	const struct smmuv2m_drop *drop;
};

static bool is_victim(const void *ctx, uint64_t key, const uint64_t value[2])
{
	const struct victims *victims = ctx;

	(void)value;
	return whose(&victims->tags[key >> TAG_SHIFT], victims->drop);
}

static void apply(struct smmuv2_model *m, const struct smmuv2m_drop *drop)
{
	const struct victims victims = { m->tags, drop };

	m->model.counts.tlb_invalidations++;
	m->is_clean |= drop->what == DROP_NOT_HYP;
	m->is_clean_hyp |= drop->what == DROP_HYP;
	if (drop->what == DROP_NOT_HYP)
		sim_cache_clear(&m->passing);
	if (drop->what != DROP_VA) {
		sim_cache_drop_if(&m->tlb, is_victim, &victims);
		sim_cache_drop_if(&m->tables, is_victim, &victims);
		return;
	}
	for (unsigned i = 0; i < m->ntags; i++)
		if (whose(&m->tags[i], drop))
			drop_address(m, (int)i, drop);
}

void smmuv2m_tlb_ask(struct smmuv2_model *m, struct smmuv2m_drop drop)
{
	struct smmuv2m_drop *drops = m->drops;

	m->model.counts.descriptors++;
	if (m->model.fail_in && !--m->model.fail_in) {
		m->model.counts.injected++;
		m->lose_next_sync = true;
		return;
	}
	if (m->ndrops == m->drops_room)
		drops = grown(drops, &m->drops_room, sizeof(*drops));
	if (!drops) {
		sim_model_complain(&m->model, "the model has no memory for another invalidation: it is lost");
		return;
	}
	m->drops = drops;
	drop.seq = ++m->seq;
	m->drops[m->ndrops++] = drop;
}

/* ---- Synchronisation ---- */

static struct smmuv2m_sync *sync_of(struct smmuv2_model *m, unsigned scope)
{
	return scope == SCOPE_GLOBAL ? &m->sync : &m->bank[scope].sync;
}

static void finish(struct smmuv2_model *m, unsigned scope)
{
	struct smmuv2m_sync *sync = sync_of(m, scope);
	unsigned left = 0;

	sync->active = false;
	for (unsigned i = 0; i < m->ndrops; i++) {
		const struct smmuv2m_drop *drop = &m->drops[i];

		if (drop->seq <= sync->seq && (scope == SCOPE_GLOBAL || drop->scope == scope))
			apply(m, drop);
		else
			m->drops[left++] = *drop;
	}
	m->ndrops = left;
}

/* Whether it is over now. `is_read` of its status. */
static bool is_due(struct smmuv2_model *m, struct smmuv2m_sync *sync, bool is_read)
{
	if (sync->lost || m->model.queue_stuck || m->model.handshake_stuck)
		return false;
	if (is_read && sync->reads_left)
		sync->reads_left--;
	return !sync->reads_left && (!sync->until_ns || piommu_env_now_ns() >= sync->until_ns);
}

void smmuv2m_sync_start(struct smmuv2_model *m, unsigned scope)
{
	struct smmuv2m_sync *sync = sync_of(m, scope);

	m->model.counts.waits++;
	*sync = (struct smmuv2m_sync){ .active = true, .seq = m->seq, .reads_left = m->model.slow_handshake };
	if (m->model.latency_ns)
		sync->until_ns = piommu_env_now_ns() + m->model.latency_ns;
	sync->lost = m->lose_next_sync;
	if (m->model.lose_in && !--m->model.lose_in) {
		m->model.counts.injected++;
		sync->lost = true;
	}
	m->lose_next_sync = false;
	if (is_due(m, sync, false))
		finish(m, scope);
}

uint32_t smmuv2m_sync_status(struct smmuv2_model *m, unsigned scope)
{
	struct smmuv2m_sync *sync = sync_of(m, scope);

	if (sync->active && is_due(m, sync, true))
		finish(m, scope);
	return sync->active;
}

bool smmuv2m_sync_active(const struct smmuv2_model *m)
{
	bool active = m->sync.active;

	for (unsigned i = 0; i < m->cfg.ncb; i++)
		active |= m->bank[i].sync.active;
	return active;
}

static void end_lost(struct smmuv2_model *m, unsigned scope)
{
	struct smmuv2m_sync *sync = sync_of(m, scope);

	sync->lost = false;
	if (sync->active && is_due(m, sync, false))
		finish(m, scope);
}

void smmuv2m_sync_late(struct smmuv2_model *m)
{
	for (unsigned i = 0; i < m->cfg.ncb; i++)
		end_lost(m, i);
	end_lost(m, SCOPE_GLOBAL);
}

/* ---- A look ---- */

struct search {
	const struct smmuv2m_tag *tags, *tag;
	bool *found;
};

static bool note(const void *ctx, uint64_t key, const uint64_t value[2])
{
	const struct search *search = ctx;
	const struct smmuv2m_tag *tag = &search->tags[key >> TAG_SHIFT];

	(void)value;
	*search->found |= tag->kind == search->tag->kind && tag->vmid == search->tag->vmid && tag->asid == search->tag->asid;
	return false; /* nothing is dropped */
}

bool smmuv2m_tag_cached(struct smmuv2_model *m, const struct smmuv2m_tag *tag)
{
	bool found = false;
	const struct search search = { m->tags, tag, &found };

	sim_cache_drop_if(&m->tlb, note, &search);
	sim_cache_drop_if(&m->tables, note, &search);
	return found;
}
