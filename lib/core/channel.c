/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Channels: tickets from the unmap to their end. An address goes back to its cache in retire() alone, and that is what makes its reuse
 * before the ticket is done impossible. A burst that failed is tried once more as an invalidation of the whole domain; if that fails, too,
 * its addresses and tables are never used again. Fast path but for create and destroy: no lock, no allocation, nothing blocks but
 * piommu_channel_wait(), and a driver whose unit has no queue when something is sent to it.
 */
#include <errno.h>
#include <stdlib.h>

#include "channel.h"

#define LOOK_EVERY 16u /* bounded: unmaps between two looks at the clock */

/* ---- Units ------------------------------------------------------------------------------------------------------------------ */

/* NULL: it has left the domain, and its tag was invalidated before it did. */
static const struct piommu_unit *unit_of_epoch(const struct piommu_domain_units *units, uint64_t epoch)
{
	for (unsigned i = 0; units && i < units->n; i++)
		if (units->at[i].unit->epoch == epoch)
			return units->at[i].unit;
	return NULL;
}

/* @return 0; -EINPROGRESS; or the first error */
static int fence_state(const struct piommu_channel *ch, const struct piommu_fence *fence)
{
	const struct piommu_domain_units *units = piommu_domain_units_glimpse(ch->domain);
	int worst = 0;

	for (unsigned i = 0; i < fence->n; i++) {
		const struct piommu_unit *unit = unit_of_epoch(units, fence->at[i].epoch);
		int err = unit ? unit->driver->fence_done(unit, fence->at[i].ticket) : 0;

		if (err == -EINPROGRESS)
			return err;
		worst = worst ? worst : err;
	}
	return worst;
}

/* @return 0 also where it failed: fence_state() says so then; -ETIMEDOUT */
static int fence_wait(const struct piommu_channel *ch, const struct piommu_fence *fence)
{
	const struct piommu_domain_units *units = piommu_domain_units_glimpse(ch->domain);
	int worst = 0;

	for (unsigned i = 0; i < fence->n; i++) {
		const struct piommu_unit *unit = unit_of_epoch(units, fence->at[i].epoch);

		if (unit && unit->driver->fence_wait(unit, fence->at[i].ticket) == -ETIMEDOUT)
			worst = -ETIMEDOUT;
	}
	return worst;
}

/* A family without bursts flushes here, and waits. */
static int submit(struct piommu_domain *domain, struct piommu_gather *gather, struct piommu_fence *fence)
{
	fence->n = 0;
	if (domain->ops->submit)
		return domain->ops->submit(domain, gather, fence);
	return domain->ops->flush(domain, gather);
}

/* ---- Retiring ------------------------------------------------------------------------------------------------------------------- */

static void give_back_pages(struct piommu_channel *ch, struct channel_burst *burst)
{
	struct piommu_gather gather;

	if (!burst->pages.n)
		return;
	piommu_gather_init(&gather);
	gather.pages = burst->pages;
	piommu_domain_retire(ch->domain, &gather);
}

static void give_back(struct piommu_channel *ch, struct channel_burst *burst)
{
	const struct piommu_range *limbo = ch->limbo;
	unsigned end = ch->limbo_first + burst->nlimbo, mask = ch->nlimbo - 1;

	for (unsigned i = ch->limbo_first; i != end; i++) {
		const struct piommu_range *range = &limbo[i & mask];

		if (__builtin_expect(range->len != 0, 1))
			iova_cache_put(ch->cache, channel_block_of_leaf(range->leaf), range->iova,
				       (unsigned)(range->len / PIOMMU_PAGE_SIZE));
	}
	ch->limbo_first = end;
	give_back_pages(ch, burst);
}

/* Its addresses stay taken, its tables are kept until no device is on the domain. */
static void lose(struct piommu_channel *ch, struct channel_burst *burst, int err)
{
	unsigned at = ch->nfailures++ % CHANNEL_FAILURES;

	ch->failures[at].ticket = burst->ticket;
	ch->failures[at].err = err;
	ch->limbo_first += burst->nlimbo;
	piommu_page_list_splice(&ch->lost, &burst->pages);
	atomic_store_explicit(&ch->nfailed, atomic_load_explicit(&ch->nfailed, memory_order_relaxed) + 1, memory_order_relaxed);
}

