/* SPDX-License-Identifier: BSD-3-Clause */
/* Mutexes and conditions that are used as they should be, in every build; test_lock_asserts.c has the others. */
#include <pthread.h>

#include "lock.h"
#include "suite.h"

#ifdef NDEBUG
_Static_assert(sizeof(struct mutex) == sizeof(pthread_mutex_t), "a release build pays for asserts");
_Static_assert(sizeof(struct cond) == sizeof(pthread_cond_t), "a release build pays for asserts");
#endif

#define TURNS 2000

struct box {
	struct mutex mutex;
	struct cond changed;
	unsigned n GUARDED_BY(mutex);
};

static void box_init(struct box *box)
{
	mutex_init(&box->mutex, LOCK_PROBE);
	cond_init(&box->changed);
	box->n = 0;
}

static void box_fini(struct box *box)
{
	cond_fini(&box->changed);
	mutex_fini(&box->mutex);
}

static void *add(void *arg)
{
	struct box *box = arg;

	for (unsigned i = 0; i < TURNS; i++) {
		mutex_lock(&box->mutex);
		box->n++;
		mutex_unlock(&box->mutex);
	}
	return NULL;
}

static void threads_exclude_each_other(void)
{
	pthread_t thread[4];
	struct box box;

	box_init(&box);
	for (unsigned i = 0; i < 4; i++)
		pthread_create(&thread[i], NULL, add, &box);
	for (unsigned i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	CHECK_EQ(box.n, 4 * TURNS);
	box_fini(&box);
}

static void outer_before_inner_released_in_any_order(void)
{
	struct mutex group, domain, leaf;

	mutex_init(&group, LOCK_GROUP);
	mutex_init(&domain, LOCK_DOMAIN);
	mutex_init(&leaf, LOCK_LEAF);
	mutex_lock(&group);
	mutex_lock(&domain);
	mutex_lock(&leaf);
	mutex_assert_held(&group);
	mutex_unlock(&group);
	mutex_unlock(&leaf);
	mutex_unlock(&domain);

	/* What was let go of restrains nobody. */
	mutex_lock(&group);
	mutex_lock(&leaf);
	mutex_unlock(&leaf);
	mutex_lock(&domain);
	mutex_assert_held(&domain);
	mutex_unlock(&domain);
	mutex_unlock(&group);
	mutex_fini(&leaf);
	mutex_fini(&domain);
	mutex_fini(&group);
}

/* Each waits for its turn: even ones belong to one, odd ones to the other. */
static void *take_turns(void *arg)
{
	struct box *box = arg;

	mutex_lock(&box->mutex);
	for (unsigned i = 1; i < 100; i += 2) {
		while (box->n != i)
			cond_wait(&box->changed, &box->mutex);
		mutex_assert_held(&box->mutex);
		box->n++;
		cond_broadcast(&box->changed);
	}
	mutex_unlock(&box->mutex);
	return NULL;
}

static void a_wait_gives_the_mutex_up_and_takes_it_again(void)
{
	pthread_t thread;
	struct box box;

	box_init(&box);
	pthread_create(&thread, NULL, take_turns, &box);
	mutex_lock(&box.mutex);
	for (unsigned i = 0; i < 100; i += 2) {
		while (box.n != i)
			cond_wait(&box.changed, &box.mutex);
		mutex_assert_held(&box.mutex);
		box.n++;
		cond_broadcast(&box.changed);
	}
	mutex_unlock(&box.mutex);
	pthread_join(thread, NULL);
	CHECK_EQ(box.n, 100);
	box_fini(&box);
}

static void *wait_for_go(void *arg)
{
	struct box *box = arg;

	mutex_lock(&box->mutex);
	while (!box->n)
		cond_wait(&box->changed, &box->mutex);
	box->n++;
	mutex_unlock(&box->mutex);
	return NULL;
}

static void a_broadcast_wakes_everyone(void)
{
	pthread_t thread[4];
	struct box box;

	box_init(&box);
	for (unsigned i = 0; i < 4; i++)
		pthread_create(&thread[i], NULL, wait_for_go, &box);
	mutex_lock(&box.mutex);
	box.n = 1;
	cond_broadcast(&box.changed);
	mutex_unlock(&box.mutex);
	for (unsigned i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	CHECK_EQ(box.n, 5);
	box_fini(&box);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(threads_exclude_each_other),
		SUITE_TEST(outer_before_inner_released_in_any_order),
		SUITE_TEST(a_wait_gives_the_mutex_up_and_takes_it_again),
		SUITE_TEST(a_broadcast_wakes_everyone),
	};

	return suite_run(argc, argv, "lock", tests, sizeof(tests) / sizeof(tests[0]));
}
