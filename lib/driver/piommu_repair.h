/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What drivers share when an invalidation queue stops: who repairs it, how often, and the reports of it until somebody asks. Whoever
 * meets an error first repairs, be it a waiter or a poll, so that nobody waits for a poll that does not come; the report is kept for
 * the next poll, which alone has somebody to tell. What the error registers mean, and how a queue goes on, is the driver's.
 *
 * No lock: a flag lets one thread repair, the others go on waiting for their own bursts. Installed; compiles alone as C and C++.
 */
#ifndef PIOMMU_REPAIR_H
#define PIOMMU_REPAIR_H

#include "piommu_driver.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

#define PIOMMU_REPORTS 8u

/** An error, from its repair to the next poll. */
struct piommu_report {
	uint32_t error; /**< of the family's error register, with a bit set */
	uint32_t code;  /**< what another register says of it */
	uint64_t when_ns;
	uint64_t refused[2]; /**< the command that was refused; zeroes: none was */
};

/** State of a unit's repairs; zeroes at first. */
struct piommu_repair {
	bool late;    /**< a command was not done in time; said at the next poll */
	bool broken;  /**< could not be repaired; said once */
	bool unclean; /**< something failed: what it was for may still be cached */
	bool busy;    /**< somebody repairs: has what follows, and the unit's error bits */
	unsigned nreports;
	struct piommu_report report[PIOMMU_REPORTS];
	uint64_t stopped_at; /**< position in the ring */
	unsigned tries;      /**< stops there, one after the other */
};

/** Only who has begun clears an error: one that comes after its look must not be taken for one that was repaired. Any thread. */
bool piommu_repair_begin(struct piommu_repair *repair);
void piommu_repair_end(struct piommu_repair *repair);

/* ---- Between these two ---- */

/** A report to fill; NULL: there is no room, and the last one speaks for this one, too. */
struct piommu_report *piommu_repair_report(struct piommu_repair *repair, uint32_t error, uint64_t now_ns);
/** The queue has stopped at `at`, a position of piommu_ring_lose(). @return false: it stops there again and again */
bool piommu_repair_gets_further(struct piommu_repair *repair, uint64_t at);

/* ---- Any thread, at any time ---- */

/** Nothing helps. Says so once: `queue` did not recover, and the register `name` is `value`. */
void piommu_repair_give_up(struct piommu_repair *repair, struct piommu_ring *ring, const struct piommu_unit *unit,
			   const char *queue, const char *name, uint32_t value);

static inline bool piommu_repair_is_broken(const struct piommu_repair *repair)
{
	return __atomic_load_n(&repair->broken, __ATOMIC_RELAXED);
}

/** What failed commands were for may still be cached: the next poll invalidates everything. */
static inline void piommu_repair_unclean(struct piommu_repair *repair)
{
	__atomic_store_n(&repair->unclean, true, __ATOMIC_RELAXED);
}

static inline void piommu_repair_late(struct piommu_repair *repair)
{
	__atomic_store_n(&repair->late, true, __ATOMIC_RELAXED);
}

/* ---- The thread that polls ---- */

/** Whether something is noted that no register shows any more. */
static inline bool piommu_repair_has_news(const struct piommu_repair *repair)
{
	return __atomic_load_n(&repair->nreports, __ATOMIC_RELAXED) || __atomic_load_n(&repair->late, __ATOMIC_RELAXED);
}

/** Takes the reports out. @return how many, at most PIOMMU_REPORTS */
unsigned piommu_repair_reports(struct piommu_repair *repair, struct piommu_report *reports);
/** Whether a command was late since this was last asked. */
bool piommu_repair_was_late(struct piommu_repair *repair);
/**
 * What failed commands were for must not stay cached until a later one happens to cover it: `invalidate_all`, which may fail and be
 * repaired like any other, where something is unclean. Waits, bounded. @return 0, or its error: to be given up
 */
int piommu_repair_clean(struct piommu_repair *repair, int (*invalidate_all)(void *ctx), void *ctx);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
