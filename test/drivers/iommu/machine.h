/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A machine that the driver tests run on: an opened platform, and devices in it that do DMA. Two kinds with one face: `sim`,
 * our own models, and `qemu`, QEMU's; each with units of one family. Tests take what differs from here and from nowhere else.
 */
#ifndef MACHINE_H
#define MACHINE_H

#include "piommu_driver.h"
#include "piommu_sim.h"

#define MACHINE_PLAIN 3u
#define MACHINE_BRIDGED 2u

struct machine;

struct machine_ops {
	int (*dma)(struct machine *m, struct piommu_sbdf sbdf, uint64_t iova, void *buf, size_t len, bool is_write);
	/* Tells a device where it can reach the mailbox now; MACHINE_NO_MAILBOX: nowhere. NULL where no mailbox is needed. */
	void (*set_mailbox)(struct machine *m, struct piommu_sbdf sbdf, uint64_t iova);
	void (*close)(struct machine *m);
};

#define MACHINE_NO_MAILBOX UINT64_MAX

/* Why an access is blocked, in words that every family has. */
enum machine_reason {
	MACHINE_UNMAPPED,
	MACHINE_FORBIDDEN, /* mapped, but not for that direction */
	MACHINE_BEYOND,    /* wider than the domain's addresses */
	MACHINE_NREASONS,
};

/* What a family's specification says, as far as tests of all families need it. machine_family.c */
struct machine_family {
	const char *name;
	const char *unit0;         /* as firmware's parser names the first one */
	const char *free_it;       /* in what is said of a unit that the kernel drives */
	const char *reserved_key;  /* makes a device have a reserved range: plain[0], or else that of reserved_node */
	const char *reserved_node; /* that device is a platform node, and its name */
	bool qemu_has_reserved;    /* QEMU's machine takes that key, too */
	/* Codes that a fault record may have, for a read and for a write; 0: no (other) one. */
	uint32_t codes[MACHINE_NREASONS][2][2];
	/* A device that is on no domain with tables is blocked without a record. */
	bool blocks_silently;
	bool has_stage1_only_reads; /* stage 1 cannot say write-only: such a page is read, too */
	unsigned fault_room;        /* more faults than this, and some are lost */
	/* A register that says whether it translates: `on` of `on_mask` while it does, `off` of `off_mask` when it was given back. */
	unsigned control, on_mask, on, off_mask, off;
};
/* NULL: there is none. */
const struct machine_family *machine_family(const char *name);

struct machine {
	const struct machine_ops *ops;
	const char *kind; /* "sim" or "qemu" */
	const struct machine_family *family;
	struct piommu_platform *plat;
	bool is_sim;
	/* A DMA that is blocked on one page goes on with the next one (QEMU); otherwise it stops there. */
	bool goes_on;
	/* An access that a cached entry forbids is blocked, but not recorded (QEMU). */
	bool silent_on_cached;
	bool sees_blocked; /* machine_dma() says -EFAULT of what is blocked without a record, too */
	/* An access wider than the unit takes is blocked, but need not be recorded (QEMU's SMMUv3 without stage 1, and that of 7.2). */
	bool silent_beyond;
	bool has_ranges;       /* one descriptor can name many pages */
	bool reads_write_only; /* a page that was mapped to be written can be read, too */
	/*
	 * A page of memory that every paging domain of a test maps (rig_domain() does): QEMU's devices keep what they read to
	 * themselves, and this is where they are made to show it, and given what to write.
	 */
	struct piommu_mem mailbox;

	struct piommu_sbdf plain[MACHINE_PLAIN];     /* on the root bus, each a group of its own; plain[0] is 00:02.0 */
	struct piommu_sbdf bridged[MACHINE_BRIDGED]; /* behind a PCI Express to PCI bridge: one group, one requester id */
	struct piommu_sbdf bridge_id;                /* the requester id their DMA carries */
	struct piommu_sbdf ported;                   /* behind a root port with ACS */
	struct piommu_sbdf reserved;                 /* the device that has a reserved range, on a machine that has one */
};

/*
 * `variant` is keys of the family in the words of piommu_sim.h ("aw=39,cm=1,ir=0"), "" for none; `qemu` knows some of them. QEMU
 * absent skips the program. @return 0; -ENOTSUP: a family or a key that this kind does not have; -errno of the platform
 */
int machine_open(const char *kind, const char *family, const char *variant, const struct piommu_log *log, struct machine **out);
void machine_close(struct machine *m);

/*
 * As piommu_sim_dma(). On QEMU's VT-d -EFAULT means that a fault record is pending afterwards: poll before a DMA whose result
 * matters. What a device reads is seen, and what it writes can be chosen, only while it reaches the mailbox.
 */
int machine_dma(struct machine *m, struct piommu_sbdf sbdf, uint64_t iova, void *buf, size_t len, bool is_write);

/* Whether a fault record of this machine may say `code` for such an access. */
bool machine_reason_fits(const struct machine *m, enum machine_reason why, bool is_write, uint32_t code);
/* Whether a fault can be of that device: those behind a bridge are not told apart, and perhaps not named. */
bool machine_is_same_source(const struct machine *m, const struct piommu_event *event, struct piommu_sbdf device);

/* machine_sim.c, machine_qemu.c */
int machine_sim_open(const char *family, const char *variant, const struct piommu_log *log, struct machine **out);
int machine_qemu_open(const char *family, const char *variant, const struct piommu_log *log, struct machine **out);

#endif
