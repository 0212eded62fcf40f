/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * PASIDs: one address space of a group's devices beside the one they are on (doc/locking.md, T22). In the group of 00:05.0, .1 and .2
 * the second member has none.
 */
#include <errno.h>
#include <string.h>

#include "fake.h"
#include "suite.h"

static struct fake fake;

struct rig {
	struct piommu *p;
	struct piommu_group *group;
	struct piommu_domain *domain;
	unsigned before; /* log index when all stood */
};

static void make_machine(void)
{
	fake_init(&fake);
	fake_dev(&fake, "00:05.0")->pasid_bits = 8;
	fake_dev(&fake, "00:05.2")->pasid_bits = 20;
	fake_dev(&fake, "00:05.3")->pasid_bits = 20; /* not plugged in yet */
}

static struct rig claimed(void)
{
	struct rig rig;

	make_machine();
	rig.p = fake_start(&fake);
	rig.group = fake_group(rig.p, "00:05.0");
	rig.domain = fake_domain_for(rig.group);
	CHECK_EQ(piommu_claim(rig.group), 0);
	rig.before = fake.nlog;
	return rig;
}

static void end(const struct rig *rig)
{
	fake_stop(&fake, rig->p);
}

/* What a PASID of a device leads to; NULL: nothing. */
static const struct piommu_domain *leads_to(const char *bdf, uint32_t pasid)
{
	const struct fake_dev *dev = fake_dev(&fake, bdf);

	for (unsigned i = 0; i < FAKE_PASIDS; i++)
		if (dev->pasids[i].pasid == pasid)
			return dev->pasids[i].domain;
	return NULL;
}

static unsigned calls(const struct rig *rig)
{
	return fake_count(&fake, rig->before, "pasid");
}

static void t22_members_without_pasid_are_passed_over(void)
{
	struct rig rig = claimed();

	CHECK_EQ(piommu_attach_pasid(rig.domain, rig.group, 7), 0);
	CU_ASSERT_PTR_EQUAL(leads_to("00:05.0", 7), rig.domain);
	CU_ASSERT_PTR_EQUAL(leads_to("00:05.2", 7), rig.domain);
	CHECK_EQ(calls(&rig), 2); /* none for 00:05.1 */
	CHECK_EQ(fake_dev(&fake, "00:05.0")->on, 'b');
	/* It counts as attached: unmap must reach it, and its tables must stay. */
	CHECK_EQ(piommu_domain_units(rig.domain)->n, 1);
	CHECK_EQ(piommu_domain_destroy(rig.domain), -EBUSY);
	CHECK_EQ(piommu_detach_pasid(rig.domain, rig.group, 7), 0);
	CU_ASSERT_PTR_NULL(leads_to("00:05.0", 7));
	CU_ASSERT_PTR_NULL(leads_to("00:05.2", 7));
	CHECK_EQ(calls(&rig), 4);
	CHECK_EQ(piommu_detach_pasid(rig.domain, rig.group, 7), -EINVAL);
	CHECK_EQ(piommu_domain_destroy(rig.domain), 0);
	end(&rig);
}

static void t22_a_pasid_too_wide_for_one_member_is_refused(void)
{
	struct rig rig = claimed();

	CHECK_EQ(piommu_attach_pasid(rig.domain, rig.group, 0x100), -EINVAL);
	CHECK_HAS(fake.messages, "00:05.0"); /* whose 8 bits it does not fit */
	CHECK_EQ(calls(&rig), 0);
	CHECK_EQ(piommu_attach_pasid(rig.domain, rig.group, 0xff), 0);
	end(&rig);
}

static void t22_a_group_without_pasids_is_refused(void)
{
	struct rig rig = claimed();
	struct piommu_group *none = fake_group(rig.p, "00:04.0");

	CHECK_EQ(piommu_claim(none), 0);
	CHECK_EQ(piommu_attach_pasid(rig.domain, none, 1), -EOPNOTSUPP);
	CHECK_EQ(calls(&rig), 0);
	end(&rig);
}

