/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The machine's physical address map, for units that need an identity table because they have no pass-through: everything
 * that /proc/iomem names at its outermost level. That is RAM, what firmware reserved (its devices may use it), and the
 * windows of PCI devices, for DMA from one to another.
 */
#include "linux.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE UINT64_C(4096)

struct spans {
	struct piommu_span *at;
	size_t n;
	size_t room;
};

static int add_span(struct spans *spans, uint64_t start, uint64_t last)
{
	if (spans->n == spans->room) {
		size_t room = spans->room ? spans->room * 2 : 32;
		struct piommu_span *at = realloc(spans->at, room * sizeof(*at));

		if (!at)
			return -ENOMEM;
		spans->at = at;
		spans->room = room;
	}
	spans->at[spans->n++] = (struct piommu_span){ align_down(start, PAGE), last | (PAGE - 1) };
	return 0;
}

/* "00100000-3ffdffff : System RAM"; an inner level starts with blanks. @return whether it is an outermost span */
static bool parse_line(const char *line, uint64_t *start, uint64_t *last)
{
	return line[0] != ' ' && sscanf(line, "%" SCNx64 "-%" SCNx64 " :", start, last) == 2 && *start <= *last;
}

/* @return 0; -EACCES: without rights every address reads as 0; -ENOMEM */
static int read_spans(FILE *file, struct spans *spans)
{
	uint64_t highest = 0;
	uint64_t start, last;
	char line[256];
	int err = 0;

	while (!err && fgets(line, sizeof(line), file)) {
		if (!parse_line(line, &start, &last))
			continue;
		highest = last > highest ? last : highest;
		err = add_span(spans, start, last);
	}
	if (!err && !highest)
		err = -EACCES;
	return err;
}

static int by_start(const void *a, const void *b)
{
	const struct piommu_span *sa = a;
	const struct piommu_span *sb = b;

	return (sa->start > sb->start) - (sa->start < sb->start);
}

/* Rounding to pages makes neighbours touch and overlap. */
static void merge(struct spans *spans)
{
	size_t n = 0;

	qsort(spans->at, spans->n, sizeof(*spans->at), by_start);
	for (size_t i = 1; i < spans->n; i++) {
		struct piommu_span *before = &spans->at[n];

		if (before->last == UINT64_MAX || spans->at[i].start <= before->last + 1) {
			if (spans->at[i].last > before->last)
				before->last = spans->at[i].last;
		} else {
			spans->at[++n] = spans->at[i];
		}
	}
	spans->n = n + 1;
}

int linux_phys_spans(struct piommu_platform *plat, struct piommu_span **out, size_t *n)
{
	struct spans spans = { 0 };
	char path[PATH_MAX];
	FILE *file;
	int err = linux_path(to_linux(plat), path, "/proc/iomem");

	if (err)
		return err;
	file = fopen(path, "re");
	if (!file) {
		err = -errno;
		log_err(plat->log, "cannot read %s: %s", path, strerror(-err));
		return err;
	}
	err = read_spans(file, &spans);
	fclose(file);
	if (err) {
		if (err == -EACCES)
			log_err(plat->log, "%s shows no addresses to this user; run as root", path);
		free(spans.at);
		return err;
	}
	merge(&spans);
	*out = spans.at;
	*n = spans.n;
	return 0;
}
