/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Random map, unmap and lookup against a plain array of pages, with a fixed seed: every width and set of leaf sizes, both
 * ends of the address space, coherent and not. The array predicts every return value, what is translated, and which leaf
 * size was chosen. "[FORMAT] STEPS SEED" on the command line for more.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pt_model.h"
#include "suite.h"

#define FAR_STEP (UINT64_C(1) << 34) /* no leaf is larger */
#define STEPS 18000u /* for each of the cases, coherent and not; the formats that share walkers with it do with less */

/* What happened, over all runs: a test that never met a case has not tested it. */
static struct {
	unsigned mapped, exists, unmapped, cut, super_pages, groups, displaced, unlinked;
} met;

static unsigned steps_wanted;
static uint64_t seed = 20240607;

/* Of the pages of the smaller group, 0 where there are none. */
static unsigned group_lg2(void)
{
	return pt_kind->groups ? (unsigned)__builtin_ctzll(pt_kind->groups) - pt_kind->page_lg2 : 0;
}

/* Page index and number of a random range that stays within a window. */
static uint64_t random_range(struct pt_model *r, uint64_t *npages)
{
	static const uint64_t hot_spans[] = { 64, 2048, PT_MODEL_WINDOW };
	const unsigned align[] = { 0, 0, group_lg2(), pt_kind->index_lg2, pt_kind->index_lg2, 18 };
	uint64_t window = pt_model_below(r, 2) * PT_MODEL_WINDOW;
	uint64_t kind = pt_model_below(r, 1000), entries = UINT64_C(1) << pt_kind->index_lg2;
	uint64_t n = kind < 500   ? 1
		     : kind < 800 ? 1 + pt_model_below(r, 64)
		     : kind < 950 ? entries * (1 + pt_model_below(r, 4))
				  : 1 + pt_model_below(r, 3000);
	uint64_t first = pt_model_below(r, hot_spans[pt_model_below(r, 3)]);

	if (kind >= 997)
		n = 262144;
	first &= ~((UINT64_C(1) << align[pt_model_below(r, 6)]) - 1);
	if (window) /* busy near the top */
		first = PT_MODEL_WINDOW - 1 - first;
	if (n > 1 && pt_model_below(r, 2))
		first &= ~(entries - 1);
	if (n == 262144)
		first &= ~UINT64_C(262143);
	if (first + n > PT_MODEL_WINDOW)
		first = PT_MODEL_WINDOW - n;
	*npages = n;
	return window + first;
}

static void check_some(struct pt_model *r, uint64_t page, uint64_t n)
{
	pt_model_check(r, page);
	pt_model_check(r, page + n - 1);
	pt_model_check(r, page + pt_model_below(r, n));
	pt_model_check(r, page + n < PT_MODEL_PAGES ? page + n : 0);
	pt_model_check(r, page ? page - 1 : 0);
}

static void step_map(struct pt_model *r)
{
	uint64_t n, page = random_range(r, &n);
	uint64_t iova = pt_model_iova(r, page);
	uint64_t pa = pt_model_below(r, 1 << 10) * FAR_STEP +
		      (pt_model_below(r, 2) ? iova % FAR_STEP : pt_model_below(r, 1 << 18) * PAGE);
	unsigned prot = 1 + (unsigned)pt_model_below(r, 3);
	bool with_gather = pt_model_below(r, 8) != 0;
	bool free_range = pt_model_is_free(r, page, n);
	int err;

	if (n == 1 && pt_model_below(r, 2))
		err = pt_kind->map_page(&r->f.pt, iova, pa, prot);
	else if (with_gather && pt_model_below(r, 2))
		err = fixture_map_run(&r->f, iova, pa, n * PAGE, prot);
	else if (with_gather)
		err = fixture_map(&r->f, iova, pa, n * PAGE, prot);
	else
		err = pt_kind->map(&r->f.pt, iova, pa, n * PAGE, prot, NULL);
	CHECK_EQ(err, free_range ? 0 : -EEXIST);
	met.mapped += !err;
	met.exists += err == -EEXIST;
	met.displaced += with_gather && r->f.gather.nonleaf;
	for (uint64_t i = 0; !err && i < n;) {
		uint64_t size = fixture_best(&r->f, iova + i * PAGE, iova, pa, n * PAGE);
		struct piommu_pt_leaf leaf = { 0 };

		if (!with_gather) { /* an empty table in the way makes leaves smaller: take the table's word */
			CHECK_EQ(pt_kind->lookup(&r->f.pt, iova + i * PAGE, &leaf), 0);
			CU_ASSERT_FATAL(leaf.size <= size && leaf.size >= PAGE);
			size = leaf.size;
		}
		met.super_pages += size > PAGE;
		met.groups += (size & pt_kind->groups) != 0;
		for (uint64_t end = i + size / PAGE; i < end; i++)
			r->pages[page + i] =
				(struct pt_model_page){ pa + i * PAGE, (uint8_t)prot, (uint8_t)__builtin_ctzll(size) };
	}
	check_some(r, page, n);
}

