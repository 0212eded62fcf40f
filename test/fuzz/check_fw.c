/* SPDX-License-Identifier: BSD-3-Clause */
#include "check_fw.h"

#include <errno.h>
#include <string.h>

#include "fuzz.h"

static void check_scopes(const struct piommu_fw_scopes *scopes, uint32_t segment)
{
	for (unsigned i = 0; i < scopes->n; i++) {
		MUST(scopes->at[i].path != NULL);
		MUST(scopes->at[i].npath <= 124);
		MUST(scopes->at[i].segment == segment);
		MUST(!scopes->at[i].resolved || scopes->at[i].sbdf.segment == segment);
	}
}

/* Ranges of some length, that end where they may, and lead to what there is. */
static void check_maps(const struct piommu_fw_id_maps *maps, unsigned ntargets)
{
	for (unsigned i = 0; i < maps->n; i++) {
		const struct piommu_fw_id_map *map = &maps->at[i];

		MUST(map->first <= map->last);
		MUST(map->to <= UINT32_MAX - (map->last - map->first));
		MUST(map->target < ntargets || map->target == PIOMMU_FW_NONE);
		MUST(!map->mask || map->to + (map->last - map->first) <= 0xffff);
	}
}

static void check_msi(const struct piommu_fw *fw, const struct piommu_fw_msi_id *msi)
{
	MUST(!msi->known || msi->controller < fw->nmsis);
}

static void check_unit(const struct piommu_fw *fw, const struct piommu_fw_unit *unit)
{
	MUST(unit->name[0] && memchr(unit->name, '\0', sizeof(unit->name)));
	MUST(unit->family != PIOMMU_FAMILY_UNKNOWN && unit->numa_node >= -1 && unit->nmirrors <= 2);
	MUST(!unit->path || !strchr(unit->path, '\n'));
	check_scopes(&unit->scopes, unit->segment);
	check_msi(fw, &unit->msi);
}

/* Every id that a range begins or ends with is routed, and as some range says. */
static void check_source(const struct piommu_fw *fw, const struct piommu_fw_source *source)
{
	struct piommu_fw_route route;

	MUST((source->name && !strchr(source->name, '\n')) || source->is_pci);
	MUST(source->start_bus <= source->last_bus && source->pasid_bits <= 31);
	check_maps(&source->to_units, fw->nunits);
	check_maps(&source->to_msi, fw->nmsis);
	for (unsigned i = 0; i < source->to_units.n && i < 16; i++) {
		const struct piommu_fw_id_map *map = &source->to_units.at[i];

		if ((map->last & source->id_mask) == map->last)
			MUST(piommu_fw_source_route(source, map->last, &route) == 0);
		if (i == 0 && (map->first & source->id_mask) == map->first)
			MUST(piommu_fw_source_route(source, map->first, &route) == 0 && route.id == map->to &&
			     piommu_fw_ids_have(&source->to_units, &route));
	}
}

static void check_reserved(const struct piommu_fw *fw, const struct piommu_fw_reserved *reserved, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		MUST(reserved[i].span.start <= reserved[i].span.last);
		check_scopes(&reserved[i].scopes, reserved[i].segment);
		check_maps(&reserved[i].ids, fw->nunits);
	}
}

void check_description(const struct piommu_fw *fw)
{
	for (unsigned i = 0; i < fw->nunits; i++)
		check_unit(fw, &fw->units[i]);
	for (unsigned i = 0; i < fw->nsources; i++)
		check_source(fw, &fw->sources[i]);
	check_reserved(fw, fw->reserved, fw->nreserved);
	check_reserved(fw, fw->carveouts, fw->ncarveouts);
	for (unsigned i = 0; i < fw->ncounters; i++) {
		MUST(fw->counters[i].unit < fw->nunits || fw->counters[i].unit == PIOMMU_FW_NONE);
		check_msi(fw, &fw->counters[i].msi);
	}
	for (unsigned i = 0; i < fw->nnames; i++)
		MUST(!strchr(fw->names[i].name, '\n'));
	for (unsigned i = 0; i < fw->necam; i++)
		MUST(fw->ecam[i].start_bus <= fw->ecam[i].last_bus);
	for (unsigned i = 0; i < fw->nwarnings; i++)
		MUST(fw->warnings[i][0] && !strchr(fw->warnings[i], '\n'));
	MUST(fw->host_address_width <= 64);
}

void check_parse(fw_parse_fn parse, const uint8_t *bytes, size_t len, struct piommu_fw *fw)
{
	struct piommu_fw before = *fw;
	struct piommu_fw_error err = { "" };
	int rc = parse(bytes, len, fw, &err);

	MUST(rc == 0 || rc == -EINVAL);
	if (rc < 0) {
		MUST(err.text[0] && memchr(err.text, '\0', sizeof(err.text)) && !strchr(err.text, '\n'));
		MUST(memcmp(&before, fw, sizeof(before)) == 0);
	}
	check_description(fw);
}

void seal_table(uint8_t *bytes, size_t len, const char *sig)
{
	uint8_t sum = 0;

	memcpy(bytes, sig, 4);
	for (unsigned i = 0; i < 4; i++)
		bytes[4 + i] = (uint8_t)(len >> 8 * i);
	bytes[9] = 0;
	for (size_t i = 0; i < len; i++)
		sum = (uint8_t)(sum + bytes[i]);
	bytes[9] = (uint8_t)-sum;
}
