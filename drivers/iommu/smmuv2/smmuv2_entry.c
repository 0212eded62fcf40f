/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How a device moves from one domain to another: which stream mappings (smmuv2_stream.c) it has and will have, alone or with others of
 * its group. Slow path, one thread at a time for a unit; but a device is released without the unit's mutex.
 * Specification: 2.1.4 (stream matching), 2.1.5 (indexing).
 *
 * A move is a single store of 32 bits to each S2CR: at every instant hardware has the old mapping or the new one (rule R7). It is made on a
 * copy of all mappings first, and then written; what fails is undone by writing the old ones again.
 */
#include <errno.h>
#include <stdlib.h>

#include "smmuv2.h"

/* ---- Which mappings -------------------------------------------------------------------------------------------------------------- */

struct plan {
	const struct smmuv2 *smmu;
	const struct piommu_device *device;
	struct smmuv2_streams next;
	struct smmuv2_device uses; /* those that the device has, and will have */
	uint32_t s2cr;
	bool passes; /* to identity: what it has no mapping for needs none */
};

static bool uses(const struct smmuv2_device *device, unsigned n)
{
	return device->uses[n / 64] & BIT64(n % 64);
}

static bool is_used(const struct plan *plan, unsigned n)
{
	return uses(&plan->uses, n) || atomic_load_explicit(&plan->smmu->owners[n], memory_order_acquire);
}

/* Its own, or those of mappings whose streams it took over. */
static bool has_owner(const struct plan *plan, unsigned n)
{
	for (unsigned k = 0; k < plan->smmu->nstreams; k++)
		if (plan->next.at[k].heir == n + 1 && is_used(plan, k))
			return true;
	return is_used(plan, n);
}

static int check_id(const struct smmuv2 *smmu, const struct piommu_device *device, struct piommu_id id)
{
	bool fits = smmu->matching ? !(id.id & ~smmu->id_bits & ~id.mask) && !(id.mask & ~smmu->mask_bits)
				   : id.id < smmu->nstreams && !id.mask;

	if (fits)
		return 0;
	log_err(smmu->unit->log,
		"%s: %s: stream id 0x%x (mask 0x%x) is more than a mapping holds (ids 0x%x, masks 0x%x): firmware's "
		"description is wrong",
		smmu->unit->name, device->name, id.id, id.mask, smmu->id_bits, smmu->mask_bits);
	return -EINVAL;
}

static int refuse_overlap(const struct plan *plan, struct piommu_id id, unsigned n)
{
	const struct smmuv2_stream *at = &plan->next.at[n];

	log_err(plan->smmu->unit->log,
		"%s: %s: stream id 0x%x (mask 0x%x) overlaps mapping %u (id 0x%x, mask 0x%x), which another device uses: "
		"take it out of use first",
		plan->smmu->unit->name, plan->device->name, id.id, id.mask, n, at->id, at->mask);
	return -EBUSY;
}

static bool is_firmwares_block(const struct smmuv2_stream *at)
{
	return at->blocks && smmuv2_s2cr_type(at->s2cr) == SMMUV2_FAULT;
}

/* @return -ENOENT: it is blocked there already, and that is what it is to be; -EBUSY (said) */
static int under_block(const struct plan *plan, struct piommu_id id, unsigned n)
{
	const struct smmuv2_stream *at = &plan->next.at[n];

	if (smmuv2_s2cr_type(plan->s2cr) == SMMUV2_FAULT)
		return -ENOENT;
	log_err(plan->smmu->unit->log,
		"%s: %s: stream id 0x%x (mask 0x%x) is one of those that firmware blocks by mapping %u (id 0x%x, mask 0x%x), "
		"which stays: leave the device alone, or have firmware block less",
		plan->smmu->unit->name, plan->device->name, id.id, id.mask, n, at->id, at->mask);
	return -EBUSY;
}

