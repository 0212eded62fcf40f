/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * liburcu's QSBR flavour under our names. Any thread enters. Through the library's functions and not its inline forms: a
 * QSBR read section costs nothing, and quiescent states are reported once a poll.
 *
 * The one thread-local of piommu is here: liburcu does not say whether a thread that is offline is registered, and
 * registering twice corrupts its list. A thread that the application registered itself stays the application's.
 */
#include <stddef.h>

#include <urcu/urcu-qsbr.h>

#include "rcu.h"

/*
 * liburcu 0.13 tells ThreadSanitizer nothing. In such builds, and only there: what a reader did before a quiescent state
 * happened before whatever follows a grace period.
 */
#ifdef UNDER_TSAN
void __tsan_acquire(void *at);
void __tsan_release(void *at);
#define tsan_acquire(at) __tsan_acquire((void *)(uintptr_t)(at))
#define tsan_release(at) __tsan_release((void *)(uintptr_t)(at))
#else
#define tsan_acquire(at) ((void)(at))
#define tsan_release(at) ((void)(at))
#endif

static const char grace_period; /* only its address is used */

struct deferral {
	struct rcu_head head;
	void (*fn)(struct rcu_deferral *);
};
_Static_assert(sizeof(struct deferral) <= sizeof(struct rcu_deferral), "a deferral fits its storage");
_Static_assert(_Alignof(struct deferral) <= _Alignof(struct rcu_deferral), "a deferral fits its storage");

static _Thread_local enum {
	UNREGISTERED,
	OURS,
	APPLICATIONS
} registered;

void rcu_thread_register(void)
{
	if (registered != UNREGISTERED)
		return;
	if (urcu_qsbr_read_ongoing()) {
		registered = APPLICATIONS;
	} else {
		urcu_qsbr_register_thread();
		registered = OURS;
	}
	/* Starts the thread that runs deferrals, so that the first one on a fast path need not. */
	(void)urcu_qsbr_get_default_call_rcu_data();
}

void rcu_thread_unregister(void)
{
	tsan_release(&grace_period);
	if (registered == OURS)
		urcu_qsbr_unregister_thread();
	registered = UNREGISTERED;
}

bool rcu_thread_registered(void)
{
	return registered != UNREGISTERED;
}

bool rcu_thread_is_online(void)
{
	return urcu_qsbr_read_ongoing() != 0;
}

void rcu_thread_offline(void)
{
	if (registered == UNREGISTERED)
		return;
	tsan_release(&grace_period);
	urcu_qsbr_thread_offline();
}

void rcu_thread_online(void)
{
	if (registered != UNREGISTERED)
		urcu_qsbr_thread_online();
}

void rcu_quiescent(void)
{
	tsan_release(&grace_period);
	if (rcu_thread_is_online())
		urcu_qsbr_quiescent_state();
}

void rcu_wait(void)
{
	tsan_release(&grace_period);
	urcu_qsbr_synchronize_rcu(); /* takes the caller offline itself */
	tsan_acquire(&grace_period);
}

void rcu_drain(void)
{
	tsan_release(&grace_period);
	urcu_qsbr_barrier(); /* as above */
	tsan_acquire(&grace_period);
}

static void run(struct rcu_head *head)
{
	struct deferral *deferral = (struct deferral *)((char *)head - offsetof(struct deferral, head));

	tsan_acquire(&grace_period);
	tsan_acquire(deferral);
	deferral->fn((struct rcu_deferral *)(void *)deferral);
	tsan_release(&grace_period); /* partner: rcu_drain() */
}

void rcu_defer(struct rcu_deferral *storage, void (*fn)(struct rcu_deferral *))
{
	struct deferral *deferral = (struct deferral *)(void *)storage;

	deferral->fn = fn;
	tsan_release(deferral);
	urcu_qsbr_call_rcu(&deferral->head, run);
}
