/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The format that a test program runs with: its calls as a table, and what of its geometry and words a test needs to know. Everything here
 * is written from the specifications (VT-d 9.8; Arm ARM, DDI 0487, D8.2 and D8.3), not taken from lib/pt.
 */
#ifndef PT_KIND_H
#define PT_KIND_H

#include "piommu_pt.h"

#define MIB (UINT64_C(1) << 20)

/* Of a leaf's word: all bits but the address's. */
struct pt_words {
	uint64_t read, write, both;
};

struct pt_kind {
	const char *name;
	unsigned page_lg2;
	unsigned index_lg2;   /* of a full table's entries */
	unsigned stage;       /* of Arm; 0: VT-d */
	bool write_only;      /* a leaf can be; otherwise it is read-write */
	unsigned pa_bits;     /* the most an entry can hold */
	uint64_t super_pages; /* leaf sizes above the page's, without groups */
	uint64_t groups;      /* sizes of contiguous groups */
	unsigned widths[3];   /* that tests of all formats use: the first is the usual one */
	struct pt_words page, block;
	uint64_t mark; /* software's, in a table's word that is on its way to memory */

	size_t (*root_len)(unsigned iova_bits);
	int (*init)(struct piommu_pt *pt, const struct piommu_pt_config *config);
	void (*fini)(struct piommu_pt *pt);
	int (*map)(struct piommu_pt *pt, uint64_t iova, uint64_t pa, size_t len, unsigned prot, struct piommu_gather *gather);
	int (*unmap)(struct piommu_pt *pt, uint64_t iova, size_t len, struct piommu_gather *gather, size_t *unmapped);
	int (*map_page)(struct piommu_pt *pt, uint64_t iova, uint64_t pa, unsigned prot);
	int (*unmap_page)(struct piommu_pt *pt, uint64_t iova, struct piommu_gather *gather, size_t *unmapped);
	int (*map_run)(struct piommu_pt *pt, uint64_t iova, uint64_t pa, size_t len, unsigned prot);
	int (*unmap_run)(struct piommu_pt *pt, uint64_t iova, size_t len, struct piommu_gather *gather, size_t *unmapped);
	int (*map_burst)(struct piommu_pt *pt, const struct piommu_mapping *mappings, unsigned n, struct piommu_gather *gather);
	int (*unmap_burst)(struct piommu_pt *pt, const struct piommu_range *ranges, unsigned n, struct piommu_gather *gather,
			   size_t *unmapped);
	int (*lookup)(const struct piommu_pt *pt, uint64_t iova, struct piommu_pt_leaf *leaf);
	unsigned (*walk)(const struct piommu_pt *pt, uint64_t iova, struct piommu_pt_step *steps, unsigned max);
};

/* The format of this program: VT-d's until pt_kind_choose(). */
extern const struct pt_kind *pt_kind;

/* Takes the name of a format off the arguments, if their first is one. */
void pt_kind_choose(int *argc, char **argv);
/* That format, which exists. */
const struct pt_kind *pt_kind_named(const char *name);

/* Bytes of a page, of a block (what a leaf table maps), and of what a table above it maps. */
#define PAGE (UINT64_C(1) << pt_kind->page_lg2)
#define BLOCK (PAGE << pt_kind->index_lg2)
#define SPAN3 (BLOCK << pt_kind->index_lg2)
#define HALF (BLOCK / 2)
/* The third leaf size where there are three; otherwise some blocks. */
#define HUGE (pt_kind->page_lg2 == 12 ? SPAN3 : 8 * BLOCK)

/* Levels of tables of a width. */
unsigned pt_kind_levels(const struct pt_kind *kind, unsigned iova_bits);

/*
 * Where hardware's walk for iova ends: the word there, and its level, 1 being that of pages. `at` reads a word of the tables.
 * A group's words are all looked at, and must agree.
 */
struct pt_memory {
	const struct pt_kind *kind;
	uint64_t root;
	unsigned iova_bits;
	uint64_t (*at)(const void *ctx, uint64_t pa);
	const void *ctx;
};

uint64_t pt_memory_entry(const struct pt_memory *memory, uint64_t iova, unsigned *level);
bool pt_memory_translate(const struct pt_memory *memory, uint64_t iova, uint64_t *pa);

#endif
