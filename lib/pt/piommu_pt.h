/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * I/O page tables: one set of walkers, many formats. This header is what drivers call; each format has its own entry
 * points, in its own object file, in which a constant descriptor and the walkers of pt_walk.h fold into straight code.
 *
 * Thread rule: the caller of a range owns it. Calls on disjoint ranges may run side by side, also where they share table
 * pages; no lock is taken. Leaf entries are single 8-byte stores; a missing table is installed by compare-and-swap.
 *
 * Super pages: a 2 MiB or 1 GiB leaf is used where iova and pa are aligned, the length covers it and `leaf_sizes` allows.
 * They are never split: an unmap that covers a part of one is refused (-EXDEV) and changes nothing.
 */
#ifndef PIOMMU_PT_H
#define PIOMMU_PT_H

#include "piommu_gather.h"
#include "piommu_pool.h"
#include "piommu_types.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** One I/O page table. Filled by its init function; read-only afterwards, but for the tables behind `root`. */
struct piommu_pt {
	uint64_t *root;
	uint64_t root_pa;
	uintptr_t va_off;         /**< va - pa of table pages */
	unsigned levels;          /**< of tables; 4 for 48 bits */
	unsigned straight_levels; /**< the same, or 0 where `writeback` is called */
	uint64_t leaf_sizes;      /**< bit n set: leaves of 1 << n bytes */
	unsigned iova_bits;       /**< addresses at or above 1 << iova_bits are outside */
	uint64_t pa_mask;         /**< address bits an entry may hold */
	uint64_t leaf_bits;       /**< format-specific bits set in every leaf (VT-d: SNP) */
	bool wide; /**< long runs of entries are stored 32 bytes at a time: this processor can. Tests may clear it */
	struct piommu_pool *pool;
	/** Walker does not snoop caches: called for every changed span of entries. NULL: coherent. */
	void (*writeback)(void *ctx, const void *va, size_t len);
	/** Waits for all that was begun by `writeback`, once before a call returns. NULL: `writeback` waits itself. */
	void (*writeback_wait)(void *ctx);
	void *writeback_ctx;
};

struct piommu_pt_config {
	unsigned iova_bits;  /**< 39, 48 or 57 for VT-d second stage */
	uint64_t leaf_sizes; /**< must have bit 12 */
	unsigned pa_bits;    /**< host address width */
	uint64_t leaf_bits;
	struct piommu_pool *pool;
	void (*writeback)(void *ctx, const void *va, size_t len);
	void (*writeback_wait)(void *ctx);
	void *writeback_ctx;
};

/** One range of a burst of unmaps. */
struct piommu_range {
	uint64_t iova;
	size_t len;
	/**
	 * NULL; or, of a range within one block of 2 MiB that one owner hands out: where the block's leaf table is remembered, so that
	 * there is nothing to walk. NULL there at first. Several threads may pass it, each with ranges of its own.
	 *
	 * A table that is remembered must stay linked. Two things take leaf tables out: an unmap that covers two or more of their
	 * blocks whole, and a map without `leaf` that puts a super page over an empty one. No range with `leaf` does either. So the
	 * owner forgets (stores NULL) before it maps or unmaps in the block without `leaf`, and when it gives the block away.
	 */
	void **leaf;
};

/** One range of a burst of maps. */
struct piommu_mapping {
	uint64_t iova;
	size_t len;
	void **leaf; /**< as struct piommu_range */
	uint64_t pa;
	/** NULL; or, of a range with `leaf`: where each of its pages of 4 KiB is, in place of `pa`. */
	const uint64_t *pages;
	unsigned prot;
};

/** What a lookup found. */
struct piommu_pt_leaf {
	uint64_t pa;    /**< of the address asked for */
	uint64_t entry; /**< raw */
	uint64_t size;  /**< of the leaf, bytes */
	unsigned prot;  /**< enum piommu_prot */
};

/** One step of a walk, for piommu_walk(). */
struct piommu_pt_step {
	unsigned level; /**< 1 = the level of 4 KiB leaves */
	unsigned index;
	uint64_t table_pa;
	uint64_t entry;
	bool present;
	bool leaf;
};

/*
 * VT-d second stage (specification 9.8): 3, 4 or 5 levels, 4 KiB, 2 MiB and 1 GiB leaves.
 */

