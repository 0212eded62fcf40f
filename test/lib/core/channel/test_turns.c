/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A poller of several channels, over a family whose hardware is the test's hand (hand.h): budgets, turns, what is sent, what is idle, and the
 * quiescent state that it reports.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "hand.h"

#define CHANNELS 3u
#define BURSTS 20u /* of a channel */

static struct hand hand; /* large */

struct turns {
	struct piommu_poller *poller;
	struct piommu_channel *ch[CHANNELS];
};

static void open_turns(struct turns *t)
{
	hand_open(&hand, false);
	CU_ASSERT_EQUAL_FATAL(piommu_poller_create(hand.p, &t->poller), 0);
	for (unsigned i = 0; i < CHANNELS; i++)
		CU_ASSERT_EQUAL_FATAL(
			piommu_channel_create(hand.domain, &(struct piommu_channel_attr){ .poller = t->poller }, &t->ch[i]), 0);
}

static void close_turns(struct turns *t)
{
	hand.done = hand.nsent;
	for (unsigned i = 0; i < CHANNELS; i++)
		CHECK_EQ(piommu_channel_destroy(t->ch[i]), 0);
	CHECK_EQ(piommu_poller_destroy(t->poller), 0);
	hand_close(&hand);
}

static void unmap_some(struct piommu_channel *ch, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		hand_unmap(ch, hand_map(ch, 1));
}

static void set_bounded(unsigned max_us)
{
	const struct piommu_mode mode = { PIOMMU_MODE_BOUNDED, max_us, 1 << 30 };

	CHECK_EQ(piommu_domain_set_mode(hand.domain, &mode), 0);
}

static piommu_ticket retired(const struct turns *t)
{
	piommu_ticket sum = 0;

	for (unsigned i = 0; i < CHANNELS; i++)
		sum += piommu_channel_retired(t->ch[i]);
	return sum;
}

/* ---- Budgets and turns ------------------------------------------------------------------------------------------------------ */

static void budget_is_of_the_call_and_not_of_each_channel(void)
{
	struct turns t;

	open_turns(&t);
	for (unsigned i = 0; i < CHANNELS; i++)
		unmap_some(t.ch[i], BURSTS);
	hand.done = hand.nsent;
	for (unsigned budget = 1; budget <= 8; budget++) {
		piommu_ticket before = retired(&t);

		CHECK_EQ(piommu_poller_poll(t.poller, budget), 1);
		CHECK_EQ(retired(&t) - before, budget);
	}
	CHECK_EQ(piommu_poller_poll(t.poller, 0), 1);
	CHECK_EQ(retired(&t), CHANNELS * BURSTS);
	CHECK_EQ(piommu_poller_poll(t.poller, 0), 0);
	/* Also where no channel has as much alone. */
	for (unsigned i = 0; i < CHANNELS; i++)
		unmap_some(t.ch[i], 3);
	hand.done = hand.nsent;
	for (unsigned left = 3 * CHANNELS; left; left -= left < 4 ? left : 4) {
		CHECK_EQ(retired(&t), CHANNELS * (BURSTS + 3) - left);
		CHECK_EQ(piommu_poller_poll(t.poller, 4), 1);
	}
	CHECK_EQ(retired(&t), CHANNELS * (BURSTS + 3));
	close_turns(&t);
}

/* What was left of a budget was not enough for it: it comes first in the next call. */
static void channel_that_is_cut_short_is_the_next_ones_first(void)
{
	struct piommu_channel *cut = NULL;
	struct turns t;

	open_turns(&t);
	unmap_some(t.ch[0], 1);
	unmap_some(t.ch[1], BURSTS);
	unmap_some(t.ch[2], BURSTS);
	hand.done = hand.nsent;
	while (!piommu_channel_retired(t.ch[0]))
		piommu_poller_poll(t.poller, 4);
	for (unsigned i = 1; i < CHANNELS; i++)
		if (piommu_channel_retired(t.ch[i]) % 4 == 3)
			cut = t.ch[i];
	CU_ASSERT_PTR_NOT_NULL_FATAL(cut);
	CHECK_EQ(piommu_poller_poll(t.poller, 4), 1);
	CHECK_EQ(piommu_channel_retired(cut) % 4, 3);
	CU_ASSERT(piommu_channel_retired(cut) >= 7);
	close_turns(&t);
}

