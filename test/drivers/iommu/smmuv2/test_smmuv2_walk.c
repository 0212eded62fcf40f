/* SPDX-License-Identifier: BSD-3-Clause */
/* Walks over registers and tables written by hand (2.1, 2.3, 2.4; Arm ARM, D8.3), and identification registers in words. */
#include <string.h>

#include "drivers.h"
#include "fake_unit.h"
#include "suite.h"

#define IOVA UINT64_C(0x8040201000) /* index 1 at each of four levels */

/* Streams 0x100 to 0x10f by mapping 3 to bank 4: stage 1, ASID 7, 48 bits, down to a read-only page at 0x5000000. */
static void build(struct fake *fake)
{
	fake_init(fake);
	fake_pages(fake, 4);
	fake_page(fake, 0)[1] = fake_page_pa(fake, 1) | 3;
	fake_page(fake, 1)[1] = fake_page_pa(fake, 2) | 3;
	fake_page(fake, 2)[1] = fake_page_pa(fake, 3) | 3;
	fake_page(fake, 3)[1] = UINT64_C(0x00600000050007c3) | 0x80; /* AF, inner shareable, AP: read-only */
	fake_set(fake, 0, 4, 0x200000);
	fake_stream(fake, 3, 0x800f0100, 4);
	fake_set(fake, FAKE_GR1 + 4 * 4, 4, 0x1f300);
	fake_set(fake, FAKE_GR1 + 0x800 + 4 * 4, 4, 1);
	fake_set(fake, FAKE_CB(4), 4, 0x1127);
	fake_set(fake, FAKE_CB(4) + 0x30, 4, 0x803510);
	fake_set(fake, FAKE_CB(4) + 0x20, 8, fake_page_pa(fake, 0) | UINT64_C(7) << 48);
}

static void a_walk_shows_every_step_down_to_the_page(void)
{
	struct fake fake;

	build(&fake);
	fake_walk(&fake, 0x105, IOVA + 0xabc);
	CHECK_EQ(fake.nsteps, 8);
	CHECK_HAS(fake.steps[0].what, "registers");
	CHECK_HAS(fake.steps[1].what, "stream mapping 3");
	CHECK_HAS(fake.steps[1].text, "id 0x100, mask 0xf: translated by context bank 4");
	CHECK_HEX(fake.steps[1].raw[0], 0x800f0100);
	CHECK_HAS(fake.steps[2].what, "context bank 4");
	CHECK_HAS(fake.steps[2].text, "stage 1, ASID 7, 48 bits");
	CHECK_HAS(fake.steps[3].what, "level 0 [0x001]");
	CHECK_HEX(fake.steps[3].at_pa, fake_page_pa(&fake, 0) + 8);
	CHECK_HAS(fake.steps[6].what, "level 3 [0x001]");
	CHECK_HAS(fake_result(&fake), "reads reach 0x5000abc; writes are blocked, permission fault");
	fake_fini(&fake);
}

static void what_is_not_mapped_is_blocked_with_the_fault_it_makes(void)
{
	struct fake fake;

	build(&fake);
	CHECK_HAS(fake_walk(&fake, 0x100, IOVA + 0x1000), "blocked, translation fault");
	CHECK_HAS(fake_walk(&fake, 0x100, UINT64_C(1) << 50), "blocked, translation fault");
	fake_page(&fake, 3)[1] &= ~UINT64_C(0x400);
	CHECK_HAS(fake_walk(&fake, 0x100, IOVA), "blocked, access flag fault");
	fake_page(&fake, 3)[1] = UINT64_C(0x50007c1); /* no page */
	CHECK_HAS(fake_walk(&fake, 0x100, IOVA), "blocked, translation fault");
	fake_fini(&fake);
}

static void a_block_ends_the_walk_where_it_may_be(void)
{
	struct fake fake;

	build(&fake);
	fake_page(&fake, 2)[1] = UINT64_C(0x40200745);
	CHECK_HAS(fake_walk(&fake, 0x100, IOVA + 0x3456),
		  "reads and writes reach 0x40204456"); /* IOVA is 0x1000 into its block of 2 MiB */
	fake_page(&fake, 0)[1] = UINT64_C(0x745);       /* at the topmost level there are none */
	CHECK_HAS(fake_walk(&fake, 0x100, IOVA), "blocked, translation fault");
	fake_fini(&fake);
}

static void stage_2_may_begin_with_tables_side_by_side(void)
{
	struct fake fake;

	build(&fake);
	/* 40 bits from level 1 on: two tables of 512 entries. The entry for the second half is in the second. */
	fake_set(&fake, FAKE_GR1 + 4 * 4, 4, 0x9);
	fake_set(&fake, FAKE_CB(4) + 0x30, 4, 0x80053558);
	fake_set(&fake, FAKE_CB(4) + 0x20, 8, fake_page_pa(&fake, 0));
	fake_page(&fake, 1)[0] = UINT64_C(0x000007bd); /* a block of 1 GiB at 0, write-only */
	fake_walk(&fake, 0x100, UINT64_C(0x8000001234));
	CHECK_HAS(fake.steps[2].text, "stage 2, VMID 9, 40 bits");
	CHECK_HAS(fake.steps[3].what, "level 1 [0x200]");
	CHECK_HEX(fake.steps[3].at_pa, fake_page_pa(&fake, 1));
	CHECK_HAS(fake_result(&fake), "writes reach 0x1234; reads are blocked");
	fake_fini(&fake);
}

