/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A translation context bank of the SMMUv2 model: what its registers mean together, whether that is a configuration that works, and
 * what must not be changed while it is enabled. IHI 0062, SMMU_CBARn, SMMU_CBA2Rn, SMMU_CBn_SCTLR, _TCR, _TCR2, _TTBRm; Arm
 * Architecture Reference Manual, D8.2 (sizes and start levels), G5 (AArch32 long descriptors). The lock is held.
 */
#include "smmuv2_model_priv.h"

unsigned smmuv2m_bank_stage(const struct smmuv2_model *m, unsigned bank)
{
	if (!m->cfg.s2)
		return 1;
	if (!m->cfg.s1 || bank < m->cfg.ns2cb)
		return 2;
	return field_get32(CBAR_TYPE, smmuv2m_cbar(m, bank)) == CBAR_S2 ? 2 : 1;
}

static uint32_t reg32(const struct smmuv2_model *m, const struct smmuv2m_regime *r, unsigned off)
{
	return m->bank[r->bank].words[off / 4];
}

static uint64_t reg64(const struct smmuv2_model *m, const struct smmuv2m_regime *r, unsigned off)
{
	return smmuv2m_wide(m->bank[r->bank].words, off);
}

static const char *check_type(const struct smmuv2_model *m, const struct smmuv2m_regime *r)
{
	switch (field_get32(CBAR_TYPE, smmuv2m_cbar(m, r->bank))) {
	case CBAR_S2:
		return m->cfg.s2 ? NULL : "CBAR asks for stage 2, which this unit does not have";
	case CBAR_S1_S2_BYPASS:
	case CBAR_S1_S2_FAULT:
		return r->stage == 1 ? NULL : "CBAR asks for stage 1 in a bank that has stage 2 only";
	default:
		return "CBAR asks for nested translation, which this unit does not have";
	}
}

static void make_tag(const struct smmuv2_model *m, struct smmuv2m_regime *r)
{
	bool wide_vmid = smmuv2m_cr0(m) & CR0_VMID16EN;
	uint32_t cbar = smmuv2m_cbar(m, r->bank), type = field_get32(CBAR_TYPE, cbar), tcr = reg32(m, r, B_TCR);
	uint64_t ttbr = reg64(m, r, tcr & TCR_A1 ? B_TTBR1 : B_TTBR0);

	r->tag.vmid =
		(uint16_t)(wide_vmid ? field_get32(CBA2R_VMID16, smmuv2m_cba2r(m, r->bank)) : field_get32(CBAR_VMID, cbar));
	if (r->stage == 2) {
		r->tag.kind = TAG_S2;
		return;
	}
	if (cbar & CBAR_HYPC && type != CBAR_S1_S2) {
		r->tag = (struct smmuv2m_tag){ .kind = TAG_HYP };
		return;
	}
	r->tag.kind = TAG_S1;
	if (!r->va64)
		r->tag.asid = (uint16_t)field_get(TTBR_ASID8, ttbr);
	else
		r->tag.asid = (uint16_t)(field_get(TTBR_ASID, ttbr) & (reg32(m, r, B_TCR2) & TCR2_AS ? 0xffff : 0xff));
}

/* ---- AArch64 tables ---- */

/* 0: a granule that the unit does not have. Version 1 has AArch64 tables of 64 KiB or none. */
static unsigned granule(const struct smmuv2_model *m, unsigned code, const uint8_t granules[4])
{
	bool v2 = smmuv2m_is_v2(m);

	switch (granules[code]) {
	case 12:
		return v2 && m->cfg.gran4k ? 12 : 0;
	case 14:
		return v2 && m->cfg.gran16k ? 14 : 0;
	case 16:
		return !v2 || m->cfg.gran64k ? 16 : 0;
	default:
		return 0;
	}
}

static unsigned granule0(const struct smmuv2_model *m, uint32_t tcr)
{
	static const uint8_t granules[] = { 12, 16, 14, 0 };

	return granule(m, field_get32(TCR_TG0, tcr), granules);
}

