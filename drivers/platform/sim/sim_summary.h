/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What parts of a dump have in common. What a translation table does, as one hash: ranges of input addresses, where they lead,
 * permissions; leaves that continue one another are one range, whatever their sizes. And streams, as runs that fare alike.
 */
#ifndef SIM_SUMMARY_H
#define SIM_SUMMARY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

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

#define SIM_TEXT_LEN 240u

struct sim_runs {
	FILE *out;
	void (*put)(FILE *out, uint32_t first, uint32_t last, const char *text);
	uint32_t first, last;
	char text[SIM_TEXT_LEN]; /* of the run that is still open */
};

/* Every stream in order, with what becomes of it in words. */
void sim_runs_add(struct sim_runs *runs, uint32_t id, const char *text);
/* After the last stream. */
void sim_runs_end(struct sim_runs *runs);

#endif
