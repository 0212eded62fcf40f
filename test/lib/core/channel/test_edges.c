/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The edges of what channels take, on the simulated machine: bursts of nothing and of too much, the same thing twice, the ends of memory
 * and of pools. What is refused has changed nothing. Usage: chan_main().
 */
#include "chan.h"

#define MANY PIOMMU_BURST_MAX
#define BLOCK \
	(struct piommu_span) \
	{ \
		4 * RIG_2M, 5 * RIG_2M - 1 \
	}
/* Where bursts at addresses of the test's go: the borders of leaf tables around it are borders of the address, too. */
#define OWN UINT64_C(0x40000000)

static struct piommu_dma buffer(const struct chan *c, unsigned page, unsigned npages)
{
	return (struct piommu_dma){ .pa = chan_pa(c, page), .len = npages * PAGE, .dir = PIOMMU_DMA_BOTH };
}

static struct piommu_burst_item own(const struct chan *c, unsigned at, unsigned page, unsigned npages)
{
	return (struct piommu_burst_item){ OWN + at * PAGE, chan_pa(c, page), npages * PAGE, PIOMMU_RW };
}

static int lookup(struct chan *c, uint64_t iova)
{
	return piommu_lookup(c->domain, iova, &(uint64_t){ 0 }, NULL, NULL);
}

/* All 512 pages of BLOCK are free: what failed before kept none. */
static void check_nothing_is_kept(struct chan *c)
{
	uint64_t iova;

	for (unsigned i = 0; i < 512; i++)
		CU_ASSERT_EQUAL_FATAL(piommu_dma_map(c->ch, chan_pa(c, 0), PAGE, PIOMMU_DMA_BOTH, &iova), 0);
	CHECK_EQ(piommu_dma_map(c->ch, chan_pa(c, 0), PAGE, PIOMMU_DMA_BOTH, &iova), -ENOSPC);
}

/* ---- How many ------------------------------------------------------------------------------------------------------------- */

static void burst_of_nothing_is_done(void)
{
	piommu_ticket ticket = 0;
	size_t unmapped = 7;
	struct chan c;

	chan_open(&c, &(struct chan_config){ 0 });
	CHECK_EQ(piommu_dma_map_burst(c.ch, NULL, 0), 0);
	CHECK_EQ(piommu_dma_unmap_burst(c.ch, NULL, 0, NULL), 0);
	CHECK_EQ(piommu_dma_unmap_burst(c.ch, NULL, 0, &ticket), 0);
	CHECK_EQ(piommu_channel_wait(c.ch, ticket), 0);
	CHECK_EQ(piommu_map_burst(c.ch, NULL, 0), 0);
	CHECK_EQ(piommu_unmap_burst(c.ch, NULL, 0, &unmapped, &ticket), 0);
	CHECK_EQ(unmapped, 0);
	CHECK_EQ(piommu_channel_wait(c.ch, ticket), 0);
	CHECK_EQ(piommu_dma_map_sg(c.ch, NULL, 0, PIOMMU_DMA_BOTH, &(uint64_t){ 0 }), -EINVAL);
	chan_close(&c);
}

