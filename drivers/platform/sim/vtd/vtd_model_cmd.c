/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Commands of the VT-d model and how they are acknowledged: global commands, register-based invalidation, protected memory.
 * A command takes effect when it is acknowledged and not before, so that a driver that does not wait is seen. VT-d
 * specification, chapter 11 (GCMD, GSTS, CCMD, IOTLB, PMEN) and 6.5.1 (register-based invalidation). The lock is held.
 */
#include "vtd_model_priv.h"

/* Invalidations and new tables drain the write buffer first, asked for or not (section 6.8). */
static void latch_root(struct vtd_model *m)
{
	m->root = vtdm_get64(m, R_RTADDR) & ENTRY_ADDR;
	m->owed = OWED_CONTEXT | OWED_IOTLB;
	vtdm_drain_writes(m);
}

static void queue_enable(struct vtd_model *m, bool on)
{
	if (!on && m->head != field_get(IQT_QT, vtdm_get64(m, R_IQT)))
		sim_model_misuse(&m->model, "GCMD.QIE cleared with descriptors left in the queue");
	if (on && field_get(IQT_QT, vtdm_get64(m, R_IQT)))
		sim_model_misuse(&m->model, "GCMD.QIE set with IQT not zero");
	m->head = 0;
	m->abort_wait = false;
	vtdm_put64(m, R_IQH, 0);
}

static void gcmd_apply(struct vtd_model *m)
{
	uint32_t bit = m->pending, value = m->pending_value, gsts = vtdm_get32(m, R_GSTS);

	m->pending = 0;
	gsts = (gsts & ~G_LASTING) | (value & G_LASTING);
	if (bit & G_SRTP) {
		latch_root(m);
		gsts |= G_SRTP;
	}
	if (bit & G_SIRTP)
		gsts |= G_SIRTP;
	if (bit & G_WBF) {
		vtdm_drain_writes(m);
		gsts &= ~G_WBF;
	}
	if (bit & G_TE && value & G_TE) {
		if (!(gsts & G_SRTP))
			sim_model_misuse(&m->model, "GCMD.TE set before a root table (SRTP)");
		else if (m->owed)
			sim_model_misuse(&m->model, "GCMD.TE set before the %s was invalidated globally after SRTP",
					 m->owed & OWED_CONTEXT ? "context cache" : "IOTLB");
		vtdm_drain_writes(m);
	}
	if (bit & G_QIE)
		queue_enable(m, value & G_QIE);
	vtdm_put32(m, R_GSTS, gsts);
	if (bit & G_QIE)
		sim_worker_kick(&m->worker);
}

/* A command that the unit leaves alone, and says so by an actual granularity of 0: all while the queue is on, and an injected failure. */
static bool is_refused(struct vtd_model *m)
{
	if (vtdm_get32(m, R_GSTS) & G_QIE)
		return true;
	if (!m->model.fail_in || --m->model.fail_in)
		return false;
	m->model.counts.injected++;
	return true;
}

static void ccmd_apply(struct vtd_model *m)
{
	uint64_t ccmd = vtdm_get64(m, R_CCMD);
	unsigned gran = (unsigned)field_get(CCMD_CIRG, ccmd);

	if (is_refused(m))
		gran = 0;
	vtdm_context_invalidate(m, gran, (uint16_t)field_get(CCMD_DID, ccmd), (uint16_t)field_get(CCMD_SID, ccmd),
				(unsigned)field_get(CCMD_FM, ccmd));
	vtdm_put64(m, R_CCMD, (ccmd & ~(CCMD_ICC | CCMD_CAIG)) | field_prep(CCMD_CAIG, gran));
}

