/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The SMMUv3 model's command queue: order, wrap bits, commands that are illegal, errors and how software gets past them, completion, a
 * thread of its own (specification 4, 7.1).
 */
#include <errno.h>
#include <pthread.h>

#include "rig.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define NSNH_ALL UINT64_C(0x30)
#define SYNC UINT64_C(0x46)
#define SYNC_IRQ UINT64_C(0x1046)

static void set(struct rig *rig)
{
	rig_open(rig, &rig_default);
	rig_enable(rig);
}

static uint32_t cons(struct rig *rig)
{
	return r32(rig, 0x9c);
}

static uint32_t gerror(struct rig *rig)
{
	return r32(rig, 0x60) ^ r32(rig, 0x64);
}

/* 16 entries: the index has 4 bits, the wrap bit is bit 4. */
static void queue_wraps(void)
{
	struct rig rig;

	set(&rig);
	for (unsigned i = 0; i < 100; i++) {
		CHECK_HEX(cons(&rig), 2 * i % 32);
		rig_order(&rig, NSNH_ALL, 0);
	}
	CHECK_EQ(rig_counts(&rig).descriptors, 100);
	CHECK_EQ(rig_counts(&rig).waits, 100);
	CHECK_EQ(rig_counts(&rig).tlb_invalidations, 100);
	CHECK_EQ(rig_counts(&rig).doorbells, 200);
	CHECK_HEX(gerror(&rig), 0);
	rig_check_clean(&rig);
	rig_close(&rig);
}

/* Equal indexes: empty with equal wrap bits, full with different ones. */
static void full_queue_runs_whole(void)
{
	struct rig rig;

	set(&rig);
	for (unsigned i = 0; i < 16; i++)
		rig_put(&rig, rig.cmdq, 2 * i, NSNH_ALL);
	w32(&rig, 0x98, 0x10);
	CHECK_HEX(cons(&rig), 0x10);
	CHECK_EQ(rig_counts(&rig).descriptors, 16);
	rig_check_clean(&rig);
	w32(&rig, 0x98, 0x2); /* 18 further on */
	CHECK_HAS(rig_complaint(&rig), "more than a whole queue apart");
	CHECK_HEX(cons(&rig), 0x10);
	w32(&rig, 0x98, 0x40);
	CHECK_HAS(rig_complaint(&rig), "no such index");
	rig_close(&rig);
}

static void only_an_enabled_queue_runs(void)
{
	struct rig rig;

	set(&rig);
	w32(&rig, 0x20, 0x5);
	rig_command(&rig, NSNH_ALL, 0);
	CHECK_HEX(cons(&rig), 0);
	w32(&rig, 0x20, 0xd);
	CHECK_HEX(cons(&rig), 1);
	rig_check_clean(&rig);
	rig_close(&rig);
}

/* What the default unit has each command for, and one bit too many in each of its words. */
static const struct {
	uint64_t lo, hi, bad_lo, bad_hi;
} commands[] = {
	{ 0x01 | UINT64_C(9) << 32, 0, 0x800, 1 },
	{ 0x02 | UINT64_C(9) << 32, UINT64_C(0xfffffffffffff3ff), 0x1000, 0x400 },
	{ 0x03 | UINT64_C(9) << 32, 1, 0x400, 2 },
	{ 0x04 | UINT64_C(9) << 32, 0x1f, 0x400, 0x20 },
	{ 0x05 | UINT64_C(9) << 32, 1, 0x1000, 2 },
	{ 0x06 | UINT64_C(9) << 32, 0, 0x400, 1 },
	{ 0x10 | UINT64_C(9) << 32, 0, UINT64_C(1) << 48, 1 },
	{ 0x11 | UINT64_C(9) << 32 | UINT64_C(9) << 48, 0, 0x100, 1 },
	{ 0x12 | UINT64_C(9) << 32 | UINT64_C(9) << 48, UINT64_C(0xfffffffffffff001), 0x1000, 0x100 },
	{ 0x12 | 0x1f1f000, 0xf01, 0x100, 0x2 },
	{ 0x13 | UINT64_C(9) << 32, 0x1001, UINT64_C(1) << 48, 0x100 },
	{ 0x28 | UINT64_C(9) << 32, 0, UINT64_C(1) << 48, 1 },
	{ 0x2a | UINT64_C(9) << 32, UINT64_C(0xffffffffff001), UINT64_C(1) << 48, UINT64_C(1) << 52 },
	{ 0x30, 0, UINT64_C(1) << 32, 1 },
	{ 0x46 | UINT64_C(1) << 32, 0x1000, 0x100, 1 },
	{ 0x1046 | 0xfc00000, 0x1000, UINT64_C(1) << 28, UINT64_C(1) << 52 },
	{ 0x2046, 0, 0x4000, 2 },
};

