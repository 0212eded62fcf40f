/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A channel from inside: bursts on their way, and what is in limbo with them. Two rings, both of fixed size: the bursts that were sent, and
 * the I/O addresses of all bursts in their order. Behind those that were sent there is the open burst: unmapped, and not sent yet,
 * because a queue was full (strict) or because it waits for more (bounded). Everything but what is marked is its thread's own.
 */
#ifndef CORE_CHANNEL_H
#define CORE_CHANNEL_H

#include "core.h"
#include "iova_cache.h"
#include "piommu_dma.h"

#define CHANNEL_FAILURES 8u /* of which it is known exactly which tickets they are */

struct channel_burst {
	piommu_ticket ticket;
	unsigned nlimbo; /* places in the ring */
	bool again;      /* it failed, and all of the domain was invalidated instead */
	int err;         /* it could not be sent */
	struct piommu_page_list pages;
	struct piommu_fence fence;
};

struct piommu_channel {
	struct piommu_domain *domain;
	struct iova_cache *cache;
	struct piommu_poller *poller;
	struct piommu_channel *next_of_poller;
	struct piommu_channel *next_of_domain; /* under the domain's mutex */

	piommu_ticket issued;  /* the last one handed out, of the open burst if there is one */
	piommu_ticket retired; /* done, or failed */
	struct channel_burst *bursts;
	unsigned nbursts; /* a power of two, as nlimbo */
	unsigned first, end;
	struct piommu_range *limbo; /* in one arena each; nothing where `len` is 0 */
	unsigned nlimbo;
	unsigned limbo_first, limbo_end;

	bool open;
	unsigned open_limbo;
	size_t open_bytes;
	uint64_t opened_ns;  /* bounded */
	unsigned since_look; /* bounded: calls since the clock was looked at */
	bool due;            /* bounded: it was to be sent, and there was no room */
	struct piommu_gather gather;

	unsigned pool; /* the last one that was right */
	struct {
		piommu_ticket ticket;
		int err;
	} failures[CHANNEL_FAILURES];
	unsigned nfailures;
	struct piommu_page_list lost; /* tables that hardware may still walk */

	/* Written by its thread, read by any. */
	_Atomic uint64_t worst_ns;
	_Atomic uint64_t worst_bytes;
	_Atomic uint64_t nfailed;
};

/* The places up to the end of the limbo ring stay empty. */
void channel_skip_limbo(struct piommu_channel *ch);

static inline struct iova_block *channel_block_of_leaf(void **leaf)
{
	return (struct iova_block *)(void *)leaf; /* its first member */
}

/* Places of the limbo ring from its end on that lie side by side. */
static inline unsigned channel_limbo_left(const struct piommu_channel *ch)
{
	return ch->nlimbo - (ch->limbo_end & (ch->nlimbo - 1));
}

/* Side by side. */
static inline bool channel_has_room(const struct piommu_channel *ch, unsigned n)
{
	unsigned left = channel_limbo_left(ch);

	return ch->limbo_end - ch->limbo_first + (n <= left ? n : left + n) <= ch->nlimbo;
}

/* Where the next `n` ranges of the open burst go, side by side. There is room. */
static inline struct piommu_range *channel_limbo_end(struct piommu_channel *ch, unsigned n)
{
	if (__builtin_expect(n > channel_limbo_left(ch), 0))
		channel_skip_limbo(ch);
	return &ch->limbo[ch->limbo_end & (ch->nlimbo - 1)];
}

/* They are there: unmapped, and in ch->gather. */
static inline void channel_add_limbo(struct piommu_channel *ch, unsigned n)
{
	ch->limbo_end += n;
	ch->open_limbo += n;
}

/* The open burst has grown by `bytes`: sends it, if it is time to. @return its ticket */
piommu_ticket channel_close(struct piommu_channel *ch, size_t bytes);
/* Sends what is due and retires what is done. @return whether there is room for n more, and nothing that is due is left */
bool channel_make_room(struct piommu_channel *ch, unsigned n);

/* ---- Pools (mode.c) ---- */

struct core_pool {
	uint64_t pa;
	uint64_t iova;
	size_t len;
	unsigned prot;
	unsigned dirs; /* bit n: enum piommu_dma_dir n is allowed */
};
struct core_pools {
	struct rcu_deferral deferral;
	unsigned n; /* 1 or more */
	struct core_pool at[];
};

/* NULL: there is none. Good until the thread's next quiescent state. */
static inline const struct core_pools *core_pools_of(const struct piommu_channel *ch)
{
	return (const struct core_pools *)__atomic_load_n((void *const *)&core_domain_of(ch->domain)->pools, __ATOMIC_ACQUIRE);
}

/* The one that was right last. */
static inline const struct core_pool *core_pool_last(const struct piommu_channel *ch, const struct core_pools *pools)
{
	return &pools->at[ch->pool < pools->n ? ch->pool : 0];
}

/* Whether [at, at + len), not empty, is in a range of `room` bytes that begins at `start`. */
static inline bool core_is_in(uint64_t at, size_t len, uint64_t start, size_t room)
{
	return at - start < room && len - 1 < room - (at - start);
}

/* The one that has all of it, by its memory or by its addresses; NULL: none. */
const struct core_pool *core_pool_search(struct piommu_channel *ch, const struct core_pools *pools, uint64_t at, size_t len,
					 bool by_iova);

static inline const struct core_pool *core_pool_by_iova(struct piommu_channel *ch, const struct core_pools *pools,
							uint64_t iova, size_t len)
{
	const struct core_pool *pool = core_pool_last(ch, pools);

	if (__builtin_expect(core_is_in(iova, len, pool->iova, pool->len), 1))
		return pool;
	return core_pool_search(ch, pools, iova, len, true);
}

#endif
