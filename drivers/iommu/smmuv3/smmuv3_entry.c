/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The stream table and context descriptors, and how a device's entry moves from one domain to another. Slow path, one thread at a
 * time for a unit. Specification: 3.3 (data structures), 3.21.3 (changing them), 5.1, 5.2, 5.4.
 *
 * Of two levels, all first-level descriptors lead to one table in which every stream is on bypass, so that devices nobody claimed
 * keep working, hot-plugged ones too; 256 streams get a copy of their own when the first device among them is attached. A linear
 * table (small, or of a unit that has no other) has bypass everywhere from the start. First levels end at 2 MiB: ids that do not
 * fit are said to be aborted.
 *
 * An entry has eight words, and hardware promises no more than to read each of them whole (3.21.3). It may read at any moment, and
 * has to see the old entry or the new one, nothing between (rule R7, case T26). So an entry moves in steps: words that the old
 * Config does not use, then the one word that matters, then what the new Config does not use; each step is invalidated before
 * the next. Stage 1 needs no more: the table and the ASID are in a context descriptor of the domain's, and an entry names it in the
 * word that holds Config. From one stage 2 domain to another two words matter, VMID and table: such an entry aborts for a moment,
 * which is the one state between that the specification defines.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "arm_domain.h"
#include "smmuv3.h"

#define NWORDS 8u
#define STEPS 6u /* the longest way has five: unused words, abort, words, Config, unused words */

/* ---- The way of an entry ------------------------------------------------------------------------------------------------------ */

#define ATTRIBUTES \
	(SMMUV3_STE1_MEMATTR | SMMUV3_STE1_MTCFG | SMMUV3_STE1_ALLOCCFG | SMMUV3_STE1_SHCFG | SMMUV3_STE1_NSCFG | \
	 SMMUV3_STE1_PRIVCFG | SMMUV3_STE1_INSTCFG)

/* Rather too much than too little: a bit that is called used takes part in the one word that matters. */
struct smmuv3_ste smmuv3_ste_used(const struct smmuv3_ste *ste)
{
	uint64_t config = field_get(SMMUV3_STE0_CONFIG, ste->w[0]);
	struct smmuv3_ste used = { { SMMUV3_STE0_V } };

	if (!(ste->w[0] & SMMUV3_STE0_V))
		return used;
	used.w[0] |= SMMUV3_STE0_CONFIG;
	if (!(config & SMMUV3_CONFIG_BYPASS))
		return used; /* all of 0xx is abort */
	used.w[1] = ATTRIBUTES;
	if (config == SMMUV3_CONFIG_BYPASS)
		return used;
	used.w[1] |= SMMUV3_STE1_MEV | SMMUV3_STE1_EATS;
	used.w[2] = SMMUV3_STE2_S2VMID; /* tags TLB entries of stage 1, too */
	if (config & 1) {
		used.w[0] |= SMMUV3_STE0_S1FMT | SMMUV3_STE0_S1CONTEXTPTR | SMMUV3_STE0_S1CDMAX;
		used.w[1] |= SMMUV3_STE1_S1DSS | SMMUV3_STE1_S1CIR | SMMUV3_STE1_S1COR | SMMUV3_STE1_S1CSH |
			     SMMUV3_STE1_S1STALLD | SMMUV3_STE1_STRW;
	}
	if (config & 2) {
		used.w[2] |= SMMUV3_STE2_STAGE2;
		used.w[3] = SMMUV3_STE3_S2TTB;
	}
	return used;
}

bool smmuv3_ste_next(const struct smmuv3_ste *now, const struct smmuv3_ste *want, struct smmuv3_ste *next)
{
	const struct smmuv3_ste used_now = smmuv3_ste_used(now);
	const struct smmuv3_ste used_then = smmuv3_ste_used(want);
	unsigned differing = 0;
	unsigned at = 0;

	for (unsigned i = 0; i < NWORDS; i++)
		next->w[i] = (now->w[i] & used_now.w[i]) | (want->w[i] & ~used_now.w[i]);
	if (memcmp(next, now, sizeof(*now)) != 0)
		return true;
	for (unsigned i = 0; i < NWORDS; i++) {
		if ((now->w[i] ^ want->w[i]) & used_then.w[i]) {
			differing++;
			at = i;
		}
	}
	if (differing == 1)
		next->w[at] = want->w[at];
	else if (differing)
		next->w[0] = smmuv3_ste_abort().w[0];
	return differing != 0;
}

