/* SPDX-License-Identifier: BSD-3-Clause */
/* The description's lists: growing, merging, freeing; and the two ways to complain. Pure but for the heap; any thread. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fw_build.h"

/* Where a list's pointer and count are in struct piommu_fw: one piece of code then serves them all. */
static const struct list {
	size_t items;
	size_t count;
	size_t size;
} lists[FW_NLISTS] = {
#define LIST(field) \
	{ \
		offsetof(struct piommu_fw, field), offsetof(struct piommu_fw, n##field), \
			sizeof(*((struct piommu_fw *)0)->field) \
	}
	[FW_UNITS] = LIST(units),       [FW_RESERVED] = LIST(reserved),   [FW_ATSR] = LIST(atsr),
	[FW_SATC] = LIST(satc),         [FW_SIDP] = LIST(sidp),           [FW_NAMES] = LIST(names),
	[FW_ECAM] = LIST(ecam),         [FW_SOURCES] = LIST(sources),     [FW_MSIS] = LIST(msis),
	[FW_COUNTERS] = LIST(counters), [FW_CARVEOUTS] = LIST(carveouts), [FW_WARNINGS] = LIST(warnings),
#undef LIST
};

static unsigned *list_count(struct piommu_fw *fw, const struct list *list)
{
	return (unsigned *)((char *)fw + list->count);
}

/* By memcpy: the field has its element's pointer type, not void *. */
static void *list_items(const struct piommu_fw *fw, const struct list *list)
{
	void *items;

	memcpy(&items, (const char *)fw + list->items, sizeof(items));
	return items;
}

static int list_reserve(struct piommu_fw *fw, const struct list *list, unsigned more)
{
	void *items;

	if (!more)
		return 0;
	items = reallocarray(list_items(fw, list), (size_t)*list_count(fw, list) + more, list->size);
	if (!items)
		return -ENOMEM;
	memcpy((char *)fw + list->items, &items, sizeof(items));
	return 0;
}

void *fw_append(struct piommu_fw *fw, enum fw_list which)
{
	const struct list *list = &lists[which];
	void *item;

	if (list_reserve(fw, list, 1) < 0)
		return NULL;
	item = (char *)list_items(fw, list) + (*list_count(fw, list))++ * list->size;
	return memset(item, 0, list->size);
}

struct piommu_fw_scope *fw_append_scope(struct piommu_fw_scopes *scopes, unsigned npath)
{
	struct piommu_fw_scope *at = reallocarray(scopes->at, scopes->n + 1u, sizeof(*at));
	struct piommu_fw_hop *path;

	if (!at)
		return NULL;
	scopes->at = at;
	path = calloc(npath ? npath : 1, sizeof(*path));
	if (!path)
		return NULL;
	at += scopes->n++;
	*at = (struct piommu_fw_scope){ .path = path, .npath = npath };
	return at;
}

int fw_append_map(struct piommu_fw_id_maps *maps, const struct piommu_fw_id_map *map)
{
	struct piommu_fw_id_map *at = reallocarray(maps->at, maps->n + 1u, sizeof(*at));

	if (!at)
		return -ENOMEM;
	maps->at = at;
	at[maps->n++] = *map;
	return 0;
}

int fw_append_irq(struct piommu_fw_unit *unit, const struct piommu_fw_irq *irq)
{
	struct piommu_fw_irq *at = reallocarray(unit->irqs, unit->nirqs + 1u, sizeof(*at));

	if (!at)
		return -ENOMEM;
	unit->irqs = at;
	at[unit->nirqs++] = *irq;
	return 0;
}

int fw_merge(struct piommu_fw *fw, struct piommu_fw *from)
{
	for (unsigned i = 0; i < FW_NLISTS; i++) {
		if (list_reserve(fw, &lists[i], *list_count(from, &lists[i])) < 0)
			return -ENOMEM;
	}
	for (unsigned i = 0; i < FW_NLISTS; i++) {
		unsigned *have = list_count(fw, &lists[i]);
		unsigned more = *list_count(from, &lists[i]);

		if (more)
			memcpy((char *)list_items(fw, &lists[i]) + *have * lists[i].size, list_items(from, &lists[i]),
			       more * lists[i].size);
		*have += more;
		free(list_items(from, &lists[i]));
	}
	memset(from, 0, sizeof(*from));
	return 0;
}

int fw_warn(struct piommu_fw *fw, const char *fmt, ...)
{
	char **slot;
	char *line;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&line, fmt, ap);
	va_end(ap);
	if (n < 0)
		return -ENOMEM;
	slot = fw_append(fw, FW_WARNINGS);
	if (!slot) {
		free(line);
		return -ENOMEM;
	}
	*slot = line;
	return 0;
}

int fw_refuse(struct piommu_fw_error *err, const char *fmt, ...)
{
	va_list ap;

	if (err) {
		va_start(ap, fmt);
		vsnprintf(err->text, sizeof(err->text), fmt, ap);
		va_end(ap);
	}
	return -EINVAL;
}

static void free_scopes(struct piommu_fw_scopes *scopes)
{
	for (unsigned i = 0; i < scopes->n; i++)
		free(scopes->at[i].path);
	free(scopes->at);
}

static void free_devices(struct piommu_fw_devices *devices, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		free_scopes(&devices[i].scopes);
	free(devices);
}

static void free_units(struct piommu_fw_unit *units, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		free_scopes(&units[i].scopes);
		free(units[i].path);
		free(units[i].irqs);
	}
	free(units);
}

static void free_reserved(struct piommu_fw_reserved *reserved, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		free_scopes(&reserved[i].scopes);
		free(reserved[i].ids.at);
	}
	free(reserved);
}

static void free_sources(struct piommu_fw_source *sources, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		free(sources[i].name);
		free(sources[i].to_units.at);
		free(sources[i].to_msi.at);
	}
	free(sources);
}

void piommu_fw_free(struct piommu_fw *fw)
{
	if (!fw)
		return;
	free_units(fw->units, fw->nunits);
	free_reserved(fw->reserved, fw->nreserved);
	free_reserved(fw->carveouts, fw->ncarveouts);
	free_devices(fw->atsr, fw->natsr);
	free_devices(fw->satc, fw->nsatc);
	free_devices(fw->sidp, fw->nsidp);
	for (unsigned i = 0; i < fw->nnames; i++)
		free(fw->names[i].name);
	free(fw->names);
	free(fw->ecam);
	free_sources(fw->sources, fw->nsources);
	for (unsigned i = 0; i < fw->nmsis; i++)
		free(fw->msis[i].ids);
	free(fw->msis);
	free(fw->counters);
	for (unsigned i = 0; i < fw->nwarnings; i++)
		free(fw->warnings[i]);
	free(fw->warnings);
	memset(fw, 0, sizeof(*fw));
}
