/* SPDX-License-Identifier: BSD-3-Clause */
/* The storm's pluggers, resetters and registrars: what comes and goes. */
#include <errno.h>
#include <sched.h>

#include "drivers.h"
#include "storm.h"

static const struct piommu_sbdf bridge = { 0, 0, 0xe0 }; /* 00:1c.0, above 01:00.0 and 01:00.1 */

/* ---- Pluggers --------------------------------------------------------------------------------------------------------------------- */

static void plug(struct actor *a, unsigned spot, bool present)
{
	const struct spot *s = &spots[spot];
	struct piommu_platform *plat = a->w->plat;

	if (s->node)
		RESULT(a, piommu_sim_plug_node(plat, spot_node(a->w, s), present), -EEXIST, -ENOENT);
	else if (present)
		RESULT(a, piommu_sim_plug(plat, s->sbdf), -EEXIST, -ENODEV);
	else
		RESULT(a, piommu_sim_unplug(plat, s->sbdf), -ENOENT);
}

static int find(struct actor *a, unsigned spot, enum standing *standing)
{
	const struct spot *s = &spots[spot];
	struct piommu_group *group;
	int err = s->node ? piommu_group_find_node(a->w->p, spot_node(a->w, s), &group)
			  : piommu_group_find(a->w->p, s->sbdf, &group);

	*standing = OUTSIDE;
	if (err)
		return err;
	*standing = standing_of(a->w, group, spot);
	piommu_group_put(group);
	return 0;
}

static void add(struct actor *a, unsigned spot)
{
	const struct spot *s = &spots[spot];
	struct world *w = a->w;
	enum standing standing;
	struct calm calm;
	int err;

	hand_in(&w->hands[spot].plugs);
	calm = calm_look(w, spot, true, false);
	plug(a, spot, true);
	bare_left(w->bare, s->sbdf, false);
	err = s->node ? RESULT(a, piommu_node_add(w->p, spot_node(w, s)), -ENODEV, -EXDEV)
		      : RESULT(a, piommu_device_add(w->p, s->sbdf), -ENODEV, -EXDEV);
	if (!err && find(a, spot, &standing) && calm_but_for_resets(w, spot, &calm))
		stress_fail(w->verdict, "actor %u: device %u was added, and is not found", a->index, spot);
	hand_out(&w->hands[spot].plugs);
}

static void drop(struct actor *a, unsigned spot)
{
	const struct spot *s = &spots[spot];
	struct world *w = a->w;
	enum standing standing, now;
	struct calm calm;
	bool found;
	int err;

	hand_in(&w->hands[spot].plugs);
	calm = calm_look(w, spot, true, false);
	if (stress_below(&a->rng, 2))
		plug(a, spot, false);
	found = !find(a, spot, &standing);
	err = s->node ? RESULT(a, piommu_node_remove(w->p, spot_node(w, s)), -ENOENT)
		      : RESULT(a, piommu_device_remove(w->p, s->sbdf), -ENOENT);
	if (err && found && calm_but_for_resets(w, spot, &calm))
		stress_fail(w->verdict, "actor %u: device %u was there, and could not be removed", a->index, spot);
	if (!err && !find(a, spot, &now) && calm_but_for_resets(w, spot, &calm))
		stress_fail(w->verdict, "actor %u: device %u was removed, and is found", a->index, spot);
	if (!err && standing != OUTSIDE && !s->aliased && !s->touched && !spot_is_reserved(w, spot)) {
		bare_left(w->bare, s->sbdf, true);
		must_reach_nothing(a, spot, "removed", &calm);
	}
	hand_out(&w->hands[spot].plugs);
}

static void rescan(struct actor *a)
{
	hand_in(&a->w->hands_on_all);
	for (unsigned spot = 0; spot < SPOTS; spot++)
		bare_left(a->w->bare, spots[spot].sbdf, false);
	if (piommu_rescan(a->w->p) < 0)
		RESULT(a, piommu_rescan(a->w->p), -EXDEV, -ENODEV);
	hand_out(&a->w->hands_on_all);
}

/* A bridge goes with all that is behind it, and the machine is looked at; all comes back. */
static void turn_bridge(struct actor *a)
{
	struct piommu_platform *plat = a->w->plat;

	hand_in(&a->w->hands_on_all);
	RESULT(a, piommu_sim_unplug(plat, bridge), -ENOENT);
	rescan(a);
	RESULT(a, piommu_sim_plug(plat, bridge), -EEXIST);
	rescan(a);
	hand_out(&a->w->hands_on_all);
}

void plugger_turn(struct actor *a)
{
	unsigned spot = spot_any(a);

	switch (stress_below(&a->rng, 32)) {
	case 0:
		rescan(a);
		break;
	case 1:
		turn_bridge(a);
		break;
	case 2:
		plug(a, spot, stress_below(&a->rng, 2)); /* and nobody is told */
		break;
	default:
		if (stress_below(&a->rng, 3))
			add(a, spot);
		else
			drop(a, spot);
		break;
	}
	piommu_poll(a->w->p);
	sched_yield();
}

