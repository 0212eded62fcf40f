/* SPDX-License-Identifier: BSD-3-Clause */
/* T29's attackers, lookers, and the sweep between rounds. */
#include <errno.h>
#include <sched.h>

#include "t29.h"

#define TURN 8u /* steps before the processor is offered to the others */

/* ---- Attackers ---------------------------------------------------------------------------------------------------------- */

void attack(struct world *w, struct piommu_sbdf device, uint64_t iova)
{
	uint64_t word = ATTACK + ((uint64_t)device.bus << 8 | device.devfn);

	piommu_sim_dma(w->plat, device, iova, &word, sizeof(word), true);
}

void attack_by_all(struct world *w, uint64_t iova)
{
	for (unsigned s = 0; s < SEATS; s++)
		for (unsigned i = 0; i < w->seat[s].ndevices; i++)
			attack(w, w->seat[s].device[i], iova);
}

static uint64_t any_iova(struct stress_rng *rng, unsigned mapper)
{
	if (stress_below(rng, 8) == 0)
		return big_iova(mapper) + big_point(stress_below(rng, BIG_POINTS));
	return slot_iova(mapper, stress_below(rng, stress_below(rng, 2) ? HOT : SLOTS));
}

static uint64_t any_target(struct world *w, struct stress_rng *rng)
{
	if (w->with_channels && stress_below(rng, 8))
		return bursts_target(w, rng);
	return any_iova(rng, stress_below(rng, MAPPERS));
}

/* Whatever moves meanwhile: a device sees the anchor of a domain it was on, or none (rule R7). */
static void read_anchor(struct world *w, struct stress_rng *rng)
{
	uint64_t word = 0;

	if (piommu_sim_dma(w->plat, any_device(w, rng), ANCHOR_IOVA, &word, sizeof(word), false))
		return;
	if ((word ^ SIGNATURE) >> 40)
		stress_fail(&w->verdict, "an anchor reads 0x%llx", (unsigned long long)word);
}

void *attacker_round(void *arg)
{
	struct beside *b = arg;

	stress_thread_start(&b->rng);
	for (unsigned n = 0; n < ROUND_TURNS && round_goes_on(b->w); n++) {
		for (unsigned i = 0; i < TURN; i++) {
			if (stress_below(&b->rng, 4) == 0)
				read_anchor(b->w, &b->rng);
			else
				attack(b->w, any_device(b->w, &b->rng), any_target(b->w, &b->rng));
		}
		piommu_poll(b->w->p);
		sched_yield();
	}
	stress_thread_end();
	return NULL;
}

/* ---- Lookers -------------------------------------------------------------------------------------------------------------- */

static bool holds(const struct piommu_mem *mem, uint64_t pa)
{
	return pa >= mem->pa && pa - mem->pa < mem->len;
}

static void look(struct world *w, struct stress_rng *rng)
{
	unsigned owner = stress_below(rng, MAPPERS);
	const struct mapper *m = &w->mapper[owner];
	uint64_t iova = any_iova(rng, owner), pa = 0;
	unsigned prot = 0;
	int err = piommu_lookup(w->domain[stress_below(rng, DOMAINS)], iova, &pa, &prot, NULL);

	if (err == -ENOENT)
		return;
	if (err || !holds(iova >= BIG_IOVA ? &m->big_mem : &m->arena, pa) || prot != PIOMMU_RW)
		stress_fail(&w->verdict, "lookup of 0x%llx: %d, pa 0x%llx, prot %u", (unsigned long long)iova, err,
			    (unsigned long long)pa, prot);
}

void *looker_round(void *arg)
{
	struct beside *b = arg;

	stress_thread_start(&b->rng);
	for (unsigned n = 0; n < ROUND_TURNS && round_goes_on(b->w); n++) {
		for (unsigned i = 0; i < TURN; i++)
			look(b->w, &b->rng);
		piommu_poll(b->w->p);
		sched_yield();
	}
	stress_thread_end();
	return NULL;
}

/* ---- Between rounds --------------------------------------------------------------------------------------------------------- */

/* What nothing excuses while nothing moves: stale cache entries, and entries of tables that were not written back. */
static uint64_t excusable(struct world *w)
{
	struct piommu_sim_counts counts;
	uint64_t sum = 0;

	for (unsigned unit = 0; !piommu_sim_counts(w->plat, unit, &counts); unit++)
		sum += counts.stale_hits + counts.unflushed;
	return sum;
}

