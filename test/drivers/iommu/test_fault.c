/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Blocked accesses: memory is untouched, and the fault says who, where, which way and why. QEMU does not record an access that
 * a cached entry forbids: each access here is the first one of its page. VT-d specification, chapter 7.
 */
#include "driver_tests.h"
#include "rig.h"

static void write_to_a_read_only_page_is_blocked(void)
{
	struct rig_owned o;

	rig_open_owned(&o, 0, RIG_PAGE, 0);
	rig_fill(o.mem.va, o.mem.len, 3);
	rig_map(&o.r, o.domain, 0x7000, o.mem.pa, RIG_PAGE, PIOMMU_READ);
	rig_check_fault(&o.r, o.device, 0x7010, true, MACHINE_FORBIDDEN);
	CHECK_HEX(((uint32_t *)o.mem.va)[4], 3u << 20 | 5);
	rig_close(&o.r);
}

static void read_only_page_is_readable(void)
{
	struct rig_owned o;
	uint32_t buf[8];

	rig_open_owned(&o, 0, RIG_PAGE, 0);
	rig_fill(o.mem.va, o.mem.len, 4);
	rig_map(&o.r, o.domain, 0x7000, o.mem.pa, RIG_PAGE, PIOMMU_READ);
	CHECK_EQ(rig_read(&o.r, o.device, 0x7040, buf, sizeof(buf)), 0);
	CHECK_EQ(memcmp(buf, (char *)o.mem.va + 0x40, sizeof(buf)), 0);
	CHECK_EQ(rig_events(&o.r, NULL), 0);
	rig_close(&o.r);
}

static void read_of_a_write_only_page_is_blocked(void)
{
	struct rig_owned o;

	rig_open_owned(&o, 0, RIG_PAGE, 0);
	rig_map(&o.r, o.domain, 0x7000, o.mem.pa, RIG_PAGE, PIOMMU_WRITE);
	if (!o.r.m->reads_write_only)
		rig_check_fault(&o.r, o.device, 0x7000, false, MACHINE_FORBIDDEN);
	CHECK_EQ(rig_write(&o.r, o.device, 0x7020, &(uint32_t){ 0x600d }, 4), 0);
	CHECK_HEX(((uint32_t *)o.mem.va)[8], 0x600d);
	rig_close(&o.r);
}

static void access_after_unmap_faults_with_the_right_reason(void)
{
	struct rig_owned o;

	rig_open_owned(&o, 2, 2 * RIG_PAGE, 0);
	rig_fill(o.mem.va, o.mem.len, 5);
	rig_map(&o.r, o.domain, 0x123456000, o.mem.pa, o.mem.len, PIOMMU_RW);
	rig_check_reaches(&o.r, o.device, 0x123456ff0, (char *)o.mem.va + 0xff0, 32);
	rig_fill(o.mem.va, o.mem.len, 5);
	rig_unmap(&o.r, o.domain, 0x123456000, o.mem.len);
	rig_check_fault(&o.r, o.device, 0x123457abc, false, MACHINE_UNMAPPED);
	rig_check_fault(&o.r, o.device, 0x123456abc, true, MACHINE_UNMAPPED);
	CHECK_HEX(((uint32_t *)o.mem.va)[0xabc / 4], 5u << 20 | (0xabc / 4 + 1));
	rig_close(&o.r);
}

static void fault_text_names_device_address_and_reason(void)
{
	struct rig r;
	struct piommu_event event;
	char text[256] = "";
	uint32_t word;

	rig_open(&r);
	rig_own(&r, r.m->plain[0]);
	CHECK_EQ(rig_read(&r, r.m->plain[0], 0xabc000, &word, 4), -EFAULT);
	CU_ASSERT_FATAL(rig_events(&r, &event) > 0);
	piommu_event_text(&event, text, sizeof(text));
	CHECK_HAS(text, "0000:00:02.0");
	CHECK_HAS(text, "read");
	CHECK_HAS(text, "0xabc000");
	CHECK_HAS(text, event.reason_text);
	CHECK_EQ(event.is_interrupt, false);
	CHECK_EQ(event.has_pasid, false);
	rig_close(&r);
}