static void burst_beyond_the_most_is_refused_and_changes_nothing(void)
{
	static struct piommu_burst_item own_items[MANY + 1];
	static struct piommu_dma items[MANY + 1];
	piommu_ticket ticket = 99;
	size_t unmapped = 99;
	struct chan c;

	chan_open(&c, &(struct chan_config){ .aperture = BLOCK });
	for (unsigned i = 0; i <= MANY; i++) {
		items[i] = buffer(&c, i % 16, 1);
		own_items[i] = own(&c, 2 * i, i % 16, 1);
	}
	CHECK_EQ(piommu_dma_map_burst(c.ch, items, MANY), 0);
	items[MANY] = items[MANY - 1];
	CHECK_EQ(piommu_dma_unmap_burst(c.ch, items, MANY + 1, &ticket), -EINVAL);
	CHECK_EQ(piommu_dma_unmap_burst(c.ch, items, UINT32_MAX, &ticket), -EINVAL);
	for (unsigned i = 0; i < MANY; i += 15)
		chan_check_reaches(&c, items[i].iova, i % 16);
	CHECK_EQ(piommu_dma_unmap_burst(c.ch, items, MANY, NULL), 0);
	CHECK_EQ(piommu_dma_map_burst(c.ch, items, MANY + 1), -EINVAL);
	CHECK_EQ(piommu_map_burst(c.ch, own_items, MANY + 1), -EINVAL);
	CHECK_EQ(lookup(&c, own_items[0].iova), -ENOENT);
	CHECK_EQ(piommu_map_burst(c.ch, own_items, MANY), 0);
	CHECK_EQ(piommu_unmap_burst(c.ch, own_items, MANY + 1, &unmapped, &ticket), -EINVAL);
	CHECK_EQ(unmapped, 0);
	CHECK_EQ(ticket, 99);
	for (unsigned i = 0; i < MANY; i++)
		CHECK_EQ(lookup(&c, own_items[i].iova), 0);
	CHECK_EQ(piommu_unmap_burst(c.ch, own_items, MANY, &unmapped, &ticket), 0);
	CHECK_EQ(unmapped, MANY * PAGE);
	CHECK_EQ(piommu_channel_wait(c.ch, ticket), 0);
	check_nothing_is_kept(&c);
	chan_close(&c);
}

/* 512 pages in one burst are one block; one more is two, and none of them is lost. */
static void burst_as_large_as_a_block_and_one_page_larger(void)
{
	static struct piommu_dma items[MANY];
	struct chan c;

	chan_open(&c, &(struct chan_config){ 0 });
	for (unsigned more = 0; more < 2; more++) {
		for (unsigned i = 0; i < MANY; i++)
			items[i] = buffer(&c, i % 13, i == 77 ? 2 + more : 2);
		CHECK_EQ(piommu_dma_map_burst(c.ch, items, MANY), 0);
		for (unsigned i = 1; i < MANY && !more; i++)
			CHECK_HEX(items[i].iova, items[i - 1].iova + 2 * PAGE);
		for (unsigned i = 0; i < MANY; i++) {
			chan_check_reaches(&c, items[i].iova, i % 13);
			chan_check_reaches(&c, items[i].iova + items[i].len - PAGE,
					   i % 13 + (unsigned)(items[i].len / PAGE) - 1);
		}
		CHECK_EQ(piommu_dma_unmap_burst(c.ch, items, MANY, NULL), 0);
		for (unsigned i = 0; i < MANY; i++) {
			chan_check_blocked(&c, items[i].iova);
			chan_check_blocked(&c, items[i].iova + items[i].len - PAGE);
		}
	}
	chan_close(&c);
}

/* ---- The same twice ---------------------------------------------------------------------------------------------------------- */

/* Each has an address of its own, and the end of one is not that of the other. */
static void buffer_that_is_twice_in_a_burst_is_mapped_twice(void)
{
	struct piommu_dma items[3];
	struct chan c;

	chan_open(&c, &(struct chan_config){ 0 });
	items[0] = items[1] = items[2] = buffer(&c, 4, 2);
	CHECK_EQ(piommu_dma_map_burst(c.ch, items, 3), 0);
	CU_ASSERT(items[0].iova != items[1].iova && items[1].iova != items[2].iova && items[0].iova != items[2].iova);
	for (unsigned i = 0; i < 3; i++)
		chan_check_reaches(&c, items[i].iova + PAGE, 5);
	CHECK_EQ(piommu_dma_unmap_burst(c.ch, &items[1], 1, NULL), 0);
	chan_check_blocked(&c, items[1].iova);
	chan_check_reaches(&c, items[0].iova + PAGE, 5);
	chan_check_reaches(&c, items[2].iova, 4);
	chan_close(&c);
}

