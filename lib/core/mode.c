/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The modes of a domain, live, and the pools of static mode. Channels read the mode relaxed, once a call: a switch that must be strict when it
 * returns waits until every thread has come by a quiescent state, and then invalidates the whole domain, whatever channels still have
 * unsent. Slow path but for the look-ups.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "channel.h"

/* ---- Modes -------------------------------------------------------------------------------------------------------------------- */

void core_mode_share(struct core_domain *cd)
{
	size_t n = 0;

	for (const struct piommu_channel *ch = cd->channels; ch; ch = ch->next_of_domain)
		n++;
	atomic_store_explicit(&cd->mode_bytes, n ? cd->mode.max_bytes / n : cd->mode.max_bytes, memory_order_relaxed);
}

static bool is_sane(const struct piommu_mode *mode)
{
	switch (mode->kind) {
	case PIOMMU_MODE_STRICT:
	case PIOMMU_MODE_STATIC:
		return true;
	case PIOMMU_MODE_BOUNDED:
		return mode->max_us && mode->max_bytes;
	}
	return false;
}

/* All that was unmapped by now is unusable when this returns 0. */
static int invalidate_all(struct piommu_domain *domain)
{
	struct piommu_gather gather;

	piommu_gather_init(&gather);
	gather.whole = true;
	gather.nonleaf = true;
	return domain->ops->flush(domain, &gather);
}

static void forget_exposure(struct core_domain *cd) REQUIRES(cd->mutex)
{
	for (struct piommu_channel *ch = cd->channels; ch; ch = ch->next_of_domain) {
		atomic_store_explicit(&ch->worst_ns, 0, memory_order_relaxed);
		atomic_store_explicit(&ch->worst_bytes, 0, memory_order_relaxed);
	}
}

int piommu_domain_set_mode(struct piommu_domain *domain, const struct piommu_mode *mode)
{
	struct core_domain *cd = core_domain_of(domain);
	bool online, was_bounded;
	int err = 0;

	if (domain->type != PIOMMU_DOMAIN_PAGING || !is_sane(mode))
		return -EINVAL;
	online = core_slow_enter();
	mutex_lock(&cd->mutex);
	was_bounded = cd->mode.kind == PIOMMU_MODE_BOUNDED;
	cd->mode = *mode;
	atomic_store_explicit(&cd->mode_ns, 1000 * (uint64_t)mode->max_us, memory_order_relaxed);
	core_mode_share(cd);
	forget_exposure(cd);
	atomic_store_explicit(&cd->mode_kind, mode->kind, memory_order_relaxed);
	if (mode->kind == PIOMMU_MODE_STRICT || (was_bounded && mode->kind != PIOMMU_MODE_BOUNDED)) {
		rcu_wait(); /* who has seen the old mode is out of its call */
		err = invalidate_all(domain);
	}
	mutex_unlock(&cd->mutex);
	core_slow_exit(online);
	return err;
}

void piommu_domain_exposure(const struct piommu_domain *domain, struct piommu_exposure *out)
{
	struct core_domain *cd = core_domain_of(domain);
	bool online = core_slow_enter(); /* who holds the mutex may be waiting for a grace period */
	uint64_t worst_ns = 0;

	*out = (struct piommu_exposure){ 0 };
	mutex_lock(&cd->mutex);
	out->mode = cd->mode;
	out->failed = cd->nfailed;
	for (const struct piommu_channel *ch = cd->channels; ch; ch = ch->next_of_domain) {
		uint64_t ns = atomic_load_explicit(&ch->worst_ns, memory_order_relaxed);
		uint64_t bytes = atomic_load_explicit(&ch->worst_bytes, memory_order_relaxed);

		worst_ns = ns > worst_ns ? ns : worst_ns;
		out->worst_bytes = bytes > out->worst_bytes ? bytes : out->worst_bytes;
		out->failed += atomic_load_explicit(&ch->nfailed, memory_order_relaxed);
	}
	mutex_unlock(&cd->mutex);
	core_slow_exit(online);
	out->worst_us = (worst_ns + 999) / 1000;
}

/* ---- Pools -------------------------------------------------------------------------------------------------------------------------- */

const struct core_pool *core_pool_search(struct piommu_channel *ch, const struct core_pools *pools, uint64_t at, size_t len,
					 bool by_iova)
{
	for (unsigned i = 0; i < pools->n; i++) {
		const struct core_pool *pool = &pools->at[i];

		if (!core_is_in(at, len, by_iova ? pool->iova : pool->pa, pool->len))
			continue;
		ch->pool = i;
		return pool;
	}
	return NULL;
}

static void free_pools(struct rcu_deferral *deferral)
{
	free(deferral); /* its first member */
}

void core_pools_free(struct core_domain *cd)
{
	free(cd->pools);
	cd->pools = NULL;
}

