/* SPDX-License-Identifier: BSD-3-Clause */
/* The ring, against a device of a few lines that executes slots in order and writes the status word. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

#include "piommu_ring.h"
#include "piommu_yield.h"
#include "suite.h"

#define NSLOTS_LG2 4u
#define NSLOTS (1u << NSLOTS_LG2)
#define STATUS_PA UINT64_C(0xabc000)
#define TIMEOUT_NS 1000u

enum {
	KIND_WORK = 1,
	KIND_WAIT = 2
};

struct slot {
	uint64_t kind;
	uint64_t value;
};

/* What lies between `head` and `tail` waits to be executed. */
struct device {
	struct piommu_ring *ring;
	struct slot slots[NSLOTS];
	uint32_t status;
	unsigned head;
	_Atomic unsigned tail;
	unsigned doorbells;
	bool lazy;          /* executes when told to, not at the doorbell */
	bool gone;          /* completes nothing, and says so */
	uint64_t done[256]; /* values of the work executed */
	unsigned ndone;
	uint64_t now;
	unsigned relaxed;
	unsigned work_at; /* a lazy device wakes at this step of a wait */
	size_t written_back;
};

static void execute(struct device *device)
{
	while (device->head != device->tail) {
		struct slot *slot = &device->slots[device->head];

		if (slot->kind == KIND_WORK && device->ndone < 256)
			device->done[device->ndone++] = slot->value;
		if (slot->kind == KIND_WAIT)
			__atomic_store_n(&device->status, (uint32_t)slot->value, __ATOMIC_RELEASE);
		memset(slot, 0, sizeof(*slot));
		device->head = (device->head + 1) % NSLOTS;
	}
}

static void make_wait(void *at, uint64_t status_pa, uint32_t seq)
{
	struct slot *slot = at;

	CHECK_HEX(status_pa, STATUS_PA);
	*slot = (struct slot){ KIND_WAIT, seq };
}

static void doorbell(void *ctx, uint64_t tail)
{
	struct device *device = ctx;

	atomic_store(&device->tail, (unsigned)(tail % NSLOTS));
	device->doorbells++;
	if (!device->lazy)
		execute(device);
}

static int check(void *ctx)
{
	struct device *device = ctx;

	return device->gone ? -EIO : 0;
}

static uint64_t now_ns(void *ctx)
{
	struct device *device = ctx;

	return device->now;
}

static void relax(void *ctx)
{
	struct device *device = ctx;

	device->now++;
	if (device->work_at && ++device->relaxed == device->work_at)
		execute(device);
}

static void writeback(void *ctx, const void *va, size_t len)
{
	struct device *device = ctx;

	CU_ASSERT((const char *)va >= (const char *)device->slots);
	CU_ASSERT((const char *)va + len <= (const char *)device->slots + sizeof(device->slots));
	device->written_back += len;
}

static const struct piommu_ring_ops ops = { .make_wait = make_wait, .doorbell = doorbell, .check = check };

