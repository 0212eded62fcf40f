/* SPDX-License-Identifier: BSD-3-Clause */
/* Caches of several threads: pages that travel, owners that go while others give them pages back. Best under ThreadSanitizer. */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "iova_cache.h"
#include "piommu_yield.h"
#include "suite.h"

#define PAGE UINT64_C(4096)
#define NPAGES (64u * 512u)
#define RING 256u
#define ROUNDS 60000u

/* Who allocated a page last; a page handed out twice shows here. */
static _Atomic unsigned owner[NPAGES];

struct ring {
	_Atomic uint64_t at[RING]; /* iova | pages - 1; 0: empty */
};

struct job {
	struct iova_space *space;
	struct ring *in, *out;
	unsigned bad;
};

static struct iova_space *space_of(uint64_t npages)
{
	struct iova_space *space = NULL;

	CHECK_EQ(iova_space_create((struct piommu_span){ 512 * PAGE, (512 + npages) * PAGE - 1 }, &space), 0);
	for (unsigned i = 0; i < NPAGES; i++)
		atomic_store(&owner[i], 0);
	return space;
}

static uint64_t free_pages(struct iova_space *space)
{
	uint64_t free_bytes, longest;

	iova_space_usage(space, &free_bytes, &longest);
	return free_bytes / PAGE;
}

static unsigned claim(uint64_t iova, unsigned n, unsigned from, unsigned to)
{
	unsigned bad = 0;

	for (unsigned i = 0; i < n; i++) {
		unsigned was = from;

		bad += !atomic_compare_exchange_strong_explicit(&owner[iova / PAGE - 512 + i], &was, to, memory_order_relaxed,
								memory_order_relaxed);
	}
	return bad;
}

static unsigned give_back(struct iova_cache *cache, uint64_t entry)
{
	uint64_t iova = entry / PAGE * PAGE;
	unsigned n = 1 + (unsigned)(entry % PAGE);
	unsigned bad = claim(iova, n, 1, 0);

	/* Unchecked, or checked. */
	if (n % 2) {
		iova_cache_put(cache, iova_cache_block(cache, iova), iova, n);
		return bad;
	}
	return bad + (iova_cache_free(cache, iova, n) != 0);
}

static uint64_t take(struct iova_cache *cache, unsigned n, unsigned *bad)
{
	struct iova_block *block;
	uint64_t iova;

	/* What the others have not given back yet may be all there is. */
	while (iova_cache_alloc(cache, n, &iova, &block) == -ENOSPC)
		sched_yield();
	*bad += claim(iova, n, 0, 1);
	return iova | (n - 1);
}

static void *produce(void *arg)
{
	struct job *job = arg;
	struct iova_cache *cache = NULL;

	job->bad += iova_cache_create(job->space, &cache) != 0;
	for (unsigned i = 0; i < ROUNDS; i++) {
		/* Now and then another owner: the arenas are left with pages on their way. */
		if (i % 1000 == 999) {
			iova_cache_destroy(cache);
			job->bad += iova_cache_create(job->space, &cache) != 0;
		}
		uint64_t entry = take(cache, 1 + i % 90, &job->bad);

		while (atomic_load_explicit(&job->out->at[i % RING], memory_order_acquire))
			sched_yield();
		atomic_store_explicit(&job->out->at[i % RING], entry, memory_order_release);
	}
	iova_cache_destroy(cache);
	return NULL;
}

/*
 * Who frees alone may have come to own all arenas, with pages that others freed there uncollected: a limit of the caches. It collects when it
 * wants more than it has.
 */
static unsigned collect(struct iova_cache *cache)
{
	struct iova_block *block;
	uint64_t iova;

	return !iova_cache_alloc(cache, 512, &iova, &block) && iova_cache_free(cache, iova, 512);
}

static void *consume(void *arg)
{
	struct job *job = arg;
	struct iova_cache *cache = NULL;

	job->bad += iova_cache_create(job->space, &cache) != 0;
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint64_t entry;

		for (unsigned idle = 1; !(entry = atomic_load_explicit(&job->in->at[i % RING], memory_order_acquire)); idle++) {
			sched_yield();
			if (idle % 4096 == 0)
				job->bad += collect(cache);
		}
		atomic_store_explicit(&job->in->at[i % RING], 0, memory_order_release);
		job->bad += give_back(cache, entry);
	}
	iova_cache_destroy(cache);
	return NULL;
}

/* Two pairs in one space; each consumer frees what its producer took. */
static void run_pairs(uint64_t npages)
{
	struct iova_space *space = space_of(npages);
	static struct ring ring[2];
	struct job job[4];
	pthread_t thread[4];

	for (unsigned i = 0; i < 4; i++) {
		job[i] = (struct job){ .space = space, .in = &ring[i / 2], .out = &ring[i / 2] };
		CHECK_EQ(pthread_create(&thread[i], NULL, i % 2 ? consume : produce, &job[i]), 0);
	}
	for (unsigned i = 0; i < 4; i++) {
		pthread_join(thread[i], NULL);
		CHECK_EQ(job[i].bad, 0);
	}
	CHECK_EQ(free_pages(space), npages);
	iova_space_destroy(space);
}

