/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a group is on that nobody has attached: the manager's default, a device's wish, a driver's demand, and where these cannot all
 * be had (doc/locking.md, T20, T21).
 */
#include <errno.h>
#include <stdio.h>

#include "fake.h"
#include "suite.h"

static struct fake fake;

static char on(const char *bdf)
{
	return fake_dev(&fake, bdf)->on;
}

/* A paging domain has a letter for itself. */
static bool on_its_own(const char *bdf)
{
	return on(bdf) >= 'A' && on(bdf) <= 'Z';
}

static struct piommu *start_with(enum piommu_default kind)
{
	fake_init(&fake);
	fake.default_domain = kind;
	return fake_start(&fake);
}

static unsigned lines(const char *text)
{
	unsigned n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

/* ---- The manager's default ---- */

static void the_managers_default_is_where_unclaimed_devices_are(void)
{
	struct piommu *p = start_with(PIOMMU_DEFAULT_ANY);

	CHECK_EQ(on("00:04.0"), 'i');
	CHECK_EQ(piommu_claim(fake_group(p, "00:04.0")), 0);
	CU_ASSERT_PTR_NULL(piommu_group_default_domain(fake_group(p, "00:04.0")));
	fake_stop(&fake, p);

	p = start_with(PIOMMU_DEFAULT_BLOCKING);
	CHECK_EQ(on("00:04.0"), 'b');
	CHECK_EQ(on("00:05.1"), 'b');
	CHECK_EQ(on("00:02.0"), 'i'); /* firmware uses it */
	CHECK_EQ(piommu_claim(fake_group(p, "00:04.0")), 0);
	CU_ASSERT_PTR_NULL(piommu_group_default_domain(fake_group(p, "00:04.0")));
	fake_stop(&fake, p);

	p = start_with(PIOMMU_DEFAULT_PAGING);
	CU_ASSERT(on_its_own("00:04.0"));
	CHECK_EQ(on("00:05.0"), on("00:05.2"));
	CU_ASSERT(on("00:04.0") != on("00:05.0")); /* each group has its own */
	fake_stop(&fake, p);
}

static void a_claim_keeps_a_paging_default_and_detach_goes_back_to_it(void)
{
	struct piommu *p = start_with(PIOMMU_DEFAULT_PAGING);
	struct piommu_group *group = fake_group(p, "00:05.0");
	struct piommu_domain *other = fake_domain_for(group), *own;
	unsigned before = fake.nlog;
	char was = on("00:05.1");

	CHECK_EQ(piommu_claim(group), 0);
	own = piommu_group_default_domain(group);
	CU_ASSERT_PTR_NOT_NULL_FATAL(own);
	CHECK_EQ(fake_name(own), was);
	CHECK_EQ(fake_count_on(own), 3);
	CHECK_EQ(fake_count(&fake, before, "attach"), 0);
	CHECK_EQ(piommu_map(own, 0x1000, 0x1000, 4096, PIOMMU_RW), 0);
	CHECK_EQ(piommu_attach(other, group), 0);
	CHECK_EQ(fake_count_on(own), 0);
	CHECK_EQ(piommu_detach(other, group), 0);
	CHECK_EQ(on("00:05.1"), was);
	CHECK_EQ(fake_count_on(own), 3);
	before = fake.nlog;
	CHECK_EQ(piommu_release(group), 0);
	CHECK_EQ(fake_count(&fake, before, "attach"), 0);
	CHECK_EQ(piommu_domain_destroy(other), 0);
	fake_stop(&fake, p);
}

static void a_default_domain_lasts_as_long_as_the_claim(void)
{
	struct piommu *p = start_with(PIOMMU_DEFAULT_PAGING);
	struct piommu_group *group = fake_group(p, "00:04.0");
	struct piommu_domain *own;
	unsigned ndomains = fake.ndomains;
	uint64_t pa = 0;

	CHECK_EQ(piommu_claim(group), 0);
	own = piommu_group_default_domain(group);
	CU_ASSERT_PTR_NOT_NULL_FATAL(own);
	CHECK_EQ(piommu_map(own, 0x1000, 0x2000, 4096, PIOMMU_RW), 0);
	CHECK_EQ(piommu_device_remove(p, fake_sbdf("00:04.0")), 0);
	CHECK_EQ(piommu_lookup(own, 0x1000, &pa, NULL, NULL), 0);
	CHECK_HEX(pa, 0x2000);
	CHECK_EQ(fake.ndomains, ndomains);
	CHECK_EQ(piommu_release(group), 0);
	CHECK_EQ(fake.ndomains, ndomains - 1);
	piommu_group_put(group);
	fake_stop(&fake, p);
}

static void a_blocked_default_is_where_claim_and_release_leave_it(void)
{
	struct piommu *p = start_with(PIOMMU_DEFAULT_BLOCKING);
	struct piommu_group *group = fake_group(p, "00:04.0");
	struct piommu_domain *domain = fake_domain_for(group);
	unsigned before = fake.nlog;

	CHECK_EQ(piommu_claim(group), 0);
	CHECK_EQ(fake.nlog, before);
	CHECK_EQ(piommu_attach(domain, group), 0);
	CHECK_EQ(piommu_detach(domain, group), 0);
	CHECK_EQ(on("00:04.0"), 'b');
	before = fake.nlog;
	CHECK_EQ(piommu_release(group), 0);
	CHECK_EQ(fake.nlog, before);
	CHECK_EQ(on("00:04.0"), 'b');
	fake_stop(&fake, p);
}

/* ---- Wishes and demands ---- */

static void a_devices_wish_is_asked_once_and_goes_before_the_managers_default(void)
{
	struct piommu *p;

	fake_init(&fake);
	fake_dev(&fake, "00:04.0")->wish.kind = PIOMMU_DEFAULT_PAGING;
	fake_dev(&fake, "00:05.1")->wish.kind = PIOMMU_DEFAULT_BLOCKING;
	p = fake_start(&fake);
	CU_ASSERT(on_its_own("00:04.0"));
	CHECK_EQ(on("00:05.0"), 'b');
	CHECK_EQ(on("00:05.1"), 'b');
	CHECK_EQ(on("01:00.0"), 'i');
	CU_ASSERT_STRING_EQUAL(fake.messages, "");
	/* what it wished for when it was found holds until it goes */
	fake_dev(&fake, "00:04.0")->wish.kind = PIOMMU_DEFAULT_BLOCKING;
	CHECK_EQ(piommu_rescan(p), 0);
	CU_ASSERT(on_its_own("00:04.0"));
	fake_stop(&fake, p);
}

static void a_drivers_demand_goes_before_the_managers_default(void)
{
	struct piommu *p;

	fake_init(&fake);
	fake.default_domain = PIOMMU_DEFAULT_PAGING;
	fake_dev(&fake, "00:04.0")->demand = PIOMMU_DEFAULT_IDENTITY;
	p = fake_start(&fake);
	CHECK_EQ(on("00:04.0"), 'i');
	CU_ASSERT(on_its_own("00:05.0"));
	CU_ASSERT_STRING_EQUAL(fake.messages, "");
	fake_stop(&fake, p);
}

static void a_drivers_demand_goes_before_a_wish(void)
{
	struct piommu *p;

	fake_init(&fake);
	fake_dev(&fake, "00:04.0")->wish.kind = PIOMMU_DEFAULT_PAGING;
	fake_dev(&fake, "00:04.0")->demand = PIOMMU_DEFAULT_IDENTITY;
	p = fake_start(&fake);
	CHECK_EQ(on("00:04.0"), 'i');
	fake_stop(&fake, p);
}

static void a_newcomer_goes_to_its_default(void)
{
	struct piommu *p = start_with(PIOMMU_DEFAULT_ANY);

	fake_dev(&fake, "00:06.0")->wish.kind = PIOMMU_DEFAULT_PAGING;
	fake_plug(&fake, "00:06.0", false);
	fake_plug(&fake, "00:07.0", false);
	CHECK_EQ(piommu_rescan(p), 2);
	CU_ASSERT(on_its_own("00:06.0"));
	CHECK_EQ(on("00:07.0"), 'i');
	fake_stop(&fake, p);
}

/* ---- T21 ---- */

static void t21_members_that_want_different_defaults_get_identity_and_one_warning(void)
{
	struct piommu *p;

	fake_init(&fake);
	fake_dev(&fake, "00:05.0")->wish.kind = PIOMMU_DEFAULT_PAGING;
	fake_dev(&fake, "00:05.1")->wish.kind = PIOMMU_DEFAULT_IDENTITY;
	fake_dev(&fake, "00:05.2")->wish.kind = PIOMMU_DEFAULT_BLOCKING;
	p = fake_start(&fake);
	for (const char *f = "012"; *f; f++)
		CHECK_EQ(on((char[]){ '0', '0', ':', '0', '5', '.', *f, '\0' }), 'i');
	CHECK_EQ(lines(fake.messages), 1);
	CHECK_HAS(fake.messages, "identity");
	fake_stop(&fake, p);
}

static void t21_untrusted_and_identity_is_refused_and_reaches_nothing(void)
{
	struct piommu_domain *domain;
	struct piommu_group *group;
	struct piommu *p;

	fake_init(&fake);
	fake_dev(&fake, "00:05.2")->wish.untrusted = true;
	fake_dev(&fake, "00:05.0")->demand = PIOMMU_DEFAULT_IDENTITY;
	p = fake_start(&fake); /* the others go on */
	CHECK_EQ(on("00:05.0"), 'b');
	CHECK_EQ(on("00:05.2"), 'b');
	CHECK_EQ(on("00:04.0"), 'i');
	CHECK_EQ(lines(fake.messages), 1);
	CHECK_HAS(fake.messages, "not trusted");
	group = fake_group(p, "00:05.0");
	CHECK_EQ(piommu_claim(group), -EPERM);
	CHECK_EQ(piommu_domain_create(group, NULL, &domain), -EPERM);
	CHECK_EQ(on("00:05.2"), 'b');
	fake_stop(&fake, p);
}

static void t21_an_untrusted_device_that_may_have_paging_gets_it(void)
{
	struct piommu *p;

	fake_init(&fake);
	fake_dev(&fake, "00:04.0")->wish = (struct piommu_wish){ PIOMMU_DEFAULT_PAGING, true };
	p = fake_start(&fake);
	CU_ASSERT(on_its_own("00:04.0"));
	CU_ASSERT_STRING_EQUAL(fake.messages, "");
	CHECK_EQ(piommu_claim(fake_group(p, "00:04.0")), 0);
	fake_stop(&fake, p);
}

static void t21_an_untrusted_device_that_nobody_wishes_anything_for_is_blocked(void)
{
	struct piommu *p;

	fake_init(&fake);
	fake_dev(&fake, "00:04.0")->wish.untrusted = true;
	p = fake_start(&fake);
	CHECK_EQ(on("00:04.0"), 'b');
	CHECK_EQ(piommu_claim(fake_group(p, "00:04.0")), 0);
	CHECK_EQ(piommu_release(fake_group(p, "00:04.0")), 0);
	CHECK_EQ(on("00:04.0"), 'b');
	fake_stop(&fake, p);
}

static void t21_an_untrusted_device_with_reserved_ranges_has_them_and_nothing_else(void)
{
	static const enum piommu_default kinds[] = { PIOMMU_DEFAULT_ANY, PIOMMU_DEFAULT_BLOCKING };

	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct piommu *p;
		char map[32];

		fake_init(&fake);
		fake.default_domain = kinds[i];
		fake_dev(&fake, "00:02.0")->wish.untrusted = true;
		p = fake_start(&fake);
		CU_ASSERT(on_its_own("00:02.0"));
		snprintf(map, sizeof(map), "map %c 7b800000 2000", on("00:02.0"));
		CU_ASSERT(fake_find(&fake, 0, map) >= 0);
		fake_stop(&fake, p);
	}
}

