/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What families differ in where tests of all of them look: fault codes and the register that switches a unit on. Golden numbers of
 * the specifications: VT-d 7.1.3 and 11.4; SMMUv3 (IHI 0070) 6.3.9 and 7.3; SMMUv2 (IHI 0062) 9.6 and 10.6.
 */
#include <string.h>

#include "machine.h"

static const struct machine_family families[] = {
	{
		.name = "vtd",
		.unit0 = "dmar0",
		.free_it = "intel_iommu=off",
		.reserved_key = "rmrr=1",
		.qemu_has_reserved = true,
		.codes = {
			[MACHINE_UNMAPPED] = { { 0x6 }, { 0x5 } },
			[MACHINE_FORBIDDEN] = { { 0x6 }, { 0x5 } },
			[MACHINE_BEYOND] = { { 0x4 }, { 0x4 } },
		},
		.fault_room = 64, /* records */
		.control = 0x1c,  /* GSTS: TES; QIES with it */
		.on_mask = 1u << 31,
		.on = 1u << 31,
		.off_mask = 1u << 31 | 1u << 26,
	},
	{
		.name = "smmuv3",
		.unit0 = "smmu0",
		.reserved_key = "rmr=1",
		.codes = {
			[MACHINE_UNMAPPED] = { { 0x10 }, { 0x10 } },      /* F_TRANSLATION */
			[MACHINE_FORBIDDEN] = { { 0x13 }, { 0x13 } },     /* F_PERMISSION */
			[MACHINE_BEYOND] = { { 0x10, 0x11 }, { 0x10, 0x11 } }, /* or F_ADDR_SIZE, beyond the unit's own width */
		},
		.blocks_silently = true, /* STE.Config 0: no event (7.3) */
		.has_stage1_only_reads = true,
		.fault_room = 1u << 10,
		.control = 0x20, /* CR0: SMMUEN; EVENTQEN and CMDQEN with it */
		.on_mask = 1,
		.on = 1,
		.off_mask = 0xd,
	},
	{
		.name = "smmuv2",
		.unit0 = "smmu0",
		.reserved_key = "rmr=1,nodes=1",
		.reserved_node = "/i2c@9080000",
		/* FSR: TF, PF; one record a context. */
		.codes = {
			[MACHINE_UNMAPPED] = { { 0x2 }, { 0x2 } },
			[MACHINE_FORBIDDEN] = { { 0x8 }, { 0x8 } },
			[MACHINE_BEYOND] = { { 0x2, 0x4 }, { 0x2, 0x4 } },
		},
		.has_stage1_only_reads = true,
		.fault_room = 2,
		.control = 0x0, /* sCR0: CLIENTPD */
		.on_mask = 1,
		.off_mask = 1,
		.off = 1,
	},
};

const struct machine_family *machine_family(const char *name)
{
	for (unsigned i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		if (!strcmp(families[i].name, name))
			return &families[i];
	return NULL;
}

bool machine_reason_fits(const struct machine *m, enum machine_reason why, bool is_write, uint32_t code)
{
	const uint32_t *codes = m->family->codes[why][is_write];

	return code && (code == codes[0] || code == codes[1]);
}

static bool is_bridged(const struct machine *m, struct piommu_sbdf sbdf)
{
	for (unsigned i = 0; i < MACHINE_BRIDGED; i++)
		if (!piommu_sbdf_compare(sbdf, m->bridged[i]))
			return true;
	return !piommu_sbdf_compare(sbdf, m->bridge_id);
}

bool machine_is_same_source(const struct machine *m, const struct piommu_event *event, struct piommu_sbdf device)
{
	if (!event->is_pci && event->device[0])
		return m->family->reserved_node && !strcmp(event->device, m->family->reserved_node) &&
		       !piommu_sbdf_compare(device, m->reserved);
	if (!event->is_pci)
		return is_bridged(m, device);
	return !piommu_sbdf_compare(event->sbdf, device) || (is_bridged(m, event->sbdf) && is_bridged(m, device));
}
