/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One way to write a test program: a table of named tests, run by CUnit. Exit status: 0 all passed, 1 something failed,
 * 77 skipped (call suite_skip() before suite_run(), or in a program that has nothing it can run here).
 */
#ifndef SUITE_H
#define SUITE_H

#include <CUnit/CUnit.h>

struct suite_test {
	const char *name; /* behaviour, e.g. "unmap_of_a_hole_says_how_much" */
	void (*fn)(void);
};

#define SUITE_TEST(fn) \
	{ \
#fn, fn \
	}

/*
 * Runs every test (or those whose name contains argv[1]). Prints a line for each that fails, and a summary. Returns the
 * exit status.
 */
int suite_run(int argc, char **argv, const char *name, const struct suite_test *tests, unsigned n);

/* Prints "skipped: reason" and exits with 77. */
_Noreturn void suite_skip(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * A test that starts a program of this build puts these words before it: an emulator, where the build is for another machine
 * (meson's exe_wrapper), else none. Returns how many there are, at most `max`; they stay.
 */
unsigned suite_wrapper(const char **words, unsigned max);

/* Compares with both values printed on failure, which CU_ASSERT_EQUAL does not do. */
#define CHECK_EQ(actual, expected) \
	suite_check_eq(__FILE__, __LINE__, #actual " == " #expected, (long long)(actual), (long long)(expected))
#define CHECK_HEX(actual, expected) \
	suite_check_hex(__FILE__, __LINE__, #actual " == " #expected, (unsigned long long)(actual), \
			(unsigned long long)(expected))
/* `text` contains `part`. */
#define CHECK_HAS(text, part) suite_check_has(__FILE__, __LINE__, (text), (part))

void suite_check_eq(const char *file, int line, const char *what, long long actual, long long expected);
void suite_check_hex(const char *file, int line, const char *what, unsigned long long actual, unsigned long long expected);
void suite_check_has(const char *file, int line, const char *text, const char *part);

#endif
