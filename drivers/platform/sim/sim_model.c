/* SPDX-License-Identifier: BSD-3-Clause */
/* What units of all families have: a lock, the switches of piommu_sim.h, counts, a complaint. See sim_model.h. Any thread. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "sim_model.h"

void sim_model_init(struct sim_model *model, const struct sim_model_ops *ops, size_t window_len, uint64_t latency_ns)
{
	model->ops = ops;
	model->window_len = window_len;
	model->latency_ns = latency_ns;
	pthread_mutex_init(&model->lock, NULL);
}

void sim_model_fini(struct sim_model *model)
{
	pthread_mutex_destroy(&model->lock);
}

static int locked_set(struct sim_model *model, enum piommu_sim_switch which, uint64_t value)
{
	switch (which) {
	case PIOMMU_SIM_QUEUE_STUCK:
		model->queue_stuck = value;
		return 0;
	case PIOMMU_SIM_HANDSHAKE_STUCK:
		model->handshake_stuck = value;
		return 0;
	case PIOMMU_SIM_DEAD:
		model->dead = value;
		return 0;
	case PIOMMU_SIM_LATENCY_NS:
		model->latency_ns = value;
		return 0;
	case PIOMMU_SIM_FAIL_INVALIDATIONS:
		model->fail_in = value;
		return 0;
	case PIOMMU_SIM_SLOW_HANDSHAKE:
		model->slow_handshake = value;
		return 0;
	case PIOMMU_SIM_FAIL_HANDSHAKES:
		model->lose_in = value;
		return 0;
	default:
		return -EINVAL;
	}
}

int sim_model_set(struct sim_model *model, enum piommu_sim_switch which, uint64_t value)
{
	int err;

	pthread_mutex_lock(&model->lock);
	err = locked_set(model, which, value);
	if (!err)
		model->ops->switched(model, which);
	pthread_mutex_unlock(&model->lock);
	return err;
}

void sim_model_counts(struct sim_model *model, struct piommu_sim_counts *out)
{
	pthread_mutex_lock(&model->lock);
	*out = model->counts;
	pthread_mutex_unlock(&model->lock);
}

void sim_model_complaint(struct sim_model *model, char *text, size_t len)
{
	pthread_mutex_lock(&model->lock);
	snprintf(text, len, "%s", model->complaint);
	model->complaint[0] = 0;
	pthread_mutex_unlock(&model->lock);
}

void sim_model_complain(struct sim_model *model, const char *fmt, ...)
{
	va_list args;

	if (model->complaint[0])
		return;
	va_start(args, fmt);
	vsnprintf(model->complaint, sizeof(model->complaint), fmt, args);
	va_end(args);
}

void sim_model_unflushed(struct sim_model *model, const char *step, uint64_t pa, uint64_t seen, uint64_t truth)
{
	model->counts.unflushed++;
	sim_model_complain(model, "structure at 0x%llx read before its %s: the unit sees 0x%llx, memory holds 0x%llx",
			   (unsigned long long)pa, step, (unsigned long long)seen, (unsigned long long)truth);
}

bool sim_model_load(struct sim_model *model, struct sim_mem *mem, uint64_t pa, uint64_t ignored, uint64_t *word)
{
	uint64_t truth;

	if (!sim_mem_load(mem, pa, &truth))
		return false;
	*word = truth;
	if (mem->coherent)
		return true;
	sim_mem_load_written(mem, pa, word);
	if ((*word ^ truth) & ~ignored)
		sim_model_unflushed(model, "write-back", pa, *word, truth);
	return true;
}

/* ---- Accesses ---- */

uint64_t sim_model_read(struct sim_model *model, unsigned off, unsigned width)
{
	uint64_t value = width == 8 ? UINT64_MAX : UINT32_MAX;

	pthread_mutex_lock(&model->lock);
	if (!model->dead)
		value = model->ops->read(model, off, width);
	pthread_mutex_unlock(&model->lock);
	return value;
}

void sim_model_write(struct sim_model *model, unsigned off, unsigned width, uint64_t value)
{
	pthread_mutex_lock(&model->lock);
	if (!model->dead)
		model->ops->write(model, off, width, value);
	pthread_mutex_unlock(&model->lock);
}

void sim_model_write_inspected(struct sim_model *model, unsigned off)
{
	pthread_mutex_lock(&model->lock);
	sim_model_misuse(model, "write at 0x%x through a window that was mapped to inspect", off);
	pthread_mutex_unlock(&model->lock);
}

int sim_model_count_dma(struct sim_model *model, int err)
{
	model->counts.dma_ok += !err;
	model->counts.dma_blocked += err == -EFAULT || err == SIM_IGNORED;
	return err == SIM_IGNORED ? 0 : err;
}

/* The copy is made under the lock, so that an invalidation completes only after it: hardware drains its requests, too. */
int sim_model_dma(struct sim_model *model, uint32_t id, uint64_t iova, void *buf, size_t len, bool is_write)
{
	int err = -EFAULT;

	pthread_mutex_lock(&model->lock);
	if (!model->dead)
		err = model->ops->dma(model, id, iova, buf, len, is_write);
	if (err == SIM_IGNORED && !is_write)
		memset(buf, 0, len);
	err = sim_model_count_dma(model, err);
	pthread_mutex_unlock(&model->lock);
	return err;
}

void sim_model_dump(struct sim_model *model, FILE *out)
{
	pthread_mutex_lock(&model->lock);
	model->ops->dump_state(model, out);
	if (model->complaint[0])
		fprintf(out, "  complaint: %s\n", model->complaint);
	model->ops->dump_streams(model, out);
	pthread_mutex_unlock(&model->lock);
}
