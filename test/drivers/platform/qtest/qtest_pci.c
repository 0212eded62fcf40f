/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What firmware would have done: bus numbers, bridge windows, BARs. Configuration space is reached through the ECAM.
 * PCI Local Bus Specification 3.0, chapter 6; PCI-to-PCI Bridge Specification 1.2, chapter 3.
 */
#include <errno.h>
#include <stdlib.h>

#include "qtest_machine.h"

#define CFG_ID 0x00
#define CFG_COMMAND 0x04
#define CFG_COMMAND_MEM_MASTER 0x6u
#define CFG_CLASS 0x08
#define CFG_HEADER 0x0e
#define CFG_HEADER_MULTI 0x80u
#define CFG_HEADER_BRIDGE 1u
#define CFG_BAR0 0x10
#define CFG_BUSES 0x18
#define CFG_BRIDGE_MEMORY 0x20
#define CFG_BRIDGE_PREFETCH 0x24
#define CFG_CAPABILITIES 0x34
#define BAR_IO 1u
#define BAR_64 4u
#define BAR_FLAGS 0xfu
#define CAP_PCIE 0x10
#define BRIDGE_WINDOW (UINT64_C(1) << 20)

#define EDU_ID 0x11e81234u

static uint64_t ecam(const struct qtest *qt, struct piommu_sbdf sbdf, unsigned off)
{
	return qt->board->ecam_base + ((uint64_t)sbdf.bus << 20) + ((uint64_t)sbdf.devfn << 12) + off;
}

static uint32_t get(struct qtest *qt, struct piommu_sbdf sbdf, unsigned off, unsigned width)
{
	return (uint32_t)qtest_mmio_read(&qt->link, ecam(qt, sbdf, off), width);
}

static void set(struct qtest *qt, struct piommu_sbdf sbdf, unsigned off, unsigned width, uint32_t value)
{
	qtest_mmio_write(&qt->link, ecam(qt, sbdf, off), width, value);
}

int qtest_cfg_read(struct piommu_platform *plat, struct piommu_sbdf sbdf, unsigned off, unsigned width, uint32_t *value)
{
	if (sbdf.segment || off + width > 4096)
		return -EINVAL;
	*value = get((struct qtest *)plat, sbdf, off, width);
	return 0;
}

int qtest_cfg_write(struct piommu_platform *plat, struct piommu_sbdf sbdf, unsigned off, unsigned width, uint32_t value)
{
	if (sbdf.segment || off + width > 4096)
		return -EINVAL;
	set((struct qtest *)plat, sbdf, off, width, value);
	return 0;
}

/* Gives one BAR an address. Returns how many registers it takes. */
static unsigned assign_bar(struct qtest *qt, struct piommu_sbdf sbdf, unsigned off, uint64_t *where)
{
	uint32_t size;
	unsigned nregs;

	*where = 0;
	set(qt, sbdf, off, 4, UINT32_MAX);
	size = get(qt, sbdf, off, 4);
	nregs = (size & (BAR_IO | BAR_64)) == BAR_64 ? 2 : 1;
	if (!size || (size & BAR_IO)) {
		set(qt, sbdf, off, 4, 0);
		return nregs;
	}
	size = ~(size & ~BAR_FLAGS) + 1;
	*where = align_up(qt->next_bar, size);
	qt->next_bar = *where + size;
	set(qt, sbdf, off, 4, (uint32_t)*where);
	if (nregs == 2)
		set(qt, sbdf, off + 4, 4, 0);
	return nregs;
}

static uint64_t assign_bars(struct qtest *qt, struct piommu_sbdf sbdf, unsigned nbars)
{
	uint64_t first = 0, where;

	for (unsigned i = 0; i < nbars;) {
		unsigned nregs = assign_bar(qt, sbdf, CFG_BAR0 + 4 * i, &where);

		if (i == 0)
			first = where;
		i += nregs;
	}
	return first;
}

static void scan_bus(struct qtest *qt, uint8_t bus, unsigned nslots);

static bool is_root_port(struct qtest *qt, struct piommu_sbdf sbdf)
{
	unsigned at = get(qt, sbdf, CFG_CAPABILITIES, 1);

	for (unsigned n = 0; at && n < 48; n++, at = get(qt, sbdf, at + 1, 1))
		if (get(qt, sbdf, at, 1) == CAP_PCIE)
			return (get(qt, sbdf, at + 2, 1) >> 4) == PIOMMU_PCIE_ROOT_PORT;
	return false;
}

