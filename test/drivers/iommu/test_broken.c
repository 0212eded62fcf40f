/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hardware that is slow, stuck, dead or full, which only the simulated machine is on command: every call returns, in bounded
 * time, with an error that says what is known. Also several units in one machine.
 */
#include "driver_tests.h"
#include "rig.h"

static void set_switch(struct rig *r, enum piommu_sim_switch which, uint64_t value)
{
	CHECK_EQ(piommu_sim_set(r->m->plat, 0, which, value), 0);
}

/* A device with a page at 0x5000 that it has in its cache. */
static struct piommu_domain *open_with_page(struct rig *r, struct piommu_mem *mem, bool gets_stuck)
{
	struct piommu_domain *domain;

	if (gets_stuck)
		rig_open_impatient(r);
	else
		rig_open(r);
	domain = rig_own(r, r->m->plain[0]);
	*mem = rig_mem(r, RIG_PAGE, 0);
	rig_map(r, domain, 0x5000, mem->pa, RIG_PAGE, PIOMMU_RW);
	rig_check_reaches(r, r->m->plain[0], 0x5000, mem->va, 64);
	return domain;
}

static void slow_handshakes_are_waited_for(void)
{
	struct rig r;
	struct piommu_domain *domain;
	struct piommu_mem mem;

	rig_open(&r);
	set_switch(&r, PIOMMU_SIM_SLOW_HANDSHAKE, 50);
	set_switch(&r, PIOMMU_SIM_LATENCY_NS, 20000);
	domain = rig_own(&r, r.m->plain[0]);
	mem = rig_mem(&r, RIG_PAGE, 0);
	rig_map(&r, domain, 0x5000, mem.pa, RIG_PAGE, PIOMMU_RW);
	rig_check_reaches(&r, r.m->plain[0], 0x5000, mem.va, 64);
	rig_unmap(&r, domain, 0x5000, RIG_PAGE);
	rig_check_blocked(&r, r.m->plain[0], 0x5000, false);
	rig_close(&r);
}

/* Commands of a queue, and those that are written to registers. */
static void stop_invalidations(struct rig *r, bool stop)
{
	set_switch(r, PIOMMU_SIM_QUEUE_STUCK, stop);
	set_switch(r, PIOMMU_SIM_HANDSHAKE_STUCK, stop);
}

static void check_event_and_go_on(struct rig *r, struct piommu_domain *domain, const struct piommu_mem *mem)
{
	struct piommu_event event = { 0 };

	CU_ASSERT_TRUE(rig_events(r, &event) >= 1);
	CHECK_EQ(event.type, PIOMMU_EVENT_INV_ERROR);
	rig_map(r, domain, 0x9000, mem->pa, RIG_PAGE, PIOMMU_RW);
	CHECK_EQ(piommu_unmap(domain, 0x9000, RIG_PAGE, NULL), 0);
	CHECK_EQ(rig_events(r, NULL), 0);
}

static void stuck_invalidation_times_out_an_unmap(void)
{
	struct rig r;
	struct piommu_mem mem;
	struct piommu_domain *domain = open_with_page(&r, &mem, true);
	size_t unmapped = 0;

	stop_invalidations(&r, true);
	CHECK_EQ(piommu_unmap(domain, 0x5000, RIG_PAGE, &unmapped), -ETIMEDOUT);
	CHECK_EQ(unmapped, RIG_PAGE);
	CHECK_EQ(piommu_lookup(domain, 0x5000, &(uint64_t){ 0 }, NULL, NULL), -ENOENT);
	stop_invalidations(&r, false);
	check_event_and_go_on(&r, domain, &mem);
	rig_close(&r);
}

static void failed_invalidation_is_an_error_and_an_event(void)
{
	struct rig r;
	struct piommu_mem mem;
	struct piommu_domain *domain = open_with_page(&r, &mem, true);
	int rc;

	set_switch(&r, PIOMMU_SIM_FAIL_INVALIDATIONS, 1);
	rc = piommu_unmap(domain, 0x5000, RIG_PAGE, NULL);
	CU_ASSERT_TRUE(rc == -EIO || rc == -ETIMEDOUT);
	check_event_and_go_on(&r, domain, &mem);
	rig_close(&r);
}

static void stuck_handshake_refuses_the_manager(void)
{
	struct piommu_config config = PIOMMU_CONFIG_INIT;
	struct rig r;

	rig_open(&r);
	r.expect_misuse = true; /* it is given back by handshakes that it does not answer */
	CHECK_EQ(piommu_destroy(r.p), 0);
	r.p = NULL;
	config.instance = r.m->plat;
	config.log = r.log;
	config.timeout_ms = 20;
	set_switch(&r, PIOMMU_SIM_HANDSHAKE_STUCK, 1);
	CHECK_EQ(piommu_create(&config, &r.p), -ETIMEDOUT);
	CU_ASSERT_PTR_NULL(r.p);
	CHECK_HAS(r.last, r.m->family->unit0);
	set_switch(&r, PIOMMU_SIM_HANDSHAKE_STUCK, 0);
	rig_close(&r);
}

