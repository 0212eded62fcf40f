/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An IORT table being read: its nodes, and their id mappings made sense of. Internal to lib/fw.
 * iort.c reads the table's frame, iort_map.c the mappings and where they lead, iort_unit.c the nodes that others map to,
 * iort_source.c the nodes that map. Arm DEN0049, revisions A to E.f; offsets are of E.f, which only ever added at the end.
 */
#ifndef FW_IORT_H
#define FW_IORT_H

#include "acpi.h"
#include "fw_build.h"

enum iort_type {
	IORT_ITS = 0,
	IORT_NAMED = 1,
	IORT_ROOT = 2,
	IORT_SMMU = 3, /* SMMUv1 and SMMUv2 */
	IORT_SMMU_V3 = 4,
	IORT_PMCG = 5,
	IORT_RMR = 6,
	IORT_NTYPES,
};

#define IORT_NODE_HEADER 16u
/* SMMUs behind SMMUs: one is rare, more is a table gone wrong. */
#define IORT_CHAIN_MAX 8u

/* One mapping, its count made right. */
struct iort_map {
	size_t at;
	uint32_t first;
	uint32_t last;
	uint32_t to;
	bool single; /* has no input ids */
	unsigned node;
};

struct iort_node {
	unsigned type;
	unsigned revision;
	size_t at;
	size_t len;
	size_t fixed; /* length of the part before the mappings, which says which fields it has */
	unsigned first_map;
	unsigned nmaps;
	uint32_t index;  /* of the unit or MSI controller that it became */
	uint8_t mark;    /* of the search for loops */
	unsigned height; /* SMMUs in the longest chain from here on */
};

struct iort {
	struct acpi_table table;
	struct piommu_fw *fw; /* what this table adds */
	struct piommu_fw_error *err;
	struct iort_node *nodes; /* by offset */
	unsigned nnodes;
	struct iort_map *maps;
	unsigned nmaps;
	unsigned first_unit; /* units and MSI controllers that were there before */
	unsigned first_msi;
	unsigned npieces; /* of composed mappings, bounded */
};

static inline bool iort_is_unit(const struct iort_node *node)
{
	return node->type == IORT_SMMU || node->type == IORT_SMMU_V3;
}

/* "SMMUv3 node". */
const char *iort_type_name(unsigned type);

/* ---- iort_map.c ---- */

/* Reads every node's mappings: counts made right, targets found, loops refused. @return 0, -EINVAL, -ENOMEM */
int iort_read_maps(struct iort *iort);
/* Adds what `map` of a source is at units, and what its ids become at MSI controllers. @return 0, -EINVAL, -ENOMEM */
int iort_add_routes(struct iort *iort, const struct iort_map *map, struct piommu_fw_id_maps *to_units,
		    struct piommu_fw_id_maps *to_msi);
/* The single mapping `n` of a node, as the id of an MSI. */
struct piommu_fw_msi_id iort_own_msi(const struct iort *iort, const struct iort_node *node, uint32_t n);

/* ---- iort_unit.c ---- */

int iort_parse_its(struct iort *iort, struct iort_node *node);
int iort_parse_smmu(struct iort *iort, struct iort_node *node);
int iort_parse_smmu_v3(struct iort *iort, struct iort_node *node);

/* ---- iort_source.c ---- */

int iort_parse_named(struct iort *iort, struct iort_node *node);
int iort_parse_root(struct iort *iort, struct iort_node *node);
int iort_parse_pmcg(struct iort *iort, struct iort_node *node);
int iort_parse_rmr(struct iort *iort, struct iort_node *node);

/* A field of a node; one behind `end` (of a short fixed part, say) reads as 0. */
static inline uint64_t iort_field(const struct iort *iort, const struct iort_node *node, size_t end, size_t off, unsigned width)
{
	return off + width <= end ? acpi_field(&iort->table, node->at + off, width) : 0;
}

static inline uint32_t iort_u32(const struct iort *iort, const struct iort_node *node, size_t off)
{
	return (uint32_t)iort_field(iort, node, node->fixed, off, 4);
}

static inline uint64_t iort_u64(const struct iort *iort, const struct iort_node *node, size_t off)
{
	return iort_field(iort, node, node->fixed, off, 8);
}

#endif
