/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fault recording of the VT-d model: primary fault logging with NFR records used in turn, no compression of faults of one
 * source. VT-d specification 7.2.1, and chapter 11 (FSTS, FRCD). The lock is held.
 */
#include "vtd_model_priv.h"

static unsigned record_at(unsigned index)
{
	return R_FRCD + 16 * index;
}

static bool pending(const struct vtd_model *m)
{
	for (unsigned i = 0; i < m->cfg.nfr; i++)
		if (vtdm_get64(m, record_at(i) + 8) & FRCD_F)
			return true;
	return false;
}

/* PPF is the OR of all F bits; FRI keeps the place of the first fault of those that are pending. */
uint32_t vtdm_fsts(const struct vtd_model *m)
{
	uint32_t fsts = vtdm_get32(m, R_FSTS);

	return pending(m) ? fsts | FSTS_PPF : fsts & ~FSTS_FRI;
}

void vtdm_fault_record(struct vtd_model *m, const struct vtdm_fault *fault)
{
	unsigned at = record_at(m->fault_next);
	uint32_t fsts = vtdm_get32(m, R_FSTS);

	m->model.counts.faults++;
	if (fsts & FSTS_PFO || vtdm_get64(m, at + 8) & FRCD_F) {
		m->model.counts.faults_lost++;
		vtdm_put32(m, R_FSTS, fsts | FSTS_PFO);
		return;
	}
	if (!pending(m))
		vtdm_put32(m, R_FSTS, (fsts & ~FSTS_FRI) | field_prep32(FSTS_FRI, m->fault_next));
	vtdm_put64(m, at, fault->iova & ENTRY_ADDR);
	vtdm_put64(m, at + 8,
		   FRCD_F | (fault->is_write ? 0 : FRCD_T1_READ) | field_prep(FRCD_FR, fault->reason) |
			   field_prep(FRCD_SID, fault->sid));
	m->fault_next = (m->fault_next + 1) % m->cfg.nfr;
}
