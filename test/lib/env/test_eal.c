/* SPDX-License-Identifier: BSD-3-Clause */
/* Hugepages through EAL: the whole source where there are hugepages and rights, the refusals where there are not. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "machine.h"
#include "piommu_env.h"
#include "suite.h"

#define MIB ((size_t)1 << 20)

static char logged[600];

static void keep_line(void *ctx, enum piommu_log_level level, const char *line)
{
	(void)ctx;
	(void)level;
	snprintf(logged, sizeof(logged), "%s", line);
}

static const struct piommu_log log_to_test = { keep_line, NULL, PIOMMU_LOG_DEBUG };

static struct piommu_env_mem *create(void)
{
	struct piommu_env_eal_opts opts = { .reserve_mb = 16, .log = &log_to_test };
	struct piommu_env_mem *mem = NULL;

	CHECK_EQ(piommu_env_eal_create(&opts, &mem), 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(mem);
	return mem;
}

static void no_hugepages_are_refused_with_the_remedy(void)
{
	struct piommu_env_eal_opts opts = { .log = &log_to_test };
	struct piommu_env_mem *mem = NULL;

	CHECK_EQ(piommu_env_eal_create(&opts, &mem), -ENOMEM);
	CU_ASSERT_PTR_NULL(mem);
	CHECK_HAS(logged, "no free hugepages");
	CHECK_HAS(logged, "nr_hugepages");
}

static void no_rights_are_refused_with_the_remedy(void)
{
	struct piommu_env_eal_opts opts = { .log = &log_to_test };
	struct piommu_env_mem *mem = NULL;

	CHECK_EQ(piommu_env_eal_create(&opts, &mem), -EPERM);
	CU_ASSERT_PTR_NULL(mem);
	CHECK_HAS(logged, "CAP_SYS_ADMIN");
}

static uint64_t pfn_of(const void *va)
{
	FILE *file = fopen("/proc/self/pagemap", "r");
	uint64_t entry = 0;

	fseek(file, (long)((uintptr_t)va / 4096 * 8), SEEK_SET);
	CHECK_EQ(fread(&entry, sizeof(entry), 1, file), 1);
	fclose(file);
	return entry & ((UINT64_C(1) << 55) - 1);
}

/* Whether the kernel agrees on every page of a block. */
static void check_block(struct piommu_env_mem *mem, const struct piommu_mem *block)
{
	for (size_t off = 0; off < block->len; off += 4096) {
		char *va = (char *)block->va + off;

		CHECK_HEX((uintptr_t)va, (uintptr_t)(block->pa + off) + piommu_env_mem_va_off(mem));
		CHECK_EQ(*va, 0);
		*va = 1;
		CHECK_HEX(pfn_of(va), (block->pa + off) / 4096);
	}
	CU_ASSERT_PTR_EQUAL(piommu_env_mem_at(mem, block->pa, block->len), block->va);
}

static void blocks_lie_where_the_kernel_says(void)
{
	struct piommu_env_mem *mem = create();
	struct piommu_mem block[3];

	CHECK_EQ(piommu_env_mem_alloc(mem, 4096, 4096, -1, &block[0]), 0);
	CHECK_EQ(piommu_env_mem_alloc(mem, 2 * MIB, 2 * MIB, -1, &block[1]), 0);
	CHECK_EQ(piommu_env_mem_alloc(mem, 64 * 1024, 64 * 1024, -1, &block[2]), 0);
	CHECK_EQ(block[1].pa % (2 * MIB), 0);
	CHECK_EQ(block[2].pa % (64 * 1024), 0);
	for (unsigned i = 0; i < 3; i++)
		check_block(mem, &block[i]);
	for (unsigned i = 0; i < 3; i++)
		piommu_env_mem_free(mem, &block[i]);
	/* What was written is gone. */
	CHECK_EQ(piommu_env_mem_alloc(mem, 2 * MIB, 2 * MIB, -1, &block[1]), 0);
	check_block(mem, &block[1]);
	piommu_env_mem_destroy(mem);
}

static void memory_that_is_not_ours_has_no_pointer(void)
{
	struct piommu_env_mem *mem = create();

	CU_ASSERT_PTR_NULL(piommu_env_mem_at(mem, 0, 1));
	CU_ASSERT_PTR_NULL(piommu_env_mem_at(mem, env_ram_end(), 4096));
	CU_ASSERT_PTR_NULL(piommu_env_mem_at(mem, UINT64_MAX, 8));
	piommu_env_mem_destroy(mem);
}

static void it_grows_until_hugepages_run_out(void)
{
	static struct piommu_mem block[4096];
	struct piommu_env_mem *mem = create();
	unsigned n = 0;

	while (n < 4096 && !piommu_env_mem_alloc(mem, 2 * MIB, 2 * MIB, -1, &block[n]))
		n++;
	CU_ASSERT(n > 8);
	for (unsigned i = 0; i < n; i++)
		CHECK_EQ(pfn_of(block[i].va), block[i].pa / 4096);
	while (n--)
		piommu_env_mem_free(mem, &block[n]);
	CHECK_EQ(piommu_env_mem_alloc(mem, 2 * MIB, 2 * MIB, -1, &block[0]), 0);
	piommu_env_mem_destroy(mem);
}

static void a_second_source_uses_the_same_eal(void)
{
	struct piommu_env_mem *a = create();
	struct piommu_env_mem *b = create();
	struct piommu_mem from_a, from_b;

	CHECK_EQ(piommu_env_mem_alloc(a, 4096, 4096, -1, &from_a), 0);
	CHECK_EQ(piommu_env_mem_alloc(b, 4096, 4096, -1, &from_b), 0);
	CU_ASSERT(from_a.pa != from_b.pa);
	CU_ASSERT_PTR_NULL(piommu_env_mem_at(a, from_b.pa, 4096));
	piommu_env_mem_destroy(a);
	piommu_env_mem_destroy(b);
}

static void the_callers_affinity_is_left_alone(void)
{
	cpu_set_t before, after;

	sched_getaffinity(0, sizeof(before), &before);
	piommu_env_mem_destroy(create());
	sched_getaffinity(0, sizeof(after), &after);
	CU_ASSERT(CPU_EQUAL(&before, &after));
}

int main(int argc, char **argv)
{
	static const struct suite_test none[] = { SUITE_TEST(no_hugepages_are_refused_with_the_remedy) };
	static const struct suite_test no_rights[] = { SUITE_TEST(no_rights_are_refused_with_the_remedy) };
	static const struct suite_test whole[] = {
		SUITE_TEST(the_callers_affinity_is_left_alone),     SUITE_TEST(blocks_lie_where_the_kernel_says),
		SUITE_TEST(memory_that_is_not_ours_has_no_pointer), SUITE_TEST(a_second_source_uses_the_same_eal),
		SUITE_TEST(it_grows_until_hugepages_run_out),
	};

	if (!env_hugepages_free())
		return suite_run(argc, argv, "env_eal (no hugepages here)", none, 1);
	if (!env_sees_physical())
		return suite_run(argc, argv, "env_eal (no rights here)", no_rights, 1);
	return suite_run(argc, argv, "env_eal", whole, sizeof(whole) / sizeof(whole[0]));
}
