/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a burst costs, in commands, waits, doorbells and allocations, for each family, mode and size of burst: exact numbers, by what the
 * unit saw and by what piommu_stats() says. The cost model: doc/performance.md. Usage: chan_main().
 */
#include "allocs.h"
#include "chan.h"

#define MOST PIOMMU_BURST_MAX

static const unsigned sizes[] = { 1, 8, 32, 64, 256 };
#define NSIZES (sizeof(sizes) / sizeof(sizes[0]))

struct cost {
	uint64_t commands, waits, doorbells;
	unsigned long allocs;
};

/* What a unit's commands say, and how many of them are worth it: where more are needed, one that drops the whole domain is sent. */
struct price {
	const char *family;
	const char *key; /* of the variant; "": any */
	bool by_range;   /* else page by page */
	unsigned most;
};

/* doc/vtd.md, doc/smmuv3.md, doc/smmuv2.md: Invalidation. The first that fits. */
static const struct price prices[] = {
	{ "vtd", "", true, 386 },           { "smmuv3", "ril=0", false, 194 },
	{ "smmuv3", "", true, 194 },        { "smmuv2", "model=v1,stage=1", false, 49 },
	{ "smmuv2", "model=v1", false, 0 }, /* stage 2, and no command for a page of it */
	{ "smmuv2", "", false, 49 },
};

/* For ranges of so many pages each, a power of two, that are not neighbours. */
static uint64_t commands(unsigned nranges, unsigned npages)
{
	const struct price *price = prices;
	unsigned n;

	while (strcmp(price->family, rig_target()->family) || !strstr(rig_target()->variant, price->key))
		price++;
	n = price->by_range ? nranges : nranges * npages;
	return n <= price->most ? n : 1;
}

/* Of one burst: a wait, and a doorbell where there is one. */
static struct cost burst_of(unsigned nranges, unsigned npages)
{
	return (struct cost){ commands(nranges, npages), 1, chan_has_queue(), 0 };
}

static struct cost times(unsigned n, struct cost cost)
{
	return (struct cost){ n * cost.commands, n * cost.waits, n * cost.doorbells, n * cost.allocs };
}

struct meter {
	struct chan c;
	struct chan_counts seen;
	struct piommu_stats stats;
	unsigned long allocs;
};

static void meter_open(struct meter *m, const char *keys)
{
	memset(m, 0, sizeof(*m));
	chan_open(&m->c, &(struct chan_config){ .keys = keys, .mem = RIG_2M });
}

static void begin(struct meter *m)
{
	chan_counts(&m->c, &m->seen);
	piommu_stats(m->c.r.p, &m->stats);
	m->allocs = allocs();
}

static void check_end(struct meter *m, const char *what, unsigned n, struct cost want)
{
	unsigned long asked = allocs() - m->allocs;
	struct piommu_stats stats;
	struct chan_counts saw;

	piommu_stats(m->c.r.p, &stats);
	saw = chan_counts(&m->c, &m->seen);
	if (saw.descriptors != want.commands || saw.waits != want.waits || saw.doorbells != want.doorbells || asked)
		printf("     %s, burst of %u:\n", what, n);
	CHECK_EQ(saw.descriptors, want.commands);
	CHECK_EQ(saw.waits, want.waits);
	CHECK_EQ(saw.doorbells, want.doorbells);
	CHECK_EQ(stats.inv_descriptors - m->stats.inv_descriptors, want.commands);
	CHECK_EQ(stats.inv_waits - m->stats.inv_waits, want.waits);
	CHECK_EQ(stats.inv_doorbells - m->stats.inv_doorbells, want.doorbells);
	CHECK_EQ(asked, want.allocs);
}

/* `n` single pages, side by side. */
static void map_row(struct meter *m, struct piommu_dma *items, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		items[i] = (struct piommu_dma){ .pa = chan_pa(&m->c, i), .len = PAGE, .dir = PIOMMU_DMA_BOTH };
	CHECK_EQ(piommu_dma_map_burst(m->c.ch, items, n), 0);
}

