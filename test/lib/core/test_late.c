/* SPDX-License-Identifier: BSD-3-Clause */
/* Units and drivers that appear late: after their devices were claimed, and from inside callbacks. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "mock.h"
#include "suite.h"

static struct mock mock;

/* ---- T7 ---- */

static void check_taken_in_after_release(struct piommu *p, struct piommu_group *group, const char *name, const char *unit)
{
	struct piommu_group *now;

	CHECK_EQ(piommu_release(group), 0);
	CHECK_EQ(mock_add(p, name), 0);
	mock_check_unit(p, name, unit);
	now = mock_group(p, name);
	CHECK_EQ(piommu_claim(now), 0);
	CHECK_EQ(piommu_release(now), 0);
	piommu_group_put(now);
}

static void t7_unit_that_appears_leaves_a_device_alone_that_was_claimed_before(void)
{
	struct piommu *p = mock_start(&mock, PIOMMU_DEFAULT_PAGING);
	struct piommu_group *group = mock_group(p, "0001:00:01.0"), *now;

	mock_own_three(&mock, "bare0");
	CHECK_EQ(piommu_claim(group), -ENODEV);
	CHECK_EQ(piommu_claim_uncontained(group), 0);
	CU_ASSERT_FALSE(mock_said(&mock, "0001:00:01.0"));
	mock_register(&mock, p, MOCK_BARE, "bare0");
	CU_ASSERT(mock_said(&mock, "0001:00:01.0")); /* the warning */
	mock_check_unit(p, "0001:00:01.0", NULL);
	mock_check_unit(p, "0001:00:02.0", "bare0");
	CHECK_EQ(mock_count(&mock, MOCK_ATTACH, "0001:00:01.0"), 0);
	CHECK_EQ(mock_count(&mock, MOCK_PROBE_DEVICE, "0001:00:01.0"), 0);
	now = mock_group(p, "0001:00:01.0");
	CU_ASSERT_PTR_EQUAL(now, group);
	piommu_group_put(now);
	CHECK_EQ(mock_add(p, "0001:00:01.0"), 0); /* nor when it is asked for once more */
	mock_check_unit(p, "0001:00:01.0", NULL);
	check_taken_in_after_release(p, group, "0001:00:01.0", "bare0");
	piommu_group_put(group);
	mock_stop(&mock, p);
}

static void t7_driver_that_appears_leaves_a_device_alone_that_was_claimed_before(void)
{
	struct piommu_config config;
	struct piommu_group *group;
	struct piommu *p;

	mock_init(&mock);
	config = mock_config(&mock);
	config.late_drivers = true;
	mock.table[1] = NULL; /* the first firmware family alone */
	p = mock_create(&config);
	group = mock_group(p, "0002:00:01.0");
	CHECK_EQ(piommu_claim(group), -ENODEV);
	CHECK_EQ(piommu_claim_uncontained(group), 0);
	CHECK_EQ(piommu_driver_register(p, mock_driver(&mock, MOCK_FW2)), 0);
	CU_ASSERT(mock_find(&mock, 0, "enable dmar2 done") >= 0);
	CU_ASSERT(mock_said(&mock, "0002:00:01.0"));
	mock_check_unit(p, "0002:00:01.0", NULL);
	check_taken_in_after_release(p, group, "0002:00:01.0", "dmar2");
	piommu_group_put(group);
	mock_stop(&mock, p);
}

struct registrar {
	struct piommu *p;
	struct piommu_unit *unit;
};

static int register_bare0(void *ctx)
{
	struct registrar *reg = ctx;
	struct piommu_fw_unit desc = mock_desc("bare0");

	return piommu_unit_register(reg->p, mock_driver(&mock, MOCK_BARE), &desc, &reg->unit);
}

/* Its reset was begun while nothing contained it. */
static void a_unit_that_takes_a_device_on_during_its_reset_blocks_it_until_the_end(void)
{
	struct piommu *p = mock_start(&mock, PIOMMU_DEFAULT_PAGING);
	struct piommu_group *group = mock_group(p, "0001:00:01.0");

	mock_own_three(&mock, "bare0");
	CHECK_EQ(piommu_claim_uncontained(group), 0);
	CHECK_EQ(piommu_reset_begin(p, mock_sbdf("0001:00:01.0")), 0);
	mock_register(&mock, p, MOCK_BARE, "bare0");
	CHECK_EQ(piommu_release(group), 0); /* it may have it now */
	mock_check_unit(p, "0001:00:01.0", "bare0");
	CU_ASSERT(mock_find(&mock, 0, "attach 0001:00:01.0 blocking done") >= 0);
	CHECK_EQ(mock_count(&mock, MOCK_ATTACH, "0001:00:01.0"), 1);
	CHECK_EQ(piommu_reset_end(p, mock_sbdf("0001:00:01.0")), 0);
	CU_ASSERT(mock_find(&mock, 0, "attach 0001:00:01.0 paging done") >= 0);
	piommu_group_put(group);
	mock_stop(&mock, p);
}

