/* SPDX-License-Identifier: BSD-3-Clause */
/* Rows for programs. Names are fixed in piommu-bench(1). */
#include <errno.h>
#include <string.h>

#include <jansson.h>

#include "bench.h"

/* JSON has no word for "not known" but null. */
static json_t *number(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

struct name {
	const char *name;
	double value;
};

static void set_numbers(json_t *object, const struct name *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		json_object_set_new(object, names[i].name, number(names[i].value));
}

static json_t *floors_object(const struct floors *floors)
{
	const struct name numbers[] = {
		{ "store", floors->store },
		{ "line", floors->line },
		{ "walk", floors->walk },
		{ "walk_store", floors->walk_store },
		{ "stack", floors->stack },
		{ "locked_add", floors->locked_add },
		{ "syscall", floors->syscall },
		{ "round_trip", floors->round_trip },
		{ "round_trip_after", floors->round_trip_after },
		{ "latency", floors->latency },
		{ "answer", floors->answer },
	};
	json_t *object = json_object();

	set_numbers(object, numbers, sizeof(numbers) / sizeof(numbers[0]));
	return object;
}

static json_t *row_object(const struct floors *floors, const struct row *row)
{
	const struct name numbers[] = {
		{ "ns_mean", row->ns_mean },
		{ "ns_p50", row->ns_p50 },
		{ "ns_p99", row->ns_p99 },
		{ "ns_p999", row->ns_p999 },
		{ "ns_p9999", row->ns_p9999 },
		{ "ops_per_s", row->ops_per_s },
		{ "descriptors", row->descriptors },
		{ "waits", row->waits },
		{ "doorbells", row->doorbells },
		{ "instructions", row->counts.instructions },
		{ "locked", row->counts.locked },
		{ "indirect", row->counts.indirect },
		{ "allocations", row->counts.allocations },
		{ "table_bytes", row->table_bytes },
		{ "floor_ns", row->floor_ns },
		{ "ratio", row->ns_mean / row->floor_ns },
	};
	json_t *object = json_object();

	json_object_set_new(object, "workload", json_string(row->workload->name));
	json_object_set_new(object, "pages", json_integer(row->pages));
	json_object_set_new(object, "burst", json_integer(row->burst));
	json_object_set_new(object, "threads", json_integer(row->threads));
	json_object_set_new(object, "mode", json_string(mode_name(row->mode)));
	json_object_set_new(object, "inflight", json_integer(row->inflight));
	if (row->absent) {
		json_object_set_new(object, "absent", json_string(row->absent));
		return object;
	}
	json_object_set_new(object, "sample", json_integer(row->sample));
	json_object_set_new(object, "preempted", json_integer((json_int_t)row->preempted));
	set_numbers(object, numbers, sizeof(numbers) / sizeof(numbers[0]));
	if (row->mode == PIOMMU_MODE_BOUNDED) {
		json_object_set_new(object, "worst_us", json_integer((json_int_t)row->exposure.worst_us));
		json_object_set_new(object, "worst_bytes", json_integer((json_int_t)row->exposure.worst_bytes));
	}
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
