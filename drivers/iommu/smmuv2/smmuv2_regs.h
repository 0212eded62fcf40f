/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The SMMU's registers, in the order of the specification (Arm System Memory Management Unit Architecture Specification, version 2.0,
 * IHI 0062D, chapters 9, 10, 14 and 16), and pure encoders: values in, words out. Versions 1 and 2. Nothing here touches a machine.
 * The sACR and ACTLR bits are those of the MMU-500 (its reference manual, DDI 0517F, 3.5.1 and 3.7.1).
 */
#ifndef SMMUV2_REGS_H
#define SMMUV2_REGS_H

#include <stdbool.h>
#include <stdint.h>

#include "piommu_driver.h"

/*
 * The register set is 2 * N pages of 4 or 64 KiB: the first N are global, the others a translation context bank each. N and the
 * page size are in IDR1.
 */

/* ---- Global register space 0: the first page. 32 bits wide but for GFAR. ------------------------------------------------- */

#define SMMUV2_SCR0 0x000u /* configuration */
#define SMMUV2_SACR 0x010u /* auxiliary configuration: the implementation's own */
#define SMMUV2_IDR0 0x020u /* IDR0 to IDR7: what there is */
#define SMMUV2_GFAR 0x040u /* 64  address of a global fault */
#define SMMUV2_GFSR 0x048u /* global fault status, write one to clear */
#define SMMUV2_GFSYNR0 0x050u
#define SMMUV2_GFSYNR1 0x054u
#define SMMUV2_GFSYNR2 0x058u
#define SMMUV2_TLBIVMID 0x064u
#define SMMUV2_TLBIALLNSNH 0x068u /* all of non-secure, non-hypervisor contexts */
#define SMMUV2_TLBIALLH 0x06cu    /* all of hypervisor contexts */
#define SMMUV2_TLBGSYNC 0x070u
#define SMMUV2_TLBGSTATUS 0x074u
#define SMMUV2_SMR(n) (0x800u + 4 * (n))
#define SMMUV2_S2CR(n) (0xc00u + 4 * (n))
#define SMMUV2_STREAMS_MAX 128u
/* Where a secure access finds the non-secure SCR0, GFSR and their neighbours up to 0x0ff (secure aliases, 9.5). */
#define SMMUV2_NS_ALIAS 0x400u

#define SMMUV2_SCR0_CLIENTPD BIT32(0)   /* off: everything passes */
#define SMMUV2_SCR0_GFRE BIT32(1)       /* global faults are answered with an abort */
#define SMMUV2_SCR0_GFIE BIT32(2)       /* and with an interrupt */
#define SMMUV2_SCR0_EXIDENABLE BIT32(3) /* stream ids of 16 bits; which mappings count is in S2CR then */
#define SMMUV2_SCR0_GCFGFRE BIT32(4)    /* the same of faults of register accesses */
#define SMMUV2_SCR0_GCFGFIE BIT32(5)
#define SMMUV2_SCR0_STALLD BIT32(8)
#define SMMUV2_SCR0_GSE BIT32(9)
#define SMMUV2_SCR0_USFCFG BIT32(10)  /* a stream that no mapping matches faults; 0: it passes */
#define SMMUV2_SCR0_VMIDPNE BIT32(11) /* VMIDs are not the CPUs': no broadcast invalidation */
#define SMMUV2_SCR0_PTM BIT32(12)     /* TLB maintenance is private */
#define SMMUV2_SCR0_FB BIT32(13)
#define SMMUV2_SCR0_BSU GENMASK32(15, 14)
#define SMMUV2_SCR0_MEMATTR GENMASK32(19, 16)
#define SMMUV2_SCR0_MTCFG BIT32(20)
#define SMMUV2_SCR0_SMCFCFG BIT32(21) /* a stream that two mappings match faults; 0: it passes */
#define SMMUV2_SCR0_SHCFG GENMASK32(23, 22)
#define SMMUV2_SCR0_VMID16EN BIT32(31)

