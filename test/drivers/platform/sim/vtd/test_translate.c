/* SPDX-License-Identifier: BSD-3-Clause */
/* The VT-d model's translation: pages, widths, permissions and each fault reason of legacy mode (specification 7.1.3). */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "rig.h"

/* A rig with device 00:03.0 on a 4-level table, domain 5, and one page at iova 0x5000. */
struct scene {
	struct rig rig;
	uint64_t table, page, leaf;
};

static void set(struct scene *s, const char *args)
{
	rig_open(&s->rig, args);
	s->table = rig_page(&s->rig);
	s->page = rig_page(&s->rig);
	s->leaf = rig_map(&s->rig, s->table, 0x5000, s->page, 3);
	rig_context(&s->rig, 0x18, s->table, 5);
	rig_enable(&s->rig);
}

/* Every test ends so: what it did on purpose was reported, and nothing else. */
static void strike(struct scene *s)
{
	CHECK_EQ(rig_counts(&s->rig).width_errors, 0);
	CHECK_EQ(rig_counts(&s->rig).misuse, 0);
	CHECK_EQ(rig_counts(&s->rig).stale_hits, 0);
	rig_close(&s->rig);
}

static void check_blocked(struct scene *s, uint64_t iova, unsigned reason)
{
	uint32_t value;

	CHECK_EQ(rig_read(&s->rig, DEV_03, iova, &value), -EFAULT);
	rig_check_fault(&s->rig, reason, 0x18, iova & ~UINT64_C(0xfff), true);
}

static void off_unit_lets_dma_through(void)
{
	struct rig rig;
	uint64_t page;
	uint32_t value = 0;

	rig_open(&rig, "vtd");
	page = rig_page(&rig);
	CHECK_EQ(rig_write(&rig, DEV_03, page + 8, 0xcafe), 0);
	CHECK_HEX(rig_get(&rig, page, 1), 0xcafe);
	CHECK_EQ(rig_read(&rig, DEV_03, page + 8, &value), 0);
	CHECK_HEX(value, 0xcafe);
	CHECK_EQ(rig_counts(&rig).dma_ok, 2);
	rig_close(&rig);
}

static void page_of_4k_translates_reads_and_writes(void)
{
	struct scene s;
	uint32_t value = 0;

	set(&s, "vtd");
	CHECK_EQ(rig_write(&s.rig, DEV_03, 0x5010, 0x1234), 0);
	CHECK_HEX(rig_get(&s.rig, s.page, 2), 0x1234);
	CHECK_EQ(rig_read(&s.rig, DEV_03, 0x5010, &value), 0);
	CHECK_HEX(value, 0x1234);
	strike(&s);
}

static void dma_across_pages_follows_each(void)
{
	struct scene s;
	uint8_t bytes[8192];
	uint64_t far_page;

	set(&s, "vtd");
	far_page = s.rig.mem.pa + (4u << 20);
	rig_map(&s.rig, s.table, 0x6000, far_page, 3);
	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 7);
	CHECK_EQ(piommu_sim_dma(s.rig.plat, DEV_03, 0x5000, bytes, sizeof(bytes), true), 0);
	CHECK_EQ(memcmp((void *)(uintptr_t)(far_page + s.rig.plat->va_off), bytes + 4096, 4096), 0);
	memset(bytes, 0, sizeof(bytes));
	CHECK_EQ(piommu_sim_dma(s.rig.plat, DEV_03, 0x5ffd, bytes, 6, false), 0);
	CHECK_EQ(bytes[3], (uint8_t)(4096 * 7));
	CHECK_EQ(piommu_sim_dma(s.rig.plat, DEV_03, 0x6ffc, bytes, 8, true), -EFAULT);
	rig_check_fault(&s.rig, 5, 0x18, 0x7000, false);
	strike(&s);
}

