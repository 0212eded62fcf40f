/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Faults: polled out of the unit's records, decoded, and said in words. The last station of the flow, entered by the one
 * thread that polls. Specification: 5.1.4.1 and 7.1.3 (reasons), 7.2 (recording), 11.4.7 (registers).
 */
#include <errno.h>
#include <string.h>

#include "piommu_emit.h"
#include "vtd.h"

/* ---- Reasons ----------------------------------------------------------------------------------------------------------------------- */

struct reason {
	uint8_t code;
	const char *name;
	const char *text;
};

static const struct reason reasons[] = {
	/* Legacy mode */
	{ 0x01, "root entry not present, LRT.2", "the root table has no context table for the requester's bus" },
	{ 0x02, "context entry not present, LCT.2", "the requester is on no domain: it is blocked, or was never attached" },
	{ 0x03, "invalid context entry, LCT.4",
	  "the requester's context entry has an address width or a type that the unit does not have" },
	{ 0x04, "address too wide, LGN.1", "the address is beyond the width of the domain's tables or of the unit" },
	{ 0x05, "write permission, LGN.2", "a write to a page that is not mapped for writing, or not mapped at all" },
	{ 0x06, "read permission, LGN.3", "a read of a page that is not mapped for reading, or not mapped at all" },
	{ 0x07, "page table access, LSL.1", "a page table could not be read at the address that the level above gives" },
	{ 0x08, "root table access, LRT.1", "the root table could not be read at the address in RTADDR" },
	{ 0x09, "context table access, LCT.1", "a context table could not be read at the address in the root entry" },
	{ 0x0a, "root entry reserved bits, LRT.3", "reserved bits are set in the root entry" },
	{ 0x0b, "context entry reserved bits, LCT.3", "reserved bits are set in the context entry" },
	{ 0x0c, "page table reserved bits, LSL.2", "reserved bits are set in a page-table entry" },
	{ 0x0d, "translation type, LCT.5", "an ATS request from a device whose context entry does not allow ATS" },
	{ 0x0e, "leads to the interrupt range, LGN.4", "the translated address lies in 0xfeexxxxx" },
	/* Interrupt remapping */
	{ 0x20, "interrupt request reserved bits", "reserved bits are set in a remappable interrupt request" },
	{ 0x21, "interrupt index too large", "the interrupt's index is beyond the remapping table" },
	{ 0x22, "interrupt entry not present", "the interrupt's remapping entry is not present" },
	{ 0x23, "interrupt table access", "the interrupt remapping table could not be read" },
	{ 0x24, "interrupt entry reserved bits", "reserved bits are set in the interrupt's remapping entry" },
	{ 0x25, "compatibility-format interrupt", "an interrupt request in the old format, which is switched off" },
	{ 0x26, "interrupt source check", "the interrupt's remapping entry is for another requester" },
	{ 0x27, "interrupt descriptor access", "a posted-interrupt descriptor could not be read or written" },
	{ 0x28, "interrupt descriptor reserved bits", "reserved bits are set in a posted-interrupt descriptor" },
	/* Scalable mode: root table pointer */
	{ 0x30, "invalid table mode, RTA.1", "RTADDR names a table mode that the unit does not have" },
	{ 0x31, "request with PASID in legacy mode, RTA.2", "a request with PASID while the tables are in legacy mode" },
	{ 0x32, "page request in legacy mode, RTA.3", "a page request with PASID while the tables are in legacy mode" },
	{ 0x33, "DMA aborted, RTA.4", "every request is blocked: the table mode is abort" },
	/* root entry */
	{ 0x38, "scalable root table access, SRT.1", "the root table could not be read" },
	{ 0x39, "scalable root entry not present, SRT.2", "the half of the root entry for the requester is not present" },
	{ 0x3a, "scalable root entry reserved bits, SRT.3", "reserved bits are set in the root entry" },
	/* context entry */
	{ 0x40, "scalable context table access, SCT.1", "a context table could not be read" },
	{ 0x41, "scalable context entry not present, SCT.2", "the requester's context entry is not present" },
	{ 0x42, "scalable context entry reserved bits, SCT.3", "reserved bits are set in the context entry" },
	{ 0x43, "invalid scalable context entry, SCT.4", "the context entry has a value that the unit does not have" },
	{ 0x44, "device TLB not enabled, SCT.5", "an ATS request from a device whose context entry has DTE clear" },
	{ 0x45, "PASID not enabled, SCT.6", "a request with PASID from a device whose context entry has PASIDE clear" },
	{ 0x46, "PASID too large, SCT.7", "the PASID is beyond the directory that the context entry states" },
	{ 0x47, "page requests not enabled, SCT.8", "a page request from a device whose context entry has PRE clear" },
	{ 0x48, "RID_PASID, SCT.9", "the context entry's RID_PASID cannot be used for this request" },
	/* PASID directory and table */
	{ 0x50, "PASID directory access, SPD.1", "the PASID directory could not be read" },
	{ 0x51, "PASID directory entry not present, SPD.2", "the PASID directory has no table for this PASID" },
	{ 0x52, "PASID directory entry reserved bits, SPD.3", "reserved bits are set in the PASID directory entry" },
	{ 0x58, "PASID table access, SPT.1", "the PASID table could not be read" },
	{ 0x59, "PASID entry not present, SPT.2", "the PASID table entry is not present" },
	{ 0x5a, "PASID entry reserved bits, SPT.3", "reserved bits are set in the PASID table entry" },
	{ 0x5b, "invalid PASID entry, SPT.4", "the PASID table entry has a value that the unit does not have" },
	{ 0x5c, "execute requests not enabled, SPT.5", "an execute request, and the PASID table entry has ERE clear" },
	{ 0x5d, "supervisor requests not enabled, SPT.6", "a supervisor request, and the PASID table entry has SRE clear" },
	/* first stage */
	{ 0x70, "first-stage table access, SFS.1", "a first-stage page table could not be read" },
	{ 0x71, "first-stage entry not present, SFS.2", "the address is not mapped in the first stage" },
	{ 0x72, "first-stage entry reserved bits, SFS.3", "reserved bits are set in a first-stage entry" },
	{ 0x73, "first-stage root access, SFS.4", "the first-stage root table could not be read" },
	{ 0x74, "first-stage table too wide, SFS.5", "a first-stage table lies beyond what the second stage can translate" },
	{ 0x75, "first-stage root permission, SFS.6", "the second stage does not let the first-stage root table be read" },
	{ 0x76, "first-stage table permission, SFS.7", "the second stage does not let a first-stage table be read" },
	{ 0x77, "first-stage table write permission, SFS.8",
	  "the second stage does not let accessed and dirty bits be written" },
	/* second stage */
	{ 0x78, "second-stage table access, SSS.1", "a second-stage page table could not be read" },
	{ 0x79, "second-stage entry not present, SSS.2", "the address is not mapped in the second stage" },
	{ 0x7a, "second-stage entry reserved bits, SSS.3", "reserved bits are set in a second-stage entry" },
	{ 0x7b, "second-stage root access, SSS.4", "the second-stage root table could not be read" },
	{ 0x7c, "second-stage bits without snooping, SSS.5", "accessed and dirty bits are on, but page walks do not snoop" },
	{ 0x7d, "second-stage bits update, SSS.6", "accessed and dirty bits of the second stage could not be written" },
	/* the access itself */
	{ 0x80, "not canonical, SGN.1", "the address is not canonical for the first stage" },
	{ 0x81, "supervisor page, SGN.2", "a user request to a page that is for supervisors" },
	{ 0x82, "no execute permission, SGN.3", "an execute request to a page that is not executable" },
	{ 0x83, "beyond host address width, SGN.4", "the address is beyond the machine's address width" },
	{ 0x84, "second-stage address too wide, SGN.5", "the address is beyond the width of the second stage" },
	{ 0x85, "scalable write permission, SGN.6", "a write to a page that is not mapped for writing" },
	{ 0x86, "scalable read permission, SGN.7", "a read of a page that is not mapped for reading" },
	{ 0x87, "scalable interrupt range, SGN.8", "the translated address lies in 0xfeexxxxx" },
	{ 0x90, "first-stage bits without snooping, SFS.9", "accessed and dirty bits are needed, but page walks do not snoop" },
	{ 0x91, "first-stage bits update, SFS.10", "accessed and dirty bits of the first stage could not be written" },
};

