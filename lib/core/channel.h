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

struct channel_limbo {
	uint64_t iova;
	unsigned npages;
};

struct channel_burst {
	piommu_ticket ticket;
	unsigned nlimbo;
	bool again; /* it failed, and all of the domain was invalidated instead */
	int err;    /* it could not be sent */
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
	struct channel_limbo *limbo;
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

static inline struct iova_block *channel_block_of_leaf(void **leaf)
{
	return (struct iova_block *)(void *)leaf; /* its first member */
}

static inline bool channel_has_room(const struct piommu_channel *ch, unsigned n)
{
	return ch->limbo_end - ch->limbo_first + n <= ch->nlimbo;
}

/*
 * Adds to the open burst what was unmapped: its ranges are in ch->gather already. With room for it. One that goes on where the last one
 * ends, in one arena, becomes one.
 */
void channel_add_limbo(struct piommu_channel *ch, uint64_t iova, unsigned npages);
/* The open burst has grown by `bytes`: sends it, if it is time to. @return its ticket */
piommu_ticket channel_close(struct piommu_channel *ch, size_t bytes);
/* Sends what is due and retires what is done. @return whether there is room for n more, and nothing that is due is left */
bool channel_make_room(struct piommu_channel *ch, unsigned n);

/* mode.c: the pool that [at, at + len) is in, by its memory or by its addresses; NULL: none */
struct core_pool {
	uint64_t pa;
	uint64_t iova;
	size_t len;
	unsigned prot;
};
struct core_pools {
	struct rcu_deferral deferral;
	unsigned n;
	struct core_pool at[];
};
static inline bool core_has_pools(const struct piommu_channel *ch)
{
	return __atomic_load_n((void *const *)&core_domain_of(ch->domain)->pools, __ATOMIC_RELAXED) != NULL;
}
const struct core_pool *core_pool_by_pa(struct piommu_channel *ch, uint64_t pa, size_t len);
const struct core_pool *core_pool_by_iova(struct piommu_channel *ch, uint64_t iova, size_t len);

#endif