static void streams_without_a_bank_pass_or_fault_as_their_mapping_says(void)
{
	struct fake fake;

	build(&fake);
	CHECK_HAS(fake_walk(&fake, 0x200, IOVA), "reads and writes reach 0x8040201000: no mapping matches");
	fake_set(&fake, 0, 4, 0x200400);
	CHECK_HAS(fake_walk(&fake, 0x200, IOVA), "unidentified stream");
	fake_stream(&fake, 5, 0x80000200, 0x10000);
	fake_walk(&fake, 0x200, IOVA);
	CHECK_HAS(fake.steps[1].text, "bypass");
	fake_stream(&fake, 5, 0x80000200, 0x20000);
	CHECK_HAS(fake_walk(&fake, 0x200, IOVA), "invalid context");
	fake_stream(&fake, 6, 0x80010200, 4);
	CHECK_HAS(fake_walk(&fake, 0x200, IOVA), "stream match conflict");
	fake_stream(&fake, 6, 0x80000300, 99);
	CHECK_HAS(fake_walk(&fake, 0x300, IOVA), "unimplemented bank");
	fake_set(&fake, FAKE_CB(4), 4, 0);
	fake_walk(&fake, 0x100, IOVA);
	CHECK_HAS(fake.steps[2].text, "does not translate");
	fake_set(&fake, 0, 4, 1);
	CHECK_HAS(fake_walk(&fake, 0x200, IOVA), "nothing is translated");
	fake_fini(&fake);
}

static void a_walk_ends_with_the_room_there_is(void)
{
	struct fake fake;

	build(&fake);
	CHECK_EQ(smmuv2_driver.walk(&fake.plat, &fake.window, 0x100, IOVA, fake.steps, 3), 3);
	CHECK_HAS(fake.steps[2].what, "context bank");
	fake_fini(&fake);
}

static void what_is_not_decoded_is_said(void)
{
	struct fake fake;

	build(&fake);
	fake_set(&fake, FAKE_GR1 + 4 * 4, 4, 0x3f300);
	CHECK_HAS(fake_walk(&fake, 0x100, IOVA), "second stage");
	fake_set(&fake, FAKE_GR1 + 4 * 4, 4, 0x1f300);
	fake_set(&fake, FAKE_GR1 + 0x800 + 4 * 4, 4, 0);
	CHECK_HAS(fake_walk(&fake, 0x100, IOVA), "short format");
	fake_fini(&fake);
}

/* ---- Words ---- */

static void registers_are_said_in_words(void)
{
	struct piommu_unit_facts facts = { .caps_known = true,
					   .cap = { FAKE_IDR0 | (uint64_t)FAKE_IDR1 << 32, FAKE_IDR2 | UINT64_C(0x24) << 32 } };
	char all[FAKE_WORDS], same[FAKE_WORDS], version[16];
	struct fake fake;

	fake_init(&fake);
	fake_set(&fake, 0x3c, 4, 0x24);
	fake_describe(&fake, NULL, &fake.window, all);
	CHECK_HAS(all, "SMS=stream matching;");
	CHECK_HAS(all, "NUMSMRG=8 stream mappings;");
	CHECK_HAS(all, "NUMCB=8 context banks;");
	CHECK_HAS(all, "OAS=output addresses of 48 bits;");
	CHECK_HAS(all, "PTFSv8_4kB=");
	CU_ASSERT_PTR_NULL(strstr(all, "EXIDS"));
	fake_describe(&fake, &facts, NULL, same);
	CU_ASSERT_STRING_EQUAL(all, same);
	smmuv2_driver.version(NULL, &fake.window, version, sizeof(version));
	CU_ASSERT_STRING_EQUAL(version, "r2p4");
	smmuv2_driver.version(&facts, NULL, version, sizeof(version));
	CU_ASSERT_STRING_EQUAL(version, "r2p4");
	CHECK_EQ(fake.nwrites, 0);
	fake_fini(&fake);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(a_walk_shows_every_step_down_to_the_page),
		SUITE_TEST(what_is_not_mapped_is_blocked_with_the_fault_it_makes),
		SUITE_TEST(a_block_ends_the_walk_where_it_may_be),
		SUITE_TEST(stage_2_may_begin_with_tables_side_by_side),
		SUITE_TEST(streams_without_a_bank_pass_or_fault_as_their_mapping_says),
		SUITE_TEST(a_walk_ends_with_the_room_there_is),
		SUITE_TEST(what_is_not_decoded_is_said),
		SUITE_TEST(registers_are_said_in_words),
	};

	return suite_run(argc, argv, "smmuv2_walk", tests, sizeof(tests) / sizeof(tests[0]));
}
