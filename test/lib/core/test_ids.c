/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Devices whose ids meet behind a unit, also where bits of them do not count: they are one group (T10: the group callback looks at the group
 * of another device), whoever comes first, also at once; and what has gone is not joined (T27).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fake.h"
#include "suite.h"
#include "threads.h"

#define ROUNDS 200u

static struct fake fake;
static struct piommu *p;

static void start(void)
{
	fake_init(&fake);
	p = fake_start(&fake);
}

static void end(void)
{
	fake_stop(&fake, p);
}

static void plug(const char *name, struct piommu_id first, struct piommu_id second)
{
	fake_plug_node(&fake, name, first.id);
	for (unsigned i = 0; i < fake.nnodes; i++) {
		if (strcmp(fake.nodes[i].name, name) != 0)
			continue;
		fake.nodes[i].ids[0] = first;
		fake.nodes[i].ids[1] = second;
		fake.nodes[i].nids = 2;
	}
}

/* With a reference. */
static struct piommu_group *group_of(const char *name)
{
	struct piommu_group *group = NULL;

	CU_ASSERT_EQUAL_FATAL(piommu_group_find_node(p, name, &group), 0);
	return group;
}

static unsigned group_id(const char *name)
{
	struct piommu_group *group = group_of(name);
	struct piommu_group_info info;

	piommu_group_info(group, &info);
	piommu_group_put(group);
	return info.id;
}

static struct piommu_id id(uint32_t value, uint32_t mask)
{
	return (struct piommu_id){ value, mask };
}

static void ids_overlap_where_every_bit_that_counts_is_the_same(void)
{
	CHECK_EQ(piommu_ids_overlap(id(0x800, 0), id(0x800, 0)), true);
	CHECK_EQ(piommu_ids_overlap(id(0x800, 0), id(0x801, 0)), false);
	CHECK_EQ(piommu_ids_overlap(id(0x1400, 0x3ff), id(0x1523, 0)), true);
	CHECK_EQ(piommu_ids_overlap(id(0x1523, 0), id(0x1400, 0x3ff)), true);
	CHECK_EQ(piommu_ids_overlap(id(0x1400, 0x3ff), id(0x1800, 0)), false);
	CHECK_EQ(piommu_ids_overlap(id(0x1400, 0x3ff), id(0x1000, 0x400)), true);
	CHECK_EQ(piommu_ids_overlap(id(0x1400, 0x00f), id(0x1430, 0x00f)), false);
}

static void t10_devices_whose_masked_ids_meet_are_one_group(void)
{
	start();
	plug("/soc/gpu", id(0x800, 0), id(0x1400, 0x3ff));
	plug("/soc/gmu", id(0x900, 0), id(0x1523, 0));
	plug("/soc/usb", id(0xa00, 0), id(0x1800, 0x3ff));
	CHECK_EQ(piommu_rescan(p), 3);
	CHECK_EQ(group_id("/soc/gmu"), group_id("/soc/gpu"));
	CU_ASSERT(group_id("/soc/usb") != group_id("/soc/gpu"));
	end();
}

/* They were found behind no unit, each in a group of its own. */
static void devices_whose_ids_meet_become_one_group_when_their_unit_comes_late(void)
{
	const struct piommu_driver *driver;

	start();
	driver = fake_device(p, "00:04.0")->unit->driver;
	CHECK_EQ(piommu_driver_unregister(p, driver), 0);
	plug("/soc/one", id(0x800, 0), id(0x100, 0));
	plug("/soc/two", id(0x800, 0), id(0x200, 0));
	CHECK_EQ(piommu_rescan(p), 2);
	CU_ASSERT(group_id("/soc/one") != group_id("/soc/two"));
	CHECK_EQ(piommu_driver_register(p, driver), 0);
	CHECK_EQ(group_id("/soc/one"), group_id("/soc/two"));
	end();
}

