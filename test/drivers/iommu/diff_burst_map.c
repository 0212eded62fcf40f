/* SPDX-License-Identifier: BSD-3-Clause */
/* The steps of diff_burst.h that map and unmap: single calls, bursts of every size, lists, addresses of the test's own, pools. */
#include "diff_burst.h"

#define BURST PIOMMU_BURST_MAX
#define TOUCHED 12u /* of a burst that goes, the last ones: devices have used them, and try again afterwards */

static unsigned pick_size(struct diff_burst *run)
{
	static const unsigned sizes[] = { 1, 1, 1, 2, 7, 32, BURST };

	return diff_random(&run->log, 2) ? sizes[diff_random(&run->log, 7)] : 1 + diff_random(&run->log, 40);
}

static unsigned pick_npages(struct diff_burst *run)
{
	unsigned kind = diff_random(&run->log, 100);

	return kind < 70   ? 1 + diff_random(&run->log, 4)
	       : kind < 97 ? 1 + diff_random(&run->log, 40)
	       : kind < 99 ? 1 + diff_random(&run->log, MOST)
			   : MOST;
}

static uint64_t pa_of(const struct diff_burst *run, unsigned m, const struct slot *slot)
{
	return run->machine[m].arena.pa + slot->page[0] * RIG_PAGE + slot->off;
}

static enum piommu_dma_dir dir_of(unsigned prot)
{
	return prot == PIOMMU_READ ? PIOMMU_DMA_TO_DEVICE : prot == PIOMMU_WRITE ? PIOMMU_DMA_FROM_DEVICE : PIOMMU_DMA_BOTH;
}

/* A free slot for a buffer in memory; NULL: none is left. */
static struct slot *prepare(struct diff_burst *run, unsigned domain, bool whole_pages)
{
	static const unsigned prots[] = { PIOMMU_RW, PIOMMU_RW, PIOMMU_READ, PIOMMU_WRITE };
	unsigned first = POOLS * DOMAINS, i = diff_random(&run->log, SLOTS - first), npages = pick_npages(run), tries = 0, at;
	struct slot *slot = &run->slot[first + i];

	for (; tries < SLOTS && (slot->state != SLOT_FREE); tries++)
		slot = &run->slot[first + (i + tries) % (SLOTS - first)];
	if (slot->state != SLOT_FREE)
		return NULL;
	at = diff_random(&run->log, ARENA_PAGES - npages + 1);
	if (npages == MOST && diff_random(&run->log, 2))
		at -= at % MOST;
	slot->domain = domain;
	slot->prot = prots[diff_random(&run->log, 4)];
	slot->own = slot->pooled = slot->cached = false;
	slot->npages = npages;
	slot->off = whole_pages ? 0 : diff_random(&run->log, RIG_PAGE);
	slot->len = npages * RIG_PAGE - slot->off - (whole_pages || npages == 1 ? 0 : diff_random(&run->log, RIG_PAGE));
	for (unsigned k = 0; k < npages; k++)
		slot->page[k] = (uint16_t)(at + k);
	return slot;
}

/* The pool of its domain that has all of it; NULL. */
static const struct slot *pool_of(const struct diff_burst *run, const struct slot *slot)
{
	for (unsigned i = 0; i < POOLS; i++) {
		const struct slot *pool = &run->slot[slot->domain * POOLS + i];

		if (pool->state == SLOT_MAPPED && slot->page[0] >= pool->page[0] &&
		    slot->page[0] + slot->npages <= pool->page[0] + pool->npages)
			return pool;
	}
	return NULL;
}

static int expect_map(const struct diff_burst *run, struct slot *slot)
{
	const struct slot *pool = pool_of(run, slot);

	if (run->mode[slot->domain].kind != PIOMMU_MODE_STATIC)
		return 0;
	slot->pooled = true;
	return !pool ? -EFAULT : slot->prot & ~pool->prot ? -EACCES : 0;
}

