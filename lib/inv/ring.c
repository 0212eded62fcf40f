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
 * Hardware that stops over an error fails single bursts, not the ring: submitters go on, and the status word goes past what
 * failed once hardware does. So a ticket is done when the status word has reached it and no loss has it. Losses are noted while
 * hardware stands still, and thus before the status word can go past them.
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
#define LOSSES_KEPT 8u  /* of which it is known exactly which tickets they took */

/* Tickets in (from, to] failed. */
struct loss {
	_Atomic uint64_t from;
	_Atomic uint64_t to;
};

struct piommu_ring {
	struct piommu_ring_config config;
	uint64_t nslots;

	_Alignas(64) _Atomic uint64_t reserved; /* producers fight here */

	_Alignas(64) _Atomic uint64_t published; /* and take turns here */
	_Atomic uint64_t descriptors;
	_Atomic uint64_t bursts;

	_Alignas(64) _Atomic uint64_t completed; /* as last read from the status word */
	_Atomic uint64_t lost_to;                /* the last ticket that failed: those after it need no closer look */
	_Atomic bool stopped;                    /* given up */
	_Atomic uint64_t nfull;
	_Atomic uint64_t nfailed;

	/* Written by piommu_ring_lose() alone, one thread at a time. */
	_Alignas(64) struct loss losses[LOSSES_KEPT];
	unsigned nlosses;
	_Atomic uint64_t forgotten; /* tickets up to here may have failed: their losses are no longer kept */
};

