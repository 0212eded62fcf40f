/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The SMMUv3 driver's private state, and what its files ask of each other.
 *
 *   smmuv3_probe.c   match, capabilities, bring-up, shutdown: everything that writes CR0
 *   smmuv3_stream.c  the stream table: its memory, and tables of the second level that change places
 *   smmuv3_entry.c   its entries, and context descriptors: a device moves from one domain to another
 *   smmuv3_domain.c  domains: which stage, which page-table format
 *   smmuv3_inv.c     invalidation, by the command queue
 *   smmuv3_repair.c  commands that failed: a stopped queue goes on, the report waits for a poll
 *   smmuv3_fault.c   event records to events, every type in words
 *   smmuv3_walk.c    looking without touching: a translation step by step, capabilities in words
 *
 * What is used of the architecture: one stage per stream, stage 1 where the unit has it (tags are ASIDs), else stage 2 (tags
 * are VMIDs). No substreams (PASIDs), no stalls, no ATS, no hardware update of access flags and dirty state, no interrupts.
 */
#ifndef SMMUV3_H
#define SMMUV3_H

#include <stdatomic.h>

#include "piommu_driver.h"
#include "piommu_repair.h"
#include "smmuv3_regs.h"

#define SMMUV3_TAG_FIRST 1u /* VMID 0 is that of every stage 1 entry; ASID 0 is left out so that no tag is 0 */

#define SMMUV3_CMDQ_LG2 12u  /* 64 bursts of 32 on their way, with room to spare; less where the unit has less */
#define SMMUV3_EVENTQ_LG2 9u /* records between two polls */

/* Stream tables: one entry of the first level stands for as many streams as a PCI bus has functions. */
#define SMMUV3_SPLIT 8u
#define SMMUV3_L2_LEN (sizeof(struct smmuv3_ste) << SMMUV3_SPLIT)
#define SMMUV3_TWO_LEVEL_MAX 26u /* stream id bits of a first level of 2 MiB */
#define SMMUV3_LINEAR_MAX 16u    /* of a linear table, 4 MiB */

/* What the registers held when we came, for the day we go. */
struct smmuv3_found {
	uint64_t strtab_base;
	uint64_t cmdq_base;
	uint64_t eventq_base;
	uint32_t cr0;
	uint32_t cr1;
	uint32_t cr2;
	uint32_t strtab_cfg;
	uint32_t irq_ctrl;
};

/* The command queue. */
struct smmuv3_inv {
	struct piommu_mem mem; /* commands, then the status word in a page of its own */
	struct piommu_ring *ring;
	unsigned nslots_lg2;
	unsigned granule_lg2;
	unsigned max_burst; /* commands that fit the queue beside a CMD_SYNC; SMMUV3_BURST at most */
	unsigned max_cmds;  /* more than these for one gather cost more than the whole tag; max_burst at most */
	bool stage2;        /* tags are VMIDs */
	bool ranges;        /* IDR3.RIL */

	/* smmuv3_repair.c: who repairs writes GERRORN */
	_Atomic uint32_t gerrorn; /* as it is */
	struct piommu_repair repair;
};

/* The event queue; the thread that polls has it. */
struct smmuv3_events {
	struct piommu_mem mem;
	unsigned nslots_lg2;
	unsigned regs; /* offset of the page that PROD and CONS are in */
	uint32_t cons; /* as CONS has it */
};

/* A second-level table that devices have, or had, entries in. */
struct smmuv3_l2 {
	struct smmuv3_l2 *next;
	struct piommu_mem mem;
	uint32_t first; /* stream that it was made for, or used for again */
	bool spare;     /* no descriptor leads to it, and hardware has nothing of it */
};

struct smmuv3 {
	struct piommu_unit *unit;
	struct piommu_window *window;
	uint32_t idr0;
	uint32_t idr1;
	uint32_t idr3;
	uint32_t idr5;
	unsigned granule_lg2;
	unsigned oas; /* as IDR5.OAS, but no wider than the granule's entries hold */
	bool stage2;  /* of its domains */

	struct piommu_mem strtab_mem;
	void *strtab;         /* aligned to its size in there; entries, or descriptors of the first level */
	unsigned stream_bits; /* ids below 1 << stream_bits have an entry */
	bool two_level;
	struct piommu_mem shared;    /* of two levels: for every stream that is in no table of its own */
	struct smmuv3_l2 *tables;    /* those that are not shared, and spare ones */
	struct smmuv3_cd *cds[1024]; /* pages of them, by tag */

