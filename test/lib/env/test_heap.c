/* SPDX-License-Identifier: BSD-3-Clause */
/* The heap source of memory, and the clock and NUMA calls beside it. */
#include <errno.h>
#include <string.h>

#include "piommu_env.h"
#include "suite.h"

#define MIB ((size_t)1 << 20)
#define BASE_PA (UINT64_C(4) << 30)

static struct piommu_env_mem *heap(size_t size, uint64_t base_pa)
{
	struct piommu_env_mem *mem = NULL;

	CHECK_EQ(piommu_env_heap_create(size, base_pa, &mem), 0);
	return mem;
}

static bool is_zero(const void *va, size_t len)
{
	const char *bytes = va;

	return bytes[0] == 0 && memcmp(bytes, bytes + 1, len - 1) == 0;
}

static void sizes_and_bases_must_be_whole_chunks(void)
{
	struct piommu_env_mem *mem = NULL;

	CHECK_EQ(piommu_env_heap_create(0, 0, &mem), -EINVAL);
	CHECK_EQ(piommu_env_heap_create(MIB, 0, &mem), -EINVAL);
	CHECK_EQ(piommu_env_heap_create(2 * MIB, 4096, &mem), -EINVAL);
	CHECK_EQ(piommu_env_heap_create(4 * MIB, UINT64_MAX - 4 * MIB + 1, &mem), -EINVAL);
	CHECK_EQ(piommu_env_heap_create(SIZE_MAX & ~(2 * MIB - 1), 0, &mem), -EINVAL);
	CU_ASSERT_PTR_NULL(mem);
}

static void blocks_start_at_the_base_and_obey_va_off(void)
{
	struct piommu_env_mem *mem = heap(4 * MIB, BASE_PA);
	struct piommu_mem block;

	CHECK_EQ(piommu_env_mem_alloc(mem, 100, 1, -1, &block), 0);
	CHECK_HEX(block.pa, BASE_PA);
	CHECK_EQ(block.len, 4096);
	CHECK_HEX((uintptr_t)block.va, (uintptr_t)block.pa + piommu_env_mem_va_off(mem));
	CU_ASSERT(is_zero(block.va, block.len));
	piommu_env_mem_free(mem, &block);
	CU_ASSERT_PTR_NULL(block.va);
	piommu_env_mem_destroy(mem);
}

static void virtual_bus_addresses_are_pointers(void)
{
	struct piommu_env_mem *mem = heap(2 * MIB, UINT64_MAX);
	struct piommu_mem block;

	CHECK_HEX(piommu_env_mem_va_off(mem), 0);
	CHECK_EQ(piommu_env_mem_alloc(mem, 4096, 4096, 0, &block), 0);
	CHECK_HEX(block.pa, (uintptr_t)block.va);
	piommu_env_mem_free(mem, &block);
	piommu_env_mem_destroy(mem);
}

static void alignment_holds_on_the_bus_and_in_the_process(void)
{
	struct piommu_env_mem *mem = heap(8 * MIB, BASE_PA);
	struct piommu_mem small, large;

	CHECK_EQ(piommu_env_mem_alloc(mem, 4096, 4096, -1, &small), 0);
	CHECK_EQ(piommu_env_mem_alloc(mem, 3 * MIB, 2 * MIB, -1, &large), 0);
	CHECK_HEX(large.pa, BASE_PA + 2 * MIB);
	CHECK_HEX((uintptr_t)large.va % (2 * MIB), 0);
	CHECK_EQ(piommu_env_mem_alloc(mem, 4096, 3, -1, &small), -EINVAL);
	CHECK_EQ(piommu_env_mem_alloc(mem, 4096, 4 * MIB, -1, &small), -EINVAL);
	CHECK_EQ(piommu_env_mem_alloc(mem, 0, 4096, -1, &small), -EINVAL);
	CHECK_EQ(piommu_env_mem_alloc(mem, SIZE_MAX, 4096, -1, &small), -ENOMEM);
	piommu_env_mem_destroy(mem);
}

