/* SPDX-License-Identifier: BSD-3-Clause */
/* Tables for the firmware tests: some written by hand from the specification, and the corpus where it is there. */
#ifndef TEST_FW_TABLES_H
#define TEST_FW_TABLES_H

#include "piommu_fw.h"

struct table {
	char name[256];
	uint8_t *bytes;
	size_t len;
};

struct tables {
	struct table *at;
	unsigned n;
};

/* The ACPI header and the DMAR's own 12 bytes, length and checksum left 0, for a table that table_seal() completes. */
#define DMAR_HEADER(haw, flags) \
	'D', 'M', 'A', 'R', 0, 0, 0, 0, 1, 0, 'P', 'I', 'O', 'M', 'M', 'U', 'T', 'E', 'S', 'T', 'T', 'A', 'B', 'L', 1, 0, 0, \
		0, 'H', 'A', 'N', 'D', 1, 0, 0, 0, (haw), (flags), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0

/* Every structure of the specification, one of an unknown type in the middle, and scopes that end off alignment. */
extern const uint8_t table_all_kinds[];
extern const size_t table_all_kinds_len;

/* The same of IORT, and its mappings. */
extern const uint8_t table_iort_kinds[];
extern const size_t table_iort_kinds_len;

/* Makes the length field `len` and the checksum right. */
void table_seal(uint8_t *bytes, size_t len);

/* A copy with length and checksum made right. */
struct table table_make(const char *name, const uint8_t *bytes, size_t len);
void table_free(struct table *table);

/* Every *.bin of the corpus' folder of that signature by name; n is 0 when the corpus is not there. */
struct tables tables_of_corpus(const char *corpus_dir, const char *sig);
void tables_free(struct tables *tables);

#endif
