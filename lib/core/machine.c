/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the machine has, without touching it: firmware tables, PCI functions, their topology, and what firmware says of one device.
 * First in the flow. The topology is made anew when a function comes or goes; all of it under the probe lock.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"

/* Looking needs no rights beyond reading sysfs: what cannot be read is said, and passed over. Driving units needs it all. */
static int read_table(void *ctx, const char sig[4], unsigned nth, const void **bytes, size_t *len)
{
	struct piommu *p = ctx;
	int err = p->plat->ops->fw_table ? p->plat->ops->fw_table(p->plat, sig, nth, bytes, len) : -ENOENT;

	if (err != -EACCES || !p->inspect)
		return err;
	log_warn(&p->log, "firmware: table %.4s is there but not readable: run as root to see what it says", sig);
	return -ENOENT;
}

static int load_firmware(struct piommu *p)
{
	struct piommu_fw_error why = { "" };
	int err = piommu_fw_load(&p->fw, read_table, p, &why);

	switch (err) {
	case 0:
		return 0;
	case -EINVAL:
		log_err(&p->log, "firmware: %s", why.text);
		return -EBADMSG;
	case -EACCES:
		log_err(&p->log, "firmware: %s", why.text[0] ? why.text : "the tables are not readable; run as root");
		return err;
	default:
		return err;
	}
}

static int secondary_bus(void *ctx, struct piommu_sbdf bridge)
{
	const struct piommu_topo *topo = ctx;
	int node = piommu_topo_find(topo, bridge);

	if (node < 0)
		return -ENOENT;
	if (topo->nodes[node].fn.header_type != 1)
		return -ENOTDIR;
	return topo->nodes[node].fn.secondary;
}

static bool exists(void *ctx, struct piommu_sbdf function)
{
	return piommu_topo_find(ctx, function) >= 0;
}

static int resolve_scopes(struct piommu *p, const struct piommu_topo *topo) REQUIRES(p->probe_lock)
{
	const struct piommu_fw_pci_reader reader = { secondary_bus, exists, (void *)(uintptr_t)topo };

	if (!topo->nnodes) /* functions unknown: nothing to say about what exists */
		return 0;
	return piommu_fw_resolve(&p->fw, &reader);
}

int core_topo_replace(struct piommu *p, const struct piommu_pci_function *fns, size_t n)
{
	struct piommu_topo *topo;
	char why[256] = "";
	int err = piommu_topo_build(fns, n, PIOMMU_TOPO_LINUX, &topo, why);

	if (err == -EINVAL) {
		log_err(&p->log, "PCI topology: %s", why);
		return -EBADMSG;
	}
	if (err)
		return err;
	err = resolve_scopes(p, topo);
	if (err) { /* for want of memory for a warning: what was resolved before stands, or is resolved again next time */
		piommu_topo_free(topo);
		return err;
	}
	piommu_topo_free(p->topo);
	p->topo = topo;
	return 0;
}

/* Functions' facts from the platform, then as core_topo_replace(). */
static int load_topology(struct piommu *p) REQUIRES(p->probe_lock)
{
	struct piommu_pci_function *fns = NULL;
	size_t n = 0;
	int err = 0;

	if (p->plat->ops->pci_functions)
		err = p->plat->ops->pci_functions(p->plat, &fns, &n);
	if (err && err != -ENOENT)
		return err;
	err = core_topo_replace(p, fns, n);
	free(fns);
	return err;
}

static int list_reserved(struct piommu *p)
{
	p->reserved = calloc(p->fw.nreserved ? p->fw.nreserved : 1, sizeof(*p->reserved));
	if (!p->reserved)
		return -ENOMEM;
	for (unsigned r = 0; r < p->fw.nreserved; r++)
		p->reserved[r] = p->fw.reserved[r].span;
	return 0;
}

int core_machine_load(struct piommu *p)
{
	int err = load_firmware(p);

	if (!err)
		err = load_topology(p);
	if (!err)
		err = list_reserved(p);
	if (!err)
		err = core_units_list_firmware(p);
	if (err)
		core_machine_free(p);
	return err;
}

void core_machine_free(struct piommu *p)
{
	core_units_free(p);
	free(p->reserved);
	p->reserved = NULL;
	piommu_topo_free(p->topo);
	p->topo = NULL;
	piommu_fw_free(&p->fw);
}

