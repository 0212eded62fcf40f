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

/* ---- Flush ----------------------------------------------------------------------------------------------------------------------- */

/* Tables that hardware may still walk: kept until the domain is destroyed, when no device is left on it. */
static void quarantine(struct vtd_domain *domain, struct piommu_gather *gather)
{
	if (!gather->pages.n)
		return;
	while (atomic_exchange_explicit(&domain->quarantine_busy, true, memory_order_acquire))
		cpu_relax();
	piommu_page_list_splice(&domain->quarantine, &gather->pages);
	atomic_store_explicit(&domain->quarantine_busy, false, memory_order_release);
}

static void empty(struct piommu_gather *gather)
{
	gather->n = 0;
	gather->whole = false;
	gather->nonleaf = false;
}

/*
 * Cleared entries before the list of units: pairs with the barrier of an attach, so that a device attached meanwhile is either in the
 * list or does not see the old entries (doc/locking.md).
 */
static const struct piommu_domain_units *units_after_clearing(const struct piommu_domain *base)
{
	const struct piommu_domain_units *units;

	full_mb();
	PIOMMU_YIELD("entries cleared, list about to be read");
	units = piommu_domain_units(base);
	PIOMMU_YIELD("list read, about to invalidate");
	return units;
}

static int paging_flush(struct piommu_domain *base, struct piommu_gather *gather)
{
	struct vtd_domain *domain = vtd_domain_of(base);
	const struct piommu_domain_units *units;
	int err = 0;

	if (piommu_gather_empty(gather) && !gather->pages.n)
		return 0;
	units = units_after_clearing(base);
	if (units && units->n && !gather->test_drop)
		err = vtd_inv_gather(units, gather);
	if (err || gather->test_drop)
		quarantine(domain, gather);
	else
		piommu_domain_retire(base, gather);
	empty(gather);
	return err;
}

/*
 * As units_after_clearing(), but the barrier is that of a queue's submission: the list is looked at before, and again after it. Where it has
 * changed meanwhile, what is on it now gets all once more.
 */
static int submit_to_all(const struct piommu_domain *base, const struct piommu_gather *gather, struct piommu_fence *fence)
{
	const struct piommu_domain_units *units = piommu_domain_units_glimpse(base);

	for (;;) {
		const struct piommu_domain_units *seen = units;
		int err;

		fence->n = 0;
		PIOMMU_YIELD("entries cleared, list not yet sure");
		err = units ? vtd_inv_submit(units, gather, fence) : 0;
		if (err == -EAGAIN)
			return err;
		if (!fence->n) /* no queue has taken anything */
			full_mb();
		units = piommu_domain_units(base);
		if (units == seen)
			return err;
	}
}

/* Of the gather's pages the caller takes care, unless they must never be used again. */
static int paging_submit(struct piommu_domain *base, struct piommu_gather *gather, struct piommu_fence *fence)
{
	int err = 0;

	fence->n = 0;
	if (piommu_gather_empty(gather))
		return 0;
	if (gather->test_drop)
		full_mb();
	else
		err = submit_to_all(base, gather, fence);
	if (err == -EAGAIN) {
		fence->n = 0;
		return err;
	}
	if (err || gather->test_drop)
		quarantine(vtd_domain_of(base), gather);
	empty(gather);
	return err;
}

/* ---- Map and unmap --------------------------------------------------------------------------------------------------------------- */

static __attribute__((noinline)) int unmap_strict(struct piommu_domain *base, uint64_t iova, size_t len, size_t *unmapped)
{
	struct vtd_domain *domain = vtd_domain_of(base);
	struct piommu_gather own;
	size_t done = 0;
	int err;

	piommu_gather_init(&own);
	err = piommu_pt_vtdss_unmap(&domain->pt, iova, len, &own, &done);
	if (!err)
		err = paging_flush(base, &own);
	if (unmapped)
		*unmapped = done;
	return err || done == len ? err : -ENOENT;
}

