/* SPDX-License-Identifier: BSD-3-Clause */
/* What the driver makes of identification words, whom it refuses, and the order of its handshakes (3.11, 6.3). */
#include <errno.h>

#include "drivers.h"
#include "fake_unit.h"
#include "suite.h"

#define SMMUEN 1u
#define EVENTQEN 4u
#define CMDQEN 8u

/* ---- Probe ---- */

static void a_probe_reads_capabilities_and_writes_nothing(void)
{
	struct fake fake;
	const struct piommu_unit_caps *caps = &fake.unit.caps;

	fake_init(&fake, &fake_usual);
	CHECK_EQ(smmuv3_driver.probe(&fake.unit, &fake.window), 0);
	CHECK_EQ(caps->iova_bits, 48);
	CHECK_EQ(caps->pa_bits, 44);
	CHECK_HEX(caps->page_sizes, 0x40201000);
	CHECK_EQ(caps->ntags, 65536);
	CHECK_EQ(caps->first_tag, 1);
	CU_ASSERT(caps->passthrough && caps->queued && caps->coherent && !caps->caches_not_present);
	CU_ASSERT(caps->hole.start > caps->hole.last);
	CHECK_EQ(fake.nwrites, 0);
	fake_fini(&fake);
}

static void capabilities_follow_the_identification_words(void)
{
	static const struct {
		struct fake_ids ids;
		unsigned iova_bits, pa_bits, ntags;
		uint64_t page_sizes;
		bool coherent;
	} cases[] = {
		/* stage 2 alone: addresses as wide as the machine's; 8-bit VMIDs */
		{ { 0x0804321b & ~2u, FAKE_IDR1, 0, 0x72 }, 40, 40, 256, 0x40201000, true },
		/* 8-bit ASIDs, not coherent */
		{ { FAKE_IDR0 & ~0x1010u, FAKE_IDR1, 0, 0x74 }, 48, 44, 256, 0x40201000, false },
		/* 16 KiB, where there is no 4 KiB */
		{ { FAKE_IDR0, FAKE_IDR1, 0, 0x65 }, 48, 48, 65536, 0x02004000, true },
		/* 64 KiB; 52 bits each way */
		{ { FAKE_IDR0, FAKE_IDR1, 0, 0x446 }, 52, 52, 65536, 0x20010000, true },
		/* 52 bits do not fit 4 KiB tables */
		{ { FAKE_IDR0, FAKE_IDR1, 0, 0x476 }, 48, 48, 65536, 0x40201000, true },
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fake fake;
		const struct piommu_unit_caps *caps = &fake.unit.caps;
		struct fake_ids ids = cases[i].ids;

		if (i == 0)
			ids.idr0 &= ~0x40000u; /* VMID16 */
		fake_init(&fake, &ids);
		CHECK_EQ(smmuv3_driver.probe(&fake.unit, &fake.window), 0);
		CHECK_EQ(caps->iova_bits, cases[i].iova_bits);
		CHECK_EQ(caps->pa_bits, cases[i].pa_bits);
		CHECK_EQ(caps->ntags, cases[i].ntags);
		CHECK_HEX(caps->page_sizes, cases[i].page_sizes);
		CHECK_EQ(caps->coherent, cases[i].coherent);
		fake_fini(&fake);
	}
}

static void firmware_knows_of_coherence_that_the_register_does_not(void)
{
	struct fake fake;

	fake_init(&fake, &(struct fake_ids){ FAKE_IDR0 & ~0x10u, FAKE_IDR1, 0, FAKE_IDR5 });
	fake.fw.flags = PIOMMU_FW_UNIT_COHERENT;
	CHECK_EQ(smmuv3_driver.probe(&fake.unit, &fake.window), 0);
	CU_ASSERT(fake.unit.caps.coherent);
	fake_fini(&fake);
}