/* 0001:00:05.0, claimed while it is behind no unit; its mates may be plugged in behind units that come. */
static struct piommu_group *claim_without_mates(struct piommu *p)
{
	struct piommu_group *group = mock_group(p, "0001:00:05.0");

	mock_own(&mock, "0001:00:05.1", "bare0");
	mock_own(&mock, "0001:00:05.2", "bare1");
	mock_plug(&mock, "0001:00:05.2");
	CHECK_EQ(mock_remove(p, "0001:00:05.1"), 0);
	CHECK_EQ(piommu_claim_uncontained(group), 0);
	return group;
}

/* Its owner may be mapping in any of them. */
static void default_domains_that_end_while_their_group_is_claimed_end_with_the_claim(void)
{
	struct piommu *p = mock_start(&mock, PIOMMU_DEFAULT_PAGING);
	struct piommu_group *group = claim_without_mates(p);
	struct piommu_unit *unit = mock_register(&mock, p, MOCK_BARE, "bare0");
	unsigned before = atomic_load(&mock.ndomains);

	for (unsigned i = 1; i <= 3; i++) {
		CHECK_EQ(mock_add(p, "0001:00:05.1"), 0);
		mock_check_unit(p, "0001:00:05.1", "bare0");
		CHECK_EQ(atomic_load(&mock.ndomains), before + i);
		CHECK_EQ(mock_remove(p, "0001:00:05.1"), 0);
		CHECK_EQ(atomic_load(&mock.ndomains), before + i);
	}
	CHECK_EQ(piommu_unit_unregister(unit), -EBUSY);
	CHECK_EQ(piommu_release(group), 0);
	CHECK_EQ(atomic_load(&mock.ndomains), before);
	CHECK_EQ(piommu_unit_unregister(unit), 0);
	piommu_group_put(group);
	mock_stop(&mock, p);
}

/* One has ended, the next one's unit has lost its devices, which are behind another. */
static void default_domains_that_are_kept_for_different_reasons_all_end_with_the_claim(void)
{
	struct piommu *p = mock_start(&mock, PIOMMU_DEFAULT_PAGING);
	struct piommu_group *group = claim_without_mates(p);
	struct piommu_unit *unit = mock_register(&mock, p, MOCK_BARE, "bare0");

	mock_register(&mock, p, MOCK_BARE, "bare1");
	CHECK_EQ(mock_add(p, "0001:00:05.1"), 0);
	CHECK_EQ(mock_remove(p, "0001:00:05.1"), 0);
	CHECK_EQ(mock_add(p, "0001:00:05.1"), 0);
	CHECK_EQ(mock_add(p, "0001:00:05.2"), 0);
	CHECK_EQ(mock_remove(p, "0001:00:05.1"), 0);
	mock_check_unit(p, "0001:00:05.0", "bare1"); /* its group is */
	CHECK_EQ(piommu_release(group), 0);
	CHECK_EQ(piommu_unit_unregister(unit), 0);
	piommu_group_put(group);
	mock_stop(&mock, p);
}

/* The unit has been chosen, and its driver is being told of the device: too late to take the group without it, or else it stays so. */
static void t7_claim_while_the_unit_takes_the_device_on(void)
{
	struct piommu *p = mock_start(&mock, PIOMMU_DEFAULT_PAGING);
	struct piommu_group *group = mock_group(p, "0001:00:01.0");
	struct registrar reg = { p, NULL };
	struct worker worker;
	struct mock_stop stop;
	int err;

	mock_own_three(&mock, "bare0");
	mock_stop_init(&stop, "0001:00:01.0");
	mock_hook_set(&mock, MOCK_PROBE_DEVICE, mock_stop_hook, &stop);
	worker_start(&worker, register_bare0, &reg);
	CU_ASSERT(gate_await(&stop.gate));
	err = piommu_claim_uncontained(group);
	CU_ASSERT(!err || err == -EAGAIN);
	gate_open(&stop.gate);
	CHECK_EQ(worker_join(&worker), 0);
	mock_check_unit(p, "0001:00:01.0", err ? "bare0" : NULL);
	CU_ASSERT_EQUAL(mock_find(&mock, 0, "attach 0001:00:01.0 paging done") >= 0, err != 0);
	mock_check_unit(p, "0001:00:02.0", "bare0");
	if (!err)
		CHECK_EQ(piommu_release(group), 0);
	piommu_group_put(group);
	mock_stop_fini(&stop);
	mock_stop(&mock, p);
}

