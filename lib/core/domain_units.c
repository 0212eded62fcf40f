/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which units a domain is used on, and under which tag: an immutable array behind one RCU-published pointer, replaced
 * whole. The ordering contract (doc/locking.md, section 2):
 *
 *   attach   publish the larger list; full barrier; point the device's entry at the domain
 *   unmap    clear entries; full barrier; read the list; invalidate on each unit
 *   detach   point the entry away, wait; flush the tag; publish the smaller list; reuse the tag after a grace period
 *
 * so that a tag which is in no list is clean in every unit's caches. Writers hold the domain's mutex.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"

static void publish(struct piommu_domain *domain, struct piommu_domain_units *units)
{
	mutex_assert_held(&core_domain_of(domain)->mutex);
	__atomic_store_n((void **)&domain->units, (void *)units, __ATOMIC_RELEASE);
}

/* One element more than n + nats: the last remembers a tag to give back together with the list (its `users` says whether). */
static struct piommu_domain_units *list_alloc(unsigned n, unsigned nats)
{
	struct piommu_domain_units *list = calloc(1, sizeof(*list) + (n + nats + 1) * sizeof(list->at[0]));

	if (list) {
		list->n = n;
		list->nats = nats;
	}
	return list;
}

static void list_release(struct rcu_deferral *deferral)
{
	struct piommu_domain_units *list = (struct piommu_domain_units *)(void *)deferral;
	const struct piommu_domain_unit *freed = &list->at[list->n + list->nats];

	if (freed->users) {
		struct core_unit *cu = core_unit_of(freed->unit);

		core_tag_put(cu, freed->tag);
		atomic_fetch_sub_explicit(&cu->tags_due, 1, memory_order_release);
	}
	free(list);
}

