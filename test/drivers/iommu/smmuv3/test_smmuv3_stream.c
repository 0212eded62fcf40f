/* SPDX-License-Identifier: BSD-3-Clause */
/* Stream tables of two levels: entries that move with a copy of their table, and what becomes of the old one (3.21.3, 5.1). */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "arm_domain.h"
#include "drivers.h"
#include "fake_unit.h"
#include "suite.h"

#define TABLE_LEN 16384u

/* A unit, a device behind it, and two paging domains for tags 9 and 10. */
struct setup {
	struct fake fake;
	struct piommu_device device;
	struct piommu_domain *a, *b;
	unsigned from; /* first command of what is looked at */
};

static const struct fake_ids stage2_ids = { FAKE_IDR0 & ~2u, FAKE_IDR1, FAKE_IDR3, FAKE_IDR5 };

static struct piommu_domain *create(struct setup *s, enum piommu_domain_type type)
{
	struct piommu_domain *domain = NULL;

	CHECK_EQ(smmuv3_driver.domain_create(&s->fake.unit, type, 0, &domain), 0);
	return domain;
}

static void start(struct setup *s, const struct fake_ids *ids)
{
	fake_start(&s->fake, ids);
	s->device = (struct piommu_device){ .name = "dev", .unit = &s->fake.unit, .ids = { { 0x0820, 0 } }, .nids = 1 };
	s->a = create(s, PIOMMU_DOMAIN_PAGING);
	s->b = create(s, PIOMMU_DOMAIN_PAGING);
}

static void finish(struct setup *s)
{
	s->a->ops->destroy(s->a);
	s->b->ops->destroy(s->b);
	fake_fini(&s->fake);
}

static void move(struct setup *s, struct piommu_domain *domain, uint32_t tag)
{
	s->from = s->fake.ncommands;
	CHECK_EQ(smmuv3_driver.attach(&s->device, domain, tag), 0);
}

