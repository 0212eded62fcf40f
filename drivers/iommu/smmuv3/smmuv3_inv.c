/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Invalidation, by the command queue through the ring. Between the clearing of page-table entries and piommu_domain_retire() in the
 * flow. Entered by any registered thread; the commands of bring-up and attach by the slow path.
 *
 * A burst ends with a CMD_SYNC. Where the unit snoops and can send MSIs, its "interrupt" is a write to the status word, and nobody
 * reads a register; elsewhere CMDQ_CONS says how far the unit has come, and a CMD_SYNC that is consumed is complete (4.7.3).
 * Specification: 3.5 (queues), 3.17 and 4.4 (what to invalidate when), 4.3, 4.4.1 (ranges), 4.7 (CMD_SYNC).
 */
#include <errno.h>
#include <string.h>

#include "piommu_queue.h"
#include "smmuv3.h"

/* ---- Set-up --------------------------------------------------------------------------------------------------------------------- */

static void put(void *slot, struct smmuv3_cmd cmd)
{
	memcpy(slot, &cmd, sizeof(cmd));
}

static void make_sync_write(void *slot, uint64_t status_pa, uint32_t seq)
{
	put(slot, smmuv3_cmd_sync_write(status_pa, seq));
}

static void make_sync(void *slot, uint64_t status_pa, uint32_t seq)
{
	(void)status_pa, (void)seq;
	put(slot, smmuv3_cmd_sync());
}

/* Index and wrap bit (3.5.1). */
static uint32_t position_mask(const struct smmuv3_inv *inv)
{
	return (2u << inv->nslots_lg2) - 1;
}

static void doorbell(void *ctx, uint64_t tail)
{
	struct smmuv3 *smmu = ctx;

	piommu_write32(smmu->window, SMMUV3_CMDQ_PROD, (uint32_t)tail & position_mask(&smmu->inv));
}

static uint64_t consumed(void *ctx)
{
	struct smmuv3 *smmu = ctx;

	return piommu_read32(smmu->window, SMMUV3_CMDQ_CONS) & position_mask(&smmu->inv);
}

bool smmuv3_is_wait(const void *slot)
{
	return field_get(SMMUV3_CMD_OP, ((const struct smmuv3_cmd *)slot)->lo) == SMMUV3_CMD_SYNC;
}

static int check(void *ctx)
{
	struct smmuv3 *smmu = ctx;
	uint32_t gerror = piommu_read32(smmu->window, SMMUV3_GERROR);

	if (gerror == UINT32_MAX)
		return -EIO; /* a unit that is gone completes nothing */
	if (smmuv3_errors(smmu, gerror) & SMMUV3_GERROR_CMDQ) {
		PIOMMU_YIELD("queue has stopped, about to repair");
		smmuv3_inv_repair(smmu);
	}
	return 0;
}

static const struct piommu_ring_ops by_write = {
	.make_wait = make_sync_write,
	.doorbell = doorbell,
	.is_wait = smmuv3_is_wait,
	.check = check,
};

static const struct piommu_ring_ops by_index = {
	.make_wait = make_sync,
	.doorbell = doorbell,
	.consumed = consumed,
	.is_wait = smmuv3_is_wait,
	.check = check,
};

static void ring_writeback(void *clock_ctx, const void *va, size_t len)
{
	piommu_plat_writeback(clock_ctx, va, len);
}

static int queue_create(struct smmuv3 *smmu)
{
	const struct piommu_unit *unit = smmu->unit;
	struct smmuv3_inv *inv = &smmu->inv;
	const struct piommu_ring_config config = {
		.nslots_lg2 = inv->nslots_lg2,
		.slot_size = sizeof(struct smmuv3_cmd),
		.ops = unit->caps.coherent && smmu->idr0 & SMMUV3_IDR0_MSI ? &by_write : &by_index,
		.ctx = smmu,
		.writeback = unit->caps.coherent ? NULL : ring_writeback,
	};

	return piommu_queue_create(unit, config, &inv->mem, &inv->ring);
}

/*
 * Orders of magnitude, no promises: the threshold is their ratio. A command, beside others: 100 ns. A miss: the leaf from memory, the
 * rest of the walk from walk caches, 300 ns. 64 translations that devices will ask for again: nothing tells how many a unit caches; a
 * domain that uses fewer loses less. So many commands for one gather cost as much as the whole tag:
 */
#define WORTH ((200 + 64 * 300) / 100)

