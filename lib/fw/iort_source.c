/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The IORT nodes that map ids to others: where DMA comes from, memory that some of it needs, counters. Pure; any thread.
 * Arm DEN0049, "Named component", "Root complex", "PMCG", "RMR".
 */
#include <errno.h>
#include <stdlib.h>

#include "iort.h"

enum {
	NAMED_FLAGS = 16,
	NAMED_COHERENT = 20,
	NAMED_WIDTH = 28,
	NAMED_NAME = 29,

	ROOT_COHERENT = 16,
	ROOT_ATS = 24,
	ROOT_SEGMENT = 28,
	ROOT_WIDTH = 32, /* fixed parts of 32, 36 and 40 bytes are in the field */
	ROOT_PASID = 33,
	ROOT_FLAGS = 36,

	PMCG_BASE = 16,
	PMCG_IRQ = 24,
	PMCG_REFERENCE = 28,
	PMCG_BASE1 = 32,

	RMR_FLAGS = 16,
	RMR_COUNT = 20,
	RMR_SPANS = 24,
	RMR_SPAN_LEN = 20,
};

#define CCA_COHERENT 1u /* "Cache coherent attribute" */
#define NAMED_FLAG_STALL (1u << 0)
#define NAMED_PASID_SHIFT 1
#define ROOT_ATS_ATS (1u << 0)
#define ROOT_ATS_PRI (1u << 1)
#define ROOT_ATS_PASID (1u << 2)
#define ROOT_FLAG_PASID (1u << 0)
#define PASID_BITS_MASK 0x1fu

#define RMR_FLAG_REMAP (1u << 0)
#define RMR_FLAG_PRIVILEGED (1u << 1)
#define RMR_PAGE (64u << 10)

static int add_routes(struct iort *iort, const struct iort_node *node, struct piommu_fw_source *source)
{
	int rc = 0;

	source->id_mask = UINT32_MAX;
	for (unsigned i = 0; i < node->nmaps && rc == 0; i++) {
		const struct iort_map *map = &iort->maps[node->first_map + i];

		if (!map->single || !source->is_pci)
			rc = iort_add_routes(iort, map, &source->to_units, &source->to_msi);
		else
			rc = fw_warn(iort->fw,
				     "IORT: byte 0x%zx: a root complex has a mapping without input ids: which functions it is "
				     "for is not stated, so it is ignored",
				     map->at);
	}
	return rc;
}

/* The name ends at its NUL. It is printed, so only printable bytes stay. */
static char *copy_name(const struct iort *iort, const struct iort_node *node)
{
	size_t max = node->fixed - NAMED_NAME;
	char *name = malloc(max + 1);
	size_t n = 0;

	if (!name)
		return NULL;
	for (; n < max; n++) {
		uint8_t byte = acpi_u8(&iort->table, node->at + NAMED_NAME + n);

		if (!byte)
			break;
		name[n] = byte > 0x20 && byte < 0x7f ? (char)byte : '?';
	}
	name[n] = '\0';
	return name;
}

int iort_parse_named(struct iort *iort, struct iort_node *node)
{
	struct piommu_fw_source *source = fw_append(iort->fw, FW_SOURCES);
	uint32_t flags = iort_u32(iort, node, NAMED_FLAGS);

	if (!source)
		return -ENOMEM;
	source->name = copy_name(iort, node);
	if (!source->name)
		return -ENOMEM;
	source->flags = (iort_u32(iort, node, NAMED_COHERENT) == CCA_COHERENT ? PIOMMU_FW_SOURCE_COHERENT : 0) |
			(flags & NAMED_FLAG_STALL ? PIOMMU_FW_SOURCE_STALL : 0);
	source->address_bits = acpi_u8(&iort->table, node->at + NAMED_WIDTH);
	source->pasid_bits = flags >> NAMED_PASID_SHIFT & PASID_BITS_MASK;
	return add_routes(iort, node, source);
}

static int check_segment(struct iort *iort, const struct iort_node *node, const struct piommu_fw_source *source)
{
	for (const struct piommu_fw_source *other = iort->fw->sources; other < source; other++) {
		if (other->is_pci && other->segment == source->segment)
			return fw_warn(iort->fw,
				       "IORT: byte 0x%zx: a second root complex of segment %u: the first one's mappings count",
				       node->at, source->segment);
	}
	return 0;
}

int iort_parse_root(struct iort *iort, struct iort_node *node)
{
	struct piommu_fw_source *source = fw_append(iort->fw, FW_SOURCES);
	uint32_t ats = iort_u32(iort, node, ROOT_ATS);
	unsigned pasid = (unsigned)iort_field(iort, node, node->fixed, ROOT_PASID, 2);
	int rc;

	if (!source)
		return -ENOMEM;
	source->is_pci = true;
	source->segment = iort_u32(iort, node, ROOT_SEGMENT);
	source->last_bus = 0xff;
	source->flags = (iort_u32(iort, node, ROOT_COHERENT) == CCA_COHERENT ? PIOMMU_FW_SOURCE_COHERENT : 0) |
			(ats & ROOT_ATS_ATS ? PIOMMU_FW_SOURCE_ATS : 0) | (ats & ROOT_ATS_PRI ? PIOMMU_FW_SOURCE_PRI : 0) |
			(ats & ROOT_ATS_PASID ? PIOMMU_FW_SOURCE_PASID : 0);
	source->address_bits = (unsigned)iort_field(iort, node, node->fixed, ROOT_WIDTH, 1);
	if (iort_u32(iort, node, ROOT_FLAGS) & ROOT_FLAG_PASID)
		source->pasid_bits = pasid & PASID_BITS_MASK;
	rc = check_segment(iort, node, source);
	return rc < 0 ? rc : add_routes(iort, node, source);
}

