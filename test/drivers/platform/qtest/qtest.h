/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The `qtest` platform: QEMU's own VT-d model, driven over its qtest socket with no guest booted. An oracle that nobody here
 * wrote: it caches translations, walks our tables, records faults, and its `edu` devices do real DMA.
 *
 *   q35, 256 MiB of RAM shared with this process
 *   00:02.0 00:03.0 00:04.0  edu
 *   00:05.0  PCI Express to PCI bridge; behind it 01:01.0 and 01:02.0, both edu (their DMA carries 01:00.0)
 *   00:06.0  root port; behind it 02:00.0, edu
 *
 * One thread at a time. QEMU's death is the death of the test program, with what QEMU had to say.
 */
#ifndef QTEST_H
#define QTEST_H

#include "piommu_driver.h"

struct qtest_options {
	unsigned aw_bits;    /* 39 or 48; 0: 48 */
	bool no_intremap;    /* without interrupt remapping (ECAP.IR) */
	bool no_passthrough; /* without pass-through (ECAP.PT) */
	bool caching_mode;   /* CAP.CM */
	bool rmrr;           /* an RMRR for 00:02.0, which QEMU's own table never has; see qtest_rmrr() */
	const struct piommu_log *log;
};

struct qtest;

/* The QEMU to run: $PIOMMU_QEMU, else qemu-system-x86_64 of $PATH. @return 0; -ENOENT */
int qtest_find_qemu(char *out, size_t len);

/*
 * Starts a machine: bridges numbered, BARs assigned, tables read. Pins the calling thread, and so QEMU, to one processor: a
 * round trip takes 10 us so, up to 100 us otherwise. @return 0; -ENOENT: no QEMU; -errno of what failed
 */
int qtest_open(const struct qtest_options *options, struct qtest **out);
/* Kills QEMU and reaps it. NULL is a no-op. Closing the platform does the same. */
void qtest_close(struct qtest *qt);

/* To be given to piommu_config.instance. */
struct piommu_platform *qtest_platform(struct qtest *qt);

/* The span of the injected RMRR: two pages of RAM. */
struct piommu_span qtest_rmrr(const struct qtest *qt);

/* The VT-d unit's registers, past any driver. */
uint32_t qtest_vtd_read32(struct qtest *qt, unsigned off);
uint64_t qtest_vtd_read64(struct qtest *qt, unsigned off);
void qtest_vtd_write32(struct qtest *qt, unsigned off, uint32_t value);
void qtest_vtd_write64(struct qtest *qt, unsigned off, uint64_t value);

/* ---- edu: a device whose DMA moves bytes between memory and a buffer of its own ---------------------------------------- */

#define QTEST_EDU_BUFFER 4095u /* one less than it has: QEMU 7.2 takes its last byte for outside */

/*
 * Moves `len` bytes between I/O address `iova` and the device's buffer at `at`; `to_memory` says which way. Returns when
 * the device is done; edu does not say whether it was blocked. @return 0; -ENOENT: no edu there; -EINVAL: outside the buffer
 */
int qtest_edu_dma(struct qtest *qt, struct piommu_sbdf sbdf, uint64_t iova, unsigned at, size_t len, bool to_memory);

#endif
