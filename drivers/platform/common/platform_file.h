/* SPDX-License-Identifier: BSD-3-Clause */
/* Whole files, for platforms that read firmware tables and listings. */
#ifndef PLATFORM_FILE_H
#define PLATFORM_FILE_H

#include <stddef.h>

/*
 * Reads a file to its end: sysfs and proc do not tell sizes. A NUL follows the bytes. `*bytes` is the caller's to free.
 * @return 0; -EFBIG: more than `max` bytes; -ENOMEM; otherwise the error of open or read
 */
int platform_file_read(const char *path, size_t max, void **bytes, size_t *len);

#endif