/* A mapping of a device in the same group that the id covers, and that does the same, is made as wide as the id. */
static int widen(struct plan *plan, struct piommu_id id, unsigned n, int found)
{
	struct smmuv2_stream *at = &plan->next.at[n];

	if (found < 0) {
		at->id = (uint16_t)(id.id & ~id.mask);
		at->mask = (uint16_t)id.mask;
		return (int)n;
	}
	at->valid = false;
	for (unsigned k = 0; k < plan->smmu->nstreams; k++)
		if (k == n || plan->next.at[k].heir == n + 1)
			plan->next.at[k].heir = (uint16_t)(found + 1);
	return found;
}

/*
 * A mapping that is there already. Those that nobody owns and that are not just it give way: their streams pass, then.
 * @return its number; -ENOENT: none; -EBUSY (said)
 */
static int find_mapping(struct plan *plan, struct piommu_id id)
{
	int found = -ENOENT;

	for (unsigned n = 0; n < plan->smmu->nstreams; n++) {
		struct smmuv2_stream *at = &plan->next.at[n];
		bool owned = has_owner(plan, n);

		if (!smmuv2_stream_overlaps(at, id))
			continue;
		if (owned ? smmuv2_stream_covers(at, id) : (smmuv2_stream_covers(at, id) && at->mask == id.mask))
			found = (int)n;
		else if (owned && (at->s2cr != plan->s2cr || at->mask & ~id.mask))
			return refuse_overlap(plan, id, n);
		else if (owned && !plan->passes)
			found = widen(plan, id, n, found);
		else if (owned)
			continue;
		else if (is_firmwares_block(at) && at->mask & ~id.mask)
			return under_block(plan, id, n);
		else if (!plan->passes || smmuv2_s2cr_type(at->s2cr) == SMMUV2_FAULT)
			at->valid = false;
	}
	return found;
}

/*
 * How little a mapping is missed: 0, one that is free; 1, one that this change frees; then those without an owner, firmware's last. What
 * firmware blocks stays.
 */
static unsigned worth(const struct plan *plan, unsigned n)
{
	const struct smmuv2_stream *at = &plan->next.at[n];

	if (has_owner(plan, n) || (at->valid && is_firmwares_block(at)))
		return UINT32_MAX;
	if (!at->valid)
		return plan->smmu->streams.at[n].valid;
	return at->kept ? 3 : 2;
}

static int take_mapping(struct plan *plan, struct piommu_id id)
{
	unsigned best = UINT32_MAX, found = 0;

	for (unsigned n = 0; n < plan->smmu->nstreams; n++) {
		if (worth(plan, n) >= best)
			continue;
		best = worth(plan, n);
		found = n;
	}
	if (best == UINT32_MAX) {
		log_err(plan->smmu->unit->log, "%s: %s: all %u stream mappings are in use: release another device first",
			plan->smmu->unit->name, plan->device->name, plan->smmu->nstreams);
		return -ENOSPC;
	}
	plan->next.at[found] =
		(struct smmuv2_stream){ .valid = true, .id = (uint16_t)(id.id & ~id.mask), .mask = (uint16_t)id.mask };
	return (int)found;
}

static bool is_under_block(const struct plan *plan, struct piommu_id id)
{
	bool is = false;

	for (unsigned n = 0; n < plan->smmu->nstreams && smmuv2_s2cr_type(plan->s2cr) == SMMUV2_FAULT; n++)
		is |= is_firmwares_block(&plan->next.at[n]) && smmuv2_stream_covers(&plan->next.at[n], id);
	return is;
}

static int plan_id(struct plan *plan, struct piommu_id id)
{
	int n = check_id(plan->smmu, plan->device, id);

	if (!n)
		n = find_mapping(plan, id);
	if (n == -ENOENT && (plan->passes || is_under_block(plan, id)))
		return 0;
	if (n == -ENOENT)
		n = take_mapping(plan, id);
	if (n < 0)
		return n;
	plan->next.at[n].s2cr = plan->s2cr;
	plan->uses.uses[n / 64] |= BIT64((unsigned)n % 64);
	return 0;
}

/* ---- The move --------------------------------------------------------------------------------------------------------------------- */

