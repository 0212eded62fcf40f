/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Invalidation. Commands are writes to registers, which nobody waits for; a sync, once for a burst, waits for all that went before it.
 * Between the clearing of page-table entries and piommu_domain_retire() in the flow. Entered by any registered thread; bring-up, attach
 * and flush_tag by the slow path.
 * Specification: 5.6 (TLB maintenance), 9.6 (TLBIVMID, TLBGSYNC), 16.5 (TLBIVA, TLBIASID, TLBIIPAS2, TLBSYNC).
 *
 * A context bank has a sync of its own, which is for what was written to that bank; commands of the first page have the global one. Commands
 * go side by side, syncs of one kind take turns: a second one would restart the first.
 */
#include <errno.h>
#include <string.h>

#include "piommu_turn.h"
#include "smmuv2.h"

/* ---- Set-up --------------------------------------------------------------------------------------------------------------------- */

/*
 * Orders of magnitude, no promises: the threshold is their ratio. A command is a write that the bus posts, and the unit looks through its
 * TLB for it; the sync is paid either way. With n pages against the whole of a domain: n * page > domain + live * refill, with as many
 * live translations as VT-d's driver reckons with.
 */
enum {
	COST_PAGE = 400,
	COST_DOMAIN = 500,
	COST_REFILL = 300,
	LIVE = 64,
};

void smmuv2_inv_init(struct smmuv2 *smmu)
{
	struct smmuv2_inv *inv = &smmu->inv;

	memset(inv, 0, sizeof(*inv));
	inv->max_pages = (COST_DOMAIN + LIVE * COST_REFILL) / COST_PAGE;
}

static int noted(struct smmuv2 *smmu, int err)
{
	if (__builtin_expect(err != 0, 0)) {
		atomic_fetch_add_explicit(&smmu->inv.failed, 1, memory_order_relaxed);
		if (err == -ETIMEDOUT) /* a unit that is gone is reported as that */
			atomic_store_explicit(&smmu->inv.late, true, memory_order_relaxed);
	}
	return err;
}

/* ---- Syncs ---------------------------------------------------------------------------------------------------------------------- */

/* One of the pairs of sync registers, and whose turn it is. */
struct sync {
	unsigned start;
	unsigned status; /* SACTIVE is set while it lasts */
	bool *busy;
};

static int sync_and_wait(struct smmuv2 *smmu, struct sync sync)
{
	uint64_t last;
	int err = piommu_turn_begin(smmu->unit, sync.busy);

	if (err)
		return noted(smmu, err);
	piommu_write32(smmu->window, sync.start, 0);
	err = piommu_turn_wait(smmu->unit, smmu->window, sync.status, 4, SMMUV2_TLBSTATUS_SACTIVE, &last);
	piommu_turn_end(sync.busy);
	atomic_fetch_add_explicit(&smmu->inv.syncs, 1, memory_order_relaxed);
	return noted(smmu, err);
}

static int sync_all(struct smmuv2 *smmu)
{
	unsigned alias = smmu->ns;

	return sync_and_wait(smmu,
			     (struct sync){ alias + SMMUV2_TLBGSYNC, alias + SMMUV2_TLBGSTATUS, &smmu->inv.global_syncing });
}

/* Of what invalidate() wrote: stage 2 as a whole is a matter of the first page. */
static int sync_bank(struct smmuv2 *smmu, unsigned bank, bool whole)
{
	if (whole && smmu->stage2)
		return sync_all(smmu);
	return sync_and_wait(smmu, (struct sync){ smmuv2_cb(smmu, bank, SMMUV2_CB_TLBSYNC),
						  smmuv2_cb(smmu, bank, SMMUV2_CB_TLBSTATUS), &smmu->inv.syncing[bank] });
}

/* ---- Commands --------------------------------------------------------------------------------------------------------------------- */

static void count(struct smmuv2 *smmu, unsigned n)
{
	atomic_fetch_add_explicit(&smmu->inv.commands, n, memory_order_relaxed);
}

/* The hypervisor's contexts are not ours, but firmware may have left some. */
int smmuv2_inv_all(struct smmuv2 *smmu)
{
	piommu_write32(smmu->window, SMMUV2_TLBIALLH, 0);
	piommu_write32(smmu->window, SMMUV2_TLBIALLNSNH, 0);
	count(smmu, 2);
	return sync_all(smmu);
}

static void invalidate_whole(struct smmuv2 *smmu, unsigned bank)
{
	if (smmu->stage2)
		piommu_write32(smmu->window, SMMUV2_TLBIVMID, smmuv2_vmid(smmu, bank));
	else
		piommu_write32(smmu->window, smmuv2_cb(smmu, bank, SMMUV2_CB_TLBIASID), smmuv2_asid(smmu, bank));
	count(smmu, 1);
}

