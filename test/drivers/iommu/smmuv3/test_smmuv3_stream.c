/* SPDX-License-Identifier: BSD-3-Clause */
/* Stream tables of two levels: entries that move with a copy of their table, and what becomes of the old one (3.21.3, 5.1). */
#include <errno.h>
#include <string.h>

#include "arm_domain.h"
#include "drivers.h"
#include "fake_unit.h"
#include "suite.h"

#define TABLE_LEN 16384u

static const struct fake_ids stage2_ids = { FAKE_IDR0 & ~2u, FAKE_IDR1, FAKE_IDR3, FAKE_IDR5 };

/* A unit, a device behind it, and two paging domains for tags 9 and 10. */
static void start(struct fake *fake, const struct fake_ids *ids)
{
	fake_start(fake, ids);
	fake_device(fake);
}

static void move(struct fake *fake, struct piommu_domain *domain, uint32_t tag)
{
	fake->from = fake->ncommands;
	CHECK_EQ(smmuv3_driver.attach(&fake->device, domain, tag), 0);
}

static void two_ids(struct fake *fake, uint32_t first, uint32_t second)
{
	fake->device.ids[0].id = first;
	fake->device.ids[1].id = second;
	fake->device.nids = 2;
}

/* By the figures of 5.2: 44 bits, 4 KiB, four levels. */
static void check_stage2(const struct smmuv3_ste *ste, struct piommu_domain *domain, uint32_t tag)
{
	CHECK_HEX(ste->w[0], 0xd);
	CHECK_HEX(ste->w[1], UINT64_C(0x100000000000));
	CHECK_HEX(ste->w[2], UINT64_C(0x040c359400000000) | tag);
	CHECK_HEX(ste->w[3], arm_domain_of(domain)->paging.pt.root_pa);
}

static void check_bypass(const struct smmuv3_ste *ste)
{
	CHECK_HEX(ste->w[0], 0x9);
	CHECK_HEX(ste->w[1], UINT64_C(0x100000000000));
}

/* The table that a stream is in. */
static const char *table_of(struct fake *fake, uint32_t stream)
{
	return (const char *)fake_ste(fake, stream & ~0xffu);
}

/* All first-level descriptors and nothing else of it, one wait. */
static const struct smmuv3_cmd everything[] = { { 4, 0x1f }, { 0x46, 0 } };

static void a_first_device_moves_with_a_table_of_its_own(void)
{
	struct fake fake;
	const char *shared;

	start(&fake, &stage2_ids);
	shared = table_of(&fake, 0x0820);
	move(&fake, fake.a, 9);
	fake_expect_commands(&fake, fake.from, everything, 2);
	check_stage2(fake_ste(&fake, 0x0820), fake.a, 9);
	check_bypass(fake_ste(&fake, 0x08ff));
	check_bypass((const struct smmuv3_ste *)(const void *)shared + 0x20);
	CU_ASSERT_PTR_EQUAL(table_of(&fake, 0x0920), shared);
	fake_fini(&fake);
}

/* What hardware has when CMD_CFGI is executed: the old table, as it was, or the new one, complete. */
static struct {
	const char *old;
	char was[TABLE_LEN];
	unsigned syncs;
} moment;

static void look_at_both(struct fake *fake)
{
	moment.syncs++;
	CHECK_EQ(memcmp(moment.old, moment.was, TABLE_LEN), 0);
	CU_ASSERT_PTR_NOT_EQUAL(table_of(fake, 0x0820), moment.old);
	check_stage2(fake_ste(fake, 0x0820), fake->b, 10);
	check_stage2(fake_ste(fake, 0x0821), fake->a, 9);
	check_bypass(fake_ste(fake, 0x0822));
}

static void between_stage_2_domains_the_old_table_stays_whole(void)
{
	struct fake fake;

	start(&fake, &stage2_ids);
	two_ids(&fake, 0x0820, 0x0821);
	move(&fake, fake.a, 9);
	moment.old = table_of(&fake, 0x0820);
	memcpy(moment.was, moment.old, TABLE_LEN);
	moment.syncs = 0;
	fake.on_sync = look_at_both;
	fake.device.nids = 1;
	move(&fake, fake.b, 10);
	fake_expect_commands(&fake, fake.from, everything, 2);
	CHECK_EQ(moment.syncs, 1);
	fake.on_sync = NULL;
	fake_fini(&fake);
}