static void a_device_whose_mask_covers_ids_of_two_groups_is_refused(void)
{
	start();
	plug("/soc/one", id(0x801, 0), id(0x100, 0));
	plug("/soc/two", id(0x802, 0), id(0x200, 0));
	CHECK_EQ(piommu_rescan(p), 2);
	plug("/soc/both", id(0x800, 0x0ff), id(0x300, 0));
	CHECK_EQ(piommu_node_add(p, "/soc/both"), -EXDEV);
	CU_ASSERT(!fake_dev(&fake, "/soc/both")->probed);
	CHECK_EQ(piommu_node_remove(p, "/soc/two"), 0);
	CHECK_EQ(piommu_node_add(p, "/soc/both"), 0);
	CHECK_EQ(group_id("/soc/both"), group_id("/soc/one"));
	end();
}

static bool is_in(const char *name, const struct piommu_group *group)
{
	struct piommu_group_info info;

	piommu_group_info(group, &info);
	return info.id == group_id(name);
}

/* 05:00.0 and 05:00.1 are functions of one device without ACS; a node carries the id of the second, too. */
static void a_device_that_shares_an_id_with_one_group_and_wires_with_another_is_refused(void)
{
	struct piommu_sbdf second = fake_sbdf("05:00.1");

	start();
	fake_plug(&fake, "05:00.0", true);
	CHECK_EQ(piommu_device_add(p, fake_sbdf("05:00.0")), 0);
	plug("/soc/dma", id((uint32_t)second.bus << 8 | second.devfn, 0), id(0x800, 0));
	CHECK_EQ(piommu_node_add(p, "/soc/dma"), 0);
	CU_ASSERT(!is_in("/soc/dma", fake_group(p, "05:00.0")));
	fake_plug(&fake, "05:00.1", true);
	CHECK_EQ(piommu_device_add(p, second), -EXDEV);
	CHECK_HAS(fake.messages, "0000:05:00.1");
	CHECK_HAS(fake.messages, "two groups are not made one");
	CU_ASSERT(!fake_dev(&fake, "05:00.1")->probed);
	/* Without the node it joins its mate, and the node both. */
	CHECK_EQ(piommu_node_remove(p, "/soc/dma"), 0);
	CHECK_EQ(piommu_device_add(p, second), 0);
	CU_ASSERT_PTR_EQUAL(fake_group(p, "05:00.1"), fake_group(p, "05:00.0"));
	CHECK_EQ(piommu_node_add(p, "/soc/dma"), 0);
	CU_ASSERT(is_in("/soc/dma", fake_group(p, "05:00.0")));
	end();
}

static atomic_uint nwrong; /* of threads, whose assertions are not CUnit's */
static const char *const pair[] = { "/soc/left", "/soc/right" };

static void add_one(void *ctx, unsigned i)
{
	(void)ctx;
	atomic_fetch_add(&nwrong, piommu_node_add(p, pair[i]) != 0);
}

static void t10_devices_whose_ids_meet_come_at_once_into_one_group(void)
{
	start();
	atomic_store(&nwrong, 0);
	plug(pair[0], id(0x800, 0x0f0), id(0x100, 0));
	plug(pair[1], id(0x200, 0), id(0x850, 0x00f));
	for (unsigned round = 0; round < ROUNDS; round++) {
		threads_run(2, add_one, NULL);
		CHECK_EQ(atomic_load(&nwrong), 0);
		CHECK_EQ(group_id(pair[0]), group_id(pair[1]));
		CHECK_EQ(piommu_node_remove(p, pair[round % 2]), 0);
		CHECK_EQ(piommu_node_remove(p, pair[!(round % 2)]), 0);
	}
	end();
}

/* One claims and releases its group, over and over, while the other, whose id is in it, comes and goes. */
static void join_or_claim(void *ctx, unsigned i)
{
	struct piommu_group *group = ctx;

	for (unsigned round = 0; round < ROUNDS; round++) {
		int err = i ? piommu_node_add(p, pair[1]) : piommu_claim(group);

		if (!err)
			err = i ? piommu_node_remove(p, pair[1]) : piommu_release(group);
		atomic_fetch_add(&nwrong, err != 0 && err != -EAGAIN);
	}
}

