/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What both Arm families of the simulated machine share: which stream id a requester id becomes, and at which unit. Ids are moved on
 * purpose, so that nothing works which takes the one for the other. Constants and pure functions.
 */
#include <errno.h>

#include "sim.h"

#define PCI_BASE 0x1000u /* stream id of requester id 0 */
#define NODE_BASE 0x20u
#define NODE_STEP 4u

/* By the function itself, or by the port on bus 0 that its bus is behind. */
static unsigned unit_of_rid(const struct sim_config *config, uint16_t rid)
{
	uint8_t bus = (uint8_t)(rid >> 8), root = (uint8_t)rid;

	for (unsigned i = 0; i < SIM_NSHAPES; i++) {
		const struct sim_shape *shape = &sim_shapes[i];

		if (shape->bus)
			break;
		if (bus ? bus >= shape->secondary && bus <= shape->subordinate : shape->devfn == root)
			return sim_pci_unit_of(shape->root_devfn, config);
	}
	return config->all ? (unsigned)config->units - 1 : SIM_NO_UNIT;
}

unsigned sim_arm_runs(const struct sim_config *config, struct sim_arm_run runs[SIM_ARM_MAX_RUNS])
{
	unsigned n = 0;

	for (unsigned rid = 0; rid < SIM_ARM_RIDS; rid++) {
		unsigned unit = unit_of_rid(config, (uint16_t)rid);
		bool goes_on = n && runs[n - 1].unit == unit && runs[n - 1].last + 1u == rid;

		if (goes_on)
			runs[n - 1].last = (uint16_t)rid;
		else if (unit != SIM_NO_UNIT && n < SIM_ARM_MAX_RUNS)
			runs[n++] = (struct sim_arm_run){ (uint16_t)rid, (uint16_t)rid, unit };
	}
	return n;
}

uint32_t sim_arm_pci_id(const struct sim_config *config, uint16_t rid)
{
	(void)config;
	return PCI_BASE + rid;
}

uint32_t sim_arm_node_id(const struct sim_config *config, unsigned n)
{
	return config->nodes == SIM_NODES_SHARED ? NODE_BASE : NODE_BASE + n * NODE_STEP;
}

unsigned sim_v2_npages_lg2(const struct sim_config *config)
{
	unsigned lg2 = 1;

	while (1u << lg2 < config->v2.cbs)
		lg2++;
	return lg2;
}

int sim_arm_check(const struct sim_config *config, const struct piommu_log *log)
{
	if (config->virt && config->arm.oas && config->arm.oas < 48) {
		log_err(log, "sim: pa=va needs oas=48 or more: virtual addresses do not fit %u bits",
			(unsigned)config->arm.oas);
		return -EINVAL;
	}
	return 0;
}
