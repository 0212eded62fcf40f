/* SPDX-License-Identifier: BSD-3-Clause */
/* `strict`: an I/O address is allocated, mapped, unmapped, invalidated, known to be so, and freed. */
#include "bench.h"

static int strict_prepare(struct job *job)
{
	job->sample = 1;
	return 0;
}

static int strict_run(struct job *job, unsigned n)
{
	struct piommu_domain *domain = job->bench->domain;
	size_t len = (size_t)job->row->pages * PAGE;

	for (unsigned i = 0; i < n; i++) {
		uint64_t iova;
		int err = piommu_iova_alloc(domain, len, PAGE, &iova);

		if (!err)
			err = piommu_map(domain, iova, buffer_pa(job->bench), len, PIOMMU_RW);
		if (!err)
			err = piommu_unmap(domain, iova, len, NULL);
		if (!err)
			err = piommu_iova_free(domain, iova, len);
		if (err)
			return err;
	}
	return 0;
}

static void strict_finish(struct job *job)
{
	(void)job;
}

/* Another processor, or a device, must answer once. */
static const char *strict_floor(const struct floors *floors, const struct row *row, double *ns)
{
	(void)row;
	*ns = floors->answer;
	return "answer";
}

const struct workload work_strict = {
	.name = "strict",
	.text = "allocate, map, unmap, invalidate, know it completed, free",
	.flags = WORK_HARDWARE | WORK_ATTACHED | WORK_PAGES,
	.prepare = strict_prepare,
	.run = strict_run,
	.finish = strict_finish,
	.floor = strict_floor,
};
