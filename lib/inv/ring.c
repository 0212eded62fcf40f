/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The invalidation ring of piommu_ring.h. Every thread enters; nothing here blocks on a lock, and every wait is bounded.
 *
 * Positions count slots since creation, 64 bits, and never wrap; a slot's index is the low bits of its position. A ticket is
 * the position after its burst, and the wait descriptor makes the hardware write the low 32 bits of just that. So the one
 * status word answers both questions: is this ticket done, and which slots are free.
 *
 *   completed <= what the status word says <= published <= reserved <= completed + nslots - 1
 *
 * A producer moves `reserved` (compare-and-swap: a burst that does not fit takes nothing), fills its slots, and waits until
 * all before it are published; then it rings the doorbell and publishes. Doorbells are thus in order, one a burst. What lies
 * between `published` being ours and our store to it runs in one thread at a time: the counters there need no atomic add.
 *
 * Writes of the status word are snooped like any device's, also where the unit's table walks are not (VT-d ECAP.C speaks of
 * table and descriptor reads): slots are written back, the status word is just read.
 */
#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "piommu_bits.h"
#include "piommu_mmio.h"
#include "piommu_ring.h"
#include "piommu_yield.h"

#define CHECK_EVERY 64u /* steps of a wait between two looks at the clock and the unit's error state */

struct piommu_ring {
	struct piommu_ring_config config;
	uint64_t nslots;

	_Alignas(64) _Atomic uint64_t reserved; /* producers fight here */

	_Alignas(64) _Atomic uint64_t published; /* and take turns here */
	_Atomic uint64_t descriptors;
	_Atomic uint64_t bursts;

	_Alignas(64) _Atomic uint64_t completed; /* as last read from the status word */
	_Atomic bool failed;                     /* the queue has stopped; cleared by a reset */
	bool stopped;                            /* by piommu_ring_stop() */
	/* Tickets in (lost_from, lost_to] did not complete, as far as is known. */
	_Atomic uint64_t lost_from;
	_Atomic uint64_t lost_to;
	_Atomic uint64_t nfull;
	_Atomic uint64_t nfailed;
};

int piommu_ring_create(const struct piommu_ring_config *config, struct piommu_ring **out)
{
	struct piommu_ring *ring;

	if (config->nslots_lg2 < 2 || config->nslots_lg2 > 24 || !config->slot_size || config->slot_size % 8)
		return -EINVAL;
	if (!config->slots || !config->status || !config->ops || !config->now_ns || !config->timeout_ns)
		return -EINVAL;
	ring = aligned_alloc(64, align_up(sizeof(*ring), 64));
	if (!ring)
		return -ENOMEM;
	memset(ring, 0, sizeof(*ring));
	ring->config = *config;
	ring->nslots = BIT64(config->nslots_lg2);
	atomic_init(&ring->lost_from, UINT64_MAX);
	__atomic_store_n(config->status, 0, __ATOMIC_RELAXED);
	*out = ring;
	return 0;
}

void piommu_ring_destroy(struct piommu_ring *ring)
{
	free(ring);
}

static unsigned slot_of(const struct piommu_ring *ring, uint64_t position)
{
	return (unsigned)(position & (ring->nslots - 1));
}

static void *slot_at(const struct piommu_ring *ring, uint64_t position)
{
	return (char *)ring->config.slots + (size_t)slot_of(ring, position) * ring->config.slot_size;
}

/*
 * Position up to which the hardware is done. `completed` is read before the status word, so the difference of their low
 * halves is how far the hardware went since, and a thread that slept for 2^32 slots in between errs to the safe side.
 */
static uint64_t completed_now(struct piommu_ring *ring)
{
	uint64_t seen = atomic_load_explicit(&ring->completed, memory_order_acquire);
	uint32_t ahead = __atomic_load_n(ring->config.status, __ATOMIC_ACQUIRE) - (uint32_t)seen;

	io_rmb();
	/* A device that writes what it was never told makes no progress here. */
	if (!ahead || ahead > atomic_load_explicit(&ring->reserved, memory_order_acquire) - seen)
		return seen;
	if (atomic_compare_exchange_strong_explicit(&ring->completed, &seen, seen + ahead, memory_order_acq_rel,
						    memory_order_acquire))
		return seen + ahead;
	return seen; /* another thread's look, as good as ours */
}

static bool is_lost(struct piommu_ring *ring, uint64_t ticket)
{
	return ticket <= atomic_load_explicit(&ring->lost_to, memory_order_acquire) &&
	       ticket > atomic_load_explicit(&ring->lost_from, memory_order_relaxed);
}

