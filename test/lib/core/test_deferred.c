/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Deferred attach (doc/locking.md): a device that goes on with what it was handed over with until its first use. T13, T13b, T14,
 * T15. The linker hands every pthread_mutex_lock() of this program to __wrap_pthread_mutex_lock(): so a test knows, without a
 * clock, that a thread has come as far as the group's mutex.
 */
#include <errno.h>
#include <string.h>

#include "fake.h"
#include "suite.h"
#include "threads.h"

#define RACERS 8u

static struct fake fake;

/* ---- Who has come to the group's mutex ---- */

static _Atomic(const void *) watched; /* a pthread_mutex_t; NULL: none */
static _Thread_local bool is_racer;
static atomic_uint at_the_mutex; /* racers, each at most once */

int __real_pthread_mutex_lock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex);

int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex)
{
	if (is_racer && atomic_load(&watched) == mutex) {
		is_racer = false;
		atomic_fetch_add(&at_the_mutex, 1);
	}
	return __real_pthread_mutex_lock(mutex);
}

/* ---- Rig ---- */

struct rig {
	struct piommu *p;
	struct piommu_group *group;
	struct piommu_device *device;
	unsigned before; /* log index after the claim */
};

/* 00:04.0 is deferred, its group's default is `kind`, and it is claimed. */
static struct rig claimed_deferred(enum piommu_default kind)
{
	struct rig rig;

	fake_init(&fake);
	fake_dev(&fake, "00:04.0")->deferred = true;
	fake.default_domain = kind;
	rig.p = fake_start(&fake);
	rig.group = fake_group(rig.p, "00:04.0");
	rig.device = fake_device(rig.p, "00:04.0");
	CHECK_EQ(piommu_claim(rig.group), 0);
	rig.before = fake.nlog;
	CHECK_EQ(fake_count(&fake, 0, "attach 00:04.0"), 0);
	return rig;
}

static void end(const struct rig *rig)
{
	piommu_device_put(rig->device);
	piommu_group_put(rig->group);
	fake_stop(&fake, rig->p);
}

static struct piommu_device_stats stats_of(const struct piommu_device *device)
{
	struct piommu_device_stats stats;

	piommu_device_stats(device, &stats);
	return stats;
}

static int map_page(const struct rig *rig, unsigned n)
{
	return piommu_device_map(rig->device, UINT64_C(0x100000) * (n + 1), 0x1000, 4096, PIOMMU_RW);
}

static unsigned attaches(const struct rig *rig)
{
	return fake_count(&fake, rig->before, "attach 00:04.0");
}

/* ---- T13 ---- */

struct race {
	struct rig rig;
	int results[RACERS];
	int first_fails; /* what the driver's first attach returns */
	atomic_uint attaches;
	bool stuck;
};

/* The first attach goes on when every other racer has seen the flag set and stands at the group's mutex. */
static int hold_first_attach(void *ctx, const char *what)
{
	struct race *race = ctx;

	if (strncmp(what, "attach 00:04.0", 14) != 0 || atomic_fetch_add(&race->attaches, 1))
		return 0;
	race->stuck = !threads_wait_for(&at_the_mutex, RACERS);
	return race->first_fails;
}

static void map_as_racer(void *ctx, unsigned i)
{
	struct race *race = ctx;

	is_racer = true;
	race->results[i] = map_page(&race->rig, i);
	is_racer = false;
}

static void race_first_map(struct race *race)
{
	atomic_store(&at_the_mutex, 0);
	atomic_store(&watched, &race->rig.group->mutex.m);
	fake.hook_ctx = race;
	fake.hook = hold_first_attach;
	threads_run(RACERS, map_as_racer, race);
	fake.hook = NULL;
	atomic_store(&watched, NULL);
	CU_ASSERT(!race->stuck);
}