/* Walks that are taken to snoop and do not are stale tables; write-backs that are for nothing are time. */
static void a_device_tree_has_the_last_word_on_coherence(void)
{
	for (unsigned i = 0; i < 4; i++) {
		bool could = i & 1;
		bool stated = i & 2;
		struct fake fake;

		fake_init(&fake, &(struct fake_ids){ could ? FAKE_IDR0 : FAKE_IDR0 & ~0x10u, FAKE_IDR1, 0, FAKE_IDR5 });
		fake.fw.path = (char *)(uintptr_t) "/iommu@9050000";
		fake.fw.flags = stated ? PIOMMU_FW_UNIT_COHERENT : 0;
		fake.log.level = PIOMMU_LOG_INFO;
		CHECK_EQ(smmuv3_driver.probe(&fake.unit, &fake.window), 0);
		CHECK_EQ(fake.unit.caps.coherent, stated);
		CHECK_EQ(strstr(fake.said, "dma-coherent") != NULL, could != stated);
		fake_fini(&fake);
	}
}

static void what_cannot_be_driven_is_refused_with_the_reason(void)
{
	static const struct {
		struct fake_ids ids;
		const char *why;
	} cases[] = {
		{ { FAKE_IDR0, FAKE_IDR1 | 0x40000000, 0, FAKE_IDR5 }, "TABLES_PRESET" },
		{ { FAKE_IDR0, FAKE_IDR1 | 0x20000000, 0, FAKE_IDR5 }, "QUEUES_PRESET" },
		{ { FAKE_IDR0 & ~3u, FAKE_IDR1, 0, FAKE_IDR5 }, "stage" },
		{ { (FAKE_IDR0 & ~12u) | 4, FAKE_IDR1, 0, FAKE_IDR5 }, "AArch64" },
		{ { FAKE_IDR0 | 0x600000, FAKE_IDR1, 0, FAKE_IDR5 }, "big-endian" },
		{ { FAKE_IDR0 | 0x2000000, FAKE_IDR1, 0, FAKE_IDR5 }, "stalls" },
		{ { FAKE_IDR0, FAKE_IDR1, 0, 4 }, "page size" },
		{ { FAKE_IDR0, (FAKE_IDR1 & ~0x3fu) | 33, 0, FAKE_IDR5 }, "stream ids" },
		{ { FAKE_IDR0 & ~0x8000000u, (FAKE_IDR1 & ~0x3fu) | 17, 0, FAKE_IDR5 }, "linear" },
		{ { FAKE_IDR0, (FAKE_IDR1 & ~0x3e00000u) | 1 << 21, 0, FAKE_IDR5 }, "CMDQS" },
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fake fake;

		fake_init(&fake, &cases[i].ids);
		CHECK_EQ(smmuv3_driver.probe(&fake.unit, &fake.window), -ENOTSUP);
		CHECK_HAS(fake.said, "smmu0");
		CHECK_HAS(fake.said, cases[i].why);
		CHECK_EQ(fake.nwrites, 0);
		CU_ASSERT_PTR_NULL(fake.unit.priv);
		fake_fini(&fake);
	}
}

static void a_unit_that_is_driven_is_refused_with_the_remedy_and_left_alone(void)
{
	static const uint32_t driven[] = { SMMUEN, EVENTQEN, CMDQEN, SMMUEN | EVENTQEN | CMDQEN };

	for (unsigned i = 0; i < sizeof(driven) / sizeof(driven[0]); i++) {
		struct fake fake;

		fake_init(&fake, &fake_usual);
		fake_set(&fake, 0x20, 4, driven[i]);
		CHECK_EQ(smmuv3_driver.probe(&fake.unit, &fake.window), -EBUSY);
		CHECK_EQ(fake.nwrites, 0);
		CHECK_HAS(fake.said, "smmu0");
		CHECK_HAS(fake.said, "initcall_blacklist=arm_smmu_driver_init");
		fake_fini(&fake);
	}
}

static void a_kernel_that_comes_back_between_probe_and_enable_is_noticed(void)
{
	struct fake fake;

	fake_init(&fake, &fake_usual);
	CHECK_EQ(smmuv3_driver.probe(&fake.unit, &fake.window), 0);
	fake_set(&fake, 0x20, 4, SMMUEN | EVENTQEN | CMDQEN);
	CHECK_EQ(smmuv3_driver.enable(&fake.unit), -EBUSY);
	CHECK_EQ(fake.nwrites, 0);
	fake_fini(&fake);
}