static void super_pages_translate(void)
{
	struct scene s;
	uint64_t level3, level2;

	set(&s, "vtd,mem=2g");
	level3 = rig_get(&s.rig, s.table, 0) & ~UINT64_C(0xfff);
	level2 = rig_get(&s.rig, level3, 0) & ~UINT64_C(0xfff);
	rig_put(&s.rig, level2, 3, (s.rig.mem.pa & ~UINT64_C(0x1fffff)) | 0x83); /* 2 MiB at 0x600000 */
	rig_put(&s.rig, level3, 2, (UINT64_C(4) << 30) | 0x83);                  /* 1 GiB at 0x80000000 */
	CHECK_EQ(rig_write(&s.rig, DEV_03, 0x600000 + (s.page & 0x1fffff), 1), 0);
	CHECK_EQ((uint32_t)rig_get(&s.rig, s.page, 0), 1);
	CHECK_EQ(rig_write(&s.rig, DEV_03, 0x80000000 + (s.page & 0x3fffffff), 2), 0);
	CHECK_EQ((uint32_t)rig_get(&s.rig, s.page, 0), 2);
	strike(&s);
}

static void super_pages_are_reserved_where_the_unit_has_none(void)
{
	struct scene s;
	uint64_t level3, level2;

	set(&s, "vtd,pages=4k");
	level3 = rig_get(&s.rig, s.table, 0) & ~UINT64_C(0xfff);
	level2 = rig_get(&s.rig, level3, 0) & ~UINT64_C(0xfff);
	rig_put(&s.rig, level2, 3, (s.rig.mem.pa & ~UINT64_C(0x1fffff)) | 0x83);
	check_blocked(&s, 0x600000, 0xc);
	CHECK_EQ(rig_counts(&s.rig).reserved_errors, 1);
	CHECK_HAS(rig_complaint(&s.rig), "page-table entry");
	strike(&s);
}

static void width_decides_the_number_of_levels(void)
{
	static const struct {
		const char *args;
		unsigned aw, levels;
	} widths[] = { { "vtd,aw=39", 1, 3 }, { "vtd,aw=48", 2, 4 }, { "vtd,aw=57", 3, 5 } };

	for (unsigned i = 0; i < 3; i++) {
		struct scene s;
		uint64_t table, top, iova;

		set(&s, widths[i].args);
		top = table = rig_page(&s.rig);
		iova = (UINT64_C(1) << (12 + 9 * widths[i].levels)) - 4096;
		for (unsigned level = widths[i].levels; level > 1; level--) {
			uint64_t next = rig_page(&s.rig);

			rig_put(&s.rig, table, 0x1ff, next | 3);
			table = next;
		}
		rig_put(&s.rig, table, 0x1ff, s.page | 3);
		rig_put(&s.rig, s.rig.ctx, 2 * 0x20 + 1, widths[i].aw | 6 << 8);
		rig_put(&s.rig, s.rig.ctx, 2 * 0x20, top | 1);
		CHECK_EQ(rig_write(&s.rig, DEV_04, iova + 4, 0x77), 0);
		CHECK_HEX(rig_get(&s.rig, s.page, 0) >> 32, 0x77);
		CHECK_EQ(rig_write(&s.rig, DEV_04, iova + 4096, 1), -EFAULT);
		rig_check_fault(&s.rig, 4, 0x20, iova + 4096, false);
		strike(&s);
	}
}

static void root_not_present_is_reason_1(void)
{
	struct scene s;

	set(&s, "vtd");
	rig_put(&s.rig, s.rig.root, 0, 0);
	check_blocked(&s, 0x5000, 1);
	strike(&s);
}

static void context_not_present_is_reason_2(void)
{
	struct scene s;
	uint32_t value;

	set(&s, "vtd");
	CHECK_EQ(rig_read(&s.rig, DEV_04, 0x5000, &value), -EFAULT);
	rig_check_fault(&s.rig, 2, 0x20, 0x5000, true);
	strike(&s);
}

