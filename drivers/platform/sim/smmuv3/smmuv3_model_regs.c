/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The register file of the SMMUv3 model: which registers a unit has, how wide they are, what of them can be written and when, and
 * what a write sets off. SMMUv3 specification, chapter 6. The lock is held.
 * The queue registers of page 1 are there and not in page 0.
 */
#include "smmuv3_model_priv.h"

/* While what must a register not be changed (the "access restrictions" of each). */
enum guard {
	NEVER,
	UNDER_SMMUEN,
	UNDER_CMDQEN,
	UNDER_EVENTQEN,
	UNDER_GERROR_IRQ, /* and RES0 without MSIs, as the next */
	UNDER_EVENTQ_IRQ,
};

#define CR0_WRITABLE (CR0_SMMUEN | CR0_EVENTQEN | CR0_CMDQEN)
#define GBPA_WRITABLE (GENMASK64(4, 0) | GENMASK64(13, 8) | GENMASK64(20, 16) | GBPA_UPDATE)
#define GERROR_ALL (GENMASK64(8, 2) | BIT64(0))
#define MSI_ADDR GENMASK64(51, 2)
#define MSI_ATTR (GENMASK64(5, 4) | GENMASK64(3, 0))

static const struct sim_reg registers[] = {
	{ R_IDR0, 4, SIM_RO, NEVER, "IDR0", 0, 0 },
	{ R_IDR1, 4, SIM_RO, NEVER, "IDR1", 0, 0 },
	{ 0x08, 4, SIM_RO, NEVER, "IDR2", 0, 0 },
	{ R_IDR3, 4, SIM_RO, NEVER, "IDR3", 0, 0 },
	{ 0x10, 4, SIM_RO, NEVER, "IDR4", 0, 0 },
	{ R_IDR5, 4, SIM_RO, NEVER, "IDR5", 0, 0 },
	{ 0x18, 4, SIM_RO, NEVER, "IIDR", 0, 0 },
	{ R_AIDR, 4, SIM_RO, NEVER, "AIDR", 0, 0 },
	{ R_CR0, 4, SIM_RW, NEVER, "CR0", CR0_WRITABLE, 0 },
	{ R_CR0ACK, 4, SIM_RO, NEVER, "CR0ACK", 0, 0 },
	{ R_CR1, 4, SIM_RW, NEVER, "CR1", CR1_QUEUE | CR1_TABLE, 0 },
	{ R_CR2, 4, SIM_RW, UNDER_SMMUEN, "CR2", CR2_RECINVSID | BIT64(2), 0 },
	{ 0x40, 4, SIM_RO, NEVER, "STATUSR", 0, 0 },
	{ R_GBPA, 4, SIM_RW, NEVER, "GBPA", GBPA_WRITABLE, 0 },
	{ R_IRQ_CTRL, 4, SIM_RW, NEVER, "IRQ_CTRL", IRQ_GERROR | IRQ_EVENTQ, 0 },
	{ R_IRQ_CTRLACK, 4, SIM_RO, NEVER, "IRQ_CTRLACK", 0, 0 },
	{ R_GERROR, 4, SIM_RO, NEVER, "GERROR", 0, 0 },
	{ R_GERRORN, 4, SIM_RW, NEVER, "GERRORN", GERROR_ALL, 0 },
	{ R_GERROR_IRQ_CFG0, 8, SIM_RW, UNDER_GERROR_IRQ, "GERROR_IRQ_CFG0", MSI_ADDR, 0 },
	{ 0x70, 4, SIM_RW, UNDER_GERROR_IRQ, "GERROR_IRQ_CFG1", GENMASK64(31, 0), 0 },
	{ 0x74, 4, SIM_RW, UNDER_GERROR_IRQ, "GERROR_IRQ_CFG2", MSI_ATTR, 0 },
	{ R_STRTAB_BASE, 8, SIM_RW, UNDER_SMMUEN, "STRTAB_BASE", BASE_HINT | STRTAB_ADDR, 0 },
	{ R_STRTAB_BASE_CFG, 4, SIM_RW, UNDER_SMMUEN, "STRTAB_BASE_CFG", STRTAB_FMT | STRTAB_SPLIT | STRTAB_LOG2SIZE, 0 },
	{ R_CMDQ_BASE, 8, SIM_RW, UNDER_CMDQEN, "CMDQ_BASE", BASE_HINT | BASE_ADDR | BASE_LOG2SIZE, 0 },
	{ R_CMDQ_PROD, 4, SIM_RW, NEVER, "CMDQ_PROD", QUEUE_INDEX, 0 },
	{ R_CMDQ_CONS, 4, SIM_RW, UNDER_CMDQEN, "CMDQ_CONS", CONS_ERR | QUEUE_INDEX, 0 },
	{ R_EVENTQ_BASE, 8, SIM_RW, UNDER_EVENTQEN, "EVENTQ_BASE", BASE_HINT | BASE_ADDR | BASE_LOG2SIZE, 0 },
	{ R_EVENTQ_IRQ_CFG0, 8, SIM_RW, UNDER_EVENTQ_IRQ, "EVENTQ_IRQ_CFG0", MSI_ADDR, 0 },
	{ 0xb8, 4, SIM_RW, UNDER_EVENTQ_IRQ, "EVENTQ_IRQ_CFG1", GENMASK64(31, 0), 0 },
	{ 0xbc, 4, SIM_RW, UNDER_EVENTQ_IRQ, "EVENTQ_IRQ_CFG2", MSI_ATTR, 0 },
	{ R_EVENTQ_PROD, 4, SIM_RW, UNDER_EVENTQEN, "EVENTQ_PROD", EVENTQ_OVERFLOW | QUEUE_INDEX, 0 },
	{ R_EVENTQ_CONS, 4, SIM_RW, NEVER, "EVENTQ_CONS", EVENTQ_OVERFLOW | QUEUE_INDEX, 0 },
};
#define NREGISTERS (sizeof(registers) / sizeof(registers[0]))