static void list_retire(struct piommu_domain_units *list, const struct piommu_domain_unit *freed)
{
	if (!list)
		return;
	if (freed) {
		list->at[list->n + list->nats] = *freed;
		list->at[list->n + list->nats].users = 1;
		atomic_fetch_add_explicit(&core_unit_of(freed->unit)->tags_due, 1, memory_order_relaxed);
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

/* A tag tells translations in a unit's caches apart: a domain without a table of its own leaves none there. */
static bool has_tags(const struct piommu_domain *domain)
{
	return domain->type == PIOMMU_DOMAIN_PAGING;
}

/* Whether the domain may outlast the unit; those that were made for it go first, or with it. */
static bool is_guest(const struct piommu_domain *domain, const struct core_unit *cu)
{
	return has_tags(domain) && core_domain_of(domain)->home != cu;
}

#define TAG_TRIES 64u /* each a grace period */

/*
 * Tags come back after a grace period: when none is left, wait for those that are on their way. Others may take those, too, and leave as
 * many on their way again.
 */
static int tag_get_patiently(const struct piommu_domain *domain, struct core_unit *cu, uint32_t *tag)
{
	int err = 0;

	*tag = 0;
	if (!has_tags(domain))
		return 0;
	for (unsigned i = 0; i < TAG_TRIES; i++) {
		bool due = atomic_load_explicit(&cu->tags_due, memory_order_acquire) != 0; /* before the look */

		err = core_tag_get(cu, tag);
		if (err != -ENOSPC || !due)
			break;
		rcu_drain();
	}
	if (err == -ENOSPC)
		log_err(cu->unit.log, "%s: all %u domain tags are in use: detach a domain first", cu->unit.name,
			cu->unit.caps.ntags - cu->unit.caps.first_tag);
	return err;
}

static unsigned ats_live(const struct piommu_domain_units *list)
{
	unsigned n = 0;

	for (unsigned i = 0; list && i < list->nats; i++)
		n += list->at[list->n + i].device != NULL;
	return n;
}

/* The devices with ATS that have not left, behind the units of `to`. */
static void copy_ats(struct piommu_domain_units *to, const struct piommu_domain_units *from)
{
	unsigned k = to->n;

	for (unsigned i = 0; from && i < from->nats; i++)
		if (from->at[from->n + i].device)
			to->at[k++] = from->at[from->n + i];
}

/* Publishes a list with the unit in it, if it was not, and with the device, if it caches translations. */
static int list_grow(struct piommu_domain *domain, struct core_unit *cu, struct piommu_device *ats, uint32_t *tag)
{
	struct piommu_domain_units *old = domain->units;
	struct piommu_domain_unit *at = list_find(old, cu);
	unsigned n = old ? old->n : 0;
	unsigned nats = ats_live(old);
	struct piommu_domain_units *list = list_alloc(n + !at, nats + (ats != NULL));
	int err;

	if (!list)
		return -ENOMEM;
	if (at) {
		*tag = at->tag;
	} else {
		err = tag_get_patiently(domain, cu, tag);
		if (err) {
			free(list);
			return err;
		}
	}
	if (n)
		memcpy(list->at, old->at, n * sizeof(list->at[0]));
	if (!at)
		list->at[n] = (struct piommu_domain_unit){ .unit = &cu->unit, .tag = *tag };
	copy_ats(list, old);
	if (ats)
		list->at[list->n + nats] = (struct piommu_domain_unit){ .unit = &cu->unit, .tag = *tag, .device = ats };
	if (!at && is_guest(domain, cu))
		atomic_fetch_add_explicit(&cu->nlists, 1, memory_order_relaxed);
	list_find(list, cu)->users++;
	PIOMMU_YIELD("list about to grow");
	publish(domain, list);
	list_retire(old, NULL);
	return 0;
}

int core_domain_unit_get(struct piommu_domain *domain, struct core_unit *cu, struct piommu_device *dev, uint32_t *tag)
{
	struct core_domain *cd = core_domain_of(domain);
	/* Of identity and blocking nothing is ever unmapped, and the way there is to need no memory. */
	struct piommu_device *ats = dev && dev->ats && domain->type == PIOMMU_DOMAIN_PAGING ? dev : NULL;
	struct piommu_domain_unit *at;
	int err = 0;

	mutex_lock(&cd->mutex);
	at = list_find(domain->units, cu);
	if (at && !ats) {
		at->users++; /* readers do not look at it */
		*tag = at->tag;
	} else {
		err = list_grow(domain, cu, ats, tag);
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
	struct piommu_domain_units *list = list_alloc(old->n - 1, ats_live(old));
	struct piommu_domain_unit freed = *at;
	unsigned k = 0;
	int err = 0;

	mutex_assert_held(&core_domain_of(domain)->mutex);
	if (has_tags(domain)) {
		mutex_lock(&cu->mutex);
		err = cu->unit.driver->flush_tag(&cu->unit, freed.tag);
		mutex_unlock(&cu->mutex);
	}
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
	copy_ats(list, old);
	PIOMMU_YIELD("tag flushed, list about to shrink");
	publish(domain, list);
	if (is_guest(domain, cu))
		atomic_fetch_sub_explicit(&cu->nlists, 1, memory_order_release); /* partner: retire() of units */
	list_retire(old, has_tags(domain) ? &freed : NULL);
	return 0;
}

int core_domain_units_drain(struct piommu_domain *domain)
{
	struct core_domain *cd = core_domain_of(domain);
	int err = 0;

	mutex_lock(&cd->mutex);
	for (unsigned i = domain->units ? domain->units->n : 0; i-- > 0 && !err;) {
		/* A device that did not leave when it was told to: its unit may go on walking these tables. */
		if (domain->units->at[i].users)
			err = -EIO;
		else
			err = list_shrink(domain, core_unit_of(domain->units->at[i].unit), &domain->units->at[i]);
	}
	mutex_unlock(&cd->mutex);
	return err;
}

/*
 * The ATS rule: no device-TLB invalidation is sent to a device after its detach returned. It is struck out of the list that is
 * published (which needs no memory, so it cannot fail), and whoever read it there before is waited for.
 */
static bool strike_out(struct piommu_domain_units *list, const struct piommu_device *dev)
{
	for (unsigned i = 0; dev && dev->ats && i < list->nats; i++) {
		struct piommu_domain_unit *at = &list->at[list->n + i];

		if (at->device != dev)
			continue;
		__atomic_store_n(&at->device, NULL, __ATOMIC_RELEASE);
		return true;
	}
	return false;
}

int core_domain_unit_put(struct piommu_domain *domain, struct core_unit *cu, struct piommu_device *dev)
{
	struct core_domain *cd = core_domain_of(domain);
	struct piommu_domain_unit *at;
	bool struck = false;
	int err = 0;

	mutex_lock(&cd->mutex);
	at = list_find(domain->units, cu);
	if (at) {
		struck = strike_out(domain->units, dev);
		if (--at->users == 0)
			err = list_shrink(domain, cu, at);
	}
	mutex_unlock(&cd->mutex);
	if (struck)
		rcu_wait();
	return err;
}
