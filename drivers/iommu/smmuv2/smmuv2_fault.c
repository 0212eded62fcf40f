/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Faults: polled out of the unit's registers, decoded, and said in words. Each context bank records one, and the unit one that is of no bank;
 * those that come before it is taken out are lost, and that is said. The last station of the flow, entered by the one thread that polls.
 * Specification: 3.2 (context faults), 3.3 (global faults), 9.6 (GFSR, GFSYNR), 16.5 (FSR, FSYNR0, RESUME).
 */
#include <errno.h>
#include <strings.h>

#include "piommu_emit.h"
#include "smmuv2.h"

#define BANKS_A_POLL 16u /* each is a read of a register */

/* ---- Reasons ----------------------------------------------------------------------------------------------------------------------- */

struct reason {
	uint32_t code;
	const char *name;
	const char *text;
};

static const struct reason reasons[] = {
	/* FSR: of a context bank */
	{ SMMUV2_FSR_TF, "translation fault, FSR.TF", "the address is not mapped, or beyond the width of the domain's tables" },
	{ SMMUV2_FSR_AFF, "access flag fault, FSR.AFF", "the entry for the address has its access flag clear" },
	{ SMMUV2_FSR_PF, "permission fault, FSR.PF", "the page is not mapped for this kind of access" },
	{ SMMUV2_FSR_EF, "external fault, FSR.EF", "a page table could not be read: the bus answered with an error" },
	{ SMMUV2_FSR_TLBMCF, "TLB match conflict, FSR.TLBMCF",
	  "the TLB has two entries for the address: a page and a block that overlap, or a missed invalidation" },
	{ SMMUV2_FSR_TLBLKF, "TLB lock fault, FSR.TLBLKF",
	  "an entry of the TLB is locked, so that the request could not be served" },
	{ SMMUV2_FSR_ASF, "address size fault, FSR.ASF",
	  "the translated address, or that of a table, is wider than the unit's output" },
	{ SMMUV2_FSR_UUT, "unsupported transaction, FSR.UUT",
	  "the device sent a kind of access that the unit does not translate" },
	/* GFSR: of no context bank */
	{ SMMUV2_GLOBAL | SMMUV2_GFSR_ICF, "invalid context, GFSR.ICF",
	  "the device is on no domain: it is blocked, or its mapping names no context bank that can be used" },
	{ SMMUV2_GLOBAL | SMMUV2_GFSR_USF, "unidentified stream, GFSR.USF", "no mapping matches the device's stream id" },
	{ SMMUV2_GLOBAL | SMMUV2_GFSR_SMCF, "stream match conflict, GFSR.SMCF", "two mappings match the device's stream id" },
	{ SMMUV2_GLOBAL | SMMUV2_GFSR_UCBF, "unimplemented bank, GFSR.UCBF",
	  "the device's mapping names a context bank that is not there" },
	{ SMMUV2_GLOBAL | SMMUV2_GFSR_UCIF, "unimplemented interrupt, GFSR.UCIF",
	  "the device's context bank names an interrupt that is not there" },
	{ SMMUV2_GLOBAL | SMMUV2_GFSR_CAF, "configuration access, GFSR.CAF",
	  "an access to the unit's own registers was refused" },
	{ SMMUV2_GLOBAL | SMMUV2_GFSR_EF, "external fault, GFSR.EF", "the bus answered a request of the unit with an error" },
	{ SMMUV2_GLOBAL | SMMUV2_GFSR_PF, "permission fault, GFSR.PF",
	  "the device may not use its mapping with this kind of access" },
	{ SMMUV2_GLOBAL | SMMUV2_GFSR_UUT, "unsupported transaction, GFSR.UUT",
	  "a device sent a kind of access that the unit does not take" },
};

static const struct reason unknown = { 0, "unknown reason", "a bit that version 2 of the specification does not list" };

static const struct reason *reason_of(uint32_t code)
{
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		if (reasons[i].code == code)
			return &reasons[i];
	}
	return &unknown;
}

const char *smmuv2_fault_name(uint32_t reason)
{
	return reason_of(reason)->name;
}

const char *smmuv2_fault_text(uint32_t reason)
{
	return reason_of(reason)->text;
}

/* ---- Records ----------------------------------------------------------------------------------------------------------------------- */

struct smmuv2_fault smmuv2_fault_decode(const struct smmuv2_fault_regs *regs)
{
	uint32_t faults = regs->fsr & (regs->global ? SMMUV2_GFSR_FAULTS : SMMUV2_FSR_FAULTS);
	struct smmuv2_fault fault = {
		.id = field_get32(regs->global ? SMMUV2_GFSYNR1_STREAM : SMMUV2_CBFRSYNRA_STREAM, regs->stream),
		.reason = faults & (~faults + 1), /* one: they exclude each other */
		.is_write = regs->fsynr0 & (regs->global ? SMMUV2_GFSYNR0_WNR : SMMUV2_FSYNR0_WNR),
		.is_execute = regs->fsynr0 & (regs->global ? SMMUV2_GFSYNR0_IND : SMMUV2_FSYNR0_IND),
		.more = regs->fsr & SMMUV2_FSR_MULTI, /* the same bit in both */
		.iova = regs->far,
	};

