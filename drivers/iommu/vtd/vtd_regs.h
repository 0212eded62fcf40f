/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * VT-d's registers and in-memory layouts, in the order of the specification (Intel Virtualization Technology for Directed
 * I/O, revision 4.1, chapters 6, 9 and 11), and pure encoders: values in, words out. Legacy mode. Nothing here touches a
 * machine.
 */
#ifndef VTD_REGS_H
#define VTD_REGS_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "piommu_driver.h"

/* ---- Registers (11.4): offset, width in bits. Accesses are exactly as wide as stated. ----------------------------------- */

#define VTD_VER 0x00u    /* 32  version */
#define VTD_CAP 0x08u    /* 64  capabilities */
#define VTD_ECAP 0x10u   /* 64  extended capabilities */
#define VTD_GCMD 0x18u   /* 32  global command, write only */
#define VTD_GSTS 0x1cu   /* 32  global status */
#define VTD_RTADDR 0x20u /* 64  root table address */
#define VTD_CCMD 0x28u   /* 64  context command */
#define VTD_FSTS 0x34u   /* 32  fault status */
#define VTD_FECTL 0x38u  /* 32  fault event control */
#define VTD_PMEN 0x64u   /* 32  protected memory enable */
#define VTD_IQH 0x80u    /* 64  invalidation queue head */
#define VTD_IQT 0x88u    /* 64  invalidation queue tail */
#define VTD_IQA 0x90u    /* 64  invalidation queue address */
#define VTD_IECTL 0xa0u  /* 32  invalidation event control */
/* At CAP.FRO: CAP.NFR + 1 fault records of 128 bits, as two of 64. At ECAP.IRO: IVA, then IOTLB, 64 each. */
#define VTD_IVA 0x00u
#define VTD_IOTLB 0x08u

#define VTD_VER_MIN GENMASK32(3, 0)
#define VTD_VER_MAX GENMASK32(7, 4)

#define VTD_CAP_ND GENMASK64(2, 0)      /* 2^(4 + 2 ND) domain ids */
#define VTD_CAP_AFL BIT64(3)            /* advanced fault log */
#define VTD_CAP_RWBF BIT64(4)           /* write buffers must be flushed */
#define VTD_CAP_PLMR BIT64(5)           /* protected low memory region */
#define VTD_CAP_PHMR BIT64(6)           /* protected high memory region */
#define VTD_CAP_CM BIT64(7)             /* caching mode */
#define VTD_CAP_SAGAW GENMASK64(12, 8)  /* bit n: n + 2 levels */
#define VTD_CAP_MGAW GENMASK64(21, 16)  /* widest address, minus one */
#define VTD_CAP_ZLR BIT64(22)           /* zero-length reads */
#define VTD_CAP_FRO GENMASK64(33, 24)   /* fault records, in 16 bytes */
#define VTD_CAP_SLLPS GENMASK64(37, 34) /* bit 0: 2 MiB, bit 1: 1 GiB */
#define VTD_CAP_PSI BIT64(39)           /* page-selective invalidation */
#define VTD_CAP_NFR GENMASK64(47, 40)   /* fault records, minus one */
#define VTD_CAP_MAMV GENMASK64(53, 48)  /* largest address mask */
#define VTD_CAP_DWD BIT64(54)           /* drains writes */
#define VTD_CAP_DRD BIT64(55)           /* drains reads */
#define VTD_CAP_FS1GP BIT64(56)
#define VTD_CAP_PI BIT64(59)
#define VTD_CAP_FS5LP BIT64(60)
#define VTD_CAP_ECMDS BIT64(61)
#define VTD_CAP_ESIRTPS BIT64(62)
#define VTD_CAP_ESRTPS BIT64(63)

