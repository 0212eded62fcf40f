/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A model of one SMMUv3 unit, non-secure, AArch64 tables: what the rest of the simulated machine sees of it (sim_model.h). Arm
 * System Memory Management Unit Architecture Specification, version 3 (IHI 0070). Any thread: everything is under the unit's lock.
 *
 * Switches of piommu_sim.h, as they are here:
 *   QUEUE_STUCK         no command is fetched any more
 *   HANDSHAKE_STUCK     CR0ACK and IRQ_CTRLACK do not follow, GBPA.Update stays
 *   SLOW_HANDSHAKE      n: they do at the n-th read of CR0ACK, IRQ_CTRLACK or GBPA, and the change takes effect then
 *   FAIL_HANDSHAKES     n: the n-th change of CR0, IRQ_CTRL or GBPA from now is lost, those after it are not
 *   DEAD                every register reads all ones
 *   LATENCY_NS          time that each CMD_SYNC takes
 *   FAIL_INVALIDATIONS  n: the n-th command from now, counted from 1, fails. A CMD_SYNC, and whatever came before one, makes the
 *                       next CMD_SYNC fail with CERROR_ATC_INV_SYNC: the queue stops at it, as for an ATC that did not answer
 */
#ifndef SMMUV3_MODEL_H
#define SMMUV3_MODEL_H

#include "sim_model.h"

struct smmuv3_model_config {
	unsigned sid_bits; /* IDR1.SIDSIZE: 0 to 32 */
	unsigned oas;      /* output address size: 32, 36, 40, 42, 44, 48 or 52 */
	bool two_level;    /* two-level stream tables; linear ones always */
	bool s1, s2;       /* stages; both: nested, too */
	bool granule_4k, granule_16k, granule_64k;
	bool asid16, vmid16;           /* else 8 bits */
	bool ril;                      /* range invalidation (version 3.2) */
	bool msi;                      /* CMD_SYNC by a store */
	bool hyp;                      /* CMD_TLBI_EL2_* are legal; streams are EL1's all the same */
	bool vax;                      /* 52-bit input addresses, 64 KiB granule */
	bool gbpa_abort;               /* GBPA.ABORT at reset */
	bool inv_all;                  /* secure firmware has invalidated every cache (S_INIT.INV_ALL) */
	unsigned cmdq_lg2, eventq_lg2; /* largest queues: 0 to 19 */
	bool thread;                   /* the command queue has a thread of its own */
	uint64_t latency_ns;           /* of each CMD_SYNC */
	bool kernel_on;                /* as a kernel left it: CR0.SMMUEN, and these two registers */
	uint64_t kernel_strtab_base;
	uint32_t kernel_strtab_cfg;
};

/* The memory says whether the unit is coherent (IDR0.COHACC). @return 0 or -ENOMEM, -EAGAIN (no thread) */
int smmuv3_model_create(const struct smmuv3_model_config *config, struct sim_mem *mem, struct sim_model **out);

#endif
