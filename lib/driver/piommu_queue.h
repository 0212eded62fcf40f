/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What drivers whose units have an invalidation queue share: one gather goes to every unit of a domain, each unit's commands are sent before
 * any is waited for. Folded into the driver's two functions of a paging domain (piommu_paging.h). Any registered thread.
 * Installed; compiles alone as C and C++.
 */
#ifndef PIOMMU_QUEUE_H
#define PIOMMU_QUEUE_H

#include <errno.h>

#include "piommu_driver.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

#define PIOMMU_QUEUE_INLINE static inline __attribute__((always_inline))
#define PIOMMU_QUEUE_FANOUT 16u /* units served at once */

enum piommu_when_full {
	PIOMMU_FULL_WAIT, /**< wait for room, and then for completion */
	PIOMMU_FULL_AGAIN,
};

/**
 * A driver's: sends what the gather needs to one unit. `*ticket` is 0 where nothing is left to wait for. @return 0; -EAGAIN: no room, and
 * PIOMMU_FULL_AGAIN; -ETIMEDOUT, -EIO
 */
typedef int (*piommu_queue_send_fn)(const struct piommu_domain_unit *at, const struct piommu_gather *gather,
				    enum piommu_when_full when_full, piommu_ticket *ticket);
/** A driver's: waits for a ticket, bounded. What struct piommu_driver has as fence_wait. */
typedef int (*piommu_queue_wait_fn)(const struct piommu_unit *unit, piommu_ticket ticket);

/* All of at most PIOMMU_QUEUE_FANOUT units. */
PIOMMU_QUEUE_INLINE int piommu_queue_gather_some(const struct piommu_domain_unit *at, unsigned n,
						 const struct piommu_gather *gather, piommu_queue_send_fn send,
						 piommu_queue_wait_fn wait)
{
	piommu_ticket tickets[PIOMMU_QUEUE_FANOUT];
	int err = 0;

	for (unsigned i = 0; i < n; i++) {
		int sent = send(&at[i], gather, PIOMMU_FULL_WAIT, &tickets[i]);

		err = err ? err : sent;
	}
	for (unsigned i = 0; i < n; i++) {
		int done = tickets[i] ? wait(at[i].unit, tickets[i]) : 0;

		err = err ? err : done;
	}
	return err;
}

/** What `gather` holds, on every unit of the list, complete on return. @return 0, or the first unit's error */
PIOMMU_QUEUE_INLINE int piommu_queue_gather(const struct piommu_domain_units *units, const struct piommu_gather *gather,
					    piommu_queue_send_fn send, piommu_queue_wait_fn wait)
{
	int err = 0;

	for (unsigned i = 0; i < units->n; i += PIOMMU_QUEUE_FANOUT) {
		unsigned n = units->n - i < PIOMMU_QUEUE_FANOUT ? units->n - i : PIOMMU_QUEUE_FANOUT;
		int some = piommu_queue_gather_some(&units->at[i], n, gather, send, wait);

		err = err ? err : some;
	}
	return err;
}

/**
 * The same without the wait, which is for who has the fence; but units that it has no room for, or that leave nothing to wait for, are done.
 * @return 0; -EAGAIN: a queue is full, `fence` says nothing; -EIO, -ETIMEDOUT: a unit did not follow, the others did
 */
PIOMMU_QUEUE_INLINE int piommu_queue_submit(const struct piommu_domain_units *units, const struct piommu_gather *gather,
					    struct piommu_fence *fence, piommu_queue_send_fn send, piommu_queue_wait_fn wait)
{
	int err = 0;

	for (unsigned i = 0; i < units->n; i++) {
		const struct piommu_domain_unit *at = &units->at[i];
		piommu_ticket ticket;
		int sent = send(at, gather, PIOMMU_FULL_AGAIN, &ticket);

		if (sent == -EAGAIN)
			return sent;
		if (ticket && fence->n == PIOMMU_FENCE_UNITS) {
			sent = wait(at->unit, ticket);
		} else if (ticket) {
			fence->at[fence->n].epoch = at->unit->epoch;
			fence->at[fence->n++].ticket = ticket;
		}
		err = err ? err : sent;
	}
	return err;
}

/**
 * A unit's ring, in memory of its own: the slots from its beginning on, then a page for the status word. `config` is what the driver has to
 * say of it: slots, ops, ctx, writeback. Slow path. @return 0; -ENOMEM, or what the platform returned
 */
int piommu_queue_create(const struct piommu_unit *unit, struct piommu_ring_config config, struct piommu_mem *mem,
			struct piommu_ring **out);
/** Idempotent. The memory stays where keep_memory says so. */
void piommu_queue_destroy(const struct piommu_unit *unit, struct piommu_mem *mem, struct piommu_ring **ring);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
