/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Floors of what the library does in memory, each the plainest C there is for the same bytes on the same footprint: stores of
 * entries one by one and by whole cache lines, by whichever width of 16, 32 or 64 bytes this machine is fastest with; walks of four
 * levels; a stack of I/O addresses. Built with the flags of the library.
 */
#include <stdlib.h>
#include <string.h>

#include "bench.h"

#define LINE_ENTRIES 8u

/* Two entries: what one store of the plainest x86-64 and aarch64 can hold. */
typedef uint64_t vec16 __attribute__((vector_size(16), may_alias));

static void store(uint64_t *entry, uint64_t value)
{
	__atomic_store_n(entry, value, __ATOMIC_RELAXED);
}

static uint64_t *make_entries(size_t n)
{
	size_t bytes = (n * sizeof(uint64_t) + PAGE - 1) / PAGE * PAGE;
	uint64_t *entries = aligned_alloc(PAGE, bytes);

	if (entries)
		memset(entries, 0, bytes);
	return entries;
}

/* ---- Stores ------------------------------------------------------------------------------------------------------------ */

struct stores {
	uint64_t *entries;
	size_t n; /* entries in all, a multiple of `pages` */
	size_t pages;
	void (*store)(uint64_t *entries, size_t pages, uint64_t value, uint64_t step);
};

static void run_store(void *ctx, unsigned n)
{
	struct stores *stores = ctx;

#pragma GCC unroll 8
	for (unsigned i = 0; i < n; i++)
		store(&stores->entries[i % LEAVES], i);
}

double floor_store(void)
{
	struct stores stores = { make_entries(LEAVES), LEAVES, 1, NULL };
	double ns = stores.entries ? floor_least(run_store, &stores, 200000) : NAN;

	free(stores.entries);
	return ns;
}

typedef void store_fn(uint64_t *entries, size_t pages, uint64_t value, uint64_t step);

static void store_16(uint64_t *entries, size_t pages, uint64_t value, uint64_t step)
{
	volatile vec16 *line = (volatile vec16 *)(void *)entries;
	vec16 next = { value, value + step };

	for (volatile vec16 *end = line + pages / 2; line != end; line += 4) {
		line[0] = next;
		line[1] = next + 2 * step;
		line[2] = next + 4 * step;
		line[3] = next + 6 * step;
		next += LINE_ENTRIES * step;
	}
}

#if defined(__x86_64__)
typedef uint64_t vec32 __attribute__((vector_size(32), may_alias));
typedef uint64_t vec64 __attribute__((vector_size(64), may_alias));

__attribute__((target("avx2"))) static void store_32(uint64_t *entries, size_t pages, uint64_t value, uint64_t step)
{
	volatile vec32 *line = (volatile vec32 *)(void *)entries;
	vec32 next = { value, value + step, value + 2 * step, value + 3 * step };

	for (volatile vec32 *end = line + pages / 4; line != end; line += 2) {
		line[0] = next;
		line[1] = next + 4 * step;
		next += LINE_ENTRIES * step;
	}
}

__attribute__((target("avx512f"))) static void store_64(uint64_t *entries, size_t pages, uint64_t value, uint64_t step)
{
	volatile vec64 *line = (volatile vec64 *)(void *)entries;
	vec64 next;

	for (unsigned i = 0; i < LINE_ENTRIES; i++)
		next[i] = value + i * step;
	for (volatile vec64 *end = line + pages / LINE_ENTRIES; line != end; line++) {
		*line = next;
		next += LINE_ENTRIES * step;
	}
}
#endif

/* The stores of a width that this machine has, from the narrowest on; NULL: no more. */
static store_fn *stores_of(unsigned width)
{
	if (width == 0)
		return store_16;
#if defined(__x86_64__)
	if (width == 1 && __builtin_cpu_supports("avx2"))
		return store_32;
	if (width == 2 && __builtin_cpu_supports("avx512f"))
		return store_64;
#endif
	return NULL;
}

static void run_line_pair(void *ctx, unsigned n)
{
	const struct stores *stores = ctx;
	uint64_t *const end = stores->entries + stores->n;
	uint64_t *at = stores->entries;

	for (unsigned i = 0; i < n; i++) {
		stores->store(at, stores->pages, PIOMMU_RW, PAGE);
		stores->store(at, stores->pages, 0, 0);
		at += stores->pages;
		at = at == end ? stores->entries : at;
	}
}

/* By the best of the widths. */
double floor_line_pair(unsigned pages, size_t entries)
{
	size_t slots = entries > pages ? entries / pages : 1;
	struct stores stores = { make_entries(slots * pages), slots * pages, pages, NULL };
	double best = NAN;

	for (unsigned width = 0; stores.entries && (stores.store = stores_of(width)); width++) {
		double ns = floor_least(run_line_pair, &stores, pages < 1000 ? 200000 / pages : 200);

		best = best <= ns ? best : ns;
	}
	free(stores.entries);
	return best;
}

double floor_line(void)
{
	const double lines = 2.0 * LEAVES / LINE_ENTRIES;

	return floor_line_pair(LEAVES, LEAVES) / lines;
}

