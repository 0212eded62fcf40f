/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The VT-d driver's private state, and what its files ask of each other.
 *
 *   vtd_probe.c   match, capabilities, bring-up, shutdown: everything that writes GCMD
 *   vtd_entry.c   root and context tables: a device's entry moves from one domain to another
 *   vtd_domain.c  domains: map and unmap on a second-stage page table, the identity table
 *   vtd_inv.c     invalidation: by queue, or by register where there is none
 *   vtd_repair.c  invalidations that failed: a stopped queue goes on, the report waits for a poll
 *   vtd_fault.c   fault records to events, every reason in words
 *   vtd_walk.c    looking without touching: a translation step by step, capabilities in words
 */
#ifndef VTD_H
#define VTD_H

#include <stdatomic.h>

#include "piommu_paging.h"
#include "piommu_repair.h"
#include "vtd_regs.h"

#define VTD_BUSES 256u

/* Domain ids that are not handed out: 0 is hardware's under caching mode (6.1), 1 is every identity entry's. */
#define VTD_DID_IDENTITY 1u
#define VTD_DID_FIRST 2u

#define VTD_QUEUE_LG2 12u /* descriptors of an invalidation queue: 64 bursts of 32 on their way, with room to spare */

/* What the registers held when we came, for the day we go. */
struct vtd_found {
	uint64_t rtaddr;
	uint64_t iqa;
	uint32_t fectl;
	uint32_t iectl;
	uint32_t pmen;
};

/* The invalidation queue, or what serves instead of it. */
struct vtd_inv {
	struct piommu_mem mem;    /* descriptors, then the status word in a page of its own */
	struct piommu_ring *ring; /* NULL: by registers */
	uint64_t drain;           /* VTD_DESC_DR and VTD_DESC_DW where the unit has them */
	unsigned iotlb;           /* offset of IVA */
	unsigned max_am;          /* 2^n pages a descriptor; meaningless without psi */
	unsigned max_desc;        /* more than these for one gather cost more than the whole domain */
	bool psi;
	bool registers_busy; /* CCMD, IOTLB and GCMD.WBF: one command at a time */
	_Atomic uint64_t register_commands;
	struct piommu_repair repair; /* vtd_repair.c: who repairs has the error bits of FSTS */
};

struct vtd {
	struct piommu_unit *unit;
	struct piommu_window *window;
	uint64_t cap;
	uint64_t ecap;

	struct vtd_pair *root;               /* 256 entries, one page */
	struct vtd_pair *shared;             /* identity for every device of a bus that has no table of its own */
	struct vtd_pair *context[VTD_BUSES]; /* `shared`, or the bus's own */
	struct piommu_pt identity;           /* where the unit has no pass-through; root NULL otherwise */

	struct vtd_inv inv;
	struct vtd_found found;
	bool root_set;       /* hardware may hold our root pointer */
	bool queue_on;       /* QIE was asked for */
	bool translation_on; /* TE was asked for */
	bool pmen_off;       /* protection that we found on is off */
	bool lost;           /* reported as gone */
	/* An entry could not be put back for certain: until all is invalidated, hardware may hold one that names any tag. */
	bool context_unknown;
};

struct vtd_domain {
	struct piommu_paging paging; /* first: the ops are handed its base */
	uint64_t needs;              /* of VTD_CAP_CM and VTD_CAP_RWBF: what a map tells its units */
};

static inline struct vtd *vtd_of(const struct piommu_unit *unit)
{
	return unit->priv;
}

static inline struct vtd_domain *vtd_domain_of(struct piommu_domain *domain)
{
	return (struct vtd_domain *)(void *)domain;
}

/* Levels of the widest table the unit walks: 3, 4 or 5; 0 where it translates nothing. */
unsigned vtd_max_levels(uint64_t cap);
/* Writes back what a walker that does not snoop will read; nothing on one that does. */
void vtd_writeback(const struct vtd *vtd, const void *va, size_t len);
uint64_t vtd_table_pa(const struct vtd *vtd, const void *table);

/* ---- vtd_entry.c: slow path, one thread at a time for a unit ---------------------------------------------------------------- */

/* All 256 buses on the shared identity table. @return 0 or -ENOMEM */
int vtd_tables_create(struct vtd *vtd);
void vtd_tables_destroy(struct vtd *vtd);
int vtd_attach(struct piommu_device *device, struct piommu_domain *domain, uint32_t tag);

/* ---- vtd_domain.c -------------------------------------------------------------------------------------------------------------- */

/* A table that maps everything 1:1, for identity without pass-through. @return 0, -ENOMEM or what phys_spans returned */
int vtd_identity_create(struct vtd *vtd);
void vtd_identity_destroy(struct vtd *vtd);
int vtd_domain_create(struct piommu_unit *unit, enum piommu_domain_type type, unsigned iova_bits, struct piommu_domain **out);
int vtd_domain_fits(const struct piommu_domain *domain, struct piommu_unit *unit);

