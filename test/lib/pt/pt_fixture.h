/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the page-table tests share: a table over a small heap whose bus addresses differ from its virtual ones, a walker of
 * our own by the letter of the specification (VT-d 9.8), and a memory that a walker which does not snoop would see.
 */
#ifndef PT_FIXTURE_H
#define PT_FIXTURE_H

#include "piommu_env.h"
#include "piommu_pt.h"

#define KIB UINT64_C(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

#define SIZES_4K (UINT64_C(1) << 12)
#define SIZES_2M (SIZES_4K | UINT64_C(1) << 21)
#define SIZES_1G (SIZES_2M | UINT64_C(1) << 30)

struct pt_case {
	unsigned iova_bits;
	uint64_t leaf_sizes;
};

/* Every width with every set of leaf sizes. */
#define PT_NCASES 9u
extern const struct pt_case pt_cases[PT_NCASES];

struct fixture {
	struct piommu_env_mem *mem;
	struct piommu_pool *pool;
	struct piommu_pt pt;
	struct piommu_gather gather;
	uint64_t top; /* 1 << iova_bits */
	size_t heap;
	uint64_t *shadow; /* what was written back, at the same offsets as the heap; NULL: a coherent unit */
	unsigned writebacks;
	void (*on_writeback)(struct fixture *f, const void *va, size_t len); /* may be NULL */
};

/* A coherent unit unless `noncoherent`; `heap` is a multiple of 2 MiB. */
void fixture_init(struct fixture *f, struct pt_case c, size_t heap, bool noncoherent);
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

/* The word at the place where hardware's walk for iova ends, and its level; from memory, or from what was written back. */
uint64_t fixture_entry(const struct fixture *f, uint64_t iova, unsigned *level, bool written_back);
/* What hardware would translate iova to; false: nothing. */
bool fixture_translate(const struct fixture *f, uint64_t iova, uint64_t *pa, bool written_back);
/* Table pages other than the root. */
size_t fixture_tables(const struct fixture *f);

#endif