static uint32_t make_idr0(const struct smmuv3_model *m)
{
	const struct smmuv3_model_config *c = &m->cfg;

	return IDR0_TTF_AARCH64 | IDR0_TTENDIAN_LITTLE | IDR0_STALL_NONE | IDR0_TERM_MODEL | (c->s2 ? IDR0_S2P : 0) |
	       (c->s1 ? IDR0_S1P : 0) | (m->mem->coherent ? IDR0_COHACC : 0) | (c->hyp ? IDR0_HYP : 0) |
	       (c->asid16 ? IDR0_ASID16 : 0) | (c->msi ? IDR0_MSI : 0) | (c->vmid16 ? IDR0_VMID16 : 0) |
	       (c->two_level ? IDR0_TWO_LEVEL : 0);
}

static uint32_t make_idr5(const struct smmuv3_model *m)
{
	const struct smmuv3_model_config *c = &m->cfg;
	unsigned oas = 0;

	while (lpae_size_bits(oas) != c->oas && oas < 6)
		oas++;
	return oas | (c->granule_4k ? IDR5_GRAN4K : 0) | (c->granule_16k ? IDR5_GRAN16K : 0) |
	       (c->granule_64k ? IDR5_GRAN64K : 0) | (c->vax ? IDR5_VAX : 0);
}

/* Shareability as it comes, nothing overridden: what GBPA has at reset (6.3.14). */
#define GBPA_RESET BIT32(12)

void s3m_regs_init(struct smmuv3_model *m)
{
	for (unsigned i = 0; i < NREGISTERS; i++)
		for (unsigned at = 0; at < registers[i].len; at += 4)
			m->reg_of[s3m_slot(registers[i].off + at)] = (uint8_t)(1 + i);
	s3m_put32(m, R_IDR0, make_idr0(m));
	s3m_put32(m, R_IDR1,
		  field_prep32(IDR1_SIDSIZE, m->cfg.sid_bits) | field_prep32(IDR1_EVENTQS, m->cfg.eventq_lg2) |
			  field_prep32(IDR1_CMDQS, m->cfg.cmdq_lg2));
	s3m_put32(m, R_IDR3, IDR3_HAD | (m->cfg.ril ? IDR3_RIL : 0));
	s3m_put32(m, R_IDR5, make_idr5(m));
	s3m_put32(m, R_AIDR, m->cfg.ril ? 2 : m->cfg.vax || m->cfg.oas == 52 ? 1 : 0);
	m->gbpa = GBPA_RESET | (m->cfg.gbpa_abort ? GBPA_ABORT : 0);
	s3m_put32(m, R_GBPA, m->gbpa);
	if (m->cfg.inv_all || m->cfg.kernel_on)
		m->invalidated = ALL_CONFIG | ALL_TLB;
	if (m->cfg.kernel_on) {
		s3m_put32(m, R_CR0, CR0_SMMUEN);
		s3m_put32(m, R_CR0ACK, CR0_SMMUEN);
		s3m_put64(m, R_STRTAB_BASE, m->cfg.kernel_strtab_base);
		s3m_put32(m, R_STRTAB_BASE_CFG, m->cfg.kernel_strtab_cfg);
	}
}

