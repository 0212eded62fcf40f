/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Channels on hardware that fails, and what ends while tickets are on their way: a failure is tried again as an invalidation of the whole
 * domain, and what fails twice is never used again. Usage: chan_main().
 */
#include "chan.h"

#define BLOCK \
	(struct piommu_span) \
	{ \
		4 * RIG_2M, 5 * RIG_2M - 1 \
	}

static uint64_t failed(struct chan *c)
{
	struct piommu_exposure exposure;

	piommu_domain_exposure(c->domain, &exposure);
	return exposure.failed;
}

static void failed_burst_is_made_good_by_a_whole_invalidation(void)
{
	struct piommu_event event = { 0 };
	struct chan c;
	uint64_t iova;

	chan_open(&c, &(struct chan_config){ .impatient = true });
	iova = chan_map(&c, 0, 1);
	chan_check_reaches(&c, iova, 0);
	chan_fail(&c, 0, 1);
	CHECK_EQ(piommu_channel_wait(c.ch, chan_unmap(&c, iova, PAGE)), 0);
	CHECK_EQ(failed(&c), 0);
	CU_ASSERT(rig_events(&c.r, &event) >= 1);
	CHECK_EQ(event.type, PIOMMU_EVENT_INV_ERROR);
	chan_check_blocked(&c, iova);
	chan_close(&c);
}

/* The answer to the burst is lost, and that to its second try. */
static void fail_twice(struct chan *c, uint64_t iova)
{
	piommu_ticket ticket = chan_unmap_failing(c, 0, iova);

	chan_fail_again(c, 0);
	CHECK_EQ(piommu_channel_wait(c->ch, ticket), chan_failure());
	CHECK_EQ(piommu_channel_done(c->ch, ticket), chan_failure());
	CHECK_EQ(piommu_channel_retired(c->ch), ticket);
}

static void address_that_failed_twice_is_never_used_again(void)
{
	struct chan c;
	uint64_t iova, lost;

	chan_open(&c, &(struct chan_config){ .impatient = true, .aperture = BLOCK });
	lost = chan_map(&c, 0, 1);
	fail_twice(&c, lost);
	CHECK_EQ(failed(&c), 1);
	/* The next ones are none the worse for it. */
	iova = chan_map(&c, 1, 1);
	CU_ASSERT(iova != lost);
	CHECK_EQ(piommu_dma_unmap(c.ch, iova, PAGE, NULL), 0);
	for (unsigned i = 0; i < 511; i++)
		CU_ASSERT(chan_map(&c, 1, 1) != lost);
	CHECK_EQ(piommu_dma_map(c.ch, c.mem.pa, PAGE, PIOMMU_DMA_BOTH, &iova), -ENOSPC);
	CHECK_EQ(piommu_dma_unmap(c.ch, lost, PAGE, NULL), -ENOENT);
	CHECK_EQ(piommu_channel_destroy(c.ch), -EIO);
	CHECK_EQ(failed(&c), 1);
	rig_close(&c.r);
}

static void stuck_queue_ends_a_wait_and_not_a_ticket(void)
{
	struct chan c;
	piommu_ticket ticket;
	uint64_t iova, other;

	chan_open(&c, &(struct chan_config){ .impatient = true });
	iova = chan_map(&c, 0, 1);
	chan_check_reaches(&c, iova, 0);
	chan_hold(&c);
	ticket = chan_unmap(&c, iova, PAGE);
	CHECK_EQ(piommu_channel_wait(c.ch, ticket), -ETIMEDOUT);
	CHECK_EQ(piommu_channel_done(c.ch, ticket), -EINPROGRESS);
	CU_ASSERT(chan_is_reached(&c, iova));
	/* In caching mode a map asks the hardware, too. */
	CU_ASSERT(piommu_dma_map(c.ch, chan_pa(&c, 1), PAGE, PIOMMU_DMA_BOTH, &other) || other != iova);
	chan_go(&c);
	CHECK_EQ(piommu_channel_wait(c.ch, ticket), 0);
	chan_check_blocked(&c, iova);
	chan_close(&c);
}

/* An unmap by registers waits, and what it waited for in vain is tried again, as all of the domain, by who asks for the ticket. */
static void stuck_sync_that_comes_round_is_tried_again(void)
{
	struct chan_counts counts = { 0 };
	struct chan c;
	piommu_ticket ticket;
	uint64_t iova;

	chan_open(&c, &(struct chan_config){ .impatient = true });
	iova = chan_map(&c, 0, 1);
	chan_check_reaches(&c, iova, 0);
	chan_hold(&c);
	ticket = chan_unmap(&c, iova, PAGE);
	CU_ASSERT(chan_is_reached(&c, iova));
	chan_go(&c);
	chan_counts(&c, &counts);
	CHECK_EQ(piommu_channel_wait(c.ch, ticket), 0);
	CHECK_EQ(chan_counts(&c, &counts).waits, 1);
	CHECK_EQ(failed(&c), 0);
	chan_check_blocked(&c, iova);
	CHECK_EQ(piommu_channel_done(c.ch, ticket), 0);
	chan_close(&c);
}

