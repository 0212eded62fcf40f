/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Looking at a unit without touching it: a translation step by step, from sCR0 down, as hardware would do it, and the identification
 * registers in words. Reads registers and memory, writes neither; a window for inspection is enough. Slow path, any thread.
 * Specification: 2.1, 2.3, 2.4, 9.6, 10.2, 16.5; the tables: Arm ARM (DDI 0487), D8.3.
 */
#include <inttypes.h>
#include <stdio.h>

#include "arm_walk.h"
#include "smmuv2.h"

/* ---- Steps -------------------------------------------------------------------------------------------------------------------------- */

struct walk {
	struct piommu_steps steps;
	struct smmuv2 smmu; /* its layout, and where its registers are */
};

static void add_fault(struct walk *walk, uint32_t reason)
{
	piommu_steps_add(&walk->steps, "result", "blocked, %s", smmuv2_fault_name(reason));
}

static void say_fault(enum arm_fault fault, char *text, size_t len)
{
	static const uint32_t reasons[] = {
		[ARM_TRANSLATION] = SMMUV2_FSR_TF,
		[ARM_ADDRESS_SIZE] = SMMUV2_FSR_ASF,
		[ARM_ACCESS_FLAG] = SMMUV2_FSR_AFF,
		[ARM_PERMISSION] = SMMUV2_FSR_PF,
	};

	snprintf(text, len, "%s", smmuv2_fault_name(reasons[fault]));
}

static void add_passes(struct walk *walk, uint64_t pa, const char *why)
{
	piommu_steps_add(&walk->steps, "result", "reads and writes reach 0x%" PRIx64 "%s", pa, why);
}

static uint32_t read_reg(struct walk *walk, unsigned off)
{
	return piommu_read32(walk->smmu.window, off);
}

/* ---- The context bank ---------------------------------------------------------------------------------------------------------------- */

struct bank {
	unsigned n;
	uint32_t sctlr, tcr, cbar, cba2r;
	uint64_t ttbr0;
};

/* @return NULL; or why its tables are not decoded */
static const char *read_tables(const struct bank *bank, struct arm_walk *t)
{
	static const uint8_t granules[] = { 12, 16, 14, 0 };
	unsigned type = field_get32(SMMUV2_CBAR_TYPE, bank->cbar);
	bool aarch64 = bank->cba2r & SMMUV2_CBA2R_VA64;
	unsigned size = field_get32(SMMUV2_TCR_S32_T0SZ, bank->tcr);

	t->stage2 = type == SMMUV2_STAGE2;
	if (type > SMMUV2_STAGE1_BYPASS)
		return "tables of a second stage behind the first are not decoded";
	if (!aarch64 && !(bank->tcr & SMMUV2_TCR_EAE))
		return "tables of the short format are not decoded";
	t->granule_lg2 = aarch64 ? granules[field_get32(SMMUV2_TCR_TG0, bank->tcr)] : 12;
	if (!t->granule_lg2)
		return "its granule is a reserved one";
	if (aarch64)
		t->bits = 64 - field_get32(SMMUV2_TCR_T0SZ, bank->tcr);
	else
		t->bits = t->stage2 && size & 0x10 ? 32 + (32 - size) : 32 - (size & 0xf);
	t->root_pa = bank->ttbr0 & SMMUV2_TTBR_ADDR;
	if (t->stage2)
		t->start = (t->granule_lg2 == 12 ? 2 : 3) -
			   field_get32(SMMUV2_TCR_SL0, bank->tcr); /* wraps where it makes no sense */
	else
		t->start = arm_walk_start(t->bits, t->granule_lg2);
	return t->bits < 25 || t->bits > 48 || t->start > 3 ? "its width is a reserved one" : NULL;
}

