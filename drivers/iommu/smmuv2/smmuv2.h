/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The SMMUv2 driver's private state, and what its files ask of each other. It drives version 1, too (MMU-400, MMU-401), and the
 * MMU-500 and Qualcomm's variants of version 2.
 *
 *   smmuv2_probe.c   match, capabilities, bring-up, shutdown: everything that writes sCR0
 *   smmuv2_stream.c  stream mappings: what they can hold, what is kept of firmware's, how a change is written
 *   smmuv2_entry.c   whose they are: a device moves from one domain to another
 *   smmuv2_domain.c  domains: map and unmap on a page table, and the context banks that walk it
 *   smmuv2_inv.c     invalidation, by registers: there is no queue
 *   smmuv2_fault.c   fault registers to events, every bit in words
 *   smmuv2_walk.c    looking without touching: a translation step by step, capabilities in words
 *
 * A domain's tag on a unit is its context bank. ASID and VMID follow from it.
 */
#ifndef SMMUV2_H
#define SMMUV2_H

#include <stdatomic.h>

#include "piommu_driver.h"
#include "smmuv2_regs.h"

/* One stream mapping: SMR, which says for which streams, and S2CR, which says what becomes of them. */
struct smmuv2_stream {
	uint32_t s2cr; /* without EXIDVALID */
	uint16_t id;
	uint16_t mask;
	bool valid;
	bool kept;     /* found when we came */
	bool blocks;   /* and firmware blocked its streams by it */
	uint16_t heir; /* not valid, but owned: 1 + the number of the wider mapping that has its streams now */
};

struct smmuv2_streams {
	struct smmuv2_stream at[SMMUV2_STREAMS_MAX];
};

/* Some stream is of both. */
static inline bool smmuv2_stream_overlaps(const struct smmuv2_stream *at, struct piommu_id id)
{
	return at->valid && !((at->id ^ id.id) & ~(at->mask | id.mask));
}

/* All of the id's streams are of the mapping. */
static inline bool smmuv2_stream_covers(const struct smmuv2_stream *at, struct piommu_id id)
{
	return smmuv2_stream_overlaps(at, id) && !(id.mask & ~(uint32_t)at->mask);
}

/* Both match the same streams. */
static inline bool smmuv2_stream_same(const struct smmuv2_stream *a, const struct smmuv2_stream *b)
{
	return a->valid == b->valid && (!a->valid || (a->id == b->id && a->mask == b->mask));
}

/* The mappings that a device uses, by their numbers. Its priv. */
struct smmuv2_device {
	uint64_t uses[SMMUV2_STREAMS_MAX / 64];
};

/* What the registers held when we came, for the day we go. */
struct smmuv2_found {
	uint32_t scr0;
	uint32_t sacr;
	uint32_t smr[SMMUV2_STREAMS_MAX];
	uint32_t s2cr[SMMUV2_STREAMS_MAX];
};

struct smmuv2_inv {
	unsigned max_pages;             /* more of them in one gather cost more than the whole domain */
	bool syncing[SMMUV2_BANKS_MAX]; /* TLBSYNC and TLBSTATUS of a bank: one wait at a time */
	bool global_syncing;            /* the same of TLBGSYNC and TLBGSTATUS */
	_Atomic uint64_t commands;
	_Atomic uint64_t syncs;
	_Atomic uint64_t failed;
	atomic_bool late; /* a sync was not acknowledged in time; said at the next poll */
};

struct smmuv2 {
	struct piommu_unit *unit;
	struct piommu_window *window;
	uint32_t idr[3]; /* IDR0 to IDR2 */

	/* Where registers are. */
	unsigned page_len;
	unsigned banks_at;
	unsigned ns; /* offset of the aliases through which SCR0 and its neighbours are reached; 0: directly */

	/* What it is. */
	unsigned nstreams;
	unsigned nbanks;
	unsigned bypass_bank; /* set aside for identity where S2CR cannot say bypass; `nbanks`: none is */
	unsigned tag_base;    /* of ASIDs and VMIDs */
	unsigned granule_lg2;
	bool version1;
	bool matching; /* otherwise a stream id is the number of its mapping */
	bool extended; /* stream ids of 16 bits */
	bool aarch64;  /* page tables; otherwise AArch32's long format */
	bool stage2;   /* domains are stage 2 */
	bool halves;   /* registers of 64 bits are accessed in two parts */
	bool mmu500;
	bool wide_tags;

