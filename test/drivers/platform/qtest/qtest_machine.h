/* SPDX-License-Identifier: BSD-3-Clause */
/* What the parts of the qtest platform share. */
#ifndef QTEST_MACHINE_H
#define QTEST_MACHINE_H

#include <sys/types.h>

#include "qtest.h"
#include "qtest_proto.h"

#define QTEST_RAM_BYTES (UINT64_C(256) << 20)
#define QTEST_RAM_FIRST (UINT64_C(16) << 20) /* of RAM: below it is what a PC has there, and virt's device tree */
#define QTEST_RAM_NPAGES (unsigned)(QTEST_RAM_BYTES / PIOMMU_PAGE_SIZE)
#define QTEST_EDU_MAX 8u
#define QTEST_FILE_MAX 8u
#define QTEST_ARGS_MAX 64u

/* The command line of QEMU. */
struct qtest_args {
	const char *word[QTEST_ARGS_MAX + 1];
	unsigned n;
	char text[160]; /* one word that is made up */
};

/* What QEMU is, for one family: how it is started, where things are, and how the few that differ are reached. */
struct qtest_board {
	enum piommu_family family;
	const char *program, *env; /* of $PATH, or what this variable says */
	const char *absent;        /* what to say where there is none */
	uint64_t ram_base, ecam_base, unit_base;
	struct piommu_span bars; /* what functions get their BARs from: 32-bit addresses */
	unsigned quiet_register; /* of the unit, 32 bits: reading it does nothing */

	/* A file of the board's own, empty at first, which QEMU finds as /dev/fd/5; NULL: it stays so. */
	int (*fill_file)(int fd);
	/* The words that make the machine and its unit. `program` is the one that is going to run. */
	int (*add_args)(const struct qtest_options *o, const char *program, struct qtest_args *args);
	void (*ecam_on)(struct qtest *qt); /* NULL: it always is */
	/* Tells fw_cfg where in RAM a request for its DMA stands. */
	void (*fw_request)(struct qtest *qt, uint64_t pa);
	int (*fw_amend)(struct qtest *qt); /* once tables are read; may be NULL */
	void (*facts)(struct qtest *qt, struct piommu_unit_facts *facts);
	void (*dma_begins)(struct qtest *qt); /* may be NULL */
	bool (*blocked)(struct qtest *qt);
};

extern const struct qtest_board qtest_vtd_board;    /* qtest_vtd.c */
extern const struct qtest_board qtest_smmuv3_board; /* qtest_smmuv3.c */
const struct qtest_board *qtest_board_of(enum piommu_family family);

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
	const struct qtest_board *board;
	struct qtest_options options;
	struct qtest_link link;
	pid_t pid;
	int ram_fd, own_fd, err_fd;
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
	off_t seen;                /* of the board's own file when the last DMA began, if that is a log */
};

/* qtest_qemu.c */
int qtest_qemu_start(struct qtest *qt);
void qtest_qemu_stop(struct qtest *qt);
/* The program of a board. @return 0; -ENOENT */
int qtest_qemu_find(const struct qtest_board *board, char *out, size_t len);
void qtest_args_add(struct qtest_args *args, const char *const *words, size_t n);

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
/* The nth table of this signature that QEMU made; NULL: none whose checksum holds. */
const uint8_t *qtest_fw_find(struct qtest *qt, const char sig[4], unsigned nth, size_t *len);
uint8_t qtest_fw_sum(const uint8_t *bytes, size_t len);
int qtest_fw_table(struct piommu_platform *plat, const char sig[4], unsigned nth, const void **bytes, size_t *len);

#endif
