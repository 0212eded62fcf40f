/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The receive side of a packet application: buffers are posted to a device in bursts, and each is mapped for just as long as the device
 * has it. Unmaps do not wait: a burst's buffers go up to the application when its ticket is done, while the next bursts are on
 * their way. On the simulated machine the device is played by piommu_sim_dma().
 *
 *     rx_ring [sim[:vtd|smmuv3|smmuv2][,key=value..]]
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <piommu_dma.h>
#include <piommu_sim.h>

#define BURST 32u
#define INFLIGHT 8u /* bursts */
#define ROUNDS 1000u
#define FRAME 2048u

/* A burst of buffers on its way: posted, then unmapped under a ticket, then the application's. */
struct slot {
	struct piommu_dma bufs[BURST];
	piommu_ticket ticket;
	unsigned round;
};

static const struct piommu_sbdf nic = { .segment = 0, .bus = 0, .devfn = 4 << 3 };
static struct piommu_mem memory;

static void must(int err, const char *what)
{
	if (err) {
		fprintf(stderr, "rx_ring: %s: %s\n", what, strerror(-err));
		exit(1);
	}
}

/* Every buffer on a page of its own: a device reaches whole pages. */
static void slot_init(struct slot *slot, unsigned index)
{
	for (unsigned i = 0; i < BURST; i++)
		slot->bufs[i] = (struct piommu_dma){ .pa = memory.pa + 4096ull * (index * BURST + i),
						     .len = FRAME,
						     .dir = PIOMMU_DMA_FROM_DEVICE };
}

static void device_receives(struct piommu_platform *machine, const struct slot *slot)
{
	for (unsigned i = 0; i < BURST; i++) {
		unsigned frame[2] = { slot->round, i };

		must(piommu_sim_dma(machine, nic, slot->bufs[i].iova, frame, sizeof(frame), true), "the device writes");
	}
}

/* No device can write to these buffers any more: what is in them stays what was looked at. */
static void application_takes(const struct slot *slot)
{
	for (unsigned i = 0; i < BURST; i++) {
		const unsigned *frame = (const void *)((const char *)memory.va + (slot->bufs[i].pa - memory.pa));

		if (frame[0] != slot->round || frame[1] != i) {
			fprintf(stderr, "rx_ring: frame %u of round %u is not what the device sent\n", i, slot->round);
			exit(1);
		}
	}
}

static void receive(struct piommu *p, struct piommu_poller *poller, struct piommu_channel *channel)
{
	struct slot slots[INFLIGHT];

	for (unsigned round = 0; round < ROUNDS + INFLIGHT; round++) {
		struct slot *slot = &slots[round % INFLIGHT];

		if (round < INFLIGHT) {
			slot_init(slot, round);
		} else {
			while (piommu_channel_done(channel, slot->ticket) == -EINPROGRESS)
				piommu_poller_poll(poller, 0);
			must(piommu_channel_done(channel, slot->ticket), "invalidate");
			application_takes(slot);
		}
		if (round >= ROUNDS)
			continue;
		slot->round = round;
		must(piommu_dma_map_burst(channel, slot->bufs, BURST), "map");
		device_receives(piommu_platform(p), slot);
		must(piommu_dma_unmap_burst(channel, slot->bufs, BURST, &slot->ticket), "unmap");
		piommu_poller_poll(poller, 0); /* once a turn of the loop: completions, faults, quiescent state */
	}
}

static void report(struct piommu *p)
{
	struct piommu_stats stats;

	piommu_stats(p, &stats);
	printf("received  %u frames in bursts of %u, each mapped for as long as the device had it\n", ROUNDS * BURST, BURST);
	printf("cost      %.3f invalidation descriptors, %.3f waits, %.3f doorbells a frame\n",
	       (double)stats.inv_descriptors / (ROUNDS * BURST), (double)stats.inv_waits / (ROUNDS * BURST),
	       (double)stats.inv_doorbells / (ROUNDS * BURST));
}

int main(int argc, char **argv)
{
	struct piommu_config config = PIOMMU_CONFIG_INIT;
	struct piommu_channel_attr attr = { .inflight = INFLIGHT };
	struct piommu_channel *channel;
	struct piommu_domain *domain;
	struct piommu_group *group;
	struct piommu *p;

	config.platform = argc > 1 ? argv[1] : "sim:vtd";
	must(piommu_create(&config, &p), "create");
	must(piommu_group_find(p, nic, &group), "find the device");
	must(piommu_claim(group), "claim");
	must(piommu_domain_create(group, NULL, &domain), "create a domain");
	must(piommu_attach(domain, group), "attach");
	must(piommu_mem_alloc(p, 4096ull * BURST * INFLIGHT, 0, &memory), "allocate buffers");
	must(piommu_poller_create(p, &attr.poller), "create a poller");
	must(piommu_channel_create(domain, &attr, &channel), "create a channel");

	receive(p, attr.poller, channel);
	report(p);

	must(piommu_channel_destroy(channel), "destroy the channel");
	must(piommu_poller_destroy(attr.poller), "destroy the poller");
	piommu_mem_free(p, &memory);
	must(piommu_detach(domain, group), "detach");
	must(piommu_domain_destroy(domain), "destroy the domain");
	must(piommu_release(group), "release");
	piommu_group_put(group);
	must(piommu_destroy(p), "destroy");
	return 0;
}
