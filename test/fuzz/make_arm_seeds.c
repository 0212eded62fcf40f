/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Seeds for the IORT and device-tree targets, made by our own encoders, in the shapes that real ones have. Run again after a change
 * here: make_arm_seeds test/data/fuzz
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fdt_make.h"
#include "iort_make.h"

static void write_seed(const char *dir, const char *target, const char *name, const uint8_t *bytes, size_t len)
{
	char *path;
	FILE *file;

	if (asprintf(&path, "%s/%s/%s", dir, target, name) < 0)
		abort();
	file = fopen(path, "wb");
	if (!file || fwrite(bytes, 1, len, file) != len || fclose(file) != 0) {
		fprintf(stderr, "make_arm_seeds: %s: cannot write\n", path);
		exit(1);
	}
	free(path);
}

/* ---- IORT --------------------------------------------------------------------------------------------------------------- */

/* A server: one root complex over two SMMUv3 to an ITS, holes and a part past the SMMUs; counters. */
static void make_server(struct iort_make *make)
{
	uint32_t its, smmu, other;

	iort_make_start(make, "PIOMMUSERVER  ");
	its = iort_make_its(make, 0);
	smmu = iort_make_smmu_v3(make, 5, 0x140000000, 68);
	iort_make_map(make, 0, 0x7fff, 0, its, 0);
	iort_make_map(make, 0, 0, 0x7f01, its, 1);
	iort_make_set(make, smmu + 24, 4, 0x19);
	other = iort_make_smmu_v3(make, 1, 0x148000000, 64);
	iort_make_map(make, 0x8000, 0x7fff, 0x8000, its, 0);
	iort_make_root(make, 0);
	iort_make_map(make, 0, 0x3fff, 0, smmu, 0);
	iort_make_map(make, 0x4000, 0xff, 0x4000, its, 0);
	iort_make_map(make, 0x8000, 0x1fff, 0x8000, other, 0);
	iort_make_node(make, 5, 1);
	iort_make_put(make, 8, 0x140020000);
	iort_make_put(make, 4, 0x88);
	iort_make_put(make, 4, smmu);
	iort_make_put(make, 8, 0x140030000);
}

/* A laptop: SMMUv2, named components off alignment with many single ids, reserved memory. */
static void make_laptop(struct iort_make *make)
{
	uint32_t smmu;

	iort_make_start(make, "PIOMMULAPTOP  ");
	smmu = iort_make_smmu(make, 0x15000000);
	iort_make_named(make, "\\_SB.GPU0");
	for (uint32_t i = 0; i < 5; i++)
		iort_make_map(make, 0x30a0000 + i, 0, 0x400 + i, smmu, i & 1);
	iort_make_named(make, "\\_SB.JPGE0");
	iort_make_map(make, 0, 0, 0xd80, smmu, 1);
	iort_make_root(make, 3);
	iort_make_map(make, 0x100, 0xff, 0x1c00, smmu, 0);
	iort_make_rmr(make, 0x11, 0x84800000, 0x800000);
	iort_make_map(make, 0, 0, 0x400, smmu, 1);
}

/* Counts one too many, ranges that overlap, a chain of SMMUs, an unknown node. */
static void make_odd(struct iort_make *make)
{
	uint32_t its, outer, inner;

	iort_make_start(make, "HISI  HIP08   ");
	its = iort_make_its(make, 3);
	outer = iort_make_smmu_v3(make, 0, 0x148000000, 60);
	iort_make_map(make, 0x7a00, 0x100, 0x7a00, its, 0);
	inner = iort_make_smmu(make, 0);
	iort_make_map(make, 0, 0x100, 0x7a00, outer, 0);
	iort_make_root(make, 0);
	iort_make_map(make, 0x7a00, 0x100, 0x7a00, outer, 0);
	iort_make_map(make, 0x7b00, 0x100, 0x00, inner, 0);
	iort_make_map(make, 0x7a80, 0x10, 0x00, inner, 0);
	iort_make_node(make, 0x51, 0);
	iort_make_put(make, 1, 0xaa);
}

/* ---- Device trees ------------------------------------------------------------------------------------------------------- */

static void smmu(struct fdt_make *make, const char *name, const char *compatible, uint32_t phandle, uint32_t cells)
{
	fdt_make_begin(make, name);
	fdt_make_text(make, "compatible", compatible);
	FDT_CELLS(make, "reg", 0x15000000 + phandle * 0x100000, 0x100000);
	FDT_CELLS(make, "phandle", phandle);
	FDT_CELLS(make, "#iommu-cells", cells);
	FDT_CELLS(make, "#global-interrupts", 1);
	FDT_CELLS(make, "interrupts", 0, 65, 4, 0, 96, 1);
	fdt_make_end(make);
}

static void start_tree(struct fdt_make *make)
{
	fdt_make_start(make, 1);
	FDT_CELLS(make, "interrupt-parent", 1);
	fdt_make_begin(make, "intc@0");
	fdt_make_text(make, "compatible", "arm,gic-v3");
	FDT_CELLS(make, "#interrupt-cells", 3);
	FDT_CELLS(make, "phandle", 1);
	fdt_make_end(make);
}

