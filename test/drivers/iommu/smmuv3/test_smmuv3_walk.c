/* SPDX-License-Identifier: BSD-3-Clause */
/* Walks over tables written by hand (5.1, 5.2, 5.4; Arm ARM, D8.3), and identification words in words (6.3). */
#include <string.h>

#include "drivers.h"
#include "fake_unit.h"
#include "suite.h"

/* Sixteen zeroed pages, in which each test writes what hardware would find. */
static void start(struct fake *fake)
{
	fake_init(fake, &fake_usual);
	fake_pages(fake, 16);
	fake_set(fake, 0x20, 4, 0xd);
}

static void put(struct fake *fake, unsigned page, unsigned word, uint64_t value)
{
	fake_page(fake, page)[word] = value;
}

/* Page 0: a linear table of 16 streams; page 1: context descriptors. */
static void linear(struct fake *fake)
{
	start(fake);
	fake_set(fake, 0x80, 8, fake_page_pa(fake, 0));
	fake_set(fake, 0x88, 4, 4);
}

static void put_stage1(struct fake *fake, unsigned stream, uint64_t cd)
{
	put(fake, 0, 8 * stream, fake_page_pa(fake, 1) | 0xb);
	put(fake, 0, 8 * stream + 1, UINT64_C(0x1000000000d4));
	put(fake, 1, 0, cd);
	put(fake, 1, 1, fake_page_pa(fake, 2));
	put(fake, 1, 3, 0xff);
}

static void translation_that_is_off_follows_gbpa(void)
{
	struct fake fake;

	start(&fake);
	fake_set(&fake, 0x20, 4, 0);
	CHECK_HAS(fake_walk(&fake, 5, 0x1234), "reads and writes reach 0x1234");
	fake_set(&fake, 0x44, 4, 0x100000);
	CHECK_HAS(fake_walk(&fake, 5, 0x1234), "blocked");
	fake_fini(&fake);
}

static void a_unit_that_is_gone_is_said_to_be(void)
{
	struct fake fake;

	start(&fake);
	fake.dead = true;
	CHECK_HAS(fake_walk(&fake, 5, 0), "gone");
	fake_fini(&fake);
}

static void streams_beyond_the_table_and_entries_that_are_not_valid_fault(void)
{
	struct fake fake;

	linear(&fake);
	CHECK_HAS(fake_walk(&fake, 16, 0), "C_BAD_STREAMID");
	CHECK_HAS(fake_walk(&fake, 15, 0), "C_BAD_STE");
	fake_fini(&fake);
}

static void abort_is_not_recorded_and_bypass_reaches_all(void)
{
	struct fake fake;

	linear(&fake);
	put(&fake, 0, 8 * 3, 0x1);
	put(&fake, 0, 8 * 4, 0x9);
	CHECK_HAS(fake_walk(&fake, 3, 0x5000), "not recorded");
	CHECK_HAS(fake_walk(&fake, 4, 0x5000), "reads and writes reach 0x5000");
	CHECK_HAS(fake.steps[1].text, "bypass");
	CHECK_EQ(fake.steps[1].nraw, 8);
	CHECK_HEX(fake.steps[1].at_pa, fake_page_pa(&fake, 0) + 256);
	fake_fini(&fake);
}

static void two_levels_go_through_a_descriptor(void)
{
	struct fake fake;

	start(&fake);
	fake_set(&fake, 0x80, 8, fake_page_pa(&fake, 0));
	fake_set(&fake, 0x88, 4, 0x10000 | 6 << 6 | 10); /* split 6: 64 entries, a page */
	put(&fake, 0, 2, fake_page_pa(&fake, 3) | 7);
	put(&fake, 0, 3, fake_page_pa(&fake, 3) | 2); /* two entries */
	put(&fake, 3, 8 * 5, 0x9);
	CHECK_HAS(fake_walk(&fake, 2 * 64 + 5, 0x7000), "reach 0x7000");
	CHECK_HAS(fake.steps[1].what, "first-level descriptor");
	CHECK_HEX(fake.steps[1].raw[0], fake_page_pa(&fake, 3) | 7);
	CHECK_HAS(fake_walk(&fake, 3 * 64 + 5, 0), "C_BAD_STREAMID");
	CHECK_HAS(fake_walk(&fake, 4 * 64, 0), "C_BAD_STREAMID");
	fake_fini(&fake);
}