int smmuv3_inv_create(struct smmuv3 *smmu)
{
	struct smmuv3_inv *inv = &smmu->inv;
	unsigned most = field_get32(SMMUV3_IDR1_CMDQS, smmu->idr1);
	unsigned room;

	memset(inv, 0, sizeof(*inv));
	inv->nslots_lg2 = most < SMMUV3_CMDQ_LG2 ? most : SMMUV3_CMDQ_LG2;
	inv->granule_lg2 = smmu->granule_lg2;
	inv->stage2 = smmu->stage2;
	inv->ranges = smmu->idr3 & SMMUV3_IDR3_RIL;
	room = (1u << inv->nslots_lg2) - 2; /* one for its CMD_SYNC, and one stays free */
	inv->max_burst = room < SMMUV3_BURST ? room : SMMUV3_BURST;
	inv->max_cmds = inv->max_burst < WORTH ? inv->max_burst : WORTH;
	return queue_create(smmu);
}

void smmuv3_inv_destroy(struct smmuv3 *smmu)
{
	piommu_queue_destroy(smmu->unit, &smmu->inv.mem, &smmu->inv.ring);
}

/* A failure is an event. Those of a queue that has stopped are noted where it is repaired. */
static int noted(struct smmuv3 *smmu, int err)
{
	if (__builtin_expect(err == -ETIMEDOUT, 0))
		piommu_repair_late(&smmu->inv.repair);
	return err;
}

/* ---- Commands --------------------------------------------------------------------------------------------------------------------- */

int smmuv3_inv_sync(struct smmuv3 *smmu, const struct smmuv3_cmd *cmd, unsigned n)
{
	unsigned most = smmu->inv.max_burst;
	int err = 0;

	for (unsigned i = 0; i < n && !err; i += most)
		err = piommu_ring_sync(smmu->inv.ring, cmd + i, n - i < most ? n - i : most);
	return noted(smmu, err);
}

int smmuv3_inv_all(struct smmuv3 *smmu)
{
	struct smmuv3_cmd config = smmuv3_cmd_cfgi_all();
	struct smmuv3_cmd tlb[2];
	unsigned n = 0;
	int err;

	if (smmu->idr0 & SMMUV3_IDR0_HYP)
		tlb[n++] = smmuv3_cmd_tlbi_el2_all();
	tlb[n++] = smmuv3_cmd_tlbi_nsnh_all();
	/* Configuration first, and complete: nothing is put into the TLB under an old entry after that. */
	err = smmuv3_inv_sync(smmu, &config, 1);
	return err ? err : smmuv3_inv_sync(smmu, tlb, n);
}

int smmuv3_flush_tag(struct piommu_unit *unit, uint32_t tag)
{
	struct smmuv3 *smmu = smmuv3_of(unit);
	struct smmuv3_cmd cmd = smmuv3_cmd_tlbi_tag(smmu->stage2, (uint16_t)tag);
	int err;

	smmuv3_cd_clear(smmu, tag);
	if (!smmu->config_unknown)
		return smmuv3_inv_sync(smmu, &cmd, 1);
	/* A stream table entry that hardware kept would bring the tag's translations back after a flush of them alone. */
	err = smmuv3_inv_all(smmu);
	smmu->config_unknown = err != 0;
	return err;
}

/* ---- What a gather needs ------------------------------------------------------------------------------------------------------------ */

/* Of the commands for one gather. */
struct plan {
	struct smmuv3_cmd page; /* for one page at address 0 */
	uint64_t range;         /* TG of the upper word; 0: the unit has no ranges */
	unsigned granule_lg2;
	bool leaf_only;
};

static uint64_t tg_of_command(unsigned granule_lg2)
{
	return field_prep(SMMUV3_CMD_TG, (granule_lg2 - 10) / 2); /* 1, 2, 3 for 4, 16, 64 KiB */
}

/*
 * Leaves are never split, so that a range that holds no whole block has held leaves of the last level alone. The unit may then
 * leave out its search for others.
 */
static uint64_t level_of(const struct plan *plan, struct piommu_span span)
{
	uint64_t block = BIT64(2 * plan->granule_lg2 - 3);
	uint64_t first = align_up(span.start, block);

	if (!plan->range || !plan->leaf_only || (first >= span.start && first <= span.last && span.last - first >= block - 1))
		return 0;
	return field_prep(SMMUV3_CMD_TTL, 3);
}

/* A range of one granule without a level is a reserved form (4.4.1.1); the one without a range says the same. */
static struct smmuv3_cmd one_page(const struct plan *plan, uint64_t level, uint64_t iova)
{
	uint64_t hi = plan->page.hi | iova;

	return (struct smmuv3_cmd){ plan->page.lo, level ? hi | plan->range | level : hi };
}

#define MOST_SCALE 31u /* 2^36 granules are the most there are, in 48 bits of 4 KiB and in 52 of 64: 32 << 31 */

/*
 * Exactly [start, last], from its start on. A command takes (NUM + 1) << SCALE granules: the highest five bits of the number that is
 * left. @return how many commands, or `max` + 1 where they would not fit
 */
