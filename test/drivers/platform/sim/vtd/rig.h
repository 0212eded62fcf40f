/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A simulated machine under test, driven by hand: words of the VT-d specification into memory and registers, no driver of
 * ours. Register offsets and bits are written as numbers here and in the tests: they are the golden words.
 */
#ifndef RIG_H
#define RIG_H

#include "drivers.h"
#include "piommu_driver.h"
#include "piommu_sim.h"
#include "suite.h"

struct rig {
	struct piommu_platform *plat;
	struct piommu_window regs; /* of unit 0 */
	struct piommu_mem mem;     /* 8 MiB: pages are handed out from it */
	uint64_t next;
	uint64_t root, ctx, queue, status;
	unsigned tail;
	struct piommu_log log;
	char said[512]; /* the last line logged */
};

#define DEV_02 ((struct piommu_sbdf){ 0, 0, 0x10 })
#define DEV_03 ((struct piommu_sbdf){ 0, 0, 0x18 })
#define DEV_04 ((struct piommu_sbdf){ 0, 0, 0x20 })

/* Opens "sim:ARGS", maps unit 0, makes empty root and context tables (bus 0) and a queue page. Exits when it cannot. */
void rig_open(struct rig *rig, const char *args);
void rig_close(struct rig *rig);
/* What lib/fw makes of the machine's tables. */
void rig_load_fw(struct rig *rig, struct piommu_fw *fw);

/* A zeroed, written-back page; its bus address. */
uint64_t rig_page(struct rig *rig);
/* Word `index` of the structure at `pa`, written back. */
void rig_put(struct rig *rig, uint64_t pa, unsigned index, uint64_t word);
/* The same without the write-back. */
void rig_put_dirty(struct rig *rig, uint64_t pa, unsigned index, uint64_t word);
uint64_t rig_get(struct rig *rig, uint64_t pa, unsigned index);

/* Context cache and IOTLB, globally: by the queue where it is on, else by registers. */
void rig_forget_all(struct rig *rig);
/* SRTP with the rig's root, what follows on it, then TE; each acknowledged. */
void rig_enable(struct rig *rig);
/* IQT, IQA, QIE. */
void rig_queue_on(struct rig *rig);
/* Stores a descriptor and rings the doorbell. */
void rig_submit(struct rig *rig, uint64_t lo, uint64_t hi);
/* A wait descriptor with status write; true when its status arrived. */
bool rig_wait(struct rig *rig, uint32_t data);

/* A context entry for `devfn` on bus 0: second level from `table`, 48 bits. */
void rig_context(struct rig *rig, unsigned devfn, uint64_t table, unsigned did);
/* Maps one 4 KiB page in a 4-level table, making tables as needed. `bits` 1 read, 2 write. Returns the leaf's place. */
uint64_t rig_map(struct rig *rig, uint64_t table, uint64_t iova, uint64_t pa, unsigned bits);

int rig_write(struct rig *rig, struct piommu_sbdf dev, uint64_t iova, uint32_t value);
int rig_read(struct rig *rig, struct piommu_sbdf dev, uint64_t iova, uint32_t *value);

struct piommu_sim_counts rig_counts(struct rig *rig);
/* Fault record 0's words, cleared afterwards, PFO too. */
void rig_take_fault(struct rig *rig, uint64_t record[2]);
/* Checks that record 0 says this, and clears it. */
void rig_check_fault(struct rig *rig, unsigned reason, unsigned sid, uint64_t iova, bool is_read);
/* The complaint since the last call; "" if none. */
const char *rig_complaint(struct rig *rig);

#endif
