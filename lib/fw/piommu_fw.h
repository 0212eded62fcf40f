/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Firmware tables to one neutral description. Bytes in, description out, no other effect: the parsers do no I/O and keep
 * no state. A table that makes no sense is refused whole, with one line that says what, where and why; oddities that real
 * firmware is known for (test inputs: see doc/firmware.md) become warnings.
 *
 * First in the flow: firmware tables -> units -> probe -> groups -> attach -> map.
 */
#ifndef PIOMMU_FW_H
#define PIOMMU_FW_H

#include "piommu_types.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** One step of a device scope's path: device and function on the bus that the steps before lead to. */
struct piommu_fw_hop {
	uint8_t device;
	uint8_t function;
};

/** What a scope names (VT-d specification, "Device Scope Structure"; other families map theirs onto these). */
enum piommu_fw_scope_type {
	PIOMMU_FW_SCOPE_PCI_ENDPOINT = 1,
	PIOMMU_FW_SCOPE_PCI_BRIDGE = 2, /**< the bridge and all below it */
	PIOMMU_FW_SCOPE_IOAPIC = 3,
	PIOMMU_FW_SCOPE_HPET = 4,
	PIOMMU_FW_SCOPE_ACPI_NAMESPACE = 5,
};

/** A device, or a sub-hierarchy of devices, by its place and not by its bus number. */
struct piommu_fw_scope {
	uint8_t type;  /**< enum piommu_fw_scope_type; other values are kept as they are */
	uint8_t flags; /**< byte 2 of the structure (SIDP: flags of the device) */
	uint8_t id;    /**< enumeration id: I/O APIC id, HPET number, ACPI device number */
	uint8_t start_bus;
	uint32_t segment;
	struct piommu_fw_hop *path;
	unsigned npath;
	bool resolved;           /**< `sbdf` is known */
	struct piommu_sbdf sbdf; /**< set by piommu_fw_resolve() */
};

struct piommu_fw_scopes {
	struct piommu_fw_scope *at;
	unsigned n;
};

/** No unit, no MSI controller: in place of an index. */
#define PIOMMU_FW_NONE UINT32_MAX

/**
 * A range of ids, and what they become on their way: `first` + n becomes `to` + n. At a device, ids are what its DMA carries (of a
 * PCI function its requester id, bus << 8 | devfn; of other devices the order in which firmware counts them, or nothing).
 */
struct piommu_fw_id_map {
	uint32_t first;
	uint32_t last;
	uint32_t to;
	uint32_t mask;   /**< bits of the id at the target that do not count: the device sends any of them */
	uint32_t target; /**< index among units, or among MSI controllers; PIOMMU_FW_NONE: past every unit */
};

struct piommu_fw_id_maps {
	struct piommu_fw_id_map *at;
	unsigned n;
};

/** An id at an MSI controller that is no device's but a unit's own. */
struct piommu_fw_msi_id {
	bool known;
	uint32_t controller; /**< index among MSI controllers */
	uint32_t id;
};

enum piommu_fw_irq_kind {
	PIOMMU_FW_IRQ_EVENT,
	PIOMMU_FW_IRQ_PRI,
	PIOMMU_FW_IRQ_ERROR,
	PIOMMU_FW_IRQ_SYNC,
	PIOMMU_FW_IRQ_COMBINED, /**< of all the above */
	PIOMMU_FW_IRQ_GLOBAL,   /**< global faults */
	PIOMMU_FW_IRQ_CONFIG,   /**< faults of accesses to the unit's own registers */
	PIOMMU_FW_IRQ_CONTEXT,  /**< faults of one translation context, in their order */
	PIOMMU_FW_IRQ_PMU,      /**< overflow of a performance counter */
};

struct piommu_fw_irq {
	enum piommu_fw_irq_kind kind;
	bool edge;
	bool wired;      /**< `number` is known */
	uint32_t number; /**< as ACPI numbers them (GSIV) */
};

/** Implementations that a driver must know by name. Which of them are possible is a matter of the family. */
enum piommu_fw_model {
	PIOMMU_FW_MODEL_GENERIC,
	PIOMMU_FW_MODEL_MMU_400,
	PIOMMU_FW_MODEL_MMU_401,
	PIOMMU_FW_MODEL_MMU_500,
	PIOMMU_FW_MODEL_CAVIUM_V2,     /**< ThunderX */
	PIOMMU_FW_MODEL_CAVIUM_CN99XX, /**< ThunderX2 */
	PIOMMU_FW_MODEL_HISI_HI161X,
	PIOMMU_FW_MODEL_MARVELL_500,
	PIOMMU_FW_MODEL_NVIDIA_500,
	PIOMMU_FW_MODEL_QCOM_V2,
	PIOMMU_FW_MODEL_QCOM_500,
};