static void mapping_that_is_twice_in_an_unmap_is_refused_wherever_it_stands(void)
{
	static const unsigned second[] = { 1, 31, MANY - 1 };
	static struct piommu_dma items[MANY];
	struct chan_counts counts = { 0 };
	piommu_ticket ticket = 99;
	struct chan c;

	chan_open(&c, &(struct chan_config){ 0 });
	for (unsigned i = 0; i < MANY; i++)
		items[i] = buffer(&c, i % 14, 1 + i % 3);
	CHECK_EQ(piommu_dma_map_burst(c.ch, items, MANY), 0);
	chan_counts(&c, &counts);
	for (unsigned i = 0; i < 3; i++) {
		struct piommu_dma kept = items[second[i]];

		items[second[i]] = items[0];
		CHECK_EQ(piommu_dma_unmap_burst(c.ch, items, second[i] + 1, &ticket), -ENOENT);
		CHECK_EQ(ticket, 99);
		items[second[i]] = kept;
	}
	CHECK_EQ(chan_counts(&c, &counts).doorbells, 0);
	for (unsigned i = 0; i < MANY; i++)
		chan_check_reaches(&c, items[i].iova, i % 14);
	CHECK_EQ(piommu_dma_unmap_burst(c.ch, items, MANY, NULL), 0);
	for (unsigned i = 0; i < MANY; i++)
		chan_check_blocked(&c, items[i].iova);
	chan_close(&c);
}

/* At addresses of the caller's: a burst that meets itself maps nothing, and one that unmaps twice says that the second was not mapped. */
static void range_that_is_twice_in_a_burst_of_own_addresses(void)
{
	struct piommu_burst_item items[4];
	piommu_ticket ticket = 0;
	size_t unmapped = 0;
	struct chan c;

	chan_open(&c, &(struct chan_config){ 0 });
	for (unsigned i = 0; i < 4; i++)
		items[i] = own(&c, 4 * i, i, 2);
	items[3] = own(&c, 1, 9, 1); /* the second page of the first */
	CHECK_EQ(piommu_map_burst(c.ch, items, 4), -EEXIST);
	for (unsigned i = 0; i < 4; i++)
		CHECK_EQ(lookup(&c, items[i].iova), -ENOENT);
	CHECK_EQ(piommu_map_burst(c.ch, items, 3), 0);
	chan_check_reaches(&c, items[0].iova + PAGE, 1);
	items[3] = items[0];
	CHECK_EQ(piommu_unmap_burst(c.ch, items, 4, &unmapped, &ticket), -ENOENT);
	CHECK_EQ(unmapped, 6 * PAGE);
	CHECK_EQ(piommu_channel_wait(c.ch, ticket), 0);
	for (unsigned i = 0; i < 3; i++)
		chan_check_blocked(&c, items[i].iova + PAGE);
	chan_close(&c);
}

/* ---- Ends --------------------------------------------------------------------------------------------------------------------- */

