/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The device tree of a machine with SMMUv2 units: interrupt controller, units, a PCI host with iommu-map, two platform devices, and
 * memory that the first of them uses. Written by libfdt, which reads it nowhere here. Bindings: iommu/arm,smmu.yaml, pci/pci-iommu.txt,
 * reserved-memory/reserved-memory.yaml. Devicetree Specification 0.4.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <libfdt.h>

#include "sim.h"

#define GIC 1u /* phandles */
#define UNIT(n) (2u + (n))
#define NODE(n) (UNIT(SIM_MAX_UNITS) + (n))
#define FIRST_SPI 0x40u
#define LEVEL_HIGH 4u

/* Cells of one property: at most an entry of four for each run. */
struct cells {
	fdt32_t at[4 * SIM_ARM_MAX_RUNS];
	int n;
};

static void add(struct cells *cells, uint64_t value)
{
	cells->at[cells->n++] = cpu_to_fdt32((uint32_t)value);
}

static void add_wide(struct cells *cells, uint64_t value)
{
	add(cells, value >> 32);
	add(cells, value);
}

/* The tree being written; the first error ends it. */
struct tree {
	void *fdt;
	int err;
};

static void begin(struct tree *tree, const char *name)
{
	if (!tree->err)
		tree->err = fdt_begin_node(tree->fdt, name);
}

static void end(struct tree *tree)
{
	if (!tree->err)
		tree->err = fdt_end_node(tree->fdt);
}

static void put_bytes(struct tree *tree, const char *name, const void *bytes, size_t len)
{
	if (!tree->err)
		tree->err = fdt_property(tree->fdt, name, bytes, (int)len);
}

static void put_flag(struct tree *tree, const char *name)
{
	put_bytes(tree, name, NULL, 0);
}

static void put_text(struct tree *tree, const char *name, const char *text)
{
	put_bytes(tree, name, text, strlen(text) + 1);
}

static void put_cells(struct tree *tree, const char *name, const struct cells *cells)
{
	put_bytes(tree, name, cells->at, (size_t)cells->n * 4);
}

static void put_u32(struct tree *tree, const char *name, uint32_t value)
{
	const fdt32_t cell = cpu_to_fdt32(value);

	put_bytes(tree, name, &cell, sizeof(cell));
}

static void put_reg(struct tree *tree, uint64_t base, uint64_t len)
{
	struct cells reg = { .n = 0 };

	add_wide(&reg, base);
	add_wide(&reg, len);
	put_cells(tree, "reg", &reg);
}

static void put_gic(struct tree *tree)
{
	begin(tree, "interrupt-controller@8000000");
	put_text(tree, "compatible", "arm,gic-v3");
	put_u32(tree, "#interrupt-cells", 3);
	put_flag(tree, "interrupt-controller");
	put_reg(tree, 0x8000000, 0x10000);
	put_u32(tree, "phandle", GIC);
	end(tree);
}

static void put_compatible(struct tree *tree, const struct sim_config *config)
{
	static const char qcom[] = "qcom,sdm845-smmu-500\0arm,mmu-500";
	static const char *const names[] = {
		[SIM_V2_V1] = "arm,smmu-v1",
		[SIM_V2_V2] = "arm,smmu-v2",
		[SIM_V2_MMU401] = "arm,mmu-401",
		[SIM_V2_MMU500] = "arm,mmu-500",
	};

	if (config->v2.model == SIM_V2_QCOM)
		put_bytes(tree, "compatible", qcom, sizeof(qcom));
	else
		put_text(tree, "compatible", names[config->v2.model]);
}

static void put_unit(struct tree *tree, const struct sim_config *config, unsigned unit)
{
	uint64_t base = sim_unit_base(config, unit);
	struct cells irqs = { .n = 0 };
	char name[32];

	for (unsigned i = 0; i < 2; i++) { /* a global one, and one for all contexts */
		add(&irqs, 0);
		add(&irqs, FIRST_SPI + 2 * unit + i);
		add(&irqs, LEVEL_HIGH);
	}
	snprintf(name, sizeof(name), "iommu@%llx", (unsigned long long)base);
	begin(tree, name);
	put_compatible(tree, config);
	put_reg(tree, base, UINT64_C(2) << (config->v2.page_lg2 + sim_v2_npages_lg2(config)));
	put_u32(tree, "#global-interrupts", 1);
	put_cells(tree, "interrupts", &irqs);
	put_u32(tree, "#iommu-cells", 1);
	put_u32(tree, "phandle", UNIT(unit));
	if (config->v2.tbu)
		put_u32(tree, "stream-match-mask", SIM_V2_TBU_MASK);
	if (config->coherent)
		put_flag(tree, "dma-coherent");
	end(tree);
}

