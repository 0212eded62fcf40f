/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Runs of entries side by side in one table: looked at and stored by whole cache lines where a run covers them.
 *
 * The caller owns the run: no other thread stores to it, but hardware and lookups may read any entry at any time. Each
 * 8-byte lane of a wide store is aligned and stored whole, which is all a reader needs; nothing is promised across lanes.
 * The stores are volatile so that a compiler neither splits them nor calls memset. Runs go between zero and present only:
 * present to present is pt_walk.h's business, one entry at a time.
 */
#ifndef PT_RUN_H
#define PT_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "piommu_mmio.h"
#include "pt_format.h"

#define PT_INLINE static inline __attribute__((always_inline))

/* 16 bytes are what every x86-64 and arm64 stores at once; a wider type is split badly where it is not native. */
typedef uint64_t pt_pair __attribute__((vector_size(16), may_alias));

#define PT_LINE 64
#define PT_LINE_ENTRIES (PT_LINE / (ptrdiff_t)sizeof(uint64_t))

PT_INLINE bool pt_line_aligned(const uint64_t *at)
{
	return ((uintptr_t)at & (PT_LINE - 1)) == 0;
}

/* All entries of a run, and-ed (in `all`) and or-ed (in `any`). */
struct pt_fold {
	uint64_t all;
	uint64_t any;
};

PT_INLINE struct pt_fold pt_run_fold(const uint64_t *entry, unsigned n)
{
	struct pt_fold fold = { ~UINT64_C(0), 0 };
	const uint64_t *end = entry + n;
	pt_pair all = { ~UINT64_C(0), ~UINT64_C(0) };
	pt_pair any = { 0, 0 };

	for (; entry != end && !pt_line_aligned(entry); entry++) {
		fold.all &= *entry;
		fold.any |= *entry;
	}
	for (; end - entry >= PT_LINE_ENTRIES; entry += PT_LINE_ENTRIES) {
		const pt_pair *line = (const pt_pair *)(const void *)entry;

		all &= line[0] & line[1] & (line[2] & line[3]);
		any |= line[0] | line[1] | (line[2] | line[3]);
	}
	for (; entry != end; entry++) {
		fold.all &= *entry;
		fold.any |= *entry;
	}
	fold.all &= all[0] & all[1];
	fold.any |= any[0] | any[1];
	return fold;
}

/* Stores value, value + step, value + 2 * step and so on. */
PT_INLINE void pt_run_store(uint64_t *entry, unsigned n, uint64_t value, uint64_t step)
{
	uint64_t *end = entry + n;

#if !defined(UNDER_TSAN) /* ThreadSanitizer takes a wide store for a racing one */
	for (; entry != end && !pt_line_aligned(entry); entry++, value += step)
		entry_store(entry, value);
	pt_pair next = { value, value + step };

	for (; end - entry >= PT_LINE_ENTRIES; entry += PT_LINE_ENTRIES) {
		volatile pt_pair *line = (volatile pt_pair *)(void *)entry;

		line[0] = next;
		line[1] = next + 2 * step;
		line[2] = next + 4 * step;
		line[3] = next + 6 * step;
		next += PT_LINE_ENTRIES * step;
	}
	value = next[0];
#endif
	for (; entry != end; entry++, value += step)
		entry_store(entry, value);
}

#endif