/* Across the border of two leaf tables, ranges of whole tables, and what is around them. */
static void ranges_at_the_borders_of_tables_end_where_they_end(void)
{
	struct piommu_burst_item items[4];
	piommu_ticket ticket;
	size_t unmapped;
	struct chan c;

	chan_open(&c, &(struct chan_config){ .mem = 3 * RIG_2M });
	items[0] = own(&c, 511, 3, 2);           /* the last page of a table, and the first of the next */
	items[1] = own(&c, 4 * 512, 512, 512);   /* a table, whole; a super page, where there are any */
	items[2] = own(&c, 8 * 512 - 1, 5, 514); /* a table, and a page on each side */
	items[3] = own(&c, 16 * 512 + 1, 9, 511);
	for (unsigned round = 0; round < 2; round++) {
		CHECK_EQ(piommu_map_burst(c.ch, items, 4), 0);
		for (unsigned i = 0; i < 4; i++) {
			unsigned first = (unsigned)((items[i].pa - c.mem.pa) / PAGE), n = (unsigned)(items[i].len / PAGE);

			chan_check_reaches(&c, items[i].iova, first);
			chan_check_reaches(&c, items[i].iova + items[i].len - PAGE, first + n - 1);
			chan_check_blocked(&c, items[i].iova - PAGE);
			chan_check_blocked(&c, items[i].iova + items[i].len);
		}
		CHECK_EQ(piommu_unmap_burst(c.ch, items, 4, &unmapped, &ticket), 0);
		CHECK_EQ(unmapped, (2 + 512 + 514 + 511) * PAGE);
		CHECK_EQ(piommu_channel_wait(c.ch, ticket), 0);
		for (unsigned i = 0; i < 4; i++) {
			chan_check_blocked(&c, items[i].iova);
			chan_check_blocked(&c, items[i].iova + items[i].len - PAGE);
		}
	}
	chan_close(&c);
}

/* 2 MiB are the most: from the first byte of a page 512 pages, from any other byte one too many. */
static void largest_buffer_is_two_mebibytes_of_whole_pages(void)
{
	const size_t most = RIG_2M;
	uint64_t iova = 1;
	struct chan c;

	chan_open(&c, &(struct chan_config){ .mem = 2 * RIG_2M });
	CHECK_EQ(piommu_dma_map(c.ch, chan_pa(&c, 1), most, PIOMMU_DMA_BOTH, &iova), 0);
	chan_check_reaches(&c, iova, 1);
	chan_check_reaches(&c, iova + most - PAGE, 512);
	CHECK_EQ(piommu_dma_unmap(c.ch, iova, most, NULL), 0);
	chan_check_blocked(&c, iova);
	chan_check_blocked(&c, iova + most - PAGE);
	CHECK_EQ(piommu_dma_map(c.ch, chan_pa(&c, 1) + 1, most - 1, PIOMMU_DMA_BOTH, &iova), 0);
	CHECK_HEX(iova & (PAGE - 1), 1);
	CHECK_EQ(piommu_dma_unmap(c.ch, iova, most - 1, NULL), 0);
	iova = 1;
	CHECK_EQ(piommu_dma_map(c.ch, chan_pa(&c, 1) + 1, most, PIOMMU_DMA_BOTH, &iova), -EINVAL);
	CHECK_EQ(piommu_dma_map(c.ch, chan_pa(&c, 1), most + 1, PIOMMU_DMA_BOTH, &iova), -EINVAL);
	CHECK_HEX(iova, 1);
	chan_close(&c);
}

/* Memory that the unit has no addresses for, and memory that wraps around: refused, and no I/O address is lost over it. */
static void memory_beyond_the_units_reach_is_refused(void)
{
	static const uint64_t far[] = { UINT64_C(1) << 57, UINT64_MAX - PAGE + 1, UINT64_MAX - 3 * PAGE + 1 };
	struct piommu_dma items[3];
	struct piommu_sg sg[2];
	uint64_t iova = 1;
	struct chan c;

	chan_open(&c, &(struct chan_config){ .aperture = BLOCK });
	for (unsigned n = 0; n < 600; n++) {
		uint64_t pa = far[n % 3];

		CHECK_EQ(piommu_dma_map(c.ch, pa, PAGE, PIOMMU_DMA_BOTH, &iova), -ERANGE);
		items[0] = items[1] = buffer(&c, 2, 2);
		items[2] = (struct piommu_dma){ .pa = pa, .len = PAGE, .dir = PIOMMU_DMA_BOTH };
		CHECK_EQ(piommu_dma_map_burst(c.ch, items, 3), -ERANGE);
		items[0] = items[1] = buffer(&c, 2, 1); /* single pages alone go another way */
		CHECK_EQ(piommu_dma_map_burst(c.ch, items, 3), -ERANGE);
		sg[0] = (struct piommu_sg){ chan_pa(&c, 1), PAGE };
		sg[1] = (struct piommu_sg){ pa, PAGE };
		CHECK_EQ(piommu_dma_map_sg(c.ch, sg, 2, PIOMMU_DMA_BOTH, &iova), -ERANGE);
	}
	CHECK_EQ(piommu_dma_map(c.ch, far[1], 2 * PAGE, PIOMMU_DMA_BOTH, &iova), -EINVAL);
	/* The end of memory and its beginning are no neighbours. */
	sg[0] = (struct piommu_sg){ far[1], PAGE };
	sg[1] = (struct piommu_sg){ 0, PAGE };
	CHECK_EQ(piommu_dma_map_sg(c.ch, sg, 2, PIOMMU_DMA_BOTH, &iova), -ERANGE);
	CHECK_HEX(iova, 1);
	check_nothing_is_kept(&c);
	chan_close(&c);
}

