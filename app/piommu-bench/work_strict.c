/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The whole of a DMA mapping, through channels: an I/O address is allocated, mapped, unmapped, invalidated, known to be so, and
 * freed. A burst is mapped with one call and unmapped with one; `inflight` of them may be on their way, and the oldest is waited
 * for. `strict` unmaps no two neighbours together: every other buffer of a burst stays mapped until the next one is. `strict-contig`
 * unmaps a burst as it was mapped, side by side. `dma` is that without a device: nobody to invalidate.
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>

#include "bench.h"

/* Of the bounded mode. */
#define BOUND_US 100u
#define BOUND_BYTES (4 * MIB)

struct strict {
	struct piommu_channel *channel;
	piommu_ticket window[MAX_INFLIGHT]; /* round: the last `inflight` bursts */
	unsigned at;
	struct piommu_dma *next; /* mapped together */
	struct piommu_dma *kept; /* every other one of the burst before: those at even places */
	struct piommu_dma *out;  /* unmapped together */
	struct piommu_dma items[];
};

/* ---- Life ----------------------------------------------------------------------------------------------------------------- */

/* Buffers of a burst lie behind each other, round in what there is. */
static void lay_out(struct job *job, struct strict *strict)
{
	const struct piommu_mem *buffer = &job->bench->buffer;
	size_t len = (size_t)job->row->pages * PAGE, room = (buffer->len - PAGE) / len;
	unsigned n = job->row->burst;

	for (unsigned i = 0; i < 3 * n; i++)
		strict->items[i] = (struct piommu_dma){
			.pa = buffer_pa(job->bench) + i % n % room * len,
			.len = len,
			.dir = PIOMMU_DMA_BOTH,
		};
	strict->next = strict->items;
	strict->kept = strict->items + n;
	strict->out = strict->items + 2 * n;
}

static int set_mode(struct job *job)
{
	const struct piommu_mem *buffer = &job->bench->buffer;
	struct piommu_mode mode = { .kind = (enum piommu_mode_kind)job->row->mode };
	int err;

	if (job->thread || mode.kind == PIOMMU_MODE_STRICT)
		return 0;
	if (mode.kind == PIOMMU_MODE_BOUNDED) {
		mode.max_us = BOUND_US;
		mode.max_bytes = BOUND_BYTES;
	} else {
		err = piommu_dma_pool_register(job->bench->domain, buffer->pa, buffer->len, PIOMMU_RW);
		if (err)
			return err;
	}
	err = piommu_domain_set_mode(job->bench->domain, &mode);
	if (err && mode.kind == PIOMMU_MODE_STATIC)
		piommu_dma_pool_unregister(job->bench->domain, buffer->pa);
	return err;
}

/* What was exposed while a thread went one instruction at a time says nothing: the measure starts anew. */
static int restart(struct job *job)
{
	const struct piommu_mode strict = { .kind = PIOMMU_MODE_STRICT };
	int err;

	if (job->row->mode != PIOMMU_MODE_BOUNDED)
		return 0;
	err = piommu_domain_set_mode(job->bench->domain, &strict);
	return err ? err : set_mode(job);
}

static unsigned sample_size(const struct row *row)
{
	enum {
		CHEAP = 256, /* where nobody is waited for */
		ROUNDS = 8   /* windows in a sample: what hardware does between samples is not timed */
	};
	bool waits = row->mode == PIOMMU_MODE_STRICT && row->workload->flags & WORK_HARDWARE;

	if (waits && row->inflight == 1)
		return row->burst;
	return sample_of(row,
			 waits && ROUNDS * row->inflight * row->burst > CHEAP ? ROUNDS * row->inflight * row->burst : CHEAP);
}

