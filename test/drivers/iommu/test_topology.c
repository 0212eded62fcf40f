/* SPDX-License-Identifier: BSD-3-Clause */
/* Devices that are not just devices: behind a bridge that speaks for them, behind a root port, with memory of the firmware's. */
#include "driver_tests.h"
#include "rig.h"

static void devices_behind_a_pci_bridge_are_one_group(void)
{
	struct rig r;
	struct piommu_group_info info;

	rig_open(&r);
	CU_ASSERT_PTR_EQUAL(rig_group(&r, r.m->bridged[0]), rig_group(&r, r.m->bridged[1]));
	piommu_group_info(rig_group(&r, r.m->bridged[0]), &info);
	CU_ASSERT_TRUE(info.ndevices >= 2);
	CU_ASSERT_TRUE(info.nreasons >= 1);
	CU_ASSERT_PTR_NOT_EQUAL(rig_group(&r, r.m->plain[0]), rig_group(&r, r.m->plain[1]));
	CU_ASSERT_PTR_NOT_EQUAL(rig_group(&r, r.m->ported), rig_group(&r, r.m->plain[1]));
	rig_close(&r);
}

static void bridge_speaks_for_the_devices_behind_it(void)
{
	struct rig r;
	struct piommu_domain *domain;
	struct piommu_mem mem;
	struct piommu_event event;
	uint32_t word;

	rig_open(&r);
	domain = rig_own(&r, r.m->bridged[0]);
	mem = rig_mem(&r, RIG_PAGE, 0);
	rig_map(&r, domain, 0x5000, mem.pa, RIG_PAGE, PIOMMU_RW);
	rig_check_reaches(&r, r.m->bridged[0], 0x5000, mem.va, 64);
	rig_check_reaches(&r, r.m->bridged[1], 0x5000, mem.va, 64);
	CHECK_EQ(rig_read(&r, r.m->bridged[1], 0x6000, &word, 4), -EFAULT);
	CU_ASSERT_FATAL(rig_events(&r, &event) > 0);
	CHECK_EQ(machine_is_same_source(r.m, &event, r.m->bridged[1]), true);
	rig_disown(&r, domain, r.m->bridged[1]);
	rig_check_reaches(&r, r.m->bridged[0], mem.pa, mem.va, 64);
	rig_close(&r);
}

static void claim_of_one_member_blocks_the_whole_group(void)
{
	struct rig r;
	struct piommu_mem mem;

	rig_open(&r);
	mem = rig_mem(&r, RIG_PAGE, 0);
	rig_claim(&r, r.m->bridged[0]);
	rig_check_blocked(&r, r.m->bridged[0], mem.pa, false);
	rig_check_blocked(&r, r.m->bridged[1], mem.pa, true);
	CHECK_EQ(piommu_claim(rig_group(&r, r.m->bridged[1])), -EBUSY);
	rig_close(&r);
}

static void device_behind_a_root_port_is_translated(void)
{
	struct rig r;
	struct piommu_domain *domain;
	struct piommu_mem mem;

	rig_open(&r);
	domain = rig_own(&r, r.m->ported);
	mem = rig_mem(&r, RIG_PAGE, 0);
	rig_map(&r, domain, 0x5000, mem.pa, RIG_PAGE, PIOMMU_RW);
	rig_check_reaches(&r, r.m->ported, 0x5000, mem.va, 64);
	rig_check_blocked(&r, r.m->ported, 0x6000, false);
	rig_check_reaches(&r, r.m->plain[0], mem.pa, mem.va, 64);
	rig_close(&r);
}

static void reserved_range_stays_reachable_all_the_way(void)
{
	struct rig r;
	struct piommu_domain *domain;
	struct piommu_span span;
	struct piommu_mem mem;
	void *va;

	rig_open_reserved(&r, &span, &va);
	mem = rig_mem(&r, RIG_PAGE, 0);
	rig_check_reaches(&r, r.m->reserved, span.start, va, 64);
	rig_claim(&r, r.m->reserved); /* never blocked: identity until it is attached */
	rig_check_reaches(&r, r.m->reserved, span.start, va, 64);
	domain = rig_domain(&r, r.m->reserved);
	rig_attach(&r, domain, r.m->reserved);
	rig_check_reaches(&r, r.m->reserved, span.start, va, 64);
	rig_check_reaches(&r, r.m->reserved, span.last - 63, (char *)va + (span.last - span.start) - 63, 64);
	rig_check_blocked(&r, r.m->reserved, mem.pa, false);
	rig_detach(&r, domain, r.m->reserved);
	rig_check_reaches(&r, r.m->reserved, span.start, va, 64);
	CHECK_EQ(piommu_domain_destroy(domain), 0);
	rig_release(&r, r.m->reserved);
	rig_check_reaches(&r, r.m->reserved, span.start, va, 64);
	rig_close(&r);
}

