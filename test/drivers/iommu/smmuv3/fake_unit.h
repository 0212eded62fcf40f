/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An SMMUv3 unit that is nothing but registers: it logs every access, follows CR0 at once (or never), and takes commands without
 * doing anything about them. For tests of what the driver writes, and in which order.
 */
#ifndef FAKE_UNIT_H
#define FAKE_UNIT_H

#include "fake_machine.h"
#include "smmuv3.h"

/* A unit of a server: both stages, AArch64 tables, coherent, HYP, 16-bit ASIDs and VMIDs, MSIs, little-endian, stalls by choice, 2 levels. */
#define FAKE_IDR0 0x0844321bu
/* Stream ids of 16 bits, 2^8 events, 2^10 commands, substreams of 20 bits. */
#define FAKE_IDR1 0x01480510u
/* HAD, RIL. */
#define FAKE_IDR3 0x00000404u
/* 44-bit addresses, 4, 16 and 64 KiB. */
#define FAKE_IDR5 0x00000074u

struct fake_ids {
	uint32_t idr0, idr1, idr3, idr5;
};

struct fake {
	FAKE_IS_A_MACHINE
	struct smmuv3_cmd commands[1024]; /* executed, CMD_SYNC too */
	unsigned ncommands;

	unsigned from; /* first command of what a test looks at */

	uint32_t never_acked;               /* bits of CR0 that CR0ACK does not follow in */
	bool commands_stuck;                /* the queue fetches nothing */
	unsigned fail_command;              /* the n-th command from now is refused */
	unsigned fail_with;                 /* CERROR of it; 0: ILL */
	bool refuse_all;                    /* each of them */
	void (*on_sync)(struct fake *fake); /* NULL: none. When a CMD_SYNC is executed */
	void *on_sync_ctx;
};

extern const struct fake_ids fake_usual;

/* Ready to be probed. */
void fake_init(struct fake *fake, const struct fake_ids *ids);
/* fake_init(), probe, enable; both succeed. */
void fake_start(struct fake *fake, const struct fake_ids *ids);

/* Commands from index `from` on are exactly these, where a CMD_SYNC may be of either kind. */
void fake_expect_commands(struct fake *fake, unsigned from, const struct smmuv3_cmd *expected, unsigned n);
/* The entry that hardware would find. */
struct smmuv3_ste *fake_ste(struct fake *fake, uint32_t stream);
/* The context descriptor that an entry names. */
const struct smmuv3_cd *fake_cd(const struct smmuv3_ste *ste);
/* The unit records an event. @return false: its queue is full, and says so */
bool fake_record(struct fake *fake, const uint64_t words[4]);
/* The unit has these errors. */
void fake_error(struct fake *fake, uint32_t bits);

#endif