static const struct reason unknown = { 0, "unknown reason", "a reason that revision 4.1 of the specification does not list" };

static const struct reason *reason_of(uint8_t code)
{
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		if (reasons[i].code == code)
			return &reasons[i];
	}
	return &unknown;
}

const char *vtd_fault_name(uint8_t reason)
{
	return reason_of(reason)->name;
}

const char *vtd_fault_text(uint8_t reason)
{
	return reason_of(reason)->text;
}

/* ---- Records ----------------------------------------------------------------------------------------------------------------------- */

struct vtd_fault vtd_fault_decode(struct vtd_pair record)
{
	struct vtd_fault fault = {
		.sid = (uint16_t)field_get(VTD_FRCD_SID, record.hi),
		.reason = (uint8_t)field_get(VTD_FRCD_FR, record.hi),
		/* T1 and T2: 00 write, 01 page request, 10 read, 11 atomic, which both reads and writes. */
		.is_write = !(record.hi & VTD_FRCD_T1) == !(record.hi & VTD_FRCD_T2),
		.iova = record.lo & VTD_FRCD_FI,
	};

	fault.is_interrupt = fault.reason >= 0x20 && fault.reason <= 0x2f;
	if (fault.is_interrupt) {
		fault.iova = field_get(VTD_FRCD_INDEX, record.lo);
		fault.is_write = false;
		return fault;
	}
	/* Without PP the PASID field holds whatever it holds; models and hardware leave it all ones. */
	fault.has_pasid = record.hi & VTD_FRCD_PP;
	if (fault.has_pasid) {
		fault.pasid = (uint32_t)field_get(VTD_FRCD_PV, record.hi);
		fault.is_execute = record.hi & VTD_FRCD_EXE;
	}
	return fault;
}

