/* SPDX-License-Identifier: BSD-3-Clause */
/* Walks over tables written by hand (9.1, 9.3, 9.8), and capability words in words (11.4.2, 11.4.3). */
#include <stdio.h>
#include <string.h>

#include "drivers.h"
#include "fake_unit.h"
#include "suite.h"

#define STEPS 12u

/* Pages of memory, and registers that point at them: root, context, then four levels. */
struct tables {
	struct fake fake;
	struct piommu_mem mem;
	struct piommu_walk_step steps[STEPS];
	unsigned n;
};

static uint64_t *page(struct tables *t, unsigned i)
{
	return (uint64_t *)(void *)((char *)t->mem.va + 0x1000 * i);
}

static uint64_t pa(const struct tables *t, unsigned i)
{
	return t->mem.pa + 0x1000 * i;
}

/* Device 08:04.0, domain 7: IOVA 0x8040201000 goes index 1 on each level to a read-only page at 0x5000000. */
static void build(struct tables *t)
{
	fake_init(&t->fake, FAKE_CAP, FAKE_ECAP);
	CHECK_EQ(piommu_env_mem_alloc(t->fake.mem, 0x6000, 0x1000, -1, &t->mem), 0);
	page(t, 0)[2 * 0x08] = pa(t, 1) | 1;
	page(t, 1)[2 * 0x20] = pa(t, 2) | 1;
	page(t, 1)[2 * 0x20 + 1] = 0x702;
	page(t, 2)[1] = pa(t, 3) | 3;
	page(t, 3)[1] = pa(t, 4) | 3;
	page(t, 4)[1] = pa(t, 5) | 3;
	page(t, 5)[1] = 0x5000001;
	fake_set(&t->fake, 0x1c, 4, 0xc0000000);
	fake_set(&t->fake, 0x20, 8, pa(t, 0));
}

static void walk(struct tables *t, uint16_t rid, uint64_t iova)
{
	t->n = vtd_driver.walk(&t->fake.plat, &t->fake.window, rid, iova, t->steps, STEPS);
	CHECK_EQ(t->fake.nwrites, 0);
}

static void finish(struct tables *t)
{
	piommu_env_mem_free(t->fake.mem, &t->mem);
	fake_fini(&t->fake);
}

static const char *result(const struct tables *t)
{
	return t->n ? t->steps[t->n - 1].text : "";
}

static void a_walk_shows_every_entry_down_to_the_page(void)
{
	struct tables t;

	build(&t);
	walk(&t, 0x0820, 0x8040201abc);
	CHECK_EQ(t.n, 8);
	CHECK_HAS(t.steps[0].what, "registers");
	CHECK_HAS(t.steps[1].what, "root entry");
	CHECK_HEX(t.steps[1].at_pa, pa(&t, 0) + 16 * 8);
	CHECK_HEX(t.steps[1].raw[0], pa(&t, 1) | 1);
	CHECK_HAS(t.steps[2].what, "context entry");
	CHECK_HEX(t.steps[2].raw[1], 0x702);
	CHECK_HAS(t.steps[2].text, "domain id 7");
	CHECK_HAS(t.steps[3].what, "level 4 [0x001]");
	CHECK_HAS(t.steps[6].what, "level 1 [0x001]");
	CHECK_HEX(t.steps[6].raw[0], 0x5000001);
	CHECK_HAS(result(&t), "reads reach 0x5000abc");
	CHECK_HAS(result(&t), "0x05");
	finish(&t);
}

static void a_large_page_ends_the_walk_early(void)
{
	struct tables t;

	build(&t);
	page(&t, 4)[1] = 0x40000083;
	walk(&t, 0x0820, 0x80402a1abc);
	CHECK_EQ(t.n, 7);
	CHECK_HAS(result(&t), "reads and writes reach 0x400a1abc");
	finish(&t);
}

