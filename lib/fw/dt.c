/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A flattened device tree: checked whole before anything in it is used, its nodes and phandles listed once, so that no lookup
 * walks the tree again. First in the flow; pure, any thread. Devicetree Specification 0.4, chapters 2 and 5.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libfdt.h>

#include "dt.h"

#define CELLS_MAX 4u

/* ---- Properties --------------------------------------------------------------------------------------------------------- */

const void *dt_prop(const struct dt *dt, uint32_t node, const char *name, uint32_t *len)
{
	int bytes;
	const void *value = fdt_getprop(dt->blob, dt->nodes[node].off, name, &bytes);

	*len = value ? (uint32_t)bytes : 0;
	return value;
}

bool dt_has(const struct dt *dt, uint32_t node, const char *name)
{
	uint32_t len;

	return dt_prop(dt, node, name, &len) != NULL;
}

bool dt_is_coherent(const struct dt *dt, uint32_t node)
{
	for (; node != DT_NO_NODE; node = dt->nodes[node].parent) {
		if (dt_has(dt, node, "dma-coherent"))
			return true;
		if (dt_has(dt, node, "dma-noncoherent"))
			return false;
	}
	return false;
}

int dt_cells(const struct dt *dt, uint32_t node, const char *name, struct dt_cells *out)
{
	char path[DT_PATH_LEN];
	uint32_t len;

	out->at = dt_prop(dt, node, name, &len);
	out->there = out->at != NULL;
	out->n = len / 4;
	if (len % 4 == 0)
		return 0;
	return fw_refuse(dt->err, "device tree: %s: %s has %u bytes, which are no whole cells of 4: the tree is damaged",
			 dt_path(dt, node, path), name, len);
}

uint32_t dt_cell(const struct dt_cells *cells, uint32_t n)
{
	const uint8_t *at = cells->at + (size_t)n * 4;

	return n < cells->n ? (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3] : 0;
}

uint64_t dt_number(const struct dt_cells *cells, uint32_t at, uint32_t n)
{
	uint64_t value = 0;

	for (uint32_t i = 0; i < n; i++)
		value = value << 32 | dt_cell(cells, at + i);
	return value;
}

uint32_t dt_u32(const struct dt *dt, uint32_t node, const char *name, uint32_t otherwise)
{
	struct dt_cells cells = { .there = true };
	uint32_t len;

	cells.at = dt_prop(dt, node, name, &len);
	cells.n = 1;
	return len == 4 ? dt_cell(&cells, 0) : otherwise;
}

const char *dt_string(const struct dt *dt, uint32_t node, const char *name, uint32_t n)
{
	uint32_t len;
	const char *list = dt_prop(dt, node, name, &len);

	while (len) {
		const char *end = memchr(list, '\0', len);

		if (!end)
			return NULL;
		if (!n--)
			return list;
		len -= (uint32_t)(end + 1 - list);
		list = end + 1;
	}
	return NULL;
}

/* ---- Paths -------------------------------------------------------------------------------------------------------------- */

/* The nodes from below the root to `node`. @return how many */
static unsigned path_nodes(const struct dt *dt, uint32_t node, uint32_t nodes[DT_DEPTH_MAX])
{
	unsigned n = 0;
	uint32_t at = node;

	for (; dt->nodes[at].parent != DT_NO_NODE && n < DT_DEPTH_MAX; at = dt->nodes[at].parent)
		n++;
	at = node;
	for (unsigned i = n; i-- > 0; at = dt->nodes[at].parent)
		nodes[i] = at;
	return n;
}

/* As much of `name` as fits, and in place of what cannot be printed a question mark. @return how long it would be */
static size_t append(char *text, size_t len, size_t used, const char *name)
{
	for (; *name; name++, used++)
		if (used + 1 < len)
			text[used] = *name > 0x20 && *name < 0x7f ? *name : '?';
	text[used < len ? used : len - 1] = 0;
	return used;
}

static size_t write_path(const struct dt *dt, uint32_t node, char *text, size_t len)
{
	uint32_t nodes[DT_DEPTH_MAX];
	unsigned n = path_nodes(dt, node, nodes);
	size_t used = 0;

	for (unsigned i = 0; i < n; i++) {
		const char *name = fdt_get_name(dt->blob, dt->nodes[nodes[i]].off, NULL);

		used = append(text, len, append(text, len, used, "/"), name ? name : "?");
	}
	return n ? used : append(text, len, used, "/");
}

