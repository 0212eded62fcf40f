/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A device that goes and comes back while a manager runs, on a real kernel: what was told of it is forgotten with it, what is left
 * of it reaches nothing, and it is found, claimed and fenced again.
 *
 *   replug PLATFORM EDU UNPLUG PLUG    the last two: shell commands, after which the kernel does not have the device, or has it again
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "edu.h"
#include "piommu.h"
#include "steps.h"

/* What a device has while it is used. */
struct use {
	struct piommu_group *group;
	struct piommu_domain *domain;
	struct piommu_mem mem; /* mapped at IOVA */
	unsigned nmates;       /* others in the group: a bridge, where the device is a conventional one */
};

static void check_count(const char *name, int have, int want)
{
	char why[64];

	snprintf(why, sizeof(why), "%d, not %d", have, want);
	check(name, have == want, why);
}

static unsigned members(const struct piommu_group *group)
{
	struct piommu_group_info info;

	piommu_group_info(group, &info);
	return info.ndevices;
}

/*
 * The kernel takes its time with a slot: 20 seconds are a guest that hardly runs. A device is there when its last file is, and gone
 * when its directory is.
 */
static void change(const char *name, const char *command, const char *bdf, bool there)
{
	const struct timespec pause = { .tv_nsec = 10000000 };
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s%s", bdf, there ? "/resource0" : "");
	if (system(command) != 0)
		must(name, -ECHILD);
	for (int i = 0; i < 2000 && (access(path, F_OK) == 0) != there; i++)
		nanosleep(&pause, NULL);
	must(name, (access(path, F_OK) == 0) == there ? 0 : -ETIMEDOUT);
}

static void begin_use(struct piommu *p, struct edu *edu, struct use *use)
{
	uint8_t *va;

	must("group-find", piommu_group_find(p, edu->sbdf, &use->group));
	use->nmates = members(use->group) - 1;
	must("claim", piommu_claim(use->group));
	must("domain-create", piommu_domain_create(use->group, NULL, &use->domain));
	must("attach", piommu_attach(use->domain, use->group));
	must("mem-alloc", piommu_mem_alloc(p, 8192, 0, &use->mem));
	must("map", piommu_map(use->domain, IOVA, use->mem.pa, 8192, PIOMMU_RW));
	va = use->mem.va;
	check("dma-before-it-goes", copies(edu, IOVA, va, IOVA + 4096, va + 4096), "bytes did not arrive");
}

/* A device that only the kernel has forgotten still answers: here is what a late DMA of a device that was told to go would do. */
static void check_ghost(struct piommu *p, const struct edu *gone, const struct use *use, struct phys_page *page)
{
	struct edu ghost = *gone;
	uint8_t *mapped = use->mem.va;
	uint8_t *physical = page->va;
	struct piommu_event event = { 0 };
	char text[256];

	must("ghost", edu_open_physical(&ghost));
	if (!edu_answers(&ghost)) {
		printf("ok nothing is left of it\n");
		edu_close(&ghost);
		return;
	}
	memset(mapped, 0x5a, LEN);
	memset(physical, 0x5a, LEN);
	drop_events(p);
	check("gone-is-off-its-domain", edu_write_memory(&ghost, IOVA, LEN) == 0 && mapped[0] == 0x5a, "bytes arrived");
	check("gone-reaches-no-memory", edu_write_memory(&ghost, page->pa, LEN) == 0 && physical[0] == 0x5a, "bytes arrived");
	piommu_poll(p);
	check("gone-is-reported", piommu_events(p, &event, 1) == 1 && !piommu_sbdf_compare(event.sbdf, ghost.sbdf), "no event");
	piommu_event_text(&event, text, sizeof(text));
	printf("event of what is gone: %s\n", text);
	drop_events(p);
	edu_close(&ghost);
}

static void check_forgotten(struct piommu *p, struct piommu_sbdf sbdf, struct use *use)
{
	struct piommu_device *device = NULL;
	struct piommu_group *group = NULL;

	check_count("gone-is-no-device", piommu_device_find(p, sbdf, &device), -ENOENT);
	check_count("gone-has-no-group", piommu_group_find(p, sbdf, &group), -ENOENT);
	check_count("it-left-its-group", (int)members(use->group), (int)use->nmates);
	/* The last one that leaves ends the attachment. */
	check_count("its-mates-stay-attached", piommu_detach(use->domain, use->group), use->nmates ? 0 : -EINVAL);
	must("domain-destroy-after-it", piommu_domain_destroy(use->domain));
	must("release-after-it", piommu_release(use->group));
	piommu_group_put(use->group);
	piommu_mem_free(p, &use->mem);
}

static void check_back(struct piommu *p, struct edu *edu, struct phys_page *page)
{
	struct piommu_group *group = NULL;

	must("group-find-again", piommu_group_find(p, edu->sbdf, &group));
	check("back-in-a-group", members(group) > 0, "the group is empty");
	piommu_group_put(group);
	check("back-on-its-default", copies_physical(edu, page), "bytes did not arrive");
	fence_device(p, edu, page);
}

static int replug(const char *platform, const char *bdf, const char *unplug, const char *plug)
{
	struct piommu_config config = PIOMMU_CONFIG_INIT;
	struct use use = { 0 };
	struct phys_page page;
	struct piommu *p = NULL;
	struct edu edu;

	config.platform = platform;
	must("edu", edu_open(bdf, &edu));
	must("own-hugepage", phys_page_alloc(&page));
	must("create", piommu_create(&config, &p));
	check_count("rescan-of-the-same", piommu_rescan(p), 0);
	begin_use(p, &edu, &use);
	edu_close(&edu);

	change("unplug", unplug, bdf, false);
	check_count("rescan-finds-it-gone", piommu_rescan(p), 1);
	check_ghost(p, &edu, &use, &page);
	check_forgotten(p, edu.sbdf, &use);
	check_count("rescan-without-it", piommu_rescan(p), 0);

	change("plug", plug, bdf, true);
	must("edu-again", edu_open(bdf, &edu));
	check("untold-newcomer-reaches-nothing", !copies_physical(&edu, &page), "bytes arrived");
	drop_events(p);
	check_count("rescan-finds-it", piommu_rescan(p), 1);
	check_back(p, &edu, &page);
	edu_close(&edu);
	must("destroy", piommu_destroy(p));
	return step_failures() != 0;
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 5)
		return replug(argv[1], argv[2], argv[3], argv[4]);
	fprintf(stderr, "usage: replug PLATFORM EDU UNPLUG PLUG\n");
	return 2;
}