#define SMMUV2_SACR_SMTNMB_TLBEN BIT32(8) /* the TLB keeps streams that no mapping matches */
#define SMMUV2_SACR_S2CRB_TLBEN BIT32(10) /* and those whose mapping says bypass */
#define SMMUV2_SACR_CACHE_LOCK BIT32(26)  /* ACTLR of the context banks is read-only (from r2p0 on) */

#define SMMUV2_IDR0_NUMSMRG GENMASK32(7, 0)
#define SMMUV2_IDR0_EXIDS BIT32(8)
#define SMMUV2_IDR0_NUMSIDB GENMASK32(12, 9) /* bits of a stream id */
#define SMMUV2_IDR0_BTM BIT32(13)
#define SMMUV2_IDR0_CTTW BIT32(14)
#define SMMUV2_IDR0_EXSMRGS BIT32(15)
#define SMMUV2_IDR0_NUMIRPT GENMASK32(23, 16)
#define SMMUV2_IDR0_PTFS GENMASK32(25, 24) /* AArch32: 0 long and short, 1 long, 2 none */
#define SMMUV2_IDR0_ATOSNS BIT32(26)
#define SMMUV2_IDR0_SMS BIT32(27) /* stream matching; otherwise a stream id is an index */
#define SMMUV2_IDR0_NTS BIT32(28)
#define SMMUV2_IDR0_S2TS BIT32(29)
#define SMMUV2_IDR0_S1TS BIT32(30)
#define SMMUV2_IDR0_SES BIT32(31)

#define SMMUV2_IDR1_NUMCB GENMASK32(7, 0)
#define SMMUV2_IDR1_NUMSSDNDXB GENMASK32(11, 8)
#define SMMUV2_IDR1_SSDTP GENMASK32(13, 12)
#define SMMUV2_IDR1_SMCD BIT32(15)
#define SMMUV2_IDR1_NUMS2CB GENMASK32(23, 16) /* the first context banks, which have stage 2 alone */
#define SMMUV2_IDR1_NUMPAGENDXB GENMASK32(30, 28)
#define SMMUV2_IDR1_PAGESIZE BIT32(31) /* 64 KiB */

#define SMMUV2_IDR2_IAS GENMASK32(3, 0)
#define SMMUV2_IDR2_OAS GENMASK32(7, 4)
#define SMMUV2_IDR2_UBS GENMASK32(11, 8)
#define SMMUV2_IDR2_PTFSV8_4K BIT32(12)
#define SMMUV2_IDR2_PTFSV8_16K BIT32(13)
#define SMMUV2_IDR2_PTFSV8_64K BIT32(14)
#define SMMUV2_IDR2_PTFSV8 (SMMUV2_IDR2_PTFSV8_4K | SMMUV2_IDR2_PTFSV8_16K | SMMUV2_IDR2_PTFSV8_64K)
#define SMMUV2_IDR2_VMID16S BIT32(15)
#define SMMUV2_IDR2_HADS BIT32(28)

#define SMMUV2_IDR7_MINOR GENMASK32(3, 0)
#define SMMUV2_IDR7_MAJOR GENMASK32(7, 4)

/* GFSR. The bits of FSR that have the same meaning are at other places. */
#define SMMUV2_GFSR_ICF BIT32(0)
#define SMMUV2_GFSR_USF BIT32(1)
#define SMMUV2_GFSR_SMCF BIT32(2)
#define SMMUV2_GFSR_UCBF BIT32(3)
#define SMMUV2_GFSR_UCIF BIT32(4)
#define SMMUV2_GFSR_CAF BIT32(5)
#define SMMUV2_GFSR_EF BIT32(6)
#define SMMUV2_GFSR_PF BIT32(7)
#define SMMUV2_GFSR_UUT BIT32(8)
#define SMMUV2_GFSR_MULTI BIT32(31)
#define SMMUV2_GFSR_FAULTS GENMASK32(8, 0)

