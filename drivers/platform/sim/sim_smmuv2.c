/* SPDX-License-Identifier: BSD-3-Clause */
/* The simulated machine with SMMUv2 units, and their relatives: its keys and its units. Its device tree is in sim_fw_fdt.c. */
#include <errno.h>
#include "sim.h"
#include "smmuv2_model.h"

#define PCI_TBU 0x2000u /* what the TBU in front of the root complex adds to ids, with tbu=1 */
#define NODE_TBU 0x4000u

static const struct sim_choice models[] = { { "v1", SIM_V2_V1 },         { "v2", SIM_V2_V2 },     { "mmu401", SIM_V2_MMU401 },
					    { "mmu500", SIM_V2_MMU500 }, { "qcom", SIM_V2_QCOM }, { NULL, 0 } };
static const struct sim_choice widths[] = { { "32", 32 }, { "36", 36 }, { "40", 40 }, { "42", 42 },
					    { "44", 44 }, { "48", 48 }, { NULL, 0 } };
static const struct sim_choice pages[] = { { "4k", 12 }, { "64k", 16 }, { NULL, 0 } };
static const struct sim_choice kept[] = {
	{ "0", SIM_V2_KEPT_NONE }, { "1", SIM_V2_KEPT_BYPASS }, { "paging", SIM_V2_KEPT_PAGING }, { NULL, 0 }
};

static const struct sim_key keys[] = {
	SIM_KEY_UNITS,
	{ "model", SIM_AT(v2.model), models, 0, 0, "v1, v2, mmu401, mmu500 or qcom", false },
	SIM_KEY_STAGE,
	SIM_KEY_GRANULE,
	{ "oas", SIM_AT(arm.oas), widths, 0, 0, "32, 36, 40, 42, 44 or 48", false },
	{ "smrs", SIM_AT(v2.smrs), NULL, 1, 128, "1 to 128", false },
	{ "cbs", SIM_AT(v2.cbs), NULL, 1, 128, "1 to 128", false },
	{ "regs", SIM_AT(v2.page_lg2), pages, 0, 0, "4k or 64k", false },
	SIM_SWITCH("tbu", v2.tbu),
	SIM_SWITCH("exids", v2.exids),
	{ "kept", SIM_AT(v2.kept), kept, 0, 0, "0, 1 or paging", false },
	SIM_SWITCH("coherent", coherent),
	SIM_SWITCH("all", all),
	SIM_KEY_NODES,
	SIM_SWITCH("rmr", reserved),
	SIM_KEY_MEM,
	SIM_KEY_PA,
	SIM_KEY_LATENCY,
	SIM_KEY_STATE,
};

static const struct sim_config defaults = {
	SIM_DEFAULTS,
	.arm = { .s1s2 = SIM_S1 | SIM_S2, .granules = 1u << 12 | 1u << 14 | 1u << 16 },
	.v2 = { .model = SIM_V2_V2, .smrs = 64, .cbs = 16, .page_lg2 = 12 },
};

static bool is_version_1(const struct sim_config *config)
{
	return config->v2.model == SIM_V2_V1 || config->v2.model == SIM_V2_MMU401;
}

/* Unless it is said: 40 bits is all that version 1 has. */
static unsigned output_bits(const struct sim_config *config)
{
	return config->arm.oas ? (unsigned)config->arm.oas : is_version_1(config) ? 40 : 48;
}

static int check(const struct sim_config *config, const struct piommu_log *log)
{
	if (is_version_1(config) && output_bits(config) > 40) {
		log_err(log, "sim: oas=%u needs model=v2, mmu500 or qcom: version 1 has 40 bits at most", output_bits(config));
		return -EINVAL;
	}
	if (config->virt && output_bits(config) < 48) {
		log_err(log, "sim: pa=va needs 48 bits of address (oas=48, no model of version 1): virtual ones do not fit %u",
			output_bits(config));
		return -EINVAL;
	}
	if (config->reserved && !config->nodes) {
		log_err(log, "sim: rmr=1 needs nodes=1: a device tree reserves memory for its nodes, not for PCI functions");
		return -EINVAL;
	}
	return 0;
}

