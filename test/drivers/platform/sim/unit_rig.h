/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One Arm unit's model under test, with no machine around it: its registers, memory for what it reads, DMA through it, what it counted
 * and said. Written once and compiled for each family, whose rig.h has a struct rig with `mem`, `unit` and `next`.
 */
#ifndef UNIT_RIG_H
#define UNIT_RIG_H

#include "sim_model.h"
#include "suite.h"

struct rig;

/* Exits and says so, where the test can have nothing to test. */
void rig_need(bool good, const char *what);
/* Memory, before the unit is made. */
void rig_open_memory(struct rig *rig, bool coherent);
/* The unit, and its memory. */
void rig_close_unit(struct rig *rig);

uint32_t r32(struct rig *rig, unsigned off);
uint64_t r64(struct rig *rig, unsigned off);
void w32(struct rig *rig, unsigned off, uint32_t value);
void w64(struct rig *rig, unsigned off, uint64_t value);

struct rig_access {
	unsigned off, width;
	bool is_write;
	const char *says; /* part of the complaint; "": the access is fine */
};
/* Of a unit that has counted no wrong width yet. Reads find zero, writes are of all ones. */
void rig_check_accesses(struct rig *rig, const struct rig_access *accesses, unsigned n);

/* Zeroed and written back, aligned to its length; its bus address. */
uint64_t rig_pages(struct rig *rig, size_t len);
/* Word `index` of the structure at `pa`, written back. */
void rig_put(struct rig *rig, uint64_t pa, unsigned index, uint64_t word);
/* The same without the write-back. */
void rig_put_dirty(struct rig *rig, uint64_t pa, unsigned index, uint64_t word);
uint64_t rig_get(struct rig *rig, uint64_t pa, unsigned index);

/* Whether a write by the stream goes to memory at `pa`. */
bool rig_lands(struct rig *rig, uint32_t sid, uint64_t iova, uint64_t pa);

struct piommu_sim_counts rig_counts(struct rig *rig);
/* The complaint since the last call; "" if none. */
const char *rig_complaint(struct rig *rig);
/* The unit's part of a dump, to be freed. */
char *rig_dump(struct rig *rig);
/* Nothing was wrong with what the driver, the test that is, did so far. */
void rig_check_clean(struct rig *rig);

#endif
