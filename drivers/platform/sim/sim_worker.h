/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who executes a model's queue: the caller that rings the doorbell, or a thread of its own. All functions but init, start, stop
 * and fini are called with the model's lock held.
 */
#ifndef SIM_WORKER_H
#define SIM_WORKER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct sim_worker {
	pthread_mutex_t *lock;   /* the model's */
	bool (*step)(void *ctx); /* executes one command; false: there is nothing to execute */
	void *ctx;
	pthread_cond_t doorbell;
	pthread_t thread;
	bool has_thread, sleeps, stop;
	_Atomic uint32_t rings; /* counts doorbells: what the thread watches without the lock */
};

void sim_worker_init(struct sim_worker *worker, pthread_mutex_t *lock, bool (*step)(void *ctx), void *ctx);
void sim_worker_fini(struct sim_worker *worker);
/* Without the lock, as stop is. @return 0 or -errno */
int sim_worker_start(struct sim_worker *worker);
void sim_worker_stop(struct sim_worker *worker);
/* A doorbell, or something that stopped the queue is gone. Without a thread all steps are done when this returns. */
void sim_worker_kick(struct sim_worker *worker);
/* What a step that takes its time calls. On a thread the lock is free meanwhile. */
void sim_worker_sleep(struct sim_worker *worker, uint64_t ns);

#endif