#define VTD_ECAP_C BIT64(0)  /* the walker snoops caches */
#define VTD_ECAP_QI BIT64(1) /* invalidation queue */
#define VTD_ECAP_DT BIT64(2) /* device TLBs */
#define VTD_ECAP_IR BIT64(3) /* interrupt remapping */
#define VTD_ECAP_EIM BIT64(4)
#define VTD_ECAP_PT BIT64(6)          /* pass-through */
#define VTD_ECAP_SC BIT64(7)          /* snoop control */
#define VTD_ECAP_IRO GENMASK64(17, 8) /* IVA and IOTLB, in 16 bytes */
#define VTD_ECAP_MHMV GENMASK64(23, 20)
#define VTD_ECAP_MTS BIT64(25)
#define VTD_ECAP_NEST BIT64(26)
#define VTD_ECAP_PRS BIT64(29)
#define VTD_ECAP_ERS BIT64(30)
#define VTD_ECAP_SRS BIT64(31)
#define VTD_ECAP_NWFS BIT64(33)
#define VTD_ECAP_EAFS BIT64(34)
#define VTD_ECAP_PSS GENMASK64(39, 35)
#define VTD_ECAP_PASID BIT64(40)
#define VTD_ECAP_DIT BIT64(41)
#define VTD_ECAP_PDS BIT64(42)
#define VTD_ECAP_SMTS BIT64(43)
#define VTD_ECAP_VCS BIT64(44)
#define VTD_ECAP_SSADS BIT64(45)
#define VTD_ECAP_SSTS BIT64(46)
#define VTD_ECAP_FSTS BIT64(47)
#define VTD_ECAP_SMPWCS BIT64(48)
#define VTD_ECAP_RPS BIT64(49)
#define VTD_ECAP_PMS BIT64(51)
#define VTD_ECAP_ADMS BIT64(52)
#define VTD_ECAP_RPRIVS BIT64(53)

/* GCMD and GSTS have the same bits. Those of VTD_GSTS_ONE_SHOT are commands, not states: never carried over (11.4.4.1). */
#define VTD_GCMD_TE BIT32(31)    /* translation */
#define VTD_GCMD_SRTP BIT32(30)  /* set root table pointer */
#define VTD_GCMD_SFL BIT32(29)   /* set fault log */
#define VTD_GCMD_WBF BIT32(27)   /* write buffer flush */
#define VTD_GCMD_QIE BIT32(26)   /* queued invalidation */
#define VTD_GCMD_IRE BIT32(25)   /* interrupt remapping */
#define VTD_GCMD_SIRTP BIT32(24) /* set interrupt remapping table pointer */
#define VTD_GSTS_ONE_SHOT (VTD_GCMD_SRTP | VTD_GCMD_SFL | VTD_GCMD_WBF | VTD_GCMD_SIRTP)

#define VTD_RTADDR_TTM GENMASK64(11, 10) /* 0 legacy, 1 scalable, 3 abort */
#define VTD_RTADDR_RTA GENMASK64(63, 12)

#define VTD_CCMD_ICC BIT64(63)
#define VTD_CCMD_CIRG GENMASK64(62, 61)
#define VTD_CCMD_CAIG GENMASK64(60, 59) /* done at this granularity; 0: the request was refused */
#define VTD_CCMD_SID GENMASK64(31, 16)
#define VTD_CCMD_DID GENMASK64(15, 0)

#define VTD_IOTLB_IVT BIT64(63)
#define VTD_IOTLB_IIRG GENMASK64(61, 60)
#define VTD_IOTLB_IAIG GENMASK64(58, 57)
#define VTD_IOTLB_DR BIT64(49)
#define VTD_IOTLB_DW BIT64(48)
#define VTD_IOTLB_DID GENMASK64(47, 32)

/* Granularities: of CCMD, of IOTLB and of both kinds of descriptor. */
#define VTD_GLOBAL 1u
#define VTD_DOMAIN 2u
#define VTD_DEVICE 3u /* context cache */
#define VTD_PAGES 3u  /* IOTLB */

#define VTD_FSTS_PFO BIT32(0) /* a fault was not recorded */
#define VTD_FSTS_PPF BIT32(1) /* a record holds a fault */
#define VTD_FSTS_IQE BIT32(4) /* invalidation queue error: the queue has stopped */
#define VTD_FSTS_ICE BIT32(5) /* invalidation completion error */
#define VTD_FSTS_ITE BIT32(6) /* invalidation time-out: the queue has stopped */
#define VTD_FSTS_FRI GENMASK32(15, 8)
#define VTD_FSTS_QUEUE (VTD_FSTS_IQE | VTD_FSTS_ICE | VTD_FSTS_ITE)

#define VTD_FECTL_IM BIT32(31)
#define VTD_IECTL_IM BIT32(31)

#define VTD_PMEN_EPM BIT32(31)
#define VTD_PMEN_PRS BIT32(0)

