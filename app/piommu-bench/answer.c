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

/*
 * What there is to know of a family's queue of commands. Its positions are what the registers hold: an index shifted by `step_lg2`, with one bit
 * more where positions take two `laps` to begin again.
 */
struct queue_words {
	unsigned r_base, r_head, r_tail;
	uint64_t base_address, base_lg2; /* fields of the base register */
	unsigned lg2_0;                  /* the queue's length is a power of two: of the second field plus this */
	unsigned step_lg2, laps;
	uint64_t wait_mask, wait;   /* which commands are answered, by their first word */
	uint64_t store_mask, store; /* which of those ask for a store; the others are answered by the head that passes them */
	uint64_t address_mask;
	bool head_waits; /* the head passes such a command when it is answered, and not when it is fetched */
};

/* Alike in all of them: commands of 16 bytes, the value to store in the upper half of the first word, its address in the second. */
#define COMMAND_LG2 4u
#define VALUE_SHIFT 32u

/* VT-d specification 11.4.9: head, tail and address of the queue, and 6.5.2.8: the wait descriptor. */
static const struct queue_words vtd_words = {
	.r_base = 0x90,
	.r_head = 0x80,
	.r_tail = 0x88,
	.base_address = GENMASK64(63, 12),
	.base_lg2 = GENMASK64(2, 0),
	.lg2_0 = 8,
	.step_lg2 = 4,
	.laps = 1,
	.wait_mask = GENMASK64(3, 0),
	.wait = 5,
	.address_mask = GENMASK64(63, 2),
};

/* SMMUv3 (IHI 0070), 6.3.26 to 6.3.28: base, PROD and CONS of the command queue, each index with a wrap bit; 4.7.3: CMD_SYNC. */
static const struct queue_words smmuv3_words = {
	.r_base = 0x90,
	.r_head = 0x9c,
	.r_tail = 0x98,
	.base_address = GENMASK64(51, 5),
	.base_lg2 = GENMASK64(4, 0),
	.laps = 2,
	.wait_mask = GENMASK64(7, 0),
	.wait = 0x46,
	.store_mask = GENMASK64(13, 12),
	.store = 1 << 12,
	.address_mask = GENMASK64(51, 2),
	.head_waits = true,
};

/* By family. Hardware of one that is not here cannot be answered for: SMMUv2 has no queue of commands. */
static const struct queue_words *const families[] = {
	[PIOMMU_FAMILY_VTD] = &vtd_words,
	[PIOMMU_FAMILY_SMMUV3] = &smmuv3_words,
};

#define MAX_DUE 1024u /* hardware that owes so many answers fetches no more */
#define IDLE 4096u    /* looks at an idle queue before its processor is offered to others */

struct due {
	double ns;
	uint32_t *status; /* NULL: no store */
	uint32_t value;
	uint64_t head; /* behind the command */
};

struct answer {
	const struct queue_words *words;
	double latency_ns;
	pthread_t thread;
	_Atomic bool stop;
	_Atomic bool hold, held; /* the queue is about to be another one; the thread looks at none meanwhile */
	_Atomic uintptr_t va_off;
	_Atomic uint64_t base; /* the register as it was written */
	_Alignas(64) _Atomic uint64_t tail;
	_Alignas(64) _Atomic uint64_t head;
	_Atomic uint64_t fetched; /* position of the next command */
	unsigned first, last;     /* of the answers that are due, round */
	struct due due[MAX_DUE];
};

/* `next`: the position behind the command. */
static void take(struct answer *answer, uintptr_t va_off, const uint64_t *command, uint64_t next)
{
	const struct queue_words *words = answer->words;
	uint64_t value, address, first = __atomic_load_n(&command[0], __ATOMIC_RELAXED);

	if ((first & words->wait_mask) != words->wait)
		return;
	value = __atomic_load_n(&command[0], __ATOMIC_RELAXED) >> VALUE_SHIFT;
	address = __atomic_load_n(&command[1], __ATOMIC_RELAXED) & words->address_mask;
	answer->due[answer->last++ % MAX_DUE] = (struct due){
		.ns = answer->latency_ns > 0 ? now_ns() + answer->latency_ns : 0,
		.status = (first & words->store_mask) == words->store ? (uint32_t *)(uintptr_t)(address + va_off) : NULL,
		.value = (uint32_t)value,
		.head = next,
	};
}

/* Writes the statuses whose time has come. */
static void write_due(struct answer *answer)
{
	for (; answer->first != answer->last; answer->first++) {
		const struct due *due = &answer->due[answer->first % MAX_DUE];

		if (due->ns > 0 && now_ns() < due->ns)
			return;
		if (due->status)
			__atomic_store_n(due->status, due->value, __ATOMIC_RELEASE);
		if (answer->words->head_waits)
			atomic_store_explicit(&answer->head, due->head, memory_order_release);
	}
	if (answer->words->head_waits) /* nothing waits any more */
		atomic_store_explicit(&answer->head, atomic_load_explicit(&answer->fetched, memory_order_relaxed),
				      memory_order_release);
}

