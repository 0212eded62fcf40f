/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What tests of channels on the simulated machine stand on: a device on a domain of its own, memory, and a channel; hardware that holds
 * still and goes on when it is told to.
 */
#ifndef CHAN_H
#define CHAN_H

#include "piommu_dma.h"
#include "rig.h"

#define PAGE RIG_PAGE

struct chan {
	struct rig r;
	struct piommu_sbdf device;
	struct piommu_domain *domain;
	struct piommu_mem mem;
	struct piommu_channel *ch;
};

struct chan_config {
	const char *keys;              /* of the machine, further ones; NULL: none */
	size_t mem;                    /* bytes; 0: 16 pages */
	struct piommu_span aperture;   /* {0, 0}: the widest */
	unsigned inflight;             /* of the channel */
	struct piommu_poller **poller; /* where one is to be made; NULL: none */
	bool impatient;                /* waits for hardware are short, and the end need not be clean */
};

/* Ends the test where it cannot be made. */
void chan_open(struct chan *c, const struct chan_config *config);
/* The channel must end well; `c->ch` NULL: the test ended it. */
void chan_close(struct chan *c);

/* Whether the units have queues: without one, an unmap that is sent has waited for the answer when it returns. */
bool chan_has_queue(void);
/* No unit answers until chan_go(). What is stale is used from here on. */
void chan_hold(struct chan *c);
void chan_go(struct chan *c);
/* That unit's n-th command from now fails. */
void chan_fail(struct chan *c, unsigned unit, uint64_t n);
/* The unmap of one page of which that unit's answer is lost, and nothing else. */
piommu_ticket chan_unmap_failing(struct chan *c, unsigned unit, uint64_t iova);
/* Of such an unmap: what is sent to that unit in its place fails, too. */
void chan_fail_again(struct chan *c, unsigned unit);
/* What a ticket says that failed twice. */
int chan_failure(void);
/* How often that unit was asked to say that it is done. */
uint64_t chan_waits(struct chan *c, unsigned unit);

/* The bus address, and the pointer, of the n-th page of the rig's memory. */
uint64_t chan_pa(const struct chan *c, unsigned page);
uint32_t *chan_va(const struct chan *c, unsigned page);
/* Maps pages of memory for both directions; ends the test where that fails. */
uint64_t chan_map(struct chan *c, unsigned page, unsigned npages);
/* @return the ticket; ends the test where it is refused */
piommu_ticket chan_unmap(struct chan *c, uint64_t iova, size_t len);
/* So, where it may be pushed back. */
piommu_ticket chan_unmap_patiently(struct chan *c, uint64_t iova, size_t len);
/* The device reads the first word of that page of memory. It caches the translation. */
void chan_check_reaches(struct chan *c, uint64_t iova, unsigned page);
bool chan_is_reached(struct chan *c, uint64_t iova);
/* No access gets through, neither a read nor a write. */
void chan_check_blocked(struct chan *c, uint64_t iova);

/* What the units were asked for since the last call. Those with a queue: of the queue; VT-d's registers: `done` alone. */
struct chan_counts {
	uint64_t descriptors, waits, doorbells;
	uint64_t done; /* invalidations of translations that took effect */
};
struct chan_counts chan_counts(struct chan *c, struct chan_counts *last);

/* What a test needs of the units; elsewhere it is left out, and the reason is printed. */
struct chan_need {
	bool (*is_met)(const struct rig_target *target);
	const char *why;
};
extern const struct chan_need chan_queue;        /* tickets that are on their way */
extern const struct chan_need chan_registers;    /* unmaps that wait */
extern const struct chan_need chan_failures;     /* units that get stuck, and invalidations that fail */
extern const struct chan_need chan_syncs;        /* both */
extern const struct chan_need chan_caching_mode; /* maps that are invalidated, too */
bool chan_meets(const struct chan_need *need);

struct chan_test {
	const char *name;
	void (*fn)(void);
	const struct chan_need *need; /* NULL: it is for all */
};
#define CHAN_TEST(fn) \
	{ \
#fn, fn, NULL \
	}
#define CHAN_TEST_IF(need, fn) \
	{ \
#fn, fn, &(need) \
	}

/* PROGRAM FAMILY VARIANT [FILTER] */
int chan_main(int argc, char **argv, const char *name, const struct chan_test *tests, unsigned n);

#endif
