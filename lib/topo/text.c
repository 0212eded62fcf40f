/* SPDX-License-Identifier: BSD-3-Clause */
/* The facts behind groups, in words: for people, and as stable names for scripts. */
#include "topo.h"

#include <stdio.h>

static const char *const names[] = {
	[PIOMMU_FACT_ALONE] = "alone",
	[PIOMMU_FACT_NO_ACS] = "no-acs",
	[PIOMMU_FACT_ACS_BITS_CLEAR] = "acs-bits-clear",
	[PIOMMU_FACT_ACS_UNKNOWN] = "acs-unknown",
	[PIOMMU_FACT_ALIAS] = "alias",
	[PIOMMU_FACT_PCI_BUS] = "pci-bus",
	[PIOMMU_FACT_MULTIFUNCTION] = "multifunction",
	[PIOMMU_FACT_BRIDGE_BELOW] = "bridge-below",
	[PIOMMU_FACT_QUIRK_ISOLATED] = "quirk-isolated",
};

const char *piommu_topo_fact_name(enum piommu_topo_fact fact)
{
	return (unsigned)fact < sizeof(names) / sizeof(names[0]) ? names[fact] : "unknown";
}

/* " SV RR", the bits of the isolation set that are missing. */
static void bits_text(uint16_t bits, char text[16])
{
	snprintf(text, 16, "%s%s%s%s", bits & PIOMMU_ACS_SV ? " SV" : "", bits & PIOMMU_ACS_RR ? " RR" : "",
		 bits & PIOMMU_ACS_CR ? " CR" : "", bits & PIOMMU_ACS_UF ? " UF" : "");
}

void piommu_topo_reason_text(const struct piommu_topo_reason *reason, char *text, size_t len)
{
	char at[PIOMMU_SBDF_STRLEN];
	char other[PIOMMU_SBDF_STRLEN];
	char bits[16];

	piommu_sbdf_format(reason->at, at);
	piommu_sbdf_format(reason->other, other);
	bits_text(reason->acs_missing, bits);
	switch (reason->fact) {
	case PIOMMU_FACT_ALONE:
		snprintf(text, len, "%s is isolated up to the root", at);
		break;
	case PIOMMU_FACT_NO_ACS:
		snprintf(text, len, "%s has no ACS: what meets in it is not kept apart", at);
		break;
	case PIOMMU_FACT_ACS_BITS_CLEAR:
		snprintf(text, len, "%s has ACS, but not enabled:%s", at, bits);
		break;
	case PIOMMU_FACT_ACS_UNKNOWN:
		snprintf(text, len, "%s: its extended capabilities could not be read (try as root): ACS taken as absent", at);
		break;
	case PIOMMU_FACT_ALIAS:
		snprintf(text, len, "%s and %s may send DMA under the same requester id", at, other);
		break;
	case PIOMMU_FACT_PCI_BUS:
		if (piommu_sbdf_compare(reason->at, reason->other) == 0)
			snprintf(text, len, "%s is a conventional PCI bridge: it cannot isolate what is below it", at);
		else
			snprintf(text, len, "%s sits on the conventional PCI bus of %s: it shares wires and the bridge's id",
				 at, other);
		break;
	case PIOMMU_FACT_MULTIFUNCTION:
		snprintf(text, len, "%s and %s are functions of one device with no ACS between them", at, other);
		break;
	case PIOMMU_FACT_BRIDGE_BELOW:
		snprintf(text, len, "%s is below %s, and the path above it does not isolate", at, other);
		break;
	case PIOMMU_FACT_QUIRK_ISOLATED:
		snprintf(text, len, "%s is known to isolate although its ACS registers do not say so", at);
		break;
	default:
		snprintf(text, len, "%s: unknown fact %u", at, (unsigned)reason->fact);
		break;
	}
}