#define SMMUV2_GFSYNR0_NESTED BIT32(0)
#define SMMUV2_GFSYNR0_WNR BIT32(1)
#define SMMUV2_GFSYNR0_PNU BIT32(2)
#define SMMUV2_GFSYNR0_IND BIT32(3)
#define SMMUV2_GFSYNR1_STREAM GENMASK32(15, 0)

#define SMMUV2_TLBGSTATUS_GSACTIVE BIT32(0)

#define SMMUV2_SMR_ID GENMASK32(14, 0)
#define SMMUV2_SMR_MASK GENMASK32(30, 16) /* bits that do not count */
#define SMMUV2_SMR_VALID BIT32(31)
#define SMMUV2_SMR_EXID GENMASK32(15, 0)
#define SMMUV2_SMR_EXMASK GENMASK32(31, 16)

#define SMMUV2_S2CR_CBNDX GENMASK32(7, 0)
#define SMMUV2_S2CR_EXIDVALID BIT32(10)
#define SMMUV2_S2CR_TYPE GENMASK32(17, 16)
#define SMMUV2_TRANSLATE 0u
#define SMMUV2_BYPASS 1u
#define SMMUV2_FAULT 2u

static inline uint32_t smmuv2_s2cr_type(uint32_t s2cr)
{
	return field_get32(SMMUV2_S2CR_TYPE, s2cr);
}

static inline uint32_t smmuv2_s2cr_translate(unsigned bank)
{
	return field_prep32(SMMUV2_S2CR_TYPE, SMMUV2_TRANSLATE) | field_prep32(SMMUV2_S2CR_CBNDX, bank);
}

static inline uint32_t smmuv2_s2cr_bypass(void)
{
	return field_prep32(SMMUV2_S2CR_TYPE, SMMUV2_BYPASS);
}

static inline uint32_t smmuv2_s2cr_fault(void)
{
	return field_prep32(SMMUV2_S2CR_TYPE, SMMUV2_FAULT);
}

/* A mapping that counts. With extended ids it is S2CR that says so. */
static inline uint32_t smmuv2_smr(bool extended, uint32_t id, uint32_t mask)
{
	if (extended)
		return field_prep32(SMMUV2_SMR_EXMASK, mask) | field_prep32(SMMUV2_SMR_EXID, id);
	return SMMUV2_SMR_VALID | field_prep32(SMMUV2_SMR_MASK, mask) | field_prep32(SMMUV2_SMR_ID, id);
}

static inline bool smmuv2_smr_valid(bool extended, uint32_t smr, uint32_t s2cr)
{
	return extended ? s2cr & SMMUV2_S2CR_EXIDVALID : smr & SMMUV2_SMR_VALID;
}

static inline uint32_t smmuv2_smr_id(bool extended, uint32_t smr)
{
	return field_get32(extended ? SMMUV2_SMR_EXID : SMMUV2_SMR_ID, smr);
}

static inline uint32_t smmuv2_smr_mask(bool extended, uint32_t smr)
{
	return field_get32(extended ? SMMUV2_SMR_EXMASK : SMMUV2_SMR_MASK, smr);
}

/* The widths that IDR2 and PASize encode. */
static inline unsigned smmuv2_address_bits(uint32_t code)
{
	static const unsigned bits[] = { 32, 36, 40, 42, 44, 48 };

	return code < 6 ? bits[code] : 48;
}

static inline uint32_t smmuv2_address_code(unsigned bits)
{
	uint32_t code = 0;

	while (code < 5 && smmuv2_address_bits(code) < bits)
		code++;
	return code;
}

/* ---- Global register space 1: the second page. Offsets from its start. ---------------------------------------------------- */

#define SMMUV2_CBAR(n) (0x000u + 4 * (n))
#define SMMUV2_CBFRSYNRA(n) (0x400u + 4 * (n))
#define SMMUV2_CBA2R(n) (0x800u + 4 * (n))
#define SMMUV2_BANKS_MAX 128u

