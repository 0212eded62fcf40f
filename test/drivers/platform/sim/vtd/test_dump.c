/* SPDX-License-Identifier: BSD-3-Clause */
/* The machine's state as text: what makes a difference is in it, and what makes none is not. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rig.h"

static char *dump(struct rig *rig)
{
	char *text = NULL;

	CHECK_EQ(piommu_sim_dump(rig->plat, &text), 0);
	return text;
}

/* Whether the dump is still (no longer) `before`, which becomes the new one. */
static bool changed(struct rig *rig, char **before)
{
	char *now = dump(rig);
	bool differs = strcmp(now, *before);

	free(*before);
	*before = now;
	return differs;
}

/* Device 03 on a table with a page at 0x5000, everything else absent; translation on. */
static uint64_t set(struct rig *rig, const char *args)
{
	uint64_t table;

	rig_open(rig, args);
	table = rig_page(rig);
	rig_map(rig, table, 0x5000, rig->mem.pa + 0x100000, 3);
	rig_context(rig, 0x18, table, 5);
	rig_enable(rig);
	return table;
}

static void unit_that_is_off_has_its_reset_values(void)
{
	struct rig rig;
	char *text;

	rig_open(&rig, "vtd,plmr=1,mem=16m");
	text = dump(&rig);
	CHECK_EQ(strcmp(text, "unit 0, driven\n"
			      "  GSTS 0x0\n"
			      "  FECTL 0x80000000\n  FEDATA 0x0\n  FEADDR 0x0\n  FEUADDR 0x0\n"
			      "  ICS 0x0\n  IECTL 0x80000000\n  IEDATA 0x0\n  IEADDR 0x0\n  IEUADDR 0x0\n"
			      "  IRTA 0x0\n"
			      "  PMEN 0x80000001\n  PLMBASE 0x7b000000\n  PLMLIMIT 0x7be00000\n"
			      "  PHMBASE 0x100000000\n  PHMLIMIT 0x100e00000\n"
			      "  FSTS 0x0\n"),
		 0);
	free(text);
	rig.plat->ops->window_unmap(rig.plat, &rig.regs);
	text = dump(&rig);
	CHECK_HAS(text, "unit 0, free\n");
	free(text);
	rig_close(&rig);
}

static void unit_that_was_switched_off_is_as_before(void)
{
	struct rig rig;
	char *before;

	rig_open(&rig, "vtd");
	before = dump(&rig);
	rig_enable(&rig);
	CHECK_EQ(changed(&rig, &before), true);
	piommu_write32(&rig.regs, 0x18, 0);
	CHECK_HEX(piommu_read32(&rig.regs, 0x1c), 0x40000000);
	CHECK_EQ(changed(&rig, &before), true);
	CHECK_HAS(before, "  GSTS 0x0\n");
	rig_enable(&rig);
	CHECK_EQ(changed(&rig, &before), true);
	free(before);
	rig_close(&rig);
}

static void sources_are_listed_in_runs(void)
{
	struct rig rig;
	char *text;

	set(&rig, "vtd,qi=0,ir=0");
	rig_put(&rig, rig.ctx, 2 * 0xff + 1, 2 | 7 << 8);
	rig_put(&rig, rig.ctx, 2 * 0xff, 1 | 2 << 2); /* the last of bus 0 and all of bus 1 are on pass-through */
	rig_put(&rig, rig.root, 2, rig_page(&rig) | 1);
	for (unsigned devfn = 0; devfn < 256; devfn++) {
		rig_put(&rig, rig_get(&rig, rig.root, 2) & ~UINT64_C(1), 2 * devfn + 1, 2 | 7 << 8);
		rig_put(&rig, rig_get(&rig, rig.root, 2) & ~UINT64_C(1), 2 * devfn, 1 | 2 << 2);
	}
	rig_put(&rig, rig.root, 2 * 0xfe, rig.ctx | 2 | 1); /* a reserved bit */
	text = dump(&rig);
	CHECK_HAS(text, "  GSTS 0xc0000000\n"
			"  FECTL 0x80000000\n  FEDATA 0x0\n  FEADDR 0x0\n  FEUADDR 0x0\n"
			"  FSTS 0x0\n"
			"  00:00.0-00:02.7 absent\n"
			"  00:03.0 paging aw=2 did=5 ranges=1 bytes=0x1000 hash=");
	CHECK_HAS(text, "  00:03.1-00:1f.6 absent\n"
			"  00:1f.7-01:1f.7 pass-through aw=2 did=7\n"
			"  02:00.0-fd:1f.7 absent\n"
			"  fe:00.0-fe:1f.7 in error, reason 0xa, 0x0 0x0\n"
			"  ff:00.0-ff:1f.7 absent\n");
	CHECK_EQ(rig_counts(&rig).reserved_errors, 0);
	free(text);
	rig_close(&rig);
}

