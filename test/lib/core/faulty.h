/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A machine and two IOMMU drivers of which every callback can fail (fault.h), and hardware as text: what is on, where each device's DMA
 * goes, what is mapped, what was taken and not given back. A promise of the core to a driver that is broken is said at the end.
 *
 *   dmar0   root port 00:1c.0 and 01:00.0 below (its default is paging)
 *   dmar1   all else of segment 0: 00:02.0 (two reserved ranges), 00:04.0, 00:05.0 to .2 (one group; PASIDs; .1 caches translations)
 *           and the node "/soc/dma"; not there at first: 00:05.3, 00:06.0
 *   bare    a unit for piommu_unit_register(), asked about segment 1: 01.0, 02.0 (its attach is deferred); their default is paging
 */
#ifndef FAULTY_H
#define FAULTY_H

#include "dump.h"
#include "fault.h"
#include "piommu.h"
#include "piommu_driver.h"

#define FAULTY_UNITS 3u
#define FAULTY_TAGS 32u
#define FAULTY_ENTRIES 32u

/* Where something's DMA goes; where there is no entry, it is on identity. */
struct faulty_entry {
	uint32_t id;
	uint32_t pasid;               /* 0: DMA without one */
	struct piommu_domain *domain; /* NULL: free */
	uint32_t tag;
};

struct faulty_unit {
	char name[16];
	bool mapped, probed, on;
	struct faulty_entry entries[FAULTY_ENTRIES];
	const struct piommu_domain *cached[FAULTY_TAGS]; /* whose translations may be cached under a tag */
};

struct faulty_domain {
	struct piommu_domain domain; /* first */
	struct faulty *m;
	struct faulty_domain *next;
	struct piommu_span maps[8];
	unsigned nmaps;
	void *page;
};

struct faulty {
	struct piommu_platform plat; /* first */
	struct piommu_env_mem *mem;
	struct piommu_platform_ops ops;
	struct piommu_driver fw, bare;
	uint8_t dmar[256];
	size_t dmar_len;
	struct piommu_pci_function fns[16];
	unsigned nfns;
	bool has_node;
	struct faulty_unit units[FAULTY_UNITS];
	struct faulty_domain *domains;
	unsigned nmem, ndevices; /* taken and not given back */
	char said[8192];         /* what piommu logged since the last call that was made to fail */
	char broken[128];
};

void faulty_init(struct faulty *m);
/* Everything is back, and nothing was broken. */
void faulty_fini(struct faulty *m);
/* `late`: the driver of dmar0 and dmar1 comes later. */
struct piommu_config faulty_config(struct faulty *m, bool late);
int faulty_create(struct faulty *m, bool late, struct piommu **out);
/* Ends the test where it fails. */
struct piommu *faulty_start(struct faulty *m);
void faulty_stop(struct faulty *m, struct piommu *p);

void faulty_plug(struct faulty *m, const char *name);
void faulty_unplug(struct faulty *m, const char *name);
/* What "bare" is registered with. */
struct piommu_fw_unit faulty_bare(void);

/* The hardware as text; malloc'ed. */
char *faulty_dump(const struct faulty *m, enum dump_how how);
/* Where the DMA of an id goes: "identity", "blocking", "paging". */
const char *faulty_goes(const struct faulty *m, const char *unit, uint32_t id, uint32_t pasid);

struct piommu_sbdf faulty_sbdf(const char *name);
struct piommu_group *faulty_group(struct piommu *p, const char *name);

#endif
