/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The invalidation ring of piommu_ring.h. Every thread enters; nothing here blocks on a lock, and every wait is bounded.
 *
 * Positions count slots since creation, 64 bits, and never wrap; a slot's index is the low bits of its position. A ticket is
 * the position after its burst, and the wait descriptor makes the hardware write the low 32 bits of just that. So the one
 * status word answers both questions: is this ticket done, and which slots are free.
 *
 *   completed <= what the status word says <= told <= completed + nslots - 1,   published <= told,   published <= reserved
 *
 * Reserving. A producer looks whether there is room and then takes its slots by one atomic add, which never has to be tried again. Two
 * that look at once may take more than there is: the later one leaves a hole (a mark that says so) and returns -EAGAIN, as if it had
 * seen the other. A hole is filled with wait descriptors that nobody waits for, by whoever finds room for it at its turn.
 *
 * Publishing goes by turns: whose burst begins at `published` has the turn, and with it the doorbell, until it stores `published` anew.
 * Nobody waits for a turn. Who has filled its slots and finds that its turn has not come marks its burst as ready, and goes.
 * Who has the turn rings once for all that is ready behind it. A burst that was marked is claimed by exchanging its mark, once
 * its turn has come; one that was not is its producer's alone. So each has one publisher, and doorbells are in order.
 *
 * A mark and the end of the turn in front of it may miss each other: the producer marks and does not see yet that its turn has come,
 * while the one before it does not see the mark yet. To exclude that takes a full barrier on both sides, on every burst, also of a producer
 * that is alone. Instead, everybody who looks at a ticket that was not published, who finds the ring full, or who submits looks for what is ready,
 * so a burst that was left behind goes out when anybody next cares. Without such a meeting it has gone out when submit returns or
 * when all those before it have.
 *
 * Why nobody waits for ever: take the burst at `published`. Its producer has room, or leaves a hole as soon as the mark's place is free,
 * which it is for this one. All in front of it was told to the hardware, so that room for a hole comes by itself. Then it is ready,
 * and whoever looks publishes it. A hardware that completes nothing ends waits by time, a producer that lost its processor delays those
 * behind it and no longer than that.
 *
 * Hardware that stops over an error fails single bursts, not the ring: submitters go on, and the status word goes past what
 * failed once hardware does. So a ticket is done when the status word has reached it and no loss has it. Losses are noted while
 * hardware stands still, and thus before the status word can go past them.
 *
 * Hardware without a status word is asked for its index, by who needs to know more than is known: `completed` is then the last answer.
 *
 * Writes of the status word are snooped like any device's, also where the unit's reads of tables and descriptors
 * are not: slots are written back, the status word is just read.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "piommu_yield.h"
#include "ring.h"

#define CHECK_EVERY 64u /* steps of a wait between two looks at the clock and the unit's error state */
#define SPIN 32u        /* steps that wait for another processor; what comes after them may need this one */
#define ROUNDS 4u       /* turns that a thread takes for others before it goes its way */
#define HOLE BIT64(63)  /* in a mark: these slots hold nothing, and there was no room for them */

int piommu_ring_create(const struct piommu_ring_config *config, struct piommu_ring **out)
{
	struct piommu_ring *ring;
	size_t len;

	if (config->nslots_lg2 < 2 || config->nslots_lg2 > 24 || !config->slot_size || config->slot_size % 8)
		return -EINVAL;
	if (!config->slots || !config->ops || !config->now_ns || !config->timeout_ns)
		return -EINVAL;
	if (!config->status != !!config->ops->consumed)
		return -EINVAL;
	if (config->first & (BIT64(config->nslots_lg2) - 1))
		return -EINVAL;
	len = align_up(sizeof(*ring) + sizeof(ring->marks[0]) * BIT64(config->nslots_lg2), 64);
	ring = aligned_alloc(64, len);
	if (!ring)
		return -ENOMEM;
	memset(ring, 0, len);
	ring->config = *config;
	ring->nslots = BIT64(config->nslots_lg2);
	ring->by_index = config->ops->consumed != NULL;
	atomic_init(&ring->reserved, config->first);
	atomic_init(&ring->published, config->first);
	atomic_init(&ring->told, config->first);
	atomic_init(&ring->completed, config->first);
	if (config->status)
		__atomic_store_n(config->status, (uint32_t)config->first, __ATOMIC_RELAXED);
	*out = ring;
	return 0;
}

