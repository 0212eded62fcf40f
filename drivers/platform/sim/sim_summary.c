/* SPDX-License-Identifier: BSD-3-Clause */
/* Ranges of a translation table, hashed as they come (FNV-1a), and runs of streams. No state but the caller's. */
#include <string.h>

#include "sim_summary.h"

static void hash_word(struct sim_summary *sum, uint64_t word)
{
	for (unsigned i = 0; i < 8; i++, word >>= 8)
		sum->hash = (sum->hash ^ (word & 0xff)) * UINT64_C(0x100000001b3);
}

void sim_summary_init(struct sim_summary *sum)
{
	*sum = (struct sim_summary){ .hash = UINT64_C(0xcbf29ce484222325) };
}

void sim_summary_end(struct sim_summary *sum)
{
	if (!sum->range_len)
		return;
	hash_word(sum, sum->iova);
	hash_word(sum, sum->pa);
	hash_word(sum, sum->range_len);
	hash_word(sum, sum->kind);
	sum->nranges++;
	sum->len += sum->range_len;
	sum->range_len = 0;
}

void sim_summary_add(struct sim_summary *sum, uint64_t iova, uint64_t len, uint64_t pa, uint32_t kind)
{
	bool goes_on =
		sum->range_len && sum->iova + sum->range_len == iova && sum->pa + sum->range_len == pa && sum->kind == kind;

	if (goes_on) {
		sum->range_len += len;
		return;
	}
	sim_summary_end(sum);
	sum->iova = iova;
	sum->pa = pa;
	sum->range_len = len;
	sum->kind = kind;
}

void sim_runs_end(struct sim_runs *runs)
{
	if (runs->text[0])
		runs->put(runs->out, runs->first, runs->last, runs->text);
	runs->text[0] = 0;
}

void sim_runs_add(struct sim_runs *runs, uint32_t id, const char *text)
{
	if (strcmp(text, runs->text)) {
		sim_runs_end(runs);
		runs->first = id;
		snprintf(runs->text, sizeof(runs->text), "%s", text);
	}
	runs->last = id;
}