char *dt_path(const struct dt *dt, uint32_t node, char text[DT_PATH_LEN])
{
	write_path(dt, node, text, DT_PATH_LEN);
	return text;
}

char *dt_path_alloc(const struct dt *dt, uint32_t node)
{
	char probe[1];
	size_t len = write_path(dt, node, probe, sizeof(probe)) + 1;
	char *text = malloc(len);

	if (text)
		write_path(dt, node, text, len);
	return text;
}

/* ---- Phandles ----------------------------------------------------------------------------------------------------------- */

static int compare_phandles(const void *a, const void *b)
{
	const struct dt_phandle *left = a, *right = b;

	if (left->phandle != right->phandle)
		return left->phandle < right->phandle ? -1 : 1;
	return left->node < right->node ? -1 : left->node > right->node;
}

static int list_phandles(struct dt *dt)
{
	dt->phandles = calloc(dt->nnodes, sizeof(*dt->phandles));
	if (!dt->phandles)
		return -ENOMEM;
	for (uint32_t node = 0; node < dt->nnodes; node++) {
		if (dt->nodes[node].phandle && dt->nodes[node].phandle != UINT32_MAX)
			dt->phandles[dt->nphandles++] = (struct dt_phandle){ dt->nodes[node].phandle, node };
	}
	qsort(dt->phandles, dt->nphandles, sizeof(*dt->phandles), compare_phandles);
	for (uint32_t i = 1; i < dt->nphandles; i++) {
		char first[DT_PATH_LEN], second[DT_PATH_LEN];

		if (dt->phandles[i].phandle != dt->phandles[i - 1].phandle)
			continue;
		return fw_refuse(dt->err,
				 "device tree: phandle 0x%x is both %.80s's and %.80s's: who is meant by it is not known",
				 dt->phandles[i].phandle, dt_path(dt, dt->phandles[i - 1].node, first),
				 dt_path(dt, dt->phandles[i].node, second));
	}
	return 0;
}

uint32_t dt_by_phandle(const struct dt *dt, uint32_t phandle)
{
	uint32_t low = 0, high = dt->nphandles;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (dt->phandles[mid].phandle == phandle)
			return dt->phandles[mid].node;
		if (dt->phandles[mid].phandle < phandle)
			low = mid + 1;
		else
			high = mid;
	}
	return DT_NO_NODE;
}

/* ---- Opening ------------------------------------------------------------------------------------------------------------ */

static bool is_enabled(const struct dt *dt, uint32_t node)
{
	const char *status = dt_string(dt, node, "status", 0);

	return !status || strcmp(status, "okay") == 0 || strcmp(status, "ok") == 0;
}