static __attribute__((noinline)) unsigned cover(const struct plan *plan, struct piommu_span span, struct smmuv3_cmd *cmd,
						unsigned max)
{
	uint64_t left = ((span.last - span.start) >> plan->granule_lg2) + 1;
	uint64_t level = level_of(plan, span);
	uint64_t at = span.start;
	unsigned n = 0;

	while (left) {
		unsigned top = ilog2_u64(left);
		unsigned scale = !plan->range || top < 5 ? 0 : top - 4 < MOST_SCALE ? top - 4 : MOST_SCALE;
		uint64_t num = plan->range ? left >> scale : 1;

		if (n == max)
			return max + 1;
		cmd[n] = one_page(plan, level, at);
		if (num > 1 || scale) {
			cmd[n].lo |= field_prep(SMMUV3_CMD_NUM, num - 1) | field_prep(SMMUV3_CMD_SCALE, scale);
			cmd[n].hi |= plan->range;
		}
		n++;
		left -= num << scale;
		at += num << (scale + plan->granule_lg2);
	}
	return n;
}

/* Single pages from `i` on are one command each. @return the next one that is not, `end` at most */
static inline unsigned build_pages(struct smmuv3_cmd page, uint64_t page_size, const struct piommu_gather *gather, unsigned i,
				   unsigned end, struct smmuv3_cmd *cmd)
{
	for (; i < end; i++, cmd++) {
		uint64_t start = gather->range[i].start;

		if (gather->range[i].last - start >= page_size)
			break;
		cmd->lo = page.lo;
		cmd->hi = page.hi | start;
	}
	return i;
}

unsigned smmuv3_inv_build(const struct smmuv3_inv *inv, uint16_t tag, const struct piommu_gather *gather,
			  struct smmuv3_cmd *cmd)
{
	const struct plan plan = {
		.page = smmuv3_cmd_tlbi_page(inv->stage2, tag, 0, !gather->nonleaf),
		.range = inv->ranges ? tg_of_command(inv->granule_lg2) : 0,
		.granule_lg2 = inv->granule_lg2,
		.leaf_only = !gather->nonleaf,
	};
	const uint64_t page_size = BIT64(inv->granule_lg2);
	const struct smmuv3_cmd page = one_page(&plan, level_of(&plan, (struct piommu_span){ 0, page_size - 1 }), 0);
	unsigned max = gather->n <= inv->max_cmds && !gather->whole ? inv->max_cmds : 0;
	unsigned n = 0;

	for (unsigned i = 0; i < gather->n && n <= max; i++) {
		unsigned left = gather->n - i < max - n ? gather->n : i + (max - n);
		unsigned next = build_pages(page, page_size, gather, i, left, cmd + n);

		n += next - i;
		i = next;
		if (i < gather->n)
			n += cover(&plan, gather->range[i], cmd + n, max - n);
	}
	if (n <= max && !gather->whole)
		return n;
	cmd[0] = smmuv3_cmd_tlbi_tag(inv->stage2, tag);
	return 1;
}

/* ---- To all units of a domain ------------------------------------------------------------------------------------------------------- */

/* Sends the commands for one unit; they are waited for later, by ticket. */
static int send(const struct piommu_domain_unit *at, const struct piommu_gather *gather, enum piommu_when_full when_full,
		piommu_ticket *ticket)
{
	struct smmuv3 *smmu = smmuv3_of(at->unit);
	struct smmuv3_cmd cmd[SMMUV3_BURST];
	unsigned n;
	int err;

	*ticket = 0;
	piommu_ring_expect(smmu->inv.ring);
	n = smmuv3_inv_build(&smmu->inv, (uint16_t)at->tag, gather, cmd);
	err = piommu_ring_submit(smmu->inv.ring, cmd, n, ticket);
	if (err)
		*ticket = 0;
	return err == -EAGAIN && when_full == PIOMMU_FULL_WAIT ? smmuv3_inv_sync(smmu, cmd, n) : err;
}

int smmuv3_fence_wait(const struct piommu_unit *unit, piommu_ticket ticket)
{
	struct smmuv3 *smmu = smmuv3_of(unit);

	return noted(smmu, piommu_ring_wait(smmu->inv.ring, ticket));
}

int smmuv3_inv_gather(const struct piommu_domain_units *units, const struct piommu_gather *gather)
{
	return piommu_queue_gather(units, gather, send, smmuv3_fence_wait);
}

int smmuv3_inv_submit(const struct piommu_domain_units *units, const struct piommu_gather *gather, struct piommu_fence *fence)
{
	return piommu_queue_submit(units, gather, fence, send, smmuv3_fence_wait);
}

/* A queue that has stopped is repaired by who waits, or polls the unit. */
int smmuv3_fence_done(const struct piommu_unit *unit, piommu_ticket ticket)
{
	return piommu_ring_state(smmuv3_of(unit)->inv.ring, ticket);
}

void smmuv3_inv_stats(const struct piommu_unit *unit, struct piommu_ring_stats *out)
{
	memset(out, 0, sizeof(*out));
	piommu_ring_stats(smmuv3_of(unit)->inv.ring, out);
}
