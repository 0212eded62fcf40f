/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * See storm.h. Usage: storm [SEED [TURNS [ROUNDS [VARIANT [ROUND]]]]]
 *
 * SEED 0 takes one from the clock. TURNS are those of each actor that leads, in a round; VARIANT is a family and keys in the words of piommu_sim.h.
 * Each actor of each round has its own sequence of random numbers from the seed, so a failing round can be run alone, and again.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "drivers.h"
#include "storm.h"
#include "suite.h"

#define PATIENCE_MS 60000u /* hardware answers at once; the machine that the test runs on may be busy */
#define TURNS_MAX 20u      /* of an actor that does not lead, for each turn of one that does */
#define ACTOR_PAGES 64u
#define HOUSES 2u

static struct {
	struct storm storm;
	unsigned round; /* UINT_MAX: all */
} arguments = { { 1, 300, 4, "vtd,units=3" }, UINT32_MAX };

struct part {
	void (*turn)(struct actor *a);
	bool leads;
};

static const struct part casts[HOUSES][ACTORS_MAX] = {
	{
		{ registrar_turn, false },
		{ mapper_turn, true },
		{ mapper_turn, true },
		{ landlord_turn, false },
		{ owner_turn, true },
		{ owner_turn, true },
		{ toucher_turn, false },
		{ toucher_turn, false },
		{ plugger_turn, false },
		{ plugger_turn, false },
		{ resetter_turn, false },
		{ attacker_turn, false },
		{ looker_turn, false },
	},
	{
		{ registrar_turn, false },
		{ owner_turn, true },
		{ toucher_turn, false },
		{ plugger_turn, false },
		{ attacker_turn, false },
		{ looker_turn, false },
	},
};

/* ---- Houses --------------------------------------------------------------------------------------------------------------------- */

static struct piommu_wish wish(void *ctx, const char *device)
{
	(void)ctx;
	if (!strcmp(device, "0000:00:07.0") || !strcmp(device, "0000:08:00.0") || !strcmp(device, "0000:06:01.0"))
		return (struct piommu_wish){ PIOMMU_DEFAULT_PAGING, false };
	return (struct piommu_wish){ PIOMMU_DEFAULT_ANY, false };
}

/* The one that the variant names in its first word. */
static const struct piommu_driver *sim_driver(const char *variant)
{
	size_t len = strcspn(variant, ",");

	for (unsigned i = 0; piommu_drivers[i]; i++)
		if (strlen(piommu_drivers[i]->name) == len && !strncmp(piommu_drivers[i]->name, variant, len))
			return piommu_drivers[i];
	return &vtd_driver;
}

static int open_manager(struct world *w)
{
	const struct piommu_driver *const table[] = { sim_driver(w->storm->variant), &bare_driver, NULL };
	struct piommu_config config = PIOMMU_CONFIG_INIT;
	char platform[128];
	int err;

	snprintf(platform, sizeof(platform), "sim:%s,mem=64m,all=0,nodes=1", w->storm->variant);
	config.platform = platform;
	w->drivers[SIM] = table[0];
	w->drivers[BARE] = table[1];
	config.drivers = table;
	config.timeout_ms = PATIENCE_MS;
	config.wish_fn = wish;
	config.log.fn = NULL; /* refusals are what it is about */
	w->reserved = strstr(platform, "rmr");
	err = piommu_create(&config, &w->p);
	if (!err)
		w->plat = piommu_platform(w->p);
	return err;
}

static int build_home(struct world *w, unsigned i)
{
	static const struct piommu_sbdf at[] = { { 0, 0, 0x18 }, { 0, 0, 0x20 } };
	struct home *home = &w->home[i];
	struct piommu_group *group;
	int err = piommu_mem_alloc(w->p, PAGE, 0, &home->anchor);

	pthread_rwlock_init(&home->lock, NULL);
	home->family = i == BARE_HOME ? BARE : SIM;
	if (err)
		return err;
	word_set(&home->anchor, 0, SIGNATURE + i);
	if (i == BARE_HOME || !w->lasting)
		return 0;
	if ((err = piommu_group_find(w->p, at[i], &group)))
		return err;
	err = piommu_domain_create(group, NULL, &home->domain);
	piommu_group_put(group);
	return err ? err : piommu_map(home->domain, ANCHOR_IOVA, home->anchor.pa, PAGE, PIOMMU_READ);
}

