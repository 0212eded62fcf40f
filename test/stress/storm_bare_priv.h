/* SPDX-License-Identifier: BSD-3-Clause */
/* What the bare hardware and its driver share. */
#ifndef STORM_BARE_PRIV_H
#define STORM_BARE_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include "storm_bare.h"

#define BARE_PAGE UINT64_C(4096)
#define BARE_TAGS 32u
#define BARE_FNS 10u
#define BARE_VALID UINT64_C(1)

struct bare_domain {
	struct piommu_domain base; /* first */
	struct bare *b;
	_Atomic uint64_t page[BARE_PAGES]; /* where it is, and VALID */
};

struct bare_context {
	const struct bare_domain *domain; /* NULL: blocked */
	uint32_t tag;
};

/* What is fixed of a function. */
struct bare_shape {
	struct piommu_sbdf sbdf;
	unsigned unit;
	bool ats, pasids, deferred;
};

struct bare_fn {
	const struct bare_shape *shape;
	atomic_bool left; /* see bare_left() */
	/* From here on under the lock. */
	const struct piommu_device *device; /* from probe_device to release_device */
	struct bare_context context[BARE_CONTEXTS];
	uint64_t cached[BARE_CONTEXTS][BARE_PAGES]; /* device TLB */
};

struct bare_unit {
	struct bare *b;
	unsigned index;
	atomic_flag busy;    /* a call that the core makes one at a time is under way */
	atomic_flag polling; /* the same of poll */
	/* From here on under the lock. */
	bool probed, enabled;
	unsigned ndevices;
	uint64_t cached[BARE_TAGS][BARE_PAGES]; /* IOTLB */
};

struct bare {
	struct stress_verdict *verdict;
	pthread_mutex_t lock;
	struct bare_unit unit[BARE_UNITS];
	struct bare_fn fn[BARE_FNS];
	struct bare_domain identity; /* what a function is on when its unit is turned on */
	atomic_uint ndomains;
	atomic_flag asking; /* find_unit, probe_device or device_group is under way */
};

extern const struct bare_shape bare_shapes[BARE_FNS];

void bare_wrong(struct bare *b, const char *what);
/* @return its index, or -1 */
int bare_function_at(struct piommu_sbdf sbdf);

/* Under the lock. */
unsigned bare_users_of(const struct bare *b, const struct bare_unit *unit, uint32_t tag);
void bare_forget_tag(struct bare_unit *unit, uint32_t tag, unsigned first, unsigned n);
/* `domain` NULL: at nothing. Its own cache is empty then. */
void bare_point(struct bare *b, struct bare_fn *fn, unsigned pasid, const struct bare_domain *domain, uint32_t tag);

#endif
