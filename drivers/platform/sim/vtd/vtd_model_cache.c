/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the VT-d model drops for each invalidation: exactly what was asked for, nothing more. VT-d specification 6.2 (caches),
 * 6.5.1 (register-based), 6.5.2 (descriptors), 6.1 (caching mode), 6.8 (write buffers). The lock is held.
 *
 * Keys.   roots: bus (a present root entry: where the bus's context table is). context: source id. iotlb: domain id, 4 KiB page
 * (a large leaf is cached in pieces, which hardware may do and which shows an invalidation that covers only a part of it).
 * tables: domain id, level of the entry, address bits above it. Root entries have no domain id and are no one source's: nothing
 * but a global invalidation has to drop them (6.5.3).
 * One command's victims are one span of keys, or three with tables.
 */
#include "vtd_model_priv.h"

#define PAGE_BITS 45 /* 57-bit addresses */
#define LEVEL_SHIFT 42

uint64_t vtdm_iotlb_key(uint16_t did, uint64_t iova)
{
	return (uint64_t)did << PAGE_BITS | (iova >> 12);
}

uint64_t vtdm_table_key(uint16_t did, unsigned level, uint64_t iova)
{
	return (uint64_t)did << PAGE_BITS | (uint64_t)level << LEVEL_SHIFT | iova >> (12 + 9 * (level - 1));
}

void vtdm_drain_writes(struct vtd_model *m)
{
	sim_cache_clear(&m->held);
}

static bool has_did(const void *ctx, uint64_t key, const uint64_t value[2])
{
	(void)key;
	return field_get(CTX_DID, value[1]) == *(const uint16_t *)ctx;
}

/* FM masks the upper one, two or all three bits of the function number. */
static void context_drop_device(struct vtd_model *m, uint16_t did, uint16_t sid, unsigned fm)
{
	static const uint16_t masks[] = { 0, 4, 6, 7 };

	for (uint16_t function = 0; function < 8; function++) {
		uint16_t source = (uint16_t)((sid & ~7) | function);
		const uint64_t *found;

		if ((source ^ sid) & 7 & ~masks[fm])
			continue;
		found = sim_cache_find(&m->context, source);
		if (found && has_did(&did, source, found))
			sim_cache_remove(&m->context, source);
	}
}

void vtdm_context_invalidate(struct vtd_model *m, unsigned gran, uint16_t did, uint16_t sid, unsigned fm)
{
	if (!gran)
		return;
	m->model.counts.context_invalidations++;
	vtdm_drain_writes(m);
	if (gran == GRAN_GLOBAL) {
		sim_cache_clear(&m->context);
		sim_cache_clear(&m->roots);
		m->owed &= ~OWED_CONTEXT;
	} else if (gran == GRAN_DOMAIN) {
		sim_cache_drop_if(&m->context, has_did, &did);
	} else {
		context_drop_device(m, did, sid, fm);
	}
}

static void drop_pages(struct vtd_model *m, uint16_t did, uint64_t iva)
{
	uint64_t len = UINT64_C(4096) << field_get(IVA_AM, iva);
	uint64_t first = align_down(iva & IVA_ADDR, len) & GENMASK64(PAGE_BITS + 11, 0), last = first + len - 1;

	sim_cache_drop(&m->iotlb, vtdm_iotlb_key(did, first), vtdm_iotlb_key(did, last));
	if (iva & IVA_IH)
		return; /* software says that it changed leaves only */
	for (unsigned level = 2; level <= 5; level++)
		sim_cache_drop(&m->tables, vtdm_table_key(did, level, first), vtdm_table_key(did, level, last));
}

bool vtdm_iotlb_invalidate(struct vtd_model *m, unsigned gran, uint16_t did, uint64_t iva)
{
	uint64_t first = vtdm_iotlb_key(did, 0), last = vtdm_iotlb_key(did, 0) | GENMASK64(PAGE_BITS - 1, 0);

	if (!gran)
		return false;
	if (gran == GRAN_FINE && field_get(IVA_AM, iva) > field_get(CAP_MAMV, m->cap))
		return false;
	m->model.counts.tlb_invalidations++;
	vtdm_drain_writes(m);
	if (gran == GRAN_GLOBAL) {
		sim_cache_clear(&m->iotlb);
		sim_cache_clear(&m->tables);
		m->owed &= ~(m->owed & OWED_CONTEXT ? 0 : OWED_IOTLB); /* the context cache comes first (6.5.3) */
	} else if (gran == GRAN_DOMAIN) {
		sim_cache_drop(&m->iotlb, first, last);
		sim_cache_drop(&m->tables, first, last);
	} else {
		drop_pages(m, did, iva);
	}
	return true;
}
