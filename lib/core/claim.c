/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Taking groups and giving them back. A claimed group is its owner's: it lasts until it is released (rule R3), and nobody puts it behind
 * a unit, or in another group, meanwhile. Slow path, under the group's mutex.
 */
#include <errno.h>
#include <string.h>

#include "core.h"

static int claim_locked(struct piommu_group *group, bool uncontained) REQUIRES(group->mutex)
{
	const struct piommu_log *log = &group->p->log;
	int err;

	if (atomic_load_explicit(&group->claimed, memory_order_relaxed)) {
		log_err(log, "group %u: claimed already; release it first", group->id);
		return -EBUSY;
	}
	if (!group->nmembers)
		return -ENODEV;
	/* Its unit may be one that is just coming (R9). */
	if (!core_group_unit(group) && core_units_starting(group->p))
		return -EAGAIN;
	if (core_group_unit(group) && core_group_usable(group) == -EAGAIN)
		return -EAGAIN;
	if (uncontained != !core_group_unit(group)) {
		log_err(log,
			uncontained ? "group %u: behind a unit: claim it with piommu_claim()"
				    : "group %u: behind no IOMMU unit: it cannot be contained",
			group->id);
		return uncontained ? -EINVAL : -ENODEV;
	}
	if (uncontained)
		return 0;
	for (unsigned d = 0; d < group->nmembers; d++) {
		if (group->members[d]->dev.unit)
			continue;
		log_err(log, "group %u: %s is behind no IOMMU unit: the group cannot be contained", group->id,
			group->members[d]->dev.name);
		return -ENODEV;
	}
	err = core_group_usable(group);
	if (err == -EPERM)
		log_err(log, "group %u: an untrusted device that would have to be on identity is a member: refused", group->id);
	return err;
}

/* Claimed from the start, so that its place is that of a claimed group. */
static int take(struct piommu_group *group, bool uncontained) REQUIRES(group->mutex)
{
	int err = claim_locked(group, uncontained);

	if (err)
		return err;
	atomic_store_explicit(&group->claimed, true, memory_order_relaxed);
	group->uncontained = uncontained;
	err = core_group_switch(group, core_group_rest(group));
	if (err) {
		atomic_store_explicit(&group->claimed, false, memory_order_relaxed);
		return err;
	}
	rcu_ref_get(&group->ref);
	return 0;
}

static int claim(struct piommu_group *group, bool uncontained)
{
	bool online;
	int err;

	if (group->p->inspect)
		return -EPERM;
	online = core_slow_enter();
	mutex_lock(&group->mutex);
	err = take(group, uncontained);
	mutex_unlock(&group->mutex);
	core_slow_exit(online);
	return err;
}

int piommu_claim(struct piommu_group *group)
{
	return claim(group, false);
}

int piommu_claim_uncontained(struct piommu_group *group)
{
	return claim(group, true);
}

static bool has_channels(struct core_domain *cd)
{
	bool found;

	mutex_lock(&cd->mutex);
	found = cd->channels != NULL;
	mutex_unlock(&cd->mutex);
	return found;
}

/* Also one whose devices have gone since. */
static bool defaults_have_channels(struct piommu_group *group) REQUIRES(group->mutex)
{
	bool found = group->default_domain && has_channels(core_domain_of(group->default_domain));

	for (struct core_domain *cd = group->kept; cd && !found; cd = cd->next_kept)
		found = has_channels(cd);
	return found;
}

static int release_locked(struct piommu_group *group, bool *uncontained) REQUIRES(group->mutex)
{
	int err;

	if (!atomic_load_explicit(&group->claimed, memory_order_relaxed))
		return -EINVAL;
	if (group->domain || group->npasids) {
		log_err(&group->p->log, "group %u: still attached; detach it first", group->id);
		return -EBUSY;
	}
	if (defaults_have_channels(group)) {
		log_err(&group->p->log, "group %u: its default domain still has channels; destroy them first", group->id);
		return -EBUSY;
	}
	atomic_store_explicit(&group->claimed, false, memory_order_relaxed);
	err = core_group_switch(group, core_group_rest(group));
	if (err) {
		atomic_store_explicit(&group->claimed, true, memory_order_relaxed);
		return err;
	}
	core_group_end_kept(group);
	*uncontained = group->uncontained;
	group->uncontained = false;
	return 0;
}

/* A unit that came while it was claimed may have its devices now. */
static void walk_again(struct piommu *p)
{
	core_probe_lock(p);
	p->walk_pending = true;
	core_probe_unlock(p);
}

int piommu_release(struct piommu_group *group)
{
	bool online = core_slow_enter();
	bool uncontained = false;
	int err;

	mutex_lock(&group->mutex);
	err = release_locked(group, &uncontained);
	mutex_unlock(&group->mutex);
	if (!err && uncontained)
		walk_again(group->p);
	if (!err)
		piommu_group_put(group); /* the claim's */
	core_slow_exit(online);
	return err;
}

struct piommu_domain *piommu_group_default_domain(struct piommu_group *group)
{
	struct piommu_domain *domain;
	bool online = core_slow_enter();

	mutex_lock(&group->mutex);
	domain = atomic_load_explicit(&group->claimed, memory_order_relaxed) ? group->default_domain : NULL;
	mutex_unlock(&group->mutex);
	core_slow_exit(online);
	return domain;
}