static int add_node(struct dt *dt, int off, int depth, uint32_t above[DT_DEPTH_MAX])
{
	struct dt_node *grown = dt->nodes;
	uint32_t node = dt->nnodes;

	if (!(node & (node - 1))) /* room for a power of two of them */
		grown = reallocarray(dt->nodes, node ? node * 2u : 1u, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	dt->nodes = grown;
	grown[node] = (struct dt_node){
		.off = off,
		.parent = depth ? above[depth - 1] : DT_NO_NODE,
		.phandle = fdt_get_phandle(dt->blob, off),
		.unit = PIOMMU_FW_NONE,
		.source = PIOMMU_FW_NONE,
	};
	grown[node].available = (!depth || grown[above[depth - 1]].available) && is_enabled(dt, node);
	above[depth] = node;
	dt->nnodes++;
	return 0;
}

static int list_nodes(struct dt *dt)
{
	uint32_t above[DT_DEPTH_MAX] = { 0 };
	int depth = 0;
	int rc = 0;

	for (int off = 0; off >= 0 && depth >= 0 && rc == 0; off = fdt_next_node(dt->blob, off, &depth))
		rc = add_node(dt, off, depth, above);
	return rc;
}

/* Checked once, and from then on relied on: on a copy, aligned as libfdt wants it, that nobody changes. */
int dt_open(struct dt *dt, const void *bytes, size_t len)
{
	struct fdt_header header;
	size_t total;
	int rc;

	if (len < sizeof(header))
		return fw_refuse(dt->err, "device tree: %zu bytes are less than the %zu of a header: read the whole tree", len,
				 sizeof(header));
	memcpy(&header, bytes, sizeof(header));
	if (fdt32_to_cpu(header.magic) != FDT_MAGIC)
		return fw_refuse(dt->err,
				 "device tree: byte 0x0: 0x%08x is not a device tree's magic number 0x%08x: this is none",
				 fdt32_to_cpu(header.magic), FDT_MAGIC);
	total = fdt32_to_cpu(header.totalsize);
	if (total > len || total < sizeof(header))
		return fw_refuse(dt->err, "device tree: byte 0x4: length %zu, but %zu bytes are there: read the whole tree",
				 total, len);
	if (total > DT_MAX)
		return fw_refuse(dt->err, "device tree: byte 0x4: length %zu is beyond belief (more than %u): it is damaged",
				 total, DT_MAX);
	dt->blob = malloc(total);
	if (!dt->blob)
		return -ENOMEM;
	memcpy(dt->blob, bytes, total);
	rc = dt_check(dt->blob, total, dt->err);
	if (rc < 0)
		return rc;
	rc = fdt_check_full(dt->blob, total);
	if (rc)
		return fw_refuse(dt->err,
				 "device tree: libfdt finds its structure broken (%s): the tree is damaged, read it again",
				 fdt_strerror(rc));
	rc = list_nodes(dt);
	return rc < 0 ? rc : list_phandles(dt);
}

void dt_close(struct dt *dt)
{
	free(dt->phandles);
	free(dt->nodes);
	free(dt->blob);
}

/* ---- Addresses ---------------------------------------------------------------------------------------------------------- */

int dt_sizes(const struct dt *dt, uint32_t node, uint32_t *address, uint32_t *size)
{
	uint32_t bus = dt->nodes[node].parent;

	if (bus == DT_NO_NODE)
		return -EINVAL;
	*address = dt_u32(dt, bus, "#address-cells", 2);
	*size = dt_u32(dt, bus, "#size-cells", 1);
	return *address && *address <= CELLS_MAX && *size <= CELLS_MAX ? 0 : -EINVAL;
}

/* One bus up. Addresses of more than two cells (PCI) have no place here: no SMMU is behind such a bus. */
static int translate_step(const struct dt *dt, uint32_t bus, uint32_t child, uint64_t *address)
{
	uint32_t na, ns, up, unused, entry;
	struct dt_cells ranges;

	if (dt_cells(dt, bus, "ranges", &ranges) < 0 || !ranges.there)
		return -ENOENT;
	if (!ranges.n)
		return 0;
	if (dt_sizes(dt, child, &na, &ns) < 0 || dt_sizes(dt, bus, &up, &unused) < 0 || na > 2 || ns > 2 || up > 2)
		return -ENOENT;
	entry = na + up + ns;
	for (uint32_t at = 0; ranges.n - at >= entry; at += entry) {
		uint64_t from = dt_number(&ranges, at, na);
		uint64_t to = dt_number(&ranges, at + na, up);
		uint64_t len = dt_number(&ranges, at + na + up, ns);

		if (*address < from || *address - from >= len)
			continue;
		*address = to + (*address - from);
		return 0;
	}
	return -ENOENT;
}

int dt_translate(const struct dt *dt, uint32_t node, uint64_t *address)
{
	uint32_t child = node;
	uint32_t bus = dt->nodes[node].parent;
	int rc = 0;

	for (; bus != DT_NO_NODE && dt->nodes[bus].parent != DT_NO_NODE && rc == 0; bus = dt->nodes[bus].parent) {
		rc = translate_step(dt, bus, child, address);
		child = bus;
	}
	return rc;
}

/* ---- The whole ---------------------------------------------------------------------------------------------------------- */

int piommu_fw_parse_fdt(const void *bytes, size_t len, struct piommu_fw *fw, struct piommu_fw_error *err)
{
	struct piommu_fw added = { 0 };
	struct dt dt = { .fw = &added, .err = err, .first_unit = fw->nunits };
	int rc = dt_open(&dt, bytes, len);

	if (rc == 0)
		rc = dt_read_units(&dt);
	if (rc == 0 && added.nunits)
		rc = dt_read_sources(&dt);
	if (rc == 0 && added.nunits)
		rc = dt_read_reserved(&dt);
	if (rc == 0)
		rc = fw_merge(fw, &added);
	if (rc < 0)
		piommu_fw_free(&added);
	dt_close(&dt);
	return rc;
}
