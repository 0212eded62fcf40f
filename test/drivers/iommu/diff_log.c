/* SPDX-License-Identifier: BSD-3-Clause */
/* See diff_log.h. */
#include <stdarg.h>
#include <stdio.h>

#include "diff_log.h"
#include "suite.h"

/* xorshift64*: the same steps on every machine for one seed. */
uint32_t diff_random(struct diff_log *log, uint32_t below)
{
	log->random ^= log->random >> 12;
	log->random ^= log->random << 25;
	log->random ^= log->random >> 27;
	return (uint32_t)((log->random * UINT64_C(0x2545f4914f6cdd1d)) >> 32) % below;
}

void diff_note(struct diff_log *log, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(log->history[log->step % DIFF_HISTORY], sizeof(log->history[0]), fmt, ap);
	va_end(ap);
}

void diff_fail(struct diff_log *log, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	if (log->failed)
		return;
	log->failed = true;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	printf("step %u: %s; the last steps were\n", log->step, text);
	for (unsigned i = log->step < DIFF_HISTORY ? 0 : log->step + 1 - DIFF_HISTORY; i <= log->step; i++)
		printf("     %u: %s\n", i, log->history[i % DIFF_HISTORY]);
	CU_FAIL("machines and model agree");
}

void diff_want(struct diff_log *log, const char *kind, const char *what, long long got, long long want)
{
	if (got != want)
		diff_fail(log, "%s: %s: got %lld (0x%llx), want %lld (0x%llx)", kind, what, got, (unsigned long long)got, want,
			  (unsigned long long)want);
}
