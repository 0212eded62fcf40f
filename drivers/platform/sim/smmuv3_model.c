/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Life, switches and counts of the SMMUv3 model. Entered by any thread; takes the unit's lock.
 *
 *   registers   smmuv3_model_regs.c, smmuv3_model_ctrl.c
 *   a request   smmuv3_model_dma.c -> _stream.c (STE, CD; _entry.c says what they mean) -> _translate.c (lpae_walk.c) -> _event.c
 *   caches      smmuv3_model_cache.c, smmuv3_model_config.c, told by smmuv3_model_queue.c
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

#include "smmuv3_model_priv.h"

void s3m_complain(struct smmuv3_model *m, const char *fmt, ...)
{
	va_list ap;

	if (m->complaint[0])
		return; /* the first one is the cause of the rest */
	va_start(ap, fmt);
	vsnprintf(m->complaint, sizeof(m->complaint), fmt, ap);
	va_end(ap);
}

static struct smmuv3_model *of(struct sim_model *model)
{
	return (struct smmuv3_model *)model;
}

static void release(struct smmuv3_model *m)
{
	s3m_caches_fini(m);
	sim_worker_fini(&m->worker);
	pthread_mutex_destroy(&m->lock);
	free(m);
}

static void destroy(struct sim_model *model)
{
	sim_worker_stop(&of(model)->worker);
	release(of(model));
}

static void facts(const struct sim_model *model, struct piommu_unit_facts *out)
{
	const struct smmuv3_model *m = (const struct smmuv3_model *)model;

	out->caps_known = true;
	out->cap[0] = s3m_get32(m, R_IDR0) | (uint64_t)s3m_get32(m, R_IDR1) << 32;
	out->cap[1] = s3m_get32(m, R_IDR3) | (uint64_t)s3m_get32(m, R_IDR5) << 32;
	out->version = s3m_get32(m, R_AIDR);
}

static int locked_set(struct smmuv3_model *m, enum piommu_sim_switch which, uint64_t value)
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
		m->lose_in = value;
		break;
	default:
		return -EINVAL;
	}
	sim_worker_kick(&m->worker);
	return 0;
}

static int set(struct sim_model *model, enum piommu_sim_switch which, uint64_t value)
{
	struct smmuv3_model *m = of(model);
	int err;

	pthread_mutex_lock(&m->lock);
	err = locked_set(m, which, value);
	pthread_mutex_unlock(&m->lock);
	return err;
}

static void counts(struct sim_model *model, struct piommu_sim_counts *out)
{
	struct smmuv3_model *m = of(model);

	pthread_mutex_lock(&m->lock);
	*out = m->counts;
	pthread_mutex_unlock(&m->lock);
}

static void complaint(struct sim_model *model, char *text, size_t len)
{
	struct smmuv3_model *m = of(model);

	pthread_mutex_lock(&m->lock);
	snprintf(text, len, "%s", m->complaint);
	m->complaint[0] = 0;
	pthread_mutex_unlock(&m->lock);
}

static const struct sim_model_ops ops = {
	.destroy = destroy,
	.read = s3m_read,
	.write = s3m_write,
	.complain_inspect = s3m_complain_inspect,
	.facts = facts,
	.dma = s3m_dma,
	.set = set,
	.counts = counts,
	.complaint = complaint,
	.dump = s3m_dump,
};

int smmuv3_model_create(const struct smmuv3_model_config *config, struct sim_mem *mem, struct sim_model **out)
{
	struct smmuv3_model *m = calloc(1, sizeof(*m));
	int err = 0;

	if (!m)
		return -ENOMEM;
	m->face = (struct sim_model){ &ops, R_WINDOW };
	m->cfg = *config;
	m->mem = mem;
	m->latency_ns = config->latency_ns;
	pthread_mutex_init(&m->lock, NULL);
	sim_worker_init(&m->worker, &m->lock, s3m_queue_step, m);
	s3m_regs_init(m);
	if (config->thread)
		err = sim_worker_start(&m->worker);
	if (err) {
		release(m);
		return err;
	}
	*out = &m->face;
	return 0;
}
