/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The model's invalidation queue: order, wrap, errors that stop it, failures on command, a thread of its own (specification
 * 6.5.2). And walkers that see memory late: ECAP.C = 0, CAP.RWBF = 1.
 */
#include <errno.h>
#include <pthread.h>

#include "rig.h"

#define CONTEXT_GLOBAL UINT64_C(0x11)
#define IOTLB_GLOBAL UINT64_C(0x12)

static void set(struct rig *rig, const char *args)
{
	rig_open(rig, args);
	rig_enable(rig);
	rig_queue_on(rig);
}

static uint32_t fsts(struct rig *rig)
{
	return piommu_read32(&rig->regs, 0x34);
}

static uint64_t head(struct rig *rig)
{
	return piommu_read64(&rig->regs, 0x80) >> 4;
}

static void wait_stores_its_data(void)
{
	struct rig rig;

	set(&rig, "vtd");
	CHECK_EQ(rig_wait(&rig, 0xdeadbeef), true);
	CHECK_HEX(rig_get(&rig, rig.status, 0), 0xdeadbeef);
	CHECK_EQ(head(&rig), 1);
	CHECK_EQ(rig_counts(&rig).waits, 1);
	CHECK_EQ(rig_counts(&rig).doorbells, 2); /* IQT was set to 0 before */
	rig_submit(&rig, 0x15, 0);               /* IF: no status, the completion flag */
	CHECK_HEX(piommu_read32(&rig.regs, 0x9c), 1);
	piommu_write32(&rig.regs, 0x9c, 1);
	CHECK_HEX(piommu_read32(&rig.regs, 0x9c), 0);
	rig_close(&rig);
}

static void queue_wraps(void)
{
	struct piommu_sim_counts before;
	struct rig rig;

	set(&rig, "vtd");
	before = rig_counts(&rig);
	for (uint32_t i = 1; i <= 600; i++) {
		rig_submit(&rig, IOTLB_GLOBAL, 0);
		CHECK_EQ(rig_wait(&rig, i), true);
	}
	CHECK_EQ(head(&rig), 1200 % 256);
	CHECK_EQ(rig_counts(&rig).descriptors, 600);
	CHECK_EQ(rig_counts(&rig).tlb_invalidations - before.tlb_invalidations, 600);
	CHECK_EQ(fsts(&rig), 0);
	rig_close(&rig);
}

/* Bad type, each place of reserved bits, granularity 0: the queue stops with its head at the offender. */
static void bad_descriptor_stops_the_queue(void)
{
	static const struct {
		uint64_t lo, hi;
	} bad[] = {
		{ 0x0, 0 },
		{ 0x6, 0 },
		{ 0x3, 0 },
		{ 0xf, 0 },
		{ 0x211, 0 },
		{ 0x51, 0 },
		{ 0x11 | 1ull << 50, 0 },
		{ 0x11, 1 },
		{ 0x01, 0 },
		{ 0x02, 0 },
		{ 0x112, 0 },
		{ 0x12 | 1ull << 32, 0 },
		{ 0x12, 0x80 },
		{ 0x24, 0 },
		{ 0x25 | 0x80, 0x1000 },
		{ 0x25, 0x1001 },
		{ 0x4 | 1ull << 48, 0 },
	};

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct piommu_sim_counts before;
		struct rig rig;

		set(&rig, "vtd");
		before = rig_counts(&rig);
		rig_submit(&rig, CONTEXT_GLOBAL, 0);
		rig_submit(&rig, bad[i].lo, bad[i].hi);
		rig_submit(&rig, IOTLB_GLOBAL, 0);
		CHECK_HEX(fsts(&rig), 0x10);
		CHECK_EQ(head(&rig), 1);
		CHECK_EQ(rig_counts(&rig).tlb_invalidations, before.tlb_invalidations);
		CHECK_HAS(rig_complaint(&rig), "descriptor 1");
		/* Repaired as software may: a good descriptor over the bad one, then the flag cleared. */
		rig_put(&rig, rig.queue, 2, CONTEXT_GLOBAL);
		rig_put(&rig, rig.queue, 3, 0);
		piommu_write32(&rig.regs, 0x34, 0x10);
		CHECK_HEX(fsts(&rig), 0);
		CHECK_EQ(head(&rig), 3);
		CHECK_EQ(rig_counts(&rig).tlb_invalidations, before.tlb_invalidations + 1);
		rig_close(&rig);
	}
}

