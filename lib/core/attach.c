/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Putting a group's devices on a domain. All members move or none does: if a later one fails, the earlier ones go back.
 * During a move a device sees its old domain or its new one, never a third. Slow path, under the group's mutex.
 */
#include <errno.h>
#include <string.h>

#include "core.h"

struct piommu_domain *core_place_domain(const struct piommu_device *dev, struct core_place place)
{
	switch (place.to) {
	case CORE_TO_IDENTITY:
		return core_unit_of(dev->unit)->identity;
	case CORE_TO_BLOCKING:
		return core_unit_of(dev->unit)->blocking;
	default:
		return place.domain;
	}
}

static int move_to(struct core_device *cd, struct piommu_domain *to)
{
	struct piommu_device *dev = &cd->dev;
	struct core_unit *cu = core_unit_of(dev->unit);
	struct piommu_domain *from = dev->domain;
	uint32_t tag;
	int err;

	if (to == from)
		return 0;
	/* The list first, so that failure touches nothing; it ends with the barrier that unmap's pairs with. */
	err = core_domain_unit_get(to, cu, dev, &tag);
	if (err)
		return err;
	PIOMMU_YIELD("unit listed, entry about to move");
	mutex_lock(&cu->mutex);
	err = cu->unit.driver->attach(dev, to, tag);
	mutex_unlock(&cu->mutex);
	if (err) {
		core_domain_unit_put(to, cu, dev);
		return err;
	}
	atomic_fetch_add_explicit(&cd->nattaches, 1, memory_order_relaxed);
	dev->domain = to;
	/* The device has left: a tag that will not flush stays out of use, and the driver reports it as an event. */
	if (from)
		core_domain_unit_put(from, cu, dev);
	/* Only now, and only so: a thread that sees it clear may rely on the device being attached (T13b). */
	atomic_store_explicit(&cd->deferred, false, memory_order_release);
	return 0;
}

int core_device_move(struct piommu_group *group, struct core_device *device, struct core_place place)
{
	(void)group; /* whose mutex is held */
	return device->dev.unit ? move_to(device, core_place_domain(&device->dev, place)) : 0;
}

struct core_place core_group_rest(const struct piommu_group *group)
{
	if (group->default_domain)
		return (struct core_place){ CORE_TO_DOMAIN, group->default_domain };
	if (group->has_reserved || (!group->claimed && group->kind != PIOMMU_DEFAULT_BLOCKING))
		return (struct core_place){ CORE_TO_IDENTITY, NULL };
	return (struct core_place){ CORE_TO_BLOCKING, NULL };
}

struct core_place core_group_place(const struct piommu_group *group)
{
	return group->domain ? (struct core_place){ CORE_TO_DOMAIN, group->domain } : core_group_rest(group);
}

/* The member at `failed` did not move: those before it go back. One that was on nothing of ours before cannot, and is parked. */
static void move_back(struct piommu_group *group, unsigned failed, int err) REQUIRES(group->mutex)
{
	const struct piommu_log *log = &group->p->log;

	log_err(log, "group %u: %s could not be moved (%s); the group stays where it was", group->id,
		group->members[failed]->dev.name, strerror(-err));
	for (unsigned d = failed; d-- > 0;) {
		struct core_device *cd = group->members[d];
		struct core_place rest = { cd->nreserved ? CORE_TO_IDENTITY : CORE_TO_BLOCKING, NULL };

		if (!cd->dev.unit || cd->dev.domain == cd->before)
			continue;
		if (!move_to(cd, cd->before ? cd->before : core_place_domain(&cd->dev, rest)))
			continue;
		if (cd->nreserved || core_device_move(group, cd, (struct core_place){ CORE_TO_BLOCKING, NULL }))
			log_err(log, "group %u: %s could not be moved back either: it is on the new domain", group->id,
				cd->dev.name);
		else
			log_err(log, "group %u: %s could not be moved back either: it is blocked", group->id, cd->dev.name);
	}
}

