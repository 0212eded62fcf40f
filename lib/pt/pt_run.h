/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Runs of entries side by side in one table: looked at and stored by whole cache lines where a run covers them. Two widths: 16 bytes at
 * a time, which every x86-64 and arm64 has, or 32 where the processor is found to have them (`wide`, told once for a table by its init).
 *
 * The caller owns the run: no other thread stores to it, but hardware and lookups may read any entry at any time. Each
 * 8-byte lane of a wide store is aligned and stored whole, which is all a reader needs; nothing is promised across lanes.
 * Runs go between zero and present only: present to present is pt_walk.h's business, one entry at a time.
 */
#ifndef PT_RUN_H
#define PT_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pt_format.h"

#define PT_LINE 64
#define PT_LINE_ENTRIES 8u

/* Whether this processor stores 32 bytes at once. */
bool pt_run_can_be_wide(void);

/* All entries of a run, and-ed (in `all`) and or-ed (in `any`). */
struct pt_fold {
	uint64_t all;
	uint64_t any;
};

/* What the functions below call. There are wide ones on x86-64 only. */
struct pt_fold pt_run_fold_narrow(const uint64_t *entry, unsigned n);
struct pt_fold pt_run_fold_wide(const uint64_t *entry, unsigned n);
void pt_run_store_narrow(uint64_t *entry, unsigned n, uint64_t value, uint64_t step);
void pt_run_store_wide(uint64_t *entry, unsigned n, uint64_t value, uint64_t step);
unsigned pt_run_fill_narrow(uint64_t *entry, unsigned n, uint64_t value, uint64_t step);
unsigned pt_run_fill_wide(uint64_t *entry, unsigned n, uint64_t value, uint64_t step);
unsigned pt_run_clear_narrow(uint64_t *entry, unsigned n, uint64_t present);
unsigned pt_run_clear_wide(uint64_t *entry, unsigned n, uint64_t present);

#if !defined(__x86_64__) || defined(UNDER_TSAN)
#define pt_run_fold_wide pt_run_fold_narrow
#define pt_run_store_wide pt_run_store_narrow
#define pt_run_fill_wide pt_run_fill_narrow
#define pt_run_clear_wide pt_run_clear_narrow
#endif

PT_INLINE struct pt_fold pt_run_fold(const uint64_t *entry, unsigned n, bool wide)
{
	return wide ? pt_run_fold_wide(entry, n) : pt_run_fold_narrow(entry, n);
}

/* Stores value, value + step, value + 2 * step and so on, whatever is there. */
PT_INLINE void pt_run_store(uint64_t *entry, unsigned n, uint64_t value, uint64_t step, bool wide)
{
	if (wide)
		pt_run_store_wide(entry, n, value, step);
	else
		pt_run_store_narrow(entry, n, value, step);
}

/*
 * The same, but stops where an entry is not zero. @return how many were stored: n, or less; then all of them lie before that entry, and
 * are the caller's to take out again.
 */
PT_INLINE unsigned pt_run_fill(uint64_t *entry, unsigned n, uint64_t value, uint64_t step, bool wide)
{
	return wide ? pt_run_fill_wide(entry, n, value, step) : pt_run_fill_narrow(entry, n, value, step);
}

/*
 * Clears entries that have one of the bits of `present`, and stops at one that has none, or a line before, or at a line whose entries have
 * no such bit in common. @return how many were cleared, all from the first on
 */
PT_INLINE unsigned pt_run_clear(uint64_t *entry, unsigned n, uint64_t present, bool wide)
{
	return wide ? pt_run_clear_wide(entry, n, present) : pt_run_clear_narrow(entry, n, present);
}

#endif