	/* Found out while it is brought up. */
	uint32_t id_bits;    /* those that SMR has */
	uint32_t mask_bits;  /* those that SMR has */
	uint32_t fault_word; /* what to write to S2CR for it to fault */
	bool emulate_bypass; /* S2CR does not take bypass: identity is `bypass_bank`, which does not translate */

	struct smmuv2_streams streams;
	_Atomic unsigned owners[SMMUV2_STREAMS_MAX]; /* devices that use a mapping; counted down without the unit's mutex */
	_Atomic uint64_t on[SMMUV2_BANKS_MAX / 64];  /* banks that translate: those that a poll looks at */
	unsigned next_bank;                          /* which the next poll begins with */
	struct smmuv2_inv inv;
	struct smmuv2_found found;
	bool enabled;
	bool lost; /* reported as gone */
	/* A mapping could not be put back for certain: until all is invalidated, hardware may hold one that names any bank. */
	bool streams_unknown;
};

static inline struct smmuv2 *smmuv2_of(const struct piommu_unit *unit)
{
	return unit->priv;
}

static inline unsigned smmuv2_gr1(const struct smmuv2 *smmu, unsigned off)
{
	return smmu->page_len + off;
}

static inline unsigned smmuv2_cb(const struct smmuv2 *smmu, unsigned bank, unsigned off)
{
	return smmu->banks_at + bank * smmu->page_len + off;
}

/* Stage 1 has VMID 0, as everything that bypasses has. */
static inline uint16_t smmuv2_asid(const struct smmuv2 *smmu, unsigned bank)
{
	return (uint16_t)(smmu->tag_base + bank);
}

static inline uint16_t smmuv2_vmid(const struct smmuv2 *smmu, unsigned bank)
{
	return (uint16_t)(smmu->tag_base + bank + 1);
}

/* A register of 64 bits whose parts nobody looks at in between. */
static inline void smmuv2_write_wide(const struct smmuv2 *smmu, unsigned off, uint64_t value)
{
	if (!smmu->halves) {
		piommu_write64(smmu->window, off, value);
		return;
	}
	piommu_write32(smmu->window, off, (uint32_t)value);
	piommu_write32(smmu->window, off + 4, (uint32_t)(value >> 32));
}

static inline uint64_t smmuv2_read_wide(const struct smmuv2 *smmu, unsigned off)
{
	if (!smmu->halves)
		return piommu_read64(smmu->window, off);
	return piommu_read32(smmu->window, off) | (uint64_t)piommu_read32(smmu->window, off + 4) << 32;
}

/* ---- smmuv2_probe.c: what the identification registers say, for all who read them ------------------------------------------ */

/* Where things are and how many, from IDR0 to IDR2 of a window. Writes nothing. */
void smmuv2_read_layout(struct smmuv2 *smmu);

/* ---- smmuv2_stream.c: slow path, one thread at a time for a unit, unless stated ------------------------------------------- */

/* Finds out what SMR and S2CR can hold, on a mapping that is not in use. @return 0; -ENOTSUP (said) */
int smmuv2_streams_explore(struct smmuv2 *smmu);
/* What firmware had mapped goes on, past translation; the rest is cleared. */
void smmuv2_streams_take(struct smmuv2 *smmu);
/* As they were found, but nothing of it translates. */
void smmuv2_streams_give_back(struct smmuv2 *smmu);
/* From one to the other: a stream that both have is never without its mapping. What the TLB knows of them is the caller's. */
void smmuv2_streams_write(struct smmuv2 *smmu, const struct smmuv2_streams *from, const struct smmuv2_streams *to);
/* What S2CR is to hold for streams that pass. Any thread. */
uint32_t smmuv2_identity(const struct smmuv2 *smmu);
/* Any thread. */
enum piommu_default smmuv2_default_domain(const struct piommu_device *device);

/* ---- smmuv2_entry.c: slow path, one thread at a time for a unit, unless stated -------------------------------------------- */

