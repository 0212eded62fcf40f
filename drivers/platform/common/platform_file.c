/* SPDX-License-Identifier: BSD-3-Clause */
/* Whole files into memory. */
#include "platform_file.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static int read_to_end(FILE *file, size_t max, char **bytes, size_t *len)
{
	size_t capacity = 0;
	size_t used = 0;
	char *at = NULL;

	do {
		char *grown;

		capacity = capacity ? capacity * 2 : 4096;
		grown = realloc(at, capacity + 1);
		if (!grown) {
			free(at);
			return -ENOMEM;
		}
		at = grown;
		used += fread(at + used, 1, capacity - used, file);
	} while (used == capacity && used <= max);
	if (ferror(file) || used > max) {
		free(at);
		return used > max ? -EFBIG : -EIO;
	}
	at[used] = '\0';
	*bytes = at;
	*len = used;
	return 0;
}

int platform_file_read(const char *path, size_t max, void **bytes, size_t *len)
{
	FILE *file = fopen(path, "re");
	char *at;
	int err;

	if (!file)
		return -errno;
	err = read_to_end(file, max, &at, len);
	fclose(file);
	if (!err)
		*bytes = at;
	return err;
}
