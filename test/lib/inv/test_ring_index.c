/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The ring over hardware that writes no status word and is asked how far it is: its index has one bit more than a slot's, it stands in
 * front of a descriptor that it refuses, and a wait descriptor is complete when the index is past it (SMMUv3, 4.7 and 4.8).
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
#define INDEXES (2u * NSLOTS)
#define TIMEOUT_NS 1000u

enum {
	WORK = 1,
	SPOILT, /* refused */
	WAIT,
};

#define STUCK UINT64_MAX /* of a wait: the unit does not get done with it */

struct slot {
	uint64_t kind;
	uint64_t value;
};

struct device {
	struct piommu_ring *ring;
	struct slot slots[NSLOTS];
	_Atomic unsigned head, tail; /* modulo INDEXES */
	unsigned lies;               /* what it says more than the truth */
	unsigned asked;
	bool runs;    /* at the doorbell; otherwise when told to */
	bool stopped; /* in front of what it refused, until check() */
	uint64_t sum; /* of the work executed */
	uint64_t now;
};

/* Executes up to `n` slots. */
static void run(struct device *device, unsigned n)
{
	unsigned head = atomic_load_explicit(&device->head, memory_order_relaxed);
	unsigned tail = atomic_load_explicit(&device->tail, memory_order_acquire);

	for (; n && head != tail && !device->stopped; n--) {
		const struct slot *slot = &device->slots[head % NSLOTS];

		device->stopped = slot->kind == SPOILT || slot->value == STUCK;
		if (device->stopped)
			break;
		device->sum += slot->kind == WORK ? slot->value : 0;
		head = (head + 1) % INDEXES;
	}
	atomic_store_explicit(&device->head, head, memory_order_release);
}

static void make_wait(void *at, uint64_t status_pa, uint32_t seq)
{
	CHECK_EQ(status_pa, 0);
	*(struct slot *)at = (struct slot){ WAIT, seq };
}

static bool is_wait(const void *at)
{
	return ((const struct slot *)at)->kind == WAIT;
}

static void doorbell(void *ctx, uint64_t tail)
{
	struct device *device = ctx;

	atomic_store_explicit(&device->tail, (unsigned)(tail % INDEXES), memory_order_release);
	if (device->runs)
		run(device, NSLOTS);
}

static uint64_t consumed(void *ctx)
{
	struct device *device = ctx;

	__atomic_fetch_add(&device->asked, 1, __ATOMIC_RELAXED);
	return (atomic_load_explicit(&device->head, memory_order_acquire) + device->lies) % INDEXES;
}

static int check(void *ctx)
{
	struct device *device = ctx;
	unsigned at = device->head % NSLOTS;

	if (!device->stopped)
		return 0;
	piommu_ring_lose(device->ring, at, true);
	if (device->slots[at].kind == SPOILT)
		device->slots[at] = (struct slot){ WORK, 0 };
	device->stopped = false;
	run(device, NSLOTS);
	return 0;
}

static uint64_t now_ns(void *ctx)
{
	return ((struct device *)ctx)->now;
}

static void relax(void *ctx)
{
	((struct device *)ctx)->now++;
}

static const struct piommu_ring_ops ops = { make_wait, doorbell, consumed, is_wait, check };

static struct piommu_ring_config config_of(struct device *device)
{
	return (struct piommu_ring_config){
		.slots = device->slots,
		.nslots_lg2 = NSLOTS_LG2,
		.slot_size = sizeof(struct slot),
		.ops = &ops,
		.ctx = device,
		.now_ns = now_ns,
		.relax = relax,
		.clock_ctx = device,
		.timeout_ns = TIMEOUT_NS,
	};
}

static void setup(struct device *device)
{
	struct piommu_ring_config config = config_of(device);

	CU_ASSERT_EQUAL_FATAL(piommu_ring_create(&config, &device->ring), 0);
}

static piommu_ticket submit(struct device *device, const struct slot *burst, unsigned n)
{
	piommu_ticket ticket = 0;

	CHECK_EQ(piommu_ring_submit(device->ring, burst, n, &ticket), 0);
	return ticket;
}

static void it_is_one_way_or_the_other(void)
{
	struct device device = { .runs = true };
	struct piommu_ring_config config = config_of(&device);
	struct piommu_ring_ops without = ops;
	struct piommu_ring *ring = NULL;
	uint32_t status;

	config.status = &status;
	CHECK_EQ(piommu_ring_create(&config, &ring), -EINVAL);
	without.consumed = NULL;
	config.status = NULL;
	config.ops = &without;
	CHECK_EQ(piommu_ring_create(&config, &ring), -EINVAL);
	CU_ASSERT_PTR_NULL(ring);
}

