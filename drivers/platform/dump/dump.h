/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Another machine, offline: a directory of firmware tables and listings of PCI functions. Everything is read and checked
 * when the platform is opened; a file that makes no sense refuses the whole, with its name and line.
 */
#ifndef DUMP_H
#define DUMP_H

#include <limits.h>

#include "piommu_driver.h"

#define DUMP_MAX_FILE ((size_t)64 << 20)

struct platform_pci;

struct dump_table {
	char sig[4];         /* from the file's name; NUL where the name is none */
	char content_sig[4]; /* its first 4 bytes */
	void *bytes;
	size_t len;
};

struct dump_functions {
	struct piommu_pci_function *at;
	size_t n;
};

struct dump_platform {
	struct piommu_platform plat;
	char *dir;
	struct dump_table *tables;
	size_t ntables;
	struct platform_pci *pci; /* lspci.txt; NULL: none */
	struct dump_functions functions;
};

/* "DIR/name". @return 0 or -ENAMETOOLONG */
int dump_path(const struct dump_platform *dp, char path[PATH_MAX], const char *name);
/* Reads DIR/name whole. @return 0; -ENOENT: no such file, not logged; others logged */
int dump_read(const struct dump_platform *dp, const char *name, void **bytes, size_t *len);

/* dump_fw.c: NAME.bin, NAME.dat, NAME.aml, acpidump.txt, fdt.dtb. @return 0 or -errno, logged */
int dump_load_tables(struct dump_platform *dp);
void dump_free_tables(struct dump_platform *dp);

/* dump_lspci.c: whether `text`, which it cuts into lines, is what libpci's reader takes. @return 0 or -EBADMSG, logged */
int dump_check_lspci(const struct dump_platform *dp, char *text);

/* dump_tsv.c: the functions of `text`, which it cuts up. `out->at` is the caller's. @return 0; -EBADMSG, logged; -ENOMEM */
int dump_parse_tsv(const struct dump_platform *dp, char *text, struct dump_functions *out);

#endif