static void each_way_to_be_blocked_has_its_reason(void)
{
	struct tables t;

	build(&t);
	walk(&t, 0x0920, 0x8040201000);
	CHECK_HAS(result(&t), "fault 0x01: root entry not present");
	walk(&t, 0x0821, 0x8040201000);
	CHECK_HAS(result(&t), "fault 0x02: context entry not present");
	walk(&t, 0x0820, 0x8040202000);
	CHECK_HAS(result(&t), "fault 0x06: read permission");
	walk(&t, 0x0820, UINT64_C(1) << 48);
	CHECK_HAS(result(&t), "fault 0x04");
	page(&t, 1)[2 * 0x20 + 1] = 0x703; /* five levels: not in SAGAW */
	walk(&t, 0x0820, 0x8040201000);
	CHECK_HAS(result(&t), "fault 0x03");
	page(&t, 1)[2 * 0x20 + 1] = UINT64_C(1) << 40 | 0x702;
	walk(&t, 0x0820, 0x8040201000);
	CHECK_HAS(result(&t), "fault 0x0b");
	page(&t, 1)[2 * 0x20 + 1] = 0x702;
	page(&t, 4)[1] = 0x40001083; /* 2 MiB, not on a multiple of it */
	walk(&t, 0x0820, 0x8040201000);
	CHECK_HAS(result(&t), "fault 0x0c");
	page(&t, 2)[1] = 0x83; /* 512 GiB */
	walk(&t, 0x0820, 0x8040201000);
	CHECK_HAS(result(&t), "fault 0x0c");
	finish(&t);
}

static void passthrough_and_translation_off_reach_the_address_itself(void)
{
	struct tables t;

	build(&t);
	page(&t, 1)[2 * 0x20] = 0x9;
	walk(&t, 0x0820, 0x1234000);
	CHECK_HAS(t.steps[2].text, "pass-through");
	CHECK_HAS(result(&t), "reads and writes reach 0x1234000");
	fake_set(&t.fake, 0x1c, 4, 0);
	walk(&t, 0x0820, 0x1234000);
	CHECK_EQ(t.n, 2);
	CHECK_HAS(result(&t), "nothing is translated");
	finish(&t);
}

static void memory_that_cannot_be_read_ends_the_walk(void)
{
	struct tables t;

	build(&t);
	page(&t, 3)[1] = 0x7000003;
	walk(&t, 0x0820, 0x8040201000);
	CHECK_HAS(result(&t), "level 2 [0x001] at 0x7000008 cannot be read");
	finish(&t);
}

static void a_short_array_gets_the_first_steps(void)
{
	struct tables t;

	build(&t);
	CHECK_EQ(vtd_driver.walk(&t.fake.plat, &t.fake.window, 0x0820, 0x8040201000, t.steps, 2), 2);
	CHECK_HAS(t.steps[1].what, "root entry");
	finish(&t);
}

/* ---- Description ---- */

static void collect(void *ctx, const char *name, const char *text)
{
	char *all = ctx;
	size_t used = strlen(all);

	snprintf(all + used, 4096 - used, "%s=%s;", name, text);
}

static void capability_words_are_said_in_words(void)
{
	struct piommu_unit_facts facts = { .caps_known = true, .cap = { FAKE_CAP, FAKE_ECAP }, .version = 0x10 };
	char all[4096] = "";
	char version[16];

	vtd_driver.describe(&facts, NULL, collect, all);
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
}

static void a_window_serves_as_well_as_facts_and_neither_says_nothing(void)
{
	struct fake fake;
	struct piommu_unit_facts nothing = { 0 };
	char from_facts[4096] = "", from_window[4096] = "", none[4096] = "";
	struct piommu_unit_facts facts = { .caps_known = true, .cap = { FAKE_CAP, FAKE_ECAP }, .version = 0x10 };
	char version[16] = "x";

	fake_init(&fake, FAKE_CAP, FAKE_ECAP);
	vtd_driver.describe(&facts, NULL, collect, from_facts);
	vtd_driver.describe(NULL, &fake.window, collect, from_window);
	vtd_driver.describe(&nothing, NULL, collect, none);
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
