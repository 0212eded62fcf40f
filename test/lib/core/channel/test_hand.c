/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The core's half of a channel alone, over a family whose hardware is the test's hand (hand.h): order of tickets, what is kept while nothing
 * can be sent, what fails and how it is told, and families that have no bursts.
 */
#include <errno.h>

#include "hand.h"

static struct hand hand; /* large */

/* ---- Order ---------------------------------------------------------------------------------------------------------------- */

static void later_ticket_waits_for_the_earlier_one(void)
{
	struct piommu_channel *ch;
	uint64_t iova[3];

	hand_open(&hand, false);
	ch = hand_channel(&hand);
	for (unsigned i = 0; i < 3; i++)
		iova[i] = hand_map(ch, 1);
	for (unsigned i = 0; i < 3; i++)
		CHECK_EQ(hand_unmap(ch, iova[i]), i + 1);
	CHECK_EQ(hand.nsent, 3);
	CHECK_EQ(piommu_channel_done(ch, 3), -EINPROGRESS);
	hand.done = 1;
	CHECK_EQ(piommu_channel_done(ch, 2), -EINPROGRESS);
	CHECK_EQ(piommu_channel_retired(ch), 1);
	CHECK_EQ(piommu_channel_done(ch, 1), 0);
	CHECK_EQ(piommu_channel_wait(ch, 3), -ETIMEDOUT);
	hand.done = 3;
	CHECK_EQ(piommu_channel_done(ch, 3), 0);
	CHECK_EQ(piommu_channel_done(ch, 2), 0);
	CHECK_EQ(piommu_channel_done(ch, 4), -EINVAL);
	CHECK_EQ(piommu_channel_wait(ch, 4), -EINVAL);
	hand_end(&hand, ch, 0);
}

/* Pages that are no neighbours in memory. */
static void map_apart(struct piommu_channel *ch, struct piommu_dma *items, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		items[i] = (struct piommu_dma){ .pa = 4 * i * PAGE, .len = PAGE, .dir = PIOMMU_DMA_BOTH };
	CHECK_EQ(piommu_dma_map_burst(ch, items, n), 0);
}

static void neighbours_in_one_burst_are_one_range(void)
{
	struct piommu_dma items[32];
	struct piommu_channel *ch;
	piommu_ticket ticket;

	hand_open(&hand, false);
	ch = hand_channel(&hand);
	map_apart(ch, items, 32);
	CHECK_EQ(piommu_dma_unmap_burst(ch, items, 32, &ticket), 0);
	CHECK_EQ(hand.unmap_calls, 1);
	CHECK_EQ(hand.nsent, 1);
	CHECK_EQ(hand.sent[0].n, 1);
	hand_end(&hand, ch, 0);
}

/* Of three bursts on their way the first one is done: what it had comes back, and nothing of the others. */
static void address_comes_back_with_its_own_ticket(void)
{
	struct piommu_channel *ch;
	uint64_t iova[6];

	hand_open(&hand, false);
	ch = hand_channel(&hand);
	for (unsigned i = 0; i < 6; i++)
		iova[i] = hand_map(ch, 1);
	for (unsigned i = 0; i < 6; i += 2) /* no neighbours */
		hand_unmap(ch, iova[i]);
	for (unsigned done = 1; done < 3; done++) {
		hand.done = done;
		CHECK_EQ(piommu_channel_poll(ch, 0), 1);
		for (unsigned i = 0; i < 600; i++) {
			uint64_t next = hand_map(ch, 1);

			for (unsigned k = 2 * done; k < 6; k += 2)
				CU_ASSERT(next != iova[k]);
		}
	}
	hand_end(&hand, ch, 0);
}

/* A unit that a ticket was sent to leaves the domain: nobody there can use what is old, and no answer is waited for. */
static void ticket_of_a_unit_that_left_is_done(void)
{
	struct piommu_channel *ch;
	piommu_ticket ticket;

	hand_open(&hand, false);
	ch = hand_channel(&hand);
	ticket = hand_unmap(ch, hand_map(ch, 1));
	CHECK_EQ(piommu_channel_done(ch, ticket), -EINPROGRESS);
	CHECK_EQ(piommu_detach(hand.domain, hand.group), 0);
	CHECK_EQ(piommu_channel_done(ch, ticket), 0);
	CHECK_EQ(piommu_attach(hand.domain, hand.group), 0);
	hand_end(&hand, ch, 0);
}

