/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What one thread polls, in one call: its channels each time, the units' faults now and then (a register read takes as long as a burst), and
 * its quiescent state. Channels take turns: where a budget ends before all were looked at, the next call begins with the one that had less
 * than all of it. No lock, no allocation, nothing waits but the driver of a unit without a queue.
 */
#include <errno.h>
#include <stdlib.h>

#include "channel.h"

#define FAULTS_EVERY 256u /* calls */

struct piommu_poller {
	struct piommu *p;
	struct piommu_channel *channels;
	struct piommu_channel *turn; /* with which the next call begins; NULL: none is there */
	unsigned calls;
};

int piommu_poller_create(struct piommu *p, struct piommu_poller **out)
{
	struct piommu_poller *poller = calloc(1, sizeof(*poller));

	if (!poller)
		return -ENOMEM;
	poller->p = p;
	*out = poller;
	return 0;
}

int piommu_poller_destroy(struct piommu_poller *poller)
{
	if (!poller)
		return 0;
	if (poller->channels)
		return -EBUSY;
	free(poller);
	return 0;
}

void core_poller_add(struct piommu_poller *poller, struct piommu_channel *ch)
{
	ch->poller = poller;
	ch->next_of_poller = poller->channels;
	poller->channels = ch;
	if (!poller->turn)
		poller->turn = ch;
}

/* Round and round. */
static struct piommu_channel *after(const struct piommu_poller *poller, const struct piommu_channel *ch)
{
	return ch->next_of_poller ? ch->next_of_poller : poller->channels;
}

void core_poller_remove(struct piommu_poller *poller, struct piommu_channel *ch)
{
	struct piommu_channel **at;

	if (!poller)
		return;
	for (at = &poller->channels; *at != ch; at = &(*at)->next_of_poller)
		;
	*at = ch->next_of_poller;
	if (poller->turn == ch)
		poller->turn = poller->channels ? after(poller, ch) : NULL;
}

/* @return bursts retired or sent */
static unsigned poll_channels(struct piommu_poller *poller, unsigned budget)
{
	struct piommu_channel *first = poller->turn, *ch = first;
	unsigned done = 0;

	if (!first)
		return 0;
	do {
		done += piommu_channel_poll(ch, budget ? budget - done : 0);
		/* The first one had all of the budget; another one that it ended at is the next call's first. */
		if (ch == first || !budget || done < budget)
			ch = after(poller, ch);
	} while (ch != first && (!budget || done < budget));
	poller->turn = ch;
	return done;
}

int piommu_poller_poll(struct piommu_poller *poller, unsigned budget)
{
	unsigned done = poll_channels(poller, budget);

	if (++poller->calls % FAULTS_EVERY)
		rcu_quiescent();
	else
		done += piommu_poll(poller->p);
	return done != 0;
}
