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

/* A family's part. Under the lock, but for the first two; no access comes to a unit that is dead. */
struct sim_model_ops {
	void (*destroy)(struct sim_model *model); /* never NULL here */
	/* What its registers say of it, without an access: `caps_known`, `cap`, `version`. The rest is the platform's. They are constant. */
	void (*facts)(const struct sim_model *model, struct piommu_unit_facts *out);

	uint64_t (*read)(struct sim_model *model, unsigned off, unsigned width);
	void (*write)(struct sim_model *model, unsigned off, unsigned width, uint64_t value);
	/* @return 0, -EFAULT or -EIO as piommu_sim_dma(), or SIM_IGNORED */
	int (*dma)(struct sim_model *model, uint32_t id, uint64_t iova, void *buf, size_t len, bool is_write);

	/* A switch was set. */
	void (*switched)(struct sim_model *model, enum piommu_sim_switch which);
	/* Parts of piommu_sim_dump(): registers and faults; what becomes of each stream, where the unit translates. */
	void (*dump_state)(const struct sim_model *model, FILE *out);
	void (*dump_streams)(struct sim_model *model, FILE *out);
};
#define SIM_IGNORED 1 /* blocked, and the device is not told: reads are zero, writes go nowhere */

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

/* A dead unit reads as all ones. */
uint64_t sim_model_read(struct sim_model *model, unsigned off, unsigned width);
void sim_model_write(struct sim_model *model, unsigned off, unsigned width, uint64_t value);
/* A write through a window that was mapped only to look. */
void sim_model_write_inspected(struct sim_model *model, unsigned off);
/* One access within a 4 KiB page; `id` is what the request carries at the unit. @return 0, -EFAULT, -EIO as piommu_sim_dma() */
int sim_model_dma(struct sim_model *model, uint32_t id, uint64_t iova, void *buf, size_t len, bool is_write);
/* The unit's part of piommu_sim_dump(). Changes nothing. */
void sim_model_dump(struct sim_model *model, FILE *out);

/* ---- For families; under the lock ---- */

/* Of several complaints the first counts: it is the cause of the rest. */
__attribute__((format(printf, 2, 3))) void sim_model_complain(struct sim_model *model, const char *fmt, ...);
/* The same, and counts a wrong use of a register, or a structure changed in a way that hardware may see half of. */
#define sim_model_misuse(model, ...) ((model)->counts.misuse++, sim_model_complain(model, __VA_ARGS__))
/* The same, and counts reserved bits. */
#define sim_model_reserved(model, ...) ((model)->counts.reserved_errors++, sim_model_complain(model, __VA_ARGS__))
/*
 * A word of a structure as a unit sees it that does not snoop: not before its write-back, which is counted and complained of but for
 * bits that hardware ignores. False: there is no memory.
 */
bool sim_model_load(struct sim_model *model, struct sim_mem *mem, uint64_t pa, uint64_t ignored, uint64_t *word);
/* The unit has not seen what memory holds; `step` is what software left out. */
void sim_model_unflushed(struct sim_model *model, const char *step, uint64_t pa, uint64_t seen, uint64_t truth);
/* Counts an access by what became of it. @return `err` as the device is told it */
int sim_model_count_dma(struct sim_model *model, int err);

static inline void sim_model_destroy(struct sim_model *model)
{
	if (model)
		model->ops->destroy(model);
}

#endif
