/* SPDX-License-Identifier: BSD-3-Clause */
/* Walks over tables written by hand (9.1, 9.3, 9.8), and capability words in words (11.4.2, 11.4.3). */
#include <string.h>

#include "drivers.h"
#include "fake_unit.h"
#include "suite.h"

/* Device 08:04.0, domain 7: IOVA 0x8040201000 goes index 1 on each level to a read-only page at 0x5000000. */
static void build(struct fake *fake)
{
	fake_init(fake, FAKE_CAP, FAKE_ECAP);
	fake_pages(fake, 6);
	fake_page(fake, 0)[2 * 0x08] = fake_page_pa(fake, 1) | 1;
	fake_page(fake, 1)[2 * 0x20] = fake_page_pa(fake, 2) | 1;
	fake_page(fake, 1)[2 * 0x20 + 1] = 0x702;
	fake_page(fake, 2)[1] = fake_page_pa(fake, 3) | 3;
	fake_page(fake, 3)[1] = fake_page_pa(fake, 4) | 3;
	fake_page(fake, 4)[1] = fake_page_pa(fake, 5) | 3;
	fake_page(fake, 5)[1] = 0x5000001;
	fake_set(fake, 0x1c, 4, 0xc0000000);
	fake_set(fake, 0x20, 8, fake_page_pa(fake, 0));
}

static void a_walk_shows_every_entry_down_to_the_page(void)
{
	struct fake fake;

	build(&fake);
	fake_walk(&fake, 0x0820, 0x8040201abc);
	CHECK_EQ(fake.nsteps, 8);
	CHECK_HAS(fake.steps[0].what, "registers");
	CHECK_HAS(fake.steps[1].what, "root entry");
	CHECK_HEX(fake.steps[1].at_pa, fake_page_pa(&fake, 0) + 16 * 8);
	CHECK_HEX(fake.steps[1].raw[0], fake_page_pa(&fake, 1) | 1);
	CHECK_HAS(fake.steps[2].what, "context entry");
	CHECK_HEX(fake.steps[2].raw[1], 0x702);
	CHECK_HAS(fake.steps[2].text, "domain id 7");
	CHECK_HAS(fake.steps[3].what, "level 4 [0x001]");
	CHECK_HAS(fake.steps[6].what, "level 1 [0x001]");
	CHECK_HEX(fake.steps[6].raw[0], 0x5000001);
	CHECK_HAS(fake_result(&fake), "reads reach 0x5000abc");
	CHECK_HAS(fake_result(&fake), "0x05");
	fake_fini(&fake);
}

static void a_large_page_ends_the_walk_early(void)
{
	struct fake fake;

	build(&fake);
	fake_page(&fake, 4)[1] = 0x40000083;
	fake_walk(&fake, 0x0820, 0x80402a1abc);
	CHECK_EQ(fake.nsteps, 7);
	CHECK_HAS(fake_result(&fake), "reads and writes reach 0x400a1abc");
	fake_fini(&fake);
}

static void each_way_to_be_blocked_has_its_reason(void)
{
	struct fake fake;

	build(&fake);
	CHECK_HAS(fake_walk(&fake, 0x0920, 0x8040201000), "fault 0x01: root entry not present");
	CHECK_HAS(fake_walk(&fake, 0x0821, 0x8040201000), "fault 0x02: context entry not present");
	CHECK_HAS(fake_walk(&fake, 0x0820, 0x8040202000), "fault 0x06: read permission");
	CHECK_HAS(fake_walk(&fake, 0x0820, UINT64_C(1) << 48), "fault 0x04");
	fake_page(&fake, 1)[2 * 0x20 + 1] = 0x703; /* five levels: not in SAGAW */
	CHECK_HAS(fake_walk(&fake, 0x0820, 0x8040201000), "fault 0x03");
	fake_page(&fake, 1)[2 * 0x20 + 1] = UINT64_C(1) << 40 | 0x702;
	CHECK_HAS(fake_walk(&fake, 0x0820, 0x8040201000), "fault 0x0b");
	fake_page(&fake, 1)[2 * 0x20 + 1] = 0x702;
	fake_page(&fake, 4)[1] = 0x40001083; /* 2 MiB, not on a multiple of it */
	CHECK_HAS(fake_walk(&fake, 0x0820, 0x8040201000), "fault 0x0c");
	fake_page(&fake, 2)[1] = 0x83; /* 512 GiB */
	CHECK_HAS(fake_walk(&fake, 0x0820, 0x8040201000), "fault 0x0c");
	fake_fini(&fake);
}