static void t13_deferred_attach_once(void)
{
	struct race race = { .rig = claimed_deferred(PIOMMU_DEFAULT_PAGING) };
	struct piommu_domain *domain = piommu_group_default_domain(race.rig.group);
	struct piommu_device_stats before = stats_of(race.rig.device);

	CU_ASSERT_PTR_NOT_NULL_FATAL(domain);
	CU_ASSERT(before.deferred);
	race_first_map(&race);
	for (unsigned i = 0; i < RACERS; i++) {
		CHECK_EQ(race.results[i], 0);
		CHECK_EQ(piommu_lookup(domain, UINT64_C(0x100000) * (i + 1), &(uint64_t){ 0 }, NULL, NULL), 0);
	}
	CHECK_EQ(attaches(&race.rig), 1);
	CHECK_EQ(fake_dev(&fake, "00:04.0")->on, fake_name(domain));
	CHECK_EQ(stats_of(race.rig.device).attaches, before.attaches + 1);
	CHECK_EQ(stats_of(race.rig.device).deferred_lost, RACERS - 1);
	CU_ASSERT(!stats_of(race.rig.device).deferred);
	/* and from now on a map is a map */
	CHECK_EQ(map_page(&race.rig, RACERS), 0);
	CHECK_EQ(attaches(&race.rig), 1);
	CHECK_EQ(stats_of(race.rig.device).deferred_lost, RACERS - 1);
	end(&race.rig);
}

static void t13_when_the_first_attach_fails_the_next_one_tries(void)
{
	struct race race = { .rig = claimed_deferred(PIOMMU_DEFAULT_PAGING), .first_fails = -EIO };
	unsigned failed = 0;

	race_first_map(&race);
	for (unsigned i = 0; i < RACERS; i++) {
		CU_ASSERT(!race.results[i] || race.results[i] == -EIO);
		failed += race.results[i] == -EIO;
	}
	CHECK_EQ(failed, 1);
	CHECK_EQ(attaches(&race.rig), 2);
	CHECK_EQ(stats_of(race.rig.device).deferred_lost, RACERS - 2);
	end(&race.rig);
}

static void t13_a_refused_first_map_leaves_it_deferred(void)
{
	struct rig rig = claimed_deferred(PIOMMU_DEFAULT_PAGING);

	fake.fail_attach = 1;
	CHECK_EQ(map_page(&rig, 0), -ETIMEDOUT);
	CU_ASSERT(stats_of(rig.device).deferred);
	CHECK_EQ(piommu_lookup(piommu_group_default_domain(rig.group), 0x100000, &(uint64_t){ 0 }, NULL, NULL), -ENOENT);
	CHECK_EQ(map_page(&rig, 0), 0);
	CU_ASSERT(!stats_of(rig.device).deferred);
	CHECK_EQ(stats_of(rig.device).deferred_lost, 0);
	end(&rig);
}

static void t13_the_first_map_goes_where_the_group_was_attached(void)
{
	struct rig rig = claimed_deferred(PIOMMU_DEFAULT_IDENTITY);
	struct piommu_domain *domain = fake_domain_for(rig.group);

	CHECK_EQ(map_page(&rig, 0), -EINVAL); /* claimed and nothing else: no domain to map in */
	CU_ASSERT(stats_of(rig.device).deferred);
	CHECK_EQ(attaches(&rig), 0);
	CHECK_EQ(piommu_attach(domain, rig.group), 0);
	CHECK_EQ(map_page(&rig, 0), 0);
	CHECK_EQ(piommu_lookup(domain, 0x100000, &(uint64_t){ 0 }, NULL, NULL), 0);
	CHECK_EQ(attaches(&rig), 1);
	CU_ASSERT(!stats_of(rig.device).deferred);
	CHECK_EQ(piommu_device_unmap(rig.device, 0x100000, 4096, NULL), 0);
	end(&rig);
}

/* ---- T13b ---- */

