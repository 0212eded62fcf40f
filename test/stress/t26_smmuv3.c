/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * T26 of doc/locking.md for entries of 512 bits: while a stream's entry moves between any two states, a walker beside it sees the old
 * one or the new one. The walker is a thread that goes from the stream table as an SMMUv3 does, 8 bytes at a time and in any order
 * (IHI 0070, 3.21.3), through the context descriptor; what it looked at before a CMD_SYNC is done with when that completes. Between two
 * stage 2 domains it may also find that nothing gets through, where the table is a linear one. What holds for each subset of each step's
 * words: test/drivers/iommu/smmuv3/test_smmuv3_entry.c.
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arm_domain.h"
#include "drivers.h"
#include "fake_unit.h"
#include "stress.h"
#include "suite.h"

#define LIVES 4u     /* of a unit: each has every move in every table */
#define TABLES 8u    /* of the second level */
#define STREAM 0x20u /* in each */
#define NEIGHBOUR 0x21u

enum {
	IDENTITY, /* the first: what a stream begins with */
	BLOCKED,
	DOMAIN_A,
	DOMAIN_A_OTHER_TAG,
	DOMAIN_B,
	STATES,
};

/* What a walker makes of what it found: a state, or nothing gets through. */
struct view {
	uint64_t config;
	uint64_t tag;
	uint64_t root;
};

struct setup {
	struct fake fake;
	struct piommu_domain *domain[STATES];
	struct view view[STATES];
	bool stage2;
	bool linear;
	struct stress_rng order;
	/* number << 32 | table << 16 | from << 8 | to: what the writer is doing, for the walker to judge by */
	_Atomic uint64_t doing;
	_Atomic uint64_t looks; /* walks that are complete */
	atomic_bool stop;
	atomic_bool gone; /* the walker */
	unsigned seen;    /* bit per state */
	struct stress_verdict verdict;
};

static const uint32_t tags[STATES] = { 0, 0, 9, 10, 11 };

/* ---- The walker ------------------------------------------------------------------------------------------------------------- */

static uint64_t load(const void *base, unsigned word)
{
	return __atomic_load_n((const uint64_t *)base + word, __ATOMIC_ACQUIRE);
}

/* Eight words, each whole, from any of them on in either direction. */
static void read_words(struct setup *s, const void *base, uint64_t words[8])
{
	unsigned first = stress_below(&s->order, 8);
	unsigned way = stress_below(&s->order, 2) ? 1 : 7;

	for (unsigned i = 0; i < 8; i++)
		words[(first + way * i) % 8] = load(base, (first + way * i) % 8);
}

static const void *entry_of(struct setup *s, uint32_t stream)
{
	uint64_t strtab = fake_reg(&s->fake, 0x80, 8) & UINT64_C(0xfffffffffffc0);
	uint64_t desc;

	if (!(fake_reg(&s->fake, 0x88, 4) >> 16 & 3))
		return (const void *)(uintptr_t)(strtab + 64 * (uint64_t)stream);
	desc = load((const void *)(uintptr_t)strtab, stream >> 8);
	if ((desc & 0x1f) != 9)
		stress_fail(&s->verdict, "stream 0x%x: first-level descriptor 0x%llx", stream, (unsigned long long)desc);
	return (const void *)(uintptr_t)((desc & UINT64_C(0xfffffffffffc0)) + 64 * (stream & 0xff));
}

/* By the specification's figures (5.2, 5.4), and by Config what counts of them. */
static struct view look(struct setup *s, uint32_t stream)
{
	uint64_t ste[8];
	uint64_t cd[8];

	read_words(s, entry_of(s, stream), ste);
	switch (ste[0] & 0xf) {
	case 0x9: /* V, bypass: attributes as they come */
		return (struct view){ ste[1] >> 32 == 0x1000 ? 0x9 : 0xbad, 0, 0 };
	case 0xb: /* V, stage 1 */
		if (ste[1] != UINT64_C(0x1000000000d4) || ste[2] & 0xffff)
			return (struct view){ 0xbad, ste[1], ste[2] };
		read_words(s, (const void *)(uintptr_t)(ste[0] & UINT64_C(0xfffffffffffc0)), cd);
		if ((cd[0] & UINT64_C(0xffffffffffff)) != UINT64_C(0xe204c0003510) || cd[3] != 0xff)
			return (struct view){ 0xbad, cd[0], cd[3] };
		return (struct view){ 0xb, cd[0] >> 48, cd[1] };
	case 0xd: /* V, stage 2 */
		if (ste[1] >> 32 != 0x1000 || ste[2] >> 16 != UINT64_C(0x40c35940000))
			return (struct view){ 0xbad, ste[1], ste[2] };
		return (struct view){ 0xd, ste[2] & 0xffff, ste[3] };
	default:
		return (struct view){ ste[0] & 9, 0, 0 }; /* abort is 1; 0 is an entry that is not valid */
	}
}

