/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The thread of hardware that only answers. What it writes and reads in memory is ordered as hardware's: descriptors after the tail
 * that covers them, a status after the descriptors in front of it.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "bench.h"
#include "piommu_driver.h"

/* VT-d specification 11.4.9: head, tail and address of the queue, and 6.5.2.8: the wait descriptor. */
#define R_IQH 0x80u
#define R_IQT 0x88u
#define R_IQA 0x90u
#define IQA_SIZE UINT64_C(7) /* 256 << this descriptors */
#define IQA_BASE (~(uint64_t)(PAGE - 1))
#define TYPE UINT64_C(0xf)
#define TYPE_WAIT 5u
#define DESCRIPTOR_LG2 4u
#define MAX_SLOTS (256u << IQA_SIZE)
#define IDLE 4096u /* looks at an idle queue before its processor is offered to others */

struct due {
	double ns;
	uint32_t *status;
	uint32_t value;
};

struct answer {
	double latency_ns;
	pthread_t thread;
	_Atomic bool stop;
	_Atomic uintptr_t va_off;
	_Atomic uint64_t address; /* IQA as it was written */
	_Alignas(64) _Atomic uint64_t tail;
	_Alignas(64) _Atomic uint64_t head;
	unsigned first, last; /* of the answers that are due, round */
	struct due due[MAX_SLOTS];
};

static void take(struct answer *answer, const uint64_t *descriptor)
{
	uint64_t lo = __atomic_load_n(&descriptor[0], __ATOMIC_RELAXED), hi = __atomic_load_n(&descriptor[1], __ATOMIC_RELAXED);

	if ((lo & TYPE) != TYPE_WAIT)
		return;
	answer->due[answer->last++ % MAX_SLOTS] = (struct due){
		.ns = answer->latency_ns > 0 ? now_ns() + answer->latency_ns : 0,
		.status = (uint32_t *)(uintptr_t)(hi + atomic_load_explicit(&answer->va_off, memory_order_relaxed)),
		.value = (uint32_t)(lo >> 32),
	};
}

/* Writes the statuses whose time has come. */
static void write_due(struct answer *answer)
{
	for (; answer->first != answer->last; answer->first++) {
		const struct due *due = &answer->due[answer->first % MAX_SLOTS];

		if (due->ns > 0 && now_ns() < due->ns)
			return;
		__atomic_store_n(due->status, due->value, __ATOMIC_RELEASE);
	}
}

/* @return false: there was nothing new */
static bool fetch(struct answer *answer)
{
	uint64_t tail = atomic_load_explicit(&answer->tail, memory_order_acquire);
	uint64_t head = atomic_load_explicit(&answer->head, memory_order_relaxed);
	uint64_t address = atomic_load_explicit(&answer->address, memory_order_relaxed);
	uint64_t end = (uint64_t)(256u << (address & IQA_SIZE)) << DESCRIPTOR_LG2;
	uintptr_t base = (uintptr_t)(address & IQA_BASE) + atomic_load_explicit(&answer->va_off, memory_order_relaxed);

	if (head == tail || tail >= end)
		return false;
	while (head != tail) {
		take(answer, (const uint64_t *)(base + head));
		head += 1u << DESCRIPTOR_LG2;
		head = head == end ? 0 : head;
	}
	atomic_store_explicit(&answer->head, head, memory_order_release);
	return true;
}

static void *work(void *arg)
{
	struct answer *answer = arg;
	unsigned idle = 0;

	while (!atomic_load_explicit(&answer->stop, memory_order_relaxed)) {
		bool busy = fetch(answer);

		write_due(answer);
		if (busy || answer->first != answer->last)
			continue;
		if (++idle % IDLE)
			cpu_relax();
		else
			sched_yield();
	}
	return NULL;
}

bool answer_write(struct answer *answer, uintptr_t va_off, unsigned off, uint64_t value)
{
	if (off == R_IQA) { /* the simulated unit has it, too */
		atomic_store_explicit(&answer->va_off, va_off, memory_order_relaxed);
		atomic_store_explicit(&answer->address, value, memory_order_relaxed);
		atomic_store_explicit(&answer->head, 0, memory_order_relaxed);
		atomic_store_explicit(&answer->tail, 0, memory_order_release);
	}
	if (off != R_IQT)
		return false;
	atomic_store_explicit(&answer->tail, value, memory_order_release);
	return true;
}

bool answer_read(struct answer *answer, unsigned off, uint64_t *value)
{
	if (off != R_IQH && off != R_IQT)
		return false;
	*value = atomic_load_explicit(off == R_IQH ? &answer->head : &answer->tail, memory_order_acquire);
	return true;
}

int answer_create(double latency_ns, struct answer **out)
{
	struct answer *answer = aligned_alloc(64, sizeof(*answer));
	int err;

	if (!answer)
		return -ENOMEM;
	memset(answer, 0, sizeof(*answer));
	answer->latency_ns = latency_ns;
	err = -pthread_create(&answer->thread, NULL, work, answer);
	if (err) {
		free(answer);
		return err;
	}
	*out = answer;
	return 0;
}

void answer_destroy(struct answer *answer)
{
	if (!answer)
		return;
	atomic_store_explicit(&answer->stop, true, memory_order_relaxed);
	pthread_join(answer->thread, NULL);
	free(answer);
}
