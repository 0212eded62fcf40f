/* SPDX-License-Identifier: BSD-3-Clause */
/* Bounded mode by a clock that the test sets (hand.h): what is kept back, for how long, and how much of it. */
#include <errno.h>

#include "hand.h"

static struct hand hand; /* large */

static void set_bounded(unsigned max_us, size_t max_bytes)
{
	const struct piommu_mode mode = { PIOMMU_MODE_BOUNDED, max_us, max_bytes };

	CHECK_EQ(piommu_domain_set_mode(hand.domain, &mode), 0);
}

static void bounded_range_is_sent_when_its_time_is_up_and_not_before(void)
{
	struct piommu_exposure exposure;
	struct piommu_channel *ch;
	piommu_ticket ticket;
	uint64_t iova[2];

	hand_open(&hand, false);
	ch = hand_channel(&hand);
	set_bounded(100, 1 << 20);
	iova[0] = hand_map(ch, 1);
	iova[1] = hand_map(ch, 1);
	ticket = hand_unmap(ch, iova[0]);
	hand.now_ns += 60000;
	CHECK_EQ(hand_unmap(ch, iova[1]), ticket); /* the first one's time counts */
	hand.now_ns += 39999;
	CHECK_EQ(piommu_channel_poll(ch, 0), 0);
	CHECK_EQ(hand.nsent, 0);
	hand.now_ns += 1;
	CHECK_EQ(piommu_channel_poll(ch, 0), 1);
	CHECK_EQ(hand.nsent, 1);
	CHECK_EQ(piommu_channel_done(ch, ticket), -EINPROGRESS);
	hand.done = 1;
	CHECK_EQ(piommu_channel_done(ch, ticket), 0);
	piommu_domain_exposure(hand.domain, &exposure);
	CHECK_EQ(exposure.worst_us, 100);
	CHECK_EQ(exposure.worst_bytes, 2 * PAGE);
	CHECK_EQ(exposure.mode.kind, PIOMMU_MODE_BOUNDED);
	CHECK_EQ(exposure.mode.max_us, 100);
	hand_end(&hand, ch, 0);
}

/* Those of the caller's addresses, too. */
static void bounded_keeps_every_kind_of_unmap_back(void)
{
	const struct piommu_burst_item items[2] = { { 0x10000, 0, PAGE, PIOMMU_RW }, { 0x20000, 0, PAGE, PIOMMU_RW } };
	struct piommu_channel *ch;
	piommu_ticket ticket = 0;

	hand_open(&hand, false);
	ch = hand_channel(&hand);
	set_bounded(1000000000, 3 * PAGE);
	CHECK_EQ(piommu_map_burst(ch, items, 2), 0);
	CHECK_EQ(piommu_unmap_burst(ch, &items[0], 1, NULL, &ticket), 0);
	CHECK_EQ(ticket, 1);
	CHECK_EQ(piommu_unmap_burst(ch, &items[1], 1, NULL, &ticket), 0);
	CHECK_EQ(ticket, 1);
	CHECK_EQ(hand.nsent, 0);
	CHECK_EQ(hand_unmap(ch, hand_map(ch, 1)), 1);
	CHECK_EQ(hand.nsent, 1);
	CHECK_EQ(hand.sent[0].n, 3);
	hand_end(&hand, ch, 0);
}

/* Unmaps look at the clock, too, without a poll, now and then. */
static void bounded_range_is_sent_by_unmaps_that_go_on(void)
{
	struct piommu_channel *ch;
	unsigned n = 0;

	hand_open(&hand, false);
	ch = hand_channel(&hand);
	set_bounded(100, 1 << 30);
	hand_unmap(ch, hand_map(ch, 1));
	hand.now_ns += 100000;
	while (!hand.nsent && n++ < 64)
		hand_unmap(ch, hand_map(ch, 1));
	CHECK_EQ(hand.nsent, 1);
	hand_end(&hand, ch, 0);
}

/* What was due and found no room goes at the next poll, and not when its time is up. */
static void bounded_range_that_was_due_is_sent_as_soon_as_there_is_room(void)
{
	struct piommu_channel *ch;

	hand_open(&hand, false);
	ch = hand_channel(&hand);
	set_bounded(1000000000, 4 * PAGE);
	hand.full = true;
	for (unsigned i = 0; i < 4; i++)
		CHECK_EQ(hand_unmap(ch, hand_map(ch, 1)), 1);
	CHECK_EQ(piommu_channel_poll(ch, 0), 0);
	hand.full = false;
	CHECK_EQ(piommu_channel_poll(ch, 0), 1);
	CHECK_EQ(hand.nsent, 1);
	hand_end(&hand, ch, 0);
}

/* Two channels share what the domain may have unmapped and not sent. */
static void bound_in_bytes_is_shared_by_the_channels(void)
{
	struct piommu_channel *ch, *other;

	hand_open(&hand, false);
	ch = hand_channel(&hand);
	set_bounded(1000000000, 8 * PAGE);
	other = hand_channel(&hand);
	for (unsigned i = 0; i < 3; i++)
		hand_unmap(ch, hand_map(ch, 1));
	CHECK_EQ(hand.nsent, 0);
	hand_unmap(ch, hand_map(ch, 1));
	CHECK_EQ(hand.nsent, 1);
	hand.done = hand.nsent;
	CHECK_EQ(piommu_channel_destroy(other), 0);
	for (unsigned i = 0; i < 7; i++)
		hand_unmap(ch, hand_map(ch, 1));
	CHECK_EQ(hand.nsent, 1);
	hand_unmap(ch, hand_map(ch, 1));
	CHECK_EQ(hand.nsent, 2);
	hand_end(&hand, ch, 0);
}

/* A wait does not wait for the bounds. */
static void wait_sends_what_a_bounded_mode_keeps(void)
{
	struct piommu_channel *ch;
	piommu_ticket ticket;

	hand_open(&hand, false);
	ch = hand_channel(&hand);
	set_bounded(1000000000, 1 << 30);
	ticket = hand_unmap(ch, hand_map(ch, 1));
	CHECK_EQ(hand.nsent, 0);
	hand.done = 1;
	CHECK_EQ(piommu_channel_wait(ch, ticket), 0);
	CHECK_EQ(hand.nsent, 1);
	hand_end(&hand, ch, 0);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(bounded_range_is_sent_when_its_time_is_up_and_not_before),
		SUITE_TEST(bounded_keeps_every_kind_of_unmap_back),
		SUITE_TEST(bounded_range_is_sent_by_unmaps_that_go_on),
		SUITE_TEST(bounded_range_that_was_due_is_sent_as_soon_as_there_is_room),
		SUITE_TEST(bound_in_bytes_is_shared_by_the_channels),
		SUITE_TEST(wait_sends_what_a_bounded_mode_keeps),
	};

	return suite_run(argc, argv, "channel_clock", tests, sizeof(tests) / sizeof(tests[0]));
}
