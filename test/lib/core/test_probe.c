/* SPDX-License-Identifier: BSD-3-Clause */
/* Devices come while others look, come, go and fail: one probe, one group, and nothing is used that was freed. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "mock.h"
#include "suite.h"

#define THREADS 8u
#define ADDS 100

static struct mock mock;

struct adder {
	struct piommu *p;
	const char *name;
	struct piommu_group *group; /* where it found the device */
};

static int add(void *ctx)
{
	struct adder *adder = ctx;

	return mock_add(adder->p, adder->name);
}

static int add_and_find(void *ctx)
{
	struct adder *adder = ctx;
	int err = mock_add(adder->p, adder->name);

	if (err)
		return err;
	return adder->name[0] == '/' ? piommu_group_find_node(adder->p, adder->name, &adder->group)
				     : piommu_group_find(adder->p, mock_sbdf(adder->name), &adder->group);
}

static int meet(struct mock_call *call, void *meeting)
{
	if (!meeting_wait(meeting))
		mock_broken(call->mock, "not all threads came to ask the platform: is one of them holding a lock?");
	return 0;
}

/* ---- T1 ---- */

/* All have the platform's word that the device is there before any of them goes on. */
static void race_to_add(struct piommu *p, const char *name, enum mock_op list)
{
	unsigned probes = mock_count(&mock, MOCK_PROBE_DEVICE, name), groups = piommu_group_count(p);
	struct worker workers[THREADS];
	struct adder adders[THREADS];
	struct meeting meeting;

	meeting_init(&meeting, THREADS);
	mock_hook_set(&mock, list, meet, &meeting);
	for (unsigned i = 0; i < THREADS; i++) {
		adders[i] = (struct adder){ p, name, NULL };
		worker_start(&workers[i], add_and_find, &adders[i]);
	}
	for (unsigned i = 0; i < THREADS; i++)
		CHECK_EQ(worker_join(&workers[i]), 0);
	mock_hook_set(&mock, list, NULL, NULL);
	meeting_fini(&meeting);
	CHECK_EQ(mock_count(&mock, MOCK_PROBE_DEVICE, name), probes + 1);
	CHECK_EQ(piommu_group_count(p), groups + 1);
	for (unsigned i = 0; i < THREADS; i++) {
		CU_ASSERT_PTR_EQUAL(adders[i].group, adders[0].group);
		piommu_group_put(adders[i].group);
	}
	CHECK_EQ(mock_group_info(p, name).ndevices, 1);
}

static void t1_threads_that_add_one_function_probe_it_once(void)
{
	struct piommu *p = mock_start(&mock, PIOMMU_DEFAULT_PAGING);

	mock_plug(&mock, "0000:00:06.0");
	for (unsigned round = 0; round < 10; round++) {
		race_to_add(p, "0000:00:06.0", MOCK_PCI_FUNCTIONS);
		CHECK_EQ(mock_remove(p, "0000:00:06.0"), 0);
	}
	mock_stop(&mock, p);
}

static void t1_threads_that_add_one_node_probe_it_once(void)
{
	struct piommu *p = mock_start(&mock, PIOMMU_DEFAULT_PAGING);

	mock_own(&mock, "/soc/dma@1", "bare0");
	mock_register(&mock, p, MOCK_BARE, "bare0");
	mock_plug_node(&mock, "/soc/dma@1", 7);
	for (unsigned round = 0; round < 10; round++) {
		race_to_add(p, "/soc/dma@1", MOCK_NODES);
		CHECK_EQ(mock_remove(p, "/soc/dma@1"), 0);
	}
	mock_stop(&mock, p);
}

/* ---- T2 ---- */

/* One probe fails and frees what there is of the device, while a thread that read its facts before goes on with them. */
static int fail_once(struct mock_call *call, void *left)
{
	if (strcmp(call->device->name, "0000:00:06.0") != 0)
		return 0;
	return atomic_fetch_sub((atomic_int *)left, 1) > 0 ? -EIO : 0;
}

