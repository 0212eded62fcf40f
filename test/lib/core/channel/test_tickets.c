/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tickets on the simulated machine: an address and what it led to are in limbo until the hardware has answered, and not a moment longer;
 * no ticket is lost in a full or a stuck queue. Usage: chan_main().
 */
#include <stdlib.h>

#include "chan.h"

#define APERTURE_PAGES 1024u
#define BLOCKS \
	(struct piommu_span) \
	{ \
		4 * RIG_2M, 6 * RIG_2M - 1 \
	}

static void tickets_count_up_and_are_done_in_order(void)
{
	struct chan c;
	uint64_t iova[4];

	chan_open(&c, &(struct chan_config){ 0 });
	for (unsigned i = 0; i < 4; i++)
		iova[i] = chan_map(&c, 2 * i, 1);
	chan_hold(&c);
	for (unsigned i = 0; i < 4; i++)
		CHECK_EQ(chan_unmap(&c, iova[i], PAGE), i + 1);
	for (unsigned i = 1; i <= 4; i++)
		CHECK_EQ(piommu_channel_done(c.ch, i), -EINPROGRESS);
	CHECK_EQ(piommu_channel_done(c.ch, 0), 0);
	CHECK_EQ(piommu_channel_poll(c.ch, 0), 0);
	CHECK_EQ(piommu_channel_retired(c.ch), 0);
	chan_go(&c);
	CHECK_EQ(piommu_channel_wait(c.ch, 2), 0);
	CU_ASSERT(piommu_channel_retired(c.ch) >= 2);
	CHECK_EQ(piommu_channel_wait(c.ch, 4), 0);
	CHECK_EQ(piommu_channel_retired(c.ch), 4);
	chan_close(&c);
}

/* Nobody has looked at a ticket, and the device reaches nothing any more. */
static void unmap_by_registers_is_over_when_it_returns(void)
{
	struct chan_counts counts = { 0 };
	uint64_t iova[4];
	struct chan c;

	chan_open(&c, &(struct chan_config){ 0 });
	for (unsigned i = 0; i < 4; i++) {
		iova[i] = chan_map(&c, 2 * i, 1);
		chan_check_reaches(&c, iova[i], 2 * i);
	}
	for (unsigned i = 0; i < 4; i++) {
		CHECK_EQ(chan_unmap(&c, iova[i], PAGE), i + 1);
		chan_check_blocked(&c, iova[i]);
	}
	chan_counts(&c, &counts);
	CHECK_EQ(piommu_channel_retired(c.ch), 0);
	for (unsigned i = 1; i <= 4; i++)
		CHECK_EQ(piommu_channel_done(c.ch, i), 0);
	CHECK_EQ(piommu_channel_wait(c.ch, 4), 0);
	CHECK_EQ(chan_counts(&c, &counts).done, 0);
	CHECK_EQ(piommu_channel_done(c.ch, 5), -EINVAL);
	chan_close(&c);
}

static void budget_bounds_what_a_poll_retires(void)
{
	struct chan c;
	uint64_t iova[6];

	chan_open(&c, &(struct chan_config){ 0 });
	for (unsigned i = 0; i < 6; i++)
		iova[i] = chan_map(&c, i, 1);
	if (chan_has_queue())
		chan_hold(&c);
	for (unsigned i = 0; i < 6; i++)
		chan_unmap(&c, iova[i], PAGE);
	if (chan_has_queue())
		chan_go(&c);
	while (!piommu_channel_poll(c.ch, 1))
		;
	CHECK_EQ(piommu_channel_retired(c.ch), 1);
	while (piommu_channel_retired(c.ch) < 6)
		CU_ASSERT(piommu_channel_poll(c.ch, 2) <= 2);
	CHECK_EQ(piommu_channel_poll(c.ch, 0), 0);
	chan_close(&c);
}

/* ---- Limbo ------------------------------------------------------------------------------------------------------------------ */

/* Which page of the aperture an address is; the test ends where it is in none. */
static unsigned place_of(uint64_t iova)
{
	CU_ASSERT_FATAL(iova >= BLOCKS.start && iova <= BLOCKS.last);
	return (unsigned)((iova - BLOCKS.start) / PAGE);
}

