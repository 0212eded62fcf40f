/* SPDX-License-Identifier: BSD-3-Clause */
/* See pt_fixture.h. */
#include <errno.h>
#include <stdlib.h>

#include "pt_fixture.h"
#include "suite.h"

#define HEAP_PA (UINT64_C(1) << 32)

const struct pt_case pt_cases[PT_NCASES] = {
	{ 39, SIZES_4K }, { 39, SIZES_2M }, { 39, SIZES_1G }, { 48, SIZES_4K }, { 48, SIZES_2M },
	{ 48, SIZES_1G }, { 57, SIZES_4K }, { 57, SIZES_2M }, { 57, SIZES_1G },
};

static int source_alloc(void *ctx, size_t len, size_t align, int node, struct piommu_mem *out)
{
	struct fixture *f = ctx;

	return piommu_env_mem_alloc(f->mem, len, align, node, out);
}

static void source_free(void *ctx, struct piommu_mem *mem)
{
	struct fixture *f = ctx;

	piommu_env_mem_free(f->mem, mem);
}

/*
 * Word by word and atomic: threads may write back words that others are storing. Until the copy is the word's last state: a line has
 * entries of many, and a cache never puts an older one back.
 */
static void copy_word(uint64_t *to, const uint64_t *from)
{
	uint64_t word;

	do {
		word = __atomic_load_n(from, __ATOMIC_SEQ_CST);
		__atomic_store_n(to, word, __ATOMIC_SEQ_CST);
	} while (__atomic_load_n(from, __ATOMIC_SEQ_CST) != word);
}

static void writeback(void *ctx, const void *va, size_t len)
{
	struct fixture *f = ctx;
	size_t first = ((uintptr_t)va - f->pt.va_off - HEAP_PA) / sizeof(uint64_t);
	const uint64_t *words = va;

	CU_ASSERT_FATAL(f->shadow != NULL && (uintptr_t)va % 8 == 0 && len % 8 == 0 && len > 0);
	for (size_t i = 0; i < len / sizeof(uint64_t); i++)
		copy_word(&f->shadow[first + i], &words[i]);
	__atomic_fetch_add(&f->writebacks, 1, __ATOMIC_RELAXED);
	if (f->on_writeback)
		f->on_writeback(f, va, len);
}

void fixture_init(struct fixture *f, struct pt_case c, size_t heap, bool noncoherent)
{
	struct piommu_pool_source source = { .alloc = source_alloc, .free = source_free, .ctx = f, .node = -1 };
	struct piommu_pt_config config = {
		.iova_bits = c.iova_bits,
		.leaf_sizes = c.leaf_sizes,
		.pa_bits = 46,
		.writeback = noncoherent ? writeback : NULL,
		.writeback_ctx = f,
	};

	*f = (struct fixture){ .top = UINT64_C(1) << c.iova_bits, .heap = heap };
	if (piommu_env_heap_create(heap, HEAP_PA, &f->mem))
		abort();
	source.va_off = piommu_env_mem_va_off(f->mem);
	f->pt.va_off = source.va_off; /* init writes the root back */
	if (noncoherent) {
		f->shadow = malloc(heap);
		for (size_t i = 0; f->shadow && i < heap / sizeof(uint64_t); i++)
			f->shadow[i] = UINT64_C(0x5555555555555555); /* what memory held before */
	}
	if (piommu_pool_create(&source, &f->pool))
		abort();
	config.pool = f->pool;
	CHECK_EQ(piommu_pt_vtdss_init(&f->pt, &config), 0);
	piommu_gather_init(&f->gather);
}

void fixture_fini(struct fixture *f)
{
	piommu_pt_vtdss_fini(&f->pt);
	CHECK_EQ(piommu_pool_destroy(f->pool), 0);
	piommu_env_mem_destroy(f->mem);
	free(f->shadow);
}

void fixture_retire(struct fixture *f)
{
	piommu_pool_put_list(f->pool, &f->gather.pages);
}

int fixture_map(struct fixture *f, uint64_t iova, uint64_t pa, size_t len, unsigned prot)
{
	int err;

	piommu_gather_init(&f->gather);
	err = piommu_pt_vtdss_map(&f->pt, iova, pa, len, prot, &f->gather);
	fixture_retire(f);
	return err;
}

int fixture_unmap(struct fixture *f, uint64_t iova, size_t len, size_t *unmapped)
{
	int err;

	piommu_gather_init(&f->gather);
	err = piommu_pt_vtdss_unmap(&f->pt, iova, len, &f->gather, unmapped);
	fixture_retire(f);
	return err;
}

int fixture_map_run(struct fixture *f, uint64_t iova, uint64_t pa, size_t len, unsigned prot)
{
	int err = piommu_pt_vtdss_map_run(&f->pt, iova, pa, len, prot);

	piommu_gather_init(&f->gather);
	return err == -EAGAIN ? fixture_map(f, iova, pa, len, prot) : err;
}

int fixture_unmap_run(struct fixture *f, uint64_t iova, size_t len, size_t *unmapped)
{
	int err;

	piommu_gather_init(&f->gather);
	err = piommu_pt_vtdss_unmap_run(&f->pt, iova, len, &f->gather, unmapped);
	fixture_retire(f);
	return err;
}

int fixture_unmap_page(struct fixture *f, uint64_t iova, size_t *unmapped)
{
	piommu_gather_init(&f->gather);
	return piommu_pt_vtdss_unmap_page(&f->pt, iova, &f->gather, unmapped);
}

bool fixture_gathered(const struct fixture *f, uint64_t iova, uint64_t len)
{
	if (f->gather.whole)
		return true;
	for (unsigned i = 0; i < f->gather.n; i++)
		if (f->gather.range[i].start <= iova && iova + (len - 1) <= f->gather.range[i].last)
			return true;
	return false;
}

static uint64_t word_at(const struct fixture *f, uint64_t pa, bool written_back)
{
	const uint64_t *word =
		written_back ? &f->shadow[(pa - HEAP_PA) / sizeof(uint64_t)] : (const uint64_t *)(uintptr_t)(pa + f->pt.va_off);

	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

uint64_t fixture_entry(const struct fixture *f, uint64_t iova, unsigned *level, bool written_back)
{
	uint64_t table = f->pt.root_pa;

	for (unsigned l = (f->pt.iova_bits - 12) / 9;; l--) {
		uint64_t word = word_at(f, table + (iova >> (12 + 9 * (l - 1)) & 511) * 8, written_back);

		if (l == 1 || !(word & 3) || (word & 0x80)) {
			if (level)
				*level = l;
			return word;
		}
		CU_ASSERT_FATAL((word & 3) == 3);
		table = word & 0x3ffffffff000; /* 46 bits */
	}
}

bool fixture_translate(const struct fixture *f, uint64_t iova, uint64_t *pa, bool written_back)
{
	unsigned level;
	uint64_t word = fixture_entry(f, iova, &level, written_back);
	uint64_t offset = iova & ((UINT64_C(1) << (12 + 9 * (level - 1))) - 1);

	*pa = (word & 0x3ffffffff000) + offset;
	return (word & 3) != 0;
}

size_t fixture_tables(const struct fixture *f)
{
	return piommu_pool_used(f->pool) - 1;
}
