/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Random bursts against a plain array of pages, with a fixed seed: bursts of every size, ranges of a page to four blocks, with and without remembered
 * leaf tables, and among them what is mapped already, what is not mapped, what no table reaches, and pools without a page left. The array
 * predicts every return value, what is translated, and what must be invalidated. "[FORMAT] STEPS SEED" on the command line for more.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pt_model.h"
#include "suite.h"

#define STEPS 500u /* bursts for each of the cases, coherent and not */
#define MOST 256u  /* ranges */
#define BLOCK_PAGES (1u << pt_kind->index_lg2)
#define MOST_BLOCK_PAGES 8192u
#define MOST_BLOCKS (PT_MODEL_PAGES / 512)
#define OUTSIDE UINT64_MAX
#define FAR_STEP (UINT64_C(1) << 34)    /* no leaf is larger */
#define FAR (UINT64_C(1) << PT_PA_BITS) /* where the unit's addresses of memory end */

struct run {
	struct pt_model m;
	void *leaf[MOST_BLOCKS]; /* what owners of blocks remember */
	bool may_run_out;        /* of table pages */
	/* The burst that is made. */
	unsigned n;
	struct piommu_mapping ranges[MOST];
	uint64_t lists[MOST][MOST_BLOCK_PAGES]; /* of pages */
	uint64_t page[MOST];                    /* of the model; OUTSIDE */
	/* Pages, by the number of the range that unmapped them. */
	uint64_t nunmapped[MOST];
};

/* What happened, over all runs: a test that never met a case has not tested it. */
static struct {
	unsigned bursts, largest, with_leaf, lists, super_pages, exists, outside, far, no_memory, holes, cut, unlinked;
} met;

static unsigned steps_wanted = STEPS;
static uint64_t seed = 20261121;

static uint64_t below(struct run *r, uint64_t limit)
{
	return pt_model_below(&r->m, limit);
}

/* ---- Which burst ------------------------------------------------------------------------------------------------------------ */

static unsigned pick_size(struct run *r)
{
	static const unsigned sizes[] = { 1, 1, 2, 7, 32, MOST };
	unsigned i = (unsigned)below(r, 8);

	return i < 6 ? sizes[i] : 1 + (unsigned)below(r, MOST);
}

/* One in ten of whole blocks, and fewer where these are larger. */
static uint64_t pick_len(struct run *r)
{
	unsigned all = 100 * (BLOCK_PAGES / 512), kind = (unsigned)below(r, all);

	if (kind < all - 10)
		return kind % 100 < 60 ? 1 : kind % 100 < 80 ? 1 + below(r, 32) : 1 + below(r, 512);
	return BLOCK_PAGES * (kind < all - 2 ? 1 : 1 + below(r, 4)); /* two blocks and more: tables are unlinked */
}

/* Page index of a range that stays within a window. */
static uint64_t pick_page(struct run *r, uint64_t n)
{
	static const uint64_t hot_spans[] = { 256, 8192, PT_MODEL_WINDOW, PT_MODEL_WINDOW };
	uint64_t first = below(r, hot_spans[below(r, 4)]), window = below(r, 2) * PT_MODEL_WINDOW;

	if (window) /* busy near the top */
		first = PT_MODEL_WINDOW - 1 - first;
	if (n % BLOCK_PAGES == 0 && below(r, 4))
		first -= first % BLOCK_PAGES;
	return window + (first + n > PT_MODEL_WINDOW ? PT_MODEL_WINDOW - n : first);
}

static uint64_t page_at(const struct piommu_mapping *range, uint64_t k)
{
	return range->pages ? range->pages[k] : range->pa + k * PAGE;
}

static void put(struct run *r, unsigned i, uint64_t page, uint64_t n)
{
	uint64_t iova = pt_model_iova(&r->m, page);
	uint64_t pa = below(r, 1 << 10) * FAR_STEP + (below(r, 2) ? iova % FAR_STEP : below(r, 1 << 17) * PAGE);

	r->page[i] = page;
	r->ranges[i] = (struct piommu_mapping){ .iova = iova, .pa = pa, .len = n * PAGE, .prot = 1 + (unsigned)below(r, 3) };
}

