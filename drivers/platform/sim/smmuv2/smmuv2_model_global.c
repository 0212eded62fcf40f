/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Writes to the global spaces of the SMMUv2 model: what they set off, what of them stays, and what a driver must not do while a
 * stream is in use. IHI 0062: stream mapping, and the registers by their names. The lock is held.
 */
#include "smmuv2_model_priv.h"

/* ---- Stream mapping: SMMU_SMRn, SMMU_S2CRn ---- */

static bool extended(const struct smmuv2_model *m)
{
	return smmuv2m_cr0(m) & CR0_EXIDENABLE;
}

/* With stream indexing a stream id is the number of its S2CR: there is no valid bit. */
bool smmuv2m_group_valid(const struct smmuv2_model *m, unsigned group)
{
	if (!m->cfg.nsmr)
		return true;
	if (extended(m))
		return m->gr0[G_S2CR / 4 + group] & S2CR_EXIDVALID;
	return m->gr0[G_SMR / 4 + group] & SMR_VALID;
}

bool smmuv2m_group_matches(const struct smmuv2_model *m, unsigned group, uint32_t sid)
{
	uint32_t smr = m->gr0[G_SMR / 4 + group];

	if (!smmuv2m_group_valid(m, group))
		return false;
	if (!m->cfg.nsmr)
		return sid == group;
	if (extended(m))
		return !((field_get32(SMR_EXID, smr) ^ sid) & ~field_get32(SMR_EXMASK, smr));
	return !((field_get32(SMR_ID, smr) ^ sid) & ~field_get32(SMR_MASK, smr));
}

static bool translates_by(const struct smmuv2_model *m, unsigned group, unsigned bank)
{
	uint32_t s2cr = m->gr0[G_S2CR / 4 + group];

	return smmuv2m_group_valid(m, group) && field_get32(S2CR_TYPE, s2cr) == S2CR_TRANSLATE &&
	       field_get32(S2CR_CBNDX, s2cr) == bank;
}

bool smmuv2m_bank_in_use(const struct smmuv2_model *m, unsigned bank)
{
	if (smmuv2m_cr0(m) & CR0_CLIENTPD)
		return false;
	for (unsigned i = 0; i < m->ngroups; i++)
		if (translates_by(m, i, bank))
			return true;
	return false;
}

/* Which bits there are is found by writing ones and reading back: no misuse. */
void smmuv2m_write_smr(struct smmuv2_model *m, unsigned group, uint32_t value)
{
	uint32_t id = m->cfg.smr_id_bits, mask = m->cfg.smr_mask_bits;

	if (extended(m))
		value &= field_prep32(SMR_EXMASK, mask) | field_prep32(SMR_EXID, id);
	else
		value &= SMR_VALID | field_prep32(SMR_MASK, mask) | field_prep32(SMR_ID, id);
	m->gr0[G_SMR / 4 + group] = value;
}

/* The hypervisor of the Qualcomm boards has no notion of bypass, and lets nobody ask for a fault. */
void smmuv2m_write_s2cr(struct smmuv2_model *m, unsigned group, uint32_t value)
{
	uint32_t type = field_get32(S2CR_TYPE, value);

	if (type > S2CR_FAULT)
		sim_model_misuse(&m->model, "S2CR%u: type 3 is reserved", group);
	if (value & S2CR_EXIDVALID && !m->cfg.exids)
		sim_model_misuse(&m->model, "S2CR%u: EXIDVALID on a unit without extended stream ids", group);
	if (m->cfg.qcom && type == S2CR_FAULT)
		return;
	if (m->cfg.qcom && type == S2CR_BYPASS)
		value = (value & ~S2CR_TYPE) | field_prep32(S2CR_TYPE, S2CR_FAULT);
	m->gr0[G_S2CR / 4 + group] = value;
}

/* ---- SMMU_sCR0 ---- */

static bool any_bank_on(const struct smmuv2_model *m)
{
	for (unsigned i = 0; i < m->cfg.ncb; i++)
		if (m->bank[i].words[B_SCTLR / 4] & SCTLR_M)
			return true;
	return false;
}

static bool any_group_valid(const struct smmuv2_model *m)
{
	for (unsigned i = 0; i < m->ngroups; i++)
		if (smmuv2m_group_valid(m, i))
			return true;
	return false;
}

