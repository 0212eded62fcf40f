/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The probe lock (rules R1, R2): around creating a device's state, reading its firmware description, choosing its driver and
 * forming its group. A driver's callback may register a unit or a driver while its thread holds it: what that needs of
 * the table of devices is a walk, and the walk waits until the lock is let go.
 */
#include "core.h"

/* Never 0: pthread_t is a pointer to the thread's own block on this system. */
static uintptr_t me(void)
{
	return (uintptr_t)pthread_self();
}

bool core_probe_is_mine(const struct piommu *p)
{
	/* Only this thread ever stores its own name. */
	return atomic_load_explicit(&p->probe_owner, memory_order_relaxed) == me();
}

void core_probe_lock(struct piommu *p) NO_THREAD_SAFETY_ANALYSIS
{
	if (!core_probe_is_mine(p)) {
		mutex_lock(&p->probe_lock);
		atomic_store_explicit(&p->probe_owner, me(), memory_order_relaxed);
	}
	p->probe_depth++;
}

/* Sleeps until core_probe_wake(), without the lock meanwhile. */
void core_probe_wait(struct piommu *p) NO_THREAD_SAFETY_ANALYSIS
{
	assert(p->probe_depth == 1); /* never from a callback */
	p->probe_depth = 0;
	atomic_store_explicit(&p->probe_owner, 0, memory_order_relaxed);
	cond_wait(&p->probe_cond, &p->probe_lock);
	atomic_store_explicit(&p->probe_owner, me(), memory_order_relaxed);
	p->probe_depth = 1;
}

void core_probe_unlock(struct piommu *p) NO_THREAD_SAFETY_ANALYSIS
{
	bool pending;

	mutex_assert_held(&p->probe_lock);
	if (--p->probe_depth)
		return;
	pending = p->walk_pending;
	atomic_store_explicit(&p->probe_owner, 0, memory_order_relaxed);
	mutex_unlock(&p->probe_lock);
	if (pending)
		core_walk_pending(p);
}
