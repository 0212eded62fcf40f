/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The PCI functions of the simulated machine and the bytes of their configuration spaces: fixed, small, and with one of each
 * shape that matters for isolation (doc/sim.md draws it). PCI Express Base Specification 7.5 (headers, PCI Express
 * capability), 7.7.11 (ACS). Any thread; the bytes have a lock.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

#define DEVFN(device, function) ((uint8_t)((device) << 3 | (function)))
#define NO_ACS 0x100u /* not a set of bits */
#define ACS_ALL (PIOMMU_ACS_SV | PIOMMU_ACS_TB | PIOMMU_ACS_RR | PIOMMU_ACS_CR | PIOMMU_ACS_UF | PIOMMU_ACS_DT)
#define VENDOR 0x1234 /* no maker's: nobody's quirks apply */
#define REQUESTER_SELF 0xffffu

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

struct shape {
	uint8_t bus, devfn;
	uint8_t root_devfn;
	uint16_t device;
	uint32_t class_code;
	uint16_t pcie; /* enum piommu_pcie_type */
	uint16_t acs;  /* capability bits, all isolation bits enabled; or NO_ACS */
	bool multifunction;
	uint8_t secondary, subordinate; /* bridges */
	uint16_t requester;
	const char *name;
};

#define CONVENTIONAL PIOMMU_PCIE_NONE
#define INTEGRATED PIOMMU_PCIE_RC_INTEGRATED
#define ENDPOINT PIOMMU_PCIE_ENDPOINT
#define SELF REQUESTER_SELF

