/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The register file of the SMMUv2 model: which registers a unit has, how wide they are and what of them can be written. IHI 0062,
 * the memory map and the summaries of each register space. The lock is held.
 */
#include "smmuv2_model_priv.h"

enum need {
	ALWAYS,
	V2,
	SMRS,
	CBA2RS,
	/* By what a bank is now: */
	S1,
	S1_V2,
	S2,
	S2_V2,
	SYNC, /* has TLB maintenance: all but stage 2 of version 1 */
};

#define VARIES 0 /* length of an address of TLB maintenance: 8 in a bank of AArch64 tables */
#define ALL32 UINT64_C(0xffffffff)
#define ALL64 (~UINT64_C(0))

/* Of SMR, S2CR, CBAR, CBFRSYNRA and CBA2R the first one stands for all. */
static const struct sim_reg global0[] = {
	{ G_CR0, 4, SIM_RW, ALWAYS, "sCR0", 0x8ffffff7 | CR0_EXIDENABLE, 0 },
	{ G_CR2, 4, SIM_RW, ALWAYS, "sCR2", 0xffff, 0 },
	{ G_ACR, 4, SIM_RW, ALWAYS, "sACR", ALL32, 0 },
	{ G_IDR0, 4, SIM_RO, ALWAYS, "IDR0", 0, 0 },
	{ G_IDR1, 4, SIM_RO, ALWAYS, "IDR1", 0, 0 },
	{ G_IDR2, 4, SIM_RO, ALWAYS, "IDR2", 0, 0 },
	{ 0x02c, 4, SIM_RO, ALWAYS, "IDR3", 0, 0 },
	{ 0x030, 4, SIM_RO, ALWAYS, "IDR4", 0, 0 },
	{ 0x034, 4, SIM_RO, ALWAYS, "IDR5", 0, 0 },
	{ 0x038, 4, SIM_RO, ALWAYS, "IDR6", 0, 0 },
	{ G_IDR7, 4, SIM_RO, ALWAYS, "IDR7", 0, 0 },
	{ G_GFAR, 8, SIM_RW, ALWAYS, "sGFAR", ALL64, 0 },
	{ G_GFSR, 4, SIM_W1C, ALWAYS, "sGFSR", GFSR_BITS, 0 },
	{ G_GFSRRESTORE, 4, SIM_WO, ALWAYS, "sGFSRRESTORE", GFSR_BITS, 0 },
	{ G_GFSYNR0, 4, SIM_RW, ALWAYS, "sGFSYNR0", GENMASK32(6, 0), 0 },
	{ G_GFSYNR1, 4, SIM_RW, ALWAYS, "sGFSYNR1", ALL32, 0 },
	{ G_GFSYNR2, 4, SIM_RW, ALWAYS, "sGFSYNR2", ALL32, 0 },
	{ G_TLBIVMID, 4, SIM_WO, ALWAYS, "TLBIVMID", GENMASK32(15, 0), 0 },
	{ G_TLBIALLNSNH, 4, SIM_WO, ALWAYS, "TLBIALLNSNH", ALL32, 0 },
	{ G_TLBIALLH, 4, SIM_WO, ALWAYS, "TLBIALLH", ALL32, 0 },
	{ G_TLBGSYNC, 4, SIM_WO, ALWAYS, "sTLBGSYNC", ALL32, 0 },
	{ G_TLBGSTATUS, 4, SIM_RO, ALWAYS, "sTLBGSTATUS", 0, 0 },
	{ G_TLBIVAH, 4, SIM_WO, ALWAYS, "TLBIVAH", TLBI32_VA, 0 },
	{ G_TLBIVALH64, 8, SIM_WO, V2, "TLBIVALH64", TLBI64_VA, 0 },
	{ G_TLBIVMIDS1, 4, SIM_WO, V2, "TLBIVMIDS1", GENMASK32(15, 0), 0 },
	{ G_TLBIVAH64, 8, SIM_WO, V2, "TLBIVAH64", TLBI64_VA, 0 },
	{ G_SMR, 4, SIM_RW, SMRS, "SMR", ALL32, 0 },
	{ G_S2CR, 4, SIM_RW, ALWAYS, "S2CR", GENMASK32(29, 0) & ~S2CR_NSCFG, 0 },
};

