/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The entry points of one page-table format, with the walkers folded in. Included once, at its end, by each format's file, which has
 * defined PT_NAME and the format itself, `static const struct pt_format format`. Called from the fast path of an IOMMU driver's domain;
 * any registered thread.
 */
#ifdef PT_NAME

#include "piommu_pt.h"
#include "pt_burst.h"
#include "pt_map.h"
#include "pt_root.h"
#include "pt_walk.h"

#define PT_JOIN_(name, call) piommu_pt_##name##_##call
#define PT_JOIN(name, call) PT_JOIN_(name, call)
#define PT_CALL(call) PT_JOIN(PT_NAME, call)

size_t PT_CALL(root_len)(unsigned iova_bits)
{
	return pt_root_len(&format, iova_bits);
}

int PT_CALL(init)(struct piommu_pt *pt, const struct piommu_pt_config *config)
{
	return pt_init(&format, pt, config);
}

void PT_CALL(fini)(struct piommu_pt *pt)
{
	pt_fini(&format, pt);
}

int PT_CALL(map)(struct piommu_pt *pt, uint64_t iova, uint64_t pa, size_t len, unsigned prot, struct piommu_gather *gather)
{
	struct pt_mapping mapping = { iova, pa, iova + len, prot, gather };

	return pt_map_slow(&format, pt, &mapping);
}

int PT_CALL(unmap)(struct piommu_pt *pt, uint64_t iova, size_t len, struct piommu_gather *gather, size_t *unmapped)
{
	return pt_unmap_slow(&format, pt, iova, len, gather, unmapped);
}

/* ---- One page ------------------------------------------------------------------------------------------------------- */

static __attribute__((noinline)) int map_page_slow(struct piommu_pt *pt, uint64_t iova, uint64_t pa, unsigned prot)
{
	return PT_CALL(map)(pt, iova, pa, pt_page_size(&format), prot, NULL);
}

int PT_CALL(map_page)(struct piommu_pt *pt, uint64_t iova, uint64_t pa, unsigned prot)
{
	uint64_t *entry;

	if (__builtin_expect(!pt_straight(&format, pt, iova, &entry) || (pa & ~pt->pa_mask), 0))
		return map_page_slow(pt, iova, pa, prot);
	return pt_map_entry(&format, pt, entry, pa, prot);
}

static __attribute__((noinline)) int unmap_slow(struct piommu_pt *pt, uint64_t iova, size_t len, struct piommu_gather *gather,
						size_t *unmapped)
{
	size_t done = 0;
	int err = pt_unmap_slow(&format, pt, iova, len, gather, &done);

	if (unmapped)
		*unmapped = done;
	return err || done == len ? err : -ENOENT;
}

int PT_CALL(unmap_page)(struct piommu_pt *pt, uint64_t iova, struct piommu_gather *gather, size_t *unmapped)
{
	uint64_t *entry;

	if (__builtin_expect(!pt_straight(&format, pt, iova, &entry) || !pt_is_present(&format, entry_load(entry)), 0))
		return unmap_slow(pt, iova, pt_page_size(&format), gather, unmapped);
	entry_store(entry, 0);
	piommu_gather_add(gather, iova, iova + (pt_page_size(&format) - 1));
	if (unmapped)
		*unmapped = pt_page_size(&format);
	return 0;
}

/* ---- Runs ----------------------------------------------------------------------------------------------------------- */

static __attribute__((noinline, cold)) int map_run_undo(const struct piommu_pt *pt, uint64_t *entry, unsigned done)
{
	return pt_map_run_undo(pt, entry, done);
}

int PT_CALL(map_run)(struct piommu_pt *pt, uint64_t iova, uint64_t pa, size_t len, unsigned prot)
{
	unsigned n = (unsigned)(len >> format.page_lg2);
	uint64_t *entry;
	unsigned done;

	if (__builtin_expect(!pt_is_run(&format, pt, iova, pa, len) || !pt_straight(&format, pt, iova, &entry), 0))
		return -EAGAIN;
	done = pt_run_fill(entry, n, format.make_leaf(pa, 1, prot) | pt->leaf_bits, pt_page_size(&format), pt->wide);
	io_wmb(); /* before the doorbell of whoever uses the mappings */
	return __builtin_expect(done == n, 1) ? 0 : map_run_undo(pt, entry, done);
}

static __attribute__((noinline, cold)) unsigned clear_rest(uint64_t *entry, unsigned n, unsigned done, uint64_t iova,
							   struct piommu_gather *gather)
{
	return pt_clear_rest(&format, entry, n, done, iova, gather);
}