#define PIOMMU_FW_UNIT_COHERENT \
	(1u << 0) /**< its walks snoop the caches, whatever its registers say; a device tree that does not say so says no */
#define PIOMMU_FW_UNIT_BROADCAST (1u << 1) /**< takes part in the CPUs' broadcast TLB maintenance */
#define PIOMMU_FW_UNIT_GPU (1u << 2) /**< of a GPU that switches its own contexts (Qualcomm Adreno): no driver's of ours */
#define PIOMMU_FW_UNIT_SECURE_ACCESS (1u << 3) /**< its registers are to be accessed as secure ones (Calxeda) */
#define PIOMMU_FW_UNIT_NO_PREFETCH (1u << 4)   /**< its prefetch command is broken (HiSilicon) */
#define PIOMMU_FW_UNIT_ONE_PAGE (1u << 5)      /**< registers of its second page are in the first (Cavium CN99xx) */

/** One IOMMU. */
struct piommu_fw_unit {
	char name[16]; /**< "dmar0", "smmu0", in the table's order */
	enum piommu_family family;
	uint64_t base; /**< bus address of the registers */
	uint64_t len;  /**< bytes of the register set, as firmware states it */
	uint32_t segment;
	bool include_all; /**< everything in `segment` that no other unit's scope names */
	struct piommu_fw_scopes scopes;
	int numa_node; /**< proximity domain; -1: not stated */
	bool has_self; /**< the unit is itself a PCI function, at `self` */
	struct piommu_sbdf self;

	/* ---- what only device trees and IORT state ---- */
	unsigned version; /**< of the family's architecture (SMMU: 1, 2, 3); 0: not stated */
	enum piommu_fw_model model;
	uint32_t flags;     /**< PIOMMU_FW_UNIT_... */
	unsigned httu;      /**< override of hardware update of access and dirty flags (IORT); 0: none */
	char *path;         /**< of its node in the device tree; NULL: not from one */
	uint64_t mirror[2]; /**< further register sets of `len` bytes that must be written alike (NVIDIA) */
	unsigned nmirrors;
	struct piommu_fw_irq *irqs;
	unsigned nirqs;
	struct piommu_fw_msi_id msi; /**< of the MSIs that it sends itself */
};

#define PIOMMU_FW_SOURCE_COHERENT (1u << 0) /**< its DMA snoops the CPUs' caches */
#define PIOMMU_FW_SOURCE_ATS (1u << 1)      /**< its root complex supports ATS */
#define PIOMMU_FW_SOURCE_PRI (1u << 2)
#define PIOMMU_FW_SOURCE_PASID (1u << 3)
#define PIOMMU_FW_SOURCE_STALL (1u << 4) /**< its faulting accesses can be stalled */

/** Where DMA comes from: the functions below a PCI host, or one device that is no PCI function. */
struct piommu_fw_source {
	char *name; /**< ACPI's ("\_SB.GPU0") or the device tree's path; NULL: a PCI host has none in ACPI */
	bool is_pci;
	uint32_t segment; /**< of a PCI host */
	uint8_t start_bus;
	uint8_t last_bus;
	uint32_t flags;                    /**< PIOMMU_FW_SOURCE_... */
	unsigned address_bits;             /**< width of the addresses that it can send; 0: not stated */
	unsigned pasid_bits;               /**< 0: not stated, or none */
	uint32_t id_mask;                  /**< these bits of an id count on the way in */
	struct piommu_fw_id_maps to_units; /**< in order of preference: the first that has an id counts */
	struct piommu_fw_id_maps to_msi;   /**< the same for its MSIs: target is an index among MSI controllers */
};

/** A group of MSI controllers that are as good as one, by the numbers that the interrupt tables give them (MADT). */
struct piommu_fw_msi {
	uint32_t *ids;
	unsigned nids;
};

/** A group of performance counters (PMCG). */
struct piommu_fw_counters {
	uint64_t base;  /**< of the first register page */
	uint64_t base1; /**< of the second; 0: there is none */
	uint32_t irq;   /**< GSIV of the overflow interrupt; 0: none, or an MSI */
	uint32_t unit;  /**< whose events they count; PIOMMU_FW_NONE: no unit's */
	struct piommu_fw_msi_id msi;
};

