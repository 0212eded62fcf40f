/* SPDX-License-Identifier: BSD-3-Clause */
/* What tests of the SMMUv2 model's TLB begin with: two devices with two tables each under a context bank of its own. */
#ifndef SCENE_H
#define SCENE_H

#include "rig.h"

/* Streams 0 and 1 by banks 2 and 3, stage 1, ASIDs 5 and 6; each has iova 0x5000 and 0x6000 on its page. */
struct scene {
	struct rig rig;
	uint64_t root[2], page[2];
	uint64_t leaf[2]; /* where the descriptor of 0x5000 is, that of 0x6000 follows */
};

/* What a TLBIVA of AArch64 is written with. */
#define VA64(asid, iova) ((uint64_t)(asid) << 48 | (iova) >> 12)

void scene_set(struct scene *s, const struct smmuv2_model_config *cfg);
/* Whether the device's write goes to its own page. Its bank's fault record is empty afterwards. */
bool scene_hits(struct scene *s, unsigned dev, uint64_t iova);
/* Both pages of both devices are cached, then gone from memory. */
void scene_strand(struct scene *s);
/* Which of them are still served, a digit each: 0x5000 and 0x6000 of device 0, the same of device 1. */
unsigned scene_left(struct scene *s);

/* Synchronisations that are over at once. */
void sync_bank(struct rig *rig, unsigned bank);
void sync_all(struct rig *rig);

#endif
