/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * See pt_run.h. Looking and storing go together, line by line: the loads then hide behind the stores, and a run costs what its stores
 * cost. 64 bytes at a time were no faster than 32, and some processors slow down for them.
 *
 * Stores are volatile so that a compiler neither splits them nor calls memset.
 */
#include "pt_run.h"

#include "piommu_mmio.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* A run is entries up to a line's start, whole lines, and entries after them. */
struct pieces {
	unsigned head;
	unsigned nlines;
	unsigned tail;
};

static inline struct pieces pieces_of(const uint64_t *entry, unsigned n)
{
	unsigned head = (unsigned)(-(uintptr_t)entry / sizeof(*entry)) % PT_LINE_ENTRIES;

	head = head < n ? head : n;
	return (struct pieces){ head, (n - head) / PT_LINE_ENTRIES, (n - head) % PT_LINE_ENTRIES };
}

/* ---- Entries one by one: heads and tails ------------------------------------------------------------------------------ */

static inline void fold_each(const uint64_t *entry, unsigned n, struct pt_fold *fold)
{
	for (unsigned i = 0; i < n; i++) {
		uint64_t value = entry_load(&entry[i]);

		fold->all &= value;
		fold->any |= value;
	}
}

static inline void store_each(uint64_t *entry, unsigned n, uint64_t value, uint64_t step)
{
	for (unsigned i = 0; i < n; i++, value += step)
		entry_store(&entry[i], value);
}

static inline unsigned fill_each(uint64_t *entry, unsigned n, uint64_t value, uint64_t step)
{
	unsigned i = 0;

	for (; i < n && !entry_load(&entry[i]); i++, value += step)
		entry_store(&entry[i], value);
	return i;
}

static inline unsigned clear_each(uint64_t *entry, unsigned n, uint64_t present)
{
	unsigned i = 0;

	for (; i < n && (entry_load(&entry[i]) & present); i++)
		entry_store(&entry[i], 0);
	return i;
}

/* ---- 16 bytes at a time ----------------------------------------------------------------------------------------------- */

typedef uint64_t pair __attribute__((vector_size(16), may_alias));

static inline void store_line(uint64_t *entry, pair next, uint64_t step)
{
#if defined(UNDER_TSAN) /* it takes a wide store for a racing one */
	store_each(entry, PT_LINE_ENTRIES, next[0], step);
#else
	volatile pair *line = (volatile pair *)(void *)entry;

	line[0] = next;
	line[1] = next + 2 * step;
	line[2] = next + 4 * step;
	line[3] = next + 6 * step;
#endif
}

struct pt_fold pt_run_fold_narrow(const uint64_t *entry, unsigned n)
{
	struct pieces p = pieces_of(entry, n);
	const pair *line = (const pair *)(const void *)(entry + p.head);
	struct pt_fold fold = { ~UINT64_C(0), 0 };
	pair all = { ~UINT64_C(0), ~UINT64_C(0) };
	pair any = { 0, 0 };

	fold_each(entry, p.head, &fold);
	for (unsigned i = 0; i < p.nlines; i++, line += 4) {
		all &= line[0] & line[1] & (line[2] & line[3]);
		any |= line[0] | line[1] | (line[2] | line[3]);
	}
	fold.all &= all[0] & all[1];
	fold.any |= any[0] | any[1];
	fold_each(entry + n - p.tail, p.tail, &fold);
	return fold;
}

void pt_run_store_narrow(uint64_t *entry, unsigned n, uint64_t value, uint64_t step)
{
	struct pieces p = pieces_of(entry, n);
	pair next;

	store_each(entry, p.head, value, step);
	value += p.head * step;
	next = (pair){ value, value + step };
	entry += p.head;
	for (unsigned i = 0; i < p.nlines; i++, entry += PT_LINE_ENTRIES, next += PT_LINE_ENTRIES * step)
		store_line(entry, next, step);
	store_each(entry, p.tail, next[0], step);
}

unsigned pt_run_fill_narrow(uint64_t *entry, unsigned n, uint64_t value, uint64_t step)
{
	struct pieces p = pieces_of(entry, n);
	unsigned done = fill_each(entry, p.head, value, step);
	pair next = { value + done * step, value + done * step + step };
	uint64_t *at = entry + done;

	if (done != p.head)
		return done;
	for (uint64_t *end = at + p.nlines * PT_LINE_ENTRIES; at != end; at += PT_LINE_ENTRIES) {
		const pair *line = (const pair *)(void *)at;
		pair any = line[0] | line[1] | (line[2] | line[3]);

		if (__builtin_expect((any[0] | any[1]) != 0, 0))
			return (unsigned)(at - entry);
		store_line(at, next, step);
		next += PT_LINE_ENTRIES * step;
	}
	return n - p.tail + fill_each(at, p.tail, next[0], step);
}

