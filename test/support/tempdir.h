/* SPDX-License-Identifier: BSD-3-Clause */
/* A directory of files for one test, under TMPDIR. A test that cannot make its files fails at once. */
#ifndef TEMPDIR_H
#define TEMPDIR_H

#include <stddef.h>

struct tempdir {
	char dir[256];
};

void tempdir_create(struct tempdir *tempdir);
/* Writes DIR/path, making the directories on the way. */
void tempdir_write(const struct tempdir *tempdir, const char *path, const void *bytes, size_t len);
void tempdir_text(const struct tempdir *tempdir, const char *path, const char *text);
void tempdir_symlink(const struct tempdir *tempdir, const char *path, const char *target);
void tempdir_mkdir(const struct tempdir *tempdir, const char *path);
/* Removes the directory and all in it. */
void tempdir_remove(struct tempdir *tempdir);

#endif
