/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The modes of a domain on the simulated machine: what may be stale in each, and what no device reaches any more when a switch has
 * returned. The clock of bounded mode is test_clock.c's. Usage: chan_main().
 */
#include "chan.h"

#define FOREVER_US 1000000000u

static void set_mode(struct chan *c, enum piommu_mode_kind kind, unsigned max_us, size_t max_bytes)
{
	const struct piommu_mode mode = { kind, max_us, max_bytes };

	CHECK_EQ(piommu_domain_set_mode(c->domain, &mode), 0);
}

static struct piommu_exposure exposure(struct chan *c)
{
	struct piommu_exposure out;

	piommu_domain_exposure(c->domain, &out);
	return out;
}

static void mode_that_makes_no_sense_is_refused(void)
{
	static const struct piommu_mode bad[] = {
		{ PIOMMU_MODE_BOUNDED, 0, 4096 },
		{ PIOMMU_MODE_BOUNDED, 10, 0 },
		{ (enum piommu_mode_kind)3, 10, 4096 },
	};
	struct chan c;

	chan_open(&c, &(struct chan_config){ 0 });
	CHECK_EQ(exposure(&c).mode.kind, PIOMMU_MODE_STRICT);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK_EQ(piommu_domain_set_mode(c.domain, &bad[i]), -EINVAL);
	CHECK_EQ(exposure(&c).mode.kind, PIOMMU_MODE_STRICT);
	chan_close(&c);
}

/* ---- Bounded ---------------------------------------------------------------------------------------------------------------- */

/* Whatever the unit has: a wait and a doorbell; a sync; neither. */
static void check_sent_once(struct chan_counts counts)
{
	CU_ASSERT(counts.done >= 1);
	CHECK_EQ(counts.waits, chan_has_queue() || chan_meets(&chan_syncs));
	CHECK_EQ(counts.doorbells, chan_has_queue());
}

static void bounded_keeps_invalidations_back_until_there_are_bytes_enough(void)
{
	struct chan_counts counts = { 0 };
	piommu_ticket ticket = 0;
	uint64_t iova[16];
	struct chan c;

	chan_open(&c, &(struct chan_config){ 0 });
	c.r.expect_stale = true;
	set_mode(&c, PIOMMU_MODE_BOUNDED, FOREVER_US, 16 * PAGE);
	for (unsigned i = 0; i < 16; i++) {
		iova[i] = chan_map(&c, i, 1);
		chan_check_reaches(&c, iova[i], i);
	}
	chan_counts(&c, &counts);
	for (unsigned i = 0; i < 15; i++)
		ticket = chan_unmap(&c, iova[i], PAGE);
	CHECK_EQ(ticket, 1);
	CHECK_EQ(piommu_channel_poll(c.ch, 0), 0);
	CHECK_EQ(piommu_channel_done(c.ch, 1), -EINPROGRESS);
	CHECK_EQ(chan_counts(&c, &counts).done, 0);
	for (unsigned i = 0; i < 15; i++)
		CU_ASSERT(chan_is_reached(&c, iova[i])); /* stale, within the bound */
	CHECK_EQ(chan_unmap(&c, iova[15], PAGE), 1);
	while (piommu_channel_done(c.ch, 1) == -EINPROGRESS)
		;
	check_sent_once(chan_counts(&c, &counts));
	CHECK_EQ(piommu_channel_wait(c.ch, 1), 0);
	for (unsigned i = 0; i < 16; i++)
		chan_check_blocked(&c, iova[i]);
	CHECK_EQ(exposure(&c).worst_bytes, 16 * PAGE);
	chan_close(&c);
}

/* Random sizes: never more than the bound, and the one unmap that reached it. */
static void bounded_stays_within_its_bytes(void)
{
	struct chan c;
	unsigned seed = 7;
	piommu_ticket last = 0;

	chan_open(&c, &(struct chan_config){ .mem = 64 * PAGE });
	set_mode(&c, PIOMMU_MODE_BOUNDED, FOREVER_US, 64 * PAGE);
	for (unsigned i = 0; i < 2000; i++) {
		unsigned npages = 1 + (seed = seed * 1103515245 + 12345) / 65536 % 8;

		last = chan_unmap_patiently(&c, chan_map(&c, i % 32, npages), npages * PAGE);
	}
	CU_ASSERT(exposure(&c).worst_bytes >= 32 * PAGE);
	CU_ASSERT(exposure(&c).worst_bytes < 72 * PAGE); /* also where the unit is slow: who unmaps is pushed back */
	CU_ASSERT(last > 1);
	CHECK_EQ(piommu_channel_wait(c.ch, last - 1), 0);
	chan_close(&c);
}