static void a_dead_unit_is_no_device(void)
{
	struct fake fake;

	fake_init(&fake, &fake_usual);
	fake.dead = true;
	CHECK_EQ(smmuv3_driver.probe(&fake.unit, &fake.window), -ENODEV);
	CHECK_HAS(fake.said, "all ones");
	fake_fini(&fake);
}

static void registers_beyond_the_window_are_noticed(void)
{
	struct fake fake;

	fake_init(&fake, &fake_usual);
	fake.window.len = 0x10000;
	CHECK_EQ(smmuv3_driver.probe(&fake.unit, &fake.window), -ENOTSUP);
	CHECK_HAS(fake.said, "0x100b0");
	fake.fw.flags = PIOMMU_FW_UNIT_ONE_PAGE;
	CHECK_EQ(smmuv3_driver.probe(&fake.unit, &fake.window), 0);
	CHECK_EQ(smmuv3_driver.enable(&fake.unit), 0);
	for (unsigned i = 0; i < fake.nwrites; i++)
		CU_ASSERT(fake.writes[i].off < 0x10000);
	fake_fini(&fake);
}

/* ---- Bring-up ---- */

static void bring_up_goes_tables_commands_invalidate_events_translate(void)
{
	struct fake fake;

	fake_init(&fake, &fake_usual);
	fake_set(&fake, 0x60, 4, 0x5); /* errors of somebody before us */
	CHECK_EQ(smmuv3_driver.probe(&fake.unit, &fake.window), 0);
	CHECK_EQ(smmuv3_driver.enable(&fake.unit), 0);

	uint64_t strtab = fake_reg(&fake, 0x80, 8);
	uint64_t cmdq = fake_reg(&fake, 0x90, 8);
	uint64_t eventq = fake_reg(&fake, 0xa0, 8);
	const struct fake_write expected[] = {
		{ 0x50, 4, 0 }, /* no interrupts */
		{ 0x64, 4, 5 }, /* nothing stale in GERROR */
		{ 0x28, 4, 0xd75 },
		{ 0x2c, 4, 0x6 },
		{ 0x80, 8, strtab },
		{ 0x88, 4, 0x10210 }, /* two levels, split 8, 16 bits */
		{ 0x90, 8, cmdq },
		{ 0x98, 4, 0 },
		{ 0x9c, 4, 0 },
		{ 0xa0, 8, eventq },
		{ 0x100a8, 4, 0 },
		{ 0x100ac, 4, 0 },
		{ 0x20, 4, CMDQEN },
		{ 0x98, 4, 2 },
		{ 0x98, 4, 5 },
		{ 0x20, 4, CMDQEN | EVENTQEN },
		{ 0x20, 4, CMDQEN | EVENTQEN | SMMUEN },
	};
	const struct smmuv3_cmd commands[] = { { 4, 0x1f }, { 0x46, 0 }, { 0x20, 0 }, { 0x30, 0 }, { 0x46, 0 } };

	fake_expect(&fake, 0, expected, sizeof(expected) / sizeof(expected[0]));
	fake_expect_commands(&fake, 0, commands, 5);
	CHECK_HEX(cmdq & 0x1f, 10);
	CHECK_HEX(eventq & 0x1f, 8);
	CHECK_HEX(cmdq & UINT64_C(0xfffffffffffe0) & 0x3fff, 0); /* aligned to its size (6.3.26) */
	CHECK_HEX(strtab & 0x7ff & ~UINT64_C(0x3f), 0);
	CHECK_EQ(fake.writebacks, 0);
	CHECK_HEX(fake_reg(&fake, 0x44, 4), 0x1000); /* GBPA is nobody's business */
	fake_fini(&fake);
}

static void a_unit_without_el2_gets_no_command_for_it(void)
{
	static const struct smmuv3_cmd commands[] = { { 4, 0x1f }, { 0x46, 0 }, { 0x30, 0 }, { 0x46, 0 } };
	struct fake fake;

	fake_init(&fake, &(struct fake_ids){ FAKE_IDR0 & ~0x200u, FAKE_IDR1, 0, FAKE_IDR5 });
	CHECK_EQ(smmuv3_driver.probe(&fake.unit, &fake.window), 0);
	CHECK_EQ(smmuv3_driver.enable(&fake.unit), 0);
	fake_expect_commands(&fake, 0, commands, 4);
	fake_fini(&fake);
}