enum piommu_fw_reserved_kind {
	PIOMMU_FW_RESERVED_RMRR, /**< memory that firmware has devices use: must stay mapped 1:1 */
	PIOMMU_FW_RESERVED_RMR,  /**< the same, by the ids that arrive at a unit (IORT, device tree) */
	PIOMMU_FW_RESERVED_HOLE, /**< no memory: addresses at which nothing may be mapped; only among carve-outs */
};

#define PIOMMU_FW_RESERVED_REMAP (1u << 0)      /**< need not stay 1:1: whoever takes the device over may move it */
#define PIOMMU_FW_RESERVED_PRIVILEGED (1u << 1) /**< privileged accesses only */
#define PIOMMU_FW_RESERVED_ATTR_SHIFT 2         /**< 8 bits: memory attributes (IORT, "RMR node") */
#define PIOMMU_FW_RESERVED_ATTR_MASK (0xffu << PIOMMU_FW_RESERVED_ATTR_SHIFT)

struct piommu_fw_reserved {
	enum piommu_fw_reserved_kind kind;
	struct piommu_span span;
	uint32_t segment;
	struct piommu_fw_scopes scopes;
	uint32_t flags;               /**< PIOMMU_FW_RESERVED_... */
	struct piommu_fw_id_maps ids; /**< `to` and what follows, at `target`: whose it is */
};

/** Device lists that are not units: root ports with ATS, ATS-capable integrated devices, device properties. */
struct piommu_fw_devices {
	uint8_t flags; /**< ATSR: bit 0 = all ports of the segment; SATC: bit 0 = ATC required */
	uint32_t segment;
	struct piommu_fw_scopes scopes;
};

/** ANDD: the ACPI name behind an ACPI_NAMESPACE scope's enumeration id. */
struct piommu_fw_acpi_name {
	uint8_t id;
	char *name;
};

/** MCFG: where the configuration space of a range of buses is mapped. */
struct piommu_fw_ecam {
	uint64_t base; /**< of bus 0, even where start_bus is not 0 */
	uint32_t segment;
	uint8_t start_bus;
	uint8_t last_bus;
};

/** Everything the tables said. Owned by the caller; piommu_fw_free() releases it. All zero is a valid empty one. */
struct piommu_fw {
	struct piommu_fw_unit *units;
	unsigned nunits;
	struct piommu_fw_reserved *reserved;
	unsigned nreserved;
	struct piommu_fw_devices *atsr;
	unsigned natsr;
	struct piommu_fw_devices *satc;
	unsigned nsatc;
	struct piommu_fw_devices *sidp;
	unsigned nsidp;
	struct piommu_fw_acpi_name *names;
	unsigned nnames;
	struct piommu_fw_ecam *ecam;
	unsigned necam;
	struct piommu_fw_source *sources;
	unsigned nsources;
	struct piommu_fw_msi *msis; /**< MSI controllers */
	unsigned nmsis;
	struct piommu_fw_counters *counters;
	unsigned ncounters;
	struct piommu_fw_reserved
		*carveouts; /**< addresses at which these ids must not be given anything, and nothing is mapped */
	unsigned ncarveouts;
	unsigned host_address_width; /**< bits (DMAR); 0: no DMAR */
	uint8_t dmar_flags;          /**< INTR_REMAP, X2APIC_OPT_OUT, DMA_CTRL_PLATFORM_OPT_IN */
	char **warnings;             /**< one line each */
	unsigned nwarnings;
	bool resolved; /**< piommu_fw_resolve() has said which scopes lead nowhere */
};

#define PIOMMU_FW_DMAR_INTR_REMAP (1u << 0)
#define PIOMMU_FW_DMAR_X2APIC_OPT_OUT (1u << 1)
#define PIOMMU_FW_DMAR_PLATFORM_OPT_IN (1u << 2)

/** Why a table was refused: one line, what and where (byte offset) and what to do. */
struct piommu_fw_error {
	char text[256];
};

/**
 * Adds what a DMAR table says to `fw`. `bytes` need no alignment; `len` is what could be read, which may differ from
 * the table's own length field.
 * @return 0; -EINVAL: refused, `err` says why and `fw` is as before; -ENOMEM. VT-d specification, chapter 8.
 */
int piommu_fw_parse_dmar(const void *bytes, size_t len, struct piommu_fw *fw, struct piommu_fw_error *err);

/** As piommu_fw_parse_dmar(), for MCFG (PCI Firmware Specification 3.3, section 4.1.2). */
int piommu_fw_parse_mcfg(const void *bytes, size_t len, struct piommu_fw *fw, struct piommu_fw_error *err);

