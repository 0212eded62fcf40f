/* SPDX-License-Identifier: BSD-3-Clause */
/* What the driver makes of capability words, whom it refuses, and the order of its handshakes (11.4.4, 11.4.5, 6.8). */
#include <errno.h>

#include "drivers.h"
#include "fake_unit.h"
#include "suite.h"

#define TE 0x80000000u
#define SRTP 0x40000000u
#define WBF 0x08000000u
#define QIE 0x04000000u
#define IRE 0x02000000u

/* ---- Probe ---- */

static void a_probe_reads_capabilities_and_writes_nothing(void)
{
	struct fake fake;
	const struct piommu_unit_caps *caps = &fake.unit.caps;

	fake_init(&fake, FAKE_CAP, FAKE_ECAP);
	fake.unit.host_address_width = 46;
	CHECK_EQ(vtd_driver.probe(&fake.unit, &fake.window), 0);
	CHECK_EQ(caps->iova_bits, 48);
	CHECK_EQ(caps->pa_bits, 46);
	CHECK_HEX(caps->page_sizes, 0x40201000);
	CHECK_EQ(caps->ntags, 65536);
	CU_ASSERT(caps->first_tag > 0);
	CU_ASSERT(caps->passthrough && caps->queued && !caps->coherent && !caps->caches_not_present);
	CHECK_HEX(caps->hole.start, 0xfee00000);
	CHECK_HEX(caps->hole.last, 0xfeefffff);
	CHECK_EQ(fake.nwrites, 0);
	fake_fini(&fake);
}

static void addresses_are_as_wide_as_the_narrower_of_tables_and_unit(void)
{
	static const struct {
		uint64_t cap;
		unsigned bits;
	} cases[] = {
		{ UINT64_C(0x00d2008c22260206), 39 },
		{ UINT64_C(0x00d2008c22260406), 39 }, /* 4-level tables, 39 bits of them used */
		{ UINT64_C(0x00d2008c22380e06), 57 },
		{ UINT64_C(0x00d2008c222d0606), 46 },
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fake fake;

		fake_init(&fake, cases[i].cap, FAKE_ECAP);
		CHECK_EQ(vtd_driver.probe(&fake.unit, &fake.window), 0);
		CHECK_EQ(fake.unit.caps.iova_bits, cases[i].bits);
		fake_fini(&fake);
	}
}

static void a_unit_that_is_driven_is_refused_with_the_remedy_and_left_alone(void)
{
	static const uint32_t driven[] = { TE, QIE, IRE, TE | SRTP | QIE | IRE };

	for (unsigned i = 0; i < sizeof(driven) / sizeof(driven[0]); i++) {
		struct fake fake;

		fake_init(&fake, FAKE_CAP, FAKE_ECAP);
		fake_set(&fake, 0x1c, 4, driven[i]);
		CHECK_EQ(vtd_driver.probe(&fake.unit, &fake.window), -EBUSY);
		CHECK_EQ(fake.nwrites, 0);
		CHECK_HAS(fake.said, "dmar0");
		CHECK_HAS(fake.said, "intel_iommu=off intremap=off");
		fake_fini(&fake);
	}
}

static void a_left_over_root_pointer_does_no_harm(void)
{
	struct fake fake;

	fake_init(&fake, FAKE_CAP, FAKE_ECAP);
	fake_set(&fake, 0x1c, 4, SRTP);
	CHECK_EQ(vtd_driver.probe(&fake.unit, &fake.window), 0);
	fake_fini(&fake);
}

static void a_dead_unit_is_no_device(void)
{
	struct fake fake;

	fake_init(&fake, FAKE_CAP, FAKE_ECAP);
	fake.dead = true;
	CHECK_EQ(vtd_driver.probe(&fake.unit, &fake.window), -ENODEV);
	CHECK_HAS(fake.said, "all ones");
	fake_fini(&fake);
}

static void a_unit_that_only_remaps_interrupts_is_not_supported(void)
{
	struct fake fake;

	fake_init(&fake, FAKE_CAP & ~UINT64_C(0x1f00), FAKE_ECAP);
	CHECK_EQ(vtd_driver.probe(&fake.unit, &fake.window), -ENOTSUP);
	CHECK_HAS(fake.said, "SAGAW");
	fake_fini(&fake);
}

