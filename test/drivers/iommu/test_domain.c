/* SPDX-License-Identifier: BSD-3-Clause */
/* Who reaches what: devices nobody claimed, claimed ones, domains of one and of several devices, and the end of it all. */
#include <stdio.h>

#include "driver_tests.h"
#include "rig.h"

static void device_that_nobody_claimed_reaches_all_memory(void)
{
	struct rig r;
	struct piommu_mem mem;

	rig_open(&r);
	mem = rig_mem(&r, RIG_PAGE, 0);
	for (unsigned i = 0; i < MACHINE_PLAIN; i++)
		rig_check_reaches(&r, r.m->plain[i], mem.pa, mem.va, 64);
	rig_check_reaches(&r, r.m->bridged[1], mem.pa, mem.va, 64);
	rig_check_reaches(&r, r.m->ported, mem.pa, mem.va, 64);
	rig_close(&r);
}

static void claimed_device_reaches_nothing(void)
{
	struct rig r;
	struct piommu_mem mem;

	rig_open(&r);
	mem = rig_mem(&r, RIG_PAGE, 0);
	rig_fill(mem.va, mem.len, 1);
	rig_claim(&r, r.m->plain[1]);
	rig_check_blocked(&r, r.m->plain[1], mem.pa, true);
	rig_check_blocked(&r, r.m->plain[1], mem.pa, false);
	CHECK_HEX(*(uint32_t *)mem.va, 1u << 20 | 1);
	rig_check_reaches(&r, r.m->plain[0], mem.pa, mem.va, 64);
	rig_close(&r);
}

static void release_returns_the_device_to_identity(void)
{
	struct rig r;
	struct piommu_domain *domain;
	struct piommu_mem mem;

	rig_open(&r);
	mem = rig_mem(&r, RIG_PAGE, 0);
	for (unsigned i = 0; i < 3; i++) {
		domain = rig_own(&r, r.m->plain[1]);
		rig_map(&r, domain, 0x5000, mem.pa, RIG_PAGE, PIOMMU_RW);
		rig_check_reaches(&r, r.m->plain[1], 0x5000, mem.va, 64);
		rig_check_blocked(&r, r.m->plain[1], mem.pa, false);
		rig_disown(&r, domain, r.m->plain[1]);
		rig_check_reaches(&r, r.m->plain[1], mem.pa, mem.va, 64);
	}
	rig_close(&r);
}

static void detached_device_reaches_nothing(void)
{
	struct rig_owned o;

	rig_open_owned(&o, 1, RIG_PAGE, 0);
	rig_map(&o.r, o.domain, 0x5000, o.mem.pa, RIG_PAGE, PIOMMU_RW);
	rig_check_reaches(&o.r, o.device, 0x5000, o.mem.va, 64);
	rig_detach(&o.r, o.domain, o.device);
	rig_check_blocked(&o.r, o.device, 0x5000, false);
	rig_check_blocked(&o.r, o.device, o.mem.pa, true);
	rig_close(&o.r);
}

static struct piommu_domain *domain_of_kind(struct rig *r, struct piommu_sbdf sbdf, enum piommu_domain_kind kind)
{
	const struct piommu_domain_attr attr = { .kind = kind };
	struct piommu_domain *domain = NULL;

	CU_ASSERT_EQUAL_FATAL(piommu_domain_create(rig_group(r, sbdf), &attr, &domain), 0);
	return domain;
}

static void identity_domain_passes_addresses_through(void)
{
	struct rig_owned o;
	struct piommu_domain *identity;

	rig_open_owned(&o, 0, RIG_PAGE, 0);
	identity = domain_of_kind(&o.r, o.device, PIOMMU_KIND_IDENTITY);
	rig_check_blocked(&o.r, o.device, o.mem.pa, false);
	rig_attach(&o.r, identity, o.device);
	rig_check_reaches(&o.r, o.device, o.mem.pa, o.mem.va, 64);
	rig_attach(&o.r, o.domain, o.device);
	rig_check_blocked(&o.r, o.device, o.mem.pa, false);
	rig_close(&o.r);
}

static void blocking_domain_lets_nothing_through(void)
{
	struct rig_owned o;
	struct piommu_domain *blocking;

	rig_open_owned(&o, 1, RIG_PAGE, 0);
	blocking = domain_of_kind(&o.r, o.device, PIOMMU_KIND_BLOCKING);
	rig_map(&o.r, o.domain, 0x5000, o.mem.pa, RIG_PAGE, PIOMMU_RW);
	rig_check_reaches(&o.r, o.device, 0x5000, o.mem.va, 64);
	rig_attach(&o.r, blocking, o.device);
	rig_check_blocked(&o.r, o.device, 0x5000, false);
	rig_check_blocked(&o.r, o.device, o.mem.pa, true);
	rig_attach(&o.r, o.domain, o.device);
	rig_check_reaches(&o.r, o.device, 0x5000, o.mem.va, 64);
	rig_close(&o.r);
}

