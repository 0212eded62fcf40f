/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Page tables alone: `map`, `map-64m` and `lookup`, on a domain that no device is attached to. Its invalidations have nobody to
 * go to. Each thread has a gigabyte of I/O addresses of its own and goes round in it: in one leaf table where an operation is
 * smaller than that (the hot case), over as many as an operation needs, or over 64 MiB. No leaf is larger than 4 KiB.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench.h"

#define GIB (UINT64_C(1) << 30)
#define FOOTPRINT (64 * MIB / PAGE) /* entries of map-64m */

struct map {
	struct piommu_gather *gather;
	uint64_t base; /* first I/O address */
	size_t len;    /* of one operation */
	unsigned nslots;
	unsigned slot;
};

static int create(struct job *job, size_t entries)
{
	struct map *map = calloc(1, sizeof(*map));
	unsigned pages = job->row->pages;

	if (!map || piommu_gather_create(&map->gather)) {
		free(map);
		return -ENOMEM;
	}
	map->base = GIB * (1 + job->thread);
	map->len = (size_t)pages * PAGE;
	map->nslots = pages < entries ? (unsigned)(entries / pages) : 1;
	job->work = map;
	/* A gather holds 32 ranges; a sample is long against its two clock reads. */
	job->sample = pages >= 256 ? 8 : 32;
	return 0;
}

static void finish(struct job *job)
{
	struct map *map = job->work;

	piommu_gather_flush(job->bench->domain, map->gather);
	piommu_gather_destroy(map->gather);
	free(map);
}

static inline uint64_t next_iova(struct map *map)
{
	uint64_t iova = map->base + map->slot * map->len;

	map->slot = map->slot + 1 == map->nslots ? 0 : map->slot + 1;
	return iova;
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
	struct map *map = job->work;
	int err = piommu_gather_flush(job->bench->domain, map->gather);

	if (map->len > LEAVES * PAGE)
		await_tables(job);
	return err;
}

/* ---- map ---------------------------------------------------------------------------------------------------------------- */

static int map_prepare(struct job *job)
{
	return create(job, LEAVES);
}

static int map_run(struct job *job, unsigned n)
{
	struct piommu_domain *domain = job->bench->domain;
	struct map *map = job->work;
	uint64_t pa = buffer_pa(job->bench);

	for (unsigned i = 0; i < n; i++) {
		uint64_t iova = next_iova(map);
		int err = piommu_map(domain, iova, pa, map->len, PIOMMU_RW);

		if (!err)
			err = piommu_unmap_gather(domain, iova, map->len, map->gather, NULL);
		if (err)
			return err;
	}
	return 0;
}

/* Goes round once, so that all tables are there. */
static int map_64m_prepare(struct job *job)
{
	int err = create(job, FOOTPRINT);
	struct map *map = job->work;

	for (unsigned done = 0; !err && done < map->nslots; done += job->sample) {
		err = map_run(job, job->sample);
		if (!err)
			err = settle(job);
		if (err)
			finish(job);
	}
	return err;
}

static const char *pair_floor(const struct row *row, size_t entries, double *ns)
{
	enum {
		LINE = 8
	};
	bool lines = row->pages % LINE == 0;

	*ns = lines ? floor_line_pair(row->pages, entries) : floor_walk_pair(row->pages, entries);
	return lines ? "line_pair" : "walk_pair";
}

const char *map_floor(const struct floors *floors, const struct row *row, double *ns)
{
	(void)floors;
	return pair_floor(row, LEAVES, ns);
}

static const char *map_64m_floor(const struct floors *floors, const struct row *row, double *ns)
{
	(void)floors;
	return pair_floor(row, FOOTPRINT, ns);
}

const struct workload work_map = {
	.name = "map",
	.text = "map + unmap in the page table alone, no invalidation",
	.flags = WORK_PAGES,
	.prepare = map_prepare,
	.run = map_run,
	.settle = settle,
	.finish = finish,
	.floor = map_floor,
};

const struct workload work_map_64m = {
	.name = "map-64m",
	.text = "the same, going round in 64 MiB of I/O addresses",
	.flags = WORK_PAGES,
	.prepare = map_64m_prepare,
	.run = map_run,
	.settle = settle,
	.finish = finish,
	.floor = map_64m_floor,
};

/* ---- lookup ------------------------------------------------------------------------------------------------------------- */

static void unmap_first(struct job *job, unsigned n)
{
	struct map *map = job->work;

	map->slot = 0;
	for (unsigned i = 0; i < n; i++)
		piommu_unmap_gather(job->bench->domain, next_iova(map), map->len, map->gather, NULL);
}

static void lookup_finish(struct job *job)
{
	unmap_first(job, ((struct map *)job->work)->nslots);
	finish(job);
}

static int lookup_prepare(struct job *job)
{
	int err = create(job, LEAVES);
	struct map *map = job->work;
	unsigned done = 0;

	if (err)
		return err;
	for (; done < map->nslots && !err; done += !err)
		err = piommu_map(job->bench->domain, next_iova(map), buffer_pa(job->bench), map->len, PIOMMU_RW);
	if (err) {
		unmap_first(job, done);
		finish(job);
	}
	return err;
}

static int lookup_run(struct job *job, unsigned n)
{
	uint64_t pa = buffer_pa(job->bench);

	for (unsigned i = 0; i < n; i++) {
		uint64_t found;
		int err = piommu_lookup(job->bench->domain, next_iova(job->work), &found, NULL, NULL);

		if (err || found != pa)
			return err ? err : -EIO;
	}
	return 0;
}

static const char *lookup_floor(const struct floors *floors, const struct row *row, double *ns)
{
	(void)row;
	*ns = floors->walk;
	return "walk";
}

const struct workload work_lookup = {
	.name = "lookup",
	.text = "iova to pa",
	.flags = WORK_PAGES,
	.prepare = lookup_prepare,
	.run = lookup_run,
	.settle = settle,
	.finish = lookup_finish,
	.floor = lookup_floor,
};
