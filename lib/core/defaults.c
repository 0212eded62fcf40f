/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a group is on that nobody attached: the policy, its set-up, and putting a new member where its group is. Apart from probing, under
 * the group's mutex alone (rule R1): a member is listed before (R6), and until this is done the group is in being but not usable (R8).
 */
#include <errno.h>
#include <string.h>

#include "core.h"

static enum piommu_default demand_of(const struct core_device *cd)
{
	const struct piommu_unit *unit = cd->dev.unit;

	return unit && unit->driver->default_domain ? unit->driver->default_domain(&cd->dev) : PIOMMU_DEFAULT_ANY;
}

/* What the hardware demands, else what the user wants. */
static enum piommu_default wish_of(const struct core_device *cd)
{
	enum piommu_default demand = demand_of(cd);

	return demand != PIOMMU_DEFAULT_ANY ? demand : cd->wish.kind;
}

static enum piommu_default nobodys_wish(const struct piommu_group *group, bool untrusted) REQUIRES(group->mutex)
{
	enum piommu_default kind = group->p->default_domain;

	if (kind == PIOMMU_DEFAULT_ANY)
		kind = PIOMMU_DEFAULT_IDENTITY;
	if (!untrusted || kind != PIOMMU_DEFAULT_IDENTITY)
		return kind;
	return group->has_reserved ? PIOMMU_DEFAULT_PAGING : PIOMMU_DEFAULT_BLOCKING;
}

/* @return 0, or -EPERM: an untrusted member and identity */
static int decide(struct piommu_group *group) REQUIRES(group->mutex)
{
	enum piommu_default kind = PIOMMU_DEFAULT_ANY;
	const struct core_device *untrusted = NULL;
	const struct core_device *other = NULL;

	for (unsigned d = 0; d < group->nmembers; d++) {
		enum piommu_default wish = wish_of(group->members[d]);

		if (group->members[d]->wish.untrusted)
			untrusted = group->members[d];
		if (kind != PIOMMU_DEFAULT_ANY && wish != PIOMMU_DEFAULT_ANY && wish != kind)
			other = group->members[d];
		if (wish != PIOMMU_DEFAULT_ANY)
			kind = wish;
	}
	if (other) {
		log_warn(&group->p->log,
			 "group %u: %s wants another default domain than the members before it: all of them are on "
			 "identity; wish the same for all",
			 group->id, other->dev.name);
		kind = PIOMMU_DEFAULT_IDENTITY;
	}
	if (kind == PIOMMU_DEFAULT_ANY)
		kind = nobodys_wish(group, untrusted != NULL);
	if (kind == PIOMMU_DEFAULT_BLOCKING && group->has_reserved)
		kind = untrusted ? PIOMMU_DEFAULT_PAGING : PIOMMU_DEFAULT_IDENTITY;
	group->kind = kind;
	if (!untrusted || kind != PIOMMU_DEFAULT_IDENTITY)
		return 0;
	log_err(&group->p->log,
		"group %u: %s is not trusted, and would be on identity with all memory in its reach: refused. "
		"Ask for another default domain for it",
		group->id, untrusted->dev.name);
	return -EPERM;
}

static int make_default_domain(struct piommu_group *group) REQUIRES(group->mutex)
{
	struct piommu_unit *unit = core_group_unit(group);
	struct piommu_domain *domain;
	int err;

	if (group->kind != PIOMMU_DEFAULT_PAGING || group->default_domain)
		return 0;
	err = core_domain_new(core_unit_of(unit), PIOMMU_DOMAIN_PAGING, NULL, &domain);
	if (err)
		return err;
	group->default_domain = domain;
	return 0;
}

/*
 * A unit that has just been enabled has every requester on identity, but for those that its driver demands are blocked: a device of which
 * that is all we want is there already, and not one register is written. One that came later may find anything under its address.
 */
static int place_on_identity(struct core_device *cd)
{
	struct core_unit *cu = core_unit_of(cd->dev.unit);
	uint32_t tag;
	int err = core_domain_unit_get(cu->identity, cu, &cd->dev, &tag);

	if (!err)
		cd->dev.domain = cu->identity;
	return err;
}