static const struct sim_reg global1[] = {
	{ A_CBAR, 4, SIM_RW, ALWAYS, "CBAR", ALL32, 0 },
	{ A_CBFRSYNRA, 4, SIM_RW, ALWAYS, "CBFRSYNRA", ALL32, 0 },
	{ A_CBA2R, 4, SIM_RW, CBA2RS, "CBA2R", CBA2R_VMID16 | CBA2R_MONC | CBA2R_VA64, 0 },
};

static const struct sim_reg context[] = {
	{ B_SCTLR, 4, SIM_RW, ALWAYS, "SCTLR", 0x4ffff7ff, 0 },
	{ B_ACTLR, 4, SIM_RW, ALWAYS, "ACTLR", ALL32, 0 },
	{ B_RESUME, 4, SIM_WO, ALWAYS, "RESUME", 1, 0 },
	{ B_TCR2, 4, SIM_RW, S1, "TCR2", TCR2_PASIZE | TCR2_AS | GENMASK32(6, 5) | TCR2_SEP, 0 },
	{ B_TTBR0, 8, SIM_RW, ALWAYS, "TTBR0", ALL64, 0 },
	{ B_TTBR1, 8, SIM_RW, S1, "TTBR1", ALL64, 0 },
	{ B_TCR, 4, SIM_RW, ALWAYS, "TCR", ALL32, 0 },
	{ B_CONTEXTIDR, 4, SIM_RW, S1, "CONTEXTIDR", ALL32, 0 },
	{ B_MAIR0, 4, SIM_RW, S1, "MAIR0", ALL32, 0 },
	{ B_MAIR1, 4, SIM_RW, S1, "MAIR1", ALL32, 0 },
	{ B_FSR, 4, SIM_W1C, ALWAYS, "FSR", FSR_MULTI | FSR_FAULTS, FSR_SS | FSR_FORMAT },
	{ B_FSRRESTORE, 4, SIM_WO, ALWAYS, "FSRRESTORE", FSR_MULTI | FSR_SS | FSR_FORMAT | FSR_FAULTS, 0 },
	{ B_FAR, 8, SIM_RW, ALWAYS, "FAR", ALL64, 0 },
	{ B_FSYNR0, 4, SIM_RW, ALWAYS, "FSYNR0", ALL32, 0 },
	{ B_FSYNR1, 4, SIM_RW, ALWAYS, "FSYNR1", ALL32, 0 },
	{ B_IPAFAR, 8, SIM_RW, S2, "IPAFAR", ALL64, 0 },
	{ B_TLBIVA, VARIES, SIM_WO, S1, "TLBIVA", TLBI64_ASID | TLBI64_VA, 0 },
	{ B_TLBIVAA, VARIES, SIM_WO, S1, "TLBIVAA", TLBI64_VA, 0 },
	{ B_TLBIASID, 4, SIM_WO, S1, "TLBIASID", GENMASK32(15, 0), 0 },
	{ B_TLBIALL, 4, SIM_WO, S1, "TLBIALL", ALL32, 0 },
	{ B_TLBIVAL, VARIES, SIM_WO, S1_V2, "TLBIVAL", TLBI64_ASID | TLBI64_VA, 0 },
	{ B_TLBIVAAL, VARIES, SIM_WO, S1_V2, "TLBIVAAL", TLBI64_VA, 0 },
	{ B_TLBIIPAS2, VARIES, SIM_WO, S2_V2, "TLBIIPAS2", TLBI64_IPA, 0 },
	{ B_TLBIIPAS2L, VARIES, SIM_WO, S2_V2, "TLBIIPAS2L", TLBI64_IPA, 0 },
	{ B_TLBSYNC, 4, SIM_WO, SYNC, "TLBSYNC", ALL32, 0 },
	{ B_TLBSTATUS, 4, SIM_RO, SYNC, "TLBSTATUS", 0, 0 },
};