#define SMMUV2_CBAR_VMID GENMASK32(7, 0)
#define SMMUV2_CBAR_BPSHCFG GENMASK32(9, 8)
#define SMMUV2_CBAR_MEMATTR GENMASK32(15, 12)
#define SMMUV2_CBAR_TYPE GENMASK32(17, 16)
#define SMMUV2_STAGE2 0u        /* stage 2 alone */
#define SMMUV2_STAGE1_BYPASS 1u /* stage 1, then nothing */
#define SMMUV2_CBFRSYNRA_STREAM GENMASK32(15, 0)
#define SMMUV2_CBA2R_VA64 BIT32(0)
#define SMMUV2_CBA2R_VMID16 GENMASK32(31, 16)

/* ---- A translation context bank. Offsets from its start. ------------------------------------------------------------------- */

#define SMMUV2_CB_SCTLR 0x000u
#define SMMUV2_CB_ACTLR 0x004u
#define SMMUV2_CB_RESUME 0x008u
#define SMMUV2_CB_TCR2 0x010u
#define SMMUV2_CB_TTBR0 0x020u /* 64 */
#define SMMUV2_CB_TTBR1 0x028u /* 64 */
#define SMMUV2_CB_TCR 0x030u
#define SMMUV2_CB_MAIR0 0x038u
#define SMMUV2_CB_MAIR1 0x03cu
#define SMMUV2_CB_FSR 0x058u /* fault status, write one to clear */
#define SMMUV2_CB_FAR 0x060u /* 64  address of a fault */
#define SMMUV2_CB_FSYNR0 0x068u
#define SMMUV2_CB_TLBIVA 0x600u     /* 64 in AArch64, 32 in AArch32 */
#define SMMUV2_CB_TLBIASID 0x610u   /* 32 */
#define SMMUV2_CB_TLBIVAL 0x620u    /* as TLBIVA, but what lies above the leaves may stay cached */
#define SMMUV2_CB_TLBIIPAS2 0x630u  /* 64 in AArch64, 32 in AArch32 */
#define SMMUV2_CB_TLBIIPAS2L 0x638u /* as TLBIIPAS2, leaves */
#define SMMUV2_CB_TLBSYNC 0x7f0u
#define SMMUV2_CB_TLBSTATUS 0x7f4u

#define SMMUV2_SCTLR_M BIT32(0)   /* translate */
#define SMMUV2_SCTLR_TRE BIT32(1) /* memory types from MAIR; as the long format has it */
#define SMMUV2_SCTLR_AFE BIT32(2) /* the access flag is one */
#define SMMUV2_SCTLR_CFRE BIT32(5)
#define SMMUV2_SCTLR_CFIE BIT32(6)
#define SMMUV2_SCTLR_CFCFG BIT32(7) /* a faulting access stalls; 0: it is terminated */
#define SMMUV2_SCTLR_HUPCF BIT32(8) /* others go on while a fault is recorded */
#define SMMUV2_SCTLR_ASIDPNE BIT32(12)

#define SMMUV2_ACTLR_CPRE BIT32(1)       /* MMU-500: prefetch of the next page */
#define SMMUV2_RESUME_TERMINATE BIT32(0) /* 0: try again */

#define SMMUV2_TCR2_PASIZE GENMASK32(2, 0)
#define SMMUV2_TCR2_AS BIT32(4) /* ASIDs of 16 bits */
#define SMMUV2_TCR2_SEP GENMASK32(17, 15)
#define SMMUV2_SEP_UPSTREAM 7u /* the sign of an address is the bit above those that the bus has */

#define SMMUV2_TTBR_ASID GENMASK64(63, 48)
#define SMMUV2_TTBR_ADDR GENMASK64(47, 4)

