/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the simulated machine is made of: its PCI functions and the bytes of their configuration spaces, fixed, small, and with
 * one of each shape that matters for isolation (doc/sim.md draws it), its platform nodes, and which unit has whom. Constants and
 * pure functions. PCI Express Base Specification 7.5 (headers, PCI Express capability), 7.7.11 (ACS).
 */
#include <assert.h>

#include "sim.h"

#define DEVFN(device, function) ((uint8_t)((device) << 3 | (function)))
#define NO_ACS 0x100u /* not a set of bits */
#define ACS_ALL (PIOMMU_ACS_SV | PIOMMU_ACS_TB | PIOMMU_ACS_RR | PIOMMU_ACS_CR | PIOMMU_ACS_UF | PIOMMU_ACS_DT)
#define VENDOR 0x1234 /* no maker's: nobody's quirks apply */

/* Offsets in configuration space. */
enum {
	C_COMMAND = 0x04,
	C_STATUS = 0x06,
	C_CLASS = 0x08, /* revision in the low byte */
	C_HEADER = 0x0e,
	C_PRIMARY = 0x18,
	C_SECONDARY = 0x19,
	C_SUBORDINATE = 0x1a,
	C_CAP = 0x34,
	C_PCIE = 0x40,
	C_EXTENDED = 0x100,
	C_ACS_CTL = C_EXTENDED + 6,
};

#define CONVENTIONAL PIOMMU_PCIE_NONE
#define INTEGRATED PIOMMU_PCIE_RC_INTEGRATED
#define ENDPOINT PIOMMU_PCIE_ENDPOINT
#define SELF SIM_REQUESTER_SELF

