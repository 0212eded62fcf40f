/* SPDX-License-Identifier: BSD-3-Clause */
/* A machine of files: a directory that stands for / of a linux platform, and a log that keeps what was said. */
#ifndef FIXTURE_H
#define FIXTURE_H

#include "piommu_driver.h"

struct fixture {
	char root[64];
	char said[2048]; /* every line logged, newline after each */
	struct piommu_log log;
};

void fixture_make(struct fixture *fx);
/* Removes all of it. */
void fixture_remove(struct fixture *fx);

/* Writes a file, with the directories above it. */
void fixture_file(struct fixture *fx, const char *path, const char *text);
void fixture_bytes(struct fixture *fx, const char *path, const void *bytes, size_t len);
void fixture_link(struct fixture *fx, const char *path, const char *target);
/* A directory and all in it appears elsewhere in one step. */
void fixture_move(struct fixture *fx, const char *from, const char *to);
/* A file, or a directory and all in it, is removed. */
void fixture_drop(struct fixture *fx, const char *path);
/* A file of `len` bytes, mostly holes, with one 32-bit word at `off`. */
void fixture_registers(struct fixture *fx, const char *path, uint64_t len, uint64_t off, uint32_t word);
uint32_t fixture_word(struct fixture *fx, const char *path, uint64_t off);
/* A UIO device with one map; its registers are to be in /dev/NAME, at map * page size. */
void fixture_uio(struct fixture *fx, const char *name, unsigned map, uint64_t addr, uint64_t size);

/* Opens the linux platform there; `args` as "devmem" or "". */
struct piommu_platform *fixture_open(struct fixture *fx, const char *args);

#endif