/* No unit has domains of both stages today; the way is the same. */
static void from_stage_1_to_stage_2_and_back_is_a_change_of_tables_too(void)
{
	const struct smmuv3_table table = { 0x1000000, 12, 44, 4, 4, 0xff, true };
	const struct smmuv3_ste stage2 = smmuv3_ste_stage2(&table, 7);
	struct smmuv3_move at = { .stream = 0x0820 };
	struct smmuv3_ste stage1;
	struct fake fake;

	start(&fake, &fake_usual);
	move(&fake, fake.a, 9);
	stage1 = *fake_ste(&fake, 0x0820);
	for (unsigned i = 0; i < 2; i++) {
		const struct smmuv3_ste *want = i ? &stage1 : &stage2;

		fake.from = fake.ncommands;
		CHECK_EQ(smmuv3_tables_swap(smmuv3_of(&fake.unit), &at, 1, want), 0);
		fake_expect_commands(&fake, fake.from, everything, 2);
		CHECK_EQ(memcmp(fake_ste(&fake, 0x0820), want, sizeof(*want)), 0);
	}
	fake_fini(&fake);
}

static void ids_of_one_table_move_with_one_copy(void)
{
	struct fake fake;
	const char *old;

	start(&fake, &stage2_ids);
	two_ids(&fake, 0x0800, 0x08ff);
	move(&fake, fake.a, 9);
	old = table_of(&fake, 0x0800);
	move(&fake, fake.b, 10);
	fake_expect_commands(&fake, fake.from, everything, 2);
	CU_ASSERT_PTR_NOT_EQUAL(table_of(&fake, 0x0800), old);
	check_stage2(fake_ste(&fake, 0x0800), fake.b, 10);
	check_stage2(fake_ste(&fake, 0x08ff), fake.b, 10);
	move(&fake, fake.a, 9);
	CU_ASSERT_PTR_EQUAL(table_of(&fake, 0x0800), old); /* one copy: it is the only spare one */
	fake_fini(&fake);
}

static void ids_of_several_tables_move_with_one_wait(void)
{
	struct fake fake;

	start(&fake, &stage2_ids);
	two_ids(&fake, 0x0820, 0xff20);
	move(&fake, fake.a, 9);
	fake_expect_commands(&fake, fake.from, everything, 2);
	move(&fake, fake.b, 10);
	fake_expect_commands(&fake, fake.from, everything, 2);
	check_stage2(fake_ste(&fake, 0x0820), fake.b, 10);
	check_stage2(fake_ste(&fake, 0xff20), fake.b, 10);
	fake_fini(&fake);
}

/* Those of a device that could move where they are go with the others: the device moves as one. */
static void an_id_in_the_shared_table_takes_the_others_with_it(void)
{
	struct fake fake;

	start(&fake, &fake_usual);
	move(&fake, fake.a, 9);
	two_ids(&fake, 0x0820, 0x0920);
	move(&fake, fake.b, 10);
	fake_expect_commands(&fake, fake.from, everything, 2);
	CHECK_HEX(fake_cd(fake_ste(&fake, 0x0820))->w[1], arm_domain_of(fake.b)->paging.pt.root_pa);
	CHECK_HEX(fake_cd(fake_ste(&fake, 0x0920))->w[1], arm_domain_of(fake.b)->paging.pt.root_pa);
	fake_fini(&fake);
}

static void tables_that_were_replaced_are_the_next_copies(void)
{
	struct fake fake;

	start(&fake, &stage2_ids);
	two_ids(&fake, 0x0820, 0x0920);
	move(&fake, fake.a, 9);
	move(&fake, fake.b, 10);
	fake.fail_alloc = 1;
	for (unsigned i = 0; i < 10; i++) {
		move(&fake, i & 1 ? fake.b : fake.a, i & 1 ? 10 : 9);
		check_stage2(fake_ste(&fake, 0x0920), i & 1 ? fake.b : fake.a, i & 1 ? 10 : 9);
	}
	CHECK_EQ(fake.fail_alloc, 1);
	fake_fini(&fake);
}