const struct sim_shape sim_shapes[SIM_NSHAPES] = {
	{ 0, DEVFN(0x00, 0), DEVFN(0x00, 0), 0x29c0, 0x060000, CONVENTIONAL, NO_ACS, false, 0, 0, SELF, "Host bridge" },
	{ 0, DEVFN(0x02, 0), DEVFN(0x02, 0), 0x5001, 0x030000, INTEGRATED, NO_ACS, false, 0, 0, SELF, "Display" },
	{ 0, DEVFN(0x03, 0), DEVFN(0x03, 0), 0x5002, 0x020000, INTEGRATED, NO_ACS, false, 0, 0, SELF, "Network A" },
	{ 0, DEVFN(0x04, 0), DEVFN(0x04, 0), 0x5003, 0x010802, INTEGRATED, NO_ACS, false, 0, 0, SELF, "Storage A" },
	{ 0, DEVFN(0x05, 0), DEVFN(0x05, 0), 0x5004, 0x020000, INTEGRATED, NO_ACS, true, 0, 0, SELF, "Network B, port 0" },
	{ 0, DEVFN(0x05, 1), DEVFN(0x05, 0), 0x5004, 0x020000, INTEGRATED, NO_ACS, true, 0, 0, SELF, "Network B, port 1" },
	{ 0, DEVFN(0x06, 0), DEVFN(0x06, 0), 0x5005, 0x020000, INTEGRATED, NO_ACS, false, 0, 0, SELF, "Network E" },
	{ 0, DEVFN(0x07, 0), DEVFN(0x07, 0), 0x5006, 0x088000, INTEGRATED, NO_ACS, false, 0, 0, SELF, "External device" },
	{ 0, DEVFN(0x1c, 0), DEVFN(0x1c, 0), 0x5010, 0x060400, PIOMMU_PCIE_ROOT_PORT, ACS_ALL, true, 1, 1, SELF,
	  "Root port with ACS" },
	{ 0, DEVFN(0x1c, 1), DEVFN(0x1c, 1), 0x5011, 0x060400, PIOMMU_PCIE_ROOT_PORT, NO_ACS, true, 2, 2, SELF,
	  "Root port without ACS" },
	{ 0, DEVFN(0x1c, 2), DEVFN(0x1c, 2), 0x5010, 0x060400, PIOMMU_PCIE_ROOT_PORT, ACS_ALL, true, 3, 4, SELF,
	  "Root port with ACS" },
	{ 0, DEVFN(0x1c, 3), DEVFN(0x1c, 3), 0x5010, 0x060400, PIOMMU_PCIE_ROOT_PORT, ACS_ALL, true, 5, 8, SELF,
	  "Root port with ACS" },
	{ 0, DEVFN(0x1f, 0), DEVFN(0x1f, 0), 0x2918, 0x060100, CONVENTIONAL, NO_ACS, false, 0, 0, SELF, "ISA bridge" },
	{ 1, DEVFN(0x00, 0), DEVFN(0x1c, 0), 0x5020, 0x010802, ENDPOINT, NO_ACS, false, 0, 0, SELF, "Storage B" },
	{ 1, DEVFN(0x00, 1), DEVFN(0x1c, 0), 0x5020, 0x010802, ENDPOINT, NO_ACS, true, 0, 0, SELF, "Storage B, port 1" },
	{ 2, DEVFN(0x00, 0), DEVFN(0x1c, 1), 0x5021, 0x020000, ENDPOINT, NO_ACS, false, 0, 0, SELF, "Network C" },
	{ 2, DEVFN(0x00, 1), DEVFN(0x1c, 1), 0x5021, 0x020000, ENDPOINT, NO_ACS, true, 0, 0, SELF, "Network C, port 1" },
	{ 3, DEVFN(0x00, 0), DEVFN(0x1c, 2), 0x5012, 0x060400, PIOMMU_PCIE_PCI_BRIDGE, NO_ACS, false, 4, 4, SELF,
	  "PCI Express to PCI bridge" },
	/* Behind that bridge every request carries its secondary bus and device 0 (bridge specification 2.3). */
	{ 4, DEVFN(0x01, 0), DEVFN(0x1c, 2), 0x5030, 0x020000, CONVENTIONAL, NO_ACS, false, 0, 0, 0x0400, "PCI network" },
	{ 4, DEVFN(0x02, 0), DEVFN(0x1c, 2), 0x5031, 0x010000, CONVENTIONAL, NO_ACS, false, 0, 0, 0x0400, "PCI storage" },
	{ 5, DEVFN(0x00, 0), DEVFN(0x1c, 3), 0x5013, 0x060400, PIOMMU_PCIE_UPSTREAM, NO_ACS, false, 6, 8, SELF,
	  "Switch, upstream port" },
	{ 6, DEVFN(0x00, 0), DEVFN(0x1c, 3), 0x5014, 0x060400, PIOMMU_PCIE_DOWNSTREAM, ACS_ALL, false, 7, 7, SELF,
	  "Switch, downstream port with ACS" },
	{ 6, DEVFN(0x01, 0), DEVFN(0x1c, 3), 0x5015, 0x060400, PIOMMU_PCIE_DOWNSTREAM, NO_ACS, false, 8, 8, SELF,
	  "Switch, downstream port without ACS" },
	{ 7, DEVFN(0x00, 0), DEVFN(0x1c, 3), 0x5022, 0x010802, ENDPOINT, NO_ACS, false, 0, 0, SELF, "Storage C" },
	{ 8, DEVFN(0x00, 0), DEVFN(0x1c, 3), 0x5023, 0x020000, ENDPOINT, NO_ACS, false, 0, 0, SELF, "Network D" },
};

/* These are empty slots at first. */
static const struct piommu_sbdf unplugged[] = {
	{ 0, 0, DEVFN(0x06, 0) },
	{ 0, 0, DEVFN(0x07, 0) },
	{ 0, 1, DEVFN(0x00, 1) },
	{ 0, 2, DEVFN(0x00, 1) },
};

/* Platform devices, which firmware describes by name. No PCI function has their requester ids. */
const struct sim_node sim_nodes[SIM_NNODES] = {
	{ { 0, 0, DEVFN(0x15, 0) }, 1, "\\_SB.I2C0" },
	{ { 0, 0, DEVFN(0x15, 1) }, 2, "\\_SB.UART0" },
};

