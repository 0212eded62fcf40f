/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The invalidation ring alone: producers submit bursts of descriptors, a consumer on a processor of its own takes them in
 * order and answers each wait descriptor at once. An operation is one descriptor, and it is done when its burst is.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench.h"
#include "piommu_driver.h"

#define IS_WAIT UINT64_C(1)
#define IDLE 4096u /* looks at an idle queue before its processor is offered to others */

struct descriptor {
	uint64_t lo;
	uint64_t hi;
};

/* All producers share one; the first one's job makes it. */
struct ring_unit {
	struct piommu_ring *ring;
	struct descriptor *slots;
	unsigned nslots;
	const struct cpus *cpus;
	unsigned cpu;
	pthread_t consumer;
	_Alignas(64) _Atomic unsigned tail;
	_Atomic bool stop;
	_Alignas(64) uint32_t status;
};

/* ---- The consumer -------------------------------------------------------------------------------------------------------- */

static void take(struct ring_unit *unit, unsigned slot)
{
	uint64_t lo = __atomic_load_n(&unit->slots[slot].lo, __ATOMIC_RELAXED);
	uint64_t hi = __atomic_load_n(&unit->slots[slot].hi, __ATOMIC_RELAXED);

	if (lo & IS_WAIT)
		__atomic_store_n((uint32_t *)(uintptr_t)hi, (uint32_t)(lo >> 32), __ATOMIC_RELEASE);
}

static void *consume(void *arg)
{
	struct ring_unit *unit = arg;
	unsigned head = 0, idle = 0;

	cpus_pin(unit->cpus, unit->cpu);
	while (!atomic_load_explicit(&unit->stop, memory_order_relaxed)) {
		unsigned tail = atomic_load_explicit(&unit->tail, memory_order_acquire);

		if (head == tail) {
			if (++idle % IDLE)
				cpu_relax();
			else
				sched_yield();
			continue;
		}
		for (; head != tail; head = (head + 1) & (unit->nslots - 1))
			take(unit, head);
	}
	return NULL;
}

/* ---- What the ring asks of its driver -------------------------------------------------------------------------------------- */

static void make_wait(void *slot, uint64_t status_pa, uint32_t seq)
{
	struct descriptor *wait = slot;

	wait->lo = IS_WAIT | (uint64_t)seq << 32;
	wait->hi = status_pa;
}

static void doorbell(void *ctx, unsigned tail)
{
	struct ring_unit *unit = ctx;

	atomic_store_explicit(&unit->tail, tail, memory_order_release);
}

static bool is_wait(const void *slot)
{
	return ((const struct descriptor *)slot)->lo & IS_WAIT;
}

static const struct piommu_ring_ops ring_ops = { .make_wait = make_wait, .doorbell = doorbell, .is_wait = is_wait };

static uint64_t clock_now(void *ctx)
{
	(void)ctx;
	return (uint64_t)now_ns();
}

/* Where there are no more processors than producers, the consumer needs this one. */
static void clock_relax(void *ctx)
{
	const struct ring_unit *unit = ctx;

	if (unit->cpu < unit->cpus->n)
		cpu_relax();
	else
		sched_yield();
}

static int start(struct ring_unit *unit, const struct row *row)
{
	const struct piommu_ring_config config = {
		.slots = unit->slots,
		.nslots_lg2 = (unsigned)__builtin_ctz(unit->nslots),
		.slot_size = sizeof(struct descriptor),
		.status = &unit->status,
		.status_pa = (uintptr_t)&unit->status,
		.ops = &ring_ops,
		.ctx = unit,
		.now_ns = clock_now,
		.relax = clock_relax,
		.clock_ctx = unit,
		.timeout_ns = 1000000000,
	};
	int err = piommu_ring_create(&config, &unit->ring);

	if (err)
		return err;
	unit->cpu = row->threads;
	err = -pthread_create(&unit->consumer, NULL, consume, unit);
	if (err)
		piommu_ring_destroy(unit->ring);
	return err;
}

