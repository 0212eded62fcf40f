/* SPDX-License-Identifier: BSD-3-Clause */
/* Units appear while their devices are there and are used: one default domain for each group, and nobody comes through before it is set. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "mock.h"
#include "suite.h"

static struct mock mock;

struct registrar {
	struct piommu *p;
	enum mock_kind kind;
	const char *name;
	struct piommu_unit *unit;
};

static int register_unit(void *ctx)
{
	struct registrar *reg = ctx;
	struct piommu_fw_unit desc = mock_desc(reg->name);

	return piommu_unit_register(reg->p, mock_driver(&mock, reg->kind), &desc, &reg->unit);
}

/* ---- T3 ---- */

static int count_paging(struct mock_call *call, void *n)
{
	if (call->type == PIOMMU_DOMAIN_PAGING)
		atomic_fetch_add((atomic_uint *)n, 1);
	return 0;
}

/* 05.0 is behind one unit and 05.1 behind the other: one group, and so one default domain, whoever comes first. */
static void t3_units_registered_at_once_make_one_default_domain_a_group(void)
{
	struct piommu *p = mock_start(&mock, PIOMMU_DEFAULT_PAGING);
	struct registrar regs[2] = { { p, MOCK_BARE, "bare0", NULL }, { p, MOCK_BARE, "bare1", NULL } };
	atomic_uint made;

	mock_own(&mock, "0001:00:01.0", "bare0");
	mock_own(&mock, "0001:00:05.0", "bare0");
	mock_own(&mock, "0001:00:05.1", "bare1");
	mock_own(&mock, "0001:00:02.0", "bare1");
	for (unsigned round = 0; round < 20; round++) {
		struct worker workers[2];
		struct piommu_group *group;

		atomic_init(&made, 0);
		mock_hook_set(&mock, MOCK_DOMAIN_CREATE, count_paging, &made);
		for (unsigned i = 0; i < 2; i++)
			worker_start(&workers[i], register_unit, &regs[i]);
		for (unsigned i = 0; i < 2; i++)
			CHECK_EQ(worker_join(&workers[i]), 0);
		CHECK_EQ(atomic_load(&made), 3); /* of 01.0, of 02.0, of 05.0 and 05.1 */
		group = mock_group(p, "0001:00:05.1");
		CHECK_EQ(piommu_claim(group), 0);
		CHECK_EQ(piommu_release(group), 0);
		piommu_group_put(group);
		for (unsigned i = 0; i < 2; i++)
			CHECK_EQ(piommu_unit_unregister(regs[i].unit), 0);
		mock_check_unit(p, "0001:00:05.1", NULL);
	}
	mock_hook_set(&mock, MOCK_DOMAIN_CREATE, NULL, NULL);
	mock_stop(&mock, p);
}

/* The first one stands in the middle of making the group's default domain when the second one comes with another member. */
static void t3_unit_registered_while_another_makes_the_default_domain(void)
{
	struct piommu *p = mock_start(&mock, PIOMMU_DEFAULT_PAGING);
	struct registrar regs[2] = { { p, MOCK_BARE, "bare0", NULL }, { p, MOCK_BARE, "bare1", NULL } };
	struct worker workers[2];
	struct mock_stop stop;

	mock_own(&mock, "0001:00:05.0", "bare0");
	mock_own(&mock, "0001:00:05.1", "bare1");
	mock_stop_init(&stop, NULL);
	stop.of_type = true;
	stop.type = PIOMMU_DOMAIN_PAGING;
	mock_hook_set(&mock, MOCK_DOMAIN_CREATE, mock_stop_hook, &stop);
	worker_start(&workers[0], register_unit, &regs[0]);
	CU_ASSERT(gate_await(&stop.gate));
	worker_start(&workers[1], register_unit, &regs[1]);
	worker_lingers(&workers[1]);
	gate_open(&stop.gate);
	for (unsigned i = 0; i < 2; i++)
		CHECK_EQ(worker_join(&workers[i]), 0);
	CHECK_EQ(atomic_load(&stop.times), 0); /* the one that was stopped is the only one */
	CU_ASSERT(mock_find(&mock, 0, "attach 0001:00:05.1 paging done") >= 0);
	mock_stop_fini(&stop);
	mock_stop(&mock, p);
}