/* Every address there is, taken page by page. @return how many */
static unsigned take_all(struct chan *c, bool taken[APERTURE_PAGES])
{
	unsigned n = 0;
	uint64_t iova;

	while (!piommu_dma_map(c->ch, chan_pa(c, n % 16), PAGE, PIOMMU_DMA_BOTH, &iova)) {
		CU_ASSERT_FALSE_FATAL(taken[place_of(iova)]);
		taken[place_of(iova)] = true;
		n++;
	}
	CHECK_EQ(piommu_dma_map(c->ch, c->mem.pa, PAGE, PIOMMU_DMA_BOTH, &iova), -ENOSPC);
	return n;
}

static uint64_t place(unsigned at)
{
	return BLOCKS.start + at * PAGE;
}

/* As much as can be taken is taken: whatever is handed out then comes out of limbo. */
static void address_in_limbo_is_not_handed_out(void)
{
	bool taken[APERTURE_PAGES] = { false };
	piommu_ticket ticket = 0;
	uint64_t iova;
	struct chan c;

	chan_open(&c, &(struct chan_config){ .aperture = BLOCKS });
	CHECK_EQ(take_all(&c, taken), APERTURE_PAGES);
	for (unsigned at = 0; at < APERTURE_PAGES; at += 8)
		CU_ASSERT(chan_is_reached(&c, place(at))); /* and so it is cached */
	chan_hold(&c);
	for (unsigned at = 0; at < 512; at += 8)
		ticket = chan_unmap(&c, place(at), PAGE);
	for (unsigned i = 0; i < 100; i++)
		CHECK_EQ(piommu_dma_map(c.ch, c.mem.pa, PAGE, PIOMMU_DMA_BOTH, &iova), -ENOSPC);
	CHECK_EQ(piommu_channel_done(c.ch, ticket), -EINPROGRESS);
	CU_ASSERT(chan_is_reached(&c, place(0))); /* stale, as long as the ticket is not done */
	chan_go(&c);
	CHECK_EQ(piommu_channel_wait(c.ch, ticket), 0);
	for (unsigned at = 0; at < 512; at += 8)
		chan_check_blocked(&c, place(at));
	for (unsigned i = 0; i < 64; i++) {
		iova = chan_map(&c, i % 16, 1);
		CHECK_EQ(place_of(iova) % 8, 0);
		CU_ASSERT(place_of(iova) < 512);
		chan_check_reaches(&c, iova, i % 16);
	}
	CHECK_EQ(piommu_dma_map(c.ch, c.mem.pa, PAGE, PIOMMU_DMA_BOTH, &iova), -ENOSPC);
	chan_close(&c);
}

/* The same through another channel of the domain, and for an address that another channel unmaps. */
static void address_in_limbo_is_not_handed_out_by_another_channel(void)
{
	bool taken[APERTURE_PAGES] = { false };
	struct piommu_channel *other;
	piommu_ticket ticket;
	uint64_t iova;
	struct chan c;

	chan_open(&c, &(struct chan_config){ .aperture = BLOCKS });
	CHECK_EQ(take_all(&c, taken), APERTURE_PAGES);
	CU_ASSERT_EQUAL_FATAL(piommu_channel_create(c.domain, NULL, &other), 0);
	CU_ASSERT(chan_is_reached(&c, place(700)));
	chan_hold(&c);
	CHECK_EQ(piommu_dma_unmap(other, place(700), PAGE, &ticket), 0);
	CHECK_EQ(ticket, 1);
	CHECK_EQ(piommu_dma_unmap(c.ch, place(700), PAGE, &(piommu_ticket){ 0 }), -ENOENT);
	CHECK_EQ(piommu_dma_map(c.ch, c.mem.pa, PAGE, PIOMMU_DMA_BOTH, &iova), -ENOSPC);
	CHECK_EQ(piommu_dma_map(other, c.mem.pa, PAGE, PIOMMU_DMA_BOTH, &iova), -ENOSPC);
	CU_ASSERT(chan_is_reached(&c, place(700)));
	chan_go(&c);
	CHECK_EQ(piommu_channel_wait(other, ticket), 0);
	chan_check_blocked(&c, place(700));
	CHECK_EQ(piommu_channel_destroy(other), 0);
	chan_close(&c);
}