static piommu_ticket unmap_row(struct meter *m, const struct piommu_dma *items, unsigned n)
{
	piommu_ticket ticket = 0;

	CHECK_EQ(piommu_dma_unmap_burst(m->c.ch, items, n, &ticket), 0);
	return ticket;
}

/* Every second page of two bursts: no two are neighbours. */
static void scatter(struct meter *m, struct piommu_dma *items, unsigned n)
{
	struct piommu_dma row[2 * MOST];

	map_row(m, row, n);
	map_row(m, row + n, n);
	for (unsigned i = 0; i < n; i++)
		items[i] = row[2 * i];
	for (unsigned i = 0; i < n; i++) {
		struct piommu_dma odd = row[2 * i + 1];

		row[i] = odd;
	}
	CHECK_EQ(piommu_channel_wait(m->c.ch, unmap_row(m, row, n)), 0);
}

/* ---- Strict ------------------------------------------------------------------------------------------------------------------ */

static void strict_burst_of_neighbours_costs_what_one_range_costs(void)
{
	struct piommu_dma items[MOST];
	struct meter m;

	meter_open(&m, NULL);
	for (unsigned k = 0; k < NSIZES; k++) {
		for (unsigned warm = 0; warm < 3; warm++) {
			begin(&m);
			map_row(&m, items, sizes[k]);
			if (warm)
				check_end(&m, "map", sizes[k], (struct cost){ 0 });
			CHECK_EQ(piommu_channel_wait(m.c.ch, unmap_row(&m, items, sizes[k])), 0);
			if (warm)
				check_end(&m, "unmap", sizes[k], burst_of(1, sizes[k]));
		}
	}
	chan_close(&m.c);
}

static void strict_burst_of_strangers_costs_a_command_each_and_one_wait(void)
{
	struct piommu_dma items[MOST];
	struct meter m;

	meter_open(&m, NULL);
	for (unsigned k = 1; k < NSIZES; k++) {
		for (unsigned warm = 0; warm < 3; warm++) {
			scatter(&m, items, sizes[k]);
			begin(&m);
			CHECK_EQ(piommu_channel_wait(m.c.ch, unmap_row(&m, items, sizes[k])), 0);
			if (warm)
				check_end(&m, "scattered", sizes[k], burst_of(sizes[k], 1));
		}
	}
	chan_close(&m.c);
}

/* Eight bursts on their way at once: each has a wait and a doorbell of its own, and nothing else. */
static void strict_bursts_in_flight_cost_what_they_cost_alone(void)
{
	struct piommu_dma items[8][32];
	piommu_ticket ticket = 0;
	struct meter m;

	meter_open(&m, NULL);
	for (unsigned warm = 0; warm < 3; warm++) {
		for (unsigned i = 0; i < 8; i++)
			map_row(&m, items[i], 32);
		begin(&m);
		for (unsigned i = 0; i < 8; i++)
			ticket = unmap_row(&m, items[i], 32);
		CHECK_EQ(piommu_channel_wait(m.c.ch, ticket), 0);
		if (warm)
			check_end(&m, "in flight", 32, times(8, burst_of(1, 32)));
	}
	chan_close(&m.c);
}

static void strict_burst_goes_to_each_unit_once(void)
{
	struct piommu_dma items[32];
	struct meter m;

	meter_open(&m, "units=2");
	rig_claim(&m.c.r, m.c.r.m->ported);
	rig_attach(&m.c.r, m.c.domain, m.c.r.m->ported);
	for (unsigned warm = 0; warm < 2; warm++) {
		map_row(&m, items, 32);
		begin(&m);
		CHECK_EQ(piommu_channel_wait(m.c.ch, unmap_row(&m, items, 32)), 0);
		if (warm)
			check_end(&m, "two units", 32, times(2, burst_of(1, 32)));
	}
	chan_close(&m.c);
}

