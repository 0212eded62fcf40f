/* SPDX-License-Identifier: BSD-3-Clause */
/* The clock, and where a thread stands on a NUMA machine. Any thread, no state. */
#include <numa.h>
#include <sched.h>
#include <time.h>

#include "piommu_env.h"

uint64_t piommu_env_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

int piommu_env_numa_node(void)
{
	int cpu, node;

	if (numa_available() < 0)
		return 0;
	cpu = sched_getcpu();
	node = cpu < 0 ? 0 : numa_node_of_cpu(cpu);
	return node < 0 ? 0 : node;
}

int piommu_env_numa_max_node(void)
{
	return numa_available() < 0 ? 0 : numa_max_node();
}
