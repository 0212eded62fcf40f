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

/** One IOMMU. */
struct piommu_fw_unit {
	char name[16]; /**< "dmar0", in the table's order */
	enum piommu_family family;
	uint64_t base; /**< bus address of the registers */
	uint64_t len;  /**< bytes of the register set, as firmware states it */
	uint32_t segment;
	bool include_all; /**< everything in `segment` that no other unit's scope names */
	struct piommu_fw_scopes scopes;
	int numa_node; /**< proximity domain (RHSA); -1: not stated */
	bool has_self; /**< the unit is itself a PCI function, at `self` */
	struct piommu_sbdf self;
};

enum piommu_fw_reserved_kind {
	PIOMMU_FW_RESERVED_RMRR, /**< memory that firmware has devices use: must stay mapped 1:1 */
};

struct piommu_fw_reserved {
	enum piommu_fw_reserved_kind kind;
	struct piommu_span span;
	uint32_t segment;
	struct piommu_fw_scopes scopes;
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

/** Where piommu_fw_load() gets tables: the nth of a signature. @return 0; -ENOENT: none; other errors: not readable */
typedef int (*piommu_fw_table_fn)(void *ctx, const char sig[4], unsigned nth, const void **bytes, size_t *len);

/**
 * Parses every table of the machine that describes IOMMUs or configuration space. Absent tables are no error.
 * @return 0; -EINVAL: a table was refused, `err` says which and why, `fw` is as before; -EACCES: a table is there but not
 * readable; -ENOMEM
 */
int piommu_fw_load(struct piommu_fw *fw, piommu_fw_table_fn table, void *ctx, struct piommu_fw_error *err);

/** "vtd", "amdvi", "smmuv2", "smmuv3", "virtio"; "unknown". */
const char *piommu_fw_family_name(enum piommu_family family);
/** "rmrr". */
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