/* Deferred members move, too, if `touch_deferred`; where they do not, their turn comes with their first use. */
static int switch_members(struct piommu_group *group, struct core_place place, bool touch_deferred) REQUIRES(group->mutex)
{
	int err = 0;
	unsigned d;

	for (d = 0; d < group->nmembers && !err; d++) {
		struct core_device *cd = group->members[d];

		cd->before = cd->dev.domain;
		if (atomic_load_explicit(&cd->deferred, memory_order_relaxed) && !touch_deferred)
			continue;
		/* A member that is being reset stays blocked; where it belongs is found out when the reset ends. */
		if (!cd->resets || cd->nreserved)
			err = core_device_move(group, cd, place);
	}
	if (err) {
		move_back(group, d - 1, err);
		return err;
	}
	for (d = 0; d < group->nmembers; d++) {
		struct core_device *cd = group->members[d];

		if (cd->dev.unit)
			atomic_store_explicit(&cd->goal, core_place_domain(&cd->dev, place), memory_order_release);
	}
	return 0;
}

int core_group_switch(struct piommu_group *group, struct core_place place)
{
	return switch_members(group, place, false);
}

static int fits(struct piommu_domain *domain, struct piommu_group *group) REQUIRES(group->mutex)
{
	for (unsigned d = 0; d < group->nmembers; d++) {
		struct piommu_unit *unit = group->members[d]->dev.unit;
		int err;

		if (!unit)
			continue;
		if (unit->driver != core_domain_of(domain)->home->unit.driver) {
			log_err(&group->p->log, "group %u: the domain was made for another family of unit", group->id);
			return -EINVAL;
		}
		err = unit->driver->domain_fits(domain, unit);
		if (err)
			return err;
	}
	return 0;
}

int core_group_accepts(struct piommu_domain *domain, struct piommu_group *group)
{
	if (!atomic_load_explicit(&group->claimed, memory_order_relaxed)) {
		log_err(&group->p->log, "group %u: not claimed: call piommu_claim() first", group->id);
		return -EINVAL;
	}
	if (core_domain_of(domain)->p != group->p)
		return -EINVAL;
	if (group->nresets) {
		log_err(&group->p->log, "group %u: a member is being reset: attach when the reset has ended", group->id);
		return -EBUSY;
	}
	if (!core_group_unit(group)) {
		log_err(&group->p->log, "group %u: behind no IOMMU unit, or all its devices are gone", group->id);
		return -EINVAL;
	}
	return fits(domain, group);
}

void core_group_detached(struct piommu_group *group)
{
	struct core_domain *old;

	if (!group->domain)
		return;
	old = core_domain_of(group->domain);
	mutex_lock(&old->mutex);
	old->ngroups--;
	mutex_unlock(&old->mutex);
	group->domain = NULL;
}

static int attach_locked(struct piommu_domain *domain, struct piommu_group *group) REQUIRES(group->mutex)
{
	struct core_domain *cd = core_domain_of(domain);
	int err;

	if (group->domain == domain && !group->nresets)
		return 0;
	err = core_group_accepts(domain, group);
	if (err)
		return err;
	if (domain->type == PIOMMU_DOMAIN_BLOCKING && group->has_reserved) {
		log_err(&group->p->log, "group %u: has reserved ranges that firmware needs: never blocked", group->id);
		return -EOPNOTSUPP;
	}
	err = core_cover_reserved(domain, group);
	if (!err)
		err = switch_members(group, (struct core_place){ CORE_TO_DOMAIN, domain }, true);
	if (err)
		return err;
	core_group_detached(group);
	mutex_lock(&cd->mutex);
	cd->ngroups++;
	mutex_unlock(&cd->mutex);
	group->domain = domain;
	return 0;
}

int piommu_attach(struct piommu_domain *domain, struct piommu_group *group)
{
	bool online;
	int err;

	if (group->p->inspect)
		return -EPERM;
	online = core_slow_enter();
	mutex_lock(&group->mutex);
	err = attach_locked(domain, group);
	mutex_unlock(&group->mutex);
	core_slow_exit(online);
	return err;
}

int piommu_detach(struct piommu_domain *domain, struct piommu_group *group)
{
	bool online = core_slow_enter();
	int err = -EINVAL;

	mutex_lock(&group->mutex);
	if (group->domain == domain) {
		err = core_group_switch(group, core_group_rest(group));
		if (!err)
			core_group_detached(group);
	}
	mutex_unlock(&group->mutex);
	core_slow_exit(online);
	return err;
}
