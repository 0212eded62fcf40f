/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a driver test stands on: a machine, a manager that runs it, and short words for what tests do all the time. Opening
 * and closing assert; closing also asserts what the simulated hardware saw: no access of a wrong width, no reserved bit, no
 * stale translation, nothing read before it was written back.
 */
#ifndef RIG_H
#define RIG_H

#include <errno.h>
#include <string.h>

#include "machine.h"
#include "piommu.h"
#include "suite.h"

#define RIG_PAGE UINT64_C(4096)
#define RIG_2M (UINT64_C(1) << 21)
#define RIG_1G (UINT64_C(1) << 30)
/* Where every paging domain of a rig maps the machine's mailbox: in reach of 39 bits, in nobody's way. */
#define RIG_MAILBOX (UINT64_C(1) << 37)

#define RIG_GROUPS 8u /* groups that one test attaches */

struct rig {
	struct machine *m;
	struct piommu *p;
	struct piommu_log log;
	char last[512];                         /* the last message */
	unsigned nlogged;                       /* messages of errors and warnings */
	unsigned iova_bits;                     /* of the unit */
	uint64_t page_sizes;                    /* of the unit */
	struct piommu_group *paged[RIG_GROUPS]; /* those on a paging domain */
	bool expect_stale; /* stale translations are used on purpose: closing does not complain about them */
	bool expect_race;  /* a device reads while entries are stored, written back and invalidated, and may do so in between */
	bool expect_no_finish; /* a unit was broken on purpose: destroy may fail */
	bool expect_misuse;    /* a unit was, and is driven as none should be that works */
};

/* Which machine the program was started for. */
struct rig_target {
	const char *kind;
	const char *family;
	const char *variant;
	bool drop; /* every rig_unmap() leaves its invalidation out: tests must notice */
};
void rig_set_target(const struct rig_target *target);
const struct rig_target *rig_target(void);

/* A log that remembers its last line in the rig, and how many there were. */
struct piommu_log rig_log(struct rig *r);

/* The target's machine, and a manager on it. */
void rig_open(struct rig *r);
/* With short waits, for hardware that the test is going to break; closing does not insist on a clean end. */
void rig_open_impatient(struct rig *r);
/* With further keys; NULL: none. Returns piommu_create()'s answer, or machine_open()'s. */
int rig_try_open(struct rig *r, const char *keys);
/* A machine whose `reserved` device has a reserved range: which, and the memory there. Not on every QEMU: machine_family. */
void rig_open_reserved(struct rig *r, struct piommu_span *span, void **va);
/* Destroys the manager and checks what the machine saw. */
void rig_close(struct rig *r);
/* Checks what the simulated hardware complains about; nothing on QEMU. */
void rig_check_sim(struct rig *r);

/* Without a reference: no device of a rig goes. */
struct piommu_group *rig_group(struct rig *r, struct piommu_sbdf sbdf);
void rig_claim(struct rig *r, struct piommu_sbdf sbdf);
/* Back on identity. */
void rig_release(struct rig *r, struct piommu_sbdf sbdf);
/* A paging domain that fits the device's unit, with the mailbox mapped. */
struct piommu_domain *rig_domain(struct rig *r, struct piommu_sbdf sbdf);
/* Attaches the device's group; it was claimed. */
void rig_attach(struct rig *r, struct piommu_domain *domain, struct piommu_sbdf sbdf);
void rig_detach(struct rig *r, struct piommu_domain *domain, struct piommu_sbdf sbdf);
/* Claims, creates and attaches. */
struct piommu_domain *rig_own(struct rig *r, struct piommu_sbdf sbdf);
/* The reverse. */
void rig_disown(struct rig *r, struct piommu_domain *domain, struct piommu_sbdf sbdf);

struct piommu_mem rig_mem(struct rig *r, size_t len, size_t align);

/* What most tests begin with: one device on a domain of its own, and memory for it. */
struct rig_owned {
	struct rig r;
	struct piommu_sbdf device;
	struct piommu_domain *domain;
	struct piommu_mem mem;
};
/* `device` is an index of machine.plain. */
void rig_open_owned(struct rig_owned *o, unsigned device, size_t len, size_t align);
/* Fills memory with words that differ from each other, from zero, and by `seed`. */
void rig_fill(void *va, size_t len, uint32_t seed);

void rig_map(struct rig *r, struct piommu_domain *domain, uint64_t iova, uint64_t pa, size_t len, unsigned prot);
/* Strict. With the target's `drop`, its invalidation is left out. */
void rig_unmap(struct rig *r, struct piommu_domain *domain, uint64_t iova, size_t len);

int rig_read(struct rig *r, struct piommu_sbdf sbdf, uint64_t iova, void *buf, size_t len);
int rig_write(struct rig *r, struct piommu_sbdf sbdf, uint64_t iova, const void *buf, size_t len);
/* The device's reads and writes at `iova` end up in `va`; len at most 4096. */
void rig_check_reaches(struct rig *r, struct piommu_sbdf sbdf, uint64_t iova, void *va, size_t len);
/*
 * A 4-byte access is blocked, and the fault says who, where and which way. Returns its reason; 0: the device is on no paging domain,
 * and this family blocks such a one without a word.
 */
uint32_t rig_check_blocked(struct rig *r, struct piommu_sbdf sbdf, uint64_t iova, bool is_write);
/* The same of a device on a paging domain, and the reason is this one. */
void rig_check_fault(struct rig *r, struct piommu_sbdf sbdf, uint64_t iova, bool is_write, enum machine_reason why);

/* Polls until there are no more events; the first goes to `event`. Returns how many there were. */
unsigned rig_events(struct rig *r, struct piommu_event *event);

#endif