static int fail_paging(struct mock_call *call, void *ctx)
{
	(void)ctx;
	return call->type == PIOMMU_DOMAIN_PAGING ? -ENOMEM : 0;
}

/* The unit that a group's default domain was made for goes; the member behind the other one keeps a default domain. */
static void t3_default_domain_of_two_units_outlives_the_one_it_was_made_for(void)
{
	struct piommu *p = mock_start(&mock, PIOMMU_DEFAULT_PAGING);
	struct piommu_unit *units[2];
	struct piommu_group *group;
	unsigned from;

	mock_own(&mock, "0001:00:05.0", "bare0");
	mock_own(&mock, "0001:00:05.1", "bare1");
	units[0] = mock_register(&mock, p, MOCK_BARE, "bare0");
	units[1] = mock_register(&mock, p, MOCK_BARE, "bare1");
	from = mock_mark(&mock);
	CHECK_EQ(piommu_unit_unregister(units[0]), 0);
	CU_ASSERT(mock_find(&mock, from, "create bare1 paging") >= 0);
	CU_ASSERT(mock_find(&mock, from, "destroy paging") > mock_find(&mock, from, "attach 0001:00:05.1 paging done"));
	CU_ASSERT(mock_find(&mock, from, "remove bare0") > mock_find(&mock, from, "destroy paging done"));
	group = mock_group(p, "0001:00:05.1");
	CHECK_EQ(piommu_claim(group), -ENODEV); /* nothing contains 05.0 any more, and they share a group */
	piommu_group_put(group);
	CHECK_EQ(piommu_unit_unregister(units[1]), 0);
	mock_stop(&mock, p);
}

/* Nor is it left with the old one where no new one can be made. */
static void t3_default_domain_that_cannot_be_made_anew_leaves_its_group_blocked(void)
{
	struct piommu *p = mock_start(&mock, PIOMMU_DEFAULT_PAGING);
	struct piommu_unit *unit;
	struct piommu_group *group;
	unsigned from;

	mock_own(&mock, "0001:00:05.0", "bare0");
	mock_own(&mock, "0001:00:05.1", "bare1");
	unit = mock_register(&mock, p, MOCK_BARE, "bare0");
	mock_register(&mock, p, MOCK_BARE, "bare1");
	from = mock_mark(&mock);
	mock_hook_set(&mock, MOCK_DOMAIN_CREATE, fail_paging, NULL);
	CHECK_EQ(piommu_unit_unregister(unit), 0);
	mock_hook_set(&mock, MOCK_DOMAIN_CREATE, NULL, NULL);
	CU_ASSERT(mock_find(&mock, from, "attach 0001:00:05.1 blocking done") >= 0);
	group = mock_group(p, "0001:00:05.1");
	CHECK_EQ(piommu_claim(group), -EAGAIN);
	CHECK_EQ(mock_add(p, "0001:00:05.1"), 0);
	CHECK_EQ(piommu_claim(group), -ENODEV); /* nothing contains 05.0 */
	CU_ASSERT(mock_find(&mock, from, "attach 0001:00:05.1 paging done") >= 0);
	piommu_group_put(group);
	mock_stop(&mock, p);
}

/* The same with the group claimed: its default domain is its owner's, with what is mapped there. */
static void t3_unit_that_a_claimed_groups_default_domain_was_made_for_stays(void)
{
	struct piommu *p = mock_start(&mock, PIOMMU_DEFAULT_PAGING);
	struct piommu_domain *domain;
	struct piommu_unit *unit;
	struct piommu_group *group;

	mock_own(&mock, "0001:00:05.0", "bare1");
	mock_own(&mock, "0001:00:05.1", "bare0");
	unit = mock_register(&mock, p, MOCK_BARE, "bare0");
	mock_register(&mock, p, MOCK_BARE, "bare1");
	group = mock_group(p, "0001:00:05.0");
	CHECK_EQ(piommu_claim(group), 0);
	domain = piommu_group_default_domain(group);
	CHECK_EQ(mock_remove(p, "0001:00:05.1"), 0);
	CHECK_EQ(piommu_unit_unregister(unit), -EBUSY);
	CU_ASSERT_PTR_EQUAL(piommu_group_default_domain(group), domain);
	CHECK_EQ(piommu_release(group), 0);
	CHECK_EQ(piommu_unit_unregister(unit), 0);
	piommu_group_put(group);
	mock_stop(&mock, p);
}

