/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * SMMUv3's registers and in-memory layouts, in the order of the specification (Arm System Memory Management Unit architecture
 * version 3, IHI 0070, chapters 4 to 7), and pure encoders: values in, words out. Non-secure side, little-endian. Nothing
 * here touches a machine.
 */
#ifndef SMMUV3_REGS_H
#define SMMUV3_REGS_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "piommu_driver.h"

/* ---- Registers (6.3): offset, width in bits. Accesses are exactly as wide as stated. ------------------------------------ */

#define SMMUV3_IDR0 0x00u            /* 32  features */
#define SMMUV3_IDR1 0x04u            /* 32  sizes of ids and queues */
#define SMMUV3_IDR3 0x0cu            /* 32  features */
#define SMMUV3_IDR5 0x14u            /* 32  addresses and granules */
#define SMMUV3_IIDR 0x18u            /* 32  who made it */
#define SMMUV3_AIDR 0x1cu            /* 32  version of the architecture */
#define SMMUV3_CR0 0x20u             /* 32  what is enabled */
#define SMMUV3_CR0ACK 0x24u          /* 32  the same, as far as it has come */
#define SMMUV3_CR1 0x28u             /* 32  attributes of accesses to tables and queues */
#define SMMUV3_CR2 0x2cu             /* 32 */
#define SMMUV3_GBPA 0x44u            /* 32  what becomes of DMA while translation is off */
#define SMMUV3_IRQ_CTRL 0x50u        /* 32 */
#define SMMUV3_IRQ_CTRLACK 0x54u     /* 32 */
#define SMMUV3_GERROR 0x60u          /* 32  global errors; one is there where its bit differs from GERRORN's */
#define SMMUV3_GERRORN 0x64u         /* 32 */
#define SMMUV3_STRTAB_BASE 0x80u     /* 64 */
#define SMMUV3_STRTAB_BASE_CFG 0x88u /* 32 */
#define SMMUV3_CMDQ_BASE 0x90u       /* 64 */
#define SMMUV3_CMDQ_PROD 0x98u       /* 32 */
#define SMMUV3_CMDQ_CONS 0x9cu       /* 32 */
#define SMMUV3_EVENTQ_BASE 0xa0u     /* 64 */
/* In page 1, which is 64 KiB further on; on some units (6.2, and PIOMMU_FW_UNIT_ONE_PAGE) in page 0 at the same place. */
#define SMMUV3_PAGE1 0x10000u
#define SMMUV3_EVENTQ_PROD 0xa8u /* 32 */
#define SMMUV3_EVENTQ_CONS 0xacu /* 32 */

#define SMMUV3_IDR0_S2P BIT32(0)         /* stage 2 */
#define SMMUV3_IDR0_S1P BIT32(1)         /* stage 1 */
#define SMMUV3_IDR0_TTF GENMASK32(3, 2)  /* bit 0: AArch32 tables, bit 1: AArch64 tables */
#define SMMUV3_IDR0_COHACC BIT32(4)      /* tables and queues are read and written coherently */
#define SMMUV3_IDR0_BTM BIT32(5)         /* takes part in the CPUs' TLB maintenance */
#define SMMUV3_IDR0_HTTU GENMASK32(7, 6) /* 1: updates access flags, 2: dirty state, too */
#define SMMUV3_IDR0_DORMHINT BIT32(8)
#define SMMUV3_IDR0_HYP BIT32(9) /* EL2 streams */
#define SMMUV3_IDR0_ATS BIT32(10)
#define SMMUV3_IDR0_NS1ATS BIT32(11)
#define SMMUV3_IDR0_ASID16 BIT32(12)
#define SMMUV3_IDR0_MSI BIT32(13)
#define SMMUV3_IDR0_SEV BIT32(14)
#define SMMUV3_IDR0_ATOS BIT32(15)
#define SMMUV3_IDR0_PRI BIT32(16)
#define SMMUV3_IDR0_VMW BIT32(17)
#define SMMUV3_IDR0_VMID16 BIT32(18)
#define SMMUV3_IDR0_CD2L BIT32(19)
#define SMMUV3_IDR0_VATOS BIT32(20)
#define SMMUV3_IDR0_TTENDIAN GENMASK32(22, 21) /* 0 both, 2 little, 3 big */
#define SMMUV3_IDR0_ATSRECERR BIT32(23)
#define SMMUV3_IDR0_STALL_MODEL GENMASK32(25, 24) /* 0 by choice, 1 never, 2 always */
#define SMMUV3_IDR0_TERM_MODEL BIT32(26)          /* terminated accesses are always aborted */
#define SMMUV3_IDR0_ST_LEVEL GENMASK32(28, 27)    /* 1: stream tables of two levels, too */

