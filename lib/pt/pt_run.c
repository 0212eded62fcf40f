/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * See pt_run.h. Looking and storing go together line by line where lines are wide: the loads then hide behind the stores, and a run costs
 * what its stores cost. 64 bytes at a time were no faster than 32, and the processors that slow down for them need not be asked.
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

static struct pieces pieces_of(const uint64_t *entry, unsigned n)
{
	unsigned head = (unsigned)(-(uintptr_t)entry % PT_LINE / sizeof(*entry));

	head = head < n ? head : n;
	return (struct pieces){ head, (unsigned)((n - head) / PT_LINE_ENTRIES), (unsigned)((n - head) % PT_LINE_ENTRIES) };
}

/* ---- Entries one by one ----------------------------------------------------------------------------------------------- */

static void fold_each(const uint64_t *entry, unsigned n, struct pt_fold *fold)
{
	for (unsigned i = 0; i < n; i++) {
		uint64_t value = entry_load(&entry[i]);

		fold->all &= value;
		fold->any |= value;
	}
}

static void store_each(uint64_t *entry, unsigned n, uint64_t value, uint64_t step)
{
	for (unsigned i = 0; i < n; i++)
		entry_store(&entry[i], value + i * step);
}

static unsigned fill_each(uint64_t *entry, unsigned n, uint64_t value, uint64_t step)
{
	unsigned i = 0;

	for (; i < n && !entry_load(&entry[i]); i++)
		entry_store(&entry[i], value + i * step);
	return i;
}

static unsigned clear_each(uint64_t *entry, unsigned n, uint64_t present)
{
	unsigned i = 0;

	for (; i < n && (entry_load(&entry[i]) & present); i++)
		entry_store(&entry[i], 0);
	return i;
}

/*
 * ---- Lines, 16 bytes at a time -------------------------------------------------------------------------------------------
 *
 * Here and below, fill and clear return how many lines they did. A line of which entries hold different bits of `present` ends a clear, too:
 * it is looked at as a whole.
 */

typedef uint64_t pair __attribute__((vector_size(16), may_alias));

static void fold_lines(const uint64_t *entry, unsigned nlines, struct pt_fold *fold)
{
	const pair *line = (const pair *)(const void *)entry;
	pair all = { ~UINT64_C(0), ~UINT64_C(0) };
	pair any = { 0, 0 };

	for (const pair *end = line + 4 * nlines; line != end; line += 4) {
		all &= line[0] & line[1] & (line[2] & line[3]);
		any |= line[0] | line[1] | (line[2] | line[3]);
	}
	fold->all &= all[0] & all[1];
	fold->any |= any[0] | any[1];
}

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

static void store_lines(uint64_t *entry, unsigned nlines, uint64_t value, uint64_t step)
{
	pair next = { value, value + step };

	for (unsigned i = 0; i < nlines; i++, entry += PT_LINE_ENTRIES, next += PT_LINE_ENTRIES * step)
		store_line(entry, next, step);
}

static unsigned fill_lines(uint64_t *entry, unsigned nlines, uint64_t value, uint64_t step)
{
	pair next = { value, value + step };

	for (unsigned i = 0; i < nlines; i++, entry += PT_LINE_ENTRIES, next += PT_LINE_ENTRIES * step) {
		const pair *look = (const pair *)(void *)entry;
		pair any = look[0] | look[1] | (look[2] | look[3]);

		if (__builtin_expect((any[0] | any[1]) != 0, 0))
			return i;
		store_line(entry, next, step);
	}
	return nlines;
}

static unsigned clear_lines(uint64_t *entry, unsigned nlines, uint64_t present)
{
	for (unsigned i = 0; i < nlines; i++, entry += PT_LINE_ENTRIES) {
		const pair *look = (const pair *)(void *)entry;
		pair all = look[0] & look[1] & (look[2] & look[3]);

		if (__builtin_expect(!(all[0] & all[1] & present), 0))
			return i;
		store_line(entry, (pair){ 0, 0 }, 0);
	}
	return nlines;
}

/* ---- 32 bytes at a time ----------------------------------------------------------------------------------------------- */

#if defined(__x86_64__) && !defined(UNDER_TSAN)
#define WIDE __attribute__((target("avx2")))

typedef uint64_t quad __attribute__((vector_size(32), may_alias));

bool pt_run_can_be_wide(void)
{
	return __builtin_cpu_supports("avx2"); /* the operating system's consent included */
}

