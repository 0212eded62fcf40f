/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * piommu-bench, its parts in the order of a run: options, floors, a machine, and for each combination of the lists a row:
 * a workload prepared, counted, measured, and reported against the floor that bounds it, as text, JSON and a picture.
 */
#ifndef BENCH_H
#define BENCH_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "piommu.h"
#include "piommu_dma.h"

#define PAGE 4096u
#define LEAVES 512u /* entries of one table */
#define MIB ((size_t)1 << 20)
#define MAX_LIST 16u
#define MAX_WORKLOADS 16u
#define MAX_PAGES 16384u
#define MAX_BURST 1024u
#define MAX_INFLIGHT 64u
#define MAX_THREADS 64u
#define LATENCY_NS 500 /* of the simulated hardware, where nobody says otherwise: an honest completion */

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
	const char *platform; /* NULL: the simulated machine that each workload needs */
	const char *device;   /* NULL: any, where that is harmless */
	unsigned nworkloads;
	const struct workload *workloads[MAX_WORKLOADS];
	struct list pages;
	struct list bursts;
	struct list threads;
	struct list inflights;
	struct list modes; /* enum piommu_mode_kind */
	bool answers;      /* simulated hardware does nothing but answer */
	double seconds;
	const char *json; /* NULL: none; "-": stdout */
	const char *plot; /* NULL: none */
	bool help;
};

/* Says what is wrong on stderr. @return 0 or EXIT_USAGE */
int options_parse(int argc, char **argv, struct options *out);
void options_usage(FILE *to);
const char *mode_name(unsigned mode);

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
/* Ticks that two readings of it are apart at the least. */
uint64_t clock_cost(void);

/* ---- histogram.c ---- */

#define HISTOGRAM_SUB_LG2 6u
#define HISTOGRAM_BUCKETS ((64u - HISTOGRAM_SUB_LG2 + 1) << HISTOGRAM_SUB_LG2)

/* 64 steps for every power of two: needs no memory that grows, and merges by addition. */
struct histogram {
	uint64_t n[HISTOGRAM_BUCKETS];
	uint64_t total;
	uint64_t sum;
};

void histogram_add(struct histogram *histogram, uint64_t value);
void histogram_merge(struct histogram *to, const struct histogram *from);
/* The value that `part` (0 to 1) of all are not above. */
double histogram_percentile(const struct histogram *histogram, double part);

/* ---- floors.c ---- */

/* Nanoseconds; NAN where this machine cannot tell. */
struct floors {
	double store;            /* an 8-byte store of a table entry */
	double line;             /* a store of a whole cache line of entries */
	double walk;             /* a walk of four levels in plain C */
	double walk_store;       /* map + unmap of one page in plain C: twice a walk and a store */
	double stack;            /* alloc + free of one I/O address on a stack */
	double locked_add;       /* on a line of its own */
	double syscall;          /* that does nothing */
	double round_trip;       /* of a cache line between two processors */
	double round_trip_after; /* the same, after the last row */
	double latency;          /* that the simulated hardware is set to take */
	double rate;             /* between two of its completions, at the least */
	double answer;           /* of the hardware: a round trip, and the time it is set to take */
};

/* A shorter run is to see that all works: its floors are measured `quick`, with a twentieth of the round trips. */
#define QUICK_SECONDS 0.05
double floors_round_trip(const struct cpus *cpus, bool quick);
void floors_measure(const struct cpus *cpus, bool quick, struct floors *out);
/* Nanoseconds of one step: the least of several runs of `n` steps each. */
double floor_least(void (*run)(void *ctx, unsigned n), void *ctx, unsigned n);

/* ---- floor_tables.c: the floors of what the library does in tables ---- */

double floor_store(void);
double floor_line(void);
double floor_walk(void);
double floor_stack(void);
/* map + unmap of `pages` pages in plain C, going round in `entries` entries: walks and 8-byte stores. */
double floor_walk_pair(unsigned pages, size_t entries);
/* The same as nothing but stores of whole cache lines; `pages` a multiple of 8. */
double floor_line_pair(unsigned pages, size_t entries);

/* ---- machine.c ---- */

struct bench {
	const struct options *options;
	bool hardware;                /* it was opened for workloads that wait for hardware */
	struct piommu_platform *plat; /* a simulated one */
	struct piommu *p;
	struct piommu_group *group;
	struct piommu_domain *domain;
	struct piommu_mem buffer; /* what is mapped */
	bool attached;
	struct ring_unit *ring;   /* work_ring.c */
	struct iova_space *space; /* work_iova.c */
};