#define SMMUV3_TTF_AARCH64 2u
#define SMMUV3_TTENDIAN_BIG 3u
#define SMMUV3_STALL_FORCED 2u

#define SMMUV3_IDR1_SIDSIZE GENMASK32(5, 0)
#define SMMUV3_IDR1_SSIDSIZE GENMASK32(10, 6)
#define SMMUV3_IDR1_PRIQS GENMASK32(15, 11)
#define SMMUV3_IDR1_EVENTQS GENMASK32(20, 16)
#define SMMUV3_IDR1_CMDQS GENMASK32(25, 21)
#define SMMUV3_IDR1_ATTR_PERMS_OVR BIT32(26)
#define SMMUV3_IDR1_ATTR_TYPES_OVR BIT32(27)
#define SMMUV3_IDR1_REL BIT32(28)
#define SMMUV3_IDR1_QUEUES_PRESET BIT32(29)
#define SMMUV3_IDR1_TABLES_PRESET BIT32(30)
#define SMMUV3_IDR1_ECMDQ BIT32(31)

#define SMMUV3_IDR3_HAD BIT32(2)
#define SMMUV3_IDR3_PBHA BIT32(3)
#define SMMUV3_IDR3_XNX BIT32(4)
#define SMMUV3_IDR3_PPS BIT32(5)
#define SMMUV3_IDR3_MPAM BIT32(7)
#define SMMUV3_IDR3_FWB BIT32(8)
#define SMMUV3_IDR3_STT BIT32(9)
#define SMMUV3_IDR3_RIL BIT32(10) /* invalidation of ranges, level hints */
#define SMMUV3_IDR3_BBML GENMASK32(12, 11)

#define SMMUV3_IDR5_OAS GENMASK32(2, 0)
#define SMMUV3_IDR5_GRAN4K BIT32(4)
#define SMMUV3_IDR5_GRAN16K BIT32(5)
#define SMMUV3_IDR5_GRAN64K BIT32(6)
#define SMMUV3_IDR5_VAX GENMASK32(11, 10) /* 1: virtual addresses of 52 bits */
#define SMMUV3_IDR5_STALL_MAX GENMASK32(31, 16)

#define SMMUV3_IIDR_PRODUCT GENMASK32(31, 20)
#define SMMUV3_IIDR_VARIANT GENMASK32(19, 16)
#define SMMUV3_IIDR_REVISION GENMASK32(15, 12)
#define SMMUV3_IIDR_IMPLEMENTER GENMASK32(11, 0)
#define SMMUV3_AIDR_MAJOR GENMASK32(7, 4) /* 0: SMMUv3 */
#define SMMUV3_AIDR_MINOR GENMASK32(3, 0)

#define SMMUV3_CR0_SMMUEN BIT32(0)
#define SMMUV3_CR0_PRIQEN BIT32(1)
#define SMMUV3_CR0_EVENTQEN BIT32(2)
#define SMMUV3_CR0_CMDQEN BIT32(3)
#define SMMUV3_CR0_ENABLES (SMMUV3_CR0_SMMUEN | SMMUV3_CR0_PRIQEN | SMMUV3_CR0_EVENTQEN | SMMUV3_CR0_CMDQEN)

#define SMMUV3_CR1_QUEUE_IC GENMASK32(1, 0)
#define SMMUV3_CR1_QUEUE_OC GENMASK32(3, 2)
#define SMMUV3_CR1_QUEUE_SH GENMASK32(5, 4)
#define SMMUV3_CR1_TABLE_IC GENMASK32(7, 6)
#define SMMUV3_CR1_TABLE_OC GENMASK32(9, 8)
#define SMMUV3_CR1_TABLE_SH GENMASK32(11, 10)

#define SMMUV3_CR2_E2H BIT32(0)
#define SMMUV3_CR2_RECINVSID BIT32(1) /* a stream id beyond the table is recorded */
#define SMMUV3_CR2_PTM BIT32(2)       /* ignores the CPUs' TLB maintenance */

