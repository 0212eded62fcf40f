/* SPDX-License-Identifier: BSD-3-Clause */
/* The hardware of storm_bare.h. One lock is its own: it does one thing at a time, so an invalidation is complete when its call returns. */
#include <errno.h>
#include <stdlib.h>

#include "storm_bare_priv.h"

const struct bare_shape bare_shapes[BARE_FNS] = {
	{ { 0, 0, 0x00 }, 0, false, false, false }, { { 0, 0, 0xf8 }, 0, false, false, false },
	{ { 0, 0, 0x30 }, 0, false, true, false },  { { 0, 0, 0x38 }, 0, false, false, true },
	{ { 0, 0, 0xe3 }, 1, false, false, false }, { { 0, 5, 0x00 }, 1, false, false, false },
	{ { 0, 6, 0x00 }, 1, false, false, false }, { { 0, 6, 0x08 }, 1, false, false, false },
	{ { 0, 7, 0x00 }, 1, true, true, false },   { { 0, 8, 0x00 }, 1, true, false, true },
};

void bare_wrong(struct bare *b, const char *what)
{
	stress_fail(b->verdict, "bare driver: %s", what);
}

/* ---- Hardware: DMA ---------------------------------------------------------------------------------------------------------- */

int bare_function_at(struct piommu_sbdf sbdf)
{
	for (unsigned i = 0; i < BARE_FNS; i++)
		if (!piommu_sbdf_compare(bare_shapes[i].sbdf, sbdf))
			return (int)i;
	return -1;
}

static uint64_t *iotlb_entry(struct bare *b, const struct bare_fn *fn, const struct bare_context *ctx, unsigned page)
{
	return &b->unit[fn->shape->unit].cached[ctx->tag][page];
}

/* Where a page is, from the nearest cache that has it; they all have it then. 0: nowhere */
static uint64_t translate(struct bare *b, struct bare_fn *fn, unsigned pasid, unsigned page)
{
	struct bare_context *ctx = &fn->context[pasid];
	uint64_t *own = &fn->cached[pasid][page], *shared = iotlb_entry(b, fn, ctx, page);

	if (fn->shape->ats && *own)
		return *own;
	if (!*shared)
		*shared = atomic_load_explicit(&ctx->domain->page[page], memory_order_relaxed);
	if (fn->shape->ats)
		*own = *shared;
	return *shared;
}

/* @return 0 and the address, or -EFAULT */
static int resolve(struct bare *b, struct bare_fn *fn, unsigned pasid, uint64_t iova, uint64_t *pa)
{
	const struct bare_context *ctx = &fn->context[pasid];
	uint64_t page = (iova - BARE_IOVA) / BARE_PAGE, entry;

	*pa = iova;
	if (!b->unit[fn->shape->unit].enabled)
		return pasid ? -EFAULT : 0;
	if (!ctx->domain || ctx->domain->base.type == PIOMMU_DOMAIN_BLOCKING)
		return -EFAULT;
	if (ctx->domain->base.type == PIOMMU_DOMAIN_IDENTITY)
		return 0;
	entry = iova >= BARE_IOVA && page < BARE_PAGES ? translate(b, fn, pasid, (unsigned)page) : 0;
	*pa = (entry & ~BARE_VALID) + iova % BARE_PAGE;
	return entry ? 0 : -EFAULT;
}

static int access_memory(struct piommu_platform *plat, uint64_t pa, uint64_t *word, bool is_write)
{
	uint64_t *at = plat->ops->mem_at(plat, pa, sizeof(*word));

	if (!at)
		return -EIO;
	if (is_write)
		__atomic_store_n(at, *word, __ATOMIC_RELAXED);
	else
		*word = __atomic_load_n(at, __ATOMIC_RELAXED);
	return 0;
}

int bare_dma(struct bare *b, struct piommu_platform *plat, struct piommu_sbdf sbdf, unsigned pasid, uint64_t iova,
	     uint64_t *word, bool is_write)
{
	int i = bare_function_at(sbdf);
	uint64_t pa;
	int err;

	if (i < 0)
		return -ENOENT;
	pthread_mutex_lock(&b->lock);
	err = resolve(b, &b->fn[i], pasid, iova, &pa);
	if (!err)
		err = access_memory(plat, pa, word, is_write);
	pthread_mutex_unlock(&b->lock);
	return err;
}

