/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One simulated SMMU of version 1 or 2, driven by hand: words of IHI 0062 and of the Arm Architecture Reference Manual (D8) into memory
 * and registers, no driver of ours. Register offsets and bits are written as numbers here and in the tests: they are the golden words.
 */
#ifndef RIG_H
#define RIG_H

#include "smmuv2_model.h"
#include "unit_rig.h"

struct rig {
	struct smmuv2_model_config cfg;
	struct sim_mem mem;
	struct sim_model *unit;
	uint64_t next; /* pages are handed out from here */
};

/* Version 2: 16 groups, 8 banks of which 2 are for stage 2 only, both stages, 48 bits, all granules, pages of 4 KiB. */
struct smmuv2_model_config rig_config(void);
/* Exits when it cannot. */
void rig_open(struct rig *rig, const struct smmuv2_model_config *cfg);
void rig_open_noncoherent(struct rig *rig, const struct smmuv2_model_config *cfg);
/* Checks that the driver, the test that is, had nothing to be blamed for. */
void rig_close(struct rig *rig);
/* The same for a test that was to be blamed. */
void rig_close_blamed(struct rig *rig);

/* Offsets in the window. */
unsigned gr1(const struct rig *rig, unsigned off);
unsigned cb(const struct rig *rig, unsigned bank, unsigned off);

/* Leaf attributes of 4 KiB pages; of a block bit 1 is clear. */
#define S1_RW UINT64_C(0xf43) /* valid, page, AP[1], inner shareable, AF, nG */
#define S1_RO UINT64_C(0xfc3)
#define S1_GLOBAL UINT64_C(0x743)
#define S2_RW UINT64_C(0x7ff) /* valid, page, write-back, read, write, inner shareable, AF */
#define S2_RO UINT64_C(0x77f)
#define BLOCK(attributes) ((attributes) & ~UINT64_C(2))
/*
 * Maps a page of the granule, 12, 14 or 16, in tables that begin at `level`, making those below as needed. @return where its
 * descriptor is
 */
uint64_t rig_map(struct rig *rig, uint64_t root, unsigned level, unsigned granule_lg2, uint64_t iova, uint64_t descriptor);

/* Clients enabled (CLIENTPD 0), faults told to devices (GFRE, GCFGFRE), what matches no group or several is blocked (USFCFG, SMCFCFG). */
void rig_enable(struct rig *rig);
/* Group `group`: stream `sid` alone, S2CR as given. */
void rig_stream(struct rig *rig, unsigned group, unsigned sid, uint32_t s2cr);
/* An AArch64 bank as given, TCR2 with SEP 7, AS, PASize 48; on, faults are told and hold up nothing (CFRE, HUPCF). */
void rig_bank(struct rig *rig, unsigned bank, uint32_t cbar, uint64_t ttbr0, uint32_t tcr);
/* An AArch32 bank, on as the others. */
void rig_bank_32(struct rig *rig, unsigned bank, uint32_t cbar, uint64_t ttbr0, uint32_t tcr);
/* Stage 1, 4 KiB, 39 bits by TTBR0. */
void rig_bank_s1(struct rig *rig, unsigned bank, uint64_t root, unsigned asid);
/* Stage 2, 4 KiB, 39 bits from level 1, 40 bits out. */
void rig_bank_s2(struct rig *rig, unsigned bank, uint64_t root, unsigned vmid);

int rig_write(struct rig *rig, unsigned sid, uint64_t iova, uint32_t value);
int rig_read(struct rig *rig, unsigned sid, uint64_t iova, uint32_t *value);
/* The first complaint, which is forgotten, says so. */
void rig_check_blamed(struct rig *rig, const char *says);
/* The record of the bank, cleared afterwards: FSR, FSYNR0, stream id, FAR. */
void rig_check_fault(struct rig *rig, unsigned bank, uint32_t fsr, uint32_t fsynr0, unsigned sid, uint64_t iova);
/* The unit's record, cleared afterwards: sGFSR, sGFSYNR0, stream id, sGFAR. */
void rig_check_global_fault(struct rig *rig, uint32_t gfsr, uint32_t gfsynr0, unsigned sid, uint64_t iova);

#endif
