/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * piommu-bench: what the fast path costs on this machine, as times, as counts, and as ratios to what the machine charges for
 * the parts that cannot be avoided.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

static void progress(size_t done, size_t n, const struct row *row)
{
	enum {
		WIDTH = 76
	};

	if (!isatty(STDERR_FILENO))
		return;
	if (done == n)
		fprintf(stderr, "\r%*s\r", WIDTH, "");
	else
		fprintf(stderr, "\r[%zu/%zu] %-13s pages %-5u burst %-4u inflight %-2u threads %-2u", done + 1, n,
			row->workload->name, row->pages, row->burst, row->inflight, row->threads);
	fflush(stderr);
}

/* ---- Rows --------------------------------------------------------------------------------------------------------------- */

struct rows {
	struct row *at;
	size_t n;
	size_t room;
};

static int add_row(struct rows *rows, const struct row *row)
{
	if (rows->n == rows->room) {
		size_t room = rows->room ? 2 * rows->room : 64;
		struct row *at = realloc(rows->at, room * sizeof(*at));

		if (!at)
			return EXIT_FAILED;
		rows->at = at;
		rows->room = room;
	}
	rows->at[rows->n++] = *row;
	return 0;
}

/* How many values of a list this workload tells apart: 1 where it means nothing to it, and then the value is 1. */
static unsigned values(const struct workload *workload, unsigned flag, const struct list *list)
{
	return workload->flags & flag ? list->n : 1;
}

static unsigned value(const struct workload *workload, unsigned flag, const struct list *list, unsigned i)
{
	return workload->flags & flag ? list->at[i] : 1;
}

/* The nth of all combinations of a workload; bursts turn fastest. */
static struct row row_of(const struct options *options, const struct workload *workload, unsigned nth)
{
	const struct {
		unsigned flag;
		const struct list *list;
	} lists[] = {
		{ WORK_BURST, &options->bursts },
		{ WORK_PAGES, &options->pages },
		{ WORK_INFLIGHT, &options->inflights },
		{ ~0u, &options->threads },
	};
	unsigned at[4];

	for (size_t i = 0; i < 4; i++) {
		unsigned n = values(workload, lists[i].flag, lists[i].list);

		at[i] = value(workload, lists[i].flag, lists[i].list, nth % n);
		nth /= n;
	}
	return (struct row){
		.workload = workload,
		.burst = at[0],
		.pages = at[1],
		.inflight = at[2],
		.threads = at[3],
		.mode = workload->flags & WORK_MODE ? options->modes.at[nth] : PIOMMU_MODE_STRICT,
	};
}

static int list_rows(const struct options *options, struct rows *rows)
{
	for (unsigned w = 0; w < options->nworkloads; w++) {
		const struct workload *workload = options->workloads[w];
		unsigned n = values(workload, WORK_BURST, &options->bursts) * values(workload, WORK_PAGES, &options->pages) *
			     values(workload, WORK_INFLIGHT, &options->inflights) * options->threads.n *
			     values(workload, WORK_MODE, &options->modes);

		for (unsigned i = 0; i < n; i++) {
			struct row row = row_of(options, workload, i);
			int err = add_row(rows, &row);

			if (err)
				return err;
		}
	}
	return 0;
}

static int run_row(struct bench *bench, const struct options *options, const struct cpus *cpus, const struct floors *floors,
		   struct row *row)
{
	int err;

	row->absent = machine_lacks(options, row->workload);
	if (row->absent)
		return 0;
	cpus_pin(cpus, cpus->n - 1); /* where threads of a simulated unit stay, too */
	err = bench_open(bench, options, row->workload->flags & WORK_HARDWARE);
	cpus_pin(cpus, 0);
	if (!err)
		err = bench_attach(bench, row->workload->flags & WORK_ATTACHED);
	if (err)
		return err;
	row->floor = row->workload->floor(floors, row, &row->floor_ns);
	err = measure_row(bench, cpus, options->seconds, row);
	if (!err)
		return 0;
	fprintf(stderr, "piommu-bench: %s, %u pages, burst %u, %u in flight, %u threads: %s\n", row->workload->name, row->pages,
		row->burst, row->inflight, row->threads, strerror(-err));
	return EXIT_FAILED;
}

static int run_rows(const struct options *options, const struct cpus *cpus, const struct floors *floors,
		    const struct rows *rows)
{
	struct bench bench = { 0 };
	int err = 0;

	for (size_t i = 0; i < rows->n && !err; i++) {
		progress(i, rows->n, &rows->at[i]);
		err = run_row(&bench, options, cpus, floors, &rows->at[i]);
	}
	progress(rows->n, rows->n, NULL);
	bench_close(&bench);
	return err;
}

/* ---- Results ------------------------------------------------------------------------------------------------------------ */

static int complain(const char *path, int err)
{
	if (!err)
		return EXIT_DONE;
	fprintf(stderr, "piommu-bench: %s: %s\n", path, strerror(-err));
	return EXIT_FAILED;
}

/* What was measured. */
static void drop_absent(struct rows *rows)
{
	size_t n = 0;

	for (size_t i = 0; i < rows->n; i++)
		if (!rows->at[i].absent)
			rows->at[n++] = rows->at[i];
	rows->n = n;
}

static int report(const struct options *options, const struct floors *floors, struct rows *rows)
{
	FILE *people = options->json && !strcmp(options->json, "-") ? stderr : stdout;
	int code = EXIT_DONE;

	report_floors(people, floors);
	report_head(people);
	for (size_t i = 0; i < rows->n; i++)
		report_row(people, &rows->at[i]);
	if (options->json)
		code = complain(options->json, report_json(options->json, floors, rows->at, rows->n));
	drop_absent(rows);
	if (options->plot && !code && rows->n)
		code = complain(options->plot, plot_write(options->plot, options, floors, rows->at, rows->n));
	return code;
}

int main(int argc, char **argv)
{
	struct rows rows = { 0 };
	struct options options;
	struct floors floors;
	struct cpus cpus;
	bool quick;
	int code = options_parse(argc, argv, &options);

	if (code)
		return code;
	if (options.help) {
		options_usage(stdout);
		return EXIT_DONE;
	}
	cpus_find(&cpus);
	quick = options.seconds < QUICK_SECONDS;
	floors_measure(&cpus, quick, &floors);
	floors.latency = machine_latency(&options);
	floors.rate = options.answers ? 0 : floors.latency;
	floors.answer = floors.latency + (isnan(floors.round_trip) ? floors.locked_add : floors.round_trip);
	code = list_rows(&options, &rows);
	if (!code)
		code = run_rows(&options, &cpus, &floors, &rows);
	if (!code) {
		floors.round_trip_after = floors_round_trip(&cpus, quick);
		code = report(&options, &floors, &rows);
	}
	free(rows.at);
	return code;
}
