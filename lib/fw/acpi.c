/* SPDX-License-Identifier: BSD-3-Clause */
/* What every ACPI table has in common: its header. Pure; any thread. ACPI specification 5.2.6. */
#include <errno.h>
#include <string.h>

#include "acpi.h"
#include "fw_build.h"

enum {
	HEADER_LENGTH = 4,
	HEADER_CHECKSUM = 9,
};

static uint8_t byte_sum(const uint8_t *bytes, size_t len)
{
	uint8_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum = (uint8_t)(sum + bytes[i]);
	return sum;
}

int acpi_table_open(const void *bytes, size_t len, const char *sig, size_t min, struct acpi_table *out,
		    struct piommu_fw_error *err)
{
	const struct acpi_table table = { bytes, len };
	uint32_t stated = acpi_u32(&table, HEADER_LENGTH);
	uint8_t sum;

	if (len < ACPI_HEADER_LEN)
		return fw_refuse(err, "%s: %zu bytes are less than the %u of a table header: read the whole table", sig, len,
				 ACPI_HEADER_LEN);
	if (memcmp(bytes, sig, 4) != 0)
		return fw_refuse(err,
				 "%s: byte 0x0: signature %02x %02x %02x %02x is not \"%s\": this is another table, or none",
				 sig, table.bytes[0], table.bytes[1], table.bytes[2], table.bytes[3], sig);
	if (stated < min)
		return fw_refuse(
			err, "%s: byte 0x4: length %u is less than the %zu that the table's fixed part takes: it is damaged",
			sig, stated, min);
	if (stated > len)
		return fw_refuse(err, "%s: byte 0x4: length %u, but only %zu bytes are there: read the whole table", sig,
				 stated, len);
	if (stated > ACPI_TABLE_MAX)
		return fw_refuse(err, "%s: byte 0x4: length %u is beyond belief (more than %u): the table is damaged", sig,
				 stated, ACPI_TABLE_MAX);
	sum = byte_sum(table.bytes, stated);
	if (sum)
		return fw_refuse(err,
				 "%s: byte 0x9: bad checksum: the bytes add up to 0x%02x, not 0: the table is damaged, read it "
				 "again (if it was edited on purpose, make this byte 0x%02x)",
				 sig, sum, (uint8_t)(table.bytes[HEADER_CHECKSUM] - sum));
	*out = (struct acpi_table){ bytes, stated };
	return 0;
}
