/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * T29's bursters, see t29_burst.h. A buffer whose ticket is done is free: it gets a canary, devices are sent after it, and whenever it is taken
 * again the canary must be there, in every mode. An address that is handed out must not be one that is still in limbo.
 */
#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>

#include "t29.h"

#define ITEMS 64u

static uint64_t off_of(unsigned buffer, unsigned page)
{
	return (buffer * BUFFER_PAGES + page) * PAGE;
}

static void fail(struct burster *b, const char *what, uint64_t iova, int err)
{
	stress_fail(&b->w->verdict, "burster %u: %s 0x%llx: %d", b->index, what, (unsigned long long)iova, err);
}

static void check_canaries(struct burster *b, const struct live *live)
{
	for (unsigned i = 0; i < live->npages; i++)
		if (word_get(&b->w->bursts.arena, off_of(live->buffer, i)) != CANARY)
			fail(b, "a device came into a page whose ticket was done, by way of", live->iova + i * PAGE, 0);
}

/* ---- What comes back ---------------------------------------------------------------------------------------------------------- */

/* No device can reach the buffer from here on. */
static void reclaim(struct burster *b, struct live live)
{
	if (live.pooled)
		return;
	for (unsigned i = 0; i < live.npages; i++)
		word_set(&b->w->bursts.arena, off_of(live.buffer, i), CANARY);
	if (stress_below(&b->rng, 32) == 0) {
		attack_by_all(b->w, live.iova + stress_below(&b->rng, live.npages) * PAGE);
		check_canaries(b, &live);
		b->probes++;
	}
	b->free[b->nfree++] = live.buffer;
}

static void reclaim_done(struct burster *b, struct outlet *o)
{
	piommu_ticket retired = piommu_channel_retired(o->channel);

	while (o->first != o->end && o->limbo[o->first % LIMBO_MOST].ticket <= retired) {
		const struct limbo *limbo = &o->limbo[o->first++ % LIMBO_MOST];
		int err = piommu_channel_done(o->channel, limbo->ticket);

		if (err)
			fail(b, "a ticket that is retired, of", limbo->live.iova, err);
		reclaim(b, limbo->live);
	}
}

static void drain(struct burster *b, struct outlet *o)
{
	int err = o->first != o->end ? piommu_channel_wait(o->channel, o->limbo[(o->end - 1) % LIMBO_MOST].ticket) : 0;

	if (err)
		fail(b, "wait", 0, err);
	else
		reclaim_done(b, o);
	if (!err && o->first != o->end)
		fail(b, "not drained:", o->limbo[o->first % LIMBO_MOST].live.iova, 0);
}

/* ---- Map ------------------------------------------------------------------------------------------------------------------------ */

static void check_not_in_limbo(struct burster *b, const struct outlet *o, uint64_t iova, unsigned npages)
{
	for (unsigned i = o->first; i != o->end; i++) {
		const struct live *old = &o->limbo[i % LIMBO_MOST].live;

		if (iova < old->iova + old->npages * PAGE && old->iova < iova + npages * PAGE)
			fail(b, "handed out while it is in limbo:", iova, 0);
	}
}

static void keep(struct burster *b, unsigned d, struct live live)
{
	struct outlet *o = &b->outlet[d];

	check_not_in_limbo(b, o, live.iova, live.npages);
	o->live[o->nlive++] = live;
	atomic_store_explicit(&b->w->bursts.target[d][stress_below(&b->rng, TARGETS)], live.iova, memory_order_relaxed);
	if (stress_below(&b->rng, 4) == 0)
		attack(b->w, any_device(b->w, &b->rng), live.iova + stress_below(&b->rng, live.npages) * PAGE);
}

/* Takes free buffers, as many as there is room for. */
static unsigned take(struct burster *b, struct outlet *o, struct live *live, struct piommu_dma *items, unsigned n)
{
	n = n > b->nfree ? b->nfree : n;
	n = n > LIVE_MOST - o->nlive ? LIVE_MOST - o->nlive : n;
	for (unsigned i = 0; i < n; i++) {
		unsigned at = stress_below(&b->rng, b->nfree), npages = 1 + stress_below(&b->rng, BUFFER_PAGES);

		live[i] = (struct live){ .buffer = b->free[at], .npages = npages };
		b->free[at] = b->free[--b->nfree];
		check_canaries(b, &(struct live){ .buffer = live[i].buffer, .npages = BUFFER_PAGES });
		items[i] = (struct piommu_dma){ .pa = b->w->bursts.arena.pa + off_of(live[i].buffer, 0),
						.len = npages * PAGE,
						.dir = PIOMMU_DMA_BOTH };
	}
	return n;
}

static void map_pooled(struct burster *b, unsigned d)
{
	struct outlet *o = &b->outlet[d];
	struct live live = { .npages = 1, .pooled = true };
	int err = piommu_dma_map(o->channel, b->w->bursts.pooled.pa + stress_below(&b->rng, 16) * PAGE, PAGE, PIOMMU_DMA_BOTH,
				 &live.iova);

	b->ops++;
	if (err && err != -ENOSPC)
		fail(b, "map of a pool's memory", 0, err);
	if (!err)
		keep(b, d, live);
}