/* Why a workload cannot be measured on this machine; NULL: it can. */
const char *machine_lacks(const struct options *options, const struct workload *workload);
/* What the simulated hardware is told to take for a completion, in ns. */
double machine_latency(const struct options *options);
/* Opens the machine that the workload needs, unless it is open. @return 0 or an exit code, the reason on stderr */
int bench_open(struct bench *bench, const struct options *options, bool hardware);
/* The nth group that may be taken, with a reference. */
struct piommu_group *bench_group(struct bench *bench, unsigned n);
/* A new domain, and where `attached` its device on it. @return 0 or an exit code */
int bench_attach(struct bench *bench, bool attached);
void bench_close(struct bench *bench);

/* ---- unit.c ---- */

/* `answers`: see answer.h. @return 0 or a negative errno; opened platforms are the caller's to close */
int unit_open(const char *platform, bool answers, double latency_ns, struct piommu_platform **out);

/* ---- count.c ---- */

/* Per operation. NAN where this machine cannot tell. */
struct counts {
	double instructions;
	double locked;      /* instructions with a bus lock */
	double indirect;    /* calls and jumps through a pointer */
	double allocations; /* calls of malloc() and its like */
};

struct job;
/* Executes a few operations of a prepared job one instruction at a time. */
void count_instructions(struct job *job, struct counts *out);
/* What is between these two is not the library's: a simulated unit. Nothing where nobody counts. */
void count_pause(void);
void count_resume(void);

/* ---- measure.c ---- */

struct row {
	const struct workload *workload; /* these are asked for */
	unsigned pages;
	unsigned burst;
	unsigned threads;
	unsigned inflight;
	unsigned mode;
	unsigned sample; /* the rest is found */
	double ns_mean, ns_p50, ns_p99, ns_p999, ns_p9999;
	double ops_per_s;
	uint64_t preempted;                                /* samples left out */
	double descriptors, waits, doorbells, table_bytes; /* per operation */
	struct counts counts;
	struct piommu_exposure exposure; /* bounded */
	const char *floor;
	double floor_ns;
	const char *absent; /* why it was not measured; NULL: it was */
};

/* @return 0 or a negative errno */
int measure_row(struct bench *bench, const struct cpus *cpus, double seconds, struct row *row);

/* ---- work.c, work_*.c ---- */

enum {
	WORK_HARDWARE = 1 << 0, /* takes a device, and waits for hardware */
	WORK_ATTACHED = 1 << 1, /* its domain has a device */
	WORK_PAGES = 1 << 2,    /* lists that mean something to it */
	WORK_BURST = 1 << 3,
	WORK_INFLIGHT = 1 << 4,
	WORK_MODE = 1 << 5,
	WORK_BLOCK = 1 << 6, /* an operation is one buffer of 2 MiB at most, a burst PIOMMU_BURST_MAX of them */
};

/* What one thread works on. */
struct job {
	struct bench *bench;
	const struct cpus *cpus;
	const struct row *row;
	unsigned thread;
	unsigned sample; /* operations timed together; a multiple of the burst */
	void *work;      /* the workload's own */
};

struct workload {
	const char *name;
	const char *text;
	unsigned flags;
	/* After an error nothing is left. */
	int (*prepare)(struct job *job);
	/* `n` operations, a multiple of the burst. */
	int (*run)(struct job *job, unsigned n);
	int (*settle)(struct job *job);                              /* between samples, not timed; NULL: nothing */
	int (*drain)(struct job *job);                               /* waits for what is on its way; NULL: nothing is */
	int (*restart)(struct job *job);                             /* what is measured anew when time begins; NULL: nothing */
	void (*finish)(struct job *job);                             /* the jobs of a row in reverse order */
	void (*stats)(const struct job *job, struct piommu_stats *); /* NULL: the manager's */
	/* Which floor bounds it; its nanoseconds in *ns. */
	const char *(*floor)(const struct floors *floors, const struct row *row, double *ns);
};

extern const struct workload work_map, work_map_64m, work_lookup, work_iova, work_iova_frag, work_iova_shared, work_ring,
	work_ring_work, work_dma, work_strict, work_strict_contig, work_attach;

/* Of map, on one hot table. */
const char *map_floor(const struct floors *floors, const struct row *row, double *ns);

/* The nth workload; NULL past the last. */
const struct workload *workload_at(unsigned n);
const struct workload *workload_find(const char *name);
/* A number of operations worth timing together: at least `least`, in whole bursts. */
unsigned sample_of(const struct row *row, unsigned least);
/* Bus address of the buffer: one page off, congruent to no I/O address modulo 2 MiB. */
uint64_t buffer_pa(const struct bench *bench);

/* ---- report.c, report_json.c, plot.c ---- */

void report_floors(FILE *to, const struct floors *floors);
void report_head(FILE *to);
void report_row(FILE *to, const struct row *row);
/* @return 0 or a negative errno */
int report_json(const char *path, const struct floors *floors, const struct row *rows, size_t n);
/* Latency over burst, throughput over threads. @return 0 or a negative errno */
int plot_write(const char *path, const struct options *options, const struct floors *floors, const struct row *rows, size_t n);

#endif
