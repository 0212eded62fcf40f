/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * T24 of doc/locking.md: hardware stops in the middle of several waiters' bursts. Every waiter wakes; those whose work was done
 * get 0, the others -EIO. The device stops as VT-d's does (6.5.2.10): in front of a descriptor that it refuses, or after the wait
 * descriptors that it aborted. Nobody sees to it but the waiters.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

#include "piommu_ring.h"
#include "suite.h"

#define NSLOTS_LG2 4u
#define NSLOTS (1u << NSLOTS_LG2)
#define TIMEOUT_NS 1000u

enum {
	WORK = 1, /* value: where to count it */
	SPOILT,   /* refused */
	DOOMED,   /* the next wait is aborted */
	WAIT,
};

struct slot {
	uint64_t kind;
	uint64_t value;
};

struct device {
	pthread_mutex_t lock; /* guards all but the ring */
	struct piommu_ring *ring;
	struct slot slots[NSLOTS];
	uint32_t status;
	unsigned head, tail;
	bool refuses, aborted; /* why it has stopped */
	bool doomed;
	bool slow;         /* a status is written when the device runs again */
	uint32_t late;     /* that status */
	unsigned reads_on; /* slots that it fetches after a wait that it aborts, before it stops */
	bool runs;         /* by itself; otherwise when told to */
	unsigned nstops;
	uint64_t now;
};

/* ---- The device: under its lock ----------------------------------------------------------------------------------------------- */

static void execute(struct device *device, const struct slot *slot)
{
	if (slot->kind != WAIT) {
		device->doomed |= slot->kind == DOOMED;
		__atomic_fetch_add((unsigned *)(uintptr_t)slot->value, 1, __ATOMIC_RELAXED);
	} else if (device->doomed) {
		device->doomed = false;
		device->aborted = true;
	} else if (device->slow) {
		device->late = (uint32_t)slot->value;
	} else {
		__atomic_store_n(&device->status, (uint32_t)slot->value, __ATOMIC_RELEASE);
	}
}

static void run(struct device *device)
{
	if (device->late)
		__atomic_store_n(&device->status, device->late, __ATOMIC_RELEASE);
	device->late = 0;
	while (device->head != device->tail && !device->refuses && !device->aborted) {
		const struct slot *slot = &device->slots[device->head];

		device->refuses = slot->kind == SPOILT;
		if (device->refuses)
			break;
		execute(device, slot);
		device->head = (device->head + 1) % NSLOTS;
	}
	for (; device->aborted && device->reads_on && device->head != device->tail; device->reads_on--) {
		execute(device, &device->slots[device->head]);
		device->head = (device->head + 1) % NSLOTS;
	}
}

static void make_wait(void *at, uint64_t status_pa, uint32_t seq)
{
	(void)status_pa;
	*(struct slot *)at = (struct slot){ WAIT, seq };
}

static bool is_wait(const void *at)
{
	return ((const struct slot *)at)->kind == WAIT;
}

static void doorbell(void *ctx, uint64_t tail)
{
	struct device *device = ctx;

	pthread_mutex_lock(&device->lock);
	device->tail = (unsigned)(tail % NSLOTS);
	if (device->runs)
		run(device);
	pthread_mutex_unlock(&device->lock);
}

static unsigned harmless; /* what is there instead of a descriptor that was refused does no work of anybody's */

static int check(void *ctx)
{
	struct device *device = ctx;

	pthread_mutex_lock(&device->lock);
	if (device->refuses || device->aborted) {
		device->nstops++;
		piommu_ring_lose(device->ring, device->head, device->refuses);
		if (device->refuses && device->slots[device->head].kind == SPOILT)
			device->slots[device->head] = (struct slot){ WORK, (uintptr_t)&harmless };
		device->refuses = device->aborted = false;
		run(device);
	}
	pthread_mutex_unlock(&device->lock);
	return 0;
}

/* Time passes by waiting, for one thread; where there are several, waits end by completion alone. */
static uint64_t now_ns(void *ctx)
{
	return ((struct device *)ctx)->now;
}

static void relax(void *ctx)
{
	((struct device *)ctx)->now++;
}

/* There are fewer processors than threads. */
static void give_way(void *ctx)
{
	(void)ctx;
	sched_yield();
}

static const struct piommu_ring_ops ops = { make_wait, doorbell, NULL, is_wait, check };

