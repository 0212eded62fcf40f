/* SPDX-License-Identifier: BSD-3-Clause */
/* Stream mappings that several devices have, or want: by one id, by masks that overlap, and when there are not enough (2.1.4). */
#include <errno.h>

#include "streams.h"

static void a_mapping_that_covers_the_id_is_shared(void)
{
	struct setup s;

	fake_init(&s.fake);
	start(&s);
	add_device(&s, 1, 0x200, 0xf);
	add_device(&s, 2, 0x204, 0);
	CHECK_EQ(attach(&s, 1, s.a), 0);
	s.fake.nwrites = 0;
	CHECK_EQ(attach(&s, 2, s.a), 0);
	CHECK_EQ(s.fake.nwrites, 0);
	smmuv2_driver.release_device(&s.device[1]);
	CHECK_EQ(attach(&s, 2, s.b), 0); /* it is the other's still */
	check_fate(&s, 0x200, FAKE_BANK + 3);
	add_device(&s, 3, 0x300, 0);
	for (unsigned i = 0; i < 7; i++)
		s.device[3].ids[i] = (struct piommu_id){ 0x300 + i, 0 };
	s.device[3].nids = 7;
	CHECK_EQ(attach(&s, 3, s.a), 0);
	CHECK_EQ(attach(&s, 0, s.a), -ENOSPC); /* and not the one that two had, of whom one has gone */
	finish(&s);
}

static void an_overlap_is_refused_and_says_with_which(void)
{
	struct setup s;

	fake_init(&s.fake);
	start(&s);
	add_device(&s, 1, 0x204, 0);
	add_device(&s, 2, 0x300, 0);
	s.device[2].ids[1] = (struct piommu_id){ 0x200, 0xf };
	s.device[2].nids = 2;
	CHECK_EQ(attach(&s, 1, s.a), 0);
	s.fake.nwrites = 0;
	CHECK_EQ(attach(&s, 2, s.b), -EBUSY); /* where the other device is not */
	CHECK_HAS(s.fake.said, "/soc/dma2");
	CHECK_HAS(s.fake.said, "mapping 0 (id 0x204");
	add_device(&s, 3, 0x200, 0x7);
	CHECK_EQ(attach(&s, 3, s.a), 0);
	s.fake.nwrites = 0;
	s.device[2].ids[1] = (struct piommu_id){ 0x204, 0xfb };
	CHECK_EQ(attach(&s, 2, s.a), -EBUSY); /* more than both together would be matched */
	CHECK_EQ(s.fake.nwrites, 0);
	check_fate(&s, 0x300, FAKE_PASS);
	finish(&s);
}

/* Two devices of one group, where the one with the narrower mask was first. */
static void a_mapping_of_the_same_domain_is_widened_in_one_store(void)
{
	struct setup s;
	unsigned stores = 0;

	fake_init(&s.fake);
	start(&s);
	add_device(&s, 1, 0x204, 0);
	add_device(&s, 2, 0x200, 0xf);
	CHECK_EQ(attach(&s, 1, s.a), 0);
	s.fake.nwrites = 0;
	fake_watch(&s.fake, 0x204);
	fake_watch(&s.fake, 0x20f);
	CHECK_EQ(attach(&s, 2, s.a), 0);
	for (unsigned i = 0; i < s.fake.nwrites; i++)
		stores += s.fake.writes[i].off >= 0x800 && s.fake.writes[i].off < 0x1000;
	CHECK_EQ(stores, 1);
	CHECK_HEX(fake_reg(&s.fake, SMR(0), 4), 0x800f0200);
	CHECK_HEX(s.fake.seen[0], BIT64(8 + 2));
	check_fate(&s, 0x20f, FAKE_BANK + 2);
	/* They move together, and the one that stays keeps it. */
	CHECK_EQ(attach(&s, 1, s.b), 0);
	CHECK_EQ(attach(&s, 2, s.b), 0);
	check_fate(&s, 0x20f, FAKE_BANK + 3);
	smmuv2_driver.release_device(&s.device[2]);
	check_fate(&s, 0x204, FAKE_BANK + 3);
	finish(&s);
}

