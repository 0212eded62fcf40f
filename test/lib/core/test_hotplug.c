/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Devices that come and go, one thread at a time: PCI functions and platform nodes, into and out of groups that are claimed, attached
 * or being reset (doc/locking.md, R5, T18, T27, T31). Threads: test_hotplug_threads.c.
 */
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

static char on(const char *bdf)
{
	return fake_dev(&fake, bdf)->on;
}

/* The group of `bdf`, claimed, and attached to a new domain. */
static struct piommu_group *attached(struct piommu *p, const char *bdf, struct piommu_domain **domain)
{
	struct piommu_group *group = fake_group(p, bdf);

	*domain = fake_domain_for(group);
	CU_ASSERT_FATAL(!piommu_claim(group) && !piommu_attach(*domain, group));
	return group;
}

static unsigned members(const struct piommu_group *group)
{
	struct piommu_group_info info;

	piommu_group_info(group, &info);
	return info.ndevices;
}

static int add(struct piommu *p, const char *bdf, bool multifunction)
{
	fake_plug(&fake, bdf, multifunction);
	return piommu_device_add(p, fake_sbdf(bdf));
}

static int take_out(struct piommu *p, const char *bdf)
{
	fake_unplug(&fake, bdf);
	return piommu_device_remove(p, fake_sbdf(bdf));
}

/* ---- Coming ---- */

static void a_newcomer_in_an_attached_group_joins_its_domain(void)
{
	struct piommu *p = start();
	struct piommu_domain *domain;
	struct piommu_group *group = attached(p, "00:05.0", &domain);
	unsigned before = fake.nlog;

	CHECK_EQ(add(p, "00:05.3", true), 0);
	CHECK_EQ(on("00:05.3"), 'A');
	CHECK_EQ(fake_count_on(domain), 4);
	CHECK_EQ(members(group), 4);
	CHECK_EQ(fake_count(&fake, before, "attach"), 1); /* the others were not touched */
	CHECK_EQ(piommu_device_add(p, fake_sbdf("00:05.3")), 0);
	CHECK_EQ(fake_count(&fake, before, "probe_device"), 1);
	CHECK_EQ(piommu_detach(domain, group), 0);
	CHECK_EQ(on("00:05.3"), 'b');
	CHECK_EQ(piommu_domain_destroy(domain), 0);
	fake_stop(&fake, p);
}

static void a_newcomer_in_a_claimed_group_reaches_nothing(void)
{
	struct piommu *p = start();

	CHECK_EQ(piommu_claim(fake_group(p, "00:05.0")), 0);
	CHECK_EQ(add(p, "00:05.3", true), 0);
	CHECK_EQ(on("00:05.3"), 'b');
	fake_stop(&fake, p);
}

/* 00:02.0 is what firmware's reserved ranges are for. */
static void t20_reserved_ranges_of_a_newcomer_are_mapped_before_it_joins(void)
{
	struct piommu_domain *domain;
	struct piommu *p;
	unsigned before;

	fake_init(&fake);
	fake_unplug(&fake, "00:02.0");
	fake_plug(&fake, "00:02.1", true);
	p = fake_start(&fake);
	attached(p, "00:02.1", &domain);
	before = fake.nlog;
	CHECK_EQ(add(p, "00:02.0", true), 0);
	CHECK_EQ(on("00:02.0"), 'A');
	CU_ASSERT(fake_find(&fake, before, "map A 7b800000 2000") >= 0);
	CU_ASSERT(fake_find_start(&fake, before, "attach 00:02.0 A") > fake_find(&fake, before, "map A 7b800000 2000"));
	CU_ASSERT(fake_find_start(&fake, before, "attach 00:02.0 A") > fake_find(&fake, before, "map A 7c000000 1000"));
	fake_stop(&fake, p);
}

