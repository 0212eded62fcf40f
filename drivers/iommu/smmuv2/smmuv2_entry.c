/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stream mappings: a pair of registers each, SMR (for which stream ids) and S2CR (what becomes of them), and how a device's move from
 * one domain to another. Slow path, one thread at a time for a unit; but a device is released without the unit's mutex.
 * Specification: 2.1.4 (stream matching), 2.1.5 (indexing), 9.6 (SMR, S2CR), 10.1 (extended stream ids).
 *
 * A stream that no mapping matches passes. So a mapping is missing, or says bypass: that is the same to the stream, and a mapping that
 * nobody owns can go at any moment. One that two mappings match faults, so no two overlap. A move is a single store of 32 bits to each
 * S2CR: at every instant hardware has the old mapping or the new one (rule R7).
 *
 * A change is made on a copy of all mappings first, and then written; what fails is undone by writing the old ones again.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "smmuv2.h"

/* ---- One mapping ------------------------------------------------------------------------------------------------------------ */

static uint32_t type_of(uint32_t s2cr)
{
	return field_get32(SMMUV2_S2CR_TYPE, s2cr);
}

static uint32_t identity(const struct smmuv2 *smmu)
{
	return smmu->emulate_bypass ? smmuv2_s2cr_translate(smmu->bypass_bank) : smmuv2_s2cr_bypass();
}

static bool overlap(const struct smmuv2_stream *at, struct piommu_id id)
{
	return at->valid && !((at->id ^ id.id) & ~(at->mask | id.mask));
}

static bool covers(const struct smmuv2_stream *at, struct piommu_id id)
{
	return overlap(at, id) && !(id.mask & ~(uint32_t)at->mask);
}

static bool same_match(const struct smmuv2_stream *a, const struct smmuv2_stream *b)
{
	return a->valid == b->valid && (!a->valid || (a->id == b->id && a->mask == b->mask));
}

static void write_s2cr(const struct smmuv2 *smmu, unsigned n, const struct smmuv2_stream *at)
{
	uint32_t s2cr = type_of(at->s2cr) == SMMUV2_FAULT ? smmu->fault_word : at->s2cr;

	piommu_write32(smmu->window, SMMUV2_S2CR(n), s2cr | (smmu->extended && at->valid ? SMMUV2_S2CR_EXIDVALID : 0));
}

/* It matches nothing from here on. */
static void retire(const struct smmuv2 *smmu, unsigned n)
{
	if (smmu->extended)
		piommu_write32(smmu->window, SMMUV2_S2CR(n), smmu->fault_word);
	piommu_write32(smmu->window, SMMUV2_SMR(n), 0);
}

/* From matching nothing: the register that makes it count is the last one. */
static void install(const struct smmuv2 *smmu, unsigned n, const struct smmuv2_stream *at)
{
	if (!smmu->extended)
		write_s2cr(smmu, n, at);
	if (smmu->matching)
		piommu_write32(smmu->window, SMMUV2_SMR(n), smmuv2_smr(smmu->extended, at->id, at->mask));
	if (smmu->extended)
		write_s2cr(smmu, n, at);
}

/* One store of SMR: what matches before and after it is never without its mapping. */
static bool resizes(const struct smmuv2_stream *from, const struct smmuv2_stream *to)
{
	const struct piommu_id was = { .id = from->id, .mask = from->mask }, will = { .id = to->id, .mask = to->mask };

	return from->valid && to->valid && from->s2cr == to->s2cr && (covers(from, will) || covers(to, was));
}

/* One that blocks, and whose number is not needed for another, goes after those that come: what they have in common never passes. */
static bool goes_late(const struct smmuv2_stream *from, const struct smmuv2_stream *to)
{
	return type_of(from->s2cr) == SMMUV2_FAULT && !to->valid;
}

