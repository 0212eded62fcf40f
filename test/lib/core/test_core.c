/* SPDX-License-Identifier: BSD-3-Clause */
/* The core alone, over a fake machine and a fake driver: order of operations, roll-back, refusals, events. */
#include <errno.h>
#include <string.h>

#include "fake.h"
#include "suite.h"

static struct fake fake;

static struct piommu *start(void)
{
	fake_init(&fake);
	return fake_start(&fake);
}

static void stop(struct piommu *p)
{
	fake_stop(&fake, p);
}

static void units_are_taken_all_or_none(void)
{
	struct piommu *p = NULL;

	fake_init(&fake);
	fake.fail_enable = 2;
	CHECK_EQ(fake_create(&fake, false, &p), -ETIMEDOUT);
	CU_ASSERT(fake_find(&fake, 0, "enable dmar1") >= 0);
	CU_ASSERT(fake_find(&fake, 0, "shutdown dmar0") > fake_find(&fake, 0, "enable dmar1"));
	CU_ASSERT(fake_find(&fake, 0, "shutdown dmar1") < 0);
	CU_ASSERT(fake_find(&fake, 0, "remove dmar0") >= 0 && fake_find(&fake, 0, "remove dmar1") >= 0);
	fake_fini(&fake);
}

static void a_machine_without_units_is_refused_but_can_be_looked_at(void)
{
	struct piommu_group *group;
	struct piommu *p = NULL;

	fake_init(&fake);
	fake.dmar_len = 0;
	CHECK_EQ(fake_create(&fake, false, &p), -ENOENT);
	CHECK_HAS(fake.messages, "no IOMMU");
	CHECK_EQ(fake_create(&fake, true, &p), 0);
	CHECK_EQ(piommu_unit_count(p), 0);
	group = piommu_group_at(p, 0);
	CHECK_EQ(piommu_claim(group), -EPERM);
	piommu_group_put(group);
	piommu_destroy(p);
	fake_fini(&fake);
}

static void tables_that_need_rights_stop_a_manager_but_not_a_look(void)
{
	struct piommu *p = NULL;

	fake_init(&fake);
	fake.unreadable = true;
	CHECK_EQ(fake_create(&fake, false, &p), -EACCES);
	CHECK_HAS(fake.messages, "run as root");
	fake.messages[0] = '\0';
	CHECK_EQ(fake_create(&fake, true, &p), 0);
	CHECK_HAS(fake.messages, "DMAR");
	CHECK_EQ(piommu_group_count(p), 5);
	piommu_destroy(p);
	fake_fini(&fake);
}

static void a_machine_that_can_only_be_looked_at_is_refused_in_words(void)
{
	struct piommu *p = NULL;

	fake_init(&fake);
	fake.no_registers = true;
	CHECK_EQ(fake_create(&fake, false, &p), -ENOTSUP);
	CHECK_HAS(fake.messages, "can only be looked at");
	CHECK_EQ(fake_create(&fake, true, &p), 0);
	CHECK_EQ(piommu_unit_count(p), 2);
	piommu_destroy(p);
	fake_fini(&fake);
}

static void a_device_goes_through_the_unit_whose_scope_it_is_under(void)
{
	struct piommu *p = start();
	struct piommu_group_info info;

	piommu_group_info(fake_group(p, "01:00.0"), &info);
	CU_ASSERT_STRING_EQUAL(info.unit, "dmar0");
	piommu_group_info(fake_group(p, "00:04.0"), &info);
	CU_ASSERT_STRING_EQUAL(info.unit, "dmar1");
	CU_ASSERT(!info.has_reserved);
	piommu_group_info(fake_group(p, "00:02.0"), &info);
	CU_ASSERT(info.has_reserved);
	stop(p);
}

