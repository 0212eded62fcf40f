/* SPDX-License-Identifier: BSD-3-Clause */
/* The storm's mappers and its landlord; attackers and lookers. */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>

#include "piommu_gather.h"
#include "storm.h"

#define BURST 64u

/* ---- Mapping -------------------------------------------------------------------------------------------------------------------- */

/* Page 0 is for anchors; each home has its own pages of an actor's memory. */
static uint64_t page_of(unsigned home, unsigned slot)
{
	return 1 + home * WINDOW + slot;
}

static void map_one(struct actor *a, unsigned home, unsigned slot)
{
	const struct home *h = &a->w->home[home];

	RESULT(a, piommu_map(h->domain, window_iova(a, slot), a->mem.pa + page_of(home, slot) * PAGE, PAGE, PIOMMU_RW), 0);
	a->mapped[home][slot] = true;
	a->ops++;
}

static void reclaim(struct actor *a, unsigned home, unsigned slot)
{
	word_set(&a->mem, page_of(home, slot), CANARY);
	must_not_reach(a, page_of(home, slot), window_iova(a, slot));
	a->mapped[home][slot] = a->limbo[slot] = false;
}

static void unmap_one(struct actor *a, unsigned home, unsigned slot, bool strict)
{
	struct piommu_domain *domain = a->w->home[home].domain;
	uint64_t iova = window_iova(a, slot);

	a->ops++;
	if (strict) {
		RESULT(a, piommu_unmap(domain, iova, PAGE, NULL), 0);
		reclaim(a, home, slot);
		return;
	}
	RESULT(a, piommu_unmap_gather(domain, iova, PAGE, a->gather, NULL), 0);
	a->limbo[slot] = true;
}

static void flush(struct actor *a, unsigned home)
{
	RESULT(a, piommu_gather_flush(a->w->home[home].domain, a->gather), 0);
	for (unsigned slot = 0; slot < WINDOW; slot++)
		if (a->limbo[slot])
			reclaim(a, home, slot);
}

static void burst(struct actor *a, unsigned home)
{
	bool strict = stress_below(&a->rng, 2);

	for (unsigned n = 0; n < BURST && !stress_failed(a->w->verdict); n++) {
		unsigned slot = stress_below(&a->rng, WINDOW);

		if (a->limbo[slot])
			continue;
		if (a->mapped[home][slot])
			unmap_one(a, home, slot, strict);
		else
			map_one(a, home, slot);
	}
	flush(a, home);
}

void mapper_turn(struct actor *a)
{
	burst(a, stress_below(&a->rng, BARE_HOME));
	if (stress_below(&a->rng, 4) == 0) {
		piommu_poll(a->w->p);
		sched_yield();
	}
}

/* ---- The landlord ----------------------------------------------------------------------------------------------------------------- */

static int make_home(struct actor *a, struct home *home, struct piommu_domain **out)
{
	static const struct piommu_sbdf at[] = { { 0, 0, 0x30 }, { 0, 7, 0x00 } };
	struct piommu_group *group;
	struct piommu_domain *domain;
	int err = RESULT(a, piommu_group_find(a->w->p, at[stress_below(&a->rng, 2)], &group), -ENOENT, -EAGAIN);

	if (err)
		return err;
	err = RESULT(a, piommu_domain_create(group, NULL, &domain), -ENODEV, -EAGAIN);
	piommu_group_put(group);
	if (err)
		return err;
	RESULT(a, piommu_map(domain, ANCHOR_IOVA, home->anchor.pa, PAGE, PIOMMU_READ), 0);
	*out = domain;
	return 0;
}

static void let(struct home *home, struct piommu_domain *domain)
{
	piommu_thread_offline();
	pthread_rwlock_wrlock(&home->lock);
	home->domain = domain;
	pthread_rwlock_unlock(&home->lock);
	piommu_thread_online();
}

void landlord_turn(struct actor *a)
{
	struct home *home = &a->w->home[BARE_HOME];
	struct piommu_domain *domain;

	if (make_home(a, home, &domain)) {
		sched_yield();
		return;
	}
	let(home, domain);
	for (unsigned n = 1 + stress_below(&a->rng, 16); n && !stress_failed(a->w->verdict); n--) {
		burst(a, BARE_HOME);
		sched_yield();
	}
	let(home, NULL); /* its tenants have left */
	for (unsigned slot = 0; slot < WINDOW; slot++)
		a->mapped[BARE_HOME][slot] = false;
	RESULT(a, piommu_domain_destroy(domain), 0);
	for (unsigned slot = 0; slot < WINDOW; slot++) {
		word_set(&a->mem, page_of(BARE_HOME, slot), CANARY);
		must_not_reach(a, page_of(BARE_HOME, slot), window_iova(a, slot));
	}
}

