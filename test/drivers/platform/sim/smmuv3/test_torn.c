/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Entries that the SMMUv3 unit could see half-changed (specification 3.21.3): the model finds each at the next invalidation, whether
 * or not a device asked, and lets the ways pass that never show a mixture.
 */
#include "rig.h"

#define SID(sid) ((uint64_t)(sid) << 32)
#define CFGI_STE(sid) (UINT64_C(3) | SID(sid))
#define CFGI_CD(sid) (UINT64_C(5) | SID(sid))
#define S1_WORD1 UINT64_C(0x1000000000d4)
#define S2_WORD2 UINT64_C(0x040c355900000007)

/* Stream 1 is in the state of `words`, and the unit knows. Then words are changed by the test. */
struct scene {
	struct rig rig;
	uint64_t ste, cd, s1, s2;
};

static void set(struct scene *s)
{
	rig_open(&s->rig, &rig_default);
	rig_enable(&s->rig);
	s->ste = rig_ste(&s->rig, 1);
	s->s1 = rig_pages(&s->rig, 4096);
	s->s2 = rig_pages(&s->rig, 4096);
	rig_map(&s->rig, s->s1, 0x5000, s->rig.msi | RIG_S1_RW);
	rig_map(&s->rig, s->s2, 0x5000, s->rig.msi | RIG_S2_RW);
	s->cd = rig_stage1(&s->rig, 2, s->s1, 5);
	rig_order(&s->rig, CFGI_STE(1), 1);
}

static void put(struct scene *s, unsigned index, uint64_t word)
{
	rig_put(&s->rig, s->ste, index, word);
}

static void settle(struct scene *s)
{
	rig_order(&s->rig, CFGI_STE(1), 1);
}

static void check(struct scene *s, unsigned misuse, const char *says)
{
	CHECK_EQ(rig_counts(&s->rig).misuse, misuse);
	if (misuse)
		CHECK_HAS(rig_complaint(&s->rig), says);
	CHECK_EQ(rig_counts(&s->rig).reserved_errors, 0);
	rig_close(&s->rig);
}

/* Abort to stage 1: what stage 1 needs is put where abort does not look, then word 0 alone. */
static void two_steps_are_never_torn(void)
{
	struct scene s;

	set(&s);
	put(&s, 1, S1_WORD1);
	settle(&s);
	put(&s, 0, s.cd | 0xb);
	settle(&s);
	CHECK_EQ(rig_write(&s.rig, 1, 0x5000), 0);
	put(&s, 0, 1);
	settle(&s);
	put(&s, 1, 0);
	settle(&s);
	check(&s, 0, "");
}

/* All at once, word 0 last: a unit that read word 1 before and word 0 after has neither. */
static void all_words_at_once_are_torn(void)
{
	struct scene s;

	set(&s);
	put(&s, 1, S1_WORD1);
	put(&s, 0, s.cd | 0xb);
	CHECK_EQ(rig_counts(&s.rig).misuse, 0);
	settle(&s);
	check(&s, 1, "STE of stream 0x1 changed in words 0x3");
}

/* The same to stage 2 passes: without words 2 and 3 the entry is illegal and blocks, as abort does. With one of them it is not. */
static void mixture_that_blocks_is_good_beside_a_state_that_does(void)
{
	struct scene s;

	set(&s);
	put(&s, 3, s.s2);
	settle(&s);
	put(&s, 2, S2_WORD2);
	put(&s, 0, 0xd);
	settle(&s);
	CHECK_EQ(rig_write(&s.rig, 1, 0x5000), 0);
	check(&s, 0, "");

	set(&s);
	put(&s, 3, s.s2);
	put(&s, 2, S2_WORD2);
	put(&s, 0, 0xd);
	settle(&s);
	check(&s, 1, "changed in words 0xd"); /* stage 2 from a table at 0 */
}

/* Bypass to stage 2, both let requests through: a mixture that blocks loses some. */
static void mixture_that_blocks_is_torn_between_states_that_do_not(void)
{
	struct scene s;

	set(&s);
	put(&s, 0, 0x9);
	settle(&s);
	put(&s, 3, s.s2);
	settle(&s);
	put(&s, 2, S2_WORD2);
	put(&s, 0, 0xd);
	settle(&s);
	check(&s, 1, "changed in words 0x5");
}

/* Stage 1 to stage 2, by way of V = 0, where two words that both use change. */
static void break_before_make(void)
{
	struct scene s;

	set(&s);
	put(&s, 1, S1_WORD1);
	settle(&s);
	put(&s, 0, s.cd | 0xb);
	settle(&s);
	put(&s, 0, 0);
	settle(&s);
	put(&s, 2, S2_WORD2);
	put(&s, 3, s.s2);
	settle(&s);
	put(&s, 0, 0xd);
	settle(&s);
	CHECK_EQ(rig_write(&s.rig, 1, 0x5000), 0);
	check(&s, 0, "");
}

