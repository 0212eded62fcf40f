/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * T29's mappers: bursts of map and unmap on what they own, strict or with a gather. A buffer whose unmap is complete is free: it
 * gets a canary, devices are sent after it, and whenever it is taken again the canary must be there.
 */
#include <sched.h>

#include "piommu_gather.h"
#include "t29.h"

#define BURST 1024u

static uint64_t off_of(unsigned buffer)
{
	return buffer * PAGE;
}

static void check_canary(struct mapper *m, const struct piommu_mem *mem, uint64_t off, uint64_t iova)
{
	uint64_t word = word_get(mem, off);

	if (word != CANARY)
		stress_fail(&m->w->verdict, "mapper %u: 0x%llx came into a page that was unmapped, by way of 0x%llx", m->index,
			    (unsigned long long)word, (unsigned long long)iova);
}

static void check_call(struct mapper *m, const char *what, uint64_t iova, int err)
{
	m->ops++;
	if (err)
		stress_fail(&m->w->verdict, "mapper %u: %s 0x%llx: %d", m->index, what, (unsigned long long)iova, err);
}

static void flush(struct mapper *m, struct piommu_domain *domain)
{
	int err;

	m->gather->test_drop = m->w->drop;
	err = piommu_gather_flush(domain, m->gather);
	m->flushes++;
	if (err)
		stress_fail(&m->w->verdict, "mapper %u: flush: %d", m->index, err);
}

/* ---- Pages ------------------------------------------------------------------------------------------------------------ */

static void map_slot(struct mapper *m, unsigned d, unsigned slot)
{
	uint64_t iova = slot_iova(m->index, slot);
	unsigned take = stress_below(&m->rng, m->nfree);
	unsigned buffer = m->free[take];

	m->free[take] = m->free[--m->nfree];
	check_canary(m, &m->arena, off_of(buffer), iova);
	check_call(m, "map", iova, piommu_map(m->w->domain[d], iova, m->arena.pa + off_of(buffer), PAGE, PIOMMU_RW));
	m->slot[d][slot].buffer = buffer;
}

/* No device can reach the slot's buffer from here on. */
static void reclaim(struct mapper *m, unsigned d, unsigned slot)
{
	struct slot *s = &m->slot[d][slot];

	word_set(&m->arena, off_of(s->buffer), CANARY);
	if (stress_below(&m->rng, 16) == 0) {
		attack_by_all(m->w, slot_iova(m->index, slot));
		check_canary(m, &m->arena, off_of(s->buffer), slot_iova(m->index, slot));
		m->probes++;
	}
	m->free[m->nfree++] = s->buffer;
	*s = (struct slot){ NO_BUFFER, false };
}

/* A slot, and sometimes those after it in one call. @return how many */
static unsigned run_length(struct mapper *m, unsigned d, unsigned slot)
{
	unsigned n = 1;

	for (; (slot + n) % RUN && stress_below(&m->rng, 2); n++)
		if (m->slot[d][slot + n].buffer == NO_BUFFER || m->slot[d][slot + n].limbo)
			break;
	return n;
}

static void unmap_slots(struct mapper *m, unsigned d, unsigned slot, bool strict)
{
	struct piommu_domain *domain = m->w->domain[d];
	uint64_t iova = slot_iova(m->index, slot);
	unsigned n = run_length(m, d, slot);

	if (strict)
		check_call(m, "unmap", iova, piommu_unmap(domain, iova, n * PAGE, NULL));
	else
		check_call(m, "unmap", iova, piommu_unmap_gather(domain, iova, n * PAGE, m->gather, NULL));
	m->flushes += strict;
	for (unsigned i = 0; i < n; i++) {
		if (strict) {
			reclaim(m, d, slot + i);
		} else {
			m->slot[d][slot + i].limbo = true;
			m->limbo[m->nlimbo++] = slot + i;
		}
	}
}

static void burst(struct mapper *m)
{
	unsigned d = stress_below(&m->rng, DOMAINS);
	bool strict = !m->w->drop && stress_below(&m->rng, 4) == 0;
	unsigned n = 1 + stress_below(&m->rng, strict ? 8 : BURST);

	for (; n && !stress_failed(&m->w->verdict); n--) {
		unsigned slot = stress_below(&m->rng, strict ? HOT : SLOTS);
		const struct slot *s = &m->slot[d][slot];

		if (s->limbo)
			continue;
		if (s->buffer == NO_BUFFER)
			map_slot(m, d, slot);
		else
			unmap_slots(m, d, slot, strict);
	}
	if (!m->nlimbo)
		return;
	flush(m, m->w->domain[d]);
	while (m->nlimbo)
		reclaim(m, d, m->limbo[--m->nlimbo]);
}

