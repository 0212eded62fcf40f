/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * T29 of doc/locking.md, see t29.h and, for `bursts`, t29_burst.h. Usage: t29 [bursts] [SEED [OPERATIONS [VARIANT [ROUND]]]]
 *
 * SEED 0 takes one from the clock. OPERATIONS are calls of map and unmap; VARIANT is a family and keys in the words of piommu_sim.h. Each thread
 * of each round has its own sequence of random numbers from the seed, so a failing round can be run alone, and again and again:
 * what its threads do is the same, though not how the processor deals out its time.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "piommu_env.h"
#include "suite.h"
#include "t29.h"

#define PATIENCE_MS 20000u /* hardware answers at once; the machine that the test runs on may be busy */

/* CUnit's tests take no arguments. */
static struct {
	uint64_t seed, count;
	const char *variant;
	uint64_t round; /* UINT64_MAX: all */
	bool with_channels;
} arguments = { 1, 1000000, "vtd,units=4", UINT64_MAX, false };

/* Groups by their first device, behind all units in turn. The last two have two members each. */
static const struct piommu_sbdf seats[SEATS] = {
	{ 0, 0, 0x10 }, { 0, 1, 0x00 }, { 0, 0, 0x18 }, { 0, 0, 0x20 }, { 0, 0, 0x28 }, { 0, 4, 0x08 },
};

/* ---- The stage ------------------------------------------------------------------------------------------------------------ */

static int seat_init(struct world *w, struct seat *seat, struct piommu_sbdf first)
{
	struct piommu_device_info device;
	int err = piommu_group_find(w->p, first, &seat->group);

	for (unsigned i = 0; !err && !piommu_group_device(seat->group, i, &device); i++)
		if (!device.is_bridge && seat->ndevices < 2)
			seat->device[seat->ndevices++] = device.sbdf;
	seat->at = AT_IDENTITY;
	return err;
}

static int domain_init(struct world *w, unsigned d)
{
	const struct piommu_domain_attr attr = { .aperture = { BURST_IOVA, BURST_IOVA + BURST_IOVA_LEN - 1 } };
	int err = piommu_domain_create(w->seat[d].group, &attr, &w->domain[d]);

	if (err || (err = piommu_mem_alloc(w->p, PAGE, 0, &w->anchor[d])))
		return err;
	word_set(&w->anchor[d], 0, SIGNATURE + d);
	return piommu_map(w->domain[d], ANCHOR_IOVA, w->anchor[d].pa, PAGE, PIOMMU_READ);
}

static int world_init(struct world *w)
{
	struct piommu_config config = PIOMMU_CONFIG_INIT;
	char platform[128];
	int err;

	snprintf(platform, sizeof(platform), "sim:%s,mem=128m", w->variant);
	config.platform = platform;
	config.timeout_ms = PATIENCE_MS;
	if ((err = piommu_create(&config, &w->p)))
		return err;
	w->plat = piommu_platform(w->p);
	for (unsigned s = 0; s < SEATS && !err; s++)
		err = seat_init(w, &w->seat[s], seats[s]);
	for (unsigned d = 0; d < DOMAINS && !err; d++)
		err = domain_init(w, d);
	for (unsigned s = 0; s < SEATS && !err; s++)
		err = seat_move(w, &w->seat[s], s % DOMAINS);
	for (unsigned i = 0; i < MAPPERS && !err; i++) {
		w->mapper[i].w = w;
		w->mapper[i].index = i;
		err = mapper_init(&w->mapper[i]);
	}
	if (!err && w->with_channels)
		err = bursts_init(w);
	for (unsigned i = 0; i < MOVERS && !err; i++) {
		w->mover[i].w = w;
		w->mover[i].index = i;
		err = mover_init(&w->mover[i]);
	}
	return err;
}