/* A phone: ids with masks, PCI in entries of four cells and of five, memory that the display scans out of. */
static void make_phone(struct fdt_make *make)
{
	start_tree(make);
	fdt_make_begin(make, "soc");
	FDT_CELLS(make, "#address-cells", 1);
	FDT_CELLS(make, "#size-cells", 1);
	FDT_CELLS(make, "ranges", 0, 0, 0x40000000);
	smmu(make, "iommu@15200000", "qcom,smmu-500", 2, 2);
	smmu(make, "iommu@15300000", "qcom,smmu-v2", 3, 1);
	fdt_make_begin(make, "display@0");
	FDT_CELLS(make, "phandle", 4);
	FDT_CELLS(make, "iommus", 2, 0x880, 0x8, 2, 0xc80, 0x8, 3, 0x5);
	fdt_make_end(make);
	fdt_make_begin(make, "pcie@1c00000");
	fdt_make_text(make, "device_type", "pci");
	FDT_CELLS(make, "linux,pci-domain", 1);
	FDT_CELLS(make, "bus-range", 0, 255);
	FDT_CELLS(make, "iommu-map", 0, 2, 0x1c00, 1, 0x100, 2, 0x1c01, 1);
	fdt_make_end(make);
	fdt_make_begin(make, "pcie@1c08000");
	fdt_make_text(make, "device_type", "pci");
	FDT_CELLS(make, "iommu-map", 0, 2, 0x1c80, 0xf, 1, 0x100, 2, 0x1c90, 0xf, 1);
	FDT_CELLS(make, "iommu-map-mask", 0xff00);
	fdt_make_end(make);
	fdt_make_end(make);
	fdt_make_begin(make, "reserved-memory");
	FDT_CELLS(make, "#address-cells", 1);
	FDT_CELLS(make, "#size-cells", 1);
	FDT_CELLS(make, "ranges", 0, 0, 0x80000000);
	fdt_make_begin(make, "splash@1d400000");
	FDT_CELLS(make, "reg", 0x1d400000, 0x2400000);
	FDT_CELLS(make, "iommu-addresses", 4, 0x1d400000, 0x2400000, 4, 0x1000, 0x1000);
	fdt_make_end(make);
	fdt_make_end(make);
	fdt_make_finish(make);
}

/* The older binding. */
static void make_legacy(struct fdt_make *make)
{
	start_tree(make);
	fdt_make_begin(make, "smmu@2b500000");
	fdt_make_text(make, "compatible", "arm,mmu-401");
	FDT_CELLS(make, "reg", 0x2b500000, 0x10000);
	FDT_CELLS(make, "mmu-masters", 2, 0xd01d, 0xd01e, 3, 0xd11c);
	fdt_make_end(make);
	fdt_make_begin(make, "dma@0");
	FDT_CELLS(make, "phandle", 2);
	FDT_CELLS(make, "#stream-id-cells", 2);
	fdt_make_end(make);
	fdt_make_begin(make, "pci@0");
	fdt_make_text(make, "device_type", "pci");
	FDT_CELLS(make, "phandle", 3);
	FDT_CELLS(make, "#stream-id-cells", 1);
	fdt_make_end(make);
	fdt_make_finish(make);
}

/* A server: SMMUv3 with names for its interrupts. */
static void make_v3(struct fdt_make *make)
{
	static const char names[] = "eventq\0gerror\0priq\0cmdq-sync";

	start_tree(make);
	fdt_make_begin(make, "iommu@2b400000");
	fdt_make_text(make, "compatible", "arm,smmu-v3");
	FDT_CELLS(make, "reg", 0x2b400000, 0x20000);
	FDT_CELLS(make, "phandle", 2);
	FDT_CELLS(make, "#iommu-cells", 1);
	FDT_CELLS(make, "interrupts-extended", 1, 0, 74, 1, 1, 0, 79, 1, 1, 0, 75, 1, 1, 0, 77, 1);
	fdt_make_bytes(make, "interrupt-names", names, sizeof(names));
	FDT_FLAG(make, "dma-coherent");
	fdt_make_end(make);
	fdt_make_begin(make, "pcie@40000000");
	fdt_make_text(make, "device_type", "pci");
	FDT_CELLS(make, "iommu-map", 0, 2, 0, 8, 9, 2, 9, 0xfff7);
	fdt_make_end(make);
	fdt_make_finish(make);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*make)(struct iort_make *make);
	} tables[] = { { "server", make_server }, { "laptop", make_laptop }, { "odd", make_odd } };
	static const struct {
		const char *name;
		void (*make)(struct fdt_make *make);
	} trees[] = { { "phone", make_phone }, { "legacy", make_legacy }, { "v3", make_v3 } };
	static struct iort_make table;
	static struct fdt_make tree;

	if (argc != 2) {
		fprintf(stderr, "usage: make_arm_seeds DIR\n");
		return 2;
	}
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		tables[i].make(&table);
		iort_make_seal(&table);
		write_seed(argv[1], "iort", tables[i].name, table.bytes, table.len);
	}
	for (size_t i = 0; i < sizeof(trees) / sizeof(trees[0]); i++) {
		trees[i].make(&tree);
		write_seed(argv[1], "fdt", trees[i].name, tree.bytes, tree.len);
	}
	return 0;
}
