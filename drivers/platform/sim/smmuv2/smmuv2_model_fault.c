/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fault recording of the SMMUv2 model: one record for the unit, one for each context bank. A fault that finds its record in use only sets
 * MULTI. IHI 0062, SMMU_sGFSR, SMMU_sGFSYNRm, SMMU_CBn_FSR, _FSYNR0, _FAR, _IPAFAR and SMMU_CBFRSYNRAn. The lock is held.
 */
#include "smmuv2_model_priv.h"

#define CONFIGURATION_FAULTS (GFSR_UCIF | GFSR_UCBF | GFSR_SMCF | GFSR_USF | GFSR_ICF)

bool smmuv2m_global_fault(struct smmuv2_model *m, const struct smmuv2m_request *request, uint32_t gfsr)
{
	uint32_t *status = &m->gr0[G_GFSR / 4], tells = gfsr & CONFIGURATION_FAULTS ? CR0_GCFGFRE : CR0_GFRE;

	m->model.counts.faults++;
	if (*status) {
		*status |= GFSR_MULTI;
		m->model.counts.faults_lost++;
	} else {
		*status = gfsr;
		smmuv2m_put_wide(m->gr0, G_GFAR, request->iova);
		m->gr0[G_GFSYNR0 / 4] = (request->is_write ? GFSYNR0_WNR : 0) | (request->is_priv ? GFSYNR0_PNU : 0);
		m->gr0[G_GFSYNR1 / 4] = request->sid;
	}
	return smmuv2m_cr0(m) & tells;
}

void smmuv2m_context_fault(struct smmuv2_model *m, const struct smmuv2m_regime *r, const struct smmuv2m_request *request,
			   const struct smmuv2m_leaf *leaf)
{
	uint32_t *words = m->bank[r->bank].words;

	m->model.counts.faults++;
	if (words[B_FSR / 4] & FSR_FAULTS) {
		words[B_FSR / 4] |= FSR_MULTI;
		m->model.counts.faults_lost++;
		return;
	}
	words[B_FSR / 4] |= leaf->fsr | field_prep32(FSR_FORMAT, r->va64 ? 2 : 1);
	words[B_FSYNR0 / 4] = (request->is_write ? FSYNR0_WNR : 0) | (request->is_priv ? FSYNR0_PNU : 0) |
			      (leaf->on_walk ? FSYNR0_PTWF : 0) | field_prep32(FSYNR0_PLVL, leaf->level);
	smmuv2m_put_wide(words, B_FAR, request->iova);
	if (r->stage == 2)
		smmuv2m_put_wide(words, B_IPAFAR, align_down(request->iova, 4096));
	m->gr1[A_CBFRSYNRA / 4 + r->bank] = request->sid;
}