static WIDE void fold_wide(const uint64_t *entry, unsigned nlines, struct pt_fold *fold)
{
	const quad *line = (const quad *)(const void *)entry;
	quad all = { ~UINT64_C(0), ~UINT64_C(0), ~UINT64_C(0), ~UINT64_C(0) };
	quad any = { 0 };

	for (const quad *end = line + 2 * nlines; line != end; line += 2) {
		all &= line[0] & line[1];
		any |= line[0] | line[1];
	}
	fold->all &= all[0] & all[1] & (all[2] & all[3]);
	fold->any |= any[0] | any[1] | (any[2] | any[3]);
}

static WIDE void store_wide(uint64_t *entry, unsigned nlines, uint64_t value, uint64_t step)
{
	volatile quad *line = (volatile quad *)(void *)entry;
	quad next = { value, value + step, value + 2 * step, value + 3 * step };

	for (volatile quad *end = line + 2 * nlines; line != end; line += 2) {
		line[0] = next;
		line[1] = next + 4 * step;
		next += PT_LINE_ENTRIES * step;
	}
}

static WIDE unsigned fill_wide(uint64_t *entry, unsigned nlines, uint64_t value, uint64_t step)
{
	volatile quad *line = (volatile quad *)(void *)entry;
	quad next = { value, value + step, value + 2 * step, value + 3 * step };

	for (unsigned i = 0; i < nlines; i++, line += 2) {
		const quad *look = (const quad *)(void *)line;
		__m256i any = (__m256i)(look[0] | look[1]);

		if (__builtin_expect(!_mm256_testz_si256(any, any), 0))
			return i;
		line[0] = next;
		line[1] = next + 4 * step;
		next += PT_LINE_ENTRIES * step;
	}
	return nlines;
}

static WIDE unsigned clear_wide(uint64_t *entry, unsigned nlines, uint64_t present)
{
	volatile quad *line = (volatile quad *)(void *)entry;
	const quad zero = { 0 };

	for (unsigned i = 0; i < nlines; i++, line += 2) {
		const quad *look = (const quad *)(void *)line;
		__m256d missing = (__m256d)((look[0] & look[1] & present) == zero);

		if (__builtin_expect(_mm256_movemask_pd(missing), 0))
			return i;
		line[0] = zero;
		line[1] = zero;
	}
	return nlines;
}
#else
#define fold_wide fold_lines
#define store_wide store_lines
#define fill_wide fill_lines
#define clear_wide clear_lines

bool pt_run_can_be_wide(void)
{
	return false;
}
#endif

/* ---- Runs ------------------------------------------------------------------------------------------------------------- */

struct pt_fold pt_run_fold(const uint64_t *entry, unsigned n, bool wide)
{
	struct pieces p = pieces_of(entry, n);
	struct pt_fold fold = { ~UINT64_C(0), 0 };

	fold_each(entry, p.head, &fold);
	if (wide)
		fold_wide(entry + p.head, p.nlines, &fold);
	else
		fold_lines(entry + p.head, p.nlines, &fold);
	fold_each(entry + n - p.tail, p.tail, &fold);
	return fold;
}

void pt_run_store(uint64_t *entry, unsigned n, uint64_t value, uint64_t step, bool wide)
{
	struct pieces p = pieces_of(entry, n);

	store_each(entry, p.head, value, step);
	if (wide)
		store_wide(entry + p.head, p.nlines, value + p.head * step, step);
	else
		store_lines(entry + p.head, p.nlines, value + p.head * step, step);
	store_each(entry + n - p.tail, p.tail, value + (n - p.tail) * step, step);
}

unsigned pt_run_fill(uint64_t *entry, unsigned n, uint64_t value, uint64_t step, bool wide)
{
	struct pieces p = pieces_of(entry, n);
	unsigned done = fill_each(entry, p.head, value, step);

	if (done != p.head)
		return done;
	if (wide)
		done += fill_wide(entry + done, p.nlines, value + done * step, step) * PT_LINE_ENTRIES;
	else
		done += fill_lines(entry + done, p.nlines, value + done * step, step) * PT_LINE_ENTRIES;
	if (done != n - p.tail)
		return done;
	return done + fill_each(entry + done, p.tail, value + done * step, step);
}

unsigned pt_run_clear(uint64_t *entry, unsigned n, uint64_t present, bool wide)
{
	struct pieces p = pieces_of(entry, n);
	unsigned done = clear_each(entry, p.head, present);

	if (done != p.head)
		return done;
	if (wide)
		done += clear_wide(entry + done, p.nlines, present) * PT_LINE_ENTRIES;
	else
		done += clear_lines(entry + done, p.nlines, present) * PT_LINE_ENTRIES;
	if (done != n - p.tail)
		return done;
	return done + clear_each(entry + done, p.tail, present);
}
