/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The simulated machine's memory, as the models see it. Two views of a word: what memory holds, and what was written back
 * from the processor's caches (all that a walker which does not snoop can see).
 */
#ifndef SIM_MEM_H
#define SIM_MEM_H

#include <pthread.h>

#include "sim_cache.h"
#include "piommu_driver.h"

/* Firmware's memory below 4 GiB: the RMRR's buffer, and the tables of a kernel that still drives the units. */
#define SIM_LOW_BASE UINT64_C(0x7b000000)
#define SIM_LOW_SIZE (16u << 20)
#define SIM_RMRR_BASE UINT64_C(0x7b800000)
#define SIM_RMRR_LAST UINT64_C(0x7bffffff)
#define SIM_RAM_BASE (UINT64_C(4) << 30)

struct sim_mem {
	struct piommu_env_mem *ram, *low;
	uint64_t ram_base;
	bool virt; /* bus address = virtual address: all of this process is memory */
	bool coherent;
	pthread_mutex_t lock;     /* guards `written` */
	struct sim_cache written; /* page number -> copy of the page as of its lines' last write-back */
};

int sim_mem_init(struct sim_mem *mem, size_t size, bool virt, bool coherent);
void sim_mem_fini(struct sim_mem *mem);

void *sim_mem_at(const struct sim_mem *mem, uint64_t pa, size_t len);
/* One aligned 8-byte word. False: there is no memory. */
bool sim_mem_load(const struct sim_mem *mem, uint64_t pa, uint64_t *word);
/* The same as a walker sees it that does not snoop; what was never written back is noise. */
bool sim_mem_load_written(struct sim_mem *mem, uint64_t pa, uint64_t *word);
/* A status write of the hardware: after everything it did before. `pa` is 4-byte aligned. */
bool sim_mem_store32(const struct sim_mem *mem, uint64_t pa, uint32_t value);
void sim_mem_writeback(struct sim_mem *mem, const void *va, size_t len);
/* A device's access. False: there is no memory in all of [pa, pa + len); then nothing was moved. */
bool sim_mem_dma(const struct sim_mem *mem, uint64_t pa, void *buf, size_t len, bool is_write);

#endif
