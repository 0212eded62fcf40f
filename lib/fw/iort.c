/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The IORT table: its frame, and the order in which its nodes are read. First in the flow; pure, any thread.
 * Arm DEN0049, "IO Remapping Table". What real tables do against it, and what is made of it: doc/firmware.md.
 *
 * Nodes stand at any alignment. What a node of a kind has grew with the revisions, and revision numbers are not to be trusted:
 * the mapping offset and the length say which fields there are.
 */
#include <errno.h>
#include <stdlib.h>

#include "iort.h"

enum {
	TABLE_NODES = 36,
	TABLE_OFFSET = 40,
	TABLE_FIXED = 48,

	NODE_TYPE = 0,
	NODE_LENGTH = 1,
	NODE_REVISION = 3,
	NODE_NMAPS = 8,
	NODE_MAPS = 12,

	MAP_LEN = 20,
};

static const struct kind {
	const char *name;
	size_t fixed; /* of the oldest revision */
	int (*parse)(struct iort *iort, struct iort_node *node);
} kinds[IORT_NTYPES] = {
	[IORT_ITS] = { "ITS group", 20, iort_parse_its },
	[IORT_NAMED] = { "named component", 30, iort_parse_named },
	[IORT_ROOT] = { "root complex", 32, iort_parse_root },
	[IORT_SMMU] = { "SMMUv1/v2", 60, iort_parse_smmu },
	[IORT_SMMU_V3] = { "SMMUv3", 60, iort_parse_smmu_v3 },
	[IORT_PMCG] = { "PMCG", 32, iort_parse_pmcg },
	[IORT_RMR] = { "RMR", 28, iort_parse_rmr },
};

/* Types that this version does not know are skipped by their length: the specification keeps adding some. */
static const struct kind *kind_of(unsigned type)
{
	static const struct kind unknown = { "unknown node", IORT_NODE_HEADER, NULL };

	return type < IORT_NTYPES ? &kinds[type] : &unknown;
}

const char *iort_type_name(unsigned type)
{
	return kind_of(type)->name;
}

/*
 * A last node whose length runs past the table, while what it counts ends exactly with the table, is a wrong length and nothing
 * worse; any other one is damage.
 */
static int fit_last(struct iort *iort, struct iort_node *node, size_t left)
{
	uint64_t maps_at = acpi_u32(&iort->table, node->at + NODE_MAPS);
	uint64_t nmaps = acpi_u32(&iort->table, node->at + NODE_NMAPS);

	if (!nmaps || maps_at + nmaps * MAP_LEN != left)
		return fw_refuse(
			iort->err,
			"IORT: byte 0x%zx: %s node has length %zu, but the table ends after %zu: it is damaged, read it "
			"again",
			node->at, iort_type_name(node->type), node->len, left);
	node->len = left;
	return fw_warn(
		iort->fw,
		"IORT: byte 0x%zx: the length of the last %s node runs past the table, its mappings end with it: taken so",
		node->at, iort_type_name(node->type));
}

static int check_maps(struct iort *iort, struct iort_node *node)
{
	uint64_t maps_at = acpi_u32(&iort->table, node->at + NODE_MAPS);
	uint64_t nmaps = acpi_u32(&iort->table, node->at + NODE_NMAPS);

	node->fixed = node->len;
	if (!nmaps)
		return 0;
	if (maps_at < kind_of(node->type)->fixed || maps_at + nmaps * MAP_LEN > node->len)
		return fw_refuse(iort->err,
				 "IORT: byte 0x%zx: %s node of %zu bytes says it has %llu mappings from its byte %llu on: the "
				 "table is damaged, or a firmware bug",
				 node->at, iort_type_name(node->type), node->len, (unsigned long long)nmaps,
				 (unsigned long long)maps_at);
	node->fixed = (size_t)maps_at;
	node->nmaps = (unsigned)nmaps;
	return 0;
}

