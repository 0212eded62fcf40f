/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a paging domain is in every family that has page tables in memory: map, unmap, flush, bursts and their submission, over one
 * format of lib/pt and three functions of the driver. Included by a driver's domain file alone. PIOMMU_PAGING_OPS() makes the ops of one
 * format: everything folds into them, so that the call through an op stays the only indirect one. Also the domains that hold no table.
 *
 * Thread rules: those of struct piommu_domain_ops. Installed; compiles alone as C and C++.
 */
#ifndef PIOMMU_PAGING_H
#define PIOMMU_PAGING_H

#include <errno.h>

#include "piommu_driver.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** A paging domain: the first member of a driver's. The driver fills `base` but for what is the core's, `pt` and `tells`. */
struct piommu_paging {
	struct piommu_domain base;
	struct piommu_pt pt;
	bool tells; /**< a unit must be told of new mappings: each map goes through the kind's `tell` */
	bool quarantine_busy;
	struct piommu_page_list quarantine; /**< tables whose invalidation is not known to be complete */
};

/** What tells one kind of paging domain from another. A constant of the file that includes this, so that it folds. */
struct piommu_paging_kind {
	/* of the page-table format: PIOMMU_PAGING_FORMAT() fills them */
	int (*map)(struct piommu_pt *pt, uint64_t iova, uint64_t pa, size_t len, unsigned prot, struct piommu_gather *gather);
	int (*map_page)(struct piommu_pt *pt, uint64_t iova, uint64_t pa, unsigned prot);
	int (*map_run)(struct piommu_pt *pt, uint64_t iova, uint64_t pa, size_t len, unsigned prot);
	int (*map_burst)(struct piommu_pt *pt, const struct piommu_mapping *mappings, unsigned n, struct piommu_gather *gather);
	int (*unmap)(struct piommu_pt *pt, uint64_t iova, size_t len, struct piommu_gather *gather, size_t *unmapped);
	int (*unmap_page)(struct piommu_pt *pt, uint64_t iova, struct piommu_gather *gather, size_t *unmapped);
	int (*unmap_run)(struct piommu_pt *pt, uint64_t iova, size_t len, struct piommu_gather *gather, size_t *unmapped);
	int (*unmap_burst)(struct piommu_pt *pt, const struct piommu_range *ranges, unsigned n, struct piommu_gather *gather,
			   size_t *unmapped);
	int (*lookup)(const struct piommu_pt *pt, uint64_t iova, struct piommu_pt_leaf *leaf);
	void (*fini)(struct piommu_pt *pt);
	size_t page_size;

	/** Invalidates what the gather holds on every unit of the list, and waits. @return 0, or the first unit's error */
	int (*invalidate)(const struct piommu_domain_units *units, const struct piommu_gather *gather);
	/**
	 * The same without the wait, which is for who has the fence. What it sends is ordered as piommu_ring_submit() says where the
	 * fence holds a ticket. @return 0; -EAGAIN: a queue is full, `fence` says nothing; else a unit did not follow, the others did
	 */
	int (*submit)(const struct piommu_domain_units *units, const struct piommu_gather *gather, struct piommu_fence *fence);
	/**
	 * Of a domain that tells: what units want to know of ranges that were just mapped is done, or added to the gather, which is
	 * then invalidated. NULL: no domain of this kind tells. @return 0, or an error: then the ranges are unmapped again
	 */
	int (*tell)(struct piommu_paging *paging, const struct piommu_mapping *mappings, unsigned n,
		    struct piommu_gather *gather);
};

/** The members of a kind that a page-table format gives. */
#define PIOMMU_PAGING_FORMAT(format, page) \
	.map = piommu_pt_##format##_map, .map_page = piommu_pt_##format##_map_page, .map_run = piommu_pt_##format##_map_run, \
	.map_burst = piommu_pt_##format##_map_burst, .unmap = piommu_pt_##format##_unmap, \
	.unmap_page = piommu_pt_##format##_unmap_page, .unmap_run = piommu_pt_##format##_unmap_run, \
	.unmap_burst = piommu_pt_##format##_unmap_burst, .lookup = piommu_pt_##format##_lookup, \
	.fini = piommu_pt_##format##_fini, .page_size = (page)

static inline struct piommu_paging *piommu_paging_of(struct piommu_domain *domain)
{
	return (struct piommu_paging *)(void *)domain;
}