/* ---- T4 ---- */

struct user {
	struct piommu *p;
	struct piommu_group *group;
	struct piommu_device *device;
};

static int use_claim(void *ctx)
{
	return piommu_claim(((struct user *)ctx)->group);
}

static int use_domain_create(void *ctx)
{
	struct piommu_domain *domain = NULL;
	int err = piommu_domain_create(((struct user *)ctx)->group, NULL, &domain);

	if (!err)
		piommu_domain_destroy(domain);
	return err;
}

static int use_map(void *ctx)
{
	int err;

	piommu_thread_register();
	err = piommu_device_map(((struct user *)ctx)->device, 0x1000, 0x1000, 0x1000, PIOMMU_RW);
	piommu_thread_unregister();
	return err;
}

/*
 * A device without a unit is given one, and that stops in the middle of setting the group's default domain up. Whoever uses the group or
 * the device then is told to come back, or waits; nobody gets through.
 */
static void check_use_too_early(enum mock_op where, int (*use)(void *ctx))
{
	struct piommu *p = mock_start(&mock, PIOMMU_DEFAULT_PAGING);
	struct registrar reg = { p, MOCK_BARE, "bare0", NULL };
	struct user user = { .p = p };
	struct worker setter, worker;
	struct mock_stop stop;
	int err;

	mock_own(&mock, "0001:00:01.0", "bare0");
	user.group = mock_group(p, "0001:00:01.0");
	CU_ASSERT_EQUAL_FATAL(piommu_device_find(p, mock_sbdf("0001:00:01.0"), &user.device), 0);
	mock_stop_init(&stop, where == MOCK_ATTACH ? "0001:00:01.0" : NULL);
	stop.of_type = true;
	stop.type = PIOMMU_DOMAIN_PAGING;
	mock_hook_set(&mock, where, mock_stop_hook, &stop);
	worker_start(&setter, register_unit, &reg);
	CU_ASSERT(gate_await(&stop.gate));
	worker_start(&worker, use, &user);
	if (!worker_lingers(&worker)) {
		CHECK_EQ(worker_join(&worker), -EAGAIN);
		gate_open(&stop.gate);
	} else {
		gate_open(&stop.gate);
		err = worker_join(&worker);
		CU_ASSERT(!err || err == -EAGAIN || err == -EINVAL); /* a map: not claimed */
		CU_ASSERT(mock_find(&mock, 0, "attach 0001:00:01.0 paging done") >= 0);
	}
	CHECK_EQ(worker_join(&setter), 0);
	piommu_release(user.group);
	CHECK_EQ(piommu_claim(user.group), 0);
	piommu_thread_online();
	CHECK_EQ(piommu_device_map(user.device, 0x5000, 0x5000, 0x1000, PIOMMU_RW), 0);
	piommu_thread_offline();
	piommu_device_put(user.device);
	piommu_group_put(user.group);
	mock_stop_fini(&stop);
	mock_stop(&mock, p);
}

static void t4_claim_does_not_succeed_before_the_default_domain_is_made(void)
{
	check_use_too_early(MOCK_DOMAIN_CREATE, use_claim);
}

static void t4_claim_does_not_succeed_before_the_default_domain_is_attached(void)
{
	check_use_too_early(MOCK_ATTACH, use_claim);
}

static void t4_domain_is_not_made_before_the_default_domain(void)
{
	check_use_too_early(MOCK_DOMAIN_CREATE, use_domain_create);
}

static void t4_map_does_not_succeed_before_the_default_domain_is_attached(void)
{
	check_use_too_early(MOCK_ATTACH, use_map);
}

static int later(struct mock_call *call, void *ctx)
{
	(void)call;
	(void)ctx;
	return -EAGAIN;
}

