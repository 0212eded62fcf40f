/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A machine that the driver tests run on: an opened platform, and devices in it that do DMA. Two kinds with one face: `sim`,
 * our own models, and `qemu`, QEMU's. Tests take what differs from here and from nowhere else.
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

struct machine {
	const struct machine_ops *ops;
	const char *kind; /* "sim" or "qemu" */
	struct piommu_platform *plat;
	bool is_sim;
	/* A DMA that is blocked on one page goes on with the next one (QEMU); otherwise it stops there. */
	bool goes_on;
	/* An access that a cached entry forbids is blocked, but not recorded (QEMU). */
	bool silent_on_cached;
	/*
	 * A page of memory that every paging domain of a test maps (rig_domain() does): QEMU's devices keep what they read to
	 * themselves, and this is where they are made to show it, and given what to write.
	 */
	struct piommu_mem mailbox;

	struct piommu_sbdf plain[MACHINE_PLAIN];     /* on the root bus, each a group of its own; plain[0] is 00:02.0 */
	struct piommu_sbdf bridged[MACHINE_BRIDGED]; /* behind a PCI Express to PCI bridge: one group, one requester id */
	struct piommu_sbdf bridge_id;                /* the requester id their DMA carries */
	struct piommu_sbdf ported;                   /* behind a root port with ACS */
};

/*
 * `variant` is keys in the words of piommu_sim.h ("aw=39,cm=1,ir=0"), "" for none; `qemu` knows aw, cm, ir, pt and rmrr. QEMU
 * absent skips the program. @return 0; -ENOTSUP: a key that this kind does not have; -errno of the platform
 */
int machine_open(const char *kind, const char *variant, const struct piommu_log *log, struct machine **out);
void machine_close(struct machine *m);

/*
 * As piommu_sim_dma(). On QEMU -EFAULT means that a fault record is pending afterwards: poll before a DMA whose result
 * matters. What a device reads is seen, and what it writes can be chosen, only while it reaches the mailbox.
 */
int machine_dma(struct machine *m, struct piommu_sbdf sbdf, uint64_t iova, void *buf, size_t len, bool is_write);

/* machine_sim.c, machine_qemu.c */
int machine_sim_open(const char *variant, const struct piommu_log *log, struct machine **out);
int machine_qemu_open(const char *variant, const struct piommu_log *log, struct machine **out);

#endif
