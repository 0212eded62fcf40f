/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Devices that come and go while other threads look at them, use their groups, poll, and bring in others of another kind
 * (doc/locking.md, R13, T23, T28). ThreadSanitizer and AddressSanitizer see what the assertions cannot. T27: test_hotplug_mates.c.
 */
#include <errno.h>
#include <sched.h>
#include <string.h>

#include "play.h"
#include "suite.h"

static struct play stage;

/* ---- Those who bring in and take out ---- */

static void churn_functions(struct play *play)
{
	static const char *const at[] = { "00:06.0", "00:07.0", "02:00.0", "01:00.1" };

	for (unsigned i = 0; i < PLAY_ROUNDS; i++) {
		play_function_comes(play, at[i % 4], false);
		play_function_goes(play, at[i % 4]);
	}
	atomic_fetch_sub(&play->busy, 1);
}

/* Into and out of a group that is in use. */
static void churn_member(struct play *play)
{
	for (unsigned i = 0; i < PLAY_ROUNDS; i++) {
		play_function_comes(play, "00:05.3", true);
		play_function_goes(play, "00:05.3");
	}
	atomic_fetch_sub(&play->busy, 1);
}

static void churn_nodes(struct play *play)
{
	for (unsigned i = 0; i < PLAY_ROUNDS; i++) {
		play_node_comes(play, "/soc/a", 5);
		play_node_comes(play, "/soc/b", 5 + i % 2);
		play_node_goes(play, "/soc/a");
		play_node_goes(play, "/soc/b");
	}
	atomic_fetch_sub(&play->busy, 1);
}

static void churn_faulting(struct play *play)
{
	const struct piommu_sbdf sbdf = fake_sbdf("00:04.0");

	for (unsigned i = 0; i < PLAY_ROUNDS; i++) {
		PLAY_EXPECT(play, piommu_device_remove(play->p, sbdf), got == 0);
		PLAY_EXPECT(play, piommu_device_add(play->p, sbdf), got == 0);
	}
	atomic_fetch_sub(&play->busy, 1);
}

/* ---- Those who do something else until the others are done ---- */

static void rescan(struct play *play)
{
	while (atomic_load(&play->busy))
		PLAY_EXPECT(play, piommu_rescan(play->p), got >= 0);
}

static void look_at_group(struct play *play, struct piommu_group *group)
{
	struct piommu_group_info info;
	struct piommu_device_info device;
	const char *fact;
	char text[256];

	piommu_group_info(group, &info);
	for (unsigned d = 0; !piommu_group_device(group, d, &device); d++) {
		PLAY_EXPECT(play, (long long)strlen(device.name), got > 0);
		PLAY_EXPECT(play, device.nids, got > 0);
	}
	for (unsigned r = 0; !piommu_group_reason(group, r, &fact, text, sizeof(text)); r++)
		PLAY_EXPECT(play, (long long)strlen(text), got > 0);
}

static void look_at_groups(struct play *play)
{
	struct piommu_group *group;

	while (atomic_load(&play->busy)) {
		PLAY_EXPECT(play, piommu_group_count(play->p), got >= play->ngroups);
		for (unsigned n = 0; (group = piommu_group_at(play->p, n)); n++) {
			look_at_group(play, group);
			piommu_group_put(group);
		}
		piommu_poll(play->p);
	}
}

static void look_at(struct play *play, const char *bdf, bool stays)
{
	struct piommu_device_stats stats;
	struct piommu_device *device;
	int err = piommu_device_find(play->p, fake_sbdf(bdf), &device);

	PLAY_EXPECT(play, err, got == 0 || (!stays && (got == -ENOENT || got == -EAGAIN)));
	if (err)
		return;
	piommu_device_stats(device, &stats);
	piommu_device_put(device);
}

static void look_for_devices(struct play *play)
{
	struct piommu_device *node;

	while (atomic_load(&play->busy)) {
		look_at(play, "00:06.0", false);
		look_at(play, "00:05.3", false);
		look_at(play, "00:02.0", true);
		if (!piommu_device_find_node(play->p, "/soc/b", &node))
			piommu_device_put(node);
		piommu_poll(play->p);
	}
}