static void a_claimed_group_is_blocked_until_attached(void)
{
	struct piommu *p = start();
	struct piommu_group *group = fake_group(p, "00:04.0");
	struct piommu_domain *domain = fake_domain_for(group);

	CHECK_EQ(piommu_attach(domain, group), -EINVAL);
	CHECK_HAS(fake.messages, "not claimed");
	CHECK_EQ(piommu_claim(group), 0);
	CHECK_HAS(fake.log[fake.nlog - 1], "attach 00:04.0 b");
	CHECK_EQ(piommu_claim(group), -EBUSY);
	CHECK_EQ(piommu_attach(domain, group), 0);
	CHECK_EQ(piommu_release(group), -EBUSY);
	CHECK_EQ(piommu_domain_destroy(domain), -EBUSY);
	CHECK_EQ(piommu_detach(domain, group), 0);
	CHECK_EQ(piommu_detach(domain, group), -EINVAL);
	CHECK_EQ(piommu_domain_destroy(domain), 0);
	CHECK_EQ(piommu_release(group), 0);
	CHECK_EQ(piommu_release(group), -EINVAL);
	stop(p);
}

static void t20_reserved_ranges_are_mapped_before_the_switch_and_never_blocked(void)
{
	struct piommu *p = start();
	struct piommu_group *group = fake_group(p, "00:02.0");
	const struct piommu_domain_attr blocking = { .kind = PIOMMU_KIND_BLOCKING };
	struct piommu_domain *none, *domain = fake_domain_for(group);
	unsigned before = fake.nlog;
	uint64_t iova = 0;

	CHECK_EQ(piommu_claim(group), 0);
	CHECK_EQ(fake.nlog, before); /* still on identity: nothing was written */
	CHECK_EQ(piommu_domain_create(group, &blocking, &none), 0);
	CHECK_EQ(piommu_attach(none, group), -EOPNOTSUPP);
	CHECK_EQ(piommu_attach(domain, group), 0);

	int map = fake_find(&fake, before, "map A 7b800000 2000");
	int attach = -1;

	for (unsigned i = before; i < fake.nlog; i++)
		if (strstr(fake.log[i], "attach 00:02.0 A"))
			attach = (int)i;
	CU_ASSERT(map >= 0 && attach > map);
	/* and its addresses are not handed out */
	CHECK_EQ(iova_free(core_domain_of(domain)->iova, 0x7b800000, 4096), -ENOENT);
	CHECK_EQ(piommu_iova_alloc(domain, 4096, 4096, &iova), 0);
	CU_ASSERT(iova < 0x7b800000 || iova > 0x7b801fff);
	CHECK_EQ(piommu_detach(domain, group), 0);
	CHECK_HAS(fake.log[fake.nlog - 2], "attach 00:02.0 i");
	CHECK_EQ(piommu_domain_destroy(none), 0);
	CHECK_EQ(piommu_domain_destroy(domain), 0);
	stop(p);
}

static void a_reserved_range_mapped_elsewhere_refuses_the_attach_and_nothing_is_mapped(void)
{
	struct piommu *p = start();
	struct piommu_group *group = fake_group(p, "00:02.0");
	struct piommu_domain *domain = fake_domain_for(group);
	struct fake_domain *fd = (struct fake_domain *)(void *)domain;

	fd->maps = (struct fake_maps){ .iova = { 0x7c000000 }, .pa = { 0x1000 }, .n = 1 };
	CHECK_EQ(piommu_claim(group), 0);
	CHECK_EQ(piommu_attach(domain, group), -EADDRINUSE);
	CHECK_HAS(fake.messages, "0x7c000000");
	CHECK_EQ(fd->maps.n, 1); /* nor was the other range, which is free, mapped */
	CHECK_EQ(piommu_domain_destroy(domain), 0);
	stop(p);
}