static void bad_arguments_never_reach_the_driver(void)
{
	const struct piommu_domain_attr identity = { .kind = PIOMMU_KIND_IDENTITY };
	struct rig rig = claimed();
	struct piommu_domain *wrong = NULL, *other = fake_domain_for(rig.group);

	CHECK_EQ(piommu_domain_create(rig.group, &identity, &wrong), 0);
	CHECK_EQ(piommu_attach_pasid(rig.domain, rig.group, 0), -EINVAL);
	CHECK_EQ(piommu_attach_pasid(wrong, rig.group, 7), -EINVAL);
	CHECK_EQ(piommu_detach_pasid(rig.domain, rig.group, 7), -EINVAL);
	CHECK_EQ(calls(&rig), 0);
	CHECK_EQ(piommu_attach_pasid(rig.domain, rig.group, 7), 0);
	CHECK_EQ(piommu_attach_pasid(rig.domain, rig.group, 7), -EBUSY);
	CHECK_EQ(piommu_attach_pasid(other, rig.group, 7), -EBUSY);
	CHECK_EQ(piommu_detach_pasid(other, rig.group, 7), -EINVAL);
	CHECK_EQ(calls(&rig), 2);
	CHECK_EQ(piommu_detach_pasid(rig.domain, rig.group, 7), 0);
	CHECK_EQ(piommu_release(rig.group), 0);
	CHECK_EQ(piommu_attach_pasid(rig.domain, rig.group, 7), -EINVAL); /* not claimed */
	CHECK_EQ(calls(&rig), 4);
	end(&rig);
}

static int last_member_fails(void *ctx, const char *what)
{
	(void)ctx;
	return strncmp(what, "pasid 00:05.2 7 ", 16) == 0 && what[16] != '-' ? -EIO : 0;
}

static void t19_a_later_member_that_fails_takes_it_from_the_earlier_ones(void)
{
	struct rig rig = claimed();

	fake.hook = last_member_fails;
	CHECK_EQ(piommu_attach_pasid(rig.domain, rig.group, 7), -EIO);
	CU_ASSERT(fake_find_start(&fake, rig.before, "pasid 00:05.0 7 A") >= 0);
	CU_ASSERT_PTR_NULL(leads_to("00:05.0", 7));
	CHECK_EQ(fake_count_on(rig.domain), 0);
	fake.hook = NULL;
	CHECK_EQ(piommu_attach_pasid(rig.domain, rig.group, 7), 0);
	CHECK_EQ(piommu_detach_pasid(rig.domain, rig.group, 7), 0);
	CHECK_EQ(piommu_domain_destroy(rig.domain), 0);
	end(&rig);
}

static void one_domain_may_serve_several_pasids_and_the_devices_themselves(void)
{
	struct rig rig = claimed();

	CHECK_EQ(piommu_attach(rig.domain, rig.group), 0);
	CHECK_EQ(piommu_attach_pasid(rig.domain, rig.group, 1), 0);
	CHECK_EQ(piommu_attach_pasid(rig.domain, rig.group, 2), 0);
	CHECK_EQ(piommu_detach(rig.domain, rig.group), 0);
	CHECK_EQ(piommu_domain_units(rig.domain)->n, 1);
	CHECK_EQ(piommu_detach_pasid(rig.domain, rig.group, 1), 0);
	CHECK_EQ(piommu_domain_units(rig.domain)->n, 1);
	CU_ASSERT_PTR_EQUAL(leads_to("00:05.2", 2), rig.domain);
	CHECK_EQ(piommu_domain_destroy(rig.domain), -EBUSY);
	CHECK_EQ(piommu_detach_pasid(rig.domain, rig.group, 2), 0);
	CHECK_EQ(piommu_domain_destroy(rig.domain), 0);
	end(&rig);
}

