/* SPDX-License-Identifier: BSD-3-Clause */
/* Which physical function a virtual one belongs to, from the capabilities alone: for dumps, where no kernel says so. */
#ifndef PLATFORM_SRIOV_H
#define PLATFORM_SRIOV_H

#include <pci/pci.h>
#include <stdbool.h>
#include <stdint.h>

struct platform_sriov {
	struct pci_dev *pf;
	uint16_t nvfs;
	uint16_t offset;
	uint16_t stride;
	uint16_t device; /* id of its virtual functions */
};

/* Whether `dev` is a physical function with virtual functions enabled. */
bool platform_sriov_read(struct pci_dev *dev, struct platform_sriov *out);
/* Whether `dev` is one of its virtual functions. */
bool platform_sriov_owns(const struct platform_sriov *sriov, const struct pci_dev *dev);

#endif