static void walk_bank(struct walk *walk, const struct bank *bank, uint64_t iova)
{
	struct arm_walk t = {
		.say_fault = say_fault,
		.pa_bits = smmuv2_address_bits(field_get32(SMMUV2_IDR2_OAS, walk->smmu.idr[2])),
	};
	const char *why = read_tables(bank, &t);
	struct piommu_walk_step *step;
	char what[32];

	snprintf(what, sizeof(what), "context bank %u", bank->n);
	if (!(bank->sctlr & SMMUV2_SCTLR_M))
		step = piommu_steps_add(&walk->steps, what, "does not translate");
	else if (why)
		step = piommu_steps_add(&walk->steps, what, "%s", why);
	else
		step = piommu_steps_add(&walk->steps, what, "stage %u, %s %u, %u bits, granule of %u KiB, table at 0x%" PRIx64,
					t.stage2 ? 2 : 1, t.stage2 ? "VMID" : "ASID",
					t.stage2 ? field_get32(SMMUV2_CBAR_VMID, bank->cbar) |
							   field_get32(SMMUV2_CBA2R_VMID16, bank->cba2r)
						 : (unsigned)field_get(SMMUV2_TTBR_ASID, bank->ttbr0),
					t.bits, 1u << (t.granule_lg2 - 10), t.root_pa);
	piommu_step_raw(step, bank->sctlr);
	piommu_step_raw(step, bank->tcr);
	piommu_step_raw(step, bank->ttbr0);
	piommu_step_raw(step, bank->cbar);
	piommu_step_raw(step, bank->cba2r);
	if (!(bank->sctlr & SMMUV2_SCTLR_M))
		add_passes(walk, iova, "");
	else if (why)
		return;
	else
		arm_walk_pages(&walk->steps, &t, iova);
}

static void read_bank(struct walk *walk, unsigned n, struct bank *bank)
{
	const struct smmuv2 *smmu = &walk->smmu;
	unsigned cb = smmuv2_cb(smmu, n, 0);

	bank->n = n;
	bank->sctlr = read_reg(walk, cb + SMMUV2_CB_SCTLR);
	bank->tcr = read_reg(walk, cb + SMMUV2_CB_TCR);
	bank->cbar = read_reg(walk, smmuv2_gr1(smmu, SMMUV2_CBAR(n)));
	/* Who has no tables of AArch64 has no such register. */
	bank->cba2r = smmu->idr[2] & SMMUV2_IDR2_PTFSV8 ? read_reg(walk, smmuv2_gr1(smmu, SMMUV2_CBA2R(n))) : 0;
	/* In two parts, which every unit takes. */
	bank->ttbr0 = read_reg(walk, cb + SMMUV2_CB_TTBR0) | (uint64_t)read_reg(walk, cb + SMMUV2_CB_TTBR0 + 4) << 32;
}

/* ---- The stream ---------------------------------------------------------------------------------------------------------------------- */

/* @return how many mappings match; the last is in `*n` */
static unsigned find_streams(struct walk *walk, uint32_t scr0, uint32_t id, unsigned *n)
{
	bool extended = scr0 & SMMUV2_SCR0_EXIDENABLE;
	unsigned found = 0;

	if (!walk->smmu.matching) {
		*n = id;
		return id < walk->smmu.nstreams;
	}
	for (unsigned i = 0; i < walk->smmu.nstreams; i++) {
		uint32_t smr = read_reg(walk, SMMUV2_SMR(i));
		uint32_t s2cr = read_reg(walk, SMMUV2_S2CR(i));

		if (!smmuv2_smr_valid(extended, smr, s2cr) ||
		    (smmuv2_smr_id(extended, smr) ^ id) & ~smmuv2_smr_mask(extended, smr))
			continue;
		*n = i;
		found++;
	}
	return found;
}

