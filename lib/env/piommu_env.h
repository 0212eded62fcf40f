/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The ground the library stands on: clock, NUMA, memory that devices can reach. The one place that knows DPDK's EAL and
 * libnuma; a plain-heap twin serves the simulated machine, unit tests and fuzzers.
 */
#ifndef PIOMMU_ENV_H
#define PIOMMU_ENV_H

#include "piommu_log.h"
#include "piommu_types.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** Monotonic nanoseconds. Any thread. */
uint64_t piommu_env_now_ns(void);

/** NUMA node of the calling thread's processor; 0 where the machine has no NUMA. */
int piommu_env_numa_node(void);
/** Highest NUMA node number; 0 where the machine has no NUMA. */
int piommu_env_numa_max_node(void);

/**
 * A source of memory. Allocations are zeroed, at least 4 KiB aligned, contiguous on the bus, and satisfy
 * `va == (char *)(uintptr_t)pa + va_off` with one `va_off` for the whole source: a page-table walker turns an entry's
 * address into a pointer with a single add. Slow path, any thread (takes a lock of its own).
 */
struct piommu_env_mem;

/**
 * A source of ordinary memory, for machines that live in this process. Reserves `size` bytes of address space (pages
 * are touched on allocation) and numbers them from `base_pa`; base_pa == UINT64_MAX: bus address = virtual address.
 * @return 0, -EINVAL (size or base not 2 MiB aligned) or -ENOMEM
 */
int piommu_env_heap_create(size_t size, uint64_t base_pa, struct piommu_env_mem **out);

struct piommu_env_eal_opts {
	const char *file_prefix; /**< EAL --file-prefix; NULL: "piommu" */
	unsigned reserve_mb;     /**< hugepage memory to hold for tables and buffers; 0: 64 */
	const struct piommu_log *log;
};

/**
 * A source of hugepage memory through DPDK's EAL, bus address = physical address. Starts EAL unless the application has
 * (then its memory and arguments serve). Every hugepage is also mapped at `pa + va_off`, so that the rule above holds.
 * Says what to do when there are no hugepages, or no right to see physical addresses.
 * @return 0; -ENOMEM: no hugepages; -EPERM: no rights; -ENOTSUP: built without EAL
 */
int piommu_env_eal_create(const struct piommu_env_eal_opts *opts, struct piommu_env_mem **out);

/** Every block must be back. */
void piommu_env_mem_destroy(struct piommu_env_mem *mem);

/** `align` is a power of two, at most 2 MiB; `node` a NUMA node or -1. @return 0, -EINVAL or -ENOMEM */
int piommu_env_mem_alloc(struct piommu_env_mem *mem, size_t len, size_t align, int node, struct piommu_mem *out);
void piommu_env_mem_free(struct piommu_env_mem *mem, struct piommu_mem *block);
/** va - pa of every block of this source, modulo 2^64. */
uintptr_t piommu_env_mem_va_off(const struct piommu_env_mem *mem);
/** Pointer to [pa, pa + len) where this source owns all of it (allocated or not); NULL otherwise. */
void *piommu_env_mem_at(const struct piommu_env_mem *mem, uint64_t pa, size_t len);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
