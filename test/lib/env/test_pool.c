/* SPDX-License-Identifier: BSD-3-Clause */
/* The pool of table pages, over the heap source and over sources that fail. */
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "piommu_env.h"
#include "piommu_pool.h"
#include "suite.h"

#define MIB ((size_t)1 << 20)

struct fixture {
	struct piommu_env_mem *mem;
	struct piommu_pool *pool;
	unsigned chunks;  /* taken and not given back */
	intptr_t skew;    /* added to va_off, to make a source that lies */
	size_t page_size; /* 0: the smallest */
};

static int source_alloc(void *ctx, size_t len, size_t align, int node, struct piommu_mem *out)
{
	struct fixture *f = ctx;
	int err = piommu_env_mem_alloc(f->mem, len, align, node, out);

	f->chunks += !err;
	return err;
}

static void source_free(void *ctx, struct piommu_mem *mem)
{
	struct fixture *f = ctx;

	piommu_env_mem_free(f->mem, mem);
	f->chunks--;
}

static const size_t page_sizes[] = { 4096, 16384, 65536 };

static void setup(struct fixture *f, size_t size)
{
	struct piommu_pool_source source = {
		.alloc = source_alloc,
		.free = source_free,
		.ctx = f,
		.node = -1,
		.page_size = f->page_size,
	};

	CHECK_EQ(piommu_env_heap_create(size, UINT64_C(1) << 32, &f->mem), 0);
	source.va_off = piommu_env_mem_va_off(f->mem) + (uintptr_t)f->skew;
	CHECK_EQ(piommu_pool_create(&source, &f->pool), 0);
}

static void teardown(struct fixture *f, size_t leaked)
{
	CHECK_EQ(piommu_pool_destroy(f->pool), leaked);
	CHECK_EQ(f->chunks, 0);
	piommu_env_mem_destroy(f->mem);
}

static bool is_zero(const struct fixture *f, const void *page)
{
	const char *bytes = page;

	return bytes[0] == 0 && memcmp(bytes, bytes + 1, piommu_pool_page_size(f->pool) - 1) == 0;
}

static void aligned_body(size_t page_size)
{
	struct fixture f = { .page_size = page_size };
	size_t size = page_size ? page_size : PIOMMU_PAGE_SIZE;
	char *a, *b;

	setup(&f, 4 * MIB);
	CHECK_EQ(piommu_pool_page_size(f.pool), size);
	CHECK_EQ(piommu_pool_bytes(f.pool), 0);
	a = piommu_pool_get(f.pool);
	b = piommu_pool_get(f.pool);
	CU_ASSERT((a < b ? b - a : a - b) >= (ptrdiff_t)size);
	CHECK_EQ((uintptr_t)a % size, 0);
	CU_ASSERT(is_zero(&f, a) && is_zero(&f, b));
	CHECK_EQ(piommu_pool_used(f.pool), 2);
	CHECK_EQ(piommu_pool_bytes(f.pool), 2 * MIB);
	memset(a, 0xff, size);
	CU_ASSERT(is_zero(&f, b));
	piommu_pool_put(f.pool, a);
	CHECK_EQ(piommu_pool_used(f.pool), 1);
	CU_ASSERT_PTR_EQUAL(piommu_pool_get(f.pool), a);
	CU_ASSERT(is_zero(&f, a));
	piommu_pool_put(f.pool, a);
	piommu_pool_put(f.pool, b);
	teardown(&f, 0);
}

static void pages_are_aligned_zeroed_and_counted(void)
{
	aligned_body(0);
	for (unsigned i = 0; i < 3; i++)
		aligned_body(page_sizes[i]);
}

static void other_page_sizes_are_refused(void)
{
	static const size_t bad[] = { 1, 2048, 4097, 8192, 32768, 131072, 2 * MIB };
	struct piommu_pool_source source = { .alloc = source_alloc, .free = source_free };
	struct piommu_pool *pool;

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		source.page_size = bad[i];
		CHECK_EQ(piommu_pool_create(&source, &pool), -EINVAL);
	}
}

static void va_off_is_the_sources(void)
{
	struct fixture f = { 0 };

	setup(&f, 2 * MIB);
	CHECK_HEX(piommu_pool_va_off(f.pool), piommu_env_mem_va_off(f.mem));
	teardown(&f, 0);
}

