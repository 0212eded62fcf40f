/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Limbo, on the simulated machine: every way in which an address might be had again before its ticket is done, in every mode. All
 * addresses of the domain are taken first, so whatever is handed out comes out of limbo. Usage: chan_main().
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "chan.h"

#define BLOCKS 3u
#define PAGES (BLOCKS * 512u)
#define FIRST (4 * RIG_2M)
#define FOREVER_US 1000000000u
#define GONE 24u /* pages that go into limbo: every third one, from the 500th on, so in both blocks */

/* How the tickets are kept from being done. */
static const struct piommu_mode modes[] = {
	{ PIOMMU_MODE_STRICT, 0, 0 },                          /* the hardware is held */
	{ PIOMMU_MODE_BOUNDED, FOREVER_US, 1u << 30 },         /* nothing is sent */
	{ PIOMMU_MODE_BOUNDED, FOREVER_US, PIOMMU_PAGE_SIZE }, /* sent at once; the hardware is held */
	{ PIOMMU_MODE_STATIC, 0, 0 },                          /* held */
};
#define NMODES (sizeof(modes) / sizeof(modes[0]))

static bool sends_at_once(unsigned mode)
{
	return modes[mode].max_bytes <= PIOMMU_PAGE_SIZE;
}

static uint64_t gone(unsigned i)
{
	return FIRST + (500 + 3 * i) * PAGE;
}

static void set_mode(struct chan *c, unsigned mode)
{
	CHECK_EQ(piommu_domain_set_mode(c->domain, &modes[mode]), 0);
}

/* A domain without a free address, whose first pages are in the device's cache. False: tickets of this mode cannot be kept open here. */
static bool open_full(struct chan *c, unsigned mode, unsigned inflight)
{
	chan_open(c, &(struct chan_config){ .inflight = inflight, .aperture = { FIRST, FIRST + BLOCKS * RIG_2M - 1 } });
	if (!chan_has_queue() && sends_at_once(mode)) {
		chan_close(c);
		return false;
	}
	for (unsigned i = 0; i < PAGES; i++)
		chan_map(c, i % 16, 1);
	set_mode(c, mode);
	for (unsigned i = 0; i < GONE; i++)
		CU_ASSERT(chan_is_reached(c, gone(i)));
	c->r.expect_stale = true;
	if (sends_at_once(mode))
		chan_hold(c);
	return true;
}

/* Nothing can be had, in no way, however often it is asked for. */
static void check_nothing_is_free(struct chan *c, struct piommu_channel *ch, unsigned mode)
{
	struct piommu_dma items[2] = { { .pa = c->mem.pa, .len = PAGE, .dir = PIOMMU_DMA_BOTH },
				       { .pa = c->mem.pa, .len = PAGE, .dir = PIOMMU_DMA_TO_DEVICE } };
	const struct piommu_sg sg[2] = { { chan_pa(c, 3), PAGE }, { chan_pa(c, 9), PAGE } };
	const int want = modes[mode].kind == PIOMMU_MODE_STATIC ? -EFAULT : -ENOSPC;
	uint64_t iova = 1;

	for (unsigned i = 0; i < 20; i++) {
		CHECK_EQ(piommu_dma_map(ch, c->mem.pa, PAGE, PIOMMU_DMA_BOTH, &iova), want);
		CHECK_EQ(piommu_dma_map_burst(ch, items, 2), want);
		CHECK_EQ(piommu_dma_map_sg(ch, sg, 2, PIOMMU_DMA_BOTH, &iova), -ENOSPC);
		piommu_channel_poll(ch, i % 2);
	}
	CHECK_HEX(iova, 1);
	CHECK_EQ(piommu_dma_pool_register(c->domain, c->mem.pa, PAGE, PIOMMU_RW), -ENOSPC);
}