static bool is_mapped(const struct pt_model *r, uint64_t page, uint64_t n)
{
	for (uint64_t i = page; i < page + n; i++)
		if (r->pages[i].pa == PT_MODEL_NONE)
			return false;
	return true;
}

static void step_unmap(struct pt_model *r)
{
	uint64_t n, page = random_range(r, &n);
	uint64_t iova = pt_model_iova(r, page);
	bool cut = pt_model_is_cut(r, page) || pt_model_is_cut(r, page + n);
	bool all = is_mapped(r, page, n);
	size_t mapped = 0, unmapped = 0;
	unsigned way = (unsigned)pt_model_below(r, 3);
	int err;

	if (way == 0 && n == 1)
		err = fixture_unmap_page(&r->f, iova, &unmapped);
	else if (way)
		err = fixture_unmap_run(&r->f, iova, n * PAGE, &unmapped);
	else
		err = fixture_unmap(&r->f, iova, n * PAGE, &unmapped);
	CHECK_EQ(err, cut ? -EXDEV : !all && (way || n == 1) ? -ENOENT : 0);
	met.unmapped += unmapped != 0;
	met.cut += cut;
	met.unlinked += r->f.gather.nonleaf;
	for (uint64_t i = 0; !cut && i < n; i++) {
		if (r->pages[page + i].pa == PT_MODEL_NONE)
			continue;
		mapped += PAGE;
		r->pages[page + i].pa = PT_MODEL_NONE;
		if (n <= 64 && !fixture_gathered(&r->f, iova + i * PAGE, PAGE))
			CU_FAIL_FATAL("an unmapped page is not in the gather");
	}
	CHECK_HEX(unmapped, mapped);
	CU_ASSERT(!unmapped == piommu_gather_empty(&r->f.gather) || r->f.gather.nonleaf);
	check_some(r, page, n);
}

static void run_case(struct pt_case c, bool noncoherent, bool wide)
{
	struct pt_model r = { .state = seed };
	size_t unmapped = 0;

	pt_model_init(&r, c, 32 * MIB, noncoherent);
	r.f.pt.wide &= wide;
	for (unsigned i = 0; i < steps_wanted; i++) {
		if (pt_model_below(&r, 100) < 45)
			step_map(&r);
		else
			step_unmap(&r);
		if (i % 6000 == 5999)
			pt_model_check_all(&r);
	}
	CHECK_EQ(fixture_unmap(&r.f, 0, r.f.top, &unmapped), 0);
	CHECK_EQ(fixture_tables(&r.f), 0);
	pt_model_fini(&r);
}

static void tables_agree_with_a_plain_array_of_pages(void)
{
	for (unsigned i = 0; i < pt_ncases(); i++) {
		run_case(pt_case(i), false, true);
		run_case(pt_case(i), false, false);
		run_case(pt_case(i), true, true);
	}
	printf("met: %u mapped, %u refused, %u super pages, %u of them groups, %u displaced tables; %u unmapped, %u cut a "
	       "leaf, %u unlinked "
	       "tables\n",
	       met.mapped, met.exists, met.super_pages, met.groups, met.displaced, met.unmapped, met.cut, met.unlinked);
	CU_ASSERT(met.mapped && met.exists && met.super_pages && met.displaced && met.unmapped && met.cut && met.unlinked);
	CU_ASSERT(!met.groups == !pt_kind->groups);
}

static const struct suite_test tests[] = {
	SUITE_TEST(tables_agree_with_a_plain_array_of_pages),
};

int main(int argc, char **argv)
{
	pt_kind_choose(&argc, argv);
	steps_wanted = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 0) : pt_kind->stage ? STEPS / 3 : STEPS;
	if (argc > 2)
		seed = strtoull(argv[2], NULL, 0) | 1;
	return suite_run(1, argv, "pt_property", tests, sizeof(tests) / sizeof(tests[0]));
}
