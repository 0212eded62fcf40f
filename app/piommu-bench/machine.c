/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The machine that is measured: what was asked for, or a simulated one that suits the workload. Workloads that wait for hardware get a
 * unit on a thread of its own that takes a set time for a completion; the others get one without, that leaves the processors alone.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "piommu_driver.h"

#define PATIENCE_MS 10000 /* on a busy machine a unit's thread may be without a processor for long */
#define STRING(x) #x
#define TEXT(x) STRING(x)

static const char quiet_machine[] = "sim:vtd";
static const char hardware_machine[] = "sim:vtd,thread=1,latency_ns=" TEXT(LATENCY_NS);

static int complain(const char *what, int err, int code)
{
	fprintf(stderr, "piommu-bench: %s: %s\n", what, strerror(-err));
	return code;
}

static bool is_sim(const char *platform)
{
	return !strcmp(platform, "sim") || !strncmp(platform, "sim:", 4);
}

double machine_latency(const struct options *options)
{
	const char *platform = options->platform ? options->platform : hardware_machine;
	const char *at = strstr(platform, "latency_ns=");

	return is_sim(platform) && at ? strtod(at + strlen("latency_ns="), NULL) : 0;
}

const char *machine_lacks(const struct options *options, const struct workload *workload)
{
	const char *platform = options->platform ? options->platform : hardware_machine;

	if (options->answers && workload->flags & WORK_HARDWARE && !strncmp(platform, "sim:smmuv2", 10))
		return "units of smmuv2 have no queue of commands that something else could answer: --hardware model";
	return NULL;
}

/* ---- Groups ------------------------------------------------------------------------------------------------------------- */

static bool is_for_benches(const struct piommu_group *group)
{
	struct piommu_group_info info;
	struct piommu_device_info device;

	piommu_group_info(group, &info);
	return info.unit && !info.has_reserved && !piommu_group_device(group, 0, &device) && device.is_pci && !device.is_bridge;
}

struct piommu_group *bench_group(struct bench *bench, unsigned n)
{
	struct piommu_group *group;
	struct piommu_sbdf sbdf;

	if (bench->options->device) {
		bool found =
			!n && !piommu_sbdf_parse(bench->options->device, &sbdf) && !piommu_group_find(bench->p, sbdf, &group);

		return found ? group : NULL;
	}
	for (unsigned i = 0; (group = piommu_group_at(bench->p, i)); i++) {
		if (is_for_benches(group) && !n--)
			return group;
		piommu_group_put(group);
	}
	return NULL;
}

/* The device named, or on a simulated machine the first endpoint behind a unit. */
static int find_group(struct bench *bench)
{
	const char *device = bench->options->device;
	struct piommu_sbdf sbdf;

	if (device && piommu_sbdf_parse(device, &sbdf))
		return complain(device, -EINVAL, EXIT_USAGE);
	bench->group = bench_group(bench, 0);
	if (bench->group)
		return 0;
	return device ? complain(device, -ENOENT, EXIT_NOT_FOUND) : complain("no device behind an IOMMU", -ENODEV, EXIT_FAILED);
}

/* ---- Open and close ------------------------------------------------------------------------------------------------------ */

static int refuse_unsafe(const struct options *options)
{
	for (unsigned i = 0; i < options->nworkloads; i++) {
		const struct workload *workload = options->workloads[i];

		if (workload->flags & WORK_HARDWARE && !options->device && !strncmp(options->platform, "linux", 5)) {
			fprintf(stderr, "piommu-bench: %s takes a device away from its driver: name one with --device\n",
				workload->name);
			return EXIT_UNSAFE;
		}
	}
	return 0;
}

static int create(struct bench *bench, const char *platform)
{
	struct piommu_config config = PIOMMU_CONFIG_INIT;
	int err = 0;

	config.platform = platform;
	config.timeout_ms = PATIENCE_MS;
	if (is_sim(platform))
		err = unit_open(platform, bench->hardware && bench->options->answers, machine_latency(bench->options),
				&bench->plat);
	config.instance = bench->plat;
	if (!err)
		err = piommu_create(&config, &bench->p);
	if (!err) /* else the library has said why */
		return 0;
	return err == -EINVAL ? EXIT_USAGE : EXIT_FAILED;
}

static size_t buffer_len(const struct options *options)
{
	size_t most = MAX_BURST * PAGE;

	for (unsigned i = 0; i < options->pages.n; i++) {
		size_t len = (size_t)options->pages.at[i] * PAGE;

		most = len > most ? len : most;
	}
	return most + 2 * MIB;
}

int bench_open(struct bench *bench, const struct options *options, bool hardware)
{
	const char *platform = options->platform;
	int code, err;

	if (bench->p && (platform || bench->hardware == hardware))
		return 0;
	bench_close(bench);
	*bench = (struct bench){ .options = options, .hardware = hardware };
	if (!platform)
		platform = hardware ? hardware_machine : quiet_machine;
	else if ((code = refuse_unsafe(options)))
		return code;
	code = create(bench, platform);
	if (!code)
		code = find_group(bench);
	if (code)
		return code;
	err = piommu_mem_alloc(bench->p, buffer_len(options), 2 * MIB, &bench->buffer);
	return err ? complain("buffer", err, EXIT_FAILED) : 0;
}

static void drop_domain(struct bench *bench)
{
	if (bench->attached) {
		piommu_detach(bench->domain, bench->group);
		piommu_release(bench->group);
	}
	if (bench->domain)
		piommu_domain_destroy(bench->domain);
	bench->domain = NULL;
	bench->attached = false;
}

static int refuse_pages(const struct piommu_domain *domain)
{
	struct piommu_domain_info info;

	piommu_domain_info(domain, &info);
	if (info.page_sizes & PAGE)
		return 0;
	fprintf(stderr,
		"piommu-bench: the device's unit has no pages of 4096 bytes (its smallest have %llu): measure behind another\n",
		(unsigned long long)(info.page_sizes & (0 - info.page_sizes)));
	return EXIT_FAILED;
}

int bench_attach(struct bench *bench, bool attached)
{
	int err;

	drop_domain(bench);
	err = piommu_domain_create(bench->group, NULL, &bench->domain);
	if (err)
		return complain("domain", err, EXIT_FAILED);
	if (refuse_pages(bench->domain))
		return EXIT_FAILED;
	if (!attached)
		return 0;
	err = piommu_claim(bench->group);
	if (err)
		return complain("claim", err, EXIT_FAILED);
	err = piommu_attach(bench->domain, bench->group);
	if (err) {
		piommu_release(bench->group);
		return complain("attach", err, EXIT_FAILED);
	}
	bench->attached = true;
	return 0;
}

void bench_close(struct bench *bench)
{
	if (bench->p) {
		drop_domain(bench);
		piommu_group_put(bench->group);
		if (bench->buffer.va)
			piommu_mem_free(bench->p, &bench->buffer);
		piommu_destroy(bench->p);
	}
	if (bench->plat)
		bench->plat->ops->close(bench->plat);
}

uint64_t buffer_pa(const struct bench *bench)
{
	return bench->buffer.pa + PAGE;
}
