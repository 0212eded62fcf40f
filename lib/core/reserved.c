/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What firmware says of a device's addresses. Reserved ranges: memory that it has the device use, mapped 1:1 in every paging domain that
 * the device is put on, before the switch. Carve-outs: addresses at which the device must be given nothing. Both are kept out of a domain's
 * I/O addresses from its creation on for the group that it is made for, and from its attach on for any other. Slow path, under the
 * group's mutex.
 */
#include <errno.h>
#include <string.h>

#include "core.h"

static struct piommu_span whole_pages(const struct piommu_domain *domain, const struct piommu_span *span)
{
	return (struct piommu_span){ span->start & ~domain->page_mask, span->last | domain->page_mask };
}

/* Whether all of a reserved range is free or mapped 1:1 in the domain; `*free` says that nothing of it is mapped. */
static int check_reserved(struct piommu_domain *domain, struct piommu_span span, bool *free)
{
	struct piommu_pt_leaf leaf;

	*free = true;
	if (span.last >> domain->iova_bits)
		return -ERANGE;
	for (uint64_t at = span.start; at <= span.last; at = align_down(at, leaf.size) + leaf.size) {
		if (domain->ops->lookup(domain, at, &leaf)) {
			leaf.size = domain->page_mask + 1;
			continue;
		}
		if (leaf.pa != at || leaf.prot != PIOMMU_RW)
			return -EADDRINUSE;
		*free = false;
	}
	return 0;
}

/* One call with the largest leaves; page by page only where a part of it is there already. */
static int map_reserved(struct piommu_domain *domain, struct piommu_span span)
{
	uint64_t page = domain->page_mask + 1;
	struct piommu_pt_leaf leaf;
	bool free;
	int err = check_reserved(domain, span, &free);

	if (!err && free)
		return domain->ops->map(domain, span.start, span.start, span.last - span.start + 1, PIOMMU_RW);
	for (uint64_t at = span.start; at <= span.last && !err; at += page)
		if (domain->ops->lookup(domain, at, &leaf))
			err = domain->ops->map(domain, at, at, page, PIOMMU_RW);
	return err;
}

/* More than any firmware asks for; a range beyond it is a broken table, and a table of pages for it would be as broken. */
#define RESERVED_MAX (UINT64_C(64) << 30)

static int for_each_reserved(struct piommu_domain *domain, struct piommu_group *group,
			     int (*fn)(struct piommu_domain *domain, struct piommu_span span)) REQUIRES(group->mutex)
{
	for (unsigned d = 0; d < group->nmembers; d++) {
		const struct core_device *device = group->members[d];

		for (unsigned r = 0; r < device->nreserved; r++) {
			struct piommu_span span = whole_pages(domain, &group->p->fw.reserved[device->reserved[r]].span);
			int err = span.last - span.start < RESERVED_MAX ? fn(domain, span) : -E2BIG;

			if (!err)
				continue;
			log_err(&group->p->log,
				"%s: its reserved range 0x%llx-0x%llx cannot be mapped 1:1 in this domain (%s): "
				"unmap what is there, or use a wider domain",
				device->dev.name, (unsigned long long)span.start, (unsigned long long)span.last,
				strerror(-err));
			return err;
		}
	}
	return 0;
}

static int for_each_carveout(struct piommu_domain *domain, struct piommu_group *group,
			     int (*fn)(struct piommu_domain *domain, struct piommu_span span)) REQUIRES(group->mutex)
{
	for (unsigned d = 0; d < group->nmembers; d++) {
		const struct core_device *device = group->members[d];

		for (unsigned c = 0; c < device->ncarveouts; c++) {
			struct piommu_span span = group->p->fw.carveouts[device->carveouts[c]].span;
			int err = fn(domain, whole_pages(domain, &span));

			if (!err)
				continue;
			log_err(&group->p->log,
				"%s: firmware allows it nothing at 0x%llx-0x%llx, and addresses there are in use in this "
				"domain (%s): make a domain for its group",
				device->dev.name, (unsigned long long)span.start, (unsigned long long)span.last,
				strerror(-err));
			return err;
		}
	}
	return 0;
}

static int keep(struct piommu_domain *domain, struct piommu_span span)
{
	return iova_space_reserve(core_domain_of(domain)->iova, span);
}

static int check_carveout(struct piommu_domain *domain, struct piommu_span span)
{
	return iova_space_in_use(core_domain_of(domain)->iova, span) ? -EADDRINUSE : 0;
}

static int keep_carveout(struct piommu_domain *domain, struct piommu_span span)
{
	int err = keep(domain, span);

	return err == -EBUSY ? -EADDRINUSE : err;
}

/* A new domain has no address in use: what does not fit it is seen when the group is attached. */
int core_keep_clear(struct piommu_domain *domain, struct piommu_group *group)
{
	int err = 0;

	if (domain->type != PIOMMU_DOMAIN_PAGING)
		return 0;
	for (unsigned d = 0; d < group->nmembers && !err; d++) {
		const struct core_device *device = group->members[d];

		for (unsigned r = 0; r < device->nreserved && !err; r++)
			err = keep(domain, whole_pages(domain, &group->p->fw.reserved[device->reserved[r]].span));
		for (unsigned c = 0; c < device->ncarveouts && !err; c++)
			err = keep(domain, whole_pages(domain, &group->p->fw.carveouts[device->carveouts[c]].span));
	}
	return err;
}

static int check_only(struct piommu_domain *domain, struct piommu_span span)
{
	bool free;

	return check_reserved(domain, span, &free);
}

static int map_and_keep(struct piommu_domain *domain, struct piommu_span span)
{
	int err = map_reserved(domain, span);

	if (err)
		return err;
	err = keep(domain, span);
	/* Refused where the user holds addresses in it: he mapped them 1:1 himself, or the check would have failed. */
	return err == -EBUSY ? 0 : err;
}

/*
 * All are checked before the first is taken, so that a refusal changes nothing. Where memory runs out, or another thread is given an address
 * there in between, some may stay taken out of what the domain hands out.
 */
int core_cover_reserved(struct piommu_domain *domain, struct piommu_group *group)
{
	struct core_read was;
	int err;

	if (domain->type != PIOMMU_DOMAIN_PAGING)
		return 0;
	/* Ordinary maps: this thread walks the tables, so it is a reader like any other. */
	was = core_read_enter();
	err = for_each_carveout(domain, group, check_carveout);
	if (!err)
		err = for_each_reserved(domain, group, check_only);
	if (!err)
		err = for_each_carveout(domain, group, keep_carveout);
	if (!err)
		err = for_each_reserved(domain, group, map_and_keep);
	core_read_exit(was);
	return err;
}