void piommu_ring_destroy(struct piommu_ring *ring)
{
	free(ring);
}

/*
 * Asks the hardware for its index. That has one bit more than a slot's, and less than a lap is outstanding, so it says where the hardware
 * is, from a position that it had passed before it was asked: a thread that slept between errs to the safe side.
 */
static uint64_t ask(struct piommu_ring *ring)
{
	uint64_t seen = atomic_load_explicit(&ring->completed, memory_order_acquire);
	uint64_t at = seen + ((ring->config.ops->consumed(ring->config.ctx) - seen) & (2 * ring->nslots - 1));

	io_rmb();
	if (at > atomic_load_explicit(&ring->told, memory_order_acquire))
		return seen;
	while (seen < at &&
	       !atomic_compare_exchange_weak_explicit(&ring->completed, &seen, at, memory_order_acq_rel, memory_order_acquire))
		;
	return at > seen ? at : seen;
}

/* As `position <= ring_completed(ring)`; what is known to be complete costs no look at the status word, and asks for no index. */
static bool has_passed(struct piommu_ring *ring, uint64_t position)
{
	uint64_t seen = atomic_load_explicit(&ring->completed, memory_order_acquire);
	uint32_t ahead;

	if (position <= seen)
		return true;
	if (ring->by_index)
		return position <= ask(ring);
	ahead = __atomic_load_n(ring->config.status, __ATOMIC_ACQUIRE) - (uint32_t)seen;
	io_rmb();
	return position - seen <= ahead && ahead <= atomic_load_explicit(&ring->told, memory_order_acquire) - seen;
}

/* Copies `n` descriptors to `position`, in two pieces where the ring ends between. */
static void fill(struct piommu_ring *ring, uint64_t position, const void *descriptors, unsigned n)
{
	size_t size = ring->config.slot_size;
	uint64_t to_end = ring->nslots - ring_slot_of(ring, position);
	unsigned first = n < to_end ? n : (unsigned)to_end;

	memcpy(ring_slot_at(ring, position), descriptors, first * size);
	if (n > first)
		memcpy(ring->config.slots, (const char *)descriptors + first * size, (n - first) * size);
}

/* ---- Turns -------------------------------------------------------------------------------------------------------------------------- */

static void count(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n, memory_order_relaxed);
}

/* The mark of what begins at `start`, or 0. One of another lap is no less than a lap away. Acquire: the slots are filled. */
static uint64_t mark_at(const struct piommu_ring *ring, uint64_t start)
{
	uint64_t mark = atomic_load_explicit(&ring->marks[ring_slot_of(ring, start)], memory_order_acquire);

	return (mark & ~HOLE) - start - 1 < ring->nslots - 1 ? mark : 0;
}

static bool has_room(struct piommu_ring *ring, uint64_t end)
{
	return end <= (ring->by_index ? ask(ring) : ring_completed(ring)) + ring->nslots - 1;
}

/*
 * The turn is ours, and all up to `end` is filled, `waits` wait descriptors among it. Marks behind it cannot be claimed as long as
 * `published` is not there, so those of bursts that go with ours are just read. @return where the next turn begins
 */
static uint64_t publish(struct piommu_ring *ring, uint64_t end, uint64_t waits)
{
	for (uint64_t mark; (mark = mark_at(ring, end)) && !(mark & HOLE); waits++)
		end = mark;
	/* Twice a lap is enough for those who look for room, and more would fetch the status word's line more often. */
	if (!ring->by_index && end - atomic_load_explicit(&ring->completed, memory_order_relaxed) >= ring->nslots / 2)
		atomic_store_explicit(&ring->completed, ring_completed(ring), memory_order_release);
	atomic_store_explicit(&ring->told, end, memory_order_relaxed);
	io_wmb(); /* slots, and `told`, before the doorbell */
	ring->config.ops->doorbell(ring->config.ctx, end);
	count(&ring->waits, waits);
	count(&ring->doorbells, 1);
	PIOMMU_YIELD("doorbell rung, not yet published");
	/* Release: the next doorbell comes after ours. */
	atomic_store_explicit(&ring->published, end, memory_order_release);
	return end;
}

