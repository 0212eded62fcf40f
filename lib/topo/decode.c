/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One function's facts out of its configuration space. The bytes come from outside (a dump, a device that misbehaves):
 * every list is bounded, and what could not be read is unknown, never absent.
 * PCI Local Bus Specification 3.0 6.1 and 6.7; PCI Express Base Specification 7.5.3 (PCI Express capability), 7.6.3
 * (extended capabilities), 7.7.11 (ACS), 7.8.8 (ARI).
 */
#include "topo.h"

#include <errno.h>
#include <string.h>

#define CFG_VENDOR 0x00
#define CFG_STATUS 0x06
#define CFG_REVISION 0x08
#define CFG_HEADER 0x0e
#define CFG_BUSES 0x18
#define CFG_CAPABILITIES 0x34
#define CFG_CAPABILITIES_CARDBUS 0x14
#define CFG_FIRST_CAPABILITY 0x40
#define CFG_EXTENDED 0x100
#define CFG_END 0x1000

#define STATUS_CAP_LIST 0x10
#define HEADER_MULTIFUNCTION 0x80

#define CAP_ID_PCIE 0x10
#define CAP_PCIE_FLAGS 2
#define ECAP_ID_ACS 0x000d
#define ECAP_ID_ARI 0x000e
#define ACS_CAP 4
#define ACS_CTL 6
#define ACS_CTL_ELSEWHERE 8

/* Lists longer than what fits without overlap are loops. */
#define MAX_CAPABILITIES ((0x100 - CFG_FIRST_CAPABILITY) / 4)
#define MAX_EXTENDED ((CFG_END - CFG_EXTENDED) / 8)

struct reader {
	piommu_cfg_read_fn read;
	void *ctx;
	struct piommu_sbdf sbdf;
};

static int cfg(const struct reader *reader, unsigned off, unsigned width, uint32_t *value)
{
	*value = 0;
	return reader->read(reader->ctx, reader->sbdf, off, width, value);
}

bool piommu_topo_acs_elsewhere(uint16_t vendor, uint16_t device)
{
	/* 100 Series: root ports 1-16, 17-20; 200 Series: 1-16, 17-24; their mobile form: 1-12 (PCH datasheets, volume 2) */
	static const uint16_t ranges[][2] = {
		{ 0xa110, 0xa11f }, { 0xa167, 0xa16a }, { 0xa290, 0xa29f }, { 0xa2e7, 0xa2ee }, { 0x9d10, 0x9d1b },
	};

	for (size_t i = 0; vendor == 0x8086 && i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		if (device >= ranges[i][0] && device <= ranges[i][1])
			return true;
	}
	return false;
}

static int decode_header(const struct reader *reader, struct piommu_pci_function *fn)
{
	uint32_t ids, class_revision, header, buses;
	int err = cfg(reader, CFG_VENDOR, 4, &ids);

	if (err)
		return err;
	fn->vendor = (uint16_t)ids;
	fn->device = (uint16_t)(ids >> 16);
	if (fn->vendor == 0xffff || fn->vendor == 0)
		return -ENODEV;
	err = cfg(reader, CFG_REVISION, 4, &class_revision);
	if (!err)
		err = cfg(reader, CFG_HEADER, 1, &header);
	if (err)
		return err;
	fn->class_code = class_revision >> 8;
	fn->header_type = (uint8_t)(header & ~(uint32_t)HEADER_MULTIFUNCTION);
	fn->multifunction = header & HEADER_MULTIFUNCTION;
	if (!topo_is_bridge(fn))
		return 0;
	err = cfg(reader, CFG_BUSES, 4, &buses);
	fn->secondary = (uint8_t)(buses >> 8);
	fn->subordinate = (uint8_t)(buses >> 16);
	return err;
}

