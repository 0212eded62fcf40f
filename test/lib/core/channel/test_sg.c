/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Scattered memory as one range of I/O addresses, and bursts at addresses of the caller's, on the simulated machine. Usage: chan_main().
 */
#include "chan.h"

static struct piommu_sg piece(const struct chan *c, unsigned page, unsigned off, size_t len)
{
	return (struct piommu_sg){ chan_pa(c, page) + off, len };
}

/* The device sees at `iova` what the list says, one piece after the other. */
static void check_read(struct chan *c, uint64_t iova, const struct piommu_sg *sg, unsigned n)
{
	static uint8_t buf[16 * RIG_PAGE];

	for (unsigned i = 0; i < n; i++) {
		CHECK_EQ(rig_read(&c->r, c->device, iova, buf, sg[i].len), 0);
		CHECK_EQ(memcmp(buf, (char *)c->mem.va + (sg[i].pa - c->mem.pa), sg[i].len), 0);
		iova += sg[i].len;
	}
}

static size_t length(const struct piommu_sg *sg, unsigned n)
{
	size_t len = 0;

	for (unsigned i = 0; i < n; i++)
		len += sg[i].len;
	return len;
}

static void pieces_become_one_range(void)
{
	struct chan c;
	uint64_t iova;

	chan_open(&c, &(struct chan_config){ .mem = 64 * PAGE });
	const struct piommu_sg sg[] = {
		piece(&c, 40, 0x800, PAGE + 0x800),                          /* begins within a page */
		piece(&c, 7, 0, 3 * PAGE),          piece(&c, 10, 0, PAGE),  /* goes on where the last one ends */
		piece(&c, 3, 0, 2 * PAGE),          piece(&c, 20, 0, 0x123), /* ends within one */
	};

	CHECK_EQ(piommu_dma_map_sg(c.ch, sg, 5, PIOMMU_DMA_BOTH, &iova), 0);
	CHECK_HEX(iova & (PAGE - 1), 0x800);
	check_read(&c, iova, sg, 5);
	/* By its whole length, and by nothing else. */
	CHECK_EQ(piommu_dma_unmap(c.ch, iova, sg[0].len, NULL), -ENOENT);
	CHECK_EQ(piommu_dma_unmap(c.ch, iova + sg[0].len, sg[1].len, NULL), -ENOENT);
	check_read(&c, iova, sg, 5);
	CHECK_EQ(piommu_dma_unmap(c.ch, iova, length(sg, 5), NULL), 0);
	for (uint64_t at = iova & ~(PAGE - 1); at < iova + length(sg, 5); at += PAGE)
		chan_check_blocked(&c, at);
	chan_close(&c);
}

static void one_piece_is_a_buffer(void)
{
	struct chan c;
	uint64_t iova;

	chan_open(&c, &(struct chan_config){ 0 });
	const struct piommu_sg sg = piece(&c, 3, 0x10, 0x20);

	CHECK_EQ(piommu_dma_map_sg(c.ch, &sg, 1, PIOMMU_DMA_TO_DEVICE, &iova), 0);
	check_read(&c, iova, &sg, 1);
	rig_check_fault(&c.r, c.device, iova, true, MACHINE_FORBIDDEN);
	CHECK_EQ(piommu_dma_unmap(c.ch, iova, 0x20, NULL), 0);
	chan_check_blocked(&c, iova);
	chan_close(&c);
}

static void list_with_gaps_is_refused(void)
{
	struct chan c;
	uint64_t iova = 1;

	chan_open(&c, &(struct chan_config){ 0 });
	const struct piommu_sg bad[][2] = {
		{ piece(&c, 0, 0, PAGE), piece(&c, 2, 8, PAGE) },     /* begins within a page */
		{ piece(&c, 0, 0, PAGE - 8), piece(&c, 2, 0, PAGE) }, /* ends within one */
		{ piece(&c, 0, 8, PAGE), piece(&c, 2, 0, PAGE) },
		{ piece(&c, 0, 0, PAGE), piece(&c, 2, 0, 0) },
		{ piece(&c, 0, 0, 0), piece(&c, 2, 0, PAGE) },
		{ piece(&c, 0, 0, RIG_2M), piece(&c, 2, 0, PAGE) },
		{ piece(&c, 0, 0, SIZE_MAX & ~(PAGE - 1)), piece(&c, 2, 0, PAGE) },
	};

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK_EQ(piommu_dma_map_sg(c.ch, bad[i], 2, PIOMMU_DMA_BOTH, &iova), -EINVAL);
	CHECK_EQ(piommu_dma_map_sg(c.ch, bad[0], 0, PIOMMU_DMA_BOTH, &iova), -EINVAL);
	CHECK_EQ(piommu_dma_map_sg(c.ch, bad[0], 1, (enum piommu_dma_dir)7, &iova), -EINVAL);
	CHECK_HEX(iova, 1);
	chan_close(&c);
}

