/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bursts at I/O addresses of the caller's: arguments are checked before anything is done, then one indirect call for all of them. For a
 * family without bursts, range by range.
 */
#include <errno.h>

#include "channel.h"

#define PAGE_MASK (PIOMMU_PAGE_SIZE - 1) /* channels are on domains of such pages */
#define unlikely(x) __builtin_expect(!!(x), 0)

static void unmap_again(struct piommu_domain *domain, uint64_t iova, size_t len)
{
	size_t unmapped;

	if (len)
		domain->ops->unmap(domain, iova, len, NULL, &unmapped);
}

/* Page by page, where they do not lie side by side. */
static int map_one(struct piommu_domain *domain, const struct piommu_mapping *mapping)
{
	size_t done = 0;
	int err = 0;

	if (!mapping->pages)
		return domain->ops->map(domain, mapping->iova, mapping->pa, mapping->len, mapping->prot);
	for (; done < mapping->len && !err; done += err ? 0 : PIOMMU_PAGE_SIZE)
		err = domain->ops->map(domain, mapping->iova + done, mapping->pages[done / PIOMMU_PAGE_SIZE], PIOMMU_PAGE_SIZE,
				       mapping->prot);
	if (err)
		unmap_again(domain, mapping->iova, done);
	return err;
}

static int map_one_by_one(struct piommu_domain *domain, const struct piommu_mapping *mappings, unsigned n)
{
	int err = 0;

	for (unsigned i = 0; i < n; i++) {
		err = map_one(domain, &mappings[i]);
		if (!err)
			continue;
		while (i-- > 0)
			unmap_again(domain, mappings[i].iova, mappings[i].len);
		return err;
	}
	return 0;
}

int core_map_ranges(struct piommu_domain *domain, const struct piommu_mapping *mappings, unsigned n)
{
	return domain->ops->map_burst ? domain->ops->map_burst(domain, mappings, n) : map_one_by_one(domain, mappings, n);
}

int core_unmap_ranges(struct piommu_domain *domain, const struct piommu_range *ranges, unsigned n, struct piommu_gather *gather,
		      size_t *unmapped)
{
	int worst = 0;

	if (domain->ops->unmap_burst)
		return domain->ops->unmap_burst(domain, ranges, n, gather, unmapped);
	*unmapped = 0;
	for (unsigned i = 0; i < n; i++) {
		size_t one = 0;
		int err = domain->ops->unmap(domain, ranges[i].iova, ranges[i].len, gather, &one);

		worst = worst ? worst : err;
		*unmapped += one;
	}
	return worst;
}

static int check_item(const struct piommu_domain *domain, const struct piommu_burst_item *item)
{
	if (((item->iova | item->len) & PAGE_MASK) || !item->len)
		return -EINVAL;
	return core_check_range(domain, item->iova, item->len);
}

int piommu_map_burst(struct piommu_channel *ch, const struct piommu_burst_item *items, unsigned n)
{
	struct piommu_mapping mappings[PIOMMU_BURST_MAX];

	if (n > PIOMMU_BURST_MAX)
		return -EINVAL;
	for (unsigned i = 0; i < n; i++) {
		unsigned prot = items[i].prot;
		int err = (items[i].pa & PAGE_MASK) || !prot || (prot & ~(unsigned)PIOMMU_RW)
				  ? -EINVAL
				  : check_item(ch->domain, &items[i]);

		if (unlikely(err))
			return err;
		mappings[i] =
			(struct piommu_mapping){ .iova = items[i].iova, .len = items[i].len, .pa = items[i].pa, .prot = prot };
	}
	return core_map_ranges(ch->domain, mappings, n);
}

int piommu_unmap_burst(struct piommu_channel *ch, const struct piommu_burst_item *items, unsigned n, size_t *unmapped,
		       piommu_ticket *ticket)
{
	struct piommu_range ranges[PIOMMU_BURST_MAX];
	size_t bytes = 0;
	int err;

	if (unmapped)
		*unmapped = 0;
	if (n > PIOMMU_BURST_MAX)
		return -EINVAL;
	for (unsigned i = 0; i < n; i++) {
		err = check_item(ch->domain, &items[i]);
		if (unlikely(err))
			return err;
		ranges[i] = (struct piommu_range){ .iova = items[i].iova, .len = items[i].len, .leaf = NULL };
	}
	if (unlikely(ch->due || !channel_has_room(ch, 1)) && !channel_make_room(ch, 1))
		return -EAGAIN;
	err = core_unmap_ranges(ch->domain, ranges, n, &ch->gather, &bytes);
	if (unmapped)
		*unmapped = bytes;
	*ticket = channel_close(ch, bytes);
	return err;
}
