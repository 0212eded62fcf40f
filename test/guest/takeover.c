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

extern char **environ;

#define UNIT_BASE UINT64_C(0xfed90000)
#define GSTS 0x1c /* VT-d specification 11.4.5, Global Status Register */
#define GSTS_TES (UINT32_C(1) << 31)
#define GSTS_RTPS (UINT32_C(1) << 30) /* a root table was set once: only a reset clears it */

#define IOVA UINT64_C(0x40000000)
#define IOVA_READ_ONLY UINT64_C(0x40400000)
#define LEN 64

static int failures;

static void check(const char *name, bool good, const char *why)
{
	if (good)
		printf("ok %s\n", name);
	else
		printf("not ok %s: %s\n", name, why);
	failures += !good;
}

/* A call that must return 0 for anything after it to make sense. */
static void must(const char *name, int err)
{
	char why[64];

	snprintf(why, sizeof(why), "%s", strerror(-err));
	check(name, err == 0, why);
	if (err)
		exit(1);
}

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

/* The device copies `from` (at bus address `src`) to `to` (at `dst`). @return whether the bytes arrived */
static bool copies(struct edu *edu, uint64_t src, void *from, uint64_t dst, void *to)
{
	static uint8_t seed;

	seed++;
	for (int i = 0; i < LEN; i++)
		((uint8_t *)from)[i] = (uint8_t)(seed * 31 + i);
	memset(to, 0, LEN);
	return edu_read_memory(edu, src, LEN) == 0 && edu_write_memory(edu, dst, LEN) == 0 && memcmp(from, to, LEN) == 0;
}

/* By physical address, to and from memory that piommu knows nothing of. */
static bool copies_physical(struct edu *edu, struct phys_page *page)
{
	uint8_t *va = page->va;

	return copies(edu, page->pa, va, page->pa + 4096, va + 4096);
}

/* The next event of this kind of access, and nothing before it. */
static void expect_fault(const char *name, struct piommu *p, struct piommu_sbdf device, uint64_t iova, bool is_write,
			 uint32_t reason)
{
	struct piommu_event event = { 0 };
	char text[256] = "no event";
	char bdf[PIOMMU_SBDF_STRLEN];
	unsigned n;

	piommu_poll(p);
	n = piommu_events(p, &event, 1);
	if (n)
		piommu_event_text(&event, text, sizeof(text));
	printf("event: %s\n", text);
	check(name,
	      n == 1 && event.type == PIOMMU_EVENT_DMA_FAULT && piommu_sbdf_compare(event.sbdf, device) == 0 &&
		      event.iova == iova && event.is_write == is_write && event.reason == reason &&
		      strstr(text, piommu_sbdf_format(device, bdf)),
	      text);
}

static void drop_events(struct piommu *p)
{
	struct piommu_event event;

	piommu_poll(p);
	while (piommu_events(p, &event, 1))
		;
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

/* The device on a domain of its own: what is mapped it reaches, the rest it does not. */
static void fenced(struct piommu *p, struct piommu_domain *domain, struct edu *edu, struct piommu_sbdf device)
{
	struct piommu_mem mem = { 0 };
	uint8_t *va;
	size_t unmapped = 0;

	must("mem-alloc", piommu_mem_alloc(p, 8192, 0, &mem));
	va = mem.va;
	must("map", piommu_map(domain, IOVA, mem.pa, 8192, PIOMMU_RW));
	check("dma-through-the-mapping", copies(edu, IOVA, va, IOVA + 4096, va + 4096), "bytes did not arrive");
	must("map-read-only", piommu_map(domain, IOVA_READ_ONLY, mem.pa, 4096, PIOMMU_READ));
	drop_events(p);
	check("read-only-is-not-written", !copies(edu, IOVA + 4096, va + 4096, IOVA_READ_ONLY, va), "bytes arrived");
	expect_fault("read-only-fault", p, device, IOVA_READ_ONLY, true, 0x5); /* 7.1.3: W clear for a write request */

	must("unmap", piommu_unmap(domain, IOVA, 8192, &unmapped));
	check("unmapped-all", unmapped == 8192, "not 8192 bytes");
	check("unmapped-is-not-read", edu_read_memory(edu, IOVA, LEN) == 0, "the device hangs");
	expect_fault("unmapped-fault", p, device, IOVA, false, 0x6); /* R clear for a read request */
	memset(va, 0x5a, LEN);
	check("unmapped-is-not-written", edu_write_memory(edu, IOVA, LEN) == 0 && va[0] == 0x5a, "bytes arrived");
	drop_events(p);
	must("unmap-read-only", piommu_unmap(domain, IOVA_READ_ONLY, 4096, NULL));
	piommu_mem_free(p, &mem);
}

static void managed(struct piommu *p, const char *platform, struct edu *edu, struct phys_page *page)
{
	struct piommu_domain *domain = NULL;
	struct piommu_group *group = NULL;

	check_status("translation-is-on", GSTS_TES, GSTS_TES);
	check("unclaimed-reaches-memory", copies_physical(edu, page), "bytes did not arrive");
	check_second_manager(platform);

	must("group-find", piommu_group_find(p, edu->sbdf, &group));
	must("claim", piommu_claim(group));
	check("claimed-reaches-nothing", !copies_physical(edu, page), "bytes arrived");
	drop_events(p);
	must("domain-create", piommu_domain_create(group, NULL, &domain));
	must("attach", piommu_attach(domain, group));
	fenced(p, domain, edu, edu->sbdf);
	must("detach", piommu_detach(domain, group));
	must("domain-destroy", piommu_domain_destroy(domain));
	must("release", piommu_release(group));
	piommu_group_put(group);
	check("released-reaches-memory", copies_physical(edu, page), "bytes did not arrive");
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
	return failures != 0;
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
