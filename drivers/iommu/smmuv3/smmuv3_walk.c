/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Looking at a unit without touching it: a translation step by step, from CR0 down, as hardware would do it, and the capability
 * registers in words. Reads registers and memory, writes neither; a window for inspection is enough.
 * Slow path, any thread. Specification: 3.3, 3.4, 5.1, 5.2, 5.4, 6.3, 7.3; Arm ARM D8.2, D8.3.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "arm_walk.h"
#include "smmuv3.h"

/* ---- Walk --------------------------------------------------------------------------------------------------------------------------- */

struct walk {
	struct piommu_steps steps;
	uint32_t idr5;
};

static void add_fault(struct walk *walk, uint8_t type)
{
	piommu_steps_add(&walk->steps, "result", "blocked, event 0x%02x: %s", type, smmuv3_fault_name(type));
}

static void say_fault(enum arm_fault fault, char *text, size_t len)
{
	static const uint8_t types[] = {
		[ARM_TRANSLATION] = 0x10,
		[ARM_ADDRESS_SIZE] = 0x11,
		[ARM_ACCESS_FLAG] = 0x12,
		[ARM_PERMISSION] = 0x13,
	};

	snprintf(text, len, "event 0x%02x: %s", types[fault], smmuv3_fault_name(types[fault]));
}

/* ---- Page tables -------------------------------------------------------------------------------------------------------------------- */

static unsigned address_bits(const struct walk *walk)
{
	return smmuv3_address_bits(field_get32(SMMUV3_IDR5_OAS, walk->idr5));
}

static unsigned granule_of_tg(uint64_t tg)
{
	return tg == SMMUV3_TG_4K ? 12 : tg == SMMUV3_TG_16K ? 14 : tg == SMMUV3_TG_64K ? 16 : 0;
}

static void walk_stage1(struct walk *walk, uint64_t cd_pa, uint64_t iova)
{
	struct piommu_walk_step *next = piommu_steps_words(&walk->steps, "context descriptor", cd_pa, 8);
	struct arm_walk tables = { .say_fault = say_fault, .pa_bits = address_bits(walk) };

	if (!next)
		return;
	tables.root_pa = next->raw[1] & SMMUV3_CD1_TTB0;
	tables.granule_lg2 = granule_of_tg(field_get(SMMUV3_CD0_TG0, next->raw[0]));
	tables.bits = 64 - (unsigned)field_get(SMMUV3_CD0_T0SZ, next->raw[0]);
	piommu_step_say(next, "%s, ASID %" PRIu64 ", %u bits, pages of %u KiB, table at 0x%" PRIx64,
			next->raw[0] & SMMUV3_CD0_V ? "valid" : "not valid", field_get(SMMUV3_CD0_ASID, next->raw[0]),
			tables.bits, tables.granule_lg2 ? 1u << (tables.granule_lg2 - 10) : 0, tables.root_pa);
	if (!(next->raw[0] & SMMUV3_CD0_V) || !(next->raw[0] & SMMUV3_CD0_AA64) || !tables.granule_lg2 || tables.bits < 16 ||
	    tables.bits > 52) {
		add_fault(walk, 0x0a);
		return;
	}
	if (next->raw[0] & SMMUV3_CD0_EPD0) {
		add_fault(walk, 0x10);
		return;
	}
	tables.start = arm_walk_start(tables.bits, tables.granule_lg2);
	arm_walk_pages(&walk->steps, &tables, iova);
}

static void walk_stage2(struct walk *walk, const struct piommu_walk_step *ste, uint64_t iova)
{
	uint64_t word = ste->raw[2];
	unsigned sl0 = (unsigned)field_get(SMMUV3_STE2_S2SL0, word);
	struct arm_walk tables = {
		.root_pa = ste->raw[3] & SMMUV3_STE3_S2TTB,
		.granule_lg2 = granule_of_tg(field_get(SMMUV3_STE2_S2TG, word)),
		.bits = 64 - (unsigned)field_get(SMMUV3_STE2_S2T0SZ, word),
		.stage2 = true,
		.pa_bits = address_bits(walk),
		.say_fault = say_fault,
	};

	tables.start = (tables.granule_lg2 == 12 ? 2 : 3) - sl0; /* wraps where it makes no sense */
	if (!tables.granule_lg2 || tables.start > 3 || tables.bits > 52 || !(word & SMMUV3_STE2_S2AA64)) {
		add_fault(walk, 0x04);
		return;
	}
	arm_walk_pages(&walk->steps, &tables, iova);
}