/* What is in limbo comes back, all of it, and nothing else; a device reaches none of it but by what is mapped then. */
static void check_comes_back(struct chan *c, struct piommu_channel *ch, unsigned n)
{
	bool seen[GONE] = { false };
	uint64_t iova;

	set_mode(c, 0);
	for (unsigned i = 0; i < n; i++)
		chan_check_blocked(c, gone(i));
	for (unsigned i = 0; i < n; i++) {
		CU_ASSERT_EQUAL_FATAL(piommu_dma_map(ch, chan_pa(c, 7), PAGE, PIOMMU_DMA_BOTH, &iova), 0);
		CU_ASSERT_FATAL(iova >= gone(0) && (iova - gone(0)) % (3 * PAGE) == 0 && iova <= gone(n - 1));
		CU_ASSERT_FALSE(seen[(iova - gone(0)) / (3 * PAGE)]);
		seen[(iova - gone(0)) / (3 * PAGE)] = true;
		chan_check_reaches(c, iova, 7);
	}
	CHECK_EQ(piommu_dma_map(ch, c->mem.pa, PAGE, PIOMMU_DMA_BOTH, &iova), -ENOSPC);
}

static piommu_ticket unmap_all(struct chan *c, struct piommu_channel *ch)
{
	struct piommu_dma items[GONE / 2];
	piommu_ticket ticket = 0;

	for (unsigned i = 0; i < GONE / 2; i++)
		CHECK_EQ(piommu_dma_unmap(ch, gone(i), PAGE, &ticket), 0);
	for (unsigned i = 0; i < GONE / 2; i++)
		items[i] = (struct piommu_dma){ .iova = gone(GONE / 2 + i), .len = PAGE };
	CHECK_EQ(piommu_dma_unmap_burst(ch, items, GONE / 2, &ticket), 0);
	(void)c;
	return ticket;
}

static void check_still_reached(struct chan *c)
{
	for (unsigned i = 0; i < GONE; i++)
		CU_ASSERT(chan_is_reached(c, gone(i))); /* by what is stale: whoever had the address would share it */
}

/* ---- By the channel, by another, by another thread -------------------------------------------------------------------------------- */

static void address_is_not_had_again_before_its_ticket_is_done(void)
{
	for (unsigned mode = 0; mode < NMODES; mode++) {
		piommu_ticket ticket;
		struct chan c;

		if (!open_full(&c, mode, 0))
			continue;
		ticket = unmap_all(&c, c.ch);
		check_nothing_is_free(&c, c.ch, mode);
		CHECK_EQ(piommu_channel_done(c.ch, ticket), -EINPROGRESS);
		check_still_reached(&c);
		chan_go(&c);
		CHECK_EQ(piommu_channel_wait(c.ch, ticket), 0);
		check_comes_back(&c, c.ch, GONE);
		chan_close(&c);
	}
}

/* One channel has mapped them, and its arenas; another one unmaps them; a third one asks. */
static void address_that_another_channel_unmapped_is_in_limbo_for_all(void)
{
	for (unsigned mode = 0; mode < NMODES; mode++) {
		struct piommu_channel *other, *third;
		piommu_ticket ticket;
		struct chan c;

		if (!open_full(&c, mode, 0))
			continue;
		CU_ASSERT_EQUAL_FATAL(piommu_channel_create(c.domain, NULL, &other), 0);
		CU_ASSERT_EQUAL_FATAL(piommu_channel_create(c.domain, NULL, &third), 0);
		ticket = unmap_all(&c, other);
		check_nothing_is_free(&c, c.ch, mode);
		check_nothing_is_free(&c, other, mode);
		check_nothing_is_free(&c, third, mode);
		/* Nor when the channel that had mapped them ends. */
		CHECK_EQ(piommu_channel_destroy(c.ch), 0);
		c.ch = third;
		check_nothing_is_free(&c, third, mode);
		check_still_reached(&c);
		chan_go(&c);
		CHECK_EQ(piommu_channel_wait(other, ticket), 0);
		CHECK_EQ(piommu_channel_destroy(other), 0);
		check_comes_back(&c, third, GONE);
		chan_close(&c);
	}
}

struct asker {
	struct chan *c;
	atomic_uint asked;
	atomic_bool open; /* the tickets are */
	atomic_bool stop;
	uint64_t early, got;
};

