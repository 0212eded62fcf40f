/* SPDX-License-Identifier: BSD-3-Clause */
/* Rows for people. Names are those of the JSON file, shortened; a list that means nothing to a workload is a dash. */
#include "bench.h"

void report_floors(FILE *to, const struct floors *floors)
{
	fprintf(to,
		"floors, ns: store %.2f, line store %.2f, walk %.2f, walk+store pair %.1f, iova stack %.1f,\n"
		"            locked add %.1f, null syscall %.0f, two-core round trip ",
		floors->store, floors->line, floors->walk, floors->walk_store, floors->stack, floors->locked_add,
		floors->syscall);
	if (isnan(floors->round_trip))
		fprintf(to, "unknown (one processor)\n");
	else
		fprintf(to, "%.0f, hardware's answer %.0f\n", floors->round_trip, floors->answer);
	if (floors->round_trip_after > 1.5 * floors->round_trip || floors->round_trip > 1.5 * floors->round_trip_after)
		fprintf(to,
			"            after the last row the two-core round trip is %.0f: something moved, compare rows with "
			"care\n",
			floors->round_trip_after);
}

void report_head(FILE *to)
{
	fprintf(to, "%-12s %-7s %5s %5s %3s %3s | %8s %8s %8s %8s %8s %8s | %5s %5s %5s %6s %6s %5s %5s %6s | %-10s %7s %6s\n",
		"workload", "mode", "pages", "burst", "fly", "thr", "ns mean", "p50", "p99", "p99.9", "p99.99", "Mops/s",
		"desc", "waits", "bells", "instr", "locked", "indir", "alloc", "tbytes", "floor", "ns", "ratio");
}

static void print_ns(FILE *to, double ns)
{
	fprintf(to, " %8.*f", ns < 100000 ? 1 : 0, ns);
}

/* A count that is known, or a dash. */
static void print_count(FILE *to, int width, double value)
{
	if (isnan(value))
		fprintf(to, " %*s", width, "-");
	else
		fprintf(to, " %*.*f", width, value >= 1 || value == 0 ? 2 : 3, value);
}

static void print_instructions(FILE *to, double value)
{
	if (isnan(value))
		fprintf(to, " %6s", "-");
	else
		fprintf(to, " %6.*f", value < 100 ? 1 : 0, value);
}

static void print_parameter(FILE *to, int width, bool has, unsigned value)
{
	if (has)
		fprintf(to, " %*u", width, value);
	else
		fprintf(to, " %*s", width, "-");
}

void report_row(FILE *to, const struct row *row)
{
	unsigned flags = row->workload->flags;

	fprintf(to, "%-12s %-7s", row->workload->name, flags & WORK_MODE ? mode_name(row->mode) : "-");
	print_parameter(to, 5, flags & WORK_PAGES, row->pages);
	print_parameter(to, 5, flags & WORK_BURST, row->burst);
	print_parameter(to, 3, flags & WORK_INFLIGHT, row->inflight);
	print_parameter(to, 3, true, row->threads);
	if (row->absent) {
		fprintf(to, " | absent: %s\n", row->absent);
		return;
	}
	fputs(" |", to);
	print_ns(to, row->ns_mean);
	print_ns(to, row->ns_p50);
	print_ns(to, row->ns_p99);
	print_ns(to, row->ns_p999);
	print_ns(to, row->ns_p9999);
	fprintf(to, " %8.2f |", row->ops_per_s / 1e6);
	print_count(to, 5, row->descriptors);
	print_count(to, 5, row->waits);
	print_count(to, 5, row->doorbells);
	print_instructions(to, row->counts.instructions);
	print_count(to, 6, row->counts.locked);
	print_count(to, 5, row->counts.indirect);
	print_count(to, 5, row->counts.allocations);
	print_count(to, 6, row->table_bytes);
	fprintf(to, " | %-10s %7.1f %6.2f\n", row->floor, row->floor_ns, row->ns_mean / row->floor_ns);
	if (row->mode == PIOMMU_MODE_BOUNDED)
		fprintf(to, "%-12s exposed at most %llu us, %zu bytes of a channel\n", "",
			(unsigned long long)row->exposure.worst_us, row->exposure.worst_bytes);
}