/* Seen also by the commands that name many, and where the unit read the entry for a request and not at a command. */
static void each_invalidation_looks(void)
{
	static const uint64_t commands[][2] = { { 4, 31 }, { 4 | SID(0), 0 }, { 3 | SID(1), 0 } };

	for (unsigned i = 0; i < 3; i++) {
		struct scene s;

		set(&s);
		put(&s, 1, S1_WORD1);
		put(&s, 0, s.cd | 0xb);
		rig_order(&s.rig, commands[i][0], commands[i][1]);
		check(&s, 1, "STE of stream 0x1");
	}
	for (unsigned asked = 0; asked < 2; asked++) {
		struct scene s;

		set(&s);
		if (asked)
			rig_write(&s.rig, 3, 0x5000);
		rig_put(&s.rig, rig_ste(&s.rig, 3), 1, S1_WORD1);
		rig_put(&s.rig, rig_ste(&s.rig, 3), 0, s.cd | 0xb);
		rig_order(&s.rig, CFGI_STE(3), 1);
		check(&s, asked, "STE of stream 0x3"); /* one that the unit never looked at is not torn */
	}
}

/* Its TTB0 and ASID, words 0 and 1: old table with the new tag. */
static void cd_is_torn_as_an_ste_is(void)
{
	struct scene s;
	uint64_t cd0;

	set(&s);
	rig_write(&s.rig, 2, 0x5000);
	cd0 = rig_get(&s.rig, s.cd, 0);
	rig_put(&s.rig, s.cd, 0, cd0 ^ UINT64_C(3) << 48);
	rig_put(&s.rig, s.cd, 1, s.s2);
	rig_order(&s.rig, CFGI_CD(2), 1);
	check(&s, 1, "CD of stream 0x2 changed in words 0x3");

	set(&s);
	rig_write(&s.rig, 2, 0x5000);
	cd0 = rig_get(&s.rig, s.cd, 0);
	rig_put(&s.rig, s.cd, 0, cd0 & ~UINT64_C(0x80000000));
	rig_order(&s.rig, CFGI_CD(2), 1);
	rig_put(&s.rig, s.cd, 1, s.s2);
	rig_order(&s.rig, CFGI_CD(2), 1);
	rig_put(&s.rig, s.cd, 0, cd0 ^ UINT64_C(3) << 48);
	rig_order(&s.rig, CFGI_CD(2), 1);
	check(&s, 0, "");

	set(&s); /* the table alone: one word */
	rig_write(&s.rig, 2, 0x5000);
	rig_put(&s.rig, s.cd, 1, s.s2);
	rig_order(&s.rig, CFGI_CD(2), 1);
	check(&s, 0, "");
}

/* What a stream sends under: bypass with the new attributes, or stage 1 with them, is neither state before nor blocked. */
static void attributes_of_a_stream_count(void)
{
	struct scene s;

	set(&s);
	put(&s, 0, 0x9);
	settle(&s);
	put(&s, 1, UINT64_C(0x100000000000));
	put(&s, 0, 0x1);
	settle(&s);
	check(&s, 1, "changed in words 0x3");

	set(&s);
	put(&s, 1, S1_WORD1);
	settle(&s);
	put(&s, 0, s.cd | 0xb);
	settle(&s);
	put(&s, 1, S1_WORD1 ^ 0x8);
	put(&s, 0, 0x1);
	settle(&s);
	check(&s, 1, "changed in words 0x3");
}

/* Words 0 and 1 of a CD, at once. */
static void change_cd(struct scene *s, uint64_t cd)
{
	rig_put(&s->rig, cd, 0, rig_get(&s->rig, cd, 0) ^ UINT64_C(3) << 48);
	rig_put(&s->rig, cd, 1, s->s2);
	rig_order(&s->rig, CFGI_CD(2), 1);
}

/* An STE that leads to another CD by its word 0: the first one is out of reach then, and the second in reach. */
static void cd_in_reach_is_the_one_that_counts(void)
{
	for (unsigned i = 0; i < 2; i++) {
		struct scene s;
		uint64_t other;

		set(&s);
		other = rig_stage1(&s.rig, 3, s.s1, 8);
		rig_write(&s.rig, 2, 0x5000);
		rig_put(&s.rig, rig_ste(&s.rig, 2), 0, other | 0xb);
		rig_order(&s.rig, CFGI_STE(2), 1);
		change_cd(&s, i ? other : s.cd);
		check(&s, i, "CD of stream 0x2");
	}
}

/* A CD that no STE leads to may be written as one likes. */
static void unreachable_cd_is_not_torn(void)
{
	struct scene s;
	uint64_t ste;

	set(&s);
	ste = rig_ste(&s.rig, 2);
	rig_write(&s.rig, 2, 0x5000);
	rig_put(&s.rig, ste, 0, 1);
	rig_order(&s.rig, CFGI_STE(2), 1);
	rig_put(&s.rig, s.cd, 0, rig_get(&s.rig, s.cd, 0) ^ UINT64_C(3) << 48);
	rig_put(&s.rig, s.cd, 1, s.s2);
	rig_order(&s.rig, CFGI_CD(2), 1);
	rig_put(&s.rig, ste, 0, s.cd | 0xb);
	rig_order(&s.rig, CFGI_STE(2), 1);
	check(&s, 0, "");
}