static int strict_prepare(struct job *job)
{
	const struct row *row = job->row;
	struct piommu_channel_attr attr = { .inflight = row->mode == PIOMMU_MODE_STRICT ? row->inflight : 0 };
	struct strict *strict = calloc(1, sizeof(*strict) + 3 * row->burst * sizeof(struct piommu_dma));
	int err;

	if (!strict)
		return -ENOMEM;
	lay_out(job, strict);
	job->work = strict;
	job->sample = sample_size(row);
	err = set_mode(job);
	if (!err)
		err = piommu_channel_create(job->bench->domain, &attr, &strict->channel);
	if (err)
		free(strict);
	return err;
}

static void strict_finish(struct job *job)
{
	struct strict *strict = job->work;

	piommu_channel_destroy(strict->channel);
	if (!job->thread && job->row->mode == PIOMMU_MODE_STATIC)
		piommu_dma_pool_unregister(job->bench->domain, job->bench->buffer.pa);
	free(strict);
}

static void scattered_finish(struct job *job)
{
	struct strict *strict = job->work;

	for (unsigned i = 0; i < job->row->burst; i += 2)
		piommu_dma_unmap(strict->channel, strict->kept[i].iova, strict->kept[i].len, NULL);
	strict_finish(job);
}

static int scattered_prepare(struct job *job)
{
	int err = strict_prepare(job);
	struct strict *strict = job->work;
	unsigned done = 0;

	if (err)
		return err;
	for (; done < job->row->burst && !err; done += 2)
		err = piommu_dma_map(strict->channel, strict->kept[done].pa, strict->kept[done].len, PIOMMU_DMA_BOTH,
				     &strict->kept[done].iova);
	if (err)
		strict_finish(job);
	return err;
}

/* ---- Operations ------------------------------------------------------------------------------------------------------------- */

/* Who has one buffer at a time makes the calls for one. */
static int map(const struct strict *strict, unsigned burst)
{
	struct piommu_dma *one = strict->next;

	if (burst == 1)
		return piommu_dma_map(strict->channel, one->pa, one->len, one->dir, &one->iova);
	return piommu_dma_map_burst(strict->channel, strict->next, burst);
}

static int try_unmap(const struct strict *strict, const struct piommu_dma *items, unsigned burst, piommu_ticket *ticket)
{
	if (burst == 1)
		return piommu_dma_unmap(strict->channel, items->iova, items->len, ticket);
	return piommu_dma_unmap_burst(strict->channel, items, burst, ticket);
}

static int unmap(struct job *job, const struct piommu_dma *items)
{
	struct strict *strict = job->work;
	piommu_ticket *ticket = &strict->window[strict->at];
	int err;

	while ((err = try_unmap(strict, items, job->row->burst, ticket)) == -EAGAIN)
		if (!piommu_channel_poll(strict->channel, 0))
			sched_yield(); /* where there is one processor, the hardware needs it */
	strict->at = strict->at + 1 == job->row->inflight ? 0 : strict->at + 1;
	return err;
}

/* Strict: the oldest of the window is known to be complete. Otherwise there is nothing to wait for: bounds are kept by polling. */
static int retire(struct job *job)
{
	struct strict *strict = job->work;
	piommu_ticket oldest = strict->window[strict->at];

	if (job->row->mode == PIOMMU_MODE_STATIC)
		return 0;
	if (job->row->mode == PIOMMU_MODE_BOUNDED || job->row->inflight > 1)
		piommu_channel_poll(strict->channel, 0);
	if (job->row->mode == PIOMMU_MODE_BOUNDED || piommu_channel_retired(strict->channel) >= oldest)
		return 0;
	return piommu_channel_wait(strict->channel, oldest);
}

/* One buffer at a time, and nothing that is ever on its way: two calls, of which a loop that does more would be a part. */
static int static_run(struct strict *strict, unsigned n)
{
	struct piommu_channel *channel = strict->channel;
	const uint64_t pa = strict->next->pa;
	const size_t len = strict->next->len;
	int err = 0;

	while (n-- && !err) {
		piommu_ticket ticket;
		uint64_t iova;

		err = piommu_dma_map(channel, pa, len, PIOMMU_DMA_BOTH, &iova);
		if (!err)
			err = piommu_dma_unmap(channel, iova, len, &ticket);
	}
	return err;
}