bool bare_is_on(struct bare *b, struct piommu_sbdf sbdf)
{
	int i = bare_function_at(sbdf);
	bool on;

	pthread_mutex_lock(&b->lock);
	on = i >= 0 && b->unit[bare_shapes[i].unit].enabled;
	pthread_mutex_unlock(&b->lock);
	return on;
}

void bare_left(struct bare *b, struct piommu_sbdf sbdf, bool left)
{
	int i = bare_function_at(sbdf);

	if (i >= 0)
		atomic_store_explicit(&b->fn[i].left, left, memory_order_relaxed);
}

unsigned bare_domains(struct bare *b)
{
	return atomic_load_explicit(&b->ndomains, memory_order_relaxed);
}

/* ---- Hardware: entries and invalidations. Under the lock -------------------------------------------------------------------- */

unsigned bare_users_of(const struct bare *b, const struct bare_unit *unit, uint32_t tag)
{
	unsigned n = 0;

	for (unsigned i = 0; i < BARE_FNS; i++)
		for (unsigned c = 0; c < BARE_CONTEXTS && bare_shapes[i].unit == unit->index; c++)
			n += b->fn[i].context[c].domain && b->fn[i].context[c].tag == tag &&
			     b->fn[i].context[c].domain->base.type == PIOMMU_DOMAIN_PAGING;
	return n;
}

void bare_forget_tag(struct bare_unit *unit, uint32_t tag, unsigned first, unsigned n)
{
	for (unsigned i = first; i < first + n; i++)
		unit->cached[tag][i] = 0;
}

static bool is_clean(const struct bare_unit *unit, uint32_t tag)
{
	for (unsigned i = 0; i < BARE_PAGES; i++)
		if (unit->cached[tag][i])
			return false;
	return true;
}

void bare_point(struct bare *b, struct bare_fn *fn, unsigned pasid, const struct bare_domain *domain, uint32_t tag)
{
	struct bare_unit *unit = &b->unit[fn->shape->unit];

	if (domain && domain->base.type == PIOMMU_DOMAIN_PAGING && !bare_users_of(b, unit, tag) && !is_clean(unit, tag))
		bare_wrong(b, "a tag without users is not clean in the IOTLB when it is used");
	fn->context[pasid] = (struct bare_context){ domain, tag };
	for (unsigned i = 0; i < BARE_PAGES; i++)
		fn->cached[pasid][i] = 0;
}

/* ---- The machine ------------------------------------------------------------------------------------------------------------------ */

struct piommu_fw_unit bare_desc(struct bare *b, unsigned unit)
{
	struct piommu_fw_unit desc = { .name = "bare0", .base = (uintptr_t)&b->unit[unit], .numa_node = -1 };

	desc.name[4] = (char)('0' + unit);
	return desc;
}

struct bare *bare_create(struct stress_verdict *verdict)
{
	struct bare *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->verdict = verdict;
	pthread_mutex_init(&b->lock, NULL);
	atomic_flag_clear(&b->asking);
	b->identity.base.type = PIOMMU_DOMAIN_IDENTITY;
	for (unsigned u = 0; u < BARE_UNITS; u++) {
		b->unit[u].b = b;
		b->unit[u].index = u;
		atomic_flag_clear(&b->unit[u].busy);
		atomic_flag_clear(&b->unit[u].polling);
	}
	for (unsigned i = 0; i < BARE_FNS; i++)
		b->fn[i].shape = &bare_shapes[i];
	return b;
}

void bare_destroy(struct bare *b)
{
	if (!b)
		return;
	for (unsigned u = 0; u < BARE_UNITS; u++)
		if (b->unit[u].probed)
			bare_wrong(b, "a unit was not removed");
	if (bare_domains(b))
		bare_wrong(b, "a domain was not destroyed");
	pthread_mutex_destroy(&b->lock);
	free(b);
}