/* ---- Out of line: paging.c -------------------------------------------------------------------------------------------------- */

/** How the tables of a domain for this unit are made: its sizes, its pool, its write-back. The driver adds what its format wants. */
struct piommu_pt_config piommu_paging_config(const struct piommu_unit *unit, unsigned iova_bits);
/** A domain of this unit, as far as every family knows. */
struct piommu_domain piommu_domain_base(const struct piommu_unit *unit, const struct piommu_domain_ops *ops,
					enum piommu_domain_type type, unsigned iova_bits);
/**
 * Whether devices of `unit` can use a domain that was made for another. `why`: what a driver itself has against it; NULL: nothing, and what
 * every family asks is asked here. @return 0, or -EINVAL, with the reason said
 */
int piommu_paging_fits(const struct piommu_paging *paging, const struct piommu_unit *unit, const char *why);
/** Keeps a gather's tables until the domain is destroyed, when no device is left on it: hardware may still walk them. */
void piommu_paging_quarantine(struct piommu_paging *paging, struct piommu_gather *gather);
/** Gives them back. For destroy. */
void piommu_paging_release(struct piommu_paging *paging);
/** An identity or a blocking domain: a choice of what devices' entries say, nothing to map. @return 0 or -ENOMEM */
int piommu_fixed_domain_create(struct piommu_unit *unit, enum piommu_domain_type type, struct piommu_domain **out);

/* ---- Folded in --------------------------------------------------------------------------------------------------------------- */

#define PIOMMU_PAGING_INLINE static inline __attribute__((always_inline))

static inline void piommu_paging_empty(struct piommu_gather *gather)
{
	gather->n = 0;
	gather->whole = false;
	gather->nonleaf = false;
}

/**
 * The list of units after entries were cleared: pairs with the barrier of an attach, so that a device attached meanwhile is either in the
 * list or does not see the old entries (doc/locking.md).
 */
static inline const struct piommu_domain_units *piommu_paging_units(const struct piommu_domain *base)
{
	const struct piommu_domain_units *units;

	full_mb();
	PIOMMU_YIELD("entries cleared, list about to be read");
	units = piommu_domain_units(base);
	PIOMMU_YIELD("list read, about to invalidate");
	return units;
}

/* As the op. */
PIOMMU_PAGING_INLINE int piommu_paging_flush(const struct piommu_paging_kind *kind, struct piommu_paging *paging,
					     struct piommu_gather *gather)
{
	const struct piommu_domain_units *units;
	int err = 0;

	if (piommu_gather_empty(gather) && !gather->pages.n)
		return 0;
	units = piommu_paging_units(&paging->base);
	if (units && units->n && !gather->test_drop)
		err = kind->invalidate(units, gather);
	if (err || gather->test_drop)
		piommu_paging_quarantine(paging, gather);
	else
		piommu_domain_retire(&paging->base, gather);
	piommu_paging_empty(gather);
	return err;
}

/*
 * As piommu_paging_units(), but the barrier is that of a queue's submission: the list is looked at before, and again after it. Where it
 * has changed meanwhile, what is on it now gets all once more.
 */
