/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Yield points: named places where an order between threads matters. A build with -Dyield_points=true may give the processor
 * away there, so that a stress test meets interleavings that come once a month otherwise; in any other build they are nothing.
 * Fault points: what may fail there and in practice never does when a test wants it to. In such a build a test decides.
 */
#ifndef PIOMMU_YIELD_H
#define PIOMMU_YIELD_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* All exist in builds with yield points alone. */

/** Goes on at once, spins, yields or sleeps for a moment: what the calling thread's seed and `where` make of it. */
void piommu_yield(const char *where);
/** From here on the calling thread takes part, in a sequence of its own; 0: no longer. */
void piommu_yield_seed(uint64_t seed);
/** From here on `fn` is called at the calling thread's points, whatever its seed; NULL: none. A test does there what others might do. */
void piommu_yield_call(void (*fn)(const char *where));

/*
 * The full barrier between the clearing of entries and the reading of a domain's list of units (doc/locking.md): no test sees it
 * missing, because a store buffer drains sooner than an attach gets by. So each of the three steps tells, and the last one aborts
 * where the calling thread has not had the second one since the first.
 */
void piommu_order_cleared(void);
void piommu_order_fenced(void);
void piommu_order_listing(void);

/** Whether what is tried at `where` is to fail. */
bool piommu_fault(const char *where);
/** From here on `fn` says so for the calling thread; NULL: nothing fails. */
void piommu_fault_ask(bool (*fn)(const char *where));

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#ifdef PIOMMU_YIELD_POINTS
#define PIOMMU_YIELD(where) piommu_yield(where)
#define PIOMMU_ORDER(step) piommu_order_##step()
#define PIOMMU_FAULT(where) piommu_fault(where)
#else
#define PIOMMU_YIELD(where) ((void)0)
#define PIOMMU_ORDER(step) ((void)0)
#define PIOMMU_FAULT(where) false
#endif

#endif
