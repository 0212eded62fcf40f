/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DMA calls on the simulated machine: what is mapped is reached, as far as it was mapped and in that direction; what was not mapped so is
 * not unmapped. Usage: chan_main().
 */
#include "chan.h"

#define MANY PIOMMU_BURST_MAX

static void buffer_is_reached_until_its_ticket_is_done(void)
{
	struct chan c;
	piommu_ticket ticket;
	uint64_t iova;

	chan_open(&c, &(struct chan_config){ 0 });
	iova = chan_map(&c, 3, 1);
	rig_check_reaches(&c.r, c.device, iova, chan_va(&c, 3), PAGE);
	ticket = chan_unmap(&c, iova, PAGE);
	CHECK_EQ(ticket, 1);
	CHECK_EQ(piommu_channel_wait(c.ch, ticket), 0);
	CHECK_EQ(piommu_channel_done(c.ch, ticket), 0);
	CHECK_EQ(piommu_channel_retired(c.ch), ticket);
	chan_check_blocked(&c, iova);
	chan_close(&c);
}

static void unmap_without_a_ticket_waits(void)
{
	struct chan c;
	uint64_t iova;

	chan_open(&c, &(struct chan_config){ 0 });
	iova = chan_map(&c, 0, 2);
	chan_check_reaches(&c, iova + PAGE, 1);
	CHECK_EQ(piommu_dma_unmap(c.ch, iova, 2 * PAGE, NULL), 0);
	chan_check_blocked(&c, iova);
	chan_check_blocked(&c, iova + PAGE);
	chan_close(&c);
}

static void direction_is_what_the_device_may_do(void)
{
	struct chan c;
	uint64_t to, from;
	uint32_t word = 7;

	chan_open(&c, &(struct chan_config){ 0 });
	CHECK_EQ(piommu_dma_map(c.ch, chan_pa(&c, 0), PAGE, PIOMMU_DMA_TO_DEVICE, &to), 0);
	CHECK_EQ(piommu_dma_map(c.ch, chan_pa(&c, 1), PAGE, PIOMMU_DMA_FROM_DEVICE, &from), 0);
	chan_check_reaches(&c, to, 0);
	rig_check_fault(&c.r, c.device, to, true, MACHINE_FORBIDDEN);
	if (!c.r.m->reads_write_only)
		rig_check_fault(&c.r, c.device, from, false, MACHINE_FORBIDDEN);
	CHECK_EQ(rig_write(&c.r, c.device, from, &word, sizeof(word)), 0);
	CHECK_HEX(*chan_va(&c, 1), 7);
	chan_close(&c);
}

/* A buffer keeps its place in its page; its last page is one, however little of it there is. */
static void buffer_smaller_than_a_page_keeps_its_offset(void)
{
	struct chan c;
	uint64_t iova, next;
	char buf[0x40];

	chan_open(&c, &(struct chan_config){ 0 });
	CHECK_EQ(piommu_dma_map(c.ch, chan_pa(&c, 1) + 0xfe0, sizeof(buf), PIOMMU_DMA_BOTH, &iova), 0);
	CHECK_HEX(iova & (PAGE - 1), 0xfe0);
	CHECK_EQ(rig_read(&c.r, c.device, iova, buf, sizeof(buf)), 0);
	CHECK_EQ(memcmp(buf, (char *)chan_va(&c, 1) + 0xfe0, sizeof(buf)), 0);
	/* Another buffer in the same page of memory has an address of its own. */
	CHECK_EQ(piommu_dma_map(c.ch, chan_pa(&c, 1) + 0x20, 1, PIOMMU_DMA_TO_DEVICE, &next), 0);
	CU_ASSERT((next ^ iova) >> 12 != 0 && (next ^ (iova + PAGE)) >> 12 != 0);
	CHECK_EQ(piommu_dma_unmap(c.ch, iova, sizeof(buf), NULL), 0);
	chan_check_blocked(&c, iova);
	chan_check_blocked(&c, iova + 0x20);
	CHECK_EQ(rig_read(&c.r, c.device, next, buf, 1), 0);
	CHECK_EQ(piommu_dma_unmap(c.ch, next, 1, NULL), 0);
	chan_check_blocked(&c, next);
	chan_close(&c);
}