static void check_lookup(struct diff_burst *run, unsigned m, const struct slot *slot, unsigned page, bool mapped)
{
	uint64_t pa = 0, iova = (slot->iova[m] & ~(RIG_PAGE - 1)) + page * RIG_PAGE;
	int rc = piommu_lookup(run->machine[m].domain[slot->domain], iova, &pa, NULL, NULL);

	diff_burst_expect(run, m, "lookup", rc, mapped ? 0 : -ENOENT);
	if (mapped)
		diff_burst_expect(run, m, "lookup's address", (long long)(pa - run->machine[m].arena.pa),
				  (long long)(slot->page[page] * RIG_PAGE));
}

/* It is mapped now, on every machine, and an address that others have there is not among its own. */
static void keep(struct diff_burst *run, struct slot *slot)
{
	unsigned page;

	for (unsigned m = 0; m < run->nmachines; m++) {
		for (unsigned k = 0; k < slot->npages && !slot->pooled; k += k                  ? slot->npages - k
									     : slot->npages - 1 ? slot->npages - 1
												: 1)
			if (diff_burst_find(run, m, slot->domain, slot->iova[m] + k * RIG_PAGE, &page))
				diff_fail(&run->log, "%s: 0x%llx was handed out and is not free", run->machine[m].rig.m->kind,
					  (unsigned long long)slot->iova[m]);
		check_lookup(run, m, slot, 0, true);
		check_lookup(run, m, slot, slot->npages - 1, true);
		slot->done[m] = false;
	}
	slot->state = SLOT_MAPPED;
	run->nmaps++;
}

/* ---- Map -------------------------------------------------------------------------------------------------------------------- */

static struct piommu_channel *channel_of(struct diff_burst *run, unsigned m, unsigned domain, unsigned channel)
{
	return run->machine[m].channel[domain][channel];
}

static void map_one(struct diff_burst *run, unsigned domain, unsigned channel)
{
	struct slot *slot = prepare(run, domain, false);
	int want;

	if (!slot)
		return;
	want = expect_map(run, slot);
	diff_note(&run->log, "map slot %ld, domain %u, page %u, %u pages: %d", (long)(slot - run->slot), domain, slot->page[0],
		  slot->npages, want);
	for (unsigned m = 0; m < run->nmachines; m++)
		diff_burst_expect(run, m, "map",
				  piommu_dma_map(channel_of(run, m, domain, channel), pa_of(run, m, slot), slot->len,
						 dir_of(slot->prot), &slot->iova[m]),
				  want);
	if (!want)
		keep(run, slot);
}

/* `n` slots, marked as taken while the burst is made; fewer where there are no more. */
static unsigned prepare_many(struct diff_burst *run, unsigned domain, unsigned n, bool whole_pages, struct slot **slots)
{
	unsigned i;

	for (i = 0; i < n && (slots[i] = prepare(run, domain, whole_pages)); i++)
		slots[i]->state = SLOT_MAPPED;
	for (unsigned k = 0; k < i; k++)
		slots[k]->state = SLOT_FREE;
	return i;
}

static void map_burst(struct diff_burst *run, unsigned domain, unsigned channel)
{
	struct piommu_dma items[BURST];
	struct slot *slots[BURST];
	unsigned n = prepare_many(run, domain, pick_size(run), false, slots);
	int want = 0;

	for (unsigned i = 0; i < n && !want; i++)
		want = expect_map(run, slots[i]);
	diff_note(&run->log, "map a burst of %u, domain %u: %d", n, domain, want);
	for (unsigned m = 0; m < run->nmachines; m++) {
		for (unsigned i = 0; i < n; i++)
			items[i] = (struct piommu_dma){ pa_of(run, m, slots[i]), slots[i]->len, dir_of(slots[i]->prot), 0 };
		diff_burst_expect(run, m, "map a burst", piommu_dma_map_burst(channel_of(run, m, domain, channel), items, n),
				  want);
		for (unsigned i = 0; i < n && !want; i++)
			slots[i]->iova[m] = items[i].iova;
	}
	for (unsigned i = 0; i < n && !want; i++)
		keep(run, slots[i]);
}

