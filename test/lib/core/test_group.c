/* SPDX-License-Identifier: BSD-3-Clause */
/* What a device's way into its group may ask of the others (T10), and the order in which the last one leaves it (T11). */
#include <errno.h>
#include <string.h>

#include "core.h"
#include "mock.h"
#include "suite.h"

#define PLUGGED "0001:00:06.0"

static struct mock mock;

static int add_plugged(void *p)
{
	return mock_add(p, PLUGGED);
}

static struct piommu_domain *domain_for(struct piommu_group *group)
{
	struct piommu_domain *domain = NULL;

	CU_ASSERT_EQUAL_FATAL(piommu_domain_create(group, NULL, &domain), 0);
	return domain;
}

/* ---- T10 ---- */

/* In device_group of PLUGGED: looks at the group of another device behind the same unit, by its id. */
struct peek {
	uint32_t id;
	bool join;
	struct piommu_unit *unit_seen;
	int result;
	struct gate looked; /* stands there when it has */
};

static int peek_group(struct mock_call *call, void *ctx)
{
	struct peek *peek = ctx;
	struct piommu_group *group = NULL;

	if (strcmp(call->device->name, PLUGGED) != 0)
		return 0;
	peek->unit_seen = call->device->unit;
	peek->result = piommu_group_of_id(call->device, (struct piommu_id){ .id = peek->id }, &group);
	if (!gate_stop(&peek->looked))
		mock_broken(call->mock, "nobody opened the gate in device_group");
	if (!peek->result && peek->join)
		*call->group_out = group;
	else
		piommu_group_put(group);
	return !peek->result && peek->join ? MOCK_ANSWERED : 0;
}

static void peek_init(struct peek *peek, uint32_t id, bool join)
{
	*peek = (struct peek){ .id = id, .join = join, .result = 1 };
	gate_init(&peek->looked);
	mock_hook_set(&mock, MOCK_DEVICE_GROUP, peek_group, peek);
}

/* bare0, with 01.0 (id 8), and PLUGGED plugged in behind it, but not added. */
static struct piommu *start_peeking(struct piommu_unit **unit)
{
	struct piommu *p = mock_start(&mock, PIOMMU_DEFAULT_PAGING);

	mock_own(&mock, "0001:00:01.0", "bare0");
	mock_own(&mock, PLUGGED, "bare0");
	*unit = mock_register(&mock, p, MOCK_BARE, "bare0");
	mock_plug(&mock, PLUGGED);
	return p;
}

static void t10_group_callback_sees_the_unit_and_finds_a_group_by_id(void)
{
	struct piommu_unit *unit;
	struct piommu *p = start_peeking(&unit);
	struct worker worker;
	struct peek peek;

	peek_init(&peek, 8, true);
	worker_start(&worker, add_plugged, p);
	CU_ASSERT(gate_await(&peek.looked));
	gate_open(&peek.looked);
	CHECK_EQ(worker_join(&worker), 0);
	CHECK_EQ(peek.result, 0);
	CU_ASSERT_PTR_EQUAL(peek.unit_seen, unit);
	CHECK_EQ(mock_group_info(p, PLUGGED).id, mock_group_info(p, "0001:00:01.0").id);
	CHECK_EQ(mock_group_info(p, PLUGGED).ndevices, 2);
	gate_fini(&peek.looked);
	mock_stop(&mock, p);
}

static void t10_group_of_an_id_that_nobody_has(void)
{
	struct piommu_unit *unit;
	struct piommu *p = start_peeking(&unit);
	struct worker worker;
	struct peek peek;

	peek_init(&peek, 0x10, true); /* 02.0: there, but not behind this unit */
	worker_start(&worker, add_plugged, p);
	CU_ASSERT(gate_await(&peek.looked));
	gate_open(&peek.looked);
	CHECK_EQ(worker_join(&worker), 0);
	CHECK_EQ(peek.result, -ENOENT);
	CHECK_EQ(mock_group_info(p, PLUGGED).ndevices, 1);
	gate_fini(&peek.looked);
	mock_stop(&mock, p);
}

struct attacher {
	struct piommu_group *group;
	struct piommu_domain *domain;
};

static int attach(void *ctx)
{
	struct attacher *attacher = ctx;

	return piommu_attach(attacher->domain, attacher->group);
}

