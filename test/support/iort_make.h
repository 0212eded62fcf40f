/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Writes IORT tables, sound and broken ones: fields one after the other, in the specification's order. Knows lengths, offsets
 * of mappings and the checksum; what a field means is its user's business. For tests and fuzzers' seeds.
 */
#ifndef TEST_IORT_MAKE_H
#define TEST_IORT_MAKE_H

#include <stddef.h>
#include <stdint.h>

#define IORT_MAKE_MAX 8192u

struct iort_make {
	uint8_t bytes[IORT_MAKE_MAX];
	size_t len;
	size_t node; /* where the last one begins; 0: none yet */
	uint32_t nnodes;
};

/* An empty table. `oem` is 6 letters of OEM id and 8 of OEM table id. */
void iort_make_start(struct iort_make *make, const char *oem);
/* Begins a node: its header. @return its offset, for what refers to it */
uint32_t iort_make_node(struct iort_make *make, unsigned type, unsigned revision);
/* Appends a field to the node. */
void iort_make_put(struct iort_make *make, unsigned width, uint64_t value);
void iort_make_text(struct iort_make *make, const char *text);
/* Appends an id mapping; the first one of a node ends its fixed part. `n` is written as it is. */
void iort_make_map(struct iort_make *make, uint32_t first, uint32_t n, uint32_t to, uint32_t reference, uint32_t flags);
/* Changes what is there. */
void iort_make_set(struct iort_make *make, size_t at, unsigned width, uint64_t value);
/* Counts, lengths and the checksum made right. Again after iort_make_set(). */
void iort_make_seal(struct iort_make *make);

/* Nodes with nothing but what they need; `len` bytes of fixed part for an SMMUv3 (60, 64 or 68). @return the node's offset */
uint32_t iort_make_its(struct iort_make *make, uint32_t id);
uint32_t iort_make_smmu(struct iort_make *make, uint64_t base);
uint32_t iort_make_smmu_v3(struct iort_make *make, unsigned revision, uint64_t base, size_t len);
uint32_t iort_make_root(struct iort_make *make, uint32_t segment);
uint32_t iort_make_named(struct iort_make *make, const char *name);
/* With one span; it is at byte 28 of the node. */
uint32_t iort_make_rmr(struct iort_make *make, uint32_t flags, uint64_t base, uint64_t len);

#endif