void smmuv2m_write_cr0(struct smmuv2_model *m, uint32_t value)
{
	uint32_t absent = (m->cfg.vmid16 ? 0 : CR0_VMID16EN) | (m->cfg.exids ? 0 : CR0_EXIDENABLE);
	uint32_t changed = (value ^ smmuv2m_cr0(m)) & ~absent;

	if (value & absent)
		sim_model_misuse(&m->model, "sCR0 0x%x: bits 0x%x are reserved on this unit", value, value & absent);
	if (value & CR0_GSE)
		sim_model_misuse(&m->model, "sCR0 0x%x: GSE stalls every context", value);
	/* They change what SMR, S2CR and the TLB's tags mean. */
	if (changed & CR0_EXIDENABLE && !(smmuv2m_cr0(m) & CR0_CLIENTPD) && any_group_valid(m))
		sim_model_misuse(&m->model, "sCR0.EXIDENABLE changed while streams are mapped");
	if (changed & CR0_VMID16EN && any_bank_on(m))
		sim_model_misuse(&m->model, "sCR0.VMID16EN changed while a context bank is enabled");
	m->gr0[G_CR0 / 4] = value & ~absent;
}

/* ---- Context bank attributes: SMMU_CBARn, SMMU_CBA2Rn ---- */

static uint32_t cbar_reserved(const struct smmuv2_model *m, uint32_t value)
{
	static const uint32_t layout[] = {
		[CBAR_S2] = 0x000f08ff,
		[CBAR_S1_S2_BYPASS] = 0x00ffffff,
		[CBAR_S1_S2_FAULT] = 0x000304ff,
		[CBAR_S1_S2] = 0x0003ffff,
	};

	return value & ~(layout[field_get32(CBAR_TYPE, value)] | (smmuv2m_is_v2(m) ? 0 : CBAR_IRPTNDX));
}

/* Whose bank it is, is one of the things that a TLB entry remembers. */
static bool attribute_changes(struct smmuv2_model *m, unsigned bank, uint32_t old, uint32_t value, const char *name)
{
	if (old == value)
		return false;
	if (smmuv2m_bank_in_use(m, bank))
		sim_model_misuse(&m->model, "%s%u changed from 0x%x to 0x%x while a stream is translated by its bank", name,
				 bank, old, value);
	else if (m->bank[bank].words[B_SCTLR / 4] & SCTLR_M)
		sim_model_misuse(&m->model, "%s%u changed from 0x%x to 0x%x while its bank is enabled", name, bank, old, value);
	return true;
}

void smmuv2m_write_cbar(struct smmuv2_model *m, unsigned bank, uint32_t value)
{
	uint32_t reserved = cbar_reserved(m, value);

	if (reserved)
		sim_model_misuse(&m->model, "CBAR%u 0x%x: reserved bits 0x%x of its type are set", bank, value, reserved);
	value &= ~reserved;
	if (attribute_changes(m, bank, smmuv2m_cbar(m, bank), value, "CBAR"))
		m->gr1[A_CBAR / 4 + bank] = value;
}

void smmuv2m_write_cba2r(struct smmuv2_model *m, unsigned bank, uint32_t value)
{
	if (value & CBA2R_VMID16 && !m->cfg.vmid16) {
		sim_model_misuse(&m->model, "CBA2R%u 0x%x: VMID16 on a unit with VMIDs of 8 bits", bank, value);
		value &= ~CBA2R_VMID16;
	}
	if (attribute_changes(m, bank, smmuv2m_cba2r(m, bank), value, "CBA2R"))
		m->gr1[A_CBA2R / 4 + bank] = value;
}

/* ---- TLB maintenance of the global space: SMMU_TLBIVMID and its neighbours ---- */

void smmuv2m_write_tlbi(struct smmuv2_model *m, unsigned off, uint64_t value)
{
	struct smmuv2m_drop drop = { .scope = SCOPE_GLOBAL };

	if ((off == G_TLBIVMID || off == G_TLBIVMIDS1) && value >> 8 && !(smmuv2m_cr0(m) & CR0_VMID16EN)) {
		sim_model_misuse(&m->model, "invalidation of VMID 0x%x: they have 8 bits", (unsigned)value);
		value &= 0xff;
	}
	switch (off) {
	case G_TLBIVMID:
		drop.what = DROP_VMID;
		drop.vmid = (uint16_t)value;
		break;
	case G_TLBIVMIDS1:
		drop.what = DROP_VMID_S1;
		drop.vmid = (uint16_t)value;
		break;
	case G_TLBIALLNSNH:
		drop.what = DROP_NOT_HYP;
		break;
	case G_TLBIALLH:
		drop.what = DROP_HYP;
		break;
	default:
		drop.what = DROP_VA;
		drop.kind = TAG_HYP;
		drop.any_asid = true;
		drop.leaf_only = off == G_TLBIVALH64;
		drop.va = off == G_TLBIVAH ? value & TLBI32_VA : field_get(TLBI64_VA, value) << 12;
		break;
	}
	smmuv2m_tlb_ask(m, drop);
}
