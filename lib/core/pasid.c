/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * PASIDs: one address space of a device beside the one of its requester id. A group's PASID is on one domain, for every member that
 * has PASIDs; members without are passed over. Slow path, under the group's mutex.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"

static bool has_pasids(const struct core_device *cd)
{
	return cd->dev.unit && cd->dev.pasid_bits && cd->dev.unit->driver->attach_pasid;
}

static int enter(struct core_device *cd, const struct core_pasid *pasid)
{
	struct core_unit *cu = core_unit_of(cd->dev.unit);
	uint32_t tag;
	int err = core_domain_unit_get(pasid->domain, cu, &cd->dev, &tag);

	if (err)
		return err;
	mutex_lock(&cu->mutex);
	err = cu->unit.driver->attach_pasid(&cd->dev, pasid->pasid, pasid->domain, tag);
	mutex_unlock(&cu->mutex);
	if (err)
		core_domain_unit_put(pasid->domain, cu, &cd->dev);
	return err;
}

/* A device that does not leave may go on using the domain, which therefore keeps its unit. */
static int leave(struct core_device *cd, const struct core_pasid *pasid)
{
	struct core_unit *cu = core_unit_of(cd->dev.unit);
	int err;

	mutex_lock(&cu->mutex);
	err = cu->unit.driver->attach_pasid(&cd->dev, pasid->pasid, NULL, 0);
	mutex_unlock(&cu->mutex);
	if (err)
		log_err(&cd->p->log, "%s: PASID %u does not leave its domain (%s): the domain's tables stay", cd->dev.name,
			pasid->pasid, strerror(-err));
	else
		core_domain_unit_put(pasid->domain, cu, &cd->dev);
	return err;
}

int core_pasids_join(struct piommu_group *group, struct core_device *cd)
{
	int err = 0;
	unsigned i;

	if (!has_pasids(cd) || cd->pasids_in)
		return 0;
	for (i = 0; i < group->npasids && !err; i++)
		err = group->pasids[i].pasid >> cd->dev.pasid_bits ? -EINVAL : enter(cd, &group->pasids[i]);
	if (err)
		for (i--; i-- > 0;)
			leave(cd, &group->pasids[i]);
	cd->pasids_in = !err;
	return err;
}

int core_pasids_leave(struct piommu_group *group, struct core_device *cd)
{
	int worst = 0;

	if (!cd->pasids_in)
		return 0;
	for (unsigned i = group->npasids; i-- > 0;)
		if (leave(cd, &group->pasids[i]))
			worst = -EIO;
	cd->pasids_in = false;
	return worst;
}

/* Those that had left are entered again; where that fails, too, the device is in none from then on. */
static void suspend_undo(struct piommu_group *group, struct core_device *cd, unsigned failed) REQUIRES(group->mutex)
{
	for (unsigned i = failed + 1; i < group->npasids; i++) {
		if (!enter(cd, &group->pasids[i]))
			continue;
		log_err(&cd->p->log, "%s: PASID %u could not be attached again: detach and attach its PASIDs", cd->dev.name,
			group->pasids[i].pasid);
		while (i-- > 0)
			if (i != failed)
				leave(cd, &group->pasids[i]);
		cd->pasids_in = false;
		return;
	}
}

int core_pasids_suspend(struct piommu_group *group, struct core_device *cd)
{
	mutex_assert_held(&group->mutex);
	for (unsigned i = cd->pasids_in ? group->npasids : 0; i-- > 0;) {
		int err = leave(cd, &group->pasids[i]);

		if (!err)
			continue;
		suspend_undo(group, cd, i);
		return err;
	}
	cd->pasids_in = false;
	return 0;
}

static void forget(struct piommu_group *group, unsigned at) REQUIRES(group->mutex)
{
	struct core_domain *cd = core_domain_of(group->pasids[at].domain);

	mutex_lock(&cd->mutex);
	cd->ngroups--;
	mutex_unlock(&cd->mutex);
	group->npasids--;
	memmove(&group->pasids[at], &group->pasids[at + 1], (group->npasids - at) * sizeof(group->pasids[0]));
}