/* GBPA.ABORT is bit 20; an entry that aborts is V and no more (5.2). */
static void where_all_was_aborted_every_stream_starts_so(void)
{
	static const struct fake_ids cases[] = {
		{ FAKE_IDR0, FAKE_IDR1, 0, FAKE_IDR5 }, { FAKE_IDR0, (FAKE_IDR1 & ~0x3fu) | 7, 0, FAKE_IDR5 }, /* linear */
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct piommu_device device = { .name = "device" };
		struct fake fake;

		fake_init(&fake, &cases[i]);
		fake_set(&fake, 0x44, 4, 0x101000);
		fake.log.level = PIOMMU_LOG_INFO;
		device.unit = &fake.unit;
		CHECK_EQ(smmuv3_driver.probe(&fake.unit, &fake.window), 0);
		CHECK_EQ(smmuv3_driver.enable(&fake.unit), 0);
		CHECK_HAS(fake.said, "stays aborted");
		for (uint32_t stream = 0; stream < 128; stream++)
			CHECK_HEX(fake_ste(&fake, stream)->w[0], 0x1);
		CHECK_EQ(smmuv3_driver.default_domain(&device), PIOMMU_DEFAULT_BLOCKING);
		CHECK_HEX(fake_reg(&fake, 0x44, 4), 0x101000);
		CHECK_EQ(smmuv3_driver.shutdown(&fake.unit), 0);

		/* Taken over once more, with another word of firmware's. */
		fake_set(&fake, 0x44, 4, 0x1000);
		CHECK_EQ(smmuv3_driver.enable(&fake.unit), 0);
		CHECK_HEX(fake_ste(&fake, 1)->w[0], 0x9);
		CHECK_EQ(smmuv3_driver.default_domain(&device), PIOMMU_DEFAULT_ANY);
		fake_fini(&fake);
	}
}

static void every_stream_starts_on_bypass(void)
{
	static const struct fake_ids cases[] = {
		{ FAKE_IDR0, FAKE_IDR1, 0, FAKE_IDR5 },
		{ FAKE_IDR0 & ~0x8000000u, FAKE_IDR1, 0, FAKE_IDR5 }, /* linear, 4 MiB */
		{ FAKE_IDR0, (FAKE_IDR1 & ~0x3fu) | 7, 0, FAKE_IDR5 },
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fake fake;
		uint32_t end = 1u << (cases[i].idr1 & 0x3f);

		fake_start(&fake, &cases[i]);
		for (uint32_t stream = 0; stream < end; stream += 3) {
			CHECK_HEX(fake_ste(&fake, stream)->w[0], 0x9);
			CHECK_HEX(fake_ste(&fake, stream)->w[1], UINT64_C(0x100000000000));
		}
		fake_fini(&fake);
	}
}

/* 6.3.24: a linear table is aligned to its size, whatever memory is. */
static void a_large_linear_table_is_aligned_to_its_size(void)
{
	struct fake fake;

	fake_start(&fake, &(struct fake_ids){ FAKE_IDR0 & ~0x8000000u, FAKE_IDR1, 0, FAKE_IDR5 });
	CHECK_HEX(fake_reg(&fake, 0x88, 4), 16);
	CHECK_HEX(fake_reg(&fake, 0x80, 8) & 0x3fffff, 0);
	fake_fini(&fake);
}

static void ids_that_a_table_would_be_too_large_for_are_named(void)
{
	struct fake fake;

	fake_init(&fake, &(struct fake_ids){ FAKE_IDR0, (FAKE_IDR1 & ~0x3fu) | 32, 0, FAKE_IDR5 });
	CHECK_EQ(smmuv3_driver.probe(&fake.unit, &fake.window), 0);
	CHECK_EQ(smmuv3_driver.enable(&fake.unit), 0);
	CHECK_HAS(fake.said, "0x4000000");
	CHECK_HEX(fake_reg(&fake, 0x88, 4) & 0x3f, 26);
	fake_fini(&fake);
}

