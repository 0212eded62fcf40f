/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The ACPI tables that QEMU made for the firmware it never runs: read through fw_cfg's DMA interface into guest RAM and put
 * together by its loader script (allocate, add pointer, add checksum), as the firmware would. QEMU: docs/specs/fw_cfg.rst,
 * ACPI Specification 6.5, section 5.2.
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "qtest_machine.h"

#define DMA_READ 2u
#define DMA_SELECT 8u
#define SELECT_DIRECTORY 0x19u

#define NAME_BYTES 56u

struct fw_dma {
	uint32_t control; /* big-endian, all three */
	uint32_t len;
	uint64_t address;
};

struct fw_file {
	uint32_t size; /* big-endian */
	uint16_t select;
	uint16_t reserved;
	char name[NAME_BYTES];
};

/* One command of etc/table-loader; little-endian. */
enum loader_command {
	LOADER_ALLOCATE = 1,
	LOADER_ADD_POINTER,
	LOADER_ADD_CHECKSUM,
};

#define LOADER_BYTES 128u

#define SDT_LEN 4u
#define SDT_HEADER 36u
#define RSDP_BYTES 20u
#define RSDP_REVISION 15u
#define RSDP_RSDT 16u
#define RSDP_XSDT 24u /* from revision 2 on */
#define RSDP_XSDT_BYTES 36u

static uint32_t load32(const void *at)
{
	uint32_t v;

	memcpy(&v, at, sizeof(v));
	return le32toh(v);
}

static uint64_t load64(const void *at)
{
	uint64_t v;

	memcpy(&v, at, sizeof(v));
	return le64toh(v);
}

/* One transfer out of the selected item, into guest RAM behind the request. */
static int fetch(struct qtest *qt, uint16_t select, size_t len, struct piommu_mem *out)
{
	struct piommu_mem request;
	volatile struct fw_dma *dma;
	int rc = qtest_mem_alloc(&qt->plat, sizeof(struct fw_dma), 0, -1, &request);

	if (rc || (rc = qtest_mem_alloc(&qt->plat, len, 0, -1, out)))
		return rc;
	dma = request.va;
	dma->control = htobe32((uint32_t)select << 16 | DMA_SELECT | DMA_READ);
	dma->len = htobe32((uint32_t)len);
	dma->address = htobe64(out->pa);
	qt->board->fw_request(qt, request.pa);
	qtest_drain(&qt->link);
	rc = dma->control ? -EIO : 0; /* cleared when done; the error bit otherwise */
	qtest_mem_free(&qt->plat, &request);
	out->len = len;
	return rc;
}

static struct qtest_file *file_named(struct qtest *qt, const char *name)
{
	for (unsigned i = 0; i < qt->nfile; i++)
		if (!strncmp(qt->file[i].name, name, NAME_BYTES))
			return &qt->file[i];
	return NULL;
}

/* Finds `name` in the directory and reads it. */
static int read_file(struct qtest *qt, const struct piommu_mem *directory, const char *name)
{
	const struct fw_file *entry = (const void *)((const char *)directory->va + 4);
	size_t n = (directory->len - 4) / sizeof(*entry);
	struct qtest_file *file = &qt->file[qt->nfile];

	if (file_named(qt, name))
		return 0;
	if (qt->nfile == QTEST_FILE_MAX)
		return -ENOSPC;
	for (size_t i = 0; i < n; i++) {
		int rc;

		if (strncmp(entry[i].name, name, NAME_BYTES))
			continue;
		rc = fetch(qt, be16toh(entry[i].select), be32toh(entry[i].size), &file->mem);
		if (rc)
			return rc;
		memcpy(file->name, entry[i].name, NAME_BYTES);
		qt->nfile++;
		return 0;
	}
	return -ENOENT;
}

static int read_directory(struct qtest *qt, struct piommu_mem *out)
{
	struct piommu_mem count;
	int rc = fetch(qt, SELECT_DIRECTORY, 4, &count);
	uint32_t n;

	if (rc)
		return rc;
	memcpy(&n, count.va, sizeof(n));
	n = be32toh(n);
	if (n > 1024)
		return -EBADMSG;
	return fetch(qt, SELECT_DIRECTORY, 4 + n * sizeof(struct fw_file), out);
}

static bool inside(const struct qtest_file *file, uint32_t off, uint32_t len)
{
	return off <= file->mem.len && len <= file->mem.len - off;
}