/* Version 1 has no commands for leaves alone, and none by intermediate address. */
static void invalidate_page(struct smmuv2 *smmu, unsigned bank, uint64_t iova, bool leaf_only)
{
	unsigned at = smmu->stage2                   ? (leaf_only ? SMMUV2_CB_TLBIIPAS2L : SMMUV2_CB_TLBIIPAS2)
		      : leaf_only && !smmu->version1 ? SMMUV2_CB_TLBIVAL
						     : SMMUV2_CB_TLBIVA;
	unsigned off = smmuv2_cb(smmu, bank, at);
	uint16_t asid = smmuv2_asid(smmu, bank);

	if (smmu->aarch64)
		piommu_write64(smmu->window, off, smmu->stage2 ? iova >> 12 : smmuv2_tlbiva(iova, asid));
	else
		piommu_write32(smmu->window, off, smmu->stage2 ? (uint32_t)(iova >> 12) : smmuv2_tlbiva32(iova, asid));
}

unsigned smmuv2_inv_npages(const struct smmuv2 *smmu, const struct piommu_gather *gather)
{
	uint64_t npages = 0;

	if (gather->whole || (smmu->stage2 && smmu->version1))
		return 0;
	for (unsigned i = 0; i < gather->n; i++) {
		const struct piommu_span *range = &gather->range[i];

		npages += (range->last >> smmu->granule_lg2) - (range->start >> smmu->granule_lg2) + 1;
		if (npages > smmu->inv.max_pages)
			return 0;
	}
	return (unsigned)npages;
}

#define FANOUT 16u /* units served at once */

enum told {
	NOT,
	PAGES,
	WHOLE,
};

/*
 * Writes the commands for one unit. A bank that is off has nothing to invalidate, and no registers for it before it was first set up: the
 * list has the unit before that. Entries were cleared, with a full barrier, before this looks; bank_start() comes before the barrier of an
 * attach, and only after that is a stream mapped to the bank: who finds it off, cleared entries that it will never have read.
 */
static enum told invalidate(const struct piommu_domain_unit *at, const struct piommu_gather *gather)
{
	struct smmuv2 *smmu = smmuv2_of(at->unit);
	unsigned npages = smmuv2_inv_npages(smmu, gather);
	uint64_t page = BIT64(smmu->granule_lg2);

	if (!smmuv2_bank_is_on(smmu, at->tag))
		return NOT;
	if (!npages) {
		invalidate_whole(smmu, at->tag);
		return WHOLE;
	}
	for (unsigned i = 0; i < gather->n; i++) {
		uint64_t iova = align_down(gather->range[i].start, page);
		uint64_t n = (gather->range[i].last >> smmu->granule_lg2) - (iova >> smmu->granule_lg2) + 1;

		for (; n; n--, iova += page)
			invalidate_page(smmu, at->tag, iova, !gather->nonleaf);
	}
	count(smmu, npages);
	return PAGES;
}

/* Each unit works while the next one is told. */
static int gather_some(const struct piommu_domain_unit *at, unsigned n, const struct piommu_gather *gather)
{
	enum told told[FANOUT];
	int err = 0;

	for (unsigned i = 0; i < n; i++)
		told[i] = invalidate(&at[i], gather);
	for (unsigned i = 0; i < n; i++) {
		int one = told[i] == NOT ? 0 : sync_bank(smmuv2_of(at[i].unit), at[i].tag, told[i] == WHOLE);

		err = err ? err : one;
	}
	return err;
}

int smmuv2_inv_gather(const struct piommu_domain_units *units, const struct piommu_gather *gather)
{
	int err = 0;

	for (unsigned i = 0; i < units->n; i += FANOUT) {
		int some = gather_some(&units->at[i], units->n - i < FANOUT ? units->n - i : FANOUT, gather);

		err = err ? err : some;
	}
	return err;
}

/* Nothing has ordered the cleared entries before what invalidate() looks at yet. */
int smmuv2_inv_submit(const struct piommu_domain_units *units, const struct piommu_gather *gather, struct piommu_fence *fence)
{
	(void)fence;
	full_mb();
	return smmuv2_inv_gather(units, gather);
}

int smmuv2_flush_tag(struct piommu_unit *unit, uint32_t tag)
{
	struct smmuv2 *smmu = smmuv2_of(unit);
	int err;

	if (smmu->streams_unknown) {
		/* A mapping that hardware kept would bring the tag's translations back after a flush of them alone. */
		err = smmuv2_inv_all(smmu);
		smmu->streams_unknown = err != 0;
	} else {
		/* A bank that is off has been flushed since it translated; one that never did may have no register for it. */
		if (!smmuv2_bank_is_on(smmu, tag))
			return 0;
		invalidate_whole(smmu, tag);
		err = sync_bank(smmu, tag, true);
	}
	if (!err && smmuv2_bank_is_on(smmu, tag) && !smmuv2_bank_used(smmu, tag))
		smmuv2_bank_stop(smmu, tag);
	return err;
}

void smmuv2_inv_stats(const struct piommu_unit *unit, struct piommu_ring_stats *out)
{
	const struct smmuv2 *smmu = smmuv2_of(unit);

	memset(out, 0, sizeof(*out));
	out->descriptors = atomic_load_explicit(&smmu->inv.commands, memory_order_relaxed);
	out->waits = atomic_load_explicit(&smmu->inv.syncs, memory_order_relaxed);
	out->failed = atomic_load_explicit(&smmu->inv.failed, memory_order_relaxed);
}