/* ---- Tables ------------------------------------------------------------------------------------------------------------------ */

static int table_alloc(struct smmuv3 *smmuv3, size_t len, struct piommu_mem *mem)
{
	struct piommu_platform *plat = smmuv3->unit->plat;

	return plat->ops->mem_alloc(plat, len, len, smmuv3->unit->fw->numa_node, mem);
}

static void table_free(struct smmuv3 *smmuv3, struct piommu_mem *mem)
{
	struct piommu_platform *plat = smmuv3->unit->plat;

	if (mem->va && !smmuv3->unit->keep_memory)
		plat->ops->mem_free(plat, mem);
	*mem = (struct piommu_mem){ 0 };
}

static uint64_t table_pa(const struct smmuv3 *smmuv3, const void *table)
{
	return (uintptr_t)table - smmuv3->unit->plat->va_off;
}

static void fill_bypass(struct smmuv3 *smmuv3, struct smmuv3_ste *table, size_t n)
{
	const struct smmuv3_ste bypass = smmuv3_ste_bypass();

	for (size_t i = 0; i < n; i++)
		table[i] = bypass;
	smmuv3_writeback(smmuv3, table, n * sizeof(*table));
}

/* Aligned to its size, as the register wants it (6.3.24); memory is aligned to 2 MiB at most, so that a larger table gets twice as much. */
static int top_alloc(struct smmuv3 *smmuv3, size_t len)
{
	struct piommu_platform *plat = smmuv3->unit->plat;
	struct piommu_mem *mem = &smmuv3->strtab_mem;
	size_t most = (size_t)1 << 21;
	int err;

	if (len <= most)
		err = plat->ops->mem_alloc(plat, len, len, smmuv3->unit->fw->numa_node, mem);
	else
		err = plat->ops->mem_alloc(plat, 2 * len, most, smmuv3->unit->fw->numa_node, mem);
	if (err)
		return err;
	smmuv3->strtab = (char *)mem->va + (align_up(mem->pa, len) - mem->pa);
	return 0;
}

static int linear_create(struct smmuv3 *smmuv3)
{
	size_t n = (size_t)1 << smmuv3->stream_bits;
	int err = top_alloc(smmuv3, n * sizeof(struct smmuv3_ste));

	if (!err)
		fill_bypass(smmuv3, smmuv3->strtab, n);
	return err;
}

static int two_level_create(struct smmuv3 *smmuv3)
{
	size_t n = (size_t)1 << (smmuv3->stream_bits - SMMUV3_SPLIT);
	uint64_t *l1;
	int err = table_alloc(smmuv3, SMMUV3_L2_LEN, &smmuv3->shared);

	if (!err)
		err = top_alloc(smmuv3, n * sizeof(*l1) < 64 ? 64 : n * sizeof(*l1));
	if (err)
		return err;
	fill_bypass(smmuv3, smmuv3->shared.va, (size_t)1 << SMMUV3_SPLIT);
	l1 = smmuv3->strtab;
	for (size_t i = 0; i < n; i++)
		l1[i] = smmuv3_l1_desc(smmuv3->shared.pa, SMMUV3_SPLIT);
	smmuv3_writeback(smmuv3, l1, n * sizeof(*l1));
	return 0;
}

int smmuv3_tables_create(struct smmuv3 *smmuv3)
{
	unsigned bits = field_get32(SMMUV3_IDR1_SIDSIZE, smmuv3->idr1);

	smmuv3->two_level = field_get32(SMMUV3_IDR0_ST_LEVEL, smmuv3->idr0) == 1 && bits > SMMUV3_SPLIT;
	smmuv3->stream_bits = bits < SMMUV3_TWO_LEVEL_MAX ? bits : SMMUV3_TWO_LEVEL_MAX;
	if (smmuv3->stream_bits < bits)
		log_warn(smmuv3->unit->log,
			 "%s: its stream ids have %u bits, its table ends at %u: DMA with ids from 0x%llx on is aborted",
			 smmuv3->unit->name, bits, smmuv3->stream_bits, 1ull << smmuv3->stream_bits);
	return smmuv3->two_level ? two_level_create(smmuv3) : linear_create(smmuv3);
}

