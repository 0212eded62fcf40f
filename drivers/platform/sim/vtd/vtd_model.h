/* SPDX-License-Identifier: BSD-3-Clause */
/* A model of one VT-d unit in legacy mode. What it does: sim_model.h. */
#ifndef VTD_MODEL_H
#define VTD_MODEL_H

#include "sim_model.h"

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

int vtd_model_create(const struct vtd_model_config *config, struct sim_mem *mem, struct sim_model **out);

#endif
