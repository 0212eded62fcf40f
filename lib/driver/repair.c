/* SPDX-License-Identifier: BSD-3-Clause */
/* Who repairs a queue that has stopped, and what is kept of it for the next poll: see piommu_repair.h. Waits for nothing but in clean. */
#include <errno.h>

#include "piommu_repair.h"

#define TRIES 8u /* stops at one place, or flushes that fail, before the queue is given up */

bool piommu_repair_begin(struct piommu_repair *repair)
{
	return !__atomic_exchange_n(&repair->busy, true, __ATOMIC_ACQUIRE);
}

void piommu_repair_end(struct piommu_repair *repair)
{
	__atomic_store_n(&repair->busy, false, __ATOMIC_RELEASE);
}

struct piommu_report *piommu_repair_report(struct piommu_repair *repair, uint32_t error, uint64_t now_ns)
{
	unsigned n = __atomic_load_n(&repair->nreports, __ATOMIC_RELAXED);

	if (n == PIOMMU_REPORTS) {
		repair->report[n - 1].error |= error;
		return NULL;
	}
	repair->report[n] = (struct piommu_report){ .error = error, .when_ns = now_ns };
	__atomic_store_n(&repair->nreports, n + 1, __ATOMIC_RELAXED);
	return &repair->report[n];
}

bool piommu_repair_gets_further(struct piommu_repair *repair, uint64_t at)
{
	repair->tries = at == repair->stopped_at ? repair->tries + 1 : 1;
	repair->stopped_at = at;
	return repair->tries <= TRIES;
}

void piommu_repair_give_up(struct piommu_repair *repair, struct piommu_ring *ring, const struct piommu_unit *unit,
			   const char *queue, const char *name, uint32_t value)
{
	if (__atomic_exchange_n(&repair->broken, true, __ATOMIC_RELAXED))
		return;
	piommu_ring_stop(ring);
	log_err(unit->log, "%s: its %s did not recover (%s 0x%08x): every unmap will fail; restart", unit->name, queue, name,
		value);
}

unsigned piommu_repair_reports(struct piommu_repair *repair, struct piommu_report *reports)
{
	unsigned n;

	if (!__atomic_load_n(&repair->nreports, __ATOMIC_RELAXED) || !piommu_repair_begin(repair))
		return 0;
	n = __atomic_load_n(&repair->nreports, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < n; i++)
		reports[i] = repair->report[i];
	__atomic_store_n(&repair->nreports, 0, __ATOMIC_RELAXED);
	piommu_repair_end(repair);
	return n;
}

bool piommu_repair_was_late(struct piommu_repair *repair)
{
	return __atomic_exchange_n(&repair->late, false, __ATOMIC_RELAXED);
}

int piommu_repair_clean(struct piommu_repair *repair, int (*invalidate_all)(void *ctx), void *ctx)
{
	int err = -EIO;

	if (!__atomic_exchange_n(&repair->unclean, false, __ATOMIC_RELAXED))
		return 0;
	for (unsigned i = 0; i < TRIES && err == -EIO; i++)
		err = invalidate_all(ctx);
	return err;
}