PIOMMU_PAGING_INLINE int piommu_paging_submit_to_all(const struct piommu_paging_kind *kind, const struct piommu_domain *base,
						     const struct piommu_gather *gather, struct piommu_fence *fence)
{
	const struct piommu_domain_units *units = piommu_domain_units_glimpse(base);

	for (;;) {
		const struct piommu_domain_units *seen = units;
		int err;

		fence->n = 0;
		PIOMMU_YIELD("entries cleared, list not yet sure");
		err = units ? kind->submit(units, gather, fence) : 0;
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
PIOMMU_PAGING_INLINE int piommu_paging_submit(const struct piommu_paging_kind *kind, struct piommu_paging *paging,
					      struct piommu_gather *gather, struct piommu_fence *fence)
{
	int err = 0;

	fence->n = 0;
	if (piommu_gather_empty(gather))
		return 0;
	if (gather->test_drop)
		full_mb();
	else
		err = piommu_paging_submit_to_all(kind, &paging->base, gather, fence);
	if (err == -EAGAIN) {
		fence->n = 0;
		return err;
	}
	if (err || gather->test_drop)
		piommu_paging_quarantine(paging, gather);
	piommu_paging_empty(gather);
	return err;
}

/* Returns when no device can use the old translation. */
PIOMMU_PAGING_INLINE int piommu_paging_unmap_strict(const struct piommu_paging_kind *kind, struct piommu_paging *paging,
						    uint64_t iova, size_t len, size_t *unmapped)
{
	struct piommu_gather own;
	size_t done = 0;
	int err;

	piommu_gather_init(&own);
	err = kind->unmap(&paging->pt, iova, len, &own, &done);
	if (!err)
		err = piommu_paging_flush(kind, paging, &own);
	if (unmapped)
		*unmapped = done;
	return err || done == len ? err : -ENOENT;
}

/* The part of a map that most never need: a table was displaced, or a unit must be told of new entries; once for a burst. */
PIOMMU_PAGING_INLINE int piommu_paging_map_flush(const struct piommu_paging_kind *kind, struct piommu_paging *paging,
						 const struct piommu_mapping *mappings, unsigned n,
						 struct piommu_gather *gather)
{
	int err = kind->tell && paging->tells ? kind->tell(paging, mappings, n, gather) : 0;

	return err ? err : piommu_paging_flush(kind, paging, gather);
}

/* Any range, in a domain that may tell. */
PIOMMU_PAGING_INLINE int piommu_paging_map_range(const struct piommu_paging_kind *kind, struct piommu_paging *paging,
						 uint64_t iova, uint64_t pa, size_t len, unsigned prot)
{
	struct piommu_mapping mapping = { iova, len, 0, pa, 0, prot };
	struct piommu_gather gather;
	int err;

	piommu_gather_init(&gather);
	err = kind->map(&paging->pt, iova, pa, len, prot, &gather);
	if (__builtin_expect(piommu_gather_empty(&gather) && (err || !paging->tells), 1))
		return err;
	if (err) {
		piommu_paging_flush(kind, paging, &gather);
		return err;
	}
	err = piommu_paging_map_flush(kind, paging, &mapping, 1, &gather);
	if (err)
		piommu_paging_unmap_strict(kind, paging, iova, len,
					   0); /* all or nothing; the first error is the one to report */
	return err;
}

/* A run that could not be mapped: it is no run, or part of it was mapped for a moment and may be cached. */
PIOMMU_PAGING_INLINE int piommu_paging_map_other(const struct piommu_paging_kind *kind, struct piommu_paging *paging,
						 uint64_t iova, uint64_t pa, size_t len, unsigned prot, int err)
{
	struct piommu_gather gather;

	if (err == -EAGAIN)
		return piommu_paging_map_range(kind, paging, iova, pa, len, prot);
	piommu_gather_init(&gather);
	piommu_gather_add(&gather, iova, iova + (len - 1));
	piommu_paging_flush(kind, paging, &gather);
	return err;
}

/* The undo of a burst: each range is mapped. */
PIOMMU_PAGING_INLINE void piommu_paging_unmap_all(const struct piommu_paging_kind *kind, struct piommu_paging *paging,
						  const struct piommu_mapping *mappings, unsigned n,
						  struct piommu_gather *gather)
{
	for (unsigned i = 0; i < n; i++) {
		const struct piommu_range range = { mappings[i].iova, mappings[i].len, mappings[i].leaf };
		size_t unmapped;

		kind->unmap_burst(&paging->pt, &range, 1, gather, &unmapped);
	}
}

/* What a failed burst had mapped for a moment may be cached: it is invalidated before the error is returned. */
PIOMMU_PAGING_INLINE int piommu_paging_map_burst(const struct piommu_paging_kind *kind, struct piommu_paging *paging,
						 const struct piommu_mapping *mappings, unsigned n)
{
	struct piommu_gather gather;
	int err;

	piommu_gather_init(&gather);
	err = kind->map_burst(&paging->pt, mappings, n, &gather);
	if (__builtin_expect(piommu_gather_empty(&gather) && (err || !paging->tells), 1))
		return err;
	if (err) {
		piommu_paging_flush(kind, paging, &gather);
		return err;
	}
	err = piommu_paging_map_flush(kind, paging, mappings, n, &gather);
	if (!err)
		return 0;
	piommu_paging_unmap_all(kind, paging, mappings, n, &gather);
	piommu_paging_flush(kind, paging, &gather);
	return err;
}

/**
 * `static const struct piommu_domain_ops NAME` over KIND, a `static const struct piommu_paging_kind`. What is rare is there once, and called.
 * Pages and runs displace no table, so that their maps have nothing to gather. DESTROY frees the driver's domain.
 */
#define PIOMMU_PAGING_OPS(NAME, KIND, DESTROY) \
	static __attribute__((noinline)) int NAME##_flush(struct piommu_domain *base, struct piommu_gather *gather) \
	{ \
		return piommu_paging_flush(&(KIND), piommu_paging_of(base), gather); \
	} \
\
	static int NAME##_submit(struct piommu_domain *base, struct piommu_gather *gather, struct piommu_fence *fence) \
	{ \
		return piommu_paging_submit(&(KIND), piommu_paging_of(base), gather, fence); \
	} \
\
	static __attribute__((noinline)) int NAME##_map_range(struct piommu_domain *base, uint64_t iova, uint64_t pa, \
							      size_t len, unsigned prot) \
	{ \
		return piommu_paging_map_range(&(KIND), piommu_paging_of(base), iova, pa, len, prot); \
	} \
\
	static __attribute__((noinline, cold)) int NAME##_map_other(struct piommu_domain *base, uint64_t iova, uint64_t pa, \
								    size_t len, unsigned prot, int err) \
	{ \
		return piommu_paging_map_other(&(KIND), piommu_paging_of(base), iova, pa, len, prot, err); \
	} \