/* Another thread stands in the driver's attach with the group's mutex in its hands; the callback looks at the group all the same. */
static void check_peek_at_busy_group(bool join)
{
	struct piommu_unit *unit;
	struct piommu *p = start_peeking(&unit);
	struct attacher attacher = { .group = mock_group(p, "0001:00:01.0") };
	struct worker attaching, adding;
	struct mock_stop stop;
	struct peek peek;

	CHECK_EQ(piommu_claim(attacher.group), 0);
	attacher.domain = domain_for(attacher.group);
	mock_stop_init(&stop, "0001:00:01.0");
	mock_hook_set(&mock, MOCK_ATTACH, mock_stop_hook, &stop);
	worker_start(&attaching, attach, &attacher);
	CU_ASSERT(gate_await(&stop.gate));
	peek_init(&peek, 8, join);
	worker_start(&adding, add_plugged, p);
	CU_ASSERT(gate_await(&peek.looked)); /* with the attach still under way */
	gate_open(&peek.looked);
	gate_open(&stop.gate);
	CHECK_EQ(worker_join(&attaching), 0);
	CHECK_EQ(worker_join(&adding), 0);
	CHECK_EQ(peek.result, 0);
	CHECK_EQ(mock_group_info(p, "0001:00:01.0").ndevices, join ? 2 : 1);
	CHECK_EQ(piommu_detach(attacher.domain, attacher.group), 0);
	CHECK_EQ(piommu_domain_destroy(attacher.domain), 0);
	CHECK_EQ(piommu_release(attacher.group), 0);
	piommu_group_put(attacher.group);
	gate_fini(&peek.looked);
	mock_stop_fini(&stop);
	mock_stop(&mock, p);
}

static void t10_group_callback_looks_at_a_group_that_is_being_attached(void)
{
	check_peek_at_busy_group(false);
}

static void t10_device_joins_a_group_that_is_being_attached(void)
{
	check_peek_at_busy_group(true);
}

/* ---- T11 ---- */

static void t11_last_member_is_parked_and_released_before_its_domains_are_freed(void)
{
	struct piommu *p = mock_start(&mock, PIOMMU_DEFAULT_PAGING);
	int parked, released, destroyed;
	unsigned from;

	mock_own(&mock, "0001:00:03.0", "bare0");
	mock_register(&mock, p, MOCK_BARE, "bare0");
	from = mock_mark(&mock);
	CHECK_EQ(mock_remove(p, "0001:00:03.0"), 0);
	parked = mock_find(&mock, from, "attach 0001:00:03.0 blocking done");
	released = mock_find(&mock, from, "release_device 0001:00:03.0");
	destroyed = mock_find(&mock, from, "destroy paging");
	CU_ASSERT(parked >= 0);
	CU_ASSERT(released > parked);
	CU_ASSERT(destroyed > released);
	mock_stop(&mock, p);
}

static void t11_domains_of_a_group_last_until_the_last_member_leaves(void)
{
	struct piommu *p = mock_start(&mock, PIOMMU_DEFAULT_PAGING);
	unsigned from = mock_mark(&mock);

	CHECK_EQ(mock_remove(p, "0000:00:05.0"), 0);
	CU_ASSERT(mock_find(&mock, from, "release_device 0000:00:05.0") >= 0);
	CU_ASSERT(mock_find(&mock, from, "destroy paging") < 0);
	CHECK_EQ(mock_remove(p, "0000:00:05.1"), 0);
	CU_ASSERT(mock_find(&mock, from, "destroy paging") > mock_find(&mock, from, "release_device 0000:00:05.1"));
	mock_stop(&mock, p);
}

static void t11_last_member_ends_what_its_group_was_attached_to(void)
{
	struct piommu *p = mock_start(&mock, PIOMMU_DEFAULT_ANY);
	struct piommu_group *group = mock_group(p, "0000:00:04.0");
	struct piommu_domain *domain = domain_for(group);
	unsigned from;

	CHECK_EQ(piommu_claim(group), 0);
	CHECK_EQ(piommu_attach(domain, group), 0);
	from = mock_mark(&mock);
	CHECK_EQ(mock_remove(p, "0000:00:04.0"), 0);
	CU_ASSERT(mock_find(&mock, from, "release_device 0000:00:04.0") >
		  mock_find(&mock, from, "attach 0000:00:04.0 blocking done"));
	CHECK_EQ(piommu_domain_destroy(domain), 0);
	CHECK_EQ(piommu_release(group), 0);
	piommu_group_put(group);
	mock_stop(&mock, p);
}

static int remove_third(void *p)
{
	return mock_remove(p, "0001:00:03.0");
}

static int unregister_unit(void *unit)
{
	return piommu_unit_unregister(unit);
}

struct holders {
	struct core_unit *cu;
	unsigned refs; /* when the domain is destroyed */
	struct gate gate;
};