static void look_at_faulting(struct play *play)
{
	while (atomic_load(&play->busy)) {
		look_at(play, "00:04.0", false);
		piommu_poll(play->p);
	}
}

static void poll(struct play *play)
{
	while (atomic_load(&play->busy))
		piommu_poll(play->p);
}

/* One turn of an owner. What he has may lose its last device at any moment, which ends the attachment, and not the claim. */
static void own(struct play *play, struct piommu_group *group, struct piommu_sbdf reset)
{
	struct piommu_domain *domain;
	int err = piommu_claim(group);

	PLAY_EXPECT(play, err, got == 0 || got == -ENODEV || got == -EAGAIN);
	if (err)
		return;
	err = piommu_domain_create(group, NULL, &domain);
	PLAY_EXPECT(play, err, got == 0 || got == -ENODEV || got == -EAGAIN);
	if (!err) {
		PLAY_EXPECT(play, piommu_attach(domain, group), got == 0 || got == -EINVAL);
		if (!piommu_reset_begin(play->p, reset))
			PLAY_EXPECT(play, piommu_reset_end(play->p, reset), got == 0 || got == -ENOENT || got == -EINVAL);
		PLAY_EXPECT(play, piommu_detach(domain, group), got == 0 || got == -EINVAL);
		PLAY_EXPECT(play, piommu_domain_destroy(domain), got == 0);
	}
	PLAY_EXPECT(play, piommu_release(group), got == 0);
}

static void own_what_gets_members(struct play *play)
{
	struct piommu_group *group = NULL;

	PLAY_EXPECT(play, piommu_group_find(play->p, fake_sbdf("00:05.0"), &group), got == 0);
	while (group && atomic_load(&play->busy))
		own(play, group, fake_sbdf("00:05.3"));
	piommu_group_put(group);
}

static void own_what_goes(struct play *play)
{
	const struct piommu_sbdf sbdf = fake_sbdf("00:06.0");
	struct piommu_group *group;

	while (atomic_load(&play->busy)) {
		if (piommu_group_find(play->p, sbdf, &group)) {
			sched_yield();
			continue;
		}
		own(play, group, sbdf);
		piommu_group_put(group);
	}
}

/* ---- T28 ---- */

static void play_looking(void *ctx, unsigned i)
{
	static void (*const roles[])(struct play *) = { churn_functions, churn_member,   churn_nodes,
							rescan,          look_at_groups, look_for_devices };

	roles[i](ctx);
}

static void t28_lists_are_gone_through_while_functions_and_nodes_come_and_go(void)
{
	struct piommu_domain *domain;
	struct piommu_group *group;

	play_open(&stage, 3, 0);
	group = fake_group(stage.p, "00:05.0");
	domain = fake_domain_for(group);
	CHECK_EQ(piommu_claim(group), 0);
	CHECK_EQ(piommu_attach(domain, group), 0);
	threads_run(6, play_looking, &stage);
	CHECK_EQ(fake_count_on(domain), 3);
	play_close(&stage);
}

static void play_owning(void *ctx, unsigned i)
{
	static void (*const roles[])(struct play *) = { churn_functions, churn_member, own_what_gets_members, own_what_goes };

	roles[i](ctx);
}

static void t28_groups_are_claimed_and_attached_while_members_come_and_go(void)
{
	play_open(&stage, 2, 0);
	threads_run(4, play_owning, &stage);
	CHECK_EQ(fake_dev(&stage.fake, "00:05.0")->on, 'i');
	play_close(&stage);
}

static int results[4]; /* of taking it out; written before they meet, and read after */