static void t13b_ordinary_attach_that_fails_leaves_it_deferred(void)
{
	struct rig rig = claimed_deferred(PIOMMU_DEFAULT_PAGING);
	struct piommu_domain *domain = fake_domain_for(rig.group);

	fake.fail_attach = 1;
	CHECK_EQ(piommu_attach(domain, rig.group), -ETIMEDOUT);
	CHECK_EQ(attaches(&rig), 1); /* the one that failed: there is nowhere to go back to */
	CU_ASSERT(stats_of(rig.device).deferred);
	CHECK_EQ(fake_count_on(domain), 0);
	CHECK_EQ(map_page(&rig, 0), 0);
	CU_ASSERT(!stats_of(rig.device).deferred);
	CHECK_EQ(fake_dev(&fake, "00:04.0")->on, fake_name(piommu_group_default_domain(rig.group)));
	CHECK_EQ(piommu_domain_destroy(domain), 0);
	end(&rig);
}

static void t13b_ordinary_attach_ends_the_deferral(void)
{
	struct rig rig = claimed_deferred(PIOMMU_DEFAULT_PAGING);
	struct piommu_domain *domain = fake_domain_for(rig.group);

	CHECK_EQ(piommu_attach(domain, rig.group), 0);
	CU_ASSERT(!stats_of(rig.device).deferred);
	CHECK_EQ(map_page(&rig, 0), 0);
	CHECK_EQ(attaches(&rig), 1);
	CHECK_EQ(fake_dev(&fake, "00:04.0")->on, fake_name(domain));
	end(&rig);
}

static void t13b_a_later_member_that_fails_leaves_each_as_it_was(void)
{
	struct piommu_domain *domain;
	struct piommu_group *group;
	struct piommu_device *last;
	struct piommu *p;

	fake_init(&fake);
	fake_dev(&fake, "00:05.2")->deferred = true;
	fake.default_domain = PIOMMU_DEFAULT_PAGING;
	p = fake_start(&fake);
	group = fake_group(p, "00:05.0");
	last = fake_device(p, "00:05.2");
	CHECK_EQ(piommu_claim(group), 0);
	domain = fake_domain_for(group);
	fake.fail_attach = 3;
	CHECK_EQ(piommu_attach(domain, group), -ETIMEDOUT);
	CHECK_EQ(fake_count_on(domain), 0);
	CHECK_EQ(fake_dev(&fake, "00:05.0")->on, fake_name(piommu_group_default_domain(group)));
	CU_ASSERT(stats_of(last).deferred);
	CHECK_EQ(piommu_device_map(last, 0x1000, 0x1000, 4096, PIOMMU_RW), 0);
	CHECK_EQ(fake_dev(&fake, "00:05.2")->on, fake_name(piommu_group_default_domain(group)));
	piommu_device_put(last);
	fake_stop(&fake, p);
}

/* ---- T14 ---- */

/* A register is written in no other callback than these. */
static void untouched(const struct rig *rig)
{
	CHECK_EQ(fake_count(&fake, rig->before, "attach"), 0);
	CHECK_EQ(fake_count(&fake, rig->before, "pasid"), 0);
	CHECK_EQ(fake_count(&fake, rig->before, "flush"), 0);
}

static void t14_released_or_removed_untouched(void)
{
	static const enum piommu_default kinds[] = { PIOMMU_DEFAULT_IDENTITY, PIOMMU_DEFAULT_PAGING, PIOMMU_DEFAULT_BLOCKING };

	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct rig rig = claimed_deferred(kinds[i]);

		CHECK_EQ(piommu_release(rig.group), 0);
		untouched(&rig);
		CHECK_EQ(piommu_claim(rig.group), 0);
		fake_unplug(&fake, "00:04.0");
		CHECK_EQ(piommu_device_remove(rig.p, fake_sbdf("00:04.0")), 0);
		untouched(&rig);
		CHECK_EQ(fake_count(&fake, rig.before, "release_device 00:04.0"), 1);
		end(&rig);
	}
}

