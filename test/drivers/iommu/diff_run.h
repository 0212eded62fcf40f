/* SPDX-License-Identifier: BSD-3-Clause */
/* One run of random steps on some machines at once, checked against diff_model.h after every step. */
#ifndef DIFF_RUN_H
#define DIFF_RUN_H

#include "diff_log.h"
#include "diff_model.h"
#include "rig.h"

#define DIFF_MACHINES 2u

/* A machine with the same memory, domains and devices as the model. */
struct diff_machine {
	struct rig rig;
	struct piommu_mem arena;
	struct piommu_domain *domain[DIFF_DOMAINS];
	struct piommu_gather *gather[DIFF_DOMAINS];
	struct piommu_sbdf device[DIFF_DEVICES];
};

struct diff_run {
	struct diff_log log;
	unsigned nmachines;
	struct diff_machine machine[DIFF_MACHINES];
	struct diff_model model;
	unsigned ndma, nblocked, neither, nmaps, nunmaps, nmoves;
};

/* As diff_want(). */
void diff_expect(struct diff_run *run, const char *what, const struct diff_machine *dm, long long got, long long want);

/* diff_dma.c */
void diff_step_dma(struct diff_run *run);
/* The model's bytes of `npages` pages from `first` are the machines'. */
void diff_check_memory(struct diff_run *run, unsigned first, unsigned npages);

/* diff_ops.c */
void diff_open(struct diff_run *run, const struct rig_target *targets, unsigned n);
void diff_close(struct diff_run *run);
void diff_step(struct diff_run *run);

#endif
