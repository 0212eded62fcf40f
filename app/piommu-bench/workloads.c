/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The machine and what is done with it, through the public API alone. Each thread has a gigabyte of I/O addresses of its
 * own and goes round in it: in one leaf table where an operation is smaller than that (the hot case), else over as many as
 * an operation needs.
 *
 * `map` works on a domain that no device is attached to: its flush, between samples, has nobody to invalidate, and what is
 * timed is the page table alone. Buffers are never aligned with I/O addresses to 2 MiB, so that every leaf is 4 KiB.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

#define GIB (UINT64_C(1) << 30)

/* ---- Common --------------------------------------------------------------------------------------------------------- */

static int prepare(struct job *job, unsigned pages, unsigned thread)
{
	job->base = GIB * (1 + thread);
	job->len = (size_t)pages * PAGE;
	job->nslots = pages < LEAVES ? LEAVES / pages : 1;
	job->slot = 0;
	job->sample = pages >= 256 ? 8 : 32; /* a gather holds 32 ranges; a sample is long against its two clock reads */
	return piommu_gather_create(&job->gather);
}

static void finish(struct job *job)
{
	piommu_gather_flush(job->bench->domain, job->gather);
	piommu_gather_destroy(job->gather);
}

static uint64_t next_iova(struct job *job)
{
	uint64_t iova = job->base + job->slot * job->len;

	job->slot = job->slot + 1 == job->nslots ? 0 : job->slot + 1;
	return iova;
}

/* One page off: congruent to no I/O address modulo 2 MiB. */
static uint64_t buffer_pa(const struct job *job)
{
	return job->bench->buffer.pa + PAGE;
}

/*
 * Operations over more than a leaf table free tables, and those come back after a grace period: where many are under way,
 * this waits for them, so that the memory of a small machine suffices.
 */
static void await_tables(struct job *job)
{
	enum {
		MANY = 4096,
		PATIENCE = 1000
	};
	struct piommu_stats stats;

	for (unsigned i = 0; i < PATIENCE; i++) {
		piommu_stats(job->bench->p, &stats);
		if (stats.table_pages < MANY)
			return;
		piommu_thread_offline();
		usleep(1000);
		piommu_thread_online();
	}
}

static int settle(struct job *job)
{
	int err = piommu_gather_flush(job->bench->domain, job->gather);

	if (job->len > LEAVES * PAGE)
		await_tables(job);
	return err;
}

/* ---- map ---------------------------------------------------------------------------------------------------------------- */

static int map_run(struct job *job, unsigned n)
{
	struct piommu_domain *domain = job->bench->domain;
	uint64_t pa = buffer_pa(job);

	for (unsigned i = 0; i < n; i++) {
		uint64_t iova = next_iova(job);
		int err = piommu_map(domain, iova, pa, job->len, PIOMMU_RW);

		if (!err)
			err = piommu_unmap_gather(domain, iova, job->len, job->gather, NULL);
		if (err)
			return err;
	}
	return 0;
}

static const char *map_floor(const struct floors *floors, unsigned pages, double *ns)
{
	(void)floors;
	*ns = floor_pair(pages);
	return "store_pair";
}

/* ---- lookup ------------------------------------------------------------------------------------------------------------- */

static int lookup_prepare(struct job *job, unsigned pages, unsigned thread)
{
	int err = prepare(job, pages, thread);

	for (unsigned i = 0; i < job->nslots && !err; i++)
		err = piommu_map(job->bench->domain, next_iova(job), buffer_pa(job), job->len, PIOMMU_RW);
	return err;
}

static int lookup_run(struct job *job, unsigned n)
{
	uint64_t pa = buffer_pa(job);

	for (unsigned i = 0; i < n; i++) {
		uint64_t found;
		int err = piommu_lookup(job->bench->domain, next_iova(job), &found, NULL, NULL);

		if (err || found != pa)
			return err ? err : -EIO;
	}
	return 0;
}

static void lookup_finish(struct job *job)
{
	job->slot = 0;
	for (unsigned i = 0; i < job->nslots; i++)
		piommu_unmap_gather(job->bench->domain, next_iova(job), job->len, job->gather, NULL);
	finish(job);
}

static const char *lookup_floor(const struct floors *floors, unsigned pages, double *ns)
{
	(void)pages;
	*ns = floors->walk;
	return "walk";
}

/* ---- strict ------------------------------------------------------------------------------------------------------------- */

static int strict_prepare(struct job *job, unsigned pages, unsigned thread)
{
	int err = prepare(job, pages, thread);

	job->sample = 1;
	return err;
}

static int strict_run(struct job *job, unsigned n)
{
	struct piommu_domain *domain = job->bench->domain;
	uint64_t pa = buffer_pa(job);

	for (unsigned i = 0; i < n; i++) {
		uint64_t iova;
		int err = piommu_iova_alloc(domain, job->len, PAGE, &iova);

		if (!err)
			err = piommu_map(domain, iova, pa, job->len, PIOMMU_RW);
		if (!err)
			err = piommu_unmap(domain, iova, job->len, NULL);
		if (!err)
			err = piommu_iova_free(domain, iova, job->len);
		if (err)
			return err;
	}
	return 0;
}