static void registers_beyond_the_window_are_noticed(void)
{
	struct fake fake;

	fake_init(&fake, FAKE_CAP, FAKE_ECAP);
	fake.window.len = 0x200;
	CHECK_EQ(vtd_driver.probe(&fake.unit, &fake.window), -ENOTSUP);
	CHECK_HAS(fake.said, "0x230");
	fake_fini(&fake);
}

/* ---- Bring-up ---- */

static void bring_up_with_a_queue_goes_queue_root_invalidate_translate(void)
{
	struct fake fake;

	fake_init(&fake, FAKE_CAP, FAKE_ECAP);
	CHECK_EQ(vtd_driver.probe(&fake.unit, &fake.window), 0);
	CHECK_EQ(vtd_driver.enable(&fake.unit), 0);

	uint64_t iqa = fake_reg(&fake, 0x90, 8);
	uint64_t root = fake_reg(&fake, 0x20, 8);
	const struct fake_write expected[] = {
		{ 0x38, 4, 0x80000000 }, /* no fault interrupts */
		{ 0x34, 4, 0x71 },       /* nothing stale in FSTS */
		{ 0xa0, 4, 0x80000000 }, { 0x88, 8, 0 },          { 0x90, 8, iqa },  { 0x18, 4, QIE },
		{ 0x20, 8, root },       { 0x18, 4, QIE | SRTP }, { 0x88, 8, 0x20 }, /* context cache */
		{ 0x88, 8, 0x40 },                                                   /* IOTLB */
		{ 0x18, 4, TE | QIE },                                               /* without SRTP, which is no state */
	};

	fake_expect(&fake, 0, expected, sizeof(expected) / sizeof(expected[0]));
	CHECK_HEX(iqa & 0xfff, 4); /* 4096 descriptors */
	CHECK_HEX(fake_descriptor(&fake, 0).lo, 0x11);
	CHECK_HEX(fake_descriptor(&fake, 1).lo & 0xffffffff, 0x25);
	CHECK_HEX(fake_descriptor(&fake, 2).lo, 0xd2);
	CHECK_HEX(fake_reg(&fake, 0x1c, 4), TE | SRTP | QIE);
	CU_ASSERT(fake.writebacks > 0); /* ECAP.C is 0 */
	fake_fini(&fake);
}

static void bring_up_without_a_queue_invalidates_by_registers(void)
{
	struct fake fake;

	fake_init(&fake, FAKE_CAP, FAKE_ECAP_REGISTERS);
	CHECK_EQ(vtd_driver.probe(&fake.unit, &fake.window), 0);
	CHECK_EQ(vtd_driver.enable(&fake.unit), 0);

	const struct fake_write expected[] = {
		{ 0x38, 4, 0x80000000 },
		{ 0x34, 4, 0x71 },
		{ 0x20, 8, fake_reg(&fake, 0x20, 8) },
		{ 0x18, 4, SRTP },
		{ 0x28, 8, UINT64_C(0xa000000000000000) },
		{ FAKE_IOTLB, 8, UINT64_C(0x9003000000000000) },
		{ 0x18, 4, TE },
	};

	fake_expect(&fake, 0, expected, sizeof(expected) / sizeof(expected[0]));
	CHECK_EQ(fake.writebacks, 0);
	fake_fini(&fake);
}

static void every_function_of_every_bus_starts_on_identity(void)
{
	struct fake fake;

	fake_start(&fake, FAKE_CAP, FAKE_ECAP);
	for (unsigned rid = 0; rid < 65536; rid += 251) {
		CHECK_HEX(fake_context(&fake, (uint16_t)rid)->lo, 0x9);
		CHECK_HEX(fake_context(&fake, (uint16_t)rid)->hi & 7, 2); /* the most levels the unit has */
	}
	fake_fini(&fake);
}

static void write_buffers_are_flushed_before_the_unit_reads_tables(void)
{
	struct fake fake;

	fake_init(&fake, FAKE_CAP | 0x10, FAKE_ECAP_REGISTERS);
	CHECK_EQ(vtd_driver.probe(&fake.unit, &fake.window), 0);
	CHECK_EQ(vtd_driver.enable(&fake.unit), 0);
	CHECK_HEX(fake.writes[2].off, 0x18);
	CHECK_HEX(fake.writes[2].value, WBF);
	CHECK_HEX(fake.writes[4].value, SRTP);
	fake_fini(&fake);
}

