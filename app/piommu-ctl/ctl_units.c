/* SPDX-License-Identifier: BSD-3-Clause */
/* piommu-ctl units: the IOMMU units that firmware describes, and the memory it reserves. */
#include <stdio.h>
#include <string.h>

#include "ctl.h"

/* ---- JSON ---- */

static json_t *scope_json(const struct piommu_scope_info *scope)
{
	json_t *path = json_array();

	for (unsigned i = 0; i < scope->npath && i < sizeof(scope->path) / sizeof(scope->path[0]); i++)
		json_array_append_new(path, json_sprintf("%02x.%x", scope->path[i][0], scope->path[i][1]));
	return json_pack("{s:s, s:i, s:i, s:o, s:o}", "type", scope->type, "id", (int)scope->id, "start_bus",
			 (int)scope->start_bus, "path", path, "bdf", ctl_json_sbdf(scope->known, scope->sbdf));
}

static void add_capability(void *ctx, const char *name, const char *text)
{
	json_array_append_new(ctx, json_pack("{s:s, s:s}", "name", name, "text", text));
}

/* Which ids of whom come to the unit, and as what. */
static json_t *source_json(const struct piommu_source_info *source)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "name", source->name ? ctl_json_text(source->name) : json_null(),
			 "segment", source->is_pci ? json_integer(source->segment) : json_null(), "first",
			 ctl_json_hex(source->first), "last", ctl_json_hex(source->last), "to", ctl_json_hex(source->to),
			 "mask", ctl_json_hex(source->mask));
}

static json_t *sources_json(const struct piommu *p, unsigned unit)
{
	json_t *sources = json_array();
	struct piommu_source_info source;

	for (unsigned i = 0; piommu_unit_source(p, unit, i, &source) == 0; i++)
		json_array_append_new(sources, source_json(&source));
	return sources;
}

static json_t *unit_json(const struct piommu *p, unsigned unit, const struct piommu_unit_info *info)
{
	json_t *scopes = json_array();
	json_t *capabilities = json_array();
	struct piommu_scope_info scope;

	for (unsigned i = 0; piommu_unit_scope(p, unit, i, &scope) == 0; i++)
		json_array_append_new(scopes, scope_json(&scope));
	piommu_unit_describe(p, unit, add_capability, capabilities);
	return json_pack("{s:s, s:s, s:o, s:o, s:i, s:b, s:o, s:o, s:o, s:b, s:o, s:o, s:s, s:o, s:o}", "name", info->name,
			 "family", info->family, "base", ctl_json_hex(info->base), "size", ctl_json_hex(info->len), "segment",
			 (int)info->segment, "include_all", info->include_all, "scope", scopes, "numa_node",
			 info->numa_node < 0 ? json_null() : json_integer(info->numa_node), "version",
			 info->version[0] ? json_string(info->version) : json_null(), "kernel_driven", info->kernel_driven,
			 "route", info->route[0] ? json_string(info->route) : json_null(), "capabilities", capabilities,
			 "model", info->model, "path", info->path ? ctl_json_text(info->path) : json_null(), "sources",
			 sources_json(p, unit));
}

static json_t *reserved_json(const struct piommu *p, unsigned reserved, const struct piommu_reserved_info *info)
{
	json_t *devices = json_array();
	json_t *scopes = json_array();
	json_t *ids = json_array();
	struct piommu_reserved_ids range;
	struct piommu_scope_info scope;

	for (unsigned i = 0; piommu_reserved_ids(p, reserved, i, &range) == 0; i++)
		json_array_append_new(ids,
				      json_pack("{s:s, s:o, s:o, s:o}", "unit", range.unit, "first", ctl_json_hex(range.first),
						"last", ctl_json_hex(range.last), "mask", ctl_json_hex(range.mask)));
	for (unsigned i = 0; piommu_reserved_scope(p, reserved, i, &scope) == 0; i++) {
		json_array_append_new(devices, ctl_json_sbdf(scope.known, scope.sbdf));
		json_array_append_new(scopes, scope_json(&scope));
	}
	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o}", "kind", info->kind, "start", ctl_json_hex(info->span.start), "last",
			 ctl_json_hex(info->span.last), "devices", devices, "scope", scopes, "ids", ids);
}

static int print_json(struct ctl *ctl, const struct piommu *p)
{
	json_t *units = json_array();
	json_t *reserved = json_array();
	json_t *warnings = json_array();
	struct piommu_reserved_info range;
	struct piommu_unit_info unit;
	const char *warning;

	for (unsigned i = 0; piommu_unit_info(p, i, &unit) == 0; i++)
		json_array_append_new(units, unit_json(p, i, &unit));
	for (unsigned i = 0; piommu_reserved_info(p, i, &range) == 0; i++)
		json_array_append_new(reserved, reserved_json(p, i, &range));
	for (unsigned i = 0; (warning = piommu_warning(p, i)); i++)
		json_array_append_new(warnings, json_string(warning));
	return ctl_print_json(ctl, json_pack("{s:i, s:o, s:o, s:o}", "schema", 1, "units", units, "reserved", reserved,
					     "warnings", warnings));
}

/* ---- Text ---- */

#define LIST_WIDTH 13u

static void wrap_capability(void *ctx, const char *name, const char *text)
{
	/* Where registers are is for -v. */
	if (strcmp(name, "FRO") != 0 && strcmp(name, "IRO") != 0)
		ctl_wrap_item(ctx, text);
}

static void print_capability(void *ctx, const char *name, const char *text)
{
	(void)ctx;
	printf("             %-8s %s\n", name, text);
}