/* Device TLB (TT 1) and reserved TT, a width that SAGAW lacks, a reserved width. */
static void context_that_asks_too_much_is_reason_3(void)
{
	static const uint64_t entries[][2] = { { 1 | 1 << 2, 2 }, { 1 | 3 << 2, 2 }, { 1, 3 }, { 1, 0 }, { 1, 5 } };

	for (unsigned i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
		struct scene s;

		set(&s, "vtd");
		rig_put(&s.rig, s.rig.ctx, 2 * 0x18, entries[i][0] | s.table);
		rig_put(&s.rig, s.rig.ctx, 2 * 0x18 + 1, entries[i][1] | 5 << 8);
		check_blocked(&s, 0x5000, 3);
		strike(&s);
	}
}

static void pass_through_needs_the_capability_and_the_widest_width(void)
{
	struct scene s;

	set(&s, "vtd,pt=0");
	rig_put(&s.rig, s.rig.ctx, 2 * 0x18, 1 | 2 << 2);
	check_blocked(&s, 0x5000, 3);
	strike(&s);

	set(&s, "vtd,pt=1");
	rig_put(&s.rig, s.rig.ctx, 2 * 0x18, 1 | 2 << 2);
	CHECK_EQ(rig_write(&s.rig, DEV_03, s.page, 0x99), 0);
	CHECK_HEX(rig_get(&s.rig, s.page, 0), 0x99);
	rig_put(&s.rig, s.rig.ctx, 2 * 0x20, 1 | 2 << 2);
	rig_put(&s.rig, s.rig.ctx, 2 * 0x20 + 1, 1 | 5 << 8);
	CHECK_EQ(rig_write(&s.rig, DEV_04, s.page, 1), -EFAULT);
	rig_check_fault(&s.rig, 3, 0x20, s.page, false);
	strike(&s);
}

static void permissions_are_reasons_5_and_6(void)
{
	struct scene s;
	uint32_t value;

	set(&s, "vtd");
	rig_map(&s.rig, s.table, 0x7000, s.page, 1);
	rig_map(&s.rig, s.table, 0x8000, s.page, 2);
	CHECK_EQ(rig_read(&s.rig, DEV_03, 0x7000, &value), 0);
	CHECK_EQ(rig_write(&s.rig, DEV_03, 0x7000, 1), -EFAULT);
	rig_check_fault(&s.rig, 5, 0x18, 0x7000, false);
	CHECK_EQ(rig_write(&s.rig, DEV_03, 0x8000, 1), 0);
	check_blocked(&s, 0x8000, 6);
	CHECK_EQ(rig_write(&s.rig, DEV_03, 0x9000, 1), -EFAULT);
	rig_check_fault(&s.rig, 5, 0x18, 0x9000, false);
	check_blocked(&s, UINT64_C(0x7fff00000000), 6);
	strike(&s);
}

static void permissions_of_upper_levels_count(void)
{
	struct scene s;
	uint64_t level3;

	set(&s, "vtd");
	level3 = rig_get(&s.rig, s.table, 0) & ~UINT64_C(0xfff);
	rig_put(&s.rig, level3, 0, (rig_get(&s.rig, level3, 0) & ~UINT64_C(3)) | 1);
	CHECK_EQ(rig_write(&s.rig, DEV_03, 0x5000, 1), -EFAULT);
	rig_check_fault(&s.rig, 5, 0x18, 0x5000, false);
	strike(&s);
}

/* Tables outside memory: 7 for page tables, 8 for the root table, 9 for a context table. */
static void tables_outside_memory_are_reasons_7_8_9(void)
{
	const uint64_t nowhere = UINT64_C(0x2000000000);
	struct scene s;

	set(&s, "vtd");
	rig_put(&s.rig, s.table, 0, nowhere | 3);
	check_blocked(&s, 0x5000, 7);
	strike(&s);

	set(&s, "vtd");
	rig_put(&s.rig, s.rig.root, 0, nowhere | 1);
	check_blocked(&s, 0x5000, 9);
	strike(&s);

	set(&s, "vtd");
	s.rig.root = nowhere;
	piommu_write32(&s.rig.regs, 0x18, 0);
	rig_enable(&s.rig);
	check_blocked(&s, 0x5000, 8);
	strike(&s);
}

