/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A published, sorted array. Insertion copies: readers keep the snapshot they have, and the old one is freed after a grace
 * period. Removal must not fail, so it needs no memory: it clears the value in the published snapshot, and the next
 * insertion leaves the empty place out. Writers hold a lock of the caller's; readers are registered threads, online.
 */
#include <errno.h>
#include <stdlib.h>

#include "rcu.h"

static const struct rcu_snapshot empty;

const struct rcu_snapshot *rcu_table_read(const struct rcu_table *table)
{
	/* Acquire: partner of the release in rcu_table_insert(). */
	const struct rcu_snapshot *snapshot = __atomic_load_n(&table->snapshot, __ATOMIC_ACQUIRE);

	return snapshot ? snapshot : &empty;
}

/* The entry under `key`, live or removed, or NULL. */
static const struct rcu_entry *find(const struct rcu_snapshot *snapshot, uint64_t key)
{
	size_t low = 0;
	size_t high = snapshot->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (snapshot->entry[mid].key < key)
			low = mid + 1;
		else
			high = mid;
	}
	return low < snapshot->n && snapshot->entry[low].key == key ? &snapshot->entry[low] : NULL;
}

void *rcu_table_find(const struct rcu_table *table, uint64_t key)
{
	const struct rcu_entry *entry = find(rcu_table_read(table), key);

	return entry ? rcu_entry_value(entry) : NULL;
}

/* Copies the live entries, and one more in its place. `to` has room for all of them. */
static void copy_with(struct rcu_snapshot *to, const struct rcu_snapshot *from, struct rcu_entry added)
{
	size_t n = 0;
	size_t i = 0;

	for (; i < from->n && from->entry[i].key < added.key; i++)
		if (rcu_entry_value(&from->entry[i]))
			to->entry[n++] = from->entry[i];
	to->entry[n++] = added;
	for (; i < from->n; i++)
		if (rcu_entry_value(&from->entry[i]))
			to->entry[n++] = from->entry[i];
	to->n = n;
}

static void snapshot_free(struct rcu_deferral *deferral)
{
	free(deferral); /* the first member */
}

int rcu_table_insert(struct rcu_table *table, uint64_t key, void *value)
{
	struct rcu_snapshot *old = __atomic_load_n(&table->snapshot, __ATOMIC_RELAXED);
	const struct rcu_snapshot *from = old ? old : &empty;
	struct rcu_snapshot *to;

	if (!value)
		return -EINVAL;
	if (rcu_table_find(table, key))
		return -EEXIST;
	to = malloc(sizeof(*to) + (from->n + 1) * sizeof(to->entry[0]));
	if (!to)
		return -ENOMEM;
	copy_with(to, from, (struct rcu_entry){ .key = key, .value = value });
	__atomic_store_n(&table->snapshot, to, __ATOMIC_RELEASE);
	if (old)
		rcu_defer(&old->deferral, snapshot_free);
	return 0;
}

void *rcu_table_remove(struct rcu_table *table, uint64_t key)
{
	const struct rcu_entry *entry = find(rcu_table_read(table), key);

	if (!entry)
		return NULL;
	return __atomic_exchange_n((void **)(uintptr_t)&entry->value, NULL, __ATOMIC_ACQ_REL);
}

void rcu_table_fini(struct rcu_table *table)
{
	free(table->snapshot);
	table->snapshot = NULL;
}
