/* SPDX-License-Identifier: BSD-3-Clause */
/* The counter of instructions, on operations whose counts are written here by hand. */
#include <errno.h>

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
		word += job->len;
	return 0;
}

/* Three locked instructions, one of them without the prefix; register exchanges and PAUSE are none. */
static int locked(struct job *job, unsigned n)
{
	uint64_t value = job->len;

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

static int failing(struct job *job, unsigned n)
{
	(void)job;
	return n ? -EIO : 0;
}

static struct counts count(int (*run)(struct job *job, unsigned n), unsigned calls)
{
	const struct workload workload = { .name = "test", .calls = calls, .run = run };
	struct job job = { .workload = &workload, .len = 1 };
	struct counts counts;

	count_instructions(&job, &counts);
	return counts;
}

static void plain_code_counts_nothing(void)
{
	struct counts counts = count(plain, 1);

	CHECK_EQ(counts.locked, 0);
	CHECK_EQ(counts.indirect, 0);
	CHECK_EQ(word, 4); /* it did run */
}

static void locked_instructions_are_counted(void)
{
	struct counts counts = count(locked, 1);

	CHECK_EQ(counts.locked, 3);
	CHECK_EQ(counts.indirect, 0);
}

static void indirect_calls_and_jumps_are_counted_per_call(void)
{
	struct counts counts = count(indirect, 1);

	CHECK_EQ(counts.locked, 0);
	CHECK_EQ(counts.indirect, 2);
	CHECK_EQ(count(indirect, 2).indirect, 1);
}

static void a_failing_operation_has_no_counts(void)
{
	struct counts counts = count(failing, 1);

	CU_ASSERT_TRUE(isnan(counts.locked));
	CU_ASSERT_TRUE(isnan(counts.indirect));
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(plain_code_counts_nothing),
		SUITE_TEST(locked_instructions_are_counted),
		SUITE_TEST(indirect_calls_and_jumps_are_counted_per_call),
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
