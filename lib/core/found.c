/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What devices the platform says there are, and when it was asked: an answer may be older than a removal (rule R10). No lock is held.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"

int core_find_nodes(struct piommu *p, struct piommu_node **out, size_t *n)
{
	if (p->plat->ops->nodes)
		return p->plat->ops->nodes(p->plat, out, n);
	return core_source_nodes(p, out, n);
}

int core_find_all(struct piommu *p, struct core_found **out, size_t *n)
{
	const struct piommu_platform_ops *ops = p->plat->ops;
	struct piommu_pci_function *fns = NULL;
	struct piommu_node *nodes = NULL;
	size_t nfns = 0, nnodes = 0;
	struct core_found *all = NULL;
	uint64_t when = atomic_load_explicit(&p->changes, memory_order_acquire);
	int err = ops->pci_functions ? ops->pci_functions(p->plat, &fns, &nfns) : 0;

	if (err == -ENOENT)
		err = 0;
	if (!err)
		err = core_find_nodes(p, &nodes, &nnodes);
	if (!err) {
		all = calloc(nfns + nnodes + 1, sizeof(*all));
		err = all ? 0 : -ENOMEM;
	}
	for (size_t i = 0; !err && i < nfns; i++)
		all[i] = (struct core_found){ .is_pci = true, .fn = fns[i], .when = when };
	for (size_t i = 0; !err && i < nnodes; i++)
		all[nfns + i] = (struct core_found){ .node = nodes[i], .when = when };
	free(fns);
	free(nodes);
	*out = all;
	*n = nfns + nnodes;
	return err;
}

bool core_found_same(const struct core_found *found, const struct core_found *other)
{
	if (found->is_pci != other->is_pci)
		return false;
	return found->is_pci ? !piommu_sbdf_compare(found->fn.sbdf, other->fn.sbdf)
			     : !strcmp(found->node.name, other->node.name);
}

int core_find_one(struct piommu *p, struct core_found *found)
{
	struct core_found *all;
	size_t n;
	int err = core_find_all(p, &all, &n);

	if (err)
		return err;
	err = -ENODEV;
	for (size_t i = 0; i < n && err; i++) {
		if (!core_found_same(&all[i], found))
			continue;
		*found = all[i];
		err = 0;
	}
	free(all);
	return err;
}