static void a_newcomer_that_cannot_be_attached_changes_nothing(void)
{
	struct piommu *p = start();
	struct piommu_domain *domain;
	struct piommu_group *group = attached(p, "00:05.0", &domain);
	struct piommu_device *device;

	fake.fail_attach = 1;
	CHECK_EQ(add(p, "00:05.3", true), -ETIMEDOUT);
	CHECK_EQ(members(group), 3);
	CHECK_EQ(fake_count_on(domain), 3);
	CHECK_EQ(piommu_device_find(p, fake_sbdf("00:05.3"), &device), -ENOENT);
	CU_ASSERT(!fake_dev(&fake, "00:05.3")->probed);
	CU_ASSERT(on("00:05.3") != 'A');
	CHECK_EQ(piommu_device_add(p, fake_sbdf("00:05.3")), 0);
	CHECK_EQ(on("00:05.3"), 'A');
	fake_stop(&fake, p);
}

/* The bridge that 03:00.0 and 03:01.0 turn out to share wires behind. */
static void a_newcomer_that_would_merge_groups_is_refused(void)
{
	struct piommu_pci_function *bridge;
	struct piommu_group *one;
	struct piommu *p;
	unsigned n;

	fake_init(&fake);
	fake_plug(&fake, "03:00.0", false);
	fake_plug(&fake, "03:01.0", false);
	p = fake_start(&fake);
	n = piommu_group_count(p);
	one = fake_group(p, "03:00.0");
	fake_plug(&fake, "00:1d.0", false);
	bridge = &fake.fns[fake.nfns - 1];
	bridge->pcie_type = PIOMMU_PCIE_PCI_BRIDGE;
	bridge->class_code = 0x060400;
	bridge->header_type = 1;
	bridge->secondary = bridge->subordinate = 3;
	CHECK_EQ(piommu_device_add(p, fake_sbdf("00:1d.0")), -EXDEV);
	CHECK_HAS(fake.messages, "0000:00:1d.0");
	CU_ASSERT(!fake_dev(&fake, "00:1d.0")->probed);
	CHECK_EQ(piommu_group_count(p), n);
	CHECK_EQ(members(one), 1);
	CU_ASSERT_PTR_NOT_EQUAL(one, fake_group(p, "03:01.0"));
	/* and it does not stand in the way of others */
	CHECK_EQ(add(p, "00:06.0", false), 0);
	CHECK_EQ(piommu_group_count(p), n + 1);
	fake_stop(&fake, p);
}

static void what_is_not_there_is_neither_added_nor_removed(void)
{
	struct piommu_group *group;
	struct piommu *p = start();

	CHECK_EQ(piommu_device_add(p, fake_sbdf("00:1f.0")), -ENODEV);
	CHECK_EQ(piommu_device_remove(p, fake_sbdf("00:1f.0")), -ENOENT);
	CHECK_EQ(piommu_node_add(p, "/soc/none"), -ENODEV);
	CHECK_EQ(piommu_node_remove(p, "/soc/none"), -ENOENT);
	CHECK_EQ(piommu_group_find_node(p, "/soc/none", &group), -ENOENT);
	fake_stop(&fake, p);

	fake_init(&fake);
	CHECK_EQ(fake_create(&fake, true, &p), 0);
	CHECK_EQ(add(p, "00:06.0", false), -EPERM);
	piommu_destroy(p);
	fake_fini(&fake);
}

static void a_rescan_finds_what_came_and_what_went(void)
{
	struct piommu *p = start();
	unsigned n = piommu_group_count(p);
	struct piommu_group *group = NULL;

	CHECK_EQ(piommu_rescan(p), 0);
	fake_plug(&fake, "00:06.0", false);
	fake_plug_node(&fake, "/soc/dma", 5);
	fake_unplug(&fake, "00:04.0");
	CHECK_EQ(piommu_rescan(p), 3);
	CHECK_EQ(piommu_group_count(p), n + 1);
	CHECK_EQ(piommu_group_find(p, fake_sbdf("00:04.0"), &group), -ENOENT);
	CHECK_EQ(piommu_group_find(p, fake_sbdf("00:06.0"), &group), 0);
	piommu_group_put(group);
	CHECK_EQ(piommu_group_find_node(p, "/soc/dma", &group), 0);
	piommu_group_put(group);
	fake_unplug_node(&fake, "/soc/dma");
	CHECK_EQ(piommu_rescan(p), 1);
	CHECK_EQ(piommu_group_find_node(p, "/soc/dma", &group), -ENOENT);
	CHECK_EQ(piommu_group_count(p), n);
	fake_stop(&fake, p);
}

/* ---- Going ---- */