static void fill_fault(struct piommu_event *event, struct vtd_pair record)
{
	struct vtd_fault fault = vtd_fault_decode(record);

	event->id = fault.sid;
	event->is_pci = true;
	event->sbdf = (struct piommu_sbdf){ 0, (uint8_t)(fault.sid >> 8), (uint8_t)(fault.sid & 0xff) };
	event->iova = fault.iova;
	event->is_write = fault.is_write;
	event->is_execute = fault.is_execute;
	event->is_interrupt = fault.is_interrupt;
	event->has_pasid = fault.has_pasid;
	event->pasid = fault.pasid;
	event->reason = fault.reason;
	event->reason_name = vtd_fault_name(fault.reason);
	event->reason_text = vtd_fault_text(fault.reason);
	event->raw[0] = record.lo;
	event->raw[1] = record.hi;
}

/* What a kernel writes of a record, and not the record: sid, reason, addr or index, write, perhaps pasid. */
static bool record_of_names(const struct piommu_word *words, unsigned n, struct vtd_pair *record)
{
	unsigned seen = 0;

	*record = (struct vtd_pair){ 0, VTD_FRCD_F | VTD_FRCD_T1 };
	for (unsigned i = 0; i < n && words[i].name; i++) {
		uint64_t value = words[i].value;

		if (!strcmp(words[i].name, "sid")) {
			record->hi |= field_prep(VTD_FRCD_SID, value & 0xffff);
			seen |= 1;
		} else if (!strcmp(words[i].name, "reason")) {
			record->hi |= field_prep(VTD_FRCD_FR, value & 0xff);
			seen |= 2;
		} else if (!strcmp(words[i].name, "addr")) {
			record->lo = value & VTD_FRCD_FI;
			seen |= 4;
		} else if (!strcmp(words[i].name, "index")) {
			record->lo = field_prep(VTD_FRCD_INDEX, value & 0xffff);
			seen |= 4;
		} else if (!strcmp(words[i].name, "write")) {
			record->hi &= value ? ~VTD_FRCD_T1 : UINT64_MAX;
		} else if (!strcmp(words[i].name, "pasid")) {
			record->hi |= VTD_FRCD_PP | field_prep(VTD_FRCD_PV, value & 0xfffff);
		}
	}
	return seen == 7;
}

/* A fault record (11.4.7.2), low word first; or by names. */
int vtd_decode(const struct piommu_word *words, unsigned n, struct piommu_event *out)
{
	struct vtd_pair record;

	if (record_of_names(words, n, &record)) {
		*out = (struct piommu_event){ .type = PIOMMU_EVENT_DMA_FAULT };
		fill_fault(out, record);
		return 0;
	}
	if (n != 2 || words[0].name || words[1].name)
		return -ENOENT;
	if (words[0].value == UINT64_MAX && words[1].value == UINT64_MAX)
		return -EIO;
	if (!(words[1].value & VTD_FRCD_F))
		return -ENOENT;
	*out = (struct piommu_event){ .type = PIOMMU_EVENT_DMA_FAULT };
	fill_fault(out, (struct vtd_pair){ words[0].value, words[1].value });
	return 0;
}

static unsigned record_at(const struct vtd *vtd, unsigned index)
{
	return 16 * ((unsigned)field_get(VTD_CAP_FRO, vtd->cap) + index);
}

static unsigned nrecords(const struct vtd *vtd)
{
	return (unsigned)field_get(VTD_CAP_NFR, vtd->cap) + 1;
}

/* Takes one record out, if it holds a fault. */
static bool take(struct vtd *vtd, unsigned index, struct vtd_pair *record)
{
	unsigned off = record_at(vtd, index);

	record->hi = piommu_read64(vtd->window, off + 8);
	if (!(record->hi & VTD_FRCD_F))
		return false;
	record->lo = piommu_read64(vtd->window, off);
	piommu_write64(vtd->window, off + 8, VTD_FRCD_F);
	return true;
}

void vtd_fault_reset(struct vtd *vtd)
{
	struct vtd_pair record;

	piommu_write32(vtd->window, VTD_FECTL, VTD_FECTL_IM);
	for (unsigned i = 0; i < nrecords(vtd); i++)
		take(vtd, i, &record);
	piommu_write32(vtd->window, VTD_FSTS, VTD_FSTS_PFO | VTD_FSTS_QUEUE);
	vtd->lost = false;
}

