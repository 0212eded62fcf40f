/* SPDX-License-Identifier: BSD-3-Clause */
/* Rows for people, and the same rows for programs. Names are fixed in piommu-bench(1). */
#include <errno.h>
#include <string.h>

#include <jansson.h>

#include "bench.h"

void report_floors(FILE *to, const struct floors *floors)
{
	fprintf(to, "floors, ns: store %.2f, walk %.2f, locked add %.1f, null syscall %.0f, two-core round trip ",
		floors->store, floors->walk, floors->locked_add, floors->syscall);
	if (isnan(floors->round_trip))
		fprintf(to, "unknown (one processor)\n");
	else
		fprintf(to, "%.0f\n", floors->round_trip);
}

void report_head(FILE *to)
{
	fprintf(to, "%-8s %6s %3s | %9s %9s %9s %9s | %10s | %5s %5s %5s %6s %6s %6s | %-10s %8s %6s\n", "workload", "pages",
		"thr", "ns mean", "p50", "p99", "p99.9", "ops/s", "desc", "waits", "bells", "locked", "indir", "tbytes",
		"floor", "ns", "ratio");
}

/* A count that is known, or a dash. */
static void print_count(FILE *to, int width, double value)
{
	if (isnan(value))
		fprintf(to, " %*s", width, "-");
	else
		fprintf(to, " %*.2f", width, value);
}

void report_row(FILE *to, const struct row *row)
{
	fprintf(to, "%-8s %6u %3u | %9.1f %9.1f %9.1f %9.1f | %10.0f |", row->workload->name, row->pages, row->threads,
		row->ns_mean, row->ns_p50, row->ns_p99, row->ns_p999, row->ops_per_s);
	print_count(to, 5, row->descriptors);
	print_count(to, 5, row->waits);
	print_count(to, 5, row->doorbells);
	print_count(to, 6, row->counts.locked);
	print_count(to, 6, row->counts.indirect);
	print_count(to, 6, row->table_bytes);
	fprintf(to, " | %-10s %8.1f %6.2f\n", row->floor, row->floor_ns, row->ns_mean / row->floor_ns);
}

/* JSON has no word for "not known" but null. */
static json_t *number(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

static json_t *floors_object(const struct floors *floors)
{
	json_t *object = json_object();

	json_object_set_new(object, "store", number(floors->store));
	json_object_set_new(object, "walk", number(floors->walk));
	json_object_set_new(object, "locked_add", number(floors->locked_add));
	json_object_set_new(object, "syscall", number(floors->syscall));
	json_object_set_new(object, "round_trip", number(floors->round_trip));
	return object;
}

static json_t *row_object(const struct floors *floors, const struct row *row)
{
	const struct {
		const char *name;
		double value;
	} numbers[] = {
		{ "ns_mean", row->ns_mean },
		{ "ns_p50", row->ns_p50 },
		{ "ns_p99", row->ns_p99 },
		{ "ns_p999", row->ns_p999 },
		{ "ops_per_s", row->ops_per_s },
		{ "descriptors", row->descriptors },
		{ "waits", row->waits },
		{ "doorbells", row->doorbells },
		{ "locked", row->counts.locked },
		{ "indirect", row->counts.indirect },
		{ "table_bytes", row->table_bytes },
		{ "floor_ns", row->floor_ns },
		{ "ratio", row->ns_mean / row->floor_ns },
	};
	json_t *object = json_object();

	json_object_set_new(object, "workload", json_string(row->workload->name));
	json_object_set_new(object, "pages", json_integer(row->pages));
	json_object_set_new(object, "burst", json_integer(1));
	json_object_set_new(object, "threads", json_integer(row->threads));
	json_object_set_new(object, "mode", json_string("strict"));
	json_object_set_new(object, "inflight", json_integer(1));
	json_object_set_new(object, "sample", json_integer(row->sample));
	json_object_set_new(object, "preempted", json_integer((json_int_t)row->preempted));
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		json_object_set_new(object, numbers[i].name, number(numbers[i].value));
	json_object_set_new(object, "floor", json_string(row->floor));
	json_object_set_new(object, "floors", floors_object(floors));
	return object;
}

int report_json(const char *path, const struct floors *floors, const struct row *rows, size_t n)
{
	json_t *array = json_array();
	FILE *file = strcmp(path, "-") ? fopen(path, "w") : stdout;
	int err = file ? 0 : -errno;

	for (size_t i = 0; i < n; i++)
		json_array_append_new(array, row_object(floors, &rows[i]));
	if (!err && (json_dumpf(array, file, JSON_INDENT(1) | JSON_REAL_PRECISION(6)) || fputc('\n', file) == EOF))
		err = -EIO;
	if (file && file != stdout && fclose(file) && !err)
		err = -errno;
	json_decref(array);
	return err;
}