static int add_first(void *p)
{
	return mock_add(p, "0001:00:01.0");
}

/* No unit is just coming: nothing keeps the group from being claimed while a unit that was there takes its device on. */
static void t7_claim_while_a_unit_that_was_there_takes_the_device_on(void)
{
	struct piommu *p = mock_start(&mock, PIOMMU_DEFAULT_PAGING);
	struct piommu_group *group = mock_group(p, "0001:00:01.0");
	struct worker worker;
	struct mock_stop stop;

	mock_register(&mock, p, MOCK_BARE, "bare0");
	mock_own(&mock, "0001:00:01.0", "bare0");
	mock_stop_init(&stop, "0001:00:01.0");
	mock_hook_set(&mock, MOCK_PROBE_DEVICE, mock_stop_hook, &stop);
	worker_start(&worker, add_first, p);
	CU_ASSERT(gate_await(&stop.gate));
	CHECK_EQ(piommu_claim_uncontained(group), 0);
	gate_open(&stop.gate);
	CHECK_EQ(worker_join(&worker), 0);
	mock_check_unit(p, "0001:00:01.0", NULL);
	CHECK_EQ(mock_count(&mock, MOCK_ATTACH, "0001:00:01.0"), 0);
	CHECK_EQ(mock_count(&mock, MOCK_RELEASE_DEVICE, "0001:00:01.0"), 1);
	CU_ASSERT(mock_said(&mock, "0001:00:01.0"));
	CHECK_EQ(piommu_release(group), 0);
	piommu_group_put(group);
	mock_stop_fini(&stop);
	mock_stop(&mock, p);
}

static void t7_a_device_behind_a_unit_is_not_claimed_uncontained(void)
{
	struct piommu *p = mock_start(&mock, PIOMMU_DEFAULT_ANY);
	struct piommu_group *group = mock_group(p, "0000:00:04.0");

	CHECK_EQ(piommu_claim_uncontained(group), -EINVAL);
	piommu_group_put(group);
	mock_stop(&mock, p);
}

/* ---- T8 ---- */

/* Registers a unit from inside the callback of one device, or unit. */
struct nested {
	struct piommu *p;
	const char *at; /* in whose callback */
	const char *name;
	const char *self; /* the PCI function that it is; NULL: none */
	atomic_int times;
	int result;
	struct gate *then; /* stops there when it has; NULL: goes on */
	struct piommu_unit *unit;
};

static int nest_unit(struct mock_call *call, void *ctx)
{
	struct nested *nested = ctx;
	struct piommu_fw_unit desc = mock_desc(nested->name);

	if (strcmp(call->device ? call->device->name : call->unit->name, nested->at) != 0)
		return 0;
	if (atomic_fetch_sub(&nested->times, 1) <= 0)
		return 0;
	if (nested->self) {
		desc.has_self = true;
		desc.self = mock_sbdf(nested->self);
	}
	nested->result = piommu_unit_register(nested->p, mock_driver(call->mock, MOCK_BARE2), &desc, &nested->unit);
	if (nested->then && !gate_stop(nested->then))
		mock_broken(call->mock, "nobody opened the gate in %s", nested->at);
	return 0;
}

static void nested_init(struct nested *nested, struct piommu *p, const char *at, const char *name)
{
	*nested = (struct nested){ .p = p, .at = at, .name = name, .result = 1 };
	atomic_init(&nested->times, 1);
}