static void t21_an_untrusted_newcomer_that_would_be_on_identity_is_refused(void)
{
	struct piommu_device *device;
	struct piommu *p;

	fake_init(&fake);
	p = fake_start(&fake);
	fake_dev(&fake, "00:06.0")->wish.untrusted = true;
	fake_dev(&fake, "00:06.0")->demand = PIOMMU_DEFAULT_IDENTITY;
	fake_plug(&fake, "00:06.0", false);
	CHECK_EQ(piommu_device_add(p, fake_sbdf("00:06.0")), -EPERM);
	CHECK_HAS(fake.messages, "not trusted");
	CHECK_EQ(on("00:06.0"), 'b');
	CHECK_EQ(piommu_device_find(p, fake_sbdf("00:06.0"), &device), -ENOENT);
	fake_stop(&fake, p);
}

static void t21_an_untrusted_newcomer_does_not_move_a_group_that_is_on_identity(void)
{
	struct piommu *p;
	unsigned before;

	fake_init(&fake);
	fake_dev(&fake, "00:05.0")->demand = PIOMMU_DEFAULT_IDENTITY;
	p = fake_start(&fake);
	before = fake.nlog;
	fake_dev(&fake, "00:05.3")->wish.untrusted = true;
	fake_plug(&fake, "00:05.3", true);
	CHECK_EQ(piommu_device_add(p, fake_sbdf("00:05.3")), -EPERM);
	CHECK_EQ(on("00:05.3"), 'b');
	CHECK_EQ(on("00:05.0"), 'i');
	CHECK_EQ(fake_count(&fake, before, "attach 00:05.0"), 0);
	CHECK_EQ(piommu_claim(fake_group(p, "00:05.0")), 0);
	fake_stop(&fake, p);
}

