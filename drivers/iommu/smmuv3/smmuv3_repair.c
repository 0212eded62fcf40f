/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Global errors: what a stopped command queue takes with it, how it goes on, and the report of it and of all else that GERROR says.
 * Whoever meets an error first repairs, be it a waiter or a poll, so that nobody waits for a poll that does not come; the report is
 * kept for the next poll, which alone has somebody to tell. Entered by any registered thread, no lock: a flag lets one repair, the
 * others go on waiting for their own bursts. Nothing here waits for hardware, but for smmuv3_inv_clean().
 * Specification: 6.3.17 (GERROR), 7.1 (command queue errors), 7.5 (global errors), 12.3 (service failure mode).
 */
#include <errno.h>

#include "smmuv3.h"

#define TRIES 8u /* stops at one place, or flushes that fail, before the queue is given up */

/* Only the owner of the flag writes GERRORN: an error that comes after its look must not be taken for one that was repaired. */
static bool own(struct smmuv3_inv *inv)
{
	return !atomic_exchange_explicit(&inv->repairing, true, memory_order_acquire);
}

static void disown(struct smmuv3_inv *inv)
{
	atomic_store_explicit(&inv->repairing, false, memory_order_release);
}

/* Where there is no room, the last report speaks for those that follow it. */
static struct smmuv3_report *report(struct smmuv3 *smmuv3, uint32_t errors)
{
	struct smmuv3_inv *inv = &smmuv3->inv;
	unsigned n = atomic_load_explicit(&inv->nreports, memory_order_relaxed);

	if (n == SMMUV3_REPORTS) {
		inv->report[n - 1].gerror |= errors;
		return &inv->report[n - 1];
	}
	inv->report[n] = (struct smmuv3_report){ .gerror = errors, .when_ns = piommu_plat_now_ns(smmuv3->unit->plat) };
	atomic_store_explicit(&inv->nreports, n + 1, memory_order_relaxed);
	return &inv->report[n];
}

static void acknowledge(struct smmuv3 *smmuv3, uint32_t errors)
{
	uint32_t gerrorn = atomic_load_explicit(&smmuv3->inv.gerrorn, memory_order_relaxed) ^ errors;

	atomic_store_explicit(&smmuv3->inv.gerrorn, gerrorn, memory_order_relaxed);
	piommu_write32(smmuv3->window, SMMUV3_GERRORN, gerrorn);
}

static void give_up(struct smmuv3 *smmuv3, uint32_t cons)
{
	if (atomic_exchange_explicit(&smmuv3->inv.broken, true, memory_order_relaxed))
		return;
	piommu_ring_stop(smmuv3->inv.ring);
	log_err(smmuv3->unit->log, "%s: its command queue did not recover (CMDQ_CONS 0x%08x): every unmap will fail; restart",
		smmuv3->unit->name, cons);
}

/* @return false: it stops at this place again and again */
static bool gets_further(struct smmuv3_inv *inv, uint64_t at)
{
	inv->tries = at == inv->stopped_at ? inv->tries + 1 : 1;
	inv->stopped_at = at;
	return inv->tries <= TRIES;
}

/*
 * The queue stands in front of the command that CMDQ_CONS names, which was refused (ILL), could not be read (ABT), or is a CMD_SYNC
 * whose device did not answer (ATC_INV_SYNC). Its burst has failed. It is replaced by one that drops more than any could have; all
 * else in the queue is executed as if nothing had been.
 * @return whether the queue may go on
 */
static bool restart(struct smmuv3 *smmuv3, struct smmuv3_report *told)
{
	struct smmuv3_inv *inv = &smmuv3->inv;
	struct smmuv3_cmd *slots = inv->mem.va;
	uint32_t cons = piommu_read32(smmuv3->window, SMMUV3_CMDQ_CONS);
	unsigned head = cons & ((1u << inv->nslots_lg2) - 1);
	uint64_t at;

	told->cerror = field_get32(SMMUV3_CMDQ_CONS_ERR, cons);
	told->refused = slots[head];
	at = piommu_ring_lose(inv->ring, head, true);
	if (!smmuv3_is_wait(&slots[head]))
		slots[head] = smmuv3_cmd_tlbi_nsnh_all();
	smmuv3_writeback(smmuv3, &slots[head], sizeof(slots[head]));
	if (!gets_further(inv, at)) {
		give_up(smmuv3, cons);
		return false;
	}
	atomic_store_explicit(&inv->unclean, true, memory_order_relaxed);
	PIOMMU_YIELD("losses noted, queue about to go on");
	return true;
}

static void repair(struct smmuv3 *smmuv3, uint32_t errors)
{
	struct smmuv3_report *told;

	if (errors & SMMUV3_GERROR_CMDQ && atomic_load_explicit(&smmuv3->inv.broken, memory_order_relaxed))
		errors &= ~SMMUV3_GERROR_CMDQ; /* stays: it is what keeps the unit from going on */
	if (!errors)
		return;
	told = report(smmuv3, errors);
	if (errors & SMMUV3_GERROR_CMDQ && !restart(smmuv3, told))
		errors &= ~SMMUV3_GERROR_CMDQ;
	acknowledge(smmuv3, errors);
}

void smmuv3_inv_repair(struct smmuv3 *smmuv3)
{
	struct smmuv3_inv *inv = &smmuv3->inv;
	uint32_t gerror;

	if (!own(inv))
		return;
	gerror = piommu_read32(smmuv3->window, SMMUV3_GERROR);
	if (gerror != UINT32_MAX)
		repair(smmuv3, smmuv3_errors(smmuv3, gerror));
	disown(inv);
}

unsigned smmuv3_inv_reports(struct smmuv3 *smmuv3, struct smmuv3_report *reports)
{
	struct smmuv3_inv *inv = &smmuv3->inv;
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

void smmuv3_inv_clean(struct smmuv3 *smmuv3)
{
	struct smmuv3_inv *inv = &smmuv3->inv;
	int err = -EIO;

	if (!atomic_exchange_explicit(&inv->unclean, false, memory_order_relaxed))
		return;
	for (unsigned i = 0; i < TRIES && err == -EIO; i++)
		err = smmuv3_inv_all(smmuv3); /* which may fail, and be repaired, like any other */
	if (err)
		give_up(smmuv3, piommu_read32(smmuv3->window, SMMUV3_CMDQ_CONS));
}