/* A range within a leaf table cuts no super page, and takes out no table. */
int PT_CALL(unmap_run)(struct piommu_pt *pt, uint64_t iova, size_t len, struct piommu_gather *gather, size_t *unmapped)
{
	unsigned n = (unsigned)(len >> format.page_lg2);
	uint64_t *entry;
	unsigned done;

	if (__builtin_expect(!pt_one_leaf_table(&format, iova, len) || !pt_straight(&format, pt, iova, &entry), 0))
		return unmap_slow(pt, iova, len, gather, unmapped);
	done = pt_run_clear(entry, n, format.present, pt->wide);
	if (__builtin_expect(done != n, 0))
		done = clear_rest(entry, n, done, iova, gather);
	else
		piommu_gather_add(gather, iova, iova + (len - 1));
	if (unmapped)
		*unmapped = done * pt_page_size(&format);
	return done == n ? 0 : -ENOENT;
}

/* ---- Bursts --------------------------------------------------------------------------------------------------------- */

static __attribute__((noinline)) int map_range_slow(struct piommu_pt *pt, const struct piommu_mapping *mapping,
						    struct piommu_gather *gather)
{
	return pt_map_range_slow(&format, pt, mapping, gather);
}

static __attribute__((noinline)) int unmap_range_slow(struct piommu_pt *pt, const struct piommu_range *range,
						      struct piommu_gather *gather, size_t *unmapped)
{
	return pt_unmap_range_slow(&format, pt, range, gather, unmapped);
}

static __attribute__((noinline)) int map_run(const struct piommu_pt *pt, uint64_t *entry, const struct piommu_mapping *mapping)
{
	if (mapping->pages)
		return pt_map_list(&format, pt, entry, mapping->pages, (unsigned)(mapping->len >> format.page_lg2),
				   mapping->prot);
	return pt_map_run(&format, pt, entry, mapping->pa, mapping->len, mapping->prot);
}

static __attribute__((noinline)) bool unmap_run(uint64_t *entry, size_t len)
{
	return pt_unmap_run(&format, entry, len);
}

static const struct pt_calls calls = { map_range_slow, unmap_range_slow, map_run, unmap_run };

static __attribute__((noinline)) int unmap_burst_back(struct piommu_pt *pt, const struct piommu_range *ranges, unsigned n,
						      struct piommu_gather *gather, size_t *unmapped)
{
	return pt_unmap_burst(&format, pt, ranges, n, gather, &calls, false, unmapped);
}

static __attribute__((noinline)) int unmap_burst(struct piommu_pt *pt, const struct piommu_range *ranges, unsigned n,
						 struct piommu_gather *gather, size_t *unmapped)
{
	if (__builtin_expect(!pt->straight_levels, 0))
		return unmap_burst_back(pt, ranges, n, gather, unmapped);
	return pt_unmap_burst(&format, pt, ranges, n, gather, &calls, true, unmapped);
}

int PT_CALL(unmap_burst)(struct piommu_pt *pt, const struct piommu_range *ranges, unsigned n, struct piommu_gather *gather,
			 size_t *unmapped)
{
	if (n != 1 || !pt_unmap_page(&format, pt, ranges, gather))
		return unmap_burst(pt, ranges, n, gather, unmapped);
	*unmapped = ranges->len;
	return 0;
}

static __attribute__((noinline)) int map_burst_back(struct piommu_pt *pt, const struct piommu_mapping *mappings, unsigned n,
						    struct piommu_gather *gather, unsigned *done)
{
	return pt_map_burst(&format, pt, mappings, n, gather, &calls, false, done);
}

/* All or nothing. */
static __attribute__((noinline, cold)) int undo(struct piommu_pt *pt, const struct piommu_mapping *mappings, unsigned done,
						struct piommu_gather *gather, int err)
{
	for (unsigned i = 0; i < done; i++) {
		const struct piommu_range range = { mappings[i].iova, mappings[i].len, mappings[i].leaf };
		size_t unmapped;

		unmap_burst(pt, &range, 1, gather, &unmapped);
	}
	return err;
}

static __attribute__((noinline)) int map_burst(struct piommu_pt *pt, const struct piommu_mapping *mappings, unsigned n,
					       struct piommu_gather *gather)
{
	unsigned done;
	int err;

	if (__builtin_expect(!pt->straight_levels, 0))
		err = map_burst_back(pt, mappings, n, gather, &done);
	else
		err = pt_map_burst(&format, pt, mappings, n, gather, &calls, true, &done);
	return __builtin_expect(err, 0) ? undo(pt, mappings, done, gather, err) : 0;
}

int PT_CALL(map_burst)(struct piommu_pt *pt, const struct piommu_mapping *mappings, unsigned n, struct piommu_gather *gather)
{
	return n == 1 && pt_map_page(&format, pt, mappings) ? 0 : map_burst(pt, mappings, n, gather);
}

/* ---- For readers ---------------------------------------------------------------------------------------------------- */

int PT_CALL(lookup)(const struct piommu_pt *pt, uint64_t iova, struct piommu_pt_leaf *leaf)
{
	return pt_lookup(&format, pt, iova, leaf);
}

unsigned PT_CALL(walk)(const struct piommu_pt *pt, uint64_t iova, struct piommu_pt_step *steps, unsigned max)
{
	return pt_walk(&format, pt, iova, steps, max);
}

#endif
