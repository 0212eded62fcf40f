/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An SMMUv2 that is nothing but registers: it logs every write, keeps the bits that such a unit keeps, and can say after each write what
 * would become of a stream. Register pages of 4 KiB, eight of them global. For tests of what the driver writes, and in which order.
 */
#ifndef FAKE_UNIT_H
#define FAKE_UNIT_H

#include "fake_machine.h"
#include "smmuv2.h"

/* Both stages, stream matching, 8 mappings, stream ids of 15 bits. */
#define FAKE_IDR0 0x69001e08u /* S1TS S2TS SMS, long AArch32, NUMSIDB 15, NUMSMRG 8 */
#define FAKE_IDR0_EXTENDED (FAKE_IDR0 | 0x100u)
#define FAKE_IDR0_STAGE2 (FAKE_IDR0 & ~0x40000000u)
#define FAKE_IDR0_INDEX ((FAKE_IDR0 & ~0x08001effu) | 0x600u) /* NUMSIDB 3 */
/* Eight global pages of 4 KiB, eight banks, the first two for stage 2 alone. */
#define FAKE_IDR1 0x20020008u
/* 48 bits everywhere (the bus 49), a granule of 4 KiB. */
#define FAKE_IDR2 0x00001555u

#define FAKE_GR1 0x1000u
#define FAKE_CB(n) (0x8000u + 0x1000u * (n))
#define FAKE_LEN 0x10000u

/* What becomes of a stream; a bank that translates is FAKE_BANK + its number. */
#define FAKE_PASS 0u
#define FAKE_BLOCKED 1u
#define FAKE_BANK 0x100u

#define FAKE_WATCHED 4u

struct fake {
	FAKE_IS_A_MACHINE

	uint32_t smr_bits;    /* those of SMR that there are */
	bool traps_bypass;    /* a bypass S2CR reads back as fault, and fault is ignored */
	bool locked;          /* ACTLR is read-only while CACHE_LOCK is set */
	bool syncs_stuck;     /* they never end */
	unsigned stuck_after; /* from this one on; 0: by `syncs_stuck` alone */
	unsigned nsyncs;
	bool narrow; /* registers of 64 bits take two halves, and nothing else */

	unsigned nwatched; /* streams that are looked at after each write */
	uint32_t watched[FAKE_WATCHED];
	uint64_t seen[FAKE_WATCHED]; /* bit 0 passed, bit 1 blocked, bit 8 + n bank n */
};

/* Ready to be probed: FAKE_IDR0 and so on, switched off as after a reset. */
void fake_init(struct fake *fake);
/* Another unit: before probe. */
void fake_ids(struct fake *fake, uint32_t idr0, uint32_t idr1, uint32_t idr2);
void fake_model(struct fake *fake, enum piommu_fw_model model, unsigned version);
/* Probe and enable; both succeed. */
void fake_start(struct fake *fake);

/* A mapping, as firmware would leave it. */
void fake_stream(struct fake *fake, unsigned n, uint32_t smr, uint32_t s2cr);
unsigned fake_fate(const struct fake *fake, uint32_t id);
/* From here on. */
void fake_watch(struct fake *fake, uint32_t id);

#endif