/* Cacheability and shareability, wherever the two are asked for. */
#define SMMUV3_IC_NON_CACHEABLE 0u
#define SMMUV3_IC_WRITE_BACK 1u
#define SMMUV3_SH_OUTER 2u
#define SMMUV3_SH_INNER 3u

#define SMMUV3_GBPA_ABORT BIT32(20)

#define SMMUV3_GERROR_CMDQ BIT32(0)
#define SMMUV3_GERROR_EVENTQ_ABT BIT32(2)
#define SMMUV3_GERROR_PRIQ_ABT BIT32(3)
#define SMMUV3_GERROR_MSI_CMDQ_ABT BIT32(4)
#define SMMUV3_GERROR_MSI_EVENTQ_ABT BIT32(5)
#define SMMUV3_GERROR_MSI_PRIQ_ABT BIT32(6)
#define SMMUV3_GERROR_MSI_GERROR_ABT BIT32(7)
#define SMMUV3_GERROR_SFM BIT32(8)
#define SMMUV3_GERROR_ALL (BIT32(0) | GENMASK32(8, 2))

#define SMMUV3_STRTAB_ADDR GENMASK64(51, 6)
#define SMMUV3_STRTAB_RA BIT64(62)
#define SMMUV3_STRTAB_LOG2SIZE GENMASK32(5, 0)
#define SMMUV3_STRTAB_SPLIT GENMASK32(10, 6)
#define SMMUV3_STRTAB_FMT GENMASK32(17, 16) /* 0 linear, 1 two levels */

#define SMMUV3_QUEUE_LOG2SIZE GENMASK64(4, 0)
#define SMMUV3_QUEUE_ADDR GENMASK64(51, 5)
#define SMMUV3_QUEUE_ALLOCATE BIT64(62)        /* hint: read-allocate of CMDQ, write-allocate of EVENTQ */
#define SMMUV3_QUEUE_POSITION GENMASK32(19, 0) /* of PROD and CONS: index, and a wrap bit above it */
#define SMMUV3_CMDQ_CONS_ERR GENMASK32(30, 24)
#define SMMUV3_EVENTQ_OVERFLOW BIT32(31) /* OVFLG of PROD, OVACKFLG of CONS */

#define SMMUV3_CERROR_NONE 0u
#define SMMUV3_CERROR_ILL 1u
#define SMMUV3_CERROR_ABT 2u
#define SMMUV3_CERROR_ATC_INV_SYNC 3u

static inline uint32_t smmuv3_cr1(bool coherent)
{
	uint32_t ic = coherent ? SMMUV3_IC_WRITE_BACK : SMMUV3_IC_NON_CACHEABLE;
	uint32_t sh = coherent ? SMMUV3_SH_INNER : SMMUV3_SH_OUTER;

	return field_prep32(SMMUV3_CR1_QUEUE_IC, ic) | field_prep32(SMMUV3_CR1_QUEUE_OC, ic) |
	       field_prep32(SMMUV3_CR1_QUEUE_SH, sh) | field_prep32(SMMUV3_CR1_TABLE_IC, ic) |
	       field_prep32(SMMUV3_CR1_TABLE_OC, ic) | field_prep32(SMMUV3_CR1_TABLE_SH, sh);
}

/* Bits of an address that OAS, IPS and S2PS stand for. */
static inline unsigned smmuv3_address_bits(unsigned oas)
{
	static const uint8_t bits[8] = { 32, 36, 40, 42, 44, 48, 52, 56 };

	return bits[oas & 7];
}

/* ---- Stream table (5.1, 5.2) ---------------------------------------------------------------------------------------------- */

struct smmuv3_ste {
	uint64_t w[8];
};
static_assert(sizeof(struct smmuv3_ste) == 64, "a stream table entry is 512 bits");

/* A descriptor of the first level. */
#define SMMUV3_L1_SPAN GENMASK64(4, 0) /* 0 invalid; n: 2^(n - 1) entries */
#define SMMUV3_L1_ADDR GENMASK64(51, 6)

