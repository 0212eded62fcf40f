/* SPDX-License-Identifier: BSD-3-Clause */
/* The simulated machine with VT-d units: its keys, its units and what a kernel left in them. Its table is in sim_fw_dmar.c. */
#include <errno.h>

#include "sim.h"
#include "vtd_model.h"

static const struct sim_choice leaves[] = { { "4k", 12 }, { "2m", 21 }, { "1g", 30 }, { NULL, 0 } };
static const struct sim_choice widths[] = { { "39", 39 }, { "48", 48 }, { "57", 57 }, { NULL, 0 } };

static const struct sim_key keys[] = {
	SIM_KEY_UNITS,
	{ "aw", SIM_AT(vtd.aw), widths, 0, 0, "39, 48 or 57", false },
	{ "pages", SIM_AT(vtd.leaf_lg2), leaves, 0, 0, "4k, 2m or 1g", false },
	SIM_SWITCH("all", all),
	SIM_SWITCH("nodes", nodes),
	SIM_SWITCH("cm", vtd.cm),
	SIM_SWITCH("coherent", coherent),
	SIM_SWITCH("rwbf", vtd.rwbf),
	SIM_SWITCH("qi", vtd.qi),
	SIM_SWITCH("pt", vtd.pt),
	SIM_SWITCH("ir", vtd.ir),
	SIM_SWITCH("plmr", vtd.plmr),
	{ "nfr", SIM_AT(vtd.nfr), NULL, 1, 64, "1 to 64", false },
	SIM_SWITCH("rmrr", reserved),
	SIM_KEY_MEM,
	SIM_KEY_PA,
	SIM_SWITCH("thread", thread),
	SIM_KEY_LATENCY,
	SIM_KEY_STATE,
};

static const struct sim_config defaults = {
	SIM_DEFAULTS,
	.vtd = { .aw = 48, .leaf_lg2 = 30, .qi = 1, .pt = 1, .ir = 1, .nfr = 1 },
};

static int check(const struct sim_config *config, const struct piommu_log *log)
{
	if (config->virt && config->vtd.aw < 48) {
		log_err(log, "sim: pa=va needs aw=48 or aw=57: virtual addresses do not fit %u bits", (unsigned)config->vtd.aw);
		return -EINVAL;
	}
	if (config->thread && !config->vtd.qi) {
		log_err(log, "sim: thread=1 needs qi=1: there is no queue to run on a thread");
		return -EINVAL;
	}
	return 0;
}

/* Where pa=va, virtual addresses set the width: 47 bits on x86-64, 48 on aarch64, so anything a present entry can hold. */
static unsigned host_width(const struct sim_config *config)
{
	return config->virt ? 52 : 46;
}

static int make_tables(struct sim *sim)
{
	sim_fw_make_mcfg(&sim->tables[sim->ntables++]);
	sim_fw_make_dmar(&sim->config, host_width(&sim->config), &sim->tables[sim->ntables++]);
	return 0;
}

/* A root table as a kernel leaves it: every bus on one context table, every device on pass-through (absent without it). */
static uint64_t make_kernel_tables(struct sim *sim)
{
	uint64_t root_pa = SIM_LOW_BASE, ctx_pa = SIM_LOW_BASE + PIOMMU_PAGE_SIZE;
	uint64_t *root = sim_mem_at(&sim->mem, root_pa, 2 * PIOMMU_PAGE_SIZE), *ctx = root + PIOMMU_PAGE_SIZE / 8;
	uint64_t aw = (sim->config.vtd.aw - 30) / 9;

	for (unsigned i = 0; i < 256; i++) {
		root[2 * i] = ctx_pa | 1;
		ctx[2 * i] = sim->config.vtd.pt ? 1 | 2u << 2 : 0;
		ctx[2 * i + 1] = aw | 1u << 8;
	}
	sim_mem_writeback(&sim->mem, root, 2 * PIOMMU_PAGE_SIZE);
	return root_pa;
}

static int make_unit(struct sim *sim, unsigned index, struct sim_model **out)
{
	const struct sim_config *config = &sim->config;
	const struct vtd_model_config model = {
		.aw = (unsigned)config->vtd.aw,
		.leaf_lg2 = (unsigned)config->vtd.leaf_lg2,
		.haw = host_width(config),
		.nfr = (unsigned)config->vtd.nfr,
		.cm = config->vtd.cm,
		.rwbf = config->vtd.rwbf,
		.qi = config->vtd.qi,
		.pt = config->vtd.pt,
		.ir = config->vtd.ir,
		.plmr = config->vtd.plmr,
		.thread = config->thread,
		.latency_ns = config->latency_ns,
		.kernel_root = config->kernel_on ? make_kernel_tables(sim) : 0,
		.protect_low = { SIM_LOW_BASE, SIM_LOW_BASE + SIM_LOW_SIZE - 1 },
		.protect_high = { sim->mem.ram_base, sim->mem.ram_base + config->mem - 1 },
	};

	(void)index;
	return vtd_model_create(&model, &sim->mem, out);
}

static uint32_t pci_id(const struct sim_config *config, uint16_t rid)
{
	(void)config;
	return rid;
}

static struct sim_node_face node(const struct sim_config *config, unsigned n)
{
	uint32_t id = (uint32_t)sim_nodes[n].sbdf.bus << 8 | sim_nodes[n].sbdf.devfn;

	(void)config;
	return (struct sim_node_face){ sim_nodes[n].name, { id, 0 }, id };
}

const struct sim_family sim_vtd = {
	.name = "vtd",
	.unit_name = "dmar",
	.base = UINT64_C(0xfed90000),
	.stride = 0x1000,
	.interrupts = { 0xfee00000, 0xfeefffff },
	.keys = keys,
	.nkeys = sizeof(keys) / sizeof(keys[0]),
	.defaults = &defaults,
	.check = check,
	.make_tables = make_tables,
	.make_unit = make_unit,
	.pci_id = pci_id,
	.node = node,
	.kernel_name = "dmar",
};
