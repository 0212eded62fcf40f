/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Putting a group's devices on a domain. All members move or none does: if a later one fails, the earlier ones go back.
 * During a move a device sees its old domain or its new one, never a third. Slow path, under the group's mutex.
 */
#include <errno.h>
#include <stdlib.h>

#include "core.h"

static struct piommu_domain *target_of(const struct piommu_device *dev, enum core_target target, struct piommu_domain *domain)
{
	switch (target) {
	case CORE_TO_IDENTITY:
		return core_unit_of(dev->unit)->identity;
	case CORE_TO_BLOCKING:
		return core_unit_of(dev->unit)->blocking;
	default:
		return domain;
	}
}

static int device_move(struct piommu_device *dev, struct piommu_domain *to)
{
	struct core_unit *cu = core_unit_of(dev->unit);
	struct piommu_domain *from = dev->domain;
	uint32_t tag;
	int err;

	if (to == from)
		return 0;
	/* The list first, so that failure touches nothing; it ends with the barrier that unmap's pairs with. */
	err = core_domain_unit_get(to, cu, &tag);
	if (err)
		return err;
	mutex_lock(&cu->mutex);
	err = cu->unit.driver->attach(dev, to, tag);
	mutex_unlock(&cu->mutex);
	if (err) {
		core_domain_unit_put(to, cu);
		return err;
	}
	dev->domain = to;
	/* The device has left: a tag that will not flush stays out of use, and the driver reports it as an event. */
	core_domain_unit_put(from, cu);
	return 0;
}

/* The member at `failed` did not move: those before it go back. */
static void move_back(struct piommu_group *group, struct piommu_domain *const *before, unsigned failed, int err)
{
	const struct piommu_log *log = &group->p->log;
	char text[PIOMMU_SBDF_STRLEN];

	log_err(log, "group %u: %s could not be moved (%d); the group stays where it was", group->id,
		piommu_sbdf_format(group->devices[failed].dev.sbdf, text), err);
	for (unsigned d = failed; d-- > 0;) {
		struct piommu_device *dev = &group->devices[d].dev;

		if (dev->unit && device_move(dev, before[d]))
			log_err(log, "group %u: %s could not be moved back either: it is on the new domain", group->id,
				piommu_sbdf_format(dev->sbdf, text));
	}
}

int core_group_switch(struct piommu_group *group, enum core_target target, struct piommu_domain *domain)
{
	struct piommu_domain **before = calloc(group->ndevices, sizeof(struct piommu_domain *));
	int err = 0;
	unsigned d;

	if (!before)
		return -ENOMEM;
	for (d = 0; d < group->ndevices && !err; d++) {
		struct piommu_device *dev = &group->devices[d].dev;

		before[d] = dev->domain;
		if (dev->unit)
			err = device_move(dev, target_of(dev, target, domain));
	}
	if (err)
		move_back(group, before, d - 1, err);
	free(before);
	return err;
}

int piommu_claim(struct piommu_group *group)
{
	bool online;
	int err = 0;

	if (group->p->inspect)
		return -EPERM;
	online = core_slow_enter();
	mutex_lock(&group->mutex);
	if (group->claimed) {
		log_err(&group->p->log, "group %u: claimed already; release it first", group->id);
		err = -EBUSY;
	} else if (!core_group_unit(group)) {
		log_err(&group->p->log, "group %u: behind no IOMMU unit: it cannot be contained", group->id);
		err = -ENODEV;
	} else if (!group->has_reserved) {
		err = core_group_switch(group, CORE_TO_BLOCKING, NULL);
	}
	if (!err)
		group->claimed = true;
	mutex_unlock(&group->mutex);
	core_slow_exit(online);
	return err;
}

int piommu_release(struct piommu_group *group)
{
	bool online = core_slow_enter();
	int err = 0;

	mutex_lock(&group->mutex);
	if (!group->claimed) {
		err = -EINVAL;
	} else if (group->domain) {
		log_err(&group->p->log, "group %u: still attached; detach it first", group->id);
		err = -EBUSY;
	} else {
		err = core_group_switch(group, CORE_TO_IDENTITY, NULL);
	}
	if (!err)
		group->claimed = false;
	mutex_unlock(&group->mutex);
	core_slow_exit(online);
	return err;
}

