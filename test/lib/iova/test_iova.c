/* SPDX-License-Identifier: BSD-3-Clause */
/* The allocator of I/O addresses: its rules one by one, then against a plain map of pages. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "iova.h"
#include "suite.h"

#define PAGE UINT64_C(4096)
#define MIB (UINT64_C(1) << 20)

static struct iova_space *space_of(uint64_t first_page, uint64_t npages)
{
	struct iova_space *space = NULL;

	CHECK_EQ(iova_space_create((struct piommu_span){ first_page * PAGE, (first_page + npages) * PAGE - 1 }, &space), 0);
	return space;
}

static uint64_t alloc(struct iova_space *space, uint64_t npages, uint64_t align)
{
	uint64_t iova = UINT64_MAX;

	CHECK_EQ(iova_alloc(space, npages * PAGE, align, &iova), 0);
	return iova;
}

static void check_usage(struct iova_space *space, uint64_t free_pages, uint64_t longest_pages)
{
	uint64_t free_bytes, longest;

	iova_space_usage(space, &free_bytes, &longest);
	CHECK_EQ(free_bytes / PAGE, free_pages);
	CHECK_EQ(longest / PAGE, longest_pages);
}

static void apertures_must_be_whole_pages(void)
{
	struct iova_space *space = NULL;

	CHECK_EQ(iova_space_create((struct piommu_span){ 1, PAGE - 1 }, &space), -EINVAL);
	CHECK_EQ(iova_space_create((struct piommu_span){ 0, PAGE }, &space), -EINVAL);
	CHECK_EQ(iova_space_create((struct piommu_span){ 2 * PAGE, PAGE - 1 }, &space), -EINVAL);
	CU_ASSERT_PTR_NULL(space);
	iova_space_destroy(NULL);
}

static void bad_requests_are_refused(void)
{
	struct iova_space *space = space_of(1, 16);
	uint64_t iova;

	CHECK_EQ(iova_alloc(space, 0, PAGE, &iova), -EINVAL);
	CHECK_EQ(iova_alloc(space, 100, PAGE, &iova), -EINVAL);
	CHECK_EQ(iova_alloc(space, PAGE, 2048, &iova), -EINVAL);
	CHECK_EQ(iova_alloc(space, PAGE, 3 * PAGE, &iova), -EINVAL);
	CHECK_EQ(iova_alloc(space, PAGE, 0, &iova), -EINVAL);
	CHECK_EQ(iova_alloc(space, 17 * PAGE, PAGE, &iova), -ENOSPC);
	CHECK_EQ(iova_alloc(space, PAGE, UINT64_C(1) << 63, &iova), -ENOSPC);
	iova_space_destroy(space);
}

static void addresses_are_inside_aligned_and_lowest_first(void)
{
	struct iova_space *space = space_of(256, 1024);

	CHECK_HEX(alloc(space, 1, PAGE), 256 * PAGE);
	CHECK_HEX(alloc(space, 512, 2 * MIB), 2 * MIB);
	CHECK_HEX(alloc(space, 4, 4 * PAGE), 260 * PAGE);
	CHECK_HEX(alloc(space, 1, PAGE), 257 * PAGE);
	iova_space_destroy(space);
}

static void only_what_was_allocated_is_freed(void)
{
	struct iova_space *space = space_of(1, 64);
	uint64_t iova = alloc(space, 4, PAGE);

	CHECK_EQ(iova_free(space, iova, 3 * PAGE), -ENOENT);
	CHECK_EQ(iova_free(space, iova, 5 * PAGE), -ENOENT);
	CHECK_EQ(iova_free(space, iova + PAGE, PAGE), -ENOENT);
	CHECK_EQ(iova_free(space, iova + 8, 4 * PAGE), -ENOENT);
	CHECK_EQ(iova_free(space, iova, 0), -ENOENT);
	CHECK_EQ(iova_free(space, iova, 4 * PAGE), 0);
	CHECK_EQ(iova_free(space, iova, 4 * PAGE), -ENOENT);
	check_usage(space, 64, 64);
	iova_space_destroy(space);
}

static void freed_neighbours_join(void)
{
	struct iova_space *space = space_of(1, 64);
	uint64_t iova[16];

	for (unsigned i = 0; i < 16; i++)
		iova[i] = alloc(space, 4, PAGE);
	check_usage(space, 0, 0);
	for (unsigned i = 0; i < 16; i += 2)
		CHECK_EQ(iova_free(space, iova[i], 4 * PAGE), 0);
	check_usage(space, 32, 4);
	for (unsigned i = 1; i < 16; i += 2)
		CHECK_EQ(iova_free(space, iova[i], 4 * PAGE), 0);
	check_usage(space, 64, 64);
	iova_space_destroy(space);
}

static void address_zero_is_the_last_to_go(void)
{
	struct iova_space *space = space_of(0, 4);
	uint64_t iova;

	CHECK_HEX(alloc(space, 1, PAGE), 1 * PAGE);
	CHECK_HEX(alloc(space, 2, PAGE), 2 * PAGE);
	check_usage(space, 1, 1);
	CHECK_EQ(iova_alloc(space, 2 * PAGE, PAGE, &iova), -ENOSPC);
	CHECK_HEX(alloc(space, 1, PAGE), 0);
	CHECK_EQ(iova_free(space, 0, PAGE), 0);
	CHECK_EQ(iova_free(space, PAGE, PAGE), 0);
	CHECK_HEX(alloc(space, 1, PAGE), PAGE);
	iova_space_destroy(space);
}

static void all_of_an_aperture_that_starts_at_zero_can_be_had(void)
{
	struct iova_space *space = space_of(0, 512);

	CHECK_HEX(alloc(space, 512, 2 * MIB), 0);
	CHECK_EQ(iova_free(space, 0, 2 * MIB), 0);
	CHECK_HEX(alloc(space, 1, PAGE), PAGE);
	iova_space_destroy(space);
}

static void a_single_page_zero_works(void)
{
	struct iova_space *space = space_of(0, 1);

	check_usage(space, 1, 1);
	CHECK_HEX(alloc(space, 1, PAGE), 0);
	check_usage(space, 0, 0);
	CHECK_EQ(iova_free(space, 0, PAGE), 0);
	iova_space_destroy(space);
}

static void the_whole_64_bits_are_an_aperture(void)
{
	struct iova_space *space = NULL;

	CHECK_EQ(iova_space_create((struct piommu_span){ 0, UINT64_MAX }, &space), 0);
	CHECK_HEX(alloc(space, UINT64_C(1) << 51, UINT64_C(1) << 63), UINT64_C(1) << 63);
	CHECK_EQ(iova_free(space, UINT64_C(1) << 63, UINT64_C(1) << 63), 0);
	CHECK_EQ(iova_space_reserve(space, (struct piommu_span){ UINT64_MAX - PAGE + 1, UINT64_MAX }), 0);
	iova_space_destroy(space);
}

static void reserved_ranges_are_never_handed_out(void)
{
	struct iova_space *space = space_of(16, 16);
	uint64_t iova;

	/* Bytes 20.5 to 22.5 of pages: whole pages 20, 21, 22. */
	CHECK_EQ(iova_space_reserve(space, (struct piommu_span){ 20 * PAGE + 2048, 22 * PAGE + 2047 }), 0);
	check_usage(space, 13, 9);
	CHECK_HEX(alloc(space, 5, PAGE), 23 * PAGE);
	CHECK_HEX(alloc(space, 4, PAGE), 16 * PAGE);
	CHECK_EQ(iova_alloc(space, 5 * PAGE, PAGE, &iova), -ENOSPC);
	CHECK_EQ(iova_free(space, 20 * PAGE, 3 * PAGE), -ENOENT);
	iova_space_destroy(space);
}

