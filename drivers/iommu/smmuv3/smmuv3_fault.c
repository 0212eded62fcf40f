/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Faults: polled out of the unit's event queue, decoded, and said in words; global errors beside them. The last station of the
 * flow, entered by the one thread that polls. Specification: 7.2 (event queue), 7.3 (event records), 7.5 (global errors).
 */
#include <errno.h>
#include <string.h>

#include "piommu_emit.h"
#include "smmuv3.h"

/* ---- Types ------------------------------------------------------------------------------------------------------------------------- */

/* Which words of a record mean something (7.3). */
#define HAS_ACCESS 1u /* read or write, instruction or data */
#define HAS_IOVA 2u
#define HAS_SSID 4u /* and no SSV: it is there whatever that bit says */
#define HAS_HINT 8u /* the accesses that will come, in the place of HAS_ACCESS */

struct type {
	uint8_t code;
	uint8_t has;
	const char *name;
	const char *text;
};

static const struct type types[] = {
	{ 0x01, HAS_ACCESS | HAS_IOVA, "F_UUT", "an access of a kind that the unit does not support reached it" },
	{ 0x02, 0, "C_BAD_STREAMID", "the requester's stream id is beyond the stream table" },
	{ 0x03, 0, "F_STE_FETCH", "the requester's stream table entry could not be read" },
	{ 0x04, 0, "C_BAD_STE", "the requester's stream table entry is not valid, or has a value that the unit does not have" },
	{ 0x05, HAS_IOVA, "F_BAD_ATS_TREQ", "an ATS request from a requester that is not allowed any" },
	{ 0x06, 0, "F_STREAM_DISABLED",
	  "an access without a substream, while the requester's entry allows only those with one" },
	{ 0x07, HAS_ACCESS | HAS_IOVA, "F_TRANSL_FORBIDDEN",
	  "an access with a translated address, which the requester is not allowed" },
	{ 0x08, HAS_SSID, "C_BAD_SUBSTREAMID",
	  "the substream id (PASID) is beyond the requester's context descriptors, or it may have none" },
	{ 0x09, 0, "F_CD_FETCH", "the requester's context descriptor could not be read" },
	{ 0x0a, 0, "C_BAD_CD", "the requester's context descriptor is not valid, or has a value that the unit does not have" },
	{ 0x0b, HAS_ACCESS | HAS_IOVA, "F_WALK_EABT",
	  "a page table could not be read at the address that the level above gives" },
	{ 0x10, HAS_ACCESS | HAS_IOVA, "F_TRANSLATION", "the address is not mapped" },
	{ 0x11, HAS_ACCESS | HAS_IOVA, "F_ADDR_SIZE", "a page-table entry gives an address that is wider than the machine's" },
	{ 0x12, HAS_ACCESS | HAS_IOVA, "F_ACCESS", "the page's access flag is clear" },
	{ 0x13, HAS_ACCESS | HAS_IOVA, "F_PERMISSION", "the page is not mapped for this kind of access" },
	{ 0x20, HAS_ACCESS | HAS_IOVA, "F_TLB_CONFLICT",
	  "two translations for one address are cached: an invalidation is missing" },
	{ 0x21, 0, "F_CFG_CONFLICT", "two table entries for one requester are cached: an invalidation is missing" },
	{ 0x24, HAS_HINT | HAS_IOVA, "E_PAGE_REQUEST", "a hint that the requester will soon use a page that is not mapped" },
	{ 0x25, 0, "F_VMS_FETCH", "the virtual machine structure of the requester's entry could not be read" },
};

static const struct type by_implementer = { 0, 0, "IMPDEF_EVENT", "a type that the maker of the unit has defined" };
static const struct type unknown = { 0, 0, "unknown event", "a type that version 3.3 of the architecture does not list" };

static const struct type *type_of(uint8_t code)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (types[i].code == code)
			return &types[i];
	}
	return code >= 0xe0 && code <= 0xef ? &by_implementer : &unknown;
}

const char *smmuv3_fault_name(uint8_t type)
{
	return type_of(type)->name;
}

const char *smmuv3_fault_text(uint8_t type)
{
	return type_of(type)->text;
}

/* ---- Records ----------------------------------------------------------------------------------------------------------------------- */