static int place(struct piommu_group *group, struct core_device *cd) REQUIRES(group->mutex)
{
	struct core_place where = core_group_place(group);
	struct piommu_domain *domain = core_place_domain(&cd->dev, where);
	const struct core_unit *cu = core_unit_of(cd->dev.unit);
	bool fresh = atomic_load_explicit(&cu->state, memory_order_relaxed) == CORE_UNIT_STARTING && !cd->dev.domain;
	int err = 0;

	if (where.to == CORE_TO_DOMAIN) {
		if (cd->dev.unit->driver != core_domain_of(domain)->home->unit.driver)
			err = -EINVAL;
		else
			err = cd->dev.unit->driver->domain_fits(domain, cd->dev.unit);
	}
	if (!err && where.to == CORE_TO_DOMAIN)
		err = core_cover_reserved(domain, group);
	if (err)
		return err;
	if (atomic_load_explicit(&cd->deferred, memory_order_relaxed))
		err = 0; /* until its first use it goes on with what it was handed over with */
	else if (cd->resets && !cd->nreserved)
		err = core_device_move(group, cd, (struct core_place){ CORE_TO_BLOCKING, NULL }); /* until the reset ends */
	else if (fresh && domain == cu->identity && demand_of(cd) != PIOMMU_DEFAULT_BLOCKING)
		err = place_on_identity(cd);
	else
		err = core_device_move(group, cd, where);
	if (!err && !cd->resets)
		err = core_pasids_join(group, cd);
	if (err)
		return err;
	atomic_store_explicit(&cd->goal, domain, memory_order_release);
	cd->placed = true;
	return 0;
}

/* Nothing of the group is let near memory; but what firmware uses goes on. */
static void refuse(struct piommu_group *group) REQUIRES(group->mutex)
{
	group->refused = true;
	group->kind = PIOMMU_DEFAULT_BLOCKING;
	for (unsigned d = 0; d < group->nmembers; d++) {
		struct core_device *cd = group->members[d];
		struct core_place blocked = { CORE_TO_BLOCKING, NULL };

		if (!cd->dev.unit || cd->nreserved || cd->placed || cd->binding)
			continue;
		if (core_device_move(group, cd, blocked))
			log_err(&group->p->log, "%s: could not be blocked either", cd->dev.name);
		cd->placed = true;
	}
}

/* A member that comes to a group whose default is set. */
static int check_newcomer(const struct piommu_group *group, const struct core_device *cd) REQUIRES(group->mutex)
{
	struct core_place where = core_group_place(group);

	if (!cd->dev.unit) {
		if (!atomic_load_explicit(&group->claimed, memory_order_relaxed))
			return 0;
		log_err(&group->p->log, "%s: is behind no unit, and its group %u is claimed: nothing would contain it: refused",
			cd->dev.name, group->id);
		return -EPERM;
	}

	if (!cd->wish.untrusted || where.to != CORE_TO_IDENTITY)
		return group->refused ? -EPERM : 0;
	log_err(&group->p->log, "%s: is not trusted, and its group %u is on identity: refused", cd->dev.name, group->id);
	return -EPERM;
}

static int settle(struct piommu_group *group) REQUIRES(group->mutex)
{
	bool first = !group->ready;
	int err = 0;

	if (!core_group_unit(group))
		return 0;
	if (first) {
		err = group->refused ? -EPERM : decide(group);
		if (err) {
			refuse(group);
			return err;
		}
		err = make_default_domain(group);
	}
	for (unsigned d = 0; d < group->nmembers && !err; d++) {
		struct core_device *cd = group->members[d];

		if (cd->placed || cd->binding)
			continue;
		if (!first)
			err = check_newcomer(group, cd);
		if (!err && cd->dev.unit)
			err = place(group, cd);
		else if (!err)
			cd->placed = true;
		if (err && err != -EPERM)
			log_err(&group->p->log, "%s: cannot be put where its group %u is (%s)", cd->dev.name, group->id,
				strerror(-err));
	}
	if (!err)
		group->ready = true;
	return err;
}

int core_group_settle(struct piommu_group *group)
{
	int err;

	mutex_lock(&group->mutex);
	err = settle(group);
	mutex_unlock(&group->mutex);
	return err;
}

