/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stream table entries and context descriptors, and how a device's entries move from one domain to another. Slow path, one thread at a
 * time for a unit. Specification: 3.21.3 (changing structures in memory), 5.2, 5.4.
 *
 * An entry has eight words, and hardware promises no more than to read each of them whole (3.21.3). It may read at any moment, and
 * has to see the old entry or the new one, nothing between (rule R7, case T26). Two ways lead there:
 *
 * In words, where the entry lies in a table of its own: words that the old Config does not use, then the one word that matters, then what
 * the new Config does not use; each step is invalidated before the next. Stage 1 needs no more: the table and the ASID are in a context
 * descriptor of the domain's, and an entry names it in the word that holds Config.
 *
 * By a copy of the whole second-level table, where two words matter (VMID and table, from one stage 2 domain to another) and where the
 * entry is in the table that all share: smmuv3_stream.c. A linear table is never copied; there such an entry aborts for a
 * moment, which is the one state between that the specification defines.
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

/* Words that matter to `want` and that are not there yet. */
static unsigned count_differing(const struct smmuv3_ste *now, const struct smmuv3_ste *want, unsigned *last)
{
	const struct smmuv3_ste used_then = smmuv3_ste_used(want);
	unsigned n = 0;

	for (unsigned i = 0; i < NWORDS; i++) {
		if (!((now->w[i] ^ want->w[i]) & used_then.w[i]))
			continue;
		*last = i;
		n++;
	}
	return n;
}

/* `now`, and of `want` all that nobody looks at now. */
static struct smmuv3_ste fill_unused(const struct smmuv3_ste *now, const struct smmuv3_ste *want)
{
	const struct smmuv3_ste used_now = smmuv3_ste_used(now);
	struct smmuv3_ste next;

	for (unsigned i = 0; i < NWORDS; i++)
		next.w[i] = (now->w[i] & used_now.w[i]) | (want->w[i] & ~used_now.w[i]);
	return next;
}

bool smmuv3_ste_next(const struct smmuv3_ste *now, const struct smmuv3_ste *want, struct smmuv3_ste *next)
{
	unsigned differing;
	unsigned at = 0;

	*next = fill_unused(now, want);
	if (memcmp(next, now, sizeof(*now)) != 0)
		return true;
	differing = count_differing(now, want, &at);
	if (differing == 1)
		next->w[at] = want->w[at];
	else if (differing)
		next->w[0] = smmuv3_ste_abort().w[0];
	return differing != 0;
}

bool smmuv3_ste_moves_in_words(const struct smmuv3_ste *now, const struct smmuv3_ste *want)
{
	const struct smmuv3_ste filled = fill_unused(now, want);
	unsigned at;

	return count_differing(&filled, want, &at) <= 1;
}

/* ---- Context descriptors: one of a domain for each unit that it is used on, found by its tag ------------------------------------ */

static struct smmuv3_cd *cd_at(struct smmuv3 *smmu, uint32_t tag, bool make)
{
	unsigned page_lg2 = smmu->granule_lg2 - 6; /* descriptors of a page of the pool */
	struct smmuv3_cd **page = &smmu->cds[tag >> page_lg2];

	if (!*page && make)
		*page = piommu_pool_get(smmu->unit->pool);
	return *page ? *page + (tag & ((1u << page_lg2) - 1)) : NULL;
}

/* Its words are changed while no entry names it; hardware has dropped those of the tag's last domain with the entry that did. */
static void cd_write(struct smmuv3 *smmu, struct smmuv3_cd *cd, const struct smmuv3_cd *want)
{
	if (memcmp(cd, want, sizeof(*cd)) == 0)
		return;
	entry_publish(&cd->w[0], 0);
	for (unsigned i = 1; i < NWORDS; i++)
		entry_store(&cd->w[i], want->w[i]);
	entry_publish(&cd->w[0], want->w[0]);
	smmuv3_writeback(smmu, cd, sizeof(*cd));
}

void smmuv3_cd_clear(struct smmuv3 *smmu, uint32_t tag)
{
	struct smmuv3_cd *cd = smmu->stage2 ? NULL : cd_at(smmu, tag, false);

	if (!cd)
		return;
	entry_publish(&cd->w[0], 0);
	smmuv3_writeback(smmu, cd, sizeof(*cd));
}

/* ---- What a domain makes of an entry ----------------------------------------------------------------------------------------- */

static struct smmuv3_table table_of(const struct smmuv3 *smmu, const struct piommu_pt *pt)
{
	return (struct smmuv3_table){
		.root_pa = pt->root_pa,
		.granule_lg2 = smmu->granule_lg2,
		.iova_bits = pt->iova_bits,
		.levels = pt->levels,
		.oas = smmu->oas,
		.mair = PIOMMU_PT_ARM_MAIR,
		.coherent = smmu->unit->caps.coherent,
	};
}

static int paging_entry(struct smmuv3 *smmu, struct piommu_domain *domain, uint32_t tag, struct smmuv3_ste *ste)
{
	const struct smmuv3_table table = table_of(smmu, &arm_domain_of(domain)->paging.pt);
	struct smmuv3_cd want;
	struct smmuv3_cd *cd;

	if (smmu->stage2) {
		*ste = smmuv3_ste_stage2(&table, (uint16_t)tag);
		return 0;
	}
	cd = cd_at(smmu, tag, true);
	if (!cd)
		return -ENOMEM;
	want = smmuv3_cd_make(&table, (uint16_t)tag);
	cd_write(smmu, cd, &want);
	*ste = smmuv3_ste_stage1(smmuv3_table_pa(smmu, cd), smmu->unit->caps.coherent);
	return 0;
}