/* With no other left it is the next one that is asked for; what it was cached as does not come back with it. */
static void address_that_registers_gave_back_is_free(void)
{
	bool taken[APERTURE_PAGES] = { false };
	struct chan c;

	chan_open(&c, &(struct chan_config){ .aperture = BLOCKS });
	CHECK_EQ(take_all(&c, taken), APERTURE_PAGES);
	for (unsigned at = 3; at < APERTURE_PAGES; at += 50) {
		CU_ASSERT(chan_is_reached(&c, place(at)));
		chan_unmap(&c, place(at), PAGE);
		CHECK_EQ(place_of(chan_map(&c, at % 13, 1)), at);
		chan_check_reaches(&c, place(at), at % 13);
	}
	chan_close(&c);
}

/* The last page of one block and the first of the next, in one burst: two ranges to give back. */
static void neighbours_in_two_blocks_both_come_back(void)
{
	bool taken[APERTURE_PAGES] = { false };
	struct piommu_dma items[2];
	uint64_t iova[2];
	struct chan c;

	chan_open(&c, &(struct chan_config){ .aperture = BLOCKS });
	CHECK_EQ(take_all(&c, taken), APERTURE_PAGES);
	for (unsigned i = 0; i < 2; i++)
		items[i] = (struct piommu_dma){ .iova = place(511 + i), .len = PAGE };
	for (unsigned n = 0; n < 3; n++) {
		CHECK_EQ(piommu_dma_unmap_burst(c.ch, items, 2, NULL), 0);
		chan_check_blocked(&c, place(511));
		chan_check_blocked(&c, place(512));
		iova[0] = chan_map(&c, 1, 1);
		iova[1] = chan_map(&c, 2, 1);
		CHECK_EQ(place_of(iova[0]) + place_of(iova[1]), 511 + 512);
		chan_check_reaches(&c, iova[0], 1);
		chan_check_reaches(&c, iova[1], 2);
	}
	chan_close(&c);
}

static void address_in_limbo_is_not_unmapped_again(void)
{
	struct chan c;
	uint64_t iova;
	piommu_ticket ticket, none = 77;

	chan_open(&c, &(struct chan_config){ 0 });
	iova = chan_map(&c, 4, 2);
	if (chan_has_queue())
		chan_hold(&c);
	ticket = chan_unmap(&c, iova, 2 * PAGE);
	CHECK_EQ(piommu_dma_unmap(c.ch, iova, 2 * PAGE, &none), -ENOENT);
	CHECK_EQ(piommu_dma_unmap(c.ch, iova, PAGE, &none), -ENOENT);
	CHECK_EQ(none, 77);
	if (chan_has_queue())
		chan_go(&c);
	CHECK_EQ(piommu_channel_wait(c.ch, ticket), 0);
	CHECK_EQ(piommu_dma_unmap(c.ch, iova, 2 * PAGE, &none), -ENOENT);
	chan_close(&c);
}

/* ---- A channel, or a queue, that is full ------------------------------------------------------------------------------------- */

#define PAGES 2600u /* more than the queue of a unit takes: 4096 descriptors, two a burst */

/* Maps them all; from the last to the first no two are neighbours in the order in which they are unmapped. */
static void map_all(struct chan *c, uint64_t iova[PAGES])
{
	for (unsigned i = 0; i < PAGES; i++) {
		iova[i] = chan_map(c, i % 16, 1);
		chan_check_reaches(c, iova[i], i % 16);
	}
}

/* @return how many were unmapped before the channel said -EAGAIN; `*ticket` the last one's */
static unsigned unmap_until_full(struct chan *c, const uint64_t *iova, unsigned n, piommu_ticket *ticket)
{
	for (unsigned i = 0; i < n; i++) {
		piommu_ticket mine = 0;
		int err = piommu_dma_unmap(c->ch, iova[n - 1 - i], PAGE, &mine);

		if (err) {
			CHECK_EQ(err, -EAGAIN);
			CHECK_EQ(mine, 0);
			return i;
		}
		CU_ASSERT(mine == *ticket || mine == *ticket + 1);
		*ticket = mine;
	}
	return n;
}

