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

/* Whether the units have queues, that is, whether a ticket can be on its way at all. */
bool chan_has_queue(struct chan *c);
/* Every unit fetches nothing until chan_go(). What is stale is used from here on. */
void chan_hold(struct chan *c);
void chan_go(struct chan *c);

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

/* What the units' queues were asked for since the last call. */
struct chan_counts {
	uint64_t descriptors, waits, doorbells;
};
struct chan_counts chan_counts(struct chan *c, struct chan_counts *last);

/* PROGRAM VARIANT [FILTER] */
int chan_main(int argc, char **argv, const char *name, const struct suite_test *tests, unsigned n);

#endif