/* ---- Pools ------------------------------------------------------------------------------------------------------------------------ */

static void set_mode(struct chan *c, enum piommu_mode_kind kind)
{
	const struct piommu_mode mode = { kind, 1000000, 1 << 30 };

	CHECK_EQ(piommu_domain_set_mode(c->domain, &mode), 0);
}

static void register_pool(struct chan *c, unsigned page, unsigned npages, unsigned prot)
{
	CHECK_EQ(piommu_dma_pool_register(c->domain, chan_pa(c, page), npages * PAGE, prot), 0);
}

static int map(struct chan *c, uint64_t pa, size_t len, enum piommu_dma_dir dir)
{
	uint64_t iova = 0;

	return piommu_dma_map(c->ch, pa, len, dir, &iova);
}

static void pool_ends_at_its_last_byte(void)
{
	struct piommu_dma items[2];
	uint64_t iova, pa;
	struct chan c;

	chan_open(&c, &(struct chan_config){ .mem = 32 * PAGE });
	register_pool(&c, 8, 4, PIOMMU_RW);
	set_mode(&c, PIOMMU_MODE_STATIC);
	pa = chan_pa(&c, 8);
	CHECK_EQ(piommu_dma_map(c.ch, pa, 4 * PAGE, PIOMMU_DMA_BOTH, &iova), 0);
	chan_check_reaches(&c, iova, 8);
	chan_check_reaches(&c, iova + 3 * PAGE, 11);
	chan_check_blocked(&c, iova - PAGE);
	chan_check_blocked(&c, iova + 4 * PAGE);
	CHECK_EQ(map(&c, pa + 4 * PAGE - 1, 1, PIOMMU_DMA_BOTH), 0);
	CHECK_EQ(map(&c, pa, 4 * PAGE + 1, PIOMMU_DMA_BOTH), -EFAULT);
	CHECK_EQ(map(&c, pa + 4 * PAGE - 1, 2, PIOMMU_DMA_BOTH), -EFAULT);
	CHECK_EQ(map(&c, pa + 4 * PAGE, 1, PIOMMU_DMA_BOTH), -EFAULT);
	CHECK_EQ(map(&c, pa - 1, 1, PIOMMU_DMA_BOTH), -EFAULT);
	CHECK_EQ(map(&c, pa - 1, 2, PIOMMU_DMA_BOTH), -EFAULT);
	CHECK_EQ(map(&c, pa, 0, PIOMMU_DMA_BOTH), -EINVAL);
	items[0] = (struct piommu_dma){ .pa = pa, .len = 4 * PAGE, .dir = PIOMMU_DMA_BOTH };
	items[1] = (struct piommu_dma){ .pa = pa + PAGE, .len = 3 * PAGE + 1, .dir = PIOMMU_DMA_BOTH };
	CHECK_EQ(piommu_dma_map_burst(c.ch, items, 2), -EFAULT);
	/* Whoever unmaps beyond it unmaps nothing. */
	CHECK_EQ(piommu_dma_unmap(c.ch, iova + 3 * PAGE, 2 * PAGE, NULL), -ENOENT);
	CHECK_EQ(piommu_dma_unmap(c.ch, iova - PAGE, 2 * PAGE, NULL), -ENOENT);
	CHECK_EQ(piommu_dma_unmap(c.ch, iova + 4 * PAGE, PAGE, NULL), -ENOENT);
	CHECK_EQ(piommu_dma_unmap(c.ch, iova, 4 * PAGE, NULL), 0);
	chan_check_reaches(&c, iova, 8);
	chan_close(&c);
}