/* ---- T20 ---- */

static void t20_a_paging_default_has_reserved_ranges_before_the_switch(void)
{
	struct piommu *p = start_with(PIOMMU_DEFAULT_PAGING);
	char map[32], attach[32];
	unsigned before;

	snprintf(map, sizeof(map), "map %c 7b800000 2000", on("00:02.0"));
	snprintf(attach, sizeof(attach), "attach 00:02.0 %c", on("00:02.0"));
	CU_ASSERT(fake_find(&fake, 0, map) >= 0);
	CU_ASSERT(fake_find_start(&fake, 0, attach) > fake_find(&fake, 0, map));

	CHECK_EQ(piommu_device_remove(p, fake_sbdf("00:02.0")), 0);
	CHECK_EQ(on("00:02.0"), 'i');
	before = fake.nlog;
	CHECK_EQ(piommu_device_add(p, fake_sbdf("00:02.0")), 0);
	snprintf(map, sizeof(map), "map %c 7c000000 1000", on("00:02.0"));
	snprintf(attach, sizeof(attach), "attach 00:02.0 %c", on("00:02.0"));
	CU_ASSERT(fake_find(&fake, before, map) >= 0);
	CU_ASSERT(fake_find_start(&fake, before, attach) > fake_find(&fake, before, map));
	fake_stop(&fake, p);
}