#define SMMUV3_STE0_V BIT64(0)
#define SMMUV3_STE0_CONFIG GENMASK64(3, 1)
#define SMMUV3_STE0_S1FMT GENMASK64(5, 4)
#define SMMUV3_STE0_S1CONTEXTPTR GENMASK64(51, 6)
#define SMMUV3_STE0_S1CDMAX GENMASK64(63, 59)
#define SMMUV3_STE1_S1DSS GENMASK64(1, 0)
#define SMMUV3_STE1_S1CIR GENMASK64(3, 2)
#define SMMUV3_STE1_S1COR GENMASK64(5, 4)
#define SMMUV3_STE1_S1CSH GENMASK64(7, 6)
#define SMMUV3_STE1_MEV BIT64(19)
#define SMMUV3_STE1_S1STALLD BIT64(27)
#define SMMUV3_STE1_EATS GENMASK64(29, 28)
#define SMMUV3_STE1_STRW GENMASK64(31, 30)
#define SMMUV3_STE1_MEMATTR GENMASK64(35, 32)
#define SMMUV3_STE1_MTCFG BIT64(36)
#define SMMUV3_STE1_ALLOCCFG GENMASK64(40, 37)
#define SMMUV3_STE1_SHCFG GENMASK64(45, 44)
#define SMMUV3_STE1_NSCFG GENMASK64(47, 46)
#define SMMUV3_STE1_PRIVCFG GENMASK64(49, 48)
#define SMMUV3_STE1_INSTCFG GENMASK64(51, 50)
#define SMMUV3_STE2_S2VMID GENMASK64(15, 0)
#define SMMUV3_STE2_S2T0SZ GENMASK64(37, 32)
#define SMMUV3_STE2_S2SL0 GENMASK64(39, 38)
#define SMMUV3_STE2_S2IR0 GENMASK64(41, 40)
#define SMMUV3_STE2_S2OR0 GENMASK64(43, 42)
#define SMMUV3_STE2_S2SH0 GENMASK64(45, 44)
#define SMMUV3_STE2_S2TG GENMASK64(47, 46)
#define SMMUV3_STE2_S2PS GENMASK64(50, 48)
#define SMMUV3_STE2_S2AA64 BIT64(51)
#define SMMUV3_STE2_S2ENDI BIT64(52)
#define SMMUV3_STE2_S2R BIT64(58)
#define SMMUV3_STE2_STAGE2 GENMASK64(63, 32) /* all of the word that is about stage 2 and not its tag */
#define SMMUV3_STE3_S2TTB GENMASK64(51, 4)

#define SMMUV3_CONFIG_ABORT 0u
#define SMMUV3_CONFIG_BYPASS 4u
#define SMMUV3_CONFIG_STAGE1 5u
#define SMMUV3_CONFIG_STAGE2 6u
#define SMMUV3_CONFIG_NESTED 7u

#define SMMUV3_SHCFG_INCOMING 1u

/* Of CD.TG0 and STE.S2TG; TG1 and the commands number them otherwise. */
#define SMMUV3_TG_4K 0u
#define SMMUV3_TG_64K 1u
#define SMMUV3_TG_16K 2u

static inline unsigned smmuv3_tg(unsigned granule_lg2)
{
	return granule_lg2 == 12 ? SMMUV3_TG_4K : granule_lg2 == 14 ? SMMUV3_TG_16K : SMMUV3_TG_64K;
}

/* A page table as a CD or an STE describes it. */
struct smmuv3_table {
	uint64_t root_pa;
	unsigned granule_lg2; /* 12, 14 or 16 */
	unsigned iova_bits;
	unsigned levels;
	unsigned oas; /* as IDR5.OAS: the widest address in its entries */
	uint64_t mair;
	bool coherent;
};

static inline uint64_t smmuv3_l1_desc(uint64_t l2_pa, unsigned split)
{
	return l2_pa | field_prep(SMMUV3_L1_SPAN, split + 1);
}

/* Every access is aborted, and not recorded. */
static inline struct smmuv3_ste smmuv3_ste_abort(void)
{
	return (struct smmuv3_ste){ { SMMUV3_STE0_V | field_prep(SMMUV3_STE0_CONFIG, SMMUV3_CONFIG_ABORT) } };
}

/* All attributes of an access stay as they come. */
#define SMMUV3_STE1_INCOMING field_prep(SMMUV3_STE1_SHCFG, SMMUV3_SHCFG_INCOMING)

