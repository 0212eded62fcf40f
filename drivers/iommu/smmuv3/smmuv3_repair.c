/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Global errors: what a stopped command queue takes with it, how it goes on, and all else that GERROR says. Who repairs, and the report
 * of it, is as in every driver (piommu_repair.h). Entered by any registered thread, no lock. Nothing here waits for hardware, but for
 * smmuv3_inv_clean().
 * Specification: 6.3.17 (GERROR), 7.1 (command queue errors), 7.5 (global errors), 12.3 (service failure mode).
 */
#include <errno.h>

#include "smmuv3.h"

static void acknowledge(struct smmuv3 *smmu, uint32_t errors)
{
	uint32_t gerrorn = atomic_load_explicit(&smmu->inv.gerrorn, memory_order_relaxed) ^ errors;

	atomic_store_explicit(&smmu->inv.gerrorn, gerrorn, memory_order_relaxed);
	piommu_write32(smmu->window, SMMUV3_GERRORN, gerrorn);
}

static void give_up(struct smmuv3 *smmu, uint32_t cons)
{
	piommu_repair_give_up(&smmu->inv.repair, smmu->inv.ring, smmu->unit, "command queue", "CMDQ_CONS", cons);
}

/*
 * The queue stands in front of the command that CMDQ_CONS names, which was refused (ILL), could not be read (ABT), or is a CMD_SYNC
 * whose device did not answer (ATC_INV_SYNC). It is replaced by one that drops every translation; all else in the queue is executed as
 * if nothing had been. Its burst has failed: who sent it undoes what it was for, and where that was configuration, the next poll drops all
 * of that, too.
 * @return whether the queue may go on
 */
static bool restart(struct smmuv3 *smmu, struct piommu_report *told)
{
	struct smmuv3_inv *inv = &smmu->inv;
	struct smmuv3_cmd *slots = inv->mem.va;
	uint32_t cons = piommu_read32(smmu->window, SMMUV3_CMDQ_CONS);
	unsigned head = cons & ((1u << inv->nslots_lg2) - 1);
	uint64_t at;

	if (told) {
		told->code = field_get32(SMMUV3_CMDQ_CONS_ERR, cons);
		told->refused[0] = slots[head].lo;
		told->refused[1] = slots[head].hi;
	}
	at = piommu_ring_lose(inv->ring, head, true);
	if (!smmuv3_is_wait(&slots[head]))
		slots[head] = smmuv3_cmd_tlbi_nsnh_all();
	smmuv3_writeback(smmu, &slots[head], sizeof(slots[head]));
	if (!piommu_repair_gets_further(&inv->repair, at)) {
		give_up(smmu, cons);
		return false;
	}
	piommu_repair_unclean(&inv->repair);
	PIOMMU_YIELD("losses noted, queue about to go on");
	return true;
}

static void repair(struct smmuv3 *smmu, uint32_t errors)
{
	struct piommu_repair *state = &smmu->inv.repair;
	struct piommu_report *told;

	if (errors & SMMUV3_GERROR_CMDQ && piommu_repair_is_broken(state))
		errors &= ~SMMUV3_GERROR_CMDQ; /* stays: it is what keeps the unit from going on */
	if (!errors)
		return;
	told = piommu_repair_report(state, errors, piommu_plat_now_ns(smmu->unit->plat));
	if (errors & SMMUV3_GERROR_CMDQ && !restart(smmu, told))
		errors &= ~SMMUV3_GERROR_CMDQ;
	acknowledge(smmu, errors);
}

void smmuv3_inv_repair(struct smmuv3 *smmu)
{
	struct smmuv3_inv *inv = &smmu->inv;
	uint32_t gerror;

	if (!piommu_repair_begin(&inv->repair))
		return;
	gerror = piommu_read32(smmu->window, SMMUV3_GERROR);
	if (gerror != UINT32_MAX)
		repair(smmu, smmuv3_errors(smmu, gerror));
	piommu_repair_end(&inv->repair);
}

static int invalidate_all(void *ctx)
{
	return smmuv3_inv_all(ctx);
}

void smmuv3_inv_clean(struct smmuv3 *smmu)
{
	if (piommu_repair_clean(&smmu->inv.repair, invalidate_all, smmu))
		give_up(smmu, piommu_read32(smmu->window, SMMUV3_CMDQ_CONS));
}
