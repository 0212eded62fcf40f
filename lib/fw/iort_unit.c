/* SPDX-License-Identifier: BSD-3-Clause */
/* The IORT nodes that ids are mapped to: SMMUs and ITS groups. Pure; any thread. Arm DEN0049, "ITS group", "SMMUv1 or SMMUv2", "SMMUv3". */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "iort.h"

enum {
	ITS_COUNT = 16,
	ITS_IDS = 20,

	SMMU_BASE = 16,
	SMMU_SPAN = 24,
	SMMU_MODEL = 32,
	SMMU_FLAGS = 36,
	SMMU_GLOBAL = 40,
	SMMU_CONTEXTS = 44,
	SMMU_CONTEXT = 48,
	SMMU_PMUS = 52,
	SMMU_PMU = 56,
	IRQ_LEN = 8, /* GSIV, flags */

	V3_BASE = 16,
	V3_FLAGS = 24,
	V3_MODEL = 40,
	V3_EVENT = 44,
	V3_PRI = 48,
	V3_ERROR = 52,
	V3_SYNC = 56,
	V3_PROXIMITY = 60, /* fixed parts of 60, 64 and 68 bytes are in the field */
	V3_MSI_MAP = 64,
	V3_MSI_MAP_END = 68,
};

#define SMMU_FLAG_DVM (1u << 0)
#define SMMU_FLAG_COHERENT (1u << 1)
#define IRQ_FLAG_EDGE (1u << 0)

#define V3_FLAG_COHERENT (1u << 0)
#define V3_FLAG_HTTU_SHIFT 1
#define V3_FLAG_HTTU_MASK 3u
#define V3_FLAG_PROXIMITY (1u << 3)
#define V3_FLAG_MSI_MAP (1u << 4)

/* SMMUv3 specification 6.1: two register pages of 64 KiB. Those of Cavium's CN99xx are in the first. */
#define V3_LEN (128u << 10)
#define V3_LEN_ONE_PAGE (64u << 10)
#define REGISTER_ALIGN 4096u

int iort_parse_its(struct iort *iort, struct iort_node *node)
{
	struct piommu_fw_msi *msi = fw_append(iort->fw, FW_MSIS);
	uint32_t n = iort_u32(iort, node, ITS_COUNT);

	if (!msi)
		return -ENOMEM;
	node->index = iort->first_msi + iort->fw->nmsis - 1;
	if (n > (node->fixed - ITS_IDS) / 4)
		return fw_refuse(
			iort->err,
			"IORT: byte 0x%zx: ITS group node of %zu bytes says it has %u ITSs: the table is damaged, or a "
			"firmware bug",
			node->at, node->len, n);
	msi->ids = calloc(n + 1u, sizeof(*msi->ids));
	if (!msi->ids)
		return -ENOMEM;
	while (msi->nids < n) {
		msi->ids[msi->nids] = iort_u32(iort, node, ITS_IDS + 4u * msi->nids);
		msi->nids++;
	}
	return 0;
}

/* ---- What both kinds of SMMU share ------------------------------------------------------------------------------------- */

static int check_base(struct iort *iort, const struct iort_node *node, const struct piommu_fw_unit *unit)
{
	if (!unit->base || unit->base % REGISTER_ALIGN || unit->base > UINT64_MAX - unit->len)
		return fw_warn(
			iort->fw,
			"IORT: byte 0x%zx: unit %s has register base 0x%llx, which is not a page of memory: it cannot be "
			"driven; update the firmware",
			node->at, unit->name, (unsigned long long)unit->base);
	for (const struct piommu_fw_unit *other = iort->fw->units; other < unit; other++) {
		if (other->base == unit->base)
			return fw_warn(iort->fw, "IORT: byte 0x%zx: units %s and %s have the same register base 0x%llx",
				       node->at, other->name, unit->name, (unsigned long long)unit->base);
	}
	return 0;
}

static struct piommu_fw_unit *add_unit(struct iort *iort, struct iort_node *node, enum piommu_family family)
{
	struct piommu_fw_unit *unit = fw_append(iort->fw, FW_UNITS);

