/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How a device's stream table entries move word by word, what hardware may see meanwhile, and what is invalidated then (3.21.3, 5.2, 5.4).
 * By a copy of their table: test_smmuv3_stream.c.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "arm_domain.h"
#include "drivers.h"
#include "fake_unit.h"
#include "suite.h"

#define NKINDS 10u

/* ---- The way of an entry: nothing but values ---- */

/* Every Config, and of each translating one two that differ in all they have. */
static void make_kinds(struct smmuv3_ste kinds[NKINDS])
{
	const struct smmuv3_table one = { 0x1000000, 12, 44, 4, 4, 0xff, true };
	const struct smmuv3_table other = { 0x2000000, 12, 39, 3, 4, 0xff, true };

	memset(kinds, 0, NKINDS * sizeof(*kinds));
	kinds[1] = smmuv3_ste_abort();
	kinds[2] = smmuv3_ste_bypass();
	kinds[3] = smmuv3_ste_stage1(0x3000040, true);
	kinds[4] = smmuv3_ste_stage1(0x4000080, true);
	kinds[5] = smmuv3_ste_stage1(0x4000080, false);
	kinds[6] = smmuv3_ste_stage2(&one, 7);
	kinds[7] = smmuv3_ste_stage2(&other, 9);
	kinds[8] = smmuv3_ste_stage2(&other, 7);
	kinds[9] = smmuv3_ste_stage2(&one, 7); /* stage 1 over it */
	kinds[9].w[0] = 0x500004f;
	kinds[9].w[1] |= 0xd4;
}

/* What an SMMU makes of an entry (5.2), apart from the driver's own idea of it: fields that its Config does not use count as 0. */
static struct smmuv3_ste look(const struct smmuv3_ste *ste)
{
	const uint64_t attributes = UINT64_C(0x000ff1ff00000000); /* MEMATTR MTCFG ALLOCCFG SHCFG NSCFG PRIVCFG INSTCFG */
	unsigned config = ste->w[0] >> 1 & 7;
	struct smmuv3_ste seen = { { 0 } };

	if (!(ste->w[0] & 1) || !(config & 4)) {
		seen.w[0] = ste->w[0] & 1; /* C_BAD_STE, or abort: neither lets anything through */
		return seen;
	}
	seen.w[0] = ste->w[0] & 0xf;
	seen.w[1] = ste->w[1] & attributes;
	if (config & 1) {
		seen.w[0] |= ste->w[0] & UINT64_C(0xf80ffffffffffff0); /* S1CDMax S1ContextPtr S1Fmt */
		seen.w[1] |= ste->w[1] & 0xf80800ff;                   /* STRW EATS S1STALLD MEV S1CSH S1COR S1CIR S1DSS */
		seen.w[2] = ste->w[2] & 0xffff;
	}
	if (config & 2) {
		seen.w[1] |= ste->w[1] & 0x30080000; /* EATS MEV */
		seen.w[2] = ste->w[2];
		seen.w[3] = ste->w[3];
	}
	return seen;
}