static void t10_the_group_of_an_id_is_found_while_it_is_claimed_and_released(void)
{
	struct piommu_group *group;

	start();
	atomic_store(&nwrong, 0);
	plug(pair[0], id(0x800, 0x0f0), id(0x100, 0));
	CHECK_EQ(piommu_node_add(p, pair[0]), 0);
	plug(pair[1], id(0x200, 0), id(0x850, 0x00f));
	group = group_of(pair[0]);
	threads_run(2, join_or_claim, group);
	CHECK_EQ(atomic_load(&nwrong), 0);
	piommu_group_put(group);
	end();
}

static void t27_after_a_rescan_the_group_of_what_has_gone_is_not_joined(void)
{
	struct piommu_group *old, *young;
	struct piommu_group_info info;

	start();
	plug("/soc/old", id(0x800, 0x0ff), id(0x100, 0));
	CHECK_EQ(piommu_rescan(p), 1);
	old = group_of("/soc/old");
	CHECK_EQ(piommu_claim(old), 0);
	fake_unplug_node(&fake, "/soc/old");
	CHECK_EQ(piommu_rescan(p), 1);
	piommu_group_info(old, &info);
	CHECK_EQ(info.ndevices, 0); /* it lasts as long as its claim, and nobody is in it */
	plug("/soc/young", id(0x8aa, 0), id(0x300, 0));
	CHECK_EQ(piommu_rescan(p), 1);
	young = group_of("/soc/young");
	CU_ASSERT_PTR_NOT_EQUAL(young, old);
	CHECK_EQ(piommu_claim(young), 0);
	CHECK_EQ(piommu_release(young), 0);
	piommu_group_put(young);
	CHECK_EQ(piommu_release(old), 0);
	piommu_group_put(old);
	end();
}

/* The other way round: both gone and come between two looks at the machine. */
static void t27_a_rescan_brings_a_namesake_with_other_ids_after_the_first_was_removed(void)
{
	start();
	plug("/soc/dma", id(0x800, 0x0ff), id(0x100, 0));
	plug("/soc/usb", id(0x8aa, 0), id(0x300, 0));
	CHECK_EQ(piommu_rescan(p), 2);
	CHECK_EQ(group_id("/soc/dma"), group_id("/soc/usb"));
	fake_unplug_node(&fake, "/soc/dma");
	CHECK_EQ(piommu_rescan(p), 1);
	plug("/soc/dma", id(0x900, 0x0ff), id(0x100, 0));
	CHECK_EQ(piommu_rescan(p), 1);
	CU_ASSERT(group_id("/soc/dma") != group_id("/soc/usb"));
	end();
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(ids_overlap_where_every_bit_that_counts_is_the_same),
		SUITE_TEST(t10_devices_whose_masked_ids_meet_are_one_group),
		SUITE_TEST(devices_whose_ids_meet_become_one_group_when_their_unit_comes_late),
		SUITE_TEST(a_device_whose_mask_covers_ids_of_two_groups_is_refused),
		SUITE_TEST(a_device_that_shares_an_id_with_one_group_and_wires_with_another_is_refused),
		SUITE_TEST(t10_devices_whose_ids_meet_come_at_once_into_one_group),
		SUITE_TEST(t10_the_group_of_an_id_is_found_while_it_is_claimed_and_released),
		SUITE_TEST(t27_after_a_rescan_the_group_of_what_has_gone_is_not_joined),
		SUITE_TEST(t27_a_rescan_brings_a_namesake_with_other_ids_after_the_first_was_removed),
	};

	return suite_run(argc, argv, "core-ids", tests, sizeof(tests) / sizeof(tests[0]));
}