/* The queue stops at it, with its code, and goes on when software has put something legal there. Returns how often reserved bits were counted. */
static unsigned check_illegal(uint64_t lo, uint64_t hi, const struct smmuv3_model_config *config)
{
	struct rig rig;
	unsigned reserved;

	rig_open(&rig, config);
	rig_enable(&rig);
	rig_command(&rig, NSNH_ALL, 0);
	rig_command(&rig, lo, hi);
	rig_command(&rig, NSNH_ALL, 0);
	CHECK_HEX(cons(&rig), 0x01000001);
	CHECK_HEX(gerror(&rig), 1);
	CHECK_EQ(rig_counts(&rig).tlb_invalidations, 1);
	CHECK_HAS(rig_complaint(&rig), "command 1 ");
	rig_put(&rig, rig.cmdq, 2, SYNC);
	rig_put(&rig, rig.cmdq, 3, 0);
	w32(&rig, 0x98, rig.prod); /* another doorbell does not help */
	CHECK_HEX(cons(&rig), 0x01000001);
	w32(&rig, 0x64, 1);
	CHECK_HEX(cons(&rig) & 0xfffff, 3);
	CHECK_HEX(gerror(&rig), 0);
	CHECK_EQ(rig_counts(&rig).tlb_invalidations, 2);
	reserved = (unsigned)rig_counts(&rig).reserved_errors;
	rig_close(&rig);
	return reserved;
}

static void legal_commands_run(void)
{
	struct rig rig;

	set(&rig);
	for (unsigned i = 0; i < COUNT(commands); i++)
		rig_order(&rig, commands[i].lo, commands[i].hi);
	CHECK_HEX(gerror(&rig), 0);
	rig_check_clean(&rig);
	rig_close(&rig);
}

static void reserved_bits_make_a_command_illegal(void)
{
	for (unsigned i = 0; i < COUNT(commands); i++) {
		CHECK_EQ(check_illegal(commands[i].lo | commands[i].bad_lo, commands[i].hi, &rig_default), 1);
		CHECK_EQ(check_illegal(commands[i].lo, commands[i].hi | commands[i].bad_hi, &rig_default), 1);
	}
}

static void commands_that_do_not_exist(void)
{
	static const uint64_t opcodes[] = { 0x00, 0x07, 0x14, 0x18, 0x20, 0x22, 0x29, 0x31,
					    0x40, 0x41, 0x44, 0x45, 0x50, 0x60, 0xff };

	for (unsigned i = 0; i < COUNT(opcodes); i++)
		check_illegal(opcodes[i], 0, &rig_default);  /* no EL2, no ATS, no PRI, no stall, not secure */
	check_illegal(0x3046, 0, &rig_default);              /* CS = 3 */
	check_illegal(0x12, 0x1001 | 1 << 10, &rig_default); /* a range of nothing */
}

static void commands_of_absent_capabilities(void)
{
	static const uint64_t s1[] = { 0x05, 0x06, 0x10, 0x11, 0x12, 0x13 }, s2[] = { 0x28, 0x2a };
	static const uint64_t tagged[] = { 0x10 | UINT64_C(1) << 40, 0x11 | UINT64_C(1) << 56, 0x12 | UINT64_C(1) << 40,
					   0x28 | UINT64_C(1) << 47, 0x2a | UINT64_C(1) << 40 }; /* tags of 9 bits and more */
	struct smmuv3_model_config config = rig_default;
	struct rig rig;

	config.s1 = false;
	for (unsigned i = 0; i < COUNT(s1); i++)
		check_illegal(s1[i], 0, &config);
	config.s1 = true;
	config.s2 = false;
	for (unsigned i = 0; i < COUNT(s2); i++)
		check_illegal(s2[i], 0, &config);
	check_illegal(0x11 | UINT64_C(1) << 32, 0, &config); /* no VMIDs */
	config = rig_default;
	config.asid16 = config.vmid16 = false;
	for (unsigned i = 0; i < COUNT(tagged); i++)
		check_illegal(tagged[i], 0, &config);
	config.hyp = true;
	check_illegal(0x21 | UINT64_C(1) << 56, 0, &config);
	config = rig_default;
	config.ril = false;
	check_illegal(0x12, 0x1001 | 1 << 10 | 3 << 8, &config);
	check_illegal(0x12, 0x1001 | 1 << 8, &config);
	check_illegal(0x12 | 1 << 12, 0x1001, &config);
	config.hyp = true;
	rig_open(&rig, &config);
	rig_enable(&rig);
	rig_order(&rig, 0x20, 0);
	rig_order(&rig, 0x21, 0);
	rig_order(&rig, 0x22, 0x1001);
	rig_order(&rig, 0x23, 0x1001);
	rig_check_clean(&rig);
	rig_close(&rig);
}

