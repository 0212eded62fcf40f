/* SPDX-License-Identifier: BSD-3-Clause */
/* Which driver takes a device (rule R12), and what becomes of its devices when it goes. */
#include <errno.h>
#include <string.h>

#include "mock.h"
#include "suite.h"

#define PLUGGED "0001:00:06.0"

static struct mock mock;

static int add_plugged(void *p)
{
	return mock_add(p, PLUGGED);
}

/* ---- T32 ---- */

static int note_units(struct mock_call *call, void *nunits)
{
	*(unsigned *)nunits = call->nunits;
	return 0;
}

static void t32_driver_with_two_units_is_asked_once(void)
{
	struct piommu *p = mock_start(&mock, PIOMMU_DEFAULT_ANY);
	unsigned nunits = 0;

	mock_register(&mock, p, MOCK_BARE, "bare0");
	mock_register(&mock, p, MOCK_BARE, "bare1");
	mock_own(&mock, PLUGGED, "bare1");
	mock_plug(&mock, PLUGGED);
	mock_hook_set(&mock, MOCK_FIND_UNIT, note_units, &nunits);
	CHECK_EQ(mock_add(p, PLUGGED), 0);
	CHECK_EQ(mock_count(&mock, MOCK_FIND_UNIT, PLUGGED), 1);
	CHECK_EQ(nunits, 2);
	mock_check_unit(p, PLUGGED, "bare1");
	mock_stop(&mock, p);
}

static void t32_driver_that_needs_firmware_is_never_asked_without(void)
{
	struct piommu *p = mock_start(&mock, PIOMMU_DEFAULT_ANY);

	mock_register(&mock, p, MOCK_BARE, "bare0");
	mock_plug(&mock, PLUGGED);
	CHECK_EQ(mock_add(p, PLUGGED), 0);
	CHECK_EQ(mock_find(&mock, 0, "find_unit mock-fw " PLUGGED), -1);
	CHECK_EQ(mock_find(&mock, 0, "find_unit mock-fw2 " PLUGGED), -1);
	CU_ASSERT(mock_find(&mock, 0, "find_unit mock-bare " PLUGGED) >= 0);
	mock_check_unit(p, PLUGGED, NULL);
	mock_stop(&mock, p);
}

static void t32_nobody_is_asked_about_a_device_that_firmware_names_a_unit_for(void)
{
	struct piommu *p = mock_start(&mock, PIOMMU_DEFAULT_ANY);

	mock_own(&mock, "0000:00:06.0", "bare0");
	mock_register(&mock, p, MOCK_BARE, "bare0");
	mock_plug(&mock, "0000:00:06.0");
	CHECK_EQ(mock_add(p, "0000:00:06.0"), 0);
	CHECK_EQ(mock_count(&mock, MOCK_FIND_UNIT, "0000:00:06.0"), 0);
	mock_check_unit(p, "0000:00:06.0", "dmar1");
	mock_check_unit(p, "0000:01:00.0", "dmar0");
	mock_check_unit(p, "0002:00:01.0", "dmar2");
	mock_stop(&mock, p);
}

static void t32_not_mine_goes_on_to_the_next_driver(void)
{
	struct piommu *p = mock_start(&mock, PIOMMU_DEFAULT_ANY);
	int first;

	mock_register(&mock, p, MOCK_BARE, "bare0");
	mock_register(&mock, p, MOCK_BARE2, "other0");
	mock_own(&mock, PLUGGED, "other0");
	mock_plug(&mock, PLUGGED);
	CHECK_EQ(mock_add(p, PLUGGED), 0);
	first = mock_find(&mock, 0, "find_unit mock-bare " PLUGGED);
	CU_ASSERT(first >= 0);
	CU_ASSERT(mock_find(&mock, 0, "find_unit mock-bare2 " PLUGGED) > first);
	mock_check_unit(p, PLUGGED, "other0");
	mock_stop(&mock, p);
}

static int refuse(struct mock_call *call, void *err)
{
	return strcmp(call->driver->name, "mock-bare") != 0 ? 0 : *(int *)err;
}

