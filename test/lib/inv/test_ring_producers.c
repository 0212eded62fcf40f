/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Several producers on one ring: turns, doorbells that cover several bursts, what is left behind, holes. Where an interleaving
 * matters, one thread plays all parts: the ring calls back in the middle of a submission, and there the next one begins.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "piommu_ring.h"
#include "piommu_yield.h"
#include "suite.h"

#define NSLOTS_LG2 4u
#define NSLOTS (1u << NSLOTS_LG2)

enum {
	WORK = 1, /* value: who, and its number */
	WAIT,
};

struct slot {
	uint64_t kind;
	uint64_t value;
};

/* Executes when told to. */
struct device {
	struct piommu_ring *ring;
	struct slot slots[NSLOTS];
	uint32_t *status;
	uint32_t own_status;
	unsigned head;
	_Atomic unsigned tail;
	unsigned doorbells;
	uint64_t done[64];
	unsigned ndone;
	unsigned at_wait, at_doorbell; /* how many submissions still begin there, each within the one before */
	piommu_ticket nested[16];      /* their tickets, in the order in which they returned */
	unsigned nnested;
};

static void execute(struct device *device)
{
	while (device->head != device->tail) {
		const struct slot *slot = &device->slots[device->head];

		if (slot->kind == WORK && device->ndone < 64)
			device->done[device->ndone++] = slot->value;
		else if (slot->kind == WAIT)
			__atomic_store_n(device->status, (uint32_t)slot->value, __ATOMIC_RELEASE);
		device->head = (device->head + 1) % NSLOTS;
	}
}

static int submit(struct device *device, unsigned n, uint64_t value, piommu_ticket *ticket)
{
	struct slot burst[NSLOTS];

	for (unsigned i = 0; i < n; i++)
		burst[i] = (struct slot){ WORK, value + i };
	return piommu_ring_submit(device->ring, burst, n, ticket);
}

static void submit_nested(struct device *device, uint64_t value)
{
	piommu_ticket ticket = 0;

	CHECK_EQ(submit(device, 1, value, &ticket), 0);
	device->nested[device->nnested++] = ticket;
}

static struct device *current; /* make_wait is not told whose ring it is */

static void make_wait(void *at, uint64_t status_pa, uint32_t seq)
{
	(void)status_pa;
	*(struct slot *)at = (struct slot){ WAIT, seq };
	if (current->at_wait)
		submit_nested(current, 100 + --current->at_wait);
}

static void doorbell(void *ctx, uint64_t tail)
{
	struct device *device = ctx;

	device->tail = (unsigned)(tail % NSLOTS);
	device->doorbells++;
	if (device->at_doorbell)
		submit_nested(device, 200 + --device->at_doorbell);
}

static uint64_t now_ns(void *ctx)
{
	(void)ctx;
	return 1; /* waits end by completion alone */
}

static void relax(void *ctx)
{
	execute(ctx);
}

static const struct piommu_ring_ops ops = { .make_wait = make_wait, .doorbell = doorbell };

static struct piommu_ring_config config_of(struct device *device)
{
	return (struct piommu_ring_config){
		.slots = device->slots,
		.nslots_lg2 = NSLOTS_LG2,
		.slot_size = sizeof(struct slot),
		.status = device->status,
		.ops = &ops,
		.ctx = device,
		.now_ns = now_ns,
		.relax = relax,
		.clock_ctx = device,
		.timeout_ns = 1000,
	};
}

static void setup(struct device *device)
{
	struct piommu_ring_config config;

	current = device;
	if (!device->status)
		device->status = &device->own_status;
	config = config_of(device);
	CHECK_EQ(piommu_ring_create(&config, &device->ring), 0);
}

static struct piommu_ring_stats stats_of(const struct device *device)
{
	struct piommu_ring_stats stats;

	piommu_ring_stats(device->ring, &stats);
	return stats;
}

/* ---- Turns ------------------------------------------------------------------------------------------------------------------- */