static void t19_an_attach_that_fails_at_a_later_member_moves_the_earlier_ones_back(void)
{
	struct piommu *p = start();
	struct piommu_group *group = fake_group(p, "00:05.1");
	struct piommu_domain *a = fake_domain_for(group), *b = fake_domain_for(group);
	struct piommu_domain_info info;
	unsigned before;

	CHECK_EQ(piommu_claim(group), 0);
	CHECK_EQ(piommu_attach(a, group), 0);
	before = fake.nlog;
	for (unsigned member = 1; member <= 3; member++) {
		fake.fail_attach = member;
		CHECK_EQ(piommu_attach(b, group), -ETIMEDOUT);
		piommu_domain_info(a, &info);
		CHECK_EQ(info.ndevices, 3);
		piommu_domain_info(b, &info);
		CHECK_EQ(info.ndevices, 0);
	}
	CHECK_HAS(fake.messages, "00:05.2");
	/* never through a third state: only A and B appear */
	for (unsigned i = before; i < fake.nlog; i++)
		CU_ASSERT(!strstr(fake.log[i], " b ") && !strstr(fake.log[i], " i "));
	CHECK_EQ(piommu_attach(b, group), 0);
	CHECK_EQ(piommu_detach(b, group), 0);
	CHECK_EQ(piommu_domain_destroy(a), 0);
	CHECK_EQ(piommu_domain_destroy(b), 0);
	stop(p);
}

static void bad_arguments_never_reach_the_driver(void)
{
	struct piommu *p = start();
	struct piommu_group *group = fake_group(p, "00:04.0");
	struct piommu_domain *domain = fake_domain_for(group);
	unsigned before = fake.nlog;
	char text[256];
	static const struct {
		uint64_t iova, pa, len;
		unsigned prot;
		int err;
		const char *word;
	} bad[] = {
		{ 0x1000, 0x1000, 0, PIOMMU_RW, -EINVAL, "length 0" },
		{ 0x1001, 0x1000, 0x1000, PIOMMU_RW, -EINVAL, "iova 0x1001" },
		{ 0x1000, 0x1800, 0x1000, PIOMMU_RW, -EINVAL, "pa 0x1800" },
		{ 0x1000, 0x1000, 0x1800, PIOMMU_RW, -EINVAL, "length 0x1800" },
		{ 0x1000, 0x1000, 0x1000, 0, -EINVAL, "permissions" },
		{ 0x1000, 0x1000, 0x1000, 8, -EINVAL, "permissions 0x8" },
		{ 0xfffffffff000, 0x1000, 0x2000, PIOMMU_RW, -ERANGE, "48 bits" },
		{ 0xfffffffffffff000, 0x1000, 0x2000, PIOMMU_RW, -ERANGE, "48 bits" },
		{ 0xfee00000, 0x1000, 0x1000, PIOMMU_RW, -ERANGE, "interrupt" },
		{ 0xfedff000, 0x1000, 0x2000, PIOMMU_RW, -ERANGE, "interrupt" },
	};

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CHECK_EQ(piommu_map(domain, bad[i].iova, bad[i].pa, bad[i].len, bad[i].prot), bad[i].err);
		CHECK_EQ(piommu_map_explain(domain, bad[i].iova, bad[i].pa, bad[i].len, bad[i].prot, text, sizeof(text)),
			 bad[i].err);
		CHECK_HAS(text, bad[i].word);
	}
	CHECK_EQ(fake.nlog, before);
	CHECK_EQ(piommu_map(domain, 0, 0x1000, 0x1000, PIOMMU_RW), 0); /* iova 0 is an address */
	CHECK_EQ(piommu_map_explain(domain, 0, 0x1000, 0x1000, PIOMMU_RW, text, sizeof(text)), -EEXIST);
	CHECK_HAS(text, "mapped already");
	CHECK_EQ(piommu_domain_destroy(domain), 0);
	stop(p);
}

static void the_ring_keeps_the_last_events_and_counts_the_lost(void)
{
	struct piommu *p = start();
	struct piommu_event events[8];
	struct piommu_stats stats;
	unsigned n = 0, got;
	uint64_t last = 0;

	fake.event = (struct piommu_event){ .type = PIOMMU_EVENT_DMA_FAULT, .reason_text = "x", .reason_name = "y" };
	fake.nevents = 300;
	while (piommu_poll(p))
		;
	piommu_stats(p, &stats);
	CHECK_EQ(stats.faults, 300);
	CHECK_EQ(stats.events_lost, 300 - 256);
	while ((got = piommu_events(p, events, 8)) > 0) {
		for (unsigned i = 0; i < got; i++, n++) {
			CU_ASSERT(n ? events[i].iova > last : events[i].iova == (300 - 256 + 1) * 4096);
			last = events[i].iova;
		}
	}
	CHECK_EQ(n, 256);
	CHECK_EQ(last, 300 * 4096);
	stop(p);
}

