/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tickets of a domain that is used on two units, of which one is slow, stuck or broken: a ticket is done when both have answered, the
 * other unit goes on meanwhile, and events name the one that failed. Usage: chan_main(), with two units or more.
 */
#include <stdio.h>

#include "chan.h"

#define BLOCK \
	(struct piommu_span) \
	{ \
		4 * RIG_2M, 5 * RIG_2M - 1 \
	}
#define BURSTS 6u

/* A domain with a device behind each of two units. */
struct pair {
	struct chan c;
	struct piommu_sbdf device[2];
	unsigned unit[2];
	char name[2][PIOMMU_NAME_LEN];
};

/* The index of the unit that a device is behind, and its name. */
static void find_unit(struct pair *p, unsigned i)
{
	struct piommu_group_info group;
	struct piommu_unit_info unit;

	piommu_group_info(rig_group(&p->c.r, p->device[i]), &group);
	snprintf(p->name[i], sizeof(p->name[i]), "%s", group.unit);
	for (p->unit[i] = 0; !piommu_unit_info(p->c.r.p, p->unit[i], &unit); p->unit[i]++)
		if (!strcmp(unit.name, p->name[i]))
			return;
	CU_FAIL_FATAL("a device is behind a unit");
}

static void open_pair(struct pair *p, bool impatient)
{
	chan_open(&p->c, &(struct chan_config){ .aperture = BLOCK, .impatient = impatient });
	p->device[0] = p->c.device;
	p->device[1] = p->c.r.m->ported;
	rig_claim(&p->c.r, p->device[1]);
	rig_attach(&p->c.r, p->c.domain, p->device[1]);
	for (unsigned i = 0; i < 2; i++)
		find_unit(p, i);
	CU_ASSERT_FATAL(p->unit[0] != p->unit[1]);
	p->c.r.expect_stale = true;
}

static void hold(struct pair *p, unsigned i, bool held)
{
	CHECK_EQ(piommu_sim_set(p->c.r.m->plat, p->unit[i], PIOMMU_SIM_QUEUE_STUCK, held), 0);
}

static bool reaches(struct pair *p, unsigned i, uint64_t iova)
{
	uint32_t word;

	return !piommu_sim_dma(p->c.r.m->plat, p->device[i], iova, &word, sizeof(word), false);
}

/* Mapped, and in the caches of both units. */
static uint64_t map(struct pair *p, unsigned page)
{
	uint64_t iova = chan_map(&p->c, page, 1);

	for (unsigned i = 0; i < 2; i++)
		CU_ASSERT(reaches(p, i, iova));
	return iova;
}

static void check_blocked(struct pair *p, uint64_t iova)
{
	for (unsigned i = 0; i < 2; i++)
		CU_ASSERT_FALSE(reaches(p, i, iova));
	rig_events(&p->c.r, NULL);
}

/* As one who polls: no wait anywhere. */
static int settle(struct pair *p, piommu_ticket ticket)
{
	int err;

	while ((err = piommu_channel_done(p->c.ch, ticket)) == -EINPROGRESS)
		piommu_poll(p->c.r.p);
	return err;
}

/* Events of failed invalidations since the last call; all of them must be this unit's. */
static unsigned inv_errors(struct pair *p, unsigned i)
{
	struct piommu_event event;
	unsigned n = 0;

	while (piommu_events(p->c.r.p, &event, 1)) {
		if (event.type != PIOMMU_EVENT_INV_ERROR)
			continue;
		CHECK_HAS(event.unit, p->name[i]);
		n++;
	}
	return n;
}

/* ---- Slow ------------------------------------------------------------------------------------------------------------------- */

/* Whichever is the slow one: what it has cached may be used until it answers, and what the other one had is gone at once. */
static void ticket_is_done_when_both_units_have_answered(void)
{
	for (unsigned slow = 0; slow < 2; slow++) {
		struct pair p;
		piommu_ticket ticket;
		uint64_t iova, before;

		open_pair(&p, false);
		iova = map(&p, 0);
		before = chan_waits(&p.c, p.unit[!slow]);
		hold(&p, slow, true);
		ticket = chan_unmap(&p.c, iova, PAGE);
		while (chan_waits(&p.c, p.unit[!slow]) == before)
			piommu_channel_poll(p.c.ch, 0);
		for (unsigned i = 0; i < 100; i++)
			CHECK_EQ(piommu_channel_done(p.c.ch, ticket), -EINPROGRESS);
		CU_ASSERT(reaches(&p, slow, iova));
		CU_ASSERT_FALSE(reaches(&p, !slow, iova));
		for (unsigned i = 0; i < 511; i++)
			CU_ASSERT(chan_map(&p.c, 1, 1) != iova);
		CHECK_EQ(piommu_dma_map(p.c.ch, p.c.mem.pa, PAGE, PIOMMU_DMA_BOTH, &iova), -ENOSPC);
		hold(&p, slow, false);
		CHECK_EQ(settle(&p, ticket), 0);
		check_blocked(&p, iova);
		CHECK_HEX(chan_map(&p.c, 2, 1), iova);
		chan_close(&p.c);
	}
}