/* Pieces of one to four pages, some of them side by side in memory. */
static void map_list(struct diff_burst *run, unsigned domain, unsigned channel)
{
	struct slot *slot = prepare(run, domain, true);
	struct piommu_sg sg[MOST];
	unsigned n = 0, runs = 1;
	int want = 0;

	if (!slot || slot->npages > 200)
		return;
	for (unsigned k = 0; k < slot->npages; n++) {
		unsigned piece = 1 + diff_random(&run->log, 4), at = diff_random(&run->log, ARENA_PAGES - 4);

		piece = piece > slot->npages - k ? slot->npages - k : piece;
		if (k && !diff_random(&run->log, 3) && slot->page[k - 1] + 5u < ARENA_PAGES)
			at = slot->page[k - 1] + 1u;
		runs += k && at != slot->page[k - 1] + 1u;
		sg[n] = (struct piommu_sg){ at * RIG_PAGE, piece * RIG_PAGE };
		for (unsigned i = 0; i < piece; i++)
			slot->page[k++] = (uint16_t)(at + i);
	}
	if (runs == 1)
		want = expect_map(run, slot);
	diff_note(&run->log, "map a list of %u, slot %ld, domain %u: %d", n, (long)(slot - run->slot), domain, want);
	for (unsigned m = 0; m < run->nmachines; m++) {
		for (unsigned i = 0; i < n; i++)
			sg[i].pa += run->machine[m].arena.pa - (m ? run->machine[m - 1].arena.pa : 0);
		diff_burst_expect(
			run, m, "map a list",
			piommu_dma_map_sg(channel_of(run, m, domain, channel), sg, n, dir_of(slot->prot), &slot->iova[m]),
			want);
	}
	if (!want)
		keep(run, slot);
}

static uint64_t own_iova(struct diff_burst *run, const struct slot *slot)
{
	uint64_t off = slot->npages == MOST && diff_random(&run->log, 2) ? 0 : diff_random(&run->log, MOST) * RIG_PAGE;

	return OWN_IOVA + (uint64_t)(slot - run->slot) * OWN_STEP + off;
}

static void map_own(struct diff_burst *run, unsigned domain, unsigned channel)
{
	struct piommu_burst_item items[BURST];
	struct slot *slots[BURST];
	unsigned n = prepare_many(run, domain, pick_size(run), true, slots);

	diff_note(&run->log, "map a burst of %u at own addresses, domain %u", n, domain);
	for (unsigned m = 0; m < run->nmachines; m++) {
		for (unsigned i = 0; i < n; i++) {
			slots[i]->own = true;
			slots[i]->iova[m] = m ? slots[i]->iova[0] : own_iova(run, slots[i]);
			items[i] = (struct piommu_burst_item){ slots[i]->iova[m], pa_of(run, m, slots[i]), slots[i]->len,
							       slots[i]->prot };
		}
		diff_burst_expect(run, m, "map at own addresses",
				  piommu_map_burst(channel_of(run, m, domain, channel), items, n), 0);
	}
	for (unsigned i = 0; i < n; i++)
		keep(run, slots[i]);
}

void diff_burst_step_map(struct diff_burst *run)
{
	unsigned domain = diff_random(&run->log, DOMAINS), channel = diff_random(&run->log, CHANNELS);

	switch (diff_random(&run->log, 8)) {
	case 0:
	case 1:
		map_own(run, domain, channel);
		break;
	case 2:
		map_list(run, domain, channel);
		break;
	case 3:
		map_one(run, domain, channel);
		break;
	default:
		map_burst(run, domain, channel);
	}
}

/* ---- Unmap -------------------------------------------------------------------------------------------------------------------- */