/* ---- Poll -------------------------------------------------------------------------------------------------------------------------- */

static void emit_fault(struct vtd *vtd, struct vtd_pair record, const struct piommu_event_sink *sink)
{
	struct piommu_event event = piommu_emit_begin(vtd->unit, PIOMMU_EVENT_DMA_FAULT);

	fill_fault(&event, record);
	event.sbdf.segment = vtd->unit->fw->segment;
	sink->emit(sink->ctx, &event);
}

/* From the oldest on, around the end; hardware fills records in that order. */
static unsigned poll_records(struct vtd *vtd, uint32_t fsts, const struct piommu_event_sink *sink)
{
	unsigned total = nrecords(vtd);
	unsigned first = field_get32(VTD_FSTS_FRI, fsts) % total;
	unsigned n = 0;

	for (unsigned i = 0; i < total; i++) {
		struct vtd_pair record;

		if (!take(vtd, (first + i) % total, &record))
			break;
		emit_fault(vtd, record, sink);
		n++;
	}
	return n;
}

static unsigned poll_overflow(struct vtd *vtd, const struct piommu_event_sink *sink)
{
	/* Records are free again: from here on new faults are recorded (7.2.1). */
	piommu_write32(vtd->window, VTD_FSTS, VTD_FSTS_PFO);
	return piommu_emit_words(vtd->unit, PIOMMU_EVENT_FAULT_OVERFLOW, "fault overflow",
				 "the unit had more faults than records; some were not recorded", sink);
}

static void emit_report(struct vtd *vtd, const struct piommu_report *report, const struct piommu_event_sink *sink)
{
	struct piommu_event event = piommu_emit_begin(vtd->unit, PIOMMU_EVENT_INV_ERROR);

	if (report->error & VTD_FSTS_IQE) {
		event.reason_name = "invalidation queue error";
		event.reason_text = "the unit refused a descriptor or could not read it (IQE); the unmap it was for has failed";
	} else if (report->error & VTD_FSTS_ITE) {
		event.reason_name = "invalidation time-out";
		event.reason_text = "a device did not answer an invalidation of its TLB (ITE); unmaps under way have failed";
	} else {
		event.reason_name = "invalidation completion error";
		event.reason_text = "a device answered an invalidation that it was not sent (ICE)";
	}
	event.when_ns = report->when_ns;
	event.reason = report->error;
	event.raw[0] = report->refused[0];
	event.raw[1] = report->refused[1];
	sink->emit(sink->ctx, &event);
}

/* What stopped nothing: ICE, and all errors where there is no queue. */
static unsigned poll_harmless(struct vtd *vtd, uint32_t fsts, const struct piommu_event_sink *sink)
{
	struct piommu_report report = { .error = fsts & (vtd->inv.ring ? VTD_FSTS_ICE : VTD_FSTS_QUEUE) };

	if (!report.error)
		return 0;
	report.when_ns = piommu_plat_now_ns(vtd->unit->plat);
	piommu_write32(vtd->window, VTD_FSTS, report.error);
	emit_report(vtd, &report, sink);
	return 1;
}

static unsigned poll_queue(struct vtd *vtd, uint32_t fsts, const struct piommu_event_sink *sink)
{
	struct piommu_report reports[PIOMMU_REPORTS];
	unsigned n;

	if (fsts & (VTD_FSTS_IQE | VTD_FSTS_ITE))
		vtd_inv_repair(vtd);
	n = piommu_repair_reports(&vtd->inv.repair, reports);
	for (unsigned i = 0; i < n; i++)
		emit_report(vtd, &reports[i], sink);
	vtd_inv_clean(vtd);
	if (piommu_repair_was_late(&vtd->inv.repair))
		n += piommu_emit_late(vtd->unit, sink);
	return n + poll_harmless(vtd, fsts, sink);
}

unsigned vtd_poll(struct piommu_unit *unit, const struct piommu_event_sink *sink)
{
	struct vtd *vtd = vtd_of(unit);
	uint32_t fsts = piommu_read32(vtd->window, VTD_FSTS);
	unsigned n = 0;

	if (__builtin_expect(!fsts && !piommu_repair_has_news(&vtd->inv.repair), 1))
		return 0;
	if (fsts == UINT32_MAX)
		return piommu_emit_lost(vtd->unit, vtd->window, VTD_VER, &vtd->lost, sink);
	if (fsts & VTD_FSTS_PPF)
		n += poll_records(vtd, fsts, sink);
	if (fsts & VTD_FSTS_PFO)
		n += poll_overflow(vtd, sink);
	return n + poll_queue(vtd, fsts, sink);
}
