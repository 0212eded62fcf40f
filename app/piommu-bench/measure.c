/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One row: threads on processors of their own run samples until the time is up. A sample is a few operations timed as one,
 * where a single one is too short for the clock; percentiles are over samples. Times go into a histogram with 64 steps for
 * every power of two, which needs no memory that grows and merges by addition.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "bench.h"

#define SUB_LG2 6u
#define NBUCKETS ((64u - SUB_LG2 + 1) << SUB_LG2)
#define POLL_EVERY 64u /* samples between two polls */

struct histogram {
	uint64_t n[NBUCKETS];
	uint64_t total;
	uint64_t sum; /* ticks */
};

static unsigned bucket_of(uint64_t value)
{
	unsigned top = value >> SUB_LG2 ? 63u - (unsigned)__builtin_clzll(value) - SUB_LG2 : 0;

	return (top << SUB_LG2) + (unsigned)(value >> top);
}

/* The middle of a bucket. */
static double value_of(unsigned bucket)
{
	unsigned top = bucket < 2u << SUB_LG2 ? 0 : (bucket >> SUB_LG2) - 1;
	uint64_t low = (uint64_t)(bucket - (top << SUB_LG2)) << top;

	return (double)low + (double)((UINT64_C(1) << top) - 1) / 2;
}

static void histogram_add(struct histogram *histogram, uint64_t value)
{
	histogram->n[bucket_of(value)]++;
	histogram->total++;
	histogram->sum += value;
}

static void histogram_merge(struct histogram *to, const struct histogram *from)
{
	for (unsigned i = 0; i < NBUCKETS; i++)
		to->n[i] += from->n[i];
	to->total += from->total;
	to->sum += from->sum;
}

static double percentile(const struct histogram *histogram, double part)
{
	double want = (double)histogram->total * part;
	uint64_t seen = 0;
	unsigned i = 0;

	while (i + 1 < NBUCKETS && (double)(seen += histogram->n[i]) < want)
		i++;
	return value_of(i);
}

/* ---- Threads --------------------------------------------------------------------------------------------------------- */

struct race {
	const struct row *row;
	const struct cpus *cpus;
	pthread_barrier_t start;
	_Atomic bool stop;
	double seconds;
};

struct worker {
	struct race *race;
	struct job job;
	unsigned index;
	pthread_t thread;
	int err;
	uint64_t preempted; /* samples left out */
	struct histogram histogram;
};

/* How often the calling thread lost its processor to another one. */
static long preemptions(void)
{
	struct rusage usage;

	return getrusage(RUSAGE_THREAD, &usage) ? 0 : usage.ru_nivcsw;
}

/* A sample during which the thread did not run says nothing about the library: it is counted and left out. */
static int sample(struct worker *worker, bool record)
{
	struct job *job = &worker->job;
	long before = preemptions();
	uint64_t start = now_ticks();
	int err = job->workload->run(job, job->sample);
	uint64_t end = now_ticks();

	if (record && preemptions() == before)
		histogram_add(&worker->histogram, end - start);
	else if (record)
		worker->preempted++;
	return err ? err : job->workload->settle(job);
}

/* The first worker keeps the time, and no worker stops before it. */
static int run_samples(struct worker *worker, double seconds, bool record)
{
	struct race *race = worker->race;
	double end = now_ns() + seconds * 1e9;
	int err = 0;

	for (unsigned i = 1; !err; i++) {
		err = sample(worker, record);
		if (i % POLL_EVERY)
			continue;
		piommu_poll(worker->job.bench->p);
		if (record && worker->index ? atomic_load_explicit(&race->stop, memory_order_relaxed) : now_ns() >= end)
			break;
	}
	if (!worker->index && record)
		atomic_store_explicit(&race->stop, true, memory_order_relaxed);
	return err;
}

static void *work(void *arg)
{
	struct worker *worker = arg;
	struct race *race = worker->race;

	cpus_pin(race->cpus, worker->index);
	piommu_thread_register();
	worker->err = run_samples(worker, race->seconds / 10, false);
	piommu_thread_offline(); /* around the wait for the others */
	pthread_barrier_wait(&race->start);
	piommu_thread_online();
	if (!worker->err)
		worker->err = run_samples(worker, race->seconds, true);
	piommu_thread_unregister();
	return NULL;
}