static unsigned granule1(const struct smmuv2_model *m, uint32_t tcr)
{
	static const uint8_t granules[] = { 0, 14, 12, 16 };

	return granule(m, field_get32(TCR_TG1, tcr), granules);
}

static unsigned out_bits(const struct smmuv2_model *m, unsigned code)
{
	unsigned bits = lpae_size_bits(code);

	return bits < m->cfg.oas ? bits : m->cfg.oas;
}

/* `other` bits of the register are no part of the address. */
static const char *check_root(const struct lpae_config *table, uint64_t ttbr, uint64_t other, unsigned bits)
{
	uint64_t pa = ttbr & ~other;

	if (pa & (lpae_root_align(table) - 1))
		return "TTBR is not aligned to its table";
	return pa >> bits ? "TTBR has reserved bits set, or is beyond the output size" : NULL;
}

static const char *one_table(const struct smmuv2_model *m, struct smmuv2m_regime *r, unsigned which, unsigned granule_lg2,
			     unsigned tsz)
{
	uint32_t tcr2 = reg32(m, r, B_TCR2);
	uint64_t ttbr = reg64(m, r, which ? B_TTBR1 : B_TTBR0);
	struct lpae_config *table = &r->table[which];

	r->has[which] = true;
	if (!granule_lg2)
		return "TCR.TG is a granule that this unit does not have";
	if (tsz < 16 || tsz > 39)
		return "TCR.TSZ is not within 16 to 39";
	if (!lpae_size_bits(field_get32(TCR2_PASIZE, tcr2)) || field_get32(TCR2_PASIZE, tcr2) > 5)
		return "TCR2.PASize is reserved";
	r->in_bits[which] = 64 - tsz;
	*table = (struct lpae_config){
		.stage = 1,
		.granule_lg2 = granule_lg2,
		.in_bits = 64 - tsz,
		.out_bits = out_bits(m, field_get32(TCR2_PASIZE, tcr2)),
		.start_level = lpae_start_level(granule_lg2, 64 - tsz),
		.root = ttbr & GENMASK64(47, 4),
		.ignore_af = reg32(m, r, B_SCTLR) & SCTLR_AFFD,
	};
	return check_root(table, ttbr, TTBR_ASID, m->cfg.oas);
}

static const char *stage1_64(const struct smmuv2_model *m, struct smmuv2m_regime *r)
{
	static const uint8_t sign_bits[] = { 31, 35, 39, 41, 43, 47, 0, 48 };
	uint32_t tcr = reg32(m, r, B_TCR);
	const char *wrong = NULL;

	r->sign_bit = sign_bits[field_get32(TCR2_SEP, reg32(m, r, B_TCR2))];
	if (!r->sign_bit)
		return "TCR2.SEP is reserved";
	r->tag.granule_lg2 = 12;
	if (!(tcr & TCR_EPD0))
		wrong = one_table(m, r, 0, granule0(m, tcr), field_get32(TCR_T0SZ, tcr));
	if (!wrong && !(tcr & TCR_EPD1))
		wrong = one_table(m, r, 1, granule1(m, tcr), field_get32(TCR_T1SZ, tcr));
	if (!wrong && r->has[0] && r->has[1] && r->table[0].granule_lg2 != r->table[1].granule_lg2)
		return "TCR.TG0 and TG1 differ, which the model does not do";
	if (r->has[0] || r->has[1])
		r->tag.granule_lg2 = (uint8_t)r->table[!r->has[0]].granule_lg2;
	if (!wrong && tcr & BIT32(6))
		return "TCR has reserved bit 6 set";
	return wrong;
}