	if (!unit)
		return NULL;
	node->index = iort->first_unit + iort->fw->nunits - 1;
	snprintf(unit->name, sizeof(unit->name), "smmu%u", node->index);
	unit->family = family;
	unit->numa_node = -1;
	return unit;
}

static int add_irq(struct piommu_fw_unit *unit, enum piommu_fw_irq_kind kind, uint32_t number, bool edge)
{
	return fw_append_irq(unit,
			     &(struct piommu_fw_irq){ .kind = kind, .edge = edge, .wired = number != 0, .number = number });
}

/* ---- SMMUv1, SMMUv2 ---------------------------------------------------------------------------------------------------- */

/* Two global interrupts: of faults, and of faults of accesses to the registers. */
static enum piommu_fw_irq_kind global_kind(unsigned n)
{
	return n ? PIOMMU_FW_IRQ_CONFIG : PIOMMU_FW_IRQ_GLOBAL;
}

/* `n` interrupts behind the fixed part, from byte `off` of the node on; `kind` GLOBAL means the pair. */
static int add_irqs(struct iort *iort, const struct iort_node *node, struct piommu_fw_unit *unit, enum piommu_fw_irq_kind kind,
		    uint64_t off, uint64_t n)
{
	int rc = 0;

	if (n && (off < SMMU_PMU + 4 || off + n * IRQ_LEN > node->len))
		return fw_refuse(
			iort->err,
			"IORT: byte 0x%zx: SMMUv1/v2 node of %zu bytes says it has %llu %s interrupts from its byte %llu on: "
			"the table is damaged, or a firmware bug",
			node->at, node->len, (unsigned long long)n, piommu_fw_irq_name(kind), (unsigned long long)off);
	for (unsigned i = 0; i < n && rc == 0; i++) {
		size_t at = (size_t)off + (size_t)i * IRQ_LEN;
		bool edge = iort_field(iort, node, node->len, at + 4, 4) & IRQ_FLAG_EDGE;

		rc = add_irq(unit, kind == PIOMMU_FW_IRQ_GLOBAL ? global_kind(i) : kind,
			     (uint32_t)iort_field(iort, node, node->len, at, 4), edge);
	}
	return rc;
}

static int set_model(struct iort *iort, const struct iort_node *node, struct piommu_fw_unit *unit)
{
	static const struct {
		unsigned version;
		enum piommu_fw_model model;
	} models[] = {
		{ 1, PIOMMU_FW_MODEL_GENERIC }, { 2, PIOMMU_FW_MODEL_GENERIC }, { 1, PIOMMU_FW_MODEL_MMU_400 },
		{ 2, PIOMMU_FW_MODEL_MMU_500 }, { 1, PIOMMU_FW_MODEL_MMU_401 }, { 2, PIOMMU_FW_MODEL_CAVIUM_V2 },
	};
	uint32_t model = iort_u32(iort, node, SMMU_MODEL);

	if (model >= sizeof(models) / sizeof(models[0]))
		return fw_warn(
			iort->fw,
			"IORT: byte 0x%zx: unit %s is of model %u, which this version does not know: which architecture it "
			"has is not stated",
			node->at, unit->name, model);
	unit->version = models[model].version;
	unit->model = models[model].model;
	return 0;
}

int iort_parse_smmu(struct iort *iort, struct iort_node *node)
{
	struct piommu_fw_unit *unit = add_unit(iort, node, PIOMMU_FAMILY_SMMUV2);
	uint32_t flags = iort_u32(iort, node, SMMU_FLAGS);
	int rc;

	if (!unit)
		return -ENOMEM;
	unit->base = iort_u64(iort, node, SMMU_BASE);
	unit->len = iort_u64(iort, node, SMMU_SPAN);
	unit->flags = (flags & SMMU_FLAG_COHERENT ? PIOMMU_FW_UNIT_COHERENT : 0) |
		      (flags & SMMU_FLAG_DVM ? PIOMMU_FW_UNIT_BROADCAST : 0);
	rc = set_model(iort, node, unit);
	if (rc == 0)
		rc = add_irqs(iort, node, unit, PIOMMU_FW_IRQ_GLOBAL, iort_u32(iort, node, SMMU_GLOBAL), 2);
	if (rc == 0)
		rc = add_irqs(iort, node, unit, PIOMMU_FW_IRQ_CONTEXT, iort_u32(iort, node, SMMU_CONTEXT),
			      iort_u32(iort, node, SMMU_CONTEXTS));
	if (rc == 0)
		rc = add_irqs(iort, node, unit, PIOMMU_FW_IRQ_PMU, iort_u32(iort, node, SMMU_PMU),
			      iort_u32(iort, node, SMMU_PMUS));
	return rc < 0 ? rc : check_base(iort, node, unit);
}

