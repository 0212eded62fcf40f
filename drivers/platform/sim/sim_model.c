/* SPDX-License-Identifier: BSD-3-Clause */
/* What units of all families have: a lock, the switches of piommu_sim.h, counts, a complaint. See sim_model.h. Any thread. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

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