static void a_freed_block_is_found_again_and_zero(void)
{
	struct piommu_env_mem *mem = heap(2 * MIB, BASE_PA);
	struct piommu_mem first, second;
	uint64_t pa;

	CHECK_EQ(piommu_env_mem_alloc(mem, 8192, 4096, -1, &first), 0);
	CHECK_EQ(piommu_env_mem_alloc(mem, 4096, 4096, -1, &second), 0);
	memset(first.va, 0xa5, first.len);
	memset(second.va, 0x5a, second.len);
	pa = first.pa;
	piommu_env_mem_free(mem, &first);
	CHECK_EQ(piommu_env_mem_alloc(mem, 8192, 4096, -1, &first), 0);
	CHECK_HEX(first.pa, pa);
	CU_ASSERT(is_zero(first.va, first.len));
	CHECK_EQ(*(unsigned char *)second.va, 0x5a);
	piommu_env_mem_destroy(mem);
}

static void a_full_source_says_so_and_recovers(void)
{
	struct piommu_env_mem *mem = heap(2 * MIB, BASE_PA);
	struct piommu_mem page[512], more;

	for (unsigned i = 0; i < 512; i++)
		CHECK_EQ(piommu_env_mem_alloc(mem, 4096, 4096, -1, &page[i]), 0);
	CHECK_EQ(piommu_env_mem_alloc(mem, 4096, 4096, -1, &more), -ENOMEM);
	for (unsigned i = 0; i < 512; i += 2)
		piommu_env_mem_free(mem, &page[i]);
	CHECK_EQ(piommu_env_mem_alloc(mem, 8192, 4096, -1, &more), -ENOMEM); /* no two pages in a row */
	piommu_env_mem_free(mem, &page[101]);
	CHECK_EQ(piommu_env_mem_alloc(mem, 3 * 4096, 4096, -1, &more), 0);
	CHECK_HEX(more.pa, BASE_PA + UINT64_C(100) * 4096);
	piommu_env_mem_destroy(mem);
}

static void pointers_are_given_only_inside_the_source(void)
{
	struct piommu_env_mem *mem = heap(2 * MIB, BASE_PA);
	uintptr_t off = piommu_env_mem_va_off(mem);

	CHECK_HEX((uintptr_t)piommu_env_mem_at(mem, BASE_PA + 8, 8), (uintptr_t)BASE_PA + 8 + off);
	CU_ASSERT_PTR_NOT_NULL(piommu_env_mem_at(mem, BASE_PA, 2 * MIB));
	CU_ASSERT_PTR_NULL(piommu_env_mem_at(mem, BASE_PA, 2 * MIB + 1));
	CU_ASSERT_PTR_NULL(piommu_env_mem_at(mem, BASE_PA + 2 * MIB - 4, 8));
	CU_ASSERT_PTR_NULL(piommu_env_mem_at(mem, BASE_PA + 2 * MIB, 1));
	CU_ASSERT_PTR_NULL(piommu_env_mem_at(mem, BASE_PA - 1, 1));
	CU_ASSERT_PTR_NULL(piommu_env_mem_at(mem, BASE_PA, 0));
	CU_ASSERT_PTR_NULL(piommu_env_mem_at(mem, UINT64_MAX, SIZE_MAX));
	piommu_env_mem_destroy(mem);
}

static void destroying_nothing_is_fine(void)
{
	struct piommu_mem none = { 0 };

	piommu_env_mem_destroy(NULL);
	piommu_env_mem_free(NULL, &none);
}

static void the_clock_does_not_go_back(void)
{
	uint64_t before = piommu_env_now_ns();

	for (unsigned i = 0; i < 1000; i++) {
		uint64_t now = piommu_env_now_ns();

		CU_ASSERT(now >= before);
		before = now;
	}
}

static void the_thread_is_on_a_node_that_exists(void)
{
	int node = piommu_env_numa_node();

	CU_ASSERT(node >= 0);
	CU_ASSERT(node <= piommu_env_numa_max_node());
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(sizes_and_bases_must_be_whole_chunks),
		SUITE_TEST(blocks_start_at_the_base_and_obey_va_off),
		SUITE_TEST(virtual_bus_addresses_are_pointers),
		SUITE_TEST(alignment_holds_on_the_bus_and_in_the_process),
		SUITE_TEST(a_freed_block_is_found_again_and_zero),
		SUITE_TEST(a_full_source_says_so_and_recovers),
		SUITE_TEST(pointers_are_given_only_inside_the_source),
		SUITE_TEST(destroying_nothing_is_fine),
		SUITE_TEST(the_clock_does_not_go_back),
		SUITE_TEST(the_thread_is_on_a_node_that_exists),
	};

	return suite_run(argc, argv, "env_heap", tests, sizeof(tests) / sizeof(tests[0]));
}