/* Asks for an address all the time, through a channel of its own. */
static void *ask(void *arg)
{
	struct asker *a = arg;
	struct piommu_channel *ch = NULL;
	uint64_t iova;

	piommu_thread_register();
	if (piommu_channel_create(a->c->domain, NULL, &ch))
		a->early = 1;
	while (ch && !atomic_load(&a->stop)) {
		bool open = atomic_load(&a->open); /* still so afterwards, or it was let go meanwhile */

		if (!piommu_dma_map(ch, chan_pa(a->c, 5), PAGE, PIOMMU_DMA_BOTH, &iova)) {
			a->got++;
			a->early += open && atomic_load(&a->open);
		}
		piommu_poll(a->c->r.p);
		atomic_fetch_add(&a->asked, 1);
	}
	a->early += piommu_channel_destroy(ch) != 0;
	piommu_thread_unregister();
	return NULL;
}

static void let_it_ask(struct asker *a, unsigned more)
{
	unsigned end = atomic_load(&a->asked) + more;

	while ((int)(atomic_load(&a->asked) - end) < 0) {
		piommu_poll(a->c->r.p);
		sched_yield();
	}
}

static void address_is_not_had_again_by_another_thread(void)
{
	for (unsigned mode = 0; mode < 3; mode++) { /* static has no addresses to ask for */
		struct asker a = { 0 };
		piommu_ticket ticket;
		pthread_t thread;
		struct chan c;

		if (!open_full(&c, mode, 0))
			continue;
		a.c = &c;
		atomic_store(&a.open, true);
		CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, ask, &a), 0);
		let_it_ask(&a, 1);
		ticket = unmap_all(&c, c.ch);
		let_it_ask(&a, 200);
		CHECK_EQ(piommu_channel_done(c.ch, ticket), -EINPROGRESS);
		atomic_store(&a.open, false);
		chan_go(&c);
		CHECK_EQ(piommu_channel_wait(c.ch, ticket), 0);
		CHECK_EQ(piommu_channel_destroy(c.ch), 0); /* what is free in its arenas is anybody's then */
		c.ch = NULL;
		let_it_ask(&a, 100);
		atomic_store(&a.stop, true);
		piommu_thread_offline();
		pthread_join(thread, NULL);
		piommu_thread_online();
		CHECK_EQ(a.early, 0);
		CHECK_EQ(a.got, GONE);
		chan_close(&c);
	}
}

/* ---- After a refusal, across a switch, at the end --------------------------------------------------------------------------------- */

/* A channel that is full to the brim: what it refused is mapped, what it took is in limbo, and both stay so. */
static void full_channel_has_nothing_to_give(void)
{
	for (unsigned mode = 0; mode < NMODES; mode++) {
		piommu_ticket ticket = 0, refused = 77;
		unsigned n = 0;
		struct chan c;
		int err = 0;

		if (!sends_at_once(mode) || !open_full(&c, mode, 1))
			continue;
		while (n < PAGES / 2 && !(err = piommu_dma_unmap(c.ch, FIRST + 2 * n * PAGE, PAGE, &ticket)))
			n++;
		CHECK_EQ(err, -EAGAIN);
		CU_ASSERT_FATAL(n > 0 && n < PAGES / 2);
		for (unsigned i = 0; i < 10; i++)
			CHECK_EQ(piommu_dma_unmap(c.ch, FIRST + 2 * n * PAGE, PAGE, &refused), -EAGAIN);
		CHECK_EQ(refused, 77);
		check_nothing_is_free(&c, c.ch, mode);
		CHECK_EQ(piommu_lookup(c.domain, FIRST + 2 * n * PAGE, &(uint64_t){ 0 }, NULL, NULL), 0);
		chan_go(&c);
		CHECK_EQ(piommu_channel_wait(c.ch, ticket), 0);
		for (unsigned i = 0; i < n; i++)
			chan_check_blocked(&c, FIRST + 2 * i * PAGE);
		CU_ASSERT(chan_is_reached(&c, FIRST + 2 * n * PAGE));
		set_mode(&c, 0);
		for (unsigned i = 0; i < n; i++)
			CU_ASSERT(chan_map(&c, 2, 1) < FIRST + 2 * n * PAGE);
		check_nothing_is_free(&c, c.ch, 0);
		chan_close(&c);
	}
}

