/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The library's mutex, and the rules that hold for every one of them (doc/locking.md), checked in three ways: clang's
 * thread-safety analysis reads the annotations; debug builds know who holds what and in which order; ThreadSanitizer sees the
 * rest. In release builds a mutex is a pthread mutex and nothing more. Slow path only. A slow path that waits for hardware is
 * RCU-offline meanwhile, and its wait is bounded.
 */
#ifndef PIOMMU_LOCK_H
#define PIOMMU_LOCK_H

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>

#if defined(__clang__)
#define TSA(x) __attribute__((x))
#else
#define TSA(x)
#endif

/* Mutexes are named as in code, not by address: REQUIRES(group->mutex) on a prototype, GUARDED_BY(mutex) on a sibling. */
#define CAPABILITY(name) TSA(capability(name))
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
#ifndef NDEBUG
	enum lock_rank rank; /* 0: not initialised, or destroyed */
	const void *owner;   /* the thread that holds it; read by others, so by atomic builtins */
#endif
};

struct cond {
	pthread_cond_t c;
};

/*
 * Naming a sibling member needs clang 19 or later and -fexperimental-late-parse-attributes; the job that gives that flag
 * defines LOCK_ANALYSIS. There a mutex member may also say its rank, and what clang sees of the order within a function, it
 * checks. Each rank lies between two marks, which are declared for that alone and defined nowhere.
 */
#ifdef LOCK_ANALYSIS
#define GUARDED_BY(mutex) TSA(guarded_by(&mutex))
#define POINTEE_GUARDED_BY(mutex) TSA(pt_guarded_by(&mutex))
#define RANKED(rank) TSA(acquired_after(before_##rank)) TSA(acquired_before(after_##rank))
#define RANK_MARKS(above, rank) \
	extern struct mutex before_##rank TSA(acquired_after(after_##above)); \
	extern struct mutex after_##rank TSA(acquired_after(before_##rank))
extern struct mutex before_LOCK_PROBE;
extern struct mutex after_LOCK_PROBE TSA(acquired_after(before_LOCK_PROBE));
RANK_MARKS(LOCK_PROBE, LOCK_GROUP);
RANK_MARKS(LOCK_GROUP, LOCK_DOMAIN);
RANK_MARKS(LOCK_DOMAIN, LOCK_UNIT);
RANK_MARKS(LOCK_UNIT, LOCK_DRIVER);
RANK_MARKS(LOCK_DRIVER, LOCK_POOL);
RANK_MARKS(LOCK_POOL, LOCK_LEAF);
#else
#define GUARDED_BY(mutex)
#define POINTEE_GUARDED_BY(mutex)
#define RANKED(rank)
#endif

/* The owner asserts, in debug builds alone (lock.c). Each says on stderr what is wrong, and aborts. */
#ifndef NDEBUG
void lock_debug_init(struct mutex *mutex, enum lock_rank rank);
void lock_debug_fini(struct mutex *mutex);
void lock_debug_order(const struct mutex *mutex);
void lock_debug_taken(struct mutex *mutex);
void lock_debug_released(struct mutex *mutex);
void lock_debug_held(const struct mutex *mutex);
void lock_debug_free(const struct mutex *mutex);
/* For asserts: only a debug build knows. */
bool mutex_held_by_me(const struct mutex *mutex);
#else
static inline void lock_debug_init(struct mutex *mutex, enum lock_rank rank)
{
	(void)mutex;
	(void)rank;
}
static inline void lock_debug_fini(struct mutex *mutex)
{
	(void)mutex;
}
static inline void lock_debug_order(const struct mutex *mutex)
{
	(void)mutex;
}
static inline void lock_debug_taken(struct mutex *mutex)
{
	(void)mutex;
}
static inline void lock_debug_released(struct mutex *mutex)
{
	(void)mutex;
}
static inline void lock_debug_held(const struct mutex *mutex)
{
	(void)mutex;
}
static inline void lock_debug_free(const struct mutex *mutex)
{
	(void)mutex;
}
#endif

static inline void mutex_init(struct mutex *mutex, enum lock_rank rank)
{
	pthread_mutex_init(&mutex->m, NULL);
	lock_debug_init(mutex, rank);
}

/** Nobody holds it, the caller neither. */
static inline void mutex_fini(struct mutex *mutex)
{
	lock_debug_fini(mutex);
	pthread_mutex_destroy(&mutex->m);
}

/** It ranks after all that the calling thread holds: two of one rank are never held together. */
static inline void mutex_lock(struct mutex *mutex) ACQUIRES(*mutex) NO_THREAD_SAFETY_ANALYSIS
{
	int err;

	lock_debug_order(mutex);
	err = pthread_mutex_lock(&mutex->m);
	assert(!err);
	(void)err;
	lock_debug_taken(mutex);
}

/** By the thread that took it; in any order. */
static inline void mutex_unlock(struct mutex *mutex) RELEASES(*mutex) NO_THREAD_SAFETY_ANALYSIS
{
	int err;

	lock_debug_released(mutex);
	err = pthread_mutex_unlock(&mutex->m);
	assert(!err);
	(void)err;
}

/** The calling thread holds it (checked in debug builds). */
static inline void mutex_assert_held(const struct mutex *mutex) TSA(assert_capability(*mutex)) NO_THREAD_SAFETY_ANALYSIS
{
	lock_debug_held(mutex);
}

/**
 * As good as held, until the caller returns: what it guards is being made or taken apart, and no other thread has a pointer to
 * it. Nobody holds it (checked in debug builds).
 */
static inline void mutex_assert_unshared(const struct mutex *mutex) TSA(assert_capability(*mutex)) NO_THREAD_SAFETY_ANALYSIS
{
	lock_debug_free(mutex);
}

static inline void cond_init(struct cond *cond)
{
	pthread_cond_init(&cond->c, NULL);
}

/** Nobody waits. */
static inline void cond_fini(struct cond *cond)
{
	pthread_cond_destroy(&cond->c);
}

/**
 * Lets go of the mutex, sleeps until cond_broadcast() (or for no reason: call it in a loop) and takes the mutex again, which
 * by then must still rank after all that the thread holds. What it protects is checked again afterwards.
 */
static inline void cond_wait(struct cond *cond, struct mutex *mutex) REQUIRES(*mutex) NO_THREAD_SAFETY_ANALYSIS
{
	int err;

	lock_debug_released(mutex);
	lock_debug_order(mutex);
	err = pthread_cond_wait(&cond->c, &mutex->m);
	assert(!err);
	(void)err;
	lock_debug_taken(mutex);
}

/** Best under the mutex that guards what is waited for. */
static inline void cond_broadcast(struct cond *cond)
{
	pthread_cond_broadcast(&cond->c);
}

#endif