static void domains_are_isolated_from_each_other(void)
{
	struct rig r;
	struct piommu_domain *domain[MACHINE_PLAIN];
	struct piommu_mem mem;

	rig_open(&r);
	mem = rig_mem(&r, MACHINE_PLAIN * RIG_PAGE, 0);
	for (unsigned i = 0; i < MACHINE_PLAIN; i++) {
		domain[i] = rig_own(&r, r.m->plain[i]);
		rig_map(&r, domain[i], 0x5000, mem.pa + i * RIG_PAGE, RIG_PAGE, PIOMMU_RW);
		rig_map(&r, domain[i], 0x10000 + i * RIG_PAGE, mem.pa + i * RIG_PAGE, RIG_PAGE, PIOMMU_RW);
	}
	for (unsigned i = 0; i < MACHINE_PLAIN; i++) {
		rig_check_reaches(&r, r.m->plain[i], 0x5000, (char *)mem.va + i * RIG_PAGE, 64);
		rig_check_blocked(&r, r.m->plain[i], 0x10000 + (i + 1) % MACHINE_PLAIN * RIG_PAGE, false);
	}
	/* An unmap in one is no unmap in another. */
	rig_unmap(&r, domain[0], 0x5000, RIG_PAGE);
	rig_check_blocked(&r, r.m->plain[0], 0x5000, false);
	rig_check_reaches(&r, r.m->plain[1], 0x5000, (char *)mem.va + RIG_PAGE, 64);
	rig_close(&r);
}

static void one_domain_serves_several_devices(void)
{
	struct rig r;
	struct piommu_domain *domain;
	struct piommu_mem mem;

	rig_open(&r);
	mem = rig_mem(&r, RIG_PAGE, 0);
	domain = rig_own(&r, r.m->plain[0]);
	rig_map(&r, domain, 0x5000, mem.pa, RIG_PAGE, PIOMMU_RW);
	rig_claim(&r, r.m->plain[1]);
	rig_claim(&r, r.m->ported);
	rig_attach(&r, domain, r.m->plain[1]);
	rig_attach(&r, domain, r.m->ported);
	rig_check_reaches(&r, r.m->plain[0], 0x5000, mem.va, 64);
	rig_check_reaches(&r, r.m->plain[1], 0x5000, mem.va, 64);
	rig_check_reaches(&r, r.m->ported, 0x5000, mem.va, 64);
	rig_detach(&r, domain, r.m->plain[1]);
	rig_check_blocked(&r, r.m->plain[1], 0x5000, false);
	rig_check_reaches(&r, r.m->ported, 0x5000, mem.va, 64);
	rig_unmap(&r, domain, 0x5000, RIG_PAGE);
	rig_check_blocked(&r, r.m->plain[0], 0x5000, true);
	rig_check_blocked(&r, r.m->ported, 0x5000, true);
	rig_close(&r);
}

/* Tags are few and come back: nothing of a domain's past shows through its successor. */
static void domains_come_and_go_without_a_trace(void)
{
	struct rig r;
	struct piommu_domain *domain;
	struct piommu_mem mem;

	rig_open(&r);
	mem = rig_mem(&r, 2 * RIG_PAGE, 0);
	rig_claim(&r, r.m->plain[1]);
	for (unsigned i = 0; i < 20; i++) {
		domain = rig_domain(&r, r.m->plain[1]);
		rig_map(&r, domain, 0x5000 + (i & 1) * RIG_PAGE, mem.pa + (i & 1) * RIG_PAGE, RIG_PAGE, PIOMMU_RW);
		rig_attach(&r, domain, r.m->plain[1]);
		rig_check_reaches(&r, r.m->plain[1], 0x5000 + (i & 1) * RIG_PAGE, (char *)mem.va + (i & 1) * RIG_PAGE, 64);
		rig_check_blocked(&r, r.m->plain[1], 0x5000 + !(i & 1) * RIG_PAGE, false);
		rig_detach(&r, domain, r.m->plain[1]);
		CHECK_EQ(piommu_domain_destroy(domain), 0);
	}
	rig_close(&r);
}

#define VTD_CAP 0x08u
#define VTD_CAP_PLMR_PHMR (3u << 5)
#define VTD_PMEN 0x64u
#define VTD_PMEN_PRS 1u
#define SMMUV3_GBPA 0x44u
#define SMMUV3_GBPA_ABORT (1u << 20)

struct status {
	uint32_t control;
	bool protects; /* while it is off, firmware keeps devices out of some memory, or of all */
};

static struct status unit_status(struct rig *r)
{
	struct piommu_fw_unit unit = { .len = 4096 };
	struct piommu_unit_info info;
	struct piommu_window window;
	struct status status = { 0 };

