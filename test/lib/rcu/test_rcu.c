/* SPDX-License-Identifier: BSD-3-Clause */
/* Registration, deferral and published tables. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include <urcu/urcu-qsbr.h>

#include "rcu.h"
#include "suite.h"

struct item {
	struct rcu_deferral deferral;
	_Atomic unsigned *freed;
	uint64_t key;
};

static void item_free(struct rcu_deferral *deferral)
{
	struct item *item = (struct item *)(void *)deferral;

	atomic_fetch_add(item->freed, 1);
	item->key = UINT64_MAX; /* what a reader that came too late would see */
	free(item);
}

static struct item *item_make(uint64_t key, _Atomic unsigned *freed)
{
	struct item *item = calloc(1, sizeof(*item));

	item->key = key;
	item->freed = freed;
	return item;
}

static void registering_is_idempotent(void)
{
	CU_ASSERT_FALSE(rcu_thread_registered());
	rcu_thread_register();
	rcu_thread_register();
	CU_ASSERT_TRUE(rcu_thread_registered());
	CU_ASSERT_TRUE(rcu_thread_is_online());
	rcu_thread_unregister();
	rcu_thread_unregister();
	CU_ASSERT_FALSE(rcu_thread_registered());
	CU_ASSERT_FALSE(rcu_thread_is_online());
}

static void offline_threads_stay_registered(void)
{
	rcu_thread_register();
	rcu_thread_offline();
	CU_ASSERT_TRUE(rcu_thread_registered());
	CU_ASSERT_FALSE(rcu_thread_is_online());
	rcu_quiescent();
	CU_ASSERT_FALSE(rcu_thread_is_online());
	rcu_thread_online();
	CU_ASSERT_TRUE(rcu_thread_is_online());
	rcu_thread_unregister();
}

static void a_thread_of_the_application_stays_its_own(void)
{
	urcu_qsbr_register_thread();
	rcu_thread_register();
	CU_ASSERT_TRUE(rcu_thread_registered());
	rcu_thread_unregister();
	CU_ASSERT_TRUE(urcu_qsbr_read_ongoing());
	urcu_qsbr_unregister_thread();
}

static void unregistered_threads_may_call_everything(void)
{
	rcu_thread_offline();
	rcu_thread_online();
	rcu_quiescent();
	rcu_wait();
	rcu_drain();
	CU_ASSERT_FALSE(rcu_thread_is_online());
}

static void a_wait_leaves_the_thread_online(void)
{
	rcu_thread_register();
	rcu_wait();
	CU_ASSERT_TRUE(rcu_thread_is_online());
	rcu_drain();
	CU_ASSERT_TRUE(rcu_thread_is_online());
	rcu_thread_unregister();
}

static void drain_runs_what_was_deferred(void)
{
	_Atomic unsigned freed = 0;

	rcu_thread_register();
	for (unsigned i = 0; i < 10; i++)
		rcu_defer(&item_make(i, &freed)->deferral, item_free);
	rcu_drain();
	CHECK_EQ(freed, 10);
	rcu_thread_unregister();
}

struct held {
	_Atomic unsigned freed;
	_Atomic bool deferred;
	_Atomic bool waited;
};

static void *defer_and_wait(void *arg)
{
	struct held *held = arg;

	rcu_thread_register();
	rcu_defer(&item_make(1, &held->freed)->deferral, item_free);
	atomic_store(&held->deferred, true);
	rcu_wait();
	atomic_store(&held->waited, true);
	rcu_thread_unregister();
	return NULL;
}

static void nothing_is_freed_while_a_reader_is_online(void)
{
	struct held held = { 0 };
	pthread_t thread;

	rcu_thread_register();
	CHECK_EQ(pthread_create(&thread, NULL, defer_and_wait, &held), 0);
	while (!atomic_load(&held.deferred))
		sched_yield();
	for (unsigned i = 0; i < 100; i++)
		sched_yield(); /* what must not happen gets its chances */
	CHECK_EQ(held.freed, 0);
	CHECK_EQ(held.waited, false);
	rcu_thread_offline();
	pthread_join(thread, NULL);
	CHECK_EQ(held.waited, true);
	rcu_drain();
	CHECK_EQ(held.freed, 1);
	rcu_thread_online();
	rcu_thread_unregister();
}

static void an_empty_table_has_an_empty_snapshot(void)
{
	struct rcu_table table = { 0 };

	CU_ASSERT_PTR_NOT_NULL(rcu_table_read(&table));
	CHECK_EQ(rcu_table_read(&table)->n, 0);
	CU_ASSERT_PTR_NULL(rcu_table_find(&table, 0));
	CU_ASSERT_PTR_NULL(rcu_table_remove(&table, 0));
	rcu_table_fini(&table);
}