static void a_member_that_goes_leaves_the_others_where_they_are(void)
{
	struct piommu *p = start();
	struct piommu_domain *domain;
	struct piommu_group *group = attached(p, "00:05.0", &domain);
	unsigned before = fake.nlog;

	CHECK_EQ(take_out(p, "00:05.1"), 0);
	CHECK_EQ(on("00:05.1"), 'b');
	CHECK_EQ(fake_count(&fake, before, "attach"), 1);
	CHECK_EQ(members(group), 2);
	CHECK_EQ(fake_count_on(domain), 2);
	CU_ASSERT(fake_find(&fake, before, "release_device 00:05.1") > fake_find_start(&fake, before, "attach 00:05.1 b"));
	CHECK_EQ(piommu_detach(domain, group), 0);
	CHECK_EQ(piommu_release(group), 0);
	fake_stop(&fake, p);
}

static void the_last_member_that_goes_ends_the_attachment(void)
{
	struct piommu *p = start();
	struct piommu_domain *domain;
	struct piommu_group *group = attached(p, "00:04.0", &domain);

	CHECK_EQ(piommu_domain_destroy(domain), -EBUSY);
	CHECK_EQ(take_out(p, "00:04.0"), 0);
	CHECK_EQ(on("00:04.0"), 'b');
	CHECK_EQ(piommu_detach(domain, group), -EINVAL);
	CHECK_EQ(piommu_domain_destroy(domain), 0);
	CHECK_EQ(members(group), 0);
	CHECK_EQ(piommu_release(group), 0);
	CHECK_EQ(piommu_claim(group), -ENODEV); /* all its devices are gone */
	piommu_group_put(group);
	fake_stop(&fake, p);
}

static void a_device_that_does_not_move_is_forgotten_with_an_error(void)
{
	struct piommu *p = start();
	struct piommu_domain *domain;
	struct piommu_device *device;

	attached(p, "00:04.0", &domain);
	fake.fail_attach = 1;
	CHECK_EQ(take_out(p, "00:04.0"), -EIO);
	CHECK_EQ(piommu_device_find(p, fake_sbdf("00:04.0"), &device), -ENOENT);
	CU_ASSERT(!fake_dev(&fake, "00:04.0")->probed);
	CHECK_EQ(on("00:04.0"), 'A'); /* so the domain it may still use must not go before the unit is off */
	CU_ASSERT(piommu_domain_destroy(domain) != 0);
	fake_stop(&fake, p);
}

static void a_device_that_is_held_outlives_its_removal(void)
{
	struct piommu *p = start();
	struct piommu_device *device = fake_device(p, "00:04.0");
	struct piommu_device_stats stats;

	CHECK_EQ(take_out(p, "00:04.0"), 0);
	piommu_device_stats(device, &stats);
	CHECK_EQ(stats.faults, 0);
	CHECK_EQ(piommu_device_map(device, 0x1000, 0x1000, 4096, PIOMMU_RW), -ENODEV);
	CHECK_EQ(piommu_device_unmap(device, 0x1000, 4096, NULL), -ENODEV);
	/* and is not the one that comes to its place */
	CHECK_EQ(add(p, "00:04.0", false), 0);
	CU_ASSERT_PTR_NOT_EQUAL(fake_device(p, "00:04.0"), device);
	CHECK_EQ(on("00:04.0"), 'i');
	piommu_device_put(device);
	fake_stop(&fake, p);
}

/* ---- T18 ---- */

static void t18_a_member_that_goes_during_its_reset_ends_it(void)
{
	struct piommu *p = start();
	struct piommu_domain *domain, *other;
	struct piommu_group *group = attached(p, "00:05.0", &domain);

	other = fake_domain_for(group);
	CHECK_EQ(piommu_reset_begin(p, fake_sbdf("00:05.1")), 0);
	CHECK_EQ(piommu_reset_begin(p, fake_sbdf("00:05.1")), 0);
	CHECK_EQ(take_out(p, "00:05.1"), 0);
	CHECK_EQ(piommu_reset_end(p, fake_sbdf("00:05.1")), -ENOENT);
	CHECK_EQ(piommu_attach(other, group), 0); /* nobody is being reset any more */
	CHECK_EQ(fake_count_on(other), 2);
	CHECK_EQ(piommu_domain_destroy(domain), 0);
	/* it comes back as one that is not being reset */
	CHECK_EQ(add(p, "00:05.1", true), 0);
	CHECK_EQ(piommu_reset_end(p, fake_sbdf("00:05.1")), -EINVAL);
	CHECK_EQ(fake_count_on(other), 3);
	fake_stop(&fake, p);
}