static void fill_hole(struct piommu_ring *ring, uint64_t start, uint64_t end)
{
	for (uint64_t at = start; at < end; at++)
		ring->config.ops->make_wait(ring_slot_at(ring, at), ring->config.status_pa, (uint32_t)(at + 1));
	ring_writeback(ring, start, (unsigned)(end - start));
}

/*
 * Publishes what is ready and whose turn has come. The exchange says whose it is: a mark is a position, so it never comes again. Who fails
 * leaves it to who did not.
 */
static void publish_ready(struct piommu_ring *ring)
{
	for (unsigned round = 0; round < ROUNDS; round++) {
		uint64_t start = atomic_load_explicit(&ring->published, memory_order_acquire);
		uint64_t mark = mark_at(ring, start), end = mark & ~HOLE;

		if (!mark || (mark & HOLE && !has_room(ring, end)))
			return;
		PIOMMU_YIELD("ready burst found, not yet claimed");
		if (!atomic_compare_exchange_strong_explicit(&ring->marks[ring_slot_of(ring, start)], &mark, 0,
							     memory_order_acquire, memory_order_relaxed))
			return;
		if (mark & HOLE)
			fill_hole(ring, start, end);
		publish(ring, end, mark & HOLE ? end - start : 1);
	}
}

/* Publishes what was filled, or leaves it to who has the turn. */
static void hand_over(struct piommu_ring *ring, uint64_t start, uint64_t end)
{
	if (atomic_load_explicit(&ring->published, memory_order_acquire) == start) {
		if (mark_at(ring, publish(ring, end, 1)))
			publish_ready(ring);
		return;
	}
	PIOMMU_YIELD("not our turn, not yet marked");
	atomic_store_explicit(&ring->marks[ring_slot_of(ring, start)], end, memory_order_release);
	publish_ready(ring);
}

/* ---- Waiting ------------------------------------------------------------------------------------------------------------------------ */

static void relax(const struct piommu_ring *ring, unsigned step)
{
	if (step > SPIN && ring->config.relax)
		ring->config.relax(ring->config.clock_ctx);
	else
		cpu_relax();
}

/* Between two looks at the status word: the unit's error state, then the clock. `*deadline` 0: not set yet. */
static int look_around(const struct piommu_ring *ring, uint64_t *deadline)
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

/* One step of a wait. @return as look_around() */
static int step_on(const struct piommu_ring *ring, unsigned step, uint64_t *deadline)
{
	int err = step % CHECK_EVERY ? 0 : look_around(ring, deadline);

	if (!err)
		relax(ring, step);
	return err;
}

/* What a wait is for: a burst, or the slots before a position, which are free also where their bursts failed. */
enum target {
	BURST,
	ROOM,
};

/* Whether all up to `position` is out; where it was left behind, this is who sees to it. Once it is, it stays so. */
static bool is_out(struct piommu_ring *ring, uint64_t position)
{
	if (position <= atomic_load_explicit(&ring->published, memory_order_relaxed))
		return true;
	publish_ready(ring);
	return false;
}

/* 0: the hardware has passed `position`; -EIO: and failed that burst; -EINPROGRESS. */
static int state_of(struct piommu_ring *ring, uint64_t position, enum target target)
{
	bool passed = has_passed(ring, position);

	/* Second: whoever sees that the hardware went on after a loss sees what was lost, too. */
	if (target == BURST && ring_is_lost(ring, position))
		return -EIO;
	return passed ? 0 : -EINPROGRESS;
}

/* The same of a burst, by who does not stay to wait. */
static int look_at(struct piommu_ring *ring, piommu_ticket ticket)
{
	int state = state_of(ring, ticket, BURST);

	if (state == -EINPROGRESS)
		is_out(ring, ticket);
	return state;
}

static int wait_for(struct piommu_ring *ring, uint64_t position, enum target target)
{
	uint64_t deadline = 0;
	bool out = false; /* then the producers' line is left alone */

	for (unsigned step = 1;; step++) {
		int state = state_of(ring, position, target);
		int err;

		if (state != -EINPROGRESS)
			return state;
		out = out || is_out(ring, position);
		err = step_on(ring, step, &deadline);
		if (err) {
			state = state_of(ring, position, target); /* it may have come through before the error */
			return state == -EINPROGRESS ? err : state;
		}
	}
}

