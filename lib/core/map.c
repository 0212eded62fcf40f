/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The fast path: check the arguments, one indirect call. No lock, no allocation in the steady state, no message: what is
 * wrong with a call is told in words by explain.c, on demand.
 */
#include <errno.h>
#include <stdlib.h>

#include "core.h"

#define unlikely(x) __builtin_expect(!!(x), 0)

static inline int check_range(const struct piommu_domain *domain, uint64_t iova, size_t len)
{
	uint64_t last = iova + (len - 1);

	if (unlikely(last < iova || last >> domain->iova_bits))
		return -ERANGE;
	if (unlikely(last >= domain->hole.start && iova <= domain->hole.last))
		return -ERANGE;
	return 0;
}

int core_check_range(const struct piommu_domain *domain, uint64_t iova, size_t len)
{
	return check_range(domain, iova, len);
}

/*
 * Whether a range is plainly good: it ends below the width's end, and clear of the hole. `odd` has the bits above the width, so that no
 * sum of two numbers without them wraps, and the bits below the page size. What is not plainly good is looked at again, in words of
 * errors; the range that ends with the address space comes through there.
 */
static inline bool is_plain(const struct piommu_domain *domain, uint64_t iova, size_t len)
{
	uint64_t end = iova + len;

	return !((iova | len | end) & domain->odd) && len && (end <= domain->hole.start || iova > domain->hole.last);
}

static __attribute__((noinline, cold)) int map_odd(struct piommu_domain *domain, uint64_t iova, uint64_t pa, size_t len,
						   unsigned prot)
{
	int err;

	if (((iova | pa | len) & domain->page_mask) || !len || !prot || (prot & ~(unsigned)PIOMMU_RW) ||
	    domain->type != PIOMMU_DOMAIN_PAGING)
		return -EINVAL;
	err = check_range(domain, iova, len);
	return err ? err : domain->ops->map(domain, iova, pa, len, prot);
}

int piommu_map(struct piommu_domain *domain, uint64_t iova, uint64_t pa, size_t len, unsigned prot)
{
	if (unlikely(!is_plain(domain, iova, len) || (pa & domain->page_mask) || prot - 1 >= PIOMMU_RW))
		return map_odd(domain, iova, pa, len, prot);
	return domain->ops->map(domain, iova, pa, len, prot);
}

static __attribute__((noinline, cold)) int unmap_odd(struct piommu_domain *domain, uint64_t iova, size_t len,
						     struct piommu_gather *gather, size_t *unmapped)
{
	int err;

	if (unmapped)
		*unmapped = 0;
	if (((iova | len) & domain->page_mask) || !len || domain->type != PIOMMU_DOMAIN_PAGING)
		return -EINVAL;
	err = check_range(domain, iova, len);
	return err ? err : domain->ops->unmap(domain, iova, len, gather, unmapped);
}

static inline int unmap(struct piommu_domain *domain, uint64_t iova, size_t len, struct piommu_gather *gather, size_t *unmapped)
{
	if (unlikely(!is_plain(domain, iova, len)))
		return unmap_odd(domain, iova, len, gather, unmapped);
	return domain->ops->unmap(domain, iova, len, gather, unmapped);
}

int piommu_unmap(struct piommu_domain *domain, uint64_t iova, size_t len, size_t *unmapped)
{
	return unmap(domain, iova, len, NULL, unmapped);
}

int piommu_unmap_gather(struct piommu_domain *domain, uint64_t iova, size_t len, struct piommu_gather *gather, size_t *unmapped)
{
	return unmap(domain, iova, len, gather, unmapped);
}

int piommu_gather_create(struct piommu_gather **out)
{
	struct piommu_gather *gather = malloc(sizeof(*gather));

	if (!gather)
		return -ENOMEM;
	piommu_gather_init(gather);
	*out = gather;
	return 0;
}

int piommu_gather_destroy(struct piommu_gather *gather)
{
	if (!gather)
		return 0;
	if (!piommu_gather_empty(gather) || gather->pages.n)
		return -EBUSY;
	free(gather);
	return 0;
}

int piommu_gather_flush(struct piommu_domain *domain, struct piommu_gather *gather)
{
	return domain->ops->flush(domain, gather);
}

int piommu_lookup(struct piommu_domain *domain, uint64_t iova, uint64_t *pa, unsigned *prot, size_t *size)
{
	struct piommu_pt_leaf leaf;
	int err;

	if (unlikely(iova >> domain->iova_bits))
		return -ERANGE;
	err = domain->ops->lookup(domain, iova, &leaf);
	if (unlikely(err))
		return err;
	*pa = leaf.pa;
	if (prot)
		*prot = leaf.prot;
	if (size)
		*size = leaf.size;
	return 0;
}

int piommu_mem_alloc(struct piommu *p, size_t len, size_t align, struct piommu_mem *out)
{
	size_t page = atomic_load_explicit(&p->page, memory_order_relaxed);

	if (page < PIOMMU_PAGE_SIZE)
		page = PIOMMU_PAGE_SIZE;
	if (!len || (align && !is_pow2(align)) || align > BIT64(21))
		return -EINVAL;
	if (p->inspect || !p->plat->ops->mem_alloc)
		return -ENOMEM;
	return p->plat->ops->mem_alloc(p->plat, align_up(len, page), align > page ? align : page, -1, out);
}

void piommu_mem_free(struct piommu *p, struct piommu_mem *mem)
{
	if (mem && mem->va)
		p->plat->ops->mem_free(p->plat, mem);
}