static bool same(struct view a, struct view b)
{
	return a.config == b.config && a.tag == b.tag && a.root == b.root;
}

static void judge(struct setup *s, struct view view, unsigned from, unsigned to, bool settled)
{
	bool may_abort = s->stage2 && s->linear && from >= DOMAIN_A && to >= DOMAIN_A;

	for (unsigned state = 0; state < STATES; state++) {
		if (!same(view, s->view[state]))
			continue;
		s->seen |= 1u << state;
		/* Where the writer has gone on meanwhile, any state may be the right one. */
		if (!settled || state == from || state == to || (may_abort && state == BLOCKED))
			return;
	}
	stress_fail(&s->verdict, "between state %u and state %u: Config 0x%llx, tag or word 0x%llx, table or word 0x%llx", from,
		    to, (unsigned long long)view.config, (unsigned long long)view.tag, (unsigned long long)view.root);
}

static void *walk(void *arg)
{
	struct setup *s = arg;

	while (!atomic_load_explicit(&s->stop, memory_order_acquire) && !stress_failed(&s->verdict)) {
		uint64_t doing = atomic_load_explicit(&s->doing, memory_order_acquire);
		uint32_t table = (uint32_t)(doing >> 8) & 0xff00;
		struct view neighbour = look(s, table | NEIGHBOUR), view = look(s, table | STREAM);
		bool settled = atomic_load_explicit(&s->doing, memory_order_acquire) == doing;

		judge(s, view, doing >> 8 & 0xff, doing & 0xff, settled);
		judge(s, neighbour, IDENTITY, IDENTITY, true);
		atomic_fetch_add_explicit(&s->looks, 1, memory_order_release);
	}
	atomic_store_explicit(&s->gone, true, memory_order_release);
	return NULL;
}

/* ---- The writer ------------------------------------------------------------------------------------------------------------- */

/* A CMD_SYNC is done when every walk that had begun is. */
static void wait_for_walker(struct fake *fake)
{
	struct setup *s = fake->on_sync_ctx;
	uint64_t looks = atomic_load_explicit(&s->looks, memory_order_acquire);

	while (atomic_load_explicit(&s->looks, memory_order_acquire) == looks &&
	       !atomic_load_explicit(&s->gone, memory_order_acquire))
		sched_yield();
}

static void move(struct setup *s, unsigned table, unsigned from, unsigned to)
{
	struct piommu_device device = {
		.name = "device", .unit = &s->fake.unit, .ids = { { table << 8 | STREAM, 0 } }, .nids = 1
	};
	uint64_t number = (atomic_load_explicit(&s->doing, memory_order_relaxed) >> 32) + 1;

	s->fake.nwrites = 0;
	s->fake.ncommands = 0;
	atomic_store_explicit(&s->doing, number << 32 | table << 16 | from << 8 | to, memory_order_release);
	if (smmuv3_driver.attach(&device, s->domain[to], tags[to]))
		stress_fail(&s->verdict, "from state %u to state %u: refused", from, to);
	/* As the core does, when a tag's last device has left: its descriptor is made anew next time. */
	if (from >= DOMAIN_A && smmuv3_driver.flush_tag(&s->fake.unit, tags[from]))
		stress_fail(&s->verdict, "tag %u: not flushed", tags[from]);
}

/* From each state to each other, in one table, where the stream is on identity before and afterwards. */
static void all_moves(struct setup *s, unsigned table)
{
	unsigned at = IDENTITY;

	for (unsigned from = 0; from < STATES; from++) {
		for (unsigned to = 0; to < STATES; to++) {
			if (to == from)
				continue;
			if (at != from)
				move(s, table, at, from);
			move(s, table, from, to);
			at = to;
		}
	}
	move(s, table, at, IDENTITY);
}

/* ---- Set-up ------------------------------------------------------------------------------------------------------------------- */

