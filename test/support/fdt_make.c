/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libfdt.h>

#include "fdt_make.h"

static void must(int rc)
{
	if (rc >= 0)
		return;
	fprintf(stderr, "fdt_make: %s\n", fdt_strerror(rc));
	abort();
}

void fdt_make_start(struct fdt_make *make, uint32_t cells)
{
	must(fdt_create(make->bytes, sizeof(make->bytes)));
	must(fdt_finish_reservemap(make->bytes));
	fdt_make_begin(make, "");
	FDT_CELLS(make, "#address-cells", cells);
	FDT_CELLS(make, "#size-cells", cells);
}

void fdt_make_begin(struct fdt_make *make, const char *name)
{
	must(fdt_begin_node(make->bytes, name));
}

void fdt_make_end(struct fdt_make *make)
{
	must(fdt_end_node(make->bytes));
}

void fdt_make_bytes(struct fdt_make *make, const char *name, const void *bytes, size_t len)
{
	must(fdt_property(make->bytes, name, bytes, (int)len));
}

void fdt_make_text(struct fdt_make *make, const char *name, const char *text)
{
	fdt_make_bytes(make, name, text, strlen(text) + 1);
}

void fdt_make_cells(struct fdt_make *make, const char *name, const uint32_t *cells, size_t n)
{
	void *at;

	must(fdt_property_placeholder(make->bytes, name, (int)(n * 4), &at));
	for (size_t i = 0; i < n; i++)
		fdt32_st((uint8_t *)at + i * 4, cells[i]);
}

void fdt_make_finish(struct fdt_make *make)
{
	fdt_make_end(make);
	must(fdt_finish(make->bytes));
	make->len = fdt_totalsize(make->bytes);
}