/* @return -EINPROGRESS: it is under way once more, or will be */
static int try_again(struct piommu_channel *ch, struct channel_burst *burst)
{
	struct piommu_gather gather;
	int err;

	if (burst->again)
		return burst->err;
	piommu_gather_init(&gather);
	gather.whole = true;
	gather.nonleaf = true;
	err = submit(ch->domain, &gather, &burst->fence);
	if (err == -EAGAIN)
		return -EINPROGRESS;
	burst->again = true;
	burst->err = err;
	return -EINPROGRESS;
}

/* The oldest burst. @return 0: retired; -EINPROGRESS */
static int retire(struct piommu_channel *ch)
{
	struct channel_burst *burst = &ch->bursts[ch->first & (ch->nbursts - 1)];
	int err = burst->err ? burst->err : fence_state(ch, &burst->fence);

	if (err == -EINPROGRESS)
		return err;
	if (__builtin_expect(err != 0, 0)) {
		burst->err = err;
		if (try_again(ch, burst) == -EINPROGRESS)
			return -EINPROGRESS;
		lose(ch, burst, err);
	} else {
		give_back(ch, burst);
	}
	ch->retired = burst->ticket;
	ch->first++;
	return 0;
}

/* ---- Sending ------------------------------------------------------------------------------------------------------------------ */

static bool is_bounded(const struct piommu_channel *ch)
{
	const struct core_domain *cd = core_domain_of(ch->domain);

	return atomic_load_explicit(&cd->mode_kind, memory_order_relaxed) == PIOMMU_MODE_BOUNDED;
}

static uint64_t now_ns(const struct piommu_channel *ch)
{
	return piommu_plat_now_ns(core_domain_of(ch->domain)->p->plat);
}

static void keep_max(_Atomic uint64_t *worst, uint64_t value)
{
	if (value > atomic_load_explicit(worst, memory_order_relaxed))
		atomic_store_explicit(worst, value, memory_order_relaxed);
}

/* @return 0: there is no open burst any more; -EAGAIN */
static int send_open(struct piommu_channel *ch)
{
	struct channel_burst *burst = &ch->bursts[ch->end & (ch->nbursts - 1)];
	int err;

	if (ch->end - ch->first == ch->nbursts && retire(ch))
		return -EAGAIN;
	err = submit(ch->domain, &ch->gather, &burst->fence);
	if (err == -EAGAIN)
		return err;
	burst->ticket = ch->issued;
	burst->nlimbo = ch->open_limbo;
	burst->again = false;
	burst->err = err;
	burst->pages = ch->gather.pages;
	ch->end++;
	keep_max(&ch->worst_bytes, ch->open_bytes);
	if (ch->opened_ns)
		keep_max(&ch->worst_ns, now_ns(ch) - ch->opened_ns);
	piommu_gather_init(&ch->gather);
	ch->open = false;
	ch->open_limbo = 0;
	ch->open_bytes = 0;
	ch->opened_ns = 0;
	ch->due = false;
	return 0;
}

static bool is_late(const struct piommu_channel *ch)
{
	const struct core_domain *cd = core_domain_of(ch->domain);

	return now_ns(ch) - ch->opened_ns >= atomic_load_explicit(&cd->mode_ns, memory_order_relaxed);
}

static bool is_due(struct piommu_channel *ch)
{
	const struct core_domain *cd = core_domain_of(ch->domain);

	if (!is_bounded(ch))
		return true;
	if (!ch->opened_ns)
		ch->opened_ns = now_ns(ch);
	if (ch->open_bytes >= atomic_load_explicit(&cd->mode_bytes, memory_order_relaxed))
		return true;
	if (ch->limbo_end - ch->limbo_first >= ch->nlimbo / 2)
		return true;
	if (++ch->since_look < LOOK_EVERY)
		return false;
	ch->since_look = 0;
	return is_late(ch);
}

void channel_skip_limbo(struct piommu_channel *ch)
{
	while (ch->limbo_end & (ch->nlimbo - 1)) {
		ch->limbo[ch->limbo_end++ & (ch->nlimbo - 1)].len = 0;
		ch->open_limbo++;
	}
}

