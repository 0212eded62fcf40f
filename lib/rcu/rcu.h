/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * RCU (liburcu, QSBR flavour) and what the library publishes with it: snapshots of pointer arrays, sorted by key, replaced
 * whole by writers and read without a lock. In QSBR a registered thread that is online is always inside a read section;
 * it leaves it when it reports a quiescent state (piommu_poll()) or goes offline. Publish and dereference go through
 * acquire/release atomics, which ThreadSanitizer understands.
 */
#ifndef PIOMMU_RCU_H
#define PIOMMU_RCU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Any thread that uses the fast path; idempotent for a thread. */
void rcu_thread_register(void);
void rcu_thread_unregister(void);
bool rcu_thread_registered(void);
bool rcu_thread_is_online(void); /* of a registered thread */
/** Around a sleep or a long wait: the thread holds no RCU-protected pointer across it. */
void rcu_thread_offline(void);
void rcu_thread_online(void);
void rcu_quiescent(void);

/** Waits for a grace period. Slow path only; the caller holds no RCU pointer (it goes offline meanwhile). */
void rcu_wait(void);
/** Waits until every deferred free queued so far has run. Slow path only. */
void rcu_drain(void);

/** Storage for one deferral, 32 bytes, aligned for a pointer; it may live anywhere that stays valid until `fn` ran. */
struct rcu_deferral {
	uint64_t opaque[4];
};
/** Runs fn(deferral) on a thread of liburcu's after a grace period. Never blocks. Registered threads and `fn` itself. */
void rcu_defer(struct rcu_deferral *deferral, void (*fn)(struct rcu_deferral *));

/** A published array of pointers, ascending by `key`. Zeroed is an empty one. */
struct rcu_table {
	void *snapshot; /* struct rcu_snapshot *, atomically */
};

/** A removed entry keeps its place with a NULL value until the next insertion: whoever goes through a snapshot skips it. */
struct rcu_entry {
	uint64_t key;
	void *value; /* read with rcu_entry_value() */
};

struct rcu_snapshot {
	struct rcu_deferral deferral;
	size_t n;
	struct rcu_entry entry[];
};

/** What an entry of a snapshot holds; NULL once it was removed. Read side. */
static inline void *rcu_entry_value(const struct rcu_entry *entry)
{
	return __atomic_load_n(&entry->value, __ATOMIC_ACQUIRE);
}

/** The snapshot now, never NULL; valid until the thread's next quiescent state. */
const struct rcu_snapshot *rcu_table_read(const struct rcu_table *table);
/** The value under `key`, or NULL. Read side. */
void *rcu_table_find(const struct rcu_table *table, uint64_t key);
/** Writers exclude each other (caller's lock). @return 0; -EEXIST; -EINVAL: NULL value; -ENOMEM: the table is as before */
int rcu_table_insert(struct rcu_table *table, uint64_t key, void *value);
/** @return the value taken out, or NULL where there was none. Cannot fail for lack of memory (see rcu_table.c). */
void *rcu_table_remove(struct rcu_table *table, uint64_t key);
/** No reader may be left. */
void rcu_table_fini(struct rcu_table *table);

#endif
