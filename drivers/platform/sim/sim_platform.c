/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The simulated machine as a platform: opens it from its words and answers the library's questions. Any thread. Where the
 * answers come from: sim_fw.c (firmware tables), sim_machine.c (PCI), the family and its models (registers), sim_mem.c (memory).
 */
#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers.h"
#include "sim.h"

/* Registers of one unit, as one caller mapped them. */
struct sim_window {
	struct sim *sim;
	unsigned unit;
	enum piommu_window_access access;
};

static struct sim *self(struct piommu_platform *plat)
{
	return (struct sim *)(void *)plat;
}

/* ---- Firmware and PCI ---- */

static int fw_table(struct piommu_platform *plat, const char sig[4], unsigned nth, const void **bytes, size_t *len)
{
	struct sim *sim = self(plat);

	for (unsigned i = 0; !nth && i < sim->ntables; i++) {
		if (memcmp(sig, sim->tables[i].sig, 4))
			continue;
		*bytes = sim->tables[i].bytes;
		*len = sim->tables[i].len;
		return 0;
	}
	return -ENOENT;
}

static int cfg_read(struct piommu_platform *plat, struct piommu_sbdf sbdf, unsigned off, unsigned width, uint32_t *value)
{
	return sim_machine_cfg_read(&self(plat)->machine, sbdf, off, width, value);
}

static int cfg_write(struct piommu_platform *plat, struct piommu_sbdf sbdf, unsigned off, unsigned width, uint32_t value)
{
	return sim_machine_cfg_write(&self(plat)->machine, sbdf, off, width, value);
}

static int pci_functions(struct piommu_platform *plat, struct piommu_pci_function **out, size_t *n)
{
	return sim_machine_functions(&self(plat)->machine, out, n);
}

static int nodes(struct piommu_platform *plat, struct piommu_node **out, size_t *n)
{
	return sim_machine_nodes(&self(plat)->machine, out, n);
}

/* ---- Units ---- */

static int unit_index(const struct sim *sim, const struct piommu_fw_unit *unit)
{
	for (unsigned i = 0; i < sim->config.units; i++)
		if (unit->base == sim_unit_base(&sim->config, i))
			return (int)i;
	return -ENOENT;
}

static void kernel_name(const struct sim_family *family, const struct sim_config *config, unsigned index, char *name,
			size_t len)
{
	if (family->is_named_by_address)
		snprintf(name, len, "%s%016" PRIx64, family->kernel_name, sim_unit_base(config, index));
	else
		snprintf(name, len, "%s%u", family->kernel_name, index);
}

static int unit_facts(struct piommu_platform *plat, const struct piommu_fw_unit *unit, struct piommu_unit_facts *out)
{
	struct sim *sim = self(plat);
	int index = unit_index(sim, unit);

	if (index < 0)
		return index;
	*out = (struct piommu_unit_facts){ .kernel_driven = sim->config.kernel_on, .route = "sim" };
	if (out->kernel_driven)
		kernel_name(sim->config.family, &sim->config, (unsigned)index, out->kernel_name, sizeof(out->kernel_name));
	sim->units[index]->ops->facts(sim->units[index], out);
	return 0;
}

static struct sim_model *model_of(const struct sim_window *at)
{
	return at->sim->units[at->unit];
}

static uint64_t window_read(struct piommu_window *window, unsigned off, unsigned width)
{
	struct sim_window *at = window->ctx;

	return sim_model_read(model_of(at), off, width);
}

static void window_write(struct piommu_window *window, unsigned off, unsigned width, uint64_t value)
{
	struct sim_window *at = window->ctx;

	if (at->access == PIOMMU_WINDOW_CONTROL)
		sim_model_write(model_of(at), off, width, value);
	else
		sim_model_write_inspected(model_of(at), off);
}

static const struct piommu_window_ops window_ops = { window_read, window_write };

static bool take_control(struct sim *sim, unsigned unit)
{
	bool taken;

	pthread_mutex_lock(&sim->lock);
	taken = sim->controlled[unit];
	sim->controlled[unit] = true;
	pthread_mutex_unlock(&sim->lock);
	return !taken;
}

static void drop_control(struct sim *sim, unsigned unit)
{
	pthread_mutex_lock(&sim->lock);
	sim->controlled[unit] = false;
	pthread_mutex_unlock(&sim->lock);
}

bool sim_is_controlled(struct sim *sim, unsigned unit)
{
	bool taken;

	pthread_mutex_lock(&sim->lock);
	taken = sim->controlled[unit];
	pthread_mutex_unlock(&sim->lock);
	return taken;
}

static int window_map(struct piommu_platform *plat, const struct piommu_fw_unit *unit, enum piommu_window_access access,
		      struct piommu_window *out)
{
	struct sim *sim = self(plat);
	int index = unit_index(sim, unit);
	struct sim_window *at;

	if (index < 0) {
		log_err(plat->log, "sim: %s: no unit has its registers at 0x%llx", unit->name, (unsigned long long)unit->base);
		return index;
	}
	at = malloc(sizeof(*at));
	if (!at)
		return -ENOMEM;
	if (access == PIOMMU_WINDOW_CONTROL && !take_control(sim, (unsigned)index)) {
		log_err(plat->log, "sim: %s: another manager drives this unit; destroy that one first, or only inspect",
			unit->name);
		free(at);
		return -EBUSY;
	}
	*at = (struct sim_window){ sim, (unsigned)index, access };
	*out = (struct piommu_window){ .pa = unit->base, .len = model_of(at)->window_len, .ops = &window_ops, .ctx = at };
	return 0;
}