static void queue_in_no_memory(void)
{
	struct rig rig;
	uint64_t good;

	rig_open(&rig, &rig_default);
	good = rig.cmdq;
	rig.cmdq = UINT64_C(0x8000000000);
	rig_enable(&rig);
	w32(&rig, 0x98, 1);
	CHECK_HEX(cons(&rig), 0x02000000);
	CHECK_HEX(gerror(&rig), 1);
	w32(&rig, 0x20, 0x5);
	w64(&rig, 0x90, good | 4);
	w32(&rig, 0x9c, 0);
	rig_put(&rig, good, 0, SYNC);
	w32(&rig, 0x20, 0xd);
	CHECK_HEX(cons(&rig), 0); /* not before the error is acknowledged */
	w32(&rig, 0x64, 1);
	CHECK_HEX(cons(&rig), 1);
	rig_check_clean(&rig);
	rig_close(&rig);
}

/* COHACC is of queues, too (specification 6.3.1). */
static void command_before_its_write_back_is_not_seen(void)
{
	struct rig rig;

	rig_open_noncoherent(&rig, &rig_default);
	rig_enable(&rig);
	rig_order(&rig, NSNH_ALL, 0);
	CHECK_EQ(rig_counts(&rig).unflushed, 0);
	rig_put_dirty(&rig, rig.cmdq, 4, NSNH_ALL);
	w32(&rig, 0x98, 3);
	CHECK_HEX(cons(&rig), 0x01000002);
	CHECK_EQ(rig_counts(&rig).unflushed, 1);
	CHECK_HAS(rig_complaint(&rig), "before its write-back");
	rig_put(&rig, rig.cmdq, 4, NSNH_ALL);
	w32(&rig, 0x64, 1);
	CHECK_HEX(cons(&rig) & 0xfffff, 3);
	rig_close(&rig);
}

static void failed_invalidation_stops_at_the_next_sync(void)
{
	struct rig rig;

	set(&rig);
	sim_model_set(rig.unit, PIOMMU_SIM_FAIL_INVALIDATIONS, 2);
	rig_command(&rig, NSNH_ALL, 0);
	rig_command(&rig, NSNH_ALL, 0);
	rig_command(&rig, NSNH_ALL, 0);
	CHECK_HEX(gerror(&rig), 0);
	CHECK_HEX(cons(&rig), 3);
	rig_command(&rig, SYNC, 0);
	rig_command(&rig, NSNH_ALL, 0);
	CHECK_HEX(cons(&rig), 0x03000003);
	CHECK_HEX(gerror(&rig), 1);
	w32(&rig, 0x64, 1);
	CHECK_HEX(cons(&rig), 0x03000005);
	CHECK_EQ(rig_counts(&rig).tlb_invalidations, 4);
	sim_model_set(rig.unit, PIOMMU_SIM_FAIL_INVALIDATIONS, 1);
	rig_command(&rig, SYNC, 0);
	CHECK_HEX(cons(&rig), 0x03000005);
	CHECK_HEX(gerror(&rig), 1);
	rig_check_clean(&rig);
	rig_close(&rig);
}

static void sync_stores_its_data_where_it_has_msis(void)
{
	struct smmuv3_model_config config = rig_default;
	struct rig rig;

	config.msi = true;
	rig_open(&rig, &config);
	rig_enable(&rig);
	rig_order(&rig, SYNC_IRQ | UINT64_C(0xdeadbeef) << 32, rig.msi + 4);
	CHECK_HEX(rig_get(&rig, rig.msi, 0), UINT64_C(0xdeadbeef00000000));
	rig_order(&rig, SYNC | UINT64_C(7) << 32, rig.msi);   /* no signal asked for */
	rig_order(&rig, 0x2046 | UINT64_C(7) << 32, rig.msi); /* an event */
	rig_order(&rig, SYNC_IRQ | UINT64_C(7) << 32, 0);
	CHECK_HEX(rig_get(&rig, rig.msi, 0), UINT64_C(0xdeadbeef00000000));
	CHECK_HEX(gerror(&rig), 0);
	rig_order(&rig, SYNC_IRQ, UINT64_C(0x8000000000));
	CHECK_HEX(gerror(&rig), 0x10);
	CHECK_HAS(rig_complaint(&rig), "MSI address");
	rig_order(&rig, SYNC_IRQ, UINT64_C(0x8000000000)); /* raised already */
	CHECK_HEX(gerror(&rig), 0x10);
	rig_close(&rig);
	rig_open(&rig, &rig_default);
	rig_enable(&rig);
	rig_order(&rig, SYNC_IRQ | UINT64_C(7) << 32, rig.msi);
	CHECK_HEX(rig_get(&rig, rig.msi, 0), 0);
	rig_close(&rig);
}

