/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a translation table does, as one hash: ranges of input addresses, where they lead, permissions. Leaves that continue one
 * another are one range, whatever their sizes.
 */
#ifndef SIM_SUMMARY_H
#define SIM_SUMMARY_H

#include <stdbool.h>
#include <stdint.h>

struct sim_summary {
	uint64_t hash, nranges, len;
	uint64_t iova, pa, range_len; /* of the range that is still open */
	uint32_t kind;
};

void sim_summary_init(struct sim_summary *sum);
/* Leaves in order; `kind`: permissions, and whatever else tells two ranges apart. */
void sim_summary_add(struct sim_summary *sum, uint64_t iova, uint64_t len, uint64_t pa, uint32_t kind);
/* After the last leaf. */
void sim_summary_end(struct sim_summary *sum);

#endif