static void walk_stream(struct walk *walk, uint32_t scr0, unsigned n, uint64_t iova)
{
	static const char *const types[] = { "translated by context bank ", "bypass", "fault", "a reserved type" };
	uint32_t s2cr = read_reg(walk, SMMUV2_S2CR(n));
	uint32_t smr = walk->smmu.matching ? read_reg(walk, SMMUV2_SMR(n)) : 0;
	bool extended = scr0 & SMMUV2_SCR0_EXIDENABLE;
	unsigned type = smmuv2_s2cr_type(s2cr);
	unsigned bank_n = field_get32(SMMUV2_S2CR_CBNDX, s2cr);
	struct piommu_walk_step *step;
	struct bank bank;
	char what[32], number[12] = "";

	if (type == SMMUV2_TRANSLATE)
		snprintf(number, sizeof(number), "%u", bank_n);
	snprintf(what, sizeof(what), "stream mapping %u", n);
	if (walk->smmu.matching)
		step = piommu_steps_add(&walk->steps, what, "id 0x%x, mask 0x%x: %s%s", smmuv2_smr_id(extended, smr),
					smmuv2_smr_mask(extended, smr), types[type], number);
	else
		step = piommu_steps_add(&walk->steps, what, "%s%s", types[type], number);
	piommu_step_raw(step, smr);
	piommu_step_raw(step, s2cr);
	if (type == SMMUV2_BYPASS) {
		add_passes(walk, iova, "");
	} else if (type != SMMUV2_TRANSLATE) {
		add_fault(walk, SMMUV2_GLOBAL | SMMUV2_GFSR_ICF);
	} else if (bank_n >= walk->smmu.nbanks) {
		add_fault(walk, SMMUV2_GLOBAL | SMMUV2_GFSR_UCBF);
	} else {
		read_bank(walk, bank_n, &bank);
		walk_bank(walk, &bank, iova);
	}
}

unsigned smmuv2_walk(struct piommu_platform *plat, struct piommu_window *window, uint32_t id, uint64_t iova,
		     struct piommu_walk_step *steps, unsigned max)
{
	struct walk walk = { .steps = { .plat = plat, .at = steps, .max = max } };
	uint32_t scr0 = piommu_read32(window, SMMUV2_SCR0);
	struct piommu_walk_step *step;
	unsigned n = 0, found;

	walk.smmu.window = window;
	smmuv2_read_layout(&walk.smmu);
	step = piommu_steps_add(&walk.steps, "registers", "%s, stream ids by %s%s; others %s",
				scr0 & SMMUV2_SCR0_CLIENTPD ? "off" : "on", walk.smmu.matching ? "match" : "index",
				scr0 & SMMUV2_SCR0_EXIDENABLE ? " of 16 bits" : "",
				scr0 & SMMUV2_SCR0_USFCFG ? "fault" : "pass");
	piommu_step_raw(step, scr0);
	piommu_step_raw(step, walk.smmu.idr[0]);
	if (scr0 == UINT32_MAX) {
		piommu_steps_add(&walk.steps, "result", "the unit is gone: its registers read all ones");
		return walk.steps.n;
	}
	if (scr0 & SMMUV2_SCR0_CLIENTPD) {
		add_passes(&walk, iova, ": nothing is translated");
		return walk.steps.n;
	}
	found = find_streams(&walk, scr0, id, &n);
	if (found > 1 && scr0 & SMMUV2_SCR0_SMCFCFG)
		add_fault(&walk, SMMUV2_GLOBAL | SMMUV2_GFSR_SMCF);
	else if (!found && scr0 & SMMUV2_SCR0_USFCFG)
		add_fault(&walk, SMMUV2_GLOBAL | SMMUV2_GFSR_USF);
	else if (found != 1)
		add_passes(&walk, iova, found ? ": several mappings match" : ": no mapping matches");
	else
		walk_stream(&walk, scr0, n, iova);
	return walk.steps.n;
}

/* ---- Capabilities in words -------------------------------------------------------------------------------------------------------------- */

static const struct piommu_cap_flag idr0_flags[] = {
	{ SMMUV2_IDR0_S1TS, "S1TS", "stage 1" },
	{ SMMUV2_IDR0_S2TS, "S2TS", "stage 2" },
	{ SMMUV2_IDR0_NTS, "NTS", "stage 1 and stage 2 nested" },
	{ SMMUV2_IDR0_SMS, "SMS", "stream matching" },
	{ SMMUV2_IDR0_EXIDS, "EXIDS", "stream ids of 16 bits" },
	{ SMMUV2_IDR0_EXSMRGS, "EXSMRGS", "more than 128 stream mappings" },
	{ SMMUV2_IDR0_CTTW, "CTTW", "page walks can be coherent" },
	{ SMMUV2_IDR0_BTM, "BTM", "takes part in broadcast TLB maintenance" },
	{ SMMUV2_IDR0_ATOSNS, "ATOSNS", "no address translation operations" },
	{ SMMUV2_IDR0_SES, "SES", "secure and non-secure worlds" },
};

