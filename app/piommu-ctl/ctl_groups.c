/* SPDX-License-Identifier: BSD-3-Clause */
/* piommu-ctl groups: which devices cannot be kept apart, and why. */
#include <stdio.h>
#include <string.h>

#include "ctl.h"

static json_t *ids_json(const struct piommu_device_info *device)
{
	json_t *ids = json_array();

	for (unsigned i = 0; i < device->nids; i++)
		json_array_append_new(ids, json_pack("{s:o, s:o}", "id", ctl_json_hex(device->ids[i].id), "mask",
						     ctl_json_hex(device->ids[i].mask)));
	return ids;
}

/* A platform node has no address, id or class; its name is the one that firmware gave it. */
static json_t *device_json(const struct piommu_device_info *device)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "bdf", ctl_json_sbdf(device->is_pci, device->sbdf), "id",
			 device->vendor ? json_sprintf("%04x:%04x", device->vendor, device->device) : json_null(), "class",
			 device->is_pci ? json_sprintf("%04x", device->class_code >> 8) : json_null(), "driver",
			 ctl_json_text(device->driver), "name", ctl_json_text(device->is_pci ? device->model : device->name),
			 "ids", ids_json(device));
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

static void print_device(const struct piommu_device_info *device)
{
	char class[8] = "-";
	char id[16] = "-";

	if (device->vendor)
		snprintf(id, sizeof(id), "%04x:%04x", device->vendor, device->device);
	if (device->is_pci)
		snprintf(class, sizeof(class), "%04x", device->class_code >> 8);
	printf("%-12s  %-9s  %-4s  %-12s %s\n", device->name, id, class, device->driver[0] ? device->driver : "-",
	       device->is_pci ? device->model : "platform device");
}

/* What its DMA carries at its unit, where that is not plain from its address. */
static void print_ids(const struct piommu_device_info *device, bool all)
{
	struct ctl_wrap wrap = { .label = "       ids", .separator = ',', .width = 20 };
	bool plain = device->is_pci && device->nids == 1 && !device->ids[0].mask &&
		     device->ids[0].id == ((uint32_t)device->sbdf.bus << 8 | device->sbdf.devfn);
	char text[40];

	for (unsigned i = 0; i < device->nids && (all || !plain); i++) {
		if (device->ids[i].mask)
			snprintf(text, sizeof(text), "0x%x (mask 0x%x)", device->ids[i].id, device->ids[i].mask);
		else
			snprintf(text, sizeof(text), "0x%x", device->ids[i].id);
		ctl_wrap_item(&wrap, text);
	}
	ctl_wrap_end(&wrap);
}

/* Reasons are for groups of several; asked for by name or with -v, for all. */
static void print_group(const struct piommu_group *group, bool all_reasons)
{
	struct piommu_device_info device;
	struct piommu_group_info info;
	const char *fact;
	char text[256];

	piommu_group_info(group, &info);
	printf("%5u  %-7s", info.id, info.unit ? info.unit : "-");
	for (unsigned i = 0; piommu_group_device(group, i, &device) == 0; i++) {
		printf("%*s", i ? 15 : 1, "");
		print_device(&device);
		if (info.unit)
			print_ids(&device, all_reasons);
	}
	if (info.has_reserved)
		printf("%15snote: has memory that firmware reserved: never put on a blocking domain\n", "");
	for (unsigned i = 0;
	     (all_reasons || info.ndevices > 1) && piommu_group_reason(group, i, &fact, text, sizeof(text)) == 0; i++)
		printf("%15swhy: %s\n", "", text);
}

/* Nodes have the names of firmware: "\\_SB.I2C0", "/soc/dma@1000". */
bool ctl_is_node_name(const char *text)
{
	return text[0] == '\\' || text[0] == '/';
}

static int find_by_device(struct ctl *ctl, struct piommu *p, const char *text, struct piommu_group **group)
{
	struct piommu_sbdf sbdf;
	int rc = ctl_is_node_name(text) ? CTL_DONE : ctl_parse_sbdf(ctl, text, &sbdf);

	if (rc != CTL_DONE)
		return rc;
	if (!(ctl_is_node_name(text) ? piommu_group_find_node(p, text, group) : piommu_group_find(p, sbdf, group)))
		return CTL_DONE;
	return ctl_fail(ctl, CTL_NOT_FOUND, "no device %s; piommu-ctl groups lists them", text);
}

/* "7" is a group, "00:02.0" a device. @return CTL_DONE, `*group` with a reference; or an exit code, said */
static int find_group(struct ctl *ctl, struct piommu *p, const char *text, struct piommu_group **group)
{
	struct piommu_group_info info;
	struct piommu_group *at;
	uint64_t id;

	if (ctl_is_node_name(text) || strchr(text, ':'))
		return find_by_device(ctl, p, text, group);
	if (!ctl_parse_u64(text, false, &id))
		return ctl_fail(ctl, CTL_USAGE, "\"%s\" is neither a group's number nor a device", text);
	for (unsigned i = 0; (at = piommu_group_at(p, i)); i++) {
		piommu_group_info(at, &info);
		if (info.id == id) {
			*group = at;
			return CTL_DONE;
		}
		piommu_group_put(at);
	}
	return ctl_fail(ctl, CTL_NOT_FOUND, "no group %s; there are %u, from 0 on", text, piommu_group_count(p));
}

static int print_groups(struct ctl *ctl, struct piommu *p, const struct piommu_group *only)
{
	json_t *groups = json_array();
	struct piommu_group *group;

	if (!ctl->json && !piommu_group_count(p))
		printf("no groups: the machine's PCI functions are not known\n");
	else if (!ctl->json)
		printf("GROUP  UNIT    DEVICE        ID         CLASS DRIVER       NAME\n");
	for (unsigned i = 0; (group = piommu_group_at(p, i)); i++) {
		bool asked_for = !only || group == only;

		if (asked_for && ctl->json)
			json_array_append_new(groups, group_json(group));
		else if (asked_for)
			print_group(group, only || ctl->verbose);
		piommu_group_put(group);
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
	piommu_group_put(only);
	piommu_destroy(p);
	return rc;
}
