/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which units a domain is used on, and under which tag: an immutable array behind one RCU-published pointer, replaced
 * whole. The ordering contract (doc/locking.md, section 2):
 *
 *   attach   publish the larger list; full barrier; point the device's entry at the domain
 *   unmap    clear entries; full barrier; read the list; invalidate on each unit
 *   detach   point the entry away, wait; flush the tag; publish the smaller list; reuse the tag after a grace period
 *
 * so that a tag which is in no list is clean in every IOTLB. Writers hold the domain's mutex.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"

static void publish(struct piommu_domain *domain, struct piommu_domain_units *units)
{
	__atomic_store_n((void **)&domain->units, (void *)units, __ATOMIC_RELEASE);
}

/* One element more than n: the last remembers a tag to give back together with the list (its `users` says whether). */
static struct piommu_domain_units *list_alloc(unsigned n)
{
	struct piommu_domain_units *list = calloc(1, sizeof(*list) + (n + 1) * sizeof(list->at[0]));

	if (list)
		list->n = n;
	return list;
}

static void list_release(struct rcu_deferral *deferral)
{
	struct piommu_domain_units *list = (struct piommu_domain_units *)(void *)deferral;
	const struct piommu_domain_unit *freed = &list->at[list->n];

	if (freed->users)
		core_tag_put(core_unit_of(freed->unit), freed->tag);
	free(list);
}

static void list_retire(struct piommu_domain_units *list, const struct piommu_domain_unit *freed)
{
	if (!list)
		return;
	if (freed) {
		list->at[list->n] = *freed;
		list->at[list->n].users = 1;
	}
	rcu_defer((struct rcu_deferral *)(void *)list->deferral, list_release);
}

static struct piommu_domain_unit *list_find(struct piommu_domain_units *list, const struct core_unit *cu)
{
	for (unsigned i = 0; list && i < list->n; i++)
		if (list->at[i].unit == &cu->unit)
			return &list->at[i];
	return NULL;
}

/* Tags come back after a grace period: when none is left, wait for those that are on their way. */
static int tag_get_patiently(struct core_unit *cu, uint32_t *tag)
{
	int err = core_tag_get(cu, tag);

	if (err == -ENOSPC) {
		rcu_drain();
		err = core_tag_get(cu, tag);
	}
	if (err == -ENOSPC)
		log_err(cu->unit.log, "%s: all %u domain tags are in use: detach a domain first", cu->unit.name,
			cu->unit.caps.ntags - cu->unit.caps.first_tag);
	return err;
}

static int list_grow(struct piommu_domain *domain, struct core_unit *cu, uint32_t *tag)
{
	struct piommu_domain_units *old = domain->units;
	unsigned n = old ? old->n : 0;
	struct piommu_domain_units *list = list_alloc(n + 1);
	int err;

	if (!list)
		return -ENOMEM;
	err = tag_get_patiently(cu, tag);
	if (err) {
		free(list);
		return err;
	}
	if (n)
		memcpy(list->at, old->at, n * sizeof(list->at[0]));
	list->at[n] = (struct piommu_domain_unit){ .unit = &cu->unit, .tag = *tag, .users = 1 };
	PIOMMU_YIELD("list about to grow");
	publish(domain, list);
	list_retire(old, NULL);
	return 0;
}

int core_domain_unit_get(struct piommu_domain *domain, struct core_unit *cu, uint32_t *tag)
{
	struct core_domain *cd = core_domain_of(domain);
	struct piommu_domain_unit *at;
	int err = 0;

	mutex_lock(&cd->mutex);
	at = list_find(domain->units, cu);
	if (at) {
		at->users++; /* readers do not look at it */
		*tag = at->tag;
	} else {
		err = list_grow(domain, cu, tag);
	}
	mutex_unlock(&cd->mutex);
	/* Partner: the barrier between clearing entries and reading the list, in every driver's unmap. */
	full_mb();
	return err;
}

/* Called with the domain's mutex held and users at 0. */
static int list_shrink(struct piommu_domain *domain, struct core_unit *cu, struct piommu_domain_unit *at)
{
	struct piommu_domain_units *old = domain->units;
	struct piommu_domain_units *list = list_alloc(old->n - 1);
	struct piommu_domain_unit freed = *at;
	unsigned k = 0;
	int err;

	mutex_lock(&cu->mutex);
	err = cu->unit.driver->flush_tag(&cu->unit, freed.tag);
	mutex_unlock(&cu->mutex);
	/*
	 * A tag that could not be flushed, or a list that could not be made: the unit stays in the list, unused. Its tag is
	 * not reused, and costs an invalidation too many until the domain comes back to this unit.
	 */
	if (err || !list) {
		free(list);
		return err;
	}
	for (unsigned i = 0; i < old->n; i++)
		if (&old->at[i] != at)
			list->at[k++] = old->at[i];
	PIOMMU_YIELD("tag flushed, list about to shrink");
	publish(domain, list);
	list_retire(old, &freed);
	return 0;
}

int core_domain_units_drain(struct piommu_domain *domain)
{
	struct core_domain *cd = core_domain_of(domain);
	int err = 0;

	mutex_lock(&cd->mutex);
	for (unsigned i = domain->units ? domain->units->n : 0; i-- > 0 && !err;)
		if (!domain->units->at[i].users)
			err = list_shrink(domain, core_unit_of(domain->units->at[i].unit), &domain->units->at[i]);
	mutex_unlock(&cd->mutex);
	return err;
}

int core_domain_unit_put(struct piommu_domain *domain, struct core_unit *cu)
{
	struct core_domain *cd = core_domain_of(domain);
	struct piommu_domain_unit *at;
	int err = 0;

	mutex_lock(&cd->mutex);
	at = list_find(domain->units, cu);
	if (at && --at->users == 0)
		err = list_shrink(domain, cu, at);
	mutex_unlock(&cd->mutex);
	return err;
}
