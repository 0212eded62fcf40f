/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Words that every part of piommu shares: PCI addresses, permissions, address spans.
 * Installed; compiles alone as C and C++.
 */
#ifndef PIOMMU_TYPES_H
#define PIOMMU_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/**
 * A PCI function: segment (domain), bus, device and function. `segment` has 32 bits because Linux numbers
 * some root complexes (Intel VMD) from 0x10000 on; firmware tables only ever name the first 65,536.
 */
struct piommu_sbdf {
	uint32_t segment;
	uint8_t bus;
	uint8_t devfn; /* device << 3 | function */
};

/** Length of a printed address with its NUL: "DDDDDDDD:BB:DD.F". */
#define PIOMMU_SBDF_STRLEN 20

/** "0000:00:02.0"; `text` holds PIOMMU_SBDF_STRLEN bytes. Returns `text`. */
char *piommu_sbdf_format(struct piommu_sbdf sbdf, char *text);
/** Accepts DDDD:BB:DD.F (segments of 4 to 8 digits) and BB:DD.F. @return 0 or -EINVAL */
int piommu_sbdf_parse(const char *text, struct piommu_sbdf *out);
/** Orders by segment, bus, devfn: < 0, 0, > 0. */
int piommu_sbdf_compare(struct piommu_sbdf a, struct piommu_sbdf b);

/** The most ids that a device may have; one with more is left out, and that is said. */
#define PIOMMU_IDS_MAX 128u

/** What a device's DMA carries at its unit: an id, or all those that differ from it in bits of `mask` alone. */
struct piommu_id {
	uint32_t id;
	uint32_t mask; /**< 1: either value of this bit; 0 but for what a device tree says of devices with many ids */
};

/** Permissions of a mapping, seen from the device. */
enum piommu_prot {
	PIOMMU_READ = 1 << 0,  /**< the device may read */
	PIOMMU_WRITE = 1 << 1, /**< the device may write */
	PIOMMU_RW = PIOMMU_READ | PIOMMU_WRITE,
};

/** An inclusive span of addresses. `last` is the last byte, so that a span may end at 2^64 - 1. */
struct piommu_span {
	uint64_t start;
	uint64_t last;
};

/** Memory that a device can reach: `va` for this process, `pa` for the bus. `priv` belongs to who made it. */
struct piommu_mem {
	void *va;
	uint64_t pa;
	size_t len;
	void *priv;
};

/** Length of a device's name with its NUL: a PCI address, or a platform node's path. */
#define PIOMMU_NAME_LEN 64

/** What a group is on that nobody has claimed. */
enum piommu_default {
	PIOMMU_DEFAULT_ANY, /**< no wish; a manager's own default is identity then */
	PIOMMU_DEFAULT_IDENTITY,
	PIOMMU_DEFAULT_PAGING,   /**< a domain of the group's own, in which only its reserved ranges are mapped */
	PIOMMU_DEFAULT_BLOCKING, /**< nothing; identity where a member has reserved ranges */
};

/** Families of IOMMU hardware. */
enum piommu_family {
	PIOMMU_FAMILY_UNKNOWN,
	PIOMMU_FAMILY_VTD,
	PIOMMU_FAMILY_AMDVI,
	PIOMMU_FAMILY_SMMUV2,
	PIOMMU_FAMILY_SMMUV3,
	PIOMMU_FAMILY_VIRTIO,
};

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
