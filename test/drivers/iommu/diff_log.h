/* SPDX-License-Identifier: BSD-3-Clause */
/* What a run of random steps needs, whatever it does: numbers that follow from a seed, and the last steps for the one who must explain a failure. */
#ifndef DIFF_LOG_H
#define DIFF_LOG_H

#include <stdbool.h>
#include <stdint.h>

#define DIFF_HISTORY 16u

struct diff_log {
	uint64_t random; /* never 0 */
	unsigned step;
	char history[DIFF_HISTORY][160];
	bool failed;
};

/* 0 .. below - 1 */
uint32_t diff_random(struct diff_log *log, uint32_t below);
/* Says what the step does. */
void diff_note(struct diff_log *log, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Machines and model disagree: the run ends. */
void diff_fail(struct diff_log *log, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* `kind`: of the machine */
void diff_want(struct diff_log *log, const char *kind, const char *what, long long got, long long want);

#endif