static void memory_for_every_copy_is_there_before_anything_changes(void)
{
	for (unsigned nth = 1; nth <= 2; nth++) {
		struct fake fake;
		const char *tables[2];

		start(&fake, &stage2_ids);
		two_ids(&fake, 0x0820, 0x0920);
		move(&fake, fake.a, 9);
		tables[0] = table_of(&fake, 0x0820);
		tables[1] = table_of(&fake, 0x0920);
		fake.ncommands = 0;
		fake.fail_alloc = nth;
		CHECK_EQ(smmuv3_driver.attach(&fake.device, fake.b, 10), -ENOMEM);
		CHECK_EQ(fake.ncommands, 0);
		CU_ASSERT_PTR_EQUAL(table_of(&fake, 0x0820), tables[0]);
		CU_ASSERT_PTR_EQUAL(table_of(&fake, 0x0920), tables[1]);
		check_stage2(fake_ste(&fake, 0x0820), fake.a, 9);
		move(&fake, fake.b, 10);
		check_stage2(fake_ste(&fake, 0x0920), fake.b, 10);
		fake_fini(&fake);
	}
}

static void each_command_that_fails_leaves_the_device_where_it_was(void)
{
	for (unsigned nth = 1; nth <= 2; nth++) {
		struct fake fake;
		const char *old;

		start(&fake, &stage2_ids);
		move(&fake, fake.a, 9);
		old = table_of(&fake, 0x0820);
		fake.fail_command = nth;
		fake.from = fake.ncommands;
		CHECK_EQ(smmuv3_driver.attach(&fake.device, fake.b, 10), -EIO);
		CU_ASSERT_PTR_EQUAL(table_of(&fake, 0x0820), old);
		check_stage2(fake_ste(&fake, 0x0820), fake.a, 9);
		/* Back is not enough: hardware is told, too. */
		CHECK_HEX(fake.commands[fake.ncommands - 2].lo, 4);
		CHECK_HEX(fake.commands[fake.ncommands - 2].hi, 0x1f);
		/* It was, so that the copy is a spare one. */
		fake.fail_alloc = 1;
		move(&fake, fake.b, 10);
		check_stage2(fake_ste(&fake, 0x0820), fake.b, 10);
		fake_fini(&fake);
	}
}

/* Hardware may be in the copy or in the old table for as long as nothing was dropped: neither is written to. */
static void tables_of_a_move_that_is_not_known_to_be_back_are_left_alone(void)
{
	struct fake fake;
	const struct smmuv3_l2 *tried;
	const char *old;

	start(&fake, &stage2_ids);
	move(&fake, fake.a, 9);
	old = table_of(&fake, 0x0820);
	fake.commands_stuck = true;
	CHECK_EQ(smmuv3_driver.attach(&fake.device, fake.b, 10), -ETIMEDOUT);
	tried = smmuv3_of(&fake.unit)->tables;
	CU_ASSERT_PTR_NOT_EQUAL_FATAL(tried->mem.va, old);
	check_stage2((const struct smmuv3_ste *)tried->mem.va + 0x20, fake.b, 10);
	CU_ASSERT_PTR_EQUAL(table_of(&fake, 0x0820), old);
	CHECK_EQ(smmuv3_of(&fake.unit)->config_unknown, true);
	CHECK_EQ(smmuv3_driver.attach(&fake.device, fake.b, 11), -ETIMEDOUT);
	check_stage2((const struct smmuv3_ste *)tried->mem.va + 0x20, fake.b, 10);
	check_stage2(fake_ste(&fake, 0x0820), fake.a, 9);

	fake.commands_stuck = false;
	move(&fake, fake.b, 12);
	CU_ASSERT_PTR_NOT_EQUAL(table_of(&fake, 0x0820), (const char *)tried->mem.va);
	CU_ASSERT_PTR_NOT_EQUAL(table_of(&fake, 0x0820), old);
	fake.fail_alloc = 1; /* and now all that was in doubt is a spare one */
	for (unsigned i = 0; i < 4; i++)
		move(&fake, i & 1 ? fake.b : fake.a, i & 1 ? 10 : 9);
	fake_fini(&fake);
}

static void a_table_that_cannot_be_had_is_said_before_anything_moves(void)
{
	struct fake fake;

	start(&fake, &fake_usual);
	fake.fail_alloc = 1;
	CHECK_EQ(smmuv3_driver.attach(&fake.device, fake.a, 9), -ENOMEM);
	CHECK_EQ(fake.ncommands, 0);
	check_bypass(fake_ste(&fake, 0x0820));
	fake_fini(&fake);
}