static void t8_unit_registered_while_a_device_of_another_is_probed(void)
{
	struct piommu *p = mock_start(&mock, PIOMMU_DEFAULT_PAGING);
	struct nested nested;

	mock_own(&mock, "0001:00:01.0", "bare0");
	mock_own(&mock, "0001:00:02.0", "bare1");
	mock_own(&mock, "0001:00:03.0", "bare0");
	nested_init(&nested, p, "0001:00:01.0", "bare1");
	mock_hook_set(&mock, MOCK_PROBE_DEVICE, nest_unit, &nested);
	mock_register(&mock, p, MOCK_BARE, "bare0");
	CHECK_EQ(nested.result, 0);
	mock_check_unit(p, "0001:00:01.0", "bare0");
	mock_check_unit(p, "0001:00:02.0", "bare1");
	mock_check_unit(p, "0001:00:03.0", "bare0");
	for (unsigned i = 1; i <= 3; i++) {
		char name[16];

		snprintf(name, sizeof(name), "0001:00:0%u.0", i);
		CHECK_EQ(mock_count(&mock, MOCK_PROBE_DEVICE, name), 1);
	}
	/* Its walk came after the callback that it was registered from. */
	CU_ASSERT(mock_find(&mock, 0, "probe_device 0001:00:02.0") > mock_find(&mock, 0, "probe_device 0001:00:01.0 done"));
	mock_stop(&mock, p);
}

static void t8_unit_registered_while_a_plugged_device_is_probed(void)
{
	struct piommu *p = mock_start(&mock, PIOMMU_DEFAULT_PAGING);
	struct nested nested;

	mock_own_three(&mock, "bare1");
	mock_plug(&mock, "0000:00:06.0");
	nested_init(&nested, p, "0000:00:06.0", "bare1");
	mock_hook_set(&mock, MOCK_PROBE_DEVICE, nest_unit, &nested);
	CHECK_EQ(mock_add(p, "0000:00:06.0"), 0);
	CHECK_EQ(nested.result, 0);
	mock_check_unit(p, "0000:00:06.0", "dmar1");
	mock_check_unit(p, "0001:00:01.0", "bare1");
	mock_check_unit(p, "0001:00:03.0", "bare1");
	CHECK_EQ(mock_count(&mock, MOCK_PROBE_DEVICE, "0000:00:06.0"), 1);
	mock_stop(&mock, p);
}

static void t8_unit_registered_while_another_is_probed(void)
{
	struct piommu *p = mock_start(&mock, PIOMMU_DEFAULT_PAGING);
	struct nested nested;

	mock_own(&mock, "0001:00:01.0", "bare0");
	mock_own(&mock, "0001:00:02.0", "bare1");
	nested_init(&nested, p, "bare0", "bare1");
	mock_hook_set(&mock, MOCK_PROBE, nest_unit, &nested);
	mock_register(&mock, p, MOCK_BARE, "bare0");
	CHECK_EQ(nested.result, 0);
	mock_check_unit(p, "0001:00:01.0", "bare0");
	mock_check_unit(p, "0001:00:02.0", "bare1");
	mock_stop(&mock, p);
}

/* As an IOMMU that is a PCI function: it is found as a device of another unit, and registers itself from there. */
static void t8_unit_that_is_a_device_being_probed_is_never_behind_itself(void)
{
	struct piommu *p = mock_start(&mock, PIOMMU_DEFAULT_PAGING);
	struct nested nested;

	mock_own_three(&mock, "bare1"); /* 02.0 says that it is behind the unit that it is */
	mock_own(&mock, "0001:00:03.0", "bare0");
	nested_init(&nested, p, "0001:00:03.0", "bare1");
	nested.self = "0001:00:02.0";
	mock_hook_set(&mock, MOCK_PROBE_DEVICE, nest_unit, &nested);
	mock_register(&mock, p, MOCK_BARE, "bare0");
	CHECK_EQ(nested.result, 0);
	mock_check_unit(p, "0001:00:01.0", "bare1");
	mock_check_unit(p, "0001:00:02.0", NULL);
	mock_check_unit(p, "0001:00:03.0", "bare0");
	CHECK_EQ(mock_add(p, "0001:00:02.0"), 0); /* nor when it is asked for once more */
	mock_check_unit(p, "0001:00:02.0", NULL);
	CHECK_EQ(mock_count(&mock, MOCK_PROBE_DEVICE, "0001:00:02.0"), 0);
	mock_stop(&mock, p);
}

static void t8_unit_that_registers_itself_from_its_own_functions_probe(void)
{
	struct piommu *p = mock_start(&mock, PIOMMU_DEFAULT_PAGING);
	struct nested nested;

	mock_own_three(&mock, "bare1");
	mock_own(&mock, "0001:00:02.0", "bare0");
	nested_init(&nested, p, "0001:00:02.0", "bare1");
	nested.self = "0001:00:02.0";
	mock_hook_set(&mock, MOCK_PROBE_DEVICE, nest_unit, &nested);
	mock_register(&mock, p, MOCK_BARE, "bare0");
	CHECK_EQ(nested.result, 0);
	mock_check_unit(p, "0001:00:02.0", "bare0");
	mock_check_unit(p, "0001:00:01.0", "bare1");
	mock_check_unit(p, "0001:00:03.0", "bare1");
	CHECK_EQ(mock_count(&mock, MOCK_PROBE_DEVICE, "0001:00:02.0"), 1);
	mock_stop(&mock, p);
}