/* Takes `need` slots. @return 0, -EAGAIN, or -EIO */
static int reserve(struct piommu_ring *ring, unsigned need, uint64_t *start)
{
	uint64_t at = atomic_load_explicit(&ring->reserved, memory_order_acquire);

	do {
		uint64_t limit = atomic_load_explicit(&ring->completed, memory_order_acquire) + ring->nslots - 1;

		if (atomic_load_explicit(&ring->failed, memory_order_acquire))
			return -EIO;
		if (at + need > limit && at + need > completed_now(ring) + ring->nslots - 1) {
			atomic_fetch_add_explicit(&ring->nfull, 1, memory_order_relaxed);
			return -EAGAIN;
		}
	} while (!atomic_compare_exchange_weak_explicit(&ring->reserved, &at, at + need, memory_order_acq_rel,
							memory_order_acquire));
	*start = at;
	return 0;
}

/* Copies `n` descriptors to `position`, in two pieces where the ring ends between. */
static void fill(struct piommu_ring *ring, uint64_t position, const void *descriptors, unsigned n)
{
	size_t size = ring->config.slot_size;
	uint64_t to_end = ring->nslots - slot_of(ring, position);
	unsigned first = n < to_end ? n : (unsigned)to_end;

	memcpy(slot_at(ring, position), descriptors, first * size);
	if (n > first)
		memcpy(ring->config.slots, (const char *)descriptors + first * size, (n - first) * size);
}

static void writeback(struct piommu_ring *ring, uint64_t position, unsigned n)
{
	size_t size = ring->config.slot_size;
	uint64_t to_end = ring->nslots - slot_of(ring, position);
	unsigned first = n < to_end ? n : (unsigned)to_end;

	if (!ring->config.writeback)
		return;
	ring->config.writeback(ring->config.clock_ctx, slot_at(ring, position), first * size);
	if (n > first)
		ring->config.writeback(ring->config.clock_ctx, ring->config.slots, (n - first) * size);
}

/* The producer before us may have lost its processor: let it run. */
static void await_turn(struct piommu_ring *ring, uint64_t start)
{
	for (unsigned step = 1; atomic_load_explicit(&ring->published, memory_order_acquire) != start; step++) {
		if (step % CHECK_EVERY)
			cpu_relax();
		else
			sched_yield();
	}
}

static void count(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n, memory_order_relaxed);
}

int piommu_ring_submit(struct piommu_ring *ring, const void *descriptors, unsigned n, piommu_ticket *ticket)
{
	uint64_t start, end;
	int err;

	if (n > ring->nslots - 2)
		return -EINVAL;
	err = reserve(ring, n + 1, &start);
	if (err)
		return err;
	PIOMMU_YIELD("slots reserved");
	end = start + n + 1;
	fill(ring, start, descriptors, n);
	ring->config.ops->make_wait(slot_at(ring, end - 1), ring->config.status_pa, (uint32_t)end);
	writeback(ring, start, n + 1);
	await_turn(ring, start);
	ring->config.ops->doorbell(ring->config.ctx, slot_of(ring, end));
	count(&ring->descriptors, n);
	count(&ring->bursts, 1);
	PIOMMU_YIELD("doorbell rung, not yet published");
	/* Release: partner of await_turn(); a later doorbell covers our slots too. */
	atomic_store_explicit(&ring->published, end, memory_order_release);
	*ticket = end;
	return 0;
}

static void relax(const struct piommu_ring *ring, unsigned step)
{
	if (ring->config.relax)
		ring->config.relax(ring->config.clock_ctx);
	else if (step % CHECK_EVERY)
		cpu_relax();
	else
		sched_yield(); /* a simulated unit may need this very processor */
}

/* Between two looks at the status word: the unit's error state, then the clock. `*deadline` 0: not set yet. */
static int look_around(struct piommu_ring *ring, uint64_t *deadline)
{
	uint64_t now;

	if (atomic_load_explicit(&ring->failed, memory_order_acquire))
		return -EIO;
	if (ring->config.ops->check && ring->config.ops->check(ring->config.ctx)) {
		atomic_store_explicit(&ring->failed, true, memory_order_release);
		return -EIO;
	}
	now = ring->config.now_ns(ring->config.clock_ctx);
	if (!*deadline)
		*deadline = now + ring->config.timeout_ns;
	return now >= *deadline ? -ETIMEDOUT : 0;
}

/* 0: the hardware has passed `position`; -EIO: it never will; -EINPROGRESS. */
static int state_of(struct piommu_ring *ring, uint64_t position)
{
	bool passed = position <= completed_now(ring);

	/* Second: whoever saw the status word that a reset stored sees the tickets it lost, too. */
	if (is_lost(ring, position))
		return -EIO;
	return passed ? 0 : -EINPROGRESS;
}