void diff_burst_retire(struct diff_burst *run)
{
	for (unsigned i = POOLS * DOMAINS; i < SLOTS; i++) {
		struct slot *slot = &run->slot[i];
		bool done = slot->state == SLOT_LIMBO;

		for (unsigned m = 0; m < run->nmachines && slot->state == SLOT_LIMBO; m++) {
			slot->done[m] |=
				slot->ticket[m] <= piommu_channel_retired(channel_of(run, m, slot->domain, slot->channel));
			done &= slot->done[m];
		}
		if (done)
			slot->state = SLOT_FREE;
	}
}

/* Mapped slots of a domain, all at own addresses or none. */
static unsigned choose(struct diff_burst *run, unsigned domain, bool own, unsigned n, struct slot **slots)
{
	unsigned found = 0, first = POOLS * DOMAINS, start = diff_random(&run->log, SLOTS - first);

	for (unsigned i = 0; i < SLOTS - first && found < n; i++) {
		struct slot *slot = &run->slot[first + (start + i) % (SLOTS - first)];

		if (slot->state == SLOT_MAPPED && slot->domain == domain && slot->own == own)
			slots[found++] = slot;
	}
	return found;
}

/* Until it is not pushed back. */
static int unmap_on(struct diff_burst *run, unsigned m, unsigned channel, bool own, struct slot **slots, unsigned n, bool wait,
		    piommu_ticket *ticket)
{
	struct piommu_channel *ch = channel_of(run, m, slots[0]->domain, channel);
	struct piommu_burst_item items[BURST];
	struct piommu_dma dma[BURST];
	size_t unmapped = 0, len = 0;
	int err;

	for (unsigned i = 0; i < n; i++) {
		items[i] = (struct piommu_burst_item){ .iova = slots[i]->iova[m], .len = slots[i]->len };
		dma[i] = (struct piommu_dma){ .iova = slots[i]->iova[m], .len = slots[i]->len };
		len += slots[i]->len;
	}
	do {
		if (own)
			err = piommu_unmap_burst(ch, items, n, &unmapped, ticket);
		else
			err = n == 1 ? piommu_dma_unmap(ch, dma[0].iova, dma[0].len, wait ? NULL : ticket)
				     : piommu_dma_unmap_burst(ch, dma, n, wait ? NULL : ticket);
		run->nfull += err == -EAGAIN;
	} while (err == -EAGAIN && (piommu_channel_poll(ch, 0), 1));
	if (own)
		diff_burst_expect(run, m, "bytes unmapped", (long long)unmapped, (long long)len);
	return err;
}

void diff_burst_step_unmap(struct diff_burst *run)
{
	unsigned domain = diff_random(&run->log, DOMAINS), channel = diff_random(&run->log, CHANNELS);
	bool own = diff_random(&run->log, 4) == 0, wait = !own && diff_random(&run->log, 4) == 0;
	struct slot *slots[BURST];
	unsigned n = choose(run, domain, own, pick_size(run), slots);

	diff_note(&run->log, "unmap %u, %s, domain %u, mode %u%s", n, own ? "own" : "the channels'", domain,
		  run->mode[domain].kind, wait ? ", and wait" : "");
	for (unsigned i = 0; i < n && i < TOUCHED; i++)
		diff_burst_touch(run, slots[n - 1 - i]);
	for (unsigned m = 0; m < run->nmachines && n; m++) {
		piommu_ticket ticket = 0;

		diff_burst_expect(run, m, "unmap", unmap_on(run, m, channel, own, slots, n, wait, &ticket), 0);
		for (unsigned i = 0; i < n; i++) {
			slots[i]->ticket[m] = ticket;
			slots[i]->done[m] = wait;
			if (!slots[i]->pooled)
				check_lookup(run, m, slots[i], diff_random(&run->log, slots[i]->npages), false);
		}
	}
	for (unsigned i = 0; i < n; i++) {
		slots[i]->state = slots[i]->pooled ? SLOT_FREE : SLOT_LIMBO;
		slots[i]->channel = channel;
		slots[i]->stale = true;
	}
	run->nunmaps += n;
	for (unsigned m = 0; m < run->nmachines && diff_random(&run->log, 2); m++)
		piommu_channel_poll(channel_of(run, m, domain, channel), 0);
	diff_burst_retire(run);
	for (unsigned i = 0; i < n && i < TOUCHED; i++)
		diff_burst_touch(run, slots[n - 1 - i]);
}

