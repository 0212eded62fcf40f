/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The TLB of the SMMUv3 model, and what each TLBI drops of it: exactly what was asked for, nothing more. SMMUv3 specification 4.4
 * (commands, range fields), 3.17 (tags); Arm ARM D8.14 (which entries an address names). The lock is held.
 *
 * Keys, 63 bits: number of the tag (20), size class (3), address above the size (40). A tag is a VMID with an ASID, a VMID for
 * global entries, or a VMID for stage 2; numbers are handed out as tags are first seen. A leaf is one entry whatever its size: an
 * invalidation of any address in it drops it, as the architecture says; a contiguous group is as many entries as it has. Tables are
 * under the size of what their descriptor covers. A command with a granule drops leaves of that granule only, one with a level those
 * of that level: hardware need not look for others.
 */
#include <stdlib.h>

#include "smmuv3_model_priv.h"

#define CLASS_SHIFT 40
#define TAG_SHIFT 43
#define NCLASSES 8u
#define MAX_TAGS (UINT64_C(1) << 20)
#define ADDRESS_BITS 56

static const struct size_class {
	unsigned lg2, granule_lg2, level;
} leaf_sizes[NCLASSES] = { { 12, 12, 3 }, { 14, 14, 3 }, { 16, 16, 3 }, { 21, 12, 2 },
			   { 25, 14, 2 }, { 29, 16, 2 }, { 30, 12, 1 }, { 42, 16, 1 } };
static const unsigned table_sizes[NCLASSES] = { 21, 25, 29, 30, 36, 39, 42, 47 };

/* Value 0 of a leaf: address, and these. Value 1 of both: the tag. */
#define V_USER GENMASK64(1, 0)
#define V_PRIV GENMASK64(3, 2)
#define V_LEVEL GENMASK64(5, 4)
#define V_LIMITS GENMASK64(7, 6)
#define V_ADDR GENMASK64(51, 8)
#define T_ASID GENMASK64(15, 0)
#define T_VMID GENMASK64(31, 16)
#define T_KIND GENMASK64(33, 32)

static uint64_t pack(struct s3m_tag tag)
{
	return field_prep(T_KIND, tag.kind) | field_prep(T_VMID, tag.vmid) |
	       field_prep(T_ASID, tag.kind == S3M_S1 ? tag.asid : 0);
}

/* False: never seen, and not `make`, or too many. */
static bool number_of(struct smmuv3_model *m, struct s3m_tag tag, bool make, uint64_t *number)
{
	const uint64_t *found = sim_cache_find(&m->tags, pack(tag));

	if (!found && make && m->ntags < MAX_TAGS) {
		sim_cache_put(&m->tags, pack(tag), m->ntags++, 0);
		found = sim_cache_find(&m->tags, pack(tag));
	}
	if (found)
		*number = found[0];
	return found;
}

static uint64_t key(uint64_t number, unsigned class, uint64_t address, unsigned lg2)
{
	return number << TAG_SHIFT | (uint64_t) class << CLASS_SHIFT | (address & GENMASK64(ADDRESS_BITS - 1, 0)) >> lg2;
}

unsigned s3m_leaf_find(struct smmuv3_model *m, struct s3m_tag tag, uint64_t iova, struct s3m_leaf *leaf)
{
	unsigned n = 0;
	uint64_t number;

	if (iova >> ADDRESS_BITS || !number_of(m, tag, false, &number))
		return 0;
	for (unsigned i = 0; i < NCLASSES; i++) {
		const uint64_t *found = sim_cache_find(&m->iotlb, key(number, i, iova, leaf_sizes[i].lg2));

		if (!found)
			continue;
		n++;
		*leaf = (struct s3m_leaf){
			.pa = found[0] & V_ADDR,
			.lg2 = leaf_sizes[i].lg2,
			.level = (unsigned)field_get(V_LEVEL, found[0]),
			.user = (unsigned)field_get(V_USER, found[0]),
			.priv = (unsigned)field_get(V_PRIV, found[0]),
		};
	}
	return n;
}

void s3m_leaf_put(struct smmuv3_model *m, struct s3m_tag tag, uint64_t iova, const struct s3m_leaf *leaf)
{
	uint64_t number, value;
	unsigned class = 0;

	while (class < NCLASSES && leaf_sizes[class].lg2 != leaf->lg2)
		class ++;
	if (class == NCLASSES || !number_of(m, tag, true, &number))
		return;
	value = leaf->pa | field_prep(V_LEVEL, leaf->level) | field_prep(V_USER, leaf->user) | field_prep(V_PRIV, leaf->priv);
	sim_cache_put(&m->iotlb, key(number, class, iova, leaf->lg2), value, pack(tag));
}

/* What a descriptor of the level covers. */
static unsigned table_lg2(const struct lpae_config *c, unsigned level)
{
	return c->granule_lg2 + (3 - level) * (c->granule_lg2 - 3);
}

static unsigned table_class(unsigned lg2)
{
	unsigned class = 0;

	while (class < NCLASSES && table_sizes[class] != lg2)
		class ++;
	return class;
}

bool s3m_table_find(struct smmuv3_model *m, struct s3m_tag tag, const struct lpae_config *c, uint64_t iova,
		    struct lpae_table *table)
{
	uint64_t number;