/* ---- The stream's entry --------------------------------------------------------------------------------------------------------------- */

static const char *config_name(uint64_t config)
{
	static const char *const names[] = { "bypass", "stage 1", "stage 2", "stage 1 over stage 2" };

	return config & SMMUV3_CONFIG_BYPASS ? names[config & 3] : "abort";
}

static void say_ste(struct piommu_walk_step *next)
{
	uint64_t config = field_get(SMMUV3_STE0_CONFIG, next->raw[0]);

	if (!(next->raw[0] & SMMUV3_STE0_V))
		piommu_step_say(next, "not valid");
	else if (config == SMMUV3_CONFIG_STAGE1)
		piommu_step_say(next, "%s, context descriptor at 0x%" PRIx64 "%s", config_name(config),
				next->raw[0] & SMMUV3_STE0_S1CONTEXTPTR,
				next->raw[0] & SMMUV3_STE0_S1CDMAX ? ", with substreams" : "");
	else if (config == SMMUV3_CONFIG_STAGE2)
		piommu_step_say(
			next, "%s, VMID %" PRIu64 ", %u bits, pages of %u KiB, table at 0x%" PRIx64, config_name(config),
			field_get(SMMUV3_STE2_S2VMID, next->raw[2]), 64 - (unsigned)field_get(SMMUV3_STE2_S2T0SZ, next->raw[2]),
			1u << granule_of_tg(field_get(SMMUV3_STE2_S2TG, next->raw[2])) >> 10, next->raw[3] & SMMUV3_STE3_S2TTB);
	else
		piommu_step_say(next, "%s", config_name(config));
}

static void walk_entry(struct walk *walk, uint64_t ste_pa, uint64_t iova)
{
	struct piommu_walk_step *next = piommu_steps_words(&walk->steps, "stream table entry", ste_pa, 8);
	uint64_t config;

	if (!next)
		return;
	say_ste(next);
	config = field_get(SMMUV3_STE0_CONFIG, next->raw[0]);
	if (!(next->raw[0] & SMMUV3_STE0_V)) {
		add_fault(walk, 0x04);
	} else if (!(config & SMMUV3_CONFIG_BYPASS)) {
		piommu_steps_add(&walk->steps, "result", "blocked, and not recorded: the entry says abort");
	} else if (config == SMMUV3_CONFIG_BYPASS) {
		piommu_steps_reach(&walk->steps, iova, true, true, NULL, NULL);
	} else if (config == SMMUV3_CONFIG_STAGE2) {
		walk_stage2(walk, next, iova);
	} else if (config == SMMUV3_CONFIG_STAGE1 && !(next->raw[0] & (SMMUV3_STE0_S1CDMAX | SMMUV3_STE0_S1FMT))) {
		walk_stage1(walk, next->raw[0] & SMMUV3_STE0_S1CONTEXTPTR, iova);
	} else {
		piommu_steps_add(&walk->steps, "result", "entries with substreams or with two stages are not decoded");
	}
}

static void walk_stream(struct walk *walk, uint64_t base, uint32_t cfg, uint32_t stream, uint64_t iova)
{
	unsigned split = field_get32(SMMUV3_STRTAB_SPLIT, cfg);
	uint64_t table = base & SMMUV3_STRTAB_ADDR;
	struct piommu_walk_step *next;
	uint64_t span;

	if ((uint64_t)stream >> field_get32(SMMUV3_STRTAB_LOG2SIZE, cfg)) {
		add_fault(walk, 0x02);
		return;
	}
	if (!field_get32(SMMUV3_STRTAB_FMT, cfg)) {
		walk_entry(walk, table + sizeof(struct smmuv3_ste) * stream, iova);
		return;
	}
	next = piommu_steps_words(&walk->steps, "first-level descriptor", table + 8 * (uint64_t)(stream >> split), 1);
	if (!next)
		return;
	span = field_get(SMMUV3_L1_SPAN, next->raw[0]);
	table = next->raw[0] & SMMUV3_L1_ADDR;
	stream &= (uint32_t)(BIT64(split) - 1);
	if (!span || span > split + 1 || stream >> (span - 1)) {
		piommu_step_say(next, span ? "its table does not reach so far" : "no table");
		add_fault(walk, 0x02);
		return;
	}
	piommu_step_say(next, "%" PRIu64 " entries at 0x%" PRIx64, BIT64(span - 1), table);
	walk_entry(walk, table + sizeof(struct smmuv3_ste) * stream, iova);
}