piommu_ticket channel_close(struct piommu_channel *ch, size_t bytes)
{
	if (!ch->open) {
		ch->open = true;
		ch->issued++;
	}
	ch->open_bytes += bytes;
	/* Where it does not go now, the next call or poll sends it, together with what is added until then: in bounded mode nothing. */
	if ((ch->due || is_due(ch)) && send_open(ch))
		ch->due = is_bounded(ch);
	return ch->issued;
}

unsigned piommu_channel_poll(struct piommu_channel *ch, unsigned budget)
{
	unsigned n = 0;

	while (ch->first != ch->end && (!budget || n < budget) && !retire(ch))
		n++;
	if (ch->open && (ch->due || !is_bounded(ch) || is_late(ch)))
		n += !send_open(ch);
	return n;
}

bool channel_make_room(struct piommu_channel *ch, unsigned n)
{
	/* Or what is kept back beyond its time would grow without an end. */
	if (ch->open && send_open(ch) && ch->due)
		return false;
	while (!channel_has_room(ch, n) && ch->first != ch->end && !retire(ch))
		;
	return channel_has_room(ch, n);
}

/* ---- Tickets ---------------------------------------------------------------------------------------------------------------------- */

/* Of one that is retired. Failures that are no longer kept make everything before them doubtful. */
static int verdict(const struct piommu_channel *ch, piommu_ticket ticket)
{
	unsigned kept = ch->nfailures < CHANNEL_FAILURES ? ch->nfailures : CHANNEL_FAILURES;
	piommu_ticket oldest = ticket + 1;

	for (unsigned i = 0; i < kept; i++) {
		if (ch->failures[i].ticket == ticket)
			return ch->failures[i].err;
		if (ch->failures[i].ticket < oldest)
			oldest = ch->failures[i].ticket;
	}
	return ch->nfailures > CHANNEL_FAILURES && ticket < oldest ? -EIO : 0;
}

int piommu_channel_done(struct piommu_channel *ch, piommu_ticket ticket)
{
	if (ticket > ch->issued)
		return -EINVAL;
	if (ticket > ch->retired)
		piommu_channel_poll(ch, 0);
	return ticket > ch->retired ? -EINPROGRESS : __builtin_expect(!ch->nfailures, 1) ? 0 : verdict(ch, ticket);
}

/* One step towards the end of `ticket`. @return 0, or -ETIMEDOUT: the unit does not answer */
static int advance(struct piommu_channel *ch, piommu_ticket ticket)
{
	int err = 0;

	if (ch->open && ticket == ch->issued)
		send_open(ch); /* or when what is in front of it has made room, or other channels' bursts have */
	if (ch->first != ch->end)
		err = fence_wait(ch, &ch->bursts[ch->first & (ch->nbursts - 1)].fence);
	while (ch->first != ch->end && !retire(ch))
		;
	return err;
}

int piommu_channel_wait(struct piommu_channel *ch, piommu_ticket ticket)
{
	const struct piommu *p = core_domain_of(ch->domain)->p;
	uint64_t deadline = 0;

	if (ticket > ch->issued)
		return -EINVAL;
	while (ticket > ch->retired) {
		piommu_ticket before = ch->retired;
		int err = advance(ch, ticket);

		if (ticket <= ch->retired)
			break;
		if (err)
			return err;
		if (ch->retired != before)
			continue;
		/* A queue that has no room, for this burst or for its second try. */
		deadline = deadline ? deadline : now_ns(ch) + 2 * p->timeout_ns;
		if (now_ns(ch) > deadline)
			return -ETIMEDOUT;
		piommu_plat_relax(p->plat);
	}
	return __builtin_expect(!ch->nfailures, 1) ? 0 : verdict(ch, ticket);
}

piommu_ticket piommu_channel_retired(const struct piommu_channel *ch)
{
	return ch->retired;
}

/* ---- Beginning and end --------------------------------------------------------------------------------------------------------------- */

static unsigned round_up(unsigned n)
{
	return n <= 1 ? 1 : 1u << (ilog2_u64(n - 1) + 1);
}

