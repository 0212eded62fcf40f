/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ordinary memory as a source: one span of address space, reserved at once and backed as it is touched, for machines that
 * live in this process. What is free is always zero, because a free hands its pages back to the kernel.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "lock.h"
#include "mem.h"
#include "pages.h"
#include "piommu_bits.h"

struct heap {
	struct piommu_env_mem mem;
	struct mutex lock RANKED(LOCK_LEAF);
	struct env_pages pages GUARDED_BY(lock);
	char *base;
	uint64_t base_pa;
	size_t size;
};

static struct heap *heap_of(struct piommu_env_mem *mem)
{
	return (struct heap *)(void *)mem;
}

static int heap_alloc(struct piommu_env_mem *mem, size_t len, size_t align, int node, struct piommu_mem *out)
{
	struct heap *heap = heap_of(mem);
	size_t first;

	(void)node; /* first touch decides */
	mutex_lock(&heap->lock);
	first = env_pages_alloc(&heap->pages, len / ENV_PAGE_SIZE, align / ENV_PAGE_SIZE);
	mutex_unlock(&heap->lock);
	if (first == ENV_PAGES_NONE)
		return -ENOMEM;
	*out = (struct piommu_mem){
		.va = heap->base + first * ENV_PAGE_SIZE,
		.pa = heap->base_pa + first * ENV_PAGE_SIZE,
		.len = len,
	};
	return 0;
}

static void heap_free(struct piommu_env_mem *mem, const struct piommu_mem *block)
{
	struct heap *heap = heap_of(mem);

	if (madvise(block->va, block->len, MADV_DONTNEED))
		memset(block->va, 0, block->len);
	mutex_lock(&heap->lock);
	env_pages_free(&heap->pages, (block->pa - heap->base_pa) / ENV_PAGE_SIZE, block->len / ENV_PAGE_SIZE);
	mutex_unlock(&heap->lock);
}

static void *heap_at(const struct piommu_env_mem *mem, uint64_t pa, size_t len)
{
	const struct heap *heap = (const struct heap *)(const void *)mem;
	uint64_t off = pa - heap->base_pa;

	return off < heap->size && len <= heap->size - off ? heap->base + off : NULL;
}

static void heap_destroy(struct piommu_env_mem *mem)
{
	struct heap *heap = heap_of(mem);

	mutex_assert_unshared(&heap->lock);
	munmap(heap->base, heap->size);
	env_pages_fini(&heap->pages);
	mutex_fini(&heap->lock);
	free(heap);
}

static const struct env_mem_ops heap_ops = {
	.alloc = heap_alloc,
	.free = heap_free,
	.at = heap_at,
	.destroy = heap_destroy,
};

/* 2 MiB-aligned address space of `size` bytes, or NULL. */
static char *reserve(size_t size)
{
	size_t wide = size + ENV_CHUNK_SIZE;
	char *start = mmap(NULL, wide, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	char *base;

	if (start == MAP_FAILED)
		return NULL;
	base = start + (align_up((uintptr_t)start, ENV_CHUNK_SIZE) - (uintptr_t)start);
	if (base != start)
		munmap(start, (size_t)(base - start));
	munmap(base + size, (size_t)(start + wide - (base + size)));
	/* As hugepages would: table pages of one chunk share a TLB entry. A kernel without them says no, and that is fine. */
	(void)madvise(base, size, MADV_HUGEPAGE);
	return base;
}

int piommu_env_heap_create(size_t size, uint64_t base_pa, struct piommu_env_mem **out)
{
	bool virtual = base_pa == UINT64_MAX;
	struct heap *heap;
	int err = -ENOMEM;

	if (!size || !is_aligned(size, ENV_CHUNK_SIZE) || size > SIZE_MAX - ENV_CHUNK_SIZE)
		return -EINVAL;
	if (!virtual && (!is_aligned(base_pa, ENV_CHUNK_SIZE) || base_pa > UINT64_MAX - size))
		return -EINVAL;
	heap = calloc(1, sizeof(*heap));
	if (!heap)
		return -ENOMEM;
	mutex_init(&heap->lock, LOCK_LEAF);
	mutex_assert_unshared(&heap->lock);
	err = env_pages_init(&heap->pages, size / ENV_PAGE_SIZE);
	if (err)
		goto free_heap;
	heap->base = reserve(size);
	if (!heap->base) {
		err = -ENOMEM;
		goto fini_pages;
	}
	heap->size = size;
	heap->base_pa = virtual ? (uintptr_t)heap->base : base_pa;
	heap->mem.ops = &heap_ops;
	heap->mem.va_off = (uintptr_t)heap->base - (uintptr_t)heap->base_pa;
	*out = &heap->mem;
	return 0;

fini_pages:
	env_pages_fini(&heap->pages);
free_heap:
	mutex_fini(&heap->lock);
	free(heap);
	return err;
}
