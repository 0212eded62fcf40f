/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The IORT of a machine with SMMUv3 units: an ITS group, the units, a root complex whose requester ids become stream ids, named
 * components for platform nodes, and an RMR for the display. Arm DEN0049, revision E.
 */
#include <string.h>

#include "sim.h"

enum {
	NODE_ITS = 0,
	NODE_NAMED = 1,
	NODE_ROOT = 2,
	NODE_SMMU_V3 = 4,
	NODE_RMR = 6,

	COUNT_AT = 36, /* of the table: how many nodes there are */
	LENGTH_AT = 1, /* of a node */
};

#define MAP_SINGLE 1u
#define COHERENT 1u
#define FIRST_GSIV 0x60u

struct iort {
	struct sim_table *table;
	const struct sim_config *config;
	size_t its, unit[SIM_MAX_UNITS]; /* where their nodes are */
	unsigned nnodes;
};

/* The header of a node. `maps_at` is from its start. @return where it starts */
static size_t begin(struct iort *iort, unsigned type, unsigned revision, unsigned nmaps, unsigned maps_at)
{
	size_t start = iort->table->len;

	sim_fw_put(iort->table, type, 1);
	sim_fw_put(iort->table, 0, 2); /* length, by end() */
	sim_fw_put(iort->table, revision, 1);
	sim_fw_put(iort->table, iort->nnodes++, 4);
	sim_fw_put(iort->table, nmaps, 4);
	sim_fw_put(iort->table, nmaps ? maps_at : 0, 4);
	return start;
}

static void end(struct iort *iort, size_t start)
{
	sim_fw_set(iort->table, start + LENGTH_AT, iort->table->len - start, 2);
}

static void put_map(struct iort *iort, uint32_t first, uint32_t count, uint32_t to, size_t node, unsigned flags)
{
	sim_fw_put(iort->table, first, 4);
	sim_fw_put(iort->table, count - 1, 4); /* "Number of IDs" is the count minus one */
	sim_fw_put(iort->table, to, 4);
	sim_fw_put(iort->table, node, 4);
	sim_fw_put(iort->table, flags, 4);
}

static void put_its(struct iort *iort)
{
	iort->its = begin(iort, NODE_ITS, 1, 0, 0);
	sim_fw_put(iort->table, 1, 4);
	sim_fw_put(iort->table, 0, 4);
	end(iort, iort->its);
}

static void put_unit(struct iort *iort, unsigned unit)
{
	size_t start = begin(iort, NODE_SMMU_V3, 4, 1, 68);

	iort->unit[unit] = start;
	sim_fw_put(iort->table, sim_unit_base(iort->config, unit), 8);
	sim_fw_put(iort->table, iort->config->coherent ? COHERENT : 0, 4);
	sim_fw_put(iort->table, 0, 4);
	sim_fw_put(iort->table, 0, 8); /* no VATOS */
	sim_fw_put(iort->table, 0, 4); /* generic */
	for (unsigned i = 0; i < 4; i++)
		sim_fw_put(iort->table, FIRST_GSIV + 4 * unit + i, 4); /* event, PRI, error, sync */
	sim_fw_put(iort->table, 0, 4);                                 /* no proximity domain: not flagged */
	sim_fw_put(iort->table, 0, 4);                                 /* no mapping of its own MSIs: not flagged */
	put_map(iort, 0, 0x10000, 0, iort->its, 0);
	end(iort, start);
}

static void put_root(struct iort *iort)
{
	struct sim_arm_run runs[SIM_ARM_MAX_RUNS];
	unsigned n = sim_arm_runs(iort->config, runs);
	size_t start = begin(iort, NODE_ROOT, 4, n, 40);

	sim_fw_put(iort->table, COHERENT, 4);
	sim_fw_put(iort->table, 0x03000000, 4); /* coherent path, device memory attribute: as the cores' */
	sim_fw_put(iort->table, 0, 4);          /* no ATS */
	sim_fw_put(iort->table, 0, 4);          /* segment */
	sim_fw_put(iort->table, 64, 1);         /* address width */
	sim_fw_put(iort->table, 0, 2);
	sim_fw_put(iort->table, 0, 1);
	sim_fw_put(iort->table, 0, 4);
	for (unsigned i = 0; i < n; i++)
		put_map(iort, runs[i].first, runs[i].last - runs[i].first + 1u, sim_arm_pci_id(iort->config, runs[i].first),
			iort->unit[runs[i].unit], 0);
	end(iort, start);
}

static void put_named(struct iort *iort, unsigned n)
{
	const char *name = sim_nodes[n].name;
	size_t len = align_up(29 + strlen(name) + 2, 4) - 29; /* some decoders take no padding at all for an error */
	size_t start = begin(iort, NODE_NAMED, 4, 1, (unsigned)(29 + len));

	sim_fw_put(iort->table, 0, 4);
	sim_fw_put(iort->table, COHERENT, 4);
	sim_fw_put(iort->table, 0x03000000, 4);
	sim_fw_put(iort->table, 64, 1);
	sim_fw_put_text(iort->table, name, strlen(name));
	for (size_t i = strlen(name); i < len; i++)
		sim_fw_put(iort->table, 0, 1);
	put_map(iort, 0, 1, sim_arm_node_id(iort->config, n), iort->unit[iort->config->units - 1], MAP_SINGLE);
	end(iort, start);
}

static void put_rmr(struct iort *iort)
{
	const uint16_t display = 0x02 << 3;
	size_t start = begin(iort, NODE_RMR, 3, 1, 28);
	unsigned unit = sim_pci_unit_of(display, iort->config);

	sim_fw_put(iort->table, 0, 4);
	sim_fw_put(iort->table, 1, 4);
	sim_fw_put(iort->table, 28 + 20, 4);
	put_map(iort, 0, 1, sim_arm_pci_id(iort->config, display), iort->unit[unit], MAP_SINGLE);
	sim_fw_put(iort->table, SIM_RMRR_BASE, 8);
	sim_fw_put(iort->table, SIM_RMRR_LAST - SIM_RMRR_BASE + 1, 8);
	sim_fw_put(iort->table, 0, 4);
	end(iort, start);
}

void sim_fw_make_iort(const struct sim_config *config, struct sim_table *table)
{
	struct iort iort = { .table = table, .config = config };

	sim_fw_begin(table, "IORT", 5);
	sim_fw_put(table, 0, 4); /* how many, below */
	sim_fw_put(table, 48, 4);
	sim_fw_put(table, 0, 4);
	put_its(&iort);
	for (unsigned unit = 0; unit < config->units; unit++)
		put_unit(&iort, unit);
	put_root(&iort);
	for (unsigned i = 0; config->nodes && i < SIM_NNODES; i++)
		put_named(&iort, i);
	if (config->reserved)
		put_rmr(&iort);
	sim_fw_set(table, COUNT_AT, iort.nnodes, 4);
	sim_fw_end(table);
}
