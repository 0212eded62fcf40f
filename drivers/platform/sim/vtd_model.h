/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A model of one VT-d unit in legacy mode: what the rest of the simulated machine sees of it. Registers in, DMA in, memory
 * out. Any thread: everything is under the unit's lock.
 */
#ifndef VTD_MODEL_H
#define VTD_MODEL_H

#include <stdio.h>

#include "piommu_driver.h"
#include "piommu_sim.h"
#include "sim_mem.h"

struct vtd_model;

struct vtd_model_config {
	unsigned aw;       /* 39, 48 or 57 */
	unsigned leaf_lg2; /* largest leaf: 12, 21 or 30 */
	unsigned haw;      /* host address width */
	unsigned nfr;      /* fault recording registers */
	bool cm, rwbf, qi, pt, ir, plmr;
	bool thread; /* the queue has a thread of its own */
	uint64_t latency_ns;
	uint64_t kernel_root;                         /* root table that a kernel left enabled; 0: the unit is off */
	struct piommu_span protect_low, protect_high; /* what firmware protected (plmr) */
};

int vtd_model_create(const struct vtd_model_config *config, struct sim_mem *mem, struct vtd_model **out);
void vtd_model_destroy(struct vtd_model *model);

uint64_t vtd_model_read(struct vtd_model *model, unsigned off, unsigned width);
void vtd_model_write(struct vtd_model *model, unsigned off, unsigned width, uint64_t value);
/* A write through a window that was mapped only to look. */
void vtd_model_complain_inspect(struct vtd_model *model, unsigned off);
/* CAP and ECAP, without an access. */
void vtd_model_caps(const struct vtd_model *model, uint64_t cap[2]);

/* One access within a 4 KiB page. @return 0, -EFAULT, -EIO as piommu_sim_dma() */
int vtd_model_dma(struct vtd_model *model, uint16_t sid, uint64_t iova, void *buf, size_t len, bool is_write);

int vtd_model_set(struct vtd_model *model, enum piommu_sim_switch which, uint64_t value);
void vtd_model_counts(struct vtd_model *model, struct piommu_sim_counts *out);
void vtd_model_complaint(struct vtd_model *model, char *text, size_t len);
/* The unit's part of piommu_sim_dump(). */
void vtd_model_dump(struct vtd_model *model, FILE *out);

#endif
