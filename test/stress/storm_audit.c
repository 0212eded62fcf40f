/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * After a storm: one thread, nothing moves. All devices are taken out and brought back, and then everything is counted: devices in
 * groups, references, domains; where each device's DMA goes; what the simulated units have to complain about. Looks into the core.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"
#include "storm.h"

enum standing standing_of(const struct world *w, struct piommu_group *group, unsigned spot)
{
	const struct spot *s = &spots[spot];
	enum standing found = OUTSIDE;

	piommu_thread_offline();
	mutex_lock(&group->mutex);
	for (unsigned d = 0; d < group->nmembers; d++) {
		const struct core_device *cd = group->members[d];
		const struct piommu_device *dev = &cd->dev;

		if (dev->unit &&
		    (s->node ? !strcmp(dev->name, spot_node(w, s)) : dev->is_pci && !piommu_sbdf_compare(dev->sbdf, s->sbdf)))
			found = cd->placed ? PLACED : BOUND;
	}
	mutex_unlock(&group->mutex);
	piommu_thread_online();
	return found;
}

static void odd(struct world *w, const char *what, uint64_t is, uint64_t expected)
{
	if (is != expected)
		stress_fail(w->verdict, "after the storm: %s: %llu, not %llu", what, (unsigned long long)is,
			    (unsigned long long)expected);
}

/* ---- The machine as it was ---------------------------------------------------------------------------------------------------- */

static void plug_all(struct world *w, bool present)
{
	static const struct piommu_sbdf bridges[] = { { 0, 0, 0xe0 } };

	if (present)
		piommu_sim_plug(w->plat, bridges[0]);
	for (unsigned i = 0; i < SPOTS; i++) {
		if (spots[i].node)
			piommu_sim_plug_node(w->plat, spot_node(w, &spots[i]), present);
		else if (present)
			piommu_sim_plug(w->plat, spots[i].sbdf);
		else
			piommu_sim_unplug(w->plat, spots[i].sbdf);
	}
}

static void rescan(struct world *w)
{
	int n = piommu_rescan(w->p);

	if (n < 0)
		stress_fail(w->verdict, "after the storm: rescan: %d", n);
}

/* ---- Devices and groups ---------------------------------------------------------------------------------------------------------- */

static size_t devices_there_are(struct world *w)
{
	struct piommu_pci_function *fns = NULL;
	struct piommu_node *nodes = NULL;
	size_t nfns = 0, nnodes = 0;

	w->plat->ops->pci_functions(w->plat, &fns, &nfns);
	w->plat->ops->nodes(w->plat, &nodes, &nnodes);
	free(fns);
	free(nodes);
	return nfns + nnodes;
}

/* @return whether it is on a domain of a bare unit that is its own */
static bool count_group(struct world *w, struct piommu_group *group, unsigned *ndevices)
{
	bool has_domain;

	mutex_lock(&group->mutex);
	*ndevices += group->nmembers;
	odd(w, "a group is claimed", atomic_load(&group->claimed), false);
	odd(w, "members in reset", group->nresets, 0);
	odd(w, "PASIDs of a group", group->npasids, 0);
	odd(w, "references to a group", group->ref.n, group->nmembers + 1u); /* and ours */
	for (unsigned d = 0; d < group->nmembers; d++) {
		odd(w, "references to a device", group->members[d]->ref.n, 1);
		odd(w, "a device with a unit is placed", group->members[d]->placed, group->members[d]->dev.unit != NULL);
	}
	has_domain = group->default_domain && core_group_unit(group)->driver == &bare_driver;
	mutex_unlock(&group->mutex);
	return has_domain;
}

static void count_groups(struct world *w)
{
	unsigned ndevices = 0, ngroups = 0, ndefault = 0;
	struct piommu_group *group;

	for (; (group = piommu_group_at(w->p, ngroups)); ngroups++) {
		ndefault += count_group(w, group, &ndevices);
		piommu_group_put(group);
	}
	odd(w, "devices in groups", ndevices, devices_there_are(w));
	odd(w, "groups", piommu_group_count(w->p), ngroups);
	/* Two of each unit's own, and what a group is on: never two of those. */
	odd(w, "domains of bare units", bare_domains(w->bare), 2 * BARE_UNITS + ndefault);
}

/* What is in memory is what is listed. */
static void count_objects(struct world *w)
{
	size_t ndevices = 0, ngroups = 0, refs = 0, behind = 0;
	struct core_unit *cu;

	rcu_drain();
	for (const struct core_device *cd = w->p->all_devices; cd; cd = cd->next, ndevices++)
		behind += cd->dev.unit != NULL;
	for (const struct piommu_group *group = w->p->all_groups; group; group = group->next)
		ngroups++;
	odd(w, "devices in memory", ndevices, devices_there_are(w));
	odd(w, "groups in memory", ngroups, piommu_group_count(w->p));
	for (unsigned i = 0; (cu = core_unit_at(w->p, i)); i++) {
		refs += cu->refs - 2; /* the table's and ours */
		odd(w, "a unit is ready", atomic_load(&cu->state), CORE_UNIT_READY);
		core_unit_put(cu);
	}
	odd(w, "references to units", refs, behind);
}

/* ---- Hardware ------------------------------------------------------------------------------------------------------------------------ */

static uint64_t stale_hits(struct world *w)
{
	struct piommu_sim_counts counts;
	uint64_t sum = 0;

	for (unsigned unit = 0; !piommu_sim_counts(w->plat, unit, &counts); unit++)
		sum += counts.stale_hits + counts.unflushed;
	return sum;
}

/* Nobody has it: identity, or for the touchers' a domain with nothing in it; and nothing of what was, out of no cache. */
static void check_dma(struct world *w)
{
	uint64_t before = stale_hits(w);

	for (unsigned spot = 0; spot < SPOTS; spot++) {
		uint64_t word;
		int err = spot_read(w, spot, 0, w->secret.pa, &word);

		if (!spots[spot].touched && (err || word != SIGNATURE))
			stress_fail(w->verdict, "after the storm: device %u, on identity, reads 0x%llx (%d)", spot,
				    (unsigned long long)word, err);
		for (unsigned page = 0; page < BARE_PAGES; page++)
			if (!spot_read(w, spot, 0, BARE_IOVA + page * PAGE, &word))
				stress_fail(w->verdict, "after the storm: device %u still reads page %u: 0x%llx", spot, page,
					    (unsigned long long)word);
	}
	odd(w, "accesses served from stale entries", stale_hits(w), before);
}

static void check_units(struct world *w)
{
	struct piommu_sim_counts c;
	char complaint[200];

	for (unsigned unit = 0; !piommu_sim_counts(w->plat, unit, &c); unit++) {
		piommu_sim_complaint(w->plat, unit, complaint, sizeof(complaint));
		if (c.width_errors + c.misuse + c.reserved_errors)
			stress_fail(w->verdict, "unit %u: %s", unit, complaint);
	}
}

void audit(struct world *w, struct actor *registrar)
{
	registrar_restore(registrar);
	plug_all(w, false);
	rescan(w);
	for (unsigned spot = 0; spot < SPOTS; spot++)
		bare_left(w->bare, spots[spot].sbdf, false);
	plug_all(w, true);
	rescan(w);
	if (stress_failed(w->verdict))
		return;
	count_groups(w);
	count_objects(w);
	check_dma(w);
	check_units(w);
}
