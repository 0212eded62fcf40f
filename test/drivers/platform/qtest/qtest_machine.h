/* SPDX-License-Identifier: BSD-3-Clause */
/* What the parts of the qtest platform share. */
#ifndef QTEST_MACHINE_H
#define QTEST_MACHINE_H

#include <sys/types.h>

#include "qtest.h"
#include "qtest_proto.h"

#define QTEST_RAM_BYTES (UINT64_C(256) << 20)
#define QTEST_RAM_FIRST (UINT64_C(16) << 20) /* below it: what a PC has there */
#define QTEST_RAM_NPAGES (unsigned)(QTEST_RAM_BYTES / PIOMMU_PAGE_SIZE)
#define QTEST_VTD_BASE UINT64_C(0xfed90000)
#define QTEST_ECAM_BASE UINT64_C(0xb0000000)
#define QTEST_BAR_FIRST UINT64_C(0xe0000000)
#define QTEST_BAR_LAST UINT64_C(0xfebfffff)
#define QTEST_EDU_MAX 8u
#define QTEST_FILE_MAX 8u

/* A function with its first memory BAR. */
struct qtest_edu {
	struct piommu_sbdf sbdf;
	uint64_t bar;
};

/* What a window of the unit belongs to. */
struct qtest_view {
	struct qtest *qt;
	enum piommu_window_access access;
};

/* A blob of fw_cfg, read into guest memory. */
struct qtest_file {
	char name[57];
	struct piommu_mem mem;
};

struct qtest {
	struct piommu_platform plat; /* first */
	struct qtest_options options;
	struct qtest_link link;
	pid_t pid;
	int ram_fd, rom_fd, err_fd;
	uint8_t *ram;
	uint8_t used[QTEST_RAM_NPAGES]; /* of each page of RAM */

	struct qtest_edu edu[QTEST_EDU_MAX];
	unsigned nedu;
	struct piommu_sbdf found[32]; /* all functions, in order */
	unsigned nfound;
	uint8_t next_bus;
	uint64_t next_bar;

	struct qtest_file file[QTEST_FILE_MAX];
	unsigned nfile;
	void *dmar; /* ours, with the RMRR; NULL without */
	size_t dmar_len;
	struct piommu_mem rmrr;

	struct qtest_view view[2]; /* by access */
	bool controlled;           /* a manager has the unit's window */
};

/* qtest_qemu.c */
int qtest_qemu_start(struct qtest *qt);
void qtest_qemu_stop(struct qtest *qt);

/* qtest_mem.c: pages of guest RAM */
int qtest_mem_alloc(struct piommu_platform *plat, size_t len, size_t align, int node, struct piommu_mem *out);
void qtest_mem_free(struct piommu_platform *plat, struct piommu_mem *mem);
void *qtest_mem_at(struct piommu_platform *plat, uint64_t pa, size_t len);

/* qtest_pci.c */
int qtest_pci_setup(struct qtest *qt);
int qtest_cfg_read(struct piommu_platform *plat, struct piommu_sbdf sbdf, unsigned off, unsigned width, uint32_t *value);
int qtest_cfg_write(struct piommu_platform *plat, struct piommu_sbdf sbdf, unsigned off, unsigned width, uint32_t value);
int qtest_pci_functions(struct piommu_platform *plat, struct piommu_pci_function **out, size_t *n);

/* qtest_fwcfg.c: after qtest_pci_setup(), because QEMU makes its tables at the first look, from what it sees then */
int qtest_fw_setup(struct qtest *qt);
void qtest_fw_release(struct qtest *qt);
int qtest_fw_table(struct piommu_platform *plat, const char sig[4], unsigned nth, const void **bytes, size_t *len);

#endif