/* Side by side in memory, and still two: a buffer across both is in neither. */
static void buffer_across_two_pools_is_in_none(void)
{
	struct piommu_dma item;
	struct chan c;

	chan_open(&c, &(struct chan_config){ .mem = 32 * PAGE });
	register_pool(&c, 4, 4, PIOMMU_RW);
	register_pool(&c, 8, 4, PIOMMU_RW);
	set_mode(&c, PIOMMU_MODE_STATIC);
	for (unsigned i = 0; i < 2; i++) { /* whichever was right last */
		CHECK_EQ(map(&c, chan_pa(&c, 4 + 4 * i), PAGE, PIOMMU_DMA_BOTH), 0);
		CHECK_EQ(map(&c, chan_pa(&c, 7), 2 * PAGE, PIOMMU_DMA_BOTH), -EFAULT);
		CHECK_EQ(map(&c, chan_pa(&c, 8) - 1, 2, PIOMMU_DMA_TO_DEVICE), -EFAULT);
		item = (struct piommu_dma){ .pa = chan_pa(&c, 4), .len = 8 * PAGE, .dir = PIOMMU_DMA_BOTH };
		CHECK_EQ(piommu_dma_map_burst(c.ch, &item, 1), -EFAULT);
	}
	CHECK_EQ(map(&c, chan_pa(&c, 7), PAGE, PIOMMU_DMA_BOTH), 0);
	CHECK_EQ(map(&c, chan_pa(&c, 8), PAGE, PIOMMU_DMA_BOTH), 0);
	chan_close(&c);
}

static void pool_allows_what_it_was_registered_for(void)
{
	static const struct {
		unsigned prot;
		int to, from, both;
	} rows[] = {
		{ PIOMMU_READ, 0, -EACCES, -EACCES },
		{ PIOMMU_WRITE, -EACCES, 0, -EACCES },
		{ PIOMMU_RW, 0, 0, 0 },
	};
	struct piommu_dma items[2];
	struct chan c;

	chan_open(&c, &(struct chan_config){ .mem = 32 * PAGE });
	for (unsigned i = 0; i < 3; i++)
		register_pool(&c, 8 * i, 4, rows[i].prot);
	set_mode(&c, PIOMMU_MODE_STATIC);
	for (unsigned i = 0; i < 3; i++) {
		uint64_t pa = chan_pa(&c, 8 * i + 1);

		CHECK_EQ(map(&c, pa, PAGE, PIOMMU_DMA_TO_DEVICE), rows[i].to);
		CHECK_EQ(map(&c, pa, PAGE, PIOMMU_DMA_FROM_DEVICE), rows[i].from);
		CHECK_EQ(map(&c, pa, PAGE, PIOMMU_DMA_BOTH), rows[i].both);
		CHECK_EQ(map(&c, pa, PAGE, (enum piommu_dma_dir)3), -EINVAL);
		items[0] = (struct piommu_dma){ .pa = chan_pa(&c, 17), .len = PAGE, .dir = PIOMMU_DMA_BOTH };
		items[1] = (struct piommu_dma){ .pa = pa, .len = PAGE, .dir = PIOMMU_DMA_FROM_DEVICE };
		CHECK_EQ(piommu_dma_map_burst(c.ch, items, 2), rows[i].from);
	}
	chan_close(&c);
}

