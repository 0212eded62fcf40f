/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A model of one Arm SMMU of architecture version 1 or 2, non-secure side: registers in, DMA in, memory out. Any thread: everything
 * is under the unit's lock. Arm SMMU architecture specification (IHI 0062), MMU-401 and MMU-500 manuals.
 *
 * What the switches of piommu_sim.h are here. This unit has no queue and no handshake but the synchronisation of TLB
 * maintenance (TLBSYNC with TLBSTATUS, sTLBGSYNC with sTLBGSTATUS), and no way to say that an invalidation failed:
 *   QUEUE_STUCK, HANDSHAKE_STUCK   synchronisations stay active for ever
 *   SLOW_HANDSHAKE n               each is over, and the invalidations before it take effect, at the n-th read of its status
 *   LATENCY_NS                     the same, at the first read of its status after so much time
 *   FAIL_HANDSHAKES n              the n-th synchronisation from now stays active until another one is asked for in its place, or this is
 *                                  set to 0 (what FAIL_INVALIDATIONS lost stays lost)
 *   FAIL_INVALIDATIONS n           the n-th invalidation from now is lost, and so is the synchronisation that waits for it
 *   DEAD                           every register reads all ones, DMA is blocked
 * Counts: `descriptors` are invalidations written, `waits` synchronisations, `tlb_invalidations` those that took effect.
 *
 * An access that stalls (SCTLR.CFCFG) is -EFAULT to who asked for it. A write is kept and is made when RESUME says so; a read is not.
 */
#ifndef SMMUV2_MODEL_H
#define SMMUV2_MODEL_H

#include "sim_model.h"

enum smmuv2_model_version {
	SMMUV2_MODEL_V1,     /* tables of AArch32 only; a stage 2 bank has no TLB maintenance of its own */
	SMMUV2_MODEL_MMU401, /* version 1, and AArch64 tables of 64 KiB pages */
	SMMUV2_MODEL_V2,
	SMMUV2_MODEL_MMU500, /* version 2, and ACTLR is read-only until sACR.CACHE_LOCK is cleared */
};

/* A stream that firmware left mapped, by its first stream mapping groups in this order: its device must not notice the takeover. */
struct smmuv2_model_kept {
	uint16_t id, mask;
	bool translates; /* through the last context bank and the table at kept_root; otherwise bypass */
};

struct smmuv2_model_config {
	enum smmuv2_model_version version;
	bool qcom;            /* a hypervisor makes "bypass" in an S2CR into "fault", and ignores "fault" */
	unsigned nsmr;        /* stream mapping groups, to 128; 0: stream indexing */
	unsigned sid_bits;    /* of a stream id: to 15, indexing to 7; 16 with exids */
	uint16_t smr_id_bits; /* which bits of SMR.ID and SMR.MASK there are; others read as zero */
	uint16_t smr_mask_bits;
	bool exids;                    /* extended stream ids (EXIDENABLE) */
	unsigned ncb, ns2cb;           /* context banks, to 128; the first ns2cb are for stage 2 only */
	bool s1, s2;                   /* never nested */
	unsigned ias, oas;             /* bits: 32, 36, 40, 42, 44 or 48 */
	bool gran4k, gran16k, gran64k; /* of AArch64 tables */
	bool vmid16;
	unsigned page_lg2;   /* of the register pages: 12 or 16 */
	unsigned npages_lg2; /* half the window has so many, 1 to 8: global ones below, one for each bank above */
	struct smmuv2_model_kept kept[4];
	unsigned nkept;
	/*
	 * A free page of memory below 4 GiB, where a stream that translates has its table: IOVA = address in [0, 256 GiB), and the
	 * same once more from 256 GiB up (AArch32 stage 1: [0, 4 GiB) once).
	 */
	uint64_t kept_root;
	bool kernel_on; /* a kernel has the unit: clients enabled with fault interrupts, and what no group matches is bypassed */
	bool tlb_clean; /* firmware has invalidated all of the TLB */
	uint64_t latency_ns;
};

/* Coherent walks (IDR0.CTTW) are as `mem` says. @return 0; -EINVAL: no such unit can be; -ENOMEM */
int smmuv2_model_create(const struct smmuv2_model_config *config, struct sim_mem *mem, struct sim_model **out);

#endif
