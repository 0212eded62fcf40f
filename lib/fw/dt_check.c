/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A device tree blob's structure, checked before libfdt sees it: its own full check (1.6) follows a property of almost 4 GiB
 * backwards for ever, and dereferences names that are not there. Pure; any thread. Devicetree Specification 0.4, chapter 5.
 */
#include <errno.h>
#include <string.h>

#include <libfdt.h>

#include "dt.h"

/* The first to state the sizes of both blocks; dtc has written it since 2006. */
#define VERSION_MIN 17u
/* The specification has 31 letters and an address. Bounds paths, and what they take. */
#define NAME_LEN_MAX 255u

struct check {
	const uint8_t *structure;
	size_t size;
	const uint8_t *strings;
	size_t strings_size;
	size_t offset; /* of the structure in the blob, for messages */
	size_t at;
	unsigned depth;
	unsigned nroots;
	struct piommu_fw_error *err;
};

static uint32_t word(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static int damaged(const struct check *check, size_t at, const char *what)
{
	return fw_refuse(check->err, "device tree: byte 0x%zx: %s: the tree is damaged, read it again", check->offset + at,
			 what);
}

/* Steps over `len` bytes and what fills them up to whole cells. */
static int step(struct check *check, size_t start, size_t len)
{
	size_t left = check->size - check->at;

	if (len > left || (4 - len % 4) % 4 > left - len)
		return damaged(check, start, "a name or a property runs past the structure");
	check->at += len + (4 - len % 4) % 4;
	return 0;
}

static int check_node(struct check *check, size_t start)
{
	const uint8_t *name = check->structure + check->at;
	const uint8_t *end = memchr(name, '\0', check->size - check->at);

	if (!end)
		return damaged(check, start, "a node's name has no end");
	if (!check->depth && (check->nroots++ || end != name))
		return damaged(check, start, "a second root, or one with a name");
	if ((size_t)(end - name) > NAME_LEN_MAX)
		return damaged(check, start, "a node's name is beyond belief");
	if (check->depth++ == DT_DEPTH_MAX)
		return damaged(check, start, "nodes are nested too deep");
	return step(check, start, (size_t)(end - name) + 1);
}

static int check_property(struct check *check, size_t start)
{
	uint32_t len, name;

	if (!check->depth || check->size - check->at < 8)
		return damaged(check, start, "a property outside every node, or cut");
	len = word(check->structure + check->at);
	name = word(check->structure + check->at + 4);
	check->at += 8;
	if (name >= check->strings_size || !memchr(check->strings + name, '\0', check->strings_size - name))
		return damaged(check, start, "a property's name is not among the strings");
	return step(check, start, len);
}

/* @return 1: the end was reached; 0: go on; -EINVAL */
static int check_token(struct check *check)
{
	size_t start = check->at;

	if (check->size - check->at < 4)
		return damaged(check, start, "the structure has no end");
	check->at += 4;
	switch (word(check->structure + start)) {
	case FDT_NOP:
		return 0;
	case FDT_BEGIN_NODE:
		return check_node(check, start);
	case FDT_PROP:
		return check_property(check, start);
	case FDT_END_NODE:
		return check->depth-- ? 0 : damaged(check, start, "a node ends that did not begin");
	case FDT_END:
		return !check->depth && check->nroots ? 1
						      : damaged(check, start, "the structure ends amid a node, or has none");
	default:
		return damaged(check, start, "something that is neither node nor property");
	}
}

/* A block of the header: inside the blob. */
static bool inside(size_t total, size_t offset, size_t size)
{
	return offset >= sizeof(struct fdt_header) && offset <= total && size <= total - offset;
}

int dt_check(const uint8_t *blob, size_t total, struct piommu_fw_error *err)
{
	struct check check = { .err = err };
	int rc = 0;

	if (fdt_version(blob) < VERSION_MIN || fdt_last_comp_version(blob) > VERSION_MIN)
		return fw_refuse(err,
				 "device tree: byte 0x14: version %u of the format cannot be read (%u can): compile it again",
				 fdt_version(blob), VERSION_MIN);
	if (!inside(total, fdt_off_dt_struct(blob), fdt_size_dt_struct(blob)) ||
	    !inside(total, fdt_off_dt_strings(blob), fdt_size_dt_strings(blob)) || fdt_off_dt_struct(blob) % 4)
		return fw_refuse(err, "device tree: byte 0x8: a block that the header names is not in the tree: it is damaged");
	check.offset = fdt_off_dt_struct(blob);
	check.structure = blob + check.offset;
	check.size = fdt_size_dt_struct(blob);
	check.strings = blob + fdt_off_dt_strings(blob);
	check.strings_size = fdt_size_dt_strings(blob);
	while (rc == 0)
		rc = check_token(&check);
	return rc < 0 ? rc : 0;
}
