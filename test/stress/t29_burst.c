/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * T29's bursters, see t29_burst.h. A buffer whose ticket is done is free: it gets a canary, devices are sent after it, and whenever it is taken
 * again the canary must be there, in every mode. An address that is handed out must be neither mapped nor in limbo.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>

#include "t29.h"

void burster_fail(struct burster *b, const char *what, uint64_t iova, int err)
{
	stress_fail(&b->w->verdict, "burster %u: %s 0x%llx: %d", b->index, what, (unsigned long long)iova, err);
}

static void check_canaries(struct burster *b, unsigned buffer, unsigned npages, uint64_t iova)
{
	for (unsigned i = 0; i < npages; i++)
		if (word_get(&b->w->bursts.arena, buffer_off(buffer, i)) != CANARY)
			burster_fail(b, "a device came into a page whose ticket was done, by way of", iova, 0);
}

unsigned burster_size(struct burster *b)
{
	static const unsigned sizes[] = { 1, 1, 2, 7, 32, ITEMS };
	unsigned i = stress_below(&b->rng, 8);

	return i < sizeof(sizes) / sizeof(sizes[0]) ? sizes[i] : 1 + stress_below(&b->rng, 64);
}

/* ---- What comes back ---------------------------------------------------------------------------------------------------------- */

void burster_give_back(struct burster *b, const struct live *live, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (!live[i].pooled)
			b->free[b->nfree++] = live[i].buffer;
}

/* No device can reach the buffer from here on. */
static void reclaim(struct burster *b, struct outlet *o, const struct live *live)
{
	if (live->pooled)
		return;
	for (unsigned i = 0; i < live->npages; i++)
		word_set(&b->w->bursts.arena, buffer_off(live->buffer, i), CANARY);
	if (stress_below(&b->rng, 32) == 0) {
		attack_by_all(b->w, live->iova + stress_below(&b->rng, live->npages) * PAGE);
		check_canaries(b, live->buffer, live->npages, live->iova);
		b->probes++;
	}
	if (live->own)
		ways_free_place(b, o, live->iova);
	burster_give_back(b, live, 1);
}

static void reclaim_done(struct burster *b, struct outlet *o)
{
	piommu_ticket retired = piommu_channel_retired(o->channel);

	while (o->first != o->end && o->limbo[o->first % LIMBO_MOST].ticket <= retired) {
		const struct limbo *limbo = &o->limbo[o->first++ % LIMBO_MOST];
		int err = piommu_channel_done(o->channel, limbo->ticket);

		if (err)
			burster_fail(b, "a ticket that is retired, of", limbo->live.iova, err);
		reclaim(b, o, &limbo->live);
	}
}

void burster_drain(struct burster *b, struct outlet *o)
{
	int err = piommu_channel_wait(o->channel, o->last);

	if (err)
		burster_fail(b, "wait", 0, err);
	else
		reclaim_done(b, o);
	if (!err && o->first != o->end)
		burster_fail(b, "not drained:", o->limbo[o->first % LIMBO_MOST].live.iova, 0);
}

/* ---- Map ------------------------------------------------------------------------------------------------------------------------ */

static bool is_the_channels(const struct live *live)
{
	return !live->pooled && !live->own;
}

static unsigned page_of(const struct live *live, unsigned page)
{
	return (unsigned)((live->iova - BURST_IOVA) / PAGE) + page;
}

/* Nobody has it, and no ticket of ours that covers it is open, also where map itself has retired some. */
static void check_was_free(struct burster *b, unsigned d, const struct live *live)
{
	const struct outlet *o = &b->outlet[d];
	piommu_ticket retired = piommu_channel_retired(o->channel);

	for (unsigned i = 0; i < live->npages; i++) {
		unsigned at = page_of(live, i);

		if (at >= BURST_IOVA_PAGES) {
			burster_fail(b, "not in the aperture:", live->iova, 0);
			return;
		}
		if (atomic_exchange_explicit(&b->w->bursts.is_live[d][at], 1, memory_order_relaxed))
			burster_fail(b, "handed out twice:", live->iova, 0);
		if (o->ticket[at] > retired)
			burster_fail(b, "handed out while it is in limbo:", live->iova, 0);
	}
}

void burster_keep(struct burster *b, unsigned d, struct live live)
{
	struct outlet *o = &b->outlet[d];

	if (is_the_channels(&live))
		check_was_free(b, d, &live);
	if (live.own)
		o->own[o->nown++] = live;
	else
		o->live[o->nlive++] = live;
	atomic_store_explicit(&b->w->bursts.target[d][stress_below(&b->rng, TARGETS)], live.iova, memory_order_relaxed);
	if (stress_below(&b->rng, 4) == 0)
		attack(b->w, any_device(b->w, &b->rng), live.iova + stress_below(&b->rng, live.npages) * PAGE);
}