static void check_stops_the_search(int err)
{
	struct piommu *p = mock_start(&mock, PIOMMU_DEFAULT_ANY);

	mock_register(&mock, p, MOCK_BARE, "bare0");
	mock_register(&mock, p, MOCK_BARE2, "other0");
	mock_own(&mock, PLUGGED, "other0");
	mock_plug(&mock, PLUGGED);
	mock_hook_set(&mock, MOCK_FIND_UNIT, refuse, &err);
	CHECK_EQ(mock_add(p, PLUGGED), 0);
	CHECK_EQ(mock_find(&mock, 0, "find_unit mock-bare2 " PLUGGED), -1);
	mock_check_unit(p, PLUGGED, NULL);
	mock_hook_set(&mock, MOCK_FIND_UNIT, NULL, NULL);
	CHECK_EQ(mock_add(p, PLUGGED), 0); /* asks once more */
	mock_check_unit(p, PLUGGED, "other0");
	mock_stop(&mock, p);
}

static void t32_later_stops_the_search_for_now(void)
{
	check_stops_the_search(-EAGAIN);
}

static void t32_mine_but_broken_stops_the_search(void)
{
	check_stops_the_search(-EIO);
}

/* The answer is a unit of another driver. */
static int answer_foreign(struct mock_call *call, void *foreign)
{
	if (strcmp(call->driver->name, "mock-bare") != 0)
		return 0;
	*call->unit_out = foreign;
	return MOCK_ANSWERED;
}

static void t32_answer_that_is_none_of_its_units_is_not_taken(void)
{
	struct piommu *p = mock_start(&mock, PIOMMU_DEFAULT_ANY);
	struct piommu_unit *foreign;

	mock_register(&mock, p, MOCK_BARE, "bare0");
	foreign = mock_register(&mock, p, MOCK_BARE2, "other0");
	mock_plug(&mock, PLUGGED);
	mock_hook_set(&mock, MOCK_FIND_UNIT, answer_foreign, foreign);
	CHECK_EQ(mock_add(p, PLUGGED), 0);
	mock_check_unit(p, PLUGGED, NULL);
	CU_ASSERT(mock_said(&mock, "mock-bare"));
	mock_stop(&mock, p);
}

struct unregistrar {
	struct piommu *p;
	enum mock_kind kind;
};

static int unregister_driver(void *ctx)
{
	struct unregistrar *un = ctx;

	return piommu_driver_unregister(un->p, mock_driver(&mock, un->kind));
}

static void t32_unregister_waits_for_a_driver_that_is_being_asked(void)
{
	struct piommu *p = mock_start(&mock, PIOMMU_DEFAULT_PAGING);
	struct unregistrar un = { p, MOCK_BARE };
	struct worker adding, unregistering;
	struct mock_stop stop;

	mock_own(&mock, PLUGGED, "bare0");
	mock_register(&mock, p, MOCK_BARE, "bare0");
	mock_plug(&mock, PLUGGED);
	mock_stop_init(&stop, PLUGGED);
	mock_hook_set(&mock, MOCK_FIND_UNIT, mock_stop_hook, &stop);
	worker_start(&adding, add_plugged, p);
	CU_ASSERT(gate_await(&stop.gate));
	worker_start(&unregistering, unregister_driver, &un);
	CU_ASSERT(worker_lingers(&unregistering));
	CU_ASSERT(mock_find(&mock, 0, "shutdown bare0") < 0);
	gate_open(&stop.gate);
	CHECK_EQ(worker_join(&adding), 0);
	CHECK_EQ(worker_join(&unregistering), 0);
	CU_ASSERT(mock_find(&mock, 0, "remove bare0") > mock_find(&mock, 0, "find_unit mock-bare " PLUGGED " done"));
	mock_check_unit(p, PLUGGED, NULL);
	mock_stop_fini(&stop);
	mock_stop(&mock, p);
}

static void t32_unit_that_goes_takes_no_device(void)
{
	struct piommu *p = mock_start(&mock, PIOMMU_DEFAULT_PAGING);
	struct unregistrar un = { p, MOCK_BARE };
	struct worker unregistering;
	struct mock_stop stop;

	mock_own(&mock, "0001:00:01.0", "bare0");
	mock_own(&mock, PLUGGED, "bare0");
	mock_register(&mock, p, MOCK_BARE, "bare0");
	mock_plug(&mock, PLUGGED);
	mock_stop_init(&stop, "0001:00:01.0");
	mock_hook_set(&mock, MOCK_RELEASE_DEVICE, mock_stop_hook, &stop);
	worker_start(&unregistering, unregister_driver, &un);
	CU_ASSERT(gate_await(&stop.gate));
	CHECK_EQ(mock_add(p, PLUGGED), 0);
	mock_check_unit(p, PLUGGED, NULL);
	gate_open(&stop.gate);
	CHECK_EQ(worker_join(&unregistering), 0);
	mock_check_unit(p, PLUGGED, NULL);
	mock_stop_fini(&stop);
	mock_stop(&mock, p);
}

