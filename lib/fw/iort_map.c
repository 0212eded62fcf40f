/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * IORT's id mappings: from a device over SMMUs to an ITS group, composed into ranges. Pure; any thread.
 * Arm DEN0049, "ID mapping format".
 *
 * "Number of IDs" is the count minus one. Some firmware wrote the count. HiSilicon's is known by name; elsewhere it shows in a
 * range that ends with the id that the next one begins with: then the end is one too far (operating systems decide so, too).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "iort.h"

enum {
	TABLE_OEM = 10, /* 6 bytes of OEM id, 8 of OEM table id */

	MAP_FIRST = 0,
	MAP_COUNT = 4,
	MAP_TO = 8,
	MAP_REFERENCE = 12,
	MAP_FLAGS = 16,
	MAP_LEN = 20,
};

#define MAP_SINGLE (1u << 0)
/* Composed ranges of one table; the most that real ones have is some hundred. Bounds memory on a hostile one. */
#define PIECES_MAX 16384u

enum {
	UNSEEN,
	ON_PATH,
	DONE
};

/* ---- Reading ---------------------------------------------------------------------------------------------------------- */

/* Firmware that is known to write counts, by OEM id and OEM table id. */
static bool writes_counts(const struct iort *iort)
{
	static const char known[][15] = { "HISI  HIP07   ", "HISI  HIP08   " };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (!memcmp(iort->table.bytes + TABLE_OEM, known[i], sizeof(known[i]) - 1))
			return true;
	}
	return false;
}

static int node_at(const struct iort *iort, size_t at)
{
	unsigned low = 0, high = iort->nnodes;

	while (low < high) {
		unsigned mid = low + (high - low) / 2;

		if (iort->nodes[mid].at == at)
			return (int)mid;
		if (iort->nodes[mid].at < at)
			low = mid + 1;
		else
			high = mid;
	}
	return -1;
}

static int find_target(struct iort *iort, const struct iort_node *node, struct iort_map *map)
{
	size_t reference = acpi_u32(&iort->table, map->at + MAP_REFERENCE);
	int target = node_at(iort, reference);

	if (target < 0)
		return fw_refuse(
			iort->err,
			"IORT: byte 0x%zx: mapping of a %s node leads to byte 0x%zx, where no node begins: the table is "
			"damaged, or a firmware bug",
			map->at, iort_type_name(node->type), reference);
	map->node = (unsigned)target;
	if (iort->nodes[target].type < IORT_NTYPES && iort->nodes[target].type != IORT_ITS &&
	    !iort_is_unit(&iort->nodes[target]))
		return fw_refuse(
			iort->err,
			"IORT: byte 0x%zx: mapping of a %s node leads to a %s node, which no id passes: a firmware bug",
			map->at, iort_type_name(node->type), iort_type_name(iort->nodes[target].type));
	return 0;
}

static int read_map(struct iort *iort, const struct iort_node *node, struct iort_map *map, bool counts)
{
	uint32_t n = acpi_u32(&iort->table, map->at + MAP_COUNT);

	map->single = acpi_u32(&iort->table, map->at + MAP_FLAGS) & MAP_SINGLE;
	map->to = acpi_u32(&iort->table, map->at + MAP_TO);
	if (!map->single) {
		map->first = acpi_u32(&iort->table, map->at + MAP_FIRST);
		n -= counts && n;
		if (n > UINT32_MAX - map->first || n > UINT32_MAX - map->to)
			return fw_refuse(
				iort->err,
				"IORT: byte 0x%zx: mapping of %u ids from 0x%x to 0x%x runs past 32 bits: the table is "
				"damaged, or a firmware bug",
				map->at, n, map->first, map->to);
		map->last = map->first + n;
	}
	return find_target(iort, node, map);
}

/* @return whether another range of the node begins where `map` ends */
static bool ends_on_another(const struct iort *iort, const struct iort_node *node, const struct iort_map *map)
{
	for (unsigned i = 0; i < node->nmaps && !map->single && map->last > map->first; i++) {
		const struct iort_map *other = &iort->maps[node->first_map + i];

		if (other != map && !other->single && other->first == map->last)
			return true;
	}
	return false;
}

/* Ranges that share ids although their ends were made right. */
static int check_overlaps(struct iort *iort, const struct iort_node *node)
{
	for (unsigned i = 0; i < node->nmaps; i++) {
		const struct iort_map *map = &iort->maps[node->first_map + i];

		for (unsigned j = 0; j < i && !map->single; j++) {
			const struct iort_map *other = &iort->maps[node->first_map + j];

			if (other->single || map->first > other->last || other->first > map->last)
				continue;
			return fw_warn(
				iort->fw,
				"IORT: byte 0x%zx: ids 0x%x to 0x%x of a %s node overlap those of an earlier mapping: the "
				"earlier one counts",
				map->at, map->first, map->last, iort_type_name(node->type));
		}
	}
	return 0;
}

/* Adds to `*shortened`, with the place of the first. */
static int read_node_maps(struct iort *iort, struct iort_node *node, bool counts, unsigned *shortened, size_t *where)
{
	int rc = 0;

	node->first_map = iort->nmaps;
	for (unsigned i = 0; i < node->nmaps && rc == 0; i++) {
		struct iort_map *map = &iort->maps[iort->nmaps++];

		map->at = node->at + node->fixed + (size_t)i * MAP_LEN;
		rc = read_map(iort, node, map, counts);
	}
	for (unsigned i = 0; i < node->nmaps && rc == 0; i++) {
		struct iort_map *map = &iort->maps[node->first_map + i];

		if (!ends_on_another(iort, node, map))
			continue;
		map->last--;
		*where = (*shortened)++ ? *where : map->at;
	}
	return rc < 0 ? rc : check_overlaps(iort, node);
}

