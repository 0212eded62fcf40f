/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is in the simulated machine's slots: PCI functions and platform nodes that come and go, and configuration space as a bus
 * answers for it. Any thread; the bytes and the comings and goings have a lock. DMA takes none: it counts itself in and then
 * looks whether the device is (still) present; unplugging says that it is not and then waits for those counted in.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

static uint16_t requester_of(const struct sim_shape *shape)
{
	return (uint16_t)(shape->requester == SIM_REQUESTER_SELF ? shape->bus << 8 | shape->devfn : shape->requester);
}

static void make_function(struct sim_machine *machine, unsigned i, const struct sim_config *config)
{
	struct sim_slot *slot = &machine->at[i];
	const struct sim_shape *shape = &sim_shapes[i];

	slot->sbdf = (struct piommu_sbdf){ 0, shape->bus, shape->devfn };
	slot->name = shape->name;
	slot->shape = shape;
	slot->id = config->family->pci_id(config, requester_of(shape));
	slot->unit = sim_pci_unit_of(shape->root_devfn, config);
	slot->cfg_len = shape->pcie == PIOMMU_PCIE_NONE ? 256 : SIM_CFG_SIZE;
	slot->cfg = machine->cfg + i * SIM_CFG_SIZE;
	atomic_init(&slot->present, sim_pci_starts_plugged(slot->sbdf));
	sim_pci_make_cfg(shape, slot->cfg);
}

static void make_node(struct sim_slot *slot, unsigned n, const struct sim_config *config)
{
	const struct sim_node_face face = config->family->node(config, n);

	slot->sbdf = sim_nodes[n].sbdf;
	slot->name = face.name;
	slot->id = face.id;
	slot->said = face.said;
	slot->unit = (unsigned)config->units - 1;
	atomic_init(&slot->present, true);
}

int sim_machine_init(struct sim_machine *machine, const struct sim_config *config)
{
	machine->at = calloc(SIM_NSHAPES + SIM_NNODES, sizeof(*machine->at));
	machine->cfg = calloc(SIM_NSHAPES, SIM_CFG_SIZE);
	if (!machine->at || !machine->cfg) {
		free(machine->at);
		free(machine->cfg);
		return -ENOMEM;
	}
	machine->family = config->family;
	machine->n = SIM_NSHAPES + (config->nodes ? SIM_NNODES : 0);
	pthread_mutex_init(&machine->lock, NULL);
	for (unsigned i = 0; i < SIM_NSHAPES; i++)
		make_function(machine, i, config);
	for (unsigned i = 0; i < SIM_NNODES; i++)
		make_node(&machine->at[SIM_NSHAPES + i], i, config);
	return 0;
}

void sim_machine_fini(struct sim_machine *machine)
{
	pthread_mutex_destroy(&machine->lock);
	free(machine->cfg);
	free(machine->at);
}

static bool is_present(const struct sim_slot *slot)
{
	return atomic_load_explicit(&slot->present, memory_order_acquire);
}

/* Plugged or not; NULL: the machine has no such slot. */
static struct sim_slot *slot_of(const struct sim_machine *machine, struct piommu_sbdf sbdf)
{
	for (size_t i = 0; i < machine->n; i++)
		if (!piommu_sbdf_compare(machine->at[i].sbdf, sbdf))
			return &machine->at[i];
	return NULL;
}

/* The same for PCI functions only: what a bus answers for. */
static struct sim_slot *function_slot(const struct sim_machine *machine, struct piommu_sbdf sbdf)
{
	struct sim_slot *slot = slot_of(machine, sbdf);

	return slot && slot->shape ? slot : NULL;
}

/* ---- Configuration space ---- */

static bool legal(unsigned off, unsigned width)
{
	return (width == 1 || width == 2 || width == 4) && is_aligned(off, width) && off <= SIM_CFG_SIZE - width;
}