static int fits(struct piommu_domain *domain, struct piommu_group *group)
{
	for (unsigned d = 0; d < group->ndevices; d++) {
		struct piommu_unit *unit = group->devices[d].dev.unit;
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

/* One page of a reserved range, 1:1: there already, or free and mapped now. */
static int map_reserved_page(struct piommu_domain *domain, uint64_t at, size_t *step)
{
	struct piommu_pt_leaf leaf;

	*step = PIOMMU_PAGE_SIZE;
	if (domain->ops->lookup(domain, at, &leaf))
		return domain->ops->map(domain, at, at, PIOMMU_PAGE_SIZE, PIOMMU_RW);
	return leaf.pa == at && leaf.prot == PIOMMU_RW ? 0 : -EADDRINUSE;
}

static int map_reserved_span(struct piommu_domain *domain, const struct piommu_span *span)
{
	uint64_t start = align_down(span->start, PIOMMU_PAGE_SIZE);
	uint64_t last = span->last | (PIOMMU_PAGE_SIZE - 1);
	size_t step;

	if (domain->iova_bits < 64 && last >> domain->iova_bits)
		return -ERANGE;
	/* The usual case is one call with the largest leaves; page by page only where something is in the way. */
	if (!domain->ops->map(domain, start, start, last - start + 1, PIOMMU_RW))
		return 0;
	for (uint64_t at = start; at <= last && at >= start; at += step) {
		int err = map_reserved_page(domain, at, &step);

		if (err)
			return err;
	}
	return 0;
}

static int map_reserved(struct piommu_domain *domain, struct piommu_group *group)
{
	struct core_domain *cd = core_domain_of(domain);
	char text[PIOMMU_SBDF_STRLEN];

	for (unsigned d = 0; d < group->ndevices; d++) {
		const struct core_device *device = &group->devices[d];

		for (unsigned r = 0; r < device->nreserved; r++) {
			const struct piommu_span *span = &group->p->fw.reserved[device->reserved[r]].span;
			int err = map_reserved_span(domain, span);

			if (err) {
				log_err(&group->p->log,
					"%s: its reserved range 0x%llx-0x%llx cannot be mapped 1:1 in this domain (%d): "
					"unmap what is there, or use a wider domain",
					piommu_sbdf_format(device->dev.sbdf, text), (unsigned long long)span->start,
					(unsigned long long)span->last, err);
				return err == -EEXIST ? -EADDRINUSE : err;
			}
			/* Handed out already only if the user mapped it 1:1 himself: his to know. */
			iova_space_reserve(cd->iova, (struct piommu_span){ align_down(span->start, PIOMMU_PAGE_SIZE),
									   span->last | (PIOMMU_PAGE_SIZE - 1) });
		}
	}
	return 0;
}

static int attach_locked(struct piommu_domain *domain, struct piommu_group *group) REQUIRES(group->mutex)
{
	struct core_domain *cd = core_domain_of(domain);
	int err;

	if (!group->claimed) {
		log_err(&group->p->log, "group %u: not claimed: call piommu_claim() first", group->id);
		return -EINVAL;
	}
	if (cd->p != group->p)
		return -EINVAL;
	if (group->domain == domain)
		return 0;
	if (domain->type == PIOMMU_DOMAIN_BLOCKING && group->has_reserved) {
		log_err(&group->p->log, "group %u: has reserved ranges that firmware needs: never blocked", group->id);
		return -EOPNOTSUPP;
	}
	err = fits(domain, group);
	if (err)
		return err;
	if (domain->type == PIOMMU_DOMAIN_PAGING) {
		/* Ordinary maps: this thread walks the tables, so it is a reader like any other. */
		rcu_thread_online();
		err = map_reserved(domain, group);
		rcu_thread_offline();
		if (err)
			return err;
	}
	err = core_group_switch(group, CORE_TO_DOMAIN, domain);
	if (err)
		return err;
	if (group->domain) {
		struct core_domain *old = core_domain_of(group->domain);

		mutex_lock(&old->mutex);
		old->ngroups--;
		mutex_unlock(&old->mutex);
	}
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
	rcu_thread_register(); /* the reserved ranges are mapped as any map is */
	online = core_slow_enter();
	mutex_lock(&group->mutex);
	err = attach_locked(domain, group);
	mutex_unlock(&group->mutex);
	core_slow_exit(online);
	return err;
}

int piommu_detach(struct piommu_domain *domain, struct piommu_group *group)
{
	struct core_domain *cd = core_domain_of(domain);
	bool online = core_slow_enter();
	int err = -EINVAL;

	mutex_lock(&group->mutex);
	if (group->domain == domain) {
		err = core_group_switch(group, group->has_reserved ? CORE_TO_IDENTITY : CORE_TO_BLOCKING, NULL);
		if (!err) {
			group->domain = NULL;
			mutex_lock(&cd->mutex);
			cd->ngroups--;
			mutex_unlock(&cd->mutex);
		}
	}
	mutex_unlock(&group->mutex);
	core_slow_exit(online);
	return err;
}
