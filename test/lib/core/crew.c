/* SPDX-License-Identifier: BSD-3-Clause */
/* See crew.h. */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "crew.h"
#include "piommu_yield.h"

#define PATIENCE_MS 10000u        /* of one that waits for another */
#define JOIN_MS (3 * PATIENCE_MS) /* for a whole thread, which may have lost patience itself */
#define BUSY_MS 3600000u          /* of one that works all the time: what runs the test has a limit of its own */
#define MOMENT_MS 60u

static struct timespec in_ms(unsigned ms)
{
	struct timespec at;

	clock_gettime(CLOCK_REALTIME, &at);
	at.tv_sec += ms / 1000;
	at.tv_nsec += (long)(ms % 1000) * 1000000;
	if (at.tv_nsec >= 1000000000) {
		at.tv_nsec -= 1000000000;
		at.tv_sec++;
	}
	return at;
}

static bool wait_for(sem_t *sem, unsigned ms)
{
	struct timespec at = in_ms(ms);
	int err;

	do
		err = sem_timedwait(sem, &at);
	while (err && errno == EINTR);
	return !err;
}

/* In builds with yield points every worker of a program has pauses of its own, the same in every run. */
static void take_part(void)
{
#ifdef PIOMMU_YIELD_POINTS
	static atomic_uint_fast64_t workers = 1;

	piommu_yield_seed(atomic_fetch_add(&workers, 1));
#endif
}

static void *work(void *ctx)
{
	struct worker *worker = ctx;

	take_part();
	worker->result = worker->fn(worker->ctx);
	sem_post(&worker->done);
	return NULL;
}

void worker_start(struct worker *worker, int (*fn)(void *ctx), void *ctx)
{
	worker->fn = fn;
	worker->ctx = ctx;
	sem_init(&worker->done, 0, 0);
	if (pthread_create(&worker->thread, NULL, work, worker)) {
		perror("pthread_create");
		exit(1);
	}
}

static int join(struct worker *worker, unsigned ms)
{
	if (!wait_for(&worker->done, ms)) {
		printf("FAIL a thread of this test is stuck: a deadlock, or a gate that nobody opened\n");
		fflush(stdout);
		_Exit(1);
	}
	pthread_join(worker->thread, NULL);
	sem_destroy(&worker->done);
	return worker->result;
}

int worker_join(struct worker *worker)
{
	return join(worker, JOIN_MS);
}

int worker_join_busy(struct worker *worker)
{
	return join(worker, BUSY_MS);
}

bool worker_lingers(struct worker *worker)
{
	if (!wait_for(&worker->done, MOMENT_MS))
		return true;
	sem_post(&worker->done);
	return false;
}

void gate_init(struct gate *gate)
{
	sem_init(&gate->arrived, 0, 0);
	sem_init(&gate->open, 0, 0);
}

void gate_fini(struct gate *gate)
{
	sem_destroy(&gate->arrived);
	sem_destroy(&gate->open);
}

bool gate_stop(struct gate *gate)
{
	sem_post(&gate->arrived);
	return wait_for(&gate->open, PATIENCE_MS);
}

bool gate_await(struct gate *gate)
{
	return wait_for(&gate->arrived, PATIENCE_MS);
}

void gate_open(struct gate *gate)
{
	sem_post(&gate->open);
}

void meeting_init(struct meeting *meeting, unsigned want)
{
	pthread_mutex_init(&meeting->lock, NULL);
	pthread_cond_init(&meeting->all_here, NULL);
	meeting->want = want;
	meeting->here = 0;
}

void meeting_fini(struct meeting *meeting)
{
	pthread_cond_destroy(&meeting->all_here);
	pthread_mutex_destroy(&meeting->lock);
}

bool meeting_wait(struct meeting *meeting)
{
	struct timespec at = in_ms(PATIENCE_MS);
	int err = 0;

	pthread_mutex_lock(&meeting->lock);
	meeting->here++;
	pthread_cond_broadcast(&meeting->all_here);
	while (meeting->here < meeting->want && !err)
		err = pthread_cond_timedwait(&meeting->all_here, &meeting->lock, &at);
	pthread_mutex_unlock(&meeting->lock);
	return !err;
}