static inline struct smmuv3_ste smmuv3_ste_bypass(void)
{
	return (struct smmuv3_ste){ { SMMUV3_STE0_V | field_prep(SMMUV3_STE0_CONFIG, SMMUV3_CONFIG_BYPASS),
				      SMMUV3_STE1_INCOMING } };
}

/* One CD, no substreams. S2VMID is 0: TLB entries of stage 1 are tagged with it wherever the unit has stage 2. */
static inline struct smmuv3_ste smmuv3_ste_stage1(uint64_t cd_pa, bool coherent)
{
	unsigned ic = coherent ? SMMUV3_IC_WRITE_BACK : SMMUV3_IC_NON_CACHEABLE;
	unsigned sh = coherent ? SMMUV3_SH_INNER : SMMUV3_SH_OUTER;

	return (struct smmuv3_ste){ {
		SMMUV3_STE0_V | field_prep(SMMUV3_STE0_CONFIG, SMMUV3_CONFIG_STAGE1) | cd_pa,
		field_prep(SMMUV3_STE1_S1CIR, ic) | field_prep(SMMUV3_STE1_S1COR, ic) | field_prep(SMMUV3_STE1_S1CSH, sh) |
			SMMUV3_STE1_INCOMING,
	} };
}

/* S2SL0 counts from a level of the granule's own, and down (5.2). */
static inline unsigned smmuv3_s2_sl0(unsigned granule_lg2, unsigned levels)
{
	unsigned start = 4 - levels;

	return (granule_lg2 == 12 ? 2 : 3) - start;
}

static inline struct smmuv3_ste smmuv3_ste_stage2(const struct smmuv3_table *table, uint16_t vmid)
{
	unsigned ic = table->coherent ? SMMUV3_IC_WRITE_BACK : SMMUV3_IC_NON_CACHEABLE;
	unsigned sh = table->coherent ? SMMUV3_SH_INNER : SMMUV3_SH_OUTER;

	return (struct smmuv3_ste){ {
		SMMUV3_STE0_V | field_prep(SMMUV3_STE0_CONFIG, SMMUV3_CONFIG_STAGE2),
		SMMUV3_STE1_INCOMING,
		field_prep(SMMUV3_STE2_S2VMID, vmid) | field_prep(SMMUV3_STE2_S2T0SZ, 64 - table->iova_bits) |
			field_prep(SMMUV3_STE2_S2SL0, smmuv3_s2_sl0(table->granule_lg2, table->levels)) |
			field_prep(SMMUV3_STE2_S2IR0, ic) | field_prep(SMMUV3_STE2_S2OR0, ic) |
			field_prep(SMMUV3_STE2_S2SH0, sh) | field_prep(SMMUV3_STE2_S2TG, smmuv3_tg(table->granule_lg2)) |
			field_prep(SMMUV3_STE2_S2PS, table->oas) | SMMUV3_STE2_S2AA64 | SMMUV3_STE2_S2R,
		table->root_pa,
	} };
}

/* ---- Context descriptor (5.4) ---------------------------------------------------------------------------------------------- */

struct smmuv3_cd {
	uint64_t w[8];
};
static_assert(sizeof(struct smmuv3_cd) == 64, "a context descriptor is 512 bits");

#define SMMUV3_CD0_T0SZ GENMASK64(5, 0)
#define SMMUV3_CD0_TG0 GENMASK64(7, 6)
#define SMMUV3_CD0_IR0 GENMASK64(9, 8)
#define SMMUV3_CD0_OR0 GENMASK64(11, 10)
#define SMMUV3_CD0_SH0 GENMASK64(13, 12)
#define SMMUV3_CD0_EPD0 BIT64(14)
#define SMMUV3_CD0_EPD1 BIT64(30) /* no second half of the address space */
#define SMMUV3_CD0_V BIT64(31)
#define SMMUV3_CD0_IPS GENMASK64(34, 32)
#define SMMUV3_CD0_AA64 BIT64(41)
#define SMMUV3_CD0_S BIT64(44)    /* faulting accesses stall */
#define SMMUV3_CD0_R BIT64(45)    /* faults are recorded */
#define SMMUV3_CD0_A BIT64(46)    /* and the device is told */
#define SMMUV3_CD0_ASET BIT64(47) /* the ASID is ours, not the CPUs' */
#define SMMUV3_CD0_ASID GENMASK64(63, 48)
#define SMMUV3_CD1_TTB0 GENMASK64(51, 4)