	CU_ASSERT_EQUAL_FATAL(piommu_unit_info(r->p, 0, &info), 0);
	snprintf(unit.name, sizeof(unit.name), "%s", info.name);
	unit.base = info.base;
	CU_ASSERT_EQUAL_FATAL(r->m->plat->ops->window_map(r->m->plat, &unit, PIOMMU_WINDOW_INSPECT, &window), 0);
	status.control = piommu_read32(&window, r->m->family->control);
	if (!strcmp(r->m->family->name, "vtd") && piommu_read64(&window, VTD_CAP) & VTD_CAP_PLMR_PHMR)
		status.protects = piommu_read32(&window, VTD_PMEN) & VTD_PMEN_PRS;
	if (!strcmp(r->m->family->name, "smmuv3"))
		status.protects = piommu_read32(&window, SMMUV3_GBPA) & SMMUV3_GBPA_ABORT;
	r->m->plat->ops->window_unmap(r->m->plat, &window);
	return status;
}

/* An inspecting manager reads what the one before left. */
static struct status status_after_destroy(struct rig *r)
{
	struct piommu_config config = PIOMMU_CONFIG_INIT;

	CHECK_EQ(piommu_destroy(r->p), 0);
	config.instance = r->m->plat;
	config.inspect = true;
	CU_ASSERT_EQUAL_FATAL(piommu_create(&config, &r->p), 0);
	return unit_status(r);
}

static void destroy_gives_the_unit_back_switched_off(void)
{
	struct rig r;
	struct status status;
	struct piommu_mem mem = { 0 };
	uint8_t buf[64];

	rig_open(&r);
	CHECK_HEX(unit_status(&r).control & r.m->family->on_mask, r.m->family->on);
	rig_own(&r, r.m->plain[1]);
	status = status_after_destroy(&r);
	if (!strstr(rig_target()->variant, "kept=")) /* else firmware had it on, and it is so again */
		CHECK_HEX(status.control & r.m->family->off_mask, r.m->family->off);
	CU_ASSERT_EQUAL_FATAL(r.m->plat->ops->mem_alloc(r.m->plat, RIG_PAGE, RIG_PAGE, -1, &mem), 0);
	rig_fill(mem.va, mem.len, 6);
	if (r.m->ops->set_mailbox)
		r.m->ops->set_mailbox(r.m, r.m->plain[1], r.m->mailbox.pa);
	/* What kept devices out when the unit was taken over does so again. */
	if (!status.protects) {
		CHECK_EQ(rig_read(&r, r.m->plain[1], mem.pa, buf, sizeof(buf)), 0);
		CHECK_EQ(memcmp(buf, mem.va, sizeof(buf)), 0);
	}
	r.m->plat->ops->mem_free(r.m->plat, &mem);
	rig_close(&r);
}

static void manager_can_be_created_again_and_again(void)
{
	struct piommu_config config = PIOMMU_CONFIG_INIT;
	struct rig r;
	struct piommu_domain *domain;
	struct piommu_mem mem;

	rig_open(&r);
	config.instance = r.m->plat;
	for (unsigned i = 0; i < 3; i++) {
		domain = rig_own(&r, r.m->plain[1]);
		mem = rig_mem(&r, RIG_PAGE, 0);
		rig_map(&r, domain, 0x5000, mem.pa, RIG_PAGE, PIOMMU_RW);
		rig_check_reaches(&r, r.m->plain[1], 0x5000, mem.va, 64);
		piommu_mem_free(r.p, &mem);
		CHECK_EQ(piommu_destroy(r.p), 0);
		CU_ASSERT_EQUAL_FATAL(piommu_create(&config, &r.p), 0);
	}
	rig_close(&r);
}

static void second_manager_on_the_unit_is_refused(void)
{
	struct piommu_config config = PIOMMU_CONFIG_INIT;
	struct piommu *other = NULL;
	struct rig r;
	struct piommu_domain *domain;
	struct piommu_mem mem;

	rig_open(&r);
	config.instance = r.m->plat;
	config.log = r.log;
	CHECK_EQ(piommu_create(&config, &other), -EBUSY);
	CU_ASSERT_PTR_NULL(other);
	CHECK_HAS(r.last, "another");
	/* The first one did not notice. */
	domain = rig_own(&r, r.m->plain[0]);
	mem = rig_mem(&r, RIG_PAGE, 0);
	rig_map(&r, domain, 0x5000, mem.pa, RIG_PAGE, PIOMMU_RW);
	rig_check_reaches(&r, r.m->plain[0], 0x5000, mem.va, 64);
	rig_close(&r);
}

const struct suite_test domain_tests[] = {
	SUITE_TEST(device_that_nobody_claimed_reaches_all_memory), SUITE_TEST(claimed_device_reaches_nothing),
	SUITE_TEST(release_returns_the_device_to_identity),        SUITE_TEST(detached_device_reaches_nothing),
	SUITE_TEST(identity_domain_passes_addresses_through),      SUITE_TEST(blocking_domain_lets_nothing_through),
	SUITE_TEST(domains_are_isolated_from_each_other),          SUITE_TEST(one_domain_serves_several_devices),
	SUITE_TEST(domains_come_and_go_without_a_trace),           SUITE_TEST(destroy_gives_the_unit_back_switched_off),
	SUITE_TEST(manager_can_be_created_again_and_again),        SUITE_TEST(second_manager_on_the_unit_is_refused),
};
const unsigned domain_ntests = sizeof(domain_tests) / sizeof(domain_tests[0]);