static const struct sim_reg *find(const struct smmuv3_model *m, unsigned off)
{
	bool is_in_page = off < R_PAGE_SPACE || (off >= R_PAGE1 && off < R_PAGE1 + R_PAGE_SPACE);
	unsigned index = is_in_page ? m->reg_of[s3m_slot(off)] : 0;

	return index ? &registers[index - 1] : NULL;
}

uint64_t s3m_read(struct sim_model *model, unsigned off, unsigned width)
{
	struct smmuv3_model *m = s3m_of(model);
	const struct sim_reg *reg = find(m, off);

	if (!sim_reg_may_read(model, reg, off, width))
		return 0;
	if (reg->off == R_CR0ACK || reg->off == R_IRQ_CTRLACK || reg->off == R_GBPA)
		s3m_handshake(m);
	return width == 8 ? s3m_get64(m, off) : s3m_get32(m, off);
}

static uint32_t irq_in_use(const struct smmuv3_model *m)
{
	return s3m_get32(m, R_IRQ_CTRL) | s3m_get32(m, R_IRQ_CTRLACK);
}

static bool is_guarded(const struct smmuv3_model *m, const struct sim_reg *reg, uint64_t changed)
{
	if (reg->off == R_CR1)
		return (changed & CR1_TABLE && s3m_in_use(m, CR0_SMMUEN)) ||
		       (changed & CR1_QUEUE && s3m_in_use(m, CR0_CMDQEN | CR0_EVENTQEN));
	switch (reg->kind) {
	case UNDER_SMMUEN:
		return s3m_in_use(m, CR0_SMMUEN);
	case UNDER_CMDQEN:
		return s3m_in_use(m, CR0_CMDQEN);
	case UNDER_EVENTQEN:
		return s3m_in_use(m, CR0_EVENTQEN);
	case UNDER_GERROR_IRQ:
		return irq_in_use(m) & IRQ_GERROR;
	case UNDER_EVENTQ_IRQ:
		return irq_in_use(m) & IRQ_EVENTQ;
	default:
		return false;
	}
}

/* Values that the field does not have. */
static void check_value(struct smmuv3_model *m, const struct sim_reg *reg, uint64_t value)
{
	uint32_t fmt = field_get32(STRTAB_FMT, (uint32_t)value), split = field_get32(STRTAB_SPLIT, (uint32_t)value);

	if (reg->off == R_STRTAB_BASE_CFG) {
		if (fmt > (m->cfg.two_level ? 1u : 0u))
			sim_model_misuse(&m->model, "STRTAB_BASE_CFG 0x%x: a format that this unit does not have",
					 (uint32_t)value);
		if (fmt == 1 && split != 6 && split != 8 && split != 10)
			sim_model_misuse(&m->model, "STRTAB_BASE_CFG 0x%x: SPLIT is 6, 8 or 10", (uint32_t)value);
		if (field_get32(STRTAB_LOG2SIZE, (uint32_t)value) > m->cfg.sid_bits)
			sim_model_misuse(&m->model, "STRTAB_BASE_CFG 0x%x: more stream ids than the unit has", (uint32_t)value);
	}
	if ((reg->off == R_CMDQ_BASE && field_get(BASE_LOG2SIZE, value) > m->cfg.cmdq_lg2) ||
	    (reg->off == R_EVENTQ_BASE && field_get(BASE_LOG2SIZE, value) > m->cfg.eventq_lg2))
		sim_model_misuse(&m->model, "%s 0x%llx: larger than IDR1 says", reg->name, (unsigned long long)value);
	if ((reg->off == R_CMDQ_BASE && !is_aligned(value & BASE_ADDR, UINT64_C(16) << field_get(BASE_LOG2SIZE, value))) ||
	    (reg->off == R_EVENTQ_BASE && !is_aligned(value & BASE_ADDR, UINT64_C(32) << field_get(BASE_LOG2SIZE, value))))
		sim_model_misuse(&m->model, "%s 0x%llx: not aligned to its size", reg->name, (unsigned long long)value);
	if (reg->off == R_CR1 && (field_get(GENMASK64(5, 4), value) == 1 || field_get(GENMASK64(11, 10), value) == 1))
		sim_model_misuse(&m->model, "CR1 0x%x: a reserved shareability", (uint32_t)value);
}