/* FNV-1a over {0x5000, 0x100100000, 0x1000, 3} in little-endian 64-bit words, computed apart from this program. */
static void hash_is_of_ranges(void)
{
	struct rig rig;
	char *text;

	set(&rig, "vtd");
	CHECK_HEX(rig.mem.pa, 0x100000000);
	text = dump(&rig);
	CHECK_HAS(text, "ranges=1 bytes=0x1000 hash=1701bf75beb8e187\n");
	free(text);
	rig_close(&rig);
}

static void place_of_tables_makes_no_difference(void)
{
	struct rig rig;
	uint64_t copy, table;
	char *before;

	set(&rig, "vtd");
	before = dump(&rig);
	table = rig_page(&rig);
	rig_map(&rig, table, 0x5000, rig.mem.pa + 0x100000, 3);
	rig_put(&rig, rig.ctx, 2 * 0x18, table | 1);
	CHECK_EQ(changed(&rig, &before), false);
	copy = rig_page(&rig);
	for (unsigned i = 0; i < 512; i++)
		rig_put(&rig, copy, i, rig_get(&rig, rig.ctx, i));
	rig_put(&rig, rig.root, 0, copy | 1);
	CHECK_EQ(changed(&rig, &before), false);
	rig_put(&rig, copy, 2 * 0x20 + 1, 2 | 9 << 8); /* an absent entry's other bits */
	rig_put(&rig, copy, 2 * 0x20, 0x1000);
	CHECK_EQ(changed(&rig, &before), false);
	free(before);
	rig_close(&rig);
}

/* Neighbours on equal tables are one run, wherever the tables are. */
static void equal_tables_are_one_run(void)
{
	struct rig rig;
	uint64_t table;
	char *text;

	set(&rig, "vtd");
	table = rig_page(&rig);
	rig_map(&rig, table, 0x5000, rig.mem.pa + 0x100000, 3);
	rig_context(&rig, 0x19, table, 5);
	table = rig_page(&rig);
	rig_map(&rig, table, 0x6000, rig.mem.pa + 0x100000, 3);
	rig_context(&rig, 0x1a, table, 5);
	text = dump(&rig);
	CHECK_HAS(text, "  00:03.0-00:03.1 paging aw=2 did=5 ranges=1 ");
	CHECK_HAS(text, "  00:03.2 paging aw=2 did=5 ranges=1 ");
	free(text);
	rig_close(&rig);
}

static void size_of_leaves_makes_no_difference(void)
{
	struct rig rig;
	uint64_t table, level3, level2;
	char *before;

	table = set(&rig, "vtd");
	for (uint64_t at = 0; at < 0x200000; at += 0x1000)
		rig_map(&rig, table, 0x200000 + at, 0x200000 + at, 1);
	before = dump(&rig);
	CHECK_HAS(before, "ranges=2 bytes=0x201000 ");
	level3 = rig_get(&rig, table, 0) & ~UINT64_C(0xfff);
	level2 = rig_get(&rig, level3, 0) & ~UINT64_C(0xfff);
	rig_put(&rig, level2, 1, 0x200000 | 0x81);
	CHECK_EQ(changed(&rig, &before), false);
	rig_put(&rig, level2, 1, 0x200000 | 0x83);
	CHECK_EQ(changed(&rig, &before), true);
	rig_put(&rig, level2, 1, 0x400000 | 0x83);
	CHECK_EQ(changed(&rig, &before), true);
	rig_put(&rig, level2, 1, 0);
	CHECK_EQ(changed(&rig, &before), true);
	CHECK_HAS(before, "ranges=1 bytes=0x1000 ");
	free(before);
	rig_close(&rig);
}

