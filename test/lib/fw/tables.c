/* SPDX-License-Identifier: BSD-3-Clause */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tables.h"

/* VT-d specification, chapter 8: the structures in the order of their types, each written out by hand. */
const uint8_t table_all_kinds[] = {
	DMAR_HEADER(0x2e, 0x05), /* 47 bits; INTR_REMAP, DMA_CTRL_PLATFORM_OPT_IN */

	/* 0x30 DRHD: 16 pages of registers at 0xfc800000, segment 0; 00:02.0 */
	0, 0, 24, 0, 0x00, 4, 0, 0, 0x00, 0x00, 0x80, 0xfc, 0, 0, 0, 0, /**/
	1, 8, 0, 0, 0, 0, 0x02, 0,
	/* 0x48 DRHD: above 4 GiB, segment 0x1234; bridge 80:01.0 and, two hops, what is at 80:1c.7 / 03.1: 10 bytes */
	0, 0, 34, 0, 0x00, 0, 0x34, 0x12, 0x00, 0x10, 0x00, 0x00, 0xef, 0xcd, 0xab, 0x00, /**/
	2, 8, 0, 0, 0, 0x80, 0x01, 0,                                                     /**/
	1, 10, 0, 0, 0, 0x80, 0x1c, 7, 0x03, 1,
	/* 0x6a, off alignment: DRHD with INCLUDE_PCI_ALL; I/O APIC 2 at f0:1e.7 (byte 2 not 0), HPET 0, ACPI device 9 */
	0, 0, 40, 0, 0x01, 0, 0, 0, 0x00, 0x10, 0xd9, 0xfe, 0, 0, 0, 0, /**/
	3, 8, 2, 0, 2, 0xf0, 0x1e, 7,                                   /**/
	4, 8, 0, 0, 0, 0x00, 0x1e, 6,                                   /**/
	5, 8, 0, 0, 9, 0x00, 0x15, 1,
	/* 0x92 RMRR: 0x7b800000 to 0x7fffffff for 00:02.0 */
	1, 0, 32, 0, 0, 0, 0, 0, 0x00, 0x00, 0x80, 0x7b, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0, /**/
	1, 8, 0, 0, 0, 0, 0x02, 0,
	/* 0xb2 ATSR: root port 00:07.0, not all ports */
	2, 0, 16, 0, 0x00, 0, 0, 0, /**/
	2, 8, 0, 0, 0, 0, 0x07, 0,
	/* 0xc2 RHSA: the unit at 0xfed91000 is near domain 1 */
	3, 0, 20, 0, 0, 0, 0, 0, 0x00, 0x10, 0xd9, 0xfe, 0, 0, 0, 0, 1, 0, 0, 0,
	/* 0xd6 unknown type 0x51, 7 bytes */
	0x51, 0, 7, 0, 0xaa, 0xbb, 0xcc,
	/* 0xdd ANDD: device 9 is \_SB.I2C1 */
	4, 0, 18, 0, 0, 0, 0, 9, '\\', '_', 'S', 'B', '.', 'I', '2', 'C', '1', 0,
	/* 0xef SATC: 00:02.0 must have its translation cache on */
	5, 0, 16, 0, 0x01, 0, 0, 0, /**/
	1, 8, 0, 0, 0, 0, 0x02, 0,
	/* 0xff SIDP: properties of 00:02.0 */
	6, 0, 16, 0, 0, 0, 0, 0, /**/
	1, 8, 0x1f, 0, 0, 0, 0x02, 0
};
const size_t table_all_kinds_len = sizeof(table_all_kinds);

void table_seal(uint8_t *bytes, size_t len)
{
	uint8_t sum = 0;

	for (unsigned i = 0; i < 4; i++)
		bytes[4 + i] = (uint8_t)(len >> 8 * i);
	bytes[9] = 0;
	for (size_t i = 0; i < len; i++)
		sum = (uint8_t)(sum + bytes[i]);
	bytes[9] = (uint8_t)-sum;
}

struct table table_make(const char *name, const uint8_t *bytes, size_t len)
{
	struct table table = { .bytes = malloc(len), .len = len };

	snprintf(table.name, sizeof(table.name), "%s", name);
	memcpy(table.bytes, bytes, len);
	table_seal(table.bytes, len);
	return table;
}

void table_free(struct table *table)
{
	free(table->bytes);
	table->bytes = NULL;
}

static int is_bin(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return dot && strcmp(dot, ".bin") == 0;
}

static bool read_table(const char *dir, const char *name, struct table *out)
{
	char *path;
	long len;
	FILE *file;
	bool good = false;

	if (asprintf(&path, "%s/%s", dir, name) < 0)
		return false;
	file = fopen(path, "rb");
	free(path);
	if (!file)
		return false;
	if (fseek(file, 0, SEEK_END) == 0 && (len = ftell(file)) > 0 && fseek(file, 0, SEEK_SET) == 0) {
		snprintf(out->name, sizeof(out->name), "%s", name);
		out->len = (size_t)len;
		out->bytes = malloc(out->len);
		good = fread(out->bytes, 1, out->len, file) == out->len;
	}
	fclose(file);
	return good;
}

struct tables tables_of_corpus(const char *corpus_dir)
{
	struct tables tables = { NULL, 0 };
	struct dirent **names;
	char dir[4000];
	int n;

	snprintf(dir, sizeof(dir), "%s/tables/DMAR", corpus_dir);
	n = scandir(dir, &names, is_bin, alphasort);
	if (n < 0)
		return tables;
	tables.at = calloc((size_t)n + 1, sizeof(*tables.at));
	for (int i = 0; i < n; i++) {
		if (read_table(dir, names[i]->d_name, &tables.at[tables.n]))
			tables.n++;
		free(names[i]);
	}
	free(names);
	return tables;
}

void tables_free(struct tables *tables)
{
	for (unsigned i = 0; i < tables->n; i++)
		table_free(&tables->at[i]);
	free(tables->at);
	*tables = (struct tables){ NULL, 0 };
}
