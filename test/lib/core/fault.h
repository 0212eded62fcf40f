/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Failing the n-th thing that can fail (case T9): memory (malloc and its kin, table pages, memory for devices; wrapped by the linker,
 * see meson.build), references (in builds with yield points), and the callbacks of a driver or a platform that ask fault_here().
 * They are counted in one sequence, on the thread that armed it and while it is armed.
 */
#ifndef FAULT_H
#define FAULT_H

#include <stdbool.h>

enum fault_kind {
	FAULT_MEMORY = 1,
	FAULT_REFERENCE = 2,
	FAULT_CALLBACK = 4,
	FAULT_ANSWER = 8,    /* a callback whose error is an answer, and no failure of what asked (find_unit) */
	FAULT_SHUTDOWN = 16, /* a unit that does not turn off */
	FAULT_NOTHING = 32,  /* there are none */
	FAULT_ENABLE = 64,   /* a unit that does not say that it is on, and may be yet */
	FAULT_ALL = FAULT_MEMORY | FAULT_REFERENCE | FAULT_CALLBACK | FAULT_ANSWER,
};

/* Of these kinds the n-th from now fails (n >= 1), and if `on` all that come after it. */
void fault_arm(unsigned kinds, unsigned nth, bool on);
/* @return the kind that failed; 0: there were fewer than n */
unsigned fault_disarm(void);
/* What failed last, in words. */
const char *fault_where(void);

/* For callbacks: whether this is the one. */
bool fault_here(enum fault_kind kind, const char *where);

/* Whether this build can fail references. */
bool fault_has_references(void);

#endif
