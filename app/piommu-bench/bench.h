/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * piommu-bench, its parts in the order of a run: options, floors, a machine, and for each combination of the lists a row:
 * a workload prepared, counted, measured, and reported against the floor that bounds it.
 */
#ifndef BENCH_H
#define BENCH_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "piommu.h"

#define PAGE 4096u
#define LEAVES 512u /* entries of one table */
#define MAX_LIST 16u
#define MAX_PAGES 16384u
#define MAX_THREADS 64u

/* Exit codes, as piommu-ctl's. */
enum {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_NOT_FOUND = 3,
	EXIT_UNSAFE = 4
};

/* ---- options.c ---- */

struct workload;

struct list {
	unsigned n;
	unsigned at[MAX_LIST];
};

struct options {
	const char *platform;
	const char *device; /* NULL: any, where that is harmless */
	unsigned nworkloads;
	const struct workload *workloads[MAX_LIST];
	struct list pages;
	struct list threads;
	double seconds;
	const char *json; /* NULL: none; "-": stdout */
	bool help;
};

/* Says what is wrong on stderr. @return 0 or EXIT_USAGE */
int options_parse(int argc, char **argv, struct options *out);
void options_usage(FILE *to);

/* ---- clock.c ---- */

/* The processors this process may use. */
struct cpus {
	unsigned n;
	int at[MAX_THREADS];
};

void cpus_find(struct cpus *out);
/* Keeps the calling thread on the nth of them, counted round. */
void cpus_pin(const struct cpus *cpus, unsigned n);

double now_ns(void);
/* The cheapest clock there is, in ticks of its own. */
uint64_t now_ticks(void);
double ns_per_tick(void);

/* ---- floors.c ---- */

/* Nanoseconds; NAN where this machine cannot tell. */
struct floors {
	double store;      /* an 8-byte store of a table entry */
	double walk;       /* a walk of four levels in plain C */
	double locked_add; /* on a line of its own */
	double syscall;    /* that does nothing */
	double round_trip; /* of a cache line between two processors */
};

void floors_measure(const struct cpus *cpus, struct floors *out);
/* The store floor program: map + unmap of `pages` pages as nothing but their 8-byte stores, on the footprint of `map`. */
double floor_pair(unsigned pages);

/* ---- workloads.c ---- */

struct bench {
	struct piommu *p;
	struct piommu_group *group;
	struct piommu_domain *domain;
	struct piommu_mem buffer; /* what is mapped */
	bool attached;
};

/* What one thread works on: I/O addresses of its own. */
struct job {
	struct bench *bench;
	const struct workload *workload;
	struct piommu_gather *gather;
	uint64_t base; /* first I/O address */
	size_t len;    /* of one operation */
	unsigned nslots;
	unsigned slot;
	unsigned sample; /* operations timed together */
};

struct workload {
	const char *name;
	bool attached;  /* its domain has a device */
	unsigned calls; /* of the library's fast path in one operation */
	int (*prepare)(struct job *job, unsigned pages, unsigned thread);
	int (*run)(struct job *job, unsigned n);
	int (*settle)(struct job *job); /* between samples, not timed */
	void (*finish)(struct job *job);
	/* Which floor bounds it; its nanoseconds in *ns. */
	const char *(*floor)(const struct floors *floors, unsigned pages, double *ns);
};

/* NULL: there is none of that name; `*later`: there will be. */
const struct workload *workload_find(const char *name, bool *later);
/* @return 0 or an exit code, the reason on stderr */
int bench_open(struct bench *bench, const struct options *options);
int bench_attach(struct bench *bench, bool attached);
void bench_close(struct bench *bench);

/* ---- count.c ---- */

struct counts {
	double locked;   /* instructions with a bus lock, per operation */
	double indirect; /* calls and jumps through a pointer, per call of the library */
};

/* Executes a few operations of a prepared job one instruction at a time. NAN where this machine cannot. */
void count_instructions(struct job *job, struct counts *out);

/* ---- measure.c ---- */

struct row {
	const struct workload *workload; /* these three are asked for */
	unsigned pages;
	unsigned threads;
	unsigned sample; /* the rest is found */
	double ns_mean, ns_p50, ns_p99, ns_p999;
	double ops_per_s;
	uint64_t preempted;                                /* samples left out */
	double descriptors, waits, doorbells, table_bytes; /* per operation */
	struct counts counts;
	const char *floor;
	double floor_ns;
};

/* @return 0 or a negative errno */
int measure_row(struct bench *bench, const struct cpus *cpus, double seconds, struct row *row);

/* ---- report.c ---- */

void report_floors(FILE *to, const struct floors *floors);
void report_head(FILE *to);
void report_row(FILE *to, const struct row *row);
/* @return 0 or a negative errno */
int report_json(const char *path, const struct floors *floors, const struct row *rows, size_t n);

#endif