	if (regs->global)
		fault.reason |= SMMUV2_GLOBAL;
	return fault;
}

#define RAW_GLOBAL BIT64(63)
#define RAW_MARK (UINT64_C(0x534d4d32) << 32)
#define RAW_BANK UINT64_C(0xff)

/*
 * Four words: status with what else is known above it, the address, the stream with whose registers they are of above it, and the
 * bank under a mark: no register says what these are, so that decode could not tell them from another family's record.
 */
static void fill_fault(struct piommu_event *event, const struct smmuv2_fault_regs *regs)
{
	struct smmuv2_fault fault = smmuv2_fault_decode(regs);

	if (regs->global && regs->fsr & SMMUV2_GFSR_CAF)
		event->type = PIOMMU_EVENT_UNIT_ERROR; /* no DMA: somebody's access to its registers */
	event->id = fault.id;
	event->iova = fault.iova;
	event->is_write = fault.is_write;
	event->is_execute = fault.is_execute;
	event->reason = fault.reason;
	event->reason_name = smmuv2_fault_name(fault.reason);
	event->reason_text = smmuv2_fault_text(fault.reason);
	event->raw[0] = regs->fsr | (uint64_t)regs->fsynr0 << 32;
	event->raw[1] = regs->far;
	event->raw[2] = regs->stream | (regs->global ? RAW_GLOBAL : 0);
	event->raw[3] = RAW_MARK | regs->bank;
}

/* Where a context bank's fault stalls the access, it ends here. */
static bool take_context(struct smmuv2 *smmu, unsigned bank, struct smmuv2_fault_regs *regs)
{
	unsigned cb = smmuv2_cb(smmu, bank, 0);
	uint32_t fsr = piommu_read32(smmu->window, cb + SMMUV2_CB_FSR);

	if (fsr == UINT32_MAX || !(fsr & SMMUV2_FSR_FAULTS))
		return false;
	*regs = (struct smmuv2_fault_regs){
		.bank = bank,
		.fsr = fsr,
		.fsynr0 = piommu_read32(smmu->window, cb + SMMUV2_CB_FSYNR0),
		.stream = piommu_read32(smmu->window, smmuv2_gr1(smmu, SMMUV2_CBFRSYNRA(bank))),
		.far = smmuv2_read_wide(smmu, cb + SMMUV2_CB_FAR),
	};
	piommu_write32(smmu->window, cb + SMMUV2_CB_FSR, fsr & (SMMUV2_FSR_FAULTS | SMMUV2_FSR_MULTI));
	if (fsr & SMMUV2_FSR_SS)
		piommu_write32(smmu->window, cb + SMMUV2_CB_RESUME, SMMUV2_RESUME_TERMINATE);
	return true;
}

static void take_global(struct smmuv2 *smmu, uint32_t gfsr, struct smmuv2_fault_regs *regs)
{
	unsigned gr0 = smmu->ns;

	*regs = (struct smmuv2_fault_regs){
		.global = true,
		.fsr = gfsr,
		.fsynr0 = piommu_read32(smmu->window, gr0 + SMMUV2_GFSYNR0),
		.stream = piommu_read32(smmu->window, gr0 + SMMUV2_GFSYNR1),
		.far = smmuv2_read_wide(smmu, gr0 + SMMUV2_GFAR),
	};
	piommu_write32(smmu->window, gr0 + SMMUV2_GFSR, gfsr & (SMMUV2_GFSR_FAULTS | SMMUV2_GFSR_MULTI));
}

void smmuv2_fault_reset(struct smmuv2 *smmu)
{
	piommu_write32(smmu->window, smmu->ns + SMMUV2_GFSR, SMMUV2_GFSR_FAULTS | SMMUV2_GFSR_MULTI);
}

/* ---- Words that were written down --------------------------------------------------------------------------------------------------- */

static bool take_named(const struct piommu_word *word, struct smmuv2_fault_regs *regs)
{
	/* As the specification has them, and as kernels print them. */
	static const struct {
		const char *name;
		enum {
			STATUS,
			GLOBAL_STATUS,
			SYNDROME,
			STREAM,
			ADDRESS,
			OTHER
		} what;
	} known[] = {
		{ "fsr", STATUS },       { "gfsr", GLOBAL_STATUS }, { "fsynr", SYNDROME }, { "fsynr0", SYNDROME },
		{ "gfsynr0", SYNDROME }, { "cbfrsynra", STREAM },   { "gfsynr1", STREAM }, { "far", ADDRESS },
		{ "gfar", ADDRESS },     { "iova", ADDRESS },       { "cb", OTHER },       { "gfsynr2", OTHER },
		{ "fsynr1", OTHER },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcasecmp(word->name, known[i].name) != 0)
			continue;
		switch (known[i].what) {
		case GLOBAL_STATUS:
			regs->global = true;
			regs->fsr = (uint32_t)word->value;
			return true;
		case STATUS:
			regs->fsr = (uint32_t)word->value;
			return true;
		case SYNDROME:
			regs->fsynr0 = (uint32_t)word->value;
			return true;
		case STREAM:
			regs->stream = (uint32_t)word->value;
			return true;
		case ADDRESS:
			regs->far = word->value;
			return true;
		default:
			return true;
		}
	}
	return false;
}

