/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Groups: the closure of "cannot be kept apart", and the facts that made each. Three things merge two functions:
 *   a path  - something above a function does not isolate: it shares a group with the bridge above it (PCIe 6.12)
 *   an id   - both may send DMA under one requester id: no unit can tell them apart
 *   a slot  - functions of one device, neither of which isolates from its siblings
 * Doubtful facts (unknown ACS) merge: a group may be too large, never too small.
 */
#include "topo.h"

#include <errno.h>
#include <stdlib.h>

struct finding {
	unsigned node; /* in whose group the reason belongs */
	struct piommu_topo_reason reason;
};

struct merger {
	struct piommu_topo *topo;
	unsigned *leader; /* union-find: the lowest node of the set is its root */
	bool *told;       /* a node that failed as a port was reported */
	struct finding *findings;
	unsigned nfindings;
	unsigned capacity;
};

static unsigned leader_of(struct merger *m, unsigned node)
{
	while (m->leader[node] != node) {
		m->leader[node] = m->leader[m->leader[node]];
		node = m->leader[node];
	}
	return node;
}

static void join(struct merger *m, unsigned a, unsigned b)
{
	a = leader_of(m, a);
	b = leader_of(m, b);
	if (a < b)
		m->leader[b] = a;
	else
		m->leader[a] = b;
}