/* Each of the two behind it is ready before the first one, which has the turn. */
static void bursts_that_are_ready_at_once_share_a_doorbell(void)
{
	struct device device = { .at_wait = 2 };
	piommu_ticket ticket;

	setup(&device);
	CHECK_EQ(submit(&device, 2, 1, &ticket), 0);
	CU_ASSERT(device.nested[0] > device.nested[1] && device.nested[1] > ticket); /* they returned the other way round */
	CHECK_EQ(device.doorbells, 1);
	CHECK_EQ(device.tail, 3 + 2 + 2);
	CHECK_EQ(stats_of(&device).doorbells, 1);
	CHECK_EQ(stats_of(&device).waits, 3);
	CHECK_EQ(stats_of(&device).descriptors, 4);
	execute(&device);
	CHECK_EQ(device.ndone, 4);
	CHECK_EQ(device.done[0], 1);
	CHECK_EQ(device.done[2], 101);
	CHECK_EQ(device.done[3], 100);
	CU_ASSERT_TRUE(piommu_ring_done(device.ring, ticket));
	CU_ASSERT_TRUE(piommu_ring_done(device.ring, device.nested[0]));
	CU_ASSERT_TRUE(piommu_ring_done(device.ring, device.nested[1]));
	piommu_ring_destroy(device.ring);
}

static void a_burst_that_is_late_for_a_doorbell_gets_the_next(void)
{
	struct device device = { .at_doorbell = 2 };
	piommu_ticket ticket;

	setup(&device);
	CHECK_EQ(submit(&device, 1, 1, &ticket), 0);
	CHECK_EQ(device.doorbells, 3);
	CHECK_EQ(device.tail, 6);
	execute(&device);
	CU_ASSERT_TRUE(piommu_ring_done(device.ring, device.nested[1]));
	piommu_ring_destroy(device.ring);
}

/*
 * A thread takes no more than so many turns for others, and then the last burst is ready with nobody about: as when a mark and
 * the end of a turn have missed each other.
 */
static piommu_ticket leave_one_behind(struct device *device)
{
	piommu_ticket ticket;

	setup(device);
	device->at_doorbell = 5;
	CHECK_EQ(submit(device, 0, 1, &ticket), 0);
	CHECK_EQ(device->nnested, 5);
	CHECK_EQ(device->doorbells, 5); /* one its own, four for others; the fifth is left */
	execute(device);
	return device->nested[4];
}

static void a_burst_left_behind_goes_out_when_somebody_looks(void)
{
	struct device device = { .head = 0 };
	piommu_ticket last = leave_one_behind(&device);

	CU_ASSERT_FALSE(piommu_ring_done(device.ring, last));
	CHECK_EQ(device.doorbells, 6);
	execute(&device);
	CU_ASSERT_TRUE(piommu_ring_done(device.ring, last));
	piommu_ring_destroy(device.ring);
}

static void a_burst_left_behind_goes_out_when_somebody_waits(void)
{
	struct device device = { .head = 0 };
	piommu_ticket last = leave_one_behind(&device);

	CHECK_EQ(piommu_ring_wait(device.ring, last), 0);
	CHECK_EQ(device.doorbells, 6);
	piommu_ring_destroy(device.ring);
}

static void a_burst_left_behind_goes_out_with_the_next(void)
{
	struct device device = { .head = 0 };
	piommu_ticket last = leave_one_behind(&device), next;

	CHECK_EQ(submit(&device, 1, 1, &next), 0);
	CHECK_EQ(device.doorbells, 6);
	execute(&device);
	CU_ASSERT_TRUE(piommu_ring_done(device.ring, last));
	CU_ASSERT_TRUE(piommu_ring_done(device.ring, next));
	piommu_ring_destroy(device.ring);
}

/* Who never looks at a ticket and just tries again gets through, too. */
static void a_burst_left_behind_goes_out_when_the_ring_is_full(void)
{
	struct device device = { .head = 0 };
	piommu_ticket last = leave_one_behind(&device), next;

	/* 11 slots are used, 2 of them by the one left behind. */
	CHECK_EQ(submit(&device, NSLOTS - 2, 1, &next), -EAGAIN);
	CHECK_EQ(device.doorbells, 6);
	execute(&device);
	CHECK_EQ(submit(&device, NSLOTS - 2, 1, &next), 0);
	CU_ASSERT_TRUE(piommu_ring_done(device.ring, last));
	piommu_ring_destroy(device.ring);
}

/* ---- Holes ------------------------------------------------------------------------------------------------------------------- */

#if !defined(UNDER_TSAN) /* whose loads are calls, from which a signal handler had better not call again */

