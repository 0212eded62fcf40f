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

/* Little-endian fields. */
#define W2(value) (uint8_t)(value), (uint8_t)((value) >> 8)
#define W4(value) W2(value), W2((value) >> 16)
#define W8(value) W4((value)&0xffffffffull), W4((value) >> 32)
#define NODE(type, len, revision, nmaps, maps) (type), W2(len), (revision), W4(0), W4(nmaps), W4(maps)
#define MAP(first, n, to, reference, flags) W4(first), W4(n), W4(to), W4(reference), W4(flags)

/* Arm DEN0049E.f: the header, and each node with its fields in the specification's order. */
const uint8_t table_iort_kinds[] = {
	'I',
	'O',
	'R',
	'T',
	0,
	0,
	0,
	0,
	5,
	0,
	'P',
	'I',
	'O',
	'M',
	'M',
	'U',
	'T',
	'E',
	'S',
	'T',
	'T',
	'A',
	'B',
	'L',
	1,
	0,
	0,
	0,
	'H',
	'A',
	'N',
	'D',
	1,
	0,
	0,
	0,
	W4(9),
	W4(48),
	W4(0),

	/* 0x30 ITS group of ITS 3 and 4 */
	NODE(0, 28, 1, 0, 0),
	W4(2),
	W4(3),
	W4(4),
	/* 0x4c SMMUv3: coherent, HTTU override 2, proximity domain 1, own MSIs by mapping 1 */
	NODE(4, 108, 5, 2, 68),
	W8(0x2b400000ull),
	W4(0x1d),
	W4(0),
	W8(0x1122334455ull),
	W4(0), /**/
	W4(0x6a),
	W4(0),
	W4(0x6d),
	W4(0x6c),
	W4(1),
	W4(1), /**/
	MAP(0x0, 0xffff, 0x10000, 0x30, 0),
	MAP(0, 0, 0xbeef, 0x30, 1),
	/* 0xb8 SMMUv2, MMU-500: coherent walks, DVM; 2 context interrupts, one by edge; 1 of counters; maps to the ITS, too */
	NODE(3, 120, 0, 1, 100),
	W8(0xa00000000ull),
	W8(0x200000ull),
	W4(3),
	W4(3), /**/
	W4(60),
	W4(2),
	W4(76),
	W4(1),
	W4(92), /**/
	W4(0x21),
	W4(0),
	W4(0x22),
	W4(1),
	W4(0x30),
	W4(0),
	W4(0x31),
	W4(1),
	W4(0x40),
	W4(0), /**/
	MAP(0x0, 0x7f, 0x20000, 0x30, 0),
	/* 0x130, 0x2e past a boundary: root complex of segment 2, revision 4: 48 address bits, ATS, PASIDs of 20 bits */
	NODE(2, 100, 4, 3, 40),
	W4(1),
	0xf,
	W2(0),
	3,
	W4(1),
	W4(2),
	48,
	W2(20),
	0,
	W4(1), /**/
	MAP(0x0, 0xff, 0x100, 0x4c, 0),
	MAP(0x100, 0x7f, 0x0, 0xb8, 0),
	MAP(0x8000, 0x1, 0x500, 0x30, 0),
	/* 0x194 named component, name of 10 bytes: what follows is off alignment; stall, PASIDs of 5 bits, 40 address bits */
	NODE(1, 79, 4, 2, 39),
	W4(0xb),
	W4(0),
	0,
	W2(0),
	0,
	40,
	'\\',
	'_',
	'S',
	'B',
	'.',
	'G',
	'P',
	'U',
	'0',
	0, /**/
	MAP(0, 0, 0x42, 0xb8, 1),
	MAP(0, 0, 0x43, 0xb8, 1),
	/* 0x1e3 unknown type 0x51 */
	NODE(0x51, 17, 0, 0, 0),
	0xaa,
	/* 0x1f4 PMCG of the SMMUv3, its overflow by an MSI */
	NODE(5, 60, 2, 1, 40),
	W8(0x2b420000ull),
	W4(0),
	W4(0x4c),
	W8(0x2b430000ull), /**/
	MAP(0, 0, 0xcafe, 0x30, 1),
	/* 0x230 RMR: remap permitted, attributes 5; two spans; ids 0x42 and 0x43 at the SMMUv2 */
	NODE(6, 88, 3, 1, 68),
	W4(0x15),
	W4(2),
	W4(28), /**/
	W8(0x80000000ull),
	W8(0x10000ull),
	W4(0),
	W8(0xfd0000000ull),
	W8(0x20000ull),
	W4(0), /**/
	MAP(0, 1, 0x42, 0xb8, 0),
	/* 0x288 SMMUv3 of the oldest form, 60 bytes, Cavium CN99xx */
	NODE(4, 60, 0, 0, 0),
	W8(0x402300000ull),
	W4(0),
	W4(0),
	W8(0ull),
	W4(2),
	W4(1),
	W4(2),
	W4(3),
	W4(4),
};
const size_t table_iort_kinds_len = sizeof(table_iort_kinds);

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

struct tables tables_of_corpus(const char *corpus_dir, const char *sig)
{
	struct tables tables = { NULL, 0 };
	struct dirent **names;
	char dir[4000];
	int n;

	snprintf(dir, sizeof(dir), "%s/tables/%s", corpus_dir, sig);
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