/* Here and there, or in a row; mostly free where it is to be mapped; now and then one twice, or one that no table reaches. */
static void pick(struct run *r, bool is_map)
{
	bool row = below(r, 2);

	r->n = pick_size(r);
	for (unsigned i = 0; i < r->n; i++) {
		uint64_t n = pick_len(r), page = pick_page(r, n);

		for (unsigned tries = 0; is_map && tries < 6 && !pt_model_is_free(&r->m, page, n); tries++)
			page = pick_page(r, n);
		if (row && i && r->page[i - 1] != OUTSIDE)
			page = r->page[i - 1] + r->ranges[i - 1].len / PAGE;
		if (page == PT_MODEL_PAGES || page % PT_MODEL_WINDOW + n > PT_MODEL_WINDOW)
			page = pick_page(r, n);
		put(r, i, page, n);
		if (i && below(r, 400) == 0)
			put(r, i, r->page[below(r, i)] % PT_MODEL_PAGES, 1);
		if (below(r, 800) == 0) {
			r->page[i] = OUTSIDE;
			r->ranges[i].iova = r->m.f.top - (below(r, 2) ? 0 : PAGE);
			r->ranges[i].len = 2 * PAGE;
		}
	}
}

/* Its pages lie anywhere. */
static void list_pages(struct run *r, unsigned i)
{
	uint64_t n = r->ranges[i].len / PAGE;

	for (uint64_t k = 0; k < n; k++)
		r->lists[i][k] = below(r, FAR / PAGE) * PAGE;
	if (below(r, 100) == 0)
		r->lists[i][below(r, n)] = FAR + PAGE * below(r, 2);
	r->ranges[i].pages = r->lists[i];
	r->ranges[i].pa = below(r, 2) ? UINT64_MAX : 0; /* does not count */
	met.lists++;
}

/*
 * Which ranges know of a remembered table. It is forgotten before anything is done in its block without it: also where just one range of this
 * burst does that.
 */
static void lend_leaves(struct run *r)
{
	static bool without[MOST_BLOCKS];
	unsigned flavour = (unsigned)below(r, 3); /* none, all that can, some */

	memset(without, 0, sizeof(without));
	for (unsigned pass = 0; pass < 2; pass++) {
		for (unsigned i = 0; i < r->n; i++) {
			uint64_t first = r->page[i] / BLOCK_PAGES,
				 last = (r->page[i] + r->ranges[i].len / PAGE - 1) / BLOCK_PAGES;

			if (r->page[i] == OUTSIDE)
				continue;
			if (pass && !without[first]) {
				r->ranges[i].leaf = &r->leaf[first];
				met.with_leaf++;
				if (below(r, 2))
					list_pages(r, i);
			}
			if (pass || (first == last && (flavour == 1 || (flavour == 2 && below(r, 4)))))
				continue;
			for (uint64_t block = first; block <= last; block++) {
				without[block] = true;
				r->leaf[block] = NULL;
			}
		}
	}
}

/* ---- What must come of it ---------------------------------------------------------------------------------------------------- */

static uint64_t pages_of(const struct run *r, unsigned i)
{
	return r->ranges[i].len / PAGE;
}

static void set_none(struct run *r, uint64_t page, uint64_t n)
{
	for (uint64_t i = page; i < page + n; i++)
		r->m.pages[i].pa = PT_MODEL_NONE;
}

static bool is_too_far(const struct piommu_mapping *range)
{
	bool far = false;

	if (!range->pages)
		return range->pa >= FAR || range->len > FAR - range->pa;
	for (uint64_t k = 0; k < range->len / PAGE; k++)
		far |= range->pages[k] >= FAR;
	return far;
}

/* All or nothing. `*bad`: the first that fails. */
static int model_map(struct run *r, unsigned *bad)
{
	int err = 0;

	for (*bad = 0; *bad < r->n && !err; ++*bad) {
		const struct piommu_mapping *range = &r->ranges[*bad];
		uint64_t page = r->page[*bad];

		if (page == OUTSIDE || is_too_far(range))
			err = -ERANGE;
		else if (!pt_model_is_free(&r->m, page, pages_of(r, *bad)))
			err = -EEXIST;
		for (uint64_t k = 0; k < pages_of(r, *bad) && !err; k++)
			r->m.pages[page + k] = (struct pt_model_page){ page_at(range, k), (uint8_t)range->prot, 12 };
	}
	if (!err)
		return 0;
	--*bad;
	for (unsigned i = 0; i < *bad; i++)
		set_none(r, r->page[i], pages_of(r, i));
	return err;
}

static int model_unmap_one(struct run *r, unsigned i)
{
	uint64_t page = r->page[i], n = pages_of(r, i);

	if (page == OUTSIDE)
		return -ERANGE;
	if (pt_model_is_cut(&r->m, page) || pt_model_is_cut(&r->m, page + n))
		return -EXDEV;
	for (uint64_t k = page; k < page + n; k++)
		r->nunmapped[i] += r->m.pages[k].pa != PT_MODEL_NONE;
	set_none(r, page, n);
	return r->nunmapped[i] < n ? -ENOENT : 0;
}

