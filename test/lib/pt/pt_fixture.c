/* SPDX-License-Identifier: BSD-3-Clause */
/* See pt_fixture.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pt_fixture.h"
#include "suite.h"

#define HEAP_PA (UINT64_C(1) << 32)
#define NWIDTHS (sizeof(pt_kind->widths) / sizeof(pt_kind->widths[0]))

/* Pages; blocks, too; all super pages, where that is more; groups, too, where there are any. */
static unsigned list_sets(uint64_t sets[4])
{
	uint64_t blocks = PAGE | BLOCK, all = PAGE | pt_kind->super_pages;
	unsigned n = 0;

	sets[n++] = PAGE;
	sets[n++] = blocks;
	if (all != blocks)
		sets[n++] = all;
	if (pt_kind->groups)
		sets[n++] = all | pt_kind->groups;
	return n;
}

unsigned pt_ncases(void)
{
	uint64_t sets[4];

	return NWIDTHS * list_sets(sets);
}

struct pt_case pt_case(unsigned i)
{
	uint64_t sets[4];
	unsigned n = list_sets(sets);

	return (struct pt_case){ pt_kind->widths[i / n], sets[i % n] };
}

struct pt_case pt_pages(void)
{
	return pt_case(0);
}

struct pt_case pt_blocks(void)
{
	return pt_case(1);
}

struct pt_case pt_super_pages(void)
{
	return (struct pt_case){ pt_kind->widths[0], PAGE | pt_kind->super_pages };
}

struct pt_case pt_groups(void)
{
	return (struct pt_case){ pt_kind->widths[0], PAGE | pt_kind->super_pages | pt_kind->groups };
}

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
	size_t first = ((uintptr_t)va - f->pt.va_off - f->base_pa) / sizeof(uint64_t);
	const uint64_t *words = va;

	CU_ASSERT_FATAL(f->shadow != NULL && (uintptr_t)va % 8 == 0 && len % 8 == 0 && len > 0);
	for (size_t i = 0; i < len / sizeof(uint64_t); i++)
		copy_word(&f->shadow[first + i], &words[i]);
	__atomic_fetch_add(&f->writebacks, 1, __ATOMIC_RELAXED);
	if (f->on_writeback)
		f->on_writeback(f, va, len);
}

static void root_init(struct fixture *f, struct piommu_pt_config *config)
{
	size_t len = pt_kind->root_len(config->iova_bits);

	if (len <= PAGE)
		return;
	if (piommu_env_mem_alloc(f->mem, len, len, -1, &f->root))
		abort();
	memset(f->root.va, 0xff, len);
	config->root = f->root.va;
}

void fixture_init_at(struct fixture *f, struct pt_case c, size_t heap, bool noncoherent, uint64_t base_pa, unsigned pa_bits)
{
	struct piommu_pool_source source = {
		.alloc = source_alloc,
		.free = source_free,
		.ctx = f,
		.node = -1,
		.page_size = PAGE,
	};
	struct piommu_pt_config config = {
		.iova_bits = c.iova_bits,
		.leaf_sizes = c.leaf_sizes,
		.pa_bits = pa_bits,
		.writeback = noncoherent ? writeback : NULL,
		.writeback_ctx = f,
	};

	*f = (struct fixture){ .top = UINT64_C(1) << c.iova_bits, .base_pa = base_pa };
	f->heap = (heap << (pt_kind->page_lg2 - 12)) + (pt_kind->root_len(c.iova_bits) > PAGE ? 2 * MIB : 0);
	if (piommu_env_heap_create(f->heap, base_pa, &f->mem))
		abort();
	source.va_off = piommu_env_mem_va_off(f->mem);
	f->pt.va_off = source.va_off; /* init writes the root back */
	if (noncoherent) {
		f->shadow = malloc(f->heap);
		for (size_t i = 0; f->shadow && i < f->heap / sizeof(uint64_t); i++)
			f->shadow[i] = UINT64_C(0x5555555555555555); /* what memory held before */
	}
	if (piommu_pool_create(&source, &f->pool))
		abort();
	config.pool = f->pool;
	root_init(f, &config);
	CHECK_EQ(pt_kind->init(&f->pt, &config), 0);
	piommu_gather_init(&f->gather);
}