static void setup(struct device *device)
{
	struct piommu_ring_config config = {
		.slots = device->slots,
		.nslots_lg2 = NSLOTS_LG2,
		.slot_size = sizeof(struct slot),
		.status = &device->status,
		.ops = &ops,
		.ctx = device,
		.now_ns = now_ns,
		.relax = device->runs ? give_way : relax,
		.clock_ctx = device,
		.timeout_ns = TIMEOUT_NS,
	};

	pthread_mutex_init(&device->lock, NULL);
	CHECK_EQ(piommu_ring_create(&config, &device->ring), 0);
}

static void finish(struct device *device)
{
	piommu_ring_destroy(device->ring);
	pthread_mutex_destroy(&device->lock);
}

/* Two pieces of work, counted in `done`, and one of another kind between them; 0: none. */
static unsigned fill(struct slot burst[3], unsigned *done, unsigned kind)
{
	unsigned n = 0;

	burst[n++] = (struct slot){ WORK, (uintptr_t)done };
	if (kind)
		burst[n++] = (struct slot){ kind, (uintptr_t)&harmless };
	burst[n++] = (struct slot){ WORK, (uintptr_t)done };
	return n;
}

static piommu_ticket submit(struct device *device, unsigned *done, unsigned kind)
{
	struct slot burst[3];
	unsigned n = fill(burst, done, kind);
	piommu_ticket ticket = 0;

	CHECK_EQ(piommu_ring_submit(device->ring, burst, n, &ticket), 0);
	return ticket;
}

/* ---- One after the other -------------------------------------------------------------------------------------------------------- */

/* Waits for all of them, the last one first; `bad` alone has failed, and said so to nobody but its own waiter. */
static void check_all(struct device *device, const piommu_ticket *tickets, const unsigned *done, unsigned n, unsigned bad)
{
	for (unsigned i = n; i-- > 0;) {
		CHECK_EQ(piommu_ring_wait(device->ring, tickets[i]), i == bad ? -EIO : 0);
		CHECK_EQ(piommu_ring_done(device->ring, tickets[i]), i != bad);
		CU_ASSERT(i == bad || done[i] == 2);
	}
	CU_ASSERT(device->now < TIMEOUT_NS);
	CHECK_EQ(device->nstops, 1);
}

static void one_of_four(unsigned kind, unsigned bad)
{
	struct device device = { .refuses = false };
	piommu_ticket tickets[4];
	unsigned done[4] = { 0 };

	setup(&device);
	for (unsigned i = 0; i < 4; i++)
		tickets[i] = submit(&device, &done[i], i == bad ? kind : 0);
	run(&device);
	check_all(&device, tickets, done, 4, bad);
	finish(&device);
}

static void t24_a_refused_descriptor_fails_its_burst_and_no_other(void)
{
	for (unsigned bad = 0; bad < 4; bad++)
		one_of_four(SPOILT, bad);
}

static void t24_an_aborted_wait_fails_its_burst_and_no_other(void)
{
	for (unsigned bad = 0; bad < 4; bad++)
		one_of_four(DOOMED, bad);
}

/* A wait that is complete before the error is complete, whenever its waiter looks. */
static void t24_what_was_done_before_the_error_is_done(void)
{
	struct device device = { .refuses = false };
	piommu_ticket before, bad;
	unsigned done = 0, none = 0;

	setup(&device);
	before = submit(&device, &done, 0);
	run(&device);
	bad = submit(&device, &none, SPOILT);
	run(&device);
	CHECK_EQ(piommu_ring_wait(device.ring, bad), -EIO);
	CHECK_EQ(piommu_ring_wait(device.ring, before), 0);
	finish(&device);
}

/* What is in front of a refused descriptor is completed as if nothing were, if only later (6.5.2.10). */
static void t24_what_is_in_front_of_a_refused_descriptor_completes(void)
{
	struct device device = { .slow = true };
	piommu_ticket before, bad;
	unsigned done = 0, none = 0;

	setup(&device);
	before = submit(&device, &done, 0);
	bad = submit(&device, &none, SPOILT);
	run(&device);
	CHECK_EQ(device.status, 0);
	CHECK_EQ(piommu_ring_wait(device.ring, bad), -EIO);
	CHECK_EQ(piommu_ring_wait(device.ring, before), 0);
	CHECK_EQ(done, 2);
	finish(&device);
}