/* ---- Loops ------------------------------------------------------------------------------------------------------------- */

static int refuse_chain(struct iort *iort, const struct iort_node *node)
{
	return fw_refuse(
		iort->err,
		"IORT: byte 0x%zx: the mappings of this %s node %s: where its ids end is not to be said; a firmware bug",
		node->at, iort_type_name(node->type),
		node->mark == ON_PATH ? "lead back to it" : "are part of a chain of too many SMMUs");
}

/* `depth` bounds the search, `height` the chain, wherever the search came upon it. */
static int check_chain(struct iort *iort, unsigned index, unsigned depth)
{
	struct iort_node *node = &iort->nodes[index];
	int rc = 0;

	if (node->mark == ON_PATH || depth > IORT_CHAIN_MAX)
		return refuse_chain(iort, node);
	if (node->mark == DONE)
		return 0;
	node->mark = ON_PATH;
	node->height = 1;
	for (unsigned i = 0; i < node->nmaps && rc == 0; i++) {
		const struct iort_map *map = &iort->maps[node->first_map + i];
		const struct iort_node *next = &iort->nodes[map->node];

		if (!iort_is_unit(next))
			continue;
		rc = check_chain(iort, map->node, depth + 1);
		node->height = next->height >= node->height ? next->height + 1 : node->height;
	}
	node->mark = DONE;
	return rc == 0 && node->height > IORT_CHAIN_MAX ? refuse_chain(iort, node) : rc;
}

static int check_chains(struct iort *iort)
{
	int rc = 0;

	for (unsigned i = 0; i < iort->nnodes && rc == 0; i++) {
		if (iort_is_unit(&iort->nodes[i]))
			rc = check_chain(iort, i, 0);
	}
	return rc;
}

int iort_read_maps(struct iort *iort)
{
	bool counts = writes_counts(iort);
	unsigned shortened = 0;
	size_t total = 0, where = 0;
	int rc = 0;

	for (unsigned i = 0; i < iort->nnodes; i++)
		total += iort->nodes[i].nmaps;
	iort->maps = calloc(total + 1, sizeof(*iort->maps));
	if (!iort->maps)
		return -ENOMEM;
	for (unsigned i = 0; i < iort->nnodes && rc == 0; i++)
		rc = read_node_maps(iort, &iort->nodes[i], counts, &shortened, &where);
	if (rc == 0 && counts && total)
		rc = fw_warn(iort->fw,
			     "IORT: this firmware (HISI) writes the number of ids where the number minus one belongs: read so");
	if (rc == 0 && shortened)
		rc = fw_warn(iort->fw,
			     "IORT: byte 0x%zx: %u id ranges end with the id that another begins with: the number of ids was "
			     "written where the number minus one belongs; each ends one id earlier",
			     where, shortened);
	return rc < 0 ? rc : check_chains(iort);
}

/* ---- Composing --------------------------------------------------------------------------------------------------------- */

static int count_piece(struct iort *iort)
{
	if (iort->npieces++ < PIECES_MAX)
		return 0;
	return fw_refuse(iort->err, "IORT: its mappings compose to more than %u id ranges: beyond belief; the table is damaged",
			 PIECES_MAX);
}

/* `piece` has come to node `index`: at an ITS group it ends, at a unit each of that one's mappings takes its part further. */
static int add_msi_pieces(struct iort *iort, unsigned index, struct piommu_fw_id_map piece, struct piommu_fw_id_maps *to_msi)
{
	const struct iort_node *node = &iort->nodes[index];
	uint32_t last = piece.to + (piece.last - piece.first);
	int rc = count_piece(iort);

	if (rc == 0 && node->type == IORT_ITS) {
		piece.target = node->index;
		return fw_append_map(to_msi, &piece);
	}
	for (unsigned i = 0; i < node->nmaps && rc == 0; i++) {
		const struct iort_map *map = &iort->maps[node->first_map + i];
		uint32_t from = piece.to > map->first ? piece.to : map->first;
		uint32_t until = last < map->last ? last : map->last;

		if (map->single || from > until)
			continue;
		rc = add_msi_pieces(iort, map->node,
				    (struct piommu_fw_id_map){
					    .first = piece.first + (from - piece.to),
					    .last = piece.first + (until - piece.to),
					    .to = map->to + (from - map->first),
				    },
				    to_msi);
	}
	return rc;
}

int iort_add_routes(struct iort *iort, const struct iort_map *map, struct piommu_fw_id_maps *to_units,
		    struct piommu_fw_id_maps *to_msi)
{
	const struct iort_node *node = &iort->nodes[map->node];
	struct piommu_fw_id_map piece = {
		.first = map->first,
		.last = map->last,
		.to = map->to,
		.target = iort_is_unit(node) ? node->index : PIOMMU_FW_NONE,
	};
	int rc;

	if (node->type != IORT_ITS && !iort_is_unit(node)) /* of a kind that is not known */
		return 0;
	rc = fw_append_map(to_units, &piece);
	return rc < 0 ? rc : add_msi_pieces(iort, map->node, piece, to_msi);
}

struct piommu_fw_msi_id iort_own_msi(const struct iort *iort, const struct iort_node *node, uint32_t n)
{
	const struct iort_map *map;

	if (n >= node->nmaps)
		return (struct piommu_fw_msi_id){ .known = false };
	map = &iort->maps[node->first_map + n];
	if (!map->single || iort->nodes[map->node].type != IORT_ITS)
		return (struct piommu_fw_msi_id){ .known = false };
	return (struct piommu_fw_msi_id){ true, iort->nodes[map->node].index, map->to };
}
