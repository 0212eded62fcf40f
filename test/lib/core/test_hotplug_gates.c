/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One device comes or goes while another thread stands in the middle of adding it, removing it, or of a rescan that has heard already
 * what there is (doc/locking.md, R10, T28): each order, and not by chance as in test_hotplug_threads.c.
 */
#include <errno.h>

#include "play.h"
#include "suite.h"

static struct play stage;

static int add(struct play *play)
{
	return piommu_device_add(play->p, fake_sbdf("00:06.0"));
}

static int take_out(struct play *play)
{
	return piommu_device_remove(play->p, fake_sbdf("00:06.0"));
}

static int rescan(struct play *play)
{
	return piommu_rescan(play->p);
}

static int plug_and_add(struct play *play)
{
	fake_plug(&play->fake, "00:06.0", false);
	return add(play);
}

static int unplug_and_take_out(struct play *play)
{
	fake_unplug(&play->fake, "00:06.0");
	return take_out(play);
}

static struct play_gate gate_at(const char *at, int (*first)(struct play *), int (*second)(struct play *))
{
	return (struct play_gate){ .at = at, .first = first, .second = second, .results = { -1, -1 } };
}

static int look(void)
{
	struct piommu_device *device;
	int err = piommu_device_find(stage.p, fake_sbdf("00:06.0"), &device);

	if (!err)
		piommu_device_put(device);
	return err;
}

/* ---- A rescan knows what there was ---- */

static void t28_a_rescan_does_not_remove_what_came_since_it_asked(void)
{
	struct play_gate gate = gate_at("functions listed", rescan, plug_and_add);

	play_open(&stage, 0, 0);
	play_gate(&stage, &gate);
	CHECK_EQ(gate.results[0], 0);
	CHECK_EQ(gate.results[1], 0);
	CHECK_EQ(look(), 0);
	stage.ngroups++;
	play_close(&stage);
}

/* It was out for a moment, nobody took it out of the manager, and who plugged it in again hears that it is known. */
static void t28_a_rescan_does_not_remove_what_came_back_since_it_asked(void)
{
	struct play_gate gate = gate_at("functions listed", rescan, plug_and_add);

	play_open(&stage, 0, 0);
	play_function_comes(&stage, "00:06.0", false);
	fake_unplug(&stage.fake, "00:06.0");
	play_gate(&stage, &gate);
	CHECK_EQ(gate.results[0], 0);
	CHECK_EQ(gate.results[1], 0);
	CHECK_EQ(look(), 0);
	stage.ngroups++;
	play_close(&stage);
}

static void t28_a_rescan_does_not_add_what_went_since_it_asked(void)
{
	struct play_gate gate = gate_at("functions listed", rescan, unplug_and_take_out);

	play_open(&stage, 0, 0);
	play_function_comes(&stage, "00:06.0", false);
	play_gate(&stage, &gate);
	CHECK_EQ(gate.results[0], 0);
	CHECK_EQ(gate.results[1], 0);
	CHECK_EQ(look(), -ENOENT);
	play_close(&stage);
}

/* It was never known: whoever takes it out hears that, and may rely on it. */
static void t28_an_add_does_not_bring_in_what_went_since_it_asked(void)
{
	struct play_gate gate = gate_at("functions listed", add, unplug_and_take_out);

	play_open(&stage, 0, 0);
	fake_plug(&stage.fake, "00:06.0", false);
	play_gate(&stage, &gate);
	CHECK_EQ(gate.results[0], -ENODEV);
	CHECK_EQ(gate.results[1], -ENOENT);
	CHECK_EQ(look(), -ENOENT);
	play_close(&stage);
}

/* ---- One is on its way in, or out ---- */

static void t28_a_removal_does_not_pass_by_what_is_on_its_way_in(void)
{
	struct play_gate gate = gate_at("probe_device 00:06.0", add, unplug_and_take_out);

	play_open(&stage, 0, 0);
	fake_plug(&stage.fake, "00:06.0", false);
	play_gate(&stage, &gate);
	CHECK_EQ(gate.results[0], 0);
	CHECK_EQ(gate.results[1], 0);
	CHECK_EQ(look(), -ENOENT);
	play_close(&stage);
}

static void t28_what_comes_again_waits_until_it_has_gone(void)
{
	struct play_gate gate = gate_at("release_device 00:06.0", take_out, add);

	play_open(&stage, 0, 0);
	play_function_comes(&stage, "00:06.0", false);
	play_gate(&stage, &gate);
	CHECK_EQ(gate.results[0], 0);
	CHECK_EQ(gate.results[1], 0);
	CHECK_EQ(look(), 0);
	stage.ngroups++;
	play_close(&stage);
}

static void t28_who_removes_second_returns_when_it_is_gone(void)
{
	struct play_gate gate = gate_at("release_device 00:06.0", take_out, take_out);

	play_open(&stage, 0, 0);
	play_function_comes(&stage, "00:06.0", false);
	fake_unplug(&stage.fake, "00:06.0");
	play_gate(&stage, &gate);
	CHECK_EQ(gate.results[0], 0);
	CHECK_EQ(gate.results[1], -ENOENT);
	CU_ASSERT(gate.waited);
	CHECK_EQ(look(), -ENOENT);
	play_close(&stage);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(t28_a_rescan_does_not_remove_what_came_since_it_asked),
		SUITE_TEST(t28_a_rescan_does_not_remove_what_came_back_since_it_asked),
		SUITE_TEST(t28_a_rescan_does_not_add_what_went_since_it_asked),
		SUITE_TEST(t28_an_add_does_not_bring_in_what_went_since_it_asked),
		SUITE_TEST(t28_a_removal_does_not_pass_by_what_is_on_its_way_in),
		SUITE_TEST(t28_what_comes_again_waits_until_it_has_gone),
		SUITE_TEST(t28_who_removes_second_returns_when_it_is_gone),
	};

	return suite_run(argc, argv, "hotplug_gates", tests, sizeof(tests) / sizeof(tests[0]));
}
