/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Isolation, one function at a time: does it keep apart the transactions that could meet in it? A port, those of what is
 * below it; a function of a multi-function device, its own and its siblings'. Linux's rule (PIOMMU_TOPO_LINUX).
 * PCI Express Base Specification 6.12.1 (which functions have ACS), 7.7.11 (the registers).
 */
#include "topo.h"

#define VENDOR_INTEL 0x8086

static struct topo_verdict isolated(enum piommu_topo_fact fact)
{
	return (struct topo_verdict){ .isolates = true, .fact = fact };
}

static struct topo_verdict open_by(enum piommu_topo_fact fact, unsigned missing)
{
	return (struct topo_verdict){ .isolates = false, .fact = fact, .acs_missing = (uint16_t)missing };
}

/*
 * A bit that the capability does not have need not be enabled: the function then either cannot do what the bit would
 * stop, or always stops it (6.12.1.1). A capability with no bit at all therefore means isolated.
 */
static struct topo_verdict judge_acs(const struct piommu_pci_function *fn)
{
	unsigned missing;

	if (fn->acs == PIOMMU_UNKNOWN)
		return open_by(PIOMMU_FACT_ACS_UNKNOWN, PIOMMU_ACS_ISOLATION);
	if (fn->acs == PIOMMU_ABSENT)
		return open_by(PIOMMU_FACT_NO_ACS, PIOMMU_ACS_ISOLATION);
	missing = PIOMMU_ACS_ISOLATION & fn->acs_cap & ~(unsigned)fn->acs_ctl;
	return missing ? open_by(PIOMMU_FACT_ACS_BITS_CLEAR, missing) : isolated(PIOMMU_FACT_ALONE);
}

/* Intel states that its root complex integrated endpoints send nothing to each other but through the IOMMU. */
static bool is_intel_integrated(const struct piommu_pci_function *fn)
{
	return fn->vendor == VENDOR_INTEL && fn->pcie_type == PIOMMU_PCIE_RC_INTEGRATED;
}

/* ACS does not apply to a device with one function. Virtual functions count as that: Linux groups them apart. */
static struct topo_verdict judge_endpoint(const struct piommu_pci_function *fn)
{
	return fn->multifunction && !fn->is_virtfn ? judge_acs(fn) : isolated(PIOMMU_FACT_ALONE);
}

static struct topo_verdict judge_registers(const struct piommu_pci_function *fn)
{
	switch (fn->pcie_type) {
	case PIOMMU_PCIE_ROOT_PORT:
	case PIOMMU_PCIE_DOWNSTREAM:
		return judge_acs(fn);
	case PIOMMU_PCIE_PCI_BRIDGE:
	case PIOMMU_PCIE_PCIE_BRIDGE:
		return open_by(PIOMMU_FACT_PCI_BUS, 0);
	case PIOMMU_PCIE_NONE:
		return topo_is_bridge(fn) ? open_by(PIOMMU_FACT_PCI_BUS, 0) : open_by(PIOMMU_FACT_NO_ACS, PIOMMU_ACS_ISOLATION);
	case PIOMMU_PCIE_RC_EVENT_COLLECTOR:
		return open_by(PIOMMU_FACT_NO_ACS, PIOMMU_ACS_ISOLATION); /* must not implement it (6.12.1) */
	case PIOMMU_PCIE_UNKNOWN:
		if (fn->is_virtfn)
			return isolated(PIOMMU_FACT_ALONE);
		if (fn->acs != PIOMMU_PRESENT)
			return open_by(PIOMMU_FACT_ACS_UNKNOWN, PIOMMU_ACS_ISOLATION);
		return judge_acs(fn);
	default:
		return judge_endpoint(fn);
	}
}

struct topo_verdict topo_judge(const struct piommu_pci_function *fn)
{
	struct topo_verdict verdict = judge_registers(fn);

	if (!verdict.isolates && (fn->known_isolated || is_intel_integrated(fn)))
		return isolated(PIOMMU_FACT_QUIRK_ISOLATED);
	return verdict;
}

bool topo_path_isolates(const struct piommu_topo *topo, int node, int *culprit)
{
	for (; node >= 0; node = topo->nodes[node].parent) {
		if (!topo_judge(&topo->nodes[node].fn).isolates) {
			*culprit = node;
			return false;
		}
	}
	return true;
}
