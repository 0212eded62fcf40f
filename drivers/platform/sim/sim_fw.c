/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Firmware of the simulated machine: tables are encoded here and by nobody else (the parser must not read what its own twin
 * wrote). Bytes, the header of an ACPI table, and MCFG; a family's own table is in sim_fw_<table>.c. ACPI 5.2.6 (table header), PCI
 * Firmware Specification 4.1.2.
 */
#include <string.h>

#include "sim.h"

void sim_fw_put(struct sim_table *table, uint64_t value, unsigned width)
{
	for (unsigned i = 0; i < width; i++, value >>= 8)
		table->bytes[table->len++] = (uint8_t)value;
}

void sim_fw_set(struct sim_table *table, size_t off, uint64_t value, unsigned width)
{
	for (unsigned i = 0; i < width; i++, value >>= 8)
		table->bytes[off + i] = (uint8_t)value;
}

void sim_fw_put_text(struct sim_table *table, const char *text, size_t len)
{
	memcpy(table->bytes + table->len, text, len);
	table->len += len;
}

void sim_fw_begin(struct sim_table *table, const char *sig, unsigned revision)
{
	memset(table, 0, sizeof(*table));
	memcpy(table->sig, sig, 4);
	sim_fw_put_text(table, sig, 4);
	sim_fw_put(table, 0, 4); /* length, by sim_fw_end() */
	sim_fw_put(table, revision, 1);
	sim_fw_put(table, 0, 1); /* checksum, by sim_fw_end() */
	sim_fw_put_text(table, "PIOMMU", 6);
	sim_fw_put_text(table, "SIMULATD", 8);
	sim_fw_put(table, 1, 4);
	sim_fw_put_text(table, "PIOM", 4);
	sim_fw_put(table, 1, 4);
}

void sim_fw_end(struct sim_table *table)
{
	uint8_t sum = 0;

	sim_fw_set(table, 4, table->len, 4);
	for (size_t i = 0; i < table->len; i++)
		sum = (uint8_t)(sum + table->bytes[i]);
	table->bytes[9] = (uint8_t)-sum;
}

void sim_fw_make_mcfg(struct sim_table *table)
{
	sim_fw_begin(table, "MCFG", 1);
	sim_fw_put(table, 0, 8);
	sim_fw_put(table, SIM_ECAM_BASE, 8);
	sim_fw_put(table, 0, 2);
	sim_fw_put(table, 0, 1);
	sim_fw_put(table, 255, 1);
	sim_fw_put(table, 0, 4);
	sim_fw_end(table);
}
