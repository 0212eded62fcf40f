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
#define WORDS_MAX (sizeof(((struct piommu_walk_step *)0)->raw) / sizeof(uint64_t))

/* ---- Whose access ---- */

enum target_kind {
	TARGET_PCI,
	TARGET_NODE,
	TARGET_ID,
};

struct target {
	enum target_kind kind;
	const char *text; /* as it was given */
	char name[PIOMMU_NAME_LEN];
	struct piommu_sbdf sbdf;
	char unit[16];
	uint32_t id;
};

/* UNIT:ID, such as smmu0:0x880. No PCI address begins with a letter that is no digit of it and ends without a function. */
static bool parse_id(const char *text, struct target *out)
{
	const char *colon = strrchr(text, ':');
	uint64_t id;

	if (!colon || colon == text || (size_t)(colon - text) >= sizeof(out->unit) || strchr(text, '.') ||
	    !ctl_parse_u64(colon + 1, false, &id) || id > UINT32_MAX)
		return false;
	snprintf(out->unit, sizeof(out->unit), "%.*s", (int)(colon - text), text);
	out->id = (uint32_t)id;
	return true;
}

static int parse_target(struct ctl *ctl, const char *text, struct target *out)
{
	char at[PIOMMU_SBDF_STRLEN];
	int rc;

	*out = (struct target){ .text = text };
	if (ctl_is_node_name(text)) {
		out->kind = TARGET_NODE;
		return CTL_DONE;
	}
	if (parse_id(text, out)) {
		out->kind = TARGET_ID;
		return CTL_DONE;
	}
	rc = ctl_parse_sbdf(ctl, text, &out->sbdf);
	if (rc == CTL_DONE)
		snprintf(out->name, sizeof(out->name), "%s", piommu_sbdf_format(out->sbdf, at));
	out->text = out->name;
	return rc;
}

static int find_target(struct piommu *p, const struct target *target, struct piommu_group **out)
{
	return target->kind == TARGET_NODE ? piommu_group_find_node(p, target->text, out)
					   : piommu_group_find(p, target->sbdf, out);
}

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

