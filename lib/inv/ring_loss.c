/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which bursts failed when the hardware stopped over an error. Looked up by whoever asks for a ticket, written while the hardware stands
 * still, by one thread at a time; no lock.
 */
#include "ring.h"

/* `to` before `from`, the reverse of keep_loss(): a loss that changes meanwhile is seen empty, never too large. */
bool ring_is_lost(struct piommu_ring *ring, uint64_t ticket)
{
	if (!ticket || ticket > atomic_load_explicit(&ring->lost_to, memory_order_acquire))
		return false;
	for (unsigned i = 0; i < RING_LOSSES; i++) {
		uint64_t to = atomic_load_explicit(&ring->losses[i].to, memory_order_acquire);
		uint64_t from = atomic_load_explicit(&ring->losses[i].from, memory_order_acquire);

		if (ticket > from && ticket <= to)
			return true;
	}
	/* Last: whoever saw a loss emptied above sees here that it is forgotten. */
	return ticket <= atomic_load_explicit(&ring->forgotten, memory_order_acquire);
}

/* The ticket of the burst that slot `at` is in. */
static uint64_t burst_of(const struct piommu_ring *ring, uint64_t at, uint64_t end)
{
	for (; at < end; at++)
		if (ring->config.ops->is_wait(ring_slot_at(ring, at)))
			return at + 1;
	return end; /* its wait descriptor is spoilt */
}

/* The ticket before that one; `done` where that is complete. */
static uint64_t burst_before(const struct piommu_ring *ring, uint64_t at, uint64_t done)
{
	while (at > done && !ring->config.ops->is_wait(ring_slot_at(ring, at - 1)))
		at--;
	return at;
}

/* A loss is replaced after its tickets are forgotten, and empty in between. */
static void keep_loss(struct piommu_ring *ring, uint64_t from, uint64_t to)
{
	struct ring_loss *loss = &ring->losses[ring->nlosses++ % RING_LOSSES];

	atomic_store_explicit(&ring->forgotten, atomic_load_explicit(&loss->to, memory_order_relaxed), memory_order_release);
	atomic_store_explicit(&loss->from, UINT64_MAX, memory_order_release);
	atomic_store_explicit(&loss->to, to, memory_order_release);
	atomic_store_explicit(&loss->from, from, memory_order_release);
	atomic_store_explicit(&ring->lost_to, to, memory_order_release);
}

uint64_t piommu_ring_lose(struct piommu_ring *ring, unsigned head, bool refused)
{
	uint64_t end, done, at, from, to;

	io_rmb(); /* `head` came from a register: what was told by the doorbell that led there is seen */
	end = atomic_load_explicit(&ring->told, memory_order_acquire);
	done = ring_completed(ring);
	at = done + ring_slot_of(ring, head - done); /* less than a lap is outstanding */
	from = done;
	to = at;
	if (refused) {
		from = burst_before(ring, at, done);
		to = burst_of(ring, at, end);
	} else if (at > done && burst_before(ring, at, done) != at) {
		to = burst_of(ring, at, end);
	}
	if (from < to)
		keep_loss(ring, from, to);
	if (refused && to == at + 1) {
		ring->config.ops->make_wait(ring_slot_at(ring, at), ring->config.status_pa, (uint32_t)to);
		ring_writeback(ring, at, 1);
	}
	/* The status of aborted waits is never written, and nothing else writes it now. Release: after the loss. */
	if (!refused && at > done && !ring->by_index)
		__atomic_store_n(ring->config.status, (uint32_t)at, __ATOMIC_RELEASE);
	return at;
}