static void a_burst_is_complete_when_its_wait_is_consumed(void)
{
	static const struct slot burst[2] = { { WORK, 1 }, { WORK, 2 } };
	struct device device = { .runs = false };
	piommu_ticket first, second;

	setup(&device);
	first = submit(&device, burst, 2);
	second = submit(&device, burst, 2);
	run(&device, 2); /* all of the first but its wait */
	CHECK_EQ(piommu_ring_done(device.ring, first), false);
	run(&device, 1);
	CHECK_EQ(piommu_ring_done(device.ring, first), true);
	CHECK_EQ(piommu_ring_state(device.ring, second), -EINPROGRESS);
	run(&device, 2);
	CHECK_EQ(piommu_ring_state(device.ring, second), -EINPROGRESS);
	run(&device, 1);
	CHECK_EQ(piommu_ring_state(device.ring, second), 0);
	CHECK_EQ(device.sum, 6);
	piommu_ring_destroy(device.ring);
}

static void what_is_known_to_be_complete_is_not_asked_for(void)
{
	static const struct slot burst[1] = { { WORK, 1 } };
	struct device device = { .runs = true };
	piommu_ticket first, second;

	setup(&device);
	first = submit(&device, burst, 1);
	second = submit(&device, burst, 1);
	CHECK_EQ(piommu_ring_wait(device.ring, second), 0);
	CHECK_EQ(device.asked, 1);
	CHECK_EQ(piommu_ring_wait(device.ring, first), 0);
	CHECK_EQ(piommu_ring_done(device.ring, second), true);
	CHECK_EQ(device.asked, 1);
	piommu_ring_destroy(device.ring);
}

/* Each index comes again every second lap; laps of every phase. */
static void indexes_wrap(void)
{
	static const struct slot burst[4] = { { WORK, 1 }, { WORK, 1 }, { WORK, 1 }, { WORK, 1 } };
	struct device device = { .runs = true };
	uint64_t work = 0;

	setup(&device);
	for (unsigned i = 0; i < 200; i++) {
		unsigned n = i % 5;

		CHECK_EQ(piommu_ring_sync(device.ring, burst, n), 0);
		work += n;
	}
	CHECK_EQ(device.sum, work);
	piommu_ring_destroy(device.ring);
}

static void a_full_ring_has_room_when_the_index_says_so(void)
{
	static const struct slot burst[4] = { { WORK, 1 }, { WORK, 1 }, { WORK, 1 }, { WORK, 1 } };
	struct device device = { .runs = false };
	piommu_ticket ticket = 0;

	setup(&device);
	for (unsigned i = 0; i < 3; i++)
		submit(&device, burst, 4);
	CHECK_EQ(piommu_ring_submit(device.ring, burst, 4, &ticket), -EAGAIN);
	run(&device, 5);
	CHECK_EQ(piommu_ring_submit(device.ring, burst, 4, &ticket), 0);
	CHECK_EQ(piommu_ring_submit(device.ring, burst, 0, &ticket), -EAGAIN);
	run(&device, NSLOTS);
	CHECK_EQ(piommu_ring_done(device.ring, ticket), true);
	CHECK_EQ(device.sum, 16);
	piommu_ring_destroy(device.ring);
}

static void an_index_ahead_of_the_tail_completes_nothing(void)
{
	static const struct slot burst[1] = { { WORK, 1 } };
	struct device device = { .runs = false };
	piommu_ticket ticket;

	setup(&device);
	ticket = submit(&device, burst, 1);
	for (device.lies = 3; device.lies < INDEXES; device.lies++)
		CHECK_EQ(piommu_ring_done(device.ring, ticket), false);
	device.lies = 0;
	CHECK_EQ(piommu_ring_wait(device.ring, ticket), -ETIMEDOUT);
	run(&device, NSLOTS);
	CHECK_EQ(piommu_ring_wait(device.ring, ticket), 0);
	piommu_ring_destroy(device.ring);
}