static void interrupt_descriptors_need_interrupt_remapping(void)
{
	struct rig rig;

	set(&rig, "vtd");
	rig_submit(&rig, 0x4, 0);
	CHECK_HEX(fsts(&rig), 0);
	rig_close(&rig);
	set(&rig, "vtd,ir=0");
	rig_submit(&rig, 0x4, 0);
	CHECK_HEX(fsts(&rig), 0x10);
	rig_close(&rig);
}

static void tail_beyond_the_queue_is_an_error(void)
{
	struct rig rig;

	set(&rig, "vtd");
	piommu_write64(&rig.regs, 0x88, 256 << 4);
	CHECK_HEX(fsts(&rig), 0x10);
	CHECK_HAS(rig_complaint(&rig), "IQT is beyond");
	rig_close(&rig);
}

static void queue_registers_are_not_changed_in_use(void)
{
	struct piommu_sim_counts before;
	struct rig rig;

	set(&rig, "vtd");
	before = rig_counts(&rig);
	piommu_write64(&rig.regs, 0x90, rig.status);
	CHECK_HAS(rig_complaint(&rig), "in use");
	CHECK_HEX(piommu_read64(&rig.regs, 0x90), rig.queue);
	piommu_write64(&rig.regs, 0x28, UINT64_C(0xa000000000000000));
	CHECK_HAS(rig_complaint(&rig), "while the invalidation queue is on");
	CHECK_HEX(piommu_read64(&rig.regs, 0x28), UINT64_C(0x2000000000000000)); /* granularity done: none */
	CHECK_EQ(rig_counts(&rig).misuse, 2);
	CHECK_EQ(rig_counts(&rig).context_invalidations, before.context_invalidations);
	rig_close(&rig);
}

static void failed_invalidation_aborts_its_wait(void)
{
	struct rig rig;

	set(&rig, "vtd");
	piommu_sim_set(rig.plat, 0, PIOMMU_SIM_FAIL_INVALIDATIONS, 2);
	rig_submit(&rig, IOTLB_GLOBAL, 0);
	rig_submit(&rig, IOTLB_GLOBAL, 0);
	CHECK_HEX(fsts(&rig), 0);
	CHECK_EQ(rig_wait(&rig, 7), false);
	CHECK_HEX(fsts(&rig), 0x40);
	CHECK_EQ(head(&rig), 3);
	rig_submit(&rig, 0x25 | UINT64_C(8) << 32, rig.status);
	CHECK_EQ(head(&rig), 3);
	piommu_write32(&rig.regs, 0x34, 0x40);
	CHECK_EQ(head(&rig), 4);
	CHECK_HEX(rig_get(&rig, rig.status, 0), 8);
	rig_close(&rig);
}

static void failed_context_invalidation_is_a_completion_error(void)
{
	struct rig rig;

	set(&rig, "vtd");
	piommu_sim_set(rig.plat, 0, PIOMMU_SIM_FAIL_INVALIDATIONS, 1);
	rig_submit(&rig, CONTEXT_GLOBAL, 0);
	CHECK_HEX(fsts(&rig), 0x20);
	rig_submit(&rig, 0x25 | UINT64_C(8) << 32, rig.status);
	CHECK_HEX(rig_get(&rig, rig.status, 0), 8);
	piommu_write32(&rig.regs, 0x34, 0x20);
	CHECK_HEX(fsts(&rig), 0);
	rig_close(&rig);
}