static void a_wider_mapping_takes_over_several_and_lasts_as_long_as_their_owners(void)
{
	struct setup s;

	fake_init(&s.fake);
	start(&s);
	add_device(&s, 1, 0x204, 0);
	add_device(&s, 2, 0x208, 0);
	add_device(&s, 3, 0x200, 0xf);
	CHECK_EQ(attach(&s, 1, s.a), 0);
	CHECK_EQ(attach(&s, 2, s.a), 0);
	fake_watch(&s.fake, 0x204);
	fake_watch(&s.fake, 0x208);
	CHECK_EQ(attach(&s, 3, s.a), 0);
	CHECK_HEX(s.fake.seen[0], BIT64(8 + 2));
	CHECK_HEX(s.fake.seen[1], 2 | BIT64(8 + 2)); /* matched twice for a moment, never passed */
	check_fate(&s, 0x20f, FAKE_BANK + 2);
	smmuv2_driver.release_device(&s.device[1]);
	smmuv2_driver.release_device(&s.device[3]);
	/* Eight are all that there are: the one that is left, without a register of its own, keeps what it has. */
	for (unsigned i = 0; i < 8; i++)
		s.device[0].ids[i] = (struct piommu_id){ 0x100 + i, 0 };
	s.device[0].nids = 7;
	CHECK_EQ(attach(&s, 0, s.b), -ENOSPC);
	s.device[0].nids = 6;
	CHECK_EQ(attach(&s, 0, s.b), 0);
	check_fate(&s, 0x208, FAKE_BANK + 2);
	CHECK_EQ(attach(&s, 2, s.b), 0); /* and is found there */
	check_fate(&s, 0x208, FAKE_BANK + 3);
	smmuv2_driver.release_device(&s.device[2]);
	s.device[0].nids = 8;
	CHECK_EQ(attach(&s, 0, s.b), 0);
	finish(&s);
}

static void a_widened_mapping_is_as_it_was_after_a_move_that_failed(void)
{
	struct setup s;

	fake_init(&s.fake);
	start(&s);
	add_device(&s, 1, 0x204, 0);
	add_device(&s, 2, 0x208, 0);
	add_device(&s, 3, 0x200, 0xf);
	CHECK_EQ(attach(&s, 1, s.a), 0);
	CHECK_EQ(attach(&s, 2, s.a), 0);
	fake_watch(&s.fake, 0x204);
	s.fake.syncs_stuck = true;
	CHECK_EQ(attach(&s, 3, s.a), -ETIMEDOUT);
	CHECK_HEX(s.fake.seen[0], BIT64(8 + 2));
	check_fate(&s, 0x208, FAKE_BANK + 2);
	check_fate(&s, 0x20f, FAKE_PASS);
	finish(&s);
}

static void all_or_nothing_when_mappings_run_out(void)
{
	struct setup s;

	fake_init(&s.fake);
	start(&s);
	add_device(&s, 1, 0x200, 0);
	for (unsigned i = 0; i < 8; i++)
		s.device[1].ids[i] = (struct piommu_id){ 0x200 + i, 0 };
	s.device[1].nids = 8;
	CHECK_EQ(attach(&s, 0, s.a), 0);
	s.fake.nwrites = 0;
	CHECK_EQ(attach(&s, 1, s.a), -ENOSPC);
	CHECK_HAS(s.fake.said, "all 8 stream mappings");
	CHECK_EQ(s.fake.nwrites, 0);
	smmuv2_driver.release_device(&s.device[0]); /* it had one */
	CHECK_EQ(attach(&s, 1, s.a), 0);
	for (unsigned i = 0; i < 8; i++)
		check_fate(&s, 0x200 + i, FAKE_BANK + 2);
	finish(&s);
}

static void what_a_released_device_left_blocked_stays_blocked_while_there_is_room(void)
{
	struct setup s;

	fake_init(&s.fake);
	start(&s);
	CHECK_EQ(attach(&s, 0, s.blocking), 0);
	s.fake.nwrites = 0;
	smmuv2_driver.release_device(&s.device[0]);
	CHECK_EQ(s.fake.nwrites, 0);
	add_device(&s, 1, 0x200, 0);
	CHECK_EQ(attach(&s, 1, s.a), 0);
	check_fate(&s, 0x100, FAKE_BLOCKED);
	add_device(&s, 0, 0x100, 0); /* and is its successor's */
	CHECK_EQ(attach(&s, 0, s.identity), 0);
	check_fate(&s, 0x100, FAKE_PASS);
	finish(&s);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(a_mapping_that_covers_the_id_is_shared),
		SUITE_TEST(an_overlap_is_refused_and_says_with_which),
		SUITE_TEST(a_mapping_of_the_same_domain_is_widened_in_one_store),
		SUITE_TEST(a_wider_mapping_takes_over_several_and_lasts_as_long_as_their_owners),
		SUITE_TEST(a_widened_mapping_is_as_it_was_after_a_move_that_failed),
		SUITE_TEST(all_or_nothing_when_mappings_run_out),
		SUITE_TEST(what_a_released_device_left_blocked_stays_blocked_while_there_is_room),
	};

	return suite_run(argc, argv, "smmuv2_shared", tests, sizeof(tests) / sizeof(tests[0]));
}
