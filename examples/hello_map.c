/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The whole of piommu in one page: take a device, map a buffer, let the device use it, unmap it, and see the next access
 * blocked and explained. On the simulated machine the device is played by piommu_sim_dma().
 *
 *     hello_map [sim[:vtd|smmuv3|smmuv2][,key=value..]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <piommu.h>
#include <piommu_sim.h>

static void must(int err, const char *what)
{
	if (err) {
		fprintf(stderr, "hello_map: %s: %s\n", what, strerror(-err));
		exit(1);
	}
}

static void on_event(void *ctx, const struct piommu_event *event)
{
	char text[256];

	(void)ctx;
	piommu_event_text(event, text, sizeof(text));
	printf("fault     %s\n", text);
}

int main(int argc, char **argv)
{
	const struct piommu_sbdf nic = { .segment = 0, .bus = 0, .devfn = 4 << 3 };
	struct piommu_config config = PIOMMU_CONFIG_INIT;
	char hello[] = "hello, device";
	char answer[sizeof(hello)] = "";
	struct piommu_domain_info info;
	struct piommu_domain *domain;
	struct piommu_group *group;
	struct piommu_mem buffer;
	struct piommu *p;
	uint64_t iova;
	size_t page;

	config.platform = argc > 1 ? argv[1] : "sim:vtd";
	config.event_fn = on_event;
	must(piommu_create(&config, &p), "create"); /* units found and enabled, every device on identity */
	must(piommu_group_find(p, nic, &group), "find the device");
	must(piommu_claim(group), "claim"); /* from here on the device reaches nothing */
	must(piommu_domain_create(group, NULL, &domain), "create a domain");
	must(piommu_attach(domain, group), "attach");

	piommu_domain_info(domain, &info);
	page = (size_t)(info.page_sizes & (0 - info.page_sizes)); /* the smallest: 4096 bytes nearly everywhere */
	must(piommu_mem_alloc(p, page, page, &buffer), "allocate a buffer");
	must(piommu_iova_alloc(domain, buffer.len, page, &iova), "allocate an address");
	must(piommu_map(domain, iova, buffer.pa, buffer.len, PIOMMU_RW), "map");
	printf("map       iova 0x%llx -> pa 0x%llx, %zu bytes\n", (unsigned long long)iova, (unsigned long long)buffer.pa,
	       buffer.len);

	struct piommu_platform *machine = piommu_platform(p);

	must(piommu_sim_dma(machine, nic, iova, hello, sizeof(hello), true), "the device writes");
	must(piommu_sim_dma(machine, nic, iova, answer, sizeof(answer), false), "the device reads");
	printf("DMA       the device wrote \"%s\" and read back \"%s\"\n", (char *)buffer.va, answer);

	must(piommu_unmap(domain, iova, buffer.len, NULL), "unmap"); /* strict: done when it returns */
	must(piommu_iova_free(domain, iova, buffer.len), "free the address");
	printf("unmap     done: no device can reach the buffer any more\n");

	int err = piommu_sim_dma(machine, nic, iova, hello, sizeof(hello), true);

	printf("DMA       the device tries again: %s\n", err ? "blocked" : "NOT BLOCKED");
	unsigned nfaults = piommu_poll(p); /* calls on_event() */

	piommu_mem_free(p, &buffer);
	must(piommu_detach(domain, group), "detach");
	must(piommu_domain_destroy(domain), "destroy the domain");
	must(piommu_release(group), "release");
	piommu_group_put(group);
	must(piommu_destroy(p), "destroy");
	return err && nfaults == 1 ? 0 : 1;
}