/* The queue as its base register describes it. */
struct queue {
	const char *va;
	uintptr_t va_off;
	uint64_t mask; /* of a command's index */
	uint64_t end;  /* where positions begin again */
};

static struct queue queue_of(const struct answer *answer)
{
	const struct queue_words *words = answer->words;
	uint64_t base = atomic_load_explicit(&answer->base, memory_order_relaxed);
	uintptr_t va_off = atomic_load_explicit(&answer->va_off, memory_order_relaxed);
	uint64_t length = BIT64(field_get(words->base_lg2, base) + words->lg2_0);

	return (struct queue){
		.va = (const char *)((uintptr_t)(base & words->base_address) + va_off),
		.va_off = va_off,
		.mask = length - 1,
		.end = length * words->laps << words->step_lg2,
	};
}

static const void *command_at(const struct answer *answer, const struct queue *queue, uint64_t position)
{
	return queue->va + ((position >> answer->words->step_lg2 & queue->mask) << COMMAND_LG2);
}

/* @return false: there was nothing new */
static bool fetch(struct answer *answer)
{
	uint64_t tail = atomic_load_explicit(&answer->tail, memory_order_acquire);
	uint64_t head = atomic_load_explicit(&answer->fetched, memory_order_relaxed), next;
	struct queue queue;

	if (head == tail)
		return false;
	queue = queue_of(answer);
	if (tail >= queue.end)
		return false;
	while (head != tail && answer->last - answer->first < MAX_DUE) {
		next = head + BIT64(answer->words->step_lg2);
		next = next == queue.end ? 0 : next;
		take(answer, queue.va_off, command_at(answer, &queue, head), next);
		head = next;
	}
	atomic_store_explicit(&answer->fetched, head, memory_order_relaxed);
	if (!answer->words->head_waits)
		atomic_store_explicit(&answer->head, head, memory_order_release);
	return true;
}

static void stand_still(struct answer *answer)
{
	atomic_store_explicit(&answer->held, true, memory_order_release);
	while (atomic_load_explicit(&answer->hold, memory_order_acquire))
		sched_yield();
	atomic_store_explicit(&answer->held, false, memory_order_release);
}

static void *work(void *arg)
{
	struct answer *answer = arg;
	unsigned idle = 0;

	while (!atomic_load_explicit(&answer->stop, memory_order_relaxed)) {
		bool busy;

		if (atomic_load_explicit(&answer->hold, memory_order_relaxed))
			stand_still(answer);
		busy = fetch(answer);
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

static void wait_held(struct answer *answer, bool held)
{
	while (atomic_load_explicit(&answer->held, memory_order_acquire) != held)
		sched_yield();
}

bool answer_write(struct answer *answer, uintptr_t va_off, unsigned off, uint64_t value)
{
	if (off == answer->words->r_base) { /* the simulated unit has it, too */
		/* Five words change at once: seen in part, they are a queue somewhere else with commands in it. */
		atomic_store_explicit(&answer->hold, true, memory_order_relaxed);
		wait_held(answer, true);
		atomic_store_explicit(&answer->va_off, va_off, memory_order_relaxed);
		atomic_store_explicit(&answer->base, value, memory_order_relaxed);
		atomic_store_explicit(&answer->head, 0, memory_order_relaxed);
		atomic_store_explicit(&answer->fetched, 0, memory_order_relaxed);
		atomic_store_explicit(&answer->tail, 0, memory_order_relaxed);
		atomic_store_explicit(&answer->hold, false, memory_order_release);
		wait_held(answer, false);
	}
	if (off != answer->words->r_tail)
		return false;
	atomic_store_explicit(&answer->tail, value, memory_order_release);
	return true;
}

bool answer_read(struct answer *answer, unsigned off, uint64_t *value)
{
	const struct queue_words *words = answer->words;

	if (off != words->r_head && off != words->r_tail)
		return false;
	*value = atomic_load_explicit(off == words->r_head ? &answer->head : &answer->tail, memory_order_acquire);
	return true;
}

int answer_create(enum piommu_family family, double latency_ns, struct answer **out)
{
	struct answer *answer;
	int err;

	if (family >= sizeof(families) / sizeof(families[0]) || !families[family])
		return -ENOTSUP;
	answer = aligned_alloc(64, sizeof(*answer));
	if (!answer)
		return -ENOMEM;
	memset(answer, 0, sizeof(*answer));
	answer->words = families[family];
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