static void protected_memory_opens_after_translation_and_closes_before_it_ends(void)
{
	struct fake fake;

	fake_init(&fake, FAKE_CAP | 0x20, FAKE_ECAP_REGISTERS);
	fake_set(&fake, 0x64, 4, 0x80000001);
	CHECK_EQ(vtd_driver.probe(&fake.unit, &fake.window), 0);
	CHECK_EQ(vtd_driver.enable(&fake.unit), 0);
	CHECK_HEX(fake.writes[fake.nwrites - 2].value, TE);
	CHECK_HEX(fake.writes[fake.nwrites - 1].off, 0x64);
	CHECK_HEX(fake_reg(&fake, 0x64, 4), 0);
	fake.nwrites = 0;
	CHECK_EQ(vtd_driver.shutdown(&fake.unit), 0);
	CHECK_HEX(fake.writes[0].off, 0x64);
	CHECK_HEX(fake_reg(&fake, 0x64, 4), 0x80000001);
	fake_fini(&fake);
}

static void protected_memory_that_was_off_is_not_touched(void)
{
	struct fake fake;

	fake_init(&fake, FAKE_CAP | 0x60, FAKE_ECAP_REGISTERS);
	CHECK_EQ(vtd_driver.probe(&fake.unit, &fake.window), 0);
	CHECK_EQ(vtd_driver.enable(&fake.unit), 0);
	CHECK_EQ(vtd_driver.shutdown(&fake.unit), 0);
	for (unsigned i = 0; i < fake.nwrites; i++)
		CU_ASSERT(fake.writes[i].off != 0x64);
	fake_fini(&fake);
}

static void faults_from_before_are_forgotten(void)
{
	struct fake fake;

	fake_init(&fake, FAKE_CAP, FAKE_ECAP);
	fake_set(&fake, 0x34, 4, 0x3);
	fake_set(&fake, FAKE_FRCD + 8, 8, UINT64_C(0xc000000600000028));
	CHECK_EQ(vtd_driver.probe(&fake.unit, &fake.window), 0);
	CHECK_EQ(vtd_driver.enable(&fake.unit), 0);
	CHECK_HEX(fake_reg(&fake, FAKE_FRCD + 8, 8) >> 63, 0);
	CHECK_HEX(fake_reg(&fake, 0x34, 4) & 1, 0);
	fake_fini(&fake);
}

/* ---- Shutdown ---- */

static void shutdown_goes_translation_queue_root_and_restores(void)
{
	struct fake fake;

	fake_init(&fake, FAKE_CAP, FAKE_ECAP);
	fake_set(&fake, 0x20, 8, 0x77000);
	fake_set(&fake, 0x38, 4, 0);
	CHECK_EQ(vtd_driver.probe(&fake.unit, &fake.window), 0);
	CHECK_EQ(vtd_driver.enable(&fake.unit), 0);
	fake.nwrites = 0;
	CHECK_EQ(vtd_driver.shutdown(&fake.unit), 0);

	const struct fake_write expected[] = {
		{ 0x18, 4, QIE },     { 0x18, 4, 0 },    { 0x90, 8, 0 }, { 0xa0, 4, 0 },
		{ 0x20, 8, 0x77000 }, { 0x18, 4, SRTP }, { 0x38, 4, 0 },
	};

	fake_expect(&fake, 0, expected, sizeof(expected) / sizeof(expected[0]));
	CHECK_EQ(piommu_pool_used(fake.pool), 0);
	CHECK_EQ(vtd_driver.shutdown(&fake.unit), 0); /* a second time: nothing to do */
	CHECK_EQ(fake.nwrites, 7);
	fake_fini(&fake);
}

static void a_unit_that_goes_on_translating_keeps_its_tables(void)
{
	struct fake fake;

	fake_start(&fake, FAKE_CAP, FAKE_ECAP);

	uint64_t root = fake_reg(&fake, 0x20, 8);
	size_t used = piommu_pool_used(fake.pool);

	fake.never_acked = TE;
	CHECK_EQ(vtd_driver.shutdown(&fake.unit), -EIO);
	CHECK_EQ(piommu_pool_used(fake.pool), used);
	CHECK_HEX(fake_reg(&fake, 0x20, 8), root);
	CHECK_HEX(fake_reg(&fake, 0x1c, 4) & QIE, QIE);
	CHECK_HAS(fake.said, "stay allocated");
	fake_fini(&fake);
}

static void a_dead_unit_keeps_its_tables(void)
{
	struct fake fake;

	fake_start(&fake, FAKE_CAP, FAKE_ECAP);
	fake.dead = true;
	CHECK_EQ(vtd_driver.shutdown(&fake.unit), -EIO);
	CU_ASSERT(piommu_pool_used(fake.pool) > 0);
	fake_fini(&fake);
}