static void retire_some(struct smmuv2 *smmu, const struct smmuv2_streams *from, const struct smmuv2_streams *to, bool late)
{
	for (unsigned n = 0; n < smmu->nstreams; n++)
		if (from->at[n].valid && !same_match(&from->at[n], &to->at[n]) && !resizes(&from->at[n], &to->at[n]) &&
		    goes_late(&from->at[n], &to->at[n]) == late)
			retire(smmu, n);
}

/*
 * Those that are widened or narrowed, those that go, those that come, those that move. What a wider one takes over is matched twice for a
 * moment, and blocked: the other way round it would pass.
 */
static void write_streams(struct smmuv2 *smmu, const struct smmuv2_streams *from, const struct smmuv2_streams *to)
{
	for (unsigned n = 0; n < smmu->nstreams; n++)
		if (!same_match(&from->at[n], &to->at[n]) && resizes(&from->at[n], &to->at[n]))
			piommu_write32(smmu->window, SMMUV2_SMR(n), smmuv2_smr(smmu->extended, to->at[n].id, to->at[n].mask));
	retire_some(smmu, from, to, false);
	for (unsigned n = 0; n < smmu->nstreams; n++)
		if (to->at[n].valid && !same_match(&from->at[n], &to->at[n]) && !resizes(&from->at[n], &to->at[n]))
			install(smmu, n, &to->at[n]);
	retire_some(smmu, from, to, true);
	for (unsigned n = 0; n < smmu->nstreams; n++)
		if (to->at[n].valid && same_match(&from->at[n], &to->at[n]) && from->at[n].s2cr != to->at[n].s2cr)
			write_s2cr(smmu, n, &to->at[n]);
}

/* ---- What was there when we came ------------------------------------------------------------------------------------------------ */

static bool was_on(const struct smmuv2 *smmu)
{
	return !(smmu->found.scr0 & SMMUV2_SCR0_CLIENTPD);
}

static bool was_extended(const struct smmuv2 *smmu)
{
	return smmu->matching && smmu->found.scr0 & SMMUV2_SCR0_EXIDENABLE;
}

static bool was_live(const struct smmuv2 *smmu, unsigned n)
{
	if (!was_on(smmu))
		return false;
	return !smmu->matching || smmuv2_smr_valid(was_extended(smmu), smmu->found.smr[n], smmu->found.s2cr[n]);
}

/* @return `nstreams`: all are in use */
static unsigned free_stream(const struct smmuv2 *smmu)
{
	for (unsigned n = smmu->nstreams; n-- > 0;)
		if (!was_live(smmu, n))
			return n;
	return smmu->nstreams;
}

/* Mask bits that are ones hide those of the id, so each part is tried by itself, and never so that it counts. */
static void explore_widths(struct smmuv2 *smmu, unsigned n)
{
	uint32_t id = smmu->extended ? SMMUV2_SMR_EXID : SMMUV2_SMR_ID;
	uint32_t mask = smmu->extended ? SMMUV2_SMR_EXMASK : SMMUV2_SMR_MASK;

	piommu_write32(smmu->window, SMMUV2_SMR(n), id);
	smmu->id_bits = field_get32(id, piommu_read32(smmu->window, SMMUV2_SMR(n)));
	piommu_write32(smmu->window, SMMUV2_SMR(n), mask);
	smmu->mask_bits = field_get32(mask, piommu_read32(smmu->window, SMMUV2_SMR(n)));
	piommu_write32(smmu->window, SMMUV2_SMR(n), smmu->extended ? 0 : smmu->found.smr[n] & ~SMMUV2_SMR_VALID);
}

/* The type that a mapping has after it was asked for this, from one that every firmware takes. */
static uint32_t becomes(const struct smmuv2 *smmu, unsigned n, uint32_t s2cr)
{
	piommu_write32(smmu->window, SMMUV2_S2CR(n), smmuv2_s2cr_translate(0));
	piommu_write32(smmu->window, SMMUV2_S2CR(n), s2cr);
	return type_of(piommu_read32(smmu->window, SMMUV2_S2CR(n)));
}