/* Whom the units name, in turn; the last one all that is left, with INCLUDE_PCI_ALL or by these scopes alone. */
static const struct sim_scope scope_order[] = {
	{ DEVFN(0x02, 0), false }, { DEVFN(0x1c, 0), true },  { DEVFN(0x03, 0), false }, { DEVFN(0x1c, 2), true },
	{ DEVFN(0x04, 0), false }, { DEVFN(0x05, 0), false }, { DEVFN(0x1c, 1), true },
};
#define NORDER (sizeof(scope_order) / sizeof(scope_order[0]))
static_assert(NORDER + 1 == SIM_MAX_SCOPES, "the last unit may have them all, and 05.1");
static_assert(NORDER + 1 == SIM_MAX_UNITS, "every unit before the last one names something");

unsigned sim_pci_scopes(unsigned unit, const struct sim_config *config, struct sim_scope scopes[SIM_MAX_SCOPES])
{
	bool is_last = unit + 1 == config->units;
	unsigned end = is_last ? NORDER : unit + 1, n = 0;

	if (is_last && config->all)
		return 0;
	for (unsigned i = unit; i < end; i++) {
		scopes[n++] = scope_order[i];
		if (scope_order[i].devfn == DEVFN(0x05, 0))
			scopes[n++] = (struct sim_scope){ DEVFN(0x05, 1), false };
	}
	return n;
}

unsigned sim_pci_unit_of(uint8_t root_devfn, const struct sim_config *config)
{
	unsigned last = (unsigned)config->units - 1;

	for (unsigned i = 0; i < NORDER; i++)
		if (scope_order[i].devfn == root_devfn)
			return i < last ? i : last;
	return config->all ? last : SIM_NO_UNIT;
}

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)value;
	at[1] = (uint8_t)(value >> 8);
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, value);
	put16(at + 2, value >> 16);
}

void sim_pci_make_cfg(const struct sim_shape *shape, uint8_t *cfg)
{
	put16(cfg, VENDOR);
	put16(cfg + 2, shape->device);
	put16(cfg + C_COMMAND, 0x0006); /* memory space and bus master, as firmware leaves them */
	put32(cfg + C_CLASS, shape->class_code << 8 | 1);
	cfg[C_HEADER] = (uint8_t)((shape->secondary ? 1 : 0) | (shape->multifunction ? 0x80 : 0));
	if (shape->secondary) {
		cfg[C_PRIMARY] = shape->bus;
		cfg[C_SECONDARY] = shape->secondary;
		cfg[C_SUBORDINATE] = shape->subordinate;
	}
	if (shape->pcie == CONVENTIONAL)
		return;
	put16(cfg + C_STATUS, 0x0010);
	cfg[C_CAP] = C_PCIE;
	cfg[C_PCIE] = 0x10;
	put16(cfg + C_PCIE + 2, 2u | (uint32_t)shape->pcie << 4);
	if (shape->acs == NO_ACS)
		return;
	put32(cfg + C_EXTENDED, 0x0001000d);
	put16(cfg + C_EXTENDED + 4, shape->acs);
	put16(cfg + C_ACS_CTL, shape->acs & PIOMMU_ACS_ISOLATION);
}

bool sim_pci_starts_plugged(struct piommu_sbdf sbdf)
{
	for (unsigned i = 0; i < sizeof(unplugged) / sizeof(unplugged[0]); i++)
		if (!piommu_sbdf_compare(unplugged[i], sbdf))
			return false;
	return true;
}

/* Writable: the low bits of the command register, and ACS control within the capability. All else is read-only here. */
uint8_t sim_pci_writable(const uint8_t *cfg, unsigned cfg_len, unsigned off)
{
	bool has_acs = cfg_len > C_EXTENDED && cfg[C_EXTENDED] == 0x0d;

	if (off == C_COMMAND)
		return 0x07;
	if (off == C_COMMAND + 1)
		return 0x04;
	return off == C_ACS_CTL && has_acs ? cfg[C_EXTENDED + 4] : 0;
}
