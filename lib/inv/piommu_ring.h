/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The invalidation ring: descriptors in memory that the hardware consumes in order, many producers, completion by a
 * status word that the hardware writes, or by the index that it is asked for. A burst reserves its slots and one more for its wait descriptor by one atomic add, fills
 * them, and gets a ticket: the burst is complete when the status word has reached it. Bursts are published in order, with one doorbell
 * for each, or for several that became ready at once; no producer waits for another. The ring knows neither descriptor contents nor
 * registers; the driver gives it three small functions.
 *
 * Slots are free again when the burst that used them is complete (not when the hardware fetched them): one rule, one
 * counter, no read of a head register on the way.
 */
#ifndef PIOMMU_RING_H
#define PIOMMU_RING_H

#include "piommu_log.h"
#include "piommu_types.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct piommu_ring;

struct piommu_ring_ops {
	/** Write the wait descriptor that makes the hardware store `seq` (32 bits) at bus address `status_pa`. */
	void (*make_wait)(void *slot, uint64_t status_pa, uint32_t seq);
	/**
	 * Tell the hardware that slots up to (not including) `tail` are valid; `tail` is a position: modulo the number of slots, a slot's
	 * index. One thread at a time, any thread.
	 */
	void (*doorbell)(void *ctx, uint64_t tail);
	/**
	 * NULL: wait descriptors write a status word. Otherwise how far the hardware is: the position behind what it has executed,
	 * wait descriptors included, of which only as many bits count as a slot's index has, and one more. Called by who looks at a
	 * ticket that is not known to be complete, and where the ring seems full: a register read each. Any thread.
	 */
	uint64_t (*consumed)(void *ctx);
	/** Whether a slot holds a wait descriptor. Asked of slots that the hardware was told of, when it stopped among them. */
	bool (*is_wait)(const void *slot);
	/**
	 * Called by a waiter now and then while it waits, by any number at once. Sees to the unit's error state: where the queue
	 * has stopped, one of them calls piommu_ring_lose() and lets the hardware go on. NULL: nothing to see.
	 * @return 0: go on waiting; -EIO: the unit answers no more (the waiter returns this)
	 */
	int (*check)(void *ctx);
};

struct piommu_ring_config {
	void *slots; /**< descriptor memory */
	unsigned nslots_lg2;
	unsigned slot_size; /**< bytes */
	uint32_t *status;   /**< the status word, 4-byte aligned, on a cache line of its own; NULL with `consumed` */
	uint64_t status_pa;
	const struct piommu_ring_ops *ops;
	void *ctx;
	uint64_t (*now_ns)(void *clock_ctx);
	void (*relax)(void *clock_ctx); /**< one step of a wait that is no longer short; NULL: cpu_relax() */
	void *clock_ctx;
	uint64_t timeout_ns; /**< bound of every wait */
	uint64_t first;      /**< position of the first slot, a multiple of their number */
	void (*writeback)(void *clock_ctx, const void *va, size_t len); /**< non-coherent unit; NULL: none needed */
};

/** A burst's completion. 0 is "nothing to wait for". */
#ifndef PIOMMU_TICKET
#define PIOMMU_TICKET
typedef uint64_t piommu_ticket;
#endif

/** An empty ring over memory that the caller keeps. @return 0; -EINVAL; -ENOMEM */
int piommu_ring_create(const struct piommu_ring_config *config, struct piommu_ring **out);
/** Nobody may still wait for a ticket. The memory stays the caller's. */
void piommu_ring_destroy(struct piommu_ring *ring);

/**
 * A submission is near: what all producers write is fetched meanwhile, so that none stands still for it. To be called where a burst's
 * descriptors are about to be made, 10 to 50 ns ahead; earlier, and another producer has taken it away again. Any thread; changes nothing.
 */
void piommu_ring_expect(struct piommu_ring *ring);
/**
 * Copies `n` descriptors and a wait descriptor into the ring and rings the doorbell. n + 1 <= number of slots - 1.
 * Any thread; never blocks on hardware. Where another producer was faster and is not ready yet, that one rings for both, or whoever
 * next submits or looks at a ticket: what nobody ever looks at may stay behind.
 *
 * A full barrier where it returns 0: everything stored before the call is ordered before everything loaded after it. So who clears
 * table entries, submits and then reads a list of units needs no barrier between (doc/locking.md). Any other result promises nothing.
 * @return 0 and a ticket; -EAGAIN: no room now; -EINVAL: more than ever fits; -EIO: the ring has failed
 */
int piommu_ring_submit(struct piommu_ring *ring, const void *descriptors, unsigned n, piommu_ticket *ticket);
/** Whether the burst behind a ticket is complete; never true for one that failed (piommu_ring_wait() says so). Any thread. */
bool piommu_ring_done(struct piommu_ring *ring, piommu_ticket ticket);
/** The same in full; reads no register but by `consumed`. @return 0; -EINPROGRESS; -EIO: it failed, or the queue was given up. Any thread */
int piommu_ring_state(struct piommu_ring *ring, piommu_ticket ticket);
/** Waits, bounded. @return 0; -ETIMEDOUT; -EIO: the ring failed. Any thread, no lock held. */
int piommu_ring_wait(struct piommu_ring *ring, piommu_ticket ticket);
/** Submit and wait; waits for room, too. @return as these; never -EAGAIN */
int piommu_ring_sync(struct piommu_ring *ring, const void *descriptors, unsigned n);

/** Counts since creation, for statistics and for tests that assert them. */
struct piommu_ring_stats {
	uint64_t descriptors; /**< without wait descriptors */
	uint64_t waits; /**< wait descriptors: one a burst, and those that fill holes where producers raced for the last room */
	uint64_t doorbells; /**< no more than bursts and holes */
	uint64_t full;      /**< submissions that found no room */
	uint64_t failed;    /**< waits for a ticket that ended in an error */
};
void piommu_ring_stats(const struct piommu_ring *ring, struct piommu_ring_stats *out);
/**
 * The hardware has stopped in front of slot `head`, and fetches nothing until the caller lets it go on. Before that, this says
 * which bursts have failed; all others complete, or will. Their waiters wake with -EIO, also once the hardware is past them.
 *
 * `refused`: it took offence at the descriptor there, so its burst has failed. The caller then puts one there that it will take;
 * a wait descriptor was made anew already.
 * Otherwise: wait descriptors in front of `head` whose status is not there were aborted. Their bursts have failed, and the one
 * that `head` is in the middle of, of which it is not known.
 *
 * Any thread, one at a time, submitters and waiters beside it. @return the slot's position: differs from stop to stop, unless
 * the hardware did not get any further.
 */
uint64_t piommu_ring_lose(struct piommu_ring *ring, unsigned head, bool refused);
/** The queue is given up: submitters get -EIO, and waiters of what is not complete. Any thread. */
void piommu_ring_stop(struct piommu_ring *ring);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