static void channel_free(struct piommu_channel *ch)
{
	iova_cache_destroy(ch->cache);
	free(ch->limbo);
	free(ch->bursts);
	free(ch);
}

static int channel_new(struct piommu_domain *domain, unsigned inflight, struct piommu_channel **out)
{
	struct piommu_channel *ch = calloc(1, sizeof(*ch));
	int err;

	if (!ch)
		return -ENOMEM;
	ch->domain = domain;
	ch->nbursts = round_up(inflight);
	ch->nlimbo = ch->nbursts * 64 > 2 * PIOMMU_BURST_MAX ? ch->nbursts * 64 : 2 * PIOMMU_BURST_MAX;
	ch->bursts = calloc(ch->nbursts, sizeof(*ch->bursts));
	ch->limbo = calloc(ch->nlimbo, sizeof(*ch->limbo));
	err = ch->bursts && ch->limbo ? iova_cache_create(core_domain_of(domain)->iova, &ch->cache) : -ENOMEM;
	if (err) {
		channel_free(ch);
		return err;
	}
	piommu_gather_init(&ch->gather);
	*out = ch;
	return 0;
}

int piommu_channel_create(struct piommu_domain *domain, const struct piommu_channel_attr *attr, struct piommu_channel **out)
{
	struct core_domain *cd = core_domain_of(domain);
	struct piommu *p = cd->p;
	unsigned inflight = attr && attr->inflight ? attr->inflight : 64;
	struct piommu_channel *ch;
	bool online;
	int err;

	if (domain->type != PIOMMU_DOMAIN_PAGING || inflight > 1u << 16)
		return -EINVAL;
	if (domain->page_mask != PIOMMU_PAGE_SIZE - 1) {
		log_err(&p->log,
			"domain: channels need pages of %u bytes, the smallest here are of %llu: use piommu_map() and "
			"piommu_unmap_gather(), or units of smaller pages",
			PIOMMU_PAGE_SIZE, (unsigned long long)domain->page_mask + 1);
		return -ENOTSUP;
	}
	online = core_slow_enter();
	err = channel_new(domain, inflight, &ch);
	if (!err) {
		mutex_lock(&cd->mutex);
		ch->next_of_domain = cd->channels;
		cd->channels = ch;
		core_mode_share(cd);
		mutex_unlock(&cd->mutex);
		if (attr && attr->poller)
			core_poller_add(attr->poller, ch);
		atomic_fetch_add_explicit(&p->nchannels, 1, memory_order_relaxed);
		*out = ch;
	}
	core_slow_exit(online);
	return err;
}

static void unlist(struct piommu_channel *ch)
{
	struct core_domain *cd = core_domain_of(ch->domain);
	struct piommu_channel **at;

	mutex_lock(&cd->mutex);
	for (at = &cd->channels; *at != ch; at = &(*at)->next_of_domain)
		;
	*at = ch->next_of_domain;
	piommu_page_list_splice(&cd->lost, &ch->lost);
	for (unsigned i = ch->first; i != ch->end; i++) /* what did not complete */
		piommu_page_list_splice(&cd->lost, &ch->bursts[i & (ch->nbursts - 1)].pages);
	piommu_page_list_splice(&cd->lost, &ch->gather.pages);
	cd->nfailed += atomic_load_explicit(&ch->nfailed, memory_order_relaxed);
	core_mode_share(cd);
	mutex_unlock(&cd->mutex);
}

int piommu_channel_destroy(struct piommu_channel *ch)
{
	struct core_read was;
	struct piommu *p;
	bool online;
	int err;

	if (!ch)
		return 0;
	p = core_domain_of(ch->domain)->p;
	was = core_read_enter();
	err = piommu_channel_wait(ch, ch->issued);
	core_read_exit(was);
	if (!err && atomic_load_explicit(&ch->nfailed, memory_order_relaxed))
		err = -EIO;
	online = core_slow_enter();
	core_poller_remove(ch->poller, ch);
	unlist(ch);
	channel_free(ch);
	atomic_fetch_sub_explicit(&p->nchannels, 1, memory_order_relaxed);
	core_slow_exit(online);
	return err;
}
