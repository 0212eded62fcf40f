/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What one thread polls, in one call: its channels each time, the units' faults now and then (a register read takes as long as a burst), and
 * its quiescent state. No lock, no allocation, nothing waits.
 */
#include <errno.h>
#include <stdlib.h>

#include "channel.h"

#define FAULTS_EVERY 256u /* calls */

struct piommu_poller {
	struct piommu *p;
	struct piommu_channel *channels;
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
}

void core_poller_remove(struct piommu_poller *poller, struct piommu_channel *ch)
{
	struct piommu_channel **at;

	if (!poller)
		return;
	for (at = &poller->channels; *at != ch; at = &(*at)->next_of_poller)
		;
	*at = ch->next_of_poller;
}

int piommu_poller_poll(struct piommu_poller *poller, unsigned budget)
{
	unsigned done = 0;

	for (struct piommu_channel *ch = poller->channels; ch; ch = ch->next_of_poller) {
		if (budget && done >= budget)
			break;
		done += piommu_channel_poll(ch, budget ? budget - done : 0);
	}
	if (++poller->calls % FAULTS_EVERY)
		rcu_quiescent();
	else
		done += piommu_poll(poller->p);
	return done != 0;
}