static void start(struct setup *s, const struct fake_ids *ids)
{
	static const enum piommu_domain_type types[STATES] = { PIOMMU_DOMAIN_IDENTITY, PIOMMU_DOMAIN_BLOCKING,
							       PIOMMU_DOMAIN_PAGING, PIOMMU_DOMAIN_PAGING,
							       PIOMMU_DOMAIN_PAGING };

	*s = (struct setup){ .verdict = STRESS_VERDICT_INIT,
			     .stage2 = !(ids->idr0 & 2),
			     .linear = !(ids->idr0 & 0x8000000),
			     .order = stress_rng(1, 26) };
	fake_start(&s->fake, ids);
	s->fake.unit.timeout_ns = UINT64_MAX / 2; /* its clock goes by looks, and the walker may be slow */
	for (unsigned state = 0; state < STATES; state++) {
		if (state == DOMAIN_A_OTHER_TAG)
			s->domain[state] = s->domain[DOMAIN_A];
		else
			CHECK_EQ(smmuv3_driver.domain_create(&s->fake.unit, types[state], 0, &s->domain[state]), 0);
	}
	s->view[IDENTITY] = (struct view){ 0x9, 0, 0 };
	s->view[BLOCKED] = (struct view){ 0x1, 0, 0 };
	for (unsigned state = DOMAIN_A; state < STATES; state++)
		s->view[state] =
			(struct view){ s->stage2 ? 0xd : 0xb, tags[state], arm_domain_of(s->domain[state])->paging.pt.root_pa };
	s->fake.on_sync = wait_for_walker;
	s->fake.on_sync_ctx = s;
}

static void finish(struct setup *s)
{
	s->fake.on_sync = NULL;
	for (unsigned state = 0; state < STATES; state++)
		if (state != DOMAIN_A_OTHER_TAG)
			s->domain[state]->ops->destroy(s->domain[state]);
	fake_fini(&s->fake);
}

/* @return what the walker saw: a bit per state */
static unsigned one_life(const struct fake_ids *ids)
{
	struct setup *s = malloc(sizeof(*s));
	pthread_t walker;
	unsigned seen;

	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	start(s, ids);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&walker, NULL, walk, s), 0);
	for (unsigned table = 0; table < TABLES && !stress_failed(&s->verdict); table++)
		all_moves(s, table);
	atomic_store_explicit(&s->stop, true, memory_order_release);
	pthread_join(walker, NULL);
	if (stress_failed(&s->verdict))
		printf("     %s\n", s->verdict.why);
	CU_ASSERT_FALSE_FATAL(stress_failed(&s->verdict));
	seen = s->seen;
	finish(s);
	free(s);
	return seen;
}

static void lives(const struct fake_ids *ids)
{
	unsigned seen = 0;

	for (unsigned i = 0; i < LIVES; i++)
		seen |= one_life(ids);
	CHECK_HEX(seen, (1u << STATES) - 1);
}

static void t26_stage_1_entry_never_torn(void)
{
	lives(&fake_usual);
}

static void t26_stage_2_entry_never_torn(void)
{
	lives(&(struct fake_ids){ FAKE_IDR0 & ~2u, FAKE_IDR1, FAKE_IDR3, FAKE_IDR5 });
}

static void t26_entry_of_a_linear_table_never_torn(void)
{
	lives(&(struct fake_ids){ FAKE_IDR0 & ~0x8000000u, (FAKE_IDR1 & ~0x3fu) | 12, FAKE_IDR3, FAKE_IDR5 });
}

static void t26_stage_2_entry_of_a_linear_table_never_torn(void)
{
	lives(&(struct fake_ids){ FAKE_IDR0 & ~0x8000002u, (FAKE_IDR1 & ~0x3fu) | 12, FAKE_IDR3, FAKE_IDR5 });
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(t26_stage_1_entry_never_torn),
		SUITE_TEST(t26_stage_2_entry_never_torn),
		SUITE_TEST(t26_entry_of_a_linear_table_never_torn),
		SUITE_TEST(t26_stage_2_entry_of_a_linear_table_never_torn),
	};
	struct stress_rng rng = stress_rng(1, 0);
	int rc;

	stress_thread_start(&rng);
	rc = suite_run(argc, argv, "t26_smmuv3", tests, sizeof(tests) / sizeof(tests[0]));
	stress_thread_end();
	return rc;
}