	struct smmuv3_inv inv;
	struct smmuv3_events events;
	struct smmuv3_found found;
	bool keeps_abort; /* as it was found (GBPA.ABORT): streams that nobody claimed are aborted, else on bypass */
	bool touched;     /* registers may differ from what was found */
	bool lost;        /* reported as gone */
	/* An entry could not be put back for certain: until all is invalidated, hardware may hold one that names any tag. */
	bool config_unknown;
};

static inline struct smmuv3 *smmuv3_of(const struct piommu_unit *unit)
{
	return unit->priv;
}

/* Writes back what a unit that does not snoop will read; nothing on one that does. */
void smmuv3_writeback(const struct smmuv3 *smmu, const void *va, size_t len);

/* What the unit reads it at. */
static inline uint64_t smmuv3_table_pa(const struct smmuv3 *smmu, const void *table)
{
	return (uintptr_t)table - smmu->unit->plat->va_off;
}

/* ---- smmuv3_stream.c: slow path, one thread at a time for a unit -------------------------------------------------------------- */

/* A stream whose entry is to change. */
struct smmuv3_move {
	uint32_t stream;
	struct smmuv3_ste *at;
	struct smmuv3_ste was;
};

/* Every stream on bypass, or aborted, as keeps_abort says. @return 0; -ENOMEM; -ENOTSUP */
int smmuv3_tables_create(struct smmuv3 *smmu);
void smmuv3_tables_destroy(struct smmuv3 *smmu);
/* Values for STRTAB_BASE_CFG and STRTAB_BASE. */
uint32_t smmuv3_strtab_cfg(const struct smmuv3 *smmu);
uint64_t smmuv3_strtab_base(const struct smmuv3 *smmu);
/* Where the unit finds a stream's entry. */
struct smmuv3_ste *smmuv3_entry_at(const struct smmuv3 *smmu, uint32_t stream);
/* Whether that is for all streams whose devices nobody has claimed, too. */
bool smmuv3_entry_is_shared(const struct smmuv3 *smmu, uint32_t stream);
/*
 * Gives all of the streams this entry, by copies of their tables: hardware sees the old one or the new one. For tables of two levels.
 * @return 0; -ENOMEM: nothing was changed; -ETIMEDOUT, -EIO: all is as it was, or config_unknown
 */
int smmuv3_tables_swap(struct smmuv3 *smmu, const struct smmuv3_move *moves, unsigned n, const struct smmuv3_ste *want);

/* ---- smmuv3_entry.c: slow path, one thread at a time for a unit --------------------------------------------------------------- */

/* Bits of each word that the unit looks at, for the Config that the entry has. Pure. */
struct smmuv3_ste smmuv3_ste_used(const struct smmuv3_ste *ste);
/*
 * The next state of an entry on its way from `now` to `want`, to be stored word by word in any order and to be invalidated before the one
 * after it. Either it differs in bits that nobody looks at, or in one word, or it aborts. Pure.
 * @return false: it has arrived
 */
bool smmuv3_ste_next(const struct smmuv3_ste *now, const struct smmuv3_ste *want, struct smmuv3_ste *next);

/* Whether such a way leads from one to the other without an abort that neither of them is. Pure. */
bool smmuv3_ste_moves_in_words(const struct smmuv3_ste *now, const struct smmuv3_ste *want);
int smmuv3_attach(struct piommu_device *device, struct piommu_domain *domain, uint32_t tag);
/* The CD of a tag that no entry names any more says nothing. */
void smmuv3_cd_clear(struct smmuv3 *smmu, uint32_t tag);

/* ---- smmuv3_domain.c ------------------------------------------------------------------------------------------------------------- */

int smmuv3_domain_create(struct piommu_unit *unit, enum piommu_domain_type type, unsigned iova_bits,
			 struct piommu_domain **out);
int smmuv3_domain_fits(const struct piommu_domain *domain, struct piommu_unit *unit);
/* The widest address of a domain of the unit. */
unsigned smmuv3_iova_bits(const struct smmuv3 *smmu);

/* ---- smmuv3_inv.c: any thread, unless stated --------------------------------------------------------------------------------------- */

