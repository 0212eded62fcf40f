/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The SMMUv3 model under test, driven by hand: words of the SMMUv3 specification into memory and registers, no driver of ours and no
 * machine around it. Register offsets and bits are written as numbers here and in the tests: they are the golden words.
 */
#ifndef RIG_H
#define RIG_H

#include "smmuv3_model.h"
#include "unit_rig.h"

struct rig {
	struct sim_mem mem;
	struct sim_model *unit;
	uint64_t next; /* pages are handed out from here */
	uint64_t strtab, cmdq, eventq, msi;
	unsigned strtab_lg2, cmdq_lg2;
	uint32_t prod;
};

/* 44 bits, all granules, both stages, nested, 16-bit tags and stream ids, two-level tables, ranges, no MSI: as QEMU's, but for RIL's version. */
extern const struct smmuv3_model_config rig_default;

/* Makes the unit; a linear table of 32 STEs that say abort, both queues of 16 entries. Nothing is enabled. Exits when it cannot. */
void rig_open(struct rig *rig, const struct smmuv3_model_config *config);
/* The same without coherent table walks. */
void rig_open_noncoherent(struct rig *rig, const struct smmuv3_model_config *config);
void rig_close(struct rig *rig);

/* Bases, CR1, then CR0: SMMUEN, EVENTQEN, CMDQEN, acknowledged. */
void rig_enable(struct rig *rig);
void rig_command(struct rig *rig, uint64_t lo, uint64_t hi);
/* A command and a CMD_SYNC; checks that the queue ran dry. */
void rig_order(struct rig *rig, uint64_t lo, uint64_t hi);

/* Where the words of a stream's STE are. */
uint64_t rig_ste(struct rig *rig, unsigned sid);
/* Stage 1, 39 bits from level 1, 4 KiB granule. Returns where the CD is. Not for an STE that the unit already holds. */
uint64_t rig_stage1(struct rig *rig, unsigned sid, uint64_t table, unsigned asid);
/* Stage 2, 39 bits from level 1, 4 KiB granule. */
void rig_stage2(struct rig *rig, unsigned sid, uint64_t table, unsigned vmid);
/* Maps one 4 KiB page from a level-1 table, making tables as needed. Returns where the leaf is. */
uint64_t rig_map(struct rig *rig, uint64_t table, uint64_t iova, uint64_t leaf);

#define RIG_S1_RW UINT64_C(0xf43) /* AF, inner shareable, AP user, nG, page */
#define RIG_S2_RW UINT64_C(0x7ff) /* AF, inner shareable, S2AP both, write-back, page */

int rig_write(struct rig *rig, uint32_t sid, uint64_t iova);
int rig_read(struct rig *rig, uint32_t sid, uint64_t iova);

/* The oldest event, consumed. False: there is none. */
bool rig_take_event(struct rig *rig, uint64_t record[4]);
void rig_check_event(struct rig *rig, uint64_t word0, uint64_t word1, uint64_t word2, uint64_t word3);

#endif
