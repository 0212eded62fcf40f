/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * I/O virtual addresses of one domain: an aperture, reserved ranges in it, aligned allocation and free. A treap of free
 * extents, augmented with the room that each alignment finds below a node: every operation is O(log n) whatever the fragmentation.
 * (Alignments above 2 MiB, when no aligned block of that size is left: see extent.h. -ENOSPC may come early there.)
 * Any thread (a leaf lock inside). The fast per-thread caches (iova_cache.h) sit on top of this one; what they own is in use.
 */
#ifndef IOVA_H
#define IOVA_H

#include "piommu_types.h"

struct iova_space;

/** `aperture` in bytes: starts at a multiple of 4 KiB and ends one byte before one. @return 0, -EINVAL or -ENOMEM */
int iova_space_create(struct piommu_span aperture, struct iova_space **out);
void iova_space_destroy(struct iova_space *space);

/**
 * Takes a range out for good (reserved memory, an interrupt window). Parts outside the aperture are ignored.
 * @return 0; -EBUSY: in use, or in an arena of a cache; -ENOMEM
 */
int iova_space_reserve(struct iova_space *space, struct piommu_span span);
/** Whether that would be refused now. */
bool iova_space_in_use(struct iova_space *space, struct piommu_span span);

/**
 * `len` a multiple of 4 KiB, `align` a power of two >= 4 KiB. Never hands out address 0 unless nothing else is left.
 * @return 0; -EINVAL; -ENOSPC: no such gap; -ENOMEM
 */
int iova_alloc(struct iova_space *space, uint64_t len, uint64_t align, uint64_t *iova);
/** Exactly what iova_alloc() gave. @return 0; -ENOENT: not allocated so */
int iova_free(struct iova_space *space, uint64_t iova, uint64_t len);

/** Bytes free / the longest free extent, which never counts address 0 with its neighbours. */
void iova_space_usage(struct iova_space *space, uint64_t *free_bytes, uint64_t *longest);

#endif