/*
 * Qualcomm's hypervisor traps S2CR: it ignores fault, and makes fault of bypass. So who wants a fault asks for bypass there.
 * @return 0; -ENOTSUP (said)
 */
static int explore_types(struct smmuv2 *smmu, unsigned n)
{
	bool has_fault = becomes(smmu, n, smmuv2_s2cr_fault()) == SMMUV2_FAULT;
	uint32_t of_bypass = becomes(smmu, n, smmuv2_s2cr_bypass());
	const char *why = NULL;

	piommu_write32(smmu->window, SMMUV2_S2CR(n), smmu->found.s2cr[n] & ~SMMUV2_S2CR_EXIDVALID);
	smmu->emulate_bypass = of_bypass != SMMUV2_BYPASS;
	smmu->fault_word = has_fault ? smmuv2_s2cr_fault() : smmuv2_s2cr_bypass();
	if (smmu->emulate_bypass && smmu->bypass_bank == smmu->nbanks)
		why = "do not take bypass, and it has no context bank to spare for that";
	else if (!has_fault && of_bypass != SMMUV2_FAULT)
		why = "cannot be told to fault";
	if (!why)
		return 0;
	log_err(smmu->unit->log, "%s: its stream mappings %s", smmu->unit->name, why);
	return -ENOTSUP;
}

int smmuv2_streams_explore(struct smmuv2 *smmu)
{
	const struct piommu_unit *unit = smmu->unit;
	unsigned n = free_stream(smmu);

	smmu->emulate_bypass = false;
	smmu->fault_word = smmuv2_s2cr_fault();
	smmu->id_bits = BIT32(field_get32(SMMUV2_IDR0_NUMSIDB, smmu->idr[0])) - 1;
	smmu->mask_bits = 0;
	if (!smmu->matching)
		return 0;
	if (n == smmu->nstreams) { /* nothing to try it on: what firmware uses works */
		for (unsigned i = 0; i < smmu->nstreams; i++)
			smmu->mask_bits |= smmuv2_smr_mask(was_extended(smmu), smmu->found.smr[i]);
		return 0;
	}
	explore_widths(smmu, n);
	if (!smmu->id_bits) {
		log_err(unit->log, "%s: stream mappings do not keep what is written to them: they belong to the secure side",
			unit->name);
		return -ENOTSUP;
	}
	return explore_types(smmu, n);
}

/* Of two that overlap, one is enough: they pass, as they do without. */
static bool is_double(const struct smmuv2 *smmu, unsigned n, struct piommu_id id)
{
	for (unsigned i = 0; smmu->matching && i < n; i++)
		if (overlap(&smmu->streams.at[i], id))
			return true;
	return false;
}

static struct smmuv2_stream taken(const struct smmuv2 *smmu, unsigned n)
{
	uint32_t smr = smmu->found.smr[n];
	struct smmuv2_stream at = { .valid = true, .kept = true, .s2cr = identity(smmu), .id = (uint16_t)n };

	if (smmu->matching) {
		at.id = (uint16_t)smmuv2_smr_id(was_extended(smmu), smr);
		at.mask = (uint16_t)smmuv2_smr_mask(was_extended(smmu), smr);
	}
	/* Firmware that traps bypass shows its own as fault. Otherwise fault is what it wants. */
	if (was_live(smmu, n) && type_of(smmu->found.s2cr[n]) == SMMUV2_FAULT && !smmu->emulate_bypass)
		at.s2cr = smmuv2_s2cr_fault();
	at.blocks = type_of(at.s2cr) == SMMUV2_FAULT;
	return at;
}