static struct ring_unit *unit_create(const struct job *job)
{
	const struct row *row = job->row;
	unsigned want = 2 * (row->burst + 1) * row->inflight * row->threads;
	struct ring_unit *unit = aligned_alloc(64, sizeof(*unit));

	if (!unit)
		return NULL;
	memset(unit, 0, sizeof(*unit));
	unit->cpus = job->cpus;
	for (unit->nslots = 256; unit->nslots < want; unit->nslots *= 2)
		;
	unit->slots = aligned_alloc(PAGE, unit->nslots * sizeof(struct descriptor));
	if (unit->slots && !start(unit, row))
		return unit;
	free(unit->slots);
	free(unit);
	return NULL;
}

static void unit_destroy(struct ring_unit *unit)
{
	atomic_store_explicit(&unit->stop, true, memory_order_relaxed);
	pthread_join(unit->consumer, NULL);
	piommu_ring_destroy(unit->ring);
	free(unit->slots);
	free(unit);
}

/* ---- Producers ------------------------------------------------------------------------------------------------------------ */

struct producer {
	piommu_ticket window[MAX_INFLIGHT]; /* round: the last `inflight` bursts */
	unsigned at;
	struct descriptor burst[];
};

static int ring_prepare(struct job *job)
{
	const struct row *row = job->row;
	struct producer *producer = calloc(1, sizeof(*producer) + row->burst * sizeof(struct descriptor));

	if (!producer)
		return -ENOMEM;
	if (!job->thread)
		job->bench->ring = unit_create(job);
	if (!job->bench->ring) {
		free(producer);
		return -ENOMEM;
	}
	for (unsigned i = 0; i < row->burst; i++)
		producer->burst[i].hi = (uint64_t)i * PAGE;
	job->work = producer;
	job->sample = row->inflight == 1 ? row->burst : sample_of(row, 8 * row->inflight * row->burst);
	return 0;
}

/* No more room, or no more than `inflight` bursts: the oldest is waited for. */
static int submit(struct job *job)
{
	struct producer *producer = job->work;
	piommu_ticket *oldest = &producer->window[producer->at];
	struct piommu_ring *ring = job->bench->ring->ring;
	int err;

	do
		err = piommu_ring_submit(ring, producer->burst, job->row->burst, oldest);
	while (err == -EAGAIN);
	producer->at = producer->at + 1 == job->row->inflight ? 0 : producer->at + 1;
	return err ? err : piommu_ring_wait(ring, producer->window[producer->at]);
}

static int ring_run(struct job *job, unsigned n)
{
	int err = 0;

	for (unsigned done = 0; done < n && !err; done += job->row->burst)
		err = submit(job);
	return err;
}

static int ring_drain(struct job *job)
{
	struct producer *producer = job->work;
	int err = 0;

	for (unsigned i = 0; i < job->row->inflight && !err; i++)
		err = piommu_ring_wait(job->bench->ring->ring, producer->window[i]);
	return err;
}

static void ring_finish(struct job *job)
{
	ring_drain(job);
	free(job->work);
	if (job->thread)
		return;
	unit_destroy(job->bench->ring);
	job->bench->ring = NULL;
}

static void ring_stats(const struct job *job, struct piommu_stats *out)
{
	struct piommu_ring_stats stats;

	piommu_ring_stats(job->bench->ring->ring, &stats);
	out->inv_descriptors = stats.descriptors;
	out->inv_waits = stats.waits;
	out->inv_doorbells = stats.doorbells;
}

/* An answer takes a round trip, which bursts on their way share; a burst is reserved with one locked instruction. */
static const char *ring_floor(const struct floors *floors, const struct row *row, double *ns)
{
	double answer = floors->round_trip / (row->burst * row->inflight);

	*ns = floors->locked_add / row->burst;
	if (!(answer > *ns))
		return "locked_add";
	*ns = answer;
	return "round_trip";
}

const struct workload work_ring = {
	.name = "ring",
	.text = "reserve, write and retire descriptors",
	.flags = WORK_BURST | WORK_INFLIGHT,
	.prepare = ring_prepare,
	.run = ring_run,
	.drain = ring_drain,
	.finish = ring_finish,
	.stats = ring_stats,
	.floor = ring_floor,
};
