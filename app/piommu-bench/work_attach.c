/* SPDX-License-Identifier: BSD-3-Clause */
/* `attach`: a group is put on a domain and taken off again. Slow path; each thread has a group of its own. */
#include <errno.h>

#include "bench.h"

static int attach_prepare(struct job *job)
{
	struct piommu_group *group = bench_group(job->bench, job->thread);
	int err;

	if (!group)
		return -ENODEV;
	err = piommu_claim(group);
	if (err) {
		piommu_group_put(group);
		return err;
	}
	job->work = group;
	job->sample = 1;
	return 0;
}

static int attach_run(struct job *job, unsigned n)
{
	int err = 0;

	for (unsigned i = 0; i < n && !err; i++) {
		err = piommu_attach(job->bench->domain, job->work);
		if (!err)
			err = piommu_detach(job->bench->domain, job->work);
	}
	return err;
}

static void attach_finish(struct job *job)
{
	piommu_detach(job->bench->domain, job->work); /* where an error came between the two */
	piommu_release(job->work);
	piommu_group_put(job->work);
}

/* The hardware answers both. */
static const char *attach_floor(const struct floors *floors, const struct row *row, double *ns)
{
	(void)row;
	*ns = 2 * floors->answer;
	return "answer";
}

const struct workload work_attach = {
	.name = "attach",
	.text = "attach + detach",
	.flags = WORK_HARDWARE,
	.prepare = attach_prepare,
	.run = attach_run,
	.finish = attach_finish,
	.floor = attach_floor,
};
