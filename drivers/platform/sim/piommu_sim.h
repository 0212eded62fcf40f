/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The simulated machine, for what no real one can do on command: DMA by its devices, switches that make hardware slow, stuck
 * or broken, and counts of what the hardware saw. Works on a platform opened as "sim[:...]" and on no other (-EINVAL).
 *
 * sim[:vtd|smmuv3|smmuv2][,key=value..]; of every family:
 *   units=N      1 to 8; the first ones have some devices each, the last all that is left  (1)
 *   all=0|1      0: the last unit, too, has certain devices only, and some functions are behind no unit  (1)
 *   nodes=0|1    1: two platform devices behind the last unit; Arm: shared: both send the same id  (0)
 *   coherent=0|1 (1)                            latency_ns=N for each wait (0)
 *   mem=BYTES[k|m|g] (256m)                     pa=low|va (low: memory from 4 GiB up)
 *   state=off|on as the kernel left it: on = translation already enabled (off)
 * vtd, described by a DMAR:
 *   aw=39|48|57  address width (48)             pages=4k|2m|1g  largest leaf (1g)
 *   cm=0|1       caching mode (0)               rwbf=0|1 write-buffer flush needed (0)
 *   qi=0|1       invalidation queue (1)         pt=0|1 pass-through (1)    ir=0|1 interrupt remapping (1)
 *   plmr=0|1     protected memory registers (0) nfr=N fault records, 1 to 64 (1)
 *   rmrr=0|1     device 00:02.0 has an RMRR (0) thread=0|1 own thread for the queue (0)
 * smmuv3, described by an IORT:
 *   stage=1|2|both (both)   granule=all|4k|16k|64k (all)   oas=BITS, 32 to 52 (48)   sidsize=BITS, 13 to 32 (16)
 *   two_level=0|1 (1)       tags=8|16 bits (16)            cmdq=N, eventq=N: log2 of the largest queues, 1 to 19 (12, 9)
 *   ril=0|1 (1)             msi=0|1 (1)                    reset=bypass|abort: GBPA (bypass)
 *   rmr=0|1 device 00:02.0 has an RMR (0)                  thread=0|1 (0)
 * smmuv2, described by a device tree:
 *   model=v1|v2|mmu401|mmu500|qcom (v2)         stage=1|2|both (both)      granule=all|4k|16k|64k (all)
 *   oas=BITS, 32 to 48 (48; version 1: 40)      smrs=N, cbs=N: stream mapping groups, context banks, 1 to 128 (64, 16)
 *   regs=4k|64k: register pages (4k)            tbu=0|1: two bits of an id name a TBU, and do not count (0)
 *   exids=0|1: ids of 16 bits (0)               kept=0|1|paging: firmware left 00:02.0 mapped, on bypass or a table (0)
 * doc/sim.md says what each makes, which devices there are, and what the units do and do not do.
 */
#ifndef PIOMMU_SIM_H
#define PIOMMU_SIM_H

#include "piommu_types.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct piommu_platform;

/**
 * The device at `sbdf` reads from (is_write false: into `buf`) or writes to (from `buf`) I/O addresses [iova, iova + len),
 * under whatever its IOMMU has cached. Any thread; several may run at once. An access is split at 4 KiB pages; it stops at the
 * first that is blocked.
 * @return 0; -EFAULT: blocked (the unit recorded why); -EIO: translated to where there is no memory; -ENOENT: no such device
 */
int piommu_sim_dma(struct piommu_platform *plat, struct piommu_sbdf sbdf, uint64_t iova, void *buf, size_t len, bool is_write);

/**
 * The function at `sbdf` appears, with its configuration space as at power-on: one that was unplugged, or one of those that start
 * unplugged (00:06.0, 00:07.0, 01:00.1, 02:00.1). Any thread, also while devices do DMA; the machine tells nobody.
 * @return 0; -EINVAL; -ENOENT: the machine has no such slot; -EEXIST: it is there; -ENODEV: the bridge above it is not
 */
