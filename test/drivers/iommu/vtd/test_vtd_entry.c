/* SPDX-License-Identifier: BSD-3-Clause */
/* How a device's context entry moves, and what is invalidated then (3.4, 6.5.3.2, 9.3). */
#include <errno.h>
#include <signal.h>

#include "drivers.h"
#include "fake_unit.h"
#include "suite.h"

static struct piommu_domain *create(struct fake *fake, enum piommu_domain_type type)
{
	struct piommu_domain *domain = NULL;

	CHECK_EQ(vtd_driver.domain_create(&fake->unit, type, 0, &domain), 0);
	return domain;
}

static struct piommu_device device_at(struct fake *fake, uint16_t rid)
{
	return (struct piommu_device){
		.sbdf = { 0, (uint8_t)(rid >> 8), (uint8_t)rid },
		.unit = &fake->unit,
		.rids = { rid },
		.nrids = 1,
	};
}

static uint64_t root_of(struct piommu_domain *domain)
{
	return vtd_domain_of(domain)->pt.root_pa;
}

static void attach_points_one_function_at_the_table(void)
{
	struct fake fake;
	struct piommu_device device;
	struct piommu_domain *domain;

	fake_start(&fake, FAKE_CAP, FAKE_ECAP);
	device = device_at(&fake, 0x0820);
	domain = create(&fake, PIOMMU_DOMAIN_PAGING);
	CHECK_EQ(vtd_driver.attach(&device, domain, 9), 0);
	CHECK_HEX(fake_context(&fake, 0x0820)->lo, root_of(domain) | 1);
	CHECK_HEX(fake_context(&fake, 0x0820)->hi, 0x902);
	CHECK_HEX(fake_context(&fake, 0x0821)->lo, 0x9); /* its neighbour */
	CHECK_HEX(fake_context(&fake, 0x0920)->lo, 0x9); /* its namesake on the next bus */
	domain->ops->destroy(domain);
	fake_fini(&fake);
}

static void every_requester_id_moves(void)
{
	struct fake fake;
	struct piommu_device device;
	struct piommu_domain *domain;

	fake_start(&fake, FAKE_CAP, FAKE_ECAP);
	device = device_at(&fake, 0x0110);
	device.rids[1] = 0x0200;
	device.nrids = 2;
	domain = create(&fake, PIOMMU_DOMAIN_PAGING);
	CHECK_EQ(vtd_driver.attach(&device, domain, 9), 0);
	CHECK_HEX(fake_context(&fake, 0x0110)->lo, root_of(domain) | 1);
	CHECK_HEX(fake_context(&fake, 0x0200)->lo, root_of(domain) | 1);
	domain->ops->destroy(domain);
	fake_fini(&fake);
}

static void a_move_drops_the_context_first_then_the_old_domain(void)
{
	struct fake fake;
	struct piommu_device device;
	struct piommu_domain *a, *b;
	unsigned from;

	fake_start(&fake, FAKE_CAP, FAKE_ECAP_REGISTERS);
	device = device_at(&fake, 0x0820);
	a = create(&fake, PIOMMU_DOMAIN_PAGING);
	b = create(&fake, PIOMMU_DOMAIN_PAGING);
	CHECK_EQ(vtd_driver.attach(&device, a, 9), 0);
	from = fake.nwrites;
	CHECK_EQ(vtd_driver.attach(&device, b, 10), 0);

	const struct fake_write expected[] = {
		{ 0x28, 8, UINT64_C(0xe000000008200009) },       /* by device, under the old id */
		{ FAKE_IOTLB, 8, UINT64_C(0xa003000900000000) }, /* the old domain's */
	};

	fake_expect(&fake, from, expected, 2);
	a->ops->destroy(a);
	b->ops->destroy(b);
	fake_fini(&fake);
}

static void attaching_where_it_is_already_does_nothing(void)
{
	struct fake fake;
	struct piommu_device device;
	struct piommu_domain *domain;
	unsigned from;

	fake_start(&fake, FAKE_CAP, FAKE_ECAP_REGISTERS);
	device = device_at(&fake, 0x0820);
	domain = create(&fake, PIOMMU_DOMAIN_PAGING);
	CHECK_EQ(vtd_driver.attach(&device, domain, 9), 0);
	from = fake.nwrites;
	CHECK_EQ(vtd_driver.attach(&device, domain, 9), 0);
	CHECK_EQ(fake.nwrites, from);
	domain->ops->destroy(domain);
	fake_fini(&fake);
}

static void blocking_is_not_present_and_identity_is_as_before(void)
{
	struct fake fake;
	struct piommu_device device;
	struct piommu_domain *blocking, *identity;
	struct vtd_pair before;

	fake_start(&fake, FAKE_CAP, FAKE_ECAP);
	device = device_at(&fake, 0x0820);
	before = *fake_context(&fake, 0x0820);
	blocking = create(&fake, PIOMMU_DOMAIN_BLOCKING);
	identity = create(&fake, PIOMMU_DOMAIN_IDENTITY);
	CHECK_EQ(vtd_driver.attach(&device, blocking, 7), 0);
	CHECK_HEX(fake_context(&fake, 0x0820)->lo, 0);
	CHECK_EQ(vtd_driver.attach(&device, identity, 8), 0);
	CHECK_HEX(fake_context(&fake, 0x0820)->lo, before.lo);
	CHECK_HEX(fake_context(&fake, 0x0820)->hi, before.hi);
	blocking->ops->destroy(blocking);
	identity->ops->destroy(identity);
	fake_fini(&fake);
}

