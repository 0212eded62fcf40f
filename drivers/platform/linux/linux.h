/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The machine we run on, as Linux shows it. Inspection (linux_fw.c, linux_pci.c, linux_facts.c) reads sysfs and proc and
 * needs no rights beyond that; control (linux_window.c, linux_mem.c) maps registers and hugepages and needs root.
 * Every op is slow path. Functions, configuration space, facts, windows and memory: any thread. The core asks one at a time for
 * firmware tables, and starts memory once.
 */
#ifndef LINUX_H
#define LINUX_H

#include <limits.h>

#include "lock.h"
#include "piommu_driver.h"

struct platform_pci;
struct linux_fw_tables;
struct linux_windows;

struct linux_platform {
	struct piommu_platform plat;                    /* first: the ops are handed this */
	char root[PATH_MAX / 2];                        /* "", or where a test keeps its own /sys, /proc and /dev */
	bool devmem;                                    /* register windows through /dev/mem were asked for by name */
	struct linux_fw_tables *fw;                     /* linux_fw.c: what was read, kept until close */
	struct piommu_env_mem *mem;                     /* linux_mem.c */
	struct mutex lock RANKED(LOCK_LEAF);            /* libpci and the log are called under it, no more */
	struct platform_pci *names GUARDED_BY(lock);    /* linux_pci.c: opened on first use */
	struct linux_windows *windows GUARDED_BY(lock); /* linux_window.c */
};

static inline struct linux_platform *to_linux(struct piommu_platform *plat)
{
	return (struct linux_platform *)(void *)plat;
}

/* A path under the platform's root: linux_path(lp, path, "/sys/class/uio/%s", name). @return 0 or -ENAMETOOLONG */
int linux_path(const struct linux_platform *lp, char path[PATH_MAX], const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The first line of a small file, without its newline; cut to fit. @return 0 or -errno */
int linux_read_line(const char *path, char *line, size_t len);
/* A number in a file of its own, in C's notation or, with base 16, with or without 0x. @return 0, -EINVAL or -errno */
int linux_read_u64(const char *path, int base, uint64_t *value);

/* linux_fw.c */
int linux_fw_table(struct piommu_platform *plat, const char sig[4], unsigned nth, const void **bytes, size_t *len);
void linux_fw_fini(struct linux_platform *lp);

/* linux_pci.c */
int linux_pci_functions(struct piommu_platform *plat, struct piommu_pci_function **out, size_t *n);
int linux_cfg_read(struct piommu_platform *plat, struct piommu_sbdf sbdf, unsigned off, unsigned width, uint32_t *value);
int linux_cfg_write(struct piommu_platform *plat, struct piommu_sbdf sbdf, unsigned off, unsigned width, uint32_t value);
void linux_pci_fini(struct linux_platform *lp);

/* linux_facts.c */
int linux_unit_facts(struct piommu_platform *plat, const struct piommu_fw_unit *unit, struct piommu_unit_facts *out);

/* A UIO device's memory map: "uio0", its map's number, and the span it covers. */
struct linux_uio {
	char name[32];
	unsigned map; /* mmap at offset map * page size */
	uint64_t base;
	uint64_t len;
};

/* The UIO device one of whose maps holds the register at `base`. @return 0 or -ENOENT */
int linux_uio_find(const struct linux_platform *lp, uint64_t base, struct linux_uio *out);

/* linux_window.c */
int linux_window_map(struct piommu_platform *plat, const struct piommu_fw_unit *unit, enum piommu_window_access access,
		     struct piommu_window *out);
void linux_window_unmap(struct piommu_platform *plat, struct piommu_window *window);
void linux_window_fini(struct linux_platform *lp);

/* linux_mem.c */
int linux_mem_start(struct piommu_platform *plat);
int linux_mem_alloc(struct piommu_platform *plat, size_t len, size_t align, int node, struct piommu_mem *out);
void linux_mem_free(struct piommu_platform *plat, struct piommu_mem *mem);
void *linux_mem_at(struct piommu_platform *plat, uint64_t pa, size_t len);
void linux_mem_fini(struct linux_platform *lp);

/* linux_spans.c */
int linux_phys_spans(struct piommu_platform *plat, struct piommu_span **out, size_t *n);

#endif