/* One by one they are told, and one by one they are waited for: whichever takes its time. */
static void unmap_by_registers_returns_when_both_units_have_answered(void)
{
	for (unsigned slow = 0; slow < 2; slow++) {
		struct pair p;
		uint64_t iova;

		open_pair(&p, false);
		iova = map(&p, 0);
		CHECK_EQ(piommu_sim_set(p.c.r.m->plat, p.unit[slow], PIOMMU_SIM_LATENCY_NS, 2000000), 0);
		CHECK_EQ(chan_unmap(&p.c, iova, PAGE), 1);
		check_blocked(&p, iova);
		CHECK_EQ(piommu_channel_done(p.c.ch, 1), 0);
		chan_close(&p.c);
	}
}

/* One unit is many bursts behind the other: tickets are done in order, each when the slower one has it. */
static void bursts_behind_a_slow_unit_keep_their_order(void)
{
	struct pair p;
	uint64_t iova[BURSTS];

	open_pair(&p, false);
	for (unsigned i = 0; i < BURSTS; i++)
		iova[i] = map(&p, i);
	hold(&p, 1, true);
	for (unsigned i = 0; i < BURSTS; i++)
		CHECK_EQ(chan_unmap(&p.c, iova[i], PAGE), i + 1);
	for (piommu_ticket ticket = 1; ticket <= BURSTS; ticket++)
		CHECK_EQ(piommu_channel_done(p.c.ch, ticket), -EINPROGRESS);
	CHECK_EQ(piommu_channel_retired(p.c.ch), 0);
	hold(&p, 1, false);
	for (piommu_ticket ticket = 1; ticket <= BURSTS; ticket++) {
		CHECK_EQ(settle(&p, ticket), 0);
		check_blocked(&p, iova[ticket - 1]);
	}
	chan_close(&p.c);
}

/* ---- Broken ------------------------------------------------------------------------------------------------------------------- */

/* What one unit did not confirm is invalidated once more, whole, on both; the ticket is done then, and an event names the one. */
static void failure_of_one_unit_is_made_good_and_told(void)
{
	for (unsigned bad = 0; bad < 2; bad++) {
		struct pair p;
		piommu_ticket ticket[2];
		uint64_t iova[2], before;

		open_pair(&p, true);
		for (unsigned i = 0; i < 2; i++)
			iova[i] = map(&p, i);
		before = chan_waits(&p.c, p.unit[!bad]);
		chan_fail(&p.c, p.unit[bad], 1);
		for (unsigned i = 0; i < 2; i++)
			ticket[i] = chan_unmap(&p.c, iova[i], PAGE);
		for (unsigned i = 0; i < 2; i++)
			CHECK_EQ(settle(&p, ticket[i]), 0);
		while (piommu_poll(p.c.r.p))
			;
		CU_ASSERT(inv_errors(&p, bad) >= 1);
		for (unsigned i = 0; i < 2; i++)
			check_blocked(&p, iova[i]);
		CU_ASSERT(chan_waits(&p.c, p.unit[!bad]) >= before + 2); /* the other one's went on */
		chan_close(&p.c);
	}
}

/*
 * The second try fails on one unit, too: this ticket says so, those before and after it do not, and its address is never used again, although
 * the other unit has answered each time.
 */
static void failure_that_stays_is_of_one_ticket_alone(void)
{
	for (unsigned bad = 0; bad < 2; bad++) {
		struct piommu_exposure exposure;
		piommu_ticket first, failed, last;
		uint64_t lost, iova;
		struct pair p;

		open_pair(&p, true);
		first = chan_unmap(&p.c, map(&p, 0), PAGE);
		CHECK_EQ(settle(&p, first), 0);
		lost = map(&p, 1);
		failed = chan_unmap_failing(&p.c, p.unit[bad], lost);
		chan_fail_again(&p.c, p.unit[bad]);
		CHECK_EQ(piommu_channel_wait(p.c.ch, failed),
			 chan_failure()); /* a poll would invalidate all on its own first */
		CU_ASSERT_FALSE(reaches(&p, !bad, lost));
		iova = map(&p, 2);
		CU_ASSERT(iova != lost);
		last = chan_unmap(&p.c, iova, PAGE);
		CHECK_EQ(settle(&p, last), 0);
		check_blocked(&p, iova);
		CHECK_EQ(piommu_channel_done(p.c.ch, first), 0);
		CHECK_EQ(piommu_channel_done(p.c.ch, failed), chan_failure());
		CHECK_EQ(piommu_channel_done(p.c.ch, last), 0);
		piommu_domain_exposure(p.c.domain, &exposure);
		CHECK_EQ(exposure.failed, 1);
		for (unsigned i = 0; i < 511; i++)
			CU_ASSERT(chan_map(&p.c, 3, 1) != lost);
		CHECK_EQ(piommu_dma_map(p.c.ch, p.c.mem.pa, PAGE, PIOMMU_DMA_BOTH, &iova), -ENOSPC);
		CHECK_EQ(piommu_channel_destroy(p.c.ch), -EIO);
		rig_close(&p.c.r);
	}
}