unsigned burster_take(struct burster *b, struct live *live, unsigned n, unsigned room)
{
	n = n > b->nfree ? b->nfree : n;
	n = n > room ? room : n;
	for (unsigned i = 0; i < n; i++) {
		unsigned at = stress_below(&b->rng, b->nfree), npages = 1 + stress_below(&b->rng, BUFFER_PAGES);

		live[i] = (struct live){ .buffer = b->free[at], .npages = npages };
		b->free[at] = b->free[--b->nfree];
		check_canaries(b, live[i].buffer, BUFFER_PAGES, 0);
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
		burster_fail(b, "map of a pool's memory", 0, err);
	if (!err)
		burster_keep(b, d, live);
}

void burster_map(struct burster *b, unsigned d, unsigned n)
{
	struct outlet *o = &b->outlet[d];
	struct piommu_dma items[ITEMS];
	struct live live[ITEMS];
	int err;

	n = burster_take(b, live, n, LIVE_MOST - o->nlive);
	for (unsigned i = 0; i < n; i++)
		items[i] = (struct piommu_dma){ .pa = b->w->bursts.arena.pa + buffer_off(live[i].buffer, 0),
						.len = live[i].npages * PAGE,
						.dir = PIOMMU_DMA_BOTH };
	err = n == 1 ? piommu_dma_map(o->channel, items[0].pa, items[0].len, items[0].dir, &items[0].iova)
		     : piommu_dma_map_burst(o->channel, items, n);
	b->ops += n;
	b->bursts++;
	if (err && err != -EFAULT && err != -ENOSPC)
		burster_fail(b, "map", 0, err);
	if (err)
		burster_give_back(b, live, n);
	for (unsigned i = 0; i < n && !err; i++) {
		live[i].iova = items[i].iova;
		burster_keep(b, d, live[i]);
	}
	if (err == -EFAULT && o->nlive < LIVE_MOST) /* static, at that moment */
		map_pooled(b, d);
}

/* ---- Unmap ---------------------------------------------------------------------------------------------------------------------- */

unsigned burster_choose(struct burster *b, unsigned d, struct live *live, unsigned n)
{
	struct outlet *o = &b->outlet[d];

	n = n > o->nlive ? o->nlive : n;
	for (unsigned i = 0; i < n; i++) {
		unsigned at = n % 2 ? o->nlive - 1 : stress_below(&b->rng, o->nlive);

		live[i] = o->live[at];
		o->live[at] = o->live[--o->nlive];
	}
	return n;
}

/* Before an unmap: from then on another one may be given the address, once the library has it back. */
static void set_live(struct burster *b, unsigned d, const struct live *live, unsigned n, bool is_live)
{
	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < live[i].npages && is_the_channels(&live[i]); k++)
			atomic_store_explicit(&b->w->bursts.is_live[d][page_of(&live[i], k)], is_live, memory_order_relaxed);
}

/* Of a pool's memory nothing comes back, and a burst of it alone has no ticket to wait for. */
void burster_limbo(struct outlet *o, const struct live *live, unsigned n, piommu_ticket ticket)
{
	o->last = ticket ? ticket : o->last;
	for (unsigned i = 0; i < n; i++) {
		if (live[i].pooled)
			continue;
		o->limbo[o->end++ % LIMBO_MOST] = (struct limbo){ live[i], ticket };
		for (unsigned k = 0; k < live[i].npages && !live[i].own; k++)
			o->ticket[page_of(&live[i], k)] = ticket;
	}
}

int burster_unmap(struct burster *b, unsigned d, const struct live *live, unsigned n)
{
	struct outlet *o = &b->outlet[d];
	struct piommu_dma items[ITEMS];
	piommu_ticket ticket = 0;
	int err;

	for (unsigned i = 0; i < n; i++)
		items[i] = (struct piommu_dma){ .iova = live[i].iova, .len = live[i].npages * PAGE };
	set_live(b, d, live, n, false);
	err = n == 1 ? piommu_dma_unmap(o->channel, items[0].iova, items[0].len, &ticket)
		     : piommu_dma_unmap_burst(o->channel, items, n, &ticket);
	if (err == -EAGAIN) {
		set_live(b, d, live, n, true);
		b->full++;
		return err;
	}
	b->ops += n;
	b->bursts++;
	if (err)
		burster_fail(b, "unmap", live[0].iova, err);
	else
		burster_limbo(o, live, n, ticket);
	return 0;
}

static void unmap_and_wait(struct burster *b, unsigned d, const struct live *live)
{
	struct outlet *o = &b->outlet[d];
	int err;

	set_live(b, d, live, 1, false);
	while ((err = piommu_dma_unmap(o->channel, live->iova, live->npages * PAGE, NULL)) == -EAGAIN &&
	       !stress_failed(&b->w->verdict))
		burster_drain(b, o);
	b->ops++;
	b->bursts++;
	if (err)
		burster_fail(b, "unmap and wait", live->iova, err);
	else
		reclaim(b, o, live);
}

