/* SPDX-License-Identifier: BSD-3-Clause */
#include "steps.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures;

int step_failures(void)
{
	return failures;
}

void check(const char *name, bool good, const char *why)
{
	if (good)
		printf("ok %s\n", name);
	else
		printf("not ok %s: %s\n", name, why);
	failures += !good;
}

void must(const char *name, int err)
{
	char why[64];

	snprintf(why, sizeof(why), "%s", strerror(-err));
	check(name, err == 0, why);
	if (err)
		exit(1);
}

bool copies(struct edu *edu, uint64_t src, void *from, uint64_t dst, void *to)
{
	static uint8_t seed;

	seed++;
	for (int i = 0; i < LEN; i++)
		((uint8_t *)from)[i] = (uint8_t)(seed * 31 + i);
	memset(to, 0, LEN);
	return edu_read_memory(edu, src, LEN) == 0 && edu_write_memory(edu, dst, LEN) == 0 && memcmp(from, to, LEN) == 0;
}

bool copies_physical(struct edu *edu, struct phys_page *page)
{
	uint8_t *va = page->va;

	return copies(edu, page->pa, va, page->pa + 4096, va + 4096);
}

void expect_fault(const char *name, struct piommu *p, struct piommu_sbdf device, uint64_t iova, bool is_write, uint32_t reason)
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

void drop_events(struct piommu *p)
{
	struct piommu_event event;

	piommu_poll(p);
	while (piommu_events(p, &event, 1))
		;
}

static void fenced(struct piommu *p, struct piommu_domain *domain, struct edu *edu)
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
	expect_fault("read-only-fault", p, edu->sbdf, IOVA_READ_ONLY, true, 0x5); /* 7.1.3: W clear for a write request */

	must("unmap", piommu_unmap(domain, IOVA, 8192, &unmapped));
	check("unmapped-all", unmapped == 8192, "not 8192 bytes");
	check("unmapped-is-not-read", edu_read_memory(edu, IOVA, LEN) == 0, "the device hangs");
	expect_fault("unmapped-fault", p, edu->sbdf, IOVA, false, 0x6); /* R clear for a read request */
	memset(va, 0x5a, LEN);
	check("unmapped-is-not-written", edu_write_memory(edu, IOVA, LEN) == 0 && va[0] == 0x5a, "bytes arrived");
	drop_events(p);
	must("unmap-read-only", piommu_unmap(domain, IOVA_READ_ONLY, 4096, NULL));
	piommu_mem_free(p, &mem);
}

void fence_device(struct piommu *p, struct edu *edu, struct phys_page *page)
{
	struct piommu_domain *domain = NULL;
	struct piommu_group *group = NULL;

	must("group-find", piommu_group_find(p, edu->sbdf, &group));
	must("claim", piommu_claim(group));
	check("claimed-reaches-nothing", !copies_physical(edu, page), "bytes arrived");
	drop_events(p);
	must("domain-create", piommu_domain_create(group, NULL, &domain));
	must("attach", piommu_attach(domain, group));
	fenced(p, domain, edu);
	must("detach", piommu_detach(domain, group));
	must("domain-destroy", piommu_domain_destroy(domain));
	must("release", piommu_release(group));
	piommu_group_put(group);
	check("released-reaches-memory", copies_physical(edu, page), "bytes did not arrive");
}
