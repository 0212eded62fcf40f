/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A machine with several families of IOMMUs, for tests of how devices, units and drivers come and go. Every callback of the platform
 * and of the drivers is counted for each device, written down, and passed through a hook that may stop it, fail it, or call
 * piommu from inside. What the core promises to each callback is checked all the time; mock_fini() fails the test where a promise
 * was broken. All threads.
 *
 *   segment 0   dmar0: root port 00:1c.0 and 01:00.0 below; dmar1: all else: 00:04.0, and 00:05.0 with 00:05.1, one group
 *   segment 1   no firmware speaks of it: 00:01.0, 00:02.0, 00:03.0, and 00:05.0 with 00:05.1, one group; mock_own() says whose
 *   segment 2   dmar2, of the second firmware family: 00:01.0
 */
#ifndef MOCK_H
#define MOCK_H

#include <stdatomic.h>

#include "crew.h"
#include "piommu.h"
#include "piommu_driver.h"

#define MOCK_DEVICES 40u
#define MOCK_LOG 4096u

/* The mock drivers, in the table's order. */
enum mock_kind {
	MOCK_FW,    /* units described by firmware: dmar0 and dmar1 */
	MOCK_FW2,   /* dmar2 */
	MOCK_BARE,  /* units registered by hand, asked about devices */
	MOCK_BARE2, /* another family of that kind */
	MOCK_NKINDS,
};

enum mock_op {
	MOCK_PCI_FUNCTIONS, /* the hook is called with the list made, before it is handed out */
	MOCK_NODES,         /* so here */
	MOCK_WINDOW_MAP,
	MOCK_PROBE,
	MOCK_REMOVE,
	MOCK_ENABLE,
	MOCK_SHUTDOWN,
	MOCK_FIND_UNIT,
	MOCK_PROBE_DEVICE,
	MOCK_RELEASE_DEVICE,
	MOCK_DEVICE_GROUP,
	MOCK_DOMAIN_CREATE,
	MOCK_DOMAIN_DESTROY,
	MOCK_ATTACH,
	MOCK_NOPS,
};

/* What a callback was called with; what does not apply is NULL or 0. */
struct mock_call {
	struct mock *mock;
	enum mock_op op;
	const struct piommu_driver *driver;
	struct piommu_unit *unit;
	const struct piommu_device *device;
	struct piommu_domain *domain;
	enum piommu_domain_type type;
	struct piommu_unit *const *units; /* find_unit's */
	unsigned nunits;
	struct piommu_unit **unit_out;   /* find_unit's, for a hook that answers itself */
	struct piommu_group **group_out; /* device_group's */
};

#define MOCK_ANSWERED 1 /* from a hook: it did all there is to do */
/* @return 0: go on as usual; MOCK_ANSWERED; or the error that the callback is to return, where it can */
typedef int (*mock_hook)(struct mock_call *call, void *ctx);

struct mock_driver {
	struct piommu_driver driver; /* first */
	struct mock *mock;
};

/* One thread at a time, which may come back in from a callback of its own. */
struct mock_section {
	pthread_t owner;
	unsigned depth;
};

struct mock_unit {
	struct mock *mock;
	struct mock_section section;
};

struct mock_maps {
	pthread_mutex_t lock;
	struct piommu_span at[32];
	uint64_t pa[32];
	unsigned n;
};

struct mock_domain {
	struct piommu_domain domain; /* first */
	struct mock *mock;
	const struct piommu_driver *driver;
	struct mock_maps maps;
};

/* What the mock knows of a device by its name, whether it is there or not. */
struct mock_slot {
	char name[PIOMMU_NAME_LEN];
	char owner[16]; /* the bare unit that it is behind; "": none */
	atomic_uint count[MOCK_NOPS];
	unsigned taken;                  /* probe_device less release_device */
	const struct piommu_domain *dom; /* where its DMA goes; NULL: where enable() or release_device() left it */
};

struct mock {
	struct piommu_platform plat; /* first */
	struct mock_driver drivers[MOCK_NKINDS];
	const struct piommu_driver *table[MOCK_NKINDS + 1]; /* for a config; all of them at first */
	struct piommu_env_mem *mem;
	struct piommu_domain_ops domain_ops;
	uint8_t dmar[104];

	atomic_uint count[MOCK_NOPS];
	atomic_uint ndomains; /* alive */

