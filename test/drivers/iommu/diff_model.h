/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What must be true, in the plainest form: for each domain an array of pages, for each device its domain, and the bytes of
 * memory. No tables, no caches, no tags; the one thing it knows of hardware is that 2 MiB leaves are not split.
 */
#ifndef DIFF_MODEL_H
#define DIFF_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DIFF_DOMAINS 3u
#define DIFF_DEVICES 4u
#define DIFF_ZONES 3u
#define DIFF_ZONE_PAGES 1024u /* two 2 MiB leaves */
#define DIFF_LEAF_PAGES 512u
#define DIFF_PAGES (DIFF_ZONES * DIFF_ZONE_PAGES)
#define DIFF_ARENA_PAGES 2048u
#define DIFF_ARENA_BYTES (DIFF_ARENA_PAGES * 4096u)

/*
 * `limbo`: in the range of an unmap that was not flushed yet, and so not to be mapped. `stale`: it was mapped then; `at` and
 * `prot` are what they were.
 */
struct diff_page {
	bool mapped, limbo, stale, large;
	bool cached; /* a device used it: an access that it forbids may be blocked by a cache, and go unrecorded */
	uint8_t prot;
	uint16_t at; /* page of the arena */
};

enum diff_state {
	DIFF_FREE,    /* identity */
	DIFF_CLAIMED, /* blocked */
	DIFF_ATTACHED,
};

struct diff_model {
	uint64_t zone[DIFF_ZONES]; /* first iova of each, 2 MiB aligned */
	struct diff_page page[DIFF_DOMAINS][DIFF_PAGES];
	enum diff_state state[DIFF_DEVICES];
	unsigned domain[DIFF_DEVICES]; /* of an attached device */
	uint8_t mem[DIFF_ARENA_BYTES];
};

enum diff_access {
	DIFF_OK,
	DIFF_BLOCKED,
	DIFF_EITHER, /* by the old translation, or blocked */
};

uint64_t diff_iova(const struct diff_model *model, unsigned page);
/* The page that holds `iova`; -1: in no zone. */
int diff_page_at(const struct diff_model *model, uint64_t iova);

/* Ranges stay inside their zone. The same errors as piommu_map() and piommu_unmap(). */
int diff_map(struct diff_model *model, unsigned domain, unsigned first, unsigned npages, unsigned at, unsigned prot);
int diff_unmap(struct diff_model *model, unsigned domain, unsigned first, unsigned npages, bool deferred, size_t *unmapped);
bool diff_in_limbo(const struct diff_model *model, unsigned domain, unsigned first, unsigned npages);
void diff_flush(struct diff_model *model, unsigned domain);

/* What an attached device's access to one page does; `*page` is it, NULL outside the zones. */
enum diff_access diff_access(struct diff_model *model, unsigned device, uint64_t iova, bool is_write, struct diff_page **page);
/* A device used the page: it may be in a cache now, with all of its leaf. */
void diff_touch(struct diff_model *model, unsigned device, uint64_t iova);

#endif
