/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * piommu-ctl walk: a device's access from its table entry to the page, as the hardware would do it. With --map, on a
 * simulated machine only, the device is first attached to a domain that has something mapped.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"

#define STEPS_MAX 32u

/* ---- What --map asks for ---- */

struct map {
	uint64_t iova;
	uint64_t len;
	unsigned prot;
	struct piommu_mem mem;
};

/* What has been done on the simulated machine, to be undone. */
struct scene {
	struct piommu_group *group;
	struct piommu_domain *domain;
	bool attached;
	struct map maps[CTL_MAPS_MAX];
	unsigned nmaps;
};

static bool parse_prot(const char *text, unsigned *prot)
{
	if (strcmp(text, "r") == 0)
		*prot = PIOMMU_READ;
	else if (strcmp(text, "w") == 0)
		*prot = PIOMMU_WRITE;
	else if (strcmp(text, "rw") == 0)
		*prot = PIOMMU_RW;
	else
		return false;
	return true;
}

/* IOVA:LEN[:r|w|rw] */
static int parse_map(struct ctl *ctl, const char *text, struct map *map)
{
	char *copy = strdup(text);
	char *rest = copy;
	char *iova = strsep(&rest, ":");
	char *len = strsep(&rest, ":");
	bool good = copy && len && ctl_parse_u64(iova, false, &map->iova) && ctl_parse_u64(len, true, &map->len);

	map->prot = PIOMMU_RW;
	if (good && rest)
		good = parse_prot(rest, &map->prot);
	free(copy);
	return good ? CTL_DONE : ctl_fail(ctl, CTL_USAGE, "--map %s: write IOVA:LEN[:r|w|rw], such as 0x100000:64k:rw", text);
}

static int take_device(struct ctl *ctl, struct piommu *p, struct piommu_sbdf sbdf, struct scene *scene)
{
	char at[PIOMMU_SBDF_STRLEN];
	int err = piommu_group_find(p, sbdf, &scene->group);

	piommu_sbdf_format(sbdf, at);
	if (err)
		return ctl_fail(ctl, CTL_NOT_FOUND, "no device %s; piommu-ctl groups lists them", at);
	err = piommu_claim(scene->group);
	if (err) {
		piommu_group_put(scene->group);
		scene->group = NULL;
		return ctl_fail(ctl, CTL_FAILED, "the group of %s cannot be claimed: %s", at, strerror(-err));
	}
	err = piommu_domain_create(scene->group, NULL, &scene->domain);
	if (!err)
		err = piommu_attach(scene->domain, scene->group);
	if (err)
		return ctl_fail(ctl, CTL_FAILED, "%s cannot be attached to a domain: %s", at, strerror(-err));
	scene->attached = true;
	return CTL_DONE;
}

/* A size that is no multiple of pages is not memory's fault: the map says what is wrong with it. */
static int map_one(struct ctl *ctl, struct piommu *p, struct scene *scene, const char *text)
{
	struct map *map = &scene->maps[scene->nmaps];
	char why[256];
	int err;
	int rc = parse_map(ctl, text, map);

	if (rc != CTL_DONE)
		return rc;
	err = piommu_mem_alloc(p, map->len ? map->len : 1, 0, &map->mem);
	if (err)
		return ctl_fail(ctl, CTL_FAILED, "--map %s: no memory of that size on this machine: %s", text, strerror(-err));
	scene->nmaps++;
	if (!piommu_map(scene->domain, map->iova, map->mem.pa, map->len, map->prot))
		return CTL_DONE;
	piommu_map_explain(scene->domain, map->iova, map->mem.pa, map->len, map->prot, why, sizeof(why));
	return ctl_fail(ctl, CTL_FAILED, "--map %s: %s", text, why);
}

static void undo(struct piommu *p, struct scene *scene)
{
	if (scene->attached)
		piommu_detach(scene->domain, scene->group);
	if (scene->domain)
		piommu_domain_destroy(scene->domain);
	if (scene->group)
		piommu_release(scene->group);
	piommu_group_put(scene->group);
	for (unsigned i = 0; i < scene->nmaps; i++)
		piommu_mem_free(p, &scene->maps[i].mem);
}

static int set_scene(struct ctl *ctl, struct piommu *p, struct piommu_sbdf sbdf, struct scene *scene)
{
	int rc = take_device(ctl, p, sbdf, scene);

	for (unsigned i = 0; i < ctl->nmaps && rc == CTL_DONE; i++)
		rc = map_one(ctl, p, scene, ctl->maps[i]);
	return rc;
}

/* ---- The walk ---- */