static void map_some(struct burster *b, unsigned d)
{
	struct outlet *o = &b->outlet[d];
	struct piommu_dma items[ITEMS];
	struct live live[ITEMS];
	unsigned n = take(b, o, live, items, 1 + stress_below(&b->rng, stress_below(&b->rng, 4) ? ITEMS : 1));
	int err = n == 1 ? piommu_dma_map(o->channel, items[0].pa, items[0].len, items[0].dir, &items[0].iova)
			 : piommu_dma_map_burst(o->channel, items, n);

	b->ops += n;
	b->bursts++;
	if (err && err != -EFAULT && err != -ENOSPC)
		fail(b, "map", 0, err);
	for (unsigned i = 0; i < n; i++) {
		live[i].iova = items[i].iova;
		if (err)
			b->free[b->nfree++] = live[i].buffer;
		else
			keep(b, d, live[i]);
	}
	if (err == -EFAULT && o->nlive < LIVE_MOST) /* static, at that moment */
		map_pooled(b, d);
}

/* ---- Unmap ---------------------------------------------------------------------------------------------------------------------- */

static void unmap_in_limbo(struct burster *b, struct outlet *o, const struct live *live, unsigned n)
{
	struct piommu_dma items[ITEMS];
	piommu_ticket ticket;
	int err;

	for (unsigned i = 0; i < n; i++)
		items[i] = (struct piommu_dma){ .iova = live[i].iova, .len = live[i].npages * PAGE };
	while ((err = piommu_dma_unmap_burst(o->channel, items, n, &ticket)) == -EAGAIN && !stress_failed(&b->w->verdict)) {
		b->full++;
		drain(b, o);
	}
	if (err)
		fail(b, "unmap", live[0].iova, err);
	/* Of a pool's memory nothing comes back, and a burst of it alone has no ticket to wait for. */
	for (unsigned i = 0; i < n && !err; i++)
		if (!live[i].pooled)
			o->limbo[o->end++ % LIMBO_MOST] = (struct limbo){ live[i], ticket };
}

static void unmap_and_wait(struct burster *b, struct outlet *o, const struct live *live)
{
	int err;

	while ((err = piommu_dma_unmap(o->channel, live->iova, live->npages * PAGE, NULL)) == -EAGAIN &&
	       !stress_failed(&b->w->verdict))
		drain(b, o);
	if (err)
		fail(b, "unmap and wait", live->iova, err);
	else
		reclaim(b, *live);
}

static void unmap_some(struct burster *b, unsigned d)
{
	struct outlet *o = &b->outlet[d];
	unsigned n = 1 + stress_below(&b->rng, stress_below(&b->rng, 4) ? ITEMS : 1);
	struct live live[ITEMS];

	n = n > o->nlive ? o->nlive : n;
	if (o->end - o->first + n > LIMBO_MOST)
		drain(b, o);
	for (unsigned i = 0; i < n; i++) {
		/* A row as it was mapped, or here and there. */
		unsigned at = n % 2 ? o->nlive - 1 : stress_below(&b->rng, o->nlive);

		live[i] = o->live[at];
		o->live[at] = o->live[--o->nlive];
	}
	b->ops += n;
	b->bursts++;
	if (n == 1 && stress_below(&b->rng, 2))
		unmap_and_wait(b, o, &live[0]);
	else if (n)
		unmap_in_limbo(b, o, live, n);
}

/* ---- The rest ---------------------------------------------------------------------------------------------------------------------- */

/* Puts a mapped buffer where the other burster finds it, or takes one from there. */
static void trade(struct burster *b, unsigned d)
{
	struct gift *gift = &b->w->bursts.gift[d];
	struct outlet *o = &b->outlet[d];
	unsigned empty = 0, full = 2;

	if (o->nlive && atomic_compare_exchange_strong(&gift->state, &empty, 1)) {
		gift->live = o->live[--o->nlive];
		atomic_store(&gift->state, 2);
	} else if (o->nlive < LIVE_MOST && atomic_compare_exchange_strong(&gift->state, &full, 1)) {
		o->live[o->nlive++] = gift->live;
		atomic_store(&gift->state, 0);
		b->gifts++;
	}
}

static int open_channel(struct burster *b, unsigned d)
{
	static const unsigned inflight[] = { 0, 1, 2, 8 };
	const struct piommu_channel_attr attr = { b->poller, inflight[stress_below(&b->rng, 4)] };

	return piommu_channel_create(b->w->domain[d], &attr, &b->outlet[d].channel);
}

/* Ends a channel with tickets on their way: they are done then. What is mapped stays so. */
static void churn(struct burster *b, unsigned d)
{
	struct outlet *o = &b->outlet[d];
	int err = piommu_channel_destroy(o->channel);

	b->churns++;
	while (o->first != o->end && !err)
		reclaim(b, o->limbo[o->first++ % LIMBO_MOST].live);
	if (!err)
		err = open_channel(b, d);
	if (err)
		fail(b, "channel", 0, err);
}