unsigned smmuv3_walk(struct piommu_platform *plat, struct piommu_window *window, uint32_t id, uint64_t iova,
		     struct piommu_walk_step *steps, unsigned max)
{
	struct walk walk = { .steps = { .plat = plat, .at = steps, .max = max }, .idr5 = piommu_read32(window, SMMUV3_IDR5) };
	struct piommu_walk_step *next;
	uint32_t cr0 = piommu_read32(window, SMMUV3_CR0);
	uint32_t gbpa = piommu_read32(window, SMMUV3_GBPA);
	uint64_t base = piommu_read64(window, SMMUV3_STRTAB_BASE);
	uint32_t cfg = piommu_read32(window, SMMUV3_STRTAB_BASE_CFG);

	next = piommu_steps_add(&walk.steps, "registers", "translation %s, stream table of %s at 0x%" PRIx64 ", ids of %u bits",
				cr0 & SMMUV3_CR0_SMMUEN ? "on" : "off",
				field_get32(SMMUV3_STRTAB_FMT, cfg) ? "two levels" : "one level", base & SMMUV3_STRTAB_ADDR,
				field_get32(SMMUV3_STRTAB_LOG2SIZE, cfg));
	piommu_step_raw(next, cr0);
	piommu_step_raw(next, base);
	piommu_step_raw(next, cfg);
	piommu_step_raw(next, gbpa);
	if (cr0 == UINT32_MAX)
		piommu_steps_add(&walk.steps, "result", "the unit is gone: its registers read all ones");
	else if (!(cr0 & SMMUV3_CR0_SMMUEN) && gbpa & SMMUV3_GBPA_ABORT)
		piommu_steps_add(&walk.steps, "result",
				 "blocked, and not recorded: nothing is translated, and GBPA says abort");
	else if (!(cr0 & SMMUV3_CR0_SMMUEN))
		piommu_steps_add(&walk.steps, "result", "reads and writes reach 0x%" PRIx64 ": nothing is translated", iova);
	else
		walk_stream(&walk, base, cfg, id, iova);
	return walk.steps.n;
}

/* ---- Capabilities in words -------------------------------------------------------------------------------------------------------------- */

static const struct piommu_cap_flag idr0_flags[] = {
	{ SMMUV3_IDR0_S1P, "S1P", "stage 1" },
	{ SMMUV3_IDR0_S2P, "S2P", "stage 2" },
	{ SMMUV3_IDR0_COHACC, "COHACC", "tables and queues are read coherently" },
	{ SMMUV3_IDR0_BTM, "BTM", "takes part in the CPUs' TLB maintenance" },
	{ SMMUV3_IDR0_DORMHINT, "DORMHINT", "dormant hint" },
	{ SMMUV3_IDR0_HYP, "HYP", "EL2 translations" },
	{ SMMUV3_IDR0_ATS, "ATS", "device TLBs" },
	{ SMMUV3_IDR0_NS1ATS, "NS1ATS", "ATS of both stages together only" },
	{ SMMUV3_IDR0_MSI, "MSI", "message-signalled interrupts; completion is written to memory" },
	{ SMMUV3_IDR0_SEV, "SEV", "completion wakes CPUs" },
	{ SMMUV3_IDR0_ATOS, "ATOS", "address translation by registers" },
	{ SMMUV3_IDR0_PRI, "PRI", "page requests" },
	{ SMMUV3_IDR0_VMW, "VMW", "VMID wildcards" },
	{ SMMUV3_IDR0_CD2L, "CD2L", "context descriptor tables of two levels" },
	{ SMMUV3_IDR0_VATOS, "VATOS", "address translation by registers, for virtual machines" },
	{ SMMUV3_IDR0_ATSRECERR, "ATSRECERR", "ATS configuration errors are recorded" },
	{ SMMUV3_IDR0_TERM_MODEL, "TERM_MODEL", "terminated accesses are always aborted" },
};

