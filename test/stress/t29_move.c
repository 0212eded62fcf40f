/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * T29's movers: groups go from domain to domain, to nothing and to identity, and after each call their DMA is where the call
 * said. Now and then a domain is made for one group and ended again: its tag and its tables serve the next one.
 */
#include <errno.h>

#include "t29.h"

static const char *name_of(unsigned at)
{
	static const char *const names[] = { "domain 0", "domain 1", "blocked", "identity", "a private domain" };

	return names[at];
}

static void check_dma(struct world *w, const struct seat *seat, unsigned i, uint64_t iova, uint64_t expected)
{
	char sbdf[PIOMMU_SBDF_STRLEN];
	uint64_t word = 0;
	int err = piommu_sim_dma(w->plat, seat->device[i], iova, &word, sizeof(word), false);

	if (expected ? err || word != expected : !err)
		stress_fail(&w->verdict, "%s, now on %s, reads 0x%llx at 0x%llx (%d), not 0x%llx",
			    piommu_sbdf_format(seat->device[i], sbdf), name_of(seat->at), (unsigned long long)word,
			    (unsigned long long)iova, err, (unsigned long long)expected);
}

void seat_check(struct world *w, const struct seat *seat, uint64_t private_signature)
{
	uint64_t expected = seat->at < DOMAINS ? SIGNATURE + seat->at : seat->at == AT_PRIVATE ? private_signature : 0;

	for (unsigned i = 0; i < seat->ndevices; i++) {
		check_dma(w, seat, i, ANCHOR_IOVA, expected);
		check_dma(w, seat, i, w->anchor[0].pa, seat->at == AT_IDENTITY ? SIGNATURE : 0);
	}
}

/* Into the one claimed and detached state from which every other is one call away. */
static int leave(struct world *w, struct seat *seat)
{
	int err = 0;

	if (seat->at == AT_IDENTITY)
		err = piommu_claim(seat->group);
	else if (seat->at < DOMAINS)
		err = piommu_detach(w->domain[seat->at], seat->group);
	if (!err)
		seat->at = AT_BLOCKED;
	return err;
}

int seat_move(struct world *w, struct seat *seat, unsigned to)
{
	int err = 0;

	/* From domain to domain there is a way without a stop, and that is the one to take. */
	if (to >= DOMAINS || seat->at == AT_IDENTITY)
		err = leave(w, seat);
	if (!err && to < DOMAINS)
		err = piommu_attach(w->domain[to], seat->group);
	else if (!err && to == AT_IDENTITY)
		err = piommu_release(seat->group);
	if (!err)
		seat->at = to;
	return err;
}

static void write_by_all(struct world *w, const struct seat *seat, uint64_t iova)
{
	for (unsigned i = 0; i < seat->ndevices; i++)
		attack(w, seat->device[i], iova);
}

/* What is mapped now is cached now: what an unmap that began before the attach would miss. */
static void touch(struct world *w, const struct seat *seat)
{
	for (unsigned i = 0; i < MAPPERS; i++)
		for (unsigned slot = 0; slot < HOT; slot++)
			write_by_all(w, seat, slot_iova(i, slot));
}

/* A whole life: made, mapped, attached, detached, ended. The memory is free then, and nothing may reach it. */
static int churn(struct mover *v, struct seat *seat)
{
	struct world *w = v->w;
	uint64_t signature = SIGNATURE + (v->index + 1) * UINT64_C(0x1000000) + ++v->churns;
	const struct piommu_mem *page = &v->page[v->churns % 2];
	struct piommu_domain *domain;
	int err = leave(w, seat);

	if (err || (err = piommu_domain_create(seat->group, NULL, &domain)))
		return err;
	word_set(page, 0, signature);
	if ((err = piommu_map(domain, ANCHOR_IOVA, page->pa, PAGE, PIOMMU_READ)) ||
	    (err = piommu_map(domain, slot_iova(0, 0), page->pa + PAGE, PAGE, PIOMMU_RW)) ||
	    (err = piommu_attach(domain, seat->group)))
		return err;
	seat->at = AT_PRIVATE;
	seat_check(w, seat, signature);
	write_by_all(w, seat, slot_iova(0, 0));
	if ((err = piommu_detach(domain, seat->group)))
		return err;
	seat->at = AT_BLOCKED;
	if ((err = piommu_domain_destroy(domain)))
		return err;
	word_set(page, PAGE, CANARY);
	write_by_all(w, seat, slot_iova(0, 0));
	seat_check(w, seat, 0);
	if (word_get(page, PAGE) != CANARY)
		stress_fail(&w->verdict, "mover %u: the page of a domain that has ended was written", v->index);
	return 0;
}

static void turn(struct mover *v)
{
	static const unsigned targets[] = { 0, 1, 0, 1, 0, 1, AT_BLOCKED, AT_IDENTITY };
	struct seat *seat = &v->w->seat[stress_below(&v->rng, SEATS / MOVERS) * MOVERS + v->index];
	unsigned from = seat->at;
	unsigned to = targets[stress_below(&v->rng, sizeof(targets) / sizeof(targets[0]))];
	bool life = stress_below(&v->rng, 256) == 0; /* it waits for grace periods */
	int err = life ? churn(v, seat) : seat_move(v->w, seat, to);

	if (!err && seat->at < DOMAINS)
		touch(v->w, seat);
	v->moves++;
	if (err)
		stress_fail(&v->w->verdict, "mover %u: from %s to %s: %d", v->index, name_of(from),
			    name_of(life ? AT_PRIVATE : to), err);
	else
		seat_check(v->w, seat, 0);
}

void *mover_round(void *arg)
{
	struct mover *v = arg;

	stress_thread_start(&v->rng);
	for (unsigned n = 0; n < ROUND_MOVES && (!n || round_goes_on(v->w)); n++) {
		turn(v);
		piommu_poll(v->w->p);
	}
	stress_thread_end();
	return NULL;
}

int mover_init(struct mover *v)
{
	int err = piommu_mem_alloc(v->w->p, 2 * PAGE, 0, &v->page[0]);

	return err ? err : piommu_mem_alloc(v->w->p, 2 * PAGE, 0, &v->page[1]);
}

void mover_fini(struct mover *v)
{
	piommu_mem_free(v->w->p, &v->page[0]);
	piommu_mem_free(v->w->p, &v->page[1]);
}
