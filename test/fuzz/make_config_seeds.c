/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Makes test/data/fuzz/config: configuration spaces of a root port with ACS and ARI, of an endpoint cut at 256 bytes, of a
 * conventional bridge. Run again after a change here: make_config_seeds test/data/fuzz
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct word {
	uint16_t off;
	uint32_t value;
};

static const struct word root_port[] = {
	{ 0x00, 0x7ec48086 },  { 0x04, 0x00100007 },  { 0x08, 0x06040002 },  { 0x0c, 0x00810000 }, { 0x18, 0x00492000 },
	{ 0x34, 0x00000040 },  { 0x40, 0x00035001 },  { 0x50, 0x00008005 },  { 0x80, 0x01420010 }, { 0x100, 0x22010001 },
	{ 0x220, 0x1501000d }, { 0x224, 0x001d001f }, { 0x150, 0x0001000e },
};

static const struct word endpoint[] = {
	{ 0x00, 0x15728086 }, { 0x04, 0x00100007 }, { 0x08, 0x02000001 },
	{ 0x0c, 0x00800000 }, { 0x34, 0x000000a0 }, { 0xa0, 0x00020010 },
};

static const struct word bridge[] = {
	{ 0x00, 0x244e8086 }, { 0x04, 0x00100007 }, { 0x08, 0x06040192 }, { 0x0c, 0x00010000 },
	{ 0x18, 0x20060500 }, { 0x34, 0x00000050 }, { 0x50, 0x0000000d },
};

static void write_space(const char *dir, const char *name, const struct word *words, size_t n, size_t len)
{
	uint8_t bytes[0x240] = { 0 };
	char path[512];
	FILE *file;

	for (size_t i = 0; i < n; i++)
		memcpy(bytes + words[i].off, &words[i].value, 4);
	snprintf(path, sizeof(path), "%s/config/%s", dir, name);
	file = fopen(path, "wb");
	if (!file || fwrite(bytes, 1, len, file) != len || fclose(file)) {
		perror(path);
		exit(1);
	}
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: make_config_seeds DIR\n");
		return 2;
	}
	write_space(argv[1], "root_port", root_port, sizeof(root_port) / sizeof(root_port[0]), 0x240);
	write_space(argv[1], "endpoint", endpoint, sizeof(endpoint) / sizeof(endpoint[0]), 0x100);
	write_space(argv[1], "bridge", bridge, sizeof(bridge) / sizeof(bridge[0]), 0x80);
	return 0;
}