static int note(struct merger *m, enum piommu_topo_fact fact, unsigned at, unsigned other, uint16_t missing)
{
	if (m->nfindings == m->capacity) {
		unsigned capacity = m->capacity ? m->capacity * 2 : 64;
		struct finding *grown = realloc(m->findings, capacity * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		m->findings = grown;
		m->capacity = capacity;
	}
	m->findings[m->nfindings++] = (struct finding){
		.node = at,
		.reason = { .fact = fact,
			    .at = m->topo->nodes[at].fn.sbdf,
			    .other = m->topo->nodes[other].fn.sbdf,
			    .acs_missing = missing },
	};
	return 0;
}

/* Once for each function: what about it does not isolate. */
static int note_verdict(struct merger *m, unsigned at)
{
	struct topo_verdict verdict = topo_judge(&m->topo->nodes[at].fn);

	if (m->told[at])
		return 0;
	m->told[at] = true;
	return note(m, verdict.fact, at, at, verdict.acs_missing);
}

static bool is_on_pci_bus(const struct piommu_topo *topo, const struct piommu_topo_node *node)
{
	uint16_t type = topo->nodes[node->parent].fn.pcie_type;

	return type == PIOMMU_PCIE_PCI_BRIDGE || type == PIOMMU_PCIE_NONE;
}

static int merge_path(struct merger *m, unsigned i)
{
	const struct piommu_topo_node *node = &m->topo->nodes[i];
	int culprit;
	int err;

	if (node->parent < 0 || topo_path_isolates(m->topo, node->parent, &culprit))
		return 0;
	join(m, i, (unsigned)node->parent);
	if (is_on_pci_bus(m->topo, node))
		return note(m, PIOMMU_FACT_PCI_BUS, i, (unsigned)node->parent, 0);
	err = note_verdict(m, (unsigned)culprit);
	return err ? err : note(m, PIOMMU_FACT_BRIDGE_BELOW, i, (unsigned)node->parent, 0);
}

struct rid_owner {
	uint32_t segment;
	uint16_t rid;
	unsigned node;
};

static int compare_owners(const void *a, const void *b)
{
	const struct rid_owner *left = a;
	const struct rid_owner *right = b;

	if (left->segment != right->segment)
		return left->segment < right->segment ? -1 : 1;
	if (left->rid != right->rid)
		return left->rid < right->rid ? -1 : 1;
	return left->node < right->node ? -1 : left->node > right->node;
}

/* Once for each two functions, however many ids they share. */
static int note_alias(struct merger *m, unsigned at, unsigned other)
{
	for (unsigned i = 0; i < m->nfindings; i++) {
		const struct finding *finding = &m->findings[i];

		if (finding->node == at && finding->reason.fact == PIOMMU_FACT_ALIAS &&
		    piommu_sbdf_compare(finding->reason.other, m->topo->nodes[other].fn.sbdf) == 0)
			return 0;
	}
	return note(m, PIOMMU_FACT_ALIAS, at, other, 0);
}

static int merge_aliases(struct merger *m)
{
	const struct piommu_topo *topo = m->topo;
	struct rid_owner *owners;
	size_t n = 0;
	int err = 0;

	for (unsigned i = 0; i < topo->nnodes; i++)
		n += topo->nodes[i].nrids;
	owners = calloc(n ? n : 1, sizeof(*owners));
	if (!owners)
		return -ENOMEM;
	n = 0;
	for (unsigned i = 0; i < topo->nnodes; i++) {
		for (unsigned r = 0; r < topo->nodes[i].nrids; r++)
			owners[n++] = (struct rid_owner){ topo->nodes[i].fn.sbdf.segment, topo->nodes[i].rids[r], i };
	}
	qsort(owners, n, sizeof(*owners), compare_owners);
	for (size_t i = 1; i < n && !err; i++) {
		if (owners[i].segment != owners[i - 1].segment || owners[i].rid != owners[i - 1].rid)
			continue;
		join(m, owners[i].node, owners[i - 1].node);
		err = note_alias(m, owners[i].node, owners[i - 1].node);
	}
	free(owners);
	return err;
}

static bool same_slot(const struct piommu_topo *topo, unsigned a, unsigned b)
{
	struct piommu_sbdf left = topo->nodes[a].fn.sbdf;
	struct piommu_sbdf right = topo->nodes[b].fn.sbdf;

	return left.segment == right.segment && left.bus == right.bus && left.devfn >> 3 == right.devfn >> 3;
}

/* `first` and `end` bound the functions of one slot: all of them that do not isolate merge. */
static int merge_slot(struct merger *m, unsigned first, unsigned end)
{
	unsigned open = end; /* the first that does not isolate */
	int err;

	for (unsigned i = first; i < end; i++) {
		if (topo_judge(&m->topo->nodes[i].fn).isolates)
			continue;
		if (open == end) {
			open = i;
			continue;
		}
		join(m, i, open);
		err = note_verdict(m, open);
		if (!err)
			err = note_verdict(m, i);
		if (!err)
			err = note(m, PIOMMU_FACT_MULTIFUNCTION, i, open, 0);
		if (err)
			return err;
	}
	return 0;
}

static int merge_slots(struct merger *m)
{
	unsigned end;

	for (unsigned first = 0; first < m->topo->nnodes; first = end) {
		int err;

		for (end = first + 1; end < m->topo->nnodes && same_slot(m->topo, first, end); end++)
			;
		err = merge_slot(m, first, end);
		if (err)
			return err;
	}
	return 0;
}

/* Why a function is alone: nothing on its path, itself included, lets it meet another; vendor facts are named. */
static int note_alone(struct merger *m, unsigned i)
{
	int err = note(m, PIOMMU_FACT_ALONE, i, i, 0);

	for (int up = (int)i; up >= 0 && !err; up = m->topo->nodes[up].parent) {
		if (topo_judge(&m->topo->nodes[up].fn).fact != PIOMMU_FACT_QUIRK_ISOLATED)
			continue;
		err = note(m, PIOMMU_FACT_QUIRK_ISOLATED, (unsigned)up, i, 0);
		if (!err)
			m->findings[m->nfindings - 1].node = i;
	}
	return err;
}

static int merge_all(struct merger *m)
{
	int err = 0;

	for (unsigned i = 0; i < m->topo->nnodes; i++)
		m->leader[i] = i;
	for (unsigned i = 0; i < m->topo->nnodes && !err; i++)
		err = merge_path(m, i);
	if (!err)
		err = merge_aliases(m);
	if (!err)
		err = merge_slots(m);
	return err;
}

/* Numbers the sets by their lowest node and fills `group` of every node; groups have their sizes, not their members. */
static int number_groups(struct merger *m)
{
	struct piommu_topo *topo = m->topo;

	topo->groups = calloc(topo->nnodes ? topo->nnodes : 1, sizeof(*topo->groups));
	if (!topo->groups)
		return -ENOMEM;
	for (unsigned i = 0; i < topo->nnodes; i++) {
		unsigned leader = leader_of(m, i);

		topo->nodes[i].group = leader == i ? topo->ngroups++ : topo->nodes[leader].group;
		topo->groups[topo->nodes[i].group].nnodes++;
	}
	return 0;
}

static int fill_members(struct merger *m)
{
	struct piommu_topo *topo = m->topo;

	for (unsigned i = 0; i < topo->ngroups; i++) {
		struct piommu_topo_group *group = &topo->groups[i];

		group->nodes = calloc(group->nnodes, sizeof(*group->nodes));
		if (!group->nodes)
			return -ENOMEM;
		group->nnodes = 0;
	}
	for (unsigned i = 0; i < topo->nnodes; i++) {
		struct piommu_topo_group *group = &topo->groups[topo->nodes[i].group];

		group->nodes[group->nnodes++] = i;
	}
	return 0;
}

static int fill_reasons(struct merger *m)
{
	struct piommu_topo *topo = m->topo;
	int err = 0;

	for (unsigned i = 0; i < topo->ngroups && !err; i++) {
		if (topo->groups[i].nnodes == 1)
			err = note_alone(m, topo->groups[i].nodes[0]);
	}
	if (err)
		return err;
	for (unsigned i = 0; i < m->nfindings; i++)
		topo->groups[topo->nodes[m->findings[i].node].group].nreasons++;
	for (unsigned i = 0; i < topo->ngroups; i++) {
		struct piommu_topo_group *group = &topo->groups[i];

		group->reasons = calloc(group->nreasons ? group->nreasons : 1, sizeof(*group->reasons));
		if (!group->reasons)
			return -ENOMEM;
		group->nreasons = 0;
	}
	for (unsigned i = 0; i < m->nfindings; i++) {
		struct piommu_topo_group *group = &topo->groups[topo->nodes[m->findings[i].node].group];

		group->reasons[group->nreasons++] = m->findings[i].reason;
	}
	return 0;
}

int topo_form_groups(struct piommu_topo *topo)
{
	size_t n = topo->nnodes ? topo->nnodes : 1;
	struct merger m = {
		.topo = topo,
		.leader = calloc(n, sizeof(*m.leader)),
		.told = calloc(n, sizeof(*m.told)),
	};
	int err = m.leader && m.told ? merge_all(&m) : -ENOMEM;

	if (!err)
		err = number_groups(&m);
	if (!err)
		err = fill_members(&m);
	if (!err)
		err = fill_reasons(&m);
	free(m.findings);
	free(m.told);
	free(m.leader);
	return err;
}
