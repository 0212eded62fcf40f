/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The PCI functions of the simulated machine and the bytes of their configuration spaces: fixed, small, and with one of each
 * shape that matters for isolation (doc/sim.md draws it), some of which start unplugged. PCI Express Base Specification 7.5
 * (headers, PCI Express capability), 7.7.11 (ACS). Any thread; the bytes and comings and goings have a lock. DMA takes none: it
 * counts itself in and then looks whether the function is (still) present, unplugging says that it is not and then waits for
 * those counted in.
 */
#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
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
#define NSHAPES (sizeof(shapes) / sizeof(shapes[0]))

/* These are empty slots at first. */
static const struct piommu_sbdf unplugged[] = {
	{ 0, 0, DEVFN(0x06, 0) },
	{ 0, 0, DEVFN(0x07, 0) },
	{ 0, 1, DEVFN(0x00, 1) },
	{ 0, 2, DEVFN(0x00, 1) },
};

/* Whom the units name, in turn; the last one all that is left, with INCLUDE_PCI_ALL or by these scopes alone. */
static const struct sim_scope scope_order[] = {
	{ DEVFN(0x02, 0), false }, { DEVFN(0x1c, 0), true },  { DEVFN(0x03, 0), false }, { DEVFN(0x1c, 2), true },
	{ DEVFN(0x04, 0), false }, { DEVFN(0x05, 0), false }, { DEVFN(0x1c, 1), true },
};
#define NORDER (sizeof(scope_order) / sizeof(scope_order[0]))
static_assert(NORDER + 1 == SIM_MAX_SCOPES, "the last unit may have them all, and 05.1");
static_assert(NORDER + 1 == SIM_MAX_UNITS, "every unit before the last one names something");

unsigned sim_machine_scopes(unsigned unit, const struct sim_config *config, struct sim_scope scopes[SIM_MAX_SCOPES])
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

static unsigned unit_of(uint8_t root_devfn, const struct sim_config *config)
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

static bool starts_plugged(struct piommu_sbdf sbdf)
{
	for (unsigned i = 0; i < sizeof(unplugged) / sizeof(unplugged[0]); i++)
		if (!piommu_sbdf_compare(unplugged[i], sbdf))
			return false;
	return true;
}

static void make_function(struct sim_machine *machine, unsigned i, const struct sim_config *config)
{
	struct sim_function *function = &machine->at[i];
	const struct shape *shape = &shapes[i];

	function->sbdf = (struct piommu_sbdf){ 0, shape->bus, shape->devfn };
	function->name = shape->name;
	function->requester = (uint16_t)(shape->requester == SELF ? shape->bus << 8 | shape->devfn : shape->requester);
	function->root_devfn = shape->root_devfn;
	function->unit = unit_of(shape->root_devfn, config);
	function->cfg_len = shape->pcie == CONVENTIONAL ? 256 : SIM_CFG_SIZE;
	function->cfg = machine->cfg + i * SIM_CFG_SIZE;
	atomic_init(&function->present, starts_plugged(function->sbdf));
	atomic_init(&function->under_way, 0);
	make_cfg(shape, function->cfg);
}

int sim_machine_init(struct sim_machine *machine, const struct sim_config *config)
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
	for (unsigned i = 0; i < NSHAPES; i++)
		make_function(machine, i, config);
	return 0;
}

void sim_machine_fini(struct sim_machine *machine)
{
	pthread_mutex_destroy(&machine->lock);
	free(machine->cfg);
	free(machine->at);
}

static bool is_present(const struct sim_function *function)
{
	return atomic_load_explicit(&function->present, memory_order_acquire);
}

/* Plugged or not; NULL: the machine has no such slot. */
static struct sim_function *slot_of(const struct sim_machine *machine, struct piommu_sbdf sbdf)
{
	for (size_t i = 0; i < machine->n; i++)
		if (!piommu_sbdf_compare(machine->at[i].sbdf, sbdf))
			return &machine->at[i];
	return NULL;
}

/* ---- Configuration space ---- */

static bool legal(unsigned off, unsigned width)
{
	return (width == 1 || width == 2 || width == 4) && is_aligned(off, width) && off <= SIM_CFG_SIZE - width;
}

/* An access that nobody answers reads as all ones, as on a real bus. The machine's lock is held. */
static int locked_read(void *ctx, struct piommu_sbdf sbdf, unsigned off, unsigned width, uint32_t *value)
{
	const struct sim_function *function = slot_of(ctx, sbdf);
	uint32_t word = 0;

	if (!legal(off, width))
		return -EINVAL;
	if (!function || !is_present(function) || off >= function->cfg_len) {
		*value = GENMASK32(width * 8 - 1, 0);
		return 0;
	}
	for (unsigned i = width; i--;)
		word = word << 8 | function->cfg[off + i];
	*value = word;
	return 0;
}