/* Scattered memory cannot be one range of pools: it is mapped, and its end is as strict as any. */
static void scattered_memory_is_mapped_in_static_mode_too(void)
{
	struct piommu_sg sg[2];
	uint64_t iova, pooled;
	struct chan c;

	chan_open(&c, &(struct chan_config){ .mem = 32 * PAGE });
	register_pool(&c, 0, 16, PIOMMU_RW);
	set_mode(&c, PIOMMU_MODE_STATIC);
	sg[0] = (struct piommu_sg){ chan_pa(&c, 9), PAGE };
	sg[1] = (struct piommu_sg){ chan_pa(&c, 3), 2 * PAGE };
	CHECK_EQ(piommu_dma_map_sg(c.ch, sg, 2, PIOMMU_DMA_BOTH, &iova), 0);
	chan_check_reaches(&c, iova, 9);
	chan_check_reaches(&c, iova + 2 * PAGE, 4);
	CHECK_EQ(piommu_dma_unmap(c.ch, iova, 3 * PAGE, NULL), 0);
	for (unsigned i = 0; i < 3; i++)
		chan_check_blocked(&c, iova + i * PAGE);
	/* In one piece it is a buffer in a pool, also where the pieces are two in the list. */
	sg[1] = (struct piommu_sg){ chan_pa(&c, 10), PAGE };
	CHECK_EQ(piommu_dma_map_sg(c.ch, sg, 2, PIOMMU_DMA_BOTH, &iova), 0);
	CHECK_EQ(piommu_dma_map(c.ch, chan_pa(&c, 9), 2 * PAGE, PIOMMU_DMA_BOTH, &pooled), 0);
	CHECK_HEX(iova, pooled);
	sg[1] = (struct piommu_sg){ chan_pa(&c, 16), PAGE };
	sg[0] = (struct piommu_sg){ chan_pa(&c, 15), PAGE };
	CHECK_EQ(piommu_dma_map_sg(c.ch, sg, 2, PIOMMU_DMA_BOTH, &iova), -EFAULT);
	chan_close(&c);
}

/* Under the hands of who uses it: what it had is gone, what others have is not. */
static void pool_that_goes_in_static_mode_is_gone_for_all(void)
{
	struct piommu_channel *other;
	uint64_t iova[2];
	struct chan c;

	chan_open(&c, &(struct chan_config){ .mem = 32 * PAGE });
	CU_ASSERT_EQUAL_FATAL(piommu_channel_create(c.domain, NULL, &other), 0);
	register_pool(&c, 0, 8, PIOMMU_RW);
	register_pool(&c, 16, 8, PIOMMU_RW);
	set_mode(&c, PIOMMU_MODE_STATIC);
	for (unsigned i = 0; i < 2; i++) {
		CHECK_EQ(piommu_dma_map(i ? other : c.ch, chan_pa(&c, 16 * i + 3), PAGE, PIOMMU_DMA_BOTH, &iova[i]), 0);
		chan_check_reaches(&c, iova[i], 16 * i + 3);
	}
	CHECK_EQ(piommu_dma_pool_unregister(c.domain, chan_pa(&c, 16)), 0);
	chan_check_blocked(&c, iova[1]);
	CHECK_EQ(piommu_dma_map(other, chan_pa(&c, 19), PAGE, PIOMMU_DMA_BOTH, &iova[1]), -EFAULT);
	CHECK_EQ(piommu_dma_unmap(other, iova[1], PAGE, NULL), -ENOENT);
	CHECK_EQ(piommu_dma_map(other, chan_pa(&c, 3), PAGE, PIOMMU_DMA_BOTH, &iova[1]), 0);
	CHECK_HEX(iova[1], iova[0]);
	CHECK_EQ(piommu_dma_pool_unregister(c.domain, c.mem.pa), 0);
	chan_check_blocked(&c, iova[0]);
	CHECK_EQ(map(&c, chan_pa(&c, 3), PAGE, PIOMMU_DMA_BOTH), -EFAULT);
	set_mode(&c, PIOMMU_MODE_STRICT);
	CHECK_EQ(map(&c, chan_pa(&c, 3), PAGE, PIOMMU_DMA_BOTH), 0);
	CHECK_EQ(piommu_channel_destroy(other), 0);
	chan_close(&c);
}

