/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A request through the SMMUv2 model: stream mapping, context bank, translation, permission, fault, memory. IHI 0062, stream mapping,
 * context faults (terminate and stall), SMMU_sCR0, SMMU_S2CRn, SMMU_CBn_SCTLR, SMMU_CBn_RESUME. The lock is held.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "smmuv2_model_priv.h"

/* ---- Where a stream goes ---- */

static void pass(struct smmuv2m_route *route, uint32_t kept)
{
	route->bypass = true;
	route->kept = kept;
}

static void follow(const struct smmuv2_model *m, unsigned group, struct smmuv2m_route *route)
{
	uint32_t s2cr = m->gr0[G_S2CR / 4 + group];
	uint32_t type = field_get32(S2CR_TYPE, s2cr);

	route->is_priv = field_get32(S2CR_PRIVCFG, s2cr) == PRIVCFG_PRIVILEGED;
	route->bank = field_get32(S2CR_CBNDX, s2cr);
	if (type == S2CR_BYPASS)
		pass(route, ACR_S2CRB_TLBEN);
	else if (type != S2CR_TRANSLATE)
		route->gfsr = GFSR_ICF;
	else if (route->bank >= m->cfg.ncb)
		route->gfsr = GFSR_UCBF;
	else if (field_get32(CBAR_TYPE, smmuv2m_cbar(m, route->bank)) == CBAR_S1_S2_FAULT)
		route->gfsr = GFSR_ICF;
	else if (!smmuv2m_is_v2(m) && field_get32(CBAR_IRPTNDX, smmuv2m_cbar(m, route->bank)) >= m->cfg.ncb)
		route->gfsr = GFSR_UCIF;
	else
		route->bypass = !(m->bank[route->bank].words[B_SCTLR / 4] & SCTLR_M);
}

void smmuv2m_route(const struct smmuv2_model *m, uint32_t sid, struct smmuv2m_route *route)
{
	unsigned found = 0, group = 0;

	*route = (struct smmuv2m_route){ .bypass = smmuv2m_cr0(m) & CR0_CLIENTPD };
	if (route->bypass)
		return;
	for (unsigned i = 0; i < m->ngroups; i++) {
		if (!smmuv2m_group_matches(m, i, sid))
			continue;
		found++;
		group = i;
	}
	route->conflict = found > 1;
	if (route->conflict && !(smmuv2m_cr0(m) & CR0_SMCFCFG))
		route->bypass = true;
	else if (route->conflict)
		route->gfsr = GFSR_SMCF;
	else if (found)
		follow(m, group, route);
	else if (smmuv2m_cr0(m) & CR0_USFCFG)
		route->gfsr = GFSR_USF;
	else
		pass(route, ACR_SMTNMB_TLBEN);
}

/* A stream that passed does so until the TLB forgets it, whatever its group says by then (MMU-500, sACR). */
static void route_by_tlb(struct smmuv2_model *m, uint32_t sid, struct smmuv2m_route *route)
{
	if (m->cfg.version != SMMUV2_MODEL_MMU500 || smmuv2m_cr0(m) & CR0_CLIENTPD)
		return;
	if (sim_cache_find(&m->passing, sid)) {
		m->model.counts.stale_hits += !route->bypass;
		*route = (struct smmuv2m_route){ .bypass = true };
	} else if (route->kept & m->gr0[G_ACR / 4]) {
		sim_cache_put(&m->passing, sid, 0, 0);
	}
}

static uint32_t stream_of(const struct smmuv2_model *m, uint32_t id)
{
	bool wide = smmuv2m_cr0(m) & CR0_EXIDENABLE;
	unsigned bits = m->cfg.sid_bits < 15 || wide ? m->cfg.sid_bits : 15;

	return id & GENMASK32(bits - 1, 0);
}

/* ---- Context faults ---- */

/* One that stalls waits for RESUME, and so do its bytes, if they are to be written. */
static void stall(struct smmuv2_model *m, unsigned bank, const struct smmuv2m_request *request)
{
	struct smmuv2m_bank *b = &m->bank[bank];

	b->words[B_FSR / 4] |= FSR_SS;
	if (b->is_stalled)
		return;
	b->is_stalled = true;
	b->stalled = request->is_write ? malloc(sizeof(*b->stalled)) : NULL;
	if (!b->stalled)
		return;
	b->stalled->sid = request->sid;
	b->stalled->iova = request->iova;
	b->stalled->len = request->len;
	memcpy(b->stalled->data, request->buf, request->len);
}

static int terminate(const uint32_t *words)
{
	return words[B_SCTLR / 4] & SCTLR_CFRE ? -EFAULT : SIM_IGNORED;
}

static int context_fault(struct smmuv2_model *m, const struct smmuv2m_regime *r, const struct smmuv2m_request *request,
			 const struct smmuv2m_leaf *leaf)
{
	const uint32_t *words = m->bank[r->bank].words;
	bool may_stall = !(leaf->fsr & (FSR_EF | FSR_TLBMCF));

	smmuv2m_context_fault(m, r, request, leaf);
	if (!may_stall || !(words[B_SCTLR / 4] & SCTLR_CFCFG) || smmuv2m_cr0(m) & CR0_STALLD)
		return terminate(words);
	stall(m, r->bank, request);
	return -EFAULT;
}