static void turn(struct burster *b)
{
	unsigned d = stress_below(&b->rng, DOMAINS);
	struct piommu_exposure exposure;

	switch (stress_below(&b->rng, 16)) {
	case 0:
		trade(b, d);
		break;
	case 1:
		drain(b, &b->outlet[d]);
		break;
	case 2:
		if (stress_below(&b->rng, 64) == 0)
			churn(b, d);
		else
			piommu_domain_exposure(b->w->domain[d], &exposure); /* while the switcher holds the domain */
		break;
	default:
		if (b->outlet[d].nlive < LIVE_MOST / 2 && stress_below(&b->rng, 4))
			map_some(b, d);
		else
			unmap_some(b, d);
	}
	piommu_poller_poll(b->poller, stress_below(&b->rng, 4));
	for (d = 0; d < DOMAINS; d++)
		reclaim_done(b, &b->outlet[d]);
}

void *burster_round(void *arg)
{
	struct burster *b = arg;
	uint64_t end = b->ops + ROUND_OPS;

	stress_thread_start(&b->rng);
	while (b->ops < end && !stress_failed(&b->w->verdict)) {
		turn(b);
		if (stress_below(&b->rng, 32) == 0)
			sched_yield(); /* on few processors it would be done before the others' turn */
	}
	for (unsigned d = 0; d < DOMAINS; d++)
		drain(b, &b->outlet[d]);
	stress_thread_end();
	atomic_fetch_sub_explicit(&b->w->mapping, 1, memory_order_release);
	return NULL;
}

uint64_t bursts_target(struct world *w, struct stress_rng *rng)
{
	uint64_t iova = atomic_load_explicit(&w->bursts.target[stress_below(rng, DOMAINS)][stress_below(rng, TARGETS)],
					     memory_order_relaxed);

	return iova ? iova : BURST_IOVA;
}

/* ---- Beginning and end ------------------------------------------------------------------------------------------------------------------ */

static int burster_init(struct world *w, unsigned index)
{
	struct burster *b = &w->bursts.burster[index];
	int err = piommu_poller_create(w->p, &b->poller);

	b->w = w;
	b->index = index;
	b->rng = stress_rng(w->seed, ~(uint64_t)index);
	for (unsigned d = 0; d < DOMAINS && !err; d++)
		err = open_channel(b, d);
	for (unsigned i = 0; i < BURSTER_BUFFERS; i++)
		b->free[b->nfree++] = index * BURSTER_BUFFERS + i;
	return err;
}

int bursts_init(struct world *w)
{
	struct bursts *all = &w->bursts;
	size_t len = BURSTERS * BURSTER_BUFFERS * BUFFER_PAGES * PAGE;
	int err = piommu_mem_alloc(w->p, len, 0, &all->arena);

	if (err || (err = piommu_mem_alloc(w->p, 16 * PAGE, 0, &all->pooled)) ||
	    (err = piommu_mem_alloc(w->p, 16 * PAGE, 0, &all->extra)))
		return err;
	for (uint64_t off = 0; off < len; off += PAGE)
		word_set(&all->arena, off, CANARY);
	for (unsigned d = 0; d < DOMAINS && !err; d++)
		err = piommu_dma_pool_register(w->domain[d], all->pooled.pa, all->pooled.len, PIOMMU_RW);
	for (unsigned i = 0; i < BURSTERS && !err; i++)
		err = burster_init(w, i);
	all->switcher.w = w;
	return err;
}

int bursts_fini(struct world *w)
{
	struct bursts *all = &w->bursts;
	int err = 0;

	for (unsigned i = 0; i < BURSTERS; i++) {
		for (unsigned d = 0; d < DOMAINS && !err; d++)
			err = piommu_channel_destroy(all->burster[i].outlet[d].channel);
		if (!err)
			err = piommu_poller_destroy(all->burster[i].poller);
	}
	for (unsigned d = 0; d < DOMAINS && !err; d++)
		err = piommu_dma_pool_unregister(w->domain[d], all->pooled.pa);
	piommu_mem_free(w->p, &all->extra);
	piommu_mem_free(w->p, &all->pooled);
	piommu_mem_free(w->p, &all->arena);
	return err;
}

void bursts_tell(const struct world *w)
{
	const struct switcher *s = &w->bursts.switcher;

	for (unsigned i = 0; i < BURSTERS; i++) {
		const struct burster *b = &w->bursts.burster[i];

		printf("     %" PRIu64 " maps and unmaps in %" PRIu64 " bursts, %" PRIu64 " probes, %" PRIu64
		       " times full, %" PRIu64 " channels ended, %" PRIu64 " handed over\n",
		       b->ops, b->bursts, b->probes, b->full, b->churns, b->gifts);
	}
	printf("     %" PRIu64 " switches of mode, %" PRIu64 " pools\n", s->switches, s->pools);
}