static void passthrough_and_translation_off_reach_the_address_itself(void)
{
	struct fake fake;

	build(&fake);
	fake_page(&fake, 1)[2 * 0x20] = 0x9;
	fake_walk(&fake, 0x0820, 0x1234000);
	CHECK_HAS(fake.steps[2].text, "pass-through");
	CHECK_HAS(fake_result(&fake), "reads and writes reach 0x1234000");
	fake_set(&fake, 0x1c, 4, 0);
	fake_walk(&fake, 0x0820, 0x1234000);
	CHECK_EQ(fake.nsteps, 2);
	CHECK_HAS(fake_result(&fake), "nothing is translated");
	fake_fini(&fake);
}

static void memory_that_cannot_be_read_ends_the_walk(void)
{
	struct fake fake;

	build(&fake);
	fake_page(&fake, 3)[1] = 0x7000003;
	CHECK_HAS(fake_walk(&fake, 0x0820, 0x8040201000), "level 2 [0x001] at 0x7000008 cannot be read");
	fake_fini(&fake);
}

static void a_short_array_gets_the_first_steps(void)
{
	struct fake fake;

	build(&fake);
	CHECK_EQ(vtd_driver.walk(&fake.plat, &fake.window, 0x0820, 0x8040201000, fake.steps, 2), 2);
	CHECK_HAS(fake.steps[1].what, "root entry");
	fake_fini(&fake);
}

/* ---- Description ---- */

static void capability_words_are_said_in_words(void)
{
	struct piommu_unit_facts facts = { .caps_known = true, .cap = { FAKE_CAP, FAKE_ECAP }, .version = 0x10 };
	char all[FAKE_WORDS];
	char version[16];
	struct fake fake;

	fake_init(&fake, FAKE_CAP, FAKE_ECAP);
	fake_describe(&fake, &facts, NULL, all);
	CHECK_HAS(all, "ND=65536 domain ids;");
	CHECK_HAS(all, "SAGAW=tables of 3 levels (39 bits) 4 levels (48 bits);");
	CHECK_HAS(all, "MGAW=addresses of 48 bits;");
	CHECK_HAS(all, "FRO=fault records at 0x220;");
	CHECK_HAS(all, "SLLPS=pages of 4 KiB, 2 MiB, 1 GiB;");
	CHECK_HAS(all, "NFR=1 fault records;");
	CHECK_HAS(all, "MAMV=up to 2^18 pages an invalidation;");
	CHECK_HAS(all, "PSI=page-selective invalidation;");
	CHECK_HAS(all, "DRD=");
	CHECK_HAS(all, "IRO=IOTLB registers at 0xf0;");
	CHECK_HAS(all, "QI=queued invalidation;");
	CHECK_HAS(all, "PT=pass-through;");
	CHECK_HAS(all, "IR=interrupt remapping;");
	CU_ASSERT(!strstr(all, ";C="));
	CU_ASSERT(!strstr(all, ";CM="));
	vtd_driver.version(&facts, NULL, version, sizeof(version));
	CHECK_HAS(version, "1.0");
	fake_fini(&fake);
}

static void a_window_serves_as_well_as_facts_and_neither_says_nothing(void)
{
	struct fake fake;
	struct piommu_unit_facts nothing = { 0 };
	char from_facts[FAKE_WORDS], from_window[FAKE_WORDS], none[FAKE_WORDS];
	struct piommu_unit_facts facts = { .caps_known = true, .cap = { FAKE_CAP, FAKE_ECAP }, .version = 0x10 };
	char version[16] = "x";

	fake_init(&fake, FAKE_CAP, FAKE_ECAP);
	fake_describe(&fake, &facts, NULL, from_facts);
	fake_describe(&fake, NULL, &fake.window, from_window);
	fake_describe(&fake, &nothing, NULL, none);
	CHECK_EQ(strcmp(from_facts, from_window), 0);
	CHECK_EQ(none[0], 0);
	vtd_driver.version(&nothing, NULL, version, sizeof(version));
	CHECK_EQ(version[0], 0);
	fake_fini(&fake);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(a_walk_shows_every_entry_down_to_the_page),
		SUITE_TEST(a_large_page_ends_the_walk_early),
		SUITE_TEST(each_way_to_be_blocked_has_its_reason),
		SUITE_TEST(passthrough_and_translation_off_reach_the_address_itself),
		SUITE_TEST(memory_that_cannot_be_read_ends_the_walk),
		SUITE_TEST(a_short_array_gets_the_first_steps),
		SUITE_TEST(capability_words_are_said_in_words),
		SUITE_TEST(a_window_serves_as_well_as_facts_and_neither_says_nothing),
	};

	return suite_run(argc, argv, "vtd_walk", tests, sizeof(tests) / sizeof(tests[0]));
}
