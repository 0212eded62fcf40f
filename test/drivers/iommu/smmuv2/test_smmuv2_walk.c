/* SPDX-License-Identifier: BSD-3-Clause */
/* Walks over registers and tables written by hand (2.1, 2.3, 2.4; Arm ARM, D8.3), and identification registers in words. */
#include <stdio.h>
#include <string.h>

#include "drivers.h"
#include "fake_unit.h"
#include "suite.h"

#define STEPS 12u
#define IOVA UINT64_C(0x8040201000) /* index 1 at each of four levels */

/* Pages of memory, and registers that lead to them. */
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

/* Streams 0x100 to 0x10f by mapping 3 to bank 4: stage 1, ASID 7, 48 bits, down to a read-only page at 0x5000000. */
static void build(struct tables *t)
{
	fake_init(&t->fake);
	CHECK_EQ(piommu_env_mem_alloc(t->fake.mem, 0x4000, 0x1000, -1, &t->mem), 0);
	page(t, 0)[1] = pa(t, 1) | 3;
	page(t, 1)[1] = pa(t, 2) | 3;
	page(t, 2)[1] = pa(t, 3) | 3;
	page(t, 3)[1] = UINT64_C(0x00600000050007c3) | 0x80; /* AF, inner shareable, AP: read-only */
	fake_set(&t->fake, 0, 4, 0x200000);
	fake_stream(&t->fake, 3, 0x800f0100, 4);
	fake_set(&t->fake, FAKE_GR1 + 4 * 4, 4, 0x1f300);
	fake_set(&t->fake, FAKE_GR1 + 0x800 + 4 * 4, 4, 1);
	fake_set(&t->fake, FAKE_CB(4), 4, 0x1127);
	fake_set(&t->fake, FAKE_CB(4) + 0x30, 4, 0x803510);
	fake_set(&t->fake, FAKE_CB(4) + 0x20, 8, pa(t, 0) | UINT64_C(7) << 48);
}

static void walk(struct tables *t, uint32_t id, uint64_t iova)
{
	t->n = smmuv2_driver.walk(&t->fake.plat, &t->fake.window, id, iova, t->steps, STEPS);
	CHECK_EQ(t->fake.nwrites, 0);
}

static const char *result(const struct tables *t)
{
	return t->n ? t->steps[t->n - 1].text : "";
}

static void finish(struct tables *t)
{
	piommu_env_mem_free(t->fake.mem, &t->mem);
	fake_fini(&t->fake);
}

static void a_walk_shows_every_step_down_to_the_page(void)
{
	struct tables t;

	build(&t);
	walk(&t, 0x105, IOVA + 0xabc);
	CHECK_EQ(t.n, 8);
	CHECK_HAS(t.steps[0].what, "registers");
	CHECK_HAS(t.steps[1].what, "stream mapping 3");
	CHECK_HAS(t.steps[1].text, "id 0x100, mask 0xf: translated by context bank 4");
	CHECK_HEX(t.steps[1].raw[0], 0x800f0100);
	CHECK_HAS(t.steps[2].what, "context bank 4");
	CHECK_HAS(t.steps[2].text, "stage 1, ASID 7, 48 bits");
	CHECK_HAS(t.steps[3].what, "level 0 [0x001]");
	CHECK_HEX(t.steps[3].at_pa, pa(&t, 0) + 8);
	CHECK_HAS(t.steps[6].what, "level 3 [0x001]");
	CHECK_HAS(result(&t), "reads reach 0x5000abc; writes are blocked, permission fault");
	finish(&t);
}

static void what_is_not_mapped_is_blocked_with_the_fault_it_makes(void)
{
	struct tables t;

	build(&t);
	walk(&t, 0x100, IOVA + 0x1000);
	CHECK_HAS(result(&t), "blocked, translation fault");
	walk(&t, 0x100, UINT64_C(1) << 50);
	CHECK_HAS(result(&t), "blocked, translation fault");
	page(&t, 3)[1] &= ~UINT64_C(0x400);
	walk(&t, 0x100, IOVA);
	CHECK_HAS(result(&t), "blocked, access flag fault");
	page(&t, 3)[1] = UINT64_C(0x50007c1); /* no page */
	walk(&t, 0x100, IOVA);
	CHECK_HAS(result(&t), "blocked, translation fault");
	finish(&t);
}

static void a_block_ends_the_walk_where_it_may_be(void)
{
	struct tables t;

	build(&t);
	page(&t, 2)[1] = UINT64_C(0x40200745);
	walk(&t, 0x100, IOVA + 0x3456);
	CHECK_HAS(result(&t), "reads and writes reach 0x40204456"); /* IOVA is 0x1000 into its block of 2 MiB */
	page(&t, 0)[1] = UINT64_C(0x745);                           /* at the topmost level there are none */
	walk(&t, 0x100, IOVA);
	CHECK_HAS(result(&t), "blocked, translation fault");
	finish(&t);
}

