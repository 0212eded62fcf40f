/* SPDX-License-Identifier: BSD-3-Clause */
/* The list of workloads, in the order of the manual page. */
#include <string.h>

#include "bench.h"

static const struct workload *const workloads[] = {
	&work_map,  &work_map_64m,   &work_lookup, &work_iova,   &work_iova_frag,     &work_iova_shared,
	&work_ring, &work_ring_work, &work_dma,    &work_strict, &work_strict_contig, &work_attach,
};

const struct workload *workload_at(unsigned n)
{
	return n < sizeof(workloads) / sizeof(workloads[0]) ? workloads[n] : NULL;
}

const struct workload *workload_find(const char *name)
{
	for (size_t i = 0; i < sizeof(workloads) / sizeof(workloads[0]); i++)
		if (!strcmp(name, workloads[i]->name))
			return workloads[i];
	return NULL;
}

unsigned sample_of(const struct row *row, unsigned least)
{
	return (least + row->burst - 1) / row->burst * row->burst;
}
