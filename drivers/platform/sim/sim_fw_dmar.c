/* SPDX-License-Identifier: BSD-3-Clause */
/* The DMAR of a machine with VT-d units. VT-d specification 8.1 to 8.4, 8.7. */
#include <string.h>

#include "sim.h"

/* One hop, from bus 0: type 1 endpoint, 2 bridge, 3 I/O APIC, 4 HPET, 5 ACPI namespace (path: the requester id). */
static void put_scope(struct sim_table *table, unsigned type, unsigned id, unsigned bus, uint8_t devfn)
{
	sim_fw_put(table, type, 1);
	sim_fw_put(table, 8, 1);
	sim_fw_put(table, 0, 2);
	sim_fw_put(table, id, 1);
	sim_fw_put(table, bus, 1);
	sim_fw_put(table, devfn >> 3, 1);
	sim_fw_put(table, devfn & 7, 1);
}

static void put_unit(struct sim_table *table, unsigned unit, const struct sim_config *config)
{
	struct sim_scope scopes[SIM_MAX_SCOPES];
	unsigned n = sim_pci_scopes(unit, config, scopes);
	bool is_last = unit + 1 == config->units;
	size_t start = table->len;

	sim_fw_put(table, 0, 2); /* DRHD */
	sim_fw_put(table, 0, 2);
	sim_fw_put(table, is_last && config->all ? 1 : 0, 1); /* INCLUDE_PCI_ALL */
	sim_fw_put(table, 0, 1);                              /* 4 KiB of registers */
	sim_fw_put(table, 0, 2);                              /* segment */
	sim_fw_put(table, sim_unit_base(config, unit), 8);
	for (unsigned i = 0; i < n; i++)
		put_scope(table, scopes[i].is_bridge ? 2 : 1, 0, 0, scopes[i].devfn);
	if (is_last)
		put_scope(table, 3, 2, 0xf0, 0x1f << 3); /* the I/O APIC, on a bus that does not exist, as usual */
	for (unsigned i = 0; is_last && config->nodes && i < SIM_NNODES; i++)
		put_scope(table, 5, sim_nodes[i].acpi_number, sim_nodes[i].sbdf.bus, sim_nodes[i].sbdf.devfn);
	sim_fw_set(table, start + 2, table->len - start, 2);
}

static void put_rmrr(struct sim_table *table)
{
	sim_fw_put(table, 1, 2);
	sim_fw_put(table, 24 + 8, 2);
	sim_fw_put(table, 0, 2);
	sim_fw_put(table, 0, 2);
	sim_fw_put(table, SIM_RMRR_BASE, 8);
	sim_fw_put(table, SIM_RMRR_LAST, 8);
	put_scope(table, 1, 0, 0, 0x02 << 3);
}

/* ANDD (8.7): which device of the ACPI namespace has a number that scopes use. */
static void put_name(struct sim_table *table, const struct sim_node *node)
{
	size_t len = strlen(node->name) + 1;

	sim_fw_put(table, 4, 2);
	sim_fw_put(table, 8 + len, 2);
	sim_fw_put(table, 0, 3);
	sim_fw_put(table, node->acpi_number, 1);
	sim_fw_put_text(table, node->name, len);
}

void sim_fw_make_dmar(const struct sim_config *config, unsigned haw, struct sim_table *table)
{
	sim_fw_begin(table, "DMAR", 1);
	sim_fw_put(table, haw - 1, 1);
	sim_fw_put(table, config->vtd.ir ? 1 : 0, 1); /* INTR_REMAP */
	sim_fw_put(table, 0, 10);
	for (unsigned unit = 0; unit < config->units; unit++)
		put_unit(table, unit, config);
	if (config->reserved)
		put_rmrr(table);
	for (unsigned i = 0; config->nodes && i < SIM_NNODES; i++)
		put_name(table, &sim_nodes[i]);
	sim_fw_end(table);
}