static void window_unmap(struct piommu_platform *plat, struct piommu_window *window)
{
	struct sim_window *at = window->ctx;

	(void)plat;
	if (!at)
		return;
	if (at->access == PIOMMU_WINDOW_CONTROL)
		drop_control(at->sim, at->unit);
	free(at);
	*window = (struct piommu_window){ 0 };
}

/* ---- Memory and time ---- */

static int mem_start(struct piommu_platform *plat)
{
	(void)plat;
	return 0; /* reserved at open */
}

static int mem_alloc(struct piommu_platform *plat, size_t len, size_t align, int node, struct piommu_mem *out)
{
	return piommu_env_mem_alloc(self(plat)->mem.ram, len, align, node, out);
}

static void mem_free(struct piommu_platform *plat, struct piommu_mem *mem)
{
	piommu_env_mem_free(self(plat)->mem.ram, mem);
}

static void *mem_at(struct piommu_platform *plat, uint64_t pa, size_t len)
{
	return sim_mem_at(&self(plat)->mem, pa, len);
}

static int phys_spans(struct piommu_platform *plat, struct piommu_span **out, size_t *n)
{
	struct sim *sim = self(plat);
	struct piommu_span *spans = calloc(2, sizeof(*spans));

	if (!spans)
		return -ENOMEM;
	spans[0] = (struct piommu_span){ SIM_LOW_BASE, SIM_LOW_BASE + SIM_LOW_SIZE - 1 };
	spans[1] = (struct piommu_span){ sim->mem.ram_base, sim->mem.ram_base + sim->config.mem - 1 };
	*out = spans;
	*n = 2;
	return 0;
}

static void writeback(struct piommu_platform *plat, const void *va, size_t len)
{
	sim_mem_writeback(&self(plat)->mem, va, len);
}

static void relax(struct piommu_platform *plat)
{
	if (self(plat)->config.thread)
		sched_yield(); /* the unit may need this processor to get on */
	else
		cpu_relax();
}

/* ---- Life ---- */

static void close_sim(struct piommu_platform *plat)
{
	struct sim *sim;

	if (!plat)
		return;
	sim = self(plat);
	for (unsigned i = 0; i < SIM_MAX_UNITS; i++)
		sim_model_destroy(sim->units[i]);
	sim_machine_fini(&sim->machine);
	sim_mem_fini(&sim->mem);
	pthread_mutex_destroy(&sim->lock);
	free(sim);
}

static const struct piommu_platform_ops sim_ops = {
	.name = "sim",
	.fw_table = fw_table,
	.pci_functions = pci_functions,
	.nodes = nodes,
	.cfg_read = cfg_read,
	.cfg_write = cfg_write,
	.unit_facts = unit_facts,
	.window_map = window_map,
	.window_unmap = window_unmap,
	.mem_start = mem_start,
	.mem_alloc = mem_alloc,
	.mem_free = mem_free,
	.mem_at = mem_at,
	.phys_spans = phys_spans,
	.writeback = writeback,
	.relax = relax,
	.close = close_sim,
};

struct sim *sim_of(struct piommu_platform *plat)
{
	return plat && plat->ops == &sim_ops ? self(plat) : NULL;
}

static int make_units(struct sim *sim)
{
	int err = 0;

	for (unsigned i = 0; !err && i < sim->config.units; i++)
		err = sim->config.family->make_unit(sim, i, &sim->units[i]);
	return err;
}

static int open_sim(const char *args, const struct piommu_log *log, struct piommu_platform **out)
{
	struct sim *sim = calloc(1, sizeof(*sim));
	int err;

	if (!sim)
		return -ENOMEM;
	sim->plat.ops = &sim_ops;
	sim->plat.log = log;
	err = sim_config_parse(args, log, &sim->config);
	if (err)
		goto free_sim;
	err = sim_mem_init(&sim->mem, sim->config.mem, sim->config.virt, sim->config.coherent);
	if (err) {
		log_err(log, "sim: no %llu MiB of address space for its memory; give a smaller mem=",
			(unsigned long long)(sim->config.mem >> 20));
		goto free_sim;
	}
	err = sim_machine_init(&sim->machine, &sim->config);
	if (err)
		goto fini_mem;
	pthread_mutex_init(&sim->lock, NULL);
	sim->plat.va_off = piommu_env_mem_va_off(sim->mem.ram);
	err = sim->config.family->make_tables(sim);
	if (!err)
		err = make_units(sim);
	if (err) {
		close_sim(&sim->plat);
		return err;
	}
	*out = &sim->plat;
	return 0;

fini_mem:
	sim_mem_fini(&sim->mem);
free_sim:
	free(sim);
	return err;
}

const struct piommu_platform_driver sim_platform = {
	.name = "sim",
	.usage = "sim[:vtd|smmuv3|smmuv2][,units=N][,key=value..]: a simulated machine (keys: doc/sim.md)",
	.open = open_sim,
};