struct smmuv3_fault smmuv3_fault_decode(const struct smmuv3_record *record)
{
	struct smmuv3_fault fault = {
		.type = (uint8_t)field_get(SMMUV3_EVT0_TYPE, record->w[0]),
		.stream = (uint32_t)field_get(SMMUV3_EVT0_STREAM, record->w[0]),
	};
	unsigned has = type_of(fault.type)->has;

	fault.has_pasid = has & HAS_SSID || record->w[0] & SMMUV3_EVT0_SSV;
	if (fault.has_pasid)
		fault.pasid = (uint32_t)field_get(SMMUV3_EVT0_SSID, record->w[0]);
	if (has & HAS_ACCESS) {
		fault.is_write = !(record->w[1] & SMMUV3_EVT1_RNW);
		fault.is_execute = !fault.is_write && record->w[1] & SMMUV3_EVT1_IND;
	}
	if (has & HAS_HINT) {
		fault.is_write = record->w[1] & SMMUV3_EVT1_HINT_WRITE;
		fault.is_execute = !fault.is_write && record->w[1] & SMMUV3_EVT1_HINT_EXECUTE;
	}
	if (has & HAS_IOVA)
		fault.iova = record->w[2];
	return fault;
}

static void fill_fault(struct piommu_event *event, const struct smmuv3_record *record)
{
	struct smmuv3_fault fault = smmuv3_fault_decode(record);

	event->id = fault.stream;
	event->iova = fault.iova;
	event->is_write = fault.is_write;
	event->is_execute = fault.is_execute;
	event->has_pasid = fault.has_pasid;
	event->pasid = fault.pasid;
	event->reason = fault.type;
	event->reason_name = smmuv3_fault_name(fault.type);
	event->reason_text = smmuv3_fault_text(fault.type);
	memcpy(event->raw, record->w, sizeof(record->w));
}

#define REC3_RES0 GENMASK64(63, 56) /* of all types but those that the implementation defines */
#define TYPE_IMPDEF 0xe0u

/* An event record (7.3), low word first; the last one says something of few types, and may be missing. */
int smmuv3_decode(const struct piommu_word *words, unsigned n, struct piommu_event *out)
{
	struct smmuv3_record record = { { 0 } };
	bool gone = true;

	if (n != 3 && n != 4)
		return -ENOENT;
	for (unsigned i = 0; i < n; i++) {
		if (words[i].name)
			return -ENOENT;
		record.w[i] = words[i].value;
		gone = gone && words[i].value == UINT64_MAX;
	}
	if (gone)
		return -EIO;
	if (!field_get(SMMUV3_EVT0_TYPE, record.w[0]))
		return -ENOENT;
	if (record.w[3] & REC3_RES0 && field_get(SMMUV3_EVT0_TYPE, record.w[0]) < TYPE_IMPDEF)
		return -ENOENT; /* it is something else's */
	*out = (struct piommu_event){ .type = PIOMMU_EVENT_DMA_FAULT };
	fill_fault(out, &record);
	return 0;
}

/* ---- The event queue ----------------------------------------------------------------------------------------------------------------- */

static size_t queue_len(const struct smmuv3_events *events)
{
	size_t len = sizeof(struct smmuv3_record) << events->nslots_lg2;

	return len < PIOMMU_PAGE_SIZE ? PIOMMU_PAGE_SIZE : len;
}

int smmuv3_events_create(struct smmuv3 *smmu)
{
	struct piommu_platform *plat = smmu->unit->plat;
	struct smmuv3_events *events = &smmu->events;
	unsigned most = field_get32(SMMUV3_IDR1_EVENTQS, smmu->idr1);
	size_t len;
	int err;

	events->nslots_lg2 = most < SMMUV3_EVENTQ_LG2 ? most : SMMUV3_EVENTQ_LG2;
	len = queue_len(events);
	err = plat->ops->mem_alloc(plat, len, len, smmu->unit->fw->numa_node, &events->mem);
	if (!err)
		smmuv3_writeback(smmu, events->mem.va, len); /* what was stored there before must not land on a record */
	return err;
}

void smmuv3_events_start(struct smmuv3 *smmu)
{
	struct smmuv3_events *events = &smmu->events;

	events->cons = 0;
	piommu_write64(smmu->window, SMMUV3_EVENTQ_BASE,
		       events->mem.pa | SMMUV3_QUEUE_ALLOCATE | field_prep(SMMUV3_QUEUE_LOG2SIZE, events->nslots_lg2));
	piommu_write32(smmu->window, events->regs + SMMUV3_EVENTQ_PROD, 0);
	piommu_write32(smmu->window, events->regs + SMMUV3_EVENTQ_CONS, 0);
}

