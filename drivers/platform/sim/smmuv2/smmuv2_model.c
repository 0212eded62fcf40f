/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Life and switches of the SMMUv2 model. Entered by any thread; the lock is sim_model.c's.
 *
 *   registers   smmuv2_model_regs.c (which there are), smmuv2_model_ids.c (what they are at power-on),
 *               smmuv2_model_global.c and smmuv2_model_bank.c (what a write does)
 *   a request   smmuv2_model_dma.c -> smmuv2_model_walk.c -> lpae_walk.c; faults in smmuv2_model_fault.c
 *   caches      smmuv2_model_tlb.c
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "smmuv2_model_priv.h"

static void destroy(struct sim_model *model)
{
	struct smmuv2_model *m = smmuv2m_of(model);

	for (unsigned i = 0; i < m->cfg.ncb; i++)
		free(m->bank[i].stalled);
	free(m->bank);
	free(m->tags);
	free(m->drops);
	sim_cache_fini(&m->tag_of);
	sim_cache_fini(&m->tlb);
	sim_cache_fini(&m->tables);
	sim_cache_fini(&m->passing);
	sim_model_fini(&m->model);
	free(m);
}

/* IDR0 and IDR1, IDR2 and IDR7. */
static void facts(const struct sim_model *model, struct piommu_unit_facts *out)
{
	const struct smmuv2_model *m = (const struct smmuv2_model *)(const void *)model;

	out->caps_known = true;
	out->cap[0] = smmuv2m_wide(m->gr0, G_IDR0);
	out->cap[1] = m->gr0[G_IDR2 / 4] | (uint64_t)m->gr0[G_IDR7 / 4] << 32;
	out->version = m->gr0[G_IDR7 / 4];
}

static void switched(struct sim_model *model, enum piommu_sim_switch which)
{
	if (which == PIOMMU_SIM_FAIL_HANDSHAKES && !model->lose_in)
		smmuv2m_sync_late(smmuv2m_of(model));
}

static const struct sim_model_ops ops = {
	.destroy = destroy,
	.facts = facts,
	.read = smmuv2m_read,
	.write = smmuv2m_write,
	.dma = smmuv2m_dma,
	.switched = switched,
	.dump_state = smmuv2m_dump_state,
	.dump_streams = smmuv2m_dump_streams,
};

/* IDR2 has no other sizes than these. */
static bool has_encoding(unsigned bits)
{
	return bits == 32 || bits == 36 || bits == 40 || bits == 42 || bits == 44 || bits == 48;
}

static bool can_be(const struct smmuv2_model_config *c)
{
	if (c->ncb < 1 || c->ncb > 128 || c->ns2cb > c->ncb || c->npages_lg2 < 1 || c->npages_lg2 > 8 ||
	    c->ncb > 1u << c->npages_lg2)
		return false;
	if (c->page_lg2 != 12 && c->page_lg2 != 16)
		return false;
	if (c->nsmr > 128 || !c->sid_bits || c->sid_bits > (c->exids ? 16u : c->nsmr ? 15u : 7u))
		return false;
	if ((!c->s1 && !c->s2) || (!c->s2 && c->ns2cb) || !has_encoding(c->ias) || !has_encoding(c->oas))
		return false;
	if (c->version < SMMUV2_MODEL_V2 && (c->exids || c->vmid16))
		return false;
	return c->nkept <= 4 && c->nkept <= (c->nsmr ? c->nsmr : 1u << c->sid_bits);
}

int smmuv2_model_create(const struct smmuv2_model_config *config, struct sim_mem *mem, struct sim_model **out)
{
	struct smmuv2_model *m;

	if (!can_be(config))
		return -EINVAL;
	m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	m->bank = calloc(config->ncb, sizeof(*m->bank));
	if (!m->bank) {
		free(m);
		return -ENOMEM;
	}
	sim_model_init(&m->model, &ops, (size_t)2 << (config->npages_lg2 + config->page_lg2), config->latency_ns);
	m->cfg = *config;
	m->mem = mem;
	m->ngroups = config->nsmr ? config->nsmr : 1u << config->sid_bits;
	smmuv2m_power_on(m);
	*out = &m->model;
	return 0;
}
