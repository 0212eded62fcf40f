/* SPDX-License-Identifier: BSD-3-Clause */
/* Histograms of ticks. */
#include "bench.h"

#define SUB_LG2 HISTOGRAM_SUB_LG2

static unsigned bucket_of(uint64_t value)
{
	unsigned top = value >> SUB_LG2 ? 63u - (unsigned)__builtin_clzll(value) - SUB_LG2 : 0;

	return (top << SUB_LG2) + (unsigned)(value >> top);
}

/* The middle of a bucket. */
static double value_of(unsigned bucket)
{
	unsigned top = bucket < 2u << SUB_LG2 ? 0 : (bucket >> SUB_LG2) - 1;
	uint64_t low = (uint64_t)(bucket - (top << SUB_LG2)) << top;

	return (double)low + (double)((UINT64_C(1) << top) - 1) / 2;
}

void histogram_add(struct histogram *histogram, uint64_t value)
{
	histogram->n[bucket_of(value)]++;
	histogram->total++;
	histogram->sum += value;
}

void histogram_merge(struct histogram *to, const struct histogram *from)
{
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		to->n[i] += from->n[i];
	to->total += from->total;
	to->sum += from->sum;
}

double histogram_percentile(const struct histogram *histogram, double part)
{
	double want = (double)histogram->total * part;
	uint64_t seen = 0;
	unsigned i = 0;

	while (i + 1 < HISTOGRAM_BUCKETS && (double)(seen += histogram->n[i]) < want)
		i++;
	return value_of(i);
}
