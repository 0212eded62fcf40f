/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * References to objects that are looked up under RCU: a lookup may find one whose last reference has just gone, and takes it only
 * if it has not. C11 atomics and not liburcu's urcu_ref, so that ThreadSanitizer sees the order.
 */
#ifndef PIOMMU_REF_H
#define PIOMMU_REF_H

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "piommu_yield.h"

struct rcu_ref {
	atomic_uint n;
};

/** The creator's reference. */
static inline void rcu_ref_init(struct rcu_ref *ref)
{
	atomic_init(&ref->n, 1);
}

/** By a thread that has a reference, or a lock under which one cannot go. */
static inline void rcu_ref_get(struct rcu_ref *ref)
{
	unsigned before = atomic_fetch_add_explicit(&ref->n, 1, memory_order_relaxed);

	assert(before);
	(void)before;
}

/** In an RCU read section. @return whether there is a reference now */
static inline bool rcu_ref_get_unless_zero(struct rcu_ref *ref)
{
	unsigned n = atomic_load_explicit(&ref->n, memory_order_relaxed);

	if (PIOMMU_FAULT("reference"))
		return false;
	while (n)
		if (atomic_compare_exchange_weak_explicit(&ref->n, &n, n + 1, memory_order_acquire, memory_order_relaxed))
			return true;
	return false;
}

/** @return whether that was the last: free it after a grace period */
static inline bool rcu_ref_put(struct rcu_ref *ref)
{
	unsigned before = atomic_fetch_sub_explicit(&ref->n, 1, memory_order_acq_rel);

	assert(before);
	return before == 1;
}

#endif
