/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Functions' facts to a topology: sorted nodes and their parents; alias.c and group.c do the rest. Refuses what cannot be
 * a machine: two functions at one address, bridges that are above themselves.
 */
#include "topo.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static int compare_nodes(const void *a, const void *b)
{
	const struct piommu_topo_node *left = a;
	const struct piommu_topo_node *right = b;

	return piommu_sbdf_compare(left->fn.sbdf, right->fn.sbdf);
}

static int check_addresses(const struct piommu_topo *topo, char why[256])
{
	char text[PIOMMU_SBDF_STRLEN];

	for (unsigned i = 1; i < topo->nnodes; i++) {
		if (compare_nodes(&topo->nodes[i - 1], &topo->nodes[i]) != 0)
			continue;
		snprintf(why, 256, "two functions at %s: give each function once",
			 piommu_sbdf_format(topo->nodes[i].fn.sbdf, text));
		return -EINVAL;
	}
	return 0;
}

/* Secondary bus 0 is a bridge that nobody configured. */
static bool leads_somewhere(const struct piommu_pci_function *fn, uint32_t segment)
{
	return topo_is_bridge(fn) && fn->secondary != 0 && fn->sbdf.segment == segment;
}

/*
 * The bridge whose secondary bus is the function's bus. A bus that no bridge leads to directly may still be in a
 * bridge's range: virtual functions are put on buses that exist for their numbers only. Then the innermost is the parent.
 */
static int find_parent(const struct piommu_topo *topo, struct piommu_sbdf of)
{
	int inner = -1;

	for (unsigned i = 0; i < topo->nnodes; i++) {
		const struct piommu_pci_function *fn = &topo->nodes[i].fn;

		if (!leads_somewhere(fn, of.segment))
			continue;
		if (fn->secondary == of.bus)
			return (int)i;
		if (fn->sbdf.bus >= fn->secondary || fn->secondary > of.bus || fn->subordinate < of.bus)
			continue;
		if (inner < 0 || fn->secondary > topo->nodes[inner].fn.secondary)
			inner = (int)i;
	}
	return inner;
}

static int check_cycles(const struct piommu_topo *topo, char why[256])
{
	for (unsigned i = 0; i < topo->nnodes; i++) {
		unsigned steps = 0;
		int up = (int)i;

		while (up >= 0 && steps++ <= topo->nnodes)
			up = topo->nodes[up].parent;
		if (up >= 0) {
			char text[PIOMMU_SBDF_STRLEN];

			snprintf(why, 256, "bridge %s is above itself: its secondary bus %02x leads back to bus %02x",
				 piommu_sbdf_format(topo->nodes[up].fn.sbdf, text), topo->nodes[up].fn.secondary,
				 topo->nodes[up].fn.sbdf.bus);
			return -EINVAL;
		}
	}
	return 0;
}

static int fill_nodes(struct piommu_topo *topo, const struct piommu_pci_function *fns, size_t n, char why[256])
{
	int err;

	topo->nodes = calloc(n ? n : 1, sizeof(*topo->nodes));
	if (!topo->nodes)
		return -ENOMEM;
	topo->nnodes = (unsigned)n;
	for (size_t i = 0; i < n; i++) {
		topo->nodes[i].fn = fns[i];
		/* Only function 0 must have the bit; one with another number is not alone in its device. */
		if ((fns[i].sbdf.devfn & 7) != 0)
			topo->nodes[i].fn.multifunction = true;
	}
	qsort(topo->nodes, n, sizeof(*topo->nodes), compare_nodes);
	err = check_addresses(topo, why);
	if (err)
		return err;
	for (unsigned i = 0; i < topo->nnodes; i++)
		topo->nodes[i].parent = find_parent(topo, topo->nodes[i].fn.sbdf);
	return check_cycles(topo, why);
}

int piommu_topo_build(const struct piommu_pci_function *fns, size_t n, enum piommu_topo_policy policy, struct piommu_topo **out,
		      char why[256])
{
	struct piommu_topo *topo;
	int err;

	why[0] = '\0';
	if (policy != PIOMMU_TOPO_LINUX || n > UINT16_MAX * 16u) {
		snprintf(why, 256, "unknown grouping policy, or more functions than any machine has");
		return -EINVAL;
	}
	topo = calloc(1, sizeof(*topo));
	if (!topo)
		return -ENOMEM;
	err = fill_nodes(topo, fns, n, why);
	if (err)
		goto free_topo;
	topo_find_aliases(topo);
	err = topo_form_groups(topo);
	if (err)
		goto free_topo;
	*out = topo;
	return 0;

free_topo:
	piommu_topo_free(topo);
	return err;
}

void piommu_topo_free(struct piommu_topo *topo)
{
	if (!topo)
		return;
	for (unsigned i = 0; i < topo->ngroups; i++) {
		free(topo->groups[i].nodes);
		free(topo->groups[i].reasons);
	}
	free(topo->groups);
	free(topo->nodes);
	free(topo);
}

int piommu_topo_find(const struct piommu_topo *topo, struct piommu_sbdf sbdf)
{
	struct piommu_topo_node key = { .fn.sbdf = sbdf };
	const struct piommu_topo_node *at = bsearch(&key, topo->nodes, topo->nnodes, sizeof(*topo->nodes), compare_nodes);

	return at ? (int)(at - topo->nodes) : -1;
}