void smmuv2_streams_take(struct smmuv2 *smmu)
{
	struct smmuv2_streams *streams = &smmu->streams;

	memset(streams, 0, sizeof(*streams));
	for (unsigned n = 0; n < smmu->nstreams; n++) {
		struct smmuv2_stream at = taken(smmu, n);

		atomic_store_explicit(&smmu->owners[n], 0, memory_order_relaxed);
		if (smmu->matching &&
		    (!was_live(smmu, n) || is_double(smmu, n, (struct piommu_id){ .id = at.id, .mask = at.mask }))) {
			retire(smmu, n);
			continue;
		}
		streams->at[n] = at;
		if (smmu->matching && was_extended(smmu) != smmu->extended)
			install(smmu, n, &at);
		else
			write_s2cr(smmu, n, &at);
	}
}

/* A mapping that translated does so no more. Where none can say bypass, all that were live stay by the bank that does not translate. */
void smmuv2_streams_give_back(struct smmuv2 *smmu)
{
	for (unsigned n = 0; n < smmu->nstreams; n++) {
		uint32_t s2cr = smmu->found.s2cr[n];

		if (was_live(smmu, n) && (type_of(s2cr) == SMMUV2_TRANSLATE || smmu->emulate_bypass))
			s2cr = identity(smmu) | (s2cr & SMMUV2_S2CR_EXIDVALID);
		piommu_write32(smmu->window, SMMUV2_S2CR(n), s2cr);
		if (smmu->matching)
			piommu_write32(smmu->window, SMMUV2_SMR(n), smmu->found.smr[n]);
	}
	memset(&smmu->streams, 0, sizeof(smmu->streams));
}

/* ---- A device's mappings --------------------------------------------------------------------------------------------------------- */

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
	return at->blocks && type_of(at->s2cr) == SMMUV2_FAULT;
}

/* @return -ENOENT: it is blocked there already, and that is what it is to be; -EBUSY (said) */
static int under_block(const struct plan *plan, struct piommu_id id, unsigned n)
{
	const struct smmuv2_stream *at = &plan->next.at[n];

	if (type_of(plan->s2cr) == SMMUV2_FAULT)
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

		if (!overlap(at, id))
			continue;
		if (owned ? covers(at, id) : (covers(at, id) && at->mask == id.mask))
			found = (int)n;
		else if (owned && (at->s2cr != plan->s2cr || at->mask & ~id.mask))
			return refuse_overlap(plan, id, n);
		else if (owned && !plan->passes)
			found = widen(plan, id, n, found);
		else if (owned)
			continue;
		else if (is_firmwares_block(at) && at->mask & ~id.mask)
			return under_block(plan, id, n);
		else if (!plan->passes || type_of(at->s2cr) == SMMUV2_FAULT)
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

	for (unsigned n = 0; n < plan->smmu->nstreams && type_of(plan->s2cr) == SMMUV2_FAULT; n++)
		is |= is_firmwares_block(&plan->next.at[n]) && covers(&plan->next.at[n], id);
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

		if (!same_match(was, will) || (will->valid && was->s2cr != will->s2cr))
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
	write_streams(smmu, &smmu->streams, &plan->next);
	PIOMMU_YIELD("streams moved, not yet invalidated");
	/* MMU-500 keeps streams that passed in its TLB, and what is under way uses the old mapping: a sync ends both. */
	err = smmuv2_inv_all(smmu);
	if (!err)
		return 0;
	write_streams(smmu, &plan->next, &smmu->streams);
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
	plan.s2cr = plan.passes                            ? identity(smmu)
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

/* What firmware blocks is blocked when nobody has claimed it, too. By what was found: that does not change while it is up. */
enum piommu_default smmuv2_default_domain(const struct piommu_device *device)
{
	const struct smmuv2 *smmu = smmuv2_of(device->unit);

	for (unsigned n = 0; n < smmu->nstreams; n++) {
		struct smmuv2_stream at = taken(smmu, n);

		if (!was_live(smmu, n) || !at.blocks)
			continue;
		for (unsigned i = 0; i < device->nids; i++)
			if (overlap(&at, device->ids[i]))
				return PIOMMU_DEFAULT_BLOCKING;
	}
	return PIOMMU_DEFAULT_ANY;
}