static void stuck_queue_fetches_nothing(void)
{
	struct rig rig;

	set(&rig, "vtd");
	piommu_sim_set(rig.plat, 0, PIOMMU_SIM_QUEUE_STUCK, 1);
	rig_submit(&rig, 0x25 | UINT64_C(8) << 32, rig.status);
	CHECK_EQ(head(&rig), 0);
	CHECK_HEX(fsts(&rig), 0);
	piommu_sim_set(rig.plat, 0, PIOMMU_SIM_QUEUE_STUCK, 0);
	CHECK_EQ(head(&rig), 1);
	CHECK_HEX(rig_get(&rig, rig.status, 0), 8);
	rig_close(&rig);
}

static void wait_takes_its_latency(void)
{
	struct rig rig;
	uint64_t start;

	set(&rig, "vtd,latency_ns=200000");
	start = piommu_env_now_ns();
	CHECK_EQ(rig_wait(&rig, 1), true);
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
		device->blocked += piommu_sim_dma(device->rig->plat, DEV_03, 0x5000, bytes, sizeof(bytes), false) != 0;
	return NULL;
}

/* Descriptors run beside DMA and register accesses of other threads; nothing is stale after its wait. */
static void queue_on_its_own_thread(void)
{
	static const char *const presets[] = { "vtd,thread=1", "vtd,thread=1,latency_ns=2000",
					       "vtd,thread=1,latency_ns=100000" };

	for (unsigned preset = 0; preset < 3; preset++) {
		struct rig rig;
		uint64_t table, page, leaf;
		struct device device = { .rig = &rig };
		uint32_t rounds = preset == 2 ? 20 : 200, value;
		pthread_t thread;

		set(&rig, presets[preset]);
		table = rig_page(&rig);
		page = rig_page(&rig);
		leaf = rig_map(&rig, table, 0x5000, page, 3);
		rig_context(&rig, 0x18, table, 5);
		rig_context(&rig, 0x20, table, 5);
		CHECK_EQ(pthread_create(&thread, NULL, dma, &device), 0);
		for (uint32_t i = 1; i <= rounds; i++) {
			rig_put(&rig, leaf, 0, 0);
			rig_submit(&rig, 0x32 | 5 << 16, 0x5000);
			CHECK_EQ(rig_wait(&rig, i), true);
			CHECK_EQ(rig_read(&rig, DEV_04, 0x5000, &value), -EFAULT);
			rig_put(&rig, leaf, 0, page | 3);
			CHECK_EQ(rig_read(&rig, DEV_04, 0x5000, &value), 0);
		}
		device.stop = true;
		pthread_join(thread, NULL);
		CHECK_EQ(rig_counts(&rig).waits, rounds);
		CHECK_EQ(rig_counts(&rig).misuse, 0);
		rig_close(&rig);
	}
}

static void stuck_thread_closes_at_once(void)
{
	struct rig rig;

	set(&rig, "vtd,thread=1,latency_ns=1000000000");
	rig_submit(&rig, 0x25 | UINT64_C(8) << 32, rig.status);
	rig_close(&rig);
	set(&rig, "vtd,thread=1");
	piommu_sim_set(rig.plat, 0, PIOMMU_SIM_QUEUE_STUCK, 1);
	rig_submit(&rig, 0x25 | UINT64_C(8) << 32, rig.status);
	rig_close(&rig);
}

/* ECAP.C = 0: the walker sees a line as of its last write-back, and DRAM under a page that never had one is noise. */
static void walker_that_does_not_snoop_sees_what_was_written_back(void)
{
	struct rig rig;
	uint64_t table, page, leaf;

	rig_open(&rig, "vtd,coherent=0");
	table = rig_page(&rig);
	page = rig_page(&rig);
	leaf = rig_map(&rig, table, 0x5000, page, 3);
	rig_context(&rig, 0x18, table, 5);
	rig_enable(&rig);
	rig_queue_on(&rig);
	CHECK_EQ(rig_write(&rig, DEV_03, 0x5000, 1), 0);
	CHECK_EQ(rig_counts(&rig).unflushed, 0);
	rig_put_dirty(&rig, leaf + 8, 0, page | 3);
	CHECK_EQ(rig_write(&rig, DEV_03, 0x6000, 1), -EFAULT);
	CHECK_EQ(rig_counts(&rig).unflushed, 1);
	CHECK_HAS(rig_complaint(&rig), "before its write-back");
	rig_put(&rig, leaf + 8, 0, page | 3);
	CHECK_EQ(rig_write(&rig, DEV_03, 0x6000, 1), 0);
	CHECK_EQ(rig_counts(&rig).unflushed, 1);
	CHECK_EQ(rig_wait(&rig, 1), true); /* the queue itself is always coherent */
	rig_close(&rig);
}

