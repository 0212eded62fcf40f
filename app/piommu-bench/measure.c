/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One row: threads on processors of their own run samples until the time is up. A sample is a few operations timed as one,
 * where a single one is too short for the clock; percentiles are over samples. What reading the clock takes is taken off.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "bench.h"

/* Between two polls, and two looks at whether the time is up: at most so many samples, and about so many operations. */
#define POLL_SAMPLES 64u
#define POLL_OPERATIONS 4096u

/* Who lost its processor was away for longer than this. */
#define AWAY_NS 1000

/* ---- Threads --------------------------------------------------------------------------------------------------------- */

struct race {
	const struct row *row;
	const struct cpus *cpus;
	pthread_barrier_t start;
	_Atomic bool stop;
	double seconds;
	uint64_t clock_cost, away; /* ticks */
};

struct worker {
	struct race *race;
	struct job job;
	pthread_t thread;
	int err;
	uint64_t preempted; /* samples left out */
	long preemptions;   /* when it was last asked */
	struct histogram histogram;
};

static int optional(int (*step)(struct job *job), struct job *job)
{
	return step ? step(job) : 0;
}

/* How often the calling thread lost its processor to another one. */
static long preemptions(void)
{
	struct rusage usage;

	return getrusage(RUSAGE_THREAD, &usage) ? 0 : usage.ru_nivcsw;
}

/* Whether it lost its processor since it was last asked. */
static bool was_preempted(struct worker *worker)
{
	long before = worker->preemptions;

	worker->preemptions = preemptions();
	return worker->preemptions != before;
}

/*
 * A sample during which the thread did not run says nothing about the library: it is counted and left out. The system is asked for slow ones
 * only: a call for each would leave its traces in the caches that the next one finds.
 */
static int sample(struct worker *worker, bool record)
{
	struct job *job = &worker->job;
	const struct workload *workload = job->row->workload;
	uint64_t start = now_ticks();
	int err = workload->run(job, job->sample);
	uint64_t ticks = now_ticks() - start;

	ticks -= ticks < worker->race->clock_cost ? ticks : worker->race->clock_cost;
	if (record && (ticks < worker->race->away || !was_preempted(worker)))
		histogram_add(&worker->histogram, ticks);
	else if (record)
		worker->preempted++;
	return err ? err : optional(workload->settle, job);
}

/* The first worker keeps the time, and no worker stops before it. */
static int run_samples(struct worker *worker, double seconds, bool record)
{
	struct race *race = worker->race;
	double end = now_ns() + seconds * 1e9;
	unsigned every = POLL_OPERATIONS / worker->job.sample + 1;
	int err = 0;

	every = every < POLL_SAMPLES ? every : POLL_SAMPLES;
	for (unsigned i = 1; !err; i++) {
		err = sample(worker, record);
		if (i % every)
			continue;
		piommu_poll(worker->job.bench->p);
		worker->preemptions = preemptions(); /* of what comes now; what was lost in a fast sample was lost beside it */
		if (record && worker->job.thread ? atomic_load_explicit(&race->stop, memory_order_relaxed) : now_ns() >= end)
			break;
	}
	if (!worker->job.thread && record)
		atomic_store_explicit(&race->stop, true, memory_order_relaxed);
	return err;
}

static void *work(void *arg)
{
	struct worker *worker = arg;
	struct race *race = worker->race;

	cpus_pin(race->cpus, worker->job.thread);
	piommu_thread_register();
	worker->err = run_samples(worker, race->seconds / 10, false);
	piommu_thread_offline(); /* around the wait for the others */
	pthread_barrier_wait(&race->start);
	piommu_thread_online();
	if (!worker->err)
		worker->err = run_samples(worker, race->seconds, true);
	if (!worker->err) /* the domain is looked at when all have come here */
		worker->err = optional(race->row->workload->drain, &worker->job);
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
	row->ns_p50 = histogram_percentile(&all, 0.5) * scale;
	row->ns_p99 = histogram_percentile(&all, 0.99) * scale;
	row->ns_p999 = histogram_percentile(&all, 0.999) * scale;
	row->ns_p9999 = histogram_percentile(&all, 0.9999) * scale;
}

static void stats_of(const struct job *job, struct piommu_stats *out)
{
	piommu_stats(job->bench->p, out);
	if (job->row->workload->stats)
		job->row->workload->stats(job, out);
}

/* The library's own counters, over a number of operations that is known exactly. */
static int count_work(struct job *job, struct row *row)
{
	enum {
		ENOUGH = 256
	};
	const struct workload *workload = row->workload;
	struct piommu_stats before, after;
	unsigned n = 0;
	int err = 0;

	stats_of(job, &before);
	for (; n < ENOUGH && !err; n += job->sample) {
		err = workload->run(job, job->sample);
		if (!err)
			err = optional(workload->settle, job);
	}
	if (!err)
		err = optional(workload->drain, job);
	stats_of(job, &after);
	row->descriptors = (double)(after.inv_descriptors - before.inv_descriptors) / n;
	row->waits = (double)(after.inv_waits - before.inv_waits) / n;
	row->doorbells = (double)(after.inv_doorbells - before.inv_doorbells) / n;
	row->table_bytes = (double)(after.table_bytes - before.table_bytes) / n;
	return err;
}

static int count_row(struct job *job, struct row *row)
{
	int err = count_work(job, row); /* tables are there: what follows is the steady state */

	if (!err)
		err = count_work(job, row);
	if (err)
		return err;
	count_instructions(job, &row->counts);
	err = optional(row->workload->settle, job);
	return err ? err : optional(row->workload->restart, job);
}

static int prepare_workers(struct bench *bench, const struct cpus *cpus, struct worker *workers, const struct row *row,
			   unsigned *ready)
{
	int err = 0;

	for (*ready = 0; *ready < row->threads && !err; *ready += !err) {
		struct job *job = &workers[*ready].job;

		*job = (struct job){ .bench = bench, .cpus = cpus, .row = row, .thread = *ready };
		err = row->workload->prepare(job);
	}
	return err;
}

int measure_row(struct bench *bench, const struct cpus *cpus, double seconds, struct row *row)
{
	struct worker *workers = calloc(row->threads, sizeof(*workers));
	struct race race = { .row = row,
			     .cpus = cpus,
			     .seconds = seconds,
			     .clock_cost = clock_cost(),
			     .away = (uint64_t)(AWAY_NS / ns_per_tick()) };
	unsigned ready = 0;
	int err;

	if (!workers)
		return -ENOMEM;
	err = prepare_workers(bench, cpus, workers, row, &ready);
	row->sample = workers[0].job.sample;
	if (!err)
		err = count_row(&workers[0].job, row);
	if (!err)
		err = run_race(&race, workers, row->threads);
	if (!err)
		fill_times(workers, ns_per_tick(), row);
	if (row->mode == PIOMMU_MODE_BOUNDED)
		piommu_domain_exposure(bench->domain, &row->exposure);
	while (ready)
		row->workload->finish(&workers[--ready].job);
	free(workers);
	return err;
}
