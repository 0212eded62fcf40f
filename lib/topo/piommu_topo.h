/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * PCI topology and isolation: which functions the hardware cannot keep apart, and the facts behind it. Pure: functions'
 * facts in, groups out. The platform gathers the facts; this part judges them.
 *
 * PCI Express Base Specification 6.12 (ACS), 6.13 (ARI), 2.3.x of the PCIe-to-PCI bridge specification (requester ids).
 */
#ifndef PIOMMU_TOPO_H
#define PIOMMU_TOPO_H

#include "piommu_types.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** PCI Express device/port type (PCIe capability, bits 7:4 of the capabilities register). */
enum piommu_pcie_type {
	PIOMMU_PCIE_ENDPOINT = 0x0,
	PIOMMU_PCIE_LEGACY_ENDPOINT = 0x1,
	PIOMMU_PCIE_ROOT_PORT = 0x4,
	PIOMMU_PCIE_UPSTREAM = 0x5,
	PIOMMU_PCIE_DOWNSTREAM = 0x6,
	PIOMMU_PCIE_PCI_BRIDGE = 0x7,    /**< PCI Express to PCI/PCI-X */
	PIOMMU_PCIE_PCIE_BRIDGE = 0x8,   /**< PCI/PCI-X to PCI Express */
	PIOMMU_PCIE_RC_INTEGRATED = 0x9, /**< root complex integrated endpoint */
	PIOMMU_PCIE_RC_EVENT_COLLECTOR = 0xa,
	PIOMMU_PCIE_NONE = 0x100,    /**< a conventional PCI function */
	PIOMMU_PCIE_UNKNOWN = 0x101, /**< capabilities could not be read */
};

/** ACS capability and control bits (PCIe base specification 7.7.11). */
#define PIOMMU_ACS_SV (1u << 0) /* source validation */
#define PIOMMU_ACS_TB (1u << 1) /* translation blocking */
#define PIOMMU_ACS_RR (1u << 2) /* P2P request redirect */
#define PIOMMU_ACS_CR (1u << 3) /* P2P completion redirect */
#define PIOMMU_ACS_UF (1u << 4) /* upstream forwarding */
#define PIOMMU_ACS_EC (1u << 5) /* egress control */
#define PIOMMU_ACS_DT (1u << 6) /* direct translated P2P */
/** What a path must enforce for what lies behind it to be isolated. */
#define PIOMMU_ACS_ISOLATION (PIOMMU_ACS_SV | PIOMMU_ACS_RR | PIOMMU_ACS_CR | PIOMMU_ACS_UF)

/** Whether a fact is known. `lspci` without rights cannot read extended capabilities: unknown is not absent. */
enum piommu_known {
	PIOMMU_UNKNOWN,
	PIOMMU_ABSENT,
	PIOMMU_PRESENT,
};

/** One PCI function, as the platform found it. */
struct piommu_pci_function {
	struct piommu_sbdf sbdf;
	uint16_t vendor;
	uint16_t device;
	uint32_t class_code; /**< base class, sub-class, programming interface: 24 bits */
	uint8_t header_type; /**< 0 endpoint, 1 bridge, 2 CardBus; without the multi-function bit */
	bool multifunction;
	uint16_t pcie_type; /**< enum piommu_pcie_type */
	uint8_t secondary;  /**< bridges: buses below */
	uint8_t subordinate;
	enum piommu_known acs;
	uint16_t acs_cap;
	uint16_t acs_ctl;
	bool known_isolated; /**< isolates by a vendor fact that these registers do not show; set by who gathered them */
	enum piommu_known ari;
	bool is_virtfn; /**< SR-IOV virtual function; `physfn` is its PF */
	struct piommu_sbdf physfn;
	char driver[32]; /**< the kernel's driver, "" when none or unknown */
	char name[96];   /**< "" when unknown */
};