/*
 * A switch does not wait for tickets. To strict, it ends what is stale, and still the address comes back with its ticket alone; between other
 * modes what is kept back stays kept back.
 */
static void address_in_limbo_stays_there_across_switches(void)
{
	piommu_ticket ticket;
	struct chan c;

	if (!open_full(&c, 1, 0))
		return;
	ticket = unmap_all(&c, c.ch);
	check_nothing_is_free(&c, c.ch, 1);
	CHECK_EQ(piommu_domain_set_mode(c.domain, &(struct piommu_mode){ PIOMMU_MODE_BOUNDED, FOREVER_US, 1 << 29 }), 0);
	check_nothing_is_free(&c, c.ch, 1);
	check_still_reached(&c);
	for (unsigned i = 0; i < 2; i++) {
		set_mode(&c, i ? 0 : 3);
		for (unsigned k = 0; k < GONE; k++)
			chan_check_blocked(&c, gone(k));
		set_mode(&c, 1); /* no poll, and so no ticket is done */
	}
	CHECK_EQ(piommu_channel_retired(c.ch), 0);
	check_nothing_is_free(&c, c.ch, 1);
	CHECK_EQ(piommu_channel_wait(c.ch, ticket), 0);
	check_comes_back(&c, c.ch, GONE);
	chan_close(&c);
}

/* A channel that ends waits for its tickets: what it had in limbo is free when it is gone, and reached by nobody. */
static void address_comes_back_when_its_channel_has_ended(void)
{
	for (unsigned mode = 0; mode < NMODES; mode++) {
		struct piommu_channel *next;
		struct chan c;

		if (!open_full(&c, mode, 0))
			continue;
		CU_ASSERT_EQUAL_FATAL(piommu_channel_create(c.domain, NULL, &next), 0);
		unmap_all(&c, c.ch);
		check_nothing_is_free(&c, next, mode);
		chan_go(&c);
		CHECK_EQ(piommu_channel_destroy(c.ch), 0);
		c.ch = next;
		check_comes_back(&c, next, GONE);
		chan_close(&c);
	}
}

/* A second way to unmap: addresses of the caller's that are in a channel's aperture come back to nobody. */
static void range_of_the_callers_is_not_handed_out_when_it_is_unmapped(void)
{
	const struct piommu_burst_item item = { gone(0), 0, PAGE, PIOMMU_RW };
	piommu_ticket ticket;
	struct chan c;

	if (!open_full(&c, 1, 0))
		return;
	set_mode(&c, 0);
	/* Taken by a DMA call, and unmapped behind its back: its address is still its. */
	CHECK_EQ(piommu_unmap_burst(c.ch, &item, 1, NULL, &ticket), 0);
	CHECK_EQ(piommu_channel_wait(c.ch, ticket), 0);
	chan_check_blocked(&c, gone(0));
	check_nothing_is_free(&c, c.ch, 0);
	chan_close(&c);
}

int main(int argc, char **argv)
{
	static const struct chan_test tests[] = {
		CHAN_TEST(address_is_not_had_again_before_its_ticket_is_done),
		CHAN_TEST(address_that_another_channel_unmapped_is_in_limbo_for_all),
		CHAN_TEST(address_is_not_had_again_by_another_thread),
		CHAN_TEST_IF(chan_queue, full_channel_has_nothing_to_give),
		CHAN_TEST(address_in_limbo_stays_there_across_switches),
		CHAN_TEST(address_comes_back_when_its_channel_has_ended),
		CHAN_TEST(range_of_the_callers_is_not_handed_out_when_it_is_unmapped),
	};

	return chan_main(argc, argv, "channel_limbo", tests, sizeof(tests) / sizeof(tests[0]));
}