static void two_ids(struct setup *s, uint32_t first, uint32_t second)
{
	s->device.ids[0].id = first;
	s->device.ids[1].id = second;
	s->device.nids = 2;
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
static const char *table_of(struct setup *s, uint32_t stream)
{
	return (const char *)fake_ste(&s->fake, stream & ~0xffu);
}

/* All first-level descriptors and nothing else of it, one wait. */
static const struct smmuv3_cmd everything[] = { { 4, 0x1f }, { 0x46, 0 } };

static void a_first_device_moves_with_a_table_of_its_own(void)
{
	struct setup s;
	const char *shared;

	start(&s, &stage2_ids);
	shared = table_of(&s, 0x0820);
	move(&s, s.a, 9);
	fake_expect_commands(&s.fake, s.from, everything, 2);
	check_stage2(fake_ste(&s.fake, 0x0820), s.a, 9);
	check_bypass(fake_ste(&s.fake, 0x08ff));
	check_bypass((const struct smmuv3_ste *)(const void *)shared + 0x20);
	CU_ASSERT_PTR_EQUAL(table_of(&s, 0x0920), shared);
	finish(&s);
}

/* What hardware has when CMD_CFGI is executed: the old table, as it was, or the new one, complete. */
static struct {
	const char *old;
	char was[TABLE_LEN];
	unsigned syncs;
	struct setup *s;
} moment;

static void look_at_both(struct fake *fake)
{
	(void)fake;
	moment.syncs++;
	CHECK_EQ(memcmp(moment.old, moment.was, TABLE_LEN), 0);
	CU_ASSERT_PTR_NOT_EQUAL(table_of(moment.s, 0x0820), moment.old);
	check_stage2(fake_ste(&moment.s->fake, 0x0820), moment.s->b, 10);
	check_stage2(fake_ste(&moment.s->fake, 0x0821), moment.s->a, 9);
	check_bypass(fake_ste(&moment.s->fake, 0x0822));
}

static void between_stage_2_domains_the_old_table_stays_whole(void)
{
	struct setup s;

	start(&s, &stage2_ids);
	two_ids(&s, 0x0820, 0x0821);
	move(&s, s.a, 9);
	moment.old = table_of(&s, 0x0820);
	memcpy(moment.was, moment.old, TABLE_LEN);
	moment.syncs = 0;
	moment.s = &s;
	s.fake.on_sync = look_at_both;
	s.device.nids = 1;
	move(&s, s.b, 10);
	fake_expect_commands(&s.fake, s.from, everything, 2);
	CHECK_EQ(moment.syncs, 1);
	s.fake.on_sync = NULL;
	finish(&s);
}

/* No unit has domains of both stages today; the way is the same. */
static void from_stage_1_to_stage_2_and_back_is_a_change_of_tables_too(void)
{
	const struct smmuv3_table table = { 0x1000000, 12, 44, 4, 4, 0xff, true };
	const struct smmuv3_ste stage2 = smmuv3_ste_stage2(&table, 7);
	struct smmuv3_move at = { .stream = 0x0820 };
	struct smmuv3_ste stage1;
	struct setup s;

	start(&s, &fake_usual);
	move(&s, s.a, 9);
	stage1 = *fake_ste(&s.fake, 0x0820);
	for (unsigned i = 0; i < 2; i++) {
		const struct smmuv3_ste *want = i ? &stage1 : &stage2;

		s.from = s.fake.ncommands;
		CHECK_EQ(smmuv3_tables_swap(smmuv3_of(&s.fake.unit), &at, 1, want), 0);
		fake_expect_commands(&s.fake, s.from, everything, 2);
		CHECK_EQ(memcmp(fake_ste(&s.fake, 0x0820), want, sizeof(*want)), 0);
	}
	finish(&s);
}

static void ids_of_one_table_move_with_one_copy(void)
{
	struct setup s;
	const char *old;

	start(&s, &stage2_ids);
	two_ids(&s, 0x0800, 0x08ff);
	move(&s, s.a, 9);
	old = table_of(&s, 0x0800);
	move(&s, s.b, 10);
	fake_expect_commands(&s.fake, s.from, everything, 2);
	CU_ASSERT_PTR_NOT_EQUAL(table_of(&s, 0x0800), old);
	check_stage2(fake_ste(&s.fake, 0x0800), s.b, 10);
	check_stage2(fake_ste(&s.fake, 0x08ff), s.b, 10);
	move(&s, s.a, 9);
	CU_ASSERT_PTR_EQUAL(table_of(&s, 0x0800), old); /* one copy: it is the only spare one */
	finish(&s);
}

static void ids_of_several_tables_move_with_one_wait(void)
{
	struct setup s;

	start(&s, &stage2_ids);
	two_ids(&s, 0x0820, 0xff20);
	move(&s, s.a, 9);
	fake_expect_commands(&s.fake, s.from, everything, 2);
	move(&s, s.b, 10);
	fake_expect_commands(&s.fake, s.from, everything, 2);
	check_stage2(fake_ste(&s.fake, 0x0820), s.b, 10);
	check_stage2(fake_ste(&s.fake, 0xff20), s.b, 10);
	finish(&s);
}

/* Those of a device that could move where they are go with the others: the device moves as one. */
static void an_id_in_the_shared_table_takes_the_others_with_it(void)
{
	struct setup s;

	start(&s, &fake_usual);
	move(&s, s.a, 9);
	two_ids(&s, 0x0820, 0x0920);
	move(&s, s.b, 10);
	fake_expect_commands(&s.fake, s.from, everything, 2);
	CHECK_HEX(fake_cd(fake_ste(&s.fake, 0x0820))->w[1], arm_domain_of(s.b)->paging.pt.root_pa);
	CHECK_HEX(fake_cd(fake_ste(&s.fake, 0x0920))->w[1], arm_domain_of(s.b)->paging.pt.root_pa);
	finish(&s);
}

static void tables_that_were_replaced_are_the_next_copies(void)
{
	struct setup s;

	start(&s, &stage2_ids);
	two_ids(&s, 0x0820, 0x0920);
	move(&s, s.a, 9);
	move(&s, s.b, 10);
	s.fake.fail_alloc = 1;
	for (unsigned i = 0; i < 10; i++) {
		move(&s, i & 1 ? s.b : s.a, i & 1 ? 10 : 9);
		check_stage2(fake_ste(&s.fake, 0x0920), i & 1 ? s.b : s.a, i & 1 ? 10 : 9);
	}
	CHECK_EQ(s.fake.fail_alloc, 1);
	finish(&s);
}

static void memory_for_every_copy_is_there_before_anything_changes(void)
{
	for (unsigned nth = 1; nth <= 2; nth++) {
		struct setup s;
		const char *tables[2];

		start(&s, &stage2_ids);
		two_ids(&s, 0x0820, 0x0920);
		move(&s, s.a, 9);
		tables[0] = table_of(&s, 0x0820);
		tables[1] = table_of(&s, 0x0920);
		s.fake.ncommands = 0;
		s.fake.fail_alloc = nth;
		CHECK_EQ(smmuv3_driver.attach(&s.device, s.b, 10), -ENOMEM);
		CHECK_EQ(s.fake.ncommands, 0);
		CU_ASSERT_PTR_EQUAL(table_of(&s, 0x0820), tables[0]);
		CU_ASSERT_PTR_EQUAL(table_of(&s, 0x0920), tables[1]);
		check_stage2(fake_ste(&s.fake, 0x0820), s.a, 9);
		move(&s, s.b, 10);
		check_stage2(fake_ste(&s.fake, 0x0920), s.b, 10);
		finish(&s);
	}
}

static void each_command_that_fails_leaves_the_device_where_it_was(void)
{
	for (unsigned nth = 1; nth <= 2; nth++) {
		struct setup s;
		const char *old;

		start(&s, &stage2_ids);
		move(&s, s.a, 9);
		old = table_of(&s, 0x0820);
		s.fake.fail_command = nth;
		s.from = s.fake.ncommands;
		CHECK_EQ(smmuv3_driver.attach(&s.device, s.b, 10), -EIO);
		CU_ASSERT_PTR_EQUAL(table_of(&s, 0x0820), old);
		check_stage2(fake_ste(&s.fake, 0x0820), s.a, 9);
		/* Back is not enough: hardware is told, too. */
		CHECK_HEX(s.fake.commands[s.fake.ncommands - 2].lo, 4);
		CHECK_HEX(s.fake.commands[s.fake.ncommands - 2].hi, 0x1f);
		/* It was, so that the copy is a spare one. */
		s.fake.fail_alloc = 1;
		move(&s, s.b, 10);
		check_stage2(fake_ste(&s.fake, 0x0820), s.b, 10);
		finish(&s);
	}
}

/* Hardware may be in the copy or in the old table for as long as nothing was dropped: neither is written to. */
static void tables_of_a_move_that_is_not_known_to_be_back_are_left_alone(void)
{
	struct setup s;
	const struct smmuv3_l2 *tried;
	const char *old;

	start(&s, &stage2_ids);
	move(&s, s.a, 9);
	old = table_of(&s, 0x0820);
	s.fake.commands_stuck = true;
	CHECK_EQ(smmuv3_driver.attach(&s.device, s.b, 10), -ETIMEDOUT);
	tried = smmuv3_of(&s.fake.unit)->tables;
	CU_ASSERT_PTR_NOT_EQUAL_FATAL(tried->mem.va, old);
	check_stage2((const struct smmuv3_ste *)tried->mem.va + 0x20, s.b, 10);
	CU_ASSERT_PTR_EQUAL(table_of(&s, 0x0820), old);
	CHECK_EQ(smmuv3_of(&s.fake.unit)->config_unknown, true);
	CHECK_EQ(smmuv3_driver.attach(&s.device, s.b, 11), -ETIMEDOUT);
	check_stage2((const struct smmuv3_ste *)tried->mem.va + 0x20, s.b, 10);
	check_stage2(fake_ste(&s.fake, 0x0820), s.a, 9);

	s.fake.commands_stuck = false;
	move(&s, s.b, 12);
	CU_ASSERT_PTR_NOT_EQUAL(table_of(&s, 0x0820), (const char *)tried->mem.va);
	CU_ASSERT_PTR_NOT_EQUAL(table_of(&s, 0x0820), old);
	s.fake.fail_alloc = 1; /* and now all that was in doubt is a spare one */
	for (unsigned i = 0; i < 4; i++)
		move(&s, i & 1 ? s.b : s.a, i & 1 ? 10 : 9);
	finish(&s);
}

static void a_table_that_cannot_be_had_is_said_before_anything_moves(void)
{
	struct setup s;

	start(&s, &fake_usual);
	s.fake.fail_alloc = 1;
	CHECK_EQ(smmuv3_driver.attach(&s.device, s.a, 9), -ENOMEM);
	CHECK_EQ(s.fake.ncommands, 0);
	check_bypass(fake_ste(&s.fake, 0x0820));
	finish(&s);
}

static void tables_of_a_unit_that_does_not_snoop_are_written_back(void)
{
	struct setup s;

	start(&s, &(struct fake_ids){ FAKE_IDR0 & ~0x12u, FAKE_IDR1, FAKE_IDR3, FAKE_IDR5 });
	s.fake.writebacks = 0;
	move(&s, s.a, 9);
	CHECK_EQ(s.fake.writebacks, 3); /* the copy, its descriptor, commands */
	finish(&s);
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

static void attach_step_by_step(struct piommu_device *device, struct piommu_domain *domain, uint32_t tag)
{
	__asm__ volatile("pushfq\n\torq $0x100, (%%rsp)\n\tpopfq" ::: "memory", "cc");
	smmuv3_driver.attach(device, domain, tag);
	__asm__ volatile("pushfq\n\tandq $~0x100, (%%rsp)\n\tpopfq" ::: "memory", "cc");
}

static void at_every_instruction_a_stage_2_entry_is_the_old_one_or_the_new_one(void)
{
	struct setup s;

	signal(SIGTRAP, look);
	start(&s, &stage2_ids);
	two_ids(&s, 0x0820, 0x0920);
	watch.l1 = (const uint64_t *)(uintptr_t)(fake_reg(&s.fake, 0x80, 8) & UINT64_C(0xfffffffffffc0));
	move(&s, s.b, 10);
	watch.b = *fake_ste(&s.fake, 0x0820);
	move(&s, s.a, 9);
	watch.a = *fake_ste(&s.fake, 0x0820);
	attach_step_by_step(&s.device, s.b, 10);
	CU_ASSERT(same(fake_ste(&s.fake, 0x0820), &watch.b));
	attach_step_by_step(&s.device, s.a, 9);
	CU_ASSERT(same(fake_ste(&s.fake, 0x0920), &watch.a));
	signal(SIGTRAP, SIG_DFL);
	CU_ASSERT(watch.looks > 1000);
	CHECK_EQ(watch.torn, 0);
	CHECK_EQ(watch.neighbours, 0);
	finish(&s);
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
