/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The DMAR table to units, reserved memory and device lists. First in the flow; pure, any thread.
 * VT-d specification, chapter 8. What real tables do against it, and what is made of it: doc/firmware.md.
 *
 * Nothing in here relies on alignment: a scope of 10 bytes (two hops) puts whatever follows it off every boundary.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "acpi.h"
#include "fw_build.h"

/* Offsets: of the table, of what most structures share, of each structure, of a device scope. */
enum {
	DMAR_HAW = 36,
	DMAR_FLAGS = 37,
	DMAR_FIXED = 48,

	PART_TYPE = 0,
	PART_LENGTH = 2,
	PART_FLAGS = 4,
	PART_SEGMENT = 6,
	PART_MIN = 4,

	DRHD_SIZE = 5,
	DRHD_BASE = 8,
	DRHD_FIXED = 16,
	RMRR_BASE = 8,
	RMRR_LIMIT = 16,
	RMRR_FIXED = 24,
	DEVICES_FIXED = 8, /* ATSR, SATC, SIDP */
	RHSA_BASE = 8,
	RHSA_DOMAIN = 16,
	RHSA_FIXED = 20,
	ANDD_NUMBER = 7,
	ANDD_NAME = 8,
	ANDD_FIXED = 8,

	SCOPE_TYPE = 0,
	SCOPE_LENGTH = 1,
	SCOPE_FLAGS = 2,
	SCOPE_ID = 4,
	SCOPE_START_BUS = 5,
	SCOPE_FIXED = 6,
};

enum {
	TYPE_DRHD,
	TYPE_RMRR,
	TYPE_ATSR,
	TYPE_RHSA,
	TYPE_ANDD,
	TYPE_SATC,
	TYPE_SIDP,
};

#define DRHD_INCLUDE_PCI_ALL (1u << 0)
#define DRHD_SIZE_MASK 0xfu
#define PAGE_LEN 4096u

struct dmar {
	struct acpi_table table;
	struct piommu_fw *fw; /* what this table adds */
	unsigned first_unit;  /* units that were there before */
	struct piommu_fw_error *err;
};

/* One remapping structure: at least its kind's fixed part, wholly inside the table. */
struct part {
	const char *name;
	unsigned type;
	size_t at;
	size_t len;
};

static uint32_t part_segment(const struct dmar *dmar, const struct part *part)
{
	return acpi_u16(&dmar->table, part->at + PART_SEGMENT);
}

static int parse_scope(const struct dmar *dmar, const struct part *part, size_t at, size_t len, struct piommu_fw_scopes *out)
{
	unsigned npath = (unsigned)(len - SCOPE_FIXED) / 2;
	struct piommu_fw_scope *scope = fw_append_scope(out, npath);

	if (!scope)
		return -ENOMEM;
	scope->type = acpi_u8(&dmar->table, at + SCOPE_TYPE);
	scope->flags = acpi_u8(&dmar->table, at + SCOPE_FLAGS);
	scope->id = acpi_u8(&dmar->table, at + SCOPE_ID);
	scope->start_bus = acpi_u8(&dmar->table, at + SCOPE_START_BUS);
	scope->segment = part_segment(dmar, part);
	for (unsigned i = 0; i < npath; i++) {
		scope->path[i].device = acpi_u8(&dmar->table, at + SCOPE_FIXED + 2 * i);
		scope->path[i].function = acpi_u8(&dmar->table, at + SCOPE_FIXED + 2 * i + 1);
	}
	return 0;
}

/* From the end of the fixed part to the end of the structure. */
static int parse_scopes(const struct dmar *dmar, const struct part *part, size_t fixed, struct piommu_fw_scopes *out)
{
	size_t end = part->at + part->len;
	size_t at = part->at + fixed;

	while (at < end) {
		size_t len = acpi_u8(&dmar->table, at + SCOPE_LENGTH);
		int rc;

		if (end - at < SCOPE_FIXED || len < SCOPE_FIXED || len > end - at || len % 2)
			return fw_refuse(
				dmar->err,
				"DMAR: byte 0x%zx: device scope of %s: length %zu (even, 6 to %zu expected): the table is "
				"damaged, or a firmware bug",
				at, part->name, end - at > SCOPE_LENGTH ? len : 0, end - at);
		rc = parse_scope(dmar, part, at, len, out);
		if (rc < 0)
			return rc;
		at += len;
	}
	return 0;
}