static void put_host(struct tree *tree, const struct sim_config *config)
{
	struct sim_arm_run runs[SIM_ARM_MAX_RUNS];
	unsigned n = sim_arm_runs(config, runs);
	struct cells map = { .n = 0 }, buses = { .n = 0 };

	for (unsigned i = 0; i < n; i++) {
		add(&map, runs[i].first);
		add(&map, UNIT(runs[i].unit));
		add(&map, sim_arm_pci_id(config, runs[i].first));
		add(&map, runs[i].last - runs[i].first + 1u);
	}
	add(&buses, 0);
	add(&buses, SIM_ARM_RIDS / 256 - 1);
	begin(tree, "pcie@b0000000");
	put_text(tree, "compatible", "pci-host-ecam-generic");
	put_text(tree, "device_type", "pci");
	put_reg(tree, SIM_ECAM_BASE, 16u << 20);
	put_u32(tree, "#address-cells", 3);
	put_u32(tree, "#size-cells", 2);
	put_cells(tree, "bus-range", &buses);
	put_u32(tree, "linux,pci-domain", 0);
	put_flag(tree, "dma-coherent");
	put_cells(tree, "iommu-map", &map);
	end(tree);
}

static void put_node(struct tree *tree, const struct sim_config *config, unsigned n)
{
	const struct sim_node_face face = config->family->node(config, n);
	struct cells iommus = { .n = 0 };

	add(&iommus, UNIT(config->units - 1));
	add(&iommus, face.said.id);
	begin(tree, face.name + 1);
	put_text(tree, "compatible", "piommu,sim-device");
	put_reg(tree, 0x9080000 + n * UINT64_C(0x10000), 0x1000);
	put_flag(tree, "dma-coherent");
	put_cells(tree, "iommus", &iommus);
	put_u32(tree, "phandle", NODE(n));
	end(tree);
}

/* At the addresses that it has: what reads them goes on reading them. */
static void put_reserved(struct tree *tree)
{
	const uint64_t len = SIM_RMRR_LAST - SIM_RMRR_BASE + 1;
	struct cells used = { .n = 0 };
	char name[32];

	add(&used, NODE(0));
	add_wide(&used, SIM_RMRR_BASE);
	add_wide(&used, len);
	snprintf(name, sizeof(name), "splash@%llx", (unsigned long long)SIM_RMRR_BASE);
	begin(tree, "reserved-memory");
	put_u32(tree, "#address-cells", 2);
	put_u32(tree, "#size-cells", 2);
	put_flag(tree, "ranges");
	begin(tree, name);
	put_reg(tree, SIM_RMRR_BASE, len);
	put_cells(tree, "iommu-addresses", &used);
	end(tree);
	end(tree);
}

static void put_root(struct tree *tree, const struct sim_config *config)
{
	begin(tree, "");
	put_text(tree, "compatible", "piommu,sim");
	put_u32(tree, "#address-cells", 2);
	put_u32(tree, "#size-cells", 2);
	put_u32(tree, "interrupt-parent", GIC);
	put_gic(tree);
	for (unsigned unit = 0; unit < config->units; unit++)
		put_unit(tree, config, unit);
	put_host(tree, config);
	for (unsigned i = 0; config->nodes && i < SIM_NNODES; i++)
		put_node(tree, config, i);
	if (config->reserved)
		put_reserved(tree);
	end(tree);
}

int sim_fw_make_fdt(const struct sim_config *config, struct sim_table *table)
{
	struct tree tree = { .fdt = table->bytes };

	tree.err = fdt_create(tree.fdt, sizeof(table->bytes));
	if (!tree.err)
		tree.err = fdt_finish_reservemap(tree.fdt);
	put_root(&tree, config);
	if (!tree.err)
		tree.err = fdt_finish(tree.fdt);
	if (tree.err)
		return -ENOMEM;
	memcpy(table->sig, PIOMMU_FW_FDT, 4);
	table->len = fdt_totalsize(tree.fdt);
	return 0;
}
