/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The MCFG table: where configuration space is mapped. Pure; any thread. PCI Firmware Specification 3.3, section 4.1.2.
 */
#include <errno.h>

#include "acpi.h"
#include "fw_build.h"

enum {
	MCFG_FIXED = 44,
	ENTRY_BASE = 0,
	ENTRY_SEGMENT = 8,
	ENTRY_START_BUS = 10,
	ENTRY_LAST_BUS = 11,
	ENTRY_LEN = 16,
};

static int parse_entry(const struct acpi_table *table, size_t at, struct piommu_fw *fw, struct piommu_fw_error *err)
{
	struct piommu_fw_ecam *ecam = fw_append(fw, FW_ECAM);

	if (!ecam)
		return -ENOMEM;
	ecam->base = acpi_u64(table, at + ENTRY_BASE);
	ecam->segment = acpi_u16(table, at + ENTRY_SEGMENT);
	ecam->start_bus = acpi_u8(table, at + ENTRY_START_BUS);
	ecam->last_bus = acpi_u8(table, at + ENTRY_LAST_BUS);
	if (ecam->last_bus < ecam->start_bus)
		return fw_refuse(err, "MCFG: byte 0x%zx: buses 0x%02x to 0x%02x run backwards: the table is damaged", at,
				 ecam->start_bus, ecam->last_bus);
	if (!ecam->base)
		return fw_warn(fw, "MCFG: byte 0x%zx: segment %u has its configuration space at 0: firmware did not place it",
			       at, ecam->segment);
	return 0;
}

int piommu_fw_parse_mcfg(const void *bytes, size_t len, struct piommu_fw *fw, struct piommu_fw_error *err)
{
	struct piommu_fw added = { 0 };
	struct acpi_table table;
	int rc = acpi_table_open(bytes, len, "MCFG", MCFG_FIXED, &table, err);

	if (rc < 0)
		return rc;
	for (size_t at = MCFG_FIXED; at < table.len && rc == 0; at += ENTRY_LEN) {
		if (table.len - at < ENTRY_LEN)
			rc = fw_refuse(err,
				       "MCFG: byte 0x%zx: %zu stray bytes, too few for an entry of %d: the table is damaged",
				       at, table.len - at, ENTRY_LEN);
		else
			rc = parse_entry(&table, at, &added, err);
	}
	if (rc == 0)
		rc = fw_merge(fw, &added);
	if (rc < 0)
		piommu_fw_free(&added);
	return rc;
}
