/* SPDX-License-Identifier: BSD-3-Clause */
/* T29's bursters, other ways in and out, see t29_burst.h: lists, addresses of their own, and a channel that is full. */
#include <errno.h>

#include "t29.h"

#define PLACE_PAGES 8u /* of an own address and the gap behind it */
#define FILL 900u      /* mapped buffers: more than a channel keeps in limbo before it is full */

/* ---- Lists ---------------------------------------------------------------------------------------------------------------- */

/* A buffer's pages, from the last to the first: no two of them are neighbours. */
void ways_map_list(struct burster *b, unsigned d)
{
	struct outlet *o = &b->outlet[d];
	struct piommu_sg sg[BUFFER_PAGES];
	struct live live;
	int err;

	if (!burster_take(b, &live, 1, LIVE_MOST - o->nlive))
		return;
	live.reversed = true;
	for (unsigned i = 0; i < live.npages; i++)
		sg[i] = (struct piommu_sg){ b->w->bursts.arena.pa + live_off(&live, i), PAGE };
	err = piommu_dma_map_sg(o->channel, sg, live.npages, PIOMMU_DMA_BOTH, &live.iova);
	b->ops++;
	b->lists++;
	if (!err)
		burster_keep(b, d, live);
	else
		burster_give_back(b, &live, 1);
	if (err && err != -ENOSPC && err != -EFAULT) /* static, and one page */
		burster_fail(b, "map of a list", 0, err);
}

/* ---- Addresses of their own ------------------------------------------------------------------------------------------------ */

static uint64_t place_iova(const struct burster *b, unsigned place)
{
	return OWN_IOVA + (uint64_t)(place * BURSTERS + b->index) * PLACE_PAGES * PAGE;
}

void ways_init(struct burster *b, struct outlet *o)
{
	(void)b;
	for (unsigned i = 0; i < OWN_MOST; i++)
		o->place[o->nplaces++] = i;
}

void ways_free_place(struct burster *b, struct outlet *o, uint64_t iova)
{
	o->place[o->nplaces++] = (unsigned)((iova - place_iova(b, 0)) / (PLACE_PAGES * BURSTERS * PAGE));
}

void ways_map_own(struct burster *b, unsigned d)
{
	struct piommu_burst_item items[ITEMS];
	struct outlet *o = &b->outlet[d];
	struct live live[ITEMS];
	unsigned n = burster_take(b, live, burster_size(b), o->nplaces);
	int err;

	for (unsigned i = 0; i < n; i++) {
		unsigned at = stress_below(&b->rng, o->nplaces);

		live[i].own = true;
		live[i].iova = place_iova(b, o->place[at]);
		o->place[at] = o->place[--o->nplaces];
		items[i] = (struct piommu_burst_item){ live[i].iova, b->w->bursts.arena.pa + live_off(&live[i], 0),
						       live[i].npages * PAGE, PIOMMU_RW };
	}
	err = piommu_map_burst(o->channel, items, n);
	b->ops += n;
	b->bursts++;
	b->owns += n;
	if (err)
		burster_fail(b, "map at an own address", n ? items[0].iova : 0, err);
	for (unsigned i = 0; i < n && !err; i++)
		burster_keep(b, d, live[i]);
}

void ways_unmap_own(struct burster *b, unsigned d)
{
	struct piommu_burst_item items[ITEMS];
	struct outlet *o = &b->outlet[d];
	struct live live[ITEMS];
	unsigned n = burster_size(b);
	size_t len = 0, unmapped = 0;
	piommu_ticket ticket = 0;
	int err;

	n = n > o->nown ? o->nown : n;
	for (unsigned i = 0; i < n; i++) {
		unsigned at = stress_below(&b->rng, o->nown);

		live[i] = o->own[at];
		o->own[at] = o->own[--o->nown];
		items[i] = (struct piommu_burst_item){ .iova = live[i].iova, .len = live[i].npages * PAGE };
		len += items[i].len;
	}
	while ((err = piommu_unmap_burst(o->channel, items, n, &unmapped, &ticket)) == -EAGAIN &&
	       !stress_failed(&b->w->verdict)) {
		b->full++;
		burster_drain(b, o);
	}
	b->ops += n;
	b->bursts++;
	if (err || unmapped != len)
		burster_fail(b, "unmap at an own address", n ? items[0].iova : 0, err);
	else
		burster_limbo(o, live, n, ticket);
}

/* ---- To the brim ------------------------------------------------------------------------------------------------------------ */

/* Units without a queue have nobody wait for them later: to hold them would stop whoever unmaps. */
static void hold(struct world *w, bool held)
{
	struct piommu_unit_info info;

	if (piommu_unit_info(w->p, 0, &info) || !info.queued)
		return;
	for (unsigned unit = 0; !piommu_sim_set(w->plat, unit, PIOMMU_SIM_QUEUE_STUCK, held); unit++)
		;
}

/* Nothing in here may wait for hardware. Others do meanwhile, and are patient. */
static bool unmap_until_full(struct burster *b, unsigned d)
{
	struct outlet *o = &b->outlet[d];
	struct live live[ITEMS];

	while (o->nlive && !stress_failed(&b->w->verdict)) {
		unsigned n = burster_choose(b, d, live, burster_size(b));

		if (!burster_unmap(b, d, live, n))
			continue;
		/* Refused, and so as mapped as before. */
		for (unsigned i = 0; i < n; i++)
			o->live[o->nlive++] = live[i];
		for (unsigned i = 0; i < n; i++)
			if (piommu_lookup(b->w->domain[d], live[i].iova, &(uint64_t){ 0 }, NULL, NULL))
				burster_fail(b, "refused, and yet unmapped:", live[i].iova, 0);
		return true;
	}
	return false;
}

void ways_fill_up(struct burster *b, unsigned d)
{
	struct outlet *o = &b->outlet[d];

	for (unsigned n = 0; n < FILL && o->nlive < FILL && b->nfree && !stress_failed(&b->w->verdict); n++)
		burster_map(b, d, burster_size(b));
	hold(b->w, true);
	b->holds++;
	if (unmap_until_full(b, d) && o->first != o->end &&
	    piommu_channel_retired(o->channel) >= o->limbo[(o->end - 1) % LIMBO_MOST].ticket)
		burster_fail(b, "full, and its last ticket is done", 0, 0);
	hold(b->w, false);
}