static void reservations_may_overlap_and_stick_out(void)
{
	struct iova_space *space = space_of(0, 16);

	CHECK_EQ(iova_space_reserve(space, (struct piommu_span){ 4 * PAGE, 6 * PAGE - 1 }), 0);
	CHECK_EQ(iova_space_reserve(space, (struct piommu_span){ 3 * PAGE, 9 * PAGE - 1 }), 0);
	CHECK_EQ(iova_space_reserve(space, (struct piommu_span){ 14 * PAGE, UINT64_MAX }), 0);
	CHECK_EQ(iova_space_reserve(space, (struct piommu_span){ 100 * PAGE, UINT64_MAX }), 0);
	check_usage(space, 8, 5);
	CHECK_EQ(iova_space_reserve(space, (struct piommu_span){ 0, PAGE - 1 }), 0);
	check_usage(space, 7, 5);
	CHECK_HEX(alloc(space, 2, PAGE), PAGE);
	CHECK_HEX(alloc(space, 5, PAGE), 9 * PAGE);
	check_usage(space, 0, 0);
	iova_space_destroy(space);
}

static void what_is_in_use_cannot_be_reserved(void)
{
	struct iova_space *space = space_of(1, 16);
	uint64_t iova = alloc(space, 4, PAGE);

	CHECK_EQ(iova_space_reserve(space, (struct piommu_span){ iova + 3 * PAGE, iova + 8 * PAGE - 1 }), -EBUSY);
	check_usage(space, 12, 12);
	CHECK_EQ(iova_free(space, iova, 4 * PAGE), 0);
	CHECK_EQ(iova_space_reserve(space, (struct piommu_span){ iova, iova + 8 * PAGE - 1 }), 0);
	iova_space_destroy(space);
}