/* One record of the hardware, many faults: the first is kept, nothing is stuck afterwards. */
static void fault_storm_of_one_device_leaves_reporting_alive(void)
{
	struct rig r;
	struct piommu_event event;
	struct piommu_stats stats;
	uint32_t word = 7;

	rig_open(&r);
	rig_own(&r, r.m->plain[0]);
	for (unsigned i = 0; i < 100; i++)
		rig_write(&r, r.m->plain[0], 0x40000 + i * RIG_PAGE, &word, 4);
	CU_ASSERT_TRUE(rig_events(&r, &event) >= 1);
	CHECK_HEX(event.iova & ~(RIG_PAGE - 1), 0x40000);
	piommu_stats(r.p, &stats);
	CU_ASSERT_TRUE(stats.faults >= 1);
	rig_check_fault(&r, r.m->plain[0], 0x99000, true, MACHINE_UNMAPPED);
	rig_close(&r);
}

/* Two devices that fault in turn, more often than there are records. */
static void overflow_is_reported_and_recovers(void)
{
	struct rig r;
	struct piommu_stats stats;
	uint32_t word = 7;

	rig_open(&r);
	rig_own(&r, r.m->plain[0]);
	rig_own(&r, r.m->plain[1]);
	for (unsigned i = 0; i < r.m->family->fault_room; i++) {
		rig_write(&r, r.m->plain[0], 0x40000, &word, 4);
		rig_write(&r, r.m->plain[1], 0x50000, &word, 4);
	}
	CU_ASSERT_TRUE(rig_events(&r, NULL) >= 2); /* the fault, and that others were lost */
	piommu_stats(r.p, &stats);
	CU_ASSERT_TRUE(stats.fault_overflows >= 1);
	rig_check_blocked(&r, r.m->plain[1], 0x60000, false);
	rig_check_blocked(&r, r.m->plain[0], 0x61000, false);
	rig_close(&r);
}

static void count_event(void *ctx, const struct piommu_event *event)
{
	*(unsigned *)ctx += event->type == PIOMMU_EVENT_DMA_FAULT;
}

static void fault_reaches_the_callback_of_the_poller(void)
{
	struct piommu_config config = PIOMMU_CONFIG_INIT;
	struct rig r;
	unsigned seen = 0;
	uint32_t word;

	rig_open(&r);
	CHECK_EQ(piommu_destroy(r.p), 0);
	config.instance = r.m->plat;
	config.event_fn = count_event;
	config.event_ctx = &seen;
	CU_ASSERT_EQUAL_FATAL(piommu_create(&config, &r.p), 0);
	rig_own(&r, r.m->plain[0]);
	CHECK_EQ(rig_read(&r, r.m->plain[0], 0x1000, &word, 4), -EFAULT);
	CHECK_EQ(seen, 0);
	CHECK_EQ(piommu_poll(r.p), 1);
	CHECK_EQ(seen, 1);
	CHECK_EQ(piommu_poll(r.p), 0);
	rig_close(&r);
}

/* The walk that the library shows is the one the hardware did. */
static void walk_ends_where_the_device_does(void)
{
	struct rig_owned o;
	struct piommu_walk_step steps[12];
	int n, leaf;

	rig_open_owned(&o, 0, RIG_PAGE, 0);
	rig_map(&o.r, o.domain, 0x7000, o.mem.pa, RIG_PAGE, PIOMMU_RW);
	n = piommu_walk(o.r.p, o.device, 0x7000, steps, 12);
	/* What says which table it is, and a level for each 9 bits above the page (fewer where a root is wider); then words. */
	CU_ASSERT_FATAL(n >= 1 + (int)(o.r.iova_bits - 12) / 9);
	for (leaf = n - 1; leaf > 0 && !steps[leaf].at_pa; leaf--)
		;
	CHECK_HEX(steps[leaf].raw[0] & 0xffffffffff000, o.mem.pa);
	CHECK_EQ(steps[leaf].raw[0] & 3, 3);
	rig_close(&o.r);
}

const struct suite_test fault_tests[] = {
	SUITE_TEST(write_to_a_read_only_page_is_blocked),
	SUITE_TEST(read_only_page_is_readable),
	SUITE_TEST(read_of_a_write_only_page_is_blocked),
	SUITE_TEST(access_after_unmap_faults_with_the_right_reason),
	SUITE_TEST(fault_text_names_device_address_and_reason),
	SUITE_TEST(fault_storm_of_one_device_leaves_reporting_alive),
	SUITE_TEST(overflow_is_reported_and_recovers),
	SUITE_TEST(fault_reaches_the_callback_of_the_poller),
	SUITE_TEST(walk_ends_where_the_device_does),
};
const unsigned fault_ntests = sizeof(fault_tests) / sizeof(fault_tests[0]);
