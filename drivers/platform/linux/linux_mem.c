/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory that the machine's devices can reach: hugepages through EAL, bus address = physical address. Only a manager starts
 * it; an inspecting platform never comes here. Slow path.
 */
#include "linux.h"

#include <errno.h>

int linux_mem_start(struct piommu_platform *plat)
{
	struct linux_platform *lp = to_linux(plat);
	const struct piommu_env_eal_opts opts = { .log = plat->log };
	int err;

	if (lp->mem)
		return 0;
	err = piommu_env_eal_create(&opts, &lp->mem); /* says itself what is missing, and the remedy */
	if (err)
		return err;
	plat->va_off = piommu_env_mem_va_off(lp->mem);
	return 0;
}

int linux_mem_alloc(struct piommu_platform *plat, size_t len, size_t align, int node, struct piommu_mem *out)
{
	struct linux_platform *lp = to_linux(plat);

	return lp->mem ? piommu_env_mem_alloc(lp->mem, len, align, node, out) : -ENOMEM;
}

void linux_mem_free(struct piommu_platform *plat, struct piommu_mem *mem)
{
	struct linux_platform *lp = to_linux(plat);

	if (lp->mem)
		piommu_env_mem_free(lp->mem, mem);
}

void *linux_mem_at(struct piommu_platform *plat, uint64_t pa, size_t len)
{
	struct linux_platform *lp = to_linux(plat);

	return lp->mem ? piommu_env_mem_at(lp->mem, pa, len) : NULL;
}

void linux_mem_fini(struct linux_platform *lp)
{
	piommu_env_mem_destroy(lp->mem);
	lp->mem = NULL;
}
