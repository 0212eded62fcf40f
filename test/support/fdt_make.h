/* SPDX-License-Identifier: BSD-3-Clause */
/* Writes device trees with libfdt's sequential-write functions, sound ones and such as say nonsense. For tests and seeds. */
#ifndef TEST_FDT_MAKE_H
#define TEST_FDT_MAKE_H

#include <stddef.h>
#include <stdint.h>

#define FDT_MAKE_MAX 8192u

struct fdt_make {
	uint8_t bytes[FDT_MAKE_MAX];
	size_t len; /* after fdt_make_finish() */
};

/* Begins a tree: the root, with addresses and sizes of `cells` cells. */
void fdt_make_start(struct fdt_make *make, uint32_t cells);
void fdt_make_begin(struct fdt_make *make, const char *name);
void fdt_make_end(struct fdt_make *make);
void fdt_make_text(struct fdt_make *make, const char *name, const char *text);
/* A list of strings, each with its NUL: sizeof() of a literal. */
void fdt_make_bytes(struct fdt_make *make, const char *name, const void *bytes, size_t len);
void fdt_make_cells(struct fdt_make *make, const char *name, const uint32_t *cells, size_t n);
/* Ends the root and the tree. */
void fdt_make_finish(struct fdt_make *make);

#define FDT_CELLS(make, name, ...) \
	fdt_make_cells((make), (name), (const uint32_t[]){ __VA_ARGS__ }, sizeof((const uint32_t[]){ __VA_ARGS__ }) / 4)
#define FDT_FLAG(make, name) fdt_make_cells((make), (name), NULL, 0)

#endif
