/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dump_fdt: file names from standard input, one JSON object a line to standard output: the description that
 * piommu_fw_parse_fdt() makes of each, or {"refused": why}. For dt_decode.py.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "piommu_fw.h"

#define FILE_MAX (16u << 20)

static json_t *unit_path(const struct piommu_fw *fw, uint32_t unit)
{
	return unit < fw->nunits ? json_string(fw->units[unit].path) : json_null();
}

static json_t *maps_json(const struct piommu_fw *fw, const struct piommu_fw_id_maps *maps)
{
	json_t *all = json_array();

	for (unsigned i = 0; i < maps->n; i++) {
		const struct piommu_fw_id_map *map = &maps->at[i];

		json_array_append_new(all, json_pack("[I, I, I, I, o]", (json_int_t)map->first, (json_int_t)map->last,
						     (json_int_t)map->to, (json_int_t)map->mask, unit_path(fw, map->target)));
	}
	return all;
}

static json_t *unit_json(const struct piommu_fw_unit *unit)
{
	json_t *irqs = json_array();
	json_t *mirrors = json_array();

	for (unsigned i = 0; i < unit->nirqs; i++)
		json_array_append_new(irqs, json_pack("[s, o, b]", piommu_fw_irq_name(unit->irqs[i].kind),
						      unit->irqs[i].wired ? json_integer(unit->irqs[i].number) : json_null(),
						      (int)unit->irqs[i].edge));
	for (unsigned i = 0; i < unit->nmirrors; i++)
		json_array_append_new(mirrors, json_integer((json_int_t)unit->mirror[i]));
	return json_pack("{s:s, s:s, s:I, s:I, s:i, s:s, s:i, s:i, s:o, s:o}", "path", unit->path, "family",
			 piommu_fw_family_name(unit->family), "base", (json_int_t)unit->base, "len", (json_int_t)unit->len,
			 "version", (int)unit->version, "model", piommu_fw_model_name(unit->model), "flags", (int)unit->flags,
			 "numa_node", unit->numa_node, "irqs", irqs, "mirrors", mirrors);
}

static json_t *source_json(const struct piommu_fw *fw, const struct piommu_fw_source *source)
{
	return json_pack("{s:s, s:b, s:I, s:i, s:i, s:I, s:I, s:i, s:o}", "name", source->name, "pci", (int)source->is_pci,
			 "segment", (json_int_t)source->segment, "start_bus", source->start_bus, "last_bus", source->last_bus,
			 "flags", (json_int_t)source->flags, "id_mask", (json_int_t)source->id_mask, "pasid_bits",
			 (int)source->pasid_bits, "maps", maps_json(fw, &source->to_units));
}

static json_t *reserved_json(const struct piommu_fw *fw, const struct piommu_fw_reserved *at, unsigned n)
{
	json_t *all = json_array();

	for (unsigned i = 0; i < n; i++)
		json_array_append_new(all, json_pack("[s, I, I, o]", piommu_fw_reserved_name(at[i].kind),
						     (json_int_t)at[i].span.start, (json_int_t)at[i].span.last,
						     maps_json(fw, &at[i].ids)));
	return all;
}

static json_t *description(const struct piommu_fw *fw)
{
	json_t *units = json_array(), *sources = json_array(), *warnings = json_array();

	for (unsigned i = 0; i < fw->nunits; i++)
		json_array_append_new(units, unit_json(&fw->units[i]));
	for (unsigned i = 0; i < fw->nsources; i++)
		json_array_append_new(sources, source_json(fw, &fw->sources[i]));
	for (unsigned i = 0; i < fw->nwarnings; i++)
		json_array_append_new(warnings, json_string(fw->warnings[i]));
	return json_pack("{s:o, s:o, s:o, s:o, s:o}", "units", units, "sources", sources, "reserved",
			 reserved_json(fw, fw->reserved, fw->nreserved), "carveouts",
			 reserved_json(fw, fw->carveouts, fw->ncarveouts), "warnings", warnings);
}

static json_t *read_tree(const char *path, void *bytes)
{
	FILE *file = fopen(path, "rb");
	size_t len = file ? fread(bytes, 1, FILE_MAX, file) : 0;
	struct piommu_fw_error err = { "" };
	struct piommu_fw fw = { 0 };
	json_t *json;

	if (file)
		fclose(file);
	if (piommu_fw_parse_fdt(bytes, len, &fw, &err) < 0)
		return json_pack("{s:s}", "refused", err.text);
	json = description(&fw);
	piommu_fw_free(&fw);
	return json;
}

int main(void)
{
	void *bytes = malloc(FILE_MAX);
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;

	while (bytes && (n = getline(&line, &cap, stdin)) > 0) {
		json_t *json;

		line[strcspn(line, "\n")] = '\0';
		json = read_tree(line, bytes);
		json_dumpf(json, stdout, JSON_COMPACT);
		putchar('\n');
		fflush(stdout);
		json_decref(json);
	}
	free(line);
	free(bytes);
	return 0;
}