/* Publishes a table with room for one more or less; the caller fills it first. */
static struct core_pools *pools_alloc(unsigned n)
{
	return calloc(1, sizeof(struct core_pools) + n * sizeof(struct core_pool));
}

static void publish(struct core_domain *cd, struct core_pools *pools) REQUIRES(cd->mutex)
{
	struct core_pools *old = cd->pools;

	__atomic_store_n((void **)&cd->pools, (void *)pools, __ATOMIC_RELEASE);
	if (old)
		rcu_defer(&old->deferral, free_pools);
}

/* The index of the pool that overlaps the memory, or that begins there; n: none does. */
static unsigned find_pool(const struct core_pools *pools, uint64_t pa, size_t len)
{
	unsigned i = 0;

	while (pools && i < pools->n && (pools->at[i].pa > pa + (len - 1) || pa > pools->at[i].pa + (pools->at[i].len - 1)))
		i++;
	return i;
}

static int add_pool(struct piommu_domain *domain, struct core_domain *cd, struct core_pool pool) REQUIRES(cd->mutex)
{
	unsigned n = cd->pools ? cd->pools->n : 0;
	struct core_pools *pools;
	int err;

	if (find_pool(cd->pools, pool.pa, pool.len) < n)
		return -EEXIST;
	pools = pools_alloc(n + 1);
	if (!pools)
		return -ENOMEM;
	/* Large pages where memory and addresses are aligned alike. */
	err = iova_alloc(cd->iova, pool.len,
			 pool.len >= BIT64(21) && is_aligned(pool.pa, BIT64(21)) ? BIT64(21) : domain->page_mask + 1,
			 &pool.iova);
	if (!err) {
		struct core_read was = core_read_enter(); /* of tables that others may unlink */

		err = piommu_map(domain, pool.iova, pool.pa, pool.len, pool.prot);
		core_read_exit(was);
		if (err)
			iova_free(cd->iova, pool.iova, pool.len);
	}
	if (err) {
		free(pools);
		return err;
	}
	if (n)
		memcpy(pools->at, cd->pools->at, n * sizeof(pools->at[0]));
	pools->at[n] = pool;
	pools->n = n + 1;
	publish(cd, pools);
	return 0;
}

static unsigned dirs_of(unsigned prot)
{
	return (prot & PIOMMU_READ ? 1u << PIOMMU_DMA_TO_DEVICE : 0) |
	       (prot & PIOMMU_WRITE ? 1u << PIOMMU_DMA_FROM_DEVICE : 0) | (prot == PIOMMU_RW ? 1u << PIOMMU_DMA_BOTH : 0);
}

int piommu_dma_pool_register(struct piommu_domain *domain, uint64_t pa, size_t len, unsigned prot)
{
	struct core_domain *cd = core_domain_of(domain);
	bool online;
	int err;

	if (domain->type != PIOMMU_DOMAIN_PAGING || ((pa | len) & domain->page_mask) || !len || pa + (len - 1) < pa || !prot ||
	    (prot & ~(unsigned)PIOMMU_RW))
		return -EINVAL;
	online = core_slow_enter();
	mutex_lock(&cd->mutex);
	err = add_pool(domain, cd, (struct core_pool){ .pa = pa, .len = len, .prot = prot, .dirs = dirs_of(prot) });
	mutex_unlock(&cd->mutex);
	core_slow_exit(online);
	return err;
}

static int drop_pool(struct piommu_domain *domain, struct core_domain *cd, uint64_t pa) REQUIRES(cd->mutex)
{
	unsigned at = find_pool(cd->pools, pa, 1);
	unsigned n = cd->pools ? cd->pools->n : 0;
	struct core_pools *pools = NULL;
	struct core_read was;
	struct core_pool pool;
	size_t unmapped;
	int err;

	if (at == n || cd->pools->at[at].pa != pa)
		return -ENOENT;
	pool = cd->pools->at[at];
	if (n > 1) {
		pools = pools_alloc(n - 1);
		if (!pools)
			return -ENOMEM;
		memcpy(pools->at, cd->pools->at, at * sizeof(pools->at[0]));
		memcpy(pools->at + at, cd->pools->at + at + 1, (n - at - 1) * sizeof(pools->at[0]));
		pools->n = n - 1;
	}
	publish(cd, pools);
	rcu_wait(); /* nobody finds it any more */
	was = core_read_enter();
	err = piommu_unmap(domain, pool.iova, pool.len, &unmapped);
	core_read_exit(was);
	if (!err)
		iova_free(cd->iova, pool.iova, pool.len);
	return err;
}

int piommu_dma_pool_unregister(struct piommu_domain *domain, uint64_t pa)
{
	struct core_domain *cd = core_domain_of(domain);
	bool online = core_slow_enter();
	int err;

	mutex_lock(&cd->mutex);
	err = drop_pool(domain, cd, pa);
	mutex_unlock(&cd->mutex);
	core_slow_exit(online);
	return err;
}