/* Its unit is ready, and has it; but the default domain could not be made. */
static void t4_group_without_its_default_domain_is_not_claimed(void)
{
	struct piommu *p = mock_start(&mock, PIOMMU_DEFAULT_PAGING);
	struct piommu_group *group;
	struct piommu_domain *domain = NULL;

	mock_own(&mock, "0001:00:01.0", "bare0");
	mock_hook_set(&mock, MOCK_FIND_UNIT, later, NULL);
	mock_register(&mock, p, MOCK_BARE, "bare0");
	mock_check_unit(p, "0001:00:01.0", NULL);
	mock_hook_set(&mock, MOCK_FIND_UNIT, NULL, NULL);
	mock_hook_set(&mock, MOCK_DOMAIN_CREATE, fail_paging, NULL);
	CHECK_EQ(mock_add(p, "0001:00:01.0"), -ENOMEM);
	group = mock_group(p, "0001:00:01.0");
	CHECK_EQ(piommu_claim(group), -EAGAIN);
	CHECK_EQ(piommu_domain_create(group, NULL, &domain), -EAGAIN);
	mock_hook_set(&mock, MOCK_DOMAIN_CREATE, NULL, NULL);
	CHECK_EQ(mock_add(p, "0001:00:01.0"), 0);
	CHECK_EQ(piommu_claim(group), 0);
	piommu_group_put(group);
	mock_stop(&mock, p);
}

/*
 * Its group and its unit are ready, but it has been found behind that unit only now, by a walk for another one that is not through: it
 * is not yet where its group is.
 */
static void t4_group_with_a_member_that_is_not_placed_is_not_claimed(void)
{
	struct piommu *p = mock_start(&mock, PIOMMU_DEFAULT_PAGING);
	struct piommu_group *group = mock_group(p, "0001:00:05.0");
	struct registrar reg = { p, MOCK_BARE, "bare1", NULL };
	struct worker worker;
	struct mock_stop stop;

	mock_plug(&mock, "0001:00:06.0");
	CHECK_EQ(mock_add(p, "0001:00:06.0"), 0);
	mock_own(&mock, "0001:00:05.0", "bare0");
	mock_register(&mock, p, MOCK_BARE, "bare0");
	mock_own(&mock, "0001:00:05.1", "bare0");
	mock_own(&mock, "0001:00:06.0", "bare1");
	mock_stop_init(&stop, "0001:00:06.0");
	mock_hook_set(&mock, MOCK_PROBE_DEVICE, mock_stop_hook, &stop);
	worker_start(&worker, register_unit, &reg);
	CU_ASSERT(gate_await(&stop.gate));
	CHECK_EQ(mock_count(&mock, MOCK_PROBE_DEVICE, "0001:00:05.1"), 1);
	CHECK_EQ(mock_count(&mock, MOCK_ATTACH, "0001:00:05.1"), 0);
	CHECK_EQ(piommu_claim(group), -EAGAIN);
	gate_open(&stop.gate);
	CHECK_EQ(worker_join(&worker), 0);
	CHECK_EQ(piommu_claim(group), 0);
	piommu_group_put(group);
	mock_stop_fini(&stop);
	mock_stop(&mock, p);
}

/* ---- T5 ---- */

/* Ids and first members, in the order in which piommu_group_at() hands them out. */
struct roll {
	unsigned n;
	unsigned id[32];
	char first[32][PIOMMU_NAME_LEN];
};

static void call_roll(struct piommu *p, struct roll *roll)
{
	struct piommu_group *group;

	for (roll->n = 0; roll->n < 32 && (group = piommu_group_at(p, roll->n)); roll->n++) {
		struct piommu_device_info device = { .name = "" };
		struct piommu_group_info info;

		piommu_group_info(group, &info);
		piommu_group_device(group, 0, &device);
		roll->id[roll->n] = info.id;
		snprintf(roll->first[roll->n], sizeof(roll->first[0]), "%s", device.name);
		piommu_group_put(group);
	}
}