static void a_unit_that_does_not_snoop_gets_its_tables_written_back(void)
{
	struct fake fake;

	fake_init(&fake, &(struct fake_ids){ FAKE_IDR0 & ~0x10u, FAKE_IDR1, 0, FAKE_IDR5 });
	CHECK_EQ(smmuv3_driver.probe(&fake.unit, &fake.window), 0);
	CHECK_EQ(smmuv3_driver.enable(&fake.unit), 0);
	CU_ASSERT(fake.writebacks >= 3);
	CHECK_HEX(fake_reg(&fake, 0x28, 4), 0x820);
	for (unsigned i = 0; i < fake.ncommands; i++)
		CHECK_HEX(fake.commands[i].lo & 0x3000, 0); /* no CMD_SYNC writes */
	fake_fini(&fake);
}

/* ---- Shutdown ---- */

static void shutdown_goes_translation_queues_and_restores(void)
{
	struct fake fake;

	fake_init(&fake, &fake_usual);
	fake_set(&fake, 0x28, 4, 0x123);
	fake_set(&fake, 0x2c, 4, 0x1);
	fake_set(&fake, 0x80, 8, 0x77000);
	fake_set(&fake, 0x88, 4, 0x5);
	fake_set(&fake, 0x90, 8, 0x88003);
	fake_set(&fake, 0xa0, 8, 0x99004);
	CHECK_EQ(smmuv3_driver.probe(&fake.unit, &fake.window), 0);
	CHECK_EQ(smmuv3_driver.enable(&fake.unit), 0);
	fake.nwrites = 0;
	CHECK_EQ(smmuv3_driver.shutdown(&fake.unit), 0);

	const struct fake_write expected[] = {
		{ 0x20, 4, CMDQEN | EVENTQEN },
		{ 0x20, 4, 0 },
		{ 0x64, 4, 0 },
		{ 0xa0, 8, 0x99004 },
		{ 0x90, 8, 0x88003 },
		{ 0x88, 4, 5 },
		{ 0x80, 8, 0x77000 },
		{ 0x2c, 4, 1 },
		{ 0x28, 4, 0x123 },
		{ 0x50, 4, 0 },
	};

	fake_expect(&fake, 0, expected, sizeof(expected) / sizeof(expected[0]));
	CHECK_EQ(piommu_pool_used(fake.pool), 0);
	CHECK_EQ(smmuv3_driver.shutdown(&fake.unit), 0); /* a second time: nothing to do */
	CHECK_EQ(fake.nwrites, 10);
	CHECK_EQ(smmuv3_driver.enable(&fake.unit), 0); /* and again */
	fake_fini(&fake);
}

static void a_unit_that_goes_on_translating_keeps_its_tables(void)
{
	struct fake fake;

	fake_start(&fake, &fake_usual);

	uint64_t strtab = fake_reg(&fake, 0x80, 8);

	fake.never_acked = SMMUEN;
	CHECK_EQ(smmuv3_driver.shutdown(&fake.unit), -EIO);
	CHECK_HEX(fake_reg(&fake, 0x80, 8), strtab);
	CHECK_HEX(fake_reg(&fake, 0x24, 4), SMMUEN | CMDQEN | EVENTQEN);
	CU_ASSERT(fake.unit.keep_memory);
	CHECK_HEX(fake_ste(&fake, 0x820)->w[0], 0x9); /* still there */
	CHECK_HAS(fake.said, "stay allocated");
	fake_fini(&fake);
}

static void a_dead_unit_keeps_its_tables(void)
{
	struct fake fake;

	fake_start(&fake, &fake_usual);
	fake.dead = true;
	CHECK_EQ(smmuv3_driver.shutdown(&fake.unit), -EIO);
	CU_ASSERT(fake.unit.keep_memory);
	fake_fini(&fake);
}