#define VTD_IQ_INDEX GENMASK64(18, 4) /* of IQH and IQT, in descriptors of 128 bits */
#define VTD_IQA_QS GENMASK64(2, 0)    /* 2^(QS + 8) descriptors */

/* Upper half of a fault record (11.4.7.6); the lower one is the page's address, or the interrupt's index in 63:48. */
#define VTD_FRCD_F BIT64(63)
#define VTD_FRCD_T1 BIT64(62)
#define VTD_FRCD_AT GENMASK64(61, 60)
#define VTD_FRCD_PV GENMASK64(59, 40) /* meaningless unless PP is set */
#define VTD_FRCD_FR GENMASK64(39, 32)
#define VTD_FRCD_PP BIT64(31)
#define VTD_FRCD_EXE BIT64(30)
#define VTD_FRCD_PRIV BIT64(29)
#define VTD_FRCD_T2 BIT64(28)
#define VTD_FRCD_SID GENMASK64(15, 0)
#define VTD_FRCD_FI GENMASK64(63, 12)    /* lower half */
#define VTD_FRCD_INDEX GENMASK64(63, 48) /* lower half, interrupt */

/* ---- Root and context tables (9.1, 9.3) ---------------------------------------------------------------------------------- */

/* What hardware reads from memory in two words: a root entry, a context entry, an invalidation descriptor. */
struct vtd_pair {
	uint64_t lo;
	uint64_t hi;
};
static_assert(sizeof(struct vtd_pair) == 16, "root entries, context entries and descriptors are 128 bits");

#define VTD_ENTRIES 256u /* of a root or a context table: one page */

#define VTD_ROOT_P BIT64(0)
#define VTD_ROOT_CTP GENMASK64(63, 12)

#define VTD_CONTEXT_P BIT64(0)
#define VTD_CONTEXT_FPD BIT64(1) /* faults are not recorded */
#define VTD_CONTEXT_TT GENMASK64(3, 2)
#define VTD_CONTEXT_SLPTPTR GENMASK64(63, 12)
#define VTD_CONTEXT_AW GENMASK64(2, 0)   /* upper word: levels - 2 */
#define VTD_CONTEXT_DID GENMASK64(23, 8) /* upper word */
#define VTD_CONTEXT_HI_RSVD (GENMASK64(63, 24) | BIT64(7))
#define VTD_CONTEXT_LO_RSVD GENMASK64(11, 4)

#define VTD_TT_TRANSLATE 0u
#define VTD_TT_DEVICE_TLB 1u
#define VTD_TT_PASSTHROUGH 2u

static inline struct vtd_pair vtd_root_entry(uint64_t context_pa)
{
	return (struct vtd_pair){ context_pa | VTD_ROOT_P, 0 };
}

static inline struct vtd_pair vtd_context_translate(uint64_t table_pa, unsigned levels, uint16_t did)
{
	return (struct vtd_pair){
		table_pa | field_prep(VTD_CONTEXT_TT, VTD_TT_TRANSLATE) | VTD_CONTEXT_P,
		field_prep(VTD_CONTEXT_AW, levels - 2) | field_prep(VTD_CONTEXT_DID, did),
	};
}

/* `levels`: the most the unit has, also where nothing is walked (9.3, AW). */
static inline struct vtd_pair vtd_context_passthrough(unsigned levels, uint16_t did)
{
	return (struct vtd_pair){
		field_prep(VTD_CONTEXT_TT, VTD_TT_PASSTHROUGH) | VTD_CONTEXT_P,
		field_prep(VTD_CONTEXT_AW, levels - 2) | field_prep(VTD_CONTEXT_DID, did),
	};
}

/* Not present: every request is blocked and recorded with reason 2. */
static inline struct vtd_pair vtd_context_blocked(void)
{
	return (struct vtd_pair){ 0, 0 };
}

static inline uint16_t vtd_context_did(struct vtd_pair entry)
{
	return (uint16_t)field_get(VTD_CONTEXT_DID, entry.hi);
}

/* ---- Second-stage paging entries (9.8), for walks by eye ------------------------------------------------------------------- */

#define VTD_PTE_R BIT64(0)
#define VTD_PTE_W BIT64(1)
#define VTD_PTE_PS BIT64(7)
#define VTD_PTE_ADDR GENMASK64(51, 12)

/* ---- Invalidation descriptors (6.5.2), 128 bits ---------------------------------------------------------------------------- */

