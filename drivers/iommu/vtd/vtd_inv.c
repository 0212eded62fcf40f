/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Invalidation. Every command is made as a descriptor; a unit with a queue gets it through the ring, one without through
 * CCMD and IOTLB, one command at a time. Between the clearing of page-table entries and piommu_domain_retire() in the flow.
 * Entered by any registered thread; the commands of bring-up and attach by the slow path.
 * Specification: 6.5.1 (registers), 6.5.2 (queue), 6.5.3 (what to invalidate when), 6.8 (write buffers).
 */
#include <errno.h>
#include <string.h>

#include "piommu_queue.h"
#include "piommu_turn.h"
#include "vtd.h"

/* ---- Set-up --------------------------------------------------------------------------------------------------------------------- */

static void make_wait(void *slot, uint64_t status_pa, uint32_t seq)
{
	struct vtd_pair desc = vtd_desc_wait(status_pa, seq);

	memcpy(slot, &desc, sizeof(desc));
}

static void doorbell(void *ctx, uint64_t tail)
{
	struct vtd *vtd = ctx;

	piommu_write64(vtd->window, VTD_IQT, field_prep(VTD_IQ_INDEX, tail & (BIT64(VTD_QUEUE_LG2) - 1)));
}

bool vtd_is_wait(const void *slot)
{
	return field_get(VTD_DESC_TYPE, ((const struct vtd_pair *)slot)->lo) == VTD_DESC_WAIT;
}

static int check(void *ctx)
{
	struct vtd *vtd = ctx;
	uint32_t fsts = piommu_read32(vtd->window, VTD_FSTS);

	if (fsts == UINT32_MAX)
		return -EIO; /* a unit that is gone completes nothing */
	if (fsts & (VTD_FSTS_IQE | VTD_FSTS_ITE)) {
		PIOMMU_YIELD("queue has stopped, about to repair");
		vtd_inv_repair(vtd);
	}
	return 0;
}

static const struct piommu_ring_ops ring_ops = {
	.make_wait = make_wait,
	.doorbell = doorbell,
	.is_wait = vtd_is_wait,
	.check = check,
};

/*
 * Orders of magnitude, no promises: the threshold is their ratio. Hardware: about five million invalidations a second, each with its
 * wait, is the best rate known, and a command alone is a fraction of that. Software (caching mode is its sign, 6.1): a command
 * looks through all that is cached, and a miss is a walk in software. Registers: a round trip for each command, nothing overlaps.
 */
static const struct vtd_costs by_hardware = { .page = 50, .domain = 100, .refill = 300, .live = 64 };
static const struct vtd_costs by_software = { .page = 1000, .domain = 1000, .refill = 1000, .live = 64 };
static const struct vtd_costs one_by_one = { .page = 2000, .domain = 1500, .refill = 300, .live = 64 };

unsigned vtd_inv_max_desc(const struct vtd_costs *costs)
{
	unsigned n = (costs->domain + costs->live * costs->refill) / costs->page;

	return n < 1 ? 1 : n > VTD_BURST ? VTD_BURST : n;
}

static const struct vtd_costs *costs_of(const struct vtd *vtd)
{
	if (!vtd->unit->caps.queued)
		return &one_by_one;
	return vtd->cap & VTD_CAP_CM ? &by_software : &by_hardware;
}

int vtd_inv_create(struct vtd *vtd)
{
	/* No write-back: ECAP.C is about remapping structures, the queue is read coherently on every unit (11.4.3). */
	const struct piommu_ring_config config = {
		.nslots_lg2 = VTD_QUEUE_LG2,
		.slot_size = sizeof(struct vtd_pair),
		.ops = &ring_ops,
		.ctx = vtd,
	};
	struct vtd_inv *inv = &vtd->inv;

	memset(inv, 0, sizeof(*inv));
	inv->drain = (vtd->cap & VTD_CAP_DRD ? VTD_DESC_DR : 0) | (vtd->cap & VTD_CAP_DWD ? VTD_DESC_DW : 0);
	inv->iotlb = 16 * (unsigned)field_get(VTD_ECAP_IRO, vtd->ecap);
	inv->max_am = (unsigned)field_get(VTD_CAP_MAMV, vtd->cap);
	inv->max_desc = vtd_inv_max_desc(costs_of(vtd));
	inv->psi = vtd->cap & VTD_CAP_PSI;
	return vtd->unit->caps.queued ? piommu_queue_create(vtd->unit, config, &inv->mem, &inv->ring) : 0;
}

void vtd_inv_destroy(struct vtd *vtd)
{
	piommu_queue_destroy(vtd->unit, &vtd->inv.mem, &vtd->inv.ring);
}