static struct piommu_ring_config config_of(struct device *device)
{
	return (struct piommu_ring_config){
		.slots = device->slots,
		.nslots_lg2 = NSLOTS_LG2,
		.slot_size = sizeof(struct slot),
		.status = &device->status,
		.status_pa = STATUS_PA,
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

	CHECK_EQ(piommu_ring_create(&config, &device->ring), 0);
}

static int submit(struct device *device, unsigned n, uint64_t value, piommu_ticket *ticket)
{
	struct slot burst[NSLOTS];

	for (unsigned i = 0; i < n && i < NSLOTS; i++)
		burst[i] = (struct slot){ KIND_WORK, value + i };
	return piommu_ring_submit(device->ring, burst, n, ticket);
}

static int sync_one(struct device *device, uint64_t value)
{
	struct slot work = { KIND_WORK, value };

	return piommu_ring_sync(device->ring, &work, 1);
}

static void bad_configurations_are_refused(void)
{
	struct device device = { 0 };
	struct piommu_ring_config config = config_of(&device);

	config.nslots_lg2 = 1;
	CHECK_EQ(piommu_ring_create(&config, &device.ring), -EINVAL);
	config = config_of(&device);
	config.slot_size = 12;
	CHECK_EQ(piommu_ring_create(&config, &device.ring), -EINVAL);
	config = config_of(&device);
	config.timeout_ns = 0;
	CHECK_EQ(piommu_ring_create(&config, &device.ring), -EINVAL);
	config = config_of(&device);
	config.first = NSLOTS + 1;
	CHECK_EQ(piommu_ring_create(&config, &device.ring), -EINVAL);
	piommu_ring_destroy(NULL);
}

static void a_burst_has_one_wait_and_one_doorbell(void)
{
	struct device device = { 0 };
	struct piommu_ring_stats stats;
	piommu_ticket ticket = 0;

	setup(&device);
	CHECK_EQ(submit(&device, 5, 100, &ticket), 0);
	CU_ASSERT(ticket != 0);
	CHECK_EQ(device.doorbells, 1);
	CHECK_EQ(device.ndone, 5);
	for (unsigned i = 0; i < 5; i++)
		CHECK_EQ(device.done[i], 100 + i);
	CU_ASSERT_TRUE(piommu_ring_done(device.ring, ticket));
	CHECK_EQ(piommu_ring_wait(device.ring, ticket), 0);
	piommu_ring_stats(device.ring, &stats);
	CHECK_EQ(stats.descriptors, 5);
	CHECK_EQ(stats.waits, 1);
	CHECK_EQ(stats.doorbells, 1);
	CHECK_EQ(stats.full, 0);
	CHECK_EQ(stats.failed, 0);
	piommu_ring_destroy(device.ring);
}

#ifdef PIOMMU_YIELD_POINTS

/* A list that is read without a barrier since entries were cleared aborts. */
static void a_submission_is_a_full_barrier(void)
{
	struct device device = { 0 };
	piommu_ticket ticket;

	setup(&device);
	for (unsigned n = 0; n < 2; n++) {
		piommu_order_cleared();
		CHECK_EQ(submit(&device, n, 0, &ticket), 0);
		piommu_order_listing();
	}
	piommu_ring_destroy(device.ring);
}

#endif

static void nothing_to_wait_for_is_done(void)
{
	struct device device = { 0 };

	setup(&device);
	CU_ASSERT_TRUE(piommu_ring_done(device.ring, 0));
	CHECK_EQ(piommu_ring_wait(device.ring, 0), 0);
	piommu_ring_destroy(device.ring);
}

static void bursts_wrap_around_the_end(void)
{
	struct device device = { 0 };
	piommu_ticket ticket;

	setup(&device);
	for (unsigned i = 0; i < 20; i++)
		CHECK_EQ(submit(&device, 6, 10 * i, &ticket), 0);
	CHECK_EQ(device.ndone, 120);
	for (unsigned i = 0; i < 120; i++)
		CHECK_EQ(device.done[i], 10 * (i / 6) + i % 6);
	piommu_ring_destroy(device.ring);
}

static void tickets_complete_in_order_when_the_device_says_so(void)
{
	struct device device = { .lazy = true };
	piommu_ticket first, second;

	setup(&device);
	CHECK_EQ(submit(&device, 1, 1, &first), 0);
	CHECK_EQ(submit(&device, 1, 2, &second), 0);
	CU_ASSERT(second > first);
	CU_ASSERT_FALSE(piommu_ring_done(device.ring, first));
	device.status = (uint32_t)first;
	CU_ASSERT_TRUE(piommu_ring_done(device.ring, first));
	CU_ASSERT_FALSE(piommu_ring_done(device.ring, second));
	execute(&device);
	CU_ASSERT_TRUE(piommu_ring_done(device.ring, second));
	piommu_ring_destroy(device.ring);
}

static void a_status_nobody_asked_for_completes_nothing(void)
{
	struct device device = { .lazy = true };
	piommu_ticket ticket;

	setup(&device);
	CHECK_EQ(submit(&device, 1, 1, &ticket), 0);
	device.status = (uint32_t)ticket + 1;
	CU_ASSERT_FALSE(piommu_ring_done(device.ring, ticket));
	device.status = UINT32_MAX;
	CU_ASSERT_FALSE(piommu_ring_done(device.ring, ticket));
	piommu_ring_destroy(device.ring);
}

static void a_full_ring_says_again_and_takes_nothing(void)
{
	struct device device = { .lazy = true };
	struct piommu_ring_stats stats;
	piommu_ticket ticket, last;

	setup(&device);
	CHECK_EQ(submit(&device, NSLOTS - 1, 0, &ticket), -EINVAL);
	CHECK_EQ(submit(&device, NSLOTS - 2, 0, &last), 0); /* one slot stays empty: head == tail means empty */
	CHECK_EQ(submit(&device, 0, 0, &ticket), -EAGAIN);
	CHECK_EQ(device.doorbells, 1);
	piommu_ring_stats(device.ring, &stats);
	CHECK_EQ(stats.full, 1);
	execute(&device);
	CHECK_EQ(submit(&device, NSLOTS - 2, 50, &ticket), 0);
	execute(&device);
	CHECK_EQ(piommu_ring_wait(device.ring, ticket), 0);
	CHECK_EQ(device.ndone, 2 * (NSLOTS - 2));
	piommu_ring_destroy(device.ring);
}

static void sync_waits_for_room_too(void)
{
	struct device device = { .lazy = true, .work_at = 5 };
	piommu_ticket ticket;

	setup(&device);
	CHECK_EQ(submit(&device, NSLOTS - 2, 0, &ticket), 0);
	device.lazy = false; /* executes its backlog at step 5 of the wait, then at once */
	CHECK_EQ(sync_one(&device, 77), 0);
	CHECK_EQ(device.done[device.ndone - 1], 77);
	piommu_ring_destroy(device.ring);
}

static void a_silent_device_times_out(void)
{
	struct device device = { .lazy = true };
	struct piommu_ring_stats stats;
	piommu_ticket ticket;

	setup(&device);
	CHECK_EQ(submit(&device, 1, 1, &ticket), 0);
	CHECK_EQ(piommu_ring_wait(device.ring, ticket), -ETIMEDOUT);
	CU_ASSERT(device.now >= TIMEOUT_NS && device.now < 2 * TIMEOUT_NS);
	piommu_ring_stats(device.ring, &stats);
	CHECK_EQ(stats.failed, 1);
	execute(&device); /* late, but then it is done */
	CHECK_EQ(piommu_ring_wait(device.ring, ticket), 0);
	piommu_ring_destroy(device.ring);
}

static void a_device_that_is_gone_fails_its_waiters_at_once(void)
{
	struct device device = { .lazy = true };
	piommu_ticket done, lost;

	setup(&device);
	CHECK_EQ(submit(&device, 1, 1, &done), 0);
	execute(&device);
	CHECK_EQ(submit(&device, 1, 2, &lost), 0);
	device.gone = true;
	CHECK_EQ(piommu_ring_wait(device.ring, lost), -EIO);
	CU_ASSERT(device.now < TIMEOUT_NS);
	CHECK_EQ(piommu_ring_wait(device.ring, done), 0);
	piommu_ring_destroy(device.ring);
}

static void a_ring_that_was_given_up_takes_nothing(void)
{
	struct device device = { .lazy = true };
	piommu_ticket done, lost, ticket;

	setup(&device);
	CHECK_EQ(submit(&device, 1, 1, &done), 0);
	execute(&device);
	CHECK_EQ(submit(&device, 1, 2, &lost), 0);
	piommu_ring_stop(device.ring);
	CHECK_EQ(submit(&device, 1, 3, &ticket), -EIO);
	CHECK_EQ(sync_one(&device, 3), -EIO);
	CHECK_EQ(piommu_ring_wait(device.ring, done), 0);
	CHECK_EQ(piommu_ring_wait(device.ring, lost), -EIO);
	CU_ASSERT(device.now < TIMEOUT_NS);
	piommu_ring_destroy(device.ring);
}

/* A device that completes a burst at its doorbell and looks at nothing else. */
static uint32_t instant_seq;
static uint32_t instant_status;

static void instant_make_wait(void *at, uint64_t status_pa, uint32_t seq)
{
	(void)at;
	(void)status_pa;
	instant_seq = seq;
}

static void instant_doorbell(void *ctx, uint64_t tail)
{
	(void)tail;
	if (!*(bool *)ctx)
		instant_status = instant_seq;
}

static void tickets_survive_the_wrap_of_the_status_word(void)
{
	static const struct piommu_ring_ops instant = { .make_wait = instant_make_wait, .doorbell = instant_doorbell };
	struct device device = { 0 };
	struct piommu_ring_config config = config_of(&device);
	struct slot burst[2] = { { 0 } };
	piommu_ticket ticket = 0, before = 0;
	bool slow = false;

	config.ops = &instant;
	config.ctx = &slow;
	config.status = &instant_status;
	config.first = (UINT64_C(1) << 32) - NSLOTS;
	CHECK_EQ(piommu_ring_create(&config, &device.ring), 0);
	for (unsigned i = 0; i < 12; i++) {
		slow = i == 5; /* this burst ends past the wrap, and completes with the next */
		CHECK_EQ(piommu_ring_submit(device.ring, burst, 2, &ticket), 0);
		CHECK_HEX(ticket, (UINT64_C(1) << 32) - NSLOTS + 3 * (i + 1));
		CHECK_EQ(piommu_ring_done(device.ring, ticket), !slow);
		CHECK_EQ(piommu_ring_done(device.ring, before), true);
		before = slow ? before : ticket;
	}
	piommu_ring_destroy(device.ring);
}

static void slots_are_written_back_before_the_doorbell(void)
{
	struct device device = { 0 };
	struct piommu_ring_config config = config_of(&device);
	piommu_ticket ticket;

	config.writeback = writeback;
	CHECK_EQ(piommu_ring_create(&config, &device.ring), 0);
	for (unsigned i = 0; i < 5; i++)
		CHECK_EQ(submit(&device, 4, i, &ticket), 0);
	CHECK_EQ(device.written_back, 25 * sizeof(struct slot));
	piommu_ring_destroy(device.ring);
}

#define THREADS 4u
#define ROUNDS 3000u

struct shared {
	struct device device;
	_Atomic bool quit;
	_Atomic unsigned executed;
};

static void lazy_doorbell(void *ctx, uint64_t tail)
{
	struct shared *shared = ctx;

	/* Doorbells come in order: the tail only moves forward, and by less than a lap. */
	atomic_store_explicit(&shared->device.tail, (unsigned)(tail % NSLOTS), memory_order_release);
}

static void thread_make_wait(void *at, uint64_t status_pa, uint32_t seq)
{
	(void)status_pa;
	*(struct slot *)at = (struct slot){ KIND_WAIT, seq };
}

static void *run_device(void *arg)
{
	struct shared *shared = arg;
	struct device *device = &shared->device;
	uintptr_t bad = 0;

	while (!atomic_load(&shared->quit)) {
		unsigned tail = atomic_load_explicit(&device->tail, memory_order_acquire);

		if (device->head == tail)
			sched_yield();
		while (device->head != tail) {
			struct slot *slot = &device->slots[device->head];

			bad += slot->kind != KIND_WORK && slot->kind != KIND_WAIT;
			if (slot->kind == KIND_WORK)
				atomic_fetch_add((_Atomic unsigned *)(uintptr_t)slot->value, 1);
			else
				__atomic_store_n(&device->status, (uint32_t)slot->value, __ATOMIC_RELEASE);
			device->head = (device->head + 1) % NSLOTS;
		}
	}
	return (void *)bad;
}

static uint64_t steps_as_time(void *ctx)
{
	(void)ctx;
	return 1; /* waits of this test end by completion alone */
}

/* There are fewer processors than threads. */
static void give_way(void *ctx)
{
	(void)ctx;
	sched_yield();
}

static void *produce(void *arg)
{
	struct shared *shared = arg;
	_Atomic unsigned mine = 0;
	unsigned sent = 0;
	uintptr_t bad = 0;

	for (unsigned round = 0; round < ROUNDS; round++) {
		struct slot burst[3];
		unsigned n = 1 + round % 3;

		for (unsigned i = 0; i < n; i++)
			burst[i] = (struct slot){ KIND_WORK, (uintptr_t)&mine };
		bad += piommu_ring_sync(shared->device.ring, burst, n) != 0;
		sent += n;
		/* A completed sync means that all of our work was done. */
		bad += atomic_load(&mine) != sent;
	}
	return (void *)bad;
}

static void producers_do_not_disturb_each_other(void)
{
	static struct shared shared;
	static const struct piommu_ring_ops thread_ops = { .make_wait = thread_make_wait, .doorbell = lazy_doorbell };
	struct piommu_ring_config config = config_of(&shared.device);
	pthread_t device_thread, producer[THREADS];
	struct piommu_ring_stats stats;
	void *bad;

	config.ops = &thread_ops;
	config.ctx = &shared;
	config.now_ns = steps_as_time;
	config.relax = give_way;
	CHECK_EQ(piommu_ring_create(&config, &shared.device.ring), 0);
	CHECK_EQ(pthread_create(&device_thread, NULL, run_device, &shared), 0);
	for (unsigned i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_create(&producer[i], NULL, produce, &shared), 0);
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(producer[i], &bad);
		CHECK_EQ((uintptr_t)bad, 0);
	}
	atomic_store(&shared.quit, true);
	pthread_join(device_thread, &bad);
	CHECK_EQ((uintptr_t)bad, 0);
	piommu_ring_stats(shared.device.ring, &stats);
	CU_ASSERT(stats.waits >= THREADS * ROUNDS); /* more: in holes */
	CU_ASSERT(stats.doorbells <= stats.waits);
	CHECK_EQ(stats.descriptors, THREADS * ROUNDS * 2);
	piommu_ring_destroy(shared.device.ring);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(bad_configurations_are_refused),
		SUITE_TEST(a_burst_has_one_wait_and_one_doorbell),
#ifdef PIOMMU_YIELD_POINTS
		SUITE_TEST(a_submission_is_a_full_barrier),
#endif
		SUITE_TEST(nothing_to_wait_for_is_done),
		SUITE_TEST(bursts_wrap_around_the_end),
		SUITE_TEST(tickets_complete_in_order_when_the_device_says_so),
		SUITE_TEST(a_status_nobody_asked_for_completes_nothing),
		SUITE_TEST(a_full_ring_says_again_and_takes_nothing),
		SUITE_TEST(sync_waits_for_room_too),
		SUITE_TEST(a_silent_device_times_out),
		SUITE_TEST(a_device_that_is_gone_fails_its_waiters_at_once),
		SUITE_TEST(a_ring_that_was_given_up_takes_nothing),
		SUITE_TEST(tickets_survive_the_wrap_of_the_status_word),
		SUITE_TEST(slots_are_written_back_before_the_doorbell),
		SUITE_TEST(producers_do_not_disturb_each_other),
	};

	return suite_run(argc, argv, "inv_ring", tests, sizeof(tests) / sizeof(tests[0]));
}