/* ---- Walks ------------------------------------------------------------------------------------------------------------- */

/* Three levels above `nleaves` leaf tables side by side. */
struct walks {
	uint64_t *tables;
	size_t nslots;
	size_t pages;
	uint64_t found;
};

static uint64_t *table_of(uint64_t entry)
{
	return (uint64_t *)(uintptr_t)(entry & ~(uint64_t)(PAGE - 1));
}

/* The leaf entry of an address; NULL: a table is not there. */
static inline uint64_t *walk(uint64_t *table, uint64_t iova)
{
	for (unsigned shift = 39; shift > 12; shift -= 9) {
		uint64_t entry = __atomic_load_n(&table[iova >> shift & (LEAVES - 1)], __ATOMIC_ACQUIRE);

		if (!(entry & PIOMMU_RW))
			return NULL;
		table = table_of(entry);
	}
	return &table[iova >> 12 & (LEAVES - 1)];
}

static void run_walk(void *ctx, unsigned n)
{
	struct walks *walks = ctx;

	for (unsigned i = 0; i < n; i++)
		walks->found += __atomic_load_n(walk(walks->tables, (uint64_t)(i % LEAVES) << 12), __ATOMIC_RELAXED);
}

/*
 * Entries that are there are not overwritten, and those that are not are not cleared: no less is a map and an unmap. A call, as those
 * of a library are.
 */
static __attribute__((noinline)) bool change(uint64_t *root, uint64_t iova, size_t pages, bool map)
{
	uint64_t *leaf = NULL;

	for (size_t i = 0; i < pages; i++, iova += PAGE) {
		leaf = leaf && iova % (LEAVES * PAGE) ? leaf + 1 : walk(root, iova);
		if (!leaf || !(__atomic_load_n(leaf, __ATOMIC_RELAXED) & PIOMMU_RW) != map)
			return false;
		store(leaf, map ? iova | PIOMMU_RW : 0);
	}
	return true;
}

static void run_walk_pair(void *ctx, unsigned n)
{
	struct walks *walks = ctx;
	uint64_t iova = 0, step = walks->pages * PAGE, end = walks->nslots * step;

	for (unsigned i = 0; i < n; i++) {
		walks->found += change(walks->tables, iova, walks->pages, true);
		walks->found += change(walks->tables, iova, walks->pages, false);
		iova = iova + step == end ? 0 : iova + step;
	}
}

static bool walks_init(struct walks *walks, size_t entries)
{
	size_t nleaves = (entries + LEAVES - 1) / LEAVES;

	walks->tables = make_entries((3 + nleaves) * LEAVES);
	if (!walks->tables)
		return false;
	for (size_t i = 0; i < 2; i++)
		walks->tables[i * LEAVES] = (uintptr_t)&walks->tables[(i + 1) * LEAVES] | PIOMMU_RW;
	for (size_t i = 0; i < nleaves; i++)
		walks->tables[2 * LEAVES + i] = (uintptr_t)&walks->tables[(3 + i) * LEAVES] | PIOMMU_RW;
	return true;
}

double floor_walk(void)
{
	struct walks walks = { .found = 0 };
	double ns;

	if (!walks_init(&walks, LEAVES))
		return NAN;
	for (size_t i = 0; i < LEAVES; i++)
		walks.tables[3 * LEAVES + i] = i * PAGE | PIOMMU_RW;
	ns = floor_least(run_walk, &walks, 100000);
	free(walks.tables);
	return walks.found ? ns : NAN;
}

double floor_walk_pair(unsigned pages, size_t entries)
{
	size_t nslots = entries > pages ? entries / pages : 1;
	struct walks walks = { .nslots = nslots, .pages = pages };
	double ns;

	if (!walks_init(&walks, nslots * pages))
		return NAN;
	ns = floor_least(run_walk_pair, &walks, pages < 1000 ? 100000 / pages : 100);
	free(walks.tables);
	return walks.found ? ns : NAN;
}

/* ---- A stack of I/O addresses ------------------------------------------------------------------------------------------ */

struct stack {
	unsigned n;
	uint64_t at[LEAVES];
};

/* Calls, as those of a library are. */
static __attribute__((noinline)) bool pop(struct stack *stack, uint64_t *iova)
{
	if (!stack->n)
		return false;
	*iova = stack->at[--stack->n];
	return true;
}

static __attribute__((noinline)) bool push(struct stack *stack, uint64_t iova)
{
	if (stack->n == LEAVES)
		return false;
	stack->at[stack->n++] = iova;
	return true;
}

static void run_stack(void *ctx, unsigned n)
{
	struct stack *stack = ctx;
	uint64_t iova;

	for (unsigned i = 0; i < n; i++)
		if (!pop(stack, &iova) || !push(stack, iova))
			return;
}

double floor_stack(void)
{
	struct stack stack = { .n = LEAVES / 2 };

	for (unsigned i = 0; i < stack.n; i++)
		stack.at[i] = (uint64_t)i * PAGE;
	return floor_least(run_stack, &stack, 100000);
}