/* What the units complain about. Stale entries, and such that are not written back yet, are legal while something moves. */
static void check_units(struct world *w)
{
	struct piommu_sim_counts c;
	char complaint[200];

	for (unsigned unit = 0; !piommu_sim_counts(w->plat, unit, &c); unit++) {
		uint64_t bad = c.width_errors + c.misuse + c.reserved_errors;

		piommu_sim_complaint(w->plat, unit, complaint, sizeof(complaint));
		if (bad)
			stress_fail(&w->verdict, "unit %u: %s", unit, complaint);
		/* An SMMUv2 has no cache of what its stream mappings say. */
		if (!c.tlb_hits || !c.dma_blocked || !c.tlb_invalidations ||
		    (!c.context_invalidations && !strstr(w->variant, "smmuv2")))
			stress_fail(&w->verdict, "unit %u saw no race: a test of nothing", unit);
	}
}

static int world_fini(struct world *w)
{
	int err = w->with_channels ? bursts_fini(w) : 0;

	for (unsigned s = 0; s < SEATS && !err; s++)
		err = w->seat[s].at == AT_IDENTITY ? 0 : seat_move(w, &w->seat[s], AT_IDENTITY);
	for (unsigned d = 0; d < DOMAINS && !err; d++) {
		err = piommu_domain_destroy(w->domain[d]);
		piommu_mem_free(w->p, &w->anchor[d]);
	}
	for (unsigned s = 0; s < SEATS; s++)
		piommu_group_put(w->seat[s].group);
	for (unsigned i = 0; i < MAPPERS; i++)
		mapper_fini(&w->mapper[i]);
	for (unsigned i = 0; i < MOVERS; i++)
		mover_fini(&w->mover[i]);
	return err ? err : piommu_destroy(w->p);
}

/* ---- Rounds --------------------------------------------------------------------------------------------------------------- */

struct actor {
	void *(*run)(void *);
	void *self;
	struct stress_rng *rng;
};

#define ACTORS (MAPPERS + MOVERS + 2u)

static void play(struct world *w, const struct actor *actors, uint64_t round)
{
	pthread_t thread[ACTORS];
	unsigned n;

	atomic_store_explicit(&w->mapping, MAPPERS, memory_order_relaxed);
	for (n = 0; n < ACTORS; n++) {
		*actors[n].rng = stress_rng(w->seed, round * ACTORS + n);
		if (pthread_create(&thread[n], NULL, actors[n].run, actors[n].self)) {
			stress_fail(&w->verdict, "no thread");
			break;
		}
	}
	piommu_thread_offline();
	while (n)
		pthread_join(thread[--n], NULL);
	piommu_thread_online();
}

static uint64_t rounds_of(uint64_t count)
{
	return (count + MAPPERS * ROUND_OPS - 1) / (MAPPERS * ROUND_OPS);
}

/* @return the round that failed, or how many there were */
static uint64_t rounds(struct world *w, uint64_t first, uint64_t end)
{
	struct beside attacker = { .w = w }, looker = { .w = w };
	const struct actor mappers[ACTORS] = {
		{ mapper_round, &w->mapper[0], &w->mapper[0].rng }, { mapper_round, &w->mapper[1], &w->mapper[1].rng },
		{ mover_round, &w->mover[0], &w->mover[0].rng },    { mover_round, &w->mover[1], &w->mover[1].rng },
		{ attacker_round, &attacker, &attacker.rng },       { looker_round, &looker, &looker.rng },
	};
	struct bursts *all = &w->bursts;
	const struct actor bursters[ACTORS] = {
		{ burster_round, &all->burster[0], &all->burster[0].rng },
		{ burster_round, &all->burster[1], &all->burster[1].rng },
		{ mover_round, &w->mover[0], &w->mover[0].rng },
		{ mover_round, &w->mover[1], &w->mover[1].rng },
		{ attacker_round, &attacker, &attacker.rng },
		{ switcher_round, &all->switcher, &all->switcher.rng },
	};

	for (uint64_t round = first; round < end; round++) {
		bursts_begin(w);
		play(w, w->with_channels ? bursters : mappers, round);
		if (!stress_failed(&w->verdict))
			sweep(w);
		if (stress_failed(&w->verdict))
			return round;
	}
	return end;
}