static void twice_body(size_t page_size)
{
	static void *page[1280];
	struct fixture f = { .page_size = page_size };
	unsigned n = (unsigned)(5 * MIB / page_size); /* of three chunks */

	setup(&f, 8 * MIB);
	for (unsigned i = 0; i < n; i++) {
		page[i] = piommu_pool_get(f.pool);
		CU_ASSERT_PTR_NOT_NULL_FATAL(page[i]);
		CU_ASSERT(is_zero(&f, page[i]));
		memcpy(page[i], &i, sizeof(i));
	}
	for (unsigned i = 0; i < n; i++)
		CHECK_EQ(*(unsigned *)page[i], i);
	CHECK_EQ(piommu_pool_bytes(f.pool), 6 * MIB);
	for (unsigned i = 0; i < n; i++)
		piommu_pool_put(f.pool, page[i]);
	teardown(&f, 0);
}

static void no_page_is_handed_out_twice(void)
{
	for (unsigned i = 0; i < 3; i++)
		twice_body(page_sizes[i]);
}

static void exhausted_body(size_t page_size)
{
	static void *page[512];
	struct fixture f = { .page_size = page_size };
	unsigned n = 0, all = (unsigned)(2 * MIB / page_size);

	setup(&f, 2 * MIB);
	while (n < all && (page[n] = piommu_pool_get(f.pool)))
		n++;
	CU_ASSERT(n > all - all / 16 && n < all);
	for (unsigned i = 0; i < n; i++) /* the pool's own words are in none of them */
		memset(page[i], 0xff, page_size);
	CU_ASSERT_PTR_NULL(piommu_pool_get(f.pool));
	CHECK_EQ(piommu_pool_used(f.pool), n);
	piommu_pool_put(f.pool, page[7]);
	CU_ASSERT_PTR_EQUAL(piommu_pool_get(f.pool), page[7]);
	teardown(&f, n);
}

static void an_exhausted_source_gives_null_and_pages_come_back(void)
{
	for (unsigned i = 0; i < 3; i++)
		exhausted_body(page_sizes[i]);
}

static void a_source_that_breaks_the_va_rule_is_refused(void)
{
	struct fixture f = { .skew = 4096 };

	setup(&f, 2 * MIB);
	CU_ASSERT_PTR_NULL(piommu_pool_get(f.pool));
	teardown(&f, 0);
}

static void list_body(size_t page_size)
{
	struct fixture f = { .page_size = page_size };
	struct piommu_page_list list = { 0 }, more = { 0 };
	char *page[6];

	setup(&f, 2 * MIB);
	for (unsigned i = 0; i < 6; i++) {
		page[i] = piommu_pool_get(f.pool);
		memset(page[i], 0x77, page_size);
		piommu_page_list_add(i < 4 ? &list : &more, page[i]);
	}
	CHECK_EQ(list.n, 4);
	piommu_page_list_splice(&list, &more);
	CHECK_EQ(list.n, 6);
	CHECK_EQ(more.n, 0);
	for (unsigned i = 0; i < 6; i++) /* hardware may still walk them */
		CHECK_EQ(page[i][page_size - 1], 0x77);
	piommu_pool_put_list(f.pool, &list);
	CHECK_EQ(list.n, 0);
	CHECK_EQ(piommu_pool_used(f.pool), 0);
	for (unsigned i = 0; i < 6; i++)
		CU_ASSERT_PTR_EQUAL(piommu_pool_get(f.pool), page[i]);
	teardown(&f, 6);
}

static void a_list_goes_back_whole(void)
{
	for (unsigned i = 0; i < 3; i++)
		list_body(page_sizes[i]);
}

static void empty_lists_are_fine(void)
{
	struct fixture f = { 0 };
	struct piommu_page_list list = { 0 }, more = { 0 };
	void *page;

	setup(&f, 2 * MIB);
	piommu_page_list_splice(&list, &more);
	piommu_pool_put_list(f.pool, &list);
	CU_ASSERT_PTR_NULL(piommu_page_list_defer_words(&list));
	page = piommu_pool_get(f.pool);
	piommu_page_list_add(&more, page);
	piommu_page_list_splice(&list, &more);
	CU_ASSERT_PTR_EQUAL(list.first, page);
	piommu_pool_put_list(f.pool, &list);
	piommu_pool_put(f.pool, NULL);
	teardown(&f, 0);
}

static void deferral_body(size_t page_size)
{
	struct fixture f = { .page_size = page_size };
	struct piommu_page_list a = { 0 }, b = { 0 };
	char *pa, *pb, *wa, *wb;

	setup(&f, 2 * MIB);
	pa = piommu_pool_get(f.pool);
	pb = piommu_pool_get(f.pool);
	piommu_page_list_add(&a, pa);
	piommu_page_list_add(&b, pb);
	wa = piommu_page_list_defer_words(&a);
	wb = piommu_page_list_defer_words(&b);
	CHECK_EQ((uintptr_t)wa % 8, 0);
	memset(wa, 0xff, 64);
	memset(wb, 0xee, 64);
	CHECK_EQ((unsigned char)wa[63], 0xff);
	CU_ASSERT(is_zero(&f, pa) && is_zero(&f, pb));
	piommu_pool_put_list(f.pool, &a);
	piommu_pool_put_list(f.pool, &b);
	CHECK_EQ(piommu_pool_used(f.pool), 0);
	teardown(&f, 0);
}