static void t18_busy_during_a_reset_but_detach_works(void)
{
	struct rig rig = claimed();

	CHECK_EQ(piommu_attach_pasid(rig.domain, rig.group, 7), 0);
	CHECK_EQ(piommu_reset_begin(rig.p, fake_sbdf("00:05.0")), 0);
	CHECK_EQ(piommu_attach_pasid(rig.domain, rig.group, 8), -EBUSY);
	CHECK_EQ(fake_count(&fake, rig.before, "pasid 00:05.0 8"), 0);
	CHECK_EQ(fake_count(&fake, rig.before, "pasid 00:05.2 8"), 0);
	CHECK_EQ(piommu_detach_pasid(rig.domain, rig.group, 7), 0);
	CU_ASSERT_PTR_NULL(leads_to("00:05.0", 7));
	CU_ASSERT_PTR_NULL(leads_to("00:05.2", 7));
	CHECK_EQ(piommu_domain_destroy(rig.domain), 0);
	CHECK_EQ(piommu_reset_end(rig.p, fake_sbdf("00:05.0")), 0);
	CU_ASSERT_PTR_NULL(leads_to("00:05.0", 7));
	end(&rig);
}

static void t18_pasids_leave_for_the_time_of_a_reset(void)
{
	struct rig rig = claimed();

	CHECK_EQ(piommu_attach_pasid(rig.domain, rig.group, 7), 0);
	CHECK_EQ(piommu_reset_begin(rig.p, fake_sbdf("00:05.0")), 0);
	CHECK_EQ(piommu_reset_begin(rig.p, fake_sbdf("00:05.0")), 0);
	CU_ASSERT_PTR_NULL(leads_to("00:05.0", 7)); /* it would reach memory by that, too */
	CU_ASSERT_PTR_EQUAL(leads_to("00:05.2", 7), rig.domain);
	CHECK_EQ(piommu_reset_end(rig.p, fake_sbdf("00:05.0")), 0);
	CU_ASSERT_PTR_NULL(leads_to("00:05.0", 7));
	CHECK_EQ(piommu_reset_end(rig.p, fake_sbdf("00:05.0")), 0);
	CU_ASSERT_PTR_EQUAL(leads_to("00:05.0", 7), rig.domain);
	CHECK_EQ(piommu_detach_pasid(rig.domain, rig.group, 7), 0);
	CHECK_EQ(piommu_domain_destroy(rig.domain), 0);
	end(&rig);
}

static int first_member_fails(void *ctx, const char *what)
{
	(void)ctx;
	return strncmp(what, "pasid 00:05.0 7 A", 17) == 0 ? -EIO : 0;
}

static void t18_a_member_whose_pasids_could_not_come_back_is_not_passed_over(void)
{
	struct rig rig = claimed();

	CHECK_EQ(piommu_attach_pasid(rig.domain, rig.group, 7), 0);
	CHECK_EQ(piommu_reset_begin(rig.p, fake_sbdf("00:05.0")), 0);
	fake.hook = first_member_fails;
	CHECK_EQ(piommu_reset_end(rig.p, fake_sbdf("00:05.0")), -EIO);
	fake.hook = NULL;
	CHECK_EQ(piommu_detach_pasid(rig.domain, rig.group, 7), 0);
	CHECK_EQ(piommu_attach_pasid(rig.domain, rig.group, 9), 0);
	CU_ASSERT_PTR_EQUAL(leads_to("00:05.0", 9), rig.domain);
	CU_ASSERT_PTR_EQUAL(leads_to("00:05.2", 9), rig.domain);
	CHECK_EQ(piommu_detach_pasid(rig.domain, rig.group, 9), 0);
	CHECK_EQ(piommu_domain_destroy(rig.domain), 0);
	end(&rig);
}

static void t22_a_release_is_refused_as_long_as_one_is_attached(void)
{
	struct rig rig = claimed();

	CHECK_EQ(piommu_attach_pasid(rig.domain, rig.group, 7), 0);
	CHECK_EQ(piommu_release(rig.group), -EBUSY);
	CU_ASSERT_PTR_EQUAL(leads_to("00:05.2", 7), rig.domain);
	CHECK_EQ(piommu_detach_pasid(rig.domain, rig.group, 7), 0);
	CHECK_EQ(piommu_release(rig.group), 0);
	end(&rig);
}