static void reserved_bits_are_reasons_a_b_c(void)
{
	static const struct {
		char where; /* r, R: root, low and high; c, C: context; p: page table level 3; l: leaf */
		uint64_t bits;
		unsigned reason;
	} cases[] = {
		{ 'r', 0x2, 0xa },
		{ 'r', 0x800, 0xa },
		{ 'r', UINT64_C(1) << 46, 0xa },
		{ 'R', 1, 0xa },
		{ 'c', 0x10, 0xb },
		{ 'c', 0x800, 0xb },
		{ 'c', UINT64_C(1) << 63, 0xb },
		{ 'C', 0x80, 0xb },
		{ 'C', 0x1000000, 0xb },
		{ 'l', 0x800, 0xc },
		{ 'l', UINT64_C(1) << 46, 0xc },
		{ 'l', UINT64_C(1) << 62, 0xc },
		{ 'p', 0x800, 0xc },
		{ 'p', UINT64_C(1) << 51, 0xc },
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct scene s;
		uint64_t at;

		set(&s, "vtd");
		switch (cases[i].where) {
		case 'r':
		case 'R':
			at = s.rig.root + (cases[i].where == 'R' ? 8 : 0);
			break;
		case 'c':
		case 'C':
			at = s.rig.ctx + 16 * 0x18 + (cases[i].where == 'C' ? 8 : 0);
			break;
		case 'p':
			at = s.table;
			break;
		default:
			at = s.leaf;
			break;
		}
		rig_put(&s.rig, at, 0, rig_get(&s.rig, at, 0) | cases[i].bits);
		check_blocked(&s, 0x5000, cases[i].reason);
		CHECK_EQ(rig_counts(&s.rig).reserved_errors, 1);
		CHECK_HAS(rig_complaint(&s.rig), "reserved bits");
		strike(&s);
	}
}

static void software_bits_of_entries_are_free(void)
{
	struct scene s;

	set(&s, "vtd");
	rig_put(&s.rig, s.leaf, 0, rig_get(&s.rig, s.leaf, 0) | UINT64_C(0xbff00000000007fc));
	rig_put(&s.rig, s.rig.ctx, 2 * 0x18 + 1, 2 | 0x78 | 5 << 8);
	CHECK_EQ(rig_write(&s.rig, DEV_03, 0x5000, 1), 0);
	strike(&s);
}

static void fault_processing_can_be_disabled_for_a_device(void)
{
	struct scene s;
	uint32_t value;

	set(&s, "vtd");
	rig_put(&s.rig, s.rig.ctx, 2 * 0x18, s.table | 3);
	CHECK_EQ(rig_read(&s.rig, DEV_03, 0x100000, &value), -EFAULT);
	rig_put(&s.rig, s.rig.ctx, 2 * 0x20, 2); /* not present, FPD */
	CHECK_EQ(rig_read(&s.rig, DEV_04, 0x100000, &value), -EFAULT);
	CHECK_HEX(piommu_read32(&s.rig.regs, 0x34), 0);
	CHECK_EQ(rig_counts(&s.rig).faults, 0);
	CHECK_EQ(rig_counts(&s.rig).dma_blocked, 2);
	strike(&s);
}

static void requests_behind_a_pci_bridge_carry_its_id(void)
{
	const struct piommu_sbdf behind = { 0, 4, 0x10 }, beside = { 0, 4, 0x08 };
	struct scene s;
	uint64_t ctx4;

	set(&s, "vtd");
	CHECK_EQ(rig_write(&s.rig, behind, 0x5000, 1), -EFAULT);
	rig_check_fault(&s.rig, 1, 0x0400, 0x5000, false);
	CHECK_EQ(rig_write(&s.rig, beside, 0x5000, 1), -EFAULT);
	rig_check_fault(&s.rig, 1, 0x0400, 0x5000, false);
	ctx4 = rig_page(&s.rig);
	rig_put(&s.rig, ctx4, 1, 2 | 5 << 8);
	rig_put(&s.rig, ctx4, 0, s.table | 1);
	rig_put(&s.rig, s.rig.root, 2 * 4, ctx4 | 1);
	CHECK_EQ(rig_write(&s.rig, behind, 0x5000, 0x4242), 0);
	CHECK_HEX(rig_get(&s.rig, s.page, 0), 0x4242);
	strike(&s);
}

