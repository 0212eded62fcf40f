/* SPDX-License-Identifier: BSD-3-Clause */
/* How a device's context entry moves, and what is invalidated then (3.4, 6.5.3.2, 9.3). */
#include <errno.h>
#include <signal.h>

#include "drivers.h"
#include "fake_unit.h"
#include "suite.h"

/* A unit, a device behind it, and two paging domains for tags 9 and 10. */
struct setup {
	struct fake fake;
	struct piommu_device device;
	struct piommu_domain *a, *b;
	unsigned from; /* first register write of what is looked at */
};

static struct piommu_domain *create(struct setup *s, enum piommu_domain_type type)
{
	struct piommu_domain *domain = NULL;

	CHECK_EQ(vtd_driver.domain_create(&s->fake.unit, type, 0, &domain), 0);
	return domain;
}

static void start(struct setup *s, uint64_t cap, uint64_t ecap)
{
	fake_start(&s->fake, cap, ecap);
	s->device =
		(struct piommu_device){ .sbdf = { 0, 8, 0x20 }, .unit = &s->fake.unit, .ids = { { 0x0820, 0 } }, .nids = 1 };
	s->a = create(s, PIOMMU_DOMAIN_PAGING);
	s->b = create(s, PIOMMU_DOMAIN_PAGING);
}

static void finish(struct setup *s)
{
	s->a->ops->destroy(s->a);
	s->b->ops->destroy(s->b);
	fake_fini(&s->fake);
}

static void move(struct setup *s, struct piommu_domain *domain, uint32_t tag)
{
	s->from = s->fake.nwrites;
	CHECK_EQ(vtd_driver.attach(&s->device, domain, tag), 0);
}

static void check_entry(struct setup *s, uint16_t rid, uint64_t lo, uint64_t hi)
{
	CHECK_HEX(fake_context(&s->fake, rid)->lo, lo);
	CHECK_HEX(fake_context(&s->fake, rid)->hi, hi);
}

static uint64_t root_of(struct piommu_domain *domain)
{
	return vtd_domain_of(domain)->paging.pt.root_pa;
}

static void attach_points_one_function_at_the_table(void)
{
	struct setup s;

	start(&s, FAKE_CAP, FAKE_ECAP);
	move(&s, s.a, 9);
	check_entry(&s, 0x0820, root_of(s.a) | 1, 0x902);
	check_entry(&s, 0x0821, 0x9, 0x102); /* its neighbour */
	check_entry(&s, 0x0920, 0x9, 0x102); /* its namesake on the next bus */
	finish(&s);
}

static void every_requester_id_moves(void)
{
	struct setup s;

	start(&s, FAKE_CAP, FAKE_ECAP);
	s.device.ids[1].id = 0x0200;
	s.device.nids = 2;
	move(&s, s.a, 9);
	check_entry(&s, 0x0820, root_of(s.a) | 1, 0x902);
	check_entry(&s, 0x0200, root_of(s.a) | 1, 0x902);
	finish(&s);
}

static void a_move_drops_the_context_first_then_the_old_domain(void)
{
	static const struct fake_write expected[] = {
		{ 0x28, 8, UINT64_C(0xe000000008200009) },       /* by device, under the old id */
		{ FAKE_IOTLB, 8, UINT64_C(0xa003000900000000) }, /* the old domain's */
	};
	struct setup s;

	start(&s, FAKE_CAP, FAKE_ECAP_REGISTERS);
	move(&s, s.a, 9);
	move(&s, s.b, 10);
	fake_expect(&s.fake, s.from, expected, 2);
	finish(&s);
}

static void attaching_where_it_is_already_does_nothing(void)
{
	struct setup s;

	start(&s, FAKE_CAP, FAKE_ECAP_REGISTERS);
	move(&s, s.a, 9);
	move(&s, s.a, 9);
	fake_expect(&s.fake, s.from, NULL, 0);
	finish(&s);
}

static void blocking_is_not_present_and_identity_is_as_before(void)
{
	struct piommu_domain *blocking, *identity;
	struct setup s;

	start(&s, FAKE_CAP, FAKE_ECAP);
	blocking = create(&s, PIOMMU_DOMAIN_BLOCKING);
	identity = create(&s, PIOMMU_DOMAIN_IDENTITY);
	move(&s, blocking, 7);
	CHECK_HEX(fake_context(&s.fake, 0x0820)->lo & 1, 0);
	move(&s, identity, 8);
	check_entry(&s, 0x0820, 0x9, 0x102);
	blocking->ops->destroy(blocking);
	identity->ops->destroy(identity);
	finish(&s);
}

/* What leaving a blocking domain for domain 9 invalidates. */
static void check_leaving_blocked(uint64_t cap, const struct fake_write *expected, unsigned n)
{
	struct piommu_domain *blocking;
	struct setup s;

	start(&s, cap, FAKE_ECAP_REGISTERS);
	blocking = create(&s, PIOMMU_DOMAIN_BLOCKING);
	move(&s, blocking, 7);
	move(&s, s.a, 9);
	fake_expect(&s.fake, s.from, expected, n);
	blocking->ops->destroy(blocking);
	finish(&s);
}

static void from_blocking_nothing_is_cached_that_would_need_a_flush(void)
{
	check_leaving_blocked(FAKE_CAP, NULL, 0);
}

static void under_caching_mode_the_not_present_entry_goes_under_id_zero(void)
{
	static const struct fake_write expected[] = {
		{ 0x28, 8, UINT64_C(0xe000000008200000) },
		{ FAKE_IOTLB, 8, UINT64_C(0xa003000900000000) },
	};

	check_leaving_blocked(FAKE_CAP | 0x80, expected, 2);
}

