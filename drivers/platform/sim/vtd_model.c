/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Life, switches and counts of the VT-d model. Entered by any thread; takes the unit's lock.
 *
 *   registers   vtd_model_regs.c, vtd_model_cmd.c, vtd_model_fault.c
 *   a request   vtd_model_dma.c -> vtd_model_walk.c
 *   caches      vtd_model_cache.c, told by vtd_model_queue.c and vtd_model_cmd.c
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vtd_model_priv.h"

void vtdm_complain(struct vtd_model *m, const char *fmt, ...)
{
	va_list ap;

	if (m->complaint[0])
		return; /* the first one is the cause of the rest */
	va_start(ap, fmt);
	vsnprintf(m->complaint, sizeof(m->complaint), fmt, ap);
	va_end(ap);
}

static void release(struct vtd_model *m)
{
	sim_cache_fini(&m->roots);
	sim_cache_fini(&m->context);
	sim_cache_fini(&m->iotlb);
	sim_cache_fini(&m->tables);
	sim_cache_fini(&m->held);
	sim_worker_fini(&m->worker);
	pthread_mutex_destroy(&m->lock);
	free(m);
}

static void destroy(struct sim_model *model)
{
	struct vtd_model *m = vtdm_of(model);

	sim_worker_stop(&m->worker);
	release(m);
}

static void facts(const struct sim_model *model, struct piommu_unit_facts *out)
{
	const struct vtd_model *m = (const struct vtd_model *)(const void *)model;

	out->caps_known = true;
	out->version = m->words[R_VER / 4];
	out->cap[0] = m->cap;
	out->cap[1] = m->ecap;
}

static int locked_set(struct vtd_model *m, enum piommu_sim_switch which, uint64_t value)
{
	switch (which) {
	case PIOMMU_SIM_QUEUE_STUCK:
		m->queue_stuck = value;
		break;
	case PIOMMU_SIM_HANDSHAKE_STUCK:
		m->handshake_stuck = value;
		break;
	case PIOMMU_SIM_DEAD:
		m->dead = value;
		break;
	case PIOMMU_SIM_LATENCY_NS:
		m->latency_ns = value;
		break;
	case PIOMMU_SIM_FAIL_INVALIDATIONS:
		m->fail_in = value;
		break;
	case PIOMMU_SIM_SLOW_HANDSHAKE:
		m->slow_handshake = value;
		break;
	case PIOMMU_SIM_FAIL_HANDSHAKES:
		m->lose_command_in = value;
		if (!value)
			vtdm_late_command(m);
		break;
	default:
		return -EINVAL;
	}
	sim_worker_kick(&m->worker);
	return 0;
}

static int set(struct sim_model *model, enum piommu_sim_switch which, uint64_t value)
{
	struct vtd_model *m = vtdm_of(model);
	int err;

	pthread_mutex_lock(&m->lock);
	err = locked_set(m, which, value);
	pthread_mutex_unlock(&m->lock);
	return err;
}

static void counts(struct sim_model *model, struct piommu_sim_counts *out)
{
	struct vtd_model *m = vtdm_of(model);

	pthread_mutex_lock(&m->lock);
	*out = m->counts;
	pthread_mutex_unlock(&m->lock);
}

static void complaint(struct sim_model *model, char *text, size_t len)
{
	struct vtd_model *m = vtdm_of(model);

	pthread_mutex_lock(&m->lock);
	snprintf(text, len, "%s", m->complaint);
	m->complaint[0] = 0;
	pthread_mutex_unlock(&m->lock);
}

static const struct sim_model_ops ops = {
	.destroy = destroy,
	.read = vtdm_read,
	.write = vtdm_write,
	.complain_inspect = vtdm_complain_inspect,
	.facts = facts,
	.dma = vtdm_dma,
	.set = set,
	.counts = counts,
	.complaint = complaint,
	.dump = vtdm_dump,
};

int vtd_model_create(const struct vtd_model_config *config, struct sim_mem *mem, struct sim_model **out)
{
	struct vtd_model *m = calloc(1, sizeof(*m));
	int err = 0;

	if (!m)
		return -ENOMEM;
	m->model = (struct sim_model){ &ops, R_SPACE };
	m->cfg = *config;
	m->mem = mem;
	m->latency_ns = config->latency_ns;
	pthread_mutex_init(&m->lock, NULL);
	sim_worker_init(&m->worker, &m->lock, vtdm_queue_step, m);
	vtdm_regs_init(m);
	if (config->thread && config->qi)
		err = sim_worker_start(&m->worker);
	if (err) {
		release(m);
		return err;
	}
	*out = &m->model;
	return 0;
}
