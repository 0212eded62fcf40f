/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Invalidations that failed: what a stopped queue takes with it, and how it goes on. Who repairs, and the report of it, is as in every
 * driver (piommu_repair.h). Entered by any registered thread, no lock. Nothing here waits for hardware, but for vtd_inv_clean().
 * Specification: 6.5.2.10 (errors of the queue), 11.4.7.1 (FSTS).
 */
#include <errno.h>

#include "vtd.h"

#define STOPPED (VTD_FSTS_IQE | VTD_FSTS_ITE)

static void report(struct vtd *vtd, uint32_t fsts, uint64_t head)
{
	const struct vtd_pair *slots = vtd->inv.mem.va;
	struct piommu_report *told = piommu_repair_report(&vtd->inv.repair, fsts, piommu_plat_now_ns(vtd->unit->plat));

	if (!told || !(fsts & VTD_FSTS_IQE) || head >= BIT64(VTD_QUEUE_LG2))
		return;
	told->refused[0] = slots[head].lo;
	told->refused[1] = slots[head].hi;
}

static void give_up(struct vtd *vtd, uint32_t fsts)
{
	piommu_repair_give_up(&vtd->inv.repair, vtd->inv.ring, vtd->unit, "invalidation queue", "FSTS", fsts);
}

/*
 * An ITE aborts the waits that hardware was at, an IQE is about the descriptor at the head; both can be there. A descriptor that
 * was refused is replaced by one that drops every translation; all else in the queue is executed as if nothing had been. Its burst has
 * failed: who sent it undoes what it was for.
 */
static void restart(struct vtd *vtd, uint32_t fsts)
{
	struct vtd_pair *slots = vtd->inv.mem.va;
	uint64_t head = field_get(VTD_IQ_INDEX, piommu_read64(vtd->window, VTD_IQH));
	uint64_t at = 0;

	report(vtd, fsts & STOPPED, head);
	if (head >= BIT64(VTD_QUEUE_LG2)) {
		give_up(vtd, fsts);
		return;
	}
	if (fsts & VTD_FSTS_ITE)
		at = piommu_ring_lose(vtd->inv.ring, (unsigned)head, false);
	if (fsts & VTD_FSTS_IQE) {
		at = piommu_ring_lose(vtd->inv.ring, (unsigned)head, true);
		if (!vtd_is_wait(&slots[head]))
			slots[head] = vtd_desc_iotlb_global(vtd->inv.drain);
	}
	if (!piommu_repair_gets_further(&vtd->inv.repair, at)) {
		give_up(vtd, fsts);
		return;
	}
	piommu_repair_unclean(&vtd->inv.repair);
	PIOMMU_YIELD("losses noted, queue about to go on");
	piommu_write32(vtd->window, VTD_FSTS, fsts & STOPPED);
}

void vtd_inv_repair(struct vtd *vtd)
{
	struct piommu_repair *repair = &vtd->inv.repair;
	uint32_t fsts;

	if (!vtd->inv.ring || !piommu_repair_begin(repair))
		return;
	fsts = piommu_read32(vtd->window, VTD_FSTS);
	if (fsts != UINT32_MAX && fsts & STOPPED && !piommu_repair_is_broken(repair))
		restart(vtd, fsts);
	piommu_repair_end(repair);
}

static int invalidate_all(void *ctx)
{
	return vtd_inv_all(ctx);
}

void vtd_inv_clean(struct vtd *vtd)
{
	if (piommu_repair_clean(&vtd->inv.repair, invalidate_all, vtd))
		give_up(vtd, piommu_read32(vtd->window, VTD_FSTS));
}