static int check_unit_base(struct dmar *dmar, const struct part *part, const struct piommu_fw_unit *unit)
{
	if (!unit->base)
		return fw_warn(
			dmar->fw,
			"DMAR: byte 0x%zx: unit %s has register base 0: firmware did not place it, so it cannot be driven; "
			"enable VT-d in the firmware setup, or update the firmware",
			part->at, unit->name);
	if (unit->base % PAGE_LEN || unit->base > UINT64_MAX - unit->len)
		return fw_warn(
			dmar->fw,
			"DMAR: byte 0x%zx: unit %s has register base 0x%llx, which is not a page of memory: it cannot be "
			"driven; update the firmware",
			part->at, unit->name, (unsigned long long)unit->base);
	return 0;
}

/* What the specification asks of the list of units: one place each, and INCLUDE_PCI_ALL last in its segment. */
static int check_unit_order(struct dmar *dmar, const struct part *part, const struct piommu_fw_unit *unit)
{
	for (const struct piommu_fw_unit *other = dmar->fw->units; other < unit; other++) {
		int rc = 0;

		if (other->base == unit->base && unit->base)
			rc = fw_warn(dmar->fw, "DMAR: byte 0x%zx: units %s and %s have the same register base 0x%llx", part->at,
				     other->name, unit->name, (unsigned long long)unit->base);
		else if (other->include_all && other->segment == unit->segment)
			rc = fw_warn(dmar->fw,
				     "DMAR: byte 0x%zx: unit %s comes after %s, which takes all that is left of segment %u: %s",
				     part->at, unit->name, other->name, unit->segment,
				     unit->include_all ? "the first of them keeps it" : "the scopes of both are still used");
		else
			continue;
		return rc;
	}
	return 0;
}

static int parse_drhd(struct dmar *dmar, const struct part *part)
{
	struct piommu_fw_unit *unit = fw_append(dmar->fw, FW_UNITS);
	int rc;

	if (!unit)
		return -ENOMEM;
	snprintf(unit->name, sizeof(unit->name), "dmar%u", dmar->first_unit + dmar->fw->nunits - 1);
	unit->family = PIOMMU_FAMILY_VTD;
	unit->base = acpi_u64(&dmar->table, part->at + DRHD_BASE);
	/* Reserved and 0, one page, before VT-d 4.0. */
	unit->len = (uint64_t)PAGE_LEN << (acpi_u8(&dmar->table, part->at + DRHD_SIZE) & DRHD_SIZE_MASK);
	unit->segment = part_segment(dmar, part);
	unit->include_all = acpi_u8(&dmar->table, part->at + PART_FLAGS) & DRHD_INCLUDE_PCI_ALL;
	unit->numa_node = -1;
	rc = parse_scopes(dmar, part, DRHD_FIXED, &unit->scopes);
	if (rc == 0)
		rc = check_unit_base(dmar, part, unit);
	return rc < 0 ? rc : check_unit_order(dmar, part, unit);
}

static int check_rmrr_span(struct dmar *dmar, const struct part *part, struct piommu_span span)
{
	unsigned width = acpi_u8(&dmar->table, DMAR_HAW) + 1u;

	if (!span.start && !span.last)
		return fw_warn(dmar->fw,
			       "DMAR: byte 0x%zx: RMRR from 0 to 0: firmware left it unset; the first page is reserved for its "
			       "devices",
			       part->at);
	if (width < 64 && span.last >> width)
		return fw_warn(
			dmar->fw,
			"DMAR: byte 0x%zx: RMRR from 0x%llx to 0x%llx is beyond the %u address bits that the table states: its "
			"devices may not be usable; update the firmware",
			part->at, (unsigned long long)span.start, (unsigned long long)span.last, width);
	if (span.start % PAGE_LEN || (span.last + 1) % PAGE_LEN)
		return fw_warn(dmar->fw,
			       "DMAR: byte 0x%zx: RMRR from 0x%llx to 0x%llx is not whole pages: it counts as widened to them",
			       part->at, (unsigned long long)span.start, (unsigned long long)span.last);
	return 0;
}

