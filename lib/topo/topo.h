/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside lib/topo: build.c sorts functions and finds parents, alias.c requester ids, isolate.c judges, group.c merges. */
#ifndef TOPO_H
#define TOPO_H

#include "piommu_topo.h"

/* Bridges and CardBus bridges have buses below them. */
static inline bool topo_is_bridge(const struct piommu_pci_function *fn)
{
	return fn->header_type == 1 || fn->header_type == 2;
}

/* What isolate.c thinks of one function: whether it keeps apart what it could let meet. */
struct topo_verdict {
	bool isolates;
	enum piommu_topo_fact fact; /* ALONE or QUIRK_ISOLATED where it does */
	uint16_t acs_missing;
};

struct topo_verdict topo_judge(const struct piommu_pci_function *fn);

/* Whether `node` and every bridge above it isolate; otherwise `*culprit` is the lowest that does not. */
bool topo_path_isolates(const struct piommu_topo *topo, int node, int *culprit);

/* Fills rids and nrids of every node. Parents are known. */
void topo_find_aliases(struct piommu_topo *topo);

/* Fills groups and their reasons. Parents and aliases are known. @return 0 or -ENOMEM, with nothing to undo */
int topo_form_groups(struct piommu_topo *topo);

#endif
