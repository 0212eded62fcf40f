/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What this machine charges for the parts that no implementation can do without, measured in every run because times move
 * from machine to machine. Each is the least of several repetitions: a floor is what the machine can do undisturbed.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench.h"

#define REPEATS 9u

double floor_least(void (*run)(void *ctx, unsigned n), void *ctx, unsigned n)
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
static double measure_round_trip(const struct cpus *cpus, bool quick)
{
	enum {
		MATCH = 500,
		MATCHES = 200
	};
	unsigned matches = quick ? MATCHES / 20 : MATCHES;
	struct pingpong game = { .cpus = cpus, .rounds = MATCH * matches };
	double best = INFINITY;
	pthread_t partner;
	unsigned round = 0;

	if (pthread_create(&partner, NULL, answer, &game))
		return NAN;
	for (unsigned match = 0; match < matches; match++) {
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

double floors_round_trip(const struct cpus *cpus, bool quick)
{
	return cpus->n > 1 ? measure_round_trip(cpus, quick) : NAN;
}

void floors_measure(const struct cpus *cpus, bool quick, struct floors *out)
{
	_Alignas(64) _Atomic uint64_t word = 0;

	cpus_pin(cpus, 0);
	*out = (struct floors){
		.store = floor_store(),
		.line = floor_line(),
		.walk = floor_walk(),
		.walk_store = floor_walk_pair(1, LEAVES),
		.stack = floor_stack(),
		.locked_add = floor_least(run_locked_add, &word, 100000),
		.syscall = floor_least(run_syscall, NULL, 10000),
		.round_trip = floors_round_trip(cpus, quick),
	};
}