/* A failure is an event. Those of a queue that has stopped are noted where it is repaired. */
static int noted(struct vtd *vtd, int err)
{
	if (__builtin_expect(err == -ETIMEDOUT || (err && !vtd->inv.ring), 0))
		piommu_repair_late(&vtd->inv.repair);
	return err;
}

/* ---- By registers ----------------------------------------------------------------------------------------------------------------- */

/* CCMD, IOTLB and GCMD take one command at a time. */
static int registers_lock(struct vtd *vtd)
{
	return piommu_turn_begin(vtd->unit, &vtd->inv.registers_busy);
}

static void registers_unlock(struct vtd *vtd)
{
	piommu_turn_end(&vtd->inv.registers_busy);
}

static int wait_clear(struct vtd *vtd, unsigned off, uint64_t bit, uint64_t *last)
{
	return piommu_turn_wait(vtd->unit, vtd->window, off, 8, bit, last);
}

static int context_command(struct vtd *vtd, struct vtd_pair desc)
{
	uint64_t done;
	int err = wait_clear(vtd, VTD_CCMD, VTD_CCMD_ICC, &done); /* one that timed out may still be under way */

	if (err)
		return err;
	piommu_write64(vtd->window, VTD_CCMD, vtd_ccmd(desc));
	err = wait_clear(vtd, VTD_CCMD, VTD_CCMD_ICC, &done);
	return err ? err : done & VTD_CCMD_CAIG ? 0 : -EIO;
}

static int iotlb_command(struct vtd *vtd, struct vtd_pair desc)
{
	unsigned iotlb = vtd->inv.iotlb;
	uint64_t done;
	int err = wait_clear(vtd, iotlb + VTD_IOTLB, VTD_IOTLB_IVT, &done);

	if (err)
		return err;
	if (field_get(VTD_DESC_G, desc.lo) == VTD_PAGES)
		piommu_write64(vtd->window, iotlb + VTD_IVA, desc.hi);
	piommu_write64(vtd->window, iotlb + VTD_IOTLB, vtd_iotlb(desc));
	err = wait_clear(vtd, iotlb + VTD_IOTLB, VTD_IOTLB_IVT, &done);
	return err ? err : done & VTD_IOTLB_IAIG ? 0 : -EIO;
}

static int by_registers(struct vtd *vtd, const struct vtd_pair *desc, unsigned n)
{
	int err = registers_lock(vtd);

	if (err)
		return noted(vtd, err);
	for (unsigned i = 0; i < n && !err; i++)
		err = field_get(VTD_DESC_TYPE, desc[i].lo) == VTD_DESC_CONTEXT ? context_command(vtd, desc[i])
									       : iotlb_command(vtd, desc[i]);
	registers_unlock(vtd);
	atomic_fetch_add_explicit(&vtd->inv.register_commands, n, memory_order_relaxed);
	return noted(vtd, err);
}

/* ---- Commands --------------------------------------------------------------------------------------------------------------------- */

int vtd_inv_sync(struct vtd *vtd, const struct vtd_pair *desc, unsigned n)
{
	return vtd->inv.ring ? noted(vtd, piommu_ring_sync(vtd->inv.ring, desc, n)) : by_registers(vtd, desc, n);
}

int vtd_inv_all(struct vtd *vtd)
{
	struct vtd_pair context = vtd_desc_context_global();
	struct vtd_pair iotlb = vtd_desc_iotlb_global(vtd->inv.drain);
	int err = vtd_inv_sync(vtd, &context, 1);

	return err ? err : vtd_inv_sync(vtd, &iotlb, 1);
}

int vtd_flush_tag(struct piommu_unit *unit, uint32_t tag)
{
	struct vtd *vtd = vtd_of(unit);
	struct vtd_pair desc = vtd_desc_iotlb_domain((uint16_t)tag, vtd->inv.drain);
	int err;

	if (!vtd->context_unknown)
		return vtd_inv_sync(vtd, &desc, 1);
	/* A context entry that hardware kept would bring the tag's translations back after a flush of them alone. */
	err = vtd_inv_all(vtd);
	vtd->context_unknown = err != 0;
	return err;
}

int vtd_inv_write_buffers(struct vtd *vtd)
{
	uint32_t status;
	uint64_t last;
	int err;

	if (!(vtd->cap & VTD_CAP_RWBF))
		return 0;
	err = registers_lock(vtd);
	if (err)
		return err;
	status = piommu_read32(vtd->window, VTD_GSTS);
	piommu_write32(vtd->window, VTD_GCMD, (status & ~VTD_GSTS_ONE_SHOT) | VTD_GCMD_WBF);
	err = piommu_turn_wait(vtd->unit, vtd->window, VTD_GSTS, 4, VTD_GCMD_WBF, &last);
	registers_unlock(vtd);
	return err;
}

/* ---- What a gather needs ------------------------------------------------------------------------------------------------------------ */

