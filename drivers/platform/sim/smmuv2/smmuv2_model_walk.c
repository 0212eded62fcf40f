/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A translation by a context bank of the SMMUv2 model: TLB, walk caches, then tables in memory. Arm Architecture Reference Manual, D8
 * (VMSAv8-64) and G5 (AArch32 long descriptors); IHI 0062, SMMU_CBn_TCR2.SEP and SMMU_CBn_FSR. The lock is held; memory is read with
 * atomic loads, since drivers change tables under a walk.
 */
#include <assert.h>

#include "smmuv2_model_priv.h"

typedef unsigned long long ull;

#define SOFTWARE_BITS GENMASK64(58, 55) /* hardware ignores them in every valid descriptor (D8.3) */

static bool load(void *ctx, uint64_t pa, unsigned level, uint64_t *entry)
{
	struct smmuv2_model *m = ctx;

	(void)level;
	return sim_model_load(&m->model, m->mem, pa, SOFTWARE_BITS, entry);
}

static bool load_truth(void *ctx, uint64_t pa, unsigned level, uint64_t *entry)
{
	struct smmuv2_model *m = ctx;

	(void)level;
	return sim_mem_load(m->mem, pa, entry);
}

struct lpae_reader smmuv2m_truth_reader(struct smmuv2_model *m)
{
	return (struct lpae_reader){ load_truth, m };
}

/* ---- The input address ---- */

/*
 * The bus has one bit more than a stage 1 address, its sign; more than that was never an address here. From bit SEP the sign is
 * extended: bits above are as it is, or are zero because the device has no more address bits.
 */
static bool stage1_input_64(const struct smmuv2_model *m, const struct smmuv2m_regime *r, uint64_t iova, uint64_t *va)
{
	unsigned top = m->cfg.ias == 48 ? 48 : m->cfg.ias - 1;
	uint64_t beyond = GENMASK64(63, top + 1), bus = iova & ~beyond, above;

	if ((iova & beyond) && (iova & beyond) != beyond)
		return false;
	above = r->sign_bit < top ? bus & GENMASK64(top, r->sign_bit + 1) : 0;
	if (!(bus >> r->sign_bit & 1)) {
		*va = bus;
		return !above;
	}
	*va = bus | GENMASK64(63, r->sign_bit);
	return !above || above == (*va & GENMASK64(top, r->sign_bit + 1));
}

static bool fits(const struct smmuv2m_regime *r, unsigned which, uint64_t va, unsigned width)
{
	unsigned bits = r->in_bits[which];
	uint64_t high = bits < width ? va >> bits : 0, ones = GENMASK64(width - 1, 0) >> bits;

	return which ? high == ones : !high;
}

bool smmuv2m_input(const struct smmuv2_model *m, const struct smmuv2m_regime *r, uint64_t iova, uint64_t *va, unsigned *which)
{
	unsigned width = r->va64 ? 64 : 32;

	*va = iova;
	*which = 0;
	if (r->stage == 2)
		return !(iova >> r->in_bits[0]);
	if (r->va64 ? !stage1_input_64(m, r, iova, va) : iova >> 32 != 0)
		return false;
	if (r->has[0] && fits(r, 0, *va, width))
		return true;
	*which = 1;
	return r->has[1] && r->in_bits[1] < width && fits(r, 1, *va, width);
}

/* ---- Caches ---- */

/* A TLB value: the leaf's address and permissions, user in bits 1:0, privileged in 3:2. */
static_assert((PIOMMU_READ | PIOMMU_WRITE) == 3, "permissions are two bits");

static unsigned search_tag(struct smmuv2_model *m, int tag, unsigned granule_lg2, uint64_t va, struct smmuv2m_leaf *leaf)
{
	unsigned found = 0;

	for (unsigned level = 0; tag >= 0 && level <= 3; level++) {
		unsigned lg2 = granule_lg2 + (3 - level) * (granule_lg2 - 3);
		const uint64_t *value = sim_cache_find(&m->tlb, smmuv2m_leaf_key(tag, lg2, level, va));

		if (!value)
			continue;
		found++;
		leaf->level = level;
		leaf->pa = (value[0] & ~UINT64_C(0xfff)) + (va & GENMASK64(lg2 - 1, 0) & ~UINT64_C(0xfff));
		leaf->user = (unsigned)value[0] & 3;
		leaf->priv = (unsigned)value[0] >> 2 & 3;
	}
	return found;
}

/* Two entries for one address: software changed a table or a block without invalidating in between. */
static bool from_tlb(struct smmuv2_model *m, const struct smmuv2m_tag *own, uint64_t va, struct smmuv2m_leaf *leaf)
{
	struct smmuv2m_tag global = *own;
	unsigned found;

	global.global = true;
	global.asid = 0;
	found = search_tag(m, smmuv2m_tag_index(m, own), own->granule_lg2, va, leaf);
	if (own->kind != TAG_S2)
		found += search_tag(m, smmuv2m_tag_index(m, &global), own->granule_lg2, va, leaf);
	if (!found) {
		m->model.counts.tlb_misses++;
		return false;
	}
	m->model.counts.tlb_hits++;
	leaf->cached = true;
	if (found > 1) {
		sim_model_misuse(&m->model, "0x%llx has %u TLB entries: a leaf was replaced without an invalidation", (ull)va,
				 found);
		leaf->fsr = FSR_TLBMCF;
	}
	return true;
}