/* ---- Full ------------------------------------------------------------------------------------------------------------------ */

/* One ticket for all that is unmapped while nothing can be sent, sent once, with all of it. */
static void what_does_not_go_is_sent_with_what_comes(void)
{
	struct piommu_channel *ch;
	uint64_t iova[6];

	hand_open(&hand, false);
	ch = hand_channel(&hand);
	for (unsigned i = 0; i < 6; i++)
		iova[i] = hand_map(ch, 1);
	hand.full = true;
	for (unsigned i = 0; i < 6; i += 2) /* no neighbours */
		CHECK_EQ(hand_unmap(ch, iova[i]), 1);
	CHECK_EQ(hand.nsent, 0);
	CHECK_EQ(piommu_channel_done(ch, 1), -EINPROGRESS);
	CHECK_EQ(piommu_channel_wait(ch, 1), -ETIMEDOUT);
	hand.full = false;
	CHECK_EQ(piommu_channel_done(ch, 1), -EINPROGRESS);
	CHECK_EQ(hand.nsent, 1);
	CHECK_EQ(hand.sent[0].n, 3);
	hand.done = 1;
	CHECK_EQ(piommu_channel_done(ch, 1), 0);
	CHECK_EQ(hand_unmap(ch, iova[1]), 2);
	hand_end(&hand, ch, 0);
}

/* More ranges than a gather holds while nothing can be sent: all of the domain then. */
static void too_many_ranges_for_a_gather_become_the_domain(void)
{
	struct piommu_channel *ch;
	uint64_t iova[2 * PIOMMU_GATHER_RANGES + 2];

	hand_open(&hand, false);
	ch = hand_channel(&hand);
	for (unsigned i = 0; i < 2 * PIOMMU_GATHER_RANGES + 2; i++)
		iova[i] = hand_map(ch, 1);
	hand.full = true;
	for (unsigned i = 0; i < 2 * PIOMMU_GATHER_RANGES + 2; i += 2)
		CHECK_EQ(hand_unmap(ch, iova[i]), 1);
	hand.full = false;
	CHECK_EQ(piommu_channel_poll(ch, 0), 1);
	CHECK_EQ(hand.sent[0].whole, true);
	hand_end(&hand, ch, 0);
}

/* ---- Failures ---------------------------------------------------------------------------------------------------------------- */

static uint64_t failures(void)
{
	struct piommu_exposure exposure;

	piommu_domain_exposure(hand.domain, &exposure);
	return exposure.failed;
}

static void burst_that_failed_is_tried_again_with_the_whole_domain(void)
{
	struct piommu_channel *ch;
	piommu_ticket ticket;

	hand_open(&hand, false);
	ch = hand_channel(&hand);
	ticket = hand_unmap(ch, hand_map(ch, 1));
	hand.sent[0].failed = true;
	CHECK_EQ(piommu_channel_done(ch, ticket), -EINPROGRESS);
	CHECK_EQ(hand.nsent, 2);
	CHECK_EQ(hand.sent[1].whole, true);
	hand.done = 2;
	CHECK_EQ(piommu_channel_done(ch, ticket), 0);
	CHECK_EQ(failures(), 0);
	hand_end(&hand, ch, 0);
}

static void burst_that_could_not_be_sent_is_tried_again(void)
{
	struct piommu_channel *ch;
	piommu_ticket ticket;

	hand_open(&hand, false);
	ch = hand_channel(&hand);
	hand.submit_err = -EIO;
	ticket = hand_unmap(ch, hand_map(ch, 1));
	CHECK_EQ(hand.nsent, 0);
	CHECK_EQ(piommu_channel_done(ch, ticket), -EINPROGRESS);
	CHECK_EQ(hand.nsent, 1);
	CHECK_EQ(hand.sent[0].whole, true);
	hand.done = 1;
	CHECK_EQ(piommu_channel_done(ch, ticket), 0);
	hand_end(&hand, ch, 0);
}

static void fail_one(struct piommu_channel *ch)
{
	piommu_ticket ticket = hand_unmap(ch, hand_map(ch, 1));

	hand.sent[hand.nsent - 1].failed = true;
	CHECK_EQ(piommu_channel_done(ch, ticket), -EINPROGRESS);
	hand.sent[hand.nsent - 1].failed = true;
	CHECK_EQ(piommu_channel_done(ch, ticket), -EIO);
}