static void from_blocking_nothing_is_cached_that_would_need_a_flush(void)
{
	struct fake fake;
	struct piommu_device device;
	struct piommu_domain *blocking, *domain;
	unsigned from;

	fake_start(&fake, FAKE_CAP, FAKE_ECAP_REGISTERS);
	device = device_at(&fake, 0x0820);
	blocking = create(&fake, PIOMMU_DOMAIN_BLOCKING);
	domain = create(&fake, PIOMMU_DOMAIN_PAGING);
	CHECK_EQ(vtd_driver.attach(&device, blocking, 7), 0);
	from = fake.nwrites;
	CHECK_EQ(vtd_driver.attach(&device, domain, 9), 0);
	CHECK_EQ(fake.nwrites, from);
	blocking->ops->destroy(blocking);
	domain->ops->destroy(domain);
	fake_fini(&fake);
}

static void under_caching_mode_the_not_present_entry_goes_under_id_zero(void)
{
	struct fake fake;
	struct piommu_device device;
	struct piommu_domain *blocking, *domain;
	unsigned from;

	fake_start(&fake, FAKE_CAP | 0x80, FAKE_ECAP_REGISTERS);
	device = device_at(&fake, 0x0820);
	blocking = create(&fake, PIOMMU_DOMAIN_BLOCKING);
	domain = create(&fake, PIOMMU_DOMAIN_PAGING);
	CHECK_EQ(vtd_driver.attach(&device, blocking, 7), 0);
	from = fake.nwrites;
	CHECK_EQ(vtd_driver.attach(&device, domain, 9), 0);

	const struct fake_write expected[] = {
		{ 0x28, 8, UINT64_C(0xe000000008200000) },
		{ FAKE_IOTLB, 8, UINT64_C(0xa003000900000000) },
	};

	fake_expect(&fake, from, expected, 2);
	blocking->ops->destroy(blocking);
	domain->ops->destroy(domain);
	fake_fini(&fake);
}

static void a_failed_invalidation_puts_all_requester_ids_back(void)
{
	struct fake fake;
	struct piommu_device device;
	struct piommu_domain *a, *b;

	fake_start(&fake, FAKE_CAP, FAKE_ECAP);
	device = device_at(&fake, 0x0110);
	device.rids[1] = 0x0111;
	device.nrids = 2;
	a = create(&fake, PIOMMU_DOMAIN_PAGING);
	b = create(&fake, PIOMMU_DOMAIN_PAGING);
	CHECK_EQ(vtd_driver.attach(&device, a, 9), 0);
	fake.invalidations_stuck = true;
	CHECK_EQ(vtd_driver.attach(&device, b, 10), -ETIMEDOUT);
	for (unsigned i = 0; i < 2; i++) {
		CHECK_HEX(fake_context(&fake, device.rids[i])->lo, root_of(a) | 1);
		CHECK_HEX(fake_context(&fake, device.rids[i])->hi, 0x902);
	}
	a->ops->destroy(a);
	b->ops->destroy(b);
	fake_fini(&fake);
}

#if defined(__x86_64__)
/* What hardware could read, looked at after every single instruction of an attach (the processor's trap flag). */
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
	struct fake fake;
	struct piommu_device device;
	struct piommu_domain *from, *to;

	signal(SIGTRAP, look);
	for (unsigned i = 0; i < 3; i++) {
		fake_start(&fake, FAKE_CAP, FAKE_ECAP_REGISTERS);
		device = device_at(&fake, 0x0820);
		from = create(&fake, PIOMMU_DOMAIN_PAGING);
		to = create(&fake, types[i]);
		CHECK_EQ(vtd_driver.attach(&device, to, 10), 0);
		watch.entry = fake_context(&fake, 0x0820);
		watch.b = *watch.entry;
		CHECK_EQ(vtd_driver.attach(&device, from, 9), 0);
		watch.a = *watch.entry;
		watch.looks = 0;
		watch.torn = 0;
		attach_step_by_step(&device, to, 10);
		CU_ASSERT(same(*watch.entry, watch.b));
		attach_step_by_step(&device, from, 9);
		CU_ASSERT(same(*watch.entry, watch.a));
		CU_ASSERT(watch.looks > 100);
		CHECK_EQ(watch.torn, 0);
		from->ops->destroy(from);
		to->ops->destroy(to);
		fake_fini(&fake);
	}
	signal(SIGTRAP, SIG_DFL);
}
#endif

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
#if defined(__x86_64__)
		SUITE_TEST(at_every_instruction_the_entry_is_the_old_one_or_the_new_one),
#endif
	};

	return suite_run(argc, argv, "vtd_entry", tests, sizeof(tests) / sizeof(tests[0]));
}
