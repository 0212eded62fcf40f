/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reading an ACPI table: the header's checks, and little-endian fields at any alignment that never leave the table.
 * Internal to lib/fw. ACPI specification 5.2.6.
 */
#ifndef FW_ACPI_H
#define FW_ACPI_H

#include "piommu_fw.h"

#define ACPI_HEADER_LEN 36u
/** The longest table that is believed; the longest seen on a real machine has a few KiB. Bounds the work on a hostile one. */
#define ACPI_TABLE_MAX (256u << 10)

/** A table whose header made sense: all `len` bytes are there. */
struct acpi_table {
	const uint8_t *bytes;
	size_t len;
};

/**
 * Checks signature, length and checksum. `min` is the shortest such a table can be.
 * @return 0; -EINVAL, `err` says why
 */
int acpi_table_open(const void *bytes, size_t len, const char *sig, size_t min, struct acpi_table *out,
		    struct piommu_fw_error *err);

/** A field of `width` bytes; one that leaves the table reads as 0. */
static inline uint64_t acpi_field(const struct acpi_table *table, size_t off, unsigned width)
{
	uint64_t value = 0;

	if (off > table->len || width > table->len - off)
		return 0;
	for (unsigned i = width; i-- > 0;)
		value = value << 8 | table->bytes[off + i];
	return value;
}

static inline uint8_t acpi_u8(const struct acpi_table *table, size_t off)
{
	return (uint8_t)acpi_field(table, off, 1);
}

static inline uint16_t acpi_u16(const struct acpi_table *table, size_t off)
{
	return (uint16_t)acpi_field(table, off, 2);
}

static inline uint32_t acpi_u32(const struct acpi_table *table, size_t off)
{
	return (uint32_t)acpi_field(table, off, 4);
}

static inline uint64_t acpi_u64(const struct acpi_table *table, size_t off)
{
	return acpi_field(table, off, 8);
}

#endif