static void t5_device_of_a_unit_that_still_looks_for_its_devices_is_not_claimed(void)
{
	struct piommu *p = mock_start(&mock, PIOMMU_DEFAULT_PAGING);
	struct registrar reg = { p, MOCK_BARE, "bare0", NULL };
	struct piommu_group *group = mock_group(p, "0001:00:01.0");
	struct piommu_domain *domain = NULL;
	struct worker worker;
	struct mock_stop stop;

	mock_own_three(&mock, "bare0");
	mock_stop_init(&stop, "0001:00:03.0");
	mock_hook_set(&mock, MOCK_ATTACH, mock_stop_hook, &stop);
	worker_start(&worker, register_unit, &reg);
	CU_ASSERT(gate_await(&stop.gate));
	CU_ASSERT(mock_find(&mock, 0, "attach 0001:00:01.0 paging done") >= 0); /* its group is set up */
	CHECK_EQ(piommu_claim(group), -EAGAIN);
	CHECK_EQ(piommu_domain_create(group, NULL, &domain), -EAGAIN);
	gate_open(&stop.gate);
	CHECK_EQ(worker_join(&worker), 0);
	CHECK_EQ(piommu_claim(group), 0);
	piommu_group_put(group);
	mock_stop_fini(&stop);
	mock_stop(&mock, p);
}

static void t5_group_numbers_follow_discovery_and_not_units(void)
{
	struct piommu *p = mock_start(&mock, PIOMMU_DEFAULT_ANY);
	struct roll before, after;

	mock_own(&mock, "0001:00:01.0", "bare0");
	mock_own(&mock, "0001:00:02.0", "bare1");
	mock_own(&mock, "0001:00:03.0", "bare0");
	call_roll(p, &before);
	CHECK_EQ(before.n, 9);
	for (unsigned i = 1; i < before.n; i++) {
		CU_ASSERT(before.id[i] > before.id[i - 1]);
		CU_ASSERT(strcmp(before.first[i], before.first[i - 1]) > 0);
	}
	mock_register(&mock, p, MOCK_BARE, "bare1");
	mock_register(&mock, p, MOCK_BARE, "bare0");
	call_roll(p, &after);
	CHECK_EQ(after.n, before.n);
	for (unsigned i = 0; i < after.n; i++) {
		CHECK_EQ(after.id[i], before.id[i]);
		CHECK_EQ(strcmp(after.first[i], before.first[i]), 0);
	}
	mock_plug(&mock, "0000:00:06.0");
	CHECK_EQ(mock_add(p, "0000:00:06.0"), 0);
	CU_ASSERT(mock_group_info(p, "0000:00:06.0").id > after.id[after.n - 1]);
	mock_stop(&mock, p);
}

/* ---- One that fails ---- */

static int fail_second(struct mock_call *call, void *err)
{
	return strcmp(call->device->name, "0001:00:02.0") != 0 ? 0 : *(int *)err;
}

/* A device that its driver cannot take on is left out; its unit comes up, and the others are behind it. */
static void check_one_fails(int err)
{
	struct piommu *p = mock_start(&mock, PIOMMU_DEFAULT_PAGING);

	mock_own_three(&mock, "bare0");
	mock_hook_set(&mock, MOCK_PROBE_DEVICE, fail_second, &err);
	mock_register(&mock, p, MOCK_BARE, "bare0");
	mock_check_unit(p, "0001:00:01.0", "bare0");
	mock_check_unit(p, "0001:00:02.0", NULL);
	mock_check_unit(p, "0001:00:03.0", "bare0");
	CU_ASSERT(mock_said(&mock, "0001:00:02.0"));
	CU_ASSERT_FALSE(mock_said(&mock, "claimed"));
	CHECK_EQ(mock_add(p, "0001:00:02.0"), err);
	mock_hook_set(&mock, MOCK_PROBE_DEVICE, NULL, NULL);
	CHECK_EQ(mock_add(p, "0001:00:02.0"), 0);
	mock_check_unit(p, "0001:00:02.0", "bare0");
	mock_stop(&mock, p);
}

static void t2_device_whose_probe_fails_does_not_keep_the_unit_from_the_others(void)
{
	check_one_fails(-EIO);
}

static void t2_device_that_somebody_else_drives_is_not_said_to_be_claimed(void)
{
	check_one_fails(-EBUSY);
}