/* What did not complete stays taken, whoever asks, also when the hardware has come round. */
static void channel_that_ends_beside_a_stuck_unit_takes_its_addresses_along(void)
{
	struct chan c;
	uint64_t lost, iova;

	chan_open(&c, &(struct chan_config){ .impatient = true, .aperture = BLOCK });
	lost = chan_map(&c, 0, 1);
	chan_check_reaches(&c, lost, 0);
	chan_hold(&c);
	chan_unmap(&c, lost, PAGE);
	CHECK_EQ(piommu_channel_destroy(c.ch), -ETIMEDOUT);
	chan_go(&c);
	CU_ASSERT_EQUAL_FATAL(piommu_channel_create(c.domain, NULL, &c.ch), 0);
	for (unsigned i = 0; !piommu_dma_map(c.ch, chan_pa(&c, 1), PAGE, PIOMMU_DMA_BOTH, &iova); i++) {
		CU_ASSERT_FATAL(i < 512);
		CU_ASSERT(iova != lost);
	}
	CHECK_EQ(piommu_dma_unmap(c.ch, lost, PAGE, NULL), -ENOENT);
	CHECK_EQ(piommu_channel_destroy(c.ch), 0);
	rig_close(&c.r);
}

/* ---- What ends -------------------------------------------------------------------------------------------------------------- */

static void channel_that_ends_waits_for_its_tickets(void)
{
	struct piommu_channel *next;
	struct chan c;
	uint64_t iova[8];

	chan_open(&c, &(struct chan_config){ 0 });
	for (unsigned i = 0; i < 8; i++) {
		iova[i] = chan_map(&c, i, 1);
		chan_check_reaches(&c, iova[i], i);
	}
	CU_ASSERT_EQUAL_FATAL(piommu_channel_create(c.domain, NULL, &next), 0);
	for (unsigned i = 0; i < 7; i++)
		chan_unmap(&c, iova[i], PAGE);
	CHECK_EQ(piommu_channel_destroy(c.ch), 0);
	for (unsigned i = 0; i < 7; i++)
		chan_check_blocked(&c, iova[i]);
	/* What it left mapped is so, and another one may unmap it. */
	chan_check_reaches(&c, iova[7], 7);
	c.ch = next;
	CHECK_EQ(piommu_dma_unmap(c.ch, iova[7], PAGE, NULL), 0);
	chan_check_blocked(&c, iova[7]);
	chan_close(&c);
}

static void domain_with_a_channel_is_not_destroyed(void)
{
	struct chan c;

	chan_open(&c, &(struct chan_config){ 0 });
	rig_detach(&c.r, c.domain, c.device);
	CHECK_EQ(piommu_domain_destroy(c.domain), -EBUSY);
	CHECK_HAS(c.r.last, "channels");
	CHECK_EQ(piommu_channel_destroy(c.ch), 0);
	CHECK_EQ(piommu_domain_destroy(c.domain), 0);
	rig_close(&c.r);
}

/* A device leaves while tickets are on their way: they are done, and it reaches nothing by the old addresses when it is back. */
static void unit_that_leaves_and_comes_back_keeps_no_ticket(void)
{
	struct chan c;
	piommu_ticket ticket;
	uint64_t iova;

	chan_open(&c, &(struct chan_config){ 0 });
	rig_claim(&c.r, c.r.m->ported); /* behind another unit, where there are two */
	for (unsigned i = 0; i < 20; i++) {
		rig_attach(&c.r, c.domain, c.r.m->ported);
		iova = chan_map(&c, 0, 1);
		rig_check_reaches(&c.r, c.r.m->ported, iova, chan_va(&c, 0), 64);
		ticket = chan_unmap(&c, iova, PAGE);
		rig_detach(&c.r, c.domain, c.r.m->ported);
		CHECK_EQ(piommu_channel_wait(c.ch, ticket), 0);
		rig_attach(&c.r, c.domain, c.r.m->ported);
		rig_check_blocked(&c.r, c.r.m->ported, iova, false);
		rig_detach(&c.r, c.domain, c.r.m->ported);
	}
	chan_close(&c);
}

/* A domain that no device is on has nobody to ask: its tickets are done at once. */
static void domain_without_devices_needs_no_hardware(void)
{
	struct chan_counts counts = { 0 };
	struct chan c;
	uint64_t iova;

	chan_open(&c, &(struct chan_config){ 0 });
	rig_detach(&c.r, c.domain, c.device);
	chan_counts(&c, &counts);
	iova = chan_map(&c, 0, 4);
	CHECK_EQ(piommu_channel_done(c.ch, chan_unmap(&c, iova, 4 * PAGE)), 0);
	CHECK_EQ(chan_counts(&c, &counts).done, 0);
	chan_close(&c);
}

int main(int argc, char **argv)
{
	static const struct chan_test tests[] = {
		CHAN_TEST_IF(chan_failures, failed_burst_is_made_good_by_a_whole_invalidation),
		CHAN_TEST_IF(chan_failures, address_that_failed_twice_is_never_used_again),
		CHAN_TEST_IF(chan_queue, stuck_queue_ends_a_wait_and_not_a_ticket),
		CHAN_TEST_IF(chan_syncs, stuck_sync_that_comes_round_is_tried_again),
		CHAN_TEST_IF(chan_failures, channel_that_ends_beside_a_stuck_unit_takes_its_addresses_along),
		CHAN_TEST(channel_that_ends_waits_for_its_tickets),
		CHAN_TEST(domain_with_a_channel_is_not_destroyed),
		CHAN_TEST(unit_that_leaves_and_comes_back_keeps_no_ticket),
		CHAN_TEST(domain_without_devices_needs_no_hardware),
	};

	return chan_main(argc, argv, "channel_broken", tests, sizeof(tests) / sizeof(tests[0]));
}