static void tables_of_a_unit_that_does_not_snoop_are_written_back(void)
{
	struct fake fake;

	start(&fake, &(struct fake_ids){ FAKE_IDR0 & ~0x12u, FAKE_IDR1, FAKE_IDR3, FAKE_IDR5 });
	fake.writebacks = 0;
	move(&fake, fake.a, 9);
	CHECK_EQ(fake.writebacks, 3); /* the copy, its descriptor, commands */
	fake_fini(&fake);
}

#if defined(__x86_64__) && !defined(UNDER_TSAN)
/*
 * What hardware could find, looked at after every single instruction of an attach (the processor's trap flag): from the first level down,
 * the stream itself, one of the same device in another table, and a neighbour. As in test_vtd_entry.c not under ThreadSanitizer.
 */
static struct {
	const uint64_t *l1;
	struct smmuv3_ste a, b;
	unsigned looks, torn, neighbours;
} watch;

static const struct smmuv3_ste *find(uint32_t stream)
{
	return (const struct smmuv3_ste *)(uintptr_t)(watch.l1[stream >> 8] & UINT64_C(0xfffffffffffc0)) + (stream & 0xff);
}

static bool same(const struct smmuv3_ste *x, const struct smmuv3_ste *y)
{
	bool is_same = true;

	for (unsigned i = 0; i < 8; i++)
		is_same &= x->w[i] == y->w[i];
	return is_same;
}

static void look(int signal)
{
	const uint32_t streams[2] = { 0x0820, 0x0920 };

	(void)signal;
	watch.looks++;
	for (unsigned i = 0; i < 2; i++)
		watch.torn += !same(find(streams[i]), &watch.a) && !same(find(streams[i]), &watch.b);
	watch.neighbours += find(0x0821)->w[0] != 0x9;
}

static void at_every_instruction_a_stage_2_entry_is_the_old_one_or_the_new_one(void)
{
	struct fake fake;

	start(&fake, &stage2_ids);
	two_ids(&fake, 0x0820, 0x0920);
	watch.l1 = (const uint64_t *)(uintptr_t)(fake_reg(&fake, 0x80, 8) & UINT64_C(0xfffffffffffc0));
	move(&fake, fake.b, 10);
	watch.b = *fake_ste(&fake, 0x0820);
	move(&fake, fake.a, 9);
	watch.a = *fake_ste(&fake, 0x0820);
	fake_attach_stepping(&fake, fake.b, 10, look);
	CU_ASSERT(same(fake_ste(&fake, 0x0820), &watch.b));
	fake_attach_stepping(&fake, fake.a, 9, look);
	CU_ASSERT(same(fake_ste(&fake, 0x0920), &watch.a));
	CU_ASSERT(watch.looks > 1000);
	CHECK_EQ(watch.torn, 0);
	CHECK_EQ(watch.neighbours, 0);
	fake_fini(&fake);
}
#endif

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(a_first_device_moves_with_a_table_of_its_own),
		SUITE_TEST(between_stage_2_domains_the_old_table_stays_whole),
		SUITE_TEST(from_stage_1_to_stage_2_and_back_is_a_change_of_tables_too),
		SUITE_TEST(ids_of_one_table_move_with_one_copy),
		SUITE_TEST(ids_of_several_tables_move_with_one_wait),
		SUITE_TEST(an_id_in_the_shared_table_takes_the_others_with_it),
		SUITE_TEST(tables_that_were_replaced_are_the_next_copies),
		SUITE_TEST(memory_for_every_copy_is_there_before_anything_changes),
		SUITE_TEST(each_command_that_fails_leaves_the_device_where_it_was),
		SUITE_TEST(tables_of_a_move_that_is_not_known_to_be_back_are_left_alone),
		SUITE_TEST(a_table_that_cannot_be_had_is_said_before_anything_moves),
		SUITE_TEST(tables_of_a_unit_that_does_not_snoop_are_written_back),
#if defined(__x86_64__) && !defined(UNDER_TSAN)
		SUITE_TEST(at_every_instruction_a_stage_2_entry_is_the_old_one_or_the_new_one),
#endif
	};

	return suite_run(argc, argv, "smmuv3_stream", tests, sizeof(tests) / sizeof(tests[0]));
}
