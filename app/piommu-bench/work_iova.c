/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * I/O addresses alone, of the caches that channels have, each thread's own over one space; `iova-shared` is the space itself through
 * the public calls. A burst is allocated, then freed. `iova-frag`: thousands of all sizes are live, and an operation frees one of them,
 * any, and allocates one of another size; each is timed alone, for the worst of them are what is looked for.
 */
#include <errno.h>
#include <stdlib.h>

#include "bench.h"
#include "iova_cache.h"

#define LIVE 20000u    /* of iova-frag */
#define MOST_PAGES 64u /* of one */

struct range {
	uint64_t iova;
	unsigned npages;
};

struct iova {
	struct iova_cache *cache;
	uint64_t random;
	unsigned n;
	struct range at[];
};

/* The first job makes the space of all. */
static int make_space(struct job *job)
{
	const struct piommu_span aperture = { 0, (UINT64_C(1) << 47) - 1 };

	return job->thread ? 0 : iova_space_create(aperture, &job->bench->space);
}

static void drop_space(struct job *job)
{
	if (!job->thread)
		iova_space_destroy(job->bench->space);
}

static int create(struct job *job, unsigned n)
{
	struct iova *iova = calloc(1, sizeof(*iova) + n * sizeof(struct range));
	int err = iova ? make_space(job) : -ENOMEM;

	if (err)
		goto free_iova;
	err = iova_cache_create(job->bench->space, &iova->cache);
	if (err)
		goto drop_space;
	iova->random = 88172645463325252u + job->thread;
	iova->n = n;
	job->work = iova;
	return 0;

drop_space:
	drop_space(job);
free_iova:
	free(iova);
	return err;
}

static void finish(struct job *job)
{
	struct iova *iova = job->work;

	iova_cache_destroy(iova->cache);
	drop_space(job);
	free(iova);
}

/* xorshift: the same numbers in every run. */
static uint64_t next_random(struct iova *iova)
{
	iova->random ^= iova->random << 13;
	iova->random ^= iova->random >> 7;
	iova->random ^= iova->random << 17;
	return iova->random;
}

static const char *iova_floor(const struct floors *floors, const struct row *row, double *ns)
{
	(void)row;
	*ns = floors->stack;
	return "stack";
}

/* ---- iova --------------------------------------------------------------------------------------------------------------- */

static int iova_prepare(struct job *job)
{
	job->sample = sample_of(job->row, 128);
	return create(job, job->row->burst);
}

static int iova_run(struct job *job, unsigned n)
{
	struct iova *iova = job->work;
	unsigned npages = job->row->pages;
	struct iova_block *block;
	int err = 0;

	for (unsigned done = 0; done < n && !err; done += iova->n) {
		for (unsigned i = 0; i < iova->n && !err; i++)
			err = iova_cache_alloc(iova->cache, npages, &iova->at[i].iova, &block);
		for (unsigned i = 0; i < iova->n && !err; i++)
			err = iova_cache_free(iova->cache, iova->at[i].iova, npages);
	}
	return err;
}

const struct workload work_iova = {
	.name = "iova",
	.text = "allocate + free",
	.flags = WORK_PAGES | WORK_BURST | WORK_BLOCK,
	.prepare = iova_prepare,
	.run = iova_run,
	.finish = finish,
	.floor = iova_floor,
};

/* ---- iova-frag ---------------------------------------------------------------------------------------------------------- */

static void frag_finish(struct job *job)
{
	struct iova *iova = job->work;

	for (unsigned i = 0; i < iova->n; i++)
		if (iova->at[i].npages)
			iova_cache_free(iova->cache, iova->at[i].iova, iova->at[i].npages);
	finish(job);
}

static int replace(struct iova *iova, struct range *range)
{
	unsigned npages = (unsigned)(1 + next_random(iova) % MOST_PAGES);
	int err = range->npages ? iova_cache_free(iova->cache, range->iova, range->npages) : 0;
	struct iova_block *block;

	range->npages = 0;
	if (!err)
		err = iova_cache_alloc(iova->cache, npages, &range->iova, &block);
	if (!err)
		range->npages = npages;
	return err;
}

static int frag_prepare(struct job *job)
{
	int err = create(job, LIVE);
	struct iova *iova = job->work;

	if (err)
		return err;
	job->sample = 1;
	for (unsigned i = 0; i < LIVE && !err; i++)
		err = replace(iova, &iova->at[i]);
	if (err)
		frag_finish(job);
	return err;
}

static int frag_run(struct job *job, unsigned n)
{
	struct iova *iova = job->work;
	int err = 0;

	for (unsigned i = 0; i < n && !err; i++)
		err = replace(iova, &iova->at[next_random(iova) % LIVE]);
	return err;
}

const struct workload work_iova_frag = {
	.name = "iova-frag",
	.text = "the same among 20,000 that are live, of 1 to 64 pages",
	.prepare = frag_prepare,
	.run = frag_run,
	.finish = frag_finish,
	.floor = iova_floor,
};

/* ---- iova-shared -------------------------------------------------------------------------------------------------------- */

static int shared_prepare(struct job *job)
{
	job->sample = sample_of(job->row, 128);
	job->work = calloc(job->row->burst, sizeof(uint64_t));
	return job->work ? 0 : -ENOMEM;
}

static int shared_run(struct job *job, unsigned n)
{
	struct piommu_domain *domain = job->bench->domain;
	size_t len = (size_t)job->row->pages * PAGE;
	uint64_t *iovas = job->work;
	int err = 0;

	for (unsigned done = 0; done < n && !err; done += job->row->burst) {
		for (unsigned i = 0; i < job->row->burst && !err; i++)
			err = piommu_iova_alloc(domain, len, PAGE, &iovas[i]);
		for (unsigned i = 0; i < job->row->burst && !err; i++)
			err = piommu_iova_free(domain, iovas[i], len);
	}
	return err;
}

static void shared_finish(struct job *job)
{
	free(job->work);
}

const struct workload work_iova_shared = {
	.name = "iova-shared",
	.text = "allocate + free, from the space that all threads share",
	.flags = WORK_PAGES | WORK_BURST,
	.prepare = shared_prepare,
	.run = shared_run,
	.finish = shared_finish,
	.floor = iova_floor,
};
