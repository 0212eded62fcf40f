/* SPDX-License-Identifier: BSD-3-Clause */
/* The simulated machine with SMMUv3 units: its keys, its units and what a kernel left in them. Its table is in sim_fw_iort.c. */
#include "sim.h"
#include "smmuv3_model.h"

#define KERNEL_STRTAB_LG2 13u /* as many streams as there can be of PCI functions and nodes */

static const struct sim_choice widths[] = { { "32", 32 }, { "36", 36 }, { "40", 40 }, { "42", 42 },
					    { "44", 44 }, { "48", 48 }, { "52", 52 }, { NULL, 0 } };
static const struct sim_choice tags[] = { { "8", 8 }, { "16", 16 }, { NULL, 0 } };
static const struct sim_choice resets[] = { { "bypass", 0 }, { "abort", 1 }, { NULL, 0 } };

static const struct sim_key keys[] = {
	SIM_KEY_UNITS,
	SIM_KEY_STAGE,
	SIM_KEY_GRANULE,
	{ "oas", SIM_AT(arm.oas), widths, 0, 0, "32, 36, 40, 42, 44, 48 or 52", false },
	{ "sidsize", SIM_AT(v3.sidsize), NULL, 13, 32, "13 to 32", false },
	SIM_SWITCH("two_level", v3.two_level),
	{ "tags", SIM_AT(v3.tag_bits), tags, 0, 0, "8 or 16", false },
	{ "cmdq", SIM_AT(v3.cmdq_lg2), NULL, 1, 19, "1 to 19", false },
	{ "eventq", SIM_AT(v3.eventq_lg2), NULL, 1, 19, "1 to 19", false },
	SIM_SWITCH("ril", v3.ril),
	SIM_SWITCH("msi", v3.msi),
	SIM_SWITCH("coherent", coherent),
	{ "reset", SIM_AT(v3.abort), resets, 0, 0, "bypass or abort", false },
	SIM_SWITCH("all", all),
	SIM_KEY_NODES,
	SIM_SWITCH("rmr", reserved),
	SIM_KEY_MEM,
	SIM_KEY_PA,
	SIM_SWITCH("thread", thread),
	SIM_KEY_LATENCY,
	SIM_KEY_STATE,
};

static const struct sim_config defaults = {
	SIM_DEFAULTS,
	.arm = { .s1s2 = SIM_S1 | SIM_S2, .granules = 1u << 12 | 1u << 14 | 1u << 16, .oas = 48 },
	.v3 = { .sidsize = 16, .cmdq_lg2 = 12, .eventq_lg2 = 9, .tag_bits = 16, .two_level = 1, .ril = 1, .msi = 1 },
};

static int make_tables(struct sim *sim)
{
	sim_fw_make_mcfg(&sim->tables[sim->ntables++]);
	sim_fw_make_iort(&sim->config, &sim->tables[sim->ntables++]);
	return 0;
}

/* A linear stream table as a kernel leaves it: every stream is bypassed (IHI 0070, 5.2). */
static uint64_t make_kernel_table(struct sim *sim)
{
	size_t len = (size_t)64 << KERNEL_STRTAB_LG2;
	uint64_t *ste = sim_mem_at(&sim->mem, SIM_LOW_BASE, len);

	for (size_t i = 0; i < len / 64; i++) {
		ste[8 * i] = 1 | 4u << 1;           /* V, Config: bypass */
		ste[8 * i + 1] = UINT64_C(1) << 44; /* SHCFG: as it comes */
	}
	sim_mem_writeback(&sim->mem, ste, len);
	return SIM_LOW_BASE;
}

static int make_unit(struct sim *sim, unsigned index, struct sim_model **out)
{
	const struct sim_config *config = &sim->config;
	const struct smmuv3_model_config model = {
		.sid_bits = (unsigned)config->v3.sidsize,
		.oas = (unsigned)config->arm.oas,
		.two_level = config->v3.two_level,
		.s1 = config->arm.s1s2 & SIM_S1,
		.s2 = config->arm.s1s2 & SIM_S2,
		.granule_4k = config->arm.granules & 1u << 12,
		.granule_16k = config->arm.granules & 1u << 14,
		.granule_64k = config->arm.granules & 1u << 16,
		.asid16 = config->v3.tag_bits == 16,
		.vmid16 = config->v3.tag_bits == 16,
		.ril = config->v3.ril,
		.msi = config->v3.msi,
		.vax = config->arm.oas == 52,
		.gbpa_abort = config->v3.abort,
		.cmdq_lg2 = (unsigned)config->v3.cmdq_lg2,
		.eventq_lg2 = (unsigned)config->v3.eventq_lg2,
		.thread = config->thread,
		.latency_ns = config->latency_ns,
		.kernel_on = config->kernel_on,
		.kernel_strtab_base = config->kernel_on ? make_kernel_table(sim) : 0,
		.kernel_strtab_cfg = config->kernel_on ? KERNEL_STRTAB_LG2 : 0,
	};

	(void)index;
	return smmuv3_model_create(&model, &sim->mem, out);
}

static struct sim_node_face node(const struct sim_config *config, unsigned n)
{
	uint32_t id = sim_arm_node_id(config, n);

	return (struct sim_node_face){ sim_nodes[n].name, { id, 0 }, id };
}

const struct sim_family sim_smmuv3 = {
	.name = "smmuv3",
	.unit_name = "smmu",
	.base = 0x09050000,
	.stride = 0x20000,
	.keys = keys,
	.nkeys = sizeof(keys) / sizeof(keys[0]),
	.defaults = &defaults,
	.check = sim_arm_check,
	.make_tables = make_tables,
	.make_unit = make_unit,
	.pci_id = sim_arm_pci_id,
	.node = node,
	.kernel_name = "smmu3.0x",
	.is_named_by_address = true,
};
