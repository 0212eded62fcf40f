/* SPDX-License-Identifier: BSD-3-Clause */
/* See diff_model.h. */
#include <errno.h>

#include "diff_model.h"
#include "piommu_types.h"

uint64_t diff_iova(const struct diff_model *model, unsigned page)
{
	return model->zone[page / DIFF_ZONE_PAGES] + (uint64_t)(page % DIFF_ZONE_PAGES) * 4096;
}

int diff_page_at(const struct diff_model *model, uint64_t iova)
{
	for (unsigned z = 0; z < DIFF_ZONES; z++)
		if (iova >= model->zone[z] && iova - model->zone[z] < DIFF_ZONE_PAGES * UINT64_C(4096))
			return (int)(z * DIFF_ZONE_PAGES + (iova - model->zone[z]) / 4096);
	return -1;
}

/* Whether the 2 MiB around `page` are all in the range, and lie in memory as one large page may. */
static bool is_large(unsigned page, unsigned first, unsigned npages, unsigned at)
{
	unsigned start = page - page % DIFF_LEAF_PAGES;

	return start >= first && start + DIFF_LEAF_PAGES <= first + npages && (at + (start - first)) % DIFF_LEAF_PAGES == 0;
}

int diff_map(struct diff_model *model, unsigned domain, unsigned first, unsigned npages, unsigned at, unsigned prot)
{
	struct diff_page *pages = model->page[domain];

	for (unsigned p = first; p < first + npages; p++)
		if (pages[p].mapped)
			return -EEXIST;
	for (unsigned p = first; p < first + npages; p++)
		pages[p] = (struct diff_page){ .mapped = true,
					       .large = is_large(p, first, npages, at),
					       .prot = (uint8_t)prot,
					       .at = (uint16_t)(at + (p - first)) };
	return 0;
}

static bool cuts_large(const struct diff_page *pages, unsigned first, unsigned npages)
{
	for (unsigned p = first; p < first + npages; p++)
		if (pages[p].mapped && pages[p].large && !is_large(p, first, npages, first % DIFF_LEAF_PAGES))
			return true;
	return false;
}

int diff_unmap(struct diff_model *model, unsigned domain, unsigned first, unsigned npages, bool deferred, size_t *unmapped)
{
	struct diff_page *pages = model->page[domain];
	unsigned n = 0;

	*unmapped = 0;
	if (cuts_large(pages, first, npages))
		return -EXDEV;
	for (unsigned p = first; p < first + npages; p++) {
		pages[p].limbo |= deferred;
		if (!pages[p].mapped)
			continue;
		n++;
		pages[p].mapped = false;
		pages[p].stale = deferred;
		pages[p].cached = pages[p].cached && deferred;
	}
	*unmapped = n * (size_t)4096;
	return n == npages ? 0 : -ENOENT;
}

bool diff_in_limbo(const struct diff_model *model, unsigned domain, unsigned first, unsigned npages)
{
	for (unsigned p = first; p < first + npages; p++)
		if (model->page[domain][p].limbo)
			return true;
	return false;
}

void diff_flush(struct diff_model *model, unsigned domain)
{
	for (unsigned p = 0; p < DIFF_PAGES; p++)
		if (model->page[domain][p].limbo)
			model->page[domain][p] = (struct diff_page){ 0 };
}

enum diff_access diff_access(struct diff_model *model, unsigned device, uint64_t iova, bool is_write, struct diff_page **page)
{
	int at = diff_page_at(model, iova);

	*page = at < 0 ? NULL : &model->page[model->domain[device]][at];
	if (!*page || !((*page)->prot & (is_write ? PIOMMU_WRITE : PIOMMU_READ)))
		return DIFF_BLOCKED;
	if ((*page)->mapped)
		return DIFF_OK;
	return (*page)->stale ? DIFF_EITHER : DIFF_BLOCKED;
}

void diff_touch(struct diff_model *model, unsigned device, uint64_t iova)
{
	int at = diff_page_at(model, iova);
	struct diff_page *pages = model->page[model->domain[device]];
	unsigned start;

	if (at < 0)
		return;
	start = (unsigned)at - (unsigned)at % DIFF_LEAF_PAGES;
	pages[at].cached = true;
	for (unsigned p = start; pages[at].large && p < start + DIFF_LEAF_PAGES; p++)
		pages[p].cached = true;
}
