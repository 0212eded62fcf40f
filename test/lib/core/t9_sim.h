/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the tests of case T9 on the simulated machine stand on: a manager with one family's driver on it, the hardware as text,
 * hardware that loses the n-th handshake or invalidation of a unit, and devices that do DMA.
 */
#ifndef T9_SIM_H
#define T9_SIM_H

#include "piommu.h"
#include "piommu_driver.h"
#include "t9.h"

struct t9_sim_family {
	const char *name;
	const char *
		reserved; /* key of a machine in which 00:02.0 has a reserved range; "": none (a device tree names no PCI function) */
	const char *tags[6]; /* of domains, as the hardware's text has them */
};
/* NULL: there is none. */
const struct t9_sim_family *t9_sim_family(const char *name);

struct t9_sim {
	const struct t9_sim_family *family;
	const char *keys; /* of the machine ("qi=0,cm=1") */
	const char *name; /* of the device that the call is about */
	struct piommu_platform *plat;
	struct piommu_log log;
	struct piommu *p;
	struct piommu_group *group; /* with a reference */
	struct piommu_domain *domain, *other;
	struct piommu_mem mem;
	uint64_t injected; /* by the unit that is armed, before it was */
	char said[256];
};

/* Of struct t9. `calm`: on a machine without further keys nothing in it can fail. */
#define T9_SIM(w, calm) \
	.ctx = (w), .manager = t9_sim_manager, .hardware = t9_sim_hardware, .arm = t9_sim_arm, .disarm = t9_sim_disarm, \
	.nways = t9_sim_nways(w), .kinds = t9_sim_kinds(w), .keeps_pages = true, .may_not_fail = (calm) || *(w)->keys

struct piommu *t9_sim_manager(void *ctx);
char *t9_sim_hardware(void *ctx, enum dump_how how);
void t9_sim_arm(void *ctx, unsigned way, unsigned n);
bool t9_sim_disarm(void *ctx, unsigned way);
unsigned t9_sim_nways(const struct t9_sim *w);
unsigned t9_sim_kinds(const struct t9_sim *w);

/* The machine alone; closing it checks what it saw of the driver. */
void t9_sim_open(void *ctx);
void t9_sim_close(void *ctx);
/* With a manager. */
void t9_sim_begin(void *ctx);
void t9_sim_end(void *ctx);
int t9_sim_make(void *ctx);
const struct piommu_driver *t9_sim_driver(const struct t9_sim *w);
int t9_sim_create_with(struct t9_sim *w, const struct piommu_driver *const *drivers);
void t9_sim_destroy_it(void *ctx);

struct piommu_sbdf t9_sim_sbdf(const char *name);
/* Whether a device can write a word there and read it back; it arrives in `mem`. */
bool t9_sim_reaches(struct t9_sim *w, const char *name, uint64_t iova, const struct piommu_mem *mem);

#endif
