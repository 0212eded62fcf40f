/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Looking at a unit without touching it: a translation step by step, from RTADDR down, as hardware would do it, and the
 * capability registers in words. Reads registers and memory, writes neither; a window for inspection is enough.
 * Slow path, any thread. Specification: 3.4, 3.7, 7.1.3, 9.1, 9.3, 9.8, 11.4.2, 11.4.3.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "piommu_steps.h"
#include "vtd.h"

/* ---- Walk --------------------------------------------------------------------------------------------------------------------------- */

static void add_fault(struct piommu_steps *steps, uint8_t reason)
{
	piommu_steps_add(steps, "result", "blocked, fault 0x%02x: %s", reason, vtd_fault_name(reason));
}

static void add_result(struct piommu_steps *steps, uint64_t pa, bool can_read, bool can_write)
{
	char no_read[64], no_write[64];

	snprintf(no_read, sizeof(no_read), "fault 0x06: %s", vtd_fault_name(0x06));
	snprintf(no_write, sizeof(no_write), "fault 0x05: %s", vtd_fault_name(0x05));
	piommu_steps_reach(steps, pa, can_read, can_write, no_read, no_write);
}

static void say_entry(struct piommu_walk_step *next, uint64_t entry, bool leaf)
{
	piommu_step_say(next, "%s%s%s, %s 0x%" PRIx64, entry & VTD_PTE_R ? "R" : "-", entry & VTD_PTE_W ? "W" : "-",
			!(entry & (VTD_PTE_R | VTD_PTE_W)) ? " (not present)" : "", leaf ? "page at" : "table at",
			entry & VTD_PTE_ADDR);
}

/* A page size that the unit does not have, or a page that does not lie on a multiple of its size. */
static bool is_bad_leaf(uint64_t cap, uint64_t entry, unsigned level)
{
	if (level == 1)
		return false;
	if (level > 3 || !(field_get(VTD_CAP_SLLPS, cap) & BIT64(level - 2)))
		return true;
	return entry & VTD_PTE_ADDR & (BIT64(12 + 9 * (level - 1)) - 1);
}

static void walk_pages(struct piommu_steps *steps, uint64_t cap, uint64_t table_pa, unsigned levels, uint64_t iova)
{
	uint64_t allowed = VTD_PTE_R | VTD_PTE_W;

	for (unsigned level = levels; level; level--) {
		unsigned shift = 12 + 9 * (level - 1);
		unsigned index = (unsigned)(iova >> shift) & 511;
		struct piommu_walk_step *next;
		char what[32];
		bool leaf;

		snprintf(what, sizeof(what), "level %u [0x%03x]", level, index);
		next = piommu_steps_words(steps, what, table_pa + 8 * index, 1);
		if (!next)
			return;
		leaf = level == 1 || next->raw[0] & VTD_PTE_PS;
		say_entry(next, next->raw[0], leaf);
		if (leaf && next->raw[0] & (VTD_PTE_R | VTD_PTE_W) && is_bad_leaf(cap, next->raw[0], level)) {
			add_fault(steps, 0x0c);
			return;
		}
		allowed &= next->raw[0];
		if (!allowed || leaf) {
			uint64_t page = next->raw[0] & VTD_PTE_ADDR & ~(BIT64(shift) - 1);

			add_result(steps, page | (iova & (BIT64(shift) - 1)), allowed & VTD_PTE_R, allowed & VTD_PTE_W);
			return;
		}
		table_pa = next->raw[0] & VTD_PTE_ADDR;
	}
}

static const char *type_name(unsigned tt)
{
	static const char *const names[] = { "translated", "translated, device TLB allowed", "pass-through", "reserved type" };

	return names[tt & 3];
}

