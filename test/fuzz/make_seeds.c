/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Makes the seeds under test/data/fuzz: small tables that between them have every structure and every known oddity, and
 * acpidump texts of some of them. Run again after a change here: make_seeds test/data/fuzz
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "piommu_fw.h"

struct encoder {
	uint8_t bytes[4096];
	size_t len;
	size_t part; /* where the open structure starts */
};

static void put(struct encoder *e, uint64_t value, unsigned width)
{
	for (unsigned i = 0; i < width; i++)
		e->bytes[e->len++] = (uint8_t)(value >> 8 * i);
}

static void start(struct encoder *e, const char *sig)
{
	memset(e, 0, sizeof(*e));
	memcpy(e->bytes, sig, 4);
	memcpy(e->bytes + 10, "PIOMMUSEEDTABLE", 14);
	e->len = 36;
}

static void start_dmar(struct encoder *e, unsigned width, uint8_t flags)
{
	start(e, "DMAR");
	put(e, width - 1, 1);
	put(e, flags, 1);
	put(e, 0, 8);
	put(e, 0, 2);
}

static void open_part(struct encoder *e, uint16_t type)
{
	e->part = e->len;
	put(e, type, 2);
	put(e, 0, 2);
}

static void close_part(struct encoder *e)
{
	size_t len = e->len - e->part;

	e->bytes[e->part + 2] = (uint8_t)len;
	e->bytes[e->part + 3] = (uint8_t)(len >> 8);
}

/* `path` is device and function of each hop, two hexadecimal digits and one: "1c7030". */
static void scope(struct encoder *e, uint8_t type, uint8_t flags, uint8_t id, uint8_t bus, const char *path)
{
	size_t hops = strlen(path) / 3;

	put(e, type, 1);
	put(e, 6 + 2 * hops, 1);
	put(e, flags, 1);
	put(e, 0, 1);
	put(e, id, 1);
	put(e, bus, 1);
	for (size_t i = 0; i < hops; i++) {
		unsigned device, function;

		if (sscanf(path + 3 * i, "%2x%1x", &device, &function) != 2)
			exit(1);
		put(e, device, 1);
		put(e, function, 1);
	}
}

static void drhd(struct encoder *e, uint64_t base, uint8_t flags, uint8_t size_lg2, uint16_t segment)
{
	open_part(e, 0);
	put(e, flags, 1);
	put(e, size_lg2, 1);
	put(e, segment, 2);
	put(e, base, 8);
}

static void rmrr(struct encoder *e, uint64_t base, uint64_t limit)
{
	open_part(e, 1);
	put(e, 0, 2);
	put(e, 0, 2);
	put(e, base, 8);
	put(e, limit, 8);
}

/* ATSR, SATC, SIDP */
static void devices(struct encoder *e, uint16_t type, uint8_t flags)
{
	open_part(e, type);
	put(e, flags, 1);
	put(e, 0, 3);
}

static void rhsa(struct encoder *e, uint64_t base, uint32_t domain)
{
	open_part(e, 3);
	put(e, 0, 4);
	put(e, base, 8);
	put(e, domain, 4);
	close_part(e);
}

static void andd(struct encoder *e, uint8_t id, const char *name)
{
	open_part(e, 4);
	put(e, 0, 3);
	put(e, id, 1);
	for (size_t i = 0; i <= strlen(name); i++)
		put(e, (uint8_t)name[i], 1);
	close_part(e);
}

static FILE *create(const char *dir, const char *kind, const char *name)
{
	FILE *file;
	char *path;

	if (asprintf(&path, "%s/%s/%s", dir, kind, name) < 0)
		exit(1);
	file = fopen(path, "wb");
	if (!file) {
		perror(path);
		exit(1);
	}
	free(path);
	return file;
}

static void finish(struct encoder *e)
{
	size_t len = e->len;
	uint8_t sum = 0;

	e->len = 4;
	put(e, len, 4);
	e->len = len;
	for (size_t i = 0; i < len; i++)
		sum = (uint8_t)(sum + e->bytes[i]);
	e->bytes[9] = (uint8_t)-sum;
}

static void write_table(struct encoder *e, const char *dir, const char *name)
{
	FILE *file = create(dir, "dmar", name);

	finish(e);
	fwrite(e->bytes, 1, e->len, file);
	fclose(file);
}

static void write_text(const struct encoder *e, FILE *file)
{
	fprintf(file, "%.4s @ 0x0000000079E4B000\n", (const char *)e->bytes);
	for (size_t at = 0; at < e->len; at += 16) {
		fprintf(file, "    %04zX:", at);
		for (size_t i = at; i < at + 16; i++)
			fprintf(file, i < e->len ? " %02X" : "   ", e->bytes[i]);
		fprintf(file, "  ");
		for (size_t i = at; i < at + 16 && i < e->len; i++)
			fputc(e->bytes[i] > 0x20 && e->bytes[i] < 0x7f ? e->bytes[i] : '.', file);
		fputc('\n', file);
	}
	fputc('\n', file);
}

