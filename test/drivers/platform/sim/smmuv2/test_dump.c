/* SPDX-License-Identifier: BSD-3-Clause */
/* The unit's state as text: what makes a difference is in it, and what makes none is not. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rig.h"

/* Whether the dump is no longer `before`, which becomes the new one. */
static bool changed(struct rig *rig, char **before)
{
	char *now = rig_dump(rig);
	bool differs = strcmp(now, *before);

	free(*before);
	*before = now;
	return differs;
}

static uint64_t set(struct rig *rig)
{
	struct smmuv2_model_config cfg = rig_config();
	uint64_t root;

	rig_open(rig, &cfg);
	root = rig_pages(rig, 4096);
	rig_map(rig, root, 1, 12, 0x5000, (rig->mem.ram_base + 0x100000) | S1_RW);
	rig_bank_s1(rig, 3, root, 5);
	rig_stream(rig, 0, 0x10, 3);
	rig_stream(rig, 1, 0x20, 0x10000);
	rig_enable(rig);
	return root;
}

static void unit_at_power_on(void)
{
	struct smmuv2_model_config cfg = rig_config();
	struct rig rig;
	char *text;

	rig_open(&rig, &cfg);
	text = rig_dump(&rig);
	CHECK_EQ(strcmp(text, "  sCR0 0x1\n  sCR2 0x0\n  sACR 0x0\n  sGFSR 0x0\n"), 0);
	free(text);
	rig_close(&rig);
}

static void each_stream_in_runs(void)
{
	struct rig rig;
	char *text;

	set(&rig);
	text = rig_dump(&rig);
	CHECK_HAS(text, "  sCR0 0x200412\n");
	CHECK_HAS(text, "\n  0x0000-0x000f blocked, no group\n  0x0010 paging stage=1 bank=3 vmid=0 asid=5 ranges=1 "
			"bytes=0x1000 hash=");
	CHECK_HAS(text, "\n  0x0011-0x001f blocked, no group\n  0x0020 bypass\n  0x0021-0x7fff blocked, no group\n");
	free(text);
	rig_bank_s2(&rig, 1, rig_pages(&rig, 4096), 9);
	rig_stream(&rig, 5, 0x40, 1);
	text = rig_dump(&rig);
	CHECK_HAS(text, "\n  0x0010 paging stage=1 bank=3 vmid=0 asid=5 ranges=1");
	CHECK_HAS(text, "\n  0x0040 paging stage=2 bank=1 vmid=9 ranges=0 bytes=0x0 hash=");
	free(text);
	w32(&rig, 0xc04, 0x20000);
	w32(&rig, 0x808, 0x80000010);
	text = rig_dump(&rig);
	CHECK_HAS(text, "0x0020 blocked\n");
	CHECK_HAS(text, "0x0010 blocked, several groups\n");
	free(text);
	CHECK_EQ(rig_counts(&rig).misuse, 0); /* a look is not a request */
	rig_close(&rig);
}

static void faults_and_complaints_are_in_it(void)
{
	struct rig rig;
	char *text;

	set(&rig);
	CHECK_EQ(rig_write(&rig, 0x10, 0x7000, 1), -EFAULT);
	CHECK_EQ(rig_write(&rig, 0x30, 0x8000, 1), -EFAULT);
	w32(&rig, 0x4, 0);
	w64(&rig, cb(&rig, 3, 0x600), 5);
	text = rig_dump(&rig);
	CHECK_HAS(text, "  an invalidation is not synchronised\n");
	CHECK_HAS(text, "  sGFSR 0x2\n  fault of stream 0x30 write 0x8000\n  bank 3 FSR 0x402 of stream 0x10 write 0x7000\n");
	CHECK_HAS(text, "  complaint: write32 at 0x4: no register of this unit\n");
	free(text);
	rig_close_blamed(&rig);
}