static void an_aligned_place_inside_a_gap_is_found_when_no_whole_block_is_left(void)
{
	struct iova_space *space = space_of(512, 520);
	uint64_t first = alloc(space, 512, 2 * MIB);

	CHECK_HEX(first, 2 * MIB);
	/* Pages 1024 to 1031 are left: no block of 512, but a multiple of 2 MiB with 8 pages behind it. */
	CHECK_HEX(alloc(space, 8, 2 * MIB), 4 * MIB);
	iova_space_destroy(space);
}

/* Aligned requests among very many gaps that are long enough and lie wrongly: no answer is a guess. */
static void an_aligned_place_among_many_wrong_gaps_is_found(void)
{
	enum {
		N = 3000
	};
	struct iova_space *space = space_of(512, 16 * N + 16);
	uint64_t iova;

	CHECK_EQ(iova_alloc(space, (16 * N + 16) * PAGE, PAGE, &iova), 0);
	iova_space_destroy(space);
	space = space_of(512, 16 * N + 16);
	/* Pages 1 to 9 of each 16 are free: no block of 8 at a multiple of 8 with 16 there. */
	for (uint64_t i = 0; i < N; i++) {
		uint64_t first = (512 + 16 * i) * PAGE;

		CHECK_EQ(iova_space_reserve(space, (struct piommu_span){ first, first + PAGE - 1 }), 0);
		CHECK_EQ(iova_space_reserve(space, (struct piommu_span){ first + 10 * PAGE, first + 16 * PAGE - 1 }), 0);
	}
	CHECK_HEX(alloc(space, 2, 8 * PAGE), 520 * PAGE);
	CHECK_HEX(alloc(space, 3, 8 * PAGE), (512 + 16 * N) * PAGE);
	CHECK_EQ(iova_alloc(space, 10 * PAGE, 8 * PAGE, &iova), -ENOSPC);
	iova_space_destroy(space);
}

#define MODEL_PAGES 300u
#define MODEL_STEPS 30000u

struct model {
	uint64_t base;
	unsigned char owner[MODEL_PAGES]; /* 0 free, 1 reserved, 2 allocated */
	uint64_t start[MODEL_PAGES];      /* live allocations */
	uint64_t n[MODEL_PAGES];
	unsigned live;
};

/* The lowest aligned run of free pages; page 0 only when nothing else fits. MODEL_PAGES: none. */
static unsigned model_find(const struct model *model, uint64_t n, uint64_t align)
{
	unsigned zero = MODEL_PAGES;

	for (unsigned at = 0; at + n <= MODEL_PAGES; at++) {
		unsigned len = 0;

		if ((model->base + at) % align)
			continue;
		while (len < n && !model->owner[at + len])
			len++;
		if (len == n && model->base + at)
			return at;
		if (len == n)
			zero = at;
	}
	return zero;
}

static void model_mark(struct model *model, uint64_t page, uint64_t n, unsigned char owner)
{
	for (uint64_t i = 0; i < n; i++)
		model->owner[page - model->base + i] = owner;
}