void core_pasids_end(struct piommu_group *group)
{
	while (group->npasids)
		forget(group, group->npasids - 1);
}

static int check(const struct piommu_group *group, uint32_t pasid) REQUIRES(group->mutex)
{
	unsigned able = 0;

	for (unsigned i = 0; i < group->npasids; i++) {
		if (group->pasids[i].pasid != pasid)
			continue;
		log_err(&group->p->log, "group %u: PASID %u is attached already; detach it first", group->id, pasid);
		return -EBUSY;
	}
	for (unsigned d = 0; d < group->nmembers; d++) {
		const struct core_device *cd = group->members[d];

		if (!has_pasids(cd))
			continue;
		able++;
		if (pasid && !(pasid >> cd->dev.pasid_bits))
			continue;
		log_err(&group->p->log, "%s: PASID %u is not between 1 and %u", cd->dev.name, pasid,
			(1u << cd->dev.pasid_bits) - 1);
		return -EINVAL;
	}
	return able ? 0 : -EOPNOTSUPP;
}

static int enter_all(struct piommu_group *group, const struct core_pasid *pasid) REQUIRES(group->mutex)
{
	for (unsigned d = 0; d < group->nmembers; d++) {
		int err = group->members[d]->pasids_in ? enter(group->members[d], pasid) : 0;

		if (!err)
			continue;
		log_err(&group->p->log, "%s: PASID %u could not be attached (%s)", group->members[d]->dev.name, pasid->pasid,
			strerror(-err));
		while (d-- > 0)
			if (group->members[d]->pasids_in)
				leave(group->members[d], pasid);
		return err;
	}
	return 0;
}

/* A member that the end of its reset could not bring back is not passed over. */
static int rejoin_all(struct piommu_group *group) REQUIRES(group->mutex)
{
	int err = 0;

	for (unsigned d = 0; d < group->nmembers && !err; d++)
		if (group->members[d]->placed)
			err = core_pasids_join(group, group->members[d]);
	return err;
}

static int attach_locked(struct piommu_domain *domain, struct piommu_group *group, uint32_t pasid) REQUIRES(group->mutex)
{
	const struct core_pasid added = { pasid, domain };
	struct core_domain *cd = core_domain_of(domain);
	struct core_pasid *more;
	int err = domain->type == PIOMMU_DOMAIN_PAGING ? core_group_accepts(domain, group) : -EINVAL;

	if (!err)
		err = check(group, pasid);
	if (!err)
		err = rejoin_all(group);
	if (err)
		return err;
	more = realloc(group->pasids, (group->npasids + 1) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	group->pasids = more;
	err = enter_all(group, &added);
	if (err)
		return err;
	group->pasids[group->npasids++] = added;
	mutex_lock(&cd->mutex);
	cd->ngroups++;
	mutex_unlock(&cd->mutex);
	return 0;
}

int piommu_attach_pasid(struct piommu_domain *domain, struct piommu_group *group, uint32_t pasid)
{
	bool online;
	int err;

	if (group->p->inspect)
		return -EPERM;
	online = core_slow_enter();
	mutex_lock(&group->mutex);
	err = attach_locked(domain, group, pasid);
	mutex_unlock(&group->mutex);
	core_slow_exit(online);
	return err;
}

static int detach_locked(struct piommu_domain *domain, struct piommu_group *group, uint32_t pasid) REQUIRES(group->mutex)
{
	unsigned at = 0;
	int worst = 0;

	while (at < group->npasids && (group->pasids[at].pasid != pasid || group->pasids[at].domain != domain))
		at++;
	if (at == group->npasids)
		return -EINVAL;
	for (unsigned d = group->nmembers; d-- > 0;) {
		int err = group->members[d]->pasids_in ? leave(group->members[d], &group->pasids[at]) : 0;

		worst = err ? err : worst;
	}
	forget(group, at);
	return worst;
}

int piommu_detach_pasid(struct piommu_domain *domain, struct piommu_group *group, uint32_t pasid)
{
	bool online = core_slow_enter();
	int err;

	mutex_lock(&group->mutex);
	err = detach_locked(domain, group, pasid);
	mutex_unlock(&group->mutex);
	core_slow_exit(online);
	return err;
}
