/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Event records of the SMMUv3 model: 32 bytes each into the event queue, an overflow flag when it is full, a global error when it
 * lies where no memory is. SMMUv3 specification 7.2 (the queue), 7.3 (records), 7.4 (overflow). The lock is held.
 */
#include "smmuv3_model_priv.h"

/* Word 1 */
#define EV_RNW BIT64(35)
#define EV_S2 BIT64(39)
#define EV_CLASS GENMASK64(41, 40)
/* Word 3 */
#define EV_IPA GENMASK64(51, 12)
#define EV_FETCH GENMASK64(51, 3)

unsigned s3m_queue_lg2(uint64_t base, unsigned most)
{
	unsigned lg2 = (unsigned)field_get(BASE_LOG2SIZE, base);

	return lg2 > most ? most : lg2;
}

/* Configuration errors say who; faults say what and where, too. Requests here are data, unprivileged, no substream. */
static void make(uint64_t record[4], uint32_t sid, uint64_t iova, bool is_write, const struct s3m_fault *f)
{
	record[0] = f->event | (uint64_t)sid << 32;
	record[1] = record[2] = record[3] = 0;
	if (f->event == F_STE_FETCH || f->event == F_CD_FETCH)
		record[3] = f->fetch & EV_FETCH;
	if (f->event < F_WALK_EABT)
		return;
	record[1] = (is_write ? 0 : EV_RNW) | (f->s2 ? EV_S2 : 0) | field_prep(EV_CLASS, f->class);
	record[2] = iova;
	if (f->event == F_WALK_EABT)
		record[3] = f->fetch & EV_FETCH;
	else if (f->s2)
		record[3] = f->ipa & EV_IPA;
}

static bool put(struct smmuv3_model *m, uint64_t pa, const uint64_t record[4])
{
	uint64_t *at = sim_mem_at(m->mem, pa, 32);

	if (!at)
		return false;
	for (unsigned i = 0; i < 4; i++)
		__atomic_store_n(at + i, record[i], __ATOMIC_RELEASE);
	return true;
}

static void lose(struct smmuv3_model *m)
{
	m->model.counts.faults_lost++;
}

/* Full: the flag is toggled once, until software has said that it saw it. */
static void overflow(struct smmuv3_model *m, uint32_t prod, uint32_t cons)
{
	lose(m);
	if (!((prod ^ cons) & EVENTQ_OVERFLOW))
		s3m_put32(m, R_EVENTQ_PROD, prod ^ EVENTQ_OVERFLOW);
}

void s3m_event(struct smmuv3_model *m, uint32_t sid, uint64_t iova, bool is_write, const struct s3m_fault *fault)
{
	uint64_t base = s3m_get64(m, R_EVENTQ_BASE), record[4];
	unsigned lg2 = s3m_queue_lg2(base, m->cfg.eventq_lg2);
	uint32_t prod = s3m_get32(m, R_EVENTQ_PROD), cons = s3m_get32(m, R_EVENTQ_CONS), mask = GENMASK32(lg2, 0);

	m->model.counts.faults++;
	if (fault->event == C_BAD_STREAMID && !(s3m_get32(m, R_CR2) & CR2_RECINVSID))
		return;
	if (!(s3m_get32(m, R_CR0ACK) & CR0_EVENTQEN) || s3m_gerror_active(m, GERROR_EVENTQ_ABT)) {
		lose(m);
		return;
	}
	if (((prod - cons) & mask) >= 1u << lg2) {
		overflow(m, prod, cons);
		return;
	}
	make(record, sid, iova, is_write, fault);
	base = align_down(base & BASE_ADDR, UINT64_C(32) << lg2);
	if (!put(m, base + 32 * (prod & (mask >> 1)), record)) {
		lose(m);
		s3m_gerror(m, GERROR_EVENTQ_ABT);
		return;
	}
	s3m_put32(m, R_EVENTQ_PROD, (prod & EVENTQ_OVERFLOW) | ((prod + 1) & mask));
}