/* 39 bits, 4 KiB: levels 1, 2, 3. */
static void stage_1_walks_down_to_its_page(void)
{
	struct fake fake;
	const uint64_t iova = UINT64_C(1) << 30 | 2u << 21 | 3u << 12 | 0x45;

	linear(&fake);
	put_stage1(&fake, 5, UINT64_C(0x0009e204c0003519));
	put(&fake, 2, 1, fake_page_pa(&fake, 3) | 3);
	put(&fake, 3, 2, fake_page_pa(&fake, 4) | 3);
	put(&fake, 4, 3, UINT64_C(0x00600000abcd0f43));
	CHECK_HAS(fake_walk(&fake, 5, iova), "reads and writes reach 0xabcd0045");
	CHECK_EQ(fake.nsteps, 7); /* registers, entry, descriptor, three levels, result */
	CHECK_HAS(fake.steps[2].text, "ASID 9, 39 bits, pages of 4 KiB");
	CHECK_HAS(fake.steps[3].what, "level 1 [0x001]");
	CHECK_HAS(fake.steps[5].what, "level 3 [0x003]");
	put(&fake, 4, 3, UINT64_C(0x00600000abcd0fc3));
	CHECK_HAS(fake_walk(&fake, 5, iova), "reads reach 0xabcd0045; writes are blocked, event 0x13: F_PERMISSION");
	put(&fake, 4, 3, UINT64_C(0x00600000abcd0b43));
	CHECK_HAS(fake_walk(&fake, 5, iova), "F_ACCESS");
	put(&fake, 4, 3, UINT64_C(0x00602000abcd0f43)); /* 2^45, on 44 bits */
	CHECK_HAS(fake_walk(&fake, 5, iova), "F_ADDR_SIZE");
	put(&fake, 4, 3, 0);
	CHECK_HAS(fake_walk(&fake, 5, iova), "F_TRANSLATION");
	put(&fake, 3, 2, UINT64_C(0x0060000040000f41)); /* a block of 2 MiB */
	CHECK_HAS(fake_walk(&fake, 5, iova), "reach 0x40003045");
	CHECK_HAS(fake_walk(&fake, 5, UINT64_C(1) << 39), "F_TRANSLATION");
	fake_fini(&fake);
}

static void context_descriptors_that_make_no_sense_fault(void)
{
	static const uint64_t bad[] = { UINT64_C(0x0009e20440003519), UINT64_C(0x0009e004c0003519),
					UINT64_C(0x0009e204c00035d9) };
	struct fake fake;

	linear(&fake);
	for (unsigned i = 0; i < 3; i++) { /* not valid; AArch32; TG0 3 */
		put_stage1(&fake, 5, bad[i]);
		CHECK_HAS(fake_walk(&fake, 5, 0), "C_BAD_CD");
	}
	put(&fake, 0, 8 * 5, UINT64_C(0x1000000000000000) | fake_page_pa(&fake, 1) | 0xb);
	CHECK_HAS(fake_walk(&fake, 5, 0), "substreams");
	put(&fake, 0, 8 * 5, UINT64_C(0xffffff000000b));
	CHECK_HAS(fake_walk(&fake, 5, 0), "cannot be read");
	fake_fini(&fake);
}

/* 64 KiB, 42 bits: levels 2 and 3, with address bits 51:48 in bits 15:12. */
static void large_granules_have_other_strides(void)
{
	struct fake fake;

	linear(&fake);
	put_stage1(&fake, 5, UINT64_C(0x0009e206c0003556));
	fake_set(&fake, 0x14, 4, 0x446);
	put(&fake, 2, 0, fake_page_pa(&fake, 0) | 3); /* which starts a block of 64 KiB */
	put(&fake, 0, 9, UINT64_C(0x0060000012345f43) & ~UINT64_C(0xf000));
	CHECK_HAS(fake_walk(&fake, 5, 9u << 16 | 7), "reach 0x12340007");
	put(&fake, 0, 9, UINT64_C(0x006000001234af43));
	CHECK_HAS(fake_walk(&fake, 5, 9u << 16 | 7), "reach 0xa000012340007");
	fake_fini(&fake);
}