/* Where an offset in the window leads. */
enum space {
	GLOBAL0,
	GLOBAL1,
	CONTEXT,
	NOWHERE
};
struct place {
	enum space space;
	unsigned bank; /* CONTEXT */
	unsigned off;  /* of the register, in its page */
	unsigned half; /* 0, or 4: the upper doubleword is meant */
	bool is_register;
	struct sim_reg reg; /* as it is here: no length or layout that varies */
	uint32_t *words;    /* of the register */
};

/* ---- Which register ---- */

static bool exists(const struct smmuv2_model *m, const struct place *place, const struct sim_reg *reg)
{
	bool v2 = smmuv2m_is_v2(m), first = place->space == CONTEXT && smmuv2m_bank_stage(m, place->bank) == 1;

	switch (reg->kind) {
	case V2:
		return v2;
	case SMRS:
		return m->cfg.nsmr;
	case CBA2RS:
		return m->cfg.version != SMMUV2_MODEL_V1;
	case S1:
		return first;
	case S1_V2:
		return first && v2;
	case S2:
		return !first;
	case S2_V2:
		return !first && v2;
	case SYNC:
		return first || v2;
	default:
		return true;
	}
}

static unsigned copies(const struct smmuv2_model *m, enum space space, unsigned off)
{
	if (space == GLOBAL1)
		return m->cfg.ncb;
	return space == GLOBAL0 && off >= G_SMR ? m->ngroups : 1;
}

static unsigned length(const struct smmuv2_model *m, const struct place *place, const struct sim_reg *reg)
{
	if (reg->len != VARIES)
		return reg->len;
	return smmuv2m_cba2r(m, place->bank) & CBA2R_VA64 ? 8 : 4;
}

/* Of a doubleword address of AArch32 the layout is another one (IHI 0062, SMMU_CBn_TLBIVA). */
static uint64_t writable(const struct sim_reg *reg, unsigned len)
{
	if (reg->len != VARIES || len == 8)
		return reg->writable;
	if (reg->writable == TLBI64_IPA)
		return TLBI32_IPA;
	return reg->writable & TLBI64_ASID ? TLBI32_VA | TLBI32_ASID : TLBI32_VA;
}

static void find_in(const struct smmuv2_model *m, const struct sim_reg *regs, size_t n, struct place *place)
{
	unsigned at = place->off;

	for (size_t i = 0; i < n; i++) {
		unsigned len = length(m, place, &regs[i]);

		if (at < regs[i].off || at >= regs[i].off + len * copies(m, place->space, regs[i].off))
			continue;
		if (!exists(m, place, &regs[i]))
			return;
		place->is_register = true;
		place->reg = regs[i];
		place->reg.writable = writable(&regs[i], len);
		place->reg.len = (uint8_t)len;
		place->half = at % len;
		place->off = at - place->half;
		place->words += place->off / 4;
		return;
	}
}

static struct place find(struct smmuv2_model *m, unsigned off)
{
	unsigned page = off >> m->cfg.page_lg2, npages = 1u << m->cfg.npages_lg2;
	struct place place = { .space = NOWHERE, .off = off & (unsigned)GENMASK32(m->cfg.page_lg2 - 1, 0) };

	if (page == 0) {
		place.space = GLOBAL0;
		place.words = m->gr0;
		find_in(m, global0, sizeof(global0) / sizeof(global0[0]), &place);
	} else if (page == 1) {
		place.space = GLOBAL1;
		place.words = m->gr1;
		find_in(m, global1, sizeof(global1) / sizeof(global1[0]), &place);
	} else if (page >= npages && page - npages < m->cfg.ncb) {
		place.space = CONTEXT;
		place.bank = page - npages;
		place.words = m->bank[place.bank].words;
		find_in(m, context, sizeof(context) / sizeof(context[0]), &place);
	}
	return place;
}