static void bounded_time_is_kept_by_polls(void)
{
	struct chan c;
	piommu_ticket ticket;
	uint64_t iova;

	chan_open(&c, &(struct chan_config){ 0 });
	c.r.expect_stale = true;
	set_mode(&c, PIOMMU_MODE_BOUNDED, 1000, 1 << 30);
	iova = chan_map(&c, 0, 1);
	chan_check_reaches(&c, iova, 0);
	ticket = chan_unmap(&c, iova, PAGE);
	while (piommu_channel_done(c.ch, ticket) == -EINPROGRESS)
		piommu_channel_poll(c.ch, 0);
	chan_check_blocked(&c, iova);
	CU_ASSERT(exposure(&c).worst_us >= 1000);
	CHECK_EQ(exposure(&c).worst_bytes, PAGE);
	set_mode(&c, PIOMMU_MODE_STRICT, 0, 0);
	CHECK_EQ(exposure(&c).worst_us, 0); /* since the last switch */
	CHECK_EQ(exposure(&c).worst_bytes, 0);
	chan_close(&c);
}

/* No poll, no wait: when the switch has returned, nothing that was unmapped before is reached, whatever its ticket says. */
static void switch_to_strict_leaves_nothing_stale(void)
{
	uint64_t iova[16];
	struct chan c;
	bool two;

	chan_open(&c, &(struct chan_config){ 0 });
	c.r.expect_stale = true;
	rig_claim(&c.r, c.r.m->ported); /* behind another unit, where there are two */
	rig_attach(&c.r, c.domain, c.r.m->ported);
	for (unsigned round = 0; round < 3; round++) {
		two = round == 1; /* by way of static */
		set_mode(&c, PIOMMU_MODE_BOUNDED, FOREVER_US, 1 << 30);
		for (unsigned i = 0; i < 16; i++) {
			iova[i] = chan_map(&c, i, 1);
			chan_check_reaches(&c, iova[i], i);
			rig_read(&c.r, c.r.m->ported, iova[i], &(uint32_t){ 0 }, 4);
		}
		for (unsigned i = 0; i < 16; i++)
			chan_unmap(&c, iova[i], PAGE);
		CU_ASSERT(chan_is_reached(&c, iova[3]));
		if (two)
			set_mode(&c, PIOMMU_MODE_STATIC, 0, 0);
		set_mode(&c, PIOMMU_MODE_STRICT, 0, 0);
		for (unsigned i = 0; i < 16; i++) {
			chan_check_blocked(&c, iova[i]);
			rig_check_blocked(&c.r, c.r.m->ported, iova[i], false);
		}
		CHECK_EQ(piommu_channel_wait(c.ch, round + 1), 0);
	}
	chan_close(&c);
}

/* ---- Static ------------------------------------------------------------------------------------------------------------------ */

/* Registers the rig's memory; its first address. */
static uint64_t register_all(struct chan *c)
{
	uint64_t iova = 0;

	CHECK_EQ(piommu_dma_pool_register(c->domain, c->mem.pa, c->mem.len, PIOMMU_RW), 0);
	set_mode(c, PIOMMU_MODE_STATIC, 0, 0);
	CHECK_EQ(piommu_dma_map(c->ch, c->mem.pa, PAGE, PIOMMU_DMA_BOTH, &iova), 0);
	return iova;
}

static void pool_is_mapped_once_and_costs_nothing(void)
{
	struct chan_counts counts = { 0 };
	struct piommu_dma items[8];
	piommu_ticket ticket;
	uint64_t base, iova;
	struct chan c;

	chan_open(&c, &(struct chan_config){ .mem = 2 * RIG_2M });
	base = register_all(&c);
	chan_counts(&c, &counts);
	for (unsigned i = 0; i < 1000; i++) {
		unsigned page = i * 37 % 1000;

		CHECK_EQ(piommu_dma_map(c.ch, chan_pa(&c, page) + 5, 2 * PAGE, PIOMMU_DMA_BOTH, &iova), 0);
		CHECK_HEX(iova, base + page * PAGE + 5);
		CHECK_EQ(piommu_dma_unmap(c.ch, iova, 2 * PAGE, &ticket), 0);
		CHECK_EQ(piommu_channel_done(c.ch, ticket), 0);
	}
	for (unsigned i = 0; i < 8; i++)
		items[i] = (struct piommu_dma){ .pa = chan_pa(&c, 9 * i), .len = 3 * PAGE, .dir = PIOMMU_DMA_TO_DEVICE };
	CHECK_EQ(piommu_dma_map_burst(c.ch, items, 8), 0);
	for (unsigned i = 0; i < 8; i++)
		chan_check_reaches(&c, items[i].iova, 9 * i);
	CHECK_EQ(piommu_dma_unmap_burst(c.ch, items, 8, NULL), 0);
	CHECK_EQ(chan_counts(&c, &counts).descriptors, 0);
	chan_check_reaches(&c, items[3].iova, 27); /* no protection within a pool */
	chan_close(&c);
}

