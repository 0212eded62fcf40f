/* SPDX-License-Identifier: BSD-3-Clause */
/* Runs of entries against words one by one: every place in a line, every length, both widths; what lies beside a run stays. */
#include <string.h>

#include "pt_run.h"
#include "suite.h"

#define LONGEST 41u /* a head, whole lines and a tail of each length */
#define GUARDS 8u
#define ROOM (GUARDS + PT_LINE_ENTRIES + LONGEST + GUARDS)

#define GUARD UINT64_C(0x5a5a5a5a5a5a5a5b)
#define STEP UINT64_C(0x1000)
#define VALUE UINT64_C(0x123456003)

static _Alignas(PT_LINE) uint64_t words[ROOM];
static uint64_t want[ROOM];

/* A run of n entries that begins `shift` entries after a line does, guards around it. */
static uint64_t *place(unsigned shift, unsigned n, uint64_t value, uint64_t step)
{
	for (unsigned i = 0; i < ROOM; i++)
		want[i] = GUARD;
	for (unsigned i = 0; i < n; i++)
		want[GUARDS + shift + i] = value + i * step;
	memcpy(words, want, sizeof(words));
	return &words[GUARDS + shift];
}

static void expect(unsigned shift, unsigned n, uint64_t value, uint64_t step)
{
	for (unsigned i = 0; i < n; i++)
		want[GUARDS + shift + i] = value + i * step;
	if (memcmp(words, want, sizeof(words)) != 0) {
		printf("a run of %u, %u after a line's start\n", n, shift);
		CU_FAIL_FATAL("words differ");
	}
}

static void for_each_run(void (*body)(unsigned shift, unsigned n, bool wide))
{
	for (unsigned wide = 0; wide <= pt_run_can_be_wide(); wide++)
		for (unsigned shift = 0; shift < PT_LINE_ENTRIES; shift++)
			for (unsigned n = 0; n <= LONGEST; n++)
				body(shift, n, wide);
}

static void store_body(unsigned shift, unsigned n, bool wide)
{
	pt_run_store(place(shift, n, 0, 0), n, VALUE, STEP, wide);
	expect(shift, n, VALUE, STEP);
	pt_run_store(&words[GUARDS + shift], n, 0, 0, wide);
	expect(shift, n, 0, 0);
}

static void a_store_is_of_the_run_alone(void)
{
	for_each_run(store_body);
}

static void fold_body(unsigned shift, unsigned n, bool wide)
{
	uint64_t *run = place(shift, n, 0, 0);
	struct pt_fold fold = pt_run_fold(run, n, wide);

	CHECK_HEX(fold.any, 0);
	CHECK_HEX(fold.all, n ? 0 : UINT64_MAX);
	for (unsigned i = 0; i < n; i++) {
		run[i] = UINT64_C(1) << 63;
		CHECK_HEX(pt_run_fold(run, n, wide).any, UINT64_C(1) << 63);
		run[i] = 0;
	}
	run = place(shift, n, 7, 0);
	for (unsigned i = 0; i < n; i++) {
		run[i] = 5;
		CHECK_HEX(pt_run_fold(run, n, wide).all, 5);
		CHECK_HEX(pt_run_fold(run, n, wide).any, n > 1 ? 7 : 5);
		run[i] = 7;
	}
}

static void a_fold_is_of_every_entry_and_no_other(void)
{
	for_each_run(fold_body);
}

static void fill_body(unsigned shift, unsigned n, bool wide)
{
	uint64_t *run = place(shift, n, 0, 0);
	unsigned done = pt_run_fill(run, n, VALUE, STEP, wide);

	CHECK_EQ(done, n);
	expect(shift, n, VALUE, STEP);
	for (unsigned in_the_way = 0; in_the_way < n; in_the_way++) {
		run = place(shift, n, 0, 0);
		run[in_the_way] = want[GUARDS + shift + in_the_way] = UINT64_C(1) << 63;
		done = pt_run_fill(run, n, VALUE, STEP, wide);
		CU_ASSERT(done <= in_the_way && in_the_way - done < PT_LINE_ENTRIES);
		expect(shift, done, VALUE, STEP);
	}
}

static void a_fill_stops_before_what_is_in_the_way(void)
{
	for_each_run(fill_body);
}

static void clear_body(unsigned shift, unsigned n, bool wide)
{
	uint64_t *run = place(shift, n, VALUE, STEP);
	unsigned done = pt_run_clear(run, n, 3, wide);

	CHECK_EQ(done, n);
	expect(shift, n, 0, 0);
	for (unsigned missing = 0; missing < n; missing++) {
		run = place(shift, n, VALUE, STEP);
		run[missing] = want[GUARDS + shift + missing] = UINT64_MAX - 3; /* all bits but those of `present` */
		done = pt_run_clear(run, n, 3, wide);
		CU_ASSERT(done <= missing && missing - done < PT_LINE_ENTRIES);
		expect(shift, done, 0, 0);
	}
}

static void a_clear_stops_before_what_is_missing(void)
{
	for_each_run(clear_body);
}

/* Entries with one permission each have no bit in common; those that a clear takes out are the first ones all the same. */
static void mixed_body(unsigned shift, unsigned n, bool wide)
{
	uint64_t *run = place(shift, n, 1, 1);
	unsigned done;

	for (unsigned i = 0; i < n; i++)
		run[i] = want[GUARDS + shift + i] = i & 1 ? 1 : 2;
	done = pt_run_clear(run, n, 3, wide);
	CU_ASSERT(done <= n);
	expect(shift, done, 0, 0);
}

static void a_clear_of_mixed_entries_takes_out_the_first_ones(void)
{
	for_each_run(mixed_body);
}

static const struct suite_test tests[] = {
	SUITE_TEST(a_store_is_of_the_run_alone),
	SUITE_TEST(a_fold_is_of_every_entry_and_no_other),
	SUITE_TEST(a_fill_stops_before_what_is_in_the_way),
	SUITE_TEST(a_clear_stops_before_what_is_missing),
	SUITE_TEST(a_clear_of_mixed_entries_takes_out_the_first_ones),
};

int main(int argc, char **argv)
{
	return suite_run(argc, argv, "pt_run", tests, sizeof(tests) / sizeof(tests[0]));
}
