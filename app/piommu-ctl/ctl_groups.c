/* SPDX-License-Identifier: BSD-3-Clause */
/* piommu-ctl groups: which devices cannot be kept apart, and why. */
#include <stdio.h>
#include <string.h>

#include "ctl.h"

static json_t *device_json(const struct piommu_device_info *device)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o}", "bdf", ctl_json_sbdf(true, device->sbdf), "id",
			 device->vendor ? json_sprintf("%04x:%04x", device->vendor, device->device) : json_null(), "class",
			 json_sprintf("%04x", device->class_code >> 8), "driver", ctl_json_text(device->driver), "name",
			 ctl_json_text(device->model));
}

static json_t *group_json(const struct piommu_group *group)
{
	json_t *devices = json_array();
	json_t *reasons = json_array();
	struct piommu_device_info device;
	struct piommu_group_info info;
	const char *fact;
	char text[256];

	piommu_group_info(group, &info);
	for (unsigned i = 0; piommu_group_device(group, i, &device) == 0; i++)
		json_array_append_new(devices, device_json(&device));
	for (unsigned i = 0; piommu_group_reason(group, i, &fact, text, sizeof(text)) == 0; i++)
		json_array_append_new(reasons, json_string(text));
	return json_pack("{s:i, s:o, s:o, s:o, s:b}", "id", (int)info.id, "unit",
			 info.unit ? json_string(info.unit) : json_null(), "devices", devices, "reasons", reasons, "reserved",
			 info.has_reserved);
}

/* Reasons are for groups of several; asked for by name or with -v, for all. */
static void print_group(const struct piommu_group *group, bool all_reasons)
{
	struct piommu_device_info device;
	struct piommu_group_info info;
	char at[PIOMMU_SBDF_STRLEN];
	const char *fact;
	char text[256];

	piommu_group_info(group, &info);
	printf("%5u  %-7s", info.id, info.unit ? info.unit : "-");
	for (unsigned i = 0; piommu_group_device(group, i, &device) == 0; i++) {
		char id[16] = "-";

		if (device.vendor)
			snprintf(id, sizeof(id), "%04x:%04x", device.vendor, device.device);
		printf("%*s%-12s  %-9s  %04x  %-12s %s\n", i ? 15 : 1, "", piommu_sbdf_format(device.sbdf, at), id,
		       device.class_code >> 8, device.driver[0] ? device.driver : "-", device.model);
	}
	if (info.has_reserved)
		printf("%15snote: has memory that firmware reserved: never put on a blocking domain\n", "");
	for (unsigned i = 0;
	     (all_reasons || info.ndevices > 1) && piommu_group_reason(group, i, &fact, text, sizeof(text)) == 0; i++)
		printf("%15swhy: %s\n", "", text);
}

/* "7" is a group, "00:02.0" a device. @return CTL_DONE, `*group` found; or an exit code, said */
static int find_group(struct ctl *ctl, struct piommu *p, const char *text, struct piommu_group **group)
{
	struct piommu_group_info info;
	struct piommu_sbdf sbdf;
	uint64_t id;
	int rc;

	if (strchr(text, ':')) {
		rc = ctl_parse_sbdf(ctl, text, &sbdf);
		if (rc == CTL_DONE && piommu_group_find(p, sbdf, group) < 0)
			rc = ctl_fail(ctl, CTL_NOT_FOUND, "no device %s; piommu-ctl groups lists them", text);
		return rc;
	}
	if (!ctl_parse_u64(text, false, &id))
		return ctl_fail(ctl, CTL_USAGE, "\"%s\" is neither a group's number nor a PCI address", text);
	for (unsigned i = 0; (*group = piommu_group_at(p, i)); i++) {
		piommu_group_info(*group, &info);
		if (info.id == id)
			return CTL_DONE;
	}
	return ctl_fail(ctl, CTL_NOT_FOUND, "no group %s; there are %u, from 0 on", text, piommu_group_count(p));
}

static int print_groups(struct ctl *ctl, struct piommu *p, const struct piommu_group *only)
{
	json_t *groups = json_array();
	const struct piommu_group *group;

	if (!ctl->json && !piommu_group_count(p))
		printf("no groups: the machine's PCI functions are not known\n");
	else if (!ctl->json)
		printf("GROUP  UNIT    DEVICE        ID         CLASS DRIVER       NAME\n");
	for (unsigned i = 0; (group = piommu_group_at(p, i)); i++) {
		if (only && group != only)
			continue;
		if (ctl->json)
			json_array_append_new(groups, group_json(group));
		else
			print_group(group, only || ctl->verbose);
	}
	if (ctl->json)
		return ctl_print_json(ctl, json_pack("{s:i, s:o}", "schema", 1, "groups", groups));
	json_decref(groups);
	return CTL_DONE;
}

int ctl_groups(struct ctl *ctl, int argc, char **argv)
{
	struct piommu_group *only = NULL;
	struct piommu *p;
	int rc = ctl_open(ctl, true, &p);

	if (rc != CTL_DONE)
		return rc;
	if (argc)
		rc = find_group(ctl, p, argv[0], &only);
	if (rc == CTL_DONE)
		rc = print_groups(ctl, p, only);
	piommu_destroy(p);
	return rc;
}
