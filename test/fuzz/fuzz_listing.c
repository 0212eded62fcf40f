/* SPDX-License-Identifier: BSD-3-Clause */
/* Listings of a dump, and the topology of whatever functions came out of one. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dump.h"
#include "fuzz.h"

static char *text_of(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	MUST(text);
	memcpy(text, data, size);
	text[size] = '\0';
	return text;
}

/* Every function is in exactly one group, with what it shares an id with. */
static void check_groups(const struct piommu_topo *topo)
{
	unsigned members = 0;

	for (unsigned i = 0; i < topo->ngroups; i++) {
		MUST(topo->groups[i].nnodes > 0 && topo->groups[i].nreasons > 0);
		members += topo->groups[i].nnodes;
		for (unsigned k = 0; k < topo->groups[i].nnodes; k++)
			MUST(topo->nodes[topo->groups[i].nodes[k]].group == i);
	}
	MUST(members == topo->nnodes);
	for (unsigned i = 0; i < topo->nnodes; i++) {
		const struct piommu_topo_node *node = &topo->nodes[i];

		MUST(node->nrids >= 1 && node->nrids <= 8);
		MUST(node->rids[0] == (node->fn.sbdf.bus << 8 | node->fn.sbdf.devfn));
		MUST(piommu_topo_find(topo, node->fn.sbdf) == (int)i);
	}
}

static void check_topology(const struct dump_functions *functions)
{
	struct piommu_topo *topo = NULL;
	char why[256] = "";
	int rc = piommu_topo_build(functions->at, functions->n, PIOMMU_TOPO_LINUX, &topo, why);

	MUST(rc == 0 || rc == -EINVAL);
	MUST(rc == 0 ? topo != NULL : topo == NULL && why[0]);
	if (topo)
		check_groups(topo);
	piommu_topo_free(topo);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char dir[] = "dir";
	const struct dump_platform dp = { .dir = dir };
	struct dump_functions functions = { NULL, 0 };
	char *text = text_of(data, size);
	int rc = dump_parse_tsv(&dp, text, &functions);

	MUST(rc == 0 || rc == -EBADMSG);
	MUST(rc == 0 || functions.at == NULL);
	if (rc == 0)
		check_topology(&functions);
	free(functions.at);
	free(text);
	text = text_of(data, size);
	rc = dump_check_lspci(&dp, text);
	MUST(rc == 0 || rc == -EBADMSG);
	free(text);
	return 0;
}