static void reserved_range_of_one_device_is_not_open_to_others(void)
{
	struct rig r;
	struct piommu_span span;
	void *va;

	rig_open_reserved(&r, &span, &va);
	rig_own(&r, r.m->plain[1]);
	rig_check_blocked(&r, r.m->plain[1], span.start, false);
	rig_close(&r);
}

static void device_with_a_reserved_range_is_never_put_on_blocking(void)
{
	const struct piommu_domain_attr attr = { .kind = PIOMMU_KIND_BLOCKING };
	struct piommu_domain *blocking = NULL;
	struct rig r;
	struct piommu_span span;
	void *va;

	rig_open_reserved(&r, &span, &va);
	rig_claim(&r, r.m->reserved);
	CU_ASSERT_EQUAL_FATAL(piommu_domain_create(rig_group(&r, r.m->reserved), &attr, &blocking), 0);
	CHECK_EQ(piommu_attach(blocking, rig_group(&r, r.m->reserved)), -EOPNOTSUPP);
	CHECK_HAS(r.last, "reserved");
	rig_check_reaches(&r, r.m->reserved, span.start, va, 64);
	rig_close(&r);
}

static void mapping_in_the_way_of_a_reserved_range_refuses_the_attach(void)
{
	struct rig r;
	struct piommu_domain *domain;
	struct piommu_span span;
	struct piommu_mem mem;
	void *va;

	rig_open_reserved(&r, &span, &va);
	rig_claim(&r, r.m->reserved);
	domain = rig_domain(&r, r.m->reserved);
	mem = rig_mem(&r, RIG_PAGE, 0);
	rig_map(&r, domain, span.start, mem.pa, RIG_PAGE, PIOMMU_RW);
	CHECK_EQ(piommu_attach(domain, rig_group(&r, r.m->reserved)), -EADDRINUSE);
	rig_check_reaches(&r, r.m->reserved, span.start, va, 64);
	rig_unmap(&r, domain, span.start, RIG_PAGE);
	rig_attach(&r, domain, r.m->reserved);
	rig_check_reaches(&r, r.m->reserved, span.start, va, 64);
	rig_close(&r);
}

static unsigned count_nodes(const struct piommu_group *group)
{
	struct piommu_device_info device;
	unsigned n = 0;

	for (unsigned i = 0; !piommu_group_device(group, i, &device); i++)
		n += !device.is_pci;
	return n;
}

/* One entry of the unit is for both, so they move together. */
static void nodes_that_share_a_stream_id_are_one_group(void)
{
	bool shared = strstr(rig_target()->variant, "nodes=shared") != NULL;
	struct piommu_group *group;
	unsigned nodes = 0, most = 0;
	struct rig r;

	rig_open(&r);
	for (unsigned i = 0; (group = piommu_group_at(r.p, i)) != NULL; i++) {
		unsigned n = count_nodes(group);

		nodes += n;
		most = n > most ? n : most;
		piommu_group_put(group);
	}
	CHECK_EQ(nodes, shared ? 2 : 0);
	CHECK_EQ(most, nodes);
	rig_close(&r);
}

const struct suite_test topology_tests[] = {
	SUITE_TEST(devices_behind_a_pci_bridge_are_one_group),  SUITE_TEST(bridge_speaks_for_the_devices_behind_it),
	SUITE_TEST(claim_of_one_member_blocks_the_whole_group), SUITE_TEST(device_behind_a_root_port_is_translated),
	SUITE_TEST(nodes_that_share_a_stream_id_are_one_group),
};
const unsigned topology_ntests = sizeof(topology_tests) / sizeof(topology_tests[0]);

const struct suite_test reserved_tests[] = {
	SUITE_TEST(reserved_range_stays_reachable_all_the_way),
	SUITE_TEST(reserved_range_of_one_device_is_not_open_to_others),
	SUITE_TEST(device_with_a_reserved_range_is_never_put_on_blocking),
	SUITE_TEST(mapping_in_the_way_of_a_reserved_range_refuses_the_attach),
};
const unsigned reserved_ntests = sizeof(reserved_tests) / sizeof(reserved_tests[0]);
