/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The library's mutex: a pthread mutex with clang's thread-safety annotations and, in debug builds, an owner to assert
 * on. Slow path only. A slow path that waits for hardware is RCU-offline meanwhile, and its wait is bounded.
 */
#ifndef PIOMMU_LOCK_H
#define PIOMMU_LOCK_H

#include <assert.h>
#include <pthread.h>

#if defined(__clang__)
#define TSA(x) __attribute__((x))
#else
#define TSA(x)
#endif

#define CAPABILITY(name) TSA(capability(name))
/* Naming a sibling member needs -fexperimental-late-parse-attributes, which clang has from 19 on. */
#if defined(__clang__) && __clang_major__ >= 19
#define GUARDED_BY(...) TSA(guarded_by(__VA_ARGS__))
#else
#define GUARDED_BY(...)
#endif
#define REQUIRES(...) TSA(requires_capability(__VA_ARGS__))
#define ACQUIRES(...) TSA(acquire_capability(__VA_ARGS__))
#define RELEASES(...) TSA(release_capability(__VA_ARGS__))
#define EXCLUDES(...) TSA(locks_excluded(__VA_ARGS__))
#define NO_THREAD_SAFETY_ANALYSIS TSA(no_thread_safety_analysis)

/** The order of the slow path's locks, outermost first (doc/locking.md). A thread takes only what ranks after all it holds. */
enum lock_rank {
	LOCK_PROBE = 1, /* struct piommu */
	LOCK_GROUP,
	LOCK_DOMAIN,
	LOCK_UNIT,
	LOCK_DRIVER, /* a driver's own */
	LOCK_POOL,   /* held while a page pool grows: the memory source's lock is taken under it */
	LOCK_LEAF,   /* nothing is called, and no lock taken, while it is held */
};

struct CAPABILITY("mutex") mutex {
	pthread_mutex_t m;
};

/** Error-checking in debug builds: a relock or an unlock by another thread is caught at once. */
static inline void mutex_init(struct mutex *mutex, enum lock_rank rank)
{
	pthread_mutexattr_t attr;

	(void)rank;
	pthread_mutexattr_init(&attr);
#ifndef NDEBUG
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK);
#endif
	pthread_mutex_init(&mutex->m, &attr);
	pthread_mutexattr_destroy(&attr);
}

static inline void mutex_fini(struct mutex *mutex)
{
	pthread_mutex_destroy(&mutex->m);
}

static inline void mutex_lock(struct mutex *mutex) ACQUIRES(*mutex) NO_THREAD_SAFETY_ANALYSIS
{
	int err = pthread_mutex_lock(&mutex->m);

	assert(!err);
	(void)err;
}

static inline void mutex_unlock(struct mutex *mutex) RELEASES(*mutex) NO_THREAD_SAFETY_ANALYSIS
{
	int err = pthread_mutex_unlock(&mutex->m);

	assert(!err);
	(void)err;
}

/** The calling thread holds it (checked in debug builds). */
static inline void mutex_assert_held(const struct mutex *mutex) TSA(assert_capability(*mutex)) NO_THREAD_SAFETY_ANALYSIS
{
	(void)mutex;
}

#endif
