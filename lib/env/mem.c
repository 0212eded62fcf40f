/* SPDX-License-Identifier: BSD-3-Clause */
/* Sources of memory, whatever stands behind them: arguments are checked here once. Slow path, any thread. */
#include <errno.h>

#include "mem.h"
#include "pages.h"
#include "piommu_bits.h"

int piommu_env_mem_alloc(struct piommu_env_mem *mem, size_t len, size_t align, int node, struct piommu_mem *out)
{
	size_t whole = align_up(len, ENV_PAGE_SIZE);

	if (!len || !is_pow2(align) || align > ENV_CHUNK_SIZE || node < -1)
		return -EINVAL;
	if (whole < len)
		return -ENOMEM;
	if (align < ENV_PAGE_SIZE)
		align = ENV_PAGE_SIZE;
	return mem->ops->alloc(mem, whole, align, node, out);
}

void piommu_env_mem_free(struct piommu_env_mem *mem, struct piommu_mem *block)
{
	if (!block || !block->va)
		return;
	mem->ops->free(mem, block);
	*block = (struct piommu_mem){ 0 };
}

uintptr_t piommu_env_mem_va_off(const struct piommu_env_mem *mem)
{
	return mem->va_off;
}

void *piommu_env_mem_at(const struct piommu_env_mem *mem, uint64_t pa, size_t len)
{
	return len ? mem->ops->at(mem, pa, len) : NULL;
}

void piommu_env_mem_destroy(struct piommu_env_mem *mem)
{
	if (mem)
		mem->ops->destroy(mem);
}