static void stuck_queue_fetches_nothing(void)
{
	struct rig rig;

	set(&rig);
	sim_model_set(rig.unit, PIOMMU_SIM_QUEUE_STUCK, 1);
	rig_command(&rig, SYNC, 0);
	CHECK_HEX(cons(&rig), 0);
	sim_model_set(rig.unit, PIOMMU_SIM_QUEUE_STUCK, 0);
	CHECK_HEX(cons(&rig), 1);
	rig_close(&rig);
}

static void sync_takes_its_latency(void)
{
	struct smmuv3_model_config config = rig_default;
	struct rig rig;
	uint64_t start;

	config.latency_ns = 200000;
	rig_open(&rig, &config);
	rig_enable(&rig);
	start = piommu_env_now_ns();
	rig_order(&rig, NSNH_ALL, 0);
	CHECK_EQ(piommu_env_now_ns() - start >= 200000, true);
	rig_close(&rig);
}

struct device {
	struct rig *rig;
	_Atomic bool stop;
	unsigned blocked;
};

static void *dma(void *arg)
{
	struct device *device = arg;
	uint8_t bytes[64];

	while (!device->stop)
		device->blocked += sim_model_dma(device->rig->unit, 3, 0x5000, bytes, sizeof(bytes), false) != 0;
	return NULL;
}

/* Commands run beside DMA and register accesses of other threads; nothing is stale after its CMD_SYNC. */
static void queue_on_its_own_thread(void)
{
	static const uint64_t latencies[] = { 0, 2000, 100000 };

	for (unsigned preset = 0; preset < COUNT(latencies); preset++) {
		struct smmuv3_model_config config = rig_default;
		struct rig rig;
		struct device device = { .rig = &rig };
		uint64_t table, page, leaf;
		unsigned rounds = preset == 2 ? 20 : 200;
		pthread_t thread;

		config.thread = true;
		config.latency_ns = latencies[preset];
		rig_open(&rig, &config);
		table = rig_pages(&rig, 4096);
		page = rig_pages(&rig, 4096);
		leaf = rig_map(&rig, table, 0x5000, page | RIG_S1_RW);
		rig_map(&rig, table, 0x6000, page | RIG_S1_RW);
		rig_stage1(&rig, 3, table, 5);
		rig_enable(&rig);
		CHECK_EQ(pthread_create(&thread, NULL, dma, &device), 0);
		for (unsigned i = 0; i < rounds; i++) {
			uint64_t record[4];

			rig_put(&rig, leaf, 0, i & 1 ? page | RIG_S1_RW : 0);
			rig_order(&rig, 0x12 | UINT64_C(5) << 48, 0x5001);
			CHECK_EQ(rig_read(&rig, 3, 0x5000), i & 1 ? 0 : -EFAULT);
			CHECK_EQ(rig_read(&rig, 3, 0x6000), 0);
			while (rig_take_event(&rig, record))
				CHECK_HEX(record[0], 0x10 | UINT64_C(3) << 32);
		}
		device.stop = true;
		pthread_join(thread, NULL);
		CHECK_EQ(rig_counts(&rig).waits, rounds);
		rig_check_clean(&rig);
		rig_close(&rig);
	}
}

static const struct suite_test tests[] = {
	SUITE_TEST(queue_wraps),
	SUITE_TEST(full_queue_runs_whole),
	SUITE_TEST(only_an_enabled_queue_runs),
	SUITE_TEST(legal_commands_run),
	SUITE_TEST(reserved_bits_make_a_command_illegal),
	SUITE_TEST(commands_that_do_not_exist),
	SUITE_TEST(commands_of_absent_capabilities),
	SUITE_TEST(queue_in_no_memory),
	SUITE_TEST(command_before_its_write_back_is_not_seen),
	SUITE_TEST(failed_invalidation_stops_at_the_next_sync),
	SUITE_TEST(sync_stores_its_data_where_it_has_msis),
	SUITE_TEST(stuck_queue_fetches_nothing),
	SUITE_TEST(sync_takes_its_latency),
	SUITE_TEST(queue_on_its_own_thread),
};

int main(int argc, char **argv)
{
	return suite_run(argc, argv, "sim_smmuv3_queue", tests, COUNT(tests));
}