/* ---- A walk that fails ---- */

/* While it looks for its devices one of them is plugged in that belongs to a claimed group: the unit cannot go again. */
static void t5_unit_in_use_stays_though_its_walk_failed(void)
{
	struct piommu *p = mock_start(&mock, PIOMMU_DEFAULT_PAGING);
	struct registrar reg = { p, MOCK_BARE, "bare1", NULL };
	struct piommu_group *pair, *other;
	struct worker worker;
	struct mock_stop stop;

	mock_own(&mock, "0001:00:05.0", "bare1");
	mock_own(&mock, "0001:00:05.1", "bare0");
	mock_own(&mock, "0001:00:01.0", "bare1");
	mock_register(&mock, p, MOCK_BARE, "bare0");
	mock_unplug(&mock, "0001:00:05.0");
	CHECK_EQ(mock_remove(p, "0001:00:05.0"), 0);
	pair = mock_group(p, "0001:00:05.1");
	CHECK_EQ(piommu_claim(pair), 0);
	mock_stop_init(&stop, NULL);
	stop.result = -EIO;
	mock_hook_set(&mock, MOCK_NODES, mock_stop_hook, &stop);
	worker_start(&worker, register_unit, &reg);
	CU_ASSERT(gate_await(&stop.gate));
	mock_hook_set(&mock, MOCK_NODES, NULL, NULL);
	mock_plug(&mock, "0001:00:05.0");
	CHECK_EQ(mock_add(p, "0001:00:05.0"), 0);
	mock_check_unit(p, "0001:00:05.0", "bare1");
	gate_open(&stop.gate);
	CHECK_EQ(worker_join(&worker), 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(reg.unit);
	CU_ASSERT(mock_said(&mock, "bare1"));
	CHECK_EQ(piommu_unit_unregister(reg.unit), -EBUSY);
	CHECK_EQ(piommu_release(pair), 0);
	CHECK_EQ(piommu_claim(pair), -EAGAIN); /* not ready */
	CHECK_EQ(piommu_rescan(p), 0);
	CHECK_EQ(piommu_claim(pair), 0);
	CHECK_EQ(piommu_release(pair), 0);
	other = mock_group(p, "0001:00:01.0");
	CHECK_EQ(piommu_claim(other), 0);
	CHECK_EQ(piommu_release(other), 0);
	piommu_group_put(other);
	piommu_group_put(pair);
	CHECK_EQ(piommu_unit_unregister(reg.unit), 0);
	mock_stop_fini(&stop);
	mock_stop(&mock, p);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(t3_units_registered_at_once_make_one_default_domain_a_group),
		SUITE_TEST(t3_unit_registered_while_another_makes_the_default_domain),
		SUITE_TEST(t3_default_domain_of_two_units_outlives_the_one_it_was_made_for),
		SUITE_TEST(t3_default_domain_that_cannot_be_made_anew_leaves_its_group_blocked),
		SUITE_TEST(t3_unit_that_a_claimed_groups_default_domain_was_made_for_stays),
		SUITE_TEST(t4_claim_does_not_succeed_before_the_default_domain_is_made),
		SUITE_TEST(t4_claim_does_not_succeed_before_the_default_domain_is_attached),
		SUITE_TEST(t4_domain_is_not_made_before_the_default_domain),
		SUITE_TEST(t4_map_does_not_succeed_before_the_default_domain_is_attached),
		SUITE_TEST(t4_group_without_its_default_domain_is_not_claimed),
		SUITE_TEST(t4_group_with_a_member_that_is_not_placed_is_not_claimed),
		SUITE_TEST(t5_device_of_a_unit_that_still_looks_for_its_devices_is_not_claimed),
		SUITE_TEST(t5_group_numbers_follow_discovery_and_not_units),
		SUITE_TEST(t5_unit_in_use_stays_though_its_walk_failed),
		SUITE_TEST(t2_device_whose_probe_fails_does_not_keep_the_unit_from_the_others),
		SUITE_TEST(t2_device_that_somebody_else_drives_is_not_said_to_be_claimed),
	};

	return suite_run(argc, argv, "units", tests, sizeof(tests) / sizeof(tests[0]));
}
