/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A device that is pulled out while it is in use, and comes back. It sits in a slot that anyone can reach, so it is not trusted: while
 * nobody attaches it, it is on a page table of its own with nothing in it (a paging default), and not on identity.
 *
 *     hotplug [sim[:vtd|smmuv3|smmuv2][,key=value..]]
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <piommu.h>
#include <piommu_sim.h>

#define IOVA 0x10000u
#define DEVICE "0000:00:04.0"

static const struct piommu_sbdf disk = { .segment = 0, .bus = 0, .devfn = 4 << 3 };

struct owned {
	struct piommu_group *group;
	struct piommu_domain *domain;
};

static void must(int err, const char *what)
{
	if (err) {
		fprintf(stderr, "hotplug: %s: %s\n", what, strerror(-err));
		exit(1);
	}
}

/* Asked once for each device, when it is found: also when it comes back. */
static struct piommu_wish on_wish(void *ctx, const char *device)
{
	struct piommu_wish wish = { PIOMMU_DEFAULT_ANY, false };

	(void)ctx;
	if (!strcmp(device, DEVICE))
		wish = (struct piommu_wish){ PIOMMU_DEFAULT_PAGING, true };
	return wish;
}

/* The device writes to IOVA, and that ends as it should: 0, -EFAULT (blocked) or -ENOENT (it is not there). */
static void dma(struct piommu *p, int expected, const char *when)
{
	char word[] = "from the disk";
	int err = piommu_sim_dma(piommu_platform(p), disk, IOVA, word, sizeof(word), true);

	printf("%-34s DMA: %s\n", when, !err ? "arrives" : err == -ENOENT ? "none, there is no device" : "blocked");
	piommu_poll(p);
	must(err == expected ? 0 : -EPROTO, when);
}

/* What an owner does with a device that is there, the first time and each time that it is there again. */
static void take(struct piommu *p, const struct piommu_mem *buffer, struct owned *o)
{
	struct piommu_device *device;

	must(piommu_group_find(p, disk, &o->group), "find the group");
	must(piommu_claim(o->group), "claim");
	must(piommu_device_find(p, disk, &device), "find the device");
	dma(p, -EFAULT, "claimed");
	must(piommu_device_map(device, IOVA, buffer->pa, buffer->len, PIOMMU_RW), "map by device");
	dma(p, 0, "mapped in its default domain");
	must(piommu_device_unmap(device, IOVA, buffer->len, NULL), "unmap by device");
	dma(p, -EFAULT, "unmapped");
	piommu_device_put(device);

	must(piommu_domain_create(o->group, NULL, &o->domain), "create a domain");
	must(piommu_map(o->domain, IOVA, buffer->pa, buffer->len, PIOMMU_RW), "map");
	must(piommu_attach(o->domain, o->group), "attach");
	dma(p, 0, "attached to a domain");
}

/* A group that has lost its last device is on nothing any more; it is its owner's until he releases it. */
static void give_back(struct owned *o)
{
	must(piommu_release(o->group), "release");
	piommu_group_put(o->group);
	must(piommu_domain_destroy(o->domain), "destroy the domain");
}

int main(int argc, char **argv)
{
	struct piommu_config config = PIOMMU_CONFIG_INIT;
	struct piommu_mem buffer;
	struct owned owned;
	struct piommu *p;

	config.platform = argc > 1 ? argv[1] : "sim:vtd";
	config.wish_fn = on_wish;
	must(piommu_create(&config, &p), "create");
	must(piommu_mem_alloc(p, 4096, 0, &buffer), "allocate a buffer");
	take(p, &buffer, &owned);

	must(piommu_sim_unplug(piommu_platform(p), disk), "unplug"); /* somebody pulls it out, attached as it is */
	dma(p, -ENOENT, "unplugged");
	must(piommu_device_remove(p, disk), "remove");
	give_back(&owned);

	must(piommu_sim_plug(piommu_platform(p), disk), "plug");
	dma(p, -EFAULT, "plugged in again, not yet added");
	must(piommu_device_add(p, disk), "add"); /* or piommu_rescan(), which finds what has changed */
	take(p, &buffer, &owned);

	must(piommu_detach(owned.domain, owned.group), "detach");
	give_back(&owned);
	piommu_mem_free(p, &buffer);
	must(piommu_destroy(p), "destroy");
	return 0;
}