static inline struct smmuv3_cd smmuv3_cd_make(const struct smmuv3_table *table, uint16_t asid)
{
	unsigned ic = table->coherent ? SMMUV3_IC_WRITE_BACK : SMMUV3_IC_NON_CACHEABLE;
	unsigned sh = table->coherent ? SMMUV3_SH_INNER : SMMUV3_SH_OUTER;

	return (struct smmuv3_cd){ {
		field_prep(SMMUV3_CD0_T0SZ, 64 - table->iova_bits) | field_prep(SMMUV3_CD0_TG0, smmuv3_tg(table->granule_lg2)) |
			field_prep(SMMUV3_CD0_IR0, ic) | field_prep(SMMUV3_CD0_OR0, ic) | field_prep(SMMUV3_CD0_SH0, sh) |
			SMMUV3_CD0_EPD1 | SMMUV3_CD0_V | field_prep(SMMUV3_CD0_IPS, table->oas) | SMMUV3_CD0_AA64 |
			SMMUV3_CD0_R | SMMUV3_CD0_A | SMMUV3_CD0_ASET | field_prep(SMMUV3_CD0_ASID, asid),
		table->root_pa,
		0,
		table->mair,
	} };
}

/* ---- Commands (4), 128 bits ------------------------------------------------------------------------------------------------- */

struct smmuv3_cmd {
	uint64_t lo;
	uint64_t hi;
};
static_assert(sizeof(struct smmuv3_cmd) == 16, "a command is 128 bits");

#define SMMUV3_CMD_OP GENMASK64(7, 0)
#define SMMUV3_CMD_CFGI_STE 0x03u
#define SMMUV3_CMD_CFGI_RANGE 0x04u
#define SMMUV3_CMD_TLBI_NH_ASID 0x11u
#define SMMUV3_CMD_TLBI_NH_VA 0x12u
#define SMMUV3_CMD_TLBI_EL2_ALL 0x20u
#define SMMUV3_CMD_TLBI_S12_VMALL 0x28u
#define SMMUV3_CMD_TLBI_S2_IPA 0x2au
#define SMMUV3_CMD_TLBI_NSNH_ALL 0x30u
#define SMMUV3_CMD_SYNC 0x46u

#define SMMUV3_CMD_STREAM GENMASK64(63, 32)  /* CFGI */
#define SMMUV3_CMD_CFGI_LEAF BIT64(0)        /* upper word: no descriptor of the first level changed */
#define SMMUV3_CMD_CFGI_SPAN GENMASK64(4, 0) /* upper word: 2^(n + 1) streams; 31: all */
#define SMMUV3_CMD_NUM GENMASK64(16, 12)     /* TLBI of a range: (NUM + 1) << SCALE granules */
#define SMMUV3_CMD_SCALE GENMASK64(24, 20)
#define SMMUV3_CMD_VMID GENMASK64(47, 32)
#define SMMUV3_CMD_ASID GENMASK64(63, 48)
#define SMMUV3_CMD_LEAF BIT64(0)             /* upper word: only leaf entries changed */
#define SMMUV3_CMD_TTL GENMASK64(9, 8)       /* upper word: all leaves are of this level; 0: not said */
#define SMMUV3_CMD_TG GENMASK64(11, 10)      /* upper word: 0: no range; 1 4K, 2 16K, 3 64K */
#define SMMUV3_CMD_ADDR GENMASK64(63, 12)    /* upper word */
#define SMMUV3_CMD_SYNC_CS GENMASK64(13, 12) /* completion: 0 by index alone, 1 by a write, too */
#define SMMUV3_CMD_SYNC_MSH GENMASK64(23, 22)
#define SMMUV3_CMD_SYNC_MSIATTR GENMASK64(27, 24)
#define SMMUV3_CMD_SYNC_MSIDATA GENMASK64(63, 32)
#define SMMUV3_CMD_SYNC_MSIADDR GENMASK64(51, 2) /* upper word */

#define SMMUV3_CS_MSI 1u
#define SMMUV3_MSIATTR_WRITE_BACK 0xfu

static inline struct smmuv3_cmd smmuv3_cmd_cfgi_ste(uint32_t stream)
{
	return (struct smmuv3_cmd){ SMMUV3_CMD_CFGI_STE | field_prep(SMMUV3_CMD_STREAM, stream), SMMUV3_CMD_CFGI_LEAF };
}

