/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A VT-d unit that is nothing but registers: it logs every access, acknowledges global commands at once (or never), and takes
 * invalidation commands without doing anything about them. For tests of what the driver writes, and in which order.
 */
#ifndef FAKE_UNIT_H
#define FAKE_UNIT_H

#include "fake_machine.h"
#include "vtd.h"

/* QEMU 10.0.2's words: 48 and 39 bits, 2 MiB and 1 GiB, 65,536 domains, page-selective, pass-through, no snooping, a queue. */
#define FAKE_CAP UINT64_C(0x00d2008c222f0606)
#define FAKE_ECAP UINT64_C(0x0000000000f00f4a)
/* The same with snooping walks, which need no write-back. */
#define FAKE_ECAP_COHERENT (FAKE_ECAP | 1)
/* The same without a queue. */
#define FAKE_ECAP_REGISTERS (FAKE_ECAP_COHERENT & ~UINT64_C(2))

#define FAKE_IVA 0xf0u
#define FAKE_IOTLB 0xf8u
#define FAKE_FRCD 0x220u

struct fake {
	FAKE_IS_A_MACHINE
	unsigned from; /* first register write of what a test looks at */

	uint32_t never_acked;                              /* bits of GCMD */
	bool invalidations_stuck;                          /* CCMD and IOTLB stay busy, the queue fetches nothing */
	unsigned fail_descriptor;                          /* the n-th descriptor from now is refused with IQE */
	bool refuse_all;                                   /* each of them */
	void (*on_write)(struct fake *fake, unsigned off); /* NULL: none */
	void *on_write_ctx;
};

/* Ready to be probed. */
void fake_init(struct fake *fake, uint64_t cap, uint64_t ecap);
/* fake_init(), probe, enable; both succeed. */
void fake_start(struct fake *fake, uint64_t cap, uint64_t ecap);

/* Descriptors in the queue at a slot. */
struct vtd_pair fake_descriptor(const struct fake *fake, unsigned slot);
struct vtd_pair *fake_context(struct fake *fake, uint16_t rid);

#endif
