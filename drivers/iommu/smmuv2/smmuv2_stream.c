/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stream mappings: a pair of registers each, SMR (for which stream ids) and S2CR (what becomes of them). What they can hold, what firmware
 * had in them, and how a change of several is written. Slow path, one thread at a time for a unit.
 * Specification: 2.1.4 (stream matching), 2.1.5 (indexing), 9.6 (SMR, S2CR), 10.1 (extended stream ids).
 *
 * A stream that no mapping matches passes. So a mapping is missing, or says bypass: that is the same to the stream, and a mapping that
 * nobody owns can go at any moment. One that two mappings match faults, so no two overlap.
 */
#include <errno.h>
#include <string.h>

#include "smmuv2.h"

/* ---- Writing ---------------------------------------------------------------------------------------------------------------- */

uint32_t smmuv2_identity(const struct smmuv2 *smmu)
{
	return smmu->emulate_bypass ? smmuv2_s2cr_translate(smmu->bypass_bank) : smmuv2_s2cr_bypass();
}

static void write_s2cr(const struct smmuv2 *smmu, unsigned n, const struct smmuv2_stream *at)
{
	uint32_t s2cr = smmuv2_s2cr_type(at->s2cr) == SMMUV2_FAULT ? smmu->fault_word : at->s2cr;

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

/* By one store of SMR: what matches before and after it is never without its mapping. */
static bool resizes(const struct smmuv2_stream *from, const struct smmuv2_stream *to)
{
	const struct piommu_id was = { .id = from->id, .mask = from->mask }, will = { .id = to->id, .mask = to->mask };

	if (!from->valid || !to->valid || smmuv2_stream_same(from, to))
		return false;
	return from->s2cr == to->s2cr && (smmuv2_stream_covers(from, will) || smmuv2_stream_covers(to, was));
}

static bool replaces(const struct smmuv2_stream *from, const struct smmuv2_stream *to)
{
	return !smmuv2_stream_same(from, to) && !resizes(from, to);
}

/* One that blocks, and whose number is not needed for another, goes after those that come: what they have in common never passes. */
static bool goes_late(const struct smmuv2_stream *from, const struct smmuv2_stream *to)
{
	return smmuv2_s2cr_type(from->s2cr) == SMMUV2_FAULT && !to->valid;
}

static void retire_some(struct smmuv2 *smmu, const struct smmuv2_streams *from, const struct smmuv2_streams *to, bool late)
{
	for (unsigned n = 0; n < smmu->nstreams; n++)
		if (from->at[n].valid && replaces(&from->at[n], &to->at[n]) && goes_late(&from->at[n], &to->at[n]) == late)
			retire(smmu, n);
}

/*
 * Those that are widened or narrowed, those that go, those that come, those that move. What a wider one takes over is matched twice for a
 * moment, and blocked: the other way round it would pass.
 */
void smmuv2_streams_write(struct smmuv2 *smmu, const struct smmuv2_streams *from, const struct smmuv2_streams *to)
{
	for (unsigned n = 0; n < smmu->nstreams; n++)
		if (resizes(&from->at[n], &to->at[n]))
			piommu_write32(smmu->window, SMMUV2_SMR(n), smmuv2_smr(smmu->extended, to->at[n].id, to->at[n].mask));
	retire_some(smmu, from, to, false);
	for (unsigned n = 0; n < smmu->nstreams; n++)
		if (to->at[n].valid && replaces(&from->at[n], &to->at[n]))
			install(smmu, n, &to->at[n]);
	retire_some(smmu, from, to, true);
	for (unsigned n = 0; n < smmu->nstreams; n++)
		if (to->at[n].valid && smmuv2_stream_same(&from->at[n], &to->at[n]) && from->at[n].s2cr != to->at[n].s2cr)
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
	return smmuv2_s2cr_type(piommu_read32(smmu->window, SMMUV2_S2CR(n)));
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
		if (smmuv2_stream_overlaps(&smmu->streams.at[i], id))
			return true;
	return false;
}

static struct smmuv2_stream taken(const struct smmuv2 *smmu, unsigned n)
{
	uint32_t smr = smmu->found.smr[n];
	struct smmuv2_stream at = { .valid = true, .kept = true, .s2cr = smmuv2_identity(smmu), .id = (uint16_t)n };

	if (smmu->matching) {
		at.id = (uint16_t)smmuv2_smr_id(was_extended(smmu), smr);
		at.mask = (uint16_t)smmuv2_smr_mask(was_extended(smmu), smr);
	}
	/* Firmware that traps bypass shows its own as fault. Otherwise fault is what it wants. */
	if (was_live(smmu, n) && smmuv2_s2cr_type(smmu->found.s2cr[n]) == SMMUV2_FAULT && !smmu->emulate_bypass)
		at.s2cr = smmuv2_s2cr_fault();
	at.blocks = smmuv2_s2cr_type(at.s2cr) == SMMUV2_FAULT;
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

		if (was_live(smmu, n) && (smmuv2_s2cr_type(s2cr) == SMMUV2_TRANSLATE || smmu->emulate_bypass))
			s2cr = smmuv2_identity(smmu) | (s2cr & SMMUV2_S2CR_EXIDVALID);
		piommu_write32(smmu->window, SMMUV2_S2CR(n), s2cr);
		if (smmu->matching)
			piommu_write32(smmu->window, SMMUV2_SMR(n), smmu->found.smr[n]);
	}
	memset(&smmu->streams, 0, sizeof(smmu->streams));
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
			if (smmuv2_stream_overlaps(&at, device->ids[i]))
				return PIOMMU_DEFAULT_BLOCKING;
	}
	return PIOMMU_DEFAULT_ANY;
}