void smmuv3_events_destroy(struct smmuv3 *smmu)
{
	struct piommu_platform *plat = smmu->unit->plat;

	if (smmu->events.mem.va && !smmu->unit->keep_memory)
		plat->ops->mem_free(plat, &smmu->events.mem);
	smmu->events.mem = (struct piommu_mem){ 0 };
}

/* ---- Poll -------------------------------------------------------------------------------------------------------------------------- */

static void emit_fault(struct smmuv3 *smmu, const struct smmuv3_record *record, const struct piommu_event_sink *sink)
{
	struct piommu_event event = piommu_emit_begin(smmu->unit, PIOMMU_EVENT_DMA_FAULT);

	fill_fault(&event, record);
	sink->emit(sink->ctx, &event);
}

static uint32_t position_mask(const struct smmuv3_events *events)
{
	return (2u << events->nslots_lg2) - 1;
}

static struct smmuv3_record record_at(struct smmuv3 *smmu, uint32_t position)
{
	struct smmuv3_events *events = &smmu->events;
	const struct smmuv3_record *slots = events->mem.va;
	const struct smmuv3_record *slot = &slots[position & ((1u << events->nslots_lg2) - 1)];
	struct smmuv3_record record;

	/* Of a unit that does not snoop: drops what this processor holds of it, which is never dirty, from the last time round. */
	smmuv3_writeback(smmu, slot, sizeof(*slot));
	for (unsigned i = 0; i < 4; i++)
		record.w[i] = __atomic_load_n(&slot->w[i], __ATOMIC_RELAXED);
	return record;
}

/* One round of the queue at most: what comes meanwhile is the next poll's. CONS follows once, and takes note of an overflow. */
static unsigned poll_records(struct smmuv3 *smmu, uint32_t prod, const struct piommu_event_sink *sink)
{
	struct smmuv3_events *events = &smmu->events;
	uint32_t mask = position_mask(events);
	uint32_t cons = events->cons & mask;
	uint32_t left = (prod - cons) & mask;
	unsigned n = 0;

	if (left > 1u << events->nslots_lg2)
		left = 1u << events->nslots_lg2; /* no unit says this; a broken one shall not make us run through it twice */
	io_rmb();                                /* PROD before the records that it announces */
	for (; n < left; n++) {
		struct smmuv3_record record = record_at(smmu, cons + n);

		emit_fault(smmu, &record, sink);
	}
	io_rmb(); /* records before the CONS that gives them away */
	events->cons = (prod & mask) | (prod & SMMUV3_EVENTQ_OVERFLOW);
	piommu_write32(smmu->window, events->regs + SMMUV3_EVENTQ_CONS, events->cons);
	return n;
}

static unsigned poll_events(struct smmuv3 *smmu, uint32_t prod, const struct piommu_event_sink *sink)
{
	bool overflow = (prod ^ smmu->events.cons) & SMMUV3_EVENTQ_OVERFLOW;
	unsigned n = poll_records(smmu, prod, sink);

	if (overflow)
		n += piommu_emit_words(smmu->unit, PIOMMU_EVENT_FAULT_OVERFLOW, "event queue overflow",
				       "the unit had more events than room; some were not recorded", sink);
	return n;
}

static const char *cerror_text(uint32_t cerror)
{
	switch (cerror) {
	case SMMUV3_CERROR_ILL:
		return "the unit refused a command (CERROR_ILL); the unmap it was for has failed";
	case SMMUV3_CERROR_ABT:
		return "the unit could not read a command (CERROR_ABT); the unmap it was for has failed";
	case SMMUV3_CERROR_ATC_INV_SYNC:
		return "a device did not answer an invalidation of its TLB (CERROR_ATC_INV_SYNC); unmaps under way have failed";
	default:
		return "the unit stopped its command queue for a reason that the architecture does not list; unmaps under way "
		       "have failed";
	}
}