static int make_domain(void *group)
{
	struct piommu_domain *domain = NULL;

	return piommu_domain_create(group, NULL, &domain);
}

/* A domain that is made too late goes before its unit does. */
static void t32_unregister_waits_for_who_makes_a_domain(void)
{
	struct piommu *p = mock_start(&mock, PIOMMU_DEFAULT_ANY);
	struct unregistrar un = { p, MOCK_BARE };
	struct worker making, unregistering;
	struct mock_stop made, ended;
	struct piommu_group *group;

	mock_own(&mock, "0001:00:01.0", "bare0");
	mock_register(&mock, p, MOCK_BARE, "bare0");
	group = mock_group(p, "0001:00:01.0");
	mock_stop_init(&made, NULL);
	mock_stop_init(&ended, NULL);
	made.of_type = ended.of_type = true;
	made.type = ended.type = PIOMMU_DOMAIN_PAGING;
	mock_hook_set(&mock, MOCK_DOMAIN_CREATE, mock_stop_hook, &made);
	mock_hook_set(&mock, MOCK_DOMAIN_DESTROY, mock_stop_hook, &ended);
	worker_start(&making, make_domain, group);
	CU_ASSERT(gate_await(&made.gate));
	worker_start(&unregistering, unregister_driver, &un);
	CU_ASSERT(worker_lingers(&unregistering));
	gate_open(&made.gate);
	CU_ASSERT(gate_await(&ended.gate));
	CU_ASSERT(worker_lingers(&unregistering));
	CU_ASSERT(mock_find(&mock, 0, "shutdown bare0") < 0);
	gate_open(&ended.gate);
	CHECK_EQ(worker_join(&making), -EAGAIN);
	CHECK_EQ(worker_join(&unregistering), 0);
	piommu_group_put(group);
	mock_stop_fini(&ended);
	mock_stop_fini(&made);
	mock_stop(&mock, p);
}

static void t32_driver_of_a_claimed_group_is_not_unregistered(void)
{
	struct piommu *p = mock_start(&mock, PIOMMU_DEFAULT_PAGING);
	struct unregistrar un = { p, MOCK_BARE };
	struct piommu_group *group;
	unsigned units;

	mock_own(&mock, "0001:00:01.0", "bare0");
	mock_register(&mock, p, MOCK_BARE, "bare0");
	units = piommu_unit_count(p);
	group = mock_group(p, "0001:00:01.0");
	CHECK_EQ(piommu_claim(group), 0);
	CHECK_EQ(unregister_driver(&un), -EBUSY);
	mock_check_unit(p, "0001:00:01.0", "bare0");
	CHECK_EQ(piommu_release(group), 0);
	piommu_group_put(group);
	CHECK_EQ(unregister_driver(&un), 0);
	CHECK_EQ(piommu_unit_count(p), units - 1);
	mock_check_unit(p, "0001:00:01.0", NULL);
	CHECK_EQ(unregister_driver(&un), -ENOENT);
	CHECK_EQ(piommu_driver_register(p, mock_driver(&mock, MOCK_BARE)), 0);
	mock_register(&mock, p, MOCK_BARE, "bare0");
	mock_check_unit(p, "0001:00:01.0", "bare0");
	mock_stop(&mock, p);
}

static int unregister_unit(void *unit)
{
	return piommu_unit_unregister(unit);
}

/* The table gets shorter in front of what is still to be taken out. */
static void t32_driver_takes_all_its_units_out_while_another_unit_goes(void)
{
	struct piommu *p = mock_start(&mock, PIOMMU_DEFAULT_PAGING);
	struct unregistrar un = { p, MOCK_BARE };
	struct piommu_unit *other = mock_register(&mock, p, MOCK_BARE2, "other0");
	unsigned units = piommu_unit_count(p);
	struct worker unregistering;
	struct mock_stop stop;

	mock_register(&mock, p, MOCK_BARE, "bare0");
	mock_register(&mock, p, MOCK_BARE, "bare1");
	mock_stop_init(&stop, "bare0");
	mock_hook_set(&mock, MOCK_SHUTDOWN, mock_stop_hook, &stop);
	worker_start(&unregistering, unregister_driver, &un);
	CU_ASSERT(gate_await(&stop.gate));
	CHECK_EQ(unregister_driver(&un), -EBUSY);
	mock_hook_set(&mock, MOCK_SHUTDOWN, NULL, NULL);
	CHECK_EQ(unregister_unit(other), 0);
	gate_open(&stop.gate);
	CHECK_EQ(worker_join(&unregistering), 0);
	CU_ASSERT(mock_find(&mock, 0, "shutdown bare1 done") >= 0);
	CHECK_EQ(piommu_unit_count(p), units - 1);
	mock_stop_fini(&stop);
	mock_stop(&mock, p);
}