#define SMMUV2_TCR_T0SZ GENMASK32(5, 0)
#define SMMUV2_TCR_SL0 GENMASK32(7, 6) /* stage 2: the level to start at */
#define SMMUV2_TCR_EPD0 BIT32(7)       /* stage 1: no walks of TTBR0 */
#define SMMUV2_TCR_IRGN0 GENMASK32(9, 8)
#define SMMUV2_TCR_ORGN0 GENMASK32(11, 10)
#define SMMUV2_TCR_SH0 GENMASK32(13, 12)
#define SMMUV2_TCR_TG0 GENMASK32(15, 14)
#define SMMUV2_TCR_PASIZE GENMASK32(18, 16) /* stage 2 of AArch64; AArch32's has 40 bits */
#define SMMUV2_TCR_EPD1 BIT32(23)           /* stage 1: no walks of TTBR1 */
#define SMMUV2_TCR_EAE BIT32(31)            /* AArch32: the long format; stage 2: always one */
/* AArch32: the size is a number of 3 bits (stage 1), or of 4 bits with the sign above (stage 2). */
#define SMMUV2_TCR_S32_T0SZ GENMASK32(4, 0)
#define SMMUV2_WRITE_BACK 1u /* IRGN0 and ORGN0 */
#define SMMUV2_OUTER 2u      /* SH0 */
#define SMMUV2_INNER 3u
#define SMMUV2_TG0_4K 0u
#define SMMUV2_TG0_64K 1u
#define SMMUV2_TG0_16K 2u

#define SMMUV2_FSR_TF BIT32(1)
#define SMMUV2_FSR_AFF BIT32(2)
#define SMMUV2_FSR_PF BIT32(3)
#define SMMUV2_FSR_EF BIT32(4)
#define SMMUV2_FSR_TLBMCF BIT32(5)
#define SMMUV2_FSR_TLBLKF BIT32(6)
#define SMMUV2_FSR_ASF BIT32(7)
#define SMMUV2_FSR_UUT BIT32(8)
#define SMMUV2_FSR_FORMAT GENMASK32(10, 9)
#define SMMUV2_FSR_SS BIT32(30)
#define SMMUV2_FSR_MULTI BIT32(31)
#define SMMUV2_FSR_FAULTS GENMASK32(8, 1)
#define SMMUV2_FSR_CLEAR (SMMUV2_FSR_FAULTS | SMMUV2_FSR_SS | SMMUV2_FSR_MULTI)

#define SMMUV2_FSYNR0_PLVL GENMASK32(1, 0)
#define SMMUV2_FSYNR0_WNR BIT32(4)
#define SMMUV2_FSYNR0_PNU BIT32(5)
#define SMMUV2_FSYNR0_IND BIT32(6)
#define SMMUV2_FSYNR0_PTWF BIT32(10)

#define SMMUV2_TLBSTATUS_SACTIVE BIT32(0)

/* What a context bank is made of, in registers. */
struct smmuv2_context {
	uint32_t cbar, cba2r;
	uint32_t tcr, tcr2;
	uint32_t mair[2];
	uint32_t sctlr;
	uint64_t ttbr0;
};

/* A page table, as a context bank has to be told of it. */
struct smmuv2_table {
	uint64_t root_pa;
	unsigned iova_bits;
	unsigned levels;
	unsigned granule_lg2;
	unsigned pa_bits;
	uint64_t mair; /* stage 1 */
	bool aarch64;  /* otherwise AArch32's long format, which has the same entries */
	bool coherent;
	bool stage2;
	bool wide_tags; /* VMIDs and ASIDs of 16 bits */
	uint16_t vmid;  /* stage 2 */
	uint16_t asid;  /* stage 1 */
};

static inline uint32_t smmuv2_tg0(unsigned granule_lg2)
{
	return granule_lg2 == 16 ? SMMUV2_TG0_64K : granule_lg2 == 14 ? SMMUV2_TG0_16K : SMMUV2_TG0_4K;
}