static int paging_unmap(struct piommu_domain *base, uint64_t iova, size_t len, struct piommu_gather *gather, size_t *unmapped)
{
	struct vtd_domain *domain = vtd_domain_of(base);

	if (__builtin_expect(!gather, 0))
		return unmap_strict(base, iova, len, unmapped);
	if (__builtin_expect(len == PIOMMU_PAGE_SIZE, 1))
		return piommu_pt_vtdss_unmap_page(&domain->pt, iova, gather, unmapped);
	return piommu_pt_vtdss_unmap_run(&domain->pt, iova, len, gather, unmapped);
}

static int paging_unmap_burst(struct piommu_domain *base, const struct piommu_range *ranges, unsigned n,
			      struct piommu_gather *gather, size_t *unmapped)
{
	size_t done;
	int err = piommu_pt_vtdss_unmap_burst(&vtd_domain_of(base)->pt, ranges, n, gather, &done);

	if (unmapped)
		*unmapped = done;
	return err;
}

static int flush_write_buffers(const struct piommu_domain_units *units)
{
	int err = 0;

	for (unsigned i = 0; units && i < units->n; i++) {
		int one = vtd_inv_write_buffers(vtd_of(units->at[i].unit));

		err = err ? err : one;
	}
	return err;
}

/* The part of a map that most never need: a table was displaced, or a unit must be told of new entries; once for a burst. */
static __attribute__((noinline, cold)) int map_flush(struct vtd_domain *domain, const struct piommu_mapping *mappings,
						     unsigned n, struct piommu_gather *gather)
{
	int err;

	if (domain->needs & VTD_CAP_RWBF) {
		full_mb(); /* as in units_after_clearing(): entries before the list of units */
		err = flush_write_buffers(piommu_domain_units(&domain->base));
		if (err)
			return err;
	}
	if (domain->needs & VTD_CAP_CM) {
		for (unsigned i = 0; i < n; i++)
			piommu_gather_add(gather, mappings[i].iova, mappings[i].iova + (mappings[i].len - 1));
		gather->nonleaf = true; /* not-present entries of every level are cached (6.1) */
	}
	return paging_flush(&domain->base, gather);
}

static __attribute__((noinline)) int map_range(struct piommu_domain *base, uint64_t iova, uint64_t pa, size_t len,
					       unsigned prot)
{
	struct vtd_domain *domain = vtd_domain_of(base);
	struct piommu_mapping mapping = { .iova = iova, .len = len };
	struct piommu_gather gather;
	int err;

	piommu_gather_init(&gather);
	err = piommu_pt_vtdss_map(&domain->pt, iova, pa, len, prot, &gather);
	if (__builtin_expect(piommu_gather_empty(&gather) && (err || !domain->needs), 1))
		return err;
	if (err) {
		paging_flush(base, &gather);
		return err;
	}
	err = map_flush(domain, &mapping, 1, &gather);
	if (err)
		paging_unmap(base, iova, len, NULL, NULL); /* all or nothing; the first error is the one to report */
	return err;
}

/* A run that could not be mapped: it is no run, or part of it was mapped for a moment and may be cached. */
static __attribute__((noinline, cold)) int map_other(struct piommu_domain *base, uint64_t iova, uint64_t pa, size_t len,
						     unsigned prot, int err)
{
	struct piommu_gather gather;

	if (err == -EAGAIN)
		return map_range(base, iova, pa, len, prot);
	piommu_gather_init(&gather);
	piommu_gather_add(&gather, iova, iova + (len - 1));
	paging_flush(base, &gather);
	return err;
}