/* ---- Refusals -------------------------------------------------------------------------------------------------------------------- */

/* One in the middle of a burst is not as it should be. */
static void refuse_unmap(struct diff_burst *run, unsigned domain, unsigned channel)
{
	struct piommu_dma items[BURST];
	struct slot *slots[BURST];
	unsigned n = choose(run, domain, false, pick_size(run), slots), bad = n ? diff_random(&run->log, n) : 0;
	bool twice = n > 1 && diff_random(&run->log, 2);
	piommu_ticket ticket = 77;

	if (!n || slots[bad]->pooled || slots[bad ? 0 : n - 1]->pooled)
		return;
	diff_note(&run->log, "unmap %u, of which number %u is wrong, domain %u", n, bad, domain);
	for (unsigned m = 0; m < run->nmachines; m++) {
		for (unsigned i = 0; i < n; i++)
			items[i] = (struct piommu_dma){ .iova = slots[i]->iova[m], .len = slots[i]->len };
		if (twice)
			items[bad] = items[bad ? 0 : n - 1];
		else
			items[bad].len += RIG_PAGE;
		diff_burst_expect(run, m, "unmap with a wrong one",
				  piommu_dma_unmap_burst(channel_of(run, m, domain, channel), items, n, &ticket), -ENOENT);
		diff_burst_expect(run, m, "ticket of nothing", (long long)ticket, 77);
		for (unsigned i = 0; i < n; i++)
			check_lookup(run, m, slots[i], diff_random(&run->log, slots[i]->npages), true);
	}
}

static void refuse_map(struct diff_burst *run, unsigned domain, unsigned channel)
{
	static const int errs[] = { -EEXIST, -ERANGE, -ERANGE, -EINVAL };
	unsigned kind = diff_random(&run->log, 4), n, bad;
	struct piommu_burst_item items[BURST];
	struct slot *slots[BURST], *there;

	if (!choose(run, domain, true, 1, &there))
		return;
	n = prepare_many(run, domain, pick_size(run), true, slots);
	bad = n ? diff_random(&run->log, n) : 0;
	diff_note(&run->log, "map %u at own addresses, of which number %u is wrong (%d), domain %u", n, bad, errs[kind],
		  domain);
	for (unsigned m = 0; m < run->nmachines && n; m++) {
		for (unsigned i = 0; i < n; i++) {
			slots[i]->iova[m] = m ? slots[i]->iova[0] : own_iova(run, slots[i]);
			items[i] = (struct piommu_burst_item){ slots[i]->iova[m], pa_of(run, m, slots[i]), slots[i]->len,
							       slots[i]->prot };
		}
		if (kind == 0)
			items[bad].iova = there->iova[m] + diff_random(&run->log, there->npages) * RIG_PAGE;
		else if (kind == 1)
			items[bad].iova = UINT64_C(1) << 60;
		else if (kind == 2)
			items[bad].pa = UINT64_C(1) << 60;
		else
			items[bad].len += 8;
		diff_burst_expect(run, m, "map with a wrong one",
				  piommu_map_burst(channel_of(run, m, domain, channel), items, n), errs[kind]);
		for (unsigned i = 0; i < n; i++)
			check_lookup(run, m, slots[i], diff_random(&run->log, slots[i]->npages), false);
	}
}

void diff_burst_step_refused(struct diff_burst *run)
{
	unsigned domain = diff_random(&run->log, DOMAINS), channel = diff_random(&run->log, CHANNELS);

	run->nrefused++;
	if (diff_random(&run->log, 2))
		refuse_unmap(run, domain, channel);
	else
		refuse_map(run, domain, channel);
}
