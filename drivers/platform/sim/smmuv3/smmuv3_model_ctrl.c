/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Registers of the SMMUv3 model that take effect by a handshake (CR0, IRQ_CTRL, GBPA), and global errors, which two registers
 * toggle at each other. A change takes effect when it is acknowledged and not before, so that a driver that does not wait is seen.
 * SMMUv3 specification 6.3.9 (CR0), 6.3.14 (GBPA), 6.3.16 to 6.3.20 (IRQ_CTRL, GERROR, GERRORN), 7.5. The lock is held.
 */
#include "smmuv3_model_priv.h"

static void apply(struct smmuv3_model *m)
{
	if (m->cr0_pending)
		s3m_put32(m, R_CR0ACK, s3m_get32(m, R_CR0));
	if (m->irq_pending)
		s3m_put32(m, R_IRQ_CTRLACK, s3m_get32(m, R_IRQ_CTRL));
	if (m->gbpa_pending) {
		m->gbpa = s3m_get32(m, R_GBPA) & ~GBPA_UPDATE;
		s3m_put32(m, R_GBPA, m->gbpa);
	}
	m->cr0_pending = m->irq_pending = m->gbpa_pending = false;
	sim_worker_kick(&m->worker);
}

void s3m_handshake(struct smmuv3_model *m)
{
	if (m->model.handshake_stuck || !(m->cr0_pending || m->irq_pending || m->gbpa_pending))
		return;
	if (m->acks_left && --m->acks_left)
		return;
	apply(m);
}

/* Sets `*pending`, unless the change is the one to be lost. */
static void begin(struct smmuv3_model *m, bool *pending)
{
	if (m->model.lose_in && !--m->model.lose_in) {
		m->model.counts.injected++;
		return;
	}
	*pending = true;
	m->acks_left = m->model.slow_handshake;
	if (!m->acks_left)
		s3m_handshake(m);
}

bool s3m_in_use(const struct smmuv3_model *m, uint32_t cr0_bits)
{
	return (s3m_get32(m, R_CR0) | s3m_get32(m, R_CR0ACK)) & cr0_bits;
}

/* Inner and outer write-back, and shareable: what a unit that snoops needs. */
static bool is_cached(uint32_t attributes)
{
	return (attributes & 0xf) == 5 && attributes >> 4 >= 2;
}

static void check_attributes(struct smmuv3_model *m, uint32_t cr0)
{
	uint32_t cr1 = s3m_get32(m, R_CR1);

	if (!m->mem->coherent)
		return;
	if (cr0 & CR0_SMMUEN && !is_cached(field_get32(CR1_TABLE, cr1)))
		sim_model_misuse(&m->model,
				 "SMMUEN with CR1 0x%x: a unit that snoops is told to read its stream table past the caches",
				 cr1);
	if (cr0 & (CR0_CMDQEN | CR0_EVENTQEN) && !is_cached(field_get32(CR1_QUEUE, cr1)))
		sim_model_misuse(&m->model,
				 "a queue is enabled with CR1 0x%x: a unit that snoops is told to go past the caches", cr1);
}

/* Low bits of an address that is not aligned to its table's size are ignored (6.3, STRTAB_BASE). */
static void check_table(struct smmuv3_model *m, uint32_t cr0)
{
	uint64_t base = s3m_get64(m, R_STRTAB_BASE) & STRTAB_ADDR;

	if (cr0 & CR0_SMMUEN && !is_aligned(base, s3m_strtab_align(m)))
		sim_model_misuse(&m->model, "SMMUEN with STRTAB_BASE 0x%llx, which is not aligned to its size of %llu bytes",
				 (unsigned long long)base, (unsigned long long)s3m_strtab_align(m));
}

/* Caches start as they like (3.11). */
static void check_caches(struct smmuv3_model *m, uint32_t cr0)
{
	if (cr0 & CR0_SMMUEN && m->invalidated != (ALL_CONFIG | ALL_TLB))
		sim_model_misuse(&m->model, "SMMUEN before %s and a CMD_SYNC: caches hold whatever they held at power-on",
				 m->invalidated & ALL_CONFIG ? "CMD_TLBI_NSNH_ALL" : "CMD_CFGI_ALL");
}

void s3m_cr0_write(struct smmuv3_model *m, uint32_t value)
{
	if (m->cr0_pending) {
		sim_model_misuse(&m->model, "CR0 0x%x while 0x%x is not acknowledged", value, s3m_get32(m, R_CR0));
		return;
	}
	check_attributes(m, value & ~s3m_get32(m, R_CR0ACK));
	check_table(m, value & ~s3m_get32(m, R_CR0ACK));
	check_caches(m, value & ~s3m_get32(m, R_CR0ACK));
	s3m_put32(m, R_CR0, value);
	if (value != s3m_get32(m, R_CR0ACK))
		begin(m, &m->cr0_pending);
}

void s3m_irq_write(struct smmuv3_model *m, uint32_t value)
{
	if (m->irq_pending) {
		sim_model_misuse(&m->model, "IRQ_CTRL 0x%x while 0x%x is not acknowledged", value, s3m_get32(m, R_IRQ_CTRL));
		return;
	}
	s3m_put32(m, R_IRQ_CTRL, value);
	if (value != s3m_get32(m, R_IRQ_CTRLACK))
		begin(m, &m->irq_pending);
}

void s3m_gbpa_write(struct smmuv3_model *m, uint32_t value)
{
	if (s3m_get32(m, R_GBPA) & GBPA_UPDATE && m->gbpa_pending) {
		sim_model_misuse(&m->model, "GBPA 0x%x while an update is not acknowledged", value);
		return;
	}
	if (!(value & GBPA_UPDATE)) {
		sim_model_misuse(&m->model, "GBPA 0x%x without Update: it is ignored", value);
		return;
	}
	s3m_put32(m, R_GBPA, value);
	begin(m, &m->gbpa_pending);
}

/* ---- Global errors ---- */

bool s3m_gerror_active(const struct smmuv3_model *m, uint32_t bit)
{
	return (s3m_get32(m, R_GERROR) ^ s3m_get32(m, R_GERRORN)) & bit;
}

/* One that is active is not raised again. */
void s3m_gerror(struct smmuv3_model *m, uint32_t bit)
{
	if (!s3m_gerror_active(m, bit))
		s3m_put32(m, R_GERROR, s3m_get32(m, R_GERROR) ^ bit);
}

void s3m_gerrorn_write(struct smmuv3_model *m, uint32_t value)
{
	uint32_t toggled = value ^ s3m_get32(m, R_GERRORN);

	if (toggled & ~(s3m_get32(m, R_GERROR) ^ s3m_get32(m, R_GERRORN)))
		sim_model_misuse(&m->model, "GERRORN 0x%x with GERROR 0x%x: an error that is not active is acknowledged", value,
				 s3m_get32(m, R_GERROR));
	s3m_put32(m, R_GERRORN, value);
	sim_worker_kick(&m->worker); /* what stopped the queue may be gone */
}
