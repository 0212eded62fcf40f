/* SPDX-License-Identifier: BSD-3-Clause */
/* What a debug build says of a misused mutex before it aborts. Each misuse in a process of its own. */
#include "lock.h"
#include "suite.h"

#ifdef NDEBUG
int main(void)
{
	suite_skip("mutexes know their owners in debug builds alone, and this is a release build");
}
#else

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

struct locks {
	struct mutex probe, group, other_group, domain, leaf;
	struct cond cond;
};

static void locks_init(struct locks *l)
{
	mutex_init(&l->probe, LOCK_PROBE);
	mutex_init(&l->group, LOCK_GROUP);
	mutex_init(&l->other_group, LOCK_GROUP);
	mutex_init(&l->domain, LOCK_DOMAIN);
	mutex_init(&l->leaf, LOCK_LEAF);
	cond_init(&l->cond);
}

static _Noreturn void misuse_in_child(void (*misuse)(struct locks *), int err_fd)
{
	const struct rlimit no_core = { 0, 0 };
	struct locks l;

	setrlimit(RLIMIT_CORE, &no_core);
	alarm(60); /* an assert that is gone may leave it waiting for ever */
	dup2(err_fd, STDERR_FILENO);
	locks_init(&l);
	misuse(&l);
	_exit(0);
}