int sim_machine_cfg_read(struct sim_machine *machine, struct piommu_sbdf sbdf, unsigned off, unsigned width, uint32_t *value)
{
	int err;

	pthread_mutex_lock(&machine->lock);
	err = locked_read(machine, sbdf, off, width, value);
	pthread_mutex_unlock(&machine->lock);
	return err;
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
	struct sim_function *function = slot_of(machine, sbdf);

	if (!legal(off, width))
		return -EINVAL;
	if (!function)
		return 0;
	pthread_mutex_lock(&machine->lock);
	for (unsigned i = 0; i < width && is_present(function); i++) {
		uint8_t mask = writable(function, off + i), byte = (uint8_t)(value >> 8 * i);

		function->cfg[off + i] = (uint8_t)((function->cfg[off + i] & ~mask) | (byte & mask));
	}
	pthread_mutex_unlock(&machine->lock);
	return 0;
}

/* The lock is held: what is listed was there at one moment, all of it. */
static int locked_functions(struct sim_machine *machine, struct piommu_pci_function *functions, size_t *n)
{
	*n = 0;
	for (size_t i = 0; i < machine->n; i++) {
		struct piommu_pci_function *function = &functions[*n];
		int err;

		if (!is_present(&machine->at[i]))
			continue;
		err = piommu_topo_decode_function(locked_read, machine, machine->at[i].sbdf, function);
		if (err)
			return err;
		snprintf(function->name, sizeof(function->name), "%s", machine->at[i].name);
		(*n)++;
	}
	return 0;
}

int sim_machine_functions(struct sim_machine *machine, struct piommu_pci_function **out, size_t *n)
{
	struct piommu_pci_function *functions = calloc(machine->n, sizeof(*functions));
	size_t found;
	int err;

	if (!functions)
		return -ENOMEM;
	pthread_mutex_lock(&machine->lock);
	err = locked_functions(machine, functions, &found);
	pthread_mutex_unlock(&machine->lock);
	if (err) {
		free(functions);
		return err;
	}
	*out = functions;
	*n = found;
	return 0;
}

/* ---- Devices that come and go ---- */

struct sim_function *sim_machine_begin(struct sim_machine *machine, struct piommu_sbdf sbdf)
{
	struct sim_function *function = slot_of(machine, sbdf);

	if (!function || !is_present(function))
		return NULL;
	/* seq_cst, as in take_out(): either that one sees this access counted, or this one sees the function gone. */
	atomic_fetch_add_explicit(&function->under_way, 1, memory_order_seq_cst);
	if (atomic_load_explicit(&function->present, memory_order_seq_cst))
		return function;
	sim_machine_end(function);
	return NULL;
}

void sim_machine_end(struct sim_function *function)
{
	atomic_fetch_sub_explicit(&function->under_way, 1, memory_order_release);
}

/* The lock is held, so that nobody plugs it in again before it is quiet. Accesses take no lock of the machine, and they end. */
static void take_out(struct sim_function *function)
{
	atomic_store_explicit(&function->present, false, memory_order_seq_cst);
	while (atomic_load_explicit(&function->under_way, memory_order_seq_cst))
		sched_yield();
}

/* The bridge whose secondary bus this is; NULL for the root bus. */
static struct sim_function *bridge_above(const struct sim_machine *machine, uint8_t bus)
{
	for (size_t i = 0; bus && i < NSHAPES; i++)
		if (shapes[i].secondary == bus)
			return &machine->at[i];
	return NULL;
}

int sim_machine_plug(struct sim_machine *machine, struct piommu_sbdf sbdf)
{
	struct sim_function *function = slot_of(machine, sbdf), *bridge;
	int err = 0;

	if (!function)
		return -ENOENT;
	bridge = bridge_above(machine, sbdf.bus);
	pthread_mutex_lock(&machine->lock);
	if (is_present(function)) {
		err = -EEXIST;
	} else if (bridge && !is_present(bridge)) {
		err = -ENODEV;
	} else {
		memset(function->cfg, 0, SIM_CFG_SIZE);
		make_cfg(&shapes[function - machine->at], function->cfg);
		atomic_store_explicit(&function->present, true, memory_order_release);
	}
	pthread_mutex_unlock(&machine->lock);
	return err;
}

int sim_machine_unplug(struct sim_machine *machine, struct piommu_sbdf sbdf)
{
	struct sim_function *function = slot_of(machine, sbdf);
	const struct shape *shape;
	bool was_present;

	if (!function)
		return -ENOENT;
	shape = &shapes[function - machine->at];
	pthread_mutex_lock(&machine->lock);
	was_present = is_present(function);
	for (size_t i = 0; was_present && i < NSHAPES; i++)
		if (shape->secondary && shapes[i].bus >= shape->secondary && shapes[i].bus <= shape->subordinate)
			take_out(&machine->at[i]);
	if (was_present)
		take_out(function);
	pthread_mutex_unlock(&machine->lock);
	return was_present ? 0 : -ENOENT;
}
