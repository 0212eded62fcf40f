/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requester ids: what an IOMMU may see as the source of a function's DMA. Its own, and one for each conventional bridge
 * on the way up that puts its own in place. All are kept: a bridge may replace the id of some transactions only.
 * PCI Express to PCI/PCI-X Bridge Specification 2.3.
 */
#include "topo.h"

#define MAX_RIDS (sizeof(((struct piommu_topo_node *)0)->rids) / sizeof(uint16_t))

static uint16_t rid_of(struct piommu_sbdf sbdf)
{
	return (uint16_t)(sbdf.bus << 8 | sbdf.devfn);
}

static void add_rid(struct piommu_topo_node *node, uint16_t rid)
{
	for (unsigned i = 0; i < node->nrids; i++) {
		if (node->rids[i] == rid)
			return;
	}
	/* More conventional bridges in a row than anybody builds: the outermost is what arrives at the unit. */
	if (node->nrids == MAX_RIDS)
		node->nrids--;
	node->rids[node->nrids++] = rid;
}

/* The id that `bridge` gives to what comes from below. @return whether it gives one */
static bool taken_by(const struct piommu_pci_function *bridge, uint16_t *rid)
{
	switch (bridge->pcie_type) {
	case PIOMMU_PCIE_PCI_BRIDGE:
		*rid = (uint16_t)(bridge->secondary << 8); /* device 0, function 0 of the bus below */
		return true;
	case PIOMMU_PCIE_NONE: /* as seen of bridges on a root bus: their own id */
	case PIOMMU_PCIE_PCIE_BRIDGE:
		*rid = rid_of(bridge->sbdf);
		return true;
	default: /* ports forward ids; what an unknown bridge does is unknown, and its group is not split anyway */
		return false;
	}
}

void topo_find_aliases(struct piommu_topo *topo)
{
	for (unsigned i = 0; i < topo->nnodes; i++) {
		struct piommu_topo_node *node = &topo->nodes[i];
		uint16_t rid;

		node->nrids = 0;
		add_rid(node, rid_of(node->fn.sbdf));
		for (int up = node->parent; up >= 0; up = topo->nodes[up].parent) {
			if (taken_by(&topo->nodes[up].fn, &rid))
				add_rid(node, rid);
		}
	}
}