\
	static int NAME##_map(struct piommu_domain *base, uint64_t iova, uint64_t pa, size_t len, unsigned prot) \
	{ \
		struct piommu_paging *paging = piommu_paging_of(base); \
		int err; \
\
		if (__builtin_expect(paging->tells, 0)) \
			return NAME##_map_range(base, iova, pa, len, prot); \
		if (__builtin_expect(len == (KIND).page_size, 1)) \
			return (KIND).map_page(&paging->pt, iova, pa, prot); \
		err = (KIND).map_run(&paging->pt, iova, pa, len, prot); \
		return __builtin_expect(!err, 1) ? 0 : NAME##_map_other(base, iova, pa, len, prot, err); \
	} \
\
	static int NAME##_map_burst(struct piommu_domain *base, const struct piommu_mapping *mappings, unsigned n) \
	{ \
		return piommu_paging_map_burst(&(KIND), piommu_paging_of(base), mappings, n); \
	} \
\
	static __attribute__((noinline)) int NAME##_unmap_strict(struct piommu_domain *base, uint64_t iova, size_t len, \
								 size_t *unmapped) \
	{ \
		return piommu_paging_unmap_strict(&(KIND), piommu_paging_of(base), iova, len, unmapped); \
	} \
\
	static int NAME##_unmap(struct piommu_domain *base, uint64_t iova, size_t len, struct piommu_gather *gather, \
				size_t *unmapped) \
	{ \
		struct piommu_paging *paging = piommu_paging_of(base); \
\
		if (__builtin_expect(!gather, 0)) \
			return NAME##_unmap_strict(base, iova, len, unmapped); \
		if (__builtin_expect(len == (KIND).page_size, 1)) \
			return (KIND).unmap_page(&paging->pt, iova, gather, unmapped); \
		return (KIND).unmap_run(&paging->pt, iova, len, gather, unmapped); \
	} \
\
	static int NAME##_unmap_burst(struct piommu_domain *base, const struct piommu_range *ranges, unsigned n, \
				      struct piommu_gather *gather, size_t *unmapped) \
	{ \
		size_t done; \
		int err = (KIND).unmap_burst(&piommu_paging_of(base)->pt, ranges, n, gather, &done); \
\
		if (unmapped) \
			*unmapped = done; \
		return err; \
	} \
\
	static int NAME##_lookup(struct piommu_domain *base, uint64_t iova, struct piommu_pt_leaf *leaf) \
	{ \
		return (KIND).lookup(&piommu_paging_of(base)->pt, iova, leaf); \
	} \
\
	static void NAME##_destroy(struct piommu_domain *base) \
	{ \
		piommu_paging_release(piommu_paging_of(base)); \
		(KIND).fini(&piommu_paging_of(base)->pt); \
		DESTROY(base); \
	} \
\
	static const struct piommu_domain_ops NAME = { \
		.map = NAME##_map, \
		.unmap = NAME##_unmap, \
		.flush = NAME##_flush, \
		.lookup = NAME##_lookup, \
		.map_burst = NAME##_map_burst, \
		.unmap_burst = NAME##_unmap_burst, \
		.submit = NAME##_submit, \
		.destroy = NAME##_destroy, \
	}

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