static void unmap_some(struct burster *b, unsigned d)
{
	struct live live[ITEMS];
	unsigned n = burster_choose(b, d, live, burster_size(b));

	if (n == 1 && stress_below(&b->rng, 2))
		unmap_and_wait(b, d, &live[0]);
	else
		while (n && burster_unmap(b, d, live, n) && !stress_failed(&b->w->verdict))
			burster_drain(b, &b->outlet[d]);
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
		reclaim(b, o, &o->limbo[o->first++ % LIMBO_MOST].live);
	for (unsigned i = 0; i < BURST_IOVA_PAGES; i++)
		o->ticket[i] = 0; /* the next one counts anew */
	o->last = 0;
	if (!err)
		err = open_channel(b, d);
	if (err)
		burster_fail(b, "channel", 0, err);
}

static void follow(struct burster *b)
{
	unsigned drain = atomic_load_explicit(&b->w->bursts.drain, memory_order_relaxed);

	if (atomic_load_explicit(&b->drained, memory_order_relaxed) == drain)
		return;
	for (unsigned d = 0; d < DOMAINS; d++)
		burster_drain(b, &b->outlet[d]);
	atomic_store_explicit(&b->drained, drain, memory_order_release);
}

static void turn(struct burster *b)
{
	unsigned d = stress_below(&b->rng, DOMAINS), dice = stress_below(&b->rng, 16);
	struct outlet *o = &b->outlet[d];
	struct piommu_exposure exposure;

	if (dice == 0) {
		trade(b, d);
	} else if (dice == 1) {
		burster_drain(b, o);
	} else if (dice == 2) {
		unsigned rare = stress_below(&b->rng, 128);

		if (rare < 2)
			churn(b, d);
		else if (rare < 5)
			ways_fill_up(b, d);
		else
			piommu_domain_exposure(b->w->domain[d], &exposure); /* while the switcher holds the domain */
	} else if (dice < 5) {
		ways_map_list(b, d);
	} else if (dice < 7) {
		if (o->nown < OWN_MOST / 2)
			ways_map_own(b, d);
		else
			ways_unmap_own(b, d);
	} else if (o->nlive < LIVE_MOST / 4 && stress_below(&b->rng, 4)) {
		burster_map(b, d, burster_size(b));
	} else {
		unmap_some(b, d);
	}
	piommu_poller_poll(b->poller, stress_below(&b->rng, 4));
	for (d = 0; d < DOMAINS; d++)
		reclaim_done(b, &b->outlet[d]);
	follow(b);
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
		burster_drain(b, &b->outlet[d]);
	atomic_store_explicit(&b->drained, UINT_MAX, memory_order_release);
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
	for (unsigned d = 0; d < DOMAINS && !err; d++) {
		ways_init(b, &b->outlet[d]);
		err = open_channel(b, d);
	}
	for (unsigned i = 0; i < BURSTER_BUFFERS; i++)
		b->free[b->nfree++] = index * BURSTER_BUFFERS + i;
	return err;
}

void bursts_begin(struct world *w)
{
	for (unsigned i = 0; i < BURSTERS; i++)
		atomic_store_explicit(&w->bursts.burster[i].drained, 0, memory_order_relaxed);
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

		printf("     %" PRIu64 " maps and unmaps in %" PRIu64 " bursts, %" PRIu64 " lists, %" PRIu64
		       " at own addresses, %" PRIu64 " probes, %" PRIu64 " times full (held %" PRIu64 " times), %" PRIu64
		       " channels ended, %" PRIu64 " handed over\n",
		       b->ops, b->bursts, b->lists, b->owns, b->probes, b->full, b->holds, b->churns, b->gifts);
	}
	printf("     %" PRIu64 " switches of mode, %" PRIu64 " pools; %" PRIu64
	       " stretches of bounded mode measured: at most %" PRIu64 " KiB and %" PRIu64 " us stale, %" PRIu64
	       " times beyond the time bound, by %" PRIu64 " us at most\n",
	       s->switches, s->pools, s->measured, s->worst_bytes / 1024, s->worst_us, s->late, s->worst_late);
}

void bursts_check(struct world *w)
{
	struct piommu_unit_info info = { 0 };
	uint64_t full = 0, lists = 0, owns = 0;

	for (unsigned i = 0; i < BURSTERS; i++) {
		full += w->bursts.burster[i].full;
		lists += w->bursts.burster[i].lists;
		owns += w->bursts.burster[i].owns;
	}
	piommu_unit_info(w->p, 0, &info);
	if ((info.queued && !full) || !lists || !owns || !w->bursts.switcher.measured)
		stress_fail(&w->verdict, "no full channel, no list, no own address, or no measured mode: a test of nothing");
}
