/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * I/O page tables: one set of walkers, many formats. This header is what drivers call; each format has its own entry
 * points, in its own object file, in which a constant descriptor and the walkers of pt_walk.h fold into straight code.
 * PIOMMU_PT_FORMAT() at the end declares them, and says what they do.
 *
 * Thread rule: the caller of a range owns it. Calls on disjoint ranges may run side by side, also where they share table
 * pages; no lock is taken. Leaf entries are single 8-byte stores; a missing table is installed by compare-and-swap.
 *
 * A page is a leaf of the format's smallest size, which is also the size of a table: 4, 16 or 64 KiB.
 *
 * Super pages: a larger leaf is used where iova and pa are aligned, the length covers it and `leaf_sizes` allows. They are never
 * split: an unmap that covers a part of one is refused (-EXDEV) and changes nothing. Arm's contiguous groups (16 to 128 leaves side by
 * side that hardware may cache as one) are super pages in all this. Tables whose `leaf_sizes` has such a size do without the fastest
 * ways through map and unmap.
 *
 * Formats, their leaf sizes, and the contiguous groups among them in brackets:
 *
 *   vtdss                VT-d second stage (specification 9.8)       39, 48 or 57 bits   4 KiB, 2 MiB, 1 GiB
 *   arms1_4k  arms2_4k   Arm VMSAv8-64 (Arm ARM, D8), stages 1 and 2   32 to 48 bits     4 KiB, [64 KiB], 2 MiB, [32 MiB], 1 GiB
 *   arms1_16k arms2_16k                                                32 to 48 bits     16 KiB, [2 MiB], 32 MiB, [1 GiB]
 *   arms1_64k arms2_64k                                                32 to 52 bits     64 KiB, [2 MiB], 512 MiB, [16 GiB]
 *
 * Physical addresses have up to 52 bits, but 48 with Arm's 4 and 16 KiB granules: LPA2 is not built. Arm's entries are inner shareable
 * and write-back, accessed, not executable; in stage 1 not global, for unprivileged and privileged accesses alike, with the attributes
 * of index 0 in PIOMMU_PT_ARM_MAIR. Stage 1 has no write-only: PIOMMU_WRITE alone maps for reading, too.
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
	unsigned levels;          /**< of tables */
	unsigned straight_levels; /**< the same; 0: `writeback` is called, or there are groups, or addresses in two parts */
	uint64_t iova_last;       /**< addresses above it are outside: (1 << iova_bits) - 1 */
	unsigned iova_bits;
	uint64_t leaf_sizes; /**< bit n set: leaves of 1 << n bytes */
	uint64_t pa_mask;    /**< address bits an entry may hold */
	uint64_t leaf_bits;  /**< format-specific bits set in every leaf (VT-d: SNP) */
	bool groups;         /**< some of leaf_sizes are contiguous groups */
	bool lent_root;      /**< not a page of the pool */
	bool wide;           /**< long runs of entries are stored 32 bytes at a time: this processor can. Tests may clear it */
	struct piommu_pool *pool;
	/** Walker does not snoop caches: called for every changed span of entries. NULL: coherent. */
	void (*writeback)(void *ctx, const void *va, size_t len);
	/** Waits for all that was begun by `writeback`, once before a call returns. NULL: `writeback` waits itself. */
	void (*writeback_wait)(void *ctx);
	void *writeback_ctx;
};

struct piommu_pt_config {
	unsigned iova_bits;       /**< one of the format's widths */
	uint64_t leaf_sizes;      /**< some of the format's sizes; must have the page's */
	unsigned pa_bits;         /**< host address width, no more than the format has */
	uint64_t leaf_bits;       /**< VT-d: SNP; Arm: none */
	struct piommu_pool *pool; /**< of pages of the format's size */
	/**
	 * NULL: a page of the pool. Or memory of the caller's, piommu_pt_<format>_root_len() bytes whose bus address is aligned to
	 * that, and which has the pool's va_off. It must be so where that is more than a page: Arm stage 2 begins with up to 16
	 * tables side by side where that saves a level (Arm ARM, D8.2, "Concatenated translation tables").
	 */
	uint64_t *root;
	void (*writeback)(void *ctx, const void *va, size_t len);
	void (*writeback_wait)(void *ctx);
	void *writeback_ctx;
};

/** One range of a burst of unmaps. */
struct piommu_range {
	uint64_t iova;
	size_t len;
	/**
	 * NULL; or, of a range within one block (what one leaf table of the format maps: 2 MiB where pages are of 4 KiB, 32 MiB of 16, 512
	 * MiB of 64), or the part of it that one owner hands out: where the block's leaf table is remembered, so that there is nothing
	 * to walk. NULL there at first. Several threads may pass it, each with ranges of its own.
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
	/** NULL; or, of a range with `leaf`: where each of its pages is, in place of `pa`. */
	const uint64_t *pages;
	unsigned prot;
};

/** What a lookup found. */
struct piommu_pt_leaf {
	uint64_t pa;    /**< of the address asked for */
	uint64_t entry; /**< raw */
	uint64_t size;  /**< of the leaf or the contiguous group, bytes */
	unsigned prot;  /**< enum piommu_prot */
};

/** One step of a walk, for piommu_walk(). */
struct piommu_pt_step {
	unsigned level; /**< 1 = the level of pages */
	unsigned index;
	uint64_t table_pa;
	uint64_t entry;
	bool present;
	bool leaf;
};