static void tickets_that_failed_are_told_apart_from_those_that_did_not(void)
{
	struct piommu_channel *ch;

	hand_open(&hand, false);
	ch = hand_channel(&hand);
	for (unsigned i = 0; i < 3; i++) {
		piommu_ticket ticket = hand_unmap(ch, hand_map(ch, 1));

		hand.done = hand.nsent;
		CHECK_EQ(piommu_channel_wait(ch, ticket), 0);
		fail_one(ch);
	}
	for (piommu_ticket ticket = 1; ticket <= 6; ticket++)
		CHECK_EQ(piommu_channel_done(ch, ticket), ticket % 2 ? 0 : -EIO);
	CHECK_EQ(failures(), 3);
	hand_end(&hand, ch, -EIO);
}

/* Never says of a ticket that failed that it is done, however many have failed since. */
static void tickets_that_failed_long_ago_are_never_called_done(void)
{
	struct piommu_channel *ch;

	hand_open(&hand, false);
	ch = hand_channel(&hand);
	for (unsigned i = 0; i < 30; i++)
		fail_one(ch);
	for (piommu_ticket ticket = 1; ticket <= 30; ticket++)
		CHECK_EQ(piommu_channel_done(ch, ticket), -EIO);
	CHECK_EQ(failures(), 30);
	hand_end(&hand, ch, -EIO);
}

/* The second try of a burst that failed finds no room, now or ever: waiting for it ends all the same. */
static void wait_for_a_burst_whose_second_try_does_not_go_ends(void)
{
	struct piommu_channel *ch;
	piommu_ticket ticket;

	hand_open(&hand, false);
	ch = hand_channel(&hand);
	ticket = hand_unmap(ch, hand_map(ch, 1));
	hand.sent[0].failed = true;
	hand.full = true;
	CHECK_EQ(piommu_channel_done(ch, ticket), -EINPROGRESS);
	CHECK_EQ(piommu_channel_wait(ch, ticket), -ETIMEDOUT);
	hand.full = false;
	CHECK_EQ(piommu_channel_done(ch, ticket), -EINPROGRESS);
	hand.done = hand.nsent;
	CHECK_EQ(piommu_channel_wait(ch, ticket), 0);
	hand_end(&hand, ch, 0);
}

/* Eighteen thousand pages that nobody can map: the next one is still where the first was. */
static void map_that_fails_gives_its_addresses_back(void)
{
	struct piommu_dma items[4];
	struct piommu_channel *ch;
	uint64_t first, iova;

	hand_open(&hand, false);
	ch = hand_channel(&hand);
	first = hand_map(ch, 1);
	for (unsigned i = 0; i < 2000; i++) {
		for (unsigned k = 0; k < 4; k++)
			items[k] = (struct piommu_dma){ .pa = 8 * k * PAGE, .len = 2 * PAGE, .dir = PIOMMU_DMA_BOTH };
		hand.fail_map = 1 + i % 4;
		CHECK_EQ(piommu_dma_map_burst(ch, items, 4), -ENOMEM);
		hand.fail_map = 1;
		CHECK_EQ(piommu_dma_map(ch, 0, PAGE, PIOMMU_DMA_BOTH, &iova), -ENOMEM);
	}
	CHECK_EQ(hand_count_mapped(&hand), 1);
	iova = hand_map(ch, 8);
	CU_ASSERT((iova > first ? iova - first : first - iova) < (UINT64_C(8) << 20));
	hand_end(&hand, ch, 0);
}

/* ---- Bursts at addresses of the caller's ----------------------------------------------------------------------------------------- */