/* One unit fails what the other has not answered yet: nothing is decided before that one has. */
static void failure_beside_a_slow_unit_waits_for_it(void)
{
	struct pair p;
	piommu_ticket ticket;
	uint64_t iova;

	open_pair(&p, true);
	iova = map(&p, 0);
	hold(&p, 1, true);
	chan_fail(&p.c, p.unit[0], 1);
	ticket = chan_unmap(&p.c, iova, PAGE);
	for (unsigned i = 0; i < 1000; i++) {
		piommu_poll(p.c.r.p);
		CHECK_EQ(piommu_channel_done(p.c.ch, ticket), -EINPROGRESS);
	}
	CU_ASSERT(reaches(&p, 1, iova));
	for (unsigned i = 0; i < 511; i++)
		CU_ASSERT(chan_map(&p.c, 1, 1) != iova);
	hold(&p, 1, false);
	CHECK_EQ(settle(&p, ticket), 0);
	check_blocked(&p, iova);
	chan_close(&p.c);
}

/* A unit that does not answer at all ends a wait; the channel's other unit has answered, and nothing is given back. */
static void stuck_unit_ends_a_wait_and_not_the_ticket(void)
{
	struct pair p;
	piommu_ticket ticket;
	uint64_t iova;

	open_pair(&p, true);
	iova = map(&p, 0);
	hold(&p, 1, true);
	ticket = chan_unmap(&p.c, iova, PAGE);
	CHECK_EQ(piommu_channel_wait(p.c.ch, ticket), -ETIMEDOUT);
	CHECK_EQ(piommu_channel_done(p.c.ch, ticket), -EINPROGRESS);
	CU_ASSERT_FALSE(reaches(&p, 0, iova));
	CU_ASSERT(reaches(&p, 1, iova));
	for (unsigned i = 0; i < 511; i++)
		CU_ASSERT(chan_map(&p.c, 1, 1) != iova);
	hold(&p, 1, false);
	CHECK_EQ(piommu_channel_wait(p.c.ch, ticket), 0);
	check_blocked(&p, iova);
	chan_close(&p.c);
}

/* The slow unit leaves the domain: what was sent to it does not count any more, and the other one's answer does. */
static void unit_that_leaves_is_waited_for_no_longer(void)
{
	for (unsigned i = 0; i < 2; i++) {
		struct pair p;
		piommu_ticket ticket;
		uint64_t iova;

		open_pair(&p, false);
		iova = map(&p, 0);
		hold(&p, 1, true);
		ticket = chan_unmap(&p.c, iova, PAGE);
		CHECK_EQ(piommu_channel_done(p.c.ch, ticket), -EINPROGRESS);
		hold(&p, 1, false);
		if (i) { /* and is back: another time that it is there */
			rig_detach(&p.c.r, p.c.domain, p.device[1]);
			rig_attach(&p.c.r, p.c.domain, p.device[1]);
		} else {
			rig_detach(&p.c.r, p.c.domain, p.device[1]);
		}
		CHECK_EQ(settle(&p, ticket), 0);
		CU_ASSERT_FALSE(reaches(&p, 0, iova));
		CU_ASSERT_FALSE(reaches(&p, 1, iova));
		rig_events(&p.c.r, NULL);
		chan_close(&p.c);
	}
}

int main(int argc, char **argv)
{
	static const struct chan_test tests[] = {
		CHAN_TEST_IF(chan_queue, ticket_is_done_when_both_units_have_answered),
		CHAN_TEST_IF(chan_registers, unmap_by_registers_returns_when_both_units_have_answered),
		CHAN_TEST_IF(chan_queue, bursts_behind_a_slow_unit_keep_their_order),
		CHAN_TEST(failure_of_one_unit_is_made_good_and_told),
		CHAN_TEST(failure_that_stays_is_of_one_ticket_alone),
		CHAN_TEST_IF(chan_queue, failure_beside_a_slow_unit_waits_for_it),
		CHAN_TEST_IF(chan_queue, stuck_unit_ends_a_wait_and_not_the_ticket),
		CHAN_TEST_IF(chan_queue, unit_that_leaves_is_waited_for_no_longer),
	};

	return chan_main(argc, argv, "channel_fence", tests, sizeof(tests) / sizeof(tests[0]));
}