	pthread_mutex_t lock; /* all below */
	struct mock_section probing;
	struct piommu_pci_function fns[MOCK_DEVICES];
	unsigned nfns;
	struct piommu_node nodes[8];
	unsigned nnodes;
	struct mock_slot slots[MOCK_DEVICES];
	unsigned nslots;
	struct {
		mock_hook fn;
		void *ctx;
	} hooks[MOCK_NOPS];
	char log[MOCK_LOG][96]; /* "attach 0001:00:01.0 paging", and "attach 0001:00:01.0 paging done" when it returned */
	unsigned nlog;
	char messages[8192]; /* what piommu logged */
	char broken[256];    /* the first promise that was broken; "": none */
};

/* Fills `mock`; it is large, so not on a stack. */
void mock_init(struct mock *mock);
/* After piommu_destroy(). Fails the test where a promise was broken or something was left. */
void mock_fini(struct mock *mock);
struct piommu_config mock_config(struct mock *mock);
/* piommu_create(); the test ends where it fails. The calling thread is registered, and offline: online for map and unmap alone. */
struct piommu *mock_create(const struct piommu_config *config);
/* A manager of it with that default, all drivers in. Ends the test where there is none. */
struct piommu *mock_start(struct mock *mock, enum piommu_default kind);
/* piommu_destroy() and mock_fini(). */
void mock_stop(struct mock *mock, struct piommu *p);

/* ---- The machine ---- */

/* A function of its own; NNNN:00:05.0 and .1 are one device without ACS, so a group; 0000:00:1c.0 is a root port with ACS, bus 1 below it. */
void mock_plug(struct mock *mock, const char *name);
void mock_unplug(struct mock *mock, const char *name);
/* A platform node with one stream id; firmware does not say what it is behind. */
void mock_plug_node(struct mock *mock, const char *name, uint32_t id);
void mock_unplug_node(struct mock *mock, const char *name);
/* From now on this device is behind that bare unit; NULL: behind none. */
void mock_own(struct mock *mock, const char *name, const char *unit);
/* 01.0, 02.0 and 03.0 of segment 1. */
void mock_own_three(struct mock *mock, const char *unit);
/* What a bare unit is registered with. */
struct piommu_fw_unit mock_desc(const char *name);
const struct piommu_driver *mock_driver(struct mock *mock, enum mock_kind kind);
/* Registers a bare unit of that driver; ends the test where it is refused. */
struct piommu_unit *mock_register(struct mock *mock, struct piommu *p, enum mock_kind kind, const char *name);

/* ---- Hooks ---- */

/* `fn` NULL: none. Calls that are under way go on with the old one. */
void mock_hook_set(struct mock *mock, enum mock_op op, mock_hook fn, void *ctx);
/* A promise was broken; from any thread. */
void mock_broken(struct mock *mock, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Stops calls for one device (or unit) at a gate, the first `times` of them, and returns `result` then. Or all domain_create of a type. */
struct mock_stop {
	struct gate gate;
	const char *device; /* NULL: any */
	enum piommu_domain_type type;
	bool of_type; /* stop only this type of domain */
	atomic_int times;
	int result;
};
void mock_stop_init(struct mock_stop *stop, const char *device);
void mock_stop_fini(struct mock_stop *stop);
int mock_stop_hook(struct mock_call *call, void *stop);

/* ---- What happened ---- */

/* Calls so far: for a device, or (NULL) for all. */
unsigned mock_count(struct mock *mock, enum mock_op op, const char *device);
/* Index of `what` in the log at or after `from`, or -1. */
int mock_find(struct mock *mock, unsigned from, const char *what);
/* The log's length. */
unsigned mock_mark(struct mock *mock);
/* Whether piommu logged this. */
bool mock_said(struct mock *mock, const char *part);

/* ---- Asking piommu by name ---- */

struct piommu_sbdf mock_sbdf(const char *name);
/* Both: a name with a slash is a node's. */
int mock_add(struct piommu *p, const char *name);
int mock_remove(struct piommu *p, const char *name);
/* With a reference; ends the test where there is none. */
struct piommu_group *mock_group(struct piommu *p, const char *name);
/* Facts of a device's group. */
struct piommu_group_info mock_group_info(struct piommu *p, const char *name);
/* Its group's unit is `unit`; NULL: behind none. */
void mock_check_unit(struct piommu *p, const char *name, const char *unit);

#endif