static int contig_run(struct job *job, unsigned n)
{
	struct strict *strict = job->work;
	unsigned burst = job->row->burst;
	int err = 0;

	if (burst == 1 && job->row->mode == PIOMMU_MODE_STATIC)
		return static_run(strict, n);

	for (unsigned done = 0; done < n && !err; done += burst) {
		err = map(strict, burst);
		if (!err)
			err = unmap(job, strict->next);
		if (!err)
			err = retire(job);
	}
	return err;
}

/* Evens are those of the burst before, odds those of this one. */
static void shuffle(struct strict *strict, unsigned burst)
{
	for (unsigned i = 0; i < burst; i += 2) {
		strict->out[i].iova = strict->kept[i].iova;
		strict->kept[i].iova = strict->next[i].iova;
	}
	for (unsigned i = 1; i < burst; i += 2)
		strict->out[i].iova = strict->next[i].iova;
}

static int scattered_run(struct job *job, unsigned n)
{
	struct strict *strict = job->work;
	unsigned burst = job->row->burst;
	int err = 0;

	for (unsigned done = 0; done < n && !err; done += burst) {
		err = map(strict, burst);
		if (err)
			break;
		shuffle(strict, burst);
		err = unmap(job, strict->out);
		if (!err)
			err = retire(job);
	}
	return err;
}

static int strict_drain(struct job *job)
{
	struct strict *strict = job->work;
	unsigned last = (strict->at ? strict->at : job->row->inflight) - 1;

	return piommu_channel_wait(strict->channel, strict->window[last]);
}

/* ---- Floors ----------------------------------------------------------------------------------------------------------------- */

/* Tables and addresses in plain C. */
static const char *dma_floor(const struct floors *floors, const struct row *row, double *ns)
{
	double stack = floors->stack;

	map_floor(floors, row, ns);
	*ns += stack;
	return "plain C";
}

/* Bursts on their way share the hardware's answer; it answers them one after the other. */
static const char *strict_floor(const struct floors *floors, const struct row *row, double *ns)
{
	double shared = floors->answer / row->burst / row->inflight, rate = floors->rate / row->burst;
	double answer = shared > rate ? shared : rate;

	if (row->mode == PIOMMU_MODE_STATIC) {
		*ns = floors->store;
		return "store";
	}
	dma_floor(floors, row, ns);
	if (row->mode == PIOMMU_MODE_BOUNDED || !(answer > *ns))
		return "plain C";
	*ns = answer;
	return "answer";
}

const struct workload work_dma = {
	.name = "dma",
	.text = "allocate, map, unmap, free, without a device: no invalidation",
	.flags = WORK_PAGES | WORK_BURST | WORK_BLOCK,
	.prepare = strict_prepare,
	.run = contig_run,
	.drain = strict_drain,
	.restart = restart,
	.finish = strict_finish,
	.floor = dma_floor,
};

const struct workload work_strict = {
	.name = "strict",
	.text = "allocate, map, unmap, invalidate, know it completed, free",
	.flags = WORK_HARDWARE | WORK_ATTACHED | WORK_PAGES | WORK_BURST | WORK_INFLIGHT | WORK_MODE | WORK_BLOCK,
	.prepare = scattered_prepare,
	.run = scattered_run,
	.drain = strict_drain,
	.restart = restart,
	.finish = scattered_finish,
	.floor = strict_floor,
};

const struct workload work_strict_contig = {
	.name = "strict-contig",
	.text = "the same, the addresses of a burst side by side",
	.flags = WORK_HARDWARE | WORK_ATTACHED | WORK_PAGES | WORK_BURST | WORK_INFLIGHT | WORK_MODE | WORK_BLOCK,
	.prepare = strict_prepare,
	.run = contig_run,
	.drain = strict_drain,
	.restart = restart,
	.finish = strict_finish,
	.floor = strict_floor,
};