static void bad_item_is_refused_before_anything_is_done(void)
{
	static const struct {
		struct piommu_burst_item item;
		int err;
	} bad[] = {
		{ { 0x5001, 0, PAGE, PIOMMU_RW }, -EINVAL },
		{ { 0x5000, 0, PAGE + 1, PIOMMU_RW }, -EINVAL },
		{ { 0x5000, 0, 0, PIOMMU_RW }, -EINVAL },
		{ { 0x5000, 1, PAGE, PIOMMU_RW }, -EINVAL },
		{ { 0x5000, 0, PAGE, 0 }, -EINVAL },
		{ { 0x5000, 0, PAGE, 8 }, -EINVAL },
		{ { UINT64_C(1) << 48, 0, PAGE, PIOMMU_RW }, -ERANGE },
		{ { (UINT64_C(1) << 48) - PAGE, 0, 2 * PAGE, PIOMMU_RW }, -ERANGE },
		{ { 0xfee00000, 0, PAGE, PIOMMU_RW }, -ERANGE },
		{ { UINT64_MAX - PAGE + 1, 0, 2 * PAGE, PIOMMU_RW }, -ERANGE },
	};
	struct piommu_burst_item items[PIOMMU_BURST_MAX + 1] = { { 0 } };
	struct piommu_channel *ch;
	piommu_ticket ticket = 55;
	size_t unmapped;

	hand_open(&hand, false);
	ch = hand_channel(&hand);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		items[0] = (struct piommu_burst_item){ 0x1000, 0, PAGE, PIOMMU_RW };
		items[1] = bad[i].item;
		CHECK_EQ(piommu_map_burst(ch, items, 2), bad[i].err);
		if ((items[1].iova | items[1].len) & (PAGE - 1) || bad[i].err == -ERANGE)
			CHECK_EQ(piommu_unmap_burst(ch, items, 2, &unmapped, &ticket), bad[i].err);
	}
	CHECK_EQ(piommu_map_burst(ch, items, PIOMMU_BURST_MAX + 1), -EINVAL);
	CHECK_EQ(piommu_unmap_burst(ch, items, PIOMMU_BURST_MAX + 1, &unmapped, &ticket), -EINVAL);
	CHECK_EQ(ticket, 55);
	CHECK_EQ(hand.map_calls, 0);
	CHECK_EQ(hand.unmap_calls, 0);
	hand_end(&hand, ch, 0);
}

static void burst_at_own_addresses_is_all_or_nothing_and_says_how_much_was_unmapped(void)
{
	const struct piommu_burst_item items[3] = { { 0x10000, 0, 2 * PAGE, PIOMMU_RW },
						    { 0x20000, 0, PAGE, PIOMMU_READ },
						    { 0x30000, 0, 3 * PAGE, PIOMMU_RW } };
	struct piommu_channel *ch;
	piommu_ticket ticket = 0;
	size_t unmapped = 9;

	hand_open(&hand, false);
	ch = hand_channel(&hand);
	hand.fail_map = 3;
	CHECK_EQ(piommu_map_burst(ch, items, 3), -ENOMEM);
	CHECK_EQ(hand_count_mapped(&hand), 0);
	CHECK_EQ(piommu_map_burst(ch, items, 2), 0);
	CHECK_EQ(piommu_unmap_burst(ch, items, 3, &unmapped, &ticket), -ENOENT);
	CHECK_EQ(unmapped, 3 * PAGE);
	CHECK_EQ(hand_count_mapped(&hand), 0);
	CHECK_EQ(ticket, 1);
	CHECK_EQ(hand.sent[0].n, 2);
	CHECK_EQ(piommu_channel_done(ch, ticket), -EINPROGRESS);
	hand.done = 1;
	CHECK_EQ(piommu_channel_done(ch, ticket), 0);
	hand_end(&hand, ch, 0);
}

/* ---- A family without bursts --------------------------------------------------------------------------------------------------------- */

static void family_without_bursts_flushes_once_a_burst(void)
{
	struct piommu_dma items[8];
	struct piommu_channel *ch;
	piommu_ticket ticket;

	hand_open(&hand, true);
	ch = hand_channel(&hand);
	map_apart(ch, items, 8);
	CHECK_EQ(hand_count_mapped(&hand), 8);
	CHECK_EQ(piommu_dma_unmap_burst(ch, items, 8, &ticket), 0);
	CHECK_EQ(hand_count_mapped(&hand), 0);
	CHECK_EQ(hand.nflushes, 1);
	CHECK_EQ(piommu_channel_done(ch, ticket), 0);
	hand.fail_map = 3;
	for (unsigned i = 0; i < 8; i++)
		items[i].len = PAGE + 1;
	CHECK_EQ(piommu_dma_map_burst(ch, items, 8), -ENOMEM);
	CHECK_EQ(hand_count_mapped(&hand), 0);
	/* A flush that fails is tried again for all of the domain. */
	ticket = 0;
	items[0].iova = hand_map(ch, 1);
	hand.flush_err = -EIO;
	ticket = hand_unmap(ch, items[0].iova);
	CHECK_EQ(piommu_channel_wait(ch, ticket), 0);
	CHECK_EQ(hand.nflushes, 3);
	CHECK_EQ(hand.last_whole, true);
	hand_end(&hand, ch, 0);
}