/* Goes on after an error, and says the first one. */
static int model_unmap(struct run *r, size_t *unmapped)
{
	int worst = 0;

	*unmapped = 0;
	for (unsigned i = 0; i < r->n; i++) {
		int err;

		r->nunmapped[i] = 0;
		err = model_unmap_one(r, i);
		worst = worst ? worst : err;
		*unmapped += r->nunmapped[i] * PAGE;
		met.holes += err == -ENOENT;
		met.cut += err == -EXDEV;
	}
	return worst;
}

/* The largest leaf that fits, bytes. */
static uint64_t most_of(const struct run *r, const struct piommu_mapping *range, uint64_t off)
{
	if (range->pages)
		return PAGE;
	return fixture_best(&r->m.f, range->iova + off, range->iova, range->pa, range->len);
}

/* The table chose the leaves: none larger than fits. */
static void take_leaves(struct run *r)
{
	for (unsigned i = 0; i < r->n; i++) {
		for (uint64_t k = 0; k < pages_of(r, i);) {
			const struct piommu_mapping *range = &r->ranges[i];
			struct piommu_pt_leaf leaf = { 0 };
			uint64_t off = k * PAGE;

			CHECK_EQ(pt_kind->lookup(&r->m.f.pt, range->iova + off, &leaf), 0);
			CU_ASSERT_FATAL(leaf.size >= PAGE && leaf.size <= most_of(r, range, off));
			met.super_pages += leaf.size > PAGE;
			for (uint64_t end = k + leaf.size / PAGE; k < end; k++)
				r->m.pages[r->page[i] + k].lg2 = (uint8_t)__builtin_ctzll(leaf.size);
		}
	}
}

/* ---- Whether it came so --------------------------------------------------------------------------------------------------------- */

/* Ends and middles of some of the ranges, what is around them, and that what is remembered is the table that is linked. */
static void check_some(struct run *r)
{
	for (unsigned k = 0; k < 12; k++) {
		unsigned i = k < r->n ? k : (unsigned)below(r, r->n);
		uint64_t page = r->page[i], n = pages_of(r, i);
		struct piommu_pt_step steps[5];
		unsigned nsteps;

		if (page == OUTSIDE)
			continue;
		pt_model_check(&r->m, page);
		pt_model_check(&r->m, page + n - 1);
		pt_model_check(&r->m, page + below(r, n));
		pt_model_check(&r->m, page + n < PT_MODEL_PAGES ? page + n : 0);
		pt_model_check(&r->m, page ? page - 1 : 0);
		if (!r->leaf[page / BLOCK_PAGES])
			continue;
		nsteps = pt_kind->walk(&r->m.f.pt, pt_model_iova(&r->m, page), steps, 5);
		CU_ASSERT_FATAL(nsteps && steps[nsteps - 1].level == 1);
		CU_ASSERT_PTR_EQUAL(r->leaf[page / BLOCK_PAGES],
				    (void *)(uintptr_t)(steps[nsteps - 1].table_pa + r->m.f.pt.va_off));
	}
}

static void check_gathered(const struct run *r, unsigned end, bool mapped_alone)
{
	for (unsigned i = 0; i < end; i++) {
		bool all = !mapped_alone || r->nunmapped[i] == pages_of(r, i);

		if (!all || r->page[i] == OUTSIDE)
			continue;
		CU_ASSERT(fixture_gathered(&r->m.f, r->ranges[i].iova, PAGE));
		CU_ASSERT(fixture_gathered(&r->m.f, r->ranges[i].iova + r->ranges[i].len - PAGE, PAGE));
	}
}

static void forget_all(struct run *r)
{
	memset(r->leaf, 0, sizeof(r->leaf));
}

/* Everything goes, and with it all tables but those above. */
static void unmap_all(struct run *r)
{
	size_t unmapped;

	forget_all(r);
	CHECK_EQ(fixture_unmap(&r->m.f, 0, r->m.f.top, &unmapped), 0);
	set_none(r, 0, PT_MODEL_PAGES);
}

