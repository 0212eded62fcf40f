/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The poller on the simulated machine: busy or idle, its budget, faults through it, nothing allocated, and nothing waited for while the
 * hardware is stuck. Usage: chan_main().
 */
#include "allocs.h"
#include "chan.h"

#define POLLS 2000u /* enough for every thing that is looked at now and then */

static void end(struct chan *c, struct piommu_poller *poller)
{
	CHECK_EQ(piommu_channel_destroy(c->ch), 0);
	CHECK_EQ(piommu_poller_destroy(poller), 0);
	piommu_mem_free(c->r.p, &c->mem);
	rig_close(&c->r);
}

static void idle_poller_says_so(void)
{
	struct piommu_poller *poller;
	struct chan c;

	chan_open(&c, &(struct chan_config){ .poller = &poller });
	for (unsigned i = 0; i < POLLS; i++)
		CHECK_EQ(piommu_poller_poll(poller, 0), 0);
	chan_map(&c, 0, 1);
	CHECK_EQ(piommu_poller_poll(poller, 0), 0);
	end(&c, poller);
}

static void poller_retires_the_tickets_of_its_channels_and_is_busy_then(void)
{
	struct piommu_channel *other;
	struct piommu_poller *poller;
	piommu_ticket ticket;
	unsigned busy = 0;
	uint64_t iova[2];
	struct chan c;

	chan_open(&c, &(struct chan_config){ .poller = &poller });
	CU_ASSERT_EQUAL_FATAL(piommu_channel_create(c.domain, &(struct piommu_channel_attr){ .poller = poller }, &other), 0);
	iova[0] = chan_map(&c, 0, 1);
	iova[1] = chan_map(&c, 1, 1);
	chan_unmap(&c, iova[0], PAGE);
	CHECK_EQ(piommu_dma_unmap(other, iova[1], PAGE, &ticket), 0);
	while (!piommu_channel_retired(c.ch) || !piommu_channel_retired(other))
		busy += (unsigned)piommu_poller_poll(poller, 0);
	CU_ASSERT(busy == 1 || busy == 2);
	CHECK_EQ(piommu_poller_poll(poller, 0), 0);
	chan_check_blocked(&c, iova[0]);
	chan_check_blocked(&c, iova[1]);
	CHECK_EQ(piommu_poller_destroy(poller), -EBUSY);
	CHECK_EQ(piommu_channel_destroy(other), 0);
	CHECK_EQ(piommu_poller_destroy(poller), -EBUSY);
	end(&c, poller);
}

static void budget_bounds_what_one_call_retires(void)
{
	struct piommu_poller *poller;
	uint64_t iova[6];
	struct chan c;

	chan_open(&c, &(struct chan_config){ .poller = &poller });
	for (unsigned i = 0; i < 6; i++)
		iova[i] = chan_map(&c, i, 1);
	if (chan_has_queue())
		chan_hold(&c);
	for (unsigned i = 0; i < 6; i++)
		chan_unmap(&c, iova[i], PAGE);
	if (chan_has_queue())
		chan_go(&c);
	for (piommu_ticket before = 0, now; before < 6; before = now) {
		piommu_poller_poll(poller, 2);
		now = piommu_channel_retired(c.ch);
		CU_ASSERT(now <= before + 2);
	}
	end(&c, poller);
}

static void poller_hands_faults_on(void)
{
	struct piommu_event event = { 0 };
	struct piommu_poller *poller;
	unsigned busy = 0;
	struct chan c;

	chan_open(&c, &(struct chan_config){ .poller = &poller });
	CHECK_EQ(rig_read(&c.r, c.device, 0x7000, &(uint32_t){ 0 }, 4), -EFAULT);
	for (unsigned i = 0; i < POLLS && !busy; i++)
		busy = (unsigned)piommu_poller_poll(poller, 1);
	CHECK_EQ(busy, 1);
	CHECK_EQ(piommu_events(c.r.p, &event, 1), 1);
	CHECK_EQ(event.type, PIOMMU_EVENT_DMA_FAULT);
	CHECK_HEX(event.iova & ~(PAGE - 1), 0x7000);
	end(&c, poller);
}