/* ---- Submitting --------------------------------------------------------------------------------------------------------------------- */

/* Slots that were published long ago may be all that is in the way. */
static int full(struct piommu_ring *ring)
{
	atomic_fetch_add_explicit(&ring->nfull, 1, memory_order_relaxed);
	publish_ready(ring);
	return -EAGAIN;
}

/*
 * Slots that were taken and are not there: others were faster. The mark's place is free when what began there a lap ago was published; that
 * waits for other producers only, and only where there are so many at once that they took a lap too much.
 */
static int leave_hole(struct piommu_ring *ring, uint64_t start, uint64_t end)
{
	uint64_t deadline = 0;

	for (unsigned step = 1; start - atomic_load_explicit(&ring->published, memory_order_acquire) >= ring->nslots; step++) {
		publish_ready(ring);
		if (step_on(ring, step, &deadline)) {
			piommu_ring_stop(ring); /* nothing behind these slots will ever be published */
			return -EIO;
		}
	}
	atomic_store_explicit(&ring->marks[ring_slot_of(ring, start)], end | HOLE, memory_order_release);
	return full(ring);
}

/* The full barrier that piommu_ring_submit() promises; its partner is that of an attach. */
static uint64_t take(struct piommu_ring *ring, unsigned need)
{
	uint64_t start = atomic_fetch_add_explicit(&ring->reserved, need, memory_order_seq_cst);

	full_mb_after_atomic();
	return start;
}

/* Takes `need` slots. What orders us after those who had them before is the acquire of `completed`, or of the status word. */
static int reserve(struct piommu_ring *ring, unsigned need, uint64_t *start)
{
	uint64_t limit = atomic_load_explicit(&ring->completed, memory_order_acquire) + ring->nslots - 1;
	uint64_t end = atomic_load_explicit(&ring->reserved, memory_order_relaxed) + need;

	if (atomic_load_explicit(&ring->stopped, memory_order_relaxed))
		return -EIO;
	if (end > limit && !has_room(ring, end))
		return full(ring);
	PIOMMU_YIELD("room seen, not yet taken");
	*start = take(ring, need);
	end = *start + need;
	return end <= limit || has_room(ring, end) ? 0 : leave_hole(ring, *start, end);
}

void piommu_ring_expect(struct piommu_ring *ring)
{
	cpu_fetch_to_write(&ring->reserved);
}

int piommu_ring_submit(struct piommu_ring *ring, const void *descriptors, unsigned n, piommu_ticket *ticket)
{
	uint64_t start, end;
	int err;

	cpu_fetch_to_write(&ring->reserved); /* else the look at it fetches the line to be read, and the add once more */
	if (n > ring->nslots - 2)
		return -EINVAL;
	err = reserve(ring, n + 1, &start);
	if (err)
		return err;
	PIOMMU_YIELD("slots reserved");
	end = start + n + 1;
	fill(ring, start, descriptors, n);
	ring->config.ops->make_wait(ring_slot_at(ring, end - 1), ring->config.status_pa, (uint32_t)end);
	ring_writeback(ring, start, n + 1);
	hand_over(ring, start, end);
	*ticket = end;
	return 0;
}

bool piommu_ring_done(struct piommu_ring *ring, piommu_ticket ticket)
{
	return look_at(ring, ticket) == 0;
}

int piommu_ring_state(struct piommu_ring *ring, piommu_ticket ticket)
{
	bool stopped = atomic_load_explicit(&ring->stopped, memory_order_relaxed); /* before: it may have come through first */
	int state = look_at(ring, ticket);

	return state == -EINPROGRESS && stopped ? -EIO : state;
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
	uint64_t waits = atomic_load_explicit(&ring->waits, memory_order_relaxed);

	*out = (struct piommu_ring_stats){
		.descriptors = atomic_load_explicit(&ring->told, memory_order_relaxed) - ring->config.first - waits,
		.waits = waits,
		.doorbells = atomic_load_explicit(&ring->doorbells, memory_order_relaxed),
		.full = atomic_load_explicit(&ring->nfull, memory_order_relaxed),
		.failed = atomic_load_explicit(&ring->nfailed, memory_order_relaxed),
	};
}

void piommu_ring_stop(struct piommu_ring *ring)
{
	atomic_store_explicit(&ring->stopped, true, memory_order_relaxed);
}