/* Hardware was in the middle of the second burst when it gave up on the first: what it fetched may be among what failed. */
static void t24_a_burst_that_hardware_stopped_in_fails_too(void)
{
	struct device device = { .reads_on = 1 };
	unsigned done[3] = { 0 };
	piommu_ticket tickets[3];
	struct slot doomed = { DOOMED, (uintptr_t)&done[0] };

	setup(&device);
	CHECK_EQ(piommu_ring_submit(device.ring, &doomed, 1, &tickets[0]), 0);
	for (unsigned i = 1; i < 3; i++)
		tickets[i] = submit(&device, &done[i], 0);
	run(&device);
	CHECK_EQ(piommu_ring_wait(device.ring, tickets[2]), 0);
	CHECK_EQ(piommu_ring_wait(device.ring, tickets[1]), -EIO);
	CHECK_EQ(piommu_ring_wait(device.ring, tickets[0]), -EIO);
	finish(&device);
}

/* Its status is never written: without its slots the ring would be full for ever. */
static void t24_a_burst_that_filled_the_ring_leaves_its_room(void)
{
	struct device device = { .refuses = false };
	struct slot burst[NSLOTS - 2];
	piommu_ticket bad, next;
	unsigned done = 0;

	setup(&device);
	for (unsigned i = 0; i < NSLOTS - 2; i++)
		burst[i] = (struct slot){ i == NSLOTS - 3 ? DOOMED : WORK, (uintptr_t)&harmless };
	CHECK_EQ(piommu_ring_submit(device.ring, burst, NSLOTS - 2, &bad), 0);
	run(&device);
	CHECK_EQ(piommu_ring_wait(device.ring, bad), -EIO);
	next = submit(&device, &done, 0);
	run(&device);
	CHECK_EQ(piommu_ring_wait(device.ring, next), 0);
	CHECK_EQ(piommu_ring_wait(device.ring, bad), -EIO);
	finish(&device);
}

static void t24_a_refused_wait_fails_its_burst_and_leaves_its_room(void)
{
	struct device device = { .refuses = true };
	struct slot burst[NSLOTS - 2];
	piommu_ticket bad;
	unsigned done = 0;

	setup(&device);
	for (unsigned i = 0; i < NSLOTS - 2; i++)
		burst[i] = (struct slot){ WORK, (uintptr_t)&done };
	CHECK_EQ(piommu_ring_submit(device.ring, burst, NSLOTS - 2, &bad), 0);
	device.head = NSLOTS - 2; /* all done but the wait */
	device.slots[NSLOTS - 2].value = 0xbad;
	CHECK_EQ(piommu_ring_wait(device.ring, bad), -EIO);
	CHECK_EQ(device.status, bad);
	CHECK_EQ(piommu_ring_submit(device.ring, burst, 1, &bad), 0);
	finish(&device);
}

/* Who waits for room waits for slots, not for the fate of those who had them. */
static void t24_waiting_for_room_does_not_fail_with_another(void)
{
	struct device device = { .refuses = false };
	struct slot burst[NSLOTS - 2];
	piommu_ticket bad;
	unsigned done = 0;

	setup(&device);
	for (unsigned i = 0; i < NSLOTS - 2; i++)
		burst[i] = (struct slot){ i ? WORK : SPOILT, (uintptr_t)&harmless };
	CHECK_EQ(piommu_ring_submit(device.ring, burst, NSLOTS - 2, &bad), 0);
	run(&device);
	device.runs = true;
	CHECK_EQ(piommu_ring_sync(device.ring, &(struct slot){ WORK, (uintptr_t)&done }, 1), 0);
	CHECK_EQ(done, 1);
	CHECK_EQ(piommu_ring_wait(device.ring, bad), -EIO);
	finish(&device);
}

/* However many errors there were since: a burst that failed is never done. */
static void t24_a_burst_that_failed_stays_so(void)
{
	struct device device = { .runs = true };
	piommu_ticket good[20], bad[20];
	unsigned done[20] = { 0 }, none = 0;

	setup(&device);
	for (unsigned i = 0; i < 20; i++) {
		good[i] = submit(&device, &done[i], 0);
		bad[i] = submit(&device, &none, SPOILT);
		CHECK_EQ(piommu_ring_wait(device.ring, bad[i]), -EIO);
		/* Between two errors, and one of the latest. */
		CHECK_EQ(piommu_ring_wait(device.ring, good[i]), 0);
		CHECK_EQ(piommu_ring_wait(device.ring, good[i < 5 ? 0 : i - 5]), 0);
		for (unsigned j = 0; j <= i; j++)
			CU_ASSERT_FALSE(piommu_ring_done(device.ring, bad[j]));
	}
	finish(&device);
}