/* Four threads tell of one device at once: two by its name, two by a rescan. */
static void tell(void *ctx, unsigned i)
{
	const struct piommu_sbdf sbdf = fake_sbdf("00:06.0");
	struct play *play = ctx;
	struct piommu_device *device;

	for (unsigned round = 0; round < PLAY_ROUNDS / 4; round++) {
		if (!i)
			fake_plug(&play->fake, "00:06.0", false);
		play_meet(play);
		if (i < 2)
			PLAY_EXPECT(play, piommu_device_add(play->p, sbdf), got == 0);
		else
			PLAY_EXPECT(play, piommu_rescan(play->p), got == 0 || got == 1);
		PLAY_EXPECT(play, piommu_device_find(play->p, sbdf, &device), got == 0 && (piommu_device_put(device), true));
		play_meet(play);
		if (!i)
			fake_unplug(&play->fake, "00:06.0");
		play_meet(play);
		results[i] = i < 2 ? piommu_device_remove(play->p, sbdf) : piommu_rescan(play->p);
		PLAY_EXPECT(play, piommu_device_find(play->p, sbdf, &device), got == -ENOENT);
		play_meet(play);
		if (!i)
			PLAY_EXPECT(play, (!results[0]) + (!results[1]) + results[2] + results[3], got == 1);
	}
}

static void t28_who_tell_of_one_device_at_once_bring_it_in_and_out_once(void)
{
	play_open(&stage, 0, 4);
	threads_run(4, tell, &stage); /* probed twice, or left with the driver: the fake complains */
	play_close(&stage);
}

/* ---- T23 ---- */

static void play_faults(void *ctx, unsigned i)
{
	static void (*const roles[])(struct play *) = { churn_faulting, poll, poll, look_at_faulting };

	roles[i](ctx);
}

static uint64_t faults_of(struct piommu *p, const char *bdf)
{
	struct piommu_device *device = fake_device(p, bdf);
	struct piommu_device_stats stats;

	piommu_device_stats(device, &stats);
	piommu_device_put(device);
	return stats.faults;
}

static const struct piommu_event fault = {
	.type = PIOMMU_EVENT_DMA_FAULT, .unit = "dmar1", .reason_text = "x", .reason_name = "y"
};

static void t23_faults_are_counted_for_the_device_they_are_of(void)
{
	struct fake *fake = &stage.fake;
	struct piommu_event event;

	play_open(&stage, 0, 0);
	fake->event = fault;
	fake->event.id = 0x20;
	fake->nevents = 5;
	while (piommu_poll(stage.p))
		;
	CHECK_EQ(faults_of(stage.p, "00:04.0"), 5);
	CHECK_EQ(faults_of(stage.p, "00:02.0"), 0);
	/* of nobody that we know: an event all the same */
	while (piommu_events(stage.p, &event, 1))
		;
	fake->event.id = 0xf0;
	fake->nevents = 1;
	CHECK_EQ(piommu_poll(stage.p), 1);
	CHECK_EQ(piommu_events(stage.p, &event, 1), 1);
	CHECK_EQ(faults_of(stage.p, "00:04.0"), 5);
	play_close(&stage);
}

static void t23_faults_are_polled_while_their_device_goes(void)
{
	struct fake *fake = &stage.fake;

	play_open(&stage, 1, 0);
	fake->event = fault;
	fake->faulting[0] = 0x20; /* 00:04.0 */
	fake->faulting[1] = 0x10; /* 00:02.0 */
	fake->nfaulting = 2;
	fake->nevents = UINT32_MAX;
	threads_run(4, play_faults, &stage);
	fake->nevents = 0;
	CU_ASSERT(fake->nemitted[0] > 0);
	CHECK_EQ(faults_of(stage.p, "00:02.0"), fake->nemitted[1]);
	play_close(&stage);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(t28_lists_are_gone_through_while_functions_and_nodes_come_and_go),
		SUITE_TEST(t28_groups_are_claimed_and_attached_while_members_come_and_go),
		SUITE_TEST(t28_who_tell_of_one_device_at_once_bring_it_in_and_out_once),
		SUITE_TEST(t23_faults_are_counted_for_the_device_they_are_of),
		SUITE_TEST(t23_faults_are_polled_while_their_device_goes),
	};

	return suite_run(argc, argv, "hotplug_threads", tests, sizeof(tests) / sizeof(tests[0]));
}
