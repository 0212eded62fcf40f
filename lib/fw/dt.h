/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A flattened device tree being read. Internal to lib/fw. dt.c checks it and finds things in it, dt_unit.c makes its SMMUs units,
 * dt_source.c the devices in front of them sources, dt_reserved.c reads what memory they need. Devicetree Specification 0.4.
 */
#ifndef FW_DT_H
#define FW_DT_H

#include "fw_build.h"

/** The largest tree that is believed; those of boards have some hundred KiB, QEMU's 1 MiB. */
#define DT_MAX (4u << 20)
#define DT_DEPTH_MAX 32u
#define DT_NO_NODE UINT32_MAX
/** Length of a path in a message. */
#define DT_PATH_LEN 160

struct dt_node {
	int off;
	uint32_t parent; /* index of its node; DT_NO_NODE: it is the root */
	uint32_t phandle;
	bool available; /* neither it nor one above it is disabled */
	bool smmu;      /* of a kind that this version knows, also where it is disabled */
	uint32_t unit;  /* index of the unit that it became */
	uint32_t source;
	uint32_t host;       /* of a PCI host that states no segment: how many such came before */
	uint32_t match_mask; /* of a unit: bits of every id in front of it that do not count */
};

struct dt_phandle {
	uint32_t phandle;
	uint32_t node;
};

struct dt {
	void *blob;
	struct dt_node *nodes;
	uint32_t nnodes;
	struct dt_phandle *phandles; /* by number */
	uint32_t nphandles;
	struct piommu_fw *fw; /* what this tree adds */
	struct piommu_fw_error *err;
	unsigned first_unit; /* units and sources that were there before */
	unsigned nhosts;     /* PCI hosts without a number */
	unsigned ncopied;    /* id maps in reserved memory, bounded */
};

/* A property as 32-bit numbers. */
struct dt_cells {
	bool there;
	const uint8_t *at;
	uint32_t n;
};

/* dt_check.c: the structure of a blob of `total` bytes, at least a header. @return 0 or -EINVAL */
int dt_check(const uint8_t *blob, size_t total, struct piommu_fw_error *err);

/* ---- dt.c -------------------------------------------------------------------------------------------------------------- */

/* Checks all of it and lists its nodes. @return 0, -EINVAL, -ENOMEM; dt_close() in either case */
int dt_open(struct dt *dt, const void *bytes, size_t len);
void dt_close(struct dt *dt);

/* Its path, cut where a message would get too long; only printable letters. Returns `text`. */
char *dt_path(const struct dt *dt, uint32_t node, char text[DT_PATH_LEN]);
/* Its whole path, the caller's to free; NULL: no memory. */
char *dt_path_alloc(const struct dt *dt, uint32_t node);
/* The bytes of a property, or NULL. */
const void *dt_prop(const struct dt *dt, uint32_t node, const char *name, uint32_t *len);
bool dt_has(const struct dt *dt, uint32_t node, const char *name);
/* Whether its DMA snoops: what it says, or the bus above it. */
bool dt_is_coherent(const struct dt *dt, uint32_t node);
/* @return 0, also without such a property; -EINVAL: it is no whole cells */
int dt_cells(const struct dt *dt, uint32_t node, const char *name, struct dt_cells *out);
uint32_t dt_cell(const struct dt_cells *cells, uint32_t n);
/* Up to two cells as one number; of more the last two. */
uint64_t dt_number(const struct dt_cells *cells, uint32_t at, uint32_t n);
/* The property's one cell; `otherwise` where there is none, or something else. */
uint32_t dt_u32(const struct dt *dt, uint32_t node, const char *name, uint32_t otherwise);
/* The nth string of a list, or NULL. */
const char *dt_string(const struct dt *dt, uint32_t node, const char *name, uint32_t n);
/* The node with that phandle, or DT_NO_NODE. */
uint32_t dt_by_phandle(const struct dt *dt, uint32_t phandle);
/* Sizes of the addresses that `node` and its siblings have in `reg`. @return 0 or -EINVAL: more than can be read */
int dt_sizes(const struct dt *dt, uint32_t node, uint32_t *address, uint32_t *size);
/* An address of `node` as the CPUs see it. @return 0; -ENOENT: a bus on the way does not map it */
int dt_translate(const struct dt *dt, uint32_t node, uint64_t *address);

/* ---- the other files: each @return 0, -EINVAL, -ENOMEM ------------------------------------------------------------------- */

int dt_read_units(struct dt *dt);
int dt_read_sources(struct dt *dt);
int dt_read_reserved(struct dt *dt);

#endif