static void a_stuck_queue_does_not_keep_a_unit_from_shutting_down(void)
{
	struct fake fake;

	fake_start(&fake, &fake_usual);
	fake.commands_stuck = true;
	CHECK_EQ(smmuv3_driver.flush_tag(&fake.unit, 5), -ETIMEDOUT);
	CHECK_EQ(smmuv3_driver.shutdown(&fake.unit), 0);
	CHECK_HEX(fake_reg(&fake, 0x24, 4), 0);
	fake_fini(&fake);
}

static void each_failing_step_of_bring_up_rolls_back(void)
{
	static const struct {
		uint32_t never_acked;
		bool commands_stuck;
		bool keeps;
	} cases[] = { { CMDQEN, false, true }, { EVENTQEN, false, true }, { SMMUEN, false, true }, { 0, true, false } };

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fake fake;

		fake_init(&fake, &fake_usual);
		fake_set(&fake, 0x80, 8, 0x77000);
		CHECK_EQ(smmuv3_driver.probe(&fake.unit, &fake.window), 0);
		fake.never_acked = cases[i].never_acked;
		fake.commands_stuck = cases[i].commands_stuck;
		CHECK_EQ(smmuv3_driver.enable(&fake.unit), -ETIMEDOUT);
		CHECK_HEX(fake_reg(&fake, 0x20, 4), 0);
		CHECK_HEX(fake_reg(&fake, 0x24, 4), 0);
		/* What was asked for and never came may still come, and then reads what it was told of. */
		CHECK_EQ(fake.unit.keep_memory, cases[i].keeps);
		CHECK_HEX(fake_reg(&fake, 0x80, 8), 0x77000);
		fake_fini(&fake);
	}
}

static void memory_that_runs_out_leaves_the_unit_alone(void)
{
	unsigned n = 0;
	int err;

	do {
		struct fake fake;

		fake_init(&fake, &fake_usual);
		CHECK_EQ(smmuv3_driver.probe(&fake.unit, &fake.window), 0);
		fake.fail_alloc = ++n;
		err = smmuv3_driver.enable(&fake.unit);
		if (err) {
			CHECK_EQ(err, -ENOMEM);
			CHECK_EQ(fake.nwrites, 0);
			CHECK_EQ(smmuv3_driver.enable(&fake.unit), 0);
		}
		fake_fini(&fake);
	} while (err);
	CHECK_EQ(n, 5); /* both levels, two queues */
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(a_probe_reads_capabilities_and_writes_nothing),
		SUITE_TEST(capabilities_follow_the_identification_words),
		SUITE_TEST(firmware_knows_of_coherence_that_the_register_does_not),
		SUITE_TEST(a_device_tree_has_the_last_word_on_coherence),
		SUITE_TEST(what_cannot_be_driven_is_refused_with_the_reason),
		SUITE_TEST(a_unit_that_is_driven_is_refused_with_the_remedy_and_left_alone),
		SUITE_TEST(a_kernel_that_comes_back_between_probe_and_enable_is_noticed),
		SUITE_TEST(a_dead_unit_is_no_device),
		SUITE_TEST(registers_beyond_the_window_are_noticed),
		SUITE_TEST(bring_up_goes_tables_commands_invalidate_events_translate),
		SUITE_TEST(a_unit_without_el2_gets_no_command_for_it),
		SUITE_TEST(every_stream_starts_on_bypass),
		SUITE_TEST(where_all_was_aborted_every_stream_starts_so),
		SUITE_TEST(a_large_linear_table_is_aligned_to_its_size),
		SUITE_TEST(ids_that_a_table_would_be_too_large_for_are_named),
		SUITE_TEST(a_unit_that_does_not_snoop_gets_its_tables_written_back),
		SUITE_TEST(shutdown_goes_translation_queues_and_restores),
		SUITE_TEST(a_unit_that_goes_on_translating_keeps_its_tables),
		SUITE_TEST(a_dead_unit_keeps_its_tables),
		SUITE_TEST(a_stuck_queue_does_not_keep_a_unit_from_shutting_down),
		SUITE_TEST(each_failing_step_of_bring_up_rolls_back),
		SUITE_TEST(memory_that_runs_out_leaves_the_unit_alone),
	};

	return suite_run(argc, argv, "smmuv3_probe", tests, sizeof(tests) / sizeof(tests[0]));
}
