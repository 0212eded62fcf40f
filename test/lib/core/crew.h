/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Threads of a test and the places where they wait for each other. Every wait has an end, far beyond what a loaded machine needs:
 * whoever comes that late is stuck, and the test fails.
 */
#ifndef CREW_H
#define CREW_H

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>

/* ---- Workers ---- */

struct worker {
	pthread_t thread;
	sem_t done;
	int (*fn)(void *ctx);
	void *ctx;
	int result;
};

void worker_start(struct worker *worker, int (*fn)(void *ctx), void *ctx);
/* What fn returned. A worker that is stuck has the test's locals in its hands: the program ends there. */
int worker_join(struct worker *worker);
/* So of one that works for as long as the machine needs for it. */
int worker_join_busy(struct worker *worker);
/*
 * Whether it has not come back, after a moment in which a wrong one would have. Only a wrong library is seen by this or not, as time
 * has it; a right one never fails.
 */
bool worker_lingers(struct worker *worker);

/* ---- A gate: one side says that it is there, and waits until the other lets it go on ---- */

struct gate {
	sem_t arrived;
	sem_t open;
};

void gate_init(struct gate *gate);
void gate_fini(struct gate *gate);
/* The one that is stopped. @return false: nobody opened */
bool gate_stop(struct gate *gate);
/* The other one. @return false: nobody came */
bool gate_await(struct gate *gate);
void gate_open(struct gate *gate);

/* ---- A meeting: nobody goes on before `want` are there; who comes later passes ---- */

struct meeting {
	pthread_mutex_t lock;
	pthread_cond_t all_here;
	unsigned want;
	unsigned here;
};

void meeting_init(struct meeting *meeting, unsigned want);
void meeting_fini(struct meeting *meeting);
/* @return false: some never came */
bool meeting_wait(struct meeting *meeting);

#endif
