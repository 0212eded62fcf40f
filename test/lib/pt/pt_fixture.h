/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the page-table tests share: a table over a small heap whose bus addresses differ from its virtual ones, a walker of
 * our own by the letter of the specification (pt_kind.h), and a memory that a walker which does not snoop would see.
 */
#ifndef PT_FIXTURE_H
#define PT_FIXTURE_H

#include "piommu_env.h"
#include "piommu_pt.h"
#include "pt_kind.h"

struct pt_case {
	unsigned iova_bits;
	uint64_t leaf_sizes;
};

/* Every width with every set of leaf sizes. */
unsigned pt_ncases(void);
struct pt_case pt_case(unsigned i);
/* Of the usual width: pages alone, with blocks, with all super pages that are no groups, and with groups where there are any. */
struct pt_case pt_pages(void);
struct pt_case pt_blocks(void);
struct pt_case pt_super_pages(void);
struct pt_case pt_groups(void);

#define PT_PA_BITS 46 /* of the unit */

struct fixture {
	struct piommu_env_mem *mem;
	struct piommu_pool *pool;
	struct piommu_pt pt;
	struct piommu_gather gather;
	struct piommu_mem root; /* where a page is too small */
	uint64_t top;           /* 1 << iova_bits */
	uint64_t base_pa;       /* of the heap */
	size_t heap;
	uint64_t *shadow; /* what was written back, at the same offsets as the heap; NULL: a coherent unit */
	unsigned writebacks;
	void (*on_writeback)(struct fixture *f, const void *va, size_t len); /* may be NULL */
};

/* A coherent unit unless `noncoherent`; `heap` is a multiple of 2 MiB, in table pages of 4 KiB: it is larger where they are. */
void fixture_init(struct fixture *f, struct pt_case c, size_t heap, bool noncoherent);
/* Memory at another place, of a unit of other width. */
void fixture_init_at(struct fixture *f, struct pt_case c, size_t heap, bool noncoherent, uint64_t base_pa, unsigned pa_bits);
/* Checks that every table page came back. */
void fixture_fini(struct fixture *f);

/* Each with a fresh gather, whose tables go back to the pool at once. */
int fixture_map(struct fixture *f, uint64_t iova, uint64_t pa, size_t len, unsigned prot);
int fixture_unmap(struct fixture *f, uint64_t iova, size_t len, size_t *unmapped);
/* By the calls for runs: any range; what is no run goes by the general call. */
int fixture_map_run(struct fixture *f, uint64_t iova, uint64_t pa, size_t len, unsigned prot);
int fixture_unmap_run(struct fixture *f, uint64_t iova, size_t len, size_t *unmapped);
/* By the call for pages. */
int fixture_unmap_page(struct fixture *f, uint64_t iova, size_t *unmapped);
/* Returns the gather's tables, as a driver does once its invalidation is complete. */
void fixture_retire(struct fixture *f);
/* Whether the gather asks for the invalidation of all of [iova, iova + len). */
bool fixture_gathered(const struct fixture *f, uint64_t iova, uint64_t len);

/* The largest leaf or group that may map `at` of the mapping [iova, iova + len) to [pa, pa + len): bytes. */
uint64_t fixture_best(const struct fixture *f, uint64_t at, uint64_t iova, uint64_t pa, size_t len);

/* The word at the place where hardware's walk for iova ends, and its level; from memory, or from what was written back. */
uint64_t fixture_entry(const struct fixture *f, uint64_t iova, unsigned *level, bool written_back);
/* What hardware would translate iova to; false: nothing. */
bool fixture_translate(const struct fixture *f, uint64_t iova, uint64_t *pa, bool written_back);
/* Table pages other than the root. */
size_t fixture_tables(const struct fixture *f);

#endif