/* ---- What ends ------------------------------------------------------------------------------------------------------------------------- */

static void channel_that_ends_beside_a_stuck_queue_says_so(void)
{
	struct piommu_channel *ch, *next;
	uint64_t lost;

	hand_open(&hand, false);
	ch = hand_channel(&hand);
	lost = hand_map(ch, 1);
	hand_unmap(ch, lost);
	CHECK_EQ(piommu_channel_destroy(ch), -ETIMEDOUT);
	next = hand_channel(&hand);
	for (unsigned i = 0; i < 1000; i++)
		CU_ASSERT(hand_map(next, 1) != lost);
	hand_end(&hand, next, 0);
}

static void group_whose_default_domain_has_a_channel_is_not_released(void)
{
	struct piommu_channel *ch = NULL;

	memset(&hand, 0, sizeof(hand));
	hand.fake.default_domain = PIOMMU_DEFAULT_PAGING;
	hand_open(&hand, false);
	CHECK_EQ(piommu_detach(hand.domain, hand.group), 0);
	CU_ASSERT_EQUAL_FATAL(piommu_channel_create(piommu_group_default_domain(hand.group), NULL, &ch), 0);
	CHECK_EQ(piommu_release(hand.group), -EBUSY);
	hand.done = UINT64_MAX;
	CHECK_EQ(piommu_channel_destroy(ch), 0);
	CHECK_EQ(piommu_release(hand.group), 0);
	CHECK_EQ(piommu_claim(hand.group), 0);
	CHECK_EQ(piommu_attach(hand.domain, hand.group), 0);
	hand_close(&hand);
}

static void domain_that_does_not_page_has_no_channels(void)
{
	const struct piommu_domain_attr attr = { .kind = PIOMMU_KIND_BLOCKING };
	const struct piommu_mode strict = { PIOMMU_MODE_STRICT, 0, 0 };
	struct piommu_domain *blocking = NULL;
	struct piommu_channel *ch = NULL;

	hand_open(&hand, false);
	CU_ASSERT_EQUAL_FATAL(piommu_domain_create(hand.group, &attr, &blocking), 0);
	CHECK_EQ(piommu_channel_create(blocking, NULL, &ch), -EINVAL);
	CHECK_EQ(piommu_domain_set_mode(blocking, &strict), -EINVAL);
	CHECK_EQ(piommu_dma_pool_register(blocking, 0, PAGE, PIOMMU_RW), -EINVAL);
	CU_ASSERT_PTR_NULL(ch);
	CHECK_EQ(piommu_channel_destroy(NULL), 0);
	CHECK_EQ(piommu_domain_destroy(blocking), 0);
	hand_close(&hand);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(later_ticket_waits_for_the_earlier_one),
		SUITE_TEST(neighbours_in_one_burst_are_one_range),
		SUITE_TEST(address_comes_back_with_its_own_ticket),
		SUITE_TEST(ticket_of_a_unit_that_left_is_done),
		SUITE_TEST(what_does_not_go_is_sent_with_what_comes),
		SUITE_TEST(too_many_ranges_for_a_gather_become_the_domain),
		SUITE_TEST(burst_that_failed_is_tried_again_with_the_whole_domain),
		SUITE_TEST(burst_that_could_not_be_sent_is_tried_again),
		SUITE_TEST(tickets_that_failed_are_told_apart_from_those_that_did_not),
		SUITE_TEST(tickets_that_failed_long_ago_are_never_called_done),
		SUITE_TEST(wait_for_a_burst_whose_second_try_does_not_go_ends),
		SUITE_TEST(map_that_fails_gives_its_addresses_back),
		SUITE_TEST(bad_item_is_refused_before_anything_is_done),
		SUITE_TEST(burst_at_own_addresses_is_all_or_nothing_and_says_how_much_was_unmapped),
		SUITE_TEST(family_without_bursts_flushes_once_a_burst),
		SUITE_TEST(channel_that_ends_beside_a_stuck_queue_says_so),
		SUITE_TEST(group_whose_default_domain_has_a_channel_is_not_released),
		SUITE_TEST(domain_that_does_not_page_has_no_channels),
	};

	return suite_run(argc, argv, "channel_hand", tests, sizeof(tests) / sizeof(tests[0]));
}
