/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_qtest vtd|smmuv3: the qtest platform by itself. The machine is there, its firmware's tables are read, its devices do DMA,
 * and QEMU's unit translates what tables written by hand say. No driver of ours is involved.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test_qtest.h"

const struct piommu_sbdf edu_plain = { .bus = 0, .devfn = 2 << 3 };
const struct piommu_sbdf edu_behind_bridge = { .bus = 1, .devfn = 1 << 3 };
const struct piommu_sbdf edu_behind_port = { .bus = 2, .devfn = 0 };

/* What a machine of each family has that the other has not. CUnit's tests take no arguments: `kind` is the one of this run. */
struct kind {
	const char *name;
	enum piommu_family family;
	uint64_t unit_base, unit_len;
	uint32_t first_register;
	const char *last_function; /* after those that both have; NULL: none */
};

static const struct kind kinds[] = {
	{ "vtd", PIOMMU_FAMILY_VTD, 0xfed90000, 0x1000, 0x10, "0000:00:1f.0" }, /* VER 1.0; the LPC bridge */
	/* IDR0: stage 1 and its AArch64 tables, coherent, 16-bit ASIDs, tables of streams in two levels; what else, versions differ in. */
	{ "smmuv3", PIOMMU_FAMILY_SMMUV3, 0x09050000, 0x20000, 0x0840101a, NULL },
};
static const struct kind *kind;

struct qtest *start(const struct qtest_options *options)
{
	struct qtest *qt = NULL;

	CU_ASSERT_EQUAL_FATAL(qtest_open(options, &qt), 0);
	return qt;
}

struct piommu_mem pages(struct qtest *qt, unsigned n)
{
	struct piommu_platform *plat = qtest_platform(qt);
	struct piommu_mem mem = { 0 };

	CU_ASSERT_EQUAL_FATAL(plat->ops->mem_alloc(plat, n * PIOMMU_PAGE_SIZE, is_pow2(n) ? n * PIOMMU_PAGE_SIZE : 0, -1, &mem),
			      0);
	return mem;
}

static void finds_every_function(void)
{
	static const char *const want[] = { "0000:00:00.0", "0000:00:02.0", "0000:00:03.0", "0000:00:04.0", "0000:00:05.0",
					    "0000:01:01.0", "0000:01:02.0", "0000:00:06.0", "0000:02:00.0" };
	const size_t nwant = sizeof(want) / sizeof(want[0]);
	struct qtest *qt = start(&(struct qtest_options){ .family = kind->family });
	struct piommu_platform *plat = qtest_platform(qt);
	struct piommu_pci_function *fns;
	size_t n;

	CU_ASSERT_EQUAL_FATAL(plat->ops->pci_functions(plat, &fns, &n), 0);
	CU_ASSERT_EQUAL_FATAL(n, nwant + !!kind->last_function);
	for (size_t i = 0; i < n; i++) {
		char text[PIOMMU_SBDF_STRLEN];

		CU_ASSERT_STRING_EQUAL(piommu_sbdf_format(fns[i].sbdf, text), i < nwant ? want[i] : kind->last_function);
	}
	CHECK_EQ(fns[4].pcie_type, PIOMMU_PCIE_PCI_BRIDGE);
	CHECK_EQ(fns[4].secondary, 1);
	CHECK_EQ(fns[5].pcie_type, PIOMMU_PCIE_NONE);
	CHECK_EQ(fns[7].pcie_type, PIOMMU_PCIE_ROOT_PORT);
	CHECK_EQ(fns[7].acs, PIOMMU_PRESENT);
	free(fns);
	qtest_close(qt);
}

static void dma_reaches_memory_when_nothing_translates(void)
{
	struct qtest *qt = start(&(struct qtest_options){ .family = kind->family });
	struct piommu_mem a = pages(qt, 1), b = pages(qt, 1);

	for (unsigned i = 0; i < 64; i++)
		((char *)a.va)[i] = (char)(i + 1);
	CHECK_EQ(qtest_edu_dma(qt, edu_behind_bridge, a.pa, 0, 64, false), 0);
	CHECK_EQ(qtest_edu_dma(qt, edu_behind_bridge, b.pa + 8, 0, 64, true), 0);
	CHECK_EQ(memcmp(a.va, (char *)b.va + 8, 64), 0);
	CU_ASSERT_FALSE(qtest_blocked(qt));
	CHECK_EQ(qtest_edu_dma(qt, edu_plain, a.pa, 4090, 64, false), -EINVAL);
	CHECK_EQ(qtest_edu_dma(qt, (struct piommu_sbdf){ .bus = 9 }, a.pa, 0, 64, false), -ENOENT);
	qtest_close(qt);
}

