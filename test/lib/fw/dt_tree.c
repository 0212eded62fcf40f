/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dt_tree.h"

#define GIC 0xffu

struct fdt_make tree;
struct piommu_fw fw;
struct piommu_fw_error err;

void tree_start(void)
{
	fdt_make_start(&tree, 2);
	FDT_CELLS(&tree, "interrupt-parent", GIC);
	fdt_make_begin(&tree, "interrupt-controller");
	fdt_make_text(&tree, "compatible", "arm,gic-v3");
	FDT_CELLS(&tree, "#interrupt-cells", 3);
	FDT_CELLS(&tree, "phandle", GIC);
	fdt_make_end(&tree);
}

void tree_unit(const char *name, const char *compatible, uint32_t phandle, uint32_t cells, const uint32_t *reg, size_t nreg)
{
	fdt_make_begin(&tree, name);
	fdt_make_text(&tree, "compatible", compatible);
	FDT_CELLS(&tree, "phandle", phandle);
	FDT_CELLS(&tree, "#iommu-cells", cells);
	fdt_make_cells(&tree, "reg", reg, nreg);
	fdt_make_end(&tree);
}

void tree_smmu(const char *compatible, uint32_t phandle, uint32_t cells)
{
	char name[32];

	snprintf(name, sizeof(name), "smmu@%x", 0x10000 * phandle);
	tree_unit(name, compatible, phandle, cells, (const uint32_t[]){ 0, 0x10000 * phandle, 0, 0x10000 }, 4);
}

/* From a block of its exact size, for AddressSanitizer. */
int tree_parse(void)
{
	uint8_t *copy;
	int rc;

	fdt_make_finish(&tree);
	copy = malloc(tree.len);
	memcpy(copy, tree.bytes, tree.len);
	memset(&fw, 0, sizeof(fw));
	memset(&err, 0, sizeof(err));
	rc = piommu_fw_parse_fdt(copy, tree.len, &fw, &err);
	free(copy);
	return rc;
}