/** What the fields of Arm's stage 1 for memory attributes (MAIR0 and MAIR1, in a context descriptor or bank) must hold. */
#define PIOMMU_PT_ARM_MAIR \
	UINT64_C(0xff) /* index 0: normal memory, inner and outer write-back, allocated on reads and writes */

/*
 * The entry points of a format, piommu_pt_<name>_<call>().
 *
 * root_len: bytes of the root for a width, a power of two. @return 0: the format has no such width
 *
 * init: @return 0; -EINVAL: no such width or sizes, or a root that does not suit; -ENOMEM
 *
 * fini: returns every table page to the pool. Neither hardware nor another thread may still use them.
 *
 * map: maps [iova, iova + len) to [pa, pa + len). All three multiples of the page, len not 0, prot not 0. All or nothing: checks the
 * whole range and installs missing tables first, then stores the leaves. `gather` takes an empty table that a super page displaces; if
 * it is not empty afterwards the caller invalidates before it returns. With gather NULL no table is displaced and smaller leaves are
 * used there. @return 0; -EEXIST: part of the range is mapped; -ERANGE: outside the table's width, or pa beyond the unit's; -ENOMEM
 *
 * unmap: clears every leaf in [iova, iova + len) and adds what it cleared to `gather`. Holes are passed over. Unlinks tables of a level
 * only when the range covers two or more of them whole, so that a steady state frees none. `*unmapped` gets the bytes that were mapped.
 * @return 0; -EXDEV: the range covers a part of a super page: nothing was changed; -ERANGE: outside the table's width
 *
 * map_page: as map, of one page. @return as there
 *
 * unmap_page: as unmap, of one page. `unmapped` may be NULL. @return 0; -ENOENT: it was not mapped; -EXDEV: it is part of a super page;
 * -ERANGE
 *
 * map_run: as map, of a run: a range within one leaf table that is there, on a unit that snoops, and no super page. Faster, because each
 * entry is looked at just before it is stored. @return 0; -EAGAIN: it is no such range, and nothing was done: map takes it; -EEXIST:
 * part of it is mapped. None of it is mapped by this call any longer, but some of it was for a moment: the caller invalidates before it
 * returns.
 *
 * unmap_run: as unmap, of any range, but fast for a run. `unmapped` may be NULL. @return 0; -ENOENT: part of it was not mapped; -EXDEV;
 * -ERANGE
 *
 * map_burst: maps each range, in order, as map; ranges with `leaf` displace no table. All or nothing: where one fails, those before it
 * are unmapped again into `gather`, which then is not empty: the caller invalidates before it returns. @return 0, or the first error
 *
 * unmap_burst: unmaps each range, in order, as unmap, and goes on after an error. `*unmapped` gets the bytes of all that were mapped.
 * @return 0, or the first error: -ENOENT: part of a range was not mapped; -EXDEV; -ERANGE
 *
 * lookup: safe against concurrent map and unmap inside an RCU read section. @return 0; -ENOENT: not mapped; -ERANGE
 *
 * walk: fills up to `max` steps from the root down. @return how many
 */
#define PIOMMU_PT_FORMAT(name) \
	size_t piommu_pt_##name##_root_len(unsigned iova_bits); \
	int piommu_pt_##name##_init(struct piommu_pt *pt, const struct piommu_pt_config *config); \
	void piommu_pt_##name##_fini(struct piommu_pt *pt); \
	int piommu_pt_##name##_map(struct piommu_pt *pt, uint64_t iova, uint64_t pa, size_t len, unsigned prot, \
				   struct piommu_gather *gather); \
	int piommu_pt_##name##_unmap(struct piommu_pt *pt, uint64_t iova, size_t len, struct piommu_gather *gather, \
				     size_t *unmapped); \
	int piommu_pt_##name##_map_page(struct piommu_pt *pt, uint64_t iova, uint64_t pa, unsigned prot); \
	int piommu_pt_##name##_unmap_page(struct piommu_pt *pt, uint64_t iova, struct piommu_gather *gather, \
					  size_t *unmapped); \
	int piommu_pt_##name##_map_run(struct piommu_pt *pt, uint64_t iova, uint64_t pa, size_t len, unsigned prot); \
	int piommu_pt_##name##_unmap_run(struct piommu_pt *pt, uint64_t iova, size_t len, struct piommu_gather *gather, \
					 size_t *unmapped); \
	int piommu_pt_##name##_map_burst(struct piommu_pt *pt, const struct piommu_mapping *mappings, unsigned n, \
					 struct piommu_gather *gather); \
	int piommu_pt_##name##_unmap_burst(struct piommu_pt *pt, const struct piommu_range *ranges, unsigned n, \
					   struct piommu_gather *gather, size_t *unmapped); \
	int piommu_pt_##name##_lookup(const struct piommu_pt *pt, uint64_t iova, struct piommu_pt_leaf *leaf); \
	unsigned piommu_pt_##name##_walk(const struct piommu_pt *pt, uint64_t iova, struct piommu_pt_step *steps, unsigned max)

PIOMMU_PT_FORMAT(vtdss);
PIOMMU_PT_FORMAT(arms1_4k);
PIOMMU_PT_FORMAT(arms1_16k);
PIOMMU_PT_FORMAT(arms1_64k);
PIOMMU_PT_FORMAT(arms2_4k);
PIOMMU_PT_FORMAT(arms2_16k);
PIOMMU_PT_FORMAT(arms2_64k);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