static void memory_is_where_the_platform_says(void)
{
	struct qtest *qt = start(&(struct qtest_options){ .family = kind->family });
	struct piommu_platform *plat = qtest_platform(qt);
	struct piommu_mem first = pages(qt, 1), second = pages(qt, 16);
	struct piommu_span *spans;
	size_t n;

	CHECK_HEX(second.pa & 0xffff, 0);
	CHECK_HEX((uintptr_t)second.va - second.pa, plat->va_off);
	CU_ASSERT_PTR_EQUAL(plat->ops->mem_at(plat, second.pa, second.len), second.va);
	CU_ASSERT_EQUAL_FATAL(plat->ops->phys_spans(plat, &spans, &n), 0);
	CHECK_EQ(n, 2);
	CU_ASSERT_TRUE(spans[0].start <= first.pa && second.pa + second.len - 1 <= spans[0].last);
	CU_ASSERT_PTR_NULL(plat->ops->mem_at(plat, spans[0].last, 2));
	CU_ASSERT_PTR_NULL(plat->ops->mem_at(plat, spans[0].start - 1, 1));
	plat->ops->mem_free(plat, &first);
	CHECK_HEX(pages(qt, 1).pa, spans[0].start + (16 << 20)); /* first fit */
	free(spans);
	qtest_close(qt);
}

static void window_is_exclusive_for_control(void)
{
	struct qtest *qt = start(&(struct qtest_options){ .family = kind->family });
	struct piommu_platform *plat = qtest_platform(qt);
	const struct piommu_fw_unit unit = { .name = "unit0", .base = kind->unit_base, .len = kind->unit_len };
	const struct piommu_fw_unit other = { .name = "unit1",
					      .base = kind->unit_base + kind->unit_len,
					      .len = kind->unit_len };
	struct piommu_window first, second, look;

	CHECK_EQ(plat->ops->window_map(plat, &other, PIOMMU_WINDOW_CONTROL, &first), -ENOENT);
	CU_ASSERT_EQUAL_FATAL(plat->ops->window_map(plat, &unit, PIOMMU_WINDOW_CONTROL, &first), 0);
	CHECK_EQ(plat->ops->window_map(plat, &unit, PIOMMU_WINDOW_CONTROL, &second), -EBUSY);
	CHECK_EQ(plat->ops->window_map(plat, &unit, PIOMMU_WINDOW_INSPECT, &look), 0);
	CHECK_HEX(piommu_read32(&look, 0) & kind->first_register, kind->first_register);
	plat->ops->window_unmap(plat, &look);
	CHECK_EQ(plat->ops->window_map(plat, &unit, PIOMMU_WINDOW_CONTROL, &second), -EBUSY);
	plat->ops->window_unmap(plat, &first);
	CHECK_EQ(plat->ops->window_map(plat, &unit, PIOMMU_WINDOW_CONTROL, &second), 0);
	qtest_close(qt);
}

/* A test that goes on without its machine would pass for the wrong reason. */
static void death_of_qemu_ends_the_test_with_failure(void)
{
	char text[256] = "";
	int out[2], status = 0;
	pid_t pid;

	CU_ASSERT_EQUAL_FATAL(pipe(out), 0);
	pid = fork();
	if (pid == 0) {
		struct qtest *qt;

		dup2(out[1], 2);
		setenv("PIOMMU_QEMU", "/bin/false", 1);
		setenv("PIOMMU_QEMU_ARM", "/bin/false", 1);
		_exit(qtest_open(&(struct qtest_options){ .family = kind->family }, &qt) ? 2 : 0);
	}
	close(out[1]);
	CU_ASSERT_TRUE(read(out[0], text, sizeof(text) - 1) > 0);
	CHECK_HAS(text, "QEMU is lost");
	CU_ASSERT_EQUAL_FATAL(waitpid(pid, &status, 0), pid);
	CU_ASSERT_TRUE(WIFEXITED(status));
	CHECK_EQ(WEXITSTATUS(status), 1);
	close(out[0]);
}

static const struct suite_test common_tests[] = {
	SUITE_TEST(finds_every_function),
	SUITE_TEST(dma_reaches_memory_when_nothing_translates),
	SUITE_TEST(memory_is_where_the_platform_says),
	SUITE_TEST(window_is_exclusive_for_control),
	SUITE_TEST(death_of_qemu_ends_the_test_with_failure),
};

#define NCOMMON (sizeof(common_tests) / sizeof(common_tests[0]))

int main(int argc, char **argv)
{
	struct suite_test all[NCOMMON + 16];
	const struct suite_test *own;
	unsigned nown;

	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (argc > 1 && !strcmp(argv[1], kinds[i].name))
			kind = &kinds[i];
	if (!kind) {
		fprintf(stderr, "usage: %s vtd|smmuv3 [FILTER]\n", argv[0]);
		return 2;
	}
	if (qtest_absent(kind->family))
		suite_skip("%s", qtest_absent(kind->family));
	own = kind->family == PIOMMU_FAMILY_VTD ? vtd_tests : smmuv3_tests;
	nown = kind->family == PIOMMU_FAMILY_VTD ? vtd_ntests : smmuv3_ntests;
	if (nown > 16)
		return 2;
	memcpy(all, common_tests, sizeof(common_tests));
	memcpy(all + NCOMMON, own, nown * sizeof(*own));
	return suite_run(argc - 1, argv + 1, "qtest", all, (unsigned)NCOMMON + nown);
}
