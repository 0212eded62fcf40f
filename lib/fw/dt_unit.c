/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The device tree's SMMUs. A node that is disabled, or below one that is, is no unit. Pure; any thread.
 * Bindings: iommu/arm,smmu.yaml, iommu/arm,smmu-v3.yaml; interrupts: Devicetree Specification 0.4, 2.4, and arm,gic.yaml.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dt.h"

#define REGISTER_ALIGN 4096u
#define MIRRORS_MAX 2u
#define UNITS_MAX 1024u
#define IRQS_MAX 4096u
/* GIC: shared interrupts begin at 32, a CPU's own at 16. Flags: 1 and 2 are edges. */
#define GIC_SHARED 32u
#define GIC_PRIVATE 16u
#define IRQ_EDGES 3u

/* ---- What it is ---------------------------------------------------------------------------------------------------------- */

/* Exact names, and names of chips that a family of `*` stands in: "qcom,*-smmu-500". */
static const struct kind {
	const char *begin;
	const char *end; /* NULL: `begin` is all of it */
	enum piommu_family family;
	unsigned version;
	enum piommu_fw_model model;
	uint32_t flags;
} kinds[] = {
	{ "arm,smmu-v3", NULL, PIOMMU_FAMILY_SMMUV3, 3, PIOMMU_FW_MODEL_GENERIC, 0 },
	{ "arm,smmu-v2", NULL, PIOMMU_FAMILY_SMMUV2, 2, PIOMMU_FW_MODEL_GENERIC, 0 },
	{ "arm,smmu-v1", NULL, PIOMMU_FAMILY_SMMUV2, 1, PIOMMU_FW_MODEL_GENERIC, 0 },
	{ "arm,mmu-400", NULL, PIOMMU_FAMILY_SMMUV2, 1, PIOMMU_FW_MODEL_MMU_400, 0 },
	{ "arm,mmu-401", NULL, PIOMMU_FAMILY_SMMUV2, 1, PIOMMU_FW_MODEL_MMU_401, 0 },
	{ "arm,mmu-500", NULL, PIOMMU_FAMILY_SMMUV2, 2, PIOMMU_FW_MODEL_MMU_500, 0 },
	{ "cavium,smmu-v2", NULL, PIOMMU_FAMILY_SMMUV2, 2, PIOMMU_FW_MODEL_CAVIUM_V2, 0 },
	{ "marvell,ap806-smmu-500", NULL, PIOMMU_FAMILY_SMMUV2, 2, PIOMMU_FW_MODEL_MARVELL_500, 0 },
	{ "nvidia,smmu-500", NULL, PIOMMU_FAMILY_SMMUV2, 2, PIOMMU_FW_MODEL_NVIDIA_500, 0 },
	{ "qcom,adreno-smmu", NULL, PIOMMU_FAMILY_SMMUV2, 0, PIOMMU_FW_MODEL_GENERIC, PIOMMU_FW_UNIT_GPU },
	{ "qcom,smmu-v2", NULL, PIOMMU_FAMILY_SMMUV2, 2, PIOMMU_FW_MODEL_QCOM_V2, 0 },
	{ "qcom,smmu-500", NULL, PIOMMU_FAMILY_SMMUV2, 2, PIOMMU_FW_MODEL_QCOM_500, 0 },
	{ "qcom,", "-smmu-v2", PIOMMU_FAMILY_SMMUV2, 2, PIOMMU_FW_MODEL_QCOM_V2, 0 },
	{ "qcom,", "-smmu-500", PIOMMU_FAMILY_SMMUV2, 2, PIOMMU_FW_MODEL_QCOM_500, 0 },
};

static const struct {
	const char *property;
	uint32_t flag;
} quirks[] = {
	{ "calxeda,smmu-secure-config-access", PIOMMU_FW_UNIT_SECURE_ACCESS },
	{ "hisilicon,broken-prefetch-cmd", PIOMMU_FW_UNIT_NO_PREFETCH },
	{ "cavium,cn9900-broken-page1-regspace", PIOMMU_FW_UNIT_ONE_PAGE },
};

static bool is_kind(const struct kind *kind, const char *name)
{
	size_t len = strlen(name);
	size_t begin = strlen(kind->begin);
	size_t end = kind->end ? strlen(kind->end) : 0;

	if (!kind->end)
		return strcmp(name, kind->begin) == 0;
	return len > begin + end && !strncmp(name, kind->begin, begin) && !strcmp(name + len - end, kind->end);
}

