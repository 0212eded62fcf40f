/* SPDX-License-Identifier: BSD-3-Clause */
/* Threads of a test that race, and the one bounded way to wait for each other. CUnit's assertions are for the main thread. */
#ifndef THREADS_H
#define THREADS_H

#include <stdatomic.h>
#include <stdbool.h>

/* Runs fn(ctx, 0) to fn(ctx, n - 1), n <= 16, each on a thread that is registered with piommu, and waits for all. */
void threads_run(unsigned n, void (*fn)(void *ctx, unsigned i), void *ctx);

/* Waits until at least n have been counted, giving the processor away; false: it took so long that something is stuck. */
bool threads_wait_for(const atomic_uint *counter, unsigned n);

#endif
