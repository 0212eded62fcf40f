/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The ring's state, and what its two files share: ring.c, which is the ring as long as all goes well and says how it works, and
 * ring_loss.c, which knows what was lost when the hardware stopped.
 */
#ifndef RING_H
#define RING_H

#include <stdatomic.h>

#include "piommu_bits.h"
#include "piommu_mmio.h"
#include "piommu_ring.h"

#define RING_LOSSES 8u /* of which it is known exactly which tickets they took */

/* Tickets in (from, to] failed. */
struct ring_loss {
	_Atomic uint64_t from;
	_Atomic uint64_t to;
};

struct piommu_ring {
	struct piommu_ring_config config;
	uint64_t nslots;

	/*
	 * All that a submission writes here, in one line: it comes once for a burst, and where it was asked for in time nobody waits for it.
	 * Below the first it is written by who has the turn: no atomic adds.
	 */
	_Alignas(64) _Atomic uint64_t reserved;
	_Atomic uint64_t published; /* whose turn it is */
	_Atomic uint64_t told;      /* what the hardware knows of; ahead of `published` during a turn */
	_Atomic uint64_t waits;
	_Atomic uint64_t doorbells;

	/* Mostly read. */
	/* At some time in the last lap; written by who has the turn. By index: by whoever asked the hardware, only upwards. */
	_Alignas(64) _Atomic uint64_t completed;
	_Atomic uint64_t lost_to; /* the last ticket that failed: those after it need no closer look */
	_Atomic bool stopped;     /* given up */
	bool by_index;            /* there is no status word: the hardware is asked how far it is */

	_Alignas(64) _Atomic uint64_t nfull;
	_Atomic uint64_t nfailed;

	/* Written by piommu_ring_lose() alone, one thread at a time. */
	_Alignas(64) struct ring_loss losses[RING_LOSSES];
	unsigned nlosses;
	_Atomic uint64_t forgotten; /* tickets up to here may have failed: their losses are no longer kept */

	/* By the slot where a burst begins: its ticket, once it is ready and has no turn. Older ones are of no meaning. */
	_Alignas(64) _Atomic uint64_t marks[];
};

static inline unsigned ring_slot_of(const struct piommu_ring *ring, uint64_t position)
{
	return (unsigned)(position & (ring->nslots - 1));
}

static inline void *ring_slot_at(const struct piommu_ring *ring, uint64_t position)
{
	return (char *)ring->config.slots + (size_t)ring_slot_of(ring, position) * ring->config.slot_size;
}

/*
 * Position up to which the hardware is done. `completed` is read before the status word, so the difference of their low
 * halves is how far the hardware went since, and a thread that slept for 2^32 slots in between errs to the safe side. `told` is
 * read after it: what was completed is seen to have been told.
 */
static inline uint64_t ring_completed(const struct piommu_ring *ring)
{
	uint64_t seen = atomic_load_explicit(&ring->completed, memory_order_acquire);
	uint32_t ahead;

	if (ring->by_index)
		return seen;
	ahead = __atomic_load_n(ring->config.status, __ATOMIC_ACQUIRE) - (uint32_t)seen;
	io_rmb();
	/* A device that writes what it was never told makes no progress here. */
	if (ahead > atomic_load_explicit(&ring->told, memory_order_acquire) - seen)
		return seen;
	return seen + ahead;
}

static inline void ring_writeback(struct piommu_ring *ring, uint64_t position, unsigned n)
{
	size_t size = ring->config.slot_size;
	uint64_t to_end = ring->nslots - ring_slot_of(ring, position);
	unsigned first = n < to_end ? n : (unsigned)to_end;

	if (!ring->config.writeback)
		return;
	ring->config.writeback(ring->config.clock_ctx, ring_slot_at(ring, position), first * size);
	if (n > first)
		ring->config.writeback(ring->config.clock_ctx, ring->config.slots, (n - first) * size);
}

/* ring_loss.c: whether the burst behind a ticket has failed. */
bool ring_is_lost(struct piommu_ring *ring, uint64_t ticket);

#endif