/* 40 bits of stage 2, 4 KiB: two tables of level 1 side by side. */
static void stage_2_begins_with_tables_side_by_side(void)
{
	struct fake fake;
	const uint64_t iova = UINT64_C(513) << 30 | 5u << 21;

	linear(&fake);
	put(&fake, 0, 8 * 5, 0xd);
	put(&fake, 0, 8 * 5 + 2, UINT64_C(0x040c355800000007));
	put(&fake, 0, 8 * 5 + 3, fake_page_pa(&fake, 2));
	put(&fake, 3, 1, fake_page_pa(&fake, 4) | 3);
	put(&fake, 4, 5, UINT64_C(0x00400000402007fd));
	CHECK_HAS(fake_walk(&fake, 5, iova), "reads and writes reach 0x40200000");
	CHECK_HAS(fake.steps[1].text, "VMID 7, 40 bits, pages of 4 KiB");
	CHECK_HAS(fake.steps[2].what, "level 1 [0x201]");
	put(&fake, 4, 5, UINT64_C(0x00400000402007bd));
	CHECK_HAS(fake_walk(&fake, 5, iova), "writes reach 0x40200000; reads are blocked");
	put(&fake, 4, 5, UINT64_C(0x004000004020073d));
	CHECK_HAS(fake_walk(&fake, 5, iova), "F_PERMISSION");
	put(&fake, 0, 8 * 5 + 2, UINT64_C(0x040435580000007)); /* AArch32 */
	CHECK_HAS(fake_walk(&fake, 5, iova), "C_BAD_STE");
	fake_fini(&fake);
}

static void a_walk_ends_where_there_is_no_more_room(void)
{
	struct fake fake;

	linear(&fake);
	put(&fake, 0, 8 * 4, 0x9);
	CHECK_EQ(smmuv3_driver.walk(&fake.plat, &fake.window, 4, 0, fake.steps, 1), 1);
	CHECK_HAS(fake.steps[0].what, "registers");
	fake_fini(&fake);
}

/* ---- Capabilities ---- */

static void check_usual(const char *words)
{
	static const char *const parts[] = { "S1P=",
					     "S2P=",
					     "COHACC=",
					     "MSI=",
					     "HYP=",
					     "ASID16=ASIDs of 16 bits",
					     "VMID16=VMIDs of 16 bits",
					     "TTF=page tables AArch64",
					     "ST_LEVEL=stream tables of one level or two",
					     "SIDSIZE=stream ids of 16 bits",
					     "CMDQS=up to 2^10 commands",
					     "EVENTQS=up to 2^8 events",
					     "RIL=",
					     "OAS=addresses of 44 bits",
					     "GRAN=pages of 4 KiB 16 KiB 64 KiB",
					     "VAX=virtual addresses of 48 bits" };

	for (unsigned i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		CHECK_HAS(words, parts[i]);
	CU_ASSERT_PTR_NULL(strstr(words, "PRI="));
}

static void capabilities_are_told_from_registers_or_from_facts(void)
{
	struct piommu_unit_facts facts = { .caps_known = true, .version = 2 };
	char words[FAKE_WORDS];
	char version[16];
	struct fake fake;

	fake_init(&fake, &fake_usual);
	fake_describe(&fake, NULL, &fake.window, words);
	check_usual(words);
	smmuv3_driver.version(NULL, &fake.window, version, sizeof(version));
	CHECK_HAS(version, "3.1");
	facts.cap[0] = (uint64_t)FAKE_IDR1 << 32 | FAKE_IDR0;
	facts.cap[1] = (uint64_t)FAKE_IDR5 << 32 | FAKE_IDR3;
	fake_describe(&fake, &facts, NULL, words);
	check_usual(words);
	smmuv3_driver.version(&facts, NULL, version, sizeof(version));
	CHECK_HAS(version, "3.2");
	fake_describe(&fake, NULL, NULL, words);
	CHECK_EQ(words[0], 0);
	fake_fini(&fake);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(translation_that_is_off_follows_gbpa),
		SUITE_TEST(a_unit_that_is_gone_is_said_to_be),
		SUITE_TEST(streams_beyond_the_table_and_entries_that_are_not_valid_fault),
		SUITE_TEST(abort_is_not_recorded_and_bypass_reaches_all),
		SUITE_TEST(two_levels_go_through_a_descriptor),
		SUITE_TEST(stage_1_walks_down_to_its_page),
		SUITE_TEST(context_descriptors_that_make_no_sense_fault),
		SUITE_TEST(large_granules_have_other_strides),
		SUITE_TEST(stage_2_begins_with_tables_side_by_side),
		SUITE_TEST(a_walk_ends_where_there_is_no_more_room),
		SUITE_TEST(capabilities_are_told_from_registers_or_from_facts),
	};

	return suite_run(argc, argv, "smmuv3_walk", tests, sizeof(tests) / sizeof(tests[0]));
}
