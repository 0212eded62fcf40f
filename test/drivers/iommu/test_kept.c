/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A unit that was found with all DMA aborted (SMMUv3's GBPA.ABORT): what nobody claims stays so, before, beside and after what is claimed.
 * On our model alone: QEMU's units are not told so.
 */
#include "driver_tests.h"
#include "rig.h"

static void open_aborted(struct rig *r, const char *keys)
{
	CU_ASSERT_EQUAL_FATAL(rig_try_open(r, keys), 0);
}

static void what_nobody_claims_stays_blocked(void)
{
	struct piommu_domain *domain;
	struct piommu_mem mem;
	struct rig r;

	open_aborted(&r, "reset=abort");
	mem = rig_mem(&r, RIG_PAGE, 0);
	rig_check_blocked(&r, r.m->plain[0], mem.pa, false);
	rig_check_blocked(&r, r.m->bridged[1], mem.pa, true);
	domain = rig_own(&r, r.m->plain[1]);
	rig_map(&r, domain, 0x5000, mem.pa, RIG_PAGE, PIOMMU_RW);
	rig_check_reaches(&r, r.m->plain[1], 0x5000, mem.va, 64);
	rig_check_blocked(&r, r.m->plain[0], mem.pa, false);
	rig_disown(&r, domain, r.m->plain[1]);
	rig_check_blocked(&r, r.m->plain[1], mem.pa, true);
	rig_close(&r);
}

static void who_wants_identity_attaches_it(void)
{
	const struct piommu_domain_attr attr = { .kind = PIOMMU_KIND_IDENTITY };
	struct piommu_domain *identity = NULL;
	struct piommu_mem mem;
	struct rig r;

	open_aborted(&r, "reset=abort");
	mem = rig_mem(&r, RIG_PAGE, 0);
	rig_claim(&r, r.m->plain[1]);
	CU_ASSERT_EQUAL_FATAL(piommu_domain_create(rig_group(&r, r.m->plain[1]), &attr, &identity), 0);
	rig_attach(&r, identity, r.m->plain[1]);
	rig_check_reaches(&r, r.m->plain[1], mem.pa, mem.va, 64);
	rig_disown(&r, identity, r.m->plain[1]);
	rig_check_blocked(&r, r.m->plain[1], mem.pa, true);
	rig_close(&r);
}

/* Firmware names what must go on: it is on identity, and the core has put it there. */
static void reserved_range_is_reachable_all_the_same(void)
{
	struct piommu_reserved_info info = { 0 };
	struct piommu_mem mem;
	struct rig r;
	void *va;

	open_aborted(&r, "reset=abort,rmr=1");
	mem = rig_mem(&r, RIG_PAGE, 0);
	CHECK_EQ(piommu_reserved_info(r.p, 0, &info), 0);
	va = r.m->plat->ops->mem_at(r.m->plat, info.span.start, RIG_PAGE);
	CU_ASSERT_PTR_NOT_NULL_FATAL(va);
	rig_check_reaches(&r, r.m->plain[0], info.span.start, va, 64);
	rig_check_blocked(&r, r.m->plain[1], mem.pa, false);
	rig_close(&r);
}

static void device_that_is_plugged_in_is_blocked_too(void)
{
	const struct piommu_sbdf late = { 0, 0, 0x30 }; /* 00:06.0 */
	struct piommu_mem mem;
	uint32_t word;
	struct rig r;

	open_aborted(&r, "reset=abort");
	mem = rig_mem(&r, RIG_PAGE, 0);
	CHECK_EQ(piommu_sim_plug(r.m->plat, late), 0);
	CHECK_EQ(rig_read(&r, late, mem.pa, &word, sizeof(word)), -EFAULT);
	CHECK_EQ(piommu_rescan(r.p) >= 0, true);
	rig_check_blocked(&r, late, mem.pa, false);
	rig_close(&r);
}

/* As it was found. */
static void all_is_blocked_again_when_the_unit_is_given_back(void)
{
	struct piommu_config config = PIOMMU_CONFIG_INIT;
	struct piommu_mem mem = { 0 };
	uint32_t word;
	struct rig r;

	open_aborted(&r, "reset=abort");
	rig_own(&r, r.m->plain[1]);
	CHECK_EQ(piommu_destroy(r.p), 0);
	CU_ASSERT_EQUAL_FATAL(r.m->plat->ops->mem_alloc(r.m->plat, RIG_PAGE, RIG_PAGE, -1, &mem), 0);
	CHECK_EQ(rig_read(&r, r.m->plain[1], mem.pa, &word, sizeof(word)), -EFAULT);
	CHECK_EQ(rig_read(&r, r.m->plain[0], mem.pa, &word, sizeof(word)), -EFAULT);
	r.m->plat->ops->mem_free(r.m->plat, &mem);
	config.instance = r.m->plat;
	config.inspect = true;
	CU_ASSERT_EQUAL_FATAL(piommu_create(&config, &r.p), 0);
	rig_close(&r);
}

const struct suite_test kept_tests[] = {
	SUITE_TEST(what_nobody_claims_stays_blocked),
	SUITE_TEST(who_wants_identity_attaches_it),
	SUITE_TEST(reserved_range_is_reachable_all_the_same),
	SUITE_TEST(device_that_is_plugged_in_is_blocked_too),
	SUITE_TEST(all_is_blocked_again_when_the_unit_is_given_back),
};
const unsigned kept_ntests = sizeof(kept_tests) / sizeof(kept_tests[0]);
