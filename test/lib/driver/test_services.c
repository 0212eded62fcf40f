/* SPDX-License-Identifier: BSD-3-Clause */
/* What lib/driver does for drivers: bounded waits on a register, and unlinked tables, which retire or wait. */
#include <errno.h>
#include <string.h>

#include "piommu_driver.h"
#include "piommu_paging.h"
#include "rcu.h"
#include "suite.h"

/* A unit with one register and a clock of its own: each read takes 10 ns. */
struct scripted {
	struct piommu_platform plat; /* first */
	struct piommu_window window;
	struct piommu_unit unit;
	uint64_t now;
	uint64_t change_at; /* from this time on the register reads `after` */
	uint64_t before, after;
	unsigned reads, relaxes;
	unsigned online;      /* relaxed while grace periods waited for this thread */
	unsigned sleep_after; /* after that many reads the thread loses its processor for a second */
};

static uint64_t scripted_read(struct piommu_window *window, unsigned off, unsigned width)
{
	struct scripted *s = window->ctx;
	uint64_t value = s->now >= s->change_at ? s->after : s->before;

	CHECK_EQ(off, 0x1c);
	s->now += 10;
	if (++s->reads == s->sleep_after)
		s->now += 1000000000;
	return width == 4 ? (uint32_t)value : value;
}

static uint64_t scripted_now(struct piommu_platform *plat)
{
	return ((struct scripted *)(void *)plat)->now;
}

static void scripted_relax(struct piommu_platform *plat)
{
	struct scripted *s = (struct scripted *)(void *)plat;

	s->relaxes++;
	s->online += rcu_thread_registered() && rcu_thread_is_online();
}

static const struct piommu_window_ops window_ops = { .read = scripted_read };
static const struct piommu_platform_ops plat_ops = { .now_ns = scripted_now, .relax = scripted_relax };

static void script(struct scripted *s, uint64_t before, uint64_t after, uint64_t change_at)
{
	memset(s, 0, sizeof(*s));
	s->plat.ops = &plat_ops;
	s->window = (struct piommu_window){ .ops = &window_ops, .ctx = s };
	s->unit = (struct piommu_unit){ .plat = &s->plat, .timeout_ns = 10000 };
	s->before = before;
	s->after = after;
	s->change_at = change_at;
}

static void a_wait_ends_when_the_bits_are_as_wanted(void)
{
	struct scripted s;

	script(&s, 0x1, 0x80000001, 500);
	CHECK_EQ(piommu_wait32(&s.unit, &s.window, 0x1c, 0x80000000, 0x80000000), 0);
	CU_ASSERT(s.now >= 500 && s.now < 600);
	CU_ASSERT(s.relaxes == s.reads - 1);
	script(&s, UINT64_C(1) << 63, 5, 500);
	CHECK_EQ(piommu_wait64(&s.unit, &s.window, 0x1c, UINT64_C(1) << 63, 0), 0);
}

static void a_wait_is_bounded(void)
{
	struct scripted s;

	script(&s, 0, 0, 0);
	CHECK_EQ(piommu_wait32(&s.unit, &s.window, 0x1c, 1, 1), -ETIMEDOUT);
	CU_ASSERT(s.now >= 10000 && s.now < 10100);
}

static void a_thread_that_was_off_the_processor_looks_once_more(void)
{
	struct scripted s;

	script(&s, 0, 1, 1000);
	s.sleep_after = 1;
	CHECK_EQ(piommu_wait32(&s.unit, &s.window, 0x1c, 1, 1), 0);
}

static void a_register_of_all_ones_ends_the_wait_at_once(void)
{
	struct scripted s;

	script(&s, UINT64_MAX, UINT64_MAX, 0);
	CHECK_EQ(piommu_wait32(&s.unit, &s.window, 0x1c, 1, 1), -EIO);
	CHECK_EQ(s.reads, 1);
	script(&s, UINT32_MAX, UINT32_MAX, 0); /* only the low half of 64 bits: a value like any other */
	CHECK_EQ(piommu_wait64(&s.unit, &s.window, 0x1c, 1, 1), 0);
}