/* One table that leads back into itself, 4 levels deep: walked to its end, or to the limit. */
static void broken_tables_end(void)
{
	struct rig rig;
	uint64_t table;
	char *text;

	table = set(&rig, "vtd");
	rig_put(&rig, table, 1, BIT64(40) | 3); /* no memory there */
	rig_put(&rig, table, 2, rig.ctx | BIT64(11) | 3);
	text = dump(&rig);
	CHECK_HAS(text, "ranges=3 bytes=0x10000001000 ");
	free(text);
	for (unsigned i = 0; i < 512; i++)
		rig_put(&rig, table, i, table | 3);
	text = dump(&rig);
	CHECK_HAS(text, " (not all)\n");
	free(text);
	rig_close(&rig);
}

static void every_field_of_an_entry_makes_a_difference(void)
{
	struct rig rig;
	char *before;

	set(&rig, "vtd");
	before = dump(&rig);
	rig_put(&rig, rig.ctx, 2 * 0x18 + 1, 2 | 6 << 8);
	CHECK_EQ(changed(&rig, &before), true);
	rig_put(&rig, rig.ctx, 2 * 0x18 + 1, 1 | 6 << 8);
	CHECK_EQ(changed(&rig, &before), true);
	rig_put(&rig, rig.ctx, 2 * 0x18, rig_get(&rig, rig.ctx, 2 * 0x18) | 2);
	CHECK_EQ(changed(&rig, &before), true);
	rig_put(&rig, rig.ctx, 2 * 0x18, 2);
	CHECK_EQ(changed(&rig, &before), true);
	CHECK_HAS(before, "  00:03.0 absent fpd\n");
	rig_put(&rig, rig.ctx, 2 * 0x18, 0);
	CHECK_EQ(changed(&rig, &before), true);
	free(before);
	rig_close(&rig);
}

static void faults_and_complaints_stay_until_somebody_takes_them(void)
{
	struct rig rig;
	char *before;

	set(&rig, "vtd,nfr=4");
	CHECK_EQ(rig_write(&rig, DEV_04, 0x7123, 1), -EFAULT);
	before = dump(&rig);
	CHECK_HAS(before, "  FSTS 0x2\n  fault 00:04.0 write 0x7000 reason 0x2\n");
	CHECK_EQ(changed(&rig, &before), false);
	rig_check_fault(&rig, 2, 0x20, 0x7000, false);
	CHECK_EQ(changed(&rig, &before), true);
	piommu_write32(&rig.regs, 0x10c, 0);
	CHECK_EQ(changed(&rig, &before), true);
	CHECK_HAS(before, "  complaint: write32 at 0x10c: no register of this unit\n");
	CHECK_HAS(rig_complaint(&rig), "write32 at 0x10c");
	CHECK_EQ(changed(&rig, &before), true);
	free(before);
	rig_close(&rig);
}

/* The order in which the records were used is chance, too: the second of four holds the same fault as the first did. */
static void fault_record_makes_no_difference(void)
{
	struct rig rig;
	char *before;

	set(&rig, "vtd,nfr=4");
	CHECK_EQ(rig_write(&rig, DEV_04, 0x7000, 1), -EFAULT);
	before = dump(&rig);
	rig_check_fault(&rig, 2, 0x20, 0x7000, false);
	CHECK_EQ(rig_write(&rig, DEV_04, 0x7000, 1), -EFAULT);
	CHECK_EQ(changed(&rig, &before), false);
	free(before);
	rig_close(&rig);
}

static void progress_of_the_queue_makes_no_difference(void)
{
	struct rig rig;
	char *before;

	set(&rig, "vtd");
	before = dump(&rig);
	rig_queue_on(&rig);
	CHECK_EQ(changed(&rig, &before), true);
	CHECK_HAS(before, "  GSTS 0xc4000000\n  queue of 256, empty\n");
	CHECK_EQ(rig_wait(&rig, 1), true);
	CHECK_EQ(changed(&rig, &before), false);
	piommu_sim_set(rig.plat, 0, PIOMMU_SIM_QUEUE_STUCK, 1);
	CHECK_EQ(changed(&rig, &before), false);
	rig_submit(&rig, 1 | 1 << 4, 0);
	CHECK_EQ(changed(&rig, &before), true);
	CHECK_HAS(before, "  queue of 256, not empty\n");
	free(before);
	rig_close(&rig);
}