static int parse_rmrr(struct dmar *dmar, const struct part *part)
{
	struct piommu_fw_reserved *reserved = fw_append(dmar->fw, FW_RESERVED);
	struct piommu_span span = {
		.start = acpi_u64(&dmar->table, part->at + RMRR_BASE),
		.last = acpi_u64(&dmar->table, part->at + RMRR_LIMIT),
	};
	int rc;

	if (!reserved)
		return -ENOMEM;
	if (span.last < span.start)
		return fw_refuse(
			dmar->err,
			"DMAR: byte 0x%zx: RMRR from 0x%llx to 0x%llx ends before it starts: what its devices need is not "
			"known; the table is damaged, or a firmware bug",
			part->at, (unsigned long long)span.start, (unsigned long long)span.last);
	reserved->kind = PIOMMU_FW_RESERVED_RMRR;
	reserved->span = span;
	reserved->segment = part_segment(dmar, part);
	rc = parse_scopes(dmar, part, RMRR_FIXED, &reserved->scopes);
	return rc < 0 ? rc : check_rmrr_span(dmar, part, span);
}

/* ATSR, SATC and SIDP differ in what the list is for, not in form (SIDP has no flags: the bytes are reserved). */
static int parse_devices(struct dmar *dmar, const struct part *part)
{
	static const enum fw_list list_of[] = {
		[TYPE_ATSR] = FW_ATSR,
		[TYPE_SATC] = FW_SATC,
		[TYPE_SIDP] = FW_SIDP,
	};
	struct piommu_fw_devices *devices = fw_append(dmar->fw, list_of[part->type]);

	if (!devices)
		return -ENOMEM;
	devices->flags = acpi_u8(&dmar->table, part->at + PART_FLAGS);
	devices->segment = part_segment(dmar, part);
	return parse_scopes(dmar, part, DEVICES_FIXED, &devices->scopes);
}

/* In the second pass: an RHSA may stand before its DRHD. */
static int apply_rhsa(struct dmar *dmar, const struct part *part)
{
	uint64_t base = acpi_u64(&dmar->table, part->at + RHSA_BASE);
	uint32_t domain = acpi_u32(&dmar->table, part->at + RHSA_DOMAIN);
	bool found = false;

	for (unsigned i = 0; i < dmar->fw->nunits; i++) {
		if (dmar->fw->units[i].base != base)
			continue;
		dmar->fw->units[i].numa_node = domain > INT_MAX ? -1 : (int)domain;
		found = true;
	}
	if (found)
		return 0;
	return fw_warn(dmar->fw,
		       "DMAR: byte 0x%zx: RHSA gives a proximity domain to a unit at 0x%llx that no DRHD describes: ignored",
		       part->at, (unsigned long long)base);
}

/* The name ends at its NUL, or with the structure. It is printed, so only printable bytes stay. */
static int parse_andd(struct dmar *dmar, const struct part *part)
{
	struct piommu_fw_acpi_name *entry = fw_append(dmar->fw, FW_NAMES);
	size_t max = part->len - ANDD_NAME;
	size_t n = 0;

	if (!entry)
		return -ENOMEM;
	entry->id = acpi_u8(&dmar->table, part->at + ANDD_NUMBER);
	entry->name = malloc(max + 1);
	if (!entry->name)
		return -ENOMEM;
	for (; n < max; n++) {
		uint8_t byte = acpi_u8(&dmar->table, part->at + ANDD_NAME + n);

		if (!byte)
			break;
		entry->name[n] = byte > 0x20 && byte < 0x7f ? (char)byte : '?';
	}
	entry->name[n] = '\0';
	return 0;
}

