/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Putting a group's devices on a domain. All members move or none does: if a later one fails, the earlier ones go back.
 * During a move a device sees its old domain or its new one, never a third. Slow path, under the group's mutex.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

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

static int move_to(struct piommu_device *dev, struct piommu_domain *to)
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
	PIOMMU_YIELD("unit listed, entry about to move");
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

int core_device_move(struct piommu_group *group, struct core_device *device, enum core_target target,
		     struct piommu_domain *domain)
{
	(void)group; /* whose mutex is held */
	return device->dev.unit ? move_to(&device->dev, target_of(&device->dev, target, domain)) : 0;
}

enum core_target core_group_rest(const struct piommu_group *group)
{
	return group->claimed && !group->has_reserved ? CORE_TO_BLOCKING : CORE_TO_IDENTITY;
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

		if (dev->unit && move_to(dev, before[d]))
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
		struct core_device *device = &group->devices[d];

		before[d] = device->dev.domain;
		/* A member that is being reset stays blocked; where it belongs is found out when the reset ends. */
		if (!device->resets || device->nreserved)
			err = core_device_move(group, device, target, domain);
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

static struct piommu_span whole_pages(const struct piommu_span *span)
{
	return (struct piommu_span){ align_down(span->start, PIOMMU_PAGE_SIZE), span->last | (PIOMMU_PAGE_SIZE - 1) };
}

/* Whether all of a reserved range is free or mapped 1:1 in the domain; `*free` says that nothing of it is mapped. */
static int check_reserved(struct piommu_domain *domain, struct piommu_span span, bool *free)
{
	struct piommu_pt_leaf leaf;

	*free = true;
	if (span.last >> domain->iova_bits)
		return -ERANGE;
	for (uint64_t at = span.start; at <= span.last; at = align_down(at, leaf.size) + leaf.size) {
		if (domain->ops->lookup(domain, at, &leaf)) {
			leaf.size = PIOMMU_PAGE_SIZE;
			continue;
		}
		if (leaf.pa != at || leaf.prot != PIOMMU_RW)
			return -EADDRINUSE;
		*free = false;
	}
	return 0;
}

/* One call with the largest leaves; page by page only where a part of it is there already. */
static int map_reserved(struct piommu_domain *domain, struct piommu_span span)
{
	struct piommu_pt_leaf leaf;
	bool free;
	int err = check_reserved(domain, span, &free);

	if (!err && free)
		return domain->ops->map(domain, span.start, span.start, span.last - span.start + 1, PIOMMU_RW);
	for (uint64_t at = span.start; at <= span.last && !err; at += PIOMMU_PAGE_SIZE)
		if (domain->ops->lookup(domain, at, &leaf))
			err = domain->ops->map(domain, at, at, PIOMMU_PAGE_SIZE, PIOMMU_RW);
	return err;
}

/* More than any firmware asks for; a range beyond it is a broken table, and a table of pages for it would be as broken. */
#define RESERVED_MAX (UINT64_C(64) << 30)

static int for_each_reserved(struct piommu_domain *domain, struct piommu_group *group,
			     int (*fn)(struct piommu_domain *domain, struct piommu_span span))
{
	char text[PIOMMU_SBDF_STRLEN];

	for (unsigned d = 0; d < group->ndevices; d++) {
		const struct core_device *device = &group->devices[d];

		for (unsigned r = 0; r < device->nreserved; r++) {
			struct piommu_span span = whole_pages(&group->p->fw.reserved[device->reserved[r]].span);
			int err = span.last - span.start < RESERVED_MAX ? fn(domain, span) : -E2BIG;

			if (!err)
				continue;
			log_err(&group->p->log,
				"%s: its reserved range 0x%llx-0x%llx cannot be mapped 1:1 in this domain (%s): "
				"unmap what is there, or use a wider domain",
				piommu_sbdf_format(device->dev.sbdf, text), (unsigned long long)span.start,
				(unsigned long long)span.last, strerror(-err));
			return err;
		}
	}
	return 0;
}

static int check_only(struct piommu_domain *domain, struct piommu_span span)
{
	bool free;

	return check_reserved(domain, span, &free);
}

static int map_and_keep(struct piommu_domain *domain, struct piommu_span span)
{
	int err = map_reserved(domain, span);

	/* Refused where the user holds addresses in it: he mapped them 1:1 himself, or the check would have failed. */
	if (!err)
		iova_space_reserve(core_domain_of(domain)->iova, span);
	return err;
}

/* All are checked before the first is mapped, so that a refusal changes nothing. */
static int cover_reserved(struct piommu_domain *domain, struct piommu_group *group)
{
	int err = for_each_reserved(domain, group, check_only);

	return err ? err : for_each_reserved(domain, group, map_and_keep);
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
	if (group->nresets) {
		log_err(&group->p->log, "group %u: a member is being reset: attach when the reset has ended", group->id);
		return -EBUSY;
	}
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
		err = cover_reserved(domain, group);
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
		err = core_group_switch(group, core_group_rest(group), NULL);
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