static void iotlb_apply(struct vtd_model *m)
{
	uint64_t iotlb = vtdm_get64(m, R_IOTLB);
	unsigned gran = (unsigned)field_get(IOTLB_IIRG, iotlb);

	if (is_refused(m))
		gran = 0;
	if (!vtdm_iotlb_invalidate(m, gran, (uint16_t)field_get(IOTLB_DID, iotlb), vtdm_get64(m, R_IVA)))
		gran = 0;
	vtdm_put64(m, R_IOTLB, (iotlb & ~(IOTLB_IVT | IOTLB_IAIG)) | field_prep(IOTLB_IAIG, gran));
}

static void pmen_apply(struct vtd_model *m)
{
	uint32_t pmen = vtdm_get32(m, R_PMEN);

	vtdm_put32(m, R_PMEN, pmen & PMEN_EPM ? pmen | PMEN_PRS : pmen & ~PMEN_PRS);
}

void vtdm_handshake(struct vtd_model *m)
{
	if (m->model.handshake_stuck)
		return;
	if (m->acks_left && --m->acks_left)
		return;
	if (m->pending)
		gcmd_apply(m);
	if (vtdm_get64(m, R_CCMD) & CCMD_ICC)
		ccmd_apply(m);
	if (vtdm_get64(m, R_IOTLB) & IOTLB_IVT)
		iotlb_apply(m);
	if (m->cfg.plmr)
		pmen_apply(m);
}

static void command(struct vtd_model *m)
{
	m->acks_left = m->model.slow_handshake;
	if (!m->acks_left)
		vtdm_handshake(m);
}

/* One command at a time: a change of one lasting bit, or one one-shot bit, with all other lasting bits as they are. */
void vtdm_gcmd_write(struct vtd_model *m, uint32_t value)
{
	uint32_t gsts = vtdm_get32(m, R_GSTS);
	uint32_t known = G_LASTING | G_ONE_SHOT;

	known &= ~((m->cfg.qi ? 0 : G_QIE) | (m->cfg.ir ? 0 : G_IRE | G_SIRTP | G_CFI));
	if (value & ~known)
		sim_model_misuse(&m->model, "GCMD 0x%x: bits 0x%x are reserved on this unit", value, value & ~known);
	if (m->pending) {
		sim_model_misuse(&m->model, "GCMD 0x%x while 0x%x is not acknowledged", value, m->pending);
		return;
	}
	value &= known;
	if (!m->cfg.rwbf)
		value &= ~G_WBF; /* ignored (chapter 11, GCMD) */
	m->pending = ((value ^ gsts) & G_LASTING) | (value & G_ONE_SHOT);
	m->pending_value = value;
	if (!m->pending)
		return;
	if (!is_pow2(m->pending))
		sim_model_misuse(&m->model, "GCMD 0x%x with GSTS 0x%x: more than one command at once (0x%x)", value, gsts,
				 m->pending);
	gsts &= ~(value & (G_SRTP | G_SIRTP));
	gsts |= value & G_WBF;
	vtdm_put32(m, R_GSTS, gsts);
	if (m->model.lose_in && !--m->model.lose_in) {
		m->pending = 0; /* the status stays where it is; software that waits in vain may issue another command */
		m->model.counts.injected++;
	} else {
		command(m);
	}
}

/* A flush of the write buffer is the one command whose status says that it is under way. */
void vtdm_late_command(struct vtd_model *m)
{
	if (m->pending & G_WBF || !(vtdm_get32(m, R_GSTS) & G_WBF))
		return;
	vtdm_drain_writes(m);
	vtdm_put32(m, R_GSTS, vtdm_get32(m, R_GSTS) & ~G_WBF);
}

void vtdm_ccmd_write(struct vtd_model *m)
{
	if (vtdm_get32(m, R_GSTS) & G_QIE)
		sim_model_misuse(&m->model, "CCMD used while the invalidation queue is on");
	command(m);
}

void vtdm_iotlb_write(struct vtd_model *m)
{
	if (vtdm_get32(m, R_GSTS) & G_QIE)
		sim_model_misuse(&m->model, "IOTLB used while the invalidation queue is on");
	command(m);
}

void vtdm_pmen_write(struct vtd_model *m)
{
	command(m);
}