static void entries_are_found_and_sorted(void)
{
	static int value[64];
	struct rcu_table table = { 0 };
	const struct rcu_snapshot *snapshot;

	rcu_thread_register();
	for (uint64_t i = 0; i < 64; i++) /* a permutation: 37 is odd */
		CHECK_EQ(rcu_table_insert(&table, i * 37 % 64, &value[i * 37 % 64]), 0);
	CHECK_EQ(rcu_table_insert(&table, 5, &value[0]), -EEXIST);
	CHECK_EQ(rcu_table_insert(&table, 100, NULL), -EINVAL);
	snapshot = rcu_table_read(&table);
	CHECK_EQ(snapshot->n, 64);
	for (uint64_t i = 0; i < 64; i++) {
		CHECK_EQ(snapshot->entry[i].key, i);
		CU_ASSERT_PTR_EQUAL(rcu_table_find(&table, i), &value[i]);
	}
	CU_ASSERT_PTR_NULL(rcu_table_find(&table, 64));
	CHECK_EQ(rcu_table_insert(&table, UINT64_MAX, &value[0]), 0);
	CU_ASSERT_PTR_EQUAL(rcu_table_find(&table, UINT64_MAX), &value[0]);
	rcu_drain();
	rcu_table_fini(&table);
	rcu_thread_unregister();
}

static void a_removed_entry_is_skipped_and_its_place_reused(void)
{
	static int value[3];
	struct rcu_table table = { 0 };

	rcu_thread_register();
	for (uint64_t i = 0; i < 3; i++)
		CHECK_EQ(rcu_table_insert(&table, i, &value[i]), 0);
	CU_ASSERT_PTR_EQUAL(rcu_table_remove(&table, 1), &value[1]);
	CU_ASSERT_PTR_NULL(rcu_table_remove(&table, 1));
	CU_ASSERT_PTR_NULL(rcu_table_find(&table, 1));
	CU_ASSERT_PTR_NULL(rcu_entry_value(&rcu_table_read(&table)->entry[1]));
	CU_ASSERT_PTR_EQUAL(rcu_table_find(&table, 2), &value[2]);
	CHECK_EQ(rcu_table_insert(&table, 1, &value[0]), 0);
	CHECK_EQ(rcu_table_read(&table)->n, 3);
	CU_ASSERT_PTR_EQUAL(rcu_table_find(&table, 1), &value[0]);
	rcu_table_remove(&table, 0);
	rcu_table_remove(&table, 1);
	rcu_table_remove(&table, 2);
	CHECK_EQ(rcu_table_insert(&table, 7, &value[0]), 0);
	CHECK_EQ(rcu_table_read(&table)->n, 1);
	rcu_drain();
	rcu_table_fini(&table);
	rcu_thread_unregister();
}

#define CHURN_KEYS 8u
#define CHURN_ROUNDS 2000u

struct churn {
	struct rcu_table table;
	_Atomic unsigned freed;
	_Atomic bool stop;
};

static void *read_until_stopped(void *arg)
{
	struct churn *churn = arg;
	uintptr_t bad = 0;

	rcu_thread_register();
	while (!atomic_load_explicit(&churn->stop, memory_order_relaxed)) {
		for (uint64_t key = 0; key < CHURN_KEYS; key++) {
			const struct item *item = rcu_table_find(&churn->table, key);

			bad += item && item->key != key;
		}
		rcu_quiescent();
	}
	rcu_thread_unregister();
	return (void *)bad;
}

static void readers_never_see_a_freed_value(void)
{
	struct churn churn = { 0 };
	pthread_t reader[2];
	unsigned removed = 0;

	rcu_thread_register();
	for (unsigned i = 0; i < 2; i++)
		CHECK_EQ(pthread_create(&reader[i], NULL, read_until_stopped, &churn), 0);
	for (unsigned round = 0; round < CHURN_ROUNDS; round++) {
		uint64_t key = round * 5 % CHURN_KEYS;
		struct item *old = rcu_table_remove(&churn.table, key);

		if (old) {
			rcu_defer(&old->deferral, item_free);
			removed++;
		}
		CHECK_EQ(rcu_table_insert(&churn.table, key, item_make(key, &churn.freed)), 0);
		rcu_quiescent();
	}
	atomic_store(&churn.stop, true);
	rcu_thread_offline();
	for (unsigned i = 0; i < 2; i++) {
		void *bad;

		pthread_join(reader[i], &bad);
		CHECK_EQ((uintptr_t)bad, 0);
	}
	rcu_thread_online();
	for (uint64_t key = 0; key < CHURN_KEYS; key++) {
		struct item *old = rcu_table_remove(&churn.table, key);

		rcu_defer(&old->deferral, item_free);
		removed++;
	}
	rcu_drain();
	CHECK_EQ(removed, CHURN_ROUNDS);
	CHECK_EQ(churn.freed, CHURN_ROUNDS);
	rcu_table_fini(&churn.table);
	rcu_thread_unregister();
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(registering_is_idempotent),
		SUITE_TEST(offline_threads_stay_registered),
		SUITE_TEST(a_thread_of_the_application_stays_its_own),
		SUITE_TEST(unregistered_threads_may_call_everything),
		SUITE_TEST(a_wait_leaves_the_thread_online),
		SUITE_TEST(drain_runs_what_was_deferred),
		SUITE_TEST(nothing_is_freed_while_a_reader_is_online),
		SUITE_TEST(an_empty_table_has_an_empty_snapshot),
		SUITE_TEST(entries_are_found_and_sorted),
		SUITE_TEST(a_removed_entry_is_skipped_and_its_place_reused),
		SUITE_TEST(readers_never_see_a_freed_value),
	};

	return suite_run(argc, argv, "rcu", tests, sizeof(tests) / sizeof(tests[0]));
}