static void t2_failed_probe_leaves_nothing_to_a_thread_that_has_the_facts(void)
{
	struct piommu *p = mock_start(&mock, PIOMMU_DEFAULT_PAGING);
	struct adder adder = { p, "0000:00:06.0", NULL };
	struct mock_stop stop;
	struct worker worker;
	atomic_int failures;
	unsigned groups = piommu_group_count(p);

	mock_plug(&mock, "0000:00:06.0");
	mock_stop_init(&stop, NULL);
	mock_hook_set(&mock, MOCK_PCI_FUNCTIONS, mock_stop_hook, &stop);
	worker_start(&worker, add, &adder);
	CU_ASSERT(gate_await(&stop.gate));
	atomic_init(&failures, 1);
	mock_hook_set(&mock, MOCK_PROBE_DEVICE, fail_once, &failures);
	CHECK_EQ(mock_add(p, "0000:00:06.0"), -EIO);
	CHECK_EQ(piommu_group_count(p), groups);
	gate_open(&stop.gate);
	CHECK_EQ(worker_join(&worker), 0);
	CHECK_EQ(mock_count(&mock, MOCK_PROBE_DEVICE, "0000:00:06.0"), 2);
	mock_check_unit(p, "0000:00:06.0", "dmar1");
	mock_stop_fini(&stop);
	mock_stop(&mock, p);
}

struct looker {
	struct piommu *p;
	atomic_bool over;
	atomic_uint bad; /* answers that should not be */
};

static void complain(struct looker *looker, bool bad)
{
	if (bad)
		atomic_fetch_add(&looker->bad, 1);
}

/* Everything that looks at a device by its address. */
static int look(void *ctx)
{
	struct looker *looker = ctx;
	struct piommu_sbdf sbdf = mock_sbdf("0000:00:06.0");

	while (!atomic_load(&looker->over)) {
		struct piommu_device_info info;
		struct piommu_device_stats stats;
		struct piommu_device *device;
		struct piommu_group *group;
		int err = piommu_group_find(looker->p, sbdf, &group);

		if (!err) {
			piommu_group_device(group, 0, &info);
			piommu_group_put(group);
		}
		complain(looker, err && err != -ENOENT && err != -EAGAIN);
		err = piommu_device_find(looker->p, sbdf, &device);
		if (!err) {
			piommu_device_stats(device, &stats);
			piommu_device_put(device);
		}
		complain(looker, err && err != -ENOENT && err != -EAGAIN);
	}
	return 0;
}

static int fail_every_second(struct mock_call *call, void *left)
{
	(void)call;
	return atomic_fetch_sub((atomic_int *)left, 1) % 2 ? -EIO : 0;
}

/* Adds and removes; every second probe fails. @return how many adds worked */
static int add_and_remove(void *ctx)
{
	struct adder *adder = ctx;
	int good = 0;

	for (int i = 0; i < ADDS; i++) {
		if (!mock_add(adder->p, adder->name))
			good++;
		mock_remove(adder->p, adder->name);
	}
	return good;
}

static void t2_threads_look_at_a_device_whose_probes_fail(void)
{
	struct piommu *p = mock_start(&mock, PIOMMU_DEFAULT_PAGING);
	struct adder adder = { p, "0000:00:06.0", NULL };
	struct looker looker = { .p = p };
	struct worker workers[4];
	atomic_int left;

	atomic_init(&left, 1 << 20);
	mock_plug(&mock, "0000:00:06.0");
	mock_hook_set(&mock, MOCK_PROBE_DEVICE, fail_every_second, &left);
	worker_start(&workers[0], look, &looker);
	worker_start(&workers[1], look, &looker);
	worker_start(&workers[2], add_and_remove, &adder);
	worker_start(&workers[3], add_and_remove, &adder);
	CU_ASSERT(worker_join(&workers[2]) > 0);
	CU_ASSERT(worker_join(&workers[3]) > 0);
	atomic_store(&looker.over, true);
	worker_join(&workers[0]);
	worker_join(&workers[1]);
	CHECK_EQ(looker.bad, 0);
	mock_stop(&mock, p);
}

/* ---- T6 ---- */

static int rescan(void *ctx)
{
	return piommu_rescan(((struct adder *)ctx)->p);
}