static void dead_unit_is_lost_and_not_waited_for(void)
{
	struct rig r;
	struct piommu_mem mem;
	struct piommu_domain *domain = open_with_page(&r, &mem, false);
	struct piommu_event event = { 0 };
	int rc;

	set_switch(&r, PIOMMU_SIM_DEAD, 1);
	rc = piommu_unmap(domain, 0x5000, RIG_PAGE, NULL);
	CU_ASSERT_TRUE(rc == -EIO || rc == -ETIMEDOUT);
	CU_ASSERT_TRUE(rig_events(&r, &event) >= 1);
	CU_ASSERT_TRUE(event.type == PIOMMU_EVENT_UNIT_LOST || event.type == PIOMMU_EVENT_INV_ERROR);
	set_switch(&r, PIOMMU_SIM_DEAD, 0);
	rig_close(&r);
}

/* Of LeakSanitizer, where it is there. */
void __lsan_disable(void) __attribute__((weak));
void __lsan_enable(void) __attribute__((weak));

/* A unit that may still translate keeps its tables: what they hang off is not freed, and this is the one place to say so. */
static void destroy_of_a_dead_unit_is_an_error_and_frees_no_table(void)
{
	struct rig r;
	struct piommu_mem mem;

	if (__lsan_disable)
		__lsan_disable();
	open_with_page(&r, &mem, false);
	set_switch(&r, PIOMMU_SIM_DEAD, 1);
	CHECK_EQ(piommu_destroy(r.p), -EIO);
	CHECK_HAS(r.last, r.m->family->unit0);
	/* The tables lie where they did: the unit, alive again, translates as before. */
	set_switch(&r, PIOMMU_SIM_DEAD, 0);
	rig_fill(mem.va, RIG_PAGE, 8);
	CHECK_EQ(rig_write(&r, r.m->plain[0], 0x5000, &(uint32_t){ 0xa11e }, 4), 0);
	CHECK_HEX(*(uint32_t *)mem.va, 0xa11e);
	r.p = NULL;
	rig_close(&r);
	if (__lsan_enable)
		__lsan_enable();
}

static void dead_unit_is_refused_at_the_start(void)
{
	struct piommu_config config = PIOMMU_CONFIG_INIT;
	struct rig r;

	rig_open(&r);
	CHECK_EQ(piommu_destroy(r.p), 0);
	r.p = NULL;
	config.instance = r.m->plat;
	config.log = r.log;
	set_switch(&r, PIOMMU_SIM_DEAD, 1);
	CHECK_EQ(piommu_create(&config, &r.p), -ENODEV);
	set_switch(&r, PIOMMU_SIM_DEAD, 0);
	rig_close(&r);
}

static void unit_that_the_kernel_drives_is_refused(void)
{
	struct rig r;

	CHECK_EQ(rig_try_open(&r, "state=on"), -EBUSY);
	if (r.m->family->free_it)
		CHECK_HAS(r.last, r.m->family->free_it);
	CU_ASSERT_PTR_NULL(r.p);
	machine_close(r.m);
}

static void domain_spans_units(void)
{
	struct rig r;
	struct piommu_domain *domain;
	struct piommu_group_info a, b;
	struct piommu_mem mem;

	CU_ASSERT_EQUAL_FATAL(rig_try_open(&r, "units=2"), 0);
	piommu_group_info(rig_group(&r, r.m->plain[0]), &a);
	piommu_group_info(rig_group(&r, r.m->ported), &b);
	CU_ASSERT_STRING_NOT_EQUAL(a.unit, b.unit);
	domain = rig_own(&r, r.m->plain[0]);
	rig_claim(&r, r.m->ported);
	rig_attach(&r, domain, r.m->ported);
	mem = rig_mem(&r, RIG_PAGE, 0);
	rig_map(&r, domain, 0x5000, mem.pa, RIG_PAGE, PIOMMU_RW);
	rig_check_reaches(&r, r.m->plain[0], 0x5000, mem.va, 64);
	rig_check_reaches(&r, r.m->ported, 0x5000, mem.va, 64);
	rig_unmap(&r, domain, 0x5000, RIG_PAGE);
	rig_check_blocked(&r, r.m->plain[0], 0x5000, false);
	rig_check_blocked(&r, r.m->ported, 0x5000, false);
	rig_close(&r);
}

const struct suite_test broken_tests[] = {
	SUITE_TEST(slow_handshakes_are_waited_for),
	SUITE_TEST(stuck_invalidation_times_out_an_unmap),
	SUITE_TEST(failed_invalidation_is_an_error_and_an_event),
	SUITE_TEST(stuck_handshake_refuses_the_manager),
	SUITE_TEST(dead_unit_is_lost_and_not_waited_for),
	SUITE_TEST(destroy_of_a_dead_unit_is_an_error_and_frees_no_table),
	SUITE_TEST(dead_unit_is_refused_at_the_start),
	SUITE_TEST(unit_that_the_kernel_drives_is_refused),
	SUITE_TEST(domain_spans_units),
};
const unsigned broken_ntests = sizeof(broken_tests) / sizeof(broken_tests[0]);