/* One ticket for what was mapped; nothing is done for what is a pool's, and all of it is refused for one that is neither. */
static void burst_of_pooled_and_mapped_buffers_ends_the_mapped_ones(void)
{
	struct piommu_dma items[4];
	piommu_ticket ticket = 99;
	struct chan c;

	chan_open(&c, &(struct chan_config){ .mem = 32 * PAGE });
	for (unsigned i = 0; i < 4; i += 2)
		items[i] = (struct piommu_dma){ .iova = chan_map(&c, 20 + i, 1), .len = PAGE };
	register_pool(&c, 0, 8, PIOMMU_RW);
	set_mode(&c, PIOMMU_MODE_STATIC);
	for (unsigned i = 1; i < 4; i += 2) {
		items[i] = (struct piommu_dma){ .len = PAGE };
		CHECK_EQ(piommu_dma_map(c.ch, chan_pa(&c, i), PAGE, PIOMMU_DMA_BOTH, &items[i].iova), 0);
	}
	items[3].iova += 64 * PAGE;
	CHECK_EQ(piommu_dma_unmap_burst(c.ch, items, 4, &ticket), -ENOENT);
	CHECK_EQ(ticket, 99);
	items[3].iova -= 64 * PAGE;
	chan_check_reaches(&c, items[0].iova, 20);
	CHECK_EQ(piommu_dma_unmap_burst(c.ch, items, 4, &ticket), 0);
	CHECK_EQ(ticket, 1);
	CHECK_EQ(piommu_channel_wait(c.ch, ticket), 0);
	chan_check_blocked(&c, items[0].iova);
	chan_check_blocked(&c, items[2].iova);
	chan_check_reaches(&c, items[1].iova, 1);
	CHECK_EQ(piommu_dma_unmap_burst(c.ch, &items[1], 1, &ticket), 0);
	CHECK_EQ(ticket, 0);
	chan_close(&c);
}

int main(int argc, char **argv)
{
	static const struct chan_test tests[] = {
		CHAN_TEST(burst_of_nothing_is_done),
		CHAN_TEST(burst_beyond_the_most_is_refused_and_changes_nothing),
		CHAN_TEST(burst_as_large_as_a_block_and_one_page_larger),
		CHAN_TEST(buffer_that_is_twice_in_a_burst_is_mapped_twice),
		CHAN_TEST(mapping_that_is_twice_in_an_unmap_is_refused_wherever_it_stands),
		CHAN_TEST(range_that_is_twice_in_a_burst_of_own_addresses),
		CHAN_TEST(ranges_at_the_borders_of_tables_end_where_they_end),
		CHAN_TEST(largest_buffer_is_two_mebibytes_of_whole_pages),
		CHAN_TEST(memory_beyond_the_units_reach_is_refused),
		CHAN_TEST(pool_ends_at_its_last_byte),
		CHAN_TEST(buffer_across_two_pools_is_in_none),
		CHAN_TEST(pool_allows_what_it_was_registered_for),
		CHAN_TEST(scattered_memory_is_mapped_in_static_mode_too),
		CHAN_TEST(pool_that_goes_in_static_mode_is_gone_for_all),
		CHAN_TEST(burst_of_pooled_and_mapped_buffers_ends_the_mapped_ones),
	};

	return chan_main(argc, argv, "channel_edges", tests, sizeof(tests) / sizeof(tests[0]));
}