/* The pointer in `to` holds an offset into `from`: makes it an address. */
static int add_pointer(struct qtest *qt, const uint8_t *arg)
{
	struct qtest_file *to = file_named(qt, (const char *)arg), *from = file_named(qt, (const char *)arg + NAME_BYTES);
	uint32_t off = load32(arg + 2 * NAME_BYTES);
	uint8_t size = arg[2 * NAME_BYTES + 4];
	uint64_t value = 0;

	if (!to || !from || size > sizeof(value) || !inside(to, off, size))
		return -EBADMSG;
	memcpy(&value, (char *)to->mem.va + off, size);
	value = htole64(le64toh(value) + from->mem.pa);
	memcpy((char *)to->mem.va + off, &value, size);
	return 0;
}

uint8_t qtest_fw_sum(const uint8_t *bytes, size_t len)
{
	uint8_t total = 0;

	while (len--)
		total = (uint8_t)(total + *bytes++);
	return total;
}

static int add_checksum(struct qtest *qt, const uint8_t *arg)
{
	struct qtest_file *file = file_named(qt, (const char *)arg);
	uint32_t off = load32(arg + NAME_BYTES), start = load32(arg + NAME_BYTES + 4), len = load32(arg + NAME_BYTES + 8);
	uint8_t *bytes;

	if (!file || !inside(file, start, len) || !inside(file, off, 1))
		return -EBADMSG;
	bytes = file->mem.va;
	bytes[off] = (uint8_t)(bytes[off] - qtest_fw_sum(bytes + start, len));
	return 0;
}

static int run_loader(struct qtest *qt, const struct piommu_mem *directory)
{
	const struct qtest_file *script;
	int rc = read_file(qt, directory, "etc/table-loader");

	if (rc)
		return rc;
	script = file_named(qt, "etc/table-loader");
	for (size_t off = 0; !rc && off + LOADER_BYTES <= script->mem.len; off += LOADER_BYTES) {
		const uint8_t *command = (const uint8_t *)script->mem.va + off;

		switch (load32(command)) {
		case LOADER_ALLOCATE:
			rc = read_file(qt, directory, (const char *)command + 4);
			break;
		case LOADER_ADD_POINTER:
			rc = add_pointer(qt, command + 4);
			break;
		case LOADER_ADD_CHECKSUM:
			rc = add_checksum(qt, command + 4);
			break;
		default: /* others tell QEMU where tables went: nobody asks */
			break;
		}
	}
	return rc;
}

/* The table of tables: the XSDT, whose entries have 8 bytes, where there is one, else the RSDT. */
static const uint8_t *root_table(struct qtest *qt, unsigned *entry_len)
{
	const struct qtest_file *rsdp = file_named(qt, "etc/acpi/rsdp");
	const uint8_t *bytes = rsdp ? rsdp->mem.va : NULL;

	if (!bytes || !inside(rsdp, 0, RSDP_BYTES))
		return NULL;
	*entry_len = bytes[RSDP_REVISION] >= 2 && inside(rsdp, 0, RSDP_XSDT_BYTES) ? 8 : 4;
	return qtest_mem_at(&qt->plat, *entry_len == 8 ? load64(bytes + RSDP_XSDT) : load32(bytes + RSDP_RSDT), SDT_HEADER);
}

const uint8_t *qtest_fw_find(struct qtest *qt, const char sig[4], unsigned nth, size_t *len)
{
	unsigned entry_len = 4;
	const uint8_t *root = root_table(qt, &entry_len);
	uint32_t end = root ? load32(root + SDT_LEN) : 0;

	for (uint32_t off = SDT_HEADER; off + entry_len <= end; off += entry_len) {
		uint64_t pa = entry_len == 8 ? load64(root + off) : load32(root + off);
		const uint8_t *table = qtest_mem_at(&qt->plat, pa, SDT_HEADER);

		if (!table || memcmp(table, sig, 4) || nth--)
			continue;
		*len = load32(table + SDT_LEN);
		return qtest_fw_sum(table, *len) ? NULL : table;
	}
	return NULL;
}

int qtest_fw_setup(struct qtest *qt)
{
	struct piommu_mem directory;
	int rc = read_directory(qt, &directory);

	if (!rc)
		rc = run_loader(qt, &directory);
	if (!rc && qt->board->fw_amend)
		rc = qt->board->fw_amend(qt);
	return rc;
}

void qtest_fw_release(struct qtest *qt)
{
	free(qt->dmar);
}

int qtest_fw_table(struct piommu_platform *plat, const char sig[4], unsigned nth, const void **bytes, size_t *len)
{
	struct qtest *qt = (struct qtest *)plat;
	const uint8_t *table;

	if (qt->dmar && !memcmp(sig, "DMAR", 4) && !nth) {
		*bytes = qt->dmar;
		*len = qt->dmar_len;
		return 0;
	}
	table = qtest_fw_find(qt, sig, nth, len);
	*bytes = table;
	return table ? 0 : -ENOENT;
}