/* A notebook: graphics, everything else, stolen memory. */
static void make_client(struct encoder *e)
{
	start_dmar(e, 39, 5);
	drhd(e, 0xfed90000, 0, 0, 0);
	scope(e, 1, 0, 0, 0, "020");
	close_part(e);
	drhd(e, 0xfed91000, 1, 0, 0);
	scope(e, 3, 0, 2, 0xf0, "1e7");
	scope(e, 4, 0, 0, 0, "1e6");
	scope(e, 5, 0, 1, 0, "150");
	close_part(e);
	rmrr(e, 0x7b800000, 0x7fffffff);
	scope(e, 1, 0, 0, 0, "020");
	close_part(e);
	andd(e, 1, "\\_SB.PCI0.I2C0");
}

/* A server: bridges, several hops, units that own nothing, nodes. */
static void make_server(struct encoder *e)
{
	start_dmar(e, 46, 1);
	drhd(e, 0xd0ffc000, 0, 0, 0);
	scope(e, 2, 0, 0, 0x80, "010");
	scope(e, 1, 0, 0, 0x80, "1c7001020");
	close_part(e);
	drhd(e, 0xdbbfc000, 0, 0, 0);
	close_part(e);
	drhd(e, 0x9b7fc000, 1, 0, 0);
	scope(e, 3, 0, 8, 0xf0, "1e0");
	close_part(e);
	rmrr(e, 0x7e000000, 0x7e00ffff);
	scope(e, 1, 0, 0, 0, "1c7000");
	scope(e, 1, 0, 0, 0, "1c7002");
	scope(e, 1, 0, 0, 0, "1d0");
	close_part(e);
	devices(e, 2, 0);
	scope(e, 2, 0, 0, 0x80, "010");
	close_part(e);
	rhsa(e, 0xd0ffc000, 1);
	rhsa(e, 0x9b7fc000, 0);
}

/* VT-d 4.0: register set sizes, SATC, SIDP with flags, an unknown type. */
static void make_new(struct encoder *e)
{
	start_dmar(e, 42, 5);
	drhd(e, 0xfc800000, 0, 4, 0);
	scope(e, 1, 0, 0, 0, "020");
	close_part(e);
	drhd(e, 0xfc810000, 1, 4, 0);
	close_part(e);
	devices(e, 5, 1);
	scope(e, 1, 0, 0, 0, "020");
	close_part(e);
	devices(e, 6, 0);
	scope(e, 1, 0x1f, 0, 0, "020");
	close_part(e);
	open_part(e, 0x51);
	put(e, 0xccbbaa, 3);
	close_part(e);
}

/* What firmware gets wrong, and is taken with a warning. */
static void make_odd(struct encoder *e)
{
	start_dmar(e, 128, 2);
	drhd(e, 0, 1, 0, 0);
	close_part(e);
	drhd(e, 0xfed90000, 1, 0, 0);
	scope(e, 1, 0, 0, 0, "");
	close_part(e);
	drhd(e, 0xfed90010, 0, 15, 0xffff);
	scope(e, 9, 2, 3, 4, "ff7");
	close_part(e);
	rmrr(e, 0, 0);
	close_part(e);
	rmrr(e, 0x10, 0xfff0);
	close_part(e);
	rhsa(e, 0xaaffc000, 0xffffffff);
}

static void make_mcfg(struct encoder *e)
{
	start(e, "MCFG");
	put(e, 0, 8);
	put(e, 0xe0000000, 8);
	put(e, 0xff000000, 4);
	put(e, 0, 4);
	put(e, 0x8000000000, 8);
	put(e, 0x7f400001, 4);
	put(e, 0, 4);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*make)(struct encoder *e);
	} makers[] = {
		{ "client", make_client }, { "server", make_server }, { "new", make_new },
		{ "odd", make_odd },       { "mcfg", make_mcfg },
	};
	static struct encoder e;
	FILE *all;

	if (argc != 2) {
		fprintf(stderr, "usage: make_seeds DIR\n");
		return 2;
	}
	all = create(argv[1], "acpidump", "all");
	for (unsigned i = 0; i < sizeof(makers) / sizeof(makers[0]); i++) {
		FILE *one = create(argv[1], "acpidump", makers[i].name);

		makers[i].make(&e);
		write_table(&e, argv[1], makers[i].name);
		write_text(&e, one);
		write_text(&e, all);
		fclose(one);
	}
	fclose(all);
	return 0;
}