/* Between a producer's look at the room and its taking of it: the status word cannot be read the first time. */
static void on_fault(int sig)
{
	piommu_ticket ticket;

	(void)sig;
	if (mprotect(current->status, (size_t)sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE))
		abort();
	execute(current);
	CHECK_EQ(submit(current, 10, 50, &ticket), 0);
	current->nested[current->nnested++] = ticket;
}

/* Two saw room for 15, one took 11, the other wants 5. @return what that one got */
static int race_for_room(struct device *device)
{
	struct sigaction action = { .sa_handler = on_fault }, before;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	piommu_ticket ticket;
	int err;

	device->status = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CU_ASSERT_FATAL((void *)device->status != MAP_FAILED);
	setup(device);
	CHECK_EQ(submit(device, NSLOTS - 2, 0, &ticket), 0);
	sigaction(SIGSEGV, &action, &before);
	mprotect(device->status, page, PROT_NONE);
	err = submit(device, 4, 30, &ticket);
	sigaction(SIGSEGV, &before, NULL);
	CHECK_EQ(device->nnested, 1);
	return err;
}

static void end_race(struct device *device)
{
	piommu_ring_destroy(device->ring);
	munmap(device->status, (size_t)sysconf(_SC_PAGESIZE));
}

static void who_finds_its_room_taken_is_told_to_come_again(void)
{
	struct device device = { .head = 0 };
	piommu_ticket ticket;

	CHECK_EQ(race_for_room(&device), -EAGAIN);
	CHECK_EQ(device.doorbells, 2);
	CHECK_EQ(stats_of(&device).full, 1);
	CHECK_EQ(submit(&device, 0, 0, &ticket), -EAGAIN); /* still no room, not even for the hole */
	CHECK_EQ(device.doorbells, 2);
	execute(&device);
	CU_ASSERT_TRUE(piommu_ring_done(device.ring, device.nested[0]));
	device.ndone = 0;
	CHECK_EQ(submit(&device, 3, 70, &ticket), 0);
	execute(&device);
	CU_ASSERT_TRUE(piommu_ring_done(device.ring, ticket));
	CHECK_EQ(device.ndone, 3); /* and nothing of the one that was refused */
	CHECK_EQ(device.done[0], 70);
	CHECK_EQ(device.doorbells, 3);
	CHECK_EQ(stats_of(&device).waits, 3 + 5);
	CHECK_EQ(stats_of(&device).descriptors, NSLOTS - 2 + 10 + 3);
	end_race(&device);
}

static void sync_gets_through_behind_a_hole(void)
{
	struct device device = { .head = 0 };
	struct slot burst[NSLOTS - 2];

	for (unsigned i = 0; i < NSLOTS - 2; i++)
		burst[i] = (struct slot){ WORK, i };
	CHECK_EQ(race_for_room(&device), -EAGAIN);
	CHECK_EQ(piommu_ring_sync(device.ring, burst, NSLOTS - 2), 0);
	end_race(&device);
}

#endif

/* ---- All at once ------------------------------------------------------------------------------------------------------------------ */

#define THREADS 6u /* of four slots at most: more than a lap, if all race for the same room */
#define BURSTS 12000u
#define WINDOW 3u

struct producer {
	struct device *device;
	uint64_t number;
	unsigned bad;
	unsigned sent; /* work submitted */
};

static _Atomic bool quit;
static _Atomic unsigned executed[THREADS];

/* Work of one producer is executed in the order in which it was submitted, and nothing else is. */
static void *run_device(void *arg)
{
	struct device *device = arg;
	uintptr_t bad = 0;

	while (!atomic_load(&quit)) {
		unsigned tail = atomic_load_explicit(&device->tail, memory_order_acquire);

		if (device->head == tail)
			sched_yield();
		for (; device->head != tail; device->head = (device->head + 1) % NSLOTS) {
			struct slot *slot = &device->slots[device->head];

			if (slot->kind == WAIT)
				__atomic_store_n(device->status, (uint32_t)slot->value, __ATOMIC_RELEASE);
			else if (slot->kind == WORK && slot->value >> 32 < THREADS)
				bad += atomic_fetch_add(&executed[slot->value >> 32], 1) != (uint32_t)slot->value;
			else
				bad++;
		}
	}
	return (void *)bad;
}

static void plain_make_wait(void *at, uint64_t status_pa, uint32_t seq)
{
	(void)status_pa;
	*(struct slot *)at = (struct slot){ WAIT, seq };
}