/* ---- SMMUv3 ------------------------------------------------------------------------------------------------------------ */

static int set_model_v3(struct iort *iort, const struct iort_node *node, struct piommu_fw_unit *unit)
{
	uint32_t model = iort_u32(iort, node, V3_MODEL);

	switch (model) {
	case 0:
		return 0;
	case 1:
		unit->model = PIOMMU_FW_MODEL_HISI_HI161X;
		unit->flags |= PIOMMU_FW_UNIT_NO_PREFETCH;
		return 0;
	case 2:
		unit->model = PIOMMU_FW_MODEL_CAVIUM_CN99XX;
		unit->flags |= PIOMMU_FW_UNIT_ONE_PAGE;
		unit->len = V3_LEN_ONE_PAGE;
		return 0;
	default:
		return fw_warn(
			iort->fw,
			"IORT: byte 0x%zx: unit %s is of model %u, which this version does not know: taken as a generic SMMUv3",
			node->at, unit->name, model);
	}
}

static int add_irqs_v3(struct iort *iort, const struct iort_node *node, struct piommu_fw_unit *unit)
{
	static const struct {
		size_t off;
		enum piommu_fw_irq_kind kind;
	} irqs[] = {
		{ V3_EVENT, PIOMMU_FW_IRQ_EVENT },
		{ V3_PRI, PIOMMU_FW_IRQ_PRI },
		{ V3_ERROR, PIOMMU_FW_IRQ_ERROR },
		{ V3_SYNC, PIOMMU_FW_IRQ_SYNC },
	};
	int rc = 0;

	for (size_t i = 0; i < sizeof(irqs) / sizeof(irqs[0]) && rc == 0; i++) {
		uint32_t number = iort_u32(iort, node, irqs[i].off);

		if (number)
			rc = add_irq(unit, irqs[i].kind, number, true);
	}
	return rc;
}

/*
 * Which mapping is the unit's own: from revision 5 on a flag says whether that is stated. Before, it is meant where an interrupt
 * of the four has no number, in revisions that have the field at all.
 */
static bool has_own_map(const struct iort *iort, const struct iort_node *node, const struct piommu_fw_unit *unit)
{
	if (node->fixed < V3_MSI_MAP_END || node->revision < 1)
		return false;
	if (node->revision >= 5)
		return iort_u32(iort, node, V3_FLAGS) & V3_FLAG_MSI_MAP;
	return unit->nirqs < 4;
}

int iort_parse_smmu_v3(struct iort *iort, struct iort_node *node)
{
	struct piommu_fw_unit *unit = add_unit(iort, node, PIOMMU_FAMILY_SMMUV3);
	uint32_t flags = iort_u32(iort, node, V3_FLAGS);
	uint32_t proximity = iort_u32(iort, node, V3_PROXIMITY);
	int rc;

	if (!unit)
		return -ENOMEM;
	unit->base = iort_u64(iort, node, V3_BASE);
	unit->len = V3_LEN;
	unit->version = 3;
	unit->flags = flags & V3_FLAG_COHERENT ? PIOMMU_FW_UNIT_COHERENT : 0;
	unit->httu = flags >> V3_FLAG_HTTU_SHIFT & V3_FLAG_HTTU_MASK;
	if (flags & V3_FLAG_PROXIMITY && node->fixed >= V3_MSI_MAP && proximity <= INT_MAX)
		unit->numa_node = (int)proximity;
	rc = set_model_v3(iort, node, unit);
	if (rc == 0)
		rc = add_irqs_v3(iort, node, unit);
	if (rc < 0)
		return rc;
	if (has_own_map(iort, node, unit))
		unit->msi = iort_own_msi(iort, node, iort_u32(iort, node, V3_MSI_MAP));
	return check_base(iort, node, unit);
}