int piommu_sim_plug(struct piommu_platform *plat, struct piommu_sbdf sbdf);
/**
 * The function disappears, a bridge with everything behind it: pci_functions no longer lists it (a list has all of them or none),
 * its configuration space reads as all ones, its DMA is -ENOENT. Any thread. When this returns, no access of it is under way.
 * @return 0; -EINVAL; -ENOENT: it is not there
 */
int piommu_sim_unplug(struct piommu_platform *plat, struct piommu_sbdf sbdf);
/**
 * The same for a platform node (nodes=1): "\\_SB.I2C0" or "\\_SB.UART0"; smmuv2: "/i2c@9080000" or "/serial@9090000". They are there
 * at first; piommu_sim_dma() knows them as 00:15.0 and 00:15.1, which are no PCI functions.
 * @return 0; -EINVAL; -ENOENT: no such node, or not there; -EEXIST: it is there
 */
int piommu_sim_plug_node(struct piommu_platform *plat, const char *name, bool present);

/** In VT-d's words; doc/sim.md says what each is on the other families. */
enum piommu_sim_switch {
	PIOMMU_SIM_QUEUE_STUCK,     /**< 1: the unit fetches no more descriptors */
	PIOMMU_SIM_HANDSHAKE_STUCK, /**< 1: global commands are never acknowledged */
	PIOMMU_SIM_DEAD,            /**< 1: every register reads all ones */
	PIOMMU_SIM_LATENCY_NS,      /**< time each wait descriptor takes */
	/**
	 * n: the n-th descriptor from now fails, 0: none. IOTLB and wait: the next wait descriptor is aborted with ITE (the
	 * queue stops, its status is never written); context and interrupt entry cache: ICE, the queue goes on. Without the
	 * queue: the n-th command of CCMD and IOTLB, which is refused.
	 */
	PIOMMU_SIM_FAIL_INVALIDATIONS,
	PIOMMU_SIM_SLOW_HANDSHAKE, /**< n: a command is acknowledged, and takes effect, at the n-th read of its status */
	/**
	 * n: the n-th global command from now is lost: it has no effect and is never acknowledged. The ones after it are as
	 * if it had not been (a driver may put things back). 0: none, and one that was lost and whose status says that it is
	 * under way is done late, now.
	 */
	PIOMMU_SIM_FAIL_HANDSHAKES,
};
/** @return 0; -EINVAL; -ENOENT: no such unit */
int piommu_sim_set(struct piommu_platform *plat, unsigned unit, enum piommu_sim_switch which, uint64_t value);

struct piommu_sim_counts {
	uint64_t width_errors;    /**< register accesses of a wrong width, to a reserved offset, or writes to a read-only one */
	uint64_t misuse;          /**< right accesses at a wrong time: two commands at once, a register changed while in use */
	uint64_t reserved_errors; /**< reserved bits set in a structure or descriptor */
	uint64_t stale_hits;      /**< DMA served from a cached translation that memory no longer holds */
	uint64_t unflushed;       /**< structures read by a non-coherent walker before their write-back */
	uint64_t tlb_hits, tlb_misses;
	uint64_t descriptors; /**< without wait descriptors */
	uint64_t waits, doorbells;
	uint64_t tlb_invalidations, context_invalidations;
	uint64_t faults, faults_lost;
	uint64_t dma_ok, dma_blocked;
	uint64_t injected; /**< failures armed by PIOMMU_SIM_FAIL_INVALIDATIONS and _HANDSHAKES, and come to pass */
};
/** What a unit saw since the machine was opened. @return 0; -EINVAL; -ENOENT: no such unit */
int piommu_sim_counts(struct piommu_platform *plat, unsigned unit, struct piommu_sim_counts *out);
/** The first complaint about the driver since the last call ("write32 of CAP..."), "" if none. For tests to print. */
int piommu_sim_complaint(struct piommu_platform *plat, unsigned unit, char *text, size_t len);

/**
 * What the hardware is told and says, as text for tests to compare before and after: registers, faults, the first complaint, and
 * for each requester id how it is translated, by which domain id, and (as one hash) to what. Nothing in it depends on where tables
 * are, how many there are, or which leaf sizes they have; and nothing is changed by it. `*text` is malloc'ed.
 * @return 0; -EINVAL; -ENOMEM
 */
int piommu_sim_dump(struct piommu_platform *plat, char **text);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