static const char *stage2_64(const struct smmuv2_model *m, struct smmuv2m_regime *r)
{
	uint32_t tcr = reg32(m, r, B_TCR), pasize = field_get32(TCR_S2_PASIZE, tcr);
	unsigned granule_lg2 = granule0(m, tcr), tsz = field_get32(TCR_T0SZ, tcr);
	uint64_t ttbr = reg64(m, r, B_TTBR0);
	int level;

	r->has[0] = true;
	if (!granule_lg2)
		return "TCR.TG0 is a granule that this unit does not have";
	r->tag.granule_lg2 = (uint8_t)granule_lg2;
	if (tsz > 39 || 64 - tsz > m->cfg.ias)
		return "TCR.T0SZ asks for more bits than IDR2.IAS, or for less than 25";
	if (pasize > 5)
		return "TCR.PASize is reserved";
	if (!(tcr & TCR_EAE) || tcr & GENMASK32(30, 19))
		return "TCR of stage 2: bit 31 must be one, bits 30:19 zero";
	level = lpae_sl0_level(granule_lg2, field_get32(TCR_S2_SL0, tcr), 64 - tsz, m->cfg.oas);
	if (level < 0)
		return "TCR.SL0 does not go with T0SZ and the granule";
	r->in_bits[0] = 64 - tsz;
	r->table[0] = (struct lpae_config){
		.stage = 2,
		.granule_lg2 = granule_lg2,
		.in_bits = 64 - tsz,
		.out_bits = out_bits(m, pasize),
		.start_level = (unsigned)level,
		.root = ttbr & GENMASK64(47, 4),
		.ignore_af = reg32(m, r, B_SCTLR) & SCTLR_AFFD,
	};
	return check_root(&r->table[0], ttbr, 0, m->cfg.oas);
}

/* ---- AArch32 long descriptors: as AArch64 with 4 KiB and 40 bits (G5.5) ---- */

static void table_32(const struct smmuv2_model *m, struct smmuv2m_regime *r, unsigned which, unsigned bits, unsigned level)
{
	r->has[which] = true;
	r->in_bits[which] = bits;
	r->table[which] = (struct lpae_config){
		.stage = r->stage,
		.granule_lg2 = 12,
		.in_bits = bits,
		.out_bits = m->cfg.oas < 40 ? m->cfg.oas : 40,
		.start_level = level,
		.root = reg64(m, r, which ? B_TTBR1 : B_TTBR0) & GENMASK64(39, 4),
		.ignore_af = reg32(m, r, B_SCTLR) & SCTLR_AFFD,
	};
}

/* Which part of 4 GiB TTBR1 has: T1SZ if that is not 0, else what T0SZ leaves. */
static const char *stage1_32(const struct smmuv2_model *m, struct smmuv2m_regime *r)
{
	uint32_t tcr = reg32(m, r, B_TCR);
	unsigned bits0 = 32 - field_get32(TCR_32_T0SZ, tcr), bits1 = 32 - field_get32(TCR_32_T1SZ, tcr);
	const char *wrong = NULL;

	r->tag.granule_lg2 = 12;
	if (!(tcr & TCR_EAE))
		return "TCR.EAE is 0: short descriptors, which this unit does not have";
	if (tcr & (GENMASK32(6, 3) | GENMASK32(15, 14) | GENMASK32(21, 19) | BIT32(30)))
		return "TCR has reserved bits set";
	if (!(tcr & TCR_EPD0)) {
		table_32(m, r, 0, bits0, lpae_start_level(12, bits0));
		wrong = check_root(&r->table[0], reg64(m, r, B_TTBR0), TTBR_ASID8, 40);
	}
	if (!wrong && !(tcr & TCR_EPD1)) {
		table_32(m, r, 1, bits1, lpae_start_level(12, bits1));
		wrong = check_root(&r->table[1], reg64(m, r, B_TTBR1), TTBR_ASID8, 40);
	}
	return wrong;
}

