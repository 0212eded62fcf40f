/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The stream table: its memory, where a stream's entry is, and how the entries of a device change all at once. Slow path, one thread at
 * a time for a unit (its mutex: neighbours in a table do not move meanwhile). Specification: 3.3.2, 3.21.3, 5.1.
 *
 * Of two levels, all first-level descriptors lead to one table in which every stream is on bypass, so that devices nobody claimed
 * keep working, hot-plugged ones too; 256 streams get a table of their own when the first device among them is attached. A linear
 * table (small, or of a unit that has no other) has bypass everywhere from the start. Where all DMA was aborted when the unit was
 * taken over, it is abort instead of bypass in both. First levels end at 2 MiB: ids that do not fit are said to be aborted.
 *
 * Entries that cannot move word by word move with their table. A copy of it gets the new entries, and one 64-bit store of the first-level
 * descriptor puts the copy in its place: hardware reads an entry out of the one or the other, and both are whole. Then all that is
 * cached of the configuration is dropped, descriptors too; when that is complete hardware knows nothing of the old table, and it is
 * a spare one for the next copy. No table is given back before shutdown: who looks on (smmuv3_walk.c) may be in it, and the
 * way back, after an error of another device, needs no memory.
 */
#include <errno.h>
#include <stdlib.h>

#include "smmuv3.h"

#define IN_TABLE ((1u << SMMUV3_SPLIT) - 1) /* bits of a stream id within a second-level table */

/* ---- Memory ------------------------------------------------------------------------------------------------------------------ */

static int table_alloc(struct smmuv3 *smmu, size_t len, struct piommu_mem *mem)
{
	struct piommu_platform *plat = smmu->unit->plat;

	return plat->ops->mem_alloc(plat, len, len, smmu->unit->fw->numa_node, mem);
}

static void table_free(struct smmuv3 *smmu, struct piommu_mem *mem)
{
	struct piommu_platform *plat = smmu->unit->plat;

	if (mem->va && !smmu->unit->keep_memory)
		plat->ops->mem_free(plat, mem);
	*mem = (struct piommu_mem){ 0 };
}

/* Streams that nobody has claimed. */
static void fill(struct smmuv3 *smmu, struct smmuv3_ste *table, size_t n)
{
	const struct smmuv3_ste unclaimed = smmu->keeps_abort ? smmuv3_ste_abort() : smmuv3_ste_bypass();

	for (size_t i = 0; i < n; i++)
		table[i] = unclaimed;
	smmuv3_writeback(smmu, table, n * sizeof(*table));
}

/* Aligned to its size, as the register wants it (6.3.24); memory is aligned to 2 MiB at most, so that a larger table gets twice as much. */
static int top_alloc(struct smmuv3 *smmu, size_t len)
{
	struct piommu_platform *plat = smmu->unit->plat;
	struct piommu_mem *mem = &smmu->strtab_mem;
	size_t most = (size_t)1 << 21;
	int err;

	if (len <= most)
		err = plat->ops->mem_alloc(plat, len, len, smmu->unit->fw->numa_node, mem);
	else
		err = plat->ops->mem_alloc(plat, 2 * len, most, smmu->unit->fw->numa_node, mem);
	if (err)
		return err;
	smmu->strtab = (char *)mem->va + (align_up(mem->pa, len) - mem->pa);
	return 0;
}

static int linear_create(struct smmuv3 *smmu)
{
	size_t n = (size_t)1 << smmu->stream_bits;
	int err = top_alloc(smmu, n * sizeof(struct smmuv3_ste));

	if (!err)
		fill(smmu, smmu->strtab, n);
	return err;
}

static int two_level_create(struct smmuv3 *smmu)
{
	size_t n = (size_t)1 << (smmu->stream_bits - SMMUV3_SPLIT);
	uint64_t *l1;
	int err = table_alloc(smmu, SMMUV3_L2_LEN, &smmu->shared);

	if (!err)
		err = top_alloc(smmu, n * sizeof(*l1) < 64 ? 64 : n * sizeof(*l1));
	if (err)
		return err;
	fill(smmu, smmu->shared.va, (size_t)1 << SMMUV3_SPLIT);
	l1 = smmu->strtab;
	for (size_t i = 0; i < n; i++)
		l1[i] = smmuv3_l1_desc(smmu->shared.pa, SMMUV3_SPLIT);
	smmuv3_writeback(smmu, l1, n * sizeof(*l1));
	return 0;
}