static int wait_for(struct piommu_ring *ring, uint64_t position)
{
	uint64_t deadline = 0;

	for (unsigned step = 0;; step++) {
		int state = state_of(ring, position);
		int err;

		if (state != -EINPROGRESS)
			return state;
		err = (step + 1) % CHECK_EVERY ? 0 : look_around(ring, &deadline);
		if (err) {
			state = state_of(ring, position); /* it may have come through before the error */
			return state == -EINPROGRESS ? err : state;
		}
		relax(ring, step + 1);
	}
}

bool piommu_ring_done(struct piommu_ring *ring, piommu_ticket ticket)
{
	return state_of(ring, ticket) == 0;
}

int piommu_ring_wait(struct piommu_ring *ring, piommu_ticket ticket)
{
	int err = wait_for(ring, ticket);

	if (err)
		atomic_fetch_add_explicit(&ring->nfailed, 1, memory_order_relaxed);
	return err;
}

/* Until what is reserved now leaves room for `need` slots. Another producer may then be faster. */
static int wait_for_room(struct piommu_ring *ring, unsigned need, uint64_t *deadline)
{
	uint64_t end = atomic_load_explicit(&ring->reserved, memory_order_relaxed) + need;
	int err = piommu_ring_wait(ring, end - (ring->nslots - 1));

	return err ? err : look_around(ring, deadline);
}

int piommu_ring_sync(struct piommu_ring *ring, const void *descriptors, unsigned n)
{
	piommu_ticket ticket;
	uint64_t deadline = 0;
	int err;

	while ((err = piommu_ring_submit(ring, descriptors, n, &ticket)) == -EAGAIN) {
		err = wait_for_room(ring, n + 1, &deadline);
		if (err)
			return err;
	}
	return err ? err : piommu_ring_wait(ring, ticket);
}

void piommu_ring_stats(const struct piommu_ring *ring, struct piommu_ring_stats *out)
{
	uint64_t bursts = atomic_load_explicit(&ring->bursts, memory_order_relaxed);

	*out = (struct piommu_ring_stats){
		.descriptors = atomic_load_explicit(&ring->descriptors, memory_order_relaxed),
		.waits = bursts,
		.doorbells = bursts,
		.full = atomic_load_explicit(&ring->nfull, memory_order_relaxed),
		.failed = atomic_load_explicit(&ring->nfailed, memory_order_relaxed),
	};
}

/* Moves on to a new lap. @return the last position reserved before; no producer is between reserving and publishing */
static uint64_t take_over(struct piommu_ring *ring, uint64_t *lap)
{
	uint64_t at;

	do {
		at = atomic_load_explicit(&ring->reserved, memory_order_acquire);
		await_turn(ring, at);
		*lap = align_down(at, ring->nslots) + ring->nslots;
	} while (!atomic_compare_exchange_strong_explicit(&ring->reserved, &at, *lap, memory_order_acq_rel,
							  memory_order_acquire));
	return at;
}

void piommu_ring_stop(struct piommu_ring *ring)
{
	uint64_t lap, last, done;

	/* From here on reserve() refuses: it looks at `failed` after it has read the `reserved` that it exchanges. */
	atomic_store_explicit(&ring->failed, true, memory_order_release);
	last = take_over(ring, &lap);
	done = completed_now(ring);
	/* Only ever widened: an old ticket between two resets counts as lost rather than as done. */
	if (atomic_load_explicit(&ring->lost_from, memory_order_relaxed) == UINT64_MAX)
		atomic_store_explicit(&ring->lost_from, done, memory_order_relaxed);
	atomic_store_explicit(&ring->lost_to, last, memory_order_release);
	atomic_store_explicit(&ring->published, lap, memory_order_release);
	ring->stopped = true;
}

void piommu_ring_reset(struct piommu_ring *ring, unsigned head)
{
	uint64_t base;

	if (!ring->stopped)
		piommu_ring_stop(ring);
	base = atomic_load_explicit(&ring->reserved, memory_order_relaxed) + head;
	atomic_store_explicit(&ring->reserved, base, memory_order_release);
	__atomic_store_n(ring->config.status, (uint32_t)base, __ATOMIC_RELEASE);
	atomic_store_explicit(&ring->completed, base, memory_order_release);
	atomic_store_explicit(&ring->published, base, memory_order_release);
	ring->stopped = false;
	atomic_store_explicit(&ring->failed, false, memory_order_release);
}