/* ---- All at once ------------------------------------------------------------------------------------------------------------------ */

#define THREADS 4u
#define BURSTS 20u
#define PHASES 60u
#define AHEAD 3u

struct waiter {
	struct device *device;
	unsigned number, phase;
	unsigned lied; /* said 0 and it was not done, or the reverse */
	unsigned other;
	unsigned done[BURSTS]; /* hardware may still be at a burst whose waiter knows that it failed */
};

/* Two errors a thread: no more than a ring remembers, so that each status is known exactly. */
static unsigned kind_of(unsigned number, unsigned phase, unsigned burst)
{
	if (burst == (3 * number + phase) % BURSTS)
		return SPOILT;
	return burst == (5 * number + 2 * phase + 7) % BURSTS ? DOOMED : 0;
}

static void judge(struct waiter *waiter, unsigned burst, int result)
{
	bool bad = kind_of(waiter->number, waiter->phase, burst) != 0;

	waiter->lied += result == (bad ? 0 : -EIO);
	waiter->lied += !result && __atomic_load_n(&waiter->done[burst], __ATOMIC_RELAXED) != 2;
	waiter->other += result && result != -EIO;
}

static unsigned fill_own(struct waiter *waiter, unsigned burst, struct slot slots[3])
{
	return fill(slots, &waiter->done[burst], kind_of(waiter->number, waiter->phase, burst));
}

static void *submit_and_wait(void *arg)
{
	struct waiter *waiter = arg;

	for (unsigned i = 0; i < BURSTS; i++) {
		struct slot burst[3];
		unsigned n = fill_own(waiter, i, burst);

		judge(waiter, i, piommu_ring_sync(waiter->device->ring, burst, n));
	}
	return NULL;
}

/* Several on their way, which together are more than the ring holds. */
static void *submit_ahead(void *arg)
{
	struct waiter *waiter = arg;
	struct piommu_ring *ring = waiter->device->ring;
	piommu_ticket tickets[BURSTS] = { 0 };

	for (unsigned i = 0; i < BURSTS + AHEAD; i++) {
		if (i >= AHEAD)
			judge(waiter, i - AHEAD, piommu_ring_wait(ring, tickets[i - AHEAD]));
		if (i < BURSTS) {
			struct slot burst[3];
			unsigned n = fill_own(waiter, i, burst);

			while (piommu_ring_submit(ring, burst, n, &tickets[i]) == -EAGAIN)
				piommu_ring_wait(ring, i ? tickets[i - 1] : 0); /* what is in the way may be an error */
		}
	}
	return NULL;
}

static void one_phase(unsigned phase)
{
	struct device device = { .runs = true };
	struct waiter waiter[THREADS] = { { .device = NULL } };
	pthread_t thread[THREADS];

	setup(&device);
	for (unsigned i = 0; i < THREADS; i++) {
		waiter[i] = (struct waiter){ .device = &device, .number = i, .phase = phase };
		CU_ASSERT_EQUAL_FATAL(pthread_create(&thread[i], NULL, i & 1 ? submit_ahead : submit_and_wait, &waiter[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(thread[i], NULL);
		CHECK_EQ(waiter[i].lied, 0);
		CHECK_EQ(waiter[i].other, 0);
	}
	CU_ASSERT(device.nstops > 0);
	finish(&device);
}

static void t24_every_waiter_wakes_with_its_own_status(void)
{
	for (unsigned phase = 0; phase < PHASES; phase++)
		one_phase(phase);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(t24_a_refused_descriptor_fails_its_burst_and_no_other),
		SUITE_TEST(t24_an_aborted_wait_fails_its_burst_and_no_other),
		SUITE_TEST(t24_what_was_done_before_the_error_is_done),
		SUITE_TEST(t24_what_is_in_front_of_a_refused_descriptor_completes),
		SUITE_TEST(t24_a_burst_that_hardware_stopped_in_fails_too),
		SUITE_TEST(t24_a_burst_that_filled_the_ring_leaves_its_room),
		SUITE_TEST(t24_a_refused_wait_fails_its_burst_and_leaves_its_room),
		SUITE_TEST(t24_waiting_for_room_does_not_fail_with_another),
		SUITE_TEST(t24_a_burst_that_failed_stays_so),
		SUITE_TEST(t24_every_waiter_wakes_with_its_own_status),
	};

	return suite_run(argc, argv, "inv_ring_errors", tests, sizeof(tests) / sizeof(tests[0]));
}