static const struct shape shapes[] = {
	{ 0, DEVFN(0x00, 0), DEVFN(0x00, 0), 0x29c0, 0x060000, CONVENTIONAL, NO_ACS, false, 0, 0, SELF, "Host bridge" },
	{ 0, DEVFN(0x02, 0), DEVFN(0x02, 0), 0x5001, 0x030000, INTEGRATED, NO_ACS, false, 0, 0, SELF, "Display" },
	{ 0, DEVFN(0x03, 0), DEVFN(0x03, 0), 0x5002, 0x020000, INTEGRATED, NO_ACS, false, 0, 0, SELF, "Network A" },
	{ 0, DEVFN(0x04, 0), DEVFN(0x04, 0), 0x5003, 0x010802, INTEGRATED, NO_ACS, false, 0, 0, SELF, "Storage A" },
	{ 0, DEVFN(0x05, 0), DEVFN(0x05, 0), 0x5004, 0x020000, INTEGRATED, NO_ACS, true, 0, 0, SELF, "Network B, port 0" },
	{ 0, DEVFN(0x05, 1), DEVFN(0x05, 0), 0x5004, 0x020000, INTEGRATED, NO_ACS, true, 0, 0, SELF, "Network B, port 1" },
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
	{ 2, DEVFN(0x00, 0), DEVFN(0x1c, 1), 0x5021, 0x020000, ENDPOINT, NO_ACS, false, 0, 0, SELF, "Network C" },
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
#define NSHAPES (sizeof(shapes) / sizeof(shapes[0]))

/* Whom the units before the last one name, in turn. */
static const struct sim_scope scope_order[] = {
	{ DEVFN(0x02, 0), false }, { DEVFN(0x1c, 0), true },  { DEVFN(0x03, 0), false }, { DEVFN(0x1c, 2), true },
	{ DEVFN(0x04, 0), false }, { DEVFN(0x05, 0), false }, { DEVFN(0x1c, 1), true },
};

unsigned sim_machine_scopes(unsigned unit, unsigned nunits, struct sim_scope scopes[4])
{
	if (unit + 1 == nunits)
		return 0;
	scopes[0] = scope_order[unit];
	if (scopes[0].devfn != DEVFN(0x05, 0))
		return 1;
	scopes[1] = (struct sim_scope){ DEVFN(0x05, 1), false };
	return 2;
}

static unsigned unit_of(uint8_t root_devfn, unsigned nunits)
{
	for (unsigned unit = 0; unit + 1 < nunits; unit++)
		if (scope_order[unit].devfn == root_devfn)
			return unit;
	return nunits - 1;
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

static void make_cfg(const struct shape *shape, uint8_t *cfg)
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

int sim_machine_init(struct sim_machine *machine, unsigned nunits)
{
	machine->at = calloc(NSHAPES, sizeof(*machine->at));
	machine->cfg = calloc(NSHAPES, SIM_CFG_SIZE);
	if (!machine->at || !machine->cfg) {
		free(machine->at);
		free(machine->cfg);
		return -ENOMEM;
	}
	machine->n = NSHAPES;
	pthread_mutex_init(&machine->lock, NULL);
	for (unsigned i = 0; i < NSHAPES; i++) {
		const struct shape *shape = &shapes[i];

		machine->at[i] = (struct sim_function){
			.sbdf = { 0, shape->bus, shape->devfn },
			.name = shape->name,
			.requester = (uint16_t)(shape->requester == SELF ? shape->bus << 8 | shape->devfn : shape->requester),
			.root_devfn = shape->root_devfn,
			.unit = unit_of(shape->root_devfn, nunits),
			.cfg_len = shape->pcie == CONVENTIONAL ? 256 : SIM_CFG_SIZE,
			.cfg = machine->cfg + i * SIM_CFG_SIZE,
		};
		make_cfg(shape, machine->at[i].cfg);
	}
	return 0;
}

void sim_machine_fini(struct sim_machine *machine)
{
	pthread_mutex_destroy(&machine->lock);
	free(machine->cfg);
	free(machine->at);
}

const struct sim_function *sim_machine_find(const struct sim_machine *machine, struct piommu_sbdf sbdf)
{
	for (size_t i = 0; i < machine->n; i++)
		if (!piommu_sbdf_compare(machine->at[i].sbdf, sbdf))
			return &machine->at[i];
	return NULL;
}

static bool legal(unsigned off, unsigned width)
{
	return (width == 1 || width == 2 || width == 4) && is_aligned(off, width) && off <= SIM_CFG_SIZE - width;
}

/* An access that nobody answers reads as all ones, as on a real bus. */
int sim_machine_cfg_read(struct sim_machine *machine, struct piommu_sbdf sbdf, unsigned off, unsigned width, uint32_t *value)
{
	const struct sim_function *function = sim_machine_find(machine, sbdf);
	uint32_t word = 0;

	if (!legal(off, width))
		return -EINVAL;
	if (!function || off >= function->cfg_len) {
		*value = GENMASK32(width * 8 - 1, 0);
		return 0;
	}
	pthread_mutex_lock(&machine->lock);
	for (unsigned i = width; i--;)
		word = word << 8 | function->cfg[off + i];
	pthread_mutex_unlock(&machine->lock);
	*value = word;
	return 0;
}

/* Writable: the low bits of the command register, and ACS control within the capability. All else is read-only here. */
static uint8_t writable(const struct sim_function *function, unsigned off)
{
	bool has_acs = function->cfg_len > C_EXTENDED && function->cfg[C_EXTENDED] == 0x0d;

	if (off == C_COMMAND)
		return 0x07;
	if (off == C_COMMAND + 1)
		return 0x04;
	return off == C_ACS_CTL && has_acs ? function->cfg[C_EXTENDED + 4] : 0;
}

int sim_machine_cfg_write(struct sim_machine *machine, struct piommu_sbdf sbdf, unsigned off, unsigned width, uint32_t value)
{
	const struct sim_function *function = sim_machine_find(machine, sbdf);

	if (!legal(off, width))
		return -EINVAL;
	if (!function)
		return 0;
	pthread_mutex_lock(&machine->lock);
	for (unsigned i = 0; i < width; i++) {
		uint8_t mask = writable(function, off + i), byte = (uint8_t)(value >> 8 * i);

		function->cfg[off + i] = (uint8_t)((function->cfg[off + i] & ~mask) | (byte & mask));
	}
	pthread_mutex_unlock(&machine->lock);
	return 0;
}