/* Nobody is on it any more. */
static void end_domain(struct piommu_group *group, struct piommu_domain *domain)
{
	if (!group->p->closing && core_domain_units_drain(domain)) {
		core_domain_orphan(domain);
		return;
	}
	rcu_drain(); /* other threads' lookups are over, retired tables are back */
	core_domain_free(domain);
}

/* A default domain made anew for `to`, the members moved. @return 0, or -errno: as it was */
static int rehome(struct piommu_group *group, struct core_unit *to) REQUIRES(group->mutex)
{
	struct piommu_domain *old = group->default_domain;
	int err = core_domain_new(to, PIOMMU_DOMAIN_PAGING, NULL, &group->default_domain);

	if (err) {
		group->default_domain = old;
		return err;
	}
	err = core_cover_reserved(group->default_domain, group);
	for (unsigned d = 0; d < group->nmembers && !err; d++)
		if (group->members[d]->dev.unit)
			err = to->unit.driver == group->members[d]->dev.unit->driver
				      ? to->unit.driver->domain_fits(group->default_domain, group->members[d]->dev.unit)
				      : -EINVAL;
	if (!err)
		err = core_group_switch(group, core_group_rest(group));
	if (err) {
		end_domain(group, group->default_domain);
		group->default_domain = old;
		return err;
	}
	end_domain(group, old);
	return 0;
}

/* Without a default domain until somebody asks again. */
static void unsettle(struct piommu_group *group) REQUIRES(group->mutex)
{
	struct piommu_domain *old = group->default_domain;

	for (unsigned d = 0; d < group->nmembers; d++) {
		struct core_device *cd = group->members[d];
		struct core_place parked = { cd->nreserved ? CORE_TO_IDENTITY : CORE_TO_BLOCKING, NULL };

		if (!cd->dev.unit || !cd->placed)
			continue;
		if (!atomic_load_explicit(&cd->deferred, memory_order_relaxed) && core_device_move(group, cd, parked))
			log_err(&group->p->log, "%s: could not be blocked either", cd->dev.name);
		cd->placed = false;
	}
	group->default_domain = NULL;
	group->ready = false;
	end_domain(group, old);
}

void core_group_left_unit(struct piommu_group *group, const struct core_unit *cu)
{
	int err;

	if (!group->default_domain || core_domain_of(group->default_domain)->home != cu || group->homeless || group->p->closing)
		return;
	for (unsigned d = 0; d < group->nmembers; d++)
		if (group->members[d]->dev.unit == &cu->unit)
			return;
	if (atomic_load_explicit(&group->claimed, memory_order_relaxed)) {
		/* Its owner's, with what is mapped there: the unit does not go before. */
		core_domain_keep(group->default_domain);
		group->homeless = true;
		return;
	}
	err = rehome(group, core_unit_of(core_group_unit(group)));
	if (!err)
		return;
	log_err(&group->p->log,
		"group %u: no default domain behind another unit than %s (%s): blocked; add one of its devices once more",
		group->id, cu->unit.name, strerror(-err));
	unsettle(group);
}

void core_group_end(struct piommu_group *group)
{
	struct piommu_domain *domain = group->default_domain;

	core_pasids_end(group);
	core_group_detached(group);
	group->default_domain = NULL;
	group->ready = group->refused = false;
	if (!domain)
		return;
	/* Its owner may be mapping in it at this moment. */
	if (atomic_load_explicit(&group->claimed, memory_order_relaxed) && !group->p->closing) {
		if (!group->homeless)
			core_domain_keep(domain);
		group->homeless = false;
		core_domain_of(domain)->next_kept = group->kept;
		group->kept = core_domain_of(domain);
		return;
	}
	end_domain(group, domain);
}

void core_group_end_kept(struct piommu_group *group)
{
	while (group->kept) {
		struct core_domain *cd = group->kept;
		struct core_unit *home = cd->home;

		group->kept = cd->next_kept;
		core_unit_get(home); /* who takes the unit out sees no domain from here on, but waits for us */
		core_domain_unkeep(cd->self);
		end_domain(group, cd->self);
		core_unit_put(home);
	}
	if (group->homeless) {
		struct core_unit *home = core_domain_of(group->default_domain)->home;

		group->homeless = false;
		core_unit_get(home);
		core_domain_unkeep(group->default_domain);
		core_group_left_unit(group, home);
		core_unit_put(home);
	}
}
