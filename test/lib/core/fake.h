/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A machine and an IOMMU driver that do nothing but write down what the core asks of them, and fail, wait or look around when
 * told to: for tests of the core alone. Two units: the first has bridge 00:1c.0 in its scope, the second everything else. PCI
 * functions and platform nodes come and go in the machine's lists; the core hears of it when the test tells it.
 *
 * Any thread: the fake has a mutex of its own, which is not held while a hook runs. A test sets it up before it starts threads,
 * and reads it after they have ended.
 */
#ifndef FAKE_H
#define FAKE_H

#include <pthread.h>

#include "core.h"

#define FAKE_LOG 512
#define FAKE_DEVS 48
#define FAKE_PASIDS 4

struct fake;

struct fake_maps {
	uint64_t iova[64];
	uint64_t pa[64];
	unsigned prot[64];
	unsigned n;
};

struct fake_domain {
	struct piommu_domain domain; /* first */
	struct fake *fake;
	char name; /* 'i', 'b', or a letter of its own */
	struct fake_maps maps;
};

struct fake_pasid {
	uint32_t pasid;
	const struct piommu_domain *domain; /* NULL: a free place */
};

/* What a device is like, and what the driver has made of it. Remembered by name, whether it is plugged in or not. */
struct fake_dev {
	char name[PIOMMU_NAME_LEN]; /* "0000:00:04.0", or a node's path */
	/* Set by the test. */
	bool deferred;
	bool ats;
	unsigned pasid_bits;
	enum piommu_default demand; /* the driver's */
	struct piommu_wish wish;
	/* What its entry says, as hardware would: kept when it is released. */
	const struct piommu_domain *domain; /* NULL: where the unit's enable left it, which is identity */
	char on;                            /* the domain's name */
	struct fake_pasid pasids[FAKE_PASIDS];
	const struct piommu_unit *unit; /* NULL: not probed yet */
	bool probed;
};

struct fake {
	struct piommu_platform plat; /* first */
	pthread_mutex_t mutex;
	struct piommu_env_mem *mem;
	uint8_t dmar[256];
	size_t dmar_len;
	const void *tree; /* a device tree, instead of DMAR; then the machine lists no nodes of its own */
	size_t tree_len;
	bool no_registers; /* a machine that can only be looked at */
	bool unreadable;   /* the table is there, but not for us */
	struct piommu_pci_function fns[32];
	unsigned nfns;
	struct piommu_node nodes[16];
	unsigned nnodes;
	uint32_t ntags;
	uint64_t page_sizes;                /* of the units and of all domains */
	enum piommu_default default_domain; /* the manager's */
	struct fake_dev devs[FAKE_DEVS];
	unsigned ndevs;
	/* What happened, as text: "enable dmar0", "attach 00:04.0 A 1", "pasid 00:04.0 7 A 2", "pasid 00:04.0 7 -", ... */
	char log[FAKE_LOG][64];
	unsigned nlog;
	char messages[4096]; /* what piommu logged */
	/* What no driver should ever see: "domain A destroyed under 00:04.0". */
	char wrong[128];
	/* The nth call from now of an op fails with this; 0: none. */
	unsigned fail_attach, fail_enable, fail_flush_tag;
	int fail_with;
	/*
	 * Called with each line of the log as it is written, from within the callback, and with "functions listed" when the core has
	 * asked for them. Not 0: the callback fails with it.
	 */
	int (*hook)(void *ctx, const char *what);
	void *hook_ctx;
	char next_domain;
	unsigned ndomains;         /* alive */
	struct piommu_event event; /* handed out by the next `nevents` polls, of its unit if it names one */
	unsigned nevents;
	uint32_t faulting[4]; /* ids whose events these are, in turn; none: event.id */
	unsigned nfaulting;
	unsigned nemitted[4]; /* for each of them */
};

extern const struct piommu_driver fake_driver;

/* A machine of: 00:02.0 (display; RMRR), 00:04.0, multifunction 00:05.0/.1/.2 without ACS, bridge 00:1c.0 with ACS, 01:00.0. */
void fake_init(struct fake *fake);
/* Checks that the driver is left with nothing: no domain, no device, no complaint. */
void fake_fini(struct fake *fake);
/* A manager on it; messages go to fake->messages. */
int fake_create(struct fake *fake, bool inspect, struct piommu **out);
/* The same, where it must succeed. */
struct piommu *fake_start(struct fake *fake);
/* Ends both. */
void fake_stop(struct fake *fake, struct piommu *p);

/* What is known of a device; made when it is first asked for. `name` may leave out the segment. */
struct fake_dev *fake_dev(struct fake *fake, const char *name);
/* What the machine's lists have; the core is not told. A function is an endpoint, one of several of its slot if `multifunction`. */
void fake_plug(struct fake *fake, const char *bdf, bool multifunction);
void fake_unplug(struct fake *fake, const char *bdf);
/* A node behind dmar1. */
void fake_plug_node(struct fake *fake, const char *name, uint32_t stream);
void fake_unplug_node(struct fake *fake, const char *name);

/* Whether `what` happened at or after log index `from`; its index, or -1. */
int fake_find(const struct fake *fake, unsigned from, const char *what);
/* The same for a line that begins so. */
int fake_find_start(const struct fake *fake, unsigned from, const char *start);
/* How many lines at or after `from` begin so. */
unsigned fake_count(const struct fake *fake, unsigned from, const char *start);

struct piommu_sbdf fake_sbdf(const char *bdf);
struct piommu_group *fake_group(struct piommu *p, const char *bdf);
struct piommu_device *fake_device(struct piommu *p, const char *bdf);
struct piommu_domain *fake_domain_for(struct piommu_group *group);
char fake_name(const struct piommu_domain *domain);
/* How many devices a domain has. */
unsigned fake_count_on(const struct piommu_domain *domain);

/* fake_driver.c */
void fake_note(struct fake *fake, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
