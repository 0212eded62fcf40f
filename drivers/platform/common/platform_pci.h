/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What libpci knows: PCI functions of another machine (what `lspci -xxxx` printed there), and names. One thread at a time for
 * each object. And what readers of configuration space share.
 */
#ifndef PLATFORM_PCI_H
#define PLATFORM_PCI_H

#include "piommu_driver.h"

struct platform_pci;

/* `path` is a file that was checked before: libpci names no line. @return 0; -EIO (logged); -ENOMEM */
int platform_pci_open_dump(const struct piommu_log *log, const char *path, struct platform_pci **out);
/* Knows names and no functions. @return 0 or -ENOMEM */
int platform_pci_open_names(const struct piommu_log *log, struct platform_pci **out);
void platform_pci_close(struct platform_pci *pci);

/* All functions that answer, ascending by address, with their names; `*out` is the caller's to free. @return 0 or -errno */
int platform_pci_functions(struct platform_pci *pci, struct piommu_pci_function **out, size_t *n);

/* `width` is 1, 2 or 4. @return 0; -ENOENT: no such function; -EACCES: not readable this far; -EINVAL */
int platform_pci_read(struct platform_pci *pci, struct piommu_sbdf sbdf, unsigned off, unsigned width, uint32_t *value);

/* Fills fn->name from its ids where the list of names has the device; leaves it alone otherwise. */
void platform_pci_name(struct platform_pci *pci, struct piommu_pci_function *fn);

/* Whether `width` is 1, 2 or 4, and all of it in the 4096 bytes there are. */
bool platform_pci_is_access(unsigned off, unsigned width);
/* The value of up to 4 bytes of configuration space, the rest 0. */
uint32_t platform_pci_value(const uint8_t bytes[4]);
/* Ascending by address. */
void platform_pci_sort(struct piommu_pci_function *fns, size_t n);

#endif