static void t22_a_member_that_goes_leaves_nothing_and_the_last_one_ends_it(void)
{
	struct rig rig = claimed();

	CHECK_EQ(piommu_attach_pasid(rig.domain, rig.group, 7), 0);
	CHECK_EQ(piommu_attach_pasid(rig.domain, rig.group, 9), 0);
	CHECK_EQ(piommu_device_remove(rig.p, fake_sbdf("00:05.2")), 0);
	CU_ASSERT_PTR_NULL(leads_to("00:05.2", 7));
	CU_ASSERT_PTR_NULL(leads_to("00:05.2", 9));
	CU_ASSERT_PTR_EQUAL(leads_to("00:05.0", 7), rig.domain);
	CHECK_EQ(piommu_detach_pasid(rig.domain, rig.group, 9), 0);
	CHECK_EQ(piommu_device_remove(rig.p, fake_sbdf("00:05.1")), 0);
	CHECK_EQ(piommu_device_remove(rig.p, fake_sbdf("00:05.0")), 0);
	CU_ASSERT_PTR_NULL(leads_to("00:05.0", 7));
	CHECK_EQ(piommu_domain_destroy(rig.domain), 0);
	CHECK_EQ(piommu_release(rig.group), 0);
	end(&rig);
}

static void t22_a_member_that_comes_joins_the_groups_pasids(void)
{
	struct rig rig = claimed();

	CHECK_EQ(piommu_attach_pasid(rig.domain, rig.group, 7), 0);
	fake_plug(&fake, "00:05.3", true);
	CHECK_EQ(piommu_device_add(rig.p, fake_sbdf("00:05.3")), 0);
	CU_ASSERT_PTR_EQUAL(leads_to("00:05.3", 7), rig.domain);
	CHECK_EQ(piommu_detach_pasid(rig.domain, rig.group, 7), 0);
	CU_ASSERT_PTR_NULL(leads_to("00:05.3", 7));
	CHECK_EQ(piommu_domain_destroy(rig.domain), 0);
	end(&rig);
}

static void t22_a_deferred_member_leaves_no_pasid(void)
{
	struct rig rig;

	make_machine();
	fake_dev(&fake, "00:05.2")->deferred = true;
	rig.p = fake_start(&fake);
	rig.group = fake_group(rig.p, "00:05.0");
	rig.domain = fake_domain_for(rig.group);
	CHECK_EQ(piommu_claim(rig.group), 0);
	CHECK_EQ(piommu_attach_pasid(rig.domain, rig.group, 7), 0);
	CHECK_EQ(piommu_device_remove(rig.p, fake_sbdf("00:05.2")), 0);
	CU_ASSERT_PTR_NULL(leads_to("00:05.2", 7));
	CHECK_EQ(piommu_detach_pasid(rig.domain, rig.group, 7), 0);
	CHECK_EQ(piommu_domain_destroy(rig.domain), 0);
	end(&rig);
}

static void a_manager_that_ends_takes_them_with_it(void)
{
	struct rig rig = claimed();

	CHECK_EQ(piommu_attach(rig.domain, rig.group), 0);
	CHECK_EQ(piommu_attach_pasid(rig.domain, rig.group, 7), 0);
	end(&rig); /* a domain that ends under a PASID, or a device released with one, is the fake's to report */
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(t22_members_without_pasid_are_passed_over),
		SUITE_TEST(t22_a_pasid_too_wide_for_one_member_is_refused),
		SUITE_TEST(t22_a_group_without_pasids_is_refused),
		SUITE_TEST(bad_arguments_never_reach_the_driver),
		SUITE_TEST(t19_a_later_member_that_fails_takes_it_from_the_earlier_ones),
		SUITE_TEST(one_domain_may_serve_several_pasids_and_the_devices_themselves),
		SUITE_TEST(t18_busy_during_a_reset_but_detach_works),
		SUITE_TEST(t18_pasids_leave_for_the_time_of_a_reset),
		SUITE_TEST(t18_a_member_whose_pasids_could_not_come_back_is_not_passed_over),
		SUITE_TEST(t22_a_release_is_refused_as_long_as_one_is_attached),
		SUITE_TEST(t22_a_member_that_goes_leaves_nothing_and_the_last_one_ends_it),
		SUITE_TEST(t22_a_member_that_comes_joins_the_groups_pasids),
		SUITE_TEST(t22_a_deferred_member_leaves_no_pasid),
		SUITE_TEST(a_manager_that_ends_takes_them_with_it),
	};

	return suite_run(argc, argv, "pasid", tests, sizeof(tests) / sizeof(tests[0]));
}
