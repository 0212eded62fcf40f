/* SPDX-License-Identifier: BSD-3-Clause */
/* A page table beside a plain array of pages, which says what must be in it; and random numbers that follow from a seed. */
#ifndef PT_MODEL_H
#define PT_MODEL_H

#include "pt_fixture.h"

/* Two windows of pages: from address 0 up, and down from the top. */
#define PT_MODEL_WINDOW UINT64_C(786432) /* 3 GiB in pages of 4 KiB */
#define PT_MODEL_PAGES (2 * PT_MODEL_WINDOW)

#define PT_MODEL_NONE 1

struct pt_model_page {
	uint64_t pa; /* PT_MODEL_NONE: not mapped */
	uint8_t prot;
	uint8_t lg2; /* of the leaf it is in */
};

struct pt_model {
	struct fixture f;
	struct pt_model_page *pages;
	uint64_t state; /* of the random numbers; never 0 */
};

/* Nothing is mapped. `state` is the caller's. */
void pt_model_init(struct pt_model *r, struct pt_case c, size_t heap, bool noncoherent);
void pt_model_fini(struct pt_model *r);

uint64_t pt_model_next(struct pt_model *r);
/* 0 .. limit - 1 */
uint64_t pt_model_below(struct pt_model *r, uint64_t limit);

uint64_t pt_model_iova(const struct pt_model *r, uint64_t page);
bool pt_model_is_free(const struct pt_model *r, uint64_t page, uint64_t n);
/* Whether a leaf lies across the start of `page`. */
bool pt_model_is_cut(const struct pt_model *r, uint64_t page);
/* What becomes of a permission in this format. */
unsigned pt_model_prot(unsigned prot);

/* Table and array agree on a page, also as a walker that does not snoop sees it; the test ends where they do not. */
void pt_model_check(const struct pt_model *r, uint64_t page);
void pt_model_check_all(const struct pt_model *r);

#endif
