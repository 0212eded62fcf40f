/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The face of one unit's model, whatever its family: what the rest of the simulated machine knows of it. Registers in, DMA in,
 * memory out. Any thread; a model has locks of its own. Each family's header has its create function and what that takes.
 */
#ifndef SIM_MODEL_H
#define SIM_MODEL_H

#include <pthread.h>
#include <stdio.h>

#include "piommu_driver.h"
#include "piommu_sim.h"
#include "sim_mem.h"

struct sim_model;

struct sim_model_ops {
	void (*destroy)(struct sim_model *model); /* never NULL here */

	uint64_t (*read)(struct sim_model *model, unsigned off, unsigned width);
	void (*write)(struct sim_model *model, unsigned off, unsigned width, uint64_t value);
	/* A write through a window that was mapped only to look. */
	void (*complain_inspect)(struct sim_model *model, unsigned off);
	/* What its registers say of it, without an access: `caps_known`, `cap`, `version`. The rest is the platform's. */
	void (*facts)(const struct sim_model *model, struct piommu_unit_facts *out);

	/* One access within a 4 KiB page; `id` is what the request carries at the unit. @return 0, -EFAULT, -EIO as piommu_sim_dma() */
	int (*dma)(struct sim_model *model, uint32_t id, uint64_t iova, void *buf, size_t len, bool is_write);

	/* A switch was set; under the lock. */
	void (*switched)(struct sim_model *model, enum piommu_sim_switch which);
	/* The unit's part of piommu_sim_dump(). */
	void (*dump)(struct sim_model *model, FILE *out);
};

/* First member of each family's model. */
struct sim_model {
	const struct sim_model_ops *ops;
	size_t window_len; /* bytes of its registers; as firmware states it */

	pthread_mutex_t lock; /* guards all below, and what a family adds */

	/* Switches, by the words of enum piommu_sim_switch; what each means is the family's. */
	bool dead, queue_stuck, handshake_stuck;
	uint64_t slow_handshake, latency_ns, fail_in, lose_in;

	struct piommu_sim_counts counts;
	char complaint[200];
};

void sim_model_init(struct sim_model *model, const struct sim_model_ops *ops, size_t window_len, uint64_t latency_ns);
void sim_model_fini(struct sim_model *model);
/* @return 0; -EINVAL: there is no such switch */
int sim_model_set(struct sim_model *model, enum piommu_sim_switch which, uint64_t value);
void sim_model_counts(struct sim_model *model, struct piommu_sim_counts *out);
/* The first complaint since the last call, "" if none. */
void sim_model_complaint(struct sim_model *model, char *text, size_t len);
/* Under the lock. Of several complaints the first counts: it is the cause of the rest. */
__attribute__((format(printf, 2, 3))) void sim_model_complain(struct sim_model *model, const char *fmt, ...);

static inline void sim_model_destroy(struct sim_model *model)
{
	if (model)
		model->ops->destroy(model);
}

#endif