static void a_failed_invalidation_puts_all_requester_ids_back(void)
{
	struct setup s;

	start(&s, FAKE_CAP, FAKE_ECAP);
	s.device.ids[1].id = 0x0821;
	s.device.nids = 2;
	move(&s, s.a, 9);
	s.fake.invalidations_stuck = true;
	CHECK_EQ(vtd_driver.attach(&s.device, s.b, 10), -ETIMEDOUT);
	check_entry(&s, 0x0820, root_of(s.a) | 1, 0x902);
	check_entry(&s, 0x0821, root_of(s.a) | 1, 0x902);
	finish(&s);
}

#if defined(__x86_64__) && !defined(UNDER_TSAN)
/*
 * What hardware could read, looked at after every single instruction of an attach (the processor's trap flag). Not under
 * ThreadSanitizer: a signal handler between two instructions of its runtime, which may hold a lock there, can wait for ever.
 */
static struct {
	const struct vtd_pair *entry;
	struct vtd_pair a, b;
	unsigned looks, torn;
} watch;

static bool same(struct vtd_pair x, struct vtd_pair y)
{
	return x.lo == y.lo && x.hi == y.hi;
}

static void look(int signal)
{
	struct vtd_pair seen = *watch.entry;

	(void)signal;
	watch.looks++;
	watch.torn += !same(seen, watch.a) && !same(seen, watch.b);
}

static void attach_step_by_step(struct piommu_device *device, struct piommu_domain *domain, uint32_t tag)
{
	__asm__ volatile("pushfq\n\torq $0x100, (%%rsp)\n\tpopfq" ::: "memory", "cc");
	vtd_driver.attach(device, domain, tag);
	__asm__ volatile("pushfq\n\tandq $~0x100, (%%rsp)\n\tpopfq" ::: "memory", "cc");
}

static void at_every_instruction_the_entry_is_the_old_one_or_the_new_one(void)
{
	static const enum piommu_domain_type types[] = { PIOMMU_DOMAIN_PAGING, PIOMMU_DOMAIN_BLOCKING, PIOMMU_DOMAIN_IDENTITY };

	signal(SIGTRAP, look);
	for (unsigned i = 0; i < 3; i++) {
		struct piommu_domain *other;
		struct setup s;

		start(&s, FAKE_CAP, FAKE_ECAP_REGISTERS);
		other = create(&s, types[i]);
		move(&s, other, 10);
		watch.entry = fake_context(&s.fake, 0x0820);
		watch.b = *watch.entry;
		move(&s, s.a, 9);
		watch.a = *watch.entry;
		watch.looks = 0;
		watch.torn = 0;
		attach_step_by_step(&s.device, other, 10);
		CU_ASSERT(same(*watch.entry, watch.b));
		attach_step_by_step(&s.device, s.a, 9);
		CU_ASSERT(same(*watch.entry, watch.a));
		CU_ASSERT(watch.looks > 100);
		CHECK_EQ(watch.torn, 0);
		other->ops->destroy(other);
		finish(&s);
	}
	signal(SIGTRAP, SIG_DFL);
}
#endif

/* With registers: CCMD is 0x28, its bits 62:61 the granularity asked for (1: global); see 11.4.6. */
static void an_entry_that_could_not_be_put_back_makes_the_next_flush_a_global_one(void)
{
	struct setup s;
	bool global = false;

	start(&s, FAKE_CAP, FAKE_ECAP_REGISTERS);
	move(&s, s.a, 9);
	s.fake.invalidations_stuck = true;
	CHECK_EQ(vtd_driver.attach(&s.device, s.b, 10), -ETIMEDOUT);
	check_entry(&s, 0x0820, root_of(s.a) | 1, 0x902);
	CHECK_EQ(vtd_driver.flush_tag(&s.fake.unit, 10), -ETIMEDOUT);
	s.fake.invalidations_stuck = false;
	fake_set(&s.fake, 0x28, 8, 0);
	fake_set(&s.fake, FAKE_IOTLB, 8, 0);
	s.from = s.fake.nwrites;
	CHECK_EQ(vtd_driver.flush_tag(&s.fake.unit, 10), 0);
	for (unsigned i = s.from; i < s.fake.nwrites; i++)
		global |= s.fake.writes[i].off == 0x28 && s.fake.writes[i].value >> 61 == (4 | 1);
	CU_ASSERT(global);
	/* and only that one */
	s.from = s.fake.nwrites;
	CHECK_EQ(vtd_driver.flush_tag(&s.fake.unit, 10), 0);
	for (unsigned i = s.from; i < s.fake.nwrites; i++)
		CU_ASSERT(s.fake.writes[i].off != 0x28);
	finish(&s);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(attach_points_one_function_at_the_table),
		SUITE_TEST(every_requester_id_moves),
		SUITE_TEST(a_move_drops_the_context_first_then_the_old_domain),
		SUITE_TEST(attaching_where_it_is_already_does_nothing),
		SUITE_TEST(blocking_is_not_present_and_identity_is_as_before),
		SUITE_TEST(from_blocking_nothing_is_cached_that_would_need_a_flush),
		SUITE_TEST(under_caching_mode_the_not_present_entry_goes_under_id_zero),
		SUITE_TEST(a_failed_invalidation_puts_all_requester_ids_back),
#if defined(__x86_64__) && !defined(UNDER_TSAN)
		SUITE_TEST(at_every_instruction_the_entry_is_the_old_one_or_the_new_one),
#endif
		SUITE_TEST(an_entry_that_could_not_be_put_back_makes_the_next_flush_a_global_one),
	};

	return suite_run(argc, argv, "vtd_entry", tests, sizeof(tests) / sizeof(tests[0]));
}