static void stage_2_may_begin_with_tables_side_by_side(void)
{
	struct tables t;

	build(&t);
	/* 40 bits from level 1 on: two tables of 512 entries. The entry for the second half is in the second. */
	fake_set(&t.fake, FAKE_GR1 + 4 * 4, 4, 0x9);
	fake_set(&t.fake, FAKE_CB(4) + 0x30, 4, 0x80053558);
	fake_set(&t.fake, FAKE_CB(4) + 0x20, 8, pa(&t, 0));
	page(&t, 1)[0] = UINT64_C(0x000007bd); /* a block of 1 GiB at 0, write-only */
	walk(&t, 0x100, UINT64_C(0x8000001234));
	CHECK_HAS(t.steps[2].text, "stage 2, VMID 9, 40 bits");
	CHECK_HAS(t.steps[3].what, "level 1 [0x200]");
	CHECK_HEX(t.steps[3].at_pa, pa(&t, 1));
	CHECK_HAS(result(&t), "writes reach 0x1234; reads are blocked");
	finish(&t);
}

static void streams_without_a_bank_pass_or_fault_as_their_mapping_says(void)
{
	struct tables t;

	build(&t);
	walk(&t, 0x200, IOVA);
	CHECK_HAS(result(&t), "reads and writes reach 0x8040201000: no mapping matches");
	fake_set(&t.fake, 0, 4, 0x200400);
	walk(&t, 0x200, IOVA);
	CHECK_HAS(result(&t), "unidentified stream");
	fake_stream(&t.fake, 5, 0x80000200, 0x10000);
	walk(&t, 0x200, IOVA);
	CHECK_HAS(t.steps[1].text, "bypass");
	fake_stream(&t.fake, 5, 0x80000200, 0x20000);
	walk(&t, 0x200, IOVA);
	CHECK_HAS(result(&t), "invalid context");
	fake_stream(&t.fake, 6, 0x80010200, 4);
	walk(&t, 0x200, IOVA);
	CHECK_HAS(result(&t), "stream match conflict");
	fake_stream(&t.fake, 6, 0x80000300, 99);
	walk(&t, 0x300, IOVA);
	CHECK_HAS(result(&t), "unimplemented bank");
	fake_set(&t.fake, FAKE_CB(4), 4, 0);
	walk(&t, 0x100, IOVA);
	CHECK_HAS(t.steps[2].text, "does not translate");
	fake_set(&t.fake, 0, 4, 1);
	walk(&t, 0x200, IOVA);
	CHECK_HAS(result(&t), "nothing is translated");
	finish(&t);
}

static void a_walk_ends_with_the_room_there_is(void)
{
	struct tables t;

	build(&t);
	CHECK_EQ(smmuv2_driver.walk(&t.fake.plat, &t.fake.window, 0x100, IOVA, t.steps, 3), 3);
	CHECK_HAS(t.steps[2].what, "context bank");
	finish(&t);
}

static void what_is_not_decoded_is_said(void)
{
	struct tables t;

	build(&t);
	fake_set(&t.fake, FAKE_GR1 + 4 * 4, 4, 0x3f300);
	walk(&t, 0x100, IOVA);
	CHECK_HAS(result(&t), "second stage");
	fake_set(&t.fake, FAKE_GR1 + 4 * 4, 4, 0x1f300);
	fake_set(&t.fake, FAKE_GR1 + 0x800 + 4 * 4, 4, 0);
	walk(&t, 0x100, IOVA);
	CHECK_HAS(result(&t), "short format");
	finish(&t);
}

/* ---- Words ---- */

static void collect(void *ctx, const char *name, const char *text)
{
	char *all = ctx;

	snprintf(all + strlen(all), 2048 - strlen(all), "%s=%s;", name, text);
}

static void registers_are_said_in_words(void)
{
	struct piommu_unit_facts facts = { .caps_known = true,
					   .cap = { FAKE_IDR0 | (uint64_t)FAKE_IDR1 << 32, FAKE_IDR2 | UINT64_C(0x24) << 32 } };
	char all[2048] = "", same[2048] = "", version[16];
	struct fake fake;

	fake_init(&fake);
	fake_set(&fake, 0x3c, 4, 0x24);
	smmuv2_driver.describe(NULL, &fake.window, collect, all);
	CHECK_HAS(all, "SMS=stream matching;");
	CHECK_HAS(all, "NUMSMRG=8 stream mappings;");
	CHECK_HAS(all, "NUMCB=8 context banks;");
	CHECK_HAS(all, "OAS=output addresses of 48 bits;");
	CHECK_HAS(all, "PTFSv8_4kB=");
	CU_ASSERT_PTR_NULL(strstr(all, "EXIDS"));
	smmuv2_driver.describe(&facts, NULL, collect, same);
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
