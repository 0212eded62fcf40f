/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Inside a guest whose kernel drives the IOMMU: our groups, from the same machine's sysfs, against the kernel's. Prints both
 * and "ok groups", or "not ok" with the first pair that is together in one and apart in the other.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "drivers.h"

/* The kernel's group of a function; -1 where it has none. */
static int kernel_group(const struct piommu_pci_function *fn)
{
	char bdf[PIOMMU_SBDF_STRLEN];
	char path[128];
	char target[PATH_MAX];
	const char *name;
	ssize_t n;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group", piommu_sbdf_format(fn->sbdf, bdf));
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return -1;
	target[n] = '\0';
	name = strrchr(target, '/');
	return name ? atoi(name + 1) : -1;
}

static void print_node(const struct piommu_topo *topo, const struct piommu_topo_node *node)
{
	const struct piommu_topo_group *group = &topo->groups[node->group];
	char bdf[PIOMMU_SBDF_STRLEN];
	char text[160];

	printf("# %s %04x:%04x type %x acs %u %02x %02x: ours %u, the kernel's %d\n", piommu_sbdf_format(node->fn.sbdf, bdf),
	       node->fn.vendor, node->fn.device, node->fn.pcie_type, (unsigned)node->fn.acs, node->fn.acs_cap, node->fn.acs_ctl,
	       node->group, kernel_group(&node->fn));
	for (unsigned i = 0; i < group->nreasons; i++) {
		if (piommu_sbdf_compare(group->reasons[i].at, node->fn.sbdf) != 0)
			continue;
		piommu_topo_reason_text(&group->reasons[i], text, sizeof(text));
		printf("#   %s: %s\n", piommu_topo_fact_name(group->reasons[i].fact), text);
	}
}

/* Whether all pairs of functions that the kernel has groups for are as the kernel has them. */
static bool compare(const struct piommu_topo *topo)
{
	char a[PIOMMU_SBDF_STRLEN], b[PIOMMU_SBDF_STRLEN];
	unsigned grouped = 0;

	for (unsigned i = 0; i < topo->nnodes; i++) {
		int group = kernel_group(&topo->nodes[i].fn);

		if (group < 0)
			continue;
		grouped++;
		for (unsigned k = i + 1; k < topo->nnodes; k++) {
			int other = kernel_group(&topo->nodes[k].fn);
			bool together = topo->nodes[i].group == topo->nodes[k].group;

			if (other < 0 || together == (group == other))
				continue;
			printf("not ok %s and %s are together only %s\n", piommu_sbdf_format(topo->nodes[i].fn.sbdf, a),
			       piommu_sbdf_format(topo->nodes[k].fn.sbdf, b), together ? "here" : "in the kernel");
			return false;
		}
	}
	printf("# %u functions compared\n", grouped);
	return grouped > 0;
}

int main(void)
{
	const struct piommu_log log = { piommu_log_stderr, NULL, PIOMMU_LOG_WARN };
	struct piommu_platform *plat;
	struct piommu_pci_function *fns;
	struct piommu_topo *topo;
	char why[256];
	bool same;
	size_t n;

	if (linux_platform.open("", &log, &plat) || plat->ops->pci_functions(plat, &fns, &n)) {
		printf("not ok the platform does not list functions\n");
		return 1;
	}
	if (piommu_topo_build(fns, n, PIOMMU_TOPO_LINUX, &topo, why)) {
		printf("not ok %s\n", why);
		return 1;
	}
	for (unsigned i = 0; i < topo->nnodes; i++)
		print_node(topo, &topo->nodes[i]);
	same = compare(topo);
	printf("%s groups\n", same ? "ok" : "not ok");
	piommu_topo_free(topo);
	free(fns);
	plat->ops->close(plat);
	return !same;
}
