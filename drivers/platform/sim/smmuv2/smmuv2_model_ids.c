/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The SMMUv2 model at power-on: identification registers (IHI 0062, SMMU_IDR0 to SMMU_IDR7), reset values, and what firmware
 * or a kernel left behind. Before any other thread has the model.
 */
#include "smmuv2_model_priv.h"

static uint32_t size_code(unsigned bits)
{
	static const uint8_t sizes[] = { 32, 36, 40, 42, 44, 48 };
	uint32_t code = 0;

	while (sizes[code] != bits)
		code++;
	return code;
}

/* UBS: 48 bits of stage 1 have one above them that is the sign: 49. Its code is that of 48 in the other fields. */
static uint32_t idr2(const struct smmuv2_model_config *c)
{
	uint32_t sizes = field_prep32(IDR2_OAS, size_code(c->oas)) | field_prep32(IDR2_IAS, size_code(c->ias));

	if (c->version < SMMUV2_MODEL_V2)
		return sizes;
	return sizes | field_prep32(IDR2_UBS, size_code(c->ias)) | (c->vmid16 ? IDR2_VMID16S : 0) |
	       (c->gran4k ? IDR2_PTFSV8_4K : 0) | (c->gran16k ? IDR2_PTFSV8_16K : 0) | (c->gran64k ? IDR2_PTFSV8_64K : 0);
}

static void make_ids(struct smmuv2_model *m)
{
	const struct smmuv2_model_config *c = &m->cfg;
	bool v2 = smmuv2m_is_v2(m);
	uint32_t idr0 = IDR0_ATOSNS | field_prep32(IDR0_NUMSMRG, m->ngroups) |
			field_prep32(IDR0_NUMSIDB, c->sid_bits < 15 ? c->sid_bits : 15);

	idr0 |= (c->s1 ? IDR0_S1TS : 0) | (c->s2 ? IDR0_S2TS : 0) | (c->nsmr ? IDR0_SMS : 0) | (c->exids ? IDR0_EXIDS : 0) |
		(m->mem->coherent ? IDR0_CTTW : 0);
	idr0 |= v2 ? IDR0_PTFS_NO_SHORT : field_prep32(IDR0_NUMIRPT, c->ncb);
	m->gr0[G_IDR0 / 4] = idr0;
	m->gr0[G_IDR1 / 4] = (c->page_lg2 == 16 ? IDR1_PAGESIZE : 0) | field_prep32(IDR1_NUMPAGENDXB, c->npages_lg2 - 1) |
			     field_prep32(IDR1_NUMS2CB, c->ns2cb) | IDR1_SMCD | field_prep32(IDR1_NUMCB, c->ncb);
	m->gr0[G_IDR2 / 4] = idr2(c);
	m->gr0[G_IDR7 / 4] = c->version == SMMUV2_MODEL_MMU500 ? 0x24 : 0; /* r2p4 */
}

/* Level 1 of a 4 KiB granule: a block for each GiB, 39 bits. Access flag, read and write for all, inner shareable. */
static void make_kept_table(struct smmuv2_model *m, bool stage2)
{
	uint64_t *table = sim_mem_at(m->mem, m->cfg.kept_root, 4096);
	uint64_t attributes = stage2 ? 0x7fd : 0x741;

	if (!table)
		return;
	for (uint64_t i = 0; i < 512; i++)
		table[i] = (i % 256) << 30 | attributes;
	sim_mem_writeback(m->mem, table, 4096);
}

/* The last bank as firmware would set it up: one table of 39 bits, or of the 32 that AArch32 has in stage 1. */
static void make_kept_bank(struct smmuv2_model *m)
{
	unsigned n = m->cfg.ncb - 1;
	uint32_t *words = m->bank[n].words;
	bool va64 = smmuv2m_is_v2(m) && m->cfg.gran4k;
	unsigned stage = m->cfg.s1 && n >= m->cfg.ns2cb ? 1 : 2;
	uint32_t walks = field_prep32(TCR_IRGN0, 1) | field_prep32(TCR_ORGN0, 1) | field_prep32(TCR_SH0, 3);

	make_kept_table(m, stage == 2);
	m->gr1[A_CBAR / 4 + n] = field_prep32(CBAR_TYPE, stage == 2 ? CBAR_S2 : CBAR_S1_S2_BYPASS);
	m->gr1[A_CBA2R / 4 + n] = va64 ? CBA2R_VA64 : 0;
	smmuv2m_put_wide(words, B_TTBR0, m->cfg.kept_root);
	if (stage == 2 && va64)
		walks |= 25 | field_prep32(TCR_S2_SL0, 1) | field_prep32(TCR_S2_PASIZE, size_code(m->cfg.oas)) | TCR_EAE;
	else if (stage == 2)
		walks |= 9 | TCR_32_S2_S | field_prep32(TCR_S2_SL0, 1) | TCR_EAE; /* 32 - (-7) */
	else
		walks |= TCR_EPD1 | (va64 ? 25 : TCR_EAE);
	words[B_TCR / 4] = walks;
	if (stage == 1) {
		words[B_TCR2 / 4] = field_prep32(TCR2_PASIZE, size_code(m->cfg.oas)) | field_prep32(TCR2_SEP, 7);
		words[B_MAIR0 / 4] = 0xff;
	}
	words[B_SCTLR / 4] = SCTLR_M | SCTLR_CFRE | SCTLR_HUPCF;
}

static void make_kept(struct smmuv2_model *m)
{
	bool translates = false;

	for (unsigned i = 0; i < m->cfg.nkept; i++) {
		const struct smmuv2_model_kept *kept = &m->cfg.kept[i];
		unsigned group = m->cfg.nsmr ? i : kept->id;

		m->gr0[G_S2CR / 4 + group] = kept->translates ? m->cfg.ncb - 1 : field_prep32(S2CR_TYPE, S2CR_BYPASS);
		if (m->cfg.nsmr)
			m->gr0[G_SMR / 4 + group] = SMR_VALID | field_prep32(SMR_MASK, kept->mask) | kept->id;
		translates |= kept->translates;
	}
	if (!translates)
		return;
	make_kept_bank(m);
	m->is_clean = true; /* or it would not have worked so far */
}

/* What the architecture leaves unknown at reset is zero here, but for what firmware set up. Only a kernel has interrupts. */
void smmuv2m_power_on(struct smmuv2_model *m)
{
	uint32_t *cr0 = &m->gr0[G_CR0 / 4];

	make_ids(m);
	m->is_clean = m->is_clean_hyp = m->cfg.tlb_clean || m->cfg.kernel_on;
	*cr0 = m->cfg.kernel_on || m->cfg.nkept ? CR0_GFRE | CR0_GCFGFRE : CR0_CLIENTPD;
	if (m->cfg.kernel_on)
		*cr0 |= CR0_GFIE | CR0_GCFGFIE;
	if (m->cfg.version == SMMUV2_MODEL_MMU500) {
		m->gr0[G_ACR / 4] = ACR_CACHE_LOCK;
		for (unsigned i = 0; i < m->cfg.ncb; i++)
			m->bank[i].words[B_ACTLR / 4] = 3; /* CPRE, CMTLB */
	}
	make_kept(m);
}