static void a_refused_descriptor_fails_its_burst_alone(void)
{
	static const struct slot good[2] = { { WORK, 1 }, { WORK, 10 } },
				 bad[3] = { { WORK, 100 }, { SPOILT, 0 }, { WORK, 1000 } };
	struct device device = { .runs = false };
	piommu_ticket before, failed, after;

	setup(&device);
	before = submit(&device, good, 2);
	failed = submit(&device, bad, 3);
	after = submit(&device, good, 2);
	run(&device, NSLOTS);
	CHECK_EQ(piommu_ring_state(device.ring, failed), -EINPROGRESS);
	CHECK_EQ(piommu_ring_wait(device.ring, after), 0);
	CHECK_EQ(piommu_ring_wait(device.ring, failed), -EIO);
	CHECK_EQ(piommu_ring_wait(device.ring, before), 0);
	CHECK_EQ(device.sum, 1122);
	piommu_ring_destroy(device.ring);
}

/* A wait descriptor that the unit does not get done with (4.8.1: an invalidation of a device's cache timed out) is made anew. */
static void a_wait_that_is_refused_fails_its_burst_alone(void)
{
	static const struct slot good[1] = { { WORK, 1 } };
	struct device device = { .runs = false };
	piommu_ticket failed, after;

	setup(&device);
	failed = submit(&device, good, 1);
	after = submit(&device, good, 1);
	device.slots[1].value = STUCK;
	run(&device, NSLOTS);
	CHECK_EQ(device.stopped, true);
	CHECK_EQ(piommu_ring_wait(device.ring, failed), -EIO);
	CHECK_EQ(piommu_ring_wait(device.ring, after), 0);
	piommu_ring_destroy(device.ring);
}

/* ---- Threads ---------------------------------------------------------------------------------------------------------------- */

#define THREADS 3u
#define ROUNDS 3000u

struct crew {
	struct device device;
	_Atomic bool end;
};

static void yield_relax(void *ctx)
{
	(void)ctx;
	sched_yield();
}

static uint64_t no_time(void *ctx)
{
	(void)ctx;
	return 1;
}

static int no_check(void *ctx)
{
	(void)ctx;
	return 0;
}

static void *hardware(void *ctx)
{
	struct crew *crew = ctx;

	while (!atomic_load(&crew->end)) {
		run(&crew->device, 3);
		sched_yield();
	}
	return NULL;
}

static void *producer(void *ctx)
{
	static const struct slot burst[3] = { { WORK, 1 }, { WORK, 1 }, { WORK, 1 } };
	struct crew *crew = ctx;
	uintptr_t failed = 0;

	for (unsigned i = 0; i < ROUNDS; i++)
		failed += piommu_ring_sync(crew->device.ring, burst, i % 4) != 0;
	return (void *)failed;
}

static void plain_make_wait(void *at, uint64_t status_pa, uint32_t seq)
{
	(void)status_pa;
	*(struct slot *)at = (struct slot){ WAIT, seq };
}

static void producers_do_not_disturb_each_other(void)
{
	static const struct piommu_ring_ops plain = { plain_make_wait, doorbell, consumed, is_wait, no_check };
	static struct crew crew;
	struct piommu_ring_config config = config_of(&crew.device);
	pthread_t unit, threads[THREADS];

	config.ops = &plain;
	config.relax = yield_relax;
	config.now_ns = no_time;
	CU_ASSERT_EQUAL_FATAL(piommu_ring_create(&config, &crew.device.ring), 0);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&unit, NULL, hardware, &crew), 0);
	for (unsigned i = 0; i < THREADS; i++)
		CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, producer, &crew), 0);
	for (unsigned i = 0; i < THREADS; i++) {
		void *failed = NULL;

		pthread_join(threads[i], &failed);
		CU_ASSERT_PTR_NULL(failed);
	}
	atomic_store(&crew.end, true);
	pthread_join(unit, NULL);
	CHECK_EQ(crew.device.sum, (uint64_t)THREADS * ROUNDS / 4 * 6);
	piommu_ring_destroy(crew.device.ring);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(it_is_one_way_or_the_other),
		SUITE_TEST(a_burst_is_complete_when_its_wait_is_consumed),
		SUITE_TEST(what_is_known_to_be_complete_is_not_asked_for),
		SUITE_TEST(indexes_wrap),
		SUITE_TEST(a_full_ring_has_room_when_the_index_says_so),
		SUITE_TEST(an_index_ahead_of_the_tail_completes_nothing),
		SUITE_TEST(a_refused_descriptor_fails_its_burst_alone),
		SUITE_TEST(a_wait_that_is_refused_fails_its_burst_alone),
		SUITE_TEST(producers_do_not_disturb_each_other),
	};

	return suite_run(argc, argv, "inv_ring_index", tests, sizeof(tests) / sizeof(tests[0]));
}
