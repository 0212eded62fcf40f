/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The qtest platform by itself: the machine is there, its tables read, and QEMU's VT-d model translates what tables written
 * here by hand say. No driver of ours is involved. VT-d specification 9.1 (root), 9.3 (context), 9.8 (second stage), 10.4.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "qtest.h"
#include "suite.h"

static const struct piommu_sbdf edu0 = { .bus = 0, .devfn = 2 << 3 };
static const struct piommu_sbdf edu_behind_bridge = { .bus = 1, .devfn = 1 << 3 };
static const struct piommu_sbdf edu_behind_port = { .bus = 2, .devfn = 0 };

static struct qtest *start(const struct qtest_options *options)
{
	struct qtest *qt = NULL;

	CU_ASSERT_EQUAL_FATAL(qtest_open(options, &qt), 0);
	return qt;
}

static struct piommu_mem page(struct qtest *qt)
{
	struct piommu_platform *plat = qtest_platform(qt);
	struct piommu_mem mem = { 0 };

	CU_ASSERT_EQUAL_FATAL(plat->ops->mem_alloc(plat, PIOMMU_PAGE_SIZE, 0, -1, &mem), 0);
	return mem;
}

static void finds_every_function(void)
{
	static const char *const want[] = { "0000:00:00.0", "0000:00:02.0", "0000:00:03.0", "0000:00:04.0", "0000:00:05.0",
					    "0000:01:01.0", "0000:01:02.0", "0000:00:06.0", "0000:02:00.0", "0000:00:1f.0" };
	struct qtest *qt = start(&(struct qtest_options){ 0 });
	struct piommu_platform *plat = qtest_platform(qt);
	struct piommu_pci_function *fns;
	size_t n;

	CU_ASSERT_EQUAL_FATAL(plat->ops->pci_functions(plat, &fns, &n), 0);
	CU_ASSERT_EQUAL_FATAL(n, sizeof(want) / sizeof(want[0]));
	for (size_t i = 0; i < n; i++) {
		char text[PIOMMU_SBDF_STRLEN];

		CU_ASSERT_STRING_EQUAL(piommu_sbdf_format(fns[i].sbdf, text), want[i]);
	}
	CHECK_EQ(fns[4].pcie_type, PIOMMU_PCIE_PCI_BRIDGE);
	CHECK_EQ(fns[4].secondary, 1);
	CHECK_EQ(fns[5].pcie_type, PIOMMU_PCIE_NONE);
	CHECK_EQ(fns[7].pcie_type, PIOMMU_PCIE_ROOT_PORT);
	CHECK_EQ(fns[7].acs, PIOMMU_PRESENT);
	free(fns);
	qtest_close(qt);
}

static void tables_describe_the_unit(void)
{
	struct qtest *qt = start(&(struct qtest_options){ .rmrr = true });
	struct piommu_platform *plat = qtest_platform(qt);
	struct piommu_fw fw = { 0 };
	struct piommu_fw_error err = { "" };
	const void *bytes;
	size_t len;

	CU_ASSERT_EQUAL_FATAL(plat->ops->fw_table(plat, "DMAR", 0, &bytes, &len), 0);
	CHECK_EQ(piommu_fw_parse_dmar(bytes, len, &fw, &err), 0);
	CU_ASSERT_STRING_EQUAL(err.text, "");
	CU_ASSERT_EQUAL_FATAL(fw.nunits, 1);
	CHECK_HEX(fw.units[0].base, 0xfed90000);
	CU_ASSERT_EQUAL_FATAL(fw.nreserved, 1);
	CHECK_HEX(fw.reserved[0].span.start, qtest_rmrr(qt).start);
	CHECK_HEX(fw.reserved[0].span.last, qtest_rmrr(qt).last);
	CHECK_EQ(plat->ops->fw_table(plat, "DMAR", 1, &bytes, &len), -ENOENT);
	CU_ASSERT_EQUAL_FATAL(plat->ops->fw_table(plat, "MCFG", 0, &bytes, &len), 0);
	CHECK_EQ(piommu_fw_parse_mcfg(bytes, len, &fw, &err), 0);
	CU_ASSERT_EQUAL_FATAL(fw.necam, 1);
	CHECK_HEX(fw.ecam[0].base, 0xb0000000);
	piommu_fw_free(&fw);
	qtest_close(qt);
}

static void options_show_in_the_capabilities(void)
{
	struct qtest *qt = start(&(struct qtest_options){ .aw_bits = 39, .no_intremap = true, .caching_mode = true });

	CHECK_HEX(qtest_vtd_read64(qt, 0x08), 0x00d2008c22260286); /* MGAW 38, SAGAW bit 1, CM */
	CHECK_EQ(qtest_vtd_read64(qt, 0x10) & 0x48, 0x40);         /* ECAP: pass-through, no IR */
	qtest_close(qt);
}

static void dma_reaches_memory_when_nothing_translates(void)
{
	struct qtest *qt = start(&(struct qtest_options){ 0 });
	struct piommu_mem a = page(qt), b = page(qt);

	for (unsigned i = 0; i < 64; i++)
		((char *)a.va)[i] = (char)(i + 1);
	CHECK_EQ(qtest_edu_dma(qt, edu_behind_bridge, a.pa, 0, 64, false), 0);
	CHECK_EQ(qtest_edu_dma(qt, edu_behind_bridge, b.pa + 8, 0, 64, true), 0);
	CHECK_EQ(memcmp(a.va, (char *)b.va + 8, 64), 0);
	CHECK_EQ(qtest_edu_dma(qt, edu0, a.pa, 4090, 64, false), -EINVAL);
	CHECK_EQ(qtest_edu_dma(qt, (struct piommu_sbdf){ .bus = 9 }, a.pa, 0, 64, false), -ENOENT);
	qtest_close(qt);
}