static void pages_travel_while_their_owners_come_and_go(void)
{
	run_pairs(NPAGES);
}

/* Hands everything over to the next of three, gives back what the one before took, and allocates for itself. */
static void *pass_round(void *arg)
{
	struct job *job = arg;
	struct iova_cache *cache = NULL;
	uint64_t own[4];

	job->bad += iova_cache_create(job->space, &cache) != 0;
	for (unsigned i = 0; i < ROUNDS / 4; i++) {
		uint64_t entry;

		for (unsigned k = 0; k < 4; k++)
			own[k] = take(cache, 1 + (i + k) % 7, &job->bad);
		if (!atomic_load_explicit(&job->out->at[i % RING], memory_order_acquire))
			atomic_store_explicit(&job->out->at[i % RING], own[3], memory_order_release);
		else
			job->bad += give_back(cache, own[3]);
		entry = atomic_exchange_explicit(&job->in->at[i % RING], 0, memory_order_acq_rel);
		if (entry)
			job->bad += give_back(cache, entry);
		for (unsigned k = 0; k < 3; k++)
			job->bad += give_back(cache, own[k]);
		if (i % 512 == 511) {
			iova_cache_destroy(cache);
			job->bad += iova_cache_create(job->space, &cache) != 0;
		}
	}
	iova_cache_destroy(cache);
	return NULL;
}

static void everybody_frees_for_everybody(void)
{
	struct iova_space *space = space_of(NPAGES);
	static struct ring ring[3];
	struct iova_cache *last;
	struct job job[3];
	pthread_t thread[3];

	for (unsigned i = 0; i < 3; i++) {
		job[i] = (struct job){ .space = space, .in = &ring[i], .out = &ring[(i + 1) % 3] };
		CHECK_EQ(pthread_create(&thread[i], NULL, pass_round, &job[i]), 0);
	}
	for (unsigned i = 0; i < 3; i++) {
		pthread_join(thread[i], NULL);
		CHECK_EQ(job[i].bad, 0);
	}
	CHECK_EQ(iova_cache_create(space, &last), 0);
	for (unsigned i = 0; i < 3 * RING; i++) {
		if (ring[i / RING].at[i % RING])
			CHECK_EQ(give_back(last, ring[i / RING].at[i % RING]), 0);
	}
	iova_cache_destroy(last);
	CHECK_EQ(free_pages(space), NPAGES);
	iova_space_destroy(space);
}

/* Frees a page that is never allocated, until it is told that this was enough. */
static void *free_wrongly(void *arg)
{
	struct job *job = arg;
	struct iova_cache *cache = NULL;

#ifdef PIOMMU_YIELD_POINTS
	piommu_yield_seed(1);
#endif
	job->bad += iova_cache_create(job->space, &cache) != 0;
	while (!job->bad && !atomic_load_explicit(&job->in->at[0], memory_order_relaxed))
		job->bad += iova_cache_free(cache, (512 + 7) * PAGE, 1) != -ENOENT;
	iova_cache_destroy(cache);
	return NULL;
}

/* It goes to where single pages come from, and back when many are wanted and not found. */
static void a_free_page_is_seen_while_it_changes_its_place(void)
{
	struct iova_space *space = space_of(512);
	static struct ring stop;
	struct job job = { .space = space, .in = &stop };
	struct iova_cache *cache = NULL;
	struct iova_block *block;
	pthread_t thread;
	uint64_t first, iova;

	CHECK_EQ(iova_cache_create(space, &cache), 0);
	CHECK_EQ(iova_cache_alloc(cache, 1, &first, &block), 0);
	CHECK_EQ(pthread_create(&thread, NULL, free_wrongly, &job), 0);
	for (unsigned i = 0; i < 10 * ROUNDS; i++) {
		CHECK_EQ(iova_cache_alloc(cache, 1, &iova, &block), 0);
		CHECK_EQ(iova_cache_alloc(cache, 512, &first, &block), -ENOSPC);
		CHECK_EQ(iova_cache_free(cache, iova, 1), 0);
	}
	atomic_store_explicit(&stop.at[0], 1, memory_order_relaxed);
	pthread_join(thread, NULL);
	CHECK_EQ(job.bad, 0);
	iova_cache_destroy(cache);
	iova_space_destroy(space);
}

#ifdef PIOMMU_YIELD_POINTS
#define PATIENCE 50 /* ms; who waits for the lock does not answer */

/* What the owner did meanwhile: an odd number takes pages into its hand, an even one puts them back. */
static atomic_uint asked, done;