/* Unmaps, a fault now and then, and polls, until nothing is left to do. */
static void keep_busy(struct chan *c, struct piommu_poller *poller)
{
	struct piommu_event event;
	piommu_ticket ticket = 0;
	unsigned faults = 0;

	for (unsigned i = 0; i < 600; i++) {
		ticket = chan_unmap_patiently(c, chan_map(c, i % 16, 1), PAGE);
		if (i % 100 == 0)
			CHECK_EQ(rig_read(&c->r, c->device, 0x7000, &(uint32_t){ 0 }, 4), -EFAULT);
		piommu_poller_poll(poller, i % 3);
		faults += piommu_events(c->r.p, &event, 1);
	}
	while (piommu_channel_retired(c->ch) < ticket)
		piommu_poller_poll(poller, 0);
	for (unsigned i = 0; i < POLLS; i++)
		piommu_poller_poll(poller, 0);
	while (piommu_events(c->r.p, &event, 1))
		faults++;
	CU_ASSERT(faults > 0);
}

/* Completions, faults and quiescent states, in the modes in which there is something to poll. */
static void poller_allocates_nothing(void)
{
	static const struct piommu_mode modes[] = {
		{ PIOMMU_MODE_STRICT, 0, 0 },
		{ PIOMMU_MODE_BOUNDED, 20, 8 * PAGE },
	};
	struct piommu_poller *poller;
	unsigned long before;
	struct chan c;

	chan_open(&c, &(struct chan_config){ .poller = &poller });
	c.r.expect_stale = true;
	for (unsigned i = 0; i < 2; i++) {
		CHECK_EQ(piommu_domain_set_mode(c.domain, &modes[i]), 0);
		/* Four times, since a simulated unit that does not snoop notes each page of its queue when it is first written. */
		for (unsigned warm = 0; warm < 4; warm++)
			keep_busy(&c, poller);
		before = allocs();
		keep_busy(&c, poller);
		CHECK_EQ(allocs() - before, 0);
	}
	end(&c, poller);
}

/* A wait for hardware would take ten seconds each: the test would not end. */
static void poller_waits_for_nothing(void)
{
	struct piommu_poller *poller;
	piommu_ticket ticket = 0;
	uint64_t iova[8];
	struct chan c;

	chan_open(&c, &(struct chan_config){ .poller = &poller, .inflight = 2 });
	for (unsigned i = 0; i < 8; i++)
		iova[i] = chan_map(&c, 2 * i, 1);
	chan_hold(&c);
	for (unsigned i = 0; i < 8; i++)
		ticket = chan_unmap(&c, iova[i], PAGE);
	CHECK_EQ(ticket, 3);
	for (unsigned i = 0; i < POLLS; i++)
		CHECK_EQ(piommu_poller_poll(poller, i % 3), 0);
	CHECK_EQ(piommu_channel_retired(c.ch), 0);
	chan_go(&c);
	while (piommu_channel_retired(c.ch) < ticket)
		piommu_poller_poll(poller, 0);
	for (unsigned i = 0; i < 8; i++)
		chan_check_blocked(&c, iova[i]);
	end(&c, poller);
}

int main(int argc, char **argv)
{
	static const struct chan_test tests[] = {
		CHAN_TEST(idle_poller_says_so),
		CHAN_TEST(poller_retires_the_tickets_of_its_channels_and_is_busy_then),
		CHAN_TEST(budget_bounds_what_one_call_retires),
		CHAN_TEST(poller_hands_faults_on),
		CHAN_TEST(poller_allocates_nothing),
		CHAN_TEST_IF(chan_queue, poller_waits_for_nothing),
	};

	return chan_main(argc, argv, "channel_poller", tests, sizeof(tests) / sizeof(tests[0]));
}