int smmuv2_attach(struct piommu_device *device, struct piommu_domain *domain, uint32_t tag);
bool smmuv2_bank_used(const struct smmuv2 *smmu, unsigned bank);
/* Under the probe lock. */
int smmuv2_probe_device(struct piommu_unit *unit, struct piommu_device *device);
/* Under the group's mutex. Writes no register. */
void smmuv2_release_device(struct piommu_device *device);

/* ---- smmuv2_domain.c ---------------------------------------------------------------------------------------------------------- */

int smmuv2_domain_create(struct piommu_unit *unit, enum piommu_domain_type type, unsigned iova_bits,
			 struct piommu_domain **out);
int smmuv2_domain_fits(const struct piommu_domain *domain, struct piommu_unit *unit);
/* The bank walks the domain's tables from here on; nothing does that is not mapped to it. Slow path, with the unit's mutex. */
void smmuv2_bank_start(struct smmuv2 *smmu, unsigned bank, struct piommu_domain *domain);
/* It translates nothing any more. Nothing is mapped to it, or all that is may pass. */
void smmuv2_bank_stop(struct smmuv2 *smmu, unsigned bank);
static inline bool smmuv2_bank_is_on(const struct smmuv2 *smmu, unsigned bank)
{
	return atomic_load_explicit(&smmu->on[bank / 64], memory_order_relaxed) & BIT64(bank % 64);
}

/* ---- smmuv2_inv.c: any thread, unless stated ------------------------------------------------------------------------------------ */

void smmuv2_inv_init(struct smmuv2 *smmu);
/* All that the TLB holds, translations and stream mappings alike; also the bound of what went on before. @return 0; -ETIMEDOUT; -EIO */
int smmuv2_inv_all(struct smmuv2 *smmu);
/* What `gather` holds, on every unit of the list; one sync for each. */
int smmuv2_inv_gather(const struct piommu_domain_units *units, const struct piommu_gather *gather);
/* The same: without a queue there is no other way than to wait. `fence` stays empty. */
int smmuv2_inv_submit(const struct piommu_domain_units *units, const struct piommu_gather *gather, struct piommu_fence *fence);
int smmuv2_flush_tag(struct piommu_unit *unit, uint32_t tag);
void smmuv2_inv_stats(const struct piommu_unit *unit, struct piommu_ring_stats *out);
/* Invalidations by page for one gather; 0: the whole domain is what it takes. */
unsigned smmuv2_inv_npages(const struct smmuv2 *smmu, const struct piommu_gather *gather);

/* ---- smmuv2_fault.c: one thread, that of poll ---------------------------------------------------------------------------------- */

/* A fault's code is its bit in FSR; or in GFSR, and this one, which neither has. */
#define SMMUV2_GLOBAL BIT32(16)

/* A context bank's registers, or the global ones. */
struct smmuv2_fault_regs {
	bool global;
	unsigned bank; /* 0 where it is not known, or of none */
	uint32_t fsr;
	uint32_t fsynr0;
	uint32_t stream; /* CBFRSYNRA, or GFSYNR1 */
	uint64_t far;
};

struct smmuv2_fault {
	uint32_t id;
	uint32_t reason;
	bool is_write;
	bool is_execute;
	bool more; /* others were not recorded */
	uint64_t iova;
};

struct smmuv2_fault smmuv2_fault_decode(const struct smmuv2_fault_regs *regs);
/* Short words and a sentence, static; never NULL. */
const char *smmuv2_fault_name(uint32_t reason);
const char *smmuv2_fault_text(uint32_t reason);
int smmuv2_decode(const struct piommu_word *words, unsigned n, struct piommu_event *out);
/* Forgets the global faults from before our time. */
void smmuv2_fault_reset(struct smmuv2 *smmu);
unsigned smmuv2_poll(struct piommu_unit *unit, const struct piommu_event_sink *sink);

/* ---- smmuv2_walk.c: any thread, writes no register ---------------------------------------------------------------------------- */

unsigned smmuv2_walk(struct piommu_platform *plat, struct piommu_window *window, uint32_t id, uint64_t iova,
		     struct piommu_walk_step *steps, unsigned max);
void smmuv2_describe(const struct piommu_unit_facts *facts, struct piommu_window *window, piommu_cap_fn fn, void *ctx);
void smmuv2_version(const struct piommu_unit_facts *facts, struct piommu_window *window, char *text, size_t len);

#endif