int smmuv3_tables_create(struct smmuv3 *smmu)
{
	unsigned bits = field_get32(SMMUV3_IDR1_SIDSIZE, smmu->idr1);

	smmu->two_level = field_get32(SMMUV3_IDR0_ST_LEVEL, smmu->idr0) == 1 && bits > SMMUV3_SPLIT;
	smmu->stream_bits = bits < SMMUV3_TWO_LEVEL_MAX ? bits : SMMUV3_TWO_LEVEL_MAX;
	if (smmu->stream_bits < bits)
		log_warn(smmu->unit->log,
			 "%s: its stream ids have %u bits, its table ends at %u: DMA with ids from 0x%llx on is aborted",
			 smmu->unit->name, bits, smmu->stream_bits, 1ull << smmu->stream_bits);
	return smmu->two_level ? two_level_create(smmu) : linear_create(smmu);
}

void smmuv3_tables_destroy(struct smmuv3 *smmu)
{
	struct smmuv3_l2 *l2;

	while ((l2 = smmu->tables) != NULL) {
		smmu->tables = l2->next;
		table_free(smmu, &l2->mem);
		free(l2);
	}
	table_free(smmu, &smmu->shared);
	table_free(smmu, &smmu->strtab_mem);
	smmu->strtab = NULL;
	for (size_t i = 0; i < sizeof(smmu->cds) / sizeof(smmu->cds[0]); i++) {
		if (smmu->cds[i] && !smmu->unit->keep_memory)
			piommu_pool_put(smmu->unit->pool, smmu->cds[i]);
		smmu->cds[i] = NULL;
	}
}

uint32_t smmuv3_strtab_cfg(const struct smmuv3 *smmu)
{
	return field_prep32(SMMUV3_STRTAB_FMT, smmu->two_level) |
	       field_prep32(SMMUV3_STRTAB_SPLIT, smmu->two_level ? SMMUV3_SPLIT : 0) |
	       field_prep32(SMMUV3_STRTAB_LOG2SIZE, smmu->stream_bits);
}

uint64_t smmuv3_strtab_base(const struct smmuv3 *smmu)
{
	return smmuv3_table_pa(smmu, smmu->strtab) | SMMUV3_STRTAB_RA;
}

/* ---- Where an entry is --------------------------------------------------------------------------------------------------------- */

static uint64_t *descriptor_of(const struct smmuv3 *smmu, uint32_t stream)
{
	return (uint64_t *)smmu->strtab + (stream >> SMMUV3_SPLIT);
}

static struct smmuv3_ste *table_at(const struct smmuv3 *smmu, uint64_t desc)
{
	return (struct smmuv3_ste *)((uintptr_t)(desc & SMMUV3_L1_ADDR) + smmu->unit->plat->va_off);
}

struct smmuv3_ste *smmuv3_entry_at(const struct smmuv3 *smmu, uint32_t stream)
{
	if (!smmu->two_level)
		return (struct smmuv3_ste *)smmu->strtab + stream;
	return table_at(smmu, *descriptor_of(smmu, stream)) + (stream & IN_TABLE);
}

bool smmuv3_entry_is_shared(const struct smmuv3 *smmu, uint32_t stream)
{
	return smmu->two_level && table_at(smmu, *descriptor_of(smmu, stream)) == smmu->shared.va;
}

/* ---- Tables change places ------------------------------------------------------------------------------------------------------- */

/* A copy, and the descriptor whose table it is of. */
struct swap {
	struct smmuv3_l2 *copy;
	uint64_t was;
};

/* A table that hardware knows nothing of. NULL: no memory. */
static struct smmuv3_l2 *take_spare(struct smmuv3 *smmu)
{
	struct smmuv3_l2 *l2;

	for (l2 = smmu->tables; l2; l2 = l2->next) {
		if (!l2->spare)
			continue;
		l2->spare = false;
		return l2;
	}
	l2 = calloc(1, sizeof(*l2));
	if (!l2)
		return NULL;
	if (table_alloc(smmu, SMMUV3_L2_LEN, &l2->mem)) {
		free(l2);
		return NULL;
	}
	l2->next = smmu->tables;
	smmu->tables = l2;
	return l2;
}