/* Offset of a capability. @return 0; -ENOENT: the list ends without it; -EACCES, -ELOOP: it ends where we cannot follow */
static int find_capability(const struct reader *reader, const struct piommu_pci_function *fn, uint8_t id, unsigned *off)
{
	uint32_t status, pointer, header;
	int err = cfg(reader, CFG_STATUS, 2, &status);

	if (err)
		return err;
	if (!(status & STATUS_CAP_LIST))
		return -ENOENT;
	err = cfg(reader, fn->header_type == 2 ? CFG_CAPABILITIES_CARDBUS : CFG_CAPABILITIES, 1, &pointer);
	for (unsigned i = 0; !err && i < MAX_CAPABILITIES; i++) {
		unsigned at = pointer & ~3u; /* the low two bits are reserved */

		if (at == 0)
			return -ENOENT;
		if (at < CFG_FIRST_CAPABILITY)
			return -ELOOP;
		err = cfg(reader, at, 2, &header);
		if (!err && header == 0xffff)
			return -ELOOP;
		if (!err && (header & 0xff) == id) {
			*off = at;
			return 0;
		}
		pointer = header >> 8;
	}
	return err ? err : -ELOOP;
}

static void decode_pcie_type(const struct reader *reader, struct piommu_pci_function *fn)
{
	unsigned off = 0;
	uint32_t flags;
	int err = find_capability(reader, fn, CAP_ID_PCIE, &off);

	if (err == -ENOENT) {
		fn->pcie_type = PIOMMU_PCIE_NONE;
		return;
	}
	if (!err)
		err = off + CAP_PCIE_FLAGS + 2 > CFG_EXTENDED ? -ELOOP : cfg(reader, off + CAP_PCIE_FLAGS, 2, &flags);
	fn->pcie_type = err ? PIOMMU_PCIE_UNKNOWN : (uint16_t)(flags >> 4 & 0xf);
}

static void decode_acs(const struct reader *reader, unsigned off, struct piommu_pci_function *fn)
{
	unsigned control = piommu_topo_acs_elsewhere(fn->vendor, fn->device) ? ACS_CTL_ELSEWHERE : ACS_CTL;
	uint32_t cap, ctl;

	if (off + control + 2 > CFG_END || cfg(reader, off + ACS_CAP, 2, &cap) || cfg(reader, off + control, 2, &ctl))
		return;
	fn->acs = PIOMMU_PRESENT;
	fn->acs_cap = (uint16_t)cap;
	fn->acs_ctl = (uint16_t)ctl;
}

/* What the list did not show is absent if it ended well, and stays unknown if it did not. */
static void decode_extended(const struct reader *reader, struct piommu_pci_function *fn)
{
	bool acs_seen = false;
	uint32_t header;
	unsigned off = CFG_EXTENDED;
	unsigned i;

	for (i = 0; off != 0 && i < MAX_EXTENDED; i++) {
		if (off < CFG_EXTENDED || cfg(reader, off, 4, &header))
			return;
		if (off == CFG_EXTENDED && header == 0)
			break; /* no extended capability at all */
		if (header == UINT32_MAX)
			return; /* nobody answered */
		if ((header & 0xffff) == ECAP_ID_ACS && !acs_seen) {
			acs_seen = true;
			decode_acs(reader, off, fn);
		} else if ((header & 0xffff) == ECAP_ID_ARI) {
			fn->ari = PIOMMU_PRESENT;
		}
		off = header >> 20 & ~3u;
	}
	if (i == MAX_EXTENDED)
		return;
	if (!acs_seen)
		fn->acs = PIOMMU_ABSENT;
	if (fn->ari == PIOMMU_UNKNOWN)
		fn->ari = PIOMMU_ABSENT;
}

int piommu_topo_decode_function(piommu_cfg_read_fn read, void *ctx, struct piommu_sbdf sbdf, struct piommu_pci_function *out)
{
	const struct reader reader = { read, ctx, sbdf };
	struct piommu_pci_function fn;
	int err;

	memset(&fn, 0, sizeof(fn));
	fn.sbdf = sbdf;
	fn.physfn = sbdf;
	err = decode_header(&reader, &fn);
	if (err)
		return err;
	decode_pcie_type(&reader, &fn);
	if (fn.pcie_type == PIOMMU_PCIE_NONE) {
		fn.acs = PIOMMU_ABSENT;
		fn.ari = PIOMMU_ABSENT;
	} else if (fn.pcie_type != PIOMMU_PCIE_UNKNOWN) {
		decode_extended(&reader, &fn);
	}
	*out = fn;
	return 0;
}
