/* SPDX-License-Identifier: BSD-3-Clause */
/* See pt_model.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "pt_model.h"
#include "suite.h"

void pt_model_init(struct pt_model *r, struct pt_case c, size_t heap, bool noncoherent)
{
	fixture_init(&r->f, c, heap, noncoherent);
	r->pages = malloc(PT_MODEL_PAGES * sizeof(*r->pages));
	CU_ASSERT_FATAL(r->pages != NULL);
	for (uint64_t page = 0; page < PT_MODEL_PAGES; page++)
		r->pages[page].pa = PT_MODEL_NONE;
}

void pt_model_fini(struct pt_model *r)
{
	free(r->pages);
	fixture_fini(&r->f);
}

/* xorshift64*: the sequence must not depend on the C library. */
uint64_t pt_model_next(struct pt_model *r)
{
	r->state ^= r->state >> 12;
	r->state ^= r->state << 25;
	r->state ^= r->state >> 27;
	return r->state * UINT64_C(0x2545f4914f6cdd1d);
}

uint64_t pt_model_below(struct pt_model *r, uint64_t limit)
{
	return (pt_model_next(r) >> 16) % limit;
}

uint64_t pt_model_iova(const struct pt_model *r, uint64_t page)
{
	return page < PT_MODEL_WINDOW ? page * PAGE : r->f.top - (PT_MODEL_PAGES - page) * PAGE;
}

bool pt_model_is_free(const struct pt_model *r, uint64_t page, uint64_t n)
{
	for (uint64_t i = page; i < page + n; i++)
		if (r->pages[i].pa != PT_MODEL_NONE)
			return false;
	return true;
}

unsigned pt_model_prot(unsigned prot)
{
	return prot == PIOMMU_WRITE && !pt_kind->write_only ? PIOMMU_RW : prot;
}

static bool page_agrees(const struct pt_model *r, uint64_t page)
{
	const struct pt_model_page *m = &r->pages[page];
	uint64_t iova = pt_model_iova(r, page);
	bool mapped = m->pa != PT_MODEL_NONE;
	struct piommu_pt_leaf leaf;
	uint64_t pa;

	if (pt_kind->lookup(&r->f.pt, iova, &leaf) != (mapped ? 0 : -ENOENT))
		return false;
	if (fixture_translate(&r->f, iova, &pa, r->f.shadow != NULL) != mapped)
		return false;
	return !mapped ||
	       (pa == m->pa && leaf.pa == m->pa && leaf.prot == pt_model_prot(m->prot) && leaf.size == UINT64_C(1) << m->lg2);
}

void pt_model_check(const struct pt_model *r, uint64_t page)
{
	if (page_agrees(r, page))
		return;
	printf("%u bits, sizes 0x%llx: iova 0x%llx differs from the model (pa 0x%llx, prot %u, 2^%u)\n", r->f.pt.iova_bits,
	       (unsigned long long)r->f.pt.leaf_sizes, (unsigned long long)pt_model_iova(r, page),
	       (unsigned long long)r->pages[page].pa, r->pages[page].prot, r->pages[page].lg2);
	CU_FAIL_FATAL("tables and model differ");
}

/* Whether a leaf lies across the start of `page`. */
bool pt_model_is_cut(const struct pt_model *r, uint64_t page)
{
	return page < PT_MODEL_PAGES && r->pages[page].pa != PT_MODEL_NONE &&
	       (pt_model_iova(r, page) & ((UINT64_C(1) << r->pages[page].lg2) - 1)) != 0;
}

void pt_model_check_all(const struct pt_model *r)
{
	for (uint64_t page = 0; page < PT_MODEL_PAGES; page++)
		pt_model_check(r, page);
}