static int hire(struct world *w, unsigned i, const struct part *part)
{
	struct actor *a = &w->actor[i];
	int err = piommu_gather_create(&a->gather);

	a->w = w;
	a->index = i;
	a->turn = part->turn;
	a->leads = part->leads;
	a->next_page = 1;
	a->registered[SIM] = a->registered[BARE] = true;
	if (err || (err = piommu_mem_alloc(w->p, ACTOR_PAGES * PAGE, 0, &a->mem)))
		return err;
	for (unsigned page = 0; page < ACTOR_PAGES; page++)
		word_set(&a->mem, page, CANARY);
	word_set(&a->mem, 0, SIGNATURE + 0x100 + i);
	return 0;
}

static int world_init(struct world *w, unsigned house)
{
	int err;

	w->lasting = house == 0;
	if (!(w->bare = bare_create(w->verdict)) || (err = open_manager(w)) ||
	    (err = piommu_mem_alloc(w->p, PAGE, 0, &w->secret)))
		return w->bare ? err : -1;
	word_set(&w->secret, 0, SIGNATURE);
	for (unsigned i = 0; i < HOMES && !err; i++)
		err = build_home(w, i);
	for (unsigned i = 0; casts[house][i].turn && !err; i++, w->nactors++)
		err = hire(w, i, &casts[house][i]);
	return err;
}

static int world_fini(struct world *w)
{
	int err;

	for (unsigned i = 0; i < w->nactors; i++) {
		piommu_gather_destroy(w->actor[i].gather);
		piommu_mem_free(w->p, &w->actor[i].mem);
	}
	for (unsigned i = 0; i < HOMES; i++) {
		err = piommu_domain_destroy(w->home[i].domain);
		if (err)
			return err;
		piommu_mem_free(w->p, &w->home[i].anchor);
		pthread_rwlock_destroy(&w->home[i].lock);
	}
	piommu_mem_free(w->p, &w->secret);
	err = piommu_destroy(w->p);
	if (!err)
		bare_destroy(w->bare);
	return err;
}

/* ---- Rounds ----------------------------------------------------------------------------------------------------------------------- */

static void *act(void *arg)
{
	struct actor *a = arg;
	struct world *w = a->w;
	unsigned turns = w->storm->turns * (a->leads ? 1 : TURNS_MAX);

	stress_thread_start(&a->rng);
	for (unsigned n = 0; n < turns && (a->leads ? !stress_failed(w->verdict) : storm_goes_on(w)); n++, a->turns++)
		a->turn(a);
	if (a->leads)
		atomic_fetch_sub_explicit(&w->leading, 1, memory_order_release);
	stress_thread_end();
	return NULL;
}

static unsigned count_leads(const struct world *w)
{
	unsigned n = 0;

	for (unsigned i = 0; i < w->nactors; i++)
		n += w->actor[i].leads;
	return n;
}

static unsigned start(struct world *w, pthread_t *threads, unsigned round, unsigned house)
{
	unsigned n;

	atomic_store_explicit(&w->leading, count_leads(w), memory_order_relaxed);
	for (n = 0; n < w->nactors; n++) {
		w->actor[n].rng = stress_rng(w->storm->seed, (round * HOUSES + house) * ACTORS_MAX + n);
		w->actor[n].next_page = 1;
		if (pthread_create(&threads[n], NULL, act, &w->actor[n])) {
			stress_fail(w->verdict, "no thread");
			break;
		}
	}
	return n;
}