static void what_translates_makes_the_hash(void)
{
	struct rig rig;
	uint64_t root = set(&rig), leaf;
	char *text = rig_dump(&rig);

	leaf = rig_map(&rig, root, 1, 12, 0x5000, (rig.mem.ram_base + 0x101000) | S1_RW);
	CHECK_EQ(changed(&rig, &text), true);
	rig_put(&rig, leaf, 0, (rig.mem.ram_base + 0x101000) | S1_RO);
	CHECK_EQ(changed(&rig, &text), true);
	rig_put(&rig, leaf, 1, (rig.mem.ram_base + 0x102000) | S1_RO);
	CHECK_EQ(changed(&rig, &text), true);
	rig_put(&rig, leaf, 1, 0);
	CHECK_EQ(changed(&rig, &text), true);
	free(text);
	rig_close(&rig);
}

/* The same ranges by a block and by pages, other tables, another group: the same text. */
static void how_it_is_made_is_not_in_it(void)
{
	struct rig rig;
	uint64_t root = set(&rig), again, block;
	char *text;

	block = rig_pages(&rig, 2u << 20);
	for (unsigned i = 0; i < 512; i++)
		rig_map(&rig, root, 1, 12, 0x600000 + 0x1000 * i, (block + 0x1000 * i) | S1_RW);
	text = rig_dump(&rig);
	again = rig_pages(&rig, 4096);
	rig_map(&rig, again, 1, 12, 0x5000, (rig.mem.ram_base + 0x100000) | S1_RW);
	rig_put(&rig, rig_get(&rig, again, 0) & UINT64_C(0xfffffffff000), 3, block | BLOCK(S1_RW));
	CHECK_EQ(changed(&rig, &text), false);
	w64(&rig, cb(&rig, 3, 0x20), again | UINT64_C(5) << 48);
	CHECK_EQ(changed(&rig, &text), false);
	rig_stream(&rig, 9, 0x20, 0x10000);
	w32(&rig, 0x804, 0);
	CHECK_EQ(changed(&rig, &text), false);
	w64(&rig, cb(&rig, 3, 0x20), again | UINT64_C(6) << 48);
	CHECK_EQ(changed(&rig, &text), true);
	free(text);
	rig_close(&rig);
}

static void which_table_has_it_makes_the_hash(void)
{
	struct smmuv2_model_config cfg = rig_config();
	uint64_t root, empty;
	struct rig rig;
	char *text;

	rig_open(&rig, &cfg);
	root = rig_pages(&rig, 4096);
	empty = rig_pages(&rig, 4096);
	rig_map(&rig, root, 1, 12, 0x5000, root | S1_RW);
	w32(&rig, gr1(&rig, 12), 0x10000);
	w64(&rig, cb(&rig, 3, 0x28), empty);
	rig_bank(&rig, 3, 0x10000, root, 0xb5193519);
	rig_stream(&rig, 0, 0x10, 3);
	rig_enable(&rig);
	text = rig_dump(&rig);
	w64(&rig, cb(&rig, 3, 0x20), empty);
	w64(&rig, cb(&rig, 3, 0x28), root);
	CHECK_EQ(changed(&rig, &text), true);
	CHECK_HAS(text, "ranges=1 bytes=0x1000 hash=");
	free(text);
	rig_close(&rig);
}

/* A table that leads back into itself. */
static void endless_table_ends(void)
{
	struct rig rig;
	uint64_t root = set(&rig);
	char *text;

	for (unsigned i = 0; i < 512; i++)
		rig_put(&rig, root, i, root | 3);
	text = rig_dump(&rig);
	CHECK_HAS(text, "stage=1 bank=3");
	free(text);
	rig_close(&rig);
}

static const struct suite_test tests[] = {
	SUITE_TEST(unit_at_power_on),
	SUITE_TEST(each_stream_in_runs),
	SUITE_TEST(faults_and_complaints_are_in_it),
	SUITE_TEST(what_translates_makes_the_hash),
	SUITE_TEST(how_it_is_made_is_not_in_it),
	SUITE_TEST(which_table_has_it_makes_the_hash),
	SUITE_TEST(endless_table_ends),
};

int main(int argc, char **argv)
{
	return suite_run(argc, argv, "sim_smmuv2_dump", tests, sizeof(tests) / sizeof(tests[0]));
}