/* From the most particular name to the most general: the first that says something counts. @return whether it is an SMMU */
static bool read_kind(const struct dt *dt, uint32_t node, struct piommu_fw_unit *unit)
{
	const char *name;

	for (uint32_t n = 0; (name = dt_string(dt, node, "compatible", n)); n++) {
		for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
			if (!is_kind(&kinds[i], name))
				continue;
			unit->family = unit->family ? unit->family : kinds[i].family;
			unit->version = unit->version ? unit->version : kinds[i].version;
			unit->model = unit->model ? unit->model : kinds[i].model;
			unit->flags |= kinds[i].flags;
		}
	}
	for (size_t i = 0; i < sizeof(quirks) / sizeof(quirks[0]); i++)
		unit->flags |= dt_has(dt, node, quirks[i].property) ? quirks[i].flag : 0;
	unit->flags |= dt_is_coherent(dt, node) ? PIOMMU_FW_UNIT_COHERENT : 0;
	return unit->family && unit->version;
}

/* ---- Where it is --------------------------------------------------------------------------------------------------------- */

static int warn_base(struct dt *dt, uint32_t node, const char *name, const char *why)
{
	char path[DT_PATH_LEN];

	return fw_warn(dt->fw, "device tree: %s: unit %s has no register address%s: it cannot be driven",
		       dt_path(dt, node, path), name, why);
}

/* NVIDIA's are several at once: what is written to one is written to all. */
static int read_registers(struct dt *dt, uint32_t node, struct piommu_fw_unit *unit)
{
	uint32_t na, ns;
	struct dt_cells reg;
	int rc = dt_cells(dt, node, "reg", &reg);

	if (rc < 0)
		return rc;
	if (dt_sizes(dt, node, &na, &ns) < 0 || na > 2 || !ns || ns > 2 || reg.n < na + ns)
		return warn_base(dt, node, unit->name, " that can be read");
	unit->base = dt_number(&reg, 0, na);
	unit->len = dt_number(&reg, na, ns);
	if (dt_translate(dt, node, &unit->base) < 0) {
		unit->base = 0;
		return warn_base(dt, node, unit->name, " that the buses above it map");
	}
	for (uint32_t at = na + ns; unit->model == PIOMMU_FW_MODEL_NVIDIA_500 && at + na + ns <= reg.n; at += na + ns) {
		uint64_t mirror = dt_number(&reg, at, na);

		if (unit->nmirrors < MIRRORS_MAX && dt_translate(dt, node, &mirror) == 0)
			unit->mirror[unit->nmirrors++] = mirror;
	}
	if (!unit->base || unit->base % REGISTER_ALIGN || !unit->len || unit->len - 1 > UINT64_MAX - unit->base) {
		unit->base = 0;
		return warn_base(dt, node, unit->name, " that is a page of memory");
	}
	return 0;
}

static int check_place(struct dt *dt, uint32_t node, const struct piommu_fw_unit *unit)
{
	char path[DT_PATH_LEN];

	for (const struct piommu_fw_unit *other = dt->fw->units; other < unit; other++) {
		if (other->base == unit->base && unit->base)
			return fw_warn(dt->fw, "device tree: %s: units %s and %s have the same register base 0x%llx",
				       dt_path(dt, node, path), other->name, unit->name, (unsigned long long)unit->base);
	}
	return 0;
}

/* ---- Interrupts ---------------------------------------------------------------------------------------------------------- */

static bool is_gic(const struct dt *dt, uint32_t node)
{
	const char *name;

	for (uint32_t n = 0; (name = dt_string(dt, node, "compatible", n)); n++) {
		size_t len = strlen(name);

		if (!strncmp(name, "arm,gic-", 8) || (!strncmp(name, "arm,", 4) && len > 8 && !strcmp(name + len - 4, "-gic")))
			return true;
	}
	return false;
}

/* The nearest interrupt-parent, its own or of a node above. */
static uint32_t interrupt_parent(const struct dt *dt, uint32_t node)
{
	for (; node != DT_NO_NODE; node = dt->nodes[node].parent) {
		uint32_t phandle = dt_u32(dt, node, "interrupt-parent", 0);

		if (phandle)
			return dt_by_phandle(dt, phandle);
	}
	return DT_NO_NODE;
}

/* Only a GIC's numbers say which interrupt it is; of others it is known that there is one. */
static void number_irq(const struct dt *dt, uint32_t controller, const struct dt_cells *cells, uint32_t at, uint32_t n,
		       struct piommu_fw_irq *irq)
{
	uint32_t kind = dt_cell(cells, at);