/* Another processor, or a device, must answer once. */
static const char *strict_floor(const struct floors *floors, unsigned pages, double *ns)
{
	(void)pages;
	*ns = isnan(floors->round_trip) ? floors->locked_add : floors->round_trip;
	return isnan(floors->round_trip) ? "locked_add" : "round_trip";
}

static const struct workload workloads[] = {
	{ "map", false, 2, prepare, map_run, settle, finish, map_floor },
	{ "lookup", false, 1, lookup_prepare, lookup_run, settle, lookup_finish, lookup_floor },
	{ "strict", true, 2, strict_prepare, strict_run, settle, finish, strict_floor },
};

const struct workload *workload_find(const char *name, bool *later)
{
	static const char *const planned[] = { "iova", "ring", "attach" };

	for (size_t i = 0; i < sizeof(workloads) / sizeof(workloads[0]); i++)
		if (!strcmp(name, workloads[i].name))
			return &workloads[i];
	for (size_t i = 0; i < sizeof(planned) / sizeof(planned[0]); i++)
		*later = *later || !strcmp(name, planned[i]);
	return NULL;
}

/* ---- The machine -------------------------------------------------------------------------------------------------------- */

static int complain(const char *what, int err, int code)
{
	fprintf(stderr, "piommu-bench: %s: %s\n", what, strerror(-err));
	return code;
}

static bool is_for_benches(const struct piommu_group *group)
{
	struct piommu_group_info info;
	struct piommu_device_info device;

	piommu_group_info(group, &info);
	return info.unit && !info.has_reserved && !piommu_group_device(group, 0, &device) && device.is_pci && !device.is_bridge;
}

/* The group of the device named, or on a simulated machine the first with an endpoint behind a unit; with a reference. */
static int find_group(struct bench *bench, const struct options *options)
{
	struct piommu_group *group;
	struct piommu_sbdf sbdf;

	if (options->device) {
		if (piommu_sbdf_parse(options->device, &sbdf))
			return complain(options->device, -EINVAL, EXIT_USAGE);
		if (piommu_group_find(bench->p, sbdf, &bench->group))
			return complain(options->device, -ENOENT, EXIT_NOT_FOUND);
		return 0;
	}
	for (unsigned i = 0; (group = piommu_group_at(bench->p, i)); i++) {
		if (is_for_benches(group)) {
			bench->group = group;
			return 0;
		}
		piommu_group_put(group);
	}
	return complain("no device behind an IOMMU", -ENODEV, EXIT_FAILED);
}

int bench_open(struct bench *bench, const struct options *options)
{
	struct piommu_config config = PIOMMU_CONFIG_INIT;
	unsigned most = 0;
	int err;

	for (unsigned i = 0; i < options->nworkloads; i++) {
		if (options->workloads[i]->attached && !options->device && !strncmp(options->platform, "linux", 5)) {
			fprintf(stderr, "piommu-bench: %s takes a device away from its driver: name one with --device\n",
				options->workloads[i]->name);
			return EXIT_UNSAFE;
		}
	}
	config.platform = options->platform;
	err = piommu_create(&config, &bench->p);
	if (err) /* the library has said why */
		return err == -EINVAL ? EXIT_USAGE : EXIT_FAILED;
	err = find_group(bench, options);
	if (err)
		return err;
	for (unsigned i = 0; i < options->pages.n; i++)
		most = options->pages.at[i] > most ? options->pages.at[i] : most;
	err = piommu_mem_alloc(bench->p, (size_t)(most + 1) * PAGE, 1u << 21, &bench->buffer);
	return err ? complain("buffer", err, EXIT_FAILED) : 0;
}

static void drop_domain(struct bench *bench)
{
	if (bench->attached) {
		piommu_detach(bench->domain, bench->group);
		piommu_release(bench->group);
	}
	if (bench->domain)
		piommu_domain_destroy(bench->domain);
	bench->domain = NULL;
	bench->attached = false;
}

int bench_attach(struct bench *bench, bool attached)
{
	int err;

	drop_domain(bench);
	err = piommu_domain_create(bench->group, NULL, &bench->domain);
	if (err)
		return complain("domain", err, EXIT_FAILED);
	if (!attached)
		return 0;
	err = piommu_claim(bench->group);
	if (err)
		return complain("claim", err, EXIT_FAILED);
	err = piommu_attach(bench->domain, bench->group);
	if (err) {
		piommu_release(bench->group);
		return complain("attach", err, EXIT_FAILED);
	}
	bench->attached = true;
	return 0;
}

void bench_close(struct bench *bench)
{
	if (!bench->p)
		return;
	drop_domain(bench);
	piommu_group_put(bench->group);
	piommu_mem_free(bench->p, &bench->buffer);
	piommu_destroy(bench->p);
}