static void memory_outside_of_the_pools_is_refused(void)
{
	struct piommu_dma items[2];
	struct piommu_mem other;
	uint64_t iova = 1;
	struct chan c;

	chan_open(&c, &(struct chan_config){ 0 });
	other = rig_mem(&c.r, 4 * PAGE, 0);
	CHECK_EQ(piommu_dma_pool_register(c.domain, c.mem.pa, c.mem.len, PIOMMU_READ), 0);
	set_mode(&c, PIOMMU_MODE_STATIC, 0, 0);
	CHECK_EQ(piommu_dma_map(c.ch, other.pa, PAGE, PIOMMU_DMA_TO_DEVICE, &iova), -EFAULT);
	CHECK_EQ(piommu_dma_map(c.ch, chan_pa(&c, 15), 2 * PAGE, PIOMMU_DMA_TO_DEVICE, &iova), -EFAULT);
	CHECK_EQ(piommu_dma_map(c.ch, c.mem.pa - PAGE, 2 * PAGE, PIOMMU_DMA_TO_DEVICE, &iova), -EFAULT);
	CHECK_EQ(piommu_dma_map(c.ch, c.mem.pa, PAGE, PIOMMU_DMA_BOTH, &iova), -EACCES);
	CHECK_EQ(piommu_dma_map(c.ch, c.mem.pa, PAGE, PIOMMU_DMA_FROM_DEVICE, &iova), -EACCES);
	CHECK_HEX(iova, 1);
	items[0] = (struct piommu_dma){ .pa = c.mem.pa, .len = PAGE, .dir = PIOMMU_DMA_TO_DEVICE };
	items[1] = (struct piommu_dma){ .pa = other.pa, .len = PAGE, .dir = PIOMMU_DMA_TO_DEVICE };
	CHECK_EQ(piommu_dma_map_burst(c.ch, items, 2), -EFAULT);
	CHECK_EQ(piommu_dma_map(c.ch, c.mem.pa, PAGE, PIOMMU_DMA_TO_DEVICE, &iova), 0);
	chan_check_reaches(&c, iova, 0);
	rig_check_fault(&c.r, c.device, iova, true, MACHINE_FORBIDDEN);
	chan_close(&c);
}

static void pool_is_registered_once_and_ends_strictly(void)
{
	struct chan c;
	uint64_t iova;

	chan_open(&c, &(struct chan_config){ 0 });
	CHECK_EQ(piommu_dma_pool_register(c.domain, c.mem.pa + 1, PAGE, PIOMMU_RW), -EINVAL);
	CHECK_EQ(piommu_dma_pool_register(c.domain, c.mem.pa, 0, PIOMMU_RW), -EINVAL);
	CHECK_EQ(piommu_dma_pool_register(c.domain, c.mem.pa, PAGE + 8, PIOMMU_RW), -EINVAL);
	CHECK_EQ(piommu_dma_pool_register(c.domain, c.mem.pa, PAGE, 0), -EINVAL);
	CHECK_EQ(piommu_dma_pool_register(c.domain, UINT64_MAX - PAGE + 1, 2 * PAGE, PIOMMU_RW), -EINVAL);
	iova = register_all(&c);
	CHECK_EQ(piommu_dma_pool_register(c.domain, c.mem.pa, PAGE, PIOMMU_RW), -EEXIST);
	CHECK_EQ(piommu_dma_pool_register(c.domain, chan_pa(&c, 15), 2 * PAGE, PIOMMU_RW), -EEXIST);
	CHECK_EQ(piommu_dma_pool_register(c.domain, c.mem.pa - PAGE, 2 * PAGE, PIOMMU_RW), -EEXIST);
	CHECK_EQ(piommu_dma_pool_unregister(c.domain, chan_pa(&c, 1)), -ENOENT);
	CHECK_EQ(piommu_dma_pool_unregister(c.domain, c.mem.pa - PAGE), -ENOENT);
	chan_check_reaches(&c, iova + 3 * PAGE, 3);
	CHECK_EQ(piommu_dma_pool_unregister(c.domain, c.mem.pa), 0);
	chan_check_blocked(&c, iova);
	chan_check_blocked(&c, iova + 3 * PAGE);
	CHECK_EQ(piommu_dma_map(c.ch, c.mem.pa, PAGE, PIOMMU_DMA_BOTH, &iova), -EFAULT);
	CHECK_EQ(piommu_dma_pool_unregister(c.domain, c.mem.pa), -ENOENT);
	iova = register_all(&c);
	chan_check_reaches(&c, iova, 0);
	chan_close(&c);
}