static int entry_for(struct smmuv3 *smmu, struct piommu_domain *domain, uint32_t tag, struct smmuv3_ste *ste)
{
	switch (domain->type) {
	case PIOMMU_DOMAIN_IDENTITY:
		*ste = smmuv3_ste_bypass();
		return 0;
	case PIOMMU_DOMAIN_PAGING:
		return paging_entry(smmu, domain, tag, ste);
	case PIOMMU_DOMAIN_BLOCKING:
	default:
		*ste = smmuv3_ste_abort();
		return 0;
	}
}

/* ---- A device: all its stream ids ---------------------------------------------------------------------------------------------- */

static void store(struct smmuv3 *smmu, struct smmuv3_ste *at, const struct smmuv3_ste *value)
{
	for (unsigned i = 0; i < NWORDS; i++) {
		if (at->w[i] != value->w[i])
			entry_publish(&at->w[i], value->w[i]);
	}
	smmuv3_writeback(smmu, at, sizeof(*at));
}

/* One step for all: what differs is stored, then invalidated, with one wait. @return how many are not there yet, or an error */
static int step_all(struct smmuv3 *smmu, const struct smmuv3_move *moves, unsigned n, const struct smmuv3_ste *want)
{
	struct smmuv3_cmd cmd[PIOMMU_IDS_MAX];
	unsigned moved = 0;
	int err;

	for (unsigned i = 0; i < n; i++) {
		struct smmuv3_ste next;

		if (!smmuv3_ste_next(moves[i].at, want ? want : &moves[i].was, &next))
			continue;
		store(smmu, moves[i].at, &next);
		cmd[moved++] = smmuv3_cmd_cfgi_ste(moves[i].stream);
	}
	if (!moved)
		return 0;
	PIOMMU_YIELD("entry moved, not yet invalidated");
	err = smmuv3_inv_sync(smmu, cmd, moved);
	return err ? err : (int)moved;
}

static int move_all(struct smmuv3 *smmu, const struct smmuv3_move *moves, unsigned n, const struct smmuv3_ste *want)
{
	for (unsigned i = 0; i < STEPS; i++) {
		int left = step_all(smmu, moves, n, want);

		if (left <= 0)
			return left;
	}
	return 0;
}

/* All the way, although the unit may not follow: memory says what was. @return 0; otherwise hardware may use whatever it has cached */
static int put_back(struct smmuv3 *smmu, const struct smmuv3_move *moves, unsigned n)
{
	int err = 0;

	for (unsigned i = 0; i < STEPS; i++) {
		int left = step_all(smmu, moves, n, NULL);

		if (!left)
			break;
		err = left < 0 ? left : err;
	}
	return err;
}

static int check_ids(const struct smmuv3 *smmu, const struct piommu_device *device)
{
	for (unsigned i = 0; i < device->nids; i++) {
		const struct piommu_id *id = &device->ids[i];

		if (!id->mask && (uint64_t)id->id >> smmu->stream_bits == 0)
			continue;
		log_err(smmu->unit->log,
			"%s: %s has stream id 0x%x%s, and the stream table has ids of %u bits; firmware describes it wrong",
			smmu->unit->name, device->name, id->id, id->mask ? " with a mask" : "", smmu->stream_bits);
		return -EINVAL;
	}
	return 0;
}

/* An id that a device has twice moves once: two steps of one entry must not be taken without an invalidation between. */
static bool is_planned(const struct smmuv3_move *moves, unsigned n, uint32_t stream)
{
	for (unsigned i = 0; i < n; i++) {
		if (moves[i].stream == stream)
			return true;
	}
	return false;
}

/* Those entries that have to move. @return how many */
static unsigned plan_moves(const struct smmuv3 *smmu, const struct piommu_device *device, const struct smmuv3_ste *want,
			   struct smmuv3_move *moves)
{
	unsigned n = 0;

	for (unsigned i = 0; i < device->nids; i++) {
		uint32_t stream = device->ids[i].id;
		struct smmuv3_ste *at = smmuv3_entry_at(smmu, stream);

		if (memcmp(at, want, sizeof(*want)) == 0 || is_planned(moves, n, stream))
			continue;
		moves[n++] = (struct smmuv3_move){ stream, at, *at };
	}
	return n;
}

/* Whether all of them can move where they are; in a linear table they have to. */
static bool may_move_in_words(const struct smmuv3 *smmu, const struct smmuv3_move *moves, unsigned n,
			      const struct smmuv3_ste *want)
{
	for (unsigned i = 0; i < n && smmu->two_level; i++) {
		if (smmuv3_entry_is_shared(smmu, moves[i].stream) || !smmuv3_ste_moves_in_words(&moves[i].was, want))
			return false;
	}
	return true;
}

int smmuv3_attach(struct piommu_device *device, struct piommu_domain *domain, uint32_t tag)
{
	struct smmuv3 *smmu = smmuv3_of(device->unit);
	struct smmuv3_move moves[PIOMMU_IDS_MAX];
	struct smmuv3_ste want;
	int err = check_ids(smmu, device);
	unsigned n;

	if (!err)
		err = entry_for(smmu, domain, tag, &want);
	if (err)
		return err;
	n = plan_moves(smmu, device, &want, moves);
	if (!n)
		return 0;
	/*
	 * Pairs with the barrier of an unmap (doc/locking.md): either that unmap sees this unit in the domain's list, which the
	 * core has published, or hardware sees the cleared entries from here on.
	 */
	full_mb();
	if (!may_move_in_words(smmu, moves, n, &want))
		return smmuv3_tables_swap(smmu, moves, n, &want);
	err = move_all(smmu, moves, n, &want);
	if (err && put_back(smmu, moves, n))
		smmu->config_unknown = true;
	return err;
}