/* ---- Attackers ---------------------------------------------------------------------------------------------------------------------- */

void attacker_turn(struct actor *a)
{
	struct world *w = a->w;
	unsigned spot = spot_any(a);
	uint64_t word;

	for (unsigned i = 0; i < 16; i++)
		spot_attack(w, spot_any(a), BARE_IOVA + stress_below(&a->rng, w->nactors * WINDOW) * PAGE);
	/* Whatever moves meanwhile: a device sees the anchor of a domain that it was on, or none (rule R7). */
	if (!spot_read(w, spot, 0, ANCHOR_IOVA, &word) && (word ^ SIGNATURE) >> 40)
		stress_fail(w->verdict, "an anchor reads 0x%llx", (unsigned long long)word);
	piommu_poll(w->p);
	sched_yield();
}

/* ---- Lookers -------------------------------------------------------------------------------------------------------------------------- */

static void look_at_groups(struct actor *a)
{
	struct piommu *p = a->w->p;
	struct piommu_group *group;

	for (unsigned i = 0; (group = piommu_group_at(p, i)); i++) {
		struct piommu_group_info info;
		struct piommu_device_info device;
		const char *fact;
		char text[128];

		piommu_group_info(group, &info);
		for (unsigned d = 0; !piommu_group_device(group, d, &device); d++)
			;
		for (unsigned r = 0; !piommu_group_reason(group, r, &fact, text, sizeof(text)); r++)
			;
		piommu_group_put(group);
	}
}

static void look_at_units(struct actor *a)
{
	struct piommu *p = a->w->p;
	struct piommu_unit_info info;
	struct piommu_scope_info scope;
	struct piommu_stats stats;

	for (unsigned unit = 0; !RESULT(a, piommu_unit_info(p, unit, &info), -ENOENT); unit++)
		for (unsigned i = 0; !RESULT(a, piommu_unit_scope(p, unit, i, &scope), -ENOENT); i++)
			;
	piommu_stats(p, &stats);
	piommu_group_count(p);
}

static void look_at_one(struct actor *a)
{
	struct world *w = a->w;
	unsigned spot = spot_any(a);
	struct piommu_walk_step steps[8];
	struct piommu_device_stats stats;
	struct piommu_device *device;
	struct piommu_event events[16];

	RESULT(a, piommu_walk(w->p, spots[spot].sbdf, ANCHOR_IOVA, steps, 8), -ENOENT, -EACCES, -ENOTSUP);
	piommu_events(w->p, events, 16);
	if (RESULT(a, piommu_device_find(w->p, spots[spot].sbdf, &device), -ENOENT, -EAGAIN))
		return;
	sched_yield();
	piommu_device_stats(device, &stats); /* wherever it has gone */
	piommu_device_put(device);
}

static void look_up(struct actor *a)
{
	unsigned home = stress_below(&a->rng, HOMES);
	struct home *h = &a->w->home[home];
	uint64_t iova = BARE_IOVA + stress_below(&a->rng, a->w->nactors * WINDOW) * PAGE, pa;
	struct piommu_domain_info info;
	char text[160];

	if (pthread_rwlock_tryrdlock(&h->lock))
		return;
	if (h->domain) {
		RESULT(a, piommu_lookup(h->domain, iova, &pa, NULL, NULL), -ENOENT);
		RESULT(a, piommu_map_explain(h->domain, iova, h->anchor.pa, PAGE, PIOMMU_RW, text, sizeof(text)), -EEXIST);
		piommu_domain_info(h->domain, &info);
	}
	pthread_rwlock_unlock(&h->lock);
}

void looker_turn(struct actor *a)
{
	switch (stress_below(&a->rng, 4)) {
	case 0:
		look_at_groups(a);
		break;
	case 1:
		look_at_units(a);
		break;
	case 2:
		look_at_one(a);
		break;
	default:
		look_up(a);
		break;
	}
	piommu_poll(a->w->p);
	sched_yield();
}