/* "0x1c00", "0x0-0xffff", "0x880 (mask 0x8)". */
static void ids_text(uint32_t first, uint32_t last, uint32_t mask, char *text, size_t len)
{
	size_t used = (size_t)snprintf(text, len, "0x%x", first);

	if (last != first)
		used += (size_t)snprintf(text + used, len - used, "-0x%x", last);
	if (mask)
		snprintf(text + used, len - used, " (mask 0x%x)", mask);
}

/* Of a PCI host the requester ids too, of another device only what they are at the unit. */
static void wrap_source(struct ctl_wrap *wrap, const struct piommu_source_info *source)
{
	uint32_t last = source->to + (source->last - source->first);
	char from[64], to[64], text[512];

	ids_text(source->first, source->last, 0, from, sizeof(from));
	ids_text(source->to, last, source->mask, to, sizeof(to));
	if (!source->is_pci)
		snprintf(text, sizeof(text), "%.300s as %s", source->name, to);
	else if (source->first == source->to && !source->mask)
		snprintf(text, sizeof(text), "segment %04x ids %s", source->segment, from);
	else
		snprintf(text, sizeof(text), "segment %04x ids %s as %s", source->segment, from, to);
	ctl_wrap_item(wrap, text);
}

static void print_owned(const struct piommu *p, unsigned unit, const struct piommu_unit_info *info)
{
	struct ctl_wrap wrap = { .label = "owns", .separator = ',', .width = LIST_WIDTH };
	struct piommu_source_info source;
	struct piommu_scope_info scope;
	char text[CTL_SCOPE_LEN];

	for (unsigned i = 0; piommu_unit_source(p, unit, i, &source) == 0; i++)
		wrap_source(&wrap, &source);
	for (unsigned i = 0; piommu_unit_scope(p, unit, i, &scope) == 0; i++)
		ctl_wrap_item(&wrap, ctl_scope_text(&scope, info->segment, text));
	if (info->include_all) {
		snprintf(text, sizeof(text), "all of segment %04x that no other unit owns", info->segment);
		ctl_wrap_item(&wrap, text);
	}
	if (!wrap.nitems)
		ctl_wrap_item(&wrap, "nothing");
	ctl_wrap_end(&wrap);
}

static void print_unit(const struct ctl *ctl, const struct piommu *p, unsigned unit, const struct piommu_unit_info *info)
{
	struct ctl_wrap wrap = { .label = "can", .separator = ';', .width = LIST_WIDTH };
	struct piommu_source_info source;
	char size[CTL_SIZE_LEN];

	printf("%-7s %s%s%s  registers 0x%llx (%s)", info->name, info->family, info->version[0] ? " " : "", info->version,
	       (unsigned long long)info->base, ctl_size_text(info->len, size));
	if (piommu_unit_source(p, unit, 0, &source) != 0) /* by ids, each source has one of its own */
		printf("  segment %04x", info->segment);
	if (strcmp(info->model, "generic") != 0)
		printf("  %s", info->model);
	if (info->path)
		printf("  %s", info->path);
	if (info->numa_node >= 0)
		printf("  node %d", info->numa_node);
	if (info->route[0])
		printf("  through %s", info->route);
	printf("%s\n", info->kernel_driven ? "  driven by the kernel" : "");
	print_owned(p, unit, info);
	if (ctl->verbose) {
		piommu_unit_describe(p, unit, print_capability, NULL);
	} else {
		piommu_unit_describe(p, unit, wrap_capability, &wrap);
		ctl_wrap_end(&wrap);
	}
}

static void print_reserved(const struct piommu *p, unsigned reserved, const struct piommu_reserved_info *info)
{
	struct ctl_wrap wrap = { .label = "for", .separator = ',', .width = LIST_WIDTH };
	struct piommu_reserved_ids range;
	struct piommu_scope_info scope;
	char text[CTL_SCOPE_LEN];
	char size[CTL_SIZE_LEN];
	char ids[64];
	uint64_t len = info->span.last - info->span.start + 1;

	printf("%-7s 0x%llx - 0x%llx (%s)  stays mapped 1:1\n", info->kind, (unsigned long long)info->span.start,
	       (unsigned long long)info->span.last, ctl_size_text(len, size));
	for (unsigned i = 0; piommu_reserved_scope(p, reserved, i, &scope) == 0; i++)
		ctl_wrap_item(&wrap, ctl_scope_text(&scope, 0, text));
	for (unsigned i = 0; piommu_reserved_ids(p, reserved, i, &range) == 0; i++) {
		ids_text(range.first, range.last, range.mask, ids, sizeof(ids));
		snprintf(text, sizeof(text), "%s id %s", range.unit, ids);
		ctl_wrap_item(&wrap, text);
	}
	ctl_wrap_end(&wrap);
}

static void print_text(const struct ctl *ctl, const struct piommu *p)
{
	struct piommu_reserved_info range;
	struct piommu_unit_info unit;

	if (!piommu_unit_count(p))
		printf("no IOMMU units: firmware describes none (is the IOMMU enabled in the firmware setup?)\n");
	for (unsigned i = 0; piommu_unit_info(p, i, &unit) == 0; i++)
		print_unit(ctl, p, i, &unit);
	if (piommu_reserved_count(p))
		printf("\nreserved by firmware\n");
	for (unsigned i = 0; piommu_reserved_info(p, i, &range) == 0; i++)
		print_reserved(p, i, &range);
}

int ctl_units(struct ctl *ctl, int argc, char **argv)
{
	struct piommu *p;
	int rc = ctl_open(ctl, true, &p);

	(void)argc;
	(void)argv;
	if (rc != CTL_DONE)
		return rc;
	ctl_warn_all(ctl, p);
	if (ctl->json)
		rc = print_json(ctl, p);
	else
		print_text(ctl, p);
	piommu_destroy(p);
	return rc;
}