static const struct piommu_cap_flag idr1_flags[] = {
	{ SMMUV3_IDR1_ATTR_PERMS_OVR, "ATTR_PERMS_OVR", "permission attributes can be overridden" },
	{ SMMUV3_IDR1_ATTR_TYPES_OVR, "ATTR_TYPES_OVR", "memory types can be overridden" },
	{ SMMUV3_IDR1_REL, "REL", "fixed table and queues: base addresses are offsets" },
	{ SMMUV3_IDR1_QUEUES_PRESET, "QUEUES_PRESET", "fixed queues: cannot be driven" },
	{ SMMUV3_IDR1_TABLES_PRESET, "TABLES_PRESET", "fixed stream table: cannot be driven" },
	{ SMMUV3_IDR1_ECMDQ, "ECMDQ", "command queues for each CPU" },
};

static const struct piommu_cap_flag idr3_flags[] = {
	{ SMMUV3_IDR3_HAD, "HAD", "hierarchical permissions can be disabled" },
	{ SMMUV3_IDR3_PBHA, "PBHA", "page-based hardware attributes" },
	{ SMMUV3_IDR3_XNX, "XNX", "execute permissions by privilege in stage 2" },
	{ SMMUV3_IDR3_PPS, "PPS", "PASIDs in page responses" },
	{ SMMUV3_IDR3_MPAM, "MPAM", "memory partitioning and monitoring" },
	{ SMMUV3_IDR3_FWB, "FWB", "stage 2 forces write-back" },
	{ SMMUV3_IDR3_STT, "STT", "small translation tables" },
	{ SMMUV3_IDR3_RIL, "RIL", "invalidation of ranges and by level" },
};

struct ids {
	uint32_t idr0;
	uint32_t idr1;
	uint32_t idr3;
	uint32_t idr5;
};

/* Facts have the words two by two: IDR0 and IDR1, IDR3 and IDR5, each with the first one low. */
static bool read_ids(const struct piommu_unit_facts *facts, struct piommu_window *window, struct ids *ids)
{
	if (window) {
		*ids = (struct ids){ piommu_read32(window, SMMUV3_IDR0), piommu_read32(window, SMMUV3_IDR1),
				     piommu_read32(window, SMMUV3_IDR3), piommu_read32(window, SMMUV3_IDR5) };
		return true;
	}
	if (!facts || !facts->caps_known)
		return false;
	*ids = (struct ids){ (uint32_t)facts->cap[0], (uint32_t)(facts->cap[0] >> 32), (uint32_t)facts->cap[1],
			     (uint32_t)(facts->cap[1] >> 32) };
	return true;
}

#define FLAGS(flags, word, fn, ctx) piommu_caps_flags(flags, sizeof(flags) / sizeof((flags)[0]), word, fn, ctx)

static void describe_idr0(uint32_t idr0, piommu_cap_fn fn, void *ctx)
{
	static const char *const ttf[] = { "of no known kind", "AArch32", "AArch64", "AArch32 and AArch64" };
	static const char *const httu[] = { "", "access flags", "access flags and dirty state",
					    "access flags, dirty state and more" };
	static const char *const endian[] = { "either byte order", "an unknown byte order", "little-endian", "big-endian" };
	static const char *const stall[] = { "can be stalled", "are terminated", "are always stalled",
					     "are treated in an unknown way" };

	FLAGS(idr0_flags, idr0, fn, ctx);
	piommu_caps_value(fn, ctx, "TTF", "page tables %s", ttf[field_get32(SMMUV3_IDR0_TTF, idr0)]);
	if (idr0 & SMMUV3_IDR0_HTTU)
		piommu_caps_value(fn, ctx, "HTTU", "hardware updates %s", httu[field_get32(SMMUV3_IDR0_HTTU, idr0)]);
	piommu_caps_value(fn, ctx, "ASID16", "ASIDs of %u bits", idr0 & SMMUV3_IDR0_ASID16 ? 16 : 8);
	piommu_caps_value(fn, ctx, "VMID16", "VMIDs of %u bits", idr0 & SMMUV3_IDR0_VMID16 ? 16 : 8);
	piommu_caps_value(fn, ctx, "TTENDIAN", "page tables of %s", endian[field_get32(SMMUV3_IDR0_TTENDIAN, idr0)]);
	piommu_caps_value(fn, ctx, "STALL_MODEL", "faulting accesses %s", stall[field_get32(SMMUV3_IDR0_STALL_MODEL, idr0)]);
	piommu_caps_value(fn, ctx, "ST_LEVEL", "stream tables of one level%s",
			  field_get32(SMMUV3_IDR0_ST_LEVEL, idr0) ? " or two" : "");
}