static void deferral_words_lie_beside_the_page(void)
{
	for (unsigned i = 0; i < 3; i++)
		deferral_body(page_sizes[i]);
}

#ifdef PIOMMU_YIELD_POINTS
/* Present in every format, with bits that are reserved in every format and an address beyond every machine. */
static void what_came_back_is_no_table(void)
{
	struct fixture f = { 0 };
	struct piommu_page_list list = { 0 };
	uint64_t *page[3];

	setup(&f, 4 * MIB);
	for (unsigned i = 0; i < 3; i++)
		page[i] = piommu_pool_get(f.pool);
	piommu_pool_put(f.pool, page[0]);
	for (unsigned i = 1; i < 3; i++)
		piommu_page_list_add(&list, page[i]);
	piommu_pool_put_list(f.pool, &list);
	for (unsigned i = 0; i < 3; i++) {
		CHECK_HEX(page[i][0], 0xdfdfdfdfdfdfdfdf);
		CHECK_HEX(page[i][511], 0xdfdfdfdfdfdfdfdf);
	}
	for (unsigned i = 0; i < 3; i++)
		CU_ASSERT(is_zero(&f, page[i] = piommu_pool_get(f.pool)));
	for (unsigned i = 0; i < 3; i++)
		piommu_pool_put(f.pool, page[i]);
	teardown(&f, 0);
}
#endif

#define STRESS_THREADS 4u
#define STRESS_ROUNDS 4000u
#define STRESS_HELD 16u

/* Each thread stamps the pages it holds: a page that two threads hold at once shows a foreign stamp. */
static void *churn(void *arg)
{
	struct fixture *f = arg;
	uint64_t *page[STRESS_HELD];
	uintptr_t bad = 0;

	for (unsigned round = 0; round < STRESS_ROUNDS; round++) {
		struct piommu_page_list list = { 0 };

		for (unsigned i = 0; i < STRESS_HELD; i++) {
			page[i] = piommu_pool_get(f->pool);
			bad += page[i][0] != 0 || page[i][511] != 0;
			page[i][0] = page[i][511] = (uintptr_t)&bad + i;
		}
		for (unsigned i = 0; i < STRESS_HELD; i++) {
			bad += page[i][0] != (uintptr_t)&bad + i || page[i][511] != (uintptr_t)&bad + i;
			if (i % 2)
				piommu_pool_put(f->pool, page[i]);
			else
				piommu_page_list_add(&list, page[i]);
		}
		piommu_pool_put_list(f->pool, &list);
	}
	return (void *)bad;
}

static void threads_never_share_a_page(void)
{
	struct fixture f = { 0 };
	pthread_t thread[STRESS_THREADS];

	setup(&f, 4 * MIB);
	for (unsigned i = 0; i < STRESS_THREADS; i++)
		CHECK_EQ(pthread_create(&thread[i], NULL, churn, &f), 0);
	for (unsigned i = 0; i < STRESS_THREADS; i++) {
		void *bad;

		pthread_join(thread[i], &bad);
		CHECK_EQ((uintptr_t)bad, 0);
	}
	CHECK_EQ(piommu_pool_bytes(f.pool), 2 * MIB); /* several threads found it empty: one grew it */
	teardown(&f, 0);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(pages_are_aligned_zeroed_and_counted),
		SUITE_TEST(other_page_sizes_are_refused),
		SUITE_TEST(va_off_is_the_sources),
		SUITE_TEST(no_page_is_handed_out_twice),
		SUITE_TEST(an_exhausted_source_gives_null_and_pages_come_back),
		SUITE_TEST(a_source_that_breaks_the_va_rule_is_refused),
		SUITE_TEST(a_list_goes_back_whole),
		SUITE_TEST(empty_lists_are_fine),
		SUITE_TEST(deferral_words_lie_beside_the_page),
#ifdef PIOMMU_YIELD_POINTS
		SUITE_TEST(what_came_back_is_no_table),
#endif
		SUITE_TEST(threads_never_share_a_page),
	};

	return suite_run(argc, argv, "env_pool", tests, sizeof(tests) / sizeof(tests[0]));
}