static void whoever_waits_holds_up_no_grace_period(void)
{
	struct scripted s;

	rcu_thread_register();
	script(&s, 0, 1, 500);
	CHECK_EQ(piommu_wait32(&s.unit, &s.window, 0x1c, 1, 1), 0);
	CU_ASSERT(s.relaxes > 0);
	CHECK_EQ(s.online, 0);
	CU_ASSERT(rcu_thread_is_online());
	rcu_thread_unregister();
}

static int pool_alloc(void *ctx, size_t len, size_t align, int node, struct piommu_mem *out)
{
	return piommu_env_mem_alloc(ctx, len, align, node, out);
}

static void pool_free(void *ctx, struct piommu_mem *mem)
{
	piommu_env_mem_free(ctx, mem);
}

static struct piommu_pool *make_pool(struct piommu_env_mem **mem)
{
	struct piommu_pool *pool;

	CU_ASSERT_FATAL(!piommu_env_heap_create(16u << 20, UINT64_C(4) << 30, mem));
	const struct piommu_pool_source source = {
		.alloc = pool_alloc,
		.free = pool_free,
		.ctx = *mem,
		.va_off = piommu_env_mem_va_off(*mem),
		.node = -1,
	};
	CU_ASSERT_FATAL(!piommu_pool_create(&source, &pool));
	return pool;
}

static void unlinked_tables_come_back_after_a_grace_period(void)
{
	struct piommu_env_mem *mem;
	struct piommu_pool *pool = make_pool(&mem);
	struct piommu_gather gather;
	struct piommu_domain domain = { 0 };

	rcu_thread_register();
	domain.pool = pool;
	piommu_gather_init(&gather);
	piommu_domain_retire(&domain, &gather); /* nothing to do is no error */
	for (unsigned i = 0; i < 3; i++)
		piommu_gather_add_table(&gather, piommu_pool_get(pool));
	CHECK_EQ(piommu_pool_used(pool), 3);
	piommu_domain_retire(&domain, &gather);
	CHECK_EQ(gather.pages.n, 0);
	/* This thread is in a read section until it says otherwise: no grace period can have passed. */
	CHECK_EQ(piommu_pool_used(pool), 3);
	rcu_drain();
	CHECK_EQ(piommu_pool_used(pool), 0);
	CHECK_EQ(piommu_pool_destroy(pool), 0);
	piommu_env_mem_destroy(mem);
	rcu_thread_unregister();
}

static void tables_whose_invalidation_may_have_failed_wait_together(void)
{
	struct piommu_env_mem *mem;
	struct piommu_pool *pool = make_pool(&mem);
	struct piommu_paging paging = { .base = { .pool = pool } };
	struct piommu_gather gather;

	piommu_gather_init(&gather);
	piommu_paging_quarantine(&paging, &gather);
	CHECK_EQ(paging.quarantine.n, 0);
	for (unsigned i = 0; i < 3; i++) {
		piommu_gather_add_table(&gather, piommu_pool_get(pool));
		piommu_paging_quarantine(&paging, &gather);
		CHECK_EQ(gather.pages.n, 0);
	}
	CHECK_EQ(paging.quarantine.n, 3);
	CHECK_EQ(piommu_pool_used(pool), 3);
	piommu_paging_release(&paging);
	CHECK_EQ(piommu_pool_used(pool), 0);
	CHECK_EQ(piommu_pool_destroy(pool), 0);
	piommu_env_mem_destroy(mem);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(a_wait_ends_when_the_bits_are_as_wanted),
		SUITE_TEST(a_wait_is_bounded),
		SUITE_TEST(a_thread_that_was_off_the_processor_looks_once_more),
		SUITE_TEST(a_register_of_all_ones_ends_the_wait_at_once),
		SUITE_TEST(whoever_waits_holds_up_no_grace_period),
		SUITE_TEST(unlinked_tables_come_back_after_a_grace_period),
		SUITE_TEST(tables_whose_invalidation_may_have_failed_wait_together),
	};

	return suite_run(argc, argv, "driver services", tests, sizeof(tests) / sizeof(tests[0]));
}