/* Starts the workers that were prepared, and waits for them. */
static int run_race(struct race *race, struct worker *workers, unsigned n)
{
	int err = 0;

	if (pthread_barrier_init(&race->start, NULL, n))
		return -ENOMEM;
	piommu_thread_offline();
	for (unsigned i = 0; i < n; i++) {
		workers[i].race = race;
		workers[i].index = i;
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i])) {
			/* The others wait at the barrier for one that never comes. */
			fprintf(stderr, "piommu-bench: cannot start %u threads\n", n);
			exit(EXIT_FAILED);
		}
	}
	for (unsigned i = 0; i < n; i++) {
		pthread_join(workers[i].thread, NULL);
		err = err ? err : workers[i].err;
	}
	piommu_thread_online();
	pthread_barrier_destroy(&race->start);
	return err;
}

/* ---- Rows ------------------------------------------------------------------------------------------------------------ */

static void fill_times(const struct worker *workers, double tick, struct row *row)
{
	static struct histogram all;
	double scale = tick / row->sample;

	memset(&all, 0, sizeof(all));
	row->ops_per_s = 0;
	row->preempted = 0;
	for (unsigned i = 0; i < row->threads; i++) {
		const struct histogram *one = &workers[i].histogram;

		histogram_merge(&all, one);
		row->preempted += workers[i].preempted;
		if (one->sum)
			row->ops_per_s += 1e9 * (double)one->total / ((double)one->sum * scale);
	}
	row->ns_mean = (double)all.sum * scale / (double)all.total;
	row->ns_p50 = percentile(&all, 0.5) * scale;
	row->ns_p99 = percentile(&all, 0.99) * scale;
	row->ns_p999 = percentile(&all, 0.999) * scale;
}

/* The library's own counters, over a number of operations that is known exactly. */
static int count_work(struct job *job, struct row *row)
{
	enum {
		OPERATIONS = 256
	};
	struct piommu_stats before, after;
	int err = 0;

	piommu_stats(job->bench->p, &before);
	for (unsigned done = 0; done < OPERATIONS && !err; done += job->sample) {
		err = job->workload->run(job, job->sample);
		if (!err)
			err = job->workload->settle(job);
	}
	piommu_stats(job->bench->p, &after);
	row->descriptors = (double)(after.inv_descriptors - before.inv_descriptors) / OPERATIONS;
	row->waits = (double)(after.inv_waits - before.inv_waits) / OPERATIONS;
	row->doorbells = (double)(after.inv_doorbells - before.inv_doorbells) / OPERATIONS;
	row->table_bytes = (double)(after.table_bytes - before.table_bytes) / OPERATIONS;
	return err;
}

static int prepare_workers(struct bench *bench, struct worker *workers, const struct row *row, unsigned *ready)
{
	int err = 0;

	for (*ready = 0; *ready < row->threads && !err; *ready += !err) {
		struct job *job = &workers[*ready].job;

		job->bench = bench;
		job->workload = row->workload;
		err = row->workload->prepare(job, row->pages, *ready);
		if (err && job->gather)
			row->workload->finish(job);
	}
	return err;
}

int measure_row(struct bench *bench, const struct cpus *cpus, double seconds, struct row *row)
{
	struct worker *workers = calloc(row->threads, sizeof(*workers));
	struct race race = { .row = row, .cpus = cpus, .seconds = seconds };
	unsigned ready = 0;
	int err;

	if (!workers)
		return -ENOMEM;
	err = prepare_workers(bench, workers, row, &ready);
	row->sample = workers[0].job.sample;
	if (!err)
		err = count_work(&workers[0].job, row); /* tables are there: what follows is the steady state */
	if (!err)
		err = count_work(&workers[0].job, row);
	if (!err) {
		count_instructions(&workers[0].job, &row->counts);
		err = row->workload->settle(&workers[0].job);
	}
	if (!err)
		err = run_race(&race, workers, row->threads);
	if (!err)
		fill_times(workers, ns_per_tick(), row);
	while (ready)
		row->workload->finish(&workers[--ready].job);
	free(workers);
	return err;
}