static int make_tables(struct sim *sim)
{
	return sim_fw_make_fdt(&sim->config, &sim->tables[sim->ntables++]);
}

/* Stream ids that firmware left mapped: the display shows something. */
static void keep_display(const struct sim *sim, struct smmuv2_model_config *model)
{
	uint32_t id = sim_arm_pci_id(&sim->config, 0x02 << 3);

	model->kept[model->nkept++] = (struct smmuv2_model_kept){
		.id = (uint16_t)id,
		.mask = sim->config.v2.tbu ? SIM_V2_TBU_MASK : 0,
		.translates = sim->config.v2.kept == SIM_V2_KEPT_PAGING,
	};
	model->kept_root = SIM_LOW_BASE;
}

static int make_unit(struct sim *sim, unsigned index, struct sim_model **out)
{
	static const enum smmuv2_model_version versions[] = {
		[SIM_V2_V1] = SMMUV2_MODEL_V1,         [SIM_V2_V2] = SMMUV2_MODEL_V2,
		[SIM_V2_MMU401] = SMMUV2_MODEL_MMU401, [SIM_V2_MMU500] = SMMUV2_MODEL_MMU500,
		[SIM_V2_QCOM] = SMMUV2_MODEL_MMU500,
	};
	const struct sim_config *config = &sim->config;
	struct smmuv2_model_config model = {
		.version = versions[config->v2.model],
		.qcom = config->v2.model == SIM_V2_QCOM,
		.nsmr = (unsigned)config->v2.smrs,
		.sid_bits = config->v2.exids ? 16 : 15,
		.smr_id_bits = config->v2.exids ? 0xffff : 0x7fff,
		.smr_mask_bits = config->v2.exids ? 0xffff : 0x7fff,
		.exids = config->v2.exids,
		.ncb = (unsigned)config->v2.cbs,
		.s1 = config->arm.s1s2 & SIM_S1,
		.s2 = config->arm.s1s2 & SIM_S2,
		.ias = output_bits(config),
		.oas = output_bits(config),
		.gran4k = config->arm.granules & 1u << 12,
		.gran16k = config->arm.granules & 1u << 14,
		.gran64k = config->arm.granules & 1u << 16,
		.page_lg2 = (unsigned)config->v2.page_lg2,
		.npages_lg2 = sim_v2_npages_lg2(config),
		.kernel_on = config->kernel_on,
		.latency_ns = config->latency_ns,
	};

	if (config->v2.kept && index == 0) /* the display is behind the first unit */
		keep_display(sim, &model);
	return smmuv2_model_create(&model, &sim->mem, out);
}

static uint32_t pci_id(const struct sim_config *config, uint16_t rid)
{
	return sim_arm_pci_id(config, rid) | (config->v2.tbu ? PCI_TBU : 0);
}

static struct sim_node_face node(const struct sim_config *config, unsigned n)
{
	static const char *const names[SIM_NNODES] = { "/i2c@9080000", "/serial@9090000" };
	uint32_t id = sim_arm_node_id(config, n);

	return (struct sim_node_face){ names[n],
				       { id, config->v2.tbu ? SIM_V2_TBU_MASK : 0 },
				       id | (config->v2.tbu ? NODE_TBU : 0) };
}

const struct sim_family sim_smmuv2 = {
	.name = "smmuv2",
	.unit_name = "smmu",
	.base = 0x20000000,
	.stride = 0x1000000,
	.keys = keys,
	.nkeys = sizeof(keys) / sizeof(keys[0]),
	.defaults = &defaults,
	.check = check,
	.make_tables = make_tables,
	.make_unit = make_unit,
	.pci_id = pci_id,
	.node = node,
	.kernel_name = "smmu.0x",
	.is_named_by_address = true,
};