static int walk_failed(struct ctl *ctl, struct piommu *p, struct piommu_sbdf sbdf, int err)
{
	struct piommu_group_info info = { 0 };
	struct piommu_group *group;
	char at[PIOMMU_SBDF_STRLEN];

	piommu_sbdf_format(sbdf, at);
	if (piommu_group_find(p, sbdf, &group) < 0)
		return ctl_fail(ctl, CTL_NOT_FOUND, "no device %s; piommu-ctl groups lists them", at);
	piommu_group_info(group, &info);
	piommu_group_put(group);
	if (!info.unit)
		return ctl_fail(ctl, CTL_NOT_FOUND, "%s is behind no IOMMU unit: its accesses are not translated", at);
	if (err == -EACCES)
		return ctl_fail(
			ctl, CTL_FAILED,
			"the registers of %s cannot be read on platform %s: run as root with a UIO device for them, or with "
			"--platform linux:devmem; a dump has none",
			info.unit, ctl->platform);
	if (err == -ENOTSUP)
		return ctl_fail(ctl, CTL_FAILED, "%s: this version cannot walk the tables of its family", info.unit);
	return ctl_fail(ctl, CTL_FAILED, "%s: the walk failed: %s", info.unit, strerror(-err));
}

static void print_steps(const struct piommu_walk_step *steps, int n)
{
	int width = 0;

	for (int i = 0; i < n; i++)
		width = (int)strlen(steps[i].what) > width ? (int)strlen(steps[i].what) : width;
	for (int i = 0; i < n; i++) {
		printf("  %-*s  %s\n", width, steps[i].what, steps[i].text);
		if (!steps[i].nraw)
			continue;
		printf("  %*s  ", width, "");
		if (steps[i].at_pa)
			printf("at 0x%llx: ", (unsigned long long)steps[i].at_pa);
		for (unsigned word = 0; word < steps[i].nraw && word < 2; word++)
			printf("%s0x%016llx", word ? " " : "", (unsigned long long)steps[i].raw[word]);
		printf("\n");
	}
}

static json_t *steps_json(const struct piommu_walk_step *steps, int n)
{
	json_t *array = json_array();

	for (int i = 0; i < n; i++) {
		json_t *raw = json_array();

		for (unsigned word = 0; word < steps[i].nraw && word < 2; word++)
			json_array_append_new(raw, json_sprintf("0x%016llx", (unsigned long long)steps[i].raw[word]));
		json_array_append_new(array, json_pack("{s:s, s:o, s:o, s:s}", "what", steps[i].what, "at",
						       steps[i].at_pa ? ctl_json_hex(steps[i].at_pa) : json_null(), "raw", raw,
						       "text", steps[i].text));
	}
	return array;
}

static int walk(struct ctl *ctl, struct piommu *p, struct piommu_sbdf sbdf, uint64_t iova)
{
	struct piommu_walk_step steps[STEPS_MAX];
	char at[PIOMMU_SBDF_STRLEN];
	int n = piommu_walk(p, sbdf, iova, steps, STEPS_MAX);

	if (n < 0)
		return walk_failed(ctl, p, sbdf, n);
	piommu_sbdf_format(sbdf, at);
	if (ctl->json)
		return ctl_print_json(ctl, json_pack("{s:i, s:s, s:o, s:o}", "schema", 1, "bdf", at, "iova", ctl_json_hex(iova),
						     "steps", steps_json(steps, n)));
	printf("%s, iova 0x%llx\n", at, (unsigned long long)iova);
	print_steps(steps, n);
	return CTL_DONE;
}

int ctl_walk(struct ctl *ctl, int argc, char **argv)
{
	struct scene scene = { 0 };
	struct piommu_sbdf sbdf;
	struct piommu *p;
	uint64_t iova;
	int rc = ctl_parse_sbdf(ctl, argv[0], &sbdf);

	(void)argc;
	if (rc != CTL_DONE)
		return rc;
	if (!ctl_parse_u64(argv[1], false, &iova))
		return ctl_fail(ctl, CTL_USAGE, "\"%s\" is no I/O address: write a number, such as 0x100000", argv[1]);
	if (ctl->nmaps && strncmp(ctl->platform, "sim", 3) != 0)
		return ctl_fail(ctl, CTL_USAGE, "--map takes the device over: it works on platform sim only, not on %s",
				ctl->platform);
	rc = ctl_open(ctl, !ctl->nmaps, &p);
	if (rc != CTL_DONE)
		return rc;
	if (ctl->nmaps)
		rc = set_scene(ctl, p, sbdf, &scene);
	if (rc == CTL_DONE)
		rc = walk(ctl, p, sbdf, iova);
	undo(p, &scene);
	if (piommu_destroy(p) < 0 && rc == CTL_DONE)
		rc = ctl_fail(ctl, CTL_FAILED, "the units could not be given back");
	return rc;
}
