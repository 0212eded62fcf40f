/* SPDX-License-Identifier: BSD-3-Clause */
/* A device tree under test, and what was made of it. */
#ifndef TEST_FW_DT_TREE_H
#define TEST_FW_DT_TREE_H

#include "fdt_make.h"
#include "piommu_fw.h"

extern struct fdt_make tree;
extern struct piommu_fw fw;
extern struct piommu_fw_error err;

/* Begins a tree with a GIC (phandle 0xff) that is everybody's. */
void tree_start(void);
/* An SMMU. */
void tree_unit(const char *name, const char *compatible, uint32_t phandle, uint32_t cells, const uint32_t *reg, size_t nreg);
/* The same with a place of no interest, at 0x10000 times its phandle. */
void tree_smmu(const char *compatible, uint32_t phandle, uint32_t cells);
/* Ends the tree and parses it into an empty description. */
int tree_parse(void);

#endif