static void describe_idr5(uint32_t idr5, piommu_cap_fn fn, void *ctx)
{
	piommu_caps_value(fn, ctx, "OAS", "addresses of %u bits on the bus",
			  smmuv3_address_bits(field_get32(SMMUV3_IDR5_OAS, idr5)));
	piommu_caps_value(fn, ctx, "GRAN", "pages of%s%s%s", idr5 & SMMUV3_IDR5_GRAN4K ? " 4 KiB" : "",
			  idr5 & SMMUV3_IDR5_GRAN16K ? " 16 KiB" : "", idr5 & SMMUV3_IDR5_GRAN64K ? " 64 KiB" : "");
	piommu_caps_value(fn, ctx, "VAX", "virtual addresses of %u bits", field_get32(SMMUV3_IDR5_VAX, idr5) == 1 ? 52 : 48);
	if (idr5 & SMMUV3_IDR5_STALL_MAX)
		piommu_caps_value(fn, ctx, "STALL_MAX", "up to %u stalled accesses", field_get32(SMMUV3_IDR5_STALL_MAX, idr5));
}

void smmuv3_describe(const struct piommu_unit_facts *facts, struct piommu_window *window, piommu_cap_fn fn, void *ctx)
{
	struct ids ids;

	if (!read_ids(facts, window, &ids))
		return;
	describe_idr0(ids.idr0, fn, ctx);
	piommu_caps_value(fn, ctx, "SIDSIZE", "stream ids of %u bits", field_get32(SMMUV3_IDR1_SIDSIZE, ids.idr1));
	if (ids.idr1 & SMMUV3_IDR1_SSIDSIZE)
		piommu_caps_value(fn, ctx, "SSIDSIZE", "substream ids (PASIDs) of %u bits",
				  field_get32(SMMUV3_IDR1_SSIDSIZE, ids.idr1));
	piommu_caps_value(fn, ctx, "CMDQS", "up to 2^%u commands queued", field_get32(SMMUV3_IDR1_CMDQS, ids.idr1));
	piommu_caps_value(fn, ctx, "EVENTQS", "up to 2^%u events queued", field_get32(SMMUV3_IDR1_EVENTQS, ids.idr1));
	if (ids.idr0 & SMMUV3_IDR0_PRI)
		piommu_caps_value(fn, ctx, "PRIQS", "up to 2^%u page requests queued",
				  field_get32(SMMUV3_IDR1_PRIQS, ids.idr1));
	FLAGS(idr1_flags, ids.idr1, fn, ctx);
	FLAGS(idr3_flags, ids.idr3, fn, ctx);
	piommu_caps_value(fn, ctx, "BBML", "break-before-make level %u", field_get32(SMMUV3_IDR3_BBML, ids.idr3));
	describe_idr5(ids.idr5, fn, ctx);
}

void smmuv3_version(const struct piommu_unit_facts *facts, struct piommu_window *window, char *text, size_t len)
{
	bool known = window || (facts && facts->caps_known);
	uint32_t aidr = window ? piommu_read32(window, SMMUV3_AIDR) : known ? facts->version : UINT32_MAX;

	if (!known || aidr == UINT32_MAX)
		snprintf(text, len, "%s", "");
	else
		snprintf(text, len, "%u.%u", 3 + field_get32(SMMUV3_AIDR_MAJOR, aidr), field_get32(SMMUV3_AIDR_MINOR, aidr));
}
