/* SPDX-License-Identifier: BSD-3-Clause */
/* What a source of memory implements. Its lock is its own. */
#ifndef ENV_MEM_H
#define ENV_MEM_H

#include "piommu_env.h"

#define ENV_CHUNK_SIZE ((size_t)2 << 20)

/** Arguments were checked: `len` a multiple of 4 KiB and not 0, `align` a power of two from 4 KiB to 2 MiB. */
struct env_mem_ops {
	int (*alloc)(struct piommu_env_mem *mem, size_t len, size_t align, int node, struct piommu_mem *out);
	void (*free)(struct piommu_env_mem *mem, const struct piommu_mem *block);
	void *(*at)(const struct piommu_env_mem *mem, uint64_t pa, size_t len);
	void (*destroy)(struct piommu_env_mem *mem);
};

/** Sources embed it as their first member. */
struct piommu_env_mem {
	const struct env_mem_ops *ops;
	uintptr_t va_off; /* a multiple of 2 MiB: what is aligned on the bus is aligned here */
};

#endif
