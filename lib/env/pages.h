/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * First-fit allocation of runs of 4 KiB pages, one bit a page. No node to allocate: giving pages back cannot fail. Not
 * locked; whoever owns a map brings the lock.
 */
#ifndef ENV_PAGES_H
#define ENV_PAGES_H

#include <stddef.h>
#include <stdint.h>

#define ENV_PAGE_SIZE ((size_t)4096)
#define ENV_PAGES_NONE SIZE_MAX

struct env_pages {
	uint64_t *used; /* bit set: handed out */
	size_t npages;
	size_t hint; /* no page below is free */
};

/** @return 0 or -ENOMEM */
int env_pages_init(struct env_pages *map, size_t npages);
void env_pages_fini(struct env_pages *map);
/** The first of `n` pages in a row, a multiple of `align`; ENV_PAGES_NONE where there is no such run. */
size_t env_pages_alloc(struct env_pages *map, size_t n, size_t align);
/** The pages were handed out, all of them. */
void env_pages_free(struct env_pages *map, size_t first, size_t n);

#endif
