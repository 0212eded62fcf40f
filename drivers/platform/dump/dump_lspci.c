/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lspci.txt, as `lspci -D -xxxx` prints it. libpci's dump method reads it, but it skips what it does not know and names no
 * line when it refuses: so the lines are checked here first.
 */
#include "dump.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAX_LINE 254 /* libpci's reader takes no longer ones */

struct check {
	const struct dump_platform *dp;
	unsigned line;
	bool in_function;
	unsigned functions;
	unsigned bytes; /* configuration space read for the functions so far */
};

static int refuse(const struct check *c, const char *what)
{
	log_err(c->dp->plat.log, "dump: %s/lspci.txt:%u: %s; make it with: lspci -D -xxxx", c->dp->dir, c->line, what);
	return -EBADMSG;
}

/* "0000:00:02.0 " or "00:02.0 " at the start of a line */
static bool is_address_line(const char *line)
{
	char text[PIOMMU_SBDF_STRLEN];
	struct piommu_sbdf sbdf;
	size_t len = strcspn(line, " ");

	if (len >= sizeof(text) || line[len] != ' ')
		return false;
	memcpy(text, line, len);
	text[len] = '\0';
	return piommu_sbdf_parse(text, &sbdf) == 0;
}

/* "10: 86 80 ..", offsets of 2 or 3 digits. */
static bool is_hex_line(const char *line)
{
	size_t digits = strspn(line, "0123456789abcdefABCDEF");

	return (digits == 2 || digits == 3) && line[digits] == ':' && line[digits + 1] == ' ';
}

static int check_hex(struct check *c, const char *line)
{
	unsigned long off = strtoul(line, NULL, 16);

	for (line = strchr(line, ' '); *line; c->bytes++) {
		if (line[0] != ' ' || !isxdigit((unsigned char)line[1]) || !isxdigit((unsigned char)line[2]))
			return refuse(c, "not a line of hexadecimal bytes");
		if (off++ >= 4096)
			return refuse(c, "more than 4096 bytes of configuration space");
		line += 3;
		if (line[0] == ' ' && line[1] == '\0')
			break;
	}
	return 0;
}

static int check_line(struct check *c, const char *line)
{
	if (strlen(line) > MAX_LINE)
		return refuse(c, "line too long for a dump of bytes");
	if (!*line) {
		c->in_function = false;
		return 0;
	}
	if (c->in_function && is_hex_line(line))
		return check_hex(c, line);
	if (isspace((unsigned char)*line)) /* what -v adds */
		return 0;
	if (!is_address_line(line))
		return refuse(c, "neither a function's address nor its bytes");
	c->in_function = true;
	c->functions++;
	return 0;
}

int dump_check_lspci(const struct dump_platform *dp, char *text)
{
	struct check c = { .dp = dp };
	char *line;
	int err = 0;

	while (!err && (line = strsep(&text, "\n"))) {
		c.line++;
		line[strcspn(line, "\r")] = '\0';
		err = check_line(&c, line);
	}
	if (!err && c.functions && !c.bytes)
		err = refuse(&c, "no bytes of configuration space in it");
	return err;
}
