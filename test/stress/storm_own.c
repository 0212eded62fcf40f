/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The storm's owners: one claims the group of a device, and nobody else attaches it then; but its devices may go, come and be reset
 * under their owner's feet. And the touchers, of devices that nobody attaches but their first map.
 */
#include <errno.h>
#include <sched.h>

#include "storm.h"

#define NO_HOME HOMES
#define STEPS 6u
#define PRIVATE (SIGNATURE + 0x100)

struct life {
	struct actor *a;
	struct world *w;
	struct piommu_group *group;
	unsigned spot;
	unsigned home;    /* that the group is attached to */
	struct calm calm; /* from before the group was found: the device is a member as long as nobody plugs it */
};

/* Nobody had a hand in the device since its group was found, and none resets it since `calm`. */
static bool undisturbed(const struct life *l, const struct calm *calm)
{
	return calm_but_for_resets(l->w, l->spot, &l->calm) && calm_still(l->w, l->spot, calm);
}

/* ---- Groups ------------------------------------------------------------------------------------------------------------------- */

static int find_group(struct actor *a, unsigned spot, struct piommu_group **out)
{
	const struct spot *s = &spots[spot];

	if (s->node)
		return RESULT(a, piommu_group_find_node(a->w->p, spot_node(a->w, s), out), -ENOENT, -EAGAIN);
	return RESULT(a, piommu_group_find(a->w->p, s->sbdf, out), -ENOENT, -EAGAIN);
}

/* What a call may say once all devices of the group are gone: they do not come back to it. */
static void gone(struct life *l, const char *what)
{
	struct piommu_group_info info;

	piommu_group_info(l->group, &info);
	if (info.ndevices)
		stress_fail(l->w->verdict, "actor %u: %s: -EINVAL, with %u devices in the group", l->a->index, what,
			    info.ndevices);
}

/* ---- Where its DMA goes ----------------------------------------------------------------------------------------------------------- */

static void check_anchor(struct life *l, const struct calm *calm, unsigned pasid, uint64_t expected)
{
	uint64_t word;
	int err = spot_read(l->w, l->spot, pasid, ANCHOR_IOVA, &word);

	l->a->checks++;
	if (spots[l->spot].aliased) /* a reset of its mate blocks the id that they share */
		return;
	if (err != -ENOENT && (err || word != expected) && undisturbed(l, calm))
		stress_fail(l->w->verdict, "actor %u: attached, device %u reads 0x%llx (%d), not 0x%llx (PASID %u)",
			    l->a->index, l->spot, (unsigned long long)word, err, (unsigned long long)expected, pasid);
}

/* Claimed, and attached to nothing: it reaches nothing, and nobody sends it invalidations. */
static void check_blocked(struct life *l, const struct calm *calm)
{
	uint64_t word;

	if (spot_is_reserved(l->w, l->spot) || spots[l->spot].touched)
		return;
	l->a->checks++;
	if ((!spot_read(l->w, l->spot, 0, ANCHOR_IOVA, &word) || !spot_read(l->w, l->spot, 0, l->w->secret.pa, &word)) &&
	    undisturbed(l, calm))
		stress_fail(l->w->verdict, "actor %u: attached to nothing, device %u reads 0x%llx", l->a->index, l->spot,
			    (unsigned long long)word);
}

/* ---- Attaching ---------------------------------------------------------------------------------------------------------------------- */

/* @return 0: it is on the domain now */
static int attach(struct life *l, struct piommu_domain *domain)
{
	int err;

	bare_left(l->w->bare, spots[l->spot].sbdf, false);
	err = RESULT(l->a, piommu_attach(domain, l->group), -EBUSY, -EINVAL);
	if (err == -EINVAL)
		gone(l, "attach");
	return err;
}

static void detach(struct life *l, struct piommu_domain *domain)
{
	struct calm calm = calm_look(l->w, l->spot, false, false);

	if (RESULT(l->a, piommu_detach(domain, l->group), -EINVAL)) {
		gone(l, "detach");
		return;
	}
	if (undisturbed(l, &calm)) /* else another owner may have it, in another group */
		bare_left(l->w->bare, spots[l->spot].sbdf, true);
	check_blocked(l, &calm);
}

static void leave_home(struct life *l)
{
	struct home *home;

	if (l->home == NO_HOME)
		return;
	home = &l->w->home[l->home];
	detach(l, home->domain);
	pthread_rwlock_unlock(&home->lock);
	l->home = NO_HOME;
}

/* What is mapped now is cached now. */
static void touch(struct life *l)
{
	for (unsigned i = 0; i < l->w->nactors; i++)
		for (unsigned slot = 0; slot < WINDOW; slot++)
			spot_attack(l->w, l->spot, window_iova(&l->w->actor[i], slot));
}