static void model_alloc(struct model *model, struct iova_space *space, uint64_t n, uint64_t align)
{
	bool possible = model_find(model, n, align) < MODEL_PAGES;
	uint64_t iova;
	int err = iova_alloc(space, n * PAGE, align * PAGE, &iova);

	CHECK_EQ(err, possible ? 0 : -ENOSPC);
	if (err)
		return;
	CHECK_EQ(iova / PAGE % align, 0);
	for (uint64_t i = 0; i < n; i++)
		CHECK_EQ(model->owner[iova / PAGE - model->base + i], 0);
	model_mark(model, iova / PAGE, n, 2);
	model->start[model->live] = iova / PAGE;
	model->n[model->live++] = n;
}

static void model_free(struct model *model, struct iova_space *space, unsigned which)
{
	CHECK_EQ(iova_free(space, model->start[which] * PAGE, model->n[which] * PAGE), 0);
	model_mark(model, model->start[which], model->n[which], 0);
	model->live--;
	model->start[which] = model->start[model->live];
	model->n[which] = model->n[model->live];
}

static void run_model(uint64_t base, uint64_t seed)
{
	struct model model = { .base = base };
	struct iova_space *space = space_of(base, MODEL_PAGES);

	model_mark(&model, base + 100, 7, 1);
	CHECK_EQ(iova_space_reserve(space, (struct piommu_span){ (base + 100) * PAGE, (base + 107) * PAGE - 1 }), 0);
	for (unsigned step = 0; step < MODEL_STEPS; step++) {
		uint64_t nfree = 0, free_bytes, longest;

		seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		if (model.live && (seed >> 33) % 100 < 48)
			model_free(&model, space, (unsigned)((seed >> 40) % model.live));
		else
			model_alloc(&model, space, 1 + (seed >> 40) % 24, UINT64_C(1) << (seed >> 50) % 5);
		for (unsigned i = 0; i < MODEL_PAGES; i++)
			nfree += !model.owner[i];
		iova_space_usage(space, &free_bytes, &longest);
		CHECK_EQ(free_bytes / PAGE, nfree);
	}
	iova_space_destroy(space);
}

static void it_agrees_with_a_plain_map_of_pages(void)
{
	run_model(0, 1);
	run_model(7, 2);
	run_model(UINT64_C(1) << 40, 3);
}

#define THREADS 4u
#define ROUNDS 5000u

static void *churn(void *arg)
{
	struct iova_space *space = arg;
	uint64_t iova[8];
	uintptr_t bad = 0;

	for (unsigned round = 0; round < ROUNDS; round++) {
		for (unsigned i = 0; i < 8; i++)
			bad += iova_alloc(space, (1 + i % 3) * PAGE, PAGE, &iova[i]) != 0;
		for (unsigned i = 0; i < 8; i++)
			bad += iova_free(space, iova[i], (1 + i % 3) * PAGE) != 0;
	}
	return (void *)bad;
}

static void threads_share_a_space(void)
{
	struct iova_space *space = space_of(0, 4096);
	pthread_t thread[THREADS];

	for (unsigned i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_create(&thread[i], NULL, churn, space), 0);
	for (unsigned i = 0; i < THREADS; i++) {
		void *bad;

		pthread_join(thread[i], &bad);
		CHECK_EQ((uintptr_t)bad, 0);
	}
	check_usage(space, 4096, 4095);
	iova_space_destroy(space);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(apertures_must_be_whole_pages),
		SUITE_TEST(bad_requests_are_refused),
		SUITE_TEST(addresses_are_inside_aligned_and_lowest_first),
		SUITE_TEST(only_what_was_allocated_is_freed),
		SUITE_TEST(freed_neighbours_join),
		SUITE_TEST(address_zero_is_the_last_to_go),
		SUITE_TEST(all_of_an_aperture_that_starts_at_zero_can_be_had),
		SUITE_TEST(a_single_page_zero_works),
		SUITE_TEST(the_whole_64_bits_are_an_aperture),
		SUITE_TEST(reserved_ranges_are_never_handed_out),
		SUITE_TEST(reservations_may_overlap_and_stick_out),
		SUITE_TEST(what_is_in_use_cannot_be_reserved),
		SUITE_TEST(an_aligned_place_inside_a_gap_is_found_when_no_whole_block_is_left),
		SUITE_TEST(an_aligned_place_among_many_wrong_gaps_is_found),
		SUITE_TEST(it_agrees_with_a_plain_map_of_pages),
		SUITE_TEST(threads_share_a_space),
	};

	return suite_run(argc, argv, "iova", tests, sizeof(tests) / sizeof(tests[0]));
}