/** As piommu_fw_parse_dmar(), for IORT (Arm DEN0049). A loop of mappings is refused, too. */
int piommu_fw_parse_iort(const void *bytes, size_t len, struct piommu_fw *fw, struct piommu_fw_error *err);

/**
 * Adds what a flattened device tree says of SMMUs and of what is in front of them; a tree without SMMUs adds nothing. Devicetree
 * Specification 0.4, and the kernel's bindings of arm,smmu and arm,smmu-v3. @return as piommu_fw_parse_dmar()
 */
int piommu_fw_parse_fdt(const void *bytes, size_t len, struct piommu_fw *fw, struct piommu_fw_error *err);

/** The signature by which piommu_fw_load() asks for the device tree. */
#define PIOMMU_FW_FDT "FDT "

/** Where piommu_fw_load() gets tables: the nth of a signature. @return 0; -ENOENT: none; other errors: not readable */
typedef int (*piommu_fw_table_fn)(void *ctx, const char sig[4], unsigned nth, const void **bytes, size_t *len);

/**
 * Parses every table of the machine that describes IOMMUs or configuration space. Absent tables are no error.
 * @return 0; -EINVAL: a table was refused, `err` says which and why, `fw` is as before; -EACCES: a table is there but not
 * readable; -ENOMEM
 */
int piommu_fw_load(struct piommu_fw *fw, piommu_fw_table_fn table, void *ctx, struct piommu_fw_error *err);

/** Where DMA goes, and what it carries there. */
struct piommu_fw_route {
	uint32_t unit; /**< index among units; PIOMMU_FW_NONE: past every unit */
	uint32_t id;
	uint32_t mask; /**< bits of it that do not count */
};

/** The PCI host that a function is below; NULL: firmware describes none, or by scopes. */
const struct piommu_fw_source *piommu_fw_source_of_pci(const struct piommu_fw *fw, struct piommu_sbdf sbdf);
/** Where the DMA of a source goes that carries `id`. @return 0; -ENOENT: firmware does not say */
int piommu_fw_source_route(const struct piommu_fw_source *source, uint32_t id, struct piommu_fw_route *out);
/** Whether `ids` has one that a masked id at a unit can be: for reserved memory and carve-outs. */
bool piommu_fw_ids_have(const struct piommu_fw_id_maps *ids, const struct piommu_fw_route *route);

/** "vtd", "amdvi", "smmuv2", "smmuv3", "virtio"; "unknown". */
const char *piommu_fw_family_name(enum piommu_family family);
/** "generic", "mmu-500", "qcom-v2" and so on. */
const char *piommu_fw_model_name(enum piommu_fw_model model);
/** "event", "context" and so on. */
const char *piommu_fw_irq_name(enum piommu_fw_irq_kind kind);
/** "rmrr", "rmr", "hole". */
const char *piommu_fw_reserved_name(enum piommu_fw_reserved_kind kind);

/** What the resolver asks about the machine's PCI functions. */
struct piommu_fw_pci_reader {
	/** Secondary bus of the bridge at this address; -ENOENT: no such function; -ENOTDIR: it is no bridge. */
	int (*secondary_bus)(void *ctx, struct piommu_sbdf bridge);
	bool (*exists)(void *ctx, struct piommu_sbdf function);
	void *ctx;
};

/**
 * Follows every scope's path through the bridges and sets `resolved` and `sbdf` where the function exists; again when functions came
 * or went. The first time, a PCI scope that leads nowhere adds a warning (once a scope); an I/O APIC's or HPET's does not, they
 * often have made-up buses. @return 0; -ENOMEM, the first time only
 */
int piommu_fw_resolve(struct piommu_fw *fw, const struct piommu_fw_pci_reader *reader);

/** Releases everything in it, not the struct itself. */
void piommu_fw_free(struct piommu_fw *fw);

/** "pci-endpoint", "pci-bridge", "ioapic", "hpet", "acpi-namespace"; "unknown" otherwise. */
const char *piommu_fw_scope_type_name(uint8_t type);

/** The tables that an `acpidump` text holds, one after the other. */
struct piommu_fw_acpidump {
	const char *text;
	size_t len;
	size_t at; /**< where the next call goes on; starts at 0 */
};

/**
 * The next table of an `acpidump` text ("DMAR @ 0x...", then lines of hexadecimal bytes).
 * `*bytes` is allocated and the caller's to free; `sig` gets 4 letters and a NUL.
 * @return 0; -ENOENT: no more; -EINVAL: malformed, `err` says where; -ENOMEM
 */
int piommu_fw_acpidump_next(struct piommu_fw_acpidump *dump, char sig[5], void **bytes, size_t *len,
			    struct piommu_fw_error *err);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