void smmuv3_tables_destroy(struct smmuv3 *smmuv3)
{
	struct smmuv3_l2 *l2;

	while ((l2 = smmuv3->own) != NULL) {
		smmuv3->own = l2->next;
		table_free(smmuv3, &l2->mem);
		free(l2);
	}
	table_free(smmuv3, &smmuv3->shared);
	table_free(smmuv3, &smmuv3->strtab_mem);
	smmuv3->strtab = NULL;
	for (size_t i = 0; i < sizeof(smmuv3->cds) / sizeof(smmuv3->cds[0]); i++) {
		if (smmuv3->cds[i] && !smmuv3->unit->keep_memory)
			piommu_pool_put(smmuv3->unit->pool, smmuv3->cds[i]);
		smmuv3->cds[i] = NULL;
	}
}

uint32_t smmuv3_strtab_cfg(const struct smmuv3 *smmuv3)
{
	return field_prep32(SMMUV3_STRTAB_FMT, smmuv3->two_level) |
	       field_prep32(SMMUV3_STRTAB_SPLIT, smmuv3->two_level ? SMMUV3_SPLIT : 0) |
	       field_prep32(SMMUV3_STRTAB_LOG2SIZE, smmuv3->stream_bits);
}

uint64_t smmuv3_strtab_base(const struct smmuv3 *smmuv3)
{
	return table_pa(smmuv3, smmuv3->strtab) | SMMUV3_STRTAB_RA;
}

/* ---- Where an entry is --------------------------------------------------------------------------------------------------------- */

static struct smmuv3_ste *entry_at(struct smmuv3 *smmuv3, uint32_t stream)
{
	uint64_t desc;
	uintptr_t l2;

	if (!smmuv3->two_level)
		return (struct smmuv3_ste *)smmuv3->strtab + stream;
	desc = ((const uint64_t *)smmuv3->strtab)[stream >> SMMUV3_SPLIT];
	l2 = (uintptr_t)(desc & SMMUV3_L1_ADDR) + smmuv3->unit->plat->va_off;
	return (struct smmuv3_ste *)l2 + (stream & ((1u << SMMUV3_SPLIT) - 1));
}

static void publish_l2(struct smmuv3 *smmuv3, uint32_t stream, uint64_t l2_pa)
{
	uint64_t *desc = (uint64_t *)smmuv3->strtab + (stream >> SMMUV3_SPLIT);

	entry_publish(desc, smmuv3_l1_desc(l2_pa, SMMUV3_SPLIT));
	smmuv3_writeback(smmuv3, desc, sizeof(*desc));
}

static bool is_shared(struct smmuv3 *smmuv3, uint32_t stream)
{
	const char *entry = (const char *)entry_at(smmuv3, stream);
	const char *shared = smmuv3->shared.va;

	return smmuv3->two_level && entry >= shared && entry < shared + SMMUV3_L2_LEN;
}

/* Gives a stream and its neighbours a table of their own, a copy of the shared one. */
static int own_table(struct smmuv3 *smmuv3, uint32_t stream)
{
	struct smmuv3_cmd cmd = smmuv3_cmd_cfgi_all();
	struct smmuv3_l2 *l2;
	int err;

	if (!is_shared(smmuv3, stream))
		return 0;
	l2 = calloc(1, sizeof(*l2));
	if (!l2)
		return -ENOMEM;
	err = table_alloc(smmuv3, SMMUV3_L2_LEN, &l2->mem);
	if (err) {
		free(l2);
		return err;
	}
	memcpy(l2->mem.va, smmuv3->shared.va, SMMUV3_L2_LEN);
	smmuv3_writeback(smmuv3, l2->mem.va, SMMUV3_L2_LEN);
	l2->next = smmuv3->own;
	smmuv3->own = l2; /* freed with the unit's tables, also where hardware may hold on to it after an error */
	publish_l2(smmuv3, stream, l2->mem.pa);
	PIOMMU_YIELD("first level moved, not yet invalidated");
	/* Until this is done, hardware may look for the entries in the shared table. */
	err = smmuv3_inv_sync(smmuv3, &cmd, 1);
	if (err)
		publish_l2(smmuv3, stream, smmuv3->shared.pa);
	return err;
}