#define VTD_DESC_TYPE GENMASK64(3, 0)
#define VTD_DESC_CONTEXT 1u
#define VTD_DESC_IOTLB 2u
#define VTD_DESC_WAIT 5u

#define VTD_DESC_G GENMASK64(5, 4) /* context and IOTLB */
#define VTD_DESC_DID GENMASK64(31, 16)
#define VTD_DESC_SID GENMASK64(47, 32)  /* context */
#define VTD_DESC_DW BIT64(6)            /* IOTLB */
#define VTD_DESC_DR BIT64(7)            /* IOTLB */
#define VTD_DESC_ADDR GENMASK64(63, 12) /* IOTLB, upper word, as IVA */
#define VTD_DESC_IH BIT64(6)            /* only leaf entries changed */
#define VTD_DESC_AM GENMASK64(5, 0)     /* 2^AM pages */
#define VTD_DESC_WAIT_SW BIT64(5)       /* write the status; never together with IF, bit 4 */
#define VTD_DESC_WAIT_FN BIT64(6)       /* what follows waits, too */
#define VTD_DESC_WAIT_DATA GENMASK64(63, 32)

static inline struct vtd_pair vtd_desc_context_global(void)
{
	return (struct vtd_pair){ VTD_DESC_CONTEXT | field_prep(VTD_DESC_G, VTD_GLOBAL), 0 };
}

/* `did`: of the entry that was there before; 0 where it was not present (6.2.2.1, caching mode). */
static inline struct vtd_pair vtd_desc_context_device(uint16_t did, uint16_t sid)
{
	return (struct vtd_pair){
		VTD_DESC_CONTEXT | field_prep(VTD_DESC_G, VTD_DEVICE) | field_prep(VTD_DESC_DID, did) |
			field_prep(VTD_DESC_SID, sid),
		0,
	};
}

/* `drain`: VTD_DESC_DR and VTD_DESC_DW as the unit has them. */
static inline struct vtd_pair vtd_desc_iotlb_global(uint64_t drain)
{
	return (struct vtd_pair){ VTD_DESC_IOTLB | field_prep(VTD_DESC_G, VTD_GLOBAL) | drain, 0 };
}

static inline struct vtd_pair vtd_desc_iotlb_domain(uint16_t did, uint64_t drain)
{
	return (struct vtd_pair){
		VTD_DESC_IOTLB | field_prep(VTD_DESC_G, VTD_DOMAIN) | drain | field_prep(VTD_DESC_DID, did),
		0,
	};
}

/* 2^am pages from iova, which is aligned to that many. */
static inline struct vtd_pair vtd_desc_iotlb_pages(uint16_t did, uint64_t iova, unsigned am, bool leaf_only, uint64_t drain)
{
	return (struct vtd_pair){
		VTD_DESC_IOTLB | field_prep(VTD_DESC_G, VTD_PAGES) | drain | field_prep(VTD_DESC_DID, did),
		iova | (leaf_only ? VTD_DESC_IH : 0) | field_prep(VTD_DESC_AM, am),
	};
}

static inline struct vtd_pair vtd_desc_wait(uint64_t status_pa, uint32_t data)
{
	return (struct vtd_pair){ VTD_DESC_WAIT | VTD_DESC_WAIT_SW | field_prep(VTD_DESC_WAIT_DATA, data), status_pa };
}

/* The same commands for CCMD and for IOTLB, for units without a queue. */
static inline uint64_t vtd_ccmd(struct vtd_pair desc)
{
	return VTD_CCMD_ICC | field_prep(VTD_CCMD_CIRG, field_get(VTD_DESC_G, desc.lo)) |
	       field_prep(VTD_CCMD_SID, field_get(VTD_DESC_SID, desc.lo)) |
	       field_prep(VTD_CCMD_DID, field_get(VTD_DESC_DID, desc.lo));
}

static inline uint64_t vtd_iotlb(struct vtd_pair desc)
{
	return VTD_IOTLB_IVT | field_prep(VTD_IOTLB_IIRG, field_get(VTD_DESC_G, desc.lo)) |
	       (desc.lo & VTD_DESC_DR ? VTD_IOTLB_DR : 0) | (desc.lo & VTD_DESC_DW ? VTD_IOTLB_DW : 0) |
	       field_prep(VTD_IOTLB_DID, field_get(VTD_DESC_DID, desc.lo));
}

#endif