/* Each has as much to retire as the others: after so many calls that all of it could be, none has been left behind. */
static void channels_that_are_equally_busy_have_equal_shares(void)
{
	for (unsigned budget = 1; budget <= 7; budget++) {
		struct turns t;

		open_turns(&t);
		for (unsigned i = 0; i < CHANNELS; i++)
			unmap_some(t.ch[i], BURSTS);
		hand.done = hand.nsent;
		for (unsigned n = 0; n + budget <= CHANNELS * BURSTS / 2; n += budget)
			CHECK_EQ(piommu_poller_poll(t.poller, budget), 1);
		for (unsigned i = 0; i < CHANNELS; i++)
			CU_ASSERT(piommu_channel_retired(t.ch[i]) + 2 * budget >= BURSTS / 2);
		close_turns(&t);
	}
}

/* Two of them are never without work, and take all of every budget: the third one's only ticket is done after a few calls all the same. */
static void quiet_channel_beside_busy_ones_has_its_turn(void)
{
	for (unsigned quiet = 0; quiet < CHANNELS; quiet++) {
		struct turns t;
		unsigned calls = 0;

		open_turns(&t);
		unmap_some(t.ch[quiet], 1);
		while (!piommu_channel_retired(t.ch[quiet]) && calls++ < 8 * CHANNELS) {
			for (unsigned i = 0; i < CHANNELS; i++)
				if (i != quiet)
					unmap_some(t.ch[i], 2);
			hand.done = hand.nsent;
			CHECK_EQ(piommu_poller_poll(t.poller, 2), 1);
		}
		CU_ASSERT(calls <= 2 * CHANNELS);
		CHECK_EQ(piommu_channel_retired(t.ch[quiet]), 1);
		close_turns(&t);
	}
}

/* What waits for its time is sent, although others keep the poller busy. */
static void bounded_time_is_kept_beside_busy_channels(void)
{
	for (unsigned quiet = 0; quiet < CHANNELS; quiet++) {
		struct turns t;
		uint64_t sent, busy = 0;

		open_turns(&t);
		for (unsigned i = 0; i < CHANNELS; i++)
			if (i != quiet)
				unmap_some(t.ch[i], BURSTS);
		hand.done = sent = hand.nsent;
		set_bounded(100);
		unmap_some(t.ch[quiet], 1);
		hand.now_ns += 100000;
		for (unsigned calls = 0; calls < 2 * CHANNELS && hand.nsent == sent; calls++)
			busy += (uint64_t)piommu_poller_poll(t.poller, 2);
		CHECK_EQ(hand.nsent, sent + 1);
		CU_ASSERT(busy > 0);
		close_turns(&t);
	}
}

/* Whose turn it is goes away, wherever it stands: the others go on. */
static void channel_that_ends_takes_its_turn_along(void)
{
	for (unsigned gone = 0; gone < CHANNELS; gone++) {
		for (unsigned calls = 0; calls < 2 * CHANNELS; calls++) {
			struct turns t;

			open_turns(&t);
			for (unsigned i = 0; i < CHANNELS; i++)
				unmap_some(t.ch[i], 4);
			hand.done = hand.nsent;
			for (unsigned i = 0; i < calls; i++)
				piommu_poller_poll(t.poller, 1);
			CHECK_EQ(piommu_channel_destroy(t.ch[gone]), 0);
			for (unsigned i = 0; i < 4 * CHANNELS; i++)
				piommu_poller_poll(t.poller, 1);
			for (unsigned i = 0; i < CHANNELS; i++)
				if (i != gone)
					CHECK_EQ(piommu_channel_retired(t.ch[i]), 4);
			CU_ASSERT_EQUAL_FATAL(piommu_channel_create(hand.domain,
								    &(struct piommu_channel_attr){ .poller = t.poller },
								    &t.ch[gone]),
					      0);
			unmap_some(t.ch[gone], 1);
			hand.done = hand.nsent;
			CHECK_EQ(piommu_poller_poll(t.poller, 0), 1);
			CHECK_EQ(piommu_channel_retired(t.ch[gone]), 1);
			close_turns(&t);
		}
	}
}

/* ---- Busy and idle ------------------------------------------------------------------------------------------------------------- */