static void t18_a_sibling_that_goes_does_not_end_a_reset(void)
{
	struct piommu *p = start();
	struct piommu_domain *domain, *other;
	struct piommu_group *group = attached(p, "00:05.0", &domain);

	other = fake_domain_for(group);
	CHECK_EQ(piommu_reset_begin(p, fake_sbdf("00:05.1")), 0);
	CHECK_EQ(take_out(p, "00:05.0"), 0);
	CHECK_EQ(piommu_attach(other, group), -EBUSY);
	CHECK_EQ(piommu_reset_end(p, fake_sbdf("00:05.1")), 0);
	CHECK_EQ(fake_count_on(domain), 2);
	CHECK_EQ(piommu_attach(other, group), 0);
	fake_stop(&fake, p);
}

static void t18_the_last_member_goes_during_its_reset(void)
{
	struct piommu *p = start();
	struct piommu_domain *domain;
	struct piommu_group *group = attached(p, "00:04.0", &domain);

	CHECK_EQ(piommu_reset_begin(p, fake_sbdf("00:04.0")), 0);
	CHECK_EQ(take_out(p, "00:04.0"), 0);
	CHECK_EQ(piommu_domain_destroy(domain), 0);
	CHECK_EQ(piommu_release(group), 0);
	fake_stop(&fake, p);
}

/* ---- T31 ---- */

static void t31_a_device_that_is_parked_on_blocking_goes_without_a_move(void)
{
	struct piommu *p = start();
	struct piommu_group *group = fake_group(p, "00:04.0");
	struct piommu_domain *domain;
	unsigned before;

	/* by its claim */
	CHECK_EQ(piommu_claim(group), 0);
	before = fake.nlog;
	CHECK_EQ(take_out(p, "00:04.0"), 0);
	CHECK_EQ(fake_count(&fake, before, "attach"), 0);
	CHECK_EQ(fake_count(&fake, before, "release_device 00:04.0"), 1);
	CHECK_EQ(piommu_release(group), 0);
	CHECK_EQ(fake_count(&fake, before, "attach"), 0);

	/* by a reset that it could not come back from */
	attached(p, "00:05.0", &domain);
	CHECK_EQ(piommu_reset_begin(p, fake_sbdf("00:05.1")), 0);
	fake.fail_attach = 1;
	CHECK_EQ(piommu_reset_end(p, fake_sbdf("00:05.1")), -ETIMEDOUT);
	before = fake.nlog;
	CHECK_EQ(take_out(p, "00:05.1"), 0);
	CHECK_EQ(fake_count(&fake, before, "attach"), 0);
	CHECK_EQ(fake_count_on(domain), 2);
	fake_stop(&fake, p);
}

static void t31_a_parked_member_is_released_and_the_manager_ends_with_one(void)
{
	struct piommu *p = start();
	struct piommu_domain *domain;
	struct piommu_group *group = attached(p, "00:05.0", &domain);

	CHECK_EQ(piommu_reset_begin(p, fake_sbdf("00:05.1")), 0);
	fake.fail_attach = 1;
	CHECK_EQ(piommu_reset_end(p, fake_sbdf("00:05.1")), -ETIMEDOUT);
	CHECK_EQ(piommu_detach(domain, group), 0);
	CHECK_EQ(fake_count(&fake, 0, "attach 00:05.1 b"), 2); /* claim and reset: the detach had nothing to do */
	CHECK_EQ(piommu_release(group), 0);
	CHECK_EQ(on("00:05.1"), 'i');
	CHECK_EQ(piommu_claim(group), 0);
	fake_stop(&fake, p);
}

/* ---- T27 ---- */

static unsigned group_id_of_node(struct piommu *p, const char *name)
{
	struct piommu_group *group = NULL;
	struct piommu_group_info info = { 0 };

	CU_ASSERT_FATAL(!piommu_group_find_node(p, name, &group));
	piommu_group_info(group, &info);
	piommu_group_put(group);
	return info.id;
}

