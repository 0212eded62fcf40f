/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A request through the VT-d model: context cache, IOTLB, walk, permission, fault, protected memory, memory. VT-d specification,
 * chapters 3 (remapping, interrupt range), 6 (caches), 7 (reasons), 11 (PMEN). The lock is held.
 */
#include <errno.h>

#include "vtd_model_priv.h"

/* A context entry that is absent or wrong, as caching mode keeps it: P = 0, domain id 0, the reason in bits 11:4. */
#define ABSENT_REASON GENMASK64(11, 4)

struct request {
	uint16_t sid;
	uint64_t iova; /* page-aligned */
	bool is_write;
};

struct outcome {
	unsigned reason; /* 0: translated */
	uint64_t pa;
	bool fpd;    /* fault processing disabled by the entry */
	bool cached; /* something of it came out of a cache */
};

static bool allowed(const struct vtdm_leaf *leaf, bool is_write)
{
	return leaf->prot & (is_write ? PIOMMU_WRITE : PIOMMU_READ);
}

static unsigned verdict(const struct vtdm_leaf *leaf, bool is_write)
{
	if (leaf->reason)
		return leaf->reason;
	return allowed(leaf, is_write) ? 0 : is_write ? FR_WRITE : FR_READ;
}

static unsigned get_context(struct vtd_model *m, uint16_t sid, struct vtdm_context *ctx, bool *cached)
{
	const uint64_t *found = sim_cache_find(&m->context, sid);
	unsigned reason;

	if (found) {
		*cached = true;
		*ctx = (struct vtdm_context){ found[0], found[1] };
		return ctx->lo & CTX_P ? 0 : (unsigned)field_get(ABSENT_REASON, ctx->lo);
	}
	reason = vtdm_context_walk(m, VTDM_HARDWARE, sid, ctx, cached);
	if (!reason)
		sim_cache_put(&m->context, sid, ctx->lo, ctx->hi);
	else if (m->cfg.cm)
		sim_cache_put(&m->context, sid, (ctx->lo & CTX_FPD) | field_prep(ABSENT_REASON, reason), 0);
	return reason;
}

/* An IOTLB value: the page, its permissions in bits 1:0, a reason in bits 11:4. */
static struct vtdm_leaf get_leaf(struct vtd_model *m, const struct vtdm_context *ctx, uint64_t iova)
{
	uint64_t key = vtdm_iotlb_key((uint16_t)field_get(CTX_DID, ctx->hi), iova);
	const uint64_t *found = sim_cache_find(&m->iotlb, key);
	struct vtdm_leaf leaf;

	if (found) {
		m->model.counts.tlb_hits++;
		return (struct vtdm_leaf){
			.pa = found[0] & ENTRY_ADDR,
			.prot = (unsigned)found[0] & PIOMMU_RW,
			.reason = (unsigned)field_get(ABSENT_REASON, found[0]),
			.cached = true,
		};
	}
	m->model.counts.tlb_misses++;
	leaf = vtdm_table_walk(m, VTDM_HARDWARE, ctx, iova);
	if (leaf.prot || m->cfg.cm)
		sim_cache_put(&m->iotlb, key, leaf.pa | leaf.prot | field_prep(ABSENT_REASON, leaf.reason), 0);
	return leaf;
}

static struct outcome translate(struct vtd_model *m, const struct request *request)
{
	struct outcome outcome = { 0 };
	struct vtdm_context ctx;
	struct vtdm_leaf leaf;

	outcome.reason = get_context(m, request->sid, &ctx, &outcome.cached);
	outcome.fpd = ctx.lo & CTX_FPD;
	if (outcome.reason)
		return outcome;
	if (request->iova > vtdm_width_last(m, &ctx)) {
		outcome.reason = FR_BEYOND_WIDTH;
	} else if (field_get(CTX_TT, ctx.lo) == TT_PASS_THROUGH) {
		outcome.pa = request->iova;
	} else {
		leaf = get_leaf(m, &ctx, request->iova);
		outcome.reason = verdict(&leaf, request->is_write);
		outcome.pa = leaf.pa;
		outcome.cached |= leaf.cached;
	}
	return outcome;
}

/* The same from memory alone: where the request would go if nothing were cached. False: it would be blocked. */
static bool truth(struct vtd_model *m, const struct request *request, uint64_t *pa)
{
	struct vtdm_context ctx;
	struct vtdm_leaf leaf;
	bool cached;

	if (vtdm_context_walk(m, VTDM_TRUTH, request->sid, &ctx, &cached) || request->iova > vtdm_width_last(m, &ctx))
		return false;
	*pa = request->iova;
	if (field_get(CTX_TT, ctx.lo) == TT_PASS_THROUGH)
		return true;
	leaf = vtdm_table_walk(m, VTDM_TRUTH, &ctx, request->iova);
	*pa = leaf.pa;
	return !verdict(&leaf, request->is_write);
}

static void count_stale(struct vtd_model *m, const struct request *request, uint64_t used)
{
	uint64_t pa = 0;

	if (truth(m, request, &pa) && pa == used)
		return;
	m->model.counts.stale_hits++;
}

/* Faults on the way to the context entry are recorded whatever that entry's FPD says: it was not read. */
static bool qualified(unsigned reason)
{
	return reason != FR_ROOT_P && reason != FR_ROOT_ACCESS && reason != FR_CTX_ACCESS && reason != FR_ROOT_RESERVED;
}

/* @return false: blocked, and recorded */
static bool remap(struct vtd_model *m, const struct request *request, uint64_t *pa)
{
	struct outcome outcome = translate(m, request);
	struct vtdm_fault fault = { request->sid, request->iova, outcome.reason, request->is_write };

	if (outcome.reason) {
		if (!outcome.fpd || !qualified(outcome.reason))
			vtdm_fault_record(m, &fault);
		return false;
	}
	if (outcome.cached)
		count_stale(m, request, outcome.pa);
	*pa = outcome.pa;
	return true;
}

/* Both regions end at the last byte of the granule that the limit names (chapter 11, PLMLIMIT, PHMLIMIT). */
static bool is_protected(const struct vtd_model *m, uint64_t pa, size_t len)
{
	uint64_t last = pa + len - 1;

	if (!m->cfg.plmr || !(vtdm_get32(m, R_PMEN) & PMEN_PRS))
		return false;
	return (last >= vtdm_get32(m, R_PLMBASE) && pa <= (vtdm_get32(m, R_PLMLIMIT) | (PMR_ALIGN - 1))) ||
	       (last >= vtdm_get64(m, R_PHMBASE) && pa <= (vtdm_get64(m, R_PHMLIMIT) | (PMR_ALIGN - 1)));
}

int vtdm_dma(struct sim_model *model, uint32_t id, uint64_t iova, void *buf, size_t len, bool is_write)
{
	struct vtd_model *m = vtdm_of(model);
	const struct request request = { (uint16_t)id, align_down(iova, 4096), is_write };
	uint64_t pa = request.iova, within = iova - request.iova;

	/* Accesses in the interrupt range are interrupts, never translated, and no memory answers them (chapter 3). */
	if (request.iova >= 0xfee00000 && request.iova <= 0xfeefffff)
		return -EIO;
	if (vtdm_get32(m, R_GSTS) & G_TE && !remap(m, &request, &pa))
		return -EFAULT;
	if (is_protected(m, pa + within, len))
		return -EFAULT; /* not a remapping fault: nothing is recorded */
	return sim_mem_dma(m->mem, pa + within, buf, len, is_write) ? 0 : -EIO;
}