/* Word by word: who looks on may be in a table that is used again. */
static void copy_table(struct smmuv3_ste *to, const struct smmuv3_ste *from)
{
	for (unsigned i = 0; i <= IN_TABLE; i++) {
		for (unsigned w = 0; w < sizeof(from->w) / sizeof(from->w[0]); w++)
			entry_store(&to[i].w[w], from[i].w[w]);
	}
}

static struct swap *find_swap(struct swap *swaps, unsigned n, uint32_t stream)
{
	for (unsigned i = 0; i < n; i++) {
		if (swaps[i].copy->first >> SMMUV3_SPLIT == stream >> SMMUV3_SPLIT)
			return &swaps[i];
	}
	return NULL;
}

/* Of every table that one of the streams is in, with the new entries in it; hardware sees none of it yet. @return how many, or -ENOMEM */
static int make_copies(struct smmuv3 *smmu, const struct smmuv3_move *moves, unsigned n, const struct smmuv3_ste *want,
		       struct swap *swaps)
{
	unsigned ncopies = 0;

	for (unsigned i = 0; i < n; i++) {
		uint32_t stream = moves[i].stream;
		struct swap *swap = find_swap(swaps, ncopies, stream);

		if (!swap) {
			swap = &swaps[ncopies];
			swap->copy = take_spare(smmu);
			if (!swap->copy)
				goto give_up;
			swap->copy->first = stream & ~IN_TABLE;
			swap->was = *descriptor_of(smmu, stream);
			copy_table(swap->copy->mem.va, table_at(smmu, swap->was));
			ncopies++;
		}
		for (unsigned w = 0; w < sizeof(want->w) / sizeof(want->w[0]); w++)
			entry_store(&((struct smmuv3_ste *)swap->copy->mem.va)[stream & IN_TABLE].w[w], want->w[w]);
	}
	for (unsigned i = 0; i < ncopies; i++)
		smmuv3_writeback(smmu, swaps[i].copy->mem.va, SMMUV3_L2_LEN);
	return (int)ncopies;

give_up:
	for (unsigned i = 0; i < ncopies; i++)
		swaps[i].copy->spare = true;
	return -ENOMEM;
}

static void lead_to(struct smmuv3 *smmu, uint32_t stream, uint64_t desc)
{
	uint64_t *at = descriptor_of(smmu, stream);

	entry_publish(at, desc);
	smmuv3_writeback(smmu, at, sizeof(*at));
}

/* Entries and descriptors. Once that is complete, hardware knows the tables that descriptors lead to and no others. */
static int drop_cached(struct smmuv3 *smmu)
{
	struct smmuv3_cmd cmd = smmuv3_cmd_cfgi_all();
	int err = smmuv3_inv_sync(smmu, &cmd, 1);

	if (err)
		return err;
	for (struct smmuv3_l2 *l2 = smmu->tables; l2; l2 = l2->next)
		l2->spare = table_at(smmu, *descriptor_of(smmu, l2->first)) != l2->mem.va;
	return 0;
}

int smmuv3_tables_swap(struct smmuv3 *smmu, const struct smmuv3_move *moves, unsigned n, const struct smmuv3_ste *want)
{
	struct swap swaps[PIOMMU_IDS_MAX];
	int ncopies = make_copies(smmu, moves, n, want, swaps);
	int err;

	if (ncopies < 0)
		return ncopies;
	for (int i = 0; i < ncopies; i++)
		lead_to(smmu, swaps[i].copy->first, smmuv3_l1_desc(swaps[i].copy->mem.pa, SMMUV3_SPLIT));
	PIOMMU_YIELD("first level moved, not yet invalidated");
	err = drop_cached(smmu);
	if (!err)
		return 0;
	for (int i = 0; i < ncopies; i++)
		lead_to(smmu, swaps[i].copy->first, swaps[i].was);
	/* Where that fails, too, hardware may be in either table: neither is a spare one until all that is cached was dropped. */
	if (drop_cached(smmu))
		smmu->config_unknown = true;
	return err;
}
