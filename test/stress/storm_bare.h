/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A second family of IOMMU beside the simulated machine's: bare, in no firmware table, registered by hand, with all that a small unit
 * can have: an IOTLB, devices that cache translations themselves (ATS), PASIDs, deferred attach. The hardware forgets nothing
 * until it is told to, and the driver holds the core to the rules of piommu_driver.h: what it sees broken is the test's failure.
 */
#ifndef STORM_BARE_H
#define STORM_BARE_H

#include "piommu_driver.h"
#include "stress.h"

#define BARE_UNITS 2u
#define BARE_CONTEXTS 4u /* of a function: requests without a PASID, with PASID 1 to 3 */
#define BARE_PAGES 256u  /* a domain's addresses begin at BARE_IOVA */
#define BARE_IOVA (UINT64_C(64) << 30)

struct bare; /* the hardware of one machine */

extern const struct piommu_driver bare_driver;

/* What is wrong goes to `verdict`. */
struct bare *bare_create(struct stress_verdict *verdict);
/* Every unit was removed. */
void bare_destroy(struct bare *b);
/* For piommu_unit_register(). */
struct piommu_fw_unit bare_desc(struct bare *b, unsigned unit);

/* As piommu_sim_dma(), of 8 bytes in memory of `plat`. Any thread. @return 0; -EFAULT: blocked; -EIO: no memory there */
int bare_dma(struct bare *b, struct piommu_platform *plat, struct piommu_sbdf sbdf, unsigned pasid, uint64_t iova,
	     uint64_t *word, bool is_write);
/* Whether a unit translates: without it all memory is reached. */
bool bare_is_on(struct bare *b, struct piommu_sbdf sbdf);
/* The test knows that the function has left every domain that is unmapped from, and its detach returned; false: it may enter one. */
void bare_left(struct bare *b, struct piommu_sbdf sbdf, bool left);
/* Domains there are now. */
unsigned bare_domains(struct bare *b);

#endif
