/* SPDX-License-Identifier: BSD-3-Clause */
/* What programs that a guest runs have in common: "ok NAME" and "not ok NAME: why" lines, and edu's DMA as the judge. Single thread. */
#ifndef STEPS_H
#define STEPS_H

#include "edu.h"
#include "piommu.h"

#define IOVA UINT64_C(0x40000000)
#define IOVA_READ_ONLY UINT64_C(0x40400000)
#define LEN 64 /* of every transfer */

/* How many checks have failed. */
int step_failures(void);
void check(const char *name, bool good, const char *why);
/* A call that must return 0 for anything after it to make sense: otherwise the process ends. */
void must(const char *name, int err);

/* The device copies `from` (at bus address `src`) to `to` (at `dst`). @return whether the bytes arrived */
bool copies(struct edu *edu, uint64_t src, void *from, uint64_t dst, void *to);
/* By physical address, to and from memory that piommu knows nothing of. */
bool copies_physical(struct edu *edu, struct phys_page *page);

/* The next event is a fault of this access, and says so in words. */
void expect_fault(const char *name, struct piommu *p, struct piommu_sbdf device, uint64_t iova, bool is_write, uint32_t reason);
void drop_events(struct piommu *p);

/* The device, claimed and put on a domain of its own: what is mapped it reaches, the rest it does not. Then it is given back. */
void fence_device(struct piommu *p, struct edu *edu, struct phys_page *page);

#endif