/** @return 0; -EINVAL: no such width or sizes; -ENOMEM */
int piommu_pt_vtdss_init(struct piommu_pt *pt, const struct piommu_pt_config *config);
/** Returns every table page to the pool. Neither hardware nor another thread may still use them. */
void piommu_pt_vtdss_fini(struct piommu_pt *pt);

/**
 * Maps [iova, iova + len) to [pa, pa + len). All three multiples of 4 KiB, len not 0, prot not 0. All or nothing: checks
 * the whole range and installs missing tables first, then stores the leaves. `gather` takes an empty table that a super
 * page displaces; if it is not empty afterwards the caller invalidates before it returns. With gather NULL no table is
 * displaced and smaller leaves are used there.
 * @return 0; -EEXIST: part of the range is mapped; -ERANGE: outside the table's width, or pa beyond the unit's; -ENOMEM
 */
int piommu_pt_vtdss_map(struct piommu_pt *pt, uint64_t iova, uint64_t pa, size_t len, unsigned prot,
			struct piommu_gather *gather);

/**
 * Unmaps [iova, iova + len): clears every leaf in it and adds what it cleared to `gather`. Holes are passed over.
 * Unlinks tables of a level only when the range covers two or more of them whole, so that a steady state frees none.
 * `*unmapped` gets the bytes that were mapped.
 * @return 0; -EXDEV: the range covers a part of a super page: nothing was changed; -ERANGE: outside the table's width
 */
int piommu_pt_vtdss_unmap(struct piommu_pt *pt, uint64_t iova, size_t len, struct piommu_gather *gather, size_t *unmapped);

/**
 * As piommu_pt_vtdss_map(), of one page of 4 KiB.
 * @return as there
 */
int piommu_pt_vtdss_map_page(struct piommu_pt *pt, uint64_t iova, uint64_t pa, unsigned prot);
/**
 * As piommu_pt_vtdss_unmap(), of one page of 4 KiB. `unmapped` may be NULL.
 * @return 0; -ENOENT: it was not mapped; -EXDEV: it is part of a super page; -ERANGE
 */
int piommu_pt_vtdss_unmap_page(struct piommu_pt *pt, uint64_t iova, struct piommu_gather *gather, size_t *unmapped);

/**
 * The same for a run: a range within one leaf table that is there, on a unit that snoops, and no super page. Faster, because each entry
 * is looked at just before it is stored.
 * @return 0; -EAGAIN: it is no such range, and nothing was done: piommu_pt_vtdss_map() takes it; -EEXIST: part of it is mapped. None of
 * it is mapped by this call any longer, but some of it was for a moment: the caller invalidates before it returns.
 */
int piommu_pt_vtdss_map_run(struct piommu_pt *pt, uint64_t iova, uint64_t pa, size_t len, unsigned prot);
/**
 * As piommu_pt_vtdss_unmap(), of any range, but fast for a run. `unmapped` may be NULL.
 * @return 0; -ENOENT: part of it was not mapped; -EXDEV; -ERANGE
 */
int piommu_pt_vtdss_unmap_run(struct piommu_pt *pt, uint64_t iova, size_t len, struct piommu_gather *gather, size_t *unmapped);

/**
 * Maps each range, in order, as piommu_pt_vtdss_map(); ranges with `leaf` displace no table. All or nothing: where one fails, those
 * before it are unmapped again into `gather`, which then is not empty: the caller invalidates before it returns.
 * @return 0, or the first error
 */
int piommu_pt_vtdss_map_burst(struct piommu_pt *pt, const struct piommu_mapping *mappings, unsigned n,
			      struct piommu_gather *gather);

/**
 * Unmaps each range, in order, as piommu_pt_vtdss_unmap(), and goes on after an error. `*unmapped` gets the bytes of all that were
 * mapped.
 * @return 0, or the first error: -ENOENT: part of a range was not mapped; -EXDEV; -ERANGE
 */
int piommu_pt_vtdss_unmap_burst(struct piommu_pt *pt, const struct piommu_range *ranges, unsigned n,
				struct piommu_gather *gather, size_t *unmapped);

/** @return 0; -ENOENT: not mapped; -ERANGE. Safe against concurrent map and unmap inside an RCU read section. */
int piommu_pt_vtdss_lookup(const struct piommu_pt *pt, uint64_t iova, struct piommu_pt_leaf *leaf);

/** Fills up to `max` steps from the root down; returns how many. */
unsigned piommu_pt_vtdss_walk(const struct piommu_pt *pt, uint64_t iova, struct piommu_pt_step *steps, unsigned max);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