static void full_channel_says_so_and_loses_nothing(void)
{
	uint64_t *iova = calloc(PAGES, sizeof(*iova));
	piommu_ticket ticket = 0, last = 0;
	unsigned n, refused;
	struct chan c;

	chan_open(&c, &(struct chan_config){ .inflight = 4 });
	map_all(&c, iova);
	chan_hold(&c);
	n = unmap_until_full(&c, iova, PAGES, &ticket);
	CU_ASSERT_FATAL(n >= 4 && n < PAGES);
	CHECK_EQ(ticket, 5); /* four on their way, and one that is open */
	CHECK_EQ(piommu_channel_done(c.ch, 1), -EINPROGRESS);
	/* What was refused is as mapped as before. */
	refused = PAGES - 1 - n;
	CHECK_EQ(piommu_dma_unmap(c.ch, iova[refused], PAGE, &last), -EAGAIN);
	CHECK_EQ(piommu_lookup(c.domain, iova[refused], &(uint64_t){ 0 }, NULL, NULL), 0);
	chan_go(&c);
	while (piommu_channel_retired(c.ch) < 4)
		piommu_channel_poll(c.ch, 0);
	CHECK_EQ(piommu_dma_unmap(c.ch, iova[refused], PAGE, &last), 0);
	CU_ASSERT(last >= ticket);
	for (piommu_ticket i = 1; i <= last; i++)
		CHECK_EQ(piommu_channel_wait(c.ch, i), 0);
	for (unsigned i = refused; i < PAGES; i++)
		chan_check_blocked(&c, iova[i]);
	chan_check_reaches(&c, iova[0], 0);
	chan_close(&c);
	free(iova);
}

/* The oldest burst makes room for the next one by itself: nobody polls here. */
static void channel_by_registers_is_never_full(void)
{
	uint64_t *iova = calloc(PAGES, sizeof(*iova));
	piommu_ticket ticket = 0;
	struct chan c;

	chan_open(&c, &(struct chan_config){ .inflight = 1 });
	map_all(&c, iova);
	CHECK_EQ(unmap_until_full(&c, iova, PAGES, &ticket), PAGES);
	CHECK_EQ(ticket, PAGES);
	for (unsigned i = 0; i < PAGES; i += 13)
		chan_check_blocked(&c, iova[i]);
	chan_close(&c);
	free(iova);
}

/* More bursts than the unit's queue has descriptors for: the channel keeps what does not go, and sends it as one. */
static void full_queue_of_the_unit_loses_nothing(void)
{
	uint64_t *iova = calloc(PAGES, sizeof(*iova));
	piommu_ticket ticket = 0;
	struct chan c;

	chan_open(&c, &(struct chan_config){ .inflight = 4096 });
	map_all(&c, iova);
	chan_hold(&c);
	CHECK_EQ(unmap_until_full(&c, iova, PAGES, &ticket), PAGES);
	CU_ASSERT(ticket < PAGES); /* the queue was full, or this tests nothing */
	CHECK_EQ(piommu_channel_done(c.ch, 1), -EINPROGRESS);
	chan_go(&c);
	CHECK_EQ(piommu_channel_wait(c.ch, ticket), 0);
	CHECK_EQ(piommu_channel_retired(c.ch), ticket);
	for (piommu_ticket i = 1; i <= ticket; i++)
		CHECK_EQ(piommu_channel_done(c.ch, i), 0);
	for (unsigned i = 0; i < PAGES; i++)
		chan_check_blocked(&c, iova[i]);
	chan_close(&c);
	free(iova);
}

int main(int argc, char **argv)
{
	static const struct chan_test tests[] = {
		CHAN_TEST_IF(chan_queue, tickets_count_up_and_are_done_in_order),
		CHAN_TEST_IF(chan_registers, unmap_by_registers_is_over_when_it_returns),
		CHAN_TEST(budget_bounds_what_a_poll_retires),
		CHAN_TEST_IF(chan_queue, address_in_limbo_is_not_handed_out),
		CHAN_TEST_IF(chan_queue, address_in_limbo_is_not_handed_out_by_another_channel),
		CHAN_TEST_IF(chan_registers, address_that_registers_gave_back_is_free),
		CHAN_TEST(neighbours_in_two_blocks_both_come_back),
		CHAN_TEST(address_in_limbo_is_not_unmapped_again),
		CHAN_TEST_IF(chan_queue, full_channel_says_so_and_loses_nothing),
		CHAN_TEST_IF(chan_registers, channel_by_registers_is_never_full),
		CHAN_TEST_IF(chan_queue, full_queue_of_the_unit_loses_nothing),
	};

	return chan_main(argc, argv, "channel_tickets", tests, sizeof(tests) / sizeof(tests[0]));
}