static uint64_t tell(const struct world *w)
{
	uint64_t ops = 0, flushes = 0, probes = 0, moves = 0, churns = 0;

	for (unsigned i = 0; i < MAPPERS; i++) {
		ops += w->mapper[i].ops;
		flushes += w->mapper[i].flushes;
		probes += w->mapper[i].probes;
	}
	for (unsigned i = 0; i < MOVERS; i++) {
		moves += w->mover[i].moves;
		churns += w->mover[i].churns;
	}
	printf("     %" PRIu64 " maps and unmaps, %" PRIu64 " flushes, %" PRIu64 " probes, %" PRIu64 " moves, %" PRIu64
	       " domains made and ended\n",
	       ops, flushes, probes, moves, churns);
	if (w->with_channels)
		bursts_tell(w);
	for (unsigned i = 0; i < BURSTERS; i++)
		ops += w->bursts.burster[i].ops;
	return ops;
}

static void t29_unmap_races_attach(void)
{
	static struct world w;
	uint64_t first = arguments.round == UINT64_MAX ? 0 : arguments.round;
	uint64_t end = first + rounds_of(arguments.count), last, since;

	w = (struct world){ .seed = arguments.seed,
			    .count = arguments.count,
			    .variant = arguments.variant,
			    .with_channels = arguments.with_channels,
			    .verdict = STRESS_VERDICT_INIT };
	CU_ASSERT_EQUAL_FATAL(world_init(&w), 0);
	since = piommu_env_now_ns();
	last = rounds(&w, first, end);
	since = piommu_env_now_ns() - since;
	printf("     %" PRIu64 " ops/s\n", tell(&w) * 1000000000u / since);
	if (!stress_failed(&w.verdict))
		check_units(&w);
	if (!stress_failed(&w.verdict) && w.with_channels)
		bursts_check(&w);
	if (stress_failed(&w.verdict)) {
		printf("     %s\n", w.verdict.why);
		printf("     replay: t29 %s%" PRIu64 " %" PRIu64 " %s %" PRIu64 "\n", w.with_channels ? "bursts " : "", w.seed,
		       w.count, w.variant, last);
	}
	CU_ASSERT_FALSE_FATAL(stress_failed(&w.verdict)); /* and nothing can be relied on any more */
	CHECK_EQ(world_fini(&w), 0);
}

static void a_flush_that_sends_nothing_is_seen(void)
{
	static struct world w;

	w = (struct world){
		.seed = arguments.seed, .variant = arguments.variant, .drop = true, .verdict = STRESS_VERDICT_INIT
	};
	CU_ASSERT_EQUAL_FATAL(world_init(&w), 0);
	rounds(&w, 0, 1);
	CU_ASSERT(stress_failed(&w.verdict));
	CHECK_HAS(w.verdict.why, "came into a page that was unmapped");
	CHECK_EQ(world_fini(&w), 0);
}

static uint64_t from_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(a_flush_that_sends_nothing_is_seen),
		SUITE_TEST(t29_unmap_races_attach),
	};

	if (argc > 1 && !strcmp(argv[1], "bursts")) {
		arguments.with_channels = true;
		argv++;
		argc--;
	}
	if (argc > 1)
		arguments.seed = strtoull(argv[1], NULL, 0);
	if (argc > 2)
		arguments.count = strtoull(argv[2], NULL, 0);
	if (argc > 3)
		arguments.variant = argv[3];
	if (argc > 4)
		arguments.round = strtoull(argv[4], NULL, 0);
	if (!arguments.seed)
		arguments.seed = from_clock();
	printf("t29: seed %" PRIu64 ", %" PRIu64 " operations, %s\n", arguments.seed, arguments.count, arguments.variant);
	/* What the first one shows is shown of gathers, which channels have out of sight. */
	return suite_run(1, argv, "t29", tests + arguments.with_channels, 2 - arguments.with_channels);
}
