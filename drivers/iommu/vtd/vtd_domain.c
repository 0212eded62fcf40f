/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Domains. A paging domain is a second-stage page table and may be used on several units; identity and blocking domains are
 * a choice of context entry and hold nothing. Map, unmap, flush and lookup are the fast path: any registered thread, no lock.
 * Also the table that stands for identity on a unit without pass-through.
 * Specification: 3.7 (second-stage translation), 6.1 (caching mode), 6.5.3, 9.8.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vtd.h"

/* ---- What a map tells its units --------------------------------------------------------------------------------------------------- */

static int flush_write_buffers(const struct piommu_domain_units *units)
{
	int err = 0;

	for (unsigned i = 0; units && i < units->n; i++) {
		int one = vtd_inv_write_buffers(vtd_of(units->at[i].unit));

		err = err ? err : one;
	}
	return err;
}

static __attribute__((noinline, cold)) int tell(struct piommu_paging *paging, const struct piommu_mapping *mappings, unsigned n,
						struct piommu_gather *gather)
{
	const struct vtd_domain *domain = vtd_domain_of(&paging->base);
	int err;

	if (domain->needs & VTD_CAP_RWBF) {
		full_mb(); /* as in piommu_paging_units(): entries before the list of units */
		err = flush_write_buffers(piommu_domain_units(&paging->base));
		if (err)
			return err;
	}
	if (domain->needs & VTD_CAP_CM) {
		for (unsigned i = 0; i < n; i++)
			piommu_gather_add(gather, mappings[i].iova, mappings[i].iova + (mappings[i].len - 1));
		gather->nonleaf = true; /* not-present entries of every level are cached (6.1) */
	}
	return 0;
}

static const struct piommu_paging_kind vtdss = {
	PIOMMU_PAGING_FORMAT(vtdss, PIOMMU_PAGE_SIZE),
	.invalidate = vtd_inv_gather,
	.submit = vtd_inv_submit,
	.tell = tell,
};

PIOMMU_PAGING_OPS(paging_ops, vtdss, free);

/* ---- Creation ------------------------------------------------------------------------------------------------------------------------ */

static bool has_table_width(const struct vtd *vtd, unsigned bits)
{
	return bits >= 39 && (bits - 12) % 9 == 0 && vtd->cap & field_prep(VTD_CAP_SAGAW, BIT64((bits - 30) / 9));
}

/* The shallowest table of this unit that holds `iova_bits`; 0: none. */
static unsigned table_width(const struct vtd *vtd, unsigned iova_bits)
{
	for (unsigned bits = 39; bits <= 57; bits += 9) {
		if (bits >= iova_bits && has_table_width(vtd, bits))
			return bits;
	}
	return 0;
}

static int table_init(const struct vtd *vtd, unsigned bits, struct piommu_pt *pt)
{
	struct piommu_pt_config config = piommu_paging_config(vtd->unit, bits);

	return piommu_pt_vtdss_init(pt, &config);
}

static int paging_create(const struct vtd *vtd, unsigned iova_bits, struct piommu_domain **out)
{
	const struct piommu_unit *unit = vtd->unit;
	unsigned widest = unit->caps.iova_bits;
	unsigned bits = table_width(vtd, iova_bits ? iova_bits : widest);
	struct vtd_domain *domain;
	int err;

	if ((iova_bits && iova_bits > widest) || !bits) {
		log_err(unit->log, "%s: has no tables for %u address bits; at most %u", unit->name, iova_bits, widest);
		return -EINVAL;
	}
	domain = calloc(1, sizeof(*domain));
	if (!domain)
		return -ENOMEM;
	domain->paging.base = piommu_domain_base(unit, &paging_ops, PIOMMU_DOMAIN_PAGING, iova_bits ? iova_bits : widest);
	domain->needs = vtd->cap & (VTD_CAP_CM | VTD_CAP_RWBF);
	domain->paging.tells = domain->needs != 0;
	err = table_init(vtd, bits, &domain->paging.pt);
	if (err) {
		free(domain);
		return err;
	}
	*out = &domain->paging.base;
	return 0;
}

int vtd_domain_create(struct piommu_unit *unit, enum piommu_domain_type type, unsigned iova_bits, struct piommu_domain **out)
{
	return type == PIOMMU_DOMAIN_PAGING ? paging_create(vtd_of(unit), iova_bits, out)
					    : piommu_fixed_domain_create(unit, type, out);
}