static bool table_from_cache(struct smmuv2_model *m, const struct smmuv2m_tag *tag, uint64_t va, struct lpae_table *table)
{
	int index = smmuv2m_tag_index(m, tag);
	unsigned granule_lg2 = tag->granule_lg2, stride = granule_lg2 - 3;

	for (unsigned level = 3; index >= 0 && level >= 1; level--) {
		unsigned lg2 = granule_lg2 + (4 - level) * stride;
		const uint64_t *value = sim_cache_find(&m->tables, smmuv2m_leaf_key(index, lg2, level, va));

		if (!value)
			continue;
		*table = (struct lpae_table){ value[0] & ~UINT64_C(0xfff), level, (unsigned)value[0] & 3 };
		return true;
	}
	return false;
}

/* A contiguous group is remembered whole, in its pieces: each is invalidated by itself (D8.7). */
static void fill_leaves(struct smmuv2_model *m, int index, uint64_t va, const struct lpae_walk *walk)
{
	uint64_t piece = UINT64_C(1) << walk->leaf_lg2, group = UINT64_C(1) << walk->group_lg2;
	uint64_t first = align_down(va, group), pa = group == piece ? walk->pa : align_down(walk->pa, group);

	for (uint64_t at = 0; at < group; at += piece)
		sim_cache_put(&m->tlb, smmuv2m_leaf_key(index, walk->leaf_lg2, walk->level, first + at),
			      (pa + at) | walk->user | walk->priv << 2, 0);
}

static void fill(struct smmuv2_model *m, const struct smmuv2m_tag *own, uint64_t va, const struct lpae_walk *walk)
{
	unsigned granule_lg2 = own->granule_lg2, stride = granule_lg2 - 3;
	int index = smmuv2m_tag_index(m, own);
	struct smmuv2m_tag tag = *own;

	for (unsigned i = 0; index >= 0 && i < walk->npassed; i++) {
		const struct lpae_table *table = &walk->passed[i];
		unsigned lg2 = granule_lg2 + (4 - table->level) * stride;

		sim_cache_put(&m->tables, smmuv2m_leaf_key(index, lg2, table->level, va), table->pa | table->limits, 0);
	}
	if (walk->fault)
		return; /* what does not translate is not cached */
	if (walk->global && own->kind == TAG_S1) {
		tag.global = true;
		tag.asid = 0;
		index = smmuv2m_tag_index(m, &tag);
	}
	if (index >= 0)
		fill_leaves(m, index, va, walk);
}

/* ---- The walk ---- */

static uint32_t fault_bit(enum lpae_fault fault)
{
	static const uint32_t bits[] = {
		[LPAE_TRANSLATION] = FSR_TF,
		[LPAE_ADDR_SIZE] = FSR_ASF,
		[LPAE_ACCESS_FLAG] = FSR_AFF,
		[LPAE_EXTERNAL] = FSR_EF,
	};

	return bits[fault];
}

static void inspect(struct smmuv2_model *m, const struct lpae_config *config, uint64_t va, const struct lpae_walk *walk)
{
	const struct lpae_reader truth = smmuv2m_truth_reader(m); /* of a group's other entries none is used */

	if (walk->reserved) {
		sim_model_reserved(&m->model,
				   "descriptor on the way of 0x%llx, the last 0x%llx of level %u: reserved bits 0x%llx",
				   (ull)va, (ull)walk->entry, walk->level, (ull)walk->reserved);
	} else if (!walk->fault && !lpae_group_agrees(config, &truth, walk)) {
		sim_model_reserved(&m->model,
				   "descriptor 0x%llx of 0x%llx has the contiguous bit, and its group does not agree",
				   (ull)walk->entry, (ull)va);
	}
}

static void walk_tables(struct smmuv2_model *m, enum smmuv2m_view view, const struct smmuv2m_regime *r, unsigned which,
			uint64_t va, struct smmuv2m_leaf *leaf)
{
	const struct lpae_config *config = &r->table[which];
	const struct lpae_reader reader = { view == SMMUV2M_TRUTH ? load_truth : load, m };
	uint64_t input = va & GENMASK64(config->in_bits - 1, 0);
	struct lpae_table from;
	struct lpae_walk walk;

	leaf->cached = view == SMMUV2M_HARDWARE && table_from_cache(m, &r->tag, va, &from);
	lpae_walk(config, &reader, leaf->cached ? &from : NULL, input, &walk);
	leaf->fsr = fault_bit(walk.fault);
	leaf->level = walk.level;
	leaf->on_walk = walk.fault == LPAE_EXTERNAL;
	if (view == SMMUV2M_HARDWARE) {
		inspect(m, config, va, &walk);
		fill(m, &r->tag, va, &walk);
	}
	if (walk.fault)
		return;
	leaf->pa = walk.pa + (input & GENMASK64(walk.leaf_lg2 - 1, 0) & ~UINT64_C(0xfff));
	leaf->user = walk.user;
	leaf->priv = walk.priv;
}

void smmuv2m_translate(struct smmuv2_model *m, enum smmuv2m_view view, const struct smmuv2m_regime *r, uint64_t iova,
		       struct smmuv2m_leaf *leaf)
{
	uint64_t va;
	unsigned which;

	*leaf = (struct smmuv2m_leaf){ .level = r->va64 ? 0 : 1 };
	if (r->wrong || !smmuv2m_input(m, r, iova, &va, &which)) {
		leaf->fsr = FSR_TF;
		return;
	}
	if (view == SMMUV2M_HARDWARE && from_tlb(m, &r->tag, va, leaf))
		return;
	walk_tables(m, view, r, which, va, leaf);
}