	if (n < 3 || kind > 1 || !is_gic(dt, controller))
		return;
	irq->wired = true;
	irq->number = dt_cell(cells, at + 1) + (kind ? GIC_PRIVATE : GIC_SHARED);
	irq->edge = dt_cell(cells, at + 2) & IRQ_EDGES;
}

/* Of an SMMUv3 by their names (without them in this order); else the first `nglobal` are global, the others of contexts. */
static enum piommu_fw_irq_kind irq_kind(const struct dt *dt, uint32_t node, const struct piommu_fw_unit *unit, uint32_t nglobal,
					uint32_t n)
{
	static const char *const names[] = { "eventq", "priq", "cmdq-sync", "gerror", "combined" };
	static const enum piommu_fw_irq_kind kinds_of[] = { PIOMMU_FW_IRQ_EVENT, PIOMMU_FW_IRQ_PRI, PIOMMU_FW_IRQ_SYNC,
							    PIOMMU_FW_IRQ_ERROR, PIOMMU_FW_IRQ_COMBINED };
	const char *name;

	if (unit->family != PIOMMU_FAMILY_SMMUV3)
		return n < nglobal ? PIOMMU_FW_IRQ_GLOBAL : PIOMMU_FW_IRQ_CONTEXT;
	name = dt_string(dt, node, "interrupt-names", n);
	for (size_t i = 0; name && i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(name, names[i]) == 0)
			return kinds_of[i];
	}
	return n < 4 ? kinds_of[n] : PIOMMU_FW_IRQ_COMBINED;
}

static int read_irqs(struct dt *dt, uint32_t node, struct piommu_fw_unit *unit)
{
	bool extended = dt_has(dt, node, "interrupts-extended");
	uint32_t controller = interrupt_parent(dt, node);
	uint32_t nglobal = dt_u32(dt, node, "#global-interrupts", 1);
	struct dt_cells cells;
	uint32_t at = 0;
	int rc = dt_cells(dt, node, extended ? "interrupts-extended" : "interrupts", &cells);

	for (uint32_t n = 0; rc == 0 && at < cells.n && n < IRQS_MAX; n++) {
		struct piommu_fw_irq irq = { .kind = irq_kind(dt, node, unit, nglobal, n) };
		uint32_t width;

		if (extended)
			controller = dt_by_phandle(dt, dt_cell(&cells, at++));
		width = controller == DT_NO_NODE ? 0 : dt_u32(dt, controller, "#interrupt-cells", 0);
		if (!width || width > cells.n - at) /* the list ends here: we poll, and drive the unit without */
			break;
		number_irq(dt, controller, &cells, at, width, &irq);
		at += width;
		rc = fw_append_irq(unit, &irq);
	}
	return rc;
}

/* ---- Units --------------------------------------------------------------------------------------------------------------- */

static int read_unit(struct dt *dt, uint32_t node, const struct piommu_fw_unit *kind)
{
	struct piommu_fw_unit *unit = fw_append(dt->fw, FW_UNITS);
	uint32_t numa = dt_u32(dt, node, "numa-node-id", UINT32_MAX);
	int rc;

	if (!unit)
		return -ENOMEM;
	if (dt->fw->nunits > UNITS_MAX)
		return fw_refuse(dt->err, "device tree: more than %u SMMUs are beyond belief: the tree is damaged", UNITS_MAX);
	*unit = *kind;
	dt->nodes[node].unit = dt->first_unit + dt->fw->nunits - 1;
	snprintf(unit->name, sizeof(unit->name), "smmu%u", dt->nodes[node].unit);
	unit->numa_node = numa <= INT_MAX ? (int)numa : -1;
	unit->path = dt_path_alloc(dt, node);
	if (!unit->path)
		return -ENOMEM;
	rc = read_registers(dt, node, unit);
	if (rc == 0)
		rc = check_place(dt, node, unit);
	return rc < 0 ? rc : read_irqs(dt, node, unit);
}

int dt_read_units(struct dt *dt)
{
	int rc = 0;

	for (uint32_t node = 0; node < dt->nnodes && rc == 0; node++) {
		struct piommu_fw_unit kind = { .numa_node = -1 };

		dt->nodes[node].smmu = read_kind(dt, node, &kind);
		if (!dt->nodes[node].smmu)
			continue;
		dt->nodes[node].match_mask = dt_u32(dt, node, "stream-match-mask", 0);
		if (dt->nodes[node].available)
			rc = read_unit(dt, node, &kind);
	}
	return rc;
}