/* It aborts, and what it says contains `says`; NULL: it does not, and says nothing. */
static void check(void (*misuse)(struct locks *), const char *says)
{
	char text[4096] = "";
	size_t len = 0;
	ssize_t got;
	int status = 0, fd[2];
	pid_t pid;

	CU_ASSERT_EQUAL_FATAL(pipe(fd), 0);
	pid = fork();
	CU_ASSERT_FATAL(pid >= 0);
	if (!pid)
		misuse_in_child(misuse, fd[1]);
	close(fd[1]);
	while (len < sizeof(text) - 1 && (got = read(fd[0], text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)got;
	text[len] = '\0';
	close(fd[0]);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(WIFSIGNALED(status) ? WTERMSIG(status) : 0, says ? SIGABRT : 0);
	if (says)
		CHECK_HAS(text, says);
	else
		CHECK_EQ(text[0], '\0');
}

static void *lock_it(void *mutex) NO_THREAD_SAFETY_ANALYSIS
{
	mutex_lock(mutex);
	return NULL;
}

/* Held, by a thread that is not there any more. */
static void lock_by_another(struct mutex *mutex)
{
	pthread_t thread;

	pthread_create(&thread, NULL, lock_it, mutex);
	pthread_join(thread, NULL);
}

static void in_order(struct locks *l) NO_THREAD_SAFETY_ANALYSIS
{
	mutex_lock(&l->group);
	mutex_lock(&l->leaf);
	mutex_unlock(&l->group);
	mutex_unlock(&l->leaf);
	mutex_lock(&l->group);
	mutex_unlock(&l->group);
}

static void outer_inside_inner(struct locks *l) NO_THREAD_SAFETY_ANALYSIS
{
	mutex_lock(&l->group);
	mutex_lock(&l->probe);
}

static void two_of_one_rank(struct locks *l) NO_THREAD_SAFETY_ANALYSIS
{
	mutex_lock(&l->group);
	mutex_lock(&l->other_group);
}

/* The innermost counts, also when one between was let go of first. */
static void middle_again_below_leaf(struct locks *l) NO_THREAD_SAFETY_ANALYSIS
{
	mutex_lock(&l->group);
	mutex_lock(&l->domain);
	mutex_lock(&l->leaf);
	mutex_unlock(&l->domain);
	mutex_lock(&l->domain);
}

/* Outer ones count when inner ones are gone. */
static void outer_still_held(struct locks *l) NO_THREAD_SAFETY_ANALYSIS
{
	mutex_lock(&l->group);
	mutex_lock(&l->leaf);
	mutex_unlock(&l->leaf);
	mutex_lock(&l->probe);
}

static void others_do_not_restrain(struct locks *l) NO_THREAD_SAFETY_ANALYSIS
{
	lock_by_another(&l->leaf);
	mutex_lock(&l->group);
	mutex_unlock(&l->group);
}

static void relock(struct locks *l) NO_THREAD_SAFETY_ANALYSIS
{
	mutex_lock(&l->group);
	mutex_lock(&l->group);
}

static void unlock_of_anothers(struct locks *l) NO_THREAD_SAFETY_ANALYSIS
{
	lock_by_another(&l->group);
	mutex_unlock(&l->group);
}

static void unlock_twice(struct locks *l) NO_THREAD_SAFETY_ANALYSIS
{
	mutex_lock(&l->group);
	mutex_unlock(&l->group);
	mutex_unlock(&l->group);
}

static void assert_held_without(struct locks *l)
{
	mutex_assert_held(&l->group);
}

static void assert_held_by_another(struct locks *l)
{
	lock_by_another(&l->group);
	mutex_assert_held(&l->group);
}

static void fini_while_held(struct locks *l) NO_THREAD_SAFETY_ANALYSIS
{
	mutex_lock(&l->group);
	mutex_fini(&l->group);
}

static void fini_while_another_holds(struct locks *l)
{
	lock_by_another(&l->group);
	mutex_fini(&l->group);
}

static void unshared_and_free(struct locks *l)
{
	mutex_assert_unshared(&l->group);
}

static void unshared_while_another_holds(struct locks *l)
{
	lock_by_another(&l->group);
	mutex_assert_unshared(&l->group);
}

static void lock_of_zeroes(struct locks *l) NO_THREAD_SAFETY_ANALYSIS
{
	memset(&l->group, 0, sizeof(l->group));
	mutex_lock(&l->group);
}

static void lock_after_fini(struct locks *l) NO_THREAD_SAFETY_ANALYSIS
{
	mutex_fini(&l->group);
	mutex_lock(&l->group);
}

static void wait_without(struct locks *l) NO_THREAD_SAFETY_ANALYSIS
{
	cond_wait(&l->cond, &l->probe);
}

/* It would take the outer one again while it still holds the inner one. */
static void wait_with_inner(struct locks *l) NO_THREAD_SAFETY_ANALYSIS
{
	mutex_lock(&l->probe);
	mutex_lock(&l->group);
	cond_wait(&l->cond, &l->probe);
}

static void right_use_says_nothing(void)
{
	check(in_order, NULL);
	check(others_do_not_restrain, NULL);
}

static void wrong_order_names_both_ranks(void)
{
	check(outer_inside_inner, "lock order: takes a probe mutex (rank 1) while it holds a group mutex (rank 2)\n");
	check(middle_again_below_leaf, "lock order: takes a domain mutex (rank 3) while it holds a leaf mutex (rank 7)\n");
	check(outer_still_held, "lock order: takes a probe mutex (rank 1) while it holds a group mutex (rank 2)\n");
}

static void equal_ranks_are_refused(void)
{
	check(two_of_one_rank, "takes a group mutex (rank 2) while it holds a group mutex (rank 2): never two of one rank\n");
}

static void relock_is_refused(void)
{
	check(relock, "takes a group mutex that it holds already\n");
}

static void only_the_owner_releases(void)
{
	check(unlock_of_anothers, "releases a group mutex that another thread holds\n");
	check(unlock_twice, "releases a group mutex that nobody holds\n");
}

static void assert_held_wants_the_caller_as_owner(void)
{
	check(assert_held_without, "relies on a group mutex that nobody holds\n");
	check(assert_held_by_another, "relies on a group mutex that another thread holds\n");
}

static void fini_wants_it_free(void)
{
	check(fini_while_held, "destroys a group mutex that it holds\n");
	check(fini_while_another_holds, "destroys a group mutex that another thread holds\n");
}

static void unshared_wants_it_free(void)
{
	check(unshared_and_free, NULL);
	check(unshared_while_another_holds, "has to itself a group mutex that another thread holds\n");
}

static void only_between_init_and_fini(void)
{
	check(lock_of_zeroes, "takes a mutex that is not initialised (rank 0)\n");
	check(lock_after_fini, "takes a mutex that is not initialised (rank 0)\n");
}

static void wait_obeys_the_same_rules(void)
{
	check(wait_without, "releases a probe mutex that nobody holds\n");
	check(wait_with_inner, "lock order: takes a probe mutex (rank 1) while it holds a group mutex (rank 2)\n");
}

static void held_by_me_tells_threads_apart(void)
{
	struct locks l;

	locks_init(&l);
	CU_ASSERT_FALSE(mutex_held_by_me(&l.group));
	mutex_lock(&l.group);
	CU_ASSERT_TRUE(mutex_held_by_me(&l.group));
	CU_ASSERT_FALSE(mutex_held_by_me(&l.other_group));
	mutex_unlock(&l.group);
	CU_ASSERT_FALSE(mutex_held_by_me(&l.group));
	lock_by_another(&l.group);
	CU_ASSERT_FALSE(mutex_held_by_me(&l.group));
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(right_use_says_nothing),
		SUITE_TEST(wrong_order_names_both_ranks),
		SUITE_TEST(equal_ranks_are_refused),
		SUITE_TEST(relock_is_refused),
		SUITE_TEST(only_the_owner_releases),
		SUITE_TEST(assert_held_wants_the_caller_as_owner),
		SUITE_TEST(fini_wants_it_free),
		SUITE_TEST(only_between_init_and_fini),
		SUITE_TEST(unshared_wants_it_free),
		SUITE_TEST(wait_obeys_the_same_rules),
		SUITE_TEST(held_by_me_tells_threads_apart),
	};

	return suite_run(argc, argv, "lock_asserts", tests, sizeof(tests) / sizeof(tests[0]));
}
#endif
