/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * piommu-bench: what map, unmap and lookup cost on this machine, as times, as counts, and as ratios to what the machine
 * charges for the parts that cannot be avoided.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

static void progress(size_t done, size_t n, const struct row *row)
{
	if (!isatty(STDERR_FILENO))
		return;
	if (done == n)
		fprintf(stderr, "\r%*s\r", 60, "");
	else
		fprintf(stderr, "\r[%zu/%zu] %-8s pages %-6u threads %-3u", done + 1, n, row->workload->name, row->pages,
			row->threads);
}

/* One row for each combination, those of a workload together. */
static size_t list_rows(const struct options *options, struct row *rows)
{
	size_t n = 0;

	for (unsigned w = 0; w < options->nworkloads; w++)
		for (unsigned t = 0; t < options->threads.n; t++)
			for (unsigned i = 0; i < options->pages.n; i++)
				rows[n++] = (struct row){
					.workload = options->workloads[w],
					.pages = options->pages.at[i],
					.threads = options->threads.at[t],
				};
	return n;
}

static int measure_rows(struct bench *bench, const struct cpus *cpus, const struct floors *floors, double seconds,
			struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct row *row = &rows[i];
		int err = bench_attach(bench, row->workload->attached);

		if (err)
			return err;
		progress(i, n, row);
		row->floor = row->workload->floor(floors, row->pages, &row->floor_ns);
		err = measure_row(bench, cpus, seconds, row);
		if (err) {
			fprintf(stderr, "piommu-bench: %s, %u pages, %u threads: %s\n", row->workload->name, row->pages,
				row->threads, strerror(-err));
			return EXIT_FAILED;
		}
	}
	progress(n, n, NULL);
	return 0;
}

static int report(const struct options *options, const struct floors *floors, const struct row *rows, size_t n)
{
	FILE *people = options->json && !strcmp(options->json, "-") ? stderr : stdout;
	int err;

	report_floors(people, floors);
	report_head(people);
	for (size_t i = 0; i < n; i++)
		report_row(people, &rows[i]);
	err = options->json ? report_json(options->json, floors, rows, n) : 0;
	if (!err)
		return EXIT_DONE;
	fprintf(stderr, "piommu-bench: %s: %s\n", options->json, strerror(-err));
	return EXIT_FAILED;
}

int main(int argc, char **argv)
{
	static struct row rows[MAX_LIST * MAX_LIST * MAX_LIST];
	struct bench bench = { 0 };
	struct options options;
	struct floors floors;
	struct cpus cpus;
	size_t n;
	int code = options_parse(argc, argv, &options);

	if (code)
		return code;
	if (options.help) {
		options_usage(stdout);
		return EXIT_DONE;
	}
	n = list_rows(&options, rows);
	cpus_find(&cpus);
	code = bench_open(&bench, &options);
	if (!code) {
		floors_measure(&cpus, &floors);
		code = measure_rows(&bench, &cpus, &floors, options.seconds, rows, n);
	}
	if (!code)
		code = report(&options, &floors, rows, n);
	bench_close(&bench);
	return code;
}
