/* SPDX-License-Identifier: BSD-3-Clause */
/* What both kinds of machine share: finding the devices by what they are, and not by where. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "machine.h"
#include "suite.h"

#define CLASS_BASE(code) ((code) >> 16)
#define CLASS_BRIDGE 0x06u
#define MACHINE_NODE ((struct piommu_sbdf){ .devfn = 0x15 << 3 }) /* what piommu_sim_dma() calls the first node */

static const struct piommu_pci_function *parent_of(const struct piommu_pci_function *fns, size_t n,
						   const struct piommu_pci_function *fn)
{
	for (size_t i = 0; i < n; i++)
		if (fns[i].header_type == 1 && fn->sbdf.bus && fns[i].secondary == fn->sbdf.bus)
			return &fns[i];
	return NULL;
}

static void sort_devices(struct machine *m, const struct piommu_pci_function *fns, size_t n, unsigned found[3])
{
	for (size_t i = 0; i < n; i++) {
		const struct piommu_pci_function *fn = &fns[i], *up = parent_of(fns, n, fn);

		if (fn->header_type || CLASS_BASE(fn->class_code) == CLASS_BRIDGE)
			continue;
		if (!fn->sbdf.bus && found[0] < MACHINE_PLAIN) {
			m->plain[found[0]++] = fn->sbdf;
		} else if (up && up->pcie_type == PIOMMU_PCIE_PCI_BRIDGE && found[1] < MACHINE_BRIDGED) {
			m->bridge_id = (struct piommu_sbdf){ .bus = up->secondary };
			m->bridged[found[1]++] = fn->sbdf;
		} else if (up && up->pcie_type == PIOMMU_PCIE_ROOT_PORT && !found[2]) {
			m->ported = fn->sbdf;
			found[2]++;
		}
	}
}

static int find_devices(struct machine *m)
{
	struct piommu_pci_function *fns;
	unsigned found[3] = { 0 };
	size_t n;
	int rc = m->plat->ops->pci_functions(m->plat, &fns, &n);

	if (rc)
		return rc;
	sort_devices(m, fns, n, found);
	free(fns);
	return found[0] == MACHINE_PLAIN && found[1] == MACHINE_BRIDGED && found[2] ? 0 : -ENODEV;
}

/* Whether domains are of stage 2: the unit has no stage 1, or (version 1 of SMMUv2) one of short addresses only. */
static bool is_stage2(const char *variant)
{
	return strstr(variant, "stage=2") || strstr(variant, "model=v1") || strstr(variant, "model=mmu401");
}

int machine_open(const char *kind, const char *family, const char *variant, const struct piommu_log *log, struct machine **out)
{
	const struct machine_family *known = machine_family(family);
	bool is_qemu = !strcmp(kind, "qemu");
	struct machine *m;
	int rc = -ENOTSUP;

	if (known)
		rc = is_qemu ? machine_qemu_open(family, variant, log, &m) : machine_sim_open(family, variant, log, &m);
	if (rc)
		return rc;
	m->family = known;
	m->has_ranges = !strstr(variant, "ril=0");
	m->reads_write_only = known->has_stage1_only_reads && !is_stage2(variant);
	rc = find_devices(m);
	m->reserved = known->reserved_node ? MACHINE_NODE : m->plain[0];
	if (rc) {
		machine_close(m);
		return rc;
	}
	*out = m;
	return 0;
}

void machine_close(struct machine *m)
{
	if (m)
		m->ops->close(m);
}

int machine_dma(struct machine *m, struct piommu_sbdf sbdf, uint64_t iova, void *buf, size_t len, bool is_write)
{
	return m->ops->dma(m, sbdf, iova, buf, len, is_write);
}
