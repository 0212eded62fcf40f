/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Invalidations that failed: what a stopped queue takes with it, how it goes on, and the report of it. Whoever meets the error
 * first repairs, be it a waiter or a poll, so that nobody waits for a poll that does not come; the report is kept for the next
 * poll, which alone has somebody to tell. Entered by any registered thread, no lock: a flag lets one repair, the others go on
 * waiting for their own bursts. Nothing here waits for hardware, but for vtd_inv_clean().
 * Specification: 6.5.2.10 (errors of the queue), 11.4.7.1 (FSTS).
 */
#include <errno.h>

#include "vtd.h"

#define STOPPED (VTD_FSTS_IQE | VTD_FSTS_ITE)
#define TRIES 8u /* stops at one place, or flushes that fail, before the queue is given up */

/* Only the owner of the flag clears an error: one that comes after its look must not be taken for one that was repaired. */
static bool own(struct vtd_inv *inv)
{
	return !atomic_exchange_explicit(&inv->repairing, true, memory_order_acquire);
}

static void disown(struct vtd_inv *inv)
{
	atomic_store_explicit(&inv->repairing, false, memory_order_release);
}

/* Where there is no room, the last report speaks for those that follow it. */
static void report(struct vtd *vtd, uint32_t fsts, uint64_t head)
{
	const struct vtd_pair *slots = vtd->inv.mem.va;
	struct vtd_inv *inv = &vtd->inv;
	unsigned n = atomic_load_explicit(&inv->nreports, memory_order_relaxed);
	struct vtd_report *report;

	if (n == VTD_REPORTS) {
		inv->report[n - 1].fsts |= fsts;
		return;
	}
	report = &inv->report[n];
	*report = (struct vtd_report){ .fsts = fsts, .when_ns = piommu_plat_now_ns(vtd->unit->plat) };
	if (fsts & VTD_FSTS_IQE && head < BIT64(VTD_QUEUE_LG2))
		report->refused = slots[head];
	atomic_store_explicit(&inv->nreports, n + 1, memory_order_relaxed);
}

static void give_up(struct vtd *vtd, uint32_t fsts)
{
	if (atomic_exchange_explicit(&vtd->inv.broken, true, memory_order_relaxed))
		return;
	piommu_ring_stop(vtd->inv.ring);
	log_err(vtd->unit->log, "%s: its invalidation queue did not recover (FSTS 0x%08x): every unmap will fail; restart",
		vtd->unit->name, fsts);
}

/* @return false: it stops at this place again and again */
static bool gets_further(struct vtd_inv *inv, uint64_t at)
{
	inv->tries = at == inv->stopped_at ? inv->tries + 1 : 1;
	inv->stopped_at = at;
	return inv->tries <= TRIES;
}

/*
 * An ITE aborts the waits that hardware was at, an IQE is about the descriptor at the head; both can be there. A descriptor that
 * was refused is replaced by one that drops more than any could have; all else in the queue is executed as if nothing had been.
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
	if (!gets_further(&vtd->inv, at)) {
		give_up(vtd, fsts);
		return;
	}
	atomic_store_explicit(&vtd->inv.unclean, true, memory_order_relaxed);
	PIOMMU_YIELD("losses noted, queue about to go on");
	piommu_write32(vtd->window, VTD_FSTS, fsts & STOPPED);
}

void vtd_inv_repair(struct vtd *vtd)
{
	struct vtd_inv *inv = &vtd->inv;
	uint32_t fsts;

	if (!inv->ring || !own(inv))
		return;
	fsts = piommu_read32(vtd->window, VTD_FSTS);
	if (fsts != UINT32_MAX && fsts & STOPPED && !atomic_load_explicit(&inv->broken, memory_order_relaxed))
		restart(vtd, fsts);
	disown(inv);
}

unsigned vtd_inv_reports(struct vtd *vtd, struct vtd_report *reports)
{
	struct vtd_inv *inv = &vtd->inv;
	unsigned n;

	if (!atomic_load_explicit(&inv->nreports, memory_order_relaxed) || !own(inv))
		return 0;
	n = atomic_load_explicit(&inv->nreports, memory_order_relaxed);
	for (unsigned i = 0; i < n; i++)
		reports[i] = inv->report[i];
	atomic_store_explicit(&inv->nreports, 0, memory_order_relaxed);
	disown(inv);
	return n;
}

void vtd_inv_clean(struct vtd *vtd)
{
	struct vtd_inv *inv = &vtd->inv;
	int err = -EIO;

	if (!atomic_exchange_explicit(&inv->unclean, false, memory_order_relaxed))
		return;
	for (unsigned i = 0; i < TRIES && err == -EIO; i++)
		err = vtd_inv_all(vtd); /* which may fail, and be repaired, like any other */
	if (err)
		give_up(vtd, piommu_read32(vtd->window, VTD_FSTS));
}