/* ---- A span with tables of its own -------------------------------------------------------------------------------------- */

/* Where a point of the span is in memory. Pages are mapped one page further on, so that no super page fits. */
static uint64_t big_off(enum big how, unsigned point)
{
	return big_point(point) + (how == BIG_PAGES ? PAGE : 0);
}

static void big_unmap(struct mapper *m, unsigned d)
{
	struct piommu_domain *domain = m->w->domain[d];
	uint64_t iova = big_iova(m->index);

	if (m->w->drop || stress_below(&m->rng, 2)) {
		check_call(m, "unmap", iova, piommu_unmap_gather(domain, iova, BIG_LEN, m->gather, NULL));
		flush(m, domain);
	} else {
		check_call(m, "unmap", iova, piommu_unmap(domain, iova, BIG_LEN, NULL));
		m->flushes++;
	}
	for (unsigned i = 0; i < BIG_POINTS; i++)
		word_set(&m->big_mem, big_off(m->big[d], i), CANARY);
	for (unsigned i = 0; i < 2; i++)
		attack_by_all(m->w, iova + big_point(stress_below(&m->rng, BIG_POINTS)));
	for (unsigned i = 0; i < BIG_POINTS; i++)
		check_canary(m, &m->big_mem, big_off(m->big[d], i), iova + big_point(i));
	m->probes += 2;
	m->big[d] = BIG_NOT;
}

static void big_map(struct mapper *m, unsigned d)
{
	enum big how = stress_below(&m->rng, 2) ? BIG_SUPER : BIG_PAGES;
	uint64_t iova = big_iova(m->index);

	for (unsigned i = 0; i < BIG_POINTS; i++) {
		check_canary(m, &m->big_mem, big_off(BIG_SUPER, i), iova + big_point(i));
		check_canary(m, &m->big_mem, big_off(BIG_PAGES, i), iova + big_point(i));
	}
	check_call(m, "map", iova, piommu_map(m->w->domain[d], iova, m->big_mem.pa + big_off(how, 0), BIG_LEN, PIOMMU_RW));
	m->big[d] = how;
}

/* Out of the domain that has it, or into one. */
static void big_turn(struct mapper *m)
{
	for (unsigned d = 0; d < DOMAINS; d++) {
		if (m->big[d] != BIG_NOT) {
			big_unmap(m, d);
			return;
		}
	}
	big_map(m, stress_below(&m->rng, DOMAINS));
}

/* ---- The thread --------------------------------------------------------------------------------------------------------- */

void *mapper_round(void *arg)
{
	struct mapper *m = arg;
	uint64_t end = m->ops + ROUND_OPS;

	stress_thread_start(&m->rng);
	while (m->ops < end && !stress_failed(&m->w->verdict)) {
		if (stress_below(&m->rng, 4) == 0)
			big_turn(m);
		else
			burst(m);
		if (stress_below(&m->rng, 16) == 0) {
			piommu_poll(m->w->p);
			sched_yield(); /* on few processors it would be done before the others' turn */
		}
	}
	stress_thread_end();
	atomic_fetch_sub_explicit(&m->w->mapping, 1, memory_order_release);
	return NULL;
}

int mapper_init(struct mapper *m)
{
	struct piommu *p = m->w->p;
	int err = piommu_gather_create(&m->gather);

	if (err || (err = piommu_mem_alloc(p, BUFFERS * PAGE, 0, &m->arena)) ||
	    (err = piommu_mem_alloc(p, BIG_LEN + PAGE, UINT64_C(2) << 20, &m->big_mem)))
		return err;
	for (unsigned d = 0; d < DOMAINS; d++)
		for (unsigned slot = 0; slot < SLOTS; slot++)
			m->slot[d][slot].buffer = NO_BUFFER;
	for (unsigned b = 0; b < BUFFERS; b++) {
		m->free[m->nfree++] = b;
		word_set(&m->arena, off_of(b), CANARY);
	}
	for (uint64_t off = 0; off < BIG_LEN + PAGE; off += PAGE)
		word_set(&m->big_mem, off, CANARY);
	return 0;
}

void mapper_fini(struct mapper *m)
{
	piommu_gather_destroy(m->gather);
	piommu_mem_free(m->w->p, &m->big_mem);
	piommu_mem_free(m->w->p, &m->arena);
}