/* ---- Resetters ------------------------------------------------------------------------------------------------------------------------ */

/*
 * It is blocked from begin to end, whatever becomes of its group meanwhile; where its reset was begun while it was behind no unit, from when
 * one that came has placed it: its owner's release is enough for that, and nobody else has a hand in it.
 */
static void check_fence(struct actor *a, unsigned spot, const struct calm *calm)
{
	enum standing standing;

	if (spots[spot].aliased || spots[spot].touched || spot_is_reserved(a->w, spot) || find(a, spot, &standing) ||
	    standing != PLACED)
		return;
	for (unsigned i = 0; i < 3; i++) {
		sched_yield();
		must_reach_nothing(a, spot, "in reset", calm);
	}
}

void resetter_turn(struct actor *a)
{
	unsigned spot = spot_crowded(a), begun = 0, want = 1 + stress_below(&a->rng, 2);
	const struct spot *s = &spots[spot];
	struct world *w = a->w;
	struct calm calm;

	if (s->node)
		return;
	hand_in(&w->hands[spot].resets);
	calm = calm_look(w, spot, false, true);
	while (begun < want && !RESULT(a, piommu_reset_begin(w->p, s->sbdf), -ENOENT, -EINVAL))
		begun++;
	if (begun)
		check_fence(a, spot, &calm);
	for (; begun; begun--)
		if (RESULT(a, piommu_reset_end(w->p, s->sbdf), -ENOENT, -EINVAL) && calm_but_for_resets(w, spot, &calm))
			stress_fail(w->verdict, "actor %u: a reset of device %u that was begun cannot be ended", a->index,
				    spot);
	hand_out(&w->hands[spot].resets);
	piommu_poll(w->p);
	sched_yield();
}

/* ---- Registrars ----------------------------------------------------------------------------------------------------------------------- */

static void register_driver(struct actor *a, enum family family)
{
	bool was = a->registered[family];
	int err = RESULT(a, piommu_driver_register(a->w->p, a->w->drivers[family]), -EEXIST);

	if (!err == was)
		stress_fail(a->w->verdict, "actor %u: driver_register: %d", a->index, err);
	a->registered[family] = true;
}

static void unregister_driver(struct actor *a, enum family family)
{
	bool was = a->registered[family];
	int err = RESULT(a, piommu_driver_unregister(a->w->p, a->w->drivers[family]), -EBUSY, -ENOENT);

	if ((err == -ENOENT) == was)
		stress_fail(a->w->verdict, "actor %u: driver_unregister: %d", a->index, err);
	if (err)
		return;
	a->registered[family] = false;
	for (unsigned u = 0; u < BARE_UNITS && family == BARE; u++)
		a->unit_registered[u] = false;
}

static void register_unit(struct actor *a, unsigned u)
{
	const struct piommu_fw_unit desc = bare_desc(a->w->bare, u);
	bool was = a->unit_registered[u];
	struct piommu_unit *unit;

	if (was) /* the driver would be asked to probe what it drives: there is one of that name */
		return;
	if (RESULT(a, piommu_unit_register(a->w->p, &bare_driver, &desc, &unit), 0))
		return;
	a->unit[u] = unit;
	a->unit_registered[u] = true;
}

static void unregister_unit(struct actor *a, unsigned u)
{
	if (!a->unit_registered[u] || RESULT(a, piommu_unit_unregister(a->unit[u]), -EBUSY))
		return;
	a->unit_registered[u] = false;
}

static void turn_bare(struct actor *a)
{
	unsigned u = stress_below(&a->rng, BARE_UNITS);

	hand_in(&a->w->hands_on_family[BARE]);
	for (unsigned spot = 0; spot < SPOTS; spot++)
		bare_left(a->w->bare, spots[spot].sbdf, false);
	switch (stress_below(&a->rng, 6)) {
	case 0:
		unregister_driver(a, BARE);
		break;
	case 1:
	case 2:
		register_driver(a, BARE);
		break;
	case 3:
		unregister_unit(a, u);
		break;
	default:
		register_unit(a, u);
		break;
	}
	hand_out(&a->w->hands_on_family[BARE]);
}

void registrar_turn(struct actor *a)
{
	struct world *w = a->w;

	if (!w->lasting && stress_below(&a->rng, 4) == 0) {
		hand_in(&w->hands_on_family[SIM]);
		if (a->registered[SIM])
			unregister_driver(a, SIM);
		else
			register_driver(a, SIM);
		hand_out(&w->hands_on_family[SIM]);
	} else {
		turn_bare(a);
	}
	for (unsigned i = 0; i < 16; i++) {
		piommu_poll(w->p);
		sched_yield();
	}
}

void registrar_restore(struct actor *a)
{
	for (unsigned family = 0; family < FAMILIES; family++)
		if (!a->registered[family])
			register_driver(a, family);
	for (unsigned u = 0; u < BARE_UNITS; u++)
		register_unit(a, u);
}