/* ---- Context descriptors: one of a domain for each unit that it is used on, found by its tag ------------------------------------ */

static struct smmuv3_cd *cd_at(struct smmuv3 *smmuv3, uint32_t tag, bool make)
{
	unsigned page_lg2 = smmuv3->granule_lg2 - 6; /* descriptors of a page of the pool */
	struct smmuv3_cd **page = &smmuv3->cds[tag >> page_lg2];

	if (!*page && make)
		*page = piommu_pool_get(smmuv3->unit->pool);
	return *page ? *page + (tag & ((1u << page_lg2) - 1)) : NULL;
}

/* Its words are changed while no entry names it; hardware has dropped those of the tag's last domain with the entry that did. */
static void cd_write(struct smmuv3 *smmuv3, struct smmuv3_cd *cd, const struct smmuv3_cd *want)
{
	if (memcmp(cd, want, sizeof(*cd)) == 0)
		return;
	entry_publish(&cd->w[0], 0);
	for (unsigned i = 1; i < NWORDS; i++)
		entry_store(&cd->w[i], want->w[i]);
	entry_publish(&cd->w[0], want->w[0]);
	smmuv3_writeback(smmuv3, cd, sizeof(*cd));
}

void smmuv3_cd_clear(struct smmuv3 *smmuv3, uint32_t tag)
{
	struct smmuv3_cd *cd = smmuv3->stage2 ? NULL : cd_at(smmuv3, tag, false);

	if (!cd)
		return;
	entry_publish(&cd->w[0], 0);
	smmuv3_writeback(smmuv3, cd, sizeof(*cd));
}

/* ---- What a domain makes of an entry ----------------------------------------------------------------------------------------- */

static struct smmuv3_table table_of(const struct smmuv3 *smmuv3, const struct piommu_pt *pt)
{
	return (struct smmuv3_table){
		.root_pa = pt->root_pa,
		.granule_lg2 = smmuv3->granule_lg2,
		.iova_bits = pt->iova_bits,
		.levels = pt->levels,
		.oas = smmuv3->oas,
		.mair = PIOMMU_PT_ARM_MAIR,
		.coherent = smmuv3->unit->caps.coherent,
	};
}

static int paging_entry(struct smmuv3 *smmuv3, struct piommu_domain *domain, uint32_t tag, struct smmuv3_ste *ste)
{
	const struct smmuv3_table table = table_of(smmuv3, &arm_domain_of(domain)->paging.pt);
	struct smmuv3_cd want;
	struct smmuv3_cd *cd;

	if (smmuv3->stage2) {
		*ste = smmuv3_ste_stage2(&table, (uint16_t)tag);
		return 0;
	}
	cd = cd_at(smmuv3, tag, true);
	if (!cd)
		return -ENOMEM;
	want = smmuv3_cd_make(&table, (uint16_t)tag);
	cd_write(smmuv3, cd, &want);
	*ste = smmuv3_ste_stage1(table_pa(smmuv3, cd), smmuv3->unit->caps.coherent);
	return 0;
}

static int entry_for(struct smmuv3 *smmuv3, struct piommu_domain *domain, uint32_t tag, struct smmuv3_ste *ste)
{
	switch (domain->type) {
	case PIOMMU_DOMAIN_IDENTITY:
		*ste = smmuv3_ste_bypass();
		return 0;
	case PIOMMU_DOMAIN_PAGING:
		return paging_entry(smmuv3, domain, tag, ste);
	case PIOMMU_DOMAIN_BLOCKING:
	default:
		*ste = smmuv3_ste_abort();
		return 0;
	}
}

/* ---- A device: all its stream ids ---------------------------------------------------------------------------------------------- */

struct move {
	uint32_t stream;
	struct smmuv3_ste *at;
	struct smmuv3_ste was;
};

static void store(struct smmuv3 *smmuv3, struct smmuv3_ste *at, const struct smmuv3_ste *value)
{
	for (unsigned i = 0; i < NWORDS; i++) {
		if (at->w[i] != value->w[i])
			entry_publish(&at->w[i], value->w[i]);
	}
	smmuv3_writeback(smmuv3, at, sizeof(*at));
}