void fixture_init(struct fixture *f, struct pt_case c, size_t heap, bool noncoherent)
{
	fixture_init_at(f, c, heap, noncoherent, HEAP_PA, PT_PA_BITS);
}

void fixture_fini(struct fixture *f)
{
	pt_kind->fini(&f->pt);
	CHECK_EQ(piommu_pool_destroy(f->pool), 0);
	if (f->root.va)
		piommu_env_mem_free(f->mem, &f->root);
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
	err = pt_kind->map(&f->pt, iova, pa, len, prot, &f->gather);
	fixture_retire(f);
	return err;
}

int fixture_unmap(struct fixture *f, uint64_t iova, size_t len, size_t *unmapped)
{
	int err;

	piommu_gather_init(&f->gather);
	err = pt_kind->unmap(&f->pt, iova, len, &f->gather, unmapped);
	fixture_retire(f);
	return err;
}

int fixture_map_run(struct fixture *f, uint64_t iova, uint64_t pa, size_t len, unsigned prot)
{
	int err = pt_kind->map_run(&f->pt, iova, pa, len, prot);

	piommu_gather_init(&f->gather);
	return err == -EAGAIN ? fixture_map(f, iova, pa, len, prot) : err;
}

int fixture_unmap_run(struct fixture *f, uint64_t iova, size_t len, size_t *unmapped)
{
	int err;

	piommu_gather_init(&f->gather);
	err = pt_kind->unmap_run(&f->pt, iova, len, &f->gather, unmapped);
	fixture_retire(f);
	return err;
}

int fixture_unmap_page(struct fixture *f, uint64_t iova, size_t *unmapped)
{
	piommu_gather_init(&f->gather);
	return pt_kind->unmap_page(&f->pt, iova, &f->gather, unmapped);
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

uint64_t fixture_best(const struct fixture *f, uint64_t at, uint64_t iova, uint64_t pa, size_t len)
{
	for (uint64_t sizes = f->pt.leaf_sizes; sizes;) {
		uint64_t size = UINT64_C(1) << (63 - __builtin_clzll(sizes)), start = at & ~(size - 1);

		if (start >= iova && start - iova <= len && len - (start - iova) >= size &&
		    !((pa + (start - iova)) & (size - 1)))
			return size;
		sizes ^= size;
	}
	return 0;
}

static uint64_t memory_at(const void *ctx, uint64_t pa)
{
	const struct fixture *f = ctx;

	return __atomic_load_n((const uint64_t *)(uintptr_t)(pa + f->pt.va_off), __ATOMIC_ACQUIRE);
}

static uint64_t shadow_at(const void *ctx, uint64_t pa)
{
	const struct fixture *f = ctx;

	return __atomic_load_n(&f->shadow[(pa - f->base_pa) / sizeof(uint64_t)], __ATOMIC_ACQUIRE);
}

static struct pt_memory memory_of(const struct fixture *f, bool written_back)
{
	return (struct pt_memory){ pt_kind, f->pt.root_pa, f->pt.iova_bits, written_back ? shadow_at : memory_at, f };
}

uint64_t fixture_entry(const struct fixture *f, uint64_t iova, unsigned *level, bool written_back)
{
	struct pt_memory memory = memory_of(f, written_back);

	return pt_memory_entry(&memory, iova, level);
}

bool fixture_translate(const struct fixture *f, uint64_t iova, uint64_t *pa, bool written_back)
{
	struct pt_memory memory = memory_of(f, written_back);

	return pt_memory_translate(&memory, iova, pa);
}

size_t fixture_tables(const struct fixture *f)
{
	return piommu_pool_used(f->pool) - (f->root.va ? 0 : 1);
}
