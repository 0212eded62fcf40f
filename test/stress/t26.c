/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * T26 of doc/locking.md: while a device's entry moves between any two states, a walker beside it sees the old one or the new
 * one. The walker is a thread that goes from the root table as hardware does, 16 bytes at a time (VT-d 9.1, 9.3), in a loop; the
 * driver moves devices of all 256 buses, and gives each bus a table of its own on the way. Every move's invalidations are
 * counted. What holds after each single instruction: test/drivers/iommu/vtd/test_vtd_entry.c.
 */
#include <stdio.h>
#include <stdlib.h>

#include "drivers.h"
#include "fake_unit.h"
#include "stress.h"
#include "suite.h"

#define LIVES 40u /* of a unit: each has every move on every bus */
#define DEVFN 0x20u
#define NEIGHBOUR 0x21u /* on the same bus, and nobody's: on identity all the time */

enum {
	IDENTITY, /* the first: what a bus begins with */
	BLOCKED,
	DOMAIN_A,
	DOMAIN_A_OTHER_TAG, /* words differ by the tag alone */
	DOMAIN_B,
	STATES,
};

struct setup {
	struct fake fake;
	struct piommu_domain *domain[STATES];
	struct vtd_pair entry[STATES];
	bool caching_mode;
	const struct vtd_pair *root;
	/* number << 32 | bus << 16 | from << 8 | to: what the writer is doing, for the walker to judge by */
	_Atomic uint64_t doing;
	atomic_bool stop;
	uint64_t looks;
	unsigned seen; /* bit per state */
	struct stress_verdict verdict;
};

static const uint32_t tags[STATES] = { 7, 8, 9, 10, 11 };

/* ---- The walker ------------------------------------------------------------------------------------------------------------- */

/* One access, as hardware fetches an entry. */
static struct vtd_pair read_whole(const struct vtd_pair *at)
{
	struct vtd_pair pair = { 0, 0 };

#if defined(__x86_64__)
	/* Stores what it found where it compares equal to zeroes: nothing changes either way. */
	__asm__ volatile("lock cmpxchg16b %0"
			 : "+m"(*(struct vtd_pair *)(uintptr_t)at), "+a"(pair.lo), "+d"(pair.hi)
			 : "b"(UINT64_C(0)), "c"(UINT64_C(0))
			 : "memory", "cc");
#else
	do {
		pair.lo = __atomic_load_n(&at->lo, __ATOMIC_ACQUIRE);
		pair.hi = __atomic_load_n(&at->hi, __ATOMIC_ACQUIRE);
	} while (__atomic_load_n(&at->lo, __ATOMIC_RELAXED) != pair.lo);
#endif
	return pair;
}

static bool same(struct vtd_pair a, struct vtd_pair b)
{
	/* An entry that is not present is that and no more, whatever else it holds (9.3). */
	return !((a.lo | b.lo) & VTD_CONTEXT_P) || (a.lo == b.lo && a.hi == b.hi);
}

static const struct vtd_pair *table_of(struct setup *s, unsigned bus)
{
	struct vtd_pair root = read_whole(&s->root[bus]);

	if (!(root.lo & VTD_ROOT_P) || root.lo & ~(VTD_ROOT_P | VTD_ROOT_CTP) || root.hi)
		stress_fail(&s->verdict, "bus %u: root entry {0x%llx, 0x%llx}", bus, (unsigned long long)root.lo,
			    (unsigned long long)root.hi);
	return (const struct vtd_pair *)(uintptr_t)(root.lo & VTD_ROOT_CTP);
}

static void judge(struct setup *s, struct vtd_pair entry, unsigned from, unsigned to, bool settled)
{
	for (unsigned state = 0; state < STATES; state++) {
		if (!same(entry, s->entry[state]))
			continue;
		s->seen |= 1u << state;
		/* Where the writer has gone on meanwhile, any state may be the right one. */
		if (!settled || state == from || state == to)
			return;
	}
	stress_fail(&s->verdict, "between state %u and state %u the entry was {0x%llx, 0x%llx}", from, to,
		    (unsigned long long)entry.lo, (unsigned long long)entry.hi);
}

static void *walk(void *arg)
{
	struct setup *s = arg;

	while (!atomic_load_explicit(&s->stop, memory_order_acquire) && !stress_failed(&s->verdict)) {
		uint64_t doing = atomic_load_explicit(&s->doing, memory_order_acquire);
		const struct vtd_pair *table = table_of(s, doing >> 16 & 0xff);
		struct vtd_pair neighbour = read_whole(&table[NEIGHBOUR]), entry = read_whole(&table[DEVFN]);
		bool settled = atomic_load_explicit(&s->doing, memory_order_acquire) == doing;

		s->looks++;
		judge(s, entry, doing >> 8 & 0xff, doing & 0xff, settled);
		judge(s, neighbour, IDENTITY, IDENTITY, true);
	}
	return NULL;
}

/* ---- The writer ------------------------------------------------------------------------------------------------------------- */

static unsigned writes_to(const struct fake *fake, unsigned off)
{
	unsigned n = 0;

	for (unsigned i = 0; i < fake->nwrites; i++)
		n += fake->writes[i].off == off;
	return n;
}

/*
 * 6.5.3.2: a present entry that changed is dropped from the context cache, its domain id from the IOTLB. 6.1: caching mode keeps
 * what was not present, too, and so needs the new id dropped as well. A bus that got its own table costs one more, of all contexts.
 */
