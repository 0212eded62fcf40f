/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Life, switches and counts of the SMMUv3 model. Entered by any thread; takes the unit's lock.
 *
 *   registers   smmuv3_model_regs.c, smmuv3_model_ctrl.c
 *   a request   smmuv3_model_dma.c -> _stream.c (STE, CD; _entry.c says what they mean) -> _translate.c (lpae_walk.c) -> _event.c
 *   caches      smmuv3_model_cache.c, smmuv3_model_config.c, told by smmuv3_model_queue.c
 */
#include <errno.h>
#include <stdlib.h>

#include "smmuv3_model_priv.h"

static void release(struct smmuv3_model *m)
{
	s3m_caches_fini(m);
	sim_worker_fini(&m->worker);
	sim_model_fini(&m->model);
	free(m);
}

static void destroy(struct sim_model *model)
{
	sim_worker_stop(&s3m_of(model)->worker);
	release(s3m_of(model));
}

static void facts(const struct sim_model *model, struct piommu_unit_facts *out)
{
	const struct smmuv3_model *m = (const struct smmuv3_model *)(const void *)model;

	out->caps_known = true;
	out->cap[0] = s3m_get32(m, R_IDR0) | (uint64_t)s3m_get32(m, R_IDR1) << 32;
	out->cap[1] = s3m_get32(m, R_IDR3) | (uint64_t)s3m_get32(m, R_IDR5) << 32;
	out->version = s3m_get32(m, R_AIDR);
}

static void switched(struct sim_model *model, enum piommu_sim_switch which)
{
	(void)which;
	sim_worker_kick(&s3m_of(model)->worker);
}

static const struct sim_model_ops ops = {
	.destroy = destroy,
	.facts = facts,
	.read = s3m_read,
	.write = s3m_write,
	.dma = s3m_dma,
	.switched = switched,
	.dump_state = s3m_dump_state,
	.dump_streams = s3m_dump_streams,
};

int smmuv3_model_create(const struct smmuv3_model_config *config, struct sim_mem *mem, struct sim_model **out)
{
	struct smmuv3_model *m = calloc(1, sizeof(*m));
	int err = 0;

	if (!m)
		return -ENOMEM;
	sim_model_init(&m->model, &ops, R_WINDOW, config->latency_ns);
	m->cfg = *config;
	m->mem = mem;
	sim_worker_init(&m->worker, &m->model.lock, s3m_queue_step, m);
	s3m_regs_init(m);
	if (config->thread)
		err = sim_worker_start(&m->worker);
	if (err) {
		release(m);
		return err;
	}
	*out = &m->model;
	return 0;
}