/* Of the tables: how wide, where they begin, how they are read. */
static inline uint32_t smmuv2_tcr(const struct smmuv2_table *t)
{
	uint32_t attributes = field_prep32(SMMUV2_TCR_SH0, t->coherent ? SMMUV2_INNER : SMMUV2_OUTER) |
			      field_prep32(SMMUV2_TCR_IRGN0, t->coherent ? SMMUV2_WRITE_BACK : 0) |
			      field_prep32(SMMUV2_TCR_ORGN0, t->coherent ? SMMUV2_WRITE_BACK : 0);
	uint32_t size = t->aarch64 ? field_prep32(SMMUV2_TCR_T0SZ, 64 - t->iova_bits) |
					     field_prep32(SMMUV2_TCR_TG0, smmuv2_tg0(t->granule_lg2))
				   : field_prep32(SMMUV2_TCR_S32_T0SZ, 32 - t->iova_bits);

	if (!t->stage2)
		return size | attributes | SMMUV2_TCR_EPD1 | (t->aarch64 ? 0 : SMMUV2_TCR_EAE);
	/* SL0: levels below the one to start at, of 4 KiB tables less one: two levels are 0. Others have one level at 0. */
	return size | attributes | SMMUV2_TCR_EAE | field_prep32(SMMUV2_TCR_SL0, t->levels - (t->granule_lg2 == 12 ? 2 : 1)) |
	       (t->aarch64 ? field_prep32(SMMUV2_TCR_PASIZE, smmuv2_address_code(t->pa_bits)) : 0);
}

static inline struct smmuv2_context smmuv2_context_make(const struct smmuv2_table *t)
{
	struct smmuv2_context c = {
		.cba2r = t->aarch64 ? SMMUV2_CBA2R_VA64 : 0,
		.tcr = smmuv2_tcr(t),
		.sctlr = SMMUV2_SCTLR_M | SMMUV2_SCTLR_CFRE | SMMUV2_SCTLR_HUPCF,
		.ttbr0 = t->root_pa,
	};

	if (t->stage2) {
		c.cbar = field_prep32(SMMUV2_CBAR_TYPE, SMMUV2_STAGE2);
		if (t->wide_tags)
			c.cba2r |= field_prep32(SMMUV2_CBA2R_VMID16, t->vmid);
		else
			c.cbar |= field_prep32(SMMUV2_CBAR_VMID, t->vmid);
		return c;
	}
	/* The weakest attributes there are: those of the page table count. */
	c.cbar = field_prep32(SMMUV2_CBAR_TYPE, SMMUV2_STAGE1_BYPASS) | field_prep32(SMMUV2_CBAR_BPSHCFG, 3) |
		 field_prep32(SMMUV2_CBAR_MEMATTR, 0xf);
	c.tcr2 = field_prep32(SMMUV2_TCR2_PASIZE, smmuv2_address_code(t->pa_bits)) |
		 field_prep32(SMMUV2_TCR2_SEP, SMMUV2_SEP_UPSTREAM);
	c.tcr2 |= t->wide_tags ? SMMUV2_TCR2_AS : 0;
	c.mair[0] = (uint32_t)t->mair;
	c.mair[1] = (uint32_t)(t->mair >> 32);
	c.sctlr |= SMMUV2_SCTLR_TRE | SMMUV2_SCTLR_AFE | SMMUV2_SCTLR_ASIDPNE;
	c.ttbr0 |= field_prep(SMMUV2_TTBR_ASID, t->asid);
	return c;
}

/* Arguments of the invalidations by address. */
static inline uint64_t smmuv2_tlbiva(uint64_t iova, uint16_t asid)
{
	return field_prep(GENMASK64(63, 48), asid) | (iova >> 12 & GENMASK64(43, 0));
}

static inline uint32_t smmuv2_tlbiva32(uint64_t iova, uint16_t asid)
{
	return ((uint32_t)iova & GENMASK32(31, 12)) | (asid & 0xffu);
}

#endif