int piommu_ring_create(const struct piommu_ring_config *config, struct piommu_ring **out)
{
	struct piommu_ring *ring;

	if (config->nslots_lg2 < 2 || config->nslots_lg2 > 24 || !config->slot_size || config->slot_size % 8)
		return -EINVAL;
	if (!config->slots || !config->status || !config->ops || !config->now_ns || !config->timeout_ns)
		return -EINVAL;
	if (config->first & (BIT64(config->nslots_lg2) - 1))
		return -EINVAL;
	ring = aligned_alloc(64, align_up(sizeof(*ring), 64));
	if (!ring)
		return -ENOMEM;
	memset(ring, 0, sizeof(*ring));
	ring->config = *config;
	ring->nslots = BIT64(config->nslots_lg2);
	atomic_init(&ring->reserved, config->first);
	atomic_init(&ring->published, config->first);
	atomic_init(&ring->completed, config->first);
	__atomic_store_n(config->status, (uint32_t)config->first, __ATOMIC_RELAXED);
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

/* `to` before `from`, the reverse of keep_loss(): a loss that changes meanwhile is seen empty, never too large. */
static bool is_lost(struct piommu_ring *ring, uint64_t ticket)
{
	if (!ticket || ticket > atomic_load_explicit(&ring->lost_to, memory_order_acquire))
		return false;
	for (unsigned i = 0; i < LOSSES_KEPT; i++) {
		uint64_t to = atomic_load_explicit(&ring->losses[i].to, memory_order_acquire);
		uint64_t from = atomic_load_explicit(&ring->losses[i].from, memory_order_acquire);

		if (ticket > from && ticket <= to)
			return true;
	}
	/* Last: whoever saw a loss emptied above sees here that it is forgotten. */
	return ticket <= atomic_load_explicit(&ring->forgotten, memory_order_acquire);
}

/* Takes `need` slots. @return 0, -EAGAIN, or -EIO */
static int reserve(struct piommu_ring *ring, unsigned need, uint64_t *start)
{
	uint64_t at = atomic_load_explicit(&ring->reserved, memory_order_acquire);

	do {
		uint64_t limit = atomic_load_explicit(&ring->completed, memory_order_acquire) + ring->nslots - 1;

		if (atomic_load_explicit(&ring->stopped, memory_order_relaxed))
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

	if (atomic_load_explicit(&ring->stopped, memory_order_relaxed))
		return -EIO;
	if (ring->config.ops->check && ring->config.ops->check(ring->config.ctx))
		return -EIO;
	now = ring->config.now_ns(ring->config.clock_ctx);
	if (!*deadline)
		*deadline = now + ring->config.timeout_ns;
	return now >= *deadline ? -ETIMEDOUT : 0;
}

/* What a wait is for: a burst, or the slots before a position, which are free also where their bursts failed. */
enum target {
	BURST,
	ROOM,
};

/* 0: the hardware has passed `position`; -EIO: and failed that burst; -EINPROGRESS. */
static int state_of(struct piommu_ring *ring, uint64_t position, enum target target)
{
	bool passed = position <= completed_now(ring);

	/* Second: whoever sees that the hardware went on after a loss sees what was lost, too. */
	if (target == BURST && is_lost(ring, position))
		return -EIO;
	return passed ? 0 : -EINPROGRESS;
}

static int wait_for(struct piommu_ring *ring, uint64_t position, enum target target)
{
	uint64_t deadline = 0;

	for (unsigned step = 0;; step++) {
		int state = state_of(ring, position, target);
		int err;

		if (state != -EINPROGRESS)
			return state;
		err = (step + 1) % CHECK_EVERY ? 0 : look_around(ring, &deadline);
		if (err) {
			state = state_of(ring, position, target); /* it may have come through before the error */
			return state == -EINPROGRESS ? err : state;
		}
		relax(ring, step + 1);
	}
}

bool piommu_ring_done(struct piommu_ring *ring, piommu_ticket ticket)
{
	return state_of(ring, ticket, BURST) == 0;
}

int piommu_ring_wait(struct piommu_ring *ring, piommu_ticket ticket)
{
	int err = wait_for(ring, ticket, BURST);

	if (err)
		atomic_fetch_add_explicit(&ring->nfailed, 1, memory_order_relaxed);
	return err;
}

/* Until what is reserved now leaves room for `need` slots. Another producer may then be faster. */
static int wait_for_room(struct piommu_ring *ring, unsigned need, uint64_t *deadline)
{
	uint64_t end = atomic_load_explicit(&ring->reserved, memory_order_relaxed) + need;
	int err = wait_for(ring, end - (ring->nslots - 1), ROOM);

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

/* ---- Errors ------------------------------------------------------------------------------------------------------------------------- */

/* The ticket of the burst that slot `at` is in. */
static uint64_t burst_of(const struct piommu_ring *ring, uint64_t at, uint64_t end)
{
	for (; at < end; at++)
		if (ring->config.ops->is_wait(slot_at(ring, at)))
			return at + 1;
	return end; /* its wait descriptor is spoilt */
}

/* The ticket before that one; `done` where that is complete. */
static uint64_t burst_before(const struct piommu_ring *ring, uint64_t at, uint64_t done)
{
	while (at > done && !ring->config.ops->is_wait(slot_at(ring, at - 1)))
		at--;
	return at;
}

/* A loss is replaced after its tickets are forgotten, and empty in between. */
static void keep_loss(struct piommu_ring *ring, uint64_t from, uint64_t to)
{
	struct loss *loss = &ring->losses[ring->nlosses++ % LOSSES_KEPT];

	atomic_store_explicit(&ring->forgotten, atomic_load_explicit(&loss->to, memory_order_relaxed), memory_order_release);
	atomic_store_explicit(&loss->from, UINT64_MAX, memory_order_release);
	atomic_store_explicit(&loss->to, to, memory_order_release);
	atomic_store_explicit(&loss->from, from, memory_order_release);
	atomic_store_explicit(&ring->lost_to, to, memory_order_release);
}

uint64_t piommu_ring_lose(struct piommu_ring *ring, unsigned head, bool refused)
{
	uint64_t end, done, at, from, to;

	io_rmb(); /* `head` came from a register: what was reserved before the doorbell that led there is seen */
	end = atomic_load_explicit(&ring->reserved, memory_order_acquire);
	done = completed_now(ring);
	at = done + slot_of(ring, head - done); /* less than a lap is outstanding */
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
		ring->config.ops->make_wait(slot_at(ring, at), ring->config.status_pa, (uint32_t)to);
		writeback(ring, at, 1);
	}
	/* The status of aborted waits is never written, and nothing else writes it now. Release: after the loss. */
	if (!refused && at > done)
		__atomic_store_n(ring->config.status, (uint32_t)at, __ATOMIC_RELEASE);
	return at;
}

void piommu_ring_stop(struct piommu_ring *ring)
{
	atomic_store_explicit(&ring->stopped, true, memory_order_relaxed);
}