static void *take_and_put_back(void *arg)
{
	struct job *job = arg;
	struct iova_cache *cache = NULL;
	struct iova_block *block;
	uint64_t iova = 0, whole;

	job->bad += iova_cache_create(job->space, &cache) != 0;
	for (unsigned n = 1;; n++) {
		while (atomic_load_explicit(&asked, memory_order_acquire) < n)
			sched_yield();
		if (atomic_load_explicit(&asked, memory_order_acquire) == UINT_MAX)
			break;
		if (n % 2) {
			job->bad += iova_cache_alloc(cache, 1, &iova, &block) != 0;
		} else {
			job->bad += iova_cache_alloc(cache, 512, &whole, &block) != -ENOSPC;
			job->bad += iova_cache_free(cache, iova, 1) != 0;
		}
		atomic_store_explicit(&done, n, memory_order_release);
	}
	iova_cache_destroy(cache);
	return NULL;
}

static void move_pages(const char *where)
{
	static const struct timespec moment = { 0, 1000000 };
	bool to_hand = !strcmp(where, "not in the hand");
	unsigned n = atomic_load_explicit(&asked, memory_order_relaxed);

	if ((!to_hand && strcmp(where, "not in the arena") != 0) || to_hand == n % 2)
		return;
	atomic_store_explicit(&asked, n + 1, memory_order_release);
	for (unsigned i = 0; atomic_load_explicit(&done, memory_order_acquire) < n + 1 && i < PATIENCE; i++)
		nanosleep(&moment, NULL);
}

/* Its owner moves it away from wherever it is looked for next. */
static void a_free_page_is_seen_however_often_it_changes_its_place(void)
{
	struct iova_space *space = space_of(512);
	struct job job = { .space = space };
	struct iova_cache *cache = NULL;
	pthread_t thread;

	CHECK_EQ(iova_cache_create(space, &cache), 0);
	CHECK_EQ(pthread_create(&thread, NULL, take_and_put_back, &job), 0);
	move_pages("not in the hand");
	move_pages("not in the arena");
	piommu_yield_call(move_pages);
	CHECK_EQ(iova_cache_free(cache, (512 + 7) * PAGE, 1), -ENOENT);
	piommu_yield_call(NULL);
	CU_ASSERT(atomic_load(&asked) >= 4); /* it moved there and back at least, once while it was looked for */
	if (atomic_load(&asked) % 2)
		atomic_fetch_add(&asked, 1);
	while (atomic_load(&done) < atomic_load(&asked))
		sched_yield();
	atomic_store(&asked, UINT_MAX);
	pthread_join(thread, NULL);
	CHECK_EQ(job.bad, 0);
	iova_cache_destroy(cache);
	CHECK_EQ(free_pages(space), 512);
	iova_space_destroy(space);
}

static struct iova_cache *raising;
static uint64_t raised[2];

static void raise_another(const char *where)
{
	struct iova_block *block;

	for (unsigned i = 0; i < 2 && !strcmp(where, "the hand is read, its address is not") && !raised[i]; i++)
		CHECK_EQ(iova_cache_alloc(raising, 1, &raised[i], &block), 0);
}

/* Page 126 is allocated: bit 62 of its word. A hand with that bit of another word gives way to one of this word while it is looked at. */
static void a_hand_is_not_read_with_the_address_of_another(void)
{
	struct iova_space *space = space_of(512);
	struct iova_cache *cache = NULL;
	struct iova_block *block;
	uint64_t iova;

	CHECK_EQ(iova_cache_create(space, &cache), 0);
	CHECK_EQ(iova_cache_create(space, &raising), 0);
	for (unsigned i = 0; i < 128; i++) {
		CHECK_EQ(iova_cache_alloc(raising, 1, &iova, &block), 0);
		CHECK_EQ(iova, (512 + i) * PAGE);
	}
	CHECK_EQ(iova_cache_free(raising, (512 + 61) * PAGE, 2), 0);
	CHECK_EQ(iova_cache_free(raising, (512 + 64) * PAGE, 2), 0);
	CHECK_EQ(iova_cache_alloc(raising, 1, &iova, &block), 0);
	CHECK_EQ(iova, (512 + 61) * PAGE);
	piommu_yield_call(raise_another);
	CHECK_EQ(iova_cache_free(cache, (512 + 126) * PAGE, 1), 0);
	piommu_yield_call(NULL);
	CHECK_EQ(raised[0], (512 + 62) * PAGE);
	CHECK_EQ(raised[1], (512 + 64) * PAGE);
	iova_cache_destroy(cache);
	iova_cache_destroy(raising);
	iova_space_destroy(space);
}
#endif

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
#ifdef PIOMMU_YIELD_POINTS
		SUITE_TEST(a_free_page_is_seen_however_often_it_changes_its_place),
		SUITE_TEST(a_hand_is_not_read_with_the_address_of_another),
#endif
		SUITE_TEST(pages_travel_while_their_owners_come_and_go),
		SUITE_TEST(everybody_frees_for_everybody),
		SUITE_TEST(a_free_page_is_seen_while_it_changes_its_place),
	};

	return suite_run(argc, argv, "iova_cache_threads", tests, sizeof(tests) / sizeof(tests[0]));
}