int iort_parse_pmcg(struct iort *iort, struct iort_node *node)
{
	struct piommu_fw_counters *counters = fw_append(iort->fw, FW_COUNTERS);
	uint32_t reference = iort_u32(iort, node, PMCG_REFERENCE);

	if (!counters)
		return -ENOMEM;
	counters->base = iort_u64(iort, node, PMCG_BASE);
	counters->base1 = iort_u64(iort, node, PMCG_BASE1);
	counters->irq = iort_u32(iort, node, PMCG_IRQ);
	counters->unit = PIOMMU_FW_NONE;
	counters->msi = iort_own_msi(iort, node, 0);
	for (unsigned i = 0; i < iort->nnodes; i++) {
		if (iort->nodes[i].at != reference)
			continue;
		if (iort_is_unit(&iort->nodes[i]))
			counters->unit = iort->nodes[i].index;
		return 0;
	}
	return fw_warn(
		iort->fw,
		"IORT: byte 0x%zx: performance counters at 0x%llx are those of a node at byte 0x%x, where none begins: whose "
		"they are is not known",
		node->at, (unsigned long long)counters->base, reference);
}

/* ---- Reserved memory --------------------------------------------------------------------------------------------------- */

static int add_ids(struct iort *iort, const struct iort_node *node, struct piommu_fw_id_maps *ids)
{
	int rc = 0;

	for (unsigned i = 0; i < node->nmaps && rc == 0; i++) {
		const struct iort_map *map = &iort->maps[node->first_map + i];
		const struct iort_node *target = &iort->nodes[map->node];

		if (iort_is_unit(target))
			rc = fw_append_map(ids, &(struct piommu_fw_id_map){ map->first, map->last, map->to, 0, target->index });
	}
	return rc;
}

static int check_span(struct iort *iort, size_t at, uint64_t base, uint64_t len)
{
	if (len > UINT64_MAX - base)
		return fw_refuse(
			iort->err,
			"IORT: byte 0x%zx: RMR of 0x%llx bytes at 0x%llx runs past the address space: what its devices need "
			"is not known; the table is damaged, or a firmware bug",
			at, (unsigned long long)len, (unsigned long long)base);
	if (!len)
		return fw_warn(iort->fw, "IORT: byte 0x%zx: RMR of length 0 at 0x%llx: ignored", at, (unsigned long long)base);
	if (base % RMR_PAGE || len % RMR_PAGE)
		return fw_warn(
			iort->fw,
			"IORT: byte 0x%zx: RMR of 0x%llx bytes at 0x%llx is not whole pages of 64 KiB: it counts as widened to "
			"the unit's pages",
			at, (unsigned long long)len, (unsigned long long)base);
	return 0;
}

static int add_span(struct iort *iort, const struct iort_node *node, size_t at)
{
	uint32_t flags = iort_u32(iort, node, RMR_FLAGS);
	uint64_t base = acpi_u64(&iort->table, at);
	uint64_t len = acpi_u64(&iort->table, at + 8);
	struct piommu_fw_reserved *reserved;
	int rc = check_span(iort, at, base, len);

	if (rc < 0 || !len)
		return rc;
	reserved = fw_append(iort->fw, FW_RESERVED);
	if (!reserved)
		return -ENOMEM;
	reserved->kind = PIOMMU_FW_RESERVED_RMR;
	reserved->span = (struct piommu_span){ base, base + (len - 1) };
	reserved->flags = (flags & RMR_FLAG_REMAP ? PIOMMU_FW_RESERVED_REMAP : 0) |
			  (flags & RMR_FLAG_PRIVILEGED ? PIOMMU_FW_RESERVED_PRIVILEGED : 0) |
			  (flags & PIOMMU_FW_RESERVED_ATTR_MASK);
	return add_ids(iort, node, &reserved->ids);
}

int iort_parse_rmr(struct iort *iort, struct iort_node *node)
{
	uint64_t n = iort_u32(iort, node, RMR_COUNT);
	uint64_t off = iort_u32(iort, node, RMR_SPANS);
	int rc = 0;

	if (n && (off < RMR_SPANS + 4 || off + n * RMR_SPAN_LEN > node->len))
		return fw_refuse(
			iort->err,
			"IORT: byte 0x%zx: RMR node of %zu bytes says it has %llu spans from its byte %llu on: the table is "
			"damaged, or a firmware bug",
			node->at, node->len, (unsigned long long)n, (unsigned long long)off);
	if (n * node->nmaps > UINT16_MAX)
		return fw_refuse(iort->err, "IORT: byte 0x%zx: RMR node of %llu spans for %u ids: beyond belief; it is damaged",
				 node->at, (unsigned long long)n, node->nmaps);
	for (uint64_t i = 0; i < n && rc == 0; i++)
		rc = add_span(iort, node, node->at + (size_t)(off + i * RMR_SPAN_LEN));
	if (rc == 0 && n && !node->nmaps)
		rc = fw_warn(iort->fw, "IORT: byte 0x%zx: RMR node that names no device: its memory stays reserved for nobody",
			     node->at);
	return rc;
}