/* ---- What firmware says of a device ------------------------------------------------------------------------------------ */

/* The function itself, or (bridge scopes) anything below it. */
static bool scope_covers(const struct piommu_topo *topo, const struct piommu_fw_scope *scope, unsigned node)
{
	if (!scope->resolved)
		return false;
	if (scope->type != PIOMMU_FW_SCOPE_PCI_ENDPOINT && scope->type != PIOMMU_FW_SCOPE_PCI_BRIDGE)
		return false;
	for (int at = (int)node; at >= 0; at = topo->nodes[at].parent) {
		if (!piommu_sbdf_compare(topo->nodes[at].fn.sbdf, scope->sbdf))
			return true;
		if (scope->type == PIOMMU_FW_SCOPE_PCI_ENDPOINT)
			return false;
	}
	return false;
}

static bool scopes_cover(const struct piommu_topo *topo, const struct piommu_fw_scopes *scopes, unsigned node)
{
	for (unsigned i = 0; i < scopes->n; i++)
		if (scope_covers(topo, &scopes->at[i], node))
			return true;
	return false;
}

/* Virtual functions are in no scope: their DMA goes where their physical function's does. */
static unsigned firmware_node(const struct piommu_topo *topo, unsigned node)
{
	const struct piommu_pci_function *fn = &topo->nodes[node].fn;
	int pf = fn->is_virtfn ? piommu_topo_find(topo, fn->physfn) : -1;

	return pf >= 0 ? (unsigned)pf : node;
}

static struct core_unit *unit_named(struct piommu *p, const char *name)
{
	struct core_unit *cu = NULL;

	while ((cu = core_unit_next(p, cu)) && strcmp(cu->unit.name, name))
		;
	return cu;
}

struct core_unit *core_firmware_unit(struct piommu *p, const struct core_device *cd, const char *node_unit)
{
	int node = cd->dev.is_pci ? piommu_topo_find(p->topo, cd->dev.sbdf) : -1;
	struct core_unit *all = NULL;
	struct core_unit *cu = NULL;
	unsigned at;

	if (cd->dev.is_pci && core_source_unit(p, cd, &cu))
		return cu;
	if (node < 0)
		return node_unit && node_unit[0] ? unit_named(p, node_unit) : NULL;
	at = firmware_node(p->topo, (unsigned)node);
	while ((cu = core_unit_next(p, cu))) {
		const struct piommu_fw_unit *fw = cu->unit.fw;

		if (fw->segment != cd->dev.sbdf.segment)
			continue;
		if (scopes_cover(p->topo, &fw->scopes, at)) {
			if (all)
				core_unit_put(all);
			return cu;
		}
		if (fw->include_all && !all) {
			all = cu;
			core_unit_get(all);
		}
	}
	return all;
}

static bool has_range(struct piommu *p, const struct core_device *cd, int node, const struct piommu_fw_reserved *range)
	REQUIRES(p->probe_lock)
{
	if (node >= 0 && range->segment == cd->dev.sbdf.segment &&
	    scopes_cover(p->topo, &range->scopes, firmware_node(p->topo, (unsigned)node)))
		return true;
	return core_source_has(p, cd, &range->ids);
}

/* The indexes of those ranges that are the device's. */
static int collect(struct piommu *p, const struct core_device *cd, const struct piommu_fw_reserved *ranges, unsigned nranges,
		   unsigned **indexes, unsigned *n) REQUIRES(p->probe_lock)
{
	int node = cd->dev.is_pci ? piommu_topo_find(p->topo, cd->dev.sbdf) : -1;

	for (unsigned r = 0; r < nranges; r++) {
		unsigned *more;

		if (!has_range(p, cd, node, &ranges[r]))
			continue;
		more = realloc(*indexes, (*n + 1) * sizeof(*more));
		if (!more)
			return -ENOMEM;
		*indexes = more;
		more[(*n)++] = r;
	}
	return 0;
}

int core_firmware_reserved(struct piommu *p, struct core_device *cd)
{
	int err = collect(p, cd, p->fw.reserved, p->fw.nreserved, &cd->reserved, &cd->nreserved);

	return err ? err : collect(p, cd, p->fw.carveouts, p->fw.ncarveouts, &cd->carveouts, &cd->ncarveouts);
}