/* An access that nobody answers reads as all ones, as on a real bus. The machine's lock is held. */
static int locked_read(void *ctx, struct piommu_sbdf sbdf, unsigned off, unsigned width, uint32_t *value)
{
	const struct sim_slot *slot = function_slot(ctx, sbdf);
	uint32_t word = 0;

	if (!legal(off, width))
		return -EINVAL;
	if (!slot || !is_present(slot) || off >= slot->cfg_len) {
		*value = GENMASK32(width * 8 - 1, 0);
		return 0;
	}
	for (unsigned i = width; i--;)
		word = word << 8 | slot->cfg[off + i];
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

int sim_machine_cfg_write(struct sim_machine *machine, struct piommu_sbdf sbdf, unsigned off, unsigned width, uint32_t value)
{
	struct sim_slot *slot = function_slot(machine, sbdf);

	if (!legal(off, width))
		return -EINVAL;
	if (!slot)
		return 0;
	pthread_mutex_lock(&machine->lock);
	for (unsigned i = 0; i < width && is_present(slot); i++) {
		uint8_t mask = sim_pci_writable(slot->cfg, slot->cfg_len, off + i), byte = (uint8_t)(value >> 8 * i);

		slot->cfg[off + i] = (uint8_t)((slot->cfg[off + i] & ~mask) | (byte & mask));
	}
	pthread_mutex_unlock(&machine->lock);
	return 0;
}

/* The lock is held: what is listed was there at one moment, all of it. */
static int locked_functions(struct sim_machine *machine, struct piommu_pci_function *functions, size_t *n)
{
	*n = 0;
	for (unsigned i = 0; i < SIM_NSHAPES; i++) {
		const struct sim_slot *slot = &machine->at[i];
		int err;

		if (!is_present(slot))
			continue;
		err = piommu_topo_decode_function(locked_read, machine, slot->sbdf, &functions[*n]);
		if (err)
			return err;
		snprintf(functions[*n].name, sizeof(functions[*n].name), "%s", slot->name);
		(*n)++;
	}
	return 0;
}

int sim_machine_functions(struct sim_machine *machine, struct piommu_pci_function **out, size_t *n)
{
	struct piommu_pci_function *functions = calloc(SIM_NSHAPES, sizeof(*functions));
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

int sim_machine_nodes(struct sim_machine *machine, struct piommu_node **out, size_t *n)
{
	struct piommu_node *nodes = calloc(SIM_NNODES, sizeof(*nodes));
	size_t found = 0;

	if (!nodes)
		return -ENOMEM;
	pthread_mutex_lock(&machine->lock);
	for (size_t i = SIM_NSHAPES; i < machine->n; i++) {
		const struct sim_slot *slot = &machine->at[i];
		struct piommu_node *node = &nodes[found];

		if (!is_present(slot))
			continue;
		snprintf(node->name, sizeof(node->name), "%s", slot->name);
		snprintf(node->unit, sizeof(node->unit), "%s%u", machine->family->unit_name, slot->unit);
		node->ids[0] = slot->said;
		node->nids = 1;
		found++;
	}
	pthread_mutex_unlock(&machine->lock);
	*out = nodes;
	*n = found;
	return 0;
}

/* ---- Devices that come and go ---- */

struct sim_slot *sim_machine_begin(struct sim_machine *machine, struct piommu_sbdf sbdf)
{
	struct sim_slot *slot = slot_of(machine, sbdf);

	if (!slot || !is_present(slot))
		return NULL;
	/* seq_cst, as in take_out(): either that one sees this access counted, or this one sees the device gone. */
	atomic_fetch_add_explicit(&slot->under_way, 1, memory_order_seq_cst);
	if (atomic_load_explicit(&slot->present, memory_order_seq_cst))
		return slot;
	sim_machine_end(slot);
	return NULL;
}

void sim_machine_end(struct sim_slot *slot)
{
	atomic_fetch_sub_explicit(&slot->under_way, 1, memory_order_release);
}

/* The lock is held, so that nobody plugs it in again before it is quiet. Accesses take no lock of the machine, and they end. */
static void take_out(struct sim_slot *slot)
{
	atomic_store_explicit(&slot->present, false, memory_order_seq_cst);
	while (atomic_load_explicit(&slot->under_way, memory_order_seq_cst))
		sched_yield();
}

static int put_in(struct sim_slot *slot)
{
	if (is_present(slot))
		return -EEXIST;
	if (slot->shape) {
		memset(slot->cfg, 0, SIM_CFG_SIZE);
		sim_pci_make_cfg(slot->shape, slot->cfg);
	}
	atomic_store_explicit(&slot->present, true, memory_order_release);
	return 0;
}

/* The bridge whose secondary bus this is; NULL for the root bus. */
static const struct sim_slot *bridge_above(const struct sim_machine *machine, uint8_t bus)
{
	for (unsigned i = 0; bus && i < SIM_NSHAPES; i++)
		if (sim_shapes[i].secondary == bus)
			return &machine->at[i];
	return NULL;
}

int sim_machine_plug(struct sim_machine *machine, struct piommu_sbdf sbdf)
{
	struct sim_slot *slot = function_slot(machine, sbdf);
	const struct sim_slot *bridge = bridge_above(machine, sbdf.bus);
	int err;

	if (!slot)
		return -ENOENT;
	pthread_mutex_lock(&machine->lock);
	err = bridge && !is_present(bridge) ? -ENODEV : put_in(slot);
	pthread_mutex_unlock(&machine->lock);
	return err;
}

static bool is_below(const struct sim_shape *bridge, const struct sim_shape *shape)
{
	return bridge->secondary && shape->bus >= bridge->secondary && shape->bus <= bridge->subordinate;
}

int sim_machine_unplug(struct sim_machine *machine, struct piommu_sbdf sbdf)
{
	struct sim_slot *slot = function_slot(machine, sbdf);
	bool was_present;

	if (!slot)
		return -ENOENT;
	pthread_mutex_lock(&machine->lock);
	was_present = is_present(slot);
	for (unsigned i = 0; was_present && i < SIM_NSHAPES; i++)
		if (is_below(slot->shape, &sim_shapes[i]))
			take_out(&machine->at[i]);
	if (was_present)
		take_out(slot);
	pthread_mutex_unlock(&machine->lock);
	return was_present ? 0 : -ENOENT;
}

static struct sim_slot *node_slot(const struct sim_machine *machine, const char *name)
{
	for (size_t i = SIM_NSHAPES; i < machine->n; i++)
		if (!strcmp(machine->at[i].name, name))
			return &machine->at[i];
	return NULL;
}

int sim_machine_plug_node(struct sim_machine *machine, const char *name, bool present)
{
	struct sim_slot *slot = node_slot(machine, name);
	int err = 0;

	if (!slot)
		return -ENOENT;
	pthread_mutex_lock(&machine->lock);
	if (present)
		err = put_in(slot);
	else if (is_present(slot))
		take_out(slot);
	else
		err = -ENOENT;
	pthread_mutex_unlock(&machine->lock);
	return err;
}
