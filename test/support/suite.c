/* SPDX-License-Identifier: BSD-3-Clause */
/* CUnit behind a table: see suite.h. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <CUnit/CUnit.h>
#include <CUnit/TestRun.h>

#include "suite.h"

static void report_failures(const CU_pTest test, const CU_pSuite suite, const CU_pFailureRecord failure)
{
	(void)suite;
	if (!failure) {
		printf("ok   %s\n", test->pName);
		return;
	}
	printf("FAIL %s\n", test->pName);
	for (CU_pFailureRecord f = failure; f; f = f->pNext)
		printf("     %s:%u: %s\n", f->strFileName ? f->strFileName : "?", f->uiLineNumber,
		       f->strCondition ? f->strCondition : "?");
}

int suite_run(int argc, char **argv, const char *name, const struct suite_test *tests, unsigned n)
{
	const char *filter = argc > 1 ? argv[1] : "";
	CU_pSuite suite;
	unsigned added = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (CU_initialize_registry() != CUE_SUCCESS || !(suite = CU_add_suite(name, NULL, NULL))) {
		fprintf(stderr, "%s: CUnit: %s\n", name, CU_get_error_msg());
		return 1;
	}
	for (unsigned i = 0; i < n; i++) {
		if (!strstr(tests[i].name, filter))
			continue;
		if (!CU_add_test(suite, tests[i].name, tests[i].fn))
			return 1;
		added++;
	}
	CU_set_test_complete_handler(report_failures);
	CU_run_all_tests();

	unsigned failed = CU_get_number_of_tests_failed();

	printf("%s: %u passed, %u failed\n", name, added - failed, failed);
	CU_cleanup_registry();
	return failed || !added;
}

void suite_skip(const char *fmt, ...)
{
	va_list ap;

	printf("skipped: ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	exit(77);
}

static void record(const char *file, int line, int good, const char *text)
{
	CU_assertImplementation(good ? CU_TRUE : CU_FALSE, (unsigned)line, text, file, "", CU_FALSE);
}

unsigned suite_wrapper(const char **words, unsigned max)
{
	static char text[1024];
	const char *wrapper = getenv("MESON_EXE_WRAPPER");
	unsigned n = 0;
	char *next;

	snprintf(text, sizeof(text), "%s", wrapper ? wrapper : "");
	for (char *word = strtok_r(text, " ", &next); word && n < max; word = strtok_r(NULL, " ", &next))
		words[n++] = word;
	return n;
}

void suite_check_eq(const char *file, int line, const char *what, long long actual, long long expected)
{
	char text[512];

	snprintf(text, sizeof(text), "%s: got %lld, want %lld", what, actual, expected);
	record(file, line, actual == expected, text);
}

void suite_check_hex(const char *file, int line, const char *what, unsigned long long actual, unsigned long long expected)
{
	char text[512];

	snprintf(text, sizeof(text), "%s: got 0x%llx, want 0x%llx", what, actual, expected);
	record(file, line, actual == expected, text);
}

void suite_check_has(const char *file, int line, const char *text, const char *part)
{
	char why[1024];

	snprintf(why, sizeof(why), "\"%.400s\" contains \"%.300s\"", text, part);
	record(file, line, strstr(text, part) != NULL, why);
}
