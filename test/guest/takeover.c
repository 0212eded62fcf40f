/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A manager's whole life on a guest's unit, through the public API, with QEMU's edu as the device: its DMA is what tells
 * whether a translation was in force. Prints "ok NAME" and "not ok NAME: why" lines.
 *
 *   takeover run PLATFORM EDU        take the unit, fence the device, see a fault, give all back
 *   takeover refused PLATFORM ERRNO  the unit cannot be had, with this error
 *   takeover hold PLATFORM           take the unit, say "holding", and wait to be killed
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "edu.h"
#include "piommu.h"
#include "steps.h"

extern char **environ;

#define UNIT_BASE UINT64_C(0xfed90000)
#define GSTS 0x1c /* VT-d specification 11.4.5, Global Status Register */
#define GSTS_TES (UINT32_C(1) << 31)
#define GSTS_RTPS (UINT32_C(1) << 30) /* a root table was set once: only a reset clears it */

/* The unit's status as anybody sees it who is not piommu. */
static uint32_t status(void)
{
	volatile uint32_t *regs = phys_map(UNIT_BASE, 4096);
	uint32_t value = regs ? regs[GSTS / 4] : UINT32_MAX;

	phys_unmap(regs, 4096);
	return value;
}

static void check_status(const char *name, uint32_t mask, uint32_t want)
{
	uint32_t value = status();
	char why[64];

	snprintf(why, sizeof(why), "GSTS is %08" PRIx32, value);
	check(name, (value & mask) == want, why);
}

/* A second manager, in its own process, must not get the unit. */
static void check_second_manager(const char *platform)
{
	char *argv[] = { (char *)"/bin/takeover", (char *)"refused", (char *)(uintptr_t)platform, (char *)"EBUSY", NULL };
	int result = -1;
	pid_t pid;

	fflush(stdout);
	if (posix_spawn(&pid, argv[0], NULL, NULL, argv, environ) == 0)
		waitpid(pid, &result, 0);
	check("second-manager-refused", result == 0, "see above");
}

static void managed(struct piommu *p, const char *platform, struct edu *edu, struct phys_page *page)
{
	check_status("translation-is-on", GSTS_TES, GSTS_TES);
	check("unclaimed-reaches-memory", copies_physical(edu, page), "bytes did not arrive");
	check_second_manager(platform);
	fence_device(p, edu, page);
}

static int run(const char *platform, const char *bdf)
{
	struct piommu_config config = PIOMMU_CONFIG_INIT;
	struct phys_page page;
	struct piommu *p = NULL;
	struct edu edu;

	config.platform = platform;
	config.log.level = PIOMMU_LOG_INFO;
	must("edu", edu_open(bdf, &edu));
	must("own-hugepage", phys_page_alloc(&page));
	check_status("unit-is-off", ~GSTS_RTPS, 0);
	check("dma-before", copies_physical(&edu, &page), "bytes did not arrive");

	must("create", piommu_create(&config, &p));
	managed(p, platform, &edu, &page);
	must("destroy", piommu_destroy(p));

	check_status("unit-is-given-back", ~GSTS_RTPS, 0);
	check("dma-after", copies_physical(&edu, &page), "bytes did not arrive");
	return step_failures() != 0;
}

static int errno_of(const char *name)
{
	static const struct {
		const char *name;
		int err;
	} known[] = { { "EBUSY", EBUSY }, { "ENOENT", ENOENT }, { "EACCES", EACCES }, { "ENOMEM", ENOMEM } };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(name, known[i].name) == 0)
			return known[i].err;
	fprintf(stderr, "takeover: %s is none of the errors it knows\n", name);
	exit(2);
}

static int refused(const char *platform, const char *name)
{
	struct piommu_config config = PIOMMU_CONFIG_INIT;
	int want = -errno_of(name);
	struct piommu *p = NULL;
	int err;

	config.platform = platform;
	err = piommu_create(&config, &p);
	printf("refused: %s (wanted %s)\n", strerror(-err), name);
	fflush(stdout);
	piommu_destroy(p);
	return err != want;
}

static _Noreturn void hold(const char *platform)
{
	struct piommu_config config = PIOMMU_CONFIG_INIT;
	struct piommu *p = NULL;

	config.platform = platform;
	must("create", piommu_create(&config, &p));
	printf("holding\n");
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 4 && strcmp(argv[1], "run") == 0)
		return run(argv[2], argv[3]);
	if (argc == 4 && strcmp(argv[1], "refused") == 0)
		return refused(argv[2], argv[3]);
	if (argc == 3 && strcmp(argv[1], "hold") == 0)
		hold(argv[2]);
	fprintf(stderr, "usage: takeover run PLATFORM EDU | takeover refused PLATFORM ERRNO | takeover hold PLATFORM\n");
	return 2;
}
