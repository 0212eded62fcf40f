/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The invalidation ring alone: producers on processors of their own make bursts of descriptors, submit them, and know that they are
 * complete. No thread plays the hardware: whoever rings the doorbell writes the status for it, by a plain store in its turn, so that
 * two processors are enough to see what two producers do to each other. An operation is one descriptor. `ring` does nothing else;
 * `ring-work` works for a set time before each burst, on memory of its own, as the rest of a strict burst does.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "piommu_driver.h"

#define IS_WAIT UINT64_C(1)
#define SAMPLE 256u   /* bursts, so many that between two samples the others are not alone for long */
#define WORK_NS 360.0 /* allocate, map, unmap and free for 32 pages, of the order of 10 ns for one */
#define MAKE_NS 40.0  /* and make their descriptors, after the submission is announced */

struct descriptor {
	uint64_t lo;
	uint64_t hi;
};

/* All producers share one; the first one's job makes it. */
struct ring_unit {
	struct piommu_ring *ring;
	struct descriptor *slots;
	unsigned nslots;
	_Alignas(64) uint32_t status;
};

/* ---- What the ring asks of its driver -------------------------------------------------------------------------------------- */

static void make_wait(void *slot, uint64_t status_pa, uint32_t seq)
{
	struct descriptor *wait = slot;

	wait->lo = IS_WAIT | (uint64_t)seq << 32;
	wait->hi = status_pa;
}

/* All in front of the last wait descriptor is complete with it. */
static void doorbell(void *ctx, uint64_t tail)
{
	struct ring_unit *unit = ctx;
	const struct descriptor *last = &unit->slots[(tail - 1) & (unit->nslots - 1)];

	__atomic_store_n(&unit->status, (uint32_t)(last->lo >> 32), __ATOMIC_RELEASE);
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

static int start(struct ring_unit *unit)
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
		.timeout_ns = 1000000000,
	};

	return piommu_ring_create(&config, &unit->ring);
}

static struct ring_unit *unit_create(const struct row *row)
{
	unsigned want = 2 * (row->burst + 1) * row->inflight * row->threads;
	struct ring_unit *unit = aligned_alloc(64, sizeof(*unit));

	if (!unit)
		return NULL;
	memset(unit, 0, sizeof(*unit));
	for (unit->nslots = 256; unit->nslots < want; unit->nslots *= 2)
		;
	unit->slots = aligned_alloc(PAGE, unit->nslots * sizeof(struct descriptor));
	if (unit->slots && !start(unit))
		return unit;
	free(unit->slots);
	free(unit);
	return NULL;
}

static void unit_destroy(struct ring_unit *unit)
{
	piommu_ring_destroy(unit->ring);
	free(unit->slots);
	free(unit);
}

/* ---- Producers ------------------------------------------------------------------------------------------------------------ */

struct producer {
	_Alignas(64) piommu_ticket window[MAX_INFLIGHT]; /* round: the last `inflight` bursts */
	unsigned at;
	uint64_t work_ticks; /* before each burst is announced */
	uint64_t make_ticks; /* and after that */
	uint64_t iova;
	uint64_t entries[LEAVES];
	struct descriptor burst[];
};

static int prepare(struct job *job, double work_ns, double make_ns)
{
	const struct row *row = job->row;
	size_t len = (sizeof(struct producer) + row->burst * sizeof(struct descriptor) + 63) & ~(size_t)63;
	struct producer *producer = aligned_alloc(64, len); /* no line of it is another's */

	if (!producer)
		return -ENOMEM;
	memset(producer, 0, len);
	if (!job->thread)
		job->bench->ring = unit_create(row);
	if (!job->bench->ring) {
		free(producer);
		return -ENOMEM;
	}
	producer->work_ticks = (uint64_t)(work_ns / ns_per_tick());
	producer->make_ticks = (uint64_t)(make_ns / ns_per_tick());
	job->work = producer;
	job->sample = SAMPLE * row->burst;
	return 0;
}

static int ring_prepare(struct job *job)
{
	return prepare(job, 0, 0);
}

static int work_prepare(struct job *job)
{
	return prepare(job, WORK_NS, MAKE_NS);
}

/* Stores, because those of a page table wait behind those of the queue. */
static void work(struct producer *producer, uint64_t ticks)
{
	uint64_t start = ticks ? now_ticks() : 0;

	for (unsigned i = 0; ticks && now_ticks() - start < ticks; i++)
		__atomic_store_n(&producer->entries[i % LEAVES], start, __ATOMIC_RELAXED);
}

/* As a driver makes them: from addresses that it is given. */
static void build(struct producer *producer, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		producer->burst[i] = (struct descriptor){ .hi = producer->iova + (uint64_t)i * PAGE };
	producer->iova += (uint64_t)n * PAGE;
}

/* No more room, or no more than `inflight` bursts: the oldest is waited for. */
static int submit(struct job *job)
{
	struct producer *producer = job->work;
	piommu_ticket *oldest = &producer->window[producer->at];
	struct piommu_ring *ring = job->bench->ring->ring;
	int err;

	work(producer, producer->work_ticks);
	piommu_ring_expect(ring);
	work(producer, producer->make_ticks);
	build(producer, job->row->burst);
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

/* A burst is reserved by one locked instruction, and stored. */
static const char *ring_floor(const struct floors *floors, const struct row *row, double *ns)
{
	double lines = (row->burst + 1) / 4.0; /* of four descriptors */

	*ns = (floors->locked_add + lines * floors->line) / row->burst;
	return "add_lines";
}

static const char *work_floor(const struct floors *floors, const struct row *row, double *ns)
{
	ring_floor(floors, row, ns);
	*ns += (WORK_NS + MAKE_NS) / row->burst;
	return "work";
}

const struct workload work_ring = {
	.name = "ring",
	.text = "reserve, write and retire descriptors; hardware that is done at once",
	.flags = WORK_BURST | WORK_INFLIGHT,
	.prepare = ring_prepare,
	.run = ring_run,
	.drain = ring_drain,
	.finish = ring_finish,
	.stats = ring_stats,
	.floor = ring_floor,
};

const struct workload work_ring_work = {
	.name = "ring-work",
	.text = "the same, with 400 ns of other work before each burst",
	.flags = WORK_BURST | WORK_INFLIGHT,
	.prepare = work_prepare,
	.run = ring_run,
	.drain = ring_drain,
	.finish = ring_finish,
	.stats = ring_stats,
	.floor = work_floor,
};
