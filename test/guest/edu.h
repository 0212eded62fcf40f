/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * QEMU's educational PCI device, as a source of DMA, and what a test needs to know the truth without piommu: physical
 * memory by its address. Root, in a guest. Single thread.
 */
#ifndef EDU_H
#define EDU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "piommu_types.h"

struct edu {
	struct piommu_sbdf sbdf;
	volatile uint8_t *bar;
	uint64_t bar_pa;
};

/* Maps its BAR through sysfs and lets it master the bus. @return 0 or -errno */
int edu_open(const char *bdf, struct edu *edu);
/* As it was, but by the address that its BAR had: the kernel does not have the device any more. @return 0 or -errno */
int edu_open_physical(struct edu *edu);
/* Before the kernel takes the device away: a BAR that is mapped goes from under us. */
void edu_close(struct edu *edu);
/* Whether there is such a device behind its BAR. */
bool edu_answers(struct edu *edu);
/* Memory at a bus address into the device's buffer. @return 0; -ETIMEDOUT; -EINVAL: longer than the buffer */
int edu_read_memory(struct edu *edu, uint64_t bus, size_t len);
/* The device's buffer into memory at a bus address. As above. */
int edu_write_memory(struct edu *edu, uint64_t bus, size_t len);

/* A hugepage of ours, and where it is. */
struct phys_page {
	void *va;
	uint64_t pa;
};

int phys_page_alloc(struct phys_page *page);
/* Registers, read-only, through /dev/mem; NULL if that fails. */
volatile uint32_t *phys_map(uint64_t pa, size_t len);
void phys_unmap(volatile uint32_t *at, size_t len);

#endif