static const struct piommu_cap_flag idr2_flags[] = {
	{ SMMUV2_IDR2_PTFSV8_4K, "PTFSv8_4kB", "AArch64 tables with a granule of 4 KiB" },
	{ SMMUV2_IDR2_PTFSV8_16K, "PTFSv8_16kB", "AArch64 tables with a granule of 16 KiB" },
	{ SMMUV2_IDR2_PTFSV8_64K, "PTFSv8_64kB", "AArch64 tables with a granule of 64 KiB" },
	{ SMMUV2_IDR2_VMID16S, "VMID16S", "VMIDs of 16 bits" },
	{ SMMUV2_IDR2_HADS, "HADS", "hypervisor context banks" },
};

/* IDR0, IDR1, IDR2, IDR7; from facts as two words of two registers. */
static bool read_ids(const struct piommu_unit_facts *facts, struct piommu_window *window, uint32_t idr[4])
{
	if (window) {
		for (unsigned i = 0; i < 3; i++)
			idr[i] = piommu_read32(window, SMMUV2_IDR0 + 4 * i);
		idr[3] = piommu_read32(window, SMMUV2_IDR0 + 4 * 7);
		return idr[0] != UINT32_MAX;
	}
	if (!facts || !facts->caps_known)
		return false;
	for (unsigned i = 0; i < 4; i++)
		idr[i] = (uint32_t)(facts->cap[i / 2] >> (i % 2 ? 32 : 0));
	return true;
}

void smmuv2_describe(const struct piommu_unit_facts *facts, struct piommu_window *window, piommu_cap_fn fn, void *ctx)
{
	static const char *const aarch32[] = { "long and short AArch32 tables", "long AArch32 tables", "no AArch32 tables",
					       "a reserved code" };
	uint32_t idr[4];

	if (!read_ids(facts, window, idr))
		return;
	piommu_caps_flags(idr0_flags, sizeof(idr0_flags) / sizeof(idr0_flags[0]), idr[0], fn, ctx);
	piommu_caps_value(fn, ctx, "NUMSMRG", "%u stream mappings", field_get32(SMMUV2_IDR0_NUMSMRG, idr[0]));
	piommu_caps_value(fn, ctx, "NUMSIDB", "stream ids of %u bits", field_get32(SMMUV2_IDR0_NUMSIDB, idr[0]));
	fn(ctx, "PTFS", aarch32[field_get32(SMMUV2_IDR0_PTFS, idr[0])]);
	piommu_caps_value(fn, ctx, "NUMCB", "%u context banks", field_get32(SMMUV2_IDR1_NUMCB, idr[1]));
	piommu_caps_value(fn, ctx, "NUMS2CB", "%u of them for stage 2 alone", field_get32(SMMUV2_IDR1_NUMS2CB, idr[1]));
	fn(ctx, "PAGESIZE", idr[1] & SMMUV2_IDR1_PAGESIZE ? "register pages of 64 KiB" : "register pages of 4 KiB");
	piommu_caps_value(fn, ctx, "IAS", "intermediate addresses of %u bits",
			  smmuv2_address_bits(field_get32(SMMUV2_IDR2_IAS, idr[2])));
	piommu_caps_value(fn, ctx, "OAS", "output addresses of %u bits",
			  smmuv2_address_bits(field_get32(SMMUV2_IDR2_OAS, idr[2])));
	piommu_caps_value(fn, ctx, "UBS", "bus addresses of %u bits",
			  smmuv2_address_bits(field_get32(SMMUV2_IDR2_UBS, idr[2])));
	piommu_caps_flags(idr2_flags, sizeof(idr2_flags) / sizeof(idr2_flags[0]), idr[2], fn, ctx);
}

/* The implementation's revision; of the architecture's only firmware tells. */
void smmuv2_version(const struct piommu_unit_facts *facts, struct piommu_window *window, char *text, size_t len)
{
	uint32_t idr[4];

	if (!read_ids(facts, window, idr))
		snprintf(text, len, "%s", "");
	else
		snprintf(text, len, "r%up%u", field_get32(SMMUV2_IDR7_MAJOR, idr[3]), field_get32(SMMUV2_IDR7_MINOR, idr[3]));
}