static void wait_for(struct qtest *qt, uint32_t bit)
{
	for (unsigned n = 0; n < 1000; n++)
		if (qtest_vtd_read32(qt, 0x1c) & bit)
			return;
	CU_FAIL_FATAL("a global command was never acknowledged");
}

/* One 4 KiB page at 0x5000 for every function of a bus; everything else of it, and other buses, blocked. */
static void translate_bus(struct qtest *qt, uint8_t bus, uint64_t pa, uint64_t prot)
{
	struct piommu_mem root = page(qt), context = page(qt), level[4];

	for (unsigned i = 0; i < 4; i++)
		level[i] = page(qt);
	for (unsigned i = 0; i < 3; i++)
		((uint64_t *)level[i].va)[0] = level[i + 1].pa | 3;
	((uint64_t *)level[3].va)[5] = pa | prot;
	((uint64_t *)root.va)[2 * bus] = context.pa | 1;
	for (unsigned devfn = 0; devfn < 256; devfn++) {
		((uint64_t *)context.va)[2 * devfn] = level[0].pa | 1;
		((uint64_t *)context.va)[2 * devfn + 1] = 2 | 7 << 8; /* 48 bits, domain 7 */
	}
	qtest_vtd_write64(qt, 0x20, root.pa);
	qtest_vtd_write32(qt, 0x18, BIT32(30));
	wait_for(qt, BIT32(30));
	qtest_vtd_write32(qt, 0x18, BIT32(31));
	wait_for(qt, BIT32(31));
}

static void vtd_translates_by_hand_written_tables(void)
{
	struct qtest *qt = start(&(struct qtest_options){ 0 });
	struct piommu_mem target = page(qt);

	memset(target.va, 0x5a, 16);
	translate_bus(qt, 2, target.pa, 3);
	CHECK_EQ(qtest_edu_dma(qt, edu_behind_port, 0x5000, 0, 16, false), 0);
	CHECK_EQ(qtest_edu_dma(qt, edu_behind_port, 0x5100, 0, 16, true), 0);
	CHECK_EQ(memcmp(target.va, (char *)target.va + 0x100, 16), 0);
	CHECK_EQ(qtest_vtd_read32(qt, 0x34) & 2, 0); /* FSTS.PPF */
	qtest_close(qt);
}

static void vtd_records_what_it_blocks(void)
{
	struct qtest *qt = start(&(struct qtest_options){ 0 });
	struct piommu_mem target = page(qt);
	uint64_t record;

	translate_bus(qt, 1, target.pa, 1); /* read only */
	CHECK_EQ(qtest_edu_dma(qt, edu_behind_bridge, 0x5000, 0, 4, true), 0);
	CHECK_EQ(qtest_vtd_read32(qt, 0x34) & 2, 2);
	CHECK_HEX(qtest_vtd_read64(qt, 0x220), 0x5000);
	record = qtest_vtd_read64(qt, 0x228);
	CHECK_EQ(record >> 62, 2);         /* F; a write */
	CHECK_EQ(record >> 32 & 0xff, 5);  /* no write permission */
	CHECK_HEX(record & 0xffff, 0x100); /* the bridge's id in place of 01:01.0 */
	qtest_close(qt);
}

static void window_is_exclusive_for_control(void)
{
	struct qtest *qt = start(&(struct qtest_options){ 0 });
	struct piommu_platform *plat = qtest_platform(qt);
	const struct piommu_fw_unit unit = { .name = "dmar0", .base = 0xfed90000, .len = 4096 };
	struct piommu_window first, second, look;

	CU_ASSERT_EQUAL_FATAL(plat->ops->window_map(plat, &unit, PIOMMU_WINDOW_CONTROL, &first), 0);
	CHECK_EQ(plat->ops->window_map(plat, &unit, PIOMMU_WINDOW_CONTROL, &second), -EBUSY);
	CHECK_EQ(plat->ops->window_map(plat, &unit, PIOMMU_WINDOW_INSPECT, &look), 0);
	CHECK_HEX(piommu_read32(&look, 0), 0x10);
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
		_exit(qtest_open(&(struct qtest_options){ 0 }, &qt) ? 2 : 0);
	}
	close(out[1]);
	CU_ASSERT_TRUE(read(out[0], text, sizeof(text) - 1) > 0);
	CHECK_HAS(text, "QEMU is lost");
	CU_ASSERT_EQUAL_FATAL(waitpid(pid, &status, 0), pid);
	CU_ASSERT_TRUE(WIFEXITED(status));
	CHECK_EQ(WEXITSTATUS(status), 1);
	close(out[0]);
}

static const struct suite_test tests[] = {
	SUITE_TEST(finds_every_function),
	SUITE_TEST(tables_describe_the_unit),
	SUITE_TEST(options_show_in_the_capabilities),
	SUITE_TEST(dma_reaches_memory_when_nothing_translates),
	SUITE_TEST(vtd_translates_by_hand_written_tables),
	SUITE_TEST(vtd_records_what_it_blocks),
	SUITE_TEST(window_is_exclusive_for_control),
	SUITE_TEST(death_of_qemu_ends_the_test_with_failure),
};

int main(int argc, char **argv)
{
	char path[512];

	if (qtest_find_qemu(path, sizeof(path)))
		suite_skip("no qemu-system-x86_64 here (Debian: qemu-system-x86)");
	return suite_run(argc, argv, "qtest", tests, sizeof(tests) / sizeof(tests[0]));
}