static const struct sim_reg *reg_of(const struct place *place)
{
	return place->is_register ? &place->reg : NULL;
}

/* ---- Accesses ---- */

uint64_t smmuv2m_read(struct sim_model *model, unsigned off, unsigned width)
{
	struct smmuv2_model *m = smmuv2m_of(model);
	struct place place = find(m, off);
	uint64_t value;

	if (!sim_reg_may_read(model, reg_of(&place), off, width))
		return 0;
	if (place.space == GLOBAL0 && place.off == G_TLBGSTATUS)
		return smmuv2m_sync_status(m, SCOPE_GLOBAL);
	if (place.space == CONTEXT && place.off == B_TLBSTATUS)
		return smmuv2m_sync_status(m, place.bank);
	value = sim_reg_get(&place.reg, place.words) >> 8 * place.half;
	return width == 4 ? (uint32_t)value : value;
}

static void write_global0(struct smmuv2_model *m, const struct place *place, uint64_t value)
{
	if (place->off >= G_S2CR)
		smmuv2m_write_s2cr(m, (place->off - G_S2CR) / 4, (uint32_t)value);
	else if (place->off >= G_SMR)
		smmuv2m_write_smr(m, (place->off - G_SMR) / 4, (uint32_t)value);
	else if (place->off == G_CR0)
		smmuv2m_write_cr0(m, (uint32_t)value);
	else if (place->off == G_GFSRRESTORE)
		m->gr0[G_GFSR / 4] = (uint32_t)value;
	else if (place->off == G_TLBGSYNC)
		smmuv2m_sync_start(m, SCOPE_GLOBAL);
	else if (place->reg.access == SIM_WO)
		smmuv2m_write_tlbi(m, place->off, value);
	else
		sim_reg_put(&place->reg, place->words, value);
}

static void write_global1(struct smmuv2_model *m, const struct place *place, uint64_t value)
{
	if (place->off >= A_CBA2R)
		smmuv2m_write_cba2r(m, (place->off - A_CBA2R) / 4, (uint32_t)value);
	else if (place->off >= A_CBFRSYNRA)
		sim_reg_put(&place->reg, place->words, value);
	else
		smmuv2m_write_cbar(m, (place->off - A_CBAR) / 4, (uint32_t)value);
}

static void store(struct smmuv2_model *m, const struct place *place, unsigned off, unsigned width, uint64_t value)
{
	uint64_t wanted = sim_reg_merge(&m->model, &place->reg, sim_reg_get(&place->reg, place->words), off, width, value);

	if (place->reg.access == SIM_WO && place->reg.len == 8) {
		sim_reg_put(&place->reg, place->words, wanted); /* the upper half is kept, the lower one sets it off */
		if (place->half)
			return;
	}
	if (place->space == GLOBAL0)
		write_global0(m, place, wanted);
	else if (place->space == GLOBAL1)
		write_global1(m, place, wanted);
	else
		smmuv2m_write_bank(m, place->bank, place->off, width, wanted);
}

static void clear_written_ones(struct smmuv2_model *m, const struct place *place, uint64_t value)
{
	sim_reg_clear(&m->model, &place->reg, place->words, (uint32_t)value);
	if (place->space == CONTEXT && !(place->words[0] & FSR_FAULTS))
		place->words[0] &= FSR_SS; /* FORMAT says of what the fault was */
}

void smmuv2m_write(struct sim_model *model, unsigned off, unsigned width, uint64_t value)
{
	struct smmuv2_model *m = smmuv2m_of(model);
	struct place place = find(m, off);

	if (!sim_reg_may_write(model, reg_of(&place), off, width))
		return;
	if (place.reg.access == SIM_W1C)
		clear_written_ones(m, &place, value);
	else
		store(m, &place, off, width, value);
}
