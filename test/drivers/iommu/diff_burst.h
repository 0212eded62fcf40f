/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Random steps through channels, in every mode, on some machines at once: mappings are numbered, and what must be true of each number is kept
 * in the plainest form. Where its I/O addresses are is each machine's own: who retires earlier uses an address again earlier.
 */
#ifndef DIFF_BURST_H
#define DIFF_BURST_H

#include "diff_log.h"
#include "piommu_dma.h"
#include "rig.h"

#define DOMAINS 2u
#define CHANNELS 2u /* of each domain */
#define DEVICES 3u
#define MACHINES 2u
#define SLOTS 768u
#define POOLS 2u /* of each domain, the first of the slots that stand for them */
#define ARENA_PAGES 2048u
#define ARENA_BYTES (ARENA_PAGES * RIG_PAGE)
#define MOST 512u /* pages of a mapping */

/* Addresses of channels, and those of the test's own, where each slot has four megabytes. */
#define CHANNEL_IOVA (UINT64_C(64) << 20)
#define CHANNEL_IOVA_LEN (UINT64_C(512) << 20)
#define OWN_IOVA (UINT64_C(8) << 30)
#define OWN_STEP (UINT64_C(4) << 20)

enum slot_state {
	SLOT_FREE,
	SLOT_MAPPED,
	SLOT_LIMBO, /* unmapped; on each machine until its ticket is done */
};

struct slot {
	enum slot_state state;
	unsigned domain, channel; /* the channel that unmapped it */
	unsigned prot;
	bool own;    /* at an address of the test's */
	bool pooled; /* in a pool: to unmap it changes nothing */
	bool stale;  /* may still be used; not once a switch to strict has returned */
	bool cached; /* a device used it: an access that it forbids may go unrecorded on QEMU */
	unsigned npages;
	unsigned off; /* of its first byte */
	size_t len;
	uint16_t page[MOST];     /* of the arena */
	uint64_t iova[MACHINES]; /* of its first byte; stays when the slot is free */
	piommu_ticket ticket[MACHINES];
	bool done[MACHINES];
};

struct diff_burst_machine {
	struct rig rig;
	struct piommu_mem arena;
	struct piommu_domain *domain[DOMAINS];
	struct piommu_channel *channel[DOMAINS][CHANNELS];
	struct piommu_sbdf device[DEVICES];
};

struct diff_burst {
	struct diff_log log;
	unsigned nmachines;
	struct diff_burst_machine machine[MACHINES];
	struct piommu_mode mode[DOMAINS];
	int on[DEVICES]; /* a domain's index; -1: blocked */
	struct slot slot[SLOTS];
	uint8_t mem[ARENA_BYTES];
	unsigned ndma, nblocked, nlimbo, nmaps, nunmaps, nrefused, nswitches, nfull;
};

/* differential_bursts.c */
/* As diff_want(). */
void diff_burst_expect(struct diff_burst *run, unsigned machine, const char *what, long long got, long long want);
/* The slot that an address of a domain belongs to on that machine, the mapped one first; NULL: none. `*page` is the one within it. */
struct slot *diff_burst_find(struct diff_burst *run, unsigned machine, unsigned domain, uint64_t iova, unsigned *page);

/* diff_burst_map.c: maps and unmaps, by every call that channels have */
void diff_burst_step_map(struct diff_burst *run);
void diff_burst_step_unmap(struct diff_burst *run);
/* Whatever a burst is refused for, nothing of it is done. */
void diff_burst_step_refused(struct diff_burst *run);
/* What is done by now is free. */
void diff_burst_retire(struct diff_burst *run);

/* diff_burst_dma.c */
void diff_burst_step_dma(struct diff_burst *run);
/* The devices of its domain read its first page, or its last: they have it in their caches, or are blocked. */
void diff_burst_touch(struct diff_burst *run, const struct slot *slot);
void diff_burst_check_memory(struct diff_burst *run);

#endif