/* From home to home without a stop, where the next one stands. */
static void go_home(struct life *l)
{
	unsigned next = spots[l->spot].family == BARE ? BARE_HOME : stress_below(&l->a->rng, BARE_HOME);
	struct home *home = &l->w->home[next];
	struct calm calm = calm_look(l->w, l->spot, false, false);

	if (next == l->home || pthread_rwlock_tryrdlock(&home->lock))
		return;
	if (!home->domain || attach(l, home->domain)) {
		pthread_rwlock_unlock(&home->lock);
		return;
	}
	if (l->home != NO_HOME)
		pthread_rwlock_unlock(&l->w->home[l->home].lock);
	l->home = next;
	check_anchor(l, &calm, 0, SIGNATURE + next);
	touch(l);
}

/* A whole life: made, mapped, attached, detached, ended. The memory is free then. */
static void live_alone(struct life *l)
{
	struct actor *a = l->a;
	uint64_t iova = window_iova(a, 0);
	struct piommu_domain *domain;
	struct calm calm;

	leave_home(l);
	if (RESULT(a, piommu_domain_create(l->group, NULL, &domain), -ENODEV, -EAGAIN))
		return;
	RESULT(a, piommu_map(domain, ANCHOR_IOVA, a->mem.pa, PAGE, PIOMMU_READ), 0);
	RESULT(a, piommu_map(domain, iova, a->mem.pa + PAGE, PAGE, PIOMMU_RW), 0);
	a->ops += 2;
	calm = calm_look(l->w, l->spot, false, false);
	if (!attach(l, domain)) {
		check_anchor(l, &calm, 0, PRIVATE + a->index);
		spot_attack(l->w, l->spot, iova);
		detach(l, domain);
	}
	RESULT(a, piommu_domain_destroy(domain), 0);
	word_set(&a->mem, 1, CANARY);
	spot_attack(l->w, l->spot, iova);
	must_not_reach(a, 1, iova);
}

/* A domain that says no more than a word. */
static void live_simply(struct life *l)
{
	bool blocking = stress_below(&l->a->rng, 2);
	const struct piommu_domain_attr attr = { .kind = blocking ? PIOMMU_KIND_BLOCKING : PIOMMU_KIND_IDENTITY };
	struct calm calm = calm_look(l->w, l->spot, false, false);
	struct piommu_domain *domain;
	int err;

	leave_home(l);
	if (RESULT(l->a, piommu_domain_create(l->group, &attr, &domain), -ENODEV, -EAGAIN))
		return;
	err = RESULT(l->a, piommu_attach(domain, l->group), -EBUSY, -EINVAL, -EOPNOTSUPP);
	if (!err && blocking)
		check_blocked(l, &calm);
	if (!err)
		detach(l, domain);
	RESULT(l->a, piommu_domain_destroy(domain), 0);
}

/* ---- Mapping through the device ------------------------------------------------------------------------------------------------------- */

/* Where the group is attached, which is known; so the map has to succeed where nobody has a hand in the device. */
static void map_through(struct life *l)
{
	struct actor *a = l->a;
	const struct home *home = &l->w->home[l->home];
	struct calm calm = calm_look(l->w, l->spot, false, false);
	uint64_t iova = window_iova(a, 1);
	struct piommu_device *device;
	int err;

	if (l->home == NO_HOME || spots[l->spot].node ||
	    RESULT(a, piommu_device_find(l->w->p, spots[l->spot].sbdf, &device), -ENOENT, -EAGAIN))
		return;
	err = RESULT(a, piommu_device_map(device, iova, a->mem.pa + 2 * PAGE, PAGE, PIOMMU_RW), -EAGAIN, -ENODEV, -EBUSY,
		     -EINVAL);
	a->ops++;
	if (err && undisturbed(l, &calm))
		stress_fail(l->w->verdict, "actor %u: device_map: %d, and nobody had a hand in it", a->index, err);
	if (!err) {
		spot_attack(l->w, l->spot, iova);
		/* The device may be in another group by now, and this may have gone to where that one is. */
		if (piommu_unmap(home->domain, iova, PAGE, NULL) && undisturbed(l, &calm))
			stress_fail(l->w->verdict, "actor %u: what the device mapped is not in its domain", a->index);
		a->ops++;
		if (undisturbed(l, &calm)) {
			word_set(&a->mem, 2, CANARY);
			must_not_reach(a, 2, iova);
		} else if (!RESULT(a, piommu_device_unmap(device, iova, PAGE, NULL), -EINVAL, -ENOENT, -ENODEV, -EAGAIN)) {
			a->ops++;
		}
	}
	piommu_device_put(device);
}

/* ---- PASIDs ----------------------------------------------------------------------------------------------------------------------------- */

static void use_pasid(struct life *l)
{
	struct home *home = &l->w->home[BARE_HOME];
	struct calm calm = calm_look(l->w, l->spot, false, false);
	uint32_t pasid = 1 + stress_below(&l->a->rng, BARE_CONTEXTS - 1);
	int err;

	if (pthread_rwlock_tryrdlock(&home->lock))
		return;
	if (home->domain) {
		bare_left(l->w->bare, spots[l->spot].sbdf, false);
		err = RESULT(l->a, piommu_attach_pasid(home->domain, l->group, pasid), -EBUSY, -EINVAL, -EOPNOTSUPP);
		if (err == -EINVAL)
			gone(l, "attach_pasid");
		if (!err) {
			check_anchor(l, &calm, pasid, SIGNATURE + BARE_HOME);
			touch(l);
			for (unsigned i = 0; i < 4; i++)
				sched_yield(); /* for resetters */
			if (RESULT(l->a, piommu_detach_pasid(home->domain, l->group, pasid), -EINVAL))
				gone(l, "detach_pasid");
			else if (!spot_read(l->w, l->spot, pasid, ANCHOR_IOVA, &(uint64_t){ 0 }) && undisturbed(l, &calm))
				stress_fail(l->w->verdict, "actor %u: a detached PASID still reaches an anchor", l->a->index);
		}
	}
	pthread_rwlock_unlock(&home->lock);
}

