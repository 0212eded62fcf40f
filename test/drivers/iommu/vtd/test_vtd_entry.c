/* SPDX-License-Identifier: BSD-3-Clause */
/* How a device's context entry moves, and what is invalidated then (3.4, 6.5.3.2, 9.3). */
#include <errno.h>

#include "drivers.h"
#include "fake_unit.h"
#include "suite.h"

/* A unit, a device behind it, and two paging domains for tags 9 and 10. */
static void start(struct fake *fake, uint64_t cap, uint64_t ecap)
{
	fake_start(fake, cap, ecap);
	fake_device(fake);
}

static void move(struct fake *fake, struct piommu_domain *domain, uint32_t tag)
{
	fake->from = fake->nwrites;
	CHECK_EQ(vtd_driver.attach(&fake->device, domain, tag), 0);
}

static void check_entry(struct fake *fake, uint16_t rid, uint64_t lo, uint64_t hi)
{
	CHECK_HEX(fake_context(fake, rid)->lo, lo);
	CHECK_HEX(fake_context(fake, rid)->hi, hi);
}

static uint64_t root_of(struct piommu_domain *domain)
{
	return vtd_domain_of(domain)->paging.pt.root_pa;
}

static void attach_points_one_function_at_the_table(void)
{
	struct fake fake;

	start(&fake, FAKE_CAP, FAKE_ECAP);
	move(&fake, fake.a, 9);
	check_entry(&fake, 0x0820, root_of(fake.a) | 1, 0x902);
	check_entry(&fake, 0x0821, 0x9, 0x102); /* its neighbour */
	check_entry(&fake, 0x0920, 0x9, 0x102); /* its namesake on the next bus */
	fake_fini(&fake);
}

static void every_requester_id_moves(void)
{
	struct fake fake;

	start(&fake, FAKE_CAP, FAKE_ECAP);
	fake.device.ids[1].id = 0x0200;
	fake.device.nids = 2;
	move(&fake, fake.a, 9);
	check_entry(&fake, 0x0820, root_of(fake.a) | 1, 0x902);
	check_entry(&fake, 0x0200, root_of(fake.a) | 1, 0x902);
	fake_fini(&fake);
}

static void a_move_drops_the_context_first_then_the_old_domain(void)
{
	static const struct fake_write expected[] = {
		{ 0x28, 8, UINT64_C(0xe000000008200009) },       /* by device, under the old id */
		{ FAKE_IOTLB, 8, UINT64_C(0xa003000900000000) }, /* the old domain's */
	};
	struct fake fake;

	start(&fake, FAKE_CAP, FAKE_ECAP_REGISTERS);
	move(&fake, fake.a, 9);
	move(&fake, fake.b, 10);
	fake_expect(&fake, fake.from, expected, 2);
	fake_fini(&fake);
}

static void attaching_where_it_is_already_does_nothing(void)
{
	struct fake fake;

	start(&fake, FAKE_CAP, FAKE_ECAP_REGISTERS);
	move(&fake, fake.a, 9);
	move(&fake, fake.a, 9);
	fake_expect(&fake, fake.from, NULL, 0);
	fake_fini(&fake);
}

static void blocking_is_not_present_and_identity_is_as_before(void)
{
	struct piommu_domain *blocking, *identity;
	struct fake fake;

	start(&fake, FAKE_CAP, FAKE_ECAP);
	blocking = fake_domain_of_type(&fake, PIOMMU_DOMAIN_BLOCKING);
	identity = fake_domain_of_type(&fake, PIOMMU_DOMAIN_IDENTITY);
	move(&fake, blocking, 7);
	CHECK_HEX(fake_context(&fake, 0x0820)->lo & 1, 0);
	move(&fake, identity, 8);
	check_entry(&fake, 0x0820, 0x9, 0x102);
	blocking->ops->destroy(blocking);
	identity->ops->destroy(identity);
	fake_fini(&fake);
}