/* The group of 00:05.x, claimed and attached to a new domain. */
static struct piommu_group *attached_three(struct piommu *p, struct piommu_domain **domain)
{
	struct piommu_group *group = fake_group(p, "00:05.0");

	*domain = fake_domain_for(group);
	CU_ASSERT_FATAL(!piommu_claim(group) && !piommu_attach(*domain, group));
	return group;
}

static void t16_the_end_of_one_members_reset_does_not_unblock_another(void)
{
	struct piommu *p = start();
	struct piommu_domain *domain, *other;
	struct piommu_group *group = attached_three(p, &domain);

	other = fake_domain_for(group);
	CHECK_EQ(piommu_reset_begin(p, fake_sbdf("00:05.0")), 0);
	CHECK_EQ(piommu_reset_begin(p, fake_sbdf("00:05.1")), 0);
	CHECK_EQ(fake_count_on(domain), 1);
	CHECK_EQ(piommu_reset_end(p, fake_sbdf("00:05.0")), 0);
	CHECK_EQ(fake_count_on(domain), 2);
	CHECK_EQ(piommu_attach(other, group), -EBUSY); /* .1 is still being reset */
	CHECK_HAS(fake.messages, "being reset");
	CHECK_EQ(piommu_reset_end(p, fake_sbdf("00:05.1")), 0);
	CHECK_EQ(fake_count_on(domain), 3);
	CHECK_EQ(piommu_attach(other, group), 0);
	CHECK_EQ(fake_count_on(other), 3);
	stop(p);
}

static void t17_resets_of_one_device_nest(void)
{
	struct piommu *p = start();
	struct piommu_group *group;
	struct piommu_domain *domain;
	unsigned before;

	group = attached_three(p, &domain);
	CHECK_EQ(piommu_reset_end(p, fake_sbdf("00:05.1")), -EINVAL);
	before = fake.nlog;
	CHECK_EQ(piommu_reset_begin(p, fake_sbdf("00:05.1")), 0);
	CHECK_EQ(piommu_reset_begin(p, fake_sbdf("00:05.1")), 0);
	CHECK_EQ(piommu_reset_end(p, fake_sbdf("00:05.1")), 0);
	CHECK_EQ(fake_count_on(domain), 2);
	CHECK_EQ(fake.nlog, before + 1); /* one move: to blocking */
	CHECK_EQ(piommu_attach(domain, group), -EBUSY);
	CHECK_EQ(piommu_reset_end(p, fake_sbdf("00:05.1")), 0);
	CHECK_EQ(fake_count_on(domain), 3);
	CHECK_EQ(piommu_attach(domain, group), 0); /* nothing to do, and no fence is left */
	stop(p);
}

static void t18_teardown_during_a_reset_succeeds(void)
{
	struct piommu *p = start();
	struct piommu_domain *domain;
	struct piommu_group *group = attached_three(p, &domain);

	CHECK_EQ(piommu_reset_begin(p, fake_sbdf("00:05.1")), 0);
	CHECK_EQ(piommu_detach(domain, group), 0);
	CHECK_EQ(piommu_domain_destroy(domain), 0);
	CHECK_EQ(piommu_release(group), 0);
	/* Released, its siblings are on identity; it is blocked until its reset is over. */
	CHECK_EQ(fake_dev(&fake, "00:05.0")->on, 'i');
	CHECK_EQ(fake_dev(&fake, "00:05.1")->on, 'b');
	CHECK_EQ(piommu_reset_end(p, fake_sbdf("00:05.1")), 0);
	CHECK_EQ(fake_dev(&fake, "00:05.1")->on, 'i');
	/* and a manager that goes while one is under way */
	CHECK_EQ(piommu_claim(group), 0);
	CHECK_EQ(piommu_reset_begin(p, fake_sbdf("00:05.2")), 0);
	stop(p);
}

