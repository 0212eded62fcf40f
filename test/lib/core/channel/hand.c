/* SPDX-License-Identifier: BSD-3-Clause */
/* See hand.h. */
#include <errno.h>

#include "hand.h"

static struct hand *hand_of(const struct piommu_domain *domain)
{
	const struct fake_domain *fd = (const struct fake_domain *)(const void *)domain;

	return (struct hand *)(void *)fd->fake; /* first member */
}

static struct hand *hand_of_unit(const struct piommu_unit *unit)
{
	return (struct hand *)(void *)unit->plat; /* first member of the first */
}

/* ---- Time ---------------------------------------------------------------------------------------------------------------- */

static uint64_t now_ns(struct piommu_platform *plat)
{
	return ((struct hand *)(void *)plat)->now_ns;
}

/* A step of waiting takes a millisecond: every wait ends. */
static void relax(struct piommu_platform *plat)
{
	((struct hand *)(void *)plat)->now_ns += 1000000;
}

/* ---- Page tables ----------------------------------------------------------------------------------------------------------- */

static unsigned find_page(const struct hand *hand, uint64_t iova)
{
	unsigned i = 0;

	while (i < HAND_PAGES && hand->mapped[i] != iova)
		i++;
	return i;
}

unsigned hand_count_mapped(const struct hand *hand)
{
	unsigned n = 0;

	for (unsigned i = 0; i < HAND_PAGES; i++)
		n += hand->mapped[i] != 0;
	return n;
}

static int map(struct piommu_domain *domain, uint64_t iova, uint64_t pa, size_t len, unsigned prot)
{
	struct hand *hand = hand_of(domain);

	(void)pa;
	(void)prot;
	hand->map_calls++;
	if (hand->fail_map && --hand->fail_map == 0)
		return -ENOMEM;
	for (uint64_t off = 0; off < len; off += PAGE) {
		unsigned at = find_page(hand, 0);

		if (find_page(hand, iova + off) < HAND_PAGES)
			return -EEXIST;
		CU_ASSERT_FATAL(at < HAND_PAGES);
		hand->mapped[at] = iova + off;
	}
	return 0;
}

static int unmap(struct piommu_domain *domain, uint64_t iova, size_t len, struct piommu_gather *gather, size_t *unmapped)
{
	struct hand *hand = hand_of(domain);
	size_t ignored;

	hand->unmap_calls++;
	unmapped = unmapped ? unmapped : &ignored;
	*unmapped = 0;
	for (uint64_t off = 0; off < len; off += PAGE) {
		unsigned at = find_page(hand, iova + off);

		if (at == HAND_PAGES)
			return -ENOENT;
		hand->mapped[at] = 0;
		*unmapped += PAGE;
	}
	if (gather)
		piommu_gather_add(gather, iova, iova + len - 1);
	return 0;
}

static int flush(struct piommu_domain *domain, struct piommu_gather *gather)
{
	struct hand *hand = hand_of(domain);
	int err = hand->flush_err;

	hand->flush_err = 0;
	hand->nflushes++;
	hand->last_whole = gather->whole;
	piommu_gather_init(gather);
	return err;
}

/* Page by page where the pages are listed. */
static int map_one(struct piommu_domain *domain, const struct piommu_mapping *at)
{
	size_t unmapped, done = 0;
	int err = 0;

	if (!at->pages)
		return map(domain, at->iova, at->pa, at->len, at->prot);
	for (; done < at->len && !err; done += err ? 0 : PAGE)
		err = map(domain, at->iova + done, at->pages[done / PAGE], PAGE, at->prot);
	if (err && done)
		unmap(domain, at->iova, done, NULL, &unmapped);
	return err;
}

static int map_burst(struct piommu_domain *domain, const struct piommu_mapping *mappings, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		int err = map_one(domain, &mappings[i]);
		size_t unmapped;

		if (!err)
			continue;
		while (i-- > 0)
			unmap(domain, mappings[i].iova, mappings[i].len, NULL, &unmapped);
		return err;
	}
	return 0;
}

static int unmap_burst(struct piommu_domain *domain, const struct piommu_range *ranges, unsigned n,
		       struct piommu_gather *gather, size_t *unmapped)
{
	int worst = 0;

	*unmapped = 0;
	for (unsigned i = 0; i < n; i++) {
		size_t one;
		int err = unmap(domain, ranges[i].iova, ranges[i].len, gather, &one);

		*unmapped += one;
		worst = worst ? worst : err;
	}
	return worst;
}

/* ---- The queue ---------------------------------------------------------------------------------------------------------------- */