static int count_holders(struct mock_call *call, void *ctx)
{
	struct holders *holders = ctx;

	if (call->type != PIOMMU_DOMAIN_PAGING)
		return 0;
	mutex_lock(&holders->cu->p->units_lock);
	holders->refs = holders->cu->refs;
	mutex_unlock(&holders->cu->p->units_lock);
	if (!gate_stop(&holders->gate))
		mock_broken(call->mock, "nobody opened the gate in destroy");
	return 0;
}

static void t11_unit_is_held_until_the_domains_of_the_last_member_are_freed(void)
{
	struct piommu *p = mock_start(&mock, PIOMMU_DEFAULT_PAGING);
	struct worker removing, unregistering;
	struct piommu_unit *unit;
	struct holders holders;

	mock_own(&mock, "0001:00:03.0", "bare0");
	unit = mock_register(&mock, p, MOCK_BARE, "bare0");
	holders = (struct holders){ .cu = core_unit_of(unit) };
	gate_init(&holders.gate);
	mock_hook_set(&mock, MOCK_DOMAIN_DESTROY, count_holders, &holders);
	worker_start(&removing, remove_third, p);
	CU_ASSERT(gate_await(&holders.gate));
	mock_hook_set(&mock, MOCK_DOMAIN_DESTROY, NULL, NULL);
	CU_ASSERT(holders.refs > 1); /* beside the table's */
	worker_start(&unregistering, unregister_unit, unit);
	CU_ASSERT(worker_lingers(&unregistering));
	CU_ASSERT(mock_find(&mock, 0, "shutdown bare0") < 0);
	gate_open(&holders.gate);
	CHECK_EQ(worker_join(&removing), 0);
	CHECK_EQ(worker_join(&unregistering), 0);
	CU_ASSERT(mock_find(&mock, 0, "remove bare0") > mock_find(&mock, 0, "destroy paging done"));
	gate_fini(&holders.gate);
	mock_stop(&mock, p);
}

/* ---- T27 ---- */

static int remove_first(void *p)
{
	return mock_remove(p, "0001:00:01.0");
}

/* Its last device is on its way out: whoever comes with the same id does not join what somebody claimed for that device. */
static void t27_group_of_an_id_whose_device_is_going_is_not_found(void)
{
	struct piommu_unit *unit;
	struct piommu *p = start_peeking(&unit);
	struct piommu_group *group = mock_group(p, "0001:00:01.0"), *young;
	struct worker removing, adding;
	struct mock_stop stop;
	struct peek peek;

	CHECK_EQ(piommu_claim(group), 0);
	mock_stop_init(&stop, "0001:00:01.0");
	mock_hook_set(&mock, MOCK_RELEASE_DEVICE, mock_stop_hook, &stop);
	worker_start(&removing, remove_first, p);
	CU_ASSERT(gate_await(&stop.gate));
	peek_init(&peek, 8, true);
	worker_start(&adding, add_plugged, p);
	CU_ASSERT(gate_await(&peek.looked));
	gate_open(&peek.looked);
	gate_open(&stop.gate);
	CHECK_EQ(worker_join(&adding), 0);
	CHECK_EQ(worker_join(&removing), 0);
	CHECK_EQ(peek.result, -ENOENT);
	young = mock_group(p, PLUGGED);
	CU_ASSERT_PTR_NOT_EQUAL(young, group);
	piommu_group_put(young);
	CHECK_EQ(piommu_release(group), 0);
	piommu_group_put(group);
	gate_fini(&peek.looked);
	mock_stop_fini(&stop);
	mock_stop(&mock, p);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(t10_group_callback_sees_the_unit_and_finds_a_group_by_id),
		SUITE_TEST(t10_group_of_an_id_that_nobody_has),
		SUITE_TEST(t10_group_callback_looks_at_a_group_that_is_being_attached),
		SUITE_TEST(t10_device_joins_a_group_that_is_being_attached),
		SUITE_TEST(t11_last_member_is_parked_and_released_before_its_domains_are_freed),
		SUITE_TEST(t11_domains_of_a_group_last_until_the_last_member_leaves),
		SUITE_TEST(t11_last_member_ends_what_its_group_was_attached_to),
		SUITE_TEST(t11_unit_is_held_until_the_domains_of_the_last_member_are_freed),
		SUITE_TEST(t27_group_of_an_id_whose_device_is_going_is_not_found),
	};

	return suite_run(argc, argv, "group", tests, sizeof(tests) / sizeof(tests[0]));
}