/* Idle: nothing was done. What is on its way is not done, and what is kept back within its time is to be. */
static void poller_is_busy_only_when_it_did_something(void)
{
	struct turns t;

	open_turns(&t);
	CHECK_EQ(piommu_poller_poll(t.poller, 0), 0);
	unmap_some(t.ch[1], 2);
	CHECK_EQ(piommu_poller_poll(t.poller, 0), 0);
	CHECK_EQ(piommu_poller_poll(t.poller, 1), 0);
	hand.done = 1;
	CHECK_EQ(piommu_poller_poll(t.poller, 0), 1);
	CHECK_EQ(piommu_poller_poll(t.poller, 0), 0);
	hand.done = 2;
	CHECK_EQ(piommu_poller_poll(t.poller, 1), 1);
	set_bounded(100);
	unmap_some(t.ch[2], 1);
	CHECK_EQ(piommu_poller_poll(t.poller, 0), 0);
	hand.now_ns += 100000;
	CHECK_EQ(piommu_poller_poll(t.poller, 0), 1); /* sent */
	CHECK_EQ(piommu_poller_poll(t.poller, 0), 0);
	close_turns(&t);
}

static void events_are_looked_for_beside_busy_channels(void)
{
	struct turns t;
	struct piommu_event event;
	unsigned calls = 0;

	open_turns(&t);
	pthread_mutex_lock(&hand.fake.mutex);
	hand.fake.event = (struct piommu_event){ .type = PIOMMU_EVENT_DMA_FAULT, .id = 0x20, .iova = 0x7000 };
	hand.fake.nevents = 1;
	pthread_mutex_unlock(&hand.fake.mutex);
	/* Never idle, and never through: one burst in each channel is not retired yet. */
	for (unsigned i = 0; i < CHANNELS; i++)
		unmap_some(t.ch[i], 1);
	while (!piommu_events(hand.p, &event, 1) && calls++ < 10000) {
		if (hand.nsent + CHANNELS < HAND_SENT)
			for (unsigned i = 0; i < CHANNELS; i++)
				unmap_some(t.ch[i], 1);
		hand.done = hand.nsent - 1;
		piommu_poller_poll(t.poller, 1);
	}
	CU_ASSERT(calls < 10000);
	CHECK_EQ(event.type, PIOMMU_EVENT_DMA_FAULT);
	close_turns(&t);
}

/* ---- Quiescent state -------------------------------------------------------------------------------------------------------------- */

struct switching {
	struct piommu_domain *domain;
	int err;
	atomic_bool done;
};

/* It waits for every thread that is online: here for ours. */
static void *switch_mode(void *arg)
{
	const struct piommu_mode strict = { PIOMMU_MODE_STRICT, 0, 0 };
	struct switching *s = arg;

	s->err = piommu_domain_set_mode(s->domain, &strict);
	atomic_store(&s->done, true);
	return NULL;
}

/* With an exhausted budget, too. */
static void each_poll_is_a_quiescent_state(void)
{
	for (unsigned budget = 0; budget < 2; budget++) {
		struct switching s = { .err = 1 };
		pthread_t thread;
		struct turns t;

		open_turns(&t);
		s.domain = hand.domain;
		unmap_some(t.ch[0], 2);
		hand.done = hand.nsent;
		CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, switch_mode, &s), 0);
		/* A few polls must do, far fewer than it takes until units are looked at, which is a quiescent state, too. */
		for (unsigned polls = 0; polls < 20 && !atomic_load(&s.done); polls++) {
			piommu_poller_poll(t.poller, budget);
			for (unsigned ms = 0; ms < 500 && !atomic_load(&s.done); ms++)
				nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
		}
		CU_ASSERT(atomic_load(&s.done));
		piommu_thread_offline();
		pthread_join(thread, NULL);
		piommu_thread_online();
		CHECK_EQ(s.err, 0);
		close_turns(&t);
	}
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(budget_is_of_the_call_and_not_of_each_channel),
		SUITE_TEST(channel_that_is_cut_short_is_the_next_ones_first),
		SUITE_TEST(channels_that_are_equally_busy_have_equal_shares),
		SUITE_TEST(quiet_channel_beside_busy_ones_has_its_turn),
		SUITE_TEST(bounded_time_is_kept_beside_busy_channels),
		SUITE_TEST(channel_that_ends_takes_its_turn_along),
		SUITE_TEST(poller_is_busy_only_when_it_did_something),
		SUITE_TEST(events_are_looked_for_beside_busy_channels),
		SUITE_TEST(each_poll_is_a_quiescent_state),
	};

	return suite_run(argc, argv, "channel_turns", tests, sizeof(tests) / sizeof(tests[0]));
}