/* T0SZ is signed, -8 to 7; SL0: 0 level 2, 1 level 1. */
static const char *stage2_32(const struct smmuv2_model *m, struct smmuv2m_regime *r)
{
	uint32_t tcr = reg32(m, r, B_TCR), tsz = field_get32(TCR_32_S2_T0SZ, tcr), sl0 = field_get32(TCR_S2_SL0, tcr);
	unsigned bits = tsz & 8 ? 48 - tsz : 32 - tsz;
	int level = sl0 > 1 ? -1 : lpae_sl0_level(12, sl0, bits, 40);

	r->tag.granule_lg2 = 12;
	if (!(tcr & TCR_EAE) || tcr & (GENMASK32(30, 14) | BIT32(5)))
		return "TCR of stage 2: bit 31 must be one, bits 30:14 and 5 zero";
	if (!(tcr & TCR_32_S2_S) != !(tsz & 8))
		return "TCR.S is not the sign of T0SZ";
	if (level < 0)
		return "TCR.SL0 does not go with T0SZ";
	table_32(m, r, 0, bits, (unsigned)level);
	return check_root(&r->table[0], reg64(m, r, B_TTBR0), 0, 40);
}

/* ---- All of it ---- */

/* On a unit that snoops, walks have to be cacheable and shareable for that, or software has to write back. */
static const char *check_snooping(const struct smmuv2_model *m, const struct smmuv2m_regime *r)
{
	uint32_t tcr = reg32(m, r, B_TCR);

	if (!m->mem->coherent)
		return NULL;
	if (r->has[0] && (!field_get32(TCR_IRGN0, tcr) || !field_get32(TCR_ORGN0, tcr) || field_get32(TCR_SH0, tcr) < 2))
		return "TCR makes walks by TTBR0 not cacheable or not shareable: they do not snoop";
	if (r->has[1] && (!field_get32(TCR_IRGN1, tcr) || !field_get32(TCR_ORGN1, tcr) || field_get32(TCR_SH1, tcr) < 2))
		return "TCR makes walks by TTBR1 not cacheable or not shareable: they do not snoop";
	return NULL;
}

void smmuv2m_bank_regime(const struct smmuv2_model *m, unsigned bank, struct smmuv2m_regime *r)
{
	*r = (struct smmuv2m_regime){ .bank = bank, .stage = smmuv2m_bank_stage(m, bank) };
	r->va64 = smmuv2m_cba2r(m, bank) & CBA2R_VA64;
	make_tag(m, r);
	r->wrong = check_type(m, r);
	if (r->wrong)
		return;
	if (reg32(m, r, B_SCTLR) & SCTLR_E)
		r->wrong = "SCTLR.E: big-endian tables";
	else if (r->va64)
		r->wrong = r->stage == 2 ? stage2_64(m, r) : stage1_64(m, r);
	else
		r->wrong = r->stage == 2 ? stage2_32(m, r) : stage1_32(m, r);
	if (!r->wrong)
		r->wrong = check_snooping(m, r);
}

/* ---- Writes ---- */

static void write_sctlr(struct smmuv2_model *m, unsigned bank, uint32_t value)
{
	uint32_t *sctlr = &m->bank[bank].words[B_SCTLR / 4], old = *sctlr;
	struct smmuv2m_regime regime;

	*sctlr = value;
	if (value & SCTLR_M) {
		smmuv2m_bank_regime(m, bank, &regime);
		if (regime.wrong)
			sim_model_misuse(&m->model, "context bank %u enabled: %s", bank, regime.wrong);
	} else if (old & SCTLR_M && smmuv2m_bank_in_use(m, bank)) {
		sim_model_misuse(&m->model,
				 "context bank %u switched off while a stream is translated by it, which is bypassed then",
				 bank);
	}
}