static void t14_a_manager_that_ends_leaves_it_untouched(void)
{
	struct rig rig = claimed_deferred(PIOMMU_DEFAULT_PAGING);

	end(&rig);
	CHECK_EQ(fake_count(&fake, 0, "attach 00:04.0"), 0);
	CHECK_EQ(fake_count(&fake, rig.before, "release_device 00:04.0"), 1);
}

static void t14_a_node_that_comes_and_goes_deferred(void)
{
	struct rig rig = claimed_deferred(PIOMMU_DEFAULT_PAGING);

	fake_dev(&fake, "/soc/dma")->deferred = true;
	fake_plug_node(&fake, "/soc/dma", 9);
	CHECK_EQ(piommu_node_add(rig.p, "/soc/dma"), 0);
	CHECK_EQ(piommu_node_remove(rig.p, "/soc/dma"), 0);
	CHECK_EQ(fake_count(&fake, rig.before, "release_device /soc/dma"), 1);
	untouched(&rig);
	end(&rig);
}

/* ---- T15 ---- */

static void t15_deferred_attach_waits_for_the_end_of_a_reset(void)
{
	struct rig rig = claimed_deferred(PIOMMU_DEFAULT_PAGING);
	char name = fake_name(piommu_group_default_domain(rig.group));

	CHECK_EQ(piommu_reset_begin(rig.p, fake_sbdf("00:04.0")), 0);
	CHECK_EQ(map_page(&rig, 0), -EBUSY);
	CU_ASSERT(stats_of(rig.device).deferred);
	CU_ASSERT(fake_dev(&fake, "00:04.0")->on != name);
	CHECK_EQ(piommu_reset_end(rig.p, fake_sbdf("00:04.0")), 0);
	CU_ASSERT(stats_of(rig.device).deferred);
	CU_ASSERT(fake_dev(&fake, "00:04.0")->on != name);
	CHECK_EQ(map_page(&rig, 0), 0);
	CHECK_EQ(fake_dev(&fake, "00:04.0")->on, name);
	CU_ASSERT(!stats_of(rig.device).deferred);
	end(&rig);
}

static void t15_an_ordinary_attach_waits_too(void)
{
	struct rig rig = claimed_deferred(PIOMMU_DEFAULT_PAGING);
	struct piommu_domain *domain = fake_domain_for(rig.group);

	CHECK_EQ(piommu_reset_begin(rig.p, fake_sbdf("00:04.0")), 0);
	CHECK_EQ(piommu_attach(domain, rig.group), -EBUSY);
	CU_ASSERT(stats_of(rig.device).deferred);
	CHECK_EQ(piommu_reset_end(rig.p, fake_sbdf("00:04.0")), 0);
	CHECK_EQ(piommu_attach(domain, rig.group), 0);
	CHECK_EQ(fake_dev(&fake, "00:04.0")->on, fake_name(domain));
	end(&rig);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(t13_deferred_attach_once),
		SUITE_TEST(t13_when_the_first_attach_fails_the_next_one_tries),
		SUITE_TEST(t13_a_refused_first_map_leaves_it_deferred),
		SUITE_TEST(t13_the_first_map_goes_where_the_group_was_attached),
		SUITE_TEST(t13b_ordinary_attach_that_fails_leaves_it_deferred),
		SUITE_TEST(t13b_ordinary_attach_ends_the_deferral),
		SUITE_TEST(t13b_a_later_member_that_fails_leaves_each_as_it_was),
		SUITE_TEST(t14_released_or_removed_untouched),
		SUITE_TEST(t14_a_manager_that_ends_leaves_it_untouched),
		SUITE_TEST(t14_a_node_that_comes_and_goes_deferred),
		SUITE_TEST(t15_deferred_attach_waits_for_the_end_of_a_reset),
		SUITE_TEST(t15_an_ordinary_attach_waits_too),
	};

	return suite_run(argc, argv, "deferred", tests, sizeof(tests) / sizeof(tests[0]));
}
