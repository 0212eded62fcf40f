/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The `qtest` platform: QEMU's own IOMMU models, driven over its qtest socket with no guest booted. An oracle that nobody here
 * wrote: it caches translations, walks our tables, records faults, and its `edu` devices do real DMA. Two machines of one shape,
 * with 256 MiB of RAM shared with this process: q35 with a VT-d unit, and Arm's virt with an SMMUv3.
 *
 *   00:02.0 00:03.0 00:04.0  edu
 *   00:05.0  PCI Express to PCI bridge; behind it 01:01.0 and 01:02.0, both edu (their DMA carries 01:00.0)
 *   00:06.0  root port; behind it 02:00.0, edu
 *
 * One thread at a time. QEMU's death is the death of the test program, with what QEMU had to say.
 */
#ifndef QTEST_H
#define QTEST_H

#include "piommu_driver.h"

#define QTEST_STAGE_1 1u
#define QTEST_STAGE_2 2u

struct qtest_options {
	enum piommu_family family; /* PIOMMU_FAMILY_VTD, PIOMMU_FAMILY_SMMUV3 */
	const struct piommu_log *log;

	/* ---- VT-d ---- */
	unsigned aw_bits;    /* 39 or 48; 0: 48 */
	bool no_intremap;    /* without interrupt remapping (ECAP.IR) */
	bool no_passthrough; /* without pass-through (ECAP.PT) */
	bool caching_mode;   /* CAP.CM */
	bool rmrr;           /* an RMRR for 00:02.0, which QEMU's own table never has; see qtest_rmrr() */

	/* ---- SMMUv3 ---- */
	unsigned stages; /* QTEST_STAGE_1, QTEST_STAGE_2 or both; 0: stage 1 */
};

struct qtest;

/*
 * Why a machine of this family cannot be had here: a line for suite_skip(); NULL: it can. Its QEMU is qemu-system-x86_64, or what
 * $PIOMMU_QEMU says; for Arm qemu-system-aarch64, or what $PIOMMU_QEMU_ARM says.
 */
const char *qtest_absent(enum piommu_family family);

/*
 * Starts a machine: bridges numbered, BARs assigned, tables read. Pins the calling thread, and so QEMU, to one processor: a
 * round trip takes 10 us so, up to 100 us otherwise. @return 0; -ENOENT: no QEMU; -ENOTSUP: this QEMU is too old for what the
 * options ask, and its log line says so; -errno of what failed
 */
int qtest_open(const struct qtest_options *options, struct qtest **out);
/* Kills QEMU and reaps it. NULL is a no-op. Closing the platform does the same. */
void qtest_close(struct qtest *qt);

/* To be given to piommu_config.instance. */
struct piommu_platform *qtest_platform(struct qtest *qt);

/* The span of the injected RMRR: two pages of RAM. */
struct piommu_span qtest_rmrr(const struct qtest *qt);

/* The unit's registers, past any driver. */
uint32_t qtest_unit_read32(struct qtest *qt, unsigned off);
uint64_t qtest_unit_read64(struct qtest *qt, unsigned off);
void qtest_unit_write32(struct qtest *qt, unsigned off, uint32_t value);
void qtest_unit_write64(struct qtest *qt, unsigned off, uint64_t value);

/*
 * Whether the unit has blocked an access. VT-d: as long as a fault record waits for the driver. SMMUv3: one of the last
 * qtest_edu_dma(), by what QEMU itself logged, because some leave no record (an aborted stream: Arm IHI 0070, 5.2, STE.Config), and
 * because the driver may take records away whenever it likes.
 */
bool qtest_blocked(struct qtest *qt);

/* ---- edu: a device whose DMA moves bytes between memory and a buffer of its own ---------------------------------------- */

#define QTEST_EDU_BUFFER 4095u /* one less than it has: QEMU 7.2 takes its last byte for outside */

/*
 * Moves `len` bytes between I/O address `iova` and the device's buffer at `at`; `to_memory` says which way. Returns when
 * the device is done; edu does not say whether it was blocked. @return 0; -ENOENT: no edu there; -EINVAL: outside the buffer
 */
int qtest_edu_dma(struct qtest *qt, struct piommu_sbdf sbdf, uint64_t iova, unsigned at, size_t len, bool to_memory);

#endif