static bool same(const struct smmuv3_ste *a, const struct smmuv3_ste *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static bool lets_nothing_through(const struct smmuv3_ste *ste)
{
	return !(ste->w[0] & 1) || !(ste->w[0] & 8);
}

/* Whatever subset of a step's words hardware has got, it sees the old entry, the new one, or no way through. @return aborts seen */
static unsigned check_step(const struct smmuv3_ste *now, const struct smmuv3_ste *next, const struct smmuv3_ste *was,
			   const struct smmuv3_ste *want)
{
	const struct smmuv3_ste old_view = look(was);
	const struct smmuv3_ste new_view = look(want);
	unsigned aborts = 0;

	for (unsigned subset = 0; subset < 256; subset++) {
		struct smmuv3_ste torn = *now;
		struct smmuv3_ste view;

		for (unsigned i = 0; i < 8; i++) {
			if (subset & 1u << i)
				torn.w[i] = next->w[i];
		}
		view = look(&torn);
		if (same(&view, &old_view) || same(&view, &new_view))
			continue;
		CU_ASSERT(lets_nothing_through(&torn));
		aborts++;
	}
	return aborts;
}

/* @return steps; `*aborts`: states in which nothing gets through, though it does before and after */
static unsigned check_way(const struct smmuv3_ste *was, const struct smmuv3_ste *want, unsigned *aborts)
{
	struct smmuv3_ste now = *was;
	struct smmuv3_ste next;
	unsigned steps = 0;

	*aborts = 0;
	while (steps < 10 && smmuv3_ste_next(&now, want, &next)) {
		CU_ASSERT_FALSE(same(&now, &next));
		*aborts += check_step(&now, &next, was, want);
		now = next;
		steps++;
	}
	CU_ASSERT(same(&now, want));
	return steps;
}

static void at_every_instant_an_entry_is_old_or_new_or_aborts(void)
{
	struct smmuv3_ste kinds[NKINDS];
	unsigned aborts;

	make_kinds(kinds);
	for (unsigned from = 0; from < NKINDS; from++) {
		for (unsigned to = 0; to < NKINDS; to++) {
			unsigned steps = check_way(&kinds[from], &kinds[to], &aborts);

			CU_ASSERT(steps <= 5);
			CU_ASSERT(steps > 0 || same(&kinds[from], &kinds[to]));
		}
	}
}

/* What such a way never shows is a third state (rule R7); for the others the table is copied. */
static void what_moves_in_words_does_not_abort_on_its_way(void)
{
	struct smmuv3_ste kinds[NKINDS];
	unsigned aborts;

	make_kinds(kinds);
	for (unsigned from = 0; from < NKINDS; from++) {
		for (unsigned to = 0; to < NKINDS; to++) {
			check_way(&kinds[from], &kinds[to], &aborts);
			CHECK_EQ(smmuv3_ste_moves_in_words(&kinds[from], &kinds[to]), aborts == 0);
		}
	}
}

/* Which are the moves of every day on a unit of either stage, and which are not. */
static void all_but_a_change_of_stage_2_moves_in_words(void)
{
	struct smmuv3_ste kinds[NKINDS];

	make_kinds(kinds);
	for (unsigned from = 1; from <= 4; from++) {
		for (unsigned to = 1; to <= 4; to++)
			CU_ASSERT(smmuv3_ste_moves_in_words(&kinds[from], &kinds[to]));
	}
	for (unsigned other = 1; other <= 2; other++) {
		CU_ASSERT(smmuv3_ste_moves_in_words(&kinds[other], &kinds[6]));
		CU_ASSERT(smmuv3_ste_moves_in_words(&kinds[6], &kinds[other]));
	}
	CU_ASSERT_FALSE(smmuv3_ste_moves_in_words(&kinds[6], &kinds[7]));
	CU_ASSERT_FALSE(smmuv3_ste_moves_in_words(&kinds[3], &kinds[6]));
	CU_ASSERT_FALSE(smmuv3_ste_moves_in_words(&kinds[6], &kinds[3]));
}

static void from_stage_1_to_stage_1_is_one_word(void)
{
	struct smmuv3_ste kinds[NKINDS];
	struct smmuv3_ste next;

	make_kinds(kinds);
	CU_ASSERT(smmuv3_ste_next(&kinds[3], &kinds[4], &next));
	CU_ASSERT(same(&next, &kinds[4]));
	for (unsigned i = 1; i < 8; i++)
		CHECK_HEX(next.w[i], kinds[3].w[i]);
}

/* An entry that was left between two states, by a unit that did not follow, still finds its way. */
static void every_state_on_the_way_is_a_start_for_every_other_way(void)
{
	struct smmuv3_ste kinds[NKINDS];
	struct smmuv3_ste now;
	struct smmuv3_ste next;
	unsigned aborts;

	make_kinds(kinds);
	for (unsigned from = 0; from < NKINDS; from++) {
		for (unsigned to = 0; to < NKINDS; to++) {
			now = kinds[from];
			while (smmuv3_ste_next(&now, &kinds[to], &next)) {
				now = next;
				for (unsigned then = 0; then < NKINDS; then++)
					CU_ASSERT(check_way(&now, &kinds[then], &aborts) <= 6);
			}
		}
	}
}

/* ---- A device on a unit ---- */

static const struct fake_ids stage2_ids = { FAKE_IDR0 & ~2u, FAKE_IDR1, FAKE_IDR3, FAKE_IDR5 };
static const struct fake_ids linear_stage2_ids = { FAKE_IDR0 & ~0x8000002u, (FAKE_IDR1 & ~0x3fu) | 12, FAKE_IDR3, FAKE_IDR5 };
static const struct fake_ids linear_ids = { FAKE_IDR0 & ~0x8000000u, (FAKE_IDR1 & ~0x3fu) | 12, FAKE_IDR3, FAKE_IDR5 };

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

static uint64_t root_of(struct piommu_domain *domain)
{
	return arm_domain_of(domain)->paging.pt.root_pa;
}

static void check_on(struct fake *fake, uint32_t stream, struct piommu_domain *domain, uint32_t tag)
{
	const struct smmuv3_ste *ste = fake_ste(fake, stream);
	const struct smmuv3_cd *cd = fake_cd(ste);

	CHECK_HEX(ste->w[0] & 0x3f, 0xb);
	CHECK_HEX(ste->w[1], UINT64_C(0x1000000000d4));
	CHECK_HEX(ste->w[2], 0);
	CHECK_HEX(cd->w[0], UINT64_C(0x0000e204c0003510) | (uint64_t)tag << 48);
	CHECK_HEX(cd->w[1], root_of(domain));
	CHECK_HEX(cd->w[3], 0xff);
}

static void attach_points_one_stream_at_its_context_descriptor(void)
{
	struct fake fake;

	start(&fake, &fake_usual);
	move(&fake, fake.a, 9);
	check_on(&fake, 0x0820, fake.a, 9);
	CHECK_HEX(fake_ste(&fake, 0x0821)->w[0], 0x9); /* its neighbour */
	CHECK_HEX(fake_ste(&fake, 0x0920)->w[0], 0x9); /* its namesake on the next bus */
	fake_fini(&fake);
}

static void a_linear_table_holds_the_entry_itself(void)
{
	struct fake fake;

	start(&fake, &linear_ids);
	move(&fake, fake.a, 9);
	check_on(&fake, 0x0820, fake.a, 9);
	CHECK_HEX(fake_ste(&fake, 0x0821)->w[0], 0x9);
	CHECK_EQ(fake.commands[0].lo & 0xff, 3); /* no first level, nothing of it to invalidate */
	fake_fini(&fake);
}

/* Its streams have a table of their own, and are on identity. */
static void on_identity(struct fake *fake)
{
	struct piommu_domain *identity = fake_domain_of_type(fake, PIOMMU_DOMAIN_IDENTITY);

	move(fake, fake->a, 9);
	move(fake, identity, 8);
	identity->ops->destroy(identity);
}

static void in_a_table_of_its_own_an_entry_moves_word_by_word(void)
{
	static const struct smmuv3_cmd expected[] = {
		{ UINT64_C(0x0000082000000003), 1 },
		{ 0x46, 0 }, /* words that bypass does not use */
		{ UINT64_C(0x0000082000000003), 1 },
		{ 0x46, 0 }, /* Config */
	};
	struct fake fake;

	start(&fake, &fake_usual);
	on_identity(&fake);
	move(&fake, fake.a, 9);
	fake_expect_commands(&fake, fake.from, expected, 4);
	fake_fini(&fake);
}

static void between_stage_1_domains_one_store_and_one_invalidation_do(void)
{
	static const struct smmuv3_cmd expected[] = { { UINT64_C(0x0000082000000003), 1 }, { 0x46, 0 } };
	struct fake fake;

	start(&fake, &fake_usual);
	move(&fake, fake.a, 9);
	move(&fake, fake.b, 10);
	fake_expect_commands(&fake, fake.from, expected, 2);
	check_on(&fake, 0x0820, fake.b, 10);
	fake_fini(&fake);
}

static void attaching_where_it_is_already_does_nothing(void)
{
	struct fake fake;

	start(&fake, &fake_usual);
	move(&fake, fake.a, 9);
	move(&fake, fake.a, 9);
	fake_expect_commands(&fake, fake.from, NULL, 0);
	fake_fini(&fake);
}

static void every_stream_id_moves_and_each_step_waits_once(void)
{
	struct fake fake;
	unsigned syncs = 0;

	start(&fake, &fake_usual);
	for (unsigned i = 0; i < 128; i++)
		fake.device.ids[i].id = 0x0800 + i;
	fake.device.nids = 128;
	on_identity(&fake);
	move(&fake, fake.a, 9);
	for (unsigned i = 0; i < 128; i++)
		check_on(&fake, 0x0800 + i, fake.a, 9);
	for (unsigned i = fake.from; i < fake.ncommands; i++)
		syncs += (fake.commands[i].lo & 0xff) == 0x46;
	CHECK_EQ(syncs, 2);
	fake_fini(&fake);
}

static void an_id_that_a_device_has_twice_moves_once(void)
{
	struct fake fake;

	start(&fake, &fake_usual);
	fake.device.ids[1].id = 0x0820;
	fake.device.nids = 2;
	on_identity(&fake);
	move(&fake, fake.a, 9);
	CHECK_EQ(fake.ncommands - fake.from, 4);
	fake_fini(&fake);
}

static void blocking_aborts_and_identity_is_as_before(void)
{
	struct piommu_domain *blocking, *identity;
	struct fake fake;

	start(&fake, &fake_usual);
	blocking = fake_domain_of_type(&fake, PIOMMU_DOMAIN_BLOCKING);
	identity = fake_domain_of_type(&fake, PIOMMU_DOMAIN_IDENTITY);
	move(&fake, blocking, 7);
	CHECK_HEX(fake_ste(&fake, 0x0820)->w[0], 0x1);
	move(&fake, fake.a, 9);
	move(&fake, identity, 8);
	CHECK_HEX(fake_ste(&fake, 0x0820)->w[0], 0x9);
	CHECK_HEX(fake_ste(&fake, 0x0820)->w[1], UINT64_C(0x100000000000));
	blocking->ops->destroy(blocking);
	identity->ops->destroy(identity);
	fake_fini(&fake);
}

static void a_stage_2_entry_holds_its_table_and_tag_itself(void)
{
	struct fake fake;
	const struct smmuv3_ste *ste;

	start(&fake, &stage2_ids);
	move(&fake, fake.a, 9);
	ste = fake_ste(&fake, 0x0820);
	CHECK_HEX(ste->w[0], 0xd);
	CHECK_HEX(ste->w[1], UINT64_C(0x100000000000));
	CHECK_HEX(ste->w[2], UINT64_C(0x040c359400000009));
	CHECK_HEX(ste->w[3], root_of(fake.a));
	fake_fini(&fake);
}

static uint64_t seen[8];
static unsigned nseen;

static void look_at_word_0(struct fake *fake)
{
	if (nseen < 8)
		seen[nseen++] = fake_ste(fake, 0x0820)->w[0] & 0xf;
}

static void of_a_linear_table_between_stage_2_domains_the_entry_aborts_for_a_moment(void)
{
	struct fake fake;

	start(&fake, &linear_stage2_ids);
	move(&fake, fake.a, 9);
	nseen = 0;
	fake.on_sync = look_at_word_0;
	move(&fake, fake.b, 10);
	CHECK_EQ(nseen, 3);
	CHECK_HEX(seen[0], 0x1);
	CHECK_HEX(seen[1], 0x1);
	CHECK_HEX(seen[2], 0xd);
	CHECK_HEX(fake_ste(&fake, 0x0820)->w[3], root_of(fake.b));
	CHECK_HEX(fake_ste(&fake, 0x0820)->w[2] & 0xffff, 10);
	fake_fini(&fake);
}

static void a_tag_that_is_free_again_has_no_context_descriptor(void)
{
	static const struct smmuv3_cmd expected[] = { { UINT64_C(0x0009000000000011), 0 }, { 0x46, 0 } };
	struct fake fake;
	const struct smmuv3_cd *cd;

	start(&fake, &fake_usual);
	move(&fake, fake.a, 9);
	cd = fake_cd(fake_ste(&fake, 0x0820));
	move(&fake, fake.b, 10);
	fake.from = fake.ncommands;
	CHECK_EQ(smmuv3_driver.flush_tag(&fake.unit, 9), 0);
	fake_expect_commands(&fake, fake.from, expected, 2);
	CHECK_HEX(cd->w[0], 0);
	move(&fake, fake.a, 9);
	check_on(&fake, 0x0820, fake.a, 9);
	fake_fini(&fake);
}

static void descriptors_of_far_tags_lie_in_pages_of_their_own(void)
{
	struct fake fake;

	start(&fake, &fake_usual);
	move(&fake, fake.a, 65535);
	check_on(&fake, 0x0820, fake.a, 65535);
	move(&fake, fake.b, 64);
	check_on(&fake, 0x0820, fake.b, 64);
	fake_fini(&fake);
}

static void ids_that_the_table_does_not_have_are_refused(void)
{
	static const struct piommu_id bad[] = { { 0x10000, 0 }, { 0x0820, 1 } };
	struct fake fake;

	start(&fake, &fake_usual);
	for (unsigned i = 0; i < 2; i++) {
		fake.device.ids[0] = bad[i];
		CHECK_EQ(smmuv3_driver.attach(&fake.device, fake.a, 9), -EINVAL);
		CHECK_HAS(fake.said, "stream id");
		CHECK_EQ(fake.ncommands, 0);
	}
	fake_fini(&fake);
}

static void a_move_that_the_unit_does_not_follow_is_taken_back(void)
{
	struct fake fake;

	start(&fake, &fake_usual);
	move(&fake, fake.a, 9);
	fake.commands_stuck = true;
	CHECK_EQ(smmuv3_driver.attach(&fake.device, fake.b, 10), -ETIMEDOUT);
	check_on(&fake, 0x0820, fake.a, 9);
	fake.commands_stuck = false;
	/* What hardware holds is not known: the next tag that is flushed takes all with it. */
	fake.from = fake.ncommands;
	CHECK_EQ(smmuv3_driver.flush_tag(&fake.unit, 10), 0);
	CHECK_HEX(fake.commands[fake.ncommands - 2].lo, 0x30);
	fake.from = fake.ncommands;
	CHECK_EQ(smmuv3_driver.flush_tag(&fake.unit, 11), 0);
	CHECK_EQ(fake.ncommands - fake.from, 2);
	fake_fini(&fake);
}

static void each_step_that_fails_leaves_the_device_where_it_was(void)
{
	for (unsigned nth = 1; nth <= 4; nth++) {
		struct fake fake;
		int err;

		start(&fake, &fake_usual);
		on_identity(&fake);
		fake.fail_command = nth;
		err = smmuv3_driver.attach(&fake.device, fake.a, 9);
		CHECK_EQ(err, -EIO);
		CHECK_HEX(fake_ste(&fake, 0x0820)->w[0], 0x9);
		CHECK_HEX(fake_ste(&fake, 0x0820)->w[1], UINT64_C(0x100000000000));
		CHECK_EQ(smmuv3_driver.attach(&fake.device, fake.a, 9), 0);
		check_on(&fake, 0x0820, fake.a, 9);
		fake_fini(&fake);
	}
}

static void entries_of_a_unit_that_does_not_snoop_are_written_back(void)
{
	struct fake fake;

	start(&fake, &(struct fake_ids){ FAKE_IDR0 & ~0x10u, FAKE_IDR1, FAKE_IDR3, FAKE_IDR5 });
	on_identity(&fake);
	CHECK_EQ(smmuv3_driver.flush_tag(&fake.unit, 9), 0);
	fake.writebacks = 0;
	move(&fake, fake.a, 9);
	CHECK_EQ(fake.writebacks, 5); /* the context descriptor, two steps, commands of each */
	fake_fini(&fake);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(at_every_instant_an_entry_is_old_or_new_or_aborts),
		SUITE_TEST(what_moves_in_words_does_not_abort_on_its_way),
		SUITE_TEST(all_but_a_change_of_stage_2_moves_in_words),
		SUITE_TEST(from_stage_1_to_stage_1_is_one_word),
		SUITE_TEST(every_state_on_the_way_is_a_start_for_every_other_way),
		SUITE_TEST(attach_points_one_stream_at_its_context_descriptor),
		SUITE_TEST(a_linear_table_holds_the_entry_itself),
		SUITE_TEST(in_a_table_of_its_own_an_entry_moves_word_by_word),
		SUITE_TEST(between_stage_1_domains_one_store_and_one_invalidation_do),
		SUITE_TEST(attaching_where_it_is_already_does_nothing),
		SUITE_TEST(every_stream_id_moves_and_each_step_waits_once),
		SUITE_TEST(an_id_that_a_device_has_twice_moves_once),
		SUITE_TEST(blocking_aborts_and_identity_is_as_before),
		SUITE_TEST(a_stage_2_entry_holds_its_table_and_tag_itself),
		SUITE_TEST(of_a_linear_table_between_stage_2_domains_the_entry_aborts_for_a_moment),
		SUITE_TEST(a_tag_that_is_free_again_has_no_context_descriptor),
		SUITE_TEST(descriptors_of_far_tags_lie_in_pages_of_their_own),
		SUITE_TEST(ids_that_the_table_does_not_have_are_refused),
		SUITE_TEST(a_move_that_the_unit_does_not_follow_is_taken_back),
		SUITE_TEST(each_step_that_fails_leaves_the_device_where_it_was),
		SUITE_TEST(entries_of_a_unit_that_does_not_snoop_are_written_back),
	};

	return suite_run(argc, argv, "smmuv3_entry", tests, sizeof(tests) / sizeof(tests[0]));
}