static void walk_context(struct piommu_steps *steps, uint64_t cap, struct vtd_pair entry, uint64_t iova)
{
	unsigned tt = (unsigned)field_get(VTD_CONTEXT_TT, entry.lo);
	unsigned aw = (unsigned)field_get(VTD_CONTEXT_AW, entry.hi);
	unsigned bits = 30 + 9 * aw;
	unsigned guest_bits = (unsigned)field_get(VTD_CAP_MGAW, cap) + 1;

	if (!(entry.lo & VTD_CONTEXT_P)) {
		add_fault(steps, 0x02);
	} else if (entry.lo & VTD_CONTEXT_LO_RSVD || entry.hi & VTD_CONTEXT_HI_RSVD) {
		add_fault(steps, 0x0b);
	} else if (tt > VTD_TT_PASSTHROUGH || aw > 4 || !(field_get(VTD_CAP_SAGAW, cap) & BIT64(aw))) {
		add_fault(steps, 0x03);
	} else if (tt == VTD_TT_PASSTHROUGH) {
		add_result(steps, iova, true, true);
	} else if (iova >> (bits < guest_bits ? bits : guest_bits)) {
		add_fault(steps, 0x04);
	} else {
		walk_pages(steps, cap, entry.lo & VTD_CONTEXT_SLPTPTR, aw + 2, iova);
	}
}

static void walk_tables(struct piommu_steps *steps, uint64_t cap, uint64_t rtaddr, uint16_t rid, uint64_t iova)
{
	struct piommu_walk_step *next;
	struct vtd_pair entry;

	next = piommu_steps_words(steps, "root entry", (rtaddr & VTD_RTADDR_RTA) + 16u * (rid >> 8), 2);
	if (!next)
		return;
	entry = (struct vtd_pair){ next->raw[0], next->raw[1] };
	if (!(entry.lo & VTD_ROOT_P)) {
		piommu_step_say(next, "bus %02x: not present", rid >> 8);
		add_fault(steps, 0x01);
		return;
	}
	piommu_step_say(next, "bus %02x: context table at 0x%" PRIx64, rid >> 8, entry.lo & VTD_ROOT_CTP);
	next = piommu_steps_words(steps, "context entry", (entry.lo & VTD_ROOT_CTP) + 16u * (rid & 0xff), 2);
	if (!next)
		return;
	entry = (struct vtd_pair){ next->raw[0], next->raw[1] };
	if (entry.lo & VTD_CONTEXT_P)
		piommu_step_say(next, "%02x.%x: %s, domain id %u, %u bits, table at 0x%" PRIx64, (rid >> 3) & 31, rid & 7,
				type_name((unsigned)field_get(VTD_CONTEXT_TT, entry.lo)), vtd_context_did(entry),
				30 + 9 * (unsigned)field_get(VTD_CONTEXT_AW, entry.hi), entry.lo & VTD_CONTEXT_SLPTPTR);
	else
		piommu_step_say(next, "%02x.%x: not present", (rid >> 3) & 31, rid & 7);
	walk_context(steps, cap, entry, iova);
}

unsigned vtd_walk(struct piommu_platform *plat, struct piommu_window *window, uint32_t id, uint64_t iova,
		  struct piommu_walk_step *steps, unsigned max)
{
	struct piommu_steps all = { .plat = plat, .at = steps, .max = max };
	struct piommu_walk_step *next;
	uint32_t status = piommu_read32(window, VTD_GSTS);
	uint64_t rtaddr = piommu_read64(window, VTD_RTADDR);
	unsigned mode = (unsigned)field_get(VTD_RTADDR_TTM, rtaddr);

	next = piommu_steps_add(&all, "registers", "translation %s, %s mode, root table at 0x%" PRIx64,
				status & VTD_GCMD_TE ? "on" : "off",
				mode == 0   ? "legacy"
				: mode == 1 ? "scalable"
					    : "abort",
				rtaddr & VTD_RTADDR_RTA);
	piommu_step_raw(next, status);
	piommu_step_raw(next, rtaddr);
	if (status == UINT32_MAX)
		piommu_steps_add(&all, "result", "the unit is gone: its registers read all ones");
	else if (id > UINT16_MAX)
		piommu_steps_add(&all, "result", "no DMA comes with id 0x%" PRIx32 ": a source id has 16 bits", id);
	else if (!(status & VTD_GCMD_TE))
		piommu_steps_add(&all, "result", "reads and writes reach 0x%" PRIx64 ": nothing is translated", iova);
	else if (mode)
		piommu_steps_add(&all, "result", "tables in this mode are not decoded");
	else
		walk_tables(&all, piommu_read64(window, VTD_CAP), rtaddr, (uint16_t)id, iova);
	return all.n;
}