static void t20_a_device_with_reserved_ranges_is_released_to_identity(void)
{
	struct piommu *p = start_with(PIOMMU_DEFAULT_ANY);
	struct piommu_group *group = fake_group(p, "00:02.0");
	struct piommu_domain *domain = fake_domain_for(group);
	unsigned before;

	CHECK_EQ(piommu_claim(group), 0);
	CHECK_EQ(piommu_attach(domain, group), 0);
	before = fake.nlog;
	CHECK_EQ(piommu_device_remove(p, fake_sbdf("00:02.0")), 0);
	CHECK_EQ(on("00:02.0"), 'i');
	CHECK_EQ(fake_count(&fake, before, "attach 00:02.0 b"), 0);
	CU_ASSERT(fake_find(&fake, before, "release_device 00:02.0") > fake_find_start(&fake, before, "attach 00:02.0 i"));
	CHECK_EQ(piommu_domain_destroy(domain), 0);
	/* one without is blocked */
	before = fake.nlog;
	CHECK_EQ(piommu_device_remove(p, fake_sbdf("00:04.0")), 0);
	CHECK_EQ(on("00:04.0"), 'b');
	CU_ASSERT(fake_find(&fake, before, "release_device 00:04.0") > fake_find_start(&fake, before, "attach 00:04.0 b"));
	fake_stop(&fake, p);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(the_managers_default_is_where_unclaimed_devices_are),
		SUITE_TEST(a_claim_keeps_a_paging_default_and_detach_goes_back_to_it),
		SUITE_TEST(a_default_domain_lasts_as_long_as_the_claim),
		SUITE_TEST(a_blocked_default_is_where_claim_and_release_leave_it),
		SUITE_TEST(a_devices_wish_is_asked_once_and_goes_before_the_managers_default),
		SUITE_TEST(a_drivers_demand_goes_before_the_managers_default),
		SUITE_TEST(a_drivers_demand_goes_before_a_wish),
		SUITE_TEST(a_newcomer_goes_to_its_default),
		SUITE_TEST(t21_members_that_want_different_defaults_get_identity_and_one_warning),
		SUITE_TEST(t21_untrusted_and_identity_is_refused_and_reaches_nothing),
		SUITE_TEST(t21_an_untrusted_device_that_may_have_paging_gets_it),
		SUITE_TEST(t21_an_untrusted_device_that_nobody_wishes_anything_for_is_blocked),
		SUITE_TEST(t21_an_untrusted_device_with_reserved_ranges_has_them_and_nothing_else),
		SUITE_TEST(t21_an_untrusted_newcomer_that_would_be_on_identity_is_refused),
		SUITE_TEST(t21_an_untrusted_newcomer_does_not_move_a_group_that_is_on_identity),
		SUITE_TEST(t20_a_paging_default_has_reserved_ranges_before_the_switch),
		SUITE_TEST(t20_a_device_with_reserved_ranges_is_released_to_identity),
	};

	return suite_run(argc, argv, "defaults", tests, sizeof(tests) / sizeof(tests[0]));
}