unsigned pt_run_clear_narrow(uint64_t *entry, unsigned n, uint64_t present)
{
	struct pieces p = pieces_of(entry, n);
	unsigned done = clear_each(entry, p.head, present);
	uint64_t *at = entry + done;

	if (done != p.head)
		return done;
	for (uint64_t *end = at + p.nlines * PT_LINE_ENTRIES; at != end; at += PT_LINE_ENTRIES) {
		const pair *line = (const pair *)(void *)at;
		pair all = line[0] & line[1] & (line[2] & line[3]);

		if (__builtin_expect(!(all[0] & all[1] & present), 0))
			return (unsigned)(at - entry);
		store_line(at, (pair){ 0, 0 }, 0);
	}
	return n - p.tail + clear_each(at, p.tail, present);
}

/* ---- 32 bytes at a time ----------------------------------------------------------------------------------------------- */

#if defined(__x86_64__) && !defined(UNDER_TSAN)
#define WIDE __attribute__((target("avx2")))

typedef uint64_t quad __attribute__((vector_size(32), may_alias));

bool pt_run_can_be_wide(void)
{
	return __builtin_cpu_supports("avx2"); /* the operating system's consent included */
}

static inline WIDE void store_wide_line(uint64_t *entry, quad low, quad high)
{
	volatile quad *line = (volatile quad *)(void *)entry;

	line[0] = low;
	line[1] = high;
}

WIDE struct pt_fold pt_run_fold_wide(const uint64_t *entry, unsigned n)
{
	struct pieces p = pieces_of(entry, n);
	const quad *line = (const quad *)(const void *)(entry + p.head);
	struct pt_fold fold = { ~UINT64_C(0), 0 };
	quad all = { ~UINT64_C(0), ~UINT64_C(0), ~UINT64_C(0), ~UINT64_C(0) };
	quad any = { 0 };

	fold_each(entry, p.head, &fold);
	for (unsigned i = 0; i < p.nlines; i++, line += 2) {
		all &= line[0] & line[1];
		any |= line[0] | line[1];
	}
	fold.all &= all[0] & all[1] & (all[2] & all[3]);
	fold.any |= any[0] | any[1] | (any[2] | any[3]);
	fold_each(entry + n - p.tail, p.tail, &fold);
	return fold;
}

WIDE void pt_run_store_wide(uint64_t *entry, unsigned n, uint64_t value, uint64_t step)
{
	struct pieces p = pieces_of(entry, n);
	uint64_t *at = entry + p.head;
	quad next;

	store_each(entry, p.head, value, step);
	value += p.head * step;
	next = (quad){ value, value + step, value + 2 * step, value + 3 * step };
	for (uint64_t *end = at + p.nlines * PT_LINE_ENTRIES; at != end; at += PT_LINE_ENTRIES) {
		store_wide_line(at, next, next + 4 * step);
		next += PT_LINE_ENTRIES * step;
	}
	store_each(at, p.tail, next[0], step);
}

WIDE unsigned pt_run_fill_wide(uint64_t *entry, unsigned n, uint64_t value, uint64_t step)
{
	struct pieces p = pieces_of(entry, n);
	unsigned done = fill_each(entry, p.head, value, step);
	uint64_t *at = entry + done;
	quad next;

	if (done != p.head)
		return done;
	value += done * step;
	next = (quad){ value, value + step, value + 2 * step, value + 3 * step };
	for (uint64_t *end = at + p.nlines * PT_LINE_ENTRIES; at != end; at += PT_LINE_ENTRIES) {
		const quad *line = (const quad *)(void *)at;
		__m256i any = (__m256i)(line[0] | line[1]);

		if (__builtin_expect(!_mm256_testz_si256(any, any), 0))
			return (unsigned)(at - entry);
		store_wide_line(at, next, next + 4 * step);
		next += PT_LINE_ENTRIES * step;
	}
	return n - p.tail + fill_each(at, p.tail, next[0], step);
}

WIDE unsigned pt_run_clear_wide(uint64_t *entry, unsigned n, uint64_t present)
{
	struct pieces p = pieces_of(entry, n);
	unsigned done = clear_each(entry, p.head, present);
	uint64_t *at = entry + done;
	const quad zero = { 0 };

	if (done != p.head)
		return done;
	for (uint64_t *end = at + p.nlines * PT_LINE_ENTRIES; at != end; at += PT_LINE_ENTRIES) {
		const quad *line = (const quad *)(void *)at;
		__m256d missing = (__m256d)((line[0] & line[1] & present) == zero);

		if (__builtin_expect(_mm256_movemask_pd(missing), 0))
			return (unsigned)(at - entry);
		store_wide_line(at, zero, zero);
	}
	return n - p.tail + clear_each(at, p.tail, present);
}
#else
bool pt_run_can_be_wide(void)
{
	return false;
}
#endif