/* One step for all: what differs is stored, then invalidated, with one wait. @return how many are not there yet, or an error */
static int step_all(struct smmuv3 *smmuv3, const struct move *moves, unsigned n, const struct smmuv3_ste *want)
{
	struct smmuv3_cmd cmd[PIOMMU_IDS_MAX];
	unsigned moved = 0;
	int err;

	for (unsigned i = 0; i < n; i++) {
		struct smmuv3_ste next;

		if (!smmuv3_ste_next(moves[i].at, want ? want : &moves[i].was, &next))
			continue;
		store(smmuv3, moves[i].at, &next);
		cmd[moved++] = smmuv3_cmd_cfgi_ste(moves[i].stream);
	}
	if (!moved)
		return 0;
	PIOMMU_YIELD("entry moved, not yet invalidated");
	err = smmuv3_inv_sync(smmuv3, cmd, moved);
	return err ? err : (int)moved;
}

static int move_all(struct smmuv3 *smmuv3, const struct move *moves, unsigned n, const struct smmuv3_ste *want)
{
	for (unsigned i = 0; i < STEPS; i++) {
		int left = step_all(smmuv3, moves, n, want);

		if (left <= 0)
			return left;
	}
	return 0;
}

/* All the way, although the unit may not follow: memory says what was. @return 0; otherwise hardware may use whatever it has cached */
static int put_back(struct smmuv3 *smmuv3, const struct move *moves, unsigned n)
{
	int err = 0;

	for (unsigned i = 0; i < STEPS; i++) {
		int left = step_all(smmuv3, moves, n, NULL);

		if (!left)
			break;
		err = left < 0 ? left : err;
	}
	return err;
}

static int check_ids(const struct smmuv3 *smmuv3, const struct piommu_device *device)
{
	for (unsigned i = 0; i < device->nids; i++) {
		const struct piommu_id *id = &device->ids[i];

		if (!id->mask && (uint64_t)id->id >> smmuv3->stream_bits == 0)
			continue;
		log_err(smmuv3->unit->log,
			"%s: %s has stream id 0x%x%s, and the stream table has ids of %u bits; firmware describes it wrong",
			smmuv3->unit->name, device->name, id->id, id->mask ? " with a mask" : "", smmuv3->stream_bits);
		return -EINVAL;
	}
	return 0;
}

/* An id that a device has twice moves once: two steps of one entry must not be taken without an invalidation between. */
static bool is_planned(const struct move *moves, unsigned n, uint32_t stream)
{
	for (unsigned i = 0; i < n; i++) {
		if (moves[i].stream == stream)
			return true;
	}
	return false;
}

/* Those entries that have to move, each in a table of its own. @return how many, or an error */
static int plan_moves(struct smmuv3 *smmuv3, const struct piommu_device *device, const struct smmuv3_ste *want,
		      struct move *moves)
{
	unsigned n = 0;

	for (unsigned i = 0; i < device->nids; i++) {
		uint32_t stream = device->ids[i].id;
		int err;

		if (memcmp(entry_at(smmuv3, stream), want, sizeof(*want)) == 0 || is_planned(moves, n, stream))
			continue;
		err = own_table(smmuv3, stream);
		if (err)
			return err;
		moves[n].stream = stream;
		moves[n].at = entry_at(smmuv3, stream);
		moves[n++].was = *entry_at(smmuv3, stream);
	}
	return (int)n;
}

int smmuv3_attach(struct piommu_device *device, struct piommu_domain *domain, uint32_t tag)
{
	struct smmuv3 *smmuv3 = smmuv3_of(device->unit);
	struct move moves[PIOMMU_IDS_MAX];
	struct smmuv3_ste want;
	int err = check_ids(smmuv3, device);
	int n;

	if (!err)
		err = entry_for(smmuv3, domain, tag, &want);
	if (err)
		return err;
	n = plan_moves(smmuv3, device, &want, moves);
	if (n < 0)
		return n;
	/*
	 * Pairs with the barrier of an unmap (doc/locking.md): either that unmap sees this unit in the domain's list, which the
	 * core has published, or hardware sees the cleared entries from here on.
	 */
	full_mb();
	err = move_all(smmuv3, moves, (unsigned)n, &want);
	if (err && put_back(smmuv3, moves, (unsigned)n))
		smmuv3->config_unknown = true;
	return err;
}