static inline struct smmuv3_cmd smmuv3_cmd_cfgi_all(void)
{
	return (struct smmuv3_cmd){ SMMUV3_CMD_CFGI_RANGE, field_prep(SMMUV3_CMD_CFGI_SPAN, 31) };
}

/* Everything of the non-secure EL1 and EL0, both stages. */
static inline struct smmuv3_cmd smmuv3_cmd_tlbi_nsnh_all(void)
{
	return (struct smmuv3_cmd){ SMMUV3_CMD_TLBI_NSNH_ALL, 0 };
}

static inline struct smmuv3_cmd smmuv3_cmd_tlbi_el2_all(void)
{
	return (struct smmuv3_cmd){ SMMUV3_CMD_TLBI_EL2_ALL, 0 };
}

/* Everything under a tag: an ASID (of VMID 0), or a VMID. */
static inline struct smmuv3_cmd smmuv3_cmd_tlbi_tag(bool stage2, uint16_t tag)
{
	if (stage2)
		return (struct smmuv3_cmd){ SMMUV3_CMD_TLBI_S12_VMALL | field_prep(SMMUV3_CMD_VMID, tag), 0 };
	return (struct smmuv3_cmd){ SMMUV3_CMD_TLBI_NH_ASID | field_prep(SMMUV3_CMD_ASID, tag), 0 };
}

/* The page at `iova`; a range, where the caller adds NUM, SCALE and TG. */
static inline struct smmuv3_cmd smmuv3_cmd_tlbi_page(bool stage2, uint16_t tag, uint64_t iova, bool leaf_only)
{
	uint64_t hi = iova | (leaf_only ? SMMUV3_CMD_LEAF : 0);

	if (stage2)
		return (struct smmuv3_cmd){ SMMUV3_CMD_TLBI_S2_IPA | field_prep(SMMUV3_CMD_VMID, tag), hi };
	return (struct smmuv3_cmd){ SMMUV3_CMD_TLBI_NH_VA | field_prep(SMMUV3_CMD_ASID, tag), hi };
}

static inline struct smmuv3_cmd smmuv3_cmd_sync(void)
{
	return (struct smmuv3_cmd){ SMMUV3_CMD_SYNC, 0 };
}

/* Stores `data` at `pa` when all before it is done. */
static inline struct smmuv3_cmd smmuv3_cmd_sync_write(uint64_t pa, uint32_t data)
{
	return (struct smmuv3_cmd){
		SMMUV3_CMD_SYNC | field_prep(SMMUV3_CMD_SYNC_CS, SMMUV3_CS_MSI) |
			field_prep(SMMUV3_CMD_SYNC_MSH, SMMUV3_SH_INNER) |
			field_prep(SMMUV3_CMD_SYNC_MSIATTR, SMMUV3_MSIATTR_WRITE_BACK) |
			field_prep(SMMUV3_CMD_SYNC_MSIDATA, data),
		pa & SMMUV3_CMD_SYNC_MSIADDR,
	};
}

/* ---- Event records (7.3), 256 bits -------------------------------------------------------------------------------------------- */

struct smmuv3_record {
	uint64_t w[4];
};
static_assert(sizeof(struct smmuv3_record) == 32, "an event record is 256 bits");

#define SMMUV3_EVT0_TYPE GENMASK64(7, 0)
#define SMMUV3_EVT0_SSV BIT64(11)
#define SMMUV3_EVT0_SSID GENMASK64(31, 12)
#define SMMUV3_EVT0_STREAM GENMASK64(63, 32)
#define SMMUV3_EVT1_STALL BIT64(31)
#define SMMUV3_EVT1_PNU BIT64(33)
#define SMMUV3_EVT1_IND BIT64(34)
#define SMMUV3_EVT1_RNW BIT64(35)
#define SMMUV3_EVT1_S2 BIT64(39)
#define SMMUV3_EVT1_CLASS GENMASK64(41, 40)
/* Of E_PAGE_REQUEST, in the place of those: what the unprivileged and the privileged will want. */
#define SMMUV3_EVT1_HINT_EXECUTE (BIT64(33) | BIT64(37))
#define SMMUV3_EVT1_HINT_WRITE (BIT64(34) | BIT64(38))

#endif