/* ---- Lives -------------------------------------------------------------------------------------------------------------------------------- */

static void step(struct life *l)
{
	switch (stress_below(&l->a->rng, 8)) {
	case 0:
		leave_home(l);
		break;
	case 1:
		live_alone(l);
		break;
	case 2:
		live_simply(l);
		break;
	case 3:
	case 4:
		map_through(l);
		break;
	case 5:
		if (spots[l->spot].pasids)
			use_pasid(l);
		break;
	default:
		go_home(l);
		break;
	}
}

static void contained(struct life *l)
{
	struct calm calm = l->calm;
	unsigned steps = spots[l->spot].touched ? 0 : 1 + stress_below(&l->a->rng, STEPS);

	check_blocked(l, &calm);
	for (; steps && !stress_failed(l->w->verdict); steps--)
		step(l);
	leave_home(l);
	RESULT(l->a, piommu_release(l->group), 0);
}

/* Behind no unit, and so it stays: a unit that comes leaves it alone until it is released (case T7). */
static void uncontained(struct life *l)
{
	struct calm calm = calm_look(l->w, l->spot, false, false);
	uint64_t word;
	int err;

	if (RESULT(l->a, piommu_claim_uncontained(l->group), -EBUSY, -ENODEV, -EAGAIN, -EINVAL))
		return;
	err = spot_read(l->w, l->spot, 0, l->w->secret.pa, &word);
	for (unsigned i = 0; i < 8 && !err; i++) {
		sched_yield();
		err = spot_read(l->w, l->spot, 0, l->w->secret.pa, &word);
		l->a->checks++;
		if (err && err != -ENOENT && undisturbed(l, &calm))
			stress_fail(l->w->verdict, "actor %u: device %u was put behind a unit under its owner's feet (%d)",
				    l->a->index, l->spot, err);
	}
	RESULT(l->a, piommu_release(l->group), 0);
}

void owner_turn(struct actor *a)
{
	struct life l = { .a = a, .w = a->w, .spot = spot_crowded(a), .home = NO_HOME };
	int err;

	l.calm = calm_look(a->w, l.spot, false, false);
	if (find_group(a, l.spot, &l.group))
		return;
	err = RESULT(a, piommu_claim(l.group), -EBUSY, -ENODEV, -EAGAIN);
	if (!err)
		contained(&l);
	else if (err == -ENODEV)
		uncontained(&l);
	piommu_group_put(l.group);
	piommu_poll(a->w->p);
	sched_yield();
}

/* ---- Touchers ----------------------------------------------------------------------------------------------------------------------------- */

static unsigned touched_spot(struct actor *a)
{
	unsigned spot;

	do
		spot = spot_any(a);
	while (!spots[spot].touched);
	return spot;
}

/* What is not known to be unmapped everywhere is not used again. */
static void touch_first(struct actor *a, unsigned spot, struct piommu_device *device)
{
	struct calm calm = calm_look(a->w, spot, false, false);
	unsigned page = a->next_page;
	uint64_t iova = window_iova(a, 0), word = 0;
	int err;

	word_set(&a->mem, page, CANARY);
	a->ops += 2;
	err = RESULT(a, piommu_device_map(device, iova, a->mem.pa + page * PAGE, PAGE, PIOMMU_RW), -EAGAIN, -ENODEV, -EBUSY,
		     -EINVAL, -EEXIST);
	if (!err) {
		err = spot_read(a->w, spot, 0, iova, &word);
		a->checks++;
		if (err && calm_still(a->w, spot, &calm))
			stress_fail(a->w->verdict, "actor %u: device %u was mapped for, and does not see it (%d)", a->index,
				    spot, err);
	} else if (err != -EEXIST) {
		return;
	}
	if (RESULT(a, piommu_device_unmap(device, iova, PAGE, NULL), -EINVAL, -ENOENT, -ENODEV, -EAGAIN)) {
		a->next_page++;
		return;
	}
	word_set(&a->mem, page, CANARY);
	spot_attack(a->w, spot, iova);
	must_not_reach(a, page, iova);
}

void toucher_turn(struct actor *a)
{
	unsigned spot = touched_spot(a);
	struct piommu_device *device;

	if (a->next_page * PAGE >= a->mem.len)
		return;
	if (!RESULT(a, piommu_device_find(a->w->p, spots[spot].sbdf, &device), -ENOENT, -EAGAIN)) {
		touch_first(a, spot, device);
		piommu_device_put(device);
	}
	piommu_poll(a->w->p);
	sched_yield();
}