/* ---- vtd_inv.c: any thread, unless stated ---------------------------------------------------------------------------------------- */

int vtd_inv_create(struct vtd *vtd);
/* Idempotent. The queue itself stays where keep_memory says so. */
void vtd_inv_destroy(struct vtd *vtd);
/* Sends commands and waits until they are done. @return 0; -ETIMEDOUT; -EIO */
int vtd_inv_sync(struct vtd *vtd, const struct vtd_pair *desc, unsigned n);
/* Context cache, then IOTLB, whole. */
int vtd_inv_all(struct vtd *vtd);
/* What `gather` holds, on every unit of the list; one wait. */
int vtd_inv_gather(const struct piommu_domain_units *units, const struct piommu_gather *gather);
/*
 * The same without the wait, which is for who has the fence; but units that it has no room for, or that have no queue, are waited for.
 * @return 0; -EAGAIN: a queue is full, `fence` says nothing; -EIO, -ETIMEDOUT: a unit did not follow, the others did
 */
int vtd_inv_submit(const struct piommu_domain_units *units, const struct piommu_gather *gather, struct piommu_fence *fence);
int vtd_fence_done(const struct piommu_unit *unit, piommu_ticket ticket);
int vtd_fence_wait(const struct piommu_unit *unit, piommu_ticket ticket);
/* Write buffers to memory (6.8), where the unit has ones that need it. */
int vtd_inv_write_buffers(struct vtd *vtd);
int vtd_flush_tag(struct piommu_unit *unit, uint32_t tag);
bool vtd_is_wait(const void *slot);
void vtd_inv_stats(const struct piommu_unit *unit, struct piommu_ring_stats *out);

/*
 * What commands cost a unit, in nanoseconds of its time and of the devices' behind it. Where the ranges of a gather would take more
 * descriptors than the whole domain is worth, the domain it is:
 *
 *   n * page > domain + live * refill
 *
 * `live`: translations of the domain that devices will ask for again. Nothing tells how many a unit caches; 64 is what has been
 * measured from outside on server parts, and a domain that uses fewer loses less.
 */
struct vtd_costs {
	unsigned page;   /* one page-selective command, beside others */
	unsigned domain; /* one domain-selective command */
	unsigned refill; /* one miss: the leaf from memory, the rest of the walk from the paging-structure caches */
	unsigned live;
};
unsigned vtd_inv_max_desc(const struct vtd_costs *costs);

/* Descriptors for one domain id of one unit, into room for VTD_BURST. @return how many */
#define VTD_BURST PIOMMU_GATHER_RANGES
unsigned vtd_inv_build(const struct vtd_inv *inv, uint16_t did, const struct piommu_gather *gather, struct vtd_pair *desc);

/* ---- vtd_repair.c: any thread, unless stated ------------------------------------------------------------------------------------- */

/* After IQE or ITE in FSTS: fails what it took, notes it, sets the queue going again. Waits for nothing. */
void vtd_inv_repair(struct vtd *vtd);
/*
 * What failed commands were for must not stay cached until a later one happens to cover it: invalidates everything. Waits,
 * bounded. One thread, that of poll.
 */
void vtd_inv_clean(struct vtd *vtd);

/* ---- vtd_fault.c: one thread, that of poll ------------------------------------------------------------------------------------- */

struct vtd_fault {
	uint16_t sid;
	uint8_t reason;
	bool is_write;
	bool is_execute;
	bool is_interrupt;
	bool has_pasid;
	uint32_t pasid;
	uint64_t iova; /* the index, for an interrupt */
};

struct vtd_fault vtd_fault_decode(struct vtd_pair record);
/* Short words and a sentence, static; never NULL. */
const char *vtd_fault_name(uint8_t reason);
const char *vtd_fault_text(uint8_t reason);
int vtd_decode(const struct piommu_word *words, unsigned n, struct piommu_event *out);
/* Forgets what is recorded from before our time, and asks for no interrupt. */
void vtd_fault_reset(struct vtd *vtd);
unsigned vtd_poll(struct piommu_unit *unit, const struct piommu_event_sink *sink);

/* ---- vtd_walk.c: any thread, writes no register -------------------------------------------------------------------------------- */

unsigned vtd_walk(struct piommu_platform *plat, struct piommu_window *window, uint32_t id, uint64_t iova,
		  struct piommu_walk_step *steps, unsigned max);
void vtd_describe(const struct piommu_unit_facts *facts, struct piommu_window *window, piommu_cap_fn fn, void *ctx);
void vtd_version(const struct piommu_unit_facts *facts, struct piommu_window *window, char *text, size_t len);

#endif
