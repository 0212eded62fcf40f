/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Firmware of the simulated machine: its DMAR and MCFG, encoded here and by nobody else (the parser must not read what its own
 * twin wrote). VT-d specification 8.1 to 8.4, ACPI 5.2.6 (table header), PCI Firmware Specification 4.1.2.
 */
#include <string.h>

#include "sim.h"

static void put(struct sim_table *table, uint64_t value, unsigned width)
{
	for (unsigned i = 0; i < width; i++, value >>= 8)
		table->bytes[table->len++] = (uint8_t)value;
}

static void set(struct sim_table *table, size_t off, uint64_t value, unsigned width)
{
	for (unsigned i = 0; i < width; i++, value >>= 8)
		table->bytes[off + i] = (uint8_t)value;
}

static void put_text(struct sim_table *table, const char *text, size_t len)
{
	memcpy(table->bytes + table->len, text, len);
	table->len += len;
}

static void begin(struct sim_table *table, const char *sig)
{
	memset(table, 0, sizeof(*table));
	put_text(table, sig, 4);
	put(table, 0, 4); /* length, by end() */
	put(table, 1, 1); /* revision */
	put(table, 0, 1); /* checksum, by end() */
	put_text(table, "PIOMMU", 6);
	put_text(table, "SIMULATD", 8);
	put(table, 1, 4);
	put_text(table, "PIOM", 4);
	put(table, 1, 4);
}

static void end(struct sim_table *table)
{
	uint8_t sum = 0;

	set(table, 4, table->len, 4);
	for (size_t i = 0; i < table->len; i++)
		sum = (uint8_t)(sum + table->bytes[i]);
	table->bytes[9] = (uint8_t)-sum;
}

/* One hop, from bus 0: type 1 endpoint, 2 bridge, 3 I/O APIC, 4 HPET, 5 ACPI namespace (path: the requester id). */
static void put_scope(struct sim_table *table, unsigned type, unsigned id, unsigned bus, uint8_t devfn)
{
	put(table, type, 1);
	put(table, 8, 1);
	put(table, 0, 2);
	put(table, id, 1);
	put(table, bus, 1);
	put(table, devfn >> 3, 1);
	put(table, devfn & 7, 1);
}

static void put_unit(struct sim_table *table, unsigned unit, const struct sim_config *config)
{
	struct sim_scope scopes[SIM_MAX_SCOPES];
	unsigned n = sim_pci_scopes(unit, config, scopes);
	bool is_last = unit + 1 == config->units;
	size_t start = table->len;

	put(table, 0, 2); /* DRHD */
	put(table, 0, 2);
	put(table, is_last && config->all ? 1 : 0, 1); /* INCLUDE_PCI_ALL */
	put(table, 0, 1);                              /* 4 KiB of registers */
	put(table, 0, 2);                              /* segment */
	put(table, SIM_UNIT_BASE + unit * SIM_UNIT_LEN, 8);
	for (unsigned i = 0; i < n; i++)
		put_scope(table, scopes[i].is_bridge ? 2 : 1, 0, 0, scopes[i].devfn);
	if (is_last)
		put_scope(table, 3, 2, 0xf0, 0x1f << 3); /* the I/O APIC, on a bus that does not exist, as usual */
	for (unsigned i = 0; is_last && config->nodes && i < SIM_NNODES; i++)
		put_scope(table, 5, sim_nodes[i].acpi_number, sim_nodes[i].sbdf.bus, sim_nodes[i].sbdf.devfn);
	set(table, start + 2, table->len - start, 2);
}

static void put_rmrr(struct sim_table *table)
{
	put(table, 1, 2);
	put(table, 24 + 8, 2);
	put(table, 0, 2);
	put(table, 0, 2);
	put(table, SIM_RMRR_BASE, 8);
	put(table, SIM_RMRR_LAST, 8);
	put_scope(table, 1, 0, 0, 0x02 << 3);
}

/* ANDD (8.7): which device of the ACPI namespace has a number that scopes use. */
static void put_name(struct sim_table *table, const struct sim_node *node)
{
	size_t len = strlen(node->name) + 1;

	put(table, 4, 2);
	put(table, 8 + len, 2);
	put(table, 0, 3);
	put(table, node->acpi_number, 1);
	put_text(table, node->name, len);
}

void sim_fw_make_dmar(const struct sim_config *config, unsigned haw, struct sim_table *table)
{
	begin(table, "DMAR");
	put(table, haw - 1, 1);
	put(table, config->ir ? 1 : 0, 1); /* INTR_REMAP */
	put(table, 0, 10);
	for (unsigned unit = 0; unit < config->units; unit++)
		put_unit(table, unit, config);
	if (config->rmrr)
		put_rmrr(table);
	for (unsigned i = 0; config->nodes && i < SIM_NNODES; i++)
		put_name(table, &sim_nodes[i]);
	end(table);
}

void sim_fw_make_mcfg(struct sim_table *table)
{
	begin(table, "MCFG");
	put(table, 0, 8);
	put(table, SIM_ECAM_BASE, 8);
	put(table, 0, 2);
	put(table, 0, 1);
	put(table, 255, 1);
	put(table, 0, 4);
	end(table);
}