/* `mem` NULL: nothing is mapped there. */
static void check_reads(struct world *w, const struct seat *seat, uint64_t iova, const struct piommu_mem *mem, uint64_t off)
{
	for (unsigned i = 0; i < seat->ndevices; i++) {
		uint64_t word = 0;
		int err = piommu_sim_dma(w->plat, seat->device[i], iova, &word, sizeof(word), false);

		if (mem ? err || word != word_get(mem, off) : !err)
			stress_fail(&w->verdict, "between rounds: a device at %u reads 0x%llx at 0x%llx (%d), which is %s",
				    seat->at, (unsigned long long)word, (unsigned long long)iova, err,
				    mem ? "mapped" : "not mapped");
	}
}

static void sweep_mapper(struct world *w, const struct seat *seat, const struct mapper *m)
{
	bool translated = seat->at < DOMAINS;

	for (unsigned slot = 0; slot < SLOTS; slot++) {
		unsigned buffer = translated ? m->slot[seat->at][slot].buffer : NO_BUFFER;

		check_reads(w, seat, slot_iova(m->index, slot), buffer == NO_BUFFER ? NULL : &m->arena, buffer * PAGE);
	}
	for (unsigned i = 0; i < BIG_POINTS; i++) {
		enum big how = translated ? m->big[seat->at] : BIG_NOT;

		check_reads(w, seat, big_iova(m->index) + big_point(i), how == BIG_NOT ? NULL : &m->big_mem,
			    big_point(i) + (how == BIG_PAGES ? PAGE : 0));
	}
}

/* The last page of each, by every device: by those of its domain to it, by those of none to nothing; the other domain has its own there. */
static void sweep_lives(struct world *w, const struct seat *seat, unsigned d, const struct live *live, unsigned n)
{
	for (unsigned i = 0; i < n && (seat->at >= DOMAINS || seat->at == d); i++) {
		unsigned last = live[i].npages - 1;

		if (!live[i].pooled)
			check_reads(w, seat, live[i].iova + last * PAGE, seat->at == d ? &w->bursts.arena : NULL,
				    live_off(&live[i], last));
	}
}

static void sweep_burster(struct world *w, const struct seat *seat, const struct burster *b)
{
	for (unsigned d = 0; d < DOMAINS; d++) {
		sweep_lives(w, seat, d, b->outlet[d].live, b->outlet[d].nlive);
		sweep_lives(w, seat, d, b->outlet[d].own, b->outlet[d].nown);
	}
}

static void mark_lives(struct world *w, const struct live *live, unsigned n, uint64_t *word)
{
	for (unsigned i = 0; i < n; i++)
		if (!live[i].pooled)
			word_set(&w->bursts.arena, live_off(&live[i], live[i].npages - 1), *word += 256);
}

static void mark_bursts(struct world *w)
{
	uint64_t word = ATTACK + 64;

	for (unsigned i = 0; i < BURSTERS; i++) {
		for (unsigned d = 0; d < DOMAINS; d++) {
			const struct outlet *o = &w->bursts.burster[i].outlet[d];

			mark_lives(w, o->live, o->nlive, &word);
			mark_lives(w, o->own, o->nown, &word);
		}
	}
}

/* Each mapped page gets a word that no other has. */
static void mark(struct world *w)
{
	for (unsigned i = 0; i < MAPPERS; i++) {
		struct mapper *m = &w->mapper[i];

		for (unsigned d = 0; d < DOMAINS; d++) {
			for (unsigned slot = 0; slot < SLOTS; slot++)
				if (m->slot[d][slot].buffer != NO_BUFFER)
					word_set(&m->arena, m->slot[d][slot].buffer * PAGE,
						 ATTACK + i + (d * SLOTS + slot) * 256);
			for (unsigned n = 0; m->big[d] != BIG_NOT && n < BIG_POINTS; n++)
				word_set(&m->big_mem, big_point(n) + (m->big[d] == BIG_PAGES ? PAGE : 0),
					 ATTACK + i + n * 256 + 128);
		}
	}
}

void sweep(struct world *w)
{
	uint64_t before = excusable(w), after;

	mark(w);
	if (w->with_channels)
		mark_bursts(w);
	for (unsigned s = 0; s < SEATS; s++) {
		seat_check(w, &w->seat[s], 0);
		for (unsigned i = 0; i < MAPPERS; i++)
			sweep_mapper(w, &w->seat[s], &w->mapper[i]);
		for (unsigned i = 0; w->with_channels && i < BURSTERS; i++)
			sweep_burster(w, &w->seat[s], &w->bursts.burster[i]);
	}
	after = excusable(w);
	if (after != before)
		stress_fail(&w->verdict, "between rounds: %llu accesses were served from stale entries",
			    (unsigned long long)(after - before));
}
