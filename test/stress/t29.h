/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * T29: map and unmap race attach and detach. The cast, all in one machine of several units whose IOTLBs forget nothing:
 *
 *   mappers   own ranges of I/O addresses and buffers; map, unmap, flush, and then see to it that nothing reaches a buffer
 *   movers    own devices; attach, move, detach, release, claim them, and look where their DMA goes afterwards
 *   attackers have every device write to every address all the time, and so fill the caches with what will be stale
 *   lookers   look addresses up, and poll
 *
 * They run in rounds. Between two rounds nothing moves, and every device must find exactly what page tables say, none of it
 * in a stale cache entry.
 */
#ifndef T29_H
#define T29_H

#include "piommu.h"
#include "piommu_sim.h"
#include "stress.h"
#include "t29_burst.h"

#define DOMAINS 2u
#define MAPPERS 2u
#define MOVERS 2u
#define SEATS 6u

#define RUN 4u       /* slots whose addresses follow each other */
#define HOT 8u       /* the first slots: strict unmaps take these, and whoever is attached touches them at once */
#define SLOTS 256u   /* pages of I/O addresses of a mapper in each domain */
#define BUFFERS 640u /* pages of memory of a mapper: more than its slots */
#define NO_BUFFER BUFFERS
#define BIG_LEN (UINT64_C(4) << 20) /* a span that has leaf tables of its own, or super pages */
#define BIG_POINTS 8u               /* pages of it that DMA goes to */
#define ROUND_OPS 100000u           /* of a mapper */
#define ROUND_MOVES 1000u           /* of a mover, at most */
#define ROUND_TURNS 2000u           /* of an attacker or a looker, at most */

#define ANCHOR_IOVA (UINT64_C(32) << 30) /* a page that is always mapped in every domain */
#define SLOT_IOVA (UINT64_C(64) << 30)
#define BIG_IOVA (UINT64_C(128) << 30)

/* What memory holds: nothing that a device may write; what devices write; what says whose anchor a page is. */
#define CANARY UINT64_C(0xcafe000000000001)
#define ATTACK UINT64_C(0xa77ac40000000000)
#define SIGNATURE UINT64_C(0x51697e0000000000)

struct slot {
	unsigned buffer; /* NO_BUFFER: not mapped */
	bool limbo;      /* unmapped, not yet flushed */
};

/* How a big span is mapped now. */
enum big {
	BIG_NOT,
	BIG_SUPER, /* in super pages */
	BIG_PAGES,
};

struct mapper {
	struct world *w;
	struct stress_rng rng;
	unsigned index;
	struct piommu_mem arena, big_mem;
	struct piommu_gather *gather;
	struct slot slot[DOMAINS][SLOTS];
	enum big big[DOMAINS]; /* the memory serves one domain at a time */
	unsigned free[BUFFERS], nfree;
	unsigned limbo[SLOTS], nlimbo;
	uint64_t ops, flushes, probes;
};

/* Where a mover has put a group. */
enum {
	AT_BLOCKED = DOMAINS, /* claimed, detached */
	AT_IDENTITY,          /* released */
	AT_PRIVATE,           /* on a domain of the mover's own */
};

struct seat {
	struct piommu_group *group;
	struct piommu_sbdf device[2];
	unsigned ndevices;
	unsigned at; /* a domain's index, or as above */
};

struct mover {
	struct world *w;
	struct stress_rng rng;
	unsigned index;
	struct piommu_mem page[2]; /* of private domains, in turn: an anchor, and one that devices write */
	uint64_t moves, churns;
};

struct world {
	uint64_t seed, count;
	const char *variant;
	bool drop; /* flushes send nothing: the test must notice */
	struct stress_verdict verdict;
	struct piommu *p;
	struct piommu_platform *plat;
	struct piommu_domain *domain[DOMAINS];
	struct piommu_mem anchor[DOMAINS];
	struct seat seat[SEATS];
	struct mapper mapper[MAPPERS];
	struct mover mover[MOVERS];
	bool with_channels; /* bursters and a switcher in place of mappers and a looker */
	struct bursts bursts;
	atomic_uint mapping; /* mappers that are not done with the round; the others go on until it is 0 */
};

static inline bool round_goes_on(struct world *w)
{
	return atomic_load_explicit(&w->mapping, memory_order_acquire) && !stress_failed(&w->verdict);
}

/* Runs of slots of both mappers lie in turn, in four gigabytes: they share leaf tables, and lines of them. */
static inline uint64_t slot_iova(unsigned mapper, unsigned slot)
{
	unsigned run = slot % 16 / RUN * MAPPERS + mapper;

	return SLOT_IOVA + ((uint64_t)(slot / 16) << 30) + (run * RUN + slot % RUN) * PAGE;
}

static inline uint64_t big_iova(unsigned mapper)
{
	return BIG_IOVA + 2 * mapper * BIG_LEN;
}

/* Pages across all of a big span, the first and the last among them. */
static inline uint64_t big_point(unsigned point)
{
	return (uint64_t)point * (BIG_LEN / PAGE - 1) / (BIG_POINTS - 1) * PAGE;
}

/* The first word of a page. Devices write it whenever they like. */
static inline uint64_t word_get(const struct piommu_mem *mem, uint64_t off)
{
	return __atomic_load_n((const uint64_t *)(const void *)((const char *)mem->va + off), __ATOMIC_ACQUIRE);
}

static inline void word_set(const struct piommu_mem *mem, uint64_t off, uint64_t value)
{
	__atomic_store_n((uint64_t *)(void *)((char *)mem->va + off), value, __ATOMIC_RELEASE);
}

static inline struct piommu_sbdf any_device(struct world *w, struct stress_rng *rng)
{
	const struct seat *seat = &w->seat[stress_below(rng, SEATS)];

	return seat->device[stress_below(rng, seat->ndevices)];
}

/* A device writes there; what comes of it is not this function's business. */
void attack(struct world *w, struct piommu_sbdf device, uint64_t iova);
/* All devices do. */
void attack_by_all(struct world *w, uint64_t iova);

/* t29_map.c */
int mapper_init(struct mapper *m);
void mapper_fini(struct mapper *m);
void *mapper_round(void *mapper);

/* t29_move.c */
int mover_init(struct mover *v);
void mover_fini(struct mover *v);
/* Every device is where its seat says; on failure says so in the verdict. */
void seat_check(struct world *w, const struct seat *seat, uint64_t private_signature);
int seat_move(struct world *w, struct seat *seat, unsigned to);
void *mover_round(void *mover);

/* t29_beside.c */
struct beside {
	struct world *w;
	struct stress_rng rng;
};
void *attacker_round(void *beside);
void *looker_round(void *beside);
/* Between rounds: all devices, all addresses, against what the mappers know. */
void sweep(struct world *w);

#endif