/* What the mappers have mapped stays from round to round, out of devices' reach while the audit looks. */
static void unmap_all(struct world *w)
{
	for (unsigned i = 0; i < w->nactors; i++) {
		struct actor *a = &w->actor[i];

		for (unsigned home = 0; home < BARE_HOME; home++) {
			for (unsigned slot = 0; slot < WINDOW; slot++) {
				if (a->mapped[home][slot])
					RESULT(a, piommu_unmap(w->home[home].domain, window_iova(a, slot), PAGE, NULL), 0);
				a->mapped[home][slot] = false;
			}
		}
	}
}

static void play(struct world *houses, unsigned round)
{
	pthread_t threads[HOUSES][ACTORS_MAX];
	unsigned n[HOUSES];

	for (unsigned h = 0; h < HOUSES; h++)
		n[h] = start(&houses[h], threads[h], round, h);
	piommu_thread_offline();
	for (unsigned h = 0; h < HOUSES; h++)
		while (n[h])
			pthread_join(threads[h][--n[h]], NULL);
	piommu_thread_online();
	for (unsigned h = 0; h < HOUSES && !stress_failed(houses[h].verdict); h++) {
		unmap_all(&houses[h]);
		audit(&houses[h], &houses[h].actor[0]);
	}
}

static void tell(const struct world *houses)
{
	uint64_t ops = 0, turns = 0, checks = 0;

	for (unsigned h = 0; h < HOUSES; h++) {
		for (unsigned i = 0; i < houses[h].nactors; i++) {
			ops += houses[h].actor[i].ops;
			turns += houses[h].actor[i].turns;
			checks += houses[h].actor[i].checks;
		}
	}
	printf("     %" PRIu64 " maps and unmaps, %" PRIu64 " turns, %" PRIu64 " checks\n", ops, turns, checks);
}

static void everything_at_once(void)
{
	struct stress_verdict verdict = STRESS_VERDICT_INIT;
	const struct storm *storm = &arguments.storm;
	unsigned first = arguments.round == UINT32_MAX ? 0 : arguments.round;
	unsigned end = arguments.round == UINT32_MAX ? storm->rounds : first + 1, round = first;
	struct world *houses = calloc(HOUSES, sizeof(*houses));

	CU_ASSERT_PTR_NOT_NULL_FATAL(houses);
	for (unsigned h = 0; h < HOUSES; h++) {
		houses[h].storm = storm;
		houses[h].verdict = &verdict;
		CU_ASSERT_EQUAL_FATAL(world_init(&houses[h], h), 0);
		registrar_restore(&houses[h].actor[0]);
	}
	for (; round < end && !stress_failed(&verdict); round++)
		play(houses, round);
	tell(houses);
	if (stress_failed(&verdict)) {
		printf("     %s\n", verdict.why);
		printf("     replay: storm %" PRIu64 " %u %u %s %u\n", storm->seed, storm->turns, storm->rounds, storm->variant,
		       round - 1);
	}
	CU_ASSERT_FALSE_FATAL(stress_failed(&verdict)); /* and nothing can be relied on any more */
	for (unsigned h = 0; h < HOUSES; h++)
		CHECK_EQ(world_fini(&houses[h]), 0);
	CU_ASSERT_FALSE(stress_failed(&verdict));
	free(houses);
}

static uint64_t from_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = { SUITE_TEST(everything_at_once) };
	struct storm *storm = &arguments.storm;

	if (argc > 1)
		storm->seed = strtoull(argv[1], NULL, 0);
	if (argc > 2)
		storm->turns = (unsigned)strtoul(argv[2], NULL, 0);
	if (argc > 3)
		storm->rounds = (unsigned)strtoul(argv[3], NULL, 0);
	if (argc > 4)
		storm->variant = argv[4];
	if (argc > 5)
		arguments.round = (unsigned)strtoul(argv[5], NULL, 0);
	if (!storm->seed)
		storm->seed = from_clock();
	printf("storm: seed %" PRIu64 ", %u turns, %u rounds, %s\n", storm->seed, storm->turns, storm->rounds, storm->variant);
	fflush(stdout);
	return suite_run(1, argv, "storm", tests, sizeof(tests) / sizeof(tests[0]));
}
