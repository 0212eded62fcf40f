/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A device that comes while the one it must share a group with comes, too, or goes: a stream id, or a function's place, must never
 * lead to a group that is gone (doc/locking.md, T27).
 */
#include "play.h"
#include "suite.h"

static struct play stage;

/* ---- Two come at once and go at once ---- */

static unsigned ids[2]; /* of the group that each finds itself in; written before they meet, and read after */

/* The group that the node is in now, with a reference. */
static struct piommu_group *look(struct play *play, const char *name, unsigned *id)
{
	struct piommu_group *group = NULL;
	struct piommu_group_info info = { 0 };

	PLAY_EXPECT(play, piommu_group_find_node(play->p, name, &group), got == 0);
	if (group)
		piommu_group_info(group, &info);
	PLAY_EXPECT(play, info.ndevices, got >= 1);
	*id = info.id;
	return group;
}

static void come_and_go(void *ctx, unsigned i)
{
	static const char *const names[] = { "/soc/a", "/soc/b" };
	struct play *play = ctx;
	struct piommu_group *held = NULL, *group;

	for (unsigned round = 0; round < PLAY_ROUNDS; round++) {
		play_node_comes(play, names[i], 5);
		group = look(play, names[i], &ids[i]);
		piommu_group_put(held); /* that of the last round lasted until now, empty, for a lookup to stumble over */
		held = group;
		play_meet(play);
		PLAY_EXPECT(play, ids[0] == ids[1], got);
		play_meet(play);
		play_node_goes(play, names[i]);
		if (round % 2) /* both are gone before one comes back */
			play_meet(play);
	}
	piommu_group_put(held);
}

static void t27_nodes_of_one_stream_that_come_at_once_are_one_group(void)
{
	play_open(&stage, 0, 2);
	threads_run(2, come_and_go, &stage);
	play_close(&stage);
}

/* ---- One comes while its only mate is on its way out ---- */

static int take_node_out(struct play *play)
{
	return piommu_node_remove(play->p, "/soc/a");
}

static int add_node(struct play *play)
{
	return piommu_node_add(play->p, "/soc/b");
}

static int take_function_out(struct play *play)
{
	return piommu_device_remove(play->p, fake_sbdf("00:06.0"));
}

static int add_function(struct play *play)
{
	return piommu_device_add(play->p, fake_sbdf("00:06.1"));
}

/* The group that they would share is claimed: who is put into it is blocked, and its owner's. */
static void meet_at(struct play_gate *gate, struct piommu_group *stale)
{
	CHECK_EQ(piommu_claim(stale), 0);
	play_gate(&stage, gate);
	CHECK_EQ(gate->results[0], 0);
	CHECK_EQ(gate->results[1], 0);
	stage.ngroups++;
}

static void t27_a_node_that_comes_while_its_mate_goes_gets_a_new_group(void)
{
	struct play_gate gate = { .at = "release_device /soc/a", .first = take_node_out, .second = add_node };
	struct piommu_group *stale = NULL, *found = NULL;

	play_open(&stage, 0, 0);
	play_node_comes(&stage, "/soc/a", 5);
	CHECK_EQ(piommu_group_find_node(stage.p, "/soc/a", &stale), 0);
	fake_unplug_node(&stage.fake, "/soc/a");
	fake_plug_node(&stage.fake, "/soc/b", 5);
	meet_at(&gate, stale);
	CHECK_EQ(piommu_group_find_node(stage.p, "/soc/b", &found), 0);
	CU_ASSERT_PTR_NOT_EQUAL(found, stale);
	CHECK_EQ(fake_dev(&stage.fake, "/soc/b")->on, 'i');
	play_close(&stage);
}

static void t27_a_function_that_comes_while_its_mate_goes_gets_a_new_group(void)
{
	struct play_gate gate = { .at = "release_device 00:06.0", .first = take_function_out, .second = add_function };
	struct piommu_group *stale;

	play_open(&stage, 0, 0);
	play_function_comes(&stage, "00:06.0", true);
	stale = fake_group(stage.p, "00:06.0");
	fake_unplug(&stage.fake, "00:06.0");
	fake_plug(&stage.fake, "00:06.1", true);
	meet_at(&gate, stale);
	CU_ASSERT_PTR_NOT_EQUAL(fake_group(stage.p, "00:06.1"), stale);
	CHECK_EQ(fake_dev(&stage.fake, "00:06.1")->on, 'i');
	play_close(&stage);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(t27_nodes_of_one_stream_that_come_at_once_are_one_group),
		SUITE_TEST(t27_a_node_that_comes_while_its_mate_goes_gets_a_new_group),
		SUITE_TEST(t27_a_function_that_comes_while_its_mate_goes_gets_a_new_group),
	};

	return suite_run(argc, argv, "hotplug_mates", tests, sizeof(tests) / sizeof(tests[0]));
}
