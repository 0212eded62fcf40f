/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who holds which mutex, in debug builds: owner and order asserts. Any thread. A thread keeps what it holds in a list of its
 * own; ranks in it only grow, so it never holds more than there are ranks, and the last one is the one to compare with.
 */
#include "lock.h"

#ifndef NDEBUG
#include <stdio.h>
#include <stdlib.h>

/* The state of a thread, not of a manager. Its address is the thread's name, until the thread ends. */
static _Thread_local struct {
	const struct mutex *mutex[LOCK_LEAF];
	unsigned n;
} held;

static const char *rank_name(const struct mutex *mutex)
{
	static const char *const name[] = {
		[LOCK_PROBE] = "probe",   [LOCK_GROUP] = "group", [LOCK_DOMAIN] = "domain", [LOCK_UNIT] = "unit",
		[LOCK_DRIVER] = "driver", [LOCK_POOL] = "pool",   [LOCK_LEAF] = "leaf",
	};

	return name[mutex->rank];
}

/* Its place in what the calling thread holds; held.n: it does not. */
static unsigned place_of(const struct mutex *mutex)
{
	unsigned i = 0;

	while (i < held.n && held.mutex[i] != mutex)
		i++;
	return i;
}

bool mutex_held_by_me(const struct mutex *mutex)
{
	return place_of(mutex) < held.n;
}

static const void *owner_of(const struct mutex *mutex)
{
	return __atomic_load_n(&mutex->owner, __ATOMIC_RELAXED);
}

static void set_owner(struct mutex *mutex, const void *owner)
{
	__atomic_store_n(&mutex->owner, owner, __ATOMIC_RELAXED);
}

static void check_initialised(const struct mutex *mutex, const char *verb)
{
	if (mutex->rank >= LOCK_PROBE && mutex->rank <= LOCK_LEAF)
		return;
	fprintf(stderr, "piommu: lock: %s a mutex that is not initialised (rank %d)\n", verb, (int)mutex->rank);
	abort();
}

void lock_debug_init(struct mutex *mutex, enum lock_rank rank)
{
	mutex->rank = rank;
	set_owner(mutex, NULL);
	check_initialised(mutex, "makes");
}

static void check_free(const struct mutex *mutex, const char *verb)
{
	check_initialised(mutex, verb);
	if (!owner_of(mutex))
		return;
	fprintf(stderr, "piommu: lock: %s a %s mutex that %s holds\n", verb, rank_name(mutex),
		mutex_held_by_me(mutex) ? "it" : "another thread");
	abort();
}

void lock_debug_fini(struct mutex *mutex)
{
	check_free(mutex, "destroys");
	mutex->rank = 0;
}

void lock_debug_free(const struct mutex *mutex)
{
	check_free(mutex, "has to itself");
}

/* Before the wait for the mutex: a wrong order is a fault even where nobody is in the way today. */
void lock_debug_order(const struct mutex *mutex)
{
	const struct mutex *last = held.n ? held.mutex[held.n - 1] : NULL;

	check_initialised(mutex, "takes");
	if (mutex_held_by_me(mutex)) {
		fprintf(stderr, "piommu: lock: takes a %s mutex that it holds already\n", rank_name(mutex));
		abort();
	}
	if (last && mutex->rank <= last->rank) {
		fprintf(stderr, "piommu: lock order: takes a %s mutex (rank %d) while it holds a %s mutex (rank %d)%s\n",
			rank_name(mutex), (int)mutex->rank, rank_name(last), (int)last->rank,
			mutex->rank == last->rank ? ": never two of one rank" : "");
		abort();
	}
}

void lock_debug_taken(struct mutex *mutex)
{
	set_owner(mutex, &held);
	held.mutex[held.n++] = mutex;
}

void lock_debug_released(struct mutex *mutex)
{
	unsigned i = place_of(mutex);

	check_initialised(mutex, "releases");
	if (i == held.n) {
		fprintf(stderr, "piommu: lock: releases a %s mutex that %s holds\n", rank_name(mutex),
			owner_of(mutex) ? "another thread" : "nobody");
		abort();
	}
	for (held.n--; i < held.n; i++)
		held.mutex[i] = held.mutex[i + 1];
	set_owner(mutex, NULL);
}

void lock_debug_held(const struct mutex *mutex)
{
	check_initialised(mutex, "relies on");
	if (mutex_held_by_me(mutex))
		return;
	fprintf(stderr, "piommu: lock: relies on a %s mutex that %s holds\n", rank_name(mutex),
		owner_of(mutex) ? "another thread" : "nobody");
	abort();
}
#endif