	if (iova >> c->in_bits || !number_of(m, tag, false, &number))
		return false;
	for (unsigned level = 3; level > c->start_level; level--) {
		unsigned lg2 = table_lg2(c, level - 1);
		const uint64_t *found = sim_cache_find(&m->tables, key(number, table_class(lg2), iova, lg2));

		if (!found)
			continue;
		*table = (struct lpae_table){ found[0] & V_ADDR, level, (unsigned)field_get(V_LIMITS, found[0]) };
		return true;
	}
	return false;
}

void s3m_table_put(struct smmuv3_model *m, struct s3m_tag tag, const struct lpae_config *c, uint64_t iova,
		   const struct lpae_table *table)
{
	unsigned lg2 = table_lg2(c, table->level - 1);
	uint64_t number;

	if (number_of(m, tag, true, &number))
		sim_cache_put(&m->tables, key(number, table_class(lg2), iova, lg2),
			      table->pa | field_prep(V_LIMITS, table->limits), pack(tag));
}

/* ---- Invalidation ---- */

static bool any_of_vmid(const void *ctx, uint64_t at, const uint64_t value[2])
{
	(void)at;
	return field_get(T_VMID, value[1]) == *(const uint16_t *)ctx;
}

static bool stage_1_of_vmid(const void *ctx, uint64_t at, const uint64_t value[2])
{
	return any_of_vmid(ctx, at, value) && field_get(T_KIND, value[1]) != S3M_S2;
}

static bool equal_tag(const void *ctx, uint64_t at, const uint64_t value[2])
{
	(void)at;
	return value[1] == *(const uint64_t *)ctx;
}

void s3m_tlbi_all(struct smmuv3_model *m)
{
	m->model.counts.tlb_invalidations++;
	sim_cache_clear(&m->iotlb);
	sim_cache_clear(&m->tables);
}

void s3m_tlbi_vmid(struct smmuv3_model *m, uint16_t vmid, bool s2_too)
{
	sim_cache_match_fn match = s2_too ? any_of_vmid : stage_1_of_vmid;

	m->model.counts.tlb_invalidations++;
	sim_cache_drop_if(&m->iotlb, match, &vmid);
	sim_cache_drop_if(&m->tables, match, &vmid);
}

/* Global entries stay (4.4.2). */
void s3m_tlbi_asid(struct smmuv3_model *m, uint16_t vmid, uint16_t asid)
{
	uint64_t tag = pack((struct s3m_tag){ S3M_S1, vmid, asid });

	m->model.counts.tlb_invalidations++;
	sim_cache_drop_if(&m->iotlb, equal_tag, &tag);
	sim_cache_drop_if(&m->tables, equal_tag, &tag);
}

static bool names(const struct s3m_span *span, const struct size_class *size)
{
	return (!span->granule_lg2 || span->granule_lg2 == size->granule_lg2) && (!span->level || span->level == size->level);
}

static void drop_span(struct smmuv3_model *m, struct s3m_tag tag, const struct s3m_span *span)
{
	uint64_t number;

	if (!number_of(m, tag, false, &number))
		return;
	for (unsigned i = 0; i < NCLASSES; i++)
		if (names(span, &leaf_sizes[i]))
			sim_cache_drop(&m->iotlb, key(number, i, span->first, leaf_sizes[i].lg2),
				       key(number, i, span->last, leaf_sizes[i].lg2));
	for (unsigned i = 0; i < NCLASSES && !span->leaf_only; i++)
		sim_cache_drop(&m->tables, key(number, i, span->first, table_sizes[i]),
			       key(number, i, span->last, table_sizes[i]));
}

void s3m_tlbi_va(struct smmuv3_model *m, uint16_t vmid, uint16_t asid, const struct s3m_span *span)
{
	m->model.counts.tlb_invalidations++;
	drop_span(m, (struct s3m_tag){ S3M_S1, vmid, asid }, span);
	drop_span(m, (struct s3m_tag){ S3M_S1_GLOBAL, vmid, 0 }, span);
}

/* Every ASID that was seen. */
void s3m_tlbi_vaa(struct smmuv3_model *m, uint16_t vmid, const struct s3m_span *span)
{
	m->model.counts.tlb_invalidations++;
	for (size_t i = 0; i < m->tags.size; i++) {
		uint64_t tag = m->tags.at[i].mark & ~BIT64(63);

		if (m->tags.at[i].mark && field_get(T_KIND, tag) != S3M_S2 && field_get(T_VMID, tag) == vmid)
			drop_span(m,
				  (struct s3m_tag){ (enum s3m_kind)field_get(T_KIND, tag), vmid,
						    (uint16_t)field_get(T_ASID, tag) },
				  span);
	}
}

void s3m_tlbi_ipa(struct smmuv3_model *m, uint16_t vmid, const struct s3m_span *span)
{
	m->model.counts.tlb_invalidations++;
	drop_span(m, (struct s3m_tag){ S3M_S2, vmid, 0 }, span);
}

void s3m_caches_fini(struct smmuv3_model *m)
{
	for (size_t i = 0; i < m->streams.size; i++)
		if (m->streams.at[i].mark)
			free((void *)(uintptr_t)m->streams.at[i].value[0]);
	sim_cache_fini(&m->streams);
	sim_cache_fini(&m->l1);
	sim_cache_fini(&m->tags);
	sim_cache_fini(&m->iotlb);
	sim_cache_fini(&m->tables);
}