/* A unit that remembers what is not mapped: a map asks it, too, once a burst. */
static void map_in_caching_mode_costs_what_an_unmap_costs(void)
{
	struct piommu_dma items[32];
	struct meter m;

	meter_open(&m, "cm=1");
	for (unsigned warm = 0; warm < 2; warm++) {
		begin(&m);
		map_row(&m, items, 32);
		if (warm)
			check_end(&m, "map", 32, burst_of(1, 32));
		CHECK_EQ(piommu_channel_wait(m.c.ch, unmap_row(&m, items, 32)), 0);
	}
	chan_close(&m.c);
}

static void synchronous_unmap_costs_what_a_burst_of_one_costs(void)
{
	struct meter m;

	meter_open(&m, NULL);
	for (unsigned warm = 0; warm < 2; warm++) {
		uint64_t iova = chan_map(&m.c, 0, 1);

		begin(&m);
		CHECK_EQ(piommu_dma_unmap(m.c.ch, iova, PAGE, NULL), 0);
		check_end(&m, "synchronous", 1, burst_of(1, 1));
	}
	chan_close(&m.c);
}

/* ---- The other modes ----------------------------------------------------------------------------------------------------------- */

/* Eight bursts, none beside the one before it, for one wait and one doorbell. */
static void bounded_bursts_share_what_they_cost(void)
{
	const struct piommu_mode mode = { PIOMMU_MODE_BOUNDED, 1000000000, 8 * 32 * PAGE };
	struct piommu_dma items[8][32];
	piommu_ticket ticket = 0;
	struct meter m;

	meter_open(&m, NULL);
	CHECK_EQ(piommu_domain_set_mode(m.c.domain, &mode), 0);
	for (unsigned warm = 0; warm < 4; warm++) {
		for (unsigned i = 0; i < 8; i++)
			map_row(&m, items[i], 32);
		begin(&m);
		for (unsigned i = 0; i < 7; i++)
			ticket = unmap_row(&m, items[2 * i % 7], 32);
		if (warm)
			check_end(&m, "bounded, kept", 32, (struct cost){ 0 });
		begin(&m);
		CHECK_EQ(unmap_row(&m, items[7], 32), ticket);
		CHECK_EQ(piommu_channel_wait(m.c.ch, ticket), 0);
		if (warm)
			check_end(&m, "bounded, sent", 8 * 32, burst_of(8, 32));
	}
	CHECK_EQ(ticket, 4);
	chan_close(&m.c);
}

static void static_burst_costs_nothing(void)
{
	const struct piommu_mode mode = { PIOMMU_MODE_STATIC, 0, 0 };
	struct piommu_dma items[MOST];
	struct meter m;

	meter_open(&m, chan_meets(&chan_caching_mode) ? "cm=1" : NULL);
	CHECK_EQ(piommu_dma_pool_register(m.c.domain, m.c.mem.pa, m.c.mem.len, PIOMMU_RW), 0);
	CHECK_EQ(piommu_domain_set_mode(m.c.domain, &mode), 0);
	begin(&m);
	for (unsigned k = 0; k < NSIZES; k++) {
		map_row(&m, items, sizes[k]);
		CHECK_EQ(piommu_channel_wait(m.c.ch, unmap_row(&m, items, sizes[k])), 0);
	}
	check_end(&m, "static", 0, (struct cost){ 0 });
	chan_close(&m.c);
}

int main(int argc, char **argv)
{
	static const struct chan_test tests[] = {
		CHAN_TEST(strict_burst_of_neighbours_costs_what_one_range_costs),
		CHAN_TEST(strict_burst_of_strangers_costs_a_command_each_and_one_wait),
		CHAN_TEST(strict_bursts_in_flight_cost_what_they_cost_alone),
		CHAN_TEST(strict_burst_goes_to_each_unit_once),
		CHAN_TEST_IF(chan_caching_mode, map_in_caching_mode_costs_what_an_unmap_costs),
		CHAN_TEST(synchronous_unmap_costs_what_a_burst_of_one_costs),
		CHAN_TEST(bounded_bursts_share_what_they_cost),
		CHAN_TEST(static_burst_costs_nothing),
	};

	return chan_main(argc, argv, "channel_counts", tests, sizeof(tests) / sizeof(tests[0]));
}