static void t27_a_stream_whose_group_is_gone_gets_a_new_one(void)
{
	struct piommu *p = start();
	struct piommu_group *stale = NULL, *group = NULL;
	struct piommu_group_info info;

	fake_plug_node(&fake, "/soc/a", 5);
	fake_plug_node(&fake, "/soc/b", 5);
	CHECK_EQ(piommu_rescan(p), 2);
	CHECK_EQ(group_id_of_node(p, "/soc/a"), group_id_of_node(p, "/soc/b"));
	CHECK_EQ(piommu_group_find_node(p, "/soc/a", &stale), 0);
	CHECK_EQ(piommu_claim(stale), 0);
	fake_unplug_node(&fake, "/soc/a");
	fake_unplug_node(&fake, "/soc/b");
	CHECK_EQ(piommu_rescan(p), 2);
	CHECK_EQ(members(stale), 0);

	/* It is held, so its memory is there to be found by mistake. */
	fake_plug_node(&fake, "/soc/b", 5);
	CHECK_EQ(piommu_rescan(p), 1);
	CHECK_EQ(piommu_group_find_node(p, "/soc/b", &group), 0);
	CU_ASSERT_PTR_NOT_EQUAL(group, stale);
	piommu_group_info(stale, &info);
	CU_ASSERT(group_id_of_node(p, "/soc/b") > info.id);
	CHECK_EQ(on("/soc/b"), 'i'); /* the old one's claim is not the new one's */
	CHECK_EQ(piommu_release(stale), 0);
	piommu_group_put(stale);
	CHECK_EQ(piommu_claim(group), 0);
	fake_stop(&fake, p);
}

static void t27_a_stream_that_one_member_still_has_keeps_its_group(void)
{
	struct piommu *p = start();
	unsigned id;

	fake_plug_node(&fake, "/soc/a", 5);
	fake_plug_node(&fake, "/soc/b", 5);
	CHECK_EQ(piommu_rescan(p), 2);
	id = group_id_of_node(p, "/soc/a");
	fake_unplug_node(&fake, "/soc/a");
	CHECK_EQ(piommu_rescan(p), 1);
	fake_plug_node(&fake, "/soc/a", 5);
	CHECK_EQ(piommu_rescan(p), 1);
	CHECK_EQ(group_id_of_node(p, "/soc/a"), id);
	fake_stop(&fake, p);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(a_newcomer_in_an_attached_group_joins_its_domain),
		SUITE_TEST(a_newcomer_in_a_claimed_group_reaches_nothing),
		SUITE_TEST(t20_reserved_ranges_of_a_newcomer_are_mapped_before_it_joins),
		SUITE_TEST(a_newcomer_that_cannot_be_attached_changes_nothing),
		SUITE_TEST(a_newcomer_that_would_merge_groups_is_refused),
		SUITE_TEST(what_is_not_there_is_neither_added_nor_removed),
		SUITE_TEST(a_rescan_finds_what_came_and_what_went),
		SUITE_TEST(a_member_that_goes_leaves_the_others_where_they_are),
		SUITE_TEST(the_last_member_that_goes_ends_the_attachment),
		SUITE_TEST(a_device_that_does_not_move_is_forgotten_with_an_error),
		SUITE_TEST(a_device_that_is_held_outlives_its_removal),
		SUITE_TEST(t18_a_member_that_goes_during_its_reset_ends_it),
		SUITE_TEST(t18_a_sibling_that_goes_does_not_end_a_reset),
		SUITE_TEST(t18_the_last_member_goes_during_its_reset),
		SUITE_TEST(t31_a_device_that_is_parked_on_blocking_goes_without_a_move),
		SUITE_TEST(t31_a_parked_member_is_released_and_the_manager_ends_with_one),
		SUITE_TEST(t27_a_stream_whose_group_is_gone_gets_a_new_one),
		SUITE_TEST(t27_a_stream_that_one_member_still_has_keeps_its_group),
	};

	return suite_run(argc, argv, "hotplug", tests, sizeof(tests) / sizeof(tests[0]));
}