static void commands_under_way_are_named(void)
{
	struct rig rig;
	char *text;

	set(&rig, "vtd,qi=0");
	piommu_sim_set(rig.plat, 0, PIOMMU_SIM_HANDSHAKE_STUCK, 1);
	piommu_write32(&rig.regs, 0x18, 0);
	piommu_write64(&rig.regs, 0x28, UINT64_C(0xa000000000000000));
	text = dump(&rig);
	CHECK_HAS(text,
		  "  GSTS 0xc0000000\n  GCMD 0x80000000 is not acknowledged\n  an invalidation command is not acknowledged\n");
	free(text);
	rig_close(&rig);
}

/* Of two context entries that were used and then cleared, one was invalidated. */
static void context_entry_without_its_invalidation_is_named(void)
{
	struct rig rig;
	char *text;

	set(&rig, "vtd,qi=0,nfr=8");
	rig_context(&rig, 0x20, rig_get(&rig, rig.ctx, 2 * 0x18) & ~UINT64_C(1), 6);
	CHECK_EQ(rig_write(&rig, DEV_03, 0x5000, 1), 0);
	CHECK_EQ(rig_write(&rig, DEV_04, 0x5000, 1), 0);
	rig_put(&rig, rig.ctx, 2 * 0x18, 0);
	rig_put(&rig, rig.ctx, 2 * 0x20, 0);
	piommu_write64(&rig.regs, 0x28, UINT64_C(0xe000000000200006)); /* device-selective: 00:04.0, domain 6 */
	CHECK_HEX(piommu_read64(&rig.regs, 0x28) >> 63, 0);
	text = dump(&rig);
	CHECK_HAS(text, "  00:00.0-ff:1f.7 absent\n  stale context entry of 00:03.0\n");
	CHECK_EQ(strstr(text, "stale context entry of 00:04.0") == NULL, true);
	free(text);
	rig_close(&rig);
}

static void each_unit_has_its_part(void)
{
	struct rig rig;
	char *text;

	set(&rig, "vtd,units=2");
	text = dump(&rig);
	CHECK_HAS(text, "unit 0, driven\n  GSTS 0xc0000000\n");
	CHECK_HAS(text, "unit 1, free\n  GSTS 0x0\n");
	free(text);
	rig_close(&rig);
}

static void other_platforms_have_no_dump(void)
{
	struct piommu_platform other = { 0 };
	char *text;

	CHECK_EQ(piommu_sim_dump(&other, &text), -EINVAL);
}

static const struct suite_test tests[] = {
	SUITE_TEST(unit_that_is_off_has_its_reset_values),
	SUITE_TEST(unit_that_was_switched_off_is_as_before),
	SUITE_TEST(sources_are_listed_in_runs),
	SUITE_TEST(hash_is_of_ranges),
	SUITE_TEST(place_of_tables_makes_no_difference),
	SUITE_TEST(equal_tables_are_one_run),
	SUITE_TEST(size_of_leaves_makes_no_difference),
	SUITE_TEST(broken_tables_end),
	SUITE_TEST(every_field_of_an_entry_makes_a_difference),
	SUITE_TEST(faults_and_complaints_stay_until_somebody_takes_them),
	SUITE_TEST(fault_record_makes_no_difference),
	SUITE_TEST(progress_of_the_queue_makes_no_difference),
	SUITE_TEST(commands_under_way_are_named),
	SUITE_TEST(context_entry_without_its_invalidation_is_named),
	SUITE_TEST(each_unit_has_its_part),
	SUITE_TEST(other_platforms_have_no_dump),
};

int main(int argc, char **argv)
{
	return suite_run(argc, argv, "sim_vtd_dump", tests, sizeof(tests) / sizeof(tests[0]));
}