/* As many pieces as 2 MiB have pages: in pairs of neighbours there are 256 ranges; each by itself is more than a burst has. */
static void longest_list_is_a_burst(void)
{
	static struct piommu_sg sg[512];
	struct chan c;
	uint64_t iova;

	chan_open(&c, &(struct chan_config){ .mem = 2 * RIG_2M });
	for (unsigned i = 0; i < 512; i++)
		sg[i] = piece(&c, 1022 - i / 2 * 4 + i % 2, 0, PAGE);
	CHECK_EQ(piommu_dma_map_sg(c.ch, sg, 512, PIOMMU_DMA_BOTH, &iova), 0);
	check_read(&c, iova, sg, 512);
	CHECK_EQ(piommu_dma_unmap(c.ch, iova, RIG_2M, NULL), 0);
	chan_check_blocked(&c, iova);
	chan_check_blocked(&c, iova + RIG_2M - PAGE);
	for (unsigned i = 0; i < 512; i++)
		sg[i] = piece(&c, 2 * i, 0, PAGE);
	CHECK_EQ(piommu_dma_map_sg(c.ch, sg, 257, PIOMMU_DMA_BOTH, &iova), -EINVAL);
	CHECK_EQ(piommu_dma_map_sg(c.ch, sg, 256, PIOMMU_DMA_BOTH, &iova), 0);
	check_read(&c, iova, sg, 256);
	chan_close(&c);
}

/* ---- Addresses of the caller's ------------------------------------------------------------------------------------------------- */

#define N 100u

static void fill(struct chan *c, struct piommu_burst_item *items)
{
	for (unsigned i = 0; i < N; i++)
		items[i] = (struct piommu_burst_item){ UINT64_C(0x40000000) + i * 16 * PAGE, chan_pa(c, i % 12),
						       (1 + i % 4) * PAGE, PIOMMU_RW };
}

static void burst_at_own_addresses_comes_and_goes(void)
{
	struct piommu_burst_item items[N];
	piommu_ticket ticket;
	size_t unmapped;
	struct chan c;

	chan_open(&c, &(struct chan_config){ 0 });
	fill(&c, items);
	for (unsigned round = 0; round < 3; round++) {
		CHECK_EQ(piommu_map_burst(c.ch, items, N), 0);
		for (unsigned i = 0; i < N; i++)
			chan_check_reaches(&c, items[i].iova + items[i].len - PAGE, i % 12 + i % 4);
		CHECK_EQ(piommu_unmap_burst(c.ch, items, N, &unmapped, &ticket), 0);
		CHECK_EQ(unmapped, N / 4 * 10 * PAGE);
		CHECK_EQ(ticket, round + 1);
		CHECK_EQ(piommu_channel_wait(c.ch, ticket), 0);
		for (unsigned i = 0; i < N; i++)
			chan_check_blocked(&c, items[i].iova + items[i].len - PAGE);
	}
	chan_close(&c);
}

static void burst_that_meets_a_mapping_maps_nothing(void)
{
	struct piommu_burst_item items[N];
	struct chan c;

	chan_open(&c, &(struct chan_config){ 0 });
	fill(&c, items);
	rig_map(&c.r, c.domain, items[N - 1].iova + PAGE, chan_pa(&c, 15), PAGE, PIOMMU_RW);
	CHECK_EQ(items[N - 1].len, 4 * PAGE);
	CHECK_EQ(piommu_map_burst(c.ch, items, N), -EEXIST);
	for (unsigned i = 0; i < N; i++)
		CHECK_EQ(piommu_lookup(c.domain, items[i].iova, &(uint64_t){ 0 }, NULL, NULL), -ENOENT);
	chan_check_blocked(&c, items[0].iova);
	chan_check_reaches(&c, items[N - 1].iova + PAGE, 15);
	chan_close(&c);
}

static void burst_with_a_hole_says_how_much_there_was(void)
{
	struct piommu_burst_item items[N];
	piommu_ticket ticket = 0;
	size_t unmapped = 0;
	struct chan c;

	chan_open(&c, &(struct chan_config){ 0 });
	fill(&c, items);
	CHECK_EQ(piommu_map_burst(c.ch, items, N - 1), 0);
	chan_check_reaches(&c, items[0].iova, 0);
	CHECK_EQ(piommu_unmap_burst(c.ch, items, N, &unmapped, &ticket), -ENOENT);
	CHECK_EQ(unmapped, (N / 4 * 10 - 4) * PAGE);
	CHECK_EQ(piommu_channel_wait(c.ch, ticket), 0);
	chan_check_blocked(&c, items[0].iova);
	chan_close(&c);
}

int main(int argc, char **argv)
{
	static const struct chan_test tests[] = {
		CHAN_TEST(pieces_become_one_range),
		CHAN_TEST(one_piece_is_a_buffer),
		CHAN_TEST(list_with_gaps_is_refused),
		CHAN_TEST(longest_list_is_a_burst),
		CHAN_TEST(burst_at_own_addresses_comes_and_goes),
		CHAN_TEST(burst_that_meets_a_mapping_maps_nothing),
		CHAN_TEST(burst_with_a_hole_says_how_much_there_was),
	};

	return chan_main(argc, argv, "channel_sg", tests, sizeof(tests) / sizeof(tests[0]));
}