/* Pages and runs displace no table, so that there is nothing to gather. */
static int paging_map(struct piommu_domain *base, uint64_t iova, uint64_t pa, size_t len, unsigned prot)
{
	struct vtd_domain *domain = vtd_domain_of(base);
	int err;

	if (__builtin_expect(domain->needs != 0, 0))
		return map_range(base, iova, pa, len, prot);
	if (__builtin_expect(len == PIOMMU_PAGE_SIZE, 1))
		return piommu_pt_vtdss_map_page(&domain->pt, iova, pa, prot);
	err = piommu_pt_vtdss_map_run(&domain->pt, iova, pa, len, prot);
	return __builtin_expect(!err, 1) ? 0 : map_other(base, iova, pa, len, prot, err);
}

/* The undo of a burst: each range is mapped. */
static void unmap_all(struct piommu_domain *base, const struct piommu_mapping *mappings, unsigned n,
		      struct piommu_gather *gather)
{
	for (unsigned i = 0; i < n; i++) {
		const struct piommu_range range = { mappings[i].iova, mappings[i].len, mappings[i].leaf };

		paging_unmap_burst(base, &range, 1, gather, NULL);
	}
}

/* What a failed burst had mapped for a moment may be cached: it is invalidated before the error is returned. */
static int paging_map_burst(struct piommu_domain *base, const struct piommu_mapping *mappings, unsigned n)
{
	struct vtd_domain *domain = vtd_domain_of(base);
	struct piommu_gather gather;
	int err;

	piommu_gather_init(&gather);
	err = piommu_pt_vtdss_map_burst(&domain->pt, mappings, n, &gather);
	if (__builtin_expect(piommu_gather_empty(&gather) && (err || !domain->needs), 1))
		return err;
	if (err) {
		paging_flush(base, &gather);
		return err;
	}
	err = map_flush(domain, mappings, n, &gather);
	if (!err)
		return 0;
	unmap_all(base, mappings, n, &gather);
	paging_flush(base, &gather);
	return err;
}

static int paging_lookup(struct piommu_domain *base, uint64_t iova, struct piommu_pt_leaf *leaf)
{
	return piommu_pt_vtdss_lookup(&vtd_domain_of(base)->pt, iova, leaf);
}

static void paging_destroy(struct piommu_domain *base)
{
	struct vtd_domain *domain = vtd_domain_of(base);

	piommu_pool_put_list(base->pool, &domain->quarantine);
	piommu_pt_vtdss_fini(&domain->pt);
	free(domain);
}

static const struct piommu_domain_ops paging_ops = {
	.map = paging_map,
	.unmap = paging_unmap,
	.flush = paging_flush,
	.lookup = paging_lookup,
	.map_burst = paging_map_burst,
	.unmap_burst = paging_unmap_burst,
	.submit = paging_submit,
	.destroy = paging_destroy,
};

/* ---- Identity and blocking: nothing to map ------------------------------------------------------------------------------------------ */

static int fixed_map(struct piommu_domain *base, uint64_t iova, uint64_t pa, size_t len, unsigned prot)
{
	(void)base, (void)iova, (void)pa, (void)len, (void)prot;
	return -EINVAL;
}

static int fixed_unmap(struct piommu_domain *base, uint64_t iova, size_t len, struct piommu_gather *gather, size_t *unmapped)
{
	(void)base, (void)iova, (void)len, (void)gather;
	if (unmapped)
		*unmapped = 0;
	return -EINVAL;
}

static int fixed_flush(struct piommu_domain *base, struct piommu_gather *gather)
{
	(void)base, (void)gather;
	return 0;
}

static int fixed_lookup(struct piommu_domain *base, uint64_t iova, struct piommu_pt_leaf *leaf)
{
	if (base->type == PIOMMU_DOMAIN_BLOCKING)
		return -ENOENT;
	*leaf = (struct piommu_pt_leaf){ .pa = iova, .entry = 0, .size = PIOMMU_PAGE_SIZE, .prot = PIOMMU_RW };
	return 0;
}

static void fixed_destroy(struct piommu_domain *base)
{
	free(vtd_domain_of(base));
}

static const struct piommu_domain_ops fixed_ops = {
	.map = fixed_map,
	.unmap = fixed_unmap,
	.flush = fixed_flush,
	.lookup = fixed_lookup,
	.destroy = fixed_destroy,
};