static void dma_without_memory_or_device_is_an_error(void)
{
	struct scene s;
	uint32_t value;

	set(&s, "vtd");
	rig_map(&s.rig, s.table, 0xa000, UINT64_C(0x2000000000), 3);
	CHECK_EQ(rig_read(&s.rig, DEV_03, 0xa000, &value), -EIO);
	CHECK_EQ(rig_write(&s.rig, DEV_03, 0xfee00000, 0), -EIO);
	CHECK_EQ(rig_read(&s.rig, (struct piommu_sbdf){ 0, 0, 0x48 }, 0x5000, &value), -ENOENT);
	CHECK_EQ(piommu_sim_dma(s.rig.plat, DEV_03, UINT64_MAX - 2, &value, 4, false), -EINVAL);
	CHECK_EQ(rig_counts(&s.rig).dma_ok, 0);
	strike(&s);
}

/* Memory that is not the arena's is reached through this call, which some emulators of user programs do not have. */
static bool syscall_missing(void)
{
	char from = 1, to = 0;
	struct iovec local = { &to, 1 }, remote = { &from, 1 };
	bool missing = process_vm_readv(getpid(), &local, 1, &remote, 1, 0) != 1;

	if (missing)
		printf("skipped: no process_vm_readv() here\n");
	return missing;
}

static void virtual_addresses_serve_as_bus_addresses(void)
{
	struct scene s;
	uint32_t outside = 0x55aa;
	uint32_t value = 0;
	uint64_t there;

	if (syscall_missing())
		return;
	set(&s, "vtd,pa=va");
	CHECK_HEX(s.rig.plat->va_off, 0);
	CHECK_EQ(rig_write(&s.rig, DEV_03, 0x5000, 0x31), 0);
	CHECK_HEX(rig_get(&s.rig, s.page, 0), 0x31);
	there = (uintptr_t)&outside;
	rig_map(&s.rig, s.table, 0xb000, there & ~UINT64_C(0xfff), 3);
	CHECK_EQ(rig_read(&s.rig, DEV_03, 0xb000 + (there & 0xfff), &value), 0);
	CHECK_HEX(value, 0x55aa);
	rig_map(&s.rig, s.table, 0xc000, 0x1000, 3); /* page 1 is never mapped */
	CHECK_EQ(rig_read(&s.rig, DEV_03, 0xc000, &value), -EIO);
	strike(&s);
}

static const struct suite_test tests[] = {
	SUITE_TEST(off_unit_lets_dma_through),
	SUITE_TEST(page_of_4k_translates_reads_and_writes),
	SUITE_TEST(dma_across_pages_follows_each),
	SUITE_TEST(super_pages_translate),
	SUITE_TEST(super_pages_are_reserved_where_the_unit_has_none),
	SUITE_TEST(width_decides_the_number_of_levels),
	SUITE_TEST(root_not_present_is_reason_1),
	SUITE_TEST(context_not_present_is_reason_2),
	SUITE_TEST(context_that_asks_too_much_is_reason_3),
	SUITE_TEST(pass_through_needs_the_capability_and_the_widest_width),
	SUITE_TEST(permissions_are_reasons_5_and_6),
	SUITE_TEST(permissions_of_upper_levels_count),
	SUITE_TEST(tables_outside_memory_are_reasons_7_8_9),
	SUITE_TEST(reserved_bits_are_reasons_a_b_c),
	SUITE_TEST(software_bits_of_entries_are_free),
	SUITE_TEST(fault_processing_can_be_disabled_for_a_device),
	SUITE_TEST(requests_behind_a_pci_bridge_carry_its_id),
	SUITE_TEST(dma_without_memory_or_device_is_an_error),
	SUITE_TEST(virtual_addresses_serve_as_bus_addresses),
};

int main(int argc, char **argv)
{
	return suite_run(argc, argv, "sim_vtd_translate", tests, sizeof(tests) / sizeof(tests[0]));
}