static int read_node(struct iort *iort, size_t at, struct iort_node *node)
{
	size_t left = iort->table.len - at;
	const struct kind *kind;
	int rc = 0;

	if (left < IORT_NODE_HEADER)
		return fw_refuse(iort->err,
				 "IORT: byte 0x%zx: %zu stray bytes at the end, too few for a node: the table is damaged", at,
				 left);
	*node = (struct iort_node){
		.type = acpi_u8(&iort->table, at + NODE_TYPE),
		.revision = acpi_u8(&iort->table, at + NODE_REVISION),
		.at = at,
		.len = acpi_u16(&iort->table, at + NODE_LENGTH),
		.index = PIOMMU_FW_NONE,
	};
	kind = kind_of(node->type);
	if (node->len < kind->fixed)
		return fw_refuse(
			iort->err,
			"IORT: byte 0x%zx: %s node (type %u) has length %zu (at least %zu expected): the table is damaged, "
			"or a firmware bug",
			at, kind->name, node->type, node->len, kind->fixed);
	if (node->len > left)
		rc = fit_last(iort, node, left);
	return rc < 0 ? rc : check_maps(iort, node);
}

/* The count may be too large (then the table's end is the end) or too small; it never decides where a node is. */
static int read_nodes(struct iort *iort)
{
	uint32_t stated = acpi_u32(&iort->table, TABLE_NODES);
	size_t at = acpi_u32(&iort->table, TABLE_OFFSET);
	size_t most = iort->table.len / IORT_NODE_HEADER;
	int rc = 0;

	if (stated && (at < TABLE_FIXED || at > iort->table.len))
		return fw_refuse(iort->err,
				 "IORT: byte 0x28: nodes from byte %zu on (%d to %zu expected): the table is damaged, or a "
				 "firmware bug",
				 at, TABLE_FIXED, iort->table.len);
	iort->nodes = calloc((stated < most ? stated : most) + 1, sizeof(*iort->nodes));
	if (!iort->nodes)
		return -ENOMEM;
	while (iort->nnodes < stated && at < iort->table.len && rc == 0) {
		rc = read_node(iort, at, &iort->nodes[iort->nnodes]);
		if (rc == 0)
			at += iort->nodes[iort->nnodes++].len;
	}
	if (rc < 0)
		return rc;
	if (iort->nnodes < stated)
		return fw_warn(iort->fw, "IORT: byte 0x24: states %u nodes, the table holds %u: these are used", stated,
			       iort->nnodes);
	if (stated && at < iort->table.len)
		return fw_warn(iort->fw, "IORT: byte 0x%zx: %zu bytes behind the last of the %u nodes stated are not looked at",
			       at, iort->table.len - at, stated);
	return 0;
}

/* Two passes: what is mapped to before what maps. */
static int parse_nodes(struct iort *iort)
{
	int rc = 0;

	for (unsigned i = 0; i < iort->nnodes && rc == 0; i++) {
		struct iort_node *node = &iort->nodes[i];

		if (node->type == IORT_ITS || iort_is_unit(node))
			rc = kinds[node->type].parse(iort, node);
	}
	for (unsigned i = 0; i < iort->nnodes && rc == 0; i++) {
		struct iort_node *node = &iort->nodes[i];

		if (node->type != IORT_ITS && !iort_is_unit(node) && kind_of(node->type)->parse)
			rc = kind_of(node->type)->parse(iort, node);
	}
	return rc;
}

int piommu_fw_parse_iort(const void *bytes, size_t len, struct piommu_fw *fw, struct piommu_fw_error *err)
{
	struct piommu_fw added = { 0 };
	struct iort iort = { .fw = &added, .err = err, .first_unit = fw->nunits, .first_msi = fw->nmsis };
	int rc = acpi_table_open(bytes, len, "IORT", TABLE_FIXED, &iort.table, err);

	if (rc == 0)
		rc = read_nodes(&iort);
	if (rc == 0)
		rc = iort_read_maps(&iort);
	if (rc == 0)
		rc = parse_nodes(&iort);
	if (rc == 0)
		rc = fw_merge(fw, &added);
	if (rc < 0)
		piommu_fw_free(&added);
	free(iort.nodes);
	free(iort.maps);
	return rc;
}