/*
 * Blocks of 2^am pages that cover [start, last]: of the smallest size that is not smaller than the range, so two at most
 * while the unit can do that size. @return how many, or `max` + 1 where they would not fit
 */
static __attribute__((noinline)) unsigned cover(const struct vtd_inv *inv, uint16_t did, struct piommu_span span,
						bool leaf_only, struct vtd_pair *desc, unsigned max)
{
	uint64_t pages = ((span.last - span.start) >> 12) + 1;
	unsigned am = pages > 1 ? ilog2_u64(pages - 1) + 1 : 0;
	unsigned n = 0;

	if (am > inv->max_am)
		am = inv->max_am;
	for (uint64_t at = align_down(span.start, BIT64(12 + am)); at <= span.last; at += BIT64(12 + am)) {
		if (n == max)
			return max + 1;
		desc[n++] = vtd_desc_iotlb_pages(did, at, am, leaf_only, inv->drain);
	}
	return n;
}

/* Single pages from `i` on are one descriptor each. @return the next one that is not, `end` at most */
static inline unsigned build_pages(struct vtd_pair page, const struct piommu_gather *gather, unsigned i, unsigned end,
				   struct vtd_pair *desc)
{
	for (; i < end; i++, desc++) {
		uint64_t start = gather->range[i].start;

		if (gather->range[i].last - start >= PIOMMU_PAGE_SIZE)
			break;
		desc->lo = page.lo;
		desc->hi = page.hi | start;
	}
	return i;
}

unsigned vtd_inv_build(const struct vtd_inv *inv, uint16_t did, const struct piommu_gather *gather, struct vtd_pair *desc)
{
	const struct vtd_pair page = vtd_desc_iotlb_pages(did, 0, 0, !gather->nonleaf, inv->drain);
	unsigned max = inv->psi && gather->n <= inv->max_desc && !gather->whole ? inv->max_desc : 0;
	unsigned n = 0;

	for (unsigned i = 0; i < gather->n && n <= max; i++) {
		unsigned left = gather->n - i < max - n ? gather->n : i + (max - n);
		unsigned next = build_pages(page, gather, i, left, desc + n);

		n += next - i;
		i = next;
		if (i < gather->n)
			n += cover(inv, did, gather->range[i], !gather->nonleaf, desc + n, max - n);
	}
	if (n <= max && !gather->whole)
		return n;
	desc[0] = vtd_desc_iotlb_domain(did, inv->drain);
	return 1;
}

/* ---- To all units of a domain ------------------------------------------------------------------------------------------------------- */

/* Sends the commands for one unit; those of a queue are waited for later, by ticket. */
static int send(const struct piommu_domain_unit *at, const struct piommu_gather *gather, enum piommu_when_full when_full,
		piommu_ticket *ticket)
{
	struct vtd *vtd = vtd_of(at->unit);
	struct vtd_pair desc[VTD_BURST];
	unsigned n;
	int err;

	*ticket = 0;
	if (vtd->inv.ring)
		piommu_ring_expect(vtd->inv.ring);
	n = vtd_inv_build(&vtd->inv, (uint16_t)at->tag, gather, desc);
	if (!vtd->inv.ring)
		return by_registers(vtd, desc, n);
	err = piommu_ring_submit(vtd->inv.ring, desc, n, ticket);
	if (err)
		*ticket = 0;
	return err == -EAGAIN && when_full == PIOMMU_FULL_WAIT ? vtd_inv_sync(vtd, desc, n) : err;
}

int vtd_fence_wait(const struct piommu_unit *unit, piommu_ticket ticket)
{
	struct vtd *vtd = vtd_of(unit);

	return noted(vtd, piommu_ring_wait(vtd->inv.ring, ticket));
}

int vtd_inv_gather(const struct piommu_domain_units *units, const struct piommu_gather *gather)
{
	return piommu_queue_gather(units, gather, send, vtd_fence_wait);
}

int vtd_inv_submit(const struct piommu_domain_units *units, const struct piommu_gather *gather, struct piommu_fence *fence)
{
	return piommu_queue_submit(units, gather, fence, send, vtd_fence_wait);
}

/* Of memory alone: a queue that has stopped is repaired by who waits, or polls the unit. */
int vtd_fence_done(const struct piommu_unit *unit, piommu_ticket ticket)
{
	return piommu_ring_state(vtd_of(unit)->inv.ring, ticket);
}

void vtd_inv_stats(const struct piommu_unit *unit, struct piommu_ring_stats *out)
{
	struct vtd *vtd = vtd_of(unit);

	memset(out, 0, sizeof(*out));
	if (vtd->inv.ring)
		piommu_ring_stats(vtd->inv.ring, out);
	else
		out->descriptors = atomic_load_explicit(&vtd->inv.register_commands, memory_order_relaxed);
}