/* The mappings are the device's from here on, until it is released. */
static void own(struct smmuv2 *smmu, struct smmuv2_device *device, const struct plan *plan)
{
	for (unsigned n = 0; n < smmu->nstreams; n++)
		if (uses(&plan->uses, n) && !uses(device, n))
			atomic_fetch_add_explicit(&smmu->owners[n], 1, memory_order_relaxed);
	*device = plan->uses;
	smmu->streams = plan->next;
}

bool smmuv2_bank_used(const struct smmuv2 *smmu, unsigned bank)
{
	for (unsigned n = 0; n < smmu->nstreams; n++)
		if (smmu->streams.at[n].valid && smmu->streams.at[n].s2cr == smmuv2_s2cr_translate(bank))
			return true;
	return false;
}

static bool is_change(const struct smmuv2 *smmu, const struct plan *plan)
{
	for (unsigned n = 0; n < smmu->nstreams; n++) {
		const struct smmuv2_stream *was = &smmu->streams.at[n];
		const struct smmuv2_stream *will = &plan->next.at[n];

		if (!smmuv2_stream_same(was, will) || (will->valid && was->s2cr != will->s2cr))
			return true;
	}
	return false;
}

static int move(struct smmuv2 *smmu, const struct plan *plan)
{
	int err;

	/*
	 * Pairs with the barrier of an unmap (doc/locking.md): either that unmap sees this unit in the domain's list, which the
	 * core has published, or hardware sees the cleared entries from here on.
	 */
	full_mb();
	smmuv2_streams_write(smmu, &smmu->streams, &plan->next);
	PIOMMU_YIELD("streams moved, not yet invalidated");
	/* MMU-500 keeps streams that passed in its TLB, and what is under way uses the old mapping: a sync ends both. */
	err = smmuv2_inv_all(smmu);
	if (!err)
		return 0;
	smmuv2_streams_write(smmu, &plan->next, &smmu->streams);
	if (smmuv2_inv_all(smmu))
		smmu->streams_unknown = true;
	return err;
}

int smmuv2_attach(struct piommu_device *device, struct piommu_domain *domain, uint32_t tag)
{
	struct smmuv2 *smmu = smmuv2_of(device->unit);
	struct smmuv2_device *mine = device->priv;
	struct plan plan = { .smmu = smmu, .device = device, .next = smmu->streams, .uses = *mine };
	int err = 0;

	plan.passes = domain->type == PIOMMU_DOMAIN_IDENTITY;
	plan.s2cr = plan.passes                            ? smmuv2_identity(smmu)
		    : domain->type == PIOMMU_DOMAIN_PAGING ? smmuv2_s2cr_translate(tag)
							   : smmuv2_s2cr_fault();
	for (unsigned i = 0; i < device->nids && !err; i++)
		err = plan_id(&plan, device->ids[i]);
	if (err)
		return err;
	if (domain->type == PIOMMU_DOMAIN_PAGING && !smmuv2_bank_is_on(smmu, tag))
		smmuv2_bank_start(smmu, tag, domain);
	if (is_change(smmu, &plan))
		err = move(smmu, &plan);
	if (!err)
		own(smmu, mine, &plan);
	return err; /* a bank that was started in vain stops when its tag is flushed */
}

int smmuv2_probe_device(struct piommu_unit *unit, struct piommu_device *device)
{
	(void)unit;
	device->priv = calloc(1, sizeof(struct smmuv2_device));
	return device->priv ? 0 : -ENOMEM;
}

/* Its mappings stay as they are, blocked ones too, until another device needs the room. */
void smmuv2_release_device(struct piommu_device *device)
{
	struct smmuv2 *smmu = smmuv2_of(device->unit);
	struct smmuv2_device *mine = device->priv;

	for (unsigned n = 0; n < smmu->nstreams; n++)
		if (uses(mine, n))
			atomic_fetch_sub_explicit(&smmu->owners[n], 1, memory_order_release);
	free(mine);
	device->priv = NULL;
}
