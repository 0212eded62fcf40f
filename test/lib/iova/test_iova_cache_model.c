/* SPDX-License-Identifier: BSD-3-Clause */
/* Several caches of one space against a plain map of pages: sizes 1 to 512, parts freed, by any cache, and caches that come and go. */
#include <errno.h>
#include <stdlib.h>

#include "iova_cache.h"
#include "suite.h"

#define PAGE UINT64_C(4096)
#define CACHES 3u
#define PAGES 8192u
#define LIVE 4096u

struct range {
	unsigned page; /* from the start of the aperture */
	unsigned n;
};

struct model {
	struct iova_space *space;
	struct iova_cache *cache[CACHES];
	uint64_t base;
	unsigned npages;
	unsigned char owner[PAGES]; /* 0 free, 1 reserved, 2 allocated */
	struct range live[LIVE];
	unsigned nlive;
	uint64_t seed;
};

static unsigned chance(struct model *model, unsigned n)
{
	model->seed = model->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)(model->seed >> 33) % n;
}

static uint64_t address(const struct model *model, unsigned page)
{
	return (model->base + page) * PAGE;
}

static void mark(struct model *model, struct range range, unsigned char owner)
{
	for (unsigned i = 0; i < range.n; i++)
		model->owner[range.page + i] = owner;
}

static void allocate(struct model *model)
{
	unsigned n = 1 + chance(model, 1u << chance(model, 10)), align = 1;
	struct iova_block *block;
	struct range range = { .n = n };
	uint64_t iova;
	int err;

	if (model->nlive == LIVE)
		return;
	err = iova_cache_alloc(model->cache[chance(model, CACHES)], n, &iova, &block);
	if (err) {
		CHECK_EQ(err, -ENOSPC);
		return;
	}
	while (align < n)
		align *= 2;
	CHECK_EQ(iova / PAGE % align, 0);
	CU_ASSERT_FATAL(iova / PAGE >= model->base && iova / PAGE + n <= model->base + model->npages);
	CU_ASSERT_NOT_EQUAL(iova, 0);
	range.page = (unsigned)(iova / PAGE - model->base);
	for (unsigned i = 0; i < n; i++)
		CHECK_EQ(model->owner[range.page + i], 0);
	mark(model, range, 2);
	model->live[model->nlive++] = range;
}

static void give_back(struct model *model, struct iova_cache *cache, struct range range)
{
	uint64_t iova = address(model, range.page);

	if (chance(model, 2))
		CHECK_EQ(iova_cache_free(cache, iova, range.n), 0);
	else
		iova_cache_put(cache, iova_cache_block(cache, iova), iova, range.n);
}

/* A part of an allocation, or all of it; what is left of it lives on. */
static void release(struct model *model)
{
	unsigned at = chance(model, model->nlive), cut;
	struct range *it = &model->live[at], part = *it;
	struct iova_cache *cache = model->cache[chance(model, CACHES)];

	if (it->n > 1 && !chance(model, 4)) {
		cut = 1 + chance(model, it->n - 1);
		part.n = cut;
		if (chance(model, 2))
			part.page += it->n - cut;
		else
			it->page += cut;
		it->n -= cut;
	} else {
		*it = model->live[--model->nlive];
	}
	give_back(model, cache, part);
	mark(model, part, 0);
}

/* Ranges that are not allocated throughout are refused, and stay as they are. */
static void release_wrongly(struct model *model)
{
	unsigned page = chance(model, model->npages), n = 1 + chance(model, 1u << chance(model, 10)), taken = 0;

	for (unsigned i = 0; i < n && page + i < model->npages; i++)
		taken += model->owner[page + i] == 2;
	if (taken < n)
		CHECK_EQ(iova_cache_free(model->cache[chance(model, CACHES)], address(model, page), n), -ENOENT);
}

static void replace_a_cache(struct model *model)
{
	unsigned i = chance(model, CACHES);

	iova_cache_destroy(model->cache[i]);
	CHECK_EQ(iova_cache_create(model->space, &model->cache[i]), 0);
}

static unsigned count(const struct model *model, unsigned char owner)
{
	unsigned n = 0;

	for (unsigned i = 0; i < model->npages; i++)
		n += model->owner[i] == owner;
	return n;
}

static uint64_t free_pages(struct iova_space *space)
{
	uint64_t free_bytes, longest;

	iova_space_usage(space, &free_bytes, &longest);
	return free_bytes / PAGE;
}

static void run(uint64_t base, unsigned npages, unsigned steps, uint64_t seed)
{
	struct model *model = calloc(1, sizeof(*model));
	struct range reserved = { npages / 3, npages / 20 };

	*model = (struct model){ .base = base, .npages = npages, .seed = seed };
	CHECK_EQ(iova_space_create((struct piommu_span){ base * PAGE, (base + npages) * PAGE - 1 }, &model->space), 0);
	if (reserved.n) {
		uint64_t first = address(model, reserved.page);

		CHECK_EQ(iova_space_reserve(model->space, (struct piommu_span){ first, first + reserved.n * PAGE - 1 }), 0);
		mark(model, reserved, 1);
	}
	for (unsigned i = 0; i < CACHES; i++)
		CHECK_EQ(iova_cache_create(model->space, &model->cache[i]), 0);
	for (unsigned step = 0; step < steps; step++) {
		/* Tides: nearly full, nearly empty. */
		unsigned ebb = step / 1000 % 2 ? 65 : 45, what = chance(model, 100);

		if (!chance(model, 500))
			replace_a_cache(model);
		else if (what < 10)
			release_wrongly(model);
		else if (what < ebb && model->nlive)
			release(model);
		else
			allocate(model);
	}
	while (model->nlive)
		release(model);
	for (unsigned i = 0; i < CACHES; i++)
		iova_cache_destroy(model->cache[i]);
	CHECK_EQ(count(model, 2), 0);
	CHECK_EQ(free_pages(model->space), npages - count(model, 1));
	iova_space_destroy(model->space);
	free(model);
}

static void caches_agree_with_a_plain_map_of_pages(void)
{
	for (uint64_t seed = 1; seed <= 4; seed++) {
		run(512, 4096, 40000, seed);
		run(UINT64_C(1) << 36, 8192, 40000, seed);
	}
}

static void they_do_in_ragged_apertures(void)
{
	for (uint64_t seed = 1; seed <= 4; seed++) {
		run(0, 1500, 20000, seed);
		run(777, 5000, 20000, seed);
		run(3, 300, 10000, seed);
		run(510, 4, 2000, seed);
	}
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(caches_agree_with_a_plain_map_of_pages),
		SUITE_TEST(they_do_in_ragged_apertures),
	};

	return suite_run(argc, argv, "iova_cache_model", tests, sizeof(tests) / sizeof(tests[0]));
}