/* ---- Translation ---- */

static void check_permission(const struct smmuv2m_request *request, struct smmuv2m_leaf *leaf)
{
	unsigned has = request->is_priv ? leaf->priv : leaf->user;

	if (!leaf->fsr && !(has & (request->is_write ? PIOMMU_WRITE : PIOMMU_READ)))
		leaf->fsr = FSR_PF;
}

static void count_stale(struct smmuv2_model *m, const struct smmuv2m_regime *r, const struct smmuv2m_request *request,
			const struct smmuv2m_leaf *used)
{
	struct smmuv2m_leaf truth;

	smmuv2m_translate(m, SMMUV2M_TRUTH, r, request->iova, &truth);
	check_permission(request, &truth);
	if (truth.fsr || truth.pa != used->pa)
		m->model.counts.stale_hits++;
}

static void check_table_change(struct smmuv2_model *m, const struct smmuv2m_regime *r)
{
	if (!m->bank[r->bank].table_changed)
		return;
	m->bank[r->bank].table_changed = false;
	if (smmuv2m_tag_cached(m, &r->tag))
		sim_model_misuse(&m->model,
				 "context bank %u is used with a new TTBR before what was cached of the old one is invalidated",
				 r->bank);
}

/* The TLB starts as it likes (IHI 0062, reset). */
static void check_clean(struct smmuv2_model *m, const struct smmuv2m_regime *r)
{
	bool is_hyp = r->tag.kind == TAG_HYP;

	if (is_hyp ? m->is_clean_hyp : m->is_clean)
		return;
	sim_model_misuse(&m->model,
			 "context bank %u is used before %s and a synchronisation: the TLB holds whatever it held at power-on",
			 r->bank, is_hyp ? "TLBIALLH" : "TLBIALLNSNH");
}

static int through_bank(struct smmuv2_model *m, unsigned bank, const struct smmuv2m_request *request, uint64_t *pa)
{
	const uint32_t *words = m->bank[bank].words;
	struct smmuv2m_regime regime;
	struct smmuv2m_leaf leaf;

	/* An earlier fault holds up what comes after it, unless "hit under previous context fault". */
	if (words[B_FSR / 4] & (FSR_FAULTS | FSR_SS) && !(words[B_SCTLR / 4] & SCTLR_HUPCF))
		return terminate(words);
	smmuv2m_bank_regime(m, bank, &regime);
	check_clean(m, &regime);
	check_table_change(m, &regime);
	smmuv2m_translate(m, SMMUV2M_HARDWARE, &regime, request->iova, &leaf);
	check_permission(request, &leaf);
	if (leaf.fsr)
		return context_fault(m, &regime, request, &leaf);
	if (leaf.cached)
		count_stale(m, &regime, request, &leaf);
	*pa = leaf.pa + request->iova % 4096;
	return 0;
}

static int access_memory(struct smmuv2_model *m, struct smmuv2m_request *request)
{
	uint64_t pa = request->iova;
	struct smmuv2m_route route;
	int err = 0;

	smmuv2m_route(m, request->sid, &route);
	route_by_tlb(m, request->sid, &route);
	request->is_priv = route.is_priv;
	if (route.conflict)
		sim_model_misuse(&m->model, "stream 0x%x matches more than one stream mapping group", request->sid);
	if (route.gfsr)
		return smmuv2m_global_fault(m, request, route.gfsr) ? -EFAULT : SIM_IGNORED;
	if (!route.bypass)
		err = through_bank(m, route.bank, request, &pa);
	if (err)
		return err;
	return sim_mem_dma(m->mem, pa, request->buf, request->len, request->is_write) ? 0 : -EIO;
}

int smmuv2m_dma(struct sim_model *model, uint32_t id, uint64_t iova, void *buf, size_t len, bool is_write)
{
	struct smmuv2_model *m = smmuv2m_of(model);
	struct smmuv2m_request request = { .iova = iova, .is_write = is_write, .buf = buf, .len = len };

	request.sid = stream_of(m, id);
	return access_memory(m, &request);
}

/* Bit 0: 1 terminate, 0 retry. */
void smmuv2m_resume(struct smmuv2_model *m, unsigned bank, uint32_t value)
{
	struct smmuv2m_bank *b = &m->bank[bank];
	struct smmuv2m_stalled *stalled = b->stalled;
	struct smmuv2m_request request;

	if (!b->is_stalled) {
		sim_model_misuse(&m->model, "RESUME of context bank %u, in which nothing stalls", bank);
		return;
	}
	b->is_stalled = false;
	b->stalled = NULL;
	b->words[B_FSR / 4] &= ~FSR_SS;
	if (stalled && !(value & 1)) {
		request = (struct smmuv2m_request){ .sid = stalled->sid, .iova = stalled->iova, .is_write = true };
		request.buf = stalled->data;
		request.len = stalled->len;
		sim_model_count_dma(&m->model, access_memory(m, &request));
	}
	free(stalled);
}