/* Numbers the bus below and gives it a memory window around what its functions got. */
static void open_bridge(struct qtest *qt, struct piommu_sbdf sbdf)
{
	uint8_t secondary = ++qt->next_bus;
	uint64_t first, last;

	/* All buses lie below until the scan says how many there are. */
	set(qt, sbdf, CFG_BUSES, 4, sbdf.bus | (uint32_t)secondary << 8 | 0xffu << 16);
	first = qt->next_bar = align_up(qt->next_bar, BRIDGE_WINDOW);
	scan_bus(qt, secondary, is_root_port(qt, sbdf) ? 1 : 32);
	qt->next_bar = align_up(qt->next_bar + 1, BRIDGE_WINDOW);
	last = qt->next_bar - 1;
	set(qt, sbdf, CFG_BUSES, 4, sbdf.bus | (uint32_t)secondary << 8 | (uint32_t)qt->next_bus << 16);
	set(qt, sbdf, CFG_BRIDGE_MEMORY, 4, (uint32_t)((first >> 16 & 0xfff0) | (last & 0xfff00000)));
	set(qt, sbdf, CFG_BRIDGE_PREFETCH, 4, 0x0000fff0); /* base above limit: none */
}

static void open_function(struct qtest *qt, struct piommu_sbdf sbdf)
{
	bool bridge = (get(qt, sbdf, CFG_HEADER, 1) & ~CFG_HEADER_MULTI) == CFG_HEADER_BRIDGE;
	uint64_t bar = assign_bars(qt, sbdf, bridge ? 2 : 6);

	if (qt->nfound < sizeof(qt->found) / sizeof(qt->found[0]))
		qt->found[qt->nfound++] = sbdf;
	if (bridge)
		open_bridge(qt, sbdf);
	if (get(qt, sbdf, CFG_ID, 4) == EDU_ID && qt->nedu < QTEST_EDU_MAX)
		qt->edu[qt->nedu++] = (struct qtest_edu){ sbdf, bar };
	set(qt, sbdf, CFG_COMMAND, 2, get(qt, sbdf, CFG_COMMAND, 2) | CFG_COMMAND_MEM_MASTER);
}

static void scan_bus(struct qtest *qt, uint8_t bus, unsigned nslots)
{
	for (unsigned slot = 0; slot < nslots; slot++) {
		struct piommu_sbdf sbdf = { .bus = bus, .devfn = (uint8_t)(slot << 3) };
		unsigned nfn;

		if (get(qt, sbdf, CFG_ID, 2) == 0xffff)
			continue;
		nfn = get(qt, sbdf, CFG_HEADER, 1) & CFG_HEADER_MULTI ? 8 : 1;
		for (unsigned fn = 0; fn < nfn; fn++) {
			sbdf.devfn = (uint8_t)(slot << 3 | fn);
			if (get(qt, sbdf, CFG_ID, 2) != 0xffff)
				open_function(qt, sbdf);
		}
	}
}

int qtest_pci_setup(struct qtest *qt)
{
	qt->next_bar = qt->board->bars.start;
	if (qt->board->ecam_on)
		qt->board->ecam_on(qt);
	scan_bus(qt, 0, 32);
	return qt->next_bar <= qt->board->bars.last ? 0 : -ENOSPC;
}

static int topo_read(void *ctx, struct piommu_sbdf sbdf, unsigned off, unsigned width, uint32_t *value)
{
	return qtest_cfg_read(ctx, sbdf, off, width, value);
}

int qtest_pci_functions(struct piommu_platform *plat, struct piommu_pci_function **out, size_t *n)
{
	struct qtest *qt = (struct qtest *)plat;
	struct piommu_pci_function *fns = calloc(qt->nfound, sizeof(*fns));

	if (!fns)
		return -ENOMEM;
	for (unsigned i = 0; i < qt->nfound; i++) {
		int rc = piommu_topo_decode_function(topo_read, plat, qt->found[i], &fns[i]);

		if (rc) {
			free(fns);
			return rc;
		}
	}
	*out = fns;
	*n = qt->nfound;
	return 0;
}