/* Nor anything while the unit is off: it fetches nothing. */
static void unit_that_is_off_sees_nothing(void)
{
	struct scene s;

	set(&s);
	w32(&s.rig, 0x20, 0xc);
	put(&s, 1, S1_WORD1);
	put(&s, 0, s.cd | 0xb);
	settle(&s);
	w32(&s.rig, 0x20, 0xd);
	settle(&s);
	CHECK_EQ(rig_write(&s.rig, 1, 0x5000), 0);
	check(&s, 0, "");
}

/* Stream 71 is on stage 2 in a table of 16 entries, and the unit knows; `s->ste` is its entry there, `s->cd` is a copy's with other words. */
static void set_two_level(struct scene *s)
{
	uint64_t l1, tables[2];

	rig_open(&s->rig, &rig_default);
	s->s2 = rig_pages(&s->rig, 4096);
	rig_map(&s->rig, s->s2, 0x5000, s->rig.msi | RIG_S2_RW);
	l1 = rig_pages(&s->rig, 4096);
	for (unsigned i = 0; i < 2; i++) {
		tables[i] = rig_pages(&s->rig, 4096);
		rig_put(&s->rig, tables[i] + 64 * 7, 0, 0xd);
		rig_put(&s->rig, tables[i] + 64 * 7, 1, UINT64_C(0x100000000000));
		rig_put(&s->rig, tables[i] + 64 * 7, 2, S2_WORD2 + i);
		rig_put(&s->rig, tables[i] + 64 * 7, 3, i ? rig_pages(&s->rig, 4096) : s->s2);
	}
	s->ste = tables[0] + 64 * 7;
	s->cd = tables[1] + 64 * 7;
	rig_put(&s->rig, l1, 1, tables[0] | 4);
	s->rig.strtab = l1;
	s->rig.strtab_lg2 = 0x10000 | 6 << 6 | 8;
	rig_enable(&s->rig);
	CHECK_EQ(rig_write(&s->rig, 71, 0x5000), 0);
	rig_put(&s->rig, l1, 1, tables[1] | 4);
}

/* All words differ, and no mixture of them is anywhere: hardware reads an entry out of one table. */
static void entry_of_a_table_that_was_replaced_is_not_torn(void)
{
	struct scene s;

	set_two_level(&s);
	rig_order(&s.rig, CFGI_STE(71), 0);
	CHECK_EQ(rig_write(&s.rig, 71, 0x5000), -EFAULT);
	check(&s, 0, "");
}

/* Until the descriptor is dropped the unit may still read the old table. */
static void replaced_table_that_changes_too_early_is_torn(void)
{
	for (unsigned i = 0; i < 3; i++) {
		struct scene s;

		set_two_level(&s);
		if (i)
			rig_order(&s.rig, CFGI_STE(71), i == 1); /* 1: leaf only */
		put(&s, 2, S2_WORD2 + 2);
		put(&s, 3, 0);
		rig_order(&s.rig, CFGI_STE(71), 0);
		check(&s, i < 2, "STE of stream 0x47 changed in words 0xc");
	}
}

/* The word that a fetch finds first is told by what it complains of. */
static void fetches_begin_at_either_end_in_turn(void)
{
	struct rig rig;

	rig_open_noncoherent(&rig, &rig_default);
	rig_enable(&rig);
	for (unsigned sid = 1; sid <= 2; sid++) {
		rig_put_dirty(&rig, rig_ste(&rig, sid), 0, 0x9);
		rig_put_dirty(&rig, rig_ste(&rig, sid), 7, 1);
	}
	rig_write(&rig, 1, 0x5000);
	CHECK_HAS(rig_complaint(&rig), "at 0x100000040 ");
	rig_write(&rig, 2, 0x5000);
	CHECK_HAS(rig_complaint(&rig), "at 0x1000000b8 ");
	rig_close(&rig);
}

static const struct suite_test tests[] = {
	SUITE_TEST(two_steps_are_never_torn),
	SUITE_TEST(all_words_at_once_are_torn),
	SUITE_TEST(mixture_that_blocks_is_good_beside_a_state_that_does),
	SUITE_TEST(mixture_that_blocks_is_torn_between_states_that_do_not),
	SUITE_TEST(break_before_make),
	SUITE_TEST(each_invalidation_looks),
	SUITE_TEST(cd_is_torn_as_an_ste_is),
	SUITE_TEST(attributes_of_a_stream_count),
	SUITE_TEST(cd_in_reach_is_the_one_that_counts),
	SUITE_TEST(unreachable_cd_is_not_torn),
	SUITE_TEST(unit_that_is_off_sees_nothing),
	SUITE_TEST(entry_of_a_table_that_was_replaced_is_not_torn),
	SUITE_TEST(replaced_table_that_changes_too_early_is_torn),
	SUITE_TEST(fetches_begin_at_either_end_in_turn),
};

int main(int argc, char **argv)
{
	return suite_run(argc, argv, "sim_smmuv3_torn", tests, sizeof(tests) / sizeof(tests[0]));
}
