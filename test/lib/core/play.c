/* SPDX-License-Identifier: BSD-3-Clause */
/* See play.h. */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "play.h"
#include "suite.h"

void play_open(struct play *play, unsigned busy, unsigned meeting)
{
	memset(play, 0, sizeof(*play));
	fake_init(&play->fake);
	pthread_mutex_init(&play->lock, NULL);
	pthread_barrier_init(&play->barrier, NULL, meeting ? meeting : 1);
	atomic_store(&play->busy, busy);
	play->p = fake_start(&play->fake);
	play->ngroups = piommu_group_count(play->p);
}

void play_close(struct play *play)
{
	CHECK_HAS(play->wrong[0] ? play->wrong : "nothing", "nothing");
	CHECK_EQ(piommu_rescan(play->p), 0); /* nothing was forgotten */
	CHECK_EQ(piommu_group_count(play->p), play->ngroups);
	fake_stop(&play->fake, play->p);
	pthread_barrier_destroy(&play->barrier);
	pthread_mutex_destroy(&play->lock);
}

void play_wrong(struct play *play, const char *what, long long got)
{
	pthread_mutex_lock(&play->lock);
	if (!play->wrong[0])
		snprintf(play->wrong, sizeof(play->wrong), "%s: %lld", what, got);
	pthread_mutex_unlock(&play->lock);
}

void play_meet(struct play *play)
{
	piommu_thread_offline();
	pthread_barrier_wait(&play->barrier);
	piommu_thread_online();
}

#define PATIENCE 20000 /* turns of the processor given away: whoever can go on has had every opportunity */

static int hold(void *ctx, const char *what)
{
	struct play_gate *gate = ctx;

	if (strncmp(what, gate->at, strlen(gate->at)) != 0 || atomic_fetch_add(&gate->reached, 1))
		return 0;
	for (unsigned turns = 0; turns < PATIENCE && !atomic_load(&gate->over); turns++)
		sched_yield();
	gate->waited = !atomic_load(&gate->over);
	return 0;
}

static void first_or_second(void *ctx, unsigned i)
{
	struct play_gate *gate = ctx;

	if (i == 0) {
		gate->results[0] = gate->first(gate->play);
		return;
	}
	PLAY_EXPECT(gate->play, threads_wait_for(&gate->reached, 1), got);
	gate->results[1] = gate->second(gate->play);
	atomic_store(&gate->over, 1);
}

void play_gate(struct play *play, struct play_gate *gate)
{
	gate->play = play;
	play->fake.hook_ctx = gate;
	play->fake.hook = hold;
	threads_run(2, first_or_second, gate);
	play->fake.hook = NULL;
}

void play_function_comes(struct play *play, const char *bdf, bool multifunction)
{
	const struct piommu_sbdf sbdf = fake_sbdf(bdf);
	struct piommu_device *device;
	struct piommu_group *group;

	fake_plug(&play->fake, bdf, multifunction);
	PLAY_EXPECT(play, piommu_device_add(play->p, sbdf), got == 0);
	PLAY_EXPECT(play, piommu_device_find(play->p, sbdf, &device), got == 0 && (piommu_device_put(device), true));
	PLAY_EXPECT(play, piommu_group_find(play->p, sbdf, &group), got == 0 && (piommu_group_put(group), true));
}

void play_function_goes(struct play *play, const char *bdf)
{
	const struct piommu_sbdf sbdf = fake_sbdf(bdf);
	struct piommu_device *device;

	fake_unplug(&play->fake, bdf);
	PLAY_EXPECT(play, piommu_device_remove(play->p, sbdf), got == 0 || got == -ENOENT); /* a rescan may have been faster */
	PLAY_EXPECT(play, piommu_device_find(play->p, sbdf, &device), got == -ENOENT);
}

void play_node_comes(struct play *play, const char *name, uint32_t stream)
{
	struct piommu_device *device;

	fake_plug_node(&play->fake, name, stream);
	PLAY_EXPECT(play, piommu_node_add(play->p, name), got == 0);
	PLAY_EXPECT(play, piommu_device_find_node(play->p, name, &device), got == 0 && (piommu_device_put(device), true));
}

void play_node_goes(struct play *play, const char *name)
{
	struct piommu_group *group;

	fake_unplug_node(&play->fake, name);
	PLAY_EXPECT(play, piommu_node_remove(play->p, name), got == 0 || got == -ENOENT);
	PLAY_EXPECT(play, piommu_group_find_node(play->p, name, &group), got == -ENOENT);
}
