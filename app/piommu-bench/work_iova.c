/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * I/O addresses alone. `iova`: a burst is allocated, then freed. `iova-frag`: thousands of all sizes are live, and an operation
 * frees one of them, any, and allocates one of another size; each is timed alone, for the worst of them are what is looked for.
 */
#include <errno.h>
#include <stdlib.h>

#include "bench.h"

#define LIVE 20000u    /* of iova-frag */
#define MOST_PAGES 64u /* of one */

struct range {
	uint64_t iova;
	size_t len;
};

struct iova {
	uint64_t random;
	unsigned n;
	struct range at[];
};

static struct iova *create(struct job *job, unsigned n)
{
	struct iova *iova = calloc(1, sizeof(*iova) + n * sizeof(struct range));

	if (iova) {
		iova->random = 88172645463325252u + job->thread;
		iova->n = n;
	}
	return iova;
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
	job->work = create(job, job->row->burst);
	job->sample = sample_of(job->row, 128);
	return job->work ? 0 : -ENOMEM;
}

static int iova_run(struct job *job, unsigned n)
{
	struct piommu_domain *domain = job->bench->domain;
	struct iova *iova = job->work;
	size_t len = (size_t)job->row->pages * PAGE;
	int err = 0;

	for (unsigned done = 0; done < n && !err; done += iova->n) {
		for (unsigned i = 0; i < iova->n && !err; i++)
			err = piommu_iova_alloc(domain, len, PAGE, &iova->at[i].iova);
		for (unsigned i = 0; i < iova->n && !err; i++)
			err = piommu_iova_free(domain, iova->at[i].iova, len);
	}
	return err;
}

static void iova_finish(struct job *job)
{
	free(job->work);
}

const struct workload work_iova = {
	.name = "iova",
	.text = "allocate + free",
	.flags = WORK_PAGES | WORK_BURST | WORK_BLOCK,
	.prepare = iova_prepare,
	.run = iova_run,
	.finish = iova_finish,
	.floor = iova_floor,
};

/* ---- iova-frag ---------------------------------------------------------------------------------------------------------- */

static void frag_finish(struct job *job)
{
	struct iova *iova = job->work;

	for (unsigned i = 0; i < iova->n; i++)
		if (iova->at[i].len)
			piommu_iova_free(job->bench->domain, iova->at[i].iova, iova->at[i].len);
	free(iova);
}

static int replace(struct job *job, struct range *range)
{
	size_t len = (1 + next_random(job->work) % MOST_PAGES) * PAGE;
	int err = range->len ? piommu_iova_free(job->bench->domain, range->iova, range->len) : 0;

	range->len = 0;
	if (!err)
		err = piommu_iova_alloc(job->bench->domain, len, PAGE, &range->iova);
	if (!err)
		range->len = len;
	return err;
}

static int frag_prepare(struct job *job)
{
	struct iova *iova = create(job, LIVE);
	int err = 0;

	if (!iova)
		return -ENOMEM;
	job->work = iova;
	job->sample = 1;
	for (unsigned i = 0; i < LIVE && !err; i++)
		err = replace(job, &iova->at[i]);
	if (err)
		frag_finish(job);
	return err;
}

static int frag_run(struct job *job, unsigned n)
{
	struct iova *iova = job->work;
	int err = 0;

	for (unsigned i = 0; i < n && !err; i++)
		err = replace(job, &iova->at[next_random(iova) % LIVE]);
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