/* Three pools: each finds its own, also when another one has gone. */
static void pools_are_told_apart(void)
{
	uint64_t iova[3], again;
	struct chan c;

	chan_open(&c, &(struct chan_config){ .mem = 32 * PAGE });
	for (unsigned i = 0; i < 3; i++)
		CHECK_EQ(piommu_dma_pool_register(c.domain, chan_pa(&c, 8 * i), 4 * PAGE, PIOMMU_RW), 0);
	set_mode(&c, PIOMMU_MODE_STATIC, 0, 0);
	for (unsigned n = 0; n < 6; n++) {
		unsigned i = 2 - n % 3;

		CHECK_EQ(piommu_dma_map(c.ch, chan_pa(&c, 8 * i + 2), PAGE, PIOMMU_DMA_BOTH, &iova[i]), 0);
		chan_check_reaches(&c, iova[i], 8 * i + 2);
	}
	CHECK_EQ(piommu_dma_map(c.ch, chan_pa(&c, 4), PAGE, PIOMMU_DMA_BOTH, &again), -EFAULT);
	CHECK_EQ(piommu_dma_pool_unregister(c.domain, chan_pa(&c, 8)), 0);
	chan_check_blocked(&c, iova[1]);
	CHECK_EQ(piommu_dma_map(c.ch, chan_pa(&c, 18), PAGE, PIOMMU_DMA_BOTH, &again), 0);
	CHECK_HEX(again, iova[2]);
	CHECK_EQ(piommu_dma_map(c.ch, chan_pa(&c, 2), PAGE, PIOMMU_DMA_BOTH, &again), 0);
	CHECK_HEX(again, iova[0]);
	CHECK_EQ(piommu_dma_map(c.ch, chan_pa(&c, 10), PAGE, PIOMMU_DMA_BOTH, &again), -EFAULT);
	chan_close(&c);
}

/* Mappings of one mode are unmapped in another, and each ends as the mode in which it is unmapped says. */
static void mappings_outlive_switches(void)
{
	uint64_t strict, pooled, iova;
	struct chan c;

	chan_open(&c, &(struct chan_config){ .mem = 32 * PAGE });
	strict = chan_map(&c, 20, 2);
	chan_check_reaches(&c, strict, 20);
	CHECK_EQ(piommu_dma_pool_register(c.domain, c.mem.pa, 16 * PAGE, PIOMMU_RW), 0);
	set_mode(&c, PIOMMU_MODE_STATIC, 0, 0);
	CHECK_EQ(piommu_dma_map(c.ch, chan_pa(&c, 3), PAGE, PIOMMU_DMA_BOTH, &pooled), 0);
	chan_check_reaches(&c, pooled, 3);
	chan_check_reaches(&c, strict, 20);
	CHECK_EQ(piommu_dma_unmap(c.ch, strict, 2 * PAGE, NULL), 0);
	chan_check_blocked(&c, strict);
	set_mode(&c, PIOMMU_MODE_STRICT, 0, 0);
	CHECK_EQ(piommu_dma_map(c.ch, chan_pa(&c, 3), PAGE, PIOMMU_DMA_BOTH, &iova), 0);
	CU_ASSERT(iova != pooled);
	chan_check_reaches(&c, iova, 3);
	CHECK_EQ(piommu_dma_unmap(c.ch, iova, PAGE, NULL), 0);
	chan_check_blocked(&c, iova);
	CHECK_EQ(piommu_dma_unmap(c.ch, pooled, PAGE, NULL), 0);
	chan_check_reaches(&c, pooled, 3);
	set_mode(&c, PIOMMU_MODE_BOUNDED, FOREVER_US, 1 << 20);
	iova = chan_map(&c, 3, 1);
	chan_check_reaches(&c, iova, 3);
	set_mode(&c, PIOMMU_MODE_STRICT, 0, 0);
	CHECK_EQ(piommu_dma_unmap(c.ch, iova, PAGE, NULL), 0);
	chan_check_blocked(&c, iova);
	CHECK_EQ(piommu_dma_pool_unregister(c.domain, c.mem.pa), 0);
	chan_check_blocked(&c, pooled);
	chan_close(&c);
}

int main(int argc, char **argv)
{
	static const struct chan_test tests[] = {
		CHAN_TEST(mode_that_makes_no_sense_is_refused),
		CHAN_TEST(bounded_keeps_invalidations_back_until_there_are_bytes_enough),
		CHAN_TEST(bounded_stays_within_its_bytes),
		CHAN_TEST(bounded_time_is_kept_by_polls),
		CHAN_TEST(switch_to_strict_leaves_nothing_stale),
		CHAN_TEST(pool_is_mapped_once_and_costs_nothing),
		CHAN_TEST(memory_outside_of_the_pools_is_refused),
		CHAN_TEST(pool_is_registered_once_and_ends_strictly),
		CHAN_TEST(pools_are_told_apart),
		CHAN_TEST(mappings_outlive_switches),
	};

	return chan_main(argc, argv, "channel_modes", tests, sizeof(tests) / sizeof(tests[0]));
}
