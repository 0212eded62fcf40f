/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Mapping through a device, and the attach that was put off until then (doc/locking.md, section 2): the fast path reads the
 * device's flag once; where it is set, the slow path takes the group's mutex, reads it again, attaches, and it is cleared only on
 * success. Threads that race the first map attach once; those that came too late are counted.
 */
#include <errno.h>

#include "core.h"

#define unlikely(x) __builtin_expect(!!(x), 0)

static int attach_locked(struct piommu_group *group, struct core_device *cd) REQUIRES(group->mutex)
{
	struct core_place place;
	int err;

	/* Gone, or in another group, since its group was looked up (rule R10). */
	if (atomic_load_explicit(&cd->group, memory_order_relaxed) != group || !cd->dev.unit)
		return -ENODEV;
	if (!atomic_load_explicit(&cd->deferred, memory_order_relaxed)) {
		atomic_fetch_add_explicit(&cd->ndeferred_lost, 1, memory_order_relaxed);
		return 0;
	}
	err = core_group_usable(group);
	if (err)
		return err;
	if (cd->resets)
		return -EBUSY;
	/* A call that will be refused cuts off nobody's DMA. */
	place = core_group_place(group);
	if (core_place_domain(&cd->dev, place)->type != PIOMMU_DOMAIN_PAGING)
		return -EINVAL;
	return core_device_move(group, cd, place);
}

static int attach_deferred(struct core_device *cd)
{
	struct piommu_group *group = core_device_group_get(cd);
	bool online;
	int err;

	if (!group)
		return -ENODEV;
	online = core_slow_enter();
	PIOMMU_YIELD("deferred, mutex not taken");
	mutex_lock(&group->mutex);
	err = attach_locked(group, cd);
	mutex_unlock(&group->mutex);
	piommu_group_put(group);
	core_slow_exit(online);
	return err;
}

/* It is not where its group is yet, or it is gone, or behind no unit. */
static int no_domain(const struct core_device *cd)
{
	bool has_unit = __atomic_load_n(&cd->dev.unit, __ATOMIC_RELAXED);

	return has_unit && atomic_load_explicit(&cd->group, memory_order_relaxed) && !cd->p->inspect ? -EAGAIN : -ENODEV;
}

int piommu_device_map(struct piommu_device *device, uint64_t iova, uint64_t pa, size_t len, unsigned prot)
{
	struct core_device *cd = core_device_of(device);
	struct piommu_domain *domain;
	int err;

	if (unlikely(atomic_load_explicit(&cd->deferred, memory_order_relaxed))) {
		err = attach_deferred(cd);
		if (err)
			return err;
	}
	domain = atomic_load_explicit(&cd->goal, memory_order_acquire);
	if (unlikely(!domain))
		return no_domain(cd);
	return piommu_map(domain, iova, pa, len, prot);
}

int piommu_device_unmap(struct piommu_device *device, uint64_t iova, size_t len, size_t *unmapped)
{
	struct piommu_domain *domain = atomic_load_explicit(&core_device_of(device)->goal, memory_order_acquire);

	if (unmapped)
		*unmapped = 0;
	return domain ? piommu_unmap(domain, iova, len, unmapped) : no_domain(core_device_of(device));
}