/* ---- Capabilities in words -------------------------------------------------------------------------------------------------------------- */

static const struct piommu_cap_flag cap_flags[] = {
	{ VTD_CAP_AFL, "AFL", "advanced fault log" },
	{ VTD_CAP_RWBF, "RWBF", "write buffers must be flushed" },
	{ VTD_CAP_PLMR, "PLMR", "protected low memory region" },
	{ VTD_CAP_PHMR, "PHMR", "protected high memory region" },
	{ VTD_CAP_CM, "CM", "caching mode: not-present entries are cached, too" },
	{ VTD_CAP_ZLR, "ZLR", "zero-length reads of write-only pages" },
	{ VTD_CAP_PSI, "PSI", "page-selective invalidation" },
	{ VTD_CAP_DWD, "DWD", "invalidations drain writes" },
	{ VTD_CAP_DRD, "DRD", "invalidations drain reads" },
	{ VTD_CAP_FS1GP, "FS1GP", "1 GiB pages in the first stage" },
	{ VTD_CAP_PI, "PI", "posted interrupts" },
	{ VTD_CAP_FS5LP, "FS5LP", "5-level tables in the first stage" },
	{ VTD_CAP_ECMDS, "ECMDS", "enhanced commands" },
	{ VTD_CAP_ESIRTPS, "ESIRTPS", "a new interrupt table pointer invalidates by itself" },
	{ VTD_CAP_ESRTPS, "ESRTPS", "a new root table pointer invalidates by itself" },
};

static const struct piommu_cap_flag ecap_flags[] = {
	{ VTD_ECAP_C, "C", "page walks snoop caches" },
	{ VTD_ECAP_QI, "QI", "queued invalidation" },
	{ VTD_ECAP_DT, "DT", "device TLBs (ATS)" },
	{ VTD_ECAP_IR, "IR", "interrupt remapping" },
	{ VTD_ECAP_EIM, "EIM", "extended interrupt mode (x2APIC)" },
	{ VTD_ECAP_PT, "PT", "pass-through" },
	{ VTD_ECAP_SC, "SC", "snoop control" },
	{ VTD_ECAP_MTS, "MTS", "memory types" },
	{ VTD_ECAP_NEST, "NEST", "nested translation" },
	{ VTD_ECAP_PRS, "PRS", "page requests" },
	{ VTD_ECAP_ERS, "ERS", "execute requests" },
	{ VTD_ECAP_SRS, "SRS", "supervisor requests" },
	{ VTD_ECAP_NWFS, "NWFS", "no-write flag" },
	{ VTD_ECAP_EAFS, "EAFS", "extended accessed flag" },
	{ VTD_ECAP_PASID, "PASID", "process address space ids" },
	{ VTD_ECAP_DIT, "DIT", "device-TLB invalidation throttle" },
	{ VTD_ECAP_PDS, "PDS", "page-request drain" },
	{ VTD_ECAP_SMTS, "SMTS", "scalable mode" },
	{ VTD_ECAP_VCS, "VCS", "virtual commands" },
	{ VTD_ECAP_SSADS, "SSADS", "accessed and dirty bits in the second stage" },
	{ VTD_ECAP_SSTS, "SSTS", "second stage in scalable mode" },
	{ VTD_ECAP_FSTS, "FSTS", "first stage in scalable mode" },
	{ VTD_ECAP_SMPWCS, "SMPWCS", "page walks snoop by choice in scalable mode" },
	{ VTD_ECAP_RPS, "RPS", "RID_PASID" },
	{ VTD_ECAP_PMS, "PMS", "performance monitoring" },
	{ VTD_ECAP_ADMS, "ADMS", "abort-DMA mode" },
	{ VTD_ECAP_RPRIVS, "RPRIVS", "RID_PRIV" },
};

