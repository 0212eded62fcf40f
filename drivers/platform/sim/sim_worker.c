/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The thread of a model's queue. A doorbell soon after the queue ran dry is the common case: the thread watches for it a while
 * before it sleeps.
 */
#include <errno.h>
#include <time.h>

#include "piommu_driver.h"
#include "sim_worker.h"

/* Waits shorter than this are spun: a sleep takes longer than it says. */
#define SPIN_NS 50000u

void sim_worker_init(struct sim_worker *w, pthread_mutex_t *lock, bool (*step)(void *ctx), void *ctx)
{
	pthread_condattr_t attr;

	*w = (struct sim_worker){ .lock = lock, .step = step, .ctx = ctx };
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&w->doorbell, &attr);
	pthread_condattr_destroy(&attr);
}

void sim_worker_fini(struct sim_worker *w)
{
	pthread_cond_destroy(&w->doorbell);
}

void sim_worker_sleep(struct sim_worker *w, uint64_t ns)
{
	uint64_t end = piommu_env_now_ns() + ns;
	struct timespec until;

	if (w->has_thread && ns >= SPIN_NS) {
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec += (time_t)((ns + (uint64_t)until.tv_nsec) / 1000000000u);
		until.tv_nsec = (long)((ns + (uint64_t)until.tv_nsec) % 1000000000u);
		while (!w->stop && pthread_cond_timedwait(&w->doorbell, w->lock, &until) != ETIMEDOUT)
			;
		return;
	}
	if (w->has_thread)
		pthread_mutex_unlock(w->lock); /* devices go on meanwhile */
	while (piommu_env_now_ns() < end)
		cpu_relax();
	if (w->has_thread)
		pthread_mutex_lock(w->lock);
}

void sim_worker_kick(struct sim_worker *w)
{
	if (!w->has_thread) {
		while (w->step(w->ctx))
			;
		return;
	}
	atomic_fetch_add_explicit(&w->rings, 1, memory_order_release);
	if (w->sleeps)
		pthread_cond_signal(&w->doorbell);
}

static void watch(struct sim_worker *w)
{
	uint32_t seen = atomic_load_explicit(&w->rings, memory_order_acquire);
	uint64_t end = piommu_env_now_ns() + SPIN_NS;

	pthread_mutex_unlock(w->lock);
	while (atomic_load_explicit(&w->rings, memory_order_acquire) == seen && piommu_env_now_ns() < end)
		cpu_relax();
	pthread_mutex_lock(w->lock);
}

static void *work(void *arg)
{
	struct sim_worker *w = arg;

	pthread_mutex_lock(w->lock);
	while (!w->stop) {
		if (w->step(w->ctx))
			continue;
		watch(w);
		if (w->stop || w->step(w->ctx))
			continue;
		w->sleeps = true;
		pthread_cond_wait(&w->doorbell, w->lock);
		w->sleeps = false;
	}
	pthread_mutex_unlock(w->lock);
	return NULL;
}

int sim_worker_start(struct sim_worker *w)
{
	int err;

	w->has_thread = true; /* before the thread reads it */
	err = pthread_create(&w->thread, NULL, work, w);
	if (err)
		w->has_thread = false;
	return -err;
}

void sim_worker_stop(struct sim_worker *w)
{
	if (!w->has_thread)
		return;
	pthread_mutex_lock(w->lock);
	w->stop = true;
	atomic_fetch_add_explicit(&w->rings, 1, memory_order_release);
	pthread_cond_broadcast(&w->doorbell);
	pthread_mutex_unlock(w->lock);
	pthread_join(w->thread, NULL);
}
