/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * T29 with channels: in place of the mappers and lookers of t29.h
 *
 *   bursters   have a channel on each domain, and map and unmap buffers one by one, in bursts of every size, as lists and at addresses of their
 *              own; what they have unmapped is theirs again when its ticket is done, and from then on nothing may reach it. They end their
 *              channels, make new ones, hand mapped buffers to each other, and now and then hold the hardware until a channel is full
 *   switcher   changes the domains' modes under their hands, registers and unregisters pools, and holds what is told of a bounded mode
 *              against its bounds
 */
#ifndef T29_BURST_H
#define T29_BURST_H

#include "piommu_dma.h"
#include "stress.h"

struct world;

#define PAGE UINT64_C(4096)

#define BURSTERS 2u
#define BUFFER_PAGES 4u
#define BURSTER_BUFFERS 1536u /* of each */
#define LIVE_MOST 1024u       /* mapped buffers of a burster in a domain, at addresses of the channel's */
#define OWN_MOST 256u         /* and at its own */
#define LIMBO_MOST 4096u      /* of a burster's channel: more than there are buffers */
#define TARGETS 64u           /* addresses that attackers know of */
#define ITEMS PIOMMU_BURST_MAX

/* I/O addresses of channels: few, so that they come again soon; in no device's way that is on identity. */
#define BURST_IOVA (UINT64_C(256) << 30)
#define BURST_IOVA_PAGES 16384u
#define BURST_IOVA_LEN (BURST_IOVA_PAGES * PAGE)
/* The bursters' own: their places lie in turn, eight pages each. */
#define OWN_IOVA (UINT64_C(384) << 30)

/* A buffer at an I/O address of a domain. */
struct live {
	uint64_t iova;
	unsigned buffer;
	unsigned npages;
	bool pooled;   /* memory of the static pool: devices may reach it at any time */
	bool reversed; /* a list of its pages, from the last to the first */
	bool own;      /* at an address of the burster's */
};

struct limbo {
	struct live live;
	piommu_ticket ticket;
};

struct outlet { /* a burster's place in a domain */
	struct piommu_channel *channel;
	struct live live[LIVE_MOST];
	unsigned nlive;
	struct live own[OWN_MOST];
	unsigned nown;
	unsigned place[OWN_MOST]; /* free ones of its own addresses */
	unsigned nplaces;
	struct limbo limbo[LIMBO_MOST];
	unsigned first, end;
	piommu_ticket last;                     /* the last one that it was given */
	piommu_ticket ticket[BURST_IOVA_PAGES]; /* of the last unmap of a page by this channel */
};

struct burster {
	struct world *w;
	struct stress_rng rng;
	unsigned index;
	struct piommu_poller *poller;
	struct outlet outlet[2]; /* one for each domain */
	unsigned free[BURSTERS * BURSTER_BUFFERS], nfree;
	uint64_t ops, bursts, probes, full, holds, churns, gifts, lists, owns;
	_Atomic unsigned
		drained; /* the last of the switcher's drains that it has followed; UINT_MAX: at the end of its round */
};

/* A mapped buffer on its way from one burster to the other. */
struct gift {
	_Atomic unsigned state; /* 0: empty; 1: being filled or emptied; 2: full */
	struct live live;
};

struct switcher {
	struct world *w;
	struct stress_rng rng;
	uint64_t switches, pools;
	uint64_t measured, late;       /* stretches of bounded mode, and those in which the time bound was not kept */
	uint64_t worst_us, worst_late; /* of all; and by how much it was missed at most */
	uint64_t worst_bytes;
};

struct bursts {
	struct piommu_mem arena;  /* of all bursters */
	struct piommu_mem pooled; /* registered in both domains for good */
	struct piommu_mem extra;  /* the switcher's */
	struct burster burster[BURSTERS];
	struct switcher switcher;
	struct gift gift[2];                          /* of each domain */
	_Atomic uint64_t target[2][TARGETS];          /* of each domain */
	_Atomic uint8_t is_live[2][BURST_IOVA_PAGES]; /* of each domain: somebody has the page mapped */
	_Atomic unsigned drain;                       /* what bursters are to follow */
};

/* Where a page of a buffer is in memory; and what the n-th page of its I/O addresses leads to. */
static inline uint64_t buffer_off(unsigned buffer, unsigned page)
{
	return ((uint64_t)buffer * BUFFER_PAGES + page) * PAGE;
}

static inline uint64_t live_off(const struct live *live, unsigned page)
{
	return buffer_off(live->buffer, live->reversed ? live->npages - 1 - page : page);
}

/* t29_burst.c */
int bursts_init(struct world *w);
int bursts_fini(struct world *w);
/* Before the threads of a round are there. */
void bursts_begin(struct world *w);
void *burster_round(void *burster);
/* An address that was mapped a moment ago in some domain. */
uint64_t bursts_target(struct world *w, struct stress_rng *rng);
void bursts_tell(const struct world *w);
/* Channels were full, lists and own addresses were used, modes were measured: or it was a test of nothing. */
void bursts_check(struct world *w);

/* What bursters do, for t29_ways.c. */
void burster_fail(struct burster *b, const char *what, uint64_t iova, int err);
/* One of the sizes that matter, or any. */
unsigned burster_size(struct burster *b);
/* Takes free buffers, at most `n` and no more than there is room for. */
unsigned burster_take(struct burster *b, struct live *live, unsigned n, unsigned room);
void burster_give_back(struct burster *b, const struct live *live, unsigned n);
/* It is mapped now: attackers are told. */
void burster_keep(struct burster *b, unsigned d, struct live live);
/* `n` of the channel's mappings go, with a ticket. @return -EAGAIN, and nothing has changed; or 0 */
int burster_unmap(struct burster *b, unsigned d, const struct live *live, unsigned n);
/* They are in limbo from here on. */
void burster_limbo(struct outlet *o, const struct live *live, unsigned n, piommu_ticket ticket);
/* Takes mappings of the channel's out of the list of the live, a row as it was mapped or here and there. */
unsigned burster_choose(struct burster *b, unsigned d, struct live *live, unsigned n);
void burster_map(struct burster *b, unsigned d, unsigned n);
void burster_drain(struct burster *b, struct outlet *o);

/* t29_ways.c: other ways in and out */
void ways_init(struct burster *b, struct outlet *o);
void ways_map_list(struct burster *b, unsigned d);
void ways_map_own(struct burster *b, unsigned d);
void ways_unmap_own(struct burster *b, unsigned d);
/* A place of its own is free again. */
void ways_free_place(struct burster *b, struct outlet *o, uint64_t iova);
/* Holds all units until the channel is full, or there is nothing left to unmap. */
void ways_fill_up(struct burster *b, unsigned d);

/* t29_mode.c */
void *switcher_round(void *switcher);

#endif
