/* SPDX-License-Identifier: BSD-3-Clause */
/* Directories of files that tests make for themselves. */
#include "tempdir.h"

#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void require(int ok, const char *what, const char *path)
{
	if (ok)
		return;
	fprintf(stderr, "tempdir: %s %s: %s\n", what, path, strerror(errno));
	exit(1);
}

void tempdir_create(struct tempdir *tempdir)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(tempdir->dir, sizeof(tempdir->dir), "%s/piommu-test.XXXXXX", tmp ? tmp : "/tmp");
	require(mkdtemp(tempdir->dir) != NULL, "mkdtemp", tempdir->dir);
}

/* Every directory of `path` but the last component, which is the file's own name. */
static void make_parents(char *path, size_t from)
{
	for (char *slash = strchr(path + from, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		require(mkdir(path, 0755) == 0 || errno == EEXIST, "mkdir", path);
		*slash = '/';
	}
}

static void full_path(const struct tempdir *tempdir, const char *path, char full[PATH_MAX])
{
	snprintf(full, PATH_MAX, "%s/%s", tempdir->dir, path);
	make_parents(full, strlen(tempdir->dir) + 1);
}

void tempdir_write(const struct tempdir *tempdir, const char *path, const void *bytes, size_t len)
{
	char full[PATH_MAX];
	FILE *file;

	full_path(tempdir, path, full);
	unlink(full); /* a new file: some file systems write a truncated one out to the disk */
	file = fopen(full, "we");
	require(file != NULL, "open", full);
	require(fwrite(bytes, 1, len, file) == len, "write", full);
	require(fclose(file) == 0, "close", full);
}

void tempdir_text(const struct tempdir *tempdir, const char *path, const char *text)
{
	tempdir_write(tempdir, path, text, strlen(text));
}

void tempdir_symlink(const struct tempdir *tempdir, const char *path, const char *target)
{
	char full[PATH_MAX];

	full_path(tempdir, path, full);
	require(symlink(target, full) == 0, "symlink", full);
}

void tempdir_mkdir(const struct tempdir *tempdir, const char *path)
{
	char full[PATH_MAX];

	full_path(tempdir, path, full);
	require(mkdir(full, 0755) == 0 || errno == EEXIST, "mkdir", full);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void tempdir_remove(struct tempdir *tempdir)
{
	require(nftw(tempdir->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS) == 0, "remove", tempdir->dir);
}