/* Indexes of a queue have one bit more than its size, the wrap bit; they are never further apart than the size. */
static void check_index(struct smmuv3_model *m, const struct sim_reg *reg, uint32_t value)
{
	bool is_event = reg->off == R_EVENTQ_CONS || reg->off == R_EVENTQ_PROD;
	unsigned lg2 = s3m_queue_lg2(s3m_get64(m, is_event ? R_EVENTQ_BASE : R_CMDQ_BASE),
				     is_event ? m->cfg.eventq_lg2 : m->cfg.cmdq_lg2);
	uint32_t mask = GENMASK32(lg2, 0), used;

	if (value & QUEUE_INDEX & ~mask)
		sim_model_misuse(&m->model, "%s 0x%x: a queue of %u entries has no such index", reg->name, value, 1u << lg2);
	if (reg->off == R_CMDQ_PROD)
		used = value - s3m_get32(m, R_CMDQ_CONS);
	else if (reg->off == R_EVENTQ_CONS)
		used = s3m_get32(m, R_EVENTQ_PROD) - value;
	else
		return;
	if (s3m_in_use(m, is_event ? CR0_EVENTQEN : CR0_CMDQEN) && (used & mask) > 1u << lg2)
		sim_model_misuse(&m->model, "%s 0x%x: more than a whole queue apart from the other index", reg->name, value);
}

/* What is wider than a word is an address, no wider than the unit's (6.3); registers of MSIs are RES0 without them. */
static uint64_t writable(const struct smmuv3_model *m, const struct sim_reg *reg)
{
	if ((reg->kind == UNDER_GERROR_IRQ || reg->kind == UNDER_EVENTQ_IRQ) && !m->cfg.msi)
		return 0;
	return reg->len == 8 ? reg->writable & (BASE_HINT | GENMASK64(m->cfg.oas - 1, 0)) : reg->writable;
}

static void store(struct smmuv3_model *m, const struct sim_reg *reg, unsigned off, unsigned width, uint64_t value)
{
	uint32_t *words = &m->words[s3m_slot(reg->off)];
	uint64_t old = sim_reg_get(reg, words), wanted;
	struct sim_reg here = *reg;

	here.writable = writable(m, reg);
	wanted = sim_reg_merge(&m->model, &here, old, off, width, value);
	if (is_guarded(m, reg, wanted ^ old)) {
		sim_model_misuse(&m->model, "write%u of %s while it is in use", width * 8, reg->name);
		return;
	}
	check_value(m, reg, wanted);
	if (reg->off == R_CMDQ_PROD || reg->off == R_CMDQ_CONS || reg->off == R_EVENTQ_PROD || reg->off == R_EVENTQ_CONS)
		check_index(m, reg, (uint32_t)wanted);
	sim_reg_put(reg, words, wanted);
	if (reg->off == R_CMDQ_PROD) {
		m->model.counts.doorbells++;
		sim_worker_kick(&m->worker);
	}
}

/* Registers whose write is a request. False: it is one that holds a value. */
static bool request(struct smmuv3_model *m, const struct sim_reg *reg, uint32_t value)
{
	void (*const write)(struct smmuv3_model *, uint32_t) = reg->off == R_CR0        ? s3m_cr0_write
							       : reg->off == R_IRQ_CTRL ? s3m_irq_write
							       : reg->off == R_GBPA     ? s3m_gbpa_write
							       : reg->off == R_GERRORN  ? s3m_gerrorn_write
											: NULL;

	if (!write)
		return false;
	if (value & ~reg->writable)
		sim_model_misuse(&m->model, "%s 0x%x: bits 0x%x are reserved on this unit", reg->name, value,
				 (uint32_t)(value & ~reg->writable));
	write(m, value & (uint32_t)reg->writable);
	return true;
}

void s3m_write(struct sim_model *model, unsigned off, unsigned width, uint64_t value)
{
	struct smmuv3_model *m = s3m_of(model);
	const struct sim_reg *reg = find(m, off);

	if (sim_reg_may_write(model, reg, off, width) && !request(m, reg, (uint32_t)value))
		store(m, reg, off, width, value);
}