/* What leaving a blocking domain for domain 9 invalidates. */
static void check_leaving_blocked(uint64_t cap, const struct fake_write *expected, unsigned n)
{
	struct piommu_domain *blocking;
	struct fake fake;

	start(&fake, cap, FAKE_ECAP_REGISTERS);
	blocking = fake_domain_of_type(&fake, PIOMMU_DOMAIN_BLOCKING);
	move(&fake, blocking, 7);
	move(&fake, fake.a, 9);
	fake_expect(&fake, fake.from, expected, n);
	blocking->ops->destroy(blocking);
	fake_fini(&fake);
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
	struct fake fake;

	start(&fake, FAKE_CAP, FAKE_ECAP);
	fake.device.ids[1].id = 0x0821;
	fake.device.nids = 2;
	move(&fake, fake.a, 9);
	fake.invalidations_stuck = true;
	CHECK_EQ(vtd_driver.attach(&fake.device, fake.b, 10), -ETIMEDOUT);
	check_entry(&fake, 0x0820, root_of(fake.a) | 1, 0x902);
	check_entry(&fake, 0x0821, root_of(fake.a) | 1, 0x902);
	fake_fini(&fake);
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

static void at_every_instruction_the_entry_is_the_old_one_or_the_new_one(void)
{
	static const enum piommu_domain_type types[] = { PIOMMU_DOMAIN_PAGING, PIOMMU_DOMAIN_BLOCKING, PIOMMU_DOMAIN_IDENTITY };

	for (unsigned i = 0; i < 3; i++) {
		struct piommu_domain *other;
		struct fake fake;

		start(&fake, FAKE_CAP, FAKE_ECAP_REGISTERS);
		other = fake_domain_of_type(&fake, types[i]);
		move(&fake, other, 10);
		watch.entry = fake_context(&fake, 0x0820);
		watch.b = *watch.entry;
		move(&fake, fake.a, 9);
		watch.a = *watch.entry;
		watch.looks = 0;
		watch.torn = 0;
		fake_attach_stepping(&fake, other, 10, look);
		CU_ASSERT(same(*watch.entry, watch.b));
		fake_attach_stepping(&fake, fake.a, 9, look);
		CU_ASSERT(same(*watch.entry, watch.a));
		CU_ASSERT(watch.looks > 100);
		CHECK_EQ(watch.torn, 0);
		other->ops->destroy(other);
		fake_fini(&fake);
	}
}
#endif

/* With registers: CCMD is 0x28, its bits 62:61 the granularity asked for (1: global); see 11.4.6. */
static void an_entry_that_could_not_be_put_back_makes_the_next_flush_a_global_one(void)
{
	struct fake fake;
	bool global = false;

	start(&fake, FAKE_CAP, FAKE_ECAP_REGISTERS);
	move(&fake, fake.a, 9);
	fake.invalidations_stuck = true;
	CHECK_EQ(vtd_driver.attach(&fake.device, fake.b, 10), -ETIMEDOUT);
	check_entry(&fake, 0x0820, root_of(fake.a) | 1, 0x902);
	CHECK_EQ(vtd_driver.flush_tag(&fake.unit, 10), -ETIMEDOUT);
	fake.invalidations_stuck = false;
	fake_set(&fake, 0x28, 8, 0);
	fake_set(&fake, FAKE_IOTLB, 8, 0);
	fake.from = fake.nwrites;
	CHECK_EQ(vtd_driver.flush_tag(&fake.unit, 10), 0);
	for (unsigned i = fake.from; i < fake.nwrites; i++)
		global |= fake.writes[i].off == 0x28 && fake.writes[i].value >> 61 == (4 | 1);
	CU_ASSERT(global);
	/* and only that one */
	fake.from = fake.nwrites;
	CHECK_EQ(vtd_driver.flush_tag(&fake.unit, 10), 0);
	for (unsigned i = fake.from; i < fake.nwrites; i++)
		CU_ASSERT(fake.writes[i].off != 0x28);
	fake_fini(&fake);
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