static void check_invalidations(struct setup *s, unsigned from, unsigned to, bool new_table)
{
	bool was = from != BLOCKED, is = to != BLOCKED;

	unsigned contexts = writes_to(&s->fake, 0x28), iotlbs = writes_to(&s->fake, FAKE_IOTLB);

	if (contexts != (unsigned)(was || s->caching_mode) + new_table || iotlbs != (unsigned)was + (s->caching_mode && is))
		stress_fail(&s->verdict, "from state %u to state %u: %u invalidations of the context cache, %u of the IOTLB",
			    from, to, contexts, iotlbs);
}

static void move(struct setup *s, unsigned bus, unsigned from, unsigned to, bool new_table)
{
	struct piommu_device device = { .sbdf = { 0, (uint8_t)bus, DEVFN },
					.unit = &s->fake.unit,
					.ids = { { (uint16_t)(bus << 8 | DEVFN), 0 } },
					.nids = 1 };
	uint64_t number = (atomic_load_explicit(&s->doing, memory_order_relaxed) >> 32) + 1;

	s->fake.nwrites = 0;
	atomic_store_explicit(&s->doing, number << 32 | bus << 16 | from << 8 | to, memory_order_release);
	if (vtd_driver.attach(&device, s->domain[to], tags[to]) ||
	    !same(*fake_context(&s->fake, (uint16_t)device.ids[0].id), s->entry[to]))
		stress_fail(&s->verdict, "from state %u to state %u: not there", from, to);
	check_invalidations(s, from, to, new_table);
}

/* From each state to each other, on one bus, which is on identity before and afterwards. */
static void all_moves(struct setup *s, unsigned bus)
{
	bool new_table = true; /* comes with the first move */
	unsigned at = IDENTITY;

	for (unsigned from = 0; from < STATES; from++) {
		for (unsigned to = 0; to < STATES; to++) {
			if (to == from)
				continue;
			if (at != from)
				move(s, bus, at, from, false);
			move(s, bus, from, to, new_table);
			new_table = false;
			at = to;
		}
	}
	move(s, bus, at, IDENTITY, false);
}

/* ---- Set-up ------------------------------------------------------------------------------------------------------------------- */

static void start(struct setup *s, uint64_t cap)
{
	static const enum piommu_domain_type types[STATES] = { PIOMMU_DOMAIN_IDENTITY, PIOMMU_DOMAIN_BLOCKING,
							       PIOMMU_DOMAIN_PAGING, PIOMMU_DOMAIN_PAGING,
							       PIOMMU_DOMAIN_PAGING };
	const uint64_t *root;

	*s = (struct setup){ .verdict = STRESS_VERDICT_INIT, .caching_mode = cap & VTD_CAP_CM };
	fake_start(&s->fake, cap, FAKE_ECAP_REGISTERS);
	root = (const uint64_t *)(uintptr_t)fake_reg(&s->fake, 0x20, 8);
	s->root = (const struct vtd_pair *)(const void *)root;
	for (unsigned state = 0; state < STATES; state++) {
		if (state == DOMAIN_A_OTHER_TAG)
			s->domain[state] = s->domain[DOMAIN_A];
		else
			CHECK_EQ(vtd_driver.domain_create(&s->fake.unit, types[state], 0, &s->domain[state]), 0);
	}
	/* Bits by the specification, 9.3: P, TT = 10b, the deepest tables' AW and id 1; and P, AW = 2, the tag. */
	s->entry[IDENTITY] = (struct vtd_pair){ 0x9, 0x102 };
	for (unsigned state = DOMAIN_A; state < STATES; state++)
		s->entry[state] = (struct vtd_pair){ vtd_domain_of(s->domain[state])->paging.pt.root_pa | 1,
						     (uint64_t)tags[state] << 8 | 2 };
}

static void finish(struct setup *s)
{
	for (unsigned state = 0; state < STATES; state++)
		if (state != DOMAIN_A_OTHER_TAG)
			s->domain[state]->ops->destroy(s->domain[state]);
	fake_fini(&s->fake);
}

/* @return what the walker saw: a bit per state */
static unsigned one_life(uint64_t cap)
{
	struct setup *s = malloc(sizeof(*s));
	pthread_t walker;
	unsigned seen;

	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	start(s, cap);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&walker, NULL, walk, s), 0);
	for (unsigned bus = 0; bus < VTD_BUSES && !stress_failed(&s->verdict); bus++)
		all_moves(s, bus);
	atomic_store_explicit(&s->stop, true, memory_order_release);
	pthread_join(walker, NULL);
	if (stress_failed(&s->verdict))
		printf("     %s\n", s->verdict.why);
	CU_ASSERT_FALSE_FATAL(stress_failed(&s->verdict));
	seen = s->seen;
	finish(s);
	free(s);
	return seen;
}

static void lives(uint64_t cap)
{
	unsigned seen = 0;

	/* On one processor the walker may sleep through a life. */
	for (unsigned i = 0; i < LIVES || (seen != (1u << STATES) - 1 && i < 50 * LIVES); i++)
		seen |= one_life(cap);
	CHECK_HEX(seen, (1u << STATES) - 1);
}

static void t26_entry_never_torn(void)
{
	lives(FAKE_CAP);
}

static void t26_entry_never_torn_under_caching_mode(void)
{
	lives(FAKE_CAP | VTD_CAP_CM);
}

int main(int argc, char **argv)
{
	struct stress_rng rng = stress_rng(1, 0);
	static const struct suite_test tests[] = {
		SUITE_TEST(t26_entry_never_torn),
		SUITE_TEST(t26_entry_never_torn_under_caching_mode),
	};

	stress_thread_start(&rng); /* the writer */
	return suite_run(argc, argv, "t26", tests, sizeof(tests) / sizeof(tests[0]));
}