static int add_plugged(void *p)
{
	return mock_add(p, "0000:00:06.0");
}

static void t8_devices_of_a_unit_registered_in_a_callback_are_not_claimed_yet(void)
{
	struct piommu *p = mock_start(&mock, PIOMMU_DEFAULT_PAGING);
	struct piommu_group *group = mock_group(p, "0001:00:01.0");
	struct nested nested;
	struct worker worker;
	struct gate gate;

	mock_own_three(&mock, "bare1");
	mock_plug(&mock, "0000:00:06.0");
	gate_init(&gate);
	nested_init(&nested, p, "0000:00:06.0", "bare1");
	nested.then = &gate;
	mock_hook_set(&mock, MOCK_PROBE_DEVICE, nest_unit, &nested);
	worker_start(&worker, add_plugged, p);
	CU_ASSERT(gate_await(&gate));
	CHECK_EQ(piommu_claim(group), -EAGAIN);
	CHECK_EQ(piommu_claim_uncontained(group), -EAGAIN);
	gate_open(&gate);
	CHECK_EQ(worker_join(&worker), 0);
	CHECK_EQ(piommu_claim(group), 0);
	piommu_group_put(group);
	gate_fini(&gate);
	mock_stop(&mock, p);
}

static int nest_driver(struct mock_call *call, void *ctx)
{
	struct nested *nested = ctx;

	if (atomic_fetch_sub(&nested->times, 1) > 0)
		nested->result = piommu_driver_register(nested->p, mock_driver(call->mock, MOCK_FW2));
	return 0;
}

static void t8_driver_registered_from_a_probe(void)
{
	struct piommu_config config;
	struct nested nested;
	struct piommu *p;

	mock_init(&mock);
	config = mock_config(&mock);
	config.default_domain = PIOMMU_DEFAULT_PAGING;
	config.late_drivers = true;
	mock.table[1] = NULL; /* the first firmware family alone */
	p = mock_create(&config);
	mock_check_unit(p, "0002:00:01.0", NULL);
	mock_plug(&mock, "0000:00:06.0");
	nested_init(&nested, p, "0000:00:06.0", "");
	mock_hook_set(&mock, MOCK_PROBE_DEVICE, nest_driver, &nested);
	CHECK_EQ(mock_add(p, "0000:00:06.0"), 0);
	CHECK_EQ(nested.result, 0);
	mock_check_unit(p, "0002:00:01.0", "dmar2");
	mock_check_unit(p, "0000:00:06.0", "dmar1");
	CHECK_EQ(piommu_driver_register(p, mock_driver(&mock, MOCK_FW2)), -EEXIST);
	mock_stop(&mock, p);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(t7_unit_that_appears_leaves_a_device_alone_that_was_claimed_before),
		SUITE_TEST(t7_driver_that_appears_leaves_a_device_alone_that_was_claimed_before),
		SUITE_TEST(a_unit_that_takes_a_device_on_during_its_reset_blocks_it_until_the_end),
		SUITE_TEST(default_domains_that_end_while_their_group_is_claimed_end_with_the_claim),
		SUITE_TEST(default_domains_that_are_kept_for_different_reasons_all_end_with_the_claim),
		SUITE_TEST(t7_claim_while_the_unit_takes_the_device_on),
		SUITE_TEST(t7_claim_while_a_unit_that_was_there_takes_the_device_on),
		SUITE_TEST(t7_a_device_behind_a_unit_is_not_claimed_uncontained),
		SUITE_TEST(t8_unit_registered_while_a_device_of_another_is_probed),
		SUITE_TEST(t8_unit_registered_while_a_plugged_device_is_probed),
		SUITE_TEST(t8_unit_registered_while_another_is_probed),
		SUITE_TEST(t8_unit_that_is_a_device_being_probed_is_never_behind_itself),
		SUITE_TEST(t8_unit_that_registers_itself_from_its_own_functions_probe),
		SUITE_TEST(t8_devices_of_a_unit_registered_in_a_callback_are_not_claimed_yet),
		SUITE_TEST(t8_driver_registered_from_a_probe),
	};

	return suite_run(argc, argv, "late", tests, sizeof(tests) / sizeof(tests[0]));
}
