/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Why a map or an unmap is refused, in one line with the value and what to do: the words that the fast path does not spend
 * time on. Checks in the order in which the fast path refuses. Changes nothing.
 */
#include <errno.h>
#include <stdio.h>

#include "core.h"

typedef unsigned long long ull;

static uint64_t page_of(const struct piommu_domain *domain)
{
	return domain->page_mask + 1;
}

static int explain_range(const struct piommu_domain *domain, uint64_t iova, size_t len, char *text, size_t textlen)
{
	uint64_t last = iova + (len - 1);
	uint64_t page = page_of(domain);

	if (!len)
		snprintf(text, textlen, "length 0: give at least %llu bytes", (ull)page);
	else if (!is_aligned(iova, page))
		snprintf(text, textlen, "iova 0x%llx is not a multiple of %llu, the domain's smallest page", (ull)iova,
			 (ull)page);
	else if (!is_aligned(len, page))
		snprintf(text, textlen, "length 0x%llx is not a multiple of %llu, the domain's smallest page", (ull)len,
			 (ull)page);
	else if (domain->type != PIOMMU_DOMAIN_PAGING)
		snprintf(text, textlen, "%s domain: it has no page table; use a paging domain",
			 domain->type == PIOMMU_DOMAIN_IDENTITY ? "identity" : "blocking");
	else
		goto aligned;
	return -EINVAL;

aligned:
	if (last < iova || last >> domain->iova_bits)
		snprintf(text, textlen, "iova 0x%llx-0x%llx is outside the domain's %u bits (last address 0x%llx)", (ull)iova,
			 (ull)last, domain->iova_bits, (ull)(BIT64(domain->iova_bits) - 1));
	else if (last >= domain->hole.start && iova <= domain->hole.last)
		snprintf(text, textlen,
			 "iova 0x%llx-0x%llx meets 0x%llx-0x%llx, where a write is an interrupt and no memory access",
			 (ull)iova, (ull)last, (ull)domain->hole.start, (ull)domain->hole.last);
	else
		return 0;
	return -ERANGE;
}

int piommu_map_explain(struct piommu_domain *domain, uint64_t iova, uint64_t pa, size_t len, unsigned prot, char *text,
		       size_t textlen)
{
	const struct core_unit *home = core_domain_of(domain)->home;
	unsigned pa_bits = home->unit.caps.pa_bits;
	struct piommu_pt_leaf leaf;
	int err;

	if (!prot || prot & ~(unsigned)PIOMMU_RW) {
		snprintf(text, textlen, "permissions 0x%x: give PIOMMU_READ, PIOMMU_WRITE or both", prot);
		return -EINVAL;
	}
	if (!is_aligned(pa, page_of(domain))) {
		snprintf(text, textlen, "pa 0x%llx is not a multiple of %llu, the domain's smallest page", (ull)pa,
			 (ull)page_of(domain));
		return -EINVAL;
	}
	err = explain_range(domain, iova, len, text, textlen);
	if (err)
		return err;
	if (pa + (len - 1) < pa || (pa_bits < 64 && (pa + (len - 1)) >> pa_bits)) {
		snprintf(text, textlen, "pa 0x%llx-0x%llx is beyond the %u bits that %s can address", (ull)pa,
			 (ull)(pa + (len - 1)), pa_bits, home->unit.name);
		return -ERANGE;
	}
	for (uint64_t at = iova; at - iova < len; at += page_of(domain)) {
		if (domain->ops->lookup(domain, at, &leaf))
			continue;
		snprintf(text, textlen, "iova 0x%llx is mapped already (to pa 0x%llx): unmap it first", (ull)at, (ull)leaf.pa);
		return -EEXIST;
	}
	snprintf(text, textlen, "fine: iova 0x%llx-0x%llx is free", (ull)iova, (ull)(iova + (len - 1)));
	return 0;
}

int piommu_unmap_explain(struct piommu_domain *domain, uint64_t iova, size_t len, char *text, size_t textlen)
{
	uint64_t first_hole = 0;
	size_t missing = 0;
	int err = explain_range(domain, iova, len, text, textlen);

	if (err)
		return err;
	for (uint64_t at = iova; at - iova < len;) {
		struct piommu_pt_leaf leaf;
		uint64_t start;

		if (domain->ops->lookup(domain, at, &leaf)) {
			first_hole = missing ? first_hole : at;
			missing += page_of(domain);
			at += page_of(domain);
			continue;
		}
		start = align_down(at, leaf.size);
		if (start < iova || leaf.size - 1 > iova + (len - 1) - start) {
			snprintf(text, textlen,
				 "the range covers a part of the 0x%llx-byte super page at iova 0x%llx: super pages are not "
				 "split, unmap all of it",
				 (ull)leaf.size, (ull)start);
			return -EXDEV;
		}
		at = start + leaf.size;
		if (!at)
			break;
	}
	if (missing) {
		snprintf(text, textlen, "0x%llx of 0x%llx bytes are not mapped, the first at iova 0x%llx", (ull)missing,
			 (ull)len, (ull)first_hole);
		return -ENOENT;
	}
	snprintf(text, textlen, "fine: all of iova 0x%llx-0x%llx is mapped", (ull)iova, (ull)(iova + (len - 1)));
	return 0;
}
