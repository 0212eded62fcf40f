/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A device that comes while the one it must share a group with comes, too, or goes: a stream id, or a function's place, must never
 * lead to a group that is gone (doc/locking.md, T27).
 */
#include <errno.h>
#include <sched.h>
#include <string.h>

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

#define PATIENCE 20000 /* turns of the processor given away: who comes meanwhile has had every opportunity */

struct door {
	const char *going, *coming; /* names, or addresses */
	bool pci;
	struct piommu_group *stale; /* what they would share */
	int left, came;
	atomic_uint leaving, there;
};

static int hold_release(void *ctx, const char *what)
{
	struct door *door = ctx;

	if (strncmp(what, "release_device ", 15) != 0 || strcmp(what + 15, door->going) != 0)
		return 0;
	atomic_store(&door->leaving, 1);
	for (unsigned turns = 0; turns < PATIENCE && !atomic_load(&door->there); turns++)
		sched_yield();
	return 0;
}

static int add(const struct door *door)
{
	return door->pci ? piommu_device_add(stage.p, fake_sbdf(door->coming)) : piommu_node_add(stage.p, door->coming);
}

static int take_out(const struct door *door)
{
	return door->pci ? piommu_device_remove(stage.p, fake_sbdf(door->going)) : piommu_node_remove(stage.p, door->going);
}

static void come_or_go(void *ctx, unsigned i)
{
	struct door *door = ctx;

	if (i == 0) {
		door->left = take_out(door);
		return;
	}
	PLAY_EXPECT(&stage, threads_wait_for(&door->leaving, 1), got);
	door->came = add(door);
	atomic_store(&door->there, 1);
}

/* The stale group is claimed: who is put into it is blocked, and its owner's. */
static void meet_at(struct door *door)
{
	CHECK_EQ(piommu_claim(door->stale), 0);
	stage.fake.hook_ctx = door;
	stage.fake.hook = hold_release;
	threads_run(2, come_or_go, door);
	stage.fake.hook = NULL;
	CHECK_EQ(door->left, 0);
	CHECK_EQ(door->came, 0);
	CHECK_EQ(fake_dev(&stage.fake, door->coming)->on, 'i');
	stage.ngroups++;
}

static void t27_a_node_that_comes_while_its_mate_goes_gets_a_new_group(void)
{
	struct door door = { .going = "/soc/a", .coming = "/soc/b" };
	struct piommu_group *found = NULL;

	play_open(&stage, 0, 0);
	play_node_comes(&stage, "/soc/a", 5);
	CHECK_EQ(piommu_group_find_node(stage.p, "/soc/a", &door.stale), 0);
	fake_unplug_node(&stage.fake, "/soc/a");
	fake_plug_node(&stage.fake, "/soc/b", 5);
	meet_at(&door);
	CHECK_EQ(piommu_group_find_node(stage.p, "/soc/b", &found), 0);
	CU_ASSERT_PTR_NOT_EQUAL(found, door.stale);
	play_close(&stage);
}

static void t27_a_function_that_comes_while_its_mate_goes_gets_a_new_group(void)
{
	struct door door = { .pci = true, .going = "00:06.0", .coming = "00:06.1" };

	play_open(&stage, 0, 0);
	play_function_comes(&stage, "00:06.0", true);
	door.stale = fake_group(stage.p, "00:06.0");
	fake_unplug(&stage.fake, "00:06.0");
	fake_plug(&stage.fake, "00:06.1", true);
	meet_at(&door);
	CU_ASSERT_PTR_NOT_EQUAL(fake_group(stage.p, "00:06.1"), door.stale);
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
