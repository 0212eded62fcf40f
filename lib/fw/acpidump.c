/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The text that `acpidump` prints, back to tables. Pure; any thread.
 *
 *   DMAR @ 0x0000000079E4B000
 *       0000: 44 4D 41 52 A0 00 00 00 02 16 49 4E 54 45 4C 20  DMAR......INTEL
 *
 * The last column can look like hexadecimal itself, so bytes end at the sixteenth, or where two blanks follow each other.
 * Lines between tables are nobody's and are skipped.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fw_build.h"

#define LINE_BYTES 16u
#define DUMP_TABLE_MAX (64u << 20)

struct line {
	const char *at;
	size_t len;
};

static struct line next_line(const struct piommu_fw_acpidump *dump, size_t *end)
{
	struct line line = { dump->text + dump->at, 0 };
	const char *newline = memchr(line.at, '\n', dump->len - dump->at);

	line.len = newline ? (size_t)(newline - line.at) : dump->len - dump->at;
	*end = dump->at + line.len + (newline ? 1 : 0);
	while (line.len && (line.at[line.len - 1] == '\r' || line.at[line.len - 1] == ' '))
		line.len--;
	return line;
}

static unsigned line_number(const struct piommu_fw_acpidump *dump)
{
	unsigned n = 1;

	for (size_t i = 0; i < dump->at; i++)
		n += dump->text[i] == '\n';
	return n;
}

/* "DMAR @ 0x79e4b000": four visible letters first. */
static bool is_title(struct line line, char sig[5])
{
	if (line.len < 7 || memcmp(line.at + 4, " @ ", 3) != 0)
		return false;
	for (unsigned i = 0; i < 4; i++) {
		if (!isgraph((unsigned char)line.at[i]))
			return false;
	}
	memcpy(sig, line.at, 4);
	sig[4] = '\0';
	return true;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "    0010:", blanks first. `*off` and where the bytes start, or false: no such line. */
static bool is_data(struct line line, size_t *off, size_t *start)
{
	size_t i = 0;
	size_t digits;

	while (i < line.len && (line.at[i] == ' ' || line.at[i] == '\t'))
		i++;
	*off = 0;
	for (digits = 0; i < line.len && hex_digit(line.at[i]) >= 0 && digits < 8; i++, digits++)
		*off = *off << 4 | (size_t)hex_digit(line.at[i]);
	if (digits < 4 || i >= line.len || line.at[i] != ':')
		return false;
	*start = i + 1;
	return true;
}

/* @return bytes stored, or -1: something else than bytes where bytes have to be */
static int parse_bytes(struct line line, size_t start, uint8_t bytes[LINE_BYTES])
{
	unsigned n = 0;

	for (size_t i = start; n < LINE_BYTES && i < line.len; n++, i += 3) {
		int high, low;

		if (line.at[i] != ' ')
			return -1;
		if (i + 1 < line.len && line.at[i + 1] == ' ')
			break;
		if (i + 2 >= line.len || (i + 3 < line.len && line.at[i + 3] != ' '))
			return -1;
		high = hex_digit(line.at[i + 1]);
		low = hex_digit(line.at[i + 2]);
		if (high < 0 || low < 0)
			return -1;
		bytes[n] = (uint8_t)(high << 4 | low);
	}
	return n ? (int)n : -1;
}

/* Grows by doubling: a dump of all tables is some megabytes of text. */
static uint8_t *append_bytes(uint8_t *table, size_t len, const uint8_t *bytes, size_t n)
{
	size_t cap = len < LINE_BYTES ? 0 : LINE_BYTES;

	while (cap && cap < len)
		cap *= 2;
	if (len + n > cap) {
		uint8_t *bigger = realloc(table, cap ? cap * 2 : LINE_BYTES);

		if (!bigger)
			return NULL;
		table = bigger;
	}
	memcpy(table + len, bytes, n);
	return table;
}

/* The data lines after a title. On failure `*table` is still the caller's to free. */
static int read_table(struct piommu_fw_acpidump *dump, const char *sig, uint8_t **table, size_t *len,
		      struct piommu_fw_error *err)
{
	while (dump->at < dump->len) {
		uint8_t bytes[LINE_BYTES];
		size_t end, off, start;
		struct line line = next_line(dump, &end);
		uint8_t *grown;
		int n;

		if (!is_data(line, &off, &start))
			break;
		n = parse_bytes(line, start, bytes);
		if (n < 0 || off != *len || *len % LINE_BYTES || *len > DUMP_TABLE_MAX) {
			int rc = fw_refuse(err, "acpidump text: line %u: %s of table %s at offset 0x%zx: dump the tables again",
					   line_number(dump), n < 0 ? "malformed bytes" : "a line is missing or out of place",
					   sig, off);

			dump->at = end;
			return rc;
		}
		grown = append_bytes(*table, *len, bytes, (size_t)n);
		if (!grown)
			return -ENOMEM;
		*table = grown;
		*len += (size_t)n;
		dump->at = end;
	}
	if (*len)
		return 0;
	return fw_refuse(err, "acpidump text: line %u: table %s has no bytes: dump the tables again", line_number(dump), sig);
}

int piommu_fw_acpidump_next(struct piommu_fw_acpidump *dump, char sig[5], void **bytes, size_t *len,
			    struct piommu_fw_error *err)
{
	while (dump->at < dump->len) {
		uint8_t *table = NULL;
		size_t n = 0;
		char title[5];
		size_t end;
		int rc;
		bool found = is_title(next_line(dump, &end), title);

		dump->at = end;
		if (!found)
			continue;
		rc = read_table(dump, title, &table, &n, err);
		if (rc < 0) {
			free(table);
			return rc;
		}
		memcpy(sig, title, sizeof(title));
		*bytes = table;
		*len = n;
		return 0;
	}
	return -ENOENT;
}
