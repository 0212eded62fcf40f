/* SPDX-License-Identifier: BSD-3-Clause */
#include "fixture.h"

#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drivers.h"

static void keep_line(void *ctx, enum piommu_log_level level, const char *line)
{
	struct fixture *fx = ctx;
	size_t used = strlen(fx->said);

	(void)level;
	snprintf(fx->said + used, sizeof(fx->said) - used, "%s\n", line);
}

static void fixture_die(const char *what)
{
	perror(what);
	exit(1);
}

void fixture_make(struct fixture *fx)
{
	memset(fx, 0, sizeof(*fx));
	strcpy(fx->root, "/tmp/piommu-linux-XXXXXX");
	if (!mkdtemp(fx->root))
		fixture_die(fx->root);
	fx->log = (struct piommu_log){ keep_line, fx, PIOMMU_LOG_INFO };
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void fixture_remove(struct fixture *fx)
{
	nftw(fx->root, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

/* The path under the root, its directories made. */
static void under_root(const struct fixture *fx, const char *path, char full[256])
{
	char *slash = full + strlen(fx->root);

	snprintf(full, 256, "%s%s", fx->root, path);
	while ((slash = strchr(slash + 1, '/'))) {
		*slash = '\0';
		mkdir(full, 0755);
		*slash = '/';
	}
}

void fixture_bytes(struct fixture *fx, const char *path, const void *bytes, size_t len)
{
	char full[256];
	FILE *file;

	under_root(fx, path, full);
	file = fopen(full, "w");
	if (!file || fwrite(bytes, 1, len, file) != len)
		fixture_die(full);
	fclose(file);
}

void fixture_file(struct fixture *fx, const char *path, const char *text)
{
	fixture_bytes(fx, path, text, strlen(text));
}

void fixture_link(struct fixture *fx, const char *path, const char *target)
{
	char full[256];

	under_root(fx, path, full);
	if (symlink(target, full))
		fixture_die(full);
}

void fixture_move(struct fixture *fx, const char *from, const char *to)
{
	char full_from[256];
	char full_to[256];

	under_root(fx, from, full_from);
	under_root(fx, to, full_to);
	if (rename(full_from, full_to))
		fixture_die(full_to);
}

void fixture_drop(struct fixture *fx, const char *path)
{
	char full[256];

	under_root(fx, path, full);
	if (nftw(full, remove_entry, 8, FTW_DEPTH | FTW_PHYS))
		fixture_die(full);
}

void fixture_registers(struct fixture *fx, const char *path, uint64_t len, uint64_t off, uint32_t word)
{
	char full[256];
	int fd;

	under_root(fx, path, full);
	fd = open(full, O_RDWR | O_CREAT, 0600);
	if (fd < 0 || ftruncate(fd, (off_t)len) || pwrite(fd, &word, sizeof(word), (off_t)off) != (ssize_t)sizeof(word))
		fixture_die(full);
	close(fd);
}

uint32_t fixture_word(struct fixture *fx, const char *path, uint64_t off)
{
	uint32_t word = 0;
	char full[256];
	int fd;

	under_root(fx, path, full);
	fd = open(full, O_RDONLY);
	if (fd < 0 || pread(fd, &word, sizeof(word), (off_t)off) != (ssize_t)sizeof(word))
		fixture_die(full);
	close(fd);
	return word;
}

void fixture_uio(struct fixture *fx, const char *name, unsigned map, uint64_t addr, uint64_t size)
{
	char path[128];
	char text[64];

	snprintf(path, sizeof(path), "/sys/class/uio/%s/maps/map%u/addr", name, map);
	snprintf(text, sizeof(text), "0x%016" PRIx64 "\n", addr);
	fixture_file(fx, path, text);
	snprintf(path, sizeof(path), "/sys/class/uio/%s/maps/map%u/size", name, map);
	snprintf(text, sizeof(text), "0x%016" PRIx64 "\n", size);
	fixture_file(fx, path, text);
	snprintf(path, sizeof(path), "/sys/class/uio/%s/maps/map%u/offset", name, map);
	fixture_file(fx, path, "0x0\n");
}

struct piommu_platform *fixture_open(struct fixture *fx, const char *args)
{
	struct piommu_platform *plat = NULL;
	char text[128];

	snprintf(text, sizeof(text), "root=%s%s%s", fx->root, args[0] ? "," : "", args);
	if (linux_platform.open(text, &fx->log, &plat))
		fixture_die(text);
	return plat;
}
