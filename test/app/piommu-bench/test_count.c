/* SPDX-License-Identifier: BSD-3-Clause */
/* The counter of instructions, on operations whose counts are written here by hand. */
#include <errno.h>
#include <stdlib.h>

#include "bench.h"
#include "suite.h"

#if defined(__x86_64__)

static void nothing(void)
{
}

static void (*volatile pointer)(void) = nothing;
static uint64_t word;

static int plain(struct job *job, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		word += job->sample;
	return 0;
}

/* Three locked instructions, one of them without the prefix; register exchanges and PAUSE are none. */
static int locked(struct job *job, unsigned n)
{
	uint64_t value = job->sample;

	for (unsigned i = 0; i < n; i++) {
		__asm__ volatile("lock addq $1, %0" : "+m"(word)::"cc");
		__asm__ volatile("lock; cmpxchgq %1, %0" : "+m"(word) : "r"(value) : "rax", "cc");
		__asm__ volatile("xchgq %1, %0" : "+m"(word), "+r"(value));
		__asm__ volatile("xchgq %%rax, %0; xchgq %%rcx, %%rdx; pause" : "+r"(value)::"rax", "rcx", "rdx");
	}
	return 0;
}

static int indirect(struct job *job, unsigned n)
{
	(void)job;
	for (unsigned i = 0; i < n; i++) {
		pointer();
		nothing();
		__asm__ volatile("lea 1f(%%rip), %%rax; jmp *%%rax; 1:" ::: "rax");
	}
	return 0;
}

static void *volatile kept;

/* Two of them, and what gives back is none. */
static int allocating(struct job *job, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		kept = malloc(job->sample);
		free(kept);
		kept = calloc(1, job->sample);
		free(kept);
	}
	return 0;
}

/* As `locked` and `indirect`, but the latter is what a simulated unit does. */
static int with_a_unit(struct job *job, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		locked(job, 1);
		pointer();
		count_pause();
		locked(job, 1);
		indirect(job, 1);
		count_resume();
	}
	return 0;
}

static int failing(struct job *job, unsigned n)
{
	(void)job;
	return n ? -EIO : 0;
}

static struct counts count(int (*run)(struct job *job, unsigned n), unsigned burst)
{
	const struct workload workload = { .name = "test", .run = run };
	const struct row row = { .workload = &workload, .pages = 1, .burst = burst };
	struct job job = { .row = &row, .sample = 1 };
	struct counts counts;

	count_instructions(&job, &counts);
	return counts;
}

static void plain_code_counts_nothing(void)
{
	struct counts counts = count(plain, 1);

	CHECK_EQ(counts.locked, 0);
	CHECK_EQ(counts.indirect, 0);
	CHECK_EQ(counts.allocations, 0);
	CHECK_EQ(word, 4); /* it did run */
}

static void locked_instructions_are_counted(void)
{
	struct counts counts = count(locked, 1);

	CHECK_EQ(counts.locked, 3);
	CHECK_EQ(counts.indirect, 0);
}

static void indirect_calls_and_jumps_are_counted(void)
{
	struct counts counts = count(indirect, 1);

	CHECK_EQ(counts.locked, 0);
	CHECK_EQ(counts.indirect, 2);
}

static void allocations_are_counted(void)
{
	CHECK_EQ(count(allocating, 1).allocations, 2);
}

static void what_a_simulated_unit_does_is_not_counted(void)
{
	struct counts counts = count(with_a_unit, 1);

	CHECK_EQ(counts.locked, 3);
	CHECK_EQ(counts.indirect, 0); /* nor is the call through which it was reached */
}

/* Once for a burst of four: a quarter for each operation. */
static int once_a_burst(struct job *job, unsigned n)
{
	return n ? locked(job, n / 4) : 0;
}

static void counts_are_per_operation_of_a_burst(void)
{
	CHECK_EQ(count(once_a_burst, 4).locked * 4, 3);
}

static void a_failing_operation_has_no_counts(void)
{
	struct counts counts = count(failing, 1);

	CU_ASSERT_TRUE(isnan(counts.locked));
	CU_ASSERT_TRUE(isnan(counts.indirect));
	CU_ASSERT_TRUE(isnan(counts.allocations));
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(plain_code_counts_nothing),
		SUITE_TEST(locked_instructions_are_counted),
		SUITE_TEST(indirect_calls_and_jumps_are_counted),
		SUITE_TEST(allocations_are_counted),
		SUITE_TEST(what_a_simulated_unit_does_is_not_counted),
		SUITE_TEST(counts_are_per_operation_of_a_burst),
		SUITE_TEST(a_failing_operation_has_no_counts),
	};

#ifdef UNDER_TSAN
	suite_skip("ThreadSanitizer delivers signals late");
#endif
	return suite_run(argc, argv, "bench_count", tests, sizeof(tests) / sizeof(tests[0]));
}

#else

int main(void)
{
	suite_skip("instructions are counted on x86-64 only");
}

#endif
