/* SPDX-License-Identifier: BSD-3-Clause */
/* PCI addresses as text, both ways. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "piommu_types.h"

char *piommu_sbdf_format(struct piommu_sbdf sbdf, char *text)
{
	snprintf(text, PIOMMU_SBDF_STRLEN, "%04x:%02x:%02x.%x", sbdf.segment, sbdf.bus, sbdf.devfn >> 3, sbdf.devfn & 7u);
	return text;
}

/* Hexadecimal digits only (strtoul would take a sign or spaces), `min` to `max` of them. */
static const char *hex_field(const char *at, unsigned min, unsigned max, unsigned long *value)
{
	size_t n = strspn(at, "0123456789abcdefABCDEF");

	if (n < min || n > max)
		return NULL;
	*value = strtoul(at, NULL, 16);
	return at + n;
}

int piommu_sbdf_parse(const char *text, struct piommu_sbdf *out)
{
	unsigned long segment = 0;
	unsigned long bus, device, function;
	const char *first = strchr(text, ':');
	const char *at = text;

	if (first && strchr(first + 1, ':')) {
		at = hex_field(at, 4, 8, &segment);
		if (!at || *at++ != ':')
			return -EINVAL;
	}
	at = hex_field(at, 2, 2, &bus);
	if (!at || *at++ != ':')
		return -EINVAL;
	at = hex_field(at, 2, 2, &device);
	if (!at || *at++ != '.')
		return -EINVAL;
	at = hex_field(at, 1, 1, &function);
	if (!at || *at || device > 0x1f || function > 7)
		return -EINVAL;
	*out = (struct piommu_sbdf){
		.segment = (uint32_t)segment,
		.bus = (uint8_t)bus,
		.devfn = (uint8_t)(device << 3 | function),
	};
	return 0;
}

int piommu_sbdf_compare(struct piommu_sbdf a, struct piommu_sbdf b)
{
	if (a.segment != b.segment)
		return a.segment < b.segment ? -1 : 1;
	if (a.bus != b.bus)
		return a.bus < b.bus ? -1 : 1;
	return (int)a.devfn - (int)b.devfn;
}