static int submit(struct piommu_domain *domain, struct piommu_gather *gather, struct piommu_fence *fence)
{
	const struct piommu_domain_units *units;
	struct hand *hand = hand_of(domain);
	int err = hand->submit_err;

	hand->submit_calls++;
	fence->n = 0;
	if (hand->full)
		return -EAGAIN;
	hand->submit_err = 0;
	full_mb(); /* cleared entries before the list of units, as every driver */
	units = piommu_domain_units(domain);
	if (err || !units)
		return err;
	CU_ASSERT_FATAL(hand->nsent < HAND_SENT);
	hand->sent[hand->nsent++] = (struct hand_sent){ .n = gather->n, .whole = gather->whole };
	for (unsigned i = 0; i < units->n; i++) {
		fence->at[fence->n].epoch = units->at[i].unit->epoch;
		fence->at[fence->n++].ticket = hand->nsent;
	}
	gather->n = 0;
	gather->whole = false;
	return 0;
}

static int fence_done(const struct piommu_unit *unit, piommu_ticket ticket)
{
	const struct hand *hand = hand_of_unit(unit);

	if (hand->sent[ticket - 1].failed)
		return -EIO;
	return ticket <= hand->done ? 0 : -EINPROGRESS;
}

static int fence_wait(const struct piommu_unit *unit, piommu_ticket ticket)
{
	int err = fence_done(unit, ticket);

	return err == -EINPROGRESS ? -ETIMEDOUT : err;
}

/* ---- Making it ----------------------------------------------------------------------------------------------------------------- */

static int domain_create(struct piommu_unit *unit, enum piommu_domain_type type, unsigned iova_bits, struct piommu_domain **out)
{
	struct hand *hand = hand_of_unit(unit);
	int err = fake_driver.domain_create(unit, type, iova_bits, out);

	if (err)
		return err;
	if (!hand->ops.map) { /* the first one tells how such a domain is ended */
		hand->plain_ops = *(*out)->ops;
		hand->plain_ops.map = map;
		hand->plain_ops.unmap = unmap;
		hand->plain_ops.flush = flush;
		hand->ops = hand->plain_ops;
		hand->ops.map_burst = map_burst;
		hand->ops.unmap_burst = unmap_burst;
		hand->ops.submit = submit;
	}
	(*out)->ops = hand->driver.fence_done ? &hand->ops : &hand->plain_ops;
	return 0;
}

static void start(struct hand *hand)
{
	struct piommu_config config = PIOMMU_CONFIG_INIT;

	config.drivers = hand->table;
	config.instance = &hand->fake.plat;
	config.log = (struct piommu_log){ NULL, NULL, PIOMMU_LOG_ERR };
	config.default_domain = hand->fake.default_domain;
	config.timeout_ms = 100;
	CU_ASSERT_EQUAL_FATAL(piommu_create(&config, &hand->p), 0);
}

void hand_open(struct hand *hand, bool plain)
{
	enum piommu_default kind = hand->fake.default_domain;

	memset(hand, 0, sizeof(*hand));
	fake_init(&hand->fake);
	hand->fake.default_domain = kind;
	hand->now_ns = 1000000;
	hand->plat_ops = *hand->fake.plat.ops;
	hand->plat_ops.now_ns = now_ns;
	hand->plat_ops.relax = relax;
	hand->fake.plat.ops = &hand->plat_ops;
	hand->driver = fake_driver;
	hand->driver.domain_create = domain_create;
	if (!plain) {
		hand->driver.fence_done = fence_done;
		hand->driver.fence_wait = fence_wait;
	}
	hand->table[0] = &hand->driver;
	start(hand);
	hand->group = fake_group(hand->p, "00:04.0");
	CU_ASSERT_EQUAL_FATAL(piommu_claim(hand->group), 0);
	hand->domain = fake_domain_for(hand->group);
	CU_ASSERT_EQUAL_FATAL(piommu_attach(hand->domain, hand->group), 0);
}

void hand_close(struct hand *hand)
{
	hand->done = hand->nsent;
	hand->full = false;
	CHECK_EQ(piommu_detach(hand->domain, hand->group), 0);
	CHECK_EQ(piommu_domain_destroy(hand->domain), 0);
	CHECK_EQ(piommu_release(hand->group), 0);
	fake_stop(&hand->fake, hand->p);
}

void hand_end(struct hand *hand, struct piommu_channel *ch, int expected)
{
	hand->done = hand->nsent;
	CHECK_EQ(piommu_channel_destroy(ch), expected);
	hand_close(hand);
}

/* ---- What tests do all the time ---------------------------------------------------------------------------------------------------- */

struct piommu_channel *hand_channel(struct hand *hand)
{
	struct piommu_channel *ch = NULL;

	CU_ASSERT_EQUAL_FATAL(piommu_channel_create(hand->domain, NULL, &ch), 0);
	return ch;
}

uint64_t hand_map(struct piommu_channel *ch, unsigned npages)
{
	uint64_t iova = 0;

	CU_ASSERT_EQUAL_FATAL(piommu_dma_map(ch, UINT64_C(1) << 32, npages * PAGE, PIOMMU_DMA_BOTH, &iova), 0);
	return iova;
}

piommu_ticket hand_unmap(struct piommu_channel *ch, uint64_t iova)
{
	piommu_ticket ticket = 0;

	CU_ASSERT_EQUAL_FATAL(piommu_dma_unmap(ch, iova, PAGE, &ticket), 0);
	return ticket;
}