static bool read_caps(const struct piommu_unit_facts *facts, struct piommu_window *window, uint64_t caps[2])
{
	if (window) {
		caps[0] = piommu_read64(window, VTD_CAP);
		caps[1] = piommu_read64(window, VTD_ECAP);
		return true;
	}
	if (!facts || !facts->caps_known)
		return false;
	caps[0] = facts->cap[0];
	caps[1] = facts->cap[1];
	return true;
}

static void describe_cap_numbers(uint64_t cap, piommu_cap_fn fn, void *ctx)
{
	uint64_t sagaw = field_get(VTD_CAP_SAGAW, cap);
	uint64_t large = field_get(VTD_CAP_SLLPS, cap);

	piommu_caps_value(fn, ctx, "ND", "%llu domain ids", 1ull << (4 + 2 * field_get(VTD_CAP_ND, cap)));
	piommu_caps_value(fn, ctx, "SAGAW", "tables of%s%s%s%s", sagaw & 2 ? " 3 levels (39 bits)" : "",
			  sagaw & 4 ? " 4 levels (48 bits)" : "", sagaw & 8 ? " 5 levels (57 bits)" : "",
			  sagaw & 14 ? "" : " no width: interrupts only");
	piommu_caps_value(fn, ctx, "MGAW", "addresses of %" PRIu64 " bits", field_get(VTD_CAP_MGAW, cap) + 1);
	piommu_caps_value(fn, ctx, "FRO", "fault records at 0x%" PRIx64, 16 * field_get(VTD_CAP_FRO, cap));
	piommu_caps_value(fn, ctx, "SLLPS", "pages of 4 KiB%s%s", large & 1 ? ", 2 MiB" : "", large & 2 ? ", 1 GiB" : "");
	piommu_caps_value(fn, ctx, "NFR", "%" PRIu64 " fault records", field_get(VTD_CAP_NFR, cap) + 1);
	if (cap & VTD_CAP_PSI)
		piommu_caps_value(fn, ctx, "MAMV", "up to 2^%" PRIu64 " pages an invalidation", field_get(VTD_CAP_MAMV, cap));
}

void vtd_describe(const struct piommu_unit_facts *facts, struct piommu_window *window, piommu_cap_fn fn, void *ctx)
{
	uint64_t caps[2];

	if (!read_caps(facts, window, caps))
		return;
	describe_cap_numbers(caps[0], fn, ctx);
	piommu_caps_flags(cap_flags, sizeof(cap_flags) / sizeof(cap_flags[0]), caps[0], fn, ctx);
	piommu_caps_value(fn, ctx, "IRO", "IOTLB registers at 0x%" PRIx64, 16 * field_get(VTD_ECAP_IRO, caps[1]));
	if (caps[1] & VTD_ECAP_IR)
		piommu_caps_value(fn, ctx, "MHMV", "up to 2^%" PRIu64 " interrupt entries an invalidation",
				  field_get(VTD_ECAP_MHMV, caps[1]));
	if (caps[1] & VTD_ECAP_PASID)
		piommu_caps_value(fn, ctx, "PSS", "PASIDs of %" PRIu64 " bits", field_get(VTD_ECAP_PSS, caps[1]) + 1);
	piommu_caps_flags(ecap_flags, sizeof(ecap_flags) / sizeof(ecap_flags[0]), caps[1], fn, ctx);
}

void vtd_version(const struct piommu_unit_facts *facts, struct piommu_window *window, char *text, size_t len)
{
	uint32_t version = window ? piommu_read32(window, VTD_VER) : facts && facts->caps_known ? facts->version : 0;

	if (!version || version == UINT32_MAX)
		snprintf(text, len, "%s", "");
	else
		snprintf(text, len, "%u.%u", field_get32(VTD_VER_MAX, version), field_get32(VTD_VER_MIN, version));
}
