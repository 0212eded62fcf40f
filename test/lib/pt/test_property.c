/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Random map, unmap and lookup against a plain array of pages, with a fixed seed: every width and set of leaf sizes, both
 * ends of the address space, coherent and not. The array predicts every return value, what is translated, and which leaf
 * size was chosen. "STEPS SEED" on the command line for more.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pt_fixture.h"
#include "suite.h"

#define STEPS 18000u /* for each of the cases, coherent and not: 324,000 */

/* Two windows of pages: from address 0 up, and down from the top. */
#define WINDOW_PAGES (3 * GIB / 4096)
#define PAGES (2 * WINDOW_PAGES)

struct page {
	uint64_t pa; /* 1: not mapped */
	uint8_t prot;
	uint8_t lg2; /* of the leaf it is in */
};

#define NOT_MAPPED 1

struct run {
	struct fixture f;
	struct page *model;
	uint64_t state; /* of the random numbers */
};

/* What happened, over all runs: a test that never met a case has not tested it. */
static struct {
	unsigned mapped, exists, unmapped, cut, super_pages, displaced, unlinked;
} met;

static unsigned steps_wanted = STEPS;
static uint64_t seed = 20240607;

/* xorshift64*: the sequence must not depend on the C library. */
static uint64_t next(struct run *r)
{
	r->state ^= r->state >> 12;
	r->state ^= r->state << 25;
	r->state ^= r->state >> 27;
	return r->state * UINT64_C(0x2545f4914f6cdd1d);
}

static uint64_t below(struct run *r, uint64_t limit)
{
	return (next(r) >> 16) % limit;
}

static uint64_t iova_of(const struct run *r, uint64_t page)
{
	return page < WINDOW_PAGES ? page * 4096 : r->f.top - (PAGES - page) * 4096;
}

/* Page index and number of a random range that stays within a window. */
static uint64_t random_range(struct run *r, uint64_t *npages)
{
	static const uint64_t hot_spans[] = { 64, 2048, WINDOW_PAGES };
	static const unsigned align[] = { 0, 0, 0, 9, 9, 18 };
	uint64_t window = below(r, 2) * WINDOW_PAGES;
	uint64_t kind = below(r, 1000);
	uint64_t n = kind < 500 ? 1 : kind < 800 ? 1 + below(r, 64) : kind < 950 ? 512 * (1 + below(r, 4)) : 1 + below(r, 3000);
	uint64_t first = below(r, hot_spans[below(r, 3)]);

	if (kind >= 997)
		n = 262144;
	first &= ~((UINT64_C(1) << align[below(r, 6)]) - 1);
	if (window) /* busy near the top */
		first = WINDOW_PAGES - 1 - first;
	if (n > 1 && below(r, 2))
		first &= ~UINT64_C(511);
	if (n == 262144)
		first &= ~UINT64_C(262143);
	if (first + n > WINDOW_PAGES)
		first = WINDOW_PAGES - n;
	*npages = n;
	return window + first;
}

static unsigned leaf_lg2(const struct run *r, uint64_t iova, uint64_t pa, uint64_t left)
{
	for (unsigned lg2 = 30; lg2 > 12; lg2 -= 9)
		if ((r->f.pt.leaf_sizes >> lg2 & 1) && !((iova | pa) & ((UINT64_C(1) << lg2) - 1)) && left >> lg2)
			return lg2;
	return 12;
}

static bool is_free(const struct run *r, uint64_t page, uint64_t n)
{
	for (uint64_t i = page; i < page + n; i++)
		if (r->model[i].pa != NOT_MAPPED)
			return false;
	return true;
}

static bool page_agrees(const struct run *r, uint64_t page)
{
	const struct page *m = &r->model[page];
	uint64_t iova = iova_of(r, page);
	bool mapped = m->pa != NOT_MAPPED;
	struct piommu_pt_leaf leaf;
	uint64_t pa;

	if (piommu_pt_vtdss_lookup(&r->f.pt, iova, &leaf) != (mapped ? 0 : -ENOENT))
		return false;
	if (fixture_translate(&r->f, iova, &pa, r->f.shadow != NULL) != mapped)
		return false;
	return !mapped || (pa == m->pa && leaf.pa == m->pa && leaf.prot == m->prot && leaf.size == UINT64_C(1) << m->lg2);
}

static void check_page(const struct run *r, uint64_t page)
{
	if (page_agrees(r, page))
		return;
	printf("%u bits, sizes 0x%llx: iova 0x%llx differs from the model (pa 0x%llx, prot %u, 2^%u)\n", r->f.pt.iova_bits,
	       (unsigned long long)r->f.pt.leaf_sizes, (unsigned long long)iova_of(r, page),
	       (unsigned long long)r->model[page].pa, r->model[page].prot, r->model[page].lg2);
	CU_FAIL_FATAL("tables and model differ");
}

static void check_some(struct run *r, uint64_t page, uint64_t n)
{
	check_page(r, page);
	check_page(r, page + n - 1);
	check_page(r, page + below(r, n));
	check_page(r, page + n < PAGES ? page + n : 0);
	check_page(r, page ? page - 1 : 0);
}

static void check_all(const struct run *r)
{
	for (uint64_t page = 0; page < PAGES; page++)
		check_page(r, page);
}

