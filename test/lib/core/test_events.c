/* SPDX-License-Identifier: BSD-3-Clause */
/* Whose a fault is: a driver reports the id that the DMA carried at its unit, the core names the device behind it. */
#include <stdio.h>
#include <string.h>

#include "fake.h"
#include "suite.h"

static struct fake fake;
static char text[256];

static const struct piommu_event fault = { .type = PIOMMU_EVENT_DMA_FAULT,
					   .unit = "dmar1",
					   .iova = 0x5000,
					   .reason = 6,
					   .reason_name = "word",
					   .reason_text = "because" };

/* What is polled when a unit has reported this; its line is in `text`. */
static struct piommu_event poll_fault(struct piommu *p, struct piommu_event reported)
{
	struct piommu_event event = { 0 };

	fake.event = reported;
	fake.nevents = 1;
	CHECK_EQ(piommu_poll(p), 1);
	CHECK_EQ(piommu_events(p, &event, 1), 1);
	piommu_event_text(&event, text, sizeof(text));
	return event;
}

static struct piommu_event poll_id(struct piommu *p, const char *unit, uint32_t id)
{
	struct piommu_event reported = fault;

	snprintf(reported.unit, sizeof(reported.unit), "%s", unit);
	reported.id = id;
	return poll_fault(p, reported);
}

static uint64_t faults_of_node(struct piommu *p, const char *name)
{
	struct piommu_device_stats stats = { 0 };
	struct piommu_device *device;

	CU_ASSERT_EQUAL_FATAL(piommu_device_find_node(p, name, &device), 0);
	piommu_device_stats(device, &stats);
	piommu_device_put(device);
	return stats.faults;
}

static void a_fault_names_the_function_behind_its_unit(void)
{
	struct piommu_event reported = fault, event;
	struct piommu *p;

	fake_init(&fake);
	p = fake_start(&fake);
	event = poll_id(p, "dmar1", 0x20);
	CU_ASSERT_STRING_EQUAL(event.device, "0000:00:04.0");
	CHECK_EQ(event.is_pci, true);
	CHECK_EQ(piommu_sbdf_compare(event.sbdf, fake_sbdf("00:04.0")), 0);
	CHECK_HAS(text, "dmar1: 0000:00:04.0 read of iova 0x6000 blocked: because (reason 0x06, word)");
	reported.id = 0x20;
	reported.is_execute = true;
	poll_fault(p, reported);
	CHECK_HAS(text, "dmar1: 0000:00:04.0 execute of iova");
	reported.is_execute = false;
	reported.is_write = true;
	poll_fault(p, reported);
	CHECK_HAS(text, "dmar1: 0000:00:04.0 write of iova");
	/* It is behind another unit than this one. */
	event = poll_id(p, "dmar0", 0x20);
	CU_ASSERT_STRING_EQUAL(event.device, "");
	fake_stop(&fake, p);
}

static void a_fault_names_the_node_whose_masked_id_it_is(void)
{
	struct piommu_event event;
	struct piommu *p;

	fake_init(&fake);
	fake_plug_node(&fake, "/soc/gpu@0", 0x800);
	fake.nodes[0].ids[1] = (struct piommu_id){ 0x1400, 0x3ff };
	fake.nodes[0].nids = 2;
	p = fake_start(&fake);
	event = poll_id(p, "dmar1", 0x1523);
	CU_ASSERT_STRING_EQUAL(event.device, "/soc/gpu@0");
	CHECK_EQ(event.is_pci, false);
	CHECK_HAS(text, "dmar1: /soc/gpu@0 read");
	event = poll_id(p, "dmar1", 0x1800);
	CU_ASSERT_STRING_EQUAL(event.device, "");
	CHECK_EQ(faults_of_node(p, "/soc/gpu@0"), 1);
	fake_stop(&fake, p);
}

static void a_fault_of_an_id_that_several_share_names_none_of_them(void)
{
	struct piommu_event event;
	struct piommu *p;

	fake_init(&fake);
	fake_plug_node(&fake, "/soc/a", 0x800);
	fake_plug_node(&fake, "/soc/b", 0x800);
	p = fake_start(&fake);
	event = poll_id(p, "dmar1", 0x800);
	CU_ASSERT_STRING_EQUAL(event.device, "");
	CHECK_HAS(text, "dmar1: id 0x800");
	CHECK_EQ(faults_of_node(p, "/soc/a") + faults_of_node(p, "/soc/b"), 0);
	fake_stop(&fake, p);
}

/* Of a bridge, or of what has gone: the driver's ids are requester ids. */
static void an_address_that_the_driver_gives_stands_where_no_device_is_found(void)
{
	struct piommu_event reported = fault, event;
	struct piommu *p;

	fake_init(&fake);
	p = fake_start(&fake);
	reported.id = 0x2f0;
	reported.is_pci = true;
	reported.sbdf = fake_sbdf("02:1e.0");
	event = poll_fault(p, reported);
	CU_ASSERT_STRING_EQUAL(event.device, "");
	CHECK_EQ(piommu_sbdf_compare(event.sbdf, fake_sbdf("02:1e.0")), 0);
	CHECK_HAS(text, "dmar1: 0000:02:1e.0 read");
	fake_stop(&fake, p);
}

static void an_error_of_the_unit_s_own_is_said_and_counted(void)
{
	struct piommu_event reported = {
		.type = PIOMMU_EVENT_UNIT_ERROR, .unit = "dmar1", .id = 0x20, .reason = 0x80, .reason_text = "broken"
	};
	struct piommu_stats stats;
	struct piommu *p;

	fake_init(&fake);
	p = fake_start(&fake);
	CU_ASSERT_STRING_EQUAL(poll_fault(p, reported).device, ""); /* no device's, though there is one of that id */
	CU_ASSERT_STRING_EQUAL(text, "dmar1: the unit reports an error: broken (status 0x80)");
	piommu_stats(p, &stats);
	CHECK_EQ(stats.unit_errors, 1);
	CHECK_EQ(stats.faults + stats.inv_errors, 0);
	fake_stop(&fake, p);
}

static void faults_that_were_lost_are_said_with_the_reason(void)
{
	struct piommu_event reported = { .type = PIOMMU_EVENT_FAULT_OVERFLOW, .unit = "dmar1", .reason_text = "no room" };
	struct piommu_stats stats;
	struct piommu *p;

	fake_init(&fake);
	p = fake_start(&fake);
	poll_fault(p, reported);
	CU_ASSERT_STRING_EQUAL(text, "dmar1: faults were not recorded: no room");
	piommu_stats(p, &stats);
	CHECK_EQ(stats.fault_overflows, 1);
	fake_stop(&fake, p);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(a_fault_names_the_function_behind_its_unit),
		SUITE_TEST(a_fault_names_the_node_whose_masked_id_it_is),
		SUITE_TEST(a_fault_of_an_id_that_several_share_names_none_of_them),
		SUITE_TEST(an_error_of_the_unit_s_own_is_said_and_counted),
		SUITE_TEST(faults_that_were_lost_are_said_with_the_reason),
		SUITE_TEST(an_address_that_the_driver_gives_stands_where_no_device_is_found),
	};

	return suite_run(argc, argv, "core-events", tests, sizeof(tests) / sizeof(tests[0]));
}