/* The address that comes back leads to the new memory, never to the old. */
static void address_used_again_leads_to_the_new_memory(void)
{
	struct chan c;
	uint64_t before = 0;
	unsigned again = 0;

	chan_open(&c, &(struct chan_config){ 0 });
	for (unsigned i = 0; i < 500; i++) {
		unsigned page = i % 14, npages = 1 + i % 3;
		uint64_t iova = chan_map(&c, page, npages);

		again += iova == before;
		before = iova;
		for (unsigned k = 0; k < npages; k++)
			chan_check_reaches(&c, iova + k * PAGE, page + k);
		CHECK_EQ(piommu_channel_wait(c.ch, chan_unmap(&c, iova, npages * PAGE)), 0);
	}
	CU_ASSERT(again > 100);
	chan_close(&c);
}

/* 2 MiB of memory that a super page would fit, in an arena that had small pages before and has them after. */
static void whole_block_of_aligned_memory_comes_and_goes(void)
{
	struct chan c;

	chan_open(&c, &(struct chan_config){ .mem = 2 * RIG_2M });
	for (unsigned i = 0; i < 6; i++) {
		uint64_t small = chan_map(&c, 5, 3), large;

		chan_check_reaches(&c, small, 5);
		CHECK_EQ(piommu_dma_unmap(c.ch, small, 3 * PAGE, NULL), 0);
		large = chan_map(&c, i % 2 * 512, 512);
		chan_check_reaches(&c, large, i % 2 * 512);
		chan_check_reaches(&c, large + 511 * PAGE, i % 2 * 512 + 511);
		CHECK_EQ(piommu_dma_unmap(c.ch, large, RIG_2M, NULL), 0);
		chan_check_blocked(&c, large);
		chan_check_blocked(&c, large + 511 * PAGE);
	}
	chan_close(&c);
}

/* ---- Bursts -------------------------------------------------------------------------------------------------------------- */

static void fill_items(struct chan *c, struct piommu_dma *items, unsigned n, unsigned most, unsigned memory)
{
	unsigned page = 0;

	for (unsigned i = 0; i < n; i++) {
		unsigned npages = 1 + i * 7 % most;

		page = page + npages > memory ? 0 : page;
		items[i] = (struct piommu_dma){ .pa = chan_pa(c, page), .len = npages * PAGE, .dir = PIOMMU_DMA_BOTH };
		page += npages;
	}
}

static unsigned page_of(struct chan *c, uint64_t pa)
{
	return (unsigned)((pa - c->mem.pa) / PAGE);
}

static void check_items_reach(struct chan *c, const struct piommu_dma *items, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		unsigned page = page_of(c, items[i].pa), last = (unsigned)(items[i].len / PAGE) - 1;

		chan_check_reaches(c, items[i].iova, page);
		chan_check_reaches(c, items[i].iova + last * PAGE, page + last);
	}
}

static bool overlap(const struct piommu_dma *a, const struct piommu_dma *b)
{
	return a->iova < b->iova + b->len && b->iova < a->iova + a->len;
}

static void burst_that_fits_one_block_lies_side_by_side(void)
{
	struct piommu_dma items[32];
	struct chan c;
	piommu_ticket ticket;

	chan_open(&c, &(struct chan_config){ .mem = 64 * PAGE });
	fill_items(&c, items, 32, 3, 64);
	CHECK_EQ(piommu_dma_map_burst(c.ch, items, 32), 0);
	for (unsigned i = 1; i < 32; i++)
		CHECK_HEX(items[i].iova, items[i - 1].iova + items[i - 1].len);
	check_items_reach(&c, items, 32);
	CHECK_EQ(piommu_dma_unmap_burst(c.ch, items, 32, &ticket), 0);
	CHECK_EQ(ticket, 1);
	CHECK_EQ(piommu_channel_wait(c.ch, ticket), 0);
	for (unsigned i = 0; i < 32; i++)
		chan_check_blocked(&c, items[i].iova);
	chan_close(&c);
}