static int take_device(struct ctl *ctl, struct piommu *p, const struct target *target, struct scene *scene)
{
	int err = find_target(p, target, &scene->group);

	if (err)
		return ctl_fail(ctl, CTL_NOT_FOUND, "no device %s; piommu-ctl groups lists them", target->text);
	err = piommu_claim(scene->group);
	if (err) {
		piommu_group_put(scene->group);
		scene->group = NULL;
		return ctl_fail(ctl, CTL_FAILED, "the group of %s cannot be claimed: %s", target->text, strerror(-err));
	}
	err = piommu_domain_create(scene->group, NULL, &scene->domain);
	if (!err)
		err = piommu_attach(scene->domain, scene->group);
	if (err)
		return ctl_fail(ctl, CTL_FAILED, "%s cannot be attached to a domain: %s", target->text, strerror(-err));
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

static int set_scene(struct ctl *ctl, struct piommu *p, const struct target *target, struct scene *scene)
{
	int rc = take_device(ctl, p, target, scene);

	for (unsigned i = 0; i < ctl->nmaps && rc == CTL_DONE; i++)
		rc = map_one(ctl, p, scene, ctl->maps[i]);
	return rc;
}

/* ---- The walk ---- */

/* The unit whose registers it is about; "" and the exit code, said, where there is none. */
static int unit_name(struct ctl *ctl, struct piommu *p, const struct target *target, char *unit, size_t len)
{
	struct piommu_group_info info = { 0 };
	struct piommu_unit_info of;
	struct piommu_group *group;

	if (target->kind == TARGET_ID) {
		for (unsigned i = 0; piommu_unit_info(p, i, &of) == 0; i++)
			if (!strcmp(of.name, target->unit)) {
				snprintf(unit, len, "%s", target->unit);
				return CTL_DONE;
			}
		return ctl_fail(ctl, CTL_NOT_FOUND, "no unit %s; piommu-ctl units lists them", target->unit);
	}
	if (find_target(p, target, &group) < 0)
		return ctl_fail(ctl, CTL_NOT_FOUND, "no device %s; piommu-ctl groups lists them", target->text);
	piommu_group_info(group, &info);
	piommu_group_put(group);
	if (!info.unit)
		return ctl_fail(ctl, CTL_NOT_FOUND, "%s is behind no IOMMU unit: its accesses are not translated",
				target->text);
	snprintf(unit, len, "%s", info.unit);
	return CTL_DONE;
}

static int walk_failed(struct ctl *ctl, struct piommu *p, const struct target *target, int err)
{
	char unit[32];
	int rc = unit_name(ctl, p, target, unit, sizeof(unit));

	if (rc != CTL_DONE)
		return rc;
	if (err == -EACCES)
		return ctl_fail(
			ctl, CTL_FAILED,
			"the registers of %s cannot be read on platform %s: run as root with a UIO device for them, or with "
			"--platform linux:devmem; a dump has none",
			unit, ctl->platform);
	if (err == -ENOTSUP)
		return ctl_fail(ctl, CTL_FAILED, "%s: this version cannot walk the tables of its family", unit);
	return ctl_fail(ctl, CTL_FAILED, "%s: the walk failed: %s", unit, strerror(-err));
}

/* The words of a step: four a line, below its text. */
static void print_words(const struct piommu_walk_step *step, int column)
{
	for (unsigned word = 0; word < step->nraw && word < WORDS_MAX; word++) {
		if (word % 4)
			putchar(' ');
		else
			printf("%s%*s", word ? "\n" : "", column, "");
		if (!word && step->at_pa)
			printf("at 0x%llx: ", (unsigned long long)step->at_pa);
		printf("0x%016llx", (unsigned long long)step->raw[word]);
	}
	if (step->nraw)
		putchar('\n');
}

static void print_steps(const struct piommu_walk_step *steps, int n)
{
	int width = 0;

	for (int i = 0; i < n; i++)
		width = (int)strlen(steps[i].what) > width ? (int)strlen(steps[i].what) : width;
	for (int i = 0; i < n; i++) {
		printf("  %-*s  %s\n", width, steps[i].what, steps[i].text);
		print_words(&steps[i], width + 4);
	}
}

static json_t *steps_json(const struct piommu_walk_step *steps, int n)
{
	json_t *array = json_array();

	for (int i = 0; i < n; i++) {
		json_t *raw = json_array();

		for (unsigned word = 0; word < steps[i].nraw && word < WORDS_MAX; word++)
			json_array_append_new(raw, json_sprintf("0x%016llx", (unsigned long long)steps[i].raw[word]));
		json_array_append_new(array, json_pack("{s:s, s:o, s:o, s:s}", "what", steps[i].what, "at",
						       steps[i].at_pa ? ctl_json_hex(steps[i].at_pa) : json_null(), "raw", raw,
						       "text", steps[i].text));
	}
	return array;
}

static int walk_target(struct piommu *p, const struct target *target, uint64_t iova, struct piommu_walk_step *steps)
{
	switch (target->kind) {
	case TARGET_NODE:
		return piommu_walk_node(p, target->text, iova, steps, STEPS_MAX);
	case TARGET_ID:
		return piommu_walk_id(p, target->unit, target->id, iova, steps, STEPS_MAX);
	case TARGET_PCI:
	default:
		return piommu_walk(p, target->sbdf, iova, steps, STEPS_MAX);
	}
}

static int walk(struct ctl *ctl, struct piommu *p, const struct target *target, uint64_t iova)
{
	struct piommu_walk_step steps[STEPS_MAX];
	int n = walk_target(p, target, iova, steps);

	if (n < 0)
		return walk_failed(ctl, p, target, n);
	if (ctl->json)
		return ctl_print_json(ctl, json_pack("{s:i, s:o, s:o, s:o, s:o}", "schema", 1, "bdf",
						     ctl_json_sbdf(target->kind == TARGET_PCI, target->sbdf), "of",
						     ctl_json_text(target->text), "iova", ctl_json_hex(iova), "steps",
						     steps_json(steps, n)));
	printf("%s, iova 0x%llx\n", target->text, (unsigned long long)iova);
	print_steps(steps, n);
	return CTL_DONE;
}

int ctl_walk(struct ctl *ctl, int argc, char **argv)
{
	struct scene scene = { 0 };
	struct target target;
	struct piommu *p;
	uint64_t iova;
	int rc = parse_target(ctl, argv[0], &target);

	(void)argc;
	if (rc != CTL_DONE)
		return rc;
	if (ctl->nmaps && target.kind == TARGET_ID)
		return ctl_fail(ctl, CTL_USAGE, "--map needs a device to attach, and %s is an id", target.text);
	if (!ctl_parse_u64(argv[1], false, &iova))
		return ctl_fail(ctl, CTL_USAGE, "\"%s\" is no I/O address: write a number, such as 0x100000", argv[1]);
	if (ctl->nmaps && strncmp(ctl->platform, "sim", 3) != 0)
		return ctl_fail(ctl, CTL_USAGE, "--map takes the device over: it works on platform sim only, not on %s",
				ctl->platform);
	rc = ctl_open(ctl, !ctl->nmaps, &p);
	if (rc != CTL_DONE)
		return rc;
	if (ctl->nmaps)
		rc = set_scene(ctl, p, &target, &scene);
	if (rc == CTL_DONE)
		rc = walk(ctl, p, &target, iova);
	undo(p, &scene);
	if (piommu_destroy(p) < 0 && rc == CTL_DONE)
		rc = ctl_fail(ctl, CTL_FAILED, "the units could not be given back");
	return rc;
}
