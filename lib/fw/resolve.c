/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From the place that firmware names (a start bus, then hops through bridges) to the function's address now: bus numbers
 * are the operating system's to change, places are not. Pure but for the reader; any thread.
 * VT-d specification 8.3.1, "Device Scope Structure".
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fw_build.h"

/* Firmware lists devices that are switched off, often the same ones in many structures: each place is told once. */
#define MISSING_MAX 32u

struct resolver {
	const struct piommu_fw_pci_reader *reader;
	struct piommu_fw *fw;
	const struct piommu_fw_scope *missing[MISSING_MAX];
	unsigned nmissing;
	unsigned nuntold;
};

static bool same_place(const struct piommu_fw_scope *a, const struct piommu_fw_scope *b)
{
	return a->segment == b->segment && a->start_bus == b->start_bus && a->npath == b->npath &&
	       memcmp(a->path, b->path, a->npath * sizeof(*a->path)) == 0;
}

/* "00:1c.7/00.2", cut where it gets longer than anything real. */
static void place_text(const struct piommu_fw_scope *scope, char *text, size_t len)
{
	size_t used = (size_t)snprintf(text, len, "%04x:%02x:", scope->segment, scope->start_bus);

	for (unsigned i = 0; i < scope->npath && used < len; i++)
		used += (size_t)snprintf(text + used, len - used, "%s%02x.%x", i ? "/" : "", scope->path[i].device,
					 scope->path[i].function);
}

/* `owner` is what the scope belongs to, for the warning. */
static int tell_missing(struct resolver *resolver, const struct piommu_fw_scope *scope, const char *owner, const char *why)
{
	char place[96];

	if (resolver->fw->resolved)
		return 0;
	for (unsigned i = 0; i < resolver->nmissing; i++) {
		if (same_place(resolver->missing[i], scope))
			return 0;
	}
	if (resolver->nmissing == MISSING_MAX) {
		resolver->nuntold++;
		return 0;
	}
	resolver->missing[resolver->nmissing++] = scope;
	place_text(scope, place, sizeof(place));
	return fw_warn(resolver->fw, "%s names %s %s, which is not there: %s", owner, piommu_fw_scope_type_name(scope->type),
		       place, why);
}

/* @return whether the path leads to a function; if not, `why` says where it ends */
static bool follow(const struct piommu_fw_pci_reader *reader, const struct piommu_fw_scope *scope, struct piommu_sbdf *out,
		   char *why, size_t whylen)
{
	struct piommu_sbdf at = { .segment = scope->segment, .bus = scope->start_bus };
	char text[PIOMMU_SBDF_STRLEN];

	snprintf(why, whylen, "its path is empty");
	for (unsigned i = 0; i < scope->npath; i++) {
		int bus;

		if (scope->path[i].device > 0x1f || scope->path[i].function > 7) {
			snprintf(why, whylen, "there is no device number %02x.%x", scope->path[i].device,
				 scope->path[i].function);
			return false;
		}
		at.devfn = (uint8_t)(scope->path[i].device << 3 | scope->path[i].function);
		if (i + 1 == scope->npath) {
			*out = at;
			snprintf(why, whylen, "no function at %s", piommu_sbdf_format(at, text));
			return reader->exists(reader->ctx, at);
		}
		bus = reader->secondary_bus(reader->ctx, at);
		if (bus < 0 || bus > 0xff) {
			snprintf(why, whylen, "%s %s", piommu_sbdf_format(at, text),
				 bus == -ENOTDIR ? "is no bridge" : "does not exist, or is no bridge with a bus below it");
			return false;
		}
		at.bus = (uint8_t)bus;
	}
	return false;
}

static int resolve_scopes(struct resolver *resolver, struct piommu_fw_scopes *scopes, const char *owner)
{
	for (unsigned i = 0; i < scopes->n; i++) {
		struct piommu_fw_scope *scope = &scopes->at[i];
		char why[96];
		int rc;

		scope->resolved = follow(resolver->reader, scope, &scope->sbdf, why, sizeof(why));
		/* I/O APICs, HPETs and ACPI devices have source ids that need not be PCI functions. */
		if (scope->resolved ||
		    (scope->type != PIOMMU_FW_SCOPE_PCI_ENDPOINT && scope->type != PIOMMU_FW_SCOPE_PCI_BRIDGE))
			continue;
		rc = tell_missing(resolver, scope, owner, why);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int resolve_devices(struct resolver *resolver, struct piommu_fw_devices *devices, unsigned n, const char *owner)
{
	int rc = 0;

	for (unsigned i = 0; i < n && rc == 0; i++)
		rc = resolve_scopes(resolver, &devices[i].scopes, owner);
	return rc;
}

int piommu_fw_resolve(struct piommu_fw *fw, const struct piommu_fw_pci_reader *reader)
{
	struct resolver resolver = { .reader = reader, .fw = fw };
	int rc = 0;

	for (unsigned i = 0; i < fw->nunits && rc == 0; i++)
		rc = resolve_scopes(&resolver, &fw->units[i].scopes, fw->units[i].name);
	for (unsigned i = 0; i < fw->nreserved && rc == 0; i++)
		rc = resolve_scopes(&resolver, &fw->reserved[i].scopes, "RMRR");
	if (rc == 0)
		rc = resolve_devices(&resolver, fw->atsr, fw->natsr, "ATSR");
	if (rc == 0)
		rc = resolve_devices(&resolver, fw->satc, fw->nsatc, "SATC");
	if (rc == 0)
		rc = resolve_devices(&resolver, fw->sidp, fw->nsidp, "SIDP");
	if (rc == 0 && resolver.nuntold)
		rc = fw_warn(fw, "%u more scopes name devices that are not there", resolver.nuntold);
	fw->resolved |= rc == 0;
	return rc;
}

const char *piommu_fw_scope_type_name(uint8_t type)
{
	static const char *const names[] = {
		[PIOMMU_FW_SCOPE_PCI_ENDPOINT] = "pci-endpoint",
		[PIOMMU_FW_SCOPE_PCI_BRIDGE] = "pci-bridge",
		[PIOMMU_FW_SCOPE_IOAPIC] = "ioapic",
		[PIOMMU_FW_SCOPE_HPET] = "hpet",
		[PIOMMU_FW_SCOPE_ACPI_NAMESPACE] = "acpi-namespace",
	};

	if (type >= sizeof(names) / sizeof(names[0]) || !names[type])
		return "unknown";
	return names[type];
}
