/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Life, switches and counts of the VT-d model. Entered by any thread; takes the unit's lock.
 *
 *   registers   vtd_model_regs.c, vtd_model_cmd.c, vtd_model_fault.c
 *   a request   vtd_model_dma.c -> vtd_model_walk.c
 *   caches      vtd_model_cache.c, told by vtd_model_queue.c and vtd_model_cmd.c
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vtd_model_priv.h"

static void release(struct vtd_model *m)
{
	sim_cache_fini(&m->roots);
	sim_cache_fini(&m->context);
	sim_cache_fini(&m->iotlb);
	sim_cache_fini(&m->tables);
	sim_cache_fini(&m->held);
	sim_worker_fini(&m->worker);
	sim_model_fini(&m->model);
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

static void switched(struct sim_model *model, enum piommu_sim_switch which)
{
	struct vtd_model *m = vtdm_of(model);

	if (which == PIOMMU_SIM_FAIL_HANDSHAKES && !model->lose_in)
		vtdm_late_command(m);
	sim_worker_kick(&m->worker);
}

static const struct sim_model_ops ops = {
	.destroy = destroy,
	.facts = facts,
	.read = vtdm_read,
	.write = vtdm_write,
	.dma = vtdm_dma,
	.switched = switched,
	.dump_state = vtdm_dump_state,
	.dump_streams = vtdm_dump_streams,
};

int vtd_model_create(const struct vtd_model_config *config, struct sim_mem *mem, struct sim_model **out)
{
	struct vtd_model *m = calloc(1, sizeof(*m));
	int err = 0;

	if (!m)
		return -ENOMEM;
	sim_model_init(&m->model, &ops, R_SPACE, config->latency_ns);
	m->cfg = *config;
	m->mem = mem;
	sim_worker_init(&m->worker, &m->model.lock, vtdm_queue_step, m);
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