/* The queue's memory; slow path. @return 0 or -ENOMEM */
int smmuv3_inv_create(struct smmuv3 *smmu);
void smmuv3_inv_destroy(struct smmuv3 *smmu);
/* Sends any number of commands and waits. @return 0; -ETIMEDOUT; -EIO */
int smmuv3_inv_sync(struct smmuv3 *smmu, const struct smmuv3_cmd *cmd, unsigned n);
/* Everything that the unit caches. Slow path, or the thread of poll. */
int smmuv3_inv_all(struct smmuv3 *smmu);
/* What `gather` holds, on every unit of the list; one wait. */
int smmuv3_inv_gather(const struct piommu_domain_units *units, const struct piommu_gather *gather);
/*
 * The same without the wait, which is for who has the fence; but units that it has no room for are waited for.
 * @return 0; -EAGAIN: a queue is full, `fence` says nothing; -EIO, -ETIMEDOUT: a unit did not follow, the others did
 */
int smmuv3_inv_submit(const struct piommu_domain_units *units, const struct piommu_gather *gather, struct piommu_fence *fence);
int smmuv3_fence_done(const struct piommu_unit *unit, piommu_ticket ticket);
int smmuv3_fence_wait(const struct piommu_unit *unit, piommu_ticket ticket);
int smmuv3_flush_tag(struct piommu_unit *unit, uint32_t tag);
bool smmuv3_is_wait(const void *slot);
void smmuv3_inv_stats(const struct piommu_unit *unit, struct piommu_ring_stats *out);

/* Commands for one tag of one unit, into room for SMMUV3_BURST. @return how many */
#define SMMUV3_BURST PIOMMU_GATHER_RANGES
unsigned smmuv3_inv_build(const struct smmuv3_inv *inv, uint16_t tag, const struct piommu_gather *gather,
			  struct smmuv3_cmd *cmd);

/* ---- smmuv3_repair.c: any thread, unless stated -------------------------------------------------------------------------------------- */

/* Errors of GERROR that nobody has acknowledged. */
static inline uint32_t smmuv3_errors(struct smmuv3 *smmu, uint32_t gerror)
{
	return (gerror ^ atomic_load_explicit(&smmu->inv.gerrorn, memory_order_relaxed)) & SMMUV3_GERROR_ALL;
}

/* After an error in GERROR: fails what it took, notes it, sets the queue going again. Waits for nothing. */
void smmuv3_inv_repair(struct smmuv3 *smmu);
/*
 * What failed commands were for must not stay cached until a later one happens to cover it: invalidates everything. Waits,
 * bounded. One thread, that of poll.
 */
void smmuv3_inv_clean(struct smmuv3 *smmu);

/* ---- smmuv3_fault.c: one thread, that of poll ------------------------------------------------------------------------------------------ */

struct smmuv3_fault {
	uint8_t type;
	uint32_t stream;
	bool is_write;
	bool is_execute;
	bool has_pasid;
	uint32_t pasid;
	uint64_t iova; /* 0 where the type has none */
};

struct smmuv3_fault smmuv3_fault_decode(const struct smmuv3_record *record);
/* Short words and a sentence, static; never NULL. */
const char *smmuv3_fault_name(uint8_t type);
const char *smmuv3_fault_text(uint8_t type);
int smmuv3_decode(const struct piommu_word *words, unsigned n, struct piommu_event *out);
/* The queue's memory, and its registers, before it is enabled; slow path. @return 0 or -ENOMEM */
int smmuv3_events_create(struct smmuv3 *smmu);
void smmuv3_events_start(struct smmuv3 *smmu);
void smmuv3_events_destroy(struct smmuv3 *smmu);
unsigned smmuv3_poll(struct piommu_unit *unit, const struct piommu_event_sink *sink);

/* ---- smmuv3_walk.c: any thread, writes no register --------------------------------------------------------------------------------------- */

unsigned smmuv3_walk(struct piommu_platform *plat, struct piommu_window *window, uint32_t id, uint64_t iova,
		     struct piommu_walk_step *steps, unsigned max);
void smmuv3_describe(const struct piommu_unit_facts *facts, struct piommu_window *window, piommu_cap_fn fn, void *ctx);
void smmuv3_version(const struct piommu_unit_facts *facts, struct piommu_window *window, char *text, size_t len);

#endif
