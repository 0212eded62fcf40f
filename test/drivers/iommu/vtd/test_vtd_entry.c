/* SPDX-License-Identifier: BSD-3-Clause */
/* How a device's context entry moves, and what is invalidated then (3.4, 6.5.3.2, 9.3). */
#include <errno.h>
#include <pthread.h>
#include <string.h>

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

/* A walker that reads an entry as hardware does, all of it at once, while it moves between two domains. */
struct reader {
	struct vtd_pair *entry;
	struct vtd_pair a;
	struct vtd_pair b;
	_Atomic bool stop;
	unsigned torn;
};

static void *read_entries(void *arg)
{
	struct reader *reader = arg;

	while (!reader->stop) {
		struct vtd_pair seen;

#if defined(__x86_64__)
		__asm__ volatile("movdqa %1, %%xmm0\n\tmovq %%xmm0, %0\n\tpsrldq $8, %%xmm0\n\tmovq %%xmm0, %2"
				 : "=m"(seen.lo)
				 : "m"(*reader->entry), "m"(seen.hi)
				 : "xmm0", "memory");
#else
		seen = *reader->entry;
#endif
		reader->torn += memcmp(&seen, &reader->a, 16) && memcmp(&seen, &reader->b, 16);
	}
	return NULL;
}

static void a_reader_sees_the_old_entry_or_the_new_one(void)
{
	struct fake fake;
	struct piommu_device device;
	struct piommu_domain *a, *b;
	struct reader reader = { 0 };
	pthread_t thread;

#if !defined(__x86_64__)
	return; /* goes through not-present there */
#endif
	fake_start(&fake, FAKE_CAP, FAKE_ECAP_REGISTERS);
	device = device_at(&fake, 0x0820);
	a = create(&fake, PIOMMU_DOMAIN_PAGING);
	b = create(&fake, PIOMMU_DOMAIN_PAGING);
	CHECK_EQ(vtd_driver.attach(&device, b, 10), 0);
	reader.entry = fake_context(&fake, 0x0820);
	reader.b = *reader.entry;
	reader.a = vtd_context_translate(root_of(a), 4, 9);
	CHECK_EQ(pthread_create(&thread, NULL, read_entries, &reader), 0);
	for (unsigned i = 0; i < 20000; i++) {
		vtd_driver.attach(&device, a, 9);
		vtd_driver.attach(&device, b, 10);
		fake.nwrites = 0;
	}
	reader.stop = true;
	pthread_join(thread, NULL);
	CHECK_EQ(reader.torn, 0);
	a->ops->destroy(a);
	b->ops->destroy(b);
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
		SUITE_TEST(a_reader_sees_the_old_entry_or_the_new_one),
	};

	return suite_run(argc, argv, "vtd_entry", tests, sizeof(tests) / sizeof(tests[0]));
}