/* Registers bare0 and takes it, or its driver, out again. @return the first error */
static int register_and_unregister(void *ctx)
{
	struct unregistrar *un = ctx;
	const struct piommu_driver *driver = mock_driver(&mock, un->kind);
	struct piommu_fw_unit desc = mock_desc("bare0");
	int err = 0;

	for (unsigned i = 0; i < 60 && !err; i++) {
		struct piommu_unit *unit = NULL;

		err = piommu_unit_register(un->p, driver, &desc, &unit);
		if (!err && i % 2)
			err = piommu_unit_unregister(unit);
		else if (!err)
			err = piommu_driver_unregister(un->p, driver);
		if (!err && i % 2 == 0)
			err = piommu_driver_register(un->p, driver);
	}
	return err;
}

static int add_and_remove(void *p)
{
	int err = 0;

	for (unsigned i = 0; i < 200 && !err; i++) {
		err = mock_add(p, PLUGGED);
		if (!err)
			err = mock_remove(p, PLUGGED);
	}
	return err;
}

static void t32_units_and_drivers_come_and_go_while_devices_do(void)
{
	struct piommu *p = mock_start(&mock, PIOMMU_DEFAULT_PAGING);
	struct unregistrar un = { p, MOCK_BARE };
	struct worker workers[2];

	mock_own_three(&mock, "bare0");
	mock_own(&mock, PLUGGED, "bare0");
	mock_plug(&mock, PLUGGED);
	worker_start(&workers[0], register_and_unregister, &un);
	worker_start(&workers[1], add_and_remove, p);
	for (unsigned i = 0; i < 2; i++)
		CHECK_EQ(worker_join(&workers[i]), 0);
	mock_check_unit(p, "0001:00:01.0", NULL);
	mock_register(&mock, p, MOCK_BARE, "bare0");
	mock_check_unit(p, "0001:00:01.0", "bare0");
	mock_stop(&mock, p);
}

/* A firmware unit whose driver goes can be had by the next one of its kind. */
static void t32_firmware_unit_is_without_a_driver_until_one_is_registered(void)
{
	struct piommu *p = mock_start(&mock, PIOMMU_DEFAULT_PAGING);
	struct unregistrar un = { p, MOCK_FW2 };

	CHECK_EQ(unregister_driver(&un), 0);
	CU_ASSERT(mock_find(&mock, 0, "remove dmar2 done") >= 0);
	mock_check_unit(p, "0002:00:01.0", NULL);
	CHECK_EQ(piommu_driver_register(p, mock_driver(&mock, MOCK_FW2)), 0);
	mock_check_unit(p, "0002:00:01.0", "dmar2");
	mock_stop(&mock, p);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(t32_driver_with_two_units_is_asked_once),
		SUITE_TEST(t32_driver_that_needs_firmware_is_never_asked_without),
		SUITE_TEST(t32_nobody_is_asked_about_a_device_that_firmware_names_a_unit_for),
		SUITE_TEST(t32_not_mine_goes_on_to_the_next_driver),
		SUITE_TEST(t32_later_stops_the_search_for_now),
		SUITE_TEST(t32_mine_but_broken_stops_the_search),
		SUITE_TEST(t32_answer_that_is_none_of_its_units_is_not_taken),
		SUITE_TEST(t32_unregister_waits_for_a_driver_that_is_being_asked),
		SUITE_TEST(t32_unregister_waits_for_who_makes_a_domain),
		SUITE_TEST(t32_unit_that_goes_takes_no_device),
		SUITE_TEST(t32_driver_of_a_claimed_group_is_not_unregistered),
		SUITE_TEST(t32_driver_takes_all_its_units_out_while_another_unit_goes),
		SUITE_TEST(t32_units_and_drivers_come_and_go_while_devices_do),
		SUITE_TEST(t32_firmware_unit_is_without_a_driver_until_one_is_registered),
	};

	return suite_run(argc, argv, "choice", tests, sizeof(tests) / sizeof(tests[0]));
}