/* A new table under an old tag: what is cached of the old one has to go before it is used. */
static void write_ttbr(struct smmuv2_model *m, unsigned bank, unsigned off, unsigned width, uint64_t value)
{
	struct smmuv2m_bank *b = &m->bank[bank];
	uint64_t old = smmuv2m_wide(b->words, off);
	struct smmuv2m_regime before, after;

	smmuv2m_bank_regime(m, bank, &before);
	smmuv2m_put_wide(b->words, off, value);
	if (!(b->words[B_SCTLR / 4] & SCTLR_M))
		return;
	if (width == 4)
		sim_model_misuse(&m->model, "TTBR at 0x%x of context bank %u written in halves while it is enabled", off, bank);
	smmuv2m_bank_regime(m, bank, &after);
	if (after.wrong)
		sim_model_misuse(&m->model, "context bank %u changed while enabled: %s", bank, after.wrong);
	if (old != value && before.tag.asid == after.tag.asid)
		b->table_changed = true;
}

static void write_config(struct smmuv2_model *m, unsigned bank, unsigned off, uint32_t value)
{
	struct smmuv2m_bank *b = &m->bank[bank];

	if (b->words[B_SCTLR / 4] & SCTLR_M && b->words[off / 4] != value)
		sim_model_misuse(&m->model, "register 0x%x of context bank %u changed while it is enabled: it may be cached",
				 off, bank);
	b->words[off / 4] = value;
}

static void ask(struct smmuv2_model *m, unsigned bank, unsigned off, uint64_t value)
{
	bool any_asid = off == B_TLBIVAA || off == B_TLBIVAAL || off == B_TLBIIPAS2 || off == B_TLBIIPAS2L;
	struct smmuv2m_regime regime;
	struct smmuv2m_drop drop = { .what = DROP_VA, .scope = bank };

	smmuv2m_bank_regime(m, bank, &regime);
	drop.kind = regime.tag.kind;
	drop.vmid = regime.tag.vmid;
	drop.any_asid = any_asid || regime.tag.kind != TAG_S1;
	drop.leaf_only = off == B_TLBIVAL || off == B_TLBIVAAL || off == B_TLBIIPAS2L;
	if (off == B_TLBIALL) {
		drop.what = regime.tag.kind == TAG_HYP ? DROP_HYP : DROP_VMID_S1;
	} else if (off == B_TLBIASID) {
		drop.what = DROP_ASID;
		drop.asid = (uint16_t)value;
	} else if (off == B_TLBIIPAS2 || off == B_TLBIIPAS2L) {
		drop.va = value << 12;
	} else if (regime.va64) {
		drop.asid = (uint16_t)field_get(TLBI64_ASID, value);
		drop.va = field_get(TLBI64_VA, value) << 12;
	} else {
		drop.asid = (uint16_t)field_get(TLBI32_ASID, value);
		drop.va = value & TLBI32_VA;
	}
	smmuv2m_tlb_ask(m, drop);
}

void smmuv2m_write_bank(struct smmuv2_model *m, unsigned bank, unsigned off, unsigned width, uint64_t value)
{
	uint32_t *words = m->bank[bank].words;

	switch (off) {
	case B_SCTLR:
		write_sctlr(m, bank, (uint32_t)value);
		break;
	case B_ACTLR:
		if (m->cfg.version != SMMUV2_MODEL_MMU500 || !(m->gr0[G_ACR / 4] & ACR_CACHE_LOCK))
			words[B_ACTLR / 4] = (uint32_t)value;
		break;
	case B_RESUME:
		smmuv2m_resume(m, bank, (uint32_t)value);
		break;
	case B_TTBR0:
	case B_TTBR1:
		write_ttbr(m, bank, off, width, value);
		break;
	case B_TCR:
	case B_TCR2:
	case B_MAIR0:
	case B_MAIR1:
		write_config(m, bank, off, (uint32_t)value);
		break;
	case B_FSRRESTORE:
		words[B_FSR / 4] = (uint32_t)value;
		break;
	case B_TLBSYNC:
		smmuv2m_sync_start(m, bank);
		break;
	case B_FAR:
	case B_IPAFAR:
		smmuv2m_put_wide(words, off, value);
		break;
	default:
		if (off >= B_TLBIVA)
			ask(m, bank, off, value);
		else
			words[off / 4] = (uint32_t)value;
		break;
	}
}
