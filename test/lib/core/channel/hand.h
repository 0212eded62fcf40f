/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A family of IOMMUs with bursts whose hardware is the test's hand: what is sent waits until the test says that it is done, or has failed;
 * a queue is full, a map fails, and time passes, when the test says so. On the machine of fake.h. One thread.
 */
#ifndef HAND_H
#define HAND_H

#include "fake.h"
#include "piommu_dma.h"
#include "suite.h"

#define HAND_PAGES 2048u
#define HAND_SENT 256u
#define PAGE UINT64_C(4096)

/* One call of submit that went through. */
struct hand_sent {
	unsigned n; /* ranges */
	bool whole;
	bool failed;
};

struct hand {
	struct fake fake; /* first */
	struct piommu_platform_ops plat_ops;
	struct piommu_domain_ops ops, plain_ops; /* with bursts, and without */
	struct piommu_driver driver;
	const struct piommu_driver *table[2];
	struct piommu *p;
	struct piommu_group *group;
	struct piommu_domain *domain;

	uint64_t now_ns;
	uint64_t mapped[HAND_PAGES]; /* I/O addresses of pages, 0: none */
	unsigned map_calls, unmap_calls;
	unsigned fail_map; /* the nth range from now fails with -ENOMEM */

	struct hand_sent sent[HAND_SENT]; /* ticket n is sent[n - 1] */
	uint64_t nsent, done;             /* tickets up to `done` are */
	unsigned submit_calls;
	bool full;      /* the queue has no room */
	int submit_err; /* the next submit fails with this, once */
	int flush_err;  /* as submit_err, of a family without bursts */
	unsigned nflushes;
	bool last_whole; /* of the flushes */
};

/* A claimed device of dmar1 on a domain, the thread online. `plain`: a family without bursts. */
void hand_open(struct hand *hand, bool plain);
/* Nothing is left on its way. */
void hand_close(struct hand *hand);
/* Ends the channel, which must answer so, and then the rest. */
void hand_end(struct hand *hand, struct piommu_channel *ch, int expected);

struct piommu_channel *hand_channel(struct hand *hand);
/* These end the test where they are refused. */
uint64_t hand_map(struct piommu_channel *ch, unsigned npages);
piommu_ticket hand_unmap(struct piommu_channel *ch, uint64_t iova); /* one page */
unsigned hand_count_mapped(const struct hand *hand);

#endif