int vtd_domain_fits(const struct piommu_domain *base, struct piommu_unit *unit)
{
	const struct vtd_domain *domain = (const struct vtd_domain *)(const void *)base;
	const struct vtd *vtd = vtd_of(unit);
	const char *why = NULL;

	if (base->type != PIOMMU_DOMAIN_PAGING)
		return 0;
	if (!has_table_width(vtd, 9 * domain->paging.pt.levels + 12))
		why = "the unit does not walk tables of that many levels";
	else if (vtd->cap & (VTD_CAP_CM | VTD_CAP_RWBF) & ~domain->needs)
		why = "it does not tell of new mappings, which the unit needs";
	return piommu_paging_fits(&domain->paging, unit, why);
}

/* ---- The identity table ----------------------------------------------------------------------------------------------------------------- */

static int by_start(const void *a, const void *b)
{
	const struct piommu_span *x = a;
	const struct piommu_span *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

/* Whole pages, inside what the table and the unit can address; an empty span (start > last) where nothing is left. */
static struct piommu_span page_span(const struct piommu_unit *unit, unsigned bits, struct piommu_span span)
{
	unsigned width = bits < unit->caps.pa_bits ? bits : unit->caps.pa_bits;
	uint64_t end = BIT64(width);

	span.start = align_down(span.start, PIOMMU_PAGE_SIZE);
	span.last |= PIOMMU_PAGE_SIZE - 1;
	if (span.last >= end)
		span.last = end - 1;
	return span;
}

static int map_identity(const struct vtd *vtd, struct piommu_pt *pt, struct piommu_span span)
{
	const struct piommu_span *hole = &vtd->unit->caps.hole;
	int err = 0;

	if (span.start > span.last)
		return 0;
	/* Interrupts are no memory, and entries must not lead there (3.15). */
	if (span.start < hole->start && span.last >= hole->start) {
		err = map_identity(vtd, pt, (struct piommu_span){ span.start, hole->start - 1 });
		span.start = hole->start;
	}
	if (span.start >= hole->start && span.start <= hole->last) {
		if (span.last <= hole->last)
			return err;
		span.start = hole->last + 1;
	}
	if (err)
		return err;
	return piommu_pt_vtdss_map(pt, span.start, span.start, span.last - span.start + 1, PIOMMU_RW, NULL);
}

/* Sorted spans may touch and overlap: each byte is mapped once. */
static int map_spans(const struct vtd *vtd, struct piommu_pt *pt, unsigned bits, struct piommu_span *spans, size_t n)
{
	struct piommu_span now = { 1, 0 };
	int err = 0;

	qsort(spans, n, sizeof(*spans), by_start);
	for (size_t i = 0; i < n && !err; i++) {
		struct piommu_span next = page_span(vtd->unit, bits, spans[i]);

		if (next.start > next.last)
			continue;
		if (now.start <= now.last && next.start <= now.last + 1) {
			now.last = next.last > now.last ? next.last : now.last;
			continue;
		}
		err = map_identity(vtd, pt, now);
		now = next;
	}
	return err ? err : map_identity(vtd, pt, now);
}

/* The machine's memory and windows, and what firmware reserved; everything there may be, where the platform cannot tell. */
static int collect_spans(const struct vtd *vtd, struct piommu_span **out, size_t *n)
{
	struct piommu_unit *unit = vtd->unit;
	struct piommu_span everything = { 0, BIT64(unit->caps.pa_bits) - 1 };
	struct piommu_span *found = NULL;
	struct piommu_span *spans;
	size_t nfound = 0;
	int err = unit->plat->ops->phys_spans ? unit->plat->ops->phys_spans(unit->plat, &found, &nfound) : 0;

	if (err)
		return err;
	spans = calloc(nfound + unit->nreserved + 1, sizeof(*spans));
	if (!spans) {
		free(found);
		return -ENOMEM;
	}
	if (nfound)
		memcpy(spans, found, nfound * sizeof(*spans));
	else
		spans[nfound++] = everything;
	if (unit->nreserved)
		memcpy(spans + nfound, unit->reserved, unit->nreserved * sizeof(*spans));
	free(found);
	*out = spans;
	*n = nfound + unit->nreserved;
	return 0;
}

int vtd_identity_create(struct vtd *vtd)
{
	unsigned bits = table_width(vtd, vtd->unit->caps.iova_bits);
	struct piommu_span *spans;
	size_t n;
	int err = collect_spans(vtd, &spans, &n);

	if (err)
		return err;
	err = table_init(vtd, bits, &vtd->identity);
	if (!err)
		err = map_spans(vtd, &vtd->identity, vtd->unit->caps.iova_bits, spans, n);
	if (err) {
		log_err(vtd->unit->log, "%s: has no pass-through, and its identity table could not be built (%s)",
			vtd->unit->name, strerror(-err));
		vtd_identity_destroy(vtd);
	}
	free(spans);
	return err;
}

void vtd_identity_destroy(struct vtd *vtd)
{
	if (vtd->identity.root)
		piommu_pt_vtdss_fini(&vtd->identity);
	vtd->identity = (struct piommu_pt){ 0 };
}