/* A thread stands in the platform's list of functions, or nodes; another one does its work meanwhile. */
static void check_other_finishes(int (*late)(void *ctx), int want, const char *name, enum mock_op list)
{
	struct piommu *p = mock_start(&mock, PIOMMU_DEFAULT_PAGING);
	struct adder adder = { p, name, NULL };
	struct mock_stop stop;
	struct worker worker;

	mock_own(&mock, "/soc/dma@1", "bare0");
	mock_register(&mock, p, MOCK_BARE, "bare0");
	if (list == MOCK_NODES)
		mock_plug_node(&mock, name, 7);
	else
		mock_plug(&mock, name);
	mock_stop_init(&stop, NULL);
	mock_hook_set(&mock, list, mock_stop_hook, &stop);
	worker_start(&worker, late, &adder);
	CU_ASSERT(gate_await(&stop.gate));
	CHECK_EQ(mock_add(p, name), 0); /* needs no lock that the other holds */
	CHECK_EQ(mock_count(&mock, MOCK_PROBE_DEVICE, name), 1);
	gate_open(&stop.gate);
	CHECK_EQ(worker_join(&worker), want);
	CHECK_EQ(mock_count(&mock, MOCK_PROBE_DEVICE, name), 1);
	CHECK_EQ(mock_group_info(p, name).ndevices, 1);
	mock_stop_fini(&stop);
	mock_stop(&mock, p);
}

static void t6_a_function_added_while_another_thread_asks_for_it_is_probed_once(void)
{
	check_other_finishes(add, 0, "0000:00:06.0", MOCK_PCI_FUNCTIONS);
}

static void t6_a_node_added_while_another_thread_asks_for_it_is_probed_once(void)
{
	check_other_finishes(add, 0, "/soc/dma@1", MOCK_NODES);
}

static void t6_a_function_added_during_a_rescan_is_probed_once(void)
{
	check_other_finishes(rescan, 0, "0000:00:06.0", MOCK_PCI_FUNCTIONS);
}

/* What a thread was told is of a time before the device went: it does not come back. */
static void t6_a_function_removed_while_another_thread_asks_for_it_stays_removed(void)
{
	struct piommu *p = mock_start(&mock, PIOMMU_DEFAULT_PAGING);
	struct adder adder = { p, "0000:00:06.0", NULL };
	struct piommu_group *group;
	struct mock_stop stop;
	struct worker worker;

	mock_plug(&mock, "0000:00:06.0");
	mock_stop_init(&stop, NULL);
	mock_hook_set(&mock, MOCK_PCI_FUNCTIONS, mock_stop_hook, &stop);
	worker_start(&worker, add, &adder);
	CU_ASSERT(gate_await(&stop.gate));
	CHECK_EQ(mock_add(p, "0000:00:06.0"), 0);
	mock_unplug(&mock, "0000:00:06.0");
	CHECK_EQ(mock_remove(p, "0000:00:06.0"), 0);
	gate_open(&stop.gate);
	CHECK_EQ(worker_join(&worker), -ENODEV);
	CHECK_EQ(piommu_group_find(p, mock_sbdf("0000:00:06.0"), &group), -ENOENT);
	mock_stop_fini(&stop);
	mock_stop(&mock, p);
}

/* And of a time before it came: it is not taken for one that has gone. */
static void t6_a_function_added_during_a_rescan_that_does_not_list_it_stays(void)
{
	struct piommu *p = mock_start(&mock, PIOMMU_DEFAULT_PAGING);
	struct adder adder = { p, NULL, NULL };
	struct mock_stop stop;
	struct worker worker;

	mock_stop_init(&stop, NULL);
	mock_hook_set(&mock, MOCK_PCI_FUNCTIONS, mock_stop_hook, &stop);
	worker_start(&worker, rescan, &adder);
	CU_ASSERT(gate_await(&stop.gate));
	mock_plug(&mock, "0000:00:06.0");
	CHECK_EQ(mock_add(p, "0000:00:06.0"), 0);
	gate_open(&stop.gate);
	CHECK_EQ(worker_join(&worker), 0);
	mock_check_unit(p, "0000:00:06.0", "dmar1");
	CHECK_EQ(mock_count(&mock, MOCK_RELEASE_DEVICE, "0000:00:06.0"), 0);
	mock_stop_fini(&stop);
	mock_stop(&mock, p);
}

/* ---- T12 ---- */

/* The group of 05.0 and 05.1, through either, while both come and go. */
static int look_for_siblings(void *ctx)
{
	struct looker *looker = ctx;
	static const char *const names[] = { "0000:00:05.0", "0000:00:05.1" };

	for (unsigned i = 0; !atomic_load(&looker->over); i++) {
		struct piommu_group *group;
		struct piommu_group_info info;
		int err = piommu_group_find(looker->p, mock_sbdf(names[i % 2]), &group);

		if (err) {
			complain(looker, err != -ENOENT && err != -EAGAIN);
			continue;
		}
		piommu_group_info(group, &info);
		complain(looker, info.ndevices > 2);
		piommu_group_put(group);
	}
	return 0;
}

