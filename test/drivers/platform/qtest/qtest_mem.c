/* SPDX-License-Identifier: BSD-3-Clause */
/* Pages of guest RAM for tables and buffers: first fit over a byte per page. Slow path only. */
#include <errno.h>
#include <string.h>

#include "qtest_machine.h"

static bool all_free(const struct qtest *qt, unsigned first, unsigned n)
{
	return !memchr(qt->used + first, 1, n);
}

int qtest_mem_alloc(struct piommu_platform *plat, size_t len, size_t align, int node, struct piommu_mem *out)
{
	struct qtest *qt = (struct qtest *)plat;
	size_t step = align > PIOMMU_PAGE_SIZE ? align / PIOMMU_PAGE_SIZE : 1;
	size_t n = (len + PIOMMU_PAGE_SIZE - 1) / PIOMMU_PAGE_SIZE;

	(void)node;
	if (!len || (align && !is_pow2(align)))
		return -EINVAL;
	for (size_t first = align_up(QTEST_RAM_FIRST / PIOMMU_PAGE_SIZE, step); first + n <= QTEST_RAM_NPAGES; first += step) {
		if (!all_free(qt, (unsigned)first, (unsigned)n))
			continue;
		memset(qt->used + first, 1, n);
		*out = (struct piommu_mem){ .va = qt->ram + first * PIOMMU_PAGE_SIZE,
					    .pa = qt->board->ram_base + first * PIOMMU_PAGE_SIZE,
					    .len = n * PIOMMU_PAGE_SIZE };
		memset(out->va, 0, out->len);
		return 0;
	}
	return -ENOMEM;
}

void qtest_mem_free(struct piommu_platform *plat, struct piommu_mem *mem)
{
	struct qtest *qt = (struct qtest *)plat;

	memset(qt->used + (mem->pa - qt->board->ram_base) / PIOMMU_PAGE_SIZE, 0, mem->len / PIOMMU_PAGE_SIZE);
	*mem = (struct piommu_mem){ 0 };
}

void *qtest_mem_at(struct piommu_platform *plat, uint64_t pa, size_t len)
{
	struct qtest *qt = (struct qtest *)plat;

	if (pa < qt->board->ram_base)
		return NULL;
	pa -= qt->board->ram_base;
	return pa < QTEST_RAM_BYTES && len <= QTEST_RAM_BYTES - pa ? qt->ram + pa : NULL;
}