static void plain_doorbell(void *ctx, uint64_t tail)
{
	struct device *device = ctx;

	device->doorbells++; /* one thread at a time */
	atomic_store_explicit(&device->tail, (unsigned)(tail % NSLOTS), memory_order_release);
}

/* There are fewer processors than threads. */
static void give_way(void *ctx)
{
	(void)ctx;
	sched_yield();
}

static void submit_some(struct producer *producer, unsigned n, piommu_ticket *ticket)
{
	int err;

	while ((err = submit(producer->device, n, producer->number << 32 | producer->sent, ticket)) == -EAGAIN)
		sched_yield();
	producer->bad += err != 0;
	producer->sent += n;
}

/* Half of them wait, half of them look; a ticket that is done means that all up to it was executed. */
static void *produce(void *arg)
{
	struct producer *producer = arg;
	piommu_ticket tickets[WINDOW] = { 0 };
	unsigned sent[WINDOW] = { 0 };

#ifdef PIOMMU_YIELD_POINTS
	piommu_yield_seed(producer->number + 1);
#endif
	for (unsigned i = 0; i < BURSTS + WINDOW; i++) {
		piommu_ticket *ticket = &tickets[i % WINDOW];

		if (producer->number & 1)
			producer->bad += piommu_ring_wait(producer->device->ring, *ticket) != 0;
		while (!piommu_ring_done(producer->device->ring, *ticket))
			sched_yield();
		producer->bad += atomic_load(&executed[producer->number]) < sent[i % WINDOW];
		if (i < BURSTS)
			submit_some(producer, (i + (unsigned)producer->number) % 4, ticket);
		sent[i % WINDOW] = producer->sent;
	}
	return NULL;
}

static void no_ticket_is_lost_and_no_order_among_many(void)
{
	static struct device device;
	static const struct piommu_ring_ops plain = { .make_wait = plain_make_wait, .doorbell = plain_doorbell };
	struct piommu_ring_config config;
	struct producer producer[THREADS];
	pthread_t device_thread, thread[THREADS];
	uint64_t sent = 0;
	void *bad;

	device.status = &device.own_status;
	config = config_of(&device);
	config.ops = &plain;
	config.relax = give_way;
	config.first = (UINT64_C(1) << 32) - 40 * NSLOTS; /* the status word wraps on the way */
	CHECK_EQ(piommu_ring_create(&config, &device.ring), 0);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&device_thread, NULL, run_device, &device), 0);
	for (unsigned i = 0; i < THREADS; i++) {
		producer[i] = (struct producer){ .device = &device, .number = i };
		CU_ASSERT_EQUAL_FATAL(pthread_create(&thread[i], NULL, produce, &producer[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(thread[i], NULL);
		CHECK_EQ(producer[i].bad, 0);
		CHECK_EQ(atomic_load(&executed[i]), producer[i].sent);
		sent += producer[i].sent;
	}
	atomic_store(&quit, true);
	pthread_join(device_thread, &bad);
	CHECK_EQ((uintptr_t)bad, 0);
	CHECK_EQ(stats_of(&device).descriptors, sent);
	CHECK_EQ(stats_of(&device).doorbells, device.doorbells);
	CU_ASSERT(stats_of(&device).waits >= THREADS * BURSTS);
	piommu_ring_destroy(device.ring);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(bursts_that_are_ready_at_once_share_a_doorbell),
		SUITE_TEST(a_burst_that_is_late_for_a_doorbell_gets_the_next),
		SUITE_TEST(a_burst_left_behind_goes_out_when_somebody_looks),
		SUITE_TEST(a_burst_left_behind_goes_out_when_somebody_waits),
		SUITE_TEST(a_burst_left_behind_goes_out_with_the_next),
		SUITE_TEST(a_burst_left_behind_goes_out_when_the_ring_is_full),
#if !defined(UNDER_TSAN)
		SUITE_TEST(who_finds_its_room_taken_is_told_to_come_again),
		SUITE_TEST(sync_gets_through_behind_a_hole),
#endif
		SUITE_TEST(no_ticket_is_lost_and_no_order_among_many),
	};

	return suite_run(argc, argv, "inv_ring_producers", tests, sizeof(tests) / sizeof(tests[0]));
}