/** Why a function is not alone, or why it is. Closed list; the tools print these words. */
enum piommu_topo_fact {
	PIOMMU_FACT_ALONE,          /**< isolated up to the root */
	PIOMMU_FACT_NO_ACS,         /**< a port on the path has no ACS capability */
	PIOMMU_FACT_ACS_BITS_CLEAR, /**< a port on the path has ACS, but not all of SV RR CR UF are enabled */
	PIOMMU_FACT_ACS_UNKNOWN,    /**< extended capabilities could not be read: taken as absent */
	PIOMMU_FACT_ALIAS,          /**< shares a requester id with another function */
	PIOMMU_FACT_PCI_BUS,        /**< sits on a conventional PCI bus: shares wires and the bridge's id */
	PIOMMU_FACT_MULTIFUNCTION,  /**< functions of one device without ACS between them */
	PIOMMU_FACT_BRIDGE_BELOW,   /**< grouped with the bridge that cannot isolate it */
	PIOMMU_FACT_QUIRK_ISOLATED, /**< known to isolate without saying so in ACS */
};

/** One link of a chain of reasons. `at` is the function that the fact is about. */
struct piommu_topo_reason {
	enum piommu_topo_fact fact;
	struct piommu_sbdf at;
	struct piommu_sbdf other; /**< the function it is merged with; equal to `at` where there is none */
	uint16_t acs_missing;     /**< PIOMMU_ACS_* bits, for the two ACS facts */
};

/** Which rule makes groups. */
enum piommu_topo_policy {
	PIOMMU_TOPO_LINUX, /**< SV+RR+CR+UF on each step, aliases and multi-function merged, Linux's vendor facts: the default */
};

/** A function in the topology. Index into piommu_topo.nodes. */
struct piommu_topo_node {
	struct piommu_pci_function fn;
	int parent;     /**< the bridge above, -1 on a root bus */
	unsigned group; /**< index into piommu_topo.groups */
	/** Requester ids that its DMA may carry: its own first, then its aliases (bus << 8 | devfn). */
	uint16_t rids[8];
	unsigned nrids;
};

struct piommu_topo_group {
	unsigned *nodes; /**< indexes into piommu_topo.nodes, ascending by address */
	unsigned nnodes;
	struct piommu_topo_reason *reasons;
	unsigned nreasons;
};

/** The whole picture, immutable once built. */
struct piommu_topo {
	struct piommu_topo_node *nodes; /**< ascending by segment, bus, devfn */
	unsigned nnodes;
	struct piommu_topo_group *groups; /**< ascending by their first node */
	unsigned ngroups;
};

/**
 * Builds bridges, aliases and groups from the facts of `n` functions (copied).
 * @return 0, `*out` filled (piommu_topo_free() releases it); -EINVAL: two functions at one address, or bridges in a
 * cycle (`why` says which); -ENOMEM
 */
int piommu_topo_build(const struct piommu_pci_function *fns, size_t n, enum piommu_topo_policy policy, struct piommu_topo **out,
		      char why[256]);
void piommu_topo_free(struct piommu_topo *topo);

/** The node at this address, or -1. */
int piommu_topo_find(const struct piommu_topo *topo, struct piommu_sbdf sbdf);

/** One line for a person, e.g. "0000:00:1c.0 has no ACS: what is below it can reach each other". */
void piommu_topo_reason_text(const struct piommu_topo_reason *reason, char *text, size_t len);

/** "no-acs", "alias", ...: stable words for scripts. */
const char *piommu_topo_fact_name(enum piommu_topo_fact fact);

/** Reads `width` bytes (1, 2 or 4) of configuration space at `off`. @return 0; -EACCES: not readable without rights */
typedef int (*piommu_cfg_read_fn)(void *ctx, struct piommu_sbdf sbdf, unsigned off, unsigned width, uint32_t *value);

/**
 * Fills the facts of one function from its configuration space: ids, class, header, buses, PCI Express type, ACS, ARI.
 * Capability lists that loop or point outside are cut, and what they hid is unknown.
 * @return 0; -ENODEV: no function there (vendor id all ones or zero)
 */
int piommu_topo_decode_function(piommu_cfg_read_fn read, void *ctx, struct piommu_sbdf sbdf, struct piommu_pci_function *out);

/**
 * Root ports of Intel's 100 and 200 series PCHs keep ACS capability and control in double words, so the control register
 * is 2 bytes further than the standard says. piommu_topo_decode_function() knows. A listing made by a tool that does not
 * shows the control bits as clear: its reader sets known_isolated, because Linux turns all of them on in these ports.
 */
bool piommu_topo_acs_elsewhere(uint16_t vendor, uint16_t device);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