/* The group of the other one, by its id, or a new one where that has just gone. */
static int join_sibling(struct mock_call *call, void *ctx)
{
	(void)ctx;
	return piommu_group_of_id(call->device, (struct piommu_id){ .id = call->device->ids[0].id ^ 1 }, call->group_out)
		       ? 0
		       : MOCK_ANSWERED;
}

static void run_siblings(struct piommu *p)
{
	struct adder adders[2] = { { p, "0000:00:05.0", NULL }, { p, "0000:00:05.1", NULL } };
	struct looker lookers[2] = { { .p = p }, { .p = p } };
	struct worker workers[4];

	for (unsigned i = 0; i < 2; i++)
		worker_start(&workers[i], look_for_siblings, &lookers[i]);
	for (unsigned i = 0; i < 2; i++)
		worker_start(&workers[2 + i], add_and_remove, &adders[i]);
	for (unsigned i = 0; i < 2; i++)
		CHECK_EQ(worker_join(&workers[2 + i]), ADDS);
	for (unsigned i = 0; i < 2; i++) {
		atomic_store(&lookers[i].over, true);
		worker_join(&workers[i]);
		CHECK_EQ(lookers[i].bad, 0);
	}
}

/* Threads of their own in each round: in builds with yield points they pause elsewhere. */
static void check_siblings(mock_hook device_group)
{
	struct piommu *p = mock_start(&mock, PIOMMU_DEFAULT_ANY);
	unsigned groups = piommu_group_count(p);

	mock_hook_set(&mock, MOCK_DEVICE_GROUP, device_group, NULL);
	for (unsigned round = 0; round < 8; round++)
		run_siblings(p);
	CHECK_EQ(piommu_group_count(p), groups - 1);
	mock_stop(&mock, p);
}

static void t12_group_found_through_a_sibling_while_the_last_one_goes(void)
{
	check_siblings(NULL);
}

static void t12_group_of_an_id_while_its_last_device_goes(void)
{
	check_siblings(join_sibling);
}

static void t12_a_reference_keeps_a_group_that_has_no_device_left(void)
{
	struct piommu *p = mock_start(&mock, PIOMMU_DEFAULT_PAGING);
	struct piommu_group *old = mock_group(p, "0000:00:05.0"), *young;
	struct piommu_group_info info;

	CHECK_EQ(mock_remove(p, "0000:00:05.1"), 0);
	CHECK_EQ(mock_remove(p, "0000:00:05.0"), 0);
	piommu_group_info(old, &info);
	CHECK_EQ(info.ndevices, 0);
	CHECK_EQ(piommu_claim(old), -ENODEV);
	CHECK_EQ(mock_add(p, "0000:00:05.0"), 0);
	young = mock_group(p, "0000:00:05.0");
	CU_ASSERT_PTR_NOT_EQUAL(young, old);
	piommu_group_put(young);
	piommu_group_put(old);
	mock_stop(&mock, p);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(t1_threads_that_add_one_function_probe_it_once),
		SUITE_TEST(t1_threads_that_add_one_node_probe_it_once),
		SUITE_TEST(t2_failed_probe_leaves_nothing_to_a_thread_that_has_the_facts),
		SUITE_TEST(t2_threads_look_at_a_device_whose_probes_fail),
		SUITE_TEST(t6_a_function_added_while_another_thread_asks_for_it_is_probed_once),
		SUITE_TEST(t6_a_node_added_while_another_thread_asks_for_it_is_probed_once),
		SUITE_TEST(t6_a_function_added_during_a_rescan_is_probed_once),
		SUITE_TEST(t6_a_function_removed_while_another_thread_asks_for_it_stays_removed),
		SUITE_TEST(t6_a_function_added_during_a_rescan_that_does_not_list_it_stays),
		SUITE_TEST(t12_group_found_through_a_sibling_while_the_last_one_goes),
		SUITE_TEST(t12_group_of_an_id_while_its_last_device_goes),
		SUITE_TEST(t12_a_reference_keeps_a_group_that_has_no_device_left),
	};

	return suite_run(argc, argv, "probe", tests, sizeof(tests) / sizeof(tests[0]));
}