static void a_device_that_cannot_return_after_a_reset_stays_blocked(void)
{
	struct piommu *p = start();
	struct piommu_domain *domain;
	struct piommu_group *group = attached_three(p, &domain);

	CHECK_EQ(piommu_reset_begin(p, fake_sbdf("00:05.1")), 0);
	fake.fail_attach = 1;
	CHECK_EQ(piommu_reset_end(p, fake_sbdf("00:05.1")), -ETIMEDOUT);
	CHECK_HAS(fake.messages, "stays blocked");
	CHECK_EQ(fake_count_on(domain), 2);
	CHECK_EQ(piommu_detach(domain, group), 0);
	CHECK_EQ(piommu_attach(domain, group), 0);
	CHECK_EQ(fake_count_on(domain), 3);
	stop(p);
}

static void a_device_with_reserved_ranges_is_not_blocked_by_a_reset(void)
{
	struct piommu *p = start();
	struct piommu_group *group = fake_group(p, "00:02.0");
	struct piommu_domain *domain = fake_domain_for(group);
	unsigned before;

	CHECK_EQ(piommu_reset_begin(p, fake_sbdf("00:02.0")), -EINVAL); /* not claimed */
	CHECK_EQ(piommu_claim(group), 0);
	CHECK_EQ(piommu_attach(domain, group), 0);
	before = fake.nlog;
	CHECK_EQ(piommu_reset_begin(p, fake_sbdf("00:02.0")), 0);
	CHECK_EQ(fake.nlog, before);
	CHECK_EQ(piommu_detach(domain, group), 0);
	CHECK_EQ(piommu_reset_end(p, fake_sbdf("00:02.0")), 0);
	stop(p);
}

static void domains_end_with_their_manager(void)
{
	struct piommu *p = start();
	struct piommu_group *group = fake_group(p, "00:04.0");
	struct piommu_domain *domain = fake_domain_for(group);

	CHECK_EQ(piommu_claim(group), 0);
	CHECK_EQ(piommu_attach(domain, group), 0);
	CHECK_EQ(fake.ndomains, 5); /* and an identity and a blocking one for each unit */
	stop(p);                    /* checks that none is left */
	CU_ASSERT(fake_find(&fake, 0, "shutdown dmar1") > fake_find(&fake, 0, "attach 00:04.0 i 0"));
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(units_are_taken_all_or_none),
		SUITE_TEST(a_machine_without_units_is_refused_but_can_be_looked_at),
		SUITE_TEST(tables_that_need_rights_stop_a_manager_but_not_a_look),
		SUITE_TEST(a_machine_that_can_only_be_looked_at_is_refused_in_words),
		SUITE_TEST(a_device_goes_through_the_unit_whose_scope_it_is_under),
		SUITE_TEST(a_claimed_group_is_blocked_until_attached),
		SUITE_TEST(t20_reserved_ranges_are_mapped_before_the_switch_and_never_blocked),
		SUITE_TEST(a_reserved_range_mapped_elsewhere_refuses_the_attach_and_nothing_is_mapped),
		SUITE_TEST(t19_an_attach_that_fails_at_a_later_member_moves_the_earlier_ones_back),
		SUITE_TEST(bad_arguments_never_reach_the_driver),
		SUITE_TEST(the_ring_keeps_the_last_events_and_counts_the_lost),
		SUITE_TEST(t16_the_end_of_one_members_reset_does_not_unblock_another),
		SUITE_TEST(t17_resets_of_one_device_nest),
		SUITE_TEST(t18_teardown_during_a_reset_succeeds),
		SUITE_TEST(a_device_that_cannot_return_after_a_reset_stays_blocked),
		SUITE_TEST(a_device_with_reserved_ranges_is_not_blocked_by_a_reset),
		SUITE_TEST(domains_end_with_their_manager),
	};

	return suite_run(argc, argv, "core", tests, sizeof(tests) / sizeof(tests[0]));
}
