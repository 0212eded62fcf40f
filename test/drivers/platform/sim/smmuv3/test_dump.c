/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The SMMUv3 unit's state as text: equal for states that do the same, different where a device, or the next command, would see a
 * difference.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rig.h"

static void check_says(struct rig *rig, const char *part)
{
	char *text = rig_dump(rig);

	CHECK_HAS(text, part);
	free(text);
}

static void unit_that_is_off(void)
{
	struct rig rig;
	char *text;

	rig_open(&rig, &rig_default);
	text = rig_dump(&rig);
	CHECK_EQ(strstr(text, "stream") == NULL, true);
	free(text);
	check_says(&rig, "  CR0ACK 0x0\n  GBPA 0x1000\n  CR1 0x0\n  CR2 0x0\n  IRQ_CTRL 0x0\n  global errors 0x0\n");
	sim_model_set(rig.unit, PIOMMU_SIM_HANDSHAKE_STUCK, 1);
	w32(&rig, 0x44, 0x80100000);
	w32(&rig, 0x28, 0xd75);
	w32(&rig, 0x20, 0x8);
	check_says(&rig, "  CR0 0x8 is not acknowledged\n  GBPA 0x1000, an update is not acknowledged\n");
	w32(&rig, 0x2, 0);
	check_says(&rig, "  complaint: write32 of IDR0 at 0x2: it has 32 bits\n");
	rig_close(&rig);
}

static void streams_in_runs(void)
{
	struct rig rig;
	uint64_t table;

	rig_open(&rig, &rig_default);
	rig_enable(&rig);
	table = rig_pages(&rig, 4096);
	rig_map(&rig, table, 0x5000, rig.msi | RIG_S1_RW);
	rig_stage1(&rig, 3, table, 9);
	rig_put(&rig, rig_ste(&rig, 4), 0, 0x9);
	rig_put(&rig, rig_ste(&rig, 5), 0, 0x9);
	rig_put(&rig, rig_ste(&rig, 6), 0, 0);
	check_says(&rig, "  queue of 16 commands, empty\n  queue of 16 events\n  streams 0x0-0x2 abort\n"
			 "  stream 0x3 stage 1 asid=9 bits=39 ranges=1 bytes=0x1000 hash=");
	check_says(&rig, "\n  streams 0x4-0x5 bypass\n  stream 0x6 in error, event 0x04\n  streams 0x7-0x1f abort\n");
	CHECK_EQ(rig_write(&rig, 6, 0x5008), -EFAULT);
	check_says(&rig, "  event 0x04 of stream 0x6 at 0x0\n");
	CHECK_EQ(rig_write(&rig, 3, 0x6008), -EFAULT);
	check_says(&rig, "  event 0x10 of stream 0x3 at 0x6008\n");
	rig_close(&rig);
}

/* No more than the unit has ids, whatever software says. */
static void streams_end_with_the_unit_s_ids(void)
{
	struct smmuv3_model_config config = rig_default;
	struct rig rig;

	config.sid_bits = 4;
	rig_open(&rig, &config);
	rig_enable(&rig);
	check_says(&rig, "  streams 0x0-0xf abort\n");
	rig_close(&rig);
}

/* One page after the other, and the same as a block; in other tables. */
static void hash_is_of_what_tables_do(void)
{
	struct rig rig;
	uint64_t table, other, level3, block;
	char *first, *second, *third;

	rig_open(&rig, &rig_default);
	rig_enable(&rig);
	block = align_down(rig.mem.ram_base, 0x200000);
	table = rig_pages(&rig, 4096);
	other = rig_pages(&rig, 4096);
	rig_stage2(&rig, 3, table, 9);
	for (uint64_t i = 0; i < 512; i++)
		rig_map(&rig, table, 0x200000 + i * 0x1000, (block + i * 0x1000) | RIG_S2_RW);
	first = rig_dump(&rig);
	CHECK_HAS(first, "  stream 0x3 stage 2 vmid=9 bits=39 ranges=1 bytes=0x200000 hash=");
	rig_map(&rig, other, 0x5000, 0);
	level3 = rig_get(&rig, other, 0) & UINT64_C(0xfffffffff000);
	rig_put(&rig, level3, 1, block | 0x7fd);
	rig_put(&rig, rig_ste(&rig, 3), 3, other);
	second = rig_dump(&rig);
	CHECK_EQ(strcmp(first, second), 0);
	rig_put(&rig, level3, 1, block | 0x77d); /* read-only */
	third = rig_dump(&rig);
	CHECK_EQ(strcmp(first, third) != 0, true);
	free(first);
	free(second);
	free(third);
	rig_close(&rig);
}

static void both_stages_are_told(void)
{
	struct rig rig;
	uint64_t s2;

	rig_open(&rig, &rig_default);
	rig_enable(&rig);
	s2 = rig_pages(&rig, 4096);
	rig_put(&rig, s2, 4, rig.mem.ram_base | 0x7fd);
	rig_stage1(&rig, 3, s2, 9); /* its tables say nothing of stage 1: their first word is 0 */
	rig_put(&rig, rig_ste(&rig, 3), 2, UINT64_C(0x040c355900000007));
	rig_put(&rig, rig_ste(&rig, 3), 3, s2);
	rig_put(&rig, rig_ste(&rig, 3), 0, rig_get(&rig, rig_ste(&rig, 3), 0) | 4);
	check_says(&rig, "  stream 0x3 stage 1 asid=9 bits=39 ranges=1 ");
	check_says(&rig, ", stage 2 vmid=7 bits=39 ranges=1 bytes=0x40000000 hash=");
	rig_close(&rig);
}

static void stale_entries_are_told(void)
{
	struct rig rig;
	char *text;

	rig_open(&rig, &rig_default);
	rig_enable(&rig);
	CHECK_EQ(rig_write(&rig, 3, 0x5000), -EFAULT);
	rig_put(&rig, rig_ste(&rig, 3), 0, 0x9);
	check_says(&rig, "  stale entries of stream 0x3\n");
	rig_order(&rig, UINT64_C(0x300000003), 1);
	text = rig_dump(&rig);
	CHECK_EQ(strstr(text, "stale") == NULL, true);
	free(text);
	rig_close(&rig);
}

static void dump_changes_nothing(void)
{
	struct piommu_sim_counts before, after;
	struct rig rig;
	char *first, *second;

	rig_open_noncoherent(&rig, &rig_default);
	rig_enable(&rig);
	rig_put_dirty(&rig, rig_ste(&rig, 3), 0, 0x9);
	before = rig_counts(&rig);
	first = rig_dump(&rig);
	second = rig_dump(&rig);
	after = rig_counts(&rig);
	CHECK_EQ(strcmp(first, second), 0);
	CHECK_EQ(memcmp(&before, &after, sizeof(before)), 0);
	free(first);
	free(second);
	rig_close(&rig);
}

static const struct suite_test tests[] = {
	SUITE_TEST(unit_that_is_off),          SUITE_TEST(streams_in_runs),      SUITE_TEST(streams_end_with_the_unit_s_ids),
	SUITE_TEST(hash_is_of_what_tables_do), SUITE_TEST(both_stages_are_told), SUITE_TEST(stale_entries_are_told),
	SUITE_TEST(dump_changes_nothing),
};

int main(int argc, char **argv)
{
	return suite_run(argc, argv, "sim_smmuv3_dump", tests, sizeof(tests) / sizeof(tests[0]));
}
