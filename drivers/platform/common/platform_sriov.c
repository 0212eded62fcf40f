/* SPDX-License-Identifier: BSD-3-Clause */
/* The SR-IOV extended capability. PCI Express Base Specification 9.3.3. */
#include "platform_sriov.h"

#define SRIOV_CONTROL 0x08
#define SRIOV_CONTROL_VF_ENABLE 0x01
#define SRIOV_NUM_VFS 0x10
#define SRIOV_FIRST_OFFSET 0x14
#define SRIOV_STRIDE 0x16
#define SRIOV_VF_DEVICE 0x1a

bool platform_sriov_read(struct pci_dev *dev, struct platform_sriov *out)
{
	const struct pci_cap *cap = pci_find_cap(dev, PCI_EXT_CAP_ID_SRIOV, PCI_CAP_EXTENDED);

	if (!cap || !(pci_read_word(dev, (int)cap->addr + SRIOV_CONTROL) & SRIOV_CONTROL_VF_ENABLE))
		return false;
	*out = (struct platform_sriov){
		.pf = dev,
		.nvfs = pci_read_word(dev, (int)cap->addr + SRIOV_NUM_VFS),
		.offset = pci_read_word(dev, (int)cap->addr + SRIOV_FIRST_OFFSET),
		.stride = pci_read_word(dev, (int)cap->addr + SRIOV_STRIDE),
		.device = pci_read_word(dev, (int)cap->addr + SRIOV_VF_DEVICE),
	};
	return true;
}

static unsigned rid_of(const struct pci_dev *dev)
{
	return (unsigned)dev->bus << 8 | (unsigned)dev->dev << 3 | dev->func;
}

/* 9.2.1.2: the nth is at the physical function's id + first offset + n * stride */
bool platform_sriov_owns(const struct platform_sriov *sriov, const struct pci_dev *dev)
{
	unsigned first = rid_of(sriov->pf) + sriov->offset;
	unsigned rid = rid_of(dev);

	if (dev->domain != sriov->pf->domain || dev == sriov->pf || rid < first)
		return false;
	if (sriov->nvfs <= 1 || sriov->stride == 0)
		return sriov->nvfs > 0 && rid == first;
	return (rid - first) % sriov->stride == 0 && (rid - first) / sriov->stride < sriov->nvfs;
}