static bool take_words(const struct piommu_word *words, unsigned n, struct smmuv2_fault_regs *regs)
{
	*regs = (struct smmuv2_fault_regs){ .fsr = 0 };
	if (n == 4 && !words[0].name && !words[1].name && !words[2].name && !words[3].name) {
		if ((words[3].value & ~RAW_BANK) != RAW_MARK)
			return false;
		regs->bank = (unsigned)(words[3].value & RAW_BANK);
		regs->global = words[2].value & RAW_GLOBAL;
		regs->fsr = (uint32_t)words[0].value;
		regs->fsynr0 = (uint32_t)(words[0].value >> 32);
		regs->far = words[1].value;
		regs->stream = (uint32_t)words[2].value;
		return true;
	}
	for (unsigned i = 0; i < n; i++)
		if (!words[i].name || !take_named(&words[i], regs))
			return false;
	return n != 0;
}

int smmuv2_decode(const struct piommu_word *words, unsigned n, struct piommu_event *out)
{
	struct smmuv2_fault_regs regs;

	if (!take_words(words, n, &regs))
		return -ENOENT;
	if (regs.fsr == UINT32_MAX)
		return -EIO;
	if (!(regs.fsr & (regs.global ? SMMUV2_GFSR_FAULTS : SMMUV2_FSR_FAULTS)))
		return -ENOENT;
	*out = (struct piommu_event){ .type = PIOMMU_EVENT_DMA_FAULT };
	fill_fault(out, &regs);
	return 0;
}

/* ---- Poll -------------------------------------------------------------------------------------------------------------------------- */

static unsigned emit_fault(struct smmuv2 *smmu, const struct smmuv2_fault_regs *regs, const struct piommu_event_sink *sink)
{
	struct smmuv2_fault fault = smmuv2_fault_decode(regs);
	struct piommu_event event = piommu_emit_begin(smmu->unit, PIOMMU_EVENT_DMA_FAULT);

	fill_fault(&event, regs);
	sink->emit(sink->ctx, &event);
	if (!fault.more)
		return 1;
	event = piommu_emit_begin(smmu->unit, PIOMMU_EVENT_FAULT_OVERFLOW);
	event.reason = fault.reason;
	event.reason_name = "fault overflow";
	event.reason_text = regs->global ? "the unit had more faults before this one was read; they were not recorded"
					 : "the context bank had more faults before this one was read; they were not recorded";
	event.raw[0] = regs->fsr;
	sink->emit(sink->ctx, &event);
	return 2;
}

/* Those in use, some at a time where there are many. */
static unsigned poll_banks(struct smmuv2 *smmu, const struct piommu_event_sink *sink)
{
	unsigned looked = 0, n = 0;

	for (unsigned i = 0; i < smmu->nbanks && looked < BANKS_A_POLL; i++) {
		unsigned bank = smmu->next_bank;
		struct smmuv2_fault_regs regs;

		smmu->next_bank = bank + 1 < smmu->nbanks ? bank + 1 : 0;
		if (!smmuv2_bank_is_on(smmu, bank))
			continue;
		looked++;
		if (take_context(smmu, bank, &regs))
			n += emit_fault(smmu, &regs, sink);
	}
	return n;
}

static unsigned poll_late(struct smmuv2 *smmu, const struct piommu_event_sink *sink)
{
	if (__builtin_expect(!atomic_load_explicit(&smmu->inv.late, memory_order_relaxed), 1) ||
	    !atomic_exchange_explicit(&smmu->inv.late, false, memory_order_relaxed))
		return 0;
	return piommu_emit_late(smmu->unit, sink);
}

unsigned smmuv2_poll(struct piommu_unit *unit, const struct piommu_event_sink *sink)
{
	struct smmuv2 *smmu = smmuv2_of(unit);
	uint32_t gfsr = piommu_read32(smmu->window, smmu->ns + SMMUV2_GFSR);
	struct smmuv2_fault_regs regs;
	unsigned n = 0;

	if (gfsr == UINT32_MAX)
		return piommu_emit_lost(smmu->unit, smmu->window, SMMUV2_IDR0, &smmu->lost, sink);
	if (gfsr & SMMUV2_GFSR_FAULTS) {
		take_global(smmu, gfsr, &regs);
		n += emit_fault(smmu, &regs, sink);
	}
	return n + poll_banks(smmu, sink) + poll_late(smmu, sink);
}
