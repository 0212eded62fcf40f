/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the machine has, without touching it: firmware tables, PCI functions, their topology. First in the flow; runs in
 * piommu_create() alone, and is read-only afterwards.
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

static int load_topology(struct piommu *p)
{
	struct piommu_pci_function *fns = NULL;
	char why[256] = "";
	size_t n = 0;
	int err = 0;

	if (p->plat->ops->pci_functions)
		err = p->plat->ops->pci_functions(p->plat, &fns, &n);
	if (err && err != -ENOENT)
		return err;
	err = piommu_topo_build(fns, n, PIOMMU_TOPO_LINUX, &p->topo, why);
	free(fns);
	if (err != -EINVAL)
		return err;
	log_err(&p->log, "PCI topology: %s", why);
	return -EBADMSG;
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

static int resolve_scopes(struct piommu *p)
{
	const struct piommu_fw_pci_reader reader = { secondary_bus, exists, p->topo };

	if (!p->topo->nnodes) /* functions unknown: nothing to say about what exists */
		return 0;
	return piommu_fw_resolve(&p->fw, &reader);
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

static int make_units(struct piommu *p)
{
	p->units = calloc(p->fw.nunits ? p->fw.nunits : 1, sizeof(*p->units));
	if (!p->units)
		return -ENOMEM;
	p->nunits = p->fw.nunits;
	for (unsigned i = 0; i < p->nunits; i++) {
		struct core_unit *cu = &p->units[i];

		cu->p = p;
		cu->unit.name = p->fw.units[i].name;
		cu->unit.fw = &p->fw.units[i];
		cu->unit.plat = p->plat;
		cu->unit.log = &p->log;
		cu->unit.host_address_width = p->fw.host_address_width;
		cu->unit.reserved = p->reserved;
		cu->unit.nreserved = p->fw.nreserved;
		cu->unit.timeout_ns = p->timeout_ns;
		mutex_init(&cu->mutex, LOCK_UNIT);
		atomic_flag_clear(&cu->polling);
		for (unsigned d = 0; p->drivers && p->drivers[d] && !cu->unit.driver; d++)
			if (p->drivers[d]->match(cu->unit.fw))
				cu->unit.driver = p->drivers[d];
		if (p->plat->ops->unit_facts)
			p->plat->ops->unit_facts(p->plat, cu->unit.fw, &cu->facts);
	}
	return 0;
}

int core_machine_load(struct piommu *p)
{
	int err = load_firmware(p);

	if (!err)
		err = load_topology(p);
	if (!err)
		err = resolve_scopes(p);
	if (!err)
		err = list_reserved(p);
	if (!err)
		err = make_units(p);
	if (err)
		core_machine_free(p);
	return err;
}

void core_machine_free(struct piommu *p)
{
	for (unsigned i = 0; i < p->nunits; i++)
		mutex_fini(&p->units[i].mutex);
	free(p->units);
	p->units = NULL;
	p->nunits = 0;
	free(p->reserved);
	p->reserved = NULL;
	piommu_topo_free(p->topo);
	p->topo = NULL;
	piommu_fw_free(&p->fw);
}
