/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A machine and an IOMMU driver that do nothing but write down what the core asks of them, and fail when told to: for tests
 * of the core alone. Two units: the first has bridge 00:1c.0 in its scope, the second everything else.
 */
#ifndef FAKE_H
#define FAKE_H

#include "core.h"

#define FAKE_LOG 512

struct fake;

struct fake_maps {
	uint64_t iova[64];
	uint64_t pa[64];
	unsigned n;
};

struct fake_domain {
	struct piommu_domain domain; /* first */
	struct fake *fake;
	char name;
	struct fake_maps maps;
};

struct fake {
	struct piommu_platform plat; /* first */
	struct piommu_env_mem *mem;
	uint8_t dmar[256];
	size_t dmar_len;
	bool no_registers; /* a machine that can only be looked at */
	bool unreadable;   /* the table is there, but not for us */
	struct piommu_pci_function fns[16];
	unsigned nfns;
	uint32_t ntags;
	/* What happened, as text: "enable dmar0", "attach 00:04.0 A 1", ... */
	char log[FAKE_LOG][64];
	unsigned nlog;
	char messages[4096]; /* what piommu logged */
	/* The nth call from now of an op fails with this; 0: none. */
	unsigned fail_attach, fail_enable, fail_flush_tag;
	int fail_with;
	char next_domain;
	unsigned ndomains;         /* alive */
	struct piommu_event event; /* handed out by the next `nevents` polls */
	unsigned nevents;
};

extern const struct piommu_driver fake_driver;

/* A machine of: 00:02.0 (display; RMRR), 00:04.0, multifunction 00:05.0/.1/.2 without ACS, bridge 00:1c.0 with ACS, 01:00.0. */
void fake_init(struct fake *fake);
void fake_fini(struct fake *fake);
/* A manager on it; messages go to fake->messages. */
int fake_create(struct fake *fake, bool inspect, struct piommu **out);
/* Whether `what` happened at or after log index `from`; its index, or -1. */
int fake_find(const struct fake *fake, unsigned from, const char *what);
struct piommu_group *fake_group(struct piommu *p, const char *bdf);

#endif