static const struct kind {
	const char *name;
	size_t fixed;
	int (*parse)(struct dmar *dmar, const struct part *part);
	int (*apply)(struct dmar *dmar, const struct part *part);
} kinds[] = {
	[TYPE_DRHD] = { "DRHD", DRHD_FIXED, parse_drhd, NULL },
	[TYPE_RMRR] = { "RMRR", RMRR_FIXED, parse_rmrr, NULL },
	[TYPE_ATSR] = { "ATSR", DEVICES_FIXED, parse_devices, NULL },
	[TYPE_RHSA] = { "RHSA", RHSA_FIXED, NULL, apply_rhsa },
	[TYPE_ANDD] = { "ANDD", ANDD_FIXED, parse_andd, NULL },
	[TYPE_SATC] = { "SATC", DEVICES_FIXED, parse_devices, NULL },
	[TYPE_SIDP] = { "SIDP", DEVICES_FIXED, parse_devices, NULL },
};

/* Types that this version does not know are skipped by their length: the specification keeps adding some. */
static const struct kind *kind_of(unsigned type)
{
	static const struct kind unknown = { "structure", PART_MIN, NULL, NULL };

	return type < sizeof(kinds) / sizeof(kinds[0]) ? &kinds[type] : &unknown;
}

static int read_part(const struct dmar *dmar, size_t at, struct part *part)
{
	size_t left = dmar->table.len - at;
	const struct kind *kind;

	if (left < PART_MIN)
		return fw_refuse(dmar->err,
				 "DMAR: byte 0x%zx: %zu stray bytes at the end, too few for a structure: the table is damaged",
				 at, left);
	part->type = acpi_u16(&dmar->table, at + PART_TYPE);
	part->len = acpi_u16(&dmar->table, at + PART_LENGTH);
	part->at = at;
	kind = kind_of(part->type);
	part->name = kind->name;
	if (part->len < kind->fixed || part->len > left)
		return fw_refuse(
			dmar->err,
			"DMAR: byte 0x%zx: %s (type %u) has length %zu (%zu to %zu expected): the table is damaged, or a "
			"firmware bug",
			at, part->name, part->type, part->len, kind->fixed, left);
	return 0;
}

static int parse_parts(struct dmar *dmar)
{
	struct part part;
	int rc = 0;

	for (size_t at = DMAR_FIXED; at < dmar->table.len && rc == 0; at += part.len) {
		rc = read_part(dmar, at, &part);
		if (rc == 0 && kind_of(part.type)->parse)
			rc = kind_of(part.type)->parse(dmar, &part);
	}
	for (size_t at = DMAR_FIXED; at < dmar->table.len && rc == 0; at += part.len) {
		rc = read_part(dmar, at, &part);
		if (rc == 0 && kind_of(part.type)->apply)
			rc = kind_of(part.type)->apply(dmar, &part);
	}
	return rc;
}

int piommu_fw_parse_dmar(const void *bytes, size_t len, struct piommu_fw *fw, struct piommu_fw_error *err)
{
	struct piommu_fw added = { 0 };
	struct dmar dmar = { .fw = &added, .first_unit = fw->nunits, .err = err };
	unsigned width;
	uint8_t flags;
	int rc = acpi_table_open(bytes, len, "DMAR", DMAR_FIXED, &dmar.table, err);

	if (rc < 0)
		return rc;
	width = acpi_u8(&dmar.table, DMAR_HAW) + 1u;
	flags = acpi_u8(&dmar.table, DMAR_FLAGS);
	rc = parse_parts(&dmar);
	if (rc == 0 && width > 64)
		rc = fw_warn(&added, "DMAR: byte 0x24: a host address width of %u bits is impossible: taken as 64", width);
	if (rc == 0)
		rc = fw_merge(fw, &added);
	if (rc < 0) {
		piommu_fw_free(&added);
		return rc;
	}
	fw->host_address_width = width > 64 ? 64 : width;
	fw->dmar_flags = flags;
	return 0;
}