/* ---- Creation ------------------------------------------------------------------------------------------------------------------------ */

static void pt_writeback(void *ctx, const void *va, size_t len)
{
	piommu_plat_writeback_begin(ctx, va, len);
}

static void pt_writeback_wait(void *ctx)
{
	piommu_plat_writeback_wait(ctx);
}

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
	const struct piommu_unit *unit = vtd->unit;
	struct piommu_pt_config config = {
		.iova_bits = bits,
		.leaf_sizes = unit->caps.page_sizes,
		.pa_bits = unit->caps.pa_bits,
		.pool = unit->pool,
		.writeback = unit->caps.coherent ? NULL : pt_writeback,
		.writeback_wait = pt_writeback_wait,
		.writeback_ctx = unit->plat,
	};

	return piommu_pt_vtdss_init(pt, &config);
}

static int paging_init(const struct vtd *vtd, unsigned iova_bits, struct vtd_domain *domain)
{
	const struct piommu_unit *unit = vtd->unit;
	unsigned widest = unit->caps.iova_bits;
	unsigned bits = table_width(vtd, iova_bits ? iova_bits : widest);

	if ((iova_bits && iova_bits > widest) || !bits) {
		log_err(unit->log, "%s: has no tables for %u address bits; at most %u", unit->name, iova_bits, widest);
		return -EINVAL;
	}
	domain->base.ops = &paging_ops;
	domain->base.iova_bits = iova_bits ? iova_bits : widest;
	domain->base.page_sizes = unit->caps.page_sizes;
	domain->coherent = unit->caps.coherent;
	domain->needs = vtd->cap & (VTD_CAP_CM | VTD_CAP_RWBF);
	return table_init(vtd, bits, &domain->pt);
}

int vtd_domain_create(struct piommu_unit *unit, enum piommu_domain_type type, unsigned iova_bits, struct piommu_domain **out)
{
	struct vtd_domain *domain = calloc(1, sizeof(*domain));
	int err = 0;

	if (!domain)
		return -ENOMEM;
	domain->base.type = type;
	domain->base.pool = unit->pool;
	if (type == PIOMMU_DOMAIN_PAGING) {
		err = paging_init(vtd_of(unit), iova_bits, domain);
	} else {
		domain->base.ops = &fixed_ops;
		domain->base.iova_bits = unit->caps.iova_bits;
		domain->base.page_sizes = unit->caps.page_sizes;
	}
	if (err) {
		free(domain);
		return err;
	}
	*out = &domain->base;
	return 0;
}

int vtd_domain_fits(const struct piommu_domain *base, struct piommu_unit *unit)
{
	const struct vtd_domain *domain = (const struct vtd_domain *)(const void *)base;
	const struct vtd *vtd = vtd_of(unit);
	const char *why = NULL;

	if (base->type != PIOMMU_DOMAIN_PAGING)
		return 0;
	if (!has_table_width(vtd, 9 * domain->pt.levels + 12))
		why = "the unit does not walk tables of that many levels";
	else if (base->iova_bits > unit->caps.iova_bits)
		why = "its addresses are wider than the unit's";
	else if (base->page_sizes & ~unit->caps.page_sizes)
		why = "it uses page sizes that the unit does not have";
	else if (domain->coherent && !unit->caps.coherent)
		why = "its tables are not written back, and the unit does not snoop";
	else if (vtd->cap & (VTD_CAP_CM | VTD_CAP_RWBF) & ~domain->needs)
		why = "it does not tell of new mappings, which the unit needs";
	else if (domain->pt.pa_mask >> unit->caps.pa_bits)
		why = "it may hold addresses that the unit does not have";
	if (!why)
		return 0;
	log_err(unit->log, "%s: cannot use this domain: %s; make one for a group behind %s", unit->name, why, unit->name);
	return -EINVAL;
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