/* More than one block holds, given back by several bursts in another order. */
static void burst_of_mixed_sizes_beyond_one_block_works(void)
{
	struct piommu_dma items[MANY], turn[MANY];
	struct chan c;
	piommu_ticket ticket = 0;

	chan_open(&c, &(struct chan_config){ .mem = 128 * PAGE });
	fill_items(&c, items, MANY, 7, 128);
	CHECK_EQ(piommu_dma_map_burst(c.ch, items, MANY), 0);
	for (unsigned i = 0; i < MANY; i++)
		for (unsigned k = 0; k < i; k++)
			CU_ASSERT_FALSE(overlap(&items[i], &items[k]));
	check_items_reach(&c, items, MANY);
	for (unsigned i = 0; i < MANY; i++)
		turn[i] = items[i * 37 % MANY];
	for (unsigned i = 0; i < MANY; i += 64)
		CHECK_EQ(piommu_dma_unmap_burst(c.ch, turn + i, 64, &ticket), 0);
	CHECK_EQ(ticket, MANY / 64);
	CHECK_EQ(piommu_channel_wait(c.ch, ticket), 0);
	for (unsigned i = 0; i < MANY; i++) {
		chan_check_blocked(&c, items[i].iova);
		chan_check_blocked(&c, items[i].iova + items[i].len - PAGE);
	}
	chan_close(&c);
}

static void bad_buffer_is_refused_and_nothing_is_mapped(void)
{
	const struct piommu_dma bad[] = {
		{ 0, 0, PIOMMU_DMA_BOTH, 0 },        { 0, RIG_2M + 1, PIOMMU_DMA_BOTH, 0 },
		{ 1, RIG_2M, PIOMMU_DMA_BOTH, 0 }, /* 513 pages */
		{ 0, SIZE_MAX, PIOMMU_DMA_BOTH, 0 }, { 0, PAGE, (enum piommu_dma_dir)3, 0 },
	};
	struct piommu_dma items[MANY + 1];
	uint64_t iova = 1;
	struct chan c;

	chan_open(&c, &(struct chan_config){ 0 });
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint64_t pa = c.mem.pa + bad[i].pa;

		CHECK_EQ(piommu_dma_map(c.ch, pa, bad[i].len, bad[i].dir, &iova), -EINVAL);
		fill_items(&c, items, 4, 1, 16);
		items[3] = bad[i];
		items[3].pa = pa;
		CHECK_EQ(piommu_dma_map_burst(c.ch, items, 4), -EINVAL);
		CHECK_HEX(items[0].iova, 0);
	}
	CHECK_EQ(piommu_dma_map(c.ch, UINT64_MAX - 8, 16, PIOMMU_DMA_BOTH, &iova), -EINVAL);
	CHECK_HEX(iova, 1);
	fill_items(&c, items, MANY + 1, 1, 16);
	CHECK_EQ(piommu_dma_map_burst(c.ch, items, MANY + 1), -EINVAL);
	CHECK_EQ(piommu_dma_unmap_burst(c.ch, items, MANY + 1, NULL), -EINVAL);
	CHECK_EQ(piommu_dma_map_burst(c.ch, items, 0), 0);
	chan_close(&c);
}

/* ---- What was not mapped so ------------------------------------------------------------------------------------------------ */

static void check_refused(struct chan *c, uint64_t iova, size_t len)
{
	piommu_ticket ticket = 99;

	CHECK_EQ(piommu_dma_unmap(c->ch, iova, len, &ticket), -ENOENT);
	CHECK_EQ(ticket, 99);
}

static void what_was_not_mapped_so_is_not_unmapped(void)
{
	struct chan_counts counts = { 0 };
	struct chan c;
	uint64_t iova;

	chan_open(&c, &(struct chan_config){ 0 });
	iova = chan_map(&c, 2, 3);
	chan_counts(&c, &counts);
	check_refused(&c, iova, 2 * PAGE);
	check_refused(&c, iova, 4 * PAGE);
	check_refused(&c, iova, 0);
	check_refused(&c, iova + PAGE, 2 * PAGE);
	check_refused(&c, iova + 8 * PAGE, PAGE);
	check_refused(&c, iova + (UINT64_C(1) << 30), PAGE);
	check_refused(&c, 0, PAGE);
	check_refused(&c, UINT64_MAX - PAGE + 1, PAGE);
	CHECK_EQ(chan_counts(&c, &counts).doorbells, 0);
	for (unsigned i = 0; i < 3; i++)
		chan_check_reaches(&c, iova + i * PAGE, 2 + i);
	CHECK_EQ(piommu_dma_unmap(c.ch, iova, 3 * PAGE, NULL), 0);
	check_refused(&c, iova, 3 * PAGE);
	chan_close(&c);
}