static void table_that_was_never_written_back_is_noise(void)
{
	struct rig rig;
	uint64_t table;
	uint64_t record[2];

	rig_open(&rig, "vtd,coherent=0");
	table = rig.next; /* zeroed, no write-back */
	rig_context(&rig, 0x18, table, 5);
	rig_enable(&rig);
	CHECK_EQ(rig_write(&rig, DEV_03, 0x5000, 1), -EFAULT);
	rig_take_fault(&rig, record);
	CHECK_HEX(record[1] >> 32 & 0xff, 0xc);
	CHECK_EQ(rig_counts(&rig).unflushed, 1);
	rig_close(&rig);
}

/* CAP.RWBF = 1: what the walker saw once it sees until the write buffer is flushed, or an invalidation does that. */
static void write_buffer_holds_changes_until_flushed(void)
{
	struct rig rig;
	uint64_t table, page;

	rig_open(&rig, "vtd,rwbf=1");
	table = rig_page(&rig);
	page = rig_page(&rig);
	rig_map(&rig, table, 0x5000, page, 3);
	rig_context(&rig, 0x18, table, 5);
	rig_enable(&rig);
	CHECK_EQ(rig_write(&rig, DEV_03, 0x6000, 1), -EFAULT);
	rig_map(&rig, table, 0x6000, page, 3);
	CHECK_EQ(rig_write(&rig, DEV_03, 0x6000, 1), -EFAULT);
	CHECK_EQ(rig_counts(&rig).unflushed, 1);
	CHECK_HAS(rig_complaint(&rig), "write-buffer flush");
	piommu_write32(&rig.regs, 0x18, 0x88000000);
	CHECK_HEX(piommu_read32(&rig.regs, 0x1c), 0xc0000000);
	CHECK_EQ(rig_write(&rig, DEV_03, 0x6000, 1), 0);
	CHECK_EQ(rig_write(&rig, DEV_03, 0x7000, 1), -EFAULT);
	rig_map(&rig, table, 0x7000, page, 3);
	rig_queue_on(&rig);
	rig_submit(&rig, IOTLB_GLOBAL, 0);
	CHECK_EQ(rig_write(&rig, DEV_03, 0x7000, 1), 0);
	CHECK_EQ(rig_counts(&rig).misuse, 0);
	rig_close(&rig);
}

static const struct suite_test tests[] = {
	SUITE_TEST(wait_stores_its_data),
	SUITE_TEST(queue_wraps),
	SUITE_TEST(bad_descriptor_stops_the_queue),
	SUITE_TEST(interrupt_descriptors_need_interrupt_remapping),
	SUITE_TEST(tail_beyond_the_queue_is_an_error),
	SUITE_TEST(queue_registers_are_not_changed_in_use),
	SUITE_TEST(failed_invalidation_aborts_its_wait),
	SUITE_TEST(failed_context_invalidation_is_a_completion_error),
	SUITE_TEST(stuck_queue_fetches_nothing),
	SUITE_TEST(wait_takes_its_latency),
	SUITE_TEST(queue_on_its_own_thread),
	SUITE_TEST(stuck_thread_closes_at_once),
	SUITE_TEST(walker_that_does_not_snoop_sees_what_was_written_back),
	SUITE_TEST(table_that_was_never_written_back_is_noise),
	SUITE_TEST(write_buffer_holds_changes_until_flushed),
};

int main(int argc, char **argv)
{
	return suite_run(argc, argv, "sim_vtd_queue", tests, sizeof(tests) / sizeof(tests[0]));
}
