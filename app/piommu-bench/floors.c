/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What this machine charges for the parts that no implementation can do without, measured in every run because times move
 * from machine to machine. Each is the least of several repetitions: a floor is what the machine can do undisturbed.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench.h"

#define REPEATS 9u

/* Nanoseconds of one step: the least of several runs of `n` steps each. */
static double least(void (*run)(void *ctx, unsigned n), void *ctx, unsigned n)
{
	double best = INFINITY;

	run(ctx, n); /* warms up */
	for (unsigned i = 0; i < REPEATS; i++) {
		double start = now_ns();
		double ns;

		run(ctx, n);
		ns = (now_ns() - start) / n;
		best = ns < best ? ns : best;
	}
	return best;
}

static void store(uint64_t *entry, uint64_t value)
{
	__atomic_store_n(entry, value, __ATOMIC_RELAXED);
}

static void run_store(void *ctx, unsigned n)
{
	uint64_t *table = ctx;

#pragma GCC unroll 8
	for (unsigned i = 0; i < n; i++)
		store(&table[i % LEAVES], i);
}

struct pairs {
	uint64_t *table;
	unsigned pages;
	unsigned nslots;
};

/* `pages` is a constant where it is 1, and then there is no inner loop. */
static inline __attribute__((always_inline)) void store_pairs(const struct pairs *pairs, size_t pages, unsigned n)
{
	uint64_t *const end = pairs->table + pairs->nslots * pages;
	uint64_t *entry = pairs->table;

	for (unsigned i = 0; i < n; i++) {
#pragma GCC unroll 8
		for (size_t page = 0; page < pages; page++)
			store(&entry[page], page * PAGE | PIOMMU_RW);
#pragma GCC unroll 8
		for (size_t page = 0; page < pages; page++)
			store(&entry[page], 0);
		entry = entry + pages == end ? pairs->table : entry + pages;
	}
}

static void run_pair(void *ctx, unsigned n)
{
	const struct pairs *pairs = ctx;

	if (pairs->pages == 1)
		store_pairs(pairs, 1, n);
	else
		store_pairs(pairs, pairs->pages, n);
}

double floor_pair(unsigned pages)
{
	struct pairs pairs = { NULL, pages, pages < LEAVES ? LEAVES / pages : 1 };
	double ns;

	pairs.table = aligned_alloc(PAGE, ((size_t)pages / LEAVES + 1) * LEAVES * sizeof(uint64_t));
	if (!pairs.table)
		return NAN;
	ns = least(run_pair, &pairs, pages < 1000 ? 200000 / pages : 200);
	free(pairs.table);
	return ns;
}

struct walk {
	uint64_t *root;
	uint64_t found;
};

/* Four tables, each entry the address of the next table. */
static void run_walk(void *ctx, unsigned n)
{
	struct walk *walk = ctx;

	for (unsigned i = 0; i < n; i++) {
		const uint64_t *table = walk->root;
		uint64_t iova = (uint64_t)(i % LEAVES) << 12;

		for (unsigned shift = 39; shift >= 12; shift -= 9) {
			uint64_t entry = __atomic_load_n(&table[iova >> shift & (LEAVES - 1)], __ATOMIC_RELAXED);

			table = (const uint64_t *)(uintptr_t)(entry & ~(uint64_t)(PAGE - 1));
		}
		walk->found += (uintptr_t)table;
	}
}

static double measure_walk(void)
{
	uint64_t *tables = aligned_alloc(PAGE, 4 * (size_t)PAGE);
	struct walk walk = { tables, 0 };
	double ns;

	if (!tables)
		return NAN;
	memset(tables, 0, 4 * (size_t)PAGE);
	for (size_t level = 0; level < 3; level++)
		tables[level * LEAVES] = (uintptr_t)&tables[(level + 1) * LEAVES] | PIOMMU_RW;
	for (size_t i = 0; i < LEAVES; i++)
		tables[3 * LEAVES + i] = i * PAGE | PIOMMU_RW;
	ns = least(run_walk, &walk, 100000);
	free(tables);
	return walk.found ? ns : NAN;
}

static void run_locked_add(void *ctx, unsigned n)
{
	_Atomic uint64_t *word = ctx;

	for (unsigned i = 0; i < n; i++)
		atomic_fetch_add_explicit(word, 1, memory_order_relaxed);
}

static void run_syscall(void *ctx, unsigned n)
{
	(void)ctx;
	for (unsigned i = 0; i < n; i++)
		syscall(SYS_getppid);
}

struct pingpong {
	const struct cpus *cpus;
	_Alignas(64) _Atomic unsigned ping;
	_Alignas(64) _Atomic unsigned pong;
	unsigned rounds;
};

/* A partner that lost its processor must not cost this one its time slice. */
static void await(_Atomic unsigned *word, unsigned value)
{
	for (unsigned spins = 1; atomic_load_explicit(word, memory_order_acquire) != value; spins++)
		if (spins % 4096 == 0)
			sched_yield();
}

static void *answer(void *arg)
{
	struct pingpong *game = arg;

	cpus_pin(game->cpus, 1);
	for (unsigned i = 1; i <= game->rounds; i++) {
		await(&game->ping, i);
		atomic_store_explicit(&game->pong, i, memory_order_release);
	}
	return NULL;
}

/* The least of many short matches: the other processor may be busy with something else now and then. */
static double measure_round_trip(const struct cpus *cpus)
{
	enum {
		MATCH = 500,
		MATCHES = 40
	};
	struct pingpong game = { .cpus = cpus, .rounds = MATCH * MATCHES };
	double best = INFINITY;
	pthread_t partner;
	unsigned round = 0;

	if (pthread_create(&partner, NULL, answer, &game))
		return NAN;
	for (unsigned match = 0; match < MATCHES; match++) {
		double start = now_ns();
		double ns;

		for (unsigned i = 0; i < MATCH; i++) {
			atomic_store_explicit(&game.ping, ++round, memory_order_release);
			await(&game.pong, round);
		}
		ns = (now_ns() - start) / MATCH;
		best = ns < best ? ns : best;
	}
	pthread_join(partner, NULL);
	return best;
}

void floors_measure(const struct cpus *cpus, struct floors *out)
{
	static _Alignas(PAGE) uint64_t table[LEAVES];
	_Alignas(64) _Atomic uint64_t word = 0;

	cpus_pin(cpus, 0);
	*out = (struct floors){
		.store = least(run_store, table, 200000),
		.walk = measure_walk(),
		.locked_add = least(run_locked_add, &word, 100000),
		.syscall = least(run_syscall, NULL, 10000),
		.round_trip = cpus->n > 1 ? measure_round_trip(cpus) : NAN,
	};
}