/* Lengths that are cut to nothing, or to what is mapped, by an addition or a narrow type. */
static void unmap_of_an_absurd_length_is_refused(void)
{
	struct chan c;
	uint64_t iova;

	chan_open(&c, &(struct chan_config){ 0 });
	iova = chan_map(&c, 2, 1);
	check_refused(&c, iova, (size_t)(UINT64_C(1) << 44) + PAGE);
	check_refused(&c, iova + 3 * PAGE, (size_t)UINT64_C(1) << 44);
	check_refused(&c, iova + 3 * PAGE, SIZE_MAX);
	check_refused(&c, iova + 3 * PAGE + 1, SIZE_MAX);
	chan_check_reaches(&c, iova, 2);
	CHECK_EQ(piommu_dma_unmap(c.ch, iova, PAGE, NULL), 0);
	chan_close(&c);
}

/* All or nothing: what stands before the bad one in the burst is as mapped as before, and can still be unmapped. */
static void burst_with_one_that_is_not_mapped_unmaps_none(void)
{
	struct piommu_dma items[8];
	struct chan_counts counts = { 0 };
	struct chan c;
	piommu_ticket ticket = 99;

	chan_open(&c, &(struct chan_config){ 0 });
	fill_items(&c, items, 8, 2, 16);
	CHECK_EQ(piommu_dma_map_burst(c.ch, items, 8), 0);
	chan_counts(&c, &counts);
	items[7].len += PAGE;
	CHECK_EQ(piommu_dma_unmap_burst(c.ch, items, 8, &ticket), -ENOENT);
	items[7].len -= PAGE;
	items[6].iova = items[2].iova; /* twice in one burst */
	items[6].len = items[2].len;
	CHECK_EQ(piommu_dma_unmap_burst(c.ch, items, 8, &ticket), -ENOENT);
	CHECK_EQ(ticket, 99);
	CHECK_EQ(chan_counts(&c, &counts).doorbells, 0);
	check_items_reach(&c, items, 6);
	check_items_reach(&c, items + 7, 1);
	CHECK_EQ(piommu_dma_unmap_burst(c.ch, items, 6, NULL), 0);
	CHECK_EQ(piommu_dma_unmap_burst(c.ch, items + 7, 1, NULL), 0);
	chan_check_blocked(&c, items[0].iova);
	chan_check_blocked(&c, items[7].iova);
	chan_close(&c);
}

int main(int argc, char **argv)
{
	static const struct chan_test tests[] = {
		CHAN_TEST(buffer_is_reached_until_its_ticket_is_done),
		CHAN_TEST(unmap_without_a_ticket_waits),
		CHAN_TEST(direction_is_what_the_device_may_do),
		CHAN_TEST(buffer_smaller_than_a_page_keeps_its_offset),
		CHAN_TEST(address_used_again_leads_to_the_new_memory),
		CHAN_TEST(whole_block_of_aligned_memory_comes_and_goes),
		CHAN_TEST(burst_that_fits_one_block_lies_side_by_side),
		CHAN_TEST(burst_of_mixed_sizes_beyond_one_block_works),
		CHAN_TEST(bad_buffer_is_refused_and_nothing_is_mapped),
		CHAN_TEST(what_was_not_mapped_so_is_not_unmapped),
		CHAN_TEST(unmap_of_an_absurd_length_is_refused),
		CHAN_TEST(burst_with_one_that_is_not_mapped_unmaps_none),
	};

	return chan_main(argc, argv, "channel_dma", tests, sizeof(tests) / sizeof(tests[0]));
}