static void a_stuck_queue_does_not_keep_a_unit_from_shutting_down(void)
{
	struct fake fake;

	fake_start(&fake, FAKE_CAP, FAKE_ECAP);
	fake.invalidations_stuck = true;
	CHECK_EQ(vtd_driver.flush_tag(&fake.unit, 5), -ETIMEDOUT);
	CHECK_EQ(vtd_driver.shutdown(&fake.unit), 0);
	CHECK_HEX(fake_reg(&fake, 0x1c, 4) & (TE | QIE), 0);
	fake_fini(&fake);
}

static void each_failing_step_of_bring_up_rolls_back(void)
{
	static const struct {
		uint32_t never_acked;
		bool invalidations_stuck;
		uint64_t ecap;
	} cases[] = {
		{ QIE, false, FAKE_ECAP },        { SRTP, false, FAKE_ECAP_REGISTERS }, { 0, true, FAKE_ECAP },
		{ 0, true, FAKE_ECAP_REGISTERS }, { WBF, false, FAKE_ECAP_REGISTERS },
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fake fake;

		fake_init(&fake, FAKE_CAP | 0x10, cases[i].ecap);
		fake_set(&fake, 0x20, 8, 0x77000);
		CHECK_EQ(vtd_driver.probe(&fake.unit, &fake.window), 0);
		fake.never_acked = cases[i].never_acked;
		fake.invalidations_stuck = cases[i].invalidations_stuck;
		CHECK_EQ(vtd_driver.enable(&fake.unit), -ETIMEDOUT);
		CHECK_HEX(fake_reg(&fake, 0x1c, 4) & (TE | QIE), 0);
		CHECK_HEX(fake_reg(&fake, 0x20, 8), 0x77000);
		for (unsigned w = 0; w < fake.nwrites; w++)
			CU_ASSERT(fake.writes[w].off != 0x18 || !(fake.writes[w].value & TE));
		fake_fini(&fake);
	}
}

static void translation_that_never_comes_on_keeps_its_tables(void)
{
	struct fake fake;

	fake_init(&fake, FAKE_CAP, FAKE_ECAP);
	CHECK_EQ(vtd_driver.probe(&fake.unit, &fake.window), 0);
	fake.never_acked = TE;
	CHECK_EQ(vtd_driver.enable(&fake.unit), -ETIMEDOUT);
	CU_ASSERT(piommu_pool_used(fake.pool) > 0);
	CHECK_HEX(fake.writes[fake.nwrites - 1].off, 0x38);
	fake_fini(&fake);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(a_probe_reads_capabilities_and_writes_nothing),
		SUITE_TEST(addresses_are_as_wide_as_the_narrower_of_tables_and_unit),
		SUITE_TEST(a_unit_that_is_driven_is_refused_with_the_remedy_and_left_alone),
		SUITE_TEST(a_left_over_root_pointer_does_no_harm),
		SUITE_TEST(a_dead_unit_is_no_device),
		SUITE_TEST(a_unit_that_only_remaps_interrupts_is_not_supported),
		SUITE_TEST(registers_beyond_the_window_are_noticed),
		SUITE_TEST(bring_up_with_a_queue_goes_queue_root_invalidate_translate),
		SUITE_TEST(bring_up_without_a_queue_invalidates_by_registers),
		SUITE_TEST(every_function_of_every_bus_starts_on_identity),
		SUITE_TEST(write_buffers_are_flushed_before_the_unit_reads_tables),
		SUITE_TEST(protected_memory_opens_after_translation_and_closes_before_it_ends),
		SUITE_TEST(protected_memory_that_was_off_is_not_touched),
		SUITE_TEST(faults_from_before_are_forgotten),
		SUITE_TEST(shutdown_goes_translation_queue_root_and_restores),
		SUITE_TEST(a_unit_that_goes_on_translating_keeps_its_tables),
		SUITE_TEST(a_dead_unit_keeps_its_tables),
		SUITE_TEST(a_stuck_queue_does_not_keep_a_unit_from_shutting_down),
		SUITE_TEST(each_failing_step_of_bring_up_rolls_back),
		SUITE_TEST(translation_that_never_comes_on_keeps_its_tables),
	};

	return suite_run(argc, argv, "vtd_probe", tests, sizeof(tests) / sizeof(tests[0]));
}