/* Errors that each are an event, beside the command queue's. */
static const struct {
	uint32_t bit;
	enum piommu_event_type type;
	const char *name;
	const char *text;
} errors[] = {
	{ SMMUV3_GERROR_EVENTQ_ABT, PIOMMU_EVENT_FAULT_OVERFLOW, "EVENTQ_ABT_ERR",
	  "the unit could not write to its event queue; events were lost" },
	{ SMMUV3_GERROR_PRIQ_ABT, PIOMMU_EVENT_FAULT_OVERFLOW, "PRIQ_ABT_ERR",
	  "the unit could not write to its page request queue; requests were lost" },
	{ SMMUV3_GERROR_MSI_CMDQ_ABT, PIOMMU_EVENT_INV_ERROR, "MSI_CMDQ_ABT_ERR",
	  "the unit could not write that an invalidation is done; unmaps under way fail" },
	{ SMMUV3_GERROR_MSI_EVENTQ_ABT, PIOMMU_EVENT_UNIT_ERROR, "MSI_EVENTQ_ABT_ERR",
	  "the unit could not send an interrupt that nobody has asked for (event queue)" },
	{ SMMUV3_GERROR_MSI_PRIQ_ABT, PIOMMU_EVENT_UNIT_ERROR, "MSI_PRIQ_ABT_ERR",
	  "the unit could not send an interrupt that nobody has asked for (page request queue)" },
	{ SMMUV3_GERROR_MSI_GERROR_ABT, PIOMMU_EVENT_UNIT_ERROR, "MSI_GERROR_ABT_ERR",
	  "the unit could not send an interrupt that nobody has asked for (global error)" },
	{ SMMUV3_GERROR_SFM, PIOMMU_EVENT_UNIT_ERROR, "SFM_ERR",
	  "the unit has met an error inside it and entered service failure mode: all DMA through it is aborted until reset" },
};

static unsigned emit_report(struct smmuv3 *smmu, const struct piommu_report *report, const struct piommu_event_sink *sink)
{
	struct piommu_event event = piommu_emit_begin(smmu->unit, PIOMMU_EVENT_INV_ERROR);
	unsigned n = 0;

	event.when_ns = report->when_ns;
	event.reason = report->error;
	if (report->error & SMMUV3_GERROR_CMDQ) {
		event.reason_name = "CMDQ_ERR";
		event.reason_text = cerror_text(report->code);
		event.raw[0] = report->refused[0];
		event.raw[1] = report->refused[1];
		event.raw[2] = report->code;
		sink->emit(sink->ctx, &event);
		n++;
	}
	memset(event.raw, 0, sizeof(event.raw));
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		if (!(report->error & errors[i].bit))
			continue;
		event.type = errors[i].type;
		event.reason_name = errors[i].name;
		event.reason_text = errors[i].text;
		sink->emit(sink->ctx, &event);
		n++;
	}
	return n;
}

static unsigned poll_errors(struct smmuv3 *smmu, uint32_t gerror, const struct piommu_event_sink *sink)
{
	struct piommu_report reports[PIOMMU_REPORTS];
	unsigned found;
	unsigned n = 0;

	if (smmuv3_errors(smmu, gerror))
		smmuv3_inv_repair(smmu);
	found = piommu_repair_reports(&smmu->inv.repair, reports);
	for (unsigned i = 0; i < found; i++)
		n += emit_report(smmu, &reports[i], sink);
	smmuv3_inv_clean(smmu);
	if (piommu_repair_was_late(&smmu->inv.repair))
		n += piommu_emit_late(smmu->unit, sink);
	return n;
}

unsigned smmuv3_poll(struct piommu_unit *unit, const struct piommu_event_sink *sink)
{
	struct smmuv3 *smmu = smmuv3_of(unit);
	uint32_t gerror = piommu_read32(smmu->window, SMMUV3_GERROR);
	uint32_t prod = piommu_read32(smmu->window, smmu->events.regs + SMMUV3_EVENTQ_PROD);
	bool has_events = (prod ^ smmu->events.cons) & (position_mask(&smmu->events) | SMMUV3_EVENTQ_OVERFLOW);
	unsigned n = 0;

	if (__builtin_expect(!has_events && !smmuv3_errors(smmu, gerror) && !piommu_repair_has_news(&smmu->inv.repair), 1))
		return 0;
	if (gerror == UINT32_MAX)
		return piommu_emit_lost(smmu->unit, smmu->window, SMMUV3_AIDR, &smmu->lost, sink);
	if (has_events)
		n += poll_events(smmu, prod, sink);
	return n + poll_errors(smmu, gerror, sink);
}