static void step_map(struct run *r)
{
	unsigned bad, out = (unsigned)below(r, 100);
	int want, err;

	if (out < 3) /* memory that the unit has no addresses for */
		r->ranges[below(r, r->n)].pa = out ? FAR - PAGE * (out - 1) : UINT64_MAX - PAGE + 1;
	want = model_map(r, &bad);
	piommu_gather_init(&r->m.f.gather);
	err = pt_kind->map_burst(&r->m.f.pt, r->ranges, r->n, &r->m.f.gather);
	fixture_retire(&r->m.f);
	if (err == -ENOMEM && r->may_run_out) {
		met.no_memory++;
		for (unsigned i = 0; i < r->n && !want; i++)
			set_none(r, r->page[i], pages_of(r, i));
		check_some(r);
		unmap_all(r);
		return;
	}
	CHECK_EQ(err, want);
	CU_ASSERT_EQUAL_FATAL(err, want); /* no use to go on */
	met.exists += want == -EEXIST;
	met.outside += want == -ERANGE && r->page[bad] == OUTSIDE;
	met.far += want == -ERANGE && r->page[bad] != OUTSIDE;
	if (!want) {
		take_leaves(r);
	} else if (bad) {
		memset(r->nunmapped, 0, sizeof(r->nunmapped));
		check_gathered(r, bad, false);
	}
}

static void step_unmap(struct run *r)
{
	size_t want_unmapped, unmapped = 0;
	int want = model_unmap(r, &want_unmapped), err;
	struct piommu_range ranges[MOST];

	for (unsigned i = 0; i < r->n; i++)
		ranges[i] = (struct piommu_range){ r->ranges[i].iova, r->ranges[i].len, r->ranges[i].leaf };
	piommu_gather_init(&r->m.f.gather);
	err = pt_kind->unmap_burst(&r->m.f.pt, ranges, r->n, &r->m.f.gather, &unmapped);
	fixture_retire(&r->m.f);
	CHECK_EQ(err, want);
	CHECK_HEX(unmapped, want_unmapped);
	CU_ASSERT_FATAL(err == want && unmapped == want_unmapped);
	met.unlinked += r->m.f.gather.nonleaf;
	check_gathered(r, r->n, true);
}

/* What the last burst mapped, in another order or with others; otherwise anything. */
static void step(struct run *r)
{
	bool again = r->n && below(r, 3) == 0, is_map = !again && below(r, 5) < 3;

	if (!again)
		pick(r, is_map);
	else
		for (unsigned i = 0; i < r->n; i++)
			r->ranges[i].leaf = NULL, r->ranges[i].pages = NULL;
	lend_leaves(r);
	met.bursts++;
	met.largest += r->n == MOST;
	if (is_map)
		step_map(r);
	else
		step_unmap(r);
	check_some(r);
	if (below(r, 64) == 0)
		forget_all(r);
}

static void run_case(struct pt_case c, bool noncoherent, bool may_run_out)
{
	static struct run r; /* large */

	memset(&r, 0, sizeof(r));
	r.m.state = seed;
	r.may_run_out = may_run_out;
	pt_model_init(&r.m, c, may_run_out ? 2 * MIB * 512 / BLOCK_PAGES : 32 * MIB, noncoherent);
	for (unsigned i = 0; i < steps_wanted; i++)
		step(&r);
	pt_model_check_all(&r.m);
	unmap_all(&r);
	CHECK_EQ(fixture_tables(&r.m.f), 0);
	pt_model_fini(&r.m);
}

static void bursts_agree_with_a_plain_array_of_pages(void)
{
	for (unsigned i = 0; i < pt_ncases(); i++) {
		run_case(pt_case(i), i & 1, false);
		run_case(pt_case(i), !(i & 1), i % 3 == 1);
	}
	printf("     met: %u bursts, %u of the largest, %u ranges with a remembered table, %u lists, %u super pages; refused: "
	       "%u mapped "
	       "already, %u "
	       "outside, %u too far, %u without memory; %u holes, %u cut a leaf, %u unlinked tables\n",
	       met.bursts, met.largest, met.with_leaf, met.lists, met.super_pages, met.exists, met.outside, met.far,
	       met.no_memory, met.holes, met.cut, met.unlinked);
	CU_ASSERT(met.largest && met.with_leaf && met.lists && met.super_pages && met.exists && met.outside && met.far &&
		  met.no_memory);
	CU_ASSERT(met.holes && met.cut && met.unlinked);
}

static const struct suite_test tests[] = {
	SUITE_TEST(bursts_agree_with_a_plain_array_of_pages),
};

int main(int argc, char **argv)
{
	pt_kind_choose(&argc, argv);
	if (argc > 1)
		steps_wanted = (unsigned)strtoul(argv[1], NULL, 0);
	if (argc > 2)
		seed = strtoull(argv[2], NULL, 0) | 1;
	return suite_run(1, argv, "pt_burst_property", tests, sizeof(tests) / sizeof(tests[0]));
}