static void step_map(struct run *r)
{
	uint64_t n, page = random_range(r, &n);
	uint64_t iova = iova_of(r, page);
	uint64_t pa = below(r, 1 << 10) * GIB + (below(r, 2) ? iova % GIB : below(r, 1 << 18) * 4096);
	unsigned prot = 1 + (unsigned)below(r, 3);
	bool with_gather = below(r, 8) != 0;
	bool free_range = is_free(r, page, n);
	int err;

	if (n == 1 && below(r, 2))
		err = piommu_pt_vtdss_map_page(&r->f.pt, iova, pa, prot);
	else if (with_gather)
		err = fixture_map(&r->f, iova, pa, n * 4096, prot);
	else
		err = piommu_pt_vtdss_map(&r->f.pt, iova, pa, n * 4096, prot, NULL);
	CHECK_EQ(err, free_range ? 0 : -EEXIST);
	met.mapped += !err;
	met.exists += err == -EEXIST;
	met.displaced += with_gather && r->f.gather.nonleaf;
	for (uint64_t i = 0; !err && i < n;) {
		unsigned lg2 = leaf_lg2(r, iova + i * 4096, pa + i * 4096, (n - i) * 4096);
		struct piommu_pt_leaf leaf = { 0 };

		if (!with_gather) { /* an empty table in the way makes leaves smaller: take the table's word */
			CHECK_EQ(piommu_pt_vtdss_lookup(&r->f.pt, iova + i * 4096, &leaf), 0);
			CU_ASSERT_FATAL(leaf.size <= UINT64_C(1) << lg2 && leaf.size >= 4096);
			lg2 = (unsigned)__builtin_ctzll(leaf.size);
		}
		met.super_pages += lg2 > 12;
		for (uint64_t k = 0; k < UINT64_C(1) << (lg2 - 12); k++, i++)
			r->model[page + i] = (struct page){ pa + i * 4096, (uint8_t)prot, (uint8_t)lg2 };
	}
	check_some(r, page, n);
}

/* Whether a leaf lies across the start of `page`. */
static bool is_cut(const struct run *r, uint64_t page)
{
	return page < PAGES && r->model[page].pa != NOT_MAPPED &&
	       (iova_of(r, page) & ((UINT64_C(1) << r->model[page].lg2) - 1)) != 0;
}

static void step_unmap(struct run *r)
{
	uint64_t n, page = random_range(r, &n);
	uint64_t iova = iova_of(r, page);
	bool cut = is_cut(r, page) || is_cut(r, page + n);
	bool by_page = n == 1 && below(r, 2);
	size_t mapped = 0, unmapped = 0;
	int err = by_page ? fixture_unmap_page(&r->f, iova, &unmapped) : fixture_unmap(&r->f, iova, n * 4096, &unmapped);

	CHECK_EQ(err, cut ? -EXDEV : by_page && is_free(r, page, 1) ? -ENOENT : 0);
	met.unmapped += unmapped != 0;
	met.cut += cut;
	met.unlinked += r->f.gather.nonleaf;
	for (uint64_t i = 0; !cut && i < n; i++) {
		if (r->model[page + i].pa == NOT_MAPPED)
			continue;
		mapped += 4096;
		r->model[page + i].pa = NOT_MAPPED;
		if (n <= 64 && !fixture_gathered(&r->f, iova + i * 4096, 4096))
			CU_FAIL_FATAL("an unmapped page is not in the gather");
	}
	CHECK_HEX(unmapped, mapped);
	CU_ASSERT(!unmapped == piommu_gather_empty(&r->f.gather) || r->f.gather.nonleaf);
	check_some(r, page, n);
}

static void run_case(struct pt_case c, bool noncoherent)
{
	struct run r = { .state = seed };
	size_t unmapped = 0;

	fixture_init(&r.f, c, 32 * MIB, noncoherent);
	r.model = malloc(PAGES * sizeof(*r.model));
	CU_ASSERT_FATAL(r.model != NULL);
	for (uint64_t page = 0; page < PAGES; page++)
		r.model[page].pa = NOT_MAPPED;
	for (unsigned i = 0; i < steps_wanted; i++) {
		if (below(&r, 100) < 45)
			step_map(&r);
		else
			step_unmap(&r);
		if (i % 9000 == 8999)
			check_all(&r);
	}
	CHECK_EQ(fixture_unmap(&r.f, 0, r.f.top, &unmapped), 0);
	CHECK_EQ(fixture_tables(&r.f), 0);
	free(r.model);
	fixture_fini(&r.f);
}

static void tables_agree_with_a_plain_array_of_pages(void)
{
	for (unsigned i = 0; i < PT_NCASES; i++) {
		run_case(pt_cases[i], false);
		run_case(pt_cases[i], true);
	}
	printf("met: %u mapped, %u refused, %u super pages, %u displaced tables; %u unmapped, %u cut a leaf, %u unlinked "
	       "tables\n",
	       met.mapped, met.exists, met.super_pages, met.displaced, met.unmapped, met.cut, met.unlinked);
	CU_ASSERT(met.mapped && met.exists && met.super_pages && met.displaced && met.unmapped && met.cut && met.unlinked);
}

static const struct suite_test tests[] = {
	SUITE_TEST(tables_agree_with_a_plain_array_of_pages),
};

int main(int argc, char **argv)
{
	if (argc > 1)
		steps_wanted = (unsigned)strtoul(argv[1], NULL, 0);
	if (argc > 2)
		seed = strtoull(argv[2], NULL, 0) | 1;
	return suite_run(1, argv, "pt_property", tests, sizeof(tests) / sizeof(tests[0]));
}
