/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * T29 with channels: in place of the mappers and lookers of t29.h
 *
 *   bursters   have a channel on each domain, and map and unmap buffers in bursts; what they have unmapped is theirs again when its ticket is
 *              done, and from then on nothing may reach it. They end their channels, make new ones, and hand mapped buffers to each other
 *   switcher   changes the domains' modes under their hands, registers and unregisters pools, asks for exposures
 */
#ifndef T29_BURST_H
#define T29_BURST_H

#include "piommu_dma.h"
#include "stress.h"

struct world;

#define BURSTERS 2u
#define BUFFER_PAGES 4u
#define BURSTER_BUFFERS 512u /* of each */
#define LIVE_MOST 256u       /* mapped buffers of a burster */
#define LIMBO_MOST 256u      /* of a burster's channel */
#define TARGETS 64u          /* addresses that attackers know of */

/* I/O addresses of channels: few, so that they come again soon; in no device's way that is on identity. */
#define BURST_IOVA (UINT64_C(256) << 30)
#define BURST_IOVA_LEN (UINT64_C(32) << 20)

/* A buffer at an I/O address of a domain. */
struct live {
	uint64_t iova;
	unsigned buffer;
	unsigned npages;
	bool pooled; /* memory of the static pool: devices may reach it at any time */
};

struct limbo {
	struct live live;
	piommu_ticket ticket;
};

struct outlet { /* a burster's place in a domain */
	struct piommu_channel *channel;
	struct live live[LIVE_MOST];
	unsigned nlive;
	struct limbo limbo[LIMBO_MOST];
	unsigned first, end;
};

struct burster {
	struct world *w;
	struct stress_rng rng;
	unsigned index;
	struct piommu_poller *poller;
	struct outlet outlet[2]; /* one for each domain */
	unsigned free[BURSTERS * BURSTER_BUFFERS], nfree;
	uint64_t ops, bursts, probes, full, churns, gifts;
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
};

struct bursts {
	struct piommu_mem arena;  /* of all bursters */
	struct piommu_mem pooled; /* registered in both domains for good */
	struct piommu_mem extra;  /* the switcher's */
	struct burster burster[BURSTERS];
	struct switcher switcher;
	struct gift gift[2];                 /* of each domain */
	_Atomic uint64_t target[2][TARGETS]; /* of each domain */
};

/* t29_burst.c, t29_mode.c */
int bursts_init(struct world *w);
int bursts_fini(struct world *w);
void *burster_round(void *burster);
void *switcher_round(void *switcher);
/* An address that was mapped a moment ago in some domain. */
uint64_t bursts_target(struct world *w, struct stress_rng *rng);
void bursts_tell(const struct world *w);

#endif
