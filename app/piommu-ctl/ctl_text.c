/* SPDX-License-Identifier: BSD-3-Clause */
/* Output that people read: sizes, scopes, wrapped lists. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"

#define MARGIN 110u

bool ctl_parse_u64(const char *text, bool suffix, uint64_t *out)
{
	static const char units[] = "kmg";
	unsigned shift = 0;
	const char *unit;
	char *end;

	/* strtoull would take blanks and a sign. */
	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*out = strtoull(text, &end, text[0] == '0' && (text[1] | 0x20) == 'x' ? 16 : 10);
	if (errno)
		return false;
	if (suffix && *end && (unit = strchr(units, *end | 0x20)) != NULL) {
		shift = 10 * (unsigned)(unit - units + 1);
		end++;
	}
	if (*end || *out > UINT64_MAX >> shift)
		return false;
	*out <<= shift;
	return true;
}

char *ctl_size_text(uint64_t bytes, char text[CTL_SIZE_LEN])
{
	static const char *const units[] = { "bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	unsigned unit = 0;
	uint64_t whole = bytes;
	uint64_t tenths = 0;

	while (whole >= 1024 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		tenths = whole % 1024 * 10 / 1024;
		whole /= 1024;
		unit++;
	}
	if (tenths)
		snprintf(text, CTL_SIZE_LEN, "%llu.%llu %s", (unsigned long long)whole, (unsigned long long)tenths,
			 units[unit]);
	else
		snprintf(text, CTL_SIZE_LEN, "%llu %s", (unsigned long long)whole, units[unit]);
	return text;
}

/* "0000:80:1c.7/00.2": the place that firmware names, for want of an address. */
static void place_text(const struct piommu_scope_info *scope, uint32_t segment, char text[CTL_SCOPE_LEN])
{
	size_t used = (size_t)snprintf(text, CTL_SCOPE_LEN, "%04x:%02x:", segment, scope->start_bus);

	for (unsigned i = 0; i < scope->npath && i < sizeof(scope->path) / sizeof(scope->path[0]); i++)
		used += (size_t)snprintf(text + used, CTL_SCOPE_LEN - used, "%s%02x.%x", i ? "/" : "", scope->path[i][0],
					 scope->path[i][1]);
}

char *ctl_scope_text(const struct piommu_scope_info *scope, uint32_t segment, char text[CTL_SCOPE_LEN])
{
	char place[CTL_SCOPE_LEN];

	if (strcmp(scope->type, "ioapic") == 0) {
		snprintf(text, CTL_SCOPE_LEN, "I/O APIC %u", scope->id);
	} else if (strcmp(scope->type, "hpet") == 0) {
		snprintf(text, CTL_SCOPE_LEN, "HPET %u", scope->id);
	} else if (strcmp(scope->type, "acpi-namespace") == 0) {
		snprintf(text, CTL_SCOPE_LEN, "ACPI device %u", scope->id);
	} else {
		if (scope->known)
			piommu_sbdf_format(scope->sbdf, place);
		else
			place_text(scope, segment, place);
		snprintf(text, CTL_SCOPE_LEN, "%.100s%s", place, strcmp(scope->type, "pci-bridge") == 0 ? " and below" : "");
	}
	return text;
}

void ctl_wrap_item(struct ctl_wrap *wrap, const char *item)
{
	unsigned len = (unsigned)strlen(item);

	if (!wrap->nitems) {
		wrap->column = (unsigned)printf("        %-*s", (int)(wrap->width - 8), wrap->label);
	} else if (wrap->column + len + 2 > MARGIN) {
		printf("%c\n%*s", wrap->separator, (int)wrap->width, "");
		wrap->column = wrap->width;
	} else {
		printf("%c ", wrap->separator);
		wrap->column += 2;
	}
	printf("%s", item);
	wrap->column += len;
	wrap->nitems++;
}

void ctl_wrap_end(struct ctl_wrap *wrap)
{
	if (wrap->nitems)
		putchar('\n');
}
